# 031_sources.pl: kinds of sources that the direct scan reads, and those that it must leave to a query. Both ways give
# the same rows, and those of the oracle.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('sources');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = all
autovacuum = off
fsync = off
jit = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION custprio; CREATE EXTENSION pg_stat_statements');
$node->psql('postgres', "\\i $FindBin::RealBin/../oracle/refresh.sql", on_error_die => 1);
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE owner;
GRANT CREATE ON SCHEMA public TO owner;
CREATE TABLE plain (c int, t timestamptz, a numeric(12,2));
INSERT INTO plain SELECT i * 7919 % 101, timestamptz '2024-01-01' + i * interval '3 hours', (i * 37 % 500) / 4.0 - 10 FROM generate_series(1, 2000) i;
ALTER TABLE plain OWNER TO owner;
CREATE VIEW last_run AS SELECT * FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1;
SQL

my $as_of = '2024-08-01';
my $parallel = 'SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0';

# Whether the rebuild just done read the source through a query: custprio's text has parentheses around each column.
my $asked = q{SELECT count(*) FROM pg_stat_statements WHERE query ~ '^SELECT \(.*\), \(.*\), \(.*\) FROM (public\.)?src'};

# Make a source "src" with the given SQL, declare a scorecard over it as role owner, and rebuild it in all ways.
sub source
{
	my ($name, $way, $sql, %argument) = @_;
	my ($customer, $when, $amount) = ($argument{customer} // 'c', $argument{purchased_at} // 't', $argument{amount} // 'a');
	my $drop = $argument{drop} // '';
	my $filter = defined $argument{filter} ? "'$argument{filter}'" : 'NULL';

	$node->safe_psql('postgres', <<SQL);
SET client_min_messages = error;
$sql
SET ROLE owner;
SELECT custprio.create_scorecard('card', 'src', '$customer', '$when', '$amount', filter => $filter, every => NULL, time_zone => 'America/New_York', amount_scale => 2);
RESET ROLE;
SELECT pg_stat_statements_reset();
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
SQL
	is($node->safe_psql('postgres', $asked), $way eq 'query' ? '1' : '0', "$name: read by $way");
	# the oracle sees what the owner of the scorecard sees
	is($node->safe_psql('postgres', <<SQL), '', "$name: rows are the oracle's");
GRANT USAGE ON SCHEMA oracle TO owner; GRANT ALL ON ALL TABLES IN SCHEMA oracle TO owner;
SET ROLE owner;
SELECT oracle.compute('card', '$as_of') \\gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 5;
RESET ROLE;
SELECT * FROM oracle.run_difference('card');
SQL
	for my $settings ('SET custprio.fast_scan = off', "SET custprio.fast_scan = off; $parallel", $parallel)
	{
		is($node->safe_psql('postgres', <<SQL), '', "$name: same with $settings");
$settings;
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
SELECT inserted, updated, deleted, state_written FROM last_run WHERE (inserted, updated, deleted, state_written) <> (0, 0, 0, 0);
SELECT * FROM oracle.run_difference('card');
SQL
	}
	isnt($node->safe_psql('postgres', 'SELECT count(*) FROM card_priority WHERE tier IS NOT NULL'), '0', "$name: there are buyers")
	  unless $argument{empty};
	$node->safe_psql('postgres', "SELECT custprio.drop_scorecard('card'); SET client_min_messages = error; ALTER TABLE plain OWNER TO CURRENT_USER;"
		  . " DROP OWNED BY owner CASCADE; GRANT CREATE ON SCHEMA public TO owner; ALTER TABLE plain OWNER TO owner; $drop");
}

my $as_owner = 'SET ROLE owner;';

source('table', 'scan', "$as_owner CREATE TABLE src AS TABLE plain;");
source('empty table', 'scan', "$as_owner CREATE TABLE src (c int, t date, a int);", empty => 1);
source('unlogged table', 'scan', "$as_owner CREATE UNLOGGED TABLE src AS TABLE plain;");
source('view', 'query', "$as_owner CREATE VIEW src AS SELECT c, t, a * 2 AS a FROM plain WHERE a > -5;");
source('materialised view', 'query', "$as_owner CREATE MATERIALIZED VIEW src AS TABLE plain;");
source('expressions', 'query', "$as_owner CREATE TABLE src AS TABLE plain;", customer => 'c + 1', amount => 'a / 2');
source('cast that changes bytes', 'query', "$as_owner CREATE TABLE src AS TABLE plain;", customer => 'c::bigint');
source('cast that changes nothing', 'scan', "$as_owner CREATE TABLE src AS SELECT 'k' || c AS c, t, a FROM plain; ALTER TABLE src ALTER c TYPE varchar(20);");
source('filter', 'scan', "$as_owner CREATE TABLE src AS SELECT *, a > 20 AS ok FROM plain;", filter => 'ok OR c < 10');
source('filter of a constant', 'scan', "$as_owner CREATE TABLE src AS TABLE plain;", filter => 'false', empty => 1);
source('filter with a function that is not parallel safe', 'query',
	"$as_owner CREATE FUNCTION wanted(int) RETURNS boolean IMMUTABLE PARALLEL UNSAFE LANGUAGE plpgsql AS 'BEGIN RETURN \$1 % 2 = 0; END'; CREATE TABLE src AS TABLE plain;",
	filter => 'wanted(c)');
source('filter with a function that is', 'scan',
	"$as_owner CREATE FUNCTION wanted(int) RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS 'BEGIN RETURN \$1 % 2 = 0; END'; CREATE TABLE src AS TABLE plain;",
	filter => 'wanted(c)');

source('partitions with other column orders', 'scan', <<SQL, filter => 'ok');
$as_owner
CREATE TABLE src (c int, t timestamptz, gone text, a numeric(12,2), ok boolean) PARTITION BY RANGE (t);
CREATE TABLE src_old PARTITION OF src FOR VALUES FROM (MINVALUE) TO ('2024-03-01');
CREATE TABLE src_mid (ok boolean, junk text, a numeric(12,2), t timestamptz, gone text, c int);
ALTER TABLE src_mid DROP COLUMN junk;
ALTER TABLE src ATTACH PARTITION src_mid FOR VALUES FROM ('2024-03-01') TO ('2024-05-01');
CREATE TABLE src_new PARTITION OF src FOR VALUES FROM ('2024-05-01') TO (MAXVALUE) PARTITION BY HASH (c);
CREATE TABLE src_new_0 PARTITION OF src_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE src_new_1 (a numeric(12,2), gone text, c int, ok boolean, t timestamptz);
ALTER TABLE src_new ATTACH PARTITION src_new_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE src DROP COLUMN gone;
INSERT INTO src (c, t, a, ok) SELECT c, t, a, a > -5 FROM plain;
SQL
source('inheritance', 'scan', <<SQL);
$as_owner
CREATE TABLE src (c int, t timestamptz, a numeric(12,2));
CREATE TABLE src_child (extra text, b int, a numeric(12,2), t timestamptz, c int);
ALTER TABLE src_child INHERIT src;
CREATE TABLE src_grandchild (more text) INHERITS (src_child);
INSERT INTO src SELECT * FROM plain WHERE c % 3 = 0;
INSERT INTO src_child (c, t, a) SELECT * FROM plain WHERE c % 3 = 1;
INSERT INTO src_grandchild (c, t, a) SELECT * FROM plain WHERE c % 3 = 2;
SQL
source('foreign partition', 'query', <<SQL, drop => 'DROP TABLE src CASCADE; DROP EXTENSION file_fdw CASCADE;');
COPY (SELECT c, t, a FROM plain WHERE t >= '2024-05-01') TO '@{[ $node->data_dir ]}/partition.csv' (FORMAT csv);
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE TABLE src (c int, t timestamptz, a numeric(12,2)) PARTITION BY RANGE (t);
CREATE TABLE src_old PARTITION OF src FOR VALUES FROM (MINVALUE) TO ('2024-05-01');
CREATE FOREIGN TABLE src_new PARTITION OF src FOR VALUES FROM ('2024-05-01') TO (MAXVALUE)
  SERVER files OPTIONS (filename '@{[ $node->data_dir ]}/partition.csv', format 'csv');
INSERT INTO src SELECT * FROM plain WHERE t < '2024-05-01';
GRANT SELECT ON src TO owner;
SQL
source('foreign table', 'query', <<SQL, drop => 'DROP EXTENSION file_fdw CASCADE;');
COPY (SELECT c, t, a FROM plain) TO '@{[ $node->data_dir ]}/all.csv' (FORMAT csv);
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE src (c int, t timestamptz, a numeric(12,2)) SERVER files OPTIONS (filename '@{[ $node->data_dir ]}/all.csv', format 'csv');
GRANT SELECT ON src TO owner;
SQL

source('row security on the owner', 'query', <<SQL);
$as_owner
CREATE TABLE src AS TABLE plain;
ALTER TABLE src ENABLE ROW LEVEL SECURITY;
ALTER TABLE src FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON src USING (c % 4 <> 0);
SQL
source('row security that leaves the owner out', 'scan', <<SQL);
$as_owner
CREATE TABLE src AS TABLE plain;
ALTER TABLE src ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON src USING (c % 4 <> 0);
SQL
source('row security on another role', 'query', <<SQL, drop => 'DROP TABLE src CASCADE;');
CREATE TABLE src AS TABLE plain;
GRANT SELECT ON src TO owner;
ALTER TABLE src ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON src TO owner USING (c % 4 <> 0);
SQL
source('privileges on columns only', 'query', <<SQL, drop => 'DROP TABLE src CASCADE;');
CREATE TABLE src AS SELECT *, 'secret' AS hidden FROM plain;
GRANT SELECT (c, t, a) ON src TO owner;
SQL

source('long keys and amounts, compressed and out of line', 'scan', <<SQL);
$as_owner
CREATE TABLE src (pad text, c text, t timestamptz, a numeric);
ALTER TABLE src ALTER pad SET STORAGE EXTERNAL;
INSERT INTO src SELECT repeat('pad', c * 20),
  CASE c % 4 WHEN 0 THEN repeat('key ' || c, 2000) WHEN 1 THEN (SELECT string_agg(md5(i::text || c), '') FROM generate_series(1, 70) i) ELSE 'short ' || c END, t,
  CASE WHEN c = 7 THEN a * 1e4000 WHEN c = 9 THEN a * 1e-500 ELSE a END FROM plain;
SQL
source('domains', 'scan', <<SQL);
$as_owner
CREATE DOMAIN customer_number AS int CHECK (VALUE >= 0);
CREATE DOMAIN euro AS numeric(12,2);
CREATE DOMAIN moment AS timestamptz;
CREATE TABLE src (c customer_number, t moment, a euro);
INSERT INTO src TABLE plain;
SQL
source('stored generated columns', 'scan', <<SQL);
$as_owner
CREATE TABLE src (c int, t timestamptz, net numeric(12,2), a numeric(14,4) GENERATED ALWAYS AS (net * 1.19) STORED);
INSERT INTO src (c, t, net) TABLE plain;
SQL
source('enum, bytea and the like as keys: enum', 'scan', <<SQL);
$as_owner
CREATE TYPE shop AS ENUM ('north', 'south', 'east', 'west');
CREATE TABLE src AS SELECT (enum_range(NULL::shop))[1 + c % 4] AS c, t, a FROM plain;
SQL
source('enum, bytea and the like as keys: bytea', 'scan', "$as_owner CREATE TABLE src AS SELECT decode(md5(c::text), 'hex') AS c, t, a FROM plain;");
source('enum, bytea and the like as keys: oid', 'scan', "$as_owner CREATE TABLE src AS SELECT (c::bigint + 4294967000)::oid AS c, t, a FROM plain WHERE c < 200;");
source('text in another collation', 'scan', qq{$as_owner CREATE TABLE src AS SELECT ('Ä' || c) COLLATE "POSIX" AS c, t, a FROM plain;});
source('days long ago and far ahead', 'scan', <<SQL);
$as_owner
CREATE TABLE src (c int, t date, a real);
INSERT INTO src SELECT c, CASE c % 9 WHEN 0 THEN date '0044-03-15 BC' WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN date '5874897-12-31' WHEN 4 THEN date '294276-12-31' ELSE t::date END,
  CASE WHEN c % 11 = 5 THEN 'NaN' WHEN c % 11 = 6 THEN '-Infinity' ELSE a / 7 END FROM plain WHERE c % 9 <> 3;
SQL

# dead rows, updates in place, rows of transactions that are open, were rolled back, or are our own
$node->safe_psql('postgres', <<SQL);
SET ROLE owner;
CREATE TABLE src (c int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, k int, t timestamptz, a numeric(12,2)) WITH (fillfactor = 50);
INSERT INTO src (k, t, a) TABLE plain;
SELECT custprio.create_scorecard('card', 'src', 'k', 't', 'a', every => NULL, time_zone => 'UTC');
UPDATE src SET a = a + 1 WHERE c % 3 = 0;
UPDATE src SET a = a + 1 WHERE c % 6 = 0;
DELETE FROM src WHERE c % 10 = 1;
BEGIN; INSERT INTO src (k, t, a) SELECT 999, t, a FROM plain; ROLLBACK;
SQL
my $other = $node->background_psql('postgres');
$other->query_safe("BEGIN; DELETE FROM src WHERE c % 10 = 2; UPDATE src SET a = 0 WHERE c % 10 = 3; INSERT INTO src (k, t, a) SELECT 555, t, a FROM plain;");
for my $settings ('SELECT', $parallel, 'SET custprio.fast_scan = off')
{
	is($node->safe_psql('postgres', <<SQL), '', "rows of transactions in every state, $settings");
$settings;
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
SELECT oracle.compute('card', '$as_of') \\gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 5;
SELECT * FROM oracle.run_difference('card');
SQL
	is($node->safe_psql('postgres', <<SQL), '', "rows of the refreshing transaction itself, $settings");
$settings;
BEGIN;
INSERT INTO src (k, t, a) SELECT 777, t, a FROM plain;
UPDATE src SET a = 5 WHERE c % 10 = 4;
SAVEPOINT s;
DELETE FROM src WHERE c % 10 = 5;
SAVEPOINT r;
DELETE FROM src WHERE c % 10 > 5;
ROLLBACK TO r;
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
UPDATE src SET a = 7 WHERE c % 10 = 6;
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
SELECT oracle.compute('card', '$as_of') \\gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 5;
SELECT * FROM oracle.run_difference('card');
ROLLBACK;
SQL
}
$other->query_safe('COMMIT');
$other->quit;
is($node->safe_psql('postgres', <<SQL), '', 'and after the other transaction has committed');
SELECT FROM custprio.refresh('card', 'rebuild', '$as_of');
SELECT oracle.compute('card', '$as_of') \\gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 5;
SQL

$node->stop;
done_testing();
