/*-------------------------------------------------------------------------
 *
 * toncenter.h
 *	  The TON Center provider's own interface, between its files:
 *
 *	  toncenter.c			what the provider is: networks, topics, options
 *	  toncenter_session.c	connections, and what is due on them
 *	  toncenter_renew.c		streams of events that replace each other
 *	  toncenter_request.c	what is sent
 *	  toncenter_reply.c		what is answered and refused
 *	  toncenter_watch.c		which connection serves which target
 *	  toncenter_records.c	what notifications mean
 *	  toncenter_transaction.c	likewise: transactions
 *	  toncenter_events.c	likewise: actions, states, token balances
 *	  toncenter_memory.c	what was announced and may have to be taken back
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TONCENTER_H
#define CS_TONCENTER_H

#include "provider/session.h"
#include "provider/ton/ton.h"

/* In the order of the provider's list of topics. */
typedef enum ToncenterTopicId
{
	TONCENTER_TRANSACTIONS,
	TONCENTER_ACTIONS,
	TONCENTER_ACCOUNT_STATE_CHANGE,
	TONCENTER_JETTONS_CHANGE,
	TONCENTER_TRACE,
	TONCENTER_TOPICS
} ToncenterTopicId;

#define TONCENTER_BIT(topic) (1u << (topic))

/* The topics that follow the watched addresses. */
#define TONCENTER_ADDRESS_BITS (TONCENTER_BIT(TONCENTER_TRACE) - 1)

/* The ids of requests begin so; a number follows. */
#define TONCENTER_REQUEST_ID "subscribe-"

/* The server itself never pings, and proxies in front close what is idle. */
#define TONCENTER_PING_MS 15000

#define TONCENTER_LINKS_DEFAULT 2
#define TONCENTER_LINKS_MAX 32

/* States of watches told in one go, so that the output stays small. */
#define TONCENTER_STATES_MAX 5000

/* Longest text of a peer that is kept for a state, with its NUL. */
#define TONCENTER_WORDS_MAX 200

/* Flags of a watch, beside those of watchset.h. */
#define TONCENTER_PLACED  0x40	/* it is in a group */
#define TONCENTER_TROUBLE 0x80	/* its state was said to be an error, or over
								 * the limit */

/* A topic the user may want. */
typedef struct ToncenterTopic
{
	int64_t		subscription_id;	/* 0: not wanted */
	bool		refused;		/* the server does not know it */
	char		words[TONCENTER_WORDS_MAX]; /* in which it said so */

	bool		told;			/* the host knows the following */
	CsState		state;
	char		detail[TONCENTER_WORDS_MAX];
} ToncenterTopic;

/* What the members of a group are to be told, as far as it is news. */
typedef enum ToncenterNews
{
	TONCENTER_NEWS_NONE,
	TONCENTER_NEWS_ACTIVE,		/* the snapshot they are in is in force */
	TONCENTER_NEWS_LOST,		/* those that were active are not, for now */
	TONCENTER_NEWS_PENDING,		/* none is served, nor is any in trouble */
	TONCENTER_NEWS_TROUBLE		/* those that are not active will not be */
} ToncenterNews;

/* Targets that share their fate.  Every target is in one group at most. */
typedef struct ToncenterGroup
{
	CsWatch   **items;
	size_t		count;
	size_t		capacity;
	bool		changed;		/* since it was last sent */

	ToncenterNews news;
	size_t		news_at;		/* from this one on they have yet to be told */
	CsState		trouble;
	char		words[TONCENTER_WORDS_MAX];
} ToncenterGroup;

/*
 * A connection and its subscription, which is a snapshot: each request replaces
 * all of it.  Link 0 serves the watched traces as well.
 */
typedef struct ToncenterLink
{
	int			number;
	int			host;			/* the host's number for its connection */
	bool		wanted;			/* the host was told to keep it connected */
	bool		open;
	ToncenterGroup addresses;

	bool		given_up;		/* what was asked is refused for good: closed
								 * until something else is wanted */
	unsigned	asked;			/* topics of the last snapshot sent */
	unsigned	active;			/* of the last that was acknowledged */
	uint64_t	request;		/* not answered yet; 0: none */
	int64_t		overdue_at;		/* when the answer is */
	int64_t		ping_at;
	int64_t		renew_at;		/* events: when it may be connected anew, */
	bool		renewal_due;	/* which it is to be */

	int			old_host;		/* the stream that it replaces, open still; -1:
								 * none is */
	unsigned	old_active;		/* what that one carries */
	int64_t		retire_at;		/* when that one is closed */

	CsState		trouble;		/* of its topics, if words are there */
	char		words[TONCENTER_WORDS_MAX];
} ToncenterLink;

