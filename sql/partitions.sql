-- Partitions are made ahead by the workers, which call these functions.
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT chainstream.create_streams();
CREATE VIEW partitions AS
SELECT p.partition::text, lower(p.covers) AS first, upper(p.covers) AS last
FROM chainstream._partitions() p WHERE p.parent = 'events'
	AND (lower(p.covers) < '2020-01-01' OR lower_inf(p.covers));
SET timezone = 'America/New_York';

-- One per day, in UTC whatever the session's time zone is.
SELECT chainstream._create_partitions('2019-03-09 23:00+00', '2019-03-11 01:00+00', '1 day');
SELECT partition, first AT TIME ZONE 'UTC' AS first, last AT TIME ZONE 'UTC' AS last FROM partitions ORDER BY first;
-- Asked again there is nothing to do; asked for more only the rest.
SELECT chainstream._create_partitions('2019-03-09 23:00+00', '2019-03-11 01:00+00', '24:00');
SELECT chainstream._create_partitions('2019-03-09 23:00+00', '2019-03-12 00:00+00', '1 day');
-- Steps of hours, weeks from Monday to Sunday.
SELECT chainstream._create_partitions('2019-04-01 10:30+00', '2019-04-01 12:00+00', '1 hour');
SELECT chainstream._create_partitions('2019-05-05 12:00+00', '2019-05-05 12:00+00', '7 days');
SELECT partition, first AT TIME ZONE 'UTC' AS first, last AT TIME ZONE 'UTC' AS last
FROM partitions WHERE first > '2019-04-01' ORDER BY first;

-- What the user has made himself is left alone, and the holes around it are
-- filled exactly.
CREATE TABLE chainstream.events_mine PARTITION OF chainstream.events
	FOR VALUES FROM ('2019-06-01 06:00:00+00') TO ('2019-06-01 18:00:30+00');
CREATE TABLE chainstream.events_p20190602 (x int);
SELECT chainstream._create_partitions('2019-06-01 00:00+00', '2019-06-02 00:00+00', '1 day');
SELECT partition, first AT TIME ZONE 'UTC' AS first, last AT TIME ZONE 'UTC' AS last
FROM partitions WHERE first > '2019-05-31' ORDER BY first;
DROP TABLE chainstream.events_p20190602;

-- They are like the parent: indexes, constraints, generated columns, storage.
BEGIN;
ALTER TABLE chainstream.events ADD COLUMN day date GENERATED ALWAYS AS ((received_at AT TIME ZONE 'UTC')::date) STORED;
ALTER TABLE chainstream.events ALTER COLUMN payload SET STORAGE EXTERNAL;
SELECT chainstream._create_partitions('2019-07-01', '2019-07-01', '1 day');
SET LOCAL timezone = 'UTC';
\d chainstream.events_p20190701
SELECT attname, attstorage FROM pg_attribute
WHERE attrelid = 'chainstream.events_p20190701'::regclass AND attname = 'payload';
INSERT INTO chainstream.events (received_at, source, topic) VALUES ('2019-07-01 12:00', 'test', 'test')
RETURNING tableoid::regclass, day;
ROLLBACK;

-- Readers of the parent are not disturbed: no ACCESS EXCLUSIVE lock on it.
BEGIN;
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', '1 day');
SELECT relation::regclass::text, bool_or(mode = 'AccessExclusiveLock') AS readers_wait FROM pg_locks
WHERE relation IN ('chainstream.blocks'::regclass, 'chainstream.transactions'::regclass, 'chainstream.events'::regclass)
	AND pid = pg_backend_pid()
GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- With a DEFAULT partition there are no holes.
BEGIN;
CREATE TABLE chainstream.events_default PARTITION OF chainstream.events DEFAULT;
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', '1 day');
ROLLBACK;
-- A table that is partitioned in another way, or not at all, is left alone.
BEGIN;
ALTER TABLE chainstream.events RENAME TO events_before;
CREATE TABLE chainstream.events (LIKE chainstream.events_before INCLUDING DEFAULTS);
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', '1 day');
ROLLBACK;

-- Nonsense.
SELECT chainstream._create_partitions('2019-08-02', '2019-08-01', '1 day');
SELECT chainstream._create_partitions('-infinity', '2019-08-01', '1 day');
SELECT chainstream._create_partitions(NULL, '2019-08-01', '1 day');
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', '1 month');
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', '0');
SELECT chainstream._create_partitions('2019-08-01', '2019-08-01', NULL);
SELECT chainstream._create_partitions('2019-01-01', '2019-12-31', '1 minute');

-- Old ones are dropped whole; what reaches beyond the limit stays.
SELECT chainstream._drop_partitions('2019-03-11 12:00+00');
SELECT partition FROM partitions ORDER BY first;
-- One that something depends on does not keep the others.
CREATE VIEW dependent AS SELECT * FROM chainstream.events_p20190311;
SELECT chainstream._drop_partitions('2019-06-01 12:00+00');
SELECT partition FROM partitions ORDER BY first;
DROP VIEW dependent;
SELECT chainstream._drop_partitions('2020-01-01') > 0 AS dropped;
SELECT partition FROM partitions ORDER BY first;
SELECT chainstream._drop_partitions(NULL);

DROP VIEW partitions;
