# 020_dump_restore.pl: a dump carries the scorecards. In the restored database the next refresh at the same as-of day
# changes no row, and a dump that lacks one source does no harm to the other scorecards.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$node->start;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $as_of = '2024-11-30';

# What readers see and what a refresh starts from, of all scorecards, in a form to compare between databases.
my $contents = <<'SQL';
SET search_path = pg_catalog;
SELECT 'crm', p.* FROM public.crm_priority p ORDER BY customer_id;
SELECT 'crm state', p.* FROM public.crm_purchases p ORDER BY customer_id;
SELECT 'crm history', h.* FROM public.crm_tier_history h ORDER BY customer_id, changed_at, run_id;
SELECT 'shop', p.* FROM "Big Shop"."O'Brien ""1""_priority" p ORDER BY customer_id;
SELECT 'shop state', p.* FROM "Big Shop"."O'Brien ""1""_purchases" p ORDER BY customer_id;
SELECT 'own', p.* FROM team.own_priority p ORDER BY customer_id;
SQL
my $declarations = <<'SQL';
SELECT name, schema_name, source, customer, purchased_at, amount, filter, customers, customers_key, every, time_zone, history,
  frequency_by, bins, segment_map, abc_cuts, amount_scale, max_runtime, clv_model, clv_growth, partition_by, thresholds_by, segment_minimum, segments_captured, allow_protected, trimmed_run, clv_chosen, clv_chosen_on, paused, version, owner_name FROM custprio.scorecard ORDER BY name;
SELECT name, metric, weight, position, origin, expression, aggregate, uses, direction, scale, parameters, decimals, axis, relation, key, occurred_at, m.filter,
  within, if_missing, captured, protected, m.allow_protected FROM custprio.metric m JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT relation, attribute, reason, declared_by, declared_at FROM custprio.protected_attribute WHERE NOT built_in ORDER BY 1, 2;
SELECT name, tier, share FROM custprio.tier_rule JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT name, to_jsonb(p) FROM custprio.tier_policy p JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1;
SELECT name, to_jsonb(v) FROM custprio.tier_override v JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, v.customer, v.set_at;
SELECT name, to_jsonb(l) FROM custprio.lifecycle l JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1;
SELECT name, changed_at, changed_by, policy, old, new, reason FROM custprio.policy_change JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT name, segment, dimension, predicate, description, market_growth, competition, fit FROM custprio.customer_segment JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT name, tier, action, channel, contacts_per_month, budget, service_level, description FROM custprio.strategy JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2, 3;
SELECT name, relation, c.customer, contacted_at, channel FROM custprio.contact_source c JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1;
SELECT name, regime, starts_on, applies_from, description FROM custprio.regime JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT name, metric, statistic, b.source, value, valid_on, set_by, set_at FROM custprio.benchmark b JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1, 2;
SELECT name, relation, alias, canonical FROM custprio.alias_source JOIN custprio.scorecard USING (scorecard_id) ORDER BY 1;
SELECT map, position, segment, codes, owner_name FROM custprio.segment_map WHERE NOT built_in ORDER BY 1, 2;
SQL

my $identity = 'SELECT database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()) FROM custprio.identity';

sub refresh_all
{
	my ($database, @cards) = @_;

	return $node->safe_psql($database, join '', map { <<SQL } @cards);
SELECT name, mode, inserted, updated, deleted, tier_changes, state_written
FROM custprio.refresh(\$n\$$_\$n\$, as_of => '$as_of'), (SELECT \$n\$$_\$n\$ AS name) n;
SQL
}

$node->safe_psql('postgres', 'CREATE ROLE analyst; CREATE ROLE reader; CREATE DATABASE shop OWNER analyst');
$node->safe_psql('shop', <<'SQL');
CREATE EXTENSION custprio;
CREATE TABLE orders (customer_id bigint, ordered_at timestamptz, amount numeric(12,2), status text);
INSERT INTO orders SELECT i * 7919 % 211, timestamptz '2024-01-01 12:00+00' + i * interval '4 hours', (i * 37 % 500) / 4.0 - CASE WHEN i % 50 = 0 THEN 200 ELSE 0 END, CASE WHEN i % 9 = 0 THEN 'void' ELSE 'paid' END
  FROM generate_series(1, 2200) i;
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 250) i;
SELECT custprio.create_segment_map('two', 2, '[{"segment": "high", "codes": ["222", "221", "212", "122"]}, {"segment": "low", "codes": ["211", "121", "112", "111"]}]');
SELECT custprio.create_scorecard('crm', 'orders', 'customer_id', 'ordered_at', 'amount', filter => $$status <> 'void'$$,
  time_zone => 'America/St_Johns', history => '8 months', customers => 'customers', customers_key => 'id', frequency_by => 'day', clv_model => 'auto', clv_growth => 0.02, partition_by => 'id % 2', thresholds_by => 'segment', segment_minimum => 40);
