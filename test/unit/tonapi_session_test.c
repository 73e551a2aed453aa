/*-------------------------------------------------------------------------
 *
 * tonapi_session_test.c
 *	  Conversations of the TonAPI provider over WebSockets.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"
#include "tonapi_host.h"

/* ---------- WebSocket ---------- */

static void
test_ordinary(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_sync(&host);
	host_expect(&host, "", "without subscriptions there is no connection");
	host_subscribe(&host, 1, "account_transaction", "{}");
	host_sync(&host);
	host_expect(&host, "open; subscription 1 idle (waiting for a watched ad)",
				"without a watch list nothing is subscribed");
	host_open(&host);
	host_expect(&host, "", "nor when the link opens");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_expect(&host, "1 subscribe_account -1:5; subscription 1 pending",
				"a watched address is subscribed at once");
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_expect(&host, "", "one request at a time");
	tonapi_reply(&host, 1, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; 2 subscribe_account -1:3;"
				" subscription 1 active", "it is active when the server says so");
	tonapi_reply(&host, 1, "success! 1 new subscriptions created");
	host_expect(&host, "", "an answer counts once");
	tonapi_reply(&host, 2, "success! 1 new subscriptions created");
	host_expect(&host, "watch 101 active", "and the next");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");

	host_unwatch(&host, CONFIG);
	host_sync(&host);
	host_expect(&host, "3 unsubscribe_account -1:5",
				"an address that is unwatched is unsubscribed");
	host_watch(&host, 102, CONFIG);
	host_sync(&host);
	host_expect(&host, "watch 102 active",
				"until the answer it is still subscribed");
	tonapi_reply(&host, 3, "success! 1 subscription(s) removed");
	host_expect(&host, "watch 102 pending; 4 subscribe_account -1:5",
				"what is wanted again is subscribed again");
	tonapi_reply(&host, 4, "success! 1 new subscriptions created");
	host_expect(&host, "watch 102 active", "and active again");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "watch 101 pending (no subscription of this ); "
				"watch 102 pending (no subscription of this ); close",
				"without subscriptions the link is closed");
	host_free(&host);
}

/* All four topics, and what they ask for. */
static void
test_topics(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction",
				   "{\"operations\":[\"JettonTransfer\",\"0x0524c7ae\"]}");
	host_subscribe(&host, 2, "trace", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_subscribe(&host, 4, "block", "{\"workchain\":-1}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending; subscription 2 pending;"
				" subscription 3 pending; subscription 4 pending;"
				" 1 subscribe_block workchain=-1", "blocks first");
	tonapi_reply(&host, 1, "success! you have subscribed to blocks");
	host_expect(&host, "2 subscribe_mempool accounts=(1); subscription 4 active",
				"then messages");
	tonapi_reply(&host, 2, "success! you have subscribed to mempool");
	host_expect(&host, "3 subscribe_account -1:5;operations=JettonTransfer,0x0524c7ae;"
				" subscription 3 active", "then transactions, with operations");
	tonapi_reply(&host, 3, "success! 1 new subscriptions created");
	host_expect(&host, "4 subscribe_trace -1:5; subscription 1 active",
				"then traces");
	tonapi_reply(&host, 4, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; subscription 2 active",
				"a watch is active when all topics are");

	host_subscribe(&host, 4, "block", "{\"workchain\":0}");
	host_subscribe(&host, 1, "account_transaction", "{}");
	host_sync(&host);
	host_expect(&host, "5 subscribe_block workchain=0",
				"another filter of blocks replaces the first");
	tonapi_reply(&host, 5, "success! you have subscribed to blocks");
	host_expect(&host, "6 unsubscribe_mempool; 7 subscribe_mempool accounts=(1)",
				"so does a list of accounts, in two requests at once");
	tonapi_reply(&host, 6, "success! you have unsubscribed from mempool");
	host_expect(&host, "", "of which the second counts");
	tonapi_reply(&host, 7, "success! you have subscribed to mempool");
	host_expect(&host, "8 unsubscribe_account -1:5; 9 subscribe_account -1:5",
				"and other operations");
	tonapi_reply(&host, 8, "success! 1 subscription(s) removed");
	tonapi_reply(&host, 9, "success! 1 new subscriptions created");
	host_expect(&host, "", "nothing of which is news");

	cs_session_unsubscribe(host.session, 3);
	cs_session_unsubscribe(host.session, 4);
	host_sync(&host);
	host_expect(&host, "10 unsubscribe_block", "blocks are unsubscribed");
	tonapi_reply(&host, 10, "you are not subscribed to blocks");
	host_expect(&host, "11 unsubscribe_mempool",
				"that there are none is as good; then messages");
	tonapi_reply(&host, 11, "success! you have unsubscribed from mempool");
	host_expect(&host, "", "and that is all");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	host_expect(&host, "watch 100 error (everything cannot be had); open;"
				" subscription 1 error ('*' cannot be had over a); subscription 3 pending",
				"'*' cannot be had over a WebSocket");
	host_open(&host);
	host_expect(&host, "1 subscribe_mempool", "but of messages");
	tonapi_reply(&host, 1, "success! you have subscribed to mempool");
	host_expect(&host, "subscription 3 active", "which are active");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "watch 100 active", "without other topics '*' is as well");
	for (int i = 0; i < 2000; i++)
		host_watch(&host, 1000 + i, tonapi_numbered(i));
	host_sync(&host);
	host_expect(&host, "2000 watch states", "and every address, on one link");
	for (int i = 0; i < 2000; i++)
		host_unwatch(&host, tonapi_numbered(i));
	host_watch(&host, 101, CONFIG);
	host_sync(&host);
	host_expect(&host, "watch 101 active", "however many");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "2 unsubscribe_mempool; 3 subscribe_mempool accounts=(1)",
				"without '*' the list");
	tonapi_reply(&host, 3, "success! you have subscribed to mempool");
	host_expect(&host, "", "is as active");
	host_free(&host);
}

