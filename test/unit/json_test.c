/*-------------------------------------------------------------------------
 *
 * json_test.c
 *	  Reading and writing JSON, identities, errors.
 *
 * The texts that must be refused and those that must be accepted are so by
 * the parser of PostgreSQL's json type.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/identity.h"
#include "provider/json.h"
#include "tap.h"

/* ---------- JSON ---------- */

/* Texts that are not JSON to PostgreSQL, or no object. */
static void
test_json_refused(void)
{
	static const char *const texts[] = {
		"", " ", "null", "1", "\"a\"", "[]", "{", "}", "{}}", "{}{}", "{},",
		"{} x", "x{}", "{}\f", "\f{}", "\v{}", "\xEF\xBB\xBF{}", "\xC2\xA0{}",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1,,\"b\":2}",
		"{\"a\" 1}", "{\"a\":1 2}", "{\"a\":1 \"b\":2}", "{\"a\":[1,]}",
		"{\"a\":[1 , \n]}", "{\"a\":1, }", "{\"a\":[{},]}", "{\"a\":[1],\t}",
		"{} {}", "{}\n,", "{} \"\"", "{}[]", "{}:",
		"{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[}", "{\"a\":{]}", "{a:1}",
		"{1:1}", "{null:1}", "{'a':1}", "{\"a\":'b'}", "{\"a\":\"b'}",
		"{\"a\":\"b}", "{\"a\":\"", "{\"a\":\"\\\"}", "{\"a\":\"\\",
		"{\"a\":\"\\x41\"}", "{\"a\":\"\\'\"}", "{\"a\":\"\\u12\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\U0041\"}", "{\"a\":\"\\0\"}",
		"{\"a\":\"\t\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x01\"}",
		"{\"a\":\"\x1F\"}", "{\"a\":\"12345678\x1F\"}",
		"{\"a\":\"1234567\x01\x80zzzzzzzz\"}",
		"{\"\n\":1}", "{\"a\":\"\x80\"}", "{\"a\":\"\xC0\x80\"}",
		"{\"a\":\"\xC1\xBF\"}", "{\"a\":\"\xE0\x80\x80\"}",
		"{\"a\":\"\xED\xA0\x80\"}", "{\"a\":\"\xF4\x90\x80\x80\"}",
		"{\"a\":\"\xF5\x80\x80\x80\"}", "{\"a\":\"\xFF\"}", "{\"a\":\"\xC3\"}",
		"{\"a\":\"\xE2\x82\"}", "{\"\xC3\x28\":1}", "{\"a\":\xC3\xA9}",
		"{\"a\":NaN}", "{\"a\":nan}", "{\"a\":-NaN}", "{\"a\":Infinity}",
		"{\"a\":-Infinity}", "{\"a\":inf}", "{\"a\":True}", "{\"a\":TRUE}",
		"{\"a\":tru}", "{\"a\":truex}", "{\"a\":true1}", "{\"a\":nullnull}",
		"{\"a\":Null}", "{\"a\":undefined}", "{\"a\":00}", "{\"a\":01}",
		"{\"a\":-01}", "{\"a\":-}", "{\"a\":--1}", "{\"a\":+1}", "{\"a\":.5}",
		"{\"a\":1.}", "{\"a\":-1.}", "{\"a\":1.e5}", "{\"a\":1e}",
		"{\"a\":1e+}", "{\"a\":1E-}", "{\"a\":1.5.5}", "{\"a\":1e5.5}",
		"{\"a\":0x10}", "{\"a\":1a}", "{\"a\":1_000}", "{\"a\":1\"b\"}",
		"{\"a\":1,\"b\":1.}", "{\"a\":/**/1}", "{\"a\":1}//", "#{}",
		"{\"a\":1;}", "{\"a\"=1}", "{\"a\":\"b\"\"c\"}", "{\"a\":(1)}",
		"{\"a\":`b`}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		CsError		error = {0};
		struct json_object *object = cs_json_parse_once(texts[i],
														strlen(texts[i]),
														&error);

		ok(object == NULL && error.message[0] != '\0',
		   "JSON refused, case %zu (%s)", i, error.message);
		json_object_put(object);
	}
}

