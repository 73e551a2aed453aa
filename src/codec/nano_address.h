/*-------------------------------------------------------------------------
 *
 * nano_address.h
 *	  Account addresses of Nano and its fork Banano.
 *
 * An address is a prefix, 52 characters of public key and 8 of checksum.
 * The prefix is no part of the checksum, so the same key has the same 60
 * characters under every prefix.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_NANO_ADDRESS_H
#define CS_NANO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CS_NANO_KEY_LENGTH	 32
#define CS_NANO_BODY_LENGTH	 60

/* Of the longest address, "nano_..."; without a NUL. */
#define CS_NANO_ADDRESS_MAX	 65

typedef enum CsNanoPrefix
{
	CS_NANO_PREFIX_NANO,		/* nano_ */
	CS_NANO_PREFIX_XRB,			/* xrb_, its older spelling */
	CS_NANO_PREFIX_BAN			/* ban_ */
} CsNanoPrefix;

typedef enum CsNanoAddressError
{
	CS_NANO_ADDRESS_OK,
	CS_NANO_ADDRESS_PREFIX,		/* no prefix, or an unknown one */
	CS_NANO_ADDRESS_LENGTH,		/* not 60 characters after it */
	CS_NANO_ADDRESS_FIRST,		/* the first of them is neither 1 nor 3 */
	CS_NANO_ADDRESS_CHARACTER,	/* one is not in the alphabet */
	CS_NANO_ADDRESS_CHECKSUM
} CsNanoAddressError;

/*
 * Read an address; "-" may stand for "_", as the node accepts it.  *prefix*
 * is set unless the result is CS_NANO_ADDRESS_PREFIX, *key* only when it is
 * CS_NANO_ADDRESS_OK.
 */
extern CsNanoAddressError cs_nano_address_decode(const char *text,
												 size_t length,
												 CsNanoPrefix *prefix,
												 uint8_t key[CS_NANO_KEY_LENGTH]);

/*
 * Check all but the checksum: a fraction of the work, and enough for an
 * address that a node has printed.  *body* is set to the 60 characters.
 */
extern CsNanoAddressError cs_nano_address_check_form(const char *text,
													 size_t length,
													 CsNanoPrefix *prefix,
													 const char **body);

/* Print a key as an address, with a NUL; returns the length. */
extern size_t cs_nano_address_encode(CsNanoPrefix prefix,
									 const uint8_t key[CS_NANO_KEY_LENGTH],
									 char text[CS_NANO_ADDRESS_MAX + 1]);

/* The prefix as printed, with its underscore. */
extern const char *cs_nano_prefix_text(CsNanoPrefix prefix);

/*
 * Position (from 0) of the first character after the prefix that is not in
 * the alphabet; for error messages.  Returns *length* if there is none.
 */
extern size_t cs_nano_address_stranger(const char *text, size_t length);

#endif							/* CS_NANO_ADDRESS_H */
