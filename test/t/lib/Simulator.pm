# The provider simulator, started and commanded from TAP tests.
#
#	my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
#	$simulator->url('nano');				ws://127.0.0.1:PORT
#	$simulator->http('tonapi');				http://127.0.0.1:PORT
#	$simulator->command('rate 1000');		what follows "ok"; dies of an error
#	$simulator->stats->{sent};
#
# The program is CHAINSTREAM_SIMULATOR of the environment, or what
# `make simulator` builds.  It is gone when the object is, and even when this
# process is killed.
package Simulator;

use strict;
use warnings FATAL => 'all';

use Carp;
use File::Basename qw(dirname);
use File::Spec;
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use Time::HiRes qw(time usleep);

# Seconds after which anything that is waited for counts as failed.
our $TIMEOUT = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 180;

my $PROGRAM = File::Spec->rel2abs(
	$ENV{CHAINSTREAM_SIMULATOR}
	  // dirname(__FILE__) . '/../../../build/simulator/chainstream-simulator');

# Start one; a control port is added to the arguments.
sub new
{
	my ($class, %options) = @_;
	my $self = bless { out => '', err => '', urls => {} }, $class;
	my @command = (
		$PROGRAM, '--die-with-parent', '--control', '0',
		@{ $options{args} // [] });
	$self->{run} = IPC::Run::start(\@command, '<', \undef, '>', \$self->{out},
		'2>', \$self->{err});
	my $deadline = time + $TIMEOUT;
	until ($self->{out} =~ /^ready$/m)
	{
		croak "the simulator did not start: $self->{err}"
		  if !$self->{run}->pumpable || time > $deadline;
		$self->{run}->pump_nb;
		usleep 5_000;
	}
	while ($self->{out} =~ /^listening (\S+) (\S+)$/mg)
	{
		my ($what, $where) = ($1, $2);
		if ($what eq 'control')
		{
			$self->{control} = $where;
		}
		else
		{
			push @{ $self->{urls}{$what} }, $where;
		}
	}
	return $self;
}

# The URL of a network's listener: the first, or the first with this scheme.
sub url
{
	my ($self, $dialect, $scheme) = @_;
	my ($url) = grep { !defined $scheme || /^\Q$scheme\E:/ } @{ $self->{urls}{$dialect} // [] };
	return $url // croak "the simulator serves no $dialect";
}

# The same for plain HTTP and streams: http:// or https://.
sub http
{
	my ($self, $network, $scheme) = @_;
	return $self->url($network, defined $scheme ? $scheme =~ s/^http/ws/r : undef) =~ s/^ws/http/r;
}

# host:port of the control port
sub control { return $_[0]{control} }

# Send the process a signal: 'TERM', 'KILL', 'STOP', 'CONT'.
sub signal
{
	my ($self, $name) = @_;
	$self->{run}->signal($name);
	return;
}

# What it wrote to standard error so far.
sub errors
{
	my ($self) = @_;
	$self->{run}->pump_nb if $self->{run} && $self->{run}->pumpable;
	return $self->{err};
}

# Send a command, return what it answers after "ok".
sub command
{
	my ($self, $command) = @_;
	my $socket = $self->{socket} //= IO::Socket::INET->new(
		PeerAddr => $self->{control},
		Proto    => 'tcp',
		Timeout  => $TIMEOUT) // croak "cannot reach the simulator: $!";
	$self->errors;
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { croak "the simulator does not answer: $command" };
	alarm $TIMEOUT;
	my $answer = $socket->print("$command\n") ? $socket->getline : undef;
	alarm 0;
	croak 'the simulator is gone: ' . $self->errors unless defined $answer;
	chomp $answer;
	croak "$command: $answer" unless $answer =~ s/^ok ?//;
	return $answer;
}

# Everything it counts, as a hash.
sub stats
{
	my ($self) = @_;
	return JSON::PP::decode_json($self->command('stats'));
}

# What each client is subscribed to, as a list.
sub subscriptions
{
	my ($self) = @_;
	return @{ JSON::PP::decode_json($self->command('subscriptions')) };
}

# Wait until this is true; it is called with the simulator.
sub wait_for
{
	my ($self, $condition) = @_;
	my $deadline = time + $TIMEOUT;
	until ($condition->($self))
	{
		croak 'the simulator never came to it' if time > $deadline;
		usleep 10_000;
	}
	return 1;
}

# Close politely, and wait until it has ended; force it if it does not.
sub stop
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;
	delete $self->{socket};
	$run->kill_kill(grace => 10);
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $?, $!);
	my $run = delete $self->{run} or return;
	eval { $run->kill_kill(grace => 1); 1 } or warn $@;
	return;
}

1;
