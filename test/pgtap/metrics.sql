-- Added metrics against the plain-SQL oracle: values, scales, missing values, weights; contributions that add up; equal
-- to a rebuild after any changes of purchases, attributes and events.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(62);
\ir ../oracle/refresh.sql

-- contributions of every customer, beside the published priority, whole to the last decimal; and explain() of every n-th
CREATE FUNCTION pg_temp.unequal(card text, every_nth int DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE format($q$ SELECT (SELECT count(*) FROM %1$I q, LATERAL (
    SELECT sum(contribution) FILTER (WHERE item <> 'priority') AS total, max(value) FILTER (WHERE item = 'tier') AS tier
    FROM explain(%2$L, q.customer_id::text)) e
  WHERE q.tier IS NOT NULL AND q.customer_id %% %3$s = 0 AND (e.total, e.tier) IS DISTINCT FROM (q.priority::numeric, q.tier::text))
  + (SELECT count(*) FROM %1$I q LEFT JOIN (SELECT customer_id, sum(contribution) AS total FROM contributions(%2$L) GROUP BY 1) c ON c.customer_id = q.customer_id::text
    WHERE q.tier IS NOT NULL AND c.total IS DISTINCT FROM q.priority::numeric) $q$,
    card || '_priority', card, every_nth) INTO n;
  RETURN n;
END $$;
CREATE FUNCTION pg_temp.different(card text, day date) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM oracle.compute(card, day);
  RETURN QUERY SELECT d::text FROM oracle.difference(card) d;
END $$;

SELECT setseed(0.31);
CREATE TABLE people (id int PRIMARY KEY, income numeric(12,2), wallet float8, urgency int, importance int, difficulty int, age int, "group" text, visits_planned int);
INSERT INTO people SELECT i, CASE WHEN random() < .2 THEN NULL ELSE round((random() * 90000)::numeric, 2) END,
    CASE WHEN random() < .05 THEN 'NaN' WHEN random() < .05 THEN 'Infinity' WHEN random() < .1 THEN NULL ELSE random() * 5000 END,
    (random() * 5)::int, (random() * 5)::int, (random() * 3)::int, 20 + (random() * 60)::int, chr(65 + i % 4), (random() * 9)::int
  FROM generate_series(1, 1200) i;
CREATE TABLE shop (customer int, at timestamptz, amount numeric(9,2), cost numeric(9,2), channel text);
INSERT INTO shop SELECT c, '2025-01-01'::timestamptz + 300 * random() * interval '1 day', CASE WHEN random() < .08 THEN -4 ELSE round((exp(random() * 5))::numeric, 2) END,
    round((random() * 20)::numeric, 2), CASE WHEN random() < .6 THEN 'online' ELSE 'store' END
  FROM generate_series(1, 1100) c, LATERAL generate_series(0, floor(-ln(random()) * 2)::int) n;
CREATE INDEX ON shop (customer);
CREATE TABLE survey (who int, at timestamp, score int, answered boolean);
INSERT INTO survey SELECT 1 + (random() * 1300)::int, '2025-01-01'::timestamp + 400 * random() * interval '1 day', (random() * 10)::int, random() < .9 FROM generate_series(1, 4000);
INSERT INTO survey VALUES (NULL, '2025-02-02', 3, true), (7, NULL, 3, true), (8, 'infinity', 3, true), (9, '-infinity', 3, true), (10, '2025-02-02', NULL, true);

SELECT create_scorecard('p', 'shop', 'customer', 'at', 'amount', customers => 'people', customers_key => 'id', every => NULL,
  time_zone => 'America/St_Johns', capture => 'trigger');
SELECT refresh('p', as_of => '2025-12-01');
SELECT is(pg_temp.unequal('p', 40), 0::bigint, 'without added metrics contributions add up');

-- every origin, every scale
SELECT lives_ok($$ SELECT add_metric('p', 'return_rate', reason => 'logistics asked for it') $$, 'a built-in metric over purchases');
SELECT lives_ok($$ SELECT add_metric('p', 'income', 'income', 2, scale => 'minmax', relation => 'people') $$, 'a column of the customers');
SELECT lives_ok($$ SELECT add_metric('p', 'wallet', 'wallet', 0, relation => 'people') $$, 'with NaN and infinity');
SELECT lives_ok($$ SELECT add_metric('p', 'satisfaction', weight => 1.5, scale => 'quantile', parameters => '{5}', relation => 'survey', key => 'who', occurred_at => 'at') $$, 'an average of events');
SELECT lives_ok($$ SELECT add_metric('p', 'nps', weight => 0.25, relation => 'survey', key => 'who', occurred_at => 'at', filter => 'answered', within => '100 days') $$, 'within a window, filtered');
SELECT lives_ok($$ SELECT add_metric('p', 'answers', 'count(*)', 0.7, scale => 'z', relation => 'survey', key => 'who', occurred_at => 'at', if_missing => 0) $$, 'a count, zero for who has no row');
SELECT lives_ok($$ SELECT add_metric('p', 'share_of_wallet', weight => 3) $$, 'one that uses another one');
SELECT lives_ok($$ SELECT add_metric('p', 'basket', 'gross / nullif(purchases, 0)', 1, scale => 'log') $$, 'log');
SELECT lives_ok($$ SELECT add_metric('p', 'rhythm', 'CASE WHEN purchase_days > 1 THEN (last_day - first_day) / (purchase_days - 1)::numeric END', 1, scale => 'target', parameters => '{30}') $$, 'nearness to a target');
SELECT lives_ok($$ SELECT add_metric('p', 'level', 'purchases + return_rows', 1, 'lower', 'breaks', '{2,4,8}') $$, 'fixed breaks, lower is better');
SELECT lives_ok($$ SELECT add_metric('p', 'profit', weight => 0.5, columns => '{"margin": "0.4", "acquisition_cost": "level", "service_cost": "0"}') $$, 'parts of a built-in metric');
SELECT lives_ok($$ SELECT add_metric('p', 'margin', relation => 'shop') $$, 'an aggregate over the source');
SELECT lives_ok($$ SELECT add_metric('p', 'online', weight => 0.1, relation => 'shop', scale => 'minmax', expression => 'avg(CASE WHEN channel = ''online'' THEN 1 ELSE 0 END)') $$, 'another one over the source');
SELECT lives_ok($$ SELECT add_metric('p', 'need_priority') $$, 'an axis of its own');
SELECT lives_ok($$ SELECT add_metric('p', 'silence', 'custprio.scoring_day() - max(at)::date', 0.3, 'lower', relation => 'survey', key => 'who', occurred_at => 'at') $$, 'days since the last event');
SELECT lives_ok($$ SELECT add_metric('p', 'tenure_left', 'as_of - first_day + recency - tenure', 0.2) $$, 'days');
SELECT results_eq($$ SELECT mode, rebased FROM refresh('p', as_of => '2025-12-01') $$, $$ VALUES ('rescore'::text, true) $$, 'a rescore is enough');
SELECT is_empty($$ SELECT pg_temp.different('p', '2025-12-01') $$, 'values, priorities and tiers as the oracle has them');
SELECT is(pg_temp.unequal('p', 40), 0::bigint, 'contributions add up to the priority');
SELECT is_empty($$ SELECT * FROM verify('p') $$, 'verify agrees');
SELECT is((SELECT missing_values->'income'->>'null' FROM refresh_run ORDER BY run_id DESC LIMIT 1)::bigint,
  (SELECT count(*) FROM p_priority WHERE tier IS NOT NULL AND income IS NULL), 'buyers without income are counted');
SELECT is((SELECT (missing_values->'wallet'->>'nan')::int + (missing_values->'wallet'->>'infinite')::int FROM refresh_run ORDER BY run_id DESC LIMIT 1)::bigint,
  (SELECT count(*) FROM p_priority JOIN people ON id = customer_id WHERE tier IS NOT NULL AND people.wallet IN ('NaN', 'Infinity')), 'and who has NaN or infinity');
SELECT is((SELECT (unknown_rows->>'satisfaction')::int || ' ' || (unknown_rows->>'nps')::int || ' ' || (unknown_rows->>'income')::int || ' ' || (unknown_rows ? 'basket') FROM refresh_run ORDER BY run_id DESC LIMIT 1),
  (SELECT count(*) || ' ' || count(*) FILTER (WHERE answered AND at::date > date '2025-12-01' - 100) || ' 0 false' FROM survey
   WHERE (who IS NULL OR who NOT IN (SELECT customer_id FROM p_priority)) AND isfinite(at) AND at::date <= '2025-12-01'), 'events of nobody known are counted');
SELECT cmp_ok((SELECT (unknown_rows->>'nps')::int FROM refresh_run ORDER BY run_id DESC LIMIT 1), '>', 0, 'there are some');
SELECT isnt_empty($$ SELECT 1 FROM p_priority WHERE tier IS NULL AND income IS NOT NULL $$, 'prospects have values too');
SELECT is((SELECT count(*) FROM policy_change WHERE policy = 'metric' AND old IS NULL AND new->>'metric' = 'return_rate' AND reason = 'logistics asked for it'), 1::bigint, 'who added a metric and why is noted');
SELECT is((SELECT mode FROM refresh('p', as_of => '2025-12-01')), 'incremental', 'changes of other relations are captured too');
SELECT is((SELECT inserted + updated + deleted + state_written FROM refresh_run ORDER BY run_id DESC LIMIT 1), 0::bigint, 'with nothing changed nothing is written');

-- within the epoch: thresholds stay
INSERT INTO survey SELECT 1 + (random() * 1300)::int, '2025-11-01', (random() * 10)::int, true FROM generate_series(1, 50);
UPDATE people SET income = income * 3 WHERE id % 17 = 0;
DELETE FROM survey WHERE who % 13 = 0;
INSERT INTO shop SELECT 1 + (random() * 1100)::int, '2025-11-30', 50, 5, 'store' FROM generate_series(1, 20);
DELETE FROM people WHERE id % 50 = 0 AND id IN (SELECT customer FROM shop);
SELECT results_eq($$ SELECT mode, rebased, updated > 100 FROM refresh('p', as_of => '2025-12-01') $$, $$ VALUES ('incremental'::text, false, true) $$, 'changes of attributes and events are taken in under the epoch''s thresholds');
SELECT is((SELECT unknown_rows FROM refresh_run ORDER BY run_id DESC LIMIT 1), NULL, 'which looks at no others');
SELECT is_empty($$ SELECT * FROM verify('p') $$, 'as a rebuild would');
SELECT is(pg_temp.unequal('p', 40), 0::bigint, 'contributions still add up');
SELECT is_empty($$ SELECT 1 FROM p_tier_history WHERE run_id = (SELECT max(run_id) FROM refresh_run) AND reason NOT IN ('behaviour') $$, 'tiers moved because of what customers did');
SELECT refresh('p', as_of => '2025-12-15');
SELECT is_empty($$ SELECT pg_temp.different('p', '2025-12-15') $$, 'another day: windows and events of days to come');

-- any weights
CREATE TABLE outcome (n int, unequal bigint, different bigint);
DO $$
BEGIN
  FOR i IN 1 .. 4 LOOP
    PERFORM set_weights('p', (SELECT jsonb_object_agg(metric, CASE WHEN random() < .2 AND origin <> 'built-in' THEN 0 ELSE round((exp(random() * 9 - 4))::numeric, i) + 0.000001 END)
      FROM custprio.metric WHERE axis = 'value'), 'random');
    PERFORM refresh('p', as_of => '2025-12-15');
    INSERT INTO outcome VALUES (i, pg_temp.unequal('p', 31), (SELECT count(*) FROM pg_temp.different('p', '2025-12-15')));
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM outcome WHERE unequal = 0 AND different = 0), 4::bigint, 'random weights');
SELECT throws_like($$ SELECT set_weights('p', '{"need_priority": 1}') $$, '%must not enter the priority%', 'an axis of its own gets no weight');
SELECT throws_like($$ SELECT set_weights('p', '{"recency": 0, "frequency": 0, "monetary": 0}') $$, '%would all weigh nothing%', 'what everybody has must weigh something');

