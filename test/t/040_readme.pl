# Every SQL command of the README works when copied: all blocks marked "sql", in their order, in one session, on the
# demo's shop; its chapter on lifetime values also alone, and so do doc/templates.md, and doc/clv.md and doc/statistics.md,
# whose figures are what comes out.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Blocks of SQL: heading, last line and text; of one chapter, if it is named.
sub blocks_of
{
	my ($name, $chapter) = @_;
	my (@blocks, $block, $heading, $within);

	open(my $file, '<', $name) or die "$name: $!";
	while (my $line = <$file>)
	{
		$heading = $1 if !defined $block && $line =~ /^#+ (.*)/;
		$within = $1 if !defined $block && $line =~ /^## (.*)/;
		if ($line =~ /^```sql$/) { $block = ''; next; }
		if ($line =~ /^```$/ && defined $block)
		{
			push @blocks, [ $heading, $., $block ] if !defined $chapter || $within eq $chapter;
			undef $block;
			next;
		}
		$block .= $line if defined $block;
	}
	close $file;
	return @blocks;
}

my @blocks = blocks_of('README.md');
cmp_ok(scalar @blocks, '>', 20, 'README has blocks of SQL');

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;
$node->safe_psql('postgres', slurp_file('demo/crm.sql'));

# One script, so that settings hold from block to block as for somebody who follows the text.
my $script = '';
foreach my $b (@blocks)
{
	# What follows the removal is about a database that still has the extension.
	$script .= "CREATE EXTENSION IF NOT EXISTS custprio;\n" if $b->[2] =~ /^ALTER EXTENSION/m;
	$script .= "\\echo block ending at line $b->[1]\n$b->[2]";
}
my ($stdout, $stderr);
my $status = $node->psql('postgres', $script, stdout => \$stdout, stderr => \$stderr,
	on_error_stop => 1, extra_params => ['-q']);
is($status, 0, 'every block runs') or diag($stderr);
foreach my $b (@blocks)
{
	like($stdout, qr/^block ending at line $b->[1]$/m, "$b->[0], until line $b->[1]");
}

# As somebody has it after "make demo".
sub demo
{
	my ($database) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, slurp_file('demo/crm.sql'));
	$node->safe_psql($database, <<'SQL');
CREATE EXTENSION custprio;
SELECT custprio.create_scorecard('crm', 'orders', 'customer_id', 'ordered_at', 'amount', filter => $$status <> 'cancelled'$$,
  customers => 'customers', customers_key => 'customer_id', time_zone => 'UTC', every => NULL);
SELECT custprio.refresh('crm');
SQL
}

my @chapter = blocks_of('README.md', 'Customer lifetime value');
cmp_ok(scalar @chapter, '>', 3, 'README has a chapter on lifetime values');
demo('chapter');
is($node->psql('chapter', join('', map { $_->[2] } @chapter), stderr => \$stderr, on_error_stop => 1), 0,
	'which works alone') or diag($stderr);

demo('clv');
my @clv = blocks_of('doc/clv.md');
cmp_ok(scalar @clv, '>', 8, 'doc/clv.md has blocks of SQL');
is($node->psql('clv', join('', map { $_->[2] } @clv), stdout => \$stdout, stderr => \$stderr, on_error_stop => 1), 0,
	'which work') or diag($stderr);
my %printed = map { $_ => 1 } split /\n/, $stdout;
my $rows = 0;
foreach my $line (split /\n/, slurp_file('doc/clv.md'))
{
	# rows of numbers are results; those of the demo's shop may depend on the day a little
	next unless $line =~ /^\| \d+ \|/;
	my $row = join '|', map { s/^ *| *$//gr } split /\|/, $line =~ s/^\|//r;
	next if $row =~ /^\d+\|\d+\|[\d.]+\|[\d.]+$/;
	ok($printed{$row}, "the worked example prints $row");
	$rows++;
}
cmp_ok($rows, '>=', 6, 'the worked example has rows');

# The walk-through of the templates begins with nothing but the extension.
$node->safe_psql('postgres', 'CREATE DATABASE templates');
$node->safe_psql('templates', 'CREATE EXTENSION custprio');
my @walk = blocks_of('doc/templates.md');
cmp_ok(scalar @walk, '>', 8, 'doc/templates.md has blocks of SQL');
is($node->psql('templates', join('', map { $_->[2] } @walk), stdout => \$stdout, stderr => \$stderr, on_error_stop => 1), 0,
	'which work') or diag($stderr);
is(scalar(() = $stdout =~ /^A\|\d+/mg), 11, 'and end in tier summaries, of each of nine templates, one of risk and one of an allocation');

# doc/statistics.md needs no scorecard, and shows what psql prints.
$node->safe_psql('postgres', 'CREATE DATABASE statistics');
$node->safe_psql('statistics', 'CREATE EXTENSION custprio');
my @statistics = blocks_of('doc/statistics.md');
cmp_ok(scalar @statistics, '>', 5, 'doc/statistics.md has blocks of SQL');
is($node->psql('statistics', join('', map { $_->[2] } @statistics), stdout => \$stdout, stderr => \$stderr, on_error_stop => 1), 0,
	'which work') or diag($stderr);
%printed = map { $_ => 1 } split /\n/, $stdout;
$rows = 0;
my $result = 0;
foreach my $line (split /\n/, slurp_file('doc/statistics.md'))
{
	if ($line =~ /^-+(\+-+)*$/) { $result = 1; next; }
	$result = 0 unless $line =~ /^ /;
	next unless $result;
	my $row = join '|', map { s/^ *| *$//gr } split /\|/, $line, -1;
	ok($printed{$row}, "it shows $row");
	$rows++;
}
cmp_ok($rows, '>=', 10, 'and its results');

$node->stop;
done_testing();
