/*-------------------------------------------------------------------------
 *
 * codec_test.c
 *	  Tests of src/codec.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/hex.h"
#include "codec/nano_address.h"
#include "codec/nano_block.h"
#include "codec/utf8.h"
#include "provider/json.h"
#include "tap.h"

#define SAMPLES "test/samples/nano/"

/* ---------- hex, decimal, UTF-8 ---------- */

static void
test_hex(void)
{
	static const char digits[] = "00017f80FfaBcD9e";
	uint8_t		bytes[8];
	char		text[17] = {0};

	ok(cs_hex_decode(digits, 16, bytes) && bytes[0] == 0 && bytes[2] == 0x7F &&
	   bytes[3] == 0x80 && bytes[4] == 0xFF && bytes[7] == 0x9E,
	   "hex is decoded in either case");
	cs_hex_encode_upper(bytes, 8, text);
	is(text, "00017F80FFABCD9E", "hex is encoded in upper case");
	cs_hex_encode_lower(bytes, 8, text);
	is(text, "00017f80ffabcd9e", "hex is encoded in lower case");
	ok(!cs_hex_decode("abc", 3, bytes), "an odd number of digits is refused");
	ok(!cs_hex_decode("0g", 2, bytes) && !cs_hex_decode("g0", 2, bytes) &&
	   !cs_hex_decode(" 0", 2, bytes) && !cs_hex_decode("\xC3\xA9", 2, bytes),
	   "characters that are no digits are refused");
	ok(cs_hex_decode("", 0, bytes), "nothing is no bytes");
}

