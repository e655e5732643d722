# 030_refresh_properties.pl: random sources through random scorecards, against the oracle in plain SQL, and the
# invariants that hold whatever the data: every way of reading the source gives the same rows, nothing depends on
# physical order or on the session's settings, purchases after the as-of day change nothing, rescore and rebuild agree,
# and a refresh with nothing changed writes nothing.
#
# CUSTPRIO_SEED repeats a run, CUSTPRIO_TRIALS changes the number of sources.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{CUSTPRIO_SEED} // 20240229;
my $trials = $ENV{CUSTPRIO_TRIALS} // 25;
srand($seed);
diag("seed $seed, $trials random sources");

my $node = PostgreSQL::Test::Cluster->new('properties');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
autovacuum = off
fsync = off
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = 1h
max_wal_size = 4GB
max_parallel_workers_per_gather = 0
jit = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION custprio; CREATE EXTENSION amcheck');
$node->psql('postgres', "\\i $FindBin::RealBin/../oracle/refresh.sql", on_error_die => 1);

# Published and state rows with everything that readers see, in a form that depends on no setting of the session.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fingerprint(published boolean DEFAULT true) RETURNS text LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' AS $$
DECLARE
  result text;
BEGIN
  IF published THEN
    SELECT md5(string_agg(p::text, E'\n' ORDER BY p::text COLLATE "C")) INTO result FROM card_priority p;
  ELSE
    SELECT md5(string_agg(p::text, E'\n' ORDER BY p::text COLLATE "C")) INTO result FROM card_purchases p;
  END IF;
  RETURN coalesce(result, 'empty');
END $$;
CREATE VIEW last_run AS SELECT * FROM custprio.refresh_run ORDER BY run_id DESC LIMIT 1;
SQL

sub pick { return $_[ int(rand(@_)) ]; }

# Zones with an instant around which their local days are unusual: days of 23 and 25 hours, a change at 00:01, an
# offset of minutes, a day that does not exist.
my %zones = (
	'UTC' => '2000-01-01 00:00+00',
	'America/St_Johns' => '2006-10-29 02:31+00',
	'Asia/Kathmandu' => '1985-12-31 18:30+00',
	'Pacific/Apia' => '2011-12-30 10:00+00',
	'Europe/Berlin' => '2020-10-25 01:00+00',
	'America/Sao_Paulo' => '2018-11-04 03:00+00',
	'Australia/Lord_Howe' => '2021-04-03 15:00+00',
	'America/New_York' => '2024-03-10 07:00+00');

my %key_types = (
	'int' => 'c',
	'bigint' => 'c::bigint * 10000000000 - 5',
	'smallint' => 'c::smallint',
	'uuid' => q{md5(c::text)::uuid},
	'text' => q{CASE WHEN c % 7 = 0 THEN '' WHEN c % 5 = 0 THEN repeat('customer ', 30) || c ELSE 'Kunde Ünal ' || c END},
	'varchar(40)' => q{'v' || c},
	'date' => q{date '2000-01-01' + c});

my %amount_types = (
	'int' => 'round(a)::int',
	'smallint' => 'round(a)::smallint',
	'bigint' => 'round(a)::bigint * CASE WHEN c = 1 THEN 100000000000000 ELSE 1 END',
	'numeric(12,2)' => 'a::numeric(12,2)',
	'numeric' => q{CASE WHEN i % 50 = 3 THEN 'NaN' WHEN i % 50 = 5 THEN 'Infinity' WHEN c = 2 THEN a::numeric * 1e20 WHEN c = 3 THEN round(a::numeric, 7) ELSE round(a::numeric, i % 4) END},
	'float8' => q{CASE WHEN i % 50 = 3 THEN 'NaN' WHEN i % 50 = 5 THEN '-Infinity' WHEN i % 9 = 1 THEN a / 3 ELSE a END},
	'real' => q{CASE WHEN i % 50 = 3 THEN 'NaN' ELSE a / 3 END::real});

