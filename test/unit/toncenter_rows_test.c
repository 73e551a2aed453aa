/*-------------------------------------------------------------------------
 *
 * toncenter_rows_test.c
 *	  Rules of the rows of TON Center that no sample shows: what moves money and
 *	  what does not, what is the same row, what overtakes and what takes back;
 *	  and messages that must be refused.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "host.h"
#include "provider/json.h"
#include "tap.h"

#define ZEROS "000000000000000000000000000000000000000000000000000000000000000"

/* Accounts by letter, hashes and traces by number. */
#define ACCOUNT(letter) "0:" ZEROS letter
#define ANNA	ACCOUNT("A")
#define BERT	ACCOUNT("B")
#define CARL	ACCOUNT("C")
#define WALLET	"0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"

/* ---------- messages ---------- */

/* A transaction; what is NULL is null, or as it usually is. */
typedef struct Tx
{
	const char *account;
	int			hash;
	const char *finality;
	const char *source;			/* of its message */
	const char *value;
	const char *outs;			/* "B:5,C:7,-:0": to whom, and how much */
	const char *description;
	bool		bounced;
} Tx;

static void
print_quoted(FILE *file, const char *name, const char *value)
{
	if (value == NULL)
		fprintf(file, "\"%s\":null,", name);
	else
		fprintf(file, "\"%s\":\"%s\",", name, value);
}

static void
print_outs(FILE *file, const char *outs)
{
	while (outs != NULL && *outs != '\0')
	{
		fprintf(file, "{\"destination\":");
		if (*outs == '-')
			fprintf(file, "null,\"value\":null}");
		else
			fprintf(file, "\"0:%s%c\",\"value\":\"%.*s\"}", ZEROS, *outs,
					(int) strcspn(outs + 2, ","), outs + 2);
		outs += strcspn(outs, ",");
		if (*outs == ',')
		{
			outs++;
			fprintf(file, ",");
		}
	}
}

static void
print_tx(FILE *file, const Tx *tx)
{
	fprintf(file, "{\"account\":\"%s\",\"hash\":\"%064x\",\"now\":1700000000,"
			"\"mc_block_seqno\":7,\"total_fees\":\"3\",\"finality\":\"%s\","
			"\"description\":%s,\"in_msg\":{", tx->account, tx->hash,
			tx->finality, tx->description ? tx->description : "{}");
	print_quoted(file, "source", tx->source);
	print_quoted(file, "value", tx->value);
	fprintf(file, "\"bounced\":%s},\"out_msgs\":[",
			tx->bounced ? "true" : "false");
	print_outs(file, tx->outs);
	fprintf(file, "]}");
}

/* A notification of transactions; to be freed. */
static char *
make_message(int trace, const char *finality, const Tx *txs, int count)
{
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);

	fprintf(file, "{\"type\":\"transactions\",\"finality\":\"%s\","
			"\"trace_external_hash_norm\":\"%064x\",\"transactions\":[",
			finality, trace);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			fprintf(file, ",");
		print_tx(file, &txs[i]);
	}
	fprintf(file, "]}");
	(void) fclose(file);
	return text;
}

/* ---------- hosts and rows ---------- */

static Host
make_host(void)
{
	CsSourceConfig config = {.name = "test", .options = "{}"};
	Host		host = host_start("toncenter", &config);

	host_subscribe(&host, 1, "transactions", "{}");
	host_subscribe(&host, 2, "actions", "{}");
	host_subscribe(&host, 3, "account_state_change", "{}");
	host_subscribe(&host, 4, "jettons_change", "{}");
	host_subscribe(&host, 5, "trace", "{}");
	host_watch(&host, 100, ANNA);
	host_watch(&host, 101, BERT);
	host_watch(&host, 102, WALLET);
	host_sync(&host);
	host_open(&host);
	cs_output_reset(host.output);
	return host;
}

/* The rows there are, in a few words each: hash status direction amount other. */
static char *
rows_text(const Host *host)
{
	static const char *const statuses[] = {"-", "pending", "confirmed",
		"finalized", "failed", "removed"};
	static const char *const directions[] = {"-", "in", "out", "self"};
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);

	for (size_t i = 0; i < cs_output_record_count(host->output); i++)
	{
		const CsRecord *record = &cs_output_records(host->output)[i];

		fprintf(file, "%s%s.%d %s %s %s %s", i > 0 ? "; " : "",
				record->hash.data + 63, record->ordinal,
				statuses[record->status], directions[record->direction],
				record->amount.data ? record->amount.data : "-",
				record->counterparty.data ? record->counterparty.data + 65 :
				"-");
	}
	(void) fclose(file);
	return text;
}

