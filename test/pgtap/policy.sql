-- Weights and tiers as owners set them, against the plain-SQL oracle; what explain() says adds up.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(32);
\ir ../oracle/refresh.sql

SELECT setseed(0.17);
CREATE TABLE shop (customer int, day date, amount numeric(9,3));
INSERT INTO shop
  SELECT c, date '2025-01-01' + (300 * random())::int, CASE WHEN random() < .06 THEN -4 ELSE round((exp(random() * 4))::numeric, 3) END
  FROM generate_series(1, 1500) c, LATERAL generate_series(0, floor(-ln(random()) * 2)::int) n;
CREATE INDEX ON shop (customer);
SELECT create_scorecard('p', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', amount_scale => 1, capture => 'trigger');
SELECT count(*) FROM refresh('p', as_of => '2025-12-01');

-- every contribution of every customer, beside the published priority; and what explain() says of some
CREATE FUNCTION pg_temp.unequal() RETURNS bigint LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM p_priority q LEFT JOIN (SELECT customer_id, sum(contribution) AS total FROM contributions('p') GROUP BY 1) c ON c.customer_id = q.customer_id::text
    WHERE q.tier IS NOT NULL AND c.total IS DISTINCT FROM q.priority::numeric)
  + (SELECT count(*) FROM p_priority q, LATERAL (
      SELECT round(sum(contribution) FILTER (WHERE item IN ('recency', 'frequency', 'monetary', 'clv')), 4) AS total,
             max(value) FILTER (WHERE item = 'tier') AS tier
      FROM explain('p', q.customer_id::text)) e
    WHERE q.tier IS NOT NULL AND q.customer_id % 20 = 0 AND (e.total, e.tier) IS DISTINCT FROM (q.priority::numeric, q.tier::text))
$$;
SELECT is(pg_temp.unequal(), 0::bigint, 'contributions add up to the priority of every customer');
SELECT cmp_ok((SELECT count(*) FROM p_priority WHERE tier IS NOT NULL), '>', 1000::bigint, 'of many customers');

-- weights
SELECT lives_ok($$ SELECT set_weights('p', '{"recency": 0.1056, "frequency": 0, "monetary": 3}', 'margin meeting') $$, 'weights are set');
SELECT throws_like($$ SELECT * FROM explain('p', '1') $$, '%has changed since it was refreshed', 'what is published does not follow the new weights yet');
SELECT results_eq($$ SELECT mode, rebased FROM refresh('p', as_of => '2025-12-01') $$, $$ VALUES ('rescore'::text, true) $$, 'a rescore is enough for new weights');
SELECT oracle.compute('p', date '2025-12-01');
SELECT is_empty($$ SELECT * FROM oracle.difference('p') $$, 'priorities follow the new weights');
SELECT is(pg_temp.unequal(), 0::bigint, 'and contributions add up to them');
SELECT is_empty($$ SELECT 1 FROM p_tier_history WHERE previous_tier IS NOT NULL AND reason <> 'policy' $$, 'tiers moved because of the policy');
SELECT isnt_empty($$ SELECT 1 FROM p_tier_history WHERE reason = 'policy' $$, 'and some did');
SELECT is((SELECT weight FROM metric WHERE metric = 'clv'), 1::numeric, 'a metric that is not named keeps its weight');
SELECT results_eq($$ SELECT policy, reason, old->>'monetary', new->>'monetary', changed_by = current_user FROM policy_change $$,
  $$ VALUES ('weights'::text, 'margin meeting'::text, '1'::text, '3'::text, true) $$, 'the change is noted');
SELECT lives_ok($$ SELECT set_weights('p', '{"monetary": 3.000}') $$, 'the same weight again');
SELECT is((SELECT count(*) FROM policy_change), 1::bigint, 'is no change');
SELECT is((SELECT mode FROM refresh('p', as_of => '2025-12-01')), 'incremental', 'and leaves the epoch alone');
SELECT is_empty($$ SELECT * FROM verify('p') $$, 'verify agrees');

