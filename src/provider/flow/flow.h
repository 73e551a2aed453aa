/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  The Flow provider's own interface, between its files:
 *
 *	  flow.c			what the provider is: networks, topics, addresses, options;
 *						and the table of its functions
 *	  flow_arguments.c	arguments as users may write them
 *	  flow_request.c	arguments as nodes are sent them
 *	  flow_parts.c		the wish, cut into what single requests can ask for
 *	  flow_states.c		what is told of subscriptions and watches
 *	  flow_links.c		connections, and the requests on them
 *	  flow_answers.c	what a node says to requests
 *	  flow_position.c	how far streams have been read
 *	  flow_session.c	the life of a session; notifications
 *	  flow_records.c	what notifications mean
 *	  flow_events.c		the same of events
 *	  flow_event.c		a single event
 *	  flow_cadence.c	values in the payloads of events
 *
 * Words: a *stream* is a subscription of the user; a *part* of it is what one
 * subscription on a connection can deliver: all of it, a hundred accounts, a
 * transaction; a *wire* is such a subscription on a connection, with an id
 * that is never used again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_FLOW_H
#define CS_FLOW_H

#include "codec/flow_address.h"
#include "provider/session.h"

/* In the order of the provider's list of topics. */
typedef enum FlowTopicId
{
	FLOW_BLOCK_DIGESTS,
	FLOW_BLOCK_HEADERS,
	FLOW_BLOCKS,
	FLOW_EVENTS,
	FLOW_ACCOUNT_STATUSES,
	FLOW_TRANSACTION_STATUSES,
	FLOW_SEND,
	FLOW_TOPICS
} FlowTopicId;

/* Hexadecimal digits of a block's or transaction's id, and a NUL. */
#define FLOW_ID_SIZE 65

/* Words kept of what a node says, with their NUL. */
#define FLOW_DETAIL_SIZE 240

/* Accounts in one account_statuses subscription, as the protocol limits it. */
#define FLOW_CHUNK 100

/* A state as it was told, or is to be. */
typedef struct FlowState
{
	CsState		state;
	char		detail[FLOW_DETAIL_SIZE];	/* empty: none */
} FlowState;

/* How far something has been read. */
typedef struct FlowPosition
{
	int64_t		height;			/* of the last block; CS_NO_NUMBER: unknown */
	char		block_id[FLOW_ID_SIZE];	/* its id, or empty */
	int64_t		skipped_from;	/* blocks no node had any more; CS_NO_NUMBER: */
	int64_t		skipped_to;		/* there are none */
} FlowPosition;

/* A subscription of the user. */
typedef struct FlowStream
{
	int64_t		subscription_id;
	FlowTopicId topic;
	char	   *text;			/* the arguments as given; owned */
	struct json_object *arguments;	/* with the values nodes take; owned */
	bool		followed;		/* it follows the watch list */
	bool		finalized;		/* blocks: not sealed ones */
	bool		seen;			/* while the wish is compared */
	int64_t		heartbeat;		/* at most so many blocks between messages */
	char		start[FLOW_ID_SIZE + 8];	/* where the user wants to begin */
	char		payer[CS_FLOW_ADDRESS_LENGTH + 1];	/* of what is sent */

	FlowPosition position;		/* of all its parts; as the cursor says */
	bool		resumed;		/* it was looked for among the positions */
	bool		restored;		/* and found: its last block is stored */
	bool		ccf;			/* the node sends events nobody can read */

	FlowState	now;			/* what its parts come to */
	bool		told;			/* the host knows the following */
	FlowState	last;
} FlowStream;

