-- DROP EXTENSION leaves the history, and CREATE EXTENSION takes it up again.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT chainstream.add_source('nano', 'nano', enabled => false);
SELECT chainstream._create_partitions('2017-01-01', '2017-01-01', '1 day') > 0 AS created;
INSERT INTO chainstream.transactions (received_at, source, topic, status, hash, account, direction, amount)
VALUES ('2017-01-01 12:00', 'nano', 'confirmation', 'finalized', 'HASH', 'nano_1', 'in', 1);
SELECT max(id) AS before FROM chainstream.transactions WHERE received_at < '2018-01-01' \gset

DROP EXTENSION chainstream;
SELECT to_regclass('chainstream.sources') AS sources;
SELECT source, hash FROM chainstream.transactions WHERE id = :before;
SELECT direction, amount FROM chainstream.transfers WHERE id = :before;

CREATE EXTENSION chainstream;
SELECT count(*) FROM chainstream.sources;
SELECT chainstream.add_source('nano', 'nano', enabled => false);
SELECT source, hash FROM chainstream.transactions WHERE id = :before;
SELECT nextval('chainstream.stream_id_seq') > :before AS ids_go_on;

-- Nothing of the user's depends on the extension, so that it can be dropped
-- without CASCADE even while a source is there.  What is in the way of the
-- history is the user's to decide.
DROP EXTENSION chainstream;

-- Whoever owns the schema could put anything into it.
CREATE ROLE regress_chain_planter;
ALTER SCHEMA chainstream OWNER TO regress_chain_planter;
CREATE EXTENSION chainstream;
ALTER SCHEMA chainstream OWNER TO CURRENT_USER;

-- Tables that somebody else owns are not written to.
CREATE EXTENSION chainstream;
ALTER TABLE chainstream.events OWNER TO regress_chain_planter;
\set VERBOSITY terse
SELECT chainstream.add_source('nano', 'nano', enabled => false);
ALTER TABLE chainstream.events OWNER TO CURRENT_USER;
ALTER VIEW chainstream.transfers OWNER TO regress_chain_planter;
SELECT chainstream.add_source('nano', 'nano', enabled => false);
ALTER VIEW chainstream.transfers OWNER TO CURRENT_USER;
SELECT chainstream.add_source('nano', 'nano', enabled => false);
\set VERBOSITY default

-- Functions and tables that are in the way are not replaced.
DROP EXTENSION chainstream;
CREATE FUNCTION chainstream.pause(name text) RETURNS void LANGUAGE sql AS '';
CREATE EXTENSION chainstream;
DROP FUNCTION chainstream.pause(text);
CREATE TABLE chainstream.sources (x int);
CREATE EXTENSION chainstream;
DROP TABLE chainstream.sources;
DROP ROLE regress_chain_planter;

-- In a schema of its own there is nothing to begin with.
CREATE EXTENSION chainstream;
SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'chainstream';
SELECT chainstream._drop_partitions('2017-01-02') > 0 AS dropped;
