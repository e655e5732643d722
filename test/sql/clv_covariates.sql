-- BG/NBD and Pareto/NBD with covariates: behaviour and errors. Values are tested in test/pgtap/clv_covariates.sql.
SET search_path = custprio, public;
SET extra_float_digits = -3;
SELECT bgnbd_covariates(0.8, 6, 0.9, 2.5, '{0.7,-0.3}', '{0.5}', '{-0.4}');
SELECT pareto_nbd_covariates(0.8, 6, 0.7, 12, '{0.7}', '{}');
SELECT p_alive(bgnbd_covariates(0.8, 6, 0.9, 2.5, '{0.7,-0.3}', '{0.5}', '{-0.4}'), '{1,2}', '{1}', 3, 20, 30) = p_alive(bgnbd(0.8, 6 * exp(-0.1::float8), 0.9 * exp(0.5::float8), 2.5 * exp(-0.4::float8)), 3, 20, 30) AS the_same;
SELECT p_alive(pareto_nbd_covariates(1, 2, 3, 4, '{1}', '{}'), NULL, '{}', 1, 2, 3), p_alive(NULL::pareto_nbd_covariates, '{1}', '{}', 1, 2, 3), expected_purchases(pareto_nbd_covariates(1, 2, 3, 4, '{1}', '{}'), '{1}', '{}', 0);
-- more purchases with a positive coefficient, and an earlier death
SELECT expected_purchases(p, '{1}', '{0}', 52) > expected_purchases(p, '{0}', '{0}', 52) AS more, expected_purchases(p, '{0}', '{1}', 52) < expected_purchases(p, '{0}', '{0}', 52) AS fewer
FROM pareto_nbd_covariates(0.8, 6, 0.7, 12, '{0.5}', '{0.5}') p;
SELECT expected_purchases(p, '{1}', '{0}', 52) > expected_purchases(p, '{0}', '{0}', 52) AS more, expected_purchases(p, '{0}', '{1}', 52) < expected_purchases(p, '{0}', '{0}', 52) AS fewer
FROM bgnbd_covariates(0.8, 6, 0.7, 2, '{0.5}', '{0.5}', '{0}') p;

-- a fit carries its coefficients, status and unit of time
CREATE TEMP TABLE history AS
  SELECT x, CASE WHEN x > 0 THEN x * (1 + n % 3) / 2.0 + n / 500.0 ELSE 0 END AS t_x, 40 + n % 10 AS t, n % 2 AS g, n % 5 AS u, n
  FROM (SELECT n, n % 9 * (1 + n % 2) / 2 AS x FROM generate_series(1, 600) n) q;
SELECT (f).converged, (f).status, (f).time_unit, (f).n, array_length((f).purchase_coefficients, 1) AS of_purchases, array_length((f).dropout_coefficients, 1) AS of_dropout,
  array_length((f).standard_errors, 1) AS errors, array_dims((f).covariance) AS covariance, (f).purchase_coefficients[1] > 0 AS more
FROM (SELECT fit_pareto_nbd_covariates(x, t_x, t, ARRAY[g, u], ARRAY[g], 1, 0.0001, 'week') AS f FROM history) q;
SELECT parameter, lower < estimate AND estimate < upper AS ordered FROM (SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g], ARRAY[u], 1, 0.001) AS f FROM history) q, LATERAL parameter_intervals(f);
SELECT clv(f, '{1}', '{}', gamma_gamma(6, 3, 15), 1, 1, 3, 10, 52, 0.1, 'day') FROM (SELECT fit_pareto_nbd_covariates(x, t_x, t, ARRAY[g], '{}', 1, 0.0001, 'week') AS f FROM history) q;
-- rows without a history or a weight are left out, and their covariates with them
SELECT (f).n, (f).status FROM (SELECT fit_bgnbd_covariates(CASE WHEN n > 3 THEN x END, t_x, t, CASE WHEN n > 3 THEN ARRAY[g] END, '{}', CASE WHEN n <> 5 THEN 1 ELSE 0 END, 0.001) AS f FROM history) q;
-- a window goes on with its state
SELECT n, (f).n AS customers FROM (SELECT n, fit_bgnbd_covariates(x, t_x, t, ARRAY[g], '{}', 1, 0.001) OVER (ORDER BY n) AS f FROM history WHERE n <= 202) q WHERE n > 200;

-- data that cannot be fitted
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[g, 7, u], '{}')).status FROM history;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[g, 0], '{}')).status FROM history;
SELECT (fit_pareto_nbd_covariates(x, t_x, t, ARRAY[u], ARRAY[g, u, 1 + g - 2 * u])).status FROM history;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[g], ARRAY[g, 1 - g])).status FROM history;
SELECT (fit_bgnbd_covariates(0, 0, t, ARRAY[g], '{}')).status FROM history;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[g], '{}')).status FROM history WHERE n = 7;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[g], '{}')).status FROM history WHERE n < 0;
SELECT (fit_bgnbd_covariates(NULL, t_x, t, ARRAY[g], '{}')).status FROM history;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[1e300 * g], ARRAY[1e-300 * g])).status FROM history;
SELECT (fit_bgnbd_covariates(x, t_x, t, ARRAY[1000000 + g], '{}', 1, 0.001)).status FROM history;
-- nobody in group 1 has bought again
SELECT (fit_bgnbd_covariates(CASE g WHEN 0 THEN x ELSE 0 END, CASE g WHEN 0 THEN t_x ELSE 0 END, t, ARRAY[g], '{}')).status FROM history;
SELECT p_alive(f, '{1,7}', '{}', 1, 2, 3) FROM (SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g, 7], '{}') AS f FROM history) q;
-- one group's failure is not another's
SELECT u, (fit_bgnbd_covariates(x, t_x, t, ARRAY[CASE WHEN u = 1 THEN 0 ELSE g END], '{}', 1, 0.001)).converged FROM history WHERE u < 2 GROUP BY u ORDER BY u;

-- errors
SELECT fit_bgnbd_covariates(x, t_x, t, NULL, '{}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g, NULL], '{}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, '{NaN}', '{}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, '{}', '{1,-Infinity}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, '{{1,2}}', '{}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, CASE WHEN n > 2 THEN '{1,2}' ELSE '{1}' END::float8[], '{}') FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, '{}', array_fill(g::float8, '{17}')) FROM history;
SELECT fit_bgnbd_covariates(2, 8, 4, '{1}', '{}');
SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g], '{}', -1) FROM history;
SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[g], '{}', 1, n) FROM history;
SELECT fit_pareto_nbd_covariates(x, t_x, t, ARRAY[g], '{}', 1, 0, 'fortnight') FROM history;
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{1}', '{}', '{}'), '{1,2}', '{}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3}'), '{1}', '{}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3,4}'), '{1}', '{1}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{NaN}', '{2}', '{3}'), '{1}', '{1}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 0, '{1}', '{2}', '{3}'), '{1}', '{1}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, array_fill(0.1::float8, '{17}'), '{}', '{}'), array_fill(0.1::float8, '{17}'), '{}', 1, 2, 3);
SELECT p_alive(ROW(1, 1, 1, 1, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::bgnbd_covariates, '{}', '{}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3}'), '{800}', '{1}', 1, 2, 3);
SELECT p_alive(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3}'), '{1}', '{NaN}', 1, 2, 3);
SELECT expected_purchases_interval(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3}'), '{1}', '{1}', 1, 2, 3, 52);
SELECT expected_purchases(bgnbd_covariates(1, 1, 1, 1, '{1}', '{2}', '{3}'), '{1}', '{1}', 1, 2, 3, -1);
