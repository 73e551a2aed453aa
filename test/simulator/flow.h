/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  What the parts of the Flow dialect share.
 *
 *	  dialect_flow.c		connections: pings, deadlines, frames, commands
 *	  flow_request.c		requests and their answers
 *	  flow_argument.c		arguments of a subscription, and what is wrong
 *	  flow_subscription.c	what each subscription is sent, block by block
 *	  flow_transaction.c	statuses of transactions
 *	  flow_chain.c			the synthetic chain: any block by its height
 *	  flow_event.c			its events, as JSON-CDC and CCF
 *	  flow_item.c			recorded notifications
 *	  flow_rest.c			what is answered over HTTP
 *	  flow_text.c			JSON and addresses as Go writes and reads them
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_FLOW_H
#define CS_SIM_FLOW_H

#include "chance.h"
#include "dialect.h"
#include "http.h"

#define FLOW_ID_LENGTH		32	/* of blocks, transactions, ... */
#define FLOW_ID_TEXT		(2 * FLOW_ID_LENGTH)
#define FLOW_SUBSCRIPTION_ID_MAX	20	/* bytes */

/* In the order of cs_sim_flow_topics. */
typedef enum FlowTopic
{
	FLOW_BLOCK_DIGESTS,
	FLOW_BLOCK_HEADERS,
	FLOW_BLOCKS,
	FLOW_EVENTS,
	FLOW_ACCOUNT_STATUSES,
	FLOW_TRANSACTION_STATUSES,
	FLOW_SEND,
	FLOW_TOPICS
} FlowTopic;

extern const char *const cs_sim_flow_topics[];

/* In the order of the dialect's switches. */
enum
{
	FLOW_TESTNET,
	FLOW_EMULATOR,
	FLOW_OLD_TIMES,
	FLOW_OLD_BLOCKS,
	FLOW_OLD_EVENTS,
	FLOW_OLD_STREAMS,
	FLOW_NO_EVENTS
};

/* In the order of the dialect's settings. */
enum
{
	FLOW_PING_MS,
	FLOW_PONG_MS,
	FLOW_INACTIVE_MS,
	FLOW_CHECK_MS,
	FLOW_SUBSCRIPTIONS_MAX,
	FLOW_STREAMS_MAX,
	FLOW_ROOT_HEIGHT,
	FLOW_LOWEST_INDEXED,
	FLOW_INDEX_LAG,
	FLOW_EXECUTE_LAG,
	FLOW_SEAL_LAG,
	FLOW_PER_BLOCK,
	FLOW_HEARTBEAT,
	FLOW_EXPIRY,
	FLOW_TAIL,
	FLOW_RESPONSES
};

/* ---------- flow_text.c ---------- */

/* Append a string with its quotes, escaped as Go does it. */
extern void cs_sim_flow_quote(CsSimText *text, const char *string,
							  size_t length);

/* Append a JSON value compactly, as Go does; *sorted*: keys in order. */
extern void cs_sim_flow_json(CsSimText *text, json_object *value,
							 bool sorted);

/* Append compact JSON indented by tabs, as REST answers are. */
extern void cs_sim_flow_indent(CsSimText *text, const char *json);

/* Milliseconds since 1970 as RFC 3339, without trailing zeros. */
extern void cs_sim_flow_time(const CsSimNetwork *network, int64_t ms,
							 CsSimText *text);

/* The network's name, and whether an address is one of its code words. */
extern const char *cs_sim_flow_chain_id(const CsSimNetwork *network);
extern bool cs_sim_flow_address_valid(const CsSimNetwork *network,
									  uint64_t address);

/* The address of the account with this index, from 1 on. */
extern uint64_t cs_sim_flow_address(const CsSimNetwork *network,
									uint64_t index);

/* Read an address as a subscription's arguments may spell it. */
extern uint64_t cs_sim_flow_parse_address(const char *text);

/* Append base64 with padding. */
extern void cs_sim_flow_base64(CsSimText *text, const void *data,
							   size_t length);

/* ---------- flow_chain.c ---------- */

typedef uint8_t FlowId[FLOW_ID_LENGTH];

/* What the ids are of. */
typedef enum FlowThing
{
	FLOW_BLOCK = 1,
	FLOW_TRANSACTION,
	FLOW_COLLECTION,
	FLOW_RESULT,
	FLOW_STATE
} FlowThing;

/* One event of a block. */
typedef struct FlowEvent
{
	char	   *type;
	char	   *text;			/* the whole JSON object */
	uint64_t	accounts[2];	/* of core events */
	int			account_count;
	int			transaction;	/* index in the block */
} FlowEvent;

