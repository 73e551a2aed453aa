-- An admin, an operator and a reader, made by nothing but the GRANTs that
-- doc/privileges.md shows; they are run from there.
\set SHOW_CONTEXT never
SET client_min_messages = error;
\set grants `sed -n '/^...sql$/,/^...$/p' "$PG_ABS_SRCDIR"/doc/privileges.md | sed -E '/^...(sql)?$/d; s/chain_(admin|operator|reader)/regress_chain_\1/g'`
\o /dev/null
:grants
\o
CREATE ROLE regress_chain_root;
CREATE ROLE regress_chain_other;
GRANT SELECT, INSERT, UPDATE, DELETE ON chainstream.sources, chainstream.credentials TO regress_chain_other;
SELECT chainstream.add_source('root', 'nano', token => 'root-secret', owner => 'regress_chain_root', enabled => false);

-- Nobody in particular can do nothing but look things up.
CREATE ROLE regress_chain_nobody;
SET ROLE regress_chain_nobody;
SELECT topic FROM chainstream.topics('nano') WHERE by_default;
SELECT chainstream.canonical_address('nano', 'xrb_1111111111111111111111111111111111111111111111111111hifc8npp');
SELECT chainstream.add_source('mine', 'nano');
SELECT chainstream.watch('root', '*');
SELECT * FROM chainstream.sources;
SELECT * FROM chainstream.status;
SELECT * FROM chainstream.transactions;
SELECT chainstream.create_streams();
SELECT chainstream._drop_partitions('infinity');
RESET ROLE;

-- The admin adds sources, whose workers run as him.
SET ROLE regress_chain_admin;
SELECT chainstream.add_source('mine', 'nano', token => 'admin-secret', enabled => false);
SELECT name, owner, urls FROM chainstream.sources ORDER BY name;
SELECT chainstream.alter_source('mine', url => 'ws://127.0.0.1:1');
SELECT chainstream.subscribe('mine', 'vote') IS NOT NULL AS subscribed;
SELECT chainstream.watch('mine', '*');
SELECT name, state FROM chainstream.status ORDER BY name;
SELECT target, state FROM chainstream.watch_status;
-- He sees his token only, and cannot touch another's source but to switch it.
SELECT * FROM chainstream.credentials;
SELECT chainstream.set_token('root', 'mine-now');
UPDATE chainstream.credentials SET token = 'mine-now' WHERE source = 'root';
DELETE FROM chainstream.credentials WHERE source = 'root';
SELECT chainstream.alter_source('root', url => 'ws://elsewhere.example');
UPDATE chainstream.sources SET owner = CURRENT_USER WHERE name = 'root';
SELECT chainstream.drop_source('root');
BEGIN;
SELECT chainstream.resume('root');
SELECT chainstream.pause('root');
COMMIT;
-- Nor can he make a source run as somebody he is not.
SELECT chainstream.add_source('theirs', 'nano', owner => 'regress_chain_root', enabled => false);
UPDATE chainstream.sources SET owner = 'regress_chain_other' WHERE name = 'mine';
-- As the owner of a source he may write the tables, as his worker does.
SELECT chainstream._create_partitions('2018-01-01', '2018-01-01', '1 day') > 0 AS created;
INSERT INTO chainstream.events (received_at, source, topic) VALUES ('2018-01-01 12:00', 'mine', 'test');
SELECT count(*) FROM chainstream.events WHERE source = 'mine';
SELECT chainstream.inject('mine', '{"topic":"confirmation","time":"1","message":{"account":"nano_1111111111111111111111111111111111111111111111111111hifc8npp","amount":"1","hash":"0000000000000000000000000000000000000000000000000000000000000000","confirmation_type":"inactive"}}') AS rows;
-- But not change history, or drop what the retention setting keeps, or put a
-- trigger where others write.
DELETE FROM chainstream.events;
UPDATE chainstream.events SET topic = 'changed';
TRUNCATE chainstream.events;
CREATE TRIGGER t BEFORE INSERT ON chainstream.events FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT chainstream._grant_writer('regress_chain_nobody');
RESET ROLE;
SET SESSION AUTHORIZATION regress_chain_admin;
SELECT chainstream._drop_partitions('infinity');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM chainstream.events WHERE source = 'mine';
DELETE FROM chainstream.events WHERE source = 'mine';
DELETE FROM chainstream.transactions WHERE source = 'mine';

