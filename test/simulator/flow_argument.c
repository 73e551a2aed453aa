/*-------------------------------------------------------------------------
 *
 * flow_argument.c
 *	  Arguments of a Flow subscription, and what is wrong with them.
 *
 * The texts are the server's.  Of several unexpected fields it names any.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Most entries of a filter. */
#define FILTER_MAX		1000
#define ACCOUNTS_MAX	100

/* What is being read, and where to say what is wrong. */
typedef struct Reader
{
	CsSimNetwork *network;
	FlowSubscription *subscription;
	CsSimText  *error;
} Reader;

/* ---------- JSON ---------- */

static bool
get(const Reader *reader, const char *name, json_object **value)
{
	*value = NULL;
	return reader->subscription->arguments != NULL &&
		json_object_object_get_ex(reader->subscription->arguments, name,
								  value);
}

/* The type that Go has decoded this to. */
static const char *
go_type(json_object *value)
{
	switch (json_object_get_type(value))
	{
		case json_type_string:
			return "string";
		case json_type_boolean:
			return "bool";
		case json_type_object:
			return "map[string]interface {}";
		case json_type_array:
			return "[]interface {}";
		case json_type_null:
			return "<nil>";
		default:
			return "float64";
	}
}

/* Are there only arguments of these names?  They end with NULL. */
static bool
only(const Reader *reader, const char *const *names)
{
	if (reader->subscription->arguments == NULL)
		return true;
	json_object_object_foreach(reader->subscription->arguments, key, value)
	{
		const char *const *known = names;

		(void) value;
		while (*known != NULL && strcmp(*known, key) != 0)
			known++;
		if (*known != NULL)
			continue;
		cs_sim_text_printf(reader->error, "unexpected field: '%s'", key);
		return false;
	}
	return true;
}

/* ---------- where to start ---------- */

/* "must be convertible to uint64": true if it is. */
static bool
height_of(const Reader *reader, const char *text, uint64_t *height)
{
	if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
		cs_sim_text_printf(reader->error, "'start_block_height' must be "
						   "convertible to uint64: value must be an unsigned "
						   "64 bit integer");
	else if (!cs_sim_parse_number(text, UINT64_MAX, height))
		cs_sim_text_printf(reader->error, "'start_block_height' must be "
						   "convertible to uint64: value overflows uint64 "
						   "range");
	else
		return true;
	return false;
}

static bool
read_start(const Reader *reader, FlowStart *start)
{
	json_object *id;
	json_object *height;
	bool		by_id = get(reader, "start_block_id", &id);
	bool		by_height = get(reader, "start_block_height", &height);

	if (by_id && by_height)
	{
		cs_sim_text_printf(reader->error, "can only provide either "
						   "'start_block_id' or 'start_block_height'");
		return false;
	}
	if (by_id)
	{
		if (!json_object_is_type(id, json_type_string))
		{
			cs_sim_text_printf(reader->error,
							   "'start_block_id' must be a string");
			return false;
		}
		start->id_text = json_object_get_string(id);
		start->by_id = *start->id_text != '\0';
		if (!start->by_id || cs_sim_flow_parse_id(start->id_text, start->id))
			return true;
		cs_sim_text_printf(reader->error,
						   "invalid 'start_block_id': invalid ID format");
		return false;
	}
	start->by_height = by_height;
	if (!by_height)
		return true;
	if (json_object_is_type(height, json_type_string))
		return height_of(reader, json_object_get_string(height),
						 &start->height);
	cs_sim_text_printf(reader->error, "'start_block_height' must be a string");
	return false;
}

/* ---------- blocks ---------- */

static bool
read_blocks(const Reader *reader, FlowStart *start)
{
	static const char *const names[] = {
		"block_status", "start_block_id", "start_block_height", NULL
	};
	json_object *value;
	const char *status = NULL;

	if (!only(reader, names))
		return false;
	if (!get(reader, "block_status", &value))
		cs_sim_text_printf(reader->error, "missing 'block_status' field");
	else if (!json_object_is_type(value, json_type_string))
		cs_sim_text_printf(reader->error, "'block_status' must be string");
	else if (*(status = json_object_get_string(value)) == '\0')
		cs_sim_text_printf(reader->error,
						   "'block_status' field must not be empty");
	else if (strcmp(status, "finalized") != 0 && strcmp(status, "sealed") != 0)
		cs_sim_text_printf(reader->error, "invalid 'block_status', must be "
						   "'finalized' or 'sealed'");
	else
	{
		reader->subscription->sealed = *status == 's';
		return read_start(reader, start);
	}
	return false;
}

