/*-------------------------------------------------------------------------
 *
 * dialect_symbol.c
 *	  The Symbol REST gateway: uid, subscriptions, and how it refuses.
 *
 * Nothing is acknowledged.  A request the gateway does not like ends the
 * connection: with 1013 and a reason, or with an empty close frame.  On any
 * other path than /ws the upgrade succeeds and nothing ever happens.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

/* The library's default. */
#define MESSAGE_LIMIT	((size_t) 100 << 20)

/* How the gateway closes what it refuses. */
#define TRY_AGAIN_LATER	1013

/* Most of a reason; the frame takes no more. */
#define REASON_MAX		123

const char *const cs_sim_symbol_topics[] = {
	"block", "finalizedBlock", "confirmedAdded", "unconfirmedAdded",
	"unconfirmedRemoved", "partialAdded", "partialRemoved", "cosignature",
	"status", NULL
};

static const CsSimSwitch switches[] = {
	{"rest25", "as gateway 2.5.0: its uid, fields and refusals", false},
	{"no-uid", "withhold the uid", true},
	{"address-required", "channels of transactions need an address", true},
	{"symbol-mainnet", "mainnet instead of testnet", false},
	{NULL, NULL, false}
};

static const CsSimSetting settings[] = {
	{"channels", 500, "distinct channels of all clients together"},
	{"block-size", 10, "transactions of a full block"},
	{"lag", 0, "so many transactions stay unconfirmed"},
	{"rest-limit", 0, "REST requests a second before 429; 0: any number"},
	{NULL, 0, NULL}
};

SymbolKind
cs_sim_symbol_kind(const char *name, size_t length)
{
	int			kind = 0;

	while (kind < SYMBOL_KINDS &&
		   (strncmp(cs_sim_symbol_topics[kind], name, length) != 0 ||
			cs_sim_symbol_topics[kind][length] != '\0'))
		kind++;
	return (SymbolKind) kind;
}

/* Close with 1013 and what follows. */
static void
refuse(CsSimClient *client, const char *format,...)
	__attribute__((format(printf, 2, 3)));

static void
refuse(CsSimClient *client, const char *format,...)
{
	char		reason[REASON_MAX + 1];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	cs_sim_client_close(client, TRY_AGAIN_LATER, reason);
}

/* ---------- channels ---------- */

static bool
is_namespace(const char *text, size_t length)
{
	return length == 16 && strspn(text, "0123456789ABCDEFabcdef") >= length;
}

/* The parameter of a channel; false: refused. */
static bool
parse_address(CsSimClient *client, const char *text, size_t length,
			  SymbolChannel *channel)
{
	CsSimNetwork *network = client->network;
	char		bad;

	channel->has_address = true;
	if (is_namespace(text, length))
	{
		cs_sim_symbol_alias(symbol_network_byte(network),
							strtoull(text, NULL, 16), channel->address);
		return true;
	}
	if (cs_sim_symbol_decode(text, length, channel->address, &bad))
		return true;
	if (bad != '\0' && !cs_sim_switch(network, SYMBOL_REST25))
		refuse(client, "illegal base32 character %c", bad);
	else
		refuse(client, "%.*s does not represent a valid encoded address",
			   (int) length, text);
	return false;
}

/* Understand the text of a subscription; false: refused. */
static bool
parse_channel(CsSimClient *client, const char *topic, SymbolChannel *channel)
{
	size_t		name = strcspn(topic, "/");
	const char *param = topic + name + (topic[name] == '/');
	size_t		length = strcspn(param, "/");
	const char *dot = strchr(topic, '.');

	channel->topic = (char *) topic;
	channel->kind = SYMBOL_KINDS;
	if (dot != NULL && strcmp(dot, ".close") == 0)
		return true;			/* the gateway's own event of that name */
	if (dot != NULL)
	{
		refuse(client, "%s indicates an unsupported subevent", topic);
		return false;
	}
	channel->kind = cs_sim_symbol_kind(topic, name);
	if (channel->kind == SYMBOL_KINDS)
		refuse(client, "unknown topic category %.*s", (int) name, topic);
	else if (channel->kind <= SYMBOL_FINALIZED_BLOCK)
	{
		if (length == 0)
			return true;
		refuse(client, "unexpected param to block subscription");
	}
	else if (length > 0)
		return parse_address(client, param, length, channel);
	else if (!cs_sim_switch(client->network, SYMBOL_ADDRESS_REQUIRED))
		return true;
	else
		refuse(client, "address param missing from address subscription");
	return false;
}

/* ---------- requests ---------- */

/* A member that is there, or NULL; null counts as absent. */
static json_object *
member(json_object *object, const char *key)
{
	json_object *value = NULL;

	(void) json_object_object_get_ex(object, key, &value);
	return value;
}

