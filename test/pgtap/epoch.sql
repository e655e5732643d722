-- rebase_every: within an epoch thresholds, fit and as-of day stand; at its end a refresh takes new ones. A past day is
-- made the ordinary day of an epoch by clearing day_chosen behind custprio's back: then "today" lies days after it.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SET LOCAL TimeZone = 'Asia/Kathmandu';
SELECT plan(44);

CREATE FUNCTION pg_temp.today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'Asia/Kathmandu')::date $$;
CREATE FUNCTION pg_temp.again(card text, mode text DEFAULT 'auto', day date DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', mode, reason, rebased, pg_temp.today() - as_of) FROM refresh(card, mode, day) $$;
CREATE FUNCTION pg_temp.begin_epoch(card text, days int) RETURNS void LANGUAGE sql AS $$
  UPDATE custprio.epoch SET state_as_of = NULL, state_version = NULL WHERE scorecard_id = (SELECT scorecard_id FROM scorecard WHERE name = card);
  SELECT refresh(card, 'rescore', pg_temp.today() - days);
  UPDATE custprio.epoch SET day_chosen = false WHERE scorecard_id = (SELECT scorecard_id FROM scorecard WHERE name = card) $$;

CREATE TABLE orders (customer int, at timestamptz, amount numeric(10,2));
SELECT setseed(0.3);
INSERT INTO orders SELECT c, now() - (15 + 500 * random() * random()) * interval '1 day', round((5 + 100 * random())::numeric, 2)
  FROM generate_series(1, 200) c, LATERAL generate_series(0, floor(-ln(1 - random()) * 3)::int);
CREATE INDEX ON orders (customer);
SELECT create_scorecard('day', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Kathmandu', capture => 'trigger');
SELECT create_scorecard('week', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Kathmandu', capture => 'trigger',
  rebase_every => '1 week');
SELECT create_scorecard('month', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'Asia/Kathmandu', rebase_every => '1 mon');

-- the option
SELECT is((SELECT rebase_every FROM scorecard WHERE name = 'day'), interval '1 day', 'the default is a day');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '0') $$, '22023', 'argument "rebase_every" must be at least 1 day', 'zero');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '-1 day') $$, '22023', 'argument "rebase_every" must be at least 1 day', 'negative');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '6 hours') $$, '22023', 'argument "rebase_every" must be at least 1 day', 'less than a day');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '36 hours') $$, '22023', 'argument "rebase_every" must be whole days, weeks, months or years', 'a day and a half');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '1 mon -3 days') $$, '22023', NULL, 'a mixture of signs');
SELECT throws_ok($$ SELECT alter_scorecard('day', rebase_every => '1001 years') $$, '22023', 'argument "rebase_every" must be at most 1000 years', 'too long');
SELECT lives_ok($$ SELECT alter_scorecard('day', rebase_every => '48 hours') $$, 'hours that make days');
SELECT is((SELECT rebase_every FROM scorecard WHERE name = 'day'), interval '2 days', 'are days');
SELECT alter_scorecard('day', reset => '{rebase_every}');
SELECT is((SELECT rebase_every FROM scorecard WHERE name = 'day'), interval '1 day', 'a reset gives the default');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), NULL, 'nothing is due before the first refresh');

-- a week
SELECT is(pg_temp.again('week'), 'rebuild no state yet t 0', 'the first refresh begins an epoch today');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today() + 7, 'status says when it ends');
SELECT pg_temp.begin_epoch('week', 3);
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today() + 4, 'an epoch of three days ago');
SELECT is(pg_temp.again('week'), 'incremental within the epoch f 3', 'goes on, with its day');
CREATE TEMP TABLE before AS SELECT * FROM week_priority;
INSERT INTO orders VALUES (5, now() - interval '1 day', 9000), (1001, now(), 50);
SELECT is(pg_temp.again('week'), 'incremental within the epoch f 3', 'and takes in what is captured');
SELECT is_empty('(SELECT * FROM week_priority EXCEPT SELECT * FROM before) UNION ALL (SELECT * FROM before EXCEPT SELECT * FROM week_priority)',
  'purchases of later days wait for the end of the epoch');
INSERT INTO orders VALUES (6, now() - interval '20 days', 800), (7, now() - interval '40 days', -5);
SELECT is(pg_temp.again('week'), 'incremental within the epoch f 3', 'earlier ones do not');
SELECT is_empty($$ SELECT customer_id FROM week_priority p JOIN before b USING (customer_id) WHERE p *<> b EXCEPT SELECT unnest('{6,7}'::int[]) $$,
  'and move nobody else: time-dependent columns stand');
