/*-------------------------------------------------------------------------
 *
 * tonapi.h
 *	  What the parts of the TonAPI dialect share.
 *
 *	  dialect_tonapi.c	connections: streams, heartbeats, pings
 *	  tonapi_session.c	the JSON-RPC of its WebSocket
 *	  tonapi_item.c		notifications: who gets them, and how often
 *	  tonapi_block.c	synthetic blocks
 *	  tonapi_rest.c		what REST says of transactions
 *	  tonapi_text.c		and the texts of that
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_TONAPI_H
#define CS_SIM_TONAPI_H

#include "ton.h"

/* In the order of the dialect's topics. */
typedef enum TaTopic
{
	TA_TRANSACTION,
	TA_TRACE,
	TA_MEMPOOL,
	TA_BLOCK,
	TA_TOPICS
} TaTopic;

extern const char *const cs_sim_ta_topics[];

/* In the order of the dialect's switches; the first four as the topics. */
enum
{
	TA_NO_TRANSACTIONS,
	TA_NO_TRACES,
	TA_NO_MEMPOOL,
	TA_NO_BLOCKS,
	TA_EXTRA_FIELDS
};

/* In the order of its settings. */
enum
{
	TA_IDLE_MS,
	TA_QUEUE,
	TA_LIMIT,
	TA_BLOCK_MS,
	TA_NOT_FOUND,
	TA_HISTORY
};

/* ---------- subscriptions ---------- */

/* Of this account only these operations, a list with commas. */
typedef struct TaFilter
{
	CsTonAddress address;
	char	   *operations;
} TaFilter;

typedef struct TaClient
{
	bool		all;			/* a stream of all transactions */
	bool		all_traces;		/* or of all traces */
	TonSet		transactions;
	TaFilter   *filters;
	size_t		filter_count;
	char	   *operations;		/* a stream's filter, for all; or NULL */
	TonSet		traces;
	bool		mempool;
	TonSet		mempool_accounts;	/* empty: everything */
	bool		blocks;
	bool		one_chain;		/* only blocks of *workchain* */
	int			workchain;
} TaClient;

extern void cs_sim_ta_client_clear(TaClient *client);

/*
 * Read an address as the server does: short hashes are padded, and of
 * workchains there are 2^32 (but nothing happens beyond those of 8 bits).
 */
extern bool cs_sim_ta_address(const char *text, CsTonAddress *address);

/* Add the addresses of a list with commas.  False: *bad* is not one. */
extern bool cs_sim_ta_addresses(char *list, TonSet *set, const char **bad);

/* Has this subscriber asked for this account's transactions, thus done? */
extern bool cs_sim_ta_operation_wanted(const TaClient *client,
									   const CsTonAddress *account,
									   const char *code, const char *name);

/*
 * Act on a request and write the answer.  False: it is so wrong that the
 * session dies.
 */
extern bool cs_sim_ta_request(const CsSimNetwork *network, TaClient *client,
							  const char *data, size_t length,
							  CsSimText *reply);

/* ---------- items ---------- */

struct CsSimItem
{
	TaTopic		topic;
	CsSimText	params;
	CsSimText	plain;			/* of a mempool message, without accounts */
	CsTonAddress *accounts;
	size_t		account_count;
	int			workchain;		/* of a block */
	char		code[16];		/* what the inbound message wants, "0x..." */
	char		operation[64];	/* its name, or empty */
	char		hash[TON_HEX_SIZE];
	json_object *rest;			/* a transaction to be remembered; or NULL */
	uint64_t	lt;				/* of it */
};

extern CsSimItem *cs_sim_ta_item_create(CsSimNetwork *network,
										json_object *json,
										char error[CS_SIM_ERROR_MAX]);
extern void cs_sim_ta_item_free(CsSimItem *item);
extern size_t cs_sim_ta_deliver(CsSimNetwork *network, CsSimItem *item);

/* An item with room for so many accounts. */
extern CsSimItem *cs_sim_ta_item_new(TaTopic topic, size_t accounts);

/* The whole text of a WebSocket's notification. */
extern void cs_sim_ta_frame(CsSimText *text, TaTopic topic,
							const CsSimText *params);

/* ---------- synthetic blocks ---------- */

/* A transfer, kept while something refers to it. */
typedef struct TaTransfer
{
	int			references;
	TonTransfer transfer;
} TaTransfer;

typedef struct TaNetwork
{
	TonPool    *pool;
	TaTransfer **waiting;		/* for the next block */
	size_t		waiting_count;
	uint32_t	last_block;		/* seqno that was announced */
	uint64_t	last_id;		/* of an event of a stream */
	struct TaHistory *history;
	TaTransfer *recent;			/* the last made; NULL: none */
} TaNetwork;

extern size_t cs_sim_ta_generate(CsSimNetwork *network);
extern void cs_sim_ta_tick(CsSimNetwork *network);
extern void cs_sim_ta_example(CsSimClient *client, CsSimText *text);
extern void cs_sim_ta_blocks_stop(CsSimNetwork *network);

extern TaTransfer *cs_sim_ta_hold(TaTransfer *transfer);
extern void cs_sim_ta_release(TaTransfer *transfer);

/* ---------- REST ---------- */

extern void cs_sim_ta_history_start(CsSimNetwork *network);
extern void cs_sim_ta_history_stop(CsSimNetwork *network);

/* Remember the two transactions of a transfer; or one that was recorded. */
extern void cs_sim_ta_remember(CsSimNetwork *network, TaTransfer *transfer);
extern void cs_sim_ta_remember_item(CsSimNetwork *network,
									const CsSimItem *item);

/* Answer a request below /v2/blockchain/. */
extern void cs_sim_ta_rest(CsSimNetwork *network, const CsSimRequest *request,
						   CsSimResponse *response);

/* Append the transaction of one side of a transfer, or one made up. */
extern void cs_sim_ta_write_transaction(CsSimText *text,
										const TonTransfer *transfer,
										bool recipient);
extern void cs_sim_ta_write_stranger(CsSimText *text,
									 const CsTonAddress *account, uint64_t lt,
									 const char *hash);
extern void cs_sim_ta_write_head(CsSimText *text, uint64_t seed,
								 const TonTransfer *transfer);

/* An address as TonAPI writes it. */
extern void cs_sim_ta_address_text(const CsTonAddress *address,
								   char text[CS_TON_ADDRESS_MAX]);

#endif							/* CS_SIM_TONAPI_H */
