/*-------------------------------------------------------------------------
 *
 * symbol_ledger.c
 *	  What was announced on a Symbol network and may change yet.
 *
 * A gateway never says that a block was replaced, that a transaction became
 * final, or why one has left a pool.  It can be concluded: another block at
 * the same height, a finalized height, silence.  The rows that say so are
 * written here, for whatever was announced before; so that has to be
 * remembered, for as long as the memory reaches (symbol_memory.h).
 *
 * Channels are not in step with each other.  So a transaction that has left
 * a pool is given some seconds to turn up elsewhere; and when a block is
 * replaced, a transaction at its height counts as one of the new block's if
 * it was announced nearer in time to that one, or is announced again soon.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "provider/output.h"
#include "provider/symbol_memory.h"

/* Blocks that are remembered, the newest: 17 hours. */
#define BLOCKS				2048

/* Replaced blocks of which it is remembered how often they were. */
#define REPLACED_MAX		64

/* How long a transaction may take to turn up elsewhere. */
#define GRACE_MS			5000

/* Removals that wait for it; more are decided at once. */
#define REMOVALS_MAX		10000

/* A message that is kept as the payload of rows to come; longer ones are not. */
#define TEXT_MAX			4096

/* Rows written in one go, so that the output stays small. */
#define ROWS_AT_ONCE		2000

/* A message from which rows will be made later. */
typedef struct Kept
{
	SymbolTopicId topic;
	int64_t		subscription_id;
	int64_t		received_at;
	int64_t		due_ms;
	char	   *text;			/* or NULL */
	size_t		length;
} Kept;

/* A transaction that has left a pool. */
typedef struct Removal
{
	uint8_t		hash[32];
	SymbolRow	row;			/* what is known besides */
	Kept		kept;
} Removal;

typedef struct Replaced
{
	uint8_t		hash[32];
	uint32_t	life;
} Replaced;

struct SymbolLedger
{
	SymbolMemory *memory;

	SymbolBlock *blocks;		/* by height modulo BLOCKS; or NULL */
	int64_t		newest_height;	/* of the last position told */
	Replaced	replaced[REPLACED_MAX];	/* a ring */
	size_t		replaced_count;

	int64_t		final_height;	/* 0: unknown */

	/* transactions that have become final, while that is being written */
	bool		finalizing;
	size_t		final_next;		/* entry of the memory to go on with */
	Kept		final_kept;

	/* transactions whose block was replaced, till it is clear what of them */
	bool		reverting;
	int64_t		revert_from;	/* height */
	Kept		revert_kept;

	Removal    *removals;		/* a queue: the oldest first */
	size_t		removal_start;
	size_t		removal_count;
	size_t		removal_capacity;

	int64_t		not_before;		/* do not wake before that: enough was done */
};

static void
drop_kept(Kept *kept)
{
	free(kept->text);
	kept->text = NULL;
	kept->length = 0;
}

SymbolLedger *
cs_ledger_create(void)
{
	SymbolLedger *ledger = calloc(1, sizeof(SymbolLedger));

	if (ledger == NULL)
		return NULL;
	ledger->memory = cs_memory_create();
	if (ledger->memory == NULL)
	{
		free(ledger);
		return NULL;
	}
	return ledger;
}

/* Free it; NULL is fine. */
void
cs_ledger_free(SymbolLedger *ledger)
{
	if (ledger == NULL)
		return;
	for (size_t i = 0; i < ledger->removal_count; i++)
		drop_kept(&ledger->removals[ledger->removal_start + i].kept);
	drop_kept(&ledger->final_kept);
	drop_kept(&ledger->revert_kept);
	free(ledger->removals);
	free(ledger->blocks);
	cs_memory_free(ledger->memory);
	free(ledger);
}

/* ---------- messages that are kept ---------- */

static void
keep(Kept *kept, const SymbolNotice *notice, int64_t due_ms)
{
	drop_kept(kept);
	kept->topic = notice->topic;
	kept->subscription_id = notice->subscription_id;
	kept->received_at = notice->received_at;
	kept->due_ms = due_ms;
	if (notice->payload.data == NULL || notice->payload.length > TEXT_MAX)
		return;
	kept->text = malloc(notice->payload.length);
	if (kept->text == NULL)
		return;
	memcpy(kept->text, notice->payload.data, notice->payload.length);
	kept->length = notice->payload.length;
}

