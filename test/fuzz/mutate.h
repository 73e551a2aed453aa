/*-------------------------------------------------------------------------
 *
 * mutate.h
 *	  What the fuzzers share: seeds, small changes, and a main loop that needs
 *	  no more than gcc.
 *
 * A fuzzer defines LLVMFuzzerTestOneInput(), which is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * and a main() that adds seeds and ends with "return fuzz_run(...)".  The same
 * seed number makes the same inputs everywhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MUTATE_H
#define MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes of an input are a head that says what the rest is. */
#define FUZZ_HEAD 2

/* Stop with the line that was wrong. */
#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s: line %d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A text to begin with, under the head it belongs to. */
extern void fuzz_seed(const uint8_t head[FUZZ_HEAD], const char *text,
					  size_t length);

/* Every line of every file below a folder, as such a text. */
extern void fuzz_seed_lines(const uint8_t head[FUZZ_HEAD], const char *folder);

/* A number below *limit*, from the generator of the run. */
extern uint32_t fuzz_draw(uint32_t limit);

/* A text among the seeds whose head is this, any of them; NULL: none. */
extern const char *fuzz_seed_text(const uint8_t head[FUZZ_HEAD],
								  uint32_t number, size_t *length);

/*
 * Make inputs until the number of iterations or of seconds in the arguments
 * (seed, iterations, seconds) is reached.  *pieces* are bits of text worth
 * inserting, besides those that any JSON may hold; NULL-terminated.
 */
extern int	fuzz_run(const char *name, int argc, char **argv,
					 const char *const *pieces);

#endif							/* MUTATE_H */
