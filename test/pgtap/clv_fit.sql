-- Fits of the CLV models: CDNOW's published optima, standard errors and holdout predictions, and invariances.
-- The data is not part of the project: ../shared/data, or where CUSTPRIO_DATA says.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set sample :data '/cdnow_sample.csv'
\set master :data '/cdnow_master.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/cdnow_master.csv" && echo true || echo false`

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(51);

CREATE TEMP TABLE purchase (cohort text, customer_id int, date date, amount numeric);
-- calibration statistics by plain SQL: days with a purchase, sums of a day joined; m without the first day
CREATE TEMP VIEW history AS
  SELECT cohort, customer_id, count(*) - 1 AS x, (max(date) - min(date)) / 7.0::float8 AS t_x,
    (date '1997-09-30' - min(date)) / 7.0::float8 AS t, avg(amount) FILTER (WHERE nth > 1)::float8 AS m
  FROM (SELECT cohort, customer_id, date, sum(amount) AS amount, row_number() OVER (PARTITION BY cohort, customer_id ORDER BY date) AS nth
        FROM purchase WHERE date <= '1997-09-30' GROUP BY 1, 2, 3) d
  GROUP BY cohort, customer_id;

\if :present
CREATE TEMP TABLE sample (customer_id int, date date, amount numeric, cds int, master_id int);
CREATE TEMP TABLE master (customer_id int, date date, amount numeric, cds int);
\set load '\\copy sample FROM ' :'sample' ' (FORMAT csv, HEADER)'
:load
\set load '\\copy master FROM ' :'master' ' (FORMAT csv, HEADER)'
:load
INSERT INTO purchase SELECT 'sample', customer_id, date, amount FROM sample UNION ALL SELECT 'master', customer_id, date, amount FROM master;
CREATE TEMP TABLE h AS SELECT * FROM history;
ANALYZE h;

CREATE TEMP TABLE found AS
  SELECT cohort, 'bgnbd' AS model, ARRAY[(f).r, (f).alpha, (f).a, (f).b] AS p, (f).log_likelihood AS ll, (f).gradient_norm AS g, (f).converged, (f).standard_errors AS se
    FROM (SELECT cohort, fit_bgnbd(x, t_x, t) AS f FROM h GROUP BY 1) q
  UNION ALL SELECT cohort, 'mbgnbd', ARRAY[(f).r, (f).alpha, (f).a, (f).b], (f).log_likelihood, (f).gradient_norm, (f).converged, (f).standard_errors
    FROM (SELECT cohort, fit_mbgnbd(x, t_x, t) AS f FROM h GROUP BY 1) q
  UNION ALL SELECT cohort, 'pareto_nbd', ARRAY[(f).r, (f).alpha, (f).s, (f).beta], (f).log_likelihood, (f).gradient_norm, (f).converged, (f).standard_errors
    FROM (SELECT cohort, fit_pareto_nbd(x, t_x, t) AS f FROM h GROUP BY 1) q
  UNION ALL SELECT cohort, 'gamma_gamma', ARRAY[(f).p, (f).q, (f).gamma], (f).log_likelihood, (f).gradient_norm, (f).converged, (f).standard_errors
    FROM (SELECT cohort, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS f FROM h GROUP BY 1) q;

CREATE TEMP TABLE published (cohort text, model text, p float8[], ll float8, tolerance float8);
INSERT INTO published VALUES
  ('sample', 'bgnbd', '{.2425945,4.4136019,.7929199,2.4258881}', -9582.4292, 1e-4),
  ('sample', 'mbgnbd', '{.524843,6.18308,.89136,1.61400}', -9582.1357, 1e-4),
  ('sample', 'pareto_nbd', '{.55327,10.578,.6060,11.664}', -9594.9762, 1e-3),
  ('sample', 'gamma_gamma', '{6.24935,3.74426,15.4443}', -4055.91769, 1e-4),
  ('master', 'bgnbd', '{.251624,4.78895,.72343,2.16108}', -95368.4439, 1e-4),
  ('master', 'mbgnbd', '{.63714,7.31029,.80747,1.22839}', -95336.9583, 1e-4),
  ('master', 'pareto_nbd', '{.597424,11.5862,.52220,8.8283}', -95415.1186, 1e-3),
  ('master', 'gamma_gamma', '{6.27535,3.62444,14.9837}', -40763.47626, 1e-4);
