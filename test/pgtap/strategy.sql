-- Plans, costs and allocations against plain queries and properties that must hold.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(27);
SELECT setseed(0.6);
CREATE TABLE sale AS SELECT (300 * random() ^ 2)::int AS buyer, date '2025-01-01' + (250 * random())::int AS day, round((exp(random() * 5))::numeric, 2) AS amount
  FROM generate_series(1, 2500) n;
CREATE TABLE call (whom int, at timestamptz, via text);
SELECT create_scorecard('t', 'sale', 'buyer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none');
SELECT count(*) FROM refresh('t', as_of => '2025-07-01');
CREATE TEMP TABLE july AS SELECT * FROM t_priority;
INSERT INTO sale SELECT b, '2025-07-20', 400 FROM generate_series(200, 320) b;
SELECT count(*) FROM refresh('t', as_of => '2025-08-10');
SELECT set_strategy('t', 'A', 'visit', 'visit', 3.3, 120), set_strategy('t', 'A', 'dinner', 'visit', 0.25, 40), set_strategy('t', 'A', 'letter', 'mail', 1, 2),
  set_strategy('t', 'B', 'call', 'phone', 1.5, 20), set_strategy('t', 'C', 'newsletter', 'mail', NULL, 0.25);

-- without a record of contacts all is missed, or open
SELECT is((SELECT count(*) FROM contact_plan('t', '2025-07-15') WHERE missed <> due OR made <> 0 OR open <> 0), 0::bigint, 'nothing noted: all of a month that is over is missed');
SELECT is((SELECT count(*) FROM contact_plan('t') WHERE open <> due OR made <> 0 OR missed <> 0), 0::bigint, 'and of this month open');
SELECT set_eq($$ SELECT customer_id, tier FROM contact_plan('t', '2025-07-01') $$, $$ SELECT customer_id::text, tier FROM july WHERE tier IN ('A', 'B') $$, 'a past month follows the tiers at its beginning');
SELECT set_eq($$ SELECT customer_id, tier FROM contact_plan('t') $$, $$ SELECT customer_id::text, tier FROM t_priority WHERE tier IN ('A', 'B') $$, 'this month those of now');
SELECT ok((SELECT abs(sum(due) - 12 * 1.5) <= 1 FROM generate_series(0, 11) m, LATERAL contact_plan('t', (date '2026-01-01' + make_interval(months => m))::date) p
  WHERE p.customer_id = (SELECT customer_id::text FROM t_priority WHERE tier = 'B' LIMIT 1)), 'fractions add up over the months');
SELECT set_contacts('t', 'call', 'whom', 'at', 'via');
INSERT INTO call SELECT customer_id, '2025-07-05', 'visit' FROM july WHERE tier = 'A';
INSERT INTO call SELECT customer_id, '2025-07-09', 'phone' FROM july WHERE tier IN ('A', 'B');
INSERT INTO call SELECT customer_id, '2025-07-31 23:59:59', 'phone' FROM july WHERE tier = 'B';
INSERT INTO call SELECT customer_id, '2025-08-01', 'phone' FROM july WHERE tier = 'B';
SELECT results_eq($$ SELECT tier, channel, min(made), max(made), min(last_contact) FROM contact_plan('t', '2025-07-01') GROUP BY 1, 2 ORDER BY 1, 2 $$,
  $$ VALUES ('A'::customer_tier, 'mail'::text, 0::bigint, 0::bigint, NULL::date), ('A', 'visit', 1, 1, '2025-07-05'), ('B', 'phone', 2, 2, '2025-07-31') $$, 'contacts count in their month and channel, a call not as a visit');
