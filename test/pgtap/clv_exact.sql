-- The CLV models against 774 values computed to 30 digits by means independent of every library, and properties over
-- random parameters and histories. The values are not part of the project: ../shared/data, or where CUSTPRIO_DATA says.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set file :data '/clv_exact.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/clv_exact.csv" && echo true || echo false`

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = warning;

SELECT plan(32);

-- one function for each model, so that a row of text can be asked of any
CREATE FUNCTION pg_temp.computed(model text, p float8[], quantity text, x float8, t_x float8, t float8, h float8,
                                 delta float8, n int, m float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  params text := CASE WHEN model = 'gamma_gamma' THEN format('gamma_gamma(%s, %s, %s)', p[1], p[2], p[3])
                 ELSE format('%s(%s, %s, %s, %s)', model, p[1], p[2], p[3], p[4]) END;
  value float8;
BEGIN
  EXECUTE 'SELECT ' || CASE
      WHEN quantity = 'loglik' AND model = 'gamma_gamma' THEN format('log_likelihood(%s, $1, $7)', params)
      WHEN quantity = 'loglik' THEN format('log_likelihood(%s, $1, $2, $3)', params)
      WHEN quantity = 'palive' THEN format('p_alive(%s, $1, $2, $3)', params)
      WHEN quantity = 'expected_purchases' THEN format('expected_purchases(%s, $1, $2, $3, $4)', params)
      WHEN quantity = 'expected_new' THEN format('expected_purchases(%s, $4)', params)
      WHEN quantity = 'pmf' THEN format('purchase_probability(%s, $6, $4)', params)
      WHEN quantity = 'conditional_pmf' THEN format('purchase_probability(%s, $6, $1, $2, $3, $4)', params)
      WHEN quantity = 'dert' THEN format('dert(%s, $1, $2, $3, $5)', params)
      WHEN quantity = 'expected_spend' THEN format('expected_value(%s, $1, $7)', params) END
    INTO value USING x, t_x, t, h, delta, n, m;
  RETURN value;
END $$;

\if :present
CREATE TEMP TABLE raw (model text, params text, quantity text, x text, t_x text, t text, h text, delta text, n text, value text);
\set load '\\copy raw FROM ' :'file' ' (FORMAT csv, HEADER)'
:load
CREATE TEMP TABLE checked AS
  SELECT *, pg_temp.computed(CASE model WHEN 'pnbd' THEN 'pareto_nbd' WHEN 'gg' THEN 'gamma_gamma' ELSE model END,
                             ('{' || params || '}')::float8[], quantity, x::float8, t_x::float8, t::float8, h::float8,
                             delta::float8, CASE WHEN n !~ 'm=' THEN n::int END,
                             CASE WHEN n ~ 'm=' THEN substr(n, 3)::float8 END) AS computed
  FROM raw
  -- without a mean there is nothing to expect: an error, see below
  WHERE NOT (model = 'gg' AND quantity = 'expected_spend' AND x = '0' AND (string_to_array(params, ','))[2]::float8 <= 1);
SELECT is((SELECT count(*) FROM raw), 774::bigint, 'the values are those described');
SELECT is_empty(format($$
  SELECT params, x, t_x, t, h, delta, n, value, computed FROM checked WHERE quantity = %L
    AND (computed IS NULL OR abs(computed - value::float8) > greatest(1e-9 * abs(value::float8), 1e-300))
  $$, q), q || ' equals the exact values to 1e-9')
FROM unnest('{loglik,palive,expected_purchases,expected_new,pmf,conditional_pmf,dert,expected_spend}'::text[]) q;
\else
SELECT skip('SKIPPED: no clv_exact.csv in ../shared/data or CUSTPRIO_DATA', 9);
\endif

-- published values: Fader, Hardie and Lee 2005 and the R package BTYD
SELECT ok(abs(expected_purchases(bgnbd(.2425982, 4.4136842, .7929899, 2.4261667), 26, 30.857142857, 31, 52) - 25.75659) < 1e-4, 'BG/NBD expectation of a published customer');
SELECT ok(abs(p_alive(bgnbd(.2425982, 4.4136842, .7929899, 2.4261667), 26, 30.857142857, 31) - .9688523) < 1e-6, 'BG/NBD P(alive) of a published customer');
SELECT ok(abs(expected_purchases(pareto_nbd(.553, 10.578, .606, 11.669), 26, 30.857142857, 31, 52) - 25.45647) < 2e-3, 'Pareto/NBD expectation of a published customer');

-- properties, over parameters and histories of all sizes
SELECT setseed(0.20261124);
CREATE TEMP TABLE fuzz AS
  SELECT i, (ARRAY['bgnbd', 'mbgnbd', 'pareto_nbd'])[1 + i % 3] AS model,
    ARRAY[exp(random() * 12 - 6), exp(random() * 14 - 5), exp(random() * 10 - 5), exp(random() * 12 - 5)] AS p,
    x, CASE WHEN x > 0 THEN t * least(random() * 1.2, 1) ELSE 0 END AS t_x, t, exp(random() * 10 - 4) AS h
  FROM (SELECT i, CASE WHEN random() < .3 THEN 0 ELSE floor(exp(random() * 7)) END AS x, exp(random() * 10 - 4) AS t
        FROM generate_series(1, 3000) i OFFSET 0) q;
CREATE TEMP TABLE fuzzed AS
  SELECT f.*, pg_temp.computed(model, p, 'loglik', x, t_x, t, h, 0, 0, 0) AS ll,
    pg_temp.computed(model, p, 'palive', x, t_x, t, h, 0, 0, 0) AS alive,
    pg_temp.computed(model, p, 'palive', x, CASE WHEN x > 0 THEN t_x + (t - t_x) / 2 ELSE 0 END, t, h, 0, 0, 0) AS alive_recent,
    pg_temp.computed(model, p, 'palive', x, t_x, t * 2, h, 0, 0, 0) AS alive_older,
    pg_temp.computed(model, p, 'expected_purchases', x, t_x, t, h, 0, 0, 0) AS expected,
    pg_temp.computed(model, p, 'expected_purchases', x, t_x, t, 2 * h, 0, 0, 0) AS expected_longer,
    pg_temp.computed(model, p, 'expected_new', x, t_x, t, h, 0, 0, 0) AS expected_new,
    pg_temp.computed(model, p, 'expected_purchases', x + 1, CASE WHEN x > 0 THEN t_x ELSE t END, t, h, 0, 0, 0) AS expected_more,
    pg_temp.computed(model, p, 'palive', x + 1, CASE WHEN x > 0 THEN t_x ELSE t END, t, h, 0, 0, 0) AS alive_more,
    CASE WHEN i % 10 = 0 THEN pg_temp.computed(model, p, 'pmf', x, t_x, t, h, 0, i % 7, 0) END AS pmf,
    CASE WHEN i % 10 = 0 THEN pg_temp.computed(model, p, 'conditional_pmf', x, t_x, t, h, 0, i % 7, 0) END AS conditional_pmf,
    CASE WHEN i % 20 = 0 THEN pg_temp.computed(model, p, 'dert', x, t_x, t, h, 1 / h, 0, 0) END AS discounted
  FROM fuzz f;
SELECT is((SELECT count(*) FROM fuzzed WHERE num_nulls(ll, alive, expected, expected_new) = 0
             AND 'NaN' NOT IN (ll, alive, expected, expected_new) AND 'Infinity' NOT IN (ll, alive, expected, expected_new)),
          3000::bigint, 'every likelihood and prediction is a number');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE alive NOT BETWEEN 0 AND 1 $$, 'P(alive) is a probability');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE alive_recent < alive * (1 - 1e-11) $$, 'a later last purchase raises P(alive)');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE alive_older > alive * (1 + 1e-11) $$, 'a longer absence lowers P(alive)');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE expected < 0 OR expected_longer < expected * (1 - 1e-11) $$, 'a longer horizon has more purchases');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE i % 10 = 0 AND NOT (pmf BETWEEN 0 AND 1 AND conditional_pmf BETWEEN 0 AND 1) $$, 'probabilities of a number of purchases are probabilities');
