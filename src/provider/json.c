/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Reading JSON with json-c, and writing a little of it.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"

/* ---------- reading ---------- */

/*
 * A tokener; NULL if memory is short.  To be freed with json_tokener_free().
 *
 * It is not told to be strict: what that means changes from release to
 * release (0.18 refuses every byte above 127 in a string, 0.19 integers of
 * more than 64 bits), and cs_json_parse() refuses by itself whatever json-c
 * takes beyond JSON.  Nor to check UTF-8: that is a fifth of its time, and
 * cs_json_check_tokens() has done it before, more strictly.
 */
struct json_tokener *
cs_json_tokener(void)
{
	return json_tokener_new_ex(CS_JSON_DEPTH);
}

/* Is there nothing but white space from *at* on? */
static bool
only_space(const char *text, size_t at, size_t length)
{
	while (at < length && (text[at] == ' ' || text[at] == '\t' ||
						   text[at] == '\n' || text[at] == '\r'))
		at++;
	return at == length;
}

/*
 * Parse an object.
 */
struct json_object *
cs_json_parse(struct json_tokener *tokener, const char *text, size_t length,
			  CsError *error)
{
	struct json_object *object;
	const char *problem;

	if (length > INT_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "JSON text too long");
		return NULL;
	}
	problem = cs_json_check_tokens(text, length);
	if (problem != NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "invalid JSON: %s", problem);
		return NULL;
	}
	json_tokener_reset(tokener);
	object = json_tokener_parse_ex(tokener, text, (int) length);
	if (object == NULL)
	{
		enum json_tokener_error reason = json_tokener_get_error(tokener);

		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL, "invalid JSON: %s",
					 reason == json_tokener_continue ?
					 "unexpected end, or no object" :
					 json_tokener_error_desc(reason));
		return NULL;
	}
	if (!only_space(text, json_tokener_get_parse_end(tokener), length))
	{
		json_object_put(object);
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "invalid JSON: something follows the end");
		return NULL;
	}
	if (!json_object_is_type(object, json_type_object))
	{
		json_object_put(object);
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "JSON text is not an object");
		return NULL;
	}
	return object;
}

/*
 * Parse an object with a tokener made for it.
 */
struct json_object *
cs_json_parse_once(const char *text, size_t length, CsError *error)
{
	struct json_tokener *tokener = cs_json_tokener();
	struct json_object *object;

	if (tokener == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return NULL;
	}
	object = cs_json_parse(tokener, text, length, error);
	json_tokener_free(tokener);
	return object;
}

struct json_object *
cs_json_member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	(void) json_object_object_get_ex(object, name, &value);
	return value;
}

struct json_object *
cs_json_object(struct json_object *object, const char *name)
{
	struct json_object *value = cs_json_member(object, name);

	return json_object_is_type(value, json_type_object) ? value : NULL;
}

struct json_object *
cs_json_array(struct json_object *object, const char *name)
{
	struct json_object *value = cs_json_member(object, name);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}

CsText
cs_json_string(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return CS_NO_TEXT;
	return (CsText) {json_object_get_string(value),
					 (size_t) json_object_get_string_len(value)};
}

CsText
cs_json_member_string(struct json_object *object, const char *name)
{
	return cs_json_string(cs_json_member(object, name));
}

/*
 * A string that a text column can hold.
 */
bool
cs_json_text(struct json_object *object, const char *name, CsText *text,
			 CsError *error)
{
	struct json_object *value = cs_json_member(object, name);

	if (!json_object_is_type(value, json_type_string))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 value ? "\"%s\" is not a string" :
					 "\"%s\" is missing", name);
		return false;
	}
	*text = cs_json_string(value);
	if (memchr(text->data, '\0', text->length) != NULL)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" holds the character \\u0000", name);
		return false;
	}
	return true;
}

/*
 * A 64-bit integer, bare or in quotes.
 */
