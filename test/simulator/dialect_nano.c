/*-------------------------------------------------------------------------
 *
 * dialect_nano.c
 *	  The Nano node: requests, subscriptions and acks.
 *
 * The node reads requests with Boost's property tree, in which every scalar
 * is text, so "true", true and 1 are the same, and options of a wrong type
 * are silently something else.  It never reports an error: what it does not
 * understand has no effect and no ack, and what is not JSON ends the
 * connection without a close frame.
 *
 * Where json-c differs: of duplicate keys it takes the last, the node the
 * first.
 *
 *-------------------------------------------------------------------------
 */
#include "nano.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What Boost's default for a message is. */
#define MESSAGE_LIMIT	((size_t) 16 << 20)

/* Most payload of a frame: the size of Beast's write buffer. */
#define FRAGMENT_SIZE	4096

/* Nesting that is read; the node has no limit. */
#define REQUEST_DEPTH	200

const char *const cs_sim_nano_topics[] = {
	"confirmation", "started_election", "stopped_election", "vote", "ack",
	"work", "bootstrap", "telemetry", "new_unconfirmed_block",
	"active_difficulty", NULL
};

static const CsSimSwitch switches[] = {
	{"binary", "send binary frames, as Nano.to does", true},
	{"compact", "send no white space", false},
	{"pre-v28", "no top-level hash on new_unconfirmed_block", false},
	{"no-update", "ignore update, as Banano and Nano.to do", true},
	{"no-ack", "acknowledge nothing", true},
	{"first-before-ack", "send a notification before the ack of a subscribe",
	true},
	{"quirk-shared", "build messages with the options of the first that "
	"needs them", true},
	{"banano", "ban_ addresses, and what its nodes do not know", false},
	{NULL, NULL, false}
};

int
cs_sim_nano_topic(const char *name)
{
	for (int topic = 0; topic < NANO_TOPICS; topic++)
		if (strcmp(cs_sim_nano_topics[topic], name) == 0)
			return topic;
	return -1;
}

/* Can a client subscribe to this topic? */
static bool
topic_known(const CsSimNetwork *network, int topic)
{
	if (!cs_sim_switch(network, NANO_BANANO))
		return topic >= 0 && topic != NANO_ACTIVE_DIFFICULTY;
	return topic == NANO_CONFIRMATION || topic == NANO_VOTE ||
		topic == NANO_ACK || topic == NANO_STOPPED_ELECTION ||
		topic == NANO_WORK || topic == NANO_ACTIVE_DIFFICULTY;
}

/* ---------- JSON as a property tree ---------- */

/* A scalar's text; of an object or array, and of nothing: "". */
static const char *
tree_text(json_object *parent, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(parent, key, &value) ||
		json_object_is_type(value, json_type_object) ||
		json_object_is_type(value, json_type_array))
		return "";
	return value == NULL ? "null" : json_object_get_string(value);
}

/* A boolean however it is spelled; anything else: the default. */
static bool
tree_boolean(json_object *parent, const char *key, bool otherwise)
{
	const char *text = tree_text(parent, key);

	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return true;
	if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		return false;
	return otherwise;
}

/* Add or remove one account; what is none is silently ignored. */
static void
apply_account(const CsSimNetwork *network, CsSimAccountSet *set,
			  json_object *account, bool add)
{
	CsNanoPrefix prefix;
	uint8_t		key[CS_NANO_KEY_LENGTH];

	if (!json_object_is_type(account, json_type_string) ||
		cs_nano_address_decode(json_object_get_string(account),
							   (size_t) json_object_get_string_len(account),
							   &prefix, key) != CS_NANO_ADDRESS_OK ||
		(prefix == CS_NANO_PREFIX_BAN) != cs_sim_switch(network, NANO_BANANO))
		return;
	if (add)
		cs_sim_account_set_add(set, key);
	else
		cs_sim_account_set_remove(set, key);
}

/*
 * Add or remove the accounts that are the children of a member: elements of
 * an array, or members of an object; a scalar has none.
 */
