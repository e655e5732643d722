-- Incremental refreshes say when they lack an index on the customer.
CREATE SCHEMA source_index;
SET search_path = source_index, custprio;
CREATE FUNCTION try(source regclass, customer text DEFAULT 'customer') RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  PERFORM custprio.create_scorecard('crm', source, customer, 'at', 'amount', every => NULL, time_zone => 'UTC', capture => 'trigger', schema => 'source_index');
  PERFORM custprio.drop_scorecard('crm');
END $$;
CREATE TABLE orders (customer int, name varchar(20), at date, amount int);
SELECT try('orders');
CREATE INDEX other_order ON orders (at, customer);
CREATE INDEX partial ON orders (customer) WHERE amount > 5;
CREATE INDEX brin ON orders USING brin (customer);
SELECT try('orders');
CREATE INDEX customer_first ON orders (customer, at);
SELECT try('orders');
SELECT try('orders', 'customer::bigint');
CREATE INDEX cast_index ON orders ((customer::bigint));
SELECT try('orders', 'customer::bigint');
SELECT try('orders', 'name');
CREATE INDEX name_index ON orders USING hash (name);
SELECT try('orders', 'name');
-- without capture it does not matter
SELECT create_scorecard('crm', 'orders', 'name', 'at', 'amount', every => NULL);
SELECT drop_scorecard('crm');

CREATE TABLE sale (customer int, at date, amount int) PARTITION BY LIST (amount);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES IN (1);
CREATE TABLE sale_2 (amount int, customer int, at date);
ALTER TABLE sale ATTACH PARTITION sale_2 FOR VALUES IN (2);
CREATE INDEX ON sale_1 (customer);
SELECT try('sale');
CREATE INDEX ON sale_2 (customer);
SELECT try('sale');

-- a run that had to read a large source says so
DROP INDEX customer_first;
INSERT INTO orders SELECT i % 10, 'c' || i, '2025-01-01', i FROM generate_series(1, 50) i;
SET client_min_messages = warning;
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT mode FROM refresh('crm', as_of => '2025-06-01');
INSERT INTO orders VALUES (1, 'x', '2025-02-02', 5);
SELECT mode, queued, warnings FROM refresh('crm', as_of => '2025-06-01');
UPDATE pg_class SET reltuples = 200000, relpages = 1000 WHERE oid = 'orders'::regclass;
INSERT INTO orders VALUES (1, 'x', '2025-02-02', 5);
SELECT mode, queued, warnings FROM refresh('crm', as_of => '2025-06-01');
SELECT mode, queued, warnings FROM refresh('crm', as_of => '2025-06-01');
CREATE INDEX customer_first ON orders (customer);
UPDATE pg_class SET reltuples = 200000, relpages = 1000 WHERE oid = 'orders'::regclass;
INSERT INTO orders VALUES (1, 'x', '2025-02-02', 5);
SELECT mode, queued, warnings FROM refresh('crm', as_of => '2025-06-01');
SELECT drop_scorecard('crm');
DROP SCHEMA source_index CASCADE;