-- all of a customer's added metrics missing: the mean of the rest
SELECT is((SELECT count(*) FROM p_priority q, LATERAL (SELECT sum(weight) FILTER (WHERE item IN ('recency', 'frequency', 'monetary', 'clv')) = max(weight) FILTER (WHERE item = 'priority') AS same FROM explain('p', q.customer_id::text)) e
  WHERE customer_id IN (SELECT customer_id FROM p_priority WHERE tier IS NOT NULL ORDER BY customer_id LIMIT 50) AND NOT same
    AND (SELECT sum(weight) FROM custprio.metric WHERE metric.metric NOT IN ('recency', 'frequency', 'monetary', 'clv')) = 0), 0::bigint, 'weights renormalise');

-- dropping
SELECT throws_like($$ SELECT drop_metric('p', 'wallet') $$, 'metric "wallet" of scorecard "p" is in use', 'a metric that another one uses stays');
SELECT throws_like($$ SELECT drop_metric('p', 'monetary') $$, '%has no added metric "monetary"%', 'the four stay');
CREATE VIEW of_mine AS SELECT customer_id, basket FROM p_priority;
SELECT throws_ok($$ SELECT drop_metric('p', 'basket') $$, '2BP01', NULL, 'a column that a view reads stays');
DROP VIEW of_mine;
SELECT lives_ok($$ SELECT drop_metric('p', 'basket', 'nobody looks at it') $$, 'a metric is dropped');
SELECT hasnt_column('p_priority', 'basket', 'with its column');
SELECT lives_ok($$ SELECT refresh('p', as_of => '2025-12-15') $$, 'and refreshes go on');
SELECT is_empty($$ SELECT pg_temp.different('p', '2025-12-15') $$, 'as the oracle has it');
SELECT is((SELECT old->>'scale' || ', ' || reason FROM policy_change WHERE policy = 'metric' AND new IS NULL), 'log, nobody looks at it', 'which is noted');
SELECT isnt_empty($$ SELECT 1 FROM describe('p') WHERE metric = 'income' AND customers > 500 $$, 'describe() has added metrics');
SELECT results_eq($$ SELECT count(*), count(DISTINCT (x_bin, y_bin)), min(x_bin), max(y_bin) FROM grid('p', 'monetary', 'need_priority', 2, 3) $$,
  $$ SELECT count(*), 6::bigint, 1, 3 FROM p_priority WHERE need_priority IS NOT NULL $$, 'a grid of value and need');
