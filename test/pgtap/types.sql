-- customer_tier and rfm_score against oracles in text and plain SQL, over all their values.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET search_path = custprio, public;
SELECT plan(45);

CREATE TEMP TABLE tier AS
SELECT chr(64 + i) AS letter, i AS rank, customer_tier(i) AS t FROM generate_series(1, 26) i;
CREATE TEMP TABLE score AS
SELECT r, f, m, rfm_score(r, f, m) AS s, r::text || f || m AS digits
FROM generate_series(1, 9) r, generate_series(1, 9) f, generate_series(1, 9) m;

-- customer_tier
SELECT is((SELECT count(*) FROM tier WHERE t::text = letter AND letter::customer_tier = t AND t::int = rank
             AND rank::customer_tier = t AND tier_rank(t) = rank), 26::bigint, 'every tier goes to text and int and back');
CREATE FUNCTION pg_temp.no_tier(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM value::custprio.customer_tier;
  RETURN false;
EXCEPTION WHEN invalid_text_representation THEN
  RETURN true;
END $$;
SELECT is((SELECT string_agg(chr(i), '' ORDER BY i) FROM generate_series(1, 127) i WHERE NOT pg_temp.no_tier(chr(i))),
          'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'no other ASCII character is a tier');
SELECT is((SELECT count(*) FROM tier a, tier b
           WHERE (a.t = b.t) = (a.letter = b.letter)
             AND (a.t <> b.t) = (a.letter <> b.letter)
             AND (a.t < b.t) = (a.letter COLLATE "C" < b.letter)
             AND (a.t <= b.t) = (a.letter COLLATE "C" <= b.letter)
             AND (a.t > b.t) = (a.letter COLLATE "C" > b.letter)
             AND (a.t >= b.t) = (a.letter COLLATE "C" >= b.letter)
             AND sign(customer_tier_cmp(a.t, b.t)) = sign(a.rank - b.rank)
             AND at_least(a.t, b.t) = (a.rank <= b.rank)
             AND better_than(a.t, b.t) = (a.rank < b.rank)
             AND tier_distance(a.t, b.t) = abs(a.rank - b.rank)
             AND least(a.t, b.t)::text = least(a.letter COLLATE "C", b.letter)), 676::bigint,
          'all pairs of tiers compare as their letters do');
SELECT is((SELECT string_agg(t::text, '' ORDER BY t) FROM tier), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'A sorts first');
SELECT is((SELECT string_agg(t::text, '' ORDER BY t DESC) FROM tier), 'ZYXWVUTSRQPONMLKJIHGFEDCBA', 'and last when descending');
SELECT is((SELECT count(*) FROM (SELECT t FROM tier, generate_series(1, 3) GROUP BY t HAVING count(*) = 3) g), 26::bigint,
          'equal tiers group together');
SELECT ok((SELECT bool_and((a.t = b.t) = record_image_eq(ROW(a.t), ROW(b.t))) FROM tier a, tier b), 'equal tiers have the same image');
SELECT throws_ok($$ SELECT ''::customer_tier $$, '22P02');
SELECT throws_ok($$ SELECT 'a'::customer_tier $$, '22P02');
SELECT throws_ok($$ SELECT 'AA'::text::customer_tier $$, '22P02');
SELECT throws_ok($$ SELECT U&'\00C4'::customer_tier $$, '22P02', NULL, 'a letter beyond ASCII is no tier');
SELECT throws_ok($$ SELECT 0::customer_tier $$, '22003');
SELECT throws_ok($$ SELECT 27::customer_tier $$, '22003');
SELECT throws_ok($$ SELECT 257::customer_tier $$, '22003', NULL, 'a rank is not cut to a byte');

-- rfm_score
SELECT is((SELECT count(*) FROM score WHERE s::text = digits AND digits::rfm_score = s AND s::int = digits::int
             AND digits::int::rfm_score = s AND rfm_code(s) = digits::int
             AND recency_score(s) = r AND frequency_score(s) = f AND monetary_score(s) = m), 729::bigint,
          'every score goes to text, int and digits and back');
SELECT is((SELECT count(*) FROM score a, score b
           WHERE (a.s = b.s) = (a.digits = b.digits)
             AND (a.s <> b.s) = (a.digits <> b.digits)
             AND (a.s < b.s) = (a.digits COLLATE "C" < b.digits)
             AND (a.s <= b.s) = (a.digits COLLATE "C" <= b.digits)
             AND (a.s > b.s) = (a.digits COLLATE "C" > b.digits)
             AND (a.s >= b.s) = (a.digits COLLATE "C" >= b.digits)
             AND sign(rfm_score_cmp(a.s, b.s)) = sign(a.digits::int - b.digits::int)), 531441::bigint,
          'all pairs of scores compare as their digits do');
SELECT is((SELECT array_agg(s::text ORDER BY s) FROM score), (SELECT array_agg(digits ORDER BY digits COLLATE "C") FROM score),
          'scores sort as their digits do');
SELECT is((SELECT count(DISTINCT rfm_score_hash(s)) FROM score), 729::bigint, 'hashes of scores differ');
SELECT is((SELECT count(*) FROM (SELECT s FROM score, generate_series(1, 3) GROUP BY s HAVING count(*) = 3) g), 729::bigint,
          'equal scores group together');
CREATE FUNCTION pg_temp.refused(value int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM value::custprio.rfm_score;
  RETURN false;
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN true;
END $$;
SELECT is((SELECT count(*) FROM generate_series(-10, 1200) i WHERE NOT pg_temp.refused(i)), 729::bigint, 'exactly 729 numbers are scores');
SELECT is((SELECT count(*) FROM generate_series(-10, 1200) i
           WHERE pg_temp.refused(i) = (i::text ~ '^[1-9]{3}$')), 0::bigint, 'namely those of three digits 1 to 9');
SELECT throws_ok($$ SELECT '540'::rfm_score $$, '22P02');
SELECT throws_ok($$ SELECT '5432'::rfm_score $$, '22P02');
SELECT throws_ok($$ SELECT ''::rfm_score $$, '22P02');
SELECT throws_ok($$ SELECT (65536 + 543)::rfm_score $$, '22003', NULL, 'a number is not cut to two bytes');
SELECT throws_ok($$ SELECT rfm_score(5, 0, 3) $$, '22003', 'frequency score 0 is out of range');
SELECT throws_ok($$ SELECT rfm_score(10, 1, 3) $$, '22003', 'recency score 10 is out of range');
SELECT throws_ok($$ SELECT rfm_score(1, 1, 2147483647) $$, '22003', 'monetary score 2147483647 is out of range');

-- Both types: joins of each kind, indexes, parallel aggregates
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    lines := lines || line || E'\n';
  END LOOP;
  RETURN lines;
END $$;
ANALYZE score;
SET LOCAL enable_nestloop = off;
SET LOCAL enable_mergejoin = off;
SELECT matches(pg_temp.plan_of('SELECT FROM score a JOIN score b USING (s)'), 'Hash Join', 'scores can be hash joined');
SELECT is((SELECT count(*) FROM score a JOIN score b USING (s)), 729::bigint, 'with the right result');
SET LOCAL enable_mergejoin = on;
SET LOCAL enable_hashjoin = off;
SELECT matches(pg_temp.plan_of('SELECT FROM score a JOIN score b USING (s)'), 'Merge Join', 'and merge joined');
SELECT is((SELECT count(*) FROM score a JOIN score b USING (s)), 729::bigint, 'with the same result');
RESET enable_nestloop;
RESET enable_hashjoin;

CREATE TABLE ranked AS SELECT customer_tier(i % 26 + 1) AS t, rfm_score(i % 9 + 1, i % 7 + 1, i % 5 + 1) AS s FROM generate_series(1, 20000) i;
CREATE INDEX ranked_t ON ranked (t);
ANALYZE ranked;
SET LOCAL enable_seqscan = off;
SELECT matches(pg_temp.plan_of($$ SELECT FROM ranked WHERE at_least(t, 'B') $$), 'Index Cond', 'at_least() can use an index');
SELECT matches(pg_temp.plan_of($$ SELECT FROM ranked WHERE better_than(t, 'B') $$), 'Index Cond', 'so can better_than()');
SELECT matches(pg_temp.plan_of($$ SELECT min(t) FROM ranked $$), 'Index', 'min() reads the end of an index');
SELECT is((SELECT count(*) FROM ranked WHERE at_least(t, 'B')), (SELECT count(*) FROM ranked WHERE t::text IN ('A', 'B')),
          'at_least() through the index finds A and B');
SET LOCAL enable_seqscan = on;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT matches(pg_temp.plan_of($$ SELECT min(t), max(t), min(s), max(s) FROM ranked $$), 'Partial Aggregate', 'min() and max() run in parallel');
SELECT is((SELECT ROW(min(t), max(t), min(s), max(s))::text FROM ranked),
          (SELECT ROW(min(t::text COLLATE "C"), max(t::text COLLATE "C"), min(s::int), max(s::int))::text FROM ranked),
          'with the values that text and int give');

-- What the catalog must say
SELECT is((SELECT count(*) FROM pg_opclass WHERE opcintype IN ('customer_tier'::regtype, 'rfm_score'::regtype) AND amvalidate(oid)),
          4::bigint, 'the operator classes are valid');
SELECT is((SELECT count(*) FROM pg_opclass c JOIN pg_amproc p ON p.amprocfamily = c.opcfamily AND p.amprocnum = 4
           JOIN pg_am a ON a.oid = c.opcmethod AND a.amname = 'btree'
           WHERE opcintype IN ('customer_tier'::regtype, 'rfm_score'::regtype)), 2::bigint, 'btree indexes can deduplicate');
SELECT is_empty($$ SELECT oid::regprocedure FROM pg_proc
                   WHERE pronamespace = 'custprio'::regnamespace AND prokind = 'f'
                     AND ('customer_tier'::regtype = ANY (proargtypes) OR 'rfm_score'::regtype = ANY (proargtypes))
                     AND proname ~ '^(customer_tier|rfm_score|tier_|at_least|better_than|(recency|frequency|monetary)_score|rfm_code)' AND proname <> 'tier_label'
                     AND NOT (provolatile = 'i' AND proisstrict AND proparallel = 's') $$,
                'their functions are immutable, strict and parallel safe');
SELECT is_empty($$ SELECT castsource::regtype, casttarget::regtype FROM pg_cast
                   WHERE ('customer_tier'::regtype IN (castsource, casttarget) OR 'rfm_score'::regtype IN (castsource, casttarget))
                     AND castcontext <> 'e' $$, 'their casts are explicit');
SELECT is_empty($$ SELECT oid::regoperator FROM pg_operator
                   WHERE oprnamespace = 'custprio'::regnamespace AND oprleft IN ('customer_tier'::regtype, 'rfm_score'::regtype)
                     AND oprright = oprleft AND (oprcom = 0 OR oprnegate = 0 OR oprrest = 0 OR oprjoin = 0) $$,
                'their operators have commutators, negators and estimators');
SELECT ok((SELECT bool_and(typbyval) AND sum(typlen) = 3 FROM pg_type WHERE oid IN ('customer_tier'::regtype, 'rfm_score'::regtype)),
          'they are passed by value in one and two bytes');
CREATE FUNCTION pg_temp.is_soft(value text, type text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  valid boolean;
BEGIN
  EXECUTE pg_catalog.format('SELECT pg_catalog.pg_input_is_valid(%L, %L)', value, type) INTO valid;
  RETURN NOT valid;
END $$;
SELECT CASE WHEN current_setting('server_version_num')::int < 160000
  THEN skip('input functions report errors softly from PostgreSQL 16 on')
  ELSE ok(pg_temp.is_soft('x', 'custprio.customer_tier') AND pg_temp.is_soft('540', 'custprio.rfm_score'), 'input errors are soft')
END;

SELECT * FROM finish();
ROLLBACK;
