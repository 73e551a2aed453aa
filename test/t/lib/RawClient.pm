# A client that reads and writes every byte by hand, so that no library has an
# opinion about them: WebSocket, plain HTTP and event streams.
#
#	my $ws = RawClient->ws($url, '/path', 'X-Key: 1');	dies unless 101
#	$ws->say('text'); $ws->hear; $ws->{frames}; $ws->{8}	last close frame
#	my $answer = RawClient->http($url, 'GET', '/path');		{status}, {header}, {body}
#	my $sse = RawClient->sse($url, 'POST', '/path', $body, 'Content-Type: ...');
#	$sse->hear_event; $sse->{chunks}
#
# $url is what the simulator says it listens to, ws://HOST:PORT.
package RawClient;

use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha1_base64);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

our $PATIENCE = 20;

my $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

# Connect and send a head; returns the client, with the head of the answer.
sub request
{
	my ($class, $url, $method, $path, $body, @headers) = @_;
	my ($where) = $url =~ m{^\w+://(.+)$};
	my $socket = IO::Socket::INET->new(PeerAddr => $where, Timeout => 10) or die "$url: $!";
	my $self = bless { socket => $socket, in => '', text => [], frames => [], chunks => [], stream => '' },
	  $class;
	push @headers, 'Content-Length: ' . length $body if defined $body;
	$self->put(join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', @headers, '', $body // '');
	$self->head;
	return $self;
}

# Read the head of an answer.
sub head
{
	my ($self) = @_;
	delete $self->{header};
	$self->fill(sub { $self->{in} =~ /\r\n\r\n/ });
	$self->{in} =~ s/^(.*?\r\n)\r\n//s or return;
	$self->{header} = $1;
	($self->{status}) = $self->{header} =~ m{^HTTP/1\.1 (\d+) };
	return;
}

# The body of an answer that says how long it is.
sub body
{
	my ($self) = @_;
	my ($length) = ($self->{header} // '') =~ /^Content-Length: (\d+)\r$/mi or return;
	$self->fill(sub { length $self->{in} >= $length });
	$self->{body} = substr $self->{in}, 0, $length, '';
	return $self->{body};
}

sub http
{
	my ($class, @request) = @_;
	my $self = $class->request(@request);
	$self->body;
	return $self;
}

# Upgrade; an answer other than 101 is returned with its body.
sub ws
{
	my ($class, $url, $path, @headers) = @_;
	my $self = $class->request($url, 'GET', $path, undef, 'Upgrade: websocket', 'Connection: Upgrade',
		'Sec-WebSocket-Version: 13', "Sec-WebSocket-Key: $KEY", @headers);
	if (($self->{status} // 0) != 101)
	{
		$self->body;
		return $self;
	}
	my $accept = sha1_base64($KEY . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
	die 'wrong accept' unless $self->{header} =~ /^Sec-WebSocket-Accept: \Q$accept\E=?\r$/m;
	$self->{mode} = 'frames';
	$self->take_frames;
	return $self;
}

# Ask for a stream; an answer with a length is returned with its body.
sub sse
{
	my ($class, @request) = @_;
	my $self = $class->request(@request);
	if (($self->{header} // '') =~ /^Transfer-Encoding: chunked\r$/m)
	{
		$self->{mode} = 'chunks';
		$self->take_chunks;
	}
	else
	{
		$self->body;
	}
	return $self;
}

sub put
{
	my ($self, $data) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (length $data)
	{
		my $sent = syswrite $self->{socket}, $data or last;
		substr $data, 0, $sent, '';
	}
	return;
}

# Read until this is true, the peer closes, or the time is up.
sub fill
{
	my ($self, $condition, $seconds) = @_;
	my $deadline = time + ($seconds // $PATIENCE);
	while (!$self->{end} && !$condition->() && time < $deadline)
	{
		next unless IO::Select->new($self->{socket})->can_read(0.02);
		my $got = sysread $self->{socket}, $self->{in}, 1 << 20, length $self->{in};
		$self->{end} = defined $got ? 'closed' : "$!" unless $got;
		$self->take_frames if ($self->{mode} // '') eq 'frames';
		$self->take_chunks if ($self->{mode} // '') eq 'chunks';
	}
	return $condition->();
}

# Has the peer closed within this time?
sub ended
{
	my ($self, $seconds) = @_;
	$self->fill(sub { 0 }, $seconds);
	return $self->{end};
}

# Cut what has come into frames and messages.
sub take_frames
{
	my ($self) = @_;
	while (length $self->{in} >= 2)
	{
		my ($first, $length) = unpack 'CC', $self->{in};
		my $skip = 2;
		($length, $skip) = (unpack('x2n', $self->{in}), 4) if $length == 126 && length $self->{in} >= 4;
		($length, $skip) = (unpack('x2Q>', $self->{in}), 10) if $length == 127 && length $self->{in} >= 10;
		last if length $self->{in} < $skip + $length;
		my $data = substr $self->{in}, $skip, $length;
		substr $self->{in}, 0, $skip + $length, '';
		push @{ $self->{frames} }, [ $first, $length ];
		if (($first & 15) >= 8)
		{
			$self->{ $first & 15 } = $data;
			next;
		}
		$self->{part} = ($first & 15) ? $data : $self->{part} . $data;
		push @{ $self->{text} }, $self->{part} if $first & 128;
	}
	return;
}

# Cut what has come into chunks of HTTP.
sub take_chunks
{
	my ($self) = @_;
	while ($self->{in} =~ /^([0-9a-f]+)\r\n/)
	{
		my ($head, $length) = ($+[0], hex $1);
		last if length $self->{in} < $head + $length + 2;
		my $data = substr $self->{in}, $head, $length;
		die 'no line end behind a chunk' unless substr($self->{in}, $head + $length, 2) eq "\r\n";
		substr $self->{in}, 0, $head + $length + 2, '';
		push @{ $self->{chunks} }, $data;
		$self->{stream} .= $data;
		$self->{last_chunk} = 1 unless $length;
	}
	return;
}

# Send one frame; masked, with a mask that changes nothing.
sub say
{
	my ($self, $text, $opcode) = @_;
	my $length = length $text;
	my $size = $length < 126 ? pack('C', 128 | $length)
	  : $length < 65536 ? pack('Cn', 254, $length) : pack('CQ>', 255, $length);
	$self->put(pack('C', 128 | ($opcode // 1)) . $size . "\0" x 4 . $text);
	return;
}

# The next message of a WebSocket.
sub hear
{
	my ($self, $seconds) = @_;
	$self->fill(sub { @{ $self->{text} } }, $seconds);
	return shift @{ $self->{text} };
}

# The next event of a stream: everything up to an empty line, with it.
sub hear_event
{
	my ($self, $seconds) = @_;
	$self->fill(sub { $self->{stream} =~ /\n\n/ }, $seconds);
	return $self->{stream} =~ s/^(.*?\n\n)//s ? $1 : undef;
}

# Everything heard until a message that matches, and that one.
sub hear_until
{
	my ($self, $pattern, $seconds) = @_;
	my @heard;
	while (defined(my $text = $self->hear($seconds)))
	{
		push @heard, $text;
		last if $text =~ $pattern;
	}
	return @heard;
}

1;
