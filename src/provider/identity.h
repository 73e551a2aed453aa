/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  The identity of a record: a digest of what makes it itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_IDENTITY_H
#define CS_IDENTITY_H

#include "provider/provider.h"

/* The most pieces an identity is made of. */
#define CS_IDENTITY_PIECES 12

/*
 * Digest *count* pieces.  Different lists of pieces have different digests:
 * pieces do not run into each other, and an absent one is not an empty one.
 * The digest depends on nothing else, so that it is the same in every
 * process and after every restart.
 */
extern void cs_identity(uint64_t identity[2], const CsText *pieces,
						size_t count);

/* A piece made of a NUL-terminated string, or of bytes; NULL: absent. */
extern CsText cs_piece(const char *string);
extern CsText cs_piece_bytes(const void *bytes, size_t length);

#endif							/* CS_IDENTITY_H */
