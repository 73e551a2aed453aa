/*-------------------------------------------------------------------------
 *
 * tonapi_stream_test.c
 *	  The TonAPI provider over event streams, and how it connects.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"
#include "tonapi_host.h"

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
	Host		host = tonapi_start("sse", "{}", NULL);
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
	Host		host = tonapi_start("sse", "{}", NULL);
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
	Host		host = tonapi_start("sse", "{\"max_connections\":4}", NULL);

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_subscribe(&host, 4, "block", "{}");
	for (int i = 0; i < 100; i++)
		host_watch(&host, i, tonapi_numbered(i));
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

	host = tonapi_start("sse", "{\"strategy\":\"all\",\"max_connections\":1}", NULL);
	host_subscribe(&host, 1, "account_transaction", "{}");
	for (int i = 0; i < 100; i++)
		host_watch(&host, i, tonapi_numbered(i));
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
	Host		host = tonapi_start("sse", "{}", NULL);

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
		Host		host = tonapi_start(stream ? "sse" : NULL, "{}", NULL);
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
	Host		host = tonapi_start(NULL, "{\"headers\":{\"X-A\":\"b\"}}", "se/cret");
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

	host = tonapi_start(NULL, "{\"token_in\":\"query\"}", "se/cret");
	ok(cs_session_handshake(host.session, 0, "wss://tonapi.io/", &handshake,
							host.output) && handshake.field_count == 0,
	   "%s without headers", name);
	is(handshake.url, "wss://tonapi.io/v2/websocket?token=se%2Fcret",
	   "with the token in its URL");
	host_free(&host);

	host = tonapi_start("sse", "{\"token_in\":\"query\"}", "se/cret");
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

int
main(void)
{
	test_streams();
	test_changed_list();
	test_stream_limits();
	test_stream_everything();
	test_refusals();
	test_handshakes();
	return tap_end();
}
