/*-------------------------------------------------------------------------
 *
 * wire_stream_test.c
 *	  Streams of events over time: held up when the consumer is slow, over
 *	  TLS, idle, for hours, ended at any moment, and a thousand of them.
 *
 * The clocks below can be put forward, so that hours pass at once.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define MEASURABLE false		/* freed memory is kept for a while */
#else
#define MEASURABLE true
#endif

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

/* ---------- in place of the C library's ---------- */

static atomic_long ahead;		/* seconds by which our clocks are fast */
static atomic_bool slow_over;	/* slow.test gets an answer at last */

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

int
getaddrinfo(const char *name, const char *service,
			const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **) =
		(int (*) (const char *, const char *, const struct addrinfo *,
				  struct addrinfo **)) dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo *second;
	int			code;

	if (name != NULL && strcmp(name, "slow.test") == 0)
	{
		while (!slow_over)
			usleep(10000);
		return EAI_AGAIN;
	}
	if (name == NULL || strcmp(name, "two.test") != 0)
		return real(name, service, hints, result);
	code = real("127.0.0.1", service, hints, result);
	if (code == 0)
		code = real("127.0.0.2", service, hints, &second);
	if (code == 0)
		(*result)->ai_next = second;
	return code;
}

/* ---------- certificates ---------- */

static char folder[64];

static const char *
file(const char *name)
{
	static char paths[4][128];
	static int	next;
	char	   *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static PeerServer *
start(PeerScript script, bool tls)
{
	return peer_start_at(script, "127.0.0.1", 0,
						 tls ? file("server.pem") : NULL,
						 tls ? file("server.key") : NULL);
}

static CsConnectParams
stream_params(const PeerServer *server)
{
	CsConnectParams params = params_for(peer_http_url(server, "/"));

	params.transport = CS_TRANSPORT_EVENTS;
	return params;
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
								  file("ca.pem"));
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;
	clock_t		used;
	int64_t		end;
	int			received;
	int			more;

	flow_chunked = chunked;
	server = start(script_flood, tls);
	params = stream_params(server);
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
	CsWire	   *wire = wire_start(MIB, 64 * MIB, file("ca.pem"));
	PeerServer *server = start(script_flood, tls);
	CsConnectParams params = stream_params(server);
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

/* No turns of the loop and no processor time while nothing happens. */
static void
idles(CsWire *wire, const char *name)
{
	int64_t		end = milliseconds() + 400;
	clock_t		used = clock();
	int			turns = 0;

	while (milliseconds() < end)
	{
		turn(wire, 400);
		turns++;
	}
	ok(turns < 10 && clock() - used < CLOCKS_PER_SEC / 20,
	   "%s: %d turns, %ld us", name, turns, (long) (clock() - used));
}

static void
test_idle(bool tls)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, file("ca.pem"));
	PeerServer *server = start(script_greet, tls);
	CsConnectParams params = stream_params(server);
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
	wire = wire_start(MIB, 64 * MIB, file("ca.pem"));
	server = start(script_greet, tls);
	params = stream_params(server);
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
	wire = wire_start(MIB, 64 * MIB, file("ca.pem"));
	server = start(script_greet, tls);
	params = stream_params(server);
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
	CsConnectParams params = stream_params(server);
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
	params = stream_params(server);
	params.transport = CS_TRANSPORT_HTTP;
	params.idle_timeout_ms = 300;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED,
	   "and so is half an answer");
	is(event.reason, "the server sent nothing for 0.3 s", "reason");
	peer_stop(server);

	server = start(script_comments, false);
	params = stream_params(server);
	params.idle_timeout_ms = 300;
	open_with(wire, &params, &event);
	ok(!await(wire, &event, 1000), "comments are a sign of life");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_hours(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = start(script_comments, false);
	CsConnectParams params = stream_params(server);
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

/* ---------- TLS ---------- */

static void
script_cut(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, greeting);
	shutdown(peer->fd, SHUT_RDWR);	/* no goodbye of TLS */
}

static void
script_say(Peer *peer)
{
	size_t		length;

	if (peer_request(peer))
	{
		free(peer_body(peer, &length));
		peer_say(peer, greeting);
	}
}

