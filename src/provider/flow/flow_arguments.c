/*-------------------------------------------------------------------------
 *
 * flow_arguments.c
 *	  Arguments of Flow's topics as users may write them.
 *
 * A node takes numbers as strings only, and refuses a subscription for a
 * name it does not know.  Users may write numbers; what cannot be right is
 * refused here, at once, with a hint, instead of later by the node.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/flow/flow.h"

/* Entries of a list of a filter, as nodes limit it. */
#define FILTER_MAX	1000

/* Arguments and authorizers of a transaction, likewise. */
#define LIST_MAX	100

#define OPTION_MAX	1000
#define LINKS_MAX	64

#define BEGINNING \
	{"start_block_height", CS_OPTION_STRING, "height of the first block"}, \
	{"start_block_id", CS_OPTION_STRING, "id of the first block"}
#define END \
	{NULL, CS_OPTION_BOOLEAN, NULL}

static const CsOption block_arguments[] = {
	{"block_status", CS_OPTION_STRING, "\"sealed\" (default) or \"finalized\""},
	BEGINNING, END
};

static const CsOption event_arguments[] = {
	{"event_types", CS_OPTION_STRINGS, "only these types"},
	{"addresses", CS_OPTION_STRINGS, "only of contracts of these accounts"},
	{"contracts", CS_OPTION_STRINGS, "only of these contracts"},
	{"heartbeat_interval", CS_OPTION_STRING,
	 "at most so many blocks between two messages"},
	BEGINNING, END
};

static const CsOption account_arguments[] = {
	{"event_types", CS_OPTION_STRINGS, "only these types, of flow.*"},
	{"heartbeat_interval", CS_OPTION_STRING,
	 "at most so many blocks between two messages"},
	BEGINNING, END
};

static const CsOption status_arguments[] = {
	{"tx_id", CS_OPTION_STRING, "id of the transaction to follow"}, END
};

static const char *const account_events[] = {
	"flow.AccountCreated", "flow.AccountKeyAdded", "flow.AccountKeyRemoved",
	"flow.AccountContractAdded", "flow.AccountContractUpdated",
	"flow.AccountContractRemoved", "flow.InboxValuePublished",
	"flow.InboxValueUnpublished", "flow.InboxValueClaimed"
};

/* ---------- options ---------- */

static bool
check_option(struct json_object *options, const char *name, int64_t maximum,
			 CsError *error)
{
	struct json_object *option = cs_json_member(options, name);
	int64_t		value;

	if (option == NULL)
		return true;
	value = json_object_get_int64(option);
	if (value >= 1 && value <= maximum)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "option \"%s\" must be between 1 and %lld", name,
				 (long long) maximum);
	return false;
}

bool
cs_flow_check_options(struct json_object *options, CsError *error)
{
	return check_option(options, "max_subscriptions_per_connection",
						OPTION_MAX, error) &&
		check_option(options, "max_connections", LINKS_MAX, error);
}

/* ---------- values ---------- */

/* Put a string in the place of a member. */
static bool
set_string(struct json_object *object, const char *name, const char *string,
		   CsError *error)
{
	struct json_object *value = json_object_new_string(string);

	if (value != NULL && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
	return false;
}

/*
 * A number that nodes want as a string, which may be written either way.  In
 * *arguments* it is a string afterwards.
 */
static bool
make_number(struct json_object *arguments, const char *name, CsError *error)
{
	struct json_object *member = cs_json_member(arguments, name);
	char		text[CS_DECIMAL64_DIGITS + 1];
	int64_t		value;
	CsText		digits = cs_json_string(member);

	if (member == NULL)
		return true;
	if (digits.data != NULL ?
		!cs_decimal_to_int64(digits.data, digits.length, &value) :
		!cs_json_integer(arguments, name, &value, NULL))
		value = -1;
	if (value < 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "argument \"%s\" must be a number of blocks", name);
		return false;
	}
	(void) cs_int64_to_decimal(value, text);
	return set_string(arguments, name, text, error);
}

