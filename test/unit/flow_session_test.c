/*-------------------------------------------------------------------------
 *
 * flow_session_test.c
 *	  Conversations of the Flow provider with access nodes.
 *
 * What is wished, what time it is and what nodes say go in; requests and
 * states come out, as lines of text: each with the link it is for, requests
 * as the action, the id, the topic and the arguments.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/flow_address.h"
#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define ALICE_FLOW "0xe4db9c640c6e50ba"
#define BOB_FLOW   "0x0d744d23165bfb6c"

#define TRANSACTION "fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106"

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
		"error", "done"};
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
static void
expect(Host *host, const char *expected, const char *name)
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
static size_t
count_actions(Host *host, CsActionKind kind, const char *words)
{
	size_t		count = 0;

	for (size_t i = 0; i < cs_output_action_count(host->output); i++)
	{
		const CsAction *action = &cs_output_actions(host->output)[i];

		count += action->kind == kind &&
			(words == NULL || strstr(action->text.data, words) != NULL);
	}
	return count;
}

/* Actions that say nothing new for a test. */
static void
skip(Host *host)
{
	cs_output_reset(host->output);
}

static Host
start(const char *options)
{
	CsSourceConfig config = {.name = "test", .options = options};

	return host_start("flow", &config);
}

/* ---------- what nodes say ---------- */

static void
say(Host *host, int link, const char *text)
{
	CsError		error;

	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

static void
accept(Host *host, int link, int number)
{
	char		text[96];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"action\":\"subscribe\"}\n",
					number);
	say(host, link, text);
}

static void
ended(Host *host, int link, int number)
{
	char		text[96];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"action\":\"unsubscribe\"}\n",
					number);
	say(host, link, text);
}

static void
fail(Host *host, int link, int number, int code, const char *message)
{
	char		text[512];

	(void) snprintf(text, sizeof(text),
					"{\"subscription_id\":\"cs-%d\",\"error\":{\"code\":%d,\"message\":\"%s\"},\"action\":\"subscribe\"}\n",
					number, code, message);
	say(host, link, text);
}

