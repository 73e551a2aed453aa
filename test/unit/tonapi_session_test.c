/*-------------------------------------------------------------------------
 *
 * tonapi_session_test.c
 *	  Conversations of the TonAPI provider with a server.
 *
 * What is wished, what time it is and what the server says go in; requests,
 * links and states come out, as lines of text.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "host.h"
#include "provider/json.h"
#include "tap.h"

/* Accounts of the samples. */
#define CONFIG \
	"-1:5555555555555555555555555555555555555555555555555555555555555555"
#define ELECTOR \
	"-1:3333333333333333333333333333333333333333333333333333333333333333"
#define TOLYA \
	"0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"

#define HASH "e58cd7ffbbe68332d6ea082c5e91da3e88568c3891bccf552d3f8b4659d5c8ea"
#define WALLET \
	"0:5C6A0DADAF3BB47D408349D06152C3D14CB3A18810E0C29A1287857A677ADE70"

/* The address whose hash is this number; overwritten by the next. */
static const char *
numbered(int number)
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
static void
print_request(FILE *file, CsText text)
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

static Host
start(const char *transport, const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .transport = transport,
							 .options = options, .token = token};
	Host		host = host_start("tonapi", &config);

	host.print_request = print_request;
	return host;
}

/* A reply of the server. */
static void
reply_on(Host *host, int link, int id, const char *result)
{
	char		text[400];
	CsError		error;

	(void) snprintf(text, sizeof(text),
					"{\"id\":%d,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"result\":\"%s\"}\n",
					id, result);
	if (!host_message(host, link, text, &error))
		bail_out("rejected: %s", error.message);
}

static void
reply(Host *host, int id, const char *result)
{
	reply_on(host, 0, id, result);
}

/* ---------- WebSocket ---------- */

