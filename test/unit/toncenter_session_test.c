/*-------------------------------------------------------------------------
 *
 * toncenter_session_test.c
 *	  Conversations of the TON Center provider with a server.
 *
 * What is wished, what time it is and what the server says go in; requests and
 * states come out, as lines of text.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
#define ACCOUNT(digits) "0:" ZEROS digits
#define TRACE "26500c89308e8dbc5715b0c797fe6f6bdcaaab47df9e7f00b393401590dec8c8"

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

/* What every snapshot ends with. */
#define SETTINGS " min_finality=pending include_address_book=false" \
	" include_metadata=false"

/* ---------- hosts ---------- */

static Host
make_host(const char *transport, const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .transport = transport,
							 .options = options, .token = token};
	Host		host = host_start("toncenter", &config);

	host.print_request = print_request;
	return host;
}

static void
watch_trace(Host *host, int64_t id, const char *hash)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_TRANSACTION, hash))
		bail_out("out of memory");
}

static void
say(Host *host, int link, const char *text)
{
	CsError		error;

	/* It lives until the actions are looked at. */
	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

static void
answer(Host *host, int link, int request)
{
	char		text[80];

	(void) snprintf(text, sizeof(text),
					"{\"id\":\"subscribe-%d\",\"status\":\"subscribed\"}",
					request);
	say(host, link, text);
}

static void
refuse(Host *host, int link, int request, const char *words)
{
	char		text[400];

	(void) snprintf(text, sizeof(text),
					"{\"id\":\"subscribe-%d\",\"error\":\"%s\"}", request, words);
	say(host, link, text);
}

/* An account by number; overwritten by the next. */
static const char *
numbered(int number)
{
	static char text[80];

	(void) snprintf(text, sizeof(text), "0:%064X", number);
	return text;
}

/* Forget the actions. */
static void
forget(Host *host)
{
	free(host_actions(host));
}

/* ---------- WebSocket ---------- */

static void
test_ordinary(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_subscribe(&host, 1, "transactions", "{}");
	host_sync(&host);
	host_expect(&host, "subscription 1 idle (waiting for a watched ad)",
				"without an address there is no connection");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "open; subscription 1 pending", "with one there is");
	host_open(&host);
	host_expect(&host, "subscribe-1 types=transactions addresses=0A" SETTINGS,
				"on which a snapshot is sent");
	answer(&host, 0, 1);
	host_expect(&host, "watch 100 active; subscription 1 active",
				"it is active when the server says so");

	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "subscribe-2 types=transactions addresses=0A,0B" SETTINGS,
				"a change is another snapshot");
	host_watch(&host, 102, ACCOUNT("0C"));
	host_sync(&host);
	host_unwatch(&host, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "", "one at a time");
	answer(&host, 0, 7);
	host_expect(&host, "", "an answer to something else is none");
	answer(&host, 0, 2);
	host_expect(&host, "watch 101 active;"
				" subscribe-3 types=transactions addresses=0B,0C" SETTINGS,
				"what changed meanwhile goes together");
	answer(&host, 0, 3);
	host_expect(&host, "watch 102 active", "and is told");

	host_subscribe(&host, 2, "actions", "{}");
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions,actions addresses=0B,0C"
				SETTINGS "; subscription 2 pending", "so is a topic");
	answer(&host, 0, 4);
	host_expect(&host, "subscription 2 active", "it is active as well");
	host_unwatch(&host, ACCOUNT("0B"));
	host_unwatch(&host, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "close; subscription 1 idle (waiting for a watched ad);"
				" subscription 2 idle (waiting for a watched ad)",
				"without addresses the connection is of no use");
	host_free(&host);
}

static void
test_traces(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "trace", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "watch 100 pending (no subscription of this );"
				" subscription 1 idle (waiting for a watched tr)",
				"a trace needs a transaction, and says so of an address");
	watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending;"
				" subscribe-1 types=trace trace_external_hash_norms="
				"JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=" SETTINGS,
				"whose hash is written as the server does");
	answer(&host, 0, 1);
	host_expect(&host, "watch 200 active; subscription 1 active",
				"an address is nobody's there");
	host_subscribe(&host, 2, "transactions", "{}");
	host_sync(&host);
	host_expect(&host, "watch 100 pending;"
				" subscribe-2 types=transactions,trace addresses=0A"
				" trace_external_hash_norms="
				"JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=" SETTINGS
				"; subscription 2 pending", "both at once");
	answer(&host, 0, 2);
	host_expect(&host, "watch 100 active; subscription 2 active", "active");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0A" SETTINGS,
				"without the topic, traces are not asked for");
	answer(&host, 0, 3);
	host_expect(&host, "watch 200 pending (no subscription of this )",
				"which is told");
	watch_trace(&host, 201, ZEROS "01");
	host_sync(&host);
	host_expect(&host, "watch 201 pending (no subscription of this )",
				"also of one that comes then");
	host_close(&host);
	forget(&host);
	host_subscribe(&host, 3, "trace", "{}");
	host_sync(&host);
	host_expect(&host, "watch 200 pending; watch 201 pending;"
				" subscription 2 pending; subscription 3 pending",
				"and withdrawn when there is one");
	host_free(&host);
}

