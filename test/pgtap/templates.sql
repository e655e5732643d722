-- Every template, from its sample data to a tier summary; what is missing is refused politely.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(31);
CREATE TABLE outcome (template text, status text, tiers numeric, buyers bigint, metrics text[], strategies bigint, differences bigint, flat text[]);
DO $$
DECLARE
  t record;
  run refresh_run;
BEGIN
  FOR t IN SELECT x.template FROM template x LOOP
    PERFORM apply_template('t_' || t.template, t.template, sample_data(t.template, 'data_' || t.template, 200), NULL, 'data_' || t.template);
    run := refresh('t_' || t.template, as_of => '2025-12-01');
    EXECUTE format('INSERT INTO outcome SELECT %L, $1, (SELECT sum(customers) FROM %I.%I WHERE tier IS NOT NULL), $2,'
      ' (SELECT array_agg(m.metric ORDER BY m.metric) FROM custprio.metric m JOIN custprio.scorecard USING (scorecard_id) WHERE name = %L),'
      ' (SELECT count(*) FROM custprio.strategy JOIN custprio.scorecard USING (scorecard_id) WHERE name = %L), (SELECT count(*) FROM custprio.verify(%L)),'
      ' (SELECT array_agg(k) FROM (SELECT k FROM %I.%I p, jsonb_each_text(to_jsonb(p)) e(k, v) GROUP BY k HAVING count(DISTINCT v) < 2) f JOIN custprio.template_metric m ON m.metric = f.k AND m.template = %L)',
      t.template, 'data_' || t.template, 't_' || t.template || '_tier_summary', 't_' || t.template, 't_' || t.template, 't_' || t.template,
      'data_' || t.template, 't_' || t.template || '_priority', t.template) USING run.status, run.buyers;
  END LOOP;
END $$;
SELECT set_eq('SELECT template FROM outcome', $$ VALUES ('rfm'), ('high_mid_low'), ('retail'), ('finance'), ('healthcare'), ('pharma_hospital'), ('pharma_physician'), ('pharma_patient'), ('b2b_account') $$, 'nine templates');
SELECT is_empty($$ SELECT * FROM outcome WHERE status <> 'ok' OR tiers <> buyers OR tiers < 150 $$, 'each refreshes, and its tiers hold all buyers');
SELECT is_empty($$ SELECT * FROM outcome WHERE differences > 0 $$, 'verify agrees with all');
SELECT is_empty($$ SELECT * FROM outcome WHERE strategies < 3 $$, 'each has strategies');
SELECT is_empty($$ SELECT m.template, m.metric FROM template_metric m JOIN outcome o USING (template) WHERE m.metric <> ALL (o.metrics) $$, 'with sample data each metric of each template is there');
SELECT is_empty($$ SELECT template, flat FROM outcome WHERE flat IS NOT NULL $$, 'and tells customers apart');
SELECT is((SELECT array_agg(DISTINCT tier::text ORDER BY tier::text) FROM data_high_mid_low.t_high_mid_low_priority WHERE tier IS NOT NULL), '{A,B,C}', 'high, mid, low');
SELECT ok((SELECT min(monetary) FILTER (WHERE tier = 'A') >= max(monetary) FILTER (WHERE tier = 'B') FROM data_high_mid_low.t_high_mid_low_priority), 'by revenue alone');
SELECT is((SELECT weight FROM metric JOIN scorecard USING (scorecard_id) WHERE name = 't_finance' AND metric = 'expected_loss'), 0::numeric, 'risk never enters the priority');
SELECT is((SELECT expected_loss FROM data_finance.t_finance_priority WHERE customer_id = l.customer_id), round(l.pd * l.lgd * l.ead, 6), 'expected loss') FROM data_finance.loan l ORDER BY customer_id LIMIT 1;
SELECT is((SELECT online_share FROM data_retail.t_retail_priority WHERE customer_id = 7), (SELECT round(avg((channel = 'online')::int), 6) FROM data_retail.purchase WHERE customer_id = 7 AND purchased_on <= '2025-12-01'), 'online share');
-- built-in metrics that no template has, on the same data
SELECT add_metric('t_retail', 'purchase_rate'), add_metric('t_retail', 'purchase_rhythm'), add_metric('t_retail', 'repurchase'), add_metric('t_retail', 'loyalty_index'),
  add_metric('t_retail', 'channel_share', relation => 'data_retail.purchase', key => 'customer_id', columns => '{"channel": "channel = ''store''"}'),
  add_metric('t_retail', 'spend_trend', relation => 'data_retail.purchase', columns => '{"day": "purchased_on", "amount": "amount"}');
