/*-------------------------------------------------------------------------
 *
 * provider.h
 *	  What a protocol is to the rest of chainstream.
 *
 * A provider turns a wish ("these subscriptions, these watched addresses")
 * into requests, and messages into records.  It is a state machine in plain
 * C: no sockets, no PostgreSQL, no clock of its own.  Frames and time go in;
 * records and actions come out through a CsOutput.  So it can be tested and
 * fuzzed alone, and the same code serves the background worker, inject() and
 * the golden tests.
 *
 * Adding a protocol is a folder with a file that fills in a CsProvider, and one
 * line in registry.c.
 *
 * Vocabulary
 *	  source		one account of one provider, as the user named it
 *	  subscription	a topic of the provider with arguments
 *	  watch			an address or transaction the user cares for
 *	  link			a connection as the provider thinks of it: a small number
 *					that stays the same while the transport reconnects
 *	  session		the provider's state for one source
 *	  record		one future row, normalized
 *	  action		something the host shall do: send, open, close, remember
 *
 * Memory comes from malloc.  Nothing here throws; running out of memory is
 * noted in CsOutput or returned as an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_PROVIDER_H
#define CS_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------- small types ---------- */

/* A piece of text, not NUL-terminated.  data == NULL: absent (SQL NULL). */
typedef struct CsText
{
	const char *data;
	size_t		length;
} CsText;

#define CS_NO_TEXT ((CsText) {NULL, 0})

/* Longest canonical address or hash of any provider, with its NUL. */
#define CS_TARGET_MAX 128

typedef enum CsErrorKind
{
	CS_ERROR_NONE,
	CS_ERROR_SYNTAX,			/* not of the form it must have */
	CS_ERROR_VALUE,				/* of the form, but a value that cannot be */
	CS_ERROR_UNSUPPORTED,		/* this provider or topic has no such thing */
	CS_ERROR_MEMORY
} CsErrorKind;

/*
 * Why something was refused.  *message* follows PostgreSQL's style (lower
 * case, no full stop, names the thing); *detail* and *hint* are sentences or
 * empty.
 */
typedef struct CsError
{
	CsErrorKind kind;
	char		message[256];
	char		detail[256];
	char		hint[256];
} CsError;

/* Fill in an error, printf-style; *detail* and *hint* may be NULL. */
extern void cs_error_set(CsError *error, CsErrorKind kind, const char *detail,
						 const char *hint, const char *format,...)
			__attribute__((format(printf, 5, 6)));

/* ---------- records ---------- */

typedef enum CsTable
{
	CS_TABLE_BLOCKS,
	CS_TABLE_TRANSACTIONS,
	CS_TABLE_EVENTS
} CsTable;

typedef enum CsStatus
{
	CS_STATUS_NONE,				/* SQL NULL */
	CS_STATUS_PENDING,
	CS_STATUS_CONFIRMED,
	CS_STATUS_FINALIZED,
	CS_STATUS_FAILED,
	CS_STATUS_REMOVED
} CsStatus;

typedef enum CsDirection
{
	CS_DIRECTION_NONE,			/* SQL NULL */
	CS_DIRECTION_IN,
	CS_DIRECTION_OUT,
	CS_DIRECTION_SELF
} CsDirection;

#define CS_NO_NUMBER INT64_MIN	/* SQL NULL, for the int64 members */

/*
 * One row.  The columns are those of the stream tables; a member that its
 * table does not have is ignored.  Texts point into the output's arena, into
 * the message, or are static: they are valid until cs_output_reset() and as
 * long as the message is.
 */
