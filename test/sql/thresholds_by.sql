-- Thresholds within segments on figures that can be checked by eye, and what explains them. Larger populations, against
-- plain SQL: pgtap/segment_thresholds.sql.
SET search_path = public, custprio;
SET client_min_messages = warning;
CREATE TABLE account (id int PRIMARY KEY, trade text, staff int);
CREATE TABLE invoice (account int, day date, amount numeric(8,2));
-- five large firms, five small ones, two of a trade of its own, one without
INSERT INTO account SELECT i, CASE WHEN i <= 5 THEN 'industry' WHEN i <= 10 THEN 'craft' WHEN i <= 12 THEN 'public' END,
  CASE WHEN i <= 5 THEN 100 * i WHEN i <= 10 THEN i WHEN i < 12 THEN 40 END FROM generate_series(1, 13) i;
INSERT INTO invoice SELECT i, date '2025-01-01' + i + n, CASE WHEN i <= 5 THEN 1000 * i ELSE 10 * i END FROM generate_series(1, 13) i, generate_series(0, i % 5) n;
SELECT create_scorecard('t', 'invoice', 'account', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', bins => 5,
  customers => 'account', customers_key => 'id', partition_by => 'trade', thresholds_by => 'segment', segment_minimum => 5, capture => 'trigger');
SELECT add_metric('t', 'staff', 'staff', 2, scale => 'minmax', relation => 'account');
SELECT mode, warnings FROM refresh('t', as_of => '2025-02-01');
SELECT segment, metric, kind, breaks FROM threshold WHERE kind <> 'percentile' ORDER BY segment NULLS FIRST, metric, kind;
SELECT p.customer_id, s.segment, p.tier, p.priority, p.rfm, p.abc, p.staff FROM t_priority p JOIN t_purchases s USING (customer_id) ORDER BY 1;
SELECT metric, value, percentile, weight, contribution FROM contributions('t', '7');
SELECT metric, value, percentile, weight, contribution FROM contributions('t', '12');
SELECT item, value, explanation FROM explain('t', '7') WHERE item IN ('priority', 'tier');
SELECT item, value, explanation FROM explain('t', '11') WHERE item IN ('priority', 'tier');
SELECT customer_id, tier, metrics FROM score_as_of('t', '2025-02-01') WHERE customer_id IN ('7', '12', '13');
SELECT * FROM verify('t');

-- who moves is measured among the new neighbours; whose trade is new follows all
UPDATE account SET trade = 'craft' WHERE id = 3;
UPDATE account SET trade = 'farm' WHERE id = 10;
SELECT mode, rebased, updated FROM refresh('t', as_of => '2025-02-01');
SELECT p.customer_id, s.segment, p.tier, p.priority FROM t_priority p JOIN t_purchases s USING (customer_id) WHERE customer_id IN (3, 10) ORDER BY 1;
SELECT customer_id, previous_tier, tier, reason FROM t_tier_history WHERE previous_tier IS NOT NULL ORDER BY 1;
SELECT * FROM verify('t');

-- what an analyst would see under other cuts and policies
SELECT * FROM preview('t', '{"tiers": {"cumulative": [0.5, 0.9], "tiers": ["A", "B", "C"], "metric": "staff"}}');
SELECT * FROM preview('t', '{"tiers": {"capacities": [2], "tiers": ["A", "B"]}, "tier_policy": {"minimum_stay": 30}}');
SELECT * FROM preview('t', '{"lifecycle": {}, "tiers": {"rules": ["stage = ''new''"], "tiers": ["A", "B"]}}');
SELECT * FROM preview('t', '{"tier_policy": {"margin_in": "apples", "enter_margin": 1}}');
SELECT * FROM preview('t', '{"lifecycle": []}');

-- refused
SELECT alter_scorecard('t', thresholds_by => 'region');
SELECT alter_scorecard('t', segment_minimum => -1);
SELECT alter_scorecard('t', reset => '{partition_by}');
SELECT alter_scorecard('t', segment_minimum => 7, reset => '{segment_minimum}');
SELECT * FROM contributions('nowhere');
ALTER TABLE account ADD COLUMN nationality text;
SELECT alter_scorecard('t', partition_by => 'nationality');
SELECT alter_scorecard('t', partition_by => 'nationality', allow_protected => '');
SELECT alter_scorecard('t', partition_by => 'nationality', allow_protected => 'export rules differ');
SELECT partition_by, thresholds_by, segment_minimum, segments_captured, allow_protected FROM scorecard;
SELECT alter_scorecard('t', reset => '{allow_protected}');
SELECT drop_scorecard('t');
DROP TABLE account, invoice;
