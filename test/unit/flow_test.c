/*-------------------------------------------------------------------------
 *
 * flow_test.c
 *	  What the Flow provider makes of messages.
 *
 * Every message among the samples is fed to sessions with different watch
 * lists and subscriptions, as inject() would, and the rows that come out are
 * compared with those in golden/flow.  "flow_test --update" writes those files
 * anew; read the difference before committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/base64.h"
#include "flow_host.h"
#include "golden.h"
#include "tap.h"

#define SAMPLES "test/samples/flow/"

/* People of the samples, and somebody whom none mentions. */
static const char *const accounts[] = {
	"0xe4db9c640c6e50ba", "0x0d744d23165bfb6c", "0xf919ee77447b7497",
	"0x162d16db32cbf70e", "0x37d2b958f6970c48", "0x5bbedae254fd43cb",
	"0x0d3c8d02b02ceb4c", "0x912d5440f7e3769e", "0x01cf0e2f2f715450",
	"0xe5a8b7f23e8b548f"
};

static const char stranger[] = "0x1d7e57aa55817448";

static const char all_tokens[] =
	"{\"contracts\":[\"A.%s.FungibleToken\"]}";

/* ---------- sessions ---------- */

/* The network of a message: by the address of FlowToken in it. */
static const char *
network_of(const char *text)
{
	if (strstr(text, "7e60df042a9c0868") != NULL ||
		strstr(text, "MicrocontrollerTest") != NULL)
		return "testnet";
	if (strstr(text, "0ae53cb6e3f42a79") != NULL)
		return "emulator";
	return "mainnet";
}

/* A session with one subscription and up to two watched addresses. */
static Host
make_session(const char *network, const char *topic, const char *arguments,
			 const char *first, const char *second)
{
	CsSourceConfig config = {.name = "test", .network = network,
							 .options = "{}"};
	Host		host = host_start("flow", &config);

	host_subscribe(&host, 1, topic, arguments);
	if (first != NULL)
		host_watch(&host, 100, first);
	if (second != NULL)
		host_watch(&host, 101, second);
	host_sync(&host);
	host_open(&host);
	cs_output_reset(host.output);
	return host;
}

/* The rows of one message in a session, which is freed. */
static void
print_perspective(FILE *file, const char *name, Host host, const char *text,
				  bool even_none)
{
	char		prefix[64];
	CsError		error = {0};

	(void) snprintf(prefix, sizeof(prefix), "  %s: ", name);
	if (!host_message(&host, 0, text, &error))
		fprintf(file, "%srejected, %s\n", prefix, error.message);
	else if (cs_output_record_count(host.output) == 0 && even_none)
		fprintf(file, "%sno rows\n", prefix);
	cs_output_reset_actions(host.output);
	golden_rows(file, prefix, host.output);
	host_free(&host);
}

static bool
is_valid(const char *network, const char *address)
{
	char		canonical[CS_TARGET_MAX];

	return cs_provider_find("flow")->canonical_address(network, address,
													   canonical, NULL);
}

/* What one message of a topic that follows the watch list gives. */
static void
print_watched(FILE *file, const char *topic, const char *text)
{
	const char *network = network_of(text);

	print_perspective(file, "everything",
					  make_session(network, topic, "{}", "*", NULL), text,
					  true);
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
	{
		if (is_valid(network, accounts[i]))
			print_perspective(file, accounts[i],
							  make_session(network, topic, "{}", accounts[i],
										   NULL), text, false);
	}
	if (strcmp(network, "mainnet") != 0)
		return;
	print_perspective(file, "two",
					  make_session(network, topic, "{}", accounts[0],
								   accounts[1]), text, false);
	print_perspective(file, "'*' and other",
					  make_session(network, topic, "{}", "*", accounts[1]),
					  text, false);
	print_perspective(file, "stranger",
					  make_session(network, topic, "{}", stranger, NULL), text,
					  true);
}

static void
print_filtered(FILE *file, const char *text)
{
	char		arguments[128];
	const char *network = network_of(text);
	const char *contract = strcmp(network, "testnet") == 0 ?
		"9a0766d93b6608b7" : strcmp(network, "emulator") == 0 ?
		"ee82856bf20e2aa6" : "f233dcee88fe0abe";

	(void) snprintf(arguments, sizeof(arguments), all_tokens, contract);
	print_perspective(file, "filtered",
					  make_session(network, "events", arguments, NULL, NULL),
					  text, false);
}