SELECT ok(f.converged AND f.g < 1e-6, format('%s, %s: converged, gradient under 1e-6', cohort, model)) FROM published JOIN found f USING (cohort, model) ORDER BY cohort, model;
SELECT cmp_ok(f.ll, '>=', p.ll - 1e-4, format('%s, %s: log-likelihood', cohort, model)) FROM published p JOIN found f USING (cohort, model) ORDER BY cohort, model;
SELECT is_empty(format($$ SELECT a, b FROM published p JOIN found f USING (cohort, model), unnest(p.p, f.p) u(a, b)
                          WHERE cohort = %L AND model = %L AND NOT abs(b / a - 1) <= tolerance $$, cohort, model),
                format('%s, %s: parameters as published', cohort, model)) FROM published ORDER BY cohort, model;
SELECT is_empty($$ SELECT * FROM found, unnest(se, '{.0476264,.8427222,.1872594,6.2105448}'::float8[]) u(a, b)
                   WHERE cohort = 'sample' AND model = 'pareto_nbd' AND NOT abs(a / b - 1) < 1e-3 $$, 'standard errors as published');

-- repeat purchases of the 39 weeks that follow, predicted and actual
CREATE TEMP TABLE predicted AS
  SELECT model, sum(e) AS total, avg(abs(e - actual)) AS mae, sum(actual) AS actual
  FROM (SELECT customer_id, x, t_x, t, coalesce(n, 0) AS actual FROM h LEFT JOIN
          (SELECT customer_id, count(DISTINCT date) AS n FROM sample WHERE date > '1997-09-30' GROUP BY 1) later USING (customer_id)
        WHERE cohort = 'sample') c,
    (SELECT fit_bgnbd(x, t_x, t) AS bg, fit_mbgnbd(x, t_x, t) AS mbg, fit_pareto_nbd(x, t_x, t) AS pareto FROM h WHERE cohort = 'sample') f,
    LATERAL (VALUES ('bgnbd', expected_purchases(bg, x, t_x, t, 39)), ('mbgnbd', expected_purchases(mbg, x, t_x, t, 39)),
                    ('pareto_nbd', expected_purchases(pareto, x, t_x, t, 39))) v(model, e)
  GROUP BY model;
SELECT is((SELECT actual FROM predicted WHERE model = 'bgnbd'), 1882::numeric, 'actual repeat purchases of the holdout');
SELECT ok(abs(total - t) < 0.12 AND abs(mae - m) < 6e-5, format('%s: holdout prediction %s, mean absolute error %s', model, round(total::numeric, 1), round(mae::numeric, 4)))
FROM predicted JOIN (VALUES ('bgnbd', 1653.4, .7855), ('mbgnbd', 1576.7, .7648), ('pareto_nbd', 1665.4, .7545)) v(model, t, m) USING (model) ORDER BY model;

-- lifetimes' penalised fits
SELECT is_empty($$
  SELECT * FROM (VALUES (.001, '{.242776,4.40528,.498446,1.32324}'::float8[]), (.01, '{.24294,4.43244,.285642,.658454}'), (.1, '{.230947,4.21929,.128655,.267127}')) v(l2, want),
    LATERAL (SELECT fit_bgnbd(x, t_x, t, 1, l2) AS f FROM h WHERE cohort = 'sample') q,
    unnest(want, ARRAY[(f).r, (f).alpha, (f).a, (f).b]) u(a, b) WHERE NOT abs(b / a - 1) < 3e-5 $$, 'penalised fits as published');