static void
test_trace_done(void)
{
	Host		host = make_host(NULL, "{}", NULL);
	char	   *line = sample_of("toncenter/trace", 3);

	host_subscribe(&host, 1, "trace", "{}");
	watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_open(&host);
	answer(&host, 0, 1);
	forget(&host);
	say(&host, 0, line);
	host_expect(&host, "watch 200 done; cursor", "a final trace is done");
	host_pass(&host, 1);
	host_expect(&host, "close; subscription 1 idle (waiting for a watched tr)",
				"and not asked for any more");
	watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_expect(&host, "", "nor again");
	watch_trace(&host, 201, TRACE);
	host_sync(&host);
	host_expect(&host, "open; subscription 1 pending",
				"unless somebody else wants it");
	host_free(&host);
	free(line);
}

/* Settings are part of every snapshot, so that none sticks. */
static void
test_settings(void)
{
	Host		host = make_host(NULL, "{\"min_finality\":\"confirmed\","
								 "\"include_metadata\":true,"
								 "\"include_address_book\":true,"
								 "\"action_types\":[\"jetton_transfer\"],"
								 "\"supported_action_types\":[\"v1\",\"nft\"]}",
								 NULL);

	host_subscribe(&host, 1, "actions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending;"
				" subscribe-1 types=actions addresses=0A min_finality=confirmed"
				" include_address_book=true include_metadata=true"
				" action_types=jetton_transfer supported_action_types=v1,nft",
				"settings are the source's");
	answer(&host, 0, 1);
	forget(&host);
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "subscribe-2 types=actions addresses=0A,0B"
				" min_finality=confirmed"
				" include_address_book=true include_metadata=true"
				" action_types=jetton_transfer supported_action_types=v1,nft",
				"and the same each time");
	host_free(&host);
}

static void
test_keepalive(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	answer(&host, 0, 1);
	forget(&host);
	host_pass(&host, 14999);
	host_expect(&host, "", "nothing for a while");
	host_pass(&host, 1);
	host_expect(&host, "ping", "then a ping");
	say(&host, 0, "{\"id\":\"ping\",\"status\":\"pong\"}");
	host_expect(&host, "", "whose answer is life enough");
	host_pass(&host, 30000);
	host_expect(&host, "ping; ping", "every 15 seconds");
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	forget(&host);
	host_pass(&host, 29999);
	forget(&host);
	host_pass(&host, 1);
	host_expect(&host, "reset; ping", "a request without answer is a dead end");
	host_close(&host);
	host_expect(&host, "", "the host knows what that means");
	host_open(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0A,0B" SETTINGS
				"; subscription 1 pending", "everything is asked for again");
	answer(&host, 0, 3);
	host_expect(&host, "watch 100 active; watch 101 active;"
				" subscription 1 active", "and told again");
	host_free(&host);
}

/* ---------- refusals ---------- */

static void
test_bad_address(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_open(&host);
	forget(&host);
	refuse(&host, 0, 1, "invalid address: " ACCOUNT("0A"));
	host_expect(&host, "watch 100 error (invalid address: 0:00000);"
				" subscribe-2 types=transactions addresses=0B" SETTINGS,
				"a bad address is left out");
	answer(&host, 0, 2);
	host_expect(&host, "watch 101 active; subscription 1 active",
				"the others are served");
	host_watch(&host, 102, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0B,0C" SETTINGS,
				"and it stays out");
	refuse(&host, 0, 3, "invalid address: EQnot-an-address");
	host_expect(&host, "watch 102 error (invalid address: EQnot-a)",
				"words about something unknown are shown");
	host_pass(&host, 14000);
	host_expect(&host, "", "and the request is not repeated");
	host_unwatch(&host, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions addresses=0B" SETTINGS,
				"until something changes");
	answer(&host, 0, 4);
	host_watch(&host, 103, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "subscribe-5 types=transactions addresses=0B,0A" SETTINGS,
				"or is wanted anew");
	host_free(&host);
}

