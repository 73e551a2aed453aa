-- The stream tables: made by create_streams(), which the first source calls,
-- and owned by nobody's extension.
\set SHOW_CONTEXT never
SELECT chainstream.create_streams();
SELECT chainstream.create_streams();
SELECT chainstream._drop_partitions('infinity') >= 0 AS emptied;

SELECT c.relname AS relation, c.relkind AS kind,
	count(d.objid) AS extension_member
FROM pg_class c
LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
WHERE c.relnamespace = 'chainstream'::regnamespace
	AND c.relname IN ('blocks', 'transactions', 'events', 'gaps', 'rejects', 'cursors',
		'stream_id_seq', 'transfers', 'transaction_state', 'block_state')
GROUP BY c.oid ORDER BY c.relkind, c.relname COLLATE "C";

\d chainstream.blocks
\d chainstream.transactions
\d chainstream.events
\d chainstream.gaps
\d chainstream.rejects
\d chainstream.cursors

-- Everything explains itself here, too.
SELECT c.relname, a.attname
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind <> 'S'
WHERE c.relnamespace = 'chainstream'::regnamespace
	AND c.relname IN ('blocks', 'transactions', 'events', 'gaps', 'rejects', 'cursors',
		'stream_id_seq', 'transfers', 'transaction_state', 'block_state')
	AND NOT coalesce(a.attisdropped, false)
	AND (obj_description(c.oid, 'pg_class') IS NULL
		OR a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL);

-- The latest status of a transaction.  Each case is one account; its rows are
-- the statuses in the order they came.
BEGIN;
SELECT chainstream._create_partitions('2026-01-01', '2026-01-01', '1 day') > 0 AS room;
CREATE TEMP TABLE cases (account text, statuses text[]);
INSERT INTO cases VALUES
	('01 announced', '{pending}'),
	('02 confirmed', '{pending, confirmed}'),
	('03 finalized', '{pending, confirmed, finalized}'),
	('04 late announcement', '{confirmed, pending}'),
	('05 late confirmation', '{finalized, confirmed, pending}'),
	('06 failed', '{pending, failed}'),
	('07 removed', '{pending, removed}'),
	('08 rolled back', '{confirmed, removed}'),
	('09 rolled back, included again', '{confirmed, removed, confirmed}'),
	('10 removed, finalized after all', '{pending, removed, finalized}'),
	('11 removed, announced again', '{pending, removed, pending}'),
	('12 removed twice', '{confirmed, removed, confirmed, removed}'),
	('13 without status', '{NULL}'),
	('14 without, then confirmed', '{confirmed, NULL}');
INSERT INTO chainstream.transactions (received_at, source, topic, status, hash, account, direction, amount, asset, ordinal)
SELECT '2026-01-01 12:00+00', 'test', 'test', s.status, 'HASH', c.account, 'in', 1, 'XNO', 0
FROM cases c, unnest(c.statuses) WITH ORDINALITY AS s (status, n)
ORDER BY c.account, s.n;
SELECT c.account AS sequence, c.statuses, t.status
FROM cases c JOIN chainstream.transaction_state t USING (account)
WHERE t.source = 'test'
ORDER BY c.account;

INSERT INTO chainstream.blocks (received_at, source, topic, status, hash, height)
SELECT '2026-01-01 12:00+00', 'test', 'test', s.status, c.account, 1
FROM cases c, unnest(c.statuses) WITH ORDINALITY AS s (status, n)
ORDER BY c.account, s.n;
SELECT count(*) AS blocks_like_transactions
FROM chainstream.block_state b
JOIN chainstream.transaction_state t ON t.account = b.hash AND t.source = b.source
	AND t.status IS NOT DISTINCT FROM b.status;

-- Money that moved, whichever table it is in.
INSERT INTO chainstream.events (received_at, source, topic, status, hash, transaction_hash, kind, account, counterparty, direction, amount, asset)
VALUES ('2026-01-01 12:00+00', 'test', 'test', 'finalized', 'BLOCK', 'TX', 'token_transfer', 'X', 'Y', 'out', 7, 'TOKEN'),
	('2026-01-01 12:00+00', 'test', 'test', 'finalized', 'BLOCK', 'TX', 'vote', 'X', NULL, NULL, NULL, NULL);
INSERT INTO chainstream.transactions (received_at, source, topic, status, hash, account, counterparty, direction, amount, asset, fee)
VALUES ('2026-01-01 12:00+00', 'test', 'test', 'finalized', 'TX2', 'X', 'Z', 'in', 340282366920938463463374607431768211455, 'XNO', 1),
	('2026-01-01 12:00+00', 'test', 'test', 'finalized', 'TX3', 'X', NULL, 'self', 0, 'XNO', NULL);
SELECT table_name, hash, account, counterparty, direction, amount, asset, fee
FROM chainstream.transfers WHERE source = 'test' AND account = 'X' ORDER BY id;

-- A condition on the account reaches the indexes through the views.
CREATE FUNCTION pg_temp.uses_index(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found_it boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found_it := found_it OR line ~ 'Index Cond: \(\w*\.?\(?account = ''X''::text\)';
	END LOOP;
	RETURN found_it;
END
$$;
SET LOCAL enable_seqscan = off;
SELECT pg_temp.uses_index($$SELECT * FROM chainstream.transfers WHERE account = 'X' AND direction = 'in'$$) AS transfers,
	pg_temp.uses_index($$SELECT * FROM chainstream.transaction_state WHERE account = 'X'$$) AS transaction_state;

-- A status or direction that is none is refused.
SAVEPOINT s;
\set VERBOSITY terse
INSERT INTO chainstream.blocks (received_at, source, topic, status) VALUES ('2026-01-01 12:00+00', 'test', 'test', 'maybe');
ROLLBACK TO s;
INSERT INTO chainstream.events (received_at, source, topic, direction) VALUES ('2026-01-01 12:00+00', 'test', 'test', 'up');
\set VERBOSITY default
ROLLBACK;

-- create_streams() puts back what is missing, and refuses what does not fit.
BEGIN;
DROP VIEW chainstream.transfers;
DROP TABLE chainstream.cursors;
SELECT chainstream.create_streams();
SELECT to_regclass('chainstream.transfers') IS NOT NULL AS transfers,
	to_regclass('chainstream.cursors') IS NOT NULL AS cursors;
ALTER TABLE chainstream.gaps ADD COLUMN note text;
SELECT chainstream.create_streams();
ALTER TABLE chainstream.gaps DROP COLUMN reason;
ALTER TABLE chainstream.gaps ALTER COLUMN rows_recovered TYPE integer;
SELECT chainstream.create_streams();
ROLLBACK;
