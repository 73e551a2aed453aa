/*-------------------------------------------------------------------------
 *
 * flow_input_test.c
 *	  What users give a source of Flow (addresses, arguments, options), and
 *	  how the values in messages are read.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/rfc3339.h"
#include "flow_host.h"
#include "provider/flow/flow_cadence.h"
#include "provider/json.h"
#include "tap.h"

/* ---------- addresses ---------- */

static void
test_addresses(void)
{
	const CsProvider *flow = cs_provider_find("flow");
	size_t		length;
	char	   *file = read_whole_file("test/samples/flow/address_vectors.jsonl", &length);
	char	   *at = file;
	char	   *line;
	char		canonical[CS_TARGET_MAX];
	CsError		error;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line), NULL);
		const char *network = cs_json_member_string(vector, "chain").data + strlen("flow-");
		const char *address = cs_json_member_string(vector, "address").data;
		bool		expected = cs_json_boolean(vector, "valid", false);
		bool		valid = flow->canonical_address(network, address, canonical, &error);

		ok(valid == expected && (!valid || strcmp(canonical + 2, address) == 0),
		   "%s is %s on %s", address, expected ? "valid" : "invalid", network);
		json_object_put(vector);
	}
	free(file);

	ok(flow->canonical_address(NULL, "0X0B2A3299CC857E29", canonical, NULL) &&
	   strcmp(canonical, "0x0b2a3299cc857e29") == 0, "upper case and prefix");
	ok(flow->canonical_address(NULL, "0xb2a3299cc857e29", canonical, NULL) &&
	   strcmp(canonical, "0x0b2a3299cc857e29") == 0, "a leading zero is left out");
	ok(!flow->canonical_address(NULL, "b2a3299cc857e29", canonical, &error) &&
	   strstr(error.hint, "16 hexadecimal digits"), "but not without the prefix: %s", error.message);
	ok(!flow->canonical_address(NULL, "0x", canonical, NULL) &&
	   !flow->canonical_address(NULL, "", canonical, NULL) &&
	   !flow->canonical_address(NULL, "0x0b2a3299cc857e290", canonical, NULL) &&
	   !flow->canonical_address(NULL, "0x0b2a3299cc857e2g", canonical, NULL),
	   "what is no address is none");
	ok(!flow->canonical_address(NULL, "0x8c5303eaa26202d6", canonical, &error) &&
	   strstr(error.message, "does not belong to network \"mainnet\"") &&
	   strstr(error.detail, "network \"testnet\""), "%s: %s", error.message, error.detail);
	ok(!flow->canonical_address("moon", "0x8c5303eaa26202d6", canonical, &error) &&
	   strstr(error.message, "no network"), "%s", error.message);

	ok(flow->canonical_transaction(NULL, "0xFE3784095BC194DCA02E4B14E7E6A1E0519D10B7BC907453E5B5DC276259A106", canonical, NULL) &&
	   strcmp(canonical, "fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106") == 0,
	   "a transaction's id is lower case without a prefix");
	ok(!flow->canonical_transaction(NULL, "fe37", canonical, &error), "%s", error.message);
}

/* ---------- JSON-CDC ---------- */

/* Does a value say what a plain one of the vectors does? */
static bool
same_value(struct json_object *value, struct json_object *plain)
{
	value = cs_cadence_unwrap(value);
	if (plain == NULL)
		return value == NULL;
	switch (json_object_get_type(plain))
	{
		case json_type_string:
			{
				CsText		text = cs_cadence_text(value);

				return text.data != NULL &&
					strcmp(text.data, json_object_get_string(plain)) == 0;
			}
		case json_type_boolean:
			return cs_json_boolean(value, "value", !json_object_get_boolean(plain)) ==
				json_object_get_boolean(plain);
		case json_type_array:
			{
				struct json_object *list = cs_json_array(value, "value");
				bool		same = list != NULL && json_object_array_length(list) ==
					json_object_array_length(plain);

				for (size_t i = 0; same && i < json_object_array_length(plain); i++)
					same = same_value(json_object_array_get_idx(list, i),
									  json_object_array_get_idx(plain, i));
				return same;
			}
		case json_type_object:
			{
				bool		same = true;

				json_object_object_foreach(plain, name, member)
					same = same && same_value(cs_cadence_field(value, name), member);
				return same;
			}
		default:
			return false;
	}
}

