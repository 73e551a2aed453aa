-- canonical_address() on every address of the samples.
\set SHOW_CONTEXT never
CREATE TEMP TABLE lines (line json);
\copy lines FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/nano/address_vectors.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')

-- Valid ones, in every spelling.
SELECT line->>'nano' AS address,
	chainstream.canonical_address('nano', line->>'nano') = line->>'nano' AS same,
	chainstream.canonical_address('nano', line->>'xrb') = line->>'nano' AS old_prefix,
	chainstream.canonical_address('nano', replace(line->>'nano', '_', '-')) = line->>'nano' AS dash,
	chainstream.canonical_address('nano', line->>'ban', 'banano') = line->>'ban' AS banano
FROM lines WHERE (line->>'valid')::boolean;

-- Invalid ones.
CREATE FUNCTION pg_temp.refusal(address text, network text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM chainstream.canonical_address('nano', address, network);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
\pset tuples_only on
\pset format unaligned
SELECT '-- ' || (line->>'why') || E'\n' || pg_temp.refusal(line->>'address')
FROM lines WHERE NOT (line->>'valid')::boolean;

-- An address of the other network, and others that are none.
SELECT pg_temp.refusal(line->>'ban') FROM lines LIMIT 1;
SELECT pg_temp.refusal(line->>'nano', 'banano') FROM lines LIMIT 1;
SELECT pg_temp.refusal('');
SELECT pg_temp.refusal('*');
SELECT pg_temp.refusal(' ' || (line->>'nano')) FROM lines LIMIT 1;
SELECT pg_temp.refusal((line->>'nano') || E'\n') FROM lines LIMIT 1;
SELECT pg_temp.refusal(repeat('x', 10000));
SELECT pg_temp.refusal('nano_1', 'moonnet');
\pset format aligned
\pset tuples_only off

-- Nothing in, nothing out.
SELECT chainstream.canonical_address('nano', NULL) IS NULL AS no_address,
	chainstream.canonical_address(NULL, 'nano_1') IS NULL AS no_provider;

-- It is immutable, so that an index can find any spelling in a user's own table.
SELECT provolatile FROM pg_proc WHERE oid = 'chainstream.canonical_address'::regproc;

-- Hashes.
SELECT chainstream.canonical_transaction('nano', lower('5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C'));
SELECT chainstream.canonical_transaction('nano', '5E66');
