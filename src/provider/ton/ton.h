/*-------------------------------------------------------------------------
 *
 * ton.h
 *	  What the providers of TON share: how accounts and hashes are written.
 *
 * One form each, so that rows of TON Center and of TonAPI agree: addresses
 * "workchain:HEX" with upper-case digits, hashes as 64 lower-case ones.  What
 * only one of the two says is not here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TON_H
#define CS_TON_H

#include "codec/ton_address.h"
#include "provider/session.h"

/* The native coin; amounts of it count nanotons. */
#define CS_TON_ASSET "TON"

/* The names of the networks, which both providers have. */
#define CS_TON_MAINNET "mainnet"
#define CS_TON_TESTNET "testnet"

/* A hash as 64 digits, or in base64, with its NUL. */
#define CS_TON_HASH_TEXT_MAX (2 * CS_TON_HASH_LENGTH + 1)
#define CS_TON_HASH_BASE64_MAX 45

/*
 * CsProvider.canonical_address and canonical_transaction, but for the
 * provider, which is to be named in errors.  An address is refused for its
 * form, its checksum, or because it is marked as one of a test network while
 * *network* is none.  A hash is accepted as 64 hexadecimal digits, in base64
 * and in base64url.
 */
extern bool cs_ton_canonical_address(const CsProvider *provider,
									 const char *network, const char *address,
									 char canonical[CS_TARGET_MAX],
									 CsError *error);
extern bool cs_ton_canonical_transaction(const CsProvider *provider,
										 const char *network, const char *hash,
										 char canonical[CS_TARGET_MAX],
										 CsError *error);

/*
 * Read a hash in any of these forms; false: it is none.
 */
extern bool cs_ton_read_hash(CsText text, uint8_t hash[CS_TON_HASH_LENGTH]);

/*
 * Write a hash in its canonical form into the output's arena; absent if
 * memory is short, which is noted there.  And in base64, padded, as TON Center
 * writes it.
 */
extern CsText cs_ton_write_hash(CsOutput *output,
								const uint8_t hash[CS_TON_HASH_LENGTH]);
extern void cs_ton_hash_base64(const uint8_t hash[CS_TON_HASH_LENGTH],
							   char text[CS_TON_HASH_BASE64_MAX]);

/*
 * Members of a message: a string that must be a hash (an address in either
 * form).  False: see *error*, which names it.
 */
extern bool cs_ton_member_hash(struct json_object *object, const char *name,
							   uint8_t hash[CS_TON_HASH_LENGTH],
							   CsError *error);
extern bool cs_ton_member_address(struct json_object *object, const char *name,
								  CsTonAddress *address, CsError *error);

/* Write an address in its canonical form into the output's arena. */
extern CsText cs_ton_write_address(CsOutput *output,
								   const CsTonAddress *address);

/* Is it the same account, however it was written? */
extern bool cs_ton_same_account(const CsTonAddress *a, const CsTonAddress *b);

#endif							/* CS_TON_H */
