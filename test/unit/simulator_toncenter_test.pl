#!/usr/bin/env perl
#
# Does the simulator speak as TON Center's streaming service does, to the
# byte, over both transports?
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use Digest::SHA qw(sha256);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Simulator;
use SimulatorClient
  qw(connect_to say_to hear hear_all hear_event fill ask_http request stream_from);
use Test::More;
use Time::HiRes qw(time);

my $SAMPLES = "$FindBin::RealBin/../samples/toncenter";
my ($WS, $SSE) = ('/api/streaming/v2/ws', '/api/streaming/v2/sse');
my $ALICE = '0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC';
my $ALICE_FRIENDLY = 'UQCdqXGvONLwOr3zCNX5FjapflorB6ZsOdcdfLrjsDLt3AF4';
my $BOB = '0:4E3664FAEE814FBDB6C1CB36D72BAC52D15E186C11ECD664FE1B3F1A7CFD801D';
my $JSON = JSON::PP->new->canonical;

sub lines
{
	my ($name) = @_;
	open my $file, '<:raw', "$SAMPLES/$name" or die "$name: $!";
	chomp(my @lines = <$file>);
	return @lines;
}

sub start { return Simulator->new(args => [ '--listen', 'toncenter=0', @_ ]) }

my $simulator = start();

sub client { return connect_to($simulator, 'toncenter', $WS, @_) }

# Ask for something; returns the answer.
sub ask
{
	my ($client, $request) = @_;
	say_to($client, ref $request ? $JSON->encode($request) : $request);
	return hear($client);
}

sub subscribe
{
	my ($client, %options) = @_;
	my $answer = ask($client, { operation => 'subscribe', types => ['transactions'],
			addresses => [$ALICE], %options });
	die "$answer\n" if $answer ne '{"status":"subscribed"}';
	return $client;
}

# Everything that has come up to now.
sub barrier
{
	my ($client) = @_;
	my @heard;
	my $mark = 'mark' . ++$client->{marks};
	say_to($client, qq({"operation":"ping","id":"$mark"}));
	while (defined(my $text = hear($client)))
	{
		return @heard if $text =~ /"\Q$mark\E"/;
		push @heard, $text;
	}
	return @heard;
}

sub stream
{
	my ($body, @headers) = @_;
	return stream_from($simulator, 'toncenter',
		request('POST', $SSE, ref $body ? $JSON->encode($body) : $body,
			'Content-Type: application/json', @headers));
}

# What becomes of this line for a client that asked like this.
sub reaches
{
	my ($line, %options) = @_;
	my $client = subscribe(client(), min_finality => 'pending', %options);
	$simulator->command("send $line");
	return join '', barrier($client);
}

# ---------- requests ----------

my $client = client();
unlike($client->{header}, qr/^Sec-WebSocket-(Protocol|Extensions)/m, 'no sub-protocol, no extension');
is(hear($client, 0.2), undef, 'the server says nothing by itself');

# The requests that the recorded errors answer, in the order of the sample.
my @errors = lines('errors.jsonl');
my $both = qq("addresses":["$ALICE"]);
my @requests = (
	'hello',
	'{"operation":',
	'{"operation":"ping","id":7}',
	'{"operation":"listen","id":"9"}',
	'{}',
	qq({"operation":"subscribe","id":"10",$both}),
	qq({"operation":"subscribe","id":"11","types":["trace_invalidated"],$both}),
	qq({"operation":"subscribe","id":"12","types":["pending_transactions"],$both}),
	'{"operation":"subscribe","id":"13","types":["transactions"]}',
	'{"operation":"subscribe","id":"14","types":["transactions"],"addresses":["EQnot-an-address","x"]}',
	'{"operation":"subscribe","id":"15","types":["trace"]}',
	qq({"operation":"subscribe","id":"16","types":["actions"],$both,"trace_external_hash_norms":["a"]}),
	'{"operation":"subscribe","id":"17","types":["trace"],"trace_external_hash_norms":[" "]}',
	qq({"operation":"subscribe","id":"18","types":["actions"],$both,"min_finality":"safe"}),
	'{"operation":"subscribe","id":"19","types":"transactions"}',
	'{"operation":"unsubscribe","id":"20"}');
is(ask($client, $requests[$_]), $errors[$_], "error: $errors[$_]") for 0 .. $#requests;
is(($simulator->subscriptions)[0]{topics}{types}[0], undef, 'nothing of it took effect');