static void
test_bad_topic(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_subscribe(&host, 2, "actions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	forget(&host);
	refuse(&host, 0, 1, "invalid event type: actions");
	host_expect(&host, "subscribe-2 types=transactions addresses=0A" SETTINGS
				"; subscription 2 error (invalid event type: acti)",
				"a topic that the server does not know is left out");
	answer(&host, 0, 2);
	host_expect(&host, "watch 100 active; subscription 1 active",
				"the other is served");
	host_free(&host);
}

/* Every error of the samples, as the answer to a subscription. */
static void
test_errors(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/toncenter/errors.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		Host		host = make_host(NULL, "{}", NULL);
		struct json_object *error = cs_json_parse_once(line, strlen(line),
													   NULL);
		const char *words = cs_json_member_string(error, "error").data;
		char		expected[100];
		char	   *got;
		bool		limit = strstr(words, "connection limit") != NULL;

		json_object_object_add(error, "id",
							   json_object_new_string("subscribe-1"));
		host_subscribe(&host, 1, "transactions", "{}");
		host_watch(&host, 100, ACCOUNT("0A"));
		host_sync(&host);
		host_open(&host);
		forget(&host);
		say(&host, 0, json_object_to_json_string(error));
		got = host_actions(&host);
		(void) snprintf(expected, sizeof(expected), "subscription 1 %s (%.24s)",
						limit ? "over limit" : "error", words);
		ok(strstr(got, expected) != NULL && strstr(got, "subscribe-") == NULL,
		   "%s", got);
		ok((strstr(got, "reset") != NULL) == limit,
		   "the connection is %s", limit ? "given up" : "kept");
		free(got);
		host_pass(&host, 14000);
		host_expect(&host, "", "nothing is repeated");
		json_object_put(error);
		host_free(&host);
		count++;
	}
	ok(count == 18, "all errors were looked at");
	free(file);
}

/* Errors that no request of ours has caused. */
static void
test_stray_errors(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	say(&host, 0, "{\"error\":\"types are required\"}");
	say(&host, 7, "{\"error\":\"types are required\"}");
	say(&host, -1, "{\"status\":\"subscribed\"}");
	host_expect(&host, "open; subscription 1 pending",
				"what comes unasked says nothing");
	host_open(&host);
	answer(&host, 0, 1);
	forget(&host);
	say(&host, 0, "{\"id\":\"9\",\"error\":\"unknown operation: listen\"}");
	answer(&host, 0, 1);
	host_expect(&host, "", "nor does what comes late");
	host_free(&host);
}

/* ---------- limits ---------- */

static void
test_limits(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 1; i <= 25; i++)
		host_watch(&host, 100 + i, numbered(i));
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending;"
				" subscribe-1 types=transactions addresses=(25)" SETTINGS,
				"all addresses go to the first connection");
	refuse(&host, 0, 1,
		   "address limit exceeded: current 0 + new 25 > max 10");
	host_expect(&host, "watch 121 over limit (address limit exceeded: );"
				" watch 122 over limit (address limit exceeded: );"
				" watch 123 over limit (address limit exceeded: );"
				" watch 124 over limit (address limit exceeded: );"
				" watch 125 over limit (address limit exceeded: );"
				" subscribe-2 types=transactions addresses=(10)" SETTINGS
				"; open 1",
				"what is too much goes to a second, and the rest waits");
	answer(&host, 0, 2);
	host_open_link(&host, 1);
	host_expect(&host, "subscription 1 active;"
				" subscribe-3 types=transactions addresses=(10)" SETTINGS
				"; 10 watch states", "both are served");
	answer(&host, 1, 3);
	host_expect(&host, "10 watch states", "and told");

	host_unwatch(&host, numbered(3));
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions addresses=(10)" SETTINGS,
				"one that leaves makes room for another");
	answer(&host, 0, 4);
	host_expect(&host, "watch 121 active", "which is active then");
	host_watch(&host, 200, numbered(99));
	host_sync(&host);
	host_expect(&host, "watch 200 over limit (address limit exceeded: )",
				"a new one has to wait");
	for (int i = 11; i <= 20; i++)
		host_unwatch(&host, numbered(i));
	for (int i = 22; i <= 25; i++)
		host_unwatch(&host, numbered(i));
	host_unwatch(&host, numbered(99));
	host_sync(&host);
	host_expect(&host, "close 1", "a connection without addresses is closed");
	host_free(&host);
}