/* The error of a line of the samples, about a wire of ours. */
static void
fail_as(Host *host, int link, int number, int line_number)
{
	char	   *line = sample_of("flow/errors", line_number);
	char	   *end = strstr(line, "\",\"error\"");
	char	   *text = malloc(strlen(line) + 64);

	(void) sprintf(text, "{\"subscription_id\":\"cs-%d%s", number, end);
	say(host, link, text);
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

static void
deliver_block(Host *host, int link, int number, int height, char digit)
{
	char		text[512];

	block(text, sizeof(text), number, height, digit);
	say(host, link, text);
}

/* A heartbeat of events or of account_statuses. */
static void
heartbeat(Host *host, int link, int number, const char *topic, int height,
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
	say(host, link, text);
}

/* A line of samples under an id of ours. */
static void
deliver_sample(Host *host, int link, int number, const char *name, int line_number)
{
	size_t		before = cs_output_record_count(host->output);
	char	   *line = sample_of(name, line_number);
	char	   *end = strstr(line, "\",\"topic\"");
	char	   *text = malloc(strlen(line) + 64);

	(void) sprintf(text, "{\"subscription_id\":\"cs-%d%s", number, end);
	say(host, link, text);

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

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define BEAT "1bcaf95e85f09174d69a4826ca9a04910cc84b4757d64de0b44dcf2a0289dad5"

/* ---------- conversations ---------- */

static void
test_ordinary(void)
{
	Host		host = start("{}");

	host_sync(&host);
	expect(&host, "", "without subscriptions there is no connection");
	host_subscribe(&host, 1, "events", "{}");
	host_subscribe(&host, 2, "transaction_statuses", "{}");
	host_sync(&host);
	expect(&host, "state 1 pending (waiting for a watched address);"
		   " state 2 pending (no transaction is watched)",
		   "nor without anything that is watched");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	expect(&host, "open 0; state 1 pending", "a watched address opens it");
	host_open(&host);
	expect(&host, "0 subscribe cs-1 events {\"event_types\":[\"A.f233dcee88fe0abe.FungibleToken.Deposited\","
		   "\"A.f233dcee88fe0abe.FungibleToken.Withdrawn\","
		   "\"A.f919ee77447b7497.FlowFees.FeesDeducted\"],"
		   "\"heartbeat_interval\":\"10\"};"
		   " state 2 active (no transaction is watched)",
		   "the movements of all tokens are subscribed");
	accept(&host, 0, 1);
	expect(&host, "state 1 active; watch 100 active",
		   "all is active when the node says so");
	host_watch(&host, 101, BOB_FLOW);
	host_sync(&host);
	expect(&host, "watch 101 active", "another address needs no request");
	heartbeat(&host, 0, 1, "events", 163000000, 0);
	expect(&host, "cursor events:1 {\"height\":163000000,\"block_id\":\"" BEAT "\"}",
		   "a heartbeat moves the position");
	deliver_sample(&host, 0, 1, "flow/events", 4);
	expect(&host, "3 rows; cursor events:1 {\"height\":163000001,\"block_id\":"
		   "\"4f1a45bae30c26aaacefbc73133d8938854f79c8b2da285687ef4e09bca5fc15\"}",
		   "events are rows of those who are watched");
	host_unwatch(&host, ALICE_FLOW);
	host_unwatch(&host, BOB_FLOW);
	host_sync(&host);
	expect(&host, "cursor events:1 {}; 0 unsubscribe cs-1; close 0;"
		   " state 1 pending (waiting for a watched address)",
		   "an empty list is unsubscribed, and forgets the position");
	deliver_sample(&host, 0, 1, "flow/events", 4);
	expect(&host, "", "what is still on its way is nobody's");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "events", "{\"heartbeat_interval\":5}");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	heartbeat(&host, 0, 1, "events", 100, 0);
	skip(&host);
	host_watch(&host, 101, "*");
	host_sync(&host);
	expect(&host, "0 subscribe cs-2 events {\"heartbeat_interval\":\"5\","
		   "\"start_block_height\":\"100\"}",
		   "for '*' all events are subscribed, from the last block on");
	heartbeat(&host, 0, 1, "events", 104, 1);
	expect(&host, "", "the old subscription does not move the position");
	accept(&host, 0, 2);
	expect(&host, "0 unsubscribe cs-1; watch 101 active",
		   "it is ended when the new one is there");
	ended(&host, 0, 1);
	deliver_sample(&host, 0, 1, "flow/events", 4);
	expect(&host, "", "what is left of it is dropped");
	host_free(&host);
}

static void
test_resume(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 7, "block_digests", "{\"block_status\":\"finalized\"}");
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	expect(&host, "open 0; state 7 pending; 0 subscribe cs-1 block_digests"
		   " {\"block_status\":\"finalized\"}; state 7 active",
		   "blocks need no watch list");
	deliver_block(&host, 0, 1, 100, 'a');
	expect(&host, "1 rows; cursor block_digests:7 {\"height\":100,\"block_id\":\"" HASH_A "\"}",
		   "a block is a row and a position");
	host_close(&host);
	expect(&host, "", "the host knows what a lost link means");
	host_open(&host);
	expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"finalized\","
		   "\"start_block_height\":\"100\"}",
		   "it goes on at the last block");
	accept(&host, 0, 2);
	skip(&host);
	deliver_block(&host, 0, 2, 100, 'a');
	expect(&host, "", "which is not taken twice");
	deliver_block(&host, 0, 2, 101, 'b');
	expect(&host, "1 rows; cursor block_digests:7 {\"height\":101,\"block_id\":\"" HASH_B "\"}",
		   "then come new ones");
	deliver_block(&host, 0, 2, 103, 'c');
	expect(&host, "1 rows; 0 subscribe cs-3 block_digests {\"block_status\":\"finalized\","
		   "\"start_block_height\":\"101\"}",
		   "a block that is missing is asked for again");
	accept(&host, 0, 3);
	expect(&host, "0 unsubscribe cs-2", "and then the old one ended");
	deliver_block(&host, 0, 3, 103, 'c');
	expect(&host, "1 rows; cursor block_digests:7 {\"height\":103,\"block_id\":\"" HASH_C "\","
		   "\"skipped\":{\"from\":102,\"to\":102}};"
		   " state 7 active (blocks 102 to 102 are missing: the node does not serve them any more)",
		   "but not for ever");
	host_close(&host);
	host_open(&host);
	accept(&host, 0, 4);
	skip(&host);
	deliver_block(&host, 0, 4, 103, 'd');
	expect(&host, "0 unsubscribe cs-4; state 7 error (block 103 is dddddddddddddddd..."
		   " here and was cccccccccccccccc... before: is this another network?"
		   " Delete the source's cursor to begin anew)",
		   "a block that has become another is another chain");
	host_free(&host);
}