# Which of two things wrong is told: the order of the checks.
for my $case (
	[ '{"operation":"x","types":5}',                                    'unknown operation: x' ],
	[ '{"operation":"subscribe","types":["x"],"addresses":5}',          'invalid subscribe request: json: cannot unmarshal number into Go struct field SubscribeRequest.addresses of type []string' ],
	[ '{"operation":"subscribe","types":["x"],"addresses":["y"]}',      'invalid event type: x' ],
	[ '{"operation":"subscribe","types":["actions"],"addresses":["y"],"trace_external_hash_norms":[""]}', 'invalid address: y' ],
	[ '{"operation":"subscribe","types":["actions"],"trace_external_hash_norms":["z"]}', 'trace_external_hash_norms requires type "trace"' ],
	[ '{"operation":"subscribe","types":["trace","actions"]}',          'trace_external_hash_norms are required for trace subscription' ])
{
	is(JSON::PP::decode_json(ask($client, $case->[0]))->{error}, $case->[1], "checked first: $case->[1]");
}

my @control = lines('control.jsonl');
is(ask($client, qq({"operation":"subscribe","types":["transactions"],$both,"id":"1"})), $control[0], 'subscribed');
is(ask($client, qq({"Operation":"subscribe","TYPES":["transactions"],$both,"id":null,"more":{}})), $control[1],
	'names in any case, null and unknown members');
is(ask($client, qq({"operation":"unsubscribe",$both,"id":"2"})), $control[2], 'unsubscribed');
is(ask($client, '{"operation":"unsubscribe","addresses":["' . $BOB . '"]}'), $control[3], 'an unknown one, too');
is(ask($client, '{"operation":"ping","id":"ping-42"}'), $control[4], 'pong');
say_to($client, '{"operation":"ping"}', 2);
is(hear($client), $control[5], 'binary frames are read as text');
is($client->{frames}[-1][0], 0x81, 'and answered in text frames');
is(ask($client, '{"operation":"ping","id":"<&>"}'), '{"id":"\u003c\u0026\u003e","status":"pong"}',
	'escaped as Go does it');
say_to($client, 'abc', 9);
barrier($client);
is($client->{10}, 'abc', 'a ping frame is answered');

for my $request (lines('client-requests.jsonl'))
{
	like(ask($client, $request), qr/"status":"(subscribed|unsubscribed|pong)"/, 'recorded request: ' . substr $request, 0, 60);
}

# ---------- sticky settings ----------

my %set = (operation => 'subscribe', types => ['actions'], addresses => [ $ALICE_FRIENDLY, lc $ALICE ]);
ask($client, { %set, min_finality => 'pending', include_address_book => JSON::PP::true,
		action_types => ['jetton_transfer'], supported_action_types => ['v2'] });
ask($client, { %set, addresses => [$BOB], action_types => [] });
my ($now) = $simulator->subscriptions;
is_deeply($now->{topics}, {
		types => ['actions'], addresses => [$BOB], trace_external_hash_norms => [],
		min_finality => 'pending', include_address_book => JSON::PP::true, include_metadata => JSON::PP::false,
		action_types => ['jetton_transfer'], supported_action_types => ['v2'] },
	'lists are replaced, settings stay, an empty filter clears nothing');
ask($client, { %set, types => ['nonsense'] });
is_deeply(($simulator->subscriptions)[0]{topics}, $now->{topics}, 'a refused request changes nothing');
ask($client, \%set);
is_deeply(($simulator->subscriptions)[0]{topics}{addresses}, [$ALICE], 'forms of one address are one');

# ---------- who gets what of a recorded message ----------

my @transactions = lines('transactions.jsonl');
my ($pending, $confirmed, $finalized) = lines('lifecycle-simple.jsonl');
my @both = (addresses => [ $ALICE, $BOB ]);
is(reaches($pending, @both), $pending, 'pending, whole, to the byte');
is(reaches($pending, @both, min_finality => $_), '', "not for one who wants $_") for qw(confirmed finalized);
is(reaches($confirmed, @both, min_finality => 'confirmed'), $confirmed, 'confirmed');
is(reaches($finalized, @both, include_address_book => JSON::PP::true, include_metadata => JSON::PP::true),
	$finalized, 'finalized, with everything');
