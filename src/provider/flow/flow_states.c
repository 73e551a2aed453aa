/*-------------------------------------------------------------------------
 *
 * flow_states.c
 *	  What is told of the subscriptions and watches of a Flow source.
 *
 * A stream is as well off as the worst of its parts.  A watched address is
 * taken care of by the stream of token movements or, without one, by that of
 * account changes; a watched transaction by its own part.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "codec/utf8.h"
#include "provider/flow/flow.h"

/* States of watches told in one go, so that the output stays small. */
#define STATES_MAX	5000

static const char no_address[] = "waiting for a watched address";
static const char no_transaction[] = "no transaction is watched";
static const char not_watchable[] =
	"not an address or transaction id in canonical form of this network";
static const char nobody[] =
	"no subscription of this source takes it";
static const char too_many[] =
	"too many transactions are watched; their turn comes as others are done";
static const char not_active[] = "the subscription that follows it is not active";
static const char not_readable[] =
	"the node sends events in the encoding of servers before v0.42, in which"
	" watched accounts cannot be recognized";

/* ---------- parts ---------- */

void
cs_flow_set_words(FlowPart *part, CsState state, CsText words)
{
	size_t		length = words.data ? words.length : 0;

	if (length >= FLOW_DETAIL_SIZE)
		length = cs_utf8_clip(words.data, FLOW_DETAIL_SIZE - 1);
	part->now.state = state;
	if (length > 0)
		memcpy(part->now.detail, words.data, length);
	part->now.detail[length] = '\0';
	for (size_t i = 0; i < length; i++)
	{
		if ((unsigned char) part->now.detail[i] < 0x20)
			part->now.detail[i] = ' ';
	}
}

void
cs_flow_set(FlowPart *part, CsState state, const char *detail)
{
	cs_flow_set_words(part, state, (CsText) {detail,
											 detail ? strlen(detail) : 0});
}

void
cs_flow_set_active(FlowPart *part)
{
	char		detail[FLOW_ID_SIZE + 16];

	if (part->stream->topic != FLOW_SEND)
	{
		cs_flow_set(part, CS_STATE_ACTIVE, NULL);
		return;
	}
	(void) snprintf(detail, sizeof(detail), "transaction %s",
					part->transaction);
	cs_flow_set(part, CS_STATE_ACTIVE, detail);
}

/* ---------- streams ---------- */

static bool
same_state(const FlowState *a, const FlowState *b)
{
	return a->state == b->state && strcmp(a->detail, b->detail) == 0;
}

/* Of the states of parts, the one that counts for the stream. */
static int
weight(CsState state)
{
	static const int weights[] = {
		[CS_STATE_DONE] = 0, [CS_STATE_IDLE] = 0, [CS_STATE_ACTIVE] = 1,
		[CS_STATE_PENDING] = 2, [CS_STATE_OVER_LIMIT] = 3,
		[CS_STATE_ERROR] = 4, [CS_STATE_FAILED] = 5,
	};

	return weights[state];
}

/* What a stream's state is before its parts have been looked at. */
static void
begin_stream(const FlowSession *flow, FlowStream *stream)
{
	const char *detail = "";

	stream->now.state = CS_STATE_DONE;
	if (stream->topic == FLOW_TRANSACTION_STATUSES && stream->followed)
	{
		stream->now.state = CS_STATE_IDLE;
		detail = no_transaction;
	}
	else if (stream->followed && !cs_flow_has_watches(flow))
	{
		stream->now.state = CS_STATE_IDLE;
		detail = no_address;
	}
	(void) snprintf(stream->now.detail, FLOW_DETAIL_SIZE, "%s", detail);
}

/* Blocks that are missing are told as long as the stream goes on. */
static void
add_skipped(const FlowPart *part, FlowState *state)
{
	const FlowPosition *position = &part->position;

	if (state->state == CS_STATE_ACTIVE && state->detail[0] == '\0' &&
		position->skipped_from != CS_NO_NUMBER)
		(void) snprintf(state->detail, FLOW_DETAIL_SIZE,
						"blocks %lld to %lld are missing: the node does not serve them any more",
						(long long) position->skipped_from,
						(long long) position->skipped_to);
}

