-- baseline_matview.sql: what a good DBA writes today without custprio, as :name. With an empty :more no rank and no
-- cumulative share is stored, so that CONCURRENTLY finds as few changed rows as this way of scoring allows; most people
-- do store them, because their reports show them.
CREATE MATERIALIZED VIEW :name AS
WITH customer AS (
  SELECT customer_id,
         count(*) FILTER (WHERE amount >= 0) AS frequency,
         min(ordered_at) FILTER (WHERE amount >= 0) AS first_purchase,
         max(ordered_at) FILTER (WHERE amount >= 0) AS last_purchase,
         sum(amount) AS monetary
  FROM orders
  GROUP BY customer_id
), scored AS (
  SELECT *,
         ntile(5) OVER (ORDER BY last_purchase) AS r,
         ntile(5) OVER (ORDER BY frequency) AS f,
         ntile(5) OVER (ORDER BY monetary) AS m,
         sum(greatest(monetary, 0)) OVER (ORDER BY monetary DESC ROWS UNBOUNDED PRECEDING) - greatest(monetary, 0) AS before,
         sum(greatest(monetary, 0)) OVER () AS total
  FROM customer
  WHERE frequency > 0
)
SELECT customer_id, frequency, first_purchase, last_purchase, monetary, r, f, m,
       CASE WHEN monetary <= 0 THEN 'C' WHEN before < 0.80 * total THEN 'A' WHEN before < 0.95 * total THEN 'B' ELSE 'C' END AS abc,
       CASE
         WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'Champions'
         WHEN r >= 3 AND f >= 3 THEN 'Loyal Customers'
         WHEN r >= 4 AND f <= 2 THEN 'New Customers'
         WHEN r = 3 THEN 'Need Attention'
         WHEN f >= 4 AND m >= 4 THEN 'Cannot Lose Them'
         WHEN f >= 3 THEN 'At Risk'
         WHEN r = 2 THEN 'About To Sleep'
         ELSE 'Lost'
       END AS segment,
       CASE
         WHEN ntile(20) OVER best = 1 THEN 'A'
         WHEN ntile(20) OVER best <= 4 THEN 'B'
         WHEN ntile(20) OVER best <= 10 THEN 'C'
         ELSE 'D'
       END AS tier
       :more
FROM scored
WINDOW best AS (ORDER BY r + f + m DESC, monetary DESC);
CREATE UNIQUE INDEX ON :name (customer_id);
