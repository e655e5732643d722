-- PageRank: what is refused, odd names, and whose rights count.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = public, custprio;
CREATE SCHEMA "Net work";
CREATE TABLE "Net work"."Li 'nk" ("Fr om" int, "T""o" int, "wei ght" numeric, note text);
INSERT INTO "Net work"."Li 'nk" VALUES (1, 2, 1, ''), (2, 3, 1, ''), (3, 2, 3, '');
SELECT node, round(pagerank::numeric, 4) AS pagerank, round(relative_rank::numeric, 4) AS relative FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'wei ght') ORDER BY node;
-- refused
SELECT * FROM pagerank(NULL, 'Fr om', 'T"o');
SELECT * FROM pagerank('"Net work"."Li ''nk"', NULL, 'T"o');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', NULL);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'from', 'T"o');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'ctid');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'weight');
SELECT * FROM pagerank(0, 'Fr om', 'T"o');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'note');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', damping => 1);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', damping => -0.1);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', damping => 'NaN');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', damping => NULL);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', tolerance => 0);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', max_iterations => 0);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', max_iterations => NULL);
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', max_iterations => 2);
INSERT INTO "Net work"."Li 'nk" VALUES (1, 2, -1, '');
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'wei ght');
UPDATE "Net work"."Li 'nk" SET "wei ght" = 'NaN' WHERE "wei ght" < 0;
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'wei ght');
UPDATE "Net work"."Li 'nk" SET "wei ght" = 1.5e308;
SELECT * FROM pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o', 'wei ght');
-- the caller's rights, and the row security that holds for the caller
CREATE ROLE regress_pagerank_reader;
GRANT USAGE ON SCHEMA "Net work" TO regress_pagerank_reader;
SET ROLE regress_pagerank_reader;
SELECT * FROM custprio.pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o');
RESET ROLE;
GRANT SELECT ON "Net work"."Li 'nk" TO regress_pagerank_reader;
ALTER TABLE "Net work"."Li 'nk" ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON "Net work"."Li 'nk" USING ("Fr om" < 2);
SET ROLE regress_pagerank_reader;
SELECT node FROM custprio.pagerank('"Net work"."Li ''nk"', 'Fr om', 'T"o') ORDER BY node;
RESET ROLE;
DROP SCHEMA "Net work" CASCADE;
DROP ROLE regress_pagerank_reader;
