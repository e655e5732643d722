-- quality(): every kind of defect is named with its number.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(14);

CREATE TABLE people (id int);
CREATE TABLE orders (customer int, at timestamptz, amount numeric);
INSERT INTO people SELECT generate_series(1, 50);
INSERT INTO orders SELECT 1 + i % 30, timestamptz '2025-12-31 12:00+00' - i * interval '1 hour', 10 + i % 7 FROM generate_series(1, 200) i;
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', history => '100 days', customers => 'people', customers_key => 'id');
SELECT throws_ok($$ SELECT * FROM quality('crm') $$, '55000', NULL, 'nothing is known before the first refresh');
SELECT refresh('crm', as_of => '2025-12-31');
CREATE FUNCTION pg_temp.found(what text) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', status, found, total) FROM quality('crm') WHERE finding = what $$;
SELECT is((SELECT string_agg(finding, ' ') FROM quality('crm') WHERE status <> 'ok'), NULL, 'good data are called good');
SELECT is((SELECT count(*) FROM quality('crm') WHERE finding IS NULL OR status IS NULL OR found IS NULL OR explanation IS NULL), 0::bigint, 'each finding is complete');
SELECT is(pg_temp.found('without_purchase'), 'ok 20 50', 'prospects are no defect');

-- 1 to 12 rows of each kind
INSERT INTO orders SELECT NULL, '2025-12-01', 1 FROM generate_series(1, 1);
INSERT INTO orders SELECT 1, NULL, 1 FROM generate_series(1, 2);
INSERT INTO orders SELECT 1, '2025-12-01', NULL FROM generate_series(1, 3);
INSERT INTO orders SELECT 1, '2025-12-01', 'NaN' FROM generate_series(1, 4);
INSERT INTO orders SELECT 1, '2025-12-01', 'Infinity' FROM generate_series(1, 5);
INSERT INTO orders SELECT 1, 'infinity', 1 FROM generate_series(1, 6);
INSERT INTO orders SELECT 1, '2026-01-01', 1 FROM generate_series(1, 7);
INSERT INTO orders SELECT 1, '2025-01-01', 1 FROM generate_series(1, 8);
INSERT INTO orders SELECT 40, '2025-12-01', -5 FROM generate_series(1, 9);
INSERT INTO orders SELECT 900 + i, '2025-12-01', 5 FROM generate_series(1, 10) i;
INSERT INTO orders SELECT 41, '2025-12-01', 0 FROM generate_series(1, 11);
INSERT INTO orders VALUES (42, '2025-12-01', 5), (42, '2025-12-02', -50);
SELECT refresh('crm', as_of => '2025-12-31');
SELECT results_eq($$ SELECT finding, status, found, total FROM quality('crm') WHERE total = 268 $$,
  $$ VALUES ('null_customer', 'warning', 1::bigint, 268::bigint), ('null_time', 'warning', 2, 268), ('null_amount', 'warning', 3, 268), ('nan_amount', 'warning', 4, 268),
    ('infinite_amount', 'warning', 5, 268), ('infinite_time', 'warning', 6, 268), ('future_rows', 'warning', 7, 268), ('filtered_by_history', 'ok', 8, 268) $$,
  'every kind of row that is left out, with its number');
SELECT is(pg_temp.found('returns'), 'ok 10 232', 'returns');
SELECT is(pg_temp.found('orphans'), 'warning 10 42', 'buyers whom nobody knows');
SELECT is(pg_temp.found('negative_revenue'), 'warning 1 42', 'who returned more than bought');
SELECT is(pg_temp.found('zero_revenue'), 'ok 1 42', 'who paid nothing');
SELECT is((SELECT share FROM quality('crm') WHERE finding = 'nan_amount'), round(4 / 268.0, 6), 'shares are of all rows');
INSERT INTO orders VALUES (43, '2025-12-20', 1000000);
SELECT refresh('crm', as_of => '2026-01-20');
SELECT is((SELECT string_agg(finding || ' ' || found, ', ' ORDER BY finding) FROM quality('crm') WHERE finding ~ 'largest|days' AND status = 'warning'), 'days_without_purchase 19, largest_customer 1', 'a feed that stands still, and a customer who is a counter');
TRUNCATE orders;
SELECT refresh('crm', 'rebuild', '2026-01-20');
SELECT is((SELECT string_agg(finding, ' ') FROM quality('crm') WHERE status <> 'ok'), NULL, 'an empty source has no defect');
SELECT throws_ok($$ SELECT * FROM quality('nobody') $$, '42704', NULL, 'a scorecard that does not exist');
CREATE ROLE stranger;
GRANT SELECT ON crm_priority TO stranger;
SET ROLE stranger;
SELECT throws_ok($$ SELECT * FROM custprio.quality('crm') $$, '55000', NULL, 'who may not see runs sees none');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
