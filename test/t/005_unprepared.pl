# A server without the library preloaded, and one with too few workers: what
# can work works, and what cannot says how to mend it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $simulator = Simulator->new(args => [ '--listen', 'nano=0', '--rate', '100' ]);
my $url = $simulator->url('nano');
my $server = new_server('unprepared', shared_preload_libraries => "''");

my ($code, $out, $err) = $server->psql('postgres',
	"SELECT chainstream.add_source('nano', provider => 'nano', url => '$url')");
is($code, 0, 'a source can be added');
like($err, qr/WARNING/, 'with a warning');
like($err, qr/shared_preload_libraries/, 'that names the setting');
like($err, qr/restart/i, 'and says that it needs a restart');
sql($server, "SELECT chainstream.watch('nano', '*')");
is(status_of($server, 'nano', 'state'), 'not preloaded', 'the status says so');
my ($confirmation) = sample('nano/confirmation.jsonl');
is(sql($server, "SELECT chainstream.inject('nano', \$\$$confirmation\$\$)"), 1,
	'messages can be injected');

$server->append_conf('postgresql.conf',
	"shared_preload_libraries = 'chainstream'\nmax_worker_processes = 6\nchainstream.max_workers = 3\n");
$server->restart;
wait_until($server, 'SELECT count(*) > 10 FROM chainstream.transactions',
	'after a restart with it the source streams');

# ---------- too few workers ----------

for my $i (1 .. 4)
{
	sql($server, "SELECT chainstream.add_source('more$i', provider => 'nano', url => '$url')");
	sql($server, "SELECT chainstream.watch('more$i', '*')");
}
ok($server->wait_for_log(qr/HINT:  Increase chainstream\.max_workers/),
	'the log says what to increase');
wait_until($server,
	"SELECT count(*) = 2 FROM chainstream.status WHERE state = 'waiting'",
	'the sources without a worker wait');
sql($server, "SELECT chainstream.drop_source(name) FROM chainstream.sources WHERE name IN ('nano', 'more1')");
wait_until($server,
	"SELECT count(*) = 3 FROM chainstream.status WHERE state = 'streaming'",
	'and are served when others go');

# ---------- an owner that cannot be ----------

sql($server, 'CREATE ROLE nobody NOLOGIN');
sql($server, "UPDATE chainstream.sources SET owner = 'nobody' WHERE name = 'more4'");
if (sql($server, "SELECT current_setting('server_version_num')::int < 170000") eq 't')
{
	wait_until($server,
		"SELECT state = 'failed' AND last_error ~ 'nobody' FROM chainstream.status WHERE name = 'more4'",
		'an owner that may not log in is reported');
}
else
{
	wait_until($server,
		"SELECT s.state = 'streaming' AND a.usename = 'nobody'
		 FROM chainstream.status s JOIN pg_stat_activity a USING (pid) WHERE s.name = 'more4'",
		'an owner that may not log in can be served since PostgreSQL 17');
}

$server->stop;
done_testing();
