# 014_crash.pl: refreshes that are cut off are accounted for and done again.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = scheduled_node('crash', "restart_after_crash = on\ncustprio.probe_interval = 1h\nlock_timeout = 2min\n");
my $waiting = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
  . " AND backend_type = 'custprio refresh worker'";
my $worker = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'custprio refresh worker'";
my $last = 'SELECT status, sqlstate FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1';

add_shop($node, 'postgres');
my $gate = $node->background_psql('postgres', on_error_stop => 0);
$gate->query_safe('SELECT pg_advisory_lock(42)');
add_gate($node, 'postgres', 'crm', "'1 hour'");
wait_for($node, 'postgres', $waiting, 'a refresh is under way');

# A new launcher does not take the old one's worker for gone.
my $launcher = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'custprio launcher'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'custprio launcher' AND pid <> $launcher"
	  . " AND custprio.scheduler_problem() IS NULL", 'the launcher is replaced');
$node->safe_psql('postgres', "SELECT custprio.resume_all()");
is($node->safe_psql('postgres', "SELECT count(*), min(pid) = max(pid) FROM pg_stat_activity"
	  . " WHERE backend_type = 'custprio refresh worker'"), '1|t', 'and its worker goes on alone');

# Cancelled: recorded, and the worker lives on.
my $pid = $node->safe_psql('postgres', $worker);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
wait_for($node, 'postgres', "SELECT sqlstate = '57014' FROM custprio.refresh_run WHERE run_id = 1", 'cancelled: recorded as failed');

# Terminated: nobody could write it down, so the next worker does.
wait_for($node, 'postgres', $waiting, 'and tried again');
ok(terminate_worker($node, 'postgres'), 'the worker is terminated');
wait_for($node, 'postgres', "SELECT status = 'failed' AND sqlstate = '57P01' AND message ~ 'cut off' AND failures = 2"
	  . ' FROM custprio.refresh_run WHERE run_id = 2', 'terminated: the next worker accounts for it');

# Killed: the whole server starts again, as after any crash.
wait_for($node, 'postgres', $waiting, 'and tries again');
is($node->safe_psql('postgres', 'SELECT running_since IS NOT NULL, failures FROM custprio.status'), 't|2', 'status shows both');
$pid = $node->safe_psql('postgres', $worker);
kill 'KILL', $pid;
$gate->{run}->finish;
ok($node->wait_for_log(qr/all server processes terminated; reinitializing.*database system is ready/s, 0) >= 0,
	'killed: the server restarts');
wait_for($node, 'postgres', "SELECT status = 'failed' AND sqlstate = '57P01' AND failures = 3"
	  . ' FROM custprio.refresh_run WHERE run_id = 3', 'the run is marked as failed');
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM custprio.refresh_run WHERE status = 'ok' AND failures = 0",
	'and the schedule goes on');
is($node->safe_psql('postgres', 'SELECT count(*) FROM crm_priority WHERE tier IS NOT NULL'), '40', 'with a table published');

# An immediate stop in the middle of a refresh by hand, whose scorecard has no schedule.
$node->safe_psql('postgres', "SELECT custprio.alter_scorecard('crm', reset => '{every}')");
$gate = $node->background_psql('postgres', on_error_stop => 0);
$gate->query_safe('SELECT pg_advisory_lock(42)');
my $caller = $node->background_psql('postgres', on_error_stop => 0);
$caller->query_until(qr/^$/m, "CALL custprio.run_refresh('crm');\n");
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'CALL%'",
	'run_refresh is under way');
$node->stop('immediate');
$gate->{run}->finish;
$caller->{run}->finish;
$node->start;
wait_for($node, 'postgres', "SELECT status = 'failed' AND sqlstate = '57P01' AND started_by = 'user'"
	  . ' FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1', 'a manual run is accounted for after the restart too');
is($node->safe_psql('postgres', 'SELECT served, reason, next_due IS NULL FROM custprio.status'), 'f|refreshed by hand only|t',
	'and not repeated');
$node->stop;

# Without the library preloaded, everything works by hand.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
is($node->safe_psql('postgres', "SELECT status, started_by FROM custprio.refresh('crm')"), 'ok|user', 'refresh() without preloading');
is($node->safe_psql('postgres', "SELECT reason FROM custprio.status"), 'custprio is not in shared_preload_libraries',
	'status says what is missing for a schedule');
$node->stop;

done_testing();
