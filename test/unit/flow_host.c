/*-------------------------------------------------------------------------
 *
 * flow_host.c
 *	  What the conversations of the Flow provider have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "flow_host.h"

#include <json-c/json.h>

#include "codec/flow_address.h"
#include "provider/json.h"
#include "tap.h"

/* ---------- what a session does, as text ---------- */

static void
print_request(FILE *file, const CsAction *action)
{
	struct json_object *request = cs_json_parse_once(action->text.data,
													 action->text.length,
													 NULL);
	struct json_object *arguments = cs_json_object(request, "arguments");
	CsText		id = cs_json_member_string(request, "subscription_id");

	if (request == NULL)
		bail_out("request is not JSON: %s", action->text.data);
	fprintf(file, "%d %s", action->link,
			cs_json_member_string(request, "action").data);
	if (id.data != NULL)
		fprintf(file, " %s", id.data);
	if (id.length > 20)
		bail_out("an id of more than 20 bytes: %s", id.data);
	if (arguments != NULL)
		fprintf(file, " %s %s", cs_json_member_string(request, "topic").data,
				json_object_to_json_string_ext(arguments,
											   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(request);
}

static void
print_action(FILE *file, const CsAction *action)
{
	static const char *const states[] = {"pending", "active", "over limit",
		"error", "idle", "done", "failed"};
	const char *detail = action->text.data;

	switch (action->kind)
	{
		case CS_ACTION_OPEN_LINK:
			fprintf(file, "open %d", action->link);
			break;
		case CS_ACTION_CLOSE_LINK:
			fprintf(file, "close %d", action->link);
			break;
		case CS_ACTION_RESET_LINK:
			fprintf(file, "reset %d", action->link);
			break;
		case CS_ACTION_SEND:
			print_request(file, action);
			break;
		case CS_ACTION_CURSOR:
			fprintf(file, "cursor %s %s", action->scope, detail);
			break;
		default:
			fprintf(file, "%s %lld %s%s%s%s",
					action->kind == CS_ACTION_WATCH_STATE ? "watch" : "state",
					(long long) action->id, states[action->state],
					detail ? " (" : "", detail ? detail : "",
					detail ? ")" : "");
			break;
	}
}

/* A check of the rows and actions since the last. */
void
flow_expect(Host *host, const char *expected, const char *name)
{
	char	   *got;
	size_t		length;
	FILE	   *file = open_memstream(&got, &length);
	size_t		count = cs_output_action_count(host->output);

	if (cs_output_record_count(host->output) > 0)
		fprintf(file, "%zu rows", cs_output_record_count(host->output));
	for (size_t i = 0; i < count; i++)
	{
		if (ftell(file) > 0)
			fprintf(file, "; ");
		print_action(file, &cs_output_actions(host->output)[i]);
	}
	(void) fclose(file);
	is(got, expected, name);
	free(got);
	cs_output_reset(host->output);
}

/* How many actions of a kind hold these words; NULL: any. */
size_t
flow_count(Host *host, CsActionKind kind, const char *words)
{
	size_t		count = 0;

	for (size_t i = 0; i < cs_output_action_count(host->output); i++)
	{
		const CsAction *action = &cs_output_actions(host->output)[i];

		count += action->kind == kind &&
			(words == NULL || (action->text.data != NULL &&
							   strstr(action->text.data, words) != NULL));
	}
	return count;
}

void
flow_skip(Host *host)
{
	cs_output_reset(host->output);
}

Host
flow_start(const char *options)
{
	CsSourceConfig config = {.name = "test", .options = options};

	return host_start("flow", &config);
}

/* ---------- what nodes say ---------- */

void
flow_say(Host *host, int link, const char *text)
{
	CsError		error;

	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

void
flow_accept(Host *host, int link, int number)
{
	char		text[96];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"action\":\"subscribe\"}\n",
					number);
	flow_say(host, link, text);
}

void
flow_ended(Host *host, int link, int number)
{
	char		text[96];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"action\":\"unsubscribe\"}\n",
					number);
	flow_say(host, link, text);
}

void
flow_fail(Host *host, int link, int number, int code, const char *message)
{
	char		text[512];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"error\":{\"code\":%d,\"message\":\"%s\"},\"action\":\"subscribe\"}\n",
					number, code, message);
	flow_say(host, link, text);
}