static void
test_ordinary(void)
{
	Host		host = start(NULL, "{}", NULL);

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
	reply(&host, 1, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; 2 subscribe_account -1:3;"
				" subscription 1 active", "it is active when the server says so");
	reply(&host, 1, "success! 1 new subscriptions created");
	host_expect(&host, "", "an answer counts once");
	reply(&host, 2, "success! 1 new subscriptions created");
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
	reply(&host, 3, "success! 1 subscription(s) removed");
	host_expect(&host, "watch 102 pending; 4 subscribe_account -1:5",
				"what is wanted again is subscribed again");
	reply(&host, 4, "success! 1 new subscriptions created");
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
	Host		host = start(NULL, "{}", NULL);

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
	reply(&host, 1, "success! you have subscribed to blocks");
	host_expect(&host, "2 subscribe_mempool accounts=(1); subscription 4 active",
				"then messages");
	reply(&host, 2, "success! you have subscribed to mempool");
	host_expect(&host, "3 subscribe_account -1:5;operations=JettonTransfer,0x0524c7ae;"
				" subscription 3 active", "then transactions, with operations");
	reply(&host, 3, "success! 1 new subscriptions created");
	host_expect(&host, "4 subscribe_trace -1:5; subscription 1 active",
				"then traces");
	reply(&host, 4, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; subscription 2 active",
				"a watch is active when all topics are");

	host_subscribe(&host, 4, "block", "{\"workchain\":0}");
	host_subscribe(&host, 1, "account_transaction", "{}");
	host_sync(&host);
	host_expect(&host, "5 subscribe_block workchain=0",
				"another filter of blocks replaces the first");
	reply(&host, 5, "success! you have subscribed to blocks");
	host_expect(&host, "6 unsubscribe_mempool; 7 subscribe_mempool accounts=(1)",
				"so does a list of accounts, in two requests at once");
	reply(&host, 6, "success! you have unsubscribed from mempool");
	host_expect(&host, "", "of which the second counts");
	reply(&host, 7, "success! you have subscribed to mempool");
	host_expect(&host, "8 unsubscribe_account -1:5; 9 subscribe_account -1:5",
				"and other operations");
	reply(&host, 8, "success! 1 subscription(s) removed");
	reply(&host, 9, "success! 1 new subscriptions created");
	host_expect(&host, "", "nothing of which is news");

	cs_session_unsubscribe(host.session, 3);
	cs_session_unsubscribe(host.session, 4);
	host_sync(&host);
	host_expect(&host, "10 unsubscribe_block", "blocks are unsubscribed");
	reply(&host, 10, "you are not subscribed to blocks");
	host_expect(&host, "11 unsubscribe_mempool",
				"that there are none is as good; then messages");
	reply(&host, 11, "success! you have unsubscribed from mempool");
	host_expect(&host, "", "and that is all");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	host_expect(&host, "watch 100 error (everything cannot be had); open;"
				" subscription 1 error ('*' cannot be had over a); subscription 3 pending",
				"'*' cannot be had over a WebSocket");
	host_open(&host);
	host_expect(&host, "1 subscribe_mempool", "but of messages");
	reply(&host, 1, "success! you have subscribed to mempool");
	host_expect(&host, "subscription 3 active", "which are active");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "watch 100 active", "without other topics '*' is as well");
	for (int i = 0; i < 2000; i++)
		host_watch(&host, 1000 + i, numbered(i));
	host_sync(&host);
	host_expect(&host, "2000 watch states", "and every address, on one link");
	for (int i = 0; i < 2000; i++)
		host_unwatch(&host, numbered(i));
	host_watch(&host, 101, CONFIG);
	host_sync(&host);
	host_expect(&host, "watch 101 active", "however many");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "2 unsubscribe_mempool; 3 subscribe_mempool accounts=(1)",
				"without '*' the list");
	reply(&host, 3, "success! you have subscribed to mempool");
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

		reply_on(host, link, id++, "success! 1 new subscriptions created");
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
	Host		host = start(NULL, "{\"max_connections\":2}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 2500; i++)
		host_watch(&host, i, numbered(i));
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
		host_unwatch(&host, numbered(i));
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
	Host		host = start(NULL, "{\"max_connections\":3}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 250; i++)
		host_watch(&host, i, numbered(i));
	host_sync(&host);
	host_open_link(&host, 0);
	reply(&host, 1, "success! 100 new subscriptions created");
	free(host_actions(&host));
	reply(&host, 2, "you have reached the limit of 120 subscriptions");
	host_expect(&host, "3 subscribe_account (20); open 1; open 2",
				"the limit is learned, and more links are opened");
	reply(&host, 3, "you have reached the limit of 120 subscriptions");
	host_expect(&host, "",
				"a limit that is less than it says is believed as well");
	host_open_link(&host, 1);
	host_expect(&host, "4 subscribe_account (100)", "what was refused goes elsewhere");
	host_free(&host);

	host = start(NULL, "{\"max_connections\":1}", NULL);
	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_open_link(&host, 0);
	free(host_actions(&host));
	reply(&host, 1, "you have reached the limit of 1 subscriptions");
	free(host_actions(&host));
	reply(&host, 2, "success! 1 new subscriptions created");
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
	Host		host = start(NULL, "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, TOLYA);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 pending; subscription 3 pending;"
				" 1 subscribe_mempool accounts=(2)", "two addresses");
	reply(&host, 1, "failed to process params: can't decode address " TOLYA);
	host_expect(&host, "watch 101 error (the server does not acce);"
				" 2 subscribe_mempool accounts=(1)", "of which one is bad");
	reply(&host, 2, "success! you have subscribed to mempool");
	host_expect(&host, "3 subscribe_account -1:5; subscription 3 active",
				"is left out everywhere");
	reply(&host, 3, "failed to process '" CONFIG "' account: can't decode address " CONFIG);
	host_expect(&host, "watch 100 error (the server does not acce);"
				" 4 unsubscribe_mempool", "the other is bad, too");
	reply(&host, 4, "success! you have unsubscribed from mempool");
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
	Host		host = start(NULL, "{}", NULL);
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
		reply(&host, (*id)++, "success!");
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
			reply(&host, (*id)++, "success!");
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
		reply(&host, id, text);
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

		print_request(memory, (CsText) {line, strlen(line)});
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
	Host		host = start(NULL, "{}", NULL);
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
	Host		host = start(NULL, "{}", NULL);

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
	reply(&host, 2, "success! 2 new subscriptions created");
	host_expect(&host, "watch 100 active; watch 101 active; subscription 1 active",
				"and answered");
	host_free(&host);
}

/* Of two links one is lost. */
static void
test_loss(void)
{
	Host		host = start(NULL, "{\"accounts_per_connection\":1}", NULL);
	CsClosure	lost = {.was_open = true, .reason = "lost"};
	CsClosure	refused = {.http_status = 429, .reason = "HTTP status 429"};
	CsClosure	forbidden = {.http_status = 401, .reason = "HTTP status 401"};

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_open_link(&host, 0);
	host_open_link(&host, 1);
	reply_on(&host, 0, 1, "success! 1 new subscriptions created");
	reply_on(&host, 1, 2, "success! 1 new subscriptions created");
	host_expect(&host, "open; open 1; subscription 1 pending;"
				" 1 subscribe_account -1:5; 2 subscribe_account -1:3;"
				" watch 100 active; subscription 1 active; watch 101 active",
				"a connection for each");
	host_close_link(&host, 1, &lost);
	host_expect(&host, "watch 101 pending", "what was on the lost one is pending");
	host_close_link(&host, 1, &refused);
	host_expect(&host, "", "while that is refused nothing else is");
	host_open_link(&host, 1);
	reply_on(&host, 1, 3, "success! 1 new subscriptions created");
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
	reply_on(&host, 0, 4, "success! 1 new subscriptions created");
	host_expect(&host, "4 subscribe_account -1:5; subscription 1 pending;"
				" watch 100 active; subscription 1 active", "and it is back");
	host_free(&host);
}

/* A topic that the server does not have does not disturb the others. */
static void
test_refused_topic(void)
{
	Host		host = start(NULL, "{}", NULL);

	host_subscribe(&host, 2, "trace", "{}");
	host_subscribe(&host, 4, "block", "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_open(&host);
	reply(&host, 1, "block source is not configured");
	host_expect(&host, "open; subscription 2 pending; subscription 4 pending;"
				" 1 subscribe_block; 2 subscribe_trace -1:5;"
				" subscription 4 error (block source is not conf)",
				"one topic is refused");
	reply(&host, 2, "success! 1 new subscriptions created");
	host_expect(&host, "watch 100 active; subscription 2 active", "the other is not");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "it is not asked for again");
	host_close(&host);
	host_open(&host);
	host_expect(&host, "subscription 4 error (block source is not conf);"
				" 3 subscribe_block; subscription 4 pending",
				"but on the next connection");
	host_free(&host);
}

/* ---------- event streams ---------- */

/* The URL of a link. */
static void
expect_url(Host *host, int link, const char *url, const char *expected,
		   const char *name)
{
	CsHandshake handshake;

	if (!cs_session_handshake(host->session, link, url, &handshake,
							  host->output))
		bail_out("out of memory");
	is(handshake.url, expected, name);
	ok(handshake.stream == CS_STREAM_EVENTS &&
	   handshake.idle_timeout_ms == 20000, "which is a stream");
}

/* Dial a link and have it opened, as the host does. */
static void
dial(Host *host, int link)
{
	CsHandshake handshake;

	if (!cs_session_handshake(host->session, link, "https://tonapi.io",
							  &handshake, host->output))
		bail_out("out of memory");
	if (strlen(strstr(handshake.url, "/v2/")) > 2000)
		bail_out("a URL that is too long: %s", handshake.url);
	host_open_link(host, link);
}

static void
test_streams(void)
{
	Host		host = start("sse", "{}", NULL);
	CsClosure	lost = {.was_open = true, .reason = "lost"};

	host_subscribe(&host, 1, "account_transaction",
				   "{\"operations\":[\"JettonTransfer\",\"0x0524c7ae\"]}");
	host_subscribe(&host, 2, "trace", "{}");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_subscribe(&host, 4, "block", "{\"workchain\":-1}");
	host_sync(&host);
	host_expect(&host, "open; subscription 1 idle (waiting for a watched ad);"
				" subscription 2 idle (waiting for a watched ad);"
				" subscription 3 idle (waiting for a watched ad);"
				" subscription 4 pending", "without a watch list only blocks");
	expect_url(&host, 0, "https://tonapi.io",
			   "https://tonapi.io/v2/sse/blocks?workchain=-1", "of blocks");
	host_open(&host);
	host_expect(&host, "subscription 4 active", "are active when the stream is open");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	host_expect(&host, "open 1; open 2; open 3; subscription 1 pending;"
				" subscription 2 pending; subscription 3 pending",
				"a stream for each topic");
	expect_url(&host, 1, "https://tonapi.io/some/path?x=y",
			   "https://tonapi.io/v2/sse/accounts/transactions?accounts=" CONFIG
			   "&operations=JettonTransfer,0x0524c7ae", "of transactions");
	expect_url(&host, 2, "http://[::1]:8080/",
			   "http://[::1]:8080/v2/sse/accounts/traces?accounts=" CONFIG,
			   "of traces");
	expect_url(&host, 3, "https://tonapi.io",
			   "https://tonapi.io/v2/sse/mempool?accounts=" CONFIG, "of messages");
	host_open_link(&host, 1);
	host_open_link(&host, 2);
	host_expect(&host, "subscription 1 active; subscription 2 active",
				"topics are active one by one");
	host_open_link(&host, 3);
	host_expect(&host, "watch 100 active; subscription 3 active",
				"a watch when all are");
	host_close_link(&host, 2, &lost);
	host_expect(&host, "watch 100 pending; subscription 2 pending",
				"one is lost");
	dial(&host, 2);
	host_expect(&host, "watch 100 active; subscription 2 active", "and back");
	cs_session_unsubscribe(host.session, 1);
	cs_session_unsubscribe(host.session, 2);
	cs_session_unsubscribe(host.session, 4);
	host_sync(&host);
	host_expect(&host, "close; close 1; close 2", "streams end with their topics");
	host_free(&host);
}

/* The list changes: another stream takes over. */
static void
test_changed_list(void)
{
	Host		host = start("sse", "{}", NULL);
	CsClosure	refused = {.http_status = 429, .reason = "HTTP status 429"};

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	dial(&host, 0);
	host_expect(&host, "open; subscription 1 pending; watch 100 active;"
				" subscription 1 active", "a stream");
	host_watch(&host, 101, ELECTOR);
	host_sync(&host);
	host_pass(&host, 100);
	host_watch(&host, 102, TOLYA);
	host_sync(&host);
	host_expect(&host, "", "changes are collected");
	host_pass(&host, 100);
	host_expect(&host, "open 1", "and then a second stream is opened");
	dial(&host, 1);
	host_expect(&host, "watch 101 active; watch 102 active", "which takes over");
	host_pass(&host, 1999);
	host_expect(&host, "", "the first is read for another moment");
	host_pass(&host, 1);
	host_expect(&host, "close", "and then closed");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "that is all");
	host_close_link(&host, 0, &(CsClosure) {.was_open = true, .reason = ""});
	host_expect(&host, "", "the end of the first is no news");

	host_unwatch(&host, CONFIG);
	host_sync(&host);
	host_pass(&host, 200);
	host_expect(&host, "open 2", "a shorter list, too");
	host_watch(&host, 103, CONFIG);
	dial(&host, 2);
	host_expect(&host, "", "what is added meanwhile");
	host_pass(&host, 200);
	host_expect(&host, "open 3", "needs another");
	for (int i = 0; i < 5; i++)
		host_close_link(&host, 3, &refused);
	host_expect(&host, "", "which may be refused while there is one more");
	host_close_link(&host, 1, &(CsClosure) {.was_open = true, .reason = "lost"});
	host_expect(&host, "close 1", "one that ends while it is read is not wanted again");
	for (int i = 0; i < 2; i++)
		host_close_link(&host, 3, &refused);
	host_expect(&host, "", "if that is refused the old one stays");
	host_close_link(&host, 3, &refused);
	host_expect(&host, "close 2; subscription 1 pending (HTTP status 429)",
				"but not for ever: it may be in the way");
	dial(&host, 3);
	host_expect(&host, "watch 101 active; watch 102 active; watch 103 active;"
				" subscription 1 active", "of the new one");
	host_free(&host);
}

