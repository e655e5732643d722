-- Candidates for duplicates: what is refused, odd names, warnings, and whose rights count.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET search_path = public, custprio;
CREATE SCHEMA "Dup li";
CREATE TABLE "Dup li"."Per 'son" ("I d" int, "E ""mail" text, "P'hone" bigint, city text);
\set person '\'"Dup li"."Per \'\'son"\''
SELECT * FROM duplicate_candidates(:person, 'I d', '{"E \"mail"}');
INSERT INTO "Dup li"."Per 'son" VALUES (10, 'a@x', 123, 'Rome'), (9, 'A@X', NULL, 'Rome'), (2, NULL, 123, 'Oslo'), (3, 'b@x', 0, 'Rome'), (4, 'c@x', NULL, NULL);
SELECT * FROM duplicate_candidates(:person, 'I d', '{"E \"mail"}', '{P''hone}');
SELECT alias, canonical FROM duplicate_candidates(:person, 'I d', '{"E \"mail",city}');
SELECT alias, canonical, score FROM duplicate_candidates(:person, 'I d', '{"E \"mail",city}', threshold => 0.5);
SELECT alias, canonical FROM duplicate_candidates(:person, 'I d', '{"E \"mail"}', block_by => '{city}', max_block => 2);
SELECT alias, canonical FROM duplicate_candidates(:person, 'I d', '{city}', block_by => '{"E \"mail",P''hone,city}', max_block => 2);
-- refused
SELECT * FROM duplicate_candidates(NULL, 'I d', '{city}');
SELECT * FROM duplicate_candidates(:person, NULL, '{city}');
SELECT * FROM duplicate_candidates(:person, 'I d', NULL);
SELECT * FROM duplicate_candidates(:person, 'I d', '{city,NULL}');
SELECT * FROM duplicate_candidates(:person, 'id', '{city}');
SELECT * FROM duplicate_candidates(:person, 'I d', '{ctid}');
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', block_by => '{town}');
SELECT * FROM duplicate_candidates(:person, 'I d');
SELECT * FROM duplicate_candidates(:person, 'I d', block_by => '{city}');
SELECT * FROM duplicate_candidates(:person, 'I d', similar_columns => '{city}');
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', block_by => '{}');
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', threshold => 0);
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', threshold => 'NaN');
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', threshold => NULL);
SELECT * FROM duplicate_candidates(:person, 'I d', '{city}', max_block => 1);
SELECT * FROM duplicate_candidates(:person, 'I d', similar_columns => '{city}', block_by => '{city}');
-- a function that only looks like pg_trgm's
CREATE FUNCTION public.similarity(text, text) RETURNS real LANGUAGE sql AS 'SELECT 1::real';
SELECT * FROM duplicate_candidates(:person, 'I d', similar_columns => '{city}', block_by => '{city}');
DROP FUNCTION public.similarity(text, text);
-- the caller's rights
CREATE ROLE regress_duplicate_reader;
GRANT USAGE ON SCHEMA "Dup li" TO regress_duplicate_reader;
SET ROLE regress_duplicate_reader;
SELECT * FROM custprio.duplicate_candidates(:person, 'I d', '{city}');
RESET ROLE;
GRANT SELECT ("I d", city) ON "Dup li"."Per 'son" TO regress_duplicate_reader;
SET ROLE regress_duplicate_reader;
SELECT alias, canonical FROM custprio.duplicate_candidates(:person, 'I d', '{city}');
SELECT alias, canonical FROM custprio.duplicate_candidates(:person, 'I d', '{"E \"mail"}');
RESET ROLE;
DROP SCHEMA "Dup li" CASCADE;
DROP ROLE regress_duplicate_reader;
