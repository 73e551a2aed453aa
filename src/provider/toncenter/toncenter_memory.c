/*-------------------------------------------------------------------------
 *
 * toncenter_memory.c
 *	  What was announced of each trace, and may have to be taken back.
 *
 * Rows of a trace are announced up to three times: as a guess (pending), in a
 * block that may be replaced (confirmed), and for good.  Announcements arrive
 * in any order.  This memory knows how far each row got, so that an older
 * announcement gives no row, and it knows the columns of those that are not
 * final, to write the same as removed when the server takes them back.
 *
 * A guess that is no longer part of its trace was overtaken, usually by the
 * real transaction, whose hash is another: that needs no row.  When the whole
 * trace is void, or a confirmed row has left it, it does.
 *
 * The memory is bounded, in traces, rows and age; what is forgotten cannot be
 * taken back.  A peer that sends traces without end costs no more than that.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "provider/identity.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

#define TRACES_MAX		10000
#define ROWS_MAX		20000
#define TRACE_ROWS_MAX	250
#define AGE_MAX_MS		600000

#define BUCKET_BITS		13
#define BUCKET_SHIFT	(64 - BUCKET_BITS)
#define BUCKETS			(1 << BUCKET_BITS)

/* How far a row got. */
typedef enum Rank
{
	RANK_REMOVED,
	RANK_PENDING,
	RANK_CONFIRMED,
	RANK_FINAL
} Rank;

/* A row that was announced. */
typedef struct Row
{
	uint64_t	key[2];			/* its identity, but for how far it got */
	Rank		rank;
	uint8_t		removals;		/* how often it was taken back */
	uint8_t		topic;
	uint8_t		link;
	uint32_t	stamp;			/* of the last notification that held it */
	CsRecord	columns;		/* unless it is final or removed */
	char	   *texts;			/* what they point into; owned */
} Row;

typedef struct Trace
{
	uint8_t		hash[CS_TON_HASH_LENGTH];
	struct Trace *next;			/* in its bucket */
	struct Trace *older;
	struct Trace *newer;
	int64_t		touched_ms;
	unsigned	final;			/* topics of which all was told */
	Row		   *rows;
	size_t		count;
	size_t		capacity;
} Trace;

struct ToncenterMemory
{
	Trace	   *buckets[BUCKETS];
	Trace	   *oldest;
	Trace	   *newest;
	size_t		traces;
	size_t		rows;
	uint32_t	stamp;			/* numbers the notifications */
};

struct ToncenterMemory *
cs_toncenter_memory_create(void)
{
	return calloc(1, sizeof(struct ToncenterMemory));
}

/* ---------- traces ---------- */

static Trace **
bucket_of(struct ToncenterMemory *memory, const uint8_t *hash)
{
	uint64_t	halves[2];

	memcpy(halves, hash, sizeof(halves));
	return &memory->buckets[((halves[0] ^ halves[1]) *
							 UINT64_C(0x9E3779B97F4A7C15)) >> BUCKET_SHIFT];
}

static Trace *
find_trace(struct ToncenterMemory *memory, const uint8_t *hash)
{
	Trace	   *trace = *bucket_of(memory, hash);

	while (trace != NULL &&
		   memcmp(trace->hash, hash, CS_TON_HASH_LENGTH) != 0)
		trace = trace->next;
	return trace;
}

/* Take a trace out of the list by age. */
static void
unchain(struct ToncenterMemory *memory, Trace *trace)
{
	if (trace->older != NULL)
		trace->older->newer = trace->newer;
	else
		memory->oldest = trace->newer;
	if (trace->newer != NULL)
		trace->newer->older = trace->older;
	else
		memory->newest = trace->older;
}

/* It is the newest now. */
static void
chain(struct ToncenterMemory *memory, Trace *trace, int64_t now_ms)
{
	trace->touched_ms = now_ms;
	trace->newer = NULL;
	trace->older = memory->newest;
	if (memory->newest != NULL)
		memory->newest->newer = trace;
	else
		memory->oldest = trace;
	memory->newest = trace;
}

static void
forget_trace(struct ToncenterMemory *memory, Trace *trace)
{
	Trace	  **place = bucket_of(memory, trace->hash);

	while (*place != trace)
		place = &(*place)->next;
	*place = trace->next;
	unchain(memory, trace);
	for (size_t i = 0; i < trace->count; i++)
		free(trace->rows[i].texts);
	memory->rows -= trace->count;
	memory->traces--;
	free(trace->rows);
	free(trace);
}

/* Make room for what may come. */
static void
forget_old(struct ToncenterMemory *memory, int64_t now_ms)
{
	while (memory->oldest != NULL &&
		   (memory->traces > TRACES_MAX || memory->rows > ROWS_MAX ||
			memory->oldest->touched_ms < now_ms - AGE_MAX_MS))
		forget_trace(memory, memory->oldest);
}

