# CustprioTest.pm: servers with custprio preloaded, a little shop to score, and waiting for what the scheduler does.
package CustprioTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(scheduled_node add_shop add_gate wait_for log_count terminate_worker);

# A started server with the launcher. Extra settings as one string.
sub scheduled_node
{
	my ($name, $settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', <<~CONF);
		shared_preload_libraries = 'custprio'
		custprio.retry_interval = 1s
		max_worker_processes = 16
		log_line_prefix = '%b %d '
		autovacuum = off
		CONF
	$node->append_conf('postgresql.conf', $settings) if defined $settings;
	$node->start;
	return $node;
}

# The extension and 400 purchases of 40 customers.
sub add_shop
{
	my ($node, $database) = @_;

	$node->safe_psql($database, <<~'SQL');
		CREATE EXTENSION custprio;
		CREATE TABLE orders (order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		                     customer_id int NOT NULL, ordered_on date NOT NULL, amount numeric(12,2));
		INSERT INTO orders (customer_id, ordered_on, amount)
		SELECT i % 40, date '2024-01-01' + i % 300, (i * 37) % 500 + 1 FROM generate_series(1, 400) i;
		SQL
	return;
}

# A source, gated_orders, whose readers wait while anybody holds advisory lock 42, and a scorecard over it.
sub add_gate
{
	my ($node, $database, $name, $every) = @_;

	$node->safe_psql($database, <<~"SQL");
		CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS
		  \$\$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); RETURN true; END \$\$;
		CREATE VIEW gated_orders AS SELECT o.* FROM orders o, (SELECT public.gate() AS open OFFSET 0) g WHERE g.open;
		SELECT custprio.create_scorecard('$name', 'gated_orders', 'customer_id', 'ordered_on', 'amount', every => $every);
		SQL
	return;
}

# Poll until a query returns true.
sub wait_for
{
	my ($node, $database, $query, $what) = @_;

	return ok($node->poll_query_until($database, $query), $what);
}

# How often a pattern stands in the server's log.
sub log_count
{
	my ($node, $pattern) = @_;
	my $log = slurp_file($node->logfile);
	my @hits = $log =~ /$pattern/g;

	return scalar @hits;
}

# End every refresh worker of a database; true when there was one.
sub terminate_worker
{
	my ($node, $database) = @_;

	return $node->safe_psql('postgres',
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
		  . " WHERE backend_type = 'custprio refresh worker' AND datname = '$database'") > 0;
}

1;