/* Texts that PostgreSQL takes, and so must we. */
static void
test_json_accepted(void)
{
	static const char *const texts[] = {
		"{}", " {} ", "\t\r\n{\n}\n", "{\"a\":1}", "{ \"a\" : 1 , \"b\" : 2 }",
		"{\"a\":[]}", "{\"a\":[[],{}]}", "{\"\":0}", "{\"a\":1,\"a\":2}",
		"{\"a\":0}", "{\"a\":-0}", "{\"a\":-1}", "{\"a\":0.5}", "{\"a\":1e5}",
		"{\"a\":1E+5}", "{\"a\":-1.5e-10}", "{\"a\":1e999}", "{\"a\":0e0}",
		"{\"a\":123456789012345678901234567890}", "{\"a\":true}",
		"{\"a\":false}", "{\"a\":null}", "{\"a\":[true,false,null]}",
		"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "{\"a\":\"\\u00e9\\uABCD\"}",
		"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\x7F\"}",
		"{\"a\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}",
		"{\"a\":\"1234567\xC3\xA9\"}", "{\"a\":\"\xEF\xBF\xBF\"}",
		"{\"a\":\"'//*#NaN\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		CsError		error = {0};
		struct json_object *object = cs_json_parse_once(texts[i],
														strlen(texts[i]),
														&error);

		ok(object != NULL, "JSON accepted: %s (%s)", texts[i], error.message);
		json_object_put(object);
	}
}

/* Nesting as deep as *depth* objects. */
static bool
parses_nested(int depth)
{
	char	   *text = malloc((size_t) depth * 6 + 8);
	size_t		length = 0;
	struct json_object *object;

	for (int i = 1; i < depth; i++)
		length += (size_t) sprintf(text + length, "{\"a\":");
	length += (size_t) sprintf(text + length, "{}");
	for (int i = 1; i < depth; i++)
		text[length++] = '}';
	object = cs_json_parse_once(text, length, NULL);
	free(text);
	json_object_put(object);
	return object != NULL;
}

static void
test_json_limits(void)
{
	static const char nul[] = "{\"a\":1}\0 garbage";
	static const char inside[] = "{\"a\":\"\0\"}";

	ok(parses_nested(60), "60 levels are parsed");
	ok(!parses_nested(70), "70 levels are refused");
	ok(!parses_nested(100000), "100,000 levels are refused");
	ok(cs_json_parse_once(nul, sizeof(nul) - 1, NULL) == NULL,
	   "a NUL does not end the text");
	ok(cs_json_parse_once(nul, 8, NULL) == NULL, "a NUL is no white space");
	ok(cs_json_parse_once(inside, sizeof(inside) - 1, NULL) == NULL,
	   "a NUL in a string is refused");
}

static void
test_json_getters(void)
{
	static const char text[] =
		"{\"s\":\"x\",\"z\":\"a\\u0000b\",\"i\":7,\"n\":\"-8\",\"d\":1.5,"
		"\"big\":9223372036854775808,\"huge\":99999999999999999999999,"
		"\"low\":-99999999999999999999999,\"bad\":\"7x\",\"t\":true,"
		"\"o\":{},\"l\":[],\"null\":null}";
	struct json_object *object = cs_json_parse_once(text, strlen(text), NULL);
	CsError		error = {0};
	CsText		string;
	int64_t		number = 0;

	ok(cs_json_text(object, "s", &string, &error) && string.length == 1,
	   "a string is read");
	ok(!cs_json_text(object, "z", &string, &error) &&
	   error.kind == CS_ERROR_VALUE, "a string with \\u0000: %s",
	   error.message);
	ok(!cs_json_text(object, "i", &string, &error) &&
	   error.kind == CS_ERROR_SYNTAX, "a number for a string: %s",
	   error.message);
	ok(!cs_json_text(object, "none", &string, &error), "%s", error.message);
	ok(!cs_json_text(object, "null", &string, &error), "%s", error.message);
	ok(cs_json_integer(object, "i", &number, &error) && number == 7 &&
	   cs_json_integer(object, "n", &number, &error) && number == -8,
	   "integers are read, bare and quoted");
	ok(!cs_json_integer(object, "big", &number, &error) &&
	   !cs_json_integer(object, "huge", &number, &error) &&
	   !cs_json_integer(object, "low", &number, &error) &&
	   !cs_json_integer(object, "bad", &number, &error),
	   "integers that do not fit are refused: %s", error.message);
	ok(!cs_json_integer(object, "d", &number, &error) &&
	   !cs_json_integer(object, "t", &number, &error) &&
	   !cs_json_integer(object, "o", &number, &error) &&
	   !cs_json_integer(object, "none", &number, &error),
	   "other types are no integers: %s", error.message);
	ok(cs_json_boolean(object, "t", false) && cs_json_boolean(object, "i", true)
	   && !cs_json_boolean(object, "i", false), "booleans are read");
	ok(cs_json_object(object, "o") && !cs_json_object(object, "l") &&
	   cs_json_array(object, "l") && !cs_json_array(object, "o") &&
	   !cs_json_array(object, "none") && !cs_json_member(object, "null") &&
	   cs_json_member_string(object, "o").data == NULL &&
	   !cs_json_member(NULL, "x"),
	   "members of the wrong type are absent");
	json_object_put(object);
}

static void
test_json_writer(void)
{
	CsJsonWriter writer = {0};
	struct json_object *object;
	CsText		read;
	static const char nasty[] = "\"\\\x01\n\x1F/\x7F\xC3\xA9";

	cs_json_begin(&writer, '{');
	cs_json_key(&writer, "a\"b");
	cs_json_put_string(&writer, nasty);
	cs_json_key(&writer, "list");
	cs_json_begin(&writer, '[');
	cs_json_put_integer(&writer, -5);
	cs_json_put_boolean(&writer, true);
	cs_json_begin(&writer, '{');
	cs_json_end(&writer, '}');
	cs_json_put_boolean(&writer, false);
	cs_json_end(&writer, ']');
	cs_json_end(&writer, '}');
	cs_json_put_string(&writer, "");
	writer.length -= 3;
	ok(!writer.failed && writer.length == strlen(
		"{\"a\\\"b\":\"\\\"\\\\\\u0001\\u000a\\u001f/\x7F\xC3\xA9\","
		"\"list\":[-5,true,{},false]}") &&
	   memcmp(writer.data,
			  "{\"a\\\"b\":\"\\\"\\\\\\u0001\\u000a\\u001f/\x7F\xC3\xA9\","
			  "\"list\":[-5,true,{},false]}", writer.length) == 0,
	   "JSON is written: %.*s", (int) writer.length, writer.data);
	object = cs_json_parse_once(writer.data, writer.length, NULL);
	read = cs_json_member_string(object, "a\"b");
	ok(read.data != NULL && strcmp(read.data, nasty) == 0, "and read again");
	json_object_put(object);
	cs_json_writer_free(&writer);
}

/* ---------- identities ---------- */

static void
test_identity(void)
{
	uint64_t	a[2];
	uint64_t	b[2];
	char		big[1000];

	memset(big, 'x', sizeof(big));
	cs_identity(a, (CsText[]) {cs_piece("ab"), cs_piece("c")}, 2);
	cs_identity(b, (CsText[]) {cs_piece("ab"), cs_piece("c")}, 2);
	ok(memcmp(a, b, 16) == 0, "an identity is always the same");
	cs_identity(b, (CsText[]) {cs_piece("a"), cs_piece("bc")}, 2);
	ok(memcmp(a, b, 16) != 0, "pieces do not run into each other");
	cs_identity(a, (CsText[]) {cs_piece("")}, 1);
	cs_identity(b, (CsText[]) {cs_piece(NULL)}, 1);
	ok(memcmp(a, b, 16) != 0, "absent is not empty");
	cs_identity(a, (CsText[]) {cs_piece_bytes(big, 1000)}, 1);
	cs_identity(b, (CsText[]) {cs_piece_bytes(big, 999)}, 1);
	ok(memcmp(a, b, 16) != 0, "long pieces count to their end");
	big[500] = 'y';
	cs_identity(b, (CsText[]) {cs_piece_bytes(big, 1000)}, 1);
	ok(memcmp(a, b, 16) != 0, "long pieces count in between");
}

/* ---------- slices ---------- */

/* A slice as text: its own, or "(absent)". */
static const char *
slice_text(CsText slice)
{
	static char text[256];

	if (slice.data == NULL)
		return "(absent)";
	(void) snprintf(text, sizeof(text), "%.*s", (int) slice.length, slice.data);
	return text;
}

static CsText
whole(const char *text)
{
	return (CsText) {text, strlen(text)};
}

static void
test_slice_members(void)
{
	static const char text[] =
		" { \"a\" : 1 , \"b\":{\"a\":[2,\"}\"]} ,\"q\\\"\":\"x\\\\\",\"c\":null,"
		"\"n\":-1.5e3,\"e\":{},\"a\":[ ]} ";
	CsText		object = whole(text);

	is(slice_text(cs_json_slice_member(object, "b")), "{\"a\":[2,\"}\"]}",
	   "a member that is an object");
	is(slice_text(cs_json_slice_member(object, "a")), "[ ]",
	   "of two members of one name the last");
	is(slice_text(cs_json_slice_member(object, "c")), "null", "null");
	is(slice_text(cs_json_slice_member(object, "n")), "-1.5e3", "a number");
	is(slice_text(cs_json_slice_member(object, "e")), "{}", "an empty object");
	is(slice_text(cs_json_slice_member(object, "q\\\"")), "\"x\\\\\"",
	   "a string with escapes");
	is(slice_text(cs_json_slice_member(object, "d")), "(absent)", "no such member");
	is(slice_text(cs_json_slice_member(CS_NO_TEXT, "d")), "(absent)",
	   "a member of nothing");
}

static void
test_slice_elements(void)
{
	CsText		array = whole("[1 ,\"a,]\", {\"b\":[3]}\n,[[]],true]");
	const char *expected[] = {"1", "\"a,]\"", "{\"b\":[3]}", "[[]]", "true",
		"(absent)", "(absent)"};
	size_t		position = 0;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		is(slice_text(cs_json_slice_next(array, &position)), expected[i],
		   "the next element");
	position = 0;
	is(slice_text(cs_json_slice_next(whole(" [ ] "), &position)), "(absent)",
	   "an empty array");
	position = 0;
	is(slice_text(cs_json_slice_next(whole("{}"), &position)), "(absent)",
	   "no array");
}

/* Whatever the text is, nothing outside it is looked at: see the sanitizers. */
static void
test_slice_bounds(void)
{
	static const char text[] = "{\"a\":[1,\"x\\\"\",{\"b\":\"\\\\\"}],\"c\":\"d\"}";
	bool		inside = true;

	for (size_t length = 0; length < sizeof(text); length++)
	{
		char	   *copy = malloc(length + 1);
		CsText		part = {copy, length};
		CsText		slice;
		size_t		position = 0;

		memcpy(copy, text, length);
		for (const char *name = "ac"; *name != '\0'; name++)
		{
			slice = cs_json_slice_member(part, *name == 'a' ? "a" : "c");
			inside &= slice.data == NULL || (slice.data >= copy &&
											 slice.data + slice.length <= copy + length);
		}
		slice = cs_json_slice_member(part, "a");
		while (slice.data != NULL && cs_json_slice_next(slice, &position).data)
			inside &= position <= slice.length;
		free(copy);
	}
	ok(inside, "a text that is cut off is never left");
}

/* ---------- errors ---------- */

static void
test_errors(void)
{
	CsError		error;
	char		text[400];

	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xE2\x82\xAC", 4);
	cs_error_set(&error, CS_ERROR_VALUE, text, "a\nb\x7F\xFFz\xC3\xA9", "%s",
				 text);
	ok(strlen(error.message) % 3 == 0 && strlen(error.message) > 250 &&
	   strlen(error.detail) % 3 == 0,
	   "long errors are cut at a whole character");
	is(error.hint, "a?b??z\xC3\xA9", "what cannot be shown is replaced");
	cs_error_set(NULL, CS_ERROR_VALUE, NULL, NULL, "nobody listens");
}

int
main(void)
{
	test_json_refused();
	test_json_accepted();
	test_json_limits();
	test_json_getters();
	test_json_writer();
	test_identity();
	test_slice_members();
	test_slice_elements();
	test_slice_bounds();
	test_errors();
	return tap_end();
}
