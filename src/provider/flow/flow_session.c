/*-------------------------------------------------------------------------
 *
 * flow_session.c
 *	  The life of a session with Flow's access nodes, and the notifications
 *	  it gets.
 *
 * The server pings every nine seconds and drops who does not answer within
 * one, which the transport does; without a ping or anything else for twenty
 * seconds the connection is dead or half dead.  Pings of our own would keep
 * nothing alive.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/flow/flow.h"
#include "provider/output.h"

#define IDLE_TIMEOUT_MS		20000

/* A list of what the node holds is asked for every so often. */
#define FIRST_LIST_MS		300000

#define DEFAULT_WIRES		20
#define DEFAULT_LINKS		8

/* ---------- beginning and end ---------- */

static size_t
read_option(const FlowSession *flow, const char *name, size_t otherwise)
{
	int64_t		value;

	if (cs_json_member(flow->base.options, name) == NULL ||
		!cs_json_integer(flow->base.options, name, &value, NULL))
		return otherwise;
	return (size_t) value;
}

/* Can the token be a header's value? */
static bool
check_token(const char *token, CsError *error)
{
	for (; token != NULL && *token != '\0'; token++)
	{
		if ((unsigned char) *token < 0x20 || *token == 0x7F)
		{
			cs_error_set(error, CS_ERROR_VALUE,
						 "It is sent as a header, whose value ends with the line.",
						 NULL, "token holds a control character");
			return false;
		}
	}
	return true;
}

bool
cs_flow_start(CsSession *session, CsError *error)
{
	FlowSession *flow = (FlowSession *) session;

	if (!check_token(session->token, error))
		return false;
	(void) cs_flow_network(session->network->name, &flow->network);
	flow->wires_max = read_option(flow, "max_subscriptions_per_connection",
								  DEFAULT_WIRES);
	flow->links_max = read_option(flow, "max_connections", DEFAULT_LINKS);
	flow->next_at = INT64_MAX;
	flow->links = calloc(flow->links_max, sizeof(FlowLink));
	if (flow->links == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	flow->link_count = flow->links_max;
	for (size_t i = 0; i < flow->link_count; i++)
		cs_flow_link_clear(flow, &flow->links[i]);
	return true;
}

void
cs_flow_stop(CsSession *session)
{
	FlowSession *flow = (FlowSession *) session;

	cs_flow_parts_free(flow);
	for (size_t i = 0; i < flow->link_count; i++)
		free(flow->links[i].wires);
	free(flow->links);
	for (size_t i = 0; i < flow->restored_count; i++)
	{
		free(flow->restored[i].scope);
		free(flow->restored[i].text);
	}
	free(flow->restored);
	cs_json_writer_free(&flow->writer);
}

/* Short of memory it begins anew, as without a position. */
void
cs_flow_restore(CsSession *session, const char *scope, const char *position)
{
	(void) cs_flow_start_restore((FlowSession *) session, scope, position);
}

void
cs_flow_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	FlowSession *flow = (FlowSession *) session;

	cs_flow_follow(flow, output);
	cs_flow_step(flow, now_ms, output);
}

void
cs_flow_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	cs_flow_step((FlowSession *) session, now_ms, output);
}

int64_t
cs_flow_next_tick(const CsSession *session)
{
	return ((const FlowSession *) session)->next_at;
}

/* ---------- links ---------- */

bool
cs_flow_handshake(CsSession *session, int link, const char *url,
				  CsHandshake *handshake, CsOutput *output)
{
	(void) link;
	handshake->url = cs_output_string(output, url).data;
	handshake->idle_timeout_ms = IDLE_TIMEOUT_MS;
	return handshake->url != NULL && cs_session_bearer(session, handshake, output) &&
		cs_session_headers(session, handshake, output);
}

