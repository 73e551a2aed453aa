/*-------------------------------------------------------------------------
 *
 * toncenter_host.c
 *	  A host for the sessions of the TON Center provider.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter_host.h"

#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"

/* ---------- requests as text ---------- */

/* A list by its elements if it is short, else by their number. */
static void
print_list(FILE *file, const char *name, struct json_object *list)
{
	size_t		count = json_object_array_length(list);

	fprintf(file, " %s=", name);
	if (count > 3)
		fprintf(file, "(%zu)", count);
	for (size_t i = 0; i < count && count <= 3; i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(list, i));

		if (strcmp(name, "addresses") == 0)
			fprintf(file, "%s%s", i > 0 ? "," : "",
					text.data + text.length - 2);
		else
			fprintf(file, "%s%s", i > 0 ? "," : "", text.data);
	}
}

static void
print_member(FILE *file, const char *name, struct json_object *value)
{
	if (strcmp(name, "operation") == 0 || strcmp(name, "id") == 0)
		return;
	if (json_object_is_type(value, json_type_array))
		print_list(file, name, value);
	else
		fprintf(file, " %s=%s", name, json_object_get_string(value));
}

/* "subscribe-1 types=transactions addresses=0A min_finality=pending ..." */
static void
print_request(FILE *file, CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);

	if (request == NULL)
		bail_out("request is not JSON: %s", text.data);
	fprintf(file, "%s", cs_json_member(request, "id") == NULL ? "body" :
			cs_json_member_string(request, "id").data);
	json_object_object_foreach(request, name, value)
		print_member(file, name, value);
	json_object_put(request);
}

/* ---------- hosts ---------- */

Host
toncenter_start(const char *transport, const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .transport = transport,
							 .options = options, .token = token};
	Host		host = host_start("toncenter", &config);

	host.print_request = print_request;
	return host;
}

void
toncenter_watch_trace(Host *host, int64_t id, const char *hash)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_TRANSACTION, hash))
		bail_out("out of memory");
}

void
toncenter_say(Host *host, int link, const char *text)
{
	CsError		error;

	/* It lives until the actions are looked at. */
	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

void
toncenter_answer(Host *host, int link, int request)
{
	char		text[80];

	(void) snprintf(text, sizeof(text),
					"{\"id\":\"subscribe-%d\",\"status\":\"subscribed\"}",
					request);
	toncenter_say(host, link, text);
}

void
toncenter_refuse(Host *host, int link, int request, const char *words)
{
	char		text[400];

	(void) snprintf(text, sizeof(text),
					"{\"id\":\"subscribe-%d\",\"error\":\"%s\"}", request, words);
	toncenter_say(host, link, text);
}

/* An account by number; overwritten by the next. */
const char *
toncenter_numbered(int number)
{
	static char text[80];

	(void) snprintf(text, sizeof(text), "0:%064X", number);
	return text;
}

/* Forget the actions. */
void
toncenter_forget(Host *host)
{
	free(host_actions(host));
}

/* The handshake of a link as text. */
void
toncenter_handshake(Host *host, int link, const char *url, const char *expected,
					const char *name)
{
	CsHandshake handshake;
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);

	if (!cs_session_handshake(host->session, link, url, &handshake,
							  host->output))
		bail_out("no handshake");
	fprintf(file, "%s", handshake.url);
	for (int i = 0; i < handshake.field_count; i++)
		fprintf(file, " [%s: %s]", handshake.fields[i].name,
				handshake.fields[i].value);
	if (handshake.body != NULL)
	{
		fprintf(file, " ");
		print_request(file, (CsText) {handshake.body, strlen(handshake.body)});
	}
	(void) fclose(file);
	is(text, expected, name);
	ok(handshake.idle_timeout_ms == 45000 && handshake.ping_interval_ms == 0 &&
	   (handshake.stream == CS_STREAM_EVENTS) == (handshake.body != NULL),
	   "with a watchdog");
	free(text);
}
