-- preview(): the moves between tiers that a change would bring are those that it brings when it is made.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(24);

CREATE TABLE orders (customer int, at date, amount numeric(10,2));
SELECT setseed(0.6);
INSERT INTO orders SELECT 1 + floor(300 * random() * random()), current_date - 2 - floor(random() * 300)::int, round((random() * random() * 200)::numeric, 2) FROM generate_series(1, 1200);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC');
SELECT refresh('crm');

-- everything that could have been written
CREATE FUNCTION pg_temp.written() RETURNS text LANGUAGE plpgsql AS $$
DECLARE x text;
BEGIN
  EXECUTE $q$ SELECT md5(string_agg(t, '|' ORDER BY t)) FROM (
    SELECT p::text || p.ctid AS t FROM crm_priority p UNION ALL SELECT s::text || s.ctid FROM crm_purchases s UNION ALL SELECT h::text || h.ctid FROM crm_tier_history h
    UNION ALL SELECT e::text FROM custprio.epoch e UNION ALL SELECT t::text FROM custprio.threshold t UNION ALL SELECT m::text FROM custprio.metric m
    UNION ALL SELECT r::text FROM custprio.tier_rule r UNION ALL SELECT c::text FROM custprio.policy_change c UNION ALL SELECT s::text FROM custprio.scorecard s
    UNION ALL SELECT r::text FROM custprio.refresh_run r) u $q$ INTO x;
  RETURN x;
