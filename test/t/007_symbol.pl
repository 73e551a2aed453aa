# The life of a source of Symbol: a gateway that acknowledges nothing and tells
# neither finality nor rollbacks, faults, limits, and what the views say of it
# all.  A role without privileges of its own owns every source.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

# Sender and recipient of the recorded transfer, its hash, and an aggregate's.
my $ALICE = 'TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3A';
my $BOB = 'TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA';
my $TRANSFER = '071F33703CC2FE3AA4AD7D13CE8657C7B2466BAF3A0954DE7444732431F4CD2A';
my $AGGREGATE = '1AF91B67240153B8C83B6CF5784A0EDDB259B1D45AF960AF88AF070001D80ACC';

my $MOVED = 'account, counterparty, direction, amount, asset, status, height';

sub simulator { return Simulator->new(args => [ '--listen', 'symbol=0', @_ ]) }

my $server = new_server('symbol');
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
	my ($name, $url, %options) = @_;
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;
	$url = $url->url('symbol') if ref $url;
	return admin("SELECT chainstream.add_source('$name', provider => 'symbol', network => 'testnet', url => '$url'$more)");
}

sub watch { my ($name, @targets) = @_; return admin("SELECT chainstream.watch('$name', ARRAY['" . join("','", @targets) . "'])") }

sub unwatch { my ($name, @targets) = @_; return admin("SELECT chainstream.unwatch('$name', ARRAY['" . join("','", @targets) . "'])") }