/* Positions of an earlier process. */
static void
test_restore(void)
{
	Host		host = start("{}");

	cs_session_restore(host.session, "events:1",
					   "{\"height\": 90, \"block_id\": \"" HASH_A "\"}");
	cs_session_restore(host.session, "blocks:2", "{\"height\": 91, \"start\": \"50\"}");
	cs_session_restore(host.session, "blocks:3", "{\"height\": 92, \"start\": \"50\"}");
	cs_session_restore(host.session, "block_headers:4", "no JSON");
	cs_session_restore(host.session, "block_headers:5", "{\"height\": -4}");
	host_subscribe(&host, 1, "events", "{}");
	host_subscribe(&host, 2, "blocks", "{\"start_block_height\": 50}");
	host_subscribe(&host, 3, "blocks", "{\"start_block_height\": \"60\"}");
	host_subscribe(&host, 4, "block_headers", "{}");
	host_subscribe(&host, 5, "block_headers", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	skip(&host);
	host_open(&host);
	expect(&host, "0 subscribe cs-1 events {\"heartbeat_interval\":\"10\",\"start_block_height\":\"90\"};"
		   " 0 subscribe cs-2 blocks {\"block_status\":\"sealed\",\"start_block_height\":\"91\"};"
		   " 0 subscribe cs-3 blocks {\"block_status\":\"sealed\",\"start_block_height\":\"60\"};"
		   " 0 subscribe cs-4 block_headers {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-5 block_headers {\"block_status\":\"sealed\"}",
		   "positions are taken back where they still fit");
	host_free(&host);
}


/* What a node may say after it has taken a subscription. */
static void
test_late_errors(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	deliver_block(&host, 0, 1, 137390100, 'a');
	skip(&host);

	fail_as(&host, 0, 1, 46);
	expect(&host, "state 1 pending (internal error: subscription finished with error: rpc error:"
		   " code = NotFound desc = could not get start height from block height: not found:"
		   " could not get header for height 999999999: failed to retrieve block ID for height 999999999:"
		   " could)", "a height the node does not know yet is waited for");
	host_pass(&host, 999);
	expect(&host, "", "but not at once");
	host_pass(&host, 1);
	expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390100\"}", "and asked for again");
	accept(&host, 0, 2);
	fail_as(&host, 0, 2, 49);
	skip(&host);
	host_pass(&host, 1999);
	expect(&host, "", "delays grow");
	host_pass(&host, 1);
	expect(&host, "0 subscribe cs-3 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390100\"}", "a node behind is waited for");
	accept(&host, 0, 3);
	skip(&host);
	fail_as(&host, 0, 3, 45);
	expect(&host, "0 subscribe cs-4 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390146\"};"
		   " state 1 pending (internal error: subscription finished with error: rpc error:"
		   " code = InvalidArgument desc = could not get start height from block height:"
		   " start height must be greater than or equal to the root height 137390146)",
		   "where blocks are gone it goes on behind them");
	accept(&host, 0, 4);
	expect(&host, "state 1 active (blocks 137390101 to 137390145 are missing:"
		   " the node does not serve them any more)", "and says so");
	deliver_block(&host, 0, 4, 137390146, 'b');
	expect(&host, "1 rows; cursor block_digests:1 {\"height\":137390146,\"block_id\":\"" HASH_B "\","
		   "\"skipped\":{\"from\":137390101,\"to\":137390145}}",
		   "as does the position");
	fail_as(&host, 0, 4, 51);
	expect(&host, "0 subscribe cs-5 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390146\"};"
		   " state 1 pending (internal error: subscription finished with error: context deadline exceeded)",
		   "who was too slow asks again at once");
	accept(&host, 0, 5);
	deliver_block(&host, 0, 5, 137390146, 'b');
	skip(&host);
	fail(&host, 0, 5, 500, "internal error: subscription finished with error: rpc error: code = InvalidArgument desc = nonsense");
	expect(&host, "state 1 error (internal error: subscription finished with error: rpc error:"
		   " code = InvalidArgument desc = nonsense)", "what is wrong is not asked for again");
	host_pass(&host, 9999);
	expect(&host, "", "ever");
	host_pass(&host, 1);
	expect(&host, "close 0", "and a connection for nothing is closed");
	host_free(&host);
}

/* The same for a stream that begins where the user wants. */
static void
test_early_start(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "events", "{\"event_types\":[\"flow.AccountCreated\"],\"start_block_height\":137390147}");
	host_sync(&host);
	host_open(&host);
	expect(&host, "open 0; state 1 pending; 0 subscribe cs-1 events {\"event_types\":[\"flow.AccountCreated\"],"
		   "\"heartbeat_interval\":\"10\",\"start_block_height\":\"137390147\"}",
		   "a filter and a beginning");
	accept(&host, 0, 1);
	skip(&host);
	fail_as(&host, 0, 1, 50);
	accept(&host, 0, 2);
	skip(&host);
	heartbeat(&host, 0, 2, "events", 150000000, 0);
	expect(&host, "cursor events:1 {\"height\":150000000,\"block_id\":\"" BEAT "\",\"start\":\"137390147\","
		   "\"skipped\":{\"from\":137390147,\"to\":149999999}}",
		   "what the index does not have is skipped");
	host_free(&host);
}

