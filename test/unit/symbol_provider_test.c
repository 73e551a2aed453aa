/*-------------------------------------------------------------------------
 *
 * symbol_provider_test.c
 *	  What users give a source of Symbol: addresses, arguments, options, URLs.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>

#include <json-c/json.h>

#include "codec/hex.h"
#include "provider/json.h"
#include "symbol_host.h"
#include "tap.h"

static const CsProvider *symbol;

/* ---------- addresses ---------- */

static void
accept_address(const char *network, const char *address, const char *expected)
{
	char		canonical[CS_TARGET_MAX] = "";
	CsError		error = {0};

	ok(symbol->canonical_address(network, address, canonical, &error) &&
	   strcmp(canonical, expected) == 0, "%s on %s (%s)", address,
	   network ? network : "the default network", error.message);
}

static void
refuse_address(const char *network, const char *address, const char *why)
{
	char		canonical[CS_TARGET_MAX];
	CsError		error = {0};

	ok(!symbol->canonical_address(network, address, canonical, &error) &&
	   error.kind != CS_ERROR_NONE && error.message[0] != '\0' &&
	   (strstr(error.message, why) || strstr(error.detail, why) ||
		strstr(error.hint, why)), "\"%s\" on %s: %s; %s %s", address,
	   network ? network : "the default network", error.message, error.detail,
	   error.hint);
}

/* A vector of a key: every way to write it, and the key itself. */
static void
test_vector(struct json_object *vector)
{
	static const char *const networks[] = {"mainnet", "testnet"};
	static const uint8_t bytes[] = {CS_SYMBOL_MAINNET, CS_SYMBOL_TESTNET};
	CsText		key_text = cs_json_member_string(vector, "public_key");
	uint8_t		key[CS_SYMBOL_KEY_LENGTH];

	if (!cs_hex_decode(key_text.data, key_text.length, key))
		bail_out("no key");
	for (int i = 0; i < 2; i++)
	{
		const char *text = cs_json_member_string(vector, networks[i]).data;
		char		name[32];
		const char *hex;
		uint8_t		derived[CS_SYMBOL_ADDRESS_LENGTH];
		uint8_t		decoded[CS_SYMBOL_ADDRESS_LENGTH];
		char		encoded[CS_SYMBOL_TEXT_LENGTH + 1];
		char		lower[2 * CS_SYMBOL_ADDRESS_LENGTH + 1];

		(void) snprintf(name, sizeof(name), "%s_hex", networks[i]);
		hex = cs_json_member_string(vector, name).data;
		for (size_t at = 0; at <= strlen(hex); at++)
			lower[at] = (char) tolower((unsigned char) hex[at]);
		accept_address(networks[i], text, text);
		accept_address(networks[i], hex, text);
		accept_address(networks[i], lower, text);
		refuse_address(networks[1 - i], text, "does not belong");
		refuse_address(networks[1 - i], hex, networks[i]);
		ok(cs_symbol_address_of_key(bytes[i], key, derived) &&
		   cs_symbol_address_decode(text, strlen(text), decoded) &&
		   memcmp(derived, decoded, sizeof(derived)) == 0 &&
		   cs_symbol_address_valid(derived), "%s is of its key", text);
		cs_symbol_address_encode(derived, encoded);
		is(encoded, text, "and written as it is read");
	}
}

static void
test_vectors(void)
{
	size_t		length;
	char	   *samples = read_whole_file("test/samples/symbol/address_vectors.jsonl",
										  &length);
	char	   *at = samples;
	char	   *line;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line),
														NULL);

		if (cs_json_member(vector, "public_key") != NULL)
			test_vector(vector);
		else if (cs_json_member(vector, "alias") != NULL)
		{
			refuse_address("mainnet",
						   cs_json_member_string(vector, "mainnet_hex").data,
						   "alias");
			refuse_address("testnet",
						   cs_json_member_string(vector, "testnet_hex").data,
						   "alias");
		}
		else
		{
			const char *address = cs_json_member_string(vector, "address").data;

			refuse_address("mainnet", address, "ddress");
			refuse_address("testnet", address, "ddress");
		}
		json_object_put(vector);
	}
	free(samples);
}

