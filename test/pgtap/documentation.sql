-- Every public object of the extension is named in README's reference and has a comment. Run from the project's root.
\set readme `cat README.md`
\set meta `cat META.json`
\set control `cat custprio.control`
\set segments `cat doc/segments.md`
\set changelog `cat CHANGELOG.md`
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS custprio;
SELECT plan(14);

CREATE TEMP TABLE reference AS SELECT substr(:'readme', strpos(:'readme', E'\n## Reference\n')) AS text;
SELECT cmp_ok(length(text), '>', 5000, 'README has a reference') FROM reference;

-- The extension's members. What implements something that is documented itself (a type's input and output, an
-- operator, an operator class, an aggregate, a cast) is internal.
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'custprio');

CREATE TEMP VIEW internal_function AS
SELECT f.oid FROM pg_type t, LATERAL unnest(ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend]) f(oid)
UNION SELECT oprcode FROM pg_operator
UNION SELECT amproc FROM pg_amproc
UNION SELECT f.oid FROM pg_aggregate a,
  LATERAL unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn]) f(oid);

CREATE TEMP VIEW public_function AS
SELECT p.oid, p.proname AS name, p.oid::regprocedure::text AS signature
FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE p.oid NOT IN (SELECT oid FROM internal_function WHERE oid <> 0);

SELECT cmp_ok(count(*), '>', 40::bigint, 'there are public functions') FROM public_function;
SELECT is_empty($$
  SELECT signature FROM public_function, reference WHERE text !~ ('\n\| [^|]*`' || name || '\(')
$$, 'every public function, aggregate and procedure is in the reference');

SELECT is_empty($$
  SELECT DISTINCT pg_describe_object(m.classid, m.objid, 0) FROM member m LEFT JOIN pg_cast c ON m.objid = c.oid
  WHERE m.classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass, 'pg_class'::regclass,
                      'pg_cast'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass)
    AND obj_description(m.objid, m.classid::regclass::name) IS NULL
    -- array and row types come with their element type and table; identity sequences with their column
    AND NOT EXISTS (SELECT FROM pg_type t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid
                    AND (t.typcategory = 'A' OR t.typtype = 'c'))
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE m.classid = 'pg_class'::regclass
                    AND d.classid = m.classid AND d.objid = m.objid AND d.deptype = 'i')
$$, 'every object has a comment');

SELECT is_empty($$
  SELECT t.typname FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid, reference
  WHERE t.typtype <> 'c' AND t.typcategory <> 'A' AND text !~ ('\n#### ' || t.typname || '\n')
$$, 'every type has a chapter of the reference');

SELECT is_empty($$
  SELECT o.oid::regoperator::text
  FROM pg_operator o JOIN member m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
  JOIN pg_type t ON t.oid = o.oprleft, reference,
  LATERAL (SELECT split_part(split_part(text, E'\n#### ' || t.typname || E'\n', 2), E'\n###', 1) AS chapter) c
  WHERE strpos(replace(chapter, '\|', '|'), ' ' || o.oprname || ' ') = 0
    AND strpos(chapter, '`' || o.oprname || '`') = 0
$$, 'every operator is in its type''s chapter');

SELECT is_empty($$
  SELECT c.relname FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid, reference
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'S') AND strpos(text, '`' || c.relname || '`') = 0
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = m.classid AND d.objid = m.objid AND d.deptype = 'i')
$$, 'every table, view and sequence is in the reference');

SELECT is_empty($$
  SELECT c.relname, a.attname
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped, reference
  WHERE c.oid IN ('custprio.status'::regclass, 'custprio.refresh_run'::regclass) AND strpos(text, '`' || a.attname || '`') = 0
$$, 'every column of status and refresh_run is in the reference');

SELECT is_empty($$
  SELECT unnest(p.proargnames[1:p.pronargs]) AS argument FROM pg_proc p, reference
  WHERE p.oid IN (SELECT oid FROM public_function WHERE name IN ('create_scorecard', 'alter_scorecard'))
  EXCEPT
  SELECT m[1] FROM reference, regexp_matches(text, '`(\w+)(?: \w+(?:\[\])?)?`', 'g') m
$$, 'every option of create_scorecard and alter_scorecard is in the reference');

LOAD 'custprio';
SELECT is_empty($$
  SELECT name FROM pg_settings, reference WHERE name LIKE 'custprio.%' AND strpos(text, '`' || name || '`') = 0
$$, 'every setting is in the reference');

-- What a scorecard publishes.
CREATE SCHEMA documentation;
CREATE TABLE documentation.sale (buyer int, at date, amount numeric(10,2));
SELECT custprio.create_scorecard('doc', 'documentation.sale', 'buyer', 'at', 'amount', every => NULL, schema => 'documentation')
\g /dev/null
SELECT is_empty($$
  SELECT c.relname, a.attname
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0, reference
  WHERE c.relnamespace = 'documentation'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'sale'
    AND c.relname <> 'doc_purchases' AND strpos(text, '`' || a.attname || '`') = 0
$$, 'every published column is in the reference');
SELECT is_empty($$
  SELECT c.relname, a.attname
  FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relnamespace = 'documentation'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'sale'
    AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
$$, 'every published table, view and column has a comment');

SELECT set_eq(
  format($$SELECT map, segment, codes FROM (
    SELECT split_part(chapter, E'\n', 1) AS map, m[1] AS segment, string_to_array(m[2], ', ')::custprio.rfm_score[] AS codes
    FROM regexp_split_to_table(%L, '\n## ') chapter,
         regexp_matches(chapter, '\n\| ([^|]+) \|(?: [^|]+ \|)? ([0-9, ]+) \|(?=\n)', 'g') m) d$$, :'segments'),
  'SELECT map, segment, codes FROM custprio.segment_map WHERE built_in',
  'doc/segments.md lists the built-in segment maps');

-- The version stands in the control file; what must repeat it agrees.
SELECT is(
  ARRAY[:'meta'::jsonb ->> 'version', :'meta'::jsonb #>> '{provides,custprio,version}',
        (regexp_match(:'changelog', '\n## \[([0-9.]+)\]'))[1], (SELECT extversion FROM pg_extension WHERE extname = 'custprio')],
  array_fill((regexp_match(:'control', 'default_version = ''([^'']+)'''))[1], ARRAY[4]),
  'META.json, CHANGELOG.md and the installed extension have the version of the control file');

SELECT * FROM finish();
ROLLBACK;
