SET search_path = custprio, public;

-- Input and output
SELECT 'A'::customer_tier, 'M'::customer_tier, 'Z'::customer_tier;
SELECT pg_column_size('A'::customer_tier), pg_typeof('A'::customer_tier);
SELECT ''::customer_tier;
SELECT 'a'::customer_tier;
SELECT 'AB'::customer_tier;
SELECT ' A'::customer_tier;
SELECT '1'::customer_tier;
SELECT '['::customer_tier;
SELECT '@'::customer_tier;

-- Binary form: the letter, and nothing else is taken
CREATE TEMP TABLE tiers (t customer_tier);
CREATE TEMP TABLE bytes (b "char");
INSERT INTO tiers SELECT customer_tier(i) FROM generate_series(1, 26) i;
INSERT INTO tiers VALUES (NULL);
\copy tiers TO 'results/tiers.bin' (FORMAT binary)
\copy bytes FROM 'results/tiers.bin' (FORMAT binary)
SELECT string_agg(b::text, '' ORDER BY b) FROM bytes;
TRUNCATE tiers;
\copy tiers FROM 'results/tiers.bin' (FORMAT binary)
SELECT string_agg(t::text, '' ORDER BY t), count(*) FROM tiers;
\copy (SELECT 'a'::"char") TO 'results/tiers.bin' (FORMAT binary)
\copy tiers FROM 'results/tiers.bin' (FORMAT binary)
\copy (SELECT ''::"char") TO 'results/tiers.bin' (FORMAT binary)
\copy tiers FROM 'results/tiers.bin' (FORMAT binary)
\copy (SELECT 65::int2) TO 'results/tiers.bin' (FORMAT binary)
\copy tiers FROM 'results/tiers.bin' (FORMAT binary)
\copy (SELECT ''::bytea) TO 'results/tiers.bin' (FORMAT binary)
\copy tiers FROM 'results/tiers.bin' (FORMAT binary)
SELECT count(*) FROM tiers;

-- Casts are explicit
SELECT 'B'::text::customer_tier, 'B'::customer_tier::text, 3::customer_tier, 'C'::customer_tier::int;
SELECT CAST('D'::varchar AS customer_tier), CAST('D'::customer_tier AS varchar);
SELECT 'bad'::text::customer_tier;
SELECT 0::customer_tier;
SELECT 27::customer_tier;
SELECT (-1)::customer_tier;
SELECT 2147483647::customer_tier;
SELECT customer_tier(2), tier_rank('B'), customer_tier('Q');
SELECT 'B'::customer_tier = 'B'::text;
SELECT 'B'::customer_tier = 2;
CREATE TEMP TABLE plain (t text, i int);
INSERT INTO plain (t) SELECT 'B'::customer_tier;
INSERT INTO plain (i) SELECT 'B'::customer_tier;
INSERT INTO tiers SELECT 'B'::text;
INSERT INTO tiers SELECT 2;

-- Comparison: A ranks before B
SELECT a, b, a = b AS eq, a <> b AS ne, a < b AS lt, a <= b AS le, a > b AS gt, a >= b AS ge, customer_tier_cmp(a, b) AS cmp
FROM unnest('{A,A,B,Z}'::customer_tier[], '{A,B,A,A}'::customer_tier[]) AS v(a, b);
SELECT 'A' < NULL::customer_tier AS lt, NULL::customer_tier = NULL AS eq;
SELECT t FROM unnest('{C,A,NULL,B}'::customer_tier[]) t ORDER BY t;
SELECT t FROM unnest('{C,A,NULL,B}'::customer_tier[]) t ORDER BY t DESC;

-- People say "B or better"
SELECT t, at_least(t, 'B'), better_than(t, 'B'), tier_distance(t, 'B') FROM unnest('{A,B,C,NULL}'::customer_tier[]) t;
SELECT at_least('A', NULL), better_than(NULL, 'A'), tier_distance('A', NULL), tier_distance('A', 'Z'), tier_distance('Z', 'A');
SELECT at_least('A', 'b');

-- min is the best, max the worst
SELECT min(t), max(t) FROM unnest('{C,A,NULL,B}'::customer_tier[]) t;
SELECT min(t), max(t) FROM unnest('{}'::customer_tier[]) t;
SELECT min(t), max(t) FROM unnest('{NULL}'::customer_tier[]) t;

-- Grouping, hashing and joins
SELECT t, count(*) FROM unnest('{C,A,A,B,C,A}'::customer_tier[]) t GROUP BY t ORDER BY t;
SELECT count(DISTINCT customer_tier_hash(customer_tier(i))), count(DISTINCT customer_tier_hash_extended(customer_tier(i), 7))
FROM generate_series(1, 26) i;
SELECT customer_tier_hash_extended('K', 0)::bit(32) = customer_tier_hash('K')::bit(32) AS seed_0_agrees;

-- Indexes
CREATE TABLE tier_index (id int, t customer_tier);
INSERT INTO tier_index SELECT i, customer_tier(i % 26 + 1) FROM generate_series(0, 2599) i;
CREATE INDEX tier_btree ON tier_index (t);
ANALYZE tier_index;
SET enable_seqscan = off;
SELECT count(*) FROM tier_index WHERE t = 'C';
SELECT count(*) FROM tier_index WHERE t < 'C';
SELECT count(*) FROM tier_index WHERE t >= 'Y';
SELECT count(*) FROM tier_index WHERE at_least(t, 'C');
SELECT min(t), max(t) FROM tier_index;
DROP INDEX tier_btree;
CREATE INDEX ON tier_index USING hash (t);
SELECT count(*) FROM tier_index WHERE t = 'C';
CREATE UNIQUE INDEX ON tier_index (t);
DROP TABLE tier_index;
