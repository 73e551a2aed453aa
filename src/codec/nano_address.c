/*-------------------------------------------------------------------------
 *
 * nano_address.c
 *	  Account addresses of Nano and its fork Banano.
 *
 * The 60 characters are a 300-bit number in base 32, the most significant
 * digit first: four zero bits, 256 bits of key, 40 bits of checksum.  The
 * checksum is BLAKE2b with five bytes of output over the key, taken in
 * reverse order.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/nano_address.h"

#include <string.h>

#include "codec/blake2b.h"

#define CHECKSUM_LENGTH 5

/* Four zero bits, the key and the checksum, rounded up to whole bytes. */
#define PACKED_LENGTH	(1 + CS_NANO_KEY_LENGTH + CHECKSUM_LENGTH)

static const char alphabet[] = "13456789abcdefghijkmnopqrstuwxyz";

/* Value of each character plus one; zero: not in the alphabet. */
static const uint8_t digit_value[256] = {
	['1'] = 1,	['3'] = 2,	['4'] = 3,	['5'] = 4,	['6'] = 5,	['7'] = 6,
	['8'] = 7,	['9'] = 8,	['a'] = 9,	['b'] = 10, ['c'] = 11, ['d'] = 12,
	['e'] = 13, ['f'] = 14, ['g'] = 15, ['h'] = 16, ['i'] = 17, ['j'] = 18,
	['k'] = 19, ['m'] = 20, ['n'] = 21, ['o'] = 22, ['p'] = 23, ['q'] = 24,
	['r'] = 25, ['s'] = 26, ['t'] = 27, ['u'] = 28, ['w'] = 29, ['x'] = 30,
	['y'] = 31, ['z'] = 32,
};

const char *
cs_nano_prefix_text(CsNanoPrefix prefix)
{
	switch (prefix)
	{
		case CS_NANO_PREFIX_XRB:
			return "xrb_";
		case CS_NANO_PREFIX_BAN:
			return "ban_";
		case CS_NANO_PREFIX_NANO:
			break;
	}
	return "nano_";
}

/* Length of the prefix that *text* begins with; 0: none that we know. */
static size_t
read_prefix(const char *text, size_t length, CsNanoPrefix *prefix)
{
	static const CsNanoPrefix known[] = {
		CS_NANO_PREFIX_NANO, CS_NANO_PREFIX_XRB, CS_NANO_PREFIX_BAN};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		const char *word = cs_nano_prefix_text(known[i]);
		size_t		size = strlen(word);

		if (length >= size && memcmp(text, word, size - 1) == 0 &&
			(text[size - 1] == '_' || text[size - 1] == '-'))
		{
			*prefix = known[i];
			return size;
		}
	}
	return 0;
}

size_t
cs_nano_address_stranger(const char *text, size_t length)
{
	CsNanoPrefix prefix;
	size_t		at = read_prefix(text, length, &prefix);

	while (at < length && digit_value[(uint8_t) text[at]] != 0)
		at++;
	return at;
}

CsNanoAddressError
cs_nano_address_check_form(const char *text, size_t length,
						   CsNanoPrefix *prefix, const char **body)
{
	size_t		skip = read_prefix(text, length, prefix);
	bool		strange = false;

	if (skip == 0)
		return CS_NANO_ADDRESS_PREFIX;
	if (length - skip != CS_NANO_BODY_LENGTH)
		return CS_NANO_ADDRESS_LENGTH;
	*body = text + skip;
	for (size_t i = 0; i < CS_NANO_BODY_LENGTH; i++)
		strange |= digit_value[(uint8_t) (*body)[i]] == 0;
	if (strange)
		return CS_NANO_ADDRESS_CHARACTER;
	if ((*body)[0] != '1' && (*body)[0] != '3')
		return CS_NANO_ADDRESS_FIRST;
	return CS_NANO_ADDRESS_OK;
}

/* The checksum, in the order in which it is printed. */
static void
compute_checksum(const uint8_t key[CS_NANO_KEY_LENGTH],
				 uint8_t checksum[CHECKSUM_LENGTH])
{
	uint8_t		digest[CHECKSUM_LENGTH];

	cs_blake2b(digest, CHECKSUM_LENGTH, key, CS_NANO_KEY_LENGTH);
	for (int i = 0; i < CHECKSUM_LENGTH; i++)
		checksum[i] = digest[CHECKSUM_LENGTH - 1 - i];
}

CsNanoAddressError
cs_nano_address_decode(const char *text, size_t length, CsNanoPrefix *prefix,
					   uint8_t key[CS_NANO_KEY_LENGTH])
{
	CsNanoAddressError error;
	const char *body;
	uint8_t		packed[PACKED_LENGTH];
	uint8_t		checksum[CHECKSUM_LENGTH];
	uint32_t	pending = 0;
	int			bits = 4;		/* 300 bits fill 38 bytes but for four */
	size_t		count = 0;

	error = cs_nano_address_check_form(text, length, prefix, &body);
	if (error != CS_NANO_ADDRESS_OK)
		return error;
	for (size_t i = 0; i < CS_NANO_BODY_LENGTH; i++)
	{
		pending = pending << 5 | (uint32_t) (digit_value[(uint8_t) body[i]] - 1);
		bits += 5;
		if (bits >= 8)
		{
			bits -= 8;
			packed[count++] = (uint8_t) (pending >> bits);
		}
	}
	compute_checksum(packed + 1, checksum);
	if (memcmp(checksum, packed + 1 + CS_NANO_KEY_LENGTH,
			   CHECKSUM_LENGTH) != 0)
		return CS_NANO_ADDRESS_CHECKSUM;
	memcpy(key, packed + 1, CS_NANO_KEY_LENGTH);
	return CS_NANO_ADDRESS_OK;
}

size_t
cs_nano_address_encode(CsNanoPrefix prefix,
					   const uint8_t key[CS_NANO_KEY_LENGTH],
					   char text[CS_NANO_ADDRESS_MAX + 1])
{
	const char *word = cs_nano_prefix_text(prefix);
	size_t		length = strlen(word);
	uint8_t		packed[PACKED_LENGTH] = {0};
	uint32_t	pending = 0;
	int			bits = -4;		/* the first four bits are not printed */

	memcpy(text, word, length);
	memcpy(packed + 1, key, CS_NANO_KEY_LENGTH);
	compute_checksum(key, packed + 1 + CS_NANO_KEY_LENGTH);
	for (size_t i = 0; i < PACKED_LENGTH; i++)
	{
		pending = pending << 8 | packed[i];
		bits += 8;
		while (bits >= 5)
		{
			bits -= 5;
			text[length++] = alphabet[pending >> bits & 31];
		}
	}
	text[length] = '\0';
	return length;
}
