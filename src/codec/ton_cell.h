/*-------------------------------------------------------------------------
 *
 * ton_cell.h
 *	  Cells of TON: reading a bag of them, hashing them, and what an external
 *	  message in such a bag says.
 *
 * A cell has up to 1023 bits of data and up to four references to other cells;
 * a bag of cells (BOC) is a tree of them as bytes.  The hash of a message is
 * that of its first cell.
 * https://docs.ton.org/foundations/serialization/boc
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TON_CELL_H
#define CS_TON_CELL_H

#include "codec/ton_address.h"

/*
 * Larger bags are refused.  The network carries no external message of more
 * than 64 KiB; a bag of one is a little larger.
 */
#define CS_TON_BAG_MAX ((size_t) 256 * 1024)

/* Nor are trees deeper than the network has them. */
#define CS_TON_DEPTH_MAX 1024

#define CS_TON_REFERENCES_MAX 4

typedef enum CsTonCellError
{
	CS_TON_CELL_OK,
	CS_TON_CELL_MAGIC,			/* it does not begin as a bag of cells does */
	CS_TON_CELL_HEADER,			/* sizes or counts that cannot be */
	CS_TON_CELL_SIZE,			/* too short, too long, or something is left */
	CS_TON_CELL_CHECKSUM,
	CS_TON_CELL_FORM,			/* a cell that cannot be */
	CS_TON_CELL_REFERENCE,		/* to a cell that is not behind this one */
	CS_TON_CELL_DEPTH,
	CS_TON_CELL_EXOTIC,			/* a kind of cell that no message has */
	CS_TON_CELL_MESSAGE,		/* no external inbound message */
	CS_TON_CELL_MEMORY
} CsTonCellError;

/* What is wrong, in words: static, lower case. */
extern const char *cs_ton_cell_problem(CsTonCellError error);

typedef struct CsTonCell
{
	const uint8_t *data;		/* points into the bytes that were parsed */
	uint16_t	bits;
	uint16_t	depth;
	uint8_t		reference_count;
	bool		library;		/* stands for a cell that is kept elsewhere */
	uint32_t	references[CS_TON_REFERENCES_MAX];	/* indexes, each larger
													 * than the cell's own */
	uint8_t		hash[CS_TON_HASH_LENGTH];
} CsTonCell;

/* A bag that was read; its bytes must live as long. */
typedef struct CsTonBag
{
	CsTonCell  *cells;			/* from malloc */
	size_t		count;
	uint32_t	root;
} CsTonBag;

/*
 * Read a bag with one root, and hash its cells.  Everything that the form
 * promises is checked.  On success *bag* is to be freed with
 * cs_ton_bag_free().
 */
extern CsTonCellError cs_ton_bag_read(const uint8_t *bytes, size_t size,
									  CsTonBag *bag);
extern void cs_ton_bag_free(CsTonBag *bag);

/* An external inbound message: what a wallet's owner hands to the network. */
typedef struct CsTonMessage
{
	CsTonAddress destination;	/* as in its raw form */
	bool		deploys;		/* it brings code and data of the account */
	uint8_t		hash[CS_TON_HASH_LENGTH];
	uint8_t		body_hash[CS_TON_HASH_LENGTH];

	/* The same for every serialization of the same request (TEP-467). */
	uint8_t		normalized_hash[CS_TON_HASH_LENGTH];
} CsTonMessage;

/* Understand the root of a bag as such a message. */
extern CsTonCellError cs_ton_message_read(const CsTonBag *bag,
										  CsTonMessage *message);

#endif							/* CS_TON_CELL_H */
