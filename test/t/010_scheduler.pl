# 010_scheduler.pl: the launcher finds databases, serves the right ones, gets in nobody's way and heals.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $published = 'SELECT count(*) = 40 FROM crm_priority WHERE tier IS NOT NULL';
my $create = "SELECT custprio.create_scorecard('crm', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 hour')";
my $idle = "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'custprio refresh worker'";
my $by_worker = "SELECT count(*) FROM custprio.refresh_run WHERE started_by = 'worker'";

# The probe interval is longer than the test: whatever happens soon happens because somebody woke the launcher.
my $node = scheduled_node('main', "custprio.probe_interval = 1h\nlock_timeout = 2min\n");

wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'custprio launcher'",
	'the launcher runs');
is($node->safe_psql('postgres', "SELECT datname IS NULL FROM pg_stat_activity WHERE backend_type = 'custprio launcher'"),
	't', 'and is connected to no database');

# Two databases, one of them younger than the launcher's last scan; neither has a setting of its own.
$node->safe_psql('postgres', 'CREATE DATABASE one');
add_shop($node, 'one');
$node->safe_psql('one', $create);
wait_for($node, 'one', $published, 'the first database is served');
$node->safe_psql('postgres', 'CREATE DATABASE two');
add_shop($node, 'two');
$node->safe_psql('two', $create);
wait_for($node, 'two', $published, 'the second database is served');
is($node->safe_psql('two', 'SELECT count(*) FROM pg_db_role_setting'), '0', 'without a setting per database');
is($node->safe_psql('one', "SELECT status, started_by, failures FROM custprio.refresh_run"), 'ok|worker|0',
	'the run says that a worker did it');
is($node->safe_psql('one', 'SELECT served, reason IS NULL, failures, next_due > now(), customers FROM custprio.status'),
	't|t|0|t|40', 'status: served, and due again later');

# While nothing is due nobody is connected: both commands would fail after five seconds otherwise.
wait_for($node, 'postgres', $idle, 'no worker stays');
is($node->psql('postgres', 'CREATE DATABASE copy TEMPLATE one'), 0, 'CREATE DATABASE … TEMPLATE of a served database');
is($node->psql('postgres', 'CREATE DATABASE scratch TEMPLATE two'), 0, 'and of another');
is($node->psql('postgres', 'DROP DATABASE scratch'), 0, 'DROP DATABASE');

# The copy has a scorecard that is due, and must not be refreshed.
$node->safe_psql('copy', "UPDATE custprio.scorecard SET created_at = '2000-01-01'; DELETE FROM custprio.refresh_run");
$node->reload;
ok($node->wait_for_log(qr/LOG:  scorecards of database "copy" are not refreshed: it is a copy or was restored/, 0) >= 0,
	'a copied database is noticed');
is($node->safe_psql('copy', "SELECT served, reason FROM custprio.status"),
	'f|this database is a copy or was restored: call custprio.resume_all() to have it served', 'status says why');
is($node->safe_psql('copy', $by_worker), '0', 'and is not refreshed');
$node->safe_psql('copy', 'SELECT custprio.resume_all()');
wait_for($node, 'copy', "SELECT count(*) = 1 FROM custprio.refresh_run WHERE status = 'ok'", 'until resume_all()');
is(log_count($node, qr/database "copy" are not refreshed/), 1, 'it was logged once');

# Pause and resume.
$node->safe_psql('copy', "SELECT custprio.pause('crm'); UPDATE custprio.refresh_run SET started_at = '2000-01-01'");
is($node->safe_psql('copy', 'SELECT served, reason, next_due IS NULL FROM custprio.status'), 'f|paused|t', 'paused');
$node->safe_psql('copy', 'SELECT custprio.resume_all()');
wait_for($node, 'postgres', $idle, 'resume_all() is looked after');
is($node->safe_psql('copy', $by_worker), '1', 'a paused scorecard stays paused, also through resume_all()');
$node->safe_psql('copy', "SELECT custprio.resume('crm')");
wait_for($node, 'copy', 'SELECT count(*) = 2 FROM custprio.refresh_run', 'resumed, it is refreshed at once');

