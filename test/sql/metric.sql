-- Metrics: what is refused when it is declared, protected attributes, and the axes.
SET search_path = public, custprio;
SET client_min_messages = warning;
CREATE TABLE people (id int PRIMARY KEY, income numeric(9,2), age int, shoe text, "birthDate" date, hobby text,
  years int GENERATED ALWAYS AS (age * 2) STORED);
CREATE TABLE orders (customer int, at date, amount numeric(9,2), cost numeric(9,2));
CREATE TABLE survey (who int, at timestamptz, score float8, gender text);
INSERT INTO people SELECT i, i * 100, 20 + i, 'x' FROM generate_series(1, 10) i;
INSERT INTO orders SELECT 1 + i % 8, '2025-01-01'::date + i, 10 + i, i FROM generate_series(1, 40) i;
INSERT INTO survey SELECT 1 + i % 9, '2025-01-01'::date + i, i % 11 FROM generate_series(1, 40) i;
SELECT create_scorecard('m', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none',
  customers => 'people', customers_key => 'id', bins => 3);

-- names
SELECT add_metric(NULL, 'x', '1');
SELECT add_metric('nobody', 'x', '1');
SELECT add_metric('m', NULL, '1');
SELECT add_metric('m', '', '1');
SELECT add_metric('m', repeat('x', 64), '1');
SELECT add_metric('m', E'a\nb', '1');
SELECT add_metric('m', 'recency', '1');
SELECT add_metric('m', 'priority', 'gross');
SELECT add_metric('m', 'gross', 'gross');
SELECT add_metric('m', 'beauty');
-- expressions
SELECT add_metric('m', 'x', '');
SELECT add_metric('m', 'x', 'gross +');
SELECT add_metric('m', 'x', 'gross, returns');
SELECT add_metric('m', 'x', 'height');
SELECT add_metric('m', 'x', 'last_day');
SELECT add_metric('m', 'x', 'gross * random()');
SELECT add_metric('m', 'x', 'extract(epoch FROM now())');
SELECT add_metric('m', 'x', '(SELECT 1)');
SELECT add_metric('m', 'x', 'sum(gross)');
SELECT add_metric('m', 'x', 'metric_value(''income'')');
SELECT add_metric('m', 'x', 'count(*) + income', relation => 'people');
SELECT add_metric('m', 'x', 'sum(score)', relation => 'survey', key => 'who');
SELECT add_metric('m', 'x', 'cardinality(array_agg(score))', relation => 'survey', key => 'who');
SELECT add_metric('m', 'x', 'sum(sum(score::numeric))', relation => 'survey', key => 'who');
SELECT add_metric('m', 'x', 'count(*) OVER ()', relation => 'survey', key => 'who');
-- options
SELECT add_metric('m', 'x', 'gross', -1);
SELECT add_metric('m', 'x', 'gross', 'NaN');
SELECT add_metric('m', 'x', 'gross', direction => 'up');
SELECT add_metric('m', 'x', 'gross', scale => 'ladder');
SELECT add_metric('m', 'x', 'gross', scale => 'quantile');
SELECT add_metric('m', 'x', 'gross', scale => 'quantile', parameters => '{1}');
SELECT add_metric('m', 'x', 'gross', scale => 'breaks', parameters => '{1,1}');
SELECT add_metric('m', 'x', 'gross', scale => 'minmax', parameters => '{5}');
SELECT add_metric('m', 'x', 'gross', scale => 'minmax', parameters => '{5,NULL}');
SELECT add_metric('m', 'x', 'gross', scale => 'z', parameters => '{0}');
SELECT add_metric('m', 'x', 'gross', scale => 'target', parameters => '{5,0}');
SELECT add_metric('m', 'x', 'gross', scale => 'target', parameters => '{NaN}');
SELECT add_metric('m', 'x', 'gross', direction => 'lower', scale => 'target', parameters => '{5}');
SELECT add_metric('m', 'x', 'gross', parameters => '{5}');
SELECT add_metric('m', 'x', 'gross', decimals => 13);
SELECT add_metric('m', 'x', 'gross', axis => 'beauty');
SELECT add_metric('m', 'x', 'gross', 2, axis => 'risk');
SELECT add_metric('m', 'x', 'gross', if_missing => 'Infinity');
SELECT add_metric('m', 'x', 'gross', columns => '{"a": "b"}');
SELECT add_metric('m', 'x', 'gross', within => '1 month');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who', within => '1 month');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who', occurred_at => 'at', within => '1 hour');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who::text');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who', occurred_at => 'score');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who', filter => 'score');
SELECT add_metric('m', 'x', 'sum(amount)', relation => 'orders', occurred_at => 'at');
SELECT add_metric('m', 'x', '1', relation => 'pg_class', key => 'oid');
SELECT add_metric('m', 'x', '1', relation => 'm_priority', key => 'customer_id');
SELECT add_metric('m', 'return_rate', relation => 'survey', key => 'who');
SELECT add_metric('m', 'nps');
SELECT add_metric('m', 'nps', relation => 'survey', key => 'who', columns => '{"points": "score"}');
SELECT add_metric('m', 'nps', relation => 'survey', key => 'who', columns => '{"score": 5}');
SELECT add_metric('m', 'potential');
SELECT metric, origin FROM metric WHERE origin <> 'built-in';

