/*-------------------------------------------------------------------------
 *
 * base64.h
 *	  Base64, as RFC 4648 has it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_BASE64_H
#define CS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that decoding *length* characters, or encoding *size* bytes, takes. */
#define CS_BASE64_BYTES(length) ((length) / 4 * 3 + 3)
#define CS_BASE64_CHARACTERS(size) (((size) + 2) / 3 * 4 + 1)

/*
 * Decode a text in the standard alphabet or the URL-safe one, or a mixture, as
 * the servers do that accept both; padding may be left out.  *bytes* has
 * CS_BASE64_BYTES(length) bytes of room, of which *size* are used.  False: a
 * character that does not belong there (white space is one), a length that
 * cannot be, or bits behind the last byte that are not zero.
 */
extern bool cs_base64_decode(const char *text, size_t length, uint8_t *bytes,
							 size_t *size);

/*
 * Encode in the standard alphabet, padded.  *text* has
 * CS_BASE64_CHARACTERS(size) bytes of room and gets a NUL.  Returns its length.
 */
extern size_t cs_base64_encode(const uint8_t *bytes, size_t size, char *text);

#endif							/* CS_BASE64_H */
