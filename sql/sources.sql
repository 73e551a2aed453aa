-- Sources: what is followed.  All of them are paused here, so that nothing
-- connects anywhere; and whether the server has the library preloaded makes
-- no difference.
\set SHOW_CONTEXT never
SET client_min_messages = error;

-- Name and provider are enough: the rest is the provider's main network, and
-- its default topics are subscribed.
SELECT chainstream.add_source('nano', 'nano', enabled => false);
SELECT name, provider, urls, network, transport, options, enabled, owner = CURRENT_USER AS mine
FROM chainstream.sources;
SELECT source, topic, arguments, channel, enabled FROM chainstream.subscriptions;

-- Everything said.
SELECT chainstream.add_source('second', provider => 'nano', network => 'beta',
	url => 'ws://[::1]:57000', transport => 'websocket',
	options => '{"payload": false}', token => 'env:CHAINSTREAM_BETA',
	enabled => false);
SELECT name, urls, network, transport, options FROM chainstream.sources WHERE name = 'second';
SELECT * FROM chainstream.credentials;

-- Several endpoints.
SELECT chainstream.add_source('third', 'nano', enabled => false,
	urls => '{wss://a.example, wss://b.example:8443/path?query}');
SELECT urls FROM chainstream.sources WHERE name = 'third';

-- A second source of the same name is an error, which changes nothing.
SELECT chainstream.add_source('nano', 'nano', url => 'ws://elsewhere.example');
SELECT urls FROM chainstream.sources WHERE name = 'nano';

-- Only what is given changes.
SELECT chainstream.alter_source('second', url => 'ws://127.0.0.1:57000');
SELECT chainstream.alter_source('second', options => '{"payload": true}', token => 'another');
SELECT urls, network, transport, options, enabled FROM chainstream.sources WHERE name = 'second';
SELECT * FROM chainstream.credentials;
SELECT chainstream.set_token('second', 'file:beta.token');
SELECT * FROM chainstream.credentials;
SELECT chainstream.set_token('second', NULL);
SELECT * FROM chainstream.credentials;

-- Neither its name, nor its provider and network: what is stored is of them.
UPDATE chainstream.sources SET name = 'other' WHERE name = 'second';
UPDATE chainstream.sources SET provider = 'other' WHERE name = 'second';
UPDATE chainstream.sources SET network = 'mainnet' WHERE name = 'second';

-- On and off.
SELECT name, state FROM chainstream.status ORDER BY name;
BEGIN;
SELECT chainstream.resume('nano');
SELECT enabled FROM chainstream.sources WHERE name = 'nano';
SELECT chainstream.pause('nano');
COMMIT;
SELECT enabled FROM chainstream.sources WHERE name = 'nano';
SELECT name, provider, network, state, connections, messages, bytes, rows, duplicates,
	rejected, reconnects, notifications_skipped, open_gaps, pid
FROM chainstream.status WHERE name = 'nano';

-- Plain SQL is checked and completed in the same way.
INSERT INTO chainstream.sources (name, provider, enabled) VALUES ('plain', 'nano', false);
SELECT urls, network FROM chainstream.sources WHERE name = 'plain';
INSERT INTO chainstream.sources (name, provider, network, enabled) VALUES ('bad', 'nano', 'beta', false);
INSERT INTO chainstream.sources (name, provider, urls) VALUES ('bad', 'nano', '{http://example.com}');
UPDATE chainstream.sources SET urls = '{}' WHERE name = 'plain';

-- What belongs to a source goes with it; what it has stored stays.
SELECT chainstream.watch('plain', '*');
SELECT chainstream.subscribe('plain', 'vote') IS NOT NULL AS subscribed;
INSERT INTO chainstream.cursors (source, scope, position) VALUES ('plain', 'test', '1');
SELECT chainstream.drop_source('plain');
SELECT count(*) FROM chainstream.watches WHERE source = 'plain';
SELECT count(*) FROM chainstream.subscriptions WHERE source = 'plain';
SELECT count(*) FROM chainstream.cursors WHERE source = 'plain';
DELETE FROM chainstream.cursors;

DELETE FROM chainstream.sources;
SELECT count(*) FROM chainstream.subscriptions;
