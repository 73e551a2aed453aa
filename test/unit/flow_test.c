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
#include <json-c/json.h>

#include "codec/flow_address.h"
#include "codec/rfc3339.h"
#include "golden.h"
#include "host.h"
#include "provider/flow_cadence.h"
#include "provider/json.h"
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

/* The transaction of requests.jsonl, to be sent. */
static char *
transaction(void)
{
	char	   *line = sample_of("flow/requests", 17);
	struct json_object *request = cs_json_parse_once(line, strlen(line), NULL);
	char	   *text = strdup(json_object_to_json_string(cs_json_object(request,
																	  "arguments")));

	json_object_put(request);
	free(line);
	return text;
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
		char	   *arguments = transaction();

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
	return tap_end();
}