/* Feed a message that is freed then, and compare the rows. */
static void
expect_rows(Host *host, char *message, const char *expected, const char *name)
{
	CsError		error = {0};
	char	   *got;

	cs_output_reset(host->output);
	if (!host_message(host, 0, message, &error))
		printf("# rejected: %s\n", error.message);
	got = rows_text(host);
	is(got, expected, name);
	cs_output_reset(host->output);
	free(got);
	free(message);
}

/* The rows of one final transaction. */
static void
expect_tx(Tx tx, const char *expected, const char *name)
{
	Host		host = make_host();

	tx.account = ANNA;
	tx.hash = 1;
	if (tx.finality == NULL)
		tx.finality = "finalized";
	expect_rows(&host, make_message(1, tx.finality, &tx, 1), expected, name);
	host_free(&host);
}

/* ---------- what moves money ---------- */

#define ABORTED "{\"aborted\":true}"
#define BOUNCED "{\"aborted\":true,\"bounce\":{\"type\":\"ok\"}}"
#define NO_FUNDS "{\"aborted\":true,\"bounce\":{\"type\":\"nofunds\"}}"
#define ACTION_FAILED "{\"aborted\":false,\"action\":{\"success\":false}}"

static void
test_received(void)
{
	expect_tx((Tx) {.source = BERT, .value = "5"}, "1.0 finalized in 5 B",
			  "a message with a value is a deposit");
	expect_tx((Tx) {.source = BERT, .value = "5", .description = ABORTED},
			  "1.0 finalized in 5 B", "though the account's code failed");
	expect_tx((Tx) {.source = BERT, .value = "5", .description = NO_FUNDS},
			  "1.0 finalized in 5 B",
			  "or what should have gone back was too little");
	expect_tx((Tx) {.source = BERT, .value = "5", .description = ACTION_FAILED},
			  "1.0 finalized in 5 B", "or its actions failed");
	expect_tx((Tx) {.source = BERT, .value = "5", .description = BOUNCED,
			  .outs = "B:4"}, "1.0 failed in 5 B",
			  "it is none if it went back, and that is no payment");
	expect_tx((Tx) {.source = BERT, .value = "5", .description = BOUNCED,
			  .finality = "confirmed", .outs = "B:4"},
			  "1.0 confirmed in 5 B", "which is known when it is final");
	expect_tx((Tx) {.source = BERT, .value = "4", .bounced = true},
			  "1.0 finalized self 4 B",
			  "what comes back is no deposit of the other");
	expect_tx((Tx) {.source = BERT, .value = "0"}, "1.0 finalized in 0 B",
			  "a message may bring nothing");
	expect_tx((Tx) {.source = "wherever", .value = "5"},
			  "1.0 finalized in 5 -",
			  "a sender that cannot be read is a sender all the same");
}

static void
test_sent(void)
{
	expect_tx((Tx) {.outs = "B:5"}, "1.0 finalized out 5 B",
			  "an external message sends");
	expect_tx((Tx) {.outs = "B:5,C:7"}, "1.0 finalized out 12 -",
			  "to several at once");
	expect_tx((Tx) {.outs = "B:5,-:0"}, "1.0 finalized out 5 B",
			  "a log entry goes to nobody");
	expect_tx((Tx) {.outs = NULL}, "1.0 finalized - 0 -",
			  "or does something else");
	expect_tx((Tx) {.outs = NULL, .description = ABORTED},
			  "1.0 failed - 0 -", "or fails");
	expect_tx((Tx) {.outs = NULL, .description = ACTION_FAILED},
			  "1.0 failed - 0 -", "or fails to send");
	expect_tx((Tx) {.outs = "A:5"}, "1.0 finalized self 5 A",
			  "what an account sends to itself stays");
	expect_tx((Tx) {.source = ANNA, .value = "5"}, "1.0 finalized self 5 A",
			  "also when it arrives");
	expect_tx((Tx) {.source = ANNA, .value = "5", .outs = "B:3,C:1"},
			  "1.0 finalized out 4 -",
			  "a wallet that instructs itself pays, and gets nothing");
	expect_tx((Tx) {.outs = "A:5,B:3"}, "1.0 finalized out 3 B",
			  "what goes to others counts");
}

