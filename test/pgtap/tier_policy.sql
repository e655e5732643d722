-- Tiers under policies and overrides: scripted customers day by day, each cause of a change, and properties at random.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(46);

-- Every card scores by revenue alone: A from 1000 on, B from 100, C from 10, else D.
CREATE TABLE event (card text, customer int, day date, amount numeric);
CREATE TABLE timeline (card text, customer int, expected text);
CREATE TABLE shop (card text, customer int, day date, amount numeric);
CREATE TABLE call (card text, day date, statement text);
CREATE TABLE outcome (card text, day date, differences bigint, rewritten bigint, moved bigint);

INSERT INTO event SELECT card, customer, ('2025-' || day)::date, amount FROM (VALUES
  ('plain', 1, '01-01', 50), ('plain', 1, '01-03', 100), ('plain', 1, '01-10', -100),
  ('plain', 2, '01-02', 5), ('plain', 2, '01-20', 2000),
  ('plain', 3, '01-01', 1500), ('plain', 4, '01-01', 20), ('plain', 5, '01-01', 20), ('plain', 5, '01-05', 500),
  ('stay', 6, '01-01', 50), ('stay', 6, '01-03', 100), ('stay', 6, '01-05', -100),
  ('stay', 7, '01-01', 50), ('stay', 7, '01-03', 100), ('stay', 7, '01-05', 2000),
  ('stay', 8, '01-01', 50), ('stay', 8, '01-02', 100), ('stay', 8, '01-03', -100), ('stay', 8, '01-05', 100), ('stay', 8, '01-10', -100), ('stay', 8, '02-02', 100),
  ('grace', 9, '01-01', 1500), ('grace', 9, '01-03', -1450),
  ('grace', 10, '01-01', 1500), ('grace', 10, '01-03', -1450), ('grace', 10, '01-10', 2000), ('grace', 10, '01-15', -2000),
  ('grace', 11, '01-01', 1500), ('grace', 11, '01-03', -1450), ('grace', 11, '01-17', 100),
  ('protect', 12, '01-01', 50), ('protect', 12, '01-03', 1000), ('protect', 12, '01-05', -1000),
  ('protect', 13, '01-01', 1500), ('protect', 13, '01-05', -1450),
  ('step', 14, '01-01', 1500), ('step', 14, '01-03', -1495),
  ('step', 15, '01-01', 1500), ('step', 15, '01-03', -1495), ('step', 15, '01-05', 2000), ('step', 15, '01-10', -2000),
  ('quarter', 16, '01-01', 1500), ('quarter', 16, '01-03', -1450),
  ('quarter', 17, '01-01', 1500), ('quarter', 17, '04-02', -1450),
  ('quarter', 18, '01-01', 1500), ('quarter', 18, '04-01', -1450),
  ('mixed', 19, '01-01', 1500), ('mixed', 19, '01-03', -1450),
  ('mixed', 20, '01-01', 50), ('mixed', 20, '01-03', 2000), ('mixed', 20, '01-20', -2000),
  ('mixed', 21, '01-01', 1500), ('mixed', 21, '01-02', -1495)) e(card, customer, day, amount);

INSERT INTO call SELECT card, ('2025-' || day)::date, statement FROM (VALUES
  ('stay', '01-01', $$ SELECT set_tier_policy('stay', minimum_stay => 30) $$),
  ('grace', '01-01', $$ SELECT set_tier_policy('grace', grace => 14) $$),
  ('protect', '01-01', $$ SELECT set_tier_policy('protect', protection => 60) $$),
  ('step', '01-01', $$ SELECT set_tier_policy('step', max_steps_down => 1, step_days => 10) $$),
  ('quarter', '01-01', $$ SELECT set_tier_policy('quarter', downgrade_on => '{quarter}') $$),
  ('mixed', '01-01', $$ SELECT set_tier_policy('mixed', minimum_stay => 5, protection => 20, grace => 10, max_steps_down => 1, step_days => 7, downgrade_on => '{month}') $$),
  ('plain', '01-05', $$ SELECT set_override('plain', '3', 'ceiling', 'C', 'unpaid', '2025-01-15') $$),
  ('plain', '01-10', $$ SELECT set_override('plain', '4', 'set', 'A', 'strategic') $$),
  ('plain', '01-20', $$ SELECT clear_override('plain', '4', 'no longer') $$),
  ('plain', '01-03', $$ SELECT set_override('plain', '5', 'freeze', NULL, 'in dispute', '2025-01-31') $$),
  ('plain', '02-15', $$ SELECT set_tiers('plain', rules => '{monetary >= 50,monetary >= 40,monetary >= 10}') $$),
  ('plain', '02-20', $$ DELETE FROM shop WHERE customer = 2 $$),
  ('mixed', '01-10', $$ SELECT set_override('mixed', '21', 'floor', 'B', 'founder') $$)) c(card, day, statement);