my %time_types = (
	'timestamptz' => q{CASE WHEN i % 97 = 5 THEN 'infinity' WHEN i % 97 = 6 THEN '-infinity' ELSE t END},
	'timestamp' => q{t AT TIME ZONE '%s'},
	'date' => q{(t AT TIME ZONE '%s')::date});

# One random source and its scorecard. Returns the as-of day.
sub create_trial
{
	my ($trial) = @_;
	my $zone = pick(sort keys %zones);
	my $key = pick(sort keys %key_types);
	my $amount = pick(sort keys %amount_types);
	my $time = pick(sort keys %time_types);
	my $rows = int(rand() ** 2 * 800);
	my $customers = 1 + int(rand() ** 2 * 90);
	my $kind = pick('table', 'table', 'table', 'partitioned', 'view', 'matview', 'expression', 'odd table');
	my $time_value = $time_types{$time};
	my %option = (
		bins => pick(5, 5, 3, 2, 4, 9),
		frequency_by => pick("'purchase'", "'day'"),
		history => pick('NULL', 'NULL', "interval '15 days'", "interval '1 month'"),
		filter => pick('NULL', 'NULL', "'ok'", "'NOT coalesce(c = 4, false)'"),
		abc_cuts => pick('NULL', "'{0.5}'", "'{0.1,0.2,0.3,0.9}'"),
		amount_scale => pick('2', '0', '4'),
		customers => pick('NULL', 'NULL', "'people'"));

	$option{segment_map} = { 5 => pick("'rfm_11'", 'NULL'), 3 => "'rfm_6'", 2 => "'rfm_8_mean'" }->{ $option{bins} } // 'NULL';
	$time_value =~ s/%s/$zone/;

	my $table = "CREATE TABLE base (gone text, i int, c int, k $key, ok boolean, t $time, a $amount)"
	  . ($kind eq 'partitioned' ? ' PARTITION BY HASH (i)' : '');
	my $source = { 'view' => 'source_view', 'matview' => 'source_matview' }->{$kind} // 'base';
	my $customer = $kind eq 'expression' ? ($key eq 'text' ? "k || 'x'" : $key eq 'int' ? 'k + 1' : 'k') : 'k';
	my $when = $kind eq 'expression' && $time eq 'date' ? 't + 1' : 't';
	my $what = $kind eq 'expression' ? 'a * 2' : 'a';
	my $people_key = $customer;
	my $as_of = $node->safe_psql('postgres',
		"SELECT (timestamptz '$zones{$zone}' AT TIME ZONE '$zone')::date + " . int(rand(9) - 3));

	note("trial $trial: $rows rows, $customers customers, $kind of ($key, $time, $amount), $zone, as of $as_of, "
		  . join(', ', map { "$_ => $option{$_}" } sort keys %option));

	$node->safe_psql('postgres', <<SQL);
DO \$\$ BEGIN PERFORM custprio.drop_scorecard(name) FROM custprio.scorecard; END \$\$;
SET client_min_messages = warning;
DROP TABLE IF EXISTS base, people CASCADE;
$table;
@{[ $kind eq 'partitioned' ? join '', map { "CREATE TABLE base$_ PARTITION OF base FOR VALUES WITH (MODULUS 3, REMAINDER $_);\n" } 0 .. 2 : '' ]}
@{[ $kind eq 'odd table' ? 'ALTER TABLE base DROP COLUMN gone; ALTER TABLE base DROP COLUMN a;' : '' ]}
@{[ $kind eq 'odd table' ? "INSERT INTO base (i, c, k, ok, t) SELECT i, c, k, true, t FROM (SELECT i, 1 AS c, timestamptz '$zones{$zone}' AS t FROM generate_series(1, 20) i) s, LATERAL (SELECT $key_types{$key} AS k) kk;" : '' ]}
@{[ $kind eq 'odd table' ? "ALTER TABLE base ADD COLUMN a $amount DEFAULT 7; ALTER TABLE base ADD COLUMN gone text;" : '' ]}
CREATE FUNCTION pg_temp.fill(first int, n int, shift interval) RETURNS void LANGUAGE sql AS \$\$
  INSERT INTO base (gone, i, c, k, ok, t, a)
  SELECT 'x', i, c, CASE WHEN i % 41 <> 7 THEN $key_types{$key} END, i % 4 <> 0,
    CASE WHEN i % 43 <> 9 THEN $time_value END, CASE WHEN i % 37 <> 11 THEN $amount_types{$amount} END
  FROM (SELECT i, 1 + floor(power(random(), 2) * $customers)::int AS c,
      timestamptz '$zones{$zone}' + shift + date_trunc('minute', power(random() * 2 - 1, 3) * interval '50 days') AS t,
      CASE floor(random() * 10) WHEN 0 THEN 0 WHEN 1 THEN -5.25 WHEN 2 THEN 10 WHEN 3 THEN 9.99 ELSE round((random() * 300)::numeric, 2) END::float8
      * CASE WHEN random() < 0.06 THEN -1 ELSE 1 END AS a
    FROM generate_series(first, first + n - 1) i) s
\$\$;
SELECT setseed(@{[ rand() ]});
SELECT pg_temp.fill(1, $rows, '0');
CREATE VIEW source_view AS SELECT * FROM base;
CREATE MATERIALIZED VIEW source_matview AS SELECT * FROM base;
CREATE TABLE people AS SELECT k FROM (SELECT DISTINCT k FROM base WHERE c % 3 <> 1) s UNION ALL SELECT NULL
  UNION ALL SELECT $key_types{$key} FROM generate_series(200, 205) c;
ANALYZE base;
SELECT custprio.create_scorecard('card', '$source', \$e\$$customer\$e\$, '$when', '$what', every => NULL, time_zone => '$zone',
  customers_key => @{[ $option{customers} eq 'NULL' ? 'NULL' : '$e$' . $customer . '$e$' ]}, @{[ join ', ', map { "$_ => $option{$_}" } sort keys %option ]});
SQL
	return ($as_of, $source, $zone, $time);
}

