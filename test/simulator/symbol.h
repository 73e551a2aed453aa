/*-------------------------------------------------------------------------
 *
 * symbol.h
 *	  What the parts of the Symbol dialect share.
 *
 *	  dialect_symbol.c	requests: uid, channels, and how they are refused
 *	  symbol_channel.c	who is subscribed to what; sending to them
 *	  symbol_item.c		recorded notifications
 *	  symbol_bytes.c	addresses and hashes
 *	  symbol_pool.c		synthetic transactions between synthetic accounts
 *	  symbol_chain.c	their life: pools, blocks, finalization, rollback
 *	  symbol_rest.c		what is answered over HTTP
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_SYMBOL_H
#define CS_SIM_SYMBOL_H

#include "chance.h"
#include "codec/symbol_address.h"
#include "dialect.h"
#include "http.h"

#define SYMBOL_KEY_LENGTH		CS_SYMBOL_KEY_LENGTH
#define SYMBOL_HASH_LENGTH		32
#define SYMBOL_SIGNATURE_LENGTH	64
#define SYMBOL_ADDRESS_LENGTH	CS_SYMBOL_ADDRESS_LENGTH

/* In the order of cs_sim_symbol_topics. */
typedef enum SymbolKind
{
	SYMBOL_BLOCK,
	SYMBOL_FINALIZED_BLOCK,
	SYMBOL_CONFIRMED_ADDED,
	SYMBOL_UNCONFIRMED_ADDED,
	SYMBOL_UNCONFIRMED_REMOVED,
	SYMBOL_PARTIAL_ADDED,
	SYMBOL_PARTIAL_REMOVED,
	SYMBOL_COSIGNATURE,
	SYMBOL_STATUS,
	SYMBOL_KINDS				/* also: a channel that never delivers */
} SymbolKind;

extern const char *const cs_sim_symbol_topics[];

/* In the order of the dialect's switches. */
enum
{
	SYMBOL_REST25,
	SYMBOL_NO_UID,
	SYMBOL_ADDRESS_REQUIRED,
	SYMBOL_MAINNET
};

/* In the order of the dialect's settings. */
enum
{
	SYMBOL_CHANNELS_MAX,
	SYMBOL_BLOCK_SIZE,
	SYMBOL_LAG,
	SYMBOL_REST_LIMIT
};

typedef uint8_t SymbolAddress[SYMBOL_ADDRESS_LENGTH];

static inline uint8_t
symbol_network_byte(const CsSimNetwork *network)
{
	return cs_sim_switch(network, SYMBOL_MAINNET) ? CS_SYMBOL_MAINNET :
		CS_SYMBOL_TESTNET;
}

/* ---------- symbol_bytes.c ---------- */

/* Pieces of what is hashed. */
typedef struct SymbolBytes
{
	uint8_t		data[1024];
	size_t		length;
} SymbolBytes;

/* Append bytes, or a little-endian number of *size* bytes. */
extern void cs_sim_symbol_put(SymbolBytes *bytes, const void *data,
							  size_t length);
extern void cs_sim_symbol_put_number(SymbolBytes *bytes, uint64_t number,
									 size_t size);

/* SHA3-256, as FIPS 202 has it. */
extern void cs_sim_symbol_hash(const void *data, size_t length,
							   uint8_t hash[SYMBOL_HASH_LENGTH]);

/* The address of a public key. */
extern void cs_sim_symbol_address(uint8_t network_byte,
								  const uint8_t key[SYMBOL_KEY_LENGTH],
								  SymbolAddress address);

/* The address that stands for a namespace until it is resolved. */
extern void cs_sim_symbol_alias(uint8_t network_byte, uint64_t namespace_id,
								SymbolAddress address);

/*
 * Decode as the gateway does: neither checksum nor network are looked at.
 * False: *bad* is the first character that is none of base32, or NUL if the
 * length is wrong.
 */
extern bool cs_sim_symbol_decode(const char *text, size_t length,
								 SymbolAddress address, char *bad);

/* Is it the address of an account of this network? */
extern bool cs_sim_symbol_valid(uint8_t network_byte,
								const SymbolAddress address);