void
cs_flow_opened(CsSession *session, int index, int64_t now_ms,
			   CsOutput *output)
{
	FlowSession *flow = (FlowSession *) session;
	FlowLink   *link = cs_flow_link(flow, index);

	if (link == NULL)
		return;
	cs_flow_link_clear(flow, link);
	link->open = true;
	link->list_at = now_ms + FIRST_LIST_MS;

	/* Another node may take what one has refused, but nothing twice. */
	for (size_t i = 0; i < flow->stream_count; i++)
		flow->streams[i]->ccf = false;
	for (size_t i = 0; i < flow->part_count; i++)
	{
		FlowPart   *part = flow->parts[i];

		if (!part->over || part->now.state != CS_STATE_ERROR)
			continue;
		part->over = false;
		cs_flow_set(part, CS_STATE_PENDING, NULL);
	}
	cs_flow_step(flow, now_ms, output);
}

void
cs_flow_closed(CsSession *session, int index, const CsClosure *closure,
			   int64_t now_ms, CsOutput *output)
{
	FlowSession *flow = (FlowSession *) session;
	FlowLink   *link = cs_flow_link(flow, index);
	bool		others = false;

	if (link == NULL || !closure->was_open)
		return;
	cs_flow_link_clear(flow, link);
	for (size_t i = 0; i < flow->part_count; i++)
	{
		FlowPart   *part = flow->parts[i];

		if (part->wire == 0 && !part->over &&
			part->now.state == CS_STATE_ACTIVE)
			cs_flow_set(part, CS_STATE_PENDING, NULL);
	}
	for (size_t i = 0; i < flow->link_count; i++)
		others = others || flow->links[i].open;
	if (!others)
		cs_flow_untell(flow);
	cs_flow_step(flow, now_ms, output);
}

/* ---------- progress of streams ---------- */

/*
 * The first block on a new wire is the last one that was read.  If it is
 * another, this is not the chain that was followed so far.
 */
static bool
is_other_chain(const FlowPart *part, const FlowNotice *notice)
{
	return part->fresh && notice->height == part->position.height &&
		part->position.block_id[0] != '\0' &&
		strcmp(part->position.block_id, notice->block_id) != 0;
}

static void
leave_chain(FlowSession *flow, FlowPart *part, const FlowNotice *notice,
			int64_t now_ms, CsOutput *output)
{
	char		detail[FLOW_DETAIL_SIZE];
	uint64_t	wire = part->wire;

	(void) snprintf(detail, sizeof(detail),
					"block %lld is %.16s... here and was %.16s... before: is this another network?"
					" Delete the source's cursor to begin anew",
					(long long) notice->height, notice->block_id,
					part->position.block_id);
	part->over = true;
	part->wire = 0;
	part->acknowledged = false;
	cs_flow_set(part, CS_STATE_ERROR, detail);
	cs_flow_end(flow, wire, now_ms, output);
}

/* Is something missing between the last message and this one? */
static bool
is_jump(const FlowPart *part, const FlowNotice *notice)
{
	int64_t		last = part->position.height;

	if (notice->index >= 0 && part->last_index >= 0 &&
		notice->index - 1 != part->last_index)
		return true;
	return last != CS_NO_NUMBER && notice->height > last &&
		notice->height - last > part->stream->heartbeat;
}

/*
 * Take note of a message of the part's wire.  If one before it is missing,
 * the position stays, and the part is asked for again from there; if that
 * does not help, it is taken as it is.  Returns false then.
 */
static bool
note_progress(FlowPart *part, const FlowNotice *notice, int64_t now_ms)
{
	FlowPosition *position = &part->position;

	part->heard_at = now_ms;
	part->failures = 0;
	part->retry_at = 0;
	if (part->frozen)
		return true;
	if (is_jump(part, notice))
	{
		if (part->jump_height != position->height)
		{
			part->jump_height = position->height;
			part->stale = part->frozen = true;
			return false;
		}
		if (notice->height - position->height > part->stream->heartbeat)
		{
			position->skipped_from = position->height + 1;
			position->skipped_to = notice->height - 1;
		}
	}
	part->fresh = false;
	part->last_index = notice->index;
	part->widened = false;
	if (notice->height >= position->height)
	{
		position->height = notice->height;
		memcpy(position->block_id, notice->block_id, FLOW_ID_SIZE);
	}
	return true;
}