-- random weights
CREATE TABLE outcome (n int, unequal bigint, different bigint);
DO $$
BEGIN
  FOR i IN 1 .. 8 LOOP
    PERFORM set_weights('p', jsonb_build_object('recency', round((random() * 10)::numeric, i), 'frequency', round(random()::numeric, i) + 0.1,
      'monetary', CASE WHEN i % 3 = 0 THEN 0 ELSE round((random() * 1000)::numeric, 2) END, 'clv', i % 2));
    PERFORM refresh('p', as_of => '2025-12-01');
    PERFORM oracle.compute('p', date '2025-12-01');
    INSERT INTO outcome VALUES (i, pg_temp.unequal(), (SELECT count(*) FROM oracle.difference('p')));
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM outcome), 8::bigint, 'eight random sets of weights');
SELECT is_empty($$ SELECT * FROM outcome WHERE unequal + different > 0 $$, 'each agrees with the oracle, and each explanation adds up');

-- ladders
SELECT lives_ok($$ SELECT set_tiers('p', '{0.02,0.1,0.3,0.6}', reason => 'five tiers') $$, 'a ladder of five');
SELECT count(*) FROM refresh('p', as_of => '2025-12-01');
SELECT oracle.compute('p', date '2025-12-01');
SELECT is_empty($$ SELECT * FROM oracle.difference('p') $$, 'tiers follow the new cuts');
SELECT is((SELECT string_agg(DISTINCT tier::text, '' ORDER BY tier::text) FROM p_priority), 'ABCDE', 'all five are there');
SELECT is(pg_temp.unequal(), 0::bigint, 'explain knows them');
SELECT is((SELECT explanation ~ '; tier A begins at [0-9.]+, [0-9.]+ more$' FROM explain('p', (SELECT customer_id::text FROM p_priority WHERE tier = 'B' LIMIT 1)) WHERE item = 'tier'), true, 'and how far the next is');
SELECT is((SELECT explanation FROM explain('p', (SELECT customer_id::text FROM p_priority WHERE tier = 'E' LIMIT 1)) WHERE item = 'tier') LIKE 'priority below all cuts; tier D begins at %', true, 'also for the last one');
SELECT ok((SELECT bool_and(p.priority + e.missing >= e.cut) FROM (SELECT * FROM p_priority WHERE tier = 'C' LIMIT 20) p,
  LATERAL (SELECT substring(explanation from 'B begins at ([0-9.]+)')::numeric AS cut, substring(explanation from ', ([0-9.]+) more')::numeric AS missing
           FROM explain('p', p.customer_id::text) WHERE item = 'tier') e), 'what is said to be missing reaches the next cut');
SELECT lives_ok($$ SELECT set_tiers('p', '{0.25}', '{H,M}') $$, 'letters of one''s own');
SELECT count(*) FROM refresh('p', 'rescore', as_of => '2025-12-01');
SELECT is((SELECT string_agg(DISTINCT tier::text, '' ORDER BY tier::text) FROM p_priority), 'HM', 'are published');

-- migration: the sums of the matrix are the tiers of each day
SELECT set_tiers('p', '{0.05,0.2,0.5}');
SELECT count(*) FROM refresh('p', 'rescore', as_of => '2025-12-02');
INSERT INTO shop SELECT c, '2025-12-03', 500 FROM generate_series(1400, 1600) c;
DELETE FROM shop WHERE customer < 50;
CREATE TABLE earlier AS SELECT * FROM p_priority;
SELECT count(*) FROM refresh('p', 'rebuild', as_of => '2025-12-04');
SELECT results_eq($$ SELECT from_tier, to_tier, customers FROM migration('p', '2025-12-02', '2025-12-04') $$,
  $$ SELECT a.tier, b.tier, count(*) FROM earlier a FULL JOIN p_priority b USING (customer_id)
     WHERE a.tier IS NOT NULL OR b.tier IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2 $$, 'migration is what a comparison of two copies says');
SELECT is_empty($$ SELECT * FROM migration('p', '2020-01-01', '2020-02-01') $$, 'nothing before the first run');
SELECT throws_like($$ SELECT * FROM migration('p', '2025-12-02', '2025-12-01') $$, 'argument "from_day" must not be after "to_day"', 'days in order');

-- an older day published: the state's revenue is not that day's
SELECT count(*) FROM refresh('p', as_of => '2025-06-01');
SELECT cmp_ok((SELECT count(*) FROM p_priority WHERE tier IS NOT NULL), '>', 100::bigint, 'an older day');
SELECT lives_ok($$ SELECT count(*) FROM p_priority q, LATERAL explain('p', q.customer_id::text) $$, 'is explained too');
SELECT throws_like($$ SELECT * FROM explain('p', '999999') $$, '%has no customer "999999"', 'an unknown customer');
SELECT * FROM finish();
ROLLBACK;
