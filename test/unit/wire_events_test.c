/*-------------------------------------------------------------------------
 *
 * wire_events_test.c
 *	  Reading streams of server-sent events: every form of a line, and every
 *	  way in which the network can cut a stream into pieces.
 *
 *-------------------------------------------------------------------------
 */
#include <glob.h>
#include <stdint.h>

#include "tap.h"
#include "wire/events.h"

#define LIMIT ((size_t) 64 * 1024)

/* What came out of a stream, as one text: "<event><event>", and how it ended. */
typedef struct Result
{
	char	   *text;
	size_t		length;
	size_t		size;
} Result;

static void
put(Result *result, const char *text, size_t length)
{
	if (result->length + length + 1 > result->size)
	{
		result->size = (result->length + length + 1) * 2;
		result->text = realloc(result->text, result->size);
		if (result->text == NULL)
			bail_out("out of memory");
	}
	memcpy(result->text + result->length, text, length);
	result->length += length;
	result->text[result->length] = '\0';
}

/* Read one piece, copied so that the sanitizer sees its bounds. */
static bool
feed(CsEvents *events, Result *result, const char *text, size_t length)
{
	char	   *piece = malloc(length == 0 ? 1 : length);
	const char *at = piece;
	CsEventsOutcome outcome;

	if (piece == NULL)
		bail_out("out of memory");
	memcpy(piece, text, length);
	while ((outcome = cs_events_read(events, &at, piece + length)) ==
		   CS_EVENTS_DISPATCH)
	{
		put(result, "<", 1);
		put(result, events->data, events->length);
		put(result, ">", 1);
	}
	if (outcome == CS_EVENTS_TOO_LONG)
		put(result, "!", 1);
	free(piece);
	return outcome == CS_EVENTS_MORE;
}

/* Read a stream in pieces of *step* bytes, the first of *first*. */
static char *
read_in_pieces(const char *text, size_t length, size_t first, size_t step,
			   size_t limit)
{
	CsEvents	events;
	Result		result = {NULL, 0, 0};
	size_t		at = first < length ? first : length;

	put(&result, "", 0);
	cs_events_init(&events, limit);
	if (feed(&events, &result, text, at))
	{
		while (at < length)
		{
			size_t		size = step < length - at ? step : length - at;

			if (!feed(&events, &result, text + at, size))
				break;
			at += size;
		}
	}
	cs_events_free(&events);
	return result.text;
}

/* The same however it is cut; a single check. */
static void
reads(const char *name, const char *text, size_t length, const char *expected)
{
	const char *problem = NULL;
	size_t		where = 0;

	for (size_t split = 0; split <= length && problem == NULL; split++)
	{
		char	   *got = read_in_pieces(text, length, split, length + 1, LIMIT);

		if (strcmp(got, expected) != 0)
		{
			printf("# got: %.200s\n", got);
			problem = "cut in two at";
			where = split;
		}
		free(got);
	}
	for (size_t step = 1; step <= 7 && problem == NULL; step++)
	{
		char	   *got = read_in_pieces(text, length, 0, step, LIMIT);

		if (strcmp(got, expected) != 0)
		{
			printf("# got: %.200s\n", got);
			problem = "in steps of";
			where = step;
		}
		free(got);
	}
	if (!ok(problem == NULL, "%s", name))
		printf("# expected: %.200s\n# %s %zu\n", expected, problem, where);
}

