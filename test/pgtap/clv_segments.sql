-- partition_by: segments of customers with fits of their own, against the fit functions over plain SQL; small segments
-- follow the fit to all; all depths of a refresh agree. And clv_model => 'auto', against validate().
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(44);

-- three regions that buy differently, one too small to be fitted, one whose purchases determine no fit though its spend does, and
-- customers without one
SELECT setseed(0.31);
CREATE TABLE people (id int, region text, code int);
INSERT INTO people SELECT c, CASE WHEN c <= 700 THEN 'north' WHEN c <= 1300 THEN 'south' WHEN c <= 1450 THEN 'tiny' END, c % 2 FROM generate_series(1, 1600) c;
CREATE INDEX ON people (id);
CREATE TABLE shop (id int GENERATED ALWAYS AS IDENTITY, customer int, day date, amount numeric(8,2));
INSERT INTO shop (customer, day, amount)
  SELECT c, first + (n * pace * random())::int, round((exp(random() * 2) * worth)::numeric, 2)
  FROM (SELECT c, date '2025-01-01' + (random() * 90)::int AS first, CASE WHEN c <= 700 THEN 5 + 30 * random() ELSE 10 + 90 * random() END AS pace,
          CASE WHEN c <= 700 THEN 50 + 20 * random() ELSE 5 + 20 * random() END AS worth, floor(-ln(random()) * exp(random() * CASE WHEN c <= 700 THEN 4 ELSE 3 END - 2))::int AS repeats
        FROM generate_series(1, 1590) c OFFSET 0) q, LATERAL generate_series(0, repeats) n;

-- published predictions that differ from those of the segments' own fits, where they converge, or else of the pooled one
CREATE FUNCTION pg_temp.wrong(as_of date, segments text[]) RETURNS TABLE (customer int, what text, published numeric, expected float8) LANGUAGE plpgsql AS $$
BEGIN RETURN QUERY
  WITH d AS (SELECT s.customer, s.day, sum(amount) AS total, row_number() OVER (PARTITION BY s.customer ORDER BY s.day) AS nth
             FROM shop s WHERE amount >= 0 AND s.day <= $1 GROUP BY 1, 2),
  h AS (SELECT d.customer, (SELECT min(region COLLATE "C") FROM people WHERE id = d.customer) AS region, count(*) - 1 AS x, (max(day) - min(day)) / 7.0 AS t_x, ($1 - min(day)) / 7.0 AS t,
          coalesce(avg(total) FILTER (WHERE nth > 1), 0)::float8 AS m FROM d GROUP BY 1),
  own AS (SELECT region, fit_mbgnbd(x, t_x, t) AS b, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g FROM h WHERE region = ANY ($2) GROUP BY 1),
  pooled AS (SELECT fit_mbgnbd(x, t_x, t) AS b, fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g FROM h),
  f AS (SELECT h.*, CASE WHEN (o.b).converged THEN o.b ELSE p.b END AS b, CASE WHEN (o.g).converged THEN o.g ELSE p.g END AS g
        FROM pooled p, h LEFT JOIN own o ON o.region = h.region),
  e AS (SELECT f.customer, p_alive(b, x, t_x, t) AS alive, expected_purchases(b, x, t_x, t, 365 / 7.0) AS purchases,
          expected_value(g, CASE WHEN m > 0 THEN x ELSE 0 END, m) * dert(b, x, t_x, t, ln(1.1) * 7 / 365.25, 365 / 7.0) AS value FROM f)
  SELECT p.customer_id, v.what, v.published, v.expected FROM parts_priority p LEFT JOIN e ON e.customer = p.customer_id,
    LATERAL (VALUES ('p_alive', p.p_alive, e.alive, .5e-6), ('expected_purchases', p.expected_purchases, e.purchases, .5e-4), ('clv', p.clv, e.value, .5e-2)) v(what, published, expected, half)
  WHERE p.tier IS NOT NULL AND NOT coalesce(abs(v.published - v.expected) <= half * 1.0001 + 1e-9 * abs(v.expected), false);
END $$;

SELECT throws_like($$ SELECT create_scorecard('parts', 'shop', 'customer', 'day', 'amount', partition_by => 'region') $$,
  'argument "partition_by" needs "customers"', 'segments are of the relation of customers');
SELECT throws_like($$ SELECT create_scorecard('parts', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => 'colour') $$,
  'argument "partition_by": column "colour" does not exist', 'and of its columns');
SELECT throws_like($$ SELECT create_scorecard('parts', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => $q$'region'$q$) $$,
  'argument "partition_by": must use a column of people', 'not a constant');