/* As if it came now. */
static SymbolNotice
recall(SymbolSession *symbol, const Kept *kept, int64_t now_ms,
	   CsOutput *output)
{
	SymbolNotice notice = {.symbol = symbol, .topic = kept->topic,
						   .subscription_id = kept->subscription_id,
						   .received_at = kept->received_at,
						   .now_ms = now_ms, .kept = true, .output = output};

	if (kept->text != NULL)
		notice.payload = cs_output_text(output, kept->text, kept->length);
	return notice;
}

/*
 * Rows that say something new of transactions go to who was told of the
 * transactions.
 */
static int64_t
subscription_of(const SymbolSession *symbol, SymbolTopicId topic,
				int64_t otherwise)
{
	int64_t		id = symbol->topics[topic].subscription_id;

	return id != 0 ? id : otherwise;
}

/* ---------- blocks ---------- */

static SymbolBlock *
block_place(const SymbolLedger *ledger, int64_t height)
{
	return &ledger->blocks[(size_t) (height % BLOCKS)];
}

/* The block at this height, or NULL. */
static SymbolBlock *
find_block(const SymbolLedger *ledger, int64_t height)
{
	SymbolBlock *block;

	if (ledger->blocks == NULL || height <= 0)
		return NULL;
	block = block_place(ledger, height);
	return block->height == height ? block : NULL;
}

/* So often was this block replaced. */
static uint32_t *
find_life(SymbolLedger *ledger, const uint8_t hash[32])
{
	size_t		count = ledger->replaced_count < REPLACED_MAX ?
		ledger->replaced_count : REPLACED_MAX;

	for (size_t i = 0; i < count; i++)
	{
		if (memcmp(ledger->replaced[i].hash, hash, 32) == 0)
			return &ledger->replaced[i].life;
	}
	return NULL;
}

static void
note_replaced(SymbolLedger *ledger, const SymbolBlock *block)
{
	uint32_t   *life = find_life(ledger, block->hash);
	Replaced   *place;

	if (life == NULL)
	{
		place = &ledger->replaced[ledger->replaced_count++ % REPLACED_MAX];
		memcpy(place->hash, block->hash, 32);
		life = &place->life;
	}
	*life = block->life + 1;
}

/* ---------- writing what is remembered ---------- */

/*
 * What is known of a transaction, for rows of this status.  *block_hash* of
 * the result points into the ledger.
 */
static SymbolFacts
facts_of(const SymbolLedger *ledger, const SymbolTransaction *transaction,
		 CsStatus status)
{
	SymbolFacts facts = {.status = status, .height = CS_NO_NUMBER,
						 .occurred_at = CS_NO_NUMBER};
	const SymbolBlock *block;

	memcpy(facts.hash, transaction->hash, 32);
	if (transaction->stage != SYMBOL_STAGE_CONFIRMED)
	{
		facts.life = transaction->pending_life;
		return facts;
	}
	facts.life = transaction->confirmed_life;
	facts.height = transaction->height;
	facts.occurred_at = transaction->occurred_at;
	block = find_block(ledger, facts.height);
	if (block != NULL && block->whole && status != CS_STATUS_REMOVED)
	{
		facts.block_hash = block->hash;
		facts.occurred_at = block->time_us;
	}
	return facts;
}

/* Its rows, with another status; returns how many. */
static size_t
write_rows(const SymbolNotice *notice, const SymbolTransaction *transaction,
		   CsStatus status)
{
	const SymbolLedger *ledger = notice->symbol->ledger;
	SymbolFacts facts = facts_of(ledger, transaction, status);
	size_t		count = 0;
	uint32_t	next;

	for (uint32_t at = transaction->rows; at != CS_MEMORY_NONE; at = next)
	{
		const SymbolRow *row = cs_memory_row(ledger->memory, at, &next);

		if (!cs_symbol_wants(notice->symbol, row))
			continue;
		(void) cs_symbol_write_row(notice, &facts, row, notice->payload);
		count++;
	}
	return count;
}

/* A transaction that was confirmed is not any more. */
static void
revert_transaction(SymbolSession *symbol, SymbolTransaction *transaction,
				   int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	SymbolNotice notice = recall(symbol, &ledger->revert_kept, now_ms, output);

	notice.subscription_id = subscription_of(symbol, SYMBOL_CONFIRMED_ADDED,
											 notice.subscription_id);
	(void) write_rows(&notice, transaction, CS_STATUS_REMOVED);
	cs_memory_drop_rows(ledger->memory, transaction);
	transaction->doubtful = false;
	transaction->ended = transaction->reverted = true;
	transaction->stage = SYMBOL_STAGE_NONE;
}