INSERT INTO timeline VALUES
  ('plain', 1, '01-01 C behaviour, 01-03 B behaviour, 01-10 C behaviour, 02-15 A policy'),
  ('plain', 2, '01-02 D behaviour, 01-20 A behaviour, 02-20 - data'),
  ('plain', 3, '01-01 A behaviour, 01-05 C override, 01-16 A override'),
  ('plain', 4, '01-01 C behaviour, 01-10 A override, 01-20 C override'),
  ('plain', 5, '01-01 C behaviour, 02-01 B override, 02-15 A policy'),
  ('stay', 6, '01-01 C behaviour, 01-03 B behaviour, 02-02 C time'),
  ('stay', 7, '01-01 C behaviour, 01-03 B behaviour, 02-02 A time'),
  ('stay', 8, '01-01 C behaviour, 01-02 B behaviour, 02-01 C time, 03-03 B time'),
  ('grace', 9, '01-01 A behaviour, 01-17 C time'),
  ('grace', 10, '01-01 A behaviour, 01-31 C time'),
  ('grace', 11, '01-01 A behaviour, 01-17 B behaviour'),
  ('protect', 12, '01-01 C behaviour, 01-03 A behaviour, 03-06 C time'),
  ('protect', 13, '01-01 A behaviour, 01-05 C behaviour'),
  ('step', 14, '01-01 A behaviour, 01-03 B behaviour, 01-15 C time, 01-25 D time'),
  ('step', 15, '01-01 A behaviour, 01-03 B behaviour, 01-05 A behaviour, 01-10 B behaviour, 01-20 C time, 01-31 D time'),
  ('quarter', 16, '01-01 A behaviour, 04-01 C time'),
  ('quarter', 17, '01-01 A behaviour'),
  ('quarter', 18, '01-01 A behaviour, 04-01 C behaviour'),
  ('mixed', 19, '01-01 A behaviour, 02-01 B time, 03-01 C time'),
  ('mixed', 20, '01-01 C behaviour, 01-03 A behaviour, 02-01 B time, 03-01 C time'),
  ('mixed', 21, '01-01 A behaviour, 02-01 B time');

DO $$
DECLARE
  c text;
  d date;
  s text;
  n bigint;
  r record;
BEGIN
  FOR c IN SELECT DISTINCT card FROM event ORDER BY 1 LOOP
    PERFORM create_scorecard(c, 'shop', 'customer', 'day', 'amount', filter => format('card = %L', c), every => NULL,
      time_zone => 'UTC', clv_model => 'none', segment_map => NULL, capture => CASE WHEN c IN ('plain', 'mixed', 'stay') THEN 'trigger' ELSE 'none' END);
    PERFORM set_tiers(c, rules => '{monetary >= 1000,monetary >= 100,monetary >= 10}');
    FOREACH d IN ARRAY '{2025-01-01,2025-01-02,2025-01-03,2025-01-05,2025-01-10,2025-01-15,2025-01-16,2025-01-17,2025-01-19,2025-01-20,2025-01-24,
      2025-01-25,2025-01-26,2025-01-31,2025-02-01,2025-02-02,2025-02-04,2025-02-10,2025-02-15,2025-02-20,2025-03-01,2025-03-02,2025-03-03,2025-03-06,
      2025-03-10,2025-03-31,2025-04-01,2025-04-02}'::date[] LOOP
      INSERT INTO shop SELECT card, customer, day, amount FROM event WHERE card = c AND day = d;
      FOR s IN SELECT statement FROM call WHERE card = c AND day = d LOOP
        EXECUTE s;
      END LOOP;
      PERFORM refresh(c, as_of => d);
      SELECT count(*) INTO n FROM verify(c);
      SELECT updated + inserted + deleted AS rewritten, tier_changes INTO r FROM refresh(c, 'rebuild', as_of => d);
      INSERT INTO outcome VALUES (c, d, n, r.rewritten, r.tier_changes);
    END LOOP;
  END LOOP;