typedef struct CsRecord
{
	CsTable		table;
	CsStatus	status;
	CsDirection direction;
	int32_t		ordinal;		/* tells rows of one notification apart, 0.. */
	int64_t		subscription_id;	/* for the NOTIFY channel; 0: none */
	int64_t		received_at;	/* microseconds since 1970 */
	int64_t		occurred_at;	/* chain time, likewise, or CS_NO_NUMBER */
	int64_t		height;			/* or CS_NO_NUMBER */
	int64_t		transaction_count;	/* blocks; or CS_NO_NUMBER */
	const char *topic;			/* static */
	const char *kind;			/* events; static or arena, NUL-terminated */
	CsText		hash;
	CsText		account;		/* blocks: the producer */
	CsText		counterparty;
	CsText		amount;			/* decimal integer in raw units */
	CsText		asset;
	CsText		fee;			/* decimal integer in raw units */
	CsText		block_hash;		/* transactions; blocks: the parent's hash */
	CsText		transaction_hash;	/* events */
	CsText		payload;		/* what was received about it: the message or,
								 * of one that lists many things, this one's
								 * part of it */
	CsText		message;		/* all of it, for rejects; set by the session */

	/*
	 * What makes this row itself: the same notification delivered again, on
	 * whatever connection, has the same identity; another has another.  A
	 * 128-bit digest, see cs_identity().
	 */
	uint64_t	identity[2];
} CsRecord;

/* ---------- actions ---------- */

typedef enum CsActionKind
{
	CS_ACTION_OPEN_LINK,		/* keep this link connected from now on */
	CS_ACTION_CLOSE_LINK,		/* and from now on do not; opened again, it is
								 * connected anew at once, by a new handshake */
	CS_ACTION_RESET_LINK,		/* it misbehaves: drop and connect anew, with
								 * the growing delays of repeated failure */
	CS_ACTION_SEND,				/* text on a link that is open */
	CS_ACTION_REQUEST,			/* ask something by HTTP, apart from links */
	CS_ACTION_SUBSCRIPTION_STATE,	/* id, state, text = detail */
	CS_ACTION_WATCH_STATE,		/* id, state, text = detail */
	CS_ACTION_CURSOR			/* scope, text = position as JSON */
} CsActionKind;

/*
 * State of a subscription or of a watch, as the views show it.  The last two
 * are final: one that is done (its transaction has reached its last status,
 * say) or has failed (the network refused what was submitted) is remembered as
 * such and never asked for again, not even by another process.
 */
typedef enum CsState
{
	CS_STATE_PENDING,			/* not acknowledged yet */
	CS_STATE_ACTIVE,
	CS_STATE_OVER_LIMIT,
	CS_STATE_ERROR,
	CS_STATE_IDLE,				/* nothing is asked for: it takes the watch list,
								 * and nothing it could take is watched */
	CS_STATE_DONE,
	CS_STATE_FAILED
} CsState;

static inline bool
cs_state_is_final(CsState state)
{
	return state >= CS_STATE_DONE;
}

/* A header of a request. */
typedef struct CsField
{
	const char *name;			/* without the colon */
	const char *value;
} CsField;

#define CS_FIELDS_MAX 16

/*
 * One HTTP request, to be answered by one call of cs_session_response().
 * Redirects are not followed.
 */
typedef struct CsRequest
{
	int64_t		id;				/* the provider's; comes back with the answer */
	const char *url;			/* complete, http or https */
	const char *body;			/* to be POSTed; NULL: GET */
	int			field_count;
	CsField		fields[CS_FIELDS_MAX];
} CsRequest;

typedef struct CsAction
{
	CsActionKind kind;
	int			link;
	CsState		state;
	bool		binary;			/* SEND */
	int64_t		id;				/* subscription_id or watch_id */
	const char *scope;			/* CURSOR; arena */
	const CsRequest *request;	/* REQUEST; arena */
	CsText		text;			/* arena; NUL-terminated as well */
} CsAction;

/*
 * What calls of a session produced since the last reset, in order.  Owned by
 * the host, filled by the functions below, which are for providers.
 */
typedef struct CsOutput CsOutput;

extern CsOutput *cs_output_create(void);	/* NULL: no memory */
extern void cs_output_free(CsOutput *output);

/* Forget records, actions and every text in the arena. */
extern void cs_output_reset(CsOutput *output);

/* Forget the actions, keep records (and the arena). */
extern void cs_output_reset_actions(CsOutput *output);

/* Forget one record; those behind it move up. */
extern void cs_output_remove_record(CsOutput *output, size_t index);

/* Forget the records after the first *count*, as if never made. */
extern void cs_output_truncate_records(CsOutput *output, size_t count);

extern size_t cs_output_record_count(const CsOutput *output);
extern const CsRecord *cs_output_records(const CsOutput *output);
extern size_t cs_output_action_count(const CsOutput *output);
extern const CsAction *cs_output_actions(const CsOutput *output);