static void
add_part(const FlowPart *part)
{
	FlowStream *stream = part->stream;
	FlowState	state = part->now;

	add_skipped(part, &state);
	if (part->watch_id != 0)
	{
		/* They have states of their own: one that is taken is enough. */
		if (part->over)
			return;
		stream->now.detail[0] = '\0';
		if (part->acknowledged)
			stream->now.state = CS_STATE_ACTIVE;
		else if (stream->now.state == CS_STATE_IDLE)
			stream->now.state = CS_STATE_PENDING;
	}
	else if (weight(state.state) >= weight(stream->now.state))
		stream->now = state;
}

static void
tell_streams(FlowSession *flow, CsOutput *output)
{
	for (size_t i = 0; i < flow->stream_count; i++)
		begin_stream(flow, flow->streams[i]);
	for (size_t i = 0; i < flow->part_count; i++)
		add_part(flow->parts[i]);
	for (size_t i = 0; i < flow->stream_count; i++)
	{
		FlowStream *stream = flow->streams[i];

		if (stream->ccf && stream->topic == FLOW_EVENTS && stream->followed &&
			!flow->base.everything && stream->now.state == CS_STATE_ACTIVE)
		{
			stream->now.state = CS_STATE_ERROR;
			(void) snprintf(stream->now.detail, FLOW_DETAIL_SIZE, "%s",
							not_readable);
		}
		if (stream->told && same_state(&stream->now, &stream->last))
			continue;
		stream->told = true;
		stream->last = stream->now;
		cs_output_subscription_state(output, stream->subscription_id,
									 stream->now.state,
									 stream->now.detail[0] ?
									 stream->now.detail : NULL);
	}
}

/* ---------- watches ---------- */

/* Watched transactions; returns false if some are left. */
static bool
tell_transactions(FlowSession *flow, size_t limit, CsOutput *output)
{
	for (size_t i = 0; i < flow->part_count; i++)
	{
		FlowPart   *part = flow->parts[i];

		if (part->watch_id == 0 ||
			(part->told && same_state(&part->now, &part->last)))
			continue;
		if (cs_output_action_count(output) >= limit)
			return false;
		part->told = true;
		part->last = part->now;
		cs_output_watch_state(output, part->watch_id, part->now.state,
							  part->now.detail[0] ? part->now.detail : NULL);
	}
	return true;
}

/* The stream that takes care of watched addresses; NULL: there is none. */
static const FlowStream *
find_carrier(const FlowSession *flow)
{
	const FlowStream *carrier = NULL;

	for (size_t i = 0; i < flow->stream_count; i++)
	{
		const FlowStream *stream = flow->streams[i];

		if (!stream->followed || !cs_flow_has_height(stream->topic))
			continue;
		if (carrier == NULL || (carrier->topic != FLOW_EVENTS &&
								stream->topic == FLOW_EVENTS))
			carrier = stream;
	}
	return carrier;
}

/*
 * Is there a wire for each part of the carrier that had one (*carried*), and
 * for all parts one that asks for all it should (*complete*)?
 */
static void
judge_carrier(const FlowSession *flow, const FlowStream *carrier,
			  bool *carried, bool *complete)
{
	bool		any = false;

	*carried = *complete = carrier != NULL && !carrier->ccf;
	for (size_t i = 0; i < flow->part_count && carrier != NULL; i++)
	{
		const FlowPart *part = flow->parts[i];

		if (part->stream != carrier)
			continue;
		any = any || part->proven;
		if (part->proven && !part->acknowledged && part->old_wire == 0)
			*carried = false;
		if (!part->acknowledged || part->stale)
			*complete = false;
	}
	*carried = *carried && any;
	*complete = *complete && any;
}

static void
tell_refused(CsWatch *watch, CsOutput *output)
{
	if (!(watch->flags & CS_WATCH_REFUSED))
		cs_output_watch_state(output, watch->watch_id, CS_STATE_ERROR,
							  not_watchable);
	watch->flags |= CS_WATCH_REFUSED;
}

