/*-------------------------------------------------------------------------
 *
 * toncenter_session_test.c
 *	  Conversations of the TON Center provider over WebSockets.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"
#include "toncenter_host.h"

/* ---------- WebSocket ---------- */

static void
test_ordinary(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

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
	toncenter_answer(&host, 0, 1);
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
	toncenter_answer(&host, 0, 7);
	host_expect(&host, "", "an answer to something else is none");
	toncenter_answer(&host, 0, 2);
	host_expect(&host, "watch 101 active;"
				" subscribe-3 types=transactions addresses=0B,0C" SETTINGS,
				"what changed meanwhile goes together");
	toncenter_answer(&host, 0, 3);
	host_expect(&host, "watch 102 active", "and is told");

	host_subscribe(&host, 2, "actions", "{}");
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions,actions addresses=0B,0C"
				SETTINGS "; subscription 2 pending", "so is a topic");
	toncenter_answer(&host, 0, 4);
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
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "trace", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "watch 100 pending (no subscription of this );"
				" subscription 1 idle (waiting for a watched tr)",
				"a trace needs a transaction, and says so of an address");
	toncenter_watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending;"
				" subscribe-1 types=trace trace_external_hash_norms="
				"JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=" SETTINGS,
				"whose hash is written as the server does");
	toncenter_answer(&host, 0, 1);
	host_expect(&host, "watch 200 active; subscription 1 active",
				"an address is nobody's there");
	host_subscribe(&host, 2, "transactions", "{}");
	host_sync(&host);
	host_expect(&host, "watch 100 pending;"
				" subscribe-2 types=transactions,trace addresses=0A"
				" trace_external_hash_norms="
				"JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=" SETTINGS
				"; subscription 2 pending", "both at once");
	toncenter_answer(&host, 0, 2);
	host_expect(&host, "watch 100 active; subscription 2 active", "active");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0A" SETTINGS,
				"without the topic, traces are not asked for");
	toncenter_answer(&host, 0, 3);
	host_expect(&host, "watch 200 pending (no subscription of this )",
				"which is told");
	toncenter_watch_trace(&host, 201, ZEROS "01");
	host_sync(&host);
	host_expect(&host, "watch 201 pending (no subscription of this )",
				"also of one that comes then");
	host_close(&host);
	toncenter_forget(&host);
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
	Host		host = toncenter_start(NULL, "{}", NULL);
	char	   *line = sample_of("toncenter/trace", 3);

	host_subscribe(&host, 1, "trace", "{}");
	toncenter_watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_open(&host);
	toncenter_answer(&host, 0, 1);
	toncenter_forget(&host);
	toncenter_say(&host, 0, line);
	host_expect(&host, "watch 200 done; cursor", "a final trace is done");
	host_pass(&host, 1);
	host_expect(&host, "close; subscription 1 idle (waiting for a watched tr)",
				"and not asked for any more");
	toncenter_watch_trace(&host, 200, TRACE);
	host_sync(&host);
	host_expect(&host, "", "nor again");
	toncenter_watch_trace(&host, 201, TRACE);
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
	Host		host = toncenter_start(NULL, "{\"min_finality\":\"confirmed\","
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
	toncenter_answer(&host, 0, 1);
	toncenter_forget(&host);
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
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	toncenter_answer(&host, 0, 1);
	toncenter_forget(&host);
	host_pass(&host, 14999);
	host_expect(&host, "", "nothing for a while");
	host_pass(&host, 1);
	host_expect(&host, "ping", "then a ping");
	toncenter_say(&host, 0, "{\"id\":\"ping\",\"status\":\"pong\"}");
	host_expect(&host, "", "whose answer is life enough");
	host_pass(&host, 30000);
	host_expect(&host, "ping; ping", "every 15 seconds");
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	toncenter_forget(&host);
	host_pass(&host, 29999);
	toncenter_forget(&host);
	host_pass(&host, 1);
	host_expect(&host, "reset; ping", "a request without answer is a dead end");
	host_close(&host);
	host_expect(&host, "", "the host knows what that means");
	host_open(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0A,0B" SETTINGS
				"; subscription 1 pending", "everything is asked for again");
	toncenter_answer(&host, 0, 3);
	host_expect(&host, "watch 100 active; watch 101 active;"
				" subscription 1 active", "and told again");
	host_free(&host);
}

/* ---------- refusals ---------- */

