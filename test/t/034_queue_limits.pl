# 034_queue_limits.pl: a queue that nobody empties is closed by its writers, and a refresh opens it again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('limits');
$node->init;
$node->append_conf('postgresql.conf', "custprio.queue_max_keys = 20000\nautovacuum = off\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', <<~'SQL');
	CREATE EXTENSION custprio;
	CREATE TABLE orders (customer int, at date, amount int);
	INSERT INTO orders SELECT i, '2025-05-05', i FROM generate_series(1, 100) i;
	SELECT custprio.create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
	SELECT custprio.create_scorecard('other', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', clv_model => 'none', capture => 'trigger');
	SELECT custprio.refresh('crm', as_of => '2025-12-31');
	SQL
my $refresh = "SELECT mode || ' ' || reason || ' ' || queued FROM custprio.refresh('crm', as_of => '2025-12-31')";
my $verify = "SELECT count(*) FROM custprio.verify('crm')";
my $status = "SELECT queue_depth, queued_since IS NULL, queue_closed_at IS NULL FROM custprio.status WHERE scorecard = 'crm'";

is($node->safe_psql('postgres', $status), '0|t|t', 'an empty queue is open');
$node->safe_psql('postgres', "INSERT INTO orders SELECT i, '2025-05-06', 1 FROM generate_series(1, 9000) i");
is($node->safe_psql('postgres', $status), '9000|f|t', 'below the limit changes are noted');

# sizes are looked at by chance, so give it many chances: the odds against closing are beyond all measure
my $fill = <<~'SQL';
	DO $$ BEGIN
	  FOR i IN 1..300 LOOP
	    INSERT INTO orders SELECT n, '2025-05-07', 1 FROM generate_series(1, 8192) n;
	    EXIT WHEN (SELECT count(*) FROM custprio.closed_queue) = 2;
	    COMMIT;
	  END LOOP;
	END $$;
	SQL
$node->safe_psql('postgres', $fill);
is($node->safe_psql('postgres', "SELECT queue_closed_at IS NOT NULL FROM custprio.status WHERE scorecard = 'crm'"), 't', 'above it the queue is closed, as status shows');
my $depth = $node->safe_psql('postgres', "SELECT queue_depth FROM custprio.status WHERE scorecard = 'crm'");
$node->safe_psql('postgres', "INSERT INTO orders SELECT n, '2025-05-08', 2 FROM generate_series(1, 8192) n");
is($node->safe_psql('postgres', "SELECT queue_depth FROM custprio.status WHERE scorecard = 'crm'"), $depth, 'and grows no more');
like($node->safe_psql('postgres', $refresh), qr/^rebuild more changes waited/, 'a refresh is a rebuild');
is($node->safe_psql('postgres', $status), '0|t|t', 'which opens the queue');
is($node->safe_psql('postgres', $verify), '0', 'and misses no change');
is($node->safe_psql('postgres', "SELECT queue_closed_at IS NOT NULL FROM custprio.status WHERE scorecard = 'other'"), 't', "another scorecard's queue stays closed");
$node->safe_psql('postgres', "INSERT INTO orders VALUES (5, '2025-06-06', 50), (777777, '2025-06-06', 50)");
like($node->safe_psql('postgres', $refresh), qr/^incremental .* 2$/, 'changes are noted again');

# by age
$node->append_conf('postgresql.conf', "custprio.queue_max_keys = 0\ncustprio.queue_max_age = 1s\n");
$node->reload;
$node->safe_psql('postgres', "INSERT INTO orders VALUES (6, '2025-06-06', 50)");
$node->safe_psql('postgres', 'SELECT pg_sleep(1.2)');
$node->safe_psql('postgres', $fill);
is($node->safe_psql('postgres', "SELECT queue_closed_at IS NOT NULL FROM custprio.status WHERE scorecard = 'crm'"), 't', 'an old queue is closed too');
$node->restart('immediate');
like($node->safe_psql('postgres', $refresh), qr/^rebuild more changes waited/, 'also after a crash');
is($node->safe_psql('postgres', $verify), '0', 'no change is missing');
$node->safe_psql('postgres', "SELECT custprio.drop_scorecard('other')");
is($node->safe_psql('postgres', 'SELECT count(*) FROM custprio.closed_queue'), '0', 'drop_scorecard leaves no mark');
$node->stop;
done_testing();
