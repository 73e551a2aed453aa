/*-------------------------------------------------------------------------
 *
 * flow_position.c
 *	  How far the streams of a Flow source have been read.
 *
 * Every message that names a block moves the position of its part, those that
 * bring nothing as well.  The position of a stream, which is what is stored,
 * is that of the part that is furthest behind: from there on nothing can be
 * missing.  Blocks that no node serves any more are skipped; the position
 * says which, for as long as the stream goes on.
 *
 * The cursor of a transaction that was handed to a node says so before any
 * answer comes, so that no other process does it again.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/flow/flow.h"
#include "provider/output.h"

#define SCOPE_SIZE 64

/* Positions of streams that are gone are bounded, too. */
#define RESTORED_MAX 10000

void
cs_flow_position_clear(FlowPosition *position)
{
	position->height = CS_NO_NUMBER;
	position->block_id[0] = '\0';
	position->skipped_from = position->skipped_to = CS_NO_NUMBER;
}

void
cs_flow_scope(const FlowStream *stream, char *scope)
{
	(void) snprintf(scope, SCOPE_SIZE, "%s:%lld",
					cs_flow_topic_name(stream->topic),
					(long long) stream->subscription_id);
}

/* ---------- positions of an earlier session ---------- */

bool
cs_flow_start_restore(FlowSession *flow, const char *scope,
					  const char *position)
{
	FlowRestored *larger;
	FlowRestored entry;

	if (flow->restored_count >= RESTORED_MAX)
		return true;
	entry.scope = strdup(scope);
	entry.text = strdup(position);
	larger = realloc(flow->restored,
					 (flow->restored_count + 1) * sizeof(FlowRestored));
	if (larger != NULL)
		flow->restored = larger;
	if (larger == NULL || entry.scope == NULL || entry.text == NULL)
	{
		free(entry.scope);
		free(entry.text);
		return false;
	}
	flow->restored[flow->restored_count++] = entry;
	return true;
}

/* Blocks that were skipped. */
static void
read_skipped(struct json_object *object, FlowPosition *position)
{
	struct json_object *skipped = cs_json_object(object, "skipped");
	int64_t		from;
	int64_t		to;

	if (cs_json_integer(skipped, "from", &from, NULL) &&
		cs_json_integer(skipped, "to", &to, NULL) && from >= 0 && to >= from)
	{
		position->skipped_from = from;
		position->skipped_to = to;
	}
}

/*
 * A stored position counts if the user still wants to begin where he wanted
 * to when it was stored.
 */
static void
read_stored(FlowStream *stream, struct json_object *object)
{
	CsText		start = cs_json_member_string(object, "start");
	FlowPosition position;

	cs_flow_position_clear(&position);
	if (strcmp(start.data ? start.data : "", stream->start) != 0 ||
		!cs_json_integer(object, "height", &position.height, NULL) ||
		position.height < 0)
		return;
	if (!cs_flow_read_id(object, "block_id", position.block_id, NULL))
		position.block_id[0] = '\0';
	read_skipped(object, &position);
	stream->position = position;
	stream->restored = true;
}

/* What is known of a transaction that was handed over by another process. */
static void
read_submitted(FlowSession *flow, const FlowStream *stream,
			   struct json_object *object)
{
	for (size_t i = 0; i < flow->part_count; i++)
	{
		FlowPart   *part = flow->parts[i];

		if (part->stream != stream ||
			!cs_json_boolean(object, "submitted", false))
			continue;
		part->submitted = true;
		if (!cs_flow_read_id(object, "transaction", part->transaction, NULL))
			part->transaction[0] = '\0';
	}
}

void
cs_flow_resume(FlowSession *flow, FlowStream *stream)
{
	char		scope[SCOPE_SIZE];

	if (stream->resumed)
		return;
	stream->resumed = true;
	cs_flow_scope(stream, scope);
	for (size_t i = 0; i < flow->restored_count; i++)
	{
		const char *text = flow->restored[i].text;
		struct json_object *object;

		if (strcmp(flow->restored[i].scope, scope) != 0)
			continue;
		object = cs_json_parse_once(text, strlen(text), NULL);
		if (object == NULL)
			continue;
		if (stream->topic == FLOW_SEND)
			read_submitted(flow, stream, object);
		else
			read_stored(stream, object);
		json_object_put(object);
	}
}

/* ---------- positions of this one ---------- */

static void
tell_position(FlowSession *flow, const FlowStream *stream, CsOutput *output)
{
	const FlowPosition *position = &stream->position;
	CsJsonWriter *writer = &flow->writer;
	char		scope[SCOPE_SIZE];
	CsText		text;

	cs_flow_scope(stream, scope);
	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	cs_json_key(writer, "height");
	cs_json_put_integer(writer, position->height);
	if (position->block_id[0] != '\0')
	{
		cs_json_key(writer, "block_id");
		cs_json_put_string(writer, position->block_id);
	}
	if (stream->start[0] != '\0')
	{
		cs_json_key(writer, "start");
		cs_json_put_string(writer, stream->start);
	}
	if (position->skipped_from != CS_NO_NUMBER)
	{
		cs_json_key(writer, "skipped");
		cs_json_begin(writer, '{');
		cs_json_key(writer, "from");
		cs_json_put_integer(writer, position->skipped_from);
		cs_json_key(writer, "to");
		cs_json_put_integer(writer, position->skipped_to);
		cs_json_end(writer, '}');
	}
	cs_json_end(writer, '}');
	if (writer->failed)
	{
		cs_output_fail(output);
		return;
	}
	text = cs_output_text(output, writer->data, writer->length);
	if (text.data != NULL)
		cs_output_cursor(output, scope, text.data);
}

/* The position that is furthest behind among those of a stream's parts. */
static const FlowPosition *
find_least(const FlowSession *flow, const FlowStream *stream)
{
	const FlowPosition *least = NULL;

	for (size_t i = 0; i < flow->part_count; i++)
	{
		const FlowPart *part = flow->parts[i];

		if (part->stream == stream &&
			(least == NULL || part->position.height < least->height))
			least = &part->position;
	}
	return least;
}

void
cs_flow_advance(FlowSession *flow, const FlowPart *part, CsOutput *output)
{
	FlowStream *stream = part->stream;
	const FlowPosition *least = &part->position;

	/* All others are of one part. */
	if (stream->topic == FLOW_ACCOUNT_STATUSES)
		least = find_least(flow, stream);
	if (least->height == CS_NO_NUMBER ||
		(stream->position.height == least->height &&
		 stream->position.skipped_from == least->skipped_from))
		return;
	stream->position = *least;
	tell_position(flow, stream, output);
}

void
cs_flow_forget(FlowStream *stream, CsOutput *output)
{
	char		scope[SCOPE_SIZE];

	if (stream->position.height == CS_NO_NUMBER)
		return;
	cs_flow_position_clear(&stream->position);
	cs_flow_scope(stream, scope);
	cs_output_cursor(output, scope, "{}");
}

void
cs_flow_note_submitted(const FlowStream *stream, const char *id,
					   CsOutput *output)
{
	char		scope[SCOPE_SIZE];
	char		text[FLOW_ID_SIZE + 64];

	cs_flow_scope(stream, scope);
	if (id == NULL)
		(void) snprintf(text, sizeof(text), "{}");
	else if (id[0] == '\0')
		(void) snprintf(text, sizeof(text), "{\"submitted\":true}");
	else
		(void) snprintf(text, sizeof(text),
						"{\"submitted\":true,\"transaction\":\"%s\"}", id);
	cs_output_cursor(output, scope, text);
}
