-- What CREATE EXTENSION brings.
\set SHOW_CONTEXT never

-- The schema is not a member of the extension, nor is the history, which
-- therefore outlive it.
SELECT count(*) AS schemas_in_extension
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
WHERE e.extname = 'chainstream' AND d.deptype = 'e'
	AND d.classid = 'pg_namespace'::regclass;

\pset format unaligned
-- The functions.  Those that begin with "_" are internal.
SELECT p.proname AS function, pg_get_function_arguments(p.oid) AS arguments
FROM pg_proc p
WHERE p.pronamespace = 'chainstream'::regnamespace AND p.proname !~ '^_'
ORDER BY p.proname COLLATE "C", p.pronargs, p.oid;

-- The tables and views.
SELECT c.relname AS relation, string_agg(a.attname, ', ' ORDER BY a.attnum) AS columns
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
WHERE c.relnamespace = 'chainstream'::regnamespace AND c.relkind IN ('r', 'v')
GROUP BY c.relname, c.relkind
ORDER BY c.relkind, c.relname COLLATE "C";

\pset format aligned

-- Everything explains itself: no member, and no column, is without a comment.
-- (The row type of a table is a member since PostgreSQL 17, and is the table's.)
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS without_comment
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
WHERE e.extname = 'chainstream' AND d.deptype = 'e'
	AND d.classid <> 'pg_type'::regclass
	AND obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) IS NULL
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum)
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid
JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'v')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE e.extname = 'chainstream' AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
	AND col_description(a.attrelid, a.attnum) IS NULL;

-- What everybody may call: reference, nothing else.
SELECT p.oid::regprocedure AS public_function
FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE p.pronamespace = 'chainstream'::regnamespace AND a.grantee = 0
ORDER BY p.proname COLLATE "C";
SELECT c.relname AS public_relation
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'chainstream'::regnamespace AND a.grantee = 0;
SELECT a.privilege_type AS public_on_schema
FROM pg_namespace n, aclexplode(n.nspacl) a
WHERE n.nspname = 'chainstream' AND a.grantee = 0;

-- No function that runs SQL looks anything up in the caller's search_path.
SELECT p.oid::regprocedure AS without_search_path
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'chainstream'::regnamespace
	AND (l.lanname <> 'c' OR p.prosecdef)
	AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);

-- A dump carries the configuration, but no secret and no state.
SELECT c.oid::regclass AS dumped
FROM pg_extension e, unnest(e.extconfig) AS t (oid) JOIN pg_class c ON c.oid = t.oid
WHERE e.extname = 'chainstream'
ORDER BY c.relname COLLATE "C";

-- What there is to choose from.
SELECT provider, network, asset, transport, schemes, url FROM chainstream.providers();
SELECT provider, topic, by_default, watched, single, submits FROM chainstream.topics();
SELECT provider, option, type FROM chainstream.options();
SELECT count(*) AS without_comment FROM chainstream.topics() WHERE comment IS NULL;
SELECT count(*) AS without_comment FROM chainstream.options() WHERE comment IS NULL;