SELECT is((SELECT count(*) FROM contact_plan('t', '2025-07-01') WHERE missed <> greatest(due - made, 0)), 0::bigint, 'missed is what is left');
SELECT set_eq($$ SELECT customer_id, last_contact FROM actions_due('t', '2025-08-31') WHERE action = 'call' $$,
  $$ SELECT p.customer_id::text, max(c.at)::date FROM t_priority p LEFT JOIN call c ON c.whom = p.customer_id AND c.via = 'phone' AND c.at < '2025-09-01' WHERE p.tier = 'B'
     GROUP BY p.customer_id, p.tier_since HAVING coalesce(max(c.at)::date + 21, p.tier_since) <= '2025-08-31' $$, 'a call is due 21 days after the last one, or since the tier began');
SELECT is((SELECT count(*) FROM actions_due('t', '2025-08-31') WHERE days_overdue <> date '2025-08-31' - due_on OR due_on > '2025-08-31'), 0::bigint, 'and overdue since then');
SELECT set_contacts('t', 'call', 'whom', 'at');
SELECT is((SELECT made FROM contact_plan('t', '2025-07-01') WHERE tier = 'A' LIMIT 1), 2::bigint, 'without channels all contacts count together');
SELECT is((SELECT count(*) FROM contact_plan('t', '2025-07-01')), (SELECT count(*) FROM july WHERE tier IN ('A', 'B')), 'in one row per customer');

-- costs
SELECT results_eq($$ SELECT tier, customers, budget_per_month, revenue FROM tier_costs('t') $$,
  $$ SELECT tier, count(*), count(*) * CASE tier::text WHEN 'A' THEN 162 WHEN 'B' THEN 20 WHEN 'C' THEN 0.25 ELSE 0 END, sum(monetary) FROM t_priority GROUP BY tier ORDER BY tier $$, 'costs of tiers beside their value');
SELECT is((SELECT round(sum(share_of_budget), 2) || ' ' || round(sum(share_of_revenue), 2) FROM tier_costs('t')), '1.00 1.00', 'shares add up');

-- allocations
CREATE TEMP TABLE outcome (n int, given bigint, capacity bigint, broken bigint);
DO $$
DECLARE
  c bigint; f int; k int; m text;
BEGIN
  FOR n IN 1 .. 24 LOOP
    c := floor(random() * 3000); f := floor(random() * 4); k := f + floor(random() * 12); m := CASE WHEN n % 2 = 0 THEN 'greedy' ELSE 'proportional' END;
    INSERT INTO outcome SELECT n, sum(allocated), c,
      count(*) FILTER (WHERE recipient IS NOT NULL AND (allocated < CASE WHEN tier = 'A' THEN f ELSE 0 END OR allocated > CASE WHEN tier = 'D' THEN 1 ELSE greatest(k, 1) END))
      FROM allocate('t', c, m, by => 'monetary', floors => jsonb_build_object('A', f), caps => jsonb_build_object('*', greatest(k, 1), 'D', 1));
  END LOOP;
END $$;
SELECT is_empty('SELECT * FROM outcome WHERE given <> capacity', 'units add up to the capacity, whatever bounds there are');
SELECT is_empty('SELECT * FROM outcome WHERE broken > 0', 'within caps and floors');
SELECT is_empty($$ SELECT * FROM allocate('t', 777, by => 'monetary') a WHERE recipient IS NOT NULL AND abs(allocated - 777 * weight / (SELECT sum(greatest(monetary, 0)) FROM t_priority)) >= 1 $$, 'proportional to the unit');
SELECT is_empty($$ SELECT * FROM allocate('t', 500, 'greedy', by => 'monetary', decay => 0.8) a, LATERAL (SELECT max(weight * 0.8 ^ allocated) AS next FROM allocate('t', 500, 'greedy', by => 'monetary', decay => 0.8)) b
  WHERE allocated > 0 AND a.weight * 0.8 ^ (allocated - 1) < b.next - 1e-9 $$, 'greedily: no unit would bring more elsewhere');
