-- Every sample message of a Flow access node, fed with inject().
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

SELECT chainstream.add_source('flow', 'flow', enabled => false);
INSERT INTO chainstream.subscriptions (source, topic, arguments)
SELECT 'flow', topic, CASE topic WHEN 'blocks' THEN '{"block_status": "sealed"}' ELSE '{}' END::jsonb
FROM chainstream.topics('flow') WHERE NOT by_default AND NOT submits;
SELECT chainstream.watch('flow', '*');
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/flow && cat blocks.jsonl block_headers.jsonl block_digests.jsonl events.jsonl account_statuses.jsonl transaction_statuses.jsonl control.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
-- Transactions are watched one by one.
SELECT chainstream.watch_transaction('flow', id)
FROM (SELECT DISTINCT regexp_replace(message::json #>> '{payload,transaction_result,_links,_self}', '.*/', '') AS id
	FROM messages) m WHERE id IS NOT NULL;
SELECT topic, try, count(*)
FROM (SELECT n, message::json->>'topic' AS topic, pg_temp.try('flow', message)
	FROM messages ORDER BY n) m GROUP BY 1, 2 ORDER BY min(n);
SELECT topic, status, left(hash, 8) AS hash, height, occurred_at, left(parent_hash, 8) AS parent FROM chainstream.blocks ORDER BY id;
SELECT topic, status, left(hash, 8) AS hash, left(block_hash, 8) AS block FROM chainstream.transactions ORDER BY id;
SELECT topic, left(kind, 44) AS kind, height, left(transaction_hash, 8) AS transaction, account, counterparty, direction, amount, left(asset, 24) AS asset, ordinal
FROM chainstream.events ORDER BY id;
TRUNCATE chainstream.blocks, chainstream.transactions, chainstream.events;

-- Movements of a watched account, each once.
SELECT chainstream.unwatch('flow', '*');
SELECT chainstream.watch('flow', '{0d744d23165bfb6c,0xE4DB9C640C6E50BA}'::text[]);
SELECT sum(chainstream.inject('flow', message)) AS rows FROM messages WHERE message::json->>'topic' = 'events';
SELECT table_name, topic, status, left(hash, 8) AS hash, left(account, 12) AS account,
	left(counterparty, 12) AS counterparty, direction, amount, asset, fee
FROM chainstream.transfers ORDER BY id;

SELECT chainstream.drop_source('flow');
TRUNCATE chainstream.events, chainstream.transactions;
