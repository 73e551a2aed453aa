/*-------------------------------------------------------------------------
 *
 * symbol_watch.c
 *	  The channels that are asked of a Symbol gateway, and what becomes of
 *	  them.
 *
 * A channel is a topic with an address, or without one: then it delivers
 * everything.  A request for one gets no answer; it was accepted if the
 * connection lives on for a while, or if something came of that channel or a
 * later one, since requests are dealt with in order.  A request that is
 * refused closes the connection, with a reason that names the culprit or does
 * not.  Then fewer requests are let on their way at a time, until it is
 * alone; and what was refused is not asked for again.
 *
 * A gateway has a limit of channels for all its clients together, so what
 * does not fit under the source's own limit is not asked for, and after a
 * refusal for that reason the limit is lower, and now and then tried again.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "provider/output.h"
#include "provider/symbol.h"

#define LINK			0

/* Its state was said to be over the limit; a gateway refused it. */
#define WATCH_OVER		0x40
#define WATCH_BLAMED	0x80

/* States of watches told in one go, so that the output stays small. */
#define STATES_MAX		5000

/* Requests on their way at a time, when nothing speaks against it. */
#define WINDOW_MAX		1000

/* When to try for more channels after the gateway said there were too many. */
#define PROBE_MIN_MS	(10 * 60 * 1000)
#define PROBE_MAX_MS	(2 * 60 * 60 * 1000)

/* Refusals without a known reason before the only suspect is blamed. */
#define STRIKES			2

static const char waiting[] = "waiting for a watched address";
static const char not_watchable[] =
	"not an address in canonical form of this network";
static const char nobody[] =
	"no subscription of this source takes watched addresses";
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
static void
tell_watch(CsWatch *watch, uint8_t flag, CsState state, const char *detail,
		   CsOutput *output)
{
	const uint8_t all = CS_WATCH_ACTIVE | CS_WATCH_REFUSED | WATCH_OVER;

	if (flag != WATCH_OVER && (watch->flags & all) == flag)
		return;
	watch->flags = (uint8_t) ((watch->flags & ~all) | flag);
	cs_output_watch_state(output, watch->watch_id, state, detail);
}

/* ---------- counting ---------- */

static bool
is_watched(const SymbolSession *symbol, int topic)
{
	return symbol->base.provider->topics[topic].watched;
}

static size_t
count_topics(unsigned int topics)
{
	size_t		count = 0;

	for (; topics != 0; topics &= topics - 1)
		count++;
	return count;
}

/* Channels on the connection. */
static size_t
count_channels(const SymbolSession *symbol)
{
	size_t		count = symbol->sent_count * count_topics(symbol->sent_topics);

	for (int id = 0; id < SYMBOL_TOPICS; id++)
		count += symbol->topics[id].open_sent;
	return count;
}

static bool
has_room(const SymbolSession *symbol, size_t more)
{
	size_t		limit = symbol->limit < symbol->max_channels ? symbol->limit :
		symbol->max_channels;

	return count_channels(symbol) + more <= limit;
}

/* In whose words there is no more room? */
static const char *
limit_reason(const SymbolSession *symbol)
{
	return symbol->limit < symbol->max_channels ? symbol->limit_words :
		too_many;
}

static bool
window_is_full(const SymbolSession *symbol)
{
	return symbol->request_count >= symbol->window ||
		symbol->request_count >= WINDOW_MAX;
}

/* ---------- requests ---------- */

