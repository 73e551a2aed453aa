/*-------------------------------------------------------------------------
 *
 * toncenter.h
 *	  What the parts of the TON Center dialect share.
 *
 *	  dialect_toncenter.c	connections, and what is asked of them
 *	  toncenter_key.c		keys and their limits
 *	  toncenter_request.c	requests: what is asked for, and what is wrong
 *	  toncenter_action.c	the vocabulary of actions
 *	  toncenter_item.c		notifications: who gets which part of them
 *	  toncenter_trace.c		synthetic traces on their way to finality
 *	  toncenter_text.c		and their texts
 *	  toncenter_rest.c		what REST says of them
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_TONCENTER_H
#define CS_SIM_TONCENTER_H

#include "ton.h"

/* In the order of the dialect's topics. */
typedef enum TcType
{
	TC_TRANSACTIONS,
	TC_ACTIONS,
	TC_TRACE,
	TC_ACCOUNT_STATE,
	TC_JETTONS,
	TC_INVALIDATED,				/* cannot be subscribed to */
	TC_TYPES
} TcType;

extern const char *const cs_sim_tc_topics[];

/* The type of this name, or -1. */
extern int	cs_sim_tc_type(const char *name);

typedef enum TcFinality
{
	TC_PENDING,
	TC_CONFIRMED,
	TC_FINALIZED,
	TC_FINALITIES
} TcFinality;

extern const char *const cs_sim_tc_finalities[];

/* The finality of this name, or -1. */
extern int	cs_sim_tc_finality(const char *name);

/* In the order of the dialect's switches. */
enum
{
	TC_ACCEPT_INVALIDATED,
	TC_FIRST_BEFORE_REPLY,
	TC_TWO_BLOCKS
};

/* In the order of its settings. */
enum
{
	TC_CONFIRM_MS,
	TC_FINALIZE_MS,
	TC_KEEPALIVE_MS,
	TC_QUEUE,
	TC_MAX_CONNECTIONS,
	TC_MAX_ADDRESSES,
	TC_LINGER_MS,
	TC_IDLE_MS,
	TC_DROP_EVERY,
	TC_HISTORY,
	TC_REST_LAG_MS
};

/* ---------- requests ---------- */

/* A set of texts: trace hashes, names of action types. */
typedef struct TcTexts
{
	char	  **list;
	size_t		count;
} TcTexts;

extern void cs_sim_tc_texts_add(TcTexts *texts, const char *text);
extern void cs_sim_tc_texts_remove(TcTexts *texts, const char *text);
extern bool cs_sim_tc_texts_has(const TcTexts *texts, const char *text);
extern void cs_sim_tc_texts_clear(TcTexts *texts);

/* What a connection gets. */
typedef struct TcSubscription
{
	bool		types[TC_TYPES];
	TonSet		addresses;
	TcTexts		traces;
	TcFinality	least;			/* min_finality */
	bool		book;
	bool		metadata;
	TcTexts		action_types;	/* empty: all */
	TcTexts		supported;		/* as given; empty: the default */
} TcSubscription;

extern void cs_sim_tc_subscription_clear(TcSubscription *subscription);

typedef struct TcClient
{
	TcSubscription wanted;
	char		key[128];		/* of the connection limit; or empty */
	int64_t		max_addresses;	/* -1: any number */
	CsSimAccountSet pending;	/* traces told of, below finality */
	uint64_t	passed;			/* notifications, for "drop-every" */
	bool		refused;		/* one connection too many */
} TcClient;

/* Who asks. */
typedef struct TcAsker
{
	const CsSimNetwork *network;
	bool		sse;
	int64_t		max_addresses;
} TcAsker;

/*
 * Read a request to subscribe and apply it; *subscription* is unchanged if it
 * is refused.  The answer is in *reply*, as text; false: it says why not.
 */
extern bool cs_sim_tc_subscribe(const TcAsker *asker,
								TcSubscription *subscription,
								const CsSimText *body, CsSimText *reply);

/* Answer any request of a WebSocket.  True: it was a subscribe, and is done. */
extern bool cs_sim_tc_request(const TcAsker *asker,
							  TcSubscription *subscription,
							  const char *data, size_t length,
							  CsSimText *reply);

/* Write {"id":...,"error":...}; *id* may be NULL. */
extern void cs_sim_tc_error(CsSimText *reply, const char *id,
							const char *error);

/* ---------- actions ---------- */

/* May a client with this vocabulary get an action of this type? */
extern bool cs_sim_tc_action_supported(const TcTexts *supported,
									   const char *type);

/* ---------- items ---------- */

/* A transaction or action: goes to those who watch one of its accounts. */
typedef struct TcPart
{
	CsSimText	text;
	CsTonAddress *accounts;
	size_t		account_count;
	char		type[48];		/* of an action */
} TcPart;

struct CsSimItem
{
	TcType		type;
	int			finality;		/* -1: it has none */
	char		trace[64];		/* as on the wire; or empty */
	char		hash[TON_HEX_SIZE]; /* for the journal */
	CsSimText	head;			/* up to the list, without its comma */
	const char *list_name;		/* "transactions", "actions", or NULL */
	TcPart	   *parts;
	size_t		part_count;
	CsTonAddress accounts[2];	/* that it is about, without a list */
	size_t		account_count;
	CsSimText	book;
	CsSimText	metadata;
};

