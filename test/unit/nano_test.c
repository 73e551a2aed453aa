/*-------------------------------------------------------------------------
 *
 * nano_test.c
 *	  What the Nano provider makes of messages.
 *
 * Every message among the samples is fed to sessions with different watch
 * lists, and the rows that come out are compared with those in golden/nano.
 * "nano_test --update" writes those files anew; read the difference before
 * committing it.  "nano_test --speed" measures.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "provider/json.h"
#include "provider/provider.h"
#include "tap.h"

#define SAMPLES "test/samples/nano/"
#define GOLDEN	"test/unit/golden/nano/"

/* Somebody whom no sample mentions. */
#define STRANGER "nano_1111111111111111111111111111111111111111111111111113b8661hfk"

static const char *const topics[] = {
	"confirmation", "new_unconfirmed_block", "vote", "started_election",
	"stopped_election", "active_difficulty", "work", "telemetry", "bootstrap"
};

/* ---------- sessions ---------- */

/* A session with all topics; *arguments* are those of confirmation. */
static CsSession *
make_session(const char *network, const char *arguments)
{
	CsSourceConfig config = {.name = "test", .network = network,
							 .options = "{}"};
	CsError		error;
	CsSession  *session = cs_session_create(cs_provider_find("nano"), &config,
											&error);

	if (session == NULL)
		bail_out("no session: %s", error.message);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
	{
		if (!cs_session_subscribe(session, (int64_t) i + 1, topics[i],
								  i == 0 ? arguments : "{}", &error))
			bail_out("no subscription: %s", error.message);
	}
	return session;
}

static void
watch(CsSession *session, int64_t id, const char *target)
{
	if (!cs_session_watch(session, id, CS_WATCH_ADDRESS, target))
		bail_out("out of memory");
}

/* Make the wish known, as if connected. */
static CsOutput *
start_session(CsSession *session)
{
	CsOutput   *output = cs_output_create();

	cs_session_sync(session, 0, output);
	cs_session_opened(session, 0, 0, output);
	cs_output_reset(output);
	return output;
}

static bool
feed(CsSession *session, CsOutput *output, const char *text, CsError *error)
{
	CsMessage	message = {.data = text, .length = strlen(text),
						   .received_at = 1700000000000000};

	return cs_session_message(session, 0, &message, 5000, output, error);
}

/* ---------- rows as text ---------- */

static const char *
status_name(CsStatus status)
{
	static const char *const names[] = {"-", "pending", "confirmed",
		"finalized", "failed", "removed"};

	return names[status];
}

static const char *
direction_name(CsDirection direction)
{
	static const char *const names[] = {"-", "in", "out", "self"};

	return names[direction];
}

/* A text whole, or its beginning and end. */
static void
print_text(FILE *file, const char *name, CsText text, bool whole)
{
	if (text.data == NULL)
		return;
	if (strlen(text.data) != text.length)
		bail_out("%s is not terminated", name);
	if (whole || text.length <= 40)
		fprintf(file, ", %s %s", name, text.data);
	else
		fprintf(file, ", %s %.11s...%s", name, text.data,
				text.data + text.length - 6);
}

/*
 * One row on one line, without what all rows of a message share.  Hashes and
 * addresses are whole only if *whole* is given.
 */
static void
print_row(FILE *file, const CsRecord *record, bool whole)
{
	static const char *const tables[] = {"blocks", "transactions", "events"};
	time_t		seconds = (time_t) (record->occurred_at / 1000000);
	struct tm	broken;
	char		at[32];

	(void) strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S",
					gmtime_r(&seconds, &broken));
	fprintf(file, "%s %s %s %d", tables[record->table], record->topic,
			status_name(record->status), record->ordinal);
	if (record->kind)
		fprintf(file, ", kind %s", record->kind);
	print_text(file, "hash", record->hash, whole);
	print_text(file, "transaction", record->transaction_hash, false);
	print_text(file, "account", record->account, whole);
	print_text(file, "counterparty", record->counterparty, whole);
	if (record->table == CS_TABLE_TRANSACTIONS)
		fprintf(file, ", direction %s", direction_name(record->direction));
	print_text(file, "amount", record->amount, true);
	print_text(file, "asset", record->asset, true);
	if (record->height != CS_NO_NUMBER)
		fprintf(file, ", height %lld", (long long) record->height);
	if (whole)
		fprintf(file, ", at %s.%06lld", at,
				(long long) (record->occurred_at % 1000000));
	fprintf(file, "\n");
}