static void
test_cadence(void)
{
	struct json_tokener *tokener = cs_json_tokener();
	size_t		length;
	char	   *file = read_whole_file("test/samples/flow/cdc_vectors.jsonl", &length);
	char	   *at = file;
	char	   *line;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line), NULL);
		struct json_object *normalized = cs_json_object(vector, "normalized");
		CsText		id = cs_json_member_string(vector, "event_id");
		CsText		raw = cs_json_member_string(normalized, "amount_raw");
		struct json_object *event;
		char		amount[CS_CADENCE_FIXED_MAX];
		CsError		error;

		ok(cs_cadence_event(tokener, cs_json_member_string(vector, "payload"), &event, &error) ==
		   CS_CADENCE_JSON && strcmp(cs_cadence_id(event).data, id.data) == 0,
		   "a payload is a %s", id.data);
		ok(same_value(event, cs_json_object(vector, "fields")), "with its fields");
		if (raw.data == NULL)
			raw = cs_json_member_string(normalized, "fee_raw");
		if (raw.data != NULL)
			ok(cs_cadence_ufix64(cs_cadence_field(event, "amount"), amount) &&
			   strcmp(amount, raw.data) == 0, "and the amount %s", raw.data);
		json_object_put(event);
		json_object_put(vector);
	}
	json_tokener_free(tokener);
	free(file);
}

static void
check_fixed(const char *text, const char *expected)
{
	char		value[128];
	char		amount[CS_CADENCE_FIXED_MAX] = "";
	struct json_object *object;
	bool		valid;

	(void) snprintf(value, sizeof(value), "{\"type\":\"UFix64\",\"value\":\"%s\"}", text);
	object = cs_json_parse_once(value, strlen(value), NULL);
	valid = cs_cadence_ufix64(object, amount);
	ok(expected ? valid && strcmp(amount, expected) == 0 : !valid,
	   "\"%s\" is %s", text, expected ? expected : "no amount");
	json_object_put(object);
}

static void
test_fixed(void)
{
	check_fixed("0.00000000", "0");
	check_fixed("0.00000001", "1");
	check_fixed("10.00000000", "1000000000");
	check_fixed("184467440737.09551615", "18446744073709551615");
	check_fixed("1844674407370.9551615", NULL);
	check_fixed("1844674407370.95516150", NULL);
	check_fixed("10.0000000", NULL);
	check_fixed("10", NULL);
	check_fixed(".00000001", NULL);
	check_fixed("-1.00000000", NULL);
	check_fixed("1e.00000000", NULL);
	check_fixed("1.0000000x", NULL);
	check_fixed("", NULL);
}

static void
check_time(const char *text, int64_t expected)
{
	int64_t		time = -1;
	bool		valid = cs_rfc3339_decode(text, strlen(text), &time);

	ok(expected == CS_NO_NUMBER ? !valid : valid && time == expected,
	   "\"%s\" is %s time", text, expected == CS_NO_NUMBER ? "no" : "a");
}

static void
test_times(void)
{
	check_time("1970-01-01T00:00:00Z", 0);
	check_time("1969-12-31T23:59:59.999999Z", -1);
	check_time("2026-08-20T10:00:00.81Z", INT64_C(1787220000810000));
	check_time("2026-08-20T12:00:00.810000999+02:00", INT64_C(1787220000810000));
	check_time("2000-02-29T00:00:00Z", INT64_C(951782400000000));
	check_time("0001-01-01T00:00:00Z", INT64_C(-62135596800000000));
	check_time("9999-12-31T23:59:60Z", INT64_C(253402300800000000));
	check_time("1900-02-29T00:00:00Z", CS_NO_NUMBER);
	check_time("2026-13-01T00:00:00Z", CS_NO_NUMBER);
	check_time("2026-00-01T00:00:00Z", CS_NO_NUMBER);
	check_time("2026-01-01T24:00:00Z", CS_NO_NUMBER);
	check_time("2026-01-01T00:00:00", CS_NO_NUMBER);
	check_time("2026-01-01T00:00:00.Z", CS_NO_NUMBER);
	check_time("2026-01-01T00:00:00.1", CS_NO_NUMBER);
	check_time("2026-01-01T00:00:00+2:00", CS_NO_NUMBER);
	check_time("2026-01-01T00:00:00Z ", CS_NO_NUMBER);
	check_time("2026-01-0xT00:00:00Z", CS_NO_NUMBER);
	check_time("", CS_NO_NUMBER);
}