/* ---------- announcements ---------- */

static void
note_pending(SymbolTransaction *transaction)
{
	if (transaction->ended)
		transaction->pending_life++;
	transaction->ended = transaction->leaving = false;
	if (transaction->stage == SYMBOL_STAGE_NONE)
		transaction->stage = SYMBOL_STAGE_PENDING;
}

static void
note_confirmed(SymbolMemory *memory, SymbolTransaction *transaction,
			   int64_t height, int64_t occurred_at)
{
	if (transaction->stage != SYMBOL_STAGE_CONFIRMED ||
		transaction->height != height)
		cs_memory_drop_rows(memory, transaction);
	if (transaction->reverted)
		transaction->confirmed_life++;
	transaction->reverted = transaction->ended = false;
	transaction->leaving = transaction->doubtful = false;
	if (transaction->stage != SYMBOL_STAGE_FINAL)
		transaction->stage = SYMBOL_STAGE_CONFIRMED;
	transaction->height = height;
	transaction->occurred_at = occurred_at;
}

/* The announcements' rows with this status. */
static void
write_announcements(const SymbolNotice *notice, const SymbolFacts *facts)
{
	const SymbolSession *symbol = notice->symbol;

	for (size_t i = 0; i < symbol->announcement_count; i++)
		(void) cs_symbol_write_row(notice, facts, &symbol->announcements[i].row,
								   symbol->announcements[i].payload);
}

static void
remember_rows(SymbolSession *symbol, SymbolTransaction *transaction)
{
	for (size_t i = 0; i < symbol->announcement_count; i++)
		cs_memory_add_row(symbol->ledger->memory, transaction,
						  &symbol->announcements[i].row);
}

void
cs_ledger_announce(const SymbolNotice *notice, const uint8_t hash[32],
				   int64_t height, int64_t occurred_at)
{
	SymbolSession *symbol = notice->symbol;
	SymbolLedger *ledger = symbol->ledger;
	bool		confirmed = height != CS_NO_NUMBER;
	bool		final = confirmed && height <= ledger->final_height;
	SymbolFacts facts = {.status = confirmed ? CS_STATUS_CONFIRMED :
						 CS_STATUS_PENDING, .height = height,
						 .occurred_at = occurred_at};
	const SymbolBlock *block = find_block(ledger, height);
	SymbolTransaction *transaction = NULL;

	if (symbol->announcement_count > 0 || cs_memory_find(ledger->memory, hash))
		transaction = cs_memory_touch(ledger->memory, hash, notice->now_ms);
	if (transaction != NULL && confirmed)
	{
		note_confirmed(ledger->memory, transaction, height, occurred_at);
		facts.life = transaction->confirmed_life;
	}
	else if (transaction != NULL)
	{
		/* In a pool again: that decides it. */
		if (transaction->doubtful)
			revert_transaction(symbol, transaction, notice->now_ms,
							   notice->output);
		note_pending(transaction);
		facts.life = transaction->pending_life;
	}
	memcpy(facts.hash, hash, 32);
	if (block != NULL && block->whole)
	{
		facts.block_hash = block->hash;
		facts.occurred_at = block->time_us;
	}
	write_announcements(notice, &facts);
	if (final)
	{
		facts.status = CS_STATUS_FINALIZED;
		write_announcements(notice, &facts);
	}
	if (transaction == NULL)
		return;
	if (final)
	{
		cs_memory_drop_rows(ledger->memory, transaction);
		transaction->stage = SYMBOL_STAGE_FINAL;
	}
	else if (confirmed ? transaction->stage == SYMBOL_STAGE_CONFIRMED :
			 transaction->stage == SYMBOL_STAGE_PENDING)
		remember_rows(symbol, transaction);
}

const SymbolRow *
cs_ledger_failed(SymbolLedger *ledger, const uint8_t hash[32])
{
	SymbolTransaction *transaction = cs_memory_find(ledger->memory, hash);
	const SymbolRow *first = NULL;
	uint32_t	next;

	if (transaction == NULL)
		return NULL;
	transaction->ended = true;
	transaction->leaving = false;
	for (uint32_t at = transaction->rows; at != CS_MEMORY_NONE; at = next)
	{
		const SymbolRow *row = cs_memory_row(ledger->memory, at, &next);

		if (first == NULL || row->ordinal < first->ordinal)
			first = row;
	}
	return first;
}

