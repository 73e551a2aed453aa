/*-------------------------------------------------------------------------
 *
 * symbol_address.h
 *	  Account addresses of Symbol.
 *
 * An address is 24 bytes: the network's byte, 20 bytes that are a digest of
 * the public key, and a checksum of three.  People see them in base32, 39
 * characters; the gateway prints them as 48 hexadecimal digits.  The same 24
 * bytes may instead hold the alias of an account, the id of a namespace: then
 * the lowest bit of the first byte is set and there is no checksum.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_ADDRESS_H
#define CS_SYMBOL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CS_SYMBOL_KEY_LENGTH	 32
#define CS_SYMBOL_ADDRESS_LENGTH 24
#define CS_SYMBOL_TEXT_LENGTH	 39	/* in base32, without a NUL */

/* First bytes of the addresses of the public networks. */
#define CS_SYMBOL_MAINNET		 0x68
#define CS_SYMBOL_TESTNET		 0x98

/*
 * The address of a public key on a network.  Returns false if this OpenSSL
 * has no SHA3-256 or no RIPEMD-160.
 */
extern bool cs_symbol_address_of_key(uint8_t network,
									 const uint8_t key[CS_SYMBOL_KEY_LENGTH],
									 uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);

/* Does the checksum match?  False as well if it cannot be computed. */
extern bool cs_symbol_address_valid(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);

/* Is it the alias of an account, rather than its address? */
extern bool cs_symbol_address_is_alias(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);

/*
 * Read 39 characters of base32, upper case, without hyphens.  Returns false
 * if it is not of that form; neither network nor checksum is looked at.
 */
extern bool cs_symbol_address_decode(const char *text, size_t length,
									 uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);

/* Write it in base32, with a NUL. */
extern void cs_symbol_address_encode(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH],
									 char text[CS_SYMBOL_TEXT_LENGTH + 1]);

/*
 * Position (from 0) of the first character that is not in the alphabet; for
 * error messages.  Returns *length* if there is none.
 */
extern size_t cs_symbol_address_stranger(const char *text, size_t length);

#endif							/* CS_SYMBOL_ADDRESS_H */
