-- What a dump brings back: pg_restore -j loads the configuration tables in any
-- order, perhaps before the roles are there.  It is recognized by what every
-- dump sets first.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT chainstream.create_streams();

-- Otherwise the order matters.
COPY chainstream.watches (watch_id, source, kind, target) FROM stdin;
1000000	nano	address	nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc
\.

SET check_function_bodies = false;
SET row_security = off;
COPY chainstream.watches (watch_id, source, kind, target, label) FROM stdin;
1000000	nano	address	nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc	till
\.
COPY chainstream.subscriptions (subscription_id, source, topic, arguments, enabled) FROM stdin;
1000000	nano	confirmation	{}	t
1000001	nano	vote	{"include_replays": true}	f
\.
COPY chainstream.sources (name, provider, urls, network, options, enabled, owner) FROM stdin;
nano	nano	{wss://ws.nano.to}	mainnet	{}	f	regress_chain_missing
\.
-- What is wrong is refused all the same, once the source is known.
COPY chainstream.watches (watch_id, source, kind, target) FROM stdin;
1000001	nano	address	nano_1
\.
RESET check_function_bodies;
RESET row_security;

SELECT name, owner FROM chainstream.sources;
SELECT topic, arguments, enabled FROM chainstream.subscriptions ORDER BY subscription_id;
SELECT target, label FROM chainstream.watches;

-- The source of a missing role can be given to another.
SELECT chainstream.alter_source('nano', owner => CURRENT_USER);
SELECT owner = CURRENT_USER AS mine FROM chainstream.sources;
SELECT chainstream.drop_source('nano');
SELECT count(*) FROM chainstream.watches;
SELECT count(*) FROM chainstream.subscriptions;
