/*-------------------------------------------------------------------------
 *
 * internal.h
 *	  What the files of the transport share, and nobody else sees.
 *
 *	  loop.c		 CsWire: the loop, and the order of work in one run
 *	  connection.c	 a connection's life: wishes, deadlines, ends
 *	  dial.c		 how it comes up
 *	  handshake.c	 the request, and what becomes of it
 *	  callbacks.c	 what libwebsockets tells us about a connection; WebSocket
 *	  http.c		 answers of HTTP, whole or as a stream of events
 *	  events.c		 reading a stream of server-sent events
 *	  partial.c		 a message that comes in pieces
 *	  inbox.c		 events and received messages waiting for the consumer
 *	  phase.c		 how far a connection has come, for people
 *	  resolve.c		 names to addresses, in a thread
 *	  tls.c			 trust, and why it was refused
 *	  url.c			 reading and checking URLs and headers
 *	  log.c			 the libraries' log lines; texts for people
 *
 * The rule that keeps this correct: a callback of a library copies, notes
 * and returns.  Everything that acts on a connection (dial, kill, report)
 * happens in cs_connection_act() between two turns of the loop.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WIRE_INTERNAL_H
#define CS_WIRE_INTERNAL_H

#include <libwebsockets.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "wire/events.h"
#include "wire/wire.h"

/*
 * One read takes at most this much from a socket.  It is also the largest
 * piece of a frame libwebsockets hands over, so that a smaller message always
 * arrives whole.
 */
#define CS_READ_SIZE ((size_t) 64 * 1024)

/* A message in pieces up to this size is copied into the inbox when whole. */
#define CS_SMALL_MESSAGE ((size_t) 64 * 1024)

/* Limits of libwebsockets' fixed buffers for the request. */
#define CS_HOST_MAX 110
#define CS_PATH_MAX 2000
#define CS_HEADERS_MAX 8192

#define CS_NUMERIC_MAX 64		/* a numeric address with its zone */
#define CS_ADDRESSES_MAX 16		/* of one name that are tried */
#define CS_PEER_MAX 192			/* "name (address) port number" */
#define CS_CLOSE_WAIT_MS 1000	/* for the peer to answer our close frame, or
								 * to finish its refusal */

/* ---------- url.c ---------- */

typedef struct CsUrl
{
	char		host[CS_HOST_MAX + 1];	/* without brackets */
	char		authority[CS_HOST_MAX + 16];	/* as in the Host header */
	char		path[CS_PATH_MAX + 1];	/* with the query */
	char	   *query;			/* inside path; NULL: none */
	int			port;
	bool		tls;
	bool		literal;		/* host is an address, not a name */
	bool		ipv6;			/* and it is one of these */
} CsUrl;

extern bool cs_url_parse(const char *text, const char *const *schemes,
						 CsUrl *url, char reason[CS_WIRE_REASON_MAX]);
extern bool cs_headers_check(const CsHeader *headers, int count,
							 char reason[CS_WIRE_REASON_MAX]);

/* ---------- log.c ---------- */

extern void cs_log_start(CsWireLogLevel level);
extern bool cs_log_take(CsWireLogLevel *level, char *line, size_t size);
extern void cs_text_clean(char *text);
extern void cs_text_hide(char *text, const char *secret);

/* ---------- inbox.c ---------- */

typedef struct CsChunk CsChunk;

/* An event in the queue; what a CsWireEvent of its kind needs. */
typedef struct CsEntry
{
	CsWireEventKind kind;
	bool		binary;
	CsConnection *connection;
	CsChunk    *chunk;			/* that holds data */
	const char *data;
	size_t		length;
	int64_t		received_at;
} CsEntry;

typedef struct CsInbox
{
	CsChunk    *chunks;			/* all with messages, and the current one */
	CsChunk    *current;		/* being filled; also in chunks */
	CsChunk    *spares;
	int			spare_count;
	size_t		chunk_size;
	CsEntry    *ring;			/* capacity is a power of two */
	size_t		capacity;
	size_t		first;
	size_t		count;
	size_t		reserved;		/* room kept for events that must not fail */
	size_t		bytes;			/* of messages not released */
	size_t		taken_bytes;	/* of those, already taken */
} CsInbox;

extern void cs_inbox_init(CsInbox *inbox, size_t limit);
extern void cs_inbox_free(CsInbox *inbox);
extern bool cs_inbox_reserve(CsInbox *inbox, size_t more);
extern void cs_inbox_push(CsInbox *inbox, CsWireEventKind kind,
						  CsConnection *connection);