/* The rows of one message for one watch list. */
static void
print_perspective(FILE *file, const char *name, CsSession *session,
				  const char *text)
{
	CsOutput   *output = start_session(session);
	CsError		error = {0};
	size_t		count;

	if (!feed(session, output, text, &error))
		fprintf(file, "  %s: rejected, %s\n", name, error.message);
	else if (cs_output_record_count(output) == 0)
		fprintf(file, "  %s: no rows\n", name);
	count = cs_output_record_count(output);
	for (size_t i = 0; i < count; i++)
	{
		fprintf(file, "  %s: ", name);
		print_row(file, &cs_output_records(output)[i],
				  strcmp(name, "everything") == 0 ||
				  strcmp(name, "always") == 0);
	}
	cs_output_free(output);
	cs_session_free(session);
}

/* ---------- golden files ---------- */

/* The accounts that a message speaks of; NULL: none. */
typedef struct Parties
{
	struct json_object *envelope;
	const char *network;
	const char *account;
	const char *other;
} Parties;

static Parties
find_parties(const char *text)
{
	Parties		parties = {.network = "mainnet"};
	struct json_object *message;
	struct json_object *block;

	parties.envelope = cs_json_parse_once(text, strlen(text), NULL);
	message = cs_json_object(parties.envelope, "message");
	block = cs_json_object(message, "block");
	if (block == NULL)
		block = message;
	parties.account = cs_json_member_string(message, "account").data;
	parties.other = cs_json_member_string(block, "link_as_account").data;
	if (parties.other == NULL)
		parties.other = cs_json_member_string(block, "destination").data;
	if (parties.account && strncmp(parties.account, "ban_", 4) == 0)
		parties.network = "banano";
	return parties;
}

/* All that one message gives. */
static void
print_message(FILE *file, const char *text)
{
	Parties		parties = find_parties(text);
	CsText		topic = cs_json_member_string(parties.envelope, "topic");
	bool		transfer = topic.data &&
		(strcmp(topic.data, "confirmation") == 0 ||
		 strcmp(topic.data, "new_unconfirmed_block") == 0);
	const char *watched[] = {parties.account, parties.other};
	static const char *const names[] = {"account watched", "other watched",
		"both watched", "'*' and other watched"};
	CsSession  *session;

	session = make_session(parties.network, "{}");
	watch(session, 100, "*");
	print_perspective(file, transfer ? "everything" : "always", session, text);

	for (int mask = 1; transfer && mask <= 4; mask++)
	{
		if (((mask & 1) && parties.account == NULL) ||
			((mask & 6) && parties.other == NULL))
			continue;
		session = make_session(parties.network, "{}");
		if (mask == 4)
		{
			watch(session, 100, "*");
			watch(session, 101, parties.other);
		}
		for (int i = 0; mask < 4 && i < 2; i++)
		{
			if (mask & (1 << i))
				watch(session, 101 + i, watched[i]);
		}
		print_perspective(file, names[mask - 1], session, text);
	}
	if (transfer)
	{
		session = make_session("mainnet", "{}");
		watch(session, 100, STRANGER);
		if (strcmp(parties.network, "mainnet") == 0)
			print_perspective(file, "stranger watched", session, text);
		else
			cs_session_free(session);
	}
	json_object_put(parties.envelope);
}

/* Compare with what is expected, or write it. */
static void
settle_golden(const char *name, const char *got, size_t length, bool update)
{
	char		path[256];
	char	   *expected;
	size_t		expected_length;

	(void) snprintf(path, sizeof(path), GOLDEN "%s.txt", name);
	if (update)
	{
		FILE	   *file = fopen(path, "w");

		if (file == NULL || fwrite(got, 1, length, file) != length)
			bail_out("cannot write %s", path);
		(void) fclose(file);
		return;
	}
	expected = read_whole_file(path, &expected_length);
	if (!ok(expected_length == length && memcmp(expected, got, length) == 0,
			"rows of %s", name))
	{
		char	   *left = (char *) got;
		char	   *right = expected;

		for (;;)
		{
			char	   *a = next_line(&left);
			char	   *b = next_line(&right);

			if (a == NULL && b == NULL)
				break;
			if (a == NULL || b == NULL || strcmp(a, b) != 0)
				printf("#      got: %s\n# expected: %s\n", a ? a : "(end)",
					   b ? b : "(end)");
		}
	}
	free(expected);
}