static void
test_addresses(void)
{
	char		canonical[CS_TARGET_MAX];
	CsError		error = {0};

	refuse_address("testnet", "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3Q",
				   "checksum");
	refuse_address("testnet", "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3",
				   "38 characters");
	refuse_address("testnet", "tbzn46uiu5bflji46vb4jthhce5en2rflr7nx3a",
				   "upper case");
	refuse_address("testnet", "TBZN46-UIU5BF-LJI46V-B4JTHH-CE5EN2-RFLR7N-X3A",
				   "without hyphens");
	refuse_address("testnet", "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX1A",
				   "position 38");
	refuse_address("testnet", "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3B",
				   "A, I, Q or Y");
	refuse_address("testnet", "PATNE7Q5BITMUTRRN6IB4I7FLSDRDWZA35OETNI",
				   "neither mainnet nor testnet");
	refuse_address("testnet", "9872DE7A88A74255A51CF543C4CCE7113A46EA255C7EDBED",
				   "checksum");
	refuse_address("testnet", "9872DE7A88A74255A51CF543C4CCE7113A46EA255C7EDBEX",
				   "48 characters");
	refuse_address("testnet", "", "0 characters");
	refuse_address("testnet", "C0FB8AA409916260", "16 characters");
	refuse_address(NULL, SIGNER, "begin with \"N\"");
	accept_address(NULL, "NATNE7Q5BITMUTRRN6IB4I7FLSDRDWZA34SQ33Y",
				   "NATNE7Q5BITMUTRRN6IB4I7FLSDRDWZA34SQ33Y");
	refuse_address("moon", SIGNER, "no network \"moon\"");

	ok(symbol->canonical_transaction(NULL,
									 "071f33703cc2fe3aa4ad7d13ce8657c7b2466baf3a0954de7444732431f4cd2a",
									 canonical, &error) &&
	   strcmp(canonical, "071F33703CC2FE3AA4AD7D13CE8657C7B2466BAF3A0954DE7444732431F4CD2A") == 0,
	   "a hash is written in upper case");
	ok(!symbol->canonical_transaction(NULL, "071f", canonical, &error), "%s",
	   error.message);
	ok(!symbol->watches_transactions && symbol->watches_everything,
	   "everything can be watched, transactions cannot");
}

/* ---------- arguments and options ---------- */

static void
check_arguments(const char *topic, const char *arguments, const char *why)
{
	CsError		error = {0};
	bool		valid = symbol->check_arguments(cs_provider_topic(symbol, topic),
												NULL, arguments, &error);

	ok(why == NULL ? valid : !valid && (strstr(error.message, why) ||
										strstr(error.hint, why)),
	   "%s with %s: %s %s", topic, arguments, error.message, error.hint);
}

static void
check_options(const char *options, const char *why)
{
	CsError		error = {0};
	bool		valid = cs_provider_check_options(symbol, options, &error);

	ok(why == NULL ? valid : !valid && (strstr(error.message, why) ||
										strstr(error.hint, why)),
	   "options %s: %s %s", options, error.message, error.hint);
}

static void
test_arguments(void)
{
	check_arguments("block", "{}", NULL);
	check_arguments("confirmedAdded", "{}", NULL);
	check_arguments("confirmedAdded", "{\"address\":\"" SIGNER "\"}",
					"chainstream.watch()");
	check_arguments("block", "{\"address\":1}", "no valid arguments");
	check_arguments("block", "[]", "not an object");
	check_options("{}", NULL);
	check_options("{\"epoch_adjustment\":1573430400,\"max_channels\":100000,"
				  "\"currency_mosaic\":\"091f837e059ae13c\"}", NULL);
	check_options("{\"epoch_adjustment\":\"1573430400s\"}",
				  "must be an integer");
	check_options("{\"epoch_adjustment\":0}", "between 1 and");
	check_options("{\"epoch_adjustment\":9223372036854775807}", "between 1 and");
	check_options("{\"max_channels\":0}", "between 1 and 100000");
	check_options("{\"max_channels\":100001}", "between 1 and 100000");
	check_options("{\"currency_mosaic\":\"0x6BED'913F'A202'23F8\"}",
				  "16 hexadecimal digits");
	check_options("{\"currency_mosaic\":6}", "must be a string");
	check_options("{\"currency\":\"\"}", "\"currency_mosaic\"");
}

