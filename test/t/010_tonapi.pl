# The life of a source of TonAPI: both transports, details asked for by REST,
# watch lists spread over connections, servers that fall silent, and what the
# views say of it all.  A role without privileges of its own owns the sources.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;
use Time::HiRes ();

# Of the recorded messages: the account of the first transactions, the wallet
# and the jetton wallet of the messages of the mempool, and a deposit.
my $ELECTOR = '-1:' . '5' x 64;
my $ALICE = '0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC';
my $ALICE_FRIENDLY = 'UQCdqXGvONLwOr3zCNX5FjapflorB6ZsOdcdfLrjsDLt3AF4';
my $BOB = '0:4E3664FAEE814FBDB6C1CB36D72BAC52D15E186C11ECD664FE1B3F1A7CFD801D';
my $PAYEE = '0:408DA3B28B6C065A593E10391269BAAA9C5F8CAEBC0C69D9F0AABBAB2A99256B';
my $PAYER = '0:EF59CAEA6EBBEE8542839162AA654B76F416E712CE22752DA647D7E22CF1097F';

my $server = new_server('tonapi', 'chainstream.connect_timeout' => "'2s'");
my ($grants) = slurp_file("$FindBin::RealBin/../../doc/privileges.md") =~ /^```sql\n(.*?)^```$/ms;
sql($server, "$grants; GRANT chain_reader TO chain_admin");

# Everything that follows is done, and seen, by a plain role.
sub admin
{
	my ($query) = @_;
	return $server->safe_psql('postgres', $query, extra_params => [ '-U', 'chain_admin' ]);
}

sub simulator { return Simulator->new(args => [ '--listen', 'tonapi=0', @_ ]) }

sub add
{
	my ($name, $simulator, %options) = @_;
	my $transport = $options{transport} //= 'websocket';
	my $url = $simulator->url('tonapi');
	$url =~ s/^ws/http/ if $transport eq 'sse';
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;
	return admin("SELECT chainstream.add_source('$name', provider => 'tonapi', url => '$url'$more)");
}

sub watch
{
	my ($name, @targets) = @_;
	return admin("SELECT chainstream.watch('$name', ARRAY['" . join("','", @targets) . "'])");
}

