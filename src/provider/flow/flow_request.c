/*-------------------------------------------------------------------------
 *
 * flow_request.c
 *	  The arguments of a subscription as a Flow node is sent them.
 *
 * They are the user's, in the form that nodes take (flow_arguments.c), with
 * what a part adds: the watched accounts or transaction, the events that tell
 * of movements, and the block to begin with.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/flow/flow.h"

/* Any value; the members and elements in their order.  A null is left out. */
static void
put_value(CsJsonWriter *writer, struct json_object *value)
{
	switch (json_object_get_type(value))
	{
		case json_type_object:
			cs_json_begin(writer, '{');
			{
				json_object_object_foreach(value, name, member)
				{
					if (member == NULL)
						continue;
					cs_json_key(writer, name);
					put_value(writer, member);
				}
			}
			cs_json_end(writer, '}');
			break;
		case json_type_array:
			cs_json_begin(writer, '[');
			for (size_t i = 0; i < json_object_array_length(value); i++)
				put_value(writer, json_object_array_get_idx(value, i));
			cs_json_end(writer, ']');
			break;
		case json_type_int:
			cs_json_put_integer(writer, json_object_get_int64(value));
			break;
		case json_type_boolean:
			cs_json_put_boolean(writer, json_object_get_boolean(value));
			break;
		case json_type_string:
			cs_json_put_text(writer, json_object_get_string(value),
							 (size_t) json_object_get_string_len(value));
			break;
		default:
			cs_json_put_string(writer, value ? json_object_get_string(value) :
							   "");
			break;
	}
}

static void
put_accounts(CsJsonWriter *writer, const FlowPart *part)
{
	cs_json_key(writer, "account_addresses");
	cs_json_begin(writer, '[');
	for (size_t i = 0; i < part->account_count; i++)
	{
		char		text[CS_FLOW_ADDRESS_LENGTH + 1];

		cs_flow_address_encode(part->accounts[i], text);
		cs_json_put_text(writer, text, CS_FLOW_ADDRESS_LENGTH);
	}
	cs_json_end(writer, ']');
}

/* The filter that follows the watch list, unless everything is wanted. */
static void
put_watched(FlowSession *flow, const FlowPart *part)
{
	CsJsonWriter *writer = &flow->writer;
	const char *const *types = cs_flow_token_events(flow->network);

	if (!part->everything && part->stream->topic == FLOW_EVENTS)
	{
		cs_json_key(writer, "event_types");
		cs_json_begin(writer, '[');
		for (; *types != NULL; types++)
			cs_json_put_string(writer, *types);
		cs_json_end(writer, ']');
	}
	else if (!part->everything)
		put_accounts(writer, part);
}

/* Always, as the default is the node's and we have to know. */
static void
put_heartbeat(CsJsonWriter *writer, const FlowStream *stream)
{
	char		blocks[CS_DECIMAL64_DIGITS + 1];

	if (cs_json_member(stream->arguments, "heartbeat_interval") != NULL)
		return;
	(void) cs_int64_to_decimal(stream->heartbeat, blocks);
	cs_json_key(writer, "heartbeat_interval");
	cs_json_put_string(writer, blocks);
}

/* From which block on: where we were, or where the user wants to begin. */
static void
put_beginning(CsJsonWriter *writer, const FlowPart *part)
{
	char		height[CS_DECIMAL64_DIGITS + 1];
	struct json_object *arguments = part->stream->arguments;
	static const char *const names[] = {"start_block_height",
		"start_block_id"};

	if (part->position.height != CS_NO_NUMBER)
	{
		(void) cs_int64_to_decimal(part->position.height, height);
		cs_json_key(writer, names[0]);
		cs_json_put_string(writer, height);
		return;
	}
	for (int i = 0; i < 2; i++)
	{
		CsText		text = cs_json_member_string(arguments, names[i]);

		if (text.data == NULL)
			continue;
		cs_json_key(writer, names[i]);
		cs_json_put_text(writer, text.data, text.length);
	}
}

void
cs_flow_put_arguments(FlowSession *flow, const FlowPart *part)
{
	CsJsonWriter *writer = &flow->writer;
	FlowTopicId topic = part->stream->topic;

	cs_json_begin(writer, '{');
	if (part->transaction[0] != '\0')
	{
		cs_json_key(writer, "tx_id");
		cs_json_put_string(writer, part->transaction);
	}
	else
	{
		json_object_object_foreach(part->stream->arguments, name, value)
		{
			if (strncmp(name, "start_block_", 12) == 0)
				continue;
			cs_json_key(writer, name);
			put_value(writer, value);
		}
	}
	if (cs_flow_has_height(topic) && part->stream->followed)
		put_watched(flow, part);
	if (topic == FLOW_EVENTS || topic == FLOW_ACCOUNT_STATUSES)
		put_heartbeat(writer, part->stream);
	if (cs_flow_has_height(topic))
		put_beginning(writer, part);
	cs_json_end(writer, '}');
}
