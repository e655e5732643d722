-- Who may do what, and as whom an owner's expressions run.
\set SHOW_CONTEXT never
CREATE ROLE regress_custprio_owner;
CREATE ROLE regress_custprio_other;
CREATE ROLE regress_custprio_member IN ROLE regress_custprio_owner;
CREATE ROLE regress_custprio_reader;
CREATE SCHEMA desk AUTHORIZATION regress_custprio_owner;
CREATE SCHEMA data;
GRANT USAGE ON SCHEMA data TO regress_custprio_owner;
CREATE TABLE data.orders (customer_id bigint, ordered_at date, amount int, secret text);
CREATE TABLE data.customers (customer_id bigint);
INSERT INTO data.orders VALUES (1, '2024-01-01', 10), (2, '2024-01-02', 20);
\set columns '''customer_id'', ''ordered_at'', ''amount'''

-- The owner-to-be needs CREATE on the schema and SELECT on what is used.
SET ROLE regress_custprio_owner;
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, schema => 'data');
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, schema => 'desk');
RESET ROLE;
GRANT SELECT (customer_id, ordered_at, amount) ON data.orders TO regress_custprio_owner;
SET ROLE regress_custprio_owner;
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, $$secret = 'x'$$, schema => 'desk');
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, schema => 'desk',
                                 customers => 'data.customers', customers_key => 'customer_id');
BEGIN;
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, schema => 'desk');
SELECT custprio.pause('priv');
COMMIT;
SELECT tableowner, tablename FROM pg_tables WHERE schemaname = 'desk' ORDER BY tablename;
SELECT viewowner, viewname FROM pg_views WHERE schemaname = 'desk' ORDER BY viewname;

-- Nobody writes the catalogs directly.
INSERT INTO custprio.identity (system_identifier, database_oid) VALUES ('1', 1);
UPDATE custprio.scorecard SET customer = '1';
DELETE FROM custprio.scorecard;
INSERT INTO custprio.metric VALUES (1, 'x', 1);
UPDATE custprio.tier_rule SET share = 0.5;
DELETE FROM custprio.epoch;
SELECT nextval('custprio.scorecard_id_seq');
RESET ROLE;

-- Strangers see the declaration and nothing more.
SET ROLE regress_custprio_other;
SELECT name, owner_name FROM custprio.scorecard;
SELECT custprio.alter_scorecard('priv', every => '1 hour');
SELECT custprio.alter_scorecard('priv', filter => 'true');
SELECT custprio.drop_scorecard('priv');
SELECT * FROM desk.priv_priority;
SELECT * FROM desk.priv_tiers;
RESET ROLE;

-- Readers need nothing but SELECT on a view.
GRANT USAGE ON SCHEMA desk TO regress_custprio_reader;
GRANT SELECT ON desk.priv_tiers, desk.priv_tier_summary TO regress_custprio_reader;
SET ROLE regress_custprio_reader;
SELECT count(*) FROM desk.priv_tiers;
SELECT count(*) FROM desk.priv_tier_summary;
SELECT count(*) FROM desk.priv_priority;
RESET ROLE;

-- A member of the owner may change it; it stays the owner's.
SET ROLE regress_custprio_member;
SELECT custprio.alter_scorecard('priv', filter => 'amount > 0');
RESET ROLE;
SELECT filter, owner_name FROM custprio.scorecard;
SET ROLE regress_custprio_owner;
SELECT custprio.alter_scorecard('priv', filter => 'amount >= 0', every => '1 day');
SELECT custprio.alter_scorecard('priv', filter => 'secret IS NULL');
RESET ROLE;

-- Whoever alters it, rights and functions are those of the owner: a superuser lends nothing.
CREATE TABLE desk.seen (who text);
GRANT ALL ON desk.seen TO PUBLIC;
GRANT USAGE ON SCHEMA desk TO PUBLIC;
SET ROLE regress_custprio_owner;
CREATE FUNCTION desk.spy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE NOTICE 'spy runs as %', current_user;
  RETURN $1;
END $$;
SELECT custprio.alter_scorecard('priv', amount => 'amount + desk.spy(0)');
RESET ROLE;
SELECT custprio.alter_scorecard('priv', filter => 'secret IS NULL');
SELECT custprio.alter_scorecard('priv', every => '2 days');
SET ROLE regress_custprio_member;
SELECT custprio.alter_scorecard('priv', every => '3 days');
RESET ROLE;

-- Inside, no way back to the caller and no trace left outside the owner's own rights: an immutable function that
-- lies about what it does gains nothing.
SET ROLE regress_custprio_owner;
CREATE TABLE desk.order_to_spy (command text);
INSERT INTO desk.order_to_spy VALUES ('RESET ROLE');
CREATE FUNCTION desk.deed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE (SELECT command FROM desk.order_to_spy);
END $$;
CREATE OR REPLACE FUNCTION desk.spy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM desk.deed();
  RETURN $1;
