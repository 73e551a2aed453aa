/*-------------------------------------------------------------------------
 *
 * ton_cell_test.c
 *	  Bags of cells: every vector of the samples, the worked example, and
 *	  bags with something wrong in each place.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/ton_cell.h"
#include "provider/json.h"
#include "tap.h"

#define SAMPLES "test/samples/ton/"

/* The message of the documentation, one reference and offset size of 1. */
#define EXAMPLE \
	"te6ccgEBBAEAtwABRYgBvVXMoxQj+kmDtTinWnFdumvpTNo33p48YQKOWyTtUkAMAQGcMZ6i" \
	"d5dkoDZImQ4UC5SqZSN04h/xNpKaEsESJQivKW01aMcWW4qeUUjKm/iZ2nszwBj3uFVcsIr9" \
	"xFomQvY3DCmpoxdkQjldAAAAcAADAgFkQgAoPvU+sDeRbPQrPGn3bxzd8JnUNGlQcfA/qoFl" \
	"uFxSiRE4gAAAAAAAAAAAAAAAAAEDABIAAAAAaGVsbG8="

/* The bytes of a base64 text, exactly; NULL if it is none. */
static uint8_t *
decode(const char *text, size_t *size)
{
	uint8_t    *room = malloc(CS_BASE64_BYTES(strlen(text)));
	uint8_t    *bytes;

	if (!cs_base64_decode(text, strlen(text), room, size))
	{
		free(room);
		return NULL;
	}
	bytes = malloc(*size > 0 ? *size : 1);
	memcpy(bytes, room, *size);
	free(room);
	return bytes;
}

static bool
is_hash(const uint8_t hash[CS_TON_HASH_LENGTH], const char *expected)
{
	char		text[2 * CS_TON_HASH_LENGTH + 1] = "";

	cs_hex_encode_lower(hash, CS_TON_HASH_LENGTH, text);
	return strcmp(text, expected) == 0;
}

/* ---------- the samples ---------- */

static void
check_message(struct json_object *vector, const CsTonBag *bag)
{
	const char *destination = cs_json_member_string(vector, "destination").data;
	CsTonMessage message;
	CsTonAddress expected;

	ok(cs_ton_message_read(bag, &message) == CS_TON_CELL_OK,
	   "it is a message");
	ok(is_hash(message.hash, cs_json_member_string(vector, "root_hash").data),
	   "its hash");
	ok(is_hash(message.normalized_hash,
			   cs_json_member_string(vector, "normalized_hash").data),
	   "its normalized hash");
	ok(is_hash(message.body_hash,
			   cs_json_member_string(vector, "body_hash").data),
	   "the hash of its body");
	ok(cs_ton_address_decode(destination, strlen(destination), &expected) ==
	   CS_TON_ADDRESS_OK &&
	   message.destination.workchain == expected.workchain &&
	   memcmp(message.destination.hash, expected.hash, 32) == 0,
	   "its destination");
	ok(message.deploys == (cs_json_member(vector, "init") != NULL),
	   "whether it deploys");
}

static void
check_vector(struct json_object *vector)
{
	const char *name = cs_json_member_string(vector, "name").data;
	struct json_object *cells = cs_json_member(vector, "cells");
	size_t		size;
	uint8_t    *bytes = decode(cs_json_member_string(vector, "boc").data, &size);
	CsTonBag	bag;
	CsTonCellError error = cs_ton_bag_read(bytes, size, &bag);

	if (!ok(error == CS_TON_CELL_OK, "%s: %s", name, cs_ton_cell_problem(error)))
	{
		free(bytes);
		return;
	}
	ok(cells == NULL || (int64_t) bag.count == json_object_get_int64(cells),
	   "so many cells");
	ok(is_hash(bag.cells[bag.root].hash,
			   cs_json_member_string(vector, "root_hash").data),
	   "the hash of the root");
	if (cs_json_member(vector, "destination") != NULL)
		check_message(vector, &bag);
	cs_ton_bag_free(&bag);
	free(bytes);
}