static void
send_request(SymbolSession *symbol, const char *verb, SymbolTopicId topic,
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
static void
subscribe(SymbolSession *symbol, SymbolTopicId topic, CsWatch *watch,
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
	send_request(symbol, "subscribe", topic, watch, output);
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

static bool
is_on_its_way(const SymbolSession *symbol, const CsWatch *watch)
{
	for (size_t i = 0; i < symbol->request_count; i++)
	{
		if (symbol->requests[i].watch == watch)
			return true;
	}
	return false;
}

/* Give up the channels of a watch. */
static void
drop_channels(SymbolSession *symbol, CsWatch *watch, CsOutput *output)
{
	if (!(watch->flags & CS_WATCH_SENT))
		return;
	forget_requests(symbol, watch);
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (symbol->sent_topics & (1U << id))
			send_request(symbol, "unsubscribe", (SymbolTopicId) id, watch,
						 output);
	}
	watch->flags &= (uint8_t) ~CS_WATCH_SENT;
	symbol->sent_count--;
}

static void
drop_open(SymbolSession *symbol, int id, CsOutput *output)
{
	SymbolTopic *topic = &symbol->topics[id];

	if (!topic->open_sent)
		return;
	send_request(symbol, "unsubscribe", (SymbolTopicId) id, NULL, output);
	topic->open_sent = topic->open_settled = false;
}

/* Forget an entry that is not wanted any more. */
static void
remove_watch(SymbolSession *symbol, CsWatch *watch)
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
			tell_watch(request->watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE, NULL,
					   output);
	}
	if (count == 0)
		return;
	symbol->request_count -= count;
	memmove(symbol->requests, symbol->requests + count,
			symbol->request_count * sizeof(SymbolRequest));
}

static void
settle_in_time(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
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

/* ---------- the watch list ---------- */

/*
 * Queue every entry, after those that are not wanted any more have gone with
 * their channels.
 */
static void
queue_all(SymbolSession *symbol, uint8_t cleared_flags, CsOutput *output)
{
	CsWatchSet *watches = symbol->base.watches;
	CsWatch    *watch;
	size_t		position = 0;

	for (size_t i = cs_watchset_queued(watches); i > 0; i--)
	{
		watch = cs_watchset_pop(watches);
		if (watch->flags & CS_WATCH_WANTED)
			cs_watchset_queue(watches, watch);
		else
		{
			if (output != NULL)
				drop_channels(symbol, watch, output);
			remove_watch(symbol, watch);
		}
	}
	while ((watch = cs_watchset_next(watches, &position)) != NULL)
	{
		watch->flags &= (uint8_t) ~cleared_flags;
		cs_watchset_queue(watches, watch);
	}
}

/* Topics with the watch list that can be asked for. */
static unsigned int
wanted_topics(const SymbolSession *symbol)
{
	unsigned int topics = 0;

	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (is_watched(symbol, id) && !symbol->topics[id].refused &&
			symbol->topics[id].subscription_id != 0)
			topics |= 1U << id;
	}
	return topics;
}

static SymbolMode
desired_mode(const SymbolSession *symbol, unsigned int topics)
{
	if (topics == 0)
		return SYMBOL_MODE_NONE;
	if (symbol->base.everything && !symbol->open_refused)
		return SYMBOL_MODE_OPEN;
	return SYMBOL_MODE_FILTER;
}

/* Are the channels that deliver everything all there? */
static bool
is_open(const SymbolSession *symbol, unsigned int topics)
{
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if ((topics & (1U << id)) && !symbol->topics[id].open_settled)
			return false;
	}
	return true;
}

/* Ask for the channels of a watch, or say that they are too many. */
static void
send_watch(SymbolSession *symbol, CsWatch *watch, int64_t now_ms,
		   CsOutput *output)
{
	size_t		left = count_topics(symbol->sent_topics);

	if (!has_room(symbol, left))
	{
		if (!(watch->flags & WATCH_OVER))
			symbol->over_count++;
		tell_watch(watch, WATCH_OVER, CS_STATE_OVER_LIMIT,
				   limit_reason(symbol), output);
		return;
	}
	watch->flags |= CS_WATCH_SENT;
	symbol->sent_count++;
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (symbol->sent_topics & (1U << id))
			subscribe(symbol, (SymbolTopicId) id, watch, --left == 0, now_ms,
					  output);
	}
}

static void
step_everything(SymbolSession *symbol, CsWatch *watch, CsOutput *output)
{
	if (symbol->open_refused)
		tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR, symbol->open_words,
				   output);
	else if (symbol->mode == SYMBOL_MODE_OPEN)
		tell_watch(watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE, NULL, output);
	else if (watch->flags & CS_WATCH_ACTIVE)
		tell_watch(watch, 0, CS_STATE_PENDING, nobody, output);
}

