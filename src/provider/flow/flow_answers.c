/*-------------------------------------------------------------------------
 *
 * flow_answers.c
 *	  What a Flow node says to requests: acknowledgements, errors, lists.
 *
 * An acknowledgement is not the last word: that a stream cannot begin where
 * it was asked to is said after it, as an "internal error" in whose text the
 * name of a gRPC status and some numbers tell what has really happened.  The
 * wording changes with releases, so nothing else of the text is looked at.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "provider/flow/flow.h"

/* The node as a whole has no room: leave it alone for longer. */
#define CROWDED_MS		30000

/* A list that is longer is not believed. */
#define LIST_MAX		2000

/* Subscriptions nobody knows that are ended at a time. */
#define STRAYS_MAX		100

/* ---------- reading texts ---------- */

static bool
says(CsText message, const char *words)
{
	return strstr(message.data, words) != NULL;
}

/* The number behind these words; CS_NO_NUMBER: there is none. */
static int64_t
number_behind(CsText message, const char *words)
{
	const char *at = strstr(message.data, words);
	int64_t		number = 0;

	if (at == NULL)
		return CS_NO_NUMBER;
	at += strlen(words);
	if (*at < '0' || *at > '9')
		return CS_NO_NUMBER;
	for (; *at >= '0' && *at <= '9'; at++)
	{
		if (number > (INT64_MAX - 9) / 10)
			return CS_NO_NUMBER;
		number = number * 10 + (*at - '0');
	}
	return number;
}

/* ---------- acknowledgements ---------- */

static void
take_subscribed(FlowSession *flow, FlowWire *wire, int64_t now_ms,
				CsOutput *output)
{
	FlowPart   *part = wire->part;

	if (wire->state != FLOW_WIRE_REQUESTED)
		return;
	wire->state = FLOW_WIRE_ACTIVE;
	if (part == NULL || part->wire != wire->number)
		return;
	part->acknowledged = part->proven = true;
	part->heard_at = now_ms;

	/* A transaction is accepted when its first status comes. */
	if (part->stream->topic != FLOW_SEND || part->transaction[0] != '\0')
		cs_flow_set_active(part);
	if (part->old_wire != 0)
	{
		uint64_t	old = part->old_wire;

		part->old_wire = 0;
		cs_flow_end(flow, old, now_ms, output);
	}
}

static void
take_ok(FlowSession *flow, FlowLink *link, struct json_object *object,
		int64_t now_ms, CsOutput *output)
{
	CsText		action = cs_json_member_string(object, "action");
	FlowWire   *wire = cs_flow_wire(link,
									cs_json_member_string(object,
														  "subscription_id"));

	cs_flow_answered(link, now_ms);
	if (wire == NULL)
		cs_flow_doubt(flow, link, now_ms);
	else if (cs_flow_is(action, "subscribe"))
		take_subscribed(flow, wire, now_ms, output);
	else if (cs_flow_is(action, "unsubscribe"))
		cs_flow_drop(flow, link, wire);
}

/* ---------- lists ---------- */

static bool
is_listed(struct json_object *list, const FlowLink *link, const FlowWire *wire)
{
	size_t		count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
	{
		struct json_object *entry = json_object_array_get_idx(list, i);
		CsText		id = cs_json_member_string(entry, "subscription_id");

		if (cs_flow_wire((FlowLink *) link, id) == wire)
			return true;
	}
	return false;
}

/*
 * What the node holds.  Requests are answered in their order, so every wire
 * that is acknowledged by now was so when the list was made.
 */
static void
take_list(FlowSession *flow, FlowLink *link, struct json_object *object,
		  int64_t now_ms, CsOutput *output)
{
	struct json_object *list = cs_json_array(object, "subscriptions");
	size_t		count = list ? json_object_array_length(list) : 0;
	int			strays = 0;

	if (!link->listing)
		return;
	link->listing = false;
	cs_flow_answered(link, now_ms);
	if (count > LIST_MAX)
		return;
	for (size_t i = link->count; i-- > 0;)
	{
		if (link->wires[i].state == FLOW_WIRE_ACTIVE &&
			!is_listed(list, link, &link->wires[i]))
			cs_flow_drop(flow, link, &link->wires[i]);
	}
	for (size_t i = 0; i < count && strays < STRAYS_MAX; i++)
	{
		struct json_object *entry = json_object_array_get_idx(list, i);
		CsText		id = cs_json_member_string(entry, "subscription_id");

		if (id.length == 0 || cs_flow_wire(link, id) != NULL)
			continue;
		cs_flow_unsubscribe(flow, link, id, now_ms, output);
		strays++;
	}
}

/* ---------- errors ---------- */

/* It would be refused again: leave it. */
static void
give_up(FlowPart *part, CsText message)
{
	part->over = true;
	cs_flow_set_words(part, part->stream->topic == FLOW_SEND ?
					  CS_STATE_FAILED : CS_STATE_ERROR, message);
}

static void
try_again(FlowPart *part, CsText message, int64_t now_ms)
{
	cs_flow_set_words(part, CS_STATE_PENDING, message);
	cs_flow_postpone(part, now_ms);
}

/*
 * The node has nothing before block *lowest*: go on from there, and remember
 * what is missing.
 */
static void
skip_to(FlowPart *part, int64_t lowest, CsText message, int64_t now_ms)
{
	FlowPosition *position = &part->position;
	int64_t		next = CS_NO_NUMBER;

	if (position->height != CS_NO_NUMBER && position->height < lowest)
		next = position->height + 1;
	else
		(void) cs_json_integer(part->stream->arguments, "start_block_height",
							   &next, NULL);
	if (next != CS_NO_NUMBER && next < lowest)
	{
		position->skipped_from = next;
		position->skipped_to = lowest - 1;
	}
	if (position->height == CS_NO_NUMBER || position->height < lowest)
	{
		position->height = lowest;
		position->block_id[0] = '\0';
		part->widened = true;	/* it has not been read */
		part->retry_at = now_ms;
		cs_flow_set_words(part, CS_STATE_PENDING, message);
	}
	else
		try_again(part, message, now_ms);
}