static void
test_both(void)
{
	expect_tx((Tx) {.source = BERT, .value = "5", .outs = "C:4"},
			  "1.0 finalized in 5 B; 1.1 finalized out 4 C",
			  "who receives and sends has a row for each");
	expect_tx((Tx) {.source = BERT, .value = "5", .outs = "C:0"},
			  "1.0 finalized in 5 B", "if money is sent");
	expect_tx((Tx) {.source = BERT, .value = "5", .outs = "A:4"},
			  "1.0 finalized in 5 B", "to another");
}

/* ---------- columns ---------- */

static void
test_columns(void)
{
	Host		host = make_host();
	Tx			txs[] = {{ANNA, 1, "finalized", BERT, "5", "C:4", NULL, false},
	{BERT, 2, "pending", NULL, NULL, "A:5", NULL, false}};
	char	   *message = make_message(9, "pending", txs, 2);
	CsError		error;
	const CsRecord *record;

	ok(host_message(&host, 0, message, &error) &&
	   cs_output_record_count(host.output) == 3, "a row for each view");
	record = cs_output_records(host.output);
	ok(record[0].height == 7 && record[2].height == CS_NO_NUMBER,
	   "the block is told when it is final");
	ok(strcmp(record[0].fee.data, "3") == 0 && record[1].fee.data == NULL,
	   "the fee is paid once");
	ok(record[0].subscription_id == 1 &&
	   record[0].received_at == INT64_C(1700000000000000) &&
	   record[0].occurred_at == INT64_C(1700000000000000),
	   "subscription and times");
	ok(record[2].payload.length < strlen(message) &&
	   strstr(record[2].payload.data, "\"finality\":\"pending\",\"trace_external_hash_norm\":"
			  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk=\",\"transactions\":[{\"account\":\""
			  BERT) != NULL,
	   "the payload is the message as if the row's part were all of it");
	ok(cs_json_check_tokens(record[2].payload.data,
							record[2].payload.length) == NULL,
	   "which is JSON");
	free(message);
	message = make_message(9, "pending", txs + 1, 1);
	cs_output_reset(host.output);
	ok(host_message(&host, 0, message, &error) &&
	   cs_output_records(host.output)->payload.data == message,
	   "a message of one part is kept whole");
	free(message);
	host_free(&host);
}

/* ---------- identities ---------- */

/* The identity of the last row of a message. */
static void
identify(Host *host, char *message, uint64_t identity[2])
{
	CsError		error;
	size_t		count;

	cs_output_reset(host->output);
	if (!host_message(host, 0, message, &error))
		bail_out("rejected: %s", error.message);
	count = cs_output_record_count(host->output);
	if (count == 0)
		bail_out("no rows: %s", message);
	memcpy(identity, cs_output_records(host->output)[count - 1].identity, 16);
	cs_output_reset(host->output);
	free(message);
}

static void
test_identities(void)
{
	Host		host = make_host();
	Host		other = make_host();
	Tx			pending = {ANNA, 1, "pending", BERT, "5", NULL, NULL, false};
	Tx			confirmed = pending;
	Tx			forwards = pending;
	uint64_t	a[2];
	uint64_t	b[2];

	confirmed.finality = "confirmed";
	forwards.outs = "C:4";
	identify(&host, make_message(1, "pending", &pending, 1), a);
	identify(&other, make_message(1, "pending", &pending, 1), b);
	ok(memcmp(a, b, 16) == 0, "a row is the same in every session");
	identify(&host, make_message(1, "pending", &pending, 1), b);
	ok(memcmp(a, b, 16) == 0, "and when it is delivered again");
	identify(&host, make_message(1, "confirmed", &confirmed, 1), b);
	ok(memcmp(a, b, 16) != 0, "another finality is another row");
	identify(&other, make_message(1, "pending", &forwards, 1), b);
	ok(memcmp(a, b, 16) != 0, "so is the other view");
	host_free(&host);
	host_free(&other);
}

