-- The CDNOW cohort through a scorecard: every published row against the oracle in plain SQL.
-- The data is not part of the project: ../shared/data, or where CUSTPRIO_DATA says.
\set ECHO none
\set data ../shared/data
\getenv data CUSTPRIO_DATA
\set file :data '/cdnow_master.csv'
\set present `test -r "${CUSTPRIO_DATA:-../shared/data}/cdnow_master.csv" && echo true || echo false`

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = warning;

SELECT plan(13);
\if :present
\ir ../oracle/refresh.sql
CREATE TABLE cdnow (customer_id int, date date, amount numeric(8,2), cds int);
\set load '\\copy cdnow FROM ' :'file' ' (FORMAT csv, HEADER)'
:load
ANALYZE cdnow;

SELECT results_eq('SELECT count(*), count(DISTINCT customer_id) FROM cdnow', 'VALUES (69659::bigint, 23570::bigint)', 'the data is the one described');

SELECT create_scorecard('cdnow', 'cdnow', customer => 'customer_id', purchased_at => 'date', amount => 'amount', every => NULL, time_zone => 'America/New_York');
SELECT refresh('cdnow', as_of => date '1998-06-30');
SELECT oracle.compute('cdnow', date '1998-06-30');

SELECT is((SELECT count(*) FROM cdnow_priority), 23570::bigint, 'one row per customer');
SELECT is_empty($$ SELECT * FROM oracle.difference('cdnow') $$, 'all columns of all 23,570 rows equal the oracle''s');
SELECT is_empty($$ SELECT * FROM oracle.run_difference('cdnow') $$, 'the run counts what the oracle counts');
SELECT is((SELECT sum(monetary) FROM cdnow_priority), (SELECT sum(amount) FROM cdnow), 'monetary adds up to the sum of the amounts');
SELECT is((SELECT sum(frequency) FROM cdnow_priority), (SELECT count(*)::numeric FROM cdnow), 'and frequency to the number of purchases, zero amounts included');

-- thresholds of the run, as percentile_disc gives them
SELECT is_empty($$
  SELECT metric, kind, breaks FROM custprio.threshold t WHERE kind IN ('rfm', 'percentile') AND
    CASE metric WHEN 'recency' THEN (SELECT array_agg((d::date - date '2000-01-01')::numeric ORDER BY o) FROM unnest(breaks) WITH ORDINALITY AS u (d, o)) ELSE breaks::numeric[] END
    IS DISTINCT FROM (SELECT b.breaks FROM oracle.breaks b WHERE b.metric = t.metric AND b.bins = CASE kind WHEN 'rfm' THEN 5 ELSE 1000 END)
$$, 'stored breaks equal the oracle''s');
SELECT is((SELECT count(*) FROM custprio.threshold WHERE kind IN ('rfm', 'percentile')), 7::bigint, 'three metrics have breaks of both kinds, clv has percentiles');

-- what equal values must mean
SELECT is_empty('SELECT frequency FROM cdnow_priority GROUP BY frequency HAVING count(DISTINCT frequency_score(rfm)) > 1', 'equal frequencies score the same');
SELECT is_empty('SELECT monetary FROM cdnow_priority GROUP BY monetary HAVING count(DISTINCT abc) > 1', 'equal revenues share a class');

-- the views
SELECT is_empty($$
  (SELECT customer_id::int, tier, ascii(tier) - 64, date '1998-06-30' - c.last_day, date '1998-06-30'
   FROM oracle.priority JOIN (SELECT customer_id::text, max(date) AS last_day FROM cdnow GROUP BY 1) c USING (customer_id))
  EXCEPT SELECT customer_id, tier, tier_rank, recency_days, as_of FROM cdnow_tiers
$$, 'the narrow view says the same, with recency in days');
SELECT results_eq('SELECT tier, customers, revenue FROM cdnow_tier_summary ORDER BY tier',
  'SELECT tier, count(*), sum(monetary) FROM oracle.priority GROUP BY tier ORDER BY tier', 'the summary by tier adds up');

-- nothing changed
SELECT refresh('cdnow', as_of => date '1998-06-30');
SELECT results_eq($$ SELECT inserted, updated, deleted, tier_changes, state_written FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1 $$,
  'VALUES (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint)', 'a second refresh writes nothing');
\else
\warn 'cdnow_master.csv is absent: set CUSTPRIO_DATA to the directory that has it'
SELECT * FROM skip('CDNOW data is absent: set CUSTPRIO_DATA to its directory', 13);
\endif

SELECT * FROM finish();
ROLLBACK;
