# The life of a source of TON Center: both transports, traces that become
# final or void, limits that are learned, faults, and what the views say of it
# all.  A role without privileges of its own owns every source.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use IO::Socket::INET;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

# Sender and recipient of the recorded traces, as the server and people write them.
my $ALICE = '0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC';
my $ALICE_FRIENDLY = 'UQCdqXGvONLwOr3zCNX5FjapflorB6ZsOdcdfLrjsDLt3AF4';
my $BOB = '0:4E3664FAEE814FBDB6C1CB36D72BAC52D15E186C11ECD664FE1B3F1A7CFD801D';
my $JETTON = '0:B113A994B5024A16719F69139328EB759596C38A25F59028B146FECDC3621DFE';
my $TRACE = '26500c89308e8dbc5715b0c797fe6f6bdcaaab47df9e7f00b393401590dec8c8';

sub simulator { return Simulator->new(args => [ '--listen', 'toncenter=0', @_ ]) }

sub endpoint
{
	my ($simulator, $transport) = @_;
	my $url = $simulator->url('toncenter');
	return "$url/api/streaming/v2/ws" if ($transport // '') ne 'sse';
	return $url =~ s/^ws/http/r . '/api/streaming/v2/sse';
}

my $server = new_server('toncenter');
my ($grants) = slurp_file("$FindBin::RealBin/../../doc/privileges.md") =~ /^```sql\n(.*?)^```$/ms;
sql($server, "$grants; GRANT chain_reader TO chain_admin");

# Everything that follows is done, and seen, by a plain role.
sub admin
{
	my ($query) = @_;
	return $server->safe_psql('postgres', $query, extra_params => [ '-U', 'chain_admin' ]);
}

sub add
{
	my ($name, $simulator, %options) = @_;
	my $transport = delete $options{transport} // 'websocket';
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;
	return admin("SELECT chainstream.add_source('$name', provider => 'toncenter',
		transport => '$transport', url => '" . endpoint($simulator, $transport) . "'$more)");
}

sub watch { my ($name, @targets) = @_; return admin("SELECT chainstream.watch('$name', ARRAY['" . join("','", @targets) . "'])") }

sub watched
{
	my ($name, $count, $what) = @_;
	return wait_until($server, "SELECT count(*) = $count FROM chainstream.watch_status
		WHERE source = '$name' AND state = 'active'", $what);
}

# "topic state" of each subscription, with its words if it has any.
sub topics_of
{
	my ($name) = @_;
	return admin("SELECT string_agg(concat_ws(' ', topic, state, detail), ', ' ORDER BY subscription_id)
		FROM chainstream.subscription_status WHERE source = '$name'");
}

# Wait until the source's only topic is in this state, with these words (as LIKE has them).
sub topic_says
{
	my ($name, $words, $what) = @_;
	return wait_until($server, "SELECT concat_ws(' ', topic, state, detail) LIKE '$words'
		FROM chainstream.subscription_status WHERE source = '$name'", $what);
}

# What check_source() finds out.
sub checked
{
	my ($name) = @_;
	return admin("SELECT string_agg(step || ' ' || outcome, ', ') FILTER (WHERE outcome <> 'skipped')
		FROM chainstream.check_source('$name')");
}

# What the server's first client, or each client, is subscribed to.
sub asked { my ($simulator) = @_; return map { $_->{topics} } $simulator->subscriptions }

# Columns of the rows of a table since an id.
my $seen = 0;
sub rows
{
	my ($table, $columns) = @_;
	my $result = admin("SELECT $columns FROM chainstream.$table WHERE id > $seen ORDER BY id");
	$seen = admin("SELECT greatest((SELECT max(id) FROM chainstream.transactions), (SELECT max(id) FROM chainstream.events), $seen)");
	return $result;
}

sub arrive
{
	my ($table, $count, $what) = @_;
	return wait_until($server, "SELECT count(*) = $count FROM chainstream.$table WHERE id > $seen", $what);
}

my $MOVED = "account, counterparty, direction, amount, asset, status, height";

# ---------- what takes long begins now and is looked at in the end ----------

my $calm = simulator('--set', 'idle-ms=30000');
my %frozen = map { $_ => simulator() } qw(websocket sse);
add('calm', $calm);
watch('calm', $ALICE);
for my $transport (sort keys %frozen)
{
	add("frozen_$transport", $frozen{$transport}, transport => $transport);
	watch("frozen_$transport", $ALICE);
	watched("frozen_$transport", 1, "a watch over $transport");
	$frozen{$transport}->command('halfopen');
}

# ---------- three statements, and rows come ----------

my $simulator = simulator('--accounts', '40', '--set', 'confirm-ms=0', '--set', 'finalize-ms=0');
add('ton', $simulator);
wait_state($server, 'ton', 'idle');
is(topics_of('ton'), 'transactions idle waiting for a watched address',
	'without a watched address nothing is asked for');
is($simulator->stats->{connections}, 0, 'nor is there a connection');

my $listener = session_start($server, 'LISTEN chainstream');
is(watch('ton', $ALICE_FRIENDLY), 1, 'an address as wallets show it');
wait_state($server, 'ton', 'streaming');
watched('ton', 1, 'is watched once the server acknowledged it');
topic_says('ton', 'transactions active', 'so is the subscription active');
is_deeply([ asked($simulator) ],
	[ { types => ['transactions'], addresses => [$ALICE], trace_external_hash_norms => [], min_finality => 'pending',
			include_address_book => JSON::PP::false, include_metadata => JSON::PP::false,
			action_types => [], supported_action_types => [] } ],
	'the server has it in its own spelling, with every setting');

my @life = sample('toncenter/lifecycle-simple.jsonl');
$simulator->command("send $_") for @life;
arrive('transactions', 3, 'a transfer of which three things are told');
is(rows('transactions', $MOVED), join("\n",
		map { join '|', $ALICE, $BOB, 'out', '1000000000', 'TON', $_ }
		  'pending|', 'confirmed|', 'finalized|50502676'),
	'three rows of the watched account');
is(admin("SELECT DISTINCT json_typeof(payload), payload ->> 'type', json_array_length(payload -> 'transactions'),
		payload #>> '{transactions,0,account}' FROM chainstream.transactions"),
	"object|transactions|1|$ALICE", 'each with what the message says of it, which is JSON');
is(admin("SELECT scope, position FROM chainstream.cursors WHERE source = 'ton'"),
	'|{"mc_block_seqno": 50502676}', 'the position was committed');
is(admin("SELECT status, direction FROM chainstream.transaction_state WHERE source = 'ton' ORDER BY id"),
	"pending|out\nfinalized|out", 'the guess keeps its own hash, the transaction is final');
my @told = session_end($listener);
my @carried = map { @{ JSON::PP::decode_json($_->{payload})->{rows} } } @told;
is_deeply([ map { $_->{status} } @carried ], [qw(pending confirmed finalized)], 'the notifications carry the rows');
is_deeply($carried[2], { %{ $carried[2] }, topic => 'transactions', account => $ALICE, direction => 'out',
		amount => '1000000000', asset => 'TON', height => 50502676 }, 'with their columns');

$simulator->command("send $life[2]");
wait_until($server, "SELECT duplicates = 1 FROM chainstream.status WHERE name = 'ton'", 'the same again is counted');
is(rows('transactions', '*'), '', 'and not stored');

# Notifications come in any order: what is older than what is known is none.
my @late = map { s/JlAMiT/LateAa/gr =~ s/"hash":"(jfTlOC|9QeaIi)/"hash":"LateAa/gr } @life;
$simulator->command("send $_") for @late[ 2, 1, 0 ];
$simulator->command('send ' . $life[0] =~ s/JlAMiT/LateAb/gr =~ s/"hash":"(tVyTkY|vHtrlf)/"hash":"LateAb/gr);
arrive('transactions', 2, 'announcements that come too late');
is(rows('transactions', 'status'), "finalized\npending", 'are no rows');

# ---------- deposits, in the words of the README ----------

my $connections = $simulator->stats->{connections};
watch('ton', $BOB);
watched('ton', 2, 'a second watch becomes active');
my @recorded = sample('toncenter/transactions.jsonl');
$simulator->command("send $recorded[3]");
arrive('transactions', 1, 'its transfer arrives');
is(admin("SELECT hash, counterparty, amount, asset FROM chainstream.transfers
		WHERE account = '$BOB' AND direction = 'in' AND status = 'finalized'"),
	"8df4e5382686f42cae120c94d8dc823555d9bdd27e311c0f0fb61933b13381ab|$ALICE|1000000000|TON",
	'a deposit');
rows('transactions', '1');

# ---------- changes of the watch list under traffic ----------

my @pool = split / /, $simulator->command('accounts 0 40');
watch('ton', @pool);
watched('ton', 42, 'the accounts of the traffic are watched');
my $before = $simulator->stats->{topics}{transactions};
$simulator->command('count 1000');
$simulator->command('rate 500');
for my $n (1 .. 8)
{
	admin("SELECT chainstream.unwatch('ton', '$BOB')");
	$simulator->wait_for(sub { @{ (asked($_[0]))[0]{addresses} } == 41 });
	watch('ton', $BOB);
	$simulator->wait_for(sub { @{ (asked($_[0]))[0]{addresses} } == 42 });
}
$simulator->wait_for(sub { $_[0]->stats->{generated} >= 1000 && $_[0]->stats->{queued} == 0 });
my $sent = $simulator->stats->{topics}{transactions} - $before;
is($sent, 3000, 'each transfer was told of three times');
arrive('transactions', 2 * $sent, 'and each time a row of either side is stored, whatever is watched meanwhile');
is(admin("SELECT count(DISTINCT (hash, status)), count(*) FILTER (WHERE direction IS NULL)
		FROM chainstream.transactions WHERE id > $seen"), 2 * $sent . '|0', 'once each');
is($simulator->stats->{connections}, $connections, 'all on the first connection');
rows('transactions', '1');

# ---------- what is not committed, and what is taken back ----------

my $carol = '-1:' . '5' x 64;
admin("BEGIN; SELECT chainstream.watch('ton', '$carol'); ROLLBACK");
is(admin("SELECT chainstream.unwatch('ton', ARRAY['" . join("','", @pool) . "'])"), 40, 'unwatch');
$simulator->wait_for(sub { @{ (asked($_[0]))[0]{addresses} } < 40 });
is_deeply([ sort @{ (asked($simulator))[0]{addresses} } ], [ $BOB, $ALICE ],
	'the server is left with what is watched; a rolled back watch never got there');

# ---------- every topic ----------

admin("SELECT chainstream.subscribe('ton', topic, channel => CASE topic WHEN 'actions' THEN 'tokens' END)
	FROM unnest(ARRAY['actions', 'account_state_change', 'jettons_change']) topic");
wait_until($server, "SELECT count(*) = 4 FROM chainstream.subscription_status WHERE source = 'ton' AND state = 'active'",
	'topics are added to a running source');
is_deeply((asked($simulator))[0]{types}, [qw(transactions actions account_state_change jettons_change)],
	'in the one subscription of the connection');
is($simulator->stats->{connections}, $connections, 'without another connection');

$listener = session_start($server, 'LISTEN tokens');
my @actions = sample('toncenter/actions.jsonl');
$simulator->command("send $_") for $actions[0], $actions[4];
arrive('events', 4, 'actions are events');
is(rows('events', "kind, $MOVED, transaction_hash"), join("\n",
		(map { "ton_transfer|$_||1000000000|TON|pending||$TRACE" } "$ALICE|$BOB", "$BOB|$ALICE"),
		(map { "jetton_transfer|$_|1000000|$JETTON|finalized|50503953|f97ab943d8030dbbf600e700ba39c021042e807efa27c73689dad7db2003e476" }
			"$ALICE|$BOB|out", "$BOB|$ALICE|in")),
	'of both parties; native coins are counted with transactions, tokens here');
@told = session_end($listener);
is_deeply([ map { $_->{channel} } @told ], [ ('tokens') x @told ], 'announced on their own channel');
isnt(scalar @told, 0, 'and they are');
is(admin("SELECT amount, asset, direction FROM chainstream.transfers WHERE topic = 'actions' AND account = '$BOB' AND status = 'finalized'"),
	"1000000|$JETTON|in", 'a deposit of tokens');

my @states = sample('toncenter/account_state_change.jsonl');
$simulator->command("send $_") for @states[ 0, 1 ];
arrive('events', 2, 'states of an account');
is(rows('events', "kind, account, status, hash, amount, payload #>> '{state,balance}'"), join("\n",
		map { "account_state_change|$ALICE|$_|5bc92c350d57bf7b6b42fe80268d804e52489d56fc914d9e374c93c932b1db51||72554299316" }
		  qw(confirmed finalized)),
	'with the balance as received');
my @jettons = sample('toncenter/jettons_change.jsonl');
$simulator->command("send $jettons[0]");
arrive('events', 1, 'a balance of tokens');
is(rows('events', "kind, account, asset, status, payload #>> '{jetton,balance}'"),
	"jettons_change|$ALICE|$JETTON|confirmed|9024902", 'of its owner');

# Errors of the user, in words.
for my $case (
	[ q(SELECT chainstream.subscribe('ton', 'trace', '{"min_finality": "finalized"}')),
		qr/argument "min_finality" is not given here.*HINT: +Set it with chainstream.alter_source\(\) as an option/s, 'a setting of the source' ],
	[ q(SELECT chainstream.subscribe('ton', 'trace', '{"addresses": []}')),
		qr/argument "addresses" is not given here.*HINT: +Name accounts with chainstream.watch/s, 'addresses' ],
	[ q(SELECT chainstream.subscribe('ton', 'actions')), qr/already subscribed to topic "actions"/, 'a topic twice' ],
	[ q(SELECT chainstream.watch('ton', '*')),
		qr/provider "toncenter" cannot watch everything.*HINT: +Watch the addresses/s, 'everything' ],
	[ q(SELECT chainstream.watch('ton', '0:12')), qr/invalid .*address.*/is, 'what is no address' ],
	[ q(SELECT chainstream.subscribe('ton', 'blocks')), qr/topic "blocks".*HINT/s, 'a topic that there is not' ])
{
	my ($query, $expected, $what) = @$case;
	my ($result, undef, $errors) = $server->psql('postgres', $query, extra_params => [ '-U', 'chain_admin' ]);
	like($errors, $expected, "$what is refused");
}

admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions
	WHERE source = 'ton' AND topic IN ('account_state_change', 'jettons_change')");
$simulator->wait_for(sub { @{ (asked($_[0]))[0]{types} } == 2 });
is_deeply((asked($simulator))[0]{types}, [qw(transactions actions)], 'unsubscribe reaches the server');

# ---------- one transaction and all it causes ----------

my @traces = sample('toncenter/trace.jsonl');
ok(admin("SELECT chainstream.watch_transaction('ton', 'JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=')"), 'a trace is watched');
my $watch = "FROM chainstream.watch_status WHERE source = 'ton' AND kind = 'transaction'";
wait_until($server, "SELECT detail LIKE '%subscribe trace' $watch", 'which says what is still missing');
is(admin("SELECT target, state, detail $watch"),
	"$TRACE|pending|no subscription of this source takes watched transactions: subscribe trace", 'in words');
admin("SELECT chainstream.subscribe('ton', 'trace')");
wait_until($server, "SELECT state = 'active' $watch", 'then it is active');
is((asked($simulator))[0]{trace_external_hash_norms}[0], 'JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=',
	'asked for in the spelling that the server compares');
$simulator->command("send $_") for @traces[ 0 .. 1 ];
arrive('transactions', 4, 'its transactions are rows');
is(admin("SELECT state $watch"), 'active', 'what is not final yet is watched on');
$simulator->command("send $traces[2]");
wait_until($server, "SELECT state = 'done' $watch", 'and done when it is');
is(admin("SELECT DISTINCT topic, direction, transaction_hash FROM chainstream.events WHERE id > $seen AND topic = 'trace'"),
	"trace||$TRACE", 'its actions are events');
rows('transactions', '1');
$simulator->wait_for(sub { !@{ (asked($_[0]))[0]{trace_external_hash_norms} } });
is(topics_of('ton') =~ /(trace .*)/ && $1, 'trace idle waiting for a watched transaction', 'nothing more is asked for');
my $pid = worker_pid($server, 'ton');
sql($server, "SELECT pg_terminate_backend($pid)");
wait_until($server, "SELECT pid <> $pid AND state = 'streaming' FROM chainstream.status WHERE name = 'ton'", 'another worker');
watched('ton', 2, 'asks for the addresses again');
is_deeply([ map { $_->{trace_external_hash_norms} } asked($simulator) ], [ [] ], 'and not for what is done');
is(admin("SELECT state $watch"), 'done', 'which is remembered');

# ---------- settings are those of the connection ----------

admin(q(SELECT chainstream.alter_source('ton', options => '{"min_finality": "finalized",
	"include_address_book": true, "action_types": ["ton_transfer"]}')));
$simulator->wait_for(sub { my ($topics) = asked($_[0]); $topics && $topics->{min_finality} eq 'finalized' });
watched('ton', 2, 'with other settings');
is_deeply([ @{ (asked($simulator))[0] }{qw(include_address_book action_types)} ], [ JSON::PP::true, ['ton_transfer'] ],
	'the server has them');
my @other = map { s/JlAMiTCOjbxXFbDHl/KlAMiTCOjbxXFbDHl/gr =~ s/"hash":"jfTl/"hash":"kfTl/r =~ s/"hash":"9QeaI/"hash":"8QeaI/r } @life;
$simulator->command("send $_") for @other;
arrive('transactions', 2, 'only what is final is told');
is(rows('transactions', "status, payload ->> 'address_book' IS NULL"), "finalized|t\nfinalized|t",
	'two transactions in one message have no address book');
$simulator->command("send $actions[2]");
arrive('events', 2, 'an action');
is(rows('events', "DISTINCT kind, payload ->> 'address_book' IS NULL, id") =~ s/\|\d+$//mgr, "ton_transfer|f\nton_transfer|f",
	'one thing has it');
admin("SELECT chainstream.alter_source('ton', options => '{}')");
$simulator->wait_for(sub { my ($topics) = asked($_[0]); $topics && $topics->{min_finality} eq 'pending' });
watched('ton', 2, 'and back');
is_deeply((asked($simulator))[0]{action_types}, [], 'a setting that sticks is gone with its connection');
admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions WHERE source = 'ton' AND topic = 'actions'");

# ---------- traces that are guessed, replaced, void, and come back ----------

my $lives = simulator('--set', 'confirm-ms=3600000', '--set', 'finalize-ms=3600000');
my ($from, $to) = split / /, $lives->command('accounts 0 2');
add('lives', $lives);
watch('lives', split / /, $lives->command('accounts 0 1000'));
watched('lives', 1000, 'a thousand accounts');

# Status of each transaction of the last trace, in the order of the rows.
sub fates
{
	return admin("SELECT string_agg(status, ' ' ORDER BY id) FROM chainstream.$_[0] WHERE source = 'lives' AND id > $seen");
}
$lives->command('trace');
arrive('transactions', 2, 'a trace is pending');
is($lives->command('invalidate'), 1, 'and void');
arrive('transactions', 4, 'which is two more rows');
is(fates('transactions'), 'pending pending removed removed', 'that take back what was announced');
is(admin("SELECT count(*) FROM chainstream.transactions p JOIN chainstream.transactions r
		USING (hash, account, ordinal, counterparty, direction, amount, asset)
		WHERE p.id > $seen AND p.status = 'pending' AND r.status = 'removed'"), 2, 'with the same columns');
is(fates('transaction_state'), 'removed removed', 'and its end is: removed');
$lives->command('set finalize-ms 0');
$lives->command('comeback');
arrive('transactions', 8, 'it comes back');
is(fates('transactions'), 'pending pending removed removed confirmed confirmed finalized finalized', 'confirmed and final');
is(fates('transaction_state'), 'removed removed finalized finalized', 'under hashes of its own');
rows('transactions', '1');

$lives->command('set finalize-ms 3600000');
$lives->command('set confirm-ms 1');
$lives->command('trace');
arrive('transactions', 4, 'a trace is confirmed');
is(fates('transaction_state'), 'pending pending confirmed confirmed', 'a confirmed row replaces no guess');
$lives->command('invalidate');
arrive('transactions', 6, 'its block was replaced');
is(fates('transaction_state'), 'pending pending removed removed', 'what was confirmed is removed');
$lives->command('set finalize-ms 0');
$lives->command('comeback');
arrive('transactions', 10, 'it was in the other block, too');
is(fates('transaction_state'), 'pending pending finalized finalized', 'and the same transactions are final');
is(admin("SELECT count(*) FROM chainstream.transfers WHERE source = 'lives' AND id > $seen AND direction = 'in' AND status = 'finalized'"),
	1, 'the deposit counts once');
rows('transactions', '1');
admin("SELECT chainstream.drop_source('lives')");

# ---------- limits of a key ----------

my $limits = simulator();
$limits->command('key plan 2 3');
$limits->command('key more 3 3');
my @many = split / /, $limits->command('accounts 0 8');
add('limits', $limits, token => 'plan');
watch('limits', @many[ 0 .. 4 ]);
watched('limits', 5, 'five addresses, where a connection takes three');
is_deeply([ sort map { scalar @{ $_->{addresses} } } asked($limits) ], [ 2, 3 ], 'are on two connections');
is(status_of($server, 'limits', 'connections'), 2, 'which the status shows');
watch('limits', @many[ 5 .. 7 ]);
my $beyond = "FROM chainstream.watch_status WHERE source = 'limits' AND state = 'over_limit'";
wait_until($server, "SELECT count(*) = 2 $beyond", 'of eight, two are over the limit');
is(admin("SELECT DISTINCT detail $beyond"), 'address limit exceeded: current 0 + new 5 > max 3', "in the server's words");
watched('limits', 6, 'the others are active');
is(status_of($server, 'limits', 'state'), 'streaming', 'and stream');
topic_says('limits', 'transactions active', 'the topic is active');
$limits->command('set confirm-ms 0');
$limits->command('set finalize-ms 0');
my %active = map { $_ => 1 } map { @{ $_->{addresses} } } asked($limits);
is(scalar keys %active, 6, 'no address is on both');
$limits->command("send " . $life[0] =~ s/$ALICE/$_/gr) for sort keys %active;
arrive('transactions', 6, 'both connections deliver');
rows('transactions', '1');
is(admin("SELECT chainstream.unwatch('limits', ARRAY['" . join("','", (sort keys %active)[ 0, 5 ]) . "'])"), 2, 'where two are unwatched');
watched('limits', 6, 'two that waited move in');
is(admin("SELECT count(*) $beyond"), 0, 'and none is over the limit');

watch('limits', (sort keys %active)[ 0, 5 ]);
wait_until($server, "SELECT count(*) = 2 $beyond", 'two too many again');
admin(q(SELECT chainstream.alter_source('limits', options => '{"max_connections": 3}')));
wait_until($server, "SELECT count(*) > 0 $beyond AND detail = 'connection limit reached: 2 active connections'",
	'a third connection is refused');
wait_until($server, "SELECT state = 'degraded' AND connections = 2 AND next_retry_at IS NOT NULL
	AND last_error LIKE '%: connection limit reached: 2 active connections' FROM chainstream.status WHERE name = 'limits'",
	'the status says why, and when it is tried again');
watched('limits', 5, 'the others go on');
admin("SELECT chainstream.set_token('limits', 'more')");
watched('limits', 8, 'a better key takes them all');
is(status_of($server, 'limits', 'connections'), 3, 'on three connections');
admin("SELECT chainstream.drop_source('limits')");

# Streams of events likewise; with all connections in use, one makes room for its successor.
$limits->command('key streams 2 2');
add('streams', $limits, transport => 'sse', token => 'streams');
watch('streams', @many[ 0 .. 2 ]);
watched('streams', 3, 'three addresses on streams that take two');
is_deeply([ sort map { scalar @{ $_->{addresses} } } asked($limits) ], [ 1, 2 ], 'are on two streams');
watch('streams', @many[ 3 .. 4 ]);
watched('streams', 4, 'one more is served');
wait_until($server, "SELECT count(*) = 1 FROM chainstream.watch_status WHERE source = 'streams'
	AND state = 'over_limit' AND detail LIKE '% HTTP 400 Bad Request: too many addresses: 3 > max 2'", 'the other is over the limit');
$limits->wait_for(sub { my @all = asked($_[0]); @all == 2 && 4 == map { @{ $_->{addresses} } } @all });
wait_state($server, 'streams', 'streaming');
admin("SELECT chainstream.drop_source('streams')");

# A connection that was lost counts for a while.
$limits->command('key lone 1 0');
add('lone', $limits, token => 'lone');
watch('lone', $ALICE);
watched('lone', 1, 'the only connection of a key');
$limits->command('set linger-ms 3600000');
$limits->command('drop');
wait_until($server, "SELECT state = 'backoff' AND last_error LIKE '%: connection limit reached: 1 active connections'
	FROM chainstream.status WHERE name = 'lone'", 'lost, it counts still');
topic_says('lone', 'transactions over_limit connection limit reached: 1 active connections', 'and the topic says so');
$limits->command('key lone 2 0');
watched('lone', 1, 'until there is room');
topic_says('lone', 'transactions active', 'for the topic as well');
admin("SELECT chainstream.drop_source('lone')");

# ---------- keys, and how they are sent ----------

# What a server hears of a source with this token and these options.
sub greeting
{
	my ($transport, $options) = @_;
	my $ear = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
	my $url = ($transport eq 'sse' ? 'http' : 'ws') . '://127.0.0.1:' . $ear->sockport . '/stream';
	admin("SELECT chainstream.add_source('ear', provider => 'toncenter', transport => '$transport',
		url => '$url', options => '$options', token => 'a+secret')");
	watch('ear', $ALICE);
	$ear->timeout($Simulator::TIMEOUT);
	my $caller = $ear->accept or die 'nobody came';
	my $heard = '';
	sysread $caller, $heard, 4096, length $heard while $heard !~ /\r\n\r\n/;
	admin("SELECT chainstream.drop_source('ear')");
	return $heard;
}
like(greeting('websocket', '{}'), qr/^X-API-Key: a\+secret\r$/mi, 'a key goes into a header');
like(greeting('sse', '{"authentication": "tonapi"}'), qr/^Authorization: Bearer a\+secret\r$/mi, 'as TonAPI wants it');
like(greeting('websocket', '{"token_in": "query"}'), qr{^GET /stream\?api_key=a%2Bsecret HTTP}, 'or into the query');
like(greeting('sse', '{"token_in": "query", "authentication": "tonapi"}'), qr{^POST /stream\?token=a%2Bsecret HTTP}, 'likewise');

my $gate = simulator();
$gate->command('key good 2 0');
$gate->command('key testnet forbidden');
for my $transport (qw(websocket sse))
{
	my $name = "gate_$transport";
	add($name, $gate, transport => $transport, token => 'bad', ($transport eq 'sse' ? (options => '{"authentication": "tonapi"}') : ()));
	watch($name, $ALICE);
	wait_until($server, "SELECT state = 'backoff' AND last_error LIKE '%401%' AND next_retry_at IS NOT NULL
		FROM chainstream.status WHERE name = '$name'", "$transport: a wrong key is refused");
	topic_says($name, 'transactions error % HTTP 401 Unauthorized'
		. ($transport eq 'sse' ? ': API key does not exist' : ' instead of opening a WebSocket'), 'the topic says so');
	is(checked($name), 'name ok, tcp ok, handshake failed', 'check_source: it is the handshake');
	like(admin("SELECT detail || '; ' || hint FROM chainstream.check_source('$name') WHERE outcome = 'failed'"),
		qr/401.*; Check the path of the URL, and the token/, 'and what to do');
	admin("SELECT chainstream.set_token('$name', 'testnet')");
	wait_until($server, "SELECT last_error LIKE '%403%' FROM chainstream.status WHERE name = '$name'", 'a key of the other network');
	topic_says($name, 'transactions error % HTTP 403 Forbidden%', 'the topic says so');
	admin("SELECT chainstream.set_token('$name', 'good')");
	wait_state($server, $name, 'streaming');
	topic_says($name, 'transactions active', 'with the right one all is well');
	admin("SELECT chainstream.drop_source('$name')");
}
unlike(slurp_file($server->logfile), qr/(?<!token => ')a\+secret(?!')/, 'no key is in the log but where it was typed');

# ---------- connections that fail ----------

# Run this and wait until the source was connected anew and has all its watches.
sub survives
{
	my ($name, $count, $break, $what) = @_;
	my $reconnects = status_of($server, $name, 'reconnects');
	$break->();
	wait_until($server, "SELECT reconnects > $reconnects AND state = 'streaming' FROM chainstream.status WHERE name = '$name'", $what);
	return wait_until($server, "SELECT count(*) = $count FROM chainstream.watch_status WHERE source = '$name' AND state = 'active'",
		'everything is asked for again');
}

my $serial = 0;
# A final transfer nobody has seen before, sent and stored.
sub flows
{
	my ($simulator, $name, $what) = @_;
	my $fresh = sprintf '%06d', ++$serial;
	my $message = $life[2] =~ s/JlAMiT/$fresh/gr =~ s/"hash":"(jfTlOC|9QeaIi)/"hash":"$fresh/gr;
	$simulator->command("send $message");
	return wait_until($server, "SELECT count(*) > 0 FROM chainstream.transactions WHERE id > $seen AND source = '$name'
		AND payload ->> 'trace_external_hash_norm' LIKE '$fresh%'", $what);
}

my $stream = simulator('--accounts', '40', '--set', 'confirm-ms=0', '--set', 'finalize-ms=0');
add('sse', $stream, transport => 'sse');
watch('sse', $ALICE);
watched('sse', 1, 'a watch over server-sent events');
topic_says('sse', 'transactions active', 'and its topic');
flows($stream, 'sse', 'a transfer over server-sent events');
for my $case ([ 'ton', $simulator, 2 ], [ 'sse', $stream, 1 ])
{
	my ($name, $peer, $count) = @$case;
	for my $fault ('drop', 'drop fin', 'end', 'close 1000', ($name eq 'ton' ? ('close 1001 away', 'close 1011 trouble') : ()), 'huge 20000000')
	{
		survives($name, $count, sub { $peer->command($fault) }, "$name after '$fault'");
	}
	flows($peer, $name, 'rows flow');

	my $rejected = status_of($server, $name, 'rejected');
	my $again = $peer->stats->{connections};
	$peer->command($_) for 'raw not JSON', 'raw {"type":"of another world"}', 'raw {"status":"strange"}', 'raw {}', 'truncate', 'deep 1000',
	  'raw {"type":"transactions","finality":"finalized","trace_external_hash_norm":"short","transactions":[]}';
	$peer->command('garbage') if $name eq 'ton';
	flows($peer, $name, "$name goes on after bad messages");
	my $bad = $name eq 'ton' ? 8 : 7;
	wait_until($server, "SELECT rejected = $rejected + $bad FROM chainstream.status WHERE name = '$name'", 'they are counted');
	is(admin("SELECT count(*) FROM chainstream.rejects WHERE source = '$name' AND reason IS NOT NULL AND sqlstate IS NOT NULL"), $bad, 'and kept with the reason');
	is($peer->stats->{connections}, $again, 'the connection was good all the time');

	# Twice is once.
	my $duplicates = status_of($server, $name, 'duplicates');
	$peer->command('duplicate on');
	flows($peer, $name, 'told twice');
	$peer->command('duplicate off');
	wait_until($server, "SELECT duplicates >= $duplicates + $count FROM chainstream.status WHERE name = '$name'", 'counted as duplicates');

	# Rate limits of the gateway, and its trouble.
	$peer->command('status 429 3600');
	$peer->command('drop');
	wait_until($server, "SELECT state = 'backoff' AND last_error LIKE '%429%' AND next_retry_at > clock_timestamp() + '30 min'
		FROM chainstream.status WHERE name = '$name'", 'the server says when to come again');
	wait_until($server, "SELECT count(*) = 1 FROM chainstream.subscription_status
		WHERE source = '$name' AND topic = 'transactions' AND state = 'pending' AND detail LIKE '% HTTP 429 %'", 'the topic says why it waits');
	$peer->command('status 0');
	admin("SELECT chainstream.pause('$name')");
	wait_until($server, "SELECT pid IS NULL FROM chainstream.status WHERE name = '$name'", 'paused');
	admin("SELECT chainstream.resume('$name')");
	watched($name, $count, 'resume does not wait');
	survives($name, $count, sub {
		$peer->command('status 502');
		$peer->command('drop');
		wait_until($server, "SELECT last_error LIKE '%502%' FROM chainstream.status WHERE name = '$name'", 'trouble of the gateway');
		$peer->command('status 0');
	}, 'is over some time');
}
rows('transactions', '1');

# ---------- a changed watch list, where the stream has to be another ----------

my @flow = split / /, $stream->command('accounts 0 40');
watch('sse', @flow);
watched('sse', 41, 'the accounts of the traffic are watched');
my $streams = $stream->stats->{connections};
$stream->command('slowhandshake 200');
$stream->command('count 1500');
$stream->command('rate 400');
watch('sse', $BOB);
watched('sse', 42, 'another one, while events come');
admin("SELECT chainstream.unwatch('sse', '$BOB')");
$stream->wait_for(sub { my @all = asked($_[0]); @all == 1 && @{ $all[0]{addresses} } == 41 });
watch('sse', $BOB);
watched('sse', 42, 'and again');
cmp_ok($stream->stats->{connections}, '>=', $streams + 3, 'each time in a new stream');
$stream->command('slowhandshake 0');
$stream->wait_for(sub { $_[0]->stats->{generated} >= 1500 && $_[0]->stats->{queued} == 0 });
arrive('transactions', 9000, 'of 1,500 transfers, told of three times to both sides, nothing is lost');
is(admin("SELECT count(DISTINCT (hash, status)) FROM chainstream.transactions WHERE id > $seen"), 9000, 'and nothing is there twice');
wait_until($server, "SELECT connections = 1 FROM chainstream.status WHERE name = 'sse'", 'one stream is left');
$stream->command('count 0');
$stream->command('rate 50');
is(checked('sse'), 'name ok, tcp ok, handshake ok, subscribe ok, message ok', 'check_source: all is well');
$stream->command('rate 0');
flows($stream, 'sse', 'the traffic has come to its end');
admin("SELECT chainstream.unwatch('sse', ARRAY['" . join("','", @flow) . "'])");
rows('transactions', '1');

# ---------- what the user does ----------

is(checked('ton'), 'name ok, tcp ok, handshake ok, subscribe ok, message waiting', 'check_source: all is well, but quiet');
for my $case ([ 'ton', $simulator ], [ 'sse', $stream ])
{
	my ($name, $peer) = @$case;
	my $fresh = $life[1] =~ s/JlAMiT/inj$name/gr =~ s/"hash":"(jfTlOC|9QeaIi)/"hash":"inj$name/gr;
	is(admin("SELECT chainstream.inject('$name', \$\$$fresh\$\$)"), 2, 'inject() beside the worker');
	is(rows('transactions', 'source, account, status'),
		"$name|$BOB|confirmed\n$name|$ALICE|confirmed", 'stores rows');
	admin("SELECT chainstream.pause('$name')");
	$peer->wait_for(sub { $_[0]->command('clients') == 0 });
	wait_until($server, "SELECT state = 'paused' AND pid IS NULL FROM chainstream.status WHERE name = '$name'", 'pause');
	admin("SELECT chainstream.resume('$name')");
	watched($name, 2, 'resume');
}

# ---------- a flood ----------

my $flood = simulator('--accounts', '300');
add('flood', $flood, options => '{"payload": false}');
watch('flood', split / /, $flood->command('accounts 0 100'));
watched('flood', 100, 'a hundred accounts of three hundred');

# Kilobytes of memory of the worker that are its own.
sub memory
{
	my ($pid) = @_;
	return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB$/m && $1;
}
$pid = worker_pid($server, 'flood');
my $start = $flood->stats->{sent};
$flood->command('count 40000');
$flood->command('rate max');
wait_until($server, "SELECT messages > 40000 FROM chainstream.status WHERE name = 'flood'", 'messages as fast as they can be sent');
my $resident = memory($pid);
$flood->command('count 200000');
$flood->wait_for(sub { $_[0]->stats->{sent} - $start >= 200_000 });
$flood->command('rate 0');
$flood->wait_for(sub { $_[0]->stats->{queued} == 0 });
$sent = $flood->stats->{sent} - $start;
cmp_ok($sent, '>=', 200_000, 'were 200,000');
is($flood->stats->{dropped}, 0, 'none of them dropped for want of speed');
cmp_ok(memory($pid) - $resident, '<', 16 * 1024, 'the memory of the worker stays as it was');
is(worker_pid($server, 'flood'), $pid, 'it is still the same');

# ---------- what took long ----------

for my $transport (sort keys %frozen)
{
	wait_until($server, "SELECT reconnects >= 1 AND state = 'streaming' FROM chainstream.status WHERE name = 'frozen_$transport'",
		"a half-open connection is noticed over $transport");
	like(status_of($server, "frozen_$transport", 'last_error'), qr/\b45 s\b/, 'the status says how');
	watched("frozen_$transport", 1, 'and everything is asked for again');
}
is($calm->stats->{connections}, 1, 'pings kept a connection that would end when idle for 30 s');
cmp_ok(status_of($server, 'calm', 'messages'), '>=', 3, 'they are answered');
is(status_of($server, 'calm', 'rejected'), 0, 'which is no message');

# ---------- the end ----------

$simulator->command('count 0');
$simulator->command('rate 2000');
watch('ton', @pool);
wait_until($server, "SELECT count(*) > 1000 FROM chainstream.transactions WHERE id > $seen AND source = 'ton'", 'under load');
cmp_ok(seconds_for(sub { sql($server, 'DROP EXTENSION chainstream CASCADE') }), '<', 2, 'DROP EXTENSION waits for nobody');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')", 'its workers leave');
$simulator->wait_for(sub { $_[0]->command('clients') == 0 });
unlike(slurp_file($server->logfile), qr/TRAP|terminated by signal|PANIC/, 'nothing crashed');

$server->stop;
done_testing();
