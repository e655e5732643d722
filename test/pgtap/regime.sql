-- Regimes: as if the source had no rows before them, from the day on which they apply.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(28);
SELECT setseed(0.51);
CREATE TABLE sale AS SELECT (300 * random())::int AS buyer, timestamptz '2025-01-01 12:00+00' + (400 * random())::int * interval '1 day' AS at,
  CASE WHEN random() < .05 THEN -3 ELSE round((exp(random() * 5))::numeric, 2) END AS amount FROM generate_series(1, 4000);
INSERT INTO sale VALUES (901, '2025-06-30 23:59:59+08', 70), (901, '2025-07-01 00:00+08', 71);	-- either side of midnight in Shanghai
CREATE TABLE since AS SELECT * FROM sale WHERE (at AT TIME ZONE 'Asia/Shanghai')::date >= '2025-07-01';
CREATE FUNCTION pg_temp.plain(r anyelement) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(r) - '{tier_since,previous_tier}'::text[] $$;

-- r has the regimes; all and new read the whole source, and the rows since the regime
SELECT create_scorecard(c, s, 'buyer', 'at', 'amount', every => NULL, time_zone => 'Asia/Shanghai', capture => CASE c WHEN 'r' THEN 'trigger' ELSE 'none' END)
FROM (VALUES ('r', 'sale'::regclass), ('a', 'sale'), ('s', 'since')) v(c, s);
SELECT add_metric(c, 'best', 'max(amount)', relation => s) FROM (VALUES ('r', 'sale'::regclass), ('a', 'sale'), ('s', 'since')) v(c, s);
SELECT add_metric(c, 'lately', 'count(*)', relation => s, within => '1 year', if_missing => 0) FROM (VALUES ('r', 'sale'::regclass), ('a', 'sale'), ('s', 'since')) v(c, s);
SELECT add_regime('r', 'vbp', '2025-07-01', '2025-09-01', 'volume-based procurement', reason => 'prices fell by half');
SELECT count(*) FROM refresh('r', as_of => '2025-08-31'); SELECT count(*) FROM refresh('a', as_of => '2025-08-31'); SELECT count(*) FROM refresh('s', as_of => '2025-09-01');
SELECT set_eq('SELECT pg_temp.plain(p) FROM r_priority p', 'SELECT pg_temp.plain(p) FROM a_priority p', 'until it applies all purchases count');
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'which verify() confirms');
CREATE TEMP TABLE before AS SELECT * FROM score_as_of('r', '2025-08-15');
-- the day comes: nobody has to do anything
CREATE TEMP TABLE run AS SELECT * FROM refresh('r', as_of => '2025-09-01');
SELECT set_eq('SELECT pg_temp.plain(p) FROM r_priority p WHERE tier IS NOT NULL', 'SELECT pg_temp.plain(p) FROM s_priority p WHERE tier IS NOT NULL', 'from then on, as if there were no earlier rows: scores, tiers, lifetime values, metrics');
SELECT is_empty($$ SELECT * FROM r_priority WHERE tier IS NULL AND customer_id IN (SELECT buyer FROM since WHERE amount >= 0 AND (at AT TIME ZONE 'Asia/Shanghai')::date <= '2025-09-01') $$, 'who bought since has a tier');
SELECT is((SELECT (frequency, monetary)::text FROM r_priority WHERE customer_id = 901), '(1,71.00)', 'local days decide');
SELECT is((SELECT filtered_by_history FROM run), (SELECT count(*) FROM sale WHERE (at AT TIME ZONE 'Asia/Shanghai')::date < '2025-07-01'), 'rows left out are counted');
SELECT isnt((SELECT count(*) FROM r_tier_history WHERE reason = 'time' AND run_id = (SELECT run_id FROM run)), 0::bigint, 'tiers that change by it change by time');
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'verify() agrees');
SELECT ok(bool_or(explanation LIKE '%since 2025-07-01 (regime vbp)%'), 'explain() names the regime') FROM explain('r', '901');
-- incremental
INSERT INTO sale VALUES (901, '2025-06-01 12:00+00', 5000), (17, '2025-08-20 12:00+00', 44), (902, '2025-03-01 12:00+00', 10);
DELETE FROM sale WHERE buyer = 33 AND at < '2025-06-01';
SELECT is((SELECT mode FROM refresh('r', as_of => '2025-09-01')), 'incremental', 'changes are incremental');
SELECT is((SELECT (frequency, monetary)::text FROM r_priority WHERE customer_id = 901), '(1,71.00)', 'a late row of before counts no more than others');
SELECT is((SELECT count(tier) FROM r_priority WHERE customer_id = 902), 0::bigint, 'who bought before alone has no tier');
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'and exact');
DO $$
BEGIN
  FOR i IN 1 .. 4 LOOP
    INSERT INTO sale SELECT (300 * random())::int, timestamptz '2025-01-01 12:00+00' + (250 * random())::int * interval '1 day', 10 FROM generate_series(1, 30);
    UPDATE sale SET at = at + (random() * 60 - 30)::int * interval '1 day' WHERE random() < .01;
    PERFORM refresh('r', as_of => '2025-09-01');
  END LOOP;