/* ---------- what overtakes, and what takes back ---------- */

static char *
invalidation(int trace)
{
	char	   *text = malloc(160);

	(void) snprintf(text, 160, "{\"type\":\"trace_invalidated\","
					"\"trace_external_hash_norm\":\"%064x\"}", trace);
	return text;
}

static char *
one(int trace, const char *finality, int hash)
{
	Tx			tx = {ANNA, hash, finality, BERT, "5", NULL, NULL, false};

	return make_message(trace, finality, &tx, 1);
}

static void
test_order(void)
{
	Host		host = make_host();

	expect_rows(&host, one(1, "confirmed", 1), "1.0 confirmed in 5 B",
				"confirmed first");
	expect_rows(&host, one(1, "pending", 1), "",
				"what is older comes too late");
	expect_rows(&host, one(1, "finalized", 1), "1.0 finalized in 5 B",
				"what is newer does not");
	expect_rows(&host, one(1, "confirmed", 1), "", "likewise");
	expect_rows(&host, one(1, "pending", 2), "",
				"nor is a guess of any use when all is known");
	expect_rows(&host, invalidation(1), "", "what is final stands");
	expect_rows(&host, one(2, "pending", 1), "1.0 pending in 5 B",
				"another trace is another matter");
	host_free(&host);
}

static void
test_invalidation(void)
{
	Host		host = make_host();
	uint64_t	first[2];
	uint64_t	again[2];

	expect_rows(&host, one(1, "pending", 1), "1.0 pending in 5 B", "a guess");
	expect_rows(&host, one(1, "pending", 2), "2.0 pending in 5 B",
				"another guess replaces it");
	expect_rows(&host, invalidation(1), "2.0 removed in 5 B",
				"which alone is void then");
	expect_rows(&host, invalidation(1), "", "once");
	expect_rows(&host, invalidation(8), "",
				"of what is not known nothing can be taken back");

	identify(&host, one(1, "confirmed", 3), first);
	expect_rows(&host, invalidation(1), "3.0 removed in 5 B",
				"what was confirmed as well");
	identify(&host, one(1, "confirmed", 3), again);
	ok(memcmp(first, again, 16) != 0,
	   "what comes back after that is a row of its own");
	expect_rows(&host, one(1, "finalized", 3), "3.0 finalized in 5 B",
				"and can be final");
	host_free(&host);
}

static void
test_snapshots(void)
{
	Host		host = make_host();
	Tx			both[] = {{ANNA, 1, "confirmed", BERT, "5", NULL, NULL, false},
	{BERT, 2, "confirmed", NULL, NULL, "A:5", NULL, false}};
	Tx			guess = {ANNA, 3, "pending", BERT, "6", NULL, NULL, false};

	expect_rows(&host, make_message(1, "confirmed", both, 2),
				"1.0 confirmed in 5 B; 2.0 confirmed out 5 A", "two rows");
	expect_rows(&host, make_message(1, "pending", &guess, 1),
				"3.0 pending in 6 B", "guesses alone say nothing of them");
	both[1].finality = "finalized";
	expect_rows(&host, make_message(1, "confirmed", both + 1, 1),
				"2.0 finalized out 5 A; 1.0 removed in 5 B",
				"a snapshot without a confirmed row takes it back");
	expect_rows(&host, invalidation(1), "",
				"a guess that was overtaken is no longer there");

	expect_rows(&host, make_message(2, "confirmed", both, 1),
				"1.0 confirmed in 5 B", "a row of an account");
	host_unwatch(&host, ANNA);
	host_sync(&host);
	expect_rows(&host, make_message(2, "confirmed", both + 1, 1),
				"2.0 finalized out 5 A",
				"that is not watched any more is not missed");
	host_free(&host);
}