static bool
make_id(struct json_object *arguments, const char *name, CsError *error)
{
	char		id[FLOW_ID_SIZE];

	if (cs_json_member(arguments, name) == NULL)
		return true;
	if (!cs_flow_read_id(arguments, name, id, NULL))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL,
					 "Write it without \"0x\".",
					 "argument \"%s\" must have 64 hexadecimal digits", name);
		return false;
	}
	return set_string(arguments, name, id, error);
}

/* Where to begin: a height or the id of a block. */
static bool
make_beginning(struct json_object *arguments, CsError *error)
{
	if (cs_json_member(arguments, "start_block_height") != NULL &&
		cs_json_member(arguments, "start_block_id") != NULL)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "arguments \"start_block_height\" and \"start_block_id\" exclude each other");
		return false;
	}
	return make_number(arguments, "start_block_height", error) &&
		make_id(arguments, "start_block_id", error);
}

static bool
check_block_status(struct json_object *arguments, CsError *error)
{
	CsText		status = cs_json_member_string(arguments, "block_status");

	if (status.data == NULL)
		return set_string(arguments, "block_status", "sealed", error);
	if (cs_flow_is(status, "sealed") || cs_flow_is(status, "finalized"))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "It is \"finalized\" or \"sealed\".",
				 "unrecognized block status \"%.40s\"", status.data);
	return false;
}

/*
 * Take "A.<address>.<rest>" apart; false: it is not of that form, in which
 * nodes compare it as text.
 */
static bool
split_contract(const char *text, char address[17], const char **rest)
{
	if (strncmp(text, "A.", 2) != 0 ||
		strspn(text + 2, "0123456789abcdef") != 16 || text[18] != '.' ||
		text[19] == '\0')
		return false;
	memcpy(address, text + 2, 16);
	address[16] = '\0';
	*rest = text + 19;
	return true;
}

static bool
check_filter_address(CsFlowNetwork network, const char *address,
					 CsError *error)
{
	char		canonical[CS_FLOW_ADDRESS_LENGTH + 1];

	return cs_flow_address(network, address, canonical, error);
}

/* "flow.Event" or "A.<address>.Contract.Event" */
static bool
check_event_type(CsFlowNetwork network, const char *type, CsError *error)
{
	char		address[17];
	const char *rest;
	const char *dot;

	if (strncmp(type, "flow.", 5) == 0 && type[5] != '\0')
		return true;
	if (split_contract(type, address, &rest))
	{
		dot = strchr(rest, '.');
		if (dot != NULL && dot > rest && dot[1] != '\0')
			return check_filter_address(network, address, error);
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "Write \"flow.Event\" or \"A.address.Contract.Event\", the address as 16 lower-case digits without \"0x\".",
				 "invalid event type \"%.80s\"", type);
	return false;
}

/* "flow" or "A.<address>.Contract" */
static bool
check_contract_name(CsFlowNetwork network, const char *name, CsError *error)
{
	char		address[17];
	const char *rest;

	if (strcmp(name, "flow") == 0)
		return true;
	if (split_contract(name, address, &rest) && strchr(rest, '.') == NULL)
		return check_filter_address(network, address, error);
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "Write \"flow\" or \"A.address.Contract\", the address as 16 lower-case digits without \"0x\".",
				 "invalid contract \"%.80s\"", name);
	return false;
}

static bool
check_core_type(CsFlowNetwork network, const char *type, CsError *error)
{
	(void) network;
	for (size_t i = 0;
		 i < sizeof(account_events) / sizeof(account_events[0]); i++)
	{
		if (strcmp(type, account_events[i]) == 0)
			return true;
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "Only events of accounts are: flow.AccountCreated, flow.Account{Key,Contract}{Added,Removed}, flow.AccountContractUpdated, flow.InboxValue{Published,Unpublished,Claimed}.",
				 "event type \"%.80s\" is not delivered here", type);
	return false;
}

