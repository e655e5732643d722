-- Stages of customers against plain SQL, and what is made of them.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(27);
CREATE TABLE life (customer int, day date, amount numeric(9,2));
CREATE TABLE person (id int);
SELECT setseed(0.4);
INSERT INTO life SELECT c, date '2024-01-01' + floor(c % 90 + n * (1 + c % 11 * 4) * (0.3 + random()))::int, 10 + c % 7
  FROM generate_series(1, 600) c, LATERAL generate_series(0, c % 13) n;
DELETE FROM life WHERE day > '2025-01-31';
INSERT INTO life VALUES (9001, '2024-05-05', -5);
INSERT INTO person SELECT generate_series(1, 9001, 9000) UNION SELECT 9002;
INSERT INTO person SELECT generate_series(2, 600);
SELECT create_scorecard('life', 'life', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', customers => 'person', customers_key => 'id',
  clv_model => 'none', capture => 'trigger');
SELECT count(*) FROM refresh('life', as_of => '2024-06-30');
SELECT results_eq($$ SELECT DISTINCT stage, relationship FROM life_priority ORDER BY 1 $$,
  $$ VALUES ('prospect', NULL::text), ('returns_only', NULL), (NULL, NULL) $$, 'without rules buyers have no stage');
SELECT throws_like($$ SELECT * FROM win_back('life') $$, 'scorecard "life" has no lifecycle', 'nor is there a queue');
SELECT set_lifecycle('life', period => 40);
SELECT is((SELECT mode FROM refresh('life', as_of => '2024-06-30')), 'rescore', 'rules need no rebuild');

-- the rules once more, in SQL
CREATE FUNCTION pg_temp.stages(as_of date, new_days int, minimum_gaps int, q float8, lost_after float8, period int, change float8, loyal_days int)
RETURNS TABLE (customer int, stage text, relationship text) LANGUAGE sql AS $$
  WITH d AS (SELECT DISTINCT l.customer, l.day FROM life l WHERE l.amount >= 0 AND l.day <= as_of),
  g AS (SELECT d.customer, d.day, d.day - lag(d.day) OVER w AS gap, row_number() OVER (PARTITION BY d.customer ORDER BY d.day DESC) AS back
        FROM d WINDOW w AS (PARTITION BY d.customer ORDER BY d.day)),
  everybody AS (SELECT coalesce(percentile_disc(q) WITHIN GROUP (ORDER BY gap), period) AS gap FROM g WHERE gap IS NOT NULL),
  c AS (SELECT g.customer, min(day) AS first, max(day) AS last, count(*) AS days,
      CASE WHEN count(gap) >= minimum_gaps THEN percentile_disc(q) WITHIN GROUP (ORDER BY gap) ELSE (SELECT e.gap FROM everybody e) END AS unusual,
      CASE WHEN count(gap) - 1 >= minimum_gaps THEN percentile_disc(q) WITHIN GROUP (ORDER BY gap) FILTER (WHERE back > 1) ELSE (SELECT e.gap FROM everybody e) END AS unusual_before,
      max(gap) FILTER (WHERE back = 1) AS last_gap,
      count(*) FILTER (WHERE day > as_of - period) AS recent, count(*) FILTER (WHERE day <= as_of - period AND day > as_of - 2 * period) AS before
    FROM g GROUP BY 1),
  s AS (SELECT c.*, CASE WHEN as_of - last > unusual * lost_after THEN 'lost' WHEN as_of - last > unusual THEN 'dormant'
      WHEN as_of - first <= new_days THEN 'new' WHEN last_gap > unusual_before AND as_of - last <= new_days THEN 'reactivated'
      WHEN as_of - first < 2 * period THEN 'active'
      WHEN recent > before * (1 + change) THEN 'growing' WHEN recent < before * (1 - change) THEN 'declining' ELSE 'active' END AS stage FROM c)
  SELECT s.customer, s.stage, CASE WHEN s.stage IN ('lost', 'dormant') THEN 'churned' WHEN s.stage <> 'new' AND s.days >= loyal_days THEN 'loyal' ELSE 'potential' END FROM s
$$;
SELECT is_empty($$ SELECT p.customer_id, p.stage, s.stage, p.relationship, s.relationship FROM life_priority p
  FULL JOIN pg_temp.stages('2024-06-30', 30, 3, 0.95, 2, 40, 0.25, 3) s ON s.customer = p.customer_id
  WHERE (p.tier IS NOT NULL OR s.customer IS NOT NULL) AND (p.stage, p.relationship) IS DISTINCT FROM (s.stage, s.relationship) $$, 'stages are those of plain SQL');
SELECT cmp_ok((SELECT count(DISTINCT stage) FROM life_priority), '>=', 8::bigint, 'of many kinds');
SELECT results_eq($$ SELECT stage, relationship FROM life_priority WHERE customer_id > 9000 ORDER BY 1 $$,
  $$ VALUES ('prospect'::text, 'potential'::text), ('returns_only', 'potential') $$, 'who never bought may yet');
