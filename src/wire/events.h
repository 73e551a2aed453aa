/*-------------------------------------------------------------------------
 *
 * events.h
 *	  Reading a stream of server-sent events; see events.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WIRE_EVENTS_H
#define CS_WIRE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Where in a line the next byte belongs. */
typedef enum CsEventsPlace
{
	CS_EVENTS_START,			/* of the stream: perhaps a byte order mark */
	CS_EVENTS_LINE,				/* of a line */
	CS_EVENTS_NAME,				/* in what may yet become "data" */
	CS_EVENTS_COLON,			/* behind "data:": perhaps one space */
	CS_EVENTS_VALUE,			/* in a line of data */
	CS_EVENTS_OTHER				/* in a line of which nothing is kept */
} CsEventsPlace;

typedef struct CsEvents
{
	size_t		limit;			/* most bytes of an event, and of a line */
	CsEventsPlace place;
	unsigned	matched;		/* bytes of the mark, or of "data" */
	bool		after_cr;		/* a LF now ends no other line */
	bool		has_data;		/* the event under way has a line of data */
	bool		dispatched;		/* data was handed out: begin anew */
	size_t		line;			/* bytes of the line so far */

	/* lines of data so far, joined by LF */
	char	   *data;
	size_t		length;
	size_t		size;			/* allocated; always more than length */
} CsEvents;

typedef enum CsEventsOutcome
{
	CS_EVENTS_MORE,				/* everything was read */
	CS_EVENTS_DISPATCH,			/* data and length are an event */
	CS_EVENTS_TOO_LONG,			/* an event or line exceeds the limit */
	CS_EVENTS_NO_MEMORY
} CsEventsOutcome;

extern void cs_events_init(CsEvents *events, size_t limit);
extern void cs_events_free(CsEvents *events);
extern CsEventsOutcome cs_events_read(CsEvents *events, const char **at,
									  const char *end);
extern char *cs_events_take(CsEvents *events);

#endif							/* CS_WIRE_EVENTS_H */
