# Every SQL command of the README works when copied: all blocks marked "sql", in their order, in one session, on the
# demo's shop.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

open(my $file, '<', 'README.md') or die "README.md: $!";
my (@blocks, $block, $heading);
while (my $line = <$file>)
{
	$heading = $1 if !defined $block && $line =~ /^#+ (.*)/;
	if ($line =~ /^```sql$/) { $block = ''; next; }
	if ($line =~ /^```$/ && defined $block)
	{
		push @blocks, [ $heading, $. , $block ];
		undef $block;
		next;
	}
	$block .= $line if defined $block;
}
close $file;
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

$node->stop;
done_testing();
