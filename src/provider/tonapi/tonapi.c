/*-------------------------------------------------------------------------
 *
 * tonapi.c
 *	  The streaming interface of TonAPI: server-sent events, and something
 *	  like JSON-RPC over a WebSocket.
 *
 * A request that is not quite as the server wants it ends the conversation
 * without a word; see doc/providers/tonapi.md.  So arguments are checked here,
 * strictly, and nothing of a user's goes into a request that was not.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/tonapi/tonapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

/* Operations have to fit into a URL, beside a list of addresses. */
#define OPERATIONS_LENGTH_MAX 1000

static const CsNetwork networks[] = {
	{CS_TON_MAINNET, CS_TON_ASSET,
	{"wss://tonapi.io/v2/websocket", "https://tonapi.io"}},
	{CS_TON_TESTNET, CS_TON_ASSET,
	{"wss://testnet.tonapi.io/v2/websocket", "https://testnet.tonapi.io"}},
	{NULL, NULL, {NULL}}
};

static const CsTransportKind transports[] = {
	{"websocket", cs_websocket_schemes},
	{"sse", cs_http_schemes},
	{NULL, NULL}
};

/* The order is that of TonapiTopicId. */
static const CsTopic topics[] = {
	{"account_transaction",
	 "transactions of accounts, final; amounts only with the option enrich",
	 .by_default = true, .watched = true, .single = true},
	{"trace", "chains of transactions that have come to an end",
	 .watched = true, .single = true},
	{"mempool_message",
	 "messages on their way to an account; may come to nothing",
	 .watched = true, .single = true},
	{"block", "blocks of all shards, final", .single = true},
	{.name = NULL}
};

static const CsOption options[] = {
	{"token_in", CS_OPTION_STRING,
	 "where the token goes: \"header\" (default) or \"query\""},
	{"strategy", CS_OPTION_STRING,
	 "transport sse: \"lists\" (default) names the watched addresses to the server, \"all\" takes everything and chooses here"},
	{"max_connections", CS_OPTION_INTEGER,
	 "how many connections a long watch list may be spread over (default 10)"},
	{"accounts_per_connection", CS_OPTION_INTEGER,
	 "how many addresses the server takes on a connection (default 1000)"},
	{"enrich", CS_OPTION_BOOLEAN,
	 "ask for the details of each transaction, amounts above all"},
	{"enrich_per_second", CS_OPTION_INTEGER,
	 "how often (default 10, or 1 without a token)"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

static const CsOption transaction_arguments[] = {
	{"operations", CS_OPTION_STRINGS,
	 "only transactions whose incoming message has one of these"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

static const CsOption block_arguments[] = {
	{"workchain", CS_OPTION_INTEGER, "only blocks of this workchain, -1 or 0"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

/* ---------- addresses and hashes ---------- */

static bool
canonical_address(const char *network, const char *address,
				  char canonical[CS_TARGET_MAX], CsError *error)
{
	return cs_ton_canonical_address(&cs_provider_tonapi, network, address,
									canonical, error);
}

static bool
canonical_transaction(const char *network, const char *hash,
					  char canonical[CS_TARGET_MAX], CsError *error)
{
	return cs_ton_canonical_transaction(&cs_provider_tonapi, network, hash,
										canonical, error);
}

/* ---------- options ---------- */

/* A string that must be one of two words. */
static bool
check_word(struct json_object *object, const char *name, const char *first,
		   const char *second, CsError *error)
{
	CsText		word = cs_json_member_string(object, name);

	if (word.data == NULL || strcmp(word.data, first) == 0 ||
		strcmp(word.data, second) == 0)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "option \"%s\" must be \"%s\" or \"%s\"", name, first, second);
	return false;
}

static bool
check_range(struct json_object *object, const char *name, int64_t maximum,
			CsError *error)
{
	struct json_object *value = cs_json_member(object, name);

	if (value == NULL || (json_object_get_int64(value) >= 1 &&
						  json_object_get_int64(value) <= maximum))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "option \"%s\" must be between 1 and %lld", name,
				 (long long) maximum);
	return false;
}

static bool
check_options(struct json_object *object, CsError *error)
{
	return check_word(object, "token_in", "header", "query", error) &&
		check_word(object, "strategy", "lists", "all", error) &&
		check_range(object, "max_connections", TONAPI_CONNECTIONS_MAX, error) &&
		check_range(object, "accounts_per_connection", 5000, error) &&
		check_range(object, "enrich_per_second", 100, error);
}

/* ---------- arguments ---------- */

/*
 * A name of TonAPI's list, or 0x and exactly eight lower-case digits.  The
 * list grows, so that it is the form alone that can be checked.
 */
static bool
is_operation(CsText text)
{
	if (text.length >= 2 && text.data[0] == '0' && text.data[1] == 'x')
		return text.length == 10 &&
			strspn(text.data + 2, "0123456789abcdef") == 8;
	for (size_t i = 0; i < text.length; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if (!(c < 0x80 && (isalnum(c) || c == '_')))
			return false;
	}
	return text.length > 0 && !isdigit((unsigned char) text.data[0]);
}

static bool
check_operations(struct json_object *arguments, CsError *error)
{
	struct json_object *list = cs_json_array(arguments, "operations");
	size_t		count = list ? json_object_array_length(list) : 0;
	size_t		total = 0;

	if (list != NULL && count == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 "The server takes an empty list for no filter.",
					 "Leave it out to get all transactions.",
					 "argument \"operations\" is empty");
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		CsText		operation =
			cs_json_string(json_object_array_get_idx(list, i));

		total += operation.length + 1;
		if (is_operation(operation))
			continue;
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "Write a name such as \"JettonTransfer\", or \"0x\" and eight lower-case hexadecimal digits.",
					 "invalid operation \"%.60s\"", operation.data);
		return false;
	}
	if (total > OPERATIONS_LENGTH_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 "They have to fit into a URL together with addresses.",
					 NULL, "argument \"operations\" is longer than %d bytes",
					 OPERATIONS_LENGTH_MAX);
		return false;
	}
	return true;
}

static bool
check_workchain(struct json_object *arguments, CsError *error)
{
	struct json_object *value = cs_json_member(arguments, "workchain");

	if (value == NULL || json_object_get_int64(value) == 0 ||
		json_object_get_int64(value) == -1)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "-1 is the masterchain, 0 the basechain; leave it out for both.",
				 "there is no workchain %lld",
				 (long long) json_object_get_int64(value));
	return false;
}

