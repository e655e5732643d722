-- Rates, intervals and measures against published examples and plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SELECT plan(32);
SELECT setseed(0.9);

-- Wilson's interval: Newcombe 1998, Statistics in Medicine 17, 857-872, table I
SELECT is_empty($$ SELECT h, total, w FROM (VALUES (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)) v(h, total, l, u),
  LATERAL wilson_interval(h, total) w WHERE round(lower_bound::numeric, 4) <> l OR round(upper_bound::numeric, 4) <> u $$, 'Newcombe''s table of score intervals');
SELECT is_empty($$ SELECT total, h FROM generate_series(1, 60) total, generate_series(0, total) h, LATERAL wilson_interval(h, total) w, LATERAL (VALUES (lower_bound), (upper_bound)) b(p)
  WHERE p > 0 AND p < 1 AND abs(abs(h::float8 / total - p) / sqrt(p * (1 - p) / total) - 1.959963984540054) > 1e-9 $$, 'bounds are the shares that lie just 1.96 standard errors of their own from the data');
SELECT is_empty($$ SELECT total FROM generate_series(1, 60) total, LATERAL wilson_interval(0, total) w, LATERAL wilson_interval(total, total) f WHERE w.lower_bound <> 0 OR f.upper_bound <> 1 OR abs(w.upper_bound - 1 + f.lower_bound) > 1e-15 $$, 'none and all');
SELECT ok(abs((wilson_interval(81, 263, 0.99)).lower_bound - (0.30798479087452471 + 2.575829303548901 ^ 2 / 526 - 2.575829303548901 * sqrt(0.30798479087452471 * 0.69201520912547529 / 263 + 2.575829303548901 ^ 2 / (4 * 263 ^ 2))) / (1 + 2.575829303548901 ^ 2 / 263)) < 1e-12, 'another level');

-- two groups: Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10
SELECT is_empty($$ SELECT * FROM (VALUES (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1.0000), (0, 10, 0, 20, -0.1611, 0.2775)) v(h1, n1, h2, n2, l, u),
  LATERAL ab_result(h2, n2, h1, n1) r WHERE round(lower_bound::numeric, 4) <> l OR round(upper_bound::numeric, 4) <> u $$, 'Newcombe''s table of intervals of a difference');
-- R: prop.test(c(56, 48), c(70, 80), correct = FALSE)$p.value
SELECT ok(abs(p_value - 0.008045081368) < 1e-11 AND abs(z - 2.650171951) < 1e-8 AND abs(lift - 1 / 3.0) < 1e-12, 'the z test') FROM ab_result(48, 80, 56, 70);
SELECT ok(abs(a.difference + b.difference) < 1e-15 AND abs(a.lower_bound + b.upper_bound) < 1e-15 AND a.p_value = b.p_value, 'groups exchanged') FROM ab_result(48, 80, 56, 70) a, ab_result(56, 70, 48, 80) b;

-- aggregates that count
CREATE TABLE answer AS SELECT n, g, purchases, score, amount, 'channel ' || c AS channel
FROM (SELECT n, n % 7 AS g, floor(random() * 4)::int AS purchases, CASE WHEN random() < .9 THEN floor(random() * 11)::int END AS score,
  round((random() * 100 - 20)::numeric, 2) AS amount, floor(random() ^ 2 * 5)::int AS c FROM generate_series(1, 5000) n) q;
SELECT is_empty($$ SELECT g FROM answer GROUP BY g HAVING (repurchase_rate(purchases)).share <> count(*) FILTER (WHERE purchases >= 2)::float8 / count(*) FILTER (WHERE purchases >= 1)
  OR repurchase_rate(purchases) <> wilson_interval(count(*) FILTER (WHERE purchases >= 2), count(*) FILTER (WHERE purchases >= 1)) $$, 'repurchase rate');