static void
apply_accounts(const CsSimNetwork *network, CsSimAccountSet *set,
			   json_object *options, const char *key, bool add)
{
	json_object *list;

	if (!json_object_object_get_ex(options, key, &list))
		return;
	if (json_object_is_type(list, json_type_array))
	{
		size_t		count = json_object_array_length(list);

		for (size_t i = 0; i < count; i++)
			apply_account(network, set, json_object_array_get_idx(list, i),
						  add);
	}
	else if (json_object_is_type(list, json_type_object))
	{
		json_object_object_foreach(list, name, value)
		{
			(void) name;
			apply_account(network, set, value, add);
		}
	}
}

/* ---------- subscriptions ---------- */

static int
parse_types(const char *text)
{
	if (strcasecmp(text, "active") == 0)
		return NANO_ACTIVE_QUORUM | NANO_ACTIVE_CONFIRMATION_HEIGHT;
	if (strcasecmp(text, "active_quorum") == 0)
		return NANO_ACTIVE_QUORUM;
	if (strcasecmp(text, "active_confirmation_height") == 0)
		return NANO_ACTIVE_CONFIRMATION_HEIGHT;
	if (strcasecmp(text, "inactive") == 0)
		return NANO_INACTIVE;
	return NANO_ACTIVE_QUORUM | NANO_ACTIVE_CONFIRMATION_HEIGHT |
		NANO_INACTIVE;
}

/* Fill in a confirmation subscription. */
static void
parse_confirmation(const CsSimNetwork *network, NanoSubscription *wanted,
				   json_object *options)
{
	wanted->types = parse_types(tree_text(options, "confirmation_type"));
	wanted->include_block = tree_boolean(options, "include_block", true);
	if (tree_boolean(options, "include_election_info_with_votes", false))
		wanted->election = NANO_ELECTION_VOTES;
	else if (tree_boolean(options, "include_election_info", false))
		wanted->election = NANO_ELECTION_INFO;
	wanted->sideband = !cs_sim_switch(network, NANO_BANANO) &&
		tree_boolean(options, "include_sideband_info", false);
	wanted->filtered =
		json_object_object_get_ex(options, "accounts", NULL) ||
		json_object_object_get_ex(options, "all_local_accounts", NULL);
	apply_accounts(network, &wanted->accounts, options, "accounts", true);
}

/* Create or replace a subscription. */
static void
subscribe(CsSimClient *client, int topic, json_object *request)
{
	NanoSubscription *wanted = &((NanoClient *) client->state)->topics[topic];
	json_object *options = NULL;

	cs_sim_account_set_clear(&wanted->accounts);
	memset(wanted, 0, sizeof(*wanted));
	wanted->active = true;
	wanted->has_options = json_object_object_get_ex(request, "options",
													&options);
	if (!json_object_is_type(options, json_type_object))
		options = NULL;
	if (topic == NANO_CONFIRMATION)
		parse_confirmation(client->network, wanted, options);
	else if (topic == NANO_VOTE)
	{
		wanted->include_replays =
			!wanted->has_options ||
			tree_boolean(options, "include_replays", false);
		wanted->include_indeterminate =
			!wanted->has_options ||
			tree_boolean(options, "include_indeterminate", false);
		apply_accounts(client->network, &wanted->accounts, options,
					   "representatives", true);
		wanted->filtered = wanted->accounts.used > 0;
	}
}

static void
unsubscribe(CsSimClient *client, int topic)
{
	NanoSubscription *wanted = &((NanoClient *) client->state)->topics[topic];

	cs_sim_account_set_clear(&wanted->accounts);
	memset(wanted, 0, sizeof(*wanted));
}

/* Change a subscription's accounts.  False: refused, which is not said. */
static bool
update(CsSimClient *client, int topic, json_object *request)
{
	NanoSubscription *wanted;
	json_object *options;

	if (topic != NANO_CONFIRMATION ||
		cs_sim_switch(client->network, NANO_NO_UPDATE) ||
		cs_sim_switch(client->network, NANO_BANANO) ||
		!json_object_object_get_ex(request, "options", &options))
		return false;
	wanted = &((NanoClient *) client->state)->topics[topic];
	if (!wanted->active || !wanted->has_options)
		return false;
	if (json_object_object_get_ex(options, "accounts_add", NULL) ||
		json_object_object_get_ex(options, "accounts_del", NULL))
		wanted->filtered = true;
	apply_accounts(client->network, &wanted->accounts, options,
				   "accounts_add", true);
	apply_accounts(client->network, &wanted->accounts, options,
				   "accounts_del", false);
	return true;
}