CREATE SCHEMA "Big Shop";
CREATE TABLE "Big Shop"."Sales, by ""day""" ("Who?" text COLLATE "C", "When" date, "How much" float8);
INSERT INTO "Big Shop"."Sales, by ""day""" SELECT 'Kundin ' || i % 97, date '2024-01-01' + i % 320, (i % 83) / 3.0 FROM generate_series(1, 1500) i;
SELECT custprio.create_scorecard($$O'Brien "1"$$, '"Big Shop"."Sales, by ""day"""', '"Who?"', '"When"', '"How much"', segment_map => 'two', amount_scale => 3,
  abc_cuts => '{0.5,0.7,0.9}', every => NULL, time_zone => 'Asia/Kathmandu', schema => 'Big Shop');
CREATE SCHEMA team AUTHORIZATION analyst;
GRANT SELECT ON orders TO analyst;
SET ROLE analyst;
SELECT custprio.create_scorecard('own', 'orders', 'customer_id', 'ordered_at', 'amount', every => '1 day', time_zone => 'UTC', schema => 'team');
GRANT SELECT ON team.own_priority TO reader;
RESET ROLE;
SELECT custprio.pause('own');
SELECT custprio.refresh('crm', as_of => '2024-08-31');
SELECT custprio.set_weights('crm', '{"recency": 0.5, "monetary": 2}', 'a reason to keep');
SELECT custprio.add_metric('crm', 'return_rate', weight => 0.5);
SELECT custprio.add_metric('crm', 'voided', 'count(*)', direction => 'lower', scale => 'z', relation => 'orders', key => 'customer_id', occurred_at => 'ordered_at',
  filter => $$status = 'void'$$, within => '90 days', if_missing => 0, reason => 'a metric to keep');
