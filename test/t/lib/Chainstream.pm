# A PostgreSQL server with chainstream loaded, for TAP tests.
package Chainstream;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(new_server sql wait_until wait_state count_rows status_of
  worker_pid seconds_for session_start session_do
  session_end sample ALICE BOB);

# Sender and recipient of the first confirmation of the samples.
use constant ALICE => 'nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma';
use constant BOB   => 'nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox';

# A running server whose database postgres has the extension.
sub new_server
{
	my ($name, %settings) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);
	$server->init(allows_streaming => delete $settings{streaming} // 0);
	%settings = (
		'shared_preload_libraries'        => "'chainstream'",
		'max_worker_processes'            => 32,
		'chainstream.reconnect_delay'     => "'50ms'",
		'chainstream.reconnect_delay_max' => "'500ms'",
		'log_statement'                   => 'none',
		'restart_after_crash'             => 'on',
		%settings);
	$server->append_conf('postgresql.conf', "$_ = $settings{$_}\n")
	  for sort keys %settings;
	$server->start;
	$server->safe_psql('postgres', 'CREATE EXTENSION chainstream');
	return $server;
}

# Run SQL in a database, 'postgres' by default, and return what it prints.
sub sql
{
	my ($server, $query, $database) = @_;
	return $server->safe_psql($database // 'postgres', $query);
}

# Wait until a query returns true, as a test of its own.  The end, if it does
# not: what follows builds on it, and would wait as long for each step.
sub wait_until
{
	my ($server, $query, $what, $database) = @_;
	my $reached = $server->poll_query_until($database // 'postgres', $query);
	ok($reached, $what);
	unless ($reached)
	{
		my $log = slurp_file($server->logfile);
		diag(substr($log, -4000));
		die "never came to it: $what\n";
	}
	return $reached;
}

sub wait_state
{
	my ($server, $source, $state, $database) = @_;
	return wait_until(
		$server,
		"SELECT state = '$state' FROM chainstream.status WHERE name = '$source'",
		"source $source is $state", $database);
}

sub count_rows
{
	my ($server, $table, $database) = @_;
	return sql($server, "SELECT count(*) FROM chainstream.$table", $database);
}

# One column of the status view.
sub status_of
{
	my ($server, $source, $column) = @_;
	return sql($server, "SELECT $column FROM chainstream.status WHERE name = '$source'");
}

sub worker_pid
{
	my ($server, $source) = @_;
	return status_of($server, $source, 'pid');
}

# How long a piece of code takes.
sub seconds_for
{
	my ($code) = @_;
	my $start = time;
	$code->();
	return time - $start;
}

# A psql session that stays open and has run these statements.
sub session_start
{
	my ($server, @statements) = @_;
	my %session = (
		in      => '',
		out     => '',
		err     => '',
		timeout => IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$session{run} = IPC::Run::start(
		[ 'psql', '-XqAt', '-d', $server->connstr('postgres') ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err}, $session{timeout});
	session_do(\%session, @statements);
	return \%session;
}

# Run more statements in it and wait for them.
sub session_do
{
	my ($session, @statements) = @_;
	my $mark = 'done ' . ++$session->{count};
	$session->{in} .= "$_;\n" for @statements;
	$session->{in} .= "\\echo $mark\n";
	$session->{timeout}->start($PostgreSQL::Test::Utils::timeout_default);
	$session->{run}->pump until $session->{out} =~ /^$mark$/m;
	return;
}

# End it; returns the notifications it was told, with channel and payload.
sub session_end
{
	my ($session) = @_;
	$session->{in} .= "SELECT 1;\n\\q\n";
	$session->{timeout}->start($PostgreSQL::Test::Utils::timeout_default);
	$session->{run}->finish;
	my @told;
	while ($session->{out} =~
		/Asynchronous notification "([^"]*)" with payload "(.*)" received/g)
	{
		push @told, { channel => $1, payload => $2 };
	}
	return @told;
}

# Lines of a file of samples, such as 'nano/confirmation.jsonl'.
sub sample
{
	my ($file) = @_;
	my ($here) = __FILE__ =~ m{^(.*)/[^/]*$};
	my @lines = split /\n/, slurp_file("$here/../../samples/$file");
	return @lines;
}

1;
