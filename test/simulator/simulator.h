/*-------------------------------------------------------------------------
 *
 * simulator.h
 *	  What the parts of the provider simulator share.
 *
 * The simulator plays the servers chainstream connects to.  It is one
 * process with one event loop (libwebsockets' own), and these parts:
 *
 *	  simulator.c	main(): the networks of the command line
 *	  options.c		the command line
 *	  server.c		connections, over libwebsockets
 *	  http.c		plain HTTP: requests, answers, streams begun
 *	  listener.c	listening sockets and other descriptors of the loop
 *	  output.c		what is to be written to a client: framing and queue
 *	  traffic.c		which notifications go out when: rates, replay
 *	  faults.c		everything a server can do wrong, on command
 *	  control.c		the port on which those commands arrive
 *	  render.c		JSON to the exact text a server would send
 *	  dialect*.c	one protocol each, behind dialect.h
 *
 * Vocabulary: a *network* is one dialect being served, with its listeners,
 * its clients, its traffic and its faults; a *client* is one WebSocket
 * connection, or one unending response (server-sent events); an *item* is one
 * notification before it is rendered for the clients that shall have it.
 *
 * Memory that cannot be had ends the process: this is a test tool.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIMULATOR_H
#define CS_SIMULATOR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>
#include <libwebsockets.h>

/* Notification topics of one dialect, for the statistics. */
#define CS_SIM_TOPICS_MAX 16

/* Numbers of one dialect that "set" changes. */
#define CS_SIM_SETTINGS_MAX 24

/* Longest text of an error, with its NUL. */
#define CS_SIM_ERROR_MAX 256

/* "rate max": as much as the sockets take */
#define CS_SIM_RATE_MAX UINT64_MAX

typedef struct CsSim CsSim;
typedef struct CsSimNetwork CsSimNetwork;
typedef struct CsSimClient CsSimClient;
typedef struct CsSimListener CsSimListener;
typedef struct CsSimWatch CsSimWatch;
typedef struct CsSimChunk CsSimChunk;
typedef struct CsSimItem CsSimItem;
typedef struct CsSimDialect CsSimDialect;
typedef struct CsSimRequest CsSimRequest;
typedef struct CsSimText CsSimText;

/* ---------- state ---------- */

/* What the command line says of synthetic traffic; dialects read it. */
typedef struct CsSimPool
{
	uint64_t	accounts;		/* size of the pool */
	uint64_t	seed;
	const char **hits;			/* accounts that shall receive, as given */
	size_t		hit_count;
	uint64_t	hit_every;		/* every so many-th transfer goes to one */
	uint64_t	receive_every;	/* every so many-th block is a receive */
} CsSimPool;

/* Which notifications go out, and when. */
typedef struct CsSimTraffic
{
	uint64_t	rate;			/* per second; CS_SIM_RATE_MAX; 0: none */
	uint64_t	limit;			/* stop after so many; 0: never */
	uint64_t	done;			/* so many since the limit was set */
	bool		loop;			/* begin again at the end of the replay */
	bool		hold;			/* wait for the first subscription */
	bool		timestamps;		/* notifications carry the real time */
	int64_t		clock_ms;		/* offset of every time sent */
	CsSimItem **items;			/* the replay; NULL: synthetic */
	size_t		item_count;
	size_t		item_next;
	uint64_t	generated;		/* notifications made, ever */
	int64_t		started_ns;		/* of the present rate, monotonic */
	uint64_t	paced;			/* made since then */
	int			timer;			/* timerfd */
} CsSimTraffic;

/* What the network does wrong at the moment. */
typedef struct CsSimFaults
{
	bool		deaf;			/* nothing is read: no pongs, no answers */
	bool		duplicate;		/* each notification twice */
	bool		reorder;		/* each two notifications swapped */
	int			http_status;	/* instead of 101; 0: none */
	char		http_header[512];	/* to go with it */
	int			handshake_delay_ms; /* between accept and the first byte read */
	bool		mute;			/* no pings, heartbeats or keep-alives */
	int			rest_status;	/* instead of an answer; 0: none */
	uint64_t	rest_count;		/* so often; 0: for ever */
	int			rest_delay_ms;	/* before each answer */
} CsSimFaults;

