-- PageRank against published values, another implementation, and power iteration in plain SQL.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
SELECT plan(22);
SELECT setseed(0.6);

-- Langville and Meyer 2004, section 2: six pages of which the second leads nowhere, damping 0.9
CREATE TABLE page (source int, target int);
INSERT INTO page VALUES (1, 2), (1, 3), (3, 1), (3, 2), (3, 5), (4, 5), (4, 6), (5, 4), (5, 6), (6, 4);
SELECT results_eq($$ SELECT node, pagerank::numeric(7,4) FROM pagerank('page', 'source', 'target', damping => 0.9) ORDER BY node $$,
  $$ VALUES ('1'::text, 0.0372), ('2', 0.0540), ('3', 0.0415), ('4', 0.3751), ('5', 0.2060), ('6', 0.2862) $$, 'published ranks');

-- NetworkX 3.6, with weights and a node without links
CREATE TABLE referral (customer text, sent_by text, weight numeric);
INSERT INTO referral VALUES ('bob', 'ann', 2), ('cid', 'ann', 1), ('cid', 'bob', 1), ('dan', 'cid', 5), ('eve', 'dan', .5), ('eve', 'cid', .25), ('ann', 'eve', 1), ('zoe', NULL, 1);
CREATE TEMP TABLE expected (node text, rank float8);
INSERT INTO expected VALUES ('ann', 0.23277825906103217), ('bob', 0.12582608597893627), ('cid', 0.22752911149812544), ('dan', 0.1577525960755623), ('eve', 0.22698773379411047), ('zoe', 0.02912621359223301);
SELECT is((SELECT count(*) FROM pagerank('referral', 'customer', 'sent_by', 'weight') JOIN expected e USING (node) WHERE abs(pagerank - e.rank) < 1e-9), 6::bigint, 'as NetworkX has it');
SELECT ok(abs(sum(pagerank) - 1) < 1e-12 AND abs(avg(relative_rank) - 1) < 1e-12, 'ranks add up to 1, relative ones are 1 on average') FROM pagerank('referral', 'customer', 'sent_by', 'weight');
SELECT set_eq($$ SELECT node, round(pagerank::numeric, 9) FROM pagerank('referral', 'customer', 'sent_by', 'weight', tolerance => 1e-15) $$,
  $$ SELECT node, round(rank::numeric, 9) FROM expected $$, 'a finer tolerance moves them no further than it says');
-- no links
CREATE TABLE alone (a text, b text, w float8);
SELECT is_empty($$ SELECT * FROM pagerank('alone', 'a', 'b') $$, 'no rows, no nodes');
INSERT INTO alone VALUES ('x', 'x', 1), ('y', NULL, 1), (NULL, 'z', 1), (NULL, NULL, 1), ('u', 'v', 0), ('v', 'u', NULL);
SELECT results_eq($$ SELECT node, pagerank FROM pagerank('alone', 'a', 'b', 'w') ORDER BY 1 $$, $$ VALUES ('u'::text, 0.2::float8), ('v', 0.2), ('x', 0.2), ('y', 0.2), ('z', 0.2) $$,
  'a link to oneself, a NULL and a weight of 0 are no links, their ends are nodes');
DELETE FROM alone WHERE a <> 'x' OR a IS NULL;
SELECT results_eq($$ SELECT node, pagerank, relative_rank FROM pagerank('alone', 'a', 'b') $$, $$ VALUES ('x'::text, 1::float8, 1::float8) $$, 'one node has it all');
SELECT results_eq($$ SELECT DISTINCT pagerank FROM pagerank('page', 'source', 'target', damping => 0) $$, $$ SELECT 1 / 6.0::float8 $$, 'without damping all are equal');

