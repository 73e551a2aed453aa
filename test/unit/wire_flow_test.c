/*-------------------------------------------------------------------------
 *
 * wire_flow_test.c
 *	  The flow of messages: held up when the consumer is slow, and missed
 *	  when the peer is silent.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

/* Repeated or ordered text, so that a shifted or lost byte shows. */
static char *
pattern(size_t length)
{
	char	   *text = malloc(length + 1);

	if (text == NULL)
		bail_out("out of memory");
	for (size_t i = 0; i < length; i++)
		text[i] = (char) ('a' + (i * 7 + i / 251) % 26);
	text[length] = '\0';
	return text;
}

static void
script_deaf(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		while (!peer->server->stopping)
			usleep(5000);
	}
}

/* ---------- flow control ---------- */

#define FLOW_SIZE 1000
#define FLOW_COUNT 40000

static void
script_flood(Peer *peer)
{
	char	   *text = pattern(FLOW_SIZE);

	if (peer_upgrade(peer))
	{
		for (int i = 0; i < FLOW_COUNT; i++)
		{
			snprintf(text, 12, "%010d", i);
			text[10] = ' ';
			if (!peer_frame(peer, FRAME_TEXT, text, FLOW_SIZE))
				break;
			peer->server->count++;
		}
		peer_finish(peer);
	}
	free(text);
}

/* Take all there is; returns how many, -1 if one is out of order. */
static int
take_all(CsWire *wire, int expected)
{
	CsWireEvent event;
	int			count = 0;

	while (cs_wire_next(wire, &event))
	{
		if (event.kind != CS_WIRE_MESSAGE || event.length != FLOW_SIZE ||
			atoi(event.data) != expected + count)
			return -1;
		count++;
	}
	return count;
}

static void
test_flow(bool by_limit)
{
	const char *name = by_limit ? "inbox limit" : "pause";
	PeerServer *server = peer_start(script_flood);
	CsWire	   *wire = wire_start(MIB, by_limit ? MIB : 64 * MIB, NULL);
	CsConnectParams params = params_for(peer_url(server, "/"));
	CsWireEvent event;
	int64_t		end;
	int			received;
	int			more;

	/* A peer that is not listened to cannot answer pings either. */
	params.ping_interval_ms = 50;
	params.pong_timeout_ms = 300;
	params.idle_timeout_ms = 400;
	open_with(wire, &params, &event);
	received = 0;
	if (!by_limit)
		cs_wire_pause(wire, true);
	end = milliseconds() + 800;
	while (milliseconds() < end)
		turn(wire, 20);
	ok(server->count < FLOW_COUNT, "%s: the peer is held up", name);
	more = take_all(wire, 0);
	ok(more >= 0 && (size_t) more * FLOW_SIZE < 2 * MIB,
	   "%s: %d messages came before", name, more);
	received = more;
	ok(!await(wire, &event, 50), "%s: and no more", name);
	cs_wire_pause(wire, false);
	cs_wire_release(wire);
	end = milliseconds() + 10000;
	while (more >= 0 && received < FLOW_COUNT && milliseconds() < end)
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

/* ---------- silence ---------- */

/* Sends its own pings, answers none. */
static void
script_pinging(Peer *peer)
{
	if (!peer_upgrade(peer))
		return;
	while (!peer->server->stopping && peer_frame(peer, FRAME_PING, "", 0))
		usleep(50000);
}

static void
test_silence(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_deaf);
	CsConnectParams params = params_for(peer_url(server, "/"));
	CsWireEvent event;
	int64_t		start;

	params.ping_interval_ms = 100;
	params.pong_timeout_ms = 200;
	open_with(wire, &params, &event);
	start = milliseconds();
	ok(await_closed(wire, &event, 3000) && milliseconds() - start < 2000 &&
	   milliseconds() - start >= 290, "no pong: dead");
	is(event.reason, "the server did not answer a ping within 0.2 s", "reason");
	peer_stop(server);

	server = peer_start(script_deaf);
	params = params_for(peer_url(server, "/"));
	params.idle_timeout_ms = 300;
	open_with(wire, &params, &event);
	start = milliseconds();
	ok(await_closed(wire, &event, 3000) && milliseconds() - start < 2000 &&
	   milliseconds() - start >= 250, "no byte: dead");
	is(event.reason, "the server sent nothing for 0.3 s", "reason");
	peer_stop(server);

	server = peer_start(script_pinging);
	params.url = peer_url(server, "/");
	open_with(wire, &params, &event);
	ok(!await(wire, &event, 1000), "its own pings are a sign of life");
	peer_stop(server);
	cs_wire_destroy(wire);
}

/* Answers pings as it should. */
static void
script_polite(Peer *peer)
{
	char	   *data;
	size_t		length;
	int			first;

	if (!peer_upgrade(peer))
		return;
	while ((first = peer_receive(peer, &data, &length)) >= 0)
	{
		if (first == FRAME_PING)
		{
			peer->server->count++;
			peer_frame(peer, FRAME_PONG, data, length);
		}
		free(data);
	}
}

static void
test_pongs(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_polite);
	CsConnectParams params = params_for(peer_url(server, "/"));
	CsWireEvent event;
	bool		ended;

	params.ping_interval_ms = 50;
	params.pong_timeout_ms = 500;
	open_with(wire, &params, &event);
	ended = await(wire, &event, 700);
	ok(!ended && server->count >= 6,
	   "pings are sent (%d), pongs keep alive", server->count);

	/* The consumer was away; the pong has been waiting in the socket. */
	turn(wire, 60);
	usleep(700000);
	ok(!await(wire, &event, 300), "a late consumer does not kill it");
	peer_stop(server);
	cs_wire_destroy(wire);
}

int
main(void)
{
	test_flow(false);
	test_flow(true);
	test_silence();
	test_pongs();
	return tap_end();
}