/* Bytes of memory in use, for the budget. */
extern size_t cs_output_bytes(const CsOutput *output);

/* True if something was left out for want of memory since the last reset. */
extern bool cs_output_failed(const CsOutput *output);

/* -- for providers -- */

/* A new record with every member absent; NULL if memory is short. */
extern CsRecord *cs_output_record(CsOutput *output);

/* Copies into the arena.  The result is NUL-terminated. */
extern CsText cs_output_text(CsOutput *output, const char *data, size_t length);
extern CsText cs_output_string(CsOutput *output, const char *string);
extern char *cs_output_alloc(CsOutput *output, size_t size);

extern void cs_output_link(CsOutput *output, CsActionKind kind, int link,
						   const char *detail);
extern void cs_output_send(CsOutput *output, int link, const char *text,
						   size_t length);
extern void cs_output_subscription_state(CsOutput *output, int64_t id,
										 CsState state, const char *detail);
extern void cs_output_watch_state(CsOutput *output, int64_t id, CsState state,
								  const char *detail);
extern void cs_output_cursor(CsOutput *output, const char *scope,
							 const char *position);

/* A request to be filled in, all absent but its id; NULL if memory is short. */
extern CsRequest *cs_output_request(CsOutput *output, int64_t id);

/* ---------- what a provider is ---------- */

#define CS_TRANSPORTS_MAX 2

typedef struct CsNetwork
{
	const char *name;			/* as the user writes it; first: the default */
	const char *asset;			/* symbol of the native coin */
	const char *urls[CS_TRANSPORTS_MAX];	/* public endpoint for each of the
											 * provider's transports; NULL:
											 * must be given */
} CsNetwork;

/* A way to be connected. */
typedef struct CsTransportKind
{
	const char *name;			/* as the user writes it; first: the default */
	const char *const *schemes; /* of its URLs; NULL-terminated */
} CsTransportKind;

/* The usual ones: "websocket" with ws and wss, "sse" with http and https. */
extern const char *const cs_websocket_schemes[];
extern const char *const cs_http_schemes[];

/* A topic the user can subscribe to. */
typedef struct CsTopic
{
	const char *name;
	const char *comment;		/* one sentence, for HINTs and the topics view */
	bool		by_default;		/* add_source() subscribes it */
	bool		watched;		/* scoped by the watch list: nothing is taken
								 * without one, and '*' means everything */
	bool		single;			/* at most one subscription per source */
	bool		submits;		/* hands its arguments to the network, once: what
								 * submit() does */
} CsTopic;

typedef enum CsOptionType
{
	CS_OPTION_BOOLEAN,
	CS_OPTION_INTEGER,
	CS_OPTION_STRING,
	CS_OPTION_STRINGS,			/* array of strings */
	CS_OPTION_OBJECT			/* object of strings */
} CsOptionType;

/* A member of sources.options, or of subscriptions.arguments. */
typedef struct CsOption
{
	const char *name;
	CsOptionType type;
	const char *comment;
} CsOption;

/* What the host knows of a source when it starts a session. */
typedef struct CsSourceConfig
{
	const char *name;
	const char *network;
	const char *transport;		/* or NULL: the provider's first */
	const char *options;		/* JSON object as text */
	const char *token;			/* resolved secret, or NULL */
} CsSourceConfig;

typedef enum CsStream
{
	CS_STREAM_WEBSOCKET,
	CS_STREAM_EVENTS			/* server-sent events; nothing can be sent */
} CsStream;

/*
 * How to connect a link now.  Texts live in the output's arena.  The idle
 * timeout counts every byte of the peer: pings and comments as well.
 */
typedef struct CsHandshake
{
	CsStream	stream;
	const char *url;			/* complete */
	const char *body;			/* EVENTS: to be POSTed; NULL: GET */
	bool		accept_binary;
	int			ping_interval_ms;	/* WEBSOCKET; 0: no pings */
	int			pong_timeout_ms;
	int			idle_timeout_ms;	/* 0: none */
	int			field_count;
	CsField		fields[CS_FIELDS_MAX];
} CsHandshake;