/* ---------- requests ---------- */

static void
acknowledge(CsSimClient *client, const char *action, json_object *request)
{
	const char *id = tree_text(request, "id");
	json_object *ack = json_object_new_object();
	CsSimText	text = {NULL, 0, 0};
	CsSimMessage message = {.topic = -1};

	json_object_object_add(ack, "ack", json_object_new_string(action));
	json_object_object_add(ack, "time", json_object_new_int64(
		cs_sim_now_ms(client->network)));
	if (*id != '\0')
		json_object_object_add(ack, "id", json_object_new_string(id));
	cs_sim_render_tree(&text, ack, cs_sim_nano_layout(client->network));
	message.data = text.data;
	message.length = text.length;
	cs_sim_send(client, &message);
	free(text.data);
	json_object_put(ack);
}

/* Act on one request. */
static void
handle(CsSimClient *client, json_object *request)
{
	CsSimNetwork *network = client->network;
	const char *action = tree_text(request, "action");
	int			topic = cs_sim_nano_topic(tree_text(request, "topic"));
	bool		known = topic_known(network, topic);
	bool		ack = tree_boolean(request, "ack", false) &&
		!cs_sim_switch(network, NANO_NO_ACK);

	if (strcmp(action, "ping") == 0)
	{
		acknowledge(client, "pong", request);
		return;
	}
	if (!known)
		return;
	if (strcmp(action, "subscribe") == 0)
	{
		subscribe(client, topic, request);
		if (cs_sim_switch(network, NANO_FIRST_BEFORE_ACK))
			(void) cs_sim_traffic_next(network);
	}
	else if (strcmp(action, "unsubscribe") == 0)
		unsubscribe(client, topic);
	else if (strcmp(action, "update") != 0 ||
			 !update(client, topic, request))
		return;
	if (ack)
		acknowledge(client, action, request);
	if (strcmp(action, "subscribe") == 0)
		cs_sim_traffic_subscribed(network);
}

/*
 * Is there anything that json-c takes even when told to be strict: single
 * quotes, NaN, Infinity, a number that ends with its point?
 */
