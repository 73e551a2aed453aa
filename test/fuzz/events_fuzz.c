/*-------------------------------------------------------------------------
 *
 * events_fuzz.c
 *	  Hostile input for the reader of server-sent events.
 *
 * The first byte of an input is the limit, the second says how the rest is cut
 * into pieces.  A stream must give the same events however it is cut, none
 * longer than the limit, and in no more memory than that.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "mutate.h"
#include "wire/events.h"

#define MEMORY_MIN 4096			/* is allocated whatever the limit */

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

/* A stream, whole and its beginning, under limits it keeps and does not keep. */
static void
seed_stream(const char *path, const char *text, size_t length, void *context)
{
	static const uint8_t limits[] = {0, 1, 40, 63, 64, 255};

	(void) context;
	if (strstr(path, ".sse") == NULL)
		return;
	for (size_t i = 0; i < sizeof(limits); i++)
	{
		fuzz_seed((uint8_t[]) {limits[i], (uint8_t) i}, text,
				  length < 20000 ? length : 20000);
		fuzz_seed((uint8_t[]) {limits[i], 0}, text,
				  length < 10 * i ? length : 10 * i);
	}
}

int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\n", "\r", "\r\n", "\n\n", "\r\r",
		":", " ", "data", "data:", "data: ", "data\n", "event: x\n", "id",
		"retry", "\xEF\xBB\xBF", "\xEF", "\xC3", "dat", "a", ":\n", "data:\n\n",
		"\r\n\r\n", "\r\ndata:x\r\n", "data:\r", NULL};

	fuzz_files("test/samples/tonapi", seed_stream, NULL);
	fuzz_files("test/samples/toncenter", seed_stream, NULL);
	return fuzz_run("events_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
