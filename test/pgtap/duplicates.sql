-- Candidates for duplicates against all pairs in plain SQL, and what set_aliases() makes of them.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(21);
SELECT setseed(0.7);

SELECT results_eq($$ SELECT plain_text(t) FROM (VALUES ('  Ann'||E'\t'||' MILLER '), (''), ('   '), (NULL), (U&'\FF21nn'), ('王 小明')) v(t) $$,
  $$ VALUES ('ann miller'::text), (NULL), (NULL), (NULL), ('ann'), ('王 小明') $$, 'texts are brought to one form');
SELECT results_eq($$ SELECT phone_digits(t) FROM (VALUES ('+49 (30) 12-34'), ('0049 30 1234'), ('000'), ('n/a'), (NULL)) v(t) $$,
  $$ VALUES ('49301234'::text), ('49301234'), (NULL), (NULL), (NULL) $$, 'and telephone numbers');

-- planted: some customers come again with another key, case, spacing, or without one of the columns
CREATE TABLE person (id int, email text, phone text, name text, zip text);
INSERT INTO person SELECT n, 'User' || n || '@mail.example', '+1 555 ' || (100000 + 7 * n), chr(65 + n % 26) || 'ame' || n * 37 % 1000 || ' surname' || n, 'z' || n % 90 FROM generate_series(1, 400) n;
INSERT INTO person SELECT 1000 + id, CASE WHEN random() < .7 THEN upper(email) || ' ' END, CASE WHEN random() < .7 THEN '001-555-' || (100000 + 7 * id) END,
  replace(name, 'ame', 'am'), zip FROM person WHERE id % 9 = 0;
INSERT INTO person SELECT 2000 + id, email, NULL, name, zip FROM person WHERE id % 45 = 0;
INSERT INTO person VALUES (3001, '', '0', ' ', 'z1'), (3002, '', '0', ' ', 'z1'), (NULL, 'user1@mail.example', NULL, NULL, NULL), (7, 'user8@mail.example', NULL, 'x', 'z8');

-- without pg_trgm
DO $$ BEGIN IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN DROP EXTENSION pg_trgm CASCADE; END IF; END $$;
SELECT throws_ok($$ SELECT * FROM duplicate_candidates('person', 'id', similar_columns => '{name}', block_by => '{zip}') $$, '55000', 'similarity of texts needs the extension pg_trgm', 'similar texts need pg_trgm');

-- all pairs, in another way
CREATE FUNCTION pg_temp.plain(t text) RETURNS text LANGUAGE sql AS $$ SELECT nullif(array_to_string(regexp_split_to_array(trim(lower(t)), '\s+'), ' '), '') $$;
CREATE FUNCTION pg_temp.digits(t text) RETURNS text LANGUAGE sql AS $$ SELECT nullif(regexp_replace(translate(t, translate(t, '0123456789', ''), ''), '^0+', ''), '') $$;
CREATE TEMP TABLE seen AS SELECT id, pg_temp.plain(email) AS e, pg_temp.digits(phone) AS p, pg_temp.plain(name) AS w, pg_temp.plain(zip) AS z FROM person WHERE id IS NOT NULL;
CREATE TEMP TABLE brute AS
  SELECT a.id AS a, b.id AS b, max((SELECT avg(x::int) FROM unnest(ARRAY[a.e = b.e, a.p = b.p]) x))::float8 AS score
  FROM seen a JOIN seen b ON a.id < b.id AND (a.e = b.e OR a.p = b.p) GROUP BY 1, 2;
DELETE FROM brute WHERE score < 0.8;
CREATE TEMP TABLE groups AS
  WITH RECURSIVE reach AS (
    SELECT a, b FROM (SELECT a, b FROM brute UNION SELECT b, a FROM brute) e
    UNION SELECT r.a, e.b FROM reach r JOIN (SELECT a, b FROM brute UNION SELECT b, a FROM brute) e ON e.a = r.b)
  SELECT a AS id, min(b) AS least FROM (SELECT * FROM reach UNION SELECT a, a FROM reach) r GROUP BY a;