/* All errors a node may answer a request with. */
static void
test_refusals(void)
{
	for (int line = 15; line <= 44; line++)
	{
		Host		host = start("{}");
		const CsAction *action;

		host_subscribe(&host, 1, "block_headers", "{}");
		host_sync(&host);
		host_open(&host);
		skip(&host);
		fail_as(&host, 0, 1, line);
		action = cs_output_actions(host.output);
		ok(cs_output_action_count(host.output) == 1 &&
		   action->kind == CS_ACTION_SUBSCRIPTION_STATE &&
		   action->state == CS_STATE_ERROR &&
		   strncmp(action->text.data, "error creating data provider: ", 30) == 0,
		   "line %d is an error of the subscription", line);
		skip(&host);
		host_pass(&host, 9000);
		expect(&host, "", "and not asked for again");
		host_close(&host);
		ok(count_actions(&host, CS_ACTION_SUBSCRIPTION_STATE, "error creating") == 1,
		   "an error outlives the connection");
		skip(&host);
		host_open(&host);
		ok(count_actions(&host, CS_ACTION_SEND, "block_headers") == 1,
		   "another may know better");
		host_free(&host);
	}
}

static void
test_limits(void)
{
	Host		host = start("{\"max_subscriptions_per_connection\":3,\"max_connections\":2}");

	for (int i = 1; i <= 8; i++)
		host_subscribe(&host, i, "block_digests", "{}");
	host_sync(&host);
	expect(&host, "open 0; open 1; state 1 pending; state 2 pending; state 3 pending;"
		   " state 4 pending; state 5 pending; state 6 pending;"
		   " state 7 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection);"
		   " state 8 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection)",
		   "as many connections as it takes, but no more");
	host_open(&host);
	host_open_link(&host, 1);
	expect(&host, "0 subscribe cs-1 block_digests {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-2 block_digests {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-3 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-4 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-5 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-6 block_digests {\"block_status\":\"sealed\"}",
		   "each takes its share");
	for (int i = 1; i <= 6; i++)
		accept(&host, i > 3, i);
	skip(&host);
	cs_session_unsubscribe(host.session, 5);
	host_sync(&host);
	expect(&host, "1 unsubscribe cs-5; 1 subscribe cs-7 block_digests {\"block_status\":\"sealed\"};"
		   " state 7 pending", "a place that is free is taken");
	ended(&host, 1, 5);
	accept(&host, 1, 7);
	expect(&host, "state 7 active", "by who waited");
	host_close_link(&host, 1, &(CsClosure) {.was_open = true, .reason = "lost"});
	expect(&host, "state 4 pending; state 6 pending; state 7 pending",
		   "a lost connection is told of those it served");
	host_close_link(&host, 1, &(CsClosure) {.was_open = false, .reason = "refused"});
	expect(&host, "", "an attempt that fails is no news");
	host_open_link(&host, 1);
	expect(&host, "1 subscribe cs-8 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-9 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-10 block_digests {\"block_status\":\"sealed\"}",
		   "which are asked for anew");
	fail_as(&host, 1, 8, 13);
	expect(&host, "state 4 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection)",
		   "a node with a lower limit");
	fail_as(&host, 1, 9, 14);
	expect(&host, "1 subscribe cs-11 block_digests {\"block_status\":\"sealed\"};"
		   " state 4 pending; state 6 over limit (error creating new subscription: maximum number of streams reached)",
		   "and one that is full");
	host_pass(&host, 29999);
	skip(&host);
	host_free(&host);
}

