#!/usr/bin/env perl
#
# Does the simulator speak as a Nano node does, to the byte, and break as it
# is told to?  Frames are read and written by hand here, so that no library
# has an opinion about them.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t/lib";

use Digest::SHA qw(sha1_base64);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Simulator;
use Test::More;
use Time::HiRes qw(time);

my $SAMPLES = "$FindBin::RealBin/../samples/nano";
my ($ALICE, $BOB) = (
	'nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma',
	'nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox');

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/ = undef;
	return <$file>;
}

sub lines { return split /\n/, slurp("$SAMPLES/$_[0]") }

# ---------- a client ----------

# Connect; returns what the server answered if it was not 101.
sub connect_to
{
	my ($simulator, $path) = @_;
	my ($where) = $simulator->url('nano') =~ m{^ws://(.+)$};
	my $socket = IO::Socket::INET->new(PeerAddr => $where, Timeout => 10) or return "$!";
	my $client = { socket => $socket, in => '', text => [], frames => [] };
	my $key = 'dGhlIHNhbXBsZSBub25jZQ==';
	print $socket "GET ", $path // '/', " HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\n",
	  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: $key\r\n\r\n";
	fill($client, sub { $client->{in} =~ /\r\n\r\n/ });
	$client->{in} =~ s/^(.*?\r\n)\r\n//s or return 'closed';
	$client->{header} = $1;
	return $client->{header} if $client->{header} !~ m{^HTTP/1.1 101 };
	my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
	die 'wrong accept' unless $client->{header} =~ /^Sec-WebSocket-Accept: \Q$accept\E=?\r$/m;
	return $client;
}

# Read until this is true, the peer closes, or the time is up.
sub fill
{
	my ($client, $condition, $seconds) = @_;
	my $deadline = time + ($seconds // 20);
	while (!$client->{end} && !$condition->() && time < $deadline)
	{
		next unless IO::Select->new($client->{socket})->can_read(0.05);
		my $got = sysread $client->{socket}, $client->{in}, 1 << 20, length $client->{in};
		$client->{end} = defined $got ? 'closed' : "$!" unless $got;
		take_frames($client) if exists $client->{header};
	}
	return $condition->();
}

# Cut what has come into frames and messages.
sub take_frames
{
	my ($client) = @_;
	while (length $client->{in} >= 2)
	{
		my ($first, $length) = unpack 'CC', $client->{in};
		my $skip = 2;
		($length, $skip) = (unpack('x2n', $client->{in}), 4)
		  if $length == 126 && length $client->{in} >= 4;
		($length, $skip) = (unpack('x2Q>', $client->{in}), 10)
		  if $length == 127 && length $client->{in} >= 10;
		last if length $client->{in} < $skip + $length;
		my $data = substr $client->{in}, $skip, $length;
		substr $client->{in}, 0, $skip + $length, '';
		push @{ $client->{frames} }, [ $first, $length ];
		if (($first & 15) >= 8)
		{
			$client->{ $first & 15 } = $data;
			next;
		}
		$client->{part} = ($first & 15) ? $data : $client->{part} . $data;
		push @{ $client->{text} }, $client->{part} if $first & 128;
	}
	return;
}

# Send one frame; masked, with a mask that changes nothing.
sub say_to
{
	my ($client, $text, $opcode) = @_;
	my $length = length $text;
	my $size = $length < 126 ? pack('C', 128 | $length)
	  : $length < 65536 ? pack('Cn', 254, $length) : pack('CQ>', 255, $length);
	my $data = pack('C', 128 | ($opcode // 1)) . $size . "\0" x 4 . $text;
	local $SIG{PIPE} = 'IGNORE';
	while (length $data)
	{
		my $sent = syswrite $client->{socket}, $data or last;
		substr $data, 0, $sent, '';
	}
	return;
}

# Wait for the next message.
sub hear
{
	my ($client, $seconds) = @_;
	fill($client, sub { @{ $client->{text} } }, $seconds);
	return shift @{ $client->{text} };
}

# Send a request with an ack; true if it came.
sub ask
{
	my ($client, %request) = @_;
	say_to($client, JSON::PP::encode_json({ ack => 'true', %request }));
	return barrier($client) =~ /"ack": ?"\Q$request{action}\E"/ ? 1 : 0;
}

# Everything that has come up to now.
sub barrier
{
	my ($client) = @_;
	my $mark = 'mark' . ++$client->{marks};
	my $heard = '';
	say_to($client, qq({"action":"ping","id":"$mark"}));
	while (defined(my $text = hear($client)))
	{
		return $heard if $text =~ /"\Q$mark\E"/;
		$heard .= $text;
	}
	return $heard;
}

sub subscribe
{
	my ($client, $options, $topic) = @_;
	return ask($client, action => 'subscribe', topic => $topic // 'confirmation',
		defined $options ? (options => $options) : ());
}

# ---------- requests, filters, texts ----------

my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
my $client = connect_to($simulator, '/any/path');
my ($send, @others) = lines('confirmation.jsonl');

# How often this message reaches the client.
sub reaches
{
	my ($message) = @_;
	$simulator->command("send $message");
	my $heard = barrier($client);
	return scalar(() = $heard =~ /"topic"/g);
}

like($client->{header}, qr/^Server: Boost\.Beast/m, 'the server is named');
is(reaches($send), 0, 'nothing comes unasked');
say_to($client, '{"action":"subscribe","topic":"confirmation","ack":1,"id":7}');
like(hear($client), qr/^\{\n    "ack": "subscribe",\n    "time": "\d{13}",\n    "id": "7"\n\}\n$/,
	'an ack to the byte');
for my $case ([ 'confirmation-send', $send ], [ 'confirmation-empty-votes', $others[15] ])
{
	my ($name, $message) = @$case;
	subscribe($client, { include_sideband_info => 1, include_election_info_with_votes => 'true' });
	$simulator->command("send $message");
	is(hear($client), slurp("$SAMPLES/wire/$name.txt"), "$name to the byte");
}

my $lost = 'nano_3t7k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3';
for my $case (
	[ undef,                                          1, 'no options' ],
	[ {},                                             1, 'empty options' ],
	[ { accounts => [$ALICE] },                       1, 'the sender' ],
	[ { accounts => [ $BOB =~ s/nano/xrb/r ] },       1, 'the recipient, as xrb_' ],
	[ { accounts => [] },                             0, 'an empty filter' ],
	[ { accounts => $ALICE },                         0, 'a string for a list' ],
	[ { accounts => [$lost] },                        0, 'an invalid account' ],
	[ { all_local_accounts => 'false' },              0, 'local accounts' ],
	[ { accounts => [$ALICE], include_block => '0' }, 0, 'a filter without blocks' ],
	[ { confirmation_type => 'ACTIVE' },              1, 'the type' ],
	[ { confirmation_type => 'inactive' },            0, 'another type' ],
	[ { confirmation_type => 'nonsense' },            1, 'no such type' ])
{
	my ($options, $expected, $what) = @$case;
	subscribe($client, $options);
	is(reaches($send), $expected, "filter: $what");
}
my ($legacy) = grep { /"type":"send"/ } @others;
subscribe($client, { accounts => [ $legacy =~ /"account":"(.*?)"/ ] });
is(reaches($legacy), 0, 'filter: a legacy block never passes');

my %add = (action => 'update', topic => 'confirmation', options => { accounts_add => [$ALICE] });
subscribe($client);
is(ask($client, %add), 0, 'an update of a subscription without options is refused');
subscribe($client, {});
is(ask($client, %add), 1, 'and with options it is not');
is(reaches($send), 1, 'the account is added');
is(ask($client, %add, options => { accounts_del => [$ALICE] }), 1, 'and removed');
is(reaches($send), 0, 'which leaves an empty filter');
is(subscribe($client, undef, 'nonsense'), 0, 'an unknown topic is silence');

my ($vote) = lines('vote.jsonl');
my $replay = $vote =~ s/"type":"vote"/"type":"replay"/r;
is_deeply([ map { subscribe($client, $_, 'vote'); reaches($replay) } undef, {}, { include_replays => 1 } ],
	[ 1, 0, 1 ], 'replayed votes come without options, or if asked for');

for my $text ('', '{"a":1,}', "{'a':1}", '{"a":1} {', ' ')
{
	my $other = connect_to($simulator);
	say_to($other, $text);
	fill($other, sub { 0 }, 10);
	ok($other->{end} && !exists $other->{8}, "dropped without a close frame: '$text'");
}
my $big = connect_to($simulator);
say_to($big, '{"a":"' . 'x' x (17 << 20) . '"}');
fill($big, sub { exists $big->{8} });
is($big->{8}, pack('n', 1009), 'too long a request: 1009 without a reason');

# ---------- frames and traffic ----------

subscribe($client, { include_election_info_with_votes => 1 });
@{ $client->{frames} } = ();
$simulator->command('count 1');
$simulator->command('rate 1000');
my $votes = hear($client);
is_deeply($client->{frames},
	[ [ 1, 4096 ], [ 0, 4096 ], [ 128, length($votes) - 8192 ] ],
	'a long message comes in frames of 4096');
is(scalar @{ JSON::PP::decode_json($votes)->{message}{election_info}{votes} }, 20,
	'the pieces fit together');
subscribe($client);
$simulator->command('count 20000');
$simulator->command('rate max');
fill($client, sub { @{ $client->{text} } >= 20000 });
my %hashes = map { /"hash": "([0-9A-F]{64})"/ => 1 } @{ $client->{text} };
is(keys %hashes, 20000, 'twenty thousand blocks, no two alike');
@{ $client->{text} } = ();

# ---------- faults ----------

# What comes of these commands, as the last digits of the blocks' times.
sub times_of
{
	my (@commands) = @_;
	$simulator->command($_) for @commands;
	return [ barrier($client) =~ /"time": "\d{12}(\d)"/g ];
}

$simulator->command('rate 0');
my $numbered = sub { map { 'send ' . $send =~ s/1744409899351/174440989935$_/r } @_ };
is_deeply(times_of('duplicate on', $numbered->(1, 2)), [ 1, 1, 2, 2 ], 'duplicates');
is_deeply(times_of('duplicate off', 'reorder on', $numbered->(1, 2, 3, 4)), [ 2, 1, 4, 3 ], 'disorder');
is_deeply(times_of('reorder off', 'clock -1', $numbered->(5)), [4], 'a clock that jumps');
$simulator->command('clock 0');
$simulator->command('raw {"not": a notification');
is(hear($client), '{"not": a notification', 'raw text');
$simulator->command('huge 3000000');
is(length hear($client), 3000000, 'a huge message');
$simulator->command('truncate 200');
is(length hear($client), 200, 'a truncated one');
$simulator->command('badutf8');
ok(!utf8::decode(my $bad = hear($client)), 'one that is not UTF-8');

$simulator->command('noping on');
say_to($client, 'x', 9);
say_to($client, '{"action":"ping"}');
$simulator->command("send $send");
like(hear($client), qr/"confirmation"/, 'deaf, but not dumb');
ok(!exists $client->{10} && !defined hear($client, 0.2), 'a ping is not answered');
$simulator->command('noping off');
like(hear($client), qr/"pong"/, 'until it is no longer deaf');
is($client->{10}, 'x', 'then ping payloads come back');
$simulator->command('stall 300');
$simulator->command("send $send");
ok(!defined hear($client, 0.1), 'stalled');
like(hear($client), qr/"confirmation"/, 'and resumed');

$simulator->command('status 429 7');
like(connect_to($simulator), qr/^HTTP\/1\.1 429 .*^Retry-After: 7\r$/ms, 'too many requests');
$simulator->command('status 0');
$simulator->command('pause');
like(connect_to($simulator), qr/refused/i, 'paused: connections are refused');
$simulator->command('resume');
ok(ref connect_to($simulator), 'and accepted again');
is($simulator->command("send $send"), 1, 'the old one is still there');

my %end = (
	'drop' => qr/reset/, 'drop fin' => qr/closed/, 'close 1012 back soon' => qr/closed/,
	'halfopen' => qr/open/);
for my $fault (sort keys %end)
{
	my $victim = connect_to($simulator);
	barrier($victim);
	$simulator->command($fault);
	say_to($victim, $victim->{8} // pack('n', 1000), 8)
	  if $fault =~ /close/ && fill($victim, sub { exists $victim->{8} });
	fill($victim, sub { 0 }, $fault eq 'halfopen' ? 0.2 : 10);
	like($victim->{end} // 'open', $end{$fault}, "after '$fault' the connection is as it should be");
	is($victim->{8}, $fault =~ /close/ ? pack('n', 1012) . 'back soon' : undef, 'and so is the close frame');
}

$client = connect_to($simulator);
barrier($client);
$simulator->signal('TERM');
fill($client, sub { exists $client->{8} });
is($client->{8}, pack('n', 1000) . 'Shutting down', 'at its end it says so');

# ---------- other manners ----------

$simulator = Simulator->new(args => [
		'--listen', 'nano=0', '--binary', '--compact', '--no-update', '--pre-v28',
		'--require-token', 'secret', '--first-before-ack' ]);
like(connect_to($simulator), qr/^HTTP\/1\.1 401 /, 'a token is required');
$client = connect_to($simulator, '/?key=secret');
say_to($client, '{"action":"subscribe","topic":"confirmation","ack":true,"options":{}}');
like(hear($client), qr/^\{"topic":"confirmation",.*\}$/, 'a notification before the ack, compact');
like(hear($client), qr/"ack":"subscribe"/, 'the ack');
is($client->{frames}[0][0], 0x82, 'in binary frames');
is(ask($client, %add), 0, 'no update');
subscribe($client, undef, 'new_unconfirmed_block');
my ($new) = lines('new_unconfirmed_block.jsonl');
$simulator->command("send $new");
unlike(hear($client), qr/^\{"topic":"new_unconfirmed_block","time":"\d+","hash"/, 'no hash before V28');

done_testing();
