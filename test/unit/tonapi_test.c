/*-------------------------------------------------------------------------
 *
 * tonapi_test.c
 *	  What the TonAPI provider makes of messages.
 *
 * Every message among the samples is fed to sessions with different watch
 * lists, and the rows that come out are compared with those in golden/tonapi.
 * "tonapi_test --update" writes those files anew; read the difference before
 * committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/ton_address.h"
#include "golden.h"
#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define SAMPLES "test/samples/tonapi/"

/* Somebody whom no sample mentions. */
#define STRANGER \
	"0:0000000000000000000000000000000000000000000000000000000000000001"

/* Accounts of the samples. */
#define CONFIG \
	"-1:5555555555555555555555555555555555555555555555555555555555555555"
#define SENDER \
	"0:4E3664FAEE814FBDB6C1CB36D72BAC52D15E186C11ECD664FE1B3F1A7CFD801D"
#define TOLYA \
	"0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"

static const char *const topics[] = {
	"account_transaction", "trace", "mempool_message", "block"
};

/* ---------- sessions ---------- */

/* A session with all topics that watches so many targets. */
static CsSession *
make_session(const char *transport, const char *const *watched, size_t count)
{
	CsSourceConfig config = {.name = "test", .transport = transport};
	CsError		error;
	CsSession  *session = cs_session_create(cs_provider_find("tonapi"),
											&config, &error);

	if (session == NULL)
		bail_out("no session: %s", error.message);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
	{
		if (!cs_session_subscribe(session, (int64_t) i + 1, topics[i], "{}",
								  &error))
			bail_out("no subscription: %s", error.message);
	}
	for (size_t i = 0; i < count; i++)
	{
		if (!cs_session_watch(session, 100 + (int64_t) i, CS_WATCH_ADDRESS,
							  watched[i]))
			bail_out("out of memory");
	}
	return session;
}

/* Make the wish known, as if connected: what inject() does. */
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

/* The same text as the answer to a request. */
static bool
answer(CsSession *session, CsOutput *output, const char *text, CsError *error)
{
	CsResponse	response = {.id = 77, .status = 200, .reason = "",
							.data = text, .length = strlen(text),
							.received_at = 1700000000000000};

	return cs_session_response(session, &response, 5000, output, error);
}

/* ---------- golden files ---------- */

/* The rows of one message for one watch list. */
static void
print_perspective(FILE *file, const char *name, bool rest, const char *text,
				  const char *const *watched, size_t count)
{
	CsSession  *session = make_session(NULL, watched, count);
	CsOutput   *output = start_session(session);
	CsError		error = {0};
	bool		understood = rest ? answer(session, output, text, &error) :
		feed(session, output, text, &error);

	if (!understood)
		fprintf(file, "  %s: rejected, %s\n", name, error.message);
	else if (cs_output_record_count(output) == 0)
		fprintf(file, "  %s: no rows\n", name);
	for (size_t i = 0; i < cs_output_record_count(output); i++)
	{
		fprintf(file, "  %s: ", name);
		golden_row(file, &cs_output_records(output)[i],
				   strcmp(name, "everything") == 0);
	}
	cs_output_free(output);
	cs_session_free(session);
}

/* The account of the first row under '*', in *address*. */
static void
find_destination(const char *text, char address[CS_TARGET_MAX])
{
	CsSession  *session = make_session(NULL, (const char *[]) {"*"}, 1);
	CsOutput   *output = start_session(session);
	CsError		error;

	if (feed(session, output, text, &error) &&
		cs_output_record_count(output) > 0 &&
		cs_output_records(output)->account.data != NULL)
		(void) strcpy(address, cs_output_records(output)->account.data);
	cs_output_free(output);
	cs_session_free(session);
}

/*
 * The first two addresses that a message speaks of, in canonical form: those
 * it prints, or the one inside a bag of cells.
 */
static size_t
find_addresses(const char *text, char found[2][CS_TARGET_MAX])
{
	const CsProvider *provider = cs_provider_find("tonapi");
	size_t		count = 0;

	for (const char *at = strchr(text, '"'); at && count < 2;
		 at = strchr(at + 1, '"'))
	{
		char		word[CS_TARGET_MAX];
		size_t		length = strcspn(at + 1, "\"");

		if (length >= sizeof(word) || memchr(at + 1, ':', length) == NULL)
			continue;
		memcpy(word, at + 1, length);
		word[length] = '\0';
		if (provider->canonical_address(NULL, word, found[count], NULL) &&
			(count == 0 || strcmp(found[0], found[1]) != 0))
			count++;
	}
	if (count == 0)
	{
		found[0][0] = '\0';
		find_destination(text, found[0]);
		count = found[0][0] != '\0';
	}
	return count;
}