sub watched
{
	my ($name, $count, $what) = @_;
	return wait_until($server, "SELECT count(*) = $count FROM chainstream.watch_status
		WHERE source = '$name' AND state = 'active'", $what);
}

# "topic state" of each subscription, with the gateway's words if there are any.
sub topics_of
{
	my ($name) = @_;
	return admin("SELECT string_agg(concat_ws(' ', topic, state, detail), ', ' ORDER BY subscription_id)
		FROM chainstream.subscription_status WHERE source = '$name'");
}

# Every topic that takes the watch list is in this state.
sub topics_are
{
	my ($name, $condition, $what) = @_;
	return wait_until($server, "SELECT bool_and($condition) FROM chainstream.subscription_status
		WHERE source = '$name' AND topic NOT IN ('block', 'finalizedBlock')", $what);
}

# What the clients are subscribed to, in the order of the alphabet.
sub asked { my ($simulator) = @_; return join ' ', sort map { @{ $_->{topics} } } $simulator->subscriptions }

# The channels of these topics and addresses; without one, those without.
sub channels
{
	my ($topics, @addresses) = @_;
	return join ' ', sort qw(block finalizedBlock),
	  map { my $topic = $_; @addresses ? map { "$topic/$_" } @addresses : $topic } split / /, $topics;
}

sub asks
{
	my ($simulator, $channels, $what) = @_;
	$simulator->wait_for(sub { asked($_[0]) eq $channels });
	return is(asked($simulator), $channels, $what);
}

sub all_sent { my ($simulator, $count) = @_; return $simulator->wait_for(sub { my $stats = $_[0]->stats; $stats->{generated} >= $count && !$stats->{queued} }) }

# Columns of the rows of a source since it was asked last, by status and ordinal.
my %seen;
sub rows
{
	my ($source, $table, $columns) = @_;
	my $after = $seen{"$source $table"} // 0;
	my $order = $table eq 'transactions' ? 'ORDER BY status, hash, ordinal, id' : 'ORDER BY id';
	$seen{"$source $table"} = admin("SELECT coalesce(max(id), $after) FROM chainstream.$table WHERE source = '$source'");
	return admin("SELECT $columns FROM chainstream.$table WHERE source = '$source' AND id > $after $order");
}

sub arrive
{
	my ($source, $table, $count, $what) = @_;
	my $after = $seen{"$source $table"} // 0;
	return wait_until($server, "SELECT count(*) = $count FROM chainstream.$table WHERE source = '$source' AND id > $after", $what);
}

my $WATCHED = 'confirmedAdded unconfirmedAdded';

# ---------- what takes long begins now and is looked at in the end ----------

my ($calm, $frozen) = (simulator(), simulator());
my $withholding = simulator('--no-uid');
add('wrong_path', $calm->url('symbol') . '/ws/');
add('no_uid', $withholding);
for my $name (qw(calm frozen))
{
	add($name, $name eq 'calm' ? $calm : $frozen);
	watch($name, $ALICE);
	watched($name, 1, "$name is connected");
}
$frozen->command('halfopen');

# ---------- three statements, and rows come ----------

my $simulator = simulator('--accounts', '40');
add('symbol', $simulator);
wait_state($server, 'symbol', 'streaming');
is(topics_of('symbol'), join(', ', 'block active', 'finalizedBlock active',
		map { "$_ idle waiting for a watched address" } split / /, $WATCHED),
	'without a watched address there are blocks, and nothing is asked for else');
asks($simulator, 'block finalizedBlock', 'so the gateway has it');

my $listener = session_start($server, 'LISTEN chainstream');
is(watch('symbol', '9872DE7A88A74255A51CF543C4CCE7113A46EA255C7EDBEC'), 1, 'an address as messages have it');
watched('symbol', 1, 'is active, though nothing is acknowledged');
is(topics_of('symbol'), join(', ', map { "$_ active" } qw(block finalizedBlock), split / /, $WATCHED),
	'so are the subscriptions');
asks($simulator, channels($WATCHED, $ALICE), 'the gateway has it in the spelling it wants');

my ($block) = sample('symbol/block.jsonl');
my ($transfer) = sample('symbol/confirmedAdded.jsonl');
my ($unconfirmed) = sample('symbol/unconfirmedAdded.jsonl');
my ($finalized) = sample('symbol/finalizedBlock.jsonl');
$block =~ s/"height":"1823627"/"height":"1823630"/;
$simulator->command("send $_") for $unconfirmed, $block, $transfer;
arrive('symbol', 'transactions', 2, 'a transfer');
is(rows('symbol', 'transactions', "hash, $MOVED"), join("\n",
		map { join '|', $TRANSFER, $ALICE, $BOB, 'out', '1000000', 'XYM', $_ } 'confirmed|1823630', 'pending|'),
	"from the account's point of view, first without and then with its block");
is(rows('symbol', 'blocks', q(status, height, hash, parent_hash, occurred_at AT TIME ZONE 'UTC', producer)),
	join('|', 'confirmed', 1823630, 'F1FC5246619C8D0D9426C4027A57788706886A9DA1922A482990A2DCA7F334E7',
		'CB7420B594DBF0B553272F5C51CA6135D5126FB456EBE9974E9C4E11D3FE1DE5', '2024-10-22 20:33:02.339',
		'TCTATCA7W5HM2VIFOOIZWSY3K22O326YBXCAZAA'), 'the block is one, too');
is(admin("SELECT occurred_at = (SELECT occurred_at FROM chainstream.blocks LIMIT 1), block_hash
		FROM chainstream.transactions WHERE status = 'confirmed'"),
	't|F1FC5246619C8D0D9426C4027A57788706886A9DA1922A482990A2DCA7F334E7', 'the transfer has its time and hash');
is(admin("SELECT DISTINCT json_typeof(payload), payload ->> 'topic', payload #>> '{data,transaction,maxFee}'
		FROM chainstream.transactions WHERE status = 'confirmed'"),
	"object|confirmedAdded/$ALICE|21900", 'with the message as received');
is(admin("SELECT position ->> 'height', position ->> 'hash' FROM chainstream.cursors WHERE source = 'symbol' AND scope = ''"),
	'1823630|F1FC5246619C8D0D9426C4027A57788706886A9DA1922A482990A2DCA7F334E7', 'the position was committed');

# ---------- a second watch, live; copies; finality; deposits ----------

my $connections = $simulator->stats->{connections};
watch('symbol', $BOB);
watched('symbol', 2, 'a second watch becomes active');
is($simulator->stats->{connections}, $connections, 'on the same connection');
is($simulator->command("send $transfer"), 2, 'of a transfer there are two copies then');
arrive('symbol', 'transactions', 1, 'of which the new account gets its row');
is(rows('symbol', 'transactions', "ordinal, $MOVED"), join('|', 1, $BOB, $ALICE, 'in', '1000000', 'XYM', 'confirmed|1823630'),
	'from its point of view');
wait_until($server, "SELECT duplicates = 3 FROM chainstream.status WHERE name = 'symbol'",
	'the rest is counted as duplicates');
$finalized =~ s/1823616/1823640/;
my $deposits = "SELECT hash, counterparty, amount, asset FROM chainstream.transfers
	WHERE account = '$BOB' AND direction = 'in' AND status = 'finalized'";
is(admin($deposits), '', 'what is in a block is no deposit yet');
$simulator->command("send $finalized");
arrive('symbol', 'transactions', 2, 'a block above it is final');
is(rows('symbol', 'transactions', $MOVED), join("\n",
		join('|', $ALICE, $BOB, 'out', '1000000', 'XYM', 'finalized|1823630'),
		join('|', $BOB, $ALICE, 'in', '1000000', 'XYM', 'finalized|1823630')),
	'then the transfer is, for both accounts');
is(admin($deposits), "$TRANSFER|$ALICE|1000000|XYM", 'which is a deposit');
is(admin("SELECT string_agg(height || ' ' || status, ', ' ORDER BY id) FROM chainstream.blocks WHERE source = 'symbol'"),
	'1823630 confirmed, 1823630 finalized, 1823640 finalized', 'so is the block, and the one that was named');
is(admin("SELECT position ->> 'finalized' FROM chainstream.cursors WHERE source = 'symbol'"), 1823640,
	'and the position has it');
$simulator->command("send $finalized");
my @told = map { JSON::PP::decode_json($_->{payload}) } session_end($listener);
is_deeply([ map { "$_->{account} $_->{status} $_->{amount}" } map { @{ $_->{rows} } } grep { $_->{table} eq 'transactions' } @told ],
	[ map { "$_ 1000000" } "$ALICE pending", "$ALICE confirmed", "$BOB confirmed", "$BOB finalized", "$ALICE finalized" ],
	'the notifications carry the rows');

# ---------- several mosaics, aggregates, aliases ----------

my @confirmed = sample('symbol/confirmedAdded.jsonl');
my ($BUYER, $SELLER) = ('TA5S75WILUFJOOJT3VZMFZGAKLLEPM33JI4VYJA', 'TCIFSMQZAX3IDPHUP2RTXP26N6BJRNKEBBKP33I');
my $CAROL = 'TD4RBDC4DCHDHV626CHNCBHSQHZI4MUL5KCORPI';
unwatch('symbol', $BOB);
watch('symbol', $BUYER, $CAROL);
watched('symbol', 3, 'other accounts');
asks($simulator, channels($WATCHED, $ALICE, $BUYER, $CAROL), 'what is unwatched has no channel');
rows('symbol', 'transactions', 'id');
$simulator->command("send $confirmed[29]");
arrive('symbol', 'transactions', 4, 'a transfer of two mosaics');
is(rows('symbol', 'transactions', "ordinal, $MOVED, payload ->> 'topic'"), join("\n",
		map { my $status = $_; map { "$_|$status|1800063|confirmedAdded/$BUYER" }
			"0|$BUYER|$SELLER|out|2|0000000000000064", "2|$BUYER|$SELLER|out|1|00000000000000C8" } qw(confirmed finalized)),
	'is two rows; so far down it is final at once');

$simulator->command("send $confirmed[3]");
arrive('symbol', 'transactions', 8, 'an aggregate');
is(rows('symbol', 'transactions', "ordinal, $MOVED, payload #>> '{transaction,type}'"), join("\n",
		map { my $status = $_; map { s/(\d*)$/$status|1823634|$1/r } "0|$ALICE|||||", "3|$CAROL|$BOB|in|10000000|XYM|16724",
			"4|$ALICE|$CAROL|out|5000000|XYM|16724", "5|$CAROL|$ALICE|in|5000000|XYM|16724" } qw(confirmed finalized)),
	'has a row of its own, and one for each transfer in it and account');

my $alias = $confirmed[4] =~ s/$ALICE/$CAROL/r;
$simulator->command("send $alias");
arrive('symbol', 'transactions', 8, 'a transfer to an alias, which a gateway sends to whose it is');
is(rows('symbol', 'transactions', "ordinal, account, counterparty LIKE 'TFQGFEIJUSFPXQAAA%', direction, amount, asset, status"), join("\n",
		map { my $status = $_; map { "$_|$status" } "0|$ALICE|t|out|2500000|XYM", "1|$CAROL|f|in|2500000|XYM",
			"2|$ALICE|t|out|1|XYM", "3|$CAROL|f|in|1|XYM" } qw(confirmed finalized)),
	'is his deposit, whose mosaic may be an alias as well');

# ---------- changes of the watch list under traffic ----------

my @pool = split / /, $simulator->command('accounts 0 40');
my $journal = PostgreSQL::Test::Utils::tempdir() . '/journal';
unwatch('symbol', $ALICE, $BUYER, $CAROL);
watch('symbol', @pool);
watched('symbol', 40, 'the accounts of the traffic are watched');
asks($simulator, channels($WATCHED, @pool), 'each with its channels');
admin("BEGIN; SELECT chainstream.watch('symbol', '$BUYER'); ROLLBACK");
rows('symbol', 'transactions', 'id');
$simulator->command("journal $journal");
$simulator->command('count 1600');
$simulator->command('rate 400');
for my $n (1 .. 3)
{
	watch('symbol', $ALICE);
	$simulator->wait_for(sub { asked($_[0]) eq channels($WATCHED, $ALICE, @pool) });
	unwatch('symbol', $ALICE);
	$simulator->wait_for(sub { asked($_[0]) eq channels($WATCHED, @pool) });
}
pass('a rolled back watch never got there; others come and go');
watch('symbol', '*');
asks($simulator, channels($WATCHED), 'everything takes two channels');
unwatch('symbol', '*');
asks($simulator, channels($WATCHED, @pool), 'and back');
cmp_ok($simulator->stats->{generated}, '<', 1600, 'all that while there was traffic');
all_sent($simulator, 1600);
my %handed;
for (split /\n/, slurp_file($journal))
{
	my ($hash, undef, $topic) = split / /;
	$handed{$topic}{$hash} = 1;
}
for my $topic (split / /, $WATCHED)
{
	my $status = $topic eq 'confirmedAdded' ? 'confirmed' : 'pending';
	cmp_ok(scalar keys %{ $handed{$topic} }, '>', 1500, "$topic: transfers were sent");
	wait_until($server, "SELECT count(DISTINCT hash) = " . keys(%{ $handed{$topic} }) . " FROM chainstream.transactions
		WHERE source = 'symbol' AND id > $seen{'symbol transactions'} AND status = '$status'",
		'and each is stored');
	is(admin("SELECT string_agg(DISTINCT hash, ' ' ORDER BY hash) FROM chainstream.transactions
		WHERE source = 'symbol' AND id > $seen{'symbol transactions'} AND status = '$status'"),
		join(' ', sort keys %{ $handed{$topic} }), 'the same ones');
}
is(admin("SELECT count(*) FROM (SELECT FROM chainstream.transactions WHERE source = 'symbol' AND id > $seen{'symbol transactions'}
	AND status IN ('confirmed', 'pending') GROUP BY hash, account, ordinal, status HAVING count(*) > 1) d"), 0, 'once, of all the copies');
is($simulator->stats->{connections}, $connections, 'all on the first connection');

# ---------- every topic; a transaction in two pools, on the chain, and gone ----------

my $pools = simulator();
add('pools', $pools);
watch('pools', $ALICE, $CAROL);
my @more = qw(unconfirmedRemoved partialAdded partialRemoved cosignature status);
admin("SELECT chainstream.subscribe('pools', topic, channel => CASE topic WHEN 'cosignature' THEN 'signed' END)
	FROM unnest(ARRAY['" . join("','", @more) . "']) topic");
topics_are('pools', "state = 'active'", 'every topic');
watched('pools', 2, 'and account');
asks($pools, channels("$WATCHED @more", $ALICE, $CAROL), 'each pair has a channel');
is($pools->stats->{connections}, 1, 'on one connection');

my @life = map { s{"topic":"(\w+)/\w+"}{"topic":"$1"}r } (sample('symbol/partialAdded.jsonl'))[0],
	(sample('symbol/cosignature.jsonl'))[0], (sample('symbol/partialRemoved.jsonl'))[0], (sample('symbol/unconfirmedAdded.jsonl'))[2],
	$confirmed[3];
my ($gone) = sample('symbol/unconfirmedRemoved.jsonl');
$listener = session_start($server, 'LISTEN signed');
$pools->command("send $_") for @life[ 0 .. 3 ], $gone =~ s/$TRANSFER/$AGGREGATE/r, $life[4];
arrive('pools', 'transactions', 12, 'an aggregate waits for cosignatures, then for a block, and is in one');
is(rows('pools', 'transactions', "topic, ordinal, $MOVED"), join("\n",
		map { my ($topic, $state) = @$_; map { "$topic|$_|$state" } "0|$ALICE||||", "3|$CAROL|$BOB|in|10000000|XYM",
			"4|$ALICE|$CAROL|out|5000000|XYM", "5|$CAROL|$ALICE|in|5000000|XYM" }
		  [ 'confirmedAdded', 'confirmed|1823634' ]) . "\n" . join("\n", map { my $row = $_; map { "$_|$row|pending|" } qw(partialAdded unconfirmedAdded) }
			"0|$ALICE||||", "3|$CAROL|$BOB|in|10000000|XYM", "4|$ALICE|$CAROL|out|5000000|XYM", "5|$CAROL|$ALICE|in|5000000|XYM"),
	'each time of all accounts');
is(rows('pools', 'events', 'topic, kind, status, account, transaction_hash'),
	"cosignature|cosignature|pending|$BOB|$AGGREGATE", 'a cosignature is an event');
@told = session_end($listener);
is_deeply([ map { "$_->{channel} " . JSON::PP::decode_json($_->{payload})->{table} } @told ], ['signed events'], 'announced on its own channel');
$pools->command("send $_") for $unconfirmed, $gone;
arrive('pools', 'transactions', 2, 'what leaves the pool without getting anywhere');
is(rows('pools', 'transactions', "topic, hash, $MOVED"), join("\n",
		"unconfirmedAdded|$TRANSFER|$ALICE|$BOB|out|1000000|XYM|pending|",
		"unconfirmedRemoved|$TRANSFER|$ALICE|$BOB|out|1000000|XYM|removed|"), 'is removed');
is(admin("SELECT hash, string_agg(DISTINCT status, ' ') FROM chainstream.transaction_state WHERE source = 'pools' GROUP BY hash ORDER BY hash"),
	"$TRANSFER|removed\n$AGGREGATE|confirmed", 'and only that: leaving a pool for a block is progress');
$pools->command("send $_") for $unconfirmed, (sample('symbol/status.jsonl'))[2];
arrive('pools', 'transactions', 2, 'it comes back and is rejected');
is(rows('pools', 'transactions', "status, account, hash, payload #>> '{data,code}'"),
	"failed|$ALICE|$TRANSFER|Failure_Core_Past_Deadline\npending|$ALICE|$TRANSFER|", 'with the reason');
is(admin("SELECT status FROM chainstream.transaction_state WHERE source = 'pools' AND hash = '$TRANSFER' AND ordinal = 0"),
	'failed', 'which is its end');
admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions WHERE source = 'pools' AND topic IN ('" . join("','", @more) . "')");
asks($pools, channels($WATCHED, $ALICE, $CAROL), 'unsubscribe reaches the gateway');

# ---------- gateway 2.4 and 2.5 ----------

my $newer = simulator('--rest25');
add('newer', $newer);
add('older', $pools);
watch($_, '*') for qw(newer older);
watched($_, 1, "$_: everything") for qw(newer older);
asks($newer, channels($WATCHED), 'the newer gateway takes what carries its uid');
my @files = qw(confirmedAdded unconfirmedAdded block finalizedBlock);
$newer->command("send $_") for map { sample("symbol/rest25/$_.jsonl") } @files;
$pools->command("send $_") for map { sample("symbol/$_.jsonl") } @files;
for my $table ('transactions', 'blocks')
{
	my $columns = $table eq 'blocks' ? 'status, height, hash, parent_hash, producer, occurred_at'
	  : "topic, hash, ordinal, $MOVED, fee, block_hash, occurred_at";
	wait_until($server, "SELECT count(DISTINCT source) = 2 FROM chainstream.blocks WHERE height = 1823616 AND source IN ('newer', 'older')",
		'both have told all');
	cmp_ok(admin("SELECT count(*) FROM chainstream.$table WHERE source = 'newer'"), '>', $table eq 'blocks' ? 4 : 60, "$table");
	is(admin("SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM (SELECT $columns FROM chainstream.$table WHERE source = 'newer') t"),
		admin("SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM (SELECT $columns FROM chainstream.$table WHERE source = 'older') t"),
		'the same of either');
}
admin("SELECT chainstream.drop_source('older')");

# ---------- a chain of its own: rollback and finality ----------

my $chain = simulator('--accounts', '2', '--set', 'lag=1000');
my @two = split / /, $chain->command('accounts 0 2');
add('chain', $chain);
watch('chain', @two);
watched('chain', 2, 'two accounts');
my $first = $chain->command('block');
$chain->command('finalize');
$chain->command('count 3');
$chain->command('rate max');
all_sent($chain, 3);

# The state of every transaction, and how many rows have it.
sub states
{
	my ($view) = @_;
	return admin("SELECT string_agg(state, ', ' ORDER BY state) FROM (SELECT count(*) || ' ' || status AS state
		FROM chainstream.$view WHERE source = 'chain' GROUP BY status) s");
}

sub states_are { my ($view, $expected, $what) = @_; $server->poll_query_until('postgres', "SELECT 1", '1'); wait_until($server, "SELECT string_agg(state, ', ' ORDER BY state) = '$expected'
	FROM (SELECT count(*) || ' ' || status AS state FROM chainstream.$view WHERE source = 'chain' GROUP BY status) s", $what); return is(states($view), $expected, "$view: $expected") }

states_are('transaction_state', '6 pending', 'three transfers wait');
my $second = $chain->command('block');
states_are('transaction_state', '6 confirmed', 'they are in a block');
states_are('block_state', '1 confirmed, 1 finalized', 'whose parent is final');
is($chain->command('rollback 1'), $second, 'a rollback: the block is replaced by one without them');
states_are('block_state', '1 confirmed, 1 finalized, 1 removed', 'the block is removed');
$chain->command('finalize');
states_are('transaction_state', '6 removed', 'so are they, even if the other block is final meanwhile');
is(admin("SELECT count(*) FROM chainstream.transactions WHERE source = 'chain' AND status = 'finalized'"), 0, 'and were never final');
my $third = $chain->command('block');
states_are('transaction_state', '6 confirmed', 'in the end they are in a block');
$chain->command('finalize');
states_are('transaction_state', '6 finalized', 'which is final');
states_are('block_state', '3 finalized, 1 removed', 'as are the blocks but the one that was replaced');
is(admin("SELECT string_agg(status, ' ' ORDER BY id) FROM chainstream.transactions
		WHERE source = 'chain' AND (hash, account, ordinal) = (SELECT hash, account, ordinal FROM chainstream.transactions WHERE source = 'chain' LIMIT 1)"),
	'pending confirmed removed pending confirmed finalized', 'each step is a row');
is(admin("SELECT count(DISTINCT (hash, account, ordinal)), bool_and(block_hash = (SELECT hash FROM chainstream.block_state WHERE source = 'chain' AND height = $third))
		FROM chainstream.transactions WHERE source = 'chain' AND status = 'finalized'"), '6|t', 'and the last names the block');
