/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  The transport: one event loop and its client connections.
 *
 * This room turns URLs into streams of whole messages.  It knows no chain
 * and no PostgreSQL; libwebsockets and libuv are used nowhere else.
 *
 * The caller owns the waiting.  It waits until cs_wire_fd() is readable or
 * cs_wire_timeout() has passed, calls cs_wire_run(), and then takes what
 * happened with cs_wire_next().  Nothing is ever reported by callback: an
 * event is consumed when no library frame is on the stack, so the consumer
 * may throw, block or close connections as it likes.
 *
 * Everything here is single-threaded, except that names are resolved in a
 * short-lived thread of their own, because getaddrinfo() cannot be asked not
 * to block and a dead name server must not delay anything else.
 *
 * Memory comes from malloc.  No function throws; those that can fail say so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WIRE_H
#define CS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CsWire CsWire;
typedef struct CsConnection CsConnection;

/* Longest text of a reason, a URL error, a peer's name; with its NUL. */
#define CS_WIRE_REASON_MAX 256

/* How serious a line of the transport's own log is. */
typedef enum CsWireLogLevel
{
	CS_WIRE_LOG_DEBUG,
	CS_WIRE_LOG_NOTICE,
	CS_WIRE_LOG_WARNING,
	CS_WIRE_LOG_ERROR
} CsWireLogLevel;

typedef struct CsWireOptions
{
	size_t		message_limit;	/* a longer message closes its connection */
	size_t		inbox_limit;	/* bytes of undelivered and unreleased
								 * messages at which reading pauses */
	const char *tls_ca;			/* absolute path of a PEM file of the only
								 * authorities to trust; NULL: the system's */
	CsWireLogLevel log_level;	/* lines below it are not kept */
} CsWireOptions;

/* What may be spoken over a connection. */
typedef enum CsTransport
{
	CS_TRANSPORT_WEBSOCKET,
	CS_TRANSPORT_EVENTS,		/* server-sent events: the data of each event is
								 * a message; nothing can be sent */
	CS_TRANSPORT_HTTP			/* one request: the body of its answer, whatever
								 * its status, is the one message, and the
								 * connection is closed then */
} CsTransport;

typedef struct CsHeader
{
	const char *name;			/* without the colon */
	const char *value;
} CsHeader;

typedef struct CsConnectParams
{
	CsTransport transport;
	const char *url;			/* scheme (ws, wss; http, https), host, port,
								 * path, query */
	const char *body;			/* EVENTS, HTTP: to be POSTed; NULL: GET */
	const CsHeader *headers;	/* additional request headers; with a body,
								 * Content-Type is yours to give */
	int			header_count;
	bool		accept_binary;	/* else a binary frame closes the connection */
	bool		tls_insecure;	/* do not verify the peer; for tests */
	int			connect_timeout_ms; /* name, TCP, TLS, and the request until
									 * the head of its answer, together */
	int			ping_interval_ms;	/* send a ping this often; 0: never.  Only
									 * WebSockets have pings */
	int			pong_timeout_ms;	/* dead when a ping is unanswered so long,
									 * and nothing else came either; 0: never */
	int			idle_timeout_ms;	/* dead when no byte came for so long; 0:
									 * never.  Counts every byte of the peer,
									 * pings and comments included */
	void	   *owner;			/* comes back with each event */
} CsConnectParams;

typedef enum CsWireEventKind
{
	CS_WIRE_OPENED,				/* the handshake succeeded; HTTP: the head of
								 * the answer is there */
	CS_WIRE_MESSAGE,			/* one whole message */
	CS_WIRE_CLOSED				/* failed, or was closed by either side; the
								 * connection is gone when this is taken */
} CsWireEventKind;

typedef struct CsWireEvent
{
	CsWireEventKind kind;
	CsConnection *connection;
	void	   *owner;

	/* CS_WIRE_MESSAGE: valid until cs_wire_release(), NUL-terminated */
	const char *data;
	size_t		length;
	bool		binary;
	int64_t		received_at;	/* microseconds since 1970 */

	/* CS_WIRE_MESSAGE of HTTP; CS_WIRE_CLOSED if the handshake was refused */
	int			http_status;	/* 0: none */
	int			retry_after_s;	/* what the peer asked for; 0: nothing */

	/* CS_WIRE_CLOSED */
	bool		was_open;		/* CS_WIRE_OPENED had been reported */
	int			close_code;		/* of the peer's close frame; 0: none came */
	char		reason[CS_WIRE_REASON_MAX]; /* for people: which step failed
											 * and why; never empty, never
											 * holds a query string or header */
} CsWireEvent;