sub watched
{
	my ($name, $count, $what) = @_;
	return wait_until($server,
		"SELECT count(*) = $count FROM chainstream.watch_status
		 WHERE source = '$name' AND state = 'active'", $what);
}

# "topic state" of each subscription, with its words if it has any.
sub topics_of
{
	my ($name) = @_;
	return admin("SELECT string_agg(concat_ws(' ', topic, state, detail), ', ' ORDER BY subscription_id)
		FROM chainstream.subscription_status WHERE source = '$name'");
}

sub wait_topics
{
	my ($name, $expected, $what) = @_;
	return wait_until($server,
		"SELECT string_agg(concat_ws(' ', topic, state, detail), ', ' ORDER BY subscription_id)
			LIKE " . "\$\$$expected\$\$" . "
		 FROM chainstream.subscription_status WHERE source = '$name'", $what)
	  || diag(topics_of($name));
}

# What each client of the server is subscribed to; of one topic, how many
# accounts in all.
sub asked { my ($simulator) = @_; return map { $_->{topics} } $simulator->subscriptions }

sub accounts_asked
{
	my ($simulator, $topic) = @_;
	return map { @{ $_->{$topic} // [] } } asked($simulator);
}

# Rows of a table and source that were not looked at yet.
my $seen = 0;
sub rows
{
	my ($source, $table, $columns) = @_;
	my $result = admin("SELECT $columns FROM chainstream.$table
		WHERE source = '$source' AND id > $seen ORDER BY id");
	look_away();
	return $result;
}

sub look_away
{
	$seen = admin("SELECT greatest((SELECT max(id) FROM chainstream.transactions),
		(SELECT max(id) FROM chainstream.events), (SELECT max(id) FROM chainstream.blocks), $seen)");
	return;
}

sub arrive
{
	my ($source, $table, $count, $what) = @_;
	return wait_until($server,
		"SELECT count(*) = $count FROM chainstream.$table
		 WHERE source = '$source' AND id > $seen", $what);
}

sub counts
{
	my ($source, $column, $count, $what) = @_;
	return wait_until($server,
		"SELECT $column = $count FROM chainstream.status WHERE name = '$source'", $what);
}

my $MOVED = 'account, counterparty, direction, amount, asset, fee, status, height';

# ---------- what takes long begins now and is looked at in the end ----------

# One that is quiet but alive, with signs of life only; those that say nothing
# any more; one that still shows signs of life but answers nothing.
my (%calm, %silent);
for my $transport (qw(websocket sse))
{
	$calm{$transport} = simulator();
	add("calm_$transport", $calm{$transport}, transport => $transport);
	watch("calm_$transport", $ALICE);
	watched("calm_$transport", 1, "a watch over $transport");
	$silent{$transport} = simulator();
	add("silent_$transport", $silent{$transport}, transport => $transport);
	watch("silent_$transport", $ALICE);
	watched("silent_$transport", 1, "another over $transport");
	$silent{$transport}->command($transport eq 'sse' ? 'heartbeat off' : 'halfopen');
}
my $deaf = simulator('--set', 'idle-ms=1000');
add('deaf', $deaf);
watch('deaf', $ALICE);
watched('deaf', 1, 'a watch of a server that will stop listening');
$deaf->command('noping on');
watch('deaf', $BOB);

# ---------- three statements, and rows come ----------

my $simulator = simulator('--accounts', '40', '--set', 'block-ms=0');
add('ton', $simulator);
wait_state($server, 'ton', 'idle');
is(topics_of('ton'), 'account_transaction idle waiting for a watched address',
	'without a watched address nothing is asked for');
is(join('', accounts_asked($simulator, 'account_transaction')), '', 'of the server');

my $listener = session_start($server, 'LISTEN chainstream');
is(watch('ton', $ELECTOR), 1, 'an address');
watched('ton', 1, 'is watched once the server acknowledged it');
wait_state($server, 'ton', 'streaming');
is(topics_of('ton'), 'account_transaction active', 'so is the subscription');
is_deeply([ asked($simulator) ], [ { account_transaction => [$ELECTOR] } ],
	'the server has the address');

my @transactions = sample('tonapi/ws-account_transaction.jsonl');
$simulator->command("send $transactions[0]");
arrive('ton', 'transactions', 1, 'a notification is a row');
is(rows('ton', 'transactions', "topic, hash, $MOVED, occurred_at"),
	join('|', 'account_transaction',
		'586e176bdead2a37d9e372c3725e27c4eab90f5b213c6099c6aadeafc8e4fbc9',
		$ELECTOR, '', '', '', 'TON', '', 'finalized', '', ''),
	'with what it says, which is little');
is(admin("SELECT payload::text FROM chainstream.transactions WHERE source = 'ton'"),
	$transactions[0], 'and the message as received, without its line feed');
my @told = session_end($listener);
is(scalar @told, 1, 'one notification');
my $told = JSON::PP::decode_json($told[0]{payload});
is_deeply($told->{rows}[0],
	{ id => $told->{first_id}, topic => 'account_transaction', status => 'finalized',
		hash => '586e176bdead2a37d9e372c3725e27c4eab90f5b213c6099c6aadeafc8e4fbc9',
		account => $ELECTOR, asset => 'TON',
		map { $_ => undef } qw(counterparty direction amount height) },
	'carries it');
$simulator->command("send $transactions[0]");
counts('ton', 'duplicates', 1, 'the same again is counted');
is(rows('ton', 'transactions', '*'), '', 'and not stored');
is(admin("SELECT count(*) FROM chainstream.cursors WHERE source = 'ton'"), 0,
	'there is no position: the protocol knows none');

# ---------- the watch list, live ----------

my $connections = $simulator->stats->{connections};
my @pool = split / /, $simulator->command('accounts 0 40');
$simulator->command('rate 400');
watch('ton', $ALICE_FRIENDLY);
watched('ton', 2, 'a second watch, in the spelling of wallets');
admin("INSERT INTO chainstream.watches (source, target)
	SELECT 'ton', unnest(ARRAY['" . join("','", @pool) . "'])");
watched('ton', 42, 'forty more by plain SQL, with traffic running');
admin("BEGIN; SELECT chainstream.unwatch('ton', '$ELECTOR'); ROLLBACK");
my $dave = '0:' . '7' x 64;
admin("BEGIN; SELECT chainstream.watch('ton', '$dave'); ROLLBACK");
is(admin("SELECT chainstream.unwatch('ton', '$ALICE')"), 't', 'and one less');
$simulator->wait_for(sub { accounts_asked($_[0], 'account_transaction') == 41 });
is(scalar(grep { $_ eq $ALICE || $_ eq $dave } accounts_asked($simulator, 'account_transaction')),
	0, 'unwatch reaches the server, a rollback leaves no trace');
$simulator->command('rate 0');
is($simulator->stats->{connections}, $connections, 'all on one connection');
$simulator->wait_for(sub { $_[0]->stats->{queued} == 0 });
my $sent = $simulator->stats->{topics}{account_transaction};
counts('ton', 'rows + duplicates', $sent, 'every notification of them was taken');
counts('ton', 'duplicates', 1, 'once');
cmp_ok($sent, '>', 2, 'and there were some');
look_away();

# ---------- every topic ----------

admin("SELECT chainstream.unwatch('ton', ARRAY['" . join("','", @pool) . "'])");
watch('ton', $ALICE, $BOB, map { "0:$_" } map { uc } qw(67a8fc0aea189d79e26f50fa9184842a1ab4f19951286d498ea5a106af375044
	dd61300e0060f80233363b3b4a0f3b27ad03b19cc4bec6ec798aab0b3e479eba));
$simulator->wait_for(sub { accounts_asked($_[0], 'account_transaction') == 5 });
for my $topic (qw(trace mempool_message block))
{
	admin("SELECT chainstream.subscribe('ton', '$topic', channel => '${topic}s')");
}
wait_topics('ton', 'account_transaction active, trace active, mempool_message active, block active',
	'three more topics');
watched('ton', 5, 'with all addresses');
is_deeply([ map { scalar accounts_asked($simulator, $_) } qw(account_transaction trace mempool_message) ],
	[ 5, 5, 5 ], 'each with the watch list');
$listener = session_start($server, 'LISTEN traces');

my @traces = sample('tonapi/ws-trace.jsonl');
$simulator->command("send $traces[0]");
counts('ton', 'duplicates', 3, 'a trace comes once for each of two watched accounts');
is(rows('ton', 'events', 'topic, kind, status, hash, left(account, 6), ordinal, transaction_hash = hash'),
	join("\n", map { join '|', 'trace', 'trace', 'finalized',
			'6176c9b1690a7b6beebd09ff118761ee47f1a8be716506874ed0a1c06bb0fc83', $_, 't' }
		  '0:67A8|1', '0:DD61|2'),
	'and makes one row for each');
is_deeply([ map { $_->{channel} } session_end($listener) ], ['traces'],
	'announced on the channel of the subscription');

my @messages = sample('tonapi/ws-mempool_message.jsonl');
$simulator->command("send $messages[3]");
arrive('ton', 'events', 2, 'a message of the mempool');
is(rows('ton', 'events', 'topic, status, hash, account, ordinal'),
	join("\n", map { join '|', 'mempool_message', 'pending',
			'f97ab943d8030dbbf600e700ba39c021042e807efa27c73689dad7db2003e476', $_ }
		  "$ALICE|0", "$BOB|1"),
	'has a row for its sender, and one for the watched account that it touches');
$simulator->command("send $_") for sample('tonapi/ws-block.jsonl');
arrive('ton', 'blocks', 6, 'blocks');
is(rows('ton', 'blocks', "status, left(hash, 8), height, payload #>> '{params,workchain}', payload #>> '{params,shard}'"),
	join("\n", map { "finalized|$_" } '2a659546|34832412|-1|8000000000000000',
		'4506cf11|40695756|0|8000000000000000', '025af4e6|41765057|0|c000000000000000',
		'7e1ff489|40007846|0|8000000000000000', '9933d579|34336028|-1|8000000000000000',
		'11111111|41765058|0|800000000000000'),
	'with number and hash; workchain and shard are in the payload');

# ---------- arguments, live ----------

my ($transfer) = sample('tonapi/rest-transaction.jsonl');
my @details = sample('tonapi/rest-transaction.jsonl');
watch('ton', $PAYEE);
watched('ton', 6, 'a sixth account');
admin("UPDATE chainstream.subscriptions SET arguments = '{\"workchain\": -1}' WHERE topic = 'block';
	UPDATE chainstream.subscriptions SET arguments = '{\"operations\": [\"JettonTransfer\"]}'
	WHERE topic = 'account_transaction' AND source = 'ton'");
$simulator->wait_for(sub { ((asked($_[0]))[0]{block} // 0) == -1 });
$simulator->wait_for(sub { $_[0]->command("send $details[2]") eq '0' });
pass('blocks of one workchain, transactions of one operation: the server was told');
is($simulator->command('send ' . (sample('tonapi/ws-block.jsonl'))[1]), 0,
	'a block of the other workchain is not sent');
admin("UPDATE chainstream.subscriptions SET arguments = '{\"operations\": [\"0x00000000\"]}'
	WHERE topic = 'account_transaction' AND source = 'ton'");
$simulator->wait_for(sub { $_[0]->command("send $details[2]") eq '1' });
wait_until($server, "SELECT count(*) > 0 FROM chainstream.transactions WHERE source = 'ton' AND account = '$PAYEE'",
	'of another operation');
admin("UPDATE chainstream.subscriptions SET arguments = '{}' WHERE source = 'ton' AND topic = 'account_transaction'");
$simulator->wait_for(sub { $_[0]->command("send $transactions[3]" =~ s/0:623d[0-9a-f]*/lc $ALICE/er) eq '1' });
pass('and of any');
my (undef, undef, $refusal) = $server->psql('postgres',
	"SELECT chainstream.subscribe('ton', 'trace', '{\"accounts\": []}')");
like($refusal, qr/argument "accounts" is not given here.*HINT:  Name accounts with chainstream.watch\(\)/s,
	'accounts are no argument');

for my $topic (qw(trace mempool_message block))
{
	admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions
		WHERE topic = '$topic' AND source = 'ton'");
}
$simulator->wait_for(sub { join(',', map { keys %$_ } asked($_[0])) eq 'account_transaction' });
pass('unsubscribe reaches the server');
is($simulator->stats->{connections}, $connections, 'all on the same connection');

# ---------- everything, which a WebSocket cannot give ----------

watch('ton', '*');
wait_until($server,
	"SELECT state = 'error' AND detail = 'everything cannot be had over a WebSocket but of mempool_message: use transport sse'
	 FROM chainstream.watch_status WHERE target = '*' AND source = 'ton'",
	"'*' is an error that says what to do");
admin("SELECT chainstream.subscribe('ton', 'mempool_message')");
wait_topics('ton', 'account_transaction active, mempool_message active', 'but of the mempool');
look_away();
$simulator->command("send $messages[0]");
arrive('ton', 'events', 1, 'everything comes');
is(rows('ton', 'events', 'left(account, 8), ordinal'), '0:DEAAE6|0', 'known by its destination');
admin("SELECT chainstream.unwatch('ton', '*')");
$simulator->wait_for(sub { accounts_asked($_[0], 'mempool_message') == 6 });
is($simulator->command("send $messages[0]"), 0, 'and no more without the asterisk');

# ---------- event streams: a list that changes takes a second stream ----------

my $journal = PostgreSQL::Test::Utils::tempdir() . '/journal';
my $streams = simulator('--accounts', '20', '--set', 'block-ms=0', '--set', 'idle-ms=500', '--journal', $journal);
my @crowd = split / /, $streams->command('accounts 0 20');
add('sse', $streams, transport => 'sse');
watch('sse', @crowd[0 .. 9]);
watched('sse', 10, 'ten accounts of a stream');
is(topics_of('sse'), 'account_transaction active', 'which is active when it lives');
is($streams->stats->{clients}, 1, 'one stream');
$streams->command('rate 3000');
for my $number (10 .. 19)
{
	watch('sse', $crowd[$number]);
	watched('sse', $number + 1, "account $number joins while messages rush by");
}
$streams->wait_for(sub { $_[0]->stats->{clients} == 1 && accounts_asked($_[0], 'account_transaction') == 20 });
$streams->command('rate 0');
$streams->wait_for(sub { $_[0]->stats->{queued} == 0 });
cmp_ok($streams->stats->{connections}, '>=', 11, 'each stream was replaced by another');

# What was written to a socket is a row.
sub journalled
{
	my ($simulator, $file, $topic) = @_;
	$simulator->command('journal /dev/null');
	my %hashes;
	for (split /\n/, slurp_file($file))
	{
		my ($hash, undef, $of) = split / /;
		$hashes{$hash} = 1 if $of eq $topic;
	}
	return scalar keys %hashes;
}
my $written = journalled($streams, $journal, 'account_transaction');
wait_until($server, "SELECT count(DISTINCT hash) = $written FROM chainstream.transactions WHERE source = 'sse'",
	"none of $written transactions was lost") || diag(admin("SELECT count(DISTINCT hash) FROM chainstream.transactions WHERE source = 'sse'"));
is(admin("SELECT count(*) - count(DISTINCT hash) FROM chainstream.transactions WHERE source = 'sse'"), 0,
	'nor stored twice');
is(status_of($server, 'sse', 'reconnects'), 0, 'and nobody calls it a reconnect');

admin("SELECT chainstream.unwatch('sse', '$crowd[0]')");
$streams->wait_for(sub { $_[0]->stats->{clients} == 1 && accounts_asked($_[0], 'account_transaction') == 19 });
pass('an account that leaves takes another stream as well');

# At full speed, where there is always something on its way.
my $rush_journal = PostgreSQL::Test::Utils::tempdir() . '/journal';
my $rush = simulator('--accounts', '12', '--set', 'block-ms=0', '--journal', $rush_journal);
my @rush = split / /, $rush->command('accounts 0 12');
add('rush', $rush, transport => 'sse');
watch('rush', @rush[0 .. 8]);
watched('rush', 9, 'nine accounts');
$rush->command('rate max');
for my $number (9 .. 11)
{
	watch('rush', $rush[$number]);
	watched('rush', $number + 1, "account $number joins at full speed");
}
$rush->command('rate 0');
$rush->wait_for(sub { $_[0]->stats->{queued} == 0 });
my $rushed = journalled($rush, $rush_journal, 'account_transaction');
wait_until($server, "SELECT count(DISTINCT hash) = $rushed FROM chainstream.transactions WHERE source = 'rush'",
	"none of $rushed transactions was lost") || diag(admin("SELECT count(DISTINCT hash) FROM chainstream.transactions WHERE source = 'rush'"));
admin("SELECT chainstream.drop_source('rush')");

# ---------- everything ----------

admin("SELECT chainstream.subscribe('sse', topic) FROM unnest(ARRAY['trace', 'mempool_message', 'block']) topic");
$streams->wait_for(sub { $_[0]->stats->{clients} == 4 });
wait_topics('sse', 'account_transaction active, trace active, mempool_message active, block active',
	'a stream for each topic');
watch('sse', '*');
$streams->wait_for(sub { $_[0]->stats->{clients} == 4 && grep({ $_->{all} } asked($_[0])) == 2 });
wait_until($server, "SELECT state = 'active' FROM chainstream.watch_status WHERE source = 'sse' AND target = '*'",
	"'*' is active, with a stream for each topic as well");
look_away();
$streams->command("send $_") for $transactions[0], $traces[0], @messages[0, 3], sample('tonapi/ws-block.jsonl');
arrive('sse', 'blocks', 6, 'blocks');
arrive('sse', 'events', 3, 'a trace and two messages');
arrive('sse', 'transactions', 1, 'a transaction');
is(admin("SELECT string_agg(concat_ws(' ', topic, status, left(hash, 8), left(account, 6)), ', ' ORDER BY topic, hash)
		FROM (SELECT * FROM chainstream.events WHERE source = 'sse' AND id > $seen) e"),
	'mempool_message pending ea7fe861 0:DEAA, mempool_message pending f97ab943 0:9DA9, trace finalized 6176c9b1',
	'one row of each, although nobody watches these accounts');
is(rows('sse', 'transactions', 'payload::text'), $transactions[0] =~ s/.*"params":(.*)}$/$1/r,
	'the payload is the data of the event');
admin("SELECT chainstream.unwatch('sse', '*'); SELECT chainstream.unsubscribe(subscription_id)
	FROM chainstream.subscriptions WHERE source = 'sse' AND topic <> 'account_transaction'");
$streams->wait_for(sub { $_[0]->stats->{clients} == 1 && accounts_asked($_[0], 'account_transaction') == 19 });
pass('without it the list is back');

# A list too long for a URL: more streams, or all of it, from which the worker chooses.
my $long = simulator('--accounts', '60', '--set', 'block-ms=0', '--set', 'idle-ms=500');
my @long = split / /, $long->command('accounts 0 60');
add('lists', $long, transport => 'sse');
watch('lists', @long);
watched('lists', 60, 'sixty accounts');
is(join(' ', sort { $a <=> $b } map { scalar @{ $_->{account_transaction} } } asked($long)), '4 28 28',
	'take three streams');
add('all', $long, transport => 'sse', options => '{"strategy": "all"}');
watch('all', @long[0 .. 29]);
watched('all', 30, 'or one of everything');
is(scalar(grep { $_->{all} } asked($long)), 1, 'which is one more');
look_away();
$long->command('transfer') for 1 .. 50;
arrive('lists', 'transactions', 100, 'all that the server tells');
wait_until($server, "SELECT messages = 100 FROM chainstream.status WHERE name = 'all'", 'is told to both');
is(admin("SELECT count(*) FROM (SELECT hash FROM chainstream.transactions WHERE source = 'lists'
			AND account IN ('" . join("','", @long[0 .. 29]) . "')
		EXCEPT SELECT hash FROM chainstream.transactions WHERE source = 'all') missing"), 0,
	'what concerns the watched accounts is chosen');
is(admin("SELECT count(*) FROM chainstream.transactions t WHERE source = 'all' AND NOT EXISTS (
		SELECT FROM chainstream.watches w WHERE w.source = 'all' AND target = account)"), 0, 'and nothing else');

# ---------- details ----------

my $rest = simulator('--accounts', '40', '--set', 'block-ms=0', '--set', 'not-found=1');
add('rich', $rest, options => '{"enrich": true, "enrich_per_second": 100}');
watch('rich', $PAYEE);
watched('rich', 1, 'a source that asks for details');
$rest->command("send $details[2]");
arrive('rich', 'transactions', 1, 'a bare row comes before they do');
is(rows('rich', 'transactions', $MOVED), "$PAYEE||||TON||finalized|", 'without amount');
is(admin("SELECT count(*) FROM chainstream.transfers WHERE source = 'rich'"), 0, 'and is no transfer yet');
arrive('rich', 'transactions', 1, 'then the details, which were not found at first');
is(rows('rich', 'transactions', "$MOVED, occurred_at AT TIME ZONE 'UTC'"),
	"$PAYEE|$PAYER|in|5440000000|TON|100002|finalized|40834551|2023-12-25 11:17:39", 'complete');
is(admin("SELECT counterparty, amount, asset FROM chainstream.transfers
		WHERE account = '$PAYEE' AND direction = 'in' AND status = 'finalized'"),
	"$PAYER|5440000000|TON", 'which is a deposit, in the words of the README');
is(admin("SELECT count(*), min(amount) FROM chainstream.transaction_state WHERE source = 'rich'"),
	'1|5440000000', 'and one transaction');
$rest->command('set not-found 0');

# A transfer of which both are watched: its sender, its recipient.
my @rich = split / /, $rest->command('accounts 0 40');
watch('rich', @rich);
watched('rich', 41, 'forty more');
my ($sender, $sent_hash, $recipient, $received_hash) = split / /, $rest->command('transfer');
arrive('rich', 'transactions', 4, 'two bare rows, two complete');
is(admin("SELECT string_agg(concat_ws(' ', hash, account, direction, counterparty), ', ' ORDER BY direction)
		FROM chainstream.transfers WHERE source = 'rich' AND id > $seen"),
	"$received_hash $recipient in $sender, $sent_hash $sender out $recipient",
	'the transfer as each of them sees it');
is(admin("SELECT count(*) FROM chainstream.transaction_state WHERE source = 'rich' AND amount IS NULL"), 0,
	'no transaction is incomplete');

# The server asks for patience: rows come, details wait.
look_away();
$rest->command('restdelay 0');
$rest->command('status 429 2');
my $begin = Time::HiRes::time();
$rest->command('transfer');
arrive('rich', 'transactions', 2, 'a server that refuses details (429) delays no row');
$rest->wait_for(sub { $_[0]->stats->{refused} > 0 });
$rest->command('status 0');
arrive('rich', 'transactions', 4, 'which are asked for again');
cmp_ok(Time::HiRes::time() - $begin, '>=', 1.9, 'not before Retry-After');
is(topics_of('rich'), 'account_transaction active', 'all the while the subscription was active');
$rest->command('rest 401');
look_away();
$rest->command('transfer');
wait_topics('rich', 'account_transaction active the server refuses to tell the details of transactions: is the token valid?',
	'a server that refuses them for good is told of');
$rest->command('rest 0');
admin("SELECT chainstream.set_token('rich', 'secret')");
wait_topics('rich', 'account_transaction active', 'a new token begins anew');
look_away();
$rest->command('transfer');
arrive('rich', 'transactions', 4, 'with details');

# ---------- limits: of the server, of the options ----------

sub over_limit
{
	my ($name, $count, $words, $what) = @_;
	return wait_until($server,
		"SELECT count(*) = $count AND bool_and(detail LIKE '%$words%') FROM chainstream.watch_status
		 WHERE source = '$name' AND state = 'over_limit'", $what)
	  || diag(admin("SELECT state, detail, count(*) FROM chainstream.watch_status WHERE source = '$name' GROUP BY 1, 2"));
}

my $narrow = simulator('--set', 'limit=3', '--accounts', '20', '--set', 'block-ms=0');
my @many = split / /, $narrow->command('accounts 0 20');
add('narrow', $narrow, options => '{"max_connections": 2}');
watch('narrow', @many[0 .. 7]);
watched('narrow', 6, 'a server that takes three addresses has them on two connections');
over_limit('narrow', 2, 'you have reached the limit of 3 subscriptions', 'the others are told why not');
is(status_of($server, 'narrow', "connections || ' ' || state"), '2 streaming', 'the source streams');
is_deeply([ sort map { scalar @{ $_->{account_transaction} } } asked($narrow) ], [ 3, 3 ],
	'each connection has its share');
my $free = admin("SELECT target FROM chainstream.watch_status WHERE source = 'narrow' AND state = 'active' LIMIT 1");
admin("SELECT chainstream.unwatch('narrow', '$free')");
over_limit('narrow', 1, 'limit of 3', 'room for one is taken by one');
watched('narrow', 6, 'which is active');
admin("SELECT chainstream.alter_source('narrow', options => '{\"max_connections\": 3}')");
watched('narrow', 7, 'a third connection takes the rest');
is(status_of($server, 'narrow', 'connections'), 3, 'and is there');
$narrow->command('set limit 10000');
admin("SELECT chainstream.alter_source('narrow', options => '{\"max_connections\": 2, \"accounts_per_connection\": 2}')");
over_limit('narrow', 3, 'more addresses than 2 connections take: see the option max_connections',
	'the option accounts_per_connection limits as well');
watched('narrow', 4, 'two on each');

# ---------- failures that look like results ----------

my $poor = simulator('--no-traces', '--no-blocks');
add('poor', $poor);
watch('poor', $ALICE);
admin("SELECT chainstream.subscribe('poor', 'trace'), chainstream.subscribe('poor', 'block')");
wait_topics('poor', 'account_transaction active, trace error trace source is not configured, block error block source is not configured',
	"what the server does not have is an error in the server's words");
watched('poor', 1, 'the rest works');
is(status_of($server, 'poor', 'state'), 'streaming', 'the source streams');
$poor->command('switch no-traces off');
$poor->command('switch no-blocks off');
$poor->command('drop');
wait_topics('poor', 'account_transaction active, trace active, block active',
	'on another connection it is asked for again');

# ---------- tokens ----------

my %locked;
for my $case ('websocket header', 'websocket query', 'sse header', 'sse query')
{
	my ($transport, $place) = split / /, $case;
	my $name = "locked_${transport}_$place";
	$locked{$name} = simulator('--require-token', 'open-sesame');
	add($name, $locked{$name}, transport => $transport, token => 'abracadabra',
		options => qq({"token_in": "$place"}));
	watch($name, $ALICE);
}
for my $name (sort keys %locked)
{
	wait_topics($name, 'account_transaction error % answered HTTP 401 Unauthorized%', "$name: a wrong token is an error");
	wait_until($server, "SELECT state = 'backoff' AND last_error LIKE '%401%' AND next_retry_at IS NOT NULL
		FROM chainstream.status WHERE name = '$name'", 'which the status tells, and that it is tried again');
	admin("SELECT chainstream.set_token('$name', 'open-sesame')");
}
for my $name (sort keys %locked)
{
	watched($name, 1, "$name: with the right one it works");
	is(topics_of($name), 'account_transaction active', 'and nothing is left of the error');
}
unlike(slurp_file($server->logfile) . admin('SELECT status, s, w FROM chainstream.status
		LEFT JOIN chainstream.subscription_status s ON s.source = name
		LEFT JOIN chainstream.watch_status w ON w.source = name'),
	qr/(?<!set_token\()(abracadabra|open-sesame)/, 'no view and no line of the log tells a token');

# ---------- lost connections ----------

my @faulty = (
	[ 'ton', $simulator, 'drop', 'drop fin', 'close 1001 going', 'close 1011 oops', 'close 0', 'end', 'huge 20000000' ],
	[ 'sse', $streams, 'drop', 'drop fin', 'end' ]);
admin("SELECT chainstream.subscribe('ton', 'trace')");
watched('ton', 6, 'before the storm');
for (@faulty)
{
	my ($name, $from, @faults) = @$_;
	my @before = sort(accounts_asked($from, 'account_transaction'));
	for my $fault (@faults)
	{
		my $reconnects = status_of($server, $name, 'reconnects');
		$from->command($fault);
		wait_until($server, "SELECT reconnects = $reconnects + 1 AND state = 'streaming'
			FROM chainstream.status WHERE name = '$name'", "$name: after '$fault' it is connected again");
		$from->wait_for(sub { accounts_asked($_[0], 'account_transaction') == @before });
		is_deeply([ sort(accounts_asked($from, 'account_transaction')) ], \@before, 'everything is asked for again');
	}
}
wait_topics('ton', 'account_transaction active, mempool_message active, trace active', 'with all topics');
$streams->command('status 429 3');
$streams->command('drop');
wait_until($server, "SELECT last_error LIKE '%429%' AND next_retry_at >= last_error_at + interval '2.9 s'
	FROM chainstream.status WHERE name = 'sse'", '429: the next attempt waits as the server asked');
like(topics_of('sse'), qr/^account_transaction pending .* answered HTTP 429 Too Many Requests: .*rate limit/, 'the subscription says why it is pending');
$streams->command('status 0');

# ---------- bad messages ----------

for ([ 'ton', $simulator ], [ 'sse', $streams ])
{
	my ($name, $from) = @$_;
	watched($name, $name eq 'ton' ? 6 : 19, "$name is whole");
	my @bad = ('truncate 50', 'deep 5000', 'rawhex 7B2261223A2200227D',
		'raw {"jsonrpc":"2.0","method":"of another world","params":{}}', 'raw {"account_id":"0:12","lt":1,"tx_hash":"00"}',
		'raw []', 'raw {"account_id":"' . $ALICE . '","lt":"x","tx_hash":"' . '0' x 64 . '"}', 'badutf8');
	push @bad, 'raw {"boc":"AAAA"}' if $name eq 'ton';
	my $rejected = status_of($server, $name, 'rejected');
	my $reconnects = status_of($server, $name, 'reconnects');
	for my $fault (@bad)
	{
		$from->command($fault);
		counts($name, 'rejected', ++$rejected, "$name: " . substr($fault, 0, 50) . ' is rejected');
	}
	is(status_of($server, $name, 'reconnects'), $reconnects, 'and the stream goes on');
}
is(sql($server, "SELECT reason, sqlstate FROM chainstream.rejects WHERE source = 'ton' ORDER BY id"),
	join("\n", 'invalid JSON: a string has no end|22P02', 'invalid JSON: nesting too deep|22P02',
		'invalid JSON: a string holds a control character|22P02', 'unrecognized method "of another world"|0A000',
		'"account_id" is not an address|22023', 'JSON text is not an object|22P02',
		'"lt" is not an integer of 64 bits|22023',
		'invalid JSON: a string is not valid UTF-8|22P02',
		'"boc" is not a message: it does not begin as a bag of cells|22023'),
	'each with its reason');
my $rejected = status_of($server, 'ton', 'rejected');
$simulator->command('garbage 1000');
counts('ton', 'rejected', $rejected + 1, 'random bytes, too');
$simulator->command('raw {"id":4711,"jsonrpc":"2.0","method":"subscribe_account","result":"you have reached the limit of 1 subscriptions"}');
$simulator->command('switch extra-fields on');
look_away();
$simulator->command("send $transactions[1]");
arrive('ton', 'transactions', 1, 'after all that, with members nobody knows: a row');
$simulator->command('switch extra-fields off');
watched('ton', 6, 'an answer that nobody asked for changes nothing');
my $duplicates = status_of($server, 'ton', 'duplicates');
$simulator->command('duplicate on');
look_away();
$simulator->command("send $transactions[2]");
counts('ton', 'duplicates', $duplicates + 1, 'what comes twice is counted');
is(rows('ton', 'transactions', 'left(hash, 8)'), '26d07a41', 'and stored once');
$simulator->command('duplicate off');

# ---------- check, inject, pause ----------

sub checked
{
	my ($name) = @_;
	return admin("SELECT string_agg(step || ' ' || outcome, ', ' ORDER BY ordinality) FILTER (WHERE outcome <> 'skipped')
		FROM chainstream.check_source('$name') WITH ORDINALITY");
}
is(checked('ton'), 'name ok, tcp ok, handshake ok, subscribe ok, message waiting', 'check_source: all is well');
is(checked('sse'), 'name ok, tcp ok, handshake ok, subscribe ok, message waiting', 'over both transports');
admin("SELECT chainstream.set_token('locked_sse_query', 'wrong')");
is(checked('locked_sse_query'), 'name ok, tcp ok, handshake failed', 'or which step fails');
like(admin("SELECT detail, hint FROM chainstream.check_source('locked_sse_query') WHERE outcome = 'failed'"),
	qr/401.*\|.*token/i, 'and what to do');
is(checked('poor'), 'name ok, tcp ok, handshake ok, subscribe ok, message waiting', 'several topics');

look_away();
my ($list) = sample('tonapi/rest-account-transactions.jsonl');
watch('ton', '-1:' . '3' x 64);
is(admin("SELECT chainstream.inject('ton', \$\$$list\$\$)"), 2, 'a list of REST, injected beside the worker');
is(rows('ton', 'transactions', 'left(hash, 8), direction, amount, length(payload::text) < ' . length $list),
	"ed075827|in|2722504297|t\nfec4f77e||0|t", 'is a row for each, with its part of it');

my $pid = worker_pid($server, 'ton');
admin("SELECT chainstream.pause('ton')");
wait_until($server, "SELECT state = 'paused' AND pid IS NULL FROM chainstream.status WHERE name = 'ton'", 'pause');
$simulator->wait_for(sub { $_[0]->stats->{clients} == 0 });
admin("SELECT chainstream.resume('ton')");
watched('ton', 7, 'resume');
isnt(worker_pid($server, 'ton'), $pid, 'with another process');

# ---------- servers that fell silent, long ago ----------

wait_until($server, "SELECT reconnects > 0 AND state = 'streaming' FROM chainstream.status WHERE name = 'silent_websocket'",
	'a WebSocket without a sign of life is replaced');
wait_until($server, "SELECT reconnects > 0 AND last_error LIKE '%nothing for 20 s' FROM chainstream.status WHERE name = 'silent_sse'",
	'so is a stream without heartbeats, and the status says why');
$deaf->command('noping off');
wait_until($server, "SELECT reconnects > 0 AND last_error LIKE '%no answer for 10 s%' FROM chainstream.status WHERE name = 'deaf'",
	'and one that is alive, but answers nothing');
watched('deaf', 2, 'when it listens again, all is asked for');
is(status_of($server, "calm_$_", "state || ' ' || reconnects || ' ' || messages"),
	'streaming 0 ' . ($_ eq 'websocket' ? 1 : 0), "a quiet $_ is kept by its signs of life") for qw(websocket sse);

# ---------- full speed: memory, and an end under load ----------

admin('SELECT chainstream.drop_source(name) FROM chainstream.sources');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')",
	'sources that are dropped have no workers');
my $flood = simulator('--accounts', '1000', '--set', 'block-ms=0');
add('flood', $flood, transport => 'sse');
watch('flood', '*');
watched('flood', 1, 'everything at full speed');

sub memory
{
	my ($pid) = @_;
	my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+) kB/m;
	return $kilobytes;
}

# So many transfers, of two transactions each.
sub flood
{
	my ($transfers) = @_;
	my $goal = $flood->stats->{sent} + 2 * $transfers;
	$flood->command("count $transfers");
	$flood->command('rate max');
	wait_until($server, "SELECT messages = $goal AND rows = $goal FROM chainstream.status WHERE name = 'flood'",
		"$goal messages are as many rows");
	return memory(worker_pid($server, 'flood'));
}
my $small = flood(25_000);
my $large = flood(100_000);
cmp_ok($large - $small, '<', 32 * 1024, 'the memory of the worker does not grow with them');
is(status_of($server, 'flood', "rejected || ' ' || reconnects || ' ' || duplicates"), '0 0 0', 'all is well');

$flood->command('count 0');
$flood->command('rate max');
wait_until($server, "SELECT messages > 250000 FROM chainstream.status WHERE name = 'flood'", 'and it goes on');
cmp_ok(seconds_for(sub { sql($server, 'DROP EXTENSION chainstream CASCADE') }), '<', 2,
	'DROP EXTENSION waits for nobody');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')",
	'no worker is left');
cmp_ok(count_rows($server, 'transactions'), '>', 250_000, 'the history is');

$server->stop;
done_testing();
