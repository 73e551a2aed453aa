/*-------------------------------------------------------------------------
 *
 * toncenter.c
 *	  The streaming interface (version 2) of TON Center, which TonAPI speaks
 *	  as well.
 *
 * A connection has one subscription, and the server's settings for it stick:
 * leaving one out of a later request does not unset it.  So the settings are
 * options of the source, which do not change while it runs, and the topics
 * take no arguments.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/toncenter/toncenter.h"

#include <string.h>

#include <json-c/json.h>

static const CsNetwork networks[] = {
	{CS_TON_MAINNET, CS_TON_ASSET,
	 {"wss://toncenter.com/api/streaming/v2/ws",
	  "https://toncenter.com/api/streaming/v2/sse"}},
	{CS_TON_TESTNET, CS_TON_ASSET,
	 {"wss://testnet.toncenter.com/api/streaming/v2/ws",
	  "https://testnet.toncenter.com/api/streaming/v2/sse"}},
	{NULL, NULL, {NULL}}
};

static const CsTransportKind transports[] = {
	{"websocket", cs_websocket_schemes},
	{"sse", cs_http_schemes},
	{NULL, NULL}
};

/* The order is that of ToncenterTopicId. */
static const CsTopic topics[] = {
	{"transactions", "transactions of watched accounts",
	 .by_default = true, .watched = true, .single = true},
	{"actions",
	 "what transactions mean: transfers of tokens, swaps, stakes and others",
	 .watched = true, .single = true},
	{"account_state_change", "balance and state of watched accounts",
	 .watched = true, .single = true},
	{"jettons_change", "token balances of watched accounts",
	 .watched = true, .single = true},
	{"trace",
	 "everything that a watched transaction, an external message, causes",
	 .watched = true, .single = true},
	{.name = NULL}
};

static const CsOption options[] = {
	{"authentication", CS_OPTION_STRING,
	 "whose way to send the token: \"toncenter\" or \"tonapi\" (default: by the URL)"},
	{"token_in", CS_OPTION_STRING,
	 "where to send it: \"header\" (default) or \"query\""},
	{"max_connections", CS_OPTION_INTEGER,
	 "how many connections the key may hold (default 2)"},
	{"min_finality", CS_OPTION_STRING,
	 "what is too early to be delivered: \"pending\" (default) takes everything, \"confirmed\", \"finalized\""},
	{"include_address_book", CS_OPTION_BOOLEAN,
	 "with user-friendly forms and names of addresses"},
	{"include_metadata", CS_OPTION_BOOLEAN, "with descriptions of tokens"},
	{"action_types", CS_OPTION_STRINGS, "only actions of these types"},
	{"supported_action_types", CS_OPTION_STRINGS,
	 "vocabulary of actions (default \"latest\")"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

/* ---------- addresses ---------- */

static bool
canonical_address(const char *network, const char *address,
				  char canonical[CS_TARGET_MAX], CsError *error)
{
	return cs_ton_canonical_address(&cs_provider_toncenter, network, address,
									canonical, error);
}

static bool
canonical_transaction(const char *network, const char *hash,
					  char canonical[CS_TARGET_MAX], CsError *error)
{
	return cs_ton_canonical_transaction(&cs_provider_toncenter, network, hash,
										canonical, error);
}

/* ---------- options and arguments ---------- */

/* Is an option, if it is there, one of these words? */
static bool
check_word(struct json_object *object, const char *name,
		   const char *const *words, const char *hint, CsError *error)
{
	CsText		value = cs_json_member_string(object, name);

	if (value.data == NULL)
		return true;
	for (; *words != NULL; words++)
	{
		if (strlen(*words) == value.length &&
			memcmp(*words, value.data, value.length) == 0)
			return true;
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL, hint,
				 "unrecognized value \"%.60s\" of option \"%s\"", value.data,
				 name);
	return false;
}

/* A server takes an empty list for none, and an empty name for an error. */
static bool
check_list(struct json_object *object, const char *name, CsError *error)
{
	struct json_object *list = cs_json_array(object, name);
	size_t		count = list ? json_object_array_length(list) : 0;

	if (list != NULL && count == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 "The server takes an empty list for no filter.",
					 "Leave it out.", "option \"%s\" is empty", name);
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		CsText		type = cs_json_string(json_object_array_get_idx(list, i));

		if (type.length == 0 || strlen(type.data) != type.length)
		{
			cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
						 "option \"%s\" holds what is not the name of a type",
						 name);
			return false;
		}
	}
	return true;
}

