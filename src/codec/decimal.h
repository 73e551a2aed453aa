/*-------------------------------------------------------------------------
 *
 * decimal.h
 *	  Decimal integers as text: 64-bit ones, and the 128-bit ones in which
 *	  Nano counts money.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_DECIMAL_H
#define CS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits of 2^128 - 1. */
#define CS_DECIMAL128_DIGITS 39

/* Digits of INT64_MIN with its sign. */
#define CS_DECIMAL64_DIGITS 20

/*
 * Read an integer of at least one digit, with an optional minus and nothing
 * else.  Returns false if it is not of that form or does not fit.
 */
extern bool cs_decimal_to_int64(const char *text, size_t length,
								int64_t *value);

/* Write it with a NUL; returns the length. */
extern size_t cs_int64_to_decimal(int64_t value,
								  char text[CS_DECIMAL64_DIGITS + 1]);

/*
 * Is it an unsigned integer of at least one digit, without sign or needless
 * zeros in front, and at most 2^128 - 1?
 */
extern bool cs_decimal128_valid(const char *text, size_t length);

/*
 * Read such an integer into 16 bytes, the most significant first.  Returns
 * false if it is not one.
 */
extern bool cs_decimal128_decode(const char *text, size_t length,
								 uint8_t bytes[16]);

/* Write it with a NUL; returns the length. */
extern size_t cs_decimal128_encode(const uint8_t bytes[16],
								   char text[CS_DECIMAL128_DIGITS + 1]);

#endif							/* CS_DECIMAL_H */
