-- describe() against formulas of another shape.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(14);
SELECT setseed(0.9);
CREATE TABLE shop AS SELECT (400 * random() ^ 2)::int AS customer, date '2025-01-01' + (300 * random())::int AS day, round((exp(random() * 5))::numeric, 2) AS amount
  FROM generate_series(1, 3000) n;
INSERT INTO shop VALUES (1001, '2025-03-01', 0), (1002, '2025-03-01', 0);
SELECT create_scorecard('d', 'shop', 'customer', 'day', 'amount', every => NULL, time_zone => 'Asia/Tokyo');
SELECT is((SELECT count(*) FROM describe('d')), 0::bigint, 'nothing before the first refresh');
SELECT count(*) FROM refresh('d', as_of => '2025-12-01');
CREATE TEMP TABLE described AS SELECT * FROM describe('d');
SELECT results_eq('SELECT metric FROM described', $$ VALUES ('recency'::text), ('frequency'), ('monetary'), ('average_order_value'), ('clv'), ('priority') $$, 'each metric in its place');
CREATE TEMP TABLE own AS SELECT customer, count(*)::float8 AS f, sum(amount)::float8 AS m, date '2025-12-01' - max(day) AS r FROM shop GROUP BY 1;
CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql AS $$ SELECT coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b), 1), false) $$;
SELECT is(customers, (SELECT count(*) FROM own), 'all buyers') FROM described WHERE metric = 'monetary';
SELECT ok(pg_temp.near(mean, (SELECT avg(r) FROM own)), 'days since the last purchase in local days') FROM described WHERE metric = 'recency';
SELECT ok(pg_temp.near(standard_deviation, (SELECT sqrt((sum(m * m) - sum(m) ^ 2 / count(*)) / (count(*) - 1)) FROM own)), 'standard deviation') FROM described WHERE metric = 'monetary';
SELECT ok(pg_temp.near(skewness, (SELECT (avg(m ^ 3) - 3 * avg(m) * avg(m ^ 2) + 2 * avg(m) ^ 3) / (avg(m ^ 2) - avg(m) ^ 2) ^ 1.5 FROM own)), 'skewness by raw moments') FROM described WHERE metric = 'monetary';
SELECT ok(pg_temp.near(gini, (SELECT sum(abs(a.m - b.m)) / (2 * (SELECT count(*) * sum(m) FROM own)) FROM own a, own b)), 'Gini by all pairs') FROM described WHERE metric = 'monetary';
SELECT ok(pg_temp.near(gini, (SELECT sum(abs(a.f - b.f)) / (2 * (SELECT count(*) * sum(f) FROM own)) FROM own a, own b)), 'also with ties') FROM described WHERE metric = 'frequency';
SELECT ok(abs(top_20_share - (SELECT sum(m) FROM (SELECT m FROM own ORDER BY m DESC LIMIT (SELECT round(count(*) * 0.2) FROM own)) q) / (SELECT sum(m) FROM own)) < 0.005, 'the best fifth') FROM described WHERE metric = 'monetary';
SELECT ok(pg_temp.near(zero_share, 2.0 / customers), 'those with nothing') FROM described WHERE metric = 'monetary';
SELECT ok(minimum <= p10 AND p10 <= p25 AND p25 <= median AND median <= p75 AND p75 <= p90 AND p90 <= maximum, metric || ': quantiles ascend') FROM described WHERE metric = 'clv';
INSERT INTO shop VALUES (1, '2025-04-01', -100000);
SELECT count(*) FROM refresh('d', as_of => '2025-12-01');
SELECT ok(gini IS NULL AND top_20_share IS NULL AND mean IS NOT NULL, 'no Gini of negative values') FROM describe('d') WHERE metric = 'monetary';
SELECT throws_like($$ SELECT * FROM describe('nowhere') $$, 'scorecard "nowhere" does not exist', 'an unknown scorecard');
DELETE FROM shop; INSERT INTO shop VALUES (1, '2025-01-01', 0);
SELECT count(*) FROM refresh('d', as_of => '2025-12-01');
SELECT ok(customers = 1 AND standard_deviation IS NULL AND skewness IS NULL AND gini IS NULL AND mean = 0, 'one customer, no value: no division by zero') FROM describe('d') WHERE metric = 'monetary';
SELECT * FROM finish();
ROLLBACK;