/* ---------- lists ---------- */

static bool
read_heartbeat(const Reader *reader)
{
	FlowSubscription *subscription = reader->subscription;
	json_object *value;
	const char *text;

	subscription->heartbeat = cs_sim_setting(reader->network, FLOW_HEARTBEAT);
	if (!get(reader, "heartbeat_interval", &value))
		return true;
	if (!json_object_is_type(value, json_type_string))
	{
		cs_sim_text_printf(reader->error,
						   "'heartbeat_interval' must be a string");
		return false;
	}
	text = json_object_get_string(value);
	if (cs_sim_parse_number(text, UINT64_MAX, &subscription->heartbeat))
		return true;
	cs_sim_text_printf(reader->error, "'heartbeat_interval' must be "
					   "convertible to uint64: strconv.ParseUint: parsing ");
	cs_sim_text_printf(reader->error, "\"%s\": %s", text,
					   *text != '\0' && strspn(text, "0123456789") ==
					   strlen(text) ? "value out of range" : "invalid syntax");
	return false;
}

/* A list of strings; *list* stays NULL without one. */
static bool
read_list(const Reader *reader, const char *name, json_object **list)
{
	if (!get(reader, name, list))
		return true;
	if (!json_object_is_type(*list, json_type_array))
	{
		cs_sim_text_printf(reader->error, "'%s' must be an array of strings: "
						   "value must be an array. got %s", name,
						   go_type(*list));
		return false;
	}
	for (size_t i = 0; i < json_object_array_length(*list); i++)
	{
		json_object *value = json_object_array_get_idx(*list, i);

		if (json_object_is_type(value, json_type_string))
			continue;
		cs_sim_text_printf(reader->error, "'%s' must be an array of strings: "
						   "value must be an array of strings. got %s", name,
						   go_type(value));
		return false;
	}
	return true;
}

static size_t
list_length(json_object *list)
{
	return list != NULL ? json_object_array_length(list) : 0;
}

static const char *
list_text(json_object *list, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(list, index));
}

/* Addresses, which must be of this network. */
static bool
read_addresses(const Reader *reader, json_object *list)
{
	FlowSubscription *subscription = reader->subscription;
	size_t		count = list_length(list);

	subscription->addresses = cs_sim_alloc(count *
										   sizeof(*subscription->addresses));
	for (size_t i = 0; i < count; i++)
	{
		uint64_t	address = cs_sim_flow_parse_address(list_text(list, i));

		if (!cs_sim_flow_address_valid(reader->network, address))
		{
			cs_sim_text_printf(reader->error, "invalid address for chain: "
							   "%016llx", (unsigned long long) address);
			return false;
		}
		subscription->addresses[subscription->address_count++] = address;
	}
	return true;
}

/* ---------- events ---------- */

/* The number of parts between dots. */
static int
parts_of(const char *text)
{
	int			parts = 1;

	for (; *text != '\0'; text++)
		parts += *text == '.';
	return parts;
}

static bool
event_type_valid(const Reader *reader, const char *type)
{
	const char *what = NULL;

	if (strncmp(type, "flow.", 5) == 0 && parts_of(type) == 2)
		return true;
	if (strncmp(type, "A.", 2) != 0 || parts_of(type) < 4)
	{
		cs_sim_text_printf(reader->error,
						   "invalid event type %s: invalid event type: %s",
						   type, type);
		return false;
	}
	what = type + 2;
	if (strcspn(what, ".") == 16)
	{
		char		address[17];

		snprintf(address, sizeof(address), "%.16s", what);
		if (cs_sim_flow_address_valid(reader->network,
									  cs_sim_flow_parse_address(address)))
			return true;
	}
	cs_sim_text_printf(reader->error, "invalid event type %s: invalid event "
					   "contract address", type);
	return false;
}

