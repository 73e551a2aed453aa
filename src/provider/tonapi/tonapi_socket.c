/*-------------------------------------------------------------------------
 *
 * tonapi_socket.c
 *	  The conversation with TonAPI over WebSockets.
 *
 * Subscriptions are added to a connection and taken away.  A request that is
 * not of the right form gets no reply, nor does anything after it; so one
 * request at a time, and silence is noticed.
 *
 * Where a subscription is to be replaced, which the server does not know, the
 * request that ends the old one is sent together with the one for the new, and
 * only the answer to the second matters.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/output.h"
#include "provider/tonapi/tonapi.h"

/* Without an answer for so long, nothing works on this connection any more. */
#define OVERDUE_MS 10000

/* Memory for requests that is kept for the next. */
#define WRITER_KEEP ((size_t) 256 * 1024)

static const char silent[] = "no answer for 10 s: connecting again";

static const char *const methods[][TONAPI_TOPICS] = {
	[TONAPI_SUBSCRIBE] = {"subscribe_account", "subscribe_trace",
	"subscribe_mempool", "subscribe_block"},
	[TONAPI_UNSUBSCRIBE] = {"unsubscribe_account", "unsubscribe_trace",
	"unsubscribe_mempool", "unsubscribe_block"},
};

/* ---------- what is live ---------- */

void
cs_tonapi_socket_live(TonapiShare *share, CsWatch *entry, TonapiTopicId topic,
					  bool live)
{
	if (((entry->flags & TONAPI_ENTRY_LIVE(topic)) != 0) == live)
		return;
	entry->flags ^= TONAPI_ENTRY_LIVE(topic);
	share->socket.live[topic] += live ? 1 : (size_t) -1;
}

bool
cs_tonapi_socket_delivers(const TonapiSession *tonapi, TonapiTopicId topic)
{
	for (int i = 0; i < tonapi->max_connections; i++)
	{
		const TonapiSocket *socket = &tonapi->shares[i].socket;

		if (topic == TONAPI_BLOCK ? socket->block_live :
			topic == TONAPI_MEMPOOL ? socket->mempool_live != 0 :
			socket->live[topic] > 0)
			return true;
	}
	return false;
}

bool
cs_tonapi_socket_delivers_entry(const TonapiSession *tonapi,
								const TonapiShare *share, const CsWatch *entry,
								TonapiTopicId topic)
{
	if (topic != TONAPI_MEMPOOL)
		return (entry->flags & TONAPI_ENTRY_LIVE(topic)) != 0;
	return tonapi->shares[0].socket.mempool_live == TONAPI_ALL ||
		share->socket.mempool_live >= (uint64_t) entry->watch_id;
}

/* ---------- requests ---------- */

static void
begin(TonapiSession *tonapi, TonapiMethod method, TonapiTopicId topic)
{
	CsJsonWriter *writer = &tonapi->writer;

	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	cs_json_key(writer, "id");
	cs_json_put_integer(writer, ++tonapi->last_request);
	cs_json_key(writer, "jsonrpc");
	cs_json_put_string(writer, "2.0");
	cs_json_key(writer, "method");
	cs_json_put_string(writer, methods[method][topic]);
}

static void
send_request(TonapiSession *tonapi, int link, CsOutput *output)
{
	CsJsonWriter *writer = &tonapi->writer;

	cs_json_end(writer, '}');
	if (writer->failed)
		cs_output_fail(output);
	else
		cs_output_send(output, link, writer->data, writer->length);
	if (writer->capacity > WRITER_KEEP)
		cs_json_writer_free(writer);
}

/* The request just sent is the one whose answer is waited for. */
static void
await(TonapiSession *tonapi, int link, TonapiMethod method,
	  TonapiTopicId topic, int64_t now_ms)
{
	TonapiSocket *socket = &tonapi->shares[link].socket;

	socket->method = method;
	socket->topic = topic;
	socket->request = tonapi->last_request;
	socket->overdue_at = now_ms + OVERDUE_MS;
}

/* A request with at most one parameter, made of a name and a value. */
static void
send_simple(TonapiSession *tonapi, int link, TonapiMethod method,
			TonapiTopicId topic, const char *parameter, CsOutput *output)
{
	begin(tonapi, method, topic);
	if (parameter != NULL)
	{
		cs_json_key(&tonapi->writer, "params");
		cs_json_begin(&tonapi->writer, '[');
		cs_json_put_string(&tonapi->writer, parameter);
		cs_json_end(&tonapi->writer, ']');
	}
	send_request(tonapi, link, output);
}

