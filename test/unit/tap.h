/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  What the unit tests need to speak TAP, and to read files.
 *
 * A test program calls ok() or is() for each thing it checks and ends with
 * "return tap_end();".  Files are named relative to the root of the source
 * tree, from where the tests are run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One check, with a printf-style name.  Returns *passed*. */
extern bool ok(bool passed, const char *name, ...)
			__attribute__((format(printf, 2, 3)));

/* A check that two strings are the same. */
extern bool is(const char *got, const char *expected, const char *name);

/* Print the plan; returns what main() shall return. */
extern int	tap_end(void);

/* The test cannot go on. */
extern void bail_out(const char *format, ...)
			__attribute__((noreturn, format(printf, 1, 2)));

/* A whole file, with a NUL behind it; to be freed. */
extern char *read_whole_file(const char *path, size_t *length);

/*
 * The next line of a text; *at* moves on.  NULL: there was none.  The line
 * feed is replaced by a NUL.
 */
extern char *next_line(char **at);

#endif							/* TAP_H */
