/*-------------------------------------------------------------------------
 *
 * hex.c
 *	  Bytes as hexadecimal digits, and back.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/hex.h"

/* Value of each character plus one; zero: not a digit. */
static const uint8_t digit_value[256] = {
	['0'] = 1,	['1'] = 2,	['2'] = 3,	['3'] = 4,	['4'] = 5,	['5'] = 6,
	['6'] = 7,	['7'] = 8,	['8'] = 9,	['9'] = 10, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool
cs_hex_decode(const char *text, size_t length, uint8_t *bytes)
{
	if (length % 2 != 0)
		return false;
	for (size_t i = 0; i < length; i += 2)
	{
		uint8_t		high = digit_value[(uint8_t) text[i]];
		uint8_t		low = digit_value[(uint8_t) text[i + 1]];

		if (high == 0 || low == 0)
			return false;
		bytes[i / 2] = (uint8_t) ((high - 1) << 4 | (low - 1));
	}
	return true;
}

static void
encode(const uint8_t *bytes, size_t count, char *text, const char *digits)
{
	for (size_t i = 0; i < count; i++)
	{
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
}

void
cs_hex_encode_upper(const uint8_t *bytes, size_t count, char *text)
{
	encode(bytes, count, text, "0123456789ABCDEF");
}

void
cs_hex_encode_lower(const uint8_t *bytes, size_t count, char *text)
{
	encode(bytes, count, text, "0123456789abcdef");
}