/* What a wire is to deliver. */
typedef struct FlowPart
{
	FlowStream *stream;
	uint64_t   *accounts;		/* account_statuses by account; owned */
	size_t		account_count;
	bool		everything;		/* it has no filter, to take all there is */
	int64_t		watch_id;		/* of a watched transaction; 0: it is none */
	char		transaction[FLOW_ID_SIZE];	/* empty: none, or not known yet */

	uint64_t	wire;			/* 0: none */
	uint64_t	old_wire;		/* which it replaces, once acknowledged */
	bool		acknowledged;	/* the node took it */
	bool		proven;			/* a node has taken it before */
	bool		fresh;			/* nothing has come on it */
	bool		stale;			/* but something else is wanted by now */
	bool		frozen;			/* something is missing: the position stays */
	bool		silent;			/* nothing came for too long */
	bool		widened;		/* it asks for more than was read so far */
	bool		over;			/* nothing is to be asked for any more */
	bool		submitted;		/* the transaction was handed to a node */

	FlowPosition position;
	int64_t		jump_height;	/* behind which blocks are missing, as we know */
	int64_t		last_index;		/* message_index of the last; -1: none came */
	int64_t		heard_at;		/* when the wire last gave a sign of life */
	int64_t		retry_at;		/* not to be asked for before */
	int			failures;		/* in a row */
	int			rank;			/* how far the transaction has come */

	FlowState	now;			/* pending to begin with */
	bool		told;			/* watched transactions: the host knows this */
	FlowState	last;
} FlowPart;

typedef enum FlowWireState
{
	FLOW_WIRE_REQUESTED,
	FLOW_WIRE_ACTIVE,
	FLOW_WIRE_ENDING			/* unsubscribed; not acknowledged yet */
} FlowWireState;

typedef struct FlowWire
{
	uint64_t	number;			/* its id is FLOW_WIRE_PREFIX and this */
	FlowWireState state;
	FlowPart   *part;			/* NULL: nobody's any more */
} FlowWire;

typedef struct FlowLink
{
	bool		wanted;
	bool		open;
	bool		reset;			/* given up; closing */
	FlowWire   *wires;
	size_t		count;			/* of them */
	size_t		capacity;
	size_t		limit;			/* of subscriptions, if the node has said so */
	uint64_t	first_wire;		/* ids from here on are of this connection */
	int64_t		waiting_since;	/* oldest request without an answer */
	int			unanswered;		/* requests */
	int64_t		list_at;		/* when to ask what the node holds */
	int64_t		listed_at;		/* when that was done last */
	bool		listing;
	int64_t		empty_since;	/* INT64_MAX: it is in use */
} FlowLink;

/* A restored position of a stream that may come. */
typedef struct FlowRestored
{
	char	   *scope;
	char	   *text;
} FlowRestored;

typedef struct FlowSession
{
	CsSession	base;
	CsFlowNetwork network;
	size_t		wires_max;		/* on a link */
	size_t		links_max;
	CsJsonWriter writer;		/* for requests */
	uint64_t	last_wire;

	FlowStream **streams;
	size_t		stream_count;
	FlowPart  **parts;			/* of a stream next to each other */
	size_t		part_count;
	size_t		part_capacity;
	FlowLink   *links;
	size_t		link_count;
	FlowRestored *restored;
	size_t		restored_count;

	bool		regrouped;		/* streams came, changed or went */
	size_t		address_count;	/* of the watch list, as parts know it */
	bool		everything;		/* likewise */
	bool		carried;		/* the host knows watches to be active */
	int64_t		next_at;		/* when something is due */
} FlowSession;

#define FLOW_WIRE_PREFIX "cs-"

/* ---------- flow.c ---------- */

/* The number of a topic; a topic's name. */
extern FlowTopicId cs_flow_topic(const CsTopic *topic);
extern const char *cs_flow_topic_name(FlowTopicId id);

/* Topics that deliver blocks one after the other, and say their height. */
extern bool cs_flow_has_height(FlowTopicId id);

/* Which network a name means; false: none. */
extern bool cs_flow_network(const char *name, CsFlowNetwork *network);

extern bool cs_flow_address(CsFlowNetwork network, const char *text,
							char canonical[CS_FLOW_ADDRESS_LENGTH + 1],
							CsError *error);

/* The event types an ordinary watch list needs; NULL-terminated. */
extern const char *const *cs_flow_token_events(CsFlowNetwork network);

