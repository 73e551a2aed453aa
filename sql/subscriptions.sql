-- Subscriptions: the topics of a source.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT chainstream.add_source('nano', 'nano', enabled => false);

-- The number that subscribe() returns is what unsubscribe() takes.
SELECT chainstream.subscribe('nano', 'vote', '{"include_replays": true}', 'votes') AS vote \gset
SELECT topic, arguments, channel, enabled, state FROM chainstream.subscription_status
WHERE subscription_id = :vote;

-- A node keeps one subscription per topic, so a source has one, too.  (The
-- numbers in these messages depend on what was subscribed before.)
\set VERBOSITY terse
SELECT chainstream.subscribe('nano', 'vote');
\set VERBOSITY default
-- Another one may wait, disabled.
INSERT INTO chainstream.subscriptions (source, topic, enabled) VALUES ('nano', 'vote', false)
RETURNING subscription_id AS other \gset
SELECT topic, arguments, enabled, state FROM chainstream.subscription_status
WHERE topic = 'vote' ORDER BY subscription_id;
\set VERBOSITY terse
UPDATE chainstream.subscriptions SET enabled = true WHERE subscription_id = :other;
\set VERBOSITY default
UPDATE chainstream.subscriptions SET enabled = false WHERE subscription_id = :vote;
UPDATE chainstream.subscriptions SET enabled = true WHERE subscription_id = :other;

-- Arguments can be changed in place, and are checked again.
UPDATE chainstream.subscriptions SET arguments = '{"include_replays": "yes"}' WHERE subscription_id = :other;
UPDATE chainstream.subscriptions SET arguments = '{"include_replays": false}' WHERE subscription_id = :other;
UPDATE chainstream.subscriptions SET channel = repeat('x', 63) WHERE subscription_id = :other;
SELECT topic, arguments, channel FROM chainstream.subscriptions WHERE subscription_id = :other;

-- What the worker reports shows through; "active" only while it streams.
INSERT INTO chainstream._subscription_states (subscription_id, source, state, detail)
VALUES (:other, 'nano', 'active', NULL);
SELECT state, detail FROM chainstream.subscription_status WHERE subscription_id = :other;
UPDATE chainstream._subscription_states SET state = 'error', detail = 'no such topic';
SELECT state, detail FROM chainstream.subscription_status WHERE subscription_id = :other;
DELETE FROM chainstream._subscription_states;

SELECT chainstream.unsubscribe(:vote), chainstream.unsubscribe(:other);
-- A number that is not there, or no longer.
SELECT chainstream.unsubscribe(0);
SELECT topic FROM chainstream.subscriptions;

SELECT chainstream.drop_source('nano');
