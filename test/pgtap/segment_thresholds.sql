-- thresholds_by => 'segment': breaks, scales, ABC and tier cuts within each larger segment, against plain SQL with
-- PARTITION BY; small segments follow all buyers; equal to a rebuild after any changes, of segments too.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(61);

-- two larger regions that buy very differently, two small ones, customers without one, and buyers who are not listed
SELECT setseed(0.47);
CREATE TABLE people (id int PRIMARY KEY, region text, income numeric(12,2), rare int);
INSERT INTO people SELECT c, CASE WHEN c <= 300 THEN 'north' WHEN c <= 520 THEN 'south' WHEN c <= 560 THEN 'tiny' WHEN c <= 565 THEN 'zz"top''' END,
    CASE WHEN random() < .2 THEN NULL ELSE round((exp(random() * 4) * CASE WHEN c <= 300 THEN 1000 ELSE 90 END)::numeric, 2) END,
    CASE WHEN random() < CASE WHEN c <= 300 THEN .9 ELSE .3 END THEN (random() * 40)::int END
  FROM generate_series(1, 640) c;
CREATE TABLE shop (id int GENERATED ALWAYS AS IDENTITY, customer int, day date, amount numeric(8,2));
INSERT INTO shop (customer, day, amount)
  SELECT c, '2025-03-01'::date + (random() * CASE WHEN c <= 300 THEN 200 ELSE 100 END)::int,
    CASE WHEN random() < .07 THEN -3.5 ELSE round((exp(random()) * CASE WHEN c <= 300 THEN 20 + c % 40 ELSE 4 + c % 7 END)::numeric, 2) END
  FROM generate_series(1, 660) c, LATERAL generate_series(0, floor(-ln(random()) * CASE WHEN c <= 300 THEN 4 ELSE 2 END)::int) n;
CREATE INDEX ON shop (customer);

SELECT throws_like($$ SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', thresholds_by => 'segment') $$,
  'argument "thresholds_by" needs "partition_by"', 'segments must be said');
SELECT throws_like($$ SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', thresholds_by => 'region') $$,
  'argument "thresholds_by" must be pooled or segment', 'pooled or by segment');
SELECT throws_like($$ SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', segment_minimum => 0) $$,
  'argument "segment_minimum" must be above zero', 'some buyers at least');
SELECT throws_ok($$ SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => 'region') $$,
  '42501', 'argument "partition_by" reads the protected attribute public.people.region', 'a region is protected');
SELECT throws_like($$ SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => 'region', allow_protected => ' ') $$,
  'argument "allow_protected" must be a reason', 'and needs a reason');
SELECT create_scorecard('s', 'shop', 'customer', 'day', 'amount', customers => 'people', customers_key => 'id', partition_by => 'region', allow_protected => 'a sales force in each',
  thresholds_by => 'segment', segment_minimum => 100, every => NULL, time_zone => 'UTC', capture => 'trigger');
SELECT add_metric('s', 'income', 'income', 1.5, relation => 'people');
SELECT add_metric('s', 'debt', 'income', 0.5, 'lower', 'quantile', '{7}', relation => 'people');
SELECT add_metric('s', 'span', 'income', 2, scale => 'minmax', relation => 'people');
SELECT add_metric('s', 'spread', 'income', 0.25, scale => 'z', relation => 'people');
SELECT add_metric('s', 'nearness', 'income', 0.75, scale => 'target', parameters => '{1000}', relation => 'people');
SELECT add_metric('s', 'size', 'income', 1, scale => 'log', relation => 'people');
SELECT add_metric('s', 'rare', 'rare', 1, relation => 'people');
CREATE TEMP TABLE run AS SELECT * FROM refresh('s', as_of => '2025-10-31');

