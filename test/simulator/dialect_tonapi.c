/*-------------------------------------------------------------------------
 *
 * dialect_tonapi.c
 *	  TonAPI's own streaming interface: streams and its WebSocket.
 *
 * A stream has its one subscription in the query.  Both transports show that
 * they live when nothing else is sent: a stream by an event without data, a
 * WebSocket by a ping frame.  The timer begins anew with every event.
 *
 * TON Center's protocol, which TonAPI speaks as well, is another dialect.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Requests may be long: addresses by the thousand. */
#define MESSAGE_LIMIT	((size_t) 16 << 20)

#define SSE_TYPE		"text/event-stream"
#define TEXT_TYPE		"text/plain; charset=utf-8"

const char *const cs_sim_ta_topics[] = {
	"account_transaction", "trace", "mempool_message", "block", NULL
};

static const CsSimSwitch switches[] = {
	{"no-transactions", "a server without this source", true},
	{"no-traces", "a server without this source", true},
	{"no-mempool", "a server without this source", true},
	{"no-blocks", "a server without this source", true},
	{"extra-fields", "notifications have members nobody knows", true},
	{NULL, NULL, false}
};

static const CsSimSetting settings[] = {
	{"idle-ms", 5000, "a heartbeat or ping after so much silence"},
	{"queue", 2000, "notifications that may wait for a client; 0: any number"},
	{"limit", 10000, "accounts of one WebSocket, and as many traces"},
	{"block-ms", 400, "from a message to its block; 0: at once"},
	{"not-found", 0, "so often REST knows no transaction that there is"},
	{"history", 20000, "transactions that REST remembers (only --set)"},
	{NULL, 0, NULL}
};

/* ---------- streams ---------- */

/* The topic of a stream's path; -1: none. */
static int
stream_topic(const char *path)
{
	static const char *const paths[TA_TOPICS] = {
		"/v2/sse/accounts/transactions", "/v2/sse/accounts/traces",
		"/v2/sse/mempool", "/v2/sse/blocks"
	};

	for (int topic = 0; topic < TA_TOPICS; topic++)
		if (strcmp(path, paths[topic]) == 0)
			return topic;
	return -1;
}

/* Read the accounts of the query, or "ALL".  False: *bad* is no address. */
static bool
read_accounts(const CsSimRequest *request, TonSet *set, bool *all, char *bad,
			  size_t bad_size)
{
	const char *text = cs_sim_request_argument(request, "accounts");
	char	   *list = cs_sim_copy(text != NULL ? text : "");
	const char *wrong = "";
	bool		fine = true;

	*all = strcasecmp(list, "ALL") == 0;
	if (!*all)
		fine = cs_sim_ta_addresses(list, set, &wrong);
	snprintf(bad, bad_size, "%s", wrong);
	free(list);
	return fine;
}

static bool
read_blocks(const CsSimRequest *request, TaClient *client,
			CsSimResponse *response)
{
	const char *text = cs_sim_request_argument(request, "workchain");
	char	   *end;

	client->blocks = true;
	client->one_chain = text != NULL;
	if (text == NULL)
		return true;
	client->workchain = (int) strtol(text, &end, 10);
	if (end == text || *end != '\0')
		cs_sim_respond_text(response, 400, SSE_TYPE,
							"failed to parse 'workchain' parameter in query");
	else if (client->workchain != 0 && client->workchain != -1)
		cs_sim_respond_text(response, 400, SSE_TYPE,
							"invalid 'workchain' parameter in query");
	else
		return true;
	return false;
}

/* What a stream is subscribed to.  False: *response* says what is wrong. */
static bool
read_stream(const CsSimRequest *request, TaTopic topic, TaClient *client,
			CsSimResponse *response)
{
	const char *operations = cs_sim_request_argument(request, "operations");
	char		text[512];
	char		bad[256];
	bool		all;

	if (topic == TA_BLOCK)
		return read_blocks(request, client, response);
	if (topic == TA_MEMPOOL)
	{
		const char *accounts = cs_sim_request_argument(request, "accounts");

		client->mempool = true;
		if (accounts == NULL || *accounts == '\0' ||
			(read_accounts(request, &client->mempool_accounts, &all, bad,
						   sizeof(bad)) && !all))
			return true;
		snprintf(text, sizeof(text), "can't decode address %s",
				 all ? accounts : bad);
		cs_sim_respond_text(response, 500, SSE_TYPE, text);
		return false;
	}
	if (topic == TA_TRANSACTION && operations != NULL && *operations != '\0')
		client->operations = cs_sim_copy(operations);
	if (read_accounts(request, topic == TA_TRACE ? &client->traces :
					  &client->transactions, topic == TA_TRACE ?
					  &client->all_traces : &client->all, bad, sizeof(bad)))
		return true;
	if (topic == TA_TRACE)
		snprintf(text, sizeof(text),
				 "failed to parse 'accounts' parameter in query");
	else
		snprintf(text, sizeof(text), "failed to parse query parameters: "
				 "can't decode address %s", bad);
	cs_sim_respond_text(response, 400, SSE_TYPE, text);
	return false;
}

