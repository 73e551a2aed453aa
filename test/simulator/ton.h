/*-------------------------------------------------------------------------
 *
 * ton.h
 *	  What the two providers of TON share: accounts, and what happens between
 *	  them.
 *
 *	  ton_pool.c	synthetic transfers between synthetic accounts
 *
 * Equal seeds make equal transfers, so that two networks, one of each
 * provider, tell the same story.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_TON_H
#define CS_SIM_TON_H

#include "account_set.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/ton_address.h"
#include "codec/ton_cell.h"
#include "dialect.h"

#define TON_HASH CS_TON_HASH_LENGTH

/* Texts of a hash, with a NUL. */
#define TON_BASE64_SIZE 45
#define TON_HEX_SIZE 65

/* ---------- sets of accounts ---------- */

/* The basechain's and all others' (there is but the masterchain). */
typedef struct TonSet
{
	CsSimAccountSet chains[2];
} TonSet;

static inline CsSimAccountSet *
ton_set_chain(TonSet *set, const CsTonAddress *address)
{
	return &set->chains[address->workchain != 0];
}

extern bool ton_set_has(const TonSet *set, const CsTonAddress *address);
extern size_t ton_set_count(const TonSet *set);
extern void ton_set_clear(TonSet *set);

/* The accounts as texts, sorted; a new array. */
extern json_object *ton_set_describe(const TonSet *set);

/*
 * Read an address as the servers do, who do not look at the first byte of
 * the user-friendly form.
 */
extern bool ton_address_read(const char *text, CsTonAddress *address);

/* A hash as text. */
extern void ton_base64(const uint8_t hash[TON_HASH],
					   char text[TON_BASE64_SIZE]);
extern void ton_hex(const uint8_t hash[TON_HASH], char text[TON_HEX_SIZE]);

/* The user-friendly form, as for wallets: not bounceable, URL-safe. */
#define TON_FRIENDLY_SIZE 49
extern void ton_friendly(const CsTonAddress *address,
						 char text[TON_FRIENDLY_SIZE]);

/* A hash that is determined by what it is of. */
extern void ton_make_hash(uint8_t hash[TON_HASH], uint64_t seed, char kind,
						  uint64_t number);

/* ---------- transfers ---------- */

/* Of the cell that is a synthetic transaction, see ton_pool.c. */
#define TON_CELL_DATA 64

/* One side of a transfer, with its own transaction. */
typedef struct TonParty
{
	CsTonAddress address;
	char		text[CS_TON_ADDRESS_MAX];	/* upper case */
	uint64_t	lt;
	uint8_t		hash[TON_HASH];
	uint8_t		emulated[TON_HASH]; /* what the emulator takes it for */
	uint8_t		cell[TON_CELL_DATA];	/* whose hash is the hash */
	uint8_t		previous[TON_HASH];
	uint64_t	previous_lt;
	uint64_t	balance;		/* afterwards; nanoton */
	uint8_t		state_before[TON_HASH];
	uint8_t		state_after[TON_HASH];
} TonParty;

/* Of a synthetic external message: bag, and the body in it. */
#define TON_BAG_SIZE	127
#define TON_BODY_SIZE	76

/*
 * A wallet's owner hands a message to the network; the wallet sends money;
 * the money arrives.  Three things, of which the last two are transactions.
 */
typedef struct TonTransfer
{
	uint64_t	number;			/* 0, 1, ... */
	int64_t		time_ms;
	uint64_t	value;			/* nanoton */
	uint64_t	sender_fee;
	uint64_t	recipient_fee;
	uint32_t	shard_seqno;
	uint32_t	master_seqno;
	TonParty	sender;
	TonParty	recipient;
	uint8_t		bag[TON_BAG_SIZE];	/* the message */
	uint8_t		external[TON_HASH];	/* its hash, which is also normalized */
	uint8_t		body_hash[TON_HASH];
	uint8_t		internal[TON_HASH]; /* of the message with the money */
	uint8_t		emulated_internal[TON_HASH];
} TonTransfer;

typedef struct TonPool TonPool;

extern TonPool *ton_pool_create(CsSimNetwork *network);
extern void ton_pool_free(TonPool *pool);

/* Make the next transfer. */
extern void ton_pool_next(TonPool *pool, TonTransfer *transfer);

/* Name accounts, raw, one a line. */
extern void ton_pool_accounts(const TonPool *pool, uint64_t from,
							  uint64_t count, FILE *file);

/* The body of a transfer's message. */
static inline const uint8_t *
ton_transfer_body(const TonTransfer *transfer)
{
	return transfer->bag + TON_BAG_SIZE - TON_BODY_SIZE;
}

/* A bag of one cell of so many whole bytes; returns its size. */
extern size_t ton_bag_of_cell(const uint8_t *data, size_t size, uint8_t *bag);

/* Room that takes. */
#define TON_BAG_OF_CELL(size) ((size) + 13)

/* Append *json* as Go's encoding/json writes it; *json* may be NULL. */
extern void ton_render(CsSimText *text, json_object *json);

#endif							/* CS_SIM_TON_H */
