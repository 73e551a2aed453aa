/*-------------------------------------------------------------------------
 *
 * hex.h
 *	  Bytes as hexadecimal digits, and back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_HEX_H
#define CS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Read *length* digits of either case into length / 2 bytes.  Returns false
 * if the length is odd or a character is no digit; *bytes* is then undefined.
 */
extern bool cs_hex_decode(const char *text, size_t length, uint8_t *bytes);

/* Write 2 * count digits, without a NUL. */
extern void cs_hex_encode_upper(const uint8_t *bytes, size_t count,
								char *text);
extern void cs_hex_encode_lower(const uint8_t *bytes, size_t count,
								char *text);

#endif							/* CS_HEX_H */
