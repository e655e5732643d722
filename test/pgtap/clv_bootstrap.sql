-- Parametric bootstrap: the same seed gives the same fits, the simulated customers behave as the models say, and the spread of
-- the fits is that of the covariance where samples are large.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(20);

CREATE TEMP TABLE cohort AS SELECT array_agg(27 + 25 * (i - 0.5) / 100 ORDER BY i) AS t, array_agg(40::float8) AS customers FROM generate_series(1, 100) i;
CREATE TEMP TABLE fits AS
  SELECT 'bgnbd' AS model, n, ARRAY[e.r, e.alpha, e.a, e.b] AS p, '{0.25,4.5,0.8,2.4}'::float8[] AS truth, converged, standard_errors FROM cohort, bootstrap(bgnbd(.25, 4.5, .8, 2.4), t, customers, 40, 1) e
  UNION ALL SELECT 'mbgnbd', n, ARRAY[e.r, e.alpha, e.a, e.b], '{0.5,6,0.9,1.6}', converged, standard_errors FROM cohort, bootstrap(mbgnbd(.5, 6, .9, 1.6), t, customers, 40, 1) e
  UNION ALL SELECT 'mbgcnbd', n, ARRAY[e.r, e.alpha, e.a, e.b], '{0.5,2,0.9,1.6}', converged AND k = 3, standard_errors FROM cohort, bootstrap(mbgcnbd(.5, 2, .9, 1.6, 3), t, customers, 40, 1) e
  UNION ALL SELECT 'pareto_nbd', n, ARRAY[r, alpha, s, beta], '{0.55,10.6,0.6,11.7}', converged, standard_errors FROM cohort, bootstrap(pareto_nbd(.55, 10.6, .6, 11.7), t, customers, 40, 1)
  UNION ALL SELECT 'bgbb', n, ARRAY[alpha, beta, gamma, delta], '{1.2,0.75,0.66,2.8}', converged, standard_errors FROM bootstrap(bgbb(1.2, .75, .66, 2.8), '{6}', '{6000}', 40, 1)
  UNION ALL SELECT 'sbg', n, ARRAY[alpha, beta], '{0.7,1.2}', converged, standard_errors FROM bootstrap(sbg(.7, 1.2), '{7,5}', '{2000,1000}', 40, 1)
  UNION ALL SELECT 'gamma_gamma', n, ARRAY[p, q, gamma], '{6.25,3.74,15.44}', converged, standard_errors FROM bootstrap(gamma_gamma(6.25, 3.74, 15.44), '{1,2,3,8,0}', '{8000,4000,2000,1000,5000}', 40, 1);
SELECT ok(count(*) = 40 AND count(*) FILTER (WHERE converged) >= 39 AND min(n) = max(n), model || ': as many fits as asked for, of as many customers') FROM fits GROUP BY model ORDER BY model;
-- the mean of the logarithms of 40 estimates is within 4.5 of its standard errors of the truth, but for the bias of small samples
SELECT is_empty(format($$ SELECT i, avg(ln(p[i] / truth[i])), stddev(ln(p[i] / truth[i])) FROM fits, generate_subscripts(truth, 1) i WHERE model = %L AND converged GROUP BY i
                          HAVING NOT abs(avg(ln(p[i] / truth[i]))) < 4.5 * stddev(ln(p[i] / truth[i])) / sqrt(40) $$, model), model || ': the fits scatter about the parameters')
FROM (SELECT DISTINCT model FROM fits) m ORDER BY model;
-- the standard deviation of 40 numbers is known to about 11 percent
SELECT is_empty($$ SELECT model, i, stddev(ln(p[i])) / avg(standard_errors[i] / p[i]) FROM fits, generate_subscripts(truth, 1) i WHERE converged GROUP BY model, i
                   HAVING NOT stddev(ln(p[i])) / avg(standard_errors[i] / p[i]) BETWEEN 0.6 AND 1.6 $$, 'the fits scatter as their standard errors say');

SELECT ok((SELECT array_agg(e::text) FROM cohort, bootstrap(mbgnbd(.5, 6, .9, 1.6), t, replicates => 3, seed => 7) e) = (SELECT array_agg(e::text) FROM cohort, bootstrap(mbgnbd(.5, 6, .9, 1.6), t, replicates => 3, seed => 7) e), 'the same seed, the same fits');
SELECT ok((SELECT array_agg(e::text) FROM cohort, bootstrap(mbgnbd(.5, 6, .9, 1.6), t, customers, 3, 7) e) <> (SELECT array_agg(e::text) FROM cohort, bootstrap(mbgnbd(.5, 6, .9, 1.6), t, customers, 3, 8) e), 'another seed, other fits');
SELECT is((SELECT string_agg(DISTINCT time_unit, ',') FROM cohort, bootstrap((SELECT fit_mbgnbd(x, t_x, t, n, 0, 'week') FROM (VALUES (0, 0, 39, 900), (1, 5, 38, 90), (1, 20, 37, 60), (2, 30, 36, 60), (4, 20, 35, 30), (9, 33, 37, 9)) v(x, t_x, t, n)), t, customers, 2)), 'week', 'the unit of time stays');
SELECT is((SELECT count(*) FROM cohort, bootstrap(NULL::mbgnbd, t)), 0::bigint, 'no parameters, no fits');
SELECT is((SELECT string_agg(status, ',') FROM bootstrap(mbgnbd(.5, 6, .9, 1.6), '{}'::float8[], NULL, 2)), 'no customers,no customers', 'a cohort of nobody cannot be fitted');

SELECT * FROM finish();
ROLLBACK;