static bool
check_members(const CsTopic *topic, struct json_object *arguments,
			  CsError *error)
{
	const CsOption *valid = NULL;

	if (topic == &topics[TONAPI_TRANSACTION])
		valid = transaction_arguments;
	else if (topic == &topics[TONAPI_BLOCK])
		valid = block_arguments;
	if (topic != &topics[TONAPI_BLOCK] &&
		json_object_object_get_ex(arguments, "accounts", NULL))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
					 "Name accounts with chainstream.watch().",
					 "argument \"accounts\" is not given here");
		return false;
	}
	return cs_options_check(arguments, valid, NULL, "argument", error) &&
		check_operations(arguments, error) &&
		check_workchain(arguments, error);
}

static bool
check_arguments(const CsTopic *topic, const char *network,
				const char *arguments, CsError *error)
{
	struct json_object *object = cs_json_parse_once(arguments,
													strlen(arguments), error);
	bool		valid;

	(void) network;
	if (object == NULL)
		return false;
	valid = check_members(topic, object, error);
	json_object_put(object);
	return valid;
}

const CsProvider cs_provider_tonapi = {
	.name = "tonapi",
	.title = "TonAPI",
	.networks = networks,
	.transports = transports,
	.topics = topics,
	.options = options,
	.watches_transactions = false,
	.watches_everything = true,
	.canonical_address = canonical_address,
	.canonical_transaction = canonical_transaction,
	.check_options = check_options,
	.check_arguments = check_arguments,
	.session_size = sizeof(TonapiSession),
	.start = cs_tonapi_start,
	.stop = cs_tonapi_stop,
	.sync = cs_tonapi_sync,
	.handshake = cs_tonapi_handshake,
	.opened = cs_tonapi_opened,
	.message = cs_tonapi_message,
	.closed = cs_tonapi_closed,
	.response = cs_tonapi_response,
	.tick = cs_tonapi_tick,
	.next_tick = cs_tonapi_next_tick,
};