static void
test_bad_address(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_open(&host);
	toncenter_forget(&host);
	toncenter_refuse(&host, 0, 1, "invalid address: " ACCOUNT("0A"));
	host_expect(&host, "watch 100 error (invalid address: 0:00000);"
				" subscribe-2 types=transactions addresses=0B" SETTINGS,
				"a bad address is left out");
	toncenter_answer(&host, 0, 2);
	host_expect(&host, "watch 101 active; subscription 1 active",
				"the others are served");
	host_watch(&host, 102, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "subscribe-3 types=transactions addresses=0B,0C" SETTINGS,
				"and it stays out");
	toncenter_refuse(&host, 0, 3, "invalid address: EQnot-an-address");
	host_expect(&host, "watch 102 error (invalid address: EQnot-a)",
				"words about something unknown are shown");
	host_pass(&host, 14000);
	host_expect(&host, "", "and the request is not repeated");
	host_unwatch(&host, ACCOUNT("0C"));
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions addresses=0B" SETTINGS,
				"until something changes");
	toncenter_answer(&host, 0, 4);
	host_watch(&host, 103, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "subscribe-5 types=transactions addresses=0B,0A" SETTINGS,
				"or is wanted anew");
	host_free(&host);
}

static void
test_bad_topic(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_subscribe(&host, 2, "actions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	toncenter_forget(&host);
	toncenter_refuse(&host, 0, 1, "invalid event type: actions");
	host_expect(&host, "subscribe-2 types=transactions addresses=0A" SETTINGS
				"; subscription 2 error (invalid event type: acti)",
				"a topic that the server does not know is left out");
	toncenter_answer(&host, 0, 2);
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
		Host		host = toncenter_start(NULL, "{}", NULL);
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
		toncenter_forget(&host);
		toncenter_say(&host, 0, json_object_to_json_string(error));
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
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	toncenter_say(&host, 0, "{\"error\":\"types are required\"}");
	toncenter_say(&host, 7, "{\"error\":\"types are required\"}");
	toncenter_say(&host, -1, "{\"status\":\"subscribed\"}");
	host_expect(&host, "open; subscription 1 pending",
				"what comes unasked says nothing");
	host_open(&host);
	toncenter_answer(&host, 0, 1);
	toncenter_forget(&host);
	toncenter_say(&host, 0, "{\"id\":\"9\",\"error\":\"unknown operation: listen\"}");
	toncenter_answer(&host, 0, 1);
	host_expect(&host, "", "nor does what comes late");
	host_free(&host);
}

/* ---------- limits ---------- */

static void
test_limits(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 1; i <= 25; i++)
		host_watch(&host, 100 + i, toncenter_numbered(i));
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending;"
				" subscribe-1 types=transactions addresses=(25)" SETTINGS,
				"all addresses go to the first connection");
	toncenter_refuse(&host, 0, 1,
					 "address limit exceeded: current 0 + new 25 > max 10");
	host_expect(&host, "watch 121 over limit (address limit exceeded: );"
				" watch 122 over limit (address limit exceeded: );"
				" watch 123 over limit (address limit exceeded: );"
				" watch 124 over limit (address limit exceeded: );"
				" watch 125 over limit (address limit exceeded: );"
				" subscribe-2 types=transactions addresses=(10)" SETTINGS
				"; open 1",
				"what is too much goes to a second, and the rest waits");
	toncenter_answer(&host, 0, 2);
	host_open_link(&host, 1);
	host_expect(&host, "subscription 1 active;"
				" subscribe-3 types=transactions addresses=(10)" SETTINGS
				"; 10 watch states", "both are served");
	toncenter_answer(&host, 1, 3);
	host_expect(&host, "10 watch states", "and told");

	host_unwatch(&host, toncenter_numbered(3));
	host_sync(&host);
	host_expect(&host, "subscribe-4 types=transactions addresses=(10)" SETTINGS,
				"one that leaves makes room for another");
	toncenter_answer(&host, 0, 4);
	host_expect(&host, "watch 121 active", "which is active then");
	host_watch(&host, 200, toncenter_numbered(99));
	host_sync(&host);
	host_expect(&host, "watch 200 over limit (address limit exceeded: )",
				"a new one has to wait");
	for (int i = 11; i <= 20; i++)
		host_unwatch(&host, toncenter_numbered(i));
	for (int i = 22; i <= 25; i++)
		host_unwatch(&host, toncenter_numbered(i));
	host_unwatch(&host, toncenter_numbered(99));
	host_sync(&host);
	host_expect(&host, "close 1", "a connection without addresses is closed");
	host_free(&host);
}