/* What a transaction does. */
typedef enum FlowDeed
{
	FLOW_TRANSFER,
	FLOW_FAILED_TRANSFER,
	FLOW_ACCOUNT_CREATION,
	FLOW_INBOX
} FlowDeed;

typedef struct FlowTransaction
{
	uint64_t	height;
	int			index;			/* in the block */
	FlowId		id;
	FlowDeed	deed;
	uint64_t	payer;			/* addresses */
	uint64_t	recipient;
	uint64_t	amount;			/* 10^-8 */
	uint64_t	made_ns;		/* with --timestamps, or 0 */
} FlowTransaction;

/* A block with all that is in it; kept for a while. */
typedef struct FlowBlock
{
	uint64_t	height;			/* 0: none */
	FlowId		id;
	char		id_text[FLOW_ID_TEXT + 1];
	CsSimText	time;
	FlowEvent  *events;
	size_t		event_count;
} FlowBlock;

/* A transaction that a client sent. */
typedef struct FlowSent
{
	FlowId		id;
	uint64_t	height;			/* of the block that will have it */
	uint64_t	payer;
} FlowSent;

#define FLOW_BLOCKS_KEPT	512
#define FLOW_SENT_KEPT		256
#define FLOW_TIMES_KEPT		65536

typedef struct FlowState
{
	uint64_t	head;			/* the last finalized height */
	FlowBlock	blocks[FLOW_BLOCKS_KEPT];
	FlowSent	sent[FLOW_SENT_KEPT];
	size_t		sent_count;		/* ever */
	uint64_t   *hits;			/* addresses that shall be hit */
	size_t		streams;		/* subscriptions of all clients */
	uint64_t	chance;			/* for ids of subscriptions */
	uint64_t	lose;			/* so many more notifications get lost */
	struct
	{
		uint64_t	height;
		int64_t		ms;
		uint64_t	ns;
	}			times[FLOW_TIMES_KEPT];	/* when blocks were made */
} FlowState;

static inline FlowState *
flow_state(const CsSimNetwork *network)
{
	return network->state;
}

extern void cs_sim_flow_chain_start(CsSimNetwork *network);
extern void cs_sim_flow_chain_stop(CsSimNetwork *network);

/* Finalize one more block. */
extern void cs_sim_flow_advance(CsSimNetwork *network);

extern uint64_t cs_sim_flow_sealed(const CsSimNetwork *network);
extern uint64_t cs_sim_flow_executed(const CsSimNetwork *network);
extern uint64_t cs_sim_flow_indexed(const CsSimNetwork *network);

/* The id of a thing; and the number it was made of, if it is one of ours. */
extern void cs_sim_flow_id(const CsSimNetwork *network, FlowThing thing,
						   uint64_t number, FlowId id);
extern bool cs_sim_flow_number(const CsSimNetwork *network, FlowThing thing,
							   const FlowId id, uint64_t *number);

/* Append an id as text. */
extern void cs_sim_flow_add_id(const CsSimNetwork *network, FlowThing thing,
							   uint64_t number, CsSimText *text);

/* Read an id: exactly 64 digits. */
extern bool cs_sim_flow_parse_id(const char *text, FlowId id);

/* The block of a height; it stays until FLOW_BLOCKS_KEPT others came. */
extern const FlowBlock *cs_sim_flow_block(CsSimNetwork *network,
										  uint64_t height);

/* Append the header, or the payload, of a block as JSON. */
extern void cs_sim_flow_header(CsSimNetwork *network, uint64_t height,
							   CsSimText *text);
extern void cs_sim_flow_payload(CsSimNetwork *network, uint64_t height,
								CsSimText *text);

/* How many transactions a block has, and what the transactions are. */
extern int	cs_sim_flow_transactions(const CsSimNetwork *network,
									 uint64_t height);
extern void cs_sim_flow_transaction(const CsSimNetwork *network,
									uint64_t height, int index,
									FlowTransaction *transaction);

/* ---------- flow_event.c ---------- */

/* Append the events of a transaction to a growing array. */
extern void cs_sim_flow_events(const CsSimNetwork *network,
							   const FlowTransaction *transaction,
							   FlowEvent **events, size_t *count);
extern void cs_sim_flow_events_free(FlowEvent *events, size_t count);

/* ---------- subscriptions ---------- */