/* A subscription ended by itself. */
static void
take_failure(FlowPart *part, CsText message, int64_t now_ms)
{
	int64_t		lowest = number_behind(message, "root height ");

	if (lowest == CS_NO_NUMBER)
		lowest = number_behind(message, "lowest indexed height ");
	if (part->stream->topic == FLOW_SEND && part->transaction[0] == '\0')
		give_up(part, message);
	else if (lowest != CS_NO_NUMBER && says(message, "InvalidArgument") &&
			 cs_flow_has_height(part->stream->topic))
		skip_to(part, lowest, message, now_ms);
	else if (says(message, "code = InvalidArgument") &&
			 !says(message, "highest indexed height"))
		give_up(part, message);
	else if (says(message, "deadline exceeded") ||
			 says(message, "DeadlineExceeded"))
	{
		/* we were too slow; what was not taken is still there */
		part->retry_at = now_ms;
		cs_flow_set_words(part, CS_STATE_PENDING, message);
	}
	else
		try_again(part, message, now_ms);
}

/* There is no room: on this connection, or on the node at all. */
static void
take_crowded(FlowLink *link, FlowPart *part, CsText message, int64_t now_ms,
			 CsOutput *output)
{
	if (part->stream->topic == FLOW_SEND && part->transaction[0] == '\0')
	{
		part->submitted = false;
		cs_flow_note_submitted(part->stream, NULL, output);
	}
	if (says(message, "subscriptions reached") && link->count > 0)
	{
		link->limit = link->count;
		cs_flow_set_words(part, CS_STATE_PENDING, message);
		part->retry_at = now_ms;
	}
	else
	{
		cs_flow_set_words(part, CS_STATE_OVER_LIMIT, message);
		part->retry_at = now_ms + CROWDED_MS;
	}
}

/* A request to subscribe was refused, or what it made has ended. */
static void
take_refusal(FlowSession *flow, FlowLink *link, FlowWire *wire, int64_t code,
			 CsText message, int64_t now_ms, CsOutput *output)
{
	FlowPart   *part = wire->part;
	bool		current = part != NULL && part->wire == wire->number;

	if (code != 500)
		cs_flow_answered(link, now_ms);
	cs_flow_drop(flow, link, wire);
	if (!current)
		return;
	if (code == 429)
		take_crowded(link, part, message, now_ms, output);
	else if (code == 500)
		take_failure(part, message, now_ms);
	else if ((code == 400 || code == 404) && !says(message, "already in use"))
		give_up(part, message);
	else
		try_again(part, message, now_ms);
}

/* An error that names no subscription. */
static bool
take_general(FlowSession *flow, FlowLink *link, CsText message,
			 int64_t now_ms, CsOutput *output, CsError *error)
{
	if (says(message, "error reading message") && says(message, "timeout"))
	{
		/* It comes a thousand times, and then the node is deaf. */
		cs_flow_reset(flow, (size_t) (link - flow->links),
					  "the node missed our pongs and reads no more", output);
		return true;
	}
	cs_flow_answered(link, now_ms);
	link->listing = false;
	cs_flow_doubt(flow, link, now_ms);
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "the node refused a request: %.200s", message.data);
	return false;
}

static bool
take_error(FlowSession *flow, FlowLink *link, struct json_object *object,
		   int64_t now_ms, CsOutput *output, CsError *error)
{
	struct json_object *details = cs_json_object(object, "error");
	CsText		id = cs_json_member_string(object, "subscription_id");
	CsText		action = cs_json_member_string(object, "action");
	FlowWire   *wire = cs_flow_wire(link, id);
	CsText		message;
	int64_t		code;

	if (!cs_json_text(details, "message", &message, error) ||
		!cs_json_integer(details, "code", &code, error))
		return false;
	if (cs_flow_is(action, "unsubscribe"))
	{
		cs_flow_answered(link, now_ms);
		if (wire != NULL)
			cs_flow_drop(flow, link, wire);
	}
	else if (id.length == 0)
		return take_general(flow, link, message, now_ms, output, error);
	else if (wire != NULL)
		take_refusal(flow, link, wire, code, message, now_ms, output);
	else
		cs_flow_doubt(flow, link, now_ms);
	return true;
}

/* ---------- all of them ---------- */

bool
cs_flow_answer(FlowSession *flow, int index, struct json_object *object,
			   int64_t now_ms, CsOutput *output, CsError *error)
{
	FlowLink   *link = cs_flow_link(flow, index);
	bool		valid = true;

	if (json_object_object_get_ex(object, "BlockID", NULL))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message of the former endpoint /v1/subscribe_events: use /v1/ws");
		return false;
	}
	if (!json_object_object_get_ex(object, "action", NULL) &&
		!json_object_object_get_ex(object, "error", NULL))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message has neither \"topic\" nor \"action\"");
		return false;
	}
	if (link == NULL || !link->open)
		return true;
	if (json_object_object_get_ex(object, "error", NULL))
		valid = take_error(flow, link, object, now_ms, output, error);
	else if (json_object_object_get_ex(object, "subscriptions", NULL))
		take_list(flow, link, object, now_ms, output);
	else
		take_ok(flow, link, object, now_ms, output);
	if (valid && !link->reset)
		cs_flow_step(flow, now_ms, output);
	return valid;
}