static bool
has_extensions(const char *data, size_t length)
{
	bool		quoted = false;

	for (size_t i = 0; i < length; i++)
	{
		if (data[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += data[i] == '\\';
		else if (data[i] == '\'' || data[i] == 'N' || data[i] == 'I' ||
				 (data[i] == '.' && (data[i + 1] < '0' || data[i + 1] > '9')))
			return true;
	}
	return false;
}

/* Strictly one JSON value?  *request* may be NULL then, for null. */
static bool
parse_request(const char *data, size_t length, json_object **request)
{
	json_tokener *tokener = json_tokener_new_ex(REQUEST_DEPTH);
	enum json_tokener_error error;
	size_t		end;

	if (tokener == NULL)
		cs_sim_fatal("out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* With the NUL behind it, for a number at the end is open otherwise. */
	*request = json_tokener_parse_ex(tokener, data, (int) length + 1);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	while (end < length && strchr(" \t\r\n", data[end]) != NULL &&
		   data[end] != '\0')
		end++;
	if (error == json_tokener_success && end >= length &&
		!has_extensions(data, length))
		return true;
	json_object_put(*request);
	return false;
}

static bool
received(CsSimClient *client, const char *data, size_t length, bool binary)
{
	json_object *request;

	(void) binary;				/* the node does not look at the opcode */
	if (!parse_request(data, length, &request))
		return false;
	if (json_object_is_type(request, json_type_object))
		handle(client, request);
	json_object_put(request);
	return true;
}

/* ---------- the dialect ---------- */

static void
closed(CsSimClient *client)
{
	for (int topic = 0; topic < NANO_TOPICS; topic++)
		unsubscribe(client, topic);
}

static bool
subscribed(const CsSimClient *client)
{
	if (client->network->traffic.items == NULL)
		return nano_subscription(client, NANO_CONFIRMATION)->active;
	for (int topic = 0; topic < NANO_TOPICS; topic++)
		if (nano_subscription(client, topic)->active)
			return true;
	return false;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(json_object *const *) a),
				  json_object_get_string(*(json_object *const *) b));
}

/* The accounts of a filter, sorted. */
static json_object *
describe_accounts(const CsSimNetwork *network, const CsSimAccountSet *set)
{
	json_object *list = json_object_new_array();
	uint8_t		(*keys)[CS_SIM_KEY_LENGTH];
	char		text[CS_NANO_ADDRESS_MAX + 1];

	keys = cs_sim_alloc(set->used * sizeof(*keys));
	cs_sim_account_set_list(set, keys);
	for (size_t i = 0; i < set->used; i++)
	{
		cs_nano_address_encode(nano_prefix(network), keys[i], text);
		json_object_array_add(list, json_object_new_string(text));
	}
	free(keys);
	json_object_array_sort(list, compare_texts);
	return list;
}

static json_object *
describe_topic(const CsSimClient *client, int topic)
{
	const NanoSubscription *wanted = nano_subscription(client, topic);
	json_object *result = json_object_new_object();

	json_object_object_add(result, "options",
						   json_object_new_boolean(wanted->has_options));
	if (topic == NANO_CONFIRMATION)
	{
		json_object_object_add(result, "confirmation_types",
							   json_object_new_int(wanted->types));
		json_object_object_add(result, "include_block",
							   json_object_new_boolean(wanted->include_block));
		json_object_object_add(result, "include_election_info",
							   json_object_new_int(wanted->election));
		json_object_object_add(result, "include_sideband_info",
							   json_object_new_boolean(wanted->sideband));
	}
	if (topic == NANO_VOTE)
	{
		json_object_object_add(result, "include_replays",
							   json_object_new_boolean(wanted->include_replays));
		json_object_object_add(result, "include_indeterminate",
							   json_object_new_boolean(wanted->include_indeterminate));
	}
	if (wanted->filtered)
		json_object_object_add(result, topic == NANO_VOTE ?
							   "representatives" : "accounts",
							   describe_accounts(client->network,
												 &wanted->accounts));
	return result;
}

static json_object *
describe(const CsSimClient *client)
{
	json_object *topics = json_object_new_object();

	for (int topic = 0; topic < NANO_TOPICS; topic++)
		if (nano_subscription(client, topic)->active)
			json_object_object_add(topics, cs_sim_nano_topics[topic],
								   describe_topic(client, topic));
	return topics;
}

static bool
binary(const CsSimNetwork *network)
{
	return cs_sim_switch(network, NANO_BINARY);
}

static size_t
deliver(CsSimNetwork *network, CsSimItem *item)
{
	return cs_sim_nano_deliver(network, item, NULL);
}

const CsSimDialect cs_sim_dialect_nano = {
	.name = "nano",
	.topics = cs_sim_nano_topics,
	.switches = switches,
	.token_parameters = (const char *const[]) {"key", NULL},
	.server = "Boost.Beast/347",
	.fragment_size = FRAGMENT_SIZE,
	.message_limit = MESSAGE_LIMIT,
	.shutdown_code = 1000,
	.shutdown_reason = "Shutting down",
	.start = cs_sim_nano_pool_start,
	.stop = cs_sim_nano_pool_stop,
	.client_size = sizeof(NanoClient),
	.closed = closed,
	.received = received,
	.subscribed = subscribed,
	.describe = describe,
	.binary = binary,
	.item_create = cs_sim_nano_item_create,
	.item_free = cs_sim_nano_item_free,
	.deliver = deliver,
	.generate = cs_sim_nano_generate,
	.example = cs_sim_nano_example,
	.accounts = cs_sim_nano_accounts,
};