/* Answer the requests of a link until there are none; how many there were. */
static int
answer_all(Host *host, int link, int id)
{
	int			count = 0;

	for (;;)
	{
		char	   *actions;
		bool		more;

		tonapi_reply_on(host, link, id++, "success! 1 new subscriptions created");
		actions = host_actions(host);
		more = strstr(actions, "subscribe_account") != NULL;
		free(actions);
		count++;
		if (!more)
			return count;
	}
}

/* A thousand on a connection, a hundred in a request. */
static void
test_spreading(void)
{
	Host		host = tonapi_start(NULL, "{\"max_connections\":2}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 2500; i++)
		host_watch(&host, i, tonapi_numbered(i));
	host_sync(&host);
	host_expect(&host, "open; open 1; subscription 1 pending; 500 watch states",
				"a long list takes more connections, and some of it finds none");
	host_open_link(&host, 0);
	host_expect(&host, "1 subscribe_account (100)", "a hundred at a time");
	ok(answer_all(&host, 0, 1) == 10, "a thousand on the first");
	host_open_link(&host, 1);
	host_expect(&host, "11 subscribe_account (100)", "another connection");
	ok(answer_all(&host, 1, 11) == 10, "a thousand on the second");

	for (int i = 0; i < 2500; i += 2)
		host_unwatch(&host, tonapi_numbered(i));
	host_sync(&host);
	host_expect(&host, "21 unsubscribe_account (100); 22 unsubscribe_account (100)",
				"what is unwatched makes room");
	host_pass(&host, 1);
	host_expect(&host, "250 watch states",
				"for all that found none: pending again");
	ok(cs_session_next_tick(host.session) == host.now_ms + 9999,
	   "nothing more is due than the answers");
	host_free(&host);
}

/* The server names a limit, and what was refused goes elsewhere. */
static void
test_learned_limit(void)
{
	Host		host = tonapi_start(NULL, "{\"max_connections\":3}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 250; i++)
		host_watch(&host, i, tonapi_numbered(i));
	host_sync(&host);
	host_open_link(&host, 0);
	tonapi_reply(&host, 1, "success! 100 new subscriptions created");
	free(host_actions(&host));
	tonapi_reply(&host, 2, "you have reached the limit of 120 subscriptions");
	host_expect(&host, "3 subscribe_account (20); open 1; open 2",
				"the limit is learned, and more links are opened");
	tonapi_reply(&host, 3, "you have reached the limit of 120 subscriptions");
	host_expect(&host, "",
				"a limit that is less than it says is believed as well");
	host_open_link(&host, 1);
	host_expect(&host, "4 subscribe_account (100)", "what was refused goes elsewhere");
	host_free(&host);

	host = tonapi_start(NULL, "{\"max_connections\":1}", NULL);
	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_open_link(&host, 0);
	free(host_actions(&host));
	tonapi_reply(&host, 1, "you have reached the limit of 1 subscriptions");
	free(host_actions(&host));
	tonapi_reply(&host, 2, "success! 1 new subscriptions created");
	free(host_actions(&host));
	ok(cs_session_next_tick(host.session) == INT64_MAX,
	   "what is over the limit is not asked for again");
	host_close(&host);
	host_expect(&host, "", "that the only link is lost goes without saying");
	host_free(&host);
}

/* A bad address is found and left out, the rest goes on. */
static void
test_bad_address(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, TOLYA);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending; subscription 3 pending;"
				" 1 subscribe_mempool accounts=(2)", "two addresses");
	tonapi_reply(&host, 1, "failed to process params: can't decode address " TOLYA);
	host_expect(&host, "watch 101 error (the server does not acce);"
				" 2 subscribe_mempool accounts=(1)", "of which one is bad");
	tonapi_reply(&host, 2, "success! you have subscribed to mempool");
	host_expect(&host, "3 subscribe_account -1:5; subscription 3 active",
				"is left out everywhere");
	tonapi_reply(&host, 3, "failed to process '" CONFIG "' account: can't decode address " CONFIG);
	host_expect(&host, "watch 100 error (the server does not acce);"
				" 4 unsubscribe_mempool", "the other is bad, too");
	tonapi_reply(&host, 4, "success! you have unsubscribed from mempool");
	host_expect(&host, "subscription 3 pending", "and nothing is left");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "or asked again");
	host_free(&host);
}

