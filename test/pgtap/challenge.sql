-- Areas under ROC curves from all pairs, and challenges whose winner is known.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(42);
SELECT setseed(0.13);

-- the definitions of DeLong et al.: placements from all pairs
CREATE TABLE scored AS SELECT n, random() < 0.1 + 0.6 * x AS y, round((x + random())::numeric, 1)::float8 AS a, round((x + 0.4 * random())::numeric, 2)::float8 AS b FROM (SELECT n, random() AS x FROM generate_series(1, 240) n OFFSET 0) q;
INSERT INTO scored VALUES (901, true, 'Infinity', 'Infinity'), (902, false, '-Infinity', 'Infinity'), (903, NULL, 1, 1), (904, true, NULL, 1), (905, false, 1, NULL);
CREATE TEMP TABLE pair AS
  SELECT e.n AS e, o.n AS o, CASE WHEN e.a > o.a THEN 1 WHEN e.a = o.a THEN 0.5 ELSE 0 END::float8 AS a, CASE WHEN e.b > o.b THEN 1 WHEN e.b = o.b THEN 0.5 ELSE 0 END::float8 AS b
  FROM scored e, scored o WHERE e.y AND NOT o.y AND e.a IS NOT NULL AND o.a IS NOT NULL AND e.b IS NOT NULL AND o.b IS NOT NULL;
CREATE TEMP TABLE definition AS
  SELECT auc_a, auc_b, v_a.v + w_a.v AS var_a, v_d.v + w_d.v AS var_d FROM (SELECT avg(a) AS auc_a, avg(b) AS auc_b FROM pair) p,
    (SELECT var_samp(x) / count(*) AS v FROM (SELECT avg(a) AS x FROM pair GROUP BY e) q) v_a, (SELECT var_samp(x) / count(*) AS v FROM (SELECT avg(a) AS x FROM pair GROUP BY o) q) w_a,
    (SELECT var_samp(x) / count(*) AS v FROM (SELECT avg(b - a) AS x FROM pair GROUP BY e) q) v_d, (SELECT var_samp(x) / count(*) AS v FROM (SELECT avg(b - a) AS x FROM pair GROUP BY o) q) w_d;
CREATE TEMP TABLE compared AS SELECT (c).* FROM (SELECT compare_auc(y, a, b) AS c FROM scored) q;
SELECT ok(abs(champion_auc - auc_a) < 1e-12 AND abs(challenger_auc - auc_b) < 1e-12, 'the share of pairs in order') FROM compared, definition;
SELECT ok(abs((champion_upper - champion_lower) / 2 / 1.959963984540054 - sqrt(var_a)) < 1e-12, 'the variance of one') FROM compared, definition;
SELECT ok(abs(difference - (auc_b - auc_a)) < 1e-12 AND abs((upper_bound - lower_bound) / 2 / 1.959963984540054 - sqrt(var_d)) < 1e-12, 'and of the difference') FROM compared, definition;
SELECT ok(abs(z - (auc_b - auc_a) / sqrt(var_d)) < 1e-9 AND p_value BETWEEN 0 AND 1, 'and its test') FROM compared, definition;
SELECT is((events, n)::text, (SELECT (count(*) FILTER (WHERE y), count(*))::text FROM scored WHERE num_nulls(y, a, b) = 0), 'rows with a NULL are left out') FROM compared;
SELECT is((SELECT compare_auc(y, a, b) FROM (SELECT * FROM scored ORDER BY random()) q), (SELECT compare_auc(y, a, b) FROM scored), 'order plays no part');
SELECT ok((c).difference = 0 AND (c).lower_bound = 0 AND (c).upper_bound = 0 AND (c).z IS NULL AND (c).p_value IS NULL, 'equal scores') FROM (SELECT compare_auc(y, a, a) AS c FROM scored) q;
SELECT ok((c).champion_auc = 1 AND (c).challenger_auc = 0 AND (c).difference = -1 AND (c).lower_bound = -1, 'perfect and upside down') FROM (SELECT compare_auc(n > 5, n, -n) AS c FROM generate_series(1, 10) n) q;
SELECT is((SELECT compare_auc(true, n, n) FROM generate_series(1, 3) n)::text, '(,,,,,,,,,,,3,3)', 'one outcome alone');
SELECT is((SELECT compare_auc(n > 0, n, n) FROM generate_series(1, 0) n)::text, '(,,,,,,,,,,,0,0)', 'no rows');
SELECT ok((c).champion_auc = 1 AND (c).champion_lower IS NULL AND (c).lower_bound IS NULL AND (c).p_value IS NULL, 'one row of an outcome has no variance') FROM (SELECT compare_auc(n = 3, n, n) AS c FROM generate_series(1, 3) n) q;
SELECT throws_like($$ SELECT compare_auc(true, 1, 'NaN') $$, 'argument "challenger" must not be NaN', 'NaN is no score');
SELECT cmp_ok((SELECT count(*) FILTER (WHERE (c).p_value < 0.05) FROM (SELECT compare_auc(random() < 0.4, random(), random()) AS c FROM generate_series(1, 400) s, generate_series(1, 150) GROUP BY s) q), '<', 35::bigint, 'among equals the test errs in about 5 of 100 cases');
SELECT cmp_ok((SELECT count(*) FILTER (WHERE (c).p_value < 0.05) FROM (SELECT compare_auc(random() < 0.4, random(), random()) AS c FROM generate_series(1, 400) s, generate_series(1, 150) GROUP BY s) q), '>', 7::bigint, 'and not never');