END $$;

SELECT is(h.changes, t.expected, format('customer %s of card %s, day by day', t.customer, t.card))
  FROM timeline t LEFT JOIN (
    SELECT card, customer_id, string_agg(to_char(changed_on, 'MM-DD') || ' ' || coalesce(tier::text, '-') || ' ' || reason, ', ' ORDER BY changed_on, run_id) AS changes
    FROM (SELECT 'plain' AS card, * FROM plain_tier_history UNION ALL SELECT 'stay', * FROM stay_tier_history
      UNION ALL SELECT 'grace', * FROM grace_tier_history UNION ALL SELECT 'protect', * FROM protect_tier_history
      UNION ALL SELECT 'step', * FROM step_tier_history UNION ALL SELECT 'quarter', * FROM quarter_tier_history
      UNION ALL SELECT 'mixed', * FROM mixed_tier_history) x GROUP BY 1, 2) h ON h.card = t.card AND h.customer_id = t.customer
  ORDER BY t.customer;
SELECT is((SELECT count(*) FROM outcome), 196::bigint, 'seven cards on 28 days');
SELECT is_empty('SELECT * FROM outcome WHERE differences > 0', 'verify() agreed on each day');
SELECT is_empty('SELECT * FROM outcome WHERE rewritten + moved > 0', 'and a second refresh of the day changed nothing');
SELECT results_eq($$ SELECT held_by, held_until, below_since, scored_tier::text FROM quarter_priority WHERE customer_id = 17 $$,
  $$ VALUES ('calendar'::text, '2025-07-01'::date, '2025-04-02'::date, 'C'::text) $$, 'what holds a customer and until when is published');
SELECT is((SELECT explanation FROM explain('quarter', '17') WHERE item = 'held'),
  'scored below since 2025-04-02, and downgrades wait for their day until 2025-07-01', 'and explained');
SELECT is((SELECT explanation FROM explain('mixed', '21') WHERE item = 'held'),
  format('floor B by %s: founder without end', current_user), 'with the reason of an override');
SELECT is((SELECT explanation FROM explain('mixed', '21') WHERE item = 'tier'), 'scored D: no rule holds', 'beside the scored tier');

-- other ways of cutting, against plain SQL
CREATE TABLE goods (customer int, day date, amount numeric(9,2));
SELECT setseed(0.31);
INSERT INTO goods SELECT c, date '2025-01-01' + (100 * random())::int, round((exp(random() * 3))::numeric, 0)
  FROM generate_series(1, 400) c, LATERAL generate_series(0, c % 37 / 2 + c % 3) n;