static void
test_samples(const char *file_name, int expected,
			 void (*check) (struct json_object *vector))
{
	char		path[128];
	size_t		length;
	char	   *file;
	char	   *at;
	char	   *line;
	int			count = 0;

	(void) snprintf(path, sizeof(path), SAMPLES "%s.jsonl", file_name);
	file = at = read_whole_file(path, &length);
	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line),
														NULL);

		check(vector);
		json_object_put(vector);
		count++;
	}
	ok(count == expected, "%d lines of %s", expected, file_name);
	free(file);
}

static void
check_invalid(struct json_object *vector)
{
	static const struct
	{
		const char *name;
		CsTonCellError error;
	}			expected[] = {
		{"wrong magic", CS_TON_CELL_MAGIC},
		{"truncated by three bytes", CS_TON_CELL_SIZE},
		{"one byte too many", CS_TON_CELL_SIZE},
		{"CRC-32C does not match", CS_TON_CELL_CHECKSUM},
		{"root references itself", CS_TON_CELL_REFERENCE},
		{"reference index past the last cell", CS_TON_CELL_REFERENCE},
		{"descriptor claims five references", CS_TON_CELL_FORM},
		{"cell count zero", CS_TON_CELL_HEADER},
		{"cell count larger than the data", CS_TON_CELL_SIZE},
		{"empty input", CS_TON_CELL_MAGIC},
		{"not base64 at all", CS_TON_CELL_OK},
	};
	const char *name = cs_json_member_string(vector, "name").data;
	size_t		size;
	uint8_t    *bytes = decode(cs_json_member_string(vector, "boc").data, &size);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		CsTonBag	bag;

		if (strcmp(expected[i].name, name) != 0)
			continue;
		if (expected[i].error == CS_TON_CELL_OK)
			ok(bytes == NULL, "%s", name);
		else
			ok(bytes != NULL &&
			   cs_ton_bag_read(bytes, size, &bag) == expected[i].error,
			   "%s: %s", name, cs_ton_cell_problem(expected[i].error));
		free(bytes);
		return;
	}
	free(bytes);
	ok(false, "a vector that is not known: %s", name);
}

/* ---------- the worked example ---------- */

static void
test_example(void)
{
	static const struct
	{
		uint16_t	bits;
		uint16_t	depth;
		uint8_t		references;
		const char *hash;
	}			expected[] = {
		{277, 3, 1, "ea7fe861530795f607d0b8299924d8ad63198c8314239314a608da548ed3e28a"},
		{624, 2, 1, "b77bf0138b13bbd523253aaddd831fa4b09e15dfd67b0dc994f53c77b9aad9d0"},
		{400, 1, 1, "4e4460d0784f25fa1872fe29158f0f974a6de975cb486cd730dca74990905931"},
		{72, 0, 0, "551f6c3e8d7ae7d9b3ac53bca9b6f82cff322fb16113820776d14a3f93b93951"},
	};
	size_t		size;
	uint8_t    *bytes = decode(EXAMPLE, &size);
	CsTonBag	bag;

	ok(size == 194 && cs_ton_bag_read(bytes, size, &bag) == CS_TON_CELL_OK &&
	   bag.count == 4 && bag.root == 0, "the worked example");
	for (size_t i = 0; i < 4; i++)
		ok(bag.cells[i].bits == expected[i].bits &&
		   bag.cells[i].depth == expected[i].depth &&
		   bag.cells[i].reference_count == expected[i].references &&
		   is_hash(bag.cells[i].hash, expected[i].hash), "cell %zu", i);
	cs_ton_bag_free(&bag);
	free(bytes);
}

/* ---------- what the samples do not have ---------- */

/* Read a bag given in hexadecimal; also its message if *message* is given. */
static CsTonCellError
read_hex(const char *text, CsTonMessage *message)
{
	size_t		size = strlen(text) / 2;
	uint8_t    *bytes = malloc(size + 1);
	CsTonBag	bag;
	CsTonCellError error;

	if (!cs_hex_decode(text, strlen(text), bytes))
		bail_out("not hexadecimal: %s", text);
	error = cs_ton_bag_read(bytes, size, &bag);
	if (error == CS_TON_CELL_OK)
	{
		if (message != NULL)
			error = cs_ton_message_read(&bag, message);
		cs_ton_bag_free(&bag);
	}
	free(bytes);
	return error;
}

#define ZERO32 "0000000000000000000000000000000000000000000000000000000000000000"

