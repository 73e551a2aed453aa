# A Flow source, end to end: from three statements to rows; every topic; what
# goes wrong on connections and subscriptions; heights by which a stream goes
# on; transactions that are sent.
#
# What rows are expected is asked of the simulator by a client of its own: its
# chain is the same for everybody, however often a block is asked for.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Simulator;
use SimulatorClient qw(connect_to say_to hear);
use Test::More;

use constant {
	FIRST => 162_999_997,    # the last sealed block when a simulator starts
	TOKEN => 'A.f233dcee88fe0abe.FungibleToken',
	SECRET => 's3cret-of-the-proxy',
	FEES  => 'A.f919ee77447b7497.FlowFees.FeesDeducted',
};

my $server = new_server('flow');

# ---------- an administrator who is no superuser does it all ----------

my ($grants) = slurp_file("$FindBin::RealBin/../../doc/privileges.md") =~ /```sql\n(.*?)```/s;
sql($server, $grants);
sql($server, 'GRANT chain_operator, chain_reader TO chain_admin');

sub admin
{
	my ($query, $database) = @_;
	return $server->safe_psql($database // 'postgres', $query,
		extra_params => [ '-U', 'chain_admin' ]);
}

sub simulate
{
	return Simulator->new(args => [ '--listen', 'flow=0', @_ ]);
}