bool
cs_json_integer(struct json_object *object, const char *name, int64_t *value,
				CsError *error)
{
	struct json_object *member = cs_json_member(object, name);
	CsText		text = cs_json_string(member);

	if (text.data != NULL)
	{
		if (cs_decimal_to_int64(text.data, text.length, value))
			return true;
	}
	else if (json_object_is_type(member, json_type_int))
	{
		/* json-c keeps what does not fit as the nearest that does. */
		uint64_t	large = json_object_get_uint64(member);

		*value = json_object_get_int64(member);
		if (large <= INT64_MAX && *value != INT64_MIN)
			return true;
	}
	else
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 member ? "\"%s\" is not an integer" :
					 "\"%s\" is missing", name);
		return false;
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not an integer of 64 bits", name);
	return false;
}

bool
cs_json_boolean(struct json_object *object, const char *name, bool otherwise)
{
	struct json_object *value = cs_json_member(object, name);

	if (!json_object_is_type(value, json_type_boolean))
		return otherwise;
	return json_object_get_boolean(value);
}

/* ---------- writing ---------- */

/*
 * Begin anew; the memory is kept.
 */
void
cs_json_writer_reset(CsJsonWriter *writer)
{
	writer->length = 0;
	writer->failed = false;
}

void
cs_json_writer_free(CsJsonWriter *writer)
{
	free(writer->data);
	memset(writer, 0, sizeof(*writer));
}

/* Room for *size* more bytes, or NULL and *failed*. */
static char *
room(CsJsonWriter *writer, size_t size)
{
	if (writer->failed)
		return NULL;
	if (writer->capacity - writer->length < size)
	{
		size_t		wanted = writer->capacity ? writer->capacity : 256;
		char	   *larger;

		while (wanted - writer->length < size)
		{
			if (wanted > SIZE_MAX / 2)
			{
				writer->failed = true;
				return NULL;
			}
			wanted *= 2;
		}
		larger = realloc(writer->data, wanted);
		if (larger == NULL)
		{
			writer->failed = true;
			return NULL;
		}
		writer->data = larger;
		writer->capacity = wanted;
	}
	return writer->data + writer->length;
}

static void
put(CsJsonWriter *writer, const char *data, size_t length)
{
	char	   *place = room(writer, length);

	if (place == NULL)
		return;
	memcpy(place, data, length);
	writer->length += length;
}

/* Before a value or a key: a comma, unless it is the first. */
static void
separate(CsJsonWriter *writer)
{
	if (writer->length == 0)
		return;
	switch (writer->data[writer->length - 1])
	{
		case '{':
		case '[':
		case ':':
			break;
		default:
			put(writer, ",", 1);
	}
}

void
cs_json_begin(CsJsonWriter *writer, char bracket)
{
	separate(writer);
	put(writer, &bracket, 1);
}

void
cs_json_end(CsJsonWriter *writer, char bracket)
{
	put(writer, &bracket, 1);
}

void
cs_json_key(CsJsonWriter *writer, const char *name)
{
	cs_json_put_string(writer, name);
	put(writer, ":", 1);
}

/*
 * A string, escaped as JSON demands.  *text* is UTF-8.
 */
void
cs_json_put_text(CsJsonWriter *writer, const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	size_t		plain = 0;

	separate(writer);
	put(writer, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(writer, text + plain, i - plain);
		plain = i + 1;
		if (c < 0x20)
		{
			char		escape[6] = {'\\', 'u', '0', '0', digits[c >> 4],
									 digits[c & 15]};

			put(writer, escape, sizeof(escape));
		}
		else
		{
			char		escape[2] = {'\\', (char) c};

			put(writer, escape, sizeof(escape));
		}
	}
	put(writer, text + plain, length - plain);
	put(writer, "\"", 1);
}

void
cs_json_put_string(CsJsonWriter *writer, const char *string)
{
	cs_json_put_text(writer, string, strlen(string));
}

void
cs_json_put_integer(CsJsonWriter *writer, int64_t value)
{
	char		text[CS_DECIMAL64_DIGITS + 1];
	size_t		length = cs_int64_to_decimal(value, text);

	separate(writer);
	put(writer, text, length);
}

void
cs_json_put_boolean(CsJsonWriter *writer, bool value)
{
	separate(writer);
	if (value)
		put(writer, "true", 4);
	else
		put(writer, "false", 5);
}