/* A message about a block. */
static bool
take_block(FlowSession *flow, FlowPart *part, bool current, FlowNotice *notice,
		   int64_t now_ms, CsError *error)
{
	bool		repeated = part->fresh && !part->widened &&
		notice->height == part->position.height;
	int64_t		skipped = part->position.skipped_from;
	bool		whole;

	if (!current)
		return cs_flow_records(notice, error);
	if (is_other_chain(part, notice))
	{
		leave_chain(flow, part, notice, now_ms, notice->output);
		cs_flow_step(flow, now_ms, notice->output);
		return true;
	}
	whole = note_progress(part, notice, now_ms);
	if (!repeated && !cs_flow_records(notice, error))
		return false;
	cs_flow_advance(flow, part, notice->output);
	if (!whole || part->stale || part->position.skipped_from != skipped ||
		(notice->stream->ccf && notice->stream->last.state == CS_STATE_ACTIVE))
		cs_flow_step(flow, now_ms, notice->output);
	return true;
}

/* ---------- transactions ---------- */

/* How far along a status is: they only go forward. */
static int
rank(CsStatus status)
{
	static const int ranks[] = {
		[CS_STATUS_PENDING] = 1, [CS_STATUS_CONFIRMED] = 2,
		[CS_STATUS_FINALIZED] = 4, [CS_STATUS_FAILED] = 3,
		[CS_STATUS_REMOVED] = 4,
	};

	return ranks[status];
}

/* What to say of a transaction that has come to its end. */
static void
finish_part(FlowPart *part, const FlowNotice *notice)
{
	part->over = true;
	if (notice->status == CS_STATUS_FINALIZED)
		cs_flow_set(part, CS_STATE_DONE, "sealed");
	else if (notice->status == CS_STATUS_REMOVED)
		cs_flow_set(part, CS_STATE_DONE,
					"expired, or never heard of by the node");
	else if (notice->words.length > 0)
		cs_flow_set_words(part, CS_STATE_DONE, notice->words);
	else
		cs_flow_set(part, CS_STATE_DONE, "failed");
}

/* The id of a transaction we sent is in the first of its statuses. */
static void
learn_id(FlowPart *part, const FlowNotice *notice, CsOutput *output)
{
	if (part->transaction[0] != '\0' || part->stream->topic != FLOW_SEND)
		return;
	memcpy(part->transaction, notice->transaction, FLOW_ID_SIZE);
	cs_flow_note_submitted(part->stream, part->transaction, output);
	cs_flow_set_active(part);
}

/* A step of a transaction. */
static bool
take_status(FlowSession *flow, FlowPart *part, FlowLink *link, FlowWire *wire,
			FlowNotice *notice, int64_t now_ms, CsError *error)
{
	bool		forward;

	learn_id(part, notice, notice->output);
	forward = rank(notice->status) > part->rank;
	if (forward && !cs_flow_records(notice, error))
		return false;
	if (forward)
		part->rank = rank(notice->status);
	part->failures = 0;
	if (notice->last)
	{
		/* The node forgets it by itself. */
		finish_part(part, notice);
		cs_flow_drop(flow, link, wire);
		cs_flow_follow(flow, notice->output);
	}
	cs_flow_step(flow, now_ms, notice->output);
	return true;
}

/* ---------- notifications ---------- */

static bool
find_topic(CsText name, FlowTopicId *topic)
{
	for (int id = 0; id < FLOW_TOPICS; id++)
	{
		if (cs_flow_is(name, cs_flow_topic_name((FlowTopicId) id)))
		{
			*topic = (FlowTopicId) id;
			return true;
		}
	}
	return false;
}

/* Can messages of a topic be of this stream? */
static bool
fits(const FlowStream *stream, FlowTopicId topic)
{
	return stream->topic == topic ||
		(stream->topic == FLOW_SEND && topic == FLOW_TRANSACTION_STATUSES);
}

/* A stream for a message that is of no subscription of ours; NULL: none. */
static FlowStream *
find_stream(const FlowSession *flow, FlowTopicId topic,
			struct json_object *payload)
{
	CsText		status = cs_json_member_string(payload, "block_status");
	FlowStream *other = NULL;

	for (size_t i = 0; i < flow->stream_count; i++)
	{
		FlowStream *stream = flow->streams[i];

		if (stream->topic != topic)
			continue;
		if (topic != FLOW_BLOCKS ||
			stream->finalized != cs_flow_is(status, "BLOCK_SEALED"))
			return stream;
		if (other == NULL)
			other = stream;
	}
	return other;
}