/* Losing one of several connections. */
static void
test_two_links(void)
{
	Host		host = make_host(NULL, "{\"max_connections\":3}", NULL);
	CsClosure	lost = {.was_open = true, .reason = "lost"};

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 1; i <= 3; i++)
		host_watch(&host, 100 + i, numbered(i));
	host_sync(&host);
	host_open(&host);
	refuse(&host, 0, 1, "address limit exceeded: current 0 + new 3 > max 1");
	host_open_link(&host, 1);
	host_open_link(&host, 2);
	answer(&host, 0, 2);
	answer(&host, 1, 3);
	answer(&host, 2, 4);
	forget(&host);
	host_close_link(&host, 1, &lost);
	host_expect(&host, "watch 102 pending", "what it served is told");
	host_open_link(&host, 1);
	answer(&host, 1, 5);
	host_expect(&host, "subscribe-5 types=transactions addresses=02" SETTINGS
				"; watch 102 active", "and served again");

	say(&host, 2, "{\"error\":\"connection limit reached: 2 active connections\"}");
	host_expect(&host, "reset 2", "a connection too many is given up");
	host_close_link(&host, 2, &lost);
	host_expect(&host, "watch 103 pending", "its addresses are not served");
	host_open_link(&host, 2);
	say(&host, 2, "{\"error\":\"connection limit reached: 2 active connections\"}");
	host_expect(&host, "subscribe-6 types=transactions addresses=03" SETTINGS
				"; reset 2; watch 103 over limit (connection limit reached)",
				"for as long as the server says so");
	host_close_link(&host, 2, &lost);
	host_expect(&host, "", "which stays so");
	host_open_link(&host, 2);
	answer(&host, 2, 7);
	host_expect(&host, "subscribe-7 types=transactions addresses=03" SETTINGS
				"; watch 103 active", "until there is room");
	host_free(&host);
}

static void
test_no_room(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	forget(&host);
	refuse(&host, 0, 1, "address limit exceeded: current 0 + new 1 > max 0");
	host_expect(&host, "watch 100 over limit (address limit exceeded: ); close;"
				" subscription 1 over limit (address limit exceeded: )",
				"a key that may watch nothing");
	host_free(&host);
}

/* Many states are told in parts. */
static void
test_many(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 0; i < 12000; i++)
		host_watch(&host, i + 1, numbered(i));
	host_sync(&host);
	host_open(&host);
	forget(&host);
	answer(&host, 0, 1);
	host_expect(&host, "subscription 1 active; 5000 watch states",
				"states are told in parts");
	host_watch(&host, 20000, numbered(20000));
	host_sync(&host);
	host_expect(&host, "5000 watch states", "before anything else");
	host_pass(&host, 1);
	host_expect(&host, "subscribe-2 types=transactions addresses=(12001)"
				SETTINGS "; 2000 watch states", "is asked");
	answer(&host, 0, 2);
	host_expect(&host, "watch 20000 active", "and told");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = make_host(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, "*");
	host_watch(&host, 101, "nonsense");
	host_sync(&host);
	host_expect(&host, "watch 100 error (TON Center has no subscr);"
				" watch 101 error (not an address or hash i);"
				" subscription 1 idle (waiting for a watched ad)",
				"there is no subscription to everything");
	host_sync(&host);
	host_expect(&host, "", "which is told once");
	host_unwatch(&host, "*");
	host_unwatch(&host, "nonsense");
	host_sync(&host);
	host_expect(&host, "", "and then forgotten");
	host_free(&host);
}

/* ---------- server-sent events ---------- */

