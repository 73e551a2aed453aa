/*-------------------------------------------------------------------------
 *
 * log.c
 *	  The libraries' log lines, and texts that go to people.
 *
 * libwebsockets logs through one function per process, from wherever it
 * happens to be.  That function may not call back into the consumer, so it
 * writes into a ring of fixed size, and the consumer takes the lines when it
 * has time.  When nobody does, the oldest lines are lost.
 *
 * What a peer sent may end in a log or a table.  cs_text_clean() makes it one
 * line of valid UTF-8; cs_text_hide() removes a secret that was echoed.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "wire/internal.h"

#define RING_LINES 64
#define LINE_MAX_BYTES 320

static struct
{
	CsWireLogLevel level;
	char		text[LINE_MAX_BYTES];
}			ring[RING_LINES];
static unsigned ring_first;
static unsigned ring_count;
static CsWireLogLevel lowest = CS_WIRE_LOG_WARNING;

/* Said for each loop because we refuse the proxy of the environment. */
static const char *const unwanted = "http_proxy needs to be ads:port";

/*
 * Said of a single attempt to connect, for which the event of its end has the
 * reason.  A log that repeats them with every attempt is no help.
 */
static const char *const reported[] = {
	"SSL error: ",
	"lws_client_handshake: got bad",
	"lws_client_int_s_hs: ",
	"lws_client_ws_upgrade: ",
	"Unknown ext",
	"problems parsing header",
	"accepting ",
	"chunking failure",
	"Ran out of header data space",
	NULL
};

/* Bytes of a peer, as libwebsockets dumps them: "0010: 68 65 6C 6C 6F". */
static bool
is_dump(const char *line)
{
	static const char digits[] = "0123456789ABCDEF";

	return strspn(line, digits) == 4 && strncmp(line + 4, ": ", 2) == 0 &&
		strspn(line + 6, digits) == 2 && line[8] == ' ';
}

static CsWireLogLevel
level_of(int level, const char *line)
{
	for (int i = 0; reported[i] != NULL; i++)
	{
		if (strstr(line, reported[i]) != NULL)
			return CS_WIRE_LOG_DEBUG;
	}
	if (level & LLL_ERR)
		return CS_WIRE_LOG_ERROR;
	if (level & LLL_WARN)
		return CS_WIRE_LOG_WARNING;
	if (level & LLL_NOTICE)
		return CS_WIRE_LOG_NOTICE;
	return CS_WIRE_LOG_DEBUG;
}

/* The emit function given to libwebsockets. */
static void
emit(int library_level, const char *line)
{
	CsWireLogLevel level = level_of(library_level, line);
	const char *bracket;
	unsigned	slot;

	/* "[2024/01/31 12:00:00:0000] N: text" */
	if (*line == '[')
	{
		bracket = strstr(line, "] ");
		if (bracket != NULL && bracket[2] != '\0' && bracket[3] == ':')
			line = bracket + 4;
	}
	while (*line == ' ')
		line++;
	if (level < lowest || *line == '\0' || *line == '\n' || is_dump(line) ||
		strstr(line, unwanted) != NULL)
		return;
	if (ring_count == RING_LINES)
	{
		ring_first = (ring_first + 1) % RING_LINES;
		ring_count--;
	}
	slot = (ring_first + ring_count++) % RING_LINES;
	ring[slot].level = level;
	snprintf(ring[slot].text, sizeof(ring[slot].text), "%s", line);
	ring[slot].text[strcspn(ring[slot].text, "\r\n")] = '\0';
	cs_text_clean(ring[slot].text);
}

/*
 * Have the libraries log into the ring, lines of *level* and above.
 */
void
cs_log_start(CsWireLogLevel level)
{
	int			mask = LLL_ERR;

	lowest = level;
	if (level <= CS_WIRE_LOG_WARNING)
		mask |= LLL_WARN;
	if (level <= CS_WIRE_LOG_NOTICE)
		mask |= LLL_NOTICE;
	if (level <= CS_WIRE_LOG_DEBUG)
		mask |= LLL_INFO;
	lws_set_log_level(mask, emit);
}

/*
 * Take the oldest line.  Returns false when there is none.
 */
bool
cs_log_take(CsWireLogLevel *level, char *line, size_t size)
{
	if (ring_count == 0)
		return false;
	*level = ring[ring_first].level;
	snprintf(line, size, "%s", ring[ring_first].text);
	ring_first = (ring_first + 1) % RING_LINES;
	ring_count--;
	return true;
}

/* Bytes of the UTF-8 sequence at *text*, 0 if it is none. */
static int
sequence_length(const unsigned char *text)
{
	int			length;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xC2 && text[0] <= 0xDF)
		length = 2;
	else if (text[0] >= 0xE0 && text[0] <= 0xEF)
		length = 3;
	else if (text[0] >= 0xF0 && text[0] <= 0xF4)
		length = 4;
	else
		return 0;
	for (int i = 1; i < length; i++)
	{
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xE0 && text[1] < 0xA0) ||
		(text[0] == 0xED && text[1] > 0x9F) ||
		(text[0] == 0xF0 && text[1] < 0x90) ||
		(text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return length;
}

/*
 * Make *text* one line of valid UTF-8: whatever is not becomes '?'.
 */
void
cs_text_clean(char *text)
{
	unsigned char *c = (unsigned char *) text;

	while (*c != '\0')
	{
		int			length = sequence_length(c);

		if (length == 0 || *c < ' ' || *c == 0x7F ||
			(*c == 0xC2 && c[1] < 0xA0))
		{
			*c = '?';
			length = 1;
		}
		c += length;
	}
}

/*
 * Replace each occurrence of *secret* in *text* by asterisks.  Very short
 * strings are no secrets; hiding them would only garble the text.
 */
void
cs_text_hide(char *text, const char *secret)
{
	size_t		length = strlen(secret);

	if (length < 6)
		return;
	while ((text = strstr(text, secret)) != NULL)
	{
		memset(text, '*', length);
		text += length;
	}
}