/* A transaction that is asked for, or watched. */
static void
print_followed(FILE *file, const char *topic, const char *text)
{
	const char *link = strstr(text, "/transaction_results/");
	char		id[65];
	char		arguments[128];
	Host		host;

	(void) snprintf(id, sizeof(id), "%s", link + strlen("/transaction_results/"));
	(void) snprintf(arguments, sizeof(arguments), "{\"tx_id\":\"%s\"}", id);
	print_perspective(file, "asked for",
					  make_session(NULL, topic, arguments, NULL, NULL), text,
					  true);
	host = make_session(NULL, topic, "{}", NULL, NULL);
	if (!cs_session_watch(host.session, 100, CS_WATCH_TRANSACTION, id))
		bail_out("out of memory");
	host_sync(&host);
	print_perspective(file, "watched", host, text, true);
}

static void
print_message(FILE *file, const char *topic, const char *text)
{
	if (strncmp(topic, "block", 5) == 0)
	{
		print_perspective(file, "sealed",
						  make_session(NULL, topic, "{}", NULL, NULL), text,
						  true);
		print_perspective(file, "finalized",
						  make_session(NULL, topic,
									   "{\"block_status\":\"finalized\"}",
									   NULL, NULL), text, true);
	}
	else if (strncmp(topic, "send", 4) == 0)
	{
		char	   *arguments = flow_transaction();

		print_perspective(file, "sent",
						  make_session(NULL, topic, arguments, NULL, NULL),
						  text, true);
		free(arguments);
	}
	else if (strncmp(topic, "transaction", 11) == 0)
	{
		print_followed(file, topic, text);
		print_perspective(file, "not watched",
						  make_session(NULL, topic, "{}", "*", NULL), text,
						  true);
	}
	else
	{
		print_watched(file, topic, text);
		if (strcmp(topic, "events") == 0)
			print_filtered(file, text);
	}
}

