# 033_capture.pl: captured changes where it takes servers: logical replication, prepared transactions, a crash, a dump,
# and writers without any right on what is custprio's.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('capture');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nrestart_after_crash = on\nautovacuum = off\n");
$node->start;

my $refresh = "SELECT mode, queued FROM custprio.refresh('crm', as_of => '2025-12-31')";
my $verify = "SELECT count(*) FROM custprio.verify('crm')";
my $table = 'CREATE TABLE orders (id int PRIMARY KEY, customer int, at date, amount int)';
my $rows = "INSERT INTO orders SELECT i, i % 20, date '2025-01-01' + i, i FROM generate_series(1, 200) i";
my $card = "SELECT custprio.create_scorecard('crm', 'orders', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', capture => 'trigger')";

# logical replication between two databases of one server: the slot is made by hand, or the subscription would wait for itself
$node->safe_psql('postgres', 'CREATE DATABASE publisher');
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('publisher', "$table; ALTER TABLE orders REPLICA IDENTITY FULL; $rows; CREATE PUBLICATION p FOR TABLE orders");
$node->safe_psql('publisher', "SELECT pg_create_logical_replication_slot('captured', 'pgoutput')");
$node->safe_psql('subscriber', "CREATE EXTENSION custprio; $table");
$node->safe_psql('subscriber', $card);
my $connstr = 'host=' . $node->host . ' port=' . $node->port . ' dbname=publisher';
$node->safe_psql('subscriber', "CREATE SUBSCRIPTION captured CONNECTION '$connstr' PUBLICATION p WITH (create_slot = false, slot_name = 'captured')");
ok($node->poll_query_until('subscriber', 'SELECT count(*) = 200 FROM orders'), 'the first copy arrived');
is($node->safe_psql('subscriber', $refresh), 'rebuild|20', 'the first refresh reads the source');
$node->safe_psql('publisher', "INSERT INTO orders VALUES (1001, 5, '2025-05-05', 99), (1002, 777, '2025-05-05', 99)");
$node->safe_psql('publisher', 'UPDATE orders SET amount = amount + 5 WHERE customer = 6');
$node->safe_psql('publisher', 'DELETE FROM orders WHERE customer = 7');
$node->safe_psql('publisher', 'UPDATE orders SET customer = 888 WHERE id = 8');
ok($node->poll_query_until('subscriber', 'SELECT count(*) = 1 FROM orders WHERE customer = 888'), 'changes are applied');
is($node->safe_psql('subscriber', $refresh), 'incremental|6', 'and captured');
is($node->safe_psql('subscriber', $verify), '0', 'as a rebuild sees them');
$node->safe_psql('publisher', 'TRUNCATE orders');
ok($node->poll_query_until('subscriber', 'SELECT count(*) = 0 FROM orders'), 'TRUNCATE is applied');
like($node->safe_psql('subscriber', $refresh), qr/^rebuild/, 'and captured');
$node->safe_psql('subscriber', $_) for 'ALTER SUBSCRIPTION captured DISABLE', 'ALTER SUBSCRIPTION captured SET (slot_name = NONE)', 'DROP SUBSCRIPTION captured';

# prepared transactions
$node->safe_psql('postgres', "CREATE EXTENSION custprio; $table; $rows");
$node->safe_psql('postgres', $card);
$node->safe_psql('postgres', $refresh);
$node->safe_psql('postgres', "BEGIN; INSERT INTO orders VALUES (1001, 3, '2025-05-05', 500); PREPARE TRANSACTION 'later'");
is($node->safe_psql('postgres', $refresh), 'incremental|0', 'a prepared transaction is not seen');
$node->restart;
$node->safe_psql('postgres', "COMMIT PREPARED 'later'");
is($node->safe_psql('postgres', $refresh), 'incremental|1', 'until it commits, after a restart too');
is($node->safe_psql('postgres', $verify), '0', 'as a rebuild sees it');

# a writer without rights
$node->safe_psql('postgres', 'CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO clerk');
is($node->psql('postgres', "SET ROLE clerk; INSERT INTO orders VALUES (1002, 4, '2025-05-05', 500); DELETE FROM orders WHERE customer = 9"), 0, 'a writer needs no right of ours');
isnt($node->psql('postgres', 'SET ROLE clerk; SELECT * FROM custprio.change_queue'), 0, 'and has none on the queue');

# a crash: what committed is queued, what did not is not
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN; INSERT INTO orders VALUES (1003, 10, '2025-05-05', 500)");
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $refresh), 'incremental|2', 'after a crash the queue is as the source is');
is($node->safe_psql('postgres', $verify), '0', 'as a rebuild sees it');

# a dump
$node->safe_psql('postgres', "INSERT INTO orders VALUES (1004, 11, '2025-05-05', 500)");
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/dump.sql" ], 'restore');
like($node->safe_psql('restored', $refresh), qr/^rebuild/, 'a restored database is measured afresh');
$node->safe_psql('restored', "INSERT INTO orders VALUES (1005, 12, '2025-05-05', 500)");
is($node->safe_psql('restored', $refresh), 'incremental|1', 'and captures');
is($node->safe_psql('restored', $verify), '0', 'as a rebuild sees it');

$node->stop;
done_testing();