SELECT is((SELECT count(*) FROM allocate('t', 500) WHERE recipient IS NOT NULL), (SELECT count(*) FROM t_priority WHERE tier IS NOT NULL), 'everybody with a tier is listed');
SELECT results_eq($$ SELECT recipient, tier::text FROM allocate('t', 12, per => 'tier', by => 'monetary') $$, $$ VALUES ('A', 'A'), ('B', 'B'), ('C', 'C'), ('D', 'D') $$, 'or tiers');
SELECT is((SELECT allocated FROM allocate('t', 50, customer_floors => jsonb_build_object(c.customer_id::text, 7)) a WHERE a.recipient = c.customer_id::text), 7::bigint, 'a floor of one customer')
  FROM (SELECT customer_id FROM t_priority ORDER BY priority LIMIT 1) c;
SELECT is((SELECT allocated FROM allocate('t', 50000, customer_caps => jsonb_build_object(c.customer_id::text, 2)) a WHERE a.recipient = c.customer_id::text), 2::bigint, 'a cap of one customer')
  FROM (SELECT customer_id FROM t_priority ORDER BY priority DESC LIMIT 1) c;
SELECT results_eq($$ SELECT recipient, allocated, reason FROM allocate('t', 5, floors => '{"*": 1}') $$,
  format($$ VALUES (NULL::text, 5::bigint, 'not allocated: the floors add up to %s, which is more') $$, (SELECT count(*) FROM t_priority WHERE tier IS NOT NULL)), 'floors that are too large are named');

-- representatives: by the owner on the day
CREATE TABLE rep AS SELECT b AS customer, 'first' AS rep, NULL::date AS since, CASE WHEN b % 2 = 0 THEN date '2025-08-01' END AS until FROM generate_series(0, 320) b;
INSERT INTO rep SELECT customer, 'second', '2025-08-01', NULL FROM rep WHERE until IS NOT NULL;
CREATE TEMP TABLE moved AS SELECT a.customer_id, a.tier AS before, b.tier AS after, b.monetary FROM july a FULL JOIN t_priority b USING (customer_id);
SELECT results_eq($$ SELECT representative, upgrades, downgrades FROM rep_scorecard('t', 'rep', 'customer', 'rep', '2025-07-01', '2025-08-10', 'since', 'until') $$,
  $$ SELECT CASE customer_id % 2 WHEN 0 THEN 'second' ELSE 'first' END, count(*) FILTER (WHERE after < before), count(*) FILTER (WHERE after > before) FROM moved GROUP BY 1 ORDER BY 1 $$, 'changes count for who had the customer that day');
SELECT results_eq($$ SELECT representative, a_retained, a_retained_value FROM rep_scorecard('t', 'rep', 'customer', 'rep', '2025-07-01', '2025-08-10', 'since', 'until') $$,
  $$ SELECT CASE customer_id % 2 WHEN 0 THEN 'second' ELSE 'first' END, count(*) FILTER (WHERE after = 'A' AND before = 'A'), sum(monetary) FILTER (WHERE after = 'A' AND before = 'A') FROM moved GROUP BY 1 ORDER BY 1 $$, 'so do tier A kept and its value');
SELECT is((SELECT sum(customers) FROM rep_scorecard('t', 'rep', 'customer', 'rep', '2025-07-01', '2025-08-10', 'since', 'until')), (SELECT count(*)::numeric FROM t_priority), 'every customer once');
SELECT is((SELECT contacted FROM rep_scorecard('t', 'rep', 'customer', 'rep', '2025-07-01', '2025-08-10', 'since', 'until') WHERE representative = 'second'),
  (SELECT count(DISTINCT whom) FROM call JOIN t_priority ON customer_id = whom WHERE whom % 2 = 0 AND at >= '2025-08-01' AND at < '2025-08-11'), 'contacts before it took over are not the second''s');
SELECT is(profile('t', '5') #>> '{customer,tier}', (SELECT tier::text FROM t_priority WHERE customer_id = 5), 'a profile tells the tier');
SELECT * FROM finish();
ROLLBACK;
