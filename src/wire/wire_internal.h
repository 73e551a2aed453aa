/*-------------------------------------------------------------------------
 *
 * wire_internal.h
 *	  What the files of the transport share; included by nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WIRE_INTERNAL_H
#define CS_WIRE_INTERNAL_H

#include <libwebsockets.h>
#include <netdb.h>
#include <uv.h>

#include "wire/wire.h"

/* Bytes the library reads from a socket at once. */
#define CS_READ_SIZE (128 * 1024)

/* ---------- url.c ---------- */

typedef struct CsUrl
{
	bool		secure;
	int			port;
	char		host[128];		/* without brackets */
	char		authority[160]; /* for the Host header */
	char		path[2048];		/* with the query */
} CsUrl;

extern bool cs_url_parse(const char *url, CsUrl *parsed,
						 char reason[CS_WIRE_REASON_MAX]);

/* ---------- inbox.c: messages and events, in order of arrival ---------- */

typedef struct CsChunk CsChunk;

typedef struct CsQueued
{
	CsWireEvent event;
	CsChunk    *chunk;			/* holds event.data; NULL: none does */
} CsQueued;

typedef struct CsInbox
{
	CsChunk    *chunks;			/* in use; the first is being filled */
	CsChunk    *spare;			/* kept for reuse */
	CsQueued   *queue;			/* ring */
	size_t		queue_capacity;
	size_t		queue_first;
	size_t		queue_count;
	size_t		bytes;			/* of messages not yet released */
} CsInbox;

/* Room for a message of this length and a NUL, or NULL. */
extern char *cs_inbox_alloc(CsInbox *inbox, size_t length, CsChunk **chunk);

/* Queue an event; false: no memory. */
extern bool cs_inbox_put(CsInbox *inbox, const CsWireEvent *event, CsChunk *chunk);
extern bool cs_inbox_take(CsInbox *inbox, CsWireEvent *event);

/* Forget the data of the events taken. */
extern void cs_inbox_release(CsInbox *inbox);
extern void cs_inbox_free(CsInbox *inbox);

/* ---------- resolve.c: names, without blocking ---------- */

#define CS_ADDRESSES_MAX 8

typedef struct CsResolver CsResolver;

typedef struct CsResolved
{
	void	   *owner;			/* as given; NULL: cancelled meanwhile */
	int			count;
	char		addresses[CS_ADDRESSES_MAX][INET6_ADDRSTRLEN];
	char		reason[CS_WIRE_REASON_MAX]; /* if count is 0 */
} CsResolved;

extern CsResolver *cs_resolver_create(void);

/* Never waits for the threads; they end by themselves. */
extern void cs_resolver_destroy(CsResolver *resolver);

/* Becomes readable when there is an answer. */
extern int	cs_resolver_fd(const CsResolver *resolver);
extern bool cs_resolver_ask(CsResolver *resolver, const char *host, void *owner);
extern bool cs_resolver_answer(CsResolver *resolver, CsResolved *answer);
extern void cs_resolver_cancel(CsResolver *resolver, const void *owner);

/* ---------- loop.c and connection.c ---------- */

typedef struct CsOutgoing
{
	struct CsOutgoing *next;
	size_t		length;
	bool		binary;
	unsigned char data[];		/* LWS_PRE bytes, then the message */
} CsOutgoing;

typedef enum CsConnectionState
{
	CS_CONNECTION_RESOLVING,
	CS_CONNECTION_CONNECTING,
	CS_CONNECTION_OPEN,
	CS_CONNECTION_CLOSING,		/* we asked for it */
	CS_CONNECTION_GONE			/* reported, waits to be taken */
} CsConnectionState;

struct CsConnection
{
	CsConnection *next;
	CsWire	   *wire;
	struct lws *wsi;			/* NULL: none */
	CsConnectionState state;
	CsConnectParams params;		/* its texts are not kept, but see below */
	CsUrl		url;
	CsHeader   *headers;		/* own copies */
	CsResolved	addresses;
	int			address_next;
	bool		was_open;

	/* a message that comes in pieces */
	char	   *partial;
	size_t		partial_length;
	size_t		partial_capacity;
	bool		partial_binary;

	CsOutgoing *out_first;
	CsOutgoing *out_last;

	/* times of uv_now(), in ms; 0: not set */
	uint64_t	connect_deadline;
	uint64_t	ping_due;
	uint64_t	pong_deadline;
	uint64_t	idle_check;
	uint64_t	close_deadline;
	bool		send_ping;

	int			close_code;		/* the peer's, or ours to send */
	int			http_status;
	int			retry_after_s;
	char		reason[CS_WIRE_REASON_MAX];
	uint64_t	bytes_in;
	uint64_t	bytes_out;
};

struct CsWire
{
	uv_loop_t	loop;
	uv_poll_t	resolver_poll;
	uv_timer_t	timer;			/* the next deadline of any connection */
	struct lws_context *context;
	CsResolver *resolver;
	CsConnection *connections;
	CsInbox		inbox;
	size_t		message_limit;
	size_t		inbox_limit;
	bool		paused;			/* by the caller */
	bool		held;			/* reading is stopped, for whatever reason */
	bool		retime;			/* a deadline was set inside the library */
	bool		progress;		/* something was read in this run */
	int64_t		now_us;			/* wall clock at the start of this run */
	char	   *tls_ca;
};

/* Set in loop.c; the library's log is one per process. */
extern char cs_last_error_line[CS_WIRE_REASON_MAX];

/* Stop or restart reading according to the inbox and the caller. */
extern void cs_wire_regulate(CsWire *wire);

/* Let the loop look at what was asked of the library from outside it. */
extern void cs_wire_kick(CsWire *wire);

/* Run the deadlines that have passed and arm the timer for the next. */
extern void cs_connections_tick(CsWire *wire);

/* The resolver has answered. */
extern void cs_connection_resolved(CsConnection *connection,
								   const CsResolved *answer);

/* Free a connection that was reported closed. */
extern void cs_connection_free(CsConnection *connection);

/* Drop the connection without a word; nothing is reported. */
extern void cs_connection_abandon(CsConnection *connection);

/* The library's one callback. */
extern int	cs_lws_callback(struct lws *wsi, enum lws_callback_reasons reason,
							void *user, void *in, size_t length);

#endif							/* CS_WIRE_INTERNAL_H */
