/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The options every source has, and the checking of options at large.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "provider/session.h"

/* A provider may need one or two headers for itself. */
#define USER_HEADERS_MAX (CS_FIELDS_MAX - 2)

const CsOption cs_common_options[] = {
	{"headers", CS_OPTION_OBJECT,
	 "additional HTTP headers of the handshake, as an object of strings"},
	{"payload", CS_OPTION_BOOLEAN,
	 "keep each message as received in the payload column (default true)"},
	{"tls_ca", CS_OPTION_STRING,
	 "absolute path of a PEM file with the only authorities to trust"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

static const CsOption *
find_option(const CsOption *options, const char *name)
{
	for (; options != NULL && options->name != NULL; options++)
	{
		if (strcmp(options->name, name) == 0)
			return options;
	}
	return NULL;
}

/* Are all values of an object, or elements of an array, strings? */
static bool
all_strings(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
		{
			if (!json_object_is_type(json_object_array_get_idx(value, i),
									 json_type_string))
				return false;
		}
		return true;
	}
	json_object_object_foreach(value, name, member)
	{
		(void) name;
		if (!json_object_is_type(member, json_type_string))
			return false;
	}
	return true;
}

/* What a value of an option's type is called; NULL if *value* is one. */
static const char *
expected_type(const CsOption *option, struct json_object *value)
{
	bool		fits = false;
	const char *name = "";

	switch (option->type)
	{
		case CS_OPTION_BOOLEAN:
			fits = json_object_is_type(value, json_type_boolean);
			name = "true or false";
			break;
		case CS_OPTION_INTEGER:
			fits = json_object_is_type(value, json_type_int);
			name = "an integer";
			break;
		case CS_OPTION_STRING:
			fits = json_object_is_type(value, json_type_string);
			name = "a string";
			break;
		case CS_OPTION_STRINGS:
			fits = json_object_is_type(value, json_type_array) &&
				all_strings(value);
			name = "an array of strings";
			break;
		case CS_OPTION_OBJECT:
			fits = json_object_is_type(value, json_type_object) &&
				all_strings(value);
			name = "an object whose values are strings";
			break;
	}
	return fits ? NULL : name;
}

/* Append the names of options to a sentence that may be cut. */
static void
list_names(char *hint, size_t size, const CsOption *options)
{
	for (; options != NULL && options->name != NULL; options++)
	{
		size_t		used = strlen(hint);

		(void) snprintf(hint + used, size - used, "%s\"%s\"",
						hint[used - 1] == ':' ? " " : ", ", options->name);
	}
}

static void
report_unknown(const CsOption *options, const CsOption *more, const char *what,
			   const char *name, CsError *error)
{
	char		hint[sizeof(error->hint)];
	size_t		used;

	(void) snprintf(hint, sizeof(hint), "Valid %ss are:", what);
	list_names(hint, sizeof(hint), options);
	list_names(hint, sizeof(hint), more);
	used = strlen(hint);
	if (hint[used - 1] == ':')
		(void) snprintf(hint, sizeof(hint), "There are no valid %ss here.",
						what);
	else
		(void) snprintf(hint + used, sizeof(hint) - used, ".");
	cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, hint,
				 "unrecognized %s \"%s\"", what, name);
}

/*
 * Check the names and types of an object's members.
 */
bool
cs_options_check(struct json_object *object, const CsOption *options,
				 const CsOption *more, const char *what, CsError *error)
{
	json_object_object_foreach(object, name, value)
	{
		const CsOption *option = find_option(options, name);
		const char *expected;

		if (option == NULL)
			option = find_option(more, name);
		if (option == NULL)
		{
			report_unknown(options, more, what, name, error);
			return false;
		}
		expected = expected_type(option, value);
		if (expected != NULL)
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "%s \"%s\" must be %s", what, name, expected);
			return false;
		}
	}
	return true;
}

/* Is this what HTTP calls a token? */
static bool
is_token(const char *text)
{
	static const char allowed[] =
		"!#$%&'*+-.^_`|~0123456789"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *text != '\0' && text[strspn(text, allowed)] == '\0';
}

/* Headers that are the transport's own. */
static bool
is_reserved(const char *name)
{
	static const char *const reserved[] = {"Host", "Connection", "Upgrade",
		"Origin", "Content-Length", "Transfer-Encoding"};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
	{
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	}
	return strncasecmp(name, "Sec-WebSocket-", 14) == 0;
}

static bool
check_header(const char *name, CsText value, CsError *error)
{
	if (!is_token(name))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "Give it without the colon.",
					 "\"%s\" is not the name of an HTTP header", name);
		return false;
	}
	if (is_reserved(name))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "header \"%s\" is set by the transport", name);
		return false;
	}
	for (size_t i = 0; i < value.length; i++)
	{
		unsigned char c = (unsigned char) value.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7F)
		{
			cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
						 "value of header \"%s\" holds a control character",
						 name);
			return false;
		}
	}
	return true;
}

static bool
check_headers(struct json_object *headers, CsError *error)
{
	if (json_object_object_length(headers) > USER_HEADERS_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "more than %d headers", USER_HEADERS_MAX);
		return false;
	}
	json_object_object_foreach(headers, name, value)
	{
		if (!check_header(name, cs_json_string(value), error))
			return false;
	}
	return true;
}

/*
 * Check sources.options: a JSON object as text.
 */
bool
cs_provider_check_options(const CsProvider *provider, const char *options,
						  CsError *error)
{
	struct json_object *object;
	struct json_object *headers;
	CsText		tls_ca;
	bool		valid;

	object = cs_json_parse_once(options, strlen(options), error);
	if (object == NULL)
		return false;
	valid = cs_options_check(object, cs_common_options, provider->options,
							 "option", error);
	if (valid)
	{
		headers = cs_json_object(object, "headers");
		valid = headers == NULL || check_headers(headers, error);
	}
	if (valid && provider->check_options != NULL)
		valid = provider->check_options(object, error);
	tls_ca = cs_json_member_string(object, "tls_ca");
	if (valid && tls_ca.data != NULL &&
		(tls_ca.data[0] != '/' || strlen(tls_ca.data) != tls_ca.length))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "option \"tls_ca\" must be an absolute path");
		valid = false;
	}
	json_object_put(object);
	return valid;
}
