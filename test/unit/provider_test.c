/*-------------------------------------------------------------------------
 *
 * provider_test.c
 *	  What users give a source of Nano: addresses, arguments, options, URLs.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "host.h"
#include "tap.h"

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

static void
check_handshake(const char *options, const char *token, const char *url,
				const char *expected)
{
	Host		host = host_create(options, token);
	CsHandshake handshake;

	if (!cs_session_handshake(host.session, 0, url, &handshake, host.output))
		bail_out("no handshake");
	is(handshake.url, expected, "URL");
	ok(handshake.accept_binary && handshake.ping_interval_ms == 30000 &&
	   handshake.pong_timeout_ms == 10000 && handshake.idle_timeout_ms == 0,
	   "pings every 30 s, dead after 10");
	if (strcmp(options, "{}") != 0)
		ok(handshake.field_count == 2 &&
		   strcmp(handshake.fields[0].name, "X-One") == 0 &&
		   strcmp(handshake.fields[0].value, "1") == 0 &&
		   strcmp(handshake.fields[1].value, "b") == 0, "headers");
	else
		ok(handshake.field_count == 0, "no headers");
	host_free(&host);
}

static void
test_handshake(void)
{
	check_handshake("{}", NULL, "wss://ws.nano.to", "wss://ws.nano.to");
	check_handshake("{}", "a/b c&d=\xC3\xA9", "wss://ws.nano.to",
					"wss://ws.nano.to/?key=a%2Fb%20c%26d%3D%C3%A9");
	check_handshake("{}", "k", "ws://h:7078/", "ws://h:7078/?key=k");
	check_handshake("{}", "k", "ws://h/p?a=b#c", "ws://h/p?a=b&key=k");
	check_handshake("{}", "k", "ws://h?a", "ws://h?a&key=k");
	check_handshake("{\"headers\":{\"X-One\":\"1\",\"a\":\"b\"}}", NULL,
					"ws://h/", "ws://h/");
}

static void
test_configuration(void)
{
	CsSourceConfig config = {.name = "test", .options = "{}"};
	const CsProvider *nano = cs_provider_find("nano");
	CsError		error;

	config.network = "moon";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s", error.message);
	config.network = "beta";
	config.transport = "pigeon";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s", error.message);
	config.transport = "websocket";
	config.options = "{\"speed\":9}";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s; %s",
	   error.message, error.hint);
	ok(cs_provider_find("nanox") == NULL && cs_providers()[0] != NULL,
	   "unknown providers are not found");
	ok(strcmp(cs_provider_network(nano, NULL)->urls[0], "wss://ws.nano.to") == 0 &&
	   strcmp(cs_provider_network(nano, "banano")->asset, "BAN") == 0 &&
	   cs_provider_network(nano, "banano")->urls[0] == NULL,
	   "networks have their defaults");
	ok(cs_provider_topic(nano, "confirmation")->by_default &&
	   !cs_provider_topic(nano, "vote")->by_default &&
	   cs_provider_topic(nano, "votes") == NULL, "so have topics");
}

int
main(void)
{
	test_addresses();
	test_arguments();
	test_options();
	test_handshake();
	test_configuration();
	return tap_end();
}