/* The handshake of a link as text. */
static void
expect_handshake(Host *host, int link, const char *url, const char *expected,
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

/* A key that may hold one connection: the old stream makes room. */
static void
test_events(void)
{
	Host		host = make_host("sse", "{\"max_connections\":1}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "open; subscription 1 pending", "a stream");
	expect_handshake(&host, 0, "https://h/sse", "https://h/sse"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A" SETTINGS,
					 "whose request holds the snapshot");
	host_open(&host);
	host_expect(&host, "", "nothing can be sent");
	say(&host, 0, "{\"status\":\"subscribed\"}");
	host_expect(&host, "watch 100 active; subscription 1 active",
				"the first event acknowledges it");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");

	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_watch(&host, 102, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "", "changes are collected");
	host_pass(&host, 1000);
	host_expect(&host, "close; open; subscription 1 pending",
				"and then the stream is opened anew");
	host_close(&host);
	host_expect(&host, "", "the end of the old one is no news");
	expect_handshake(&host, 0, "https://h/sse", "https://h/sse"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A,0B,0C"
					 SETTINGS, "with the whole list");
	host_watch(&host, 103, ACCOUNT("0D"));
	host_sync(&host);
	forget(&host);
	host_open(&host);
	host_expect(&host, "", "what changed on the way");
	say(&host, 0, "{\"status\":\"subscribed\"}");
	host_expect(&host, "watch 101 active; watch 102 active;"
				" subscription 1 active", "is not served yet");
	host_pass(&host, 1000);
	host_expect(&host, "close; open; subscription 1 pending",
				"but soon");
	host_free(&host);
}

static CsClosure
refused(int status, const char *reason)
{
	return (CsClosure) {.http_status = status, .reason = reason};
}

/* A stream of one address, with room for another stream. */
static Host
make_stream(void)
{
	Host		host = make_host("sse", "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	expect_handshake(&host, 0, "https://h/sse", "https://h/sse"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A" SETTINGS,
					 "a stream");
	host_open(&host);
	say(&host, 0, "{\"status\":\"subscribed\"}");
	host_pass(&host, 1000);
	forget(&host);
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "open 2", "another takes over");
	expect_handshake(&host, 2, "https://h/sse", "https://h/sse"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A,0B" SETTINGS,
					 "with the whole list");
	return host;
}

static void
test_overlap(void)
{
	Host		host = make_stream();
	CsClosure	end = {.was_open = true, .reason = "the end"};

	say(&host, 0, "{\"status\":\"subscribed\"}");
	host_expect(&host, "", "the old one acknowledges nothing");
	host_open_link(&host, 2);
	host_expect(&host, "", "nothing is told before the new one is acknowledged");
	say(&host, 2, "{\"status\":\"subscribed\"}");
	host_expect(&host, "watch 101 active", "what it adds is active");
	host_pass(&host, 999);
	host_expect(&host, "", "the old one may deliver what is on its way");
	host_pass(&host, 1);
	host_expect(&host, "close", "and goes");
	host_close_link(&host, 0, &end);
	host_expect(&host, "", "which is no news");
	host_unwatch(&host, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "open", "the next has the first number again");
	host_unwatch(&host, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "close 2; close;"
				" subscription 1 idle (waiting for a watched ad)",
				"without an address none is of use");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_free(&host);
}

/* The old stream ends before the new one is there, or after. */
static void
test_overlap_lost(void)
{
	CsClosure	end = {.was_open = true, .reason = "the end"};
	Host		host = make_stream();

	host_close_link(&host, 0, &end);
	host_expect(&host, "close", "the old one is lost, as the host knows");
	host_open_link(&host, 2);
	host_expect(&host, "subscription 1 pending", "the new one comes");
	say(&host, 2, "{\"status\":\"subscribed\"}");
	host_expect(&host, "watch 100 active; watch 101 active;"
				" subscription 1 active", "all is active on the new one");
	host_pass(&host, 5000);
	host_expect(&host, "", "nothing is left to be closed");
	host_free(&host);

	host = make_stream();
	host_open_link(&host, 2);
	say(&host, 2, "{\"status\":\"subscribed\"}");
	forget(&host);
	host_close_link(&host, 2, &end);
	host_pass(&host, 5000);
	host_expect(&host, "watch 100 pending; watch 101 pending",
				"the new one is lost: the old one stays");
	host_open_link(&host, 2);
	host_free(&host);
}

static void
test_overlap_refused(void)
{
	CsClosure	limit = refused(429, "HTTP 429: connection limit reached: 1");
	CsClosure	trouble = refused(502, "HTTP 502");
	CsClosure	wrong = refused(400, "HTTP 400: no");
	Host		host = make_stream();

	host_close_link(&host, 2, &trouble);
	host_expect(&host, "", "the old one serves while the new one fails");
	host_close_link(&host, 2, &limit);
	host_expect(&host, "close", "it goes if that is what the new one needs");
	host_close_link(&host, 2, &limit);
	host_expect(&host, "subscription 1 over limit (HTTP 429: connection lim)",
				"which may not be all");
	host_free(&host);

	host = make_stream();
	host_close_link(&host, 2, &wrong);
	host_expect(&host, "close 2; watch 101 error (HTTP 400: no)",
				"the old one goes on if the new one is refused for good");
	host_free(&host);
}

/* ---------- handshakes that fail ---------- */

/* Connect, and be refused like this. */
static void
expect_refusal(const char *transport, int status, const char *reason,
			   const char *expected, const char *name)
{
	Host		host = make_host(transport, "{}", NULL);
	CsClosure	closure = refused(status, reason);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	expect_handshake(&host, 0, "https://h", transport ? "https://h"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A,0B" SETTINGS
					 : "https://h", "a handshake");
	forget(&host);
	host_close_link(&host, 0, &closure);
	host_expect(&host, expected, name);
	host_free(&host);
}

static void
test_refusals(void)
{
	expect_refusal(NULL, 0, "connection refused", "", "a server that is down");
	expect_refusal(NULL, 502, "HTTP 502", "", "or in trouble");
	expect_refusal(NULL, 401, "HTTP 401: API key does not exist",
				   "subscription 1 error (HTTP 401: API key does n)",
				   "an unknown key");
	expect_refusal("sse", 403, "HTTP 403: Network not allowed",
				   "subscription 1 error (HTTP 403: Network not al)",
				   "the key of another network");
	expect_refusal("sse", 429, "HTTP 429: {\"ok\":false}",
				   "subscription 1 pending (HTTP 429: {\"ok\":false})",
				   "too many requests");
	expect_refusal("sse", 429,
				   "HTTP 429: {\"error\":\"connection limit reached: 2 active\"}",
				   "subscription 1 over limit (HTTP 429: connection lim)",
				   "too many connections");
	expect_refusal("sse", 400,
				   "HTTP 400: {\"error\":\"invalid address: " ACCOUNT("0A") "\"}",
				   "watch 100 error (HTTP 400: invalid addres); subscription 1 pending",
				   "a bad address");
	expect_refusal("sse", 400,
				   "HTTP 400: {\"error\":\"too many addresses: 2 \\u003e max 1\"}",
				   "open 1; subscription 1 pending", "too many addresses");
	expect_refusal("sse", 400,
				   "HTTP 400: {\"error\":\"types are required for subscription\"}",
				   "close; watch 100 error (HTTP 400: types are requ);"
				   " watch 101 error (HTTP 400: types are requ);"
				   " subscription 1 error (HTTP 400: types are requ)",
				   "what cannot be put right is given up");
}

/* What is to be shown of the body of an answer. */
static const char *
what_says(struct json_object *body)
{
	CsText		text = cs_json_member_string(body, "error");

	if (text.data == NULL)
		text = cs_json_member_string(body, "result");
	return text.data != NULL ? text.data :
		json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);
}

