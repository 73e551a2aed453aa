/*-------------------------------------------------------------------------
 *
 * flow_links.c
 *	  The connections to Flow's access nodes, and the requests on them.
 *
 * A node takes twenty subscriptions on a connection, so there are as many
 * connections as the parts need.  A node drops a connection that has been
 * without a subscription for a minute, without a word; so one that is not
 * needed is closed here before.
 *
 * A part whose request has changed gets a new wire, which begins at the last
 * block that was read; only when the node has taken it is the old one ended.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/decimal.h"
#include "provider/flow/flow.h"
#include "provider/output.h"

/* Without an answer for so long, the node has ceased to read. */
#define ANSWER_MS		30000

/* Every so often the node is asked what it holds; sooner if there is doubt. */
#define LIST_MS			300000
#define DOUBT_MS		10000

/* A connection without subscriptions is kept for a while. */
#define EMPTY_MS		10000

/* Delays before a part is asked for again. */
#define RETRY_MIN_MS	1000
#define RETRY_MAX_MS	60000

/* A stream that says nothing for so many of its intervals is stalled. */
#define STALLED_MS		60000
#define STALLED_BLOCKS	10
#define BLOCK_MS		1000

/* Memory for requests that is kept for the next. */
#define WRITER_KEEP		((size_t) 256 * 1024)

static const char over_limit[] =
	"all connections are full; see the options max_connections and"
	" max_subscriptions_per_connection";
static const char stalled[] =
	"nothing came for much longer than the heartbeat; subscribed again";

/* ---------- wires ---------- */

uint64_t
cs_flow_wire_id(CsText id)
{
	size_t		length = strlen(FLOW_WIRE_PREFIX);
	int64_t		number;

	if (id.length <= length || memcmp(id.data, FLOW_WIRE_PREFIX, length) != 0 ||
		!cs_decimal_to_int64(id.data + length, id.length - length, &number) ||
		number <= 0)
		return 0;
	return (uint64_t) number;
}

FlowLink *
cs_flow_link(FlowSession *flow, int index)
{
	return index >= 0 && (size_t) index < flow->link_count ?
		&flow->links[index] : NULL;
}

FlowWire *
cs_flow_wire(FlowLink *link, CsText id)
{
	uint64_t	number = cs_flow_wire_id(id);

	for (size_t i = 0; link != NULL && number != 0 && i < link->count; i++)
	{
		if (link->wires[i].number == number)
			return &link->wires[i];
	}
	return NULL;
}

FlowWire *
cs_flow_wire_number(FlowSession *flow, uint64_t number, FlowLink **link)
{
	for (size_t l = 0; l < flow->link_count; l++)
	{
		for (size_t w = 0; w < flow->links[l].count; w++)
		{
			if (flow->links[l].wires[w].number == number)
			{
				*link = &flow->links[l];
				return &flow->links[l].wires[w];
			}
		}
	}
	return NULL;
}

void
cs_flow_drop(FlowSession *flow, FlowLink *link, FlowWire *wire)
{
	FlowPart   *part = wire->part;
	size_t		index = (size_t) (wire - link->wires);

	(void) flow;
	if (part != NULL && part->wire == wire->number)
	{
		part->wire = 0;
		part->acknowledged = false;
	}
	if (part != NULL && part->old_wire == wire->number)
		part->old_wire = 0;
	link->count--;
	memmove(&link->wires[index], &link->wires[index + 1],
			(link->count - index) * sizeof(FlowWire));
}

void
cs_flow_link_clear(FlowSession *flow, FlowLink *link)
{
	while (link->count > 0)
		cs_flow_drop(flow, link, &link->wires[link->count - 1]);
	link->open = link->reset = link->listing = false;
	link->limit = 0;
	link->unanswered = 0;
	link->waiting_since = INT64_MAX;
	link->list_at = INT64_MAX;
	link->listed_at = INT64_MIN;
	link->empty_since = INT64_MAX;
	link->first_wire = flow->last_wire + 1;
}

/* Subscriptions that the node still holds. */
static size_t
wires_in_use(const FlowLink *link)
{
	size_t		used = 0;

	for (size_t i = 0; i < link->count; i++)
		used += link->wires[i].state != FLOW_WIRE_ENDING;
	return used;
}

static size_t
room(const FlowSession *flow, const FlowLink *link)
{
	size_t		most = link->limit > 0 ? link->limit : flow->wires_max;
	size_t		used = wires_in_use(link);

	return !link->wanted || link->reset || used >= most ? 0 : most - used;
}

/* ---------- requests ---------- */