static void
test_forms(void)
{
	static const char *const forms[][3] = {
		{"one line", "data: a\n\n", "<a>"},
		{"no space", "data:a\n\n", "<a>"},
		{"one space is taken away, no more", "data:  a \n\n", "< a >"},
		{"a tab stays", "data:\ta\n\n", "<\ta>"},
		{"several lines", "data: a\ndata: b\ndata:\ndata: c\n\n", "<a\nb\n\nc>"},
		{"no value", "data:\n\n", "<>"},
		{"only a space", "data: \n\n", "<>"},
		{"no colon", "data\n\n", "<>"},
		{"no colon, twice", "data\ndata\n\n", "<\n>"},
		{"colons in the value", "data::a:b\n\n", "<:a:b>"},
		{"CR", "data: a\rdata: b\r\rdata: c\r\r", "<a\nb><c>"},
		{"CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "<a\nb><c>"},
		{"all of them", "data: a\rdata: b\ndata: c\r\n\ndata: d\n\r\ndata: e\r\n\r",
		"<a\nb\nc><d><e>"},
		{"LF CR are two ends", "data: a\n\rdata: b\n\n", "<a><b>"},
		{"the end of a line that came before", "\n\r\n\rdata: a\n\n", "<a>"},
		{"a byte order mark", "\xEF\xBB\xBF" "data: a\n\n", "<a>"},
		{"only a byte order mark", "\xEF\xBB\xBF", ""},
		{"a mark, then an end", "\xEF\xBB\xBF\n\ndata: a\n\n", "<a>"},
		{"two marks", "\xEF\xBB\xBF\xEF\xBB\xBF" "data: a\n\n", ""},
		{"half a mark", "\xEF\xBB" "data: a\ndata: b\n\n", "<b>"},
		{"half a mark, then an end", "\xEF\ndata: b\n\n", "<b>"},
		{"a mark further on", "data: a\n\n\xEF\xBB\xBF" "data: b\n\n", "<a>"},
		{"fields around it", "event: x\nid: 1\ndata: a\nretry: 5\n\n", "<a>"},
		{"no data, no event", "event: heartbeat\n\nid: 7\n\ndata: a\n\n", "<a>"},
		{"comments", ": hi\n\n:\n\ndata: a\n:data: b\n: \ndata: c\n\n", "<a\nc>"},
		{"names like it", "dat: a\ndata2: b\nDATA: c\n data: d\ndatadata: e\n\n", ""},
		{"a space before the colon", "data : a\n\n", ""},
		{"d", "d\nda\ndat\ndata: a\nd:\n\n", "<a>"},
		{"unfinished", "data: a\n\ndata: b\n", "<a>"},
		{"unfinished line", "data: a\n\ndata: b", "<a>"},
		{"nothing is left over", "data: a\n\n\n\n\ndata: b\n\n\n", "<a><b>"},
		{"UTF-8", "data: \xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9\n\n",
		"<\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9>"},
		{"not UTF-8", "data: \xFF\xC3\n\ndata: \x80\n\n", "<\xFF\xC3><\x80>"},
		{"nothing", "", ""},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		reads(forms[i][0], forms[i][1], strlen(forms[i][1]), forms[i][2]);
}

static void
test_nul(void)
{
	static const char text[] = "da\0ta: a\ndata: b\0c\n\n";
	const char *at = text;
	CsEvents	events;

	cs_events_init(&events, LIMIT);
	ok(cs_events_read(&events, &at, text + sizeof(text) - 1) ==
	   CS_EVENTS_DISPATCH && events.length == 3 &&
	   memcmp(events.data, "b\0c", 3) == 0, "a NUL is a byte like others");
	cs_events_free(&events);
}

/* ---------- recorded streams ---------- */

/* The data of a well-formed stream with LF, the simple way. */
static char *
expected_of(const char *text)
{
	Result		result = {NULL, 0, 0};
	char	   *copy = strdup(text);
	char	   *rest = copy;
	char	   *line;
	int			lines = 0;

	put(&result, "", 0);
	while (copy != NULL && strchr(rest, '\n') != NULL)
	{
		line = next_line(&rest);
		if (strncmp(line, "data: ", 6) == 0)
		{
			put(&result, lines++ == 0 ? "<" : "\n", 1);
			put(&result, line + 6, strlen(line + 6));
		}
		else if (*line == '\0' && lines > 0)
		{
			put(&result, ">", 1);
			lines = 0;
		}
	}
	free(copy);
	return result.text;
}

/* With other ends of lines. */
static char *
with_ends(const char *text, const char *end, size_t *length)
{
	Result		result = {NULL, 0, 0};

	put(&result, "", 0);
	for (; *text != '\0'; text++)
		put(&result, *text == '\n' ? end : text, *text == '\n' ? strlen(end) : 1);
	*length = result.length;
	return result.text;
}

static void
test_samples(void)
{
	static const char *const patterns[] = {
		"test/samples/tonapi/*.sse", "test/samples/toncenter/*.sse"
	};
	static const char *const ends[] = {"\n", "\r", "\r\n"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
	{
		glob_t		found;

		ok(glob(patterns[i], 0, NULL, &found) == 0, "%s", patterns[i]);
		for (size_t k = 0; k < found.gl_pathc; k++)
		{
			size_t		size;
			char	   *text = read_whole_file(found.gl_pathv[k], &size);
			char	   *expected = expected_of(text);

			for (size_t e = 0; e < sizeof(ends) / sizeof(*ends); e++)
			{
				size_t		length;
				char	   *variant = with_ends(text, ends[e], &length);

				reads(found.gl_pathv[k], variant, length, expected);
				free(variant);
			}
			free(expected);
			free(text);
		}
		globfree(&found);
	}
}

/* ---------- limits ---------- */

static void
limited(const char *name, const char *text, size_t limit, const char *expected)
{
	char	   *whole = read_in_pieces(text, strlen(text), 0, SIZE_MAX, limit);
	char	   *bytes = read_in_pieces(text, strlen(text), 0, 1, limit);

	is(whole, expected, name);
	is(bytes, expected, "and byte by byte");
	free(whole);
	free(bytes);
}

static void
test_limits(void)
{
	CsEvents	events;
	char		lines[4096];
	const char *at;
	CsEventsOutcome outcome = CS_EVENTS_MORE;

	limited("as long as allowed", "data: 12345\n\ndata:12345\n\n", 5,
			"<12345><12345>");
	limited("a byte too long", "data: 1234\n\ndata: 123456\n\n", 5, "<1234>!");
	limited("the LF between lines counts", "data: 12\ndata: 34\n\n", 5,
			"<12\n34>");
	limited("and makes it too long", "data: 12\ndata: 345\n\n", 5, "!");
	limited("empty lines of data count as well", "data\ndata\ndata\ndata\n\n",
			2, "!");
	limited("a comment as long as allowed", ":2345678901\ndata: a\n\n", 5,
			"<a>");
	limited("a comment too long", "data: a\n\n:23456789012\ndata: a\n\n", 5,
			"<a>!");
	limited("another field too long", "event: 123456\n", 5, "!");
	limited("a name too long", "datadatadata", 5, "!");
	limited("the limit is of each event", "data: 12345\n\ndata: 12345\n\n"
			"data: 12345\n\n", 5, "<12345><12345><12345>");

	/* An endless event grows no further than the limit. */
	cs_events_init(&events, 100000);
	memset(lines, '\n', sizeof(lines));
	for (size_t i = 0; i + 16 <= sizeof(lines); i += 16)
		memcpy(lines + i, "data: 123456789", 15);
	for (int i = 0; i < 1000 && outcome == CS_EVENTS_MORE; i++)
	{
		at = lines;
		outcome = cs_events_read(&events, &at, lines + sizeof(lines));
	}
	ok(outcome == CS_EVENTS_TOO_LONG && events.size <= 100001,
	   "memory is bounded by the limit (%zu)", events.size);
	cs_events_free(&events);
}

/* The memory of an event can be taken away. */
static void
test_take(void)
{
	static const char text[] = "data: first\n\ndata: second\n\n";
	const char *at = text;
	const char *end = text + sizeof(text) - 1;
	CsEvents	events;
	char	   *first;

	cs_events_init(&events, LIMIT);
	(void) cs_events_read(&events, &at, end);
	first = cs_events_take(&events);
	first[events.length] = '\0';
	ok(cs_events_read(&events, &at, end) == CS_EVENTS_DISPATCH &&
	   events.length == 6 && memcmp(events.data, "second", 6) == 0,
	   "reading goes on when the memory of an event was taken");
	is(first, "first", "which is the taker's");
	free(first);
	cs_events_free(&events);
}

int
main(void)
{
	test_forms();
	test_nul();
	test_samples();
	test_limits();
	test_take();
	return tap_end();
}