CREATE TEMP TABLE candidate AS SELECT * FROM duplicate_candidates('person', 'id', '{email}', '{phone}');
SELECT cmp_ok((SELECT count(*) FROM candidate), '>', 40::bigint, 'planted duplicates are found');
SELECT set_eq('SELECT alias::int, canonical::int FROM candidate', 'SELECT id, least FROM groups WHERE id <> least', 'the same groups as from all pairs');
SELECT set_eq('SELECT c.alias, c.score FROM candidate c', 'SELECT g.id::text, max(b.score) FROM groups g JOIN brute b ON g.id IN (b.a, b.b) WHERE g.id <> g.least GROUP BY 1', 'each with its best score');
SELECT is_empty($$ SELECT * FROM candidate c WHERE NOT EXISTS (SELECT FROM brute b WHERE b.score = c.score AND ((b.a::text, b.b::text) = (c.alias, c.matched) OR (b.b::text, b.a::text) = (c.alias, c.matched))) $$, 'and with the key that has it');
SELECT is_empty($$ SELECT alias FROM candidate GROUP BY alias HAVING count(*) > 1 UNION SELECT alias FROM candidate WHERE alias IN (SELECT canonical FROM candidate) $$, 'no alias means two, none is an alias of an alias');
SELECT is_empty($$ SELECT * FROM candidate WHERE '3001' IN (alias, canonical) OR '3002' IN (alias, canonical) $$, 'what is missing in both is not equal');
SELECT is((SELECT agreement FROM candidate WHERE alias = '8'), '{"email": 1.0000, "phone": null}'::jsonb, 'a key with several lines is compared by each');
SELECT is((SELECT count(*) FROM duplicate_candidates('person', 'id', '{email}', '{phone}', threshold => 0.5)), (SELECT count(*) FROM candidate), 'a lower threshold, where nothing lies between');
UPDATE person SET phone = '1' WHERE id = 1009;
UPDATE person SET email = 'user9@mail.example' WHERE id = 1009;
SELECT is((SELECT count(*) FROM duplicate_candidates('person', 'id', '{email}', '{phone}') WHERE alias = '1009'), 0::bigint, 'half of the columns do not reach 0.8');
SELECT is((SELECT score FROM duplicate_candidates('person', 'id', '{email}', '{phone}', threshold => 0.5) WHERE alias = '1009'), 0.5::float8, 'but 0.5');
SELECT is_empty($$ SELECT * FROM duplicate_candidates('person', 'id', '{email}', block_by => '{zip}', max_block => 2) $$, 'values that too many share are passed over');

-- with pg_trgm: trigrams counted by hand
CREATE SCHEMA elsewhere;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN CREATE EXTENSION pg_trgm SCHEMA elsewhere; END IF; END $$;
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS trigrams \gset
\if :trigrams
CREATE FUNCTION pg_temp.trigrams(t text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(DISTINCT substr('  ' || w || ' ', i, 3)) FROM regexp_split_to_table(t, '[^[:alnum:]]+') w, generate_series(1, length(w) + 1) i WHERE w <> '' $$;
CREATE TEMP TABLE alike AS SELECT a.id AS a, b.id AS b, s.n::float8 / (cardinality(pg_temp.trigrams(a.w)) + cardinality(pg_temp.trigrams(b.w)) - s.n) AS score
  FROM seen a JOIN seen b ON a.id < b.id AND a.z = b.z, LATERAL (SELECT count(*) AS n FROM unnest(pg_temp.trigrams(a.w)) x JOIN unnest(pg_temp.trigrams(b.w)) y ON x = y) s
  WHERE a.w IS NOT NULL AND b.w IS NOT NULL;
CREATE TEMP TABLE similarly AS SELECT * FROM duplicate_candidates('person', 'id', similar_columns => '{name}', block_by => '{zip}', threshold => 0.6);
SELECT cmp_ok((SELECT count(*) FROM similarly), '>', 10::bigint, 'similar names are found');
SELECT is_empty($$ SELECT alias FROM similarly c WHERE abs(c.score - (SELECT max(score) FROM alike WHERE c.alias::int IN (a, b))) > 1e-6 $$, 'with their similarity');
SELECT is((SELECT count(DISTINCT id) FROM (SELECT a AS id FROM alike WHERE score >= 0.6 UNION SELECT b FROM alike WHERE score >= 0.6) q),
  (SELECT count(DISTINCT id) FROM (SELECT alias AS id FROM similarly UNION SELECT canonical FROM similarly) q), 'and no other');
\else
SELECT skip('pg_trgm is not there', 3);
\endif

-- into set_aliases()
CREATE TABLE sale AS SELECT id AS buyer, date '2025-01-01' + (300 * random())::int AS day, round((100 * random())::numeric, 2) AS amount FROM person, generate_series(1, 3) WHERE id IS NOT NULL;
SELECT create_scorecard('d', 'sale', 'buyer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT count(*) FROM refresh('d', as_of => '2025-12-01');
CREATE TEMP TABLE apart AS SELECT customer_id, monetary, frequency FROM d_priority;
CREATE TABLE duplicate AS SELECT alias, canonical FROM candidate;
SELECT set_aliases('d', 'duplicate', 'alias::int', 'canonical::int');
SELECT count(*) FROM refresh('d', as_of => '2025-12-01');
SELECT set_eq('SELECT customer_id, monetary FROM d_priority', $$ SELECT coalesce(c.canonical::int, s.buyer), sum(s.amount) FROM sale s LEFT JOIN candidate c ON c.alias = s.buyer::text GROUP BY 1 $$, 'set_aliases() takes them');
SELECT is_empty($$ SELECT * FROM verify('d') $$, 'exactly');
DELETE FROM duplicate;
SELECT count(*) FROM refresh('d', 'rebuild', as_of => '2025-12-01');
SELECT set_eq('SELECT customer_id, monetary, frequency FROM d_priority', 'SELECT * FROM apart', 'and they come apart again');
SELECT is((SELECT count(*) FROM person WHERE id IS NULL), 1::bigint, 'a line without key was there, and named nobody');
SELECT * FROM finish();
ROLLBACK;