SELECT is_empty($$ SELECT * FROM verify('life') $$, 'verify agrees');
INSERT INTO life SELECT c, '2024-06-30', 3 FROM generate_series(5, 600, 17) c;
DELETE FROM life WHERE customer % 50 = 7 AND day > '2024-04-01';
SELECT is((SELECT mode FROM refresh('life', as_of => '2024-06-30')), 'incremental', 'purchases are taken in one by one');
SELECT is_empty($$ SELECT * FROM verify('life') $$, 'under the rhythm of the epoch');
SELECT is((SELECT mode FROM refresh('life', 'rebuild', as_of => '2024-09-15')), 'rebuild', 'another day');
SELECT is_empty($$ SELECT p.customer_id, p.stage, s.stage FROM life_priority p
  FULL JOIN pg_temp.stages('2024-09-15', 30, 3, 0.95, 2, 40, 0.25, 3) s ON s.customer = p.customer_id
  WHERE (p.tier IS NOT NULL OR s.customer IS NOT NULL) AND (p.stage, p.relationship) IS DISTINCT FROM (s.stage, s.relationship) $$, 'the same again');
SELECT set_lifecycle('life', 60, 2, 0.8, 1.5, 100, 0.1, 0.05, 2);
SELECT count(*) FROM refresh('life', as_of => '2024-09-15');
SELECT is_empty($$ SELECT p.customer_id, p.stage, s.stage FROM life_priority p
  FULL JOIN pg_temp.stages('2024-09-15', 60, 2, 0.8, 1.5, 100, 0.1, 2) s ON s.customer = p.customer_id
  WHERE (p.tier IS NOT NULL OR s.customer IS NOT NULL) AND (p.stage, p.relationship) IS DISTINCT FROM (s.stage, s.relationship) $$, 'and under other rules');
SELECT is((SELECT count(*) FROM refresh('life', as_of => '2024-09-15') WHERE updated > 0), 0::bigint, 'a second refresh writes nothing');

SELECT is((SELECT sum(customers) FROM stage_flow('life', '2024-06-30', '2024-09-15') WHERE to_stage IS NOT NULL), (SELECT count(*)::numeric FROM life_priority),
  'the flow between two days has every customer once');
SELECT results_eq($$ SELECT to_stage, sum(customers) FROM stage_flow('life', '2024-06-30', '2024-09-15') WHERE to_stage IS NOT NULL GROUP BY 1 ORDER BY 1 $$,
  $$ SELECT stage, count(*)::numeric FROM life_priority GROUP BY 1 ORDER BY 1 $$, 'and ends where they are');
SELECT results_eq($$ SELECT customer_id::int FROM win_back('life', 5) $$,
  $$ SELECT customer_id FROM life_priority WHERE stage IN ('dormant', 'lost') ORDER BY monetary DESC, customer_id LIMIT 5 $$, 'without a fit, those with the greatest revenue come first');

SELECT throws_like(format($$ SELECT set_lifecycle('life', %s) $$, bad), message, bad) FROM (VALUES
  ('new_days => -1', 'argument "new_days" must be between 0 and 36500 days'), ('minimum_gaps => 0', 'argument "minimum_gaps" must be%'),
  ('rhythm_quantile => ''NaN''', 'argument "rhythm_quantile" must be%'), ('lost_after => 0.5', 'argument "lost_after" must be%'),
  ('period => 0', 'argument "period" must be%'), ('change => 2', 'argument "change" must be%'), ('alive_below => -0.1', 'argument "alive_below" must be%')) v(bad, message);

-- with a fit, P(alive) has its say, and the queue goes by value times chance
SELECT set_lifecycle('life', alive_below => 0.5);
SELECT alter_scorecard('life', clv_model => 'mbgnbd');
SELECT count(*) FROM refresh('life', as_of => '2024-09-15');
SELECT is_empty($$ SELECT 1 FROM life_priority WHERE p_alive < 0.5 AND stage <> 'lost' $$, 'who is probably gone is lost');
SELECT is_empty($$ SELECT 1 FROM (SELECT expected, lag(expected) OVER () AS before FROM win_back('life', 200)) x WHERE expected > before $$, 'the queue descends');
SELECT clear_lifecycle('life');
SELECT count(*) FROM refresh('life', as_of => '2024-09-15');
SELECT is((SELECT count(*) FROM life_priority WHERE relationship IS NOT NULL OR (tier IS NOT NULL AND stage IS NOT NULL)), 0::bigint, 'without rules again');
SELECT is_empty($$ SELECT * FROM verify('life') $$, 'verify agrees');
SELECT * FROM finish();
ROLLBACK;