END $$;
RESET ROLE;
SELECT custprio.alter_scorecard('priv', every => '4 days');
UPDATE desk.order_to_spy SET command = 'SET ROLE regress_custprio_reader';
SELECT custprio.alter_scorecard('priv', every => '4 days');
UPDATE desk.order_to_spy SET command = 'SET SESSION AUTHORIZATION DEFAULT';
SELECT custprio.alter_scorecard('priv', every => '4 days');
UPDATE desk.order_to_spy SET command = 'CREATE TEMP TABLE trap ()';
SELECT custprio.alter_scorecard('priv', every => '4 days');
UPDATE desk.order_to_spy SET command = 'UPDATE custprio.scorecard SET owner_name = current_user';
SELECT custprio.alter_scorecard('priv', every => '4 days');
UPDATE desk.order_to_spy SET command = 'INSERT INTO desk.seen VALUES (current_user)';
SELECT custprio.alter_scorecard('priv', every => '4 days');
SELECT DISTINCT who FROM desk.seen;
UPDATE desk.order_to_spy SET command = $$SET TimeZone = 'Asia/Tokyo'$$;
SET TimeZone = 'Europe/Berlin';
SELECT custprio.alter_scorecard('priv', every => '4 days');
SHOW TimeZone;
SELECT custprio.alter_scorecard('priv', amount => 'amount');

-- Another table under the published name lends the scorecard nothing: neither its owner nor a way to change it.
SET ROLE regress_custprio_owner;
ALTER TABLE desk.priv_priority RENAME TO aside;
RESET ROLE;
CREATE TABLE desk.priv_priority (customer_id bigint PRIMARY KEY);
ALTER TABLE desk.priv_priority OWNER TO regress_custprio_other;
SET ROLE regress_custprio_owner;
SELECT custprio.alter_scorecard('priv', every => '5 days');
SELECT custprio.drop_scorecard('priv');
RESET ROLE;
SELECT to_regclass('desk.priv_priority') AS imposter, to_regclass('desk.aside') AS aside;
DROP TABLE desk.priv_priority;
DROP TABLE desk.aside;

-- A table that changes hands takes the scorecard along, when all three do.
SET ROLE regress_custprio_owner;
SELECT custprio.create_scorecard('priv', 'data.orders', :columns, schema => 'desk', every => NULL);
RESET ROLE;
ALTER TABLE desk.priv_priority OWNER TO regress_custprio_other;
SET ROLE regress_custprio_owner;
SELECT custprio.alter_scorecard('priv', every => '5 days');
RESET ROLE;
ALTER TABLE desk.priv_purchases OWNER TO regress_custprio_other;
ALTER TABLE desk.priv_tier_history OWNER TO regress_custprio_other;
SET ROLE regress_custprio_owner;
SELECT custprio.alter_scorecard('priv', every => '5 days');
SET ROLE regress_custprio_other;
SELECT custprio.alter_scorecard('priv', every => '5 days');
RESET ROLE;
GRANT USAGE ON SCHEMA data TO regress_custprio_other;
GRANT SELECT ON data.orders TO regress_custprio_other;
SET ROLE regress_custprio_other;
SELECT custprio.alter_scorecard('priv', every => '5 days');
RESET ROLE;
SELECT owner_name FROM custprio.scorecard;

-- A superuser may always drop, also when the owner is gone.
BEGIN;
SELECT custprio.drop_scorecard('priv');
SELECT relname FROM pg_class WHERE relname LIKE 'priv\_%';
ROLLBACK;
SET ROLE regress_custprio_other;
SELECT custprio.drop_scorecard('priv');
RESET ROLE;
ALTER TABLE desk.priv_tiers OWNER TO regress_custprio_other;
ALTER TABLE desk.priv_tier_summary OWNER TO regress_custprio_other;
DROP OWNED BY regress_custprio_other;
DROP ROLE regress_custprio_other;
SET ROLE regress_custprio_owner;
SELECT custprio.drop_scorecard('priv');
RESET ROLE;
SELECT custprio.drop_scorecard('priv');
SELECT count(*) FROM custprio.scorecard;
SELECT relname FROM pg_class WHERE relname LIKE 'priv\_%';

-- A view runs as its owner: what the scorecard's owner may read is enough.
CREATE VIEW data.paid AS SELECT customer_id, ordered_at, amount FROM data.orders WHERE secret IS NULL;
GRANT SELECT ON data.paid TO regress_custprio_owner;
SET ROLE regress_custprio_owner;
SELECT custprio.create_scorecard('priv', 'data.paid', :columns, schema => 'desk', every => NULL);
SELECT custprio.drop_scorecard('priv');

-- SECURITY DEFINER: the function's owner becomes the scorecard's.
CREATE FUNCTION desk.declare_for_all() RETURNS regclass LANGUAGE sql SECURITY DEFINER SET search_path = desk, pg_temp
AS $$ SELECT custprio.create_scorecard('priv', 'data.paid', 'customer_id', 'ordered_at', 'amount', every => NULL) $$;
SET ROLE regress_custprio_reader;
SELECT desk.declare_for_all();
SELECT custprio.drop_scorecard('priv');
SET ROLE regress_custprio_owner;
SELECT custprio.drop_scorecard('priv');
RESET ROLE;

DROP SCHEMA desk CASCADE;
DROP SCHEMA data CASCADE;
DROP ROLE regress_custprio_member;
DROP ROLE regress_custprio_owner;
DROP ROLE regress_custprio_reader;
