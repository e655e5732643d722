SET search_path = custprio, public;
SET extra_float_digits = 0;

-- 100 baskets, 20 with bread, 30 with butter, 15 with both: butter is in 3/4 of those with bread, 0.3 of all
SELECT lift(15, 20, 30, 100), lift(15, 30, 20, 100) AS symmetric;
SELECT prior, lift(15, 20, 30, 100, prior) AS lift,
       ((15 + prior * 0.3) / (20 + prior)) / 0.3 AS as_defined
FROM unnest('{0,1,20,1e6,1e300}'::float8[]) prior;
SELECT lift(0, 20, 30, 100) AS never, lift(20, 20, 20, 20) AS always;
SELECT lift(0, 0, 30, 100) AS nothing_seen, lift(0, 0, 30, 100, 5) AS general_rate, lift(0, 20, 0, 100) AS never_bought, lift(0, 0, 0, 0) AS nothing;
SELECT lift(9223372036854775807, 9223372036854775807, 9223372036854775807, 9223372036854775807, 3);
SELECT lift(NULL, 20, 30, 100), lift(15, 20, 30, 100, NULL);
SELECT lift(25, 20, 30, 100);
SELECT lift(15, 20, 10, 100);
SELECT lift(15, 200, 30, 100);
SELECT lift(-1, 20, 30, 100);
SELECT lift(15, 20, 30, 100, -1);
SELECT lift(15, 20, 30, 100, 'NaN');
SELECT lift(15, 20, 30, 100, 'Infinity');

-- the group is that of a SHA-256 over the experiment's length, the experiment and the customer
SELECT bool_and(ab_group('spring', c::text, '{0.1,0.2,0.7}') = CASE WHEN at < 0.1 THEN 1 WHEN at < 0.1::float8 + 0.2::float8 THEN 2 ELSE 3 END) AS as_documented
FROM generate_series(1, 1000) c,
     LATERAL (SELECT ('x' || encode(substr(sha256('\x00000006'::bytea || convert_to('spring' || c, 'UTF8')), 1, 8), 'hex'))::bit(64) >> 12 AS bits) h,
     LATERAL (SELECT bits::bigint / 2.0::float8 ^ 52 AS at) f;
SELECT ab_group('spring', '42') = ab_group('spring', '42', '{0.5,0.5}') AS default_shares, ab_group('spring', '42', '{1}') AS only_one;
-- shares are kept, and experiments are independent: chi-square with 2 and 8 degrees of freedom at 0.1 percent
SELECT sum((n - 20000 * share) ^ 2 / (20000 * share)) < 13.8 AS shares_kept
FROM (SELECT ab_group('a', c::text, '{0.2,0.3,0.5}') AS g, count(*) AS n FROM generate_series(1, 20000) c GROUP BY 1) s
JOIN unnest(ARRAY[0.2, 0.3, 0.5]) WITH ORDINALITY u(share, g) USING (g);
SELECT sum((n - 20000 / 9.0) ^ 2 / (20000 / 9.0)) < 26.1 AS independent
FROM (SELECT ab_group('a', c::text, thirds) AS a, ab_group('b', c::text, thirds) AS b, count(*) AS n
      FROM generate_series(1, 20000) c, (SELECT array_fill(1 / 3.0::float8, ARRAY[3]) AS thirds) t GROUP BY 1, 2) s;
SELECT ab_group('', ''), ab_group(NULL, '1'), ab_group('a', NULL), ab_group('a', '1', NULL);
SELECT count(*) FILTER (WHERE ab_group('a', 'b' || c) <> ab_group('ab', c::text)) BETWEEN 400 AND 600 AS kept_apart FROM generate_series(1, 1000) c;
SELECT ab_group('a', '1', '{}');
SELECT ab_group('a', '1', '{{0.5,0.5}}');
SELECT ab_group('a', '1', '{0.5,0.4}');
SELECT ab_group('a', '1', '{0.5,NULL}');
SELECT ab_group('a', '1', '{0,1}');
SELECT ab_group('a', '1', '{NaN,1}');
SELECT ab_group('a', '1', '{-0.5,1.5}');

-- doc/selling.md, as it stands
CREATE TABLE order_line (order_id int, customer_id int, category text);
INSERT INTO order_line VALUES
  (1, 1, 'bread'), (1, 1, 'butter'), (2, 2, 'bread'), (2, 2, 'butter'), (3, 3, 'bread'), (3, 3, 'jam'), (4, 4, 'milk'),
  (5, 1, 'bread'), (5, 1, 'jam'), (6, 5, 'milk'), (7, 5, 'butter'), (7, 5, 'bread'), (8, 2, 'milk'), (9, 6, 'bread');
WITH basket AS (SELECT DISTINCT order_id, category FROM order_line),
total AS (SELECT count(DISTINCT order_id) AS n FROM basket),
single AS (SELECT category, count(*) AS n FROM basket GROUP BY category)
SELECT a.category AS bought, b.category AS with_it, count(*) AS baskets,
       round(count(*)::numeric / total.n, 3) AS support,
       round(count(*)::numeric / sa.n, 3) AS confidence,
       round(custprio.lift(count(*), sa.n, sb.n, total.n)::numeric, 3) AS lift,
       round(custprio.lift(count(*), sa.n, sb.n, total.n, 5)::numeric, 3) AS cautious_lift
FROM basket a
JOIN basket b ON b.order_id = a.order_id AND b.category <> a.category
JOIN single sa ON sa.category = a.category
JOIN single sb ON sb.category = b.category
CROSS JOIN total
GROUP BY a.category, b.category, sa.n, sb.n, total.n
ORDER BY lift DESC, baskets DESC, bought, with_it;
WITH bought AS (SELECT customer_id, category, count(*) AS n FROM order_line GROUP BY 1, 2)
SELECT customer_id, category,
       round(custprio.lift(n, sum(n) OVER (PARTITION BY customer_id)::bigint, sum(n) OVER (PARTITION BY category)::bigint,
                           sum(n) OVER ()::bigint, 2)::numeric, 3) AS affinity
FROM bought ORDER BY customer_id, affinity DESC, category;

WITH has AS (SELECT DISTINCT customer_id, category FROM order_line),
total AS (SELECT count(DISTINCT customer_id) AS n FROM has),
single AS (SELECT category, count(*) AS n FROM has GROUP BY category),
pair AS (
  SELECT a.category AS has, b.category AS offer, custprio.lift(count(*), sa.n, sb.n, total.n, 2) AS lift
  FROM has a JOIN has b USING (customer_id) JOIN single sa ON sa.category = a.category
  JOIN single sb ON sb.category = b.category CROSS JOIN total
  WHERE a.category <> b.category GROUP BY a.category, b.category, sa.n, sb.n, total.n)
SELECT DISTINCT ON (h.customer_id) h.customer_id, p.offer, round(p.lift::numeric, 3) AS lift, p.has AS because_of
FROM has h JOIN pair p ON p.has = h.category
WHERE NOT EXISTS (SELECT FROM has x WHERE x.customer_id = h.customer_id AND x.category = p.offer)
ORDER BY h.customer_id, p.lift DESC, p.offer, p.has;
SELECT custprio.ab_group('spring coupon', customer_id::text, '{0.5,0.5}') AS group, count(DISTINCT customer_id) AS customers
FROM order_line GROUP BY 1 ORDER BY 1;
DROP TABLE order_line;
