/*-------------------------------------------------------------------------
 *
 * symbol_watch.c
 *	  The channels that are wanted of a Symbol gateway.
 *
 * Topics that do not take the watch list have one channel each.  The others
 * have one for every watched address, or, if everything is wanted, one
 * without an address.  What replaces something that delivers is asked for
 * first, and the old ended when it is there.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "provider/symbol/symbol_channels.h"

/* States of watches told in one go, so that the output stays small. */
#define STATES_MAX		5000

static const char waiting[] = "waiting for a watched address";
static const char not_watchable[] =
	"not an address in canonical form of this network";
static const char nobody[] =
	"no subscription of this source takes watched addresses";

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
				cs_channel_drop_watch(symbol, watch, output);
			cs_channel_remove_watch(symbol, watch);
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
		if (cs_channel_is_watched(symbol, id) && !symbol->topics[id].refused &&
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

/* Is there no room for them, so that there is nothing to wait for? */
static bool
is_stuck(const SymbolSession *symbol, unsigned int topics)
{
	return symbol->request_count == 0 && !is_open(symbol, topics);
}

static void
tell_over(SymbolSession *symbol, CsWatch *watch, CsOutput *output)
{
	if (!(watch->flags & SYMBOL_WATCH_OVER))
		symbol->over_count++;
	cs_channel_tell_watch(watch, SYMBOL_WATCH_OVER, CS_STATE_OVER_LIMIT,
						  cs_channel_limit_reason(symbol), output);
}

/* Ask for the channels of a watch, or say that they are too many. */
static void
send_watch(SymbolSession *symbol, CsWatch *watch, int64_t now_ms,
		   CsOutput *output)
{
	size_t		left = cs_channel_count_topics(symbol->sent_topics);

	if (!cs_channel_has_room(symbol, left))
	{
		tell_over(symbol, watch, output);
		return;
	}
	watch->flags |= CS_WATCH_SENT;
	symbol->sent_count++;
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (symbol->sent_topics & (1U << id))
			cs_channel_subscribe(symbol, (SymbolTopicId) id, watch,
								 --left == 0, now_ms, output);
	}
}

/* A watch that needs no channels of its own. */
static void
tell_open(SymbolSession *symbol, CsWatch *watch, unsigned int topics,
		  CsOutput *output)
{
	if (symbol->mode == SYMBOL_MODE_OPEN && is_open(symbol, topics))
		cs_channel_tell_watch(watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE, NULL,
							  output);
	else if (symbol->mode == SYMBOL_MODE_OPEN)
		tell_over(symbol, watch, output);
	else if (watch->flags & CS_WATCH_ACTIVE)
		cs_channel_tell_watch(watch, 0, CS_STATE_PENDING, nobody, output);
}