static void
test_stream_limits(void)
{
	Host		host = start("sse", "{\"max_connections\":4}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 4, "block", "{}");
	for (int i = 0; i < 100; i++)
		host_watch(&host, i, numbered(i));
	host_sync(&host);
	host_expect(&host, "open; open 1; open 2; open 3; subscription 1 pending;"
				" subscription 4 pending; 16 watch states",
				"a URL takes 28 addresses, and what is too much is told");
	for (int i = 0; i < 4; i++)
		dial(&host, i);
	host_expect(&host, "subscription 4 active; subscription 1 active; 84 watch states",
				"the others are active");
	cs_session_unsubscribe(host.session, 4);
	host_sync(&host);
	host_expect(&host, "close; open 4; 16 watch states",
				"a topic less is a connection more");
	host_free(&host);

	host = start("sse", "{\"strategy\":\"all\",\"max_connections\":1}", NULL);
	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 100; i++)
		host_watch(&host, i, numbered(i));
	host_sync(&host);
	host_expect(&host, "open; subscription 1 pending", "if all is taken");
	expect_url(&host, 0, "https://tonapi.io",
			   "https://tonapi.io/v2/sse/accounts/transactions?accounts=ALL",
			   "with one URL");
	host_open(&host);
	host_expect(&host, "subscription 1 active; 100 watch states",
				"there is no limit");
	host_watch(&host, 200, TOLYA);
	host_sync(&host);
	host_expect(&host, "watch 200 active", "and a new address is active at once");
	host_free(&host);
}