/* ---------- removals ---------- */

static bool
grow_removals(SymbolLedger *ledger)
{
	size_t		capacity = ledger->removal_capacity > 0 ?
		2 * ledger->removal_capacity : 16;
	Removal    *larger;

	if (ledger->removal_start > 0)
	{
		memmove(ledger->removals, ledger->removals + ledger->removal_start,
				ledger->removal_count * sizeof(Removal));
		ledger->removal_start = 0;
		if (ledger->removal_count < ledger->removal_capacity / 2)
			return true;
	}
	larger = realloc(ledger->removals, capacity * sizeof(Removal));
	if (larger == NULL)
		return false;
	ledger->removals = larger;
	ledger->removal_capacity = capacity;
	return true;
}

/* Nothing else came of it: write that it is gone. */
static void
decide_removal(SymbolSession *symbol, const Removal *removal, int64_t now_ms,
			   CsOutput *output)
{
	SymbolTransaction *transaction = cs_memory_find(symbol->ledger->memory,
													removal->hash);
	SymbolNotice notice;
	SymbolFacts facts = {.status = CS_STATUS_REMOVED, .height = CS_NO_NUMBER,
						 .occurred_at = CS_NO_NUMBER};

	if (transaction == NULL || !transaction->leaving)
		return;
	notice = recall(symbol, &removal->kept, now_ms, output);
	transaction->leaving = false;
	transaction->ended = true;
	if (write_rows(&notice, transaction, CS_STATUS_REMOVED) == 0 &&
		cs_symbol_wants(symbol, &removal->row))
	{
		facts.life = transaction->pending_life;
		memcpy(facts.hash, removal->hash, 32);
		(void) cs_symbol_write_row(&notice, &facts, &removal->row,
								   notice.payload);
	}
	cs_memory_drop_rows(symbol->ledger->memory, transaction);
	transaction->stage = SYMBOL_STAGE_NONE;
}

/* The oldest removal that waits, taken out of the queue. */
static void
next_removal(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	Removal    *removal = &ledger->removals[ledger->removal_start];

	decide_removal(symbol, removal, now_ms, output);
	drop_kept(&removal->kept);
	ledger->removal_start++;
	ledger->removal_count--;
	if (ledger->removal_count == 0)
		ledger->removal_start = 0;
}

/*
 * A transaction whose end is known already does not need another, nor does
 * one that is on the chain; and one that has left both pools left once.
 */
void
cs_ledger_removed(const SymbolNotice *notice, const uint8_t hash[32],
				  const SymbolRow *row)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	SymbolTransaction *transaction = cs_memory_find(ledger->memory, hash);
	Removal    *removal;

	if (transaction == NULL && !cs_symbol_wants(notice->symbol, row))
		return;
	if (transaction == NULL)
		transaction = cs_memory_touch(ledger->memory, hash, notice->now_ms);
	if (transaction == NULL || transaction->leaving || transaction->ended ||
		transaction->stage == SYMBOL_STAGE_CONFIRMED ||
		transaction->stage == SYMBOL_STAGE_FINAL)
		return;
	if (ledger->removal_count == REMOVALS_MAX)
		next_removal(notice->symbol, notice->now_ms, notice->output);
	if (ledger->removal_start + ledger->removal_count ==
		ledger->removal_capacity && !grow_removals(ledger))
	{
		cs_output_fail(notice->output);
		return;
	}
	removal = &ledger->removals[ledger->removal_start + ledger->removal_count];
	memset(removal, 0, sizeof(*removal));
	memcpy(removal->hash, hash, 32);
	removal->row = *row;
	keep(&removal->kept, notice, notice->now_ms + GRACE_MS);
	ledger->removal_count++;
	transaction->leaving = true;
}

/* ---------- blocks that are replaced ---------- */

/*
 * Was the transaction announced for the block that came at *now_ms*, rather
 * than for the one it replaces?
 */
static bool
is_of_new_block(const SymbolTransaction *transaction,
				const SymbolBlock *old_block, int64_t now_ms)
{
	int64_t		old_ms = old_block != NULL && old_block->whole ?
		old_block->seen_ms : now_ms - CS_SYMBOL_SETTLE_MS;

	return transaction->seen_ms - old_ms > now_ms - transaction->seen_ms;
}

