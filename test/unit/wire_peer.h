/*-------------------------------------------------------------------------
 *
 * wire_peer.h
 *	  The other side of the transport's tests: a server of WebSockets and HTTP
 *	  that does exactly as it is told, right or wrong.
 *
 * A PeerServer listens on a loopback port and runs its script, in a thread,
 * for one connection after the other.  The script reads and writes single
 * frames, or raw bytes.  Nothing blocks for more than ten seconds.
 *
 * Also the client's side of every test: a wire, and waiting for its events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H

#include <netdb.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tap.h"
#include "wire/wire.h"

/* First byte of a frame: FIN and the opcode. */
#define FRAME_TEXT 0x81
#define FRAME_BINARY 0x82
#define FRAME_CLOSE 0x88
#define FRAME_PING 0x89
#define FRAME_PONG 0x8A
#define FRAME_FIRST 0x01		/* text, more to follow */
#define FRAME_MORE 0x00
#define FRAME_LAST 0x80

typedef struct PeerServer PeerServer;

typedef struct Peer
{
	PeerServer *server;
	int			fd;
	SSL		   *ssl;
	char		request[8192];	/* the handshake, as it came */
} Peer;

typedef void (*PeerScript) (Peer *peer);

struct PeerServer
{
	PeerScript	script;
	const char *address;
	int			listener;
	int			port;
	SSL_CTX    *tls;
	pthread_t	thread;
	atomic_int	connections;	/* accepted so far */
	atomic_int	active;			/* descriptor of the one being served; -1 */
	atomic_bool stopping;

	/* what scripts tell the test */
	atomic_int	count;
	atomic_int	close_code;		/* of the client's close frame */
	atomic_llong number;
	char		request[8192];	/* of the last connection */
};

/* Listen on 127.0.0.1 (or *address*), on any port. */
extern PeerServer *peer_start(PeerScript script);
extern PeerServer *peer_start_at(PeerScript script, const char *address,
								 int port, const char *cert, const char *key);
extern PeerServer *peer_start_tls(PeerScript script, const char *name,
								  const char *address);
extern void peer_stop(PeerServer *server);
extern char *peer_url(const PeerServer *server, const char *rest);
extern char *peer_http_url(const PeerServer *server, const char *rest);

/*
 * A server that answers each request with this text.  How, is in peer_how,
 * which this resets.
 */
typedef struct PeerHow
{
	size_t		step;			/* bytes of a write; 0: all at once */
	bool		stays;			/* the connection stays open behind it */
	bool		resets;			/* or is reset, when it was read */
} PeerHow;

extern PeerHow peer_how;
extern PeerServer *peer_says(const char *text);

/* A listener whose queue is full: what comes then gets no answer. */
extern int	black_hole(int fds[4], int *port);

/* The test CA: to be made first, and removed; "ca.pem", "server.pem", ... */
extern void certificates_make(void);
extern void certificates_remove(void);
extern const char *certificate(const char *file);

/* For scripts; all return false when the client is gone. */
extern bool peer_upgrade(Peer *peer);	/* read the request, answer 101 */
extern bool peer_request(Peer *peer);	/* only read it */
extern size_t peer_answer(const Peer *peer, char *text, size_t size);
extern bool peer_write(Peer *peer, const void *data, size_t length);
extern bool peer_frame(Peer *peer, int first, const void *data, size_t length);
extern int	peer_receive(Peer *peer, char **data, size_t *length);
extern void peer_finish(Peer *peer);	/* read until the client is gone */
extern bool peer_say(Peer *peer, const char *text);
extern bool peer_chunk(Peer *peer, const char *data, size_t length);
extern char *peer_body(Peer *peer, size_t *length); /* of the request; to be
													 * freed; NULL: gone */
extern void peer_drain(Peer *peer);	/* read anything until it is gone */
extern void peer_reset(Peer *peer); /* the end will be a reset */

/* ---------- the client's side ---------- */

extern CsWire *wire_start(size_t message_limit, size_t inbox_limit,
						  const char *tls_ca);
extern int64_t milliseconds(void);

/* One turn: wait at most so long, then run.  Returns what the run did. */
extern bool turn(CsWire *wire, int timeout);

/* The next event; false if none comes in time. */
extern bool await(CsWire *wire, CsWireEvent *event, int timeout);

/* Open with default parameters, wait for CS_WIRE_OPENED or its failure. */
extern CsConnectParams params_for(const char *url);
extern CsConnectParams stream_params(const PeerServer *server, const char *rest);
extern CsConnectParams http_params(const PeerServer *server, const char *rest);
extern CsConnection *open_url(CsWire *wire, const char *url);
extern CsConnection *open_with(CsWire *wire, const CsConnectParams *params,
							   CsWireEvent *event);

/* Open it, which must fail; *event* says why. */
extern bool fails(CsWire *wire, const CsConnectParams *params,
				  CsWireEvent *event);

/* Wait for the end of all connections of the wire there are, one event. */
extern bool await_closed(CsWire *wire, CsWireEvent *event, int timeout);

/* Wait until what a script tells is as expected; false if that never comes. */
extern bool settles(CsWire *wire, atomic_int *value, int expected);

/* A check that *text* contains *part*. */
extern bool contains(const char *text, const char *part, const char *name);

#endif							/* WIRE_PEER_H */