/* '*' comes and goes. */
static void
test_stream_everything(void)
{
	Host		host = start("sse", "{}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, CONFIG);
	host_sync(&host);
	dial(&host, 0);
	free(host_actions(&host));
	host_watch(&host, 101, "*");
	host_sync(&host);
	host_expect(&host, "open 1", "everything is another stream");
	dial(&host, 1);
	host_expect(&host, "watch 101 active",
				"which replaces the list when it is live");
	host_pass(&host, 2000);
	host_expect(&host, "close", "and has been for a moment");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "watch 100 pending; open 2", "the list comes back");
	dial(&host, 2);
	host_expect(&host, "watch 100 active", "and then everything ends");
	host_pass(&host, 2000);
	host_expect(&host, "close 1", "in a moment");
	host_unwatch(&host, CONFIG);
	host_sync(&host);
	host_expect(&host, "close 2; subscription 1 idle (waiting for a watched ad)",
				"with an empty list nothing is taken");
	host_free(&host);
}

/* What the status says of the samples' refusals. */
static void
test_refusals(void)
{
	size_t		length;
	char	   *file = read_whole_file("test/samples/tonapi/http-errors.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *object = cs_json_parse_once(line, strlen(line), NULL);
		struct json_object *http = cs_json_object(object, "_http");
		CsText		path = cs_json_member_string(http, "path");
		bool		stream = strstr(path.data, "/sse/") != NULL;
		Host		host = start(stream ? "sse" : NULL, "{}", NULL);
		int64_t		status;
		char		reason[64];
		char	   *actions;
		bool		lasting;

		(void) cs_json_integer(http, "status", &status, NULL);
		lasting = status < 429 && status != 0;
		(void) snprintf(reason, sizeof(reason), "HTTP status %d", (int) status);
		host_subscribe(&host, 1, "account_transaction", "{}");
		host_watch(&host, 100, CONFIG);
		host_sync(&host);
		free(host_actions(&host));
		host_close_link(&host, 0, &(CsClosure) {.http_status = (int) status,
						.reason = reason});
		actions = host_actions(&host);
		ok(strstr(actions, lasting ? "subscription 1 error (HTTP status" :
				  "subscription 1 pending (HTTP status") != NULL, "%d: %s",
		   (int) status, actions);
		free(actions);
		json_object_put(object);
		host_free(&host);
		count++;
	}
	ok(count == 14, "fourteen refusals");
	free(file);
}

