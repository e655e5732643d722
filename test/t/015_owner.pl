# 015_owner.pl: the worker, which is connected as the bootstrap superuser, runs what an owner wrote as that owner alone.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = scheduled_node('owner', "custprio.probe_interval = 1h\nmin_parallel_table_scan_size = 0\nparallel_setup_cost = 0\n");

# An owner who cannot log in, whose functions claim to be immutable, note who they run as and try to get out.
add_shop($node, 'postgres');
$node->safe_psql('postgres', <<~'SQL');
	CREATE ROLE mallory;
	CREATE SCHEMA trap AUTHORIZATION mallory;
	GRANT SELECT ON orders TO mallory;
	SET ROLE mallory;
	CREATE TABLE trap.notes (place text, who text, session text);
	CREATE TABLE trap.deed (command text);
	INSERT INTO trap.deed VALUES ('SELECT 1');
	CREATE FUNCTION trap.note(place text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
	  INSERT INTO trap.notes VALUES (place, current_user, session_user);
	  EXECUTE (SELECT command FROM trap.deed);
	  RETURN true;
	END $$;
	CREATE FUNCTION trap.spy(place text, v anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS
	  $$ BEGIN PERFORM trap.note(place); RETURN v; END $$;
	CREATE FUNCTION trap.fire() RETURNS trigger LANGUAGE plpgsql AS
	  $$ BEGIN PERFORM trap.note('trigger'); RETURN NEW; END $$;
	BEGIN;
	SELECT custprio.create_scorecard('trap', 'public.orders', $$trap.spy('customer', customer_id)$$, 'ordered_on',
	  'amount', $$trap.spy('filter', amount) > 0$$, schema => 'trap', every => '1 s');
	CREATE TRIGGER fire AFTER INSERT OR UPDATE ON trap.trap_priority FOR EACH ROW EXECUTE FUNCTION trap.fire();
	CREATE INDEX ON trap.trap_priority (trap.spy('index', frequency));
	COMMIT;
	SQL

wait_for($node, 'postgres', "SELECT last_success IS NOT NULL FROM custprio.status WHERE scorecard = 'trap'", 'the worker refreshes it');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM trap.notes'), 'mallory', 'all of it ran as the owner');
is($node->safe_psql('postgres', 'SELECT DISTINCT place FROM trap.notes ORDER BY 1'), "customer\nfilter\nindex\ntrigger",
	'expressions, indexes and triggers alike');
is($node->safe_psql('postgres', 'SELECT bool_and(session <> who) FROM trap.notes'), 't', 'in a session of somebody else');
is($node->safe_psql('postgres', 'SELECT count(*) FROM trap.trap_priority'), '40', 'and the table is published');

# Each way out ends the refresh with an error that stands in status; what was published stays.
for my $attempt (
	['RESET ROLE', '42501', 'role'],
	['SET SESSION AUTHORIZATION DEFAULT', '42501', 'session_authorization'],
	['CREATE TEMP TABLE bait ()', '42501', 'temporary table'],
	['LISTEN bait', '42501', 'LISTEN'],
	['CREATE ROLE accomplice SUPERUSER', '42501', ''],
	["UPDATE custprio.scorecard SET owner_name = ''postgres''", '42501', 'table scorecard'],
	["SELECT custprio.drop_scorecard(''trap'')", '55006', 'cannot change scorecard'])
{
	my ($command, $code, $message) = @$attempt;

	$node->safe_psql('postgres', "UPDATE trap.deed SET command = '$command'");
	$node->poll_query_until('postgres',
		"SELECT error_code = '$code' AND last_error LIKE '%$message%' FROM custprio.status WHERE scorecard = 'trap'")
	  or diag($node->safe_psql('postgres', "SELECT error_code, last_error FROM custprio.status"));
	is($node->safe_psql('postgres', "SELECT error_code FROM custprio.status WHERE scorecard = 'trap'"), $code, "refused: $command");
	# a success in between, so that neither the error nor its back-off is an old one
	$node->safe_psql('postgres', <<~'SQL');
		UPDATE trap.deed SET command = 'SELECT 1';
		SELECT status FROM custprio.refresh('trap');
		SQL
}
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname = 'accomplice'"), '0', 'nobody gained a role');
is($node->safe_psql('postgres', 'SELECT count(*) FROM trap.trap_priority'), '40', 'what was published stayed');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM trap.notes'), 'mallory', 'and nothing ran as anybody else');

# A deferred trigger would run at commit, as the worker.
$node->safe_psql('postgres', <<~'SQL');
	SET ROLE mallory;
	CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON trap.trap_priority DEFERRABLE INITIALLY DEFERRED
	  FOR EACH ROW EXECUTE FUNCTION trap.fire();
	RESET ROLE;
	INSERT INTO orders (customer_id, ordered_on, amount) VALUES (99, '2024-05-05', 10);
	SQL
wait_for($node, 'postgres', "SELECT error_code = '42501' AND last_error LIKE '%deferred trigger%' FROM custprio.status WHERE scorecard = 'trap'",
	'a deferred trigger is refused');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM trap.notes'), 'mallory', 'and did not run');

$node->stop;
done_testing();