/* All that one message gives. */
static void
print_message(FILE *file, bool rest, const char *text)
{
	char		found[2][CS_TARGET_MAX];
	size_t		count = find_addresses(text, found);
	const char *watched[] = {found[0], found[1]};

	print_perspective(file, "everything", rest, text,
					  (const char *[]) {"*"}, 1);
	if (count > 0)
		print_perspective(file, "first watched", rest, text, watched, 1);
	if (count > 1)
	{
		print_perspective(file, "second watched", rest, text, watched + 1, 1);
		print_perspective(file, "both watched", rest, text, watched, 2);
		print_perspective(file, "'*' and both", rest, text,
						  (const char *[]) {"*", found[0], found[1]}, 3);
	}
	print_perspective(file, "stranger watched", rest, text,
					  (const char *[]) {STRANGER}, 1);
}

/* A file of samples: a message per line, or a stream of events. */
static void
test_golden(const char *name, const char *suffix, bool update)
{
	static const char data[] = "data: ";
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *at;
	char	   *line;
	char	   *got;
	FILE	   *file;
	bool		stream = strcmp(suffix, ".sse") == 0;
	int			number = 0;

	(void) snprintf(path, sizeof(path), SAMPLES "%s%s", name, suffix);
	samples = at = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	while ((line = next_line(&at)) != NULL)
	{
		number++;
		if (stream && strncmp(line, data, strlen(data)) != 0)
			continue;
		fprintf(file, "line %d\n", number);
		print_message(file, strncmp(name, "rest-", 5) == 0,
					  stream ? line + strlen(data) : line);
	}
	(void) fclose(file);
	(void) snprintf(path, sizeof(path), "tonapi/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

/* ---------- single messages ---------- */

/* What is known of every row of a message. */
static void
test_common_members(void)
{
	CsSession  *session = make_session(NULL, (const char *[]) {CONFIG}, 1);
	CsOutput   *output = start_session(session);
	char	   *line = sample_of("tonapi/ws-account_transaction", 1);
	char	   *message = malloc(strlen(line) + 4);
	CsError		error;
	const CsRecord *record;

	(void) sprintf(message, "%s \r\n", line);
	ok(feed(session, output, message, &error) &&
	   cs_output_record_count(output) == 1, "a message gives a row");
	record = cs_output_records(output);
	ok(record->payload.data == message &&
	   record->payload.length == strlen(line),
	   "the payload is the message without the white space behind it");
	ok(record->subscription_id == 1 &&
	   record->received_at == 1700000000000000,
	   "subscription and time of receipt are those given");
	ok(record->occurred_at == CS_NO_NUMBER && record->height == CS_NO_NUMBER &&
	   record->amount.data == NULL && record->fee.data == NULL &&
	   record->direction == CS_DIRECTION_NONE,
	   "what a notification does not tell is absent");
	cs_output_free(output);
	cs_session_free(session);
	free(message);
	free(line);
}

/* Each row of a list has its own part of the message. */
static void
test_list_payload(void)
{
	CsSession  *session = make_session(NULL, (const char *[]) {"*"}, 1);
	CsOutput   *output = start_session(session);
	char	   *line = sample_of("tonapi/rest-block-transactions", 1);
	CsError		error;
	size_t		count;
	size_t		total = 0;

	ok(answer(session, output, line, &error), "a list of transactions");
	count = cs_output_record_count(output);
	ok(count == 3, "has three");
	for (size_t i = 0; i < count; i++)
	{
		const CsRecord *record = &cs_output_records(output)[i];
		struct json_object *part = cs_json_parse_once(record->payload.data,
													  record->payload.length,
													  NULL);

		ok(part != NULL &&
		   strcmp(cs_json_member_string(part, "hash").data,
				  record->hash.data) == 0, "payload of row %zu", i);
		total += record->payload.length;
		json_object_put(part);
	}
	ok(total < strlen(line), "and all of them together are no longer than it");
	cs_output_free(output);
	cs_session_free(session);
	free(line);
}

/* The identity of the row at *index* of a message. */
static void
identify(const char *transport, const char *text, const char *watched,
		 size_t index, uint64_t identity[2])
{
	CsSession  *session = make_session(transport,
									   (const char *[]) {watched}, 1);
	CsOutput   *output = start_session(session);
	CsError		error;

	if (!feed(session, output, text, &error) ||
		cs_output_record_count(output) <= index)
		bail_out("not so many rows: %s", text);
	memcpy(identity, cs_output_records(output)[index].identity, 16);
	cs_output_free(output);
	cs_session_free(session);
}

static bool
same_identity(const char *text, const char *watched, const char *other_text,
			  const char *other_watched)
{
	uint64_t	a[2];
	uint64_t	b[2];

	identify(NULL, text, watched, 0, a);
	identify("sse", other_text, other_watched, 0, b);
	return memcmp(a, b, 16) == 0;
}

/* The data of an event: the parameters without their envelope. */
static char *
without_envelope(const char *text)
{
	const char *params = strstr(text, "\"params\":");
	char	   *copy = strdup(params + strlen("\"params\":"));

	copy[strlen(copy) - 1] = '\0';
	return copy;
}

static void
test_identities(void)
{
	char	   *transaction = sample_of("tonapi/ws-account_transaction", 1);
	char	   *event = without_envelope(transaction);
	char	   *other = sample_of("tonapi/ws-account_transaction", 2);
	char	   *trace = sample_of("tonapi/ws-trace", 2);
	char	   *mempool = sample_of("tonapi/ws-mempool_message", 4);
	char	   *bare = sample_of("tonapi/ws-mempool_message", 3);
	char	   *block = sample_of("tonapi/ws-block", 1);
	char	   *later = replaced(block, "34832412", "34832413");
	char	   *whole = sample_of("tonapi/rest-transaction", 1);
	char	   *notification =
		strdup("{\"account_id\":\"0:5c6a0dadaf3bb47d408349d06152c3d14cb3a18810e0c29a1287857a677ade70\","
			   "\"lt\":43458908000001,\"tx_hash\":"
			   "\"e58cd7ffbbe68332d6ea082c5e91da3e88568c3891bccf552d3f8b4659d5c8ea\"}");

	ok(same_identity(transaction, "*", event, "*"),
	   "a transaction is the same over both transports");
	ok(same_identity(transaction, "*", event, CONFIG),
	   "and under another watch list");
	ok(!same_identity(transaction, "*", other, "*"),
	   "another transaction is another row");
	ok(!same_identity(notification, "*", whole, "*"),
	   "its details are another row");
	ok(!same_identity(trace, "*", trace, CONFIG),
	   "a trace that is nobody's is not one of an account");
	ok(same_identity(mempool, "*", bare, "*"),
	   "a message that is announced again is the same");
	ok(same_identity(mempool, "*", mempool, TOLYA),
	   "nor does it matter that its destination is watched");
	ok(!same_identity(mempool, "*", mempool, SENDER),
	   "but not for another account");
	ok(same_identity(block, "*", later, "*"),
	   "a block is known by its hash");
	free(transaction);
	free(event);
	free(other);
	free(trace);
	free(mempool);
	free(bare);
	free(block);
	free(later);
	free(whole);
	free(notification);
}

/* ---------- whole transactions that the samples do not have ---------- */

#define WALLET \
	"0:5C6A0DADAF3BB47D408349D06152C3D14CB3A18810E0C29A1287857A677ADE70"

/* A row in short: status, direction, amount, whom from or to, fee, height. */
static void
print_row(FILE *file, const CsRecord *record)
{
	static const char *const directions[] = {"-", "in", "out", "self"};

	fprintf(file, "%s %s %s %.4s fee %s",
			record->status == CS_STATUS_FAILED ? "failed" : "finalized",
			directions[record->direction],
			record->amount.data ? record->amount.data : "-",
			record->counterparty.data ? record->counterparty.data : "-",
			record->fee.data ? record->fee.data : "-");
	if (record->height != CS_NO_NUMBER)
		fprintf(file, " height %lld", (long long) record->height);
}

/* The rows of a transaction of the wallet with these members. */
static void
expect_transaction(const char *members, const char *expected, const char *name)
{
	char	   *text;
	char	   *got;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);
	CsSession  *session = make_session(NULL, (const char *[]) {WALLET}, 1);
	CsOutput   *output = start_session(session);
	CsError		error = {0};

	fprintf(file, "{\"hash\":\"%064d\",\"lt\":1,\"account\":{\"address\":\"" WALLET
			"\"},\"utime\":1700000000,\"total_fees\":5,%s}", 7, members);
	(void) fclose(file);
	file = open_memstream(&got, &length);
	if (!feed(session, output, text, &error))
		fprintf(file, "rejected, %s", error.message);
	for (size_t i = 0; i < cs_output_record_count(output); i++)
	{
		if (i > 0)
			fprintf(file, "; ");
		print_row(file, &cs_output_records(output)[i]);
	}
	(void) fclose(file);
	is(got, expected, name);
	cs_output_free(output);
	cs_session_free(session);
	free(got);
	free(text);
}

#define INCOMING(value) "\"in_msg\":{\"msg_type\":\"int_msg\",\"value\":" value \
	",\"source\":{\"address\":\"" TOLYA "\"}}"
#define OUTGOING(value, to) "{\"msg_type\":\"int_msg\",\"value\":" value \
	",\"destination\":{\"address\":\"" to "\"}}"

static void
test_incoming(void)
{
	expect_transaction(INCOMING("9007199254740993"),
					   "finalized in 9007199254740993 0:9D fee 5",
					   "no digit of an amount is lost");
	expect_transaction(INCOMING("5") ",\"aborted\":true,\"success\":false,"
					   "\"compute_phase\":{\"skipped\":false,\"success\":false}",
					   "finalized in 5 0:9D fee 5",
					   "money that was credited is a deposit, whatever the code did");
	expect_transaction(INCOMING("5") ",\"aborted\":true,"
					   "\"bounce_phase\":\"TrPhaseBounceOk\",\"out_msgs\":["
					   OUTGOING("4", TOLYA) "]",
					   "failed in 5 0:9D fee 5", "money that went back is none");
	expect_transaction(INCOMING("5") ",\"aborted\":true,"
					   "\"bounce_phase\":\"TrPhaseBounceNofunds\"",
					   "finalized in 5 0:9D fee 5",
					   "what could not be sent back is there");
	expect_transaction(INCOMING("5") ",\"out_msgs\":[" OUTGOING("3", CONFIG) "]",
					   "finalized in 5 0:9D fee 5; finalized out 3 -1:5 fee -",
					   "what comes in and what goes out are two rows");
	expect_transaction(INCOMING("5") ",\"out_msgs\":[" OUTGOING("3", CONFIG)
					   "],\"action_phase\":{\"success\":false}",
					   "finalized in 5 0:9D fee 5; failed out 3 -1:5 fee -",
					   "of which one may fail");
	expect_transaction("\"in_msg\":{\"msg_type\":\"int_msg\",\"value\":5,"
					   "\"bounced\":true,\"source\":{\"address\":\"" TOLYA "\"}}",
					   "finalized self 5 0:9D fee 5",
					   "money that comes back is no deposit");
	expect_transaction(INCOMING("18446744073709551616"),
					   "rejected, \"value\" is not an integer of 64 bits",
					   "a value of more than 64 bits");
	expect_transaction(INCOMING("-1"), "rejected, \"value\" is negative",
					   "a value below zero");
	expect_transaction(INCOMING("1.5"), "rejected, \"value\" is not an integer",
					   "half a nanoton");
}

static void
test_outgoing(void)
{
	expect_transaction("\"out_msgs\":[" OUTGOING("7", TOLYA) "],"
					   "\"action_phase\":{\"success\":false}",
					   "failed out 7 0:9D fee 5", "an action that failed");
	expect_transaction("\"out_msgs\":[" OUTGOING("7", TOLYA) ","
					   OUTGOING("8", CONFIG) "],\"block\":\"(0,8000000000000000,5)\"",
					   "finalized out 15 - fee 5 height 5", "several recipients");
	expect_transaction("\"out_msgs\":[" OUTGOING("7", WALLET) "]",
					   "finalized self 7 0:5C fee 5", "to oneself");
	expect_transaction("\"out_msgs\":[" OUTGOING("9223372036854775807", TOLYA)
					   "," OUTGOING("1", TOLYA) "]",
					   "rejected, the values of \"out_msgs\" are too large",
					   "sums do not overflow");
	expect_transaction("\"out_msgs\":[{\"msg_type\":\"ext_out_msg\",\"value\":0}]",
					   "finalized - 0 - fee 5",
					   "a message to the outside moves nothing");
	expect_transaction("\"out_msgs\":[],\"block\":\"(0,40834551,8000000000000000)\"",
					   "finalized - 0 - fee 5", "a block with its parts swapped");
}

/* ---------- hostile messages ---------- */

static void
expect_reject(const char *text, const char *expected)
{
	CsSession  *session = make_session(NULL, (const char *[]) {"*"}, 1);
	CsOutput   *output = start_session(session);
	CsError		error = {0};

	if (feed(session, output, text, &error))
		ok(false, "not refused: %s", text);
	else
		is(error.message, expected, "refused");
	ok(cs_output_record_count(output) == 0 &&
	   cs_output_action_count(output) == 0, "and nothing is left of it");
	cs_output_free(output);
	cs_session_free(session);
}

#define HASH "\"586e176bdead2a37d9e372c3725e27c4eab90f5b213c6099c6aadeafc8e4fbc9\""

static void
test_hostile(void)
{
	expect_reject("", "invalid JSON: unexpected end, or no object");
	expect_reject("[]", "JSON text is not an object");
	expect_reject("{}", "message is of no known kind");
	expect_reject("{\"method\":\"subscribe_account\",\"params\":{}}",
				  "unrecognized method \"subscribe_account\"");
	expect_reject("{\"method\":\"block\",\"params\":[]}",
				  "a message of method \"block\" has no parameters");
	expect_reject("{\"method\":\"block\",\"params\":{}}",
				  "\"workchain\" is missing");
	expect_reject("{\"workchain\":0,\"shard\":\"8\",\"seqno\":-1,\"root_hash\":" HASH "}",
				  "\"seqno\" is negative");
	expect_reject("{\"workchain\":0,\"shard\":8,\"seqno\":1,\"root_hash\":" HASH "}",
				  "\"shard\" is not a string");
	expect_reject("{\"workchain\":0,\"shard\":\"8\",\"seqno\":1e3,\"root_hash\":" HASH "}",
				  "\"seqno\" is not an integer");
	expect_reject("{\"account_id\":\"0:abc\",\"lt\":1,\"tx_hash\":" HASH "}",
				  "\"account_id\" is not an address");
	expect_reject("{\"account_id\":\"" TOLYA "\",\"lt\":1,\"tx_hash\":\"00\"}",
				  "\"tx_hash\" is not a hash");
	expect_reject("{\"account_id\":\"" TOLYA "\",\"lt\":99999999999999999999,\"tx_hash\":" HASH "}",
				  "\"lt\" is not an integer of 64 bits");
	expect_reject("{\"account_id\":\"\\u0000\",\"lt\":1,\"tx_hash\":" HASH "}",
				  "\"account_id\" holds the character \\u0000");
	expect_reject("{\"accounts\":[1],\"hash\":" HASH "}",
				  "account 1 of the list is not an address");
	expect_reject("{\"accounts\":{},\"hash\":" HASH "}",
				  "\"accounts\" is missing or not an array");
	expect_reject("{\"boc\":\"te6cc***\"}", "\"boc\" is not base64");
	expect_reject("{\"boc\":7}", "\"boc\" is not a string");
	expect_reject("{\"boc\":\"\"}",
				  "\"boc\" is not a message: it does not begin as a bag of cells");
	expect_reject("{\"transactions\":[7]}",
				  "\"transactions\" has an element that is no object");
	expect_reject("{\"hash\":" HASH ",\"lt\":1,\"account\":\"x\"}",
				  "\"account\" is missing or not an object");
	expect_reject("{\"id\":1,\"result\":7}", "\"result\" is not a string");
	expect_reject("{\"id\":\"x\",\"result\":\"success!\"}",
				  "\"id\" is not an integer of 64 bits");
}

/* A bag that is longer than any message is not even decoded. */
static void
test_long_bag(void)
{
	size_t		length = (size_t) 1 << 20;
	char	   *text = malloc(length + 32);
	size_t		at = (size_t) sprintf(text, "{\"boc\":\"");

	memset(text + at, 'A', length);
	(void) strcpy(text + at + length, "\"}");
	expect_reject(text, "\"boc\" is longer than any message");
	free(text);
}

/* Every malformed bag of the samples is refused with a reason. */
static void
test_invalid_bags(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/ton/boc-invalid.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	CsSession  *session = make_session(NULL, (const char *[]) {"*"}, 1);
	CsOutput   *output = start_session(session);

	while ((line = next_line(&at)) != NULL)
	{
		CsError		error = {0};

		ok(!feed(session, output, line, &error) &&
		   strncmp(error.message, "\"boc\" is not", 12) == 0, "%s",
		   error.message);
	}
	cs_output_free(output);
	cs_session_free(session);
	free(file);
}

int
main(int argc, char **argv)
{
	static const char *const lines[] = {"ws-account_transaction", "ws-block",
		"ws-error-replies", "ws-mempool_message", "ws-replies", "ws-session",
		"ws-trace", "rest-transaction", "rest-account-transactions",
		"rest-block-transactions", "rest-blocks"};
	static const char *const streams[] = {"sse-accounts-traces",
		"sse-accounts-transactions-ALL", "sse-accounts-transactions",
		"sse-blocks", "sse-idle", "sse-mempool-accounts", "sse-mempool"};
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		test_golden(lines[i], ".jsonl", update);
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		test_golden(streams[i], ".sse", update);
	if (update)
		return 0;
	test_common_members();
	test_list_payload();
	test_identities();
	test_incoming();
	test_outgoing();
	test_hostile();
	test_long_bag();
	test_invalid_bags();
	return tap_end();
}
