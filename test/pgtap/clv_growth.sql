-- A market that grows or shrinks: against an adjusted discount, purchases without discount, and sums over short steps.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(30);
SELECT setseed(0.22);

CREATE TABLE model (name text, params text);
INSERT INTO model VALUES ('bgnbd', 'bgnbd(0.243, 4.414, 0.793, 2.426)'), ('mbgnbd', 'mbgnbd(0.525, 6.183, 0.891, 1.614)'), ('pareto_nbd', 'pareto_nbd(0.553, 10.578, 0.606, 11.669)'),
  ('bgcnbd', 'bgcnbd(0.4, 2, 0.8, 2.4, 4)'), ('mbgcnbd', 'mbgcnbd(0.5, 2, 0.9, 1.6, 12)');
CREATE TABLE history AS SELECT x, CASE WHEN x > 0 THEN t * (0.3 + 0.7 * random()) ELSE 0 END AS t_x, t FROM (SELECT n % 6 AS x, 10 + 40 * random() AS t FROM generate_series(0, 5) n OFFSET 0) q;
-- clv() of every history; and, for the sums, purchases expected in each of so many steps, at their middle
CREATE FUNCTION pg_temp.value(params text, horizon float8, discount float8, growth float8) RETURNS TABLE (x int, t float8, v float8) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT x, t, clv(%s, gamma_gamma(6.25, 3.74, 15.44), x, t_x, t, 30, $1, $2, ''week'', 0.4, $3) FROM history', params) USING horizon, discount, growth;
END $$;
CREATE FUNCTION pg_temp.stepped(params text, horizon float8, discount float8, growth float8, steps int) RETURNS TABLE (x int, t float8, v float8) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT h.x, h.t, 0.4 * expected_value(gamma_gamma(6.25, 3.74, 15.44), h.x, 30) * sum((e - coalesce(before, 0)) * ((1 + $3) / (1 + $2)) ^ (($1 * (i - 0.5) / $4) * 7 / 365.25))
    FROM (SELECT h.*, i, e, lag(e) OVER (PARTITION BY h.x, h.t ORDER BY i) AS before
          FROM history h, generate_series(1, $4) i, LATERAL (SELECT expected_purchases(%1$s, h.x, h.t_x, h.t, $1 * i / $4) AS e) p) h GROUP BY 1, 2, h.t_x $q$, params) USING horizon, discount, growth, steps;
