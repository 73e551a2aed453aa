/*-------------------------------------------------------------------------
 *
 * events.c
 *	  Reading a stream of server-sent events, as WHATWG's HTML standard has it
 *	  (section "Parsing an event stream").
 *
 * Bytes come in pieces of any size, and are looked at once.  Only the data of
 * the event under way is kept, so memory is bounded by the limit whatever the
 * lines are called.  The type and id of an event are not: what the providers
 * need to know stands in the data.
 *
 * Text is passed on as it came, valid UTF-8 or not; that is for the consumer
 * to judge.  An event that the end of the stream cuts off is never seen.
 *
 * No libwebsockets here: this is pure C over memory, for tests and fuzzing.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "wire/events.h"

static const char mark[] = "\xEF\xBB\xBF";	/* the byte order mark */
static const char name[] = "data";

#define MARK_LENGTH (sizeof(mark) - 1)
#define NAME_LENGTH (sizeof(name) - 1)

/* A line is its name, colon and space longer than what counts. */
#define LINE_EXTRA (NAME_LENGTH + 2)

/* The least that is allocated. */
#define DATA_MIN ((size_t) 4096)

/*
 * Begin a stream whose events have at most *limit* bytes.
 */
void
cs_events_init(CsEvents *events, size_t limit)
{
	memset(events, 0, sizeof(*events));
	events->limit = limit;
}

/*
 * Free what is kept of the event under way.
 */
void
cs_events_free(CsEvents *events)
{
	free(events->data);
	events->data = NULL;
	events->length = events->size = 0;
}

/*
 * Take the memory of the event just dispatched, *length* bytes with room for
 * one more, to be freed.
 */
char *
cs_events_take(CsEvents *events)
{
	char	   *data = events->data;

	events->data = NULL;
	events->size = 0;
	return data;
}

/* Add to the data of the event under way. */
static CsEventsOutcome
append(CsEvents *events, const char *text, size_t length)
{
	size_t		needed = events->length + length + 1;

	if (length > events->limit - events->length)
		return CS_EVENTS_TOO_LONG;
	if (needed > events->size)
	{
		size_t		size = events->size * 2;
		char	   *larger;

		if (size > events->limit + 1)
			size = events->limit + 1;
		if (size < DATA_MIN)
			size = DATA_MIN;
		if (size < needed)
			size = needed;
		larger = realloc(events->data, size);
		if (larger == NULL)
			return CS_EVENTS_NO_MEMORY;
		events->data = larger;
		events->size = size;
	}
	if (length > 0)
		memcpy(events->data + events->length, text, length);
	events->length += length;
	return CS_EVENTS_MORE;
}

/* A line of data begins: a LF parts it from the one before. */
static CsEventsOutcome
begin_data(CsEvents *events)
{
	bool		first = !events->has_data;

	events->has_data = true;
	return append(events, "\n", first ? 0 : 1);
}

/*
 * The line is over, and an event with it if the line was empty.  A line that
 * is no more than "data" is one with an empty value.
 */
static CsEventsOutcome
end_line(CsEvents *events)
{
	CsEventsPlace place = events->place;

	events->place = CS_EVENTS_LINE;
	events->line = 0;
	if (place == CS_EVENTS_NAME && events->matched == NAME_LENGTH)
		return begin_data(events);
	if ((place != CS_EVENTS_LINE && place != CS_EVENTS_START) ||
		!events->has_data)
		return CS_EVENTS_MORE;
	events->has_data = false;
	events->dispatched = true;
	return CS_EVENTS_DISPATCH;
}

/*
 * A byte that ends no line and is not of a value: what kind of line is it?
 */
static CsEventsOutcome
classify(CsEvents *events, char byte)
{
	switch (events->place)
	{
		case CS_EVENTS_START:
			if (byte == mark[events->matched])
			{
				if (++events->matched == MARK_LENGTH)
				{
					events->place = CS_EVENTS_LINE;
					events->line = 0;
				}
				return CS_EVENTS_MORE;
			}
			if (events->matched > 0)
			{
				events->place = CS_EVENTS_OTHER;	/* half a mark */
				return CS_EVENTS_MORE;
			}
			/* FALLTHROUGH */
		case CS_EVENTS_LINE:
			events->place = byte == name[0] ? CS_EVENTS_NAME : CS_EVENTS_OTHER;
			events->matched = 1;
			return CS_EVENTS_MORE;
		case CS_EVENTS_NAME:
			if (events->matched == NAME_LENGTH)
				events->place = byte == ':' ? CS_EVENTS_COLON : CS_EVENTS_OTHER;
			else if (byte == name[events->matched])
				events->matched++;
			else
				events->place = CS_EVENTS_OTHER;
			return events->place == CS_EVENTS_COLON ? begin_data(events) :
				CS_EVENTS_MORE;
		case CS_EVENTS_COLON:
			events->place = CS_EVENTS_VALUE;
			return byte == ' ' ? CS_EVENTS_MORE : append(events, &byte, 1);
		default:
			return CS_EVENTS_MORE;
	}
}

/* Bytes until the end of the line, or of what there is. */
static size_t
rest_of_line(const char *text, const char *end)
{
	const char *at = text;

	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return (size_t) (at - text);
}

/* A piece of a line, at least one byte; *at* moves on. */
static CsEventsOutcome
read_piece(CsEvents *events, const char **at, const char *end)
{
	const char *piece = *at;
	size_t		length = 1;
	CsEventsOutcome outcome;

	if (events->place >= CS_EVENTS_VALUE)
		length = rest_of_line(piece, end);
	*at += length;
	if (events->place == CS_EVENTS_VALUE)
		outcome = append(events, piece, length);
	else
		outcome = classify(events, *piece);
	events->line += length;
	if (outcome == CS_EVENTS_MORE && events->line > LINE_EXTRA &&
		events->line - LINE_EXTRA > events->limit)
		outcome = CS_EVENTS_TOO_LONG;
	return outcome;
}

/*
 * Read from *at*, which moves on, until an event is whole or *end* is
 * reached.  The data of an event is valid until the next call.  After
 * CS_EVENTS_TOO_LONG and CS_EVENTS_NO_MEMORY the stream cannot be read on.
 */
CsEventsOutcome
cs_events_read(CsEvents *events, const char **at, const char *end)
{
	CsEventsOutcome outcome = CS_EVENTS_MORE;

	if (events->dispatched)
	{
		events->dispatched = false;
		events->length = 0;
	}
	while (outcome == CS_EVENTS_MORE && *at < end)
	{
		char		byte = **at;
		bool		after_cr = events->after_cr;

		events->after_cr = byte == '\r';
		if (byte == '\n' && after_cr)
			++*at;				/* the line ended at the CR */
		else if (byte == '\n' || byte == '\r')
		{
			++*at;
			outcome = end_line(events);
		}
		else
			outcome = read_piece(events, at, end);
	}
	return outcome;
}