sub matches_oracle
{
	my ($as_of, $name, $counted) = @_;
	my $found = $node->safe_psql('postgres', <<SQL);
SELECT oracle.compute('card', '$as_of') \\gset ignored_
SELECT * FROM oracle.difference('card') LIMIT 8;
@{[ $counted ? "SELECT * FROM oracle.run_difference('card');" : '' ]}
SQL
	is($found, '', $name);
}

# Tables and indexes that custprio writes by its own means, checked page by page and row by row.
my $sound = <<'SQL';
DO $$
DECLARE
  x regclass;
BEGIN
  FOR x IN SELECT indexrelid FROM pg_index WHERE indrelid IN ('card_priority'::regclass, 'card_purchases'::regclass, 'card_tier_history'::regclass) LOOP
    PERFORM bt_index_parent_check(x, true, true);
  END LOOP;
END $$;
SELECT t, h.* FROM unnest('{card_priority,card_purchases,card_tier_history}'::regclass[]) t, verify_heapam(t, check_toast => true) h;
SQL

# Stored thresholds score every customer as published, the run's shares are the table's, and the history leads to it.
sub hangs_together
{
	my ($name) = @_;
	my $found = $node->safe_psql('postgres', <<'SQL');
SET search_path = custprio, public;
CREATE TEMP VIEW cuts AS SELECT metric, kind, breaks FROM custprio.threshold t JOIN custprio.epoch e USING (scorecard_id, run_id);
SELECT 'breaks', t.metric, b.bins FROM cuts t JOIN oracle.breaks b ON b.metric = t.metric AND b.bins = CASE t.kind WHEN 'percentile' THEN 1000 WHEN 'rfm' THEN (SELECT bins FROM custprio.scorecard) END
WHERE b.breaks IS DISTINCT FROM
    CASE t.metric WHEN 'recency' THEN (SELECT array_agg((d::date - date '2000-01-01')::numeric ORDER BY o) FROM unnest(t.breaks) WITH ORDINALITY AS u (d, o))
      ELSE t.breaks::numeric[] END
  AND NOT (t.kind = 'rfm' AND (SELECT segment_map FROM custprio.scorecard) = 'rfm_8_mean');
SELECT 'tier by cut', p.customer_id, p.tier, p.priority FROM card_priority p, cuts t
WHERE t.kind = 'tier' AND p.tier::int <> 1 + (SELECT count(*) FROM unnest(t.breaks) b WHERE p.priority < b::numeric);
SELECT 'class by cut', p.customer_id, p.abc FROM card_priority p JOIN card_purchases s USING (customer_id), cuts t
WHERE t.kind = 'abc' AND p.abc::int <> 1 + (SELECT count(*) FROM unnest(t.breaks) b WHERE revenue(s.summary) < b::numeric);
SELECT 'share', x.tier, x.share FROM last_run r, jsonb_each_text(r.shares) x (tier, share)
WHERE x.share::numeric <> coalesce(round((SELECT count(*) FILTER (WHERE p.tier::text = x.tier) / nullif(count(p.tier), 0)::numeric FROM card_priority p), 6), 0);
SELECT 'history', p.customer_id, p.tier, p.previous_tier, p.tier_since, h.*
FROM card_priority p LEFT JOIN (SELECT DISTINCT ON (customer_id) * FROM card_tier_history ORDER BY customer_id, run_id DESC) h USING (customer_id)
WHERE (p.tier, p.tier_since) IS DISTINCT FROM (h.tier, h.changed_on) AND (p.tier IS NOT NULL OR h.tier IS NOT NULL);
SELECT 'chain', customer_id, run_id FROM (
  SELECT *, lag(tier) OVER w AS before, row_number() OVER w AS n FROM card_tier_history WINDOW w AS (PARTITION BY customer_id ORDER BY run_id)) h
WHERE previous_tier IS DISTINCT FROM before OR tier IS NOT DISTINCT FROM previous_tier;
SELECT 'view', v.customer_id, v.recency_days, v.as_of FROM card_tiers v JOIN oracle.priority o ON o.customer_id = v.customer_id::text, last_run r
WHERE (v.recency_days, v.as_of, v.tier_rank) IS DISTINCT FROM (r.as_of - o.last_day, r.as_of, ascii(o.tier) - 64);
SELECT 'summary', * FROM (
  SELECT tier, customers, share_of_customers, revenue, share_of_revenue, average_priority FROM card_tier_summary
  EXCEPT SELECT tier, count(*), CASE WHEN tier IS NOT NULL THEN round(count(*) / (SELECT count(tier) FROM oracle.priority)::numeric, 4) END, sum(monetary),
    CASE WHEN tier IS NOT NULL THEN round(sum(monetary) / nullif((SELECT sum(monetary) FROM oracle.priority WHERE tier IS NOT NULL), 0), 4) END, round(avg(priority), 4)
  FROM oracle.priority GROUP BY tier) s;
SELECT 'tier changes', r.tier_changes FROM last_run r WHERE r.tier_changes <> (SELECT count(*) FROM card_tier_history h WHERE h.run_id = r.run_id);
SQL
	is($found, '', $name);
}

