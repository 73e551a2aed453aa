/*-------------------------------------------------------------------------
 *
 * symbol_memory.c
 *	  Transactions by their hash, with the rows that were written of them.
 *
 * Two pools of entries that are numbered, and buckets with chains.  Both grow
 * up to their limit: 8 MB of transactions, 11 MB of rows.  The hash has a
 * secret seed, so that a peer cannot make the chains long.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/symbol/symbol_memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPACITY_MIN	64

typedef struct HeldRow
{
	SymbolRow	row;
	uint32_t	next;
} HeldRow;

struct SymbolMemory
{
	uint64_t	seed;
	uint64_t	turn;

	SymbolTransaction *transactions;
	size_t		transaction_count;	/* that were ever in use */
	size_t		transaction_capacity;
	size_t		used;
	uint32_t	free_transaction;
	uint32_t   *buckets;		/* as many as the capacity */

	HeldRow    *rows;
	size_t		row_count;
	size_t		row_capacity;
	uint32_t	free_row;
};

SymbolMemory *
cs_memory_create(void)
{
	SymbolMemory *memory = calloc(1, sizeof(SymbolMemory));

	if (memory == NULL)
		return NULL;
	if (getentropy(&memory->seed, sizeof(memory->seed)) != 0)
		memory->seed = (uint64_t) (uintptr_t) memory;
	memory->free_transaction = memory->free_row = CS_MEMORY_NONE;
	return memory;
}

/* Free it; NULL is fine. */
void
cs_memory_free(SymbolMemory *memory)
{
	if (memory == NULL)
		return;
	free(memory->transactions);
	free(memory->buckets);
	free(memory->rows);
	free(memory);
}

/* ---------- look-up ---------- */

static uint32_t *
bucket_of(const SymbolMemory *memory, const uint8_t hash[32])
{
	uint64_t	value = memory->seed;

	for (size_t i = 0; i < 4; i++)
	{
		uint64_t	word;

		memcpy(&word, hash + 8 * i, sizeof(word));
		value = (value ^ word) * (memory->seed | 1);
		value ^= value >> 29;
	}
	value *= UINT64_C(0x9E3779B97F4A7C15);
	return &memory->buckets[(value >> 20) % memory->transaction_capacity];
}

SymbolTransaction *
cs_memory_find(const SymbolMemory *memory, const uint8_t hash[32])
{
	uint32_t	at;

	if (memory->transaction_capacity == 0)
		return NULL;
	for (at = *bucket_of(memory, hash); at != CS_MEMORY_NONE;
		 at = memory->transactions[at].next)
	{
		if (memcmp(memory->transactions[at].hash, hash, 32) == 0)
			return &memory->transactions[at];
	}
	return NULL;
}

/* Put every entry in its bucket, of which there are now others. */
static void
rehash(SymbolMemory *memory)
{
	for (size_t i = 0; i < memory->transaction_capacity; i++)
		memory->buckets[i] = CS_MEMORY_NONE;
	for (size_t i = 0; i < memory->transaction_count; i++)
	{
		SymbolTransaction *transaction = &memory->transactions[i];
		uint32_t   *bucket;

		if (transaction->stage == SYMBOL_STAGE_FREE)
			continue;
		bucket = bucket_of(memory, transaction->hash);
		transaction->next = *bucket;
		*bucket = (uint32_t) i;
	}
}

/* The next capacity of a pool. */
static size_t
grown(size_t capacity, size_t limit)
{
	size_t		larger = capacity > 0 ? capacity * 2 : CAPACITY_MIN;

	return larger > limit ? limit : larger;
}

static bool
grow_transactions(SymbolMemory *memory)
{
	size_t		capacity = grown(memory->transaction_capacity,
								 CS_MEMORY_TRANSACTIONS);
	SymbolTransaction *larger = realloc(memory->transactions,
										capacity * sizeof(SymbolTransaction));
	uint32_t   *buckets;

	if (larger == NULL)
		return false;
	memory->transactions = larger;
	buckets = realloc(memory->buckets, capacity * sizeof(uint32_t));
	if (buckets == NULL)
		return false;
	memory->buckets = buckets;
	memory->transaction_capacity = capacity;
	rehash(memory);
	return true;
}

/* ---------- forgetting ---------- */

void
cs_memory_drop_rows(SymbolMemory *memory, SymbolTransaction *transaction)
{
	while (transaction->rows != CS_MEMORY_NONE)
	{
		uint32_t	at = transaction->rows;

		transaction->rows = memory->rows[at].next;
		memory->rows[at].next = memory->free_row;
		memory->free_row = at;
	}
	transaction->row_count = 0;
}

static void
forget(SymbolMemory *memory, uint32_t number)
{
	SymbolTransaction *transaction = &memory->transactions[number];
	uint32_t   *place = bucket_of(memory, transaction->hash);

	while (*place != number)
		place = &memory->transactions[*place].next;
	*place = transaction->next;
	cs_memory_drop_rows(memory, transaction);
	transaction->stage = SYMBOL_STAGE_FREE;
	transaction->next = memory->free_transaction;
	memory->free_transaction = number;
	memory->used--;
}

