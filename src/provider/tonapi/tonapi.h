/*-------------------------------------------------------------------------
 *
 * tonapi.h
 *	  The TonAPI provider's own interface, between its files:
 *
 *	  tonapi.c			what the provider is: networks, topics, options,
 *						arguments; and the table of its functions
 *	  tonapi_session.c	the life of a session and of its links; states
 *	  tonapi_link.c		how a link, or a request, is addressed
 *	  tonapi_watch.c	how the watch list is spread over connections
 *	  tonapi_socket.c	what is asked for over a WebSocket
 *	  tonapi_reply.c	and what the answers change
 *	  tonapi_sse.c		event streams, whose subscription is their URL
 *	  tonapi_records.c	what messages mean
 *	  tonapi_transaction.c	what whole transactions mean
 *	  tonapi_enrich.c	asking for what a notification leaves out
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TONAPI_H
#define CS_TONAPI_H

#include "provider/ton/ton.h"

/* In the order of the provider's list of topics. */
typedef enum TonapiTopicId
{
	TONAPI_TRANSACTION,
	TONAPI_TRACE,
	TONAPI_MEMPOOL,
	TONAPI_BLOCK,
	TONAPI_TOPICS
} TonapiTopicId;

/* The first so many of them are about addresses. */
#define TONAPI_ADDRESSED 3

/* Longest detail of a state, with its NUL. */
#define TONAPI_WORDS_MAX 200

/* A topic as the user wants it. */
typedef struct TonapiTopic
{
	int64_t		subscription_id;	/* 0: not wanted */
	char	   *arguments;		/* of the subscription; owned */
	char	   *operations;		/* transactions: comma-separated; NULL: all */
	const char *workchain;		/* blocks: "-1" or "0"; NULL: both */
	uint64_t	generation;		/* grows with every change of arguments */
	char		refusal[TONAPI_WORDS_MAX];	/* why the server does not want to
											 * hear of it; empty: it does */
	char		trouble[TONAPI_WORDS_MAX];	/* why there is no connection for
											 * it, as far as that is known */
	bool		hopeless;		/* and will be none */

	bool		told;			/* the host knows the following */
	CsState		state;
	char		detail[TONAPI_WORDS_MAX];
} TonapiTopic;

/* ---------- links ---------- */

/*
 * A stream of events, which is told in its URL what to send: of a topic, and
 * of a list of accounts in a certain version.  When the list has changed a
 * second link is opened, and only when that is live the first is retired.
 */
typedef struct TonapiLane
{
	int			link;			/* -1: none */
	bool		open;
	uint64_t	version;		/* of the list in its URL; 0: not asked yet */
	int			next_link;		/* the one that shall replace it; -1: none */
	uint64_t	next_version;
	int			next_failures;	/* in a row */
	int64_t		due_at;			/* when to open it; INT64_MAX: no need */
} TonapiLane;

/* A stream that was replaced, and is still read for a moment. */
typedef struct TonapiRetired
{
	int			link;
	int64_t		close_at;
} TonapiRetired;

/* Beyond so many, one is closed at once. */
#define TONAPI_RETIRED_MAX 100

/* Most addresses in one request. */
#define TONAPI_BATCH_MAX 100

typedef enum TonapiMethod
{
	TONAPI_NOTHING,
	TONAPI_SUBSCRIBE,
	TONAPI_UNSUBSCRIBE
} TonapiMethod;

/* A WebSocket.  One request at a time is on its way. */
typedef struct TonapiSocket
{
	bool		wanted;			/* the host was asked for it */
	bool		open;
	bool		dirty;			/* entries of the share may need a request */

	TonapiMethod method;		/* of the request that is not answered */
	TonapiTopicId topic;
	int64_t		request;		/* its id */
	int64_t		overdue_at;		/* when to give up; INT64_MAX: not */
	CsWatch    *batch[TONAPI_BATCH_MAX];	/* the entries it names */
	size_t		batch_count;
	uint64_t	asked;			/* mempool: version of the list in it */

	size_t		live[2];		/* entries that are, by topic */
	bool		block_live;
	const char *block_workchain;	/* as it was asked for */
	uint64_t	mempool_live;	/* version; 0: not subscribed */
	bool		mempool_doubt;	/* the server said it was subscribed */
} TonapiSocket;

