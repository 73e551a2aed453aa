/*-------------------------------------------------------------------------
 *
 * symbol_chain.c
 *	  Blocks of a Symbol network: which are replaced, which are final.
 *
 * A block at a height that has another already takes its place, and that of
 * all above it; so does one whose parent is not the block that is known below
 * it.  The transactions at these heights are doubtful then.  One counts as
 * the new block's if it was announced nearer in time to that one, or is
 * announced again soon: channels are not in step with each other.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "provider/output.h"
#include "provider/symbol/symbol_ledger.h"

/* Text of the longest position. */
#define POSITION_MAX		160

/* Blocks that are remembered, the newest: 17 hours. */
#define BLOCKS				2048

/* ---------- blocks ---------- */

static SymbolBlock *
block_place(const SymbolLedger *ledger, int64_t height)
{
	return &ledger->blocks[(size_t) (height % BLOCKS)];
}

/* The block at this height, or NULL. */
SymbolBlock *
cs_ledger_find_block(const SymbolLedger *ledger, int64_t height)
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
	size_t		count = ledger->replaced_count < CS_LEDGER_REPLACED ?
		ledger->replaced_count : CS_LEDGER_REPLACED;

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
	SymbolReplaced *place;

	if (life == NULL)
	{
		place = &ledger->replaced[ledger->replaced_count % CS_LEDGER_REPLACED];
		ledger->replaced_count++;
		memcpy(place->hash, block->hash, 32);
		life = &place->life;
	}
	*life = block->life + 1;
}

/* ---------- blocks that are replaced ---------- */

/*
 * Was the transaction confirmed for the block that came at *now_ms*, rather
 * than for the one it replaces?
 */
static bool
is_of_new_block(const SymbolTransaction *transaction,
				const SymbolBlock *old_block, int64_t now_ms)
{
	int64_t		old_ms = old_block != NULL && old_block->whole ?
		old_block->seen_ms : now_ms - CS_SYMBOL_SETTLE_MS;

	return transaction->confirmed_ms - old_ms > now_ms - transaction->confirmed_ms;
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
							cs_ledger_find_block(ledger, transaction->height),
							notice->now_ms))
			continue;
		transaction->doubtful = true;
		any = true;
	}
	if (!any)
		return;
	cs_ledger_keep(&ledger->revert_kept, notice,
				   notice->now_ms + CS_LEDGER_GRACE_MS);
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
		block = cs_ledger_find_block(ledger, height);
		if (block == NULL || block->finalized)
			continue;
		cs_symbol_write_block(notice, CS_STATUS_REMOVED, block);
		note_replaced(ledger, block);
		block->height = 0;
	}
}

/* What was taken back is written, some of it at a time. */
void
cs_ledger_revert_doubtful(SymbolSession *symbol, int64_t now_ms,
						  CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	size_t		start = cs_output_record_count(output);

	for (size_t i = 0; i < cs_memory_size(ledger->memory); i++)
	{
		SymbolTransaction *transaction = cs_memory_at(ledger->memory, i);

		if (transaction == NULL || !transaction->doubtful)
			continue;
		if (cs_output_record_count(output) - start >= CS_LEDGER_ROWS)
			return;
		cs_ledger_revert(symbol, transaction, now_ms, output);
	}
	ledger->reverting = false;
	cs_ledger_drop_kept(&ledger->revert_kept);
}

/*
 * What is known and does not go with a block is replaced by it; *replaced*:
 * something was.  False: it is the block that cannot be.
 */
static bool
make_room(const SymbolNotice *notice, const SymbolBlock *block, bool *replaced)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	SymbolBlock *same = cs_ledger_find_block(ledger, block->height);
	SymbolBlock *below = cs_ledger_find_block(ledger, block->height - 1);
	SymbolBlock *above = cs_ledger_find_block(ledger, block->height + 1);

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

/* {"height":1823627,"hash":"F1FC...","finalized":1823616} */
static void
tell_position(const SymbolNotice *notice)
{
	const SymbolLedger *ledger = notice->symbol->ledger;
	char		position[POSITION_MAX];
	char		hash[65] = "";
	int			length = 0;

	if (ledger->newest_height > 0)
	{
		cs_hex_encode_upper(ledger->newest_hash, 32, hash);
		length = snprintf(position, sizeof(position),
						  "{\"height\":%lld,\"hash\":\"%.64s\"",
						  (long long) ledger->newest_height, hash);
	}
	if (ledger->told_height > 0)
		length += snprintf(position + length,
						   sizeof(position) - (size_t) length,
						   "%s\"finalized\":%lld", length > 0 ? "," : "{",
						   (long long) ledger->told_height);
	(void) snprintf(position + length, sizeof(position) - (size_t) length,
					"}");
	cs_output_cursor(notice->output, "", position);
}

void
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
		return;
	}
	block->seen_ms = notice->now_ms;
	block->connection = ledger->connection;
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
	if (!newest)
		return;
	ledger->newest_height = block->height;
	memcpy(ledger->newest_hash, block->hash, 32);
	tell_position(notice);
}

