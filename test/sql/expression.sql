-- Expressions of a declaration: what is accepted and how it is stored, what is refused and how that is said.
SET search_path = public, custprio;
SET TimeZone = 'Europe/Berlin';
\set SHOW_CONTEXT never

CREATE TYPE color AS ENUM ('red', 'green');
CREATE DOMAIN customer_number AS uuid;
CREATE DOMAIN price AS numeric(10,3) CHECK (value >= 0);
CREATE COLLATION blind (provider = icu, locale = 'und', deterministic = false);
CREATE TABLE purchase (
  "Customer Id" int8, small int2, plain int4, "select" uuid, number customer_number, name text, code varchar(12),
  padded char(4), c_name text COLLATE "C", blind text COLLATE blind, tint color, raw bytea, address inet, tag "char",
  ident name, yes boolean, day date, ts timestamp, tz timestamptz, clock time, span interval, days daterange,
  cents int4, total numeric(12,3), free numeric, wide numeric(5,-2), cost price, real4 float4, real8 float8, cash money,
  numbers int[], doc jsonb, point point
);

-- Declares a scorecard with one expression of interest and shows what became of it.
CREATE FUNCTION stored(argument text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM create_scorecard('e', 'purchase', amount_scale => 2,
    customer => CASE argument WHEN 'customer' THEN expression ELSE 'plain' END,
    purchased_at => CASE argument WHEN 'purchased_at' THEN expression ELSE 'tz' END,
    amount => CASE argument WHEN 'amount' THEN expression ELSE 'total' END,
    filter => CASE argument WHEN 'filter' THEN expression END);
  EXECUTE format('SELECT %I FROM custprio.scorecard WHERE name = $1', argument) INTO result USING 'e';
  IF argument = 'customer' THEN
    SELECT result || ' :: ' || format_type(a.atttypid, a.atttypmod) ||
           coalesce(' COLLATE ' || nullif(a.attcollation, 0)::regcollation, '') INTO result
    FROM pg_attribute a WHERE attrelid = 'e_priority'::regclass AND attname = 'customer_id';
  END IF;
  PERFORM drop_scorecard('e');
  RETURN result;
END $$;

-- customer: every type whose equality is bitwise
SELECT e, stored('customer', e) FROM unnest(ARRAY[
  $$"Customer Id"$$, 'small', 'plain', '"select"', 'number', 'name', 'code', 'c_name', 'tint', 'raw', 'tag', 'ident',
  'yes', 'day', 'tz', 'total::text', 'padded::text', 'real8::text', 'blind COLLATE "C"', 'lower(name)',
  'coalesce(code, name)', 'plain::bigint', 'purchase.plain', $$doc->>'id'$$, '  plain -- the number', '(plain)',
  'ALL plain', 'address'
]) e;

-- and none in which equal values may look different
SELECT stored('customer', 'total');
SELECT stored('customer', 'real8');
SELECT stored('customer', 'padded');
SELECT stored('customer', 'blind');
SELECT stored('customer', 'name COLLATE blind');
SELECT stored('customer', 'doc');
SELECT stored('customer', 'numbers');
SELECT stored('customer', 'span');
SELECT stored('customer', 'days');
SELECT stored('customer', 'point');
SELECT stored('customer', 'ROW(plain, name)');
SELECT stored('customer', 'name || c_name');
SELECT stored('customer', '''plain''');
SELECT stored('customer', '42');
SELECT stored('customer', 'NULL');

-- purchased_at
SELECT e, stored('purchased_at', e) FROM unnest(ARRAY[
  'day', 'ts', 'tz', 'tz::date', 'name::date', 'code::timestamptz', $$ts AT TIME ZONE 'Asia/Tokyo'$$, 'day + 1',
  'ts::timestamptz', $$coalesce(tz, '2024-01-01')$$, $$(doc->>'at')::timestamptz$$
]) e;
SELECT stored('purchased_at', 'name');
SELECT stored('purchased_at', 'clock');
SELECT stored('purchased_at', 'plain');
SELECT stored('purchased_at', '''2024-01-01''');
SELECT stored('purchased_at', '''2024-01-01''::date');
SELECT stored('purchased_at', 'now()');
SELECT stored('purchased_at', 'coalesce(tz, current_timestamp)');
SELECT stored('purchased_at', 'coalesce(day, ''now''::text::date)');
SELECT stored('purchased_at', 'to_timestamp(name, ''YYYY'')');

-- amount
SELECT e, stored('amount', e) FROM unnest(ARRAY[
  'small', 'cents', '"Customer Id"', 'total', 'free', 'wide', 'cost', 'real4', 'real8', '1', '-total', 'cents / 100.0',
  'cash::numeric', 'total * 1.19'
]) e;
SELECT stored('amount', 'cash');
SELECT stored('amount', 'name');
SELECT stored('amount', '''1''');
SELECT stored('amount', 'span');

-- filter: literals of dates mean the scorecard's zone
SELECT e, stored('filter', e) FROM unnest(ARRAY[
  'yes', 'true', $$name = 'it''s'$$, 'plain IN (1, 2)', 'plain BETWEEN 1 AND 2', $$name LIKE 'a%' AND NOT yes$$,
  $$tz >= '2024-07-01'$$, $$tz >= timestamptz '2024-07-01 00:00+00'$$, $$tz::date >= '2024-01-02'$$, $$name = 'today'$$,
  'CASE WHEN yes THEN plain > 1 ELSE NULL END', 'numbers[1] = 2', $$tint = 'red'$$, $$span > '1 day'$$,
  $$doc ? 'paid'$$, 'name = NULL', $$'t'$$, 'NULL', NULL
]) e;
SELECT stored('filter', 'plain');
SELECT stored('filter', '''perhaps''');
SELECT stored('filter', '  ');
SELECT stored('filter', '-- nothing');
SELECT stored('filter', 'tz > now() - interval ''1 year''');
SELECT stored('filter', 'day > current_date - 30');
SELECT stored('filter', 'tz > ''today''');
SELECT stored('filter', 'day > date ''yesterday''');
SELECT stored('filter', 'ts > localtimestamp');
SELECT stored('filter', 'age(ts) < ''1 year''');
SELECT stored('filter', 'tz > clock_timestamp()');
SELECT stored('filter', 'tz >= day');
SELECT stored('filter', 'tz + interval ''1 month'' > ''2024-01-01''');
SELECT stored('filter', 'date_trunc(''day'', tz) = ts');
SELECT stored('filter', 'name = current_user');
SELECT stored('filter', 'random() < 0.5');
SELECT stored('filter', 'nextval(''custprio.scorecard_id_seq'') > 0');
SELECT stored('filter', 'pg_sleep(1) IS NULL');
SELECT stored('filter', 'name::regclass = 1');
SELECT stored('filter', 'current_setting(''x'') = name');

-- anything that is not one plain expression over the columns
SELECT stored('amount', 'totl');
SELECT stored('amount', 'nosuch.total');
SELECT stored('amount', 'total + ');
SELECT stored('amount', 'total) FROM purchase; DROP TABLE purchase; --');
SELECT stored('amount', 'total; DROP TABLE purchase');
SELECT stored('amount', 'total, cents');
SELECT stored('amount', 'total FROM purchase');
SELECT stored('amount', 'total AS x');
SELECT stored('amount', 'total x');
SELECT stored('amount', 'DISTINCT total');
SELECT stored('amount', 'total LIMIT 1');
SELECT stored('amount', 'total UNION SELECT 1');
SELECT stored('amount', 'total INTO t');
SELECT stored('amount', '*');
SELECT stored('amount', 'purchase.*');
SELECT stored('amount', '(purchase).total');
SELECT stored('filter', 'purchase IS NOT NULL');
SELECT stored('customer', 'ctid');
SELECT stored('customer', 'tableoid');
SELECT stored('amount', '(SELECT 1)');
SELECT stored('filter', 'EXISTS (SELECT FROM pg_class)');
SELECT stored('filter', 'plain IN (SELECT 1)');
SELECT stored('filter', 'plain = ANY (ARRAY(SELECT 1))');
SELECT stored('amount', 'sum(total)');
SELECT stored('amount', 'grouping(total)');
SELECT stored('amount', 'row_number() OVER ()');
SELECT stored('amount', 'sum(total) OVER (ORDER BY tz)');
SELECT stored('amount', 'generate_series(1, 2)');
SELECT stored('amount', '$1');
SELECT stored('amount', 'nosuch(total)');
SELECT stored('amount', 'total + name');
SELECT stored('amount', 'total::nosuch');
SELECT stored('amount', '''x''::int');

-- names resolve as the caller sees them, and are stored so that search_path no longer matters
CREATE SCHEMA mine;
CREATE FUNCTION mine.net(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql RETURN $1 / 1.19;
CREATE FUNCTION mine.lower(text) RETURNS text IMMUTABLE LANGUAGE sql RETURN 'mine';
CREATE FUNCTION mine.plus(int, int) RETURNS int IMMUTABLE LANGUAGE sql RETURN 42;
CREATE OPERATOR mine.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = mine.plus);
CREATE FUNCTION mine.careless() RETURNS int LANGUAGE sql RETURN 1;
CREATE FUNCTION mine.steady() RETURNS int STABLE LANGUAGE sql RETURN 1;
SELECT stored('amount', 'net(total)');
SET search_path = mine, pg_catalog, public, custprio;
SELECT stored('amount', 'net(total)');
SELECT stored('customer', 'lower(name)');
SELECT stored('amount', 'cents + 1');
SELECT stored('amount', 'cents + careless()');
SELECT stored('amount', 'cents + steady()');
CREATE FUNCTION pg_temp.passing(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN $1;
SELECT stored('amount', 'pg_temp.passing(cents)');
SET search_path = public, custprio;
SELECT stored('customer', 'mine.lower(name)');
SELECT stored('customer', 'lower(name)');

-- whatever the session's settings
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET TimeZone = 'America/New_York';
SELECT stored('filter', 'tz >= ''2024-07-01'' AND span > ''36:00'' AND day > ''2024-01-02''');
RESET DateStyle;
RESET IntervalStyle;
SET TimeZone = 'Europe/Berlin';
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT stored('filter', 'name = ''a\\b''');
RESET standard_conforming_strings;

DROP SCHEMA mine CASCADE;
DROP FUNCTION stored;
DROP TABLE purchase;
DROP DOMAIN price;
DROP DOMAIN customer_number;
DROP TYPE color;
DROP COLLATION blind;
