SET search_path = custprio, public;

-- Input and output
SELECT '543'::rfm_score, '111'::rfm_score, '999'::rfm_score;
SELECT pg_column_size('543'::rfm_score), pg_typeof('543'::rfm_score);
SELECT ''::rfm_score;
SELECT '54'::rfm_score;
SELECT '5434'::rfm_score;
SELECT '540'::rfm_score;
SELECT '043'::rfm_score;
SELECT ' 543'::rfm_score;
SELECT '543 '::rfm_score;
SELECT '5-3'::rfm_score;
SELECT 'abc'::rfm_score;

-- Binary form: the number in two bytes, and nothing else is taken
CREATE TEMP TABLE scores (s rfm_score);
CREATE TEMP TABLE numbers (n int2);
INSERT INTO scores VALUES ('111'), ('543'), ('999'), (NULL);
\copy scores TO 'results/scores.bin' (FORMAT binary)
\copy numbers FROM 'results/scores.bin' (FORMAT binary)
SELECT array_agg(n ORDER BY n) FROM numbers;
TRUNCATE scores;
\copy scores FROM 'results/scores.bin' (FORMAT binary)
SELECT array_agg(s ORDER BY s) FROM scores;
\copy (SELECT 0::int2) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT 540::int2) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT 504::int2) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT -543::int2) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT 32767::int2) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT 543::int4) TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
\copy (SELECT 'x'::"char") TO 'results/scores.bin' (FORMAT binary)
\copy scores FROM 'results/scores.bin' (FORMAT binary)
SELECT count(*) FROM scores;

-- Casts are explicit
SELECT '543'::text::rfm_score, '543'::rfm_score::text, 543::rfm_score, '543'::rfm_score::int;
SELECT 'bad'::text::rfm_score;
SELECT 0::rfm_score;
SELECT 110::rfm_score;
SELECT 505::rfm_score;
SELECT 1000::rfm_score;
SELECT (-543)::rfm_score;
SELECT 66079::rfm_score;
SELECT '543'::rfm_score = '543'::text;
SELECT '543'::rfm_score = 543;
INSERT INTO scores SELECT 543;

-- Putting together and taking apart
SELECT rfm_score(5, 4, 3), rfm_score(543), rfm_score('543'), rfm_code('543');
SELECT recency_score('543'), frequency_score('543'), monetary_score('543');
SELECT rfm_score(5, NULL, 3), recency_score(NULL), frequency_score(NULL), monetary_score(NULL);
SELECT rfm_score(0, 4, 3);
SELECT rfm_score(5, 10, 3);
SELECT rfm_score(5, 4, -1);

-- Comparison
SELECT a, b, a = b AS eq, a <> b AS ne, a < b AS lt, a <= b AS le, a > b AS gt, a >= b AS ge, sign(rfm_score_cmp(a, b)) AS cmp
FROM unnest('{543,543,551}'::rfm_score[], '{543,551,543}'::rfm_score[]) AS v(a, b);
SELECT s FROM unnest('{543,111,NULL,999,551}'::rfm_score[]) s ORDER BY s;
SELECT s FROM unnest('{543,111,NULL,999,551}'::rfm_score[]) s ORDER BY s DESC;
SELECT min(s), max(s) FROM unnest('{543,111,NULL,999,551}'::rfm_score[]) s;
SELECT min(s), max(s) FROM unnest('{}'::rfm_score[]) s;

-- Hashing
SELECT s, count(*) FROM unnest('{543,111,543}'::rfm_score[]) s GROUP BY s ORDER BY s;
SELECT rfm_score_hash_extended('543', 0)::bit(32) = rfm_score_hash('543')::bit(32) AS seed_0_agrees;

-- Indexes
CREATE TABLE score_index AS
SELECT rfm_score(r, f, m) AS s
FROM generate_series(1, 9) r, generate_series(1, 9) f, generate_series(1, 9) m, generate_series(1, 3);
CREATE INDEX score_btree ON score_index (s);
ANALYZE score_index;
SET enable_seqscan = off;
SELECT count(*) FROM score_index WHERE s = '543';
SELECT count(*) FROM score_index WHERE s < '200';
SELECT count(*) FROM score_index WHERE s < '211';
SELECT count(*) FROM score_index WHERE s BETWEEN '511' AND '599';
SELECT min(s), max(s) FROM score_index;
DROP INDEX score_btree;
CREATE INDEX ON score_index USING hash (s);
SELECT count(*) FROM score_index WHERE s = '543';
DROP TABLE score_index;