/* Do what is to be done about an entry that was in the queue. */
static void
step_watch(SymbolSession *symbol, CsWatch *watch, int64_t now_ms,
		   CsOutput *output)
{
	if (!(watch->flags & CS_WATCH_WANTED))
	{
		drop_channels(symbol, watch, output);
		if (watch->flags & WATCH_OVER)
			symbol->over_count--;
		remove_watch(symbol, watch);
		return;
	}
	if (watch->flags & WATCH_OVER)
	{
		watch->flags &= (uint8_t) ~WATCH_OVER;
		symbol->over_count--;
	}
	if (watch->flags & CS_WATCH_INVALID)
		tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR, not_watchable,
				   output);
	else if (watch->flags & WATCH_BLAMED)
		tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR,
				   symbol->watch_words, output);
	else if (!symbol->link_open)
		return;
	else if (watch->target[0] == '*')
		step_everything(symbol, watch, output);
	else if (symbol->mode == SYMBOL_MODE_FILTER)
	{
		if (!(watch->flags & CS_WATCH_SENT))
			send_watch(symbol, watch, now_ms, output);
		else if (!is_on_its_way(symbol, watch))
			tell_watch(watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE, NULL, output);
	}
	else
	{
		drop_channels(symbol, watch, output);
		if (symbol->mode == SYMBOL_MODE_OPEN)
			tell_watch(watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE, NULL, output);
		else if (watch->flags & CS_WATCH_ACTIVE)
			tell_watch(watch, 0, CS_STATE_PENDING, nobody, output);
	}
}

/* Go through the queue, as far as may be done in one go. */
static void
step_queue(SymbolSession *symbol, unsigned int topics, int64_t now_ms,
		   CsOutput *output)
{
	CsWatchSet *watches = symbol->base.watches;
	size_t		limit = cs_output_action_count(output) + STATES_MAX;
	bool		ready = symbol->uid[0] != '\0' || !symbol->link_open;

	if (!ready || (symbol->mode == SYMBOL_MODE_OPEN && symbol->link_open &&
				   !is_open(symbol, topics)))
		return;
	while (cs_watchset_queued(watches) > 0)
	{
		if (cs_output_action_count(output) >= limit)
		{
			symbol->more_at = now_ms + 1;
			return;
		}
		if (symbol->mode == SYMBOL_MODE_FILTER && window_is_full(symbol))
			return;
		step_watch(symbol, cs_watchset_pop(watches), now_ms, output);
	}
}

/* ---------- what is due ---------- */

/* Ask for a channel without an address, or say what became of it. */
static void
send_open(SymbolSession *symbol, int id, int64_t now_ms, CsOutput *output)
{
	SymbolTopic *topic = &symbol->topics[id];

	if (topic->open_settled)
		cs_symbol_tell(topic, CS_STATE_ACTIVE, NULL, output);
	else if (topic->open_sent || window_is_full(symbol))
		return;
	else if (!has_room(symbol, 1))
		cs_symbol_tell(topic, CS_STATE_OVER_LIMIT, limit_reason(symbol),
					   output);
	else
	{
		topic->open_sent = true;
		subscribe(symbol, (SymbolTopicId) id, NULL, true, now_ms, output);

		/* One that replaces channels with addresses is live all the time. */
		if (!topic->settled)
			cs_symbol_tell(topic, CS_STATE_PENDING, NULL, output);
	}
}

/* There is room again for some of those said to be over the limit. */
static void
queue_over(SymbolSession *symbol)
{
	CsWatchSet *watches = symbol->base.watches;
	size_t		each = count_topics(symbol->sent_topics);
	size_t		chosen = 0;
	CsWatch    *watch;
	size_t		position = 0;

	if (symbol->over_count == 0 || each == 0 ||
		cs_watchset_queued(watches) > 0)
		return;
	while (has_room(symbol, (chosen + 1) * each) &&
		   (watch = cs_watchset_next(watches, &position)) != NULL)
	{
		if (!(watch->flags & WATCH_OVER))
			continue;
		cs_watchset_queue(watches, watch);
		chosen++;
	}
}

