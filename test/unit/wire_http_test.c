/*-------------------------------------------------------------------------
 *
 * wire_http_test.c
 *	  HTTP and server-sent events over the transport: requests, answers of
 *	  every form, and what is said when there is none that will do.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "wire/events.h"

#define MIB ((size_t) 1024 * 1024)

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

/* ---------- scripts ---------- */

/* What the script says to the request, and how. */
static const char *saying;
static size_t saying_length;
static size_t write_size;		/* 0: all at once */
static bool stays;				/* the connection stays open behind it */
static bool resets;

static void
script_say(Peer *peer)
{
	const char *end;

	if (!peer_request(peer))
		return;
	if (resets)
		peer_reset(peer);
	end = saying + saying_length;
	if (write_size == 0)
		peer_write(peer, saying, saying_length);
	else
	{
		for (const char *at = saying; at < end; at += write_size)
			peer_write(peer, at, (size_t) (end - at) < write_size ?
					   (size_t) (end - at) : write_size);
	}
	if (stays)
		peer_drain(peer);
	if (resets)
		usleep(50000);			/* or what was said is lost */
}

static PeerServer *
says(const char *text)
{
	saying = text;
	saying_length = strlen(text);
	write_size = 0;
	stays = resets = false;
	return peer_start(script_say);
}

/* The text in chunks, in one piece of memory. */
static char *
in_chunks(const char *head, const char *text, size_t size, bool last)
{
	size_t		length = strlen(text);
	char	   *all = malloc(strlen(head) + length * 12 + 64);
	char	   *at;

	if (all == NULL)
		bail_out("out of memory");
	at = stpcpy(all, head);
	for (size_t i = 0; i < length; i += size)
	{
		size_t		rest = length - i < size ? length - i : size;

		at += sprintf(at, "%zX\r\n%.*s\r\n", rest, (int) rest, text + i);
	}
	if (last)
		stpcpy(at, "0\r\n\r\n");
	return all;
}

static CsConnectParams
stream_params(const PeerServer *server, const char *rest)
{
	CsConnectParams params = params_for(peer_http_url(server, rest));

	params.transport = CS_TRANSPORT_EVENTS;
	return params;
}

static CsConnectParams
http_params(const PeerServer *server, const char *rest)
{
	CsConnectParams params = params_for(peer_http_url(server, rest));

	params.transport = CS_TRANSPORT_HTTP;
	return params;
}

/* Take all until the end: "<message><message>"; *event* is the end. */
static char *
take_stream(CsWire *wire, CsWireEvent *event)
{
	static char text[64 * 1024];
	size_t		length = 0;

	text[0] = '\0';
	while (await(wire, event, 5000) && event->kind == CS_WIRE_MESSAGE)
	{
		length += (size_t) snprintf(text + length, sizeof(text) - length,
									"<%s>", event->data);
		if (length >= sizeof(text))
			bail_out("a stream is too long for the test");
		cs_wire_release(wire);
	}
	return text;
}

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

/* ---------- streams ---------- */

static void
test_request(void)
{
	static const CsHeader headers[] = {
		{"Authorization", "Bearer abc def"},
		{"accept", "text/event-stream, application/json"},
	};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = says(STREAM "\r\ndata: a\n\n");
	CsConnectParams params = stream_params(server, "/v2/sse?accounts=ALL");
	CsWireEvent event;
	char		host[64];
	CsConnection *connection;

	stays = true;
	connection = open_with(wire, &params, &event);
	ok(connection != NULL, "a stream opens");
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE &&
	   strcmp(event.data, "a") == 0 && event.length == 1 && !event.binary &&
	   event.http_status == 0, "and brings a message");
	ok(!cs_connection_send(connection, "x", 1, false), "nothing can be sent");
	ok(cs_connection_phase(connection) == CS_PHASE_OPEN &&
	   cs_connection_bytes_in(connection) == 9, "phase and bytes are known");
	cs_connection_close(connection, 1000, "enough");
	ok(await(wire, &event, 1000) && event.kind == CS_WIRE_CLOSED &&
	   event.was_open && event.http_status == 0, "it is closed at once");
	is(event.reason, "closed by this side: enough", "reason");
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", server->port);
	contains(server->request, "GET /v2/sse?accounts=ALL HTTP/1.1\r\n",
			 "path and query");
	contains(server->request, host, "host and port");
	contains(server->request, "\r\nAccept: text/event-stream\r\n", "Accept");
	contains(server->request, "\r\nCache-Control: no-cache\r\n",
			 "Cache-Control");
	ok(strcasestr(server->request, "Upgrade") == NULL &&
	   strcasestr(server->request, "Content-Length") == NULL &&
	   strcasestr(server->request, "Accept-Encoding") == NULL,
	   "no upgrade, no length, no compression");
	peer_stop(server);

	server = says(STREAM "\r\n");
	params = stream_params(server, "/");
	params.headers = headers;
	params.header_count = 2;
	ok(open_with(wire, &params, &event) != NULL, "with headers");
	contains(server->request, "\r\nAuthorization: Bearer abc def\r\n",
			 "a header");
	contains(server->request,
			 "\r\naccept: text/event-stream, application/json\r\n",
			 "the caller's Accept");
	ok(strstr(server->request, "Accept: text/event-stream\r\n") == NULL,
	   "and not ours");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* What the reader makes of a recorded stream. */
