/*-------------------------------------------------------------------------
 *
 * dialect_toncenter.c
 *	  TON Center's streaming API v2: connections and what is asked of them.
 *
 * The same service stands behind TonAPI's paths, which have no /api.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Requests may be long: addresses by the thousand. */
#define MESSAGE_LIMIT	((size_t) 64 << 20)

/* Notifications that a stream has room for beyond those of a WebSocket. */
#define STREAM_QUEUE	16

const char *const cs_sim_tc_topics[] = {
	"transactions", "actions", "trace", "account_state_change",
	"jettons_change", "trace_invalidated", NULL
};

const char *const cs_sim_tc_finalities[] = {
	"pending", "confirmed", "finalized", NULL
};

static const CsSimSwitch switches[] = {
	{"accept-invalidated", "take trace_invalidated among the types", true},
	{"first-before-reply", "send a notification before the reply to a "
	"subscribe", true},
	{"two-blocks", "a trace's transactions are in blocks one after the other",
	true},
	{NULL, NULL, false}
};

static const CsSimSetting settings[] = {
	{"confirm-ms", 400, "a trace is pending so long"},
	{"finalize-ms", 1000, "and confirmed so long"},
	{"keepalive-ms", 15000, "between the keep-alives of a stream"},
	{"queue", 64, "notifications that may wait for a client; 0: any number"},
	{"max-connections", 0, "of one key; 0: any number"},
	{"max-addresses", 0, "of one connection; 0: any number"},
	{"linger-ms", 0, "a connection that is gone counts so much longer"},
	{"idle-ms", 0, "end a WebSocket that says nothing for so long; 0: never"},
	{"drop-every", 0, "every so many-th notification is lost; 0: none"},
	{"history", 10000, "transfers that REST remembers (only --set)"},
	{"rest-lag-ms", 0, "REST knows a transfer so much later than the stream"},
	{NULL, 0, NULL}
};

/* The index of a name in a list, or -1. */
static int
find(const char *const *names, const char *name)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int
cs_sim_tc_type(const char *name)
{
	return find(cs_sim_tc_topics, name);
}

int
cs_sim_tc_finality(const char *name)
{
	return find(cs_sim_tc_finalities, name);
}

/* ---------- plain HTTP ---------- */

/* The gateway's answers, to whatever was asked. */
static void
refuse(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	json_object *body = json_object_new_object();
	int			status = response->status;

	(void) network;
	(void) request;
	if (status >= 500)
	{
		json_object_put(body);
		cs_sim_respond_text(response, status, "text/html",
							"<html><body><h1>Trouble</h1></body></html>\r\n");
		return;
	}
	json_object_object_add(body, "ok", json_object_new_boolean(false));
	if (status == 429)
		json_object_object_add(body, "result",
							   json_object_new_string("Ratelimit exceed"));
	else
		json_object_object_add(body, "error",
							   json_object_new_string(status == 403 ?
													  "Network not allowed" :
													  "API key does not exist"));
	json_object_object_add(body, "code", json_object_new_int(status));
	cs_sim_respond_json(response, status, body);
}

/* The id of a request that was understood, for the errors after that. */
static char *
copy_id(const CsSimText *body)
{
	json_object *request = json_tokener_parse(body->data);
	char	   *id = NULL;

	json_object_object_foreach(request, key, value)
	{
		if (strcasecmp(key, "id") != 0 || value == NULL)
			continue;
		free(id);
		id = cs_sim_copy(json_object_get_string(value));
	}
	json_object_put(request);
	return id;
}

/* A request for a stream. */
static void
respond_stream(CsSimNetwork *network, const CsSimRequest *request,
			   CsSimResponse *response)
{
	TcSubscription subscription = {.least = TC_FINALIZED};
	CsSimText	reply = {NULL, 0, 0};
	char		type[128];
	char	   *id = NULL;
	TcLimits	limits;
	TcAsker		asker = {network, true, -1};
	int			status = 400;
	bool		fine;

	cs_sim_tc_read_limits(network, request, &limits);
	asker.max_addresses = limits.addresses;
	(void) cs_sim_request_header(request, "content-type", type, sizeof(type));
	if (strncasecmp(type, "application/json", 16) != 0)
	{
		cs_sim_tc_error(&reply, NULL, "invalid subscription request: "
						"Unprocessable Entity");
		fine = false;
	}
	else
		fine = cs_sim_tc_subscribe(&asker, &subscription, &request->body,
								   &reply);
	if (fine)
	{
		id = copy_id(&request->body);
		reply.length = 0;
		if (cs_sim_tc_too_many(network, &limits, NULL, id, &reply))
		{
			fine = false;
			status = 429;
		}
	}
	if (fine)
		response->stream = true;
	else
		cs_sim_respond_text(response, status, "application/json", reply.data);
	cs_sim_tc_subscription_clear(&subscription);
	free(reply.data);
	free(id);
}

