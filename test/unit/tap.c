/*-------------------------------------------------------------------------
 *
 * tap.c
 *	  What the unit tests need to speak TAP, and to read files.
 *
 *-------------------------------------------------------------------------
 */
#include "tap.h"

#include <stdarg.h>

static int	count;
static int	failures;

bool
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
	printf("%s %d - %s\n", passed ? "ok" : "not ok", ++count, text);
	if (!passed)
		failures++;
	return passed;
}

bool
is(const char *got, const char *expected, const char *name)
{
	bool		same = strcmp(got, expected) == 0;

	ok(same, "%s", name);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got, expected);
	return same;
}

int
tap_end(void)
{
	printf("1..%d\n", count);
	if (failures > 0)
		printf("# %d of %d failed\n", failures, count);
	return failures > 0 ? 1 : 0;
}

void
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

char *
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

char *
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