static void
test_int64(void)
{
	static const struct
	{
		const char *text;
		bool		valid;
		int64_t		value;
	}			cases[] = {
		{"0", true, 0}, {"-0", true, 0}, {"7", true, 7},
		{"007", true, 7},
		{"9223372036854775807", true, INT64_MAX},
		{"9223372036854775808", false, 0},
		{"-9223372036854775808", true, INT64_MIN},
		{"-9223372036854775809", false, 0},
		{"18446744073709551615", false, 0},
		{"99999999999999999999999999", false, 0},
		{"", false, 0}, {"-", false, 0}, {"+1", false, 0}, {" 1", false, 0},
		{"1 ", false, 0}, {"1.0", false, 0}, {"0x1", false, 0},
		{"--1", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t		value = 0;
		bool		valid = cs_decimal_to_int64(cases[i].text,
											   strlen(cases[i].text), &value);

		ok(valid == cases[i].valid && (!valid || value == cases[i].value),
		   "64-bit decimal \"%s\"", cases[i].text);
	}
	for (int i = 0; i < 3; i++)
	{
		static const int64_t values[] = {0, INT64_MAX, INT64_MIN};
		char		text[CS_DECIMAL64_DIGITS + 1];
		char		expected[32];
		size_t		length = cs_int64_to_decimal(values[i], text);

		(void) snprintf(expected, sizeof(expected), "%lld",
						(long long) values[i]);
		ok(strcmp(text, expected) == 0 && length == strlen(expected),
		   "64-bit %s is printed", expected);
	}
}

static void
test_decimal128(void)
{
	static const struct
	{
		const char *text;
		const char *hex;		/* NULL: invalid */
	}			cases[] = {
		{"0", "00000000000000000000000000000000"},
		{"1", "00000000000000000000000000000001"},
		{"18446744073709551616", "00000000000000010000000000000000"},
		{"340282366920938463463374607431768211455",
		 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
		{"340282366920938463463374607431768211456", NULL},
		{"999999999999999999999999999999999999999", NULL},
		{"1000000000000000000000000000000000000000", NULL},
		{"", NULL}, {"-1", NULL}, {"00", NULL}, {"01", NULL}, {"1e3", NULL},
		{"1.0", NULL}, {" 1", NULL}, {"1\n", NULL},
	};
	uint8_t		bytes[16];
	uint8_t		again[16];
	char		text[CS_DECIMAL128_DIGITS + 1];
	char		hex[33] = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		valid = cs_decimal128_decode(cases[i].text,
												strlen(cases[i].text), bytes);

		if (cases[i].hex == NULL)
		{
			ok(!valid && !cs_decimal128_valid(cases[i].text,
											  strlen(cases[i].text)),
			   "128-bit decimal \"%s\" is refused", cases[i].text);
			continue;
		}
		cs_hex_encode_upper(bytes, 16, hex);
		(void) cs_decimal128_encode(bytes, text);
		ok(valid && strcmp(hex, cases[i].hex) == 0 &&
		   strcmp(text, cases[i].text) == 0,
		   "128-bit decimal %s", cases[i].text);
	}

	/* The balance of the legacy send among the samples. */
	ok(cs_hex_decode("00E4E5B34824F06B0A875B156AC96400", 32, bytes) &&
	   cs_decimal128_encode(bytes, text) == 37 &&
	   strcmp(text, "1188502559713844364307617738000000000") == 0,
	   "hexadecimal balance of a legacy block: %s", text);

	srandom(1);
	for (int i = 0; i < 10000; i++)
	{
		for (int j = 0; j < 16; j++)
			bytes[j] = j < i % 16 ? 0 : (uint8_t) random();
		(void) cs_decimal128_encode(bytes, text);
		if (!cs_decimal128_decode(text, strlen(text), again) ||
			memcmp(bytes, again, 16) != 0)
		{
			ok(false, "128-bit %s survives a round trip", text);
			return;
		}
	}
	ok(true, "10,000 128-bit numbers survive a round trip");
}

static void
test_utf8(void)
{
	static const struct
	{
		const char *text;
		size_t		size;
	}			cases[] = {
		{"a", 1}, {"\x7F", 1}, {"\xC2\x80", 2}, {"\xDF\xBF", 2},
		{"\xE0\xA0\x80", 3}, {"\xED\x9F\xBF", 3}, {"\xEE\x80\x80", 3},
		{"\xEF\xBF\xBF", 3}, {"\xF0\x90\x80\x80", 4}, {"\xF4\x8F\xBF\xBF", 4},
		{"", 0}, {"\x80", 0}, {"\xBF", 0}, {"\xC0\x80", 0}, {"\xC1\xBF", 0},
		{"\xC2", 0}, {"\xC2\x41", 0}, {"\xE0\x9F\xBF", 0}, {"\xE1\x80", 0},
		{"\xED\xA0\x80", 0}, {"\xED\xBF\xBF", 0}, {"\xF0\x8F\xBF\xBF", 0},
		{"\xF4\x90\x80\x80", 0}, {"\xF5\x80\x80\x80", 0}, {"\xFF", 0},
		{"\xF1\x80\x80", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(cs_utf8_character(cases[i].text, strlen(cases[i].text)) ==
		   cases[i].size, "UTF-8 case %zu", i);
	ok(cs_utf8_clip("ab\xE2\x82\xAC", 5) == 5 &&
	   cs_utf8_clip("ab\xE2\x82", 4) == 2 && cs_utf8_clip("ab\xE2", 3) == 2 &&
	   cs_utf8_clip("ab", 2) == 2 && cs_utf8_clip("\xF0\x90\x80", 3) == 0 &&
	   cs_utf8_clip("", 0) == 0,
	   "a text is clipped at a whole character");
}

/* ---------- addresses ---------- */

static CsNanoAddressError
decode(const char *address, uint8_t key[32], CsNanoPrefix *prefix)
{
	return cs_nano_address_decode(address, strlen(address), prefix, key);
}

static void
check_spelling(const char *address, const char *key_hex, CsNanoPrefix expected)
{
	uint8_t		key[32];
	char		hex[65] = {0};
	char		again[CS_NANO_ADDRESS_MAX + 1];
	char		hyphen[CS_NANO_ADDRESS_MAX + 1];
	CsNanoPrefix prefix;

	if (decode(address, key, &prefix) != CS_NANO_ADDRESS_OK)
	{
		ok(false, "%s is valid", address);
		return;
	}
	cs_hex_encode_upper(key, 32, hex);
	ok(strcmp(hex, key_hex) == 0 && prefix == expected, "%s is decoded",
	   address);
	ok(cs_nano_address_encode(prefix, key, again) == strlen(address) &&
	   strcmp(again, address) == 0, "%s is encoded", address);
	(void) snprintf(hyphen, sizeof(hyphen), "%s", address);
	*strchr(hyphen, '_') = '-';
	ok(decode(hyphen, key, &prefix) == CS_NANO_ADDRESS_OK &&
	   prefix == expected, "%s is decoded", hyphen);
}

static void
check_vector(struct json_object *vector)
{
	const char *key = cs_json_member_string(vector, "public_key").data;

	check_spelling(cs_json_member_string(vector, "nano").data, key,
				   CS_NANO_PREFIX_NANO);
	check_spelling(cs_json_member_string(vector, "xrb").data, key,
				   CS_NANO_PREFIX_XRB);
	check_spelling(cs_json_member_string(vector, "ban").data, key,
				   CS_NANO_PREFIX_BAN);
}

/* The reason that the vector's own words stand for. */
static CsNanoAddressError
expected_reason(const char *why)
{
	if (strstr(why, "checksum"))
		return CS_NANO_ADDRESS_CHECKSUM;
	if (strstr(why, "prefix"))
		return CS_NANO_ADDRESS_PREFIX;
	if (strstr(why, "first"))
		return CS_NANO_ADDRESS_FIRST;
	if (strstr(why, "must be 65"))
		return CS_NANO_ADDRESS_LENGTH;
	return CS_NANO_ADDRESS_CHARACTER;
}

static void
test_address_vectors(void)
{
	size_t		length;
	char	   *file = read_whole_file(SAMPLES "address_vectors.jsonl", &length);
	char	   *at = file;
	char	   *line;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line),
														NULL);
		uint8_t		key[32];
		CsNanoPrefix prefix;

		if (vector == NULL)
			bail_out("bad sample: %s", line);
		if (cs_json_boolean(vector, "valid", false))
			check_vector(vector);
		else
		{
			const char *address = cs_json_member_string(vector, "address").data;
			const char *why = cs_json_member_string(vector, "why").data;

			ok(decode(address, key, &prefix) == expected_reason(why),
			   "%s is refused: %s", address, why);
		}
		json_object_put(vector);
	}
	free(file);
}