static void
begin_request(FlowSession *flow, const char *action, const char *id,
			  size_t length)
{
	CsJsonWriter *writer = &flow->writer;

	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	if (id != NULL)
	{
		cs_json_key(writer, "subscription_id");
		cs_json_put_text(writer, id, length);
	}
	cs_json_key(writer, "action");
	cs_json_put_string(writer, action);
}

static void
send_request(FlowSession *flow, FlowLink *link, int64_t now_ms,
			 CsOutput *output)
{
	CsJsonWriter *writer = &flow->writer;

	cs_json_end(writer, '}');
	if (writer->failed)
		cs_output_fail(output);
	else
		cs_output_send(output, (int) (link - flow->links), writer->data,
					   writer->length);
	if (writer->capacity > WRITER_KEEP)
		cs_json_writer_free(writer);
	if (link->unanswered++ == 0)
		link->waiting_since = now_ms;
}

void
cs_flow_doubt(FlowSession *flow, FlowLink *link, int64_t now_ms)
{
	int64_t		at = now_ms;

	if (link->listed_at != INT64_MIN && link->listed_at + DOUBT_MS > at)
		at = link->listed_at + DOUBT_MS;
	if (at < link->list_at)
		link->list_at = at;
	if (!link->listing && at < flow->next_at)
		flow->next_at = at;
}

void
cs_flow_answered(FlowLink *link, int64_t now_ms)
{
	if (link->unanswered > 0)
		link->unanswered--;
	link->waiting_since = link->unanswered > 0 ? now_ms : INT64_MAX;
}

void
cs_flow_unsubscribe(FlowSession *flow, FlowLink *link, CsText id,
					int64_t now_ms, CsOutput *output)
{
	begin_request(flow, "unsubscribe", id.data, id.length);
	send_request(flow, link, now_ms, output);
}

void
cs_flow_end(FlowSession *flow, uint64_t number, int64_t now_ms,
			CsOutput *output)
{
	FlowLink   *link;
	FlowWire   *wire = cs_flow_wire_number(flow, number, &link);
	char		id[32];

	if (wire == NULL || wire->state == FLOW_WIRE_ENDING || !link->open)
		return;
	(void) snprintf(id, sizeof(id), FLOW_WIRE_PREFIX "%llu",
					(unsigned long long) number);
	wire->state = FLOW_WIRE_ENDING;
	wire->part = NULL;
	cs_flow_unsubscribe(flow, link, (CsText) {id, strlen(id)}, now_ms, output);
}

/* A new wire for a part, on a link that has room; false: no memory. */
static bool
subscribe(FlowSession *flow, FlowLink *link, FlowPart *part, int64_t now_ms,
		  CsOutput *output)
{
	FlowStream *stream = part->stream;
	bool		sends = stream->topic == FLOW_SEND && !part->submitted;
	const char *topic = cs_flow_topic_name(stream->topic);
	char		id[32];

	if (link->count == link->capacity)
	{
		size_t		capacity = link->capacity * 2 + 20;
		FlowWire   *larger = realloc(link->wires, capacity * sizeof(FlowWire));

		if (larger == NULL)
			return false;
		link->wires = larger;
		link->capacity = capacity;
	}
	if (sends)
	{
		part->submitted = true;
		cs_flow_note_submitted(stream, "", output);
	}
	else if (stream->topic == FLOW_SEND)
		topic = cs_flow_topic_name(FLOW_TRANSACTION_STATUSES);
	part->wire = ++flow->last_wire;
	part->acknowledged = part->stale = part->frozen = part->silent = false;
	part->fresh = true;
	part->last_index = -1;
	part->heard_at = now_ms;
	link->wires[link->count++] = (FlowWire) {.number = part->wire,
											 .part = part};
	link->empty_since = INT64_MAX;

	(void) snprintf(id, sizeof(id), FLOW_WIRE_PREFIX "%llu",
					(unsigned long long) part->wire);
	begin_request(flow, "subscribe", id, strlen(id));
	cs_json_key(&flow->writer, "topic");
	cs_json_put_string(&flow->writer, topic);
	cs_json_key(&flow->writer, "arguments");
	cs_flow_put_arguments(flow, part);
	send_request(flow, link, now_ms, output);
	return true;
}