SELECT is_empty($$ SELECT g FROM answer GROUP BY g HAVING csat(score, 8) <> wilson_interval(count(*) FILTER (WHERE score >= 8), count(score)) OR csat(score) <> wilson_interval(count(*) FILTER (WHERE score >= 4), count(score)) $$, 'satisfaction');
SELECT is_empty($$ SELECT g FROM answer GROUP BY g HAVING abs((nps(score)).nps - 100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / count(score)) > 1e-9
  OR ((nps(score)).promoters, (nps(score)).passives, (nps(score)).detractors) <> (count(*) FILTER (WHERE score >= 9), count(*) FILTER (WHERE score IN (7, 8)), count(*) FILTER (WHERE score <= 6)) $$, 'net promoter score');
-- its interval by the formula of Zou and Donner
SELECT is_empty($$ SELECT * FROM (SELECT nps(score) AS r FROM answer GROUP BY g) q,
  LATERAL (SELECT p.share AS p, p.lower_bound AS lp, p.upper_bound AS up, d.share AS d, d.lower_bound AS ld, d.upper_bound AS ud FROM wilson_interval((r).promoters, (r).n) p, wilson_interval((r).detractors, (r).n) d) w,
  LATERAL (SELECT -sqrt(p * d / (1 - p) / (1 - d)) AS c) x
  WHERE abs((r).lower_bound / 100 - (p - d - sqrt((p - lp) ^ 2 + (ud - d) ^ 2 - 2 * c * (p - lp) * (ud - d)))) > 1e-9
  OR abs((r).upper_bound / 100 - (p - d + sqrt((up - p) ^ 2 + (d - ld) ^ 2 - 2 * c * (up - p) * (d - ld)))) > 1e-9 $$, 'and its interval');
-- which covers: 2000 samples of 40 with P = 0.3, D = 0.25; the tables' 95 % within simulation error
SELECT cmp_ok((SELECT avg((5 BETWEEN (r).lower_bound AND (r).upper_bound)::int) FROM (SELECT nps(CASE WHEN u < .3 THEN 10 WHEN u < .55 THEN 3 ELSE 8 END) AS r
  FROM (SELECT s, random() AS u FROM generate_series(1, 2000) s, generate_series(1, 40)) q GROUP BY s) z), '>', 0.935, 'the interval covers');
SELECT is_empty($$ SELECT g FROM answer GROUP BY g HAVING return_rate(amount) IS DISTINCT FROM ROW(sum(-amount) FILTER (WHERE amount < 0) / sum(amount) FILTER (WHERE amount >= 0),
  count(*) FILTER (WHERE amount < 0)::numeric / count(*) FILTER (WHERE amount >= 0), sum(-amount) FILTER (WHERE amount < 0), count(*) FILTER (WHERE amount < 0), sum(amount) FILTER (WHERE amount >= 0),
  count(*) FILTER (WHERE amount >= 0))::return_rates $$, 'return rate');
SELECT is_empty($$ SELECT g FROM answer GROUP BY g HAVING return_rate(summarize(timestamptz '2026-01-01', amount, 'UTC')) <> (return_rate(amount)).by_amount $$, 'and that of a summary');

-- median slope
SELECT is_empty($$ SELECT g FROM (SELECT * FROM answer WHERE n < 400) a GROUP BY g HAVING abs(theil_sen_slope(n, amount) -
  (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (y.amount - x.amount)::float8 / (y.n - x.n)) FROM answer x, answer y WHERE x.g = a.g AND y.g = a.g AND x.n < y.n AND y.n < 400)) > 1e-12 $$, 'the median of all slopes');
SELECT is((SELECT theil_sen_slope(x, CASE WHEN x IN (3, 8, 12, 15) THEN 1e6 ELSE 3 * x + 1 END) FROM generate_series(1, 20) x), 3::float8, 'a fifth of wild rows does not spoil it');
SELECT is((SELECT array[theil_sen_slope(x, y), theil_sen_slope(5, y), theil_sen_slope(x, 7)] FROM (VALUES (1, 4), (1, 9), (NULL, 3), (3, 8), (4, NULL)) v(x, y)), '{0.75,NULL,0}', 'equal x are not compared, NULL is left out');

