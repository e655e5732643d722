-- Whatever kind of relation the purchases come from, and in whatever types, the same rows are published.
SET search_path = public, custprio;
SET TimeZone = 'Europe/Berlin';
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE SCHEMA kinds;
SET search_path = kinds, custprio;
CREATE TABLE orders (
  order_id int PRIMARY KEY, customer int, day date, moment timestamp, instant timestamptz, cents int, amount numeric(12,2), paid bool);
INSERT INTO orders
SELECT i, c, d, d + t, (d + t) AT TIME ZONE 'Europe/Berlin', a, a / 100.0, i % 7 <> 0
FROM (SELECT i, (i * i * 31 % 977) % 150 AS c, date '2023-01-01' + (i * 7919 % 700) AS d,
             make_interval(mins => i * 613 % 1440) AS t, CASE WHEN i % 23 = 0 THEN -1 ELSE 1 END * (i * 389 % 5000) AS a
      FROM generate_series(1, 3000) i) raw;
CREATE TABLE customers (customer int PRIMARY KEY);
INSERT INTO customers SELECT g FROM generate_series(0, 170) g;

-- The measure: the plain table through a query, no short cut.
SET custprio.fast_scan = off;
SELECT create_scorecard('plain', 'orders', 'customer', 'instant', 'amount', 'paid', every => NULL);
SELECT (refresh('plain', as_of => '2024-11-15')).rows_read;
RESET custprio.fast_scan;
CREATE FUNCTION published(card text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT (p.customer_id::text::int, p.tier, p.priority, p.rfm, p.segment, p.abc, p.frequency,
    p.monetary, p.average_order_value, p.first_purchase::date, p.last_purchase::date, p.stage)::text FROM %I p', card || '_priority');
END $$;
-- Declares, refreshes twice, compares with the measure and drops: differing rows, rows written by the second refresh.
CREATE FUNCTION same_as_plain(source text, customer text, purchased_at text, amount text, filter text DEFAULT 'paid')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  differing bigint;
  again refresh_run;
BEGIN
  PERFORM create_scorecard('kind', source::regclass, customer, purchased_at, amount, filter, every => NULL, amount_scale => 2);
  PERFORM refresh('kind', as_of => '2024-11-15');
  SELECT count(*) INTO differing
  FROM (SELECT p, count(*) FROM published('plain') p GROUP BY 1) a
  FULL JOIN (SELECT p, count(*) FROM published('kind') p GROUP BY 1) b USING (p, count)
  WHERE a.p IS NULL OR b.p IS NULL;
  again := refresh('kind', as_of => '2024-11-15');
  PERFORM drop_scorecard('kind');
  RETURN format('%s differ, %s written again', differing, again.inserted + again.updated + again.deleted + again.state_written);
END $$;
SELECT count(*) FROM published('plain');

-- Kinds of relations
CREATE TABLE parts (LIKE orders) PARTITION BY RANGE (day);
CREATE TABLE parts_2023 PARTITION OF parts FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE parts_2024 (paid bool, extra text, cents int, amount numeric(12,2), instant timestamptz, moment timestamp, day date, customer int, order_id int NOT NULL)
  PARTITION BY HASH (customer);
ALTER TABLE parts_2024 DROP COLUMN extra;
CREATE TABLE parts_2024_0 PARTITION OF parts_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_2024_1 PARTITION OF parts_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE parts ATTACH PARTITION parts_2024 FOR VALUES FROM ('2024-01-01') TO ('2026-01-01');
INSERT INTO parts SELECT * FROM orders;
CREATE TABLE parent (LIKE orders);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO parent SELECT * FROM orders WHERE order_id % 2 = 0;
INSERT INTO child SELECT * FROM orders WHERE order_id % 2 = 1;
CREATE VIEW simple_view AS SELECT * FROM orders;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM orders;
CREATE VIEW joined AS SELECT o.* FROM orders o JOIN customers USING (customer);
CREATE VIEW stacked AS SELECT * FROM orders WHERE order_id <= 1500 UNION ALL SELECT * FROM parts WHERE order_id > 1500;
CREATE MATERIALIZED VIEW snapshot AS SELECT * FROM orders;
CREATE UNLOGGED TABLE unlogged AS SELECT * FROM orders;
CREATE TABLE altered (gone int, LIKE orders);
ALTER TABLE altered DROP COLUMN gone;
INSERT INTO altered SELECT * FROM orders WHERE order_id <= 1000;
ALTER TABLE altered ADD COLUMN late_paid bool DEFAULT true;
INSERT INTO altered SELECT *, true FROM orders WHERE order_id > 1000;
CREATE TABLE computed (LIKE orders, twice numeric(12,2) GENERATED ALWAYS AS (amount * 2) STORED);
INSERT INTO computed SELECT * FROM orders;
CREATE TABLE guarded AS SELECT * FROM orders;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
SELECT source, same_as_plain(source, 'customer', 'instant', 'amount')
FROM unnest('{orders,parts,parent,simple_view,barrier,joined,stacked,snapshot,unlogged,altered,computed,guarded}'::text[]) source;
SELECT same_as_plain('computed', 'customer', 'instant', 'twice / 2');
SELECT same_as_plain('altered', 'customer', 'instant', 'amount', 'paid AND late_paid');

-- Types: every combination of key, time and amount
SELECT k, t, a, same_as_plain('orders', k, t, a)
FROM unnest('{customer,customer::bigint,customer::text,customer::text::varchar,customer::smallint}'::text[]) k,
     unnest('{day,moment,instant}'::text[]) t,
     unnest('{amount,cents / 100.0,(cents / 100.0)::float8}'::text[]) a
WHERE t <> 'day' OR a = 'amount'
ORDER BY 1, 2, 3;
CREATE TYPE shade AS ENUM ('0', '1', '2');
CREATE DOMAIN number AS int;
CREATE TABLE typed AS
SELECT customer::number AS number, lpad(customer::text, 10, '0')::varchar(12) AS code, customer::int2 AS small, instant,
       moment, amount, paid, amount::float8 AS real8, cents, amount::numeric(20,6) AS wide
FROM orders;
SELECT k, same_as_plain('typed', k, 'instant', 'amount') FROM unnest('{number,small,code}'::text[]) k;
SELECT a, same_as_plain('typed', 'small', 'moment', a) FROM unnest('{real8,wide}'::text[]) a;

-- Keys that are not numbers
CREATE TABLE keyed AS
SELECT md5(customer::text)::uuid AS id, md5(customer::text) AS name, (customer % 3)::text::shade AS shade,
       decode(md5(customer::text), 'hex') AS raw, repeat(md5(customer::text), 80) AS long, instant, amount, paid
FROM orders;
CREATE FUNCTION by_key(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  run refresh_run;
  result text;
BEGIN
  PERFORM create_scorecard('kind', 'keyed', key, 'instant', 'amount', 'paid', every => NULL);
  run := refresh('kind', as_of => '2024-11-15');
  EXECUTE format('WITH truth AS (SELECT %s AS k, count(*) FILTER (WHERE amount >= 0) AS n, sum(amount) AS s FROM keyed
                                 WHERE paid AND instant < timestamptz ''2024-11-16 00:00 Europe/Berlin'' GROUP BY 1)
    SELECT format(''%%s customers, %%s wrong'', count(*), count(*) FILTER (WHERE t.k IS NULL OR p.customer_id IS NULL OR n <> frequency OR s <> monetary))
    FROM truth t FULL JOIN kind_priority p ON p.customer_id = t.k', key) INTO result;
  run := refresh('kind', as_of => '2024-11-15');
  PERFORM drop_scorecard('kind');
  RETURN format('%s, %s written again', result, run.inserted + run.updated + run.deleted + run.state_written);
END $$;
SELECT k, by_key(k) FROM unnest('{id,name,shade,raw,long,"name COLLATE \"C\"","id::text"}'::text[]) k;

-- Foreign tables: through a file and through another server, which is this one
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE filed (customer int, instant timestamptz, amount numeric, paid bool) SERVER files
  OPTIONS (program 'printf "1,2024-01-01 12:00+01,10.50,t\n1,2024-01-02 12:00+01,-0.50,t\n2,2024-01-01 12:00+01,5,f\n3,,5,t\n"', format 'csv', null '');
SELECT create_scorecard('filed', 'filed', 'customer', 'instant', 'amount', 'paid', every => NULL, amount_scale => 2);
SELECT rows_read, purchases, returns, null_time, customers FROM refresh('filed', as_of => '2024-02-01');
SELECT customer_id, tier, frequency, monetary FROM filed_priority;
SELECT drop_scorecard('filed');
DO $$
BEGIN
  EXECUTE format('CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
                 (SELECT split_part(setting, ',', 1) FROM pg_settings WHERE name = 'unix_socket_directories'),
                 current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER here;
CREATE FOREIGN TABLE remote (customer int, instant timestamptz, amount numeric(12,2), paid bool) SERVER here
  OPTIONS (schema_name 'kinds', table_name 'orders');
SELECT same_as_plain('remote', 'customer', 'instant', 'amount');
CREATE TABLE mixed (LIKE orders) PARTITION BY LIST (paid);
CREATE FOREIGN TABLE mixed_remote PARTITION OF mixed FOR VALUES IN (true) SERVER here OPTIONS (schema_name 'kinds', table_name 'orders_paid');
CREATE TABLE mixed_local PARTITION OF mixed FOR VALUES IN (false);
CREATE TABLE orders_paid AS SELECT * FROM orders WHERE paid;
INSERT INTO mixed_local SELECT * FROM orders WHERE NOT paid;
SELECT same_as_plain('mixed', 'customer', 'instant', 'amount');
-- A server that cannot be reached is told at declaration.
CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nonexistent');
CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere;
CREATE FOREIGN TABLE unreachable (customer int, instant timestamptz, amount int) SERVER nowhere;
\set VERBOSITY sqlstate
SELECT create_scorecard('kind', 'unreachable', 'customer', 'instant', 'amount');
\set VERBOSITY default

-- The relation of customers, of every kind, adds those without purchases.
CREATE VIEW listed AS SELECT customer FROM customers WHERE customer >= 10;
SELECT create_scorecard('kind', 'orders', 'customer', 'instant', 'amount', 'paid', customers => 'listed', customers_key => 'customer', every => NULL);
SELECT customers, buyers, orphans FROM refresh('kind', as_of => '2024-11-15');
SELECT stage, tier IS NULL AS no_tier, count(*), sum(frequency) FROM kind_priority WHERE stage IS NOT NULL GROUP BY 1, 2;
SELECT drop_scorecard('kind');

-- Renamed, moved and then refreshed: followed, and recorded by the refresh.
SELECT create_scorecard('kind', 'orders', 'customer', 'instant', 'amount', 'paid', every => NULL);
SELECT updated FROM refresh('kind', as_of => '2024-11-15');
SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'kind\_%' ORDER BY 1;
ALTER TABLE orders RENAME TO sales;
CREATE SCHEMA moved;
ALTER TABLE sales SET SCHEMA moved;
SELECT inserted, updated, deleted, state_written FROM refresh('kind', as_of => '2024-11-15');
SELECT source FROM scorecard WHERE name = 'kind';
SELECT drop_scorecard('kind');
SELECT drop_scorecard('plain');

-- Columns whose type has changed since: what still fits is read, the rest is refused, on both ways of reading.
CREATE TABLE changing (customer text, day date, amount int);
INSERT INTO changing VALUES ('5', '2024-01-01', 3);
SELECT create_scorecard('kind', 'changing', 'customer', 'day', 'amount', every => NULL, customers => 'changing', customers_key => 'customer');
SELECT inserted, state_written FROM refresh('kind', as_of => '2024-02-01');
ALTER TABLE changing ALTER customer TYPE varchar(20), ALTER day TYPE timestamptz USING day + time '12:00', ALTER amount TYPE float8;
SELECT updated FROM refresh('kind', as_of => '2024-02-01');
ALTER TABLE changing ALTER customer TYPE bigint USING customer::bigint;
SELECT refresh('kind', as_of => '2024-02-01');
SET custprio.fast_scan = off;
SELECT refresh('kind', as_of => '2024-02-01');
RESET custprio.fast_scan;
SELECT alter_scorecard('kind', customer => 'customer::text');
SELECT refresh('kind', as_of => '2024-02-01');
SELECT alter_scorecard('kind', customer => 'customer::text', customers_key => 'customer::text');
SELECT updated FROM refresh('kind', as_of => '2024-02-01');
ALTER TABLE changing ALTER amount TYPE money USING 3::money;
SELECT refresh('kind', as_of => '2024-02-01');
ALTER TABLE changing ALTER amount TYPE numeric, ALTER day TYPE text;
SELECT refresh('kind', as_of => '2024-02-01');
ALTER TABLE changing DROP COLUMN day;
SELECT refresh('kind', as_of => '2024-02-01');
SELECT alter_scorecard('kind', every => '1 hour');
SELECT drop_scorecard('kind');

RESET search_path;
DROP SCHEMA kinds CASCADE;
DROP SCHEMA moved CASCADE;