extern bool cs_inbox_add(CsInbox *inbox, CsConnection *connection,
						 const char *data, size_t length, bool binary,
						 int64_t received_at);
extern bool cs_inbox_adopt(CsInbox *inbox, CsConnection *connection,
						   char *data, size_t length, bool binary,
						   int64_t received_at);
extern bool cs_inbox_take(CsInbox *inbox, CsEntry *entry);
extern void cs_inbox_release(CsInbox *inbox);

/* ---------- resolve.c ---------- */

typedef struct CsResolution CsResolution;

extern CsResolution *cs_resolve_start(const char *host, int port,
									  uv_async_t *wakeup);
extern bool cs_resolve_done(CsResolution *resolution,
							char addresses[][CS_NUMERIC_MAX], int *count,
							char reason[CS_WIRE_REASON_MAX]);
extern void cs_resolve_abandon(CsResolution *resolution);

/* ---------- tls.c ---------- */

extern SSL_CTX *cs_tls_create(CsWire *wire);
extern bool cs_tls_load(CsWire *wire, char reason[CS_WIRE_REASON_MAX]);
extern int	cs_tls_verify(CsConnection *connection, X509_STORE_CTX *store,
						  int preverify_ok);
extern void cs_tls_explain(const CsConnection *connection, char *text,
						   size_t size);

/* ---------- connections ---------- */

typedef enum CsConnectionState
{
	CS_RESOLVING,				/* a thread asks for the addresses */
	CS_DIALING,					/* the next address is to be tried */
	CS_CONNECTING,				/* TCP is under way */
	CS_HANDSHAKING,				/* TLS, then the request and its answer */
	CS_OPEN,
	CS_CLOSING,					/* close frames are under way, if there are any */
	CS_GONE						/* reported, or about to be */
} CsConnectionState;

/* A message to send; the text follows LWS_PRE bytes of room. */
typedef struct CsOutgoing
{
	struct CsOutgoing *next;
	size_t		length;
	bool		binary;
	unsigned char buffer[];
} CsOutgoing;

/* How the end of a body is known. */
typedef enum CsFraming
{
	CS_FRAMED_BY_LENGTH,
	CS_FRAMED_BY_CHUNKS,
	CS_FRAMED_BY_CLOSE
} CsFraming;

struct CsConnection
{
	CsConnection *previous;
	CsConnection *next;
	CsWire	   *wire;
	struct lws *wsi;			/* NULL: libwebsockets knows nothing of us */
	CsConnectionState		state;
	CsConnectionState		ended_in;		/* the state before CS_GONE */

	/* as asked for */
	CsTransport transport;
	CsUrl		url;
	char	   *headers;		/* name, NUL, value, NUL, ... empty name */
	void	   *owner;
	bool		accept_binary;
	bool		tls_insecure;
	int64_t		connect_timeout;
	int64_t		ping_interval;
	int64_t		pong_timeout;
	int64_t		idle_timeout;

	/* dialing */
	CsResolution *resolution;
	char		addresses[CS_ADDRESSES_MAX][CS_NUMERIC_MAX];
	int			address_count;
	int			address_next;	/* to be tried; the one before is current */
	bool		attempt_failed;
	int			attempt_errno;	/* 0: not known */

	/* deadlines in milliseconds of cs_now(); 0: none */
	int64_t		connect_due;
	int64_t		attempt_due;
	int64_t		ping_due;
	int64_t		pong_due;
	int64_t		idle_due;
	int64_t		close_due;
	int64_t		last_read;

	/* receiving */
	char	   *partial;		/* message of which more is to come */
	size_t		partial_length;
	size_t		partial_size;
	bool		assembling;
	bool		binary;
	bool		stopped;		/* flow control as libwebsockets knows it */

	/* sending */
	CsOutgoing *out_first;
	CsOutgoing *out_last;
	bool		want_write;		/* libwebsockets is to be asked for a turn */
	bool		want_ping;
	bool		want_close;		/* our close frame is still to be sent */
	bool		drained;		/* and nothing is left before it */
	int			close_send;		/* code and text of our close frame */
	char		close_text[124];

	/* HTTP; the body to be POSTed has LWS_PRE bytes of room before it */
	unsigned char *body;		/* NULL: GET */
	size_t		body_length;
	size_t		body_sent;
	bool		requested;		/* the request was written */
	bool		reading;		/* the body of the answer was read from */
	bool		refused;		/* the answer will not do, only its words */
	bool		refused_whole;	/* and they are all there */
	const char *complaint;		/* why not, if the status does not tell */
	CsFraming	framing;
	char		content_type[64];
	char	   *read_at;		/* of libwebsockets, during a read */
	int			read_length;
	CsEvents	events;