static void
test_closing(void)
{
	Host		host = start("{\"max_subscriptions_per_connection\":1}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_subscribe(&host, 2, "blocks", "{}");
	host_sync(&host);
	host_open(&host);
	host_open_link(&host, 1);
	accept(&host, 0, 1);
	accept(&host, 1, 2);
	skip(&host);
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	expect(&host, "0 unsubscribe cs-1", "a subscription is ended");
	ended(&host, 0, 1);
	host_pass(&host, 9999);
	expect(&host, "", "its connection is kept a while");
	host_pass(&host, 1);
	expect(&host, "close 0", "and closed before the node does it");
	host_close(&host);
	expect(&host, "", "as wished");
	host_subscribe(&host, 3, "block_headers", "{}");
	host_sync(&host);
	expect(&host, "open 0; state 3 pending", "a new one needs it again");
	cs_session_unsubscribe(host.session, 2);
	cs_session_unsubscribe(host.session, 3);
	host_sync(&host);
	expect(&host, "1 unsubscribe cs-2; close 0; close 1",
		   "without subscriptions all is closed at once");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_free(&host);
}

/* ---------- accounts ---------- */

/* A valid address of mainnet: words of the code, added. */
static const char *
flow_address(int number)
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

static void
test_accounts(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "account_statuses", "{\"event_types\":[\"flow.AccountKeyAdded\"]}");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	expect(&host, "open 0; state 1 pending; 0 subscribe cs-1 account_statuses"
		   " {\"event_types\":[\"flow.AccountKeyAdded\"],\"account_addresses\":[\"" ALICE_FLOW "\"],"
		   "\"heartbeat_interval\":\"10\"}", "accounts are named");
	accept(&host, 0, 1);
	expect(&host, "state 1 active; watch 100 active", "and active");
	heartbeat(&host, 0, 1, "account_statuses", 500, 0);
	skip(&host);
	host_watch(&host, 101, BOB_FLOW);
	host_sync(&host);
	expect(&host, "0 subscribe cs-2 account_statuses {\"event_types\":[\"flow.AccountKeyAdded\"],"
		   "\"account_addresses\":[\"" ALICE_FLOW "\",\"" BOB_FLOW "\"],\"heartbeat_interval\":\"10\","
		   "\"start_block_height\":\"500\"}",
		   "one more makes a new subscription, from the last block on");
	deliver_sample(&host, 0, 1, "flow/account_statuses", 8);
	expect(&host, "2 rows", "the old one still delivers");
	accept(&host, 0, 2);
	expect(&host, "0 unsubscribe cs-1; watch 101 active",
		   "until the new one does");
	heartbeat(&host, 0, 2, "account_statuses", 500, 0);
	expect(&host, "", "from the same block on");
	ended(&host, 0, 1);
	host_unwatch(&host, ALICE_FLOW);
	host_sync(&host);
	expect(&host, "", "one less changes nothing");
	for (int i = 1; i <= 250; i++)
		host_watch(&host, 200 + i, flow_address(i));
	host_sync(&host);
	ok(count_actions(&host, CS_ACTION_SEND, "\"subscribe\"") == 3,
	   "251 accounts are three subscriptions");
	skip(&host);
	for (int i = 3; i <= 5; i++)
		accept(&host, 0, i);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, NULL) == 250 &&
	   count_actions(&host, CS_ACTION_SEND, "unsubscribe") == 1,
	   "all of them active");
	skip(&host);
	heartbeat(&host, 0, 3, "account_statuses", 505, 0);
	heartbeat(&host, 0, 4, "account_statuses", 507, 0);
	expect(&host, "", "the position waits for the last of them");
	heartbeat(&host, 0, 5, "account_statuses", 506, 0);
	expect(&host, "cursor account_statuses:1 {\"height\":505,\"block_id\":\"" BEAT "\"}",
		   "which is the one that counts");
	for (int i = 251; i <= 1200; i++)
		host_watch(&host, 200 + i, flow_address(i));
	host_sync(&host);
	ok(count_actions(&host, CS_ACTION_SEND, "unsubscribe") == 3 &&
	   count_actions(&host, CS_ACTION_SEND, "account_addresses") == 0 &&
	   count_actions(&host, CS_ACTION_SEND, "\"start_block_height\":\"505\"") == 1,
	   "a thousand are not named: all accounts are taken");
	skip(&host);
	host_free(&host);
}

/* ---------- transactions ---------- */

static void
watch_transaction(Host *host, int64_t id, const char *hash)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_TRANSACTION, hash))
		bail_out("out of memory");
}

static void
test_transactions(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "transaction_statuses", "{}");
	watch_transaction(&host, 100, TRANSACTION);
	host_sync(&host);
	host_open(&host);
	expect(&host, "open 0; state 1 pending; watch 100 pending; 0 subscribe cs-1 transaction_statuses"
		   " {\"tx_id\":\"" TRANSACTION "\"}; state 1 active",
		   "a watched transaction is a subscription");
	accept(&host, 0, 1);
	expect(&host, "watch 100 active", "and active");
	for (int line = 1; line <= 3; line++)
		deliver_sample(&host, 0, 1, "flow/transaction_statuses", line);
	expect(&host, "2 rows", "one row for each status");
	host_close(&host);
	host_open(&host);
	accept(&host, 0, 2);
	skip(&host);
	for (int line = 1; line <= 3; line++)
		deliver_sample(&host, 0, 2, "flow/transaction_statuses", line);
	expect(&host, "", "what is told again after a reconnect is no news");
	deliver_sample(&host, 0, 2, "flow/transaction_statuses", 4);
	expect(&host, "1 rows; watch 100 done (sealed)",
		   "the last status ends it");
	host_pass(&host, 10000);
	expect(&host, "close 0", "nothing is left to do");
	host_free(&host);
}

