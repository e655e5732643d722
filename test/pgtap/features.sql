-- doc/features.md has every item from 1 to 85 once, and names only functions and tests that exist. Run from the project's root.
\set features `cat doc/features.md`
\set files `cd test && ls pgtap/*.sql sql/*.sql t/*.pl`
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SELECT plan(6);
CREATE TEMP TABLE item AS
  SELECT trim(c[2])::int AS n, c[4] AS how, c[5] AS test
  FROM regexp_split_to_table(:'features', '\n') line, LATERAL (SELECT string_to_array(line, '|')) s(c) WHERE line ~ '^\| \d+ \|';
SELECT results_eq('SELECT n FROM item ORDER BY n', 'SELECT generate_series(1, 85)', 'every item, once');
SELECT is_empty($$ SELECT n FROM item WHERE trim(how) = '' $$, 'each says how, or why not');
SELECT is_empty($$
  SELECT n, f[1] FROM item, regexp_matches(how, '`([a-z_0-9]+)\(\)`', 'g') f
  WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'custprio'::regnamespace AND p.proname = f[1])
$$, 'every function that is named exists');
SELECT cmp_ok((SELECT count(DISTINCT f[1]) FROM item, regexp_matches(how, '`([a-z_0-9]+)\(\)`', 'g') f), '>', 80::bigint, 'and there are many');
SELECT is_empty(format($$
  SELECT n, f[1] FROM item, regexp_matches(test, '`([^`]+)`', 'g') f WHERE f[1] <> ALL (regexp_split_to_array(%L, '\s+'))
$$, :'files'), 'every test that is named exists');
SELECT is_empty($$ SELECT n FROM item WHERE how ~ '\(\)`' AND test !~ '`' $$, 'what SQL does, a test shows');
SELECT * FROM finish();
ROLLBACK;
