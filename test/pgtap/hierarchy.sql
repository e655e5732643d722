-- Aliases merge customers and take them apart exactly; roll-ups count nothing twice.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(30);
SELECT setseed(0.3);
CREATE TABLE person AS SELECT 'c' || n AS id, n AS n FROM generate_series(1, 420) n;
CREATE TABLE sale AS SELECT 'c' || (400 * random() ^ 2)::int AS buyer, date '2025-01-01' + (300 * random())::int AS day,
  CASE WHEN random() < .05 THEN -3 ELSE round((exp(random() * 5))::numeric, 2) END AS amount FROM generate_series(1, 3000) n;
CREATE TABLE dup (old text, new text);
SELECT create_scorecard('m', 'sale', 'buyer', 'day', 'amount', customers => 'person', customers_key => 'id', every => NULL, time_zone => 'UTC', capture => 'trigger');
SELECT set_aliases('m', 'dup', 'old', 'new');
SELECT count(*) FROM refresh('m', as_of => '2025-12-01');
CREATE TEMP TABLE apart AS SELECT * FROM m_priority;

-- the same scores from a source that carries the canonical keys
INSERT INTO dup SELECT 'c' || n, 'c' || n + 1 FROM generate_series(10, 14) n;
INSERT INTO dup SELECT 'c' || n, 'c7' FROM generate_series(300, 380, 2) n;
INSERT INTO dup VALUES ('c401', 'c402'), ('c7', 'c7'), (NULL, 'c1'), ('c1', NULL), ('ghost', 'c20'), ('c10', 'c11');
SELECT results_eq($$ SELECT mode, reason FROM refresh('m', as_of => '2025-12-01') $$, $$ VALUES ('rebuild'::text, 'the aliases changed'::text) $$, 'new aliases are noticed');
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-01');
CREATE FUNCTION pg_temp.canonical(key text) RETURNS text LANGUAGE sql AS $$
  WITH RECURSIVE step AS (SELECT key AS k, 0 AS n UNION ALL SELECT d.new, n + 1 FROM step JOIN dup d ON d.old = k AND d.new <> k) SELECT k FROM step ORDER BY n DESC LIMIT 1 $$;
CREATE TABLE merged_person AS SELECT DISTINCT pg_temp.canonical(id) AS id FROM person;
CREATE TABLE merged_sale AS SELECT pg_temp.canonical(buyer) AS buyer, day, amount FROM sale;
SELECT create_scorecard('o', 'merged_sale', 'buyer', 'day', 'amount', customers => 'merged_person', customers_key => 'id', every => NULL, time_zone => 'UTC');
SELECT count(*) FROM refresh('o', as_of => '2025-12-01');
CREATE FUNCTION pg_temp.plain(r anyelement) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(r) - '{tier_since,previous_tier}'::text[] $$;
SELECT set_eq('SELECT pg_temp.plain(p) FROM m_priority p', 'SELECT pg_temp.plain(p) FROM o_priority p', 'merged customers are scored as if all rows had the canonical key');
SELECT is_empty($$ SELECT * FROM m_priority WHERE customer_id IN (SELECT old FROM dup WHERE old <> new) $$, 'no alias is published');
SELECT is_empty($$ SELECT * FROM verify('m') $$, 'verify agrees');
SELECT is((SELECT sum(monetary) FROM m_priority), (SELECT sum(amount) FROM sale), 'no purchase is lost or counted twice');

-- metrics that aggregate rows count those of aliases
CREATE TABLE visit AS SELECT 'c' || (400 * random())::int AS who, n AS minutes FROM generate_series(1, 800) n;
CREATE TABLE merged_visit AS SELECT pg_temp.canonical(who) AS who, minutes FROM visit;
SELECT add_metric('m', 'spent', 'sum(amount)', relation => 'sale'), add_metric('m', 'minutes', 'max(minutes)', relation => 'visit', key => 'who'), add_metric('m', 'number', 'n', relation => 'person', weight => 0);
SELECT add_metric('o', 'spent', 'sum(amount)', relation => 'merged_sale'), add_metric('o', 'minutes', 'max(minutes)', relation => 'merged_visit', key => 'who');
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-01');
SELECT count(*) FROM refresh('o', 'rebuild', as_of => '2025-12-01');
SELECT set_eq($$ SELECT pg_temp.plain(p) - 'number' FROM m_priority p $$, 'SELECT pg_temp.plain(p) FROM o_priority p', 'with metrics too');
SELECT is((SELECT number FROM m_priority WHERE customer_id = 'c15'), 15::numeric, 'attributes are those of the canonical row');