SELECT create_scorecard('parts', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => 'region', allow_protected => 'they buy differently', every => NULL, time_zone => 'UTC', capture => 'trigger');
SELECT is((SELECT warnings FROM refresh('parts', as_of => '2025-10-31')), '{"clv of 2 of 3 segments follows a fit to all customers; custprio.clv_fit says why"}', 'the run tells of segments without a fit of their own');
SELECT results_eq($$ SELECT segment, model, converged, status, n FROM clv_fit ORDER BY segment NULLS FIRST, model $$, $$ VALUES
  (NULL::text, 'gamma_gamma'::text, true, 'converged'::text, (SELECT count(*)::float8 FROM parts_purchases WHERE repeat_value(summary) > 0)), (NULL, 'mbgnbd', true, 'converged', 1590),
  ('north', 'gamma_gamma', true, 'converged', (SELECT count(*)::float8 FROM parts_purchases WHERE customer_id <= 700 AND repeat_value(summary) > 0)), ('north', 'mbgnbd', true, 'converged', 700),
  ('south', 'gamma_gamma', true, 'converged', (SELECT count(*)::float8 FROM parts_purchases WHERE customer_id BETWEEN 701 AND 1300 AND repeat_value(summary) > 0)), ('south', 'mbgnbd', false, 'the data do not determine the parameters', 600),
  ('tiny', 'gamma_gamma', false, 'too few customers', (SELECT count(*)::float8 FROM parts_purchases WHERE customer_id BETWEEN 1301 AND 1450 AND repeat_days(summary) > 0)), ('tiny', 'mbgnbd', false, 'too few customers', 150) $$,
  'fits of all and of each segment');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('2025-10-31', '{north,south}') $$, 'predictions are those of the segment''s fit, or of the pooled one');
SELECT is((SELECT count(DISTINCT f.parameters) FROM clv_fit f WHERE model = 'mbgnbd' AND converged), 2::bigint, 'which differ');
SELECT results_eq($$ SELECT segment, count(*) FROM parts_purchases GROUP BY 1 ORDER BY 1 $$, $$ VALUES ('north'::text, 700::bigint), ('south', 600), ('tiny', 150), (NULL, 150) $$, 'the state has the segments');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'verify agrees');
SELECT is((SELECT inserted + updated + deleted FROM refresh('parts', 'rescore', as_of => '2025-10-31')), 0::bigint, 'a rescore finds the same');
SELECT is((SELECT inserted + updated + deleted + state_written FROM refresh('parts', 'rebuild', as_of => '2025-10-31')), 0::bigint, 'and a rebuild');
SELECT is((SELECT count(DISTINCT run_id) FROM clv_fit), 1::bigint, 'equal fits are stored once');
INSERT INTO shop (customer, day, amount) SELECT c, '2025-10-30', 33 FROM unnest('{5,900,1400,1500,1595}'::int[]) c;
DELETE FROM shop WHERE customer = 7;
SELECT is((SELECT concat_ws(' ', mode, inserted, updated, deleted) FROM refresh('parts', as_of => '2025-10-31')), 'incremental 0 6 0', 'incremental, of customers of every segment');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'and equal to a rebuild under the same fits');
UPDATE people SET region = 'south' WHERE id = 5;
INSERT INTO people VALUES (6, 'aachen', 0), (6, NULL, 0), (6, 'zwolle', 0);
INSERT INTO shop (customer, day, amount) SELECT c, '2025-10-31', 34 FROM unnest('{5,6}'::int[]) c;
SELECT refresh('parts', as_of => '2025-10-31');
SELECT results_eq($$ SELECT customer_id, segment FROM parts_purchases WHERE customer_id IN (5, 6) ORDER BY 1 $$, $$ VALUES (5, 'south'::text), (6, 'aachen') $$,
  'a customer who changes gets the present segment, the least of several');
SELECT is_empty($$ SELECT * FROM verify('parts') $$, 'a segment without a fit takes the pooled one');
SELECT is((SELECT mode FROM refresh('parts', 'rescore', as_of => '2025-11-10')), 'rescore', 'another day from the state');
SELECT is_empty($$ SELECT * FROM pg_temp.wrong('2025-11-10', '{north,south}') $$, 'takes new fits of each segment');
SELECT is_empty($$ SELECT customer_id, clv FROM score_as_of('parts', '2025-11-10') EXCEPT SELECT customer_id::text, clv FROM parts_priority $$, 'score_as_of agrees');
SELECT alter_scorecard('parts', partition_by => 'code');
SELECT is((SELECT mode || ': ' || reason FROM refresh('parts', as_of => '2025-11-10')), 'rebuild: declaration changed', 'other segments read the customers anew');
SELECT results_eq($$ SELECT DISTINCT segment FROM clv_fit WHERE run_id = (SELECT run_id FROM epoch) ORDER BY 1 $$, $$ VALUES ('0'::text), ('1'), (NULL) $$, 'numbers count as text');
SELECT alter_scorecard('parts', reset => '{partition_by}');
SELECT refresh('parts', as_of => '2025-11-10');
SELECT is((SELECT count(*) FROM parts_purchases WHERE segment IS NOT NULL), 0::bigint, 'without the option there are none');
SELECT throws_like($$ SELECT alter_scorecard('parts', partition_by => 'region', reset => '{partition_by}') $$, '%both given and reset', 'one or the other');