/* How a link, or an attempt to open it, ended. */
typedef struct CsClosure
{
	bool		was_open;		/* else it could not be opened */
	int			close_code;		/* of the peer's close frame; 0: none came */
	int			http_status;	/* with which it was refused; 0: it was not */
	const char *reason;			/* for people, in words; never NULL */
} CsClosure;

/* The answer to a CsRequest.  Texts are valid as those of a message are. */
typedef struct CsResponse
{
	int64_t		id;
	int			status;			/* HTTP's; 0: none came, *reason* says why */
	int			retry_after_s;	/* what the peer asked for; 0: nothing */
	const char *reason;			/* for people; never NULL */
	const char *data;			/* the body, NUL-terminated as well */
	size_t		length;
	int64_t		received_at;	/* microseconds since 1970 */
} CsResponse;

/* One message as it came. */
typedef struct CsMessage
{
	const char *data;			/* NUL-terminated as well */
	size_t		length;
	bool		binary;
	int64_t		received_at;	/* microseconds since 1970 */
} CsMessage;

typedef struct CsProvider CsProvider;
typedef struct CsSession CsSession;
struct json_object;

typedef enum CsWatchKind
{
	CS_WATCH_ADDRESS,
	CS_WATCH_TRANSACTION
} CsWatchKind;

struct CsProvider
{
	const char *name;
	const char *title;
	const CsNetwork *networks;	/* ends with a NULL name */
	const CsTransportKind *transports;	/* ends with a NULL name */
	const CsTopic *topics;		/* ends with a NULL name */
	const CsOption *options;	/* beyond the common ones; may be NULL */
	bool		watches_transactions;	/* has watch_transaction() */
	bool		watches_everything; /* has watch('*') */

	/* Put an address or a transaction's hash in canonical form. */
	bool		(*canonical_address) (const char *network, const char *address,
									  char canonical[CS_TARGET_MAX],
									  CsError *error);
	bool		(*canonical_transaction) (const char *network, const char *hash,
										  char canonical[CS_TARGET_MAX],
										  CsError *error);

	/*
	 * Check what of the values of the options is the provider's own business;
	 * names and types are checked already.  NULL: nothing is.
	 */
	bool		(*check_options) (struct json_object *options, CsError *error);

	/* Check the arguments of a subscription; a JSON object as text. */
	bool		(*check_arguments) (const CsTopic *topic, const char *network,
									const char *arguments, CsError *error);

	/*
	 * The session, see the functions of the same names below.  session_size
	 * is that of the provider's struct, which begins with a CsSession.
	 */
	size_t		session_size;
	bool		(*start) (CsSession *session, CsError *error);
	void		(*stop) (CsSession *session);
	void		(*restore) (CsSession *session, const char *scope,
							const char *position);	/* NULL: no positions */
	void		(*sync) (CsSession *session, int64_t now_ms, CsOutput *output);
	bool		(*handshake) (CsSession *session, int link, const char *url,
							  CsHandshake *handshake, CsOutput *output);
	void		(*opened) (CsSession *session, int link, int64_t now_ms,
						   CsOutput *output);
	bool		(*message) (CsSession *session, int link,
							const CsMessage *message, int64_t now_ms,
							CsOutput *output, CsError *error);
	void		(*closed) (CsSession *session, int link,
						   const CsClosure *closure, int64_t now_ms,
						   CsOutput *output);
	bool		(*response) (CsSession *session, const CsResponse *response,
							 int64_t now_ms, CsOutput *output,
							 CsError *error);	/* NULL: makes no requests */
	void		(*tick) (CsSession *session, int64_t now_ms, CsOutput *output);
	int64_t		(*next_tick) (const CsSession *session);
};

/* The provider of this name, or NULL; all of them, NULL-terminated. */
extern const CsProvider *cs_provider_find(const char *name);
extern const CsProvider *const *cs_providers(void);

/*
 * A provider's network or transport (NULL name: the default), or topic; NULL:
 * unknown.
 */
extern const CsNetwork *cs_provider_network(const CsProvider *provider,
											const char *name);
extern const CsTransportKind *cs_provider_transport(const CsProvider *provider,
													const char *name);