typedef struct FlowSubscription
{
	struct FlowSubscription *next;
	char		id[FLOW_SUBSCRIPTION_ID_MAX + 1];
	FlowTopic	topic;
	json_object *arguments;		/* as given; or NULL */
	uint64_t	message_index;
	bool		ended;			/* goes at the next block */
	bool		leaving;		/* unsubscribed; "tail" more are sent */
	uint64_t	tail;

	/* of blocks, events, accounts */
	bool		sealed;
	uint64_t	height;			/* the next to look at */
	uint64_t	heartbeat;
	uint64_t	silent;			/* blocks since the last message */
	json_object *event_types;	/* inside arguments; or NULL */
	json_object *contracts;
	uint64_t   *addresses;		/* of contracts, or accounts */
	size_t		address_count;

	/* of transactions */
	FlowId		transaction;
	bool		sent_here;
	int			step;			/* the next status; see flow_transaction.c */
	uint64_t	since;			/* head when it began */
} FlowSubscription;

typedef struct FlowClient
{
	FlowSubscription *subscriptions;
	size_t		count;			/* active ones */
	size_t		turn;			/* which of them is next */
	int64_t		ping_at;		/* microseconds, of lws_now_usecs() */
	int64_t		deadline;
	int64_t		check_at;
	int64_t		last_sent;
	int64_t		next_response;	/* not before, if their rate is limited */
	bool		deaf;			/* a pong came too late */
	bool		inactive;		/* found to have no use */
} FlowClient;

/* What a subscription's start is, as the arguments say. */
typedef struct FlowStart
{
	bool		by_height;
	bool		by_id;
	uint64_t	height;
	FlowId		id;
	const char *id_text;
} FlowStart;

/* ---------- dialect_flow.c ---------- */

/* Send text to a client, with the line feed; topic or CS_SIM_REPLY. */
extern void cs_sim_flow_send(CsSimClient *client, CsSimText *text, int topic,
							 const char *hash);

/* ---------- flow_request.c ---------- */

extern void cs_sim_flow_request(CsSimClient *client, const char *data,
								size_t length);

/* An error about a subscription; *action* is what it is the answer to. */
extern void cs_sim_flow_error(CsSimClient *client, const char *id, int code,
							  const char *action, const char *format,...)
			__attribute__((format(printf, 5, 6)));

/* ---------- flow_argument.c ---------- */

/*
 * Fill in a subscription whose topic and arguments are known.  False: *error*
 * says what is wrong with them.
 */
extern bool cs_sim_flow_arguments(CsSimNetwork *network,
								  FlowSubscription *subscription,
								  FlowStart *start, CsSimText *error);

/* ---------- flow_subscription.c ---------- */

/* Begin it where it shall start; false: *error* is the inner text. */
extern bool cs_sim_flow_begin(CsSimNetwork *network,
							  FlowSubscription *subscription,
							  const FlowStart *start, CsSimText *error);

/* Send what has become due.  True: more waits for room. */
extern bool cs_sim_flow_pump(CsSimClient *client);

/* Remove subscriptions: those that ended, all, or one. */
extern void cs_sim_flow_remove_ended(CsSimClient *client);
extern void cs_sim_flow_remove_all(CsSimClient *client);
extern void cs_sim_flow_remove(CsSimClient *client,
							   FlowSubscription *subscription);
extern void cs_sim_flow_subscription_free(FlowSubscription *subscription);

/* Does an event of this type pass an events subscription's filter? */
extern bool cs_sim_flow_event_passes(const FlowSubscription *subscription,
									 const char *type);

/* Begin a notification: up to the payload's opening brace. */
extern void cs_sim_flow_envelope(const FlowSubscription *subscription,
								 CsSimText *text);

/* Is the notification to get lost, on the way to the client? */
extern bool cs_sim_flow_lost(CsSimNetwork *network);

/* ---------- flow_transaction.c ---------- */

extern void cs_sim_flow_pump_transaction(CsSimClient *client,
										 FlowSubscription *subscription);

/* Append the result of a transaction in its present state; false: unknown. */
extern bool cs_sim_flow_result(CsSimNetwork *network, const FlowId id,
							   CsSimText *text);

/* Take a transaction from its arguments, and give it an id. */
extern void cs_sim_flow_take(CsSimNetwork *network, json_object *arguments,
							 FlowId id);

/* ---------- flow_item.c ---------- */

extern CsSimItem *cs_sim_flow_item_create(CsSimNetwork *network,
										  json_object *json,
										  char error[CS_SIM_ERROR_MAX]);
extern void cs_sim_flow_item_free(CsSimItem *item);
extern size_t cs_sim_flow_deliver(CsSimNetwork *network, CsSimItem *item);

/* ---------- flow_rest.c ---------- */

extern void cs_sim_flow_respond(CsSimNetwork *network,
								const CsSimRequest *request,
								CsSimResponse *response);
extern void cs_sim_flow_refuse(CsSimNetwork *network,
							   const CsSimRequest *request,
							   CsSimResponse *response);

#endif							/* CS_SIM_FLOW_H */