SELECT is((SELECT count(*) FROM parts_priority WHERE tier IS NOT NULL AND (p_alive IS NULL OR clv IS NULL OR NOT p_alive BETWEEN 0 AND 1)), 0::bigint, 'every buyer has numbers');

-- auto: what validate() finds best for the same holdout, of customers who buy and leave at rates of their own
CREATE TABLE market (customer int, day date, amount numeric(8,2));
INSERT INTO market
  SELECT c, date '2025-01-01' + (first + floor(t))::int, round((5 + 40 * random())::numeric, 2)
  FROM (SELECT c, first, life, coalesce(sum(CASE WHEN n > 0 THEN -ln(1 - random()) / rate END) OVER (PARTITION BY c ORDER BY n), 0) AS t
        FROM (SELECT c, (random() * 100)::int AS first, -ln(1 - random()) / (0.02 * -ln(1 - random())) AS life, 0.08 * -ln(1 - random()) AS rate
              FROM generate_series(1, 1200) c OFFSET 0) q, generate_series(0, 60) n) q WHERE t < life AND first + t < 400;
SELECT create_scorecard('a', 'market', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'auto', capture => 'trigger');
SELECT is((SELECT clv_model FROM status WHERE scorecard = 'a'), 'auto', 'nothing is chosen before the first refresh');
CREATE TEMP TABLE run AS SELECT * FROM refresh('a', as_of => '2025-10-31');
CREATE TEMP TABLE held AS SELECT (('2025-10-31' - min(day)) / 3) AS days FROM market;
CREATE TEMP TABLE result AS SELECT v.* FROM held, validate('a', days) v WHERE method LIKE '%nbd';
SELECT is((SELECT clv_model FROM status WHERE scorecard = 'a'), (SELECT method FROM result ORDER BY rmse LIMIT 1), 'the model of the lowest error');
SELECT is((SELECT warnings[1] FROM run), (SELECT format('clv_model "auto" follows %s: root mean squared error in the last %s days: %s', (array_agg(method ORDER BY rmse))[1], days,
    string_agg(method || ' ' || round(rmse::numeric, 6), ', ' ORDER BY rmse)) FROM result, held GROUP BY days), 'the run says which and why');
SELECT is((SELECT choice FROM clv_fit JOIN scorecard USING (scorecard_id) WHERE name = 'a' AND choice IS NOT NULL), (SELECT clv_choice FROM status WHERE scorecard = 'a'), 'and so do fit and status');
SELECT is((SELECT count(*) FROM clv_fit JOIN scorecard USING (scorecard_id) WHERE name = 'a' AND model = clv_chosen AND converged), 1::bigint, 'the fit is of that model');
SELECT is_empty($$ SELECT * FROM verify('a') $$, 'verify follows the choice');
INSERT INTO market (customer, day, amount) VALUES (3, '2025-10-31', 12);
SELECT is((SELECT concat_ws(' ', mode, updated, warnings) FROM refresh('a', as_of => '2025-10-31')), 'incremental 1', 'within the epoch the choice stands');
SELECT is_empty($$ SELECT * FROM verify('a') $$, 'so that incremental equals a rebuild');
-- whoever was chosen stays unless another one's mean squared error is lower by more than two standard errors: by plain SQL
CREATE TEMP TABLE miss AS
  WITH d AS (SELECT customer, day FROM market WHERE day <= '2025-10-31' GROUP BY 1, 2),
  h AS (SELECT customer, count(*) FILTER (WHERE day <= split) - 1 AS x, (max(day) FILTER (WHERE day <= split) - min(day)) / 7.0 AS t_x, (split - min(day)) / 7.0 AS t,
          count(*) FILTER (WHERE day > split) AS actual, days / 7.0 AS horizon
        FROM d, held, LATERAL (SELECT date '2025-10-31' - days AS split) s GROUP BY customer, split, days HAVING min(day) <= split),
  f AS (SELECT sample, fit_mbgnbd(x, t_x, t) AS m, fit_pareto_nbd(x, t_x, t) AS p, fit_bgnbd(x, t_x, t) AS b FROM h, generate_series(1, 2) sample WHERE sample = 1 OR customer % 6 = 1 GROUP BY 1)
  SELECT sample, customer, method, (e - actual) ^ 2 AS e FROM h, f, LATERAL (VALUES ('mbgnbd', expected_purchases(m, x, t_x, t, horizon)),
    ('pareto_nbd', expected_purchases(p, x, t_x, t, horizon)), ('bgnbd', expected_purchases(b, x, t_x, t, horizon))) v(method, e) WHERE sample = 1 OR customer % 6 = 1;
