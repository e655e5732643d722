-- Lifetime values in a scorecard against the models' functions over statistics by plain SQL, their place in the
-- priority, and what happens when nothing can be fitted.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set file :data '/cdnow_master.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/cdnow_master.csv" && echo true || echo false`

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;

SELECT plan(33);
\ir ../oracle/refresh.sql

-- a seeded shop: enough to fit to, with same-day purchases, returns and worthless ones
SELECT setseed(0.42);
CREATE TABLE shop (customer int, day date, amount numeric(8,2));
INSERT INTO shop
  SELECT c, first + (n * pace * random())::int, CASE WHEN random() < .05 THEN -5 WHEN random() < .02 THEN 0 ELSE round((exp(random() * 2) * worth)::numeric, 2) END
  FROM (SELECT c, date '2025-01-01' + (random() * 90)::int AS first, 5 + 60 * random() AS pace, 5 + 20 * random() AS worth, floor(-ln(random()) * exp(random() * 4 - 2))::int AS repeats
        FROM generate_series(1, 3000) c OFFSET 0) q, LATERAL generate_series(0, repeats) n;
INSERT INTO shop SELECT customer, day, 3 FROM shop WHERE customer % 7 = 0;

-- published predictions that differ from what the functions say of statistics by plain SQL
CREATE FUNCTION pg_temp.wrong(card text, source text, as_of date, model text, unit_days float8, unit text, horizon_days float8, discount float8, margin float8)
RETURNS TABLE (customer text, what text, published numeric, expected float8) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH d AS (SELECT customer, day, sum(amount) AS total, row_number() OVER (PARTITION BY customer ORDER BY day) AS nth
               FROM %2$s WHERE amount >= 0 AND day <= $1 GROUP BY 1, 2),
    h AS (SELECT customer, count(*) - 1 AS x, (max(day) - min(day)) / $2 AS t_x, ($1 - min(day)) / $2 AS t,
            coalesce(avg(total) FILTER (WHERE nth > 1), 0)::float8 AS m FROM d GROUP BY 1),
    f AS (SELECT fit_%3$s(x, t_x, t) AS b, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g FROM h),
    e AS (SELECT customer, p_alive(b, x, t_x, t) AS alive, expected_purchases(b, x, t_x, t, $4 / $2) AS purchases,
            $6 * expected_value(g, CASE WHEN m > 0 THEN x ELSE 0 END, m) * dert(b, x, t_x, t, ln(1 + $5) * $2 / 365.25, $4 / $2) AS value FROM h, f)
    SELECT p.customer_id::text, v.what, v.published, v.expected FROM %1$I p LEFT JOIN e ON e.customer = p.customer_id,
      LATERAL (VALUES ('p_alive', p.p_alive, e.alive, .5e-6), ('expected_purchases', p.expected_purchases, e.purchases, .5e-4), ('clv', p.clv, e.value, .5e-2)) v(what, published, expected, half)
    WHERE p.tier IS NOT NULL AND NOT coalesce(abs(v.published - v.expected) <= half * 1.0001 + 1e-9 * abs(v.expected), false)
    $q$, card || '_priority', source, model) USING as_of, unit_days, unit, horizon_days, discount, margin;
END $$;

SELECT create_scorecard('shop1', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT is((SELECT warnings FROM refresh('shop1', as_of => '2025-12-31')), NULL, 'a fit without complaint');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('shop1', 'shop', '2025-12-31', 'mbgnbd', 7, 'week', 365, 0.1, 1) $$, 'MBG/NBD by the week: predictions are the functions''');
SELECT oracle.compute('shop1', date '2025-12-31');
SELECT is_empty($$ SELECT * FROM oracle.difference('shop1') $$, 'priorities count clv as a fourth metric');
SELECT is((SELECT count(*) FROM clv_fit WHERE converged), 2::bigint, 'both fits are stored');
SELECT ok((SELECT abs(log_likelihood - (SELECT sum(log_likelihood(mbgnbd(parameters[1], parameters[2], parameters[3], parameters[4]),
    repeat_days(summary), repeat_recency(summary) / 7.0, tenure(summary, '2025-12-31') / 7.0)) FROM shop1_purchases WHERE purchases(summary) > 0)) < 1e-6
  FROM clv_fit WHERE model = 'mbgnbd'), 'the stored log-likelihood is that of the stored parameters');

-- nothing moves without cause
SELECT is((SELECT updated + inserted + deleted FROM refresh('shop1', as_of => '2025-12-31')), 0::bigint, 'within the epoch nothing moves');
SELECT is((SELECT updated + inserted + deleted FROM refresh('shop1', 'rescore', as_of => '2025-12-31')), 0::bigint, 'the same fit again from the state');
SELECT is((SELECT updated + inserted + deleted FROM refresh('shop1', 'rebuild', as_of => '2025-12-31')), 0::bigint, 'and from the source');
SELECT is((SELECT count(DISTINCT run_id) FROM clv_fit), 1::bigint, 'equal fits are stored once');
INSERT INTO shop VALUES (1, '2025-12-30', 77);
SELECT is((SELECT updated FROM refresh('shop1', as_of => '2025-12-31')), 1::bigint, 'a purchase within the epoch moves its buyer alone');
SELECT ok((SELECT p_alive > .5 FROM shop1_priority WHERE customer_id = 1), 'whose P(alive) follows the epoch''s fit');
SELECT is((SELECT count(DISTINCT run_id) FROM clv_fit), 1::bigint, 'no new fit within the epoch');
SELECT is((SELECT mode FROM refresh('shop1', 'rescore', as_of => '2026-01-05')), 'rescore', 'another day from the state');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('shop1', 'shop', '2026-01-05', 'mbgnbd', 7, 'week', 365, 0.1, 1) $$, 'takes a new fit, of that day');

