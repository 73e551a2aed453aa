/*-------------------------------------------------------------------------
 *
 * dialect_flow.c
 *	  The Flow access node: connections, pings and frames.
 *
 * The server pings, and wants a pong within a second or so.  Without one its
 * reader fails, says so 999 times and stops for good, while everything else
 * goes on.  It never sends a close frame of its own accord.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

/* Requests have no limit; this is the simulator's. */
#define MESSAGE_LIMIT	((size_t) 64 << 20)

/* The server's write buffer, less the room for a frame's header. */
#define FRAGMENT		4082

/* What is longer is written around the buffer. */
#define BUFFER_TWICE	8192

/* First bytes of frames. */
#define TEXT_FIRST		0x01
#define TEXT_WHOLE		0x81
#define MORE			0x00
#define LAST			0x80

/* How often the failed reader says so. */
#define FAILURES		999

/* A client that waits for room is looked at again after this. */
#define CATCH_UP_MS		5

/* And any other at least so often. */
#define IDLE_MS			60000

const char *const cs_sim_flow_topics[] = {
	"block_digests", "block_headers", "blocks", "events", "account_statuses",
	"transaction_statuses", "send_and_get_transaction_statuses", NULL
};

static const CsSimSwitch switches[] = {
	{"flow-testnet", "addresses and contracts of testnet", false},
	{"flow-emulator", "of the emulator, and no times on events", false},
	{"old-times", "times with up to nine digits, as before v0.43", false},
	{"old-blocks", "blocks as before v0.41.1: quoted states", false},
	{"old-events", "events in CCF, as before v0.42", false},
	{"old-streams", "429 to handshakes, as v0.48, when streams are used up",
	false},
	{"no-events", "a node without the events and accounts topics", true},
	{NULL, NULL, false}
};

static const CsSimSetting settings[] = {
	{"ping-ms", 9000, "from ping to ping; 0: neither pings nor deadline"},
	{"pong-ms", 10000, "from a pong to the deadline of the next"},
	{"inactive-ms", 60000, "without a subscription, until the end"},
	{"check-ms", 6000, "how often that is looked at"},
	{"subscriptions", 20, "of one connection"},
	{"streams", 1000, "of all connections"},
	{"root-height", 137390146, "of the node"},
	{"lowest-indexed", 0, "height of which events are known"},
	{"index-lag", 0, "so far is the index behind the sealed height"},
	{"execute-lag", 1, "and execution behind the finalized height"},
	{"seal-lag", 3, "and sealing"},
	{"per-block", 1, "transactions of a block that is not empty"},
	{"heartbeat-blocks", 1, "without an argument of the subscription"},
	{"expiry", 600, "blocks until an unknown transaction is expired"},
	{"tail", 0, "notifications that still come after an unsubscribe"},
	{"responses", 0, "notifications of blocks a second, of one connection; "
	"0: any number"},
	{NULL, 0, NULL}
};

/* ---------- sending ---------- */

void
cs_sim_flow_send(CsSimClient *client, CsSimText *text, int topic,
				 const char *hash)
{
	CsSimMessage message = {.topic = topic,.hash = hash};

	if (((FlowClient *) client->state)->inactive)
		return;
	cs_sim_text_add(text, "\n", 1);
	message.data = text->data;
	message.length = text->length;
	cs_sim_send(client, &message);
	((FlowClient *) client->state)->last_sent = lws_now_usecs();
}

/* Cut a message as the server's library does. */
static bool
frame(CsSimClient *client, const CsSimMessage *message)
{
	const char *data = message->data;
	size_t		rest = message->length;
	unsigned char first = TEXT_FIRST;

	if (rest <= FRAGMENT)
		cs_sim_send_frame(client, TEXT_WHOLE, data, rest);
	else if (rest > BUFFER_TWICE)
	{
		cs_sim_send_frame(client, TEXT_FIRST, data, rest);
		cs_sim_send_frame(client, LAST, "", 0);
	}
	else
	{
		for (; rest > FRAGMENT; rest -= FRAGMENT, data += FRAGMENT)
		{
			cs_sim_send_frame(client, first, data, FRAGMENT);
			first = MORE;
		}
		cs_sim_send_frame(client, LAST, data, rest);
	}
	return true;
}

/* ---------- time ---------- */

/* A setting in microseconds from now. */
static int64_t
from_now(const CsSimClient *client, int setting)
{
	return lws_now_usecs() +
		(int64_t) cs_sim_setting(client->network, setting) * 1000;
}

/* The reader fails: it says so, and reads nothing any more. */
static void
fail_reader(CsSimClient *client)
{
	FlowClient *state = client->state;

	state->deaf = true;
	for (int i = 0; i < FAILURES; i++)
		cs_sim_flow_error(client, "", 400, "", "error reading message: read "
						  "tcp 127.0.0.1:8070->127.0.0.1:51234: i/o timeout");
	lws_rx_flow_control(client->wsi, 0);
}

