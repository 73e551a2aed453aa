-- Every sample message of a Nano node, fed with inject().
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET client_min_messages = error;
SET timezone = 'UTC';
SELECT chainstream.add_source('nano', 'nano', enabled => false);
INSERT INTO chainstream.subscriptions (source, topic)
SELECT 'nano', topic FROM chainstream.topics('nano') WHERE NOT by_default;

CREATE TEMP TABLE messages (n int GENERATED ALWAYS AS IDENTITY, message text);
CREATE FUNCTION pg_temp.try(message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	RETURN chainstream.inject('nano', message) || ' rows';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE || ': ' || SQLERRM, detail);
END
$$;

-- Nothing is watched yet: what happens to accounts is not taken.
\copy messages (message) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/nano/confirmation.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT count(*), sum(chainstream.inject('nano', message)) AS rows FROM messages;

-- With "*", each is one row, from the point of view of the account whose
-- chain the block is on.
SELECT chainstream.watch('nano', '*');
SELECT n, pg_temp.try(message) FROM messages ORDER BY n;
SELECT left(hash, 8) AS hash, status, height, occurred_at, left(account, 10) AS account,
	left(counterparty, 10) AS counterparty, direction, amount, asset, fee, ordinal
FROM chainstream.transactions WHERE source = 'nano' ORDER BY id;
-- The message is kept as it came.
SELECT count(*) AS verbatim
FROM messages m JOIN chainstream.transactions t ON t.payload::text = m.message
WHERE t.source = 'nano';
TRUNCATE chainstream.transactions, messages;

-- With a watch list, each watched party has a row of its own.
SELECT chainstream.unwatch('nano', '*');
SELECT chainstream.watch('nano', ARRAY[
	'nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc',
	'nano_11p7y8een13ggixxt1ruxz6cchposphsfpx9nxgjtyhrz64apesgnad9ot1x',
	'nano_1w77aapnijnm5mo16r3xtpqu7n459r61fqpcdt3kxfmz8gtqgzbozswxmduy']);
\copy messages (message) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/nano/confirmation.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT sum(chainstream.inject('nano', message)) AS rows FROM messages;
SELECT left(hash, 8) AS hash, left(account, 10) AS account, left(counterparty, 10) AS counterparty,
	direction, amount, status, ordinal
FROM chainstream.transactions WHERE source = 'nano' ORDER BY id;
-- So this is the detection of deposits.
SELECT left(account, 10) AS account, amount, asset, left(hash, 8) AS hash
FROM chainstream.transfers
WHERE source = 'nano' AND direction = 'in' AND status = 'finalized' ORDER BY id;
TRUNCATE chainstream.transactions, messages;

-- The other topics.
SELECT chainstream.watch('nano', '*');
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/nano && cat new_unconfirmed_block.jsonl nano_to_binary.jsonl vote.jsonl started_election.jsonl stopped_election.jsonl work.jsonl telemetry.jsonl bootstrap.jsonl active_difficulty.jsonl ack.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT topic, try, count(*)
FROM (SELECT n, message::json->>'topic' AS topic, pg_temp.try(message)
	FROM messages ORDER BY n) m GROUP BY 1, 2 ORDER BY min(n);
SELECT topic, left(hash, 8) AS hash, status, left(account, 10) AS account,
	left(counterparty, 10) AS counterparty, direction, amount, asset
FROM chainstream.transactions WHERE source = 'nano' ORDER BY id;
SELECT topic, kind, left(hash, 8) AS hash, status, left(account, 10) AS account, occurred_at, ordinal
FROM chainstream.events WHERE source = 'nano' ORDER BY id;

-- The bytes as a node writes them.
\set wire `cat "$PG_ABS_SRCDIR"/test/samples/nano/wire/confirmation-send.txt`
SELECT chainstream.inject('nano', :'wire');

-- Banano is a network of the same provider.
SELECT chainstream.add_source('banano', 'nano', network => 'banano', url => 'ws://banano.example', enabled => false);
SELECT chainstream.watch('banano', '*');
\set message `cat "$PG_ABS_SRCDIR"/test/samples/nano/banano.jsonl`
SELECT chainstream.inject('banano', :'message');
SELECT left(hash, 8) AS hash, left(account, 10) AS account, left(counterparty, 10) AS counterparty,
	direction, amount, asset, status
FROM chainstream.transactions WHERE source = 'banano';

-- A source can leave the messages out.
SELECT chainstream.alter_source('banano', options => '{"payload": false}');
SELECT chainstream.inject('banano', :'message');
SELECT payload IS NULL AS left_out, count(*) FROM chainstream.transactions WHERE source = 'banano' GROUP BY 1 ORDER BY 1;

-- A reject can be tried again, once the reason is gone.
INSERT INTO chainstream.rejects (source, reason, message) VALUES ('banano', 'tested', convert_to(:'message', 'UTF8'))
RETURNING id \gset
SELECT chainstream.retry_reject(:id);
SELECT count(*) FROM chainstream.rejects;

SELECT chainstream.drop_source('nano'), chainstream.drop_source('banano');
TRUNCATE chainstream.transactions, chainstream.events;
