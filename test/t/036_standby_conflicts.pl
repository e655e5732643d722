# 036_standby_conflicts.pl: refreshes disturb those who read the priority table on a hot standby no more than ordinary
# updates of the same rows would: they take no lock that conflicts with readers, and log no more removals of old rows.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$primary->start;
plan skip_all => 'needs the contributed extension pg_walinspect'
  if $primary->psql('postgres', 'CREATE EXTENSION pg_walinspect') != 0;
$primary->safe_psql('postgres', <<~'SQL');
	CREATE EXTENSION custprio;
	CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int, at date, amount numeric(12,2));
	CREATE INDEX ON orders (customer);
	INSERT INTO orders (customer, at, amount) SELECT i % 3000, date '2025-01-01' + i % 300, 10 + i % 97 FROM generate_series(1, 9000) i;
	SELECT custprio.create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', capture => 'trigger');
	SELECT custprio.refresh('crm', as_of => '2025-12-30');
	CREATE TABLE ordinary (LIKE crm_priority INCLUDING ALL);
	INSERT INTO ordinary SELECT * FROM crm_priority;
	VACUUM ANALYZE;
	SQL
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
# whoever is in the way of replay is cancelled at once
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 0\n");
$standby->start;

# an open transaction that has read and holds its locks, but no snapshot
my ($in, $out, $err) = ('', '', '');
my $reader = IPC::Run::start([ 'psql', '-X', '-q', '-At', '-d', $standby->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
$in .= "BEGIN; SELECT count(*) FROM crm_priority; SELECT count(*) FROM crm_purchases; SELECT count(*) FROM crm_tier_history; SELECT count(*) FROM crm_tiers; SELECT 'open';\n";
$reader->pump until $out =~ /open/ || $err;
is($err, '', 'a reader on the standby');

my %removed = (crm_priority => 0, ordinary => 0);
my ($locks, $rows) = (0, 0);

# what a statement logs: locks that readers on a standby would feel, and removals of old rows in one table
sub logged
{
	my ($table, $statement) = @_;
	my $from = $primary->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	my $result = $primary->safe_psql('postgres', $statement);
	my $to = $primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()');
	my $found = $primary->safe_psql('postgres', <<~SQL);
		WITH files AS (
		  SELECT pg_relation_filenode(c.oid) AS node FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
		  WHERE '$table'::regclass IN (c.oid, i.indrelid)
		)
		SELECT count(*) FILTER (WHERE resource_manager = 'Standby' AND record_type = 'LOCK'),
		       count(*) FILTER (WHERE (resource_manager = 'Heap2' AND record_type ~ 'PRUNE' OR resource_manager = 'Btree' AND record_type ~ '^DELETE')
		                          AND EXISTS (SELECT FROM files WHERE block_ref ~ ('/' || node || '(;|:| )')))
		FROM pg_get_wal_records_info('$from', '$to')
		SQL
	my ($lock, $removal) = split(/\|/, $found);
	$removed{$table} += $removal;
	return ($lock, $result);
}

for my $round (1 .. 8)
{
	my $mode = $round % 4 == 0 ? 'rescore' : $round % 7 == 0 ? 'rebuild' : 'auto';
	$primary->safe_psql('postgres', "INSERT INTO orders (customer, at, amount) SELECT i, '2025-12-01', $round FROM generate_series($round, 3000, 20) i");
	my ($lock, $updated) = logged('crm_priority', "SELECT updated FROM custprio.refresh('crm', '$mode', '2025-12-30')");
	$locks += $lock;
	$rows += $updated;
	# the same rows by an ordinary update
	logged('ordinary', 'UPDATE ordinary o SET tier = p.tier, priority = p.priority, rfm = p.rfm, segment = p.segment, abc = p.abc, frequency = p.frequency,'
		  . ' monetary = p.monetary, average_order_value = p.average_order_value, first_purchase = p.first_purchase, last_purchase = p.last_purchase,'
		  . ' p_alive = p.p_alive, expected_purchases = p.expected_purchases, clv = p.clv, tier_since = p.tier_since, previous_tier = p.previous_tier'
		  . ' FROM crm_priority p WHERE p.customer_id = o.customer_id AND (o.*) IS DISTINCT FROM (p.*)');
}
cmp_ok($rows, '>', 1000, "refreshes updated $rows rows");
is($locks, 0, 'no refresh logs an exclusive lock');
cmp_ok($removed{ordinary}, '>', 0, 'ordinary updates log removals of old rows');
cmp_ok($removed{crm_priority}, '<=', $removed{ordinary}, "refreshes no more: $removed{crm_priority} against $removed{ordinary}");

$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
$in .= "SELECT 'still ' || count(*) FROM crm_priority; COMMIT;\n";
$reader->pump until $out =~ /still/ || $err;
like($out, qr/still 3000/, 'the reader was not cancelled');
is($err, '', 'nor told of anything');
$in .= "\\q\n";
$reader->finish;
is($standby->safe_psql('postgres', "SELECT confl_lock FROM pg_stat_database_conflicts WHERE datname = 'postgres'"), '0', 'no conflict of locks');
$standby->stop;
$primary->stop;
done_testing();