/* ---------- flow_arguments.c ---------- */

extern bool cs_flow_check_options(struct json_object *options, CsError *error);
extern bool cs_flow_check_arguments(const CsTopic *topic, const char *network,
									const char *arguments, CsError *error);

/*
 * The arguments as nodes take them: to be freed.  NULL: see *error*, which
 * cannot happen to arguments that were checked but for want of memory.
 */
extern struct json_object *cs_flow_arguments(FlowTopicId topic,
											 CsFlowNetwork network,
											 const char *arguments,
											 CsError *error);

/* Do they name neither a transaction nor a filter, so that watches count? */
extern bool cs_flow_is_followed(FlowTopicId topic,
								struct json_object *arguments);

/* ---------- flow_request.c ---------- */

/* Write the arguments of a part's request, the braces included. */
extern void cs_flow_put_arguments(FlowSession *flow, const FlowPart *part);

/* ---------- flow_position.c ---------- */

extern void cs_flow_position_clear(FlowPosition *position);

/* The scope of a stream's cursor; *scope* has 64 bytes. */
extern void cs_flow_scope(const FlowStream *stream, char *scope);

/* Take over what was restored for a stream, once. */
extern void cs_flow_resume(FlowSession *flow, FlowStream *stream);

/* Tell the position of a stream if this part has moved it; forget it. */
extern void cs_flow_advance(FlowSession *flow, const FlowPart *part,
							CsOutput *output);
extern void cs_flow_forget(FlowStream *stream, CsOutput *output);

/* Remember what became of a transaction that is sent; *id* may be empty. */
extern void cs_flow_note_submitted(const FlowStream *stream, const char *id,
								   CsOutput *output);

extern bool cs_flow_start_restore(FlowSession *flow, const char *scope,
								  const char *position);

/* ---------- flow_parts.c ---------- */

/* Make streams and parts follow the wish. */
extern void cs_flow_follow(FlowSession *flow, CsOutput *output);

/* The part with this watched transaction, if there is one. */
extern FlowPart *cs_flow_watched(FlowSession *flow, const char *transaction);

extern void cs_flow_parts_free(FlowSession *flow);

/* Has the watch list anything for a stream that follows it? */
extern bool cs_flow_has_watches(const FlowSession *flow);

/* The stream that watched transactions are followed by; NULL: none. */
extern FlowStream *cs_flow_follower(const FlowSession *flow);

/* ---------- flow_states.c ---------- */

/* Set a part's state; *detail* may be NULL. */
extern void cs_flow_set(FlowPart *part, CsState state, const char *detail);

/* Set the detail, cut at a whole character. */
extern void cs_flow_set_words(FlowPart *part, CsState state, CsText words);

/* The node delivers what the part is for. */
extern void cs_flow_set_active(FlowPart *part);

/* Tell all states that are news, or as many as may be told in one go. */
extern void cs_flow_tell(FlowSession *flow, int64_t now_ms, CsOutput *output);

/* The host takes everything for pending again: nothing is known to it. */
extern void cs_flow_untell(FlowSession *flow);

/* ---------- flow_links.c ---------- */

/* Do what is due on all links. */
extern void cs_flow_step(FlowSession *flow, int64_t now_ms, CsOutput *output);

/* The wire of this id on a link, or NULL. */
extern FlowWire *cs_flow_wire(FlowLink *link, CsText id);
extern FlowWire *cs_flow_wire_number(FlowSession *flow, uint64_t number,
									 FlowLink **link);

/* The number in an id of ours; 0: it is none. */
extern uint64_t cs_flow_wire_id(CsText id);

/* The wire is no more; the part it was for has to be asked for again. */
extern void cs_flow_drop(FlowSession *flow, FlowLink *link, FlowWire *wire);

/* Ask the node to end a wire that may be anything. */
extern void cs_flow_unsubscribe(FlowSession *flow, FlowLink *link, CsText id,
								int64_t now_ms, CsOutput *output);