/* Every account, not a list: a version that no list has. */
#define TONAPI_ALL UINT64_MAX

/*
 * A part of the watch list, as much of it as a connection takes: one
 * WebSocket, or a stream of events for each topic.
 *
 * The entries of *accounts* have the session's targets, flags of their own
 * (below), and in watch_id the version of the list with which they came.
 */
typedef struct TonapiShare
{
	CsWatchSet *accounts;		/* NULL: never used */
	size_t		count;			/* those of them that are wanted */
	size_t		limit;			/* the server takes no more than so many */
	uint64_t	version;		/* grows with every change */
	TonapiSocket socket;
	TonapiLane	lanes[TONAPI_ADDRESSED];
} TonapiShare;

#define TONAPI_ENTRY_WANTED		0x01	/* CS_WATCH_WANTED */
#define TONAPI_ENTRY_REFUSED	0x02	/* the server calls it no address */
#define TONAPI_ENTRY_STALE		0x20	/* subscribed with other operations */
#define TONAPI_ENTRY_LIVE(topic) ((uint8_t) (0x08 << (topic)))	/* sockets */

/*
 * Flags of the session's own entries, beside CS_WATCH_SENT (it has a share),
 * CS_WATCH_ACTIVE and CS_WATCH_REFUSED: its state was said to be over limit.
 */
#define TONAPI_WATCH_OVER		0x40

/* ---------- enrichment ---------- */

/* A transaction whose details are to be asked for. */
typedef struct TonapiJob
{
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int			attempts;
	int64_t		request;		/* the id it was sent with; 0: not sent */
	int64_t		due_at;
} TonapiJob;

#define TONAPI_JOBS_MAX 1000

/* ---------- the session ---------- */

#define TONAPI_CONNECTIONS_MAX 100

typedef struct TonapiSession
{
	CsSession	base;
	bool		streams;		/* transport sse */
	bool		all_strategy;	/* take everything and choose here */
	bool		token_in_query;
	int			max_connections;
	int			accounts_per_connection;

	TonapiTopic topics[TONAPI_TOPICS];
	TonapiShare shares[TONAPI_CONNECTIONS_MAX];
	TonapiLane	all_lanes[TONAPI_ADDRESSED];	/* every account */
	TonapiLane	block_lane;
	int			next_link;		/* streams: number of the next */
	TonapiRetired retired[TONAPI_RETIRED_MAX];	/* soonest first */
	int			retired_count;
	bool		everywhere;		/* addresses need no share: all is taken */
	size_t		over_count;		/* watches that found no room */
	bool		room_grew;		/* they may find some now */
	int64_t		more_at;		/* work is left; INT64_MAX: none */
	size_t		limit;			/* addresses on any connection, as the server
								 * says; SIZE_MAX: it did not */
	char		limit_words[TONAPI_WORDS_MAX];	/* in which it said so */
	int64_t		last_request;	/* numbers the requests */
	CsJsonWriter writer;

	bool		enrich;
	int			enrich_interval_ms;
	char	   *base_url;		/* of the last handshake, for http */
	TonapiJob  *jobs;
	size_t		job_count;
	int			jobs_sent;		/* requests on their way */
	int64_t		enrich_at;		/* not before then */
	int			enrich_pauses;	/* in a row, because the server said so */
	int			enrich_refused; /* HTTP status with which it does not want us */
	uint64_t	left_out;		/* transactions that stay incomplete */
} TonapiSession;

/* ---------- tonapi_session.c ---------- */

/* Is it wanted, and not refused by the server? */
extern bool cs_tonapi_wanted(const TonapiSession *tonapi, TonapiTopicId topic);

/* Is there such a topic that is about addresses? */
extern bool cs_tonapi_any_addressed(const TonapiSession *tonapi);

/* Tell what has become of a topic, if that is news. */
extern void cs_tonapi_tell_topic(TonapiSession *tonapi, TonapiTopicId id,
								 CsOutput *output);

/* Keep why there is no connection for a topic. */
extern void cs_tonapi_trouble(TonapiTopic *topic, const CsClosure *closure);

