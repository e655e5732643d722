-- forget(): no row that a scorecard keeps names the customer any more, everything else stays.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(21);

CREATE TABLE people (id text);
CREATE TABLE orders (customer text, at date, amount int);
INSERT INTO people SELECT 'person ' || i FROM generate_series(1, 60) i;
INSERT INTO orders SELECT 'person ' || (i * i) % 50, date '2025-01-01' + i % 200, i FROM generate_series(1, 600) i;
CREATE INDEX ON orders (customer);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', customers => 'people', customers_key => 'id', capture => 'trigger');
SELECT refresh('crm', as_of => '2025-03-01');
SELECT refresh('crm', as_of => '2025-07-01');
SELECT refresh('crm', as_of => '2025-12-31');

-- every relation of custprio and of the scorecard, as text
CREATE FUNCTION pg_temp.hits(who text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record; n bigint;
BEGIN
  FOR r IN SELECT c.oid::regclass AS rel FROM pg_class c WHERE c.relkind IN ('r', 'v') AND (c.relnamespace = 'custprio'::regnamespace OR c.relname ~ '^crm_') LOOP
    EXECUTE format('SELECT count(*) FROM %s t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, encode(convert_to($1, ''UTF8''), ''hex'')) > 0', r.rel) INTO n USING who;
    IF n > 0 THEN RETURN NEXT r.rel || ' ' || n; END IF;
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.forget(who text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(deleted::text, ' ') FROM forget('crm', who) $$;

SELECT set_override('crm', 'person 21', 'floor', 'B', 'a promise'), set_override('crm', 'person 24', 'floor', 'B', 'a promise');
INSERT INTO orders VALUES ('person 21', '2025-12-30', 5), ('person 24', '2025-12-30', 5), ('person 25', '2025-12-30', 5);
SELECT cmp_ok((SELECT count(*) FROM pg_temp.hits('person 21')), '>=', 5::bigint, 'a customer is in many places');
CREATE TEMP TABLE totals AS SELECT (SELECT jsonb_agg(to_jsonb(r) ORDER BY run_id) FROM refresh_run r) AS runs, (SELECT jsonb_agg(to_jsonb(t) ORDER BY run_id, metric, kind) FROM threshold t) AS thresholds;
CREATE TEMP TABLE others AS SELECT * FROM crm_priority WHERE customer_id <> 'person 21';
DELETE FROM orders WHERE customer = 'person 21';
DELETE FROM people WHERE id = 'person 21';
SELECT matches(pg_temp.forget('person 21'), '^1 1 [1-9] 1 1$', 'rows of each kind are deleted, and counted');
SELECT is_empty($$ SELECT * FROM pg_temp.hits('person 21') $$, 'and none is left in any relation');
SELECT set_eq('SELECT * FROM crm_priority', 'SELECT * FROM others', 'nobody else''s row is touched');
SELECT is((SELECT runs FROM totals), (SELECT jsonb_agg(to_jsonb(r) ORDER BY run_id) FROM refresh_run r), 'accounts of runs stay');
SELECT is((SELECT thresholds FROM totals), (SELECT jsonb_agg(to_jsonb(t) ORDER BY run_id, metric, kind) FROM threshold t), 'thresholds stay');
SELECT is((SELECT concat_ws(' ', mode, queued) FROM refresh('crm', as_of => '2025-12-31')), 'incremental 2', 'the queue still knows the others who bought');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'what is published is what a rebuild publishes');
SELECT refresh('crm', 'rebuild', '2026-01-05');
SELECT is_empty($$ SELECT * FROM pg_temp.hits('person 21') $$, 'a rebuild does not bring the customer back');
SELECT is(pg_temp.forget('person 21'), '0 0 0 0 0', 'forgetting again finds nothing');
SELECT is(pg_temp.forget('nobody'), '0 0 0 0 0', 'nor is a stranger known');

-- still in the source
SELECT matches(pg_temp.forget('person 24'), '^1 1 [1-9] 0 1$', 'a customer who is still in the source');
SELECT is_empty($$ SELECT * FROM pg_temp.hits('person 24') $$, 'is forgotten');
SELECT refresh('crm', 'auto', '2026-01-05');
SELECT is_empty($$ SELECT * FROM pg_temp.hits('person 24') $$, 'stays so while nothing changes');
SELECT refresh('crm', 'rebuild', '2026-01-05');
SELECT isnt_empty($$ SELECT * FROM pg_temp.hits('person 24') $$, 'and comes back when the source is read again');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'as if never gone');

-- other keys
CREATE TABLE numbered (customer int, at date, amount int);
INSERT INTO numbered SELECT i % 20, '2025-01-01', i FROM generate_series(1, 100) i;
SELECT create_scorecard('num', 'numbered', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC');
SELECT refresh('num');
DELETE FROM numbered WHERE customer = 7;
SELECT is((SELECT string_agg(deleted::text, ' ') FROM forget('num', ' 7 ')), '1 1 1 0 0', 'a number, as text');
SELECT is((SELECT count(*) FROM num_priority), 19::bigint, 'is one customer');
SELECT throws_ok($$ SELECT forget('num', 'seven') $$, '22P02', NULL, 'what is no key is refused');
SELECT is_empty($$ SELECT forget('num', NULL) $$, 'NULL gives nothing');
CREATE ROLE stranger;
SET ROLE stranger;
SELECT throws_ok($$ SELECT custprio.forget('num', '3') $$, '42501', NULL, 'the owner alone');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