SELECT create_scorecard('cut', 'goods', 'customer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT set_weights('cut', '{"recency": 0, "frequency": 1, "monetary": 0}');
SELECT set_tiers('cut', cumulative => '{0.6,0.9}', labels => '{甲,乙,丙}');
SELECT count(*) FROM refresh('cut', as_of => '2025-05-01');
SELECT is_empty($$ SELECT 1 FROM (SELECT tier, abc_class(monetary, '{0.6,0.9}') OVER () AS class FROM cut_priority) x WHERE tier <> class $$,
  'cut by cumulative revenue is cut as abc_class() does');
SELECT is((SELECT string_agg(tier_label, '' ORDER BY tier) FROM cut_tier_summary), '甲乙丙', 'with labels in any language');
SELECT set_tiers('cut', cumulative => '{0.6,0.9}', metric => 'frequency');
SELECT count(*) FROM refresh('cut', as_of => '2025-05-01');
SELECT is_empty($$ SELECT 1 FROM (SELECT tier, abc_class(frequency::numeric, '{0.6,0.9}') OVER () AS class FROM cut_priority) x WHERE tier <> class $$,
  'and by another metric');
SELECT set_tiers('cut', capacities => '{30,100}');
SELECT count(*) FROM refresh('cut', as_of => '2025-05-01');
SELECT is_empty($$
  WITH g AS (SELECT priority, sum(count(*)) OVER (ORDER BY priority DESC) AS down_to FROM cut_priority GROUP BY priority),
       a AS (SELECT coalesce(max(down_to), 0) AS n FROM g WHERE down_to <= 30)
  SELECT p.customer_id FROM cut_priority p JOIN g USING (priority), a
  WHERE p.tier::text <> CASE WHEN g.down_to <= 30 THEN 'A' WHEN g.down_to - a.n <= 100 THEN 'B' ELSE 'C' END $$,
  'by capacity equals that straddle the limit take the worse tier');
SELECT ok((SELECT count(*) FILTER (WHERE tier = 'A') BETWEEN 1 AND 30 AND count(*) FILTER (WHERE tier = 'B') BETWEEN 1 AND 100 FROM cut_priority),
  'and no tier holds more than its room');
SELECT set_tiers('cut', priorities => '{60,30}');
SELECT set_weights('cut', '{"recency": 1, "frequency": 1, "monetary": 1}');
SELECT count(*) FROM refresh('cut', as_of => '2025-05-01');
SELECT is_empty($$ SELECT 1 FROM cut_priority WHERE tier::text <> CASE WHEN priority >= 60 THEN 'A' WHEN priority >= 30 THEN 'B' ELSE 'C' END $$,
  'by priority');

-- causes that scripts by revenue cannot show
SELECT set_tiers('cut', '{0.1,0.5}');
SELECT count(*) FROM refresh('cut', as_of => '2025-05-01');
INSERT INTO goods SELECT c, '2025-05-01', 900 FROM generate_series(1, 60) c;
SELECT count(*) FROM refresh('cut', 'rescore', as_of => '2025-05-02');
SELECT is_empty($$ SELECT 1 FROM cut_tier_history WHERE changed_on = '2025-05-02' AND reason <> CASE WHEN customer_id <= 60 THEN 'behaviour' ELSE 'threshold' END $$,
  'who bought moved by behaviour, and who stood still by the thresholds that moved');
SELECT is((SELECT count(DISTINCT reason) FROM cut_tier_history WHERE changed_on = '2025-05-02'), 2::bigint, 'both happened');

-- margins: each cut is a switch with a band around it
SELECT set_tiers('cut', priorities => '{60,30}');
SELECT set_tier_policy('cut', enter_margin => 5, leave_margin => 10);
CREATE TABLE band (day date, outside bigint, held bigint, differences bigint, again bigint);
DO $$
DECLARE d date;
BEGIN
  FOR d IN SELECT generate_series('2025-05-03'::date, '2025-05-14', '1 day') LOOP
    INSERT INTO goods SELECT 1 + (400 * random())::int, d, 1 + (200 * random())::int FROM generate_series(1, 40);
    DELETE FROM goods WHERE random() < 0.02;
    PERFORM refresh('cut', as_of => d);
    INSERT INTO band SELECT d,
      count(*) FILTER (WHERE previous_tier IS NOT NULL AND ((tier = 'A' AND priority < 50) OR (tier > 'A' AND priority >= 65) OR (tier <= 'B' AND priority < 20) OR (tier = 'C' AND priority >= 35))),
      count(*) FILTER (WHERE held_by = 'hysteresis'), (SELECT count(*) FROM verify('cut')), (SELECT updated + tier_changes FROM refresh('cut', 'rescore', as_of => d))
      FROM cut_priority;
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM band), 12::bigint, 'twelve days');
SELECT is_empty('SELECT * FROM band WHERE outside > 0', 'nobody is in a tier beyond its margins');
SELECT ok((SELECT min(held) > 0 FROM band), 'some are held by them');
SELECT is_empty('SELECT * FROM band WHERE differences + again > 0', 'verify and a second refresh agree');
SELECT is((SELECT explanation ~ '^tier . is (left below|entered at) [0-9.]+$' FROM explain('cut', (SELECT min(customer_id)::text FROM cut_priority WHERE held_by = 'hysteresis')) WHERE item = 'held'),
  true, 'explain gives the margin''s edge');
