/*-------------------------------------------------------------------------
 *
 * error.c
 *	  Filling in a CsError.
 *
 * What providers quote in errors comes from users and from peers.  So every
 * text is cut at a whole character and holds no control characters: it can
 * be logged, shown and stored as it is.
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
	text[cs_utf8_clip(text, strlen(text))] = '\0';
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < 0x20 || *text == 0x7F)
			*text = '?';
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