/* Keep words of a peer, cut at the end of a character. */
extern void cs_tonapi_words(char words[TONAPI_WORDS_MAX], const char *text);

extern bool cs_tonapi_start(CsSession *session, CsError *error);
extern void cs_tonapi_stop(CsSession *session);
extern void cs_tonapi_sync(CsSession *session, int64_t now_ms,
						   CsOutput *output);
extern void cs_tonapi_opened(CsSession *session, int link, int64_t now_ms,
							 CsOutput *output);
extern bool cs_tonapi_message(CsSession *session, int link,
							  const CsMessage *message, int64_t now_ms,
							  CsOutput *output, CsError *error);
extern void cs_tonapi_closed(CsSession *session, int link,
							 const CsClosure *closure, int64_t now_ms,
							 CsOutput *output);
extern bool cs_tonapi_response(CsSession *session, const CsResponse *response,
							   int64_t now_ms, CsOutput *output,
							   CsError *error);
extern void cs_tonapi_tick(CsSession *session, int64_t now_ms,
						   CsOutput *output);
extern int64_t cs_tonapi_next_tick(const CsSession *session);

/* ---------- tonapi_link.c ---------- */

/*
 * Scheme, host and port of a URL, with another path; *http* turns ws into
 * http.  In the output's arena; NULL if memory is short.
 */
extern const char *cs_tonapi_url(CsOutput *output, const char *url, bool http,
								 const char *path);

/* Add the token to a URL, if that is its place; NULL if memory is short. */
extern const char *cs_tonapi_signed(const TonapiSession *tonapi,
									const char *url, CsOutput *output);

/* The headers of a link or a request; false if memory is short. */
extern bool cs_tonapi_fields(const TonapiSession *tonapi, CsField *fields,
							 int *count, CsOutput *output);

extern bool cs_tonapi_handshake(CsSession *session, int link, const char *url,
								CsHandshake *handshake, CsOutput *output);

/* ---------- tonapi_watch.c ---------- */

/*
 * Look again at the session's entries: all of them, those of a share, that of
 * a share's entry.
 */
extern void cs_tonapi_review(TonapiSession *tonapi);
extern void cs_tonapi_review_share(TonapiSession *tonapi,
								   const TonapiShare *share);
extern void cs_tonapi_review_entry(TonapiSession *tonapi,
								   const CsWatch *entry);

/* Give shares to the entries that were to be looked at, and tell states. */
extern void cs_tonapi_watch_step(TonapiSession *tonapi, int64_t now_ms,
								 CsOutput *output);

/*
 * Limits have changed: move what is too much in a share elsewhere, and see
 * whether there is more room than before.
 */
extern void cs_tonapi_rearrange(TonapiSession *tonapi);

/* Forget the entries of a share that are neither wanted nor live. */
extern void cs_tonapi_sweep(TonapiShare *share);

/* Nothing is active any more, and the host knows. */
extern void cs_tonapi_watch_lost(TonapiSession *tonapi);

/*
 * Is everything to be taken, so that no address needs a share?  Is it taken,
 * of each topic that is wanted?
 */
extern bool cs_tonapi_wants_all(const TonapiSession *tonapi);
extern bool cs_tonapi_takes_all(const TonapiSession *tonapi);

/* ---------- tonapi_socket.c ---------- */

/* Open and close sockets, and send what is due. */
extern void cs_tonapi_socket_step(TonapiSession *tonapi, int64_t now_ms,
								  CsOutput *output);
extern void cs_tonapi_socket_opened(TonapiSession *tonapi, int link);
extern void cs_tonapi_socket_closed(TonapiSession *tonapi, int link);

/* The operations of transactions are others now. */
extern void cs_tonapi_socket_restate(TonapiSession *tonapi);

/* A request was not answered in time. */
extern void cs_tonapi_socket_tick(TonapiSession *tonapi, int64_t now_ms,
								  CsOutput *output);
extern int64_t cs_tonapi_socket_next_tick(const TonapiSession *tonapi);

/* Does a socket deliver something of the topic?  This entry's? */
extern bool cs_tonapi_socket_delivers(const TonapiSession *tonapi,
									  TonapiTopicId topic);
extern bool cs_tonapi_socket_delivers_entry(const TonapiSession *tonapi,
											const TonapiShare *share,
											const CsWatch *entry,
											TonapiTopicId topic);