# Refresh under the given settings; nothing may be written.
sub changes_nothing
{
	my ($settings, $mode, $as_of, $name) = @_;
	my $found = $node->safe_psql('postgres', <<SQL);
SELECT fingerprint() || fingerprint(false) AS before \\gset
$settings;
SELECT FROM custprio.refresh('card', '$mode', '$as_of') \\gset ignored_
RESET ALL;
SELECT 'wrote', inserted, updated, deleted, tier_changes, state_written FROM last_run
WHERE (inserted, updated, deleted, tier_changes, state_written) <> (0, 0, 0, 0, 0);
SELECT 'changed' WHERE fingerprint() || fingerprint(false) <> :'before';
SQL
	is($found, '', $name);
}

for my $trial (1 .. $trials)
{
	my ($as_of, $source, $zone, $time) = create_trial($trial);
	my $refresh = $source eq 'source_matview' ? 'REFRESH MATERIALIZED VIEW source_matview;' : '';
	my $later = $node->safe_psql('postgres', "SELECT date '$as_of' + " . (1 + int(rand(12))));
	my $earlier = $node->safe_psql('postgres', "SELECT date '$as_of' - " . (1 + int(rand(12))));

	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '$as_of')");
	matches_oracle($as_of, "trial $trial: rebuild", 1);
	hangs_together("trial $trial: thresholds, shares and history");

	# invariant 5 and the fast scan
	changes_nothing('SET custprio.fast_scan = off', 'rebuild', $as_of, "trial $trial: same through a query");
	changes_nothing("SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0",
		'rebuild', $as_of, "trial $trial: same in parallel");
	changes_nothing("SET TimeZone = 'Pacific/Kiritimati'; SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -3; SET search_path = ''; SET lc_numeric = 'C'",
		'rebuild', $as_of, "trial $trial: same under other settings") if $trial % 2;
	if ($trial % 2 == 0)
	{
		$node->safe_psql('postgres', <<SQL);
CREATE TEMP TABLE shuffled AS SELECT * FROM base ORDER BY random();
DELETE FROM base WHERE i % 2 = 0;
VACUUM base;
DELETE FROM base;
INSERT INTO base SELECT * FROM shuffled;
$refresh
SQL
		changes_nothing('SELECT', 'rebuild', $as_of, "trial $trial: same in another physical order");
	}

	# invariant 4: purchases after the as-of day
	my $before = $node->safe_psql('postgres', 'SELECT fingerprint()');
	$node->safe_psql('postgres', <<SQL);
