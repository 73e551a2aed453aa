/*-------------------------------------------------------------------------
 *
 * host.c
 *	  A host for the sessions of the unit tests.
 *
 *-------------------------------------------------------------------------
 */
#include "host.h"

#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "codec/nano_address.h"
#include "provider/json.h"
#include "tap.h"

static void print_request(FILE *file, CsText text);

Host
host_start(const char *provider, const CsSourceConfig *config)
{
	CsError		error;
	Host		host = {.output = cs_output_create(), .now_ms = 1000000};

	host.session = cs_session_create(cs_provider_find(provider), config,
									 &error);
	if (host.session == NULL)
		bail_out("no session: %s", error.message);
	return host;
}

Host
host_create(const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .options = options,
							 .token = token};
	Host		host = host_start("nano", &config);

	host.print_request = print_request;
	return host;
}

void
host_free(Host *host)
{
	cs_session_free(host->session);
	cs_output_free(host->output);
}

/* ---------- actions as text ---------- */

/* The value of an option as it is shown: a list by the number it holds. */
static void
print_option(FILE *file, const char *name, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		fprintf(file, " %s=%s", name, json_object_get_string(value));
	else if (json_object_array_length(value) == 1)
		fprintf(file, " %s=%.9s", name,
				json_object_get_string(json_object_array_get_idx(value, 0)));
	else
		fprintf(file, " %s=(%zu)", name, json_object_array_length(value));
}

static void
print_request(FILE *file, CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);
	struct json_object *options = cs_json_object(request, "options");

	if (request == NULL)
		bail_out("request is not JSON: %s", text.data);
	fprintf(file, "%s %s", cs_json_member_string(request, "id").data + 12,
			cs_json_member_string(request, "action").data);
	fprintf(file, " %s", cs_json_member_string(request, "topic").data);
	if (!cs_json_boolean(request, "ack", false))
		fprintf(file, " without ack");
	if (options != NULL)
	{
		json_object_object_foreach(options, name, value)
			print_option(file, name, value);
	}
	json_object_put(request);
}

static void
print_state(FILE *file, const char *what, const CsAction *action)
{
	static const char *const names[] = {"pending", "active", "over limit",
		"error", "idle", "done", "failed"};

	fprintf(file, "%s %lld %s", what, (long long) action->id,
			names[action->state]);
	if (action->text.data)
		fprintf(file, " (%.24s)", action->text.data);
}

/* By number: the order among watches is that of a hash table. */
static int
compare_watch_ids(const void *a, const void *b)
{
	int64_t		left = ((const CsAction *) a)->id;
	int64_t		right = ((const CsAction *) b)->id;

	return (left > right) - (left < right);
}

/* A copy of the actions, with states of watches that follow each other sorted. */
static CsAction *
sorted_actions(const CsOutput *output)
{
	size_t		count = cs_output_action_count(output);
	CsAction   *actions = malloc((count + 1) * sizeof(CsAction));

	if (count > 0)
		memcpy(actions, cs_output_actions(output), count * sizeof(CsAction));
	for (size_t from = 0; from < count; from++)
	{
		size_t		to = from;

		while (to < count && actions[to].kind == CS_ACTION_WATCH_STATE)
			to++;
		if (to > from)
			qsort(actions + from, to - from, sizeof(CsAction),
				  compare_watch_ids);
		from = to > from ? to - 1 : from;
	}
	return actions;
}

/* "open", or of another link than the first: "open 1" */
static void
print_link(FILE *file, const char *what, const CsAction *action)
{
	fprintf(file, "%s", what);
	if (action->link != 0)
		fprintf(file, " %d", action->link);
}

static void
print_send(FILE *file, const Host *host, const CsAction *action)
{
	if (host->print_request != NULL)
	{
		host->print_request(file, action->text);
		return;
	}
	print_link(file, "send", action);
	fprintf(file, " %s", action->text.data);
}

static void
print_http(FILE *file, const CsRequest *request)
{
	fprintf(file, "%s %lld %s", request->body ? "post" : "get",
			(long long) request->id, request->url);
	for (int i = 0; i < request->field_count; i++)
		fprintf(file, " [%s: %s]", request->fields[i].name,
				request->fields[i].value);
	if (request->body)
		fprintf(file, " %s", request->body);
}

char *
host_actions(Host *host)
{
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);
	size_t		count = cs_output_action_count(host->output);
	CsAction   *actions = sorted_actions(host->output);
	size_t		states = 0;

	for (size_t i = 0; i < count; i++)
		states += actions[i].kind == CS_ACTION_WATCH_STATE;
	for (size_t i = 0; i < count; i++)
	{
		const CsAction *action = &actions[i];

		if (action->kind == CS_ACTION_WATCH_STATE && states > 5)
			continue;
		if (ftell(file) > 0)
			fprintf(file, "; ");
		switch (action->kind)
		{
			case CS_ACTION_OPEN_LINK:
				print_link(file, "open", action);
				break;
			case CS_ACTION_CLOSE_LINK:
				print_link(file, "close", action);
				break;
			case CS_ACTION_RESET_LINK:
				print_link(file, "reset", action);
				break;
			case CS_ACTION_SEND:
				print_send(file, host, action);
				break;
			case CS_ACTION_REQUEST:
				print_http(file, action->request);
				break;
			case CS_ACTION_SUBSCRIPTION_STATE:
				print_state(file, "subscription", action);
				break;
			case CS_ACTION_WATCH_STATE:
				print_state(file, "watch", action);
				break;
			case CS_ACTION_CURSOR:
				fprintf(file, "cursor");
				break;
		}
	}
	if (states > 5)
		fprintf(file, "%s%zu watch states", ftell(file) > 0 ? "; " : "",
				states);
	(void) fclose(file);
	free(actions);
	cs_output_reset(host->output);
	return text;
}