static char *
expected_of(const char *text, size_t length)
{
	static char result[64 * 1024];
	const char *at = text;
	size_t		used = 0;
	CsEvents	events;

	cs_events_init(&events, MIB);
	result[0] = '\0';
	while (cs_events_read(&events, &at, text + length) == CS_EVENTS_DISPATCH)
		used += (size_t) snprintf(result + used, sizeof(result) - used,
								  "<%.*s>", (int) events.length, events.data);
	cs_events_free(&events);
	return result;
}

/* A recorded stream arrives whole, however it is delivered. */
static void
delivered(const char *name, const char *all, size_t step, const char *expected)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = says(all);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;

	write_size = step;
	open_with(wire, &params, &event);
	is(take_stream(wire, &event), expected, name);
	is(event.reason, "the server ended the stream", "and its end is one");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_delivery(void)
{
	static const size_t sizes[] = {1, 2, 7, 100, 4096, 100000};
	size_t		length;
	char	   *text = read_whole_file("test/samples/toncenter/"
									   "stream-finalized.sse", &length);
	char	   *expected = strdup(expected_of(text, length));
	char	   *all;
	char		name[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
	{
		all = in_chunks(STREAM CHUNKED, text, sizes[i], true);
		snprintf(name, sizeof(name), "chunks of %zu bytes", sizes[i]);
		delivered(name, all, 0, expected);
		snprintf(name, sizeof(name), "chunks of %zu bytes, odd pieces",
				 sizes[i]);
		delivered(name, all, 11, expected);
		free(all);
	}
	all = in_chunks(STREAM CHUNKED, text, 50, true);
	delivered("chunks, byte by byte", all, 1, expected);
	free(all);
	if (asprintf(&all, STREAM "\r\n%s", text) < 0)
		bail_out("out of memory");
	delivered("until the connection is closed", all, 0, expected);
	delivered("the same, byte by byte", all, 1, expected);
	free(all);
	if (asprintf(&all, STREAM "Content-Length: %zu\r\n\r\n%s", length, text) < 0)
		bail_out("out of memory");
	delivered("with a length", all, 0, expected);
	delivered("the same, byte by byte", all, 1, expected);
	free(all);
	delivered("HTTP/1.0", "HTTP/1.0 200 OK\r\n"
			  "content-type: TEXT/Event-Stream; charset=utf-8\r\n\r\n"
			  "data: a\n\n", 0, "<a>");
	delivered("half an event is none", STREAM CHUNKED "10\r\ndata: a\n\ndata: b\r"
			  "\n0\r\n\r\n", 0, "<a>");
	free(expected);
	free(text);
}

/* ---------- one answer ---------- */

/* The answer arrives as one message, and the connection is closed. */
static void
answered(const char *name, const char *answer, int status, const char *body)
{
	for (size_t step = 0; step <= 1; step++)
	{
		CsWire	   *wire = wire_start(MIB, MIB, NULL);
		PeerServer *server = says(answer);
		CsConnectParams params = http_params(server, "/api?x=1");
		CsWireEvent event;
		bool		right;

		write_size = step;
		right = open_with(wire, &params, &event) != NULL &&
			await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE &&
			event.http_status == status && event.length == strlen(body) &&
			strcmp(event.data, body) == 0;
		ok(right, "%s%s", name, step == 0 ? "" : ", byte by byte");
		if (!right)
			printf("# %d %s\n", event.kind, event.reason);
		ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED &&
		   event.was_open && strcmp(event.reason, "the answer is complete") == 0,
		   "and closed then");
		is_quiet(wire);
		cs_wire_destroy(wire);
		peer_stop(server);
	}
}

