/*-------------------------------------------------------------------------
 *
 * json_scan.c
 *	  Where a text stops being JSON, and what was expected there.
 *
 *-------------------------------------------------------------------------
 */
#include "json_scan.h"

#include <string.h>

/* Deeper nesting is refused; that is Go's limit. */
#define DEPTH_MAX	10000

/* JavaScript quotes a source of up to so many characters whole. */
#define QUOTE_WHOLE	40

/* And otherwise so much of it on either side. */
#define QUOTE_SIDE	10

static bool
fail(CsSimScan *scan, CsSimExpected expected)
{
	scan->expected = expected;
	return false;
}

static void
skip_space(CsSimScan *scan)
{
	while (scan->at < scan->length &&
		   memchr(" \t\r\n", scan->data[scan->at], 4) != NULL)
		scan->at++;
}

/* The next byte, or -1 at the end. */
static int
peek(const CsSimScan *scan)
{
	return scan->at < scan->length ? (unsigned char) scan->data[scan->at] : -1;
}

static bool
is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
is_hex(int byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') ||
		(byte >= 'A' && byte <= 'F');
}

static bool
scan_digits(CsSimScan *scan, CsSimExpected expected)
{
	if (!is_digit(peek(scan)))
		return fail(scan, expected);
	while (is_digit(peek(scan)))
		scan->at++;
	return true;
}

static bool
scan_number(CsSimScan *scan)
{
	if (peek(scan) == '-')
		scan->at++;
	if (peek(scan) == '0')
		scan->at++;
	else if (!scan_digits(scan, CS_SIM_JSON_MINUS))
		return false;
	if (peek(scan) == '.')
	{
		scan->at++;
		if (!scan_digits(scan, CS_SIM_JSON_FRACTION))
			return false;
	}
	if (peek(scan) == 'e' || peek(scan) == 'E')
	{
		scan->at++;
		if (peek(scan) == '+' || peek(scan) == '-')
			scan->at++;
		return scan_digits(scan, CS_SIM_JSON_EXPONENT);
	}
	return true;
}

static bool
scan_escape(CsSimScan *scan)
{
	int			byte = peek(scan);

	if (byte != 'u')
	{
		if (byte < 0 || memchr("\"\\/bfnrt", byte, 8) == NULL)
			return fail(scan, CS_SIM_JSON_ESCAPE);
		scan->at++;
		return true;
	}
	scan->at++;
	for (int i = 0; i < 4; i++, scan->at++)
		if (!is_hex(peek(scan)))
			return fail(scan, CS_SIM_JSON_UNICODE);
	return true;
}

static bool
scan_string(CsSimScan *scan)
{
	int			byte;

	scan->at++;
	while ((byte = peek(scan)) != '"')
	{
		if (byte < 0x20)
			return fail(scan, CS_SIM_JSON_STRING);
		scan->at++;
		if (byte == '\\' && !scan_escape(scan))
			return false;
	}
	scan->at++;
	return true;
}

static bool
scan_literal(CsSimScan *scan, const char *literal)
{
	scan->literal = literal;
	for (scan->literal_at = 0; literal[scan->literal_at] != '\0';
		 scan->literal_at++, scan->at++)
		if (peek(scan) != literal[scan->literal_at])
			return fail(scan, CS_SIM_JSON_LITERAL);
	return true;
}

static bool scan_value(CsSimScan *scan, int depth);

static bool
scan_object(CsSimScan *scan, int depth)
{
	CsSimExpected key = CS_SIM_JSON_FIRST_KEY;

	scan->at++;
	skip_space(scan);
	if (peek(scan) == '}')
	{
		scan->at++;
		return true;
	}
	for (;; key = CS_SIM_JSON_KEY)
	{
		skip_space(scan);
		if (peek(scan) != '"')
			return fail(scan, key);
		if (!scan_string(scan))
			return false;
		skip_space(scan);
		if (peek(scan) != ':')
			return fail(scan, CS_SIM_JSON_COLON);
		scan->at++;
		if (!scan_value(scan, depth))
			return false;
		skip_space(scan);
		if (peek(scan) == '}')
			break;
		if (peek(scan) != ',')
			return fail(scan, CS_SIM_JSON_OBJECT_MORE);
		scan->at++;
	}
	scan->at++;
	return true;
}

static bool
scan_array(CsSimScan *scan, int depth)
{
	scan->at++;
	skip_space(scan);
	if (peek(scan) == ']')
	{
		scan->at++;
		return true;
	}
	for (;;)
	{
		if (!scan_value(scan, depth))
			return false;
		skip_space(scan);
		if (peek(scan) == ']')
			break;
		if (peek(scan) != ',')
			return fail(scan, CS_SIM_JSON_ARRAY_MORE);
		scan->at++;
	}
	scan->at++;
	return true;
}

static bool
scan_value(CsSimScan *scan, int depth)
{
	int			byte;

	skip_space(scan);
	byte = peek(scan);
	if (byte == '"')
		return scan_string(scan);
	if (byte == '-' || is_digit(byte))
		return scan_number(scan);
	if (byte == 't')
		return scan_literal(scan, "true");
	if (byte == 'f')
		return scan_literal(scan, "false");
	if (byte == 'n')
		return scan_literal(scan, "null");
	if (depth >= DEPTH_MAX)
		return fail(scan, CS_SIM_JSON_VALUE);
	if (byte == '{')
		return scan_object(scan, depth + 1);
	if (byte == '[')
		return scan_array(scan, depth + 1);
	return fail(scan, CS_SIM_JSON_VALUE);
}