	/* the outcome */
	bool		was_open;
	bool		tls_done;
	int			peer_code;
	int			http_status;
	char		http_line[64];	/* status and its words */
	int			retry_after;
	long		verify_error;	/* X509_V_... of the refused certificate */
	unsigned long tls_error;	/* OpenSSL's packed code */
	int			tls_alert;		/* fatal alert of the peer; -1: none */
	char		reason[CS_WIRE_REASON_MAX];
	uint64_t	bytes_in;
	uint64_t	bytes_out;
};

extern void cs_connection_act(CsConnection *connection, int64_t now);
extern void cs_connection_judge(CsConnection *connection, int64_t now);
extern int64_t cs_connection_due(const CsConnection *connection);
extern void cs_connection_flow(CsConnection *connection, bool stop,
							   int64_t now);
extern void cs_connection_abort(CsConnection *connection, int code,
								const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern void cs_connection_because(CsConnection *connection,
								  const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern void cs_connection_finish(CsConnection *connection);
extern void cs_connection_drop(CsConnection *connection);
extern void cs_connection_give_up(CsConnection *connection);
extern void cs_connection_opened(CsConnection *connection);
extern void cs_connection_free(CsConnection *connection);
extern const char *cs_connection_peer(const CsConnection *connection,
									  char text[CS_PEER_MAX]);
extern void cs_connection_hide(const CsConnection *connection, char *text);

/* ---------- dial.c ---------- */

extern bool cs_connection_begin(CsConnection *connection,
								char reason[CS_WIRE_REASON_MAX]);
extern void cs_connection_dial(CsConnection *connection, int64_t now);

/* ---------- handshake.c ---------- */

extern int	cs_request_headers(CsConnection *connection, struct lws *wsi,
							   unsigned char **at, size_t room);
extern const char *cs_request_name(const CsConnection *connection);
extern void cs_answer_note(CsConnection *connection, struct lws *wsi);
extern void cs_connection_failed(CsConnection *connection, const char *word);

/* ---------- http.c ---------- */

extern void cs_http_answered(CsConnection *connection, struct lws *wsi);
extern void cs_http_refusal(CsConnection *connection);
extern int	cs_http_readable(CsConnection *connection, struct lws *wsi);
extern int	cs_http_receive(CsConnection *connection, const char *data,
							size_t length);
extern int	cs_http_writeable(CsConnection *connection, struct lws *wsi);
extern void cs_http_completed(CsConnection *connection, struct lws *wsi);
extern void cs_http_closed(CsConnection *connection, struct lws *wsi);
extern void cs_http_act(CsConnection *connection);

/* ---------- partial.c ---------- */

extern bool cs_partial_append(CsConnection *connection, const char *data,
							  size_t length);
extern bool cs_partial_deliver(CsConnection *connection);

/* ---------- callbacks.c ---------- */

extern const struct lws_protocols cs_protocols[];

/* ---------- loop.c ---------- */

struct CsWire
{
	uv_loop_t	loop;
	uv_async_t	wakeup;			/* a resolver thread has finished */
	struct lws_context *context;	/* set to NULL by its end */
	struct lws_vhost *vhost;
	int			wakeup_fd;		/* with which it wakes itself; -1: not known */
	mode_t		wakeup_mode;
	SSL_CTX    *tls;
	bool		tls_loaded;		/* the authorities are in it */
	char	   *tls_ca;
	CsInbox		inbox;
	size_t		message_limit;
	size_t		inbox_limit;
	CsConnection *connections;
	CsConnection *recent;		/* whose callback came last */
	CsConnection *graveyard;	/* taken as closed; freed at the next run */
	bool		paused;			/* by the consumer */
	bool		stopped;		/* reading is, for whatever reason */
	bool		acted;			/* libwebsockets was called, or is to be */
	bool		work;			/* something is to be done without waiting */
	bool		progress;		/* something was read */
	int64_t		now;			/* of cs_now(), at the last turn */
	int64_t		received_at;	/* wall clock, likewise */
	char		log_line[CS_WIRE_REASON_MAX * 2];
	char		body[CS_READ_SIZE];	/* into which bodies are read */
};

/* Milliseconds of a clock that only goes forward. */
extern int64_t cs_now(void);

#endif							/* CS_WIRE_INTERNAL_H */