/* What the vectors leave out. */
static void
test_address_rest(void)
{
	static const char good[] =
		"nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3";
	uint8_t		key[32];
	CsNanoPrefix prefix;
	char		bad[128];
	int			survivors = 0;

	ok(decode("", key, &prefix) == CS_NANO_ADDRESS_PREFIX &&
	   decode("nano", key, &prefix) == CS_NANO_ADDRESS_PREFIX &&
	   decode("*", key, &prefix) == CS_NANO_ADDRESS_PREFIX &&
	   decode("Nano_", key, &prefix) == CS_NANO_ADDRESS_PREFIX &&
	   decode("node_3cczh431wuh5gg64jen6a658xewpx7eiyfqn7f8gpdcfp786s7xdb51kr1rp",
			  key, &prefix) == CS_NANO_ADDRESS_PREFIX,
	   "what has none of the prefixes is refused");
	ok(decode("nano_", key, &prefix) == CS_NANO_ADDRESS_LENGTH &&
	   decode("xrb_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr33",
			  key, &prefix) == CS_NANO_ADDRESS_LENGTH,
	   "a wrong length is refused");

	/* No change of a single character goes unnoticed. */
	for (size_t i = 0; i < sizeof(good) - 1; i++)
	{
		for (int c = 1; c < 256; c++)
		{
			memcpy(bad, good, sizeof(good));
			bad[i] = (char) c;
			if (bad[i] == good[i] || (i == 4 && c == '-'))
				continue;
			if (decode(bad, key, &prefix) == CS_NANO_ADDRESS_OK)
				survivors++;
		}
	}
	ok(survivors == 0, "no changed character goes unnoticed");

	memcpy(bad, good, sizeof(good));
	bad[10] = '\0';
	ok(cs_nano_address_decode(bad, sizeof(good) - 1, &prefix, key) ==
	   CS_NANO_ADDRESS_CHARACTER, "a NUL inside is refused");
	ok(cs_nano_address_stranger("nano_3t6kV", 10) == 9 &&
	   cs_nano_address_stranger("3t6k", 4) == 4,
	   "a strange character is found");
}

/* ---------- block hashes ---------- */

static bool
key_of(struct json_object *block, const char *name, uint8_t key[32])
{
	CsText		text = cs_json_member_string(block, name);
	CsNanoPrefix prefix;

	return text.data != NULL &&
		cs_nano_address_decode(text.data, text.length, &prefix, key) ==
		CS_NANO_ADDRESS_OK;
}

static bool
hash_of(struct json_object *block, const char *name, uint8_t hash[32])
{
	CsText		text = cs_json_member_string(block, name);

	return text.length == 64 && cs_hex_decode(text.data, 64, hash);
}

