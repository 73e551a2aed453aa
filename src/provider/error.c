/*-------------------------------------------------------------------------
 *
 * error.c
 *	  Filling in a CsError.
 *
 * What providers quote in errors comes from users and from peers.  So every
 * text is made to be UTF-8 without control characters, and cut at a whole
 * character: it can be logged, shown and stored as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/provider.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/utf8.h"

/* Make a text that may have been cut anywhere fit to be shown. */
static void
tidy(char *text)
{
	size_t		length = cs_utf8_clip(text, strlen(text));

	text[length] = '\0';
	for (size_t at = 0; at < length;)
	{
		size_t		size = cs_utf8_character(text + at, length - at);

		if (size == 0 || (unsigned char) text[at] < 0x20 || text[at] == 0x7F)
		{
			text[at] = '?';
			size = 1;
		}
		at += size;
	}
}

/*
 * Fill in an error.  *error* may be NULL when nobody wants to know.
 */
void
cs_error_set(CsError *error, CsErrorKind kind, const char *detail,
			 const char *hint, const char *format, ...)
{
	va_list		arguments;

	if (error == NULL)
		return;
	error->kind = kind;
	va_start(arguments, format);
	(void) vsnprintf(error->message, sizeof(error->message), format,
					 arguments);
	va_end(arguments);
	(void) snprintf(error->detail, sizeof(error->detail), "%s",
					detail ? detail : "");
	(void) snprintf(error->hint, sizeof(error->hint), "%s", hint ? hint : "");
	tidy(error->message);
	tidy(error->detail);
	tidy(error->hint);
}
