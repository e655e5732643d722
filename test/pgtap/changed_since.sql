-- Sources without triggers whose rows tell when they changed, and the bounds of the tier history.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(38);

CREATE FUNCTION pg_temp.again(card text, mode text DEFAULT 'auto', day date DEFAULT '2025-12-31') RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', mode, queued, inserted, updated, deleted) FROM refresh(card, mode, day) $$;
CREATE FUNCTION pg_temp.reason(card text) RETURNS text LANGUAGE sql AS $$
  SELECT mode || ': ' || reason FROM refresh(card, 'auto', '2025-12-31') $$;

CREATE TABLE base (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text, at timestamptz, amount numeric(10,2), cancelled boolean NOT NULL DEFAULT false, updated_at timestamptz);
INSERT INTO base (customer, at, amount, updated_at)
  SELECT 'c' || i % 60, '2025-01-01'::timestamptz + i * interval '1 day', i, '2025-06-06' FROM generate_series(1, 300) i;
CREATE VIEW orders AS SELECT * FROM base;
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', filter => 'NOT cancelled', every => NULL, time_zone => 'Europe/Berlin', changed_since => 'updated_at');
SELECT is((SELECT rebuild_every FROM scorecard WHERE name = 'crm'), '1 day'::interval, 'everything is read once a day, unless rebuild_every says otherwise');
SELECT matches(pg_temp.reason('crm'), 'rebuild: no state yet', 'the first refresh reads the source');
SELECT isnt((SELECT changed_mark FROM epoch JOIN scorecard USING (scorecard_id) WHERE name = 'crm'), NULL, 'and notes the time');
SELECT ok((SELECT changed_mark <= now() - interval '5 minutes' FROM epoch JOIN scorecard USING (scorecard_id) WHERE name = 'crm'), 'of before the oldest open transaction');
SELECT is(pg_temp.again('crm'), 'incremental 0 0 0 0', 'nothing changed');
INSERT INTO base (customer, at, amount, updated_at) VALUES ('c5', '2025-12-30', 900, now()), ('new', '2025-12-30', 1, clock_timestamp()), (NULL, '2025-12-30', 1, now());
SELECT is(pg_temp.again('crm'), 'incremental 2 1 1 0', 'new rows');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'equal to a rebuild');
UPDATE base SET amount = amount + 5, updated_at = now() WHERE customer = 'c7';
UPDATE base SET cancelled = true, updated_at = now() WHERE customer = 'c8';
SELECT is(pg_temp.again('crm'), 'incremental 4 0 1 1', 'changed rows, also those that the filter now leaves out, and once more those within the overlap');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'equal to a rebuild');
SELECT is(pg_temp.again('crm'), 'incremental 4 0 0 0', 'which change nothing');
UPDATE base SET amount = amount + 1, updated_at = NULL WHERE customer = 'c9';
SELECT is(pg_temp.again('crm'), 'incremental 5 0 1 0', 'a row without a time counts as changed');
UPDATE base SET updated_at = 'infinity', amount = 7 WHERE customer = 'c10';
SELECT is(pg_temp.again('crm'), 'incremental 6 0 1 0', 'so does one of a time to come');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'equal to a rebuild');

-- what leaves no time behind
DELETE FROM base WHERE customer = 'c20';
DELETE FROM base WHERE customer = 'c21' AND id < 100;
UPDATE base SET customer = 'c5', updated_at = now() WHERE customer = 'c22' AND id < 100;
UPDATE base SET amount = 1 WHERE customer = 'c23';
SELECT is(pg_temp.again('crm'), 'incremental 6 0 1 0', 'deleted rows, rows that left and rows without a new time are not seen');
SELECT set_eq($$ SELECT DISTINCT customer_id FROM verify('crm') $$, ARRAY['c20', 'c21', 'c22', 'c23'], 'verify() shows them');
UPDATE epoch SET rebuilt_at = now() - interval '25 hours';
SELECT is(pg_temp.reason('crm'), 'rebuild: rebuild_every is due', 'rebuild_every');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'catches them');
SELECT is(pg_temp.reason('crm'), 'incremental: within the epoch', 'and then not again');
SELECT matches(pg_temp.again('crm', 'auto', '2026-01-01'), '^rescore 6 ', 'another day starts from the state and takes the changes in');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'equal to a rebuild');
UPDATE epoch SET changed_mark = NULL;
SELECT is((SELECT mode || ': ' || reason FROM refresh('crm', 'auto', '2026-01-01')), 'rebuild: it is not known since when the source may have changed', 'without a mark the source is read');
UPDATE base SET updated_at = now();
SELECT matches((SELECT mode || ': ' || reason FROM refresh('crm', 'auto', '2026-01-01')), '^incremental', 'few customers are read one by one');
SELECT lives_ok($$ SELECT alter_scorecard('crm', reset => '{changed_since}') $$, 'it can be taken back');
SELECT pg_temp.again('crm');
SELECT is(pg_temp.reason('crm'), 'rebuild: changes of the source are not captured', 'then each refresh reads all');