/* Of traces without end only so many are remembered. */
static void
test_bounds(void)
{
	Host		host = make_host();
	Tx		   *txs = calloc(400, sizeof(Tx));
	char	   *text;
	CsError		error;

	for (int i = 0; i < 12000; i++)
	{
		text = one(i, "pending", i);
		(void) host_message(&host, 0, text, &error);
		cs_output_reset(host.output);
		free(text);
	}
	expect_rows(&host, invalidation(11999), "f.0 removed in 5 B",
				"the newest can be taken back");
	expect_rows(&host, invalidation(1), "", "the oldest are forgotten");
	host.now_ms += 700000;
	expect_rows(&host, one(40000, "finalized", 1), "1.0 finalized in 5 B",
				"ten minutes later");
	expect_rows(&host, invalidation(11998), "", "so are the others");

	for (int i = 0; i < 400; i++)
		txs[i] = (Tx) {ANNA, i, "pending", BERT, "5", NULL, NULL, false};
	text = make_message(50000, "pending", txs, 400);
	ok(host_message(&host, 0, text, &error) &&
	   cs_output_record_count(host.output) == 400,
	   "a trace may be longer than what is remembered of it");
	cs_output_reset(host.output);
	free(text);
	text = invalidation(50000);
	ok(host_message(&host, 0, text, &error) &&
	   cs_output_record_count(host.output) == 250,
	   "of which so much can be taken back");
	free(text);
	free(txs);
	host_free(&host);
}

/* ---------- actions and traces ---------- */

static void
expect_action(Host *host, const char *action, const char *finality,
			  const char *expected, const char *name)
{
	char	   *text = malloc(4096);

	(void) snprintf(text, 4096, "{\"type\":\"actions\",\"finality\":\"%s\","
					"\"trace_external_hash_norm\":\"%064x\",\"actions\":["
					"{\"action_id\":\"%064x\",\"end_utime\":1,"
					"\"trace_mc_seqno_end\":7,\"success\":true,%s}]}",
					finality, 77, 5, action);
	expect_rows(host, text, expected, name);
}

static void
test_actions(void)
{
	Host		host = make_host();

	expect_action(&host, "\"type\":\"jetton_transfer\",\"details\":{\"asset\":\""
				  CARL "\",\"sender\":\"" ANNA "\",\"receiver\":\"" ANNA
				  "\",\"amount\":\"8\"}", "pending", "5.0 pending self 8 A",
				  "a transfer to oneself is one row");
	expect_action(&host, "\"type\":\"jetton_transfer\",\"details\":{\"asset\":\""
				  CARL "\",\"sender\":\"" ANNA "\",\"receiver\":\"" BERT
				  "\",\"amount\":\"1329227995784915872903807060280344575\"}",
				  "confirmed",
				  "5.0 confirmed out 1329227995784915872903807060280344575 B;"
				  " 5.1 confirmed in 1329227995784915872903807060280344575 A",
				  "tokens may be very many");
	cs_output_reset(host.output);
	expect_rows(&host, invalidation(77),
				"5.0 removed out 1329227995784915872903807060280344575 B;"
				" 5.1 removed in 1329227995784915872903807060280344575 A",
				"they are taken back");
	expect_action(&host, "\"type\":\"jetton_swap\",\"details\":{\"sender\":\""
				  ANNA "\",\"dex_incoming_transfer\":{\"asset\":null,\"amount\":\"5\","
				  "\"destination\":\"" CARL "\"},\"dex_outgoing_transfer\":{\"asset\":\""
				  BERT "\",\"amount\":\"6\",\"source\":\"" CARL "\"}}",
				  "finalized",
				  "5.0 finalized - 5 C; 5.1 finalized in 6 C",
				  "a swap gives and takes; coins are counted elsewhere");
	expect_action(&host, "\"type\":\"brand_new\",\"details\":{\"x\":[]},"
				  "\"accounts\":[\"" CARL "\",\"" ANNA "\",7,\"?\"]",
				  "finalized", "5.3 finalized - - -",
				  "what is not known concerns its accounts");
	expect_action(&host, "\"type\":\"brand_new\"", "finalized", "",
				  "if it has any");
	host_free(&host);
}

/* Action types that are not among the samples. */
static void
test_more_actions(void)
{
	Host		host = make_host();

	expect_action(&host, "\"type\":\"dex_deposit_liquidity\",\"details\":{"
				  "\"source\":\"" ANNA "\",\"pool\":\"" CARL "\","
				  "\"amount_1\":\"5\",\"asset_1\":\"" BERT "\","
				  "\"amount_2\":\"6\",\"asset_2\":null}", "finalized",
				  "5.0 finalized out 5 C; 5.1 finalized - 6 C",
				  "liquidity of two assets");
	expect_action(&host, "\"type\":\"stake_withdrawal\",\"details\":{"
				  "\"stake_holder\":\"" ANNA "\",\"pool\":\"" CARL "\","
				  "\"amount\":\"5\",\"tokens_burnt\":\"4\",\"asset\":\"" BERT "\"}",
				  "finalized", "5.0 finalized out 4 C; 5.1 finalized - 5 C",
				  "a stake");
	expect_action(&host, "\"type\":\"renew_dns\",\"details\":{\"source\":\""
				  ANNA "\",\"asset\":\"" BERT "\"}", "finalized",
				  "5.0 finalized - - -", "a name");
	host_free(&host);
}

