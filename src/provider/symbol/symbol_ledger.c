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
 * a pool is given some seconds to turn up elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "provider/output.h"
#include "provider/symbol/symbol_ledger.h"

/* Removals that wait; more are decided at once. */
#define REMOVALS_MAX		10000

/* A message that is kept as the payload of rows to come; longer ones are not. */
#define TEXT_MAX			4096

void
cs_ledger_drop_kept(SymbolKept *kept)
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
		cs_ledger_drop_kept(&ledger->removals[ledger->removal_start + i].kept);
	cs_ledger_drop_kept(&ledger->final_kept);
	cs_ledger_drop_kept(&ledger->revert_kept);
	free(ledger->removals);
	free(ledger->blocks);
	cs_memory_free(ledger->memory);
	free(ledger);
}

/* ---------- messages that are kept ---------- */

void
cs_ledger_keep(SymbolKept *kept, const SymbolNotice *notice, int64_t due_ms)
{
	cs_ledger_drop_kept(kept);
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
SymbolNotice
cs_ledger_recall(SymbolSession *symbol, const SymbolKept *kept, int64_t now_ms,
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
int64_t
cs_ledger_subscription(const SymbolSession *symbol, SymbolTopicId topic,
					   int64_t otherwise)
{
	int64_t		id = symbol->topics[topic].subscription_id;

	return id != 0 ? id : otherwise;
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
	block = cs_ledger_find_block(ledger, facts.height);
	if (block != NULL && block->whole && status != CS_STATUS_REMOVED)
	{
		facts.block_hash = block->hash;
		facts.occurred_at = block->time_us;
	}
	return facts;
}

/* Its rows, with another status; returns how many. */
size_t
cs_ledger_write_rows(const SymbolNotice *notice,
					 const SymbolTransaction *transaction,
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
void
cs_ledger_revert(SymbolSession *symbol, SymbolTransaction *transaction,
				 int64_t now_ms, CsOutput *output)
{
	SymbolLedger *ledger = symbol->ledger;
	SymbolNotice notice = cs_ledger_recall(symbol, &ledger->revert_kept,
										   now_ms, output);

	notice.subscription_id = cs_ledger_subscription(symbol,
													SYMBOL_CONFIRMED_ADDED,
													notice.subscription_id);
	(void) cs_ledger_write_rows(&notice, transaction, CS_STATUS_REMOVED);
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

/*
 * Confirmed again at the height at which that was taken back, it needs a life
 * of its own; at another it is told apart anyway.
 */
static void
note_confirmed(const SymbolNotice *notice, SymbolTransaction *transaction,
			   int64_t height, int64_t occurred_at)
{
	SymbolLedger *ledger = notice->symbol->ledger;

	if (transaction->stage != SYMBOL_STAGE_CONFIRMED)
		cs_memory_drop_rows(ledger->memory, transaction);
	if (transaction->height != height)
		transaction->confirmed_life = 0;
	else if (transaction->reverted)
		transaction->confirmed_life++;
	transaction->reverted = transaction->ended = false;
	transaction->leaving = transaction->doubtful = false;
	if (transaction->stage != SYMBOL_STAGE_FINAL)
		transaction->stage = SYMBOL_STAGE_CONFIRMED;
	transaction->height = height;
	transaction->occurred_at = occurred_at;
	transaction->confirmed_ms = notice->now_ms;
	transaction->connection = ledger->connection;
}

/*
 * What is pending, or confirmed at another height, is not confirmed where it
 * was: that decides it, whether it was doubtful or its block was missed.
 */
static void
note_moved(const SymbolNotice *notice, SymbolTransaction *transaction,
		   int64_t height)
{
	SymbolMemory *memory = notice->symbol->ledger->memory;

	if (transaction->stage != SYMBOL_STAGE_CONFIRMED ||
		transaction->height == height)
		return;
	if (transaction->doubtful)
		cs_ledger_revert(notice->symbol, transaction, notice->now_ms,
						 notice->output);
	else if (height != CS_NO_NUMBER)
	{
		(void) cs_ledger_write_rows(notice, transaction, CS_STATUS_REMOVED);
		cs_memory_drop_rows(memory, transaction);
	}
}

/* Find or make the transaction; NULL: there is nothing to remember of it. */
static SymbolTransaction *
note_announced(const SymbolNotice *notice, SymbolFacts *facts)
{
	SymbolMemory *memory = notice->symbol->ledger->memory;
	SymbolTransaction *transaction;

	if (notice->symbol->announcement_count == 0 &&
		cs_memory_find(memory, facts->hash) == NULL)
		return NULL;
	transaction = cs_memory_touch(memory, facts->hash);
	if (transaction == NULL)
		return NULL;
	note_moved(notice, transaction, facts->height);
	if (facts->status == CS_STATUS_CONFIRMED)
	{
		note_confirmed(notice, transaction, facts->height, facts->occurred_at);
		facts->life = transaction->confirmed_life;
	}
	else
	{
		note_pending(transaction);
		facts->life = transaction->pending_life;
	}
	return transaction;
}

/* The announcements' rows with this status. */
static void
write_announcements(const SymbolNotice *notice, const SymbolFacts *facts)
{
	const SymbolSession *symbol = notice->symbol;

	for (size_t i = 0; i < symbol->announcement_count; i++)
		(void) cs_symbol_write_row(notice, facts,
								   &symbol->announcements[i].row,
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
	SymbolLedger *ledger = notice->symbol->ledger;
	bool		confirmed = height != CS_NO_NUMBER;
	SymbolFacts facts = {.status = confirmed ? CS_STATUS_CONFIRMED :
						 CS_STATUS_PENDING, .height = height,
						 .occurred_at = occurred_at};
	const SymbolBlock *block = cs_ledger_find_block(ledger, height);
	SymbolTransaction *transaction;

	memcpy(facts.hash, hash, 32);
	transaction = note_announced(notice, &facts);
	if (block != NULL && block->whole)
	{
		facts.block_hash = block->hash;
		facts.occurred_at = block->time_us;
	}
	write_announcements(notice, &facts);
	if (confirmed && height <= ledger->final_height)
	{
		facts.status = CS_STATUS_FINALIZED;
		write_announcements(notice, &facts);
		if (transaction == NULL)
			return;
		cs_memory_drop_rows(ledger->memory, transaction);
		transaction->stage = SYMBOL_STAGE_FINAL;
	}
	else if (transaction != NULL &&
			 transaction->stage == (confirmed ? SYMBOL_STAGE_CONFIRMED :
									SYMBOL_STAGE_PENDING))
		remember_rows(notice->symbol, transaction);
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
	SymbolRemoval *larger;

	if (ledger->removal_start > 0)
	{
		memmove(ledger->removals, ledger->removals + ledger->removal_start,
				ledger->removal_count * sizeof(SymbolRemoval));
		ledger->removal_start = 0;
		if (ledger->removal_count < ledger->removal_capacity / 2)
			return true;
	}
	larger = realloc(ledger->removals, capacity * sizeof(SymbolRemoval));
	if (larger == NULL)
		return false;
	ledger->removals = larger;
	ledger->removal_capacity = capacity;
	return true;
}

/* Nothing else came of it: write that it is gone. */
static void
decide_removal(SymbolSession *symbol, const SymbolRemoval *removal,
			   int64_t now_ms, CsOutput *output)
{
	SymbolTransaction *transaction = cs_memory_find(symbol->ledger->memory,
													removal->hash);
	SymbolNotice notice;
	SymbolFacts facts = {.status = CS_STATUS_REMOVED, .height = CS_NO_NUMBER,
						 .occurred_at = CS_NO_NUMBER};

	if (transaction == NULL || !transaction->leaving)
		return;
	notice = cs_ledger_recall(symbol, &removal->kept, now_ms, output);
	transaction->leaving = false;
	transaction->ended = true;
	if (cs_ledger_write_rows(&notice, transaction, CS_STATUS_REMOVED) == 0 &&
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
	SymbolRemoval *removal = &ledger->removals[ledger->removal_start];

	decide_removal(symbol, removal, now_ms, output);
	cs_ledger_drop_kept(&removal->kept);
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
	SymbolRemoval *removal;

	if (transaction == NULL && !cs_symbol_wants(notice->symbol, row))
		return;
	if (transaction == NULL)
		transaction = cs_memory_touch(ledger->memory, hash);
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
	cs_ledger_keep(&removal->kept, notice,
				   notice->now_ms + CS_LEDGER_GRACE_MS);
	ledger->removal_count++;
	transaction->leaving = true;
}

/* ---------- time ---------- */

void
cs_ledger_lost(SymbolLedger *ledger)
{
	ledger->connection++;
	while (ledger->removal_count > 0)
	{
		SymbolRemoval *removal = &ledger->removals[ledger->removal_start];
		SymbolTransaction *transaction = cs_memory_find(ledger->memory,
														removal->hash);

		if (transaction != NULL)
			transaction->leaving = false;
		cs_ledger_drop_kept(&removal->kept);
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
		   cs_output_record_count(output) - start < CS_LEDGER_ROWS)
		next_removal(symbol, now_ms, output);
	if (ledger->reverting && ledger->revert_kept.due_ms <= now_ms)
		cs_ledger_revert_doubtful(symbol, now_ms, output);
	if (ledger->finalizing)
		cs_ledger_finalize(symbol, now_ms, output);
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