/* Losing one of several connections. */
static void
test_two_links(void)
{
	Host		host = toncenter_start(NULL, "{\"max_connections\":3}", NULL);
	CsClosure	lost = {.was_open = true, .reason = "lost"};

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 1; i <= 3; i++)
		host_watch(&host, 100 + i, toncenter_numbered(i));
	host_sync(&host);
	host_open(&host);
	toncenter_refuse(&host, 0, 1, "address limit exceeded: current 0 + new 3 > max 1");
	host_open_link(&host, 1);
	host_open_link(&host, 2);
	toncenter_answer(&host, 0, 2);
	toncenter_answer(&host, 1, 3);
	toncenter_answer(&host, 2, 4);
	toncenter_forget(&host);
	host_close_link(&host, 1, &lost);
	host_expect(&host, "watch 102 pending", "what it served is told");
	host_open_link(&host, 1);
	toncenter_answer(&host, 1, 5);
	host_expect(&host, "subscribe-5 types=transactions addresses=02" SETTINGS
				"; watch 102 active", "and served again");

	toncenter_say(&host, 2, "{\"error\":\"connection limit reached: 2 active connections\"}");
	host_expect(&host, "reset 2", "a connection too many is given up");
	host_close_link(&host, 2, &lost);
	host_expect(&host, "watch 103 pending", "its addresses are not served");
	host_open_link(&host, 2);
	toncenter_say(&host, 2, "{\"error\":\"connection limit reached: 2 active connections\"}");
	host_expect(&host, "subscribe-6 types=transactions addresses=03" SETTINGS
				"; reset 2; watch 103 over limit (connection limit reached)",
				"for as long as the server says so");
	host_close_link(&host, 2, &lost);
	host_expect(&host, "", "which stays so");
	host_open_link(&host, 2);
	toncenter_answer(&host, 2, 7);
	host_expect(&host, "subscribe-7 types=transactions addresses=03" SETTINGS
				"; watch 103 active", "until there is room");
	host_free(&host);
}

static void
test_no_room(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_open(&host);
	toncenter_forget(&host);
	toncenter_refuse(&host, 0, 1, "address limit exceeded: current 0 + new 1 > max 0");
	host_expect(&host, "watch 100 over limit (address limit exceeded: ); close;"
				" subscription 1 over limit (address limit exceeded: )",
				"a key that may watch nothing");
	host_free(&host);
}

/* Many states are told in parts. */
static void
test_many(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	for (int i = 0; i < 12000; i++)
		host_watch(&host, i + 1, toncenter_numbered(i));
	host_sync(&host);
	host_open(&host);
	toncenter_forget(&host);
	toncenter_answer(&host, 0, 1);
	host_expect(&host, "subscription 1 active; 5000 watch states",
				"states are told in parts");
	host_watch(&host, 20000, toncenter_numbered(20000));
	host_sync(&host);
	host_expect(&host, "5000 watch states", "before anything else");
	host_pass(&host, 1);
	host_expect(&host, "subscribe-2 types=transactions addresses=(12001)"
				SETTINGS "; 2000 watch states", "is asked");
	toncenter_answer(&host, 0, 2);
	host_expect(&host, "watch 20000 active", "and told");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = toncenter_start(NULL, "{}", NULL);

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
	Host		host = toncenter_start(NULL, "{\"action_types\":[\"jetton_transfer\"],"
									   "\"supported_action_types\":[\"latest\"]}",
									   NULL);
	struct json_object *ours;
	const CsAction *action;
	int			count = 0;

	host_subscribe(&host, 1, "actions", "{}");
	host_subscribe(&host, 2, "trace", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	toncenter_watch_trace(&host, 101, TRACE);
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
		Host		host = toncenter_start(round % 2 ? "sse" : NULL,
										   "{\"max_connections\":3}", NULL);
		CsHandshake handshake;

		host.print_request = NULL;
		for (int i = 0; i < 60; i++)
		{
			int			link;
			const char *address;

			random = random * 1103515245 + 12345;
			link = (int) (random >> 8) % 7;
			address = toncenter_numbered((int) (random >> 10) % 7);
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
					toncenter_say(&host, link, said[(random >> 20) % 6]);
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
	test_options();
	test_request_members();
	test_any_order();
	return tap_end();
}