/* The error of a line of the samples, about a wire of ours. */
void
flow_fail_as(Host *host, int link, int number, int line_number)
{
	char	   *line = sample_of("flow/errors", line_number);
	char	   *end = strstr(line, "\",\"error\"");
	char	   *text = malloc(strlen(line) + 64);

	(void) sprintf(text, "{\"subscription_id\":\"cs-%d%s", number, end);
	flow_say(host, link, text);
	free(line);
	free(text);
}

/* Height and id of a block. */
static void
block(char *text, size_t size, int number, int height, char digit)
{
	char		id[65];

	memset(id, digit, 64);
	id[64] = '\0';
	(void) snprintf(text, size,
					"{\"subscription_id\":\"cs-%d\",\"topic\":\"block_digests\",\"payload\":"
					"{\"block_id\":\"%s\",\"height\":\"%d\",\"timestamp\":\"2026-08-20T10:00:00.81Z\"}}\n",
					number, id, height);
}

void
flow_block(Host *host, int link, int number, int height, char digit)
{
	char		text[512];

	block(text, sizeof(text), number, height, digit);
	flow_say(host, link, text);
}

/* A heartbeat of events or of account_statuses. */
void
flow_heartbeat(Host *host, int link, int number, const char *topic, int height,
		  int index)
{
	char		text[512];
	bool		events = strcmp(topic, "events") == 0;

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"topic\":\"%s\",\"payload\":"
					"{\"block_id\":\"1bcaf95e85f09174d69a4826ca9a04910cc84b4757d64de0b44dcf2a0289dad5\","
					"\"%sheight\":\"%d\",%s\"message_index\":%d}}\n", number,
					topic, events ? "block_" : "", height,
					events ? "\"block_timestamp\":\"2026-08-20T10:00:00.004Z\"," :
					"\"account_events\":{},", index);
	flow_say(host, link, text);
}

/* A line of samples under an id of ours. */
void
flow_sample(Host *host, int link, int number, const char *name, int line_number)
{
	size_t		before = cs_output_record_count(host->output);
	char	   *line = sample_of(name, line_number);
	char	   *end = strstr(line, "\",\"topic\"");
	char	   *text = malloc(strlen(line) + 64);

	(void) sprintf(text, "{\"subscription_id\":\"cs-%d%s", number, end);
	flow_say(host, link, text);

	/* the records point into the message */
	for (size_t i = before; i < cs_output_record_count(host->output); i++)
	{
		const CsRecord *record = &cs_output_records(host->output)[i];

		if (record->payload.data < text ||
			record->payload.data > text + strlen(text))
			bail_out("payload is no part of the message");
	}
	free(line);
	free(text);
}

/* A valid address of mainnet: words of the code, added. */
const char *
flow_numbered_address(int number)
{
	static const uint64_t words[] = {
		UINT64_C(0xe467b9dd11fa00df), UINT64_C(0xf233dcee88fe0abe),
		UINT64_C(0xf919ee77447b7497), UINT64_C(0xfc8cf73ba23a260d),
		UINT64_C(0xfe467b9dd11ee2a1), UINT64_C(0xff233dcee888d807),
		UINT64_C(0xff919ee774476ce6), UINT64_C(0x7fc8cf73ba231d10),
		UINT64_C(0x3fe467b9dd11b183), UINT64_C(0x1ff233dcee8f96d6),
		UINT64_C(0x8ff919ee774757ba)
	};
	static char text[CS_FLOW_ADDRESS_LENGTH + 1];
	uint64_t	address = 0;

	for (int i = 0; i < 11; i++)
	{
		if (number >> i & 1)
			address ^= words[i];
	}
	cs_flow_address_encode(address, text);
	return text;
}

char *
flow_transaction(void)
{
	char	   *line = sample_of("flow/requests", 17);
	struct json_object *request = cs_json_parse_once(line, strlen(line), NULL);
	char	   *text = strdup(json_object_to_json_string_ext(cs_json_object(request, "arguments"),
															 JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(request);
	free(line);
	return text;
}

void
flow_watch_transaction(Host *host, int64_t id, const char *hash)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_TRANSACTION, hash))
		bail_out("out of memory");
}