extern void cs_flow_end(FlowSession *flow, uint64_t number, int64_t now_ms,
						CsOutput *output);

/* Ask for a part again after a growing delay. */
extern void cs_flow_postpone(FlowPart *part, int64_t now_ms);

/* It is doubtful what the node holds: ask, if that was not done just now. */
extern void cs_flow_doubt(FlowSession *flow, FlowLink *link, int64_t now_ms);

/* An answer to a request came. */
extern void cs_flow_answered(FlowLink *link, int64_t now_ms);

/* Give a link up. */
extern void cs_flow_reset(FlowSession *flow, size_t index, const char *reason,
						  CsOutput *output);

/* Nothing is known of a link, as on a new connection. */
extern void cs_flow_link_clear(FlowSession *flow, FlowLink *link);

extern FlowLink *cs_flow_link(FlowSession *flow, int index);

/* ---------- flow_answers.c ---------- */

/* Take a message that is no notification. */
extern bool cs_flow_answer(FlowSession *flow, int link,
						   struct json_object *object, int64_t now_ms,
						   CsOutput *output, CsError *error);

/* ---------- flow_records.c ---------- */

/* A notification. */
typedef struct FlowNotice
{
	FlowSession *flow;
	FlowStream *stream;
	struct json_object *payload;
	CsText		text;			/* the message, without space behind it */
	int64_t		received_at;
	CsOutput   *output;

	/* filled in by cs_flow_read() */
	char		block_id[FLOW_ID_SIZE]; /* empty: none */
	int64_t		height;			/* CS_NO_NUMBER: the topic does not tell */
	int64_t		index;			/* message_index; -1: there is none */
	char		transaction[FLOW_ID_SIZE];
	CsStatus	status;			/* of a transaction */
	bool		last;			/* and it will not change any more */
	CsText		words;			/* what went wrong */
} FlowNotice;

/* Read what says where in the stream a notification belongs. */
extern bool cs_flow_read(FlowNotice *notice, CsError *error);

/* Turn it into records. */
extern bool cs_flow_records(FlowNotice *notice, CsError *error);

/* Read an id of 64 hexadecimal digits, of either case. */
extern bool cs_flow_read_id(struct json_object *object, const char *name,
							char id[FLOW_ID_SIZE], CsError *error);

/* A time; CS_NO_NUMBER for those the emulator makes up. */
extern bool cs_flow_read_time(struct json_object *object, const char *name,
							  int64_t *time, CsError *error);

/* A record with what all rows of a notification share; NULL: no memory. */
extern CsRecord *cs_flow_record(const FlowNotice *notice, CsTable table);

extern bool cs_flow_is(CsText text, const char *word);

/* ---------- flow_events.c ---------- */

extern bool cs_flow_events(FlowNotice *notice, CsError *error);
extern bool cs_flow_account_events(FlowNotice *notice, CsError *error);

/* ---------- flow_session.c ---------- */

extern bool cs_flow_start(CsSession *session, CsError *error);
extern void cs_flow_stop(CsSession *session);
extern void cs_flow_restore(CsSession *session, const char *scope,
							const char *position);
extern void cs_flow_sync(CsSession *session, int64_t now_ms,
						 CsOutput *output);
extern bool cs_flow_handshake(CsSession *session, int link, const char *url,
							  CsHandshake *handshake, CsOutput *output);
extern void cs_flow_opened(CsSession *session, int link, int64_t now_ms,
						   CsOutput *output);
extern bool cs_flow_message(CsSession *session, int link,
							const CsMessage *message, int64_t now_ms,
							CsOutput *output, CsError *error);
extern void cs_flow_closed(CsSession *session, int link,
						   const CsClosure *closure, int64_t now_ms,
						   CsOutput *output);
extern void cs_flow_tick(CsSession *session, int64_t now_ms,
						 CsOutput *output);
extern int64_t cs_flow_next_tick(const CsSession *session);

#endif							/* CS_FLOW_H */