/* Ask for a topic that is new for all watches that have channels already. */
static void
send_topic(SymbolSession *symbol, int id, int64_t now_ms, CsOutput *output)
{
	CsWatchSet *watches = symbol->base.watches;
	CsWatch    *watch;
	size_t		position = 0;

	symbol->sent_topics |= 1U << id;
	while ((watch = cs_watchset_next(watches, &position)) != NULL)
	{
		if (!(watch->flags & CS_WATCH_SENT))
			continue;
		if (!has_room(symbol, 0))
		{
			drop_channels(symbol, watch, output);
			cs_watchset_queue(watches, watch);
			continue;
		}
		subscribe(symbol, (SymbolTopicId) id, watch, true, now_ms, output);
	}
}

/* No watch needs this topic any more. */
static void
drop_topic(SymbolSession *symbol, int id, CsOutput *output)
{
	CsWatch    *watch;
	size_t		position = 0;

	while (symbol->sent_count > 0 &&
		   (watch = cs_watchset_next(symbol->base.watches, &position)) != NULL)
	{
		if (watch->flags & CS_WATCH_SENT)
			send_request(symbol, "unsubscribe", (SymbolTopicId) id, watch,
						 output);
	}
	symbol->sent_topics &= ~(1U << id);
	symbol->topics[id].settled = false;
}

/* Channels with addresses: make their topics those that are wanted. */
static void
step_topics(SymbolSession *symbol, unsigned int topics, int64_t now_ms,
			CsOutput *output)
{
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		unsigned int bit = 1U << id;

		if ((symbol->sent_topics & bit) && !(topics & bit))
			drop_topic(symbol, id, output);
		else if (symbol->sent_count == 0 && (topics & bit))
			symbol->sent_topics |= bit;
		else if ((topics & bit) && !(symbol->sent_topics & bit))
			send_topic(symbol, id, now_ms, output);
	}
}

/* Follow a change of how the watch list is made into channels. */
static void
step_mode(SymbolSession *symbol, unsigned int topics, CsOutput *output)
{
	SymbolMode	desired = desired_mode(symbol, topics);

	if (!symbol->base.everything)
		symbol->open_refused = false;
	if (symbol->mode == desired)
		return;
	symbol->mode = desired;
	queue_all(symbol, 0, output);
}

/* What is to be said of a topic with the watch list. */
static void
tell_topic(SymbolSession *symbol, SymbolTopic *topic, CsOutput *output)
{
	if (topic->refused)
		cs_symbol_tell(topic, CS_STATE_ERROR, topic->words, output);
	else if (symbol->base.everything && symbol->open_refused &&
			 symbol->base.address_count == 0)
		cs_symbol_tell(topic, CS_STATE_ERROR, symbol->open_words, output);
	else if (symbol->base.everything && !symbol->open_refused)
		return;
	else if (symbol->base.address_count == 0)
		cs_symbol_tell(topic, CS_STATE_PENDING, waiting, output);
	else if (topic->settled || topic->open_settled)
		cs_symbol_tell(topic, CS_STATE_ACTIVE, NULL, output);
	else if (symbol->link_open && symbol->sent_count == 0 &&
			 symbol->over_count > 0)
		cs_symbol_tell(topic, CS_STATE_OVER_LIMIT, limit_reason(symbol),
					   output);
	else if (symbol->sent_count > 0)
		cs_symbol_tell(topic, CS_STATE_PENDING, NULL, output);
}

static void
tell_topics(SymbolSession *symbol, CsOutput *output)
{
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		SymbolTopic *topic = &symbol->topics[id];

		if (symbol->base.address_count == 0)
			topic->settled = false;
		if (is_watched(symbol, id))
			tell_topic(symbol, topic, output);
		else if (topic->refused)
			cs_symbol_tell(topic, CS_STATE_ERROR, topic->words, output);
	}
}

/* Try for more than the gateway had room for: half of what is missing. */
static void
probe(SymbolSession *symbol, int64_t now_ms)
{
	if (symbol->probe_at > now_ms)
		return;
	symbol->limit += (symbol->max_channels - symbol->limit + 1) / 2;
	symbol->probe_at = now_ms + symbol->probe_delay_ms;
	if (symbol->limit < symbol->max_channels)
		return;
	symbol->limit = SIZE_MAX;
	symbol->probe_at = INT64_MAX;
}