-- options
SELECT create_scorecard('shop2', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'pareto_nbd', clv_time_unit => 'month', clv_horizon => '100 days', clv_discount => 0.25, clv_margin => 0.3);
SELECT is((SELECT warnings FROM refresh('shop2', as_of => '2025-12-31')), NULL, 'another model, without complaint');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('shop2', 'shop', '2025-12-31', 'pareto_nbd', 365.25 / 12, 'month', 100, 0.25, 0.3) $$, 'Pareto/NBD by the month, and all options');
SELECT alter_scorecard('shop2', clv_model => 'bgnbd', clv_time_unit => 'day', clv_horizon => '2 years', clv_discount => 0, clv_margin => 1);
SELECT is((SELECT mode || ': ' || reason FROM refresh('shop2', as_of => '2025-12-31')), 'rebuild: declaration changed', 'options are part of the declaration');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('shop2', 'shop', '2025-12-31', 'bgnbd', 1, 'day', 730, 0, 1) $$, 'BG/NBD by the day, two years, no discount');
SELECT alter_scorecard('shop2', clv_model => 'none');
SELECT refresh('shop2', as_of => '2025-12-31');
SELECT is((SELECT count(*) FROM shop2_priority WHERE num_nonnulls(p_alive, expected_purchases, clv) > 0), 0::bigint, 'without a model there are no predictions');
SELECT oracle.compute('shop2', date '2025-12-31');
SELECT is_empty($$ SELECT * FROM oracle.difference('shop2') $$, 'and priority is the mean of the other three');
SELECT throws_like($$ SELECT alter_scorecard('shop2', clv_model => 'gamma_gamma') $$, '%clv_model%no model%', 'a model of purchases is asked for');
SELECT throws_like($$ SELECT alter_scorecard('shop2', clv_time_unit => 'fortnight') $$, '%clv_time_unit%', 'a known unit is asked for');
SELECT throws_like($$ SELECT alter_scorecard('shop2', clv_horizon => '0 days') $$, '%clv_horizon%', 'a horizon has to be some days');
SELECT throws_like($$ SELECT alter_scorecard('shop2', clv_discount => -0.1) $$, '%clv_discount%', 'a discount is not negative');
SELECT throws_like($$ SELECT alter_scorecard('shop2', clv_margin => 'NaN') $$, '%clv_margin%', 'a margin is a number');

-- what cannot be fitted: no numbers, a warning, and a priority of what there is
CREATE TABLE once AS SELECT c AS customer, date '2025-01-01' + c % 50 AS day, 10 + c % 13 AS amount FROM generate_series(1, 500) c;
SELECT create_scorecard('once', 'once', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT is((SELECT warnings[1] FROM refresh('once', as_of => '2025-12-31')), 'no clv: mbgnbd could not be fitted: no customer has a repeat purchase', 'one-time buyers: the run says why');
SELECT oracle.compute('once', date '2025-12-31');
SELECT is_empty($$ SELECT * FROM oracle.difference('once') $$, 'the weights of the other metrics make up the priority');
SELECT is((SELECT count(*) FROM once_priority WHERE num_nonnulls(p_alive, expected_purchases, clv) > 0), 0::bigint, 'and there are no wild numbers');
SELECT is((SELECT count(*) FROM clv_fit f JOIN scorecard USING (scorecard_id) WHERE name = 'once' AND NOT converged AND parameters IS NULL), 2::bigint, 'failed fits are on record, without parameters');
SELECT is((SELECT updated + inserted + deleted FROM refresh('once', as_of => '2025-12-31')), 0::bigint, 'a failed fit is kept for the epoch as well');

-- data that leave the parameters open: equally good at all sizes, so the smallest penalty that settles them
CREATE TABLE regular AS
  SELECT c AS customer, date '2025-01-01' + n * 20 + (c * n) % 19 AS day, 10 + (c * 7 + n) % 13 AS amount
  FROM generate_series(1, 900) c, LATERAL generate_series(0, floor(-ln(1 - (c % 97) / 98.0) * 5)::int) n;
SELECT create_scorecard('regular', 'regular', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT matches((SELECT warnings[1] FROM refresh('regular', as_of => '2026-01-31')), '^mbgnbd converged with a ridge penalty of 0.0+1, because', 'a penalty is stated');
SELECT is((SELECT count(*) FROM regular_priority WHERE p_alive BETWEEN 0 AND 1 AND clv >= 0), 900::bigint, 'and gives every buyer numbers');

\if :present
CREATE TABLE cdnow (customer int, day date, amount numeric(8,2), cds int);
\set load '\\copy cdnow FROM ' :'file' ' (FORMAT csv, HEADER)'
:load
SELECT create_scorecard('cdnow', 'cdnow', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC');
SELECT refresh('cdnow', as_of => '1998-06-30');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('cdnow', 'cdnow', '1998-06-30', 'mbgnbd', 7, 'week', 365, 0.1, 1) $$, 'CDNOW: all 23,570 customers');
\else
SELECT skip('SKIPPED: no cdnow_master.csv in ../shared/data or CUSTPRIO_DATA', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