my $half = JSON::PP::decode_json(reaches($finalized, addresses => [$BOB]));
is_deeply([ map { $_->{account} } @{ $half->{transactions} } ], [$BOB], 'only transactions of the subscribed account');
ok(!exists $half->{address_book}, 'no address book unless asked for');
is(reaches($finalized, addresses => [ '-1:' . '5' x 64 ]), '', 'nothing for others');
is(reaches($finalized, types => ['actions']), '', 'nor for those who want another type');
for my $file (qw(transactions actions account_state_change jettons_change trace))
{
	my $wrong = 0;
	for my $line (lines("$file.jsonl"))
	{
		my $sent = JSON::PP::decode_json($line);
		my @ask = (types => [$file]);
		push @ask, addresses => [ $line =~ /"(-?\d+:[0-9A-F]{64})"/g ];
		push @ask, trace_external_hash_norms => [ $sent->{trace_external_hash_norm} ] if $file eq 'trace';
		$wrong++ if reaches($line, @ask, include_address_book => JSON::PP::true,
			include_metadata => JSON::PP::true) ne $line;
	}
	is($wrong, 0, "every line of $file.jsonl, to the byte");
}
my @actions = lines('actions.jsonl');
my ($jetton) = grep { /"type":"jetton_transfer"/ } @actions;
my @jetton = (types => ['actions'], addresses => [ $jetton =~ /"(0:[0-9A-F]{64})"/g ]);
isnt(reaches($jetton, @jetton, action_types => ['jetton_transfer']), '', 'an action of the type asked for');
is(reaches($jetton, @jetton, action_types => ['nft_transfer']), '', 'and of another');
my ($purchase) = grep { /"type":"nft_purchase"/ } @actions;
my @purchase = (types => ['actions'], addresses => [ $purchase =~ /"(0:[0-9A-F]{64})"/g ]);
is(reaches($purchase, @purchase, supported_action_types => ['v1']) =~ /nft_purchase/, '', 'no type the client does not know');
like(reaches($purchase, @purchase, supported_action_types => [$_]), qr/nft_purchase/, "but with $_") for qw(v3 latest nft.v3 nft_purchase);
my ($trace) = lines('trace.jsonl');
my ($norm) = $trace =~ /"trace_external_hash_norm":"(.*?)"/;
my @trace = (types => ['trace'], addresses => []);
is(reaches($trace, @trace, trace_external_hash_norms => [" $norm "]), $trace, 'a trace, its hash trimmed');
is(reaches($trace, @trace, trace_external_hash_norms => [ $norm =~ tr{+/}{-_}r . 'x' ]), '', 'compared as text');
unlike(reaches($trace, @trace, trace_external_hash_norms => [$norm], action_types => ['nft_mint']),
	qr/"actions"/, 'without its actions, if none is wanted');

# ---------- invalidation ----------

my ($first, $void, @rest) = lines('lifecycle-invalidated.jsonl');
my ($knows, $ignorant) = (client(), client());
subscribe($knows, min_finality => 'pending', addresses => [ $first =~ /"account":"(.*?)"/g ]);
subscribe($ignorant);
$simulator->command("send $first");
is($simulator->command("send $void"), 1, 'an invalidation goes to one connection');
is_deeply([ barrier($knows) ], [ $first, $void ], 'the one that was told of the trace');
is_deeply([ barrier($ignorant) ], [], 'and to no other');
is($simulator->command("send $void"), 0, 'once');
subscribe($knows, min_finality => 'pending', @both);
$simulator->command("send $_") for $pending, $finalized;
is($simulator->command('send ' . $void =~ s/(norm":").*?"/$1JlAMiTCOjbxXFbDHl\/5va9yqq0ffnn8As5NAFZDeyMg="/r), 0,
	'nothing is void that was finalized');

# ---------- synthetic traces ----------

$simulator = start('--set', 'confirm-ms=100', '--set', 'finalize-ms=150');
my @accounts = split / /, $simulator->command('accounts 0 1000');
like($accounts[0], qr/^0:[0-9A-F]{64}$/, 'accounts of the pool have addresses');
$client = subscribe(client(), types => [qw(transactions actions account_state_change)], min_finality => 'pending',
	addresses => \@accounts);
my ($hash, $sender, $recipient) = split / /, $simulator->command('trace');
my @story;
push @story, JSON::PP::decode_json(hear($client)) for 1 .. 10;
is_deeply([ map { "$_->{type} $_->{finality}" } @story ], [
		'transactions pending', 'actions pending',
		map { ("transactions $_", "actions $_", ("account_state_change $_") x 2) } qw(confirmed finalized) ],
	'a trace goes its way');