void
cs_ledger_restore(SymbolLedger *ledger, int64_t height, const uint8_t hash[32],
				  int64_t final_height)
{
	SymbolBlock *place;

	/* To be told on.  But the network may have begun anew meanwhile. */
	ledger->told_height = final_height;
	if (height == 0)
		return;
	if (ledger->blocks == NULL)
		ledger->blocks = calloc(BLOCKS, sizeof(SymbolBlock));
	if (ledger->blocks == NULL)
		return;
	place = block_place(ledger, height);
	*place = (SymbolBlock) {.height = height, .time_us = CS_NO_NUMBER};
	memcpy(place->hash, hash, 32);
	ledger->newest_height = height;
	memcpy(ledger->newest_hash, hash, 32);
}

/* ---------- finality ---------- */

/*
 * On the connection on which finality was told, whatever replaced something
 * would have been told, too.  Of what came before, only blocks that lead to
 * the final one are certain.
 */
bool
cs_ledger_is_certain(const SymbolLedger *ledger, uint32_t connection,
					 int64_t height)
{
	return connection == ledger->final_connection ||
		height >= ledger->linked_from;
}

/* The lowest height from which known blocks lead to the one that is final. */
static int64_t
find_link(const SymbolLedger *ledger, const SymbolBlock *last)
{
	const SymbolBlock *block = cs_ledger_find_block(ledger, last->height);
	const SymbolBlock *parent;

	if (block == NULL || memcmp(block->hash, last->hash, 32) != 0)
		return last->height + 1;
	for (; block->whole; block = parent)
	{
		parent = cs_ledger_find_block(ledger, block->height - 1);
		if (parent == NULL || memcmp(parent->hash, block->parent, 32) != 0)
			break;
	}
	return block->height;
}

/* The blocks up to the one that is final, the lowest first. */
static void
finalize_blocks(const SymbolNotice *notice, const SymbolBlock *last)
{
	SymbolLedger *ledger = notice->symbol->ledger;
	int64_t		from = last->height > BLOCKS ? last->height - BLOCKS + 1 : 1;
	SymbolBlock *block = cs_ledger_find_block(ledger, last->height);

	if (block != NULL && memcmp(block->hash, last->hash, 32) != 0)
		replace_blocks(notice, block->height);
	for (int64_t height = from; height < last->height; height++)
	{
		block = cs_ledger_find_block(ledger, height);
		if (block == NULL || block->finalized ||
			!cs_ledger_is_certain(ledger, block->connection, height))
			continue;
		block->finalized = true;
		cs_symbol_write_block(notice, CS_STATUS_FINALIZED, block);
	}
	block = cs_ledger_find_block(ledger, last->height);
	if (block != NULL)
		block->finalized = true;
	cs_symbol_write_block(notice, CS_STATUS_FINALIZED,
						  block != NULL ? block : last);
}

/* Write what has become final, some of it at a time. */
void
cs_ledger_finalize(SymbolSession *symbol, int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	SymbolNotice notice = cs_ledger_recall(symbol, &ledger->final_kept, now_ms,
										   output);
	size_t		start = cs_output_record_count(output);

	notice.subscription_id = cs_ledger_subscription(symbol,
													SYMBOL_CONFIRMED_ADDED,
													notice.subscription_id);
	for (; ledger->final_next < cs_memory_size(ledger->memory);
		 ledger->final_next++)
	{
		SymbolTransaction *transaction = cs_memory_at(ledger->memory,
													  ledger->final_next);

		if (transaction == NULL || transaction->doubtful ||
			transaction->stage != SYMBOL_STAGE_CONFIRMED ||
			transaction->height > ledger->final_height ||
			!cs_ledger_is_certain(ledger, transaction->connection,
								  transaction->height))
			continue;
		if (cs_output_record_count(output) - start >= CS_LEDGER_ROWS)
			return;
		(void) cs_ledger_write_rows(&notice, transaction, CS_STATUS_FINALIZED);
		cs_memory_drop_rows(ledger->memory, transaction);
		transaction->stage = SYMBOL_STAGE_FINAL;
	}
	ledger->finalizing = false;
	cs_ledger_drop_kept(&ledger->final_kept);
}

void
cs_ledger_finalized(const SymbolNotice *notice, const SymbolBlock *last)
{
	SymbolLedger *ledger = notice->symbol->ledger;

	ledger->final_connection = ledger->connection;
	ledger->linked_from = find_link(ledger, last);
	finalize_blocks(notice, last);
	ledger->final_height = last->height;
	if (ledger->told_height != last->height)
	{
		ledger->told_height = last->height;
		tell_position(notice);
	}
	cs_ledger_keep(&ledger->final_kept, notice, notice->now_ms);
	ledger->finalizing = true;
	ledger->final_next = 0;
	cs_ledger_finalize(notice->symbol, notice->now_ms, notice->output);
}