-- invariances
CREATE TEMP VIEW base AS SELECT fit_bgnbd(x, t_x, t) AS f, fit_pareto_nbd(x, t_x, t) AS g FROM h WHERE cohort = 'sample';
SELECT ok(abs((u.f).alpha / unit / (b.f).alpha - 1) < 1e-9 AND abs((u.f).a / (b.f).a - 1) < 1e-9 AND abs((u.g).beta / unit / (b.g).beta - 1) < 1e-6
          AND (u.f).converged AND (u.g).converged, 'the same fit in another unit of time: ' || name)
FROM base b, (VALUES ('days', 7), ('hours', 168), ('years', 7 / 365.25), ('seconds', 604800)) v(name, unit),
  LATERAL (SELECT fit_bgnbd(x, t_x * unit, t * unit) AS f, fit_pareto_nbd(x, t_x * unit, t * unit) AS g FROM h WHERE cohort = 'sample') u;
SELECT ok(ROW((b.f).*) IS NOT DISTINCT FROM ROW((o.f).*), 'the order of rows makes no difference') FROM base b, (SELECT fit_bgnbd(x, t_x, t ORDER BY md5(customer_id::text)) AS f FROM h WHERE cohort = 'sample') o;
SELECT ok((w.f).r = (d.f).r AND (w.f).log_likelihood = (d.f).log_likelihood AND (w.f).n = (d.f).n, 'a weight is so many rows')
FROM (SELECT fit_bgnbd(x, t_x, t, 1 + customer_id % 3) AS f FROM h WHERE cohort = 'sample') w,
  (SELECT fit_bgnbd(x, t_x, t) AS f FROM h, generate_series(0, customer_id % 3) WHERE cohort = 'sample') d;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE clv_fit_parallel AS SELECT * FROM h WHERE cohort = 'master';
ANALYZE clv_fit_parallel;
SELECT ok((SELECT (fit_mbgnbd(x, t_x, t)).r FROM clv_fit_parallel) = (SELECT p[1] FROM found WHERE cohort = 'master' AND model = 'mbgnbd'), 'parallel workers make no difference');
-- CLVTools loses this kind of data to an optimum that does not exist
SELECT ok((f).converged AND abs((f).b / 2.42 - 1) < .2 AND (f).log_likelihood < 0, 'many customers: the optimum is the true one')
FROM (SELECT fit_bgnbd(x, t_x, t, 424) AS f FROM h WHERE cohort = 'sample') q;
\else
SELECT skip('SKIPPED: no CDNOW data in ../shared/data or CUSTPRIO_DATA', 38);
\endif

-- data that cannot be fitted say so, and cannot be used
SELECT is((f).converged::text || ': ' || (f).status, 'false: ' || want, want)
FROM (SELECT 'no customer has a repeat purchase' AS want, fit_bgnbd(0, 0, 10 + i) AS f FROM generate_series(1, 100) i
      UNION ALL SELECT 'only one customer', fit_bgnbd(3, 5, 10) FROM generate_series(1, 1)
     ) q;
SELECT is((f).converged::text || ': ' || (f).status, 'false: every customer with repeat purchases bought on the last day', 'nobody stayed away')
FROM (SELECT fit_pareto_nbd(i % 4, CASE WHEN i % 4 > 0 THEN 10 ELSE 0 END, 10) AS f FROM generate_series(1, 100) i) q;
SELECT is((f).converged::text || ': ' || (f).status, 'false: ' || want, want)
FROM (SELECT 'all customers spend the same' AS want, fit_gamma_gamma(1 + i % 3, 20) AS f FROM generate_series(1, 100) i
      UNION ALL SELECT 'no customers with repeat purchases', fit_gamma_gamma(0, 0) FROM generate_series(1, 100) i) q;
SELECT is((SELECT (fit_bgnbd(1, 2, 3)).converged FROM generate_series(1, 0)), NULL, 'no rows, no fit');
SELECT throws_ok($$ SELECT p_alive((SELECT fit_bgnbd(0, 0, 10) FROM generate_series(1, 9)), 1, 2, 3) $$, '55000',
                 'parameters of bgnbd come from a fit that did not converge', 'a failed fit predicts nothing');
