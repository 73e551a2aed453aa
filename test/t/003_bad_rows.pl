# One bad message, row or moment never stops the stream, and loses nothing.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";

use Chainstream;
use PostgreSQL::Test::Utils;
use Simulator;
use Test::More;

my $simulator = Simulator->new(args => [ '--listen', 'nano=0' ]);
my $server = new_server('bad_rows');
my ($confirmation) = sample('nano/confirmation.jsonl');
my $serial = 0;

# Send a confirmation nobody has seen before; returns its hash.
sub send_fresh
{
	my $hash = sprintf('%064X', ++$serial);
	(my $message = $confirmation) =~ s/5E6652[0-9A-F]{58}/$hash/;
	$simulator->command("send $message");
	return $hash;
}

sub arrives
{
	my ($hash, $what) = @_;
	return wait_until($server,
		"SELECT EXISTS (SELECT FROM chainstream.transactions WHERE hash = '$hash')", $what);
}

sql($server, "SELECT chainstream.add_source('nano', provider => 'nano', url => '" . $simulator->url('nano') . "')");
sql($server, "SELECT chainstream.watch('nano', '*')");
wait_state($server, 'nano', 'streaming');
arrives(send_fresh(), 'a good message is stored');

# ---------- messages ----------

$simulator->command('raw {"topic":"confirmation","time":"1","message":{"amount":"-5"}}');
$simulator->command('garbage');
$simulator->command('truncate');
$simulator->command('raw {"topic":"of another world"}');
arrives(send_fresh(), 'after bad messages a good one is stored');
wait_until($server, 'SELECT count(*) >= 4 FROM chainstream.rejects', 'the bad ones are rejects');
is( sql($server,
		"SELECT convert_from(message, 'UTF8') FROM chainstream.rejects
		 WHERE message LIKE '%another world%'"),
	'{"topic":"of another world"}', 'with their bytes');
is(sql($server, 'SELECT count(*) FROM chainstream.rejects WHERE reason IS NULL OR sqlstate IS NULL'),
	0, 'and the reason');
cmp_ok(status_of($server, 'nano', 'rejected'), '>=', 4, 'they are counted');

# ---------- a trigger of the user that raises for some rows ----------

sql($server, q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.hash LIKE '%5' THEN
			RAISE 'not this one' USING errcode = 'TT001';
		END IF;
		RETURN new;
	END $$;
	TRUNCATE chainstream.rejects;
	CREATE TRIGGER refuse BEFORE INSERT ON chainstream.transactions
		FOR EACH ROW EXECUTE FUNCTION refuse();});
$serial = 0x1000;
my $before = count_rows($server, 'transactions');
my @hashes = map { send_fresh() } 1 .. 160;
arrives($hashes[-1], 'the last of 160 rows is stored');
is(sql($server, "SELECT count(*) FROM chainstream.rejects WHERE sqlstate = 'TT001'"), 10,
	'the 10 that the trigger refuses are rejects');
is(count_rows($server, 'transactions') - $before, 150, 'the others landed');
is( sql($server,
		"SELECT count(*) FROM (SELECT hash, lag(hash) OVER (ORDER BY id) AS previous
		 FROM chainstream.transactions WHERE hash > repeat('0', 60) || '1000') t
		 WHERE hash < previous"),
	0, 'in their order');
sql($server, 'DROP TRIGGER refuse ON chainstream.transactions');
is(sql($server, 'SELECT sum(chainstream.retry_reject(id)) FROM chainstream.rejects'), 10,
	'retry_reject stores them once the trigger is gone');
is(count_rows($server, 'rejects'), 0, 'and forgets the rejects');

# ---------- the server does not take rows for a while ----------

my $user = sql($server, 'SELECT current_user');
my $pid = worker_pid($server, 'nano');
sql($server, "ALTER ROLE \"$user\" SET lock_timeout = '100ms'");
sql($server, "SELECT pg_terminate_backend($pid)");
wait_until($server, "SELECT pid <> $pid AND state = 'streaming' FROM chainstream.status",
	'the worker runs with a lock timeout');
my $locker = session_start($server,
	'BEGIN', 'LOCK TABLE chainstream.transactions IN ACCESS EXCLUSIVE MODE');
my $held = send_fresh();
wait_state($server, 'nano', 'stalled');
like(status_of($server, 'nano', 'last_error'), qr/lock timeout/, 'the status says why');
isnt(status_of($server, 'nano', 'next_retry_at'), '', 'and when it will be tried again');
my $meanwhile = send_fresh();

# a flood meanwhile: not read, so it stays with the node
my $messages = status_of($server, 'nano', 'messages');
my $stored = sql($server, 'SELECT rows FROM chainstream.status');
$simulator->command('count 50000');
$simulator->command('rate max');
$simulator->wait_for(sub { $_[0]->stats->{sent} > 200 });
cmp_ok(status_of($server, 'nano', 'messages'), '<=', $messages + 1,
	'nothing is read meanwhile');
cmp_ok($simulator->stats->{sent}, '<', 40000, 'the node feels it');
session_do($locker, 'COMMIT');
session_end($locker);
arrives($held, 'the row that waited is stored');
arrives($meanwhile, 'and what came meanwhile');
wait_until($server, "SELECT rows = $stored + 50002 FROM chainstream.status", 'and the flood');
wait_state($server, 'nano', 'streaming');
is(count_rows($server, 'rejects'), 0, 'none was rejected');
sql($server, "ALTER ROLE \"$user\" RESET lock_timeout");

# ---------- the partition is gone ----------

sql($server, q{
	DO $$
	DECLARE
		partition regclass;
	BEGIN
		FOR partition IN SELECT inhrelid FROM pg_inherits
			WHERE inhparent = 'chainstream.transactions'::regclass
		LOOP
			EXECUTE format('DROP TABLE %s', partition);
		END LOOP;
	END $$});
is(count_rows($server, 'transactions'), 0, 'every partition was dropped');
arrives(send_fresh(), 'a missing partition loses no row');
is(count_rows($server, 'rejects'), 0, 'and rejects none');

# ---------- a database that is not in UTF-8 ----------

$server->safe_psql('postgres',
	"CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
sql($server, 'CREATE EXTENSION chainstream', 'latin');
sql($server, "SELECT chainstream.add_source('latin', provider => 'nano', url => '" . $simulator->url('nano') . "')", 'latin');
sql($server, "SELECT chainstream.watch('latin', '*'); SELECT chainstream.subscribe('latin', 'bootstrap')", 'latin');
wait_state($server, 'latin', 'streaming', 'latin');
my $template = '{"topic":"bootstrap","time":"%d","message":{"reason":"started","id":"%s","mode":"lazy"}}';
$simulator->command('raw ' . sprintf($template, 1, "\xc3\xa4"));
$simulator->command('raw ' . sprintf($template, 2, "\xe2\x82\xac"));
wait_until($server, "SELECT payload #>> '{message,id}' = chr(228) FROM chainstream.events",
	'text is stored in the encoding of the database', 'latin');
wait_until($server, "SELECT count(*) = 1 FROM chainstream.rejects WHERE sqlstate = '22P05'",
	'what it cannot hold is rejected', 'latin');
my $latin_pid = sql($server, 'SELECT pid FROM chainstream.status', 'latin');
$simulator->command("raw {\"topic\":\"\xe2\x82\xac\"}");
$simulator->command('garbage');
wait_until($server, 'SELECT count(*) = 3 FROM chainstream.rejects',
	'and so is what cannot be understood', 'latin');
is(sql($server, 'SELECT pid FROM chainstream.status', 'latin'), $latin_pid, 'by the same worker');

$server->stop;
done_testing();
