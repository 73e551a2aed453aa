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

/*
 * The first bytes of an input are a head that says what the rest is: the first
 * its kind, the second some choice within the kind, which is often drawn anew.
 */
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

/* So many arbitrary bytes, always the same for the same head. */
extern void fuzz_seed_noise(const uint8_t head[FUZZ_HEAD], size_t length);

/*
 * Every file below a folder but those for people; in the order of their names.
 * Its text has a NUL behind it.
 */
extern void fuzz_files(const char *folder,
					   void (*visit) (const char *path, const char *text,
									  size_t length, void *context),
					   void *context);

/*
 * A text among the seeds of this kind, in their order; number 0 comes again
 * after the last.  NULL: there are none.
 */
extern const char *fuzz_seed_text(uint8_t kind, uint32_t number,
								  size_t *length);

/*
 * Make inputs until the number of iterations or of seconds in the arguments
 * (seed, iterations, seconds) is reached.  *pieces* are bits of text worth
 * inserting, besides those that any JSON may hold; NULL-terminated.
 */
extern int	fuzz_run(const char *name, int argc, char **argv,
					 const char *const *pieces);

#endif							/* MUTATE_H */
