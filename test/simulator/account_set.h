/*-------------------------------------------------------------------------
 *
 * account_set.h
 *	  A set of public keys.
 *
 * For account filters of up to millions of entries that are looked up for
 * every notification.  A zeroed CsSimAccountSet is an empty set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_ACCOUNT_SET_H
#define CS_ACCOUNT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CS_SIM_KEY_LENGTH 32

typedef struct CsSimAccountSet
{
	uint8_t		(*keys)[CS_SIM_KEY_LENGTH];
	uint8_t    *states;			/* of each slot: free, used, deleted */
	size_t		slots;			/* a power of two, or 0 */
	size_t		used;			/* keys in the set */
	size_t		taken;			/* slots not free */
} CsSimAccountSet;

extern void cs_sim_account_set_add(CsSimAccountSet *set,
								   const uint8_t key[CS_SIM_KEY_LENGTH]);
extern void cs_sim_account_set_remove(CsSimAccountSet *set,
									  const uint8_t key[CS_SIM_KEY_LENGTH]);
extern bool cs_sim_account_set_has(const CsSimAccountSet *set,
								   const uint8_t key[CS_SIM_KEY_LENGTH]);

/* Copy all keys to *keys*, which has room for set->used of them. */
extern void cs_sim_account_set_list(const CsSimAccountSet *set,
									uint8_t (*keys)[CS_SIM_KEY_LENGTH]);

/* Forget all; the set is empty and usable. */
extern void cs_sim_account_set_clear(CsSimAccountSet *set);

#endif							/* CS_ACCOUNT_SET_H */