SET TimeZone = '$zone';
INSERT INTO base (gone, i, c, k, ok, t, a)
  SELECT 'future', 20000 + i, c, k, true, ('$as_of'::date + 1 + (i * 7) % 20)::timestamptz + interval '2 hours', a FROM base WHERE i % 5 = 1;
$refresh
SQL
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '$as_of')");
	is($node->safe_psql('postgres', 'SELECT fingerprint()'), $before, "trial $trial: later purchases change nothing published");

	# invariant 1: rescore and rebuild, forwards over those later purchases and backwards
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rescore', '$later')");
	matches_oracle($later, "trial $trial: rescore to a later day", 0);
	hangs_together("trial $trial: thresholds, shares and history after it");
	changes_nothing('SELECT', 'rebuild', $later, "trial $trial: rebuild agrees with it");
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rescore', '$earlier')");
	matches_oracle($earlier, "trial $trial: rescore to an earlier day", 0);

	# and after changes of every kind, keys included
	$node->safe_psql('postgres', <<SQL);
BEGIN;
DELETE FROM base;
ROLLBACK;
DELETE FROM base WHERE i % 7 = 1;
UPDATE base SET k = (SELECT k FROM base WHERE k IS NOT NULL ORDER BY i DESC LIMIT 1) WHERE i % 11 = 3;
UPDATE base SET a = a + 1 WHERE i % 13 = 4;
UPDATE base SET ok = NOT ok WHERE i % 17 = 4;
$refresh
SQL
	my $day = pick($as_of, $later);
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '$day')");
	matches_oracle($day, "trial $trial: rebuild after changes", 1);
	hangs_together("trial $trial: thresholds, shares and history after changes") if $day eq $later;
	changes_nothing('SET custprio.fast_scan = off', 'rescore', $day, "trial $trial: rescore agrees with it");

	# a changed declaration
	my $change = pick("bins => 4, segment_map => NULL, reset => '{segment_map}'", "segment_map => 'rfm_6', bins => 3", "segment_map => 'rfm_8_mean', bins => 2", "frequency_by => 'day'", "amount_scale => 5",
		"history => '20 days'", "reset => '{history,filter,customers,customers_key}'", "abc_cuts => '{0.3,0.6,0.99}'", "time_zone => 'Pacific/Kiritimati'", "filter => 'c > 2'");
	my $version = 'SELECT version FROM custprio.scorecard';
	my $old_version = $node->safe_psql('postgres', $version);
	$node->safe_psql('postgres', "SELECT custprio.alter_scorecard('card', $change)");
	# the state knows nothing of the latest changes: a rescore must not use it unless the declaration is the same
	my $mode = $node->safe_psql('postgres', $version) eq $old_version ? 'auto' : 'rescore';
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', '$mode', '$later')");
	matches_oracle($later, "trial $trial: altered: $change", 1);
	hangs_together("trial $trial: thresholds, shares and history after that");
	is($node->safe_psql('postgres', $sound), '', "trial $trial: tables and indexes are sound");
	if ($trial % 10 == 0)
	{
		$node->safe_psql('postgres', "TRUNCATE base; $refresh");
		$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '$as_of')");
		matches_oracle($as_of, "trial $trial: rebuild of an empty source", 1);
	}
}

