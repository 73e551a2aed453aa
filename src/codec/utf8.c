/*-------------------------------------------------------------------------
 *
 * utf8.c
 *	  Is it well-formed UTF-8?
 *
 *-------------------------------------------------------------------------
 */
#include "codec/utf8.h"

#include <stdbool.h>
#include <stdint.h>

static bool
continues(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

size_t
cs_utf8_character(const char *text, size_t length)
{
	const uint8_t *byte = (const uint8_t *) text;

	if (length == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xC2)			/* a continuation, or an overlong form */
		return 0;
	if (length < 2 || !continues(byte[1]))
		return 0;
	if (byte[0] < 0xE0)
		return 2;
	if (length < 3 || !continues(byte[2]))
		return 0;
	if (byte[0] < 0xF0)
	{
		if (byte[0] == 0xE0 && byte[1] < 0xA0)	/* overlong */
			return 0;
		if (byte[0] == 0xED && byte[1] > 0x9F)	/* surrogates */
			return 0;
		return 3;
	}
	if (length < 4 || !continues(byte[3]) || byte[0] > 0xF4)
		return 0;
	if (byte[0] == 0xF0 && byte[1] < 0x90)	/* overlong */
		return 0;
	if (byte[0] == 0xF4 && byte[1] > 0x8F)	/* above U+10FFFF */
		return 0;
	return 4;
}

size_t
cs_utf8_clip(const char *text, size_t length)
{
	size_t		start = length;

	/* Step back over at most one unfinished character. */
	while (start > 0 && length - start < 3 &&
		   continues((uint8_t) text[start - 1]))
		start--;
	if (start > 0 && (uint8_t) text[start - 1] >= 0xC0 &&
		cs_utf8_character(text + start - 1, length - start + 1) == 0)
		return start - 1;
	return length;
}
