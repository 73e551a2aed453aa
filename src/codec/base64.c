/*-------------------------------------------------------------------------
 *
 * base64.c
 *	  Base64, as RFC 4648 has it.
 *
 * OpenSSL's decoder skips white space and takes what is no base64 for zeros,
 * so that two texts could name one address; this one is strict.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of a character, or -1. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool
cs_base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size)
{
	uint32_t	bits = 0;
	int			count = 0;		/* of bits not written yet */

	if (length > 0 && length % 4 == 0)
	{
		if (text[length - 1] == '=')
			length--;
		if (text[length - 1] == '=')
			length--;
	}
	if (length % 4 == 1)
		return false;
	*size = 0;
	for (size_t i = 0; i < length; i++)
	{
		int			value = value_of(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t) value;
		count += 6;
		if (count >= 8)
		{
			count -= 8;
			bytes[(*size)++] = (uint8_t) (bits >> count);
			bits &= (1u << count) - 1;
		}
	}
	return bits == 0;
}

size_t
cs_base64_encode(const uint8_t *bytes, size_t size, char *text)
{
	char	   *at = text;

	for (size_t i = 0; i < size; i += 3)
	{
		size_t		left = size - i;
		uint32_t	bits = (uint32_t) bytes[i] << 16;

		if (left > 1)
			bits |= (uint32_t) bytes[i + 1] << 8;
		if (left > 2)
			bits |= bytes[i + 2];
		*at++ = alphabet[bits >> 18];
		*at++ = alphabet[bits >> 12 & 63];
		*at++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		*at++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	*at = '\0';
	return (size_t) (at - text);
}
