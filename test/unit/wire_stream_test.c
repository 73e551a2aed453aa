/*-------------------------------------------------------------------------
 *
 * wire_stream_test.c
 *	  Streams of events over time: held up when the consumer is slow, idle, for
 *	  hours, and as fast as they can be.  Their ends are in wire_ends_test.c.
 *
 * The clocks below can be put forward, so that hours pass at once.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

/* ---------- in place of the C library's ---------- */

static atomic_long ahead;		/* seconds by which our clocks are fast */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int			(*real) (clockid_t, struct timespec *) =
		(int (*) (clockid_t, struct timespec *)) dlsym(RTLD_NEXT,
													   "clock_gettime");
	int			result = real(clock, now);

	now->tv_sec += ahead;
	return result;
}

time_t
time(time_t *where)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (where != NULL)
		*where = now.tv_sec;
	return now.tv_sec;
}

static PeerServer *
start(PeerScript script, bool tls)
{
	return tls ? peer_start_tls(script, "server", "127.0.0.1") :
		peer_start(script);
}

/* ---------- flow control ---------- */

#define FLOW_SIZE 1000
#define FLOW_COUNT 40000

static bool flow_chunked;

/* Numbered events, in chunks that are not theirs or in none. */
static void
script_flood(Peer *peer)
{
	char		event[FLOW_SIZE + 9];
	char		chunks[FLOW_SIZE * 2];

	if (!peer_request(peer))
		return;
	peer_say(peer, flow_chunked ? STREAM CHUNKED : STREAM "\r\n");
	memset(event, 'x', sizeof(event));
	memcpy(event, "data: ", 6);
	memcpy(event + 6 + FLOW_SIZE, "\n\n", 3);
	for (int i = 0; i < FLOW_COUNT; i++)
	{
		int			length;

		snprintf(event + 6, 12, "%010d", i);
		event[16] = ' ';
		length = !flow_chunked ? snprintf(chunks, sizeof(chunks), "%s", event) :
			snprintf(chunks, sizeof(chunks), "%x\r\n%.500s\r\n%zx\r\n%s\r\n", 500,
					 event, strlen(event + 500), event + 500);
		if (!peer_write(peer, chunks, (size_t) length))
			return;
		peer->server->count++;
	}
	peer_say(peer, flow_chunked ? "0\r\n\r\n" : "");
}

/* Take all there is; returns how many, -1 if one is not as expected. */
static int
take_all(CsWire *wire, int expected)
{
	CsWireEvent event;
	int			count = 0;

	while (cs_wire_next(wire, &event))
	{
		if (event.kind == CS_WIRE_CLOSED)
			return strcmp(event.reason, "the server ended the stream") == 0 ?
				count : -1;
		if (event.length != FLOW_SIZE || atoi(event.data) != expected + count)
			return -1;
		count++;
	}
	return count;
}

static void
test_flow(const char *name, bool by_limit, bool tls, bool chunked)
{
	CsWire	   *wire = wire_start(MIB, by_limit ? MIB : 64 * MIB,
								  certificate("ca.pem"));
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;
	clock_t		used;
	int64_t		end;
	int			received;
	int			more;

	flow_chunked = chunked;
	server = start(script_flood, tls);
	params = stream_params(server, "/");
	params.idle_timeout_ms = 400;
	ok(open_with(wire, &params, &event) != NULL, "%s: opens", name);
	cs_wire_pause(wire, !by_limit);
	end = milliseconds() + 300;
	while (milliseconds() < end)
		turn(wire, 20);
	used = clock();
	end = milliseconds() + 500;
	while (milliseconds() < end)
		turn(wire, 20);
	used = clock() - used;
	ok(server->count < FLOW_COUNT, "%s: the peer is held up", name);
	ok(used < CLOCKS_PER_SEC / 10, "%s: at no cost (%ld us)", name, (long) used);
	received = take_all(wire, 0);
	ok(received >= 0 && (size_t) received * FLOW_SIZE < 2 * MIB,
	   "%s: %d messages came before", name, received);
	ok(!await(wire, &event, 50), "%s: and no more", name);
	cs_wire_pause(wire, false);
	cs_wire_release(wire);
	end = milliseconds() + 20000;
	for (more = 0; more >= 0 && received < FLOW_COUNT && milliseconds() < end;)
	{
		turn(wire, 100);
		more = take_all(wire, received);
		received += more;
		cs_wire_release(wire);
	}
	ok(received == FLOW_COUNT, "%s: all messages came, in order (%d)", name,
	   received);
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* Stop and start again and again, while it floods. */
static void
test_hiccups(bool tls)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	PeerServer *server = start(script_flood, tls);
	CsConnectParams params = stream_params(server, "/");
	int64_t		end = milliseconds() + 20000;
	CsWireEvent event;
	int			received = 0;
	int			more = 0;

	open_with(wire, &params, &event);
	for (int i = 0; received < FLOW_COUNT && more >= 0 && milliseconds() < end;
		 i++)
	{
		cs_wire_pause(wire, i % 3 == 0);
		turn(wire, i % 3 == 0 ? 0 : 10);
		more = take_all(wire, received);
		received += more;
		cs_wire_release(wire);
	}
	ok(received == FLOW_COUNT, "stopping and starting loses nothing%s (%d)",
	   tls ? " over TLS" : "", received);
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* ---------- idle ---------- */

static const char *greeting;

static void
script_greet(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, greeting);
	peer_drain(peer);
}

