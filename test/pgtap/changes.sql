-- changes_since(): a copy that follows it is, after every call, the published tiers.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(25);

CREATE TABLE orders (customer int, at date, amount int);
SELECT setseed(0.2);
INSERT INTO orders SELECT 1 + floor(80 * random() * random()), date '2025-01-01' + floor(random() * 100)::int, floor(random() * 100) FROM generate_series(1, 300);
CREATE INDEX ON orders (customer);
SELECT create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', history => '60 days', capture => 'trigger');
SELECT is_empty($$ SELECT * FROM changes_since('crm') $$, 'nothing before the first refresh');
SELECT refresh('crm', as_of => '2025-03-01');

CREATE TABLE copy (customer_id text PRIMARY KEY, tier customer_tier);
CREATE TABLE mark (token text);
INSERT INTO mark VALUES (NULL);
CREATE FUNCTION pg_temp.follow() RETURNS text LANGUAGE plpgsql AS $$
DECLARE old_token text := (SELECT token FROM mark); c record; n int := 0; wrong int := 0;
BEGIN
  FOR c IN SELECT * FROM changes_since('crm', old_token) LOOP
    n := n + 1;
    -- what each change claims of the state before must be so in the copy
    IF c.previous_tier IS DISTINCT FROM (SELECT tier FROM copy k WHERE k.customer_id = c.customer_id)
      OR c.change <> (CASE WHEN c.previous_tier IS NULL THEN 'enter' WHEN c.tier IS NULL THEN 'exit' ELSE 'change' END) THEN wrong := wrong + 1; END IF;
    IF c.tier IS NULL THEN DELETE FROM copy k WHERE k.customer_id = c.customer_id;
    ELSE INSERT INTO copy VALUES (c.customer_id, c.tier) ON CONFLICT (customer_id) DO UPDATE SET tier = EXCLUDED.tier; END IF;
    UPDATE mark SET token = c.next_token;
  END LOOP;
  RETURN wrong || ' wrong, ' || (SELECT count(*) FROM copy FULL JOIN (SELECT customer_id::text, tier FROM crm_priority WHERE tier IS NOT NULL) p USING (customer_id)
    WHERE copy.tier IS DISTINCT FROM p.tier) || ' different';
END $$;
SELECT is((SELECT count(*) FROM changes_since('crm') WHERE change = 'enter' AND previous_tier IS NULL), (SELECT count(tier) FROM crm_priority), 'without a token everybody enters');
SELECT is((SELECT count(DISTINCT next_token) FROM changes_since('crm')), 1::bigint, 'one token for all rows');
SELECT is(pg_temp.follow(), '0 wrong, 0 different', 'a copy is made');
SELECT is_empty('SELECT * FROM changes_since(''crm'', (SELECT token FROM mark))', 'then nothing has changed');
SELECT refresh('crm', as_of => '2025-03-01');
SELECT is_empty('SELECT * FROM changes_since(''crm'', (SELECT token FROM mark))', 'nor after a refresh that changed nothing');
CREATE TEMP TABLE trial (n int, result text);
DO $$
BEGIN
  FOR n IN 1..25 LOOP
    FOR i IN 0..floor(random() * 2) LOOP
      INSERT INTO orders SELECT 1 + floor(120 * random()), date '2025-03-01' + n, floor(random() * 200) FROM generate_series(1, 4);
      IF n % 5 = 0 THEN DELETE FROM orders WHERE customer = (SELECT customer FROM orders ORDER BY random() LIMIT 1); END IF;
      PERFORM refresh('crm', 'auto', date '2025-03-01' + n + i);
      IF n % 7 = 0 THEN PERFORM set_tiers('crm', ARRAY[0.02 * n, 0.7]); END IF;
    END LOOP;
    INSERT INTO trial SELECT n, pg_temp.follow();
  END LOOP;
END $$;
SELECT is_empty($$ SELECT * FROM trial WHERE result <> '0 wrong, 0 different' $$, 'after any refreshes, one or several at a time, the copy is the published tiers');
SELECT set_eq($$ SELECT DISTINCT change FROM changes_since('crm', (SELECT scorecard_id || '.0' FROM scorecard)) $$, ARRAY['enter'], 'since the beginning everybody who has a tier entered');
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT scorecard_id || '.0' FROM scorecard))), (SELECT count(tier) FROM crm_priority), 'all of them, and nobody else');
DELETE FROM orders WHERE customer IN (SELECT customer_id FROM crm_priority WHERE tier IS NOT NULL ORDER BY customer_id LIMIT 3);
SELECT refresh('crm', as_of => (SELECT as_of('crm')));
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark)) WHERE change = 'exit' AND tier IS NULL AND priority IS NULL), 3::bigint, 'who left exits');
SELECT is(pg_temp.follow(), '0 wrong, 0 different', 'and leaves the copy');
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark))), 0::bigint, 'once');
SELECT backfill_history('crm', '2025-01-01', '2025-02-20', '10 days');
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark))), 0::bigint, 'filled-in history is no change');
DELETE FROM crm_tier_history;
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark))), 0::bigint, 'nor is history that was deleted');

-- a history that was trimmed past the token says so, until the copy was made anew
DELETE FROM mark;
INSERT INTO mark SELECT max(next_token) FROM changes_since('crm');
CREATE TEMP TABLE token AS SELECT token FROM mark;
SELECT alter_scorecard('crm', tier_history_rows => 5);
INSERT INTO orders SELECT 100 + i, (SELECT as_of('crm')), 500 FROM generate_series(1, 40) i;
SELECT refresh('crm', 'rescore', as_of => (SELECT as_of('crm')));
SELECT throws_ok($$ SELECT * FROM changes_since('crm', (SELECT token FROM token)) $$, '55000', 'the tier history of scorecard "crm" does not reach back to the token any more', 'changes that are gone are missed');
DELETE FROM mark; INSERT INTO mark VALUES (NULL); DELETE FROM copy;
SELECT is(pg_temp.follow(), '0 wrong, 0 different', 'without the token all is told anew');
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark))), 0::bigint, 'and the next token is good');
SELECT is((SELECT trimmed_run FROM scorecard), (SELECT max(run_id) FROM refresh_run), 'the run whose rows went is known');
SELECT refresh('crm', 'rescore', as_of => (SELECT as_of('crm')));
SELECT is((SELECT count(*) FROM changes_since('crm', (SELECT token FROM mark))), 0::bigint, 'a refresh that trims nothing leaves it');

SELECT throws_ok($$ SELECT * FROM changes_since('crm', 'yesterday') $$, '22023', 'argument "token" is not one of scorecard "crm"', 'what is no token');
SELECT throws_ok($$ SELECT * FROM changes_since('crm', (SELECT scorecard_id + 1 || '.1' FROM scorecard)) $$, '22023', NULL, 'the token of another scorecard');
SELECT throws_ok($$ SELECT * FROM changes_since('crm', '99999999999999999999.1') $$, '22023', NULL, 'a number too large');
SELECT throws_ok($$ SELECT * FROM changes_since(NULL) $$, '22004', NULL, 'no name');
SELECT throws_ok($$ SELECT * FROM changes_since('nobody') $$, '42704', NULL, 'a scorecard that does not exist');
CREATE ROLE stranger;
SET ROLE stranger;
SELECT throws_ok($$ SELECT * FROM custprio.changes_since('crm') $$, '42501', NULL, 'whoever may read the published tables');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