/* Doubt the transactions from a height on. */
static void
doubt_transactions(const SymbolNotice *notice, int64_t from)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	bool		any = false;

	for (size_t i = 0; i < cs_memory_size(ledger->memory); i++)
	{
		SymbolTransaction *transaction = cs_memory_at(ledger->memory, i);

		if (transaction == NULL ||
			transaction->stage != SYMBOL_STAGE_CONFIRMED ||
			transaction->height < from ||
			is_of_new_block(transaction,
							find_block(ledger, transaction->height),
							notice->now_ms))
			continue;
		transaction->doubtful = true;
		any = true;
	}
	if (!any)
		return;
	keep(&ledger->revert_kept, notice, notice->now_ms + GRACE_MS);
	ledger->reverting = true;
}

/* The blocks from this height on are not on the chain any more. */
static void
replace_blocks(const SymbolNotice *notice, int64_t from)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	SymbolBlock *block;

	doubt_transactions(notice, from);
	for (int64_t height = from; height < from + BLOCKS; height++)
	{
		block = find_block(ledger, height);
		if (block == NULL || block->finalized)
			continue;
		cs_symbol_write_block(notice, CS_STATUS_REMOVED, block);
		note_replaced(ledger, block);
		block->height = 0;
	}
}

/* What was taken back is written, some of it at a time. */
static void
revert_transactions(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	size_t		start = cs_output_record_count(output);

	for (size_t i = 0; i < cs_memory_size(ledger->memory); i++)
	{
		SymbolTransaction *transaction = cs_memory_at(ledger->memory, i);

		if (transaction == NULL || !transaction->doubtful)
			continue;
		if (cs_output_record_count(output) - start >= ROWS_AT_ONCE)
			return;
		revert_transaction(symbol, transaction, now_ms, output);
	}
	ledger->reverting = false;
	drop_kept(&ledger->revert_kept);
}

/*
 * What is known and does not go with a block is replaced by it; *replaced*:
 * something was.  False: it is the block that cannot be.
 */
static bool
make_room(const SymbolNotice *notice, const SymbolBlock *block, bool *replaced)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	SymbolBlock *same = find_block(ledger, block->height);
	SymbolBlock *below = find_block(ledger, block->height - 1);
	SymbolBlock *above = find_block(ledger, block->height + 1);

	if (below != NULL && !below->finalized &&
		memcmp(below->hash, block->parent, 32) != 0)
	{
		replace_blocks(notice, below->height);
		*replaced = true;
	}
	else if (same != NULL && memcmp(same->hash, block->hash, 32) != 0)
	{
		if (same->finalized)
			return false;
		replace_blocks(notice, same->height);
		*replaced = true;
	}
	else if (above != NULL && above->whole && !above->finalized &&
			 memcmp(above->parent, block->hash, 32) != 0)
	{
		replace_blocks(notice, above->height);
		*replaced = true;
	}
	return true;
}

bool
cs_ledger_block(const SymbolNotice *notice, SymbolBlock *block)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	SymbolBlock *place;
	uint32_t   *life = find_life(ledger, block->hash);
	bool		newest = block->height > ledger->newest_height;

	if (ledger->blocks == NULL)
		ledger->blocks = calloc(BLOCKS, sizeof(SymbolBlock));
	if (ledger->blocks == NULL)
	{
		cs_output_fail(notice->output);
		return false;
	}
	block->seen_ms = notice->now_ms;
	block->life = life != NULL ? *life : 0;
	block->finalized = block->height <= ledger->final_height;
	if (make_room(notice, block, &newest))
	{
		place = block_place(ledger, block->height);
		if (place->height == block->height)
		{
			block->life = place->life;
			block->seen_ms = place->whole ? place->seen_ms : notice->now_ms;
		}
		if (place->height <= block->height)
			*place = *block;
	}
	cs_symbol_write_block(notice, CS_STATUS_CONFIRMED, block);
	if (block->finalized)
		cs_symbol_write_block(notice, CS_STATUS_FINALIZED, block);
	if (newest)
		ledger->newest_height = block->height;
	return newest;
}

void
cs_ledger_restore(SymbolLedger *ledger, int64_t height, const uint8_t hash[32])
{
	SymbolBlock *place;

	if (ledger->blocks == NULL)
		ledger->blocks = calloc(BLOCKS, sizeof(SymbolBlock));
	if (ledger->blocks == NULL)
		return;
	place = block_place(ledger, height);
	*place = (SymbolBlock) {.height = height, .time_us = CS_NO_NUMBER};
	memcpy(place->hash, hash, 32);
	ledger->newest_height = height;
}