-- The oracle. A population is all buyers (''), or those of a region with at least so many: its members are scored within
-- it, by window functions. What counts for a customer is its own population; of a metric, if enough members have it.
CREATE TABLE scored (customer int, region text, population text, priority numeric, rfm text, abc text, tier text);
CREATE FUNCTION pg_temp.score(fewest int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE scored;
  CREATE TEMP TABLE buyer ON COMMIT DROP AS
    SELECT s.customer, (SELECT min(region COLLATE "C") FROM people WHERE id = s.customer) AS region, max(day) FILTER (WHERE amount >= 0) AS recency,
      count(*) FILTER (WHERE amount >= 0) AS frequency, sum(amount) AS monetary,
      (SELECT clv FROM s_priority WHERE customer_id = s.customer) AS clv,
      (SELECT max(income) FROM people WHERE id = s.customer) AS income, (SELECT max(p.rare) FROM people p WHERE id = s.customer) AS rare
    FROM shop s GROUP BY 1 HAVING count(*) FILTER (WHERE amount >= 0) > 0;
  CREATE TEMP TABLE large ON COMMIT DROP AS SELECT region FROM buyer WHERE region IS NOT NULL GROUP BY 1 HAVING count(*) >= fewest;
  -- values that a quantile score orders, recency as a number
  CREATE TEMP TABLE valued ON COMMIT DROP AS
    SELECT b.customer, p.population, v.metric, v.value FROM buyer b, LATERAL (SELECT '' UNION ALL SELECT region FROM large WHERE large.region = b.region) p(population),
      LATERAL (VALUES ('recency', (recency - '2000-01-01'::date)::numeric), ('frequency', frequency), ('monetary', monetary), ('clv', clv),
        ('income', income), ('debt', income), ('span', income), ('spread', income), ('nearness', income), ('size', income), ('rare', rare)) v(metric, value)
    WHERE v.value IS NOT NULL;
  DELETE FROM valued v USING (SELECT population, metric FROM valued WHERE population <> '' GROUP BY 1, 2 HAVING count(*) < fewest) few
    WHERE v.population = few.population AND v.metric = few.metric;
  CREATE TEMP TABLE step ON COMMIT DROP AS
    WITH ranked AS (
      SELECT v.*, rank() OVER w - 1 AS below, count(*) OVER p AS n, min(value) OVER p AS lowest, max(value) OVER p AS highest, round(avg(value) OVER p, 2) AS mean
      FROM valued v WINDOW p AS (PARTITION BY population, metric), w AS (PARTITION BY population, metric ORDER BY value)),
    measured AS (
      SELECT r.*, round(sqrt(avg((value - mean) ^ 2) OVER (PARTITION BY population, metric)), 2) AS deviation,
        max(abs(value - 1000)) OVER (PARTITION BY population, metric) AS farthest,
        CASE WHEN lowest = highest THEN 1 WHEN value = highest THEN 1000 ELSE 1 + 1000 * below / n END AS percentile,
        CASE WHEN lowest = highest THEN 1 WHEN value = highest THEN 7 ELSE 1 + 7 * below / n END AS seventh,
        CASE WHEN lowest = highest THEN 1 WHEN value = highest THEN 5 ELSE 1 + 5 * below / n END AS fifth FROM ranked r)
    SELECT customer, population, metric, fifth,
      CASE metric WHEN 'debt' THEN 999000 - round((seventh - 1) * 999000 / 6.0)
        WHEN 'span' THEN round(999000 * (value - lowest) / (highest - lowest))
        WHEN 'spread' THEN greatest(0, least(999000, round(999000 * (3 * deviation + value - mean) / (6 * deviation))))
        WHEN 'nearness' THEN round(999000 * (farthest - abs(value - 1000)) / farthest)
        WHEN 'size' THEN round(999000 * ln(1 + value - lowest) / ln(1 + highest - lowest))
        ELSE (percentile - 1) * 1000 END AS step FROM measured;
  INSERT INTO scored
    WITH own AS (SELECT DISTINCT ON (customer, metric) * FROM step ORDER BY customer, metric, population DESC),
    summed AS (
      SELECT customer, sum(weight * step) AS part, sum(weight) AS total, string_agg(fifth::text, '' ORDER BY array_position('{recency,frequency,monetary}', metric)) FILTER (WHERE metric IN ('recency', 'frequency', 'monetary')) AS rfm
      FROM own JOIN custprio.metric USING (metric) GROUP BY 1),
    priced AS (
      SELECT customer, rfm, div(2000000 * part + 999000 * total, 2 * 999000 * total) / 10000 AS priority FROM summed),
    revenue AS (
      SELECT customer, population, coalesce(sum(greatest(value, 0)) OVER (PARTITION BY population ORDER BY value DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS above,
        sum(greatest(value, 0)) OVER (PARTITION BY population) AS total, value FROM valued WHERE metric = 'monetary'),
    higher AS (
      SELECT p.customer, v.population, p.priority, p.rfm, rank() OVER (PARTITION BY v.population ORDER BY p.priority DESC) - 1 AS above, count(*) OVER (PARTITION BY v.population) AS n
      FROM priced p JOIN revenue v USING (customer))
    SELECT DISTINCT ON (customer) h.customer, b.region, h.population, h.priority, h.rfm,
      CASE WHEN r.value <= 0 OR r.above >= r.total * 0.95 THEN 'C' WHEN r.above >= r.total * 0.8 THEN 'B' ELSE 'A' END,
      CASE WHEN h.above < h.n * 0.05 THEN 'A' WHEN h.above < h.n * 0.2 THEN 'B' WHEN h.above < h.n * 0.5 THEN 'C' ELSE 'D' END
    FROM higher h JOIN revenue r USING (customer, population) JOIN buyer b USING (customer) ORDER BY customer, population DESC;
  DROP TABLE buyer, large, valued, step;
END $$;
CREATE FUNCTION pg_temp.differ(fewest int) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.score(fewest);
  RETURN QUERY SELECT concat_ws(' ', o.customer, o.population, o.priority, p.priority, o.rfm, p.rfm, o.abc, p.abc, o.tier, p.tier)
    FROM scored o FULL JOIN (SELECT * FROM s_priority WHERE tier IS NOT NULL) p ON p.customer_id = o.customer
    WHERE (o.priority, o.rfm, o.abc, o.tier) IS DISTINCT FROM (p.priority::numeric, p.rfm::text, p.abc::text, p.tier::text);
END $$;
-- what every customer's contributions and explanation say, beside what is published
CREATE FUNCTION pg_temp.unexplained() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM s_priority p
    LEFT JOIN (SELECT customer_id, sum(contribution) AS total FROM contributions('s') GROUP BY 1) c ON c.customer_id = p.customer_id::text
  WHERE p.tier IS NOT NULL AND c.total IS DISTINCT FROM p.priority::numeric $$;

SELECT is_empty($$ SELECT pg_temp.differ(100) $$, 'priorities, scores, classes and tiers within the regions');
SELECT results_eq($$ SELECT population, count(*) > 100 FROM scored GROUP BY 1 ORDER BY 1 $$, $$ VALUES ('', true), ('north', true), ('south', true) $$, 'of two regions and the rest');
SELECT is((SELECT w FROM run, unnest(warnings) w WHERE w LIKE '%thresholds%'), '2 of 4 segments follow the thresholds of all customers: they have fewer than 100 buyers, or are not among the 100 largest',
  'the run says how many segments are too small');
SELECT results_eq($$ SELECT segment, count(*) FROM threshold GROUP BY 1 ORDER BY 1 NULLS FIRST $$,
  $$ VALUES (NULL::text, 16::bigint), ('north', 16), ('south', 15) $$, 'thresholds of all and of each larger segment, but of a metric that too few of one have');
SELECT results_eq($$ SELECT DISTINCT metric FROM threshold t WHERE segment = 'north' AND NOT EXISTS (SELECT FROM threshold s WHERE s.segment = 'south' AND s.metric = t.metric) $$, $$ VALUES ('rare'::text) $$, 'namely that');
SELECT is(pg_temp.unexplained(), 0::bigint, 'contributions add up');
SELECT is((SELECT count(*) FROM s_priority p, LATERAL (SELECT max(value) FILTER (WHERE item = 'tier') AS tier, sum(contribution) FILTER (WHERE item <> 'priority') AS total FROM explain('s', p.customer_id::text)) e
  WHERE p.tier IS NOT NULL AND customer_id % 8 = 0 AND (e.tier, e.total) IS DISTINCT FROM (p.tier::text, p.priority::numeric)), 0::bigint, 'explain follows the segment');
SELECT matches((SELECT explanation FROM explain('s', (SELECT customer_id::text FROM s_priority WHERE customer_id <= 300 AND tier = 'B' LIMIT 1)) WHERE item = 'tier'),
  '^priority [0-9.]+ reaches [0-9.]+, where tier B begins in segment north; tier A begins at', 'and names it');
SELECT is((SELECT count(*) FROM s_priority p, LATERAL (SELECT explanation FROM explain('s', p.customer_id::text) WHERE item = 'tier') e, LATERAL (SELECT regexp_match(explanation, ' ([0-9.]+) reaches ([0-9.]+), where') AS m) r
  WHERE p.tier IS NOT NULL AND p.customer_id % 5 = 0 AND r.m[1]::numeric < r.m[2]::numeric), 0::bigint, 'every cut that is named is reached');
SELECT doesnt_match((SELECT explanation FROM explain('s', (SELECT customer_id::text FROM s_priority WHERE customer_id BETWEEN 521 AND 560 AND tier = 'C' LIMIT 1)) WHERE item = 'tier'), 'segment', 'a small segment''s cuts are those of all');
SELECT is_empty($$ SELECT * FROM verify('s') $$, 'verify agrees');
SELECT is((SELECT inserted + updated + deleted FROM refresh('s', 'rescore', as_of => '2025-10-31')), 0::bigint, 'a rescore finds the same');
SELECT is((SELECT inserted + updated + deleted + state_written FROM refresh('s', 'rebuild', as_of => '2025-10-31')), 0::bigint, 'and a rebuild');
SELECT is((SELECT count(DISTINCT run_id) FROM threshold), 1::bigint, 'equal thresholds are stored once');
SELECT is_empty($$ SELECT customer_id, tier, priority, rfm, abc FROM score_as_of('s', '2025-10-31') EXCEPT SELECT customer_id::text, tier, priority, rfm, abc FROM s_priority $$, 'score_as_of is what was published');
SELECT is((SELECT count(*) FROM preview('s', '{"weights": {"recency": 1}}') WHERE from_tier IS NULL OR to_tier IS NULL), 0::bigint, 'preview computes it too');
SELECT isnt_empty($$ SELECT * FROM describe('s') $$, 'so does describe');

-- within the epoch thresholds stand: another region takes effect, a new one has none of its own
CREATE TEMP TABLE before AS SELECT * FROM threshold;
UPDATE people SET region = 'south' WHERE id BETWEEN 1 AND 30;
UPDATE people SET region = 'brand new' WHERE id BETWEEN 301 AND 320;
UPDATE people SET region = NULL WHERE id BETWEEN 321 AND 325;
SELECT is((SELECT concat_ws(' ', mode, rebased) FROM refresh('s', as_of => '2025-10-31')), 'incremental f', 'changes of segments are captured');
SELECT is_empty($$ SELECT * FROM verify('s') $$, 'and taken in as by a rebuild');
SELECT is_empty($$ (TABLE before EXCEPT TABLE threshold) UNION ALL (TABLE threshold EXCEPT TABLE before) $$, 'under the same thresholds');
SELECT is(pg_temp.unexplained(), 0::bigint, 'contributions still add up');
SELECT isnt_empty($$ SELECT FROM s_tier_history WHERE previous_tier IS NOT NULL $$, 'some tiers moved');
SELECT is_empty($$ SELECT reason FROM s_tier_history WHERE previous_tier IS NOT NULL AND reason <> 'behaviour' $$, 'because of the customers, and no threshold');

-- any changes
CREATE TABLE outcome (n int, mode text, rebased boolean, differences bigint);
DO $$
BEGIN
  FOR i IN 1 .. 40 LOOP
    FOR k IN 1 .. 50 LOOP
      CASE floor(random() * 8)::int
        WHEN 0, 1, 2 THEN INSERT INTO shop (customer, day, amount) VALUES (1 + floor(random() * 700), date '2025-10-31' - (random() * 300)::int, round((exp(random() * 5) - 5)::numeric, 2));
        WHEN 3 THEN DELETE FROM shop WHERE id = (SELECT id FROM shop WHERE customer = 1 + floor(random() * 660)::int LIMIT 1);
        WHEN 4 THEN UPDATE shop SET amount = -amount, customer = 1 + floor(random() * 660) WHERE id = floor(random() * 2000);
        WHEN 5, 6 THEN UPDATE people SET region = (ARRAY['north', 'south', 'tiny', 'else', NULL])[1 + floor(random() * 5)] WHERE id = floor(random() * 640);
        ELSE
          IF random() < .5 THEN DELETE FROM people WHERE id = floor(random() * 640);
          ELSE INSERT INTO people VALUES (floor(random() * 700), CASE WHEN random() < .5 THEN 'north' ELSE 'south' END, round((random() * 5000)::numeric, 2), 3) ON CONFLICT DO NOTHING;
          END IF;
      END CASE;
    END LOOP;
    INSERT INTO outcome SELECT i, r.mode, r.rebased, (SELECT count(*) FROM verify('s')) FROM refresh('s', as_of => '2025-10-31') r;
  END LOOP;
END $$;
SELECT is((SELECT sum(differences) FROM outcome), 0::numeric, 'after each fifty of 2,000 random changes nothing differs from a rebuild');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE mode = 'incremental' AND NOT rebased), '>', 30::bigint, 'nearly always incrementally');
SELECT is(pg_temp.unexplained(), 0::bigint, 'contributions add up for every customer');
SELECT refresh('s', 'rescore', as_of => '2025-10-31');
SELECT is_empty($$ SELECT pg_temp.differ(100) $$, 'a new epoch measures the regions as they are now');

-- the minimum, and the way back
SELECT alter_scorecard('s', segment_minimum => 20);
SELECT refresh('s', as_of => '2025-10-31');
SELECT is_empty($$ SELECT pg_temp.differ(20) $$, 'smaller segments too, when wanted');
SELECT cmp_ok((SELECT count(DISTINCT segment) FROM threshold JOIN epoch USING (run_id)), '>', 2::bigint, 'have thresholds of their own');
SELECT alter_scorecard('s', segment_minimum => 1000);
SELECT refresh('s', as_of => '2025-10-31');
SELECT is((SELECT count(*) FROM threshold JOIN epoch USING (run_id) WHERE segment IS NOT NULL), 0::bigint, 'with too high a minimum there are none');
CREATE TEMP TABLE all_pooled AS SELECT * FROM s_priority;
SELECT alter_scorecard('s', reset => '{thresholds_by,segment_minimum}');
SELECT is((SELECT concat(thresholds_by, segment_minimum) FROM scorecard), 'pooled100', 'the defaults');
SELECT refresh('s', as_of => '2025-10-31');
SELECT is_empty($$ SELECT customer_id, tier, priority, rfm, abc FROM s_priority EXCEPT SELECT customer_id, tier, priority, rfm, abc FROM all_pooled $$, 'pooled is as if every segment were small');
SELECT throws_like($$ SELECT alter_scorecard('s', thresholds_by => 'segment', reset => '{partition_by}') $$, 'argument "thresholds_by" needs "partition_by"', 'no segments without partition_by');

-- cumulative cuts by segment, of an added metric too; capacity is the scorecard's
SELECT alter_scorecard('s', thresholds_by => 'segment');
SELECT set_tiers('s', cumulative => '{0.5,0.8}', tiers => '{A,B,C}', metric => 'income');
SELECT refresh('s', as_of => '2025-10-31');
SELECT is_empty($$
  WITH member AS (
    SELECT p.customer_id, g.population, greatest(coalesce(p.income, 0), 0) AS v, p.tier FROM s_priority p JOIN s_purchases q USING (customer_id),
      LATERAL (SELECT '' UNION ALL SELECT q.segment WHERE q.segment IN (SELECT a.segment FROM s_purchases a JOIN s_priority b USING (customer_id) WHERE b.tier IS NOT NULL GROUP BY 1 HAVING count(*) >= 100)) g(population)
    WHERE p.tier IS NOT NULL),
  cumulated AS (
    SELECT *, coalesce(sum(v) OVER (PARTITION BY population ORDER BY v DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS above, sum(v) OVER (PARTITION BY population) AS total FROM member)
  SELECT * FROM (SELECT DISTINCT ON (customer_id) *, CASE WHEN v <= 0 OR above >= total * 0.8 THEN 'C' WHEN above >= total * 0.5 THEN 'B' ELSE 'A' END AS expected FROM cumulated ORDER BY customer_id, population DESC) x
  WHERE expected <> tier::text $$, 'tiers by cumulative income within the regions');
SELECT cmp_ok((SELECT count(DISTINCT tier) FROM s_priority), '=', 3::bigint, 'of three tiers');
SELECT is_empty($$ SELECT * FROM verify('s') $$, 'which verify computes too');
SELECT matches((SELECT explanation FROM explain('s', (SELECT customer_id::text FROM s_priority WHERE tier = 'B' LIMIT 1)) WHERE item = 'tier'), '^income [0-9.]+ reaches', 'and explain tells');
SELECT throws_like($$ SELECT set_tiers('s', cumulative => '{0.5,0.8}', tiers => '{A,B,C}', metric => 'debt') $$, '%has no metric "debt" that can be cumulated', 'not of a metric of which less is better');
SELECT set_tiers('s', capacities => '{10,30}', tiers => '{A,B,C}');
SELECT refresh('s', as_of => '2025-10-31');
SELECT ok((SELECT count(*) FILTER (WHERE tier = 'A') <= 10 AND count(*) FILTER (WHERE tier = 'B') <= 30 FROM s_priority), 'a capacity is shared by all segments');

-- what is protected later is said by the refresh
SELECT is((SELECT allow_protected FROM scorecard), 'a sales force in each', 'the reason is kept');
SELECT alter_scorecard('s', partition_by => 'coalesce(rare, 0) % 2');
SELECT is((SELECT allow_protected FROM scorecard), NULL, 'but not where none is needed');
SELECT ok((SELECT coalesce(array_to_string(warnings, ';'), '') !~ 'protected' FROM refresh('s', as_of => '2025-10-31')), 'nothing to warn of');
SELECT protect_attribute('people', 'rare', 'who is rare');
SELECT ok((SELECT 'partition_by reads public.people.rare, which is protected now: who is rare' = ANY (warnings) FROM refresh('s', as_of => '2025-10-31')), 'something to warn of');
SELECT alter_scorecard('s', partition_by => 'region', allow_protected => 'a sales force in each');

-- a relation of customers without triggers
CREATE VIEW people_view AS SELECT * FROM people;

SELECT alter_scorecard('s', customers => 'people_view');
SELECT is((SELECT segments_captured FROM scorecard), false, 'changes of a view are not captured');
UPDATE people SET region = 'south' WHERE id BETWEEN 31 AND 60;
SELECT refresh('s', 'rebuild', as_of => '2025-10-31');
SELECT is_empty($$ SELECT * FROM verify('s') $$, 'a rebuild reads the segments');

-- revenues of any size, a split by the mean, segments of one buyer each and more of them than can have thresholds
CREATE TABLE wide (customer text, day date, amount numeric);
INSERT INTO wide SELECT 'c' || c, date '2025-01-01' + (c * 7 + n * 31) % 250, (1 + c % 13) * 10.0 ^ (c % 40) + n FROM generate_series(1, 240) c, generate_series(0, c % 3) n;
CREATE TABLE branch AS SELECT 'c' || c AS id, CASE WHEN c <= 80 THEN 'big' WHEN c <= 140 THEN 'even' WHEN c <= 239 THEN c::text END AS kind FROM generate_series(1, 240) c;
UPDATE wide SET amount = 5, day = '2025-03-03' WHERE customer IN (SELECT id FROM branch WHERE kind = 'even');
DELETE FROM wide a USING wide b WHERE a.customer = b.customer AND a.ctid > b.ctid AND a.amount = 5 AND a.day = '2025-03-03';
SELECT create_segment_map('halves', 2, '[{"segment": "high", "codes": ["222", "221", "212", "122"]}, {"segment": "low", "codes": ["211", "121", "112", "111"]}]', 'mean');
SELECT create_scorecard('w', 'wide', 'customer', 'day', 'amount', customers => 'branch', customers_key => 'id', partition_by => 'kind', thresholds_by => 'segment',
  segment_minimum => 1, segment_map => 'halves', clv_model => 'none', every => NULL, time_zone => 'UTC', amount_scale => 2);
CREATE TEMP TABLE wide_run AS SELECT * FROM refresh('w', as_of => '2025-10-31');
SELECT is((SELECT count(DISTINCT segment) FROM threshold JOIN epoch USING (scorecard_id, run_id) JOIN scorecard USING (scorecard_id) WHERE name = 'w'), 100::bigint, 'the hundred largest segments have thresholds of their own');
SELECT ok((SELECT array_to_string(warnings, ';') ~ '1 of 101 segments follow' FROM wide_run), 'and the run counts the rest');
SELECT is_empty($$ SELECT * FROM verify('w') $$, 'verify agrees');
SELECT is((SELECT count(*) FROM w_priority p LEFT JOIN (SELECT customer_id, sum(contribution) AS total FROM contributions('w') GROUP BY 1) c USING (customer_id) WHERE p.tier IS NOT NULL AND c.total IS DISTINCT FROM p.priority::numeric), 0::bigint, 'contributions add up');
SELECT results_eq($$ SELECT DISTINCT p.rfm::text, p.priority::numeric, p.tier::text FROM w_priority p JOIN branch b ON b.id = p.customer_id WHERE kind = 'even' $$, $$ VALUES ('111', 0.0000, 'A') $$, 'in a segment of equals all score least, and share the best tier');
SELECT is_empty($$ SELECT customer_id FROM w_priority p JOIN branch b ON b.id = p.customer_id WHERE kind ~ '^[0-9]+$' AND kind <> (SELECT max(kind COLLATE "C") FROM branch WHERE kind ~ '^[0-9]+$') AND tier <> 'A' $$, 'whoever is alone in a segment has its best tier');
SELECT is_empty($$
  WITH m AS (SELECT w.customer, count(*) AS f, sum(amount) AS v, max(day) AS d, (avg(count(*)) OVER ()) AS mf, avg(sum(amount)) OVER () AS mv, avg(max(day) - date '2000-01-01') OVER () AS md
    FROM wide w JOIN branch b ON b.id = w.customer WHERE kind = 'big' GROUP BY 1)
  SELECT customer, p.rfm, d, f, v FROM m JOIN w_priority p ON p.customer_id = customer
  WHERE p.rfm::text <> concat(1 + (d - date '2000-01-01' > floor(md))::int, 1 + (f > mf)::int, 1 + (v > mv)::int) $$, 'split by the means of the segment');
SELECT is((SELECT concat_ws(' ', inserted, updated, deleted) FROM refresh('w', 'rescore', as_of => '2025-10-31')), '0 0 0', 'a rescore finds the same');
DELETE FROM wide;
SELECT is((SELECT concat_ws(' ', mode, buyers) FROM refresh('w', 'rebuild', as_of => '2025-10-31')), 'rebuild 0', 'without any buyer');
SELECT is_empty($$ SELECT FROM threshold JOIN epoch USING (scorecard_id, run_id) JOIN scorecard USING (scorecard_id) WHERE name = 'w' $$, 'there are no thresholds');
INSERT INTO wide VALUES ('c1', '2025-05-05', 7);
SELECT refresh('w', 'rebuild', as_of => '2025-10-31');
SELECT results_eq($$ SELECT tier::text, priority::numeric FROM w_priority WHERE tier IS NOT NULL $$, $$ VALUES ('A', 0.0000) $$, 'a single buyer');
SELECT * FROM finish();
ROLLBACK;
