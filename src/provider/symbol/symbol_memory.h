/*-------------------------------------------------------------------------
 *
 * symbol_memory.h
 *	  Transactions by their hash, with the rows that were written of them.
 *
 * The ledger's store.  It holds a bounded number of transactions and rows;
 * when it is full the ones not heard of for longest are forgotten, a part of
 * them at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_MEMORY_H
#define CS_SYMBOL_MEMORY_H

#include "provider/symbol/symbol.h"

/* As many are remembered. */
#define CS_MEMORY_TRANSACTIONS	100000
#define CS_MEMORY_ROWS			100000

/* And of one transaction so many rows. */
#define CS_MEMORY_ROWS_EACH		1000

#define CS_MEMORY_NONE			UINT32_MAX

/* The last that was said of a transaction. */
typedef enum SymbolStage
{
	SYMBOL_STAGE_FREE,			/* the entry is not in use */
	SYMBOL_STAGE_NONE,			/* nothing, or it was taken back */
	SYMBOL_STAGE_PENDING,
	SYMBOL_STAGE_CONFIRMED,
	SYMBOL_STAGE_FINAL
} SymbolStage;

typedef struct SymbolTransaction
{
	uint8_t		hash[32];
	int64_t		height;			/* confirmed */
	int64_t		occurred_at;	/* confirmed */
	int64_t		confirmed_ms;	/* when that was last told; that it is
								 * pending is no sign that it is still so */
	uint32_t	connection;		/* and on which */
	uint64_t	turn;			/* of the memory's announcements: the last */
	uint32_t	rows;			/* first of a chain, or CS_MEMORY_NONE */
	uint32_t	next;			/* in its bucket's chain, or of free ones */
	uint16_t	row_count;
	uint16_t	pending_life;	/* so often it was pending, and then was not */
	uint16_t	confirmed_life; /* so often its confirmation was taken back */
	uint8_t		stage;			/* SymbolStage */
	bool		leaving;		/* it left a pool, and it may show why */
	bool		doubtful;		/* its block was replaced */
	bool		ended;			/* a row said it was removed or failed */
	bool		reverted;		/* a row said its confirmation is void */
} SymbolTransaction;

typedef struct SymbolMemory SymbolMemory;

extern SymbolMemory *cs_memory_create(void);	/* NULL: no memory */
extern void cs_memory_free(SymbolMemory *memory);

/* The transaction, or NULL. */
extern SymbolTransaction *cs_memory_find(const SymbolMemory *memory,
										 const uint8_t hash[32]);

/*
 * The transaction, made if there is none; NULL: no memory.  It becomes the
 * one that was heard of last.  Pointers to others are not valid any more.
 */
extern SymbolTransaction *cs_memory_touch(SymbolMemory *memory,
										  const uint8_t hash[32]);

/* The entries by number, for scans; NULL: not in use. */
extern size_t cs_memory_size(const SymbolMemory *memory);
extern SymbolTransaction *cs_memory_at(SymbolMemory *memory, size_t index);

/* The rows of a transaction; add one unless it is there; forget them. */
extern const SymbolRow *cs_memory_row(const SymbolMemory *memory, uint32_t at,
									  uint32_t *next);
extern void cs_memory_add_row(SymbolMemory *memory,
							  SymbolTransaction *transaction,
							  const SymbolRow *row);
extern void cs_memory_drop_rows(SymbolMemory *memory,
								SymbolTransaction *transaction);

#endif							/* CS_SYMBOL_MEMORY_H */
