# 012_limits.pl: no free worker slot, a library that does not fit, and settings that a reload changes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# One slot for the launcher, one for a single worker, though custprio might start two.
my $node = scheduled_node('limits', <<~'CONF');
	max_worker_processes = 2
	max_logical_replication_workers = 0
	max_prepared_transactions = 2
	custprio.max_workers = 2
	custprio.probe_interval = 1h
	lock_timeout = 2min
	CONF
my $create = "SELECT custprio.create_scorecard('crm', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 hour')";
my $refreshed = "SELECT count(*) = 1 FROM custprio.refresh_run WHERE status = 'ok'";

$node->safe_psql('postgres', 'CREATE DATABASE one');
$node->safe_psql('postgres', 'CREATE DATABASE two');
add_shop($node, 'one');
add_shop($node, 'two');
my $gate = $node->background_psql('one');
$gate->query_safe('SELECT pg_advisory_lock(42)');
add_gate($node, 'one', 'gated', "'1 hour'");
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
	  . " AND backend_type = 'custprio refresh worker'", 'a refresh takes the only slot');
$node->safe_psql('two', $create);
ok($node->wait_for_log(qr/LOG:  custprio found no free background worker slot/, 0) >= 0, 'the lack of slots is logged');
$node->safe_psql('two', "SELECT custprio.resume('crm')") for 1 .. 5;
$gate->query_safe('SELECT pg_advisory_unlock(42)');
$gate->quit;
wait_for($node, 'two', $refreshed, 'and once one is free, the other database is served');
is(log_count($node, qr/found no free background worker slot/), 1, 'the lack was logged once');
is(log_count($node, qr/found a free background worker slot/), 1, 'and so was its end');

# An extension of another version than the library is left alone, and logged once.
$node->safe_psql('one', "UPDATE pg_extension SET extversion = '99' WHERE extname = 'custprio'");
for my $turn (1 .. 2)
{
	$node->safe_psql('one', "UPDATE custprio.refresh_run SET started_at = '2000-01-01'; SELECT custprio.resume_all()");
	ok($node->wait_for_log(qr/LOG:  scorecards of database "one" are not refreshed: the extension has version 99/, 0) >= 0,
		'an extension of another version is not served');
}
is($node->safe_psql('one', "SELECT served, reason ~ 'different versions' FROM custprio.status"), 'f|t', 'status says why');
wait_for($node, 'postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'custprio refresh worker'",
	'the workers have left');
is(log_count($node, qr/the extension has version 99/), 1, 'it was logged once');
is($node->safe_psql('one', 'SELECT count(*) FROM custprio.refresh_run'), '1', 'and nothing was refreshed');
$node->safe_psql('one', "UPDATE pg_extension SET extversion = custprio.library_version() WHERE extname = 'custprio'");

# A scorecard that a prepared transaction made wakes nobody; the next probe finds it.
$node->safe_psql('postgres', 'CREATE DATABASE three');
$node->safe_psql('two', "SELECT custprio.resume('crm')");
$node->safe_psql('three', 'CREATE EXTENSION custprio; DROP EXTENSION custprio');
add_shop($node, 'three');
$node->safe_psql('three', "BEGIN; $create; PREPARE TRANSACTION 'later'");
$node->safe_psql('three', "COMMIT PREPARED 'later'");
is($node->safe_psql('three', 'SELECT count(*) FROM custprio.refresh_run'), '0', 'a prepared scorecard waits for the next probe');
$node->append_conf('postgresql.conf', "custprio.probe_interval = 1s\n");
$node->reload;
wait_for($node, 'three', $refreshed, 'which a reload of custprio.probe_interval brings forward');
wait_for($node, 'one', 'SELECT count(*) = 2 FROM custprio.refresh_run', 'a version mended is found by a probe too');

# custprio.max_workers is read anew as well.
$node->append_conf('postgresql.conf', "custprio.max_workers = 1\n");
$node->reload;
wait_for($node, 'postgres', "SELECT setting = '1' FROM pg_settings WHERE name = 'custprio.max_workers'",
	'custprio.max_workers changes with a reload');

# One worker at a time still serves every database, also when one of them always has something due.
$node->safe_psql($_, "SELECT custprio.alter_scorecard(name, every => '1 s') FROM custprio.scorecard") for qw(one two three);
wait_for($node, $_, "SELECT count(*) >= 3 FROM custprio.refresh_run WHERE status = 'ok'", "a single worker serves $_") for qw(one two three);
$node->stop;

done_testing();
