/*-------------------------------------------------------------------------
 *
 * inbox.c
 *	  Events and received messages waiting for the consumer.
 *
 * Events are entries of a ring that grows.  The text of messages lies in
 * chunks: a message is copied once, behind the one before it, and a chunk is
 * used again when all its messages have been released, so that a steady
 * stream allocates nothing.  A message too large for that brings its own
 * memory along and becomes a chunk of its own.
 *
 * What must be reported whatever happens (a connection opened, it closed) has
 * its entry reserved beforehand; only adding a message can fail.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "wire/internal.h"

#define CHUNK_MAX ((size_t) 1024 * 1024)
#define CHUNK_MIN ((size_t) 64 * 1024)
#define SPARES_MAX 8

struct CsChunk
{
	CsChunk    *next;
	char	   *data;
	size_t		size;
	size_t		used;
	size_t		stored;			/* messages in it */
	size_t		taken;			/* of those, taken */
	bool		own;			/* data was allocated apart: not reusable */
};

/*
 * An empty inbox, for a consumer that wants to hold about *limit* bytes.
 */
void
cs_inbox_init(CsInbox *inbox, size_t limit)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->chunk_size = limit / 4;
	if (inbox->chunk_size > CHUNK_MAX)
		inbox->chunk_size = CHUNK_MAX;
	if (inbox->chunk_size < CHUNK_MIN)
		inbox->chunk_size = CHUNK_MIN;
}

static void
chunk_free(CsChunk *chunk)
{
	if (chunk->own)
		free(chunk->data);
	free(chunk);
}

static void
chunks_free(CsChunk *chunk)
{
	while (chunk != NULL)
	{
		CsChunk    *next = chunk->next;

		chunk_free(chunk);
		chunk = next;
	}
}

/*
 * Free everything; messages taken and not released become invalid.
 */
void
cs_inbox_free(CsInbox *inbox)
{
	chunks_free(inbox->chunks);
	chunks_free(inbox->spares);
	free(inbox->ring);
	memset(inbox, 0, sizeof(*inbox));
}

/* Room for *more* entries beyond those there and those reserved. */
static bool
ring_grow(CsInbox *inbox, size_t more)
{
	size_t		needed = inbox->count + inbox->reserved + more;
	size_t		capacity = inbox->capacity == 0 ? 64 : inbox->capacity;
	CsEntry    *ring;

	if (needed <= inbox->capacity)
		return true;
	while (capacity < needed)
		capacity *= 2;
	ring = malloc(capacity * sizeof(*ring));
	if (ring == NULL)
		return false;
	for (size_t i = 0; i < inbox->count; i++)
		ring[i] = inbox->ring[(inbox->first + i) & (inbox->capacity - 1)];
	free(inbox->ring);
	inbox->ring = ring;
	inbox->capacity = capacity;
	inbox->first = 0;
	return true;
}

/*
 * Keep room for *more* entries, each to be used by one cs_inbox_push().
 * Returns false if memory is short.
 */
bool
cs_inbox_reserve(CsInbox *inbox, size_t more)
{
	if (!ring_grow(inbox, more))
		return false;
	inbox->reserved += more;
	return true;
}

static CsEntry *
ring_append(CsInbox *inbox)
{
	return &inbox->ring[(inbox->first + inbox->count++) & (inbox->capacity - 1)];
}

/*
 * Add an event without data, in an entry reserved for it.
 */
void
cs_inbox_push(CsInbox *inbox, CsWireEventKind kind, CsConnection *connection)
{
	CsEntry    *entry;

	inbox->reserved--;
	entry = ring_append(inbox);
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->connection = connection;
}

