# 035_capture_properties.pl: whatever several sessions do to a source at random, with aborts, savepoints, key changes and
# truncates, and refreshes in between: once they rest, a refresh publishes what the source holds, as verify() sees it.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $work = "$FindBin::RealBin/../work";
my $node = PostgreSQL::Test::Cluster->new('properties');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
fsync = off
autovacuum_naptime = 1s
deadlock_timeout = 100ms
log_min_messages = fatal
custprio.changed_since_overlap = 0
CONF
$node->start;
$node->psql('postgres', "\\i $work/shop.sql", on_error_die => 1);
my ($host, $port) = ($node->host, $node->port);
$node->safe_psql('postgres', <<SQL);
CREATE EXTENSION postgres_fdw;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER loop;
CREATE FOREIGN TABLE far (id int, customer int, at date, amount numeric(12,2), cancelled boolean, note text, updated_at timestamptz) SERVER loop OPTIONS (table_name 'stamped');
SQL

# [scorecard, source, table that is changed, options, clients, transactions of each, rounds]
my @kinds = (
	[ 'a', 'plain',  'plain',   "capture => 'trigger'", 4, 25, 7 ],
	[ 'b', 'parted', 'parted',  "capture => 'trigger'", 3, 20, 2 ],
	[ 'c', 'viewed', 'stamped', "changed_since => 'updated_at'", 3, 20, 2 ],
	[ 'd', 'far',    'stamped', "changed_since => 'updated_at'", 3, 20, 2 ],
	[ 'e', 'kept',   'plain',   "capture => 'none'", 2, 15, 1 ]);
my %modes;

for my $kind (@kinds)
{
	my ($card, $source, $shop, $options, $clients, $transactions, $rounds) = @$kind;

	$node->safe_psql('postgres', "SELECT custprio.create_scorecard('$card', '$source', 'customer', 'at', 'amount', filter => 'NOT cancelled',"
		  . " every => NULL, time_zone => 'UTC', clv_model => 'none', $options)");
	my $refresh = sub {
		my ($mode) = @_;
		my $ran = $node->safe_psql('postgres', "SELECT mode FROM custprio.refresh('$card', '$mode', '2025-12-31')");
		$modes{$card}{$ran}++;
		return;
	};
	$refresh->('auto');
	my $failures = 0;
	for my $round (1 .. $rounds)
	{
		my ($out, $err);
		my $load = IPC::Run::start([ 'pgbench', '-n', '-h', $host, '-p', $port, '-c', $clients, '-t', $transactions, '--max-tries=20',
			"--random-seed=$round", '-D', "shop='$shop'", '-f', "$work/work.pgbench", 'postgres' ], '>', \$out, '2>', \$err);
		while ($load->pumpable)
		{
			$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW kept") if $source eq 'kept';
			$refresh->($_) for ('auto', 'auto', (('rescore', 'rebuild', 'auto')[$round % 3]));
			$load->pump_nb;
		}
		$load->finish or $failures++;
		diag($err) if $load->result(0);
		$node->safe_psql('postgres', "REFRESH MATERIALIZED VIEW kept") if $source eq 'kept';
		$refresh->('auto');
		my $differences = $node->safe_psql('postgres', "SELECT * FROM custprio.verify('$card') LIMIT 5");
		is($differences, '', "$source, round $round: verify() finds nothing");
	}
	is($failures, 0, "$source: every session did its work");
	note("$source: " . join(', ', map { "$modes{$card}{$_} $_" } sort keys %{ $modes{$card} }));
	ok($modes{$card}{incremental}, "$source: some refreshes were incremental") if $options !~ /none/;
	$node->safe_psql('postgres', "SELECT custprio.drop_scorecard('$card')");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM custprio.change_queue'), '0', 'nothing is left in the queue');
$node->stop;
done_testing();