/* What happened, for audits. */
typedef struct CsSimStats
{
	uint64_t	accepted;		/* clients, ever */
	uint64_t	refused;		/* requests and handshakes, with 4xx or 5xx */
	uint64_t	answered;		/* plain requests, otherwise */
	uint64_t	dropped;		/* notifications that found a queue full */
	uint64_t	requests;		/* messages received */
	uint64_t	sent;			/* notifications written to sockets */
	uint64_t	sent_by_topic[CS_SIM_TOPICS_MAX];
	uint64_t	bytes;			/* written, frames included */
	char		last_hash[80];	/* of the last notification written */
} CsSimStats;

struct CsSimNetwork
{
	CsSim	   *sim;
	char	   *name;			/* the dialect's, or an own one */
	const CsSimDialect *dialect;
	CsSimNetwork *next;
	CsSimClient *clients;
	CsSimPool	pool;
	CsSimTraffic traffic;
	CsSimFaults faults;
	CsSimStats	stats;
	uint32_t	switches;		/* bit i: the dialect's switch i is on */
	uint64_t	settings[CS_SIM_SETTINGS_MAX];	/* as the dialect lists them */
	const char *token;			/* required in every request; NULL: none */
	lws_sorted_usec_list_t timer;	/* cs_sim_network_timer() */
	void	   *state;			/* the dialect's */
};

struct CsSimListener
{
	CsSimListener *next;
	CsSimNetwork *network;
	bool		tls;
	char		address[64];
	int			port;
	int			reserved;		/* bound, not listening, while paused; or -1 */
	CsSimWatch *watch;			/* NULL while paused */
};

/* How a client shall be closed once its queue is written. */
typedef enum CsSimClose
{
	CS_SIM_STAY,
	CS_SIM_CLOSE_FRAME,			/* with close_code and close_reason */
	CS_SIM_CLOSE_EMPTY,			/* close frame without a code */
	CS_SIM_CLOSE_TCP,			/* without a close frame */
	CS_SIM_CLOSING				/* the empty frame is written */
} CsSimClose;

struct CsSimClient
{
	CsSimNetwork *network;
	CsSimClient *next;
	struct lws *wsi;
	uint64_t	id;				/* 1, 2, ... in order of arrival */
	bool		sse;			/* an unending response, no WebSocket */
	CsSimWatch *hangup;			/* of a stream's requester */
	lws_sorted_usec_list_t timer;	/* cs_sim_client_timer() */

	/* input: the message being received */
	char	   *input;
	size_t		input_length;
	size_t		input_size;
	size_t		frame_length;	/* payload so far of the frame */
	uint64_t	message_bytes;	/* of messages, frames included, ever */
	uint64_t	other_bytes;	/* of other frames, when it was looked at */

	/* output */
	CsSimChunk *first;
	CsSimChunk *last;
	size_t		queued;			/* bytes in the chunks */
	size_t		waiting;		/* notifications in the chunks */
	char	   *held;			/* notification kept back by "reorder" */
	size_t		held_length;
	int			held_topic;
	char		held_hash[80];
	bool		stalled;		/* nothing is written for now */
	bool		dead;			/* nothing is read or written any more */
	CsSimClose	close;
	int			close_code;
	char		close_reason[124];

	void	   *state;			/* the dialect's, client_size bytes */
};

struct CsSim
{
	struct lws_context *context;
	struct lws_vhost *plain;
	struct lws_vhost *tls;		/* NULL: no listener needs it */
	CsSimNetwork *networks;
	CsSimListener *listeners;
	FILE	   *journal;		/* NULL: none */
	uint64_t	next_client;
	bool		stopping;
	int64_t		stop_at_us;		/* give up waiting for clients then */
	lws_sorted_usec_list_t stop_timer;
	lws_sorted_usec_list_t stall_timer;
};

/* ---------- server.c ---------- */

/* Make the loop; with TLS if a certificate is given. */
extern void cs_sim_server_start(CsSim *sim, const char *cert, const char *key);

/* Hand an accepted socket to libwebsockets; it speaks for *listener*. */
extern void cs_sim_server_adopt(CsSimListener *listener, int fd);

/* Close every client politely and end the loop when they are gone. */
extern void cs_sim_server_stop(CsSim *sim);

