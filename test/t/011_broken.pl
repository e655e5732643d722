# 011_broken.pl: a scorecard that cannot be refreshed leaves the others on schedule, and status says what is wrong.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = scheduled_node('broken', "custprio.probe_interval = 1h\n");

add_shop($node, 'postgres');

# Each breaks in its own way after it was created; "good" is the last in order of due time.
$node->safe_psql('postgres', <<~'SQL');
	CREATE ROLE seller LOGIN;
	CREATE ROLE leaver LOGIN;
	GRANT CREATE ON SCHEMA public TO seller, leaver;
	GRANT SELECT ON orders TO seller, leaver;
	CREATE TABLE lost AS SELECT * FROM orders;
	CREATE FUNCTION share(numeric, int) RETURNS numeric IMMUTABLE LANGUAGE sql RETURN $1 / $2;
	BEGIN;
	SELECT custprio.create_scorecard('lost_source', 'lost', 'customer_id', 'ordered_on', 'amount', every => '1 s');
	SELECT custprio.create_scorecard('zero', 'orders', 'customer_id', 'ordered_on', 'amount / (customer_id - 7)', every => '1 s');
	SET ROLE seller;
	SELECT custprio.create_scorecard('revoked', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 s');
	RESET ROLE;
	SET ROLE leaver;
	SELECT custprio.create_scorecard('orphaned', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 s');
	RESET ROLE;
	DROP TABLE lost;
	REVOKE SELECT ON orders FROM seller;
	-- what DROP ROLE would refuse can still happen to a dump that was restored without its roles
	UPDATE pg_class SET relowner = 4000000000 WHERE relname LIKE 'orphaned\_%';
	SELECT custprio.create_scorecard('good', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 s');
	COMMIT;
	SQL

wait_for($node, 'postgres', 'SELECT count(*) = 4 FROM custprio.status WHERE failures >= 2', 'four fail and are tried again');
wait_for($node, 'postgres', "SELECT count(*) >= 4 FROM custprio.refresh_run JOIN custprio.scorecard USING (scorecard_id)"
	  . " WHERE name = 'good' AND status = 'ok'", 'the fifth stays on schedule');
is($node->safe_psql('postgres', "SELECT count(*) FROM custprio.refresh_run JOIN custprio.scorecard USING (scorecard_id)"
	  . " WHERE name = 'good' AND status <> 'ok' AND status <> 'running'"), '0', 'and never fails');
is($node->safe_psql('postgres', "SELECT count(*) FROM good_priority WHERE tier IS NOT NULL"), '40', 'its table is published');

my %error = (
	lost_source => ['42P01', 'source table public.lost of scorecard "lost_source" does not exist'],
	zero => ['22012', 'division by zero'],
	revoked => ['42501', 'permission denied for table orders'],
	orphaned => ['42704', 'owner of scorecard "orphaned" does not exist'],);
for my $card (sort keys %error)
{
	is($node->safe_psql('postgres', "SELECT error_code, last_error FROM custprio.status WHERE scorecard = '$card'"),
		join('|', @{ $error{$card} }), "status tells the error of $card");
}
is($node->safe_psql('postgres', "SELECT count(*) FROM custprio.status WHERE failures > 0 AND next_due IS NULL"), '0',
	'each has a time for its next try');
is($node->safe_psql('postgres', "SELECT custprio.pause('lost_source')"), '', 'a broken scorecard can be paused');
is($node->safe_psql('postgres', "SELECT reason FROM custprio.status WHERE scorecard = 'lost_source'"), 'paused', 'and is');

# What is mended heals by itself.
$node->safe_psql('postgres', 'GRANT SELECT ON orders TO seller');
wait_for($node, 'postgres', "SELECT failures = 0 AND last_error IS NULL AND last_success IS NOT NULL"
	  . " FROM custprio.status WHERE scorecard = 'revoked'", 'a right given back heals its scorecard');

# A table that somebody holds is not waited for longer than lock_timeout, which is ten seconds unless set otherwise.
$node->safe_psql('postgres', <<~'SQL');
	ALTER DATABASE postgres SET lock_timeout = '200ms';
	CREATE TABLE held AS SELECT * FROM orders;
	SELECT custprio.create_scorecard('held', 'held', 'customer_id', 'ordered_on', 'amount', every => '1 s');
	SQL
wait_for($node, 'postgres', "SELECT last_success IS NOT NULL FROM custprio.status WHERE scorecard = 'held'", 'a sixth is served');
my $holder = $node->background_psql('postgres');
$holder->query_safe('SET lock_timeout = 0');
$holder->query_safe('BEGIN; LOCK TABLE held');
wait_for($node, 'postgres', "SELECT error_code = '55P03' FROM custprio.status WHERE scorecard = 'held'",
	'a locked source is not waited for long');
$holder->query_safe('COMMIT');
$holder->quit;
wait_for($node, 'postgres', "SELECT failures = 0 FROM custprio.status WHERE scorecard = 'held'", 'and read when it is free');

# Back-off doubles, and is capped.
is($node->safe_psql('postgres', <<~'SQL'), 't|t|t|t', 'retry_delay: doubled, jittered, capped');
	SET TimeZone = 'UTC';
	SELECT custprio.retry_delay('15 min', 1, 7) BETWEEN '1 s' AND '1.125 s',
	       custprio.retry_delay('15 min', 5, 7) BETWEEN '16 s' AND '18 s',
	       custprio.retry_delay('15 min', 1000000, 7) BETWEEN '75 min' AND '85 min',
	       custprio.retry_delay('1 s', 100, 7) BETWEEN '1 h' AND '68 min'
	SQL
$node->stop;

done_testing();