static void
test_single_transaction(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "transaction_statuses",
				   "{\"tx_id\":\"E1706B5488A6FB8F37996BC5BBF2F03B3972E4B4A09FE5916F24FA9E50EBE32C\"}");
	host_subscribe(&host, 2, "transaction_statuses", "{}");
	watch_transaction(&host, 100, "7c77d119620fda9124cb7c1914a738ae336a257710632be19c3134d786647f56");
	host_watch(&host, 101, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	accept(&host, 0, 2);
	skip(&host);
	deliver_sample(&host, 0, 2, "flow/transaction_statuses", 9);
	deliver_sample(&host, 0, 2, "flow/transaction_statuses", 10);
	expect(&host, "2 rows; state 1 done (expired, or never heard of by the node)",
		   "a subscription to one transaction is done with it");
	for (int line = 5; line <= 7; line++)
		deliver_sample(&host, 0, 1, "flow/transaction_statuses", line);
	expect(&host, "3 rows", "a failure is told as soon as it is known");
	deliver_sample(&host, 0, 1, "flow/transaction_statuses", 8);
	expect(&host, "watch 100 done ([Error Code: 1101] error caused by: 1 error occurred:"
		   "  * transaction execute failed: [Error Code: 1101] cadence runtime error:"
		   " Execution failed: error: panic: not enough \"FLOW\" & <tokens>  --> 1654653399040a61.FlowToken:86:12 )",
		   "and final when it is sealed");
	host_free(&host);
}