-- a shop where those who bought lately come back, and how much they spent says nothing
CREATE TABLE shop AS SELECT c AS customer, first + n * gap AS day, CASE WHEN n = 0 THEN spend ELSE 20 END AS amount
FROM (SELECT c, date '2025-01-01' + (random() * 20)::int AS first, CASE WHEN random() < .5 THEN 40 ELSE 1 END AS gap, CASE WHEN random() < .5 THEN 8 ELSE 3 END AS n_most, (random() * 1000)::int AS spend FROM generate_series(1, 1200) c OFFSET 0) q,
  LATERAL generate_series(0, n_most) n;
CREATE VIEW known AS SELECT * FROM shop WHERE customer % 3 > 0;
SELECT create_scorecard('c', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT create_scorecard('other', 'known', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT add_metric('c', 'pause', 'last_day - first_day', direction => 'lower', weight => 0);
SELECT set_weights('c', '{"recency": 0, "frequency": 0, "monetary": 1}'), set_weights('other', '{"recency": 1, "frequency": 0, "monetary": 0}');
SELECT count(*) FROM refresh('c', as_of => '2025-12-01');
CREATE TEMP TABLE published AS SELECT * FROM c_priority;
CREATE TEMP TABLE changes AS SELECT * FROM policy_change;
CREATE TEMP TABLE first_try AS SELECT * FROM challenge('c', '{"weights": {"recency": 1, "monetary": 0}}', '2025-04-01', '2025-08-01');
SELECT results_eq('SELECT contender, customers, left_out, verdict FROM first_try', $$ VALUES ('champion'::text, 1200::bigint, 0::bigint, NULL::text), ('challenger', 1200, 0, 'promote') $$, 'the better weights win');
-- by hand: what was known on the first day, and what came later
CREATE TEMP TABLE own AS SELECT customer, max(day) FILTER (WHERE day <= '2025-04-01') AS last_day, sum(amount) FILTER (WHERE day <= '2025-04-01') AS m,
  count(*) FILTER (WHERE day > '2025-04-01' AND day <= '2025-08-01') AS later, coalesce(sum(amount) FILTER (WHERE day > '2025-04-01' AND day <= '2025-08-01'), 0) AS value FROM shop GROUP BY 1;
SELECT is((SELECT events FROM first_try LIMIT 1), (SELECT count(*) FROM own WHERE later > 0), 'who bought later');
SELECT ok((SELECT bool_and(abs(t.auc - x.auc) < CASE t.contender WHEN 'champion' THEN 2e-3 ELSE 1e-9 END) FROM first_try t, LATERAL (SELECT avg(CASE WHEN s.e > s.o THEN 1 WHEN s.e = s.o THEN .5 ELSE 0 END) AS auc
  FROM (SELECT CASE t.contender WHEN 'champion' THEN e.m ELSE e.last_day - date '2025-01-01' END AS e, CASE t.contender WHEN 'champion' THEN o.m ELSE o.last_day - date '2025-01-01' END AS o FROM own e, own o WHERE e.later > 0 AND o.later = 0) s) x),
  'each area from all pairs, the priority being of thousandths');
SELECT set_eq('SELECT * FROM c_priority', 'SELECT * FROM published', 'nothing is published');
SELECT set_eq('SELECT * FROM policy_change', 'SELECT * FROM changes', 'nor is anything decided');
SELECT is((SELECT verdict FROM challenge('c', '{"weights": {"recency": 1, "monetary": 0}}', '2025-04-01', '2025-08-01', margin => 0.9) WHERE contender = 'challenger'), 'keep', 'a margin holds it back');
SELECT is((SELECT verdict FROM challenge('c', '{"weights": {"monetary": 2}}', '2025-04-01', '2025-08-01', promote => true) WHERE contender = 'challenger'), 'keep', 'equal weights win nothing');
SELECT set_eq('SELECT * FROM policy_change', 'SELECT * FROM changes', 'and are not promoted');
-- the other ways
SELECT is((SELECT round(auc::numeric, 9) FROM challenge('c', '{"column": "recency"}', '2025-04-01', '2025-08-01') WHERE contender = 'challenger'), (SELECT round(auc::numeric, 9) FROM first_try WHERE contender = 'challenger'), 'a published number');
SELECT is((SELECT round(auc::numeric, 9) FROM challenge('c', '{"column": "pause"}', '2025-04-01', '2025-08-01') WHERE contender = 'challenger'),
  (SELECT round((compare_auc(later > 0, 0, first - last)).challenger_auc::numeric, 9) FROM (SELECT later, last_day - date '2025-01-01' AS last, (SELECT min(day) FROM shop s WHERE s.customer = own.customer) - date '2025-01-01' AS first FROM own) q), 'of which less is better');
SELECT results_eq($$ SELECT customers, left_out, verdict FROM challenge('c', '{"scorecard": "other"}', '2025-04-01', '2025-08-01') WHERE contender = 'challenger' $$, $$ VALUES (800::bigint, 400::bigint, 'promote'::text) $$, 'another scorecard, for the customers it has');
CREATE TABLE predicted AS SELECT customer AS id, value + 0.001 * customer AS p FROM own UNION ALL VALUES (77777, 1), (NULL, 3);
CREATE TEMP TABLE oracle AS SELECT * FROM challenge('c', '{"relation": "public.predicted", "customer": "id", "score": "p"}', '2025-04-01', '2025-08-01', 'best_fifth');
SELECT ok(auc = 1 AND verdict = 'promote' AND customers = 1200, 'scores in a relation') FROM oracle WHERE contender = 'challenger';
SELECT is((SELECT events FROM oracle LIMIT 1), (SELECT count(*) FROM (SELECT value, quantile_score(value, 5) OVER () AS q FROM own) s WHERE q = 5 AND value > 0), 'the best fifth by later value');
SELECT ok(abs(top_20_share - (SELECT sum(value) FROM (SELECT value FROM own ORDER BY value DESC LIMIT 240) q)::float8 / (SELECT sum(value) FROM own)) < 1e-12, 'the share of the best fifth') FROM oracle WHERE contender = 'challenger';
SELECT ok(abs(rank_correlation - (SELECT corr(a, b) FROM (SELECT rank() OVER (ORDER BY p) AS a, rank() OVER (ORDER BY value) + (count(*) OVER (PARTITION BY value) - 1) / 2.0 AS b FROM own JOIN predicted ON id = customer) q)) < 1e-12, 'rank correlation') FROM oracle WHERE contender = 'challenger';
UPDATE predicted SET p = 5;
SELECT is((auc, rank_correlation, round(top_20_share::numeric, 9))::text, '(0.5,,0.200000000)', 'a score that tells nobody apart') FROM challenge('c', '{"relation": "public.predicted", "customer": "id", "score": "p"}', '2025-04-01', '2025-08-01') WHERE contender = 'challenger';
DELETE FROM predicted WHERE id < 70000;
SELECT ok(customers = 0 AND left_out = 1200 AND auc IS NULL AND verdict = 'keep', 'nobody in common') FROM challenge('c', '{"relation": "public.predicted", "customer": "id", "score": "p"}', '2025-04-01', '2025-08-01') WHERE contender = 'challenger';
-- promotion
SELECT is((SELECT verdict FROM challenge('c', '{"weights": {"recency": 1, "monetary": 0}}', '2025-04-01', '2025-08-01', margin => 0.05, promote => true) WHERE contender = 'challenger'), 'promoted', 'the winner is promoted');
SELECT is((SELECT weight FROM metric JOIN scorecard USING (scorecard_id) WHERE name = 'c' AND metric = 'recency'), 1::numeric, 'its weights are set');
SELECT ok((SELECT reason LIKE 'won a challenge from 2025-04-01 to 2025-08-01: area under the ROC curve %' FROM policy_change ORDER BY changed_at DESC LIMIT 1), 'for a reason on record');
-- refused
SELECT throws_like(format($$ SELECT * FROM challenge('c', %L, '2025-04-01', '2025-08-01') $$, c), message, c) FROM (VALUES
  ('{}', 'argument "challenger" must say in one way what challenges'), ('{"weights": {}, "column": "clv"}', 'argument "challenger" must say in one way what challenges'), ('{"column": "tier"}', 'scorecard "c" has no score "tier"'),
  ('{"relation": "public.predicted", "customer": "id", "score": "q"}', 'public.predicted has no column "q"'), ('{"weights": {"colour": 1}}', '%colour%')) v(c, message);
SELECT throws_like($$ SELECT * FROM challenge('c', '{"column": "recency"}', '2025-04-01', '2025-08-01', promote => true) $$, 'only weights can be promoted', 'only weights can be promoted');
-- rights are those of the caller
CREATE ROLE regress_challenger; GRANT USAGE ON SCHEMA public TO regress_challenger; GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_challenger;
REVOKE ALL ON predicted FROM regress_challenger;
CREATE FUNCTION pg_temp.as_other(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL ROLE regress_challenger;
  EXECUTE sql;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN RETURN sqlerrm;
END $$;
SELECT alike(pg_temp.as_other($$ SELECT * FROM custprio.challenge('c', '{"weights": {"recency": 1}}', '2025-04-01', '2025-08-01') $$), 'must be owner of scorecard "c"', 'weights are the owner''s to try');
SELECT alike(pg_temp.as_other($$ SELECT * FROM custprio.challenge('c', '{"relation": "public.predicted", "customer": "id", "score": "p"}', '2025-04-01', '2025-08-01') $$), 'permission denied for table predicted', 'a relation is read as the caller');
SELECT * FROM finish();
ROLLBACK;
