/*-------------------------------------------------------------------------
 *
 * account_set.c
 *	  A set of public keys: open addressing, linear probing.
 *
 * Keys are all but random, so their first bytes serve as the hash.
 *
 *-------------------------------------------------------------------------
 */
#include "account_set.h"

#include <stdlib.h>
#include <string.h>

#include "simulator.h"

enum
{
	SLOT_FREE,
	SLOT_USED,
	SLOT_DELETED
};

/* The slot of a key, or the one where it would go; the set has slots. */
static size_t
find_slot(const CsSimAccountSet *set, const uint8_t *key)
{
	size_t		mask = set->slots - 1;
	size_t		slot;
	uint64_t	hash;

	memcpy(&hash, key, sizeof(hash));
	for (slot = hash & mask; set->states[slot] != SLOT_FREE;
		 slot = (slot + 1) & mask)
		if (set->states[slot] == SLOT_USED &&
			memcmp(set->keys[slot], key, CS_SIM_KEY_LENGTH) == 0)
			break;
	return slot;
}

/* Make room for one more, dropping the remains of deleted keys. */
static void
grow(CsSimAccountSet *set)
{
	CsSimAccountSet old = *set;

	if (set->slots > 0 && (set->taken + 1) * 4 <= set->slots * 3)
		return;
	set->slots = 16;
	while (set->slots < old.used * 2 + 16)
		set->slots *= 2;
	set->keys = cs_sim_resize(NULL, set->slots * sizeof(*set->keys));
	set->states = cs_sim_alloc(set->slots);
	set->used = 0;
	set->taken = 0;
	for (size_t i = 0; i < old.slots; i++)
		if (old.states[i] == SLOT_USED)
			cs_sim_account_set_add(set, old.keys[i]);
	cs_sim_account_set_clear(&old);
}

void
cs_sim_account_set_add(CsSimAccountSet *set,
					   const uint8_t key[CS_SIM_KEY_LENGTH])
{
	size_t		slot;

	grow(set);
	slot = find_slot(set, key);
	if (set->states[slot] == SLOT_USED)
		return;
	memcpy(set->keys[slot], key, CS_SIM_KEY_LENGTH);
	set->states[slot] = SLOT_USED;
	set->used++;
	set->taken++;
}

void
cs_sim_account_set_remove(CsSimAccountSet *set,
					   const uint8_t key[CS_SIM_KEY_LENGTH])
{
	size_t		slot = set->slots > 0 ? find_slot(set, key) : 0;

	if (set->slots == 0 || set->states[slot] != SLOT_USED)
		return;
	set->states[slot] = SLOT_DELETED;
	set->used--;
}

bool
cs_sim_account_set_has(const CsSimAccountSet *set,
					   const uint8_t key[CS_SIM_KEY_LENGTH])
{
	return set->used > 0 && set->states[find_slot(set, key)] == SLOT_USED;
}

void
cs_sim_account_set_list(const CsSimAccountSet *set,
						uint8_t (*keys)[CS_SIM_KEY_LENGTH])
{
	size_t		count = 0;

	for (size_t i = 0; i < set->slots; i++)
		if (set->states[i] == SLOT_USED)
			memcpy(keys[count++], set->keys[i], CS_SIM_KEY_LENGTH);
}

void
cs_sim_account_set_clear(CsSimAccountSet *set)
{
	free(set->keys);
	free(set->states);
	memset(set, 0, sizeof(*set));
}
