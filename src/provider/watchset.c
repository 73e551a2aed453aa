/*-------------------------------------------------------------------------
 *
 * watchset.c
 *	  The watch list of a session.
 *
 * Open addressing with linear probing.  A slot holds 32 bits of the hash and
 * a 32-bit handle of the entry, so that a look-up that finds nothing (most
 * do) touches a slot or two and no entry.  An entry that is removed leaves no
 * tombstone: those behind it move up.
 *
 * Entries never move.  They are cut from chunks in multiples of eight bytes,
 * and a removed one is kept for the next of its size.  A handle is a chunk's
 * number and the place in it.
 *
 * Memory per 65-character address: 80 bytes of entry, 11 to 21 of slots, 8 to
 * 16 of queue.
 *
 * Targets are given by users, but looked up with what peers send, so the hash
 * has a secret seed: nobody outside can make look-ups slow.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/watchset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT			8
#define CHUNK_UNITS		8192	/* 64 kB */
#define CHUNK_SHIFT		13

/* Units of the largest entry. */
#define CLASSES			((sizeof(CsWatch) + CS_TARGET_MAX) / UNIT + 1)

#define SLOTS_MIN		16
#define QUEUE_MIN		16

#define NO_HANDLE		UINT32_MAX

typedef struct Slot
{
	uint32_t	tag;			/* upper half of the hash */
	uint32_t	handle;			/* or NO_HANDLE */
} Slot;

struct CsWatchSet
{
	uint64_t	seed[2];
	Slot	   *slots;
	size_t		slot_count;		/* a power of two, or 0 */
	size_t		count;

	char	  **chunks;
	size_t		chunk_count;
	size_t		chunk_capacity;
	size_t		used_units;		/* of the last chunk */
	uint32_t	free_list[CLASSES]; /* by size in units */

	CsWatch   **queue;			/* a ring */
	size_t		queue_capacity; /* a power of two, or 0 */
	size_t		queue_start;
	size_t		queue_count;
};

/*
 * A new, empty set; NULL if memory is short.
 */
CsWatchSet *
cs_watchset_create(void)
{
	CsWatchSet *set = calloc(1, sizeof(CsWatchSet));

	if (set == NULL)
		return NULL;
	for (size_t i = 0; i < CLASSES; i++)
		set->free_list[i] = NO_HANDLE;

	/* Without entropy the set works all the same; only flooding is easier. */
	if (getentropy(set->seed, sizeof(set->seed)) != 0)
	{
		set->seed[0] = (uint64_t) (uintptr_t) set;
		set->seed[1] = ~set->seed[0];
	}
	return set;
}

/*
 * Free it with all entries; NULL is fine.
 */
void
cs_watchset_free(CsWatchSet *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->chunk_count; i++)
		free(set->chunks[i]);
	free(set->chunks);
	free(set->slots);
	free(set->queue);
	free(set);
}

/* Both halves of the product of two 64-bit numbers, folded into one. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
#else
	uint64_t	low = (a & UINT32_MAX) * (b & UINT32_MAX);
	uint64_t	middle = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t	other = (a & UINT32_MAX) * (b >> 32) + (middle & UINT32_MAX);
	uint64_t	high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);

	return (other << 32 | (low & UINT32_MAX)) ^ high;
#endif
}

/* A keyed hash, eight bytes at a time. */
static uint64_t
hash_target(const CsWatchSet *set, CsWatchKind kind, const char *target,
			size_t length)
{
	uint64_t	hash = set->seed[0] ^ (length << 8 | kind);
	uint64_t	word;

	while (length >= 8)
	{
		memcpy(&word, target, 8);
		hash = fold(hash ^ word, set->seed[1] | 1);
		target += 8;
		length -= 8;
	}
	word = 0;
	memcpy(&word, target, length);
	hash = fold(hash ^ word, set->seed[1] | 1);
	return fold(hash, UINT64_C(0x9E3779B97F4A7C15));
}

static CsWatch *
entry_at(const CsWatchSet *set, uint32_t handle)
{
	size_t		place = handle & (CHUNK_UNITS - 1);

	return (CsWatch *) (set->chunks[handle >> CHUNK_SHIFT] + place * UNIT);
}

/*
 * The slot of an entry, or the empty one where it belongs.  The table must
 * have an empty slot.
 */
