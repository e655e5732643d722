-- A refresh runs what a scorecard's owner wrote as that owner and as nobody else, whoever starts it, and inside a
-- security-restricted operation. Each attack leaves a note of who it ran as.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'Europe/Berlin';
CREATE ROLE regress_custprio_mallory;
CREATE ROLE regress_custprio_member IN ROLE regress_custprio_mallory;
CREATE ROLE regress_custprio_victim;
CREATE SCHEMA trap AUTHORIZATION regress_custprio_mallory;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE TABLE trap.notes (place text, who text);
GRANT SELECT, INSERT ON trap.notes TO PUBLIC;
SET ROLE regress_custprio_mallory;
CREATE TABLE trap.orders (customer_id bigint, ordered_at date, amount int, hidden bool DEFAULT false);
INSERT INTO trap.orders SELECT i % 20, date '2024-01-01' + i, i FROM generate_series(1, 100) i;
-- Commands to be tried from inside an expression that only claims to be immutable
CREATE TABLE trap.deed (command text);
INSERT INTO trap.deed VALUES ('SELECT 1');
CREATE FUNCTION trap.act() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE (SELECT command FROM trap.deed);
END $$;
CREATE FUNCTION trap.note(place text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trap.notes VALUES (place, current_user);
  RETURN true;
END $$;
CREATE FUNCTION trap.spy(place text, amount anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM trap.note(place);
  RETURN amount;
END $$;
CREATE FUNCTION trap.sting(amount int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM trap.act();
  RETURN amount;
END $$;
SELECT custprio.create_scorecard('trap', 'trap.orders', $$trap.spy('customer', customer_id)$$, $$trap.spy('time', ordered_at)$$,
  $$trap.spy('amount', amount)$$, $$trap.spy('filter', amount) >= 0$$, schema => 'trap', every => NULL,
  customers => 'trap.orders', customers_key => $$trap.spy('customers', customer_id)$$);

-- Places on the published tables
CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM trap.note('trigger ' || TG_NAME || ' ' || TG_OP);
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER before BEFORE INSERT OR UPDATE OR DELETE ON trap.trap_priority FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE TRIGGER after AFTER INSERT OR UPDATE OR DELETE ON trap.trap_priority FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE TRIGGER history AFTER INSERT ON trap.trap_tier_history FOR EACH ROW EXECUTE FUNCTION trap.fire();
CREATE TRIGGER state AFTER INSERT OR UPDATE ON trap.trap_purchases FOR EACH ROW EXECUTE FUNCTION trap.fire();
ALTER TABLE trap.trap_priority ADD CHECK (trap.spy('check', frequency) IS NOT NULL);
CREATE INDEX ON trap.trap_priority (trap.spy('index', frequency));
CREATE INDEX ON trap.trap_tier_history (run_id) WHERE trap.spy('partial index', run_id) > 0;
ALTER TABLE trap.trap_priority ADD COLUMN extra bigint GENERATED ALWAYS AS (trap.spy('generated', frequency)) STORED;
RESET ROLE;

-- A superuser starts it, then a member of the owner; a function of a superuser that lends its rights does not either.
DELETE FROM trap.notes;
SELECT inserted > 0 AS written FROM custprio.refresh('trap', as_of => '2024-03-01');
SELECT place, who, count(*) > 0 AS ran FROM trap.notes GROUP BY 1, 2 ORDER BY 1;
DELETE FROM trap.notes;
SET ROLE regress_custprio_member;
SELECT updated > 0 AS written FROM custprio.refresh('trap', as_of => '2024-04-01');
RESET ROLE;
SELECT who, count(DISTINCT place) > 8 AS many_places FROM trap.notes GROUP BY 1;
DELETE FROM trap.notes;
CREATE FUNCTION trap.lend() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT status FROM custprio.refresh('trap', as_of => '2024-04-20') $$;
SET ROLE regress_custprio_mallory;
SELECT trap.lend();
RESET ROLE;
SELECT who, count(DISTINCT place) > 8 AS many_places FROM trap.notes GROUP BY 1;
DELETE FROM trap.notes;
CALL custprio.run_refresh('trap', as_of => '2024-04-02');
SELECT who, count(DISTINCT place) > 8 AS many_places FROM trap.notes GROUP BY 1;

-- Others may not start it.
SET ROLE regress_custprio_victim;
SELECT custprio.refresh('trap');
CALL custprio.run_refresh('trap');
RESET ROLE;

-- From inside there is no way out, and a refresh that tried changes nothing.
SET ROLE regress_custprio_mallory;
DROP TRIGGER before ON trap.trap_priority;
DROP TRIGGER after ON trap.trap_priority;
SELECT custprio.alter_scorecard('trap', customer => 'customer_id', purchased_at => 'ordered_at', amount => 'trap.sting(amount)',
  reset => '{filter,customers}');
RESET ROLE;
CREATE FUNCTION pg_temp.attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  UPDATE trap.deed SET command = attempt.command;
  PERFORM custprio.refresh('trap', as_of => '2024-05-01');
  RETURN 'went through';
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT md5(string_agg(p::text, '|' ORDER BY customer_id)) AS before FROM trap.trap_priority p \gset
SELECT c, pg_temp.attempt(c) FROM unnest(ARRAY[
  'RESET ROLE', 'SET ROLE regress_custprio_victim', 'SET SESSION AUTHORIZATION DEFAULT', $$SELECT set_config('role', 'none', false)$$,
  'CREATE TEMP TABLE bait ()', 'LISTEN bait', 'DECLARE bait CURSOR WITH HOLD FOR SELECT 1', 'COMMIT',
  'CREATE TABLE public.bait ()', 'DELETE FROM custprio.scorecard', 'UPDATE custprio.epoch SET as_of = NULL',
  $$SELECT custprio.drop_scorecard('trap')$$, $$SELECT custprio.alter_scorecard('trap', every => '1 hour')$$,
  'SELECT 1/0']) c;
SELECT md5(string_agg(p::text, '|' ORDER BY customer_id)) = :'before' AS untouched FROM trap.trap_priority p;
-- Settings that it changes are back afterwards, also within the refresh's own statements.
SELECT pg_temp.attempt($$SELECT set_config('search_path', 'trap', false), set_config('TimeZone', 'Asia/Tokyo', false)$$);
SHOW search_path;
SHOW TimeZone;
-- A refresh from within a refresh
SELECT pg_temp.attempt($$SELECT custprio.refresh('trap')$$);

-- Deferred triggers would run after the operation, as whoever commits: refused.
SET ROLE regress_custprio_mallory;
SELECT custprio.alter_scorecard('trap', amount => 'amount');
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON trap.trap_priority DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trap.fire();
INSERT INTO trap.orders SELECT 100 + i, date '2024-01-01' + i, 1000 + i FROM generate_series(1, 10) i;
RESET ROLE;
DELETE FROM trap.notes;
SELECT custprio.refresh('trap', as_of => '2024-05-01');
SELECT * FROM trap.notes;
DROP TRIGGER late ON trap.trap_priority;

-- Objects that shadow PostgreSQL's own are not met: neither through the search_path of who calls nor in the views.
CREATE SCHEMA shadow AUTHORIZATION regress_custprio_mallory;
GRANT USAGE ON SCHEMA shadow TO PUBLIC;
SET ROLE regress_custprio_mallory;
CREATE FUNCTION shadow.equal(bigint, bigint) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM trap.note('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE FUNCTION shadow.equal(text, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM trap.note('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR shadow.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = shadow.equal);
CREATE OPERATOR shadow.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shadow.equal);
CREATE FUNCTION shadow.round(numeric, int) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('round'); RETURN pg_catalog.round($1, $2); END $$;
CREATE FUNCTION shadow.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('now'); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION shadow.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('unnest'); RETURN QUERY SELECT pg_catalog.unnest($1); END $$;
CREATE VIEW shadow.scorecard AS SELECT trap.note('relation');
RESET ROLE;
DELETE FROM trap.notes;
SET search_path = shadow, pg_catalog, public;
SELECT custprio.create_scorecard('clean', 'trap.orders', 'customer_id', 'ordered_at', 'amount', 'customer_id > 0', schema => 'public', every => NULL);
SELECT status FROM custprio.refresh('clean', as_of => '2024-05-01');
SELECT count(*) FROM public.clean_tiers WHERE recency_days > 0;
SELECT count(*) FROM public.clean_tier_summary;
SELECT custprio.alter_scorecard('clean', history => '1 year');
SELECT status FROM custprio.refresh('clean', as_of => '2024-05-02');
SELECT count(*) > 0 AS listed FROM custprio.status;
SELECT custprio.drop_scorecard('clean');
RESET search_path;
SELECT * FROM trap.notes;

-- Temporary objects of who calls neither.
CREATE TEMP TABLE orders (customer_id bigint);
CREATE TEMP TABLE scorecard (name text);
SELECT status FROM custprio.refresh('trap', as_of => '2024-05-02');

-- Row security and views apply to the owner, not to who starts the refresh.
CREATE TABLE public.regress_custprio_orders AS SELECT * FROM trap.orders;
UPDATE public.regress_custprio_orders SET hidden = customer_id % 2 = 0;
ALTER TABLE public.regress_custprio_orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON public.regress_custprio_orders TO regress_custprio_mallory
  USING (NOT hidden AND trap.spy('policy of ' || current_user, amount) >= 0);
GRANT SELECT ON public.regress_custprio_orders TO regress_custprio_mallory;
CREATE VIEW public.regress_custprio_view AS SELECT customer_id, ordered_at, trap.spy('view', amount) AS amount FROM trap.orders;
GRANT SELECT ON public.regress_custprio_view TO regress_custprio_mallory;
SET ROLE regress_custprio_mallory;
SELECT custprio.alter_scorecard('trap', source => 'public.regress_custprio_orders');
RESET ROLE;
DELETE FROM trap.notes;
SET row_security = off;
SELECT customers FROM custprio.refresh('trap', as_of => '2024-05-02');
RESET row_security;
SELECT count(DISTINCT customer_id), count(DISTINCT customer_id) FILTER (WHERE NOT hidden) AS visible FROM public.regress_custprio_orders;
SELECT DISTINCT place, who FROM trap.notes ORDER BY 1;
SET ROLE regress_custprio_mallory;
SELECT custprio.alter_scorecard('trap', source => 'public.regress_custprio_view');
RESET ROLE;
DELETE FROM trap.notes;
SELECT status FROM custprio.refresh('trap', as_of => '2024-05-02');
SELECT DISTINCT place, who FROM trap.notes ORDER BY 1;

-- Rights that the owner has lost end the refreshes, for plain tables that are scanned directly too.
REVOKE SELECT ON public.regress_custprio_view FROM regress_custprio_mallory;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
CREATE SCHEMA closed;
CREATE TABLE closed.orders AS SELECT * FROM trap.orders;
GRANT USAGE ON SCHEMA closed TO regress_custprio_mallory;
GRANT SELECT ON closed.orders TO regress_custprio_mallory;
SET ROLE regress_custprio_mallory;
SELECT custprio.alter_scorecard('trap', source => 'closed.orders');
RESET ROLE;
SELECT status FROM custprio.refresh('trap', as_of => '2024-05-02');
REVOKE SELECT ON closed.orders FROM regress_custprio_mallory;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
GRANT SELECT (customer_id, ordered_at) ON closed.orders TO regress_custprio_mallory;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
GRANT SELECT (amount) ON closed.orders TO regress_custprio_mallory;
SELECT status FROM custprio.refresh('trap', as_of => '2024-05-02');
GRANT SELECT ON closed.orders TO regress_custprio_mallory;
REVOKE USAGE ON SCHEMA closed FROM regress_custprio_mallory;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
SET custprio.fast_scan = off;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
RESET custprio.fast_scan;

-- A published table that is not a plain table of the owner's any more is not written.
GRANT USAGE ON SCHEMA closed TO regress_custprio_mallory;
CREATE TABLE trap.loot (customer_id bigint PRIMARY KEY, summary custprio.purchase_summary NOT NULL, listed boolean, earliest date, next_day date);
SET ROLE regress_custprio_mallory;
ALTER TABLE trap.trap_purchases RENAME TO old_purchases;
RESET ROLE;
ALTER TABLE trap.loot RENAME TO trap_purchases;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
DROP TABLE trap.trap_purchases;
SET ROLE regress_custprio_mallory;
CREATE VIEW trap.trap_purchases AS SELECT * FROM trap.old_purchases;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
DROP VIEW trap.trap_purchases;
ALTER TABLE trap.old_purchases RENAME TO trap_purchases;
ALTER TABLE trap.trap_purchases ALTER COLUMN next_day TYPE text;
SELECT custprio.refresh('trap', as_of => '2024-05-02');
RESET ROLE;
DROP SCHEMA trap CASCADE;
SELECT custprio.refresh('trap');
SELECT custprio.drop_scorecard('trap');
DROP SCHEMA shadow CASCADE;
DROP SCHEMA closed CASCADE;
DROP TABLE public.regress_custprio_orders;
DROP ROLE regress_custprio_member;
DROP ROLE regress_custprio_mallory;
DROP ROLE regress_custprio_victim;