void
host_expect(Host *host, const char *expected, const char *name)
{
	char	   *got = host_actions(host);

	is(got, expected, name);
	free(got);
}

/* ---------- what happens ---------- */

void
host_sync(Host *host)
{
	cs_session_sync(host->session, host->now_ms, host->output);
}

void
host_subscribe(Host *host, int64_t id, const char *topic, const char *arguments)
{
	CsError		error;

	if (!cs_session_subscribe(host->session, id, topic, arguments, &error))
		bail_out("not subscribed: %s", error.message);
}

void
host_watch(Host *host, int64_t id, const char *target)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_ADDRESS, target))
		bail_out("out of memory");
}

void
host_unwatch(Host *host, const char *target)
{
	cs_session_unwatch(host->session, CS_WATCH_ADDRESS, target);
}

void
host_open_link(Host *host, int link)
{
	cs_session_opened(host->session, link, host->now_ms, host->output);
}

void
host_close_link(Host *host, int link, const CsClosure *closure)
{
	cs_session_closed(host->session, link, closure, host->now_ms, host->output);
}

bool
host_message(Host *host, int link, const char *text, CsError *error)
{
	CsMessage	message = {.data = text, .length = strlen(text),
						   .received_at = INT64_C(1700000000000000)};

	return cs_session_message(host->session, link, &message, host->now_ms,
							  host->output, error);
}

bool
host_answer(Host *host, int64_t id, int status, const char *body,
			CsError *error)
{
	CsResponse	response = {.id = id, .status = status, .reason = "",
							.data = body, .length = strlen(body),
							.received_at = INT64_C(1700000000000000)};

	return cs_session_response(host->session, &response, host->now_ms,
							   host->output, error);
}

void
host_open(Host *host)
{
	host->open = true;
	cs_session_opened(host->session, 0, host->now_ms, host->output);
}

void
host_close(Host *host)
{
	host->open = false;
	cs_session_closed(host->session, 0,
					  &(CsClosure) {.was_open = true, .reason = "lost"},
					  host->now_ms, host->output);
}

void
host_receive(Host *host, const char *text)
{
	CsMessage	message = {.data = text, .length = strlen(text)};
	CsError		error;

	if (!cs_session_message(host->session, 0, &message, host->now_ms,
							host->output, &error))
		bail_out("rejected: %s", error.message);
}

void
host_ack(Host *host, const char *kind, int id)
{
	char		text[128];

	(void) snprintf(text, sizeof(text),
					"{\"ack\":\"%s\",\"time\":\"1\",\"id\":\"chainstream-%d\"}",
					kind, id);
	host_receive(host, text);
}

void
host_confirmation(Host *host)
{
	host_receive(host, "{\"topic\":\"confirmation\",\"time\":\"0\",\"message\":"
			"{\"account\":\"nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3\","
			"\"amount\":\"0\",\"hash\":"
			"\"991CF190094C00F0B68E2E5F75F6BEE95A2E0BD93CEAA4A6734DB9F19B728948\"}}");
}

void
host_pass(Host *host, int64_t ms)
{
	int64_t		until = host->now_ms + ms;
	int			ticks = 0;

	while (cs_session_next_tick(host->session) <= until)
	{
		int64_t		next = cs_session_next_tick(host->session);

		if (next > host->now_ms)
			host->now_ms = next;
		cs_session_tick(host->session, host->now_ms, host->output);
		if (++ticks > 10000)
			bail_out("too many ticks");
	}
	host->now_ms = until;
}

const char *
numbered_address(int number)
{
	static char text[CS_NANO_ADDRESS_MAX + 1];
	uint8_t		key[CS_NANO_KEY_LENGTH] = {0};

	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t) (number >> (8 * i));
	(void) cs_nano_address_encode(CS_NANO_PREFIX_NANO, key, text);
	return text;
}

/* ---------- samples ---------- */

char *
sample(const char *name, int number)
{
	char		full_name[256];

	(void) snprintf(full_name, sizeof(full_name), "nano/%s", name);
	return sample_of(full_name, number);
}

char *
sample_of(const char *name, int number)
{
	char		path[256];
	size_t		length;
	char	   *file;
	char	   *at;
	char	   *line = NULL;

	(void) snprintf(path, sizeof(path), "test/samples/%s.jsonl", name);
	file = at = read_whole_file(path, &length);
	while (number-- > 0)
		line = next_line(&at);
	line = strdup(line);
	free(file);
	return line;
}

char *
replaced(const char *text, const char *from, const char *to)
{
	const char *place = strstr(text, from);
	char	   *copy = malloc(strlen(text) + strlen(to) + 1);

	if (place == NULL)
		bail_out("sample does not hold %s", from);
	memcpy(copy, text, (size_t) (place - text));
	(void) sprintf(copy + (place - text), "%s%s", to, place + strlen(from));
	return copy;
}

/* ---------- measuring ---------- */

size_t
resident_bytes(void)
{
	unsigned long total;
	unsigned long resident = 0;
	FILE	   *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2)
		bail_out("no /proc/self/statm");
	(void) fclose(file);
	return resident * (size_t) sysconf(_SC_PAGESIZE);
}

double
seconds(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}
