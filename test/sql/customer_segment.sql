-- What add_segment refuses, names that need quoting, NULLs, empty tables, and who sees whom.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, custprio;
CREATE SCHEMA "Seg ""ment""";
CREATE TABLE "Seg ""ment"""."Per'son" ("The id" text COLLATE "C", "Re gion" text, income numeric, secret int);
CREATE TABLE "Seg ""ment"""."S ale" (who text COLLATE "C", day date, amount int);
SELECT create_scorecard($$O'B "1"$$, '"Seg ""ment"""."S ale"', 'who', 'day', 'amount', customers => '"Seg ""ment"""."Per''son"',
  customers_key => '"The id"', every => NULL, time_zone => 'UTC', clv_model => 'none', schema => 'Seg "ment"');
\set card '$$O''B "1"$$'
-- before the first refresh, and of empty tables
SELECT add_segment(:card, 'North', 'geographic', $$"Re gion" = 'north'$$, 'up there', fit => 0.5);
SELECT * FROM segment_members(:card);
SELECT * FROM segment_matrix(:card, 'geographic', 'behavioural');
SELECT segment, customers, attractiveness FROM segment_attractiveness(:card);
SELECT count(*) FROM refresh(:card, as_of => '2025-06-01');
SELECT * FROM segment_members(:card);
INSERT INTO "Seg ""ment"""."Per'son" VALUES ('a', 'north', 10, 1), ('a', 'north', 10, 1), ('b''c', 'north', NULL, 1), ('d', NULL, 30, 1), (NULL, 'north', 40, 1);
INSERT INTO "Seg ""ment"""."S ale" VALUES ('a', '2025-05-30', 10), ('b''c', '2025-01-01', 1), ('z', '2025-02-01', 100);
SELECT count(*) FROM refresh(:card, as_of => '2025-06-01');
SELECT add_segment(:card, 'O''dd "seg"', 'demographic', 'customers.income IS NULL OR income > 20');
SELECT add_segment(:card, 'lately', 'behavioural', $$custprio.recency_days('O''B "1"', last_purchase) < 10$$);
SELECT add_segment(:card, 'all', 'psychographic', 'true');
SELECT segment, dimension, predicate FROM customer_segment ORDER BY segment;
SELECT * FROM segment_members(:card) ORDER BY 2, 1;
SELECT * FROM segment_members(:card, 'O''dd "seg"') ORDER BY 1;
SELECT * FROM segment_matrix(:card, 'geographic', 'demographic');
-- refused
SELECT add_segment(NULL, 'x', 'geographic', 'true');
SELECT add_segment('nowhere', 'x', 'geographic', 'true');
SELECT add_segment(:card, NULL, 'geographic', 'true');
SELECT add_segment(:card, '', 'geographic', 'true');
SELECT add_segment(:card, 'North', 'geographic', 'true');
SELECT add_segment(:card, 'x', 'magic', 'true');
SELECT add_segment(:card, 'x', NULL, 'true');
SELECT add_segment(:card, 'x', 'geographic', NULL);
SELECT add_segment(:card, 'x', 'geographic', ' ');
SELECT add_segment(:card, 'x', 'geographic', 'nothing = 1');
SELECT add_segment(:card, 'x', 'geographic', 'income');
SELECT add_segment(:card, 'x', 'geographic', 'income > ');
SELECT add_segment(:card, 'x', 'geographic', 'true) OR (false');
SELECT add_segment(:card, 'x', 'geographic', 'last_purchase > now()');
SELECT add_segment(:card, 'x', 'geographic', 'random() < 1');
SELECT add_segment(:card, 'x', 'geographic', 'EXISTS (SELECT 1)');
SELECT add_segment(:card, 'x', 'geographic', 'count(*) > 1');
SELECT add_segment(:card, 'x', 'geographic', 'priority IS NOT NULL');
SELECT add_segment(:card, 'x', 'geographic', 'customers IS NOT NULL');
SELECT add_segment(:card, 'x', 'geographic', 'true', fit => 1.5);
SELECT add_segment(:card, 'x', 'geographic', 'true', competition => 'NaN');
SELECT drop_segment(:card, 'x');
SELECT drop_segment(:card, NULL);
SELECT * FROM segment_members(:card, 'x');
SELECT * FROM segment_members('nowhere');
SELECT * FROM segment_matrix(:card, 'geographic', 'magic');
SELECT * FROM segment_attractiveness(:card, '[1]');
SELECT * FROM segment_attractiveness(:card, '{"size": -1}');
SELECT * FROM segment_attractiveness(:card, '{"size": 0}');
SELECT * FROM segment_attractiveness(:card, '{"size": "big"}');
SELECT * FROM segment_attractiveness(:card, '{"beauty": 1}');
-- a column that a segment needs is gone
BEGIN;
ALTER TABLE "Seg ""ment"""."Per'son" DROP COLUMN income;
SELECT * FROM segment_members(:card);
ROLLBACK;
-- others: the owner alone declares; a reader of the published table sees its customers' segments, but no attribute
CREATE ROLE regress_segment_reader;
GRANT USAGE ON SCHEMA "Seg ""ment""" TO regress_segment_reader;
SET ROLE regress_segment_reader;
SELECT custprio.add_segment(:card, 'x', 'geographic', 'true');
SELECT custprio.drop_segment(:card, 'North');
INSERT INTO custprio.customer_segment VALUES (1, 'x', 'geographic', 'true');
SELECT * FROM custprio.segment_members(:card);
SELECT * FROM custprio.segment_matrix(:card, 'geographic', 'demographic');
SELECT * FROM custprio.segment_attractiveness(:card);
RESET ROLE;
GRANT SELECT ON "Seg ""ment"""."O'B ""1""_priority" TO regress_segment_reader;
SET ROLE regress_segment_reader;
SELECT * FROM custprio.segment_members(:card, 'North') ORDER BY 1;
RESET ROLE;
ALTER TABLE "Seg ""ment"""."O'B ""1""_priority" ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON "Seg ""ment"""."O'B ""1""_priority" FOR SELECT TO regress_segment_reader USING (customer_id = 'a');
SET ROLE regress_segment_reader;
SELECT * FROM custprio.segment_members(:card) ORDER BY 2, 1;
SELECT * FROM custprio.segment_matrix(:card, 'geographic', 'behavioural');
RESET ROLE;
-- a predicate runs as the scorecard's owner, whoever asks
CREATE ROLE regress_segment_owner;
CREATE SCHEMA desk AUTHORIZATION regress_segment_owner;
SET ROLE regress_segment_owner;
CREATE TABLE desk.sale (who int, day date, amount int);
INSERT INTO desk.sale VALUES (1, '2025-01-01', 1);
CREATE FUNCTION desk.spy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'spy runs as %', current_user; RETURN $1; END $$;
SELECT custprio.create_scorecard('spy', 'desk.sale', 'who', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', schema => 'desk');
SELECT count(*) FROM custprio.refresh('spy', as_of => '2025-02-01');
SELECT custprio.add_segment('spy', 'x', 'geographic', 'desk.spy(customer_id) = 1');
SELECT custprio.add_segment('spy', 'y', 'geographic', 'customers.region = 1');
RESET ROLE;
SELECT * FROM segment_members('spy');
SET ROLE regress_segment_owner;
SELECT custprio.drop_scorecard('spy');
RESET ROLE;
DROP SCHEMA desk CASCADE;
DROP OWNED BY regress_segment_owner, regress_segment_reader;
DROP ROLE regress_segment_owner, regress_segment_reader;
SELECT drop_segment(:card, 'all');
SELECT drop_scorecard(:card);
SELECT count(*) FROM customer_segment;
DROP SCHEMA "Seg ""ment""" CASCADE;
