#!/usr/bin/env perl
#
# Does the simulator speak as TonAPI's streaming server does, to the byte,
# over both transports, and does its REST interface know what was streamed?
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Simulator;
use SimulatorClient
  qw(connect_to say_to hear hear_all hear_event fill ask_http get request stream_from);
use Test::More;
use Time::HiRes qw(time);

my $SAMPLES = "$FindBin::RealBin/../samples/tonapi";
my $WS = '/v2/websocket';
my $CONFIG = '-1:' . '5' x 64;
my $ELECTOR = '-1:' . '3' x 64;
my $JSON = JSON::PP->new->canonical;

sub slurp
{
	my ($name) = @_;
	open my $file, '<:raw', "$SAMPLES/$name" or die "$name: $!";
	local $/ = undef;
	return <$file>;
}

sub lines { return split /\n/, slurp($_[0]) }

sub start { return Simulator->new(args => [ '--listen', 'tonapi=0', @_ ]) }

my $simulator = start('--set', 'idle-ms=60000', '--set', 'block-ms=0');

sub client { return connect_to($simulator, 'tonapi', $WS, @_) }

sub stream
{
	my ($path, @headers) = @_;
	return stream_from($simulator, 'tonapi', request('GET', $path, undef, @headers));
}

# Ask for something; returns the answer.
sub ask
{
	my ($client, $request) = @_;
	say_to($client, ref $request ? $JSON->encode({ jsonrpc => '2.0', %$request }) : $request);
	return hear($client);
}

sub result_of
{
	my ($client, $method, @params) = @_;
	return JSON::PP::decode_json(ask($client, { method => $method, params => \@params }))->{result};
}

# Everything that has come up to now.
sub barrier
{
	my ($client) = @_;
	my @heard;
	my $mark = ++$client->{marks} + 1_000_000;
	say_to($client, qq({"id":$mark,"method":"mark"}));
	while (defined(my $text = hear($client)))
	{
		return @heard if $text =~ /"id":$mark/;
		push @heard, $text;
	}
	return @heard;
}

# ---------- requests ----------

my $client = client();
my @replies = lines('ws-replies.jsonl');
my @requests = (
	{ id => 1, method => 'subscribe_account', params => [ $CONFIG, "$ELECTOR;operations=JettonTransfer,0x0524c7ae" ] },
	{ id => 2, method => 'subscribe_account', params => [ $CONFIG, $ELECTOR, $ELECTOR ] },
	{ id => 3, method => 'subscribe_mempool' },
	{ id => 3, method => 'subscribe_trace', params => [ $CONFIG, $CONFIG ] },
	{ id => 4, method => 'subscribe_block', params => ['workchain=-1'] },
	{ id => 10, method => 'unsubscribe_account', params => [$CONFIG] },
	{ id => 11, method => 'unsubscribe_mempool' },
	{ id => 12, method => 'unsubscribe_trace', params => [$CONFIG] },
	{ id => 13, method => 'unsubscribe_block', params => [] },
	{ id => 14, method => 'unsubscribe_account', params => [$CONFIG] });
is(ask($client, $requests[$_]), "$replies[$_]\n", "reply: $replies[$_]") for 0 .. $#requests;
is(ask($client, '{}'), qq({"jsonrpc":"","method":"","result":""}\n), 'a missing method has an empty result');
is(ask($client, '{"ID":0,"Method":"x","params":null,"more":[]}'), qq({"jsonrpc":"","method":"x","result":""}\n),
	'names in any case; an id of 0 is none');

my @errors = lines('ws-error-replies.jsonl');
my %ask = (
	20 => [ 'subscribe_account', 'xxx' ],
	21 => [ 'subscribe_account', "$CONFIG;ops=JettonBurn" ],
	22 => [ 'subscribe_account', "$CONFIG;operations=A;x" ],
	24 => [ 'subscribe_trace', 'xxx' ],
	26 => [ 'subscribe_mempool', 'accounts=', 'x' ],
	27 => [ 'subscribe_mempool', 'account=x' ],
	28 => [ 'subscribe_mempool', 'accounts=xxx' ],
	29 => ['unsubscribe_mempool'],
	30 => [ 'subscribe_block', 'workchain=1' ],
	31 => [ 'subscribe_block', 'workchain=0', 'workchain=-1' ],
	32 => ['unsubscribe_block'],
	33 => ['subscribe_everything']);
