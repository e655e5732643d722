-- score_as_of() is what a refresh of that day publishes, whatever came later; a day's turn summarizes again only those
-- for whom it changes anything; verify() looks at every published column.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(19);

CREATE TABLE people (id int);
CREATE TABLE orders (customer int, at timestamptz, amount numeric(10,2));
SELECT setseed(0.11);
INSERT INTO people SELECT i FROM generate_series(20, 90) i;

-- the columns that both have, as text
CREATE FUNCTION pg_temp.differ(day date) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE $q$ SELECT count(*) FROM (
    SELECT customer_id::text, tier, priority, rfm, segment, abc, frequency, monetary, average_order_value, first_purchase, last_purchase,
      p_alive, expected_purchases, clv, stage FROM crm_priority) p
    FULL JOIN score_as_of('crm', $1) s USING (customer_id)
    WHERE (p.tier, p.priority, p.rfm, p.segment, p.abc, p.frequency, p.monetary, p.average_order_value, p.first_purchase, p.last_purchase, p.p_alive, p.expected_purchases, p.clv, p.stage)
      IS DISTINCT FROM (s.tier, s.priority, s.rfm, s.segment, s.abc, s.frequency, s.monetary, s.average_order_value, s.first_purchase, s.last_purchase, s.p_alive, s.expected_purchases, s.clv, s.stage) $q$
    INTO n USING day;
  RETURN n;
END $$;
CREATE FUNCTION pg_temp.buy(n int, first_at timestamptz, span interval) RETURNS void LANGUAGE sql AS $$
  INSERT INTO orders SELECT 1 + floor(100 * random() * random()), first_at + random() * span,
    CASE WHEN random() < 0.15 THEN -1 ELSE 1 END * round((random() * 300)::numeric, 2) FROM generate_series(1, n) $$;

CREATE TEMP TABLE trial (n int, zone text, day date, history interval, listed boolean, published bigint, before bigint, after_later bigint, after_days bigint, after_back bigint);
DO $$
DECLARE
  zones text[] := '{America/Sao_Paulo,Pacific/Apia,Europe/Berlin,Australia/Lord_Howe,UTC,America/St_Johns}';
  turns timestamptz[] := '{2018-11-04 03:00+00,2011-12-30 10:00+00,2020-10-25 01:00+00,2021-04-03 15:00+00,2024-02-29 00:00+00,2006-10-29 02:31+00}';
  windows interval[] := ARRAY[NULL, interval '20 days', interval '1 month'];
  t trial; turn timestamptz; later jsonb;
BEGIN
  FOR n IN 1..12 LOOP
    turn := turns[1 + n % 6];
    t := ROW(n, zones[1 + n % 6], NULL, windows[1 + n % 3], n % 2 = 0);
    t.day := (turn AT TIME ZONE t.zone)::date + floor(random() * 5)::int - 2;
    TRUNCATE orders;
    PERFORM pg_temp.buy(400, turn - interval '60 days', '75 days');
    PERFORM create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => t.zone, history => t.history,
      customers => CASE WHEN t.listed THEN 'people'::regclass END, customers_key => CASE WHEN t.listed THEN 'id' END, capture => CASE WHEN n % 4 < 2 THEN 'trigger' ELSE 'none' END);
    PERFORM refresh('crm', 'auto', t.day);
    EXECUTE 'SELECT count(*) FROM crm_priority' INTO t.published;
    t.before := pg_temp.differ(t.day);
    -- whatever comes later: purchases, returns, refreshes of later days
    INSERT INTO orders SELECT customer, ((t.day + 1 + (i % 9)::int)::timestamp + interval '1 minute') AT TIME ZONE t.zone, amount FROM (SELECT *, row_number() OVER () AS i FROM orders) o WHERE i % 5 = 1;
    t.after_later := pg_temp.differ(t.day);
    PERFORM refresh('crm', 'auto', t.day + 3);
    later := (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.customer_id) FROM score_as_of('crm', t.day + 3) s);
    t.after_days := pg_temp.differ(t.day + 3);
    PERFORM refresh('crm', 'rescore', t.day);
    t.after_back := pg_temp.differ(t.day) + (later IS DISTINCT FROM (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.customer_id) FROM score_as_of('crm', t.day + 3) s))::int;
    INSERT INTO trial SELECT t.*;
    PERFORM drop_scorecard('crm');
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM trial WHERE published > 20), 12::bigint, '12 random sources, each around a change of its clock');
SELECT is_empty('SELECT * FROM trial WHERE before > 0', 'score_as_of() is what a refresh of the day publishes');
SELECT is_empty('SELECT * FROM trial WHERE after_later > 0', 'also when later purchases and returns came');
SELECT is_empty('SELECT * FROM trial WHERE after_days > 0', 'and of a later day, after a rescore to it');
SELECT is_empty('SELECT * FROM trial WHERE after_back > 0', 'and in whatever order days are asked for');

