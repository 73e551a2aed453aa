/*-------------------------------------------------------------------------
 *
 * mutate.c
 *	  What the fuzzers share: seeds, small changes, and a main loop.
 *
 *-------------------------------------------------------------------------
 */
#include "mutate.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SEEDS_MAX	4000
#define INPUT_MAX	40000

typedef struct Seed
{
	uint8_t		head[FUZZ_HEAD];
	char	   *text;
	size_t		length;
} Seed;

static Seed seeds[SEEDS_MAX];
static uint32_t seed_count;
static uint16_t *kinds[256];	/* numbers of the seeds of each kind */
static uint32_t kind_counts[256];
static uint64_t state = 1;
static const char *const *own_pieces;
static uint32_t own_count;

/* ---------- seeds ---------- */

void
fuzz_seed(const uint8_t head[FUZZ_HEAD], const char *text, size_t length)
{
	Seed	   *seed = &seeds[seed_count];
	uint8_t		kind = head[0];

	CHECK(seed_count < SEEDS_MAX);
	if (length > INPUT_MAX / 2)
		return;
	kinds[kind] = realloc(kinds[kind],
						  (kind_counts[kind] + 1) * sizeof(uint16_t));
	CHECK(kinds[kind] != NULL);
	kinds[kind][kind_counts[kind]++] = (uint16_t) seed_count;
	memcpy(seed->head, head, FUZZ_HEAD);
	seed->text = malloc(length + 1);
	CHECK(seed->text != NULL);
	memcpy(seed->text, text, length);
	seed->text[length] = '\0';
	seed->length = length;
	seed_count++;
}

void
fuzz_seed_noise(const uint8_t head[FUZZ_HEAD], size_t length)
{
	uint32_t	number = head[0] * 256U + head[1];
	char		text[INPUT_MAX / 2];

	CHECK(length <= sizeof(text));
	for (size_t i = 0; i < length; i++)
	{
		number = number * 1664525 + 1013904223;
		text[i] = (char) (number >> 24);
	}
	fuzz_seed(head, text, length);
}

static void
visit_file(const char *path,
		   void (*visit) (const char *path, const char *text, size_t length,
						  void *context), void *context)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text;
	long		size;

	CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
	text = malloc((size_t) size + 1);
	CHECK(text != NULL);
	CHECK(fread(text, 1, (size_t) size, file) == (size_t) size);
	text[size] = '\0';
	visit(path, text, (size_t) size, context);
	free(text);
	(void) fclose(file);
}

void
fuzz_files(const char *folder,
		   void (*visit) (const char *path, const char *text, size_t length,
						  void *context), void *context)
{
	struct dirent **entries;
	int			count = scandir(folder, &entries, NULL, alphasort);

	CHECK(count >= 0);
	for (int i = 0; i < count; i++)
	{
		const char *name = entries[i]->d_name;
		char		path[512];
		struct stat status;

		(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (name[0] != '.' && stat(path, &status) == 0)
		{
			if (S_ISDIR(status.st_mode))
				fuzz_files(path, visit, context);
			else if (strstr(name, ".md") == NULL)
				visit_file(path, visit, context);
		}
		free(entries[i]);
	}
	free(entries);
}

const char *
fuzz_seed_text(uint8_t kind, uint32_t number, size_t *length)
{
	const Seed *seed;

	if (kind_counts[kind] == 0)
		return NULL;
	seed = &seeds[kinds[kind][number % kind_counts[kind]]];
	*length = seed->length;
	return seed->text;
}

/* ---------- mutation ---------- */

/* A small generator of our own, to be the same everywhere. */
static uint32_t
draw(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t) (state >> 32) % limit;
}

/* Replace *count* bytes at *at* by a piece. */
static size_t
splice(char *text, size_t length, size_t at, size_t count, const char *piece,
	   size_t size)
{
	if (count > length - at)
		count = length - at;
	if (length - count + size > INPUT_MAX)
		return length;
	memmove(text + at + size, text + at + count, length - at - count);
	memcpy(text + at, piece, size);
	return length - count + size;
}

static const char *
draw_piece(void)
{
	static const char *const pieces[] = {"\"", "\\", "{", "}", "[", "]", ",",
		":", "null", "true", "\"\"", "{}", "[]", "0", "-1", "1e999", "\\u0000",
		"\\ud800", "\xC3\xA9", "\xFF", "\xED\xA0\x80", "\x01",
		"9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"340282366920938463463374607431768211456", "NaN", "'", "/**/", "\n",
		"{\"a\":{\"a\":{\"a\":", "[[[[[[[[[[[[[[[[[[[[[[[[[[["};
	uint32_t	count = sizeof(pieces) / sizeof(pieces[0]);
	uint32_t	drawn = draw(count + own_count);

	return drawn < count ? pieces[drawn] : own_pieces[drawn - count];
}

/* One small change. */
static size_t
mutate(char *text, size_t length)
{
	size_t		at = draw((uint32_t) length + 1);
	char		byte = (char) draw(256);
	const char *piece = draw_piece();
	const Seed *other = &seeds[draw(seed_count)];
	size_t		from = draw((uint32_t) other->length + 1);

	switch (draw(7))
	{
		case 0:
			return splice(text, length, at, 1, &byte, 1);
		case 1:
			return splice(text, length, at, draw(8), "", 0);
		case 2:
			return splice(text, length, at, 0, piece, strlen(piece));
		case 3:
			return splice(text, length, at, draw(20), piece, strlen(piece));
		case 4:
			return at;			/* truncated */
		case 5:
			return splice(text, length, at, draw(100), other->text + from,
						  draw((uint32_t) (other->length - from) + 1));
		default:
			if (at < length)
				text[at] = (char) (text[at] ^ (1 << draw(8)));
			return length;
	}
}

/* ---------- the loop ---------- */

int
fuzz_run(const char *name, int argc, char **argv, const char *const *pieces)
{
	unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long		iterations = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
	long		limit = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	time_t		start = time(NULL);
	long		done;

	CHECK(seed_count > 0);
	state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	own_pieces = pieces;
	for (own_count = 0; pieces != NULL && pieces[own_count] != NULL;)
		own_count++;
	for (done = 0; done < iterations; done++)
	{
		static uint8_t input[INPUT_MAX + FUZZ_HEAD];
		const Seed *from = &seeds[draw(seed_count)];
		char	   *text = (char *) input + FUZZ_HEAD;
		size_t		length = from->length;

		if (limit > 0 && done % 256 == 0 && time(NULL) - start >= limit)
			break;
		memcpy(text, from->text, length);
		for (uint32_t changes = draw(5); changes > 0; changes--)
			length = mutate(text, length);
		memcpy(input, from->head, FUZZ_HEAD);
		if (draw(50) == 0)
			input[0] = (uint8_t) draw(256);
		if (draw(2) == 0)
			input[1] = (uint8_t) draw(256);
		(void) LLVMFuzzerTestOneInput(input, length + FUZZ_HEAD);
	}
	printf("%s: seed %llu, %ld inputs from %u seeds\n", name, seed, done,
		   (unsigned int) seed_count);
	for (uint32_t i = 0; i < seed_count; i++)
		free(seeds[i].text);
	for (uint32_t i = 0; i < 256; i++)
		free(kinds[i]);
	return 0;
}