/* A list of a filter.  An empty one would be no filter at all. */
static bool
check_list(struct json_object *arguments, const char *name,
		   CsFlowNetwork network,
		   bool (*check) (CsFlowNetwork, const char *, CsError *),
		   CsError *error)
{
	struct json_object *list = cs_json_array(arguments, name);
	size_t		count = list ? json_object_array_length(list) : 0;

	if (list == NULL)
		return true;
	if (count == 0 || count > FILTER_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "argument \"%s\" must have between 1 and %d elements",
					 name, FILTER_MAX);
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(list, i));

		if (strlen(text.data) != text.length)
		{
			cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
						 "argument \"%s\" holds the character \\u0000", name);
			return false;
		}
		if (!check(network, text.data, error))
			return false;
	}
	return true;
}

/* ---------- a transaction to be sent ---------- */

static const CsOption transaction_members[] = {
	{"script", CS_OPTION_STRING, "Cadence, in base64"},
	{"arguments", CS_OPTION_STRINGS, "its arguments: JSON-CDC, in base64"},
	{"reference_block_id", CS_OPTION_STRING, "id of a recent block"},
	{"gas_limit", CS_OPTION_STRING, "most computation it may take"},
	{"payer", CS_OPTION_STRING, "address of who pays the fees"},
	{"authorizers", CS_OPTION_STRINGS, "addresses of who authorizes it"},
	END
};

/* Those that are no strings, and looked at by the node alone. */
static const struct
{
	const char *name;
	json_type	type;
}			structures[] = {
	{"proposal_key", json_type_object},
	{"payload_signatures", json_type_array},
	{"envelope_signatures", json_type_array},
};

#define STRUCTURES (sizeof(structures) / sizeof(structures[0]))

static bool
report_missing(const char *name, const char *what, CsError *error)
{
	cs_error_set(error, CS_ERROR_SYNTAX, NULL,
				 "Give the transaction as the access node's REST interface takes it.",
				 "transaction has no \"%s\"%s", name, what);
	return false;
}

/* The members without the structures, checked as arguments are. */
static bool
check_plain_members(struct json_object *transaction, CsError *error)
{
	struct json_object *plain = json_object_new_object();
	bool		whole = plain != NULL;
	bool		valid;

	json_object_object_foreach(transaction, name, value)
	{
		bool		structure = false;

		for (size_t i = 0; i < STRUCTURES; i++)
			structure = structure || strcmp(name, structures[i].name) == 0;
		if (!structure && whole)
			whole = json_object_object_add(plain, name,
										   json_object_get(value)) == 0;
	}
	if (!whole)
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
	valid = whole && cs_options_check(plain, transaction_members, NULL,
									  "argument", error);
	json_object_put(plain);
	return valid;
}

static bool
check_addresses(struct json_object *transaction, CsFlowNetwork network,
				CsError *error)
{
	struct json_object *list = cs_json_array(transaction, "authorizers");
	size_t		count = list ? json_object_array_length(list) : 0;
	CsText		payer;

	if (!cs_json_text(transaction, "payer", &payer, error) ||
		!check_filter_address(network, payer.data, error))
		return false;
	if (count > LIST_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "transaction has more than %d authorizers", LIST_MAX);
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (!check_filter_address(network, json_object_get_string(json_object_array_get_idx(list, i)),
								  error))
			return false;
	}
	return true;
}

static bool
check_transaction(struct json_object *transaction, CsFlowNetwork network,
				  CsError *error)
{
	struct json_object *signatures;

	if (!check_plain_members(transaction, error))
		return false;
	for (size_t i = 0; i < STRUCTURES; i++)
	{
		struct json_object *member = cs_json_member(transaction,
													structures[i].name);

		if (i != 1 && member == NULL)	/* payload_signatures may be left out */
			return report_missing(structures[i].name, "", error);
		if (member != NULL && !json_object_is_type(member, structures[i].type))
			return report_missing(structures[i].name,
								  " of the right type", error);
	}
	signatures = cs_json_array(transaction, "envelope_signatures");
	if (json_object_array_length(signatures) == 0)
		return report_missing("envelope_signatures", " in the list", error);
	if (cs_json_member_string(transaction, "script").length == 0)
		return report_missing("script", "", error);
	if (cs_json_member(transaction, "reference_block_id") == NULL)
		return report_missing("reference_block_id", "", error);
	return make_id(transaction, "reference_block_id", error) &&
		check_addresses(transaction, network, error);
}

