/*-------------------------------------------------------------------------
 *
 * symbol_address.c
 *	  Account addresses of Symbol.
 *
 * The digest of a key is RIPEMD-160 over SHA3-256 (the standard one, not the
 * older Keccak).  The checksum is the beginning of SHA3-256 over the 21 bytes
 * before it.  24 bytes are 192 bits, so of the 39 characters the last has
 * three bits too many, which are zero.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/symbol_address.h"

#include <string.h>

#include <openssl/evp.h>

#define BODY_LENGTH		21		/* all but the checksum */
#define CHECKSUM_LENGTH	3

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Value of a character, or -1. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

static bool
compute_checksum(const uint8_t *address, uint8_t checksum[CHECKSUM_LENGTH])
{
	uint8_t		digest[32];

	if (!EVP_Digest(address, BODY_LENGTH, digest, NULL, EVP_sha3_256(), NULL))
		return false;
	memcpy(checksum, digest, CHECKSUM_LENGTH);
	return true;
}

bool
cs_symbol_address_of_key(uint8_t network,
						 const uint8_t key[CS_SYMBOL_KEY_LENGTH],
						 uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	uint8_t		digest[32];

	address[0] = network;
	return EVP_Digest(key, CS_SYMBOL_KEY_LENGTH, digest, NULL, EVP_sha3_256(),
					  NULL) &&
		EVP_Digest(digest, sizeof(digest), address + 1, NULL, EVP_ripemd160(),
				   NULL) &&
		compute_checksum(address, address + BODY_LENGTH);
}

bool
cs_symbol_address_valid(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	uint8_t		checksum[CHECKSUM_LENGTH];

	return compute_checksum(address, checksum) &&
		memcmp(checksum, address + BODY_LENGTH, CHECKSUM_LENGTH) == 0;
}

bool
cs_symbol_address_is_alias(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	return (address[0] & 1) != 0;
}

size_t
cs_symbol_address_stranger(const char *text, size_t length)
{
	size_t		at = 0;

	while (at < length && digit_value(text[at]) >= 0)
		at++;
	return at;
}

bool
cs_symbol_address_decode(const char *text, size_t length,
						 uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	uint32_t	pending = 0;
	int			bits = 0;
	size_t		count = 0;

	if (length != CS_SYMBOL_TEXT_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		int			value = digit_value(text[i]);

		if (value < 0)
			return false;
		pending = (pending << 5 | (uint32_t) value) & 0xFFF;
		bits += 5;
		if (bits >= 8)
		{
			bits -= 8;
			address[count++] = (uint8_t) (pending >> bits);
		}
	}
	return (pending & 7) == 0;
}

void
cs_symbol_address_encode(const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH],
						 char text[CS_SYMBOL_TEXT_LENGTH + 1])
{
	uint32_t	pending = 0;
	int			bits = 0;
	size_t		length = 0;

	for (size_t i = 0; i < CS_SYMBOL_ADDRESS_LENGTH; i++)
	{
		pending = (pending << 8 | address[i]) & 0xFFF;
		bits += 8;
		while (bits >= 5)
		{
			bits -= 5;
			text[length++] = alphabet[pending >> bits & 31];
		}
	}
	text[length++] = alphabet[pending << (5 - bits) & 31];
	text[length] = '\0';
}
