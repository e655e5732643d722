-- BG/BB: the published fit of the annual donors (Fader, Hardie and Shang 2010), plain formulas, and predictions that must agree with each other.
-- The data is not part of the project: ../shared/data, or where CUSTPRIO_DATA says.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set file :data '/donations.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/donations.csv" && echo true || echo false`

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;

SELECT plan(15);

\if :present
CREATE TEMP TABLE donor (x int, t_x int, n int, customers int);
\set load '\\copy donor FROM ' :'file' ' (FORMAT csv, HEADER)'
:load
CREATE TEMP TABLE found AS SELECT f AS params, (f).* FROM (SELECT fit_bgbb(x, t_x, n, customers) AS f FROM donor) q;
SELECT is((SELECT ARRAY[round(alpha::numeric, 3), round(beta::numeric, 3), round(gamma::numeric, 3), round(delta::numeric, 3), round(log_likelihood::numeric, 2)] FROM found),
  ARRAY[1.204, 0.750, 0.657, 2.783, -33225.58], 'the published parameters and log-likelihood');
SELECT ok(converged AND gradient_norm < 1e-9 AND n = 11104, 'converged, for all donors') FROM found;
SELECT cmp_ok(abs(sum(customers * log_likelihood(params, d.x, t_x, d.n)) - max(found.log_likelihood)), '<', 1e-6::float8, 'the rows'' log-likelihoods add up') FROM found, donor d;
SELECT cmp_ok(abs(expected_purchases(params, 10) - 3.179805), '<', 1e-4::float8, 'ten years of a new donor') FROM found;
SELECT cmp_ok(abs(sum(customers * expected_purchases(params, d.x, t_x, d.n, 5)) - 12884.2), '<', 0.1::float8, 'donations of the next five years') FROM found, donor d;
-- each donor a row, in another order
SELECT cmp_ok((SELECT abs((fit_bgbb(d.x, t_x, d.n ORDER BY random())).log_likelihood - max(f.log_likelihood)) FROM donor d, found f, generate_series(1, customers)), '<', 1e-6::float8, 'weights are customers');
\else
\warn 'donations.csv is absent: set CUSTPRIO_DATA to the directory that has it'
SELECT * FROM skip('donations data is absent: set CUSTPRIO_DATA to its directory', 6);
\endif

-- with all parameters 1, p and theta are uniform: what can be said with fractions alone
SELECT cmp_ok(abs(exp(log_likelihood(bgbb(1, 1, 1, 1), 0, 0, 1)) - 3.0 / 4), '<', 1e-15::float8, 'no purchase at one opportunity: left, or there and not bought');
SELECT cmp_ok(abs(p_alive(bgbb(1, 1, 1, 1), 0, 0, 1) - 1.0 / 3), '<', 1e-15::float8, 'P(alive) after it');
SELECT cmp_ok(abs(expected_purchases(bgbb(1, 1, 1, 1), 3) - (1.0 / 2 + 1.0 / 3 + 1.0 / 4) / 2), '<', 1e-15::float8, 'three opportunities of a new customer, gamma = 1');
SELECT cmp_ok(abs(dert(bgbb(1, 1, 1, 1), 0, 0, 0, ln(2)) - (2 * ln(2) - 1) / 2), '<', 1e-14::float8, 'dert of a new customer: sum of 2^-j / (j + 1)');

-- whatever happens in four opportunities happens with certainty: all histories' probabilities add up to 1
SELECT cmp_ok(abs(sum(exp(log_likelihood(bgbb(0.3, 2, 1.7, 0.4), x, t_x, 4))) - 1), '<', 1e-14::float8, 'likelihoods add up to 1')
FROM (SELECT bits::bit(4), length(replace(bits::bit(4)::text, '0', '')) AS x, length(rtrim(bits::bit(4)::text, '0')) AS t_x FROM generate_series(0, 15) bits) q;

CREATE TEMP TABLE question AS
  SELECT bgbb(a, b, c, d) AS params, x, t_x, n, h FROM unnest('{0.01,1.2,50}'::float8[]) a, unnest('{0.02,0.75,40}'::float8[]) b, unnest('{0.001,1,30}'::float8[]) c,
    unnest('{0.05,2.8,100}'::float8[]) d, (VALUES (0, 0, 6), (2, 3, 6), (6, 6, 6), (1, 90, 300)) v(x, t_x, n), unnest('{0,1,7,200}'::int[]) h;
SELECT is_empty($$ SELECT *, total, mean FROM question, LATERAL (SELECT sum(p) AS total, sum(k * p) AS mean
    FROM generate_series(0, h) k, LATERAL (SELECT purchase_probability(params, k, x, t_x, n, h) AS p) s) q
  WHERE NOT (abs(total - 1) < 1e-9 AND abs(mean - expected_purchases(params, x, t_x, n, h)) <= 1e-9 * mean + 1e-300) $$, 'probabilities of purchases add up to 1 and have the expected mean');
SELECT is_empty($$ SELECT * FROM question WHERE NOT (p_alive(params, x, t_x, n, h) BETWEEN 0 AND p_alive(params, x, t_x, n)) OR
  NOT p_alive(params, x, t_x, n) <= 1 OR (t_x = n AND p_alive(params, x, t_x, n) < 1) $$, 'P(alive) falls with time, and is 1 right after a purchase');
SELECT is_empty($$ SELECT * FROM question WHERE NOT abs(dert(params, x, t_x, n, 0.05, h) / greatest(expected_purchases(params, x, t_x, n, h), 1e-300) - 0.5) <= 0.5 $$, 'a discount makes it less');
SELECT is_empty($$ SELECT * FROM question WHERE NOT abs(dert(params, x, t_x, n, 0.05) / dert(params, x, t_x, n, 0.05, 9999) - 1) < 1e-11 $$, 'dert for ever is that of a very long horizon');

SELECT * FROM finish();
ROLLBACK;