SELECT set_tiers('cut', '{0.1,0.5}') FROM set_tier_policy('cut');
SELECT set_tier_policy('cut', minimum_stay => 6, leave_margin => 0.05, margin_in => 'shares');

-- random purchases, policies and overrides: at most one change in a minimum stay, and every way of refreshing agrees
CREATE TABLE chaos (n int, differences bigint, again bigint);
DO $$
DECLARE d date := '2025-05-15';
BEGIN
  FOR n IN 1 .. 24 LOOP
    d := d + (random() * 3)::int;
    INSERT INTO goods SELECT 1 + (400 * random())::int, d - (5 * random())::int, (400 * random())::int - 60 FROM generate_series(1, 60);
    DELETE FROM goods WHERE random() < 0.02;
    IF n % 3 = 0 THEN
      BEGIN
        PERFORM set_override('cut', (1 + (400 * random())::int)::text, (ARRAY['set', 'floor', 'ceiling'])[1 + n % 3], chr(65 + n % 3)::customer_tier, 'chance', d + (10 * random())::int);
      EXCEPTION WHEN no_data_found OR exclusion_violation THEN NULL;
      END;
    END IF;
    IF n = 12 THEN
      PERFORM set_tier_policy('cut', minimum_stay => 6, grace => 2, max_steps_down => 1, step_days => 3, protection => 9, downgrade_on => '{week}', enter_margin => 0.02, leave_margin => 0.03, margin_in => 'shares');
    END IF;
    PERFORM refresh('cut', as_of => d);
    INSERT INTO goods SELECT 1 + (400 * random())::int, d, 30 FROM generate_series(1, 5);
    PERFORM refresh('cut', as_of => d);
    INSERT INTO chaos VALUES (n, (SELECT count(*) FROM verify('cut')), (SELECT updated + tier_changes FROM refresh('cut', as_of => d)));
  END LOOP;
END $$;
SELECT is((SELECT count(*) FROM chaos), 24::bigint, '24 rounds');
SELECT is_empty('SELECT * FROM chaos WHERE differences + again > 0', 'incremental refreshes publish what verify() recomputes, and repeat themselves');
SELECT is_empty($$ SELECT * FROM (
    SELECT customer_id, changed_on, reason, lag(changed_on) OVER w AS before, lag(reason) OVER w AS reason_before, lag(previous_tier) OVER w AS from_tier
    FROM cut_tier_history WHERE changed_on > '2025-05-15' AND previous_tier IS NOT NULL AND tier IS NOT NULL WINDOW w AS (PARTITION BY customer_id ORDER BY changed_on, run_id)) h
  WHERE changed_on - before < 6 AND reason <> 'override' AND reason_before <> 'override' $$, 'nobody changes twice within the minimum stay');
SELECT cmp_ok((SELECT count(*) FROM cut_tier_history WHERE changed_on > '2025-05-15' AND previous_tier IS NOT NULL), '>', 50::bigint, 'though many change');
SELECT is_empty($$ SELECT 1 FROM cut_priority p JOIN overrides o ON o.scorecard = 'cut' AND o.customer = p.customer_id::text AND o.in_force
  WHERE p.tier IS NOT NULL AND NOT CASE o.kind WHEN 'set' THEN p.tier = o.tier WHEN 'floor' THEN p.tier <= o.tier ELSE p.tier >= o.tier END $$, 'overrides in force hold');
SELECT * FROM finish();
ROLLBACK;
