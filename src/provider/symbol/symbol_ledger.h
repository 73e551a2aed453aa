/*-------------------------------------------------------------------------
 *
 * symbol_ledger.h
 *	  The ledger of the Symbol provider, between its files:
 *
 *	  symbol_ledger.c	what was announced of transactions, and left the pools
 *	  symbol_chain.c	blocks: which are replaced, which are final
 *	  symbol_memory.c	transactions and their rows
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_LEDGER_H
#define CS_SYMBOL_LEDGER_H

#include "provider/symbol/symbol_memory.h"

/* Replaced blocks of which it is remembered how often they were. */
#define CS_LEDGER_REPLACED	64

/* How long a transaction may take to turn up elsewhere. */
#define CS_LEDGER_GRACE_MS	5000

/* Rows written in one go, so that the output stays small. */
#define CS_LEDGER_ROWS		2000

/* A message from which rows will be made later. */
typedef struct SymbolKept
{
	SymbolTopicId topic;
	int64_t		subscription_id;
	int64_t		received_at;
	int64_t		due_ms;
	char	   *text;			/* or NULL */
	size_t		length;
} SymbolKept;

/* A transaction that has left a pool. */
typedef struct SymbolRemoval
{
	uint8_t		hash[32];
	SymbolRow	row;			/* what is known besides */
	SymbolKept	kept;
} SymbolRemoval;

typedef struct SymbolReplaced
{
	uint8_t		hash[32];
	uint32_t	life;
} SymbolReplaced;

struct SymbolLedger
{
	SymbolMemory *memory;
	uint32_t	connection;		/* numbers them */

	SymbolBlock *blocks;		/* by height modulo BLOCKS; or NULL */
	int64_t		newest_height;	/* the end of the chain; 0: unknown */
	uint8_t		newest_hash[32];
	SymbolReplaced replaced[CS_LEDGER_REPLACED];	/* a ring */
	size_t		replaced_count;

	int64_t		final_height;	/* as a message has said; 0: none did */
	int64_t		told_height;	/* as the position says; 0: it does not */

	/* transactions that have become final, while that is being written */
	bool		finalizing;
	uint32_t	final_connection;	/* on which it was told */
	int64_t		linked_from;	/* blocks from this height on lead to it */
	size_t		final_next;		/* entry of the memory to go on with */
	SymbolKept	final_kept;

	/* transactions whose block was replaced, till it is clear what of them */
	bool		reverting;
	SymbolKept	revert_kept;

	SymbolRemoval *removals;	/* a queue: the oldest first */
	size_t		removal_start;
	size_t		removal_count;
	size_t		removal_capacity;

	int64_t		not_before;		/* do not wake before that: enough was done */
};

/* ---------- symbol_ledger.c ---------- */

/*
 * Keep a message, from which rows will be made at *due_ms*; what was kept
 * there before is dropped.  Recall it as if it came now.
 */
extern void cs_ledger_keep(SymbolKept *kept, const SymbolNotice *notice,
						   int64_t due_ms);
extern void cs_ledger_drop_kept(SymbolKept *kept);
extern SymbolNotice cs_ledger_recall(SymbolSession *symbol,
									 const SymbolKept *kept, int64_t now_ms,
									 CsOutput *output);

/* The subscription to a topic, or *otherwise*. */
extern int64_t cs_ledger_subscription(const SymbolSession *symbol,
									  SymbolTopicId topic, int64_t otherwise);

/* Write a transaction's rows with another status; returns how many. */
extern size_t cs_ledger_write_rows(const SymbolNotice *notice,
								   const SymbolTransaction *transaction,
								   CsStatus status);

/* A transaction that was confirmed is not any more. */
extern void cs_ledger_revert(SymbolSession *symbol,
							 SymbolTransaction *transaction, int64_t now_ms,
							 CsOutput *output);

/* ---------- symbol_chain.c ---------- */

/* The block at this height, or NULL. */
extern SymbolBlock *cs_ledger_find_block(const SymbolLedger *ledger,
										 int64_t height);

/*
 * Is it certain that what was told on this connection, of a block at this
 * height, is final?
 */
extern bool cs_ledger_is_certain(const SymbolLedger *ledger,
								 uint32_t connection, int64_t height);

/* Write what was taken back, what is final; some of it at a time. */
extern void cs_ledger_revert_doubtful(SymbolSession *symbol, int64_t now_ms,
									  CsOutput *output);
extern void cs_ledger_finalize(SymbolSession *symbol, int64_t now_ms,
							   CsOutput *output);

#endif							/* CS_SYMBOL_LEDGER_H */