END $$;
CREATE FUNCTION pg_temp.apart(a text, b text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE r float8;
BEGIN
  EXECUTE format('SELECT CASE WHEN count(*) = 6 THEN max(abs(a.v - b.v) / b.v) END FROM (%s) a JOIN (%s) b USING (x, t)', a, b) INTO r;
  RETURN r;
END $$;

SELECT cmp_ok(pg_temp.apart(format('SELECT * FROM pg_temp.value(%L, 52, 0.15, 0.05)', params), format('SELECT * FROM pg_temp.value(%L, 52, 1.15 / 1.05::float8 - 1, 0)', params)), '<', 1e-12::float8,
  name || ': growth takes from the discount') FROM model;
SELECT cmp_ok(pg_temp.apart(format('SELECT * FROM pg_temp.value(%L, 100, 0.1, -0.2)', params), format('SELECT * FROM pg_temp.stepped(%L, 100, 0.1, -0.2, 400)', params)), '<', 1e-5::float8,
  name || ': a market that shrinks') FROM model;
SELECT cmp_ok(pg_temp.apart(format('SELECT * FROM pg_temp.value(%L, 156, 0.1, 0.1)', params), format($$ SELECT x, t, 0.4 * expected_value(gamma_gamma(6.25, 3.74, 15.44), x, 30) * expected_purchases(%s, x, t_x, t, 156) AS v FROM history $$, params)), '<', 1e-12::float8,
  name || ': growth that equals the discount') FROM model WHERE name IN ('mbgnbd', 'pareto_nbd');
SELECT cmp_ok(pg_temp.apart(format('SELECT * FROM pg_temp.value(%L, %s, 0.05, 1)', params, horizon), format('SELECT * FROM pg_temp.stepped(%L, %s, 0.05, 1, 400)', params, horizon)), '<', 2e-5::float8,
  format('%s: growth that outruns it, %s weeks', name, horizon)) FROM model, unnest('{100,520}'::int[]) horizon WHERE horizon = 100 OR name = 'mbgnbd';
-- scorecards
CREATE TABLE shop AS SELECT c AS customer, first + (n * pace * random())::int AS day, round((exp(random() * 2) * worth)::numeric, 2) AS amount
FROM (SELECT c, date '2025-01-01' + (random() * 90)::int AS first, 5 + 60 * random() AS pace, 5 + 20 * random() AS worth, floor(-ln(random()) * exp(random() * 4 - 2))::int AS repeats
      FROM generate_series(1, 3000) c OFFSET 0) q, LATERAL generate_series(0, repeats) n;
SELECT create_scorecard('g', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_growth => 0.3, clv_horizon => '2 years');
SELECT create_scorecard('h', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_discount => 0.6, clv_growth => 0.6, clv_horizon => '2 years');
SELECT count(*) FROM refresh('g', as_of => '2025-12-31');
SELECT count(*) FROM refresh('h', as_of => '2025-12-31');
-- intervals are those of the same net discount
SELECT ok(abs(a.estimate / b.estimate - 1) < 1e-12 AND abs(a.lower / b.lower - 1) < 1e-6 AND abs(a.upper / b.upper - 1) < 1e-6, 'clv_interval() too')
FROM (SELECT fit_mbgnbd(x, t_x, t) AS p, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g
      FROM (SELECT repeat_days(summary) AS x, repeat_recency(summary) / 7.0 AS t_x, tenure(summary, '2025-12-31') / 7.0 AS t, repeat_value(summary) AS m FROM g_purchases) h) f,
  LATERAL clv_interval(p, g, 3, 30, 38, 12, 52, 0.15, 'week', 1, 0.05, 0.9) a, LATERAL clv_interval(p, g, 3, 30, 38, 12, 52, 1.15 / 1.05::float8 - 1, 'week', 1, 0, 0.9) b;
SELECT is_empty($$
  SELECT p.customer_id FROM g_priority p JOIN g_purchases s USING (customer_id),
    (SELECT mbgnbd(parameters[1], parameters[2], parameters[3], parameters[4]) AS b FROM clv_fit JOIN scorecard c USING (scorecard_id) WHERE c.name = 'g' AND model = 'mbgnbd') b,
    (SELECT gamma_gamma(parameters[1], parameters[2], parameters[3]) AS g FROM clv_fit JOIN scorecard c USING (scorecard_id) WHERE c.name = 'g' AND model = 'gamma_gamma') g
  WHERE NOT abs(p.clv - clv(b, g, repeat_days(summary), repeat_recency(summary) / 7.0, tenure(summary, '2025-12-31') / 7.0, coalesce(repeat_value(summary), 0)::float8, 730 / 7.0, 0.1, 'week', 1, 0.3)) <= .00501
$$, 'clv of a scorecard with growth is clv() with growth');
SELECT cmp_ok((SELECT count(*) FROM g_priority WHERE clv > 0), '>', 2000::bigint, 'of many customers');
SELECT is_empty($$ SELECT * FROM verify('g') $$, 'verify() agrees');
SELECT is((SELECT updated FROM refresh('g', as_of => '2025-12-31')), 0::bigint, 'nothing moves without cause');
SELECT alter_scorecard('g', clv_discount => 0, clv_growth => 0);
SELECT count(*) FROM refresh('g', as_of => '2025-12-31');
SELECT set_eq('SELECT customer_id, clv, priority FROM h_priority', 'SELECT customer_id, clv, priority FROM g_priority', 'growth as high as the discount is no discount');
SELECT alter_scorecard('g', clv_growth => -0.1);
SELECT count(*) FROM refresh('g', as_of => '2025-12-31');
SELECT cmp_ok((SELECT sum(clv) FROM g_priority), '<', (SELECT sum(clv) FROM h_priority), 'a market that shrinks is worth less');
SELECT alter_scorecard('g', reset => '{clv_growth}');
SELECT is((SELECT clv_growth FROM scorecard WHERE name = 'g'), 0::float8, 'the option can be reset');
SELECT throws_like(format($$ SELECT alter_scorecard('g', clv_growth => %L) $$, g), 'argument "clv_growth" must be above -1 and at most 1', format('%s is refused', g)) FROM unnest('{-1,1.01,NaN}'::float8[]) g;
SELECT throws_like($$ SELECT clv(bgnbd(1, 1, 1, 1), gamma_gamma(6, 4, 15), 1, 1, 2, 10, 52, 0.1, 'week', 1, -1) $$, 'growth must be above -1 and at most 1', 'by clv() too');
SELECT * FROM finish();
ROLLBACK;