/* A trace and the topic transactions tell of the same money. */
static void
test_trace_counts_once(void)
{
	Host		host = make_host();
	char	   *line = sample_of("toncenter/trace", 2);
	char		canonical[CS_TARGET_MAX];
	CsError		error;

	(void) cs_provider_find("toncenter")->canonical_transaction(
		NULL, "JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=", canonical, NULL);
	(void) cs_session_watch(host.session, 200, CS_WATCH_TRANSACTION, canonical);
	host_sync(&host);
	cs_output_reset(host.output);
	ok(host_message(&host, 0, line, &error) &&
	   cs_output_record_count(host.output) == 4, "a trace gives rows");
	for (size_t i = 0; i < cs_output_record_count(host.output); i++)
		ok(cs_output_records(host.output)[i].direction == CS_DIRECTION_NONE,
		   "none of which is money that moved");
	cs_output_reset(host.output);
	expect_rows(&host, strdup("{\"type\":\"trace_invalidated\",\"trace_external_hash_norm\":"
							  "\"JlAMiTCOjbxXFbDHl/5va9yqq0ffnn8As5NAFZDeyMg=\"}"),
				"7.0 removed - 1000000000 D; b.0 removed - 1000000000 C;"
				" 2.0 removed - 1000000000 D; 2.1 removed - 1000000000 C",
				"all of them are taken back");
	free(line);
	host_free(&host);
}

/* ---------- refusals ---------- */

static void
test_slices(void)
{
	CsText		object = {" { \"a\" : 1,\"b\":{\"c\":[]} } ", 27};
	CsText		name;
	size_t		position = 0;
	CsText		value = cs_json_slice_next_member(object, &position, &name);

	ok(value.length == 1 && *value.data == '1' && name.length == 1 &&
	   *name.data == 'a', "the first member");
	value = cs_json_slice_next_member(object, &position, &name);
	ok(value.length == 8 && name.length == 1 && *name.data == 'b',
	   "the second");
	ok(cs_json_slice_next_member(object, &position, &name).data == NULL,
	   "that was all");
	for (size_t length = 0; length < object.length; length++)
	{
		char	   *copy = malloc(length + 1);

		memcpy(copy, object.data, length);
		position = 0;
		while (cs_json_slice_next_member((CsText) {copy, length}, &position,
										 &name).data != NULL)
			;
		free(copy);
	}
	ok(true, "a text that is cut off is never left");
}