-- the purchases of h at least, discounted by no more than e; x e^-x <= 1 / e for those after it
SELECT is_empty($$ SELECT * FROM fuzzed WHERE i % 20 = 0 AND NOT (discounted >= expected / exp(1) * (1 - 1e-9) AND discounted < 'Infinity') $$, 'discounted purchases are numbers, and not fewer than the discounted ones of a horizon');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE alive > 1e-290 AND alive_more > 1e-290 AND expected_more / alive_more < expected / alive * (1 - 1e-11) $$, 'one more purchase raises the expectation of somebody alive');
SELECT is_empty($$ SELECT * FROM fuzzed WHERE model = 'bgnbd' AND x = 0 AND alive <> 1 $$, 'BG/NBD: nobody without a repeat purchase has dropped out');

-- probabilities of 0, 1, 2 ... purchases add up to 1, and their mean is the expectation
CREATE TEMP TABLE whole AS
  SELECT f.i, sum(q) AS total, sum(n * q) AS mean, min(q) AS least, expected
  FROM (SELECT * FROM fuzzed WHERE expected BETWEEN 0.001 AND 5 AND p[1] > .1 AND x < 50 AND h < 20 * p[2] LIMIT 60) f,
    LATERAL (SELECT n, pg_temp.computed(model, p, 'conditional_pmf', x, t_x, t, h, 0, n, 0) AS q FROM generate_series(0, 600) n) s
  GROUP BY f.i, expected;