SELECT is((SELECT monetary FROM week_priority WHERE customer_id = 6), (SELECT monetary + 800 FROM before WHERE customer_id = 6), 'but count');
SELECT is_empty($$ SELECT * FROM verify('week') $$, 'verify() finds nothing within a long epoch');
SELECT is(pg_temp.again('week', 'incremental'), 'incremental requested f 3', 'incremental by name keeps the day');
UPDATE custprio.scorecard SET capture = 'none' WHERE name = 'week';
SELECT is((SELECT concat_ws(' ', mode, rebased, pg_temp.today() - as_of, inserted, updated, deleted, state_written) FROM refresh('week')),
  'rebuild f 3 0 0 0 0', 'a rebuild within the epoch keeps day and thresholds, and finds the same');
UPDATE custprio.scorecard SET capture = 'trigger' WHERE name = 'week';
SELECT alter_scorecard('week', rebase_every => '3 days');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today(), 'a shorter rebase_every counts at once');
SELECT is(pg_temp.again('week'), 'rescore rebase_every is due t 0', 'and ends the epoch');
SELECT is_empty($$ SELECT * FROM verify('week') $$, 'verify() finds nothing in the next one');
SELECT is((SELECT count(*) FROM week_priority WHERE customer_id = 1001), 1::bigint, 'what waited is in');
SELECT alter_scorecard('week', rebase_every => '1 week');
SELECT pg_temp.begin_epoch('week', 6);
SELECT is(pg_temp.again('week'), 'incremental within the epoch f 6', 'the last day of a week');
SELECT pg_temp.begin_epoch('week', 7);
SELECT is(pg_temp.again('week'), 'rescore rebase_every is due t 0', 'the first day of the next');

-- what ends an epoch before its time
SELECT pg_temp.begin_epoch('week', 3);
SELECT set_tiers('week', '{0.1,0.3}');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today() - 3, 'a change of policy makes a rebase due');
SELECT is(pg_temp.again('week'), 'rescore rebase_every is due t 0', 'which comes with the next refresh');
SELECT pg_temp.begin_epoch('week', 3);
SELECT alter_scorecard('week', frequency_by => 'day');
SELECT is(pg_temp.again('week'), 'rebuild declaration changed t 0', 'so does a changed declaration');
SELECT pg_temp.begin_epoch('week', 3);
SELECT matches(pg_temp.again('week', 'rescore'), '^rescore requested t 0', 'and a rescore by name');
SELECT pg_temp.begin_epoch('week', 3);
DELETE FROM custprio.threshold;
SELECT matches(pg_temp.again('week'), '^rescore .* t 0', 'and lost thresholds');
SELECT pg_temp.begin_epoch('week', -2);
SELECT matches(pg_temp.again('week'), '^rebuild state of a day to come t 0', 'and a clock that was set back');

-- a day that was asked for is no epoch of its own
SELECT pg_temp.begin_epoch('week', 3);
SELECT matches(pg_temp.again('week', 'auto', pg_temp.today() - 30), ' t 30$', 'a day asked for');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today() - 30, 'status: the next refresh leaves it');
SELECT matches(pg_temp.again('week'), ' t 0$', 'as it does');
SELECT pg_temp.again('week', 'auto', pg_temp.today());
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'week'), pg_temp.today() + 7, 'today asked for by name is an ordinary day');

-- the default, and months without capture
SELECT pg_temp.again('day');
SELECT pg_temp.begin_epoch('day', 1);
SELECT is(pg_temp.again('day'), 'rescore rebase_every is due t 0', 'by default each day ends an epoch');
SELECT pg_temp.begin_epoch('month', 27);
SELECT is(pg_temp.again('month'), 'rebuild changes of the source are not captured f 27', 'a month, without capture');
SELECT is((SELECT rebase_due FROM status WHERE scorecard = 'month'), (pg_temp.today() - 27 + interval '1 mon')::date, 'is one of the calendar');
SELECT pg_temp.begin_epoch('month', 31);
SELECT is(pg_temp.again('month'), 'rebuild changes of the source are not captured t 0', 'and ends like it');
SELECT is((SELECT count(*) FROM custprio.refresh_run WHERE NOT rebased AND mode <> 'incremental'), 2::bigint, 'runs say whether they took new thresholds');
SELECT * FROM finish();
ROLLBACK;