/* ---------- the samples ---------- */

/* The text of a reply among the samples, a static buffer. */
static const char *
reply_text(const char *line, int *id, char method[64])
{
	static char text[256];
	struct json_object *reply = cs_json_parse_once(line, strlen(line), NULL);
	int64_t		number;

	if (!cs_json_integer(reply, "id", &number, NULL))
		bail_out("no id: %s", line);
	*id = (int) number;
	(void) snprintf(method, 64, "%s",
					cs_json_member_string(reply, "method").data);
	(void) snprintf(text, sizeof(text), "%s",
					cs_json_member_string(reply, "result").data);
	json_object_put(reply);
	return text;
}

/*
 * A session whose request that is not answered is of this method; its number,
 * and the request itself.
 */
static Host
await_method(const char *method, int *id, char **request)
{
	Host		host = tonapi_start(NULL, "{}", NULL);
	bool		ends = strncmp(method, "unsubscribe", 11) == 0;
	const char *topic = strstr(method, "_account") ? "account_transaction" :
		strstr(method, "_trace") ? "trace" :
		strstr(method, "_mempool") ? "mempool_message" : "block";

	*id = 1;
	host_subscribe(&host, 1, topic, "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_open(&host);
	*request = host_actions(&host);
	if (ends)
	{
		free(*request);
		tonapi_reply(&host, (*id)++, "success!");
		free(host_actions(&host));
		cs_session_unsubscribe(host.session, 1);
		host_subscribe(&host, 2, strcmp(topic, "trace") == 0 ? "block" : "trace",
					   "{}");
		host_sync(&host);
		*request = host_actions(&host);
		if (strcmp(topic, "trace") == 0)
		{
			/* blocks come first */
			free(*request);
			tonapi_reply(&host, (*id)++, "success!");
			*request = host_actions(&host);
		}
	}
	return host;
}

/* Every reply of the samples is understood as what it says. */
static void
test_sample_replies(const char *name, bool success)
{
	char		path[128];
	size_t		length;
	char	   *file;
	char	   *at;
	char	   *line;

	(void) snprintf(path, sizeof(path), "test/samples/tonapi/%s.jsonl", name);
	file = at = read_whole_file(path, &length);
	while ((line = next_line(&at)) != NULL)
	{
		char		method[64];
		int			sample_id;
		int			id;
		const char *text = reply_text(line, &sample_id, method);
		char	   *actions;
		Host		host = await_method(method, &id, &actions);

		free(actions);
		tonapi_reply(&host, id, text);
		actions = host_actions(&host);
		if (strncmp(method, "unsubscribe", 11) == 0)
			ok(strstr(actions, "error") == NULL, "%s: %s", text, actions);
		else if (success)
			ok(strstr(actions, "subscription 1 active") != NULL, "%s: %s",
			   text, actions);
		else
			ok(strstr(actions, "subscription 1 error") != NULL ||
			   strcmp(actions, "open 1") == 0 ||	/* there may be room */
			   strstr(actions, "watch 100 error") != NULL ||
			   strstr(actions, "unsubscribe_mempool; ") != NULL, "%s: %s",
			   text[0] ? text : "(empty)", actions);
		free(actions);
		host_free(&host);
	}
	free(file);
}

/*
 * The requests of the samples have the form that ours are checked for, and
 * ours are of the same methods.
 */
static void
test_sample_requests(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/tonapi/ws-client-requests.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *object = cs_json_parse_once(line, strlen(line), NULL);
		CsText		method = cs_json_member_string(object, "method");
		char	   *request;
		char	   *text;
		int			id;
		FILE	   *memory = open_memstream(&text, &length);
		Host		host = await_method(method.data, &id, &request);

		tonapi_print_request(memory, (CsText) {line, strlen(line)});
		(void) fclose(memory);
		ok(strstr(request, method.data) != NULL, "%s is asked for as well: %s",
		   text, request);
		free(text);
		free(request);
		json_object_put(object);
		host_free(&host);
		count++;
	}
	ok(count == 11, "eleven requests");
	free(file);
}

