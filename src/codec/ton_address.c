/*-------------------------------------------------------------------------
 *
 * ton_address.c
 *	  Addresses of TON accounts.
 *
 * The user-friendly form is 36 bytes in base64: a tag, the workchain, the
 * hash, and CRC-16/XMODEM of those 34 bytes, the most significant byte first.
 * The servers are laxer than this reader, each in its own way: one pads a
 * hash that is too short with zeros, so that a mistyped address becomes
 * another account's.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/ton_address.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/hex.h"

#define FRIENDLY_CHARACTERS 48
#define FRIENDLY_BYTES		36
#define CHECKED_BYTES		34	/* those the checksum is of */

/* The tag: one of two kinds, and a flag. */
#define TAG_BOUNCEABLE		0x11
#define TAG_NON_BOUNCEABLE	0x51
#define TAG_TESTNET			0x80

/* CRC-16/XMODEM: polynomial 0x1021, nothing reflected, begins with zero. */
static uint16_t
compute_checksum(const uint8_t *bytes, size_t count)
{
	uint16_t	sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		sum = (uint16_t) (sum ^ bytes[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			sum = (uint16_t) (sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1);
	}
	return sum;
}

/* A workchain as it is printed: no plus, no needless zeros. */
static bool
read_workchain(const char *text, size_t length, int8_t *workchain)
{
	int64_t		value;
	char		again[CS_DECIMAL64_DIGITS + 1];

	if (!cs_decimal_to_int64(text, length, &value) || value < INT8_MIN ||
		value > INT8_MAX || cs_int64_to_decimal(value, again) != length ||
		memcmp(again, text, length) != 0)
		return false;
	*workchain = (int8_t) value;
	return true;
}

static CsTonAddressError
decode_raw(const char *text, size_t length, size_t colon,
		   CsTonAddress *address)
{
	if (!read_workchain(text, colon, &address->workchain))
		return CS_TON_ADDRESS_WORKCHAIN;
	if (length - colon - 1 != (size_t) 2 * CS_TON_HASH_LENGTH)
		return CS_TON_ADDRESS_LENGTH;
	if (!cs_hex_decode(text + colon + 1, (size_t) 2 * CS_TON_HASH_LENGTH,
					   address->hash))
		return CS_TON_ADDRESS_CHARACTER;
	return CS_TON_ADDRESS_OK;
}

static CsTonAddressError
decode_friendly(const char *text, CsTonAddress *address)
{
	uint8_t		bytes[CS_BASE64_BYTES(FRIENDLY_CHARACTERS)];
	size_t		size;
	uint8_t		tag;

	if (!cs_base64_decode(text, FRIENDLY_CHARACTERS, bytes, &size) ||
		size != FRIENDLY_BYTES)
		return CS_TON_ADDRESS_CHARACTER;
	if (compute_checksum(bytes, CHECKED_BYTES) !=
		(bytes[CHECKED_BYTES] << 8 | bytes[CHECKED_BYTES + 1]))
		return CS_TON_ADDRESS_CHECKSUM;
	tag = (uint8_t) (bytes[0] & ~TAG_TESTNET);
	if (tag != TAG_BOUNCEABLE && tag != TAG_NON_BOUNCEABLE)
		return CS_TON_ADDRESS_TAG;
	address->user_friendly = true;
	address->bounceable = tag == TAG_BOUNCEABLE;
	address->testnet = (bytes[0] & TAG_TESTNET) != 0;
	address->workchain = (int8_t) bytes[1];
	memcpy(address->hash, bytes + 2, CS_TON_HASH_LENGTH);
	return CS_TON_ADDRESS_OK;
}

CsTonAddressError
cs_ton_address_decode(const char *text, size_t length, CsTonAddress *address)
{
	const char *colon = length > 0 ? memchr(text, ':', length) : NULL;

	memset(address, 0, sizeof(*address));
	if (colon != NULL)
		return decode_raw(text, length, (size_t) (colon - text), address);
	if (length != FRIENDLY_CHARACTERS)
		return CS_TON_ADDRESS_FORM;
	return decode_friendly(text, address);
}

size_t
cs_ton_address_encode(const CsTonAddress *address,
					  char text[CS_TON_ADDRESS_MAX])
{
	char		workchain[CS_DECIMAL64_DIGITS + 1];
	size_t		length = cs_int64_to_decimal(address->workchain, workchain);

	memcpy(text, workchain, length);
	text[length++] = ':';
	cs_hex_encode_upper(address->hash, CS_TON_HASH_LENGTH, text + length);
	length += (size_t) 2 * CS_TON_HASH_LENGTH;
	text[length] = '\0';
	return length;
}
