/*-------------------------------------------------------------------------
 *
 * wire_test.c
 *	  The transport, once connected: messages, limits, ends.
 *
 * How connections come about is the business of wire_connect_test.c, the
 * flow of messages that of wire_flow_test.c.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <sys/socket.h>
#include <time.h>
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

/* ---------- messages ---------- */

static void
script_echo(Peer *peer)
{
	char	   *data;
	size_t		length;
	int			first;

	if (!peer_upgrade(peer))
		return;
	while ((first = peer_receive(peer, &data, &length)) >= 0)
	{
		peer_frame(peer, first, data, length);
		free(data);
		if (first == FRAME_CLOSE)
			break;
	}
}

static void
test_echo(void)
{
	static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 65537,
	200000, 3 * 1024 * 1024};
	PeerServer *server = peer_start(script_echo);
	CsWire	   *wire = wire_start(4 * MIB, 16 * MIB, NULL);
	CsConnectParams params = params_for(peer_url(server, "/"));
	CsConnection *connection;
	CsWireEvent event;
	uint64_t	total = 0;

	params.accept_binary = true;
	params.owner = server;
	connection = open_with(wire, &params, &event);
	ok(connection != NULL && event.owner == server, "opens, and knows its owner");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
	{
		char	   *text = pattern(sizes[i]);
		bool		binary = i % 2 == 1;

		total += sizes[i];
		ok(cs_connection_send(connection, text, sizes[i], binary) &&
		   await(wire, &event, 5000) && event.kind == CS_WIRE_MESSAGE &&
		   event.length == sizes[i] && event.binary == binary &&
		   memcmp(event.data, text, sizes[i] + 1) == 0,
		   "%s message of %zu bytes there and back",
		   binary ? "binary" : "text", sizes[i]);
		ok(llabs((long long) time(NULL) * 1000000 - event.received_at) <
		   5000000, "received now");
		cs_wire_release(wire);
		free(text);
	}
	ok(cs_connection_bytes_in(connection) == total &&
	   cs_connection_bytes_out(connection) == total, "bytes are counted");
	cs_connection_close(connection, 1000, "done");
	ok(!cs_connection_send(connection, "x", 1, false),
	   "nothing can be sent after close");
	ok(await_closed(wire, &event, 3000) && event.was_open,
	   "closes when told");
	is(event.reason, "closed by this side: done", "and says so");
	ok(settles(wire, &server->close_code, 1000), "the peer was told 1000");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* 500 fragments, pings between them, and bytes that come one by one. */
static void
script_fragments(Peer *peer)
{
	char	   *text = pattern(50000);
	char	   *data;
	size_t		length;
	char		bytes[8] = {(char) FRAME_TEXT, 3, 'o', 'n', 'e'};

	if (peer_upgrade(peer))
	{
		for (int i = 0; i < 500; i++)
		{
			peer_frame(peer, i == 0 ? FRAME_FIRST : i == 499 ? FRAME_LAST :
					   FRAME_MORE, text + (size_t) i * 100, 100);
			if (i % 10 == 0)
				peer_frame(peer, FRAME_MORE, "", 0);
			if (i % 50 == 0)
			{
				peer_frame(peer, FRAME_PING, "are you there", 13);
				if (peer_receive(peer, &data, &length) == FRAME_PONG &&
					strcmp(data, "are you there") == 0)
					peer->server->count++;
				free(data);
			}
		}
		for (int i = 0; i < 5; i++)
		{
			peer_write(peer, bytes + i, 1);
			usleep(2000);
		}
		peer_frame(peer, FRAME_FIRST, "", 0);
		peer_frame(peer, FRAME_LAST, "", 0);
		peer_finish(peer);
	}
	free(text);
}

