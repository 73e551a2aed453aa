#!/usr/bin/env perl
#
# Does the simulator speak as a Flow access node does, to the byte?
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Simulator;
use SimulatorClient qw(connect_to say_to hear hear_all fill get ask_http);
use Test::More;
use Time::HiRes qw(time);

my $SAMPLES = "$FindBin::RealBin/../samples/flow";
my $JSON = JSON::PP->new->canonical;
my $ID = 'df1966630511e09b0835d26440dab760c9e98cc957fbda5abc80e72a90d3d541';

sub lines
{
	my ($name) = @_;
	open my $file, '<:raw', "$SAMPLES/$name.jsonl" or die "$name: $!";
	return <$file>;
}

sub start { return Simulator->new(args => [ '--listen', 'flow=0', @_ ]) }
sub client_of { return connect_to($_[0], 'flow', '/v1/ws', @_[ 1 .. $#_ ]) }

# Ask to subscribe.
sub subscribe
{
	my ($client, $id, $topic, $arguments) = @_;
	say_to($client, $JSON->encode({
			action => 'subscribe', topic => $topic,
			defined $id        ? (subscription_id => $id)     : (),
			defined $arguments ? (arguments       => $arguments) : () }));
	return hear($client);
}

# The answer to a request, whatever else comes.
sub ask
{
	my ($client, $text) = @_;
	say_to($client, $text);
	return hear($client);
}

sub payloads { return map { JSON::PP::decode_json($_)->{payload} } @_ }

# ---------- handshake ----------

my $simulator = start();
my $client = client_of($simulator);
is($client->{header} =~ s/^Sec-WebSocket-Accept:.*\r\n//mr,
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n",
	'three headers');
like(connect_to($simulator, 'flow', '/ws'), qr{^HTTP/1.1 404 }, 'another path');
my ($status, undef, $body) = ask_http($simulator, 'flow', "GET /v1/ws HTTP/1.1\r\nHost: node\r\n\r\n");
is($status, 400, 'no upgrade');
like($body, qr/^Bad Request\n\{/, 'with a stray JSON object');
($status) = ask_http($simulator, 'flow', "POST /v1/ws HTTP/1.1\r\nHost: node\r\nContent-Length: 0\r\n\r\n");
is($status, 405, 'no GET');

# ---------- errors, word for word ----------

# Requests that cause the samples' errors, in their order.
my %tx = (
	script => 'eA==', reference_block_id => '0' x 64, gas_limit => '1000', payer => 'e4db9c640c6e50ba',
	proposal_key => { address => 'e4db9c640c6e50ba', key_index => '0', sequence_number => '0' },
	authorizers => [], payload_signatures => [], arguments => [],
	envelope_signatures => [ { address => 'e4db9c640c6e50ba', key_index => '0', signature => 'eA==' } ]);
my %sealed = (block_status => 'sealed');
my ($wide) = 'A.7e60df042a9c0868.FlowToken.TokensDeposited';
my @cases = (
	'not json', '', undef, '"text"', '{"action":"subscribe","subscription_id":5}',
	'{"action":"subscribe","topic":"blocks","arguments":[]}', '{"action":"subscribe_all"}', '{}',
	[ 'some-id-42', 'blocks', \%sealed ],
	[ 'fa770c92-a1f1-4375-9a7b-e13d9aac0786', 'blocks', \%sealed ],
	'{"action":"unsubscribe"}', '{"action":"unsubscribe","subscription_id":"some-id-42"}',
	[ 'sub-21', 'blocks', \%sealed ], [ 'sub-1', 'blocks', \%sealed ],
	[ 'q1', 'block' ], [ 'q2', 'blocks' ],
	[ 'q3', 'blocks', { block_status => 'executed' } ], [ 'q4', 'blocks', { block_status => 5 } ],
	[ 'q5', 'blocks', { block_status => '' } ],
	[ 'q6', 'blocks', { %sealed, start_block_id => '', start_block_height => '1' } ],
	[ 'q7', 'blocks', { %sealed, start_block_height => 163000000 } ],
	[ 'q8', 'blocks', { %sealed, start_block_height => 'latest' } ],
	[ 'q9', 'blocks', { %sealed, start_block_height => '18446744073709551616' } ],
	[ 'q10', 'blocks', { %sealed, start_block_id => '0xabc' } ],
	[ 'q11', 'blocks', { %sealed, event_types => [] } ],
	[ 'q12', 'events', { heartbeat_interval => 5 } ], [ 'q13', 'events', { heartbeat_interval => '-5' } ],
	[ 'q14', 'events', { event_types => 'a,b' } ], [ 'q15', 'events', { addresses => [5] } ],
	[ 'q16', 'events', { event_types => ['FlowToken.TokensDeposited'] } ],
	[ 'q17', 'events', { event_types => [$wide] } ],
	[ 'q18', 'events', { addresses => ['0x1'] } ], [ 'q19', 'events', { contracts => ['FlowToken'] } ],
	[ 'q20', 'account_statuses', { event_types => ['A.1654653399040a61.FlowToken.TokensDeposited'] } ],
	[ 'q21', 'account_statuses', { event_types => ['A.1654653399040a61.FlowToken.TokensDeposited'],
			account_addresses => ['0xe4db9c640c6e50ba'] } ],
	[ 'q22', 'account_statuses', { account_addresses => [ ('0xe4db9c640c6e50ba') x 101 ] } ],
	[ 'q23', 'account_statuses', { addresses => [] } ],
	[ 'q24', 'transaction_statuses' ], [ 'q25', 'transaction_statuses', { tx_id => '' } ],
	[ 'q26', 'transaction_statuses', { tx_id => 'abc' } ],
	[ 'q27', 'send_and_get_transaction_statuses', { %tx, proposal_key => undef } ],
	[ 'q28', 'send_and_get_transaction_statuses', { %tx, tx_id => 'x' } ],
	[ 'q29', 'send_and_get_transaction_statuses', { %tx, payer => '7e60df042a9c0868' } ],
	[ 'q30', 'events' ]);
my @errors = lines('errors');
my %before = (
	9  => sub { subscribe($_[0], 'some-id-42', 'blocks', \%sealed); hear($_[0]) },
	13 => sub { $simulator->command('set subscriptions 0') },
	14 => sub { $simulator->command($_) for 'set subscriptions 20', 'set streams 0' },
	15 => sub { $simulator->command('set streams 1000') },
	45 => sub { $simulator->command('switch no-events on') });
$before{44} = $before{45};
for my $number (1 .. @cases)
{
	my $case = $cases[ $number - 1 ] // next;
	my $asker = client_of($simulator);
	$before{$number}->($asker) if $before{$number};
	my $answer = ref $case ? subscribe($asker, @$case) : ask($asker, $case);
	is($answer, $errors[ $number - 1 ], "error $number");
}
$simulator->command('switch no-events off');

# Errors that follow the answer; those of old servers are left out.
$simulator->command('set lowest-indexed 150000000');
my @late = (
	[ 45, 'r1', 'blocks', { %sealed, start_block_height => '100' } ],
	[ 46, 'r2', 'blocks', { %sealed, start_block_height => '999999999' } ],
	[ 47, 'r3', 'blocks', { %sealed, start_block_id => '2c95e82c364e708164355611e46f5fe5eb5d88c293479dd86c08b69ac5747581' } ],
	[ 50, 'r6', 'events', { start_block_height => '137390147' } ]);
for (@late)
{
	my ($number, @case) = @$_;
	my $asker = client_of($simulator);
	is(subscribe($asker, @case), qq({"subscription_id":"$case[0]","action":"subscribe"}\n), "error $number: OK first");
	is(hear($asker), $errors[ $number - 1 ], 'then the error');
	is(ask($asker, '{"action":"list_subscriptions"}'), (lines('control'))[4], 'and the subscription is gone');
}
$simulator->command($_) for 'set index-lag 40';
my $asker = client_of($simulator);
subscribe($asker, 'x', 'account_statuses');
is(hear($asker), $errors[52] =~ s/r9/x/r =~ s/163000031/162999997/r =~ s/163000000/162999957/r,
	'a lagging index: not even the latest');
subscribe($asker, 'y', 'events', { start_block_height => '163000000' });
like(hear($asker), qr/code = InvalidArgument desc = could not get start height from block height: start height 163000000 is higher than highest indexed height 162999957 \(maxIndexBlockDiff: 30\)/, 'too far above the index');
$simulator->command($_) for 'set index-lag 0', 'set lowest-indexed 0';

# ---------- answers ----------

$client = client_of($simulator);
is(subscribe($client, 'ev-all', 'events'), qq({"subscription_id":"ev-all","action":"subscribe"}\n), 'OK');
hear($client);
is(ask($client, '{"ACTION":"list_subscriptions","more":[1]} trailing'), (lines('control'))[6],
	'keys of any case, more of them, and what follows');
like(subscribe($client, undef, 'block_digests', { block_status => 'finalized' }),
	qr/^\{"subscription_id":"[A-Za-z0-9_-]{20}","action":"subscribe"\}\n$/, 'an id of the server');
hear_all($client);
subscribe($client, 'x<&>', 'block_digests', { %sealed, start_block_height => '163000000' });
like(ask($client, '{"action":"list_subscriptions"}'),
	qr/"subscription_id":"x\\u003c\\u0026\\u003e","topic":"block_digests","arguments":\{"block_status":"sealed","start_block_height":"163000000"\}/,
	'escaped, and sorted');
is(ask($client, '{"subscription_id":"ev-all","action":"unsubscribe"}'),
	qq({"subscription_id":"ev-all","action":"unsubscribe"}\n), 'unsubscribe');

# ---------- streams ----------

$client = client_of($simulator);
subscribe($client, 'b', 'blocks', { block_status => 'finalized', start_block_height => '162999990' });
my @all = hear_all($client);
is(scalar @all, 11, 'from a height on, inclusive, up to the finalized head');
$simulator->command('blocks 30');
push @all, hear_all($client);
my @blocks = payloads(@all);
is_deeply([ map { $_->{header}{parent_id} } @blocks[ 1 .. $#blocks ] ],
	[ map { $_->{header}{id} } @blocks[ 0 .. $#blocks - 1 ] ], 'a chain');
is(join('', grep { !/\n\z/ || /\n./ } @all), '', 'each message ends with a line feed');
like($all[0], qr/^\{"subscription_id":"b","topic":"blocks","payload":\{"header":\{"id":"[0-9a-f]{64}","parent_id":"[0-9a-f]{64}","height":"162999990","timestamp":"[^"]+Z","parent_voter_signature":"[^"]+"\},"payload":\{"collection_guarantees":\[.*\],"block_seals":\[.*\]\},"_expandable":\{\},"_links":\{"_self":"\/v1\/blocks\/[0-9a-f]{64}"\},"block_status":"BLOCK_FINALIZED"\}\}\n$/,
	'keys in order');
ok((grep { /"collection_guarantees":\[\],"block_seals":\[\]/ } @all) > 5, 'empty blocks');
ok(!(grep { /timestamp":"[^"]*0Z"/ && !/:\d\dZ/ } @all), 'no trailing zeros in times');
my $again = client_of($simulator);
subscribe($again, 'b', 'blocks', { block_status => 'finalized', start_block_id => $blocks[3]{header}{id} });
is_deeply([ hear_all($again) ], [ @all[ 3 .. $#all ] ], 'a resumed subscription gets the same');

# Frames, by size.
my %frames = (one => 0, several => 0, long => 0);
@{ $again->{frames} } = ();
subscribe($again, 'ev', 'events', { start_block_height => '162999900' });
my @events = hear_all($again, 0.5);
my @frames = map { [@$_] } grep { ($_->[0] & 15) < 8 } @{ $again->{frames} };
shift @frames;
my $wrong = 0;
for my $length (map { length } @events)
{
	my @expected = $length <= 4082 ? [ 0x81, $length ]
	  : $length > 8192 ? ([ 1, $length ], [ 0x80, 0 ])
	  : ([ 1, 4082 ], [ 0x80, $length - 4082 ]);
	@expected = ([ 1, 4082 ], [ 0, 4082 ], [ 0x80, $length - 8164 ]) if $length > 8164 && $length <= 8192;
	$frames{ $length <= 4082 ? 'one' : $length > 8192 ? 'long' : 'several' }++;
	my @got = splice @frames, 0, scalar @expected;
	$wrong++ if $JSON->encode(\@got) ne $JSON->encode(\@expected);
}
is($wrong, 0, 'frames are cut by size');
ok($frames{one} && $frames{several}, 'short and middling messages came');
$again = client_of($simulator);
subscribe($again, 'b', 'blocks', { %sealed, start_block_height => '162999984' });
my ($large) = hear($again);
cmp_ok(length $large, '>', 8192, 'a large block');
is_deeply([ (grep { $_->[1] == length $large || $_->[1] == 0 } @{ $again->{frames} })[ 0, 1 ] ],
	[ [ 1, length $large ], [ 0x80, 0 ] ], 'ends with an empty frame');

# Events: heartbeats, filters, what is in them.
is_deeply([ map { $_->{message_index} } payloads(@events) ], [ 0 .. $#events ], 'message_index');
ok((grep { /"block_timestamp":"[^"]+","message_index":\d+\}\}\n$/ } @events) > 20,
	'heartbeats have no events');
my @transfers = map { @{ $_->{events} // [] } } payloads(@events);
my %types = map { $_->{type} => 1 } @transfers;
ok($types{'A.f233dcee88fe0abe.FungibleToken.Deposited'} && $types{'A.f919ee77447b7497.FlowFees.FeesDeducted'},
	'the contracts of mainnet');
my ($deposited) = grep { $_->{type} =~ /FungibleToken.Deposited/ } @transfers;
like(decode_base64($deposited->{payload}),
	qr/^\{"value":\{"id":"A\.f233dcee88fe0abe\.FungibleToken\.Deposited","fields":\[\{"value":\{"value":"A\.1654653399040a61\.FlowToken\.Vault","type":"String"\},"name":"type"\},\{"value":\{"value":"\d+\.\d{8}","type":"UFix64"\},"name":"amount"\},\{"value":\{"value":\{"value":"0x[0-9a-f]{16}","type":"Address"\},"type":"Optional"\},"name":"to"\},\{"value":\{"value":"\d+","type":"UInt64"\},"name":"toUUID"\},\{"value":\{"value":"\d+","type":"UInt64"\},"name":"depositedUUID"\},\{"value":\{"value":"\d+\.\d{8}","type":"UFix64"\},"name":"balanceAfter"\}\]\},"type":"Event"\}\n$/,
	'a deposit to the byte');
for my $case (
	[ { event_types => ['A.f233dcee88fe0abe.FungibleToken.Deposited'] }, qr/^A\.f233dcee88fe0abe\.FungibleToken\.Deposited$/ ],
	[ { contracts => ['A.1654653399040a61.FlowToken'] }, qr/^A\.1654653399040a61\.FlowToken\./ ],
	[ { contracts => ['flow'] }, qr/^flow\./ ],
	[ { addresses => ['0xF919EE77447B7497'], event_types => ['flow.AccountCreated'] }, qr/FlowFees|AccountCreated/ ])
{
	my ($filter, $expected) = @$case;
	my $filtered = client_of($simulator);
	subscribe($filtered, 'f', 'events', { %$filter, start_block_height => '162999900', heartbeat_interval => '1000' });
	my @got = map { @{ $_->{events} // [] } } payloads(hear_all($filtered));
	is_deeply(\@got, [ grep { $_->{type} =~ $expected } @transfers ], 'filter: ' . $JSON->encode($filter));
}
$again = client_of($simulator);
subscribe($again, 'hb', 'events', { event_types => ['flow.AccountContractAdded'], heartbeat_interval => '10', start_block_height => '162999900' });
is_deeply([ map { $_->{block_height} } (payloads(hear_all($again)))[ 0 .. 2 ] ], [ 162999909, 162999919, 162999929 ],
	'heartbeats every ten blocks');
subscribe($again, 'as', 'account_statuses', { start_block_height => '162999900' });
my @accounts = payloads(hear_all($again));
ok((grep { !%{ $_->{account_events} } } @accounts), 'account heartbeats are empty objects');
my ($inbox) = grep { keys %$_ == 2 } map { $_->{account_events} } @accounts;
my ($one, $two) = sort keys %$inbox;
is_deeply($inbox->{$one}, $inbox->{$two}, 'an inbox event is under both parties');
subscribe($again, 'one', 'account_statuses', { start_block_height => '162999900', account_addresses => [$two], heartbeat_interval => '10000' });
ok((grep { exists $_->{account_events}{$one} } payloads(hear_all($again))),
	'even under one that was not asked for');

$simulator->command('set responses 20');
$again = client_of($simulator);
subscribe($again, 'slow', 'block_digests', { block_status => 'finalized', start_block_height => '162999000' });
my $slowly = time;
hear($again) for 1 .. 20;
cmp_ok(time - $slowly, '>', 0.8, 'responses can be limited');
$simulator->command('set responses 0');
is((payloads(hear($again)))[0]{height}, '162999020', 'and none is left out');

# ---------- transactions ----------

my ($ok) = map { $_->{transaction_id} } grep { $_->{type} =~ /Deposited/ && $_->{event_index} eq '3' } @transfers;
$again = client_of($simulator);
subscribe($again, 't', 'transaction_statuses', { tx_id => $ok });
my @steps = map { $_->{transaction_result} } payloads(hear_all($again));
is_deeply([ map { "$_->{status} $_->{execution} $_->{status_code} " . (@{ $_->{events} } > 0) . ' ' . length $_->{block_id} } @steps ],
	[ 'Pending Pending 0  0', 'Finalized Pending 0  64', 'Executed Pending 0 1 64', 'Sealed Success 0 1 64' ],
	'a sealed transaction: four steps at once');
is($steps[0]{_links}{_self}, "/v1/transaction_results/$ok", 'the id is in the link');
$simulator->command('blocks 1');
is(ask($again, '{"subscription_id":"t","action":"unsubscribe"}'), $errors[11] =~ s/some-id-42/t/r,
	'at the next block the subscription is gone without a word');
my %events_of;
$events_of{ $_->{transaction_id} }++ for @transfers;
my ($failed) = grep { $events_of{$_} == 5 } sort keys %events_of;
subscribe($again, 'f', 'transaction_statuses', { tx_id => $failed });
my @lines = hear_all($again);
like($lines[2], qr/"execution":"Failure","status":"Executed","status_code":1,"error_message":".*not enough \\"FLOW\\" \\u0026 \\u003ctokens\\u003e\\n --\\u003e /,
	'a failed one, with escapes');
is(scalar @lines, 4, 'sealed all the same');
subscribe($again, 'u', 'transaction_statuses', { tx_id => 'ab' x 32 });
ok(!defined hear($again, 0.2), 'an unknown one: nothing');
$simulator->command($_) for 'set expiry 5', 'blocks 5';
is((payloads(hear($again)))[0]{transaction_result}{status}, 'Expired', 'until it is expired');
subscribe($again, 's', 'send_and_get_transaction_statuses', \%tx);
like(hear($again), qr/"topic":"send_and_get_transaction_statuses".*"status":"Pending"/, 'a sent one');
$simulator->command('blocks 6');
is_deeply([ map { $_->{transaction_result}{status} } payloads(hear_all($again)) ], [qw(Finalized Executed Sealed)],
	'goes through its steps');
subscribe($again, 'r8', 'send_and_get_transaction_statuses', { %tx, reference_block_id => $blocks[0]{header}{id} });
like(hear($again), qr/"code":500,"message":"internal error: subscription finished with error: rpc error: code = InvalidArgument desc = failed to send transaction: invalid transaction: transaction is expired: ref_height=162999990 final_height=/,
	'one that is too old is refused');

# ---------- recorded messages ----------

$again = client_of($simulator);
subscribe($again, 'some-id', 'block_headers', \%sealed);
subscribe($again, 'ev-ft', 'events');
hear_all($again);
my ($header) = lines('block_headers');
chomp $header;
is($simulator->command("send $header"), 1, 'a recorded header');
is(hear($again), "$header\n" =~ s/"subscription_id":"[^"]*"/"subscription_id":"some-id"/r, 'to the byte');
my ($recorded) = (lines('events'))[3];
chomp $recorded;
$simulator->command("send $recorded");
my $got = hear($again);
is($got =~ s/"message_index":\d+//r, "$recorded\n" =~ s/"message_index":\d+//r, 'recorded events');

# ---------- the end of subscriptions ----------

is($simulator->command('fail ev-ft context deadline exceeded'), 1, 'a late error');
is(hear($again), $errors[50] =~ s/r7/ev-ft/r, 'as the server says it');
$simulator->command('set tail 3');
is(ask($again, '{"subscription_id":"some-id","action":"unsubscribe"}'),
	qq({"subscription_id":"some-id","action":"unsubscribe"}\n), 'unsubscribe');
$simulator->command('blocks 8');
is(scalar(hear_all($again)), 3, 'what was queued still comes');
$simulator->command('set tail 0');
$simulator->command('stray unasked');
$simulator->command('blocks 1');
is(scalar(grep { /^\{"subscription_id":"unasked","topic":"block_digests"/ } hear_all($again)), 1, 'one that nobody asked for');
cmp_ok($simulator->command('forget unasked'), '>', 0, 'and one that is lost');
$simulator->command('blocks 1');
is(scalar(grep { /unasked/ } hear_all($again)), 0, 'without a word');
subscribe($again, 'l', 'events');
hear_all($again);
$simulator->command($_) for 'lose 1', 'blocks 2';
is((payloads(hear_all($again)))[-1]{message_index}, 2, 'a lost message leaves a hole');

# ---------- pings ----------

$simulator = start('--set', 'ping-ms=200', '--set', 'pong-ms=1200');
$client = client_of($simulator);
subscribe($client, 'c', 'block_digests', { block_status => 'finalized' });
ok(!(grep { /timeout/ } hear_all($client, 2.5)), 'who pongs lives on');
cmp_ok($client->{pings}, '>=', 3, 'pings come');
is($client->{9}, '', 'empty ones');
say_to($client, pack('n', 1000), 8);
fill($client, sub { exists $client->{8} && $client->{end} }, 5);
is($client->{8}, pack('n', 1000), 'a close frame is answered');

my @burst;
my $quiet = client_of($simulator, silent => 1);
subscribe($quiet, 'q', 'block_digests', { block_status => 'finalized' });
for (1 .. 5)
{
	say_to($quiet, '', 10);
	ok(!(grep { /timeout/ } hear_all($quiet, 0.4)), 'pongs that nobody asked for are enough');
}
for (1 .. 20)
{
	say_to($quiet, '{"action":"list_subscriptions"}');
	last if grep { /timeout/ } (@burst = (@burst, hear_all($quiet, 0.3)));
}
@burst = grep { /i\/o timeout/ } @burst, hear_all($quiet);
is(scalar @burst, 999, 'without a pong, whatever else it says: 999 errors');
like($burst[0], qr/^\{"subscription_id":"","error":\{"code":400,"message":"error reading message: read tcp [^ ]+-\\u003e[^ ]+: i\/o timeout"\},"action":""\}\n$/,
	'with escapes');
$simulator->command('blocks 1');
like(hear($quiet), qr/"block_digests"/, 'then it still sends');
say_to($quiet, '{"action":"list_subscriptions"}');
say_to($quiet, pack('n', 1000), 8);
ok(!defined hear($quiet, 0.5) && !exists $quiet->{8}, 'but does not hear');

$simulator = start('--set', 'inactive-ms=300', '--set', 'check-ms=100', '--set', 'ping-ms=200', '--set', 'pong-ms=1200');
$client = client_of($simulator);
my $begun = time;
fill($client, sub { 0 }, 5);
ok($client->{end} && !exists $client->{8}, 'inactive: the end, without a close frame');
cmp_ok(time - $begun, '<', 4, 'when the deadline passes');
$client = client_of($simulator);
subscribe($client, 'c', 'block_digests', { block_status => 'finalized' });
fill($client, sub { 0 }, 2);
ok(!$client->{end}, 'with a subscription it is not inactive');
$simulator->signal('TERM');
fill($client, sub { 0 }, 5);
ok($client->{end} && !exists $client->{8}, 'shutdown: no close frame');

# ---------- REST ----------

$simulator = start('--set', 'per-block=2', '--to', '0x0b2a3299cc857e29', '--to-every', 2);
is((ask_http($simulator, 'flow', "GET /v1/network/parameters HTTP/1.1\r\nHost: node\r\n\r\n"))[2],
	qq({\n\t"chain_id": "flow-mainnet"\n}), 'indented by tabs');
is_deeply([ get($simulator, 'flow', '/v1/blocks?start_height=163000000&end_height=163000050') ],
	[ 400, { code => 400, message => 'height range 50 exceeds maximum allowed of 50' } ], 'too many blocks');
is_deeply([ get($simulator, 'flow', '/v1/blocks?height=999999999') ],
	[ 404, { code => 404, message => 'error looking up block at height 999999999' } ], 'no such block');
is_deeply([ get($simulator, 'flow', '/v1/blocks?start_height=5') ],
	[ 400, { code => 400, message => 'must provide either heights or start and end height range' } ], 'no range');
my ($final) = (get($simulator, 'flow', '/v1/blocks?height=final&expand=payload'))[1];
is($final->[0]{block_status}, 'BLOCK_FINALIZED', 'the status is the real one');
ok(exists $final->[0]{payload}{block_seals}, 'expanded');
my ($by_id) = (get($simulator, 'flow', "/v1/blocks/$final->[0]{header}{id}"))[1];
is($by_id->[0]{header}{height}, '163000000', 'by id');
my $type = 'A.f233dcee88fe0abe.FungibleToken.Deposited';
my ($events) = (get($simulator, 'flow', "/v1/events?type=$type&start_height=162999980&end_height=163000100"))[1];
is($events->[-1]{block_height}, '162999997', 'events: the range is cut at the sealed height');
ok((grep { !exists $_->{events} } @$events) && (grep { exists $_->{events} } @$events), 'one entry a block');
is_deeply([ get($simulator, 'flow', "/v1/events?type=$type&start_height=163000900&end_height=163000910") ],
	[ 400, { code => 400, message => 'Out of range: start height 163000900 is greater than the last sealed block height 162999997' } ],
	'beyond it');
my $hits = grep { decode_base64($_->{payload}) =~ /0x0b2a3299cc857e29/ } map { @{ $_->{events} // [] } } @$events;
cmp_ok($hits, '>=', 10, 'the account that shall be hit is');
my ($some) = map { $_->{transaction_id} } map { @{ $_->{events} // [] } } @$events;
is((get($simulator, 'flow', "/v1/transaction_results/$some"))[1]{status}, 'Sealed', 'a result');
is((get($simulator, 'flow', '/v1/transaction_results/' . 'ab' x 32))[0], 404, 'none');
$simulator->command('rest 503 1');
is((get($simulator, 'flow', '/v1/blocks?height=final'))[1]{code}, 503, 'and a failure, on command');

# ---------- older servers ----------

$simulator = start('--old-times', '--old-blocks', '--old-events', '--old-streams', '--set', 'streams=1', '--flow-testnet');
$client = client_of($simulator);
subscribe($client, 'b', 'blocks', { %sealed, start_block_height => '162999981' });
like(hear($client), qr/"timestamp":"[^"]+\.\d{9}Z".*"cluster|"timestamp":"[^"]+\.\d{8,9}Z"/, 'nine digits');
my @old = hear_all($client);
ok((grep { /"final_state":"\\"[0-9a-f]{64}\\""/ } @old), 'quoted states');
ok(!(grep { /cluster_chain_id/ } @old), 'no clusters');
like(client_of($simulator), qr{^HTTP/1.1 429 .*}s, 'streams used up: no handshake');
$simulator = start('--old-events', '--flow-testnet');
$client = client_of($simulator);
subscribe($client, 'e', 'events', { start_block_height => '162999980' });
my ($ccf) = map { @{ $_->{events} // [] } } payloads(hear_all($client));
like(decode_base64($ccf->{payload}), qr/^\xd8\x81\x82\x81\xd8\xa2\x83\x40/, 'events in CCF');
like($ccf->{type}, qr/^(?:flow|A\.7e60df042a9c0868\.FlowToken)\./, 'and the contracts of testnet');

# ---------- replay, real time ----------

$simulator = start('--replay', "$SAMPLES/blocks.jsonl", '--rate', 'max');
$client = client_of($simulator);
subscribe($client, 'b', 'blocks', { block_status => 'finalized' });
@all = hear_all($client);
is_deeply([ map { s/"subscription_id":"[^"]*"//r } @all ],
	[ map { s/"subscription_id":"[^"]*"//r } grep { /BLOCK_FINALIZED/ } lines('blocks') ],
	'a replay, to the byte, and nothing else');
$simulator = start('--timestamps', '--set', 'seal-lag=0');
$client = client_of($simulator);
subscribe($client, 'e', 'events');
hear_all($client);
$simulator->command('blocks 4');
my @withdrawn = grep { $_->{type} =~ /FungibleToken\.Withdrawn/ } map { @{ $_->{events} // [] } } payloads(hear_all($client));
my ($moment) = decode_base64($withdrawn[0]{payload}) =~ /"value":"(\d+)","type":"UInt64"\},"name":"fromUUID"/;
cmp_ok(abs($moment / 1e9 - time), '<', 60, 'a withdrawal says when');

done_testing();