/*
 * Make the client of a connection that was upgraded, or that becomes a stream
 * whose head is *head*.
 */
extern CsSimClient *cs_sim_client_create(struct lws *wsi, bool sse,
										 const CsSimRequest *request,
										 const CsSimText *head);

/*
 * Cut a client off at once without a close frame: with RST, or else with
 * FIN.  Not from a dialect's functions: the client is gone afterwards.
 */
extern void cs_sim_client_drop(CsSimClient *client, bool reset);

/*
 * Close once everything queued is written: with this code and reason; code 0:
 * with an empty close frame.  A stream ends with its last chunk.
 */
extern void cs_sim_client_close(CsSimClient *client, int code,
								const char *reason);

/* End TCP once everything queued is written, without a close frame. */
extern void cs_sim_client_end(CsSimClient *client);

/* Neither write nor read any more, while TCP stays. */
extern void cs_sim_client_freeze(CsSimClient *client);

/*
 * Did the client send frames other than messages since this was asked the
 * last time, and when (as lws_now_usecs() counts)?  These are pongs, mostly:
 * libwebsockets tells only of pongs with a payload.  Over TLS, whose overhead
 * nobody knows here, messages count, too.
 */
extern bool cs_sim_client_signed(CsSimClient *client, int64_t *when);

/* Call the dialect's timer() in so many milliseconds, once; 0: no more. */
extern void cs_sim_client_timer(CsSimClient *client, uint64_t ms);

/* ---------- listener.c ---------- */

/*
 * Call *ready* whenever *fd* is readable.  The loop owns *fd* from now on:
 * cs_sim_unwatch() closes it.
 */
extern CsSimWatch *cs_sim_watch(CsSim *sim, int fd,
								void (*ready) (void *arg, int fd), void *arg);
extern void cs_sim_unwatch(CsSimWatch *watch);

/* The libwebsockets callback behind cs_sim_watch(). */
extern int	cs_sim_watch_callback(struct lws *wsi,
								  enum lws_callback_reasons reason,
								  void *user, void *in, size_t len);

/* Bind and listen; *port* 0 takes a free one.  Returns the socket. */
extern int	cs_sim_listen(const char *address, int *port);

/* Open a network's listener, as "[ADDRESS:]PORT". */
extern CsSimListener *cs_sim_listener_open(CsSimNetwork *network,
										   const char *where, bool tls);

/* Refuse TCP connections (the port stays ours), or accept them again. */
extern bool cs_sim_listener_pause(CsSimListener *listener, bool paused);

/* ---------- output.c ---------- */

/* Instead of the topic of a notification. */
#define CS_SIM_REPLY	(-1)
#define CS_SIM_FAULT	(-2)	/* looks like a notification, and is none */

/* What is to be sent; the text is copied. */
typedef struct CsSimMessage
{
	const char *data;
	size_t		length;
	int			topic;			/* of a notification, or one of the above */
	const char *hash;			/* for the journal, NUL-terminated; or NULL */
} CsSimMessage;

/*
 * Queue one message to one client, framed as the dialect does.  A notification
 * that finds the client's queue full is silently lost.
 */
extern void cs_sim_send(CsSimClient *client, const CsSimMessage *message);

/* Queue bytes as they are: no framing, no faults, no statistics. */
extern void cs_sim_send_bytes(CsSimClient *client, const void *data,
							  size_t length);

/* Queue *data* as one unfragmented frame with this first byte. */
extern void cs_sim_send_frame(CsSimClient *client, unsigned char first,
							  const char *data, size_t length);

/*
 * Write what the socket takes; only when libwebsockets says that it takes
 * something.  False: the connection is to be dropped.
 */
extern bool cs_sim_output_write(CsSimClient *client);

/* Let go of a notification that "reorder" held back. */
extern void cs_sim_output_release(CsSimClient *client);

/* Queue a ping frame, unless the network is mute. */
extern void cs_sim_send_ping(CsSimClient *client, const char *data,
							 size_t length);

/*
 * Queue bytes of the stream, as one chunk of HTTP.  As a sign of life they
 * are not sent while the network is mute.
 */
extern void cs_sim_send_stream(CsSimClient *client, const char *data,
							   size_t length);
extern void cs_sim_send_heartbeat(CsSimClient *client, const char *data);

