/*-------------------------------------------------------------------------
 *
 * wire_tls_test.c
 *	  The transport over TLS: who is trusted, what is said when somebody is
 *	  not, and that encryption loses nothing.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#define MIB ((size_t) 1024 * 1024)

static void
script_stay(Peer *peer)
{
	if (peer_upgrade(peer))
		peer_finish(peer);
}

/* What a server without TLS says to a client's hello. */
static void
script_plain(Peer *peer)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	peer_write(peer, answer, strlen(answer));
}

static void
tls_fails(const char *cert, const char *ca, const char *reason)
{
	CsWire	   *wire = wire_start(MIB, MIB, ca);
	PeerServer *server = peer_start_tls(script_stay, cert, "127.0.0.1");
	CsConnectParams params = params_for(peer_url(server, "/?key=sesame"));
	CsWireEvent event;
	CsWireLogLevel level;
	const char *line;

	ok(fails(wire, &params, &event) && event.kind == CS_WIRE_CLOSED,
	   "%s: refused", cert);
	contains(event.reason, reason, "reason");
	if (!ok(!cs_wire_next_log(wire, &level, &line),
			"the log does not repeat it with every attempt"))
		printf("# %s\n", line);
	params.tls_insecure = true;
	ok(open_with(wire, &params, &event) != NULL,
	   "accepted when verification is switched off");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_accepted(void)
{
	CsWire	   *wire;
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;
	char		url[64];

	wire = wire_start(4 * MIB, MIB, certificate("ca.pem"));
	server = peer_start_tls(script_stay, "server", "127.0.0.1");
	ok(open_url(wire, peer_url(server, "/")) != NULL, "wss to an address");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = peer_start_tls(script_stay, "server", "127.0.0.1");
	snprintf(url, sizeof(url), "wss://localhost:%d/", server->port);
	ok(open_url(wire, url) != NULL, "wss to a name");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = peer_start_tls(script_stay, "server", "::1");
	ok(open_url(wire, peer_url(server, "/")) != NULL, "wss to an IPv6 address");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = peer_start(script_plain);
	snprintf(url, sizeof(url), "wss://127.0.0.1:%d/", server->port);
	params = params_for(url);
	ok(fails(wire, &params, &event), "wss to a server without TLS");
	contains(event.reason, "TLS handshake with", "reason");
	peer_stop(server);
	server = peer_start_tls(script_stay, "server", "127.0.0.1");
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", server->port);
	ok(fails(wire, &params, &event), "ws to a server with TLS");
	peer_stop(server);
	cs_wire_destroy(wire);
}

static void
test_refused(void)
{
	CsWire	   *wire;
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;

	tls_fails("wrong-host", certificate("ca.pem"), "host name mismatch");
	tls_fails("expired", certificate("ca.pem"), "it has expired");
	tls_fails("server", certificate("other-ca.pem"), "certificate not trusted: ");
	tls_fails("server", NULL, "certificate not trusted: ");

	wire = wire_start(MIB, MIB, certificate("ca.pem"));
	server = peer_start_tls(script_stay, "wrong-host", "::1");
	params = params_for(peer_url(server, "/"));
	ok(fails(wire, &params, &event), "wrong certificate of an IPv6 address");
	contains(event.reason, "host name mismatch", "reason");
	peer_stop(server);
	cs_wire_destroy(wire);

	wire = wire_start(MIB, MIB, "/nonexistent/ca.pem");
	params = params_for("wss://127.0.0.1:1/");
	ok(cs_connection_open(wire, &params, event.reason) == NULL,
	   "no authorities, no connection");
	contains(event.reason, "/nonexistent/ca.pem", "reason");
	cs_wire_destroy(wire);
}

/* ---------- flow control ---------- */

#define FLOW_SIZE 1000
#define FLOW_COUNT 20000

static void
script_flood(Peer *peer)
{
	char		text[FLOW_SIZE] = "";

	if (!peer_upgrade(peer))
		return;
	for (int i = 0; i < FLOW_COUNT; i++)
	{
		snprintf(text, sizeof(text), "%d", i);
		if (!peer_frame(peer, FRAME_TEXT, text, FLOW_SIZE))
			break;
		peer->server->count++;
	}
	peer_finish(peer);
}

/* Stopping and starting loses nothing of what OpenSSL holds. */
static void
test_flow(void)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	PeerServer *server = peer_start_tls(script_flood, "server", "127.0.0.1");
	int64_t		end = milliseconds() + 10000;
	CsWireEvent event;
	int			received = 0;
	bool		right = true;
	bool		held = false;

	open_url(wire, peer_url(server, "/"));
	for (int round = 0; received < FLOW_COUNT && milliseconds() < end; round++)
	{
		if (round % 1000 == 10)
		{
			cs_wire_pause(wire, true);
			for (int i = 0; i < 10; i++)
				turn(wire, 2);
			while (cs_wire_next(wire, &event))
				right = right && atoi(event.data) == received++;
			held = held || !await(wire, &event, 20);
			cs_wire_release(wire);
			cs_wire_pause(wire, false);
		}
		turn(wire, 10);
		while (cs_wire_next(wire, &event))
			right = right && event.kind == CS_WIRE_MESSAGE &&
				atoi(event.data) == received++;
		cs_wire_release(wire);
	}
	ok(received == FLOW_COUNT && right,
	   "all messages come over TLS, in order (%d)", received);
	ok(held, "and none while reading is stopped");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
script_fast(Peer *peer)
{
	char		frame[16000];

	if (!peer_upgrade(peer))
		return;
	for (int i = 0; i < 16; i++)
	{
		memcpy(frame + (size_t) i * 1000, "\x81\x7e\x03\xe4", 4);
		memset(frame + (size_t) i * 1000 + 4, 'x', 996);
	}
	while (!peer->server->stopping && peer_write(peer, frame, sizeof(frame)))
		;
}

static void
test_speed(void)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, certificate("ca.pem"));
	PeerServer *server = peer_start_tls(script_fast, "server", "127.0.0.1");
	CsWireEvent event;
	int64_t		start;
	long		count = 0;

	open_url(wire, peer_url(server, "/"));
	start = milliseconds();
	while (milliseconds() - start < 1000)
	{
		turn(wire, 100);
		while (cs_wire_next(wire, &event))
			count++;
		cs_wire_release(wire);
	}
	ok(count > 1000, "a peer that sends as fast as it can");
	printf("# %ld messages of 996 bytes a second over TLS\n", count);
	cs_wire_destroy(wire);
	peer_stop(server);
}

int
main(void)
{
	certificates_make();
	test_accepted();
	test_refused();
	test_flow();
	test_speed();
	certificates_remove();
	return tap_end();
}