/* A file of samples: a message per line, or one message as it is sent. */
static void
test_golden(const char *name, const char *suffix, bool update)
{
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *at;
	char	   *line;
	char	   *got;
	FILE	   *file;
	int			number = 0;

	(void) snprintf(path, sizeof(path), SAMPLES "%s%s", name, suffix);
	samples = at = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	if (strcmp(suffix, ".txt") == 0)
	{
		fprintf(file, "the message\n");
		print_message(file, samples);
	}
	else
	{
		while ((line = next_line(&at)) != NULL)
		{
			fprintf(file, "line %d\n", ++number);
			print_message(file, line);
		}
	}
	(void) fclose(file);
	settle_golden(name, got, length, update);
	free(got);
	free(samples);
}

/* ---------- single messages ---------- */

/* The line of a sample file, counted from 1; to be freed. */
static char *
sample(const char *name, int number)
{
	char		path[256];
	size_t		length;
	char	   *file;
	char	   *at;
	char	   *line = NULL;

	(void) snprintf(path, sizeof(path), SAMPLES "%s.jsonl", name);
	file = at = read_whole_file(path, &length);
	while (number-- > 0)
		line = next_line(&at);
	line = strdup(line);
	free(file);
	return line;
}

/* A copy of *text* in which *from* is replaced by *to* once; to be freed. */
static char *
replaced(const char *text, const char *from, const char *to)
{
	const char *place = strstr(text, from);
	char	   *copy = malloc(strlen(text) + strlen(to) + 1);

	if (place == NULL)
		bail_out("sample does not hold %s", from);
	memcpy(copy, text, (size_t) (place - text));
	(void) sprintf(copy + (place - text), "%s%s", to, place + strlen(from));
	return copy;
}

/* What is known of every row of a message. */
static void
test_common_members(void)
{
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;
	char	   *line = sample("confirmation", 1);
	char	   *message = malloc(strlen(line) + 4);
	CsError		error;
	const CsRecord *record;
	const CsAction *action;

	watch(session, 100, "*");
	output = start_session(session);
	(void) sprintf(message, "%s \r\n", line);
	ok(feed(session, output, message, &error) &&
	   cs_output_record_count(output) == 1, "a message gives a row");
	record = cs_output_records(output);
	ok(record->payload.data == message &&
	   record->payload.length == strlen(line),
	   "the payload is the message without white space behind it");
	ok(record->subscription_id == 1 &&
	   record->received_at == 1700000000000000,
	   "subscription and time of receipt are those given");
	ok(record->fee.data == NULL && record->block_hash.data == NULL &&
	   record->transaction_count == CS_NO_NUMBER,
	   "what Nano does not have is absent");

	action = cs_output_actions(output) + cs_output_action_count(output) - 1;
	ok(cs_output_action_count(output) > 0, "there are actions");
	for (size_t i = 0; i < cs_output_action_count(output); i++)
	{
		if (cs_output_actions(output)[i].kind == CS_ACTION_CURSOR)
			action = &cs_output_actions(output)[i];
	}
	ok(action->kind == CS_ACTION_CURSOR && strcmp(action->scope, "") == 0 &&
	   strcmp(action->text.data, "{\"time\":1744409899351}") == 0,
	   "the position is the newest time");
	cs_output_reset(output);
	ok(feed(session, output, message, &error) &&
	   cs_output_record_count(output) == 1 &&
	   cs_output_action_count(output) == 0,
	   "the same time is no new position");
	cs_output_free(output);
	cs_session_free(session);
	free(message);
	free(line);
}

/* The identity of the only row of a message, with everything watched. */
static void
identify(const char *text, const char *watched, uint64_t identity[2])
{
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;
	CsError		error;

	watch(session, 100, watched);
	output = start_session(session);
	if (!feed(session, output, text, &error) ||
		cs_output_record_count(output) != 1)
		bail_out("not one row: %s", text);
	memcpy(identity, cs_output_records(output)->identity, 16);
	cs_output_free(output);
	cs_session_free(session);
}

static bool
same_identity(const char *text, const char *watched, const char *other_text,
			  const char *other_watched)
{
	uint64_t	a[2];
	uint64_t	b[2];

	identify(text, watched, a);
	identify(other_text, other_watched, b);
	return memcmp(a, b, 16) == 0;
}