/* Ask for channels without an address: of the other topics, and for '*'. */
static void
send_opens(SymbolSession *symbol, unsigned int topics, int64_t now_ms,
		   CsOutput *output)
{
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		SymbolTopic *topic = &symbol->topics[id];

		if (is_watched(symbol, id) ?
			symbol->mode == SYMBOL_MODE_OPEN && (topics & (1U << id)) :
			topic->subscription_id != 0 && !topic->refused)
			send_open(symbol, id, now_ms, output);
	}
}

/*
 * Give up those that are not wanted.  When addresses take the place of '*',
 * that is when their channels are there.
 */
static void
drop_opens(SymbolSession *symbol, unsigned int topics, CsOutput *output)
{
	bool		replaced = symbol->mode != SYMBOL_MODE_OPEN &&
		symbol->request_count == 0 &&
		cs_watchset_queued(symbol->base.watches) == 0;

	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (is_watched(symbol, id) ? replaced || !(topics & (1U << id)) :
			symbol->topics[id].subscription_id == 0)
			drop_open(symbol, id, output);
	}
}

void
cs_symbol_step(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	unsigned int topics = wanted_topics(symbol);
	bool		connected = symbol->link_open && symbol->uid[0] != '\0';

	symbol->more_at = INT64_MAX;
	if (connected)
	{
		probe(symbol, now_ms);
		settle_in_time(symbol, now_ms, output);
		step_mode(symbol, topics, output);
		send_opens(symbol, topics, now_ms, output);
		step_topics(symbol, topics, now_ms, output);
		queue_over(symbol);
	}
	step_queue(symbol, topics, now_ms, output);
	if (connected)
	{
		drop_opens(symbol, topics, output);

		/* If there was a bad request, it would have shown. */
		if (symbol->request_count == 0 &&
			cs_watchset_queued(symbol->base.watches) == 0)
		{
			symbol->window = SIZE_MAX;
			symbol->strikes = 0;
		}
	}
	tell_topics(symbol, output);
}

int64_t
cs_symbol_next_step(const SymbolSession *symbol)
{
	int64_t		next = symbol->more_at;

	if (symbol->request_count > 0 &&
		symbol->requests[0].sent_ms + CS_SYMBOL_SETTLE_MS < next)
		next = symbol->requests[0].sent_ms + CS_SYMBOL_SETTLE_MS;
	if (symbol->link_open && symbol->uid[0] != '\0' && symbol->probe_at < next)
		next = symbol->probe_at;
	return next;
}

/* ---------- what was refused ---------- */

void
cs_symbol_begin(SymbolSession *symbol)
{
	symbol->mode = SYMBOL_MODE_NONE;
	symbol->sent_topics = 0;
	symbol->sent_count = symbol->over_count = 0;
	symbol->request_count = 0;
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		SymbolTopic *topic = &symbol->topics[id];

		topic->open_sent = topic->open_settled = topic->settled = false;
	}
	queue_all(symbol, symbol->link_open ? CS_WATCH_SENT :
			  CS_WATCH_SENT | CS_WATCH_ACTIVE | CS_WATCH_REFUSED | WATCH_OVER,
			  NULL);
}

/* Copy what the gateway said. */
static void
copy_words(char words[SYMBOL_WORDS_MAX], const char *text)
{
	size_t		length = strlen(text);

	if (length >= SYMBOL_WORDS_MAX)
		length = SYMBOL_WORDS_MAX - 1;
	memcpy(words, text, length);
	words[length] = '\0';
}

static void
blame_topic(SymbolSession *symbol, SymbolTopicId id, const char *words)
{
	symbol->topics[id].refused = true;
	copy_words(symbol->topics[id].words, words);
}

