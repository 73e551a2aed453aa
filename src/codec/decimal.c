/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  Decimal integers as text.
 *
 * 128-bit numbers are kept as four 32-bit limbs, the most significant first,
 * so that no compiler extension is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/decimal.h"

#include <string.h>

bool
cs_decimal_to_int64(const char *text, size_t length, int64_t *value)
{
	bool		negative = length > 0 && text[0] == '-';
	uint64_t	limit = (uint64_t) INT64_MAX + (negative ? 1 : 0);
	uint64_t	magnitude = 0;

	if (negative)
	{
		text++;
		length--;
	}
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		uint64_t	digit = (uint64_t) ((uint8_t) text[i] - (uint8_t) '0');

		if (digit > 9 || magnitude > (limit - digit) / 10)
			return false;
		magnitude = magnitude * 10 + digit;
	}
	if (!negative)
		*value = (int64_t) magnitude;
	else if (magnitude == limit)
		*value = INT64_MIN;
	else
		*value = -(int64_t) magnitude;
	return true;
}

size_t
cs_int64_to_decimal(int64_t value, char text[CS_DECIMAL64_DIGITS + 1])
{
	char		reversed[CS_DECIMAL64_DIGITS];
	uint64_t	magnitude = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;
	size_t		count = 0;
	size_t		length = 0;

	do
	{
		reversed[count++] = (char) ('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0);
	if (value < 0)
		text[length++] = '-';
	while (count > 0)
		text[length++] = reversed[--count];
	text[length] = '\0';
	return length;
}

bool
cs_decimal128_valid(const char *text, size_t length)
{
	static const char largest[] = "340282366920938463463374607431768211455";

	if (length == 0 || length > CS_DECIMAL128_DIGITS)
		return false;
	if (text[0] == '0' && length > 1)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return length < CS_DECIMAL128_DIGITS || memcmp(text, largest, length) <= 0;
}

bool
cs_decimal128_decode(const char *text, size_t length, uint8_t bytes[16])
{
	uint32_t	limbs[4] = {0};

	if (!cs_decimal128_valid(text, length))
		return false;
	for (size_t i = 0; i < length; i++)
	{
		uint64_t	carry = (uint64_t) (text[i] - '0');

		for (int limb = 3; limb >= 0; limb--)
		{
			carry += (uint64_t) limbs[limb] * 10;
			limbs[limb] = (uint32_t) carry;
			carry >>= 32;
		}
	}
	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t) (limbs[i / 4] >> (24 - 8 * (i % 4)));
	return true;
}

size_t
cs_decimal128_encode(const uint8_t bytes[16],
					 char text[CS_DECIMAL128_DIGITS + 1])
{
	uint32_t	limbs[4] = {0};
	char		reversed[CS_DECIMAL128_DIGITS];
	size_t		count = 0;
	size_t		length = 0;

	for (int i = 0; i < 16; i++)
		limbs[i / 4] |= (uint32_t) bytes[i] << (24 - 8 * (i % 4));
	do
	{
		uint64_t	remainder = 0;

		for (int limb = 0; limb < 4; limb++)
		{
			remainder = remainder << 32 | limbs[limb];
			limbs[limb] = (uint32_t) (remainder / 10);
			remainder %= 10;
		}
		reversed[count++] = (char) ('0' + remainder);
	} while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0);
	while (count > 0)
		text[length++] = reversed[--count];
	text[length] = '\0';
	return length;
}
