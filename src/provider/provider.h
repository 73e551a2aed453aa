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
 * Adding a protocol is one file that fills in a CsProvider, and one line in
 * registry.c.
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
	CsText		payload;		/* the message as received */

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
	CS_ACTION_CLOSE_LINK,		/* and from now on do not */
	CS_ACTION_RESET_LINK,		/* it misbehaves: drop and connect anew */
	CS_ACTION_SEND,				/* text on a link that is open */
	CS_ACTION_SUBSCRIPTION_STATE,	/* id, state, text = detail */
	CS_ACTION_WATCH_STATE,		/* id, state, text = detail */
	CS_ACTION_CURSOR			/* scope, text = position as JSON */
} CsActionKind;

/* State of a subscription or of a watch, as the views show it. */
typedef enum CsState
{
	CS_STATE_PENDING,			/* not acknowledged yet */
	CS_STATE_ACTIVE,
	CS_STATE_OVER_LIMIT,
	CS_STATE_ERROR
} CsState;

typedef struct CsAction
{
	CsActionKind kind;
	int			link;
	CsState		state;
	bool		binary;			/* SEND */
	int64_t		id;				/* subscription_id or watch_id */
	const char *scope;			/* CURSOR; static or arena */
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

/* ---------- what a provider is ---------- */

typedef struct CsNetwork
{
	const char *name;			/* as the user writes it; first: the default */
	const char *url;			/* public endpoint, or NULL: must be given */
	const char *asset;			/* symbol of the native coin */
} CsNetwork;

/* A topic the user can subscribe to. */
typedef struct CsTopic
{
	const char *name;
	const char *comment;		/* one sentence, for HINTs and the topics view */
	bool		by_default;		/* add_source() subscribes it */
	bool		watched;		/* scoped by the watch list: nothing is taken
								 * without one, and '*' means everything */
	bool		single;			/* at most one subscription per source */
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

/* How to connect a link now.  Texts live in the output's arena. */
#define CS_HANDSHAKE_HEADERS_MAX 16

typedef struct CsHandshake
{
	const char *url;			/* complete */
	bool		accept_binary;
	int			ping_interval_ms;
	int			pong_timeout_ms;
	int			idle_timeout_ms;
	int			header_count;
	struct
	{
		const char *name;
		const char *value;
	}			headers[CS_HANDSHAKE_HEADERS_MAX];
} CsHandshake;

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
	const char *const *transports;	/* "websocket", ...; NULL-terminated */
	const char *const *schemes; /* URL schemes accepted; NULL-terminated */
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
	void		(*sync) (CsSession *session, int64_t now_ms, CsOutput *output);
	bool		(*handshake) (CsSession *session, int link, const char *url,
							  CsHandshake *handshake, CsOutput *output);
	void		(*opened) (CsSession *session, int link, int64_t now_ms,
						   CsOutput *output);
	bool		(*message) (CsSession *session, int link,
							const CsMessage *message, int64_t now_ms,
							CsOutput *output, CsError *error);
	void		(*closed) (CsSession *session, int link, int64_t now_ms,
						   CsOutput *output);
	void		(*tick) (CsSession *session, int64_t now_ms, CsOutput *output);
	int64_t		(*next_tick) (const CsSession *session);
};

/* The provider of this name, or NULL; all of them, NULL-terminated. */
extern const CsProvider *cs_provider_find(const char *name);
extern const CsProvider *const *cs_providers(void);

/* A provider's network (NULL name: the default) or topic; NULL: unknown. */
extern const CsNetwork *cs_provider_network(const CsProvider *provider,
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
 * What the transport reports of a link.  When one closes, every subscription
 * and every watch it served is pending again; that goes without saying, there
 * are no actions for it.  When it is open again everything is asked for anew.
 */
extern void cs_session_opened(CsSession *session, int link, int64_t now_ms,
							  CsOutput *output);
extern void cs_session_closed(CsSession *session, int link, int64_t now_ms,
							  CsOutput *output);

/*
 * One message came.  Returns false if it could not be understood: *error*
 * says why, nothing of it is in *output*, and the session goes on.
 */
extern bool cs_session_message(CsSession *session, int link,
							   const CsMessage *message, int64_t now_ms,
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