# Enough customers to fill custprio.rebuild_memory, so that a rebuild spills. Each one's rows lie far apart, the last
# of them anywhere, so that every part of the merge matters.
$node->safe_psql('postgres', <<'SQL');
SELECT custprio.drop_scorecard('card');
CREATE TABLE wide (customer text, at timestamptz, amount numeric(10,2));
INSERT INTO wide SELECT 'customer ' || (i * 7919 % 20011), timestamptz '2024-01-01' + i * interval '9 min', (i * 31 % 9973)::numeric / 100 - 5
  FROM generate_series(1, 60000) i ORDER BY md5(i::text);
SELECT custprio.create_scorecard('card', 'wide', 'customer', 'at', 'amount', every => NULL, time_zone => 'Europe/Berlin');
SQL
for my $history ('NULL', "interval '5 months'")
{
	my $name = "many customers, history $history";

	$node->safe_psql('postgres', "SELECT custprio.alter_scorecard('card', history => $history)");
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', 'rebuild', '2024-12-31')");
	matches_oracle('2024-12-31', $name, 1);
	is($node->safe_psql('postgres', $sound), '', "$name: tables and indexes are sound");
	changes_nothing("SET custprio.rebuild_memory = '1MB'", 'rebuild', '2024-12-31', "$name: same when the direct scan spills");
	changes_nothing("SET custprio.rebuild_memory = '1MB'; SET custprio.fast_scan = off", 'rebuild', '2024-12-31', "$name: same when the query spills");
	changes_nothing("SET custprio.rebuild_memory = '1MB'; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0",
		'rebuild', '2024-12-31', "$name: same when parallel workers spill");
	changes_nothing("SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0",
		'rebuild', '2024-12-31', "$name: same when parallel workers do not");
	changes_nothing("SET custprio.rebuild_memory = '1MB'; SET work_mem = '64kB'; SET hash_mem_multiplier = 1", 'rescore', '2024-12-31', "$name: rescore with little memory");
}
$node->safe_psql('postgres', "SELECT custprio.alter_scorecard('card', reset => '{history}')");

# Invariant 8: nothing changed, nothing written but the run's row. Counters of all tables in the database, and WAL.
for my $mode ('rebuild', 'rescore', 'auto')
{
	my $counters = q{SELECT string_agg(schemaname || '.' || relname || ' ' || n_tup_ins || ' ' || n_tup_upd || ' ' || n_tup_del, E'\n' ORDER BY 1)
	  FROM (SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()) s, pg_stat_all_tables
	  WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname <> 'refresh_run'};
	my @wal;

	$node->safe_psql('postgres', 'CHECKPOINT');
	$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', '$mode', '2024-12-31')");
	my $before = $node->safe_psql('postgres', $counters);
	for (1 .. 3)
	{
		my $start = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
		$node->safe_psql('postgres', "SELECT FROM custprio.refresh('card', '$mode', '2024-12-31')");
		push @wal, $node->safe_psql('postgres', "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$start')");
	}
	is($node->safe_psql('postgres', $counters), $before, "$mode with nothing changed writes no tuple");
	my ($least) = sort { $a <=> $b } @wal;
	cmp_ok($least, '<', 4000, "$mode with nothing changed writes WAL for the run's row only");
}