static void
test_fragments(void)
{
	PeerServer *server = peer_start(script_fragments);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	char	   *text = pattern(50000);
	CsWireEvent event;

	open_url(wire, peer_url(server, "/"));
	ok(await(wire, &event, 5000) && event.length == 50000 &&
	   memcmp(event.data, text, 50001) == 0, "500 fragments are one message");
	ok(server->count == 10, "pings between them are answered");
	ok(await(wire, &event, 5000) && event.length == 3 &&
	   strcmp(event.data, "one") == 0, "a frame in single bytes");
	ok(await(wire, &event, 5000) && event.kind == CS_WIRE_MESSAGE &&
	   event.length == 0, "an empty message in two empty fragments");
	free(text);
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* Messages in the same segment as the answer to the handshake. */
static void
script_hasty(Peer *peer)
{
	char		answer[1024];
	size_t		length;

	if (!peer_request(peer))
		return;
	length = peer_answer(peer, answer, sizeof(answer));
	memcpy(answer + length, "\x81\x05hasty\x81\x04" "more\x01\x03" "abc", 18);
	peer_write(peer, answer, length + 18);
	peer_frame(peer, FRAME_LAST, "def", 3);
	peer_finish(peer);
}

static void
test_hasty(void)
{
	PeerServer *server = peer_start(script_hasty);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;

	open_url(wire, peer_url(server, "/"));
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE &&
	   strcmp(event.data, "hasty") == 0,
	   "a message that comes with the answer to the handshake");
	ok(await(wire, &event, 3000) && strcmp(event.data, "more") == 0,
	   "and another");
	ok(await(wire, &event, 3000) && event.length == 6 &&
	   strcmp(event.data, "abcdef") == 0, "and one that had only begun");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* ---------- what is refused ---------- */

static void
script_binary(Peer *peer)
{
	if (!peer_upgrade(peer))
		return;
	peer_frame(peer, FRAME_TEXT, "text", 4);
	peer_frame(peer, FRAME_BINARY, "\0\1", 2);
	peer_finish(peer);
}

static void
test_binary(void)
{
	PeerServer *server = peer_start(script_binary);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;

	open_url(wire, peer_url(server, "/"));
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_MESSAGE,
	   "text before binary is delivered");
	ok(await(wire, &event, 3000) && event.kind == CS_WIRE_CLOSED,
	   "an unexpected binary message closes");
	contains(event.reason, "binary", "with a reason");
	ok(settles(wire, &server->close_code, 1003), "and code 1003");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* One frame far over the limit, which goes on after it was refused. */
static void
script_huge(Peer *peer)
{
	char	   *text = pattern(8 * MIB);

	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_TEXT, text, MIB);
		peer_frame(peer, FRAME_TEXT, text, 8 * MIB);
		peer_finish(peer);
	}
	free(text);
}

/* Pieces that together are too much. */
static void
script_many(Peer *peer)
{
	char	   *text = pattern(1000);

	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_FIRST, text, 1000);
		while (peer->server->count++ < 5000 &&
			   peer_frame(peer, FRAME_MORE, text, 1000))
			;
		peer_finish(peer);
	}
	free(text);
}

/* A length that no machine has. */
static void
script_endless(Peer *peer)
{
	if (!peer_upgrade(peer))
		return;
	peer_write(peer, "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
	for (int i = 0; i < 20000; i++)
	{
		if (!peer_write(peer, "0123456789", 10))
			break;
	}
	peer_finish(peer);
}

static void
test_limit(PeerScript script, const char *size, const char *name)
{
	PeerServer *server = peer_start(script);
	CsWire	   *wire = wire_start(MIB, 16 * MIB, NULL);
	CsWireEvent event;
	bool		got = false;

	if (open_url(wire, peer_url(server, "/")) == NULL)
		bail_out("cannot go on");
	while (await(wire, &event, 5000) && event.kind == CS_WIRE_MESSAGE)
		got = event.length == MIB;
	ok(event.kind == CS_WIRE_CLOSED, "%s: closes", name);
	ok(got == (script == script_huge), "%s: a message of just the limit", name);
	contains(event.reason, size, "the reason says how large it was");
	contains(event.reason, "1048576", "and what the limit is");
	ok(settles(wire, &server->close_code, 1009), "the peer was told 1009");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* ---------- ends ---------- */

static void
script_bye(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_TEXT, "last", 4);
		peer_frame(peer, FRAME_CLOSE, "\x03\xe9" "going away now", 16);
		peer_finish(peer);
	}
}

static void
script_later(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_CLOSE, "\x03\xf5key=sesame-1\n", 15);
		peer_finish(peer);
	}
}

static void
script_silent_bye(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_CLOSE, "", 0);
		peer_finish(peer);
	}
}