SELECT throws_ok($$ SELECT fit_bgnbd(1, 5, 4) $$, '22023', NULL, 'an impossible history is an error');
SELECT throws_ok($$ SELECT fit_gamma_gamma(1, -4) $$, '22023', NULL, 'a negative mean value is an error');

-- recovery: parameters that made the data lie within the errors of the fit. Gamma variates by Marsaglia and Tsang (2000).
CREATE FUNCTION pg_temp.gamma_variate(shape float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE d float8; c float8; x float8; v float8; boost float8 := 1;
BEGIN
  IF shape < 1 THEN boost := power(1 - random(), 1 / shape); shape := shape + 1; END IF;
  d := shape - 1.0 / 3; c := 1 / sqrt(9 * d);
  LOOP
    LOOP x := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()); v := 1 + c * x; EXIT WHEN v > 0; END LOOP;
    v := v * v * v;
    EXIT WHEN ln(1 - random()) < 0.5 * x * x + d - d * v + d * ln(v);
  END LOOP;
  RETURN d * v * boost;
END $$;
CREATE FUNCTION pg_temp.cohort(model text, n int, p float8[]) RETURNS TABLE (x int, t_x float8, t float8) LANGUAGE plpgsql AS $$
DECLARE rate float8; drop_out float8; death float8; at float8; g float8;
BEGIN
  FOR i IN 1..n LOOP
    rate := pg_temp.gamma_variate(p[1]) / p[2]; t := 27 + 25 * random(); death := 'infinity'; drop_out := 0;
    IF model = 'pareto_nbd' THEN death := -ln(1 - random()) / (pg_temp.gamma_variate(p[3]) / p[4]);
    ELSE g := pg_temp.gamma_variate(p[3]); drop_out := g / (g + pg_temp.gamma_variate(p[4])); END IF;
    IF model = 'mbgnbd' AND random() < drop_out THEN death := 0; END IF;
    x := 0; t_x := 0; at := 0;
    LOOP
      at := at - ln(1 - random()) / rate;
      EXIT WHEN at > least(t, death);
      x := x + 1; t_x := at;
      EXIT WHEN model <> 'pareto_nbd' AND random() < drop_out;
    END LOOP;
    RETURN NEXT;
  END LOOP;
END $$;
SELECT setseed(0.3);
SELECT is_empty(format($$
  SELECT truth, estimate, error FROM (SELECT fit_%1$s(x, t_x, t) AS f FROM pg_temp.cohort(%1$L, 20000, %2$L)) q,
    unnest(%2$L::float8[], ARRAY[%3$s], (f).standard_errors) u(truth, estimate, error) WHERE NOT abs(truth - estimate) < 3.5 * error OR NOT (f).converged $$,
  model, p, names), model || ': the parameters that made 20,000 customers are found again')
FROM (VALUES ('bgnbd', '{.25,4.5,.8,2.4}', '(f).r, (f).alpha, (f).a, (f).b'), ('mbgnbd', '{.5,6,.9,1.6}', '(f).r, (f).alpha, (f).a, (f).b'),
             ('pareto_nbd', '{.55,10.6,.6,11.7}', '(f).r, (f).alpha, (f).s, (f).beta')) v(model, p, names);
SELECT is_empty($$
  SELECT truth, estimate, error FROM (SELECT fit_gamma_gamma(x, m) AS f
      FROM (SELECT x, pg_temp.gamma_variate(6.25 * x) / (x * pg_temp.gamma_variate(3.74) / 15.44) AS m FROM (SELECT 1 + floor(random() * 5) AS x FROM generate_series(1, 20000) OFFSET 0) r) s) q,
    unnest('{6.25,3.74,15.44}'::float8[], ARRAY[(f).p, (f).q, (f).gamma], (f).standard_errors) u(truth, estimate, error)
  WHERE NOT abs(truth - estimate) < 3.5 * error OR NOT (f).converged $$, 'gamma_gamma: the parameters that made 20,000 customers are found again');
SELECT * FROM finish();
ROLLBACK;