-- The operator watches and switches, and that is all.
SET ROLE regress_chain_operator;
SELECT chainstream.watch('mine', 'nano_1111111111111111111111111111111111111111111111111111hifc8npp', 'burned');
SELECT chainstream.watch('mine', 'nano_1111111111111111111111111111111111111111111111111111hifc8npp', 'lost');
SELECT chainstream.watch('mine', ARRAY['nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3']);
SELECT chainstream.unwatch('mine', '*'),
	chainstream.unwatch('mine', ARRAY['xrb_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3']);
SELECT source, target, label, state FROM chainstream.watch_status;
BEGIN;
SELECT chainstream.resume('root');
SELECT chainstream.pause('root');
COMMIT;
SELECT name, state, open_gaps FROM chainstream.status ORDER BY name;
SELECT chainstream.add_source('ops', 'nano');
SELECT chainstream.alter_source('mine', url => 'ws://elsewhere.example');
UPDATE chainstream.sources SET urls = '{ws://elsewhere.example}';
SELECT chainstream.subscribe('mine', 'work');
SELECT chainstream.drop_source('mine');
SELECT * FROM chainstream.credentials;
SELECT * FROM chainstream.transactions;
RESET ROLE;

-- The reader reads.
SET ROLE regress_chain_reader;
SELECT count(*) >= 0 AS may FROM chainstream.transactions;
SELECT count(*) >= 0 AS may FROM chainstream.transfers;
SELECT count(*) >= 0 AS may FROM chainstream.transaction_state;
SELECT count(*) AS watches FROM chainstream.watch_status;
SELECT name, state FROM chainstream.status ORDER BY name;
SELECT chainstream.watch('mine', '*');
SELECT * FROM chainstream.credentials;
INSERT INTO chainstream.transactions (received_at, source, topic) VALUES (now(), 'x', 'x');
RESET ROLE;

-- Members of the owner are as good as he.
GRANT regress_chain_admin TO regress_chain_other;
SET ROLE regress_chain_other;
SELECT * FROM chainstream.credentials;
UPDATE chainstream.sources SET urls = '{ws://127.0.0.1:2}' WHERE name = 'mine';
RESET ROLE;
SELECT name, urls FROM chainstream.sources ORDER BY name;

-- A new owner gets what he needs; TRIGGER is not among it.
REVOKE regress_chain_admin FROM regress_chain_other;
SELECT has_table_privilege('regress_chain_other', 'chainstream.blocks', 'INSERT') AS before;
SELECT chainstream.alter_source('mine', owner => 'regress_chain_other');
SELECT c.relname, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS granted
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'chainstream'::regnamespace AND a.grantee = 'regress_chain_other'::regrole
GROUP BY c.relname ORDER BY c.relname COLLATE "C";

-- Nothing has to be remembered when a table is made anew.
BEGIN;
DROP TABLE chainstream.gaps;
SELECT chainstream.create_streams();
SELECT has_table_privilege('regress_chain_other', 'chainstream.gaps', 'UPDATE') AS again;
ROLLBACK;

SELECT chainstream.drop_source('mine'), chainstream.drop_source('root');
DROP OWNED BY regress_chain_admin, regress_chain_operator, regress_chain_reader, regress_chain_root, regress_chain_other, regress_chain_nobody;
DROP ROLE regress_chain_admin, regress_chain_operator, regress_chain_reader, regress_chain_root, regress_chain_other, regress_chain_nobody;