static void
respond_stream(const CsSimNetwork *network, const CsSimRequest *request,
			   TaTopic topic, CsSimResponse *response)
{
	TaClient	client;

	if (cs_sim_switch(network, TA_NO_TRANSACTIONS + (int) topic))
	{
		cs_sim_respond_text(response, 404, "application/json",
							"{\"error\":\"not found\"}");
		return;
	}
	memset(&client, 0, sizeof(client));
	response->stream = read_stream(request, topic, &client, response);
	cs_sim_ta_client_clear(&client);
}

/* ---------- requests ---------- */

/* The gateway's answers; their form is not documented but for 429. */
static void
refuse(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	bool		rest = strncmp(request->path, "/v2/blockchain/", 15) == 0;
	json_object *body = json_object_new_object();
	int			status = response->status;

	(void) network;
	json_object_object_add(body, status == 429 && rest ? "Error" : "error",
						   json_object_new_string(
							   status == 429 ? "rate limit" :
							   status == 401 ? "unauthorized" :
							   status == 404 ? "entity not found" :
							   "internal error"));
	cs_sim_respond_json(response, status, body);
}

/* Is the host of the Origin header another one than that of Host? */
static bool
foreign_origin(const CsSimRequest *request)
{
	char		origin[512];
	char		host[512];
	const char *name;

	if (!cs_sim_request_header(request, "origin", origin, sizeof(origin)))
		return false;
	(void) cs_sim_request_header(request, "host", host, sizeof(host));
	name = strstr(origin, "://");
	return strcasecmp(name != NULL ? name + 3 : origin, host) != 0;
}

static void
respond(CsSimNetwork *network, const CsSimRequest *request,
		CsSimResponse *response)
{
	int			topic = stream_topic(request->path);

	if (strcmp(request->path, "/v2/websocket") == 0)
	{
		if (!request->upgrade)
		{
			cs_sim_respond_text(response, 400, TEXT_TYPE, "Bad Request\n");
			cs_sim_text_printf(&response->headers,
							   "Sec-Websocket-Version: 13\r\n");
		}
		else if (foreign_origin(request))
			cs_sim_respond_text(response, 403, TEXT_TYPE, "Forbidden\n");
	}
	else if (topic >= 0 && !request->upgrade)
		respond_stream(network, request, (TaTopic) topic, response);
	else
		cs_sim_ta_rest(network, request, response);
}

/* ---------- connections ---------- */

static void
arm(CsSimClient *client)
{
	cs_sim_client_timer(client, cs_sim_setting(client->network, TA_IDLE_MS));
}

static void
sign_of_life(CsSimClient *client)
{
	if (client->sse)
		cs_sim_send_heartbeat(client, "event: heartbeat\n\n");
	else
		cs_sim_send_ping(client, "", 0);
	arm(client);
}

static void
opened(CsSimClient *client, const CsSimRequest *request)
{
	CsSimResponse unused;

	if (!client->sse)
	{
		arm(client);
		return;
	}
	memset(&unused, 0, sizeof(unused));
	(void) read_stream(request, (TaTopic) stream_topic(request->path),
					   client->state, &unused);
	sign_of_life(client);
	cs_sim_traffic_subscribed(client->network);
}

static void
closed(CsSimClient *client)
{
	cs_sim_ta_client_clear(client->state);
}

static bool
received(CsSimClient *client, const char *data, size_t length, bool binary)
{
	CsSimText	reply = {NULL, 0, 0};
	CsSimMessage message = {.topic = CS_SIM_REPLY};

	(void) binary;
	arm(client);
	if (!cs_sim_ta_request(client->network, client->state, data, length,
						   &reply))
	{
		cs_sim_client_freeze(client);
		return true;
	}
	message.data = reply.data;
	message.length = reply.length;
	cs_sim_send(client, &message);
	free(reply.data);
	cs_sim_traffic_subscribed(client->network);
	return true;
}

