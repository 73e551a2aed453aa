/*-------------------------------------------------------------------------
 *
 * json_slice.c
 *	  Where the parts of a JSON text begin and end.
 *
 * json-c does not tell from which bytes a value was made.  The payload of a
 * row is to be what the peer sent, byte for byte, and not the whole of a
 * message that brings hundreds of rows; so the part is looked for here, in a
 * text known to be JSON.  On anything else the answer is "absent", never a
 * step out of bounds.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "provider/json.h"

static size_t
skip_space(CsText text, size_t at)
{
	while (at < text.length && strchr(" \t\r\n", text.data[at]) != NULL &&
		   text.data[at] != '\0')
		at++;
	return at;
}

/* Behind the string that begins at *at*. */
static size_t
skip_string(CsText text, size_t at)
{
	for (at++; at < text.length && text.data[at] != '"'; at++)
	{
		if (text.data[at] == '\\')
			at++;
	}
	return at < text.length ? at + 1 : text.length;
}

/* Behind the value that begins at *at*. */
static size_t
skip_value(CsText text, size_t at)
{
	size_t		depth = 0;

	while (at < text.length)
	{
		char		c = text.data[at];

		if (c == '"')
			at = skip_string(text, at);
		else if (c == '{' || c == '[')
		{
			depth++;
			at++;
		}
		else if (c == '}' || c == ']')
		{
			if (depth == 0)
				return at;
			depth--;
			at++;
		}
		else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' ||
								c == '\r' || c == '\n'))
			return at;
		else
		{
			at++;
			continue;			/* a number, a word, or punctuation inside */
		}
		if (depth == 0)
			return at;
	}
	return text.length;
}

/* The part [from, to) of a text; absent if it is empty. */
static CsText
part(CsText text, size_t from, size_t to)
{
	if (from >= to || to > text.length)
		return CS_NO_TEXT;
	return (CsText) {text.data + from, to - from};
}

/* Behind the comma, if there is one, and the space around it. */
static size_t
skip_comma(CsText text, size_t at)
{
	at = skip_space(text, at);
	if (at < text.length && text.data[at] == ',')
		at = skip_space(text, at + 1);
	return at;
}

CsText
cs_json_slice_next_member(CsText object, size_t *position, CsText *name)
{
	size_t		at = *position;
	size_t		value;
	size_t		end;

	if (object.data == NULL)
		return CS_NO_TEXT;
	if (at == 0)
	{
		at = skip_space(object, 0);
		if (at >= object.length || object.data[at] != '{')
			return CS_NO_TEXT;
		at = skip_space(object, at + 1);
	}
	if (at >= object.length || object.data[at] != '"')
		return CS_NO_TEXT;
	end = skip_string(object, at);
	value = skip_space(object, end);
	if (value >= object.length || object.data[value] != ':')
		return CS_NO_TEXT;
	*name = (CsText) {object.data + at + 1, end - at - 2};
	value = skip_space(object, value + 1);
	end = skip_value(object, value);
	*position = skip_comma(object, end);
	return part(object, value, end);
}

CsText
cs_json_slice_member(CsText object, const char *name)
{
	size_t		length = strlen(name);
	size_t		position = 0;
	CsText		found = CS_NO_TEXT;
	CsText		found_name;
	CsText		value;

	/* of duplicate members json-c takes the last, and so do we */
	while ((value = cs_json_slice_next_member(object, &position,
											  &found_name)).data != NULL)
	{
		if (found_name.length == length &&
			memcmp(found_name.data, name, length) == 0)
			found = value;
	}
	return found;
}

CsText
cs_json_slice_next(CsText array, size_t *position)
{
	size_t		at = *position;
	size_t		end;

	if (array.data == NULL)
		return CS_NO_TEXT;
	if (at == 0)
	{
		at = skip_space(array, 0);
		if (at >= array.length || array.data[at] != '[')
			return CS_NO_TEXT;
		at = skip_space(array, at + 1);
	}
	if (at >= array.length || array.data[at] == ']')
		return CS_NO_TEXT;
	end = skip_value(array, at);
	*position = skip_comma(array, end);
	return part(array, at, end);
}