-- incremental: changes of an alias reach the customer it stands for
INSERT INTO sale VALUES ('c300', '2025-11-01', 1000), ('c12', '2025-11-02', 50), ('ghost', '2025-11-03', 7);
DELETE FROM sale WHERE buyer = 'c302';
SELECT is((SELECT mode FROM refresh('m', as_of => '2025-12-01')), 'incremental', 'changes of aliases are incremental');
SELECT is_empty($$ SELECT * FROM verify('m') $$, 'and exact');
SELECT is((SELECT monetary FROM m_priority WHERE customer_id = 'c15'), (SELECT sum(amount) FROM sale WHERE buyer IN ('c10', 'c11', 'c12', 'c13', 'c14', 'c15')), 'at the end of the chain');
DO $$
BEGIN
  FOR i IN 1 .. 5 LOOP
    INSERT INTO sale SELECT 'c' || (400 * random())::int, date '2025-01-01' + (300 * random())::int, 10 FROM generate_series(1, 20);
    UPDATE sale SET buyer = 'c' || (400 * random())::int WHERE random() < .005;
    DELETE FROM person WHERE n = (400 * random())::int;
    PERFORM refresh('m', as_of => '2025-12-01');
  END LOOP;
END $$;
SELECT count(*) FROM refresh('m', 'rescore', as_of => '2025-12-02');
SELECT is_empty($$ SELECT * FROM verify('m') $$, 'after random changes and a rescore of the next day too');

-- apart again
CREATE TEMP TABLE kept AS SELECT * FROM dup;
DELETE FROM dup;
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-02');
SELECT create_scorecard('n', 'sale', 'buyer', 'day', 'amount', customers => 'person', customers_key => 'id', every => NULL, time_zone => 'UTC');
SELECT add_metric('n', 'spent', 'sum(amount)', relation => 'sale'), add_metric('n', 'minutes', 'max(minutes)', relation => 'visit', key => 'who'), add_metric('n', 'number', 'n', relation => 'person', weight => 0);
SELECT count(*) FROM refresh('n', as_of => '2025-12-02');
SELECT set_eq('SELECT pg_temp.plain(p) FROM m_priority p', 'SELECT pg_temp.plain(p) FROM n_priority p', 'without the pairs all customers are as if never merged');
SELECT results_eq('SELECT customer_id, summary::text, listed FROM m_purchases ORDER BY 1', 'SELECT customer_id, summary::text, listed FROM n_purchases ORDER BY 1', 'so is the state');
TRUNCATE sale, person; INSERT INTO sale SELECT * FROM merged_sale; INSERT INTO person SELECT id, 0 FROM merged_person;
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-01');
CREATE TEMP TABLE twice AS SELECT * FROM m_priority;
INSERT INTO dup SELECT * FROM kept;
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-01');
DELETE FROM dup;
SELECT count(*) FROM refresh('m', 'rebuild', as_of => '2025-12-01');
SELECT set_eq('SELECT p::text FROM m_priority p', 'SELECT p::text FROM twice p', 'a merge that moves no tier leaves no trace at all');
-- circles and ambiguity
INSERT INTO dup VALUES ('c1', 'c2'), ('c2', 'c3'), ('c3', 'c1'), ('c9', 'c1');
SELECT throws_like($$ SELECT refresh('m', as_of => '2025-12-01') $$, 'aliases of scorecard "m" go round in a circle', 'a circle is refused');
DELETE FROM dup WHERE old = 'c3'; INSERT INTO dup VALUES ('c2', 'c4');
SELECT throws_like($$ SELECT refresh('m', as_of => '2025-12-01') $$, 'alias "c2" of scorecard "m" stands for two customers', 'two meanings too');
SELECT set_aliases('m', NULL);
SELECT is((SELECT reason FROM refresh('m', as_of => '2025-12-01')), 'declaration changed', 'and can be given up');

