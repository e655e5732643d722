-- Segment maps: the built-in ones against their definitions, and the check that a map is a partition.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET search_path = custprio, public;
SELECT plan(30);

CREATE TEMP TABLE code AS
SELECT k, r, f, m, rfm_score(r, f, m) AS s
FROM generate_series(2, 9) k, generate_series(1, 9) r, generate_series(1, 9) f, generate_series(1, 9) m
WHERE greatest(r, f, m) <= k;

-- Every map in the table is a partition
SELECT is_empty($$ SELECT map, s FROM (SELECT DISTINCT map, bins FROM segment_map) b JOIN code ON k = bins
                   WHERE (SELECT count(*) FROM segment_map g, unnest(codes) c WHERE g.map = b.map AND c = s) <> 1 $$,
                'every code of a map is in exactly one segment');
SELECT is_empty($$ SELECT map, c FROM segment_map, unnest(codes) c
                   WHERE greatest(recency_score(c), frequency_score(c), monetary_score(c)) > bins $$, 'and no other code');
SELECT is_empty($$ SELECT map, s FROM segment_map g, unnest(codes) s WHERE rfm_segment(s, map) <> segment $$,
                'rfm_segment() says what the table says');
SELECT results_eq('SELECT map, bins, split, count(*)::int FROM segment_map WHERE built_in GROUP BY 1, 2, 3 ORDER BY 1',
                  $$ VALUES ('rfm_11', 5, 'quantile', 11), ('rfm_6', 3, 'quantile', 6), ('rfm_8_mean', 2, 'mean', 8) $$,
                  'the built-in maps are there');

-- rfm_11: the published list
CREATE TEMP TABLE published (segment text, codes text);
INSERT INTO published VALUES
  ('Champions', '555 554 544 545 454 455 445'),
  ('Loyal Customers', '543 444 435 355 354 345 344 335'),
  ('Potential Loyalists', '553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 342 341 333 323'),
  ('New Customers', '512 511 422 421 412 411 311'),
  ('Promising', '525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313'),
  ('Need Attention', '535 534 443 434 343 334 325 324'),
  ('About To Sleep', '331 321 312 221 213 231 241 251'),
  ('At Risk', '255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 125 124'),
  ('Cannot Lose Them', '155 154 144 214 215 115 114 113'),
  ('Hibernating', '332 322 233 232 223 222 132 123 122 212 211'),
  ('Lost', '111 112 121 131 141 151');
SELECT results_eq($$ SELECT s::text, rfm_segment(s) FROM code WHERE k = 5 ORDER BY 1 $$,
                  $$ SELECT c, segment FROM published, regexp_split_to_table(codes, ' ') c ORDER BY 1 $$,
                  'rfm_11 is the published map');

-- rfm_8_mean: monetary decides important or general, recency and frequency the rest
SELECT is_empty($$ SELECT s FROM code WHERE k = 2 AND rfm_segment(s, 'rfm_8_mean') <>
                     CASE m WHEN 2 THEN 'Important ' ELSE 'General ' END ||
                     CASE WHEN r = 2 AND f = 2 THEN 'Value' WHEN r = 2 THEN 'Development'
                          WHEN f = 2 THEN 'Retention' ELSE 'Win-back' END $$, 'rfm_8_mean follows its rule');

-- rfm_6: its rule, and no higher digit leads to a worse group
SELECT is_empty($$ SELECT s FROM code WHERE k = 3 AND rfm_segment(s, 'rfm_6') <>
                     CASE WHEN r = 3 AND f + m >= 5 THEN 'Champions'
                          WHEN r = 3 AND f + m = 4 OR r = 2 AND f + m >= 5 THEN 'Loyal'
                          WHEN r = 3 THEN 'Recent'
                          WHEN r = 2 THEN 'Needs Attention'
                          WHEN f + m >= 4 THEN 'At Risk'
                          ELSE 'Inactive' END $$, 'rfm_6 follows its rule');
SELECT is_empty($$ SELECT a.s, b.s FROM code a, code b, segment_map x, segment_map y
                   WHERE a.k = 3 AND b.k = 3 AND a.r >= b.r AND a.f >= b.f AND a.m >= b.m
                     AND x.map = 'rfm_6' AND a.s = ANY (x.codes) AND y.map = 'rfm_6' AND b.s = ANY (y.codes)
                     AND x.position > y.position $$, 'rfm_6 is monotone');

