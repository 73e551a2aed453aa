# Settings take effect in a running worker, and what they bound stays bounded.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
my $server = new_server('settings');
my ($confirmation) = sample('nano/confirmation.jsonl');
my $serial = 0;

sub send_fresh
{
	my $hash = sprintf('%064X', ++$serial);
	(my $message = $confirmation) =~ s/5E6652[0-9A-F]{58}/$hash/;
	$simulator->command("send $message");
	return $hash;
}

# Change settings and wait until a new session sees them.
sub reload_with
{
	my (%settings) = @_;
	$server->append_conf('postgresql.conf', "$_ = '$settings{$_}'\n") for sort keys %settings;
	$server->reload;
	$server->poll_query_until('postgres',
		"SELECT current_setting('$_') = '$settings{$_}'") for sort keys %settings;
	return;
}

sql($server, "SELECT chainstream.add_source('nano', provider => 'nano', url => '" . $simulator->url('nano') . "')");
sql($server, "SELECT chainstream.watch('nano', '*')");
wait_state($server, 'nano', 'streaming');
my $pid = worker_pid($server, 'nano');

# ---------- batches ----------

send_fresh();
wait_until($server, 'SELECT count(*) = 1 FROM chainstream.transactions', 'a row is committed at once');
reload_with('chainstream.batch_delay' => '2s');

# the worker reads the file when the signal reaches it: give it something to do
my $listener = session_start($server, 'LISTEN chainstream');
my $transactions = 'SELECT count(DISTINCT xmin::text) FROM chainstream.transactions';
wait_until($server, qq{
	SELECT count(*) > 1 AND count(*) < 20 FROM chainstream.transactions},
	'rows are held back') if send_fresh();
my $before = sql($server, $transactions);
send_fresh() for 1 .. 20;
wait_until($server, 'SELECT count(*) = 22 FROM chainstream.transactions', 'and arrive');
cmp_ok(sql($server, $transactions) - $before, '<=', 2, 'many in one transaction');
cmp_ok(scalar(session_end($listener)), '<=', 4, 'with one notification each');
reload_with('chainstream.batch_delay' => 0, 'chainstream.batch_size' => 5);

# ---------- a flood ----------

$simulator->command('count 30000');
$simulator->command('rate max');
wait_until($server, 'SELECT count(*) = 30022 FROM chainstream.transactions',
	'30,000 messages sent as fast as can be are 30,000 rows');
is(sql($server, 'SELECT count(DISTINCT hash) FROM chainstream.transactions'), 30022,
	'each once');
is(sql($server, 'SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY ctid) p FROM chainstream.transactions) t WHERE id < p'),
	0, 'ids ascend in the order of arrival');
is(sql($server, 'SELECT max(n) FROM (SELECT count(*) n FROM chainstream.transactions WHERE id > 22 GROUP BY xmin::text) t'),
	5, 'no transaction had more rows than batch_size');
is(worker_pid($server, 'nano'), $pid, 'the worker was the same all the time');

# ---------- partitions ----------

is( sql($server, "SELECT count(*) FROM chainstream._partitions() WHERE parent = 'transactions'"),
	3, 'today and the days ahead have a partition');
sql($server, "SELECT chainstream._create_partitions(now() - interval '10 days', now() - interval '6 days', interval '1 day')");
reload_with('chainstream.retention' => '3d', 'chainstream.partition_interval' => '1h');
sql($server, "SELECT pg_terminate_backend($pid)");
wait_until($server,
	"SELECT count(*) = 0 FROM chainstream._partitions() WHERE upper(covers) < now() - interval '4 days'",
	'expired partitions are dropped');
send_fresh();
wait_until($server, 'SELECT count(*) = 30023 FROM chainstream.transactions', 'the others are not');

$server->stop;
done_testing();
