-- canonical_address() on the vectors of all other networks: one spelling for
-- each account, and a reason for each text that is none.
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
CREATE FUNCTION pg_temp.canonical(provider text, address text, network text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	RETURN chainstream.canonical_address(provider, address, network);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
CREATE TEMP TABLE lines (n int GENERATED ALWAYS AS IDENTITY, line json);

-- Symbol: base32, and the hexadecimal form of the messages.
\copy lines (line) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/symbol/address_vectors.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT line->>'mainnet',
	pg_temp.canonical('symbol', line->>'mainnet') = line->>'mainnet' AS same,
	pg_temp.canonical('symbol', line->>'mainnet_hex') = line->>'mainnet' AS hex,
	pg_temp.canonical('symbol', line->>'testnet', 'testnet') = line->>'testnet' AS testnet,
	pg_temp.canonical('symbol', line->>'testnet_hex', 'testnet') = line->>'testnet' AS testnet_hex
FROM lines WHERE (line->>'valid')::boolean AND line->>'mainnet' IS NOT NULL ORDER BY n;
SELECT line, pg_temp.canonical('symbol', line->>'address', 'testnet')
FROM lines WHERE (line->>'valid')::boolean AND line->>'mainnet' IS NULL ORDER BY n;
SELECT '-- ' || coalesce(line->>'why', line->>'reason') || E'\n' || pg_temp.canonical('symbol', line->>'address', 'testnet')
FROM lines WHERE NOT (line->>'valid')::boolean ORDER BY n;
SELECT pg_temp.canonical('symbol', line->>'testnet', 'mainnet') FROM lines ORDER BY n LIMIT 1;
TRUNCATE lines;

-- Flow: sixteen digits, of which not all are addresses.
\copy lines (line) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/flow/address_vectors.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT line->>'chain', count(*),
	count(*) FILTER (WHERE pg_temp.canonical('flow', line->>'address', n.network) = '0x' || (line->>'address')) AS plain,
	count(*) FILTER (WHERE pg_temp.canonical('flow', '0x' || upper(line->>'address'), n.network) = '0x' || (line->>'address')) AS upper_case
FROM lines, LATERAL (SELECT replace(line->>'chain', 'flow-', '') AS network) n
WHERE (line->>'valid')::boolean AND n.network IN (SELECT network FROM chainstream.providers() WHERE provider = 'flow')
GROUP BY 1 ORDER BY 1;
SELECT line->>'chain', line->>'address', pg_temp.canonical('flow', line->>'address', n.network)
FROM lines, LATERAL (SELECT replace(line->>'chain', 'flow-', '') AS network) n
WHERE NOT (line->>'valid')::boolean AND n.network IN (SELECT network FROM chainstream.providers() WHERE provider = 'flow')
ORDER BY lines.n;
TRUNCATE lines;

-- TON: raw, and four user-friendly forms in two alphabets, are one account; a
-- form that says it is for test networks is not taken on the main network.
\copy lines (line) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/ton/addresses-valid.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT p.provider, form.value AS not_the_account
FROM lines l, json_each_text(line) form, (VALUES ('toncenter'), ('tonapi')) p (provider)
WHERE form.value ~ '^(-?\d+:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{48})$'
	AND pg_temp.canonical(p.provider, form.value, 'testnet') IS DISTINCT FROM
		split_part(line->>'raw', ':', 1) || ':' || upper(split_part(line->>'raw', ':', 2));
SELECT count(*) AS spellings FROM lines l, json_each_text(line) form
WHERE form.value ~ '^(-?\d+:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{48})$';
SELECT pg_temp.canonical('toncenter', 'kQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPgpP');
TRUNCATE lines;
\copy lines (line) FROM PROGRAM 'cat "$PG_ABS_SRCDIR"/test/samples/ton/addresses-invalid.jsonl' WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')
SELECT '-- ' || (line->>'why') || E'\n' || pg_temp.canonical('toncenter', line->>'text')
FROM lines ORDER BY n;
SELECT count(*) FILTER (WHERE pg_temp.canonical('tonapi', line->>'text') = pg_temp.canonical('toncenter', line->>'text')) AS same_at_tonapi,
	count(*) FROM lines;

-- Hashes of transactions.
\pset tuples_only off
\pset format aligned
SELECT chainstream.canonical_transaction('flow', upper('7e6d5472d44c9cd1a4b2eb95bd5dbc9d7f1d6fd6ed4d8fde9fd9a65b3b2b1c00')) AS flow;
SELECT chainstream.canonical_transaction('toncenter', '6n/oYVMHlfYH0LgpmSTYrWMZjIMUI5MUpgjaVI7T4oo=') AS base64,
	chainstream.canonical_transaction('toncenter', '6n_oYVMHlfYH0LgpmSTYrWMZjIMUI5MUpgjaVI7T4oo') AS base64url;
SELECT chainstream.canonical_transaction('tonapi', upper('ea7fe861530795f607d0b8299924d8ad63198c8314239314a608da548ed3e28a')) AS hex;
SELECT chainstream.canonical_transaction('symbol', lower('5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C')) AS symbol;
