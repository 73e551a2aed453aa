/*-------------------------------------------------------------------------
 *
 * memory_test.c
 *	  The watch set, the output, and what becomes of memory in the long run.
 *
 * "memory_test --speed" measures how fast messages are understood.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <malloc.h>

#include <json-c/json.h>

#include "codec/nano_address.h"
#include "host.h"
#include "provider/json.h"
#include "provider/watchset.h"
#include "tap.h"

/* ---------- the watch set ---------- */

static void
test_million(void)
{
	const int	count = 1000000;
	size_t		before = resident_bytes();
	Host		host = host_create("{}", NULL);
	double		start = seconds();
	size_t		bytes;
	int			found = 0;
	char		stranger[CS_NANO_ADDRESS_MAX + 1];

	for (int i = 0; i < count; i++)
		host_watch(&host, i, numbered_address(i));
	printf("# %d addresses added in %.2f s\n", count, seconds() - start);
	bytes = cs_session_watch_bytes(host.session);
	ok(cs_session_watch_count(host.session) == (size_t) count &&
	   bytes / (size_t) count <= 150,
	   "a million addresses: %zu bytes each", bytes / (size_t) count);
#ifndef __SANITIZE_ADDRESS__
	ok((resident_bytes() - before) / (size_t) count <= 150,
	   "by the kernel's account %zu",
	   (resident_bytes() - before) / (size_t) count);
#else
	(void) before;
#endif

	/* Drop them all and see that nothing is left but the session itself. */
	start = seconds();
	for (int i = 0; i < count; i++)
		host_unwatch(&host, numbered_address(i));
	host_sync(&host);
	printf("# and removed in %.2f s\n", seconds() - start);
	ok(cs_session_watch_count(host.session) == 0 &&
	   cs_session_watch_bytes(host.session) < 4096,
	   "and none: %zu bytes", cs_session_watch_bytes(host.session));

	(void) snprintf(stranger, sizeof(stranger), "%s", numbered_address(7));
	host_watch(&host, 1, stranger);
	for (int i = 0; i < 100; i++)
		found += cs_session_watch(host.session, i, CS_WATCH_ADDRESS, stranger);
	ok(found == 100 && cs_session_watch_count(host.session) == 1,
	   "one added again and again is one");
	host_free(&host);
}

/* Random additions and removals, beside a plain array. */
static void
test_watchset(void)
{
	enum
	{
		TARGETS = 3000
	};
	CsWatchSet *set = cs_watchset_create();
	bool	   *present = calloc(TARGETS, sizeof(bool));
	size_t		count = 0;
	size_t		position = 0;
	size_t		seen = 0;
	int			wrong = 0;
	char		target[CS_TARGET_MAX];

	srandom(7);
	for (int i = 0; i < 300000; i++)
	{
		int			which = (int) (random() % TARGETS);
		CsWatch    *entry;

		/* All lengths, so that freed memory is used by its size. */
		(void) snprintf(target, sizeof(target), "%0*d", which % 100 + 5, which);
		entry = cs_watchset_find(set, CS_WATCH_ADDRESS, target,
								 strlen(target));
		wrong += (entry != NULL) != present[which];
		if (entry != NULL && entry->watch_id != which)
			wrong++;
		if (random() % 2 == 0 && entry == NULL)
		{
			entry = cs_watchset_add(set, CS_WATCH_ADDRESS, target,
									strlen(target));
			entry->watch_id = which;
			present[which] = true;
			count++;
		}
		else if (random() % 2 == 0 && entry != NULL)
		{
			cs_watchset_remove(set, entry);
			present[which] = false;
			count--;
		}
		wrong += cs_watchset_count(set) != count;
	}
	while (cs_watchset_next(set, &position) != NULL)
		seen++;
	ok(wrong == 0 && seen == count,
	   "300,000 random changes of a watch set, %zu are left", count);
	ok(cs_watchset_find(set, CS_WATCH_TRANSACTION, target, strlen(target)) ==
	   NULL, "a transaction is no address");
	cs_watchset_free(set);
	free(present);
}

/* A list that is not sent, and whose states are told bit by bit. */
static void
test_huge_list(void)
{
	Host		host = host_create("{}", NULL);
	int			ticks = 0;
	size_t		told = 0;

	host_subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 50001; i++)
		host_watch(&host, i, numbered_address(i));
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; 1 subscribe confirmation include_sideband_info=true;"
		   " subscription 1 pending", "a huge list is looked at here");
	host_ack(&host, "subscribe", 1);
	for (;;)
	{
		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
			told += cs_output_actions(host.output)[i].kind ==
				CS_ACTION_WATCH_STATE;
		if (cs_output_action_count(host.output) > 5001)
			bail_out("too many actions at once");
		cs_output_reset(host.output);
		if (cs_session_next_tick(host.session) > host.now_ms)
			break;
		cs_session_tick(host.session, host.now_ms, host.output);
		ticks++;
	}
	ok(told == 50001 && ticks == 10,
	   "%zu states are told in %d portions", told, ticks + 1);
	host_confirmation(&host);
	ok(cs_output_record_count(host.output) == 0,
	   "what is not watched is left out");
	host_free(&host);
}

/* ---------- the output ---------- */