static bool
contract_valid(const Reader *reader, const char *contract)
{
	if (strcmp(contract, "flow") == 0 ||
		(strncmp(contract, "A.", 2) == 0 && parts_of(contract) == 3))
		return true;
	cs_sim_text_printf(reader->error, "invalid contract: %s", contract);
	return false;
}

static bool
too_many(const Reader *reader, const char *what, json_object *list)
{
	if (list_length(list) <= FILTER_MAX)
		return false;
	cs_sim_text_printf(reader->error, "too many %s in filter (%zu). use %d or "
					   "fewer", what, list_length(list), FILTER_MAX);
	return true;
}

static bool
read_events(const Reader *reader, FlowStart *start)
{
	static const char *const names[] = {
		"start_block_id", "start_block_height", "event_types", "addresses",
		"contracts", "heartbeat_interval", NULL
	};
	FlowSubscription *subscription = reader->subscription;
	json_object *addresses;
	size_t		mark;

	if (!only(reader, names) || !read_start(reader, start) ||
		!read_heartbeat(reader) ||
		!read_list(reader, "event_types", &subscription->event_types) ||
		!read_list(reader, "addresses", &addresses) ||
		!read_list(reader, "contracts", &subscription->contracts))
		return false;
	mark = reader->error->length;
	cs_sim_text_printf(reader->error, "error creating event filter: ");
	if (too_many(reader, "event types", subscription->event_types) ||
		too_many(reader, "addresses", addresses) ||
		too_many(reader, "contracts", subscription->contracts))
		return false;
	for (size_t i = 0; i < list_length(subscription->event_types); i++)
		if (!event_type_valid(reader, list_text(subscription->event_types, i)))
			return false;
	if (!read_addresses(reader, addresses))
		return false;
	for (size_t i = 0; i < list_length(subscription->contracts); i++)
		if (!contract_valid(reader, list_text(subscription->contracts, i)))
			return false;
	reader->error->length = mark;
	return true;
}

/* ---------- accounts ---------- */

static bool
is_core_event(const char *type)
{
	static const char *const known[] = {
		"flow.AccountCreated", "flow.AccountKeyAdded",
		"flow.AccountKeyRemoved", "flow.AccountContractAdded",
		"flow.AccountContractUpdated", "flow.AccountContractRemoved",
		"flow.InboxValuePublished", "flow.InboxValueClaimed",
		"flow.InboxValueUnpublished", NULL
	};

	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], type) == 0)
			return true;
	return false;
}

static bool
read_accounts(const Reader *reader, FlowStart *start)
{
	static const char *const names[] = {
		"start_block_id", "start_block_height", "event_types",
		"account_addresses", "heartbeat_interval", NULL
	};
	FlowSubscription *subscription = reader->subscription;
	json_object *addresses;
	size_t		mark;

	if (!only(reader, names) || !read_start(reader, start) ||
		!read_heartbeat(reader) ||
		!read_list(reader, "event_types", &subscription->event_types) ||
		!read_list(reader, "account_addresses", &addresses))
		return false;
	mark = reader->error->length;
	cs_sim_text_printf(reader->error, "failed to create event filter: ");
	if (list_length(addresses) > ACCOUNTS_MAX)
	{
		cs_sim_text_printf(reader->error,
						   "account limit exceeds, the limit is %d",
						   ACCOUNTS_MAX);
		return false;
	}
	for (size_t i = 0; i < list_length(subscription->event_types); i++)
	{
		const char *type = list_text(subscription->event_types, i);

		if (is_core_event(type))
			continue;
		if (list_length(addresses) == 0)
			cs_sim_text_printf(reader->error,
							   "invalid provided event types for filter");
		else
			cs_sim_text_printf(reader->error, "unsupported event type: %s",
							   type);
		return false;
	}
	if (!read_addresses(reader, addresses))
		return false;
	reader->error->length = mark;
	return true;
}

/* ---------- transactions ---------- */

