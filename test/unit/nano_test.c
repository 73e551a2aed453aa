/*-------------------------------------------------------------------------
 *
 * nano_test.c
 *	  What the Nano provider makes of messages.
 *
 * Every message among the samples is fed to sessions with different watch
 * lists, and the rows that come out are compared with those in golden/nano.
 * "nano_test --update" writes those files anew; read the difference before
 * committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "golden.h"
#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define SAMPLES "test/samples/nano/"

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
		golden_row(file, &cs_output_records(output)[i],
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
	(void) snprintf(path, sizeof(path), "nano/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

/* ---------- single messages ---------- */

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

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		test_golden(files[i], ".jsonl", update);
	for (size_t i = 0; i < sizeof(wire) / sizeof(wire[0]); i++)
		test_golden(wire[i], ".txt", update);
	if (update)
		return 0;
	test_common_members();
	test_identities();
	test_local_accounts();
	test_own_transfer();
	return tap_end();
}
