/*-------------------------------------------------------------------------
 *
 * wire_refusal_test.c
 *	  Answers of HTTP that will not do, break off, or never come, and what is
 *	  said about them.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <time.h>

#define MIB ((size_t) 1024 * 1024)

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

/* What a peer does wrong is in the reason; the log does not repeat it. */
static void
is_quiet(CsWire *wire)
{
	CsWireLogLevel level;
	const char *line;
	int			count = 0;

	while (cs_wire_next_log(wire, &level, &line))
	{
		printf("# %s\n", line);
		count++;
	}
	ok(count == 0, "nothing is logged");
}

/* ---------- refusals ---------- */

static void
refused(const char *answer, int status, const char *reason)
{
	static const CsHeader header = {"Authorization", "Bearer open-sesame"};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_says(answer);
	CsConnectParams params = stream_params(server, "/?key=sesame-1");
	CsWireEvent event;
	char		whole[CS_WIRE_REASON_MAX];

	params.headers = &header;
	params.header_count = 1;
	ok(fails(wire, &params, &event) && event.kind == CS_WIRE_CLOSED &&
	   !event.was_open && event.http_status == status &&
	   strstr(event.reason, "sesame") == NULL, "refused with %d", status);
	snprintf(whole, sizeof(whole), "127.0.0.1 port %d answered HTTP %s",
			 server->port, reason);
	is(event.reason, whole, "reason");
	is_quiet(wire);
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_refusals(void)
{
	char		answer[40000];
	char		reason[256];

	refused("HTTP/1.1 401 Unauthorized\r\nContent-Length: 30\r\n\r\n"
			"{\n  \"error\":\t\"no such\r\n\r\nkey\"}", 401,
			"401 Unauthorized: { \"error\": \"no such key\"}");
	refused("HTTP/1.1 403 Forbidden\r\n" CHUNKED "6\r\nsesame\r\n2\r\n-1\r\n"
			"5\r\n used\r\n0\r\n\r\n", 403, "403 Forbidden: ******** used");
	refused("HTTP/1.1 403 open-sesame\r\nContent-Length: 0\r\n\r\n", 403,
			"403 ***********");
	refused("HTTP/1.1 404 Not Found\r\n\r\n", 404, "404 Not Found");
	refused("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\na\xFF\x01z", 500,
			"500 Oops: a??z");
	refused("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
			"Content-Length: 4\r\n\r\ngone", 302,
			"302 Found (redirects are not followed): gone");
	refused("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", 200,
			"200 OK with text/html instead of an event stream: <html>");
	refused("HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n", 200,
			"200 OK with text/event-streams instead of an event stream");
	refused("HTTP/1.1 200 OK\r\nContent-Type: x/open-sesame\r\n\r\n", 200,
			"200 OK with x/*********** instead of an event stream");
	refused("HTTP/1.1 200 OK\r\n\r\nhi", 200,
			"200 OK with no Content-Type instead of an event stream: hi");
	refused("HTTP/1.1 204 No Content\r\n\r\n", 204, "204 No Content");
	refused("HTTP/1.1 100 Continue\r\n\r\n", 100, "100 Continue and nothing else");
	refused("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101,
			"101 Switching Protocols and nothing else");
	refused(STREAM "Content-Encoding: gzip\r\n\r\n", 200,
			"200 OK in a coding that was not asked for");
	refused(STREAM "Transfer-Encoding: gzip, chunked\r\n\r\n", 200,
			"200 OK in a coding that was not asked for");

	/* Long words are cut between characters; more than we read as well. */
	strcpy(answer, "HTTP/1.1 400 Bad\r\n\r\n");
	strcpy(reason, "400 Bad: ");
	for (int i = 0; i < 7000; i++)
		strcat(answer, i == 0 ? "x" : "\xC3\xA9");
	for (int i = 0; i < 75; i++)
		strcat(reason, i == 0 ? "x" : "\xC3\xA9");
	refused(answer, 400, reason);
	for (int i = 0; i < 9000; i++)
		strcat(answer, "\xC3\xA9");
	refused(answer, 400, reason);
}

static void
test_retry_after(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;
	char		answer[256];
	char		date[64];
	time_t		later = time(NULL) + 100;
	struct tm	tm;

	gmtime_r(&later, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(answer, sizeof(answer), "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\n"
			 "Content-Length: 4\r\n\r\nbusy", date);
	server = peer_says(answer);
	params = stream_params(server, "/");
	ok(fails(wire, &params, &event) && event.http_status == 503 &&
	   event.retry_after_s >= 98 && event.retry_after_s <= 100,
	   "a stream: try again at a time");
	params = http_params(server, "/");
	ok(open_with(wire, &params, &event) != NULL && await(wire, &event, 3000) &&
	   event.http_status == 503 && event.retry_after_s >= 98 &&
	   event.retry_after_s <= 100, "one answer: try again at a time");
	await_closed(wire, &event, 3000);
	peer_stop(server);
	server = peer_says("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
				  "Content-Length: 4\r\n\r\nslow");
	params = stream_params(server, "/");
	ok(fails(wire, &params, &event) && event.http_status == 429 &&
	   event.retry_after_s == 7, "a stream: try again in 7 s");
	params = http_params(server, "/");
	ok(open_with(wire, &params, &event) != NULL && await(wire, &event, 3000) &&
	   event.http_status == 429 && event.retry_after_s == 7,
	   "one answer: try again in 7 s");
	await_closed(wire, &event, 3000);
	ok(event.retry_after_s == 0 && event.http_status == 0,
	   "which its end does not repeat");
	peer_stop(server);
	cs_wire_destroy(wire);
}

/* ---------- no answer, or half of one ---------- */

/* It must fail before it is open. */
static void
unanswered(const char *answer, bool stay, CsTransport transport,
		   const char *reason)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_says(answer);
	CsConnectParams params = http_params(server, "/?key=sesame-1");
	CsWireEvent event;
	char		whole[CS_WIRE_REASON_MAX];

	params.transport = transport;
	params.connect_timeout_ms = 300;
	peer_how.stays = stay;
	ok(fails(wire, &params, &event) && !event.was_open, "fails: %.60s", answer);
	snprintf(whole, sizeof(whole), reason, server->port);
	is(event.reason, whole, "reason");
	is_quiet(wire);
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* The answer of a connection that opens breaks off: nothing is delivered. */
static void
broken(const char *answer, bool reset, const char *reason)
{
	for (size_t step = 0; step <= 1; step++)
	{
		CsWire	   *wire = wire_start(100, MIB, NULL);
		PeerServer *server = peer_says(answer);
		CsConnectParams params = http_params(server, "/");
		CsWireEvent event;
		bool		opened;

		if (strstr(answer, "event-stream") != NULL)
			params.transport = CS_TRANSPORT_EVENTS;
		params.idle_timeout_ms = 2000;
		peer_how.resets = reset;
		peer_how.step = step;
		opened = open_with(wire, &params, &event) != NULL;
		ok(opened && await(wire, &event, 5000) &&
		   event.kind == CS_WIRE_CLOSED && event.was_open,
		   "no message of a broken answer");
		is(event.reason, reason, "reason");
		is_quiet(wire);
		cs_wire_destroy(wire);
		peer_stop(server);
	}
}

static void
test_broken(void)
{
	static const char *const early =
		"the server closed the connection before the end of its answer";
	static const char *const invalid =
		"the server sent something that is not valid HTTP";
	static const char *const impossible =
		"the server sent a chunk of an impossible length";
	char		answer[512] = STREAM CHUNKED "100\r\n:";
	char		head[40000];

	unanswered("", true, CS_TRANSPORT_HTTP,
			   "HTTP request to 127.0.0.1 port %d timed out after 0.3 s");
	unanswered("HTTP/1.1 200 OK\r\nContent-", true, CS_TRANSPORT_EVENTS,
			   "HTTP request to 127.0.0.1 port %d timed out after 0.3 s");
	unanswered("HTTP/1.1 404 Not Found\r\n\r\nwait", true, CS_TRANSPORT_EVENTS,
			   "127.0.0.1 port %d answered HTTP 404 Not Found: wait");
	unanswered("", false, CS_TRANSPORT_HTTP,
			   "HTTP request to 127.0.0.1 port %d failed: the server closed the"
			   " connection");
	unanswered("HTTP/1.1 200 OK\r\n", false, CS_TRANSPORT_EVENTS,
			   "HTTP request to 127.0.0.1 port %d failed: the server closed the"
			   " connection");
	unanswered("SSH-2.0-OpenSSH_9.2\r\n\r\n", false, CS_TRANSPORT_HTTP,
			   "HTTP request to 127.0.0.1 port %d failed: the server closed"
			   " the connection");

	memset(head, 'x', sizeof(head) - 1);
	head[sizeof(head) - 1] = '\0';
	memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
	unanswered(head, true, CS_TRANSPORT_EVENTS,
			   "HTTP request to 127.0.0.1 port %d failed: the answer is not"
			   " HTTP");

	broken("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", false, early);
	broken("HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello\r\n", false, early);
	broken("HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello\r\n0\r\n\r", false, early);
	broken("HTTP/1.1 200 OK\r\n" CHUNKED, false, early);
	broken(STREAM CHUNKED "8\r\ndata: a\n\r\n", false, early);
	broken(STREAM "\r\n:\n", true, "connection reset by the server");
	broken("HTTP/1.1 200 OK\r\n\r\nhello", true,
		   "connection reset by the server");

	/* A chunk's length that is none, negative, or beyond counting. */
	broken(STREAM CHUNKED "xyz\r\n", false, invalid);
	broken(STREAM CHUNKED "5\r\n:1234567\r\n", false, invalid);
	broken(STREAM CHUNKED "FFFFFFFF\r\n:hello\n", false, impossible);
	broken(STREAM CHUNKED "80000000\r\n:hello\n", false, impossible);
	broken(STREAM CHUNKED "FFFFFFFF00000000FFFFFFF0\r\n:hello\n", false,
		   impossible);

	/* Beyond the limit. */
	memset(answer + strlen(answer), 'x', 200);
	broken(answer, false,
		   "received an event of more than 100 bytes, which is the limit");
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n\r\n%0101d", 0);
	broken(answer, false,
		   "received an answer of more than 100 bytes, which is the limit");
}

int
main(void)
{
	test_refusals();
	test_retry_after();
	test_broken();
	return tap_end();
}