/* ---------- handshake ---------- */

static void
check_url(const char *url, const char *expected)
{
	Host		host = symbol_host(NULL, "{\"headers\":{\"X-One\":\"1\"}}");
	CsHandshake handshake;

	if (!cs_session_handshake(host.session, 0, url, &handshake, host.output))
		bail_out("no handshake");
	is(handshake.url, expected, url);
	ok(handshake.stream == CS_STREAM_WEBSOCKET &&
	   handshake.ping_interval_ms == 30000 &&
	   handshake.pong_timeout_ms == 10000 && handshake.idle_timeout_ms == 0 &&
	   handshake.field_count == 1, "pings every 30 s, and the user's headers");
	host_free(&host);
}

static void
test_urls(void)
{
	check_url("ws://host:3000", "ws://host:3000/ws");
	check_url("ws://host:3000/", "ws://host:3000/ws");
	check_url("wss://host:3001/ws", "wss://host:3001/ws");
	check_url("wss://[::1]:3001", "wss://[::1]:3001/ws");
	check_url("wss://host/behind/a/proxy/ws", "wss://host/behind/a/proxy/ws");
	check_url("wss://host/ws?key=1", "wss://host/ws?key=1");
	check_url("wss://host?key=1", "wss://host?key=1");
}

static void
test_token(void)
{
	CsSourceConfig config = {.name = "test", .token = "secret"};
	Host		host = host_start("symbol", &config);
	CsHandshake handshake;

	ok(cs_session_handshake(host.session, 0, "ws://host", &handshake, host.output) &&
	   handshake.field_count == 1 &&
	   strcmp(handshake.fields[0].name, "Authorization") == 0 &&
	   strcmp(handshake.fields[0].value, "Bearer secret") == 0,
	   "a token is a header");
	host_free(&host);
}

/* ---------- networks of one's own ---------- */

/* The only row of a message, with everything watched. */
static void
test_constants(void)
{
	Host		host = symbol_host("testnet",
								   "{\"epoch_adjustment\":1573430400,"
								   "\"currency_mosaic\":\"000056ce00002b67\"}");
	char	   *block = sample_of("symbol/block", 1);
	char	   *transfer = sample_of("symbol/confirmedAdded", 29);
	CsError		error;

	symbol_subscribe_all(&host);
	host_watch(&host, 99, "*");
	host_sync(&host);
	ok(host_message(&host, 0, block, &error) &&
	   cs_output_records(host.output)->occurred_at ==
	   INT64_C(1573430400000000) + INT64_C(62378715339000),
	   "the clock of another network");
	cs_output_reset(host.output);
	ok(host_message(&host, 0, transfer, &error) &&
	   strcmp(cs_output_records(host.output)->asset.data, "XYM") == 0,
	   "and its native coin");
	host_free(&host);

	host = symbol_host("mainnet", "{}");
	symbol_subscribe_all(&host);
	host_watch(&host, 99, "*");
	host_sync(&host);
	ok(!host_message(&host, 0, block, &error) &&
	   strstr(error.message, "network 152") != NULL, "%s; %s", error.message,
	   error.hint);
	ok(!host_message(&host, 0, transfer, &error) &&
	   strstr(error.message, "network 152") != NULL, "%s", error.message);
	host_free(&host);
	free(block);
	free(transfer);
}

/* What the tables say of the provider. */
static void
test_tables(void)
{
	int			defaults = 0;

	for (const CsTopic *topic = symbol->topics; topic->name != NULL; topic++)
	{
		defaults += topic->by_default;
		ok(topic->comment != NULL && topic->single && !topic->submits,
		   "topic %s: %s", topic->name, topic->comment);
	}
	ok(defaults == 4, "four topics are subscribed from the start");
	ok(symbol->networks[0].urls[0] == NULL && symbol->networks[1].urls[0] == NULL,
	   "a gateway has to be named");
}

int
main(void)
{
	symbol = cs_provider_find("symbol");
	test_vectors();
	test_addresses();
	test_arguments();
	test_urls();
	test_token();
	test_constants();
	test_tables();
	return tap_end();
}