/* ---------- arguments, options, handshake ---------- */

static void
check_arguments(const char *topic, const char *network, const char *arguments,
				const char *why)
{
	const CsProvider *flow = cs_provider_find("flow");
	CsError		error = {0};
	bool		valid = flow->check_arguments(cs_provider_topic(flow, topic), network,
											  arguments, &error);

	if (why == NULL)
		ok(valid, "%s takes %.100s (%s)", topic, arguments, error.message);
	else
		ok(!valid && (strstr(error.message, why) || strstr(error.hint, why) ||
					  strstr(error.detail, why)), "%s refuses %.100s: %s; %s %s", topic,
		   arguments, error.message, error.detail, error.hint);
}

static void
test_arguments(void)
{
	char	   *text = flow_transaction();
	char	   *changed;

	check_arguments("blocks", NULL, "{}", NULL);
	check_arguments("blocks", NULL, "{\"block_status\":\"finalized\",\"start_block_height\":7}", NULL);
	check_arguments("blocks", NULL, "{\"start_block_height\":\"7\"}", NULL);
	check_arguments("blocks", NULL, "{\"block_status\":\"executed\"}", "\"finalized\" or \"sealed\"");
	check_arguments("blocks", NULL, "{\"block_status\":1}", "must be a string");
	check_arguments("blocks", NULL, "{\"start_block_height\":-7}", "must be a number of blocks");
	check_arguments("blocks", NULL, "{\"start_block_height\":\"latest\"}", "must be a number of blocks");
	check_arguments("blocks", NULL, "{\"start_block_height\":7.5}", "must be a number of blocks");
	check_arguments("blocks", NULL, "{\"start_block_height\":18446744073709551615}", "must be a number of blocks");
	check_arguments("blocks", NULL, "{\"start_block_id\":\"0xab\"}", "must have 64 hexadecimal digits");
	check_arguments("blocks", NULL,
					"{\"start_block_height\":7,\"start_block_id\":\"fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106\"}",
					"exclude each other");
	check_arguments("blocks", NULL, "{\"heartbeat_interval\":7}", "unrecognized argument");
	check_arguments("events", NULL, "{\"heartbeat_interval\":5}", NULL);
	check_arguments("events", NULL, "{\"event_types\":[\"flow.AccountCreated\",\"A.1654653399040a61.FlowToken.TokensDeposited\",\"A.1654653399040a61.FlowToken.Vault.ResourceDestroyed\"]}", NULL);
	check_arguments("events", NULL, "{\"event_types\":[\"FlowToken.TokensDeposited\"]}", "without \"0x\"");
	check_arguments("events", NULL, "{\"event_types\":[\"A.0x1654653399040a61.FlowToken.TokensDeposited\"]}", "without \"0x\"");
	check_arguments("events", NULL, "{\"event_types\":[\"A.1654653399040a61.FlowToken\"]}", "invalid event type");
	check_arguments("events", NULL, "{\"event_types\":[\"A.7e60df042a9c0868.FlowToken.TokensDeposited\"]}", "network \"testnet\"");
	check_arguments("events", "testnet", "{\"event_types\":[\"A.7e60df042a9c0868.FlowToken.TokensDeposited\"]}", NULL);
	check_arguments("events", NULL, "{\"event_types\":[]}", "between 1 and 1000");
	check_arguments("events", NULL, "{\"event_types\":\"flow.AccountCreated\"}", "must be an array of strings");
	check_arguments("events", NULL, "{\"event_types\":[\"flow.A\\u0000\"]}", "\\u0000");
	check_arguments("events", NULL, "{\"contracts\":[\"flow\",\"A.1654653399040a61.FlowToken\"]}", NULL);
	check_arguments("events", NULL, "{\"contracts\":[\"FlowToken\"]}", "invalid contract");
	check_arguments("events", NULL, "{\"addresses\":[\"0x1654653399040a61\",\"1654653399040a61\"]}", NULL);
	check_arguments("events", NULL, "{\"addresses\":[\"0x0000000000000001\"]}", "invalid Flow address");
	check_arguments("account_statuses", NULL, "{\"event_types\":[\"flow.AccountKeyAdded\"],\"heartbeat_interval\":\"20\"}", NULL);
	check_arguments("account_statuses", NULL, "{\"event_types\":[\"A.1654653399040a61.FlowToken.TokensDeposited\"]}", "not delivered here");
	check_arguments("account_statuses", NULL, "{\"account_addresses\":[]}", "chainstream.watch()");
	check_arguments("transaction_statuses", NULL, "{}", NULL);
	check_arguments("transaction_statuses", NULL, "{\"tx_id\":\"fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106\"}", NULL);
	check_arguments("transaction_statuses", NULL, "{\"tx_id\":\"fe37\"}", "must have 64 hexadecimal digits");

	check_arguments("send_and_get_transaction_statuses", NULL, text, NULL);
	check_arguments("send_and_get_transaction_statuses", "testnet", text, "network \"mainnet\"");
	check_arguments("send_and_get_transaction_statuses", NULL, "{}", "has no \"proposal_key\"");
	changed = replaced(text, "\"gas_limit\"", "\"gaslimit\"");
	check_arguments("send_and_get_transaction_statuses", NULL, changed, "unrecognized argument");
	free(changed);
	changed = replaced(text, "\"script\"", "\"arguments\"");
	check_arguments("send_and_get_transaction_statuses", NULL, changed, "");
	free(changed);
	free(text);
}

