#!/usr/bin/env perl
#
# Does the simulator speak as a Symbol REST gateway does, to the byte?
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use JSON::PP ();
use Simulator;
use SimulatorClient qw(connect_to say_to hear hear_all fill get);
use Test::More;

my $SAMPLES = "$FindBin::RealBin/../samples/symbol";
my $SIGNER = 'TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3A';
my $RECIPIENT = 'TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA';

sub lines
{
	my ($name) = @_;
	open my $file, '<:raw', "$SAMPLES/$name" or die "$name: $!";
	chomp(my @lines = <$file>);
	return @lines;
}

sub start { return Simulator->new(args => [ '--listen', 'symbol=0', @_ ]) }

# A connection whose uid is known.
sub client_of
{
	my ($simulator) = @_;
	my $client = connect_to($simulator, 'symbol', '/ws');
	($client->{uid}) = hear($client) =~ /^\{"uid": "(.*)"\}$/ or die 'no uid';
	return $client;
}

# Subscribe, and wait until it has come.
sub subscribe
{
	my ($simulator, $client, @channels) = @_;
	my $before = $simulator->stats->{requests};
	say_to($client, qq({"uid":"$client->{uid}","subscribe":"$_"})) for @channels;
	$simulator->wait_for(sub { $_[0]->stats->{requests} >= $before + @channels });
	return $client;
}

# How the connection ends: the payload of the close frame.
sub ending
{
	my ($client) = @_;
	fill($client, sub { exists $client->{8} }, 5);
	return undef unless exists $client->{8};
	say_to($client, $client->{8}, 8);
	fill($client, sub { 0 }, 10);
	return defined $client->{end} ? $client->{8} : 'still open';
}

# ---------- handshake and refusals ----------

my $simulator = start('--accounts', '3');
my $client = connect_to($simulator, 'symbol', '/ws');
like($client->{header}, qr{^HTTP/1.1 101 }, 'upgrade');
unlike($client->{header}, qr/^Sec-WebSocket-(Protocol|Extensions)/mi, 'no sub-protocol, no extension');
like(hear($client), qr/^\{"uid": "[A-Z2-7]{32}"\}$/, 'the uid first, to the byte');
for my $path ('/', '/ws/', '/ws?x=1', '/other')
{
	my $mute = connect_to($simulator, 'symbol', $path);
	ok(ref $mute, "$path: the upgrade succeeds");
	say_to($mute, '{bad');
	ok(!defined hear($mute, 0.3) && !exists $mute->{8}, 'and nothing ever happens');
}

my $strict = start('--address-required', '--set', 'channels=0');
for (lines('closes.jsonl'))
{
	my $case = JSON::PP::decode_json($_);
	my $where = $simulator;
	my ($reason, $text) = @$case{qw(close_reason client_sends)};
	if ($reason =~ /^address param missing|^Max subscriptions/)
	{
		$where = $strict;
		$text =~ s/status/block/;
	}
	my $victim = client_of($where);
	$text =~ s/\$UID/$victim->{uid}/;
	say_to($victim, $text);
	is(ending($victim), defined $case->{close_code} ? pack('n', $case->{close_code}) . $reason : '',
		"close: $case->{client_sends}");
}
for my $case (
	[ 'subscribe":"block.close', undef, 'a channel that never delivers' ],
	[ 'unsubscribe":"nonsense', undef, 'unsubscribe of an unknown channel' ],
	[ "subscribe\":\"status/$SIGNER/more", undef, 'more behind the address' ],
	[ 'subscribe":"confirmedAdded/C0FB8AA409916260', undef, 'a namespace' ],
	[ 'subscribe":"status/' . 'A' x 39, undef, 'neither checksum nor network are looked at' ],
	[ 'subscribe":"status/' . 'A' x 200, pack('n', 1013) . 'A' x 123, 'a reason of 123 characters' ])
{
	my ($request, $expected, $what) = @$case;
	my $asker = client_of($simulator);
	subscribe($simulator, $asker, 'block');
	say_to($asker, qq({"uid":"$asker->{uid}","$request"}), 2);
	fill($asker, sub { exists $asker->{8} }, defined $expected ? 5 : 0.3);
	is($asker->{8}, $expected, $what);
}

# ---------- recorded messages ----------

my ($transfer) = lines('confirmedAdded.jsonl');
my $both = subscribe($simulator, client_of($simulator), "confirmedAdded/$RECIPIENT/x",
	"confirmedAdded/$SIGNER", "confirmedAdded/$SIGNER", 'unconfirmedAdded');
my $all = subscribe($simulator, client_of($simulator), 'confirmedAdded');
is($simulator->command("send $transfer"), 4, 'a transfer: two addresses, two kinds of channel');
is_deeply([ sort(hear_all($both)) ],
	[ map { $transfer =~ s/"confirmedAdded"/"confirmedAdded\/$_"/r } "$RECIPIENT/x", $SIGNER ],
	'one copy for each address, under exactly the topic that was subscribed');