/* Is the connection of no use? */
static bool
useless(const CsSimClient *client)
{
	const FlowClient *state = client->state;

	return state->count == 0 && lws_now_usecs() - state->last_sent >
		(int64_t) cs_sim_setting(client->network, FLOW_INACTIVE_MS) * 1000;
}

/* What has become due. */
static void
check(CsSimClient *client)
{
	FlowClient *state = client->state;
	int64_t		now = lws_now_usecs();
	int64_t		signed_at;
	bool		pings = cs_sim_setting(client->network, FLOW_PING_MS) > 0;

	if (now >= state->check_at)
	{
		state->inactive = state->inactive || useless(client);
		state->check_at = from_now(client, FLOW_CHECK_MS);
	}
	if (pings && now >= state->ping_at && !state->inactive)
	{
		cs_sim_send_ping(client, "", 0);
		state->ping_at = from_now(client, FLOW_PING_MS);
	}
	if (pings && now >= state->deadline && !state->deaf &&
		cs_sim_client_signed(client, &signed_at))
		state->deadline = signed_at +
			(int64_t) cs_sim_setting(client->network, FLOW_PONG_MS) * 1000;
	if (pings && now >= state->deadline && !state->deaf)
	{
		if (state->inactive)
			cs_sim_client_end(client);
		else
			fail_reader(client);
	}
}

/* Send what is due, and be called again when the next is. */
static void
timer(CsSimClient *client)
{
	FlowClient *state = client->state;
	int64_t		next;
	int64_t		now;

	check(client);
	if (cs_sim_flow_pump(client))
	{
		cs_sim_client_timer(client, CATCH_UP_MS);
		return;
	}
	next = state->check_at;
	if (cs_sim_setting(client->network, FLOW_PING_MS) > 0)
	{
		if (!state->inactive && state->ping_at < next)
			next = state->ping_at;
		if (!state->deaf && state->deadline < next)
			next = state->deadline;
	}
	now = lws_now_usecs();
	next = next > now ? (next - now) / 1000 + 1 : 1;
	cs_sim_client_timer(client, next < IDLE_MS ? (uint64_t) next : IDLE_MS);
}

static void
pong(CsSimClient *client, const char *data, size_t length)
{
	FlowClient *state = client->state;

	(void) data;
	(void) length;
	if (state->deaf)
		return;
	state->deadline = from_now(client, FLOW_PONG_MS);
}

/* ---------- a client's life ---------- */

static void
opened(CsSimClient *client, const CsSimRequest *request)
{
	FlowClient *state = client->state;

	(void) request;
	state->last_sent = lws_now_usecs();
	state->ping_at = from_now(client, FLOW_PING_MS);
	state->deadline = from_now(client, FLOW_PONG_MS);
	state->check_at = from_now(client, FLOW_CHECK_MS);
	timer(client);
}

static void
closed(CsSimClient *client)
{
	cs_sim_flow_remove_all(client);
}

static bool
received(CsSimClient *client, const char *data, size_t length, bool binary)
{
	const FlowClient *state = client->state;

	(void) binary;				/* the server does not look at the opcode */
	if (state->inactive)
		return false;
	if (state->deaf)
		return true;
	cs_sim_flow_request(client, data, length);
	timer(client);
	return true;
}

static bool
subscribed(const CsSimClient *client)
{
	return ((const FlowClient *) client->state)->count > 0;
}

static json_object *
describe(const CsSimClient *client)
{
	const FlowClient *state = client->state;
	json_object *list = json_object_new_array();

	for (const FlowSubscription *subscription = state->subscriptions;
		 subscription; subscription = subscription->next)
	{
		json_object *object = json_object_new_object();

		json_object_object_add(object, "id",
							   json_object_new_string(subscription->id));
		json_object_object_add(object, "topic",
							   json_object_new_string(
								   cs_sim_flow_topics[subscription->topic]));
		json_object_object_add(object, "arguments",
							   json_object_get(subscription->arguments));
		json_object_array_add(list, object);
	}
	return list;
}

/* ---------- traffic ---------- */

/* One more block, for everybody. */
static size_t
generate(CsSimNetwork *network)
{
	size_t		clients = 0;

	cs_sim_flow_advance(network);
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		if (client->dead)
			continue;
		cs_sim_flow_remove_ended(client);
		clients += subscribed(client);
		if (cs_sim_flow_pump(client))
			cs_sim_client_timer(client, CATCH_UP_MS);
	}
	return clients;
}

static void
example(CsSimClient *client, CsSimText *text)
{
	CsSimNetwork *network = client->network;
	const FlowSubscription *subscription =
		((FlowClient *) client->state)->subscriptions;
	FlowSubscription other = {.id = "example",.topic = FLOW_BLOCK_HEADERS};

	if (subscription != NULL)
		snprintf(other.id, sizeof(other.id), "%s", subscription->id);
	cs_sim_flow_envelope(&other, text);
	cs_sim_flow_header(network, flow_state(network)->head, text);
	cs_sim_text_printf(text, "}\n");
}

