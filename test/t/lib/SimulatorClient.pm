# A client of the simulator that reads and writes bytes, so that no library
# has an opinion about them.
#
#	my $client = connect_to($simulator, 'symbol', '/ws');
#	say_to($client, '{"a":1}');		one text frame
#	my $text = hear($client);		the next message, or undef
#	my $answer = get($simulator, 'symbol', '/chain/info');
#	my $stream = stream_from($simulator, 'toncenter', "POST /sse HTTP/1.1\r\n...");
#	my $event = hear_event($stream);	up to an empty line, with it
#
# A client is a hash: header (of the handshake's answer), frames (first byte
# and length of each), text (messages not yet heard), 8, 9 and 10 (payload of
# the last close, ping and pong frame), pings (how many), end (why the peer is
# gone).  A stream has chunks (each as it came), stream (what was not yet
# heard) and whole (it ended as it should).
package SimulatorClient;

use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha1_base64);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

our @EXPORT_OK =
  qw(connect_to say_to say_piece hear hear_all hear_event fill get ask_http request stream_from);

sub address
{
	my ($simulator, $dialect) = @_;
	return $simulator->url($dialect) =~ s{^ws://}{}r;
}

# Connect; returns what the server answered if it was not 101.  A client that
# is not to pong stays silent.  Option headers: further ones, a list.
sub connect_to
{
	my ($simulator, $dialect, $path, %options) = @_;
	my $socket = IO::Socket::INET->new(
		PeerAddr => address($simulator, $dialect),
		Timeout  => 10) or return "$!";
	my $client = { socket => $socket, in => '', text => [], frames => [], pings => 0, %options };
	my $key = 'dGhlIHNhbXBsZSBub25jZQ==';
	print $socket "GET $path HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\n",
	  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: $key\r\n",
	  map({ "$_\r\n" } @{ $options{headers} // [] }), "\r\n";
	fill($client, sub { $client->{in} =~ /\r\n\r\n/ });
	$client->{in} =~ s/^(.*?\r\n)\r\n//s or return 'closed';
	$client->{header} = $1;
	return $client->{header} if $client->{header} !~ m{^HTTP/1.1 101 };
	my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
	die 'wrong accept' unless $client->{header} =~ /^Sec-WebSocket-Accept: \Q$accept\E=?\r$/m;
	take_frames($client);
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
		take_chunks($client) if $client->{chunks};
		take_frames($client) if exists $client->{header} && !$client->{chunks};
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
			$client->{pings}++ if ($first & 15) == 9;
			say_to($client, $data, 10) if ($first & 15) == 9 && !$client->{silent};
			next;
		}
		$client->{part} = ($first & 15) ? $data : $client->{part} . $data;
		push @{ $client->{text} }, $client->{part} if $first & 128;
	}
	return;
}

# Cut what has come into chunks of HTTP.
sub take_chunks
{
	my ($client) = @_;
	while ($client->{in} =~ /^([0-9a-f]+)\r\n/)
	{
		my ($head, $length) = ($+[0], hex $1);
		last if length $client->{in} < $head + $length + 2;
		die 'no line end behind a chunk'
		  if substr($client->{in}, $head + $length, 2) ne "\r\n";
		my $data = substr $client->{in}, $head, $length;
		substr $client->{in}, 0, $head + $length + 2, '';
		push @{ $client->{chunks} }, $data if $length;
		$client->{stream} .= $data;
		$client->{whole} = 1 unless $length;
	}
	return;
}

# Send one frame with this first byte; masked, with a mask that changes
# nothing.
sub say_piece
{
	my ($client, $text, $first) = @_;
	my $length = length $text;
	my $size = $length < 126 ? pack('C', 128 | $length)
	  : $length < 65536 ? pack('Cn', 254, $length) : pack('CQ>', 255, $length);
	my $data = pack('C', $first) . $size . "\0" x 4 . $text;
	local $SIG{PIPE} = 'IGNORE';
	while (length $data)
	{
		my $sent = syswrite $client->{socket}, $data or last;
		substr $data, 0, $sent, '';
	}
	return;
}

# Send one whole message, or control frame.
sub say_to
{
	my ($client, $text, $opcode) = @_;
	return say_piece($client, $text, 128 | ($opcode // 1));
}

# Wait for the next message.
sub hear
{
	my ($client, $seconds) = @_;
	fill($client, sub { @{ $client->{text} } }, $seconds);
	return shift @{ $client->{text} };
}

# Everything that comes until nothing has come for this long.
sub hear_all
{
	my ($client, $seconds) = @_;
	my @heard;
	while (defined(my $text = hear($client, $seconds // 0.3)))
	{
		push @heard, $text;
	}
	return @heard;
}

# One plain request; returns status, head and body.
sub ask_http
{
	my ($simulator, $dialect, $request) = @_;
	my $socket = IO::Socket::INET->new(
		PeerAddr => address($simulator, $dialect),
		Timeout  => 10) or die "$!";
	my $client = { socket => $socket, in => '' };
	print $socket $request;
	fill($client, sub {
		return $client->{in} =~ /^Content-Length: (\d+)\r\n(?:.*?\r\n)?\r\n(.*)\z/ims && length $2 >= $1;
	});
	my ($head, $body) = split /\r\n\r\n/, $client->{in}, 2;
	return ($head =~ m{^HTTP/1.1 (\d+)}, $head, $body);
}

# The text of a request.
sub request
{
	my ($method, $path, $body, @headers) = @_;
	push @headers, 'Content-Length: ' . length $body if defined $body;
	return join "\r\n", "$method $path HTTP/1.1", 'Host: node', @headers, '', $body // '';
}

# Ask for a stream; returns what the server answered if it was none.
sub stream_from
{
	my ($simulator, $dialect, $request) = @_;
	my $socket = IO::Socket::INET->new(
		PeerAddr => address($simulator, $dialect),
		Timeout  => 10) or return "$!";
	my $client = { socket => $socket, in => '', stream => '' };
	print $socket $request;
	fill($client, sub { $client->{in} =~ /\r\n\r\n/ });
	$client->{in} =~ s/^(.*?\r\n)\r\n//s or return 'closed';
	$client->{header} = $1;
	if ($client->{header} !~ /^Transfer-Encoding: chunked\r$/m)
	{
		my ($length) = $client->{header} =~ /^Content-Length: (\d+)/m;
		fill($client, sub { length $client->{in} >= $length });
		return $client->{header} . $client->{in};
	}
	$client->{chunks} = [];
	take_chunks($client);
	return $client;
}

# The next event of a stream, or comment: up to an empty line, with it.
sub hear_event
{
	my ($client, $seconds) = @_;
	fill($client, sub { $client->{stream} =~ /\n\n/ }, $seconds);
	return $client->{stream} =~ s/^(.*?\n\n)//s ? $1 : undef;
}

# GET; returns the status and the decoded body.
sub get
{
	my ($simulator, $dialect, $path) = @_;
	my ($status, undef, $body) =
	  ask_http($simulator, $dialect, "GET $path HTTP/1.1\r\nHost: node\r\n\r\n");
	return ($status, JSON::PP::decode_json($body));
}

1;
