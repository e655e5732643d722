-- generate.sql: psql variables customers, orders. Orders per customer: 1 + a negative binomial (a Poisson whose rate
-- follows a gamma distribution of shape 0.15), so that nearly half of the customers buy once and few buy most. Amounts
-- are lognormal, 2 % are refunds, three years, in physical order of time as an order table grows. Seeded.
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;	-- random() is to be called in one order
SET work_mem = '512MB';
SET synchronous_commit = off;
SELECT setseed(0.1897);

-- The distribution function of the negative binomial, by its recurrence.
CREATE TEMP TABLE counts AS
WITH RECURSIVE nb(k, p, upto) AS (
  SELECT 0, pow(r / (r + mean), r), pow(r / (r + mean), r) FROM law
  UNION ALL
  SELECT k + 1, p * (k + r) / (k + 1) * mean / (mean + r), upto + p * (k + r) / (k + 1) * mean / (mean + r)
  FROM nb, law WHERE k < 5000 AND upto < 1 - 1e-9
), law AS (
  SELECT 0.15::float8 AS r, greatest(0.01, :orders::float8 / :customers - 1) AS mean
)
SELECT array_agg(upto ORDER BY k) AS upto FROM nb;

CREATE TEMP TABLE buyer AS
SELECT customer_id, 1 + width_bucket(random(), upto) AS n, random() * 900 AS first_day
FROM generate_series(1, :customers) customer_id, counts;

CREATE TABLE orders (
  order_id     bigint NOT NULL,
  customer_id  bigint NOT NULL,
  ordered_at   timestamptz NOT NULL,
  amount       numeric(12,2) NOT NULL,
  status       text NOT NULL
);
INSERT INTO orders
SELECT row_number() OVER (), customer_id, ordered_at, amount, CASE WHEN amount < 0 THEN 'refunded' ELSE 'paid' END
FROM (
  SELECT customer_id,
         timestamptz '2023-01-01 00:00:00+00' + interval '1 second' * floor(86400 * (first_day + (1095 - first_day) * random())) AS ordered_at,
         (exp(3.4 + 0.9 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))
            * CASE WHEN random() < 0.02 THEN -1 ELSE 1 END)::numeric(12,2) AS amount
  FROM buyer, generate_series(1, n)
  ORDER BY ordered_at
) o;
ALTER TABLE orders ADD PRIMARY KEY (order_id);
CREATE INDEX ON orders (customer_id, ordered_at);