SELECT cmp_ok((SELECT count(*) FROM whole), '>=', 30::bigint, 'there are cases to add up');
SELECT is_empty($$ SELECT * FROM whole WHERE abs(total - 1) > 1e-6 OR least < 0 $$, 'probabilities are none below 0 and add up to 1');
SELECT is_empty($$ SELECT * FROM whole WHERE abs(mean / expected - 1) > 1e-4 $$, 'their mean is the expected number');

-- horizons at which the number of purchases has a tail without an end: no endless sum, and what a limit says. With r = 1
-- events are geometric; P(N >= j) = (h / (h + alpha))^j, and with a tiny nobody leaves.
SELECT ok(abs(purchase_probability(bgnbd(1, 1e-6, 1e-12, 1e3), n, h) / (exp(n * ln(h / (h + 1e-6))) * 1e-6 / (h + 1e-6)) - 1) < 1e-3, format('%s purchases in %s, at a rate without a bound', n, h))
FROM (VALUES (5, 1e4), (2000000000, 1e6)) v(n, h);
SELECT ok(purchase_probability(bgnbd(.001, 1e-6, .8, 2.4), n, h) BETWEEN 0 AND 1, format('%s purchases in %s end', n, h)) FROM (VALUES (2000000000, 1e3), (2000000, 1e9)) v(n, h);

-- where peers fail
SELECT is((SELECT count(*) FROM generate_series(100, 5000, 700) x, (VALUES ('bgnbd'), ('mbgnbd'), ('pareto_nbd')) m(model)
           WHERE pg_temp.computed(model, '{.5143,2.8845,.2856,14.1087}', 'expected_purchases', x, 38.99, 39, 52, 0, 0, 0) > 0),
          24::bigint, 'thousands of purchases do not overflow');
SELECT ok(purchase_probability(bgnbd(.243, 4.414, .793, 2.426), 1000, 2000) > 0 AND purchase_probability(bgnbd(.243, 4.414, .793, 2.426), 180, 2) BETWEEN 1e-300 AND 1e-50,
          'probabilities of many purchases, and tiny ones, are positive');
SELECT ok(abs(expected_purchases(m, 3, 20, 39, 52) / expected_purchases(n, 3, 20, 39, 52) - 1) < 1e-8, 'nothing happens where the formulas of papers have a pole: ' || m::text)
FROM (VALUES (bgnbd(.25, 4, 1, 2.5), bgnbd(.25, 4, 1 + 1e-10, 2.5))) v(m, n);
SELECT throws_ok('SELECT expected_value(gamma_gamma(2, 0.9, 10), 0, 0)', '22003', NULL, 'spend without a mean is an error, not a negative number');
SELECT * FROM finish();
ROLLBACK;
