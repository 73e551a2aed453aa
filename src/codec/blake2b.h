/*-------------------------------------------------------------------------
 *
 * blake2b.h
 *	  BLAKE2b as libb2 has it, with the arguments in our order.
 *
 * Unkeyed, any length of output from 1 to 64 bytes.  None of it can fail.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_BLAKE2B_H
#define CS_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#include <blake2.h>

/* The digest of one piece of memory. */
static inline void
cs_blake2b(uint8_t *digest, size_t digest_length, const void *data,
		   size_t length)
{
	(void) blake2b(digest, data, NULL, digest_length, length, 0);
}

#endif							/* CS_BLAKE2B_H */
