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

sub change
{
	my ($function, $name, @targets) = @_;
	return admin("SELECT chainstream.$function('$name', ARRAY['" . join("','", @targets) . "'])");
}
sub watch { return change('watch', @_) }
sub unwatch { return change('unwatch', @_) }

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

# So much was made, and is on its way.
sub all_sent
{
	my ($simulator, $count) = @_;
	return $simulator->wait_for(sub {
		my $stats = $_[0]->stats;
		return $stats->{generated} >= $count && !$stats->{queued};
	});
}

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
watch($_, $ALICE) for qw(wrong_path no_uid);
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
$simulator->command('rate 400');

# Let so much traffic pass.
sub traffic
{
	my ($more) = @_;
	my $before = $simulator->stats->{generated};
	return $simulator->wait_for(sub { $_[0]->stats->{generated} > $before + $more });
}
for my $n (1 .. 3)
{
	watch('symbol', $ALICE);
	$simulator->wait_for(sub { asked($_[0]) eq channels($WATCHED, $ALICE, @pool) });
	traffic(50);
	unwatch('symbol', $ALICE);
	$simulator->wait_for(sub { asked($_[0]) eq channels($WATCHED, @pool) });
}
pass('a rolled back watch never got there; others come and go');
watch('symbol', '*');
asks($simulator, channels($WATCHED), 'everything takes two channels');
traffic(50);
unwatch('symbol', '*');
asks($simulator, channels($WATCHED, @pool), 'and back');
traffic(50);
my $made = $simulator->stats->{generated};
$simulator->command('count 100');
all_sent($simulator, $made + 100);
my %handed;
for (split /\n/, slurp_file($journal))
{
	my ($hash, undef, $topic) = split / /;
	$handed{$topic}{$hash} = 1;
}
for my $topic (split / /, $WATCHED)
{
	my $status = $topic eq 'confirmedAdded' ? 'confirmed' : 'pending';
	cmp_ok(scalar keys %{ $handed{$topic} }, '>', 200, "$topic: transfers were sent");
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
my @parts = ("0|$ALICE||||", "3|$CAROL|$BOB|in|10000000|XYM",
	"4|$ALICE|$CAROL|out|5000000|XYM", "5|$CAROL|$ALICE|in|5000000|XYM");
is(rows('pools', 'transactions', "topic, ordinal, $MOVED"), join("\n",
		(map { "confirmedAdded|$_|confirmed|1823634" } @parts),
		(map { ("partialAdded|$_|pending|", "unconfirmedAdded|$_|pending|") } @parts)),
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
admin("SELECT chainstream.unsubscribe(subscription_id) FROM chainstream.subscriptions
	WHERE source = 'pools' AND topic IN ('" . join("','", @more) . "')");
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

# How many transactions, or blocks, are in which state.
sub states_are
{
	my ($view, $expected, $what) = @_;
	return wait_until($server, "SELECT string_agg(state, ', ' ORDER BY state) = '$expected'
		FROM (SELECT count(DISTINCT hash) || ' ' || status AS state FROM chainstream.$view WHERE source = 'chain' GROUP BY status) s",
		"$what: $expected");
}

states_are('transaction_state', '3 pending', 'three transfers wait');
my $second = $chain->command('block');
states_are('transaction_state', '3 confirmed', 'they are in a block');
states_are('block_state', '1 confirmed, 1 finalized', 'whose parent is final');

# Whose block a transaction is of shows in when it came; so let time pass.
wait_until($server, "SELECT clock_timestamp() - t.at > 10 * (t.at - b.at) + interval '50 ms' FROM
	(SELECT max(received_at) AS at FROM chainstream.transactions WHERE source = 'chain' AND height = $second) t,
	(SELECT max(received_at) AS at FROM chainstream.blocks WHERE source = 'chain' AND height = $second) b", 'a while later');
is($chain->command('rollback 1'), $second, 'a rollback: the block is replaced by one without them');
states_are('block_state', '1 confirmed, 1 finalized, 1 removed', 'the block is removed');
$chain->command('finalize');
states_are('transaction_state', '3 removed', 'so are they, even if the other block is final meanwhile');
is(admin("SELECT count(*) FROM chainstream.transactions WHERE source = 'chain' AND status = 'finalized'"), 0, 'and were never final');
my $third = $chain->command('block');
states_are('transaction_state', '3 confirmed', 'in the end they are in a block');
$chain->command('finalize');
states_are('transaction_state', '3 finalized', 'which is final');
states_are('block_state', '1 removed, 3 finalized', 'as are the blocks but the one that was replaced');
is(admin("SELECT string_agg(status, ' ' ORDER BY id) FROM chainstream.transactions
		WHERE source = 'chain' AND (hash, account, ordinal) =
			(SELECT hash, account, ordinal FROM chainstream.transactions WHERE source = 'chain' LIMIT 1)"),
	'pending confirmed removed confirmed finalized', 'each step is a row');
is(admin("SELECT count(DISTINCT hash), bool_and(block_hash = (SELECT hash FROM chainstream.block_state
			WHERE source = 'chain' AND status = 'finalized' AND height = $third))
		FROM chainstream.transactions WHERE source = 'chain' AND status = 'finalized'"), '3|t', 'and the last names the block');

# ---------- faults ----------

# After this it is connected again, and has asked for everything again.
sub survives
{
	my ($fault) = @_;
	my $reconnects = status_of($server, 'pools', 'reconnects');
	$pools->command($fault);
	wait_until($server, "SELECT reconnects = $reconnects + 1 AND state = 'streaming' FROM chainstream.status WHERE name = 'pools'",
		"after '$fault' it is connected again");
	return asks($pools, channels($WATCHED, $ALICE, $CAROL), 'and has asked for everything again');
}

for my $fault ('drop', 'drop fin', 'close 1001 going', 'close 0', 'channel-fails confirmedAdded', 'close 1013 ENOMEM')
{
	survives($fault);
}
like(status_of($server, 'pools', 'last_error'), qr/code (?:1013|1002 \(or 1012 to 1014\)): ENOMEM/, 'in the words of the gateway');
watched('pools', 2, 'no address is blamed for what was not asked just now');
topics_are('pools', "state = 'active'", 'nor is a topic');

my $rejected = status_of($server, 'pools', 'rejected');
for my $fault ('garbage 100', 'truncate 300', 'badutf8', 'deep 5000', 'rawhex 007B7D', 'raw {"topic":"nonsense","data":{}}',
	'raw {"topic":"confirmedAdded","data":[]}', 'raw {"topic":"block","data":{"block":{},"meta":{}}}', 'raw [1]')
{
	$pools->command($fault);
	wait_until($server, 'SELECT rejected = ' . ++$rejected . " FROM chainstream.status WHERE name = 'pools'", "'$fault' is rejected");
}
is(sql($server, "SELECT count(*), bool_and(reason <> '') FROM chainstream.rejects WHERE source = 'pools'"), "$rejected|t", 'and kept, with the reason');
rows('pools', 'transactions', 'id');
$pools->command('send ' . $transfer =~ s/$TRANSFER/'C' x 64/er =~ s/1823630/4000000/r);
arrive('pools', 'transactions', 1,
	'the stream goes on');

# A request that the gateway refuses in words: it alone is given up.
admin("SELECT chainstream.subscribe('pools', 'cosignature')");
topics_are('pools', "state = 'active'", 'another topic');
$pools->command('close 1013 unknown topic category cosignature');
topics_are('pools', "state = CASE topic WHEN 'cosignature' THEN 'error' ELSE 'active' END", 'a gateway without it');
is(topics_of('pools'), join(', ', (map { "$_ active" } qw(block finalizedBlock), split / /, $WATCHED),
		'cosignature error unknown topic category cosignature'), "is an error in the gateway's words, and the rest is live");
asks($pools, channels($WATCHED, $ALICE, $CAROL), 'it is not asked for again');
$pools->command("close 1013 $CAROL does not represent a valid encoded address");
wait_until($server, "SELECT state = 'error' FROM chainstream.watch_status WHERE source = 'pools' AND target = '$CAROL'", 'an address that is refused');
is(admin("SELECT detail FROM chainstream.watch_status WHERE source = 'pools' AND target = '$CAROL'"),
	"$CAROL does not represent a valid encoded address", 'in words as well');
watched('pools', 1, 'the other is active');
asks($pools, channels($WATCHED, $ALICE), 'and alone');
unwatch('pools', $CAROL);
watch('pools', $CAROL);
watched('pools', 2, 'who watches again wants it tried again');

# ---------- who needs a password, or is told to wait ----------

my $guarded = simulator('--require-token', 'sesame');
add('guarded', $guarded, token => 'parsley');
watch('guarded', $ALICE);
wait_until($server, "SELECT state = 'backoff' AND last_error LIKE '%401%' FROM chainstream.status WHERE name = 'guarded'",
	'a proxy that refuses is named');
is(admin("SELECT string_agg(step || ' ' || outcome, ', ') FILTER (WHERE outcome <> 'skipped') FROM chainstream.check_source('guarded')"),
	'name ok, tcp ok, handshake failed', 'check_source says where');
like(admin("SELECT detail || ' ' || hint FROM chainstream.check_source('guarded') WHERE outcome = 'failed'"), qr/401.*(?:token|header|credential)/si, 'and what to do');
admin("SELECT chainstream.set_token('guarded', 'sesame')");
wait_state($server, 'guarded', 'streaming');
$guarded->command('status 429 3');
$guarded->command('drop');
wait_until($server, "SELECT last_error LIKE '%429%' AND next_retry_at > clock_timestamp() + interval '1 s' FROM chainstream.status WHERE name = 'guarded'",
	'Retry-After is kept to');
$guarded->command('status 0');
wait_state($server, 'guarded', 'streaming');

# ---------- limits ----------

my $limited = simulator('--set', 'channels=8');
my @five = (@pool)[ 0 .. 4 ];
add('limited', $limited);
watch('limited', @five);
my $over = "FROM chainstream.watch_status WHERE source = 'limited' AND state = 'over_limit'";
wait_until($server, "SELECT count(*) >= 2 $over", 'a gateway that is full');
is(admin("SELECT DISTINCT detail $over"), 'Max subscriptions reached.', 'says so');
wait_until($server, "SELECT count(*) + (SELECT count(*) $over) = 5 FROM chainstream.watch_status WHERE source = 'limited' AND state = 'active'",
	'what fits is active, all else over the limit');
wait_state($server, 'limited', 'streaming');
my $live = admin("SELECT count(*) FROM chainstream.watch_status WHERE source = 'limited' AND state = 'active'");
cmp_ok($live, '>=', 1, "$live of five addresses");
is(scalar(split / /, asked($limited)), 2 + 2 * $live, 'as the gateway has it');
unwatch('limited', admin("SELECT target FROM chainstream.watch_status WHERE source = 'limited' AND state = 'active' LIMIT 1"));
watched('limited', $live, 'where one goes, another moves in');
is(admin("SELECT count(*) $over"), 4 - $live, 'of those that waited');
admin(q(SELECT chainstream.alter_source('limited', options => '{"max_channels": 4}')));
wait_until($server, "SELECT count(*) = 3 AND min(detail) LIKE '%\"max_channels\"%' $over", 'the option is a limit, too');
watched('limited', 1, 'below that of the gateway');

my $strict = simulator('--address-required');
add('strict', $strict);
watch('strict', '*', $ALICE);
wait_until($server, "SELECT state = 'error' FROM chainstream.watch_status WHERE source = 'strict' AND target = '*'", 'a gateway that wants addresses');
is(admin("SELECT detail FROM chainstream.watch_status WHERE source = 'strict' AND target = '*'"),
	'address param missing from address subscription', 'says so');
watched('strict', 1, 'what is watched by name is active');
wait_state($server, 'strict', 'streaming');

# Errors of the user, in words.
for my $case (
	[ q(SELECT chainstream.watch('pools', 'TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3Q')), qr/checksum|mistyped/, 'a mistyped address' ],
	[ q(SELECT chainstream.watch('pools', 'NBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLS4DTHI')), qr/does not belong to network "testnet".*HINT: .*begin with "T"/s, 'one of mainnet' ],
	[ q(SELECT chainstream.watch('pools', '9960629109A48AFBC0000000000000000000000000000000')), qr/alias.*HINT/s, 'an alias' ],
	[ q(SELECT chainstream.watch_transaction('pools', repeat('A', 64))), qr/cannot watch single transactions.*HINT: +Watch the accounts/s, 'a transaction' ],
	[ q(SELECT chainstream.subscribe('pools', 'confirmedAdded')), qr/already subscribed to topic "confirmedAdded"/, 'a topic twice' ],
	[ q(SELECT chainstream.subscribe('pools', 'status', '{"address": "x"}')), qr/argument.*(?:HINT|address)/s, 'an argument' ],
	[ q(SELECT chainstream.alter_source('pools', options => '{"max_channels": 0}')), qr/option "max_channels" must be between 1 and 100000/, 'no channel' ])
{
	my ($query, $expected, $what) = @$case;
	my ($result, undef, $errors) = $server->psql('postgres', $query, extra_params => [ '-U', 'chain_admin' ]);
	like($errors, $expected, "$what is refused");
}

# ---------- check_source, inject, pause and resume ----------

is(admin("SELECT string_agg(step || ' ' || outcome, ', ') FILTER (WHERE outcome <> 'skipped') FROM chainstream.check_source('pools')"),
	'name ok, tcp ok, handshake ok, subscribe ok, message waiting', 'check_source');
rows('pools', 'transactions', 'id');
my $injected = $transfer =~ s/$TRANSFER/'D' x 64/er =~ s/1823630/5000000/r;
is(admin("SELECT chainstream.inject('pools', \$\$$injected\$\$)"), 1, 'inject, beside the worker');
is(rows('pools', 'transactions', "hash, $MOVED"), 'D' x 64 . "|$ALICE|$BOB|out|1000000|XYM|confirmed|5000000", 'gives the row');
my $pid = worker_pid($server, 'pools');
admin("SELECT chainstream.pause('pools')");
$pools->wait_for(sub { !$_[0]->stats->{clients} });
wait_until($server, "SELECT state = 'paused' AND pid IS NULL FROM chainstream.status WHERE name = 'pools'", 'pause');
admin("SELECT chainstream.resume('pools')");
wait_state($server, 'pools', 'streaming');
watched('pools', 2, 'and resume');

# ---------- full speed ----------

my $flood = simulator('--accounts', '1000');
add('flood', $flood);
watch('flood', '*');
watched('flood', 1, 'everything');

sub memory_of
{
	my ($kilobytes) = slurp_file('/proc/' . worker_pid($server, 'flood') . '/status') =~ /^RssAnon:\s*(\d+) kB/m;
	return $kilobytes;
}

sub flood
{
	my ($count) = @_;
	my $before = $flood->stats->{generated};
	$flood->command("count $count");
	$flood->command('rate max');
	all_sent($flood, $before + $count);
	my $sent = $flood->stats->{sent};
	wait_until($server, "SELECT messages >= $sent FROM chainstream.status WHERE name = 'flood'", "$sent messages");
	return memory_of();
}
my $small = flood(10_000);
my $large = flood(45_000);
cmp_ok($flood->stats->{sent}, '>', 200_000, 'more than 200,000 messages');
cmp_ok($large - $small, '<', 64 * 1024, 'memory: what the last hundred thousand transactions take, and no more');
is(status_of($server, 'flood', 'rejected'), 0, 'none is rejected');
is(sql($server, "SELECT count(*) > 40000 FROM (SELECT hash FROM chainstream.transactions
		WHERE source = 'flood' GROUP BY hash HAVING bool_or(status = 'confirmed') AND bool_or(status = 'pending')) t"), 't',
	'what was confirmed had waited before');

# ---------- what began long ago ----------

my $silence = "no uid came within 10 s: the path of a gateway's URL must be exactly /ws, and on any other it is silent";
for my $name (qw(wrong_path no_uid))
{
	is(topics_of($name), join(', ', map { "$_ error $silence" } qw(block finalizedBlock), split / /, $WATCHED),
		"$name: a connection that is silent says what is likely wrong");
	isnt(status_of($server, $name, 'state'), 'streaming', 'and does not count as one that streams');
	like(status_of($server, $name, 'last_error'), qr/no uid came within 10 s/, 'the status has it, too');
}
$withholding->command('switch no-uid off');
$withholding->command('drop');
wait_state($server, 'no_uid', 'streaming');
wait_until($server, "SELECT reconnects > 0 AND state = 'streaming' FROM chainstream.status WHERE name = 'frozen'",
	'a connection that died silently is noticed, and there is another');
like(status_of($server, 'frozen', 'last_error'), qr/ping|pong|silen|answer/, 'for want of an answer');
is(status_of($server, 'calm', 'reconnects'), 0, 'a quiet one, whose peer answers, is kept');

# ---------- an end under load ----------

$flood->command('count 0');
$flood->command('rate max');
my $messages = status_of($server, 'flood', 'messages');
wait_until($server, "SELECT messages > $messages FROM chainstream.status WHERE name = 'flood'", 'under load');
cmp_ok(seconds_for(sub { sql($server, 'DROP EXTENSION chainstream CASCADE') }), '<', 2, 'DROP EXTENSION takes less than 2 s');
wait_until($server, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'chainstream worker')", 'no worker is left');
isnt(count_rows($server, 'transactions'), 0, 'the history is');

$server->stop;
done_testing();