/* Note that an entry is live, or is not. */
extern void cs_tonapi_socket_live(TonapiShare *share, CsWatch *entry,
								  TonapiTopicId topic, bool live);

/* ---------- tonapi_reply.c ---------- */

/* The reply to a request.  False: it is none, see *error*. */
extern bool cs_tonapi_socket_reply(TonapiSession *tonapi, int link,
								   struct json_object *reply, CsError *error);

/* ---------- tonapi_sse.c ---------- */

/* No link yet. */
extern void cs_tonapi_sse_start(TonapiLane *lane);

/* Open, replace and close streams. */
extern void cs_tonapi_sse_step(TonapiSession *tonapi, int64_t now_ms,
							   CsOutput *output);
extern int64_t cs_tonapi_sse_next_tick(const TonapiSession *tonapi);

/* The URL of a link; NULL: no memory, or no such link. */
extern const char *cs_tonapi_sse_url(TonapiSession *tonapi, int link,
									 const char *url, CsOutput *output);
extern void cs_tonapi_sse_opened(TonapiSession *tonapi, int link,
								 int64_t now_ms, CsOutput *output);
extern void cs_tonapi_sse_closed(TonapiSession *tonapi, int link,
								 const CsClosure *closure, CsOutput *output);

/* How many addresses fit into a URL. */
extern size_t cs_tonapi_sse_capacity(const TonapiSession *tonapi);

/* Does a stream deliver something of the topic? */
extern bool cs_tonapi_sse_delivers(const TonapiSession *tonapi,
								   TonapiTopicId topic);

/* ---------- tonapi_records.c ---------- */

/*
 * Turn a notification into records; *topic* is TONAPI_TOPICS if only its shape
 * tells what it is.  False: it could not be understood, see *error*.
 */
extern bool cs_tonapi_records(TonapiSession *tonapi, TonapiTopicId topic,
							  struct json_object *params,
							  const CsMessage *message, int64_t now_ms,
							  CsOutput *output, CsError *error);

/* A message that is being read, as far as it is the same for all topics. */
typedef struct TonapiNotice
{
	TonapiSession *tonapi;
	TonapiTopicId topic;
	struct json_object *params;
	int64_t		received_at;
	int64_t		now_ms;
	CsText		payload;
	CsOutput   *output;
} TonapiNotice;

/* An account in canonical form, not in the arena yet. */
typedef struct TonapiAccount
{
	char		text[CS_TON_ADDRESS_MAX];
	size_t		length;
} TonapiAccount;

extern TonapiAccount cs_tonapi_account(const CsTonAddress *address);
extern bool cs_tonapi_watches(const TonapiNotice *notice,
							  const TonapiAccount *account);
extern CsText cs_tonapi_write_account(const TonapiNotice *notice,
									  const TonapiAccount *account);

/* A record with what all rows of a message share; NULL: no memory. */
extern CsRecord *cs_tonapi_record(const TonapiNotice *notice, CsTable table,
								  CsStatus status);

/*
 * Give it its identity.  An account is absent from that of a row which is
 * nobody's; *part* tells the rows about one hash apart.
 */
extern void cs_tonapi_identify(const TonapiNotice *notice, CsRecord *record,
							   const uint8_t hash[CS_TON_HASH_LENGTH],
							   const char *part);

/* ---------- tonapi_transaction.c ---------- */

/* A whole transaction, and a list of them.  False: see *error*. */
extern bool cs_tonapi_read_transaction(const TonapiNotice *notice,
									   CsError *error);
extern bool cs_tonapi_read_list(const TonapiNotice *notice, CsError *error);

/* ---------- tonapi_enrich.c ---------- */

/* Ask for a transaction's details, soon. */
extern void cs_tonapi_enrich(TonapiSession *tonapi,
							 const uint8_t hash[CS_TON_HASH_LENGTH],
							 int64_t now_ms);
extern void cs_tonapi_enrich_step(TonapiSession *tonapi, int64_t now_ms,
								  CsOutput *output);
extern int64_t cs_tonapi_enrich_next_tick(const TonapiSession *tonapi);

#endif							/* CS_TONAPI_H */