/* ---------- arguments ---------- */

static bool
make_events(struct json_object *arguments, CsFlowNetwork network,
			CsError *error)
{
	return make_beginning(arguments, error) &&
		make_number(arguments, "heartbeat_interval", error) &&
		cs_options_check(arguments, event_arguments, NULL, "argument",
						 error) &&
		check_list(arguments, "event_types", network, check_event_type,
				   error) &&
		check_list(arguments, "contracts", network, check_contract_name,
				   error) &&
		check_list(arguments, "addresses", network, check_filter_address,
				   error);
}

static bool
make_accounts(struct json_object *arguments, CsFlowNetwork network,
			  CsError *error)
{
	if (json_object_object_get_ex(arguments, "account_addresses", NULL))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
					 "Name accounts with chainstream.watch().",
					 "argument \"account_addresses\" is not given here");
		return false;
	}
	return make_beginning(arguments, error) &&
		make_number(arguments, "heartbeat_interval", error) &&
		cs_options_check(arguments, account_arguments, NULL, "argument",
						 error) &&
		check_list(arguments, "event_types", network, check_core_type, error);
}

/* Check the arguments of a topic and give them the form that nodes take. */
static bool
make_arguments(FlowTopicId topic, CsFlowNetwork network,
			   struct json_object *arguments, CsError *error)
{
	switch (topic)
	{
		case FLOW_BLOCK_DIGESTS:
		case FLOW_BLOCK_HEADERS:
		case FLOW_BLOCKS:
			return make_beginning(arguments, error) &&
				cs_options_check(arguments, block_arguments, NULL, "argument",
								 error) &&
				check_block_status(arguments, error);
		case FLOW_EVENTS:
			return make_events(arguments, network, error);
		case FLOW_ACCOUNT_STATUSES:
			return make_accounts(arguments, network, error);
		case FLOW_TRANSACTION_STATUSES:
			return cs_options_check(arguments, status_arguments, NULL,
									"argument", error) &&
				make_id(arguments, "tx_id", error);
		default:
			return check_transaction(arguments, network, error);
	}
}

struct json_object *
cs_flow_arguments(FlowTopicId topic, CsFlowNetwork network,
				  const char *arguments, CsError *error)
{
	struct json_object *object = cs_json_parse_once(arguments,
													strlen(arguments), error);

	if (object == NULL)
		return NULL;
	if (!make_arguments(topic, network, object, error))
	{
		json_object_put(object);
		return NULL;
	}
	return object;
}

bool
cs_flow_check_arguments(const CsTopic *topic, const char *network_name,
						const char *arguments, CsError *error)
{
	CsFlowNetwork network = CS_FLOW_MAINNET;
	struct json_object *object;

	(void) cs_flow_network(network_name, &network);
	object = cs_flow_arguments(cs_flow_topic(topic), network, arguments,
							   error);
	json_object_put(object);
	return object != NULL;
}

bool
cs_flow_is_followed(FlowTopicId topic, struct json_object *arguments)
{
	switch (topic)
	{
		case FLOW_EVENTS:
			return cs_json_member(arguments, "event_types") == NULL &&
				cs_json_member(arguments, "addresses") == NULL &&
				cs_json_member(arguments, "contracts") == NULL;
		case FLOW_ACCOUNT_STATUSES:
			return true;
		case FLOW_TRANSACTION_STATUSES:
			return cs_json_member(arguments, "tx_id") == NULL;
		default:
			return false;
	}
}