-- power iteration in plain SQL over a random network with leaves, equal rows and links to oneself
CREATE TABLE link AS SELECT 'n' || (400 * random() ^ 2)::int AS a, 'n' || (300 * random())::int AS b, round((exp(3 * random()))::numeric, 3)::float8 AS w FROM generate_series(1, 2500) n;
INSERT INTO link SELECT a, b, w FROM link LIMIT 200; INSERT INTO link SELECT a, a, 50 FROM link LIMIT 30;
CREATE TEMP TABLE ranked AS SELECT * FROM pagerank('link', 'a', 'b', 'w', tolerance => 1e-13);
CREATE TEMP TABLE own AS SELECT node, 1 / count(*) OVER ()::float8 AS r FROM (SELECT a AS node FROM link UNION SELECT b FROM link) n;
CREATE TEMP TABLE edge AS SELECT a, b, sum(w) / sum(sum(w)) OVER (PARTITION BY a) AS share FROM link WHERE a <> b GROUP BY a, b;
DO $$
BEGIN
  FOR i IN 1 .. 200 LOOP
    CREATE TEMP TABLE next AS SELECT o.node, 0.15 / t.n + 0.85 * (t.lost / t.n + coalesce(g.r, 0)) AS r FROM own o
      LEFT JOIN (SELECT e.b AS node, sum(s.r * e.share) AS r FROM edge e JOIN own s ON s.node = e.a GROUP BY 1) g USING (node),
      (SELECT count(*) AS n, sum(r) FILTER (WHERE node NOT IN (SELECT a FROM edge)) AS lost FROM own) t;
    DROP TABLE own; ALTER TABLE next RENAME TO own;
  END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM own), '>', 300::bigint, 'a network of some size');
SELECT is((SELECT count(*) FROM ranked JOIN own USING (node)), (SELECT count(*) FROM own), 'each node once');
SELECT cmp_ok((SELECT max(abs(pagerank - r)) FROM ranked JOIN own USING (node)), '<', 1e-12::float8, 'as by power iteration in plain SQL');
SELECT cmp_ok((SELECT sum(abs(c.pagerank - r.pagerank)) FROM pagerank('link', 'a', 'b', 'w', tolerance => 1e-4) c JOIN ranked r USING (node)), '<=', 1e-4 * 0.85 / 0.15::float8, 'a coarse tolerance keeps its promise');
CREATE TABLE shuffled AS SELECT * FROM link ORDER BY random();
SELECT set_eq($$ SELECT node, float8send(pagerank) FROM pagerank('shuffled', 'a', 'b', 'w', tolerance => 1e-13) $$, 'SELECT node, float8send(pagerank) FROM ranked', 'the rows'' order changes no bit');
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 4;
SELECT set_eq($$ SELECT node, float8send(pagerank) FROM pagerank('shuffled', 'a', 'b', 'w', tolerance => 1e-13) $$, 'SELECT node, float8send(pagerank) FROM ranked', 'nor does a parallel plan');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
UPDATE shuffled SET w = w * 1e6;
SELECT cmp_ok((SELECT max(abs(s.pagerank - r.pagerank)) FROM pagerank('shuffled', 'a', 'b', 'w') s JOIN ranked r USING (node)), '<', 1e-9::float8, 'the unit of weights plays no part');
SELECT throws_like($$ SELECT * FROM pagerank('link', 'a', 'b', 'w', damping => 0.99, max_iterations => 20) $$, 'ranks did not converge in 20 iterations', 'no convergence is an error');

-- a metric of a scorecard, over a view
CREATE TABLE sale AS SELECT 'n' || (400 * random())::int AS buyer, date '2025-01-01' + (300 * random())::int AS day, 10 AS amount FROM generate_series(1, 3000);
CREATE VIEW influence AS SELECT node, relative_rank FROM pagerank('link', 'a', 'b', 'w');
SELECT create_scorecard('net', 'sale', 'buyer', 'day', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
SELECT add_metric('net', 'pagerank', relation => 'influence', key => 'node', decimals => 6);
SELECT count(*) FROM refresh('net', as_of => '2025-12-01');
SELECT is_empty($$ SELECT p.customer_id FROM net_priority p LEFT JOIN ranked r ON r.node = p.customer_id
  WHERE p.pagerank IS DISTINCT FROM coalesce(round((r.pagerank * (SELECT count(*) FROM ranked))::numeric, 6), 0) $$, 'it can be a metric');
SELECT is_empty($$ SELECT * FROM verify('net') $$, 'which verify() recomputes');
INSERT INTO link SELECT 'n' || n, 'n77', 40 FROM generate_series(1, 300) n;
SELECT isnt((SELECT mode FROM refresh('net', as_of => '2025-12-01')), 'rebuild', 'new links are seen by the next refresh, without reading the source');
SELECT is((SELECT customer_id FROM net_priority ORDER BY pagerank DESC LIMIT 1), 'n77', 'and move influence');
SELECT is_empty($$ SELECT * FROM verify('net') $$, 'exactly');
SELECT is((SELECT count(*) FROM pagerank('link', 'a', 'b', 'w') a JOIN pagerank('link', 'b', 'a', 'w') b USING (node)), (SELECT count(*) FROM own), 'links can be followed backwards');
SELECT * FROM finish();
ROLLBACK;