extern const CsTopic *cs_provider_topic(const CsProvider *provider,
										const char *name);

/*
 * Options every source has, whatever its provider; ends with a NULL name.
 * The host acts on them.
 */
extern const CsOption cs_common_options[];

/* Check sources.options: known names, right types. */
extern bool cs_provider_check_options(const CsProvider *provider,
									  const char *options, CsError *error);

/* ---------- sessions ---------- */

/*
 * Start a session: nothing is wanted yet, no link is open.  NULL: see *error*.
 */
extern CsSession *cs_session_create(const CsProvider *provider,
									const CsSourceConfig *config,
									CsError *error);
extern void cs_session_free(CsSession *session);

/*
 * A position of an earlier session, as it was stored; before the first
 * cs_session_sync().  What is no position any more is ignored.
 */
extern void cs_session_restore(CsSession *session, const char *scope,
							   const char *position);

/*
 * The wish.  Each call adds, replaces or removes one entry and only notes it;
 * cs_session_sync() then makes the provider act on all that changed.  Adding
 * what is there already, unchanged, is no change.  *target* is canonical, or
 * "*" for everything; one that is not, or cannot be watched, is reported as an
 * error in its state.  cs_session_watch() fails only if memory is short.  A
 * subscription's arguments are JSON text.
 */
extern bool cs_session_subscribe(CsSession *session, int64_t subscription_id,
								 const char *topic, const char *arguments,
								 CsError *error);
extern void cs_session_unsubscribe(CsSession *session, int64_t subscription_id);
extern bool cs_session_watch(CsSession *session, int64_t watch_id,
							 CsWatchKind kind, const char *target);
extern void cs_session_unwatch(CsSession *session, CsWatchKind kind,
							   const char *target);

/*
 * Compare with a list: after cs_session_mark(), cs_session_sweep() removes the
 * subscriptions and watches that were not added (again) in between.
 */
extern void cs_session_mark(CsSession *session);
extern void cs_session_sweep(CsSession *session);

/*
 * Make links and requests follow the wish.  *now_ms* is a clock that only
 * goes forward; its origin does not matter, but must be the same throughout.
 */
extern void cs_session_sync(CsSession *session, int64_t now_ms,
							CsOutput *output);

/*
 * How to connect *link*, given one of the source's URLs.  Called before every
 * attempt.  Returns false if memory is short.
 */
extern bool cs_session_handshake(CsSession *session, int link, const char *url,
								 CsHandshake *handshake, CsOutput *output);

/*
 * What the transport reports of a link: cs_session_closed() also of an attempt
 * that failed.  When no link is open any more, every subscription is pending
 * again, and when the only link there is closes, so is every watch; that goes
 * without saying, and what the call itself tells comes on top of it.  A
 * provider that uses several links tells what each of them served.  When a
 * link is open again everything is asked for anew, and told anew.
 *
 * Links are numbered from 0, and that one is opened first.
 */
extern void cs_session_opened(CsSession *session, int link, int64_t now_ms,
							  CsOutput *output);
extern void cs_session_closed(CsSession *session, int link,
							  const CsClosure *closure, int64_t now_ms,
							  CsOutput *output);

/*
 * One message came.  Returns false if it could not be understood: *error*
 * says why, nothing of it is in *output*, and the session goes on.
 */
extern bool cs_session_message(CsSession *session, int link,
							   const CsMessage *message, int64_t now_ms,
							   CsOutput *output, CsError *error);

/*
 * The answer to a request came, or will never come.  Returns false if it could
 * not be understood, as cs_session_message() does.
 */
extern bool cs_session_response(CsSession *session,
								const CsResponse *response, int64_t now_ms,
								CsOutput *output, CsError *error);

/*
 * Time passed.  cs_session_next_tick() says when the provider next wants to
 * know, INT64_MAX: not at all.
 */
extern void cs_session_tick(CsSession *session, int64_t now_ms,
							CsOutput *output);
extern int64_t cs_session_next_tick(const CsSession *session);

/* Number of watches that are valid, and bytes of memory all of them take. */
extern size_t cs_session_watch_count(const CsSession *session);
extern size_t cs_session_watch_bytes(const CsSession *session);

#endif							/* CS_PROVIDER_H */
