# Processes die, databases go, servers restart: under load, nothing crashes or
# hangs, and the stream goes on.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $simulator = Simulator->new(args => [ '--listen', 'nano=0', '--rate', '1000' ]);
my $url = $simulator->url('nano');
my $server = new_server('processes', streaming => 1);

sub add_source
{
	my ($name, $database) = @_;
	sql($server, qq{
		SELECT chainstream.add_source('$name', provider => 'nano', url => '$url');
		SELECT chainstream.watch('$name', '*');}, $database);
}

# Rows arrive that were not there before.
sub flows
{
	my ($what, $database) = @_;
	my $last = sql($server, 'SELECT coalesce(max(id), 0) FROM chainstream.transactions', $database);
	wait_until($server,
		"SELECT max(id) > $last FROM chainstream.transactions", $what, $database);
}

add_source('nano');
flows('rows flow at 1,000 messages a second');

# ---------- several databases, several sources ----------

$server->safe_psql('postgres', 'CREATE DATABASE second');
$server->safe_psql('second', 'CREATE EXTENSION chainstream');
add_source('nano', 'second');
add_source('other', 'second');
flows('rows flow in a second database', 'second');
wait_until($server,
	"SELECT count(DISTINCT pid) = 2 FROM chainstream.status WHERE state = 'streaming'",
	'two sources there have a process each', 'second');
is(sql($server, "SELECT count(*) FROM chainstream.status"), 1,
	'and are not seen from the first');

# ---------- the worker ends ----------

my $pid = worker_pid($server, 'nano');
sql($server, "SELECT pg_terminate_backend($pid)");
wait_until($server,
	"SELECT pid <> $pid AND state = 'streaming' FROM chainstream.status",
	'a terminated worker is replaced');
flows('and rows flow again');

$pid = worker_pid($server, 'nano');
kill 'KILL', $pid;
wait_until($server,
	"SELECT pid <> $pid AND state = 'streaming' FROM chainstream.status",
	'a killed worker is replaced');
flows('and rows flow again');

# the launcher as well
sql($server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'chainstream launcher'");
wait_until($server,
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'chainstream launcher'",
	'a terminated launcher is replaced');
wait_until($server, "SELECT state = 'streaming' FROM chainstream.status",
	'its workers are served again');
is(sql($server, "SELECT count(*) FROM pg_stat_activity
	WHERE backend_type = 'chainstream worker' AND datname = 'postgres'"), 1,
	'once');

# ---------- the server ends ----------

cmp_ok(seconds_for(sub { $server->stop('fast') }), '<', 5, 'a fast stop is fast');
$server->start;
flows('rows flow after a restart');
$server->stop('immediate');
$server->start;
flows('and after an immediate one');

# ---------- the extension and the database go ----------

cmp_ok(
	seconds_for(sub { sql($server, 'DROP EXTENSION chainstream CASCADE') }),
	'<', 2, 'DROP EXTENSION does not wait for the network');
wait_until($server,
	"SELECT NOT EXISTS (SELECT FROM pg_stat_activity
	 WHERE backend_type = 'chainstream worker' AND datname = 'postgres')",
	'its workers leave');
my $rows = count_rows($server, 'transactions');
cmp_ok($rows, '>', 0, 'the history stays');
sql($server, 'CREATE EXTENSION chainstream');
add_source('nano');
flows('and grows after CREATE EXTENSION');

cmp_ok(
	seconds_for(sub { sql($server, 'ALTER DATABASE second RENAME TO renamed') }),
	'<', 3, 'a database can be renamed under load');
flows('and its rows flow', 'renamed');
cmp_ok(
	seconds_for(sub { sql($server, 'CREATE DATABASE copy TEMPLATE renamed') }),
	'<', 5, 'copied');
cmp_ok(seconds_for(sub { sql($server, 'DROP DATABASE renamed') }),
	'<', 2, 'and dropped');
sql($server, 'DROP DATABASE copy');
flows('while the others go on');

# ---------- a standby ----------

$server->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($server, 'base', has_streaming => 1);
$standby->start;
$server->wait_for_catchup($standby, 'replay', $server->lsn('insert'));
is($standby->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'chainstream%'"),
	0, 'a standby is silent');
$server->stop('immediate');
my $last = $standby->safe_psql('postgres', 'SELECT max(id) FROM chainstream.transactions');
$standby->promote;
ok( $standby->poll_query_until('postgres',
		"SELECT max(id) > $last FROM chainstream.transactions"),
	'and streams after its promotion');
$standby->stop;

my $log = slurp_file($standby->logfile) . slurp_file($server->logfile);
unlike($log, qr/TRAP|terminated by signal (?:6|11)|PANIC/, 'nothing crashed');
done_testing();
