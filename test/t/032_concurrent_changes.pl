# 032_concurrent_changes.pl: writers, refreshes and readers at the same time. Writers only move money between customers,
# so the total never changes: a refresh that read its source under more than one snapshot, or a reader that saw half of
# a refresh, would find another total.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('concurrent');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
fsync = off
autovacuum_naptime = 1s
max_parallel_workers_per_gather = 2
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION custprio;
CREATE EXTENSION amcheck;
CREATE TABLE src (id int PRIMARY KEY, c int, d date, a numeric(12,2)) WITH (fillfactor = 80);
INSERT INTO src SELECT i, i % 500, date '2024-01-01' + i % 200, 100 FROM generate_series(1, 20000) i;
SELECT custprio.create_scorecard('card', 'src', 'c', 'd', 'a', every => NULL, time_zone => 'UTC');
SELECT FROM custprio.refresh('card', as_of => '2024-12-31');
SQL
$node->psql('postgres', "\\i $FindBin::RealBin/../oracle/refresh.sql", on_error_die => 1);

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/writer.sql", <<'SQL');
\set x random(1, 20000)
\set y random(1, 20000)
\set m random(1, 50)
BEGIN;
UPDATE src SET a = a - :m WHERE id = least(:x, :y) AND :x <> :y;
UPDATE src SET a = a + :m WHERE id = greatest(:x, :y) AND :x <> :y;
END;
SQL
# deletes a purchase and makes another of the same amount for somebody else
append_to_file("$dir/mover.sql", <<'SQL');
\set x random(1, 20000)
\set c random(0, 499)
WITH gone AS (DELETE FROM src WHERE id = :x RETURNING *) INSERT INTO src SELECT id, :c, d + 1 - 2 * (id % 2), a FROM gone;
SQL
append_to_file("$dir/rebuild.sql", "SELECT status FROM custprio.refresh('card', 'rebuild', '2024-12-31');\n");
append_to_file("$dir/query.sql", "SET custprio.fast_scan = off;\nSELECT status FROM custprio.refresh('card', 'rebuild', '2024-12-31');\n");
# fails with a division by zero when the total is wrong
append_to_file("$dir/reader.sql", <<'SQL');
SELECT 1 / (sum(monetary) = 2000000 AND sum(frequency) <= 20000 AND count(*) <= 500)::int FROM card_priority;
SELECT 1 / (sum(revenue) = 2000000)::int FROM card_tier_summary;
SQL

my @loads = map { IPC::Run::start([ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-c', $_->[1], '-t', $_->[2], '-f', "$dir/$_->[0].sql", 'postgres' ],
		'>', \my $out, '2>', \my $err) }
  ([ 'writer', 2, 1500 ], [ 'mover', 1, 1500 ], [ 'rebuild', 1, 25 ], [ 'query', 1, 15 ], [ 'reader', 2, 150 ]);
my $failed = 0;
$failed += $_->finish ? 0 : 1 for @loads;
is($failed, 0, 'writers, refreshes and readers all get through, and every total is right');

$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '2024-12-31')");
is($node->safe_psql('postgres', <<'SQL'), '', 'and in the end all rows are the oracle\'s');
SELECT oracle.compute('card', '2024-12-31') \gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 5;
SQL
is($node->safe_psql('postgres', <<'SQL'), '', 'and tables and indexes are sound');
DO $$
DECLARE
  x regclass;
BEGIN
  FOR x IN SELECT indexrelid FROM pg_index WHERE indrelid IN ('card_priority'::regclass, 'card_purchases'::regclass, 'card_tier_history'::regclass) LOOP
    PERFORM bt_index_parent_check(x, true, true);
  END LOOP;
END $$;
SELECT t, h.* FROM unnest('{card_priority,card_purchases,card_tier_history}'::regclass[]) t, verify_heapam(t, check_toast => true) h;
SQL
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE status <> 'ok'), count(*) FROM custprio.refresh_run"), '0|42', 'every run is accounted for');

$node->stop;
done_testing();