static void
test_identities(void)
{
	static const char sender[] =
		"nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma";
	static const char recipient[] =
		"nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox";
	char	   *send = sample("confirmation", 1);
	char	   *later = replaced(send, "1744409899351", "1744409999351");
	char	   *other = replaced(send, "7436C\"", "7436D\"");
	char	   *election = sample("stopped_election", 1);
	char	   *election_later = replaced(election, "533\"", "534\"");
	char	   *telemetry = sample("telemetry", 1);
	char	   *telemetry_later = replaced(telemetry, "305\"", "306\"");
	char	   *with_hash = sample("new_unconfirmed_block", 1);
	char	   *without = sample("new_unconfirmed_block", 2);
	char	   *final_vote = sample("vote", 1);
	char	   *vote_later = replaced(final_vote, "1720821215738",
									  "1720821215739");

	ok(same_identity(send, "*", later, "*"),
	   "a block that is announced again is the same");
	ok(same_identity(send, "*", send, sender),
	   "so it is under another watch list");
	ok(!same_identity(send, sender, send, recipient),
	   "two points of view are two rows");
	ok(!same_identity(send, "*", other, "*"), "another block is another row");
	ok(!same_identity(election, "*", election_later, "*"),
	   "another election of a block is another row");
	ok(!same_identity(telemetry, "*", telemetry_later, "*"),
	   "events are told apart by their text");
	ok(same_identity(with_hash, "*", without, "*"),
	   "an unconfirmed block is the same with and without its hash");
	ok(same_identity(final_vote, "*", vote_later, "*"),
	   "a vote that is delivered again is the same");
	free(send);
	free(later);
	free(other);
	free(election);
	free(election_later);
	free(telemetry);
	free(telemetry_later);
	free(with_hash);
	free(without);
	free(final_vote);
	free(vote_later);
}

static void
check_rejected(CsSession *session, CsOutput *output, const char *text,
			   const char *why)
{
	CsError		error = {0};
	size_t		bytes;

	cs_output_reset(output);
	bytes = cs_output_bytes(output);
	ok(!feed(session, output, text, &error) && error.kind != CS_ERROR_NONE &&
	   cs_output_record_count(output) == 0 &&
	   cs_output_action_count(output) == 0 &&
	   cs_output_bytes(output) == bytes && strstr(error.message, why) != NULL,
	   "rejected: %s", error.message);
	if (strstr(error.message, why) == NULL)
		printf("# expected: %s\n", why);
}

