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

int
main(void)
{
	test_request();
	test_delivery();
	test_answers();
	return tap_end();
}
