# 013_standby.pl: a standby schedules nothing, and starts by itself when it is promoted.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use CustprioTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The primary leaves everything to do.
my $primary = scheduled_node('primary', "custprio.enabled = off\n");
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "custprio.enabled = on\n");
$standby->start;

add_shop($primary, 'postgres');
$primary->safe_psql('postgres',
	"SELECT custprio.create_scorecard('crm', 'orders', 'customer_id', 'ordered_on', 'amount', every => '1 hour')");
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));

is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'custprio%'"), '0',
	'no launcher on a standby');
is($standby->safe_psql('postgres', 'SELECT served, reason FROM custprio.status'), 'f|the server is a standby', 'status says so');
my ($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT custprio.refresh('crm')");
like($stderr, qr/cannot refresh a scorecard during recovery/, 'refresh() is refused there');
($status, $stdout, $stderr) = $standby->psql('postgres', "CALL custprio.run_refresh('crm')");
like($stderr, qr/cannot refresh a scorecard during recovery/, 'so is run_refresh()');
($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT custprio.pause('crm')");
like($stderr, qr/cannot execute pause\(\) during recovery/, 'so is pause()');

$standby->promote;
wait_for($standby, 'postgres', "SELECT count(*) = 1 FROM custprio.refresh_run WHERE status = 'ok'",
	'after promotion it is served');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM crm_priority WHERE tier IS NOT NULL'), '40', 'and published');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM custprio.refresh_run'), '0', 'the primary did nothing');
$standby->stop;
$primary->stop;

done_testing();
