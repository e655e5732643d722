-- equal.sql: where definitions agree, results must. Both have seen the same orders. A class of ABC may differ only
-- within one amount, because the materialised view breaks ties by row.
WITH both_sides AS (
  SELECT p.customer_id, p.frequency, p.monetary, p.abc::text AS abc,
         p.frequency = mv.frequency AND p.first_purchase = mv.first_purchase AND p.last_purchase = mv.last_purchase
           AND p.monetary = mv.monetary AS same,
         mv.abc AS mv_abc
  FROM (SELECT * FROM bench_priority WHERE tier IS NOT NULL) p FULL JOIN priority_mv mv USING (customer_id)
), tied AS (
  SELECT monetary FROM priority_mv GROUP BY monetary HAVING count(DISTINCT abc) > 1
)
SELECT count(*) AS customers,
       count(*) FILTER (WHERE same IS NOT TRUE) AS different_counts_sums_times,
       count(*) FILTER (WHERE abc IS DISTINCT FROM mv_abc AND monetary NOT IN (SELECT monetary FROM tied)) AS different_abc,
       (SELECT count(*) FROM orders) = (SELECT sum(frequency) FROM bench_priority)
         + (SELECT count(*) FROM orders WHERE amount < 0) AS every_order_counted,
       (SELECT sum(amount) FROM orders) = (SELECT sum(monetary) FROM bench_priority) AS revenue_to_the_cent
FROM both_sides
