/*-------------------------------------------------------------------------
 *
 * symbol_bytes.c
 *	  Symbol's addresses and hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <openssl/evp.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void
cs_sim_symbol_put(SymbolBytes *bytes, const void *data, size_t length)
{
	if (length > sizeof(bytes->data) - bytes->length)
		cs_sim_fatal("a Symbol transaction is too long");
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void
cs_sim_symbol_put_number(SymbolBytes *bytes, uint64_t number, size_t size)
{
	uint8_t		little[8];

	for (size_t i = 0; i < size; i++)
		little[i] = (uint8_t) (number >> 8 * i);
	cs_sim_symbol_put(bytes, little, size);
}

void
cs_sim_symbol_hash(const void *data, size_t length,
				   uint8_t hash[SYMBOL_HASH_LENGTH])
{
	if (EVP_Digest(data, length, hash, NULL, EVP_sha3_256(), NULL) != 1)
		cs_sim_fatal("OpenSSL has no SHA3-256");
}

void
cs_sim_symbol_address(uint8_t network_byte,
					  const uint8_t key[SYMBOL_KEY_LENGTH],
					  SymbolAddress address)
{
	uint8_t		hash[SYMBOL_HASH_LENGTH];

	cs_sim_symbol_hash(key, SYMBOL_KEY_LENGTH, hash);
	address[0] = network_byte;
	if (EVP_Digest(hash, sizeof(hash), address + 1, NULL, EVP_ripemd160(),
				   NULL) != 1)
		cs_sim_fatal("OpenSSL has no RIPEMD-160");
	cs_sim_symbol_hash(address, 21, hash);
	memcpy(address + 21, hash, 3);
}

bool
cs_sim_symbol_valid(uint8_t network_byte, const SymbolAddress address)
{
	uint8_t		hash[SYMBOL_HASH_LENGTH];

	cs_sim_symbol_hash(address, 21, hash);
	return address[0] == network_byte && memcmp(address + 21, hash, 3) == 0;
}

void
cs_sim_symbol_alias(uint8_t network_byte, uint64_t namespace_id,
					SymbolAddress address)
{
	memset(address, 0, SYMBOL_ADDRESS_LENGTH);
	address[0] = network_byte | 1;
	for (int i = 0; i < 8; i++)
		address[1 + i] = (uint8_t) (namespace_id >> 8 * i);
}

void
cs_sim_symbol_base32(const uint8_t *data, size_t length, char *text)
{
	uint32_t	bits = 0;
	int			count = 0;

	for (size_t i = 0; i < length; i++)
	{
		bits = bits << 8 | data[i];
		for (count += 8; count >= 5; count -= 5)
			*text++ = alphabet[bits >> (count - 5) & 31];
	}
	if (count > 0)
		*text++ = alphabet[bits << (5 - count) & 31];
	*text = '\0';
}

void
cs_sim_symbol_encode(const SymbolAddress address,
					 char text[SYMBOL_ENCODED_LENGTH + 1])
{
	cs_sim_symbol_base32(address, SYMBOL_ADDRESS_LENGTH, text);
}

bool
cs_sim_symbol_decode(const char *text, size_t length, SymbolAddress address,
					 char *bad)
{
	uint32_t	bits = 0;
	int			count = 0;
	size_t		used = 0;

	*bad = '\0';
	if (length != SYMBOL_ENCODED_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		const char *found = memchr(alphabet, text[i], 32);

		if (found == NULL)
		{
			*bad = text[i];
			return false;
		}
		bits = bits << 5 | (uint32_t) (found - alphabet);
		for (count += 5; count >= 8; count -= 8)
			address[used++] = (uint8_t) (bits >> (count - 8));
	}
	return true;
}
