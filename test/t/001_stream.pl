# A source from its first statement to its last: rows, notifications, and
# changes of the configuration while it runs.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
my $url = $simulator->url('nano');
my $server = new_server('stream');
my ($confirmation) = sample('nano/confirmation.jsonl');

# ---------- three statements, and rows come ----------

sql($server, "SELECT chainstream.add_source('nano', provider => 'nano', url => '$url')");
wait_until($server,
	"SELECT state = 'idle' AND connections = 1 FROM chainstream.status WHERE name = 'nano'",
	'without a watched address the source is connected and idle');
is($simulator->command('subscriptions') =~ /confirmation/ ? 1 : 0, 0,
	'and nothing is subscribed');

sql($server, "SELECT chainstream.watch('nano', '" . ALICE . "', 'alice')");
wait_state($server, 'nano', 'streaming');
wait_until($server, "SELECT state = 'active' FROM chainstream.watch_status",
	'the watch is active once the node acknowledged it');
is(sql($server, "SELECT topic || ' ' || state FROM chainstream.subscription_status"),
	'confirmation active', 'so is the subscription');

my $listener = session_start($server, 'LISTEN chainstream');
$simulator->command("send $confirmation");
wait_until($server, "SELECT count(*) = 1 FROM chainstream.transactions", 'one row');
is( sql($server,
		"SELECT source, topic, status, hash, account, counterparty, direction, amount, asset
		 FROM chainstream.transactions"),
	join('|', 'nano', 'confirmation', 'finalized',
		'5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C',
		ALICE, BOB, 'out', '417000000000000000000000000', 'XNO'),
	"from the account's point of view");
is(sql($server, "SELECT payload #>> '{message,block,type}' FROM chainstream.transactions"),
	'state', 'with the message as received');
is(sql($server, "SELECT pg_input_ok FROM (SELECT json_typeof(payload) = 'object' AS pg_input_ok FROM chainstream.transactions) t"),
	't', 'which is JSON');
is(sql($server, "SELECT source, position->>'time' FROM chainstream.cursors"),
	'nano|1744409899351', 'the position was committed');

my @told = session_end($listener);
is(scalar @told, 1, 'one notification');
like($told[0]{payload},
	qr/^\{"source":"nano","table":"transactions","first_id":(\d+),"last_id":\1,"count":1,"rows":\[\{"id":\1,"topic":"confirmation","status":"finalized","hash":"5E66/,
	'which carries the row');

# ---------- both parties watched: two rows; a duplicate: none ----------

my $requests = $simulator->stats->{connections};
sql($server, "SELECT chainstream.watch('nano', '" . BOB . "')");
wait_until($server, "SELECT count(*) = 2 FROM chainstream.watch_status WHERE state = 'active'",
	'a second watch becomes active');
is($simulator->stats->{connections}, $requests, 'without a reconnect');

my $other = $confirmation;
$other =~ s/5E6652/5E6653/;
$simulator->command("send $other");
wait_until($server, "SELECT count(*) = 3 FROM chainstream.transactions", 'two more rows');
is( sql($server,
		"SELECT account, direction, ordinal FROM chainstream.transactions
		 WHERE hash LIKE '5E6653%' ORDER BY id"),
	ALICE . "|out|0\n" . BOB . '|in|1', 'one for each party');
$simulator->command("send $other");
wait_until($server, "SELECT duplicates = 2 FROM chainstream.status",
	'the same notification again is counted');
is(count_rows($server, 'transactions'), 3, 'and not stored');

# ---------- live, at commit and only then ----------

my $carol = 'nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3';
sql($server, "BEGIN; SELECT chainstream.watch('nano', '$carol'); ROLLBACK");
sql($server,
	"INSERT INTO chainstream.watches (source, target) VALUES ('nano', 'xrb_" . substr($carol, 5) . "')");
wait_until($server,
	"SELECT state = 'active' FROM chainstream.watch_status WHERE target = '$carol'",
	'plain SQL works like the function');
my $updates = () = $simulator->command('subscriptions') =~ /$carol/g;
is($updates, 1, 'the node has the address once');

sql($server, "SELECT chainstream.unwatch('nano', '$carol')");
$simulator->wait_for(sub { $_[0]->command('subscriptions') !~ /$carol/ });
unlike($simulator->command('subscriptions'), qr/$carol/, 'and no more after unwatch');

# ---------- everything ----------

sql($server, "SELECT chainstream.watch('nano', '*')");
$simulator->wait_for(sub { $_[0]->command('subscriptions') !~ /accounts/ });
my @confirmations = sample('nano/confirmation.jsonl');
$simulator->command("send $confirmations[2]");
wait_until($server,
	"SELECT count(*) = 1 FROM chainstream.transactions WHERE direction IS NULL",
	'a confirmation without its block has no direction');

# ---------- other topics, own channel ----------

sql($server, "SELECT chainstream.subscribe('nano', 'vote', channel => 'votes')");
wait_until($server,
	"SELECT state = 'active' FROM chainstream.subscription_status WHERE topic = 'vote'",
	'a topic is added to a running source');
$listener = session_start($server, 'LISTEN votes');
my ($vote) = sample('nano/vote.jsonl');
$simulator->command("send $vote");
wait_until($server, "SELECT count(*) > 0 FROM chainstream.events WHERE kind = 'vote'",
	'its events are stored');
@told = session_end($listener);
is($told[0]{channel}, 'votes', 'and announced on its own channel');
sql($server, "SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions WHERE topic = 'vote'");
$simulator->wait_for(sub { $_[0]->command('subscriptions') !~ /vote/ });
pass('unsubscribe reaches the node');

# ---------- pause, resume, alter, drop ----------

my $pid = worker_pid($server, 'nano');
sql($server, "SELECT chainstream.pause('nano')");
wait_until($server, "SELECT state = 'paused' AND pid IS NULL FROM chainstream.status",
	'pause ends the worker');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)",
	'and its process');
sql($server, "SELECT chainstream.resume('nano')");
wait_state($server, 'nano', 'streaming');

my $second = Simulator->new(args => [ '--listen', 'nano=0' ]);
sql($server, "SELECT chainstream.alter_source('nano', url => '" . $second->url('nano') . "')");
$second->wait_for(sub { $_[0]->stats->{clients} == 1 });
pass('a new URL is connected to');
wait_state($server, 'nano', 'streaming');

is( sql($server,
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'chainstream worker'
		 AND application_name = 'nano' AND xact_start IS NULL AND backend_xmin IS NULL"),
	1, 'an idle worker holds neither transaction nor snapshot');

sql($server, "SELECT chainstream.drop_source('nano')");
wait_until($server,
	"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')",
	'a dropped source has no worker');
isnt(count_rows($server, 'transactions'), 0, 'its history stays');

$server->stop;
done_testing();