/* ---------- handshakes ---------- */

static void
test_handshakes(void)
{
	Host		host = start(NULL, "{\"headers\":{\"X-A\":\"b\"}}", "se/cret");
	CsHandshake handshake;
	const char *name = "a WebSocket";

	ok(cs_session_handshake(host.session, 0, "wss://tonapi.io/v2/websocket",
							&handshake, host.output), "%s", name);
	is(handshake.url, "wss://tonapi.io/v2/websocket", "a URL with its path");
	ok(handshake.stream == CS_STREAM_WEBSOCKET &&
	   handshake.idle_timeout_ms == 20000 && handshake.ping_interval_ms == 0,
	   "pings are the server's");
	ok(handshake.field_count == 2 &&
	   strcmp(handshake.fields[0].name, "Authorization") == 0 &&
	   strcmp(handshake.fields[0].value, "Bearer se/cret") == 0 &&
	   strcmp(handshake.fields[1].name, "X-A") == 0, "token and headers");
	ok(cs_session_handshake(host.session, 0, "wss://tonapi.io", &handshake,
							host.output), "%s", name);
	is(handshake.url, "wss://tonapi.io/v2/websocket", "and without");
	ok(cs_session_handshake(host.session, 0, "ws://h:1/proxy/ws?a=b",
							&handshake, host.output), "%s", name);
	is(handshake.url, "ws://h:1/proxy/ws?a=b", "and with another");
	host_free(&host);

	host = start(NULL, "{\"token_in\":\"query\"}", "se/cret");
	ok(cs_session_handshake(host.session, 0, "wss://tonapi.io/", &handshake,
							host.output) && handshake.field_count == 0,
	   "%s without headers", name);
	is(handshake.url, "wss://tonapi.io/v2/websocket?token=se%2Fcret",
	   "with the token in its URL");
	host_free(&host);

	host = start("sse", "{\"token_in\":\"query\"}", "se/cret");
	host_subscribe(&host, 4, "block", "{}");
	host_sync(&host);
	expect_url(&host, 0, "https://tonapi.io",
			   "https://tonapi.io/v2/sse/blocks?token=se%2Fcret",
			   "a stream with the token in its URL");
	host_subscribe(&host, 3, "mempool_message", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	expect_url(&host, 1, "https://tonapi.io",
			   "https://tonapi.io/v2/sse/mempool?token=se%2Fcret",
			   "every message");
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

/* ---------- enrichment ---------- */

#define NOTIFICATION(hash) \
	"{\"account_id\":\"" WALLET "\",\"lt\":1,\"tx_hash\":\"" hash "\"}"

static const char *const hashes[] = {
	NOTIFICATION("0000000000000000000000000000000000000000000000000000000000000001"),
	NOTIFICATION("0000000000000000000000000000000000000000000000000000000000000002"),
};

static Host
start_enriching(const char *options, const char *token)
{
	Host		host = start(NULL, options, token);
	CsHandshake handshake;

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, WALLET);
	host_sync(&host);
	(void) cs_session_handshake(host.session, 0, "wss://tonapi.io/v2/websocket",
								&handshake, host.output);
	host_open(&host);
	reply(&host, 1, "success! 1 new subscriptions created");
	free(host_actions(&host));
	return host;
}

/* Where details are asked for, with these URLs of the source. */
static void
expect_request(const char *transport, const char *url, const char *expected)
{
	CsHandshake handshake;
	Host		host = start(transport, "{\"enrich\":true}", NULL);
	CsError		error;
	char	   *actions;
	const char *get;

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, WALLET);
	host_sync(&host);
	(void) cs_session_handshake(host.session, 0, url, &handshake, host.output);
	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	actions = host_actions(&host);
	get = strstr(actions, "get ");
	is(get ? get + 6 : "", expected, url);
	free(actions);
	host_free(&host);
}

