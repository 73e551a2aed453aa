/*-------------------------------------------------------------------------
 *
 * identities.c
 *	  The identities of recent records, so that none is stored twice.
 *
 * Two generations of an open-addressing table: when the young one is full it
 * becomes the old one, and what was old is forgotten.  So memory is bounded,
 * nothing is ever scanned, and the last *window* identities are always known.
 *
 * Identities are digests that a hostile peer cannot choose, so their bits are
 * used as the hash as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "server/identities.h"

#define INITIAL_CAPACITY 1024	/* a power of two, as every capacity */

typedef struct Identity
{
	uint64_t	high;			/* both zero: free */
	uint64_t	low;
} Identity;

typedef struct Generation
{
	Identity   *entries;
	size_t		capacity;
	size_t		count;
} Generation;

struct CsIdentities
{
	MemoryContext context;
	size_t		window;
	Generation	young;
	Generation	old;
};

static bool
is_free(const Identity *entry)
{
	return entry->high == 0 && entry->low == 0;
}

static Generation
make_generation(MemoryContext context, size_t capacity)
{
	Generation	generation = {
		.entries = MemoryContextAllocExtended(context, capacity * sizeof(Identity),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		.capacity = capacity
	};

	return generation;
}

/* The entry of an identity, or the free one where it belongs. */
static Identity *
find(const Generation *generation, const Identity *identity)
{
	size_t		mask = generation->capacity - 1;
	size_t		i = identity->low & mask;

	while (!is_free(&generation->entries[i]) &&
		   (generation->entries[i].high != identity->high ||
			generation->entries[i].low != identity->low))
		i = (i + 1) & mask;
	return &generation->entries[i];
}

static void
insert(Generation *generation, const Identity *identity)
{
	*find(generation, identity) = *identity;
	generation->count++;
}

/* Keep at least half of the young generation free. */
static void
make_room(CsIdentities *set)
{
	Generation	larger;

	if (set->young.count >= set->window)
	{
		if (set->old.entries)
			pfree(set->old.entries);
		set->old = set->young;
		set->young = make_generation(set->context, INITIAL_CAPACITY);
		return;
	}
	if (set->young.count * 2 < set->young.capacity)
		return;
	larger = make_generation(set->context, set->young.capacity * 2);
	for (size_t i = 0; i < set->young.capacity; i++)
		if (!is_free(&set->young.entries[i]))
			insert(&larger, &set->young.entries[i]);
	pfree(set->young.entries);
	set->young = larger;
}

CsIdentities *
cs_identities_create(MemoryContext parent, size_t window)
{
	MemoryContext context = AllocSetContextCreate(parent, "chainstream identities",
												  ALLOCSET_DEFAULT_SIZES);
	CsIdentities *set = MemoryContextAllocZero(context, sizeof(CsIdentities));

	set->context = context;
	set->window = window;
	set->young = make_generation(context, INITIAL_CAPACITY);
	return set;
}

bool
cs_identities_add(CsIdentities *set, const uint64_t identity[2])
{
	Identity	wanted = {identity[0], identity[1]};

	if (is_free(&wanted))
		return true;
	if (!is_free(find(&set->young, &wanted)))
		return false;
	if (set->old.entries && !is_free(find(&set->old, &wanted)))
		return false;
	make_room(set);
	insert(&set->young, &wanted);
	return true;
}

/* Free an entry and move up those that were pushed past it. */
static void
vacate(Generation *generation, Identity *entry)
{
	size_t		mask = generation->capacity - 1;
	size_t		hole = (size_t) (entry - generation->entries);

	for (size_t i = (hole + 1) & mask; !is_free(&generation->entries[i]); i = (i + 1) & mask)
	{
		size_t		home = generation->entries[i].low & mask;

		if (((i - home) & mask) >= ((i - hole) & mask))
		{
			generation->entries[hole] = generation->entries[i];
			hole = i;
		}
	}
	memset(&generation->entries[hole], 0, sizeof(Identity));
	generation->count--;
}

void
cs_identities_remove(CsIdentities *set, const uint64_t identity[2])
{
	Identity	wanted = {identity[0], identity[1]};
	Identity   *entry;

	if (is_free(&wanted))
		return;
	entry = find(&set->young, &wanted);
	if (!is_free(entry))
		vacate(&set->young, entry);
	else if (set->old.entries)
	{
		entry = find(&set->old, &wanted);
		if (!is_free(entry))
			vacate(&set->old, entry);
	}
}