static void
accounts(CsSimNetwork *network, uint64_t from, uint64_t count, FILE *file)
{
	for (uint64_t i = from; i < network->pool.accounts && count > 0;
		 i++, count--)
		fprintf(file, "0x%016llx\n",
				(unsigned long long) cs_sim_flow_address(network, 1000 + i));
}

/* ---------- commands ---------- */

static bool
run_blocks(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	count;

	if (!cs_sim_parse_number(cs_sim_word(&arguments), 1000000, &count))
		return false;
	while (count-- > 0)
		(void) generate(network);
	cs_sim_text_printf(answer, "%llu",
					   (unsigned long long) flow_state(network)->head);
	return true;
}

/* A subscription, or all, end with an error. */
static bool
run_fail(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *id = cs_sim_word(&arguments);
	size_t		failed = 0;

	if (*id == '\0' || *arguments == '\0')
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		FlowClient *state = client->state;

		for (FlowSubscription *subscription = state->subscriptions, *next;
			 subscription; subscription = next)
		{
			next = subscription->next;
			if (strcmp(id, "*") != 0 && strcmp(id, subscription->id) != 0)
				continue;
			cs_sim_flow_error(client, subscription->id, 500, "subscribe",
							  "internal error: subscription finished with "
							  "error: %s", arguments);
			cs_sim_flow_remove(client, subscription);
			failed++;
		}
	}
	cs_sim_text_printf(answer, "%zu", failed);
	return true;
}

/* A subscription, or all, are gone without a word. */
static bool
run_forget(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *id = cs_sim_word(&arguments);
	size_t		forgotten = 0;

	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		FlowClient *state = client->state;

		for (FlowSubscription *subscription = state->subscriptions;
			 subscription; subscription = subscription->next)
		{
			if (strcmp(id, "*") != 0 && strcmp(id, subscription->id) != 0)
				continue;
			subscription->ended = true;
			forgotten++;
		}
		cs_sim_flow_remove_ended(client);
	}
	cs_sim_text_printf(answer, "%zu", forgotten);
	return forgotten > 0;
}

/* Every client has a subscription that it has not asked for. */
static bool
run_stray(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *id = cs_sim_word(&arguments);

	(void) answer;
	if (*id == '\0' || strlen(id) > FLOW_SUBSCRIPTION_ID_MAX)
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		FlowClient *state = client->state;
		FlowSubscription *subscription = cs_sim_alloc(sizeof(*subscription));

		snprintf(subscription->id, sizeof(subscription->id), "%s", id);
		subscription->topic = FLOW_BLOCK_DIGESTS;
		subscription->height = flow_state(network)->head + 1;
		subscription->next = state->subscriptions;
		state->subscriptions = subscription;
		state->count++;
		flow_state(network)->streams++;
	}
	return true;
}

static bool
run_timeout(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	for (CsSimClient *client = network->clients; client; client = client->next)
		if (!client->dead && !((FlowClient *) client->state)->deaf)
			fail_reader(client);
	return true;
}

static bool
run_lose(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	return cs_sim_parse_number(cs_sim_word(&arguments), UINT64_MAX,
							   &flow_state(network)->lose);
}

static const CsSimCommand commands[] = {
	{"blocks", "COUNT: finalize so many blocks; answers the height",
	run_blocks},
	{"fail", "ID|* TEXT: end subscriptions with a 500", run_fail},
	{"forget", "ID|*: subscriptions are gone without a word", run_forget},
	{"stray", "ID: every client has a subscription it did not ask for",
	run_stray},
	{"timeout", ": as if no pong had come", run_timeout},
	{"lose", "COUNT: so many notifications get lost", run_lose},
	{NULL, NULL, NULL}
};

const CsSimDialect cs_sim_dialect_flow = {
	.name = "flow",
	.topics = cs_sim_flow_topics,
	.switches = switches,
	.settings = settings,
	.commands = commands,
	.token_headers = (const char *const[]) {"authorization", NULL},
	.message_limit = MESSAGE_LIMIT,
	.start = cs_sim_flow_chain_start,
	.stop = cs_sim_flow_chain_stop,
	.respond = cs_sim_flow_respond,
	.refuse = cs_sim_flow_refuse,
	.client_size = sizeof(FlowClient),
	.opened = opened,
	.closed = closed,
	.timer = timer,
	.pong = pong,
	.received = received,
	.subscribed = subscribed,
	.describe = describe,
	.frame = frame,
	.item_create = cs_sim_flow_item_create,
	.item_free = cs_sim_flow_item_free,
	.deliver = cs_sim_flow_deliver,
	.generate = generate,
	.example = example,
	.accounts = accounts,
};
