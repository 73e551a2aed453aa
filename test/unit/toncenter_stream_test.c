/*-------------------------------------------------------------------------
 *
 * toncenter_stream_test.c
 *	  The TON Center provider over event streams, and how it connects.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"
#include "toncenter_host.h"

/* ---------- server-sent events ---------- */

/* A key that may hold one connection: the old stream makes room. */
static void
test_events(void)
{
	Host		host = toncenter_start("sse", "{\"max_connections\":1}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	host_expect(&host, "open; subscription 1 pending", "a stream");
	toncenter_handshake(&host, 0, "https://h/sse", "https://h/sse"
						" [Content-Type: application/json]"
						" body types=transactions addresses=0A" SETTINGS,
						"whose request holds the snapshot");
	host_open(&host);
	host_expect(&host, "", "nothing can be sent");
	toncenter_say(&host, 0, "{\"status\":\"subscribed\"}");
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
	toncenter_handshake(&host, 0, "https://h/sse", "https://h/sse"
						" [Content-Type: application/json]"
						" body types=transactions addresses=0A,0B,0C"
						SETTINGS, "with the whole list");
	host_watch(&host, 103, ACCOUNT("0D"));
	host_sync(&host);
	toncenter_forget(&host);
	host_open(&host);
	host_expect(&host, "", "what changed on the way");
	toncenter_say(&host, 0, "{\"status\":\"subscribed\"}");
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
	Host		host = toncenter_start("sse", "{}", NULL);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	toncenter_handshake(&host, 0, "https://h/sse", "https://h/sse"
						" [Content-Type: application/json]"
						" body types=transactions addresses=0A" SETTINGS,
						"a stream");
	host_open(&host);
	toncenter_say(&host, 0, "{\"status\":\"subscribed\"}");
	host_pass(&host, 1000);
	toncenter_forget(&host);
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	host_expect(&host, "open 2", "another takes over");
	toncenter_handshake(&host, 2, "https://h/sse", "https://h/sse"
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

	toncenter_say(&host, 0, "{\"status\":\"subscribed\"}");
	host_expect(&host, "", "the old one acknowledges nothing");
	host_open_link(&host, 2);
	host_expect(&host, "", "nothing is told before the new one is acknowledged");
	toncenter_say(&host, 2, "{\"status\":\"subscribed\"}");
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
	toncenter_say(&host, 2, "{\"status\":\"subscribed\"}");
	host_expect(&host, "watch 100 active; watch 101 active;"
				" subscription 1 active", "all is active on the new one");
	host_pass(&host, 5000);
	host_expect(&host, "", "nothing is left to be closed");
	host_free(&host);

	host = make_stream();
	host_open_link(&host, 2);
	toncenter_say(&host, 2, "{\"status\":\"subscribed\"}");
	toncenter_forget(&host);
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
	Host		host = toncenter_start(transport, "{}", NULL);
	CsClosure	closure = refused(status, reason);

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_watch(&host, 101, ACCOUNT("0B"));
	host_sync(&host);
	toncenter_handshake(&host, 0, "https://h", transport ? "https://h"
						" [Content-Type: application/json]"
						" body types=transactions addresses=0A,0B" SETTINGS
						: "https://h", "a handshake");
	toncenter_forget(&host);
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
		Host		host = toncenter_start("sse", "{}", NULL);
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
		toncenter_handshake(&host, 0, "https://h", "https://h"
							" [Content-Type: application/json]"
							" body types=transactions addresses=0A" SETTINGS,
							"a handshake");
		toncenter_forget(&host);
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
	Host		host = toncenter_start("sse", "{}", NULL);
	CsClosure	closure = refused(400, "HTTP 400: no");

	host_subscribe(&host, 1, "transactions", "{}");
	host_watch(&host, 100, ACCOUNT("0A"));
	host_sync(&host);
	toncenter_handshake(&host, 0, "https://h", "https://h"
						" [Content-Type: application/json]"
						" body types=transactions addresses=0A" SETTINGS,
						"a handshake");
	host_close_link(&host, 0, &closure);
	toncenter_forget(&host);
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
	Host		host = toncenter_start(NULL, options, "se cret");

	toncenter_handshake(&host, 0, url, expected, name);
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

int
main(void)
{
	test_events();
	test_overlap();
	test_overlap_lost();
	test_overlap_refused();
	test_refusals();
	test_http_samples();
	test_given_up();
	test_authentication();
	return tap_end();
}
