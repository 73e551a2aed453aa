#!/usr/bin/env perl
#
# What the simulator does for every dialect over plain HTTP, over event
# streams and over TLS, and the ends of connections that libwebsockets does
# not know by itself.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use File::Temp qw(tempdir);
use IPC::Run ();
use Simulator;
use SimulatorClient
  qw(connect_to say_to hear hear_event fill ask_http request stream_from);
use Test::More;
use Time::HiRes qw(time);

my $FOLDER = tempdir(CLEANUP => 1);
my $SAMPLES = "$FindBin::RealBin/../samples/tonapi";

system('sh', "$FindBin::RealBin/../simulator/make-ca.sh", $FOLDER) == 0 or die 'make-ca.sh failed';

my $simulator = Simulator->new(
	args => [
		map({ ('--listen', $_) } 'tonapi=0', 'nano=0', 'nano:backup=0'),
		'--listen-tls', 'tonapi=0', '--cert', "$FOLDER/server.pem", '--key', "$FOLDER/server.key",
		'--set', 'block-ms=0', '--set', 'idle-ms=60000',
		'--journal', "$FOLDER/journal", '--require-token', 'backup=secret',
		'--replay', "tonapi=$SAMPLES/ws-account_transaction.jsonl" ]);

sub stream
{
	my $stream = stream_from($simulator, 'tonapi',
		request('GET', '/v2/sse/accounts/transactions?accounts=ALL', undef, @_));
	hear_event($stream) if ref $stream;
	return $stream;
}

# The number of the recorded transaction that an event tells of, from 1.
my @recorded = do {
	open my $file, '<:raw', "$SAMPLES/ws-account_transaction.jsonl" or die $!;
	map { /"tx_hash":"(.*?)"/ } <$file>;
};