static void
test_malformed(void)
{
	static const struct
	{
		const char *bag;
		CsTonCellError error;
		const char *name;
	}			bags[] = {
		{"b5ee9c72" "01010101" "0002" "00" "0000", CS_TON_CELL_OK,
		"the empty cell"},
		{"b5ee9c72" "01010101" "0003" "00" "0001c0", CS_TON_CELL_OK,
		"a cell of one bit"},
		{"b5ee9c72" "01010101" "0003" "00" "000100", CS_TON_CELL_FORM,
		"an incomplete byte without its end"},
		{"b5ee9c72" "01010101" "0003" "00" "000180", CS_TON_CELL_FORM,
		"an incomplete byte that is whole"},
		{"b5ee9c72" "21010101" "0002" "00" "0000", CS_TON_CELL_HEADER,
		"a cache without an index"},
		{"b5ee9c72" "09010101" "0002" "00" "0000", CS_TON_CELL_HEADER,
		"a flag that does not exist"},
		{"b5ee9c72" "05010101" "0002" "00" "0000", CS_TON_CELL_HEADER,
		"references of five bytes"},
		{"b5ee9c72" "00010101" "0002" "00" "0000", CS_TON_CELL_HEADER,
		"references of no bytes"},
		{"b5ee9c72" "01090101" "0002" "00" "0000", CS_TON_CELL_HEADER,
		"offsets of nine bytes"},
		{"b5ee9c72" "01010102" "0002" "0000" "0000", CS_TON_CELL_HEADER,
		"two roots"},
		{"b5ee9c72" "01010101" "0102" "00" "0000", CS_TON_CELL_HEADER,
		"an absent cell"},
		{"b5ee9c72" "01010101" "0002" "01" "0000", CS_TON_CELL_HEADER,
		"a root that is not there"},
		{"b5ee9c72" "01080101" "00ffffffffffffffff" "00" "0000",
		CS_TON_CELL_SIZE, "sizes that overflow"},
		{"b5ee9c72" "0401ffffffff" "00000001" "00000000" "02" "00000000" "0000",
		CS_TON_CELL_SIZE, "more cells than could be there"},
		{"b5ee9c72" "81010101" "0002" "00" "0000", CS_TON_CELL_SIZE,
		"an index that is not there"},
		{"b5ee9c72" "01010101" "0002" "00" "2000", CS_TON_CELL_EXOTIC,
		"a level"},
		{"b5ee9c72" "01010101" "0002" "00" "1000", CS_TON_CELL_EXOTIC,
		"stored hashes"},
		{"b5ee9c72" "01010101" "0024" "00" "0844" "01" ZERO32 "00",
		CS_TON_CELL_EXOTIC, "an exotic cell that is no library"},
		{"b5ee9c72" "01010101" "0023" "00" "0842" "02" ZERO32,
		CS_TON_CELL_OK, "a library cell"},
	};

	for (size_t i = 0; i < sizeof(bags) / sizeof(bags[0]); i++)
		ok(read_hex(bags[i].bag, NULL) == bags[i].error, "%s: %s",
		   bags[i].name, cs_ton_cell_problem(bags[i].error));
	for (int i = CS_TON_CELL_OK; i <= CS_TON_CELL_MEMORY; i++)
		ok(strcmp(cs_ton_cell_problem((CsTonCellError) i), "unknown") != 0,
		   "problem %d has a name", i);
}

/* The hash of the only cell of a bag. */
static bool
has_hash(const char *text, const char *expected)
{
	size_t		size = strlen(text) / 2;
	uint8_t    *bytes = malloc(size);
	CsTonBag	bag;
	bool		same = false;

	if (cs_hex_decode(text, strlen(text), bytes) &&
		cs_ton_bag_read(bytes, size, &bag) == CS_TON_CELL_OK)
	{
		same = is_hash(bag.cells[0].hash, expected);
		cs_ton_bag_free(&bag);
	}
	free(bytes);
	return same;
}