/* Is there a stream for this transaction?  *notice* gets it. */
static bool
find_follower(FlowNotice *notice)
{
	const FlowSession *flow = notice->flow;
	const CsWatch *watch = cs_watchset_find(flow->base.watches,
											CS_WATCH_TRANSACTION,
											notice->transaction,
											strlen(notice->transaction));
	bool		watched = watch != NULL && (watch->flags & CS_WATCH_WANTED);

	for (size_t i = 0; i < flow->stream_count; i++)
	{
		FlowStream *stream = flow->streams[i];

		if (stream->topic != FLOW_TRANSACTION_STATUSES ||
			!(stream->followed ? watched :
			  cs_flow_is(cs_json_member_string(stream->arguments, "tx_id"),
						 notice->transaction)))
			continue;
		notice->stream = stream;
		return true;
	}
	return false;
}

/*
 * A message under an id that is none of ours, as inject() brings it: its
 * topic says what it is.
 */
static bool
take_stranger(FlowNotice *notice, CsError *error)
{
	if (!cs_flow_read(notice, error))
		return false;
	if (notice->stream->topic == FLOW_TRANSACTION_STATUSES &&
		!find_follower(notice))
		return true;
	return cs_flow_records(notice, error);
}

/* Was this id given to a subscription on the present connection? */
static bool
is_tail(const FlowSession *flow, const FlowLink *link, CsText id)
{
	uint64_t	number = cs_flow_wire_id(id);

	return link != NULL && link->open && number >= link->first_wire &&
		number <= flow->last_wire;
}

static bool
take_notification(FlowNotice *notice, FlowLink *link, FlowTopicId topic,
				  CsText id, int64_t now_ms, CsError *error)
{
	FlowSession *flow = notice->flow;
	FlowWire   *wire = cs_flow_wire(link, id);
	FlowPart   *part = wire ? wire->part : NULL;

	if (part != NULL && fits(part->stream, topic))
	{
		notice->stream = part->stream;
		if (!cs_flow_read(notice, error))
			return false;
		if (cs_flow_has_height(topic))
			return take_block(flow, part, part->wire == wire->number, notice,
							  now_ms, error);
		if (part->transaction[0] == '\0' ||
			strcmp(part->transaction, notice->transaction) == 0)
			return take_status(flow, part, link, wire, notice, now_ms, error);
	}

	/* What is still on its way after an unsubscribe is of no use. */
	if (part == NULL && is_tail(flow, link, id))
		return true;
	if (link != NULL && link->open && part == NULL)
		cs_flow_doubt(flow, link, now_ms);
	notice->stream = find_stream(flow, topic, notice->payload);
	return notice->stream == NULL || take_stranger(notice, error);
}

static bool
take_object(FlowSession *flow, int link, struct json_object *object,
			const CsMessage *message, int64_t now_ms, CsOutput *output,
			CsError *error)
{
	FlowNotice	notice = {.flow = flow, .text = cs_message_text(message),
						  .received_at = message->received_at,
						  .output = output};
	FlowTopicId topic;
	CsText		name;

	if (!json_object_object_get_ex(object, "topic", NULL))
		return cs_flow_answer(flow, link, object, now_ms, output, error);
	if (!cs_json_text(object, "topic", &name, error))
		return false;
	if (!find_topic(name, &topic))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized topic \"%.60s\"", name.data);
		return false;
	}
	notice.payload = cs_json_object(object, "payload");
	if (notice.payload == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"payload\" is missing or not an object");
		return false;
	}
	return take_notification(&notice, cs_flow_link(flow, link), topic,
							 cs_json_member_string(object, "subscription_id"),
							 now_ms, error);
}

bool
cs_flow_message(CsSession *session, int link, const CsMessage *message,
				int64_t now_ms, CsOutput *output, CsError *error)
{
	FlowSession *flow = (FlowSession *) session;
	struct json_object *object;
	bool		valid;

	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	valid = take_object(flow, link, object, message, now_ms, output, error);
	json_object_put(object);
	return valid;
}
