-- Confidence intervals by the delta method: against gradients worked out by hand, and what must hold for any of them.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = warning;

SELECT plan(9);

-- the cohort of doc/clv.md
CREATE TEMP TABLE history (x int, t_x float8, t float8, m float8, customers int);
INSERT INTO history VALUES
  (0, 0, 39, NULL, 520), (0, 0, 33, NULL, 480), (0, 0, 28, NULL, 430),
  (1, 3, 38, 22, 90), (1, 11, 35, 41, 70), (1, 20, 37, 30, 50), (1, 27, 30, 18, 60),
  (2, 8, 36, 27, 40), (2, 19, 34, 35, 45), (2, 30, 39, 52, 30),
  (3, 12, 33, 24, 20), (3, 29, 38, 33, 35), (5, 26, 35, 40, 18), (5, 33, 37, 29, 16),
  (8, 20, 38, 36, 6), (8, 35, 36, 48, 12), (14, 36, 37, 31, 5);
CREATE TEMP TABLE fit AS SELECT fit_mbgnbd(x, t_x, t, customers) AS b, fit_gamma_gamma(x, m, customers) AS g,
  fit_mbgnbd(x, t_x, t, 100 * customers) AS many, fit_bgnbd(x, t_x, t, customers) AS bg FROM history;

-- half the width on the scale of a logit or a logarithm, in standard errors
CREATE FUNCTION pg_temp.logit_se(e estimate) RETURNS float8 LANGUAGE sql AS
  $$ SELECT (ln(e.upper / (1 - e.upper)) - ln(e.lower / (1 - e.lower))) / 2 / 1.959963984540054 $$;
CREATE FUNCTION pg_temp.log_se(e estimate) RETURNS float8 LANGUAGE sql AS
  $$ SELECT ln(e.upper / e.lower) / 2 / 1.959963984540054 $$;

SELECT is_empty($$ SELECT * FROM fit, LATERAL parameter_intervals(b) WITH ORDINALITY i(name, estimate, lower, upper, nth)
  WHERE NOT abs(ln(upper / lower) / 2 / 1.959963984540054 * estimate / (b).standard_errors[nth] - 1) < 1e-9 OR NOT abs(lower * upper / estimate ^ 2 - 1) < 1e-9 $$,
  'parameters: the standard error, about the logarithm');
-- right after the first purchase MBG/NBD's P(alive) is b / (a + b), whose logit is ln b - ln a
SELECT cmp_ok(abs(pg_temp.logit_se(p_alive_interval(b, 0, 0, 0)) / sqrt((b).covariance[3][3] / (b).a ^ 2 + (b).covariance[4][4] / (b).b ^ 2 - 2 * (b).covariance[3][4] / ((b).a * (b).b)) - 1),
  '<', 1e-6::float8, 'P(alive) of a new customer') FROM fit;
-- p gamma / (q - 1)
SELECT cmp_ok(abs(pg_temp.log_se(expected_value_interval(g, 0, 0)) / (SELECT sqrt(sum(d.e * f.e * (g).covariance[d.i][f.i] / (p[d.i] * p[f.i])))
    FROM unnest(ARRAY[1, -(g).q / ((g).q - 1), 1]) WITH ORDINALITY d(e, i), unnest(ARRAY[1, -(g).q / ((g).q - 1), 1]) WITH ORDINALITY f(e, i), (SELECT ARRAY[(g).p, (g).q, (g).gamma] AS p) v) - 1),
  '<', 1e-6::float8, 'value of a purchase of anybody') FROM fit;
SELECT cmp_ok(abs(pg_temp.log_se(clv_interval(b, g, 3, 12, 33, 24, 52, 0, 'week')) ^ 2 / (pg_temp.log_se(expected_purchases_interval(b, 3, 12, 33, 52)) ^ 2 + pg_temp.log_se(expected_value_interval(g, 3, 24)) ^ 2) - 1),
  '<', 1e-9::float8, 'without a discount the variances of purchases and value add up to that of clv') FROM fit;
SELECT cmp_ok(abs(pg_temp.log_se(expected_purchases_interval(b, 3, 12, 33, 52)) / pg_temp.log_se(expected_purchases_interval(many, 3, 12, 33, 52)) - 10), '<', 1e-4::float8, 'a hundred times the customers, a tenth of the width') FROM fit;
SELECT is_empty($$ SELECT * FROM fit, history h, LATERAL (SELECT (p_alive_interval(b, x, t_x, t, 10)).*) p(e, l, u), LATERAL (SELECT (clv_interval(b, g, x, t_x, t, coalesce(m, 0), 52, 0.1, 'week')).*) c(e, l, u)
  WHERE p.e IS DISTINCT FROM p_alive(b, x, t_x, t, 10) OR c.e IS DISTINCT FROM clv(b, g, x, t_x, t, coalesce(m, 0), 52, 0.1, 'week')
    OR NOT (0 < p.l AND p.l < p.e AND p.e < p.u AND p.u < 1 AND 0 < c.l AND c.l < c.e AND c.e < c.u) $$, 'the estimate is the prediction, and lies within its bounds');
SELECT is(p_alive_interval(bg, 0, 0, 30), ROW(1, 1, 1)::estimate, 'certainty has no width') FROM fit;
SELECT is(expected_purchases_interval(b, 2, 8, 36, 0), ROW(0, 0, 0)::estimate, 'nor has nothing') FROM fit;
SELECT cmp_ok(abs(ln(w.upper / w.lower) / ln(n.upper / n.lower) - 2.575829303548901 / 0.674489750196082), '<', 1e-9::float8, 'the level is that of a normal distribution')
FROM fit, expected_purchases_interval(b, 2, 8, 36, 52, 0.99) w, expected_purchases_interval(b, 2, 8, 36, 52, 0.5) n;

SELECT * FROM finish();
ROLLBACK;
