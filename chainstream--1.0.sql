/* chainstream--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION chainstream" to load this file. \quit

-- Whatever somebody left in the schema must not be found by an unqualified
-- name.  Everything of ours is written with its schema.  Functions that run
-- SQL have a fixed search_path; those in C look up nothing by its bare name.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
	schema_owner name;
BEGIN
	SELECT r.rolname INTO schema_owner
	FROM pg_catalog.pg_namespace n
	JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
	WHERE n.nspname OPERATOR(pg_catalog.=) 'chainstream'
		AND NOT r.rolsuper
		AND r.rolname OPERATOR(pg_catalog.<>) CURRENT_USER;
	IF FOUND THEN
		RAISE EXCEPTION 'schema "chainstream" belongs to role "%"', schema_owner
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Its owner could change the tables and functions of the extension.',
				HINT = 'Give the schema to a superuser with ALTER SCHEMA chainstream OWNER TO ..., once you know what is in it.';
	END IF;
END
$$;

COMMENT ON SCHEMA chainstream IS
	'blockchain notification streams as tables; see function chainstream.add_source()';

GRANT USAGE ON SCHEMA chainstream TO PUBLIC;


-- ====================================================================
-- Reference: what there is to choose from
-- ====================================================================

CREATE FUNCTION chainstream.providers(
	OUT provider text,
	OUT title text,
	OUT network text,
	OUT asset text,
	OUT transport text,
	OUT schemes text[],
	OUT url text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_providers';
COMMENT ON FUNCTION chainstream.providers() IS
	'The providers add_source() knows, one row per network and transport; the first of each is the default. asset is the symbol of the native coin, schemes are those of URLs, url is the public endpoint used when none is given.';

CREATE FUNCTION chainstream.topics(
	INOUT provider text DEFAULT NULL,
	OUT topic text,
	OUT comment text,
	OUT by_default boolean,
	OUT watched boolean,
	OUT single boolean,
	OUT submits boolean)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_topics';
COMMENT ON FUNCTION chainstream.topics(text) IS
	'The topics subscribe() takes, of one provider or of all. by_default: add_source() subscribes it. watched: it delivers what concerns the watched addresses, nothing without any. single: a source can have it once. submits: it hands its arguments to the network, which is what submit() does.';

CREATE FUNCTION chainstream.options(
	INOUT provider text DEFAULT NULL,
	OUT option text,
	OUT type text,
	OUT comment text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_options';
COMMENT ON FUNCTION chainstream.options(text) IS
	'The members the options of a source may have, of one provider or of all; those every source has come first.';

CREATE FUNCTION chainstream.canonical_address(
	provider text, address text, network text DEFAULT NULL)
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_canonical_address';
COMMENT ON FUNCTION chainstream.canonical_address(text, text, text) IS
	'The one spelling of an address that watches and the stream tables use. Raises an error if it is not an address of this network (default: the provider''s first). NULL if provider or address is NULL.';

CREATE FUNCTION chainstream.canonical_transaction(
	provider text, hash text, network text DEFAULT NULL)
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_canonical_transaction';
COMMENT ON FUNCTION chainstream.canonical_transaction(text, text, text) IS
	'The one spelling of a transaction''s hash that watches and the stream tables use. NULL if provider or hash is NULL.';


-- ====================================================================
-- Configuration: four plain tables, which the functions below write
-- ====================================================================

CREATE TABLE chainstream.sources (
	name text PRIMARY KEY,
	provider text NOT NULL,
	urls text[] NOT NULL,
	network text NOT NULL,
	transport text,
	options jsonb NOT NULL DEFAULT '{}',
	enabled boolean NOT NULL DEFAULT true,
	owner name NOT NULL DEFAULT CURRENT_USER,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE chainstream.sources IS
	'The streams to follow, one background worker each. Written by add_source(), alter_source(), drop_source(), pause() and resume(), or by plain SQL.';
COMMENT ON COLUMN chainstream.sources.name IS
	'name of the source: a letter, then letters, digits, "_", "." and "-"; 63 at most';
COMMENT ON COLUMN chainstream.sources.provider IS
	'whose protocol is spoken, see providers(); never changes';
COMMENT ON COLUMN chainstream.sources.urls IS
	'endpoints; NULL becomes the network''s public one';
COMMENT ON COLUMN chainstream.sources.network IS
	'network of the provider, see providers(); NULL becomes its first; never changes';
COMMENT ON COLUMN chainstream.sources.transport IS
	'how the endpoints are spoken to, see providers(); NULL: the provider''s first';
COMMENT ON COLUMN chainstream.sources.options IS
	'settings of this source, see options()';
COMMENT ON COLUMN chainstream.sources.enabled IS
	'whether a worker serves it: false after pause()';
COMMENT ON COLUMN chainstream.sources.owner IS
	'role the worker runs as; only its members may change the source, or see its token';
COMMENT ON COLUMN chainstream.sources.created_at IS
	'when it was added';

CREATE TABLE chainstream.credentials (
	source text PRIMARY KEY
		REFERENCES chainstream.sources ON DELETE CASCADE,
	token text NOT NULL
);
COMMENT ON TABLE chainstream.credentials IS
	'Secrets of the sources, written by set_token(). Each is visible to the members of its source''s owner only, and is not in dumps.';
COMMENT ON COLUMN chainstream.credentials.source IS
	'source the token is for';
COMMENT ON COLUMN chainstream.credentials.token IS
	'the secret itself, or where the worker finds it: env:CHAINSTREAM_NAME, an environment variable of the server, or file:NAME, a file in chainstream.secrets_directory';

ALTER TABLE chainstream.credentials ENABLE ROW LEVEL SECURITY;
CREATE POLICY owners ON chainstream.credentials
	USING (EXISTS (
		SELECT FROM chainstream.sources s
		JOIN pg_catalog.pg_roles r ON r.rolname = s.owner
		WHERE s.name = credentials.source
			AND pg_catalog.pg_has_role(CURRENT_USER, r.oid, 'MEMBER')));
COMMENT ON POLICY owners ON chainstream.credentials IS
	'A token is seen and set by the members of its source''s owner.';

-- Subscriptions and watches belong to their source as by a foreign key, but
-- triggers see to it: pg_restore -j loads the tables of an extension in any
-- order, which a foreign key does not take.

CREATE TABLE chainstream.subscriptions (
	subscription_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source text NOT NULL,
	topic text NOT NULL,
	arguments jsonb NOT NULL DEFAULT '{}',
	channel text,
	enabled boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriptions_source_idx ON chainstream.subscriptions (source);
COMMENT ON TABLE chainstream.subscriptions IS
	'The topics a source is subscribed to. Written by add_source(), subscribe() and unsubscribe(), or by plain SQL.';
COMMENT ON COLUMN chainstream.subscriptions.subscription_id IS
	'number of the subscription, for unsubscribe()';
COMMENT ON COLUMN chainstream.subscriptions.source IS
	'source that is subscribed; never changes';
COMMENT ON COLUMN chainstream.subscriptions.topic IS
	'what it is subscribed to, see topics()';
COMMENT ON COLUMN chainstream.subscriptions.arguments IS
	'arguments of the topic, as its provider defines them';
COMMENT ON COLUMN chainstream.subscriptions.channel IS
	'NOTIFY channel its rows are announced on; NULL: "chainstream"';
COMMENT ON COLUMN chainstream.subscriptions.enabled IS
	'whether it is subscribed at present';
COMMENT ON COLUMN chainstream.subscriptions.created_at IS
	'when it was added';
COMMENT ON SEQUENCE chainstream.subscriptions_subscription_id_seq IS
	'numbers of subscriptions';

CREATE TABLE chainstream.watches (
	watch_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	source text NOT NULL,
	kind text NOT NULL DEFAULT 'address',
	target text NOT NULL,
	label text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source, kind, target)
);
COMMENT ON TABLE chainstream.watches IS
	'The addresses and transactions a source looks out for. Written by watch(), unwatch(), watch_transaction() and unwatch_transaction(), or by plain SQL.';
COMMENT ON COLUMN chainstream.watches.watch_id IS
	'number of the watch';
COMMENT ON COLUMN chainstream.watches.source IS
	'source that looks out for it; never changes';
COMMENT ON COLUMN chainstream.watches.kind IS
	'"address" or "transaction"; never changes';
COMMENT ON COLUMN chainstream.watches.target IS
	'address or hash in canonical form, or "*" for every address; any accepted spelling is stored in that form; never changes';
COMMENT ON COLUMN chainstream.watches.label IS
	'what the user calls it';
COMMENT ON COLUMN chainstream.watches.created_at IS
	'when it was added';
COMMENT ON SEQUENCE chainstream.watches_watch_id_seq IS
	'numbers of watches';

-- What the workers found out.  Not in dumps: it is found out again.

CREATE TABLE chainstream._watch_states (
	watch_id bigint PRIMARY KEY,
	source text NOT NULL,
	state text NOT NULL
		CHECK (state IN ('pending', 'active', 'over_limit', 'error', 'done', 'failed')),
	since timestamptz NOT NULL DEFAULT now(),
	detail text
);
COMMENT ON TABLE chainstream._watch_states IS
	'Internal: what the provider said about each watch, kept by the workers. Read watch_status instead.';
COMMENT ON COLUMN chainstream._watch_states.watch_id IS
	'watch it is about';
COMMENT ON COLUMN chainstream._watch_states.source IS
	'source of the watch';
COMMENT ON COLUMN chainstream._watch_states.state IS
	'pending, active, over_limit, error, done or failed';
COMMENT ON COLUMN chainstream._watch_states.since IS
	'when it came to be so';
COMMENT ON COLUMN chainstream._watch_states.detail IS
	'the provider''s words';

CREATE TABLE chainstream._subscription_states (
	subscription_id bigint PRIMARY KEY,
	source text NOT NULL,
	state text NOT NULL
		CHECK (state IN ('pending', 'active', 'over_limit', 'error', 'idle', 'done', 'failed')),
	since timestamptz NOT NULL DEFAULT now(),
	detail text
);
COMMENT ON TABLE chainstream._subscription_states IS
	'Internal: what the provider said about each subscription, kept by the workers. Read subscription_status instead.';
COMMENT ON COLUMN chainstream._subscription_states.subscription_id IS
	'subscription it is about';
COMMENT ON COLUMN chainstream._subscription_states.source IS
	'source of the subscription';
COMMENT ON COLUMN chainstream._subscription_states.state IS
	'pending, active, over_limit, error, idle, done or failed';
COMMENT ON COLUMN chainstream._subscription_states.since IS
	'when it came to be so';
COMMENT ON COLUMN chainstream._subscription_states.detail IS
	'the provider''s words';

SELECT pg_catalog.pg_extension_config_dump('chainstream.sources', '');
-- What was handed to a network once is no configuration: a copy of the database
-- must not hand it over again.
SELECT pg_catalog.pg_extension_config_dump('chainstream.subscriptions',
	'WHERE topic OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT t.topic FROM chainstream.topics() t WHERE t.submits))');
SELECT pg_catalog.pg_extension_config_dump('chainstream.subscriptions_subscription_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('chainstream.watches', '');
SELECT pg_catalog.pg_extension_config_dump('chainstream.watches_watch_id_seq', '');


-- ====================================================================
-- The stream tables: ordinary tables, not members of the extension, so that
-- dumps carry the history and DROP EXTENSION leaves it alone
-- ====================================================================

CREATE FUNCTION chainstream._stream_columns(
	OUT relation text,
	OUT "position" bigint,
	OUT name text,
	OUT type text,
	OUT definition text,
	OUT comment text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH common (name, type, definition, comment) AS (VALUES
		('id', 'bigint', $d$NOT NULL DEFAULT nextval('chainstream.stream_id_seq')$d$, 'one sequence for all three tables; ascending in commit order within a source'),
		('received_at', 'timestamp with time zone', 'NOT NULL', 'when the message was received; the partition key'),
		('source', 'text', 'NOT NULL', 'source it came from'),
		('topic', 'text', 'NOT NULL', 'topic it came under, see topics()'),
		('status', 'text', $d$CHECK (status IN ('pending', 'confirmed', 'finalized', 'failed', 'removed'))$d$, 'pending, confirmed, finalized (irreversible), failed or removed (announced before, and no longer true)')
	), streams (relation, name, type, definition, comment) AS (
		SELECT t.relation, c.*
		FROM (VALUES ('blocks'), ('transactions'), ('events')) t (relation), common c
		UNION ALL VALUES
		('blocks', 'hash', 'text', '', 'hash of the block, as explorers show it'),
		('blocks', 'height', 'bigint', '', 'height of the block'),
		('blocks', 'occurred_at', 'timestamp with time zone', '', 'time on the chain; NULL when the message has none'),
		('blocks', 'payload', 'json', '', 'what was received about it, verbatim: the message, or its part of a message that lists many things'),
		('blocks', 'parent_hash', 'text', '', 'hash of the block before it'),
		('blocks', 'producer', 'text', '', 'account that made the block'),
		('blocks', 'transaction_count', 'bigint', '', 'number of transactions in it'),

		('transactions', 'hash', 'text', '', 'hash of the transaction, as explorers show it'),
		('transactions', 'height', 'bigint', '', 'height of its block, or on its account''s chain'),
		('transactions', 'occurred_at', 'timestamp with time zone', '', 'time on the chain; NULL when the message has none'),
		('transactions', 'payload', 'json', '', 'what was received about it, verbatim: the message, or its part of a message that lists many things'),
		('transactions', 'account', 'text', '', 'account from whose point of view the row is written'),
		('transactions', 'counterparty', 'text', '', 'the other party; NULL when the message does not say'),
		('transactions', 'direction', 'text', $d$CHECK (direction IN ('in', 'out', 'self'))$d$, 'in, out or self, as the account sees it'),
		('transactions', 'amount', 'numeric', '', 'amount moved, in the smallest unit of the asset'),
		('transactions', 'asset', 'text', '', 'symbol of the native coin, or identifier of the token'),
		('transactions', 'fee', 'numeric', '', 'fee paid, in the smallest unit of the native coin'),
		('transactions', 'block_hash', 'text', '', 'hash of the block it is in'),
		('transactions', 'ordinal', 'integer', '', 'tells the rows of one message apart, from 0'),

		('events', 'hash', 'text', '', 'hash of what the event is about, as explorers show it'),
		('events', 'height', 'bigint', '', 'height of the block it happened in'),
		('events', 'occurred_at', 'timestamp with time zone', '', 'time on the chain; NULL when the message has none'),
		('events', 'payload', 'json', '', 'what was received about it, verbatim: the message, or its part of a message that lists many things'),
		('events', 'kind', 'text', '', 'what happened, in the provider''s words'),
		('events', 'account', 'text', '', 'account from whose point of view the row is written'),
		('events', 'counterparty', 'text', '', 'the other party; NULL when the message does not say'),
		('events', 'direction', 'text', $d$CHECK (direction IN ('in', 'out', 'self'))$d$, 'in, out or self, as the account sees it'),
		('events', 'amount', 'numeric', '', 'amount moved, in the smallest unit of the asset'),
		('events', 'asset', 'text', '', 'symbol of the native coin, or identifier of the token'),
		('events', 'transaction_hash', 'text', '', 'hash of the transaction it belongs to'),
		('events', 'ordinal', 'integer', '', 'tells the rows of one message apart, from 0'),

		('gaps', 'id', 'bigint', 'GENERATED ALWAYS AS IDENTITY PRIMARY KEY', 'number of the gap'),
		('gaps', 'source', 'text', 'NOT NULL', 'source that was not live'),
		('gaps', 'scope', 'text', 'NOT NULL', 'part of the source that was not live'),
		('gaps', 'reason', 'text', 'NOT NULL', 'why'),
		('gaps', 'opened_at', 'timestamp with time zone', 'NOT NULL', 'last moment before it that was provably live'),
		('gaps', 'closed_at', 'timestamp with time zone', '', 'first moment after it that was; NULL: it lasts'),
		('gaps', 'from_position', 'jsonb', '', 'position of the last message before it'),
		('gaps', 'to_position', 'jsonb', '', 'position of the first message after it'),
		('gaps', 'state', 'text', $d$NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'filling', 'filled', 'unfillable'))$d$, 'open, filling, filled, or unfillable: the provider cannot say what happened'),
		('gaps', 'rows_recovered', 'bigint', 'NOT NULL DEFAULT 0', 'rows that filling it has stored'),

		('rejects', 'id', 'bigint', 'GENERATED ALWAYS AS IDENTITY PRIMARY KEY', 'number of the reject, for retry_reject()'),
		('rejects', 'received_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()', 'when the message was received'),
		('rejects', 'source', 'text', 'NOT NULL', 'source it came from'),
		('rejects', 'reason', 'text', 'NOT NULL', 'why it could not be stored'),
		('rejects', 'sqlstate', 'text', '', 'the same as an error code'),
		('rejects', 'message', 'bytea', '', 'the message as received'),

		('cursors', 'source', 'text', 'NOT NULL', 'source'),
		('cursors', 'scope', 'text', 'NOT NULL', 'part of the source'),
		('cursors', 'position', 'jsonb', 'NOT NULL', 'up to where its rows are stored, in the provider''s terms'),
		('cursors', 'updated_at', 'timestamp with time zone', 'NOT NULL DEFAULT now()', 'when that was')
	)
	SELECT s.relation,
		row_number() OVER (PARTITION BY s.relation ORDER BY s.ordinality),
		s.name, s.type, s.definition, s.comment
	FROM (SELECT *, row_number() OVER () AS ordinality FROM streams) s
$$;
COMMENT ON FUNCTION chainstream._stream_columns() IS
	'Internal: the columns of the stream tables, in order.';

CREATE FUNCTION chainstream._stream_relations()
RETURNS SETOF name
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT unnest(ARRAY['stream_id_seq', 'blocks', 'transactions', 'events',
		'gaps', 'rejects', 'cursors', 'transfers', 'transaction_state',
		'block_state']::name[])
$$;
COMMENT ON FUNCTION chainstream._stream_relations() IS
	'Internal: all that create_streams() creates.';

CREATE FUNCTION chainstream._check_streams()
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_owner record;
	missing record;
BEGIN
	-- Whoever owns a table or view decides what using it runs.
	SELECT c.relname, r.rolname INTO found_owner
	FROM pg_class c
	JOIN chainstream._stream_relations() s ON s = c.relname
	JOIN pg_roles r ON r.oid = c.relowner
	WHERE c.relnamespace = 'chainstream'::regnamespace
		AND NOT r.rolsuper AND r.rolname <> CURRENT_USER
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'relation "chainstream.%" belongs to role "%"', found_owner.relname, found_owner.rolname
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('If you trust what is in it, ALTER TABLE chainstream.%I OWNER TO %I.', found_owner.relname, CURRENT_USER);
	END IF;

	SELECT s.relation,
		string_agg(format('%I %s', s.name, s.type), ', ' ORDER BY s.position) AS columns
	INTO missing
	FROM chainstream._stream_columns() s
	JOIN pg_class c ON c.relname = s.relation
		AND c.relnamespace = 'chainstream'::regnamespace
	WHERE NOT EXISTS (
		SELECT FROM pg_attribute a
		WHERE a.attrelid = c.oid AND a.attname = s.name AND NOT a.attisdropped
			AND format_type(a.atttypid, a.atttypmod) = s.type)
	GROUP BY s.relation
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table "chainstream.%" is not as chainstream needs it', missing.relation
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Missing: %s.', missing.columns),
				HINT = 'Rename it, or add the columns, and run SELECT chainstream.create_streams().';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream._check_streams() IS
	'Internal: raises an error unless what there is of the stream tables can serve.';

CREATE FUNCTION chainstream._create_stream_table(relation text, tail text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	definition text;
	line record;
BEGIN
	SELECT string_agg(format('%I %s %s', c.name, c.type, c.definition), ', ' ORDER BY c.position)
	INTO definition
	FROM chainstream._stream_columns() c
	WHERE c.relation = _create_stream_table.relation;
	EXECUTE format('CREATE TABLE chainstream.%I (%s%s', relation, definition, tail);

	FOR line IN
		SELECT c.name, c.comment FROM chainstream._stream_columns() c
		WHERE c.relation = _create_stream_table.relation
	LOOP
		EXECUTE format('COMMENT ON COLUMN chainstream.%I.%I IS %L', relation, line.name, line.comment);
	END LOOP;
END
$$;
COMMENT ON FUNCTION chainstream._create_stream_table(text, text) IS
	'Internal: makes one stream table with the comments of its columns.';

CREATE FUNCTION chainstream._create_stream_views()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	line record;
BEGIN
	IF to_regclass('chainstream.transfers') IS NULL THEN
		CREATE VIEW chainstream.transfers AS
		SELECT 'transactions'::text AS table_name, t.id, t.received_at,
			t.occurred_at, t.source, t.topic, t.status, t.hash, t.height,
			t.account, t.counterparty, t.direction, t.amount, t.asset, t.fee
		FROM chainstream.transactions t
		WHERE t.amount > 0 AND t.direction IS NOT NULL
		UNION ALL
		SELECT 'events'::text, e.id, e.received_at, e.occurred_at, e.source,
			e.topic, e.status, e.transaction_hash, e.height, e.account,
			e.counterparty, e.direction, e.amount, e.asset, NULL::numeric
		FROM chainstream.events e
		WHERE e.amount > 0 AND e.direction IS NOT NULL;
		COMMENT ON VIEW chainstream.transfers IS
			'Money that moved, native coin or token, from the point of view of the account. Deposits: direction = ''in'' AND status = ''finalized''.';
		COMMENT ON COLUMN chainstream.transfers.table_name IS
			'table the row is in: transactions or events';
	END IF;

	IF to_regclass('chainstream.transaction_state') IS NULL THEN
		CREATE VIEW chainstream.transaction_state AS
		SELECT DISTINCT ON (t.source, t.hash, t.account, t.ordinal)
			t.id, t.received_at, t.source, t.topic, t.status, t.hash, t.height,
			t.occurred_at, t.account, t.counterparty, t.direction, t.amount,
			t.asset, t.fee, t.block_hash, t.ordinal
		FROM (
			SELECT r.id, r.received_at, r.source, r.topic, r.status, r.hash,
				r.height, r.occurred_at, r.account, r.counterparty,
				r.direction, r.amount, r.asset, r.fee, r.block_hash, r.ordinal,
				max(r.id) FILTER (WHERE r.status = 'removed') OVER (
					PARTITION BY r.source, r.hash, r.account, r.ordinal
				) AS removed_id
			FROM chainstream.transactions r
			WHERE r.hash IS NOT NULL
		) t
		ORDER BY t.source, t.hash, t.account, t.ordinal,
			CASE
				WHEN t.id < t.removed_id THEN 0
				WHEN t.status IN ('finalized', 'failed') THEN 4
				WHEN t.status = 'confirmed' THEN 3
				WHEN t.status = 'removed' THEN 2
				ELSE 1
			END DESC, t.id DESC;
		COMMENT ON VIEW chainstream.transaction_state IS
			'The latest status of each transaction, per account it concerns and ordinal. Finality moves forward, except that a removal wins over what came before it, and a later confirmation over the removal.';
	END IF;

	IF to_regclass('chainstream.block_state') IS NULL THEN
		CREATE VIEW chainstream.block_state AS
		SELECT DISTINCT ON (b.source, b.hash)
			b.id, b.received_at, b.source, b.topic, b.status, b.hash, b.height,
			b.occurred_at, b.parent_hash, b.producer, b.transaction_count
		FROM (
			SELECT r.id, r.received_at, r.source, r.topic, r.status, r.hash,
				r.height, r.occurred_at, r.parent_hash, r.producer,
				r.transaction_count,
				max(r.id) FILTER (WHERE r.status = 'removed') OVER (
					PARTITION BY r.source, r.hash
				) AS removed_id
			FROM chainstream.blocks r
			WHERE r.hash IS NOT NULL
		) b
		ORDER BY b.source, b.hash,
			CASE
				WHEN b.id < b.removed_id THEN 0
				WHEN b.status IN ('finalized', 'failed') THEN 4
				WHEN b.status = 'confirmed' THEN 3
				WHEN b.status = 'removed' THEN 2
				ELSE 1
			END DESC, b.id DESC;
		COMMENT ON VIEW chainstream.block_state IS
			'The latest status of each block. Finality moves forward, except that a removal wins over what came before it, and a later confirmation over the removal.';
	END IF;

	-- The columns of the views mean what those of the tables do.
	FOR line IN
		SELECT v.relation, c.name, c.comment
		FROM (VALUES ('transfers', 'transactions'),
				('transaction_state', 'transactions'),
				('block_state', 'blocks')) v (relation, base)
		JOIN chainstream._stream_columns() c ON c.relation = v.base
		JOIN pg_attribute a ON a.attname = c.name
			AND a.attrelid = format('chainstream.%I', v.relation)::regclass
		WHERE col_description(a.attrelid, a.attnum) IS NULL
	LOOP
		EXECUTE format('COMMENT ON COLUMN chainstream.%I.%I IS %L', line.relation, line.name, line.comment);
	END LOOP;
END
$$;
COMMENT ON FUNCTION chainstream._create_stream_views() IS
	'Internal: makes the views of the stream tables that are missing.';

-- Runs with the rights of its caller, who must own the tables: nobody can give
-- himself anything with it.
CREATE FUNCTION chainstream._grant_writer(role name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text[];
	command text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role AND NOT r.rolsuper) THEN
		RETURN;
	END IF;

	-- TRIGGER is not among it: who may put a trigger on a table runs code as
	-- everybody who writes it.
	SELECT array_agg(format('GRANT %s ON chainstream.%I TO %I', p.privilege, w.relation, role))
	INTO missing
	FROM (VALUES
		('sources', 'SELECT'),
		('credentials', 'SELECT'),
		('subscriptions', 'SELECT'),
		('watches', 'SELECT'),
		('_watch_states', 'SELECT, INSERT, UPDATE, DELETE'),
		('_subscription_states', 'SELECT, INSERT, UPDATE, DELETE'),
		('blocks', 'SELECT, INSERT'),
		('transactions', 'SELECT, INSERT'),
		('events', 'SELECT, INSERT'),
		('gaps', 'SELECT, INSERT, UPDATE'),
		('cursors', 'SELECT, INSERT, UPDATE'),
		('rejects', 'SELECT, INSERT, DELETE')) w (relation, privileges),
		string_to_table(w.privileges, ', ') p (privilege)
	WHERE NOT has_table_privilege(role, format('chainstream.%I', w.relation), p.privilege);
	IF NOT has_sequence_privilege(role, 'chainstream.stream_id_seq', 'USAGE') THEN
		missing := missing || format('GRANT USAGE ON SEQUENCE chainstream.stream_id_seq TO %I', role);
	END IF;
	IF NOT has_function_privilege(role, 'chainstream._create_partitions(timestamptz, timestamptz, interval)', 'EXECUTE')
		OR NOT has_function_privilege(role, 'chainstream._drop_partitions(timestamptz)', 'EXECUTE')
	THEN
		missing := missing || format('GRANT EXECUTE ON FUNCTION chainstream._create_partitions(timestamptz, timestamptz, interval), chainstream._drop_partitions(timestamptz) TO %I', role);
	END IF;

	IF missing IS NOT NULL THEN
		-- Two sessions that grant on the same table at once would collide.
		LOCK TABLE chainstream.sources IN SHARE UPDATE EXCLUSIVE MODE;
		FOREACH command IN ARRAY missing LOOP
			EXECUTE command;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream._grant_writer(name) IS
	'Internal: grants a role what a worker that runs as it needs; nothing to do for superusers. Runs with the rights of its caller.';

CREATE FUNCTION chainstream.create_streams()
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Two sessions must not both find a table missing.
	IF EXISTS (SELECT FROM chainstream._stream_relations() s
			WHERE to_regclass(format('chainstream.%I', s)) IS NULL)
	THEN
		LOCK TABLE chainstream.sources IN SHARE UPDATE EXCLUSIVE MODE;
	END IF;
	PERFORM chainstream._check_streams();

	IF to_regclass('chainstream.stream_id_seq') IS NULL THEN
		CREATE SEQUENCE chainstream.stream_id_seq;
		COMMENT ON SEQUENCE chainstream.stream_id_seq IS
			'ids of blocks, transactions and events';
	END IF;
	IF to_regclass('chainstream.blocks') IS NULL THEN
		PERFORM chainstream._create_stream_table('blocks',
			', PRIMARY KEY (id, received_at)) PARTITION BY RANGE (received_at)');
		CREATE INDEX blocks_hash_idx ON chainstream.blocks (hash);
		CREATE INDEX blocks_source_height_idx ON chainstream.blocks (source, height);
		COMMENT ON TABLE chainstream.blocks IS
			'Blocks, one row per block and status. Partitioned by received_at.';
	END IF;
	IF to_regclass('chainstream.transactions') IS NULL THEN
		PERFORM chainstream._create_stream_table('transactions',
			', PRIMARY KEY (id, received_at)) PARTITION BY RANGE (received_at)');
		CREATE INDEX transactions_account_idx ON chainstream.transactions (account, id)
			WHERE account IS NOT NULL;
		CREATE INDEX transactions_hash_idx ON chainstream.transactions (hash);
		COMMENT ON TABLE chainstream.transactions IS
			'Transactions, one row per transaction, concerned account and status. Partitioned by received_at.';
	END IF;
	IF to_regclass('chainstream.events') IS NULL THEN
		PERFORM chainstream._create_stream_table('events',
			', PRIMARY KEY (id, received_at)) PARTITION BY RANGE (received_at)');
		CREATE INDEX events_account_idx ON chainstream.events (account, id)
			WHERE account IS NOT NULL;
		CREATE INDEX events_transaction_hash_idx ON chainstream.events (transaction_hash)
			WHERE transaction_hash IS NOT NULL;
		COMMENT ON TABLE chainstream.events IS
			'Everything that is neither a block nor a transaction: account states, token movements, votes and so on. Partitioned by received_at.';
	END IF;
	IF to_regclass('chainstream.gaps') IS NULL THEN
		PERFORM chainstream._create_stream_table('gaps', ')');
		CREATE INDEX gaps_open_idx ON chainstream.gaps (source)
			WHERE state IN ('open', 'filling');
		COMMENT ON TABLE chainstream.gaps IS
			'Every period in which a subscription was not provably live.';
	END IF;
	IF to_regclass('chainstream.rejects') IS NULL THEN
		PERFORM chainstream._create_stream_table('rejects', ')');
		COMMENT ON TABLE chainstream.rejects IS
			'Messages that could not be stored; retry_reject() tries again.';
	END IF;
	IF to_regclass('chainstream.cursors') IS NULL THEN
		PERFORM chainstream._create_stream_table('cursors', ', PRIMARY KEY (source, scope))');
		COMMENT ON TABLE chainstream.cursors IS
			'How far each source is stored, written together with the rows.';
	END IF;
	PERFORM chainstream._create_stream_views();

	PERFORM chainstream._grant_writer(s.owner)
	FROM (SELECT DISTINCT o.owner FROM chainstream.sources o) s;
END
$$;
COMMENT ON FUNCTION chainstream.create_streams() IS
	'Makes the stream tables and their views, as far as they are missing, and grants the owners of sources what their workers need. Adding a source calls it. They are ordinary tables: dumps carry them, DROP EXTENSION keeps them.';

CREATE FUNCTION chainstream._partitions(
	OUT parent text,
	OUT partition regclass,
	OUT covers tstzrange)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
	-- MINVALUE, MAXVALUE and DEFAULT have no time in them: that end is open.
	SELECT p.relname::text, c.oid::regclass,
		tstzrange(
			(regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
			(regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz)
	FROM pg_class p
	JOIN pg_inherits i ON i.inhparent = p.oid
	JOIN pg_class c ON c.oid = i.inhrelid
	CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bound)
	-- A bound is NULL if the partition was dropped at this moment.
	WHERE b.bound IS NOT NULL AND p.oid IN (to_regclass('chainstream.blocks'),
			to_regclass('chainstream.transactions'),
			to_regclass('chainstream.events'))
		AND pg_get_partkeydef(p.oid) = 'RANGE (received_at)'
$$;
COMMENT ON FUNCTION chainstream._partitions() IS
	'Internal: the partitions of the stream tables and the time each covers.';

CREATE FUNCTION chainstream._create_partition(parent text, covers tstzrange)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	stem text := parent || '_p' || to_char(lower(covers),
		CASE WHEN upper(covers) - lower(covers) >= '1 day'
				AND lower(covers) = date_trunc('day', lower(covers))
			THEN 'YYYYMMDD' ELSE 'YYYYMMDD_HH24MI' END);
	partition text := stem;
	number integer := 1;
BEGIN
	WHILE to_regclass(format('chainstream.%I', partition)) IS NOT NULL LOOP
		number := number + 1;
		partition := stem || '_' || number;
	END LOOP;

	-- PARTITION OF would lock the parent against its readers; ATTACH does not.
	EXECUTE format('CREATE TABLE chainstream.%I (LIKE chainstream.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION)',
		partition, parent);
	EXECUTE format('ALTER TABLE chainstream.%I ATTACH PARTITION chainstream.%I FOR VALUES FROM (%L) TO (%L)',
		parent, partition, lower(covers), upper(covers));
END
$$;
COMMENT ON FUNCTION chainstream._create_partition(text, tstzrange) IS
	'Internal: makes one partition of a stream table.';

CREATE FUNCTION chainstream._missing_partitions(
	parent text, first timestamptz, last timestamptz, step interval)
RETURNS SETOF tstzrange
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
	-- Steps are counted from a Monday, so that seven days make a calendar
	-- week.  A table that somebody partitioned otherwise, or not at all, is
	-- his to look after.
	SELECT h.hole
	FROM generate_series(date_bin(step, first, '2001-01-01 00:00:00+00'), last, step) AS b (start),
		unnest(tstzmultirange(tstzrange(b.start, b.start + step)) - (
			SELECT coalesce(range_agg(p.covers), '{}')
			FROM chainstream._partitions() p
			WHERE p.parent = _missing_partitions.parent)) AS h (hole)
	WHERE pg_get_partkeydef(to_regclass('chainstream.' || parent)) = 'RANGE (received_at)'
$$;
COMMENT ON FUNCTION chainstream._missing_partitions(text, timestamptz, timestamptz, interval) IS
	'Internal: the partitions a stream table lacks to hold the time from first to last.';

CREATE FUNCTION chainstream._create_partitions(
	first timestamptz, last timestamptz, step interval)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	stream text;
	hole tstzrange;
	created integer := 0;
BEGIN
	IF NOT coalesce(isfinite(first) AND isfinite(last) AND first <= last, false) THEN
		RAISE EXCEPTION 'partitions need a first and a last time, in this order'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- A month has no fixed length.
	IF NOT coalesce(step >= '1 minute' AND extract(month FROM step) = 0
			AND extract(year FROM step) = 0, false) THEN
		RAISE EXCEPTION 'partitions cannot be "%" long', step
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give a length in minutes, hours or days.';
	END IF;
	IF extract(epoch FROM last - first) / extract(epoch FROM step) > 2000 THEN
		RAISE EXCEPTION 'refusing to make more than 2000 partitions at once'
			USING ERRCODE = 'program_limit_exceeded';
	END IF;

	FOREACH stream IN ARRAY ARRAY['blocks', 'transactions', 'events'] LOOP
		CONTINUE WHEN NOT EXISTS (
			SELECT FROM chainstream._missing_partitions(stream, first, last, step));
		-- The lock that ATTACH takes; with it nobody else attaches any.
		EXECUTE format('LOCK TABLE ONLY chainstream.%I IN SHARE UPDATE EXCLUSIVE MODE', stream);
		FOR hole IN
			SELECT m FROM chainstream._missing_partitions(stream, first, last, step) m
		LOOP
			PERFORM chainstream._create_partition(stream, hole);
			created := created + 1;
		END LOOP;
	END LOOP;
	RETURN created;
END
$$;
COMMENT ON FUNCTION chainstream._create_partitions(timestamptz, timestamptz, interval) IS
	'Internal: makes the stream tables hold the time from first to last, in partitions of this length, aligned in UTC. What other partitions cover, a DEFAULT partition everything, is left to them. Returns how many were made.';

CREATE FUNCTION chainstream._expired_partitions(parent text, horizon timestamptz)
RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.partition FROM chainstream._partitions() p
	WHERE p.parent = _expired_partitions.parent AND upper(p.covers) <= horizon
	ORDER BY p.covers
$$;
COMMENT ON FUNCTION chainstream._expired_partitions(text, timestamptz) IS
	'Internal: the partitions of a stream table that are wholly older.';

CREATE FUNCTION chainstream._drop_partitions(before timestamptz)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms'
AS $$
DECLARE
	horizon timestamptz := before;
	stream text;
	partition regclass;
	dropped integer := 0;
BEGIN
	-- Workers run as ordinary roles, which may write the history but not
	-- destroy it: for them the administrator's setting is the limit.
	IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = SESSION_USER) THEN
		SELECT least(before, now() - s.setting::integer * interval '1 minute')
		INTO horizon
		FROM pg_settings s
		WHERE s.name = 'chainstream.retention' AND s.context = 'sighup'
			AND s.setting <> '0';
	END IF;

	FOREACH stream IN ARRAY ARRAY['blocks', 'transactions', 'events'] LOOP
		CONTINUE WHEN NOT EXISTS (
			SELECT FROM chainstream._expired_partitions(stream, horizon));
		-- Dropping a partition locks its table against everybody.  For this
		-- we wait a moment only, because others queue behind us, and for a
		-- partition that is being read not at all.  The next call tries again.
		BEGIN
			EXECUTE format('LOCK TABLE ONLY chainstream.%I IN ACCESS EXCLUSIVE MODE', stream);
			FOR partition IN SELECT chainstream._expired_partitions(stream, horizon) LOOP
				BEGIN
					EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', partition);
					EXECUTE format('DROP TABLE %s', partition);
					dropped := dropped + 1;
				EXCEPTION
					WHEN lock_not_available OR dependent_objects_still_exist THEN
						RAISE LOG 'could not drop partition "%": %', partition, SQLERRM;
				END;
			END LOOP;
		EXCEPTION
			WHEN lock_not_available THEN
				RAISE LOG 'could not drop partitions of "chainstream.%": %', stream, SQLERRM;
		END;
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION chainstream._drop_partitions(timestamptz) IS
	'Internal: drops the partitions that are wholly older; if the session is not a superuser''s, at most those beyond chainstream.retention. Leaves out what is in use. Returns how many were dropped.';


-- ====================================================================
-- Triggers: plain SQL on the configuration is checked like the functions
-- ====================================================================

CREATE FUNCTION chainstream._check_source()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'chainstream_check_source';
COMMENT ON FUNCTION chainstream._check_source() IS
	'Internal: checks and completes a row of sources.';

CREATE FUNCTION chainstream._check_credential()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'chainstream_check_credential';
COMMENT ON FUNCTION chainstream._check_credential() IS
	'Internal: checks a row of credentials.';

CREATE FUNCTION chainstream._check_subscription()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'chainstream_check_subscription';
COMMENT ON FUNCTION chainstream._check_subscription() IS
	'Internal: checks a row of subscriptions.';

CREATE FUNCTION chainstream._check_watch()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'chainstream_check_watch';
COMMENT ON FUNCTION chainstream._check_watch() IS
	'Internal: checks a row of watches and puts its target in canonical form.';

CREATE FUNCTION chainstream._config_changed()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'chainstream_config_changed';
COMMENT ON FUNCTION chainstream._config_changed() IS
	'Internal: makes the workers look at the configuration once it is committed.';

CREATE FUNCTION chainstream._prepare_owner()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Anybody can make a trigger of this on a table of his own.
	IF TG_RELID <> 'chainstream.sources'::regclass THEN
		RAISE EXCEPTION 'function "%" is for table chainstream.sources only', TG_NAME
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;

	-- When a dump is being restored, it is the dump that brings the tables,
	-- later their keys and last their privileges; see check.c.
	IF NOT (current_setting('check_function_bodies') = 'off'
			AND current_setting('row_security') = 'off')
		OR to_regclass('chainstream.events') IS NULL
	THEN
		PERFORM chainstream.create_streams();
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION chainstream._prepare_owner() IS
	'Internal: sees to it that the worker of a new source, or of one with a new owner, has tables to write to, and may.';

CREATE FUNCTION chainstream._remove_belongings()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Anybody can make a trigger of this on a table of his own.
	IF TG_RELID <> 'chainstream.sources'::regclass THEN
		RAISE EXCEPTION 'function "%" is for table chainstream.sources only', TG_NAME
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;
	DELETE FROM chainstream.subscriptions s WHERE s.source = OLD.name;
	DELETE FROM chainstream.watches w WHERE w.source = OLD.name;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION chainstream._remove_belongings() IS
	'Internal: removes the subscriptions and watches of a source with it.';

CREATE TRIGGER check_row
	BEFORE INSERT OR UPDATE OR DELETE ON chainstream.sources
	FOR EACH ROW EXECUTE FUNCTION chainstream._check_source();
CREATE TRIGGER check_row
	BEFORE INSERT OR UPDATE ON chainstream.credentials
	FOR EACH ROW EXECUTE FUNCTION chainstream._check_credential();
CREATE TRIGGER check_row
	BEFORE INSERT OR UPDATE ON chainstream.subscriptions
	FOR EACH ROW EXECUTE FUNCTION chainstream._check_subscription();
CREATE TRIGGER check_row
	BEFORE INSERT OR UPDATE ON chainstream.watches
	FOR EACH ROW EXECUTE FUNCTION chainstream._check_watch();
CREATE TRIGGER prepare_owner
	AFTER INSERT OR UPDATE OF owner ON chainstream.sources
	FOR EACH ROW EXECUTE FUNCTION chainstream._prepare_owner();
CREATE TRIGGER remove_belongings
	AFTER DELETE ON chainstream.sources
	FOR EACH ROW EXECUTE FUNCTION chainstream._remove_belongings();

CREATE TRIGGER config_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainstream.sources
	FOR EACH STATEMENT EXECUTE FUNCTION chainstream._config_changed();
CREATE TRIGGER config_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainstream.credentials
	FOR EACH STATEMENT EXECUTE FUNCTION chainstream._config_changed();
CREATE TRIGGER config_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainstream.subscriptions
	FOR EACH STATEMENT EXECUTE FUNCTION chainstream._config_changed();
CREATE TRIGGER config_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainstream.watches
	FOR EACH STATEMENT EXECUTE FUNCTION chainstream._config_changed();


-- ====================================================================
-- Sources
-- ====================================================================

CREATE FUNCTION chainstream._preloaded()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'chainstream_preloaded';
COMMENT ON FUNCTION chainstream._preloaded() IS
	'Internal: whether the server was started with the library, so that there can be workers.';

CREATE FUNCTION chainstream.add_source(
	name text,
	provider text,
	url text DEFAULT NULL,
	network text DEFAULT NULL,
	transport text DEFAULT NULL,
	options jsonb DEFAULT '{}',
	token text DEFAULT NULL,
	urls text[] DEFAULT NULL,
	enabled boolean DEFAULT true,
	owner name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF add_source.url IS NOT NULL AND add_source.urls IS NOT NULL THEN
		RAISE EXCEPTION 'give either url or urls, not both'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	INSERT INTO chainstream.sources AS s
		(name, provider, urls, network, transport, options, enabled, owner)
	VALUES (add_source.name, add_source.provider,
		coalesce(add_source.urls,
			CASE WHEN add_source.url IS NOT NULL THEN ARRAY[add_source.url] END),
		add_source.network, add_source.transport,
		coalesce(add_source.options, '{}'),
		coalesce(add_source.enabled, true),
		coalesce(add_source.owner, CURRENT_USER))
	ON CONFLICT (name) DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" already exists', add_source.name
			USING ERRCODE = 'duplicate_object',
				HINT = 'Change it with chainstream.alter_source(), or choose another name.';
	END IF;

	IF add_source.token IS NOT NULL THEN
		INSERT INTO chainstream.credentials (source, token)
		VALUES (add_source.name, add_source.token);
	END IF;
	INSERT INTO chainstream.subscriptions (source, topic)
	SELECT add_source.name, t.topic
	FROM chainstream.topics(add_source.provider) t
	WHERE t.by_default;

	IF NOT chainstream._preloaded() THEN
		RAISE WARNING 'source "%" will not be served: the server was started without the chainstream library', add_source.name
			USING HINT = 'Put the line shared_preload_libraries = ''chainstream'' into postgresql.conf, or run ALTER SYSTEM SET shared_preload_libraries = ''chainstream'', keeping what is listed there already; then restart the server.';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.add_source(text, text, text, text, text, jsonb, text, text[], boolean, name) IS
	'Adds a source and subscribes it to its provider''s default topics; watch() then says what to look out for. Only name and provider are needed: the rest defaults to the provider''s public main network. options: see options(). token: see set_token(). The worker runs as owner, by default who adds it.';

CREATE FUNCTION chainstream.alter_source(
	name text,
	url text DEFAULT NULL,
	transport text DEFAULT NULL,
	options jsonb DEFAULT NULL,
	token text DEFAULT NULL,
	urls text[] DEFAULT NULL,
	enabled boolean DEFAULT NULL,
	owner name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF alter_source.url IS NOT NULL AND alter_source.urls IS NOT NULL THEN
		RAISE EXCEPTION 'give either url or urls, not both'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	UPDATE chainstream.sources s
	SET urls = coalesce(alter_source.urls,
			CASE WHEN alter_source.url IS NOT NULL THEN ARRAY[alter_source.url] END,
			s.urls),
		transport = coalesce(alter_source.transport, s.transport),
		options = coalesce(alter_source.options, s.options),
		enabled = coalesce(alter_source.enabled, s.enabled),
		owner = coalesce(alter_source.owner, s.owner)
	WHERE s.name = alter_source.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" does not exist', alter_source.name
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
	IF alter_source.token IS NOT NULL THEN
		PERFORM chainstream.set_token(alter_source.name, alter_source.token);
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.alter_source(text, text, text, jsonb, text, text[], boolean, name) IS
	'Changes what is given of a source and leaves the rest. options are replaced as a whole.';

CREATE FUNCTION chainstream.drop_source(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM chainstream.sources s WHERE s.name = drop_source.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" does not exist', drop_source.name
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.drop_source(text) IS
	'Removes a source with its subscriptions, watches and token. What it has stored stays.';

CREATE FUNCTION chainstream.pause(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE chainstream.sources s SET enabled = false WHERE s.name = pause.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" does not exist', pause.name
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.pause(text) IS
	'Stops the worker of a source until resume(). What happens meanwhile is missed, and becomes a gap.';

CREATE FUNCTION chainstream.resume(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE chainstream.sources s SET enabled = true WHERE s.name = resume.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" does not exist', resume.name
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.resume(text) IS
	'Starts the worker of a source again.';

CREATE FUNCTION chainstream.set_token(source text, token text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF NOT EXISTS (SELECT FROM chainstream.sources s WHERE s.name = set_token.source) THEN
		RAISE EXCEPTION 'source "%" does not exist', set_token.source
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
	IF set_token.token IS NULL THEN
		DELETE FROM chainstream.credentials c WHERE c.source = set_token.source;
	ELSE
		INSERT INTO chainstream.credentials AS c (source, token)
		VALUES (set_token.source, set_token.token)
		ON CONFLICT (source) DO UPDATE SET token = EXCLUDED.token;
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.set_token(text, text) IS
	'Sets the secret of a source; NULL removes it. Better than the secret itself, which server logs may hold: env:CHAINSTREAM_NAME, an environment variable of the server, or file:NAME, a file in chainstream.secrets_directory.';


-- ====================================================================
-- Subscriptions and watches
-- ====================================================================

CREATE FUNCTION chainstream.subscribe(
	source text,
	topic text,
	arguments jsonb DEFAULT '{}',
	channel text DEFAULT NULL)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO chainstream.subscriptions AS s (source, topic, arguments, channel)
	VALUES (subscribe.source, subscribe.topic,
		coalesce(subscribe.arguments, '{}'), subscribe.channel)
	RETURNING s.subscription_id
$$;
COMMENT ON FUNCTION chainstream.subscribe(text, text, jsonb, text) IS
	'Subscribes a source to a topic, see topics(). Its rows are announced on the NOTIFY channel "chainstream", or on the one given. Returns the number of the subscription.';

CREATE FUNCTION chainstream.unsubscribe(subscription_id bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM chainstream.subscriptions s
	WHERE s.subscription_id = unsubscribe.subscription_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'subscription % does not exist', unsubscribe.subscription_id
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.subscription_status lists those there are.';
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream.unsubscribe(bigint) IS
	'Removes a subscription.';

CREATE FUNCTION chainstream.submit(source text, payload jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	submitting text;
	number bigint;
BEGIN
	SELECT t.topic INTO submitting
	FROM chainstream.sources s
	JOIN chainstream.topics(s.provider) t ON t.submits
	WHERE s.name = submit.source;
	IF submitting IS NULL AND EXISTS (
		SELECT FROM chainstream.sources s WHERE s.name = submit.source)
	THEN
		RAISE EXCEPTION 'source "%" cannot submit anything', submit.source
			USING ERRCODE = 'feature_not_supported',
				HINT = 'Its provider only delivers; chainstream.topics() tells which ones submit.';
	END IF;
	-- Without a topic there is no such source, and the row's trigger says so.
	INSERT INTO chainstream.subscriptions (source, topic, arguments)
	VALUES (submit.source, coalesce(submitting, ''), coalesce(submit.payload, '{}'))
	RETURNING subscription_id INTO number;
	RETURN number;
END
$$;
COMMENT ON FUNCTION chainstream.submit(text, jsonb) IS
	'Hands a signed transaction to the network of a source when this transaction commits, and returns a number: subscription_status shows under it how far that has come, and its rows carry what becomes of it. payload is the transaction as the provider takes it.';

CREATE FUNCTION chainstream.watch(
	source text, address text, label text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	is_new boolean;
BEGIN
	IF watch.label IS NULL THEN
		INSERT INTO chainstream.watches (source, kind, target)
		VALUES (watch.source, 'address', watch.address)
		ON CONFLICT (source, kind, target) DO NOTHING;
		RETURN FOUND;
	END IF;
	INSERT INTO chainstream.watches AS w (source, kind, target, label)
	VALUES (watch.source, 'address', watch.address, watch.label)
	ON CONFLICT (source, kind, target) DO UPDATE SET label = EXCLUDED.label
		WHERE w.label IS DISTINCT FROM EXCLUDED.label
	RETURNING w.xmax = 0 INTO is_new;
	RETURN coalesce(is_new, false);
END
$$;
COMMENT ON FUNCTION chainstream.watch(text, text, text) IS
	'Makes a source look out for an address, in any accepted spelling; "*" is every address. Live as soon as committed. Watching it already is no error, and changes the label if one is given. Returns whether it is new.';

CREATE FUNCTION chainstream.watch(source text, addresses text[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	added bigint;
BEGIN
	INSERT INTO chainstream.watches (source, kind, target)
	SELECT watch.source, 'address', a.address
	FROM unnest(watch.addresses) AS a (address)
	ON CONFLICT (source, kind, target) DO NOTHING;
	GET DIAGNOSTICS added = ROW_COUNT;
	RETURN added;
END
$$;
COMMENT ON FUNCTION chainstream.watch(text, text[]) IS
	'Makes a source look out for many addresses at once. Returns how many of them are new.';

CREATE FUNCTION chainstream.unwatch(source text, addresses text[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	targets text[];
	removed bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM chainstream.sources s WHERE s.name = unwatch.source) THEN
		RAISE EXCEPTION 'source "%" does not exist', unwatch.source
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
	-- First, so that a wrong address is an error even if nothing is watched.
	SELECT array_agg(CASE a.address WHEN '*' THEN '*'
		ELSE chainstream.canonical_address(s.provider, a.address, s.network) END)
	INTO targets
	FROM chainstream.sources s, unnest(unwatch.addresses) AS a (address)
	WHERE s.name = unwatch.source;
	DELETE FROM chainstream.watches w
	WHERE w.source = unwatch.source AND w.kind = 'address'
		AND w.target IN (SELECT unnest(targets));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN removed;
END
$$;
COMMENT ON FUNCTION chainstream.unwatch(text, text[]) IS
	'Makes a source no longer look out for these addresses. Returns how many of them it did before.';

CREATE FUNCTION chainstream.unwatch(source text, address text)
RETURNS boolean
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT chainstream.unwatch(unwatch.source, ARRAY[unwatch.address]) > 0
$$;
COMMENT ON FUNCTION chainstream.unwatch(text, text) IS
	'Makes a source no longer look out for an address, in any accepted spelling. Returns whether it did before.';

CREATE FUNCTION chainstream.watch_transaction(source text, hash text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO chainstream.watches (source, kind, target)
	VALUES (watch_transaction.source, 'transaction', watch_transaction.hash)
	ON CONFLICT (source, kind, target) DO NOTHING;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION chainstream.watch_transaction(text, text) IS
	'Makes a source look out for one transaction, where its provider can. Returns whether it is new.';

CREATE FUNCTION chainstream.unwatch_transaction(source text, hash text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	canonical text;
BEGIN
	SELECT chainstream.canonical_transaction(s.provider, unwatch_transaction.hash, s.network)
	INTO canonical
	FROM chainstream.sources s WHERE s.name = unwatch_transaction.source;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'source "%" does not exist', unwatch_transaction.source
			USING ERRCODE = 'undefined_object',
				HINT = 'View chainstream.status lists those there are.';
	END IF;
	DELETE FROM chainstream.watches w
	WHERE w.source = unwatch_transaction.source AND w.kind = 'transaction'
		AND w.target = canonical;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION chainstream.unwatch_transaction(text, text) IS
	'Makes a source no longer look out for a transaction. Returns whether it did before.';


-- ====================================================================
-- Messages
-- ====================================================================

CREATE FUNCTION chainstream.inject(source text, message text)
RETURNS bigint
LANGUAGE C STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'chainstream_inject';
COMMENT ON FUNCTION chainstream.inject(text, text) IS
	'Feeds a source one message as if it had been received, so that applications can be tested without a network. Returns the number of rows stored.';

CREATE FUNCTION chainstream.check_source(
	source text,
	OUT url text,
	OUT step text,
	OUT outcome text,
	OUT duration interval,
	OUT detail text,
	OUT hint text)
RETURNS SETOF record
LANGUAGE C STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'chainstream_probe_source';
COMMENT ON FUNCTION chainstream.check_source(text) IS
	'Connects to each URL of a source from this session and says how far it came: name, tcp, tls, handshake, subscribe, message, each ok, failed, waiting or skipped, with the time it took and what to do. Stores nothing, and leaves the source''s worker alone.';

CREATE FUNCTION chainstream.retry_reject(id bigint)
RETURNS bigint
LANGUAGE C STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'chainstream_retry_reject';
COMMENT ON FUNCTION chainstream.retry_reject(bigint) IS
	'Tries again to store a message of table rejects, and removes it from there if that works. Returns the number of rows stored.';


-- ====================================================================
-- How it goes
-- ====================================================================

CREATE FUNCTION chainstream._workers(
	OUT source text,
	OUT pid integer,
	OUT state text,
	OUT endpoint text,
	OUT connections integer,
	OUT connected_since timestamptz,
	OUT last_message_at timestamptz,
	OUT messages bigint,
	OUT bytes bigint,
	OUT rows bigint,
	OUT duplicates bigint,
	OUT rejected bigint,
	OUT reconnects bigint,
	OUT notifications_skipped bigint,
	OUT last_error text,
	OUT last_error_at timestamptz,
	OUT next_retry_at timestamptz)
RETURNS SETOF record
LANGUAGE C ROWS 10
AS 'MODULE_PATHNAME', 'chainstream_workers';
COMMENT ON FUNCTION chainstream._workers() IS
	'Internal: what the workers of this database report. Read status instead.';

CREATE FUNCTION chainstream._open_gaps(OUT source text, OUT open_gaps bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Only a table: this runs as the owner of the extension, and a view that
	-- somebody has put there could run anything.
	IF EXISTS (SELECT FROM pg_class c
			WHERE c.oid = to_regclass('chainstream.gaps') AND c.relkind IN ('r', 'p'))
	THEN
		RETURN QUERY
			SELECT g.source, count(*) FROM chainstream.gaps g
			WHERE g.state IN ('open', 'filling') GROUP BY g.source;
	END IF;
END
$$;
COMMENT ON FUNCTION chainstream._open_gaps() IS
	'Internal: number of gaps per source that last or are being filled.';

CREATE VIEW chainstream.status AS
SELECT s.name, s.provider, s.network,
	CASE
		WHEN NOT s.enabled THEN 'paused'
		WHEN NOT chainstream._preloaded() THEN 'not preloaded'
		WHEN pg_is_in_recovery() THEN 'standby'
		ELSE coalesce(w.state, 'waiting')
	END AS state,
	w.endpoint,
	coalesce(w.connections, 0) AS connections,
	w.connected_since,
	w.last_message_at,
	coalesce(w.messages, 0) AS messages,
	coalesce(w.bytes, 0) AS bytes,
	coalesce(w.rows, 0) AS rows,
	coalesce(w.duplicates, 0) AS duplicates,
	coalesce(w.rejected, 0) AS rejected,
	coalesce(w.reconnects, 0) AS reconnects,
	coalesce(w.notifications_skipped, 0) AS notifications_skipped,
	coalesce(g.open_gaps, 0) AS open_gaps,
	clock_timestamp() - w.last_message_at AS lag,
	w.last_error,
	w.last_error_at,
	w.next_retry_at,
	w.pid
FROM chainstream.sources s
LEFT JOIN chainstream._workers() w ON w.source = s.name
LEFT JOIN chainstream._open_gaps() g ON g.source = s.name;
COMMENT ON VIEW chainstream.status IS
	'How each source is doing. Counters start with its worker.';
COMMENT ON COLUMN chainstream.status.name IS 'name of the source';
COMMENT ON COLUMN chainstream.status.provider IS 'its provider';
COMMENT ON COLUMN chainstream.status.network IS 'network of the provider';
COMMENT ON COLUMN chainstream.status.state IS
	'paused, not preloaded (see add_source()), standby (waiting for promotion), waiting (for a worker), or what the worker reports: streaming is as it should be, degraded means that some of its connections are missing';
COMMENT ON COLUMN chainstream.status.endpoint IS 'where it is connected to';
COMMENT ON COLUMN chainstream.status.connections IS 'number of connections';
COMMENT ON COLUMN chainstream.status.connected_since IS 'since when';
COMMENT ON COLUMN chainstream.status.last_message_at IS 'when the last message came';
COMMENT ON COLUMN chainstream.status.messages IS 'messages received';
COMMENT ON COLUMN chainstream.status.bytes IS 'bytes of messages received';
COMMENT ON COLUMN chainstream.status.rows IS 'rows stored';
COMMENT ON COLUMN chainstream.status.duplicates IS
	'notifications that had been stored already';
COMMENT ON COLUMN chainstream.status.rejected IS
	'messages that could not be stored, see table rejects';
COMMENT ON COLUMN chainstream.status.reconnects IS
	'connections made again after one was lost';
COMMENT ON COLUMN chainstream.status.notifications_skipped IS
	'NOTIFY messages left out because the server''s queue was too full';
COMMENT ON COLUMN chainstream.status.open_gaps IS
	'gaps that last or are being filled, see table gaps';
COMMENT ON COLUMN chainstream.status.lag IS 'time since the last message';
COMMENT ON COLUMN chainstream.status.last_error IS 'what went wrong last';
COMMENT ON COLUMN chainstream.status.last_error_at IS 'when that was';
COMMENT ON COLUMN chainstream.status.next_retry_at IS
	'when the next attempt to connect is due';
COMMENT ON COLUMN chainstream.status.pid IS
	'process of the worker, see pg_stat_activity';

CREATE VIEW chainstream.subscription_status AS
SELECT s.subscription_id, s.source, s.topic, s.arguments, s.channel, s.enabled,
	CASE
		WHEN NOT s.enabled THEN 'disabled'
		WHEN t.state IN ('over_limit', 'error', 'idle', 'done', 'failed') THEN t.state
		WHEN t.state = 'active' AND w.state IN ('streaming', 'degraded') THEN 'active'
		ELSE 'pending'
	END AS state,
	t.since, t.detail
FROM chainstream.subscriptions s
LEFT JOIN chainstream._subscription_states t USING (subscription_id)
LEFT JOIN chainstream._workers() w ON w.source = s.source;
COMMENT ON VIEW chainstream.subscription_status IS
	'The subscriptions, and whether the provider has accepted them.';
COMMENT ON COLUMN chainstream.subscription_status.subscription_id IS
	'number of the subscription, for unsubscribe()';
COMMENT ON COLUMN chainstream.subscription_status.source IS
	'source that is subscribed';
COMMENT ON COLUMN chainstream.subscription_status.topic IS
	'what it is subscribed to';
COMMENT ON COLUMN chainstream.subscription_status.arguments IS
	'arguments of the topic';
COMMENT ON COLUMN chainstream.subscription_status.channel IS
	'NOTIFY channel; NULL: "chainstream"';
COMMENT ON COLUMN chainstream.subscription_status.enabled IS
	'whether it is wanted';
COMMENT ON COLUMN chainstream.subscription_status.state IS
	'disabled, pending, active (the provider has accepted it and the source is streaming), over_limit, error, idle (nothing it could take is watched), done (there is nothing more to come) or failed (what was submitted was refused)';
COMMENT ON COLUMN chainstream.subscription_status.since IS
	'when the provider said so';
COMMENT ON COLUMN chainstream.subscription_status.detail IS
	'the provider''s words';

CREATE VIEW chainstream.watch_status AS
SELECT w.watch_id, w.source, w.kind, w.target, w.label,
	CASE
		WHEN t.state IN ('over_limit', 'error', 'done', 'failed') THEN t.state
		WHEN t.state = 'active' AND k.state IN ('streaming', 'degraded') THEN 'active'
		ELSE 'pending'
	END AS state,
	t.since, t.detail
FROM chainstream.watches w
LEFT JOIN chainstream._watch_states t USING (watch_id)
LEFT JOIN chainstream._workers() k ON k.source = w.source;
COMMENT ON VIEW chainstream.watch_status IS
	'The watched addresses and transactions, and whether the provider is looking out for them.';
COMMENT ON COLUMN chainstream.watch_status.watch_id IS 'number of the watch';
COMMENT ON COLUMN chainstream.watch_status.source IS 'source that watches it';
COMMENT ON COLUMN chainstream.watch_status.kind IS 'address or transaction';
COMMENT ON COLUMN chainstream.watch_status.target IS
	'address or hash in canonical form, or "*"';
COMMENT ON COLUMN chainstream.watch_status.label IS 'what the user calls it';
COMMENT ON COLUMN chainstream.watch_status.state IS
	'pending, active (the provider has accepted it and the source is streaming), over_limit, error, or done (there is nothing more to come)';
COMMENT ON COLUMN chainstream.watch_status.since IS
	'when the provider said so';
COMMENT ON COLUMN chainstream.watch_status.detail IS 'the provider''s words';


-- ====================================================================
-- Privileges: what is public is reference; see doc/privileges.md
-- ====================================================================

DO $$
DECLARE
	member record;
BEGIN
	FOR member IN
		SELECT d.objid::pg_catalog.regprocedure AS function
		FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.deptype = 'e' AND e.extname = 'chainstream'
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', member.function);
	END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION
	chainstream.providers(),
	chainstream.topics(text),
	chainstream.options(text),
	chainstream.canonical_address(text, text, text),
	chainstream.canonical_transaction(text, text, text)
TO PUBLIC;
