-- The shifted-beta-geometric model: the two cohorts published by Fader and Hardie (2007), and plain sums for what it predicts.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(17);

-- percentages of customers left after each year; the paper fits to the first seven and projects the rest
CREATE TEMP TABLE left_after (cohort text, year int, share float8);
INSERT INTO left_after
  SELECT cohort, n - 1, s FROM (VALUES ('high end', '{100,86.9,74.3,65.3,59.3,55.1,51.7,49.1,46.8,44.5,42.7,40.9,39.4}'::float8[]),
                                       ('regular', '{100,63.1,46.8,38.2,32.6,28.9,26.2,24.1,22.3,20.7,19.4,18.3,17.3}')) v(cohort, shares), unnest(shares) WITH ORDINALITY u(s, n);
CREATE TEMP TABLE seen AS
  SELECT a.cohort, a.year AS renewals, true AS lost, round(10 * (a.share - b.share)) AS customers FROM left_after a JOIN left_after b ON a.cohort = b.cohort AND b.year = a.year + 1 WHERE b.year <= 7
  UNION ALL SELECT cohort, 7, false, round(10 * share) FROM left_after WHERE year = 7;
CREATE TEMP TABLE fit AS SELECT cohort, fit_sbg(renewals, lost, customers) AS f FROM seen GROUP BY 1;
SELECT is((SELECT array_agg(round(v::numeric, 3) ORDER BY i) FROM fit, unnest(ARRAY[(f).alpha, (f).beta]) WITH ORDINALITY u(v, i) WHERE cohort = 'high end'), '{0.668,3.806}', 'published parameters of the high-end cohort');
SELECT is((SELECT array_agg(round(v::numeric, 3) ORDER BY i) FROM fit, unnest(ARRAY[(f).alpha, (f).beta]) WITH ORDINALITY u(v, i) WHERE cohort = 'regular'), '{0.704,1.182}', 'published parameters of the regular cohort');
SELECT is(array_agg(round((f).log_likelihood::numeric, 1) ORDER BY cohort), '{-1611.2,-1680.3}', 'and their log-likelihoods') FROM fit;
SELECT ok(bool_and((f).converged AND (f).gradient_norm < 1e-9), 'converged') FROM fit;
SELECT is_empty($$ SELECT cohort, year, survival(f, year), share FROM fit JOIN left_after USING (cohort) WHERE NOT abs(survival(f, year) - share / 100) < 0.02 $$, 'twelve years are projected from seven, as in the paper');

-- likelihood and predictions from the definition: S(t) is a product of retention rates, (beta + t - 1) / (alpha + beta + t - 1)
SELECT is_empty($$ SELECT t FROM generate_series(0, 60) t, fit WHERE NOT abs(survival(f, t) / (SELECT coalesce(exp(sum(ln(((f).beta + i - 1) / ((f).alpha + (f).beta + i - 1)))), 1) FROM generate_series(1, t) i) - 1) < 1e-12 $$, 'survival');
SELECT is_empty($$ SELECT t FROM generate_series(1, 60) t, fit WHERE NOT abs(retention_rate(f, t) - survival(f, t) / survival(f, t - 1)) < 1e-12 OR NOT abs(survival(f, t, 5) - survival(f, t + 5) / survival(f, 5)) < 1e-12 $$, 'retention, and survival of somebody who has stayed');
SELECT is_empty($$ SELECT * FROM fit WHERE NOT abs((f).log_likelihood - (SELECT sum(customers * log_likelihood(f, renewals, lost)) FROM seen WHERE seen.cohort = fit.cohort)) < 1e-8
                     OR NOT abs((f).log_likelihood - (SELECT sum(customers * CASE WHEN lost THEN ln(survival(f, renewals) - survival(f, renewals + 1)) ELSE ln(survival(f, renewals)) END) FROM seen WHERE seen.cohort = fit.cohort)) < 1e-8 $$, 'likelihood');