my ($emulated, $final) = map { $_->{transactions} } @story[ 0, 6 ];
is_deeply([ map { $_->{account} } @$final ], [ $recipient, $sender ], 'highest logical time first');
is_deeply($final, [ map { { %$_, finality => 'finalized' } } @{ $story[2]{transactions} } ],
	'confirmed and finalized tell the same');
isnt($emulated->[$_]{hash}, $final->[$_]{hash}, 'emulated hashes differ from final ones') for 0, 1;
ok($emulated->[0]{emulated} && !$final->[0]{emulated}, 'and say so');
ok(!exists $emulated->[1]{trace_id}, 'no trace_id while the root is emulated');
is($final->[0]{trace_id}, $final->[1]{hash}, 'then it is the hash of the root');
ok(defined $emulated->[0]{in_msg}{message_content}{decoded} && !defined $final->[0]{in_msg}{message_content}{decoded},
	'bodies are decoded only while pending');
is($final->[1]{in_msg}{hash_norm}, $hash, 'the external message is the trace');
is($final->[1]{in_msg}{value}, undef, 'it carries no value');
is($final->[0]{in_msg}{value}, $final->[1]{out_msgs}[0]{value}, 'the money arrives');
my ($recorded) = map { JSON::PP::decode_json($_)->{transactions} } $finalized;
is_deeply([ sort keys %{ $final->[$_] } ], [ sort keys %{ $recorded->[$_] } ], 'the members of recorded ones') for 0, 1;
my $body = decode_base64($final->[1]{in_msg}{message_content}{body});
is(length $body, 13 + 76, 'the body is a bag of one cell');
is(sha256("\0\x98" . substr $body, 13), decode_base64($final->[1]{in_msg}{message_content}{hash}), 'whose hash is true');