/* Act on one request. */
static void
handle(CsSimClient *client, json_object *request)
{
	const SymbolClient *state = client->state;
	json_object *uid = member(request, "uid");
	json_object *subscribe = member(request, "subscribe");
	json_object *unsubscribe = member(request, "unsubscribe");
	SymbolChannel channel = {.next = NULL};

	if (!json_object_is_type(uid, json_type_string) ||
		strcmp(json_object_get_string(uid), state->uid) != 0 ||
		(subscribe != NULL) == (unsubscribe != NULL) ||
		!json_object_is_type(subscribe != NULL ? subscribe : unsubscribe,
							 json_type_string))
		cs_sim_client_close(client, 0, "");
	else if (unsubscribe != NULL)
		cs_sim_symbol_unsubscribe(client, json_object_get_string(unsubscribe));
	else if (parse_channel(client, json_object_get_string(subscribe),
						   &channel))
	{
		if (!cs_sim_symbol_subscribe(client, &channel))
			refuse(client, "Max subscriptions reached.");
		else
			cs_sim_traffic_subscribed(client->network);
	}
}

static bool
received(CsSimClient *client, const char *data, size_t length, bool binary)
{
	json_object *request;
	CsSimScan	scan;

	(void) binary;				/* only the content counts */
	if (((const SymbolClient *) client->state)->mute ||
		client->close != CS_SIM_STAY)
		return true;
	if (!cs_sim_json_scan(&scan, data, length) || !cs_sim_json_scan_end(&scan))
	{
		CsSimText	reason = {NULL, 0, 0};

		cs_sim_json_javascript(&scan, &reason);
		refuse(client, "%s", reason.data);
		free(reason.data);
		return true;
	}
	request = cs_sim_json_read(&scan);
	/* Of null it reads a property, which ends more than this connection. */
	if (request == NULL)
		return false;
	handle(client, request);
	json_object_put(request);
	return true;
}

/* ---------- the dialect ---------- */

/* A new uid, as the gateway's version makes them. */
static void
make_uid(CsSimNetwork *network, char *uid)
{
	uint8_t		bytes[20];

	cs_sim_chance_bytes(&symbol_state(network)->chance, bytes, sizeof(bytes));
	if (cs_sim_switch(network, SYMBOL_REST25))
		(void) EVP_EncodeBlock((unsigned char *) uid, bytes, sizeof(bytes));
	else
		cs_sim_symbol_base32(bytes, sizeof(bytes), uid);
}

static void
opened(CsSimClient *client, const CsSimRequest *request)
{
	SymbolClient *state = client->state;
	char		text[64];
	CsSimMessage message = {.data = text,.topic = -1};

	state->mute = strcmp(request->path, "/ws") != 0 ||
		request->argument_count > 0;
	make_uid(client->network, state->uid);
	if (state->mute || cs_sim_switch(client->network, SYMBOL_NO_UID))
		return;
	message.length = (size_t) snprintf(text, sizeof(text), "{\"uid\": \"%s\"}",
									   state->uid);
	cs_sim_send(client, &message);
}

static void
closed(CsSimClient *client)
{
	cs_sim_symbol_unsubscribe_all(client);
}

static bool
subscribed(const CsSimClient *client)
{
	return ((const SymbolClient *) client->state)->subscriptions > 0;
}

static void
start(CsSimNetwork *network)
{
	SymbolState *state = cs_sim_alloc(sizeof(*state));

	network->state = state;
	state->chance = cs_sim_mix(network->pool.seed);
	cs_sim_symbol_pool_start(network);
	cs_sim_symbol_chain_start(network);
}

static void
stop(CsSimNetwork *network)
{
	cs_sim_symbol_chain_stop(network);
	cs_sim_symbol_pool_stop(network);
	cs_sim_symbol_items_end(network);
	free(network->state);
}

const CsSimDialect cs_sim_dialect_symbol = {
	.name = "symbol",
	.topics = cs_sim_symbol_topics,
	.switches = switches,
	.settings = settings,
	.commands = cs_sim_symbol_commands,
	/* Of a proxy; a gateway wants none. */
	.token_headers = (const char *const[]) {"authorization", NULL},
	.message_limit = MESSAGE_LIMIT,
	.start = start,
	.stop = stop,
	.respond = cs_sim_symbol_respond,
	.refuse = cs_sim_symbol_refuse,
	.client_size = sizeof(SymbolClient),
	.opened = opened,
	.closed = closed,
	.received = received,
	.subscribed = subscribed,
	.describe = cs_sim_symbol_channels,
	.item_create = cs_sim_symbol_item_create,
	.item_free = cs_sim_symbol_item_free,
	.deliver = cs_sim_symbol_deliver,
	.generate = cs_sim_symbol_generate,
	.example = cs_sim_symbol_example,
	.accounts = cs_sim_symbol_accounts,
};