sub add_source
{
	my ($name, $simulator, $options) = @_;
	admin("SELECT chainstream.add_source('$name', provider => 'flow', url => '"
		  . $simulator->url('flow') . "/v1/ws', options => '" . ($options // '{}') . "')");
	return;
}

# ---------- what is on the chain ----------

# The messages of a topic from one block to another, as a client of its own
# gets them.
sub chain_messages
{
	my ($simulator, $topic, $from, $to, %arguments) = @_;
	my $client = connect_to($simulator, 'flow', '/v1/ws',
		headers => [ 'Authorization: Bearer ' . SECRET ]);
	say_to($client,
		encode_json({
				subscription_id => 'all',
				action          => 'subscribe',
				topic           => $topic,
				arguments       => { start_block_height => "$from", %arguments } }));
	my @messages;
	hear($client);
	while (my $text = hear($client))
	{
		my ($height) = $text =~ /height":"(\d+)"/ or die "no notification: $text";
		last if $height > $to;
		push @messages, $text;
		last if $height == $to;
	}
	return @messages;
}

# Their payloads.
sub chain
{
	return map { decode_json($_)->{payload} } chain_messages(@_);
}

# The events of blocks in their order, each with its height and fields.
sub chain_events
{
	my @events;
	for my $block (chain($_[0], 'events', $_[1], $_[2]))
	{
		for my $event (@{ $block->{events} // [] })
		{
			my $fields = decode_json(decode_base64($event->{payload}))->{value}{fields};
			my %fields = map { $_->{name} => $_->{value} } @$fields;
			for (values %fields)
			{
				$_ = $_->{value} while ref;
			}
			push @events, { %$event, height => $block->{block_height}, fields => \%fields };
		}
	}
	return @events;
}

# Transaction and index only, of events whose type begins so; much quicker.
sub chain_ids
{
	my ($simulator, $from, $to, $type) = @_;
	my @ids;
	for my $text (chain_messages($simulator, 'events', $from, $to))
	{
		push @ids, "$1|$2"
		  while $text =~ /"type":"$type[^"]*","transaction_id":"(\w+)","transaction_index":"\d+","event_index":"(\d+)"/g;
	}
	return @ids;
}

# The rows those events make for watched accounts: by the rules of
# doc/providers/flow.md, in as few words as the simulator's chain allows.
sub movements
{
	my ($events, @watched) = @_;
	my %watched = map { $_ => 1 } @watched;
	my %moves;
	for my $event (@$events)
	{
		my $moves = $moves{ $event->{transaction_id} } //= [];
		my $fields = $event->{fields};
		if ($event->{type} eq TOKEN . '.Withdrawn')
		{
			push @$moves, { event => $event, from => $fields->{from} };
		}
		elsif ($event->{type} eq TOKEN . '.Deposited')
		{
			$moves->[-1]{to} = $fields->{to};
			push @$moves, { event => $event, deposit => 1, from => $moves->[-1]{from}, to => $fields->{to} };
		}
		elsif ($event->{type} eq FEES)
		{
			$_->{fee} = 1 for @$moves[ -2, -1 ];
		}
	}
	my @rows;
	for my $move (map { @$_ } values %moves)
	{
		my $event = $move->{event};
		my $account = $move->{deposit} ? $move->{to} : $move->{from};
		my $other = $move->{deposit} ? $move->{from} : $move->{to};
		my $direction = $move->{fee} ? '' : $move->{from} eq $move->{to}
		  ? ($move->{deposit} ? '' : 'self') : $move->{deposit} ? 'in' : 'out';
		push @rows,
		  join '|', $event->{transaction_id}, 2 * $event->{event_index}, $account, $other,
		  $direction, ($event->{fields}{amount} =~ s/\.//r) + 0, 'FLOW', 'finalized', $event->{height}
		  if $watched{$account};
	}
	return sort @rows;
}

sub stored_movements
{
	my ($source, $where) = @_;
	return sort split /\n/, sql($server, "
		SELECT transaction_hash, ordinal, account, counterparty, direction, amount, asset, status, height
		FROM chainstream.events WHERE source = '$source' AND topic = 'events' AND kind ~ 'FungibleToken' AND "
		  . ($where // 'true'));
}

# Wait until a stream has been read up to a height.
sub wait_height
{
	my ($source, $topic, $height, $what) = @_;
	return wait_until($server,
		"SELECT bool_and((position->>'height')::bigint >= $height) FROM chainstream.cursors
		 WHERE source = '$source' AND scope LIKE '$topic:%'", $what);
}

# The states of a source's subscriptions, with what the provider says of them.
sub states
{
	my ($source) = @_;
	return sql($server,
		"SELECT topic, state, detail FROM chainstream.subscription_status
		 WHERE source = '$source' ORDER BY subscription_id");
}

sub wait_subscription
{
	my ($source, $topic, $state, $detail, $what) = @_;
	return wait_until($server,
		"SELECT bool_or(state = '$state' AND coalesce(detail, '') ~ '$detail')
		 FROM chainstream.subscription_status WHERE source = '$source' AND topic = '$topic'",
		$what) || diag(states($source));
}

# The first accounts of the simulator's pool, as its traffic has them.
sub accounts
{
	my ($simulator, $count) = @_;
	my ($file) = PostgreSQL::Test::Utils::tempdir() . '/accounts';
	$simulator->command("accounts 0 $count $file");
	return split /\n/, slurp_file($file);
}

# ---------- a connection that goes silent: looked at again at the end ----------

my $silent = simulate();
add_source('silent', $silent);
admin("SELECT chainstream.watch('silent', '*')");
wait_state($server, 'silent', 'streaming');
$silent->command('halfopen');

# ---------- three statements, and rows come ----------

my $simulator = simulate('--accounts', 8);
my ($alice, $bob, $carol) = accounts($simulator, 3);

add_source('flow', $simulator);
wait_until($server, "SELECT state = 'idle' FROM chainstream.status WHERE name = 'flow'",
	'without a watched account the source is idle');
is( states('flow'),
	"events|idle|waiting for a watched address\ntransaction_statuses|idle|no transaction is watched",
	'and its subscriptions say why');
is($simulator->stats->{connections}, 0, 'the node is not even connected to');

admin("SELECT chainstream.watch('flow', '" . uc(substr $alice, 2) . "', 'alice')");
wait_state($server, 'flow', 'streaming');
is(sql($server, "SELECT target, state FROM chainstream.watch_status WHERE source = 'flow'"),
	"$alice|active", 'the watch is active, in canonical form');
is( states('flow'), "events|active|\ntransaction_statuses|idle|no transaction is watched",
	'so is the subscription');
wait_height('flow', 'events', FIRST, 'the first block is read');

# a recorded message
my (undef, undef, undef, $recorded) = sample('flow/events.jsonl');
my $buyer = '0xe4db9c640c6e50ba';
admin("SELECT chainstream.watch('flow', '$buyer')");
wait_until($server,
	"SELECT count(*) = 2 FROM chainstream.watch_status WHERE source = 'flow' AND state = 'active'",
	'a second watch is active');
is($simulator->stats->{requests}, 1, 'without another request');
my $listener = session_start($server, 'LISTEN chainstream');
$simulator->command("send $recorded");
wait_until($server, "SELECT count(*) >= 1 FROM chainstream.events WHERE account = '$buyer'",
	'a recorded message is a row');

my @told = session_end($listener);
is( sql($server, "
		SELECT kind, account, counterparty, direction, amount, asset, status, height, ordinal, occurred_at = '2026-08-20 10:00:00.81Z'
		FROM chainstream.events WHERE account = '$buyer' ORDER BY id"),
	join("\n",
		TOKEN . ".Withdrawn|$buyer|0x0d744d23165bfb6c|out|1000000000|FLOW|finalized|163000001|2|t",
		TOKEN . ".Withdrawn|$buyer|0xf919ee77447b7497||4798|FLOW|finalized|163000001|10|t"),
	'what was paid, and the fee, which is no transfer');
is( sql($server, "SELECT count(*) FROM chainstream.events
		WHERE account = '$buyer' AND payload->>'transaction_id' = transaction_hash"),
	2, 'each with its part of the message, as JSON');
is(scalar @told, 1, 'one notification');
is( join(' ', map { $_->{amount} } @{ decode_json($told[0]{payload})->{rows} }),
	'1000000000 4798', 'carries both rows');

# blocks that the node makes up
my $height = $simulator->command('blocks 40') - 3;
wait_height('flow', 'events', $height, 'the last sealed block is read');
my @events = chain_events($simulator, FIRST, $height);
is_deeply(
	[ stored_movements('flow', "account = '$alice'") ],
	[ movements(\@events, $alice) ],
	'exactly the rows that the blocks have for the account');
my @deposits = grep { /\|in\|/ } movements(\@events, $alice);
cmp_ok(scalar @deposits, '>', 0, 'there are deposits among them');
is( admin("SELECT count(*), sum(amount) FROM chainstream.transfers
		WHERE account = '$alice' AND direction = 'in' AND status = 'finalized'"),
	@deposits . '|' . eval(join '+', map { (split /\|/)[5] } @deposits),
	'which the query of the README finds, each once, and no fees');
is( admin("SELECT count(*) FROM chainstream.transfers WHERE amount = 4798"), 0,
	'fees are no transfers of anybody');
is( sql($server, "SELECT position->>'height', position->>'block_id' FROM chainstream.cursors WHERE source = 'flow'"),
	$height . '|' . (chain($simulator, 'block_digests', $height, $height, block_status => 'sealed'))[0]{block_id},
	'the position is the height and id of the last block');

# ---------- changes of the watch list, live and with traffic running ----------

my $requests = $simulator->stats->{requests};
admin("BEGIN; SELECT chainstream.watch('flow', '$carol'); ROLLBACK");
admin("SELECT chainstream.unwatch('flow', '$buyer'); SELECT chainstream.watch('flow', '$bob')");
wait_until($server,
	"SELECT state = 'active' FROM chainstream.watch_status WHERE source = 'flow' AND target = '$bob'",
	'one watch goes, another is active');
my $worker_requests = $simulator->stats->{requests};
is($worker_requests, $requests, 'the node need not be asked for it');
my $before = $height;
$height = $simulator->command('blocks 40') - 3;
wait_height('flow', 'events', $height, 'further blocks are read');
is_deeply(
	[ stored_movements('flow', "height > $before") ],
	[ movements([ chain_events($simulator, $before + 1, $height) ], $alice, $bob) ],
	'rows of both accounts, none of the one that was unwatched or rolled back');

$simulator->command('rate 300');
wait_height('flow', 'events', $height + 30, 'blocks come all the time');
admin("SELECT chainstream.watch('flow', '*')");
wait_until($server,
	"SELECT state = 'active' FROM chainstream.watch_status WHERE source = 'flow' AND target = '*'",
	'"*" is active');
$simulator->wait_for(sub { 1 == grep { !$_->{arguments}{event_types} } map { @{ $_->{topics} } } $_[0]->subscriptions });
$simulator->wait_for(sub { 1 == map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('one subscription without a filter has replaced the one with it');
wait_until($server, "SELECT count(*) > 300 FROM chainstream.events WHERE source = 'flow' AND kind NOT LIKE '%.FungibleToken.%'",
	'events of all kinds come');
my $everything = sql($server, "SELECT min(height) FROM chainstream.events WHERE source = 'flow' AND kind NOT LIKE '%.FungibleToken.%'");
admin("SELECT chainstream.unwatch('flow', '*')");
$simulator->wait_for(sub { 1 == grep { $_->{arguments}{event_types} } map { @{ $_->{topics} } } $_[0]->subscriptions });
$simulator->command('rate 0');
my $last_all = sql($server, "SELECT max(height) FROM chainstream.events WHERE source = 'flow' AND kind NOT LIKE '%.FungibleToken.%'");
$height = $simulator->command('blocks 20') - 3;
$height-- if $height % 4 == 3;
wait_height('flow', 'events', $height, 'the rest is read');
@events = chain_events($simulator, $before + 1, $height);
is_deeply(
	[ stored_movements('flow', "height > $before AND account IN ('$alice', '$bob')") ],
	[ movements(\@events, $alice, $bob) ],
	'the rows of both accounts are whole all the time');
is_deeply(
	[ split /\n/, sql($server, "SELECT transaction_hash || ' ' || ordinal / 2 FROM chainstream.events
		WHERE source = 'flow' AND height BETWEEN $everything + 1 AND $last_all - 1 ORDER BY height, payload->>'transaction_index', ordinal") ],
	[ map { "$_->{transaction_id} $_->{event_index}" } grep { $_->{height} > $everything && $_->{height} < $last_all } @events ],
	'and while "*" was watched, every event is there once');

# ---------- every topic ----------

my $topics = simulate('--accounts', 120, '--set', 'per-block=3');
add_source('topics', $topics);
admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions
	WHERE source = 'topics' AND topic = 'events'");

# Subscribe as the administrator; returns the number.
sub subscribe
{
	my ($source, $topic, $arguments, $channel) = @_;
	$channel = defined $channel ? "'$channel'" : 'NULL';
	return admin("SELECT chainstream.subscribe('$source', '$topic', '$arguments', $channel)");
}

my $from = FIRST + 3;
my %number = (
	digests   => subscribe('topics', 'block_digests', '{}', 'digests'),
	finalized => subscribe('topics', 'block_digests', '{"block_status": "finalized"}'),
	headers   => subscribe('topics', 'block_headers', qq({"start_block_height": $from})),
	blocks    => subscribe('topics', 'blocks', '{"block_status": "sealed"}'),
	contract  => subscribe('topics', 'events', '{"contracts": ["A.1654653399040a61.FlowToken"]}'),
	type      => subscribe('topics', 'events', '{"event_types": ["flow.AccountCreated"], "heartbeat_interval": 3}'),
	address   => subscribe('topics', 'events', '{"addresses": ["0xf919ee77447b7497"]}'),
	core      => subscribe('topics', 'account_statuses', '{"event_types": ["flow.InboxValueClaimed"]}'));
admin("SELECT chainstream.watch('topics', '*')");
my ($transaction) = map { $_->{transaction_id} } grep { $_->{type} eq FEES }
  chain_events($topics, FIRST - 10, FIRST);
$number{transaction} = subscribe('topics', 'transaction_statuses', qq({"tx_id": "$transaction"}));
wait_until($server, "
	SELECT count(*) FILTER (WHERE state = 'active') = 8 AND count(*) FILTER (WHERE state = 'done') = 1
	FROM chainstream.subscription_status WHERE source = 'topics' AND subscription_id >= $number{digests}",
	'nine more subscriptions are active, that of a sealed transaction is done') || diag(states('topics'));
$listener = session_start($server, 'LISTEN digests');
my $top = $topics->command('blocks 37');
$height = $top - 3;
wait_height('topics', $_, $height, "$_ are read") for qw(block_digests block_headers blocks);
wait_height('topics', $_, $height - 9, "$_ are read") for qw(events account_statuses);

sub stored_blocks
{
	my ($topic, $status) = @_;
	return [ split /\n/, sql($server, "
		SELECT hash, height, parent_hash FROM chainstream.blocks
		WHERE source = 'topics' AND topic = '$topic' AND status = '$status' ORDER BY height") ];
}
is_deeply(
	stored_blocks('block_digests', 'finalized'),
	[ map { "$_->{block_id}|$_->{height}|" } chain($topics, 'block_digests', FIRST, $height, block_status => 'sealed') ],
	'block_digests: every sealed block once');
is_deeply(
	stored_blocks('block_digests', 'confirmed'),
	[ map { "$_->{block_id}|$_->{height}|" } chain($topics, 'block_digests', FIRST, $top, block_status => 'finalized') ],
	'block_digests: every finalized block once');
is_deeply(
	stored_blocks('block_headers', 'finalized'),
	[ map { "$_->{id}|$_->{height}|$_->{parent_id}" } chain($topics, 'block_headers', $from, $height, block_status => 'sealed') ],
	'block_headers: from the block that was asked for');
is_deeply(
	stored_blocks('blocks', 'finalized'),
	[ map { "$_->{header}{id}|$_->{header}{height}|$_->{header}{parent_id}" } chain($topics, 'blocks', FIRST, $height, block_status => 'sealed') ],
	'blocks: every sealed one');
is( sql($server, "
		SELECT bool_and(occurred_at = (payload #>> '{payload,header,timestamp}')::timestamptz),
			max(json_array_length(payload #> '{payload,payload,block_seals}')), max(length(payload::text)) > 8192
		FROM chainstream.blocks WHERE source = 'topics' AND topic = 'blocks'"),
	't|24|t', 'also those that come in several frames, whole');
@told = session_end($listener);
is(join(' ', sort keys %{ { map { $_->{channel} => 1 } @told } }), 'digests', 'on the channel of the subscription');
is( join(' ', map { $_->{status} } map { @{ decode_json($_->{payload})->{rows} // [] } } @told) =~ /confirmed/ ? 1 : 0,
	0, 'which the other subscription to the topic does not use');
is( sql($server, "SELECT status, block_hash <> '', account IS NULL FROM chainstream.transactions
		WHERE hash = '$transaction' ORDER BY id"),
	"pending||t\nconfirmed|t|t\nfinalized|t|t", 'transaction_statuses: one row for each status');

admin("SELECT chainstream.unsubscribe($number{$_})") for qw(digests finalized headers blocks transaction);
$topics->wait_for(sub { !grep { $_->{topic} =~ /block/ } map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('unsubscribe reaches the node');

# Events of filters that overlap, each once.  The last blocks without a match
# may not have been announced yet.
is_deeply(
	[ split /\n/, sql($server, "
		SELECT transaction_hash, ordinal / 2, kind FROM chainstream.events
		WHERE source = 'topics' AND topic = 'events' AND height <= $height - 9
		ORDER BY height, payload->>'transaction_index', ordinal") ],
	[ map { "$_->{transaction_id}|$_->{event_index}|$_->{type}" }
	  grep { $_->{type} =~ /^(?:A\.1654653399040a61\.FlowToken\.|flow\.AccountCreated|A\.f919ee77447b7497\.)/ }
	  chain_events($topics, FIRST, $height - 9) ],
	'events: what any of three filters lets through');
is( sql($server, "SELECT duplicates, rejected, reconnects FROM chainstream.status WHERE name = 'topics'"),
	'0|0|0', 'none of which came twice');
my @claims = map { $_->{transaction_id} } grep { $_->{type} eq 'flow.InboxValueClaimed' }
  chain_events($topics, FIRST, $height - 9);
cmp_ok(scalar @claims, '>', 0, 'there are claims');
is_deeply(
	[ split /\n/, sql($server, "
		SELECT transaction_hash FROM chainstream.events
		WHERE source = 'topics' AND topic = 'account_statuses' AND kind = 'flow.InboxValueClaimed' AND height <= $height - 9
		ORDER BY height, id") ],
	\@claims, 'account_statuses: a row for each');

# other arguments, live
admin("UPDATE chainstream.subscriptions SET arguments = '{\"event_types\": [\"flow.AccountKeyRemoved\"]}'
	WHERE subscription_id = $number{type}");
$topics->wait_for(sub { grep { encode_json($_->{arguments}) =~ /KeyRemoved/ } map { @{ $_->{topics} } } $_[0]->subscriptions });
$topics->wait_for(sub { !grep { encode_json($_->{arguments}) =~ /AccountCreated/ } map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('changed arguments reach the node');
my ($code, $output, $problem) = $server->psql('postgres',
	q{SELECT chainstream.subscribe('topics', 'blocks', '{"start_block_height": "latest"}')});
like($problem, qr/must be a number of blocks/, 'what the node would refuse is refused at once');

# ---------- the accounts whose keys and contracts change: more than 100 ----------

my $many = simulate('--accounts', 300, '--set', 'per-block=4');
my @watched = accounts($many, 250);
add_source('many', $many);
subscribe('many', 'account_statuses', '{"heartbeat_interval": 1}');
admin("SELECT chainstream.watch('many', ARRAY['" . join("','", @watched[ 0 .. 149 ]) . "'])");
wait_until($server, "SELECT count(*) = 150 FROM chainstream.watch_status WHERE source = 'many' AND state = 'active'",
	'150 accounts are watched');
$many->command('rate 200');
wait_height('many', 'account_statuses', FIRST + 50, 'changes of accounts are read');
admin("SELECT chainstream.watch('many', ARRAY['" . join("','", @watched[ 100 .. 249 ]) . "'])");
wait_until($server, "SELECT count(*) = 250 FROM chainstream.watch_status WHERE source = 'many' AND state = 'active'",
	'and 100 more, with traffic running');
$many->wait_for(sub {
	my @lists = sort map { scalar @{ $_->{arguments}{account_addresses} } }
	  grep { $_->{topic} eq 'account_statuses' } map { @{ $_->{topics} } } $_[0]->subscriptions;
	return "@lists" eq '100 100 50';
});
pass('the node is asked for them a hundred at a time');
my $joined = sql($server, "SELECT max((position->>'height')::bigint) FROM chainstream.cursors WHERE source = 'many'");
wait_height('many', 'account_statuses', $joined + 50, 'which goes on');
$many->command('rate 0');
$height = $many->command('blocks 5') - 3;
wait_height('many', 'account_statuses', $height, 'to the last block');

# One row for each watched account an event is about.
sub account_rows
{
	my ($from, $to, @accounts) = @_;
	my %wanted = map { $_ => 1 } @accounts;
	my @rows;
	for my $block (chain($many, 'account_statuses', $from, $to))
	{
		for my $account (grep { $wanted{$_} } keys %{ $block->{account_events} })
		{
			my %once;
			push @rows, map { "$account|$_" } grep { !$once{$_}++ }
			  map { "$_->{transaction_id}|$_->{event_index}" } @{ $block->{account_events}{$account} };
		}
	}
	return sort @rows;
}

sub stored_account_rows
{
	my ($from, @accounts) = @_;
	return sort split /\n/, sql($server, "
		SELECT account, transaction_hash, ordinal / 2 FROM chainstream.events
		WHERE source = 'many' AND topic = 'account_statuses' AND height >= $from
			AND account IN ('" . join("','", @accounts) . "')");
}
is_deeply([ stored_account_rows(FIRST, @watched[ 0 .. 149 ]) ],
	[ account_rows(FIRST, $height, @watched[ 0 .. 149 ]) ],
	'the accounts watched from the beginning lack nothing');
is_deeply([ stored_account_rows($joined, @watched) ],
	[ account_rows($joined, $height, @watched) ],
	'nor do the others once they are active');
admin("SELECT chainstream.drop_source('many')");

# ---------- connections that break, messages that are broken ----------

my $faulty = simulate('--accounts', 8, '--require-token', SECRET);
add_source('faulty', $faulty);
admin("SELECT chainstream.set_token('faulty', 'wr0ng')");
admin("SELECT chainstream.watch('faulty', '*')");
wait_until($server, "SELECT state = 'backoff' AND last_error ~ '401' FROM chainstream.status WHERE name = 'faulty'",
	'a wrong token: the status says what the server said');
is(sql($server, "SELECT outcome, detail ~ '401', hint ~ 'token' FROM chainstream.check_source('faulty') WHERE step = 'handshake'"),
	'failed|t|t', 'so does check_source, and what to look at');
admin("SELECT chainstream.set_token('faulty', '" . SECRET . "')");
wait_state($server, 'faulty', 'streaming');
subscribe('faulty', 'block_headers', '{}');
$faulty->command('rate 200');
wait_height('faulty', 'events', FIRST + 20, 'with the right one blocks are read');
is( admin("SELECT string_agg(step || ' ' || outcome, ', ') FROM chainstream.check_source('faulty')"),
	'name ok, tcp ok, tls skipped, handshake ok, subscribe ok, message ok',
	'and check_source gets to the first message');

my @faults = ('drop', 'drop fin', 'end', 'close 1001 going', 'close 1011', 'timeout', 'huge 20000000');
for my $fault (@faults)
{
	my $reconnects = status_of($server, 'faulty', 'reconnects');
	my $rejected = status_of($server, 'faulty', 'rejected');
	$faulty->command($fault);
	wait_until($server, "SELECT reconnects > $reconnects AND state = 'streaming' FROM chainstream.status WHERE name = 'faulty'",
		"after '$fault' it is connected again") || diag(status_of($server, 'faulty', 'last_error'));
	is( status_of($server, 'faulty', "reconnects - $reconnects || ' ' || rejected - $rejected"),
		'1 0', 'once, and nothing is rejected');
	like(status_of($server, 'faulty', 'last_error'), qr/missed our pongs/, 'the status says why')
	  if $fault eq 'timeout';
}
my @bad = ('garbage', 'truncate', 'badutf8', 'deep 100000', 'raw {"topic":"events","payload":{}}',
	'raw {"subscription_id":"","action":"","error":{"code":400,"message":"error parsing message: unknown action type: x"}}');
for my $fault (@bad)
{
	my $rejected = status_of($server, 'faulty', 'rejected');
	$faulty->command($fault);
	wait_until($server, "SELECT rejected > $rejected FROM chainstream.status WHERE name = 'faulty'",
		"'" . substr($fault, 0, 30) . "' is a reject");
}
is( sql($server, "SELECT count(*) FROM chainstream.rejects WHERE source = 'faulty' AND (reason = '' OR sqlstate IS NULL)"),
	0, 'each with its reason');
my $seen = sql($server, "SELECT max((position->>'height')::bigint) FROM chainstream.cursors WHERE source = 'faulty'");
for my $fault ('lose 1', 'duplicate on', 'reorder on')
{
	$faulty->command($fault);
	wait_height('faulty', 'events', $seen += 100, "with '$fault' the stream goes on");
	$faulty->command("$1 off") if $fault =~ /^(.*) on$/;
}
$faulty->command('rate 0');
$height = $faulty->command('blocks 21') - 3;
$height-- if $height % 4 == 3;
# All events from one block to another, each once.
sub whole
{
	my ($source, $simulator, $what, $from, $to) = @_;
	is_deeply(
		[ split /\n/, sql($server, "
			SELECT transaction_hash, ordinal / 2 FROM chainstream.events
			WHERE source = '$source' AND topic = 'events' AND height BETWEEN $from AND $to
			ORDER BY height, (payload->>'transaction_index')::integer, ordinal") ],
		[ chain_ids($simulator, $from, $to, '.') ], $what);
	return;
}

sub wait_rows
{
	my ($source, $table, $height, $what) = @_;
	return wait_until($server,
		"SELECT max(height) >= $height FROM chainstream.$table WHERE source = '$source'", $what);
}
my $first = sql($server, "SELECT min(height) FROM chainstream.events WHERE source = 'faulty'");
wait_rows('faulty', $_, $height, "$_ are read to the end") for qw(events blocks);
whole('faulty', $faulty, 'after all that no event is missing, and none is there twice', $first, $height);
is( sql($server, "SELECT count(*) - (max(height) - min(height) + 1), count(DISTINCT hash) - count(*) FROM chainstream.blocks WHERE source = 'faulty'"),
	'0|0', 'and no block');
cmp_ok(status_of($server, 'faulty', 'duplicates'), '>', 0, 'what came twice was counted');
unlike(sql($server, "SELECT string_agg(t::text, ' ') FROM chainstream.status t") . slurp_file($server->logfile),
	qr/s3cret|wr0ng/, 'no token is seen anywhere');

# too many requests
$faulty->command('status 429 3');
$faulty->command('drop');
wait_until($server, "SELECT last_error ~ '429' AND next_retry_at >= last_error_at + interval '2.9 s' FROM chainstream.status WHERE name = 'faulty'",
	'429: it waits as long as the server says');
$faulty->command('status 0');

# ---------- streams that a node cannot go on with ----------

my $node = simulate('--accounts', 8);
add_source('node', $node);
admin("SELECT chainstream.watch('node', '*')");
wait_state($server, 'node', 'streaming');
$node->command('blocks 20');
wait_height('node', 'events', FIRST + 20, 'blocks are read');
my $rpc = 'rpc error: code =';
for my $failure ("$rpc Internal desc = failed to read registers", "$rpc Unavailable desc = try later",
	"$rpc NotFound desc = could not get start height from block height: not found: could not get header for height 5: failed",
	"$rpc InvalidArgument desc = could not get start height from block height: start height 163000050 is higher than highest indexed height 163000020 (maxIndexBlockDiff: 30)",
	"$rpc FailedPrecondition desc = failed to get lowest indexed height: index not initialized",
	'context deadline exceeded')
{
	my ($words) = $failure =~ /(?:desc = )?([\w ]+)$/ ? $1 : $failure =~ /desc = ([\w ]+)/;
	my $began = sql($server, 'SELECT clock_timestamp()');
	my $asked = $node->stats->{requests};
	$node->command("fail * $failure");
	$node->wait_for(sub { $_[0]->stats->{requests} > $asked });
	wait_until($server, "SELECT state = 'active' AND since >= '$began' FROM chainstream.subscription_status WHERE source = 'node' AND topic = 'events'",
		"'" . substr($failure, 0, 60) . "': the stream is asked for again") || diag(states('node'));
}
my $asked = $node->stats->{requests};
$node->command("fail * $rpc InvalidArgument desc = could not convert filter");
wait_subscription('node', 'events', 'error', 'InvalidArgument.*could not convert filter',
	'what the node calls wrong is an error, in its words');
is($node->stats->{requests}, $asked, 'and is not asked for again on this connection');
$node->command('set root-height 163000060');
$node->command('drop');
$node->command('blocks 60');
wait_subscription('node', 'events', 'active', 'blocks 163000\d+ to 163000059 are missing',
	'a node that begins later: the state says which blocks are missing');
wait_rows('node', 'events', 163_000_070, 'the stream goes on where the node begins');
is( sql($server, "SELECT (position #>> '{skipped,from}')::bigint > 163000010, position #>> '{skipped,to}'
		FROM chainstream.cursors WHERE source = 'node'"),
	't|163000059', 'the cursor says so, too');
is( sql($server, "SELECT count(*) FROM chainstream.events WHERE source = 'node' AND height BETWEEN 163000040 AND 163000059"),
	0, 'none of them is there');
whole('node', $node, 'of the others all are', 163_000_060, 163_000_070);
subscribe('node', 'block_digests', '{"start_block_height": 163000200}');
wait_subscription('node', 'block_digests', 'pending', 'NotFound.*163000200', 'a block that is not there yet is waited for');
$node->command('blocks 200');
wait_subscription('node', 'block_digests', 'active', '', 'until it is');

# What the node holds and nobody knows, and the other way round.
$node->command('forget *');
is($node->command('subscriptions') =~ /events/ ? 1 : 0, 0, 'a node has lost all subscriptions');
$node->command('stray cs-7777');
$node->command('blocks 5');
$node->wait_for(sub { 'block_digests events' eq join ' ', sort map { $_->{topic} }
	  grep { $_->{id} ne 'cs-7777' } map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('they are subscribed again as soon as there is a doubt');
$node->wait_for(sub { !grep { $_->{id} eq 'cs-7777' } map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('and one that nobody wants is ended');
my $end = $node->command('blocks 20') - 3;
$end-- if $end % 4 == 3;
wait_rows('node', 'events', $end, 'and read');
whole('node', $node, 'with nothing missing', 163_000_060, $end);

# ---------- more subscriptions than a connection takes ----------

my $small = simulate('--set', 'subscriptions=3');
add_source('small', $small, '{"max_connections": 2}');
my @transactions = map { $_->{transaction_id} } grep { $_->{type} eq FEES }
  chain_events($small, FIRST - 20, FIRST);
subscribe('small', 'block_digests', qq({"start_block_height": $_})) for FIRST - 5 .. FIRST;
wait_until($server, "SELECT count(*) FILTER (WHERE state = 'active') = 6
	FROM chainstream.subscription_status WHERE source = 'small' AND topic = 'block_digests'",
	'a node that takes 3 subscriptions on a connection gets a second one') || diag(states('small'));
is(status_of($server, 'small', 'connections'), 2, 'of which there are two');
my $seventh = subscribe('small', 'block_headers', '{}');
wait_subscription('small', 'block_headers', 'over_limit', 'all connections are full; see the options max_connections',
	'a seventh is over the limit, and the state says what to do');
admin("SELECT chainstream.unsubscribe(min(subscription_id)) FROM chainstream.subscriptions WHERE source = 'small' AND topic = 'block_digests'");
wait_subscription('small', 'block_headers', 'active', '', 'until another one goes');
$small->command('drop');
wait_until($server, "SELECT count(*) FILTER (WHERE state = 'active') = 6 FROM chainstream.subscription_status WHERE source = 'small'",
	'all are subscribed again on new connections');

# 25 on one node with its usual limit
admin("SELECT chainstream.drop_source('small')");
$small->command('set subscriptions 20');
add_source('small', $small);
subscribe('small', 'block_digests', '{}');
admin("SELECT chainstream.subscribe('small', 'events', jsonb_build_object('event_types', jsonb_build_array('flow.E' || n))) FROM generate_series(1, 24) n");
wait_until($server, "SELECT count(*) = 25 FROM chainstream.subscription_status WHERE source = 'small' AND state = 'active'",
	'25 subscriptions are active') || diag(states('small'));
is(join(' ', sort map { scalar @{ $_->{topics} } } $small->subscriptions), '20 5', '20 of them on one connection');
my $sparse = $small->command('blocks 25');
$small->wait_for(sub { $_[0]->command('blocks 1'); $server->poll_query_until('postgres',
	"SELECT count(*) = 24 FROM chainstream.cursors WHERE source = 'small' AND scope LIKE 'events:%' AND (position->>'height')::bigint >= $sparse - 13") });
pass('streams without a match go on by heartbeats');
admin("SELECT chainstream.drop_source('small')");

# ---------- transactions that are followed, and that are sent ----------

# The chain is the same with every simulator: one of them is ahead.
my %of;
for my $event (chain_events($faulty, 163_000_010, 163_000_060))
{
	push @{ $of{ $event->{transaction_id} } }, $event;
}
my ($success) = sort { $of{$a}[0]{height} <=> $of{$b}[0]{height} } grep { @{ $of{$_} } > 5 } keys %of;
my ($failure) = sort grep { @{ $of{$_} } == 5 } keys %of;
my $unknown = 'ab' x 32;

my $sender = simulate('--accounts', 8, '--set', 'expiry=100');
add_source('sender', $sender);
admin("SELECT chainstream.watch_transaction('sender', '$_')") for uc $success, $failure, $unknown, 'cd' x 32;
wait_until($server, "SELECT count(*) = 4 FROM chainstream.watch_status WHERE source = 'sender' AND state = 'active'",
	'four transactions that nobody has sent yet are watched');
like(states('sender'), qr/^transaction_statuses\|active\|$/m, 'the subscription is active');
admin("SELECT chainstream.unwatch_transaction('sender', '" . 'cd' x 32 . "')");
$sender->wait_for(sub { 3 == map { @{ $_->{topics} } } $_[0]->subscriptions });
pass('one is unwatched at the node, too');
$sender->command('blocks 1') for 1 .. 70;
wait_until($server, "SELECT count(*) = 2 FROM chainstream.watch_status WHERE source = 'sender' AND state = 'done'",
	'two are done') || diag(sql($server, "SELECT * FROM chainstream.watch_status WHERE source = 'sender'"));
is( sql($server, "SELECT state, detail FROM chainstream.watch_status WHERE target = '$success'"), 'done|sealed',
	'one was sealed');
like(sql($server, "SELECT state, detail FROM chainstream.watch_status WHERE target = '$failure'"),
	qr/^done\|.*cadence runtime error/, 'the other failed, for a reason');
$sender->command('blocks 60');
wait_until($server, "SELECT state = 'done' AND detail ~ 'expired' FROM chainstream.watch_status WHERE target = '$unknown'",
	'one that never comes expires');
my $statuses = "SELECT string_agg(status || CASE WHEN block_hash IS NULL THEN '' ELSE '+' END, ' ' ORDER BY id)
	FROM chainstream.transactions WHERE source = 'sender' AND hash = ";
is(sql($server, "$statuses '$success'"), 'pending confirmed+ finalized+', 'rows of the sealed one');
is(sql($server, "$statuses '$failure'"), 'pending confirmed+ failed+', 'of the failed one');
is(sql($server, "$statuses '$unknown'"), 'removed', 'and of the expired one');

my ($sample) = grep { ($_->{topic} // '') =~ /send/ } map { decode_json($_) } sample('flow/requests.jsonl');

sub submit
{
	my ($reference, $limit) = @_;
	my $transaction = { %{ $sample->{arguments} }, gas_limit => "$limit" };
	$transaction->{reference_block_id} = $reference if $reference;
	return admin("SELECT chainstream.submit('sender', '" . encode_json($transaction) . "')");
}

sub submission
{
	my ($number) = @_;
	return sql($server, "SELECT state, detail FROM chainstream.subscription_status WHERE subscription_id = $number");
}

sub handed_over
{
	return $sender->stats->{topics}{send_and_get_transaction_statuses};
}

my $accepted = submit(undef, 1000);
wait_until($server, "SELECT state = 'active' AND detail ~ 'transaction [0-9a-f]{64}' FROM chainstream.subscription_status WHERE subscription_id = $accepted",
	'submit: a transaction is accepted, and its id told');
my ($id) = submission($accepted) =~ /([0-9a-f]{64})/;
$sender->command('blocks 10');
wait_until($server, "SELECT state = 'done' AND detail = 'sealed' FROM chainstream.subscription_status WHERE subscription_id = $accepted",
	'it is done');
is(sql($server, "$statuses '$id'"), 'pending confirmed+ finalized+', 'with a row for each status');
is(sql($server, "SELECT DISTINCT account FROM chainstream.transactions WHERE hash = '$id'"),
	'0xe4db9c640c6e50ba', 'for the payer');

my ($old) = chain($sender, 'block_digests', FIRST, FIRST, block_status => 'sealed');
my $refused = submit($old->{block_id}, 1001);
wait_until($server, "SELECT state = 'failed' AND detail ~ 'invalid transaction: transaction is expired' FROM chainstream.subscription_status WHERE subscription_id = $refused",
	'submit: a transaction is refused, in the words of the node');
$sender->command('set expiry 100000');    # by now it would be accepted
my $handed = handed_over();
admin("SELECT chainstream.watch_transaction('sender', '" . 'ef' x 32 . "')");
$sender->wait_for(sub { 1 == map { @{ $_->{topics} } } $_[0]->subscriptions });
$sender->command('drop');
$sender->wait_for(sub { 1 == map { @{ $_->{topics} } } $_[0]->subscriptions });
admin("SELECT chainstream.pause('sender')");
wait_until($server, "SELECT pid IS NULL FROM chainstream.status WHERE name = 'sender'", 'the source is paused');
my $waiting = submit(undef, 1002);
is(submission($waiting), 'pending|', 'submit to a paused source waits');
is(sql($server, "SELECT outcome FROM chainstream.check_source('sender') WHERE step = 'subscribe'"), 'ok',
	'check_source subscribes');
is(handed_over(), $handed, 'and hands nothing over');
admin("SELECT chainstream.resume('sender')");
wait_until($server, "SELECT state = 'active' FROM chainstream.subscription_status WHERE subscription_id = $waiting",
	'resume does');
$sender->command('blocks 10');
wait_until($server, "SELECT state = 'done' FROM chainstream.subscription_status WHERE subscription_id = $waiting", 'it is done');
like(submission($refused), qr/^failed\|/, 'what was refused stays so');
$handed = handed_over();

# ---------- the configuration in a dump ----------

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my $configuration = q{SELECT source, topic, arguments, channel FROM chainstream.subscriptions
	WHERE topic !~ '^send' ORDER BY subscription_id};
my $events = "SELECT count(*), max(id) FROM chainstream.events";
$_->command('rate 0') for $simulator, $topics, $many, $faulty, $node, $sender;
my @before = map { sql($server, $_) } $configuration, 'SELECT * FROM chainstream.sources ORDER BY name',
	'SELECT * FROM chainstream.watches ORDER BY watch_id', $events;
$server->run_log([ 'pg_dump', '-f', $dump, $server->connstr('postgres') ]);
$server->safe_psql('postgres', 'CREATE DATABASE copy');
$server->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $server->connstr('copy') ],
	'a dump is restored into another database');
is_deeply(
	[ map { sql($server, $_, 'copy') } $configuration, 'SELECT * FROM chainstream.sources ORDER BY name',
		'SELECT * FROM chainstream.watches ORDER BY watch_id', $events ],
	\@before, 'sources, subscriptions, watches and history are there');
is(sql($server, "SELECT count(*) FROM chainstream.subscriptions WHERE topic ~ '^send'", 'copy'), 0,
	'what was submitted is not');
is(sql($server, "SELECT count(*) FROM chainstream.subscriptions WHERE topic ~ '^send'"), 3, 'here it is');
wait_state($server, 'node', 'streaming', 'copy');
wait_until($server, "SELECT state = 'streaming' FROM chainstream.status WHERE name = 'sender'",
	'the sources of the copy stream', 'copy');
is(handed_over(), $handed, 'and hand nothing over');
wait_until($server, "SELECT count(*) >= 5 FROM chainstream.status WHERE state = 'streaming'", 'all go on', 'copy');
is( sql($server, "SELECT count(*) FROM (SELECT FROM chainstream.events
		GROUP BY source, topic, transaction_hash, ordinal, account HAVING count(*) > 1) t", 'copy'),
	0, 'where the dump ends: nothing is stored twice');

# Nothing is to start before a dump is there as a whole.
my $restore = session_start($server, '\c copy', 'SET check_function_bodies = false', 'SET row_security = off',
	"INSERT INTO chainstream.sources (name, provider, urls, network) SELECT 'late', provider, urls, network FROM chainstream.sources WHERE name = 'node'");
add_source('meanwhile', $node);
subscribe('meanwhile', 'block_digests', '{}');
wait_state($server, 'meanwhile', 'streaming');
is(sql($server, "SELECT state FROM chainstream.status WHERE name = 'late'", 'copy'), 'waiting',
	'a source that is being restored is not served');
session_end($restore);
wait_until($server, "SELECT pid IS NOT NULL FROM chainstream.status WHERE name = 'late'", 'until that is over', 'copy');
admin("SELECT chainstream.drop_source('meanwhile')");
sql($server, 'DROP DATABASE copy');

# ---------- the connection that went silent at the beginning ----------

wait_until($server, "SELECT last_error ~ 'nothing for 20 s' AND reconnects = 1 AND state = 'streaming' FROM chainstream.status WHERE name = 'silent'",
	'a connection that is half open is found out by its missing pings');

# ---------- a stream that goes on by height, whatever ends ----------

my $steady = simulate('--accounts', 8, '--set', 'per-block=2');
add_source('steady', $steady);
subscribe('steady', 'block_headers', '{"block_status": "finalized"}');
subscribe('steady', 'account_statuses', '{}');
admin("SELECT chainstream.watch('steady', '*')");
wait_state($server, 'steady', 'streaming');
$steady->command('rate 200');

sub goes_on
{
	my ($what) = @_;
	my $height = $steady->command('blocks 1');
	wait_rows('steady', $_, $height, "$what: $_") for qw(events blocks);
	return;
}
goes_on('blocks are read');
$steady->command('drop');
goes_on('after a lost connection');
$steady->command('pause');
$steady->command('drop');
wait_state($server, 'steady', 'backoff');
$steady->command('blocks 100');
$steady->command('resume');
goes_on('after a node that was away');
my $worker = worker_pid($server, 'steady');
kill 'TERM', $worker;
goes_on('after a worker that was terminated');
$worker = worker_pid($server, 'steady');
kill 'KILL', $worker;
wait_until($server, "SELECT pid <> $worker AND state = 'streaming' FROM chainstream.status WHERE name = 'steady'", 'killed and back');
goes_on('after a worker that was killed');
$server->stop('immediate');
$steady->command('blocks 100');
$server->start;
goes_on('after a server that crashed');
$server->restart;
goes_on('after a restart');
$steady->command('rate 0');
$end = $steady->command('blocks 40') - 3;
$end-- if $end % 4 == 3;
wait_rows('steady', $_, $end, "$_ are read to the end") for qw(events blocks);
whole('steady', $steady, 'no event is missing, none is there twice', FIRST, $end);
is( sql($server, "SELECT count(*) - (max(height) - min(height) + 1), min(height), count(DISTINCT hash) - count(*) FROM chainstream.blocks WHERE source = 'steady'"),
	'0|' . FIRST . '|0', 'nor is any block');
my @changes = chain_ids($steady, FIRST, $end - 20, 'flow');
is_deeply(
	[ split /\n/, sql($server, "
		SELECT transaction_hash, ordinal / 2 FROM chainstream.events
		WHERE source = 'steady' AND topic = 'account_statuses' AND height <= $end - 20
		ORDER BY height, (payload->>'transaction_index')::integer, ordinal") ],
	\@changes, 'nor any change of an account, which are few');
is(handed_over(), $handed, 'no transaction was handed over again');
like(submission($refused), qr/^failed\|.*transaction is expired/, 'nor what was refused');
is(submission($accepted), 'done|sealed', 'and what is done stays done');

# ---------- inject, pause, resume ----------

my $injected = $recorded =~ s/694494ac/0badcafe/gr;
admin("SELECT chainstream.watch('flow', '$buyer')");
is(admin("SELECT chainstream.inject('flow', " . '$m$' . $injected . '$m$)'), 2,
	'inject works while the worker runs');
is( admin("SELECT amount, direction FROM chainstream.transfers WHERE account = '$buyer' AND hash LIKE '0badcafe%'"),
	'1000000000|out', 'like a message that is received');
admin("SELECT chainstream.pause('steady')");
wait_until($server, "SELECT state = 'paused' AND pid IS NULL FROM chainstream.status WHERE name = 'steady'", 'paused');
$simulator->wait_for(sub { $steady->stats->{clients} == 0 });
$end = $steady->command('blocks 40') - 3;
$end-- if $end % 4 == 3;
admin("SELECT chainstream.resume('steady')");
wait_rows('steady', 'events', $end, 'resumed');
whole('steady', $steady, 'what happened meanwhile is there, too', FIRST, $end);

# ---------- a flood ----------

my $flood = simulate();
add_source('flood', $flood);
subscribe('flood', 'block_digests', '{"block_status": "finalized"}');
subscribe('flood', 'block_digests', '{"block_status": "sealed"}');
wait_state($server, 'flood', 'streaming');

sub memory
{
	my ($resident) = slurp_file('/proc/' . worker_pid($server, 'flood') . '/status') =~ /^RssAnon:\s+(\d+)/m;
	return $resident;
}
$flood->command('count 25000');
$flood->command('rate max');
wait_until($server, "SELECT count(*) >= 50000 FROM chainstream.blocks WHERE source = 'flood'", '50,000 messages are rows');
my $memory = memory();
$flood->command('count 100000');
wait_until($server, "SELECT count(*) >= 250000 FROM chainstream.blocks WHERE source = 'flood'", 'and 200,000 more');
cmp_ok(memory() - $memory, '<', 20_000, 'which took no more memory');
is( sql($server, "SELECT count(*) - count(DISTINCT hash) FROM chainstream.blocks WHERE source = 'flood' AND status = 'finalized'"),
	0, 'each once');

$flood->command('count 0');
$flood->command('rate max');
wait_until($server, "SELECT count(*) >= 260000 FROM chainstream.blocks WHERE source = 'flood'", 'under load');
cmp_ok(seconds_for(sub { sql($server, 'DROP EXTENSION chainstream CASCADE') }), '<', 2, 'the extension can be dropped');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')",
	'and its workers leave');
cmp_ok(count_rows($server, 'events'), '>', 0, 'the history stays');

$server->stop;
unlike(slurp_file($server->logfile), qr/TRAP|terminated by signal (?:6|11)|PANIC/, 'nothing crashed');
done_testing();
