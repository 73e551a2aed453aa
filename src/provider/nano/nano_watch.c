/*-------------------------------------------------------------------------
 *
 * nano_watch.c
 *	  The confirmation subscription of a Nano node and the watch list that
 *	  goes with it.
 *
 * The list is the subscription's filter.  The first request takes a part of a
 * long list along, "update" requests take the rest and later changes, one
 * request at a time.  A node that does not answer updates (Banano, Nano.to,
 * old nodes) gets the whole list in a new subscription, which replaces the old
 * one without a gap; so does one whose subscription has to change while it
 * delivers.  A very long list is not sent at all: the node sends everything,
 * and nano_records.c leaves out what is not watched, as it does in any case.
 *
 * The queue of the watch set is the work to do.  A request takes the first
 * entries of it along; they stay in the queue until it is answered, and only
 * then is their state told.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/nano/nano.h"

/* Addresses in the first subscription, and in each update. */
#define CHUNK		1000

/*
 * A longer list is not sent.  A whole one has to fit into a message, of which
 * nodes take 16 MiB and relays who knows what; and to look addresses up here
 * costs less than to send so many.
 */
#define FILTER_MAX	50000

/* Without an answer for so long, a request about the list has failed. */
#define OVERDUE_MS	5000

/* States of watches told in one go, so that the output stays small. */
#define STATES_MAX	5000

static const char no_block[] =
	"with include_block false a node delivers nothing for watched addresses:"
	" watch '*' or include the block";
static const char over_limit[] =
	"a list of more than 50000 addresses cannot be combined with"
	" all_local_accounts";
static const char not_watchable[] =
	"not an address in canonical form of this network";
static const char nobody[] =
	"no subscription of this source takes watched addresses";

/* What the confirmation subscription should be like. */
static NanoMode
desired_mode(NanoSession *nano, CsOutput *output)
{
	NanoTopic  *topic = &nano->topics[NANO_CONFIRMATION];

	if (topic->subscription_id == 0)
		return NANO_MODE_NONE;
	if (nano->base.everything)
		return NANO_MODE_EVERYTHING;
	if (nano->base.address_count == 0 && !topic->all_local)
	{
		cs_nano_tell(topic, CS_STATE_IDLE, cs_nano_waiting, output);
		return NANO_MODE_NONE;
	}
	if (topic->no_block)
	{
		cs_nano_tell(topic, CS_STATE_ERROR, no_block, output);
		return NANO_MODE_NONE;
	}
	if (topic->all_local && nano->base.address_count > FILTER_MAX)
	{
		cs_nano_tell(topic, CS_STATE_OVER_LIMIT, over_limit, output);
		return NANO_MODE_NONE;
	}
	return NANO_MODE_FILTER;
}

/* Is the node to be told of this entry? */
static bool
needs_sending(const CsWatch *watch)
{
	bool		wanted = (watch->flags & CS_WATCH_WANTED) != 0;
	bool		sent = (watch->flags & CS_WATCH_SENT) != 0;

	return watch->kind == CS_WATCH_ADDRESS && watch->target[0] != '*' &&
		!(watch->flags & CS_WATCH_INVALID) && wanted != sent;
}

/* ---------- requests ---------- */

/* Wait for the answer to a request that took *carried* entries along. */
static void
await_answer(NanoSession *nano, NanoRequest kind, uint64_t request,
			 size_t carried, int64_t now_ms)
{
	nano->pending = kind;
	nano->pending_id = request;
	nano->carried = carried;
	nano->settled = 0;
	nano->overdue = false;
	nano->overdue_at = now_ms + (nano->mute ? CS_NANO_SETTLE_MS : OVERDUE_MS);
}

static void
await_nothing(NanoSession *nano)
{
	nano->pending = NANO_REQUEST_NONE;
	nano->carried = nano->settled = 0;
	nano->overdue = false;
}

/*
 * The filter of a new subscription: the first entries of the queue, which
 * holds the whole list.  Returns how many it takes along.
 */
static size_t
put_filter(NanoSession *nano, size_t limit)
{
	CsWatchSet *watches = nano->base.watches;
	size_t		queued = cs_watchset_queued(watches);
	size_t		count = 0;
	size_t		i;

	if (nano->base.address_count == 0)	/* only the node's own accounts */
		return queued;
	cs_json_key(&nano->writer, "accounts");
	cs_json_begin(&nano->writer, '[');
	for (i = 0; i < queued && count < limit; i++)
	{
		CsWatch    *watch = cs_watchset_peek(watches, i);

		if (!needs_sending(watch))
			continue;
		cs_json_put_text(&nano->writer, watch->target, watch->length);
		watch->flags |= CS_WATCH_SENT;
		count++;
	}
	cs_json_end(&nano->writer, ']');
	return i;
}

