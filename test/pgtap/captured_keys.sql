-- Keys of every kind go through the queue of changes and come out as they were.
\set ECHO none
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SET LOCAL search_path = public, custprio;
SET LOCAL client_min_messages = error;
CREATE TABLE kinds (kind text, first text, others text, n int);
INSERT INTO kinds VALUES
  ('int2', '1', $$ VALUES (-1), (32767), (-32768), (0) $$, 4),
  ('int4', '1', $$ VALUES (-1), (2147483647), (-2147483648), (127), (128) $$, 5),
  ('int8', '1', $$ VALUES (-1), (9223372036854775807), (-9223372036854775808), (16383), (16384) $$, 5),
  ('oid', '1', $$ VALUES (0), (4294967295) $$, 2),
  ('date', '2020-01-01', $$ VALUES ('0100-01-01 BC'), ('infinity'), ('-infinity') $$, 3),
  ('timestamptz', '2020-01-01 00:00+00', $$ VALUES ('-infinity'), ('2000-01-01 00:00+00'), ('1999-12-31 00:00+00') $$, 3),
  ('bool', 'true', $$ VALUES (false) $$, 1),
  ('uuid', '00000000-0000-0000-0000-000000000000', $$ SELECT md5(i::text)::uuid FROM generate_series(1, 900) i $$, 900),
  ('text', 'x', $$ VALUES (''), (repeat('y', 2000)), ('ü') UNION ALL SELECT repeat(md5(i::text), 60) FROM generate_series(1, 100) i $$, 103),
  ('varchar(5)', 'x', $$ VALUES (''), ('yyyyy') $$, 2),
  ('bytea', '\x00', $$ VALUES ('\x'), ('\x0001') $$, 2);
SELECT plan(3 * count(*)::int + 7) FROM kinds;

CREATE FUNCTION pg_temp.through(kind text, first text, others text, n int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  EXECUTE format('CREATE TABLE shop (customer %s, at date, amount int)', kind);
  EXECUTE format('INSERT INTO shop VALUES (%L, ''2025-01-01'', 5)', first);
  PERFORM create_scorecard('keys', 'shop', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
  PERFORM refresh('keys', as_of => '2025-12-31');
  EXECUTE format('INSERT INTO shop SELECT v::%s, ''2025-02-02'', 7 FROM (%s) k(v)', kind, others);
  SELECT concat_ws(' ', mode, queued, inserted, updated) INTO found FROM refresh('keys', as_of => '2025-12-31');
  RETURN NEXT is(found, format('incremental %s %s 0', n, n), kind || ': all are there');
  RETURN NEXT is_empty('SELECT * FROM verify(''keys'')', kind || ': with what they bought');
  UPDATE shop SET amount = amount + 1;
  DELETE FROM shop WHERE at = '2025-02-02';
  SELECT concat_ws(' ', mode, queued, inserted, updated, deleted) INTO found FROM refresh('keys', as_of => '2025-12-31');
  RETURN NEXT is(found, format('incremental %s 0 1 %s', n + 1, n), kind || ': and gone');
  PERFORM drop_scorecard('keys');
  DROP TABLE shop;
END $$;
SELECT pg_temp.through(kind, first, others, n) FROM kinds;

-- a statement with more keys than are told apart at a time
CREATE TABLE shop (customer int, at date, amount int);
SELECT create_scorecard('keys', 'shop', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
INSERT INTO shop SELECT i % 20000, '2025-01-01', i FROM generate_series(1, 40000) i;
SELECT cmp_ok((SELECT sum(keys) FROM change_queue), '>=', 20000::bigint, 'a big statement: every key is noted');
SELECT cmp_ok((SELECT sum(keys) FROM change_queue), '<=', 40000::bigint, 'those that come again much later perhaps twice');
SELECT is((SELECT queued || ' ' || inserted FROM refresh('keys', as_of => '2025-12-31')), '20000 20000', 'a refresh sees each of them once');
INSERT INTO shop SELECT i % 2000, '2025-01-01', i FROM generate_series(1, 40000) i;
SELECT cmp_ok((SELECT sum(keys) FROM change_queue), '<', 8000::bigint, 'those that come again soon seldom');
SELECT is((SELECT queued || ' ' || updated FROM refresh('keys', as_of => '2025-12-31')), '2000 2000', 'and these are seen once, too');
INSERT INTO shop SELECT i % 511, '2025-01-01', i FROM generate_series(1, 5000) i;
SELECT is((SELECT sum(keys) FROM change_queue), 511::bigint, 'few keys: each once');
INSERT INTO shop SELECT 0, '2025-01-01', i FROM generate_series(1, 3) i;
INSERT INTO shop SELECT i, '2025-01-01', i FROM generate_series(-3000, 3000) i;
SELECT is((SELECT queued::int FROM refresh('keys', as_of => '2025-12-31')), 6001, 'none of many is missing, neither zero nor those below');
SELECT * FROM finish();
ROLLBACK;