void
cs_toncenter_memory_free(struct ToncenterMemory *memory)
{
	while (memory != NULL && memory->oldest != NULL)
		forget_trace(memory, memory->oldest);
	free(memory);
}

/* The trace of a notification, made if need be; NULL: no memory. */
static Trace *
touch_trace(struct ToncenterMemory *memory, const ToncenterNotice *notice)
{
	Trace	   *trace = find_trace(memory, notice->trace);
	Trace	  **bucket = bucket_of(memory, notice->trace);

	if (trace != NULL)
		unchain(memory, trace);
	else
	{
		trace = calloc(1, sizeof(Trace));
		if (trace == NULL)
			return NULL;
		memcpy(trace->hash, notice->trace, CS_TON_HASH_LENGTH);
		trace->next = *bucket;
		*bucket = trace;
		memory->traces++;
	}
	chain(memory, trace, notice->now_ms);
	return trace;
}

/* ---------- rows ---------- */

static Rank
rank_of(CsStatus status)
{
	if (status == CS_STATUS_PENDING)
		return RANK_PENDING;
	return status == CS_STATUS_CONFIRMED ? RANK_CONFIRMED : RANK_FINAL;
}

static Row *
find_row(Trace *trace, const uint64_t key[2])
{
	for (size_t i = 0; i < trace->count; i++)
	{
		if (trace->rows[i].key[0] == key[0] && trace->rows[i].key[1] == key[1])
			return &trace->rows[i];
	}
	return NULL;
}

/* A new row of a trace; NULL: there is no room. */
static Row *
add_row(struct ToncenterMemory *memory, Trace *trace, const uint64_t key[2])
{
	Row		   *row;

	if (trace->count == TRACE_ROWS_MAX)
		return NULL;
	if (trace->count == trace->capacity)
	{
		size_t		wanted = trace->capacity ? 2 * trace->capacity : 4;
		Row		   *larger = realloc(trace->rows, wanted * sizeof(Row));

		if (larger == NULL)
			return NULL;
		trace->rows = larger;
		trace->capacity = wanted;
	}
	row = &trace->rows[trace->count++];
	memset(row, 0, sizeof(*row));
	memcpy(row->key, key, sizeof(row->key));
	memory->rows++;
	return row;
}

static void
forget_columns(Row *row)
{
	free(row->texts);
	row->texts = NULL;
}

/* The texts of a record that are columns. */
#define COLUMN_TEXTS 7

static void
list_texts(CsRecord *record, CsText *texts[COLUMN_TEXTS])
{
	texts[0] = &record->hash;
	texts[1] = &record->account;
	texts[2] = &record->counterparty;
	texts[3] = &record->amount;
	texts[4] = &record->asset;
	texts[5] = &record->fee;
	texts[6] = &record->transaction_hash;
}

/* Copy one text to *at*, which moves on; the record points there then. */
static char *
keep_text(char *at, CsText *text)
{
	if (text->data == NULL)
		return at;
	memcpy(at, text->data, text->length);
	at[text->length] = '\0';
	text->data = at;
	return at + text->length + 1;
}

/* Keep a copy of the columns; without memory the row cannot be taken back. */
static void
keep_columns(Row *row, const CsRecord *record)
{
	CsText	   *texts[COLUMN_TEXTS];
	CsText		kind = cs_piece(record->kind);
	size_t		length = kind.length + 1;
	char	   *at;

	forget_columns(row);
	row->columns = *record;
	row->columns.payload = row->columns.message = CS_NO_TEXT;
	list_texts(&row->columns, texts);
	for (int i = 0; i < COLUMN_TEXTS; i++)
		length += texts[i]->length + 1;
	row->texts = at = malloc(length);
	if (at == NULL)
		return;
	for (int i = 0; i < COLUMN_TEXTS; i++)
		at = keep_text(at, texts[i]);
	(void) keep_text(at, &kind);
	row->columns.kind = kind.data;
}

/* ---------- identities ---------- */

/* A row that was taken back and comes again is another. */
static void
finish_identity(uint64_t identity[2], const uint64_t key[2], CsStatus status,
				uint8_t removals)
{
	char		letter = (char) ('a' + (int) status);

	cs_identity(identity,
				(CsText[]) {cs_piece_bytes(key, 2 * sizeof(uint64_t)),
							{&letter, 1},
							cs_piece_bytes(&removals, sizeof(removals))},
				removals > 0 ? 3 : 2);
}

/* ---------- taking back ---------- */

