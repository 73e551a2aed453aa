/*-------------------------------------------------------------------------
 *
 * json_check.c
 *	  What json-c lets pass and PostgreSQL's json type does not.
 *
 * json-c takes 'single quotes', comments, NaN and Infinity, words in any case,
 * numbers such as "1." and "-01", control characters inside strings, overlong
 * UTF-8 and surrogates, and it stops at a NUL; when told to be strict it still
 * takes some of these, which ones depends on its release.  All of these are
 * matters of a single token, so one pass over the tokens closes the gap.  The
 * order of tokens is json-c's business, but for a comma with nothing behind
 * it, which json-c lets pass.
 *
 * Most of a message is the inside of strings: eight bytes are looked at in
 * one step there.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/json.h"

#include <endian.h>
#include <string.h>

#include "codec/utf8.h"

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/*
 * Of eight bytes of a string, how many simply stand for themselves before one
 * that does not: a control character, a quote, a backslash, or a byte of 128
 * or more?
 */
static inline size_t
count_plain(const char *text)
{
	uint64_t	bytes;
	uint64_t	quote;
	uint64_t	backslash;
	uint64_t	found;

	memcpy(&bytes, text, 8);
	bytes = le64toh(bytes);
	quote = bytes ^ EVERY_BYTE('"');
	backslash = bytes ^ EVERY_BYTE('\\');

	/*
	 * The classic test for bytes below n.  It can be wrong, but only about
	 * bytes that come after one about which it is right.
	 */
	found = (bytes - EVERY_BYTE(0x20)) & ~bytes;
	found |= (quote - EVERY_BYTE(1)) & ~quote;
	found |= (backslash - EVERY_BYTE(1)) & ~backslash;
	found |= bytes;
	found &= EVERY_BYTE(0x80);
	return found == 0 ? 8 : (size_t) __builtin_ctzll(found) / 8;
}

static bool
is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
		(c >= 'A' && c <= 'F');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skip an escape sequence, whose backslash is at *at*; NULL: it is none. */
static const char *
skip_escape(const char *at, const char *end)
{
	if (end - at < 2)
		return NULL;
	switch (at[1])
	{
		case '"':
		case '\\':
		case '/':
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			return at + 2;
		case 'u':
			if (end - at < 6)
				return NULL;
			for (int i = 2; i < 6; i++)
			{
				if (!is_hex_digit(at[i]))
					return NULL;
			}
			return at + 6;
		default:
			return NULL;
	}
}

/*
 * Skip the inside of a string and its closing quote.  Returns NULL, with the
 * reason in *problem*, if something in it is wrong.
 */
static const char *
skip_string(const char *at, const char *end, const char **problem)
{
	for (;;)
	{
		size_t		size;

		while (end - at >= 8)
		{
			size = count_plain(at);
			at += size;
			if (size < 8)
				break;
		}
		if (at == end)
		{
			*problem = "a string has no end";
			return NULL;
		}
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
		{
			at = skip_escape(at, end);
			if (at == NULL)
			{
				*problem = "a string holds an invalid escape sequence";
				return NULL;
			}
			continue;
		}
		if ((unsigned char) *at < 0x20)
		{
			*problem = "a string holds a control character";
			return NULL;
		}
		size = cs_utf8_character(at, (size_t) (end - at));
		if (size == 0)
		{
			*problem = "a string is not valid UTF-8";
			return NULL;
		}
		at += size;
	}
}

static const char *
skip_digits(const char *at, const char *end)
{
	while (at < end && is_digit(*at))
		at++;
	return at;
}

/* Skip a number; NULL: it is none as JSON has them. */
static const char *
skip_number(const char *at, const char *end)
{
	const char *start;

	if (*at == '-')
		at++;
	start = at;
	at = skip_digits(at, end);
	if (at == start || (*start == '0' && at - start > 1))
		return NULL;
	if (at < end && *at == '.')
	{
		start = ++at;
		at = skip_digits(at, end);
		if (at == start)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		start = at;
		at = skip_digits(at, end);
		if (at == start)
			return NULL;
	}
	return at;
}

/* Skip true, false or null; NULL: another word. */
static const char *
skip_word(const char *at, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		size_t		length = strlen(words[i]);

		if ((size_t) (end - at) >= length &&
			memcmp(at, words[i], length) == 0)
			return at + length;
	}
	return NULL;
}

/* Characters between tokens; a number or a word may end before them. */
static const bool is_delimiter[256] = {
	[' '] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true,
	[','] = true, [':'] = true,	['{'] = true,  ['}'] = true,
	['['] = true, [']'] = true,
};

/* Does a comma at *at* end a list?  There must be a value behind it. */
static bool
ends_list(const char *at, const char *end)
{
	do
		at++;
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'));
	return at < end && (*at == ']' || *at == '}');
}

/*
 * Check every token.  NULL, or a static text that says what is wrong.
 */
const char *
cs_json_check_tokens(const char *text, size_t length)
{
	const char *end = text + length;
	const char *problem = NULL;

	while (text < end)
	{
		if (is_delimiter[(unsigned char) *text])
		{
			if (*text == ',' && ends_list(text, end))
				return "a comma has no value behind it";
			text++;
			continue;
		}
		if (*text == '"')
		{
			text = skip_string(text + 1, end, &problem);
			if (text == NULL)
				return problem;
			continue;
		}
		if (*text == '-' || is_digit(*text))
		{
			text = skip_number(text, end);
			problem = "a number is malformed";
		}
		else
		{
			text = skip_word(text, end);
			problem = "there is a character that begins no JSON value";
		}
		if (text == NULL || (text < end && !is_delimiter[(unsigned char) *text]))
			return problem;
	}
	return NULL;
}