/* Make a chunk with room for *size* bytes current; false: no memory. */
static bool
chunk_begin(CsInbox *inbox, size_t size)
{
	CsChunk    *chunk = inbox->spares;

	if (size <= inbox->chunk_size && chunk != NULL)
	{
		inbox->spares = chunk->next;
		inbox->spare_count--;
	}
	else
	{
		if (size < inbox->chunk_size)
			size = inbox->chunk_size;
		chunk = malloc(sizeof(*chunk) + size);
		if (chunk == NULL)
			return false;
		memset(chunk, 0, sizeof(*chunk));
		chunk->data = (char *) (chunk + 1);
		chunk->size = size;
	}
	chunk->next = inbox->chunks;
	inbox->chunks = chunk;
	inbox->current = chunk;
	return true;
}

/* The entry of a message that lies in *chunk*. */
static void
message_append(CsInbox *inbox, CsChunk *chunk, CsConnection *connection,
			   const char *data, size_t length, bool binary,
			   int64_t received_at)
{
	CsEntry    *entry = ring_append(inbox);

	chunk->stored++;
	inbox->bytes += length + sizeof(*entry);
	entry->kind = CS_WIRE_MESSAGE;
	entry->binary = binary;
	entry->connection = connection;
	entry->chunk = chunk;
	entry->data = data;
	entry->length = length;
	entry->received_at = received_at;
}

/*
 * Copy a whole message in.  Returns false if memory is short.
 */
bool
cs_inbox_add(CsInbox *inbox, CsConnection *connection, const char *data,
			 size_t length, bool binary, int64_t received_at)
{
	CsChunk    *chunk = inbox->current;
	char	   *copy;

	if (!ring_grow(inbox, 1))
		return false;
	if (chunk == NULL || chunk->size - chunk->used < length + 1)
	{
		if (!chunk_begin(inbox, length + 1))
			return false;
		chunk = inbox->current;
	}
	copy = chunk->data + chunk->used;
	if (length > 0)
		memcpy(copy, data, length);
	copy[length] = '\0';
	chunk->used += length + 1;
	message_append(inbox, chunk, connection, copy, length, binary, received_at);
	return true;
}

/*
 * Take over a whole message: *data* has room for *length* + 1 bytes and came
 * from malloc.  Returns false, and leaves it with the caller, if memory is
 * short.
 */
bool
cs_inbox_adopt(CsInbox *inbox, CsConnection *connection, char *data,
			   size_t length, bool binary, int64_t received_at)
{
	CsChunk    *chunk;

	if (!ring_grow(inbox, 1))
		return false;
	chunk = calloc(1, sizeof(*chunk));
	if (chunk == NULL)
		return false;
	chunk->own = true;
	chunk->data = data;
	chunk->size = chunk->used = length + 1;
	data[length] = '\0';
	chunk->next = inbox->chunks;
	inbox->chunks = chunk;
	message_append(inbox, chunk, connection, data, length, binary, received_at);
	return true;
}

/*
 * Take the oldest event.  A message stays valid until cs_inbox_release().
 */
bool
cs_inbox_take(CsInbox *inbox, CsEntry *entry)
{
	if (inbox->count == 0)
		return false;
	*entry = inbox->ring[inbox->first];
	inbox->first = (inbox->first + 1) & (inbox->capacity - 1);
	inbox->count--;
	if (entry->chunk != NULL)
	{
		entry->chunk->taken++;
		inbox->taken_bytes += entry->length + sizeof(*entry);
	}
	return true;
}

/*
 * Forget all messages taken so far.
 */
void
cs_inbox_release(CsInbox *inbox)
{
	CsChunk   **link = &inbox->chunks;

	inbox->bytes -= inbox->taken_bytes;
	inbox->taken_bytes = 0;
	while (*link != NULL)
	{
		CsChunk    *chunk = *link;

		if (chunk->taken < chunk->stored)
		{
			link = &chunk->next;
			continue;
		}
		chunk->used = chunk->stored = chunk->taken = 0;
		if (chunk == inbox->current)
		{
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		if (chunk->own || chunk->size > inbox->chunk_size ||
			inbox->spare_count >= SPARES_MAX)
		{
			chunk_free(chunk);
			continue;
		}
		chunk->next = inbox->spares;
		inbox->spares = chunk;
		inbox->spare_count++;
	}
}