bool
cs_sim_json_scan(CsSimScan *scan, const char *data, size_t length)
{
	memset(scan, 0, sizeof(*scan));
	scan->data = data;
	scan->length = length;
	return scan_value(scan, 0);
}

bool
cs_sim_json_scan_end(CsSimScan *scan)
{
	skip_space(scan);
	if (scan->at < scan->length)
		scan->expected = CS_SIM_JSON_END;
	return scan->at >= scan->length;
}

json_object *
cs_sim_json_read(const CsSimScan *scan)
{
	json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX + 2);
	json_object *value;

	if (tokener == NULL)
		cs_sim_fatal("out of memory");
	value = json_tokener_parse_ex(tokener, scan->data, (int) scan->at);
	/* A number at the end is open until something follows. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, " ", 1);
	json_tokener_free(tokener);
	return value;
}

/* ---------- the words ---------- */

/* "Unexpected token": with the source, or with what is around it. */
static void
javascript_token(const CsSimScan *scan, CsSimText *text)
{
	size_t		from = scan->at > QUOTE_SIDE ? scan->at - QUOTE_SIDE : 0;
	size_t		to = scan->at + QUOTE_SIDE;

	if (to > scan->length)
		to = scan->length;
	if (scan->length <= QUOTE_WHOLE)
	{
		from = 0;
		to = scan->length;
	}
	cs_sim_text_printf(text, "Unexpected token '%c', %s\"%.*s\"%s is not valid JSON",
					   scan->data[scan->at], from > 0 ? "..." : "",
					   (int) (to - from), scan->data + from,
					   to < scan->length ? "..." : "");
}

void
cs_sim_json_javascript(const CsSimScan *scan, CsSimText *text)
{
	static const char *const words[] = {
		[CS_SIM_JSON_FIRST_KEY] = "Expected property name or '}'",
		[CS_SIM_JSON_KEY] = "Expected double-quoted property name",
		[CS_SIM_JSON_COLON] = "Expected ':' after property name",
		[CS_SIM_JSON_OBJECT_MORE] = "Expected ',' or '}' after property value",
		[CS_SIM_JSON_ARRAY_MORE] = "Expected ',' or ']' after array element",
		[CS_SIM_JSON_STRING] = "Bad control character in string literal",
		[CS_SIM_JSON_ESCAPE] = "Bad escaped character",
		[CS_SIM_JSON_UNICODE] = "Bad Unicode escape",
		[CS_SIM_JSON_MINUS] = "No number after minus sign",
		[CS_SIM_JSON_FRACTION] = "Unterminated fractional number",
		[CS_SIM_JSON_EXPONENT] = "Exponent part is missing a number",
		[CS_SIM_JSON_END] = "Unexpected non-whitespace character after JSON",
	};
	const char *what = words[scan->expected];

	if (scan->at >= scan->length && scan->expected == CS_SIM_JSON_STRING)
		what = "Unterminated string";
	else if (scan->at >= scan->length &&
			 (scan->expected == CS_SIM_JSON_VALUE ||
			  scan->expected == CS_SIM_JSON_LITERAL))
	{
		cs_sim_text_printf(text, "Unexpected end of JSON input");
		return;
	}
	if (scan->expected == CS_SIM_JSON_END)
		cs_sim_text_printf(text, "%s at position %zu", what, scan->at);
	else if (what != NULL)
		cs_sim_text_printf(text, "%s in JSON at position %zu", what, scan->at);
	else
		javascript_token(scan, text);
}

void
cs_sim_json_go(const CsSimScan *scan, CsSimText *text)
{
	static const char *const words[] = {
		[CS_SIM_JSON_VALUE] = "looking for beginning of value",
		[CS_SIM_JSON_FIRST_KEY] = "looking for beginning of object key string",
		[CS_SIM_JSON_KEY] = "looking for beginning of object key string",
		[CS_SIM_JSON_COLON] = "after object key",
		[CS_SIM_JSON_OBJECT_MORE] = "after object key:value pair",
		[CS_SIM_JSON_ARRAY_MORE] = "after array element",
		[CS_SIM_JSON_STRING] = "in string literal",
		[CS_SIM_JSON_ESCAPE] = "in string escape code",
		[CS_SIM_JSON_UNICODE] = "in \\u hexadecimal character escape",
		[CS_SIM_JSON_MINUS] = "in numeric literal",
		[CS_SIM_JSON_FRACTION] = "after decimal point in numeric literal",
		[CS_SIM_JSON_EXPONENT] = "in exponent of numeric literal",
		[CS_SIM_JSON_END] = "after top-level value",
	};
	int			byte = peek(scan);

	if (byte < 0)
	{
		cs_sim_text_printf(text, "unexpected EOF");
		return;
	}
	if (byte < 0x20)
		cs_sim_text_printf(text, "invalid character '\\x%02x' ", byte);
	else
		cs_sim_text_printf(text, "invalid character '%s%c' ",
						   byte == '\'' || byte == '\\' ? "\\" : "", byte);
	if (scan->expected == CS_SIM_JSON_LITERAL)
		cs_sim_text_printf(text, "in literal %s (expecting '%c')",
						   scan->literal, scan->literal[scan->literal_at]);
	else
		cs_sim_text_printf(text, "%s", words[scan->expected]);
}