/* Changes to a good message that must make it a bad one. */
static void
test_rejects(void)
{
	static const struct
	{
		const char *sample;
		int			number;
		const char *from;
		const char *to;
		const char *why;
	}			cases[] = {
		{"confirmation", 1, "\"time\":\"1744409899351\",", "",
		 "\"time\" is missing"},
		{"confirmation", 1, "\"1744409899351\"", "\"now\"", "\"time\" is not"},
		{"confirmation", 1, "\"1744409899351\"", "\"-1\"",
		 "\"time\" is out of range"},
		{"confirmation", 1, "\"1744409899351\"", "\"253402300800000\"",
		 "\"time\" is out of range"},
		{"confirmation", 1, "\"1744409899351\"", "1e12", "\"time\" is not"},
		{"confirmation", 1, "\"message\":{", "\"message\":[], \"x\":{",
		 "\"message\" is missing or not an object"},
		{"confirmation", 1, "\"confirmation\"", "\"confirmations\"",
		 "unrecognized topic \"confirmations\""},
		{"confirmation", 1, "\"topic\":\"confirmation\"", "\"topic\":7",
		 "neither"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"-417",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"0417",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":\"340282366920938463463374607431768211456\"",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":417", "\"amount\" is not a string"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":\"\"", "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"4\\u00001",
		 "\\u0000"},
		{"confirmation", 1, "\"hash\":\"5E", "\"hash\":\"5",
		 "\"hash\" is not 64"},
		{"confirmation", 1, "\"hash\":\"5E", "\"hash\":\"5X",
		 "\"hash\" is not 64"},
		{"confirmation", 1, "\"account\":\"nano_1p", "\"account\":\"nano_1P",
		 "invalid Nano address"},
		{"confirmation", 1, "\"account\":\"nano_", "\"account\":\"ban_",
		 "does not belong to network"},
		{"confirmation", 1, "\"link_as_account\":\"nano_1w",
		 "\"link_as_account\":\"nano_1", "invalid Nano address"},
		{"confirmation", 1, "\"link_as_account\":", "\"link_as\":",
		 "\"link_as_account\" is missing"},
		{"confirmation", 1, "\"subtype\":\"send\"", "\"subtype\":\"spend\"",
		 "unrecognized block subtype \"spend\""},
		{"confirmation", 1, ",\"subtype\":\"send\"", "",
		 "\"subtype\" is missing"},
		{"confirmation", 1, "\"type\":\"state\"", "\"type\":\"estate\"",
		 "unrecognized block type \"estate\""},
		{"confirmation", 1, "\"type\":\"state\",", "", "\"type\" is missing"},
		{"confirmation", 1, "\"block\":{", "\"block\":\"\",\"b\":{",
		 "\"block\" is not an object"},
		{"confirmation", 1, "\"topic\"", "\"topic\":\"\x01\",\"t\"",
		 "control character"},
		{"confirmation", 1, "}}}", "}}", "invalid JSON"},
		{"confirmation", 1, "}}}", "}}}}", "invalid JSON"},
		{"confirmation", 18, "\"height\":\"271199\"", "\"height\":\"high\"",
		 "\"height\" is not"},
		{"confirmation", 18, "\"height\":\"271199\"",
		 "\"height\":\"9223372036854775808\"", "\"height\" is not"},
		{"confirmation", 10, "\"destination\":", "\"d\":",
		 "\"destination\" is missing"},
		{"new_unconfirmed_block", 1, "\"hash\":\"8F", "\"hash\":\"8",
		 "\"hash\" is not 64"},
		{"new_unconfirmed_block", 2, "\"balance\":\"1", "\"balance\":\"x",
		 "\"balance\" is not a balance"},
		{"new_unconfirmed_block", 2, "\"previous\":\"C", "\"previous\":\"",
		 "\"previous\" is not 64"},
		{"new_unconfirmed_block", 2, "5geho\"", "5gehp\"", "not a valid address"},
		{"new_unconfirmed_block", 2, "\"link\":", "\"lynk\":",
		 "\"link\" is missing"},
		{"vote", 1, "\"21FADA", "\"21FAD", "\"blocks\" is not 64"},
		{"vote", 1, "[\"21FADA", "[7,\"21FADA", "\"blocks\" is not 64"},
		{"vote", 3, ",\"C3A0", ",\"", "\"blocks\" is not 64"},
		{"vote", 1, "\"timestamp\":", "\"timestump\":",
		 "\"timestamp\" is missing"},
		{"vote", 1, "\"account\":", "\"accounts\":", "\"account\" is missing"},
		{"stopped_election", 1, "\"hash\":\"FA", "\"hash\":\"F",
		 "\"hash\" is not 64"},
		{"started_election", 1, "\"hash\":", "\"hush\":",
		 "\"hash\" is missing"},
		{"telemetry", 1, "\"message\":{", "\"message\":7,\"m\":{",
		 "\"message\" is missing or not"},
	};
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;

	watch(session, 100, "*");
	output = start_session(session);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	   *line = sample(cases[i].sample, cases[i].number);
		char	   *bad = replaced(line, cases[i].from, cases[i].to);

		check_rejected(session, output, bad, cases[i].why);
		free(bad);
		free(line);
	}
	check_rejected(session, output, "", "invalid JSON");
	check_rejected(session, output, "[]", "not an object");
	check_rejected(session, output, "{}", "neither");
	check_rejected(session, output, "{\"error\":\"x\"}", "neither");
	cs_output_free(output);
	cs_session_free(session);
}

/* A vote of more blocks than there can be in one. */
static void
test_long_vote(void)
{
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output = start_session(session);
	char	   *vote = sample("vote", 1);
	char	   *hash = strstr(vote, "\"21FADA");
	char	   *text = malloc(strlen(vote) + 300 * 67);
	CsError		error;
	size_t		length = (size_t) (hash - vote);

	memcpy(text, vote, length);
	for (int i = 0; i < 254; i++)
		length += (size_t) sprintf(text + length, "%.66s,", hash);
	(void) strcpy(text + length, hash);
	ok(feed(session, output, text, &error) &&
	   cs_output_record_count(output) == 255 &&
	   cs_output_records(output)[254].ordinal == 254,
	   "a vote on 255 blocks gives 255 rows");
	(void) sprintf(text + length, "%.66s,%s", hash, hash);
	check_rejected(session, output, text, "a vote names 256 blocks");
	cs_output_free(output);
	cs_session_free(session);
	free(text);
	free(vote);
}

/* The options of confirmation that change which rows there are. */
static void
test_local_accounts(void)
{
	CsSession  *session = make_session(NULL, "{\"all_local_accounts\":true}");
	CsOutput   *output = start_session(session);
	char	   *line = sample("confirmation", 1);
	CsError		error;

	ok(feed(session, output, line, &error) &&
	   cs_output_record_count(output) == 1 &&
	   cs_output_records(output)->direction == CS_DIRECTION_OUT,
	   "with all_local_accounts what the node sends is taken");
	free(line);
	line = sample("new_unconfirmed_block", 1);
	cs_output_reset(output);
	ok(feed(session, output, line, &error) &&
	   cs_output_record_count(output) == 0,
	   "but not of unconfirmed blocks, which it does not filter");
	cs_output_free(output);
	cs_session_free(session);
	free(line);
}