subscribe($client, types => ['transactions'], min_finality => 'pending', addresses => \@accounts);
$simulator->command('trace');
is($simulator->command('invalidate'), 1, 'a trace is invalidated');
$simulator->command('comeback');
is_deeply([ map { /"type":"(.*?)"(?:,"finality":"(.*?)")?/; $1 . ' ' . ($2 // '') } map { hear($client) } 1 .. 4 ],
	[ 'transactions pending', 'trace_invalidated ', 'transactions confirmed', 'transactions finalized' ],
	'and comes back');
is($simulator->stats->{topics}{trace_invalidated}, 1, 'counted by type');

$simulator = start('--rate', '5000', '--count', '40', '--to', "toncenter=$ALICE_FRIENDLY", '--to-every', '4');
my $watcher = subscribe(client());
my @hits = map { hear($watcher) } 1 .. 10;
is(scalar(grep { /"account":"\Q$ALICE\E"/ } @hits), 10, 'every fourth transfer goes to the chosen account');
is(scalar(() = join('', @hits) =~ /"finality":"finalized"/g), 20,
	'told when final, once in the envelope and once in the transaction');

$simulator = start('--two-blocks', '--set', 'confirm-ms=40', '--set', 'finalize-ms=40');
$client = subscribe(client(), min_finality => 'pending', addresses => \@accounts, include_address_book => JSON::PP::true);
(undef, $sender, $recipient) = split / /, $simulator->command('trace');
@story = map { JSON::PP::decode_json(hear($client)) } 1 .. 6;
is_deeply([ map { join ' ', $_->{finality}, map { $_->{finality} } @{ $_->{transactions} } } @story ], [
		'pending pending pending', 'pending pending', 'pending pending confirmed', 'confirmed confirmed confirmed',
		'confirmed confirmed finalized', 'finalized finalized finalized' ],
	'a trace in two blocks: emulated ones alone, and snapshots');
is($story[1]{transactions}[0]{account}, $recipient, 'the second transaction is emulated longer');
is($story[1]{transactions}[0]{trace_id}, $story[2]{transactions}[1]{hash}, 'when its root is real');
is_deeply([ sort keys %{ $story[5]{address_book} } ], [ sort $sender, $recipient ], 'an address book');
my %one = (operation => 'subscribe', types => ['actions']);
ask($client, { %one, addresses => [ $story[5]{address_book}{$sender}{user_friendly} ] });
is_deeply(($simulator->subscriptions)[0]{topics}{addresses}, [$sender], 'with user-friendly forms of the accounts');

# ---------- REST ----------

$simulator = start('--set', 'confirm-ms=0', '--set', 'finalize-ms=0');
@accounts = split / /, $simulator->command('accounts 0 1000');
$client = subscribe(client(), addresses => \@accounts);
my @traces = map { [ split / /, $simulator->command('trace') ] } 1 .. 30;
my @streamed = map { @{ JSON::PP::decode_json(hear($client))->{transactions} } } @traces;
sub rest
{
	my ($path, @arguments) = @_;
	my $query = join '&', map { s{[+/]}{sprintf '%%%02X', ord $&}ger } @arguments;
	my ($status, undef, $body) = ask_http($simulator, 'toncenter', request('GET', "/api/v3/$path?$query"));
	return ($status, JSON::PP::decode_json($body));
}
my @all = @{ (rest('transactions', 'limit=1000', 'sort=asc'))[1]{transactions} };
is_deeply([ map { $_->{hash} } @all ], [ map { $_->{hash} } sort { $a->{lt} <=> $b->{lt} } @streamed ],
	'REST knows what was streamed');
my ($sample) = map { JSON::PP::decode_json($_)->{transactions}[0] } lines('rest-v3-transactions.jsonl');
my ($wallet) = grep { !defined $_->{in_msg}{source} } @all;
is_deeply([ sort keys %{ $wallet->{$_} } ], [ sort keys %{ $sample->{$_} } ], "the members of a recorded $_")
  for qw(description in_msg account_state_after);
my $one = $traces[0][1];
my @of_one = grep { $_->{account} eq $one } @all;
is_deeply([ map { $_->{hash} } @{ (rest('transactions', "account=$one", 'sort=desc'))[1]{transactions} } ],
	[ map { $_->{hash} } reverse @of_one ], 'of one account, newest first');
is((rest('transactions', "start_lt=$all[3]{lt}", "end_lt=$all[5]{lt}", 'sort=asc', 'offset=1'))[1]{transactions}[0]{hash},
	$all[4]{hash}, 'bounds are inclusive');
is(scalar @{ (rest('transactions'))[1]{transactions} }, 10, 'ten, unless told');
my ($by_message) = (rest('transactionsByMessage', "msg_hash=$traces[5][0]"))[1]{transactions};
is_deeply([ map { $_->{account} } @$by_message ], [ $traces[5][1] ], 'by the hash of a message');
is((rest('transactions', "hash=$all[7]{hash}"))[1]{transactions}[0]{lt}, $all[7]{lt}, 'by hash');
cmp_ok((rest('masterchainInfo'))[1]{last}{seqno}, '>=', $all[-1]{mc_block_seqno}, 'the last block');
my @rest_errors = map { JSON::PP::decode_json($_) } lines('rest-v3-errors.jsonl');
is_deeply([ rest('transactions', 'limit=5000') ], [ 422, $rest_errors[0]{body} ], 'too much');
is_deeply([ rest('transactions', 'sort=up') ], [ 422, $rest_errors[1]{body} ], 'no such order');
$simulator->command('rest 429 1');
is_deeply([ rest('transactions') ], [ 429, $rest_errors[6]{body} ], 'too often');
$simulator->command('set rest-lag-ms 60000');
is_deeply([ rest('transactions') ], [ 200, { transactions => [], address_book => {} } ], 'REST lags behind, on demand');

# ---------- event streams ----------

$simulator = start('--set', 'keepalive-ms=200', '--set', 'confirm-ms=0', '--set', 'finalize-ms=0');
my $stream = stream({ id => 'x', types => ['transactions'], addresses => \@accounts });
like($stream->{header}, qr{^HTTP/1\.1 200 OK\r\n}, 'a stream');
like($stream->{header}, qr/^\Q$_\E\r$/m, $_)
  for 'Content-Type: text/event-stream', 'Cache-Control: no-cache', 'Connection: keep-alive';
is(hear_event($stream), qq(event: connected\ndata: {"id":"x","status":"subscribed"}\n\n), 'connected, to the byte');
$simulator->command('trace');
like(hear_event($stream), qr/^event: event\ndata: \{"type":"transactions","finality":"finalized",.*\}\n\n$/, 'an event, to the byte');
is(hear_event($stream), ": keepalive\n\n", 'a keep-alive, to the byte');
is(scalar @{ $stream->{chunks} }, 3, 'each in a chunk of its own');
$simulator->command('heartbeat off');
hear_event($stream, 0.3);
is(hear_event($stream, 0.5), undef, 'no keep-alives, on command');

my @http = lines('errors-http.jsonl');
my $answer_of = sub {
	my ($wrapped) = @_;
	my $case = JSON::PP::decode_json($wrapped);
	my $text = ref $case->{body} ? $wrapped =~ s/^.*?"body":(.*)\}$/$1/r : $case->{body};
	return ($case->{_http}{status}, $case->{_http}{content_type}, $text);
};
my @one = (types => ['transactions'], addresses => [$ALICE]);
my @bodies = (
	{}, { id => 's1', types => ['actions'] }, { id => 's2', types => ['trace'] },
	{ id => 's3', types => ['actions'], addresses => ['hello'] },
	undef,
	{ id => 's4', types => ['actions'], addresses => [ @accounts[ 0 .. 10 ] ] },
	{ id => 's5', @one });
my @held = map { stream({@one}, 'X-Limiting-Key: k') } 1 .. 2;
for my $i (0 .. $#bodies)
{
	my ($status, $type, $text) = $answer_of->($http[$i]);
	my @headers = ('X-Limiting-Key: k', 'X-Max-Parallel-Connections: 2', 'X-Max-Subscribed-Addr: 10');
	push @headers, 'Content-Type: application/json' if defined $bodies[$i];
	my ($got, $head, $body) = ask_http($simulator, 'toncenter',
		request('POST', $SSE, $JSON->encode($bodies[$i] // {}), @headers));
	is("$got $body", "$status $text", "refused: $text");
	like($head, qr/^Content-Type: \Q$type\E\r?$/m, "as $type");
}
for my $case ([ 7, 'GET', $SSE ], [ 8, 'GET', $WS ])
{
	my ($i, $method, $path) = @$case;
	my ($status, undef, $text) = $answer_of->($http[$i]);
	my ($got, undef, $body) = ask_http($simulator, 'toncenter', request($method, $path));
	is("$got $body", "$status $text", "refused: $text");
}
is((ask_http($simulator, 'toncenter', request('GET', '/api/streaming/healthz')))[0], 200, 'healthy');
is((ask_http($simulator, 'toncenter', request('GET', '/elsewhere')))[0], 404, 'nothing elsewhere');
like(connect_to($simulator, 'toncenter', '/elsewhere'), qr{^HTTP/1.1 404 }, 'no upgrade either');
ok(ref connect_to($simulator, 'toncenter', '/streaming/v2/ws'), "TonAPI's path");

# Faults of a stream.
$simulator->command('heartbeat on');
for my $case (
	[ 'raw not JSON', qr/^event: event\ndata: not JSON\n\n$/ ],
	[ 'rawhex ff00', qr/^event: event\ndata: \xff\0\n\n$/ ],
	[ 'stream 3a0d0a0a0a', qr/^:\r\n\n$/ ],
	[ 'truncate 50', qr/^event: event\ndata: .{50}\n\n$/ ],
	[ 'huge 60000', qr/^event: event\ndata: (?=.{60000}\n\n$)\{"type":"trans.*\}\n\n$/ ],
	[ 'deep 1000', qr/^event: event\ndata: \[{1000}\]{1000}\n\n$/ ],
	[ 'badutf8', qr/\xC3\x28\xFF\xFE/ ])
{
	my ($command, $expected) = @$case;
	$stream = stream({@one});
	hear_event($stream);
	$simulator->command($command);
	my $event;
	do { $event = hear_event($stream) } while $event =~ /^: keep/;
	like($event, $expected, "stream: $command");
}
my %end = ('drop' => qr/reset/, 'drop fin' => qr/closed/, 'close 1000' => qr/closed/, 'end' => qr/closed/);
for my $fault (sort keys %end)
{
	$stream = stream({@one});
	hear_event($stream);
	$simulator->command($fault);
	fill($stream, sub { 0 }, 10);
	like($stream->{end}, $end{$fault}, "a stream after '$fault'");
	is($stream->{whole}, $fault =~ /close/ ? 1 : undef, 'ends with a last chunk, or without');
}
$stream = stream({@one});
hear_event($stream);
$simulator->command('stall 400');
is(hear_event($stream, 0.25), undef, 'stalled');
is(hear_event($stream), ": keepalive\n\n", 'and resumed');
$simulator->command('halfopen');
fill($stream, sub { 0 }, 0.1);
$stream->{stream} = '';
is(hear_event($stream, 0.3), undef, 'half open');
$simulator->command('status 429 7');
like(stream({@one}), qr/^HTTP\/1\.1 429 .*^Retry-After: 7\r\n.*"result":"Ratelimit exceed"/ms, 'refused by the gateway');
$simulator->command('status 0');

# ---------- keys, limits, queues ----------

@held = map { stream({@one}, 'X-Limiting-Key: k') } 1 .. 2;
my $refused = client(headers => [ 'X-Limiting-Key: k', 'X-Max-Parallel-Connections: 2' ]);
is(ref $refused, 'HASH', 'one connection too many is accepted');
is(hear($refused), '{"error":"connection limit reached: 2 active connections"}', 'told why');
fill($refused, sub { 0 }, 5);
is($refused->{end} . (exists $refused->{8} ? ' frame' : ''), 'closed', 'and dropped without a close frame');
$client = client(headers => ['X-Max-Subscribed-Addr: 1000']);
is(ask($client, { operation => 'subscribe', id => '21', types => ['actions'], addresses => [ @accounts, $ALICE ] }),
	$errors[16], 'too many addresses');

$simulator->command('key good 1 0');
$simulator->command('key testnet forbidden');
$simulator->command('set linger-ms 60000');
my ($unknown, $forbidden) = map { ($answer_of->($_))[2] } @http[ 9, 10 ];
is((ask_http($simulator, 'toncenter', request('GET', $WS, undef, 'X-API-Key: bad')))[2], $unknown, 'an unknown key');
is((ask_http($simulator, 'toncenter', request('GET', "$WS?api_key=testnet")))[2], $forbidden, 'a key of the other network');
for my $way ([ "$WS?api_key=good" ], [ $WS, 'X-API-Key: good' ], [ '/streaming/v2/ws', 'Authorization: Bearer good' ],
	['/streaming/v2/ws?token=good'])
{
	my ($path, @headers) = @$way;
	$simulator->command('set linger-ms 0');
	my $good = connect_to($simulator, 'toncenter', $path, headers => \@headers);
	is(ask($good, '{"operation":"ping"}'), '{"status":"pong"}', "a key: @$way");
	$simulator->command('set linger-ms 60000') if $way->[0] =~ /token/;
	my $before = $simulator->command('clients');
	close $good->{socket};
	$simulator->wait_for(sub { $simulator->command('clients') < $before });
}
like(stream({@one}, 'X-API-Key: good'), qr/ 429 .*connection limit reached: 1 active connections/s,
	'a connection that is gone still counts');

$simulator = start('--set', 'confirm-ms=0', '--set', 'finalize-ms=0', '--require-token', 'secret');
like(client(), qr{^HTTP/1\.1 401 }, 'a token is required');
$client = connect_to($simulator, 'toncenter', "$WS?api_key=secret");
subscribe($client, types => ['transactions'], addresses => \@accounts);
$simulator->command('stall 500');
$simulator->command('trace') for 1 .. 70;
say_to($client, '{"operation":"ping"}');
is(hear($client), '{"status":"pong"}', 'a reply overtakes the queue');
is(scalar(my @queued = hear_all($client)), 64, 'which holds 64');
is($simulator->stats->{dropped}, 6, 'the others are lost without a word');

$simulator = start('--accept-invalidated', '--first-before-reply', '--set', 'confirm-ms=0', '--set', 'finalize-ms=0',
	'--set', 'idle-ms=300', '--set', 'drop-every=2');
$client = client();
say_to($client, $JSON->encode({ operation => 'subscribe', types => [ 'transactions', 'trace_invalidated' ],
			addresses => \@accounts }));
like(hear($client), qr/^\{"type":"transactions"/, 'a notification before its subscription');
like(hear($client), qr/"status":"subscribed"/, 'trace_invalidated is taken, on demand');
$simulator->command('trace') for 1 .. 4;
is(scalar(grep { /transactions/ } barrier($client)), 2, 'every second notification is lost, on demand');
fill($client, sub { 0 }, 5);
is($client->{end} . (exists $client->{8} ? ' frame' : ''), 'closed', 'an idle connection ends, on demand');

done_testing();