/*
 * Every HTTP answer of the samples, as the wire reports it: what it says is in
 * the state, and what passes by itself is no error.
 */
static void
test_http_samples(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/toncenter/errors-http.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		Host		host = make_host("sse", "{}", NULL);
		struct json_object *sample = cs_json_parse_once(line, strlen(line),
														NULL);
		struct json_object *http = cs_json_object(sample, "_http");
		const char *body =
			json_object_to_json_string_ext(cs_json_member(sample, "body"),
										   JSON_C_TO_STRING_PLAIN);
		int64_t		status = 0;
		char		reason[256];
		char		said[256];
		char		expected[300];
		char	   *got;
		CsClosure	closure;

		(void) cs_json_integer(http, "status", &status, NULL);
		(void) snprintf(reason, sizeof(reason), "HTTP %d: %.200s", (int) status,
						body);
		closure = refused((int) status, reason);
		host_subscribe(&host, 1, "transactions", "{}");
		host_watch(&host, 100, ACCOUNT("0A"));
		host_sync(&host);
		expect_handshake(&host, 0, "https://h", "https://h"
						 " [Content-Type: application/json]"
						 " body types=transactions addresses=0A" SETTINGS,
						 "a handshake");
		forget(&host);
		host_close_link(&host, 0, &closure);
		got = host_actions(&host);
		(void) snprintf(said, sizeof(said), "HTTP %d: %s", (int) status,
						what_says(cs_json_member(sample, "body")));
		(void) snprintf(expected, sizeof(expected), "subscription 1 %s (%.24s)",
						strstr(body, "connection limit") ? "over limit" :
						status == 429 ? "pending" : "error", said);
		ok(strstr(got, expected) != NULL, "%s", reason);
		ok((strstr(got, "close") != NULL) == (status == 400),
		   "a request that is wrong is given up");
		free(got);
		json_object_put(sample);
		host_free(&host);
		count++;
	}
	ok(count == 12, "all answers were looked at");
	free(file);
}