/* Upper-case base32 of any bytes whose bits divide by five. */
extern void cs_sim_symbol_base32(const uint8_t *data, size_t length,
								 char *text);

/* ---------- symbol_channel.c ---------- */

/* One channel somebody is subscribed to. */
typedef struct SymbolChannel
{
	struct SymbolChannel *next; /* in its bucket */
	SymbolKind	kind;
	bool		has_address;
	SymbolAddress address;
	char	   *topic;			/* exactly as subscribed */
	CsSimClient **clients;
	size_t		count;
	size_t		room;
} SymbolChannel;

#define SYMBOL_BUCKETS	4096

/* A client; what it is subscribed to is in the table of channels. */
typedef struct SymbolClient
{
	bool		mute;			/* it asked for another path */
	char		uid[40];
	size_t		subscriptions;
} SymbolClient;

/* The same data goes out on many channels. */
typedef struct SymbolNotice
{
	SymbolKind	kind;
	const char *data;			/* text of the "data" member */
	size_t		length;
	const SymbolAddress *addresses; /* touched: a copy for each */
	size_t		address_count;	/* 0: one copy, to channels without address */
	const char *hash;			/* for the journal */
} SymbolNotice;

typedef struct SymbolState
{
	SymbolChannel *buckets[SYMBOL_BUCKETS];
	size_t		channels;		/* distinct ones, of all clients */
	uint64_t	chance;			/* for uids */
	struct SymbolRecorded *recorded;	/* transactions that were sent */
	struct SymbolPool *pool;
	struct SymbolChain *chain;
	int64_t		rest_second;	/* the present one */
	uint64_t	rest_count;		/* requests in it */
} SymbolState;

static inline SymbolState *
symbol_state(const CsSimNetwork *network)
{
	return network->state;
}

/* Subscribe; false if the limit of distinct channels is reached. */
extern bool cs_sim_symbol_subscribe(CsSimClient *client,
									const SymbolChannel *wanted);
extern void cs_sim_symbol_unsubscribe(CsSimClient *client, const char *topic);
extern void cs_sim_symbol_unsubscribe_all(CsSimClient *client);

/* The topics a client is subscribed to, sorted; a new array. */
extern json_object *cs_sim_symbol_channels(const CsSimClient *client);

/* Close every client subscribed to channels of this kind, as for trouble
 * with the node.  Returns how many. */
extern size_t cs_sim_symbol_channel_failed(CsSimNetwork *network,
										   SymbolKind kind);

/* Send to all that shall have it.  Returns how many copies went out. */
extern size_t cs_sim_symbol_notify(CsSimNetwork *network,
								   const SymbolNotice *notice);

/* ---------- symbol_item.c ---------- */

extern CsSimItem *cs_sim_symbol_item_create(CsSimNetwork *network,
											json_object *json,
											char error[CS_SIM_ERROR_MAX]);
extern void cs_sim_symbol_item_free(CsSimItem *item);
extern size_t cs_sim_symbol_deliver(CsSimNetwork *network, CsSimItem *item);
extern void cs_sim_symbol_items_end(CsSimNetwork *network);

/* The kind of channel of this name, or SYMBOL_KINDS. */
extern SymbolKind cs_sim_symbol_kind(const char *name, size_t length);

/* ---------- symbol_pool.c ---------- */

/* Most accounts a transaction touches. */
#define SYMBOL_TOUCHED_MAX	6

/* Where a transaction is. */
typedef enum SymbolPhase
{
	SYMBOL_UNCONFIRMED,
	SYMBOL_CONFIRMED,
	SYMBOL_FAILED
} SymbolPhase;

#define SYMBOL_TRANSFER			16724
#define SYMBOL_AGGREGATE_BONDED	16961

