/*-------------------------------------------------------------------------
 *
 * output.c
 *	  What the calls of a session produced: records, actions and their texts.
 *
 * Texts live in an arena of chunks that are handed out from front to back
 * and taken back all at once, so that a busy source allocates nothing.  After
 * a flood, what is more than an ordinary batch needs is given back.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/output.h"

#include <stdlib.h>
#include <string.h>

/* Size of an ordinary chunk's data; a longer text gets its own. */
#define CHUNK_SIZE		((size_t) 64 * 1024)

/* What a reset keeps for the next batch. */
#define KEEP_CHUNKS		16
#define KEEP_ENTRIES	4096

typedef struct Chunk
{
	struct Chunk *next;
	size_t		size;
	size_t		used;
	char		data[];
} Chunk;

struct CsOutput
{
	CsRecord   *records;
	size_t		record_count;
	size_t		record_capacity;
	CsAction   *actions;
	size_t		action_count;
	size_t		action_capacity;
	Chunk	   *first;			/* chunks in use, then recycled ones */
	Chunk	   *current;		/* the last in use; NULL: none is */
	size_t		bytes;			/* in use by chunks up to *current* */
	bool		failed;
};

/*
 * A new, empty output; NULL if memory is short.
 */
CsOutput *
cs_output_create(void)
{
	return calloc(1, sizeof(CsOutput));
}

/*
 * Free it with everything in it; NULL is fine.
 */
void
cs_output_free(CsOutput *output)
{
	if (output == NULL)
		return;
	while (output->first != NULL)
	{
		Chunk	   *chunk = output->first;

		output->first = chunk->next;
		free(chunk);
	}
	free(output->records);
	free(output->actions);
	free(output);
}

/* Take all chunks back, and keep a few of ordinary size. */
static void
recycle_chunks(CsOutput *output)
{
	Chunk	   *chunk = output->first;
	int			kept = 0;

	output->first = NULL;
	output->current = NULL;
	output->bytes = 0;
	while (chunk != NULL)
	{
		Chunk	   *next = chunk->next;

		if (chunk->size == CHUNK_SIZE && kept < KEEP_CHUNKS)
		{
			chunk->used = 0;
			chunk->next = output->first;
			output->first = chunk;
			kept++;
		}
		else
			free(chunk);
		chunk = next;
	}
}

/*
 * Forget everything, and that anything failed.
 */
void
cs_output_reset(CsOutput *output)
{
	recycle_chunks(output);
	output->record_count = 0;
	output->action_count = 0;
	output->failed = false;
	if (output->record_capacity > KEEP_ENTRIES)
	{
		free(output->records);
		output->records = NULL;
		output->record_capacity = 0;
	}
	if (output->action_capacity > KEEP_ENTRIES)
	{
		free(output->actions);
		output->actions = NULL;
		output->action_capacity = 0;
	}
}

/*
 * Forget the actions; their texts stay in the arena until the next reset.
 */
void
cs_output_reset_actions(CsOutput *output)
{
	output->action_count = 0;
}

/*
 * Forget the records after the first *count*; their texts stay in the arena.
 */
void
cs_output_truncate_records(CsOutput *output, size_t count)
{
	if (count < output->record_count)
		output->record_count = count;
}

/*
 * Forget one record; those behind it move up.
 */
void
cs_output_remove_record(CsOutput *output, size_t index)
{
	if (index >= output->record_count)
		return;
	output->record_count--;
	memmove(&output->records[index], &output->records[index + 1],
			(output->record_count - index) * sizeof(CsRecord));
}

/*
 * Remember how much there is now, for cs_output_rollback().
 */
CsOutputMark
cs_output_mark(const CsOutput *output)
{
	return (CsOutputMark) {
		.records = output->record_count,
		.actions = output->action_count,
		.chunk = output->current,
		.used = output->current ? output->current->used : 0,
		.bytes = output->bytes,
	};
}

/*
 * Take back what was added after the mark was made.  The output must not
 * have been reset in between.
 */
void
cs_output_rollback(CsOutput *output, const CsOutputMark *mark)
{
	output->record_count = mark->records;
	output->action_count = mark->actions;
	output->bytes = mark->bytes;
	output->current = mark->chunk;
	if (output->current != NULL)
		output->current->used = mark->used;
}

size_t
cs_output_record_count(const CsOutput *output)
{
	return output->record_count;
}

const CsRecord *
cs_output_records(const CsOutput *output)
{
	return output->records;
}

size_t
cs_output_action_count(const CsOutput *output)
{
	return output->action_count;
}

const CsAction *
cs_output_actions(const CsOutput *output)
{
	return output->actions;
}

size_t
cs_output_bytes(const CsOutput *output)
{
	return output->bytes + output->record_count * sizeof(CsRecord) +
		output->action_count * sizeof(CsAction);
}

void
cs_output_fail(CsOutput *output)
{
	output->failed = true;
}

bool
cs_output_failed(const CsOutput *output)
{
	return output->failed;
}

/*
 * Make room for one more entry in an array.  Returns false if memory is
 * short.
 */
static bool
reserve(void **entries, size_t *capacity, size_t count, size_t size)
{
	size_t		wanted = *capacity ? *capacity * 2 : 64;
	void	   *larger;

	if (count < *capacity)
		return true;
	if (wanted > SIZE_MAX / 2 / size)
		return false;
	larger = realloc(*entries, wanted * size);
	if (larger == NULL)
		return false;
	*entries = larger;
	*capacity = wanted;
	return true;
}

/*
 * A new record, every member absent.  It stays where it is only until the
 * next one is made.
 */
