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
static uint64_t state = 1;
static const char *const *own_pieces;
static uint32_t own_count;

/* ---------- seeds ---------- */

void
fuzz_seed(const uint8_t head[FUZZ_HEAD], const char *text, size_t length)
{
	Seed	   *seed = &seeds[seed_count];

	if (seed_count == SEEDS_MAX || length > INPUT_MAX / 2)
		return;
	memcpy(seed->head, head, FUZZ_HEAD);
	seed->text = malloc(length + 1);
	memcpy(seed->text, text, length);
	seed->text[length] = '\0';
	seed->length = length;
	seed_count++;
}

static void
seed_file(const uint8_t head[FUZZ_HEAD], const char *path)
{
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;
	FILE	   *file = fopen(path, "r");

	CHECK(file != NULL);
	while ((length = getline(&line, &capacity, file)) > 0)
	{
		if (line[length - 1] == '\n')
			length--;
		fuzz_seed(head, line, (size_t) length);
	}
	free(line);
	(void) fclose(file);
}

void
fuzz_seed_lines(const uint8_t head[FUZZ_HEAD], const char *folder)
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
				fuzz_seed_lines(head, path);
			else if (strstr(name, ".md") == NULL)
				seed_file(head, path);
		}
		free(entries[i]);
	}
	free(entries);
}

const char *
fuzz_seed_text(const uint8_t head[FUZZ_HEAD], uint32_t number, size_t *length)
{
	for (uint32_t i = 0; i < seed_count; i++)
	{
		const Seed *seed = &seeds[(number + i) % seed_count];

		if (memcmp(seed->head, head, FUZZ_HEAD) == 0)
		{
			*length = seed->length;
			return seed->text;
		}
	}
	return NULL;
}

/* ---------- mutation ---------- */

/* A small generator of our own, to be the same everywhere. */
uint32_t
fuzz_draw(uint32_t limit)
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
	uint32_t	drawn = fuzz_draw(count + own_count);

	return drawn < count ? pieces[drawn] : own_pieces[drawn - count];
}

/* One small change. */
static size_t
mutate(char *text, size_t length)
{
	size_t		at = fuzz_draw((uint32_t) length + 1);
	char		byte = (char) fuzz_draw(256);
	const char *piece = draw_piece();
	const Seed *other = &seeds[fuzz_draw(seed_count)];
	size_t		from = fuzz_draw((uint32_t) other->length + 1);

	switch (fuzz_draw(7))
	{
		case 0:
			return splice(text, length, at, 1, &byte, 1);
		case 1:
			return splice(text, length, at, fuzz_draw(8), "", 0);
		case 2:
			return splice(text, length, at, 0, piece, strlen(piece));
		case 3:
			return splice(text, length, at, fuzz_draw(20), piece, strlen(piece));
		case 4:
			return at;			/* truncated */
		case 5:
			return splice(text, length, at, fuzz_draw(100), other->text + from,
						  fuzz_draw((uint32_t) (other->length - from) + 1));
		default:
			if (at < length)
				text[at] = (char) (text[at] ^ (1 << fuzz_draw(8)));
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
		const Seed *from = &seeds[fuzz_draw(seed_count)];
		char	   *text = (char *) input + FUZZ_HEAD;
		size_t		length = from->length;

		if (limit > 0 && done % 256 == 0 && time(NULL) - start >= limit)
			break;
		memcpy(text, from->text, length);
		for (uint32_t changes = fuzz_draw(5); changes > 0; changes--)
			length = mutate(text, length);
		memcpy(input, from->head, FUZZ_HEAD);
		if (fuzz_draw(50) == 0)
			input[fuzz_draw(FUZZ_HEAD)] = (uint8_t) fuzz_draw(256);
		(void) LLVMFuzzerTestOneInput(input, length + FUZZ_HEAD);
	}
	printf("%s: seed %llu, %ld inputs from %u seeds\n", name, seed, done,
		   (unsigned int) seed_count);
	for (uint32_t i = 0; i < seed_count; i++)
		free(seeds[i].text);
	return 0;
}