CREATE TEMP TABLE expected AS
  WITH mean AS (SELECT sample, method, avg(e) AS mse FROM miss GROUP BY 1, 2), best AS (SELECT DISTINCT ON (sample) sample, method FROM mean ORDER BY sample, mse)
  SELECT i.sample, i.method AS incumbent, CASE WHEN avg(b.e - i.e) < -2 * stddev_pop(b.e - i.e) / sqrt(count(*)) THEN best.method ELSE i.method END AS winner
  FROM miss i JOIN best USING (sample) JOIN miss b ON b.sample = i.sample AND b.customer = i.customer AND b.method = best.method GROUP BY 1, 2, best.method;
SELECT cmp_ok((SELECT count(*) FROM expected WHERE winner <> incumbent), '>', 0::bigint, 'one is clearly better than another');
SELECT cmp_ok((SELECT count(*) FROM expected WHERE sample = 2 AND winner = incumbent), '>', 1::bigint, 'and not clearly, among fewer customers');
SELECT create_scorecard('b', 'market', 'customer', 'day', 'amount', filter => 'customer % 6 = 1', every => NULL, time_zone => 'UTC', clv_model => 'auto');
CREATE FUNCTION pg_temp.chosen(sample int, incumbent text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE card text := CASE sample WHEN 1 THEN 'a' ELSE 'b' END;
BEGIN
  UPDATE custprio.scorecard SET clv_chosen = incumbent, clv_chosen_on = '2025-10-31' WHERE name = card;
  PERFORM refresh(card, 'rescore', as_of => '2025-10-31');
  RETURN (SELECT clv_chosen FROM custprio.scorecard WHERE name = card);
END $$;
SELECT refresh('b', as_of => '2025-10-31');
SELECT results_eq($$ SELECT sample, incumbent, pg_temp.chosen(sample, incumbent) FROM expected ORDER BY 1, 2 $$, $$ SELECT * FROM expected ORDER BY 1, 2 $$, 'who is chosen after whom');
SELECT pg_temp.chosen(2, (SELECT incumbent FROM expected JOIN miss USING (sample) WHERE sample = 2 AND winner = incumbent AND method = incumbent GROUP BY 1 ORDER BY avg(e) DESC LIMIT 1));
SELECT matches((SELECT clv_choice FROM status WHERE scorecard = 'b'), 'was chosen before and is not clearly worse$', 'which the choice tells');
SELECT is_empty($$ SELECT customer_id, clv FROM score_as_of('a', '2025-10-31') EXCEPT SELECT customer_id::text, clv FROM a_priority $$, 'score_as_of chooses likewise');
SELECT is((SELECT clv_chosen_on FROM scorecard WHERE name = 'a'), date '2025-10-31', 'the day of the choice');
SELECT is((SELECT warnings FROM refresh('a', as_of => '2025-11-20')), NULL, 'no new choice within thirty days');
SELECT is((SELECT clv_chosen_on FROM scorecard WHERE name = 'a'), date '2025-10-31', 'so that its day stays');
SELECT matches((SELECT warnings[1] FROM refresh('a', as_of => '2025-11-30')), '^clv_model "auto" follows', 'and one after them');
SELECT is((SELECT clv_chosen_on FROM scorecard WHERE name = 'a'), date '2025-11-30', 'with its day');
SELECT alter_scorecard('a', clv_time_unit => 'day');
SELECT is((SELECT concat_ws(' ', clv_model, clv_chosen) FROM scorecard WHERE name = 'a'), 'auto', 'another declaration chooses anew');
CREATE TABLE few AS SELECT * FROM market WHERE customer <= 60;
SELECT create_scorecard('few', 'few', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'auto');
SELECT is((SELECT warnings[1] FROM refresh('few', as_of => '2025-10-31')), 'clv_model "auto" follows mbgnbd: too few customers to choose by', 'little to choose by: the default');
SELECT * FROM finish();
ROLLBACK;