/* An encrypted body that the end of the connection ends: was it cut? */
static void
test_tls_end(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, file("ca.pem"));
	PeerServer *server = start(script_say, true);
	CsConnectParams params = stream_params(server);
	CsWireEvent event;

	greeting = "HTTP/1.1 200 OK\r\n\r\nhello";
	params.transport = CS_TRANSPORT_HTTP;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE &&
	   strcmp(event.data, "hello") == 0, "an answer over TLS");
	await_closed(wire, &event, 3000);
	peer_stop(server);
	server = start(script_cut, true);
	params = stream_params(server);
	params.transport = CS_TRANSPORT_HTTP;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED,
	   "one that was cut off is none");
	is(event.reason, "the server closed the connection before the end of its"
	   " answer", "reason");
	peer_stop(server);
	server = peer_start_at(script_say, "127.0.0.1", 0, file("wrong-host.pem"),
						   file("wrong-host.key"));
	params = stream_params(server);
	ok(fails(wire, &params, &event) &&
	   strstr(event.reason, "host name mismatch") != NULL, "%s", event.reason);
	peer_stop(server);
	cs_wire_destroy(wire);
}

/* Answers at once, reads nothing of the body, and does not go away. */
static void
script_deny(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, "HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\n"
				 "too much");
	while (!peer->server->stopping)
		usleep(5000);
}

/* Reads the body before it answers with its length. */
static void
script_count(Peer *peer)
{
	char		answer[64];
	size_t		length;

	if (!peer_request(peer))
		return;
	usleep(50000);				/* the client has to wait for room */
	free(peer_body(peer, &length));
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n\r\n%zu", length);
	peer_say(peer, answer);
}

static void
test_tls_post(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, file("ca.pem"));
	PeerServer *server = start(script_deny, true);
	CsConnectParams params = stream_params(server);
	CsWireEvent event;
	char	   *body = malloc(8 * MIB + 1);
	clock_t		used = clock();
	int64_t		begin = milliseconds();

	if (body == NULL)
		bail_out("out of memory");
	memset(body, 'x', 8 * MIB);
	body[8 * MIB] = '\0';
	params.body = body;
	ok(fails(wire, &params, &event) && milliseconds() - begin < 1000 &&
	   strstr(event.reason, "413 Too Large: too much") != NULL,
	   "refused over TLS before the body was read: %s", event.reason);
	ok(clock() - used < CLOCKS_PER_SEC / 4, "without turning in circles");
	peer_stop(server);

	server = start(script_count, true);
	params = stream_params(server);
	params.transport = CS_TRANSPORT_HTTP;
	params.body = body;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 5000) && event.kind == CS_WIRE_MESSAGE &&
	   strcmp(event.data, "8388608") == 0, "a large body over TLS");
	free(body);
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* ---------- addresses ---------- */

static void
test_addresses(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start_at(script_greet, "127.0.0.2", 0, NULL, NULL);
	CsConnectParams params = stream_params(server);
	CsWireEvent event;
	char		url[64];

	greeting = STREAM "\r\n";
	snprintf(url, sizeof(url), "http://two.test:%d/", server->port);
	params.url = url;
	ok(open_with(wire, &params, &event) != NULL,
	   "the second address when the first does not answer");
	peer_stop(server);
	await_closed(wire, &event, 3000);
	ok(fails(wire, &params, &event), "%s", event.reason);
	cs_wire_destroy(wire);
}

/* ---------- ends ---------- */

typedef struct Moment
{
	const char *name;
	const char *url;			/* NULL: of the server */
	const char *greeting;
	bool		tls;			/* the URL asks for TLS */
	CsTransport transport;
	CsPhase		phase;
} Moment;

static const Moment moments[] = {
	{"name", "http://slow.test:1/", "", false, CS_TRANSPORT_EVENTS,
	CS_PHASE_NAME},
	{"TLS", NULL, "", true, CS_TRANSPORT_EVENTS, CS_PHASE_TLS},
	{"request", NULL, "", false, CS_TRANSPORT_HTTP, CS_PHASE_HANDSHAKE},
	{"head", NULL, "HTTP/1.1 200", false, CS_TRANSPORT_EVENTS,
	CS_PHASE_HANDSHAKE},
	{"refusal", NULL, "HTTP/1.1 404 No\r\n\r\nno", false, CS_TRANSPORT_EVENTS,
	CS_PHASE_HANDSHAKE},
	{"stream", NULL, STREAM CHUNKED "8\r\ndata: a\n", false, CS_TRANSPORT_EVENTS,
	CS_PHASE_OPEN},
	{"answer", NULL, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false,
	CS_TRANSPORT_HTTP, CS_PHASE_OPEN},
};

/* Says its greeting at once, whatever comes. */
static void
script_blurt(Peer *peer)
{
	peer_say(peer, greeting);
	peer_drain(peer);
}

