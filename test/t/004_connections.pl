# Connections that fail, stall or lie: another is made, the status says why,
# and nothing waits for the network.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $ca = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../simulator/make-ca.sh", $ca);

my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
my $secure = Simulator->new(args => [
		'--listen-tls', 'nano=0',
		'--cert', "$ca/server.pem", '--key', "$ca/server.key" ]);
my $impostor = Simulator->new(args => [
		'--listen-tls', 'nano=0',
		'--cert', "$ca/wrong-host.pem", '--key', "$ca/wrong-host.key" ]);
my $server = new_server('connections', 'chainstream.connect_timeout' => "'1s'");

# Takes connections and never answers.
my $mute = IO::Socket::INET->new(
	Listen => 1000, LocalAddr => '127.0.0.1', Proto => 'tcp') or die $!;
my $mute_url = 'ws://127.0.0.1:' . $mute->sockport;

sub add
{
	my ($name, $urls, $options) = @_;
	my $list = join ',', map { "'$_'" } @$urls;
	$options //= '{}';
	sql($server, "SELECT chainstream.add_source('$name', provider => 'nano',
		urls => ARRAY[$list], options => '$options')");
	sql($server, "SELECT chainstream.watch('$name', '*')");
}

# ---------- nobody there, nobody answers, no such name ----------

my $refused = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my $refused_url = 'ws://127.0.0.1:' . $refused->sockport;
close $refused;

add('refused', [$refused_url]);
wait_until($server,
	"SELECT state = 'backoff' AND last_error LIKE '%onnection refused%' AND next_retry_at IS NOT NULL
	 FROM chainstream.status WHERE name = 'refused'",
	'a refused connection is reported and tried again');
add('mute', [$mute_url]);
wait_until($server,
	"SELECT last_error LIKE '%time%' FROM chainstream.status WHERE name = 'mute'",
	'a peer that does not answer is given up');
add('nameless', ['ws://no-such-host.invalid/']);
wait_until($server,
	"SELECT last_error LIKE '%no-such-host.invalid%' FROM chainstream.status WHERE name = 'nameless'",
	'a name that does not resolve is reported');

# ---------- several URLs ----------

add('spare', [ $refused_url, $mute_url, $simulator->url('nano') ]);
wait_state($server, 'spare', 'streaming');
is(status_of($server, 'spare', 'endpoint'), $simulator->url('nano'),
	'the URL that works is found');

# ---------- drops and lies ----------

for my $fault ('drop', 'close 1001 going', 'huge 20000000')
{
	my $reconnects = status_of($server, 'spare', 'reconnects');
	$simulator->command($fault);
	wait_until($server,
		"SELECT reconnects > $reconnects AND state = 'streaming'
		 FROM chainstream.status WHERE name = 'spare'",
		"after '$fault' it is connected again");
}
like(slurp_file($server->logfile), qr/"spare": \S+: .*\b16777216\b/,
	'a message over the limit is named as the reason');

$simulator->command('status 429');
$simulator->command('drop');
wait_until($server,
	"SELECT last_error LIKE '%429%' FROM chainstream.status WHERE name = 'spare'",
	'an HTTP status is reported');
$simulator->command('status 0');
wait_state($server, 'spare', 'streaming');

# ---------- TLS ----------

my $tls_url = $secure->url('nano', 'wss');
add('trusted', [$tls_url], qq({"tls_ca": "$ca/ca.pem"}));
wait_state($server, 'trusted', 'streaming');
add('untrusted', [$tls_url]);
wait_until($server,
	"SELECT last_error ~* 'certificate|trust|verif|issuer' FROM chainstream.status WHERE name = 'untrusted'",
	'an unknown authority is refused, and said so');
add('wrong_host', [ $impostor->url('nano', 'wss') ], qq({"tls_ca": "$ca/ca.pem"}));
wait_until($server,
	"SELECT last_error ~* 'certificate|host|verif' FROM chainstream.status WHERE name = 'wrong_host'",
	'so is a certificate for another host');
is( sql($server,
		"SELECT count(*) FROM chainstream.status
		 WHERE name IN ('untrusted', 'wrong_host') AND connections > 0"),
	0, 'neither is connected');
add('hanging', [ 'wss://127.0.0.1:' . $mute->sockport ]);

# ---------- and check_source() says which step fails ----------

sub checked
{
	my ($name) = @_;
	return sql($server,
		"SELECT string_agg(step || ' ' || outcome, ', ') FILTER (WHERE outcome <> 'skipped')
		 FROM chainstream.check_source('$name')");
}
is(checked('refused'), 'name ok, tcp failed', 'check_source: nobody listens');
is(checked('nameless'), 'name failed', 'check_source: no such name');
is(checked('mute'), 'name ok, tcp ok, handshake failed', 'check_source: no answer');
is(checked('untrusted'), 'name ok, tcp ok, tls failed', 'check_source: unknown authority');
is( checked('trusted'),
	'name ok, tcp ok, tls ok, handshake ok, subscribe ok, message waiting',
	'check_source: everything works, but it is quiet');
is( sql($server, "SELECT count(*) FROM chainstream.check_source('refused') WHERE outcome = 'failed' AND hint IS NULL"),
	0, 'and what to do');

# ---------- none of which keeps anybody waiting ----------

for my $name (qw(mute nameless hanging refused))
{
	cmp_ok(
		seconds_for(sub {
			my $pid = worker_pid($server, $name);
			sql($server, "SELECT chainstream.pause('$name')");
			$server->poll_query_until('postgres',
				"SELECT pid IS NULL FROM chainstream.status WHERE name = '$name'");
		}),
		'<', 2, "source $name stops at once");
	sql($server, "SELECT chainstream.resume('$name')");
}
is(sql($server, "SELECT count(*) FROM chainstream.status WHERE name = 'spare' AND state = 'streaming'"),
	1, 'a source that works is not delayed by the others');
cmp_ok(seconds_for(sub { $server->stop('fast') }), '<', 3, 'the server stops at once');
done_testing();