/* Does the gateway let the key through? */
static bool
key_passes(CsSimNetwork *network, const CsSimRequest *request,
		   CsSimResponse *response)
{
	const TcNetwork *state = network->state;
	const TcKey *key;
	char		given[128];

	if (state->keys == NULL)
		return true;
	cs_sim_request_token(request, network->dialect, given, sizeof(given));
	key = cs_sim_tc_find_key(state, given);
	if (key != NULL && !key->forbidden)
		return true;
	response->status = key != NULL ? 403 : 401;
	refuse(network, request, response);
	return false;
}

static void
respond(CsSimNetwork *network, const CsSimRequest *request,
		CsSimResponse *response)
{
	const char *path = request->path;
	static const char text[] = "text/plain; charset=utf-8";

	if (strcmp(path, "/api/streaming/healthz") == 0)
	{
		cs_sim_respond_text(response, 200, "application/json",
							"{\"status\":\"ok\"}");
		return;
	}
	if (!key_passes(network, request, response) ||
		(!request->upgrade && cs_sim_tc_rest(network, request, response)))
		return;
	if (strncmp(path, "/api/streaming/", 15) == 0)
		path += 4;
	if (strcmp(path, "/streaming/v2/ws") == 0)
	{
		if (!request->upgrade)
			cs_sim_respond_text(response, 426, text, "Upgrade Required");
	}
	else if (strcmp(path, "/streaming/v2/sse") != 0)
		cs_sim_respond_text(response, 404, text, "Not Found");
	else if (strcmp(request->method, "POST") != 0)
		cs_sim_respond_text(response, 405, text, "Method Not Allowed");
	else
		respond_stream(network, request, response);
}

/* ---------- connections ---------- */

static void
reply_with(CsSimClient *client, const CsSimText *text)
{
	/* What is no reply does not overtake. */
	const bool	overtake = !cs_sim_switch(client->network,
										  TC_FIRST_BEFORE_REPLY);
	const CsSimMessage message = {
		text->data, text->length,
		overtake || client->sse ? CS_SIM_REPLY : CS_SIM_FAULT, NULL
	};

	cs_sim_send(client, &message);
}

/* Wait for the end of idleness, or for the next keep-alive. */
static void
arm(CsSimClient *client)
{
	cs_sim_client_timer(client, cs_sim_setting(client->network, client->sse ?
											   TC_KEEPALIVE_MS : TC_IDLE_MS));
}

static void
opened(CsSimClient *client, const CsSimRequest *request)
{
	CsSimNetwork *network = client->network;
	TcClient   *state = client->state;
	CsSimText	reply = {NULL, 0, 0};
	char		version[64];
	TcLimits	limits;
	TcAsker		asker = {network, true, -1};

	cs_sim_tc_read_limits(network, request, &limits);
	memcpy(state->key, limits.key, sizeof(state->key));
	state->max_addresses = limits.addresses;
	state->wanted.least = TC_FINALIZED;
	if (cs_sim_request_header(request, "x-actions-version", version,
							  sizeof(version)))
		cs_sim_tc_texts_add(&state->wanted.supported, version);
	asker.max_addresses = limits.addresses;
	if (client->sse)
	{
		(void) cs_sim_tc_subscribe(&asker, &state->wanted, &request->body,
								   &reply);
		reply_with(client, &reply);
		cs_sim_traffic_subscribed(network);
	}
	else if (cs_sim_tc_too_many(network, &limits, client, NULL, &reply))
	{
		state->refused = true;
		reply_with(client, &reply);
		cs_sim_client_end(client);
	}
	free(reply.data);
	arm(client);
}

static void
closed(CsSimClient *client)
{
	TcClient   *state = client->state;

	if (!state->refused)
		cs_sim_tc_linger(client->network, state->key);
	cs_sim_tc_subscription_clear(&state->wanted);
	cs_sim_account_set_clear(&state->pending);
}

static void
timer(CsSimClient *client)
{
	if (client->sse)
		cs_sim_send_heartbeat(client, ": keepalive\n\n");
	else
		cs_sim_client_end(client);
	arm(client);
}