static size_t
find_slot(const CsWatchSet *set, uint64_t hash, CsWatchKind kind,
		  const char *target, size_t length)
{
	size_t		mask = set->slot_count - 1;
	size_t		at = hash & mask;
	uint32_t	tag = (uint32_t) (hash >> 32);

	for (;; at = (at + 1) & mask)
	{
		const Slot *slot = &set->slots[at];
		const CsWatch *watch;

		if (slot->handle == NO_HANDLE)
			return at;
		if (slot->tag != tag)
			continue;
		watch = entry_at(set, slot->handle);
		if (watch->length == length && watch->kind == kind &&
			memcmp(watch->target, target, length) == 0)
			return at;
	}
}

CsWatch *
cs_watchset_find(const CsWatchSet *set, CsWatchKind kind, const char *target,
				 size_t length)
{
	size_t		at;

	if (set->count == 0)
		return NULL;
	at = find_slot(set, hash_target(set, kind, target, length), kind, target,
				   length);
	if (set->slots[at].handle == NO_HANDLE)
		return NULL;
	return entry_at(set, set->slots[at].handle);
}

/* Hash of an entry that is in the set. */
static uint64_t
hash_entry(const CsWatchSet *set, const CsWatch *watch)
{
	return hash_target(set, (CsWatchKind) watch->kind, watch->target,
					   watch->length);
}

