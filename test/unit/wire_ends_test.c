/*-------------------------------------------------------------------------
 *
 * wire_ends_test.c
 *	  How connections of HTTP begin and end: over TLS, at which address, closed
 *	  at any moment, and a thousand of them.
 *
 * Names are resolved by the getaddrinfo() below: two.test has two addresses,
 * slow.test gets no answer.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <dirent.h>
#include <dlfcn.h>
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

static atomic_bool slow_over;	/* slow.test gets an answer at last */

/* In place of the C library's. */
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

static PeerServer *
start(PeerScript script, bool tls)
{
	return tls ? peer_start_tls(script, "server", "127.0.0.1") :
		peer_start(script);
}

static const char *greeting;

static void
script_greet(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, greeting);
	peer_drain(peer);
}

/* Events without end. */
static void
script_flood(Peer *peer)
{
	if (peer_request(peer))
		peer_say(peer, STREAM CHUNKED);
	while (peer_chunk(peer, "data: abcdefghijklmnopqrstuvwxyz\n\n", 34))
		;
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
	CsWire	   *wire = wire_start(MIB, MIB, certificate("ca.pem"));
	PeerServer *server = start(script_say, true);
	CsConnectParams params = stream_params(server, "/");
	CsWireEvent event;

	greeting = "HTTP/1.1 200 OK\r\n\r\nhello";
	params.transport = CS_TRANSPORT_HTTP;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE &&
	   strcmp(event.data, "hello") == 0, "an answer over TLS");
	await_closed(wire, &event, 3000);
	peer_stop(server);
	server = start(script_cut, true);
	params = stream_params(server, "/");
	params.transport = CS_TRANSPORT_HTTP;
	open_with(wire, &params, &event);
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED,
	   "one that was cut off is none");
	is(event.reason, "the server closed the connection before the end of its"
	   " answer", "reason");
	peer_stop(server);
	server = peer_start_tls(script_say, "wrong-host", "127.0.0.1");
	params = stream_params(server, "/");
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
	CsWire	   *wire = wire_start(MIB, MIB, certificate("ca.pem"));
	PeerServer *server = start(script_deny, true);
	CsConnectParams params = stream_params(server, "/");
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
	params = stream_params(server, "/");
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
	CsConnectParams params = stream_params(server, "/");
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
	const char *url;			/* NULL: of the server; empty: of a black hole */
	const char *greeting;
	bool		tls;			/* the URL asks for TLS */
	CsTransport transport;
	CsPhase		phase;
} Moment;

static const Moment moments[] = {
	{"name", "http://slow.test:1/", "", false, CS_TRANSPORT_EVENTS,
	CS_PHASE_NAME},
	{"TCP", "", "", false, CS_TRANSPORT_HTTP, CS_PHASE_TCP},
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
	int			fds[4];
	int			hole;

	black_hole(fds, &hole);
	for (size_t i = 0; i < 2 * sizeof(moments) / sizeof(*moments); i++)
	{
		const Moment *moment = &moments[i / 2];
		bool		destroy = i % 2 == 1;
		CsWire	   *wire = wire_start(MIB, MIB, certificate("ca.pem"));
		PeerServer *server = peer_start(moment->tls ? script_blurt :
										script_greet);
		CsConnectParams params = stream_params(server, "/");
		CsConnection *connection;
		CsWireEvent event;
		char		url[64];
		int64_t		begin;
		bool		right;

		greeting = moment->greeting;
		snprintf(url, sizeof(url), "http%s://127.0.0.1:%d/",
				 moment->tls ? "s" : "",
				 moment->url == NULL ? server->port : hole);
		params.url = moment->url == NULL || moment->url[0] == '\0' ? url :
			moment->url;
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
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	slow_over = true;
}

/* In the middle of a flood. */
static void
test_end_of_flood(bool tls)
{
	for (int paused = 0; paused <= 1; paused++)
	{
		CsWire	   *wire = wire_start(MIB, MIB, certificate("ca.pem"));
		PeerServer *server = start(script_flood, tls);
		CsConnectParams params = stream_params(server, "/");
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
	CsConnectParams params = stream_params(server, "/");
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
	certificates_make();
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
	certificates_remove();
	return tap_end();
}