/* Write a row again, as removed. */
static void
take_back(const ToncenterNotice *notice, Row *row)
{
	CsOutput   *output = notice->output;
	CsText	   *texts[COLUMN_TEXTS];
	CsRecord   *record;

	if (row->texts != NULL)
	{
		CsRecord	copy = row->columns;

		list_texts(&copy, texts);
		for (int i = 0; i < COLUMN_TEXTS; i++)
		{
			if (texts[i]->data != NULL)
				*texts[i] = cs_output_text(output, texts[i]->data,
										   texts[i]->length);
		}
		if (copy.kind != NULL)
			copy.kind = cs_output_string(output, copy.kind).data;
		record = cs_output_record(output);
		if (record != NULL && !cs_output_failed(output))
		{
			*record = copy;
			record->status = CS_STATUS_REMOVED;
			record->subscription_id =
				notice->ton->topics[row->topic].subscription_id;
			record->received_at = notice->received_at;
			record->payload = notice->text;
			finish_identity(record->identity, row->key, CS_STATUS_REMOVED,
							row->removals);
		}
	}
	forget_columns(row);
	row->rank = RANK_REMOVED;
	if (row->removals < UINT8_MAX)
		row->removals++;
}

void
cs_toncenter_invalidate(const ToncenterNotice *notice)
{
	struct ToncenterMemory *memory = notice->ton->memory;
	Trace	   *trace = find_trace(memory, notice->trace);

	if (trace == NULL)
		return;
	trace->final = 0;
	for (size_t i = 0; i < trace->count; i++)
	{
		Row		   *row = &trace->rows[i];

		if (row->rank == RANK_PENDING || row->rank == RANK_CONFIRMED)
			take_back(notice, row);
	}
}

/* Is the row's account served, so that its absence says something? */
static bool
is_served(const ToncenterNotice *notice, const Row *row)
{
	return row->texts == NULL || row->topic == TONCENTER_TRACE ||
		cs_session_watches(&notice->ton->base, row->columns.account);
}

/*
 * Rows that were announced before and are not in this notification: guesses
 * were overtaken; confirmed ones are void, if this tells all of the trace that
 * is on the chain.
 */
static void
sweep(const ToncenterNotice *notice, Trace *trace)
{
	struct ToncenterMemory *memory = notice->ton->memory;
	size_t		kept = 0;

	for (size_t i = 0; i < trace->count; i++)
	{
		Row		   *row = &trace->rows[i];
		bool		absent = row->topic == notice->topic &&
			row->link == (uint8_t) notice->link && row->stamp != memory->stamp;

		if (absent && row->rank == RANK_PENDING)
		{
			forget_columns(row);
			memory->rows--;
			continue;
		}
		if (absent && row->rank == RANK_CONFIRMED && !notice->emulated &&
			is_served(notice, row))
			take_back(notice, row);
		if (kept < i)
			trace->rows[kept] = *row;
		kept++;
	}
	trace->count = kept;
}

/* ---------- a notification ---------- */

/* Note a row.  Returns false if it is older than what is known. */
static bool
note_row(const ToncenterNotice *notice, Trace *trace, CsRecord *record)
{
	struct ToncenterMemory *memory = notice->ton->memory;
	Rank		rank = rank_of(record->status);
	Row		   *row = trace ? find_row(trace, record->identity) : NULL;
	uint64_t	key[2];

	memcpy(key, record->identity, sizeof(key));
	if (trace != NULL && rank != RANK_FINAL &&
		(trace->final & TONCENTER_BIT(notice->topic)))
		return false;
	if (row != NULL && rank < row->rank)
	{
		row->stamp = memory->stamp;
		return false;
	}
	finish_identity(record->identity, key, record->status,
					row ? row->removals : 0);
	if (row == NULL && trace != NULL)
		row = add_row(memory, trace, key);
	if (row == NULL)
		return true;
	row->rank = rank;
	row->topic = (uint8_t) notice->topic;
	row->link = (uint8_t) notice->link;
	row->stamp = memory->stamp;
	if (rank == RANK_FINAL)
		forget_columns(row);
	else
		keep_columns(row, record);
	return true;
}

void
cs_toncenter_memory_move(struct ToncenterMemory *memory, int from, int to)
{
	for (Trace *trace = memory->oldest; trace != NULL; trace = trace->newer)
	{
		for (size_t i = 0; i < trace->count; i++)
		{
			if (trace->rows[i].link == (uint8_t) from)
				trace->rows[i].link = (uint8_t) to;
		}
	}
}

void
cs_toncenter_settle(const ToncenterNotice *notice, size_t first)
{
	struct ToncenterMemory *memory = notice->ton->memory;
	CsOutput   *output = notice->output;
	CsRecord   *records = (CsRecord *) cs_output_records(output);
	size_t		count = cs_output_record_count(output);
	Trace	   *trace = NULL;
	size_t		kept = first;

	memory->stamp++;
	forget_old(memory, notice->now_ms);
	if (notice->has_trace && (count > first ||
							  find_trace(memory, notice->trace) != NULL))
		trace = touch_trace(memory, notice);
	for (size_t i = first; i < count; i++)
	{
		if (note_row(notice, trace, &records[i]))
			records[kept++] = records[i];
	}
	cs_output_truncate_records(output, kept);
	if (trace == NULL)
		return;
	sweep(notice, trace);
	if (notice->finality == CS_STATUS_FINALIZED)
		trace->final |= TONCENTER_BIT(notice->topic);
}