/* Make sure that one more entry leaves a quarter of the slots empty. */
static bool
grow_slots(CsWatchSet *set)
{
	size_t		wanted = set->slot_count ? set->slot_count * 2 : SLOTS_MIN;
	Slot	   *slots;

	if ((set->count + 1) * 4 <= set->slot_count * 3)
		return true;
	slots = malloc(wanted * sizeof(Slot));
	if (slots == NULL)
		return false;
	memset(slots, 0xFF, wanted * sizeof(Slot));
	for (size_t i = 0; i < set->slot_count; i++)
	{
		size_t		at;

		if (set->slots[i].handle == NO_HANDLE)
			continue;
		at = hash_entry(set, entry_at(set, set->slots[i].handle)) &
			(wanted - 1);
		while (slots[at].handle != NO_HANDLE)
			at = (at + 1) & (wanted - 1);
		slots[at] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->slot_count = wanted;
	return true;
}

/* Make sure that every entry, and one more, has room in the queue. */
static bool
grow_queue(CsWatchSet *set)
{
	size_t		wanted = set->queue_capacity ? set->queue_capacity * 2 :
		QUEUE_MIN;
	CsWatch   **queue;

	if (set->count < set->queue_capacity)
		return true;
	queue = malloc(wanted * sizeof(CsWatch *));
	if (queue == NULL)
		return false;
	for (size_t i = 0; i < set->queue_count; i++)
		queue[i] = cs_watchset_peek(set, i);
	free(set->queue);
	set->queue = queue;
	set->queue_capacity = wanted;
	set->queue_start = 0;
	return true;
}

/* Begin another chunk. */
static bool
grow_chunks(CsWatchSet *set)
{
	char	   *chunk;

	if (set->chunk_count == set->chunk_capacity)
	{
		size_t		wanted = set->chunk_capacity ? set->chunk_capacity * 2 : 8;
		char	  **chunks;

		if (wanted > (UINT32_MAX >> CHUNK_SHIFT))
			return false;
		chunks = realloc(set->chunks, wanted * sizeof(char *));
		if (chunks == NULL)
			return false;
		set->chunks = chunks;
		set->chunk_capacity = wanted;
	}
	chunk = malloc((size_t) CHUNK_UNITS * UNIT);
	if (chunk == NULL)
		return false;
	set->chunks[set->chunk_count++] = chunk;
	set->used_units = 0;
	return true;
}

static size_t
units_for(size_t length)
{
	return (offsetof(CsWatch, target) + length + 1 + UNIT - 1) / UNIT;
}

/* Memory for an entry of so many units; NO_HANDLE: there is none. */
static uint32_t
take_units(CsWatchSet *set, size_t units)
{
	uint32_t	handle = set->free_list[units];

	if (handle != NO_HANDLE)
	{
		memcpy(&set->free_list[units], entry_at(set, handle),
			   sizeof(uint32_t));
		return handle;
	}
	if (set->chunk_count == 0 || set->used_units + units > CHUNK_UNITS)
	{
		if (!grow_chunks(set))
			return NO_HANDLE;
	}
	handle = (uint32_t) ((set->chunk_count - 1) << CHUNK_SHIFT |
						 set->used_units);
	set->used_units += units;
	return handle;
}

/*
 * Find or make an entry.
 */
CsWatch *
cs_watchset_add(CsWatchSet *set, CsWatchKind kind, const char *target,
				size_t length)
{
	uint64_t	hash = hash_target(set, kind, target, length);
	uint32_t	handle;
	CsWatch    *watch;
	size_t		at;

	if (length >= CS_TARGET_MAX)
		return NULL;
	if (!grow_slots(set) || !grow_queue(set))
		return NULL;
	at = find_slot(set, hash, kind, target, length);
	if (set->slots[at].handle != NO_HANDLE)
		return entry_at(set, set->slots[at].handle);

	handle = take_units(set, units_for(length));
	if (handle == NO_HANDLE)
		return NULL;
	watch = entry_at(set, handle);
	watch->watch_id = 0;
	watch->kind = (uint8_t) kind;
	watch->flags = 0;
	watch->epoch = 0;
	watch->length = (uint8_t) length;
	memcpy(watch->target, target, length);
	watch->target[length] = '\0';
	set->slots[at] = (Slot) {(uint32_t) (hash >> 32), handle};
	set->count++;
	return watch;
}

/* Empty a slot, and move up those behind it that may be. */
static void
clear_slot(CsWatchSet *set, size_t hole)
{
	size_t		mask = set->slot_count - 1;
	size_t		at = hole;

	for (;;)
	{
		size_t		home;

		at = (at + 1) & mask;
		if (set->slots[at].handle == NO_HANDLE)
			break;
		home = hash_entry(set, entry_at(set, set->slots[at].handle)) & mask;

		/* It may move if its home is not between the hole and itself. */
		if (((at - home) & mask) >= ((at - hole) & mask))
		{
			set->slots[hole] = set->slots[at];
			hole = at;
		}
	}
	set->slots[hole].handle = NO_HANDLE;
}

/* Give everything back that an empty set does not need. */
static void
shrink(CsWatchSet *set)
{
	for (size_t i = 0; i < set->chunk_count; i++)
		free(set->chunks[i]);
	free(set->chunks);
	free(set->slots);
	free(set->queue);
	set->chunks = NULL;
	set->slots = NULL;
	set->queue = NULL;
	set->chunk_count = set->chunk_capacity = set->used_units = 0;
	set->slot_count = 0;
	set->queue_capacity = set->queue_start = 0;
	for (size_t i = 0; i < CLASSES; i++)
		set->free_list[i] = NO_HANDLE;
}

/*
 * Forget an entry; *watch* is no longer valid.
 */
void
cs_watchset_remove(CsWatchSet *set, CsWatch *watch)
{
	size_t		units = units_for(watch->length);
	size_t		at = find_slot(set, hash_entry(set, watch),
							   (CsWatchKind) watch->kind, watch->target,
							   watch->length);
	uint32_t	handle = set->slots[at].handle;

	clear_slot(set, at);
	set->count--;
	if (set->count == 0)
	{
		shrink(set);
		return;
	}
	memcpy(watch, &set->free_list[units], sizeof(uint32_t));
	set->free_list[units] = handle;
}

CsWatch *
cs_watchset_next(const CsWatchSet *set, size_t *position)
{
	while (*position < set->slot_count)
	{
		uint32_t	handle = set->slots[(*position)++].handle;

		if (handle != NO_HANDLE)
			return entry_at(set, handle);
	}
	return NULL;
}

size_t
cs_watchset_count(const CsWatchSet *set)
{
	return set->count;
}

/* Bytes of memory it takes, all in all. */
size_t
cs_watchset_bytes(const CsWatchSet *set)
{
	return sizeof(CsWatchSet) + set->slot_count * sizeof(Slot) +
		set->chunk_capacity * sizeof(char *) +
		set->chunk_count * CHUNK_UNITS * UNIT +
		set->queue_capacity * sizeof(CsWatch *);
}

void
cs_watchset_queue(CsWatchSet *set, CsWatch *watch)
{
	if (watch->flags & CS_WATCH_QUEUED)
		return;
	watch->flags |= CS_WATCH_QUEUED;
	set->queue[(set->queue_start + set->queue_count) &
			   (set->queue_capacity - 1)] = watch;
	set->queue_count++;
}

size_t
cs_watchset_queued(const CsWatchSet *set)
{
	return set->queue_count;
}

CsWatch *
cs_watchset_peek(const CsWatchSet *set, size_t index)
{
	return set->queue[(set->queue_start + index) & (set->queue_capacity - 1)];
}

CsWatch *
cs_watchset_pop(CsWatchSet *set)
{
	CsWatch    *watch;

	if (set->queue_count == 0)
		return NULL;
	watch = set->queue[set->queue_start];
	set->queue_start = (set->queue_start + 1) & (set->queue_capacity - 1);
	set->queue_count--;
	watch->flags &= (uint8_t) ~CS_WATCH_QUEUED;
	return watch;
}