SELECT throws_like($$ SELECT * FROM grid('p', 'monetary', 'tier') $$, '%publishes no number "tier"%', 'of numbers only');

-- a table that is grown slowly: one customer, then ten thousand
CREATE TABLE few (customer int, at date, amount numeric);
CREATE TABLE fact (customer int, v float8);
SELECT create_scorecard('f', 'few', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', amount_scale => 2, clv_model => 'none');
SELECT add_metric('f', s, 'max(v)', 1, scale => s, relation => 'fact', key => 'customer', parameters => p::numeric[])
  FROM (VALUES ('percentile', '{}'), ('quantile', '{4}'), ('minmax', '{}'), ('z', '{}'), ('log', '{}'), ('breaks', '{1,2}'), ('target', '{3}')) v(s, p);
SELECT is((SELECT buyers FROM refresh('f', as_of => '2025-06-01')), 0::bigint, 'nobody');
INSERT INTO few VALUES (1, '2025-01-01', 10);
SELECT is((SELECT warnings::text FROM refresh('f', as_of => '2025-06-01')) ~ 'no buyer has a value of metric z', true, 'one customer, no value: said');
SELECT is((SELECT priority FROM f_priority), 0.0000, 'the mean of the rest');
INSERT INTO fact VALUES (1, 2.5);
SELECT refresh('f', as_of => '2025-06-01');
SELECT is_empty($$ SELECT * FROM verify('f') $$, 'a value without thresholds leaves the mean until the epoch ends');
SELECT refresh('f', 'rebuild', as_of => '2025-06-01');
SELECT is_empty($$ SELECT pg_temp.different('f', '2025-06-01') $$, 'then it is scaled by itself');
INSERT INTO few SELECT i, '2025-01-01'::date + i % 100, (i * 7919) % 1000 FROM generate_series(2, 10000) i;
INSERT INTO fact SELECT i, CASE WHEN random() < .2 THEN NULL WHEN random() < .1 THEN 'NaN' WHEN random() < .05 THEN -1e15 WHEN random() < .5 THEN round((random() * 5)::numeric) ELSE exp(random() * 10) - 20 END
  FROM generate_series(2, 10000) i WHERE i % 10 > 0;
SELECT refresh('f', 'rebuild', as_of => '2025-06-01');
SELECT is_empty($$ SELECT pg_temp.different('f', '2025-06-01') LIMIT 5 $$, 'ten thousand customers with missing values on every scale');
SELECT is(pg_temp.unequal('f', 19), 0::bigint, 'whose contributions add up');
SELECT is((SELECT missing_values->'z'->>'out_of_range' FROM refresh_run ORDER BY run_id DESC LIMIT 1)::int > 100, true, 'what is out of range is missing');
UPDATE fact SET v = v + 1 WHERE customer % 3 = 0;
SELECT refresh('f', as_of => '2025-06-01');
SELECT is_empty($$ SELECT * FROM verify('f') LIMIT 5 $$, 'equal to a rebuild under the thresholds of the epoch');
SELECT is(pg_temp.unequal('f', 97), 0::bigint, 'contributions under them');

-- two rows of a customer that differ
CREATE TABLE twice (id int, v int);
INSERT INTO twice VALUES (1, 1), (1, 1), (2, 1);
SELECT add_metric('f', 'single', 'v', 0, relation => 'twice', key => 'id');
SELECT lives_ok($$ SELECT refresh('f', as_of => '2025-06-01') $$, 'equal rows of a customer do no harm');
INSERT INTO twice VALUES (2, 7);
SELECT throws_like($$ SELECT refresh('f', as_of => '2025-06-01') $$, '%metric "single" has more than one value for a customer%', 'rows that differ are refused');
SELECT * FROM finish();
ROLLBACK;