END $$;
CREATE FUNCTION pg_temp.matrix_of(changes jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_build_array(from_tier, to_tier, customers)) FROM preview('crm', changes) $$;
CREATE TABLE before (customer_id int, tier customer_tier);
CREATE FUNCTION pg_temp.apply(changes jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE m jsonb;
BEGIN
  DELETE FROM before;
  INSERT INTO before SELECT customer_id, tier FROM crm_priority;
  IF changes ? 'weights' THEN PERFORM set_weights('crm', changes -> 'weights'); END IF;
  IF changes -> 'tiers' ? 'shares' THEN PERFORM set_tiers('crm', ARRAY(SELECT x::numeric FROM jsonb_array_elements_text(changes -> 'tiers' -> 'shares') x)); END IF;
  IF changes -> 'tiers' ? 'capacities' THEN PERFORM set_tiers('crm', capacities => ARRAY(SELECT x::bigint FROM jsonb_array_elements_text(changes -> 'tiers' -> 'capacities') x)); END IF;
  IF changes -> 'tiers' ? 'priorities' THEN PERFORM set_tiers('crm', priorities => ARRAY(SELECT x::numeric FROM jsonb_array_elements_text(changes -> 'tiers' -> 'priorities') x)); END IF;
  IF changes ? 'tier_policy' THEN PERFORM set_tier_policy('crm', minimum_stay => (changes -> 'tier_policy' ->> 'minimum_stay')::int, downgrade_on => CASE WHEN changes -> 'tier_policy' ? 'downgrade_on' THEN ARRAY(SELECT jsonb_array_elements_text(changes -> 'tier_policy' -> 'downgrade_on')) END); END IF;
  IF changes -> 'tiers' ? 'rules' THEN PERFORM set_tiers('crm', rules => ARRAY(SELECT jsonb_array_elements_text(changes -> 'tiers' -> 'rules')), tiers => ARRAY(SELECT jsonb_array_elements_text(changes -> 'tiers' -> 'tiers'))::customer_tier[]); END IF;
  IF changes ? 'lifecycle' THEN PERFORM set_lifecycle('crm', new_days => (changes -> 'lifecycle' ->> 'new_days')::int, change => (changes -> 'lifecycle' ->> 'change')::float8); END IF;
  PERFORM refresh('crm');
  SELECT jsonb_agg(jsonb_build_array(f, t, n) ORDER BY f, t) INTO m FROM (
    SELECT b.tier AS f, p.tier AS t, count(*) AS n FROM before b FULL JOIN crm_priority p USING (customer_id) WHERE b.tier IS NOT NULL OR p.tier IS NOT NULL GROUP BY 1, 2) x;
  RETURN m;
END $$;

SELECT is((SELECT count(*) FROM preview('crm', '{}') WHERE from_tier IS DISTINCT FROM to_tier), 0::bigint, 'no change, no move');
SELECT is((SELECT sum(customers) FROM preview('crm', '{}')), (SELECT count(tier) FROM crm_priority)::numeric, 'of all customers');
SELECT is_empty($$ SELECT * FROM preview_refresh('crm') $$, 'right after a refresh another one would change nothing');
CREATE TEMP TABLE trial (n int, changes jsonb, moved bigint, expected jsonb, happened jsonb, untouched boolean);
DO $$
DECLARE t trial; was text;
BEGIN
  FOR n IN 1..12 LOOP
    t := ROW(n);
    t.changes := jsonb_build_object('weights', jsonb_build_object('recency', floor(random() * 4), 'frequency', floor(random() * 4), 'monetary', 1 + floor(random() * 4)));
    IF n % 2 = 0 THEN t.changes := t.changes || jsonb_build_object('tiers', jsonb_build_object('shares', jsonb_build_array(round((0.02 + random() * 0.2)::numeric, 3), round((0.3 + random() * 0.5)::numeric, 3)))); END IF;
    IF n % 4 = 3 THEN t.changes := jsonb_build_object('tiers', jsonb_build_object('capacities', jsonb_build_array(3 + n, 40 + n))); END IF;
    IF n % 4 = 1 THEN t.changes := t.changes || jsonb_build_object('tiers', jsonb_build_object('priorities', jsonb_build_array(70 + n, 40))); END IF;
    -- purchases since the last refresh, of new customers too, and somebody who goes
    IF n % 3 = 0 THEN
      INSERT INTO orders SELECT 1 + floor(400 * random()), current_date - 1, 50 FROM generate_series(1, 20);
      DELETE FROM orders WHERE customer = (SELECT min(customer) FROM orders);
    END IF;
    IF n = 7 THEN PERFORM set_tier_policy('crm', minimum_stay => 30, max_steps_down => 1); PERFORM refresh('crm'); END IF;
    IF n = 9 THEN PERFORM set_override('crm', (SELECT customer_id::text FROM crm_priority ORDER BY priority NULLS LAST LIMIT 1), 'set', 'A', 'a friend'); END IF;
    was := pg_temp.written();
    t.expected := pg_temp.matrix_of(t.changes);
    t.untouched := was = pg_temp.written();
    t.happened := pg_temp.apply(t.changes);
    SELECT sum((x ->> 2)::bigint) INTO t.moved FROM jsonb_array_elements(t.happened) x WHERE x -> 0 <> x -> 1;
    INSERT INTO trial SELECT t.*;
  END LOOP;
END $$;
SELECT is_empty('SELECT n, changes, expected, happened FROM trial WHERE expected IS DISTINCT FROM happened', '12 random changes, with purchases since, a tier policy and overrides: each preview came true');
SELECT is_empty('SELECT n FROM trial WHERE NOT untouched', 'and wrote nothing that stays');
SELECT cmp_ok((SELECT count(*) FROM trial WHERE moved > 0), '>=', 8::bigint, 'most of them moved somebody');

-- a policy, and a lifecycle that rules of tiers read
CREATE FUNCTION pg_temp.as_foretold(changes jsonb, moving boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE was text := pg_temp.written(); foretold jsonb := pg_temp.matrix_of(changes);
BEGIN
  RETURN was = pg_temp.written() AND foretold = pg_temp.apply(changes) AND moving = EXISTS (SELECT FROM jsonb_array_elements(foretold) x WHERE x -> 0 <> x -> 1 AND x ->> 0 > x ->> 1);
END $$;
SELECT ok(pg_temp.as_foretold('{"tier_policy": {}, "weights": {"recency": 7, "frequency": 0, "monetary": 1}}', true), 'without any hold');
SELECT ok(pg_temp.as_foretold('{"tiers": {"shares": [0.2, 0.6]}, "tier_policy": {"minimum_stay": 400, "downgrade_on": ["year"]}, "weights": {"recency": 1, "frequency": 5, "monetary": 1}}', false), 'with long ones nobody rises');
SELECT ok(pg_temp.as_foretold($j${"tier_policy": {}, "tiers": {"rules": ["stage = 'new'", "stage IN ('active', 'growing')"], "tiers": ["A", "B", "D"]}, "lifecycle": {"new_days": 90, "change": 0.1}}$j$, true), 'of stages');
SELECT throws_like($$ SELECT preview('crm', '{"lifecycle": {"reason": "x"}}') $$, '%reason%', 'a reason is no change');
SELECT throws_like($$ SELECT preview('crm', '{"tier_policy": {"grace": -1}}') $$, '%grace%', 'what set_tier_policy refuses');

-- before the first refresh, and of a day ahead
SELECT create_scorecard('new', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC');
SELECT is((SELECT string_agg(concat(from_tier, '>', to_tier), ' ') FROM preview('new', '{"tiers": {"shares": [0.5]}}')), '>A >B', 'before the first refresh everybody comes');

SELECT throws_ok($$ SELECT preview('crm', '[]') $$, '22023', NULL, 'no object');
SELECT throws_like($$ SELECT preview('crm', '{"colour": 1}') $$, '%colour%', 'an unknown change');
SELECT throws_like($$ SELECT preview('crm', '{"tiers": {"share": 1}}') $$, '%share%', 'an unknown argument of tiers');
SELECT throws_ok($$ SELECT preview('crm', '{"tiers": [1]}') $$, '22023', NULL, 'tiers that are no object');
SELECT throws_like($$ SELECT preview('crm', '{"weights": {"recency": -1}}') $$, '%weight%', 'a weight that set_weights refuses');
SELECT throws_like($$ SELECT preview('crm', '{"tiers": {"shares": [0.5, 0.2]}}') $$, '%ascend%', 'shares that set_tiers refuses');
SELECT throws_ok($$ SELECT preview('nobody', '{}') $$, '42704', NULL, 'a scorecard that does not exist');
SELECT is_empty($$ SELECT preview('crm', NULL) $$, 'NULL gives nothing');
SELECT is((SELECT count(*) FROM policy_change WHERE reason = 'preview'), 0::bigint, 'nothing is left of previews');
CREATE ROLE stranger;
GRANT SELECT ON crm_priority TO stranger;
SET ROLE stranger;
SELECT throws_ok($$ SELECT custprio.preview('crm', '{}') $$, '42501', NULL, 'the owner alone');
SELECT throws_ok($$ SELECT custprio.preview_refresh('crm') $$, '42501', NULL, 'here too');
SELECT throws_ok($$ SELECT custprio.preview('crm', '{"weights": {"recency": 5}}') $$, '42501', NULL, 'and with changes');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
