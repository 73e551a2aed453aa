/*-------------------------------------------------------------------------
 *
 * ton_cell_fuzz.c
 *	  Hostile bags of cells.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * Without CS_LIBFUZZER there is a main() that needs no more than gcc: it
 * mutates the samples, always in the same way for the same seed.
 *		ton_cell_fuzz [seed [iterations [seconds]]]
 * Run it from the root of the source tree.
 *
 * An input is the bytes of a bag.  Besides what the sanitizers see: references
 * lead forward and depths fit, so that whatever was read is a tree.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/ton_cell.h"
#include "provider/json.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "ton_cell_fuzz: line %d: %s\n", __LINE__, \
					#condition); \
			abort(); \
		} \
	} while (0)

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
	uint8_t    *bytes = malloc(size + 1);
	CsTonBag	bag;
	CsTonMessage message;

	if (bytes == NULL)
		return 0;
	memcpy(bytes, data, size);
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

#define SEEDS_MAX	64
#define INPUT_MAX	4096

static uint8_t seeds[SEEDS_MAX][INPUT_MAX];
static size_t sizes[SEEDS_MAX];
static int	seed_count;
static uint64_t state;

/* A small generator of our own, to be the same everywhere. */
static uint32_t
draw(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t) (state >> 32) % limit;
}

static void
load_seeds(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;

	if (file == NULL)
	{
		fprintf(stderr, "ton_cell_fuzz: cannot read %s\n", path);
		exit(2);
	}
	while ((length = getline(&line, &capacity, file)) > 0)
	{
		struct json_object *vector = cs_json_parse_once(line, (size_t) length,
														NULL);
		CsText		text = cs_json_member_string(vector, "boc");

		if (seed_count < SEEDS_MAX && CS_BASE64_BYTES(text.length) < INPUT_MAX &&
			cs_base64_decode(text.data, text.length, seeds[seed_count],
							 &sizes[seed_count]))
			seed_count++;
		json_object_put(vector);
	}
	free(line);
	(void) fclose(file);
}

/* One small change to *size* bytes. */
static size_t
mutate(uint8_t *bytes, size_t size)
{
	size_t		at = draw((uint32_t) size + 1);

	switch (draw(5))
	{
		case 0:
			return at;			/* truncated */
		case 1:
			if (size == INPUT_MAX)
				return size;
			memmove(bytes + at + 1, bytes + at, size - at);
			bytes[at] = (uint8_t) draw(256);
			return size + 1;
		case 2:
			at = draw(24);		/* the header, and the first cell */
			break;
		default:
			break;
	}
	if (at < size)
		bytes[at] = draw(2) ? (uint8_t) draw(256) :
			(uint8_t) (bytes[at] ^ 1 << draw(8));
	return size;
}

int
main(int argc, char **argv)
{
	unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long		iterations = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
	long		limit = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	time_t		start = time(NULL);
	long		done;

	state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	load_seeds("test/samples/ton/boc-valid.jsonl");
	load_seeds("test/samples/ton/boc-variants.jsonl");
	load_seeds("test/samples/ton/boc-invalid.jsonl");
	for (done = 0; done < iterations; done++)
	{
		uint8_t		input[INPUT_MAX];
		uint32_t	from = draw((uint32_t) seed_count);
		size_t		size = sizes[from];

		if (limit > 0 && done % 256 == 0 && time(NULL) - start >= limit)
			break;
		memcpy(input, seeds[from], size);
		for (uint32_t changes = draw(4); changes > 0; changes--)
			size = mutate(input, size);
		(void) LLVMFuzzerTestOneInput(input, size);
	}
	printf("ton_cell_fuzz: seed %llu, %ld inputs\n", seed, done);
	return 0;
}

#endif							/* CS_LIBFUZZER */
