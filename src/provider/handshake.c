/*-------------------------------------------------------------------------
 *
 * handshake.c
 *	  What providers need to say how a link is to be connected.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/session.h"

/*
 * Add a header to those of a handshake or request; one too many is left out.
 */
bool
cs_field_add(CsField *fields, int *count, CsOutput *output, const char *name,
			 const char *value)
{
	CsText		name_copy = cs_output_string(output, name);
	CsText		value_copy = cs_output_string(output, value);

	if (name_copy.data == NULL || value_copy.data == NULL)
		return false;
	if (*count == CS_FIELDS_MAX)
		return true;
	fields[*count].name = name_copy.data;
	fields[*count].value = value_copy.data;
	(*count)++;
	return true;
}

/*
 * Add the token as a header, if there is one: what most services expect that
 * are in front of servers which know no tokens.
 */
bool
cs_session_bearer(const CsSession *session, CsHandshake *handshake,
				  CsOutput *output)
{
	static const char scheme[] = "Bearer ";
	size_t		size;
	char	   *value;

	if (session->token == NULL)
		return true;
	size = sizeof(scheme) + strlen(session->token);
	value = cs_output_alloc(output, size);
	if (value == NULL)
		return false;
	(void) snprintf(value, size, "%s%s", scheme, session->token);
	return cs_field_add(handshake->fields, &handshake->field_count, output,
						"Authorization", value);
}

/*
 * Add the headers that the source's options name.
 */
bool
cs_session_headers(const CsSession *session, CsHandshake *handshake,
				   CsOutput *output)
{
	struct json_object *headers = cs_json_object(session->options, "headers");

	if (headers == NULL)
		return true;
	json_object_object_foreach(headers, name, value)
	{
		if (!cs_field_add(handshake->fields, &handshake->field_count, output,
						  name, json_object_get_string(value)))
			return false;
	}
	return true;
}

static bool
is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
}

/*
 * A URL with another query parameter: before the fragment, which is left out,
 * and behind a path, which there is then.
 */
const char *
cs_url_parameter(CsOutput *output, const char *url, const char *name,
				 const char *value)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t		length = strcspn(url, "#");
	const char *authority = strstr(url, "://");
	bool		has_query = memchr(url, '?', length) != NULL;
	bool		has_path = authority == NULL || has_query ||
		memchr(authority + 3, '/', length - (size_t) (authority + 3 - url));
	char	   *result = cs_output_alloc(output, length + strlen(name) +
										 3 * strlen(value) + 4);
	char	   *at = result;

	if (result == NULL)
		return NULL;
	memcpy(at, url, length);
	at += length;
	if (!has_path)
		*at++ = '/';
	*at++ = has_query ? '&' : '?';
	memcpy(at, name, strlen(name));
	at += strlen(name);
	*at++ = '=';
	for (; *value != '\0'; value++)
	{
		if (is_unreserved(*value))
			*at++ = *value;
		else
		{
			*at++ = '%';
			*at++ = digits[(unsigned char) *value >> 4];
			*at++ = digits[(unsigned char) *value & 15];
		}
	}
	*at = '\0';
	return result;
}