static bool
check_connections(struct json_object *object, CsError *error)
{
	int64_t		count;

	if (cs_json_member(object, "max_connections") == NULL)
		return true;
	if (cs_json_integer(object, "max_connections", &count, NULL) &&
		count >= 1 && count <= TONCENTER_LINKS_MAX)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "option \"max_connections\" must be from 1 to %d",
				 TONCENTER_LINKS_MAX);
	return false;
}

static bool
check_options(struct json_object *object, CsError *error)
{
	static const char *const ways[] = {"toncenter", "tonapi", NULL};
	static const char *const places[] = {"header", "query", NULL};
	static const char *const finalities[] = {"pending", "confirmed",
		"finalized", NULL};

	return check_word(object, "authentication", ways,
					  "Valid values are \"toncenter\" and \"tonapi\".",
					  error) &&
		check_word(object, "token_in", places,
				   "Valid values are \"header\" and \"query\".", error) &&
		check_word(object, "min_finality", finalities,
				   "Valid values are \"pending\", \"confirmed\" and \"finalized\".",
				   error) &&
		check_list(object, "action_types", error) &&
		check_list(object, "supported_action_types", error) &&
		check_connections(object, error);
}

/* Does an option of the source have this name? */
static bool
is_option(const char *name)
{
	for (const CsOption *option = options; option->name != NULL; option++)
	{
		if (strcmp(option->name, name) == 0)
			return true;
	}
	return false;
}

static bool
check_arguments(const CsTopic *topic, const char *network,
				const char *arguments, CsError *error)
{
	struct json_object *object = cs_json_parse_once(arguments,
													strlen(arguments), error);
	bool		valid = true;

	(void) topic;
	(void) network;
	if (object == NULL)
		return false;
	json_object_object_foreach(object, name, value)
	{
		(void) value;
		if (is_option(name) && valid)
		{
			cs_error_set(error, CS_ERROR_UNSUPPORTED,
						 "A connection has one subscription, and its settings are the same for all topics.",
						 "Set it with chainstream.alter_source() as an option of the source.",
						 "argument \"%s\" is not given here", name);
			valid = false;
		}
		else if (strcmp(name, "addresses") == 0 && valid)
		{
			cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
						 "Name accounts with chainstream.watch().",
						 "argument \"addresses\" is not given here");
			valid = false;
		}
	}
	valid = valid && cs_options_check(object, NULL, NULL, "argument", error);
	json_object_put(object);
	return valid;
}

const CsProvider cs_provider_toncenter = {
	.name = "toncenter",
	.title = "TON Center",
	.networks = networks,
	.transports = transports,
	.topics = topics,
	.options = options,
	.watches_transactions = true,
	.watches_everything = false,
	.canonical_address = canonical_address,
	.canonical_transaction = canonical_transaction,
	.check_options = check_options,
	.check_arguments = check_arguments,
	.session_size = sizeof(ToncenterSession),
	.start = cs_toncenter_start,
	.stop = cs_toncenter_stop,
	.sync = cs_toncenter_sync,
	.handshake = cs_toncenter_handshake,
	.opened = cs_toncenter_opened,
	.message = cs_toncenter_message,
	.closed = cs_toncenter_closed,
	.tick = cs_toncenter_tick,
	.next_tick = cs_toncenter_next_tick,
};
