/*-------------------------------------------------------------------------
 *
 * reject_test.c
 *	  Messages of a Nano node that must be refused, and why.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "host.h"
#include "tap.h"

/* A session that takes everything it is told. */
static Host
make_host(void)
{
	static const char *const topics[] = {"confirmation",
		"new_unconfirmed_block", "vote", "started_election",
		"stopped_election", "telemetry"};
	Host		host = host_create("{}", NULL);

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		host_subscribe(&host, (int64_t) i + 1, topics[i], "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	host_open(&host);
	return host;
}

static void
check_rejected(Host *host, const char *text, const char *why)
{
	CsMessage	message = {.data = text, .length = strlen(text)};
	CsOutput   *output = host->output;
	CsError		error = {0};
	size_t		bytes;
	bool		taken;

	cs_output_reset(output);
	bytes = cs_output_bytes(output);
	taken = cs_session_message(host->session, 0, &message, host->now_ms,
							   output, &error);
	ok(!taken && error.kind != CS_ERROR_NONE &&
	   cs_output_record_count(output) == 0 &&
	   cs_output_action_count(output) == 0 &&
	   cs_output_bytes(output) == bytes && strstr(error.message, why) != NULL,
	   "rejected: %s", error.message);
	if (strstr(error.message, why) == NULL)
		printf("# expected: %s\n", why);
}

/* Changes to a good message that must make it a bad one. */
static void
test_rejects(void)
{
	static const struct
	{
		const char *sample;
		int			number;
		const char *from;
		const char *to;
		const char *why;
	}			cases[] = {
		{"confirmation", 1, "\"time\":\"1744409899351\",", "",
		 "\"time\" is missing"},
		{"confirmation", 1, "\"1744409899351\"", "\"now\"", "\"time\" is not"},
		{"confirmation", 1, "\"1744409899351\"", "\"-1\"",
		 "\"time\" is out of range"},
		{"confirmation", 1, "\"1744409899351\"", "\"253402300800000\"",
		 "\"time\" is out of range"},
		{"confirmation", 1, "\"1744409899351\"", "1e12", "\"time\" is not"},
		{"confirmation", 1, "\"message\":{", "\"message\":[], \"x\":{",
		 "\"message\" is missing or not an object"},
		{"confirmation", 1, "\"confirmation\"", "\"confirmations\"",
		 "unrecognized topic \"confirmations\""},
		{"confirmation", 1, "\"topic\":\"confirmation\"", "\"topic\":7",
		 "neither"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"-417",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"0417",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":\"340282366920938463463374607431768211456\"",
		 "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":417", "\"amount\" is not a string"},
		{"confirmation", 1, "\"amount\":\"417000000000000000000000000\"",
		 "\"amount\":\"\"", "\"amount\" is not an amount"},
		{"confirmation", 1, "\"amount\":\"417", "\"amount\":\"4\\u00001",
		 "\\u0000"},
		{"confirmation", 1, "\"hash\":\"5E", "\"hash\":\"5",
		 "\"hash\" is not 64"},
		{"confirmation", 1, "\"hash\":\"5E", "\"hash\":\"5X",
		 "\"hash\" is not 64"},
		{"confirmation", 1, "\"account\":\"nano_1p", "\"account\":\"nano_1P",
		 "invalid Nano address"},
		{"confirmation", 1, "\"account\":\"nano_", "\"account\":\"ban_",
		 "does not belong to network"},
		{"confirmation", 1, "\"link_as_account\":\"nano_1w",
		 "\"link_as_account\":\"nano_1", "invalid Nano address"},
		{"confirmation", 1, "\"link_as_account\":", "\"link_as\":",
		 "\"link_as_account\" is missing"},
		{"confirmation", 1, "\"subtype\":\"send\"", "\"subtype\":\"spend\"",
		 "unrecognized block subtype \"spend\""},
		{"confirmation", 1, ",\"subtype\":\"send\"", "",
		 "\"subtype\" is missing"},
		{"confirmation", 1, "\"type\":\"state\"", "\"type\":\"estate\"",
		 "unrecognized block type \"estate\""},
		{"confirmation", 1, "\"type\":\"state\",", "", "\"type\" is missing"},
		{"confirmation", 1, "\"block\":{", "\"block\":\"\",\"b\":{",
		 "\"block\" is not an object"},
		{"confirmation", 1, "\"topic\"", "\"topic\":\"\x01\",\"t\"",
		 "control character"},
		{"confirmation", 1, "}}}", "}}", "invalid JSON"},
		{"confirmation", 1, "}}}", "}}}}", "invalid JSON"},
		{"confirmation", 18, "\"height\":\"271199\"", "\"height\":\"high\"",
		 "\"height\" is not"},
		{"confirmation", 18, "\"height\":\"271199\"",
		 "\"height\":\"9223372036854775808\"", "\"height\" is not"},
		{"confirmation", 10, "\"destination\":", "\"d\":",
		 "\"destination\" is missing"},
		{"new_unconfirmed_block", 1, "\"hash\":\"8F", "\"hash\":\"8",
		 "\"hash\" is not 64"},
		{"new_unconfirmed_block", 2, "\"balance\":\"1", "\"balance\":\"x",
		 "\"balance\" is not a balance"},
		{"new_unconfirmed_block", 2, "\"previous\":\"C", "\"previous\":\"",
		 "\"previous\" is not 64"},
		{"new_unconfirmed_block", 2, "5geho\"", "5gehp\"", "not a valid address"},
		{"new_unconfirmed_block", 2, "\"link\":", "\"lynk\":",
		 "\"link\" is missing"},
		{"vote", 1, "\"21FADA", "\"21FAD", "\"blocks\" is not 64"},
		{"vote", 1, "[\"21FADA", "[7,\"21FADA", "\"blocks\" is not 64"},
		{"vote", 3, ",\"C3A0", ",\"", "\"blocks\" is not 64"},
		{"vote", 1, "\"timestamp\":", "\"timestump\":",
		 "\"timestamp\" is missing"},
		{"vote", 1, "\"account\":", "\"accounts\":", "\"account\" is missing"},
		{"stopped_election", 1, "\"hash\":\"FA", "\"hash\":\"F",
		 "\"hash\" is not 64"},
		{"started_election", 1, "\"hash\":", "\"hush\":",
		 "\"hash\" is missing"},
		{"telemetry", 1, "\"message\":{", "\"message\":7,\"m\":{",
		 "\"message\" is missing or not"},
	};
	Host		host = make_host();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	   *line = sample(cases[i].sample, cases[i].number);
		char	   *bad = replaced(line, cases[i].from, cases[i].to);

		check_rejected(&host, bad, cases[i].why);
		free(bad);
		free(line);
	}
	check_rejected(&host, "", "invalid JSON");
	check_rejected(&host, "[]", "not an object");
	check_rejected(&host, "{}", "neither");
	check_rejected(&host, "{\"error\":\"x\"}", "neither");
	host_free(&host);
}

/* A vote of more blocks than there can be in one. */
static void
test_long_vote(void)
{
	Host		host = make_host();
	char	   *vote = sample("vote", 1);
	char	   *hash = strstr(vote, "\"21FADA");
	char	   *text = malloc(strlen(vote) + (size_t) 300 * 67);
	size_t		length = (size_t) (hash - vote);

	memcpy(text, vote, length);
	for (int i = 0; i < 254; i++)
		length += (size_t) sprintf(text + length, "%.66s,", hash);
	(void) sprintf(text + length, "%s", hash);
	host_receive(&host, text);
	ok(cs_output_record_count(host.output) == 255 &&
	   cs_output_records(host.output)[254].ordinal == 254,
	   "a vote on 255 blocks gives 255 rows");
	(void) sprintf(text + length, "%.66s,%s", hash, hash);
	check_rejected(&host, text, "a vote names 256 blocks");
	host_free(&host);
	free(text);
	free(vote);
}

int
main(void)
{
	test_rejects();
	test_long_vote();
	return tap_end();
}
