-- Every sample message of a Symbol gateway, fed with inject().
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET client_min_messages = error;
SET timezone = 'UTC';
CREATE TEMP TABLE messages (n int GENERATED ALWAYS AS IDENTITY, message text);
CREATE FUNCTION pg_temp.try(source text, message text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN chainstream.inject(source, message) || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;

-- The samples are of the test network.
SELECT chainstream.add_source('symbol', 'symbol', network => 'testnet', url => 'ws://symbol.example:3000', enabled => false);
INSERT INTO chainstream.subscriptions (source, topic)
SELECT 'symbol', topic FROM chainstream.topics('symbol') WHERE NOT by_default;
SELECT chainstream.watch('symbol', '*');
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/symbol && cat block.jsonl finalizedBlock.jsonl confirmedAdded.jsonl unconfirmedAdded.jsonl partialAdded.jsonl cosignature.jsonl status.jsonl unconfirmedRemoved.jsonl partialRemoved.jsonl uid.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT topic, try, count(*)
FROM (SELECT n, split_part(message::json->>'topic', '/', 1) AS topic, pg_temp.try('symbol', message)
	FROM messages ORDER BY n) m GROUP BY 1, 2 ORDER BY min(n);
SELECT topic, status, left(hash, 8) AS hash, height, occurred_at, left(parent_hash, 8) AS parent, left(producer, 12) AS producer
FROM chainstream.blocks ORDER BY id;
SELECT topic, status, left(hash, 8) AS hash, height, left(account, 12) AS account, left(counterparty, 12) AS counterparty,
	direction, amount, asset, fee, ordinal
FROM chainstream.transactions ORDER BY id;
SELECT topic, kind, status, left(hash, 8) AS hash, left(account, 12) AS account FROM chainstream.events ORDER BY id;
TRUNCATE chainstream.blocks, chainstream.transactions, chainstream.events, messages;

-- A gateway of version 2.5 says the same in other words.
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/symbol && cat rest25/confirmedAdded.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT sum(chainstream.inject('symbol', message)) AS rows FROM messages;
SELECT count(*), count(DISTINCT hash) AS hashes, sum(amount) AS amount FROM chainstream.transactions;
CREATE TEMP TABLE paid AS SELECT counterparty FROM chainstream.transactions WHERE asset = 'XYM';
TRUNCATE chainstream.transactions;

-- Deposits: whom the samples send money is watched.
SELECT chainstream.unwatch('symbol', '*');
SELECT chainstream.watch('symbol', ARRAY(SELECT DISTINCT counterparty FROM pg_temp.paid
	WHERE counterparty NOT LIKE '%AAAAAAAA'));	-- the alias of an account is none
TRUNCATE messages;
\copy messages (message) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/symbol/confirmedAdded.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT sum(chainstream.inject('symbol', message)) AS rows FROM messages;
SELECT table_name, topic, status, left(hash, 8) AS hash, left(account, 12) AS account,
	left(counterparty, 12) AS counterparty, direction, amount, asset, fee
FROM chainstream.transfers ORDER BY id;

SELECT chainstream.drop_source('symbol');
TRUNCATE chainstream.blocks, chainstream.transactions, chainstream.events;
