/*-------------------------------------------------------------------------
 *
 * ton_cell_fuzz.c
 *	  Hostile bags of cells.
 *
 * An input is the bytes of a bag.  Besides what the sanitizers see: references
 * lead forward and depths fit, so that whatever was read is a tree.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/ton_cell.h"
#include "mutate.h"
#include "provider/json.h"

static void
check_bag(const CsTonBag *bag, size_t size)
{
	CHECK(bag->count > 0 && bag->count <= size / 2 && bag->root < bag->count);
	for (size_t i = 0; i < bag->count; i++)
	{
		const CsTonCell *cell = &bag->cells[i];

		CHECK(cell->bits <= 1023 && cell->depth <= CS_TON_DEPTH_MAX &&
			  cell->reference_count <= CS_TON_REFERENCES_MAX);
		CHECK((cell->depth > 0) == (cell->reference_count > 0));
		for (int n = 0; n < cell->reference_count; n++)
		{
			CHECK(cell->references[n] > i && cell->references[n] < bag->count);
			CHECK(bag->cells[cell->references[n]].depth < cell->depth);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t    *bytes;
	CsTonBag	bag;
	CsTonMessage message;

	if (size < FUZZ_HEAD)
		return 0;

	/* Not a byte more, so that reading one is noticed. */
	size -= FUZZ_HEAD;
	bytes = malloc(size > 0 ? size : 1);
	CHECK(bytes != NULL);
	memcpy(bytes, data + FUZZ_HEAD, size);
	if (cs_ton_bag_read(bytes, size, &bag) == CS_TON_CELL_OK)
	{
		check_bag(&bag, size);
		if (cs_ton_message_read(&bag, &message) == CS_TON_CELL_OK)
			CHECK(memcmp(message.hash, bag.cells[bag.root].hash, 32) == 0);
		cs_ton_bag_free(&bag);
	}
	free(bytes);
	return 0;
}

#ifndef CS_LIBFUZZER

static void
seed_bags(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;

	CHECK(file != NULL);
	while ((length = getline(&line, &capacity, file)) > 0)
	{
		struct json_object *vector = cs_json_parse_once(line, (size_t) length,
														NULL);
		CsText		text = cs_json_member_string(vector, "boc");
		uint8_t    *bytes = malloc(CS_BASE64_BYTES(text.length));
		size_t		size;

		CHECK(bytes != NULL);
		if (cs_base64_decode(text.data, text.length, bytes, &size))
			fuzz_seed((const uint8_t[FUZZ_HEAD]) {0}, (const char *) bytes,
					  size);
		free(bytes);
		json_object_put(vector);
	}
	free(line);
	(void) fclose(file);
}

int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\xB5\xEE\x9C\x72", "\x01", "\x02",
		"\x04", "\x08", "\x10", "\x80", "\xC0", "\xFF", "\xFF\xFF\xFF\xFF", NULL};

	seed_bags("test/samples/ton/boc-valid.jsonl");
	seed_bags("test/samples/ton/boc-variants.jsonl");
	seed_bags("test/samples/ton/boc-invalid.jsonl");
	return fuzz_run("ton_cell_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
