/*-------------------------------------------------------------------------
 *
 * events_fuzz.c
 *	  Hostile input for the reader of server-sent events.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * Without CS_LIBFUZZER there is a main() that needs no more than gcc: it
 * mutates recorded streams, always in the same way for the same seed.
 *		events_fuzz [seed [iterations [seconds]]]
 * It stops after so many iterations or seconds, whichever comes first; run it
 * from the root of the source tree.
 *
 * The first byte of an input is the limit, the second says how the rest is cut
 * into pieces.  A stream must give the same events however it is cut, none
 * longer than the limit, and in no more memory than that.
 *
 *-------------------------------------------------------------------------
 */
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/events.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 32768
#define MEMORY_MIN 4096			/* is allocated whatever the limit */

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "events_fuzz: line %d: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* What came out: how many events, how it ended, and a hash of all of them. */
typedef struct Result
{
	size_t		count;
	CsEventsOutcome end;
	uint64_t	hash;
} Result;

static void
hash(Result *result, const void *data, size_t length)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < length; i++)
		result->hash = (result->hash ^ byte[i]) * UINT64_C(1099511628211);
}

/* Read one piece, in memory of its own. */
static void
feed(CsEvents *events, Result *result, const char *text, size_t length)
{
	char	   *piece = malloc(length == 0 ? 1 : length);
	const char *at = piece;

	CHECK(piece != NULL);
	if (length > 0)
		memcpy(piece, text, length);
	while ((result->end = cs_events_read(events, &at, piece + length)) ==
		   CS_EVENTS_DISPATCH)
	{
		CHECK(events->length <= events->limit);
		CHECK(events->data != NULL && events->length < events->size);
		result->count++;
		hash(result, &events->length, sizeof(events->length));
		hash(result, events->data, events->length);
		if (events->length % 7 == 3)
			free(cs_events_take(events));
	}
	CHECK(result->end != CS_EVENTS_NO_MEMORY);
	CHECK(result->end != CS_EVENTS_MORE || at == piece + length);
	CHECK(events->size <= MEMORY_MIN || events->size <= events->limit + 1);
	free(piece);
}

static Result
read_stream(const char *text, size_t length, size_t limit, unsigned cut)
{
	Result		result = {0, CS_EVENTS_MORE, UINT64_C(14695981039346656037)};
	CsEvents	events;
	size_t		at = 0;

	cs_events_init(&events, limit);
	while (at < length && result.end == CS_EVENTS_MORE)
	{
		size_t		piece = length - at;

		if (cut != 0)
		{
			cut = cut * 1103515245 + 12345;
			piece = (cut >> 16) % (cut % 5 == 0 ? 300 : 4);
			piece = piece > length - at ? length - at : piece;
		}
		feed(&events, &result, text + at, piece);
		at += piece;
	}
	cs_events_free(&events);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		limit;
	Result		whole;
	Result		pieces;

	if (size < 2)
		return 0;
	limit = data[0] < 64 ? data[0] : (size_t) data[0] * 64;
	whole = read_stream((const char *) data + 2, size - 2, limit, 0);
	pieces = read_stream((const char *) data + 2, size - 2, limit,
						 data[1] + 1U);
	CHECK(whole.end == pieces.end);
	CHECK(whole.count == pieces.count && whole.hash == pieces.hash);
	return 0;
}

#ifndef CS_LIBFUZZER

static char *seeds[64];
static size_t seed_lengths[64];
static uint32_t seed_count;
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
load_seed(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text = malloc(INPUT_MAX / 2);

	if (file == NULL || text == NULL || seed_count == 64)
	{
		fprintf(stderr, "events_fuzz: cannot read %s\n", path);
		exit(2);
	}
	seed_lengths[seed_count] = fread(text, 1, INPUT_MAX / 2, file);
	seeds[seed_count++] = text;
	(void) fclose(file);
}

static void
load_seeds(void)
{
	static const char *const patterns[] = {
		"test/samples/tonapi/*.sse", "test/samples/toncenter/*.sse"
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
	{
		glob_t		found;

		if (glob(patterns[i], 0, NULL, &found) != 0)
		{
			fprintf(stderr, "events_fuzz: no %s\n", patterns[i]);
			exit(2);
		}
		for (size_t k = 0; k < found.gl_pathc; k++)
			load_seed(found.gl_pathv[k]);
		globfree(&found);
	}
}

/* One small change. */
static size_t
mutate(char *text, size_t length)
{
	static const char *const pieces[] = {"\n", "\r", "\r\n", "\n\n", "\r\r", ":",
		" ", "data", "data:", "data: ", "data\n", "event: x\n", "id", "retry",
		"\xEF\xBB\xBF", "\xEF", "\xC3", "dat", "a", ":\n", "data:\n\n"};
	const char *piece = pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];
	size_t		at = draw((uint32_t) length + 1);
	size_t		size = draw(8) == 0 ? 0 : strlen(piece);
	size_t		count = draw(2) == 0 ? 0 : draw(40);

	if (draw(20) == 0)
		return at;				/* truncated */
	if (count > length - at)
		count = length - at;
	if (length - count + size > INPUT_MAX)
		return length;
	memmove(text + at + size, text + at + count, length - at - count);
	memcpy(text + at, piece, size);
	return length - count + size;
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
	load_seeds();
	for (done = 0; done < iterations; done++)
	{
		static uint8_t input[INPUT_MAX + 2];
		char	   *text = (char *) input + 2;
		uint32_t	from = draw(seed_count);
		size_t		length = seed_lengths[from];

		if (limit > 0 && done % 256 == 0 && time(NULL) - start >= limit)
			break;
		memcpy(text, seeds[from], length);
		if (draw(4) == 0)
			length = draw(length < 60 ? (uint32_t) length : 60);
		for (uint32_t changes = draw(30); changes > 0; changes--)
			length = mutate(text, length);
		input[0] = (uint8_t) draw(256);
		input[1] = (uint8_t) draw(256);
		(void) LLVMFuzzerTestOneInput(input, length + 2);
	}
	printf("events_fuzz: seed %llu, %ld inputs\n", seed, done);
	for (uint32_t i = 0; i < seed_count; i++)
		free(seeds[i]);
	return 0;
}

#endif							/* CS_LIBFUZZER */