static void
test_output(void)
{
	CsOutput   *output = cs_output_create();
	CsText		small;
	CsText		large;
	char	   *big = calloc(1, 1000000);

	memset(big, 'x', 999999);
	small = cs_output_string(output, "abc");
	large = cs_output_text(output, big, 999999);
	ok(strcmp(small.data, "abc") == 0 && large.length == 999999 &&
	   strcmp(large.data, big) == 0, "texts of any size are copied");
	ok(cs_output_text(output, NULL, 0).data == NULL &&
	   cs_output_text(output, "", 0).data != NULL,
	   "an absent text stays absent, an empty one empty");
	ok(cs_output_bytes(output) > 1000000, "they are counted");
	for (int i = 0; i < 10000; i++)
	{
		CsRecord   *record = cs_output_record(output);

		record->height = i;
	}
	ok(cs_output_records(output)[9999].height == 9999 &&
	   cs_output_records(output)[0].occurred_at == CS_NO_NUMBER &&
	   cs_output_records(output)[0].hash.data == NULL,
	   "records begin with every member absent");
	cs_output_remove_record(output, 0);
	cs_output_remove_record(output, 1);
	cs_output_truncate_records(output, 100);
	cs_output_truncate_records(output, 200);
	ok(cs_output_record_count(output) == 100 &&
	   cs_output_records(output)[0].height == 1 &&
	   cs_output_records(output)[1].height == 3 &&
	   cs_output_records(output)[99].height == 101,
	   "records are removed and truncated");
	cs_output_cursor(output, "", "{}");
	cs_output_reset_actions(output);
	ok(cs_output_action_count(output) == 0 &&
	   cs_output_record_count(output) == 100, "actions are forgotten alone");
	cs_output_reset(output);
	ok(cs_output_bytes(output) == 0 && cs_output_record_count(output) == 0 &&
	   !cs_output_failed(output), "a reset forgets everything");
#ifndef __SANITIZE_ADDRESS__
	ok(cs_output_alloc(output, SIZE_MAX - 100) == NULL &&
	   cs_output_failed(output), "want of memory is noted");
	cs_output_reset(output);
	ok(!cs_output_failed(output), "until the next reset");
#endif
	cs_output_free(output);
	cs_output_free(NULL);
	free(big);
}

/* ---------- many messages ---------- */

/* What malloc() has handed out, by its own account. */
static ptrdiff_t
allocated_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return (ptrdiff_t) (info.uordblks + info.hblkhd);
}

/* Feed messages in turn, in batches. */
static void
feed_many(Host *host, char *const *lines, int count, int messages)
{
	for (int i = 0; i < messages; i++)
	{
		host_receive(host, lines[i % count]);
		if (i % 1000 == 999)
			cs_output_reset(host->output);
	}
}

static void
test_many_messages(void)
{
	Host		host = host_create("{}", NULL);
	char	   *lines[18];
	size_t		before;
	size_t		after;
	ptrdiff_t	allocated;
#ifdef __SANITIZE_ADDRESS__
	const int	messages = 50000;
#else
	const int	messages = 1000000;
#endif

	for (int i = 0; i < 18; i++)
		lines[i] = sample("confirmation", i + 1);
	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	host_open(&host);
	feed_many(&host, lines, 18, 20000);
	allocated = allocated_bytes();
	feed_many(&host, lines, 18, messages / 2);

	/*
	 * Only now: the heap has pages that earlier tests left and that were not
	 * touched since, and malloc() may take its time to come to them.
	 */
	before = resident_bytes();
	feed_many(&host, lines, 18, messages / 2);
	after = resident_bytes();
	allocated = allocated_bytes() - allocated;
#ifdef __SANITIZE_ADDRESS__
	/* The sanitizer keeps what is freed, and reports leaks at exit. */
	ok(before > 0 && after > 0 && allocated == 0, "%d messages", messages);
#else
	ok(after <= before + (size_t) 64 * 1024,
	   "%d messages leave the memory as it was: %zu, then %zu kB",
	   messages / 2, before / 1024, after / 1024);
	ok(allocated < 16 * 1024,
	   "and %d leave nothing allocated: %td bytes", messages, allocated);
#endif
	for (int i = 0; i < 18; i++)
		free(lines[i]);
	host_free(&host);
}

/* How fast, beside json-c alone. */
static void
measure(void)
{
	const int	messages = 300000;
	char	   *line = sample("confirmation", 1);
	size_t		length = strlen(line);
	Host		host = host_create("{}", NULL);
	struct json_tokener *tokener = json_tokener_new_ex(CS_JSON_DEPTH);

	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	host_open(&host);
	for (int round = 0; round < 3; round++)
	{
		double		start = seconds();

		feed_many(&host, &line, 1, messages);
		printf("# a confirmation of %zu bytes: %.0f messages/s;", length,
			   messages / (seconds() - start));
		for (int flags = 0; flags < 2; flags++)
		{
			json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
								   (flags ? 0 : JSON_TOKENER_VALIDATE_UTF8));
			start = seconds();
			for (int i = 0; i < messages; i++)
			{
				json_tokener_reset(tokener);
				json_object_put(json_tokener_parse_ex(tokener, line,
													  (int) length));
			}
			printf(" json-c alone, %s: %.0f%s", flags ? "without UTF-8" :
				   "checking UTF-8", messages / (seconds() - start),
				   flags ? "\n" : ";");
		}
	}
	json_tokener_free(tokener);
	host_free(&host);
	free(line);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--speed") == 0)
	{
		measure();
		return 0;
	}
	test_million();				/* first, while memory is not fragmented */
	test_watchset();
	test_huge_list();
	test_output();
	test_many_messages();
	return tap_end();
}
