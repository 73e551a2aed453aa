/*-------------------------------------------------------------------------
 *
 * nano_block.h
 *	  The hash of a Nano block.
 *
 * A block's hash is BLAKE2b-256 over its fields in a fixed order; which
 * fields there are depends on the type.  Signature, work and subtype are not
 * hashed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_NANO_BLOCK_H
#define CS_NANO_BLOCK_H

#include <stdint.h>

typedef enum CsNanoBlockType
{
	CS_NANO_BLOCK_STATE,
	CS_NANO_BLOCK_SEND,			/* this and the rest: legacy blocks */
	CS_NANO_BLOCK_RECEIVE,
	CS_NANO_BLOCK_OPEN,
	CS_NANO_BLOCK_CHANGE
} CsNanoBlockType;

/* The fields of a block; its type says which of them count. */
typedef struct CsNanoBlock
{
	CsNanoBlockType type;
	uint8_t		account[32];	/* state, open: public key */
	uint8_t		previous[32];	/* all but open: hash */
	uint8_t		representative[32]; /* state, open, change: public key */
	uint8_t		balance[16];	/* state, send: most significant byte first */
	uint8_t		link[32];		/* state: link; send: destination's key;
								 * receive, open: source */
} CsNanoBlock;

extern void cs_nano_block_hash(const CsNanoBlock *block, uint8_t hash[32]);

#endif							/* CS_NANO_BLOCK_H */