/* As the npm package @ton/core computes them. */
static void
test_plain_hashes(void)
{
	ok(has_hash("b5ee9c72" "01010101" "0002" "00" "0000",
				"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
	   "the hash of the empty cell");
	ok(has_hash("b5ee9c72" "01010101" "0023" "00" "0842" "02" ZERO32,
				"6f3fd5de541ec62d350d30785ada554a2b13b887a3e4e51896799d0b0c46c552"),
	   "the hash of a library cell");
}

/* A chain of *count* empty cells, each but the last referring to the next. */
static CsTonCellError
read_chain(size_t count)
{
	size_t		total = count * 4 - 2;
	size_t		size = 4 + 2 + 6 + 3 + 2 + total;
	uint8_t    *bytes = calloc(1, size);
	uint8_t    *at = bytes + 17;
	CsTonBag	bag;
	CsTonCellError error;
	const uint8_t header[] = {0xB5, 0xEE, 0x9C, 0x72, 2, 3,
		(uint8_t) (count >> 8), (uint8_t) count, 0, 1, 0, 0,
		0, (uint8_t) (total >> 8), (uint8_t) total, 0, 0};

	memcpy(bytes, header, sizeof(header));
	for (size_t i = 1; i < count; i++)
	{
		*at++ = 1;
		*at++ = 0;
		*at++ = (uint8_t) (i >> 8);
		*at++ = (uint8_t) i;
	}
	error = cs_ton_bag_read(bytes, size, &bag);
	if (error == CS_TON_CELL_OK)
		cs_ton_bag_free(&bag);
	free(bytes);
	return error;
}

static void
test_limits(void)
{
	uint8_t    *bytes = calloc(1, CS_TON_BAG_MAX + 1);
	CsTonBag	bag;

	ok(read_chain(CS_TON_DEPTH_MAX + 1) == CS_TON_CELL_OK,
	   "as deep as may be");
	ok(read_chain(CS_TON_DEPTH_MAX + 2) == CS_TON_CELL_DEPTH,
	   "one too deep");
	ok(read_chain(16000) == CS_TON_CELL_DEPTH, "far too deep");
	ok(cs_ton_bag_read(bytes, CS_TON_BAG_MAX + 1, &bag) == CS_TON_CELL_SIZE,
	   "larger than any message");
	free(bytes);
}

/* A bag of one cell with so many bytes of data, in hexadecimal. */
#define CELL(size, d2, data) \
	"b5ee9c72" "01010101" "00" size "00" "00" d2 data

/* Cells that are no message, or an odd one. */
static void
test_messages(void)
{
	CsTonMessage message;

	ok(read_hex(CELL("02", "00", ""), &message) == CS_TON_CELL_MESSAGE,
	   "an empty cell is no message");
	ok(read_hex(CELL("25", "46", "48" "00" ZERO32 "00"), &message) ==
	   CS_TON_CELL_MESSAGE, "nor is an internal message");
	ok(read_hex(CELL("25", "46", "80" "00" ZERO32 "00"), &message) ==
	   CS_TON_CELL_MESSAGE, "nor one without a destination");
	ok(read_hex("b5ee9c72" "01010101" "0023" "00" "0842" "02" ZERO32,
				&message) == CS_TON_CELL_MESSAGE, "nor is a library");

	/* 10 00 10 0 00000000 hash 0000 0 0: body inline and empty */
	ok(read_hex(CELL("25", "45", "88" "00" ZERO32 "04"), &message) ==
	   CS_TON_CELL_OK && !message.deploys &&
	   is_hash(message.body_hash,
			   "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
	   "an empty body is the empty cell");

	/* ... 0000 0 1: body by reference, which is missing */
	ok(read_hex(CELL("25", "45", "88" "00" ZERO32 "0c"), &message) ==
	   CS_TON_CELL_MESSAGE, "a body that is not there");

	/* 10 00 10 0 00000000 hash 0000 0, and there it ends */
	ok(read_hex("b5ee9c72" "01010201" "0028" "00"
				"0145" "88" "00" ZERO32 "08" "01" "0000", &message) ==
	   CS_TON_CELL_MESSAGE, "a message that ends before its body");

	/* anycast of depth 31 with too few bits */
	ok(read_hex(CELL("05", "06", "8b" "ff" "ff"), &message) ==
	   CS_TON_CELL_MESSAGE, "a destination that is cut off");
}

int
main(void)
{
	test_samples("boc-valid", 10, check_vector);
	test_samples("boc-variants", 5, check_vector);
	test_samples("boc-invalid", 11, check_invalid);
	test_example();
	test_malformed();
	test_plain_hashes();
	test_limits();
	test_messages();
	return tap_end();
}