SELECT is_empty($$ SELECT n, d, derl(f, n, d), plain FROM fit, generate_series(0, 10, 5) n, unnest('{0.02,0.1,0.3}'::float8[]) d,
                     LATERAL (SELECT sum(survival(f, i, n) / (1 + d) ^ (i - 1)) AS plain FROM generate_series(1, 2000) i) s WHERE NOT abs(derl(f, n, d) / plain - 1) < 1e-11 $$, 'residual lifetime');
SELECT is_empty($$ SELECT n, d FROM fit, generate_series(0, 8, 4) n, unnest('{0,0.1}'::float8[]) d, LATERAL (SELECT sum(survival(f, i, n) / (1 + d) ^ (i - 1)) AS plain FROM generate_series(1, 7) i) s
                   WHERE NOT abs(derl(f, n, d, 7) / plain - 1) < 1e-12 OR NOT abs(clv(f, n, 250, d, 7) / plain / 250 - 1) < 1e-12 $$, 'and over some periods; clv is margin times it');
SELECT ok(abs(derl(sbg(3.8, 15.2), 2, 0) / (17.2 / 2.8) - 1) < 1e-12 AND abs(derl(sbg(3.8, 15.2), 2, 1e-9) / (17.2 / 2.8) - 1) < 1e-6, 'without a discount, where alpha is above 1');
-- the same mean retention of 0.8, but very different customers: who ignores the difference is wrong about what a customer is worth
SELECT ok(derl(sbg(3.8, 15.2), 0, .1) < derl(sbg(.067, .267), 0, .1) AND derl(sbg(.067, .267), 1, .1) > derl(sbg(.067, .267), 0, .1), 'residual lifetime grows with tenure, and with heterogeneity');

-- intervals: by the covariance, worked by hand for the first retention rate, whose logit is ln beta - ln alpha
SELECT ok(abs((ln(s.upper / (1 - s.upper)) - ln(s.lower / (1 - s.lower))) / 2 / 1.959963984540054
    / sqrt((f).covariance[1][1] / (f).alpha ^ 2 + (f).covariance[2][2] / (f).beta ^ 2 - 2 * (f).covariance[1][2] / ((f).alpha * (f).beta)) - 1) < 1e-6, 'interval of survival: ' || cohort)
FROM fit, LATERAL survival_interval(f, 1) s ORDER BY cohort;
SELECT ok(bool_and(d.lower < d.estimate AND d.estimate < d.upper AND d.estimate = derl(f, 3, .1)), 'interval of residual lifetime') FROM fit, LATERAL derl_interval(f, 3, .1) d;

-- recovery: theta from beta(0.5, 1.5), whose distribution function is simple for alpha = 1 only; so take alpha = 1, beta = 2.5
SELECT setseed(0.3);
SELECT is_empty($$ SELECT f FROM (SELECT fit_sbg(least(n, 9), n < 9) AS f FROM (SELECT floor(ln(1 - random()) / ln(1 - theta)) AS n FROM (SELECT 1 - (1 - random()) ^ (1 / 2.5) AS theta FROM generate_series(1, 20000) OFFSET 0) q) r) s,
    unnest('{1,2.5}'::float8[], ARRAY[(f).alpha, (f).beta], (f).standard_errors) u(truth, estimate, error) WHERE NOT abs(truth - estimate) < 3.5 * error OR NOT (f).converged $$, 'the parameters that made 20,000 customers are found again');
SELECT ok(ROW((a.f).*) IS NOT DISTINCT FROM ROW((b.f).*), 'the order of rows makes no difference') FROM (SELECT fit_sbg(renewals, lost, customers ORDER BY cohort, renewals) AS f FROM seen) a, (SELECT fit_sbg(renewals, lost, customers ORDER BY renewals DESC, cohort DESC) AS f FROM seen) b;

SELECT * FROM finish();
ROLLBACK;