static void
test_ends(void)
{
	for (size_t i = 0; i < 2 * sizeof(moments) / sizeof(*moments); i++)
	{
		const Moment *moment = &moments[i / 2];
		bool		destroy = i % 2 == 1;
		CsWire	   *wire = wire_start(MIB, MIB, file("ca.pem"));
		PeerServer *server = peer_start(moment->tls ? script_blurt :
										script_greet);
		CsConnectParams params = stream_params(server);
		CsConnection *connection;
		CsWireEvent event;
		char		url[64];
		int64_t		begin;
		bool		right;

		greeting = moment->greeting;
		snprintf(url, sizeof(url), "http%s://127.0.0.1:%d/",
				 moment->tls ? "s" : "", server->port);
		params.url = moment->url == NULL ? url : moment->url;
		params.transport = moment->transport;
		connection = cs_connection_open(wire, &params, event.reason);
		for (begin = milliseconds(); milliseconds() - begin < 100;)
			turn(wire, 10);
		ok(cs_connection_phase(connection) == moment->phase, "%s: phase",
		   moment->name);
		begin = milliseconds();
		right = true;
		if (!destroy)
		{
			cs_connection_close(connection, 1000, "enough");
			right = await_closed(wire, &event, 2000) &&
				strcmp(event.reason, "closed by this side: enough") == 0;
		}
		cs_wire_destroy(wire);
		ok(right && milliseconds() - begin < 1000, "%s: %s at once",
		   moment->name, destroy ? "destroyed" : "closed");
		peer_stop(server);
	}
	slow_over = true;
}

/* In the middle of a flood. */
static void
test_end_of_flood(bool tls)
{
	for (int paused = 0; paused <= 1; paused++)
	{
		CsWire	   *wire = wire_start(MIB, MIB, file("ca.pem"));
		PeerServer *server = start(script_flood, tls);
		CsConnectParams params = stream_params(server);
		CsWireEvent event;
		CsConnection *connection = open_with(wire, &params, &event);
		int64_t		begin;

		for (int i = 0; i < 20; i++)
			turn(wire, 10);
		cs_wire_pause(wire, paused == 1);
		turn(wire, 10);
		begin = milliseconds();
		cs_connection_close(connection, 1000, "");
		ok(await_closed(wire, &event, 2000) && milliseconds() - begin < 1000,
		   "a flood%s is ended at once", paused ? ", paused," : "");
		cs_wire_destroy(wire);
		peer_stop(server);
	}
}

/* ---------- a thousand of them ---------- */

static int
descriptors(void)
{
	DIR		   *directory = opendir("/proc/self/fd");
	int			count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static long
resident_kib(void)
{
	FILE	   *statm = fopen("/proc/self/statm", "r");
	long		pages = 0;

	if (statm == NULL || fscanf(statm, "%*s %ld", &pages) != 1)
		bail_out("cannot read /proc/self/statm");
	fclose(statm);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void
test_growth(const char *name, const char *text, CsTransport transport,
			bool opens)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = start(script_say, false);
	CsConnectParams params = stream_params(server);
	CsWireEvent event;
	int			fds = 0;
	long		before = 0;
	bool		right = true;

	greeting = text;
	params.transport = transport;
	params.body = "{\"some\":\"body\"}";
	for (int i = 0; i < 1000 && right; i++)
	{
		if (opens)
		{
			right = open_with(wire, &params, &event) != NULL &&
				await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE;
			cs_wire_release(wire);
			right = right && await_closed(wire, &event, 3000);
		}
		else
			right = fails(wire, &params, &event);
		if (i == 199)
		{
			fds = descriptors();
			before = resident_kib();
		}
	}
	ok(right, "%s: a thousand", name);
	turn(wire, 0);
	ok(settles(wire, &server->active, -1) && descriptors() <= fds,
	   "%s: no descriptor is left over", name);
	if (MEASURABLE)
		ok(resident_kib() - before < 512, "%s: memory grew by %ld KiB", name,
		   resident_kib() - before);
	cs_wire_destroy(wire);
	peer_stop(server);
}

int
main(void)
{
	char		command[256];

	snprintf(folder, sizeof(folder), "/tmp/wire_test_XXXXXX");
	if (mkdtemp(folder) == NULL)
		bail_out("cannot make a folder: %s", strerror(errno));
	snprintf(command, sizeof(command), "sh test/simulator/make-ca.sh %s",
			 folder);
	if (system(command) != 0)
		bail_out("cannot make certificates");
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
	test_tls_end();
	test_tls_post();
	test_addresses();
	test_ends();
	test_end_of_flood(false);
	test_end_of_flood(true);
	test_growth("streams", STREAM CHUNKED "9\r\ndata: a\n\n\r\n0\r\n\r\n",
				CS_TRANSPORT_EVENTS, true);
	test_growth("answers", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
				CS_TRANSPORT_HTTP, true);
	test_growth("refusals", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
				CS_TRANSPORT_EVENTS, false);
	test_hours();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command) != 0)
		bail_out("cannot remove %s", folder);
	return tap_end();
}