/* Subscribe to confirmations, replacing what there is. */
static void
subscribe(NanoSession *nano, NanoMode mode, int64_t now_ms, CsOutput *output)
{
	bool		whole = nano->mode != NANO_MODE_NONE || nano->no_update;
	bool		first = nano->mode == NANO_MODE_NONE;
	uint64_t	request;

	if (mode == NANO_MODE_FILTER && nano->base.address_count > FILTER_MAX)
		mode = NANO_MODE_LOCAL;
	cs_session_requeue(&nano->base, CS_WATCH_SENT);
	request = cs_nano_begin_request(nano, "subscribe", NANO_CONFIRMATION);
	cs_nano_begin_options(nano, NANO_CONFIRMATION, mode == NANO_MODE_FILTER);
	if (mode == NANO_MODE_FILTER)
		await_answer(nano, NANO_REQUEST_SUBSCRIBE, request,
					 put_filter(nano, whole ? FILTER_MAX : CHUNK), now_ms);
	else
		await_nothing(nano);
	cs_json_end(&nano->writer, '}');
	cs_nano_send_request(nano, output);
	cs_nano_requested(&nano->topics[NANO_CONFIRMATION], request, first,
					  now_ms, output);
	nano->mode = mode;
}

/*
 * The targets that the first *count* entries of the queue add or, if
 * *wanted* is false, take away; as a member of an update's options.
 */
static void
put_changes(NanoSession *nano, const char *name, bool wanted, size_t count)
{
	bool		any = false;

	for (size_t i = 0; i < count; i++)
	{
		CsWatch    *watch = cs_watchset_peek(nano->base.watches, i);

		if (!needs_sending(watch) ||
			((watch->flags & CS_WATCH_WANTED) != 0) != wanted)
			continue;
		if (!any)
		{
			cs_json_key(&nano->writer, name);
			cs_json_begin(&nano->writer, '[');
			any = true;
		}
		cs_json_put_text(&nano->writer, watch->target, watch->length);
		watch->flags ^= CS_WATCH_SENT;
	}
	if (any)
		cs_json_end(&nano->writer, ']');
}

/*
 * Send the next changes.  Returns false if none of the entries in the queue
 * has to be sent.
 */
static bool
update(NanoSession *nano, int64_t now_ms, CsOutput *output)
{
	CsWatchSet *watches = nano->base.watches;
	size_t		queued = cs_watchset_queued(watches);
	size_t		count = 0;
	size_t		carried;
	uint64_t	request;

	for (carried = 0; carried < queued && count < CHUNK; carried++)
	{
		if (needs_sending(cs_watchset_peek(watches, carried)))
			count++;
	}
	if (count == 0)
		return false;

	request = cs_nano_begin_request(nano, "update", NANO_CONFIRMATION);
	cs_json_key(&nano->writer, "options");
	cs_json_begin(&nano->writer, '{');
	put_changes(nano, "accounts_add", true, carried);
	put_changes(nano, "accounts_del", false, carried);
	cs_json_end(&nano->writer, '}');
	cs_nano_send_request(nano, output);
	await_answer(nano, NANO_REQUEST_UPDATE, request, carried, now_ms);
	return true;
}

/* ---------- states ---------- */

/* Tell what has become of a wanted entry, if that is news. */
static void
tell_watch(CsWatch *watch, bool active, CsOutput *output)
{
	bool		told_active = (watch->flags & CS_WATCH_ACTIVE) != 0;

	if (watch->flags & CS_WATCH_INVALID)
	{
		if (!(watch->flags & CS_WATCH_REFUSED))
			cs_output_watch_state(output, watch->watch_id, CS_STATE_ERROR,
								  not_watchable);
		watch->flags |= CS_WATCH_REFUSED;
	}
	else if (active != told_active)
	{
		watch->flags ^= CS_WATCH_ACTIVE;
		if (active)
			cs_output_watch_state(output, watch->watch_id, CS_STATE_ACTIVE,
								  NULL);
		else
			cs_output_watch_state(output, watch->watch_id, CS_STATE_PENDING,
								  nobody);
	}
}

/*
 * Take the first *count* entries out of the queue and tell their state, or as
 * many as may be told in one go.  Returns how many are left.
 */