static bool
read_transaction(const Reader *reader)
{
	static const char *const names[] = {"tx_id", NULL};
	json_object *value;
	const char *text;

	if (!only(reader, names))
		return false;
	if (!get(reader, "tx_id", &value))
		cs_sim_text_printf(reader->error, "missing 'tx_id' field");
	else if (!json_object_is_type(value, json_type_string))
		cs_sim_text_printf(reader->error, "'tx_id' must be a string");
	else if (*(text = json_object_get_string(value)) == '\0')
		cs_sim_text_printf(reader->error, "'tx_id' must not be empty");
	else if (!cs_sim_flow_parse_id(text, reader->subscription->transaction))
		cs_sim_text_printf(reader->error,
						   "invalid 'tx_id': invalid ID format");
	else
		return true;
	return false;
}

/* A text that may not be empty; else an error of its name. */
static bool
provided(const Reader *reader, const char *name, const char *called)
{
	json_object *value;

	if (get(reader, name, &value) &&
		((json_object_is_type(value, json_type_string) &&
		  json_object_get_string_len(value) > 0) ||
		 json_object_is_type(value, json_type_object) ||
		 list_length(json_object_is_type(value, json_type_array) ? value :
					 NULL) > 0))
		return true;
	cs_sim_text_printf(reader->error, "%s not provided", called);
	return false;
}

/* The payer: exactly 16 digits, of this network. */
static bool
payer_valid(const Reader *reader)
{
	json_object *value;
	const char *text;
	uint64_t	address;

	(void) get(reader, "payer", &value);
	text = json_object_get_string(value);
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	address = cs_sim_flow_parse_address(text);
	if (strlen(text) != 16 || address == 0)
		cs_sim_text_printf(reader->error, "invalid payer: invalid address");
	else if (!cs_sim_flow_address_valid(reader->network, address))
		cs_sim_text_printf(reader->error, "invalid payer: rpc error: code = "
						   "InvalidArgument desc = address %016llx is invalid "
						   "for chain %s", (unsigned long long) address,
						   cs_sim_flow_chain_id(reader->network));
	else
		return true;
	return false;
}

static bool
read_send(const Reader *reader)
{
	static const char *const names[] = {
		"script", "arguments", "reference_block_id", "gas_limit", "payer",
		"proposal_key", "authorizers", "payload_signatures",
		"envelope_signatures", NULL
	};

	if (reader->subscription->arguments == NULL)
	{
		cs_sim_text_printf(reader->error, "request body must not be empty");
		return false;
	}
	json_object_object_foreach(reader->subscription->arguments, key, value)
	{
		const char *const *known = names;

		(void) value;
		while (*known != NULL && strcmp(*known, key) != 0)
			known++;
		if (*known != NULL)
			continue;
		cs_sim_text_printf(reader->error,
						   "request body contains unknown field \"%s\"", key);
		return false;
	}
	return provided(reader, "proposal_key", "proposal key") &&
		provided(reader, "script", "script") &&
		provided(reader, "payer", "payer") &&
		provided(reader, "reference_block_id", "reference block") &&
		provided(reader, "envelope_signatures", "envelope signatures") &&
		payer_valid(reader);
}

bool
cs_sim_flow_arguments(CsSimNetwork *network, FlowSubscription *subscription,
					  FlowStart *start, CsSimText *error)
{
	Reader		reader = {network, subscription, error};

	memset(start, 0, sizeof(*start));
	switch (subscription->topic)
	{
		case FLOW_EVENTS:
			cs_sim_text_printf(error,
							   "invalid arguments for events data provider: ");
			return read_events(&reader, start);
		case FLOW_ACCOUNT_STATUSES:
			cs_sim_text_printf(error, "invalid arguments for account statuses "
							   "data provider: ");
			return read_accounts(&reader, start);
		case FLOW_TRANSACTION_STATUSES:
			cs_sim_text_printf(error, "invalid arguments for tx statuses data "
							   "provider: ");
			return read_transaction(&reader);
		case FLOW_SEND:
			cs_sim_text_printf(error, "invalid arguments for send tx statuses "
							   "data provider: failed to parse transaction: ");
			return read_send(&reader);
		default:
			cs_sim_text_printf(error, "invalid arguments: ");
			return read_blocks(&reader, start);
	}
}