struct ToncenterMemory;

typedef struct ToncenterSession
{
	CsSession	base;
	ToncenterTopic topics[TONCENTER_TOPICS];
	ToncenterLink *links;
	int			link_count;		/* as many as may be opened */
	bool		events;			/* server-sent events, not WebSocket */

	size_t		limit;			/* addresses per link; SIZE_MAX: not known */
	ToncenterGroup waiting;		/* addresses for which there is no room */
	ToncenterGroup traces;
	const char *unserved[CS_WATCH_TRANSACTION + 1]; /* why no topic takes
													 * targets of a kind; NULL:
													 * one does */

	CsJsonWriter writer;		/* for requests */
	uint64_t	last_request;	/* numbers the requests */
	int64_t		more_at;		/* when to go on telling; INT64_MAX: done */
	int64_t		last_height;	/* the position that was told last */
	struct ToncenterMemory *memory;
} ToncenterSession;

/* ---------- toncenter_session.c ---------- */

extern bool cs_toncenter_start(CsSession *session, CsError *error);
extern void cs_toncenter_stop(CsSession *session);
extern void cs_toncenter_sync(CsSession *session, int64_t now_ms,
							  CsOutput *output);
extern void cs_toncenter_opened(CsSession *session, int link, int64_t now_ms,
								CsOutput *output);
extern void cs_toncenter_closed(CsSession *session, int link,
								const CsClosure *closure, int64_t now_ms,
								CsOutput *output);
extern void cs_toncenter_tick(CsSession *session, int64_t now_ms,
							  CsOutput *output);
extern int64_t cs_toncenter_next_tick(const CsSession *session);

/* The link whose connection has this number at the host; NULL: none has. */
extern ToncenterLink *cs_toncenter_link(ToncenterSession *ton, int host);

/* The topics that a connection is to carry now, as bits. */
extern unsigned cs_toncenter_wanted_topics(const ToncenterSession *ton,
										   const ToncenterLink *link);

/* Do everything that may be due. */
extern void cs_toncenter_step(ToncenterSession *ton, int64_t now_ms,
							  CsOutput *output);

/* Copy what a peer said; what does not fit is left out. */
extern void cs_toncenter_copy_words(char words[TONCENTER_WORDS_MAX],
									const char *text, size_t length);

/* ---------- toncenter_renew.c ---------- */

/* Open another stream, which takes over when it is acknowledged. */
extern void cs_toncenter_renew(ToncenterSession *ton, ToncenterLink *link,
							   CsOutput *output);

/* Close what the present stream has replaced, if it is still there. */
extern void cs_toncenter_retire(ToncenterSession *ton, ToncenterLink *link,
								CsOutput *output);

/* The present stream is acknowledged: the one before it may go soon. */
extern void cs_toncenter_retire_soon(ToncenterLink *link, int64_t now_ms);

/* ---------- toncenter_request.c ---------- */

extern bool cs_toncenter_handshake(CsSession *session, int link,
								   const char *url, CsHandshake *handshake,
								   CsOutput *output);

/* Send a snapshot of what a connection is to carry; an answer is awaited. */
extern void cs_toncenter_send_snapshot(ToncenterSession *ton,
									   ToncenterLink *link, int64_t now_ms,
									   CsOutput *output);

/* From now on an answer is awaited to the last snapshot written. */
extern void cs_toncenter_await_answer(ToncenterSession *ton,
									  ToncenterLink *link, int64_t now_ms);

extern void cs_toncenter_send_ping(ToncenterLink *link, int64_t now_ms,
								   CsOutput *output);

/* ---------- toncenter_reply.c ---------- */

extern bool cs_toncenter_message(CsSession *session, int link,
								 const CsMessage *message, int64_t now_ms,
								 CsOutput *output, CsError *error);

/* The server answered a handshake with an error. */
extern void cs_toncenter_take_http_error(ToncenterSession *ton,
										 ToncenterLink *link,
										 const CsClosure *closure,
										 CsOutput *output);

/* ---------- toncenter_watch.c ---------- */

/*
 * Take the changes of the watch list out of the queue: put new targets into
 * groups, take those no longer wanted out.  States are told until the output
 * holds *limit* actions, and the rest later.
 */
extern void cs_toncenter_take_watches(ToncenterSession *ton, size_t limit,
									  int64_t now_ms, CsOutput *output);