-- declarations
CREATE MATERIALIZED VIEW kept AS SELECT * FROM base;
SELECT throws_like($$ SELECT create_scorecard('v', 'base', 'customer', 'at', 'amount', capture => 'trigger', changed_since => 'updated_at') $$, '%exclude each other%', 'not with triggers');
SELECT throws_like($$ SELECT create_scorecard('v', 'kept', 'customer', 'at', 'amount', changed_since => 'updated_at') $$, '%materialized view%', 'nor for a materialized view');
SELECT throws_like($$ SELECT create_scorecard('v', 'orders', 'customer', 'at', 'amount', changed_since => 'updated_at AT TIME ZONE ''UTC''') $$, '%changed_since%timestamp with time zone, not timestamp without%', 'another type');
SELECT throws_like($$ SELECT create_scorecard('v', 'orders', 'customer', 'at', 'amount', changed_since => 'modified') $$, '%changed_since%modified%does not exist%', 'no such column');
SELECT throws_like($$ SELECT create_scorecard('v', 'orders', 'customer', 'at', 'amount', changed_since => 'greatest(updated_at, now())') $$, '%changed_since%', 'a clock');
SELECT lives_ok($$ SELECT create_scorecard('v', 'base', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', changed_since => 'updated_at', rebuild_every => '1 week') $$, 'a table will do');
SELECT is((SELECT rebuild_every FROM scorecard WHERE name = 'v'), '7 days'::interval, 'with another rebuild_every');

-- the tier history
SELECT create_scorecard('h', 'base', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', tier_history_age => '30 days');
SELECT pg_temp.again('h', 'rebuild', '2025-10-01');
DELETE FROM base WHERE customer IN ('c30', 'c31');
INSERT INTO base (customer, at, amount) SELECT 'c' || i, '2025-10-20', 100000 FROM generate_series(40, 42) i;
SELECT pg_temp.again('h', 'rebuild', '2025-10-25');
CREATE TEMP TABLE before AS SELECT * FROM h_tier_history;
SELECT pg_temp.again('h', 'rebuild', '2025-10-30');
SELECT is_empty($$ SELECT * FROM before EXCEPT SELECT * FROM h_tier_history $$, 'nothing is older than tier_history_age');
CREATE TEMP TABLE whole AS SELECT * FROM h_tier_history;
SELECT pg_temp.again('h', 'rebuild', '2025-12-15');
SELECT is_empty($$ SELECT customer_id FROM h_tier_history WHERE changed_on < '2025-11-15' GROUP BY 1 HAVING count(*) > 1 $$, 'before it one row tells each customer''s tier');
SELECT bag_eq($$ SELECT * FROM h_tier_history WHERE changed_on < '2025-11-15' $$,
  $$ SELECT * FROM (SELECT DISTINCT ON (customer_id) * FROM whole ORDER BY customer_id, changed_on DESC, run_id DESC) l WHERE tier IS NOT NULL $$, 'the last one');
SELECT is_empty($$ SELECT * FROM h_tier_history WHERE customer_id IN ('c30', 'c31') $$, 'and none those who are gone');
SELECT alter_scorecard('h', tier_history_rows => 10);
SELECT pg_temp.again('h', 'rebuild', '2025-12-16');
SELECT is((SELECT count(*) FROM h_tier_history), 10::bigint, 'tier_history_rows');
SELECT is((SELECT tier_history_rows || ' ' || tier_history_age FROM status WHERE scorecard = 'h'), '10 30 days', 'status shows the limits');
SELECT throws_like($$ SELECT alter_scorecard('h', tier_history_rows => 0) $$, '%tier_history_rows%above zero%', 'no row at all is no limit');
SELECT * FROM finish();
ROLLBACK;