/* ---------- blocks ---------- */

/* Returns whether a request was made; so do the functions below. */
static bool
step_block(TonapiSession *tonapi, int link, int64_t now_ms, CsOutput *output)
{
	TonapiSocket *socket = &tonapi->shares[link].socket;
	const char *workchain = tonapi->topics[TONAPI_BLOCK].workchain;
	bool		wanted = cs_tonapi_wanted(tonapi, TONAPI_BLOCK);
	TonapiMethod method = wanted ? TONAPI_SUBSCRIBE : TONAPI_UNSUBSCRIBE;

	if (link != 0 || (wanted == socket->block_live &&
					  (!wanted || workchain == socket->block_workchain)))
		return false;

	/* A second subscription replaces the first. */
	send_simple(tonapi, link, method, TONAPI_BLOCK,
				!wanted || workchain == NULL ? NULL :
				workchain[0] == '-' ? "workchain=-1" : "workchain=0", output);
	socket->block_workchain = workchain;
	await(tonapi, link, method, TONAPI_BLOCK, now_ms);
	return true;
}

/* ---------- messages on their way ---------- */

/* The version that should be subscribed: 0 for none, or TONAPI_ALL. */
static uint64_t
desired_mempool(const TonapiSession *tonapi, int link)
{
	const TonapiShare *share = &tonapi->shares[link];

	if (!cs_tonapi_wanted(tonapi, TONAPI_MEMPOOL))
		return 0;
	if (tonapi->base.everything && link == 0)
		return TONAPI_ALL;

	/* Lists are kept until everything has taken their place. */
	if (tonapi->base.everything && cs_tonapi_takes_all(tonapi))
		return 0;
	return share->count > 0 ? share->version : 0;
}

/*
 * The one parameter that names accounts; NULL: there are none, or no memory,
 * which is noted.  To be freed.
 */
static char *
list_accounts(const TonapiShare *share, CsOutput *output)
{
	static const char prefix[] = "accounts=";
	size_t		size = sizeof(prefix) +
		cs_watchset_count(share->accounts) * CS_TON_ADDRESS_MAX;
	char	   *list = malloc(size);
	char	   *at = list;
	const CsWatch *entry;
	size_t		position = 0;

	if (list == NULL)
	{
		cs_output_fail(output);
		return NULL;
	}
	memcpy(at, prefix, sizeof(prefix));
	at += sizeof(prefix) - 1;
	while ((entry = cs_watchset_next(share->accounts, &position)) != NULL)
	{
		if ((entry->flags & (TONAPI_ENTRY_WANTED | TONAPI_ENTRY_REFUSED)) !=
			TONAPI_ENTRY_WANTED)
			continue;
		if (at[-1] != '=')
			*at++ = ',';
		memcpy(at, entry->target, entry->length);
		at += entry->length;
	}
	*at = '\0';
	if (at[-1] != '=')
		return list;
	free(list);
	return NULL;
}

static bool
step_mempool(TonapiSession *tonapi, int link, int64_t now_ms, CsOutput *output)
{
	TonapiShare *share = &tonapi->shares[link];
	TonapiSocket *socket = &share->socket;
	uint64_t	desired = desired_mempool(tonapi, link);
	char	   *list = NULL;

	if (desired == socket->mempool_live)
		return false;
	if (desired != 0 && desired != TONAPI_ALL)
	{
		list = list_accounts(share, output);
		if (list == NULL)
			desired = 0;
	}
	if (desired == 0 && socket->mempool_live == 0)
		return false;
	if (socket->mempool_live != 0 || socket->mempool_doubt)
		send_simple(tonapi, link, TONAPI_UNSUBSCRIBE, TONAPI_MEMPOOL, NULL,
					output);
	if (desired != 0)
		send_simple(tonapi, link, TONAPI_SUBSCRIBE, TONAPI_MEMPOOL, list,
					output);
	free(list);
	socket->asked = desired;
	await(tonapi, link, desired ? TONAPI_SUBSCRIBE : TONAPI_UNSUBSCRIBE,
		  TONAPI_MEMPOOL, now_ms);
	return true;
}

/* ---------- transactions and traces of accounts ---------- */