/* The session of the samples, as one peer would have it. */
static void
test_sample_session(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/tonapi/ws-session.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	Host		host = tonapi_start(NULL, "{}", NULL);
	static const char *const topics[] = {"account_transaction", "trace",
		"mempool_message", "block"};
	size_t		rows = 0;

	for (int i = 0; i < 4; i++)
		host_subscribe(&host, i + 1, topics[i], "{}");
	host_watch(&host, 100,
			   "0:623D1FBE2220BB6E1076473D548EF250A1B6AAEA35BCE50F2FE99C31AF6169A8");
	host_watch(&host, 101,
			   "0:DEAAE6518A11FD24C1DA9C53AD38AEDD35F4A66D1BEF4F1E3081472D9276A920");
	host_sync(&host);
	host_open(&host);
	while ((line = next_line(&at)) != NULL)
	{
		CsError		error = {0};

		ok(host_message(&host, 0, line, &error), "understood: %.60s %s", line,
		   error.message);
		rows += cs_output_record_count(host.output);
		cs_output_reset(host.output);
	}

	/* Two transactions of the first, a message to the second, two blocks. */
	ok(rows == 5, "five rows");
	host_free(&host);
	free(file);
}

/* ---------- silence, loss, refusal ---------- */

static void
test_silence(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_open(&host);
	free(host_actions(&host));
	host_pass(&host, 9999);
	host_expect(&host, "", "an answer may take its time");
	host_pass(&host, 1);
	host_expect(&host, "reset; subscription 1 pending (no answer for 10 s: conn)",
				"without one the conversation is over");
	host_watch(&host, 101, TOLYA);
	host_sync(&host);
	host_expect(&host, "", "and nothing more is said");
	host_close(&host);
	host_open(&host);
	host_expect(&host, "subscription 1 pending (no answer for 10 s: conn);"
				" 2 subscribe_account (2); subscription 1 pending",
				"everything is asked for again");
	tonapi_reply(&host, 2, "success! 2 new subscriptions created");
	host_expect(&host, "watch 100 active; watch 101 active; subscription 1 active",
				"and answered");
	host_free(&host);
}

/* Of two links one is lost. */
static void
test_loss(void)
{
	Host		host = tonapi_start(NULL, "{\"accounts_per_connection\":1}", NULL);
	CsClosure	lost = {.was_open = true, .reason = "lost"};
	CsClosure	refused = {.http_status = 429, .reason = "HTTP status 429"};
	CsClosure	forbidden = {.http_status = 401, .reason = "HTTP status 401"};

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_open_link(&host, 0);
	host_open_link(&host, 1);
	tonapi_reply_on(&host, 0, 1, "success! 1 new subscriptions created");
	tonapi_reply_on(&host, 1, 2, "success! 1 new subscriptions created");
	host_expect(&host, "open; open 1; subscription 1 pending;"
				" 1 subscribe_account -1:5; 2 subscribe_account -1:3;"
				" watch 100 active; subscription 1 active; watch 101 active",
				"a connection for each");
	host_close_link(&host, 1, &lost);
	host_expect(&host, "watch 101 pending", "what was on the lost one is pending");
	host_close_link(&host, 1, &refused);
	host_expect(&host, "", "while that is refused nothing else is");
	host_open_link(&host, 1);
	tonapi_reply_on(&host, 1, 3, "success! 1 new subscriptions created");
	host_expect(&host, "3 subscribe_account -1:3; watch 101 active",
				"until it is back");
	host_close_link(&host, 0, &lost);
	host_close_link(&host, 1, &lost);
	host_expect(&host, "watch 100 pending; watch 101 pending", "both are lost");
	host_close_link(&host, 0, &forbidden);
	host_expect(&host, "subscription 1 error (HTTP status 401)",
				"a refusal for good is an error");
	host_close_link(&host, 0, &refused);
	host_expect(&host, "subscription 1 pending (HTTP status 429)",
				"another is not");
	host_open_link(&host, 0);
	tonapi_reply_on(&host, 0, 4, "success! 1 new subscriptions created");
	host_expect(&host, "4 subscribe_account -1:5; subscription 1 pending;"
				" watch 100 active; subscription 1 active", "and it is back");
	host_free(&host);
}

