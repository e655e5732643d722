-- Aliases and roll-ups: what is refused, odd names, empty tables, and whose rights count.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, custprio;
CREATE SCHEMA "Hier ar";
CREATE TABLE "Hier ar"."S ale" (who text COLLATE "C", day date, amount int);
CREATE TABLE "Hier ar"."Du 'p" ("o ld" text COLLATE "C", "New" text COLLATE "C", n int);
CREATE TABLE "Hier ar"."Or g" ("I d" text, "Pa rent" text);
SELECT create_scorecard($$O'B "3"$$, '"Hier ar"."S ale"', 'who', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', schema => 'Hier ar');
\set card '$$O''B "3"$$'
SELECT set_aliases(:card, '"Hier ar"."Du ''p"', '"o ld"', '"New"');
SELECT relation, alias, canonical FROM alias_source;
SELECT * FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
SELECT mode FROM refresh(:card, as_of => '2025-06-01');
INSERT INTO "Hier ar"."S ale" VALUES ('a''b', '2025-01-01', 1), ('c', '2025-01-02', 2), ('d', '2025-01-03', 4);
INSERT INTO "Hier ar"."Du 'p" VALUES ('a''b', 'c', 1);
INSERT INTO "Hier ar"."Or g" VALUES ('c', 'g "1"'), ('d', 'g "1"'), (NULL, 'x'), ('c', 'g "1"');
SELECT mode FROM refresh(:card, as_of => '2025-06-01');
SELECT customer_id, monetary FROM "Hier ar"."O'B ""3""_priority" ORDER BY 1;
SELECT account, parent, level, accounts, customers, own_revenue, revenue FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
SELECT account FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent', '{0,7}');
-- refused
SELECT set_aliases(NULL, '"Hier ar"."Du ''p"', '"o ld"', '"New"');
SELECT set_aliases('nowhere', '"Hier ar"."Du ''p"', '"o ld"', '"New"');
SELECT set_aliases(:card, '"Hier ar"."Du ''p"', '"o ld"');
SELECT set_aliases(:card, '"Hier ar"."Du ''p"', '"o ld"', 'n');
SELECT set_aliases(:card, '"Hier ar"."Du ''p"', '"o ld"', 'nothing');
SELECT set_aliases(:card, 'pg_class', 'relname', 'relname');
SELECT count(*) FROM alias_source;
SELECT * FROM rollup('nowhere', '"Hier ar"."Or g"', 'I d', 'Pa rent');
SELECT * FROM rollup(:card, NULL, 'I d', 'Pa rent');
SELECT * FROM rollup(:card, '"Hier ar"."Or g"', 'no', 'Pa rent');
SELECT * FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent', on_cycle => 'ignore');
INSERT INTO "Hier ar"."Or g" VALUES ('c', 'other');
SELECT * FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
DELETE FROM "Hier ar"."Or g";
INSERT INTO "Hier ar"."Or g" VALUES ('c', 'c');
SELECT * FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
SELECT account, level, revenue, tiers FROM rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent', on_cycle => 'report');
-- the relation is gone
BEGIN;
DROP TABLE "Hier ar"."Du 'p";
SELECT mode FROM refresh(:card, as_of => '2025-06-01');
ROLLBACK;
-- others
CREATE ROLE regress_hierarchy_reader;
GRANT USAGE ON SCHEMA "Hier ar" TO regress_hierarchy_reader;
SET ROLE regress_hierarchy_reader;
SELECT custprio.set_aliases(:card, NULL);
DELETE FROM custprio.alias_source;
SELECT * FROM custprio.alias_state;
SELECT * FROM custprio.rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
RESET ROLE;
GRANT SELECT ON "Hier ar"."Or g" TO regress_hierarchy_reader;
SET ROLE regress_hierarchy_reader;
SELECT * FROM custprio.rollup(:card, '"Hier ar"."Or g"', 'I d', 'Pa rent');
RESET ROLE;
SELECT drop_scorecard(:card);
SELECT count(*) FROM alias_source;
DROP SCHEMA "Hier ar" CASCADE;
DROP ROLE regress_hierarchy_reader;