void
cs_flow_postpone(FlowPart *part, int64_t now_ms)
{
	int64_t		delay = RETRY_MIN_MS;

	for (int i = 0; i < part->failures && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	part->failures++;
	part->retry_at = now_ms + (delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS);
}

void
cs_flow_reset(FlowSession *flow, size_t index, const char *reason,
			  CsOutput *output)
{
	FlowLink   *link = &flow->links[index];

	if (link->reset || !link->open)
		return;
	link->reset = true;
	cs_output_link(output, CS_ACTION_RESET_LINK, (int) index, reason);
}

/* ---------- placing parts ---------- */

/*
 * A link for one more part: an open one with room, or else one that is being
 * connected, or is to be.  *reserved* counts what the latter will take.  NULL:
 * all there may be are full.
 */
static FlowLink *
find_link(FlowSession *flow, size_t *reserved, CsOutput *output)
{
	FlowLink   *unused = NULL;

	for (size_t i = 0; i < flow->link_count; i++)
	{
		FlowLink   *link = &flow->links[i];

		if (link->open && room(flow, link) > 0)
			return link;
	}
	for (size_t i = 0; i < flow->link_count; i++)
	{
		FlowLink   *link = &flow->links[i];

		if (!link->wanted && unused == NULL && !link->open)
			unused = link;
		if (link->wanted && !link->open && room(flow, link) > reserved[i])
		{
			reserved[i]++;
			return link;
		}
	}
	if (unused == NULL)
		return NULL;
	cs_flow_link_clear(flow, unused);
	unused->wanted = true;
	reserved[unused - flow->links] = 1;
	cs_output_link(output, CS_ACTION_OPEN_LINK, (int) (unused - flow->links),
				   NULL);
	return unused;
}

/*
 * A transaction that was handed over when the connection was lost, or the
 * process ended, may be on its way.  It is followed by its id; if that is not
 * known, all that can be done is to say so.
 */
static bool
is_lost(FlowPart *part)
{
	if (part->stream->topic != FLOW_SEND || !part->submitted ||
		part->transaction[0] != '\0')
		return false;
	part->over = true;
	cs_flow_set(part, CS_STATE_FAILED,
				"the connection was lost before the node told the transaction's"
				" id: it may have been accepted, and is not sent again");
	return true;
}

/* End the wire that a part has been given another for. */
static void
end_old(FlowSession *flow, FlowPart *part, int64_t now_ms, CsOutput *output)
{
	uint64_t	old = part->old_wire;

	part->old_wire = 0;
	if (old != 0)
		cs_flow_end(flow, old, now_ms, output);
}

/*
 * Is it known from where another wire would go on?  A stream that begins at
 * the latest block does not say which that is before its first message; to
 * replace it before that could lose something.
 */
static bool
can_continue(const FlowPart *part)
{
	return part->position.height != CS_NO_NUMBER || part->silent ||
		part->stream->start[0] != '\0' ||
		!cs_flow_has_height(part->stream->topic);
}

/* Give a part a wire, if it needs one now. */
static void
place_part(FlowSession *flow, FlowPart *part, size_t *reserved,
		   int64_t now_ms, CsOutput *output)
{
	FlowLink   *link;

	if (part->wire != 0 && part->stale && part->acknowledged &&
		can_continue(part))
	{
		end_old(flow, part, now_ms, output);
		part->old_wire = part->wire;
		part->widened = true;
		part->wire = 0;
		part->acknowledged = false;
	}
	if (part->over)
		end_old(flow, part, now_ms, output);
	if (part->over || part->wire != 0 || part->retry_at > now_ms ||
		is_lost(part))
		return;
	link = find_link(flow, reserved, output);
	if (link == NULL && part->old_wire != 0)
	{
		/* Its own place is the only one there is. */
		end_old(flow, part, now_ms, output);
		link = find_link(flow, reserved, output);
	}
	if (link == NULL)
		cs_flow_set(part, CS_STATE_OVER_LIMIT, over_limit);
	else if (!link->open)
		cs_flow_set(part, CS_STATE_PENDING, NULL);
	else
	{
		if (part->now.state == CS_STATE_OVER_LIMIT)
			cs_flow_set(part, CS_STATE_PENDING, NULL);
		if (!subscribe(flow, link, part, now_ms, output))
			cs_output_fail(output);
	}
}

static void
place_parts(FlowSession *flow, int64_t now_ms, CsOutput *output)
{
	size_t	   *reserved = calloc(flow->link_count + 1, sizeof(size_t));

	if (reserved == NULL)
	{
		cs_output_fail(output);
		return;
	}
	for (size_t i = 0; i < flow->part_count; i++)
		place_part(flow, flow->parts[i], reserved, now_ms, output);
	free(reserved);
}

/* ---------- what is due ---------- */

static void
soonest(FlowSession *flow, int64_t at)
{
	if (at < flow->next_at)
		flow->next_at = at;
}

/* A stream of blocks has been silent for far too long: ask anew. */
static void
check_stalled(FlowSession *flow, FlowPart *part, int64_t now_ms)
{
	int64_t		allowed;
	int64_t		at;

	/* An emulator makes a block when there is a transaction. */
	if (!part->acknowledged || !cs_flow_has_height(part->stream->topic) ||
		flow->network == CS_FLOW_EMULATOR || part->silent)
		return;
	if (part->stream->heartbeat > INT64_MAX / (STALLED_BLOCKS * BLOCK_MS * 2))
		return;
	allowed = part->stream->heartbeat * STALLED_BLOCKS * BLOCK_MS;
	if (allowed < STALLED_MS)
		allowed = STALLED_MS;
	at = part->heard_at + allowed;
	if (at <= now_ms)
	{
		part->stale = part->silent = true;
		cs_flow_set(part, CS_STATE_PENDING, stalled);
	}
	else
		soonest(flow, at);
}

/* End the wires that are nobody's any more. */
static void
end_orphans(FlowSession *flow, FlowLink *link, int64_t now_ms,
			CsOutput *output)
{
	for (size_t i = 0; i < link->count; i++)
	{
		if (link->wires[i].part == NULL &&
			link->wires[i].state != FLOW_WIRE_ENDING)
			cs_flow_end(flow, link->wires[i].number, now_ms, output);
	}
}

static void
ask_list(FlowSession *flow, FlowLink *link, int64_t now_ms, CsOutput *output)
{
	if (link->listing || link->list_at > now_ms)
		return;
	begin_request(flow, "list_subscriptions", NULL, 0);
	send_request(flow, link, now_ms, output);
	link->listing = true;
	link->listed_at = now_ms;
	link->list_at = now_ms + LIST_MS;
}

/*
 * Close a link that has been of no use for a while, or of which no use can
 * come.  Returns whether it is closed.
 */
static bool
close_unused(FlowSession *flow, size_t index, bool needed, int64_t now_ms,
			 CsOutput *output)
{
	FlowLink   *link = &flow->links[index];

	if (wires_in_use(link) > 0 || needed)
	{
		link->empty_since = INT64_MAX;
		return false;
	}
	if (link->empty_since == INT64_MAX)
		link->empty_since = now_ms;
	if (flow->part_count > 0 && link->empty_since + EMPTY_MS > now_ms)
	{
		soonest(flow, link->empty_since + EMPTY_MS);
		return false;
	}
	cs_output_link(output, CS_ACTION_CLOSE_LINK, (int) index, NULL);
	link->wanted = false;
	return true;
}

static void
step_link(FlowSession *flow, size_t index, bool needed, int64_t now_ms,
		  CsOutput *output)
{
	FlowLink   *link = &flow->links[index];

	if (!link->wanted ||
		close_unused(flow, index, needed, now_ms, output) ||
		!link->open || link->reset)
		return;
	if (link->waiting_since != INT64_MAX &&
		link->waiting_since + ANSWER_MS <= now_ms)
	{
		cs_flow_reset(flow, index, "no answer to a request for 30 s", output);
		return;
	}
	if (wires_in_use(link) > 0)
	{
		ask_list(flow, link, now_ms, output);
		if (!link->listing)
			soonest(flow, link->list_at);
	}
	if (link->waiting_since != INT64_MAX)
		soonest(flow, link->waiting_since + ANSWER_MS);
}

/* Does any part wait for a link, or will it soon? */
static bool
is_waiting(FlowSession *flow, int64_t now_ms)
{
	bool		waiting = false;

	for (size_t i = 0; i < flow->part_count; i++)
	{
		const FlowPart *part = flow->parts[i];

		if (part->over || part->wire != 0)
			continue;
		waiting = true;
		if (part->retry_at > now_ms)
			soonest(flow, part->retry_at);
	}
	return waiting;
}

void
cs_flow_step(FlowSession *flow, int64_t now_ms, CsOutput *output)
{
	bool		waiting;

	flow->next_at = INT64_MAX;
	for (size_t i = 0; i < flow->part_count; i++)
		check_stalled(flow, flow->parts[i], now_ms);
	for (size_t i = 0; i < flow->link_count; i++)
	{
		if (flow->links[i].open)
			end_orphans(flow, &flow->links[i], now_ms, output);
	}
	place_parts(flow, now_ms, output);
	waiting = is_waiting(flow, now_ms);
	for (size_t i = 0; i < flow->link_count; i++)
		step_link(flow, i, waiting && i == 0, now_ms, output);
	cs_flow_tell(flow, now_ms, output);
}
