\pset footer off
\echo Tiers (crm_tier_summary):
SELECT coalesce(tier, '-') AS tier, customers, share_of_customers AS share, revenue, share_of_revenue, average_priority AS priority,
       average_order_value AS order_value, average_recency_days AS recency_days
FROM crm_tier_summary;

\echo The most important customers (crm_tiers):
SELECT c.name, c.region, t.tier, round(t.priority, 1) AS priority, t.rfm, t.segment, t.abc, t.recency_days, t.frequency, t.monetary
FROM crm_tiers t JOIN customers c USING (customer_id)
WHERE t.tier = 'A'
ORDER BY t.priority DESC, t.monetary DESC, customer_id
LIMIT 10;

\echo Good customers who are leaving:
SELECT c.name, c.region, t.tier, t.rfm, t.segment, t.recency_days, t.monetary
FROM crm_tiers t JOIN customers c USING (customer_id)
WHERE t.segment IN ('Cannot Lose Them', 'At Risk')
ORDER BY t.monetary DESC, customer_id
LIMIT 5;

\echo Every refresh gives account of itself (custprio.refresh_run):
SELECT started_by, mode, as_of, rows_read, purchases, returns, customers, buyers, inserted, updated, finished_at - started_at AS took
FROM custprio.refresh_run
ORDER BY run_id
LIMIT 1;