-- protected attributes: by name, by declaration, through views, unions, sub-selects and generated columns
SELECT add_metric('m', 'x', 'age', relation => 'people');
SELECT add_metric('m', 'x', '2025 - extract(year FROM "birthDate")::int', relation => 'people');
SELECT add_metric('m', 'x', 'years', relation => 'people');
SELECT add_metric('m', 'x', 'CASE WHEN people IS NULL THEN 1 ELSE 2 END', relation => 'people');
SELECT add_metric('m', 'x', 'count(*)', relation => 'survey', key => 'who', filter => 'gender = ''f''');
SELECT protect_attribute('people', 'hobby', 'tells of private life');
SELECT add_metric('m', 'x', 'length(hobby)', relation => 'people');
CREATE VIEW plain AS SELECT id, income, age AS points, (SELECT max(p.age) FROM people p) AS highest FROM people WHERE age > 3;
CREATE VIEW nested AS WITH c AS (SELECT id AS n, points AS q, income FROM plain) SELECT c.n, c.q + 1 AS r, j.income FROM c JOIN people j ON j.id = c.n;
CREATE VIEW united AS SELECT id, income AS v FROM people UNION ALL SELECT n, r FROM nested;
CREATE VIEW whole AS SELECT id, row_to_json(p)::text AS j FROM people p;
CREATE MATERIALIZED VIEW kept AS SELECT id, points FROM plain;
SELECT add_metric('m', 'x', 'points', relation => 'plain', key => 'id');
SELECT add_metric('m', 'x', 'highest', relation => 'plain', key => 'id');
SELECT add_metric('m', 'x', 'r', relation => 'nested', key => 'n');
SELECT add_metric('m', 'x', 'max(v)', relation => 'united', key => 'id');
SELECT add_metric('m', 'x', 'length(j)', relation => 'whole', key => 'id');
SELECT add_metric('m', 'x', 'points', relation => 'kept', key => 'id');
SELECT add_metric('m', 'harmless', 'income', relation => 'nested', key => 'n');
SELECT add_metric('m', 'x', 'points', relation => 'plain', key => 'id', allow_protected => ' ');
SELECT add_metric('m', 'senior', 'points', relation => 'plain', key => 'id', allow_protected => 'discount for the old, by law', direction => 'lower');
SELECT metric, protected, allow_protected FROM metric WHERE origin <> 'built-in' ORDER BY position;
SELECT unprotect_attribute('people', 'hobby');
SELECT unprotect_attribute('people', 'hobby');
SELECT protect_attribute('people', 'nothing', 'x');
SELECT protect_attribute('people', 'hobby', '');
SELECT protect_attribute(NULL, 'Shoe Size', 'x');
SELECT protect_attribute(NULL, 'shoe', 'who has big feet');
SELECT add_metric('m', 'x', 'length(shoe)', relation => 'people');
SELECT unprotect_attribute(NULL, 'shoe');
SELECT add_metric('m', 'shoe', 'length(shoe)', 0, relation => 'people');
CREATE ROLE metric_nobody;
SET ROLE metric_nobody;
SELECT protect_attribute('people', 'hobby', 'x');
SELECT protect_attribute(NULL, 'hobby', 'x');
SELECT add_metric('m', 'x', 'gross');
SELECT drop_metric('m', 'shoe');
SELECT count(*) > 20 AS listed FROM builtin_metric;
RESET ROLE;
DROP ROLE metric_nobody;

