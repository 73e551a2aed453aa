/*-------------------------------------------------------------------------
 *
 * inbox.c
 *	  Messages and events, in the order in which they came.
 *
 * Messages lie one behind the other in large chunks that are used again and
 * again, so that receiving one costs a copy and no allocation.  A chunk can be
 * reused when every message in it was taken and released.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "wire/wire_internal.h"

#define CHUNK_SIZE ((size_t) 1024 * 1024)

struct CsChunk
{
	CsChunk    *next;
	size_t		size;
	size_t		used;
	size_t		waiting;		/* messages not taken yet */
	size_t		taken_bytes;	/* of messages taken and not released */
	char		data[];
};

static CsChunk *
get_chunk(CsInbox *inbox, size_t needed)
{
	CsChunk    *chunk = inbox->spare;
	size_t		size = needed > CHUNK_SIZE ? needed : CHUNK_SIZE;

	if (chunk != NULL && needed <= chunk->size)
		inbox->spare = chunk->next;
	else
	{
		chunk = malloc(sizeof(CsChunk) + size);
		if (chunk == NULL)
			return NULL;
		chunk->size = size;
	}
	chunk->used = chunk->waiting = chunk->taken_bytes = 0;
	chunk->next = inbox->chunks;
	inbox->chunks = chunk;
	return chunk;
}

char *
cs_inbox_alloc(CsInbox *inbox, size_t length, CsChunk **chunk)
{
	char	   *place;

	*chunk = inbox->chunks;
	if (*chunk == NULL || (*chunk)->size - (*chunk)->used < length + 1)
		*chunk = get_chunk(inbox, length + 1);
	if (*chunk == NULL)
		return NULL;
	place = (*chunk)->data + (*chunk)->used;
	place[length] = '\0';
	(*chunk)->used += length + 1;
	inbox->bytes += length + 1;
	return place;
}

static bool
grow_queue(CsInbox *inbox)
{
	size_t		capacity = inbox->queue_capacity ? inbox->queue_capacity * 2 : 256;
	CsQueued   *queue = malloc(capacity * sizeof(CsQueued));

	if (queue == NULL)
		return false;
	for (size_t i = 0; i < inbox->queue_count; i++)
		queue[i] = inbox->queue[(inbox->queue_first + i) % inbox->queue_capacity];
	free(inbox->queue);
	inbox->queue = queue;
	inbox->queue_capacity = capacity;
	inbox->queue_first = 0;
	return true;
}

bool
cs_inbox_put(CsInbox *inbox, const CsWireEvent *event, CsChunk *chunk)
{
	CsQueued   *queued;

	if (inbox->queue_count == inbox->queue_capacity && !grow_queue(inbox))
		return false;
	queued = &inbox->queue[(inbox->queue_first + inbox->queue_count++) % inbox->queue_capacity];
	queued->event = *event;
	queued->chunk = chunk;
	if (chunk != NULL)
		chunk->waiting++;
	return true;
}

bool
cs_inbox_take(CsInbox *inbox, CsWireEvent *event)
{
	CsQueued   *queued;

	if (inbox->queue_count == 0)
		return false;
	queued = &inbox->queue[inbox->queue_first];
	inbox->queue_first = (inbox->queue_first + 1) % inbox->queue_capacity;
	inbox->queue_count--;
	*event = queued->event;
	if (queued->chunk != NULL)
	{
		queued->chunk->waiting--;
		queued->chunk->taken_bytes += event->length + 1;
	}
	return true;
}

void
cs_inbox_release(CsInbox *inbox)
{
	CsChunk   **link = &inbox->chunks;

	while (*link != NULL)
	{
		CsChunk    *chunk = *link;

		inbox->bytes -= chunk->taken_bytes;
		chunk->taken_bytes = 0;
		if (chunk->waiting > 0)
		{
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		if (chunk->size > CHUNK_SIZE)
			free(chunk);
		else
		{
			chunk->next = inbox->spare;
			inbox->spare = chunk;
		}
	}
}

static void
free_chunks(CsChunk *chunk)
{
	while (chunk != NULL)
	{
		CsChunk    *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void
cs_inbox_free(CsInbox *inbox)
{
	free_chunks(inbox->chunks);
	free_chunks(inbox->spare);
	free(inbox->queue);
	memset(inbox, 0, sizeof(*inbox));
}