sub number_of
{
	my ($event) = @_;
	my ($hash) = ($event // '') =~ /"tx_hash":"(.*?)"/ or return 0;
	my ($at) = grep { $recorded[$_] eq $hash } 0 .. $#recorded;
	return $at + 1;
}

# ---------- plain requests ----------

is((ask_http($simulator, 'nano', request('GET', '/')))[0], 400, 'a dialect without plain HTTP declines');
like(connect_to($simulator, 'backup', '/'), qr/ 401 /, 'a token for one network');
is(ref connect_to($simulator, 'nano', '/'), 'HASH', 'and not for another of the same dialect');
is((ask_http($simulator, 'tonapi', request('POST', '/v2/blockchain/transactions/00', 'x' x 100000)))[0], 400,
	'a body is read before the answer');
is((ask_http($simulator, 'tonapi', request('POST', '/v2/blockchain/transactions/00', '')))[0], 400, 'also an empty one');
is($simulator->stats->{answered} + $simulator->stats->{refused}, 2, 'commands without a name are for the first network');

# ---------- a replay over a stream ----------

my @streams = (stream(), stream());
$simulator->command('rate 1000');
is_deeply([ map { number_of(hear_event($streams[0])) } @recorded ], [ 1 .. @recorded ], 'a replay, in order');
is_deeply([ map { number_of(hear_event($streams[1])) } @recorded ], [ 1 .. @recorded ], 'for everybody');
is(hear_event($streams[0], 0.1), undef, 'and once');
$simulator->wait_for(sub { -s "$FOLDER/journal" > 44 * 70 });
open my $journal, '<', "$FOLDER/journal" or die $!;
is(scalar(grep { /^[0-9a-f]{64} \d+ account_transaction$/ } <$journal>), 2 * @recorded, 'the journal has them');
my $stats = $simulator->stats;
is($stats->{topics}{account_transaction}, 2 * @recorded, 'and they are counted');
is($stats->{clients}, 2, 'streams are clients');

# ---------- faults of streams ----------

# Send recorded transactions by their numbers.
sub announce
{
	my $account = '-1:' . '5' x 64;
	$simulator->command(qq(send {"account_id":"$account","lt":1,"tx_hash":"$recorded[$_ - 1]"})) for @_;
	return;
}

my $stream = stream();
$simulator->command('duplicate on');
announce(3);
is_deeply([ map { number_of(hear_event($stream)) } 1, 2 ], [ 3, 3 ], 'duplicates');
$simulator->command($_) for 'duplicate off', 'reorder on';
announce(1, 2);
is_deeply([ map { number_of(hear_event($stream)) } 1, 2 ], [ 2, 1 ], 'disorder');
$simulator->command('reorder off');
$simulator->command('wire 350d0a646174610d0a');
fill($stream, sub { $stream->{in} ne '' }, 5);
is($stream->{in}, "5\r\ndata\r\n", 'bytes outside of any chunk');

$simulator->command('slowhandshake 300');
my $begun = time;
stream();
cmp_ok(time - $begun, '>', 0.29, 'a slow start');
$simulator->command('slowhandshake 0');
$stream = stream();
$simulator->command('pause');
like(stream(), qr/refused/i, 'paused');
announce(4);
is(number_of(hear_event($stream)), 4, 'while streams live on');
$simulator->command('resume');
is(ref stream(), 'HASH', 'resumed');
$simulator->command('status 503');
like(stream(), qr/^HTTP\/1\.1 503 .*^Retry-After: 1\r/ms, 'refused for a while');
is((ask_http($simulator, 'tonapi', request('GET', '/v2/blockchain/masterchain-head')))[0], 503, 'whatever is asked for');
$simulator->command('status 0');
$simulator->command('rest 500');
is((ask_http($simulator, 'tonapi', request('GET', '/v2/blockchain/masterchain-head')))[0], 500, 'REST fails');
is(ref stream(), 'HASH', 'alone');
$simulator->command('rest 0');

# A client that goes away is noticed, and one that does not read holds nobody up.
my $before = $simulator->command('clients');
close $stream->{socket};
$simulator->wait_for(sub { $simulator->command('clients') < $before });
pass('a stream that its client closed is gone');
$simulator->command('set queue 0');
$simulator->command('synthetic');
my ($reader, $sleeper) = (stream(), stream());
$simulator->command('count 20000');
$simulator->command('rate 20000');
fill($reader, sub { @{ $reader->{chunks} } >= 40000 });
cmp_ok(scalar @{ $reader->{chunks} }, '>=', 40000, 'a stream that is not read does not hold up another');
cmp_ok($simulator->stats->{queued}, '>', 0, 'but waits for its reader');
close $sleeper->{socket};
$simulator->command('rate 0');

# ---------- the ends of a WebSocket ----------

for my $case (
	[ 'close nano 0', [ [ 0x88, 0 ] ] ],
	[ 'end nano', [] ])
{
	my ($command, $frames) = @$case;
	my $client = connect_to($simulator, 'nano', '/');
	$simulator->wait_for(sub { $simulator->command('clients nano') > 0 });
	$simulator->command($command);
	fill($client, sub { exists $client->{8} || $client->{end} }, 5);
	say_to($client, '', 8) if @$frames;
	fill($client, sub { 0 }, 5);
	is_deeply($client->{frames}, $frames, "'$command': what is sent");
	is($client->{end}, 'closed', 'and then the end');
}

# ---------- TLS ----------

my $https = $simulator->url('tonapi', 'wss') =~ s{^wss://}{}r;
my $ask = request('GET', '/v2/sse/blocks', undef);
my ($in, $out, $errors) = ($ask, '', '');
my $tls = IPC::Run::start([ 'openssl', 's_client', '-quiet', '-verify_return_error', '-CAfile', "$FOLDER/ca.pem",
		'-servername', 'localhost', '-verify_hostname', 'localhost', '-connect', $https ],
	'<', \$in, '>', \$out, '2>', \$errors);
my $deadline = time + 20;
$tls->pump_nb while $out !~ /heartbeat\n\n/ && time < $deadline;
like($out, qr{^HTTP/1\.1 200 OK\r\n.*\r\n\r\n12\r\nevent: heartbeat\n\n\r\n$}s, 'a stream over TLS') or diag $errors;
$simulator->signal('TERM');
$deadline = time + 20;
$tls->pump_nb while $out !~ /\r\n0\r\n\r\n$/ && time < $deadline;
like($out, qr/\r\n0\r\n\r\n$/, 'at its end, streams end as they should');
$tls->kill_kill;

done_testing();
