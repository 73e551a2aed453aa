/*-------------------------------------------------------------------------
 *
 * symbol_channels.c
 *	  Requests for the channels of a Symbol gateway.
 *
 * A channel is a topic with an address, or without one: then it delivers
 * everything.  A request for one gets no answer.  It was accepted if the
 * connection lives on for a while, or if something came of that channel or of
 * a later one, since requests are dealt with in order.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "provider/output.h"
#include "provider/symbol/symbol_channels.h"

#define LINK			0

/* Requests on their way at a time, when nothing speaks against it. */
#define WINDOW_MAX		1000

static const char too_many[] =
	"more channels than the source's option \"max_channels\" allows";

/* ---------- states ---------- */

void
cs_symbol_tell(SymbolTopic *topic, CsState state, const char *detail,
			   CsOutput *output)
{
	if (topic->subscription_id == 0 ||
		(topic->told && topic->state == state && topic->detail == detail))
		return;
	topic->told = true;
	topic->state = state;
	topic->detail = detail;
	cs_output_subscription_state(output, topic->subscription_id, state,
								 detail);
}

/* What is said of a watch with one of these flags is what was said last. */
void
cs_channel_tell_watch(CsWatch *watch, uint8_t flag, CsState state,
					  const char *detail, CsOutput *output)
{
	const uint8_t all = CS_WATCH_ACTIVE | CS_WATCH_REFUSED | SYMBOL_WATCH_OVER;

	if (flag != SYMBOL_WATCH_OVER && (watch->flags & all) == flag)
		return;
	watch->flags = (uint8_t) ((watch->flags & ~all) | flag);
	cs_output_watch_state(output, watch->watch_id, state, detail);
}

/* ---------- counting ---------- */

bool
cs_channel_is_watched(const SymbolSession *symbol, int topic)
{
	return symbol->base.provider->topics[topic].watched;
}

size_t
cs_channel_count_topics(unsigned int topics)
{
	size_t		count = 0;

	for (; topics != 0; topics &= topics - 1)
		count++;
	return count;
}

/* Channels on the connection. */
size_t
cs_channel_count(const SymbolSession *symbol)
{
	size_t		count = symbol->sent_count *
		cs_channel_count_topics(symbol->sent_topics);

	for (int id = 0; id < SYMBOL_TOPICS; id++)
		count += symbol->topics[id].open_sent;
	return count;
}

bool
cs_channel_has_room(const SymbolSession *symbol, size_t more)
{
	size_t		limit = symbol->limit < symbol->max_channels ? symbol->limit :
		symbol->max_channels;

	return cs_channel_count(symbol) + more <= limit;
}

/* In whose words there is no more room? */
const char *
cs_channel_limit_reason(const SymbolSession *symbol)
{
	return symbol->limit < symbol->max_channels ? symbol->limit_words :
		too_many;
}

bool
cs_channel_window_is_full(const SymbolSession *symbol)
{
	return symbol->request_count >= symbol->window ||
		symbol->request_count >= WINDOW_MAX;
}

/* ---------- requests ---------- */

void
cs_channel_send(SymbolSession *symbol, const char *verb, SymbolTopicId topic,
				const CsWatch *watch, CsOutput *output)
{
	CsJsonWriter *writer = &symbol->writer;
	const char *name = symbol->base.provider->topics[topic].name;
	char		channel[32 + CS_TARGET_MAX];
	size_t		length = strlen(name);

	memcpy(channel, name, length);
	if (watch != NULL)
	{
		channel[length++] = '/';
		memcpy(channel + length, watch->target, watch->length);
		length += watch->length;
	}
	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	cs_json_key(writer, "uid");
	cs_json_put_string(writer, symbol->uid);
	cs_json_key(writer, verb);
	cs_json_put_text(writer, channel, length);
	cs_json_end(writer, '}');
	if (writer->failed)
		cs_output_fail(output);
	else
		cs_output_send(output, LINK, writer->data, writer->length);
}

