-- Segments against plain joins: membership, cross-tabulation, attractiveness.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(12);
SELECT setseed(0.4);
CREATE TABLE person (id int PRIMARY KEY, region text, age int, tier text);
INSERT INTO person SELECT n, (ARRAY['north', 'south', 'west', NULL])[1 + (4 * random())::int % 4], (18 + 60 * random())::int, 'x' FROM generate_series(1, 500) n;
CREATE TABLE sale AS SELECT (520 * random() ^ 2)::int AS buyer, date '2023-01-01' + (1000 * random())::int AS day, round((exp(random() * 5))::numeric, 2) AS amount
  FROM generate_series(1, 3000) n;
SELECT create_scorecard('g', 'sale', 'buyer', 'day', 'amount', customers => 'person', customers_key => 'id', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT count(*) FROM refresh('g', as_of => '2025-12-01');
SELECT add_segment('g', r, 'geographic', format('region = %L', r), competition => CASE r WHEN 'north' THEN 0.25 END) FROM unnest('{north,south,west}'::text[]) r;
SELECT add_segment('g', 'young', 'demographic', 'age < 30', fit => 1);
SELECT add_segment('g', 'old', 'demographic', 'age >= 60', market_growth => 0.5, fit => 0);
SELECT add_segment('g', 'idle', 'behavioural', $$recency_days('g', last_purchase) > 200 AND customers.tier = 'x'$$);
CREATE TEMP TABLE plain AS SELECT p.customer_id::text AS customer_id, s.segment FROM g_priority p LEFT JOIN person c ON c.id = p.customer_id,
  LATERAL (VALUES ('north', region = 'north'), ('south', region = 'south'), ('west', region = 'west'), ('young', age < 30), ('old', age >= 60),
    ('idle', date '2025-12-01' - (p.last_purchase AT TIME ZONE 'UTC')::date > 200 AND c.tier = 'x')) s(segment, holds) WHERE s.holds;
SELECT set_eq($$ SELECT customer_id, segment FROM segment_members('g') $$, 'SELECT * FROM plain', 'members are those of a plain join');
SELECT is((SELECT count(*) FROM segment_members('g')), (SELECT count(*) FROM plain), 'each once');
SELECT set_eq($$ SELECT customer_id FROM segment_members('g', 'old') $$, $$ SELECT customer_id FROM plain WHERE segment = 'old' $$, 'and those of one segment');
SELECT results_eq($$ SELECT segment1, segment2, customers, revenue FROM segment_matrix('g', 'geographic', 'demographic') $$,
  $$ SELECT a.segment, b.segment, count(*), sum(p.monetary) FROM g_priority p
     LEFT JOIN plain a ON a.customer_id = p.customer_id::text AND a.segment IN ('north', 'south', 'west')
     LEFT JOIN plain b ON b.customer_id = p.customer_id::text AND b.segment IN ('young', 'old') GROUP BY 1, 2 ORDER BY 1, 2 $$, 'cross-tabulation');
SELECT is((SELECT sum(customers) FROM segment_matrix('g', 'geographic', 'psychographic')), (SELECT count(*)::numeric FROM g_priority), 'cells of disjoint segments add up to all customers');
SELECT is((SELECT round(sum(share_of_customers), 2) FROM segment_matrix('g', 'geographic', 'geographic') WHERE segment1 IS NOT DISTINCT FROM segment2), 1.00, 'and their shares to one');
SELECT results_eq($$ SELECT segment, customers, revenue FROM segment_attractiveness('g') ORDER BY segment COLLATE "C" $$,
  $$ SELECT m.segment, count(*), sum(p.monetary) FROM plain m JOIN g_priority p ON p.customer_id::text = m.customer_id GROUP BY 1 ORDER BY m.segment COLLATE "C" $$, 'size and value are measured');
SELECT is((SELECT growth FROM segment_attractiveness('g') WHERE segment = 'young'),
  (SELECT round(count(*) FILTER (WHERE date '2025-12-01' - d < 365)::numeric / count(*) FILTER (WHERE date '2025-12-01' - d >= 365), 4)
   FROM (SELECT (p.first_purchase AT TIME ZONE 'UTC')::date AS d FROM g_priority p JOIN person c ON c.id = p.customer_id WHERE age < 30) f), 'growth: who came in the last year per earlier one');
SELECT results_eq($$ SELECT segment, attractiveness FROM segment_attractiveness('g', '{"fit": 2, "competition": 1}') WHERE attractiveness IS NOT NULL $$,
  $$ VALUES ('young'::text, 1.0000), ('north', 0.7500), ('old', 0.0000) $$, 'ratings count as given, what is missing leaves the mean');
SELECT is((SELECT attractiveness FROM segment_attractiveness('g', '{"size": 1}') ORDER BY customers DESC LIMIT 1), 1.0000, 'the largest is 1');
SELECT is((SELECT attractiveness FROM segment_attractiveness('g', '{"size": 1, "market_growth": 3}') WHERE segment = 'old'),
  (SELECT round(((n - least)::numeric / (most - least) + 3 * 0.5) / 4, 4) FROM (SELECT max(n) FILTER (WHERE segment = 'old') AS n, min(n) AS least, max(n) AS most
   FROM (SELECT segment, count(*) AS n FROM plain GROUP BY 1) c) q), 'a weighted mean of both kinds');
SELECT is((SELECT array_agg(segment ORDER BY position) FROM segment_attractiveness('g', '{"value": 1}')), (SELECT array_agg(m.segment ORDER BY r DESC) FROM
  (SELECT plain.segment, sum(p.monetary) AS r FROM plain JOIN g_priority p ON p.customer_id::text = plain.customer_id GROUP BY 1) m), 'targets in order');
SELECT * FROM finish();
ROLLBACK;