/* ---------- finality ---------- */

/* The blocks up to the one that is final, the lowest first. */
static void
finalize_blocks(const SymbolNotice *notice, const SymbolBlock *last)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	int64_t		from = last->height > BLOCKS ? last->height - BLOCKS + 1 : 1;
	SymbolBlock *block = find_block(ledger, last->height);

	if (block != NULL && memcmp(block->hash, last->hash, 32) != 0)
		replace_blocks(notice, block->height);
	for (int64_t height = from; height < last->height; height++)
	{
		block = find_block(ledger, height);
		if (block == NULL || block->finalized)
			continue;
		block->finalized = true;
		cs_symbol_write_block(notice, CS_STATUS_FINALIZED, block);
	}
	block = find_block(ledger, last->height);
	if (block != NULL)
		block->finalized = true;
	cs_symbol_write_block(notice, CS_STATUS_FINALIZED,
						  block != NULL ? block : last);
}

/* Write what has become final, some of it at a time. */
static void
finalize_transactions(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	SymbolNotice notice = recall(symbol, &ledger->final_kept, now_ms, output);
	size_t		start = cs_output_record_count(output);

	notice.subscription_id = subscription_of(symbol, SYMBOL_CONFIRMED_ADDED,
											 notice.subscription_id);
	for (; ledger->final_next < cs_memory_size(ledger->memory);
		 ledger->final_next++)
	{
		SymbolTransaction *transaction = cs_memory_at(ledger->memory,
													  ledger->final_next);

		if (transaction == NULL || transaction->doubtful ||
			transaction->stage != SYMBOL_STAGE_CONFIRMED ||
			transaction->height > ledger->final_height)
			continue;
		if (cs_output_record_count(output) - start >= ROWS_AT_ONCE)
			return;
		(void) write_rows(&notice, transaction, CS_STATUS_FINALIZED);
		cs_memory_drop_rows(ledger->memory, transaction);
		transaction->stage = SYMBOL_STAGE_FINAL;
	}
	ledger->finalizing = false;
	drop_kept(&ledger->final_kept);
}

void
cs_ledger_finalized(const SymbolNotice *notice, const SymbolBlock *last)
{
	SymbolLedger *ledger = notice->symbol->ledger;

	finalize_blocks(notice, last);
	if (last->height > ledger->final_height)
		ledger->final_height = last->height;
	keep(&ledger->final_kept, notice, notice->now_ms);
	ledger->finalizing = true;
	ledger->final_next = 0;
	finalize_transactions(notice->symbol, notice->now_ms, notice->output);
}

/* ---------- time ---------- */

void
cs_ledger_lost(SymbolLedger *ledger)
{
	while (ledger->removal_count > 0)
	{
		Removal    *removal = &ledger->removals[ledger->removal_start];
		SymbolTransaction *transaction = cs_memory_find(ledger->memory,
														removal->hash);

		if (transaction != NULL)
			transaction->leaving = false;
		drop_kept(&removal->kept);
		ledger->removal_start++;
		ledger->removal_count--;
	}
	ledger->removal_start = 0;
}

void
cs_ledger_tick(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	size_t		start = cs_output_record_count(output);

	while (ledger->removal_count > 0 &&
		   ledger->removals[ledger->removal_start].kept.due_ms <= now_ms &&
		   cs_output_record_count(output) - start < ROWS_AT_ONCE)
		next_removal(symbol, now_ms, output);
	if (ledger->reverting && ledger->revert_kept.due_ms <= now_ms)
		revert_transactions(symbol, now_ms, output);
	if (ledger->finalizing)
		finalize_transactions(symbol, now_ms, output);
	ledger->not_before = now_ms + 1;
}

int64_t
cs_ledger_next_tick(const SymbolLedger *ledger)
{
	int64_t		next = INT64_MAX;

	if (ledger->removal_count > 0)
		next = ledger->removals[ledger->removal_start].kept.due_ms;
	if (ledger->reverting && ledger->revert_kept.due_ms < next)
		next = ledger->revert_kept.due_ms;
	if (ledger->finalizing && ledger->final_kept.due_ms < next)
		next = ledger->final_kept.due_ms;
	return next < ledger->not_before ? ledger->not_before : next;
}