/* Ask for a channel, and remember it for as long as it may be refused. */
void
cs_channel_subscribe(SymbolSession *symbol, SymbolTopicId topic,
					 CsWatch *watch,
					 bool last, int64_t now_ms, CsOutput *output)
{
	if (symbol->request_count == symbol->request_capacity)
	{
		size_t		capacity = symbol->request_capacity > 0 ?
			2 * symbol->request_capacity : 16;
		SymbolRequest *larger = realloc(symbol->requests,
										capacity * sizeof(SymbolRequest));

		if (larger == NULL)
		{
			cs_output_fail(output);
			return;
		}
		symbol->requests = larger;
		symbol->request_capacity = capacity;
	}
	symbol->requests[symbol->request_count++] = (SymbolRequest) {
		.watch = watch, .topic = topic, .open = watch == NULL, .last = last,
		.sent_ms = now_ms};
	cs_channel_send(symbol, "subscribe", topic, watch, output);
}

/* Forget what of the requests on their way is about a watch. */
static void
forget_requests(SymbolSession *symbol, const CsWatch *watch)
{
	for (size_t i = 0; i < symbol->request_count; i++)
	{
		if (symbol->requests[i].watch == watch)
			symbol->requests[i].watch = NULL;
	}
}

bool
cs_channel_is_on_its_way(const SymbolSession *symbol, const CsWatch *watch)
{
	for (size_t i = 0; i < symbol->request_count; i++)
	{
		if (symbol->requests[i].watch == watch)
			return true;
	}
	return false;
}

/* Give up the channels of a watch. */
void
cs_channel_drop_watch(SymbolSession *symbol, CsWatch *watch, CsOutput *output)
{
	if (!(watch->flags & CS_WATCH_SENT))
		return;
	forget_requests(symbol, watch);
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (symbol->sent_topics & (1U << id))
			cs_channel_send(symbol, "unsubscribe", (SymbolTopicId) id, watch,
							output);
	}
	watch->flags &= (uint8_t) ~CS_WATCH_SENT;
	symbol->sent_count--;
}

void
cs_channel_drop_open(SymbolSession *symbol, int id, CsOutput *output)
{
	SymbolTopic *topic = &symbol->topics[id];

	if (!topic->open_sent)
		return;
	cs_channel_send(symbol, "unsubscribe", (SymbolTopicId) id, NULL, output);
	topic->open_sent = topic->open_settled = false;
}

/* Forget an entry that is not wanted any more. */
void
cs_channel_remove_watch(SymbolSession *symbol, CsWatch *watch)
{
	if (symbol->suspect.watch == watch)
	{
		symbol->suspect.watch = NULL;
		symbol->strikes = 0;
	}
	cs_watchset_remove(symbol->base.watches, watch);
}

/* ---------- what was accepted ---------- */

/* The first *count* requests on their way were not refused. */
static void
settle(SymbolSession *symbol, size_t count, CsOutput *output)
{
	for (size_t i = 0; i < count; i++)
	{
		const SymbolRequest *request = &symbol->requests[i];
		SymbolTopic *topic = &symbol->topics[request->topic];

		if (request->open)
			topic->open_settled = topic->open_sent;
		else if (request->watch != NULL)
			topic->settled = true;
		if (request->watch != NULL && request->last)
			cs_channel_tell_watch(request->watch, CS_WATCH_ACTIVE,
								  CS_STATE_ACTIVE, NULL, output);
	}
	if (count == 0)
		return;
	symbol->request_count -= count;
	if (symbol->request_count > 0)
		memmove(symbol->requests, symbol->requests + count,
				symbol->request_count * sizeof(SymbolRequest));
}

void
cs_channel_settle(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	size_t		count = 0;

	while (count < symbol->request_count &&
		   symbol->requests[count].sent_ms + CS_SYMBOL_SETTLE_MS <= now_ms)
		count++;
	settle(symbol, count, output);
}

void
cs_symbol_delivered(SymbolSession *symbol, SymbolTopicId topic, CsText address,
					CsOutput *output)
{
	for (size_t i = symbol->request_count; i > 0; i--)
	{
		const SymbolRequest *request = &symbol->requests[i - 1];

		if (request->topic != topic)
			continue;
		if (request->open ? address.data == NULL :
			request->watch != NULL &&
			request->watch->length == address.length &&
			memcmp(request->watch->target, address.data, address.length) == 0)
		{
			settle(symbol, i, output);
			return;
		}
	}
}
