-- Regimes: what is refused, and whose rights count.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, custprio;
CREATE TABLE regime_sale (who int, day date, amount int);
INSERT INTO regime_sale VALUES (1, '2025-01-01', 10), (1, '2025-08-01', 11), (2, '2025-01-05', 30);
SELECT create_scorecard($$o'b "1"$$, 'regime_sale', 'who', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
\set card '$$o''b "1"$$'
SELECT add_regime(:card, $$the "cap" of '25$$, '2025-07-01', description => 'prices are capped');
SELECT regime, starts_on, applies_from, description FROM regime;
SELECT mode FROM refresh(:card, as_of => '2025-09-01');
SELECT customer_id, tier, frequency, monetary, stage FROM "o'b ""1""_priority" ORDER BY 1;
SELECT item, value, explanation FROM explain(:card, '1') WHERE item IN ('frequency', 'monetary');
SELECT mode, reason FROM refresh(:card, as_of => '2025-06-30');
SELECT customer_id, frequency, monetary FROM "o'b ""1""_priority" ORDER BY 1;
-- refused
SELECT add_regime(:card, $$the "cap" of '25$$, '2025-07-02');
SELECT add_regime(:card, 'late', '2025-07-02', '2025-07-01');
SELECT add_regime(:card, 'never', 'infinity');
SELECT add_regime(:card, 'never', '2025-07-01', 'infinity');
SELECT add_regime(:card, NULL, '2025-07-01');
SELECT add_regime(:card, '', '2025-07-01');
SELECT add_regime(:card, 'x', NULL);
SELECT add_regime('nowhere', 'x', '2025-07-01');
SELECT add_regime(NULL, 'x', '2025-07-01');
SELECT drop_regime(:card, 'x');
SELECT drop_regime(:card, NULL);
SELECT count(*) FROM regime;
-- others
CREATE ROLE regress_regime_reader;
SET ROLE regress_regime_reader;
SELECT custprio.add_regime(:card, 'x', '2025-07-01');
SELECT custprio.drop_regime(:card, $$the "cap" of '25$$);
DELETE FROM custprio.regime;
RESET ROLE;
SELECT drop_regime(:card, $$the "cap" of '25$$, 'the cap fell');
SELECT mode, reason FROM refresh(:card, as_of => '2025-09-01');
SELECT customer_id, frequency, monetary FROM "o'b ""1""_priority" ORDER BY 1;
SELECT drop_scorecard(:card);
DROP TABLE regime_sale;
DROP ROLE regress_regime_reader;