-- a day's turn with a history
TRUNCATE orders;
SELECT pg_temp.buy(2500, '2025-01-01', '150 days');
CREATE INDEX ON orders (customer);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Kathmandu', history => '90 days', capture => 'trigger', clv_model => 'none');
SELECT refresh('crm', 'auto', '2025-05-01');
CREATE TEMP VIEW local AS SELECT customer, (at AT TIME ZONE 'Asia/Kathmandu')::date AS day FROM orders;
-- counted are the days d with as_of - 90 < d <= as_of
CREATE TEMP TABLE turned AS SELECT customer FROM local GROUP BY customer
  HAVING min(day) FILTER (WHERE day > date '2025-05-01' - 90) <= date '2025-05-02' - 90 OR bool_or(day = date '2025-05-02');
CREATE TEMP TABLE run AS SELECT * FROM refresh('crm', 'auto', '2025-05-02');
SELECT is((SELECT mode FROM run), 'rescore', 'the day turns: from the state');
SELECT cmp_ok((SELECT count(*) FROM turned), '>', 5::bigint, 'for some customers a day drops out, or comes in');
SELECT cmp_ok((SELECT count(*) FROM turned), '<', (SELECT count(DISTINCT customer) FROM orders) / 2, 'but not for most');
SELECT is((SELECT rows_read FROM run), (SELECT count(*) FROM orders WHERE customer IN (SELECT customer FROM turned)), 'only their rows are read');
SELECT is((SELECT state_written FROM run), (SELECT count(*) FROM turned), 'and only their state is written');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'with the same result');

-- as_of() where PL/pgSQL keeps the expression from one statement to the next
CREATE FUNCTION pg_temp.day_of_crm() RETURNS date LANGUAGE plpgsql AS $$ BEGIN RETURN as_of('crm'); END $$;
SELECT is(pg_temp.day_of_crm(), '2025-05-02', 'as_of()');
CREATE TEMP TABLE days AS SELECT pg_temp.day_of_crm() AS day LIMIT 0;
DO $$ BEGIN FOR n IN 3..4 LOOP PERFORM refresh('crm', 'auto', date '2025-05-01' + n); INSERT INTO days VALUES (pg_temp.day_of_crm()); END LOOP; END $$;
SELECT results_eq('SELECT day FROM days', ARRAY['2025-05-04'::date, '2025-05-05'], 'follows a refresh in the same transaction');

-- verify() and what is published of the past
SELECT refresh('crm', 'auto', '2025-05-20');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'tiers moved, and their past agrees with the history');
UPDATE crm_priority SET tier_since = tier_since - 1 WHERE customer_id = (SELECT min(customer_id) FROM crm_priority WHERE tier IS NOT NULL);
UPDATE crm_priority SET previous_tier = 'Z' WHERE customer_id = (SELECT max(customer_id) FROM crm_priority WHERE tier IS NOT NULL);
SELECT is((SELECT string_agg(column_name || ' ' || (published IS DISTINCT FROM recomputed), ',' ORDER BY column_name) FROM verify('crm')), 'previous_tier true,tier_since true', 'verify() sees that they were changed');
DELETE FROM crm_tier_history;
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'and says nothing where the history was deleted');
SELECT refresh('crm', 'auto', '2025-06-20');
SELECT is((SELECT count(*) FROM verify('crm') WHERE column_name = 'tier'), 0::bigint, 'tiers go on');

-- an epoch over no purchases at all
TRUNCATE orders;
SELECT refresh('crm', 'auto', '2025-06-20');
SELECT is_empty($$ SELECT * FROM verify('crm') $$, 'verify() agrees that an empty source has nothing to publish');
INSERT INTO orders VALUES (7, '2025-06-01', 10);
SELECT is((SELECT string_agg(recomputed, ',') FROM verify('crm') WHERE column_name = 'customer_id'), '7', 'and sees who bought since');
SELECT * FROM finish();
ROLLBACK;