/* What was given up is tried again when something else is wanted. */
static void
test_given_up(void)
{
	Host		host = make_host("sse", "{}", NULL);
	CsClosure	closure = refused(400, "HTTP 400: no");

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	expect_handshake(&host, 0, "https://h", "https://h"
					 " [Content-Type: application/json]"
					 " body types=transactions addresses=0A" SETTINGS,
					 "a handshake");
	host_close_link(&host, 0, &closure);
	forget(&host);
	host_sync(&host);
	host_expect(&host, "", "nothing is repeated");
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "open", "but another list is another matter");
	host_free(&host);
}

/* ---------- authentication ---------- */

static void
expect_url(const char *options, const char *url, const char *expected,
		   const char *name)
{
	Host		host = make_host(NULL, options, "se cret");

	expect_handshake(&host, 0, url, expected, name);
	host_free(&host);
}

static void
test_authentication(void)
{
	expect_url("{}", "wss://toncenter.com/ws",
			   "wss://toncenter.com/ws [X-API-Key: se cret]", "TON Center");
	expect_url("{\"token_in\":\"query\"}", "wss://toncenter.com/ws",
			   "wss://toncenter.com/ws?api_key=se%20cret", "by a parameter");
	expect_url("{}", "wss://tonapi.io/streaming/v2/ws",
			   "wss://tonapi.io/streaming/v2/ws [Authorization: Bearer se cret]",
			   "TonAPI");
	expect_url("{}", "wss://testnet.TonAPI.io:443/ws",
			   "wss://testnet.TonAPI.io:443/ws [Authorization: Bearer se cret]",
			   "its other network");
	expect_url("{\"token_in\":\"query\"}", "wss://tonapi.io",
			   "wss://tonapi.io/?token=se%20cret", "by a parameter");
	expect_url("{}", "wss://nottonapi.io/ws",
			   "wss://nottonapi.io/ws [X-API-Key: se cret]", "somebody else");
	expect_url("{}", "wss://evil.example/tonapi.io",
			   "wss://evil.example/tonapi.io [X-API-Key: se cret]",
			   "who has the name in his path");
	expect_url("{\"authentication\":\"tonapi\"}", "ws://localhost/ws",
			   "ws://localhost/ws [Authorization: Bearer se cret]",
			   "as told");
	expect_url("{\"authentication\":\"toncenter\",\"headers\":{\"X-A\":\"b\"}}",
			   "wss://tonapi.io/ws",
			   "wss://tonapi.io/ws [X-API-Key: se cret] [X-A: b]",
			   "whatever the host");
}

/* ---------- options and arguments ---------- */

static void
check_options(const char *options, const char *expected)
{
	CsError		error = {0};

	(void) cs_provider_check_options(cs_provider_find("toncenter"), options,
									 &error);
	is(error.message, expected, options);
}

static void
test_options(void)
{
	const CsProvider *provider = cs_provider_find("toncenter");
	CsError		error = {0};

	check_options("{\"max_connections\":4,\"min_finality\":\"finalized\"}", "");
	check_options("{\"max_connections\":0}",
				  "option \"max_connections\" must be from 1 to 32");
	check_options("{\"max_connections\":99}",
				  "option \"max_connections\" must be from 1 to 32");
	check_options("{\"min_finality\":\"safe\"}",
				  "unrecognized value \"safe\" of option \"min_finality\"");
	check_options("{\"authentication\":\"x\"}",
				  "unrecognized value \"x\" of option \"authentication\"");
	check_options("{\"token_in\":\"x\"}",
				  "unrecognized value \"x\" of option \"token_in\"");
	check_options("{\"action_types\":[]}", "option \"action_types\" is empty");
	check_options("{\"action_types\":[\"\"]}",
				  "option \"action_types\" holds what is not the name of a type");
	check_options("{\"supported_action_types\":\"v1\"}",
				  "option \"supported_action_types\" must be an array of strings");
	ok(!provider->check_arguments(&provider->topics[0], NULL,
								  "{\"min_finality\":\"pending\"}", &error),
	   "settings are no arguments");
	is(error.message, "argument \"min_finality\" is not given here",
	   "which is said");
	ok(!provider->check_arguments(&provider->topics[0], NULL,
								  "{\"addresses\":[]}", &error) &&
	   strstr(error.hint, "watch()") != NULL, "nor are addresses");
	ok(!provider->check_arguments(&provider->topics[0], NULL, "{\"x\":1}",
								  &error) &&
	   !provider->check_arguments(&provider->topics[0], NULL, "[", &error),
	   "nor is anything else");
	ok(provider->check_arguments(&provider->topics[0], NULL, "{}", &error),
	   "nothing is fine");
}

