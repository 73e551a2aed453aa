/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  What the unit tests need to speak TAP, and to read samples.
 *
 * A test program calls ok() or one of its kin for each thing it checks and
 * ends with "return tap_end();".  Files are named relative to the root of the
 * source tree, from where the tests are run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int	tap_count;
static int	tap_failures;

/* One check.  The name is printf-style. */
static inline bool __attribute__((format(printf, 2, 3)))
ok(bool passed, const char *name, ...)
{
	va_list		arguments;
	char		text[512];

	va_start(arguments, name);
	(void) vsnprintf(text, sizeof(text), name, arguments);
	va_end(arguments);
	for (char *at = text; *at != '\0'; at++)
	{
		if ((unsigned char) *at < ' ')
			*at = ' ';
	}
	printf("%s %d - %s\n", passed ? "ok" : "not ok", ++tap_count, text);
	if (!passed)
		tap_failures++;
	return passed;
}

/* Two strings are the same. */
static inline bool
is(const char *got, const char *expected, const char *name)
{
	bool		same = strcmp(got, expected) == 0;

	ok(same, "%s", name);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got, expected);
	return same;
}

/* Print the plan; what main() returns. */
static inline int
tap_end(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failures > 0)
		printf("# %d of %d failed\n", tap_failures, tap_count);
	return tap_failures > 0 ? 1 : 0;
}

/* The test cannot go on. */
static inline void __attribute__((noreturn, format(printf, 1, 2)))
bail_out(const char *format, ...)
{
	va_list		arguments;

	printf("Bail out! ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	exit(255);
}

/* A whole file, with a NUL behind it; to be freed. */
static inline char *
read_whole_file(const char *path, size_t *length)
{
	FILE	   *file = fopen(path, "rb");
	char	   *data;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
		(size = ftell(file)) < 0)
		bail_out("cannot read %s (run from the root of the source tree)", path);
	rewind(file);
	data = malloc((size_t) size + 1);
	if (data == NULL || fread(data, 1, (size_t) size, file) != (size_t) size)
		bail_out("cannot read %s", path);
	(void) fclose(file);
	data[size] = '\0';
	*length = (size_t) size;
	return data;
}

/*
 * The next line of a file that was read whole; *at* moves on.  NULL: there
 * was none.  The line feed is replaced by a NUL.
 */
static inline char *
next_line(char **at)
{
	char	   *line = *at;
	char	   *end;

	if (*line == '\0')
		return NULL;
	end = strchr(line, '\n');
	if (end == NULL)
		*at = line + strlen(line);
	else
	{
		*end = '\0';
		*at = end + 1;
	}
	return line;
}

#endif							/* TAP_H */
