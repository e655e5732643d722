SELECT count(purchases), sum(purchases), min(first_purchase), max(last_purchase), sum(revenue)
FROM (SELECT customer_id, count(*) AS purchases, min(ordered_at) AS first_purchase, max(ordered_at) AS last_purchase,
             sum(amount) AS revenue
      FROM orders GROUP BY customer_id) customer