/*
 * Make an event loop.  Returns NULL, with the reason in *reason*, when the
 * libraries refuse; the usual cause is that the libuv plug-in of
 * libwebsockets is not installed.
 */
extern CsWire *cs_wire_create(const CsWireOptions *options,
							  char reason[CS_WIRE_REASON_MAX]);

/*
 * Close what is open, sending close frames where the socket takes them at
 * once, and free everything.  Never waits for a peer or a name server.
 */
extern void cs_wire_destroy(CsWire *wire);

/* The descriptor that becomes readable when there is work; stays the same. */
extern int	cs_wire_fd(const CsWire *wire);

/* Milliseconds until cs_wire_run() must be called anyway; -1: no limit. */
extern int	cs_wire_timeout(const CsWire *wire);

/*
 * Do what is due without waiting: reads what has come (up to the inbox
 * limit), writes, runs timers.  Returns true if reading made progress, so
 * that calling again at once may find more.
 */
extern bool cs_wire_run(CsWire *wire);

/*
 * Take the oldest event.  Returns false when there is none.
 */
extern bool cs_wire_next(CsWire *wire, CsWireEvent *event);

/*
 * Forget the messages taken so far: their data becomes invalid, and reading
 * goes on if the inbox limit had stopped it.
 */
extern void cs_wire_release(CsWire *wire);

/*
 * Stop or restart reading on all connections (flow control reaches the peer
 * through TCP).  Timeouts for idle peers do not run while paused.
 */
extern void cs_wire_pause(CsWire *wire, bool paused);

/*
 * Take the oldest line the libraries logged, without its line feed.  Returns
 * false when there is none.  *line* is valid until the next call.
 */
extern bool cs_wire_next_log(CsWire *wire, CsWireLogLevel *level,
							 const char **line);

/*
 * Begin a connection.  The result is reported as CS_WIRE_OPENED or
 * CS_WIRE_CLOSED.  Returns NULL, with the reason, for what can be seen at
 * once: a malformed or over-long URL, a control character in a header.
 * Copies whatever it keeps of *params*.
 */
extern CsConnection *cs_connection_open(CsWire *wire,
										const CsConnectParams *params,
										char reason[CS_WIRE_REASON_MAX]);

/*
 * Queue one message.  Returns false if the connection is not open, is not a
 * WebSocket, or memory is short; otherwise it will be sent, or the connection
 * reported closed.
 */
extern bool cs_connection_send(CsConnection *connection, const char *data,
							   size_t length, bool binary);

/*
 * Close with this code (1000: done) and reason, which only WebSockets tell the
 * peer; CS_WIRE_CLOSED follows soon, whatever it does.  Messages already in
 * the inbox are still delivered.
 */
extern void cs_connection_close(CsConnection *connection, int code,
								const char *reason);

/* The steps on the way to an open connection, in order. */
typedef enum CsPhase
{
	CS_PHASE_NAME,				/* the host's addresses are asked for */
	CS_PHASE_TCP,
	CS_PHASE_TLS,				/* left out without TLS */
	CS_PHASE_HANDSHAKE,			/* the request, until the head of its answer */
	CS_PHASE_OPEN				/* open, or past it */
} CsPhase;

/*
 * The step a connection is at, or failed in.  Not to be asked of one whose
 * CS_WIRE_CLOSED was taken.
 */
extern CsPhase cs_connection_phase(const CsConnection *connection);

/* Bytes of payload received and sent so far. */
extern uint64_t cs_connection_bytes_in(const CsConnection *connection);
extern uint64_t cs_connection_bytes_out(const CsConnection *connection);

/*
 * Check a URL without connecting: scheme, host, port, length, characters.
 * *schemes* is a NULL-terminated list such as {"ws", "wss"}.
 */
extern bool cs_url_check(const char *url, const char *const *schemes,
						 char reason[CS_WIRE_REASON_MAX]);

#endif							/* CS_WIRE_H */
