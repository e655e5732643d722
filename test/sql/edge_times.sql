-- Times at the ends of what PostgreSQL can hold are counted, never fail a refresh, and never become a wrong day.
SET search_path = public, custprio;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE TABLE edge_dates (customer_id int, day date, amount int);
INSERT INTO edge_dates VALUES
  (1, '2024-01-05', 10), (1, 'infinity', 10), (2, '-infinity', 10), (2, '5874897-12-31', 10), (2, '2024-01-04', 7),
  (3, '4713-01-01 BC', 5), (3, '294276-12-31', 1);
SELECT create_scorecard('edge', 'edge_dates', 'customer_id', 'day', 'amount', every => NULL, time_zone => 'America/New_York');
SELECT rows_read, purchases, infinite_time, future_rows, customers FROM refresh('edge', as_of => '2024-01-05');
SELECT customer_id, frequency, first_purchase, recency_days FROM edge_priority JOIN edge_tiers USING (customer_id, frequency) ORDER BY 1;
SELECT customer_id, next_day FROM edge_purchases ORDER BY 1;

-- the same through a query
SET custprio.fast_scan = off;
SELECT rows_read, purchases, infinite_time, future_rows, updated, state_written FROM refresh('edge', 'rebuild', '2024-01-05');
RESET custprio.fast_scan;

-- a refresh as of a day to come does not keep the state from coming back
SELECT mode, reason, future_rows FROM refresh('edge', as_of => '2990-01-01');
SELECT mode, reason FROM refresh('edge');
SELECT mode, reason FROM refresh('edge', 'rescore');
SELECT refresh('edge', as_of => 'infinity');
SELECT drop_scorecard('edge');

CREATE TABLE edge_stamps (customer_id int, at timestamp, amount int);
INSERT INTO edge_stamps VALUES (1, '2024-01-05 23:59:59.999999', 1), (1, 'infinity', 1), (1, '-infinity', 1),
  (2, '294276-12-31 23:59:59.999999', 1), (2, '4713-01-01 00:00:00 BC', 1), (3, '2024-03-10 02:30', 1);
SELECT create_scorecard('edge', 'edge_stamps', 'customer_id', 'at', 'amount', every => NULL, time_zone => 'America/New_York');
SELECT rows_read, purchases, infinite_time, future_rows, customers FROM refresh('edge', as_of => '2024-03-10');
SELECT customer_id, frequency, first_purchase FROM edge_priority ORDER BY 1;
SELECT drop_scorecard('edge');
DROP TABLE edge_dates, edge_stamps;
