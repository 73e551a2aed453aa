/*-------------------------------------------------------------------------
 *
 * toncenter_test.c
 *	  What the TON Center provider makes of messages.
 *
 * Every message among the samples is fed to sessions with different watch
 * lists, and the rows that come out are compared with those in
 * golden/toncenter.  The lives of traces are fed to one session each, as are
 * the streams of events.  "toncenter_test --update" writes those files anew;
 * read the difference before committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>

#include "golden.h"
#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define SAMPLES "test/samples/toncenter/"

/* The wallet that most samples are about, and one that none mentions. */
#define WALLET "0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"
#define STRANGER "0:0000000000000000000000000000000000000000000000000000000000000001"

#define ADDRESS_DIGITS 64

static const char *const topics[] = {
	"transactions", "actions", "account_state_change", "jettons_change",
	"trace"
};

/* ---------- sessions ---------- */

/* A session with the topics whose bits are set. */
static Host
make_host(unsigned bits)
{
	CsSourceConfig config = {.name = "test", .options = "{}"};
	Host		host = host_start("toncenter", &config);

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
	{
		if (bits & (1u << i))
			host_subscribe(&host, (int64_t) i + 1, topics[i], "{}");
	}
	return host;
}

#define ALL_TOPICS 31u

static void
connect_host(Host *host)
{
	host_sync(host);
	host_open(host);
	cs_output_reset(host->output);
}

/* Watch every account that a text names. */
static void
watch_all(Host *host, const char *text)
{
	int64_t		id = 100;

	for (const char *at = strstr(text, ":"); at; at = strstr(at + 1, ":"))
	{
		char		address[ADDRESS_DIGITS + 4];
		size_t		digits = 0;

		while (isxdigit((unsigned char) at[1 + digits]) &&
			   !islower((unsigned char) at[1 + digits]))
			digits++;
		if (digits != ADDRESS_DIGITS || at[-1] != '0')
			continue;
		(void) snprintf(address, sizeof(address), "0:%.64s", at + 1);
		host_watch(host, id++, address);
	}
}

/* Watch every trace that a text names. */
static void
watch_traces(Host *host, const char *text)
{
	static const char name[] = "\"trace_external_hash_norm\":\"";
	char		hash[64];
	char		canonical[CS_TARGET_MAX];

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
	{
		(void) snprintf(hash, sizeof(hash), "%.44s", at + strlen(name));
		if (!cs_provider_find("toncenter")->canonical_transaction(
				NULL, hash, canonical, NULL) ||
			!cs_session_watch(host->session, 99, CS_WATCH_TRANSACTION,
							  canonical))
			bail_out("no trace: %s", hash);
	}
}

/* Feed a message, and print what comes of it. */
static void
print_message(FILE *file, const char *prefix, Host *host, const char *text)
{
	CsError		error = {0};

	cs_output_reset(host->output);
	if (!host_message(host, 0, text, &error))
		fprintf(file, "%srejected, %s\n", prefix, error.message);
	else if (cs_output_record_count(host->output) == 0)
		fprintf(file, "%sno rows\n", prefix);
	golden_rows(file, prefix, host->output);
}

/* ---------- golden files ---------- */

/* What one message gives under different watch lists. */
static void
print_perspectives(FILE *file, const char *text)
{
	Host		host = make_host(ALL_TOPICS);

	watch_all(&host, text);
	watch_traces(&host, text);
	connect_host(&host);
	print_message(file, "  all watched: ", &host, text);
	host_free(&host);

	host = make_host(ALL_TOPICS);
	host_watch(&host, 100, WALLET);
	connect_host(&host);
	print_message(file, "  wallet watched: ", &host, text);
	host_free(&host);

	host = make_host(ALL_TOPICS);
	host_watch(&host, 100, STRANGER);
	connect_host(&host);
	print_message(file, "  stranger watched: ", &host, text);
	host_free(&host);
}

/* A file of samples, each line for itself. */
static void
print_lines(FILE *file, char *samples)
{
	char	   *line;
	int			number = 0;

	while ((line = next_line(&samples)) != NULL)
	{
		fprintf(file, "line %d\n", ++number);
		print_perspectives(file, line);
	}
}

/* A file of samples, one after the other in one session. */
static void
print_life(FILE *file, char *samples)
{
	Host		host = make_host(3);
	char	   *line;
	int			number = 0;

	watch_all(&host, samples);
	connect_host(&host);
	while ((line = next_line(&samples)) != NULL)
	{
		fprintf(file, "line %d\n", ++number);
		print_message(file, "  ", &host, line);
	}
	host_free(&host);
}

/* The data of a stream's events, likewise. */
static void
print_stream(FILE *file, char *samples)
{
	Host		host = make_host(15);
	char	   *line;
	int			number = 0;

	watch_all(&host, samples);
	connect_host(&host);
	while ((line = next_line(&samples)) != NULL)
	{
		if (strncmp(line, "data: ", 6) != 0)
			continue;
		fprintf(file, "event %d\n", ++number);
		print_message(file, "  ", &host, line + 6);
	}
	host_free(&host);
}

static void
test_golden(const char *name, const char *suffix,
			void (*print) (FILE *file, char *samples), bool update)
{
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *got;
	FILE	   *file;

	(void) snprintf(path, sizeof(path), SAMPLES "%s%s", name, suffix);
	samples = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	print(file, samples);
	(void) fclose(file);
	(void) snprintf(path, sizeof(path), "toncenter/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

static void
test_samples(bool update)
{
	static const char *const lines[] = {"transactions", "actions", "trace",
		"account_state_change", "jettons_change", "trace_invalidated",
		"control", "errors", "rest-v3-transactions", "rest-v3-actions",
		"rest-v3-blocks", "rest-v3-traces"};
	static const char *const lives[] = {"lifecycle-simple",
		"lifecycle-two-blocks", "lifecycle-invalidated"};
	static const char *const streams[] = {"stream-finalized", "stream-pending",
		"stream-idle"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		test_golden(lines[i], ".jsonl", print_lines, update);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		test_golden(lives[i], ".jsonl", print_life, update);
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		test_golden(streams[i], ".sse", print_stream, update);
}

int
main(int argc, char **argv)
{
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	test_samples(update);
	return update ? 0 : tap_end();
}