static char *
transaction(void)
{
	char	   *line = sample_of("flow/requests", 17);
	struct json_object *request = cs_json_parse_once(line, strlen(line), NULL);
	char	   *text = strdup(json_object_to_json_string_ext(cs_json_object(request, "arguments"),
															 JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(request);
	free(line);
	return text;
}

static void
test_submit(void)
{
	Host		host = start("{}");
	char	   *arguments = transaction();
	static const char id[] = "012678deb9b8f26f0b1d74a3ddbe23955a18c4f4f1fcc55d9e601636abf9d0bc";
	char		expected[512];

	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	expect(&host, "open 0; state 5 pending", "nothing is sent before the link is open");
	host_open(&host);
	ok(count_actions(&host, CS_ACTION_CURSOR, "{\"submitted\":true}") == 1 &&
	   count_actions(&host, CS_ACTION_SEND, strstr(arguments, "dHJhbnNhY3Rpb24g") ? "\"script\":\"dHJhbnNhY3Rpb24g" : "") == 1 &&
	   count_actions(&host, CS_ACTION_SEND, "\"envelope_signatures\":[{\"address\":\"e4db9c640c6e50ba\",\"key_index\":\"0\"") == 1,
	   "it is handed over, which is remembered");
	skip(&host);
	accept(&host, 0, 1);
	expect(&host, "", "that the node takes the request says little");
	deliver_sample(&host, 0, 1, "flow/send_and_get_transaction_statuses", 5);
	(void) snprintf(expected, sizeof(expected),
					"1 rows; cursor send_and_get_transaction_statuses:5 {\"submitted\":true,\"transaction\":\"%s\"};"
					" state 5 active (transaction %s)", id, id);
	expect(&host, expected, "its first status says that it is accepted");
	host_close(&host);
	skip(&host);
	host_open(&host);
	(void) snprintf(expected, sizeof(expected),
					"0 subscribe cs-2 transaction_statuses {\"tx_id\":\"%s\"}", id);
	expect(&host, expected, "after a reconnect it is followed by its id");
	accept(&host, 0, 2);
	skip(&host);
	for (int line = 5; line <= 8; line++)
	{
		char	   *text = sample_of("flow/send_and_get_transaction_statuses", line);
		char	   *renamed = replaced(text, "send-1\",\"topic\":\"send_and_get_transaction_statuses",
									   "cs-2\",\"topic\":\"transaction_statuses");

		say(&host, 0, renamed);
		free(renamed);
		free(text);
	}
	expect(&host, "2 rows; state 5 done (sealed)", "until it is sealed");
	host_free(&host);

	host = start("{}");
	(void) snprintf(expected, sizeof(expected),
					"{\"submitted\":true,\"transaction\":\"%s\"}", id);
	cs_session_restore(host.session, "send_and_get_transaction_statuses:5", expected);
	cs_session_restore(host.session, "send_and_get_transaction_statuses:6", "{\"submitted\": true}");
	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 6, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	host_open(&host);
	(void) snprintf(expected, sizeof(expected),
					"open 0; state 5 pending; state 6 error (the connection was lost before the node told the transaction's id:"
					" it may have been accepted, and is not sent again);"
					" 0 subscribe cs-1 transaction_statuses {\"tx_id\":\"%s\"}", id);
	expect(&host, expected, "another process does not send it again");
	host_free(&host);

	host = start("{}");
	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 6, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 7, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 8, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	skip(&host);
	fail_as(&host, 0, 1, 52);
	expect(&host, "state 5 error (internal error: subscription finished with error: rpc error: code = InvalidArgument"
		   " desc = failed to send transaction: invalid transaction: transaction is expired:"
		   " ref_height=162998000 final_height=163000000)", "a refusal is told in the node's words");
	fail_as(&host, 0, 2, 43);
	expect(&host, "state 6 error (error creating data provider: invalid arguments for send tx statuses data provider:"
		   " failed to parse transaction: invalid payer: rpc error: code = InvalidArgument"
		   " desc = address 7e60df042a9c0868 is invalid for chain flow-mainnet)", "one at once as well");
	fail_as(&host, 0, 3, 14);
	expect(&host, "cursor send_and_get_transaction_statuses:7 {};"
		   " state 7 over limit (error creating new subscription: maximum number of streams reached)",
		   "one that never got in may be sent again");
	host_close(&host);
	expect(&host, "state 5 error (internal error: subscription finished with error: rpc error: code = InvalidArgument"
		   " desc = failed to send transaction: invalid transaction: transaction is expired:"
		   " ref_height=162998000 final_height=163000000);"
		   " state 6 error (error creating data provider: invalid arguments for send tx statuses data provider:"
		   " failed to parse transaction: invalid payer: rpc error: code = InvalidArgument"
		   " desc = address 7e60df042a9c0868 is invalid for chain flow-mainnet);"
		   " state 7 over limit (error creating new subscription: maximum number of streams reached);"
		   " state 8 error (the connection was lost before the node told the transaction's id:"
		   " it may have been accepted, and is not sent again)",
		   "of one that got no answer nothing is known");
	host_open(&host);
	expect(&host, "", "nothing is sent twice");
	host_pass(&host, 30000);
	ok(count_actions(&host, CS_ACTION_SEND, "send_and_get") == 1, "but what never got in is");
	host_free(&host);
	free(arguments);
}

/* ---------- trouble ---------- */

static void
test_list(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_subscribe(&host, 2, "block_headers", "{}");
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	accept(&host, 0, 2);
	deliver_block(&host, 0, 1, 100, 'a');
	skip(&host);
	say(&host, 0, "{\"subscription_id\":\"other\",\"topic\":\"block_digests\",\"payload\":"
		"{\"block_id\":\"" HASH_B "\",\"height\":\"100\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}");
	skip(&host);
	host_pass(&host, 0);
	expect(&host, "0 list_subscriptions", "a stranger makes us ask what the node holds");
	say(&host, 0, "{\"subscriptions\":[{\"subscription_id\":\"other\",\"topic\":\"block_digests\",\"arguments\":null},"
		"{\"subscription_id\":\"cs-2\",\"topic\":\"block_headers\",\"arguments\":{}},17,{}],"
		"\"action\":\"list_subscriptions\"}");
	expect(&host, "0 unsubscribe other; 0 subscribe cs-3 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"100\"}",
		   "strays are ended, and what is missing is asked for again");
	say(&host, 0, "{\"subscription_id\":\"other\",\"error\":{\"code\":404,\"message\":\"subscription not found\"},\"action\":\"unsubscribe\"}");
	accept(&host, 0, 3);
	skip(&host);
	for (int part = 0; part < 6; part++)
	{
		/* both go on, so that nothing is taken for stalled */
		char		text[512];

		deliver_block(&host, 0, 3, 101 + part, 'b');
		(void) snprintf(text, sizeof(text), "{\"subscription_id\":\"cs-2\",\"topic\":\"block_headers\",\"payload\":"
						"{\"id\":\"" HASH_A "\",\"parent_id\":\"" HASH_B "\",\"height\":\"%d\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}",
						101 + part);
		say(&host, 0, text);
		skip(&host);
		host_pass(&host, 50000);
	}
	expect(&host, "0 list_subscriptions", "so does time");
	say(&host, 0, "{\"subscriptions\":null,\"action\":\"list_subscriptions\"}");
	ok(count_actions(&host, CS_ACTION_SEND, "\"subscribe\"") == 2, "null is an empty list");
	skip(&host);
	host_free(&host);
}

static void
test_deafness(void)
{
	Host		host = start("{}");
	char	   *line = sample_of("flow/errors", 3);

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	skip(&host);
	for (int i = 0; i < 999; i++)
		say(&host, 0, line);
	expect(&host, "reset 0", "a node that missed pongs is left, once");
	host_close(&host);
	host_open(&host);
	expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\"}",
		   "and all is asked for again");
	host_pass(&host, 29999);
	expect(&host, "", "a request is waited for");
	host_pass(&host, 1);
	expect(&host, "reset 0", "but not for ever");
	host_pass(&host, 600000);
	expect(&host, "", "and that once, too");
	free(line);
	host_free(&host);
}

static void
test_stalled(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	accept(&host, 0, 1);
	deliver_block(&host, 0, 1, 100, 'a');
	skip(&host);
	host_pass(&host, 59999);
	expect(&host, "", "silence is borne");
	host_pass(&host, 1);
	expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\",\"start_block_height\":\"100\"};"
		   " state 1 pending (nothing came for much longer than the heartbeat; subscribed again)",
		   "for a while");
	accept(&host, 0, 2);
	expect(&host, "0 unsubscribe cs-1; state 1 active", "then the stream is asked for again");
	host_free(&host);
}

