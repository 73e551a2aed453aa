/*-------------------------------------------------------------------------
 *
 * golden.c
 *	  Rows as text, and comparing such text with what is expected.
 *
 *-------------------------------------------------------------------------
 */
#include "golden.h"

#include <time.h>

#include "tap.h"

static const char *
status_name(CsStatus status)
{
	static const char *const names[] = {"-", "pending", "confirmed",
		"finalized", "failed", "removed"};

	return names[status];
}

static const char *
direction_name(CsDirection direction)
{
	static const char *const names[] = {"-", "in", "out", "self"};

	return names[direction];
}

/* A text whole, or its beginning and end. */
static void
print_text(FILE *file, const char *name, CsText text, bool whole)
{
	if (text.data == NULL)
		return;
	if (strlen(text.data) != text.length)
		bail_out("%s is not terminated", name);
	if (whole || text.length <= 40)
		fprintf(file, ", %s %s", name, text.data);
	else
		fprintf(file, ", %s %.11s...%s", name, text.data,
				text.data + text.length - 6);
}

/* A time in UTC, microseconds since 1970. */
static void
print_time(FILE *file, int64_t time_us)
{
	time_t		seconds = (time_t) (time_us / 1000000);
	struct tm	broken;
	char		at[32];

	(void) strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S",
					gmtime_r(&seconds, &broken));
	fprintf(file, ", at %s.%06lld", at, (long long) (time_us % 1000000));
}

static void
print_number(FILE *file, const char *name, int64_t number)
{
	if (number != CS_NO_NUMBER)
		fprintf(file, ", %s %lld", name, (long long) number);
}

void
golden_row(FILE *file, const CsRecord *record, bool whole)
{
	static const char *const tables[] = {"blocks", "transactions", "events"};

	fprintf(file, "%s %s %s %d", tables[record->table], record->topic,
			status_name(record->status), record->ordinal);
	if (record->kind)
		fprintf(file, ", kind %s", record->kind);
	print_text(file, "hash", record->hash, whole);
	print_text(file, "transaction", record->transaction_hash, false);
	print_text(file, record->table == CS_TABLE_BLOCKS ? "parent" : "block",
			   record->block_hash, whole);
	print_text(file, "account", record->account, whole);
	print_text(file, "counterparty", record->counterparty, whole);
	if (record->table == CS_TABLE_TRANSACTIONS ||
		record->direction != CS_DIRECTION_NONE)
		fprintf(file, ", direction %s", direction_name(record->direction));
	print_text(file, "amount", record->amount, true);
	print_text(file, "asset", record->asset, true);
	print_text(file, "fee", record->fee, true);
	print_number(file, "height", record->height);
	print_number(file, "transactions", record->transaction_count);
	if (whole && record->occurred_at != CS_NO_NUMBER)
		print_time(file, record->occurred_at);
	fprintf(file, "\n");
}

/* What an action says, if it is no request. */
static void
print_action(FILE *file, const char *prefix, const CsAction *action)
{
	static const char *const states[] = {"pending", "active", "over limit",
		"error", "idle", "done", "failed"};

	switch (action->kind)
	{
		case CS_ACTION_CURSOR:
			fprintf(file, "%scursor \"%s\" %s\n", prefix, action->scope,
					action->text.data);
			break;
		case CS_ACTION_SUBSCRIPTION_STATE:
		case CS_ACTION_WATCH_STATE:
			fprintf(file, "%s%s %lld %s%s%s\n", prefix,
					action->kind == CS_ACTION_WATCH_STATE ? "watch" :
					"subscription", (long long) action->id,
					states[action->state], action->text.data ? ": " : "",
					action->text.data ? action->text.data : "");
			break;
		default:
			break;
	}
}

void
golden_rows(FILE *file, const char *prefix, CsOutput *output)
{
	for (size_t i = 0; i < cs_output_record_count(output); i++)
	{
		fprintf(file, "%s", prefix);
		golden_row(file, &cs_output_records(output)[i], true);
	}
	for (size_t i = 0; i < cs_output_action_count(output); i++)
		print_action(file, prefix, &cs_output_actions(output)[i]);
	cs_output_reset(output);
}

void
golden_settle(const char *name, const char *got, size_t length, bool update)
{
	char		path[256];
	char	   *expected;
	size_t		expected_length;

	(void) snprintf(path, sizeof(path), "test/unit/golden/%s.txt", name);
	if (update)
	{
		FILE	   *file = fopen(path, "w");

		if (file == NULL || fwrite(got, 1, length, file) != length)
			bail_out("cannot write %s", path);
		(void) fclose(file);
		return;
	}
	expected = read_whole_file(path, &expected_length);
	if (!ok(expected_length == length && memcmp(expected, got, length) == 0,
			"rows of %s", name))
	{
		char	   *left = (char *) got;
		char	   *right = expected;

		for (;;)
		{
			char	   *a = next_line(&left);
			char	   *b = next_line(&right);

			if (a == NULL && b == NULL)
				break;
			if (a == NULL || b == NULL || strcmp(a, b) != 0)
				printf("#      got: %s\n# expected: %s\n", a ? a : "(end)",
					   b ? b : "(end)");
		}
	}
	free(expected);
}