-- what a customer is explained with
SELECT mode, missing_values, warnings FROM refresh('m', as_of => '2025-02-20');
SELECT item, value, percentile, weight, contribution, explanation FROM explain('m', '3') WHERE item IN ('harmless', 'senior', 'shoe', 'priority');
SELECT customer_id, priority, harmless, senior, shoe FROM m_priority ORDER BY customer_id LIMIT 3;
SELECT set_weights('m', '{"senior": 0, "harmless": 2}', 'again');
SELECT metric, weight FROM metric WHERE origin <> 'built-in' ORDER BY position;
SELECT scoring_day();
SELECT metric_value('shoe');
SELECT covered_days('{[2025-01-01,2025-01-05),[2025-02-01,2025-02-02)}'), covered_days('{}'), covered_days('{(,2025-01-05)}');

-- scaling by itself
SELECT scale_metric(5, 'minmax', 'higher', '{0,10}'), scale_metric(5, 'minmax', 'lower', '{0,20}'), scale_metric(0, 'z', 'higher', '{}', '{0,1}'),
  scale_metric(3, 'z', 'higher', '{}', '{0,1}'), scale_metric(5, 'breaks', 'higher', '{1,5,9}'), scale_metric(25, 'target', 'higher', '{30,10}'),
  scale_metric(9, 'log', 'higher', '{0,99}'), scale_metric(NULL, 'minmax', 'higher', '{0,1}'), scale_metric('NaN', 'minmax', 'higher', '{0,1}'), scale_metric(5, 'percentile');
SELECT scale_metric(1, 'minmax', breaks => '{1}');
SELECT scale_metric(1, 'quantile', parameters => '{4}', breaks => '{2,1,3}');
SELECT scale_metric(1, 'up');

-- relations that change or go
ALTER TABLE survey ADD COLUMN points int;
SELECT add_metric('m', 'points', 'max(points)', relation => 'survey', key => 'who');
ALTER TABLE survey RENAME TO answers;
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT relation FROM metric WHERE metric = 'points';
DROP TABLE answers;
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT drop_metric('m', 'points');
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT alter_scorecard('m', reset => '{customers}');
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT drop_metric('m', 'shoe');
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT add_metric('m', 'crash', '1 / (purchases - 5)');
SELECT mode FROM refresh('m', as_of => '2025-02-20');
SELECT drop_metric('m', 'crash');
SELECT drop_scorecard('m');
SELECT count(*) FROM metric;

-- what still uses a metric keeps it
SELECT create_scorecard('u', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none',
  customers => 'people', customers_key => 'id');
SELECT add_metric('u', 'income', 'income', relation => 'people');
SELECT add_metric('u', 'worth', 'gross + income');
SELECT drop_metric('u', 'income');
SELECT add_segment('u', 'rich "ones"', 'demographic', 'priority.income > 500 AND customers.income > 0');
SELECT add_segment('u', 'others', 'demographic', 'customers.income < 500');
SELECT set_tiers('u', rules => '{"worth + income > 800", "worth > 500"}');
SELECT drop_metric('u', 'income');
SELECT drop_metric('u', 'worth');
SELECT set_tiers('u', cumulative => '{0.5}', tiers => '{A,B}', metric => 'worth');
SELECT drop_metric('u', 'worth');
SELECT set_tiers('u', '{0.5}', tiers => '{A,B}');
SELECT drop_metric('u', 'worth');
SELECT drop_metric('u', 'income');
SELECT drop_segment('u', 'rich "ones"');
SELECT drop_metric('u', 'income');
SELECT mode FROM refresh('u', as_of => '2025-02-20');
-- a segment that reads what is protected says so
SET client_min_messages = notice;
SELECT add_segment('u', 'older ones', 'demographic', 'customers.years > 50');
SET client_min_messages = warning;
SELECT drop_scorecard('u');
DROP TABLE people, orders CASCADE;