/* Fill in the fields of a block as the samples have them. */
static bool
read_block(struct json_object *json, CsNanoBlock *block)
{
	const char *type = cs_json_member_string(json, "type").data;
	CsText		balance = cs_json_member_string(json, "balance");

	memset(block, 0, sizeof(*block));
	if (strcmp(type, "state") == 0)
	{
		block->type = CS_NANO_BLOCK_STATE;
		return key_of(json, "account", block->account) &&
			hash_of(json, "previous", block->previous) &&
			key_of(json, "representative", block->representative) &&
			cs_decimal128_decode(balance.data, balance.length,
								 block->balance) &&
			hash_of(json, "link", block->link);
	}
	if (strcmp(type, "send") == 0)
	{
		block->type = CS_NANO_BLOCK_SEND;
		return hash_of(json, "previous", block->previous) &&
			key_of(json, "destination", block->link) &&
			cs_hex_decode(balance.data, balance.length, block->balance);
	}
	if (strcmp(type, "receive") == 0)
	{
		block->type = CS_NANO_BLOCK_RECEIVE;
		return hash_of(json, "previous", block->previous) &&
			hash_of(json, "source", block->link);
	}
	if (strcmp(type, "open") == 0)
	{
		block->type = CS_NANO_BLOCK_OPEN;
		return hash_of(json, "source", block->link) &&
			key_of(json, "representative", block->representative) &&
			key_of(json, "account", block->account);
	}
	block->type = CS_NANO_BLOCK_CHANGE;
	return strcmp(type, "change") == 0 &&
		hash_of(json, "previous", block->previous) &&
		key_of(json, "representative", block->representative);
}

static void
check_block(struct json_object *json, const char *announced, const char *what)
{
	CsNanoBlock block;
	uint8_t		hash[32];
	char		text[65] = {0};

	if (!read_block(json, &block))
	{
		ok(false, "%s: block is readable", what);
		return;
	}
	cs_nano_block_hash(&block, hash);
	cs_hex_encode_upper(hash, 32, text);
	ok(strcmp(text, announced) == 0, "%s: %s %s", what,
	   cs_json_member_string(json, "type").data, text);
}

/* Every block among the samples has the hash that was announced. */
static void
test_block_hashes(const char *path)
{
	size_t		length;
	char	   *file = read_whole_file(path, &length);
	char	   *at = file;
	char	   *line;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *envelope = cs_json_parse_once(line, strlen(line),
														  NULL);
		struct json_object *message = cs_json_object(envelope, "message");
		struct json_object *block = cs_json_object(message, "block");
		const char *hash = cs_json_member_string(message, "hash").data;

		if (hash == NULL)		/* a new_unconfirmed_block */
		{
			block = message;
			hash = cs_json_member_string(envelope, "hash").data;
		}
		if (block != NULL && hash != NULL)
			check_block(block, hash, path);
		json_object_put(envelope);
	}
	free(file);
}

/* ---------- base64 ---------- */

static void
test_base64_texts(void)
{
	/* RFC 4648, section 10 */
	static const char *const vectors[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}
	};
	static const char *const bad[] = {"Z", "Zg=", "Zg===", "Z===", "====",
		"Zm9v!", "Zm 9v", "Zm9v\n", "Zh==", "Zm9=", "=Zm9", "Zm9vZ"};
	char		text[16];
	uint8_t		bytes[32];
	size_t		size;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		const char *plain = vectors[i][0];
		const char *encoded = vectors[i][1];
		size_t		bare = strcspn(encoded, "=");

		(void) cs_base64_encode((const uint8_t *) plain, strlen(plain), text);
		is(text, encoded, "base64 encoded");
		ok(cs_base64_decode(encoded, strlen(encoded), bytes, &size) &&
		   size == strlen(plain) && memcmp(bytes, plain, size) == 0 &&
		   cs_base64_decode(encoded, bare, bytes, &size) &&
		   size == strlen(plain), "base64 decoded, with padding and without");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!cs_base64_decode(bad[i], strlen(bad[i]), bytes, &size),
		   "no base64: %s", bad[i]);
	ok(cs_base64_decode("+/-_", 4, bytes, &size) && size == 3 &&
	   memcmp(bytes, "\xFB\xFF\xBF", 3) == 0, "both alphabets");
}

int
main(void)
{
	test_hex();
	test_int64();
	test_decimal128();
	test_utf8();
	test_base64_texts();
	test_address_vectors();
	test_address_rest();
	test_block_hashes(SAMPLES "confirmation.jsonl");
	test_block_hashes(SAMPLES "new_unconfirmed_block.jsonl");
	test_block_hashes(SAMPLES "banano.jsonl");
	return tap_end();
}