static void
test_enrichment_urls(void)
{
	expect_request("websocket", "wss://h:8/proxy?a=b",
				   "https://h:8/v2/blockchain/transactions/" HASH);
	expect_request("websocket", "WS://[::1]:8",
				   "http://[::1]:8/v2/blockchain/transactions/" HASH);
	expect_request("sse", "https://h#x",
				   "https://h/v2/blockchain/transactions/" HASH);
	expect_request("sse", "http://h/",
				   "http://h/v2/blockchain/transactions/" HASH);
}

static void
test_enrichment(void)
{
	Host		host = start_enriching("{\"enrich\":true}", "secret");
	char	   *transaction = sample_of("tonapi/rest-transaction", 1);
	CsError		error;

	ok(host_message(&host, 0, NOTIFICATION(HASH), &error) &&
	   cs_output_record_count(host.output) == 1 &&
	   cs_output_records(host.output)->amount.data == NULL,
	   "the notification is a row at once");
	host_expect(&host, "get 2 https://tonapi.io/v2/blockchain/transactions/" HASH
				" [Authorization: Bearer secret]",
				"and the transaction is asked for");
	ok(host_message(&host, 0, NOTIFICATION(HASH), &error), "again");
	host_expect(&host, "", "but not twice");
	ok(host_answer(&host, 2, 404, "{\"error\":\"entity not found\"}", &error) &&
	   cs_output_record_count(host.output) == 0, "it is not there yet");
	host_pass(&host, 999);
	host_expect(&host, "", "so wait a little");
	host_pass(&host, 1);
	host_expect(&host, "get 3 https://tonapi.io/v2/blockchain/transactions/" HASH
				" [Authorization: Bearer secret]", "and ask again");
	ok(host_answer(&host, 3, 200, transaction, &error) &&
	   cs_output_record_count(host.output) == 1 &&
	   strcmp(cs_output_records(host.output)->amount.data, "22000000") == 0 &&
	   cs_output_records(host.output)->direction == CS_DIRECTION_OUT,
	   "there it is, with its amount");
	cs_output_reset(host.output);
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is left to do");
	ok(host_answer(&host, 3, 404, "", &error), "a late answer is none");
	host_expect(&host, "", "and changes nothing");
	host_pass(&host, 1000);
	ok(host_message(&host, 0, NOTIFICATION(HASH), &error), "once more");
	free(host_actions(&host));
	ok(!host_answer(&host, 4, 200, "<html>", &error), "what is no JSON is refused");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "and not asked again");
	free(transaction);
	host_free(&host);
}

