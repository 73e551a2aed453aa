-- Watches: the addresses a source looks out for.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT chainstream.add_source('nano', 'nano', enabled => false);

-- Every spelling of an address is the same watch.
SELECT chainstream.watch('nano', 'nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS new;
SELECT chainstream.watch('nano', 'xrb_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS new;
-- A label can be given then or later.
SELECT chainstream.watch('nano', 'xrb_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc', 'till 1') AS new;
SELECT chainstream.watch('nano', 'nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox', label => 'till 2') AS new;
-- No label leaves that which is there.
SELECT chainstream.watch('nano', 'nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox') AS new;
SELECT source, kind, target, label, state, since, detail FROM chainstream.watch_status ORDER BY target;

-- Many at once: of these, two are the same and one is watched already.
SELECT chainstream.watch('nano', ARRAY[
	'nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3',
	'xrb_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3',
	'nano_1took1orwwfohx7qf13pju7144o8d4qzxizx14pua7cxsuinxzjbb6goarud',
	'nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox']) AS new;
-- One wrong address, and nothing is added.
SELECT chainstream.watch('nano', ARRAY[
	'nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma',
	'nano_3t7k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3']);
SELECT chainstream.watch('nano', '{}'::text[]) AS new;
SELECT target, label FROM chainstream.watches ORDER BY target;

-- Everything.
SELECT chainstream.watch('nano', '*') AS new;
SELECT chainstream.unwatch('nano', '*') AS watched;

-- Plain SQL is checked and made canonical in the same way.
INSERT INTO chainstream.watches (source, target)
VALUES ('nano', 'xrb_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma')
RETURNING kind, target;
INSERT INTO chainstream.watches (source, target)
VALUES ('nano', 'nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma');
UPDATE chainstream.watches SET target = '*' WHERE label = 'till 1';
UPDATE chainstream.watches SET label = 'till one' WHERE label = 'till 1';

-- What the worker reports shows through; "active" only while it streams.
INSERT INTO chainstream._watch_states (watch_id, source, state, detail)
SELECT watch_id, source, 'active', NULL FROM chainstream.watches WHERE label = 'till one';
INSERT INTO chainstream._watch_states (watch_id, source, state, detail)
SELECT watch_id, source, 'over_limit', 'only one account allowed' FROM chainstream.watches WHERE label = 'till 2';
SELECT label, state, since IS NOT NULL AS since, detail FROM chainstream.watch_status
WHERE label IS NOT NULL ORDER BY label;
DELETE FROM chainstream._watch_states;

-- No longer.
SELECT chainstream.unwatch('nano', 'xrb_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS watched;
SELECT chainstream.unwatch('nano', 'nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS watched;
SELECT chainstream.unwatch('nano', ARRAY[
	'xrb_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3',
	'nano_1took1orwwfohx7qf13pju7144o8d4qzxizx14pua7cxsuinxzjbb6goarud',
	'nano_1111111111111111111111111111111111111111111111111111hifc8npp']) AS watched;
SELECT target FROM chainstream.watches ORDER BY target;

-- Each network has addresses of its own.
SELECT chainstream.add_source('banano', 'nano', network => 'banano', url => 'ws://banano.example', enabled => false);
SELECT chainstream.watch('banano', 'ban_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS new;
SELECT chainstream.watch('banano', 'nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc') AS new;

-- The provider cannot look out for a single transaction.
SELECT chainstream.watch_transaction('nano', '5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C');
SELECT chainstream.unwatch_transaction('nano', '5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C') AS watched;

SELECT chainstream.drop_source('nano'), chainstream.drop_source('banano');
