-- Every built-in metric can be added, and gives what its description says: values of two customers counted by hand.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(6);

CREATE TABLE client (id int PRIMARY KEY, estimate numeric, urgency int, importance int, difficulty int, balance numeric, credit_limit numeric);
INSERT INTO client VALUES (1, 1000, 4, 3, 2, 50, 200), (2, 50, 1, 1, 0, 10, 0), (3, NULL, NULL, 1, 1, NULL, NULL);
CREATE TABLE sale (customer int, day date, amount numeric(9,2), cost numeric(9,2));
-- a straight line of 2 a day for customer 1, one purchase for customer 2
INSERT INTO sale VALUES (1, '2025-01-01', 100, 60), (1, '2025-01-11', 120, 70), (1, '2025-01-21', 140, 80), (1, '2025-01-22', -60, -30), (2, '2025-03-01', 80, 90);
CREATE TABLE event (customer int, day date, score int, weight numeric, willingness float8, effect float8, conversion float8, value float8, reward float8,
  channel text, pd float8, lgd float8, ead float8, days_supply int, relative_rank float8 DEFAULT 1.5);
INSERT INTO event VALUES
  (1, '2025-01-10', 10, 2, 0.5, 0.4, 0.5, 1000, 10, 'app', 0.02, 0.5, 1000, 10), (1, '2025-01-15', 9, 3, 1, 1, 0.1, 100, 5, 'app', 0.1, 1, 50, 10),
  (1, '2025-02-20', 3, 1, 0, 1, 1, 1, 0, 'shop', 0, 0, 0, 30), (1, '2025-12-01', 0, 9, 1, 1, 1, 9, 0, 'shop', 1, 1, 1, 30);
SELECT create_scorecard('c', 'sale', 'customer', 'day', 'amount', customers => 'client', customers_key => 'id', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT add_metric('c', 'wallet', 'estimate', 0, relation => 'client');
DO $$
DECLARE m custprio.builtin_metric;
BEGIN
  FOR m IN SELECT * FROM custprio.builtin_metric ORDER BY metric LOOP
    PERFORM custprio.add_metric('c', m.metric,
      relation => CASE m.origin WHEN 'relation' THEN 'event'::regclass END, key => CASE m.origin WHEN 'relation' THEN 'customer' END,
      occurred_at => CASE m.origin WHEN 'relation' THEN 'day' END,
      columns => CASE m.metric WHEN 'profit' THEN '{"margin": "0.25", "acquisition_cost": "20", "service_cost": "wallet / 100"}'::jsonb
        WHEN 'channel_share' THEN '{"channel": "channel = ''app''"}' END);
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM metric WHERE origin <> 'built-in'), (SELECT 1 + count(*) FROM builtin_metric), 'every built-in metric can be added');
SELECT lives_ok($$ SELECT refresh('c', as_of => '2025-03-01') $$, 'and computed');
-- 51 days since the first purchase less one; covered: 10 to 24 January and 20 February on, of 51 days from 10 January
SELECT is((SELECT jsonb_object_agg(key, round(value::numeric, 4)) FROM c_priority p, jsonb_each_text(to_jsonb(p)) WHERE customer_id = 1 AND key IN (SELECT metric FROM builtin_metric)),
  jsonb_build_object('order_value', 100.0000, 'purchase_rate', round(3 * 30.4375 / 60, 4), 'purchase_rhythm', 10.0000, 'return_rate', round(60 / 360.0, 4), 'repurchase', 1.0000,
    'loyalty_index', 1.0000, 'share_of_wallet', 0.3000, 'potential', 700.0000, 'profit', 300 * 0.25 - 20.0000 - 10, 'margin', 120.0000, 'spend_trend', (SELECT round(x::numeric, 4) FROM (SELECT theil_sen_slope(day - date '2000-01-01', amount) x FROM sale WHERE customer = 1) t),
    'need_priority', 6.0000, 'credit_limit_use', 0.2500, 'satisfaction', round(22 / 3.0, 4), 'nps', round(100 / 3.0, 4), 'complaints', 3.0000, 'visits', 3.0000, 'influence', 6.0000,
    'pagerank', 1.5000, 'referral_value', 95.0000, 'channel_share', round(2 / 3.0, 4), 'expected_loss', 15.0000, 'pdc', round(25 / 51.0, 4)), 'by hand, of a customer with events');
SELECT is((SELECT jsonb_object_agg(key, round(value::numeric, 4)) FROM c_priority p, jsonb_each_text(to_jsonb(p)) WHERE customer_id = 2 AND key IN (SELECT metric FROM builtin_metric)),
  (SELECT jsonb_object_agg(key, value) FROM jsonb_each(jsonb_build_object('order_value', 80.0000, 'purchase_rate', 30.4375, 'purchase_rhythm', NULL, 'return_rate', 0.0000, 'repurchase', 0.0000,
    'loyalty_index', 0.0000, 'share_of_wallet', 1.0000, 'potential', 0.0000, 'profit', -0.5000, 'margin', -10.0000, 'spend_trend', NULL,
    'need_priority', NULL, 'credit_limit_use', NULL, 'satisfaction', NULL, 'nps', NULL, 'complaints', 0.0000, 'visits', 0.0000, 'influence', 0.0000,
    'pagerank', 0.0000, 'referral_value', 0.0000, 'channel_share', NULL, 'expected_loss', 0.0000, 'pdc', NULL))), 'by hand, of one without');
SELECT is_empty($$ SELECT * FROM verify('c') $$, 'verify agrees');
SELECT is((SELECT count(*) FROM metric WHERE axis <> 'value' AND weight <> 0), 0::bigint, 'axes of their own have no weight');
SELECT * FROM finish();
ROLLBACK;