static void
test_enrichment_rate(void)
{
	Host		host = start_enriching("{\"enrich\":true}", NULL);
	CsError		error;
	char	   *actions;
	CsResponse	later = {.id = 2, .status = 429, .retry_after_s = 20,
						 .reason = "", .data = ""};

	for (int i = 0; i < 2; i++)
		(void) host_message(&host, 0, hashes[i], &error);
	actions = host_actions(&host);
	ok(strstr(actions, "get 2 ") != NULL && strstr(actions, "get 3 ") == NULL,
	   "one request per second without a token");
	free(actions);
	ok(cs_session_next_tick(host.session) == host.now_ms + 1000, "then the next");
	(void) cs_session_response(host.session, &later, host.now_ms, host.output,
							   &error);
	host_pass(&host, 19999);
	host_expect(&host, "", "not while the server wants to be left alone");
	host_pass(&host, 1);
	actions = host_actions(&host);
	ok(strstr(actions, "get 3 ") != NULL, "then all of it");
	free(actions);
	host_pass(&host, 1000);
	actions = host_actions(&host);
	ok(strstr(actions, "get 4 ") != NULL, "one after the other");
	free(actions);

	/* It never comes. */
	for (int id = 3; id <= 20; id++)
	{
		(void) host_answer(&host, id, id % 2 ? 404 : 0, "", &error);
		host_pass(&host, 30000);
	}
	actions = host_actions(&host);
	ok(strstr(actions, "subscription 1 active (some transactions stay w)") != NULL,
	   "what never comes is told");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "and given up");
	free(actions);
	host_free(&host);
}