/* Tell an address's state, if it is news.  True: nothing more is to come. */
static bool
tell_address(CsWatch *watch, bool carried, bool complete, const char *why,
			 CsOutput *output)
{
	bool		told_active = (watch->flags & CS_WATCH_ACTIVE) != 0;

	if (complete && !told_active)
	{
		watch->flags |= CS_WATCH_ACTIVE;
		cs_output_watch_state(output, watch->watch_id, CS_STATE_ACTIVE, NULL);
	}
	else if (!carried && told_active)
	{
		watch->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
		cs_output_watch_state(output, watch->watch_id, CS_STATE_PENDING, why);
	}
	return complete;
}

/* A transaction that has no part; its state is told once. */
static void
tell_waiting(const FlowSession *flow, CsWatch *watch, CsOutput *output)
{
	bool		followed = cs_flow_follower(flow) != NULL;

	if (!(watch->flags & CS_WATCH_REFUSED))
		cs_output_watch_state(output, watch->watch_id,
							  followed ? CS_STATE_OVER_LIMIT :
							  CS_STATE_PENDING, followed ? too_many : nobody);
	watch->flags |= CS_WATCH_REFUSED;
}

/*
 * Go through the queue once: entries whose state is settled leave it, others
 * stay.  Returns false if some are left to be looked at.
 */
static bool
tell_queue(FlowSession *flow, bool carried, bool complete, const char *why,
		   size_t limit, CsOutput *output)
{
	CsWatchSet *watches = flow->base.watches;

	for (size_t i = cs_watchset_queued(watches); i > 0; i--)
	{
		CsWatch    *watch;
		bool		settled = false;

		if (cs_output_action_count(output) >= limit)
			return false;
		watch = cs_watchset_pop(watches);
		if ((watch->flags & CS_WATCH_WANTED) && (watch->flags & CS_WATCH_SENT))
		{
			if (watch->flags & CS_WATCH_INVALID)
			{
				tell_refused(watch, output);
				settled = true;
			}
			else if (watch->kind == CS_WATCH_ADDRESS)
				settled = tell_address(watch, carried, complete, why, output);
			else
			{
				settled = cs_flow_watched(flow, watch->target) != NULL;
				if (!settled)
					tell_waiting(flow, watch, output);
			}
		}
		if (!settled)
			cs_watchset_queue(watches, watch);
	}
	return true;
}

static bool
tell_addresses(FlowSession *flow, size_t limit, CsOutput *output)
{
	const FlowStream *carrier = find_carrier(flow);
	bool		carried;
	bool		complete;

	judge_carrier(flow, carrier, &carried, &complete);
	if (flow->carried && !carried)
		cs_session_requeue(&flow->base, 0);
	flow->carried = carried;
	if (cs_watchset_queued(flow->base.watches) == 0)
		return true;
	return tell_queue(flow, carried, complete, carrier ? not_active : nobody,
					  limit, output);
}

void
cs_flow_tell(FlowSession *flow, int64_t now_ms, CsOutput *output)
{
	size_t		limit = cs_output_action_count(output) + STATES_MAX;
	bool		finished;

	tell_streams(flow, output);
	finished = tell_transactions(flow, limit, output);
	finished = tell_addresses(flow, limit, output) && finished;
	if (!finished)
		flow->next_at = now_ms;
}

void
cs_flow_untell(FlowSession *flow)
{
	static const FlowState pending = {CS_STATE_PENDING, ""};

	for (size_t i = 0; i < flow->stream_count; i++)
	{
		if (!cs_state_is_final(flow->streams[i]->last.state))
			flow->streams[i]->last = pending;
	}
	for (size_t i = 0; i < flow->part_count; i++)
	{
		if (!cs_state_is_final(flow->parts[i]->last.state))
			flow->parts[i]->last = pending;
	}
	flow->carried = false;
	cs_session_requeue(&flow->base, CS_WATCH_ACTIVE);
}
