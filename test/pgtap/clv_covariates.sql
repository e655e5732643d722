-- BG/NBD and Pareto/NBD with covariates: recovery of known coefficients, likelihoods by plain SQL, gradient and covariance by
-- differences, invariances, predictions. Customers are simulated by the definition, in SQL, with a fixed seed.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = warning;
\ir ../soak/simulate.sql

SELECT plan(32);

-- y: two covariates of purchases, z: one of dropout, which is the first of these
CREATE TEMP TABLE profile AS SELECT ARRAY[g, u] AS y, ARRAY[g] AS z FROM unnest('{0,1}'::float8[]) g, unnest('{-1,0,2}'::float8[]) u;
CREATE TEMP TABLE truth (model text, p float8[], names text[]);
INSERT INTO truth VALUES
  ('bgnbd', '{0.8,6,0.9,2.5,0.7,-0.3,0.5,-0.4}', '{r,alpha,a,b,"purchase_coefficients[1]","purchase_coefficients[2]","dropout_a_coefficients[1]","dropout_b_coefficients[1]"}'),
  ('pareto_nbd', '{0.8,6,0.7,12,0.7,-0.3,0.6}', '{r,alpha,s,beta,"purchase_coefficients[1]","purchase_coefficients[2]","dropout_coefficients[1]"}');
-- the four parameters of a customer, and the value of a model's type, from such a list
CREATE FUNCTION pg_temp.own(model text, p float8[], y float8[], z float8[]) RETURNS float8[] LANGUAGE sql AS
  $$ SELECT ARRAY[p[1], p[2] * exp(-p[5] * y[1] - p[6] * y[2]), CASE model WHEN 'bgnbd' THEN p[3] * exp(p[7] * z[1]) ELSE p[3] END,
                  p[4] * exp(CASE model WHEN 'bgnbd' THEN p[8] ELSE -p[7] END * z[1])] $$;
CREATE FUNCTION pg_temp.bg(p float8[]) RETURNS bgnbd_covariates LANGUAGE sql AS
  $$ SELECT bgnbd_covariates(p[1], p[2], p[3], p[4], p[5:6], p[7:7], p[8:8]) $$;
CREATE FUNCTION pg_temp.pareto(p float8[]) RETURNS pareto_nbd_covariates LANGUAGE sql AS
  $$ SELECT pareto_nbd_covariates(p[1], p[2], p[3], p[4], p[5:6], p[7:7]) $$;

SELECT setseed(0.25);
CREATE TEMP TABLE customer AS
  SELECT row_number() OVER () AS id, model, y, z, x::float8, CASE WHEN x > 0 THEN t_x ELSE 0 END AS t_x, t
  FROM truth, profile, LATERAL simulate(2000, model, pg_temp.own(model, p, y, z));
CREATE TEMP TABLE fit AS
  SELECT fit_bgnbd_covariates(x, t_x, t, y, z) FILTER (WHERE model = 'bgnbd') AS bg, fit_pareto_nbd_covariates(x, t_x, t, y, z) FILTER (WHERE model = 'pareto_nbd') AS pareto
  FROM customer;
CREATE TEMP VIEW found AS
  SELECT 'bgnbd' AS model, ARRAY[(bg).r, (bg).alpha, (bg).a, (bg).b] || (bg).purchase_coefficients || (bg).dropout_a_coefficients || (bg).dropout_b_coefficients AS p,
    (bg).standard_errors AS se, (bg).log_likelihood AS ll, (bg).converged, (bg).gradient_norm, (bg).n, (bg).distinct_rows FROM fit
  UNION ALL SELECT 'pareto_nbd', ARRAY[(pareto).r, (pareto).alpha, (pareto).s, (pareto).beta] || (pareto).purchase_coefficients || (pareto).dropout_coefficients,
    (pareto).standard_errors, (pareto).log_likelihood, (pareto).converged, (pareto).gradient_norm, (pareto).n, (pareto).distinct_rows FROM fit;

-- recovery
SELECT ok(converged AND gradient_norm < 1e-7 AND n = 12000 AND array_length(se, 1) = array_length(p, 1), model || ': converged') FROM found ORDER BY model;
SELECT is_empty(format($$ SELECT want, got, error FROM truth t JOIN found f USING (model), unnest(t.p, f.p, f.se) u(want, got, error)
  WHERE model = %L AND (abs(got - want) < 3 * error) IS NOT TRUE $$, model), model || ': parameters and coefficients within three standard errors of the truth') FROM truth ORDER BY model;