for my $error (@errors)
{
	my $id = JSON::PP::decode_json($error)->{id};
	my ($method, @params) = @{ $ask{$id} // next };
	is(ask($client, { id => $id, method => $method, params => \@params }), "$error\n", "error: $error");
}
is(result_of($client, 'subscribe_block', 'workchain=x'), 'failed to process params: invalid format', 'no workchain');
result_of($client, 'subscribe_mempool');
is(ask($client, { id => 25, method => 'subscribe_mempool' }), "$errors[5]\n", 'already subscribed');
is(result_of($client, 'subscribe_account', 'ALL'), "failed to process 'ALL' account: can't decode address ALL",
	'ALL is no account');
is(result_of($client, 'subscribe_account', '0:abc', 'EQDequZRihH9JMHanFOtOK7dNfSmbRvvTx4wgUctknapINd9'),
	'success! 2 new subscriptions created', 'a short hash is padded');
is(result_of($client, 'subscribe_trace', $CONFIG, 'xxx'), "failed to process 'xxx' account: can't decode address xxx",
	'a bad one spoils all');
is(result_of($client, 'unsubscribe_trace', $CONFIG), 'success! 0 subscription(s) removed', 'so nothing was subscribed');
result_of($client, 'subscribe_trace', $CONFIG);
result_of($client, 'unsubscribe_trace', $CONFIG, 'xxx');
is(result_of($client, 'unsubscribe_trace', $CONFIG), 'success! 0 subscription(s) removed',
	'but up to a bad one all are unsubscribed');
$simulator->command('set limit 4');
is(result_of($client, 'subscribe_account', map { '0:' . $_ x 64 } 1 .. 3), 'you have reached the limit of 4 subscriptions',
	'a limit');
is(result_of($client, 'subscribe_account', '0:' . '1' x 64), 'success! 1 new subscriptions created',
	'nothing of the request was applied');
$simulator->command('switch no-blocks on');
is(ask($client, { id => 34, method => 'subscribe_block' }), "$errors[14]\n", 'no blocks here');
$simulator->command('switch no-blocks off');
$simulator->command('set limit 10000');
like(result_of($client, 'subscribe_account', map { sprintf '0:%064x', $_ } 1 .. 10000),
	qr/^you have reached the limit of 10000/, 'the limit of the source');

for my $bad ('{"id":"1","method":"subscribe_block"}', '{"id":-1}', '{"params":{}}', '{"params":[1]}', '{', '[]', 'x')
{
	my $victim = client();
	say_to($victim, $bad);
	say_to($victim, '{"id":1,"method":"x"}');
	say_to($victim, 'ping', 9);
	is(hear($victim, 0.3), undef, "silence for ever: $bad");
	ok(!$victim->{end} && !exists $victim->{10}, 'without an end');
}

# ---------- notifications ----------

sub reaches
{
	my ($line, $method, @params) = @_;
	my $client = client();
	die unless result_of($client, $method, @params) =~ /^success/;
	$simulator->command("send $line");
	return join '', barrier($client);
}

for my $case (
	[ 'account_transaction', 'subscribe_account', sub { $_[0] =~ /"account_id":"(.*?)"/ } ],
	[ 'block', 'subscribe_block', sub { } ],
	[ 'mempool_message', 'subscribe_mempool',
		sub { my ($all) = $_[0] =~ /involved_accounts":\["(.*?)"/; return $all ? "accounts=$all" : () } ],
	[ 'trace', 'subscribe_trace', sub { $_[0] =~ /accounts":\["(.*?)"/ } ])
{
	my ($topic, $method, $params) = @$case;
	my $wrong = grep { reaches($_, $method, $params->($_)) ne "$_\n" } lines("ws-$topic.jsonl");
	is($wrong, 0, "every line of ws-$topic.jsonl, to the byte");
}
my ($trace) = lines('ws-trace.jsonl');
my @accounts = $trace =~ /"(0:[0-9a-f]{64})"/g;
is(reaches($trace, 'subscribe_trace', @accounts), "$trace\n" x @accounts, 'a trace once for each account of it');
my ($block) = lines('ws-block.jsonl');
my ($workchain) = $block =~ /"workchain":(-?\d)/;
is(reaches($block, 'subscribe_block', 'workchain=' . (-1 - $workchain)), '', 'no block of the other workchain');
my $involved = (lines('ws-mempool_message.jsonl'))[4];
is(reaches($involved, 'subscribe_mempool'), $involved =~ s/,"involved_accounts":\[.*?\]//r . "\n",
	'without a filter, no accounts are told');
is(reaches($involved, 'subscribe_mempool', "accounts=$CONFIG"), '', 'nor messages for others');
my ($jetton) = grep { /"decoded_op_name":"\w/ } lines('rest-transaction.jsonl');
my ($account) = $jetton =~ /"account":\{"address":"(.*?)"/;
my ($code, $name) = map { JSON::PP::decode_json($jetton)->{in_msg}{$_} } qw(op_code decoded_op_name);
$name = join '', map { ucfirst } split /_/, $name;
for my $filter ([ '', 1 ], [ $code, 1 ], [ "X,$name", 1 ], [ lc $name, 0 ], [ 'X', 0 ])
{
	my ($operations, $expected) = @$filter;
	is(reaches($jetton, 'subscribe_account', "$account;OPERATIONS=$operations") ne '' ? 1 : 0, $expected,
		"operations=$operations");
}

# ---------- streams ----------

my $everything = stream('/v2/sse/accounts/transactions?accounts=all');
like($everything->{header}, qr/^\Q$_\E\r$/m, $_)
  for 'Content-Type: text/event-stream', 'Cache-Control: no-cache', 'Connection: keep-alive';
is(hear_event($everything), "event: heartbeat\n\n", 'a heartbeat at once, to the byte');
my ($first, $second) = map { /^data: (.*)$/mg } slurp('sse-accounts-transactions-ALL.sse');
my $before = time * 1e9;
my @ids;
for my $data ($first, $second)
{
	$simulator->command("send $data");
	my $event = hear_event($everything);
	like($event, qr/^event: message\nid: \d{19}\ndata: \Q$data\E\n\n$/, 'a transaction, to the byte');
	push @ids, $event =~ /^id: (\d+)/m;
}
ok($ids[0] < $before && $ids[0] > $before - 600e9, 'ids begin with the time of the start');
is($ids[1], $ids[0] + 1, 'and go on by one');
for my $case (
	[ 'sse-accounts-transactions.sse', '/v2/sse/accounts/transactions?accounts=' ],
	[ 'sse-accounts-traces.sse', '/v2/sse/accounts/traces?accounts=' ],
	[ 'sse-mempool.sse', '/v2/sse/mempool' ],
	[ 'sse-mempool-accounts.sse', '/v2/sse/mempool?accounts=' ],
	[ 'sse-blocks.sse', '/v2/sse/blocks' ])
{
	my ($file, $path) = @$case;
	my $wrong = 0;
	for my $data (slurp($file) =~ /^data: (.*)$/mg)
	{
		my $accounts = join ',', $data =~ /"(-?\d:[0-9a-f]{64})"/g;
		my $stream = stream($path =~ /=$/ ? $path . $accounts : $path);
		hear_event($stream);
		$simulator->command("send $data");
		$wrong++ if hear_event($stream) !~ /^event: message\nid: \d+\ndata: \Q$data\E\n\n$/;
		$wrong++ if defined hear_event($stream, 0.05);
	}
	is($wrong, 0, "every event of $file, once and to the byte");
}
my @before = (stream('/v2/sse/accounts/transactions?accounts=ALL&operations=' . $name),
	stream('/v2/sse/accounts/transactions?accounts=ALL&operations=X'));
hear_event($_) for @before;
$simulator->command("send $jetton");
like(hear_event($before[0]), qr/^event: message/, 'operations of a stream');
is(hear_event($before[1], 0.1), undef, 'others are not told');

my @http = lines('http-errors.jsonl');
for my $wrapped (@http)
{
	my $case = JSON::PP::decode_json($wrapped);
	my ($path, $status, $type) = @{ $case->{_http} }{qw(path status content_type)};
	my $text = ref $case->{body} ? $wrapped =~ s/^.*?"body":(.*)\}$/$1/r : $case->{body};
	my @headers;
	$simulator->command('status ' . ($status == 401 || $status == 429 ? $status : 0));
	if ($status == 403)
	{
		@headers = ('Origin: http://elsewhere', 'Upgrade: websocket', 'Connection: Upgrade',
			'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
	}
	my ($got, $head, $body) = ask_http($simulator, 'tonapi', request('GET', $path, undef, @headers));
	is("$got $body", "$status $text", "refused: $path: $status");
	like($head, qr/^Content-Type: \Q$type\E\r?$/m, "as $type");
}
$simulator->command('status 0');
like(connect_to($simulator, 'tonapi', $WS, headers => ['Origin: http://node'])->{header}, qr/ 101 /, 'the own origin passes');
$simulator->command('switch no-mempool on');
like(stream('/v2/sse/mempool'), qr/^HTTP\/1\.1 404 /, 'no mempool here');
$simulator->command('switch no-mempool off');

# ---------- synthetic transfers, and REST ----------

my ($mempool, $filtered) = map { stream($_) } '/v2/sse/mempool',
  '/v2/sse/mempool?accounts=' . join ',', split / /, $simulator->command('accounts 0 500');
my $wanted = client();
my @pool = split / /, $simulator->command('accounts 0 1000');
result_of($wanted, 'subscribe_account', @pool);
result_of($wanted, 'subscribe_trace', @pool);
result_of($wanted, 'subscribe_block');
hear_event($_) for $everything, $mempool, $filtered;
$simulator->command('set not-found 2');
my ($sender, $root, $recipient, $child) = split / /, $simulator->command('transfer');
my @heard = map { JSON::PP::decode_json($_) } barrier($wanted);
is_deeply([ map { $_->{method} } @heard ], [qw(block block account_transaction account_transaction trace trace)],
	'what comes of a transfer');
is_deeply([ map { $_->{params}{tx_hash} } @heard[ 2, 3 ] ], [ $root, $child ], 'its transactions');
is($heard[2]{params}{account_id}, lc $sender, 'in lower case');
is($heard[4]{params}{hash}, $root, 'a trace is its root');
my ($boc) = hear_event($mempool) =~ /"boc":"(te6cc[^"]*)"\}\n/;
ok(defined $boc, 'a message of the mempool');
my $path = '/v2/blockchain/transactions';
my ($status, $answer);
for my $expected (404, 404, 200)
{
	($status, $answer) = get($simulator, 'tonapi', "$path/$child");
	is($status, $expected, "REST: $expected");
}
is_deeply([ @$answer{qw(hash lt)}, $answer->{account}{address} ],
	[ $child, $heard[3]{params}{lt}, lc $recipient ], 'then it knows the transaction');
my ($recorded) = map { JSON::PP::decode_json($_) } grep { /"credit_phase"/ && /"action_phase"/ } lines('rest-transaction.jsonl');
is_deeply([ sort keys %$answer ], [ sort keys %$recorded ], 'the members of recorded ones');
is($answer->{in_msg}{source}{address}, lc $sender, 'where it came from');
is(sha256_hex("\0\x80" . substr pack('H*', $answer->{raw}), 13), $child, 'the raw cell has the hash');
$simulator->command('set not-found 0');
my (undef, $origin) = get($simulator, 'tonapi', "$path/$root");
is($origin->{out_msgs}[0]{value}, $answer->{in_msg}{value}, 'what one sends, the other gets');
my $base64 = encode_base64(pack('H*', $root), '') =~ s{([+/=])}{sprintf '%%%02X', ord $1}ger;
is((get($simulator, 'tonapi', "$path/$base64"))[1]{hash}, $root, 'a hash in base64');
is((get($simulator, 'tonapi', "/v2/blockchain/messages/$origin->{in_msg}{hash}/transaction"))[1]{hash}, $root,
	'the transaction of a message');
is((get($simulator, 'tonapi', "$path/$origin->{in_msg}{hash}"))[1]{hash}, $root, 'or the message as a transaction');
$simulator->command('transfer') for 1 .. 200;
my $listing = sub { return (get($simulator, 'tonapi', "/v2/blockchain/accounts/$recipient/transactions$_[0]"))[1]{transactions} };
my @all = @{ $listing->('?sort_order=asc&limit=1000') };
is($all[0]{hash}, $child, 'an account, oldest first');
is_deeply([ map { $_->{hash} } @{ $listing->('') } ], [ map { $_->{hash} } reverse @all ], 'newest first');
is_deeply($listing->("?after_lt=$all[0]{lt}&limit=1&sort_order=asc"), [ $#all ? $all[1] : () ], 'what came after');
is((get($simulator, 'tonapi', '/v2/blockchain/masterchain-head'))[1]{workchain_id}, -1, 'the head of the masterchain');

my @rest = lines('rest-transaction.jsonl');
my ($hash) = $rest[1] =~ /^\{"hash":"(.*?)"/;
$simulator->command("send $rest[1]");
is((ask_http($simulator, 'tonapi', request('GET', "$path/$hash")))[2], $rest[1], 'a recorded transaction, to the byte');
my ($stranger) = lines('ws-account_transaction.jsonl');
$simulator->command("send $stranger");
my $params = JSON::PP::decode_json($stranger)->{params};
is_deeply([ @{ (get($simulator, 'tonapi', "$path/$params->{tx_hash}"))[1] }{qw(hash lt)} ], [ @$params{qw(tx_hash lt)} ],
	'one that was only announced is made up');

$simulator->command('rest 429 2');
is((ask_http($simulator, 'tonapi', request('GET', "$path/$hash")))[$_ ? 2 : 0], $_ ? '{"Error":"rate limit"}' : 429,
	'REST fails, on command') for 0, 1;
is((get($simulator, 'tonapi', "$path/$hash"))[0], 200, 'so often');
$simulator->command('restdelay 300');
my $begun = time;
get($simulator, 'tonapi', "$path/$hash");
cmp_ok(time - $begun, '>', 0.29, 'REST is late, on command');
my $both = IO::Socket::INET->new(PeerAddr => $simulator->url('tonapi') =~ s{^ws://}{}r);
print $both request('GET', "$path/$_") for $hash, $root;
my $two = { socket => $both, in => '' };
fill($two, sub { (() = $two->{in} =~ /HTTP\/1\.1 200 OK/g) == 2 });
like($two->{in}, qr/"hash":"$hash".*"hash":"$root"/s, 'two answers on one connection');

# ---------- signs of life, tokens ----------

$simulator = start('--set', 'idle-ms=200', '--require-token', 'secret', '--extra-fields', '--rate', '100', '--count', '1',
	'--set', 'block-ms=700');
like(client(), qr{^HTTP/1\.1 401 }, 'a token is required');
like(stream('/v2/sse/blocks?token=wrong'), qr{^HTTP/1\.1 401 }, 'of a stream, too');
$client = connect_to($simulator, 'tonapi', "$WS?token=secret");
fill($client, sub { $client->{pings} >= 2 }, 5);
is($client->{9}, '', 'ping frames without payload');
is(scalar(grep { $_->[0] != 0x89 } @{ $client->{frames} }), 0, 'and nothing else');
my $idle = stream('/v2/sse/blocks', 'Authorization: bearer secret');
is(join('', map { hear_event($idle) } 1 .. 3), slurp('sse-idle.sse') =~ s/^((?:[^\n]+\n\n){3}).*/$1/sr, 'heartbeats when idle');
my @late = map { hear_event($idle) } 1 .. 4;
like((grep { /message/ } @late)[0], qr/"operation":"0x00000000","more"/, 'members that nobody knows, on demand');
$simulator->command('heartbeat off');
hear_event($idle, 0.1);
is(hear_event($idle, 0.5), undef, 'no heartbeats, on command');
$simulator->command('end');
fill($_, sub { 0 }, 5) for $client, $idle;
is("$client->{end} $idle->{end}" . (exists $client->{8} ? ' frame' : ''), 'closed closed', 'ended without a word');

# Two providers, one story.
$simulator = Simulator->new(args => [ map { ('--listen', $_) } 'toncenter=0', 'tonapi=0', 'tonapi:second=0' ]);
my @stories = map { (split / /, $simulator->command($_))[ /trace/ ? 1 : 0 ] } 'trace', 'transfer tonapi', 'transfer second';
is_deeply(\@stories, [ ($stories[0]) x 3 ], 'equal seeds tell equal stories');
is($simulator->command('clients second'), 0, 'a network of its own name');

done_testing();