static size_t
settle(NanoSession *nano, size_t count, bool active, int64_t now_ms,
	   CsOutput *output)
{
	CsWatchSet *watches = nano->base.watches;
	size_t		limit = cs_output_action_count(output) + STATES_MAX;

	for (; count > 0 && cs_output_action_count(output) < limit; count--)
	{
		CsWatch    *watch = cs_watchset_pop(watches);

		/* It changed while the request was on its way. */
		if (nano->carrier == NANO_CARRIER_FILTER && needs_sending(watch))
			cs_watchset_queue(watches, watch);
		else if (watch->flags & CS_WATCH_WANTED)
			tell_watch(watch, active, output);
		else
			cs_watchset_remove(watches, watch);
	}
	if (count > 0)
		nano->more_at = now_ms;
	return count;
}

void
cs_nano_watch_answered(NanoSession *nano)
{
	if (nano->pending == NANO_REQUEST_NONE)
		return;
	nano->pending = NANO_REQUEST_NONE;
	nano->settled = nano->carried;
	nano->carried = 0;
	nano->overdue = false;
}

/* ---------- what is due ---------- */

/* Bring the node's filter up to date: one request at a time. */
static void
step_filter(NanoSession *nano, int64_t now_ms, CsOutput *output)
{
	size_t		queued;

	if (nano->settled > 0)
		nano->settled = settle(nano, nano->settled, true, now_ms, output);
	if (nano->settled > 0 ||
		(nano->pending != NANO_REQUEST_NONE && !nano->overdue))
		return;
	queued = cs_watchset_queued(nano->base.watches);
	if (queued == nano->carried && nano->pending != NANO_REQUEST_UPDATE)
		return;
	if (nano->no_update)
		subscribe(nano, NANO_MODE_FILTER, now_ms, output);
	else if (!update(nano, now_ms, output))
		nano->settled = settle(nano, queued, true, now_ms, output);
}

/* Make the node's subscription follow the wish. */
static void
step_subscription(NanoSession *nano, int64_t now_ms, CsOutput *output)
{
	NanoMode	desired = desired_mode(nano, output);
	bool		same = nano->mode == desired ||
		(nano->mode == NANO_MODE_LOCAL && desired == NANO_MODE_FILTER);

	if (!nano->link_open)
		return;
	if (desired == NANO_MODE_NONE && !same)
	{
		cs_nano_unsubscribe(nano, NANO_CONFIRMATION, output);
		await_nothing(nano);
		nano->mode = NANO_MODE_NONE;
	}
	else if (desired != NANO_MODE_NONE &&
			 (!same || nano->topics[NANO_CONFIRMATION].stale))
		subscribe(nano, desired, now_ms, output);
}

/* Who takes care of the watch list now, and has the node said so? */
static NanoCarrier
find_carrier(const NanoSession *nano, bool *answered)
{
	const NanoTopic *topic = &nano->topics[NANO_NEW_UNCONFIRMED_BLOCK];

	if (nano->mode != NANO_MODE_NONE)
		topic = &nano->topics[NANO_CONFIRMATION];
	*answered = topic->answered;
	if (nano->mode == NANO_MODE_FILTER)
		return NANO_CARRIER_FILTER;
	return topic->requested ? NANO_CARRIER_OPEN : NANO_CARRIER_NONE;
}

void
cs_nano_watch_step(NanoSession *nano, int64_t now_ms, CsOutput *output)
{
	NanoCarrier carrier;
	bool		answered;

	nano->more_at = INT64_MAX;
	step_subscription(nano, now_ms, output);
	carrier = find_carrier(nano, &answered);
	if (carrier != nano->carrier && carrier == NANO_CARRIER_NONE)
		cs_session_requeue(&nano->base, CS_WATCH_SENT);
	nano->carrier = carrier;

	if (carrier == NANO_CARRIER_FILTER)
		step_filter(nano, now_ms, output);
	else if (carrier == NANO_CARRIER_NONE || answered)
		(void) settle(nano, cs_watchset_queued(nano->base.watches),
					  carrier == NANO_CARRIER_OPEN, now_ms, output);
}

void
cs_nano_watch_overdue(NanoSession *nano)
{
	nano->overdue = true;
	nano->no_update = true;
	if (nano->pending == NANO_REQUEST_SUBSCRIBE)
		nano->mute = true;
}

void
cs_nano_watch_closed(NanoSession *nano)
{
	await_nothing(nano);
	nano->mode = NANO_MODE_NONE;
	nano->carrier = NANO_CARRIER_NONE;
	nano->more_at = INT64_MAX;
	nano->no_update = nano->mute = false;
	cs_session_requeue(&nano->base, CS_WATCH_SENT | CS_WATCH_ACTIVE);
}