/* The token is none, or the server has trouble of its own. */
static void
test_enrichment_refused(void)
{
	Host		host = start_enriching("{\"enrich\":true}", "wrong");
	CsError		error;
	char	   *transaction = sample_of("tonapi/rest-transaction", 1);
	char	   *actions;

	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	free(host_actions(&host));
	ok(host_answer(&host, 2, 401, "{\"error\":\"unauthorized\"}", &error),
	   "a refusal");
	host_expect(&host, "subscription 1 active (the server refuses to te)",
				"is told, while notifications go on");
	host_pass(&host, 59999);
	host_expect(&host, "", "for a minute it is not asked again");
	host_pass(&host, 1);
	actions = host_actions(&host);
	ok(strncmp(actions, "get 3 ", 6) == 0, "then it is");
	free(actions);
	ok(host_answer(&host, 3, 200, transaction, &error), "and answers");
	host_expect(&host, "subscription 1 active", "which is told, too");

	host_pass(&host, 1000);
	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	free(host_actions(&host));
	ok(host_answer(&host, 4, 400, "{\"Error\":\"no\"}", &error) &&
	   cs_session_next_tick(host.session) == INT64_MAX,
	   "a request that cannot be is not made again");
	free(transaction);
	host_free(&host);
}

/* A flood: the queue is bounded, and the rows are there all the same. */
static void
test_enrichment_flood(void)
{
	Host		host = start_enriching("{\"enrich\":true}", NULL);
	CsError		error;
	char	   *texts[1010];
	char	   *actions;
	size_t		rows;

	for (int i = 0; i < 1010; i++)
	{
		char		hash[80];

		(void) snprintf(hash, sizeof(hash), "%064x", i);
		texts[i] = replaced(NOTIFICATION(HASH), HASH, hash);
		if (!host_message(&host, 0, texts[i], &error))
			bail_out("rejected");
	}
	rows = cs_output_record_count(host.output);
	actions = host_actions(&host);
	ok(rows == 1010, "every notification is a row");
	ok(strstr(actions, "subscription 1 active (some transactions stay w)") != NULL,
	   "that some stay incomplete is told");
	free(actions);
	for (int i = 0; i < 1010; i++)
		free(texts[i]);
	host_free(&host);
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
	test_streams();
	test_changed_list();
	test_stream_limits();
	test_stream_everything();
	test_refusals();
	test_handshakes();
	test_checks();
	test_enrichment_urls();
	test_enrichment();
	test_enrichment_rate();
	test_enrichment_refused();
	test_enrichment_flood();
	return tap_end();
}
