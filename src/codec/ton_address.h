/*-------------------------------------------------------------------------
 *
 * ton_address.h
 *	  Addresses of TON accounts.
 *
 * An account is a workchain and a hash of 256 bits.  People write it raw
 * ("0:9DA9...") or user-friendly (48 characters of base64 with flags and a
 * checksum); the flags say how to treat the account, not which one it is.
 * https://docs.ton.org/foundations/addresses/formats
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TON_ADDRESS_H
#define CS_TON_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CS_TON_HASH_LENGTH 32

/* Length of the raw form with its NUL: "-128:" and 64 digits. */
#define CS_TON_ADDRESS_MAX (5 + 64 + 1)

typedef struct CsTonAddress
{
	int8_t		workchain;
	bool		user_friendly;	/* as it was written; the rest is that form's */
	bool		bounceable;
	bool		testnet;		/* only to be used on a test network */
	uint8_t		hash[CS_TON_HASH_LENGTH];
} CsTonAddress;

typedef enum CsTonAddressError
{
	CS_TON_ADDRESS_OK,
	CS_TON_ADDRESS_FORM,		/* neither form: no colon, not 48 characters */
	CS_TON_ADDRESS_WORKCHAIN,	/* raw: not a number from -128 to 127 */
	CS_TON_ADDRESS_LENGTH,		/* raw: not 64 digits */
	CS_TON_ADDRESS_CHARACTER,	/* one that neither form has there */
	CS_TON_ADDRESS_CHECKSUM,
	CS_TON_ADDRESS_TAG			/* the checksum fits, but not the first byte */
} CsTonAddressError;

/* Read either form, strictly; only -1 and 0 are workchains in use, but all of
 * eight bits are accepted. */
extern CsTonAddressError cs_ton_address_decode(const char *text, size_t length,
											   CsTonAddress *address);

/*
 * Write the canonical form: workchain, colon, 64 upper-case digits, NUL.
 * Returns its length.
 */
extern size_t cs_ton_address_encode(const CsTonAddress *address,
									char text[CS_TON_ADDRESS_MAX]);

#endif							/* CS_TON_ADDRESS_H */