is_deeply([ hear_all($all) ], [ ($transfer) x 2 ],
	'without address one copy for each address touched, to the byte');
my ($alias) = grep { /"recipientAddress":"9960629109A48AFB/ } lines('unconfirmedAdded.jsonl');
$alias =~ s{"unconfirmedAdded[^"]*"}{"unconfirmedAdded"};
$client = subscribe($simulator, client_of($simulator), 'unconfirmedAdded/C0FB8AA409916260');
$simulator->command("send $alias");
is_deeply([ map { /"topic":"(.*?)"/ } hear_all($client) ], ['unconfirmedAdded/C0FB8AA409916260'],
	'an alias reaches those who named it');
is(scalar(() = $simulator->command("send $_") =~ /^[1-9]/), 0, 'and others nothing: ' . substr $_, 10, 30)
  for grep { /"topic":"(?!confirmed|unconfirmedA)/ } map { lines("$_.jsonl") } qw(cosignature status);
is_deeply([ map { @{ $_->{topics} } } ($simulator->subscriptions)[-1] ],
	['unconfirmedAdded/C0FB8AA409916260'], 'tests can ask who is subscribed to what');
hear_all($_, 0.1) for $all, $both;
my ($removed) = lines('unconfirmedRemoved.jsonl');
subscribe($simulator, $both, "unconfirmedRemoved/$SIGNER");
$simulator->command("send $removed");
like(hear($both) // '', qr{^\{"topic":"unconfirmedRemoved/$SIGNER","data":\{"meta":},
	'what has only a hash goes where its transaction went');

# ---------- the synthetic chain ----------

my %seen;
$client = subscribe($simulator, client_of($simulator), my @channels = qw(block finalizedBlock confirmedAdded
	  unconfirmedAdded unconfirmedRemoved partialAdded partialRemoved cosignature status));
$simulator->command($_) for 'count 200', 'rate max';
$simulator->wait_for(sub { $_[0]->stats->{generated} >= 200 });
for (hear_all($client, 1))
{
	my $message = JSON::PP::decode_json($_);
	push @{ $seen{ $message->{topic} } }, $message->{data};
}
is_deeply([ sort keys %seen ], [ sort @channels ], 'every channel has something');
my %confirmed = map { ($_->{meta}{hash} => $_) } @{ $seen{confirmedAdded} };
my %failed = map { ($_->{hash} => 1) } @{ $seen{status} };
is(keys(%confirmed) + keys(%failed), 200, 'each transaction is confirmed or rejected');
is_deeply([ grep { $_->{meta}{height} ne '0' } map { @{ $seen{$_} } } qw(unconfirmedAdded partialAdded) ],
	[], 'before the block the height is "0"');
is_deeply([ grep { $_->{meta}{merkleComponentHash} ne '0' x 64 } @{ $seen{partialAdded} } ], [],
	'and the merkle hash of partial ones is zeroes');
ok((grep { $_->{meta}{merkleComponentHash} ne $_->{meta}{hash} } values %confirmed) > 1,
	'that of a cosigned aggregate is another');
my @blocks = @{ $seen{block} };
is_deeply([ map { $_->{block}{previousBlockHash} } @blocks[ 1 .. $#blocks ] ],
	[ map { $_->{meta}{hash} } @blocks[ 0 .. $#blocks - 1 ] ], 'blocks are a chain');
my ($tip) = map { $_->{block}{height} } $blocks[-1];
cmp_ok($seen{finalizedBlock}[-1]{height}, '<', $tip, 'the last few are not final');
like($_, qr/^(?:Failure_|unknown status 0x[0-9A-F]{8}$)/, "status $_")
  for keys %{ { map { $_->{code} => 1 } @{ $seen{status} } } };

# ---------- rollback, failures, REST ----------

$simulator->command('finalize');
$simulator->command('block') for 1 .. 3;
$simulator->command('count 5');
$simulator->wait_for(sub { $_[0]->stats->{generated} >= 205 });
hear_all($client, 0.5);
my $height = $simulator->command('block');
my $old = JSON::PP::decode_json((grep { /"block"/ } hear_all($client))[0])->{data};
is($simulator->command('rollback 2'), $height, 'a rollback ends at the same height');
my @after = map { JSON::PP::decode_json($_) } hear_all($client, 0.5);
my @forked = map { $_->{data} } grep { $_->{topic} eq 'block' } @after;
is_deeply([ map { $_->{block}{height} } @forked ], [ $height - 1, $height ],
	'the dropped heights come again');
isnt($forked[1]{meta}{hash}, $old->{meta}{hash}, 'with other hashes');
is((get($simulator, 'symbol', '/chain/info'))[1]{height}, $height, 'REST: height');
my ($status, $block) = get($simulator, 'symbol', "/blocks/$height");
is($block->{meta}{hash}, $forked[1]{meta}{hash}, 'REST: the block that counts');
is_deeply([ map { $block->{block}{$_} } sort keys %{ $forked[1]{block} } ],
	[ map { $forked[1]{block}{$_} } sort keys %{ $forked[1]{block} } ], 'with the same header');
is_deeply([ get($simulator, 'symbol', '/blocks/abc') ],
	[ 409, { code => 'InvalidArgument', message => 'height has an invalid format' } ], 'REST: 409');
is_deeply([ get($simulator, 'symbol', '/blocks/999999999999') ],
	[ 404, { code => 'ResourceNotFound', message => "no resource exists with id '999999999999'" } ], 'REST: 404');
my ($page) = (get($simulator, 'symbol', '/blocks?orderBy=height&order=asc&offset=' . ($height - 2) . '&pageSize=10'))[1];
is_deeply([ map { $_->{block}{height} } @{ $page->{data} } ], [ $height - 1, $height ], 'REST: blocks behind an offset');
my ($hash) = (sort keys %confirmed)[0];
is((get($simulator, 'symbol', "/transactions/confirmed/$hash"))[1]{meta}{height}, $confirmed{$hash}{meta}{height},
	'REST: a transaction');
is((get($simulator, 'symbol', "/transactionStatus/$hash"))[1]{group}, 'confirmed', 'and its status');
my ($rejected) = keys %failed;
is((get($simulator, 'symbol', "/transactionStatus/$rejected"))[1]{group}, 'failed', 'REST: a rejected one');
is((get($simulator, 'symbol', '/network/properties'))[1]{network}{epochAdjustment}, '1667250467s', 'REST: properties');
is((get($simulator, 'symbol', '/node/info'))[1]{networkIdentifier}, 152, 'REST: node');
$simulator->command('set rest-limit 5');
my ($refused) = grep { $_->[0] == 429 } map { [ get($simulator, 'symbol', '/chain/info') ] } 1 .. 30;
is_deeply($refused->[1], { code => 'TooManyRequests', message => 'You have exceeded your request rate of 5 r/s.' },
	'REST: too many requests');

my $other = subscribe($simulator, client_of($simulator), 'block');
cmp_ok($simulator->command('channel-fails cosignature'), '==', 1, 'trouble with a channel');
is(ending($client), '', 'its subscribers get an empty close frame');
ok(!exists $other->{8}, 'others do not');
$simulator->signal('TERM');
fill($other, sub { 0 }, 5);
ok($other->{end} && !exists $other->{8}, 'at its end there is no close frame');

# ---------- the newer gateway ----------

$simulator = start('--rest25', '--no-uid', '--to', $SIGNER, '--to-every', 2);
$client = connect_to($simulator, 'symbol', '/ws');
ok(!defined hear($client, 0.3), 'the uid is withheld');
$simulator->command('switch no-uid off');
$client = connect_to($simulator, 'symbol', '/ws');
my ($uid) = hear($client) =~ m{^\{"uid": "([A-Za-z0-9+/]{27}=)"\}$};
ok($uid, 'a uid of the newer kind');
$client->{uid} = $uid;
subscribe($simulator, $client, "confirmedAdded/$SIGNER", 'partialAdded');
$simulator->command($_) for 'count 100', 'rate 1000';
my @heard = hear_all($client, 1);
my @hits = grep { /"topic":"confirmedAdded/ } @heard;
cmp_ok(@hits, '>', 40, 'the account that shall be hit is');
is(scalar(grep { /maxFee/ } @heard), 0, 'there is no maxFee');
ok((grep { /"message":""/ } @hits) > 0, 'an empty message is there');
ok((grep { /"cosignatures":\[\]/ } @heard) > 0, 'and so are no cosignatures');
subscribe($simulator, $client, 'block');
$simulator->command('block');
like((hear_all($client))[-1], qr/"proofGamma":"\w+","proofVerificationHash":"\w+","proofScalar":"\w+"\},"meta"/,
	'the proof comes last');
my $asker = client_of($simulator);
say_to($asker, qq({"uid":"$asker->{uid}","subscribe":"status/) . lc($SIGNER) . '"}');
is(ending($asker), pack('n', 1013) . lc($SIGNER) . ' does not represent a valid encoded address',
	'lower case is refused in other words');

# ---------- replay, mainnet, real time ----------

$simulator = start('--replay', "$SAMPLES/confirmedAdded.jsonl", '--rate', 'max');
$client = subscribe($simulator, client_of($simulator), "confirmedAdded/$RECIPIENT");
like(hear($client), qr/"hash":"071F33703CC2FE3A/, 'a replay reaches those it concerns');
$simulator = start('--symbol-mainnet', '--timestamps', '--accounts', '2');
like($simulator->command('accounts 0 1'), qr/^N[A-Z2-7]{37}[AIQY]$/, 'an account of mainnet');
$client = subscribe($simulator, client_of($simulator), 'unconfirmedAdded');
$simulator->command($_) for 'count 1', 'rate 1000';
my ($moment, $network) = hear($client) =~ /"signature":"([0-9A-F]{16}).*"network":(\d+)/;
cmp_ok(abs(unpack('Q>', pack('H16', $moment)) / 1e9 - time), '<', 60, 'a signature says when');
is($network, 104, 'and the network is mainnet');

done_testing();
