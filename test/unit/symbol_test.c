/*-------------------------------------------------------------------------
 *
 * symbol_test.c
 *	  What the Symbol provider makes of messages.
 *
 * Every message among the samples, in the forms of both gateway versions, is
 * fed to sessions with different watch lists, and the rows that come out are
 * compared with those in golden/symbol.  "symbol_test --update" writes those
 * files anew; read the difference before committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/hex.h"
#include "golden.h"
#include "provider/json.h"
#include "symbol_host.h"
#include "tap.h"

/* Somebody whom no sample mentions. */
#define STRANGER "TASYMBOLLK6FSL7GSEMQEAWN7VW55ZSZU2Q2Q5Y"

/* ---------- the parties of a message ---------- */

#define PARTIES_MAX 16

typedef struct Parties
{
	char		text[PARTIES_MAX][CS_SYMBOL_TEXT_LENGTH + 1];
	int			count;
} Parties;

static void
add_party(Parties *parties, const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	char		text[CS_SYMBOL_TEXT_LENGTH + 1];

	/* Only what can be watched. */
	if (address[0] != CS_SYMBOL_TESTNET)
		return;
	cs_symbol_address_encode(address, text);
	for (int i = 0; i < parties->count; i++)
	{
		if (strcmp(parties->text[i], text) == 0)
			return;
	}
	if (parties->count == PARTIES_MAX)
		bail_out("too many parties");
	strcpy(parties->text[parties->count++], text);
}

/* Every public key and address anywhere in a value. */
static void
find_parties(Parties *parties, const char *name, struct json_object *value)
{
	uint8_t		bytes[32];
	CsText		text = cs_json_string(value);

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_foreach(value, key, member)
			find_parties(parties, key, member);
	}
	else if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
			find_parties(parties, name, json_object_array_get_idx(value, i));
	}
	else if (text.length == 48 && cs_hex_decode(text.data, 48, bytes))
		add_party(parties, bytes);
	else if (strcmp(name, "signerPublicKey") == 0)
	{
		uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

		if (text.length != 64 || !cs_hex_decode(text.data, 64, bytes) ||
			!cs_symbol_address_of_key(CS_SYMBOL_TESTNET, bytes, address))
			bail_out("no public key: %s", text.data);
		add_party(parties, address);
	}
	else if (strcmp(name, "topic") == 0 && strchr(text.data, '/') != NULL)
	{
		const char *slash = strchr(text.data, '/') + 1;

		if (cs_symbol_address_decode(slash, strlen(slash), bytes))
			add_party(parties, bytes);
	}
}

/* ---------- golden files ---------- */

/* The rows of a message for a watch list, and of what time makes of it. */
static void
print_perspective(FILE *file, const char *name, Host *host, const char *text)
{
	CsError		error = {0};
	char		prefix[80];

	(void) snprintf(prefix, sizeof(prefix), "  %s: ", name);
	host_sync(host);
	host_open_link(host, 0);
	cs_output_reset(host->output);
	if (!host_message(host, 0, text, &error))
		fprintf(file, "%srejected, %s\n", prefix, error.message);
	else if (cs_output_record_count(host->output) == 0 &&
			 cs_output_action_count(host->output) == 0)
		fprintf(file, "%sno rows\n", prefix);
	golden_rows(file, prefix, host->output);
	host->now_ms += 5000;
	cs_session_tick(host->session, host->now_ms, host->output);
	(void) snprintf(prefix, sizeof(prefix), "  %s, later: ", name);
	golden_rows(file, prefix, host->output);
	host_free(host);
}

static void
print_message(FILE *file, const char *text)
{
	struct json_object *envelope = cs_json_parse_once(text, strlen(text), NULL);
	CsText		topic = cs_json_member_string(envelope, "topic");
	Parties		parties = {.count = 0};
	Host		host;
	char		name[64];

	find_parties(&parties, "", envelope);
	host = symbol_host("testnet", "{}");
	symbol_subscribe_all(&host);
	host_watch(&host, 100, "*");
	print_perspective(file, "everything", &host, text);
	for (int i = 0; i < parties.count && strcmp(topic.data, "block") != 0; i++)
	{
		host = symbol_host("testnet", "{}");
		symbol_subscribe_all(&host);
		host_watch(&host, 100, parties.text[i]);
		(void) snprintf(name, sizeof(name), "%.6s watched", parties.text[i]);
		print_perspective(file, name, &host, text);
	}
	if (parties.count > 1 && strcmp(topic.data, "block") != 0)
	{
		host = symbol_host("testnet", "{}");
		symbol_subscribe_all(&host);
		for (int i = 0; i < parties.count; i++)
			host_watch(&host, 100 + i, parties.text[i]);
		print_perspective(file, "all watched", &host, text);
	}
	host = symbol_host("testnet", "{}");
	symbol_subscribe_all(&host);
	host_watch(&host, 100, STRANGER);
	print_perspective(file, "stranger watched", &host, text);
	json_object_put(envelope);
}

/* What both versions of the gateway send must give the same rows. */
static void
test_golden(const char *folder, const char *name, bool update)
{
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *at;
	char	   *line;
	char	   *got;
	FILE	   *file;
	int			number = 0;

	(void) snprintf(path, sizeof(path), "test/samples/symbol/%s%s.jsonl", folder,
					name);
	samples = at = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	while ((line = next_line(&at)) != NULL)
	{
		fprintf(file, "line %d\n", ++number);
		print_message(file, line);
	}
	(void) fclose(file);
	(void) snprintf(path, sizeof(path), "symbol/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {"block", "finalizedBlock",
		"confirmedAdded", "unconfirmedAdded", "unconfirmedRemoved",
	"partialAdded", "partialRemoved", "cosignature", "status"};
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		test_golden("", files[i], update);
		if (!update)
			test_golden("rest25/", files[i], false);
	}
	if (update)
		return 0;
	return tap_end();
}