static bool
subscribed(const CsSimClient *client)
{
	const TaClient *wanted = client->state;

	return wanted->all || wanted->all_traces || wanted->mempool || wanted->blocks ||
		ton_set_count(&wanted->transactions) > 0 ||
		ton_set_count(&wanted->traces) > 0;
}

static json_object *
describe(const CsSimClient *client)
{
	const TaClient *wanted = client->state;
	json_object *result = json_object_new_object();

	if (wanted->all || wanted->all_traces)
		json_object_object_add(result, "all", json_object_new_boolean(true));
	if (ton_set_count(&wanted->transactions) > 0)
		json_object_object_add(result, "account_transaction",
							   ton_set_describe(&wanted->transactions));
	if (ton_set_count(&wanted->traces) > 0)
		json_object_object_add(result, "trace",
							   ton_set_describe(&wanted->traces));
	if (wanted->mempool)
		json_object_object_add(result, "mempool_message",
							   ton_set_describe(&wanted->mempool_accounts));
	if (wanted->blocks)
		json_object_object_add(result, "block", wanted->one_chain ?
							   json_object_new_int(wanted->workchain) : NULL);
	return result;
}

static void
event(CsSimClient *client, const CsSimMessage *message, CsSimText *text)
{
	TaNetwork  *state = client->network->state;

	cs_sim_text_printf(text, "event: message\nid: %llu\ndata: ",
					   (unsigned long long) ++state->last_id);
	cs_sim_text_add(text, message->data, message->length);
	cs_sim_text_add(text, "\n\n", 2);
}

static size_t
queue_limit(const CsSimClient *client)
{
	return (size_t) cs_sim_setting(client->network, TA_QUEUE);
}

/* ---------- the dialect ---------- */

static void
start(CsSimNetwork *network)
{
	TaNetwork  *state = cs_sim_alloc(sizeof(*state));
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	network->state = state;
	state->pool = ton_pool_create(network);
	state->last_id = (uint64_t) now.tv_sec * 1000000000 +
		(uint64_t) now.tv_nsec;
	cs_sim_ta_history_start(network);
}

static void
stop(CsSimNetwork *network)
{
	TaNetwork  *state = network->state;

	cs_sim_ta_history_stop(network);
	cs_sim_ta_blocks_stop(network);
	ton_pool_free(state->pool);
	free(state);
}

static void
accounts(CsSimNetwork *network, uint64_t from, uint64_t count, FILE *file)
{
	ton_pool_accounts(((TaNetwork *) network->state)->pool, from, count, file);
}

/* The next transfer; what of it is told when depends on "block-ms". */
static bool
run_transfer(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const TaNetwork *state = network->state;
	const TonTransfer *transfer;
	char		root[TON_HEX_SIZE];
	char		child[TON_HEX_SIZE];

	(void) arguments;
	(void) cs_sim_ta_generate(network);
	transfer = &state->recent->transfer;
	ton_hex(transfer->sender.hash, root);
	ton_hex(transfer->recipient.hash, child);
	cs_sim_text_printf(answer, "%s %s %s %s", transfer->sender.text, root,
					   transfer->recipient.text, child);
	return true;
}

static const CsSimCommand commands[] = {
	{"transfer", ": make the next; answers sender, its transaction, recipient, "
	"its transaction", run_transfer},
	{NULL, NULL, NULL}
};

const CsSimDialect cs_sim_dialect_tonapi = {
	.name = "tonapi",
	.topics = cs_sim_ta_topics,
	.switches = switches,
	.settings = settings,
	.commands = commands,
	.token_parameters = (const char *const[]) {"token", NULL},
	.token_headers = (const char *const[]) {"authorization", NULL},
	.message_limit = MESSAGE_LIMIT,
	.start = start,
	.stop = stop,
	.respond = respond,
	.refuse = refuse,
	.client_size = sizeof(TaClient),
	.opened = opened,
	.closed = closed,
	.timer = sign_of_life,
	.tick = cs_sim_ta_tick,
	.received = received,
	.subscribed = subscribed,
	.describe = describe,
	.event = event,
	.queue_limit = queue_limit,
	.item_create = cs_sim_ta_item_create,
	.item_free = cs_sim_ta_item_free,
	.deliver = cs_sim_ta_deliver,
	.generate = cs_sim_ta_generate,
	.example = cs_sim_ta_example,
	.accounts = accounts,
};