-- Gini
SELECT is_empty($$ SELECT g FROM (SELECT * FROM answer WHERE n < 700) a GROUP BY g HAVING abs(gini(greatest(amount, 0)) -
  (SELECT sum(abs(greatest(x.amount, 0) - greatest(y.amount, 0))) FROM answer x, answer y WHERE x.g = a.g AND y.g = a.g AND x.n < 700 AND y.n < 700) / (2 * count(*) * sum(greatest(amount, 0)))) > 1e-12 $$, 'Gini is half of the mean difference over the mean');
SELECT is((SELECT array_agg(g ORDER BY i) FROM (SELECT 1 AS i, gini(5) AS g FROM generate_series(1, 9) UNION ALL SELECT 2, gini(CASE WHEN x = 4 THEN 1e308 ELSE 0 END) FROM generate_series(1, 4) x
  UNION ALL SELECT 3, gini(0) FROM generate_series(1, 4) UNION ALL SELECT 4, gini(3)) q), '{0,0.75,NULL,0}', 'equals, one for all, zeros, one row');

-- days covered: day by day in plain SQL
CREATE TABLE supply AS SELECT p, date '2025-12-01' + floor(random() * 90)::int AS dispensed, floor(random() * 31)::int AS days FROM generate_series(1, 60) p, generate_series(1, 6);
CREATE FUNCTION pg_temp.covered(patient int) RETURNS TABLE (day date) LANGUAGE plpgsql AS $$
DECLARE s record; next date := '-infinity'; BEGIN
  FOR s IN SELECT * FROM supply WHERE p = patient ORDER BY dispensed LOOP
    next := greatest(next, s.dispensed);
    FOR i IN 1 .. s.days LOOP day := next; RETURN NEXT; next := next + 1; END LOOP;
  END LOOP; END $$;
SELECT is_empty($$ SELECT p FROM supply GROUP BY p HAVING abs(pdc(dispensed, days, '2026-01-01', '2026-02-14') -
  (SELECT count(*) / 45.0 FROM pg_temp.covered(p) WHERE day BETWEEN '2026-01-01' AND '2026-02-14')) > 1e-12 $$, 'days covered');
SELECT is_empty($$ SELECT p FROM supply GROUP BY p HAVING abs(pdc(dispensed, days, NULL, '2026-02-14') -
  (SELECT count(*) / (date '2026-02-15' - min(dispensed))::float8 FROM pg_temp.covered(p) WHERE day <= '2026-02-14')) > 1e-12 $$, 'days covered from the first supply on');
SELECT is((SELECT array[pdc(d, n, '2026-01-01', '2026-01-10'), pdc(d, n, '2026-01-01', '2026-01-30'), pdc(d, n, NULL, '2026-01-01'), pdc(d, n, '2025-01-01', '2025-01-02')] FROM (VALUES (date '2026-01-05', 3), ('2026-01-06', 20)) v(d, n)),
  array[0.6, 23 / 30::float8, NULL, 0], 'by hand; a period before the first supply');

-- channels
SELECT is_empty($$ WITH c AS (SELECT g, channel, count(*) AS n, sum(count(*)) OVER (PARTITION BY g) AS total FROM answer GROUP BY g, channel)
  SELECT g FROM (SELECT g, channel_preference(channel) AS r FROM answer GROUP BY g) a JOIN (SELECT g, (array_agg(channel ORDER BY n DESC))[1] AS channel, max(n / total)::float8 AS share, -sum(n / total * log(2, n / total))::float8 AS entropy, min(total) AS n FROM c GROUP BY g) e USING (g)
  WHERE (r).channel <> e.channel OR abs((r).share - e.share) > 1e-12 OR abs((r).entropy - e.entropy) > 1e-12 OR (r).n <> e.n $$, 'preferred channels');