END $$;
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'after random changes');
-- a day before
SELECT is((SELECT n.frequency - b.frequency FROM before b JOIN score_as_of('r', '2025-08-15') n USING (customer_id) WHERE b.customer_id = '901'), 1::bigint, 'as of an earlier day all purchases count');
-- several, with a history: whichever begins last
SELECT add_regime('r', 'price cap', '2025-10-01');
SELECT alter_scorecard('r', history => '60 days');
SELECT count(*) FROM refresh('r', as_of => '2025-09-30');
SELECT is((SELECT min((first_purchase AT TIME ZONE 'Asia/Shanghai')::date) FROM r_priority), (SELECT min((at AT TIME ZONE 'Asia/Shanghai')::date) FROM sale WHERE amount >= 0 AND (at AT TIME ZONE 'Asia/Shanghai')::date > date '2025-09-30' - 60), 'the history begins later');
SELECT count(*) FROM refresh('r', as_of => '2025-10-05');
SELECT is((SELECT min((first_purchase AT TIME ZONE 'Asia/Shanghai')::date) FROM r_priority), (SELECT min((at AT TIME ZONE 'Asia/Shanghai')::date) FROM sale WHERE amount >= 0 AND (at AT TIME ZONE 'Asia/Shanghai')::date >= '2025-10-01'), 'the regime begins later');
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'verify() agrees');
SELECT count(*) FROM refresh('r', 'rescore', as_of => '2025-12-20');
SELECT is((SELECT min((first_purchase AT TIME ZONE 'Asia/Shanghai')::date) FROM r_priority), (SELECT min((at AT TIME ZONE 'Asia/Shanghai')::date) FROM sale WHERE amount >= 0 AND (at AT TIME ZONE 'Asia/Shanghai')::date > date '2025-12-20' - 60), 'and the history again');
SELECT is_empty($$ SELECT * FROM verify('r') $$, 'verify() agrees');
-- few customers with old purchases: those alone are read again
SELECT alter_scorecard('r', reset => '{history}'), drop_regime('r', 'price cap'), drop_regime('r', 'vbp');
CREATE TABLE few AS SELECT n AS buyer, timestamptz '2025-09-01 00:00+00' + n % 20 * interval '1 day' AS at, n AS amount FROM generate_series(1, 3000) n;
INSERT INTO few SELECT n, '2025-03-01', 9 FROM generate_series(1, 20) n;
SELECT create_scorecard('f', 'few', 'buyer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT add_regime('f', 'vbp', '2025-07-01', '2025-11-01');
SELECT count(*) FROM refresh('f', as_of => '2025-10-31');
SELECT is((SELECT mode FROM refresh('f', as_of => '2025-11-01')), 'rescore', 'few customers are concerned: no rebuild');
SELECT is((SELECT monetary FROM f_priority WHERE customer_id = 7), 7.00, 'whose old purchases are gone');
SELECT is_empty($$ SELECT * FROM verify('f') $$, 'exactly');
-- back
SELECT is((SELECT reason FROM refresh('r', as_of => '2025-12-20')), 'declaration changed', 'without regimes the source is read again');
SELECT count(*) FROM refresh('a', as_of => '2025-12-20');
SELECT set_eq('SELECT pg_temp.plain(p) FROM r_priority p', 'SELECT pg_temp.plain(p) FROM a_priority p', 'and all counts as ever');
-- evidence
SELECT throws_like($$ SELECT * FROM tier_validity('f', '2025-10-01', '2025-11-30') $$, 'between these days another regime of scorecard "f" began to apply', 'later spend is not told across a regime');
SELECT lives_ok($$ SELECT * FROM tier_validity('f', '2025-09-10', '2025-10-31') $$, 'but under one');
SELECT results_eq($$ SELECT c.new ? 'vbp', reason FROM policy_change c JOIN scorecard s USING (scorecard_id) WHERE s.name = 'r' AND policy = 'regimes' ORDER BY changed_at LIMIT 1 $$, $$ VALUES (true, 'prices fell by half'::text) $$, 'changes are on record');
SELECT * FROM finish();
ROLLBACK;
