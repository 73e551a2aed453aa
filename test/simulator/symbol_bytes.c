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
	if (!cs_symbol_address_of_key(network_byte, key, address))
		cs_sim_fatal("OpenSSL has no SHA3-256 or no RIPEMD-160");
}

bool
cs_sim_symbol_valid(uint8_t network_byte, const SymbolAddress address)
{
	return address[0] == network_byte && cs_symbol_address_valid(address);
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
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
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

bool
cs_sim_symbol_decode(const char *text, size_t length, SymbolAddress address,
					 char *bad)
{
	size_t		stranger = cs_symbol_address_stranger(text, length);

	*bad = '\0';
	if (length != CS_SYMBOL_TEXT_LENGTH)
		return false;
	if (stranger < length)
	{
		*bad = text[stranger];
		return false;
	}
	/* Bits left over are refused by the codec; the gateway drops them. */
	(void) cs_symbol_address_decode(text, length, address);
	return true;
}