SELECT count(*) FROM refresh('t_retail', as_of => '2025-12-01');
CREATE TEMP TABLE plain AS
  SELECT customer_id, count(DISTINCT purchased_on) FILTER (WHERE amount >= 0) AS days, min(purchased_on) FILTER (WHERE amount >= 0) AS first,
    max(purchased_on) FILTER (WHERE amount >= 0) AS last, avg((channel = 'store')::int) AS store
  FROM data_retail.purchase WHERE purchased_on <= '2025-12-01' GROUP BY 1 HAVING count(*) FILTER (WHERE amount >= 0) > 0;
SELECT is_empty($$ SELECT * FROM plain JOIN data_retail.t_retail_priority USING (customer_id) WHERE abs(purchase_rate - days * 30.4375 / (date '2025-12-01' - first + 1)) > 1e-5 $$, 'purchase rate');
SELECT is_empty($$ SELECT * FROM plain JOIN data_retail.t_retail_priority USING (customer_id) WHERE purchase_rhythm IS DISTINCT FROM round((last - first) / nullif(days - 1, 0)::numeric, 6) $$, 'purchase rhythm');
SELECT is((SELECT avg(repurchase) FROM data_retail.t_retail_priority), (SELECT avg((days > 1)::int) FROM plain), 'the mean of repurchase is the rate');
SELECT is_empty($$ SELECT * FROM plain JOIN data_retail.t_retail_priority USING (customer_id) WHERE channel_share IS DISTINCT FROM round(store, 6) $$, 'channel share');
SELECT is_empty($$ SELECT customer_id FROM (SELECT customer_id, theil_sen_slope(purchased_on - date '2000-01-01', amount::float8) AS slope FROM data_retail.purchase
  WHERE purchased_on <= '2025-12-01' GROUP BY 1) q JOIN data_retail.t_retail_priority USING (customer_id) WHERE abs(spend_trend::float8 - slope) > 1e-5 OR spend_trend IS NULL AND slope IS NOT NULL $$, 'spend trend');
SELECT is_empty($$ SELECT * FROM verify('t_retail') $$, 'verify agrees with them');
-- the same data for a seed
SELECT sample_data('retail', 'other', 200);
SELECT set_eq('SELECT * FROM other.purchase', 'SELECT * FROM data_retail.purchase', 'equal seeds, equal data');
SELECT sample_data('retail', 'third', 200, 2);
SELECT isnt((SELECT sum(amount) FROM third.purchase), (SELECT sum(amount) FROM other.purchase), 'other seeds, others');
-- what is missing
SELECT throws_like($$ SELECT apply_template('x', 'magic', '{}') $$, 'there is no template "magic"', 'an unknown template');
SELECT throws_like($$ SELECT apply_template('x', NULL, '{}') $$, 'there is no template ""', 'none');
SELECT throws_like($$ SELECT apply_template('x', 'rfm', NULL) $$, 'argument "mapping" must be an object%', 'no mapping');
SELECT throws_like($$ SELECT apply_template('x', 'rfm', '[1]') $$, 'argument "mapping" must be an object%', 'no object');
SELECT throws_like($$ SELECT apply_template('x', 'rfm', '{"source": "other.purchase", "customer": "customer_id"}') $$, 'template "rfm" cannot be applied without some columns', 'columns are missing');
SELECT throws_like($$ SELECT apply_template('x', 'rfm', '{"sauce": "other.purchase", "Dip": 1}') $$, 'template "rfm" has no column "Dip", sauce', 'columns that it does not have');
SELECT throws_like($$ SELECT apply_template('x', 'retail', '{"source": "other.purchase", "customer": "customer_id", "purchased_at": "purchased_on", "amount": "amount", "score": "score"}') $$,
  'template "retail" cannot be applied without some columns', 'a column without its relation');
SELECT throws_like($$ SELECT apply_template('x', 'rfm', '{"source": "other.nothing", "customer": "customer_id", "purchased_at": "purchased_on", "amount": "amount"}') $$, 'relation "other.nothing" does not exist', 'a relation that is not there');
-- names under the caller's search_path, and optional metrics left out
SET LOCAL search_path = other, public, custprio;
CREATE FUNCTION other.half(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
SELECT lives_ok($$ SELECT apply_template('o', 'retail', '{"source": "purchase", "customer": "customer_id", "purchased_at": "purchased_on", "amount": "half(amount)"}', NULL) $$, 'names are looked up as the caller does');
SELECT is((SELECT array_agg(metric ORDER BY metric) FROM metric JOIN scorecard USING (scorecard_id) WHERE name = 'o'), '{clv,frequency,monetary,order_value,recency,return_rate}', 'what is not mapped is left out');
SELECT is(current_setting('search_path'), 'other, public, custprio', 'search_path is as it was');
SELECT throws_like($$ SELECT sample_data('rfm', 'x', 0) $$, 'sample data need%', 'no customers');
SELECT * FROM finish();
ROLLBACK;