CsRecord *
cs_output_record(CsOutput *output)
{
	CsRecord   *record;

	if (!reserve((void **) &output->records, &output->record_capacity,
				 output->record_count, sizeof(CsRecord)))
	{
		output->failed = true;
		return NULL;
	}
	record = &output->records[output->record_count++];
	memset(record, 0, sizeof(*record));
	record->occurred_at = CS_NO_NUMBER;
	record->height = CS_NO_NUMBER;
	record->transaction_count = CS_NO_NUMBER;
	return record;
}

/*
 * Begin to use another chunk that holds at least *size* bytes: the next
 * recycled one if it does, else a new one.
 */
static bool
next_chunk(CsOutput *output, size_t size)
{
	Chunk	  **place = output->current ? &output->current->next :
		&output->first;
	Chunk	   *chunk = *place;

	if (chunk == NULL || chunk->size < size)
	{
		size_t		wanted = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		if (wanted > SIZE_MAX - sizeof(Chunk))
			return false;
		chunk = malloc(sizeof(Chunk) + wanted);
		if (chunk == NULL)
			return false;
		chunk->size = wanted;
		chunk->next = *place;
		*place = chunk;
	}
	chunk->used = 0;
	output->current = chunk;
	output->bytes += sizeof(Chunk) + chunk->size;
	return true;
}

/*
 * Memory in the arena, not initialized and not aligned: for text.  NULL if
 * memory is short.
 */
char *
cs_output_alloc(CsOutput *output, size_t size)
{
	Chunk	   *chunk = output->current;
	char	   *result;

	if (chunk == NULL || chunk->size - chunk->used < size)
	{
		if (!next_chunk(output, size))
		{
			output->failed = true;
			return NULL;
		}
		chunk = output->current;
	}
	result = chunk->data + chunk->used;
	chunk->used += size;
	return result;
}

/*
 * Copy a text into the arena.  Absent if *data* is NULL or memory is short.
 */
CsText
cs_output_text(CsOutput *output, const char *data, size_t length)
{
	char	   *copy;

	if (data == NULL || length == SIZE_MAX)
		return CS_NO_TEXT;
	copy = cs_output_alloc(output, length + 1);
	if (copy == NULL)
		return CS_NO_TEXT;
	memcpy(copy, data, length);
	copy[length] = '\0';
	return (CsText) {copy, length};
}

CsText
cs_output_string(CsOutput *output, const char *string)
{
	return cs_output_text(output, string, string ? strlen(string) : 0);
}

/* A new action; NULL if memory is short. */
static CsAction *
add_action(CsOutput *output, CsActionKind kind)
{
	CsAction   *action;

	if (!reserve((void **) &output->actions, &output->action_capacity,
				 output->action_count, sizeof(CsAction)))
	{
		output->failed = true;
		return NULL;
	}
	action = &output->actions[output->action_count++];
	memset(action, 0, sizeof(*action));
	action->kind = kind;
	return action;
}

void
cs_output_set_message(CsOutput *output, const CsOutputMark *mark,
					  CsText message)
{
	for (size_t i = mark->records; i < output->record_count; i++)
		output->records[i].message = message;
}

/*
 * Ask for a link to be opened, closed or reset.
 */
void
cs_output_link(CsOutput *output, CsActionKind kind, int link,
			   const char *detail)
{
	CsText		text = cs_output_string(output, detail);
	CsAction   *action = add_action(output, kind);

	if (action == NULL)
		return;
	action->link = link;
	action->text = text;
}

/*
 * Send text on a link.  Nothing is sent if memory is too short for all of it.
 */
void
cs_output_send(CsOutput *output, int link, const char *text, size_t length)
{
	CsText		copy = cs_output_text(output, text, length);
	CsAction   *action;

	if (copy.data == NULL)
		return;
	action = add_action(output, CS_ACTION_SEND);
	if (action == NULL)
		return;
	action->link = link;
	action->text = copy;
}

static void
add_state(CsOutput *output, CsActionKind kind, int64_t id, CsState state,
		  const char *detail)
{
	CsText		text = cs_output_string(output, detail);
	CsAction   *action = add_action(output, kind);

	if (action == NULL)
		return;
	action->id = id;
	action->state = state;
	action->text = text;
}

void
cs_output_subscription_state(CsOutput *output, int64_t id, CsState state,
							 const char *detail)
{
	add_state(output, CS_ACTION_SUBSCRIPTION_STATE, id, state, detail);
}

void
cs_output_watch_state(CsOutput *output, int64_t id, CsState state,
					  const char *detail)
{
	add_state(output, CS_ACTION_WATCH_STATE, id, state, detail);
}

/*
 * Remember a position of the stream.
 */
void
cs_output_cursor(CsOutput *output, const char *scope, const char *position)
{
	CsText		text = cs_output_string(output, position);
	CsText		scope_copy = cs_output_string(output, scope);
	CsAction   *action;

	if (text.data == NULL || scope_copy.data == NULL)
		return;
	action = add_action(output, CS_ACTION_CURSOR);
	if (action == NULL)
		return;
	action->scope = scope_copy.data;
	action->text = text;
}

/*
 * Ask something by HTTP; the caller fills the request in.
 */
CsRequest *
cs_output_request(CsOutput *output, int64_t id)
{
	char	   *room = cs_output_alloc(output, sizeof(CsRequest) +
									   _Alignof(CsRequest) - 1);
	CsRequest  *request;
	CsAction   *action;

	if (room == NULL)
		return NULL;

	/* The arena is one for texts, which begin anywhere. */
	room += -(uintptr_t) room & (_Alignof(CsRequest) - 1);
	request = (CsRequest *) room;
	action = add_action(output, CS_ACTION_REQUEST);
	if (action == NULL)
		return NULL;
	memset(request, 0, sizeof(*request));
	request->id = id;
	action->request = request;
	return request;
}