# Invariant 3, on the state: merging the summaries of parts equals summarising the whole.
is($node->safe_psql('postgres', <<'SQL'), '0', 'summaries of parts merge to the summary of the whole');
WITH counted AS (SELECT * FROM wide WHERE at < timestamptz '2025-01-01 00:00 Europe/Berlin')
SELECT count(*) FROM (
  SELECT customer, custprio.summarize(at, amount, 'Europe/Berlin') AS whole FROM counted GROUP BY 1) w
JOIN (SELECT customer, custprio.merge(part ORDER BY random()) AS merged FROM (
    SELECT customer, custprio.summarize(at, amount, 'Europe/Berlin') AS part FROM counted GROUP BY customer, floor(random() * 4)) p GROUP BY 1) m USING (customer)
JOIN card_purchases s ON s.customer_id = customer
WHERE whole OPERATOR(pg_catalog.<>) merged OR whole OPERATOR(pg_catalog.<>) s.summary
SQL

# The notification tells what the run tells, and there is none when nothing has changed.
my $told = $node->safe_psql('postgres', <<'SQL');
LISTEN custprio_card;
SELECT FROM custprio.refresh('card', as_of => '2024-12-31') \gset ignored_
UPDATE wide SET amount = amount * 3, at = at - interval '40 days' WHERE customer LIKE '%7';
DELETE FROM wide WHERE customer IN ('customer 1', 'customer 2');
SELECT FROM custprio.refresh('card', as_of => '2024-12-30') \gset ignored_
SQL
my @payloads = $told =~ /Asynchronous notification "custprio_card" with payload "(.*)" received/g;
is(scalar(@payloads), 1, 'one notification for two refreshes of which one changed something');
is($node->safe_psql('postgres', "SELECT to_jsonb(x) - 'more' FROM (SELECT 'card' AS scorecard, run_id, as_of, inserted, updated, deleted, tier_changes FROM last_run) x"),
	$node->safe_psql('postgres', "SELECT '" . ($payloads[0] // '{}') . "'::jsonb"), 'it carries the counts of its run');

# The locale of the database: another collation orders these keys otherwise, and nothing published depends on that.
my $with_locale = <<'SQL';
CREATE EXTENSION custprio;
CREATE TABLE purchase (customer text, at date, amount numeric);
INSERT INTO purchase SELECT translate('aB_-Zz' || i % 7, '0123456', 'bB-_aAz') || i % 50, date '2024-01-01' + i % 100, i % 13 FROM generate_series(1, 900) i;
SELECT custprio.create_scorecard('card', 'purchase', 'customer', 'at', 'amount', every => NULL, time_zone => 'UTC', amount_scale => 2);
SELECT FROM custprio.refresh('card', as_of => '2024-06-01');
SELECT p.* FROM card_priority p ORDER BY customer_id COLLATE "C";
SQL
my %published;
for my $locale ("LC_COLLATE 'C' LC_CTYPE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LC_COLLATE 'C' LC_CTYPE 'C'")
{
	my ($result, $stdout, $stderr) = $node->psql('postgres', "CREATE DATABASE localized TEMPLATE template0 ENCODING 'UTF8' $locale");
	if ($result != 0)
	{
		note("no database with $locale: $stderr");
		next;
	}
	$published{ $node->safe_psql('localized', $with_locale) }++;
	$node->safe_psql('postgres', 'DROP DATABASE localized');
}
is(scalar(keys %published), 1, 'the same rows whatever the locale of the database');

$node->stop;
done_testing();