extern CsSimItem *cs_sim_tc_item_create(CsSimNetwork *network,
										json_object *json,
										char error[CS_SIM_ERROR_MAX]);
extern void cs_sim_tc_item_free(CsSimItem *item);
extern size_t cs_sim_tc_deliver(CsSimNetwork *network, CsSimItem *item);

/* An item without a list, book or metadata yet; and a part to fill in. */
extern CsSimItem *cs_sim_tc_item_new(TcType type, int finality);
extern TcPart *cs_sim_tc_item_part(CsSimItem *item, size_t accounts);

/* Does anybody wait for this type, at this finality? */
extern bool cs_sim_tc_wanted(const CsSimNetwork *network, TcType type,
							 TcFinality finality);

/* ---------- traces ---------- */

/* How final the two transactions of a transfer are. */
typedef struct TcState
{
	TcFinality	sender;
	TcFinality	recipient;
} TcState;

/* How final the trace is. */
static inline TcFinality
cs_sim_tc_least(TcState state)
{
	return state.sender < state.recipient ? state.sender : state.recipient;
}

/* The items of a transfer; each is new. */
extern CsSimItem *cs_sim_tc_transactions(const TonTransfer *transfer,
										 TcState state, bool only_emulated);
extern CsSimItem *cs_sim_tc_actions(const TonTransfer *transfer,
									TcState state);
extern CsSimItem *cs_sim_tc_trace(const TonTransfer *transfer, TcState state);

/* Add the address book and metadata of both accounts; nobody has a name. */
extern void cs_sim_tc_add_book(CsSimItem *item, const TonTransfer *transfer);
extern CsSimItem *cs_sim_tc_account_state(const TonTransfer *transfer,
										  bool recipient, TcFinality finality);

/* A transaction and a masterchain block as REST has them. */
extern void cs_sim_tc_write_rest(CsSimText *text, const TonTransfer *transfer,
								 bool recipient);
extern void cs_sim_tc_write_block(CsSimText *text, uint64_t seed,
								  const TonTransfer *transfer);

extern void cs_sim_tc_history_start(CsSimNetwork *network);
extern void cs_sim_tc_history_stop(CsSimNetwork *network);

/* REST knows this transfer from now on, or a little later. */
extern void cs_sim_tc_remember(CsSimNetwork *network,
							   const TonTransfer *transfer);

/* Answer a request to REST; false: it is none. */
extern bool cs_sim_tc_rest(CsSimNetwork *network, const CsSimRequest *request,
						   CsSimResponse *response);

extern void cs_sim_tc_traces_start(CsSimNetwork *network);
extern void cs_sim_tc_traces_stop(CsSimNetwork *network);
extern size_t cs_sim_tc_generate(CsSimNetwork *network);
extern void cs_sim_tc_tick(CsSimNetwork *network);
extern void cs_sim_tc_accounts(CsSimNetwork *network, uint64_t from,
							   uint64_t count, FILE *file);
extern void cs_sim_tc_example(CsSimClient *client, CsSimText *text);
extern const CsSimCommand cs_sim_tc_commands[];

/* ---------- keys ---------- */

/* An API key that the gateway knows. */
typedef struct TcKey
{
	struct TcKey *next;
	char	   *key;
	bool		forbidden;		/* of the other network */
	int64_t		max_connections;	/* -1: any number */
	int64_t		max_addresses;
} TcKey;

/* A connection that is gone, and still counts. */
typedef struct TcGhost
{
	struct TcGhost *next;
	char		key[128];
	int64_t		until_us;
} TcGhost;

typedef struct TcNetwork
{
	struct TcTraces *traces;	/* of toncenter_trace.c */
	struct TcHistory *history;	/* of toncenter_rest.c */
	TcKey	   *keys;			/* none: every key is good */
	TcGhost    *ghosts;
} TcNetwork;

/* What one connection is allowed. */
typedef struct TcLimits
{
	char		key[128];
	int64_t		connections;	/* -1: any number */
	int64_t		addresses;
} TcLimits;

extern void cs_sim_tc_read_limits(const CsSimNetwork *network,
								  const CsSimRequest *request,
								  TcLimits *limits);

/* The key, if it is known; or NULL. */
extern const TcKey *cs_sim_tc_find_key(const TcNetwork *state,
									   const char *key);

/*
 * Has this key as many connections as it may have, without *except*?  Then
 * write the error.
 */
extern bool cs_sim_tc_too_many(const CsSimNetwork *network,
							   const TcLimits *limits,
							   const CsSimClient *except, const char *id,
							   CsSimText *error);

/* A connection of this key is gone, and may count on for a while. */
extern void cs_sim_tc_linger(CsSimNetwork *network, const char *key);

extern void cs_sim_tc_keys_stop(CsSimNetwork *network);

extern bool cs_sim_tc_run_key(CsSimNetwork *network, char *arguments,
							  CsSimText *answer);

#endif							/* CS_SIM_TONCENTER_H */
