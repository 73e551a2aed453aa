/*-------------------------------------------------------------------------
 *
 * identities.h
 *	  The identities of recent records, so that none is stored twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_IDENTITIES_H
#define CS_IDENTITIES_H

#include "postgres.h"

typedef struct CsIdentities CsIdentities;

/*
 * An empty set.  It remembers at least the last *window* identities and never
 * more than twice as many, at 32 bytes each.  Lives in a child of *parent*.
 */
extern CsIdentities *cs_identities_create(MemoryContext parent, size_t window);

/*
 * Add an identity.  Returns false if it was there already.  An identity of
 * zeroes stands for "none": it is never remembered and always new.
 */
extern bool cs_identities_add(CsIdentities *set, const uint64_t identity[2]);

/* Forget one, as if never added. */
extern void cs_identities_remove(CsIdentities *set, const uint64_t identity[2]);

#endif							/* CS_IDENTITIES_H */