/* ---------- the samples of requests ---------- */

/*
 * Each request of the samples that a session makes is one that a session
 * makes: the same members, of the same types.
 */
static void
test_request_members(void)
{
	Host		host = make_host(NULL, "{\"action_types\":[\"jetton_transfer\"],"
								 "\"supported_action_types\":[\"latest\"]}",
								 NULL);
	struct json_object *ours;
	const CsAction *action;
	int			count = 0;

	host_subscribe(&host, 1, "actions", "{}");
	host_subscribe(&host, 2, "trace", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	watch_trace(&host, 101, TRACE);
	host_sync(&host);
	cs_output_reset(host.output);
	host_open(&host);
	action = cs_output_actions(host.output);
	ours = cs_json_parse_once(action->text.data, action->text.length, NULL);
	for (int number = 1; number <= 5; number++)
	{
		char	   *line = sample_of("toncenter/client-requests", number);
		struct json_object *sample = cs_json_parse_once(line, strlen(line),
														NULL);

		json_object_object_foreach(sample, name, value)
		{
			ok(json_object_is_type(cs_json_member(ours, name),
								   json_object_get_type(value)), "%s", name);
			count++;
		}
		json_object_put(sample);
		free(line);
	}
	ok(count >= 25, "all members were compared");
	json_object_put(ours);
	host_free(&host);
}

/* Whatever order things happen in, the session lives. */
static void
test_any_order(void)
{
	static const char *const said[] = {"{\"status\":\"subscribed\"}",
		"{\"error\":\"address limit exceeded: current 0 + new 9 > max 1\"}",
		"{\"error\":\"connection limit reached\"}",
		"{\"error\":\"invalid event type: transactions\"}",
		"{\"error\":\"invalid address: " ACCOUNT("03") "\"}",
		"{\"error\":\"whatever\"}"};
	unsigned	random = 1;

	for (int round = 0; round < 300; round++)
	{
		Host		host = make_host(round % 2 ? "sse" : NULL,
									 "{\"max_connections\":3}", NULL);
		CsHandshake handshake;

		host.print_request = NULL;
		for (int i = 0; i < 60; i++)
		{
			int			link;
			const char *address;

			random = random * 1103515245 + 12345;
			link = (int) (random >> 8) % 7;
			address = numbered((int) (random >> 10) % 7);
			switch ((random >> 16) % 10)
			{
				case 0:
					host_subscribe(&host, 1, "transactions", "{}");
					break;
				case 1:
					cs_session_unsubscribe(host.session, 1);
					break;
				case 2:
				case 3:
					host_watch(&host, (int) (random >> 4) % 50, address);
					break;
				case 4:
					host_unwatch(&host, address);
					break;
				case 5:
					(void) cs_session_handshake(host.session, link, "wss://h",
												&handshake, host.output);
					break;
				case 6:
					host_open_link(&host, link);
					break;
				case 7:
					host_close_link(&host, link,
									&(CsClosure) {.was_open = random >> 28 & 1,
												  .http_status = 400,
												  .reason = said[random >> 24 & 1
																 ? 1 : 5] + 10});
					break;
				case 8:
					say(&host, link, said[(random >> 20) % 6]);
					break;
				default:
					host_pass(&host, 700);
			}
			if (random >> 30)
				host_sync(&host);
			cs_output_reset(host.output);
		}
		host_free(&host);
	}
	ok(true, "things may happen in any order");
}

int
main(void)
{
	test_ordinary();
	test_traces();
	test_trace_done();
	test_settings();
	test_keepalive();
	test_bad_address();
	test_bad_topic();
	test_errors();
	test_stray_errors();
	test_limits();
	test_two_links();
	test_no_room();
	test_many();
	test_everything();
	test_events();
	test_overlap();
	test_overlap_lost();
	test_overlap_refused();
	test_refusals();
	test_http_samples();
	test_given_up();
	test_authentication();
	test_options();
	test_request_members();
	test_any_order();
	return tap_end();
}
