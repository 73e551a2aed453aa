-- Every sample message of TON Center, fed with inject().
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

SELECT chainstream.add_source('ton', 'toncenter', enabled => false);
INSERT INTO chainstream.subscriptions (source, topic)
SELECT 'ton', topic FROM chainstream.topics('toncenter') WHERE NOT by_default;
-- There is no "everything" here: addresses are watched, and traces.
SELECT chainstream.watch('ton', 'UQCdqXGvONLwOr3zCNX5FjapflorB6ZsOdcdfLrjsDLt3AF4', 'tolya.ton');
\copy messages (message) FROM PROGRAM 'cd "$PG_ABS_SRCDIR"/test/samples/toncenter && cat transactions.jsonl actions.jsonl account_state_change.jsonl jettons_change.jsonl trace_invalidated.jsonl control.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT type, try, count(*)
FROM (SELECT n, message::json->>'type' AS type, pg_temp.try('ton', message)
	FROM messages ORDER BY n) m GROUP BY 1, 2 ORDER BY min(n);
SELECT topic, status, left(hash, 8) AS hash, height, occurred_at, left(account, 8) AS account, left(counterparty, 8) AS counterparty,
	direction, amount, asset, fee
FROM chainstream.transactions ORDER BY id;
SELECT topic, kind, status, left(hash, 8) AS hash, left(account, 8) AS account, left(counterparty, 8) AS counterparty,
	direction, amount, left(asset, 8) AS asset
FROM chainstream.events ORDER BY id;
-- Money that moved, native coin or token, each time once.
SELECT table_name, topic, status, left(hash, 8) AS hash, left(account, 12) AS account,
	left(counterparty, 12) AS counterparty, direction, amount, asset, fee
FROM chainstream.transfers ORDER BY id;

-- The payload of a row is its own part of the message.
SELECT count(*) AS rows, count(*) FILTER (WHERE payload #>> '{transactions,0,account}' = account) AS own_part FROM chainstream.transactions;

SELECT chainstream.drop_source('ton');
TRUNCATE chainstream.transactions, chainstream.events;
