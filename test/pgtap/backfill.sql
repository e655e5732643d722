-- backfill_history() writes what refreshes with as_of on those days would have written: a twin scorecard makes these.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(30);

CREATE TABLE people (id text);
CREATE TABLE orders (customer text, at timestamptz, amount numeric(10,2));
SELECT setseed(0.42);
INSERT INTO people SELECT 'c' || i FROM generate_series(1, 60) i;
-- around changes of the clock, with returns, NULLs, and people who buy once a year
INSERT INTO orders SELECT CASE WHEN random() > 0.01 THEN 'c' || (1 + floor(power(random(), 2) * 130)) END,
    timestamptz '2018-09-01 00:00 America/Sao_Paulo' + random() * 300 * interval '1 day',
    CASE WHEN random() < 0.1 THEN -1 ELSE 1 END * round((random() * 200)::numeric, 2) FROM generate_series(1, 900);
INSERT INTO orders VALUES ('c300', '2018-10-01', -5), ('c301', '2019-01-01', 'NaN');

CREATE FUNCTION pg_temp.make(card text, history interval, customers regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM create_scorecard(card, 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'America/Sao_Paulo',
    history => history, customers => customers, customers_key => CASE WHEN customers IS NOT NULL THEN 'id' END);
END $$;
CREATE FUNCTION pg_temp.run_on(card text, days date[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d date;
BEGIN
  FOREACH d IN ARRAY days LOOP PERFORM refresh(card, 'auto', d); END LOOP;
END $$;
CREATE FUNCTION pg_temp.differ() RETURNS TABLE (side text, customer_id text, changed_on date, previous customer_tier, tier customer_tier, reason text) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE $q$
  (SELECT 'backfill', customer_id, changed_on, previous_tier, tier, reason FROM crm_tier_history WHERE run_id = 0 EXCEPT ALL
   SELECT 'backfill', customer_id, changed_on, previous_tier, tier, reason FROM twin_tier_history)
  UNION ALL
  (SELECT 'twin', customer_id, changed_on, previous_tier, tier, reason FROM twin_tier_history EXCEPT ALL
   SELECT 'twin', customer_id, changed_on, previous_tier, tier, reason FROM crm_tier_history WHERE run_id = 0)$q$; END $$;
CREATE FUNCTION pg_temp.published() RETURNS text LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN EXECUTE $q$
  SELECT md5(string_agg(x, '|' ORDER BY x)) FROM (
    SELECT p::text || p.ctid || p.xmin AS x FROM crm_priority p UNION ALL SELECT s::text || s.ctid || s.xmin FROM crm_purchases s
    UNION ALL SELECT h::text || h.ctid || h.xmin FROM crm_tier_history h WHERE run_id <> 0
    UNION ALL SELECT e::text || e.ctid FROM custprio.epoch e JOIN scorecard USING (scorecard_id) WHERE name = 'crm'
    UNION ALL SELECT t::text FROM threshold t JOIN scorecard USING (scorecard_id) WHERE name = 'crm') x$q$ INTO x; RETURN x; END $$;

-- random windows and steps
CREATE TEMP TABLE trial (n int, history interval, listed boolean, step interval, first_day date, changes bigint, reported bigint, differences bigint, untouched boolean);
DO $$
DECLARE
  windows interval[] := ARRAY[NULL, interval '45 days', interval '2 months'];
  steps interval[] := ARRAY[interval '1 week', interval '1 day', interval '1 month', interval '48 hours', interval '10 days', interval '1 month'];
  t trial; days date[]; before text; last_day date;
BEGIN
  FOR n IN 1..6 LOOP
    t := ROW(n, windows[1 + (n + 1) % 3], n % 2 = 0, steps[n], date '2018-10-25' + n * 3);
    last_day := t.first_day + CASE WHEN t.step < interval '3 days' THEN 12 ELSE 120 END;
    PERFORM pg_temp.make('crm', t.history, CASE WHEN t.listed THEN 'people'::regclass END);
    PERFORM pg_temp.make('twin', t.history, CASE WHEN t.listed THEN 'people'::regclass END);
    IF n % 3 = 1 THEN PERFORM refresh('crm', 'auto', '2019-06-01'); END IF;
    IF n IN (2, 4) THEN PERFORM set_tier_policy(c, minimum_stay => 9, max_steps_down => 1, step_days => 5) FROM unnest('{crm,twin}'::text[]) c; END IF;
    days := ARRAY(SELECT d::date FROM generate_series(t.first_day::timestamp, last_day, t.step) d);
    PERFORM pg_temp.run_on('twin', days);
    before := pg_temp.published();
    SELECT sum(tier_changes) INTO t.reported FROM backfill_history('crm', t.first_day, last_day, t.step);
    t.untouched := before IS NOT DISTINCT FROM pg_temp.published();
    SELECT count(*) INTO t.changes FROM crm_tier_history WHERE run_id = 0;
    SELECT count(*) INTO t.differences FROM pg_temp.differ();
    INSERT INTO trial SELECT t.*;
    IF n < 6 THEN PERFORM drop_scorecard('crm'), drop_scorecard('twin'); END IF;
  END LOOP;
END $$;
SELECT is_empty('SELECT * FROM trial WHERE differences > 0', 'random windows, steps and relations of customers: as a twin that ran on those days');
SELECT is_empty('SELECT * FROM trial WHERE changes < 100 OR changes <> reported', 'with the numbers of changes that it reports');
SELECT is_empty('SELECT * FROM trial WHERE untouched IS NOT TRUE', 'priority table, state, epoch and rows of refreshes stay, to the very tuple');
SELECT is((SELECT count(DISTINCT reason) FROM crm_tier_history), 3::bigint, 'for behaviour, time and data');

-- the last trial goes on: days are joined
CREATE FUNCTION pg_temp.twin_on(days date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM drop_scorecard('twin');
  PERFORM pg_temp.make('twin', history, customers) FROM (SELECT history, customers::regclass FROM scorecard WHERE name = 'crm') s;
  PERFORM pg_temp.run_on('twin', days);
END $$;
CREATE FUNCTION pg_temp.rows() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE $q$ SELECT h::text FROM crm_tier_history h$q$; END $$;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.rows() r;
CREATE TEMP TABLE days AS SELECT day FROM backfilled_day;
SELECT backfill_history('crm', first_day, first_day + 120, '1 month') FROM trial WHERE n = 6;
SELECT set_eq('SELECT pg_temp.rows()', 'SELECT r FROM before', 'the same call again gives the same rows');
SELECT set_eq('SELECT day FROM backfilled_day', 'SELECT day FROM days', 'and the same days');
SELECT backfill_history('crm', '2019-04-01', '2019-04-20', '1 week');
INSERT INTO days VALUES ('2019-04-01'), ('2019-04-08'), ('2019-04-15');
SELECT pg_temp.twin_on(ARRAY(SELECT day FROM days ORDER BY day));
SELECT is_empty('SELECT * FROM pg_temp.differ()', 'days after those that are there continue them');
SELECT backfill_history('crm', '2018-09-20', '2018-09-22');
INSERT INTO days VALUES ('2018-09-20'), ('2018-09-21'), ('2018-09-22');
SELECT pg_temp.twin_on(ARRAY(SELECT day FROM days ORDER BY day));
SELECT is_empty('SELECT * FROM pg_temp.differ()', 'days before them come first');
SELECT backfill_history('crm', '2018-12-20', '2019-01-20', '5 days');
DELETE FROM days WHERE day BETWEEN '2018-12-20' AND '2019-01-20';
INSERT INTO days SELECT date '2018-12-20' + 5 * i FROM generate_series(0, 6) i;
SELECT pg_temp.twin_on(ARRAY(SELECT day FROM days ORDER BY day));
SELECT is_empty('SELECT * FROM pg_temp.differ()', 'days between them take the place of those of their time');
SELECT set_eq('SELECT day FROM backfilled_day', 'SELECT day FROM days', 'and custprio knows them all');
SELECT is((SELECT count(*) FROM crm_tier_history WHERE (changed_at AT TIME ZONE 'America/Sao_Paulo')::date <> changed_on), 0::bigint, 'the time of a change is of its local day');
SELECT is_empty('SELECT FROM (SELECT *, lag(tier) OVER w AS before FROM crm_tier_history WINDOW w AS (PARTITION BY customer_id ORDER BY changed_at)) h WHERE previous_tier IS DISTINCT FROM before OR tier IS NOT DISTINCT FROM previous_tier',
  'each change leads on from the one before');

-- refreshes come, and their time is theirs
SELECT refresh('crm', 'auto', '2019-05-01');
UPDATE crm_tier_history SET changed_at = '2019-04-10 12:00+00' WHERE run_id <> 0;
TRUNCATE before;
INSERT INTO before SELECT * FROM pg_temp.rows() r;
SET LOCAL client_min_messages = notice;
SELECT is((SELECT count(*) FROM backfill_history('crm', '2019-04-10', '2019-04-20')), 0::bigint, 'days from the first refresh on are left alone');
SELECT is((SELECT max(day) FROM backfill_history('crm', '2019-04-08', current_date + 1000)), '2019-04-09'::date, 'others are filled up to it');
SELECT is((SELECT count(*) FROM backfill_history('crm', '2019-04-08', '2019-04-09')), 2::bigint, 'which takes no notice when it is all that was asked for');
SET LOCAL client_min_messages = error;
SELECT bag_has('SELECT pg_temp.rows()', 'SELECT h::text FROM crm_tier_history h WHERE run_id <> 0', 'rows of refreshes stay');
SELECT is((SELECT max(tier) FROM migration('crm', '2018-09-20', '2018-12-25') m(before, tier, n)), 'D', 'migration reads the filled days');
SELECT isnt_empty($$ SELECT * FROM explain('crm', (SELECT customer_id FROM crm_priority WHERE tier = 'A' LIMIT 1)) WHERE item = 'since' $$, 'and explain the last change');

-- no days at all
SELECT is((SELECT count(*) FROM backfill_history('twin', current_date, current_date + 5)), 0::bigint, 'today is not over');
SELECT is((SELECT sum(customers) FROM backfill_history('crm', '2010-01-01', '2010-01-03')), (SELECT 3 * count(*) FROM people)::numeric, 'before the first purchase there is nobody but those who are listed');
SELECT is((SELECT count(*) FROM backfilled_day WHERE day < '2011-01-01'), 3::bigint, 'which is a filled day all the same');
DELETE FROM orders;
SELECT drop_scorecard('twin');
SELECT pg_temp.make('twin', NULL, NULL);
SELECT is((SELECT sum(customers) FROM backfill_history('twin', '2018-12-01', '2018-12-02')), 0::numeric, 'an empty source');

-- arguments and rights
SELECT throws_ok($$ SELECT backfill_history('crm', '2019-01-02', '2019-01-01') $$, '22023', 'argument "from_day" must not be after "to_day"', 'backwards');
SELECT throws_ok($$ SELECT backfill_history('crm', '-infinity', '2019-01-01') $$, '22008', NULL, 'an infinite day');
SELECT throws_ok($$ SELECT backfill_history('crm', '2019-01-01', '2019-01-02', '0') $$, '22023', NULL, 'no step');
SELECT throws_ok($$ SELECT backfill_history('crm', '2019-01-01', '2019-01-02', '-1 day') $$, '22023', NULL, 'a step back');
SELECT throws_ok($$ SELECT backfill_history('crm', '2019-01-01', '2019-01-02', '6 hours') $$, '22023', NULL, 'a step within a day');
SELECT is_empty($$ SELECT backfill_history('crm', NULL, '2019-01-02') $$, 'NULL gives nothing');
SELECT throws_ok($$ SELECT backfill_history('nobody', '2019-01-01', '2019-01-02') $$, '42704', NULL, 'a scorecard that does not exist');
CREATE ROLE stranger;
SET ROLE stranger;
SELECT throws_ok($$ SELECT custprio.backfill_history('crm', '2019-01-01', '2019-01-02') $$, '42501', NULL, 'the owner alone');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