/* Money sent to oneself, which the samples do not have. */
static void
test_own_transfer(void)
{
	char	   *line = sample("confirmation", 1);
	char	   *text = replaced(line,
		"nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox",
		"xrb_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma");
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;
	CsError		error;
	const CsRecord *record;

	watch(session, 100,
		  "nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma");
	output = start_session(session);
	ok(feed(session, output, text, &error) &&
	   cs_output_record_count(output) == 1,
	   "a transfer to oneself is one row");
	record = cs_output_records(output);
	ok(record->direction == CS_DIRECTION_SELF &&
	   strcmp(record->account.data, record->counterparty.data) == 0,
	   "its direction is self, in whatever spelling");
	cs_output_free(output);
	cs_session_free(session);
	free(text);
	free(line);
}

/* ---------- addresses and arguments ---------- */

static void
check_address(const char *network, const char *address, const char *expected)
{
	char		canonical[CS_TARGET_MAX] = "";
	CsError		error = {0};
	bool		valid = cs_provider_find("nano")->canonical_address(network,
																	 address,
																	 canonical,
																	 &error);

	if (strncmp(expected, "nano_", 5) == 0 || strncmp(expected, "ban_", 4) == 0)
		ok(valid && strcmp(canonical, expected) == 0, "%s on %s", address,
		   network ? network : "the default network");
	else
		ok(!valid && strstr(error.message, "ddress") != NULL &&
		   (strstr(error.detail, expected) || strstr(error.hint, expected) ||
			strstr(error.message, expected)), "%s on %s: %s; %s %s", address,
		   network ? network : "the default network", error.message,
		   error.detail, error.hint);
}

static void
test_addresses(void)
{
#define BODY "3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3"
	char		canonical[CS_TARGET_MAX];
	CsError		error;
	const CsProvider *nano = cs_provider_find("nano");

	check_address(NULL, "nano_" BODY, "nano_" BODY);
	check_address("mainnet", "nano-" BODY, "nano_" BODY);
	check_address("beta", "xrb_" BODY, "nano_" BODY);
	check_address("test", "xrb-" BODY, "nano_" BODY);
	check_address("banano", "ban_" BODY, "ban_" BODY);
	check_address("banano", "ban-" BODY, "ban_" BODY);
	check_address("mainnet", "ban_" BODY, "begin with \"nano_\"");
	check_address("banano", "nano_" BODY, "begin with \"ban_\"");
	check_address("banano", "xrb_" BODY, "begin with \"ban_\"");
	check_address("mainnet", BODY, "begins with \"nano_\"");
	check_address("banano", "node_" BODY, "begins with \"ban_\"");
	check_address("mainnet", "nano_" BODY "3", "66 characters");
	check_address("mainnet", "nano_2" BODY, "66 characters");
	check_address("mainnet", "nano_4t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3",
				  "must be 1 or 3");
	check_address("mainnet", "nano_3T6K35GI95XU6TERGT6P69CK76OGMITSA8MNIJTPXM9FKCM736XTONCUOHR3",
				  "lower case");
	check_address("mainnet", "nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohl3",
				  "never used");
	check_address("mainnet", "nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr1",
				  "checksum");
	check_address("mainnet", "", "begins with");
	check_address("mainnet", " nano_" BODY, "begins with");
	ok(!nano->canonical_address("moon", "nano_" BODY, canonical, &error) &&
	   strstr(error.message, "no network \"moon\""), "%s", error.message);

	ok(nano->canonical_transaction(NULL,
								   "5e6652728cf808ece35837cc6da0c269c1ce67cea7df99f7e52b0e73c6f7436c",
								   canonical, &error) &&
	   strcmp(canonical, "5E6652728CF808ECE35837CC6DA0C269C1CE67CEA7DF99F7E52B0E73C6F7436C") == 0,
	   "a hash is written in upper case");
	ok(!nano->canonical_transaction(NULL, "5e66", canonical, &error) &&
	   !nano->canonical_transaction(NULL,
									"xe6652728cf808ece35837cc6da0c269c1ce67cea7df99f7e52b0e73c6f7436c",
									canonical, &error),
	   "%s", error.message);
}

static void
check_arguments(const char *topic_name, const char *network,
				const char *arguments, const char *why)
{
	const CsProvider *nano = cs_provider_find("nano");
	CsError		error = {0};
	bool		valid = nano->check_arguments(cs_provider_topic(nano, topic_name),
											  network, arguments, &error);

	if (why == NULL)
		ok(valid, "%s takes %s (%s)", topic_name, arguments, error.message);
	else
		ok(!valid && (strstr(error.message, why) || strstr(error.hint, why) ||
					  strstr(error.detail, why)),
		   "%s refuses %s: %s; %s %s", topic_name, arguments, error.message,
		   error.detail, error.hint);
}