static void
check_rejected(Host *host, const char *text, const char *why)
{
	CsError		error = {0};
	size_t		bytes;
	bool		taken;

	cs_output_reset(host->output);
	bytes = cs_output_bytes(host->output);
	taken = host_message(host, 0, text, &error);
	if (!ok(!taken && error.kind != CS_ERROR_NONE &&
			cs_output_record_count(host->output) == 0 &&
			cs_output_bytes(host->output) == bytes &&
			strstr(error.message, why) != NULL, "rejected: %s", error.message))
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
		{"transactions", 1, "\"transactions\",", "\"tx\",", "unrecognized type"},
		{"transactions", 1, "\"type\":\"transactions\"", "\"type\":1",
		 "\"type\" is not a string"},
		{"transactions", 1, "\"finality\":\"pending\"", "\"finality\":\"safe\"",
		 "unrecognized finality \"safe\""},
		{"transactions", 1, "\"finality\":\"pending\"", "\"finality\":7",
		 "\"finality\" is missing or not a string"},
		{"transactions", 1, "JlAMiTCOjbxX", "JlAMiTCOjbx", "is not a hash"},
		{"transactions", 1, "\"transactions\":[", "\"transactions\":[7,",
		 "what is not an object"},
		{"transactions", 1, "\"transactions\":[", "\"x\":[",
		 "\"transactions\" is missing"},
		{"transactions", 1, "{\"account\":\"0:9DA9", "{\"account\":\"0:9D",
		 "\"account\" is not an address"},
		{"transactions", 1, "\"hash\":\"vHtrlfhW", "\"hash\":\"vHtr",
		 "\"hash\" is not a hash"},
		{"transactions", 1, "\"now\":1754154885", "\"now\":-1",
		 "\"now\" is out of range"},
		{"transactions", 1, "\"now\":1754154885", "\"now\":999999999999999",
		 "\"now\" is out of range"},
		{"transactions", 1, "\"total_fees\":\"2062939\"",
		 "\"total_fees\":\"-2\"", "\"total_fees\" is negative"},
		{"transactions", 1, "\"total_fees\":\"2062939\"",
		 "\"total_fees\":\"99999999999999999999\"", "64 bits"},
		{"transactions", 1, "\"value\":\"1000000000\",\"value_extra",
		 "\"value\":1e9,\"value_extra", "\"value\" is not an integer"},
		{"transactions", 1, "\"out_msgs\":[", "\"out_msgs\":[null,",
		 "\"out_msgs\" holds"},
		{"transactions", 4, "\"mc_block_seqno\":50502676",
		 "\"mc_block_seqno\":null", "\"mc_block_seqno\" is missing"},
		{"transactions", 1, "pending\"}]}", "pending\"}]", "invalid JSON"},
		{"transactions", 1, "active\"", "\xFF\"", "invalid JSON"},
		{"actions", 4, "\"actions\":[", "\"actions\":{\"x\":[", "invalid JSON"},
		{"actions", 4, "\"actions\":[", "\"actions\":[[],", "not an object"},
		{"actions", 4, "\"type\":\"jetton_transfer\"",
		 "\"type\":\"jetton\\u0000transfer\"", "\\u0000"},
		{"actions", 4, "\"amount\":\"1000000\"", "\"amount\":\"1e6\"",
		 "\"amount\" is not an amount"},
		{"actions", 4, "\"amount\":\"1000000\"", "\"amount\":1000000",
		 "\"amount\" is not an amount"},
		{"account_state_change", 1, "\"state\":{", "\"state\":7,\"x\":{",
		 "\"state\" is missing or not an object"},
		{"jettons_change", 1, "\"jetton\":{", "\"jetton\":7,\"x\":{",
		 "\"jetton\" is missing or not an object"},
		{"jettons_change", 1, "\"last_transaction_lt\":\"", "\"lt\":\"",
		 "\"last_transaction_lt\" is missing"},
		{"control", 1, "subscribed", "describe", "unrecognized status"},
	};
	Host		host = make_host();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		name[64];
		char	   *line;
		char	   *text;

		(void) snprintf(name, sizeof(name), "toncenter/%s", cases[i].sample);
		line = sample_of(name, cases[i].number);
		text = replaced(line, cases[i].from, cases[i].to);
		check_rejected(&host, text, cases[i].why);
		free(text);
		free(line);
	}
	check_rejected(&host, "{}", "neither");
	check_rejected(&host, "[]", "not an object");
	check_rejected(&host, "{\"type\":\"trace_invalidated\"}", "is missing");
	check_rejected(&host, "{\"error\":{}}", "\"error\" is not a string");
	host_free(&host);
}

/* The sum of what is sent must be a number, and a bad part spoils the whole. */
static void
test_reject_whole(void)
{
	Host		host = make_host();
	Tx			txs[] = {{ANNA, 1, "pending", BERT, "5", NULL, NULL, false},
	{BERT, 2, "pending", NULL, NULL,
		"A:9223372036854775807,C:1", NULL, false}};
	char	   *text = make_message(1, "pending", txs, 2);

	check_rejected(&host, text, "too large");
	free(text);
	expect_rows(&host, invalidation(1), "",
				"nothing of a refused message is remembered");
	host_free(&host);
}

int
main(void)
{
	test_received();
	test_sent();
	test_both();
	test_columns();
	test_identities();
	test_order();
	test_invalidation();
	test_snapshots();
	test_bounds();
	test_actions();
	test_more_actions();
	test_trace_counts_once();
	test_slices();
	test_rejects();
	test_reject_whole();
	return tap_end();
}