/* "unknown topic category NAME" */
static bool
blame_named_topic(SymbolSession *symbol, const char *words)
{
	static const char unknown[] = "unknown topic category ";
	const char *name = strstr(words, unknown);

	if (name == NULL)
		return false;
	name += sizeof(unknown) - 1;
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (strcmp(symbol->base.provider->topics[id].name, name) != 0)
			continue;
		blame_topic(symbol, (SymbolTopicId) id, name - (sizeof(unknown) - 1));
		return true;
	}
	return false;
}

static void
blame_watch(SymbolSession *symbol, CsWatch *watch, const char *words)
{
	watch->flags |= WATCH_BLAMED;
	copy_words(symbol->watch_words, words);
}

/* "ADDRESS does not represent a valid encoded address" */
static bool
blame_named_watch(SymbolSession *symbol, const char *words)
{
	const char *end = strstr(words, " does not represent a valid");
	CsWatch    *watch;

	if (end == NULL || end - words < CS_SYMBOL_TEXT_LENGTH)
		return false;
	end -= CS_SYMBOL_TEXT_LENGTH;
	watch = cs_watchset_find(symbol->base.watches, CS_WATCH_ADDRESS, end,
							 CS_SYMBOL_TEXT_LENGTH);
	if (watch == NULL)
		return false;
	blame_watch(symbol, watch, end);
	return true;
}

/* Channels need an address: those without one were to deliver everything. */
static bool
blame_open(SymbolSession *symbol, const char *words)
{
	const char *missing = strstr(words, "address param missing");

	if (missing == NULL)
		return false;
	symbol->open_refused = true;
	copy_words(symbol->open_words, missing);
	return true;
}

/*
 * There are too many channels on the gateway, ours among them.  What was
 * accepted can be had again; if nothing was yet, half may do.
 */
static bool
lower_limit(SymbolSession *symbol, const char *words, int64_t now_ms)
{
	const char *full = strstr(words, "Max subscriptions reached");
	size_t		channels = count_channels(symbol);
	size_t		unsure = symbol->request_count;

	if (full == NULL)
		return false;
	copy_words(symbol->limit_words, full);
	symbol->limit = unsure > 0 && unsure < channels ? channels - unsure :
		channels / 2;
	if (symbol->probe_delay_ms < PROBE_MIN_MS)
		symbol->probe_delay_ms = PROBE_MIN_MS;
	else if (unsure < channels && symbol->probe_delay_ms < PROBE_MAX_MS)
		symbol->probe_delay_ms *= 2;
	symbol->probe_at = now_ms + symbol->probe_delay_ms;
	return true;
}

/* Are all requests on their way one's, so that it is clear who is to blame? */
static bool
is_alone(const SymbolSession *symbol)
{
	const SymbolRequest *first = symbol->requests;

	if (first->open)
		return symbol->request_count == 1;
	for (size_t i = 1; i < symbol->request_count; i++)
	{
		if (symbol->requests[i].open ||
			symbol->requests[i].watch != first->watch)
			return false;
	}
	return true;
}

/* One of the requests on their way was refused, and it is not said which. */
static void
narrow_down(SymbolSession *symbol, const char *words)
{
	const SymbolRequest *first = symbol->requests;

	if (!is_alone(symbol))
	{
		symbol->window = symbol->request_count / 2;
		return;
	}
	symbol->window = 1;
	if (symbol->suspect.watch != first->watch ||
		symbol->suspect.open != first->open ||
		(first->open && symbol->suspect.topic != first->topic))
		symbol->strikes = 0;
	symbol->suspect = *first;
	if (++symbol->strikes < STRIKES)
		return;
	if (first->watch != NULL)
		blame_watch(symbol, first->watch, words);
	else if (first->open)
		blame_topic(symbol, first->topic, words);
	symbol->strikes = 0;
}

void
cs_symbol_lost(SymbolSession *symbol, const CsClosure *closure, int64_t now_ms)
{
	const char *words = closure->reason;

	/* Code 1013; some transports cannot tell it from 1002. */
	if (closure->close_code != 1013 && closure->close_code != 1002)
		return;
	if (blame_named_topic(symbol, words) || blame_named_watch(symbol, words) ||
		blame_open(symbol, words) || lower_limit(symbol, words, now_ms))
		return;
	if (symbol->request_count > 0)
		narrow_down(symbol, words);
}