typedef struct SymbolTransaction
{
	int			type;
	SymbolPhase phase;
	const char *failure;		/* code of the status, if it fails */
	uint64_t	height;			/* of its block; 0: none */
	uint64_t	deadline;		/* ms since the network's epoch */
	uint8_t		hash[SYMBOL_HASH_LENGTH];
	uint8_t		cosigner[SYMBOL_KEY_LENGTH];	/* of an aggregate */
	uint8_t		cosignature[SYMBOL_SIGNATURE_LENGTH];
	char	   *fields;			/* text of "transaction" without its braces */
	SymbolAddress touched[SYMBOL_TOUCHED_MAX];
	size_t		touched_count;
	SymbolAddress resolved;		/* behind an alias, once confirmed */
	bool		has_alias;
} SymbolTransaction;

extern void cs_sim_symbol_pool_start(CsSimNetwork *network);
extern void cs_sim_symbol_pool_stop(CsSimNetwork *network);

/* Make the transaction with this number; *transaction* is zeroed. */
extern void cs_sim_symbol_transaction(CsSimNetwork *network, uint64_t number,
									  SymbolTransaction *transaction);

extern void cs_sim_symbol_accounts(CsSimNetwork *network, uint64_t from,
								   uint64_t count, FILE *file);

/* The public key of one of the accounts that make blocks, and its address. */
extern const uint8_t *cs_sim_symbol_harvester(const CsSimNetwork *network,
											  uint64_t number,
											  SymbolAddress address);

/* Milliseconds since the network's epoch, of this many since 1970. */
extern uint64_t cs_sim_symbol_time(const CsSimNetwork *network,
								   int64_t unix_ms);

/* The network's generation hash seed and currency, as hexadecimal text. */
extern const char *cs_sim_symbol_seed(const CsSimNetwork *network);
extern const char *cs_sim_symbol_currency(const CsSimNetwork *network);

/* ---------- symbol_chain.c ---------- */

typedef struct SymbolBlock
{
	uint64_t	height;
	uint64_t	timestamp;
	uint8_t		hash[SYMBOL_HASH_LENGTH];
	char	   *fields;			/* text of "block" without its braces */
	uint8_t		generation[SYMBOL_HASH_LENGTH];
	uint64_t	transactions;
} SymbolBlock;

/* So many blocks and transactions are remembered. */
#define SYMBOL_BLOCKS_KEPT			4096
#define SYMBOL_TRANSACTIONS_KEPT	8192

typedef struct SymbolChain
{
	SymbolBlock blocks[SYMBOL_BLOCKS_KEPT]; /* by height */
	SymbolTransaction transactions[SYMBOL_TRANSACTIONS_KEPT];	/* by number */
	uint64_t	made;			/* transactions, ever */
	uint64_t	confirmed;		/* of these, or failed: the first so many */
	uint64_t	height;
	uint64_t	finalized;
	uint32_t	epoch;
	uint32_t	point;
	uint64_t	in_block;		/* transactions of the last block */
	uint64_t	chance;			/* what makes blocks differ */
	CsSimText	text;			/* of the notification being made */
} SymbolChain;

extern void cs_sim_symbol_chain_start(CsSimNetwork *network);
extern void cs_sim_symbol_chain_stop(CsSimNetwork *network);
extern size_t cs_sim_symbol_generate(CsSimNetwork *network);
extern void cs_sim_symbol_example(CsSimClient *client, CsSimText *text);

/* Append the "meta" member and the end of a transaction's object. */
extern void cs_sim_symbol_meta(const SymbolTransaction *transaction,
							   bool partial, uint64_t height,
							   CsSimText *text);

/* The block of this height, or the transaction of this hash; or NULL. */
extern const SymbolBlock *cs_sim_symbol_block(const CsSimNetwork *network,
											  uint64_t height);
extern const SymbolTransaction *cs_sim_symbol_find(const CsSimNetwork *network,
												   const char *hash);

/* The commands of the dialect; ends with a NULL name. */
extern const CsSimCommand cs_sim_symbol_commands[];

/* ---------- symbol_rest.c ---------- */

extern void cs_sim_symbol_respond(CsSimNetwork *network,
								  const CsSimRequest *request,
								  CsSimResponse *response);
extern void cs_sim_symbol_refuse(CsSimNetwork *network,
								 const CsSimRequest *request,
								 CsSimResponse *response);

#endif							/* CS_SIM_SYMBOL_H */