static void
test_golden(const char *name, const char *topic, bool update)
{
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *at;
	char	   *line;
	char	   *got;
	FILE	   *file;
	int			number = 0;

	(void) snprintf(path, sizeof(path), SAMPLES "%s.jsonl", name);
	samples = at = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	while ((line = next_line(&at)) != NULL)
	{
		fprintf(file, "line %d\n", ++number);
		print_message(file, topic, line);
	}
	(void) fclose(file);
	(void) snprintf(path, sizeof(path), "flow/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

/* ---------- movements that the samples do not have ---------- */

typedef struct Movement
{
	char		kind;			/* w, d; f: FeesDeducted */
	const char *account;		/* NULL: nil */
	const char *amount;
	int			vault;
	int			transaction;
} Movement;

/* A payload in base64; to be freed. */
static char *
encode(const char *text)
{
	size_t		length = strlen(text);
	char	   *base64 = malloc(CS_BASE64_CHARACTERS(length));

	(void) cs_base64_encode((const uint8_t *) text, length, base64);
	return base64;
}

static char *
payload(const Movement *movement)
{
	char		account[128] = "null";
	char		text[1024];
	bool		in = movement->kind == 'd';

	if (movement->account != NULL)
		(void) snprintf(account, sizeof(account), "{\"value\":\"%s\",\"type\":\"Address\"}", movement->account);
	(void) snprintf(text, sizeof(text), "{\"value\":{\"id\":\"x\",\"fields\":["
					"{\"value\":{\"value\":\"A.1654653399040a61.FlowToken.Vault\",\"type\":\"String\"},\"name\":\"type\"},"
					"{\"value\":{\"value\":\"%s\",\"type\":\"UFix64\"},\"name\":\"amount\"},"
					"{\"value\":{\"value\":%s,\"type\":\"Optional\"},\"name\":\"%s\"},"
					"{\"value\":{\"value\":\"%d\",\"type\":\"UInt64\"},\"name\":\"%sUUID\"}]},\"type\":\"Event\"}\n",
					movement->amount, account, in ? "to" : "from", movement->vault,
					in ? "deposited" : "withdrawn");
	return encode(text);
}

/* A message with these events, the last of them first if *reversed*. */
static char *
movements(const Movement *list, int count, bool reversed)
{
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);

	fprintf(file, "{\"subscription_id\":\"x\",\"topic\":\"events\",\"payload\":{\"block_id\":"
			"\"1bcaf95e85f09174d69a4826ca9a04910cc84b4757d64de0b44dcf2a0289dad5\",\"block_height\":\"7\","
			"\"block_timestamp\":\"2026-08-20T10:00:00Z\",\"events\":[");
	for (int n = 0; n < count; n++)
	{
		int			i = reversed ? count - 1 - n : n;
		char	   *base64 = payload(&list[i]);

		fprintf(file, "%s{\"type\":\"%s\",\"transaction_id\":\"%064d\",\"transaction_index\":\"%d\","
				"\"event_index\":\"%d\",\"payload\":\"%s\"}", n > 0 ? "," : "",
				list[i].kind == 'w' ? "A.f233dcee88fe0abe.FungibleToken.Withdrawn" :
				list[i].kind == 'd' ? "A.f233dcee88fe0abe.FungibleToken.Deposited" :
				"A.f919ee77447b7497.FlowFees.FeesDeducted",
				list[i].transaction, list[i].transaction, i, base64);
		free(base64);
	}
	fprintf(file, "],\"message_index\":0}}");
	(void) fclose(file);
	return text;
}

/* Directions and counterparties of the rows, in one text. */
static void
check_movements(const Movement *list, int count, const char *first, const char *second,
				const char *expected, const char *name)
{
	static const char directions[] = "-ios";

	for (int reversed = 0; reversed < 2; reversed++)
	{
		Host		host = make_session(NULL, "events", "{}", first, second);
		char	   *message = movements(list, count, reversed);
		char		got[512] = "";
		CsError		error = {0};

		if (!host_message(&host, 0, message, &error))
			bail_out("rejected: %s", error.message);
		for (size_t i = 0; i < cs_output_record_count(host.output); i++)
		{
			const CsRecord *record = &cs_output_records(host.output)[i];
			size_t		used = strlen(got);

			(void) snprintf(got + used, sizeof(got) - used, "%s%d%c%s%s", used ? " " : "",
							record->ordinal / 2, directions[record->direction],
							record->counterparty.data ? ":" : "",
							record->counterparty.data ? record->counterparty.data + 14 : "");
		}
		is(got, expected, name);
		host_free(&host);
		free(message);
	}
}

static void
test_movements(void)
{
	const char *alice = accounts[0];
	const char *bob = accounts[1];
	const char *fees = accounts[2];
	const Movement simple[] = {{'w', alice, "1.00000000", 5, 1}, {'d', bob, "1.00000000", 5, 1}};
	const Movement own[] = {{'w', alice, "1.00000000", 5, 1}, {'d', alice, "1.00000000", 5, 1}};
	const Movement change[] = {{'w', alice, "10.00000000", 5, 1}, {'w', NULL, "4.00000000", 6, 1},
	{'d', bob, "4.00000000", 6, 1}, {'d', alice, "6.00000000", 5, 1}};
	const Movement apart[] = {{'w', alice, "1.00000000", 5, 1}, {'d', bob, "1.00000000", 5, 2}};
	const Movement paid[] = {{'w', alice, "0.00000100", 5, 1}, {'d', bob, "0.00000100", 5, 1},
	{'w', alice, "0.00000100", 6, 1}, {'d', "0x1d7e57aa55817448", "0.00000100", 6, 1}, {'f', NULL, "0.00000100", 0, 1}};
	const Movement unmarked[] = {{'w', alice, "0.00000100", 6, 1}, {'d', fees, "0.00000100", 6, 1}};
	const Movement unknown[] = {{'w', alice, "1.00000000", 0, 1}, {'d', bob, "1.00000000", 0, 1}};

	check_movements(simple, 2, alice, NULL, "0o:fb6c", "who pays sees out");
	check_movements(simple, 2, bob, NULL, "1i:50ba", "who is paid sees in");
	check_movements(simple, 2, alice, bob, "0o:fb6c 1i:50ba", "both see their side");
	check_movements(simple, 2, "*", NULL, "0o:fb6c 1-:50ba", "taken together it is one movement");
	check_movements(simple, 2, "*", bob, "0o:fb6c 1i:50ba", "but for who is watched by name");
	check_movements(own, 2, alice, NULL, "0s:50ba 1-:50ba", "what goes to oneself is one movement");
	check_movements(change, 4, alice, NULL, "0o 3i", "change that comes back is in");
	check_movements(change, 4, bob, NULL, "2i", "a part of a vault comes from nobody we know");
	check_movements(apart, 2, alice, bob, "0o 1i", "two transactions are two matters");
	check_movements(paid, 5, alice, bob, "0o:fb6c 1i:50ba 2-:7448", "fees are no transfer");
	check_movements(paid, 5, "*", NULL, "0o:fb6c 1-:50ba 2-:7448 3-:50ba 4-",
					"nor a deposit to who gets them");
	check_movements(unmarked, 2, fees, alice, "0-:7497 1-:50ba", "known by their collector as well");
	check_movements(unknown, 2, alice, bob, "0o 1i", "without a vault nothing belongs together");
}

/* ---------- identities and payloads ---------- */

static void
identify(const char *text, const char *watched, size_t index, uint64_t identity[2])
{
	Host		host = make_session(NULL, "events", "{}", watched, NULL);
	CsError		error;

	if (!host_message(&host, 0, text, &error) ||
		cs_output_record_count(host.output) <= index)
		bail_out("no such row");
	memcpy(identity, cs_output_records(host.output)[index].identity, 16);
	host_free(&host);
}

static void
test_identities(void)
{
	char	   *line = sample_of("flow/events", 4);
	char	   *later = replaced(line, "\"ev-ft\"", "\"other\"");
	uint64_t	all[9][2];
	uint64_t	one[2];
	bool		distinct = true;

	for (size_t i = 0; i < 9; i++)
		identify(line, "*", i, all[i]);
	for (size_t i = 0; i < 9; i++)
	{
		for (size_t j = 0; j < i; j++)
			distinct = distinct && memcmp(all[i], all[j], 16) != 0;
	}
	ok(distinct, "events are told apart");
	identify(later, accounts[1], 0, one);
	ok(memcmp(one, all[3], 16) == 0,
	   "an event is the same for another watch list and subscription");
	free(line);
	free(later);
}

static void
test_payloads(void)
{
	Host		host = make_session(NULL, "events", "{}", "*", NULL);
	char	   *line = sample_of("flow/events", 4);
	char	   *message = malloc(strlen(line) + 2);
	const char *at = message;
	static const char claimed[] = "{\"type\":\"flow.InboxValueClaimed\"";
	CsError		error;
	bool		inside = true;

	(void) sprintf(message, "%s\n", line);
	ok(host_message(&host, 0, message, &error) && cs_output_record_count(host.output) == 9,
	   "nine rows of a message");
	for (size_t i = 0; i < 9; i++)
	{
		CsText		part = cs_output_records(host.output)[i].payload;

		inside = inside && part.data > at && part.data[0] == '{' &&
			part.data[part.length - 1] == '}' && strncmp(part.data, "{\"type\":\"A.", 11) == 0;
		at = part.data + part.length;
	}
	ok(inside && at < message + strlen(message), "each has its own part of it");
	host_free(&host);

	host = make_session(NULL, "account_statuses", "{}", accounts[0], accounts[1]);
	free(line);
	line = sample_of("flow/account_statuses", 6);
	ok(host_message(&host, 0, line, &error) && cs_output_record_count(host.output) == 2 &&
	   strncmp(cs_output_records(host.output)[0].payload.data, claimed, strlen(claimed)) == 0 &&
	   cs_output_records(host.output)[1].payload.data > cs_output_records(host.output)[0].payload.data,
	   "so have those of accounts");
	host_free(&host);

	host = make_session(NULL, "blocks", "{}", NULL, NULL);
	free(line);
	free(message);
	line = sample_of("flow/blocks", 2);
	message = malloc(strlen(line) + 2);
	(void) sprintf(message, "%s\n", line);
	ok(host_message(&host, 0, message, &error) &&
	   cs_output_records(host.output)->payload.length == strlen(line),
	   "a block has all of it, without the line feed");
	host_free(&host);
	free(line);
	free(message);
}

/* What no node would send must be refused, whole. */
static void
test_rejects(void)
{
	static const struct
	{
		const char *file;
		int			line;
		const char *from;
		const char *to;
		const char *why;
	}			cases[] = {
		{"block_digests", 3, "\"height\":\"163000000\"", "\"height\":\"-1\"", "negative"},
		{"block_digests", 3, "\"height\":\"163000000\"", "\"height\":\"9223372036854775808\"", "64 bits"},
		{"block_digests", 3, "\"height\":\"163000000\"", "\"height\":null", "\"height\" is missing"},
		{"block_digests", 3, "\"block_id\":\"1b", "\"block_id\":\"xb", "64 hexadecimal digits"},
		{"block_digests", 3, "2026-08-20T", "2026-08-32T", "is not a time"},
		{"block_digests", 3, "block_digests", "block_digest", "unrecognized topic"},
		{"block_digests", 3, "\"payload\":{", "\"payload\":[],\"x\":{", "\"payload\" is missing or not an object"},
		{"blocks", 4, "BLOCK_FINALIZED", "BLOCK_UNKNOWN", "unrecognized block status"},
		{"blocks", 4, "\"header\":", "\"heading\":", "is missing"},
		{"events", 4, "\"events\":[", "\"events\":7,\"x\":[", "not an array"},
		{"events", 4, "\"event_index\":\"3\"", "\"event_index\":\"4294967296\"", "out of range"},
		{"events", 4, "\"payload\":\"ey", "\"payload\":\"!y", "not base64"},
		{"events", 4, "\"type\":\"A.", "\"type\":\"\\u0000.", "\\u0000"},
		{"events", 4, "\"message_index\":1", "\"message_index\":\"x\"", "not an integer"},
		{"account_statuses", 4, "\"0x162d16db32cbf70e\":[", "\"0x162d16db32cbf70e\":7,\"x\":[", "not an array"},
		{"account_statuses", 4, "\"0x162d16db32cbf70e\"", "\"nobody\"", "not an address"},
		{"account_statuses", 4, "\"account_events\":{", "\"account_events\":[],\"x\":{", "not an object"},
		{"transaction_statuses", 4, "\"Sealed\"", "\"Steamed\"", "unrecognized transaction status"},
		{"transaction_statuses", 4, "/v1/transaction_results/", "/v1/transaction_results/x", "64 hexadecimal digits"},
		{"transaction_statuses", 4, "\"status_code\":0", "\"status_code\":{}", "not an integer"},
		{"transaction_statuses", 4, "\"transaction_result\"", "\"result\"", "\"transaction_result\" is missing"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		name[64];
		char	   *line;
		char	   *text;
		Host		host = make_session(NULL, cases[i].file, "{}", "*", NULL);
		CsError		error = {0};

		(void) snprintf(name, sizeof(name), "flow/%s", cases[i].file);
		line = sample_of(name, cases[i].line);
		text = replaced(line, cases[i].from, cases[i].to);
		ok(!host_message(&host, 0, text, &error) && strstr(error.message, cases[i].why) != NULL &&
		   cs_output_record_count(host.output) == 0, "%s: %s", cases[i].to, error.message);
		host_free(&host);
		free(line);
		free(text);
	}
}

/* Events in the encoding of old nodes: rows for all, an error for some. */
static void
test_ccf(void)
{
	Host		host = make_session(NULL, "events", "{}", accounts[0], NULL);
	char	   *line = sample_of("flow/events", 1);
	char	   *old = replaced(line, "\"type\":\"flow.AccountKeyAdded\"",
							   "\"type\":\"A.f233dcee88fe0abe.FungibleToken.Deposited\"");
	char	   *ours = replaced(old, "\"some-id\"", "\"cs-1\"");
	const CsAction *action;
	bool		told = false;

	host_receive(&host, "{\"subscription_id\":\"cs-1\",\"action\":\"subscribe\"}");
	cs_output_reset(host.output);
	host_receive(&host, ours);
	for (size_t i = 0; i < cs_output_action_count(host.output); i++)
	{
		action = &cs_output_actions(host.output)[i];
		told = told || (action->kind == CS_ACTION_SUBSCRIPTION_STATE &&
						action->state == CS_STATE_ERROR &&
						strstr(action->text.data, "before v0.42") != NULL);
	}
	ok(told && cs_output_record_count(host.output) == 0,
	   "that watched accounts are not recognized is told");
	host_free(&host);
	free(line);
	free(old);
	free(ours);
}

int
main(int argc, char **argv)
{
	static const char *const topics[] = {"block_digests", "block_headers",
		"blocks", "events", "account_statuses", "transaction_statuses",
		"send_and_get_transaction_statuses"};
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		test_golden(topics[i], topics[i], update);
	test_golden("legacy_subscribe_events", "events", update);
	if (update)
		return 0;
	test_movements();
	test_identities();
	test_payloads();
	test_rejects();
	test_ccf();
	return tap_end();
}