/* A topic that the server does not have does not disturb the others. */
static void
test_refused_topic(void)
{
	Host		host = tonapi_start(NULL, "{}", NULL);

	host_subscribe(&host, 2, "trace", "{}");
	host_subscribe(&host, 4, "block", "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_open(&host);
	tonapi_reply(&host, 1, "block source is not configured");
	host_expect(&host, "open; subscription 2 pending; subscription 4 pending;"
				" 1 subscribe_block; 2 subscribe_trace -1:5;"
				" subscription 4 error (block source is not conf)",
				"one topic is refused");
	tonapi_reply(&host, 2, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; subscription 2 active", "the other is not");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "it is not asked for again");
	host_close(&host);
	host_open(&host);
	host_expect(&host, "subscription 4 error (block source is not conf);"
				" 3 subscribe_block; subscription 4 pending",
				"but on the next connection");
	host_free(&host);
}

/* ---------- options and arguments ---------- */

static void
expect_options(const char *options, const char *expected)
{
	CsError		error = {0};

	(void) cs_provider_check_options(cs_provider_find("tonapi"), options, &error);
	is(error.message, expected, options);
}

static void
expect_arguments(const char *topic, const char *arguments, const char *expected)
{
	const CsProvider *provider = cs_provider_find("tonapi");
	CsError		error = {0};

	(void) provider->check_arguments(cs_provider_topic(provider, topic), NULL,
									 arguments, &error);
	is(error.message, expected, arguments);
}

static void
test_checks(void)
{
	CsSourceConfig config = {.name = "x", .options = "{\"strategy\":\"all\"}"};
	CsError		error;

	expect_options("{\"token_in\":\"query\",\"strategy\":\"lists\"}", "");
	expect_options("{\"token_in\":\"body\"}",
				   "option \"token_in\" must be \"header\" or \"query\"");
	expect_options("{\"strategy\":\"some\"}",
				   "option \"strategy\" must be \"lists\" or \"all\"");
	expect_options("{\"max_connections\":0}",
				   "option \"max_connections\" must be between 1 and 100");
	expect_options("{\"accounts_per_connection\":5001}",
				   "option \"accounts_per_connection\" must be between 1 and 5000");
	expect_options("{\"enrich_per_second\":101}",
				   "option \"enrich_per_second\" must be between 1 and 100");
	expect_options("{\"enrich\":1}", "option \"enrich\" must be true or false");
	ok(cs_session_create(cs_provider_find("tonapi"), &config, &error) == NULL &&
	   strcmp(error.message, "option \"strategy\" cannot be \"all\" with transport \"websocket\"") == 0,
	   "%s", error.message);

	expect_arguments("account_transaction", "{\"operations\":[\"StonfiSwap\"]}", "");
	expect_arguments("account_transaction", "{\"operations\":[]}",
					 "argument \"operations\" is empty");
	expect_arguments("account_transaction", "{\"operations\":[\"a;b\"]}",
					 "invalid operation \"a;b\"");
	expect_arguments("account_transaction", "{\"operations\":[\"0x0524C7AE\"]}",
					 "invalid operation \"0x0524C7AE\"");
	expect_arguments("account_transaction", "{\"operations\":[\"\"]}",
					 "invalid operation \"\"");
	expect_arguments("account_transaction", "{\"accounts\":[\"x\"]}",
					 "argument \"accounts\" is not given here");
	expect_arguments("trace", "{\"operations\":[\"x\"]}",
					 "unrecognized argument \"operations\"");
	expect_arguments("block", "{\"workchain\":-1}", "");
	expect_arguments("block", "{\"workchain\":1}", "there is no workchain 1");
	expect_arguments("block", "{\"workchain\":\"0\"}",
					 "argument \"workchain\" must be an integer");
}

int
main(void)
{
	test_ordinary();
	test_topics();
	test_everything();
	test_spreading();
	test_learned_limit();
	test_bad_address();
	test_sample_requests();
	test_sample_replies("ws-replies", true);
	test_sample_replies("ws-error-replies", false);
	test_sample_session();
	test_silence();
	test_loss();
	test_refused_topic();
	test_checks();
	return tap_end();
}