static bool
received(CsSimClient *client, const char *data, size_t length, bool binary)
{
	CsSimNetwork *network = client->network;
	TcClient   *state = client->state;
	TcAsker		asker = {network, false, state->max_addresses};
	CsSimText	reply = {NULL, 0, 0};
	bool		subscribed;

	(void) binary;				/* the service does not look at the opcode */
	subscribed = cs_sim_tc_request(&asker, &state->wanted, data, length,
								   &reply);
	if (subscribed && cs_sim_switch(network, TC_FIRST_BEFORE_REPLY))
		(void) cs_sim_traffic_next(network);
	reply_with(client, &reply);
	free(reply.data);
	if (subscribed)
		cs_sim_traffic_subscribed(network);
	arm(client);
	return true;
}

static bool
subscribed(const CsSimClient *client)
{
	const TcClient *state = client->state;

	for (int type = 0; type < TC_TYPES; type++)
		if (state->wanted.types[type])
			return true;
	return false;
}

static json_object *
describe_texts(const TcTexts *texts)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < texts->count; i++)
		json_object_array_add(list, json_object_new_string(texts->list[i]));
	return list;
}

static json_object *
describe(const CsSimClient *client)
{
	const TcSubscription *wanted = &((TcClient *) client->state)->wanted;
	json_object *result = json_object_new_object();
	json_object *types = json_object_new_array();

	for (int type = 0; type < TC_TYPES; type++)
		if (wanted->types[type])
			json_object_array_add(types, json_object_new_string(
				cs_sim_tc_topics[type]));
	json_object_object_add(result, "types", types);
	json_object_object_add(result, "addresses",
						   ton_set_describe(&wanted->addresses));
	json_object_object_add(result, "trace_external_hash_norms",
						   describe_texts(&wanted->traces));
	json_object_object_add(result, "min_finality", json_object_new_string(
		cs_sim_tc_finalities[wanted->least]));
	json_object_object_add(result, "include_address_book",
						   json_object_new_boolean(wanted->book));
	json_object_object_add(result, "include_metadata",
						   json_object_new_boolean(wanted->metadata));
	json_object_object_add(result, "action_types",
						   describe_texts(&wanted->action_types));
	json_object_object_add(result, "supported_action_types",
						   describe_texts(&wanted->supported));
	return result;
}

static void
event(CsSimClient *client, const CsSimMessage *message, CsSimText *text)
{
	const char *name = message->topic == CS_SIM_REPLY ? "connected" : "event";

	(void) client;
	cs_sim_text_printf(text, "event: %s\ndata: ", name);
	cs_sim_text_add(text, message->data, message->length);
	cs_sim_text_add(text, "\n\n", 2);
}

static size_t
queue_limit(const CsSimClient *client)
{
	size_t		limit = (size_t) cs_sim_setting(client->network, TC_QUEUE);

	return limit == 0 || !client->sse ? limit : limit + STREAM_QUEUE;
}

/* ---------- the dialect ---------- */

static void
start(CsSimNetwork *network)
{
	network->state = cs_sim_alloc(sizeof(TcNetwork));
	cs_sim_tc_history_start(network);
	cs_sim_tc_traces_start(network);
}

static void
stop(CsSimNetwork *network)
{
	TcNetwork  *state = network->state;

	cs_sim_tc_traces_stop(network);
	cs_sim_tc_history_stop(network);
	cs_sim_tc_keys_stop(network);
	free(state);
}

const CsSimDialect cs_sim_dialect_toncenter = {
	.name = "toncenter",
	.topics = cs_sim_tc_topics,
	.switches = switches,
	.settings = settings,
	.commands = cs_sim_tc_commands,
	.token_parameters = (const char *const[]) {"api_key", "token", NULL},
	.token_headers = (const char *const[]) {"x-api-key", "authorization", NULL},
	.message_limit = MESSAGE_LIMIT,
	.start = start,
	.stop = stop,
	.respond = respond,
	.refuse = refuse,
	.client_size = sizeof(TcClient),
	.opened = opened,
	.closed = closed,
	.timer = timer,
	.tick = cs_sim_tc_tick,
	.received = received,
	.subscribed = subscribed,
	.describe = describe,
	.event = event,
	.replies_first = true,
	.queue_limit = queue_limit,
	.item_create = cs_sim_tc_item_create,
	.item_free = cs_sim_tc_item_free,
	.deliver = cs_sim_tc_deliver,
	.generate = cs_sim_tc_generate,
	.example = cs_sim_tc_example,
	.accounts = cs_sim_tc_accounts,
};
