/*-------------------------------------------------------------------------
 *
 * nano.h
 *	  The Nano provider's own interface, between its files:
 *
 *	  nano.c			what the provider is: networks, topics, addresses,
 *						arguments; and the table of its functions
 *	  nano_session.c	what is asked of the node, and when
 *	  nano_records.c	what its messages mean
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_NANO_H
#define CS_NANO_H

#include "provider/session.h"

/* In the order of the provider's list of topics. */
typedef enum NanoTopicId
{
	NANO_CONFIRMATION,
	NANO_NEW_UNCONFIRMED_BLOCK,
	NANO_VOTE,
	NANO_STARTED_ELECTION,
	NANO_STOPPED_ELECTION,
	NANO_ACTIVE_DIFFICULTY,
	NANO_WORK,
	NANO_TELEMETRY,
	NANO_BOOTSTRAP,
	NANO_TOPICS
} NanoTopicId;

/* A topic on the present connection. */
typedef struct NanoTopic
{
	int64_t		subscription_id;	/* 0: not wanted */
	char	   *arguments;		/* of the subscription; owned */
	bool		all_local;		/* confirmation: "all_local_accounts" */
	bool		no_block;		/* confirmation: "include_block" is false */

	bool		requested;		/* the node was asked for it */
	bool		stale;			/* but with other arguments than wanted */
	bool		answered;		/* it acknowledged, or sent some of it */
	uint64_t	request;		/* the last subscribe, for its ack */
	int64_t		proof_at;		/* a notification from then on answers it */
	int64_t		silent_at;		/* when to complain; INT64_MAX: not */

	bool		told;			/* the host knows the following */
	CsState		state;
	const char *detail;			/* static, or NULL */
} NanoTopic;

/* How the watch list was applied to the confirmation subscription. */
typedef enum NanoMode
{
	NANO_MODE_NONE,				/* there is no subscription */
	NANO_MODE_FILTER,			/* the node filters by our list */
	NANO_MODE_LOCAL,			/* it sends everything, and we filter: a list
								 * too long to be sent */
	NANO_MODE_EVERYTHING		/* it sends everything, as is wanted */
} NanoMode;

/* Who takes care of the watched addresses. */
typedef enum NanoCarrier
{
	NANO_CARRIER_NONE,			/* nobody */
	NANO_CARRIER_FILTER,		/* requests that name them */
	NANO_CARRIER_OPEN			/* a subscription without a filter */
} NanoCarrier;

/* The request about the watch list that the node has not answered. */
typedef enum NanoRequest
{
	NANO_REQUEST_NONE,
	NANO_REQUEST_SUBSCRIBE,
	NANO_REQUEST_UPDATE
} NanoRequest;

typedef struct NanoSession
{
	CsSession	base;
	NanoTopic	topics[NANO_TOPICS];
	CsJsonWriter writer;		/* for requests */
	bool		link_wanted;
	bool		link_open;
	uint64_t	last_request;	/* numbers the requests */

	/* the watch list on the present connection */
	NanoMode	mode;
	NanoCarrier carrier;
	NanoRequest pending;
	uint64_t	pending_id;
	int64_t		overdue_at;		/* when to give up waiting for it */
	bool		overdue;
	size_t		carried;		/* so many of the queue it took along */
	size_t		settled;		/* of so many the answered state is to be told */
	int64_t		more_at;		/* states are left to be told; INT64_MAX: none */
	bool		no_update;		/* the node does not answer "update" */
	bool		mute;			/* nor "subscribe" */

	int64_t		last_time;		/* newest envelope time of the connection, ms */
} NanoSession;

/* ---------- nano.c ---------- */

/* What comes so long after a request was sent was sent in answer to it. */
#define CS_NANO_SETTLE_MS 1000

/*
 * Put an address that a node has printed in the network's canonical form,
 * without looking at its checksum.  *canonical* has CS_TARGET_MAX bytes.
 */
extern bool cs_nano_canonical(const CsNetwork *network, CsText address,
							  char *canonical, size_t *length,
							  CsError *error);

/* ---------- nano_session.c ---------- */

/* The detail of a subscription that needs a watch list and has none. */
extern const char cs_nano_waiting[];

/* Tell a subscription's state, if that is news.  *detail* is static or NULL. */
extern void cs_nano_tell(NanoTopic *topic, CsState state, const char *detail,
						 CsOutput *output);

/*
 * Build a request in nano->writer: begin it, which returns its number; begin
 * its "options" with what the user gave (all of it only if the node is to
 * filter by account), to be ended by the caller; end and send it.
 */
extern uint64_t cs_nano_begin_request(NanoSession *nano, const char *action,
									  NanoTopicId topic);
extern void cs_nano_begin_options(NanoSession *nano, NanoTopicId id,
								  bool filtered);
extern void cs_nano_send_request(NanoSession *nano, CsOutput *output);

/* Note that a topic was asked for; *first*: for the first time. */
extern void cs_nano_requested(NanoTopic *topic, uint64_t request, bool first,
							  int64_t now_ms, CsOutput *output);

/* Ask the node to end a topic. */
extern void cs_nano_unsubscribe(NanoSession *nano, NanoTopicId id,
								CsOutput *output);

extern bool cs_nano_start(CsSession *session, CsError *error);
extern void cs_nano_stop(CsSession *session);
extern void cs_nano_sync(CsSession *session, int64_t now_ms,
						 CsOutput *output);
extern bool cs_nano_handshake(CsSession *session, int link, const char *url,
							  CsHandshake *handshake, CsOutput *output);
extern void cs_nano_opened(CsSession *session, int link, int64_t now_ms,
						   CsOutput *output);
extern bool cs_nano_message(CsSession *session, int link,
							const CsMessage *message, int64_t now_ms,
							CsOutput *output, CsError *error);
extern void cs_nano_closed(CsSession *session, int link,
						   const CsClosure *closure, int64_t now_ms,
						   CsOutput *output);
extern void cs_nano_tick(CsSession *session, int64_t now_ms,
						 CsOutput *output);
extern int64_t cs_nano_next_tick(const CsSession *session);

/* ---------- nano_watch.c ---------- */

/* Do what is due about confirmations and the watch list. */
extern void cs_nano_watch_step(NanoSession *nano, int64_t now_ms,
							   CsOutput *output);

/* The request about the watch list was answered; was not, in time. */
extern void cs_nano_watch_answered(NanoSession *nano);
extern void cs_nano_watch_overdue(NanoSession *nano);

/* The link is gone, and with it everything the node knew. */
extern void cs_nano_watch_closed(NanoSession *nano);

/* ---------- nano_records.c ---------- */

/*
 * Turn a notification of a topic that is subscribed into records.  False: it
 * could not be understood, see *error*.
 */
extern bool cs_nano_records(NanoSession *nano, NanoTopicId topic,
							struct json_object *envelope,
							const CsMessage *message, CsOutput *output,
							CsError *error);

#endif							/* CS_NANO_H */