/* Do what is to be done about an entry that was in the queue. */
static void
step_watch(SymbolSession *symbol, CsWatch *watch, unsigned int topics,
		   int64_t now_ms, CsOutput *output)
{
	if (!(watch->flags & CS_WATCH_WANTED))
	{
		cs_channel_drop_watch(symbol, watch, output);
		if (watch->flags & SYMBOL_WATCH_OVER)
			symbol->over_count--;
		cs_channel_remove_watch(symbol, watch);
		return;
	}
	if (watch->flags & SYMBOL_WATCH_OVER)
	{
		watch->flags &= (uint8_t) ~SYMBOL_WATCH_OVER;
		symbol->over_count--;
	}
	if (watch->flags & CS_WATCH_INVALID)
		cs_channel_tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR,
							  not_watchable, output);
	else if (watch->flags & SYMBOL_WATCH_BLAMED)
		cs_channel_tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR,
							  symbol->watch_words, output);
	else if (!symbol->link_open)
		return;
	else if (watch->target[0] == '*' && symbol->open_refused)
		cs_channel_tell_watch(watch, CS_WATCH_REFUSED, CS_STATE_ERROR,
							  symbol->open_words, output);
	else if (watch->target[0] != '*' && symbol->mode == SYMBOL_MODE_FILTER)
	{
		if (!(watch->flags & CS_WATCH_SENT))
			send_watch(symbol, watch, now_ms, output);
		else if (!cs_channel_is_on_its_way(symbol, watch))
			cs_channel_tell_watch(watch, CS_WATCH_ACTIVE, CS_STATE_ACTIVE,
								  NULL, output);
	}
	else
	{
		cs_channel_drop_watch(symbol, watch, output);
		tell_open(symbol, watch, topics, output);
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

	if (!ready || (symbol->mode == SYMBOL_MODE_OPEN &&
				   !is_open(symbol, topics) && !is_stuck(symbol, topics)))
		return;
	while (cs_watchset_queued(watches) > 0)
	{
		if (cs_output_action_count(output) >= limit)
		{
			symbol->more_at = now_ms + 1;
			return;
		}
		if (symbol->mode == SYMBOL_MODE_FILTER &&
			cs_channel_window_is_full(symbol))
			return;
		step_watch(symbol, cs_watchset_pop(watches), topics, now_ms, output);
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
	else if (topic->open_sent || cs_channel_window_is_full(symbol))
		return;
	else if (!cs_channel_has_room(symbol, 1))
		cs_symbol_tell(topic, CS_STATE_OVER_LIMIT,
					   cs_channel_limit_reason(symbol), output);
	else
	{
		topic->open_sent = true;
		cs_channel_subscribe(symbol, (SymbolTopicId) id, NULL, true, now_ms,
							 output);

		/* One that replaces channels with addresses is live all the time. */
		if (!topic->settled)
			cs_symbol_tell(topic, CS_STATE_PENDING, NULL, output);
	}
}

/* There is room again for some of those said to be over the limit. */
static void
queue_over(SymbolSession *symbol, unsigned int topics)
{
	CsWatchSet *watches = symbol->base.watches;
	bool		open = symbol->mode == SYMBOL_MODE_OPEN;
	size_t		each = cs_channel_count_topics(symbol->sent_topics);
	size_t		chosen = 0;
	CsWatch    *watch;
	size_t		position = 0;

	if (symbol->over_count == 0 || cs_watchset_queued(watches) > 0 ||
		(open ? !is_open(symbol, topics) : each == 0))
		return;
	while ((open || cs_channel_has_room(symbol, (chosen + 1) * each)) &&
		   (watch = cs_watchset_next(watches, &position)) != NULL)
	{
		if (!(watch->flags & SYMBOL_WATCH_OVER))
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
		if (!cs_channel_has_room(symbol, 0))
		{
			cs_channel_drop_watch(symbol, watch, output);
			cs_watchset_queue(watches, watch);
			continue;
		}
		cs_channel_subscribe(symbol, (SymbolTopicId) id, watch, true, now_ms,
							 output);
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
			cs_channel_send(symbol, "unsubscribe", (SymbolTopicId) id, watch,
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
		cs_symbol_tell(topic, CS_STATE_IDLE, waiting, output);
	else if (topic->settled || topic->open_settled)
		cs_symbol_tell(topic, CS_STATE_ACTIVE, NULL, output);
	else if (symbol->link_open && symbol->sent_count == 0 &&
			 symbol->over_count > 0)
		cs_symbol_tell(topic, CS_STATE_OVER_LIMIT,
					   cs_channel_limit_reason(symbol), output);
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
		if (cs_channel_is_watched(symbol, id))
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

		if (cs_channel_is_watched(symbol, id) ?
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
		if (cs_channel_is_watched(symbol, id) ? replaced ||
			!(topics & (1U << id)) :
			symbol->topics[id].subscription_id == 0)
			cs_channel_drop_open(symbol, id, output);
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
		cs_channel_settle(symbol, now_ms, output);
		step_mode(symbol, topics, output);
		send_opens(symbol, topics, now_ms, output);
		step_topics(symbol, topics, now_ms, output);
		queue_over(symbol, topics);
	}
	step_queue(symbol, topics, now_ms, output);
	if (connected)
	{
		/* What addresses have left may do for everything. */
		if (symbol->mode == SYMBOL_MODE_OPEN && is_stuck(symbol, topics))
			send_opens(symbol, topics, now_ms, output);

		drop_opens(symbol, topics, output);

		/* And what was left just now, for those over the limit. */
		queue_over(symbol, topics);
		if (cs_watchset_queued(symbol->base.watches) > 0 &&
			symbol->mode == SYMBOL_MODE_FILTER &&
			!cs_channel_window_is_full(symbol))
			symbol->more_at = now_ms + 1;

		/* If there was a bad request, it would have shown. */
		if (symbol->request_count == 0 &&
			cs_watchset_queued(symbol->base.watches) == 0)
		{
			symbol->window = SIZE_MAX;
			symbol->strikes = symbol->losses = 0;
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
			  CS_WATCH_SENT | CS_WATCH_ACTIVE | CS_WATCH_REFUSED | SYMBOL_WATCH_OVER,
			  NULL);
}
