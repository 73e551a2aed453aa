/*-------------------------------------------------------------------------
 *
 * tonapi_host.c
 *	  A host for the sessions of the TonAPI provider.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi_host.h"

#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"

/* The address whose hash is this number; overwritten by the next. */
const char *
tonapi_numbered(int number)
{
	static char text[80];

	(void) snprintf(text, sizeof(text), "0:%064X", number);
	return text;
}

/* A parameter in short: an address by its beginning and end. */
static void
print_parameter(FILE *file, const char *text)
{
	size_t		length = strlen(text);
	const char *semicolon = strchr(text, ';');

	if (length > 60 && strncmp(text, "accounts=", 9) == 0)
		fprintf(file, " accounts=(%zu)", (length - 9 + 1) / 67);
	else if (length > 60)
		fprintf(file, " %.4s%s", text, semicolon ? semicolon : "");
	else
		fprintf(file, " %s", text);
}

/* A request as "number method parameters", a long list by its length. */
void
tonapi_print_request(FILE *file, CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);
	struct json_object *params = cs_json_member(request, "params");
	int64_t		id;

	if (request == NULL ||
		!json_object_is_type(cs_json_member(request, "id"), json_type_int) ||
		!cs_json_integer(request, "id", &id, NULL) || id <= 0 ||
		strcmp(cs_json_member_string(request, "jsonrpc").data, "2.0") != 0 ||
		(params != NULL && !json_object_is_type(params, json_type_array)))
		bail_out("a request that would end the conversation: %s", text.data);
	fprintf(file, "%lld %s", (long long) id,
			cs_json_member_string(request, "method").data);
	for (size_t i = 0; params && i < json_object_array_length(params); i++)
	{
		struct json_object *param = json_object_array_get_idx(params, i);

		if (!json_object_is_type(param, json_type_string))
			bail_out("a parameter that is no string: %s", text.data);
		if (json_object_array_length(params) == 1)
			print_parameter(file, json_object_get_string(param));
	}
	if (params && json_object_array_length(params) > 1)
		fprintf(file, " (%zu)", json_object_array_length(params));
	json_object_put(request);
}

Host
tonapi_start(const char *transport, const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .transport = transport,
							 .options = options, .token = token};
	Host		host = host_start("tonapi", &config);

	host.print_request = tonapi_print_request;
	return host;
}

/* A reply of the server. */
void
tonapi_reply_on(Host *host, int link, int id, const char *result)
{
	char		text[400];
	CsError		error;

	(void) snprintf(text, sizeof(text),
					"{\"id\":%d,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"result\":\"%s\"}\n",
					id, result);
	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

void
tonapi_reply(Host *host, int id, const char *result)
{
	tonapi_reply_on(host, 0, id, result);
}