-- Random partitions are accepted as they are; one change to a partition is always refused
SELECT setseed(0.5);
CREATE FUNCTION pg_temp.random_map(k int, segments int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT jsonb_agg(jsonb_build_object('segment', 'S' || segment, 'codes', codes) ORDER BY segment)
  FROM (SELECT segment, jsonb_agg(s::text) AS codes
        FROM (SELECT s, floor(random() * segments) AS segment FROM code WHERE code.k = random_map.k) c
        GROUP BY segment) g
$$;
CREATE FUNCTION pg_temp.refusal(k int, map jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM custprio.create_segment_map('refused', k, map);
  RETURN 'accepted';
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN substring(SQLERRM FROM 'more than once|does not cover|outside|no codes|two segments');
END $$;
CREATE TEMP TABLE draw AS
SELECT i, k, 'random ' || i AS map, pg_temp.random_map(k, 1 + i % 12) AS segments
FROM generate_series(1, 48) i, LATERAL (SELECT 2 + i % 8 AS k) b;
SELECT lives_ok('SELECT create_segment_map(map, k, segments) FROM draw', 'random partitions are accepted');
SELECT is_empty($$ SELECT d.map, c FROM draw d, jsonb_array_elements(segments) e, jsonb_array_elements_text(e -> 'codes') c
                   WHERE rfm_segment(c::rfm_score, d.map) <> e ->> 'segment' $$, 'and looked up as they were given');
SELECT is_empty($$ SELECT d.map FROM draw d WHERE
                     (SELECT jsonb_agg(jsonb_build_object('segment', segment, 'codes', to_jsonb(codes::text[])) ORDER BY position)
                      FROM segment_map g WHERE g.map = d.map) <> segments $$, 'in the order given');
SELECT is_empty($$ SELECT i, refusal FROM (SELECT i, pg_temp.refusal(k, segments #- '{0,codes,0}') AS refusal FROM draw
                   WHERE jsonb_array_length(segments #> '{0,codes}') > 1) r WHERE refusal <> 'does not cover' $$,
                'without one code none is accepted');
SELECT is_empty($$ SELECT i, refusal FROM (SELECT i, pg_temp.refusal(k, jsonb_insert(segments, '{-1,codes,0}', segments #> '{0,codes,0}'))
                   AS refusal FROM draw) r WHERE refusal <> 'more than once' $$, 'with one code twice none is accepted');
SELECT is_empty($$ SELECT i, refusal FROM (SELECT i, pg_temp.refusal(k, jsonb_insert(segments, '{-1,codes,0}', to_jsonb((k + 1) * 100 + 11)))
                   AS refusal FROM draw WHERE k < 9) r WHERE refusal <> 'outside' $$, 'with one code outside none is accepted');
SELECT is_empty($$ SELECT i, refusal FROM (SELECT i, pg_temp.refusal(k, segments || '[{"segment": "void", "codes": []}]')
                   AS refusal FROM draw WHERE k > 2) r WHERE refusal <> 'no codes' $$, 'with an empty segment none is accepted');
SELECT is((SELECT count(*) FROM segment_map WHERE map = 'refused'), 0::bigint, 'a refused map leaves nothing behind');

-- Codes of the errors
SELECT throws_ok($$ SELECT rfm_segment('666') $$, '22023');
SELECT throws_ok($$ SELECT rfm_segment('111', 'none') $$, '42704');
SELECT throws_ok($$ SELECT create_segment_map('rfm_x', 2, '[]') $$, '42939');
SELECT throws_ok($$ SELECT create_segment_map('random 1', k, segments) FROM draw WHERE i = 1 $$, '42710');
SELECT throws_ok($$ SELECT create_segment_map(NULL, 2, '[]') $$, '22004');
SELECT throws_ok($$ SELECT drop_segment_map('none') $$, '42704');
SELECT throws_ok($$ SELECT drop_segment_map('rfm_6') $$, '55000');
CREATE TABLE public.segment_orders (customer int, ordered_on date, amount int);
DO $$ BEGIN
  PERFORM create_scorecard('segment_test', 'segment_orders', 'customer', 'ordered_on', 'amount', segment_map => 'random 1', schema => 'public');
END $$;
SELECT throws_ok($$ SELECT drop_segment_map('random 1') $$, '2BP01');
CREATE ROLE regress_custprio_stranger;
SET LOCAL ROLE regress_custprio_stranger;
SET LOCAL search_path = custprio, public;
DO $$ BEGIN PERFORM custprio.drop_segment_map('random 1'); RAISE 'dropped';
EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
RESET ROLE;
SELECT isnt((SELECT count(*) FROM segment_map WHERE map = 'random 1'), 0::bigint, 'a stranger cannot drop a map');
INSERT INTO segment_map VALUES ('broken', 2, 'quantile', 1, 'All', '{111,112}', false);
SELECT throws_ok($$ SELECT rfm_segment('111', 'broken') $$, 'XX001');

-- In parallel workers, and in a dump
CREATE TABLE scored AS SELECT rfm_score(i % 5 + 1, i % 3 + 1, i % 4 + 1) AS s FROM generate_series(1, 20000) i;
CREATE TEMP TABLE serial AS SELECT rfm_segment(s), count(*) FROM scored GROUP BY 1;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
    lines := lines || line || E'\n';
  END LOOP;
  RETURN lines;
END $$;
SELECT matches(pg_temp.plan_of('SELECT rfm_segment(s), count(*) FROM scored GROUP BY 1'), 'Partial .*rfm_segment',
               'segments can be looked up in parallel workers');
SELECT set_eq('SELECT rfm_segment(s), count(*) FROM scored GROUP BY 1', 'SELECT * FROM serial', 'with the same result');
SELECT is((SELECT e.condition FROM pg_extension x, unnest(extconfig, extcondition) e(relation, condition)
           WHERE extname = 'custprio' AND e.relation = 'segment_map'::regclass),
          'WHERE NOT built_in', 'a dump carries the maps that users made');
SELECT is_empty($$ SELECT grantee, privilege_type FROM information_schema.table_privileges
                   WHERE table_schema = 'custprio' AND table_name = 'segment_map' AND grantee = 'PUBLIC' AND privilege_type <> 'SELECT' $$,
                'the public may only read maps');

SELECT * FROM finish();
ROLLBACK;