static void
test_arguments(void)
{
	check_arguments("confirmation", NULL, "{}", NULL);
	check_arguments("confirmation", NULL,
					"{\"confirmation_type\":\"active_quorum\",\"include_block\":true,"
					"\"include_election_info\":false,\"include_election_info_with_votes\":true,"
					"\"include_sideband_info\":false,\"all_local_accounts\":true}", NULL);
	check_arguments("confirmation", NULL, "{\"include_block\":false}", NULL);
	check_arguments("confirmation", NULL, "{\"confirmation_type\":\"final\"}",
					"Valid types are");
	check_arguments("confirmation", NULL, "{\"confirmation_type\":true}",
					"must be a string");
	check_arguments("confirmation", NULL, "{\"include_block\":\"true\"}",
					"must be true or false");
	check_arguments("confirmation", NULL, "{\"include_block\":null}",
					"must be true or false");
	check_arguments("confirmation", NULL, "{\"all_local_accounts\":false}",
					"Leave it out");
	check_arguments("confirmation", NULL,
					"{\"all_local_accounts\":true,\"include_block\":false}",
					"needs the block");
	check_arguments("confirmation", NULL, "{\"accounts\":[]}",
					"chainstream.watch()");
	check_arguments("confirmation", NULL, "{\"accounts\":null}",
					"chainstream.watch()");
	check_arguments("confirmation", NULL, "{\"include_blocks\":true}",
					"\"include_block\"");
	check_arguments("confirmation", NULL, "[]", "not an object");
	check_arguments("confirmation", NULL, "{", "invalid JSON");
	check_arguments("vote", NULL, "{}", NULL);
	check_arguments("vote", "mainnet",
					"{\"include_replays\":true,\"include_indeterminate\":true,"
					"\"representatives\":[\"nano_" BODY "\",\"xrb_" BODY "\"]}",
					NULL);
	check_arguments("vote", "banano", "{\"representatives\":[\"ban_" BODY "\"]}",
					NULL);
	check_arguments("vote", "banano",
					"{\"representatives\":[\"nano_" BODY "\"]}",
					"does not belong");
	check_arguments("vote", NULL, "{\"representatives\":[]}", "is empty");
	check_arguments("vote", NULL, "{\"representatives\":[7]}",
					"array of strings");
	check_arguments("vote", NULL, "{\"representatives\":\"nano_" BODY "\"}",
					"array of strings");
	check_arguments("vote", NULL, "{\"include_block\":true}",
					"\"include_replays\"");
	check_arguments("new_unconfirmed_block", NULL, "{}", NULL);
	check_arguments("telemetry", NULL, "{\"x\":1}", "no valid arguments");
}

static void
check_options(const char *options, const char *why)
{
	CsError		error = {0};
	bool		valid = cs_provider_check_options(cs_provider_find("nano"),
												  options, &error);

	if (why == NULL)
		ok(valid, "options %s (%s)", options, error.message);
	else
		ok(!valid && (strstr(error.message, why) || strstr(error.hint, why)),
		   "options %s: %s; %s", options, error.message, error.hint);
}

static void
test_options(void)
{
	check_options("{}", NULL);
	check_options("{\"tls_ca\":\"/etc/ca.pem\",\"payload\":false,"
				  "\"headers\":{\"X-Key\":\"a b\"}}", NULL);
	check_options("{\"tls_insecure\":true}", "\"tls_ca\"");
	check_options("{\"tls_ca\":\"ca.pem\"}", "absolute path");
	check_options("{\"tls_ca\":7}", "must be a string");
	check_options("{\"payload\":1}", "must be true or false");
	check_options("{\"headers\":[]}", "object whose values are strings");
	check_options("{\"headers\":{\"X\":1}}", "object whose values are strings");
	check_options("{\"headers\":{\"X:\":\"1\"}}", "not the name");
	check_options("{\"headers\":{\"\":\"1\"}}", "not the name");
	check_options("{\"headers\":{\"X Y\":\"1\"}}", "not the name");
	check_options("{\"headers\":{\"X\":\"a\\r\\nHost: b\"}}",
				  "control character");
	check_options("{\"headers\":{\"X\":\"a\\u0000b\"}}", "control character");
	check_options("{\"headers\":{\"host\":\"b\"}}", "set by the transport");
	check_options("{\"headers\":{\"Sec-Websocket-Key\":\"b\"}}",
				  "set by the transport");
	check_options("{\"headers\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\","
				  "\"e\":\"\",\"f\":\"\",\"g\":\"\",\"h\":\"\",\"i\":\"\","
				  "\"j\":\"\",\"k\":\"\",\"l\":\"\",\"m\":\"\",\"n\":\"\","
				  "\"o\":\"\"}}", "more than 14");
	check_options("not json", "invalid JSON");
}