static void
script_hangup(Peer *peer)
{
	peer_upgrade(peer);
}

static void
script_reset(Peer *peer)
{
	struct linger now = {1, 0};

	/* A reset would take the answer along if that was not read yet. */
	if (peer_upgrade(peer) && settles(NULL, &peer->server->count, 1))
		setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
script_nonsense(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		peer_write(peer, "\x83\x05hello", 7);
		peer_finish(peer);
	}
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

/* Random bytes, some of which look like frames. */
static void
script_garbage(Peer *peer)
{
	unsigned	seed = (unsigned) ++peer->server->count;
	unsigned char bytes[3000];
	size_t		length = (size_t) rand_r(&seed) % sizeof(bytes);

	if (!peer_upgrade(peer))
		return;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char) (rand_r(&seed) >> 8);
	for (size_t i = 0; i + 8 < length; i += (size_t) rand_r(&seed) % 60)
	{
		bytes[i] = (unsigned char) ((rand_r(&seed) % 2) << 7 |
									rand_r(&seed) % 16);
		bytes[i + 1] = (unsigned char) (rand_r(&seed) % 128);
	}
	peer_write(peer, bytes, length);
}

static void
test_garbage(void)
{
	PeerServer *server = peer_start(script_garbage);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;
	int			ended = 0;

	for (int i = 0; i < 300; i++)
	{
		if (open_url(wire, peer_url(server, "/")) == NULL ||
			!await_closed(wire, &event, 3000))
			break;
		cs_wire_release(wire);
		ended++;
	}
	ok(ended == 300, "garbage ends a connection, and nothing else (%d)", ended);
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_end(PeerScript script, int code, const char *reason)
{
	PeerServer *server = peer_start(script);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;
	bool		closed;

	open_url(wire, peer_url(server, "/?key=sesame-1"));
	server->count = 1;
	closed = await_closed(wire, &event, 3000);
	ok(closed && event.was_open &&
	   (event.close_code == code ||
		(code == 1013 && event.close_code == 1002)) &&
	   event.http_status == 0,
	   "the end is reported, with code %d", event.close_code);
	contains(event.reason, reason, "and why");
	ok(strstr(event.reason, "sesame") == NULL, "and nothing that was secret");
	ok(!await(wire, &event, 50), "once");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_deaf(void)
{
	PeerServer *server = peer_start(script_deaf);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnection *connection = open_url(wire, peer_url(server, "/"));
	CsWireEvent event;
	int64_t		start = milliseconds();
	int64_t		took;

	cs_connection_close(connection, 1000, "");
	ok(await_closed(wire, &event, 5000), "a peer that ignores our close");
	took = milliseconds() - start;
	ok(took >= 900 && took < 2500, "is left after a second (%lld ms)",
	   (long long) took);

	/* Its buffers full, so that not even the close frame gets out. */
	peer_stop(server);
	server = peer_start(script_deaf);
	connection = open_url(wire, peer_url(server, "/"));
	for (int i = 0; i < 20; i++)
	{
		char	   *text = pattern(MIB);

		cs_connection_send(connection, text, MIB, false);
		turn(wire, 0);
		free(text);
	}
	cs_connection_close(connection, 1000, "");
	start = milliseconds();
	ok(await_closed(wire, &event, 5000) && milliseconds() - start < 2500,
	   "even if it reads nothing");
	start = milliseconds();
	cs_wire_destroy(wire);
	ok(milliseconds() - start < 500, "and the loop ends at once");
	peer_stop(server);
}

int
main(void)
{
	test_echo();
	test_fragments();
	test_hasty();
	test_binary();
	test_limit(script_huge, "8388608", "one huge frame");
	test_limit(script_many, "at least", "many pieces");
	test_limit(script_endless, "9223372036854775807", "an absurd length");
	test_end(script_bye, 1001, "with code 1001: going away now");
	test_end(script_later, 1013, "with code 10");
	test_end(script_silent_bye, 0, "the server closed the connection");
	test_end(script_hangup, 0, "without a close frame");
	test_end(script_reset, 0, "connection reset by the server");
	test_end(script_nonsense, 0, "not valid WebSocket data");
	test_garbage();
	test_deaf();
	return tap_end();
}