-- keys by value
CREATE TABLE isale AS SELECT n % 50 AS buyer, date '2025-01-01' + n % 300 AS day, n AS amount FROM generate_series(1, 500) n;
CREATE TABLE idup AS SELECT 3 AS old, 4 AS new;
SELECT create_scorecard('i', 'isale', 'buyer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT set_aliases('i', 'idup', 'old', 'new');
SELECT count(*) FROM refresh('i', as_of => '2025-12-01');
INSERT INTO isale VALUES (3, '2025-11-30', 1);
SELECT is((SELECT mode FROM refresh('i', as_of => '2025-12-01')), 'incremental', 'integers too');
CREATE TABLE meeting (whom int, day date);
INSERT INTO meeting VALUES (3, '2025-11-20'), (4, '2025-11-21'), (5, '2025-11-22');
SELECT set_contacts('i', 'meeting', 'whom', 'day');
SELECT results_eq($$ SELECT customer_id, count(*) FROM contacts_made('i') GROUP BY 1 ORDER BY 1 $$, $$ VALUES ('4'::text, 2::bigint), ('5', 1) $$, 'contacts with an alias are the customer''s');
SELECT is((SELECT count(*) FROM contacts_made('i', customer => '4')), 2::bigint, 'and found by it');
SELECT is((SELECT monetary FROM i_priority WHERE customer_id = 4), (SELECT sum(amount)::numeric FROM isale WHERE buyer IN (3, 4)), 'are merged');

-- roll-up
CREATE TABLE org AS SELECT n AS id, CASE WHEN n >= 10 THEN n / 10 END AS boss FROM generate_series(1, 60) n WHERE n NOT BETWEEN 40 AND 45;
CREATE TEMP TABLE rolled AS SELECT * FROM rollup('i', 'org', 'id', 'boss');
SELECT is((SELECT sum(revenue) FROM rolled WHERE level = 0), (SELECT sum(monetary) FROM i_priority), 'the roots hold all revenue, once');
SELECT is((SELECT sum(customers) FROM rolled WHERE level = 0), (SELECT count(*)::numeric FROM i_priority), 'and all customers');
SELECT is_empty($$ SELECT r.account FROM rolled r LEFT JOIN rolled c ON c.parent = r.account GROUP BY r.account, r.revenue, r.own_revenue
  HAVING r.revenue <> r.own_revenue + coalesce(sum(c.revenue), 0) $$, 'an account holds its own and what its children hold');
SELECT is((SELECT best_tier FROM rolled WHERE account = '2'), (SELECT min(tier) FROM i_priority WHERE customer_id IN (2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)), 'and their best tier');
SELECT is((SELECT sum(v::int) FROM rolled, jsonb_each_text(tiers) t(k, v) WHERE level = 0), (SELECT count(*) FROM i_priority WHERE tier IS NOT NULL), 'tiers are counted once');
SELECT is((SELECT array_agg(DISTINCT level) FROM rollup('i', 'org', 'id', 'boss', '{1}')), '{1}', 'levels can be chosen');
UPDATE org SET boss = 31 WHERE id = 3;
SELECT throws_like($$ SELECT * FROM rollup('i', 'org', 'id', 'boss') $$, 'the parents of account "3%" go round in a circle', 'a circle is an error');
SELECT set_eq($$ SELECT account FROM rollup('i', 'org', 'id', 'boss', on_cycle => 'report') WHERE level IS NULL $$, $$ VALUES ('3'), ('30'), ('31'), ('32'), ('33'), ('34'), ('35'), ('36'), ('37'), ('38'), ('39') $$, 'or listed with all below it');
SELECT is((SELECT sum(revenue) FROM rollup('i', 'org', 'id', 'boss', on_cycle => 'report') WHERE level = 0 OR level IS NULL), (SELECT sum(monetary) FROM i_priority), 'still nothing is counted twice');
SELECT * FROM finish();
ROLLBACK;