static void
test_options(void)
{
	static const struct
	{
		const char *options;
		const char *why;
	}			cases[] = {
		{"{\"max_subscriptions_per_connection\":50,\"max_connections\":1}", NULL},
		{"{\"max_subscriptions_per_connection\":0}", "between 1 and 1000"},
		{"{\"max_connections\":65}", "between 1 and 64"},
		{"{\"max_connections\":\"2\"}", "an integer"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		CsError		error = {0};
		bool		valid = cs_provider_check_options(cs_provider_find("flow"),
													  cases[i].options, &error);

		ok(cases[i].why ? !valid && strstr(error.message, cases[i].why) != NULL : valid,
		   "%s: %s", cases[i].options, error.message);
	}
}

static void
test_handshake(void)
{
	CsSourceConfig config = {.name = "test", .token = "secret",
							 .options = "{\"headers\":{\"X-A\":\"b\"}}"};
	Host		host = host_start("flow", &config);
	CsHandshake handshake;
	CsError		error;

	ok(cs_session_handshake(host.session, 0, "wss://node/v1/ws", &handshake, host.output) &&
	   strcmp(handshake.url, "wss://node/v1/ws") == 0 &&
	   handshake.stream == CS_STREAM_WEBSOCKET && handshake.idle_timeout_ms == 20000 &&
	   handshake.ping_interval_ms == 0, "a connection is dead after 20 s of silence");
	ok(handshake.field_count == 2 && strcmp(handshake.fields[0].name, "Authorization") == 0 &&
	   strcmp(handshake.fields[0].value, "Bearer secret") == 0 &&
	   strcmp(handshake.fields[1].name, "X-A") == 0, "a token is a header");
	host_free(&host);
	config.token = "sec\r\nret";
	ok(cs_session_create(cs_provider_find("flow"), &config, &error) == NULL &&
	   strstr(error.message, "control character") != NULL && strstr(error.message, "sec") == NULL,
	   "%s", error.message);
}

int
main(void)
{
	test_addresses();
	test_cadence();
	test_fixed();
	test_times();
	test_arguments();
	test_options();
	test_handshake();
	return tap_end();
}