SELECT is((SELECT array[(channel_preference(c)).channel, (channel_preference(c, 5)).channel, (channel_preference(CASE c WHEN 'web' THEN 'app' ELSE c END)).channel, (channel_preference(NULLIF(c, 'web'))).channel] FROM unnest('{web,app,web,shop}'::text[]) c),
  '{web,mixed,app,mixed}', 'too few contacts and ties are mixed');

-- partial aggregation gives the same
CREATE TEMP TABLE serial AS SELECT nps(score) AS a, return_rate(amount) AS b, channel_preference(channel) AS c, gini(n) AS d, repurchase_rate(purchases) AS e, theil_sen_slope(n, amount) FILTER (WHERE n < 500) AS f FROM answer;
ALTER TABLE answer SET (parallel_workers = 3);
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 3;
CREATE FUNCTION pg_temp.plan() RETURNS text LANGUAGE plpgsql AS $$ DECLARE line text; whole text := ''; BEGIN
  FOR line IN EXPLAIN SELECT nps(score), return_rate(amount), channel_preference(channel), gini(n), theil_sen_slope(n, amount) FROM answer LOOP whole := whole || line || E'\n'; END LOOP; RETURN whole; END $$;
SELECT matches(pg_temp.plan(), 'Partial Aggregate', 'a parallel plan');
SELECT is(ROW(nps(score), return_rate(amount), channel_preference(channel), gini(n), repurchase_rate(purchases), theil_sen_slope(n, amount) FILTER (WHERE n < 500))::text, (SELECT s::text FROM serial s), 'gives the same') FROM answer;

-- figures of a customer
SELECT is((SELECT array_agg(round(v::numeric, 9) ORDER BY i) FROM unnest(array[expected_loss(.02, .45, 1e6), referral_value(.3, 10, .2, 500, 50), need_priority(5, 4, 2), share_of_wallet(30, 120), share_of_wallet(30, 0), wallet_potential(30, 120), wallet_potential(30, 20), profit_contribution(1000, .3, 100, 50), profit_contribution(1000, -.1)]) WITH ORDINALITY u(v, i)),
  array[9000,250,10,0.25,NULL,90,0,150,-100], 'plain formulas');
SELECT is(array[loyalty_index(0), loyalty_index(1), loyalty_index(4), loyalty_index(4, .25), loyalty_index(4, .25, 1), loyalty_index(4, .25, 0), loyalty_index(NULL)], '{NULL,0,0.75,0.5,0.25,0.75,NULL}', 'loyalty');
SELECT is(array[weighted_score('{1,NULL,3}', '{1,5,3}'), weighted_score('{4}', '{.1}'), weighted_score('{NULL,2}', '{1,0}'), weighted_score('{2,6}', '{3,1}')], '{2.5,4,NULL,3}', 'weighted scores renormalise');
SELECT ok(abs(psi('{20,30,50}', '{300,300,400}') - (0.1 * ln(1.5) + 0 - 0.1 * ln(0.8))) < 1e-12 AND psi('{1,2}', '{50,100}') = 0, 'population stability on counts or shares');
SELECT ok(abs(psi('{0.5,0.5,0}', '{0.5,0.4,0.1}') - (-0.1 * ln(0.8) + 0.0999 * ln(1000))) < 1e-12 AND psi('{1,0}', '{1,0}') = 0, 'an empty class');
-- influence: weighted in-degree is a sum
SELECT is((SELECT string_agg(referred_by || ' ' || influence, ', ' ORDER BY influence DESC) FROM (SELECT referred_by, sum(w) AS influence FROM (VALUES ('ann', 'bob', 2), ('ann', 'cid', 1), ('bob', 'cid', 1)) r(referred_by, who, w) GROUP BY 1) q),
  'ann 3, bob 1', 'influence');
SELECT * FROM finish();
ROLLBACK;