/*
 * Forget a quarter at least, the ones not heard of for longest: at most
 * *kept* have been heard of in the last *kept* turns.
 */
static void
forget_oldest(SymbolMemory *memory)
{
	size_t		kept = memory->used - memory->used / 4 - 1;

	for (size_t i = 0; i < memory->transaction_count; i++)
	{
		SymbolTransaction *transaction = &memory->transactions[i];

		if (transaction->stage != SYMBOL_STAGE_FREE &&
			transaction->turn + kept <= memory->turn)
			forget(memory, (uint32_t) i);
	}
}

/* ---------- adding ---------- */

/* The number of an entry that is not in use; CS_MEMORY_NONE: no memory. */
static uint32_t
take_transaction(SymbolMemory *memory)
{
	uint32_t	number;

	if (memory->free_transaction == CS_MEMORY_NONE &&
		memory->transaction_count == CS_MEMORY_TRANSACTIONS)
		forget_oldest(memory);
	number = memory->free_transaction;
	if (number != CS_MEMORY_NONE)
	{
		memory->free_transaction = memory->transactions[number].next;
		return number;
	}
	if (memory->transaction_count == memory->transaction_capacity &&
		!grow_transactions(memory))
		return CS_MEMORY_NONE;
	return (uint32_t) memory->transaction_count++;
}

SymbolTransaction *
cs_memory_touch(SymbolMemory *memory, const uint8_t hash[32])
{
	SymbolTransaction *transaction = cs_memory_find(memory, hash);
	uint32_t	number;
	uint32_t   *bucket;

	if (transaction == NULL)
	{
		number = take_transaction(memory);
		if (number == CS_MEMORY_NONE)
			return NULL;
		transaction = &memory->transactions[number];
		memset(transaction, 0, sizeof(*transaction));
		memcpy(transaction->hash, hash, 32);
		transaction->stage = SYMBOL_STAGE_NONE;
		transaction->rows = CS_MEMORY_NONE;
		bucket = bucket_of(memory, hash);
		transaction->next = *bucket;
		*bucket = number;
		memory->used++;
	}
	transaction->turn = ++memory->turn;
	return transaction;
}

/* The number of a row that is not in use; CS_MEMORY_NONE: there is none. */
static uint32_t
take_row(SymbolMemory *memory)
{
	uint32_t	number = memory->free_row;

	if (number != CS_MEMORY_NONE)
	{
		memory->free_row = memory->rows[number].next;
		return number;
	}
	if (memory->row_count == memory->row_capacity)
	{
		size_t		capacity = grown(memory->row_capacity, CS_MEMORY_ROWS);
		HeldRow    *larger;

		if (capacity == memory->row_capacity)
			return CS_MEMORY_NONE;
		larger = realloc(memory->rows, capacity * sizeof(HeldRow));
		if (larger == NULL)
			return CS_MEMORY_NONE;
		memory->rows = larger;
		memory->row_capacity = capacity;
	}
	return (uint32_t) memory->row_count++;
}

/* Remember a row; not if memory is short, or its transaction has very many. */
void
cs_memory_add_row(SymbolMemory *memory, SymbolTransaction *transaction,
				  const SymbolRow *row)
{
	uint32_t	number;
	uint32_t	next;

	for (uint32_t at = transaction->rows; at != CS_MEMORY_NONE; at = next)
	{
		const SymbolRow *other = cs_memory_row(memory, at, &next);

		if (other->ordinal == row->ordinal &&
			other->direction == row->direction &&
			memcmp(other->account, row->account, sizeof(row->account)) == 0)
			return;
	}
	if (transaction->row_count == CS_MEMORY_ROWS_EACH)
		return;
	number = take_row(memory);
	while (number == CS_MEMORY_NONE && memory->used > 1 &&
		   memory->row_count == CS_MEMORY_ROWS)
	{
		forget_oldest(memory);
		number = take_row(memory);
	}
	if (number == CS_MEMORY_NONE)
		return;
	memory->rows[number].row = *row;
	memory->rows[number].next = transaction->rows;
	transaction->rows = number;
	transaction->row_count++;
}

/* ---------- reading ---------- */

const SymbolRow *
cs_memory_row(const SymbolMemory *memory, uint32_t at, uint32_t *next)
{
	*next = memory->rows[at].next;
	return &memory->rows[at].row;
}

size_t
cs_memory_size(const SymbolMemory *memory)
{
	return memory->transaction_count;
}

SymbolTransaction *
cs_memory_at(SymbolMemory *memory, size_t index)
{
	SymbolTransaction *transaction = &memory->transactions[index];

	return transaction->stage == SYMBOL_STAGE_FREE ? NULL : transaction;
}