/* What an entry needs from the server about a topic. */
typedef enum Need
{
	NEED_NOTHING,
	NEED_LESS,
	NEED_OTHER,					/* the same, with other operations */
	NEED_MORE
} Need;

static Need
find_need(const TonapiSession *tonapi, const CsWatch *entry,
		  TonapiTopicId topic)
{
	bool		wanted = (entry->flags & TONAPI_ENTRY_WANTED) &&
		!(entry->flags & TONAPI_ENTRY_REFUSED) &&
		cs_tonapi_wanted(tonapi, topic);
	bool		live = (entry->flags & TONAPI_ENTRY_LIVE(topic)) != 0;

	if (wanted && live && topic == TONAPI_TRANSACTION &&
		(entry->flags & TONAPI_ENTRY_STALE))
		return NEED_OTHER;
	if (wanted == live)
		return NEED_NOTHING;
	return wanted ? NEED_MORE : NEED_LESS;
}

/* Put the entries that have this need into the batch, as many as it takes. */
static void
gather(TonapiSession *tonapi, int link, TonapiTopicId topic, Need need)
{
	TonapiShare *share = &tonapi->shares[link];
	TonapiSocket *socket = &share->socket;
	CsWatch    *entry;
	size_t		position = 0;

	socket->batch_count = 0;
	while (socket->batch_count < TONAPI_BATCH_MAX &&
		   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
	{
		if (find_need(tonapi, entry, topic) == need)
			socket->batch[socket->batch_count++] = entry;
	}
}

/* A parameter of a subscription: the address, and what of it is wanted. */
static void
put_account(TonapiSession *tonapi, const CsWatch *entry, const char *operations)
{
	static const char word[] = ";operations=";
	char		text[CS_TARGET_MAX + sizeof(word) + 1100];
	size_t		length = strlen(operations);

	memcpy(text, entry->target, entry->length);
	memcpy(text + entry->length, word, sizeof(word) - 1);
	memcpy(text + entry->length + sizeof(word) - 1, operations, length);
	cs_json_put_text(&tonapi->writer, text,
					 entry->length + sizeof(word) - 1 + length);
}

/* A request about the entries of the batch. */
static void
send_batch(TonapiSession *tonapi, int link, TonapiMethod method,
		   TonapiTopicId topic, CsOutput *output)
{
	const TonapiSocket *socket = &tonapi->shares[link].socket;
	const char *operations = tonapi->topics[topic].operations;

	begin(tonapi, method, topic);
	cs_json_key(&tonapi->writer, "params");
	cs_json_begin(&tonapi->writer, '[');
	for (size_t i = 0; i < socket->batch_count; i++)
	{
		const CsWatch *entry = socket->batch[i];

		if (method == TONAPI_SUBSCRIBE && operations != NULL)
			put_account(tonapi, entry, operations);
		else
			cs_json_put_text(&tonapi->writer, entry->target, entry->length);
	}
	cs_json_end(&tonapi->writer, ']');
	send_request(tonapi, link, output);
}

static bool
step_accounts(TonapiSession *tonapi, int link, TonapiTopicId topic,
			  int64_t now_ms, CsOutput *output)
{
	TonapiSocket *socket = &tonapi->shares[link].socket;
	TonapiMethod method = TONAPI_SUBSCRIBE;
	Need		need;

	/* First make room. */
	for (need = NEED_LESS; need <= NEED_MORE; need++)
	{
		gather(tonapi, link, topic, need);
		if (socket->batch_count > 0)
			break;
	}
	if (socket->batch_count == 0)
		return false;
	if (need == NEED_LESS)
		method = TONAPI_UNSUBSCRIBE;
	else if (need == NEED_OTHER)
		send_batch(tonapi, link, TONAPI_UNSUBSCRIBE, topic, output);
	send_batch(tonapi, link, method, topic, output);
	for (size_t i = 0; need == NEED_OTHER && i < socket->batch_count; i++)
		socket->batch[i]->flags &= (uint8_t) ~TONAPI_ENTRY_STALE;
	await(tonapi, link, method, topic, now_ms);
	return true;
}

void
cs_tonapi_socket_restate(TonapiSession *tonapi)
{
	for (size_t i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		TonapiShare *share = &tonapi->shares[i];
		CsWatch    *entry;
		size_t		position = 0;

		share->socket.dirty = true;
		while (share->accounts != NULL &&
			   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
			entry->flags |= TONAPI_ENTRY_STALE;
	}
}

/* ---------- links ---------- */

/* The server knows nothing of ours. */
static void
forget(TonapiShare *share)
{
	TonapiSocket *socket = &share->socket;
	CsWatch    *entry;
	size_t		position = 0;

	socket->open = false;
	socket->method = TONAPI_NOTHING;
	socket->overdue_at = INT64_MAX;
	socket->batch_count = 0;
	socket->block_live = socket->mempool_doubt = false;
	socket->mempool_live = 0;
	while (share->accounts != NULL &&
		   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
		entry->flags &= (uint8_t) ~(TONAPI_ENTRY_LIVE(TONAPI_TRANSACTION) |
									TONAPI_ENTRY_LIVE(TONAPI_TRACE) |
									TONAPI_ENTRY_STALE);
	socket->live[TONAPI_TRANSACTION] = socket->live[TONAPI_TRACE] = 0;
	cs_tonapi_sweep(share);
}

void
cs_tonapi_socket_opened(TonapiSession *tonapi, int link)
{
	TonapiShare *share;

	if (link < 0 || link >= TONAPI_CONNECTIONS_MAX)
		return;
	share = &tonapi->shares[link];
	forget(share);
	share->socket.open = true;
	share->socket.dirty = true;

	/* What was refused may be granted on another connection. */
	share->limit = SIZE_MAX;
	tonapi->room_grew = true;
	for (int id = 0; link == 0 && id < TONAPI_TOPICS; id++)
	{
		if (tonapi->topics[id].refusal[0] != '\0')
			cs_tonapi_review(tonapi);
		tonapi->topics[id].refusal[0] = '\0';
	}
}

void
cs_tonapi_socket_closed(TonapiSession *tonapi, int link)
{
	TonapiShare *share;

	if (link < 0 || link >= TONAPI_CONNECTIONS_MAX)
		return;
	share = &tonapi->shares[link];
	forget(share);
	cs_tonapi_review_share(tonapi, share);
}

/* Is there something for a connection to do? */
static bool
is_needed(const TonapiSession *tonapi, int link)
{
	if (link == 0)
		return tonapi->base.subscription_count > 0;
	return tonapi->shares[link].count > 0;
}

/* The next request, if there is to be one. */
static void
step(TonapiSession *tonapi, int link, int64_t now_ms, CsOutput *output)
{
	TonapiShare *share = &tonapi->shares[link];
	TonapiSocket *socket = &share->socket;

	if (!socket->open || socket->method != TONAPI_NOTHING)
		return;
	if (step_block(tonapi, link, now_ms, output) ||
		step_mempool(tonapi, link, now_ms, output))
		return;
	if (!socket->dirty || share->accounts == NULL)
		return;
	if (step_accounts(tonapi, link, TONAPI_TRANSACTION, now_ms, output) ||
		step_accounts(tonapi, link, TONAPI_TRACE, now_ms, output))
		return;
	socket->dirty = false;
	cs_tonapi_sweep(share);
}

void
cs_tonapi_socket_step(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	for (int link = 0; link < tonapi->max_connections; link++)
	{
		TonapiSocket *socket = &tonapi->shares[link].socket;
		bool		needed = is_needed(tonapi, link);

		if (needed != socket->wanted)
		{
			socket->wanted = needed;
			cs_output_link(output, needed ? CS_ACTION_OPEN_LINK :
						   CS_ACTION_CLOSE_LINK, link, NULL);
			if (!needed)
				cs_tonapi_socket_closed(tonapi, link);
		}
		step(tonapi, link, now_ms, output);
	}
}

void
cs_tonapi_socket_tick(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	for (int link = 0; link < tonapi->max_connections; link++)
	{
		TonapiSocket *socket = &tonapi->shares[link].socket;

		if (socket->overdue_at > now_ms)
			continue;
		socket->overdue_at = INT64_MAX;
		cs_tonapi_words(tonapi->topics[socket->topic].trouble, silent);
		cs_output_link(output, CS_ACTION_RESET_LINK, link, silent);
	}
}

int64_t
cs_tonapi_socket_next_tick(const TonapiSession *tonapi)
{
	int64_t		next = INT64_MAX;

	for (int link = 0; link < tonapi->max_connections; link++)
	{
		const TonapiSocket *socket = &tonapi->shares[link].socket;

		if (socket->overdue_at < next)
			next = socket->overdue_at;
	}
	return next;
}
