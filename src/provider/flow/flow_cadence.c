/*-------------------------------------------------------------------------
 *
 * flow_cadence.c
 *	  Reading the values of Cadence, as JSON-CDC writes them.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/flow/flow_cadence.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/flow_address.h"

/* CCF begins with a CBOR tag of two bytes, of which this is the first. */
#define CCF_FIRST	0xD8

/* Optionals of optionals; deeper ones are no amounts or addresses. */
#define OPTIONALS_MAX 8

#define FRACTION_DIGITS 8

static bool
is_word(CsText text, const char *word)
{
	return text.data != NULL && text.length == strlen(word) &&
		memcmp(text.data, word, text.length) == 0;
}

CsCadenceForm
cs_cadence_event(struct json_tokener *tokener, CsText payload,
				 struct json_object **event, CsError *error)
{
	uint8_t    *bytes = malloc(CS_BASE64_BYTES(payload.length) + 1);
	CsCadenceForm form = CS_CADENCE_BROKEN;
	size_t		size;

	*event = NULL;
	if (bytes == NULL)
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
	else if (!cs_base64_decode(payload.data, payload.length, bytes, &size))
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "payload of an event is not base64");
	else if (size > 0 && bytes[0] == CCF_FIRST)
		form = CS_CADENCE_CCF;
	else
	{
		bytes[size] = '\0';
		*event = cs_json_parse(tokener, (const char *) bytes, size, error);
		if (*event != NULL)
			form = CS_CADENCE_JSON;
	}
	free(bytes);
	return form;
}

CsText
cs_cadence_id(struct json_object *composite)
{
	return cs_json_member_string(cs_json_object(composite, "value"), "id");
}

struct json_object *
cs_cadence_unwrap(struct json_object *value)
{
	for (int i = 0; i < OPTIONALS_MAX; i++)
	{
		if (!is_word(cs_json_member_string(value, "type"), "Optional"))
			return value;
		value = cs_json_object(value, "value");
	}
	return NULL;
}

struct json_object *
cs_cadence_field(struct json_object *composite, const char *name)
{
	struct json_object *fields =
		cs_json_array(cs_json_object(composite, "value"), "fields");
	size_t		count = fields ? json_object_array_length(fields) : 0;

	for (size_t i = 0; i < count; i++)
	{
		struct json_object *field = json_object_array_get_idx(fields, i);

		if (is_word(cs_json_member_string(field, "name"), name))
			return cs_cadence_unwrap(cs_json_object(field, "value"));
	}
	return NULL;
}

CsText
cs_cadence_text(struct json_object *value)
{
	CsText		text = cs_json_member_string(value, "value");

	if (text.data == NULL || memchr(text.data, '\0', text.length) != NULL)
		return CS_NO_TEXT;
	return text;
}

bool
cs_cadence_address(struct json_object *value, uint64_t *address)
{
	CsText		text = cs_cadence_text(value);

	return is_word(cs_json_member_string(value, "type"), "Address") &&
		text.data != NULL &&
		cs_flow_address_decode(text.data, text.length, address);
}

bool
cs_cadence_ufix64(struct json_object *value, char amount[CS_CADENCE_FIXED_MAX])
{
	CsText		text = cs_cadence_text(value);
	char		digits[CS_CADENCE_FIXED_MAX];
	size_t		zeros = 0;
	size_t		length;

	if (!is_word(cs_json_member_string(value, "type"), "UFix64") ||
		text.length < FRACTION_DIGITS + 2 ||
		text.length > CS_CADENCE_FIXED_MAX ||
		text.data[text.length - FRACTION_DIGITS - 1] != '.')
		return false;
	length = text.length - 1;
	memcpy(digits, text.data, length - FRACTION_DIGITS);
	memcpy(digits + length - FRACTION_DIGITS,
		   text.data + text.length - FRACTION_DIGITS, FRACTION_DIGITS);
	while (zeros < length - 1 && digits[zeros] == '0')
		zeros++;
	length -= zeros;
	if (!cs_decimal128_valid(digits + zeros, length))
		return false;
	memcpy(amount, digits + zeros, length);
	amount[length] = '\0';
	return true;
}
