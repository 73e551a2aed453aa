-- Bad input: every mistake has its own message and error code, and a hint
-- where there is something to do about it.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT chainstream.add_source('nano', 'nano', enabled => false);

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
\pset format unaligned
\pset tuples_only on

-- Names of sources
SELECT pg_temp.try($$SELECT chainstream.add_source(NULL, 'nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('', 'nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('_mine', 'nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('my source', 'nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source(repeat('x', 64), 'nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source(repeat('x', 63), 'nano', enabled => false)$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('nano', 'nano')$$);

-- Providers, networks, transports
SELECT pg_temp.try($$SELECT chainstream.add_source('x', NULL)$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'Nano')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', network => 'moonnet')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', transport => 'pigeon')$$);
SELECT pg_temp.try($$SELECT * FROM chainstream.topics('bitcoin')$$);
SELECT pg_temp.try($$SELECT * FROM chainstream.options('bitcoin')$$);

-- URLs; what they contain is not repeated
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', network => 'beta')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://a', urls => '{ws://b}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', urls => '{}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', urls => '{ws://a, NULL}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', urls => array_fill('ws://a'::text, '{17}'))$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => '')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'example.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'https://example.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'WSS://example.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://:7078')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws:///path')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://user:password@example.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://exa mple.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => E'ws://example.com/\r\nX-Header: x')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com/ü')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://exam*ple.com')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com:')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com:0')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com:65536')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com:http')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://[::1')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://[]')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://[::1]7078')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://[example.com]')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com/#fragment')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://' || repeat('x', 111))$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', url => 'ws://example.com/' || repeat('x', 2000))$$);

-- Options
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '[]')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '1')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '{"colour": "red"}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '{"payload": "no"}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '{"headers": {"X": 1}}')$$);
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', options => '{"headers": {"X": "a\r\nb"}}')$$);

-- Tokens; they are not repeated either
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', token => '')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', E'secret\r\nX-Header: x')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', repeat('x', 4001))$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'env:')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'env:PGPASSWORD')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'env:CHAINSTREAM_A-B')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'file:')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'file:/etc/passwd')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'file:../secret')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('nano', 'file:.hidden')$$);
SELECT pg_temp.try($$SELECT chainstream.set_token('none', 'x')$$);
SELECT pg_temp.try($$INSERT INTO chainstream.credentials VALUES ('none', 'x')$$);
SELECT pg_temp.try($$INSERT INTO chainstream.credentials VALUES ('nano', NULL)$$);

-- Owners
SELECT pg_temp.try($$SELECT chainstream.add_source('x', 'nano', owner => 'regress_chain_nobody')$$);
SELECT pg_temp.try($$UPDATE chainstream.sources SET owner = 'regress_chain_nobody'$$);

-- Sources that are not there
SELECT pg_temp.try($$SELECT chainstream.alter_source('none', url => 'ws://a')$$);
SELECT pg_temp.try($$SELECT chainstream.drop_source('none')$$);
SELECT pg_temp.try($$SELECT chainstream.drop_source(NULL)$$);
SELECT pg_temp.try($$SELECT chainstream.pause('none')$$);
SELECT pg_temp.try($$SELECT chainstream.resume('none')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('none', 'confirmation')$$);
SELECT pg_temp.try($$SELECT chainstream.watch('none', '*')$$);
SELECT pg_temp.try($$SELECT chainstream.watch('none', '{*}'::text[])$$);
SELECT pg_temp.try($$SELECT chainstream.unwatch('none', '*')$$);
SELECT pg_temp.try($$SELECT chainstream.watch_transaction('none', 'x')$$);
SELECT pg_temp.try($$SELECT chainstream.unwatch_transaction('none', 'x')$$);
SELECT pg_temp.try($$SELECT chainstream.inject('none', '{}')$$);

-- Subscriptions
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'gossip')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', NULL)$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'vote', '[]')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'vote', '{"colour": "red"}')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'vote', '{"representatives": ["nano_1"]}')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'vote', channel => '')$$);
SELECT pg_temp.try($$SELECT chainstream.subscribe('nano', 'vote', channel => repeat('x', 64))$$);
SELECT regexp_replace(pg_temp.try($$SELECT chainstream.subscribe('nano', 'confirmation')$$), '\d+(?=[).])', 'N', 'g');
SELECT pg_temp.try($$UPDATE chainstream.subscriptions SET source = 'none'$$);
SELECT pg_temp.try($$SELECT chainstream.unsubscribe(0)$$);
SELECT pg_temp.try($$SELECT chainstream.unsubscribe(NULL)$$);

-- Watches
SELECT pg_temp.try($$SELECT chainstream.watch('nano', NULL::text)$$);
SELECT pg_temp.try($$SELECT chainstream.watch('nano', '')$$);
SELECT pg_temp.try($$SELECT chainstream.watch('nano', 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq')$$);
SELECT pg_temp.try($$SELECT chainstream.watch('nano', 'nano_3t7k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3')$$);
SELECT pg_temp.try($$SELECT chainstream.unwatch('nano', 'nano_1')$$);
SELECT pg_temp.try($$INSERT INTO chainstream.watches (source, kind, target) VALUES ('nano', 'block', 'x')$$);
SELECT pg_temp.try($$INSERT INTO chainstream.watches (source, target) VALUES (NULL, '*')$$);
SELECT pg_temp.try($$SELECT chainstream.watch_transaction('nano', 'x')$$);
SELECT pg_temp.try($$SELECT chainstream.unwatch_transaction('nano', 'x')$$);

-- Messages
SELECT pg_temp.try($$SELECT chainstream.inject('nano', 'not JSON')$$);
SELECT pg_temp.try($$SELECT chainstream.inject('nano', '[]')$$);
SELECT pg_temp.try($$SELECT chainstream.inject('nano', '{"topic":"confirmation","time":"1","message":{}}')$$);
SELECT pg_temp.try($$SELECT chainstream.retry_reject(0)$$);

-- The triggers are for the tables they are made for.
CREATE TEMP TABLE mine (name text, owner name);
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION chainstream._prepare_owner();
SELECT pg_temp.try($$INSERT INTO mine VALUES ('x', 'postgres')$$);
DROP TRIGGER t ON mine;
CREATE TRIGGER t AFTER DELETE ON mine FOR EACH ROW EXECUTE FUNCTION chainstream._remove_belongings();
ALTER TABLE mine DISABLE TRIGGER t;
INSERT INTO mine VALUES ('nano', 'postgres');
ALTER TABLE mine ENABLE TRIGGER t;
SELECT pg_temp.try($$DELETE FROM mine$$);
DROP TRIGGER t ON mine;
CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION chainstream._check_source();
SELECT pg_temp.try($$INSERT INTO mine VALUES ('x', 'postgres')$$);

\pset format aligned
\pset tuples_only off
-- Nothing of all this has left a trace.
SELECT name FROM chainstream.sources ORDER BY length(name);
SELECT count(*) FROM chainstream.credentials;
SELECT count(*) FROM chainstream.subscriptions WHERE source = 'nano';
SELECT count(*) FROM chainstream.watches;
DELETE FROM chainstream.sources;