/*
 * No turns of the loop and no processor time while nothing happens.  Turns
 * within a millisecond count as one: libwebsockets 4.3 has a timer of its own
 * in a context's first moments, and spins for what is less than one.
 */
static void
idles(CsWire *wire, const char *name)
{
	int64_t		end = milliseconds() + 400;
	int64_t		last = 0;
	clock_t		used = clock();
	int			turns = 0;

	while (milliseconds() < end)
	{
		turn(wire, 400);
		turns += milliseconds() != last;
		last = milliseconds();
	}
	ok(turns < 10 && clock() - used < CLOCKS_PER_SEC / 20,
	   "%s: %d turns, %ld us", name, turns, (long) (clock() - used));
}

static void
test_idle(bool tls)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	PeerServer *server = start(script_greet, tls);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;

	greeting = STREAM CHUNKED "9\r\ndata: a\n\n\r\n";
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000), "a message");
	turn(wire, 20);
	idles(wire, "an idle stream");
	cs_wire_pause(wire, true);
	turn(wire, 20);
	idles(wire, "a paused one");
	cs_wire_destroy(wire);
	peer_stop(server);

	/* Paused before it is open, its first events come with the head. */
	wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	server = start(script_greet, tls);
	params = stream_params(server, "/");
	cs_wire_pause(wire, true);
	ok(open_with(wire, &params, &event) != NULL, "opens while paused");
	turn(wire, 20);
	idles(wire, "paused from the beginning");
	cs_wire_pause(wire, false);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE,
	   "and what came is not lost");
	cs_wire_destroy(wire);
	peer_stop(server);

	/* The peer goes while we do not listen. */
	wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	server = start(script_greet, tls);
	params = stream_params(server, "/");
	open_with(wire, &params, &event);
	cs_wire_pause(wire, true);
	turn(wire, 20);
	peer_stop(server);
	idles(wire, "paused, the peer gone");
	cs_wire_pause(wire, false);
	ok(await_closed(wire, &event, 3000), "its end is seen afterwards: %s",
	   event.reason);
	cs_wire_destroy(wire);
}

/* Comments until told to stop. */
static void
script_comments(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, STREAM "\r\n");
	while (!peer->server->stopping && peer_say(peer, ":"))
		usleep(50000);
}

static void
test_silence(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = start(script_greet, false);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;
	int64_t		begin;

	greeting = STREAM "\r\n";
	params.idle_timeout_ms = 300;
	params.ping_interval_ms = 50;	/* there are none, and no answers */
	params.pong_timeout_ms = 50;
	open_with(wire, &params, &event);
	begin = milliseconds();
	ok(await_closed(wire, &event, 3000) && milliseconds() - begin >= 250 &&
	   milliseconds() - begin < 2000, "a silent stream is dead");
	is(event.reason, "the server sent nothing for 0.3 s", "reason");
	peer_stop(server);

	greeting = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
	server = start(script_greet, false);
	params = stream_params(server, "/");
	params.transport = CS_TRANSPORT_HTTP;
	params.idle_timeout_ms = 300;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED,
	   "and so is half an answer");
	is(event.reason, "the server sent nothing for 0.3 s", "reason");
	peer_stop(server);

	server = start(script_comments, false);
	params = stream_params(server, "/");
	params.idle_timeout_ms = 300;
	open_with(wire, &params, &event);
	ok(!await(wire, &event, 1000), "comments are a sign of life");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* As fast as it can. */
static void
script_fast(Peer *peer)
{
	char		chunk[16000];

	if (!peer_request(peer))
		return;
	peer_say(peer, STREAM CHUNKED);
	memset(chunk, 'x', sizeof(chunk));
	for (size_t i = 0; i < sizeof(chunk); i += 1000)
	{
		memcpy(chunk + i, "data: ", 6);
		memcpy(chunk + i + 998, "\n\n", 2);
	}
	while (!peer->server->stopping && peer_chunk(peer, chunk, sizeof(chunk)))
		;
}

static void
test_speed(bool tls)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	PeerServer *server = start(script_fast, tls);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;
	int64_t		begin;
	long		count = 0;

	open_with(wire, &params, &event);
	for (begin = milliseconds(); milliseconds() - begin < 1000;)
	{
		turn(wire, 100);
		for (; cs_wire_next(wire, &event); count++)
			;
		cs_wire_release(wire);
	}
	ok(count > 1000, "a peer that sends as fast as it can");
	printf("# %ld events of 992 bytes a second%s\n", count,
		   tls ? " over TLS" : "");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_hours(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = start(script_comments, false);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;
	bool		ended = false;

	ok(open_with(wire, &params, &event) != NULL, "a stream opens");
	for (int i = 0; i < 30 && !ended; i++)
	{
		ahead += 1000;
		ended = await(wire, &event, 20);
	}
	ok(!ended, "and lives for eight hours%s%s", ended ? ": " : "",
	   ended ? event.reason : "");
	cs_wire_destroy(wire);
	peer_stop(server);
}

int
main(void)
{
	certificates_make();
	test_flow("pause", false, false, false);
	test_flow("pause, chunks", false, false, true);
	test_flow("inbox limit, chunks", true, false, true);
	test_flow("inbox limit, TLS", true, true, false);
	test_flow("pause, TLS, chunks", false, true, true);
	test_hiccups(false);
	test_hiccups(true);
	test_idle(false);
	test_idle(true);
	test_silence();
	test_speed(false);
	test_speed(true);
	test_hours();
	certificates_remove();
	return tap_end();
}