/* The members of a group have news from the first one on. */
extern void cs_toncenter_set_news(ToncenterGroup *group, ToncenterNews news);

/* Tell the groups' members what is news, likewise. */
extern void cs_toncenter_tell_watches(ToncenterSession *ton, size_t limit,
									  int64_t now_ms, CsOutput *output);

/* The server takes no more than so many addresses: spread them. */
extern void cs_toncenter_set_limit(ToncenterSession *ton, size_t limit,
								   const char *words);

/* The server does not take this address.  False: it is none of this link. */
extern bool cs_toncenter_refuse_address(ToncenterSession *ton,
										ToncenterLink *link, CsText address,
										const char *words, CsOutput *output);

/* Nothing more will come of a watched trace. */
extern void cs_toncenter_trace_done(ToncenterSession *ton,
									const uint8_t hash[CS_TON_HASH_LENGTH],
									CsOutput *output);

/* Is a trace on the watch list? */
extern bool cs_toncenter_watches_trace(const ToncenterSession *ton,
									   const uint8_t hash[CS_TON_HASH_LENGTH]);

extern void cs_toncenter_free_group(ToncenterGroup *group);

/* ---------- toncenter_records.c ---------- */

/* A notification, as far as all kinds of it are the same. */
typedef struct ToncenterNotice
{
	ToncenterSession *ton;
	int			link;
	ToncenterTopicId topic;
	struct json_object *object;
	CsText		text;			/* the message without white space behind it */
	int64_t		received_at;
	int64_t		now_ms;
	CsStatus	finality;		/* of the whole */
	bool		has_trace;		/* all but account_state_change and its like */
	uint8_t		trace[CS_TON_HASH_LENGTH];
	CsText		trace_text;		/* its canonical form; in the arena */
	bool		emulated;		/* nothing in it is on the chain yet */
	int64_t		height;			/* the highest final one in it, or 0 */
	CsOutput   *output;
} ToncenterNotice;

/* A notification, named by its "type", or what the REST interface answers. */
extern bool cs_toncenter_records(ToncenterSession *ton, int link,
								 struct json_object *object,
								 const CsMessage *message, int64_t now_ms,
								 CsOutput *output, CsError *error);

/* A record with what all rows of a notification share; NULL: no memory. */
extern CsRecord *cs_toncenter_new_record(const ToncenterNotice *notice,
										 CsTable table);

/* The member "finality" (*otherwise* if missing) and one that is a time in seconds. */
extern bool cs_toncenter_read_finality(struct json_object *object,
									   CsStatus otherwise, CsStatus *finality,
									   CsError *error);
extern bool cs_toncenter_read_time(struct json_object *object,
								   const char *name, int64_t *time_us,
								   CsError *error);

/*
 * The message as if *part* were all that its list of this name holds: what a
 * row's payload is.  *key*: the list is an object, and this the part's name.
 */
extern CsText cs_toncenter_payload(const ToncenterNotice *notice,
								   const char *list, CsText key, CsText part);

/* ---------- toncenter_transaction.c ---------- */

/* Add the rows of a transaction; *key* and *part* are for the payload. */
extern bool cs_toncenter_read_transaction(ToncenterNotice *notice,
										  struct json_object *object,
										  CsText key, CsText part,
										  CsError *error);

/* ---------- toncenter_events.c ---------- */

extern bool cs_toncenter_read_actions(ToncenterNotice *notice, CsError *error);
extern bool cs_toncenter_read_account_state(ToncenterNotice *notice,
											CsError *error);
extern bool cs_toncenter_read_jettons(ToncenterNotice *notice, CsError *error);

/* ---------- toncenter_memory.c ---------- */

/* NULL: no memory. */
extern struct ToncenterMemory *cs_toncenter_memory_create(void);
extern void cs_toncenter_memory_free(struct ToncenterMemory *memory);

/*
 * The rows of a notification are complete: those from *first* on.  Their
 * identities, which hold what is the same at every finality, are made what they
 * shall be; rows that were overtaken are left out; and what was announced
 * before and is no longer part of the trace is taken back.
 */
extern void cs_toncenter_settle(const ToncenterNotice *notice, size_t first);

/* What one connection was told is continued by another. */
extern void cs_toncenter_memory_move(struct ToncenterMemory *memory, int from,
									 int to);

/* A trace is void: take back what was announced of it and is not final. */
extern void cs_toncenter_invalidate(const ToncenterNotice *notice);

#endif							/* CS_TONCENTER_H */