# A scorecard that somebody refreshes by hand is skipped, and not queued: afterwards it is not due any more.
my $hand = $node->background_psql('copy');
$hand->query_safe('BEGIN');
$hand->query_safe("SELECT custprio.refresh('crm')");
$node->safe_psql('copy', "UPDATE custprio.refresh_run SET started_at = '2000-01-01'; SELECT custprio.resume('crm')");
wait_for($node, 'copy', "SELECT count(*) = 1 FROM custprio.refresh_run WHERE status = 'skipped'", 'a locked scorecard is skipped');
$node->safe_psql('copy', "SELECT custprio.resume('crm')");
wait_for($node, 'postgres', $idle, 'looked at once more');
$hand->query_safe('COMMIT');
$hand->quit;
is($node->safe_psql('copy', 'SELECT status, started_by FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 2'),
	"skipped|worker\nok|user", 'noted once per episode');
is($node->safe_psql('copy', 'SELECT failures, next_due > now() FROM custprio.status'), '0|t', 'the refresh by hand counts');

# Somebody ends the launcher.
my $launcher = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'custprio launcher'";
my $pid = $node->safe_psql('postgres', $launcher);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'custprio launcher' AND pid <> $pid",
	'a terminated launcher comes back');
$node->safe_psql('one', "UPDATE custprio.refresh_run SET started_at = '2000-01-01'; SELECT custprio.resume('crm')");
wait_for($node, 'one', 'SELECT count(*) = 2 FROM custprio.refresh_run', 'and goes on');

# Settings change with a reload.
$node->append_conf('postgresql.conf', 'custprio.enabled = off');
$node->reload;
wait_for($node, 'one', 'SELECT NOT served FROM custprio.status', 'custprio.enabled = off is read');
is($node->safe_psql('one', 'SELECT reason FROM custprio.status'), 'custprio.enabled is off', 'and told by status');
$node->safe_psql('one', "UPDATE custprio.refresh_run SET started_at = '2000-01-01'; SELECT custprio.resume_all()");

# A restart resumes: what came due while the scheduler was off is done after it.
$node->append_conf('postgresql.conf', "custprio.enabled = on\n");
$node->restart;
wait_for($node, 'one', 'SELECT count(*) = 3 FROM custprio.refresh_run', 'after a restart the schedule goes on');

# A database in the middle of a refresh can be dropped by force. The launcher is none the worse.
add_gate($node, 'two', 'gated', "'1 s'");
my $gate = $node->background_psql('two', on_error_stop => 0);
$gate->query_safe('SELECT pg_advisory_lock(42)');
my $working = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'custprio refresh worker'"
  . " AND datname = 'two' AND wait_event = 'advisory'";
wait_for($node, 'postgres', $working, 'a refresh is under way');
is($node->safe_psql('two', "SELECT running_since IS NOT NULL FROM custprio.status WHERE scorecard = 'gated'"), 't',
	'status shows it running');
is($node->psql('postgres', 'DROP DATABASE two WITH (FORCE)'), 0, 'DROP DATABASE … WITH (FORCE) during a refresh');
$gate->{run}->finish;
wait_for($node, 'postgres', $idle, 'ends the worker');
# The session that holds the gate may be ended first, and then the refresh may even finish before its turn comes.
is(log_count($node, qr/terminated by signal|crash of another server process|PANIC:/), 0, 'cleanly');
is($node->safe_psql('postgres', $launcher . " AND pid IS NOT NULL") =~ /^\d+$/ ? 1 : 0, 1, 'the launcher is still there');

# DROP EXTENSION waits for the refresh in progress, and then nothing is left to do.
add_gate($node, 'one', 'gated', "'1 s'");
$gate = $node->background_psql('one');
$gate->query_safe('SELECT pg_advisory_lock(42)');
$working =~ s/two/one/;
wait_for($node, 'postgres', $working, 'a refresh is under way');
my $drop = $node->background_psql('one');
$drop->query_until(qr/^$/m, "DROP EXTENSION custprio CASCADE;\n");
wait_for($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DROP EXTENSION%' AND wait_event_type = 'Lock'",
	'DROP EXTENSION waits for it');
$gate->query_safe('SELECT pg_advisory_unlock(42)');
wait_for($node, 'one', "SELECT count(*) = 0 FROM pg_extension WHERE extname = 'custprio'", 'and succeeds after it');
$drop->quit;
$gate->quit;
wait_for($node, 'postgres', $idle, 'the worker leaves');

# A database that gets the extension again is served again.
$node->safe_psql('one', 'CREATE EXTENSION custprio; DROP TABLE IF EXISTS crm_priority, crm_purchases, crm_tier_history CASCADE');
$node->safe_psql('one', $create);
wait_for($node, 'one', $published, 'CREATE EXTENSION and create_scorecard again: served again');

is(log_count($node, qr/PANIC|server process .* was terminated|TRAP/), 0, 'nothing crashed');
$node->stop;

done_testing();