static void
test_answers(void)
{
	answered("with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
			 200, "hello");
	answered("more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
			 "hello world", 200, "hello");
	answered("empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
	answered("in chunks", "HTTP/1.1 200 OK\r\n" CHUNKED
			 "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, "hello world");
	answered("no chunks", "HTTP/1.1 200 OK\r\n" CHUNKED "0\r\n\r\n", 200, "");
	answered("until the end", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello");
	answered("nothing until the end", "HTTP/1.1 200 OK\r\n\r\n", 200, "");
	answered("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello");
	answered("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404,
			 "no");
	answered("redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
			 "Content-Length: 2\r\n\r\nno", 302, "no");
	answered("204", "HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	answered("304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304,
			 "");
}

/* ---------- a body in the request ---------- */

#define LARGE (8 * MIB)

static char *posted;
static size_t posted_length;

static void
script_post(Peer *peer)
{
	if (!peer_request(peer))
		return;
	usleep(50000);				/* the client has to wait for room */
	posted = peer_body(peer, &posted_length);
	if (posted != NULL && strstr(peer->request, "stream") != NULL)
		peer_say(peer, STREAM "\r\ndata: got it\n\n");
	else if (posted != NULL)
		peer_say(peer, "HTTP/1.1 201 Created\r\n\r\ngot it");
}

static void
posts(const char *name, const char *body, bool stream)
{
	static const CsHeader type = {"Content-Type", "application/json"};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_post);
	CsConnectParams params = stream ? stream_params(server, "/stream") :
		http_params(server, "/");
	CsWireEvent event;
	bool		right;

	params.body = body;
	params.headers = &type;
	params.header_count = 1;
	posted = NULL;
	right = open_with(wire, &params, &event) != NULL &&
		await(wire, &event, 5000) && event.kind == CS_WIRE_MESSAGE &&
		strcmp(event.data, "got it") == 0;
	if (!ok(right, "%s: answered", name))
		printf("# %s\n", event.reason);
	ok(await_closed(wire, &event, 5000), "%s: ended", name);
	peer_stop(server);
	ok(posted != NULL && posted_length == strlen(body) &&
	   strcmp(posted, body) == 0, "%s: the body arrived whole (%zu bytes)", name,
	   posted_length);
	free(posted);
	cs_wire_destroy(wire);
}

/* Answers at once, reads nothing of the body, and does not go away. */
static void
script_deny(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, "HTTP/1.1 413 Too Large\r\n\r\ntoo much");
	while (!peer->server->stopping)
		usleep(5000);
}

static void
test_post(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_deny);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;
	int64_t		start = milliseconds();
	clock_t		used = clock();
	char	   *large = malloc(LARGE + 1);

	if (large == NULL)
		bail_out("out of memory");
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char) ('a' + (i * 7 + i / 251) % 26);
	large[LARGE] = '\0';
	params.body = large;
	ok(fails(wire, &params, &event) && milliseconds() - start < 3000,
	   "refused before the body was read");
	ok(clock() - used < CLOCKS_PER_SEC / 4, "without turning in circles");
	contains(event.reason, "answered HTTP 413 Too Large: too much", "reason");
	contains(server->request, "POST / HTTP/1.1\r\n", "it was a POST");
	contains(server->request, "\r\nContent-Length: 8388608\r\n", "its length");
	peer_stop(server);
	cs_wire_destroy(wire);

	posts("POST", "{\"addresses\":[\"\xC3\xA9\"]}", false);
	posts("POST for a stream", "{\"addresses\":[]}", true);
	posts("an empty POST", "", false);
	posts("a large POST", large, false);
	posts("a large POST for a stream", large, true);
	free(large);
}

/* ---------- refusals ---------- */

static void
refused(const char *answer, int status, const char *reason)
{
	static const CsHeader header = {"Authorization", "Bearer open-sesame"};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = says(answer);
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
	server = says(answer);
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
	server = says("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
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
	PeerServer *server = says(answer);
	CsConnectParams params = http_params(server, "/?key=sesame-1");
	CsWireEvent event;
	char		whole[CS_WIRE_REASON_MAX];

	params.transport = transport;
	params.connect_timeout_ms = 300;
	stays = stay;
	ok(fails(wire, &params, &event) && !event.was_open, "fails: %s", answer);
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
		PeerServer *server = says(answer);
		CsConnectParams params = http_params(server, "/");
		CsWireEvent event;
		bool		opened;

		if (strstr(answer, "event-stream") != NULL)
			params.transport = CS_TRANSPORT_EVENTS;
		params.idle_timeout_ms = 2000;
		resets = reset;
		write_size = step;
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

/* ---------- what is seen at once ---------- */

static void
test_urls(void)
{
	static const char *const bad[] = {
		"ws://127.0.0.1:1/", "127.0.0.1", "http://", "http://h/#x"
	};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnectParams params = params_for("");
	CsHeader	own = {"Content-Length", "7"};
	char		reason[CS_WIRE_REASON_MAX];

	params.transport = CS_TRANSPORT_EVENTS;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
	{
		params.url = bad[i];
		ok(cs_connection_open(wire, &params, reason) == NULL, "%s: %s", bad[i],
		   reason);
	}
	params.url = "http://127.0.0.1:1/";
	params.headers = &own;
	params.header_count = 1;
	ok(cs_connection_open(wire, &params, reason) == NULL, "%s", reason);
	params.transport = CS_TRANSPORT_WEBSOCKET;
	params.header_count = 0;
	ok(cs_connection_open(wire, &params, reason) == NULL,
	   "http is not for WebSockets: %s", reason);
	cs_wire_destroy(wire);
}

int
main(void)
{
	test_urls();
	test_request();
	test_delivery();
	test_answers();
	test_post();
	test_refusals();
	test_retry_after();
	test_broken();
	return tap_end();
}