/* ---------- memory and speed ---------- */

static size_t
resident_bytes(void)
{
	size_t		length;
	FILE	   *file = fopen("/proc/self/statm", "r");
	unsigned long total;
	unsigned long resident;

	length = file ? (size_t) fscanf(file, "%lu %lu", &total, &resident) : 0;
	if (file)
		(void) fclose(file);
	return length == 2 ? resident * (size_t) sysconf(_SC_PAGESIZE) : 0;
}

static double
seconds(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Feed all confirmations again and again, in batches. */
static void
feed_many(CsSession *session, CsOutput *output, char *const *lines, int count,
		  int messages)
{
	CsError		error;

	for (int i = 0; i < messages; i++)
	{
		if (!feed(session, output, lines[i % count], &error))
			bail_out("rejected: %s", error.message);
		if (i % 1000 == 999)
			cs_output_reset(output);
	}
}

static void
test_memory(void)
{
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;
	char	   *lines[18];
	size_t		before;
	size_t		after;
#ifdef __SANITIZE_ADDRESS__
	const int	messages = 50000;
#else
	const int	messages = 1000000;
#endif

	for (int i = 0; i < 18; i++)
		lines[i] = sample("confirmation", i + 1);
	watch(session, 100, "*");
	output = start_session(session);
	feed_many(session, output, lines, 18, 20000);
	before = resident_bytes();
	feed_many(session, output, lines, 18, messages);
	after = resident_bytes();
#ifdef __SANITIZE_ADDRESS__
	/* The sanitizer keeps what is freed, and reports leaks at exit. */
	ok(before > 0 && after > 0, "%d messages", messages);
#else
	ok(after <= before + 256 * 1024,
	   "%d messages leave the memory as it was: %zu, then %zu kB", messages,
	   before / 1024, after / 1024);
#endif
	for (int i = 0; i < 18; i++)
		free(lines[i]);
	cs_output_free(output);
	cs_session_free(session);
}

/* How fast, beside json-c alone. */
static void
measure(void)
{
	const int	messages = 300000;
	char	   *line = sample("confirmation", 1);
	size_t		length = strlen(line);
	CsSession  *session = make_session(NULL, "{}");
	CsOutput   *output;

	watch(session, 100, "*");
	output = start_session(session);
	for (int round = 0; round < 3; round++)
	{
		double		start = seconds();
		struct json_tokener *tokener = json_tokener_new_ex(CS_JSON_DEPTH);

		feed_many(session, output, &line, 1, messages);
		printf("# a confirmation of %zu bytes: %.0f messages/s,", length,
			   messages / (seconds() - start));
		for (int flags = 0; flags < 2; flags++)
		{
			json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
								   (flags ? 0 : JSON_TOKENER_VALIDATE_UTF8));
			start = seconds();
			for (int i = 0; i < messages; i++)
			{
				json_tokener_reset(tokener);
				json_object_put(json_tokener_parse_ex(tokener, line,
													  (int) length));
			}
			printf(" json-c alone %s: %.0f%s", flags ? "not" :
				   "checking UTF-8", messages / (seconds() - start),
				   flags ? "\n" : ",");
		}
		json_tokener_free(tokener);
	}
	cs_output_free(output);
	cs_session_free(session);
	free(line);
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {"ack", "active_difficulty", "banano",
		"bootstrap", "confirmation", "nano_to_binary", "new_unconfirmed_block",
		"started_election", "stopped_election", "telemetry", "vote", "work"};
	static const char *const wire[] = {"wire/ack-subscribe",
		"wire/confirmation-empty-votes", "wire/confirmation-send",
		"wire/vote"};
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	if (argc > 1 && strcmp(argv[1], "--speed") == 0)
	{
		measure();
		return 0;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		test_golden(files[i], ".jsonl", update);
	for (size_t i = 0; i < sizeof(wire) / sizeof(wire[0]); i++)
		test_golden(wire[i], ".txt", update);
	if (update)
		return 0;
	test_common_members();
	test_identities();
	test_rejects();
	test_long_vote();
	test_local_accounts();
	test_own_transfer();
	test_addresses();
	test_arguments();
	test_options();
	test_memory();
	return tap_end();
}