/* Requests that could not be read are said so, without an id. */
static void
test_general_errors(void)
{
	Host		host = start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	skip(&host);
	for (int number = 1; number <= 12; number++)
	{
		char	   *line = sample_of("flow/errors", number);
		CsError		error = {0};
		bool		taken = host_message(&host, 0, line, &error);
		bool		named = strstr(line, "\"subscription_id\":\"\"") == NULL ||
			strstr(line, "\"action\":\"unsubscribe\"") != NULL;

		ok(taken == (named || number == 3), "line %d of the errors", number);
		free(line);
	}
	host_free(&host);
}

/* Every message, at any time, on any link. */
static void
test_any_order(void)
{
	static const char *const files[] = {"account_statuses", "block_digests",
		"block_headers", "blocks", "control", "errors", "events",
		"legacy_subscribe_events", "send_and_get_transaction_statuses",
		"transaction_statuses", "requests"};
	Host		host = start("{}");
	CsError		error;
	int			count = 0;

	for (int round = 0; round < 4; round++)
	{
		if (round == 1)
		{
			char	   *arguments = transaction();

			host_subscribe(&host, 1, "events", "{}");
			host_subscribe(&host, 2, "transaction_statuses", "{}");
			host_subscribe(&host, 3, "blocks", "{}");
			host_subscribe(&host, 4, "send_and_get_transaction_statuses", arguments);
			host_subscribe(&host, 5, "account_statuses", "{}");
			host_watch(&host, 100, "*");
			host_watch(&host, 101, "no address");
			watch_transaction(&host, 102, TRANSACTION);
			free(arguments);
		}
		host_sync(&host);
		if (round == 2)
			host_open(&host);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		{
			char		path[96];
			size_t		length;
			char	   *text;
			char	   *at;
			char	   *line;

			(void) snprintf(path, sizeof(path), "test/samples/flow/%s.jsonl", files[i]);
			text = at = read_whole_file(path, &length);
			while ((line = next_line(&at)) != NULL)
			{
				(void) host_message(&host, count % 3 == 2 ? 1000 : count % 3 - 1, line, &error);
				(void) host_message(&host, 0, line, &error);
				count++;
			}
			skip(&host);
			free(text);
		}
		host_pass(&host, 100000);
		host_close_link(&host, 5, &(CsClosure) {.was_open = true, .reason = ""});
		host_close_link(&host, 99, &(CsClosure) {.was_open = true, .reason = ""});
		host_open_link(&host, 99);
	}
	ok(true, "nothing but answers to %d messages", count);
	host_free(&host);
}

int
main(void)
{
	test_ordinary();
	test_everything();
	test_resume();
	test_restore();
	test_late_errors();
	test_early_start();
	test_refusals();
	test_limits();
	test_closing();
	test_accounts();
	test_transactions();
	test_single_transaction();
	test_submit();
	test_list();
	test_deafness();
	test_stalled();
	test_general_errors();
	test_any_order();
	return tap_end();
}
