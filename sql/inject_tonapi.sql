-- Every sample message of TonAPI, fed with inject().
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

SELECT chainstream.add_source('tonapi', 'tonapi', transport => 'sse', enabled => false);
INSERT INTO chainstream.subscriptions (source, topic)
SELECT 'tonapi', topic FROM chainstream.topics('tonapi') WHERE NOT by_default;
SELECT chainstream.watch('tonapi', '*');
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/tonapi && cat ws-account_transaction.jsonl ws-trace.jsonl ws-mempool_message.jsonl ws-block.jsonl rest-transaction.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/tonapi && sed -n "s/^data: //p" sse-accounts-transactions.sse sse-accounts-traces.sse sse-mempool.sse sse-mempool-accounts.sse sse-blocks.sse' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT method, try, count(*)
FROM (SELECT n, message::json->>'method' AS method, pg_temp.try('tonapi', message)
	FROM messages ORDER BY n) m GROUP BY 1, 2 ORDER BY min(n);
SELECT topic, status, left(hash, 8) AS hash, height FROM chainstream.blocks ORDER BY id;
SELECT DISTINCT topic, status, left(hash, 8) AS hash, left(account, 8) AS account, left(counterparty, 8) AS counterparty, direction, amount, asset, fee, occurred_at
FROM chainstream.transactions WHERE amount IS NOT NULL ORDER BY hash;
SELECT topic, status, count(*), count(DISTINCT hash) AS hashes, count(DISTINCT account) AS accounts
FROM chainstream.transactions WHERE amount IS NULL GROUP BY 1, 2 ORDER BY 1, 2;
SELECT topic, kind, status, left(hash, 8) AS hash, left(account, 8) AS account FROM chainstream.events ORDER BY id;

SELECT chainstream.drop_source('tonapi');
TRUNCATE chainstream.blocks, chainstream.transactions, chainstream.events;