SELECT is_empty(format($$ SELECT want, got, error FROM truth t JOIN found f USING (model), unnest(t.p, f.p, f.se) WITH ORDINALITY u(want, got, error, i)
  WHERE model = %L AND i > 4 AND (error < 0.2) IS NOT TRUE $$, model), model || ': which are small') FROM truth ORDER BY model;

-- the logarithm of gamma by Stirling's series
CREATE FUNCTION pg_temp.log_gamma(a float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$ SELECT (w - 0.5) * ln(w) - w + ln(2 * pi()) / 2 + 1 / (12 * w) - 1 / (360 * w ^ 3) + 1 / (1260 * w ^ 5) - (SELECT sum(ln(a + i)) FROM generate_series(0, 15) i) FROM (SELECT a + 16 AS w) q $$;
CREATE FUNCTION pg_temp.log_beta(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$ SELECT pg_temp.log_gamma(a) + pg_temp.log_gamma(b) - pg_temp.log_gamma(a + b) $$;
-- as in the papers: a closed form, and an integral over the time of death by Simpson's rule
CREATE FUNCTION pg_temp.bg_by_hand(p float8[], x float8, t_x float8, t float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$ SELECT pg_temp.log_gamma(p[1] + x) - pg_temp.log_gamma(p[1]) + p[1] * ln(p[2]) - pg_temp.log_beta(p[3], p[4]) +
       ln(exp(pg_temp.log_beta(p[3], p[4] + x)) * (p[2] + t) ^ -(p[1] + x) + CASE WHEN x > 0 THEN exp(pg_temp.log_beta(p[3] + 1, p[4] + x - 1)) * (p[2] + t_x) ^ -(p[1] + x) ELSE 0 END) $$;
CREATE FUNCTION pg_temp.pareto_by_hand(p float8[], x float8, t_x float8, t float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
  $$ SELECT pg_temp.log_gamma(p[1] + x) - pg_temp.log_gamma(p[1]) + p[1] * ln(p[2]) + p[3] * ln(p[4]) + ln((p[2] + t) ^ -(p[1] + x) * (p[4] + t) ^ -p[3] +
       (SELECT p[3] * (t - t_x) / 600 * sum(CASE WHEN i IN (0, 200) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END * (p[2] + u) ^ -(p[1] + x) * (p[4] + u) ^ -(p[3] + 1))
        FROM (SELECT i, t_x + i * (t - t_x) / 200 AS u FROM generate_series(0, 200) i) q)) $$;
SELECT is_empty($$ SELECT l, log_likelihood(bg, y, z, x, t_x, t) FROM customer c JOIN found f USING (model), fit, LATERAL pg_temp.bg_by_hand(pg_temp.own(model, p, y, z), x, t_x, t) l
  WHERE model = 'bgnbd' AND id % 25 = 0 AND x < 60 AND (abs(log_likelihood(bg, y, z, x, t_x, t) - l) < 1e-9 * (1 + abs(l))) IS NOT TRUE $$, 'BG/NBD: likelihood of a customer as in plain SQL');
SELECT is_empty($$ SELECT l, log_likelihood(pareto, y, z, x, t_x, t) FROM customer c JOIN found f USING (model), fit, LATERAL pg_temp.pareto_by_hand(pg_temp.own(model, p, y, z), x, t_x, t) l
  WHERE model = 'pareto_nbd' AND id % 60 = 0 AND x < 60 AND (abs(log_likelihood(pareto, y, z, x, t_x, t) - l) < 1e-6 * (1 + abs(l))) IS NOT TRUE $$, 'Pareto/NBD: likelihood of a customer as in plain SQL');
SELECT cmp_ok(abs(sum(log_likelihood(bg, y, z, x, t_x, t)) / (bg).log_likelihood - 1), '<', 1e-10::float8, 'BG/NBD: log-likelihood of the fit is the sum') FROM fit, customer WHERE model = 'bgnbd' GROUP BY bg;
SELECT cmp_ok(abs(sum(log_likelihood(pareto, y, z, x, t_x, t)) / (pareto).log_likelihood - 1), '<', 1e-9::float8, 'Pareto/NBD: log-likelihood of the fit is the sum') FROM fit, customer WHERE model = 'pareto_nbd' GROUP BY pareto;

-- optimum and covariance by differences of that likelihood, for a twelfth of the customers
CREATE TEMP TABLE few AS SELECT * FROM customer WHERE id % 12 = 0;
CREATE TEMP TABLE few_fit AS
  SELECT fit_bgnbd_covariates(x, t_x, t, y, z) FILTER (WHERE model = 'bgnbd') AS bg, fit_pareto_nbd_covariates(x, t_x, t, y, z) FILTER (WHERE model = 'pareto_nbd') AS pareto FROM few;
CREATE TEMP TABLE few_found AS
  SELECT 'bgnbd' AS model, ARRAY[(bg).r, (bg).alpha, (bg).a, (bg).b] || (bg).purchase_coefficients || (bg).dropout_a_coefficients || (bg).dropout_b_coefficients AS p, (bg).covariance, (bg).n FROM few_fit
  UNION ALL SELECT 'pareto_nbd', ARRAY[(pareto).r, (pareto).alpha, (pareto).s, (pareto).beta] || (pareto).purchase_coefficients || (pareto).dropout_coefficients, (pareto).covariance, (pareto).n FROM few_fit;
CREATE FUNCTION pg_temp.ll(model text, p float8[]) RETURNS float8 LANGUAGE sql AS
  $$ SELECT CASE ll.model WHEN 'bgnbd' THEN (SELECT sum(log_likelihood(v, y, z, x, t_x, t)) FROM pg_temp.bg(p) v, few s WHERE s.model = 'bgnbd')
       ELSE (SELECT sum(log_likelihood(v, y, z, x, t_x, t)) FROM pg_temp.pareto(p) v, few s WHERE s.model = 'pareto_nbd') END $$;
-- p with element i moved by d
CREATE FUNCTION pg_temp.moved(p float8[], i int, d float8) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$ SELECT p[:i - 1] || (p[i] + d) || p[i + 1:] $$;
CREATE TEMP TABLE step AS SELECT model, i, p, n, 1e-3 * CASE WHEN i > 4 THEN 1 ELSE p[i] END AS h FROM few_found, generate_series(1, array_length(p, 1)) i;
SELECT is_empty(format($$ SELECT i, slope FROM (SELECT i, (pg_temp.ll(model, pg_temp.moved(p, i, h / 10)) - pg_temp.ll(model, pg_temp.moved(p, i, -h / 10))) / (h * 200) / n AS slope FROM step WHERE model = %L) q
  WHERE (abs(slope) < 1e-6) IS NOT TRUE $$, model), model || ': no difference of the likelihood has a slope at the optimum') FROM truth ORDER BY model;
CREATE TEMP TABLE curvature AS
  SELECT a.model, a.i, b.i AS j, (pg_temp.ll(a.model, pg_temp.moved(pg_temp.moved(a.p, a.i, a.h), b.i, b.h)) - pg_temp.ll(a.model, pg_temp.moved(pg_temp.moved(a.p, a.i, a.h), b.i, -b.h)) -
    pg_temp.ll(a.model, pg_temp.moved(pg_temp.moved(a.p, a.i, -a.h), b.i, b.h)) + pg_temp.ll(a.model, pg_temp.moved(pg_temp.moved(a.p, a.i, -a.h), b.i, -b.h))) / (4 * a.h * b.h) AS d2
  FROM step a JOIN step b USING (model);
SELECT is_empty(format($$ SELECT c.i, k FROM curvature c JOIN few_found f USING (model), generate_series(1, array_length(f.p, 1)) k WHERE model = %L GROUP BY c.i, k
    HAVING (abs(sum(c.d2 * f.covariance[c.j][k]) * sqrt(max(f.covariance[c.i][c.i]) / max(f.covariance[k][k])) + CASE WHEN c.i = k THEN 1 ELSE 0 END) < 2e-3) IS NOT TRUE $$, model),
  model || ': the covariance is the inverse of minus the second differences') FROM truth ORDER BY model;

-- between one fit to all and fits to each group
SELECT ok(pooled < (f.ll) AND f.ll < apart, model || ': more likely than one fit to all, less than fits to each profile') FROM found f JOIN
  (SELECT 'bgnbd' AS model, (SELECT (fit_bgnbd(x, t_x, t)).log_likelihood FROM customer WHERE model = 'bgnbd') AS pooled,
     (SELECT sum(l) FROM (SELECT (fit_bgnbd(x, t_x, t)).log_likelihood AS l FROM customer WHERE model = 'bgnbd' GROUP BY y) q) AS apart
   UNION ALL SELECT 'pareto_nbd', (SELECT (fit_pareto_nbd(x, t_x, t)).log_likelihood FROM customer WHERE model = 'pareto_nbd'),
     (SELECT sum(l) FROM (SELECT (fit_pareto_nbd(x, t_x, t)).log_likelihood AS l FROM customer WHERE model = 'pareto_nbd' GROUP BY y) q)) o USING (model) ORDER BY model;

-- no covariates: the plain fit, to the last bit
SELECT is(ROW((c).r, (c).alpha, (c).a, (c).b, (c).log_likelihood, (c).n, (c).distinct_rows, (c).gradient_norm, (c).standard_errors, (c).covariance, (c).purchase_coefficients)::text,
          ROW((p).r, (p).alpha, (p).a, (p).b, (p).log_likelihood, (p).n, (p).distinct_rows, (p).gradient_norm, (p).standard_errors, (p).covariance, '{}'::float8[])::text, 'BG/NBD: without covariates the plain fit')
FROM (SELECT fit_bgnbd(x, t_x, t) AS p, fit_bgnbd_covariates(x, t_x, t, '{}', '{}') AS c FROM few WHERE model = 'bgnbd') q;
SELECT is(ROW((c).r, (c).alpha, (c).s, (c).beta, (c).log_likelihood, (c).n, (c).distinct_rows, (c).gradient_norm, (c).standard_errors, (c).covariance, (c).dropout_coefficients)::text,
          ROW((p).r, (p).alpha, (p).s, (p).beta, (p).log_likelihood, (p).n, (p).distinct_rows, (p).gradient_norm, (p).standard_errors, (p).covariance, '{}'::float8[])::text, 'Pareto/NBD: without covariates the plain fit')
FROM (SELECT fit_pareto_nbd(x, t_x, t) AS p, fit_pareto_nbd_covariates(x, t_x, t, '{}', '{}') AS c FROM few WHERE model = 'pareto_nbd') q;

-- invariances
SELECT ok((m.f).converged AND abs((m.f).log_likelihood / (bg).log_likelihood - 1) < 1e-11 AND abs((m.f).purchase_coefficients[1] * 7 / (bg).purchase_coefficients[1] - 1) < 1e-6
  AND abs((m.f).purchase_coefficients[2] * -0.001 / (bg).purchase_coefficients[2] - 1) < 1e-6 AND abs((m.f).standard_errors[5] * 7 / (bg).standard_errors[5] - 1) < 1e-4
  AND abs((m.f).dropout_b_coefficients[1] / 10 / (bg).dropout_b_coefficients[1] - 1) < 1e-6
  AND abs(e.m / e.o - 1) < 1e-8 AND abs((i.m).lower / (i.o).lower - 1) < 1e-5, 'units and zeros of covariates make no difference')
FROM few_fit, (SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[2000 + 7 * y[1], -0.001 * y[2]], ARRAY[z[1] / 10]) AS f FROM few WHERE model = 'bgnbd') m,
  LATERAL (SELECT expected_purchases(bg, '{1,2}', '{1}', 3, 20, 30, 52) AS o, expected_purchases(m.f, '{2007,-0.002}', '{0.1}', 3, 20, 30, 52) AS m) e,
  LATERAL (SELECT expected_purchases_interval(bg, '{1,2}', '{1}', 3, 20, 30, 52) AS o, expected_purchases_interval(m.f, '{2007,-0.002}', '{0.1}', 3, 20, 30, 52) AS m) i;
SELECT ok(abs((d.f).alpha / 7 / (pareto).alpha - 1) < 1e-6 AND abs((d.f).beta / 7 / (pareto).beta - 1) < 1e-5 AND abs((d.f).dropout_coefficients[1] / (pareto).dropout_coefficients[1] - 1) < 1e-5
  AND abs((d.f).covariance[2][5] / 7 / (pareto).covariance[2][5] - 1) < 1e-3 AND (d.f).time_unit = 'day', 'the unit of time makes none but to alpha and beta')
FROM few_fit, (SELECT fit_pareto_nbd_covariates(x, t_x * 7, t * 7, y, z, 1, 0, 'day') AS f FROM few WHERE model = 'pareto_nbd') d;
SELECT is((SELECT fit_bgnbd_covariates(x, t_x, t, y, z ORDER BY md5(id::text))::text FROM few WHERE model = 'bgnbd'), (SELECT bg::text FROM few_fit), 'the order of rows makes no difference');
SELECT ok((w.f).purchase_coefficients = (d.f).purchase_coefficients AND (w.f).log_likelihood = (d.f).log_likelihood AND (w.f).n = (d.f).n, 'a weight is so many rows')
FROM (SELECT fit_bgnbd_covariates(x, t_x, t, y, z, 1 + id % 3) AS f FROM few WHERE model = 'bgnbd') w,
  (SELECT fit_bgnbd_covariates(x, t_x, t, y, z) AS f FROM few, generate_series(0, id % 3) WHERE model = 'bgnbd') d;
SELECT ok((l.f).converged AND abs((l.f).purchase_coefficients[1]) < abs((bg).purchase_coefficients[1]) AND (l.f).log_likelihood < (bg).log_likelihood, 'a penalty shrinks coefficients')
FROM few_fit, (SELECT fit_bgnbd_covariates(x, t_x, t, y, z, 1, 0.01) AS f FROM few WHERE model = 'bgnbd') l;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE clv_covariates_parallel AS SELECT * FROM customer;
ANALYZE clv_covariates_parallel;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;
SELECT ok((SELECT string_agg(line, E'\n') FROM pg_temp.plan_of($$ SELECT fit_bgnbd_covariates(x, t_x, t, y, z) FROM clv_covariates_parallel WHERE model = 'bgnbd' $$) line) ~ 'Partial Aggregate', 'workers take part');
SELECT is((SELECT fit_bgnbd_covariates(x, t_x, t, y, z)::text FROM clv_covariates_parallel WHERE model = 'bgnbd'), (SELECT bg::text FROM fit), 'and make no difference');

-- predictions are those of the base model with the customer's own parameters
CREATE TEMP TABLE asked AS SELECT model, y, z, x, t_x, t, pg_temp.own(model, p, y, z) AS o FROM few JOIN found USING (model) WHERE id % 60 = 0;
SELECT is_empty($$ SELECT * FROM asked, fit, LATERAL (SELECT bgnbd(o[1], o[2], o[3], o[4]) AS b, gamma_gamma(6, 3.7, 15) AS g) q,
    unnest(ARRAY[p_alive(bg, y, z, x, t_x, t), p_alive(bg, y, z, x, t_x, t, 10), expected_purchases(bg, y, z, x, t_x, t, 52), expected_purchases(bg, y, z, 52), purchase_probability(bg, y, z, 2, 13),
                 purchase_probability(bg, y, z, 2, x, t_x, t, 13), dert(bg, y, z, x, t_x, t, 0.02, 104), clv(bg, y, z, g, x, t_x, t, 20, 52, 0.1, 'week', 0.5), log_likelihood(bg, y, z, x, t_x, t)],
           ARRAY[p_alive(b, x, t_x, t), p_alive(b, x, t_x, t, 10), expected_purchases(b, x, t_x, t, 52), expected_purchases(b, 52), purchase_probability(b, 2, 13),
                 purchase_probability(b, 2, x, t_x, t, 13), dert(b, x, t_x, t, 0.02, 104), clv(b, g, x, t_x, t, 20, 52, 0.1, 'week', 0.5), log_likelihood(b, x, t_x, t)]) WITH ORDINALITY u(got, want, nth)
  WHERE model = 'bgnbd' AND (abs(got - want) <= 1e-11 * (1e-3 + abs(want))) IS NOT TRUE $$, 'BG/NBD: predictions with the parameters of the customer');
SELECT is_empty($$ SELECT * FROM asked, fit, LATERAL (SELECT pareto_nbd(o[1], o[2], o[3], o[4]) AS b, gamma_gamma(6, 3.7, 15) AS g) q,
    unnest(ARRAY[p_alive(pareto, y, z, x, t_x, t), p_alive(pareto, y, z, x, t_x, t, 10), expected_purchases(pareto, y, z, x, t_x, t, 52), expected_purchases(pareto, y, z, 52), purchase_probability(pareto, y, z, 2, 13),
                 purchase_probability(pareto, y, z, 2, x, t_x, t, 13), dert(pareto, y, z, x, t_x, t, 0.02, 104), clv(pareto, y, z, g, x, t_x, t, 20, 52, 0.1, 'week', 0.5), log_likelihood(pareto, y, z, x, t_x, t)],
           ARRAY[p_alive(b, x, t_x, t), p_alive(b, x, t_x, t, 10), expected_purchases(b, x, t_x, t, 52), expected_purchases(b, 52), purchase_probability(b, 2, 13),
                 purchase_probability(b, 2, x, t_x, t, 13), dert(b, x, t_x, t, 0.02, 104), clv(b, g, x, t_x, t, 20, 52, 0.1, 'week', 0.5), log_likelihood(b, x, t_x, t)]) WITH ORDINALITY u(got, want, nth)
  WHERE model = 'pareto_nbd' AND (abs(got - want) <= 1e-11 * (1e-3 + abs(want))) IS NOT TRUE $$, 'Pareto/NBD: predictions with the parameters of the customer');
SELECT is_empty($$ SELECT * FROM asked, LATERAL (SELECT bgnbd(0.8, 6, 0.9, 2.5) AS b, bgnbd_covariates(0.8, 6, 0.9, 2.5, '{0,0}', '{0}', '{0}') AS c) q
  WHERE p_alive(b, x, t_x, t) <> p_alive(c, y, z, x, t_x, t) OR expected_purchases(b, x, t_x, t, 52) <> expected_purchases(c, y, z, x, t_x, t, 52) $$, 'coefficients of zero: the plain prediction');

-- intervals, by differences over all parameters and coefficients in SQL
CREATE TEMP TABLE slope AS
  SELECT i, (ln(expected_purchases(pg_temp.bg(pg_temp.moved(p, i, h / 100)), '{1,2}', '{1}', 3, 20, 30, 52)) - ln(expected_purchases(pg_temp.bg(pg_temp.moved(p, i, -h / 100)), '{1,2}', '{1}', 3, 20, 30, 52))) / (h / 50) AS d
  FROM step WHERE model = 'bgnbd';
SELECT cmp_ok(abs(ln((e).upper / (e).lower) / 2 / 1.959963984540054 / sqrt((SELECT sum(a.d * b.d * (bg).covariance[a.i][b.i]) FROM slope a, slope b)) - 1), '<', 1e-4::float8, 'the interval of a prediction is the delta method''s')
FROM few_fit, LATERAL (SELECT expected_purchases_interval(bg, '{1,2}', '{1}', 3, 20, 30, 52) AS e) q;
SELECT is_empty(format($$ SELECT * FROM few_fit, truth, LATERAL parameter_intervals(%s) WITH ORDINALITY i(name, estimate, lower, upper, nth) WHERE model = %L
    AND (name = names[nth] AND CASE WHEN nth > 4 THEN abs(upper - lower) / 2 ELSE ln(upper / lower) / 2 * estimate END / 1.959963984540054 / (%1$s).standard_errors[nth] BETWEEN 1 - 1e-9 AND 1 + 1e-9) IS NOT TRUE $$, c, m),
  m || ': intervals of parameters and coefficients') FROM (VALUES ('bg', 'bgnbd'), ('pareto', 'pareto_nbd')) v(c, m);

-- continuous covariates: everybody has values of their own
SELECT ok((f).converged AND (f).distinct_rows = (f).n AND abs((f).purchase_coefficients[1] - 0.7) < 3 * (f).standard_errors[5] AND abs((f).purchase_coefficients[2]) < 3 * (f).standard_errors[6], 'continuous covariates, one of them of no effect')
FROM (SELECT fit_bgnbd_covariates(x, t_x, t, ARRAY[y[1], sin(id)], '{}') AS f FROM customer WHERE model = 'bgnbd' AND y[2] = 0) q;

SELECT * FROM finish();
ROLLBACK;
