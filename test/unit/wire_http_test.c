/*-------------------------------------------------------------------------
 *
 * wire_http_test.c
 *	  HTTP and server-sent events over the transport: requests, and answers of
 *	  every form.  What is said when there is none that will do is in
 *	  wire_refusal_test.c, what happens over time in wire_stream_test.c.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <time.h>
#include <unistd.h>

#include "wire/events.h"

#define MIB ((size_t) 1024 * 1024)

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

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

/* ---------- streams ---------- */

static void
test_request(void)
{
	static const CsHeader headers[] = {
		{"Authorization", "Bearer abc def"},
		{"accept", "text/event-stream, application/json"},
	};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_says(STREAM "\r\ndata: a\n\n");
	CsConnectParams params = stream_params(server, "/v2/sse?accounts=ALL");
	CsWireEvent event;
	char		host[64];
	CsConnection *connection;

	peer_how.stays = true;
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

	server = peer_says(STREAM "\r\n");
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
	PeerServer *server = peer_says(all);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;

	peer_how.step = step;
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
	delivered("no space in the head", "HTTP/1.1 200 OK\r\nContent-Type:"
			  "text/event-stream;charset=UTF-8\r\n\r\ndata: a\n\n", 0, "<a>");
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
		PeerServer *server = peer_says(answer);
		CsConnectParams params = http_params(server, "/api?x=1");
		CsWireEvent event;
		bool		right;

		peer_how.step = step;
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
	return tap_end();
}