SELECT custprio.protect_attribute('customers', 'name', 'tells who it is');
SELECT custprio.protect_attribute(NULL, 'shoe_size', 'tells of big feet');
SELECT custprio.add_metric('crm', 'long_name', 'length(name)', scale => 'minmax', relation => 'customers', allow_protected => 'a reason to keep');
SELECT custprio.add_segment('crm', 'named', 'demographic', $$name LIKE 'customer 1%'$$, 'a segment', 0.1, 0.2, 0.3);
SELECT custprio.set_strategy('crm', 'A', 'visit', 'car', 1.5, 20, 'fast', 'a strategy');
SELECT custprio.set_contacts('crm', 'orders', 'customer_id', 'ordered_at', 'status');
SELECT custprio.add_regime('crm', 'cap', '2024-05-01', '2024-09-15', 'a regime');
SELECT custprio.set_benchmark('crm', 'long_name', 'p90', 12.5, 'a report', '2024-01-31');
CREATE TABLE duplicates AS SELECT 210::bigint AS old, 209::bigint AS new;
SELECT custprio.set_aliases('crm', 'duplicates', 'old', 'new');
SELECT custprio.set_tiers('own', '{0.1,0.4,0.6,0.9}', '{A,B,D,E,Z}');
SELECT custprio.set_tier_policy('own', grace => 30, downgrade_on => '{quarter}', leave_margin => 2);
SELECT custprio.set_lifecycle('own');
SQL
refresh_all('shop', 'crm', q{O'Brien "1"}, 'own');
isnt($node->safe_psql('shop', 'SELECT count(*) FROM crm_tier_history WHERE previous_tier IS NOT NULL'), '0', 'there is history to carry');
isnt($node->safe_psql('shop', "SELECT clv_chosen FROM custprio.scorecard WHERE name = 'crm'"), '', 'and a model that was chosen');
my $before = $node->safe_psql('shop', $contents);
my $declared = $node->safe_psql('shop', $declarations);
my $untouched = "crm|rebuild|0|0|0|0|0\nO'Brien \"1\"|rebuild|0|0|0|0|0\nown|rebuild|0|0|0|0|0";
is(refresh_all('shop', 'crm', q{O'Brien "1"}, 'own'), $untouched, 'nothing is left to change before the dump');

# plain text and the archive format, the latter restored by two processes
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', "$dir/plain.sql" ], 'plain dump');
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-Fc', '-f', "$dir/archive" ], 'archive dump');
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'plain', 'archive', 'partial', 'shop_of_owner';
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('plain'), '-f', "$dir/plain.sql" ], 'plain restore');
$node->command_ok([ 'pg_restore', '-e', '-j2', '-d', $node->connstr('archive'), "$dir/archive" ], 'archive restore');

for my $copy ('plain', 'archive')
{
	is($node->safe_psql($copy, $declarations), $declared, "$copy: all declarations are there");
	is($node->safe_psql($copy, $contents), $before, "$copy: all published rows, state and history are there");
	is($node->safe_psql($copy, 'SELECT count(*) FROM custprio.refresh_run'), '0', "$copy: runs stay behind");
	is($node->safe_psql($copy, $identity), 'f', "$copy: the recorded identity is the original's, so the scheduler leaves the copy alone");
	is($node->safe_psql($copy, q{SELECT has_table_privilege('reader', 'team.own_priority', 'SELECT'), relowner::regrole FROM pg_class WHERE oid = 'team.own_priority'::regclass}),
		't|analyst', "$copy: grants and owner are there");

	is(refresh_all($copy, 'crm', q{O'Brien "1"}, 'own'), $untouched, "$copy: the next refresh at the same as-of day changes no row");
	is($node->safe_psql($copy, $contents), $before, "$copy: and no published row looks different");
	is($node->safe_psql($copy, 'SELECT (SELECT min(run_id) FROM custprio.refresh_run) > (SELECT max(run_id) FROM crm_tier_history)'), 't',
		"$copy: runs are numbered on from those of the history");
	is($node->safe_psql($copy, 'SELECT DISTINCT as_of FROM crm_tiers'), $as_of, "$copy: the views know their as-of day");

	$node->safe_psql($copy, 'SELECT custprio.resume_all()');
	is($node->safe_psql($copy, $identity), 't', "$copy: until resume_all()");

	# declarations can be changed and added to
	$node->safe_psql($copy, <<SQL);
SELECT custprio.create_scorecard('new', 'orders', 'customer_id', 'ordered_at', 'amount', every => NULL, time_zone => 'UTC');
SELECT custprio.refresh('new', as_of => '$as_of');
SELECT custprio.alter_scorecard('crm', bins => 3);
SELECT custprio.refresh('crm', as_of => '$as_of');
SELECT custprio.drop_scorecard('O''Brien "1"');
SELECT custprio.drop_segment_map('two');
SQL
	is($node->safe_psql($copy, q{SELECT string_agg(name, ',' ORDER BY name) FROM custprio.scorecard}), 'crm,new,own', "$copy: scorecards can be made, altered and dropped");
	is($node->safe_psql($copy, 'SELECT max(custprio.recency_score(rfm)) FROM crm_priority'),
		'3', "$copy: and follow their new declaration");
}

# one source is missing: its scorecard says so, the others are as good as before
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-T', '"Big Shop"."Sales, by ""day"""', '-f', "$dir/partial.sql" ], 'dump without one source');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('partial'), '-f', "$dir/partial.sql" ], 'restore without one source');
is($node->safe_psql('partial', $declarations), $declared, 'all declarations are there');
is(refresh_all('partial', 'crm', 'own'), "crm|rebuild|0|0|0|0|0\nown|rebuild|0|0|0|0|0", 'the other scorecards are refreshed and change no row');
my ($result, $stdout, $stderr) = $node->psql('partial', "SELECT custprio.refresh('O''Brien \"1\"')");
isnt($result, 0, 'the one without its source fails');
like($stderr, qr/ERROR:.*Sales, by/, 'and says what is missing');
is($node->safe_psql('partial', $contents), $before, 'its published rows stand');
$node->safe_psql('partial', q{SELECT custprio.drop_scorecard('O''Brien "1"')});
pass('and it can be dropped');

# an owner without superuser rights can dump what is his
$node->safe_psql('shop', <<'SQL');
SELECT custprio.drop_scorecard('crm'); SELECT custprio.drop_scorecard('O''Brien "1"'); SELECT custprio.drop_segment_map('two');
DROP SCHEMA "Big Shop" CASCADE; DROP TABLE customers; DROP TABLE duplicates; ALTER TABLE orders OWNER TO analyst;
ALTER ROLE analyst LOGIN;
SQL
$node->command_ok([ 'pg_dump', '-U', 'analyst', '-d', $node->connstr('shop'), '-f', "$dir/owner.sql" ], 'dump as an owner without superuser rights');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop_of_owner'), '-f', "$dir/owner.sql" ], 'and restore');
is(refresh_all('shop_of_owner', 'own'), 'own|rebuild|0|0|0|0|0', 'changes no row either');

$node->stop;
done_testing();