/* Forget everything queued. */
extern void cs_sim_output_clear(CsSimClient *client);

/* Free the chunks kept for reuse. */
extern void cs_sim_output_end(void);

/* ---------- traffic.c ---------- */

extern void cs_sim_traffic_start(CsSimNetwork *network);
extern void cs_sim_traffic_stop(CsSimNetwork *network);

/* Change the rate, and begin to count anew for it. */
extern void cs_sim_traffic_rate(CsSimNetwork *network, uint64_t rate);

/* Stop after *limit* more notifications; 0: never. */
extern void cs_sim_traffic_limit(CsSimNetwork *network, uint64_t limit);

/*
 * Replay these files, in this order, from their beginning; no file: synthetic
 * traffic.  False, with the reason, if one cannot be used: nothing changed.
 */
extern bool cs_sim_traffic_replay(CsSimNetwork *network,
								  const char *const *paths, size_t count,
								  char error[CS_SIM_ERROR_MAX]);

/* Make and queue the next notification.  False: there is none any more. */
extern bool cs_sim_traffic_next(CsSimNetwork *network);

/* A client has room: make more, if the rate is "max". */
extern void cs_sim_traffic_refill(CsSimNetwork *network, CsSimClient *client);

/* A client subscribed to something. */
extern void cs_sim_traffic_subscribed(CsSimNetwork *network);

/* Call the dialect's tick() in so many milliseconds, once; 0: no more. */
extern void cs_sim_network_timer(CsSimNetwork *network, uint64_t ms);

/* The network's wall clock, in milliseconds since 1970. */
extern int64_t cs_sim_now_ms(const CsSimNetwork *network);

/*
 * The time to put on the notification being made, whose recorded time is
 * *recorded*: that, or with --timestamps the present; plus the clock's jump.
 */
extern int64_t cs_sim_stamp_ms(const CsSimNetwork *network, int64_t recorded);

/* ---------- faults.c and control.c ---------- */

/* Growing text, for answers. */
struct CsSimText
{
	char	   *data;			/* NUL-terminated once something was added */
	size_t		length;
	size_t		size;
};

extern void cs_sim_text_add(CsSimText *text, const char *data, size_t length);
extern void cs_sim_text_printf(CsSimText *text, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* One command: does it, and answers with what follows "ok ". */
typedef struct CsSimCommand
{
	const char *name;
	const char *usage;			/* of its arguments */

	/* False: *answer* says why not. */
	bool		(*run) (CsSimNetwork *network, char *arguments,
						CsSimText *answer);
} CsSimCommand;

/* The commands of faults.c; ends with a NULL name. */
extern const CsSimCommand cs_sim_fault_commands[];

extern void cs_sim_control_start(CsSim *sim, int port);
extern int	cs_sim_control_callback(struct lws *wsi,
									enum lws_callback_reasons reason,
									void *user, void *in, size_t len);

/* Change a setting of the network's dialect; false: it has none such. */
extern bool cs_sim_set(CsSimNetwork *network, const char *name,
					   uint64_t value);

/* Parse "on" or "off"; unsigned numbers; the rest of a line into words. */
extern bool cs_sim_parse_switch(const char *text, bool *value);
extern bool cs_sim_parse_number(const char *text, uint64_t max,
								uint64_t *value);
extern bool cs_sim_parse_rate(const char *text, uint64_t *rate);
extern char *cs_sim_word(char **rest);

/* ---------- render.c ---------- */

typedef enum CsSimLayout
{
	CS_SIM_PRETTY,				/* 4 spaces a level, final line feed */
	CS_SIM_COMPACT				/* no white space at all */
} CsSimLayout;

/*
 * Append *value* as Boost's property tree writes it: every scalar is a
 * string, an empty list or object is the empty string, slashes are escaped.
 */
extern void cs_sim_render_tree(CsSimText *text, json_object *value,
							   CsSimLayout layout);

/* ---------- simulator.c ---------- */

extern void cs_sim_log(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void cs_sim_fatal(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));
extern void *cs_sim_alloc(size_t size); /* zeroed; never NULL */
extern void *cs_sim_resize(void *memory, size_t size);
extern char *cs_sim_copy(const char *text);

#endif							/* CS_SIMULATOR_H */
