/*-------------------------------------------------------------------------
 *
 * symbol_ledger_test.c
 *	  What a Symbol gateway never says: removals, rollbacks, finality.
 *
 * Messages and time go in, in many orders; what is said of the transactions
 * and blocks comes out.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>

#include "symbol_host.h"
#include "tap.h"

/* Texts of messages must outlive the output; a test makes few. */
#define TEXTS_MAX 4096

static char *texts[TEXTS_MAX];
static int	text_count;

static const char *
keep_text(char *text)
{
	if (text_count == TEXTS_MAX)
		bail_out("too many texts");
	texts[text_count++] = text;
	return text;
}

static void
free_texts(void)
{
	while (text_count > 0)
		free(texts[--text_count]);
}

static char *format_text(const char *format,...)
			__attribute__((format(printf, 1, 2)));

static char *
format_text(const char *format,...)
{
	char		text[1024];
	va_list		arguments;

	va_start(arguments, format);
	(void) vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return strdup(text);
}

static void
say(Host *host, char *text)
{
	CsError		error = {0};

	if (!host_message(host, 0, keep_text(text), &error))
		bail_out("rejected: %s: %s", error.message, text);
}

/* A transfer of the samples' signer to their recipient. */
static void
say_added(Host *host, const char *channel, int transaction, int height)
{
	say(host, format_text("{\"topic\":\"%s\",\"data\":{\"transaction\":{"
						  "\"signerPublicKey\":\"B863173F9E4924CA5EB63BFC13689E27F603C29AD8C82615A10531329BF7A94E\","
						  "\"version\":1,\"network\":152,\"type\":16724,"
						  "\"recipientAddress\":\"9852701708153EB74C71713F0AC7C56F5DE5670E06175954\","
						  "\"mosaics\":[{\"id\":\"72C0212E67A08BCE\",\"amount\":\"5\"}]},"
						  "\"meta\":{\"hash\":\"%064X\",\"height\":\"%d\"}}}",
						  channel, transaction, height));
}

static void
say_removed(Host *host, const char *channel, int transaction)
{
	say(host, format_text("{\"topic\":\"%s\",\"data\":{\"meta\":{\"hash\":"
						  "\"%064X\"}}}", channel, transaction));
}

static void
say_block(Host *host, int height, int hash, int parent)
{
	say(host, format_text("{\"topic\":\"block\",\"data\":{\"block\":{"
						  "\"signerPublicKey\":\"B863173F9E4924CA5EB63BFC13689E27F603C29AD8C82615A10531329BF7A94E\","
						  "\"network\":152,\"type\":33091,\"height\":\"%d\","
						  "\"timestamp\":\"%d000\",\"previousBlockHash\":\"%064X\"},"
						  "\"meta\":{\"hash\":\"%064X\"}}}", height, height,
						  parent, hash));
}

static void
say_final(Host *host, int height, int hash)
{
	say(host, format_text("{\"topic\":\"finalizedBlock\",\"data\":{"
						  "\"finalizationEpoch\":1,\"finalizationPoint\":1,"
						  "\"height\":\"%d\",\"hash\":\"%064X\"}}", height,
						  hash));
}

/* Everything subscribed, the recipient watched, and connected. */
static Host
start(void)
{
	Host		host = symbol_host("testnet", "{}");

	symbol_subscribe_all(&host);
	host_watch(&host, 100, RECIPIENT);
	host_sync(&host);
	symbol_greet(&host);
	host_pass(&host, 1000);
	cs_output_reset(host.output);
	return host;
}

static void
finish(Host *host)
{
	host_free(host);
	free_texts();
}

/*
 * The rows since the last call as "confirmed 7 @12", a block's as "block
 * confirmed A1 @12"; those with an identity that was there before as "(again)",
 * for these are not stored.
 */
static uint64_t seen[TEXTS_MAX][2];
static int	seen_count;

static bool
is_new(const CsRecord *record)
{
	for (int i = 0; i < seen_count; i++)
	{
		if (memcmp(seen[i], record->identity, 16) == 0)
			return false;
	}
	if (seen_count == TEXTS_MAX)
		bail_out("too many rows");
	memcpy(seen[seen_count++], record->identity, 16);
	return true;
}

static char *
rows(Host *host)
{
	static const char *const statuses[] = {"-", "pending", "confirmed",
		"finalized", "failed", "removed"};
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);

	for (size_t i = 0; i < cs_output_record_count(host->output); i++)
	{
		const CsRecord *record = &cs_output_records(host->output)[i];

		if (ftell(file) > 0)
			fprintf(file, "; ");
		if (!is_new(record))
			fprintf(file, "again ");
		fprintf(file, "%s%s %lX", record->table == CS_TABLE_BLOCKS ?
				"block " : "", statuses[record->status],
				strtoul(record->hash.data + 48, NULL, 16));
		if (record->height != CS_NO_NUMBER)
			fprintf(file, " @%lld", (long long) record->height);
	}
	(void) fclose(file);
	cs_output_reset(host->output);
	return text;
}

static void
expect(Host *host, const char *expected, const char *name)
{
	char	   *got = rows(host);

	is(got, expected, name);
	free(got);
}

/* ---------- removals ---------- */

static void
test_removals(void)
{
	Host		host = start();

	seen_count = 0;
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	expect(&host, "pending 1", "a transaction waits");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	host_pass(&host, 4999);
	expect(&host, "", "it has left the pool, for whatever reason");
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 7);
	host_pass(&host, 60000);
	expect(&host, "confirmed 1 @7", "which was that it is in a block");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	host_pass(&host, 60000);
	expect(&host, "", "that it has left may come later");

	say_added(&host, "unconfirmedAdded/" RECIPIENT, 2, 0);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 2);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 2);
	host_pass(&host, 5000);
	expect(&host, "pending 2; removed 2", "or for good, which is said once");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 2);
	host_pass(&host, 5000);
	expect(&host, "", "and not again");
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 2, 0);
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 2, 0);
	expect(&host, "pending 2; again pending 2",
		   "one that comes back waits again, as another row");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 2);
	host_pass(&host, 5000);
	expect(&host, "removed 2", "and can leave again");
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 8);
	expect(&host, "confirmed 2 @8", "and be in a block after all");

	say_added(&host, "partialAdded/" RECIPIENT, 3, 0);
	say_removed(&host, "partialRemoved/" RECIPIENT, 3);
	host_pass(&host, 1000);
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 3, 0);
	host_pass(&host, 9000);
	expect(&host, "pending 3; pending 3",
		   "a complete aggregate goes from one pool to the other");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 3);
	host_pass(&host, 5000);
	expect(&host, "removed 3", "from which it may go");

	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 4);
	host_pass(&host, 5000);
	expect(&host, "removed 4", "one of which nothing is known is told too");
	say_removed(&host, "unconfirmedRemoved/" SIGNER, 5);
	host_pass(&host, 5000);
	expect(&host, "", "but not a stranger's");
	finish(&host);
}

static void
test_removed_row(void)
{
	Host		host = start();
	const CsRecord *record;

	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	cs_output_reset(host.output);
	host_pass(&host, 5000);
	ok(cs_output_record_count(host.output) == 1, "a removal gives a row");
	record = cs_output_records(host.output);
	ok(strcmp(record->account.data, RECIPIENT) == 0 &&
	   strcmp(record->counterparty.data, SIGNER) == 0 &&
	   strcmp(record->amount.data, "5") == 0 &&
	   strcmp(record->asset.data, "XYM") == 0 &&
	   record->direction == CS_DIRECTION_IN && record->ordinal == 1 &&
	   strcmp(record->topic, "unconfirmedRemoved") == 0 &&
	   record->subscription_id == 5,
	   "which says what the announcement said");
	ok(record->payload.data != NULL &&
	   strcmp(record->payload.data, texts[1]) == 0 &&
	   record->message.data != NULL &&
	   record->received_at == INT64_C(1700000000000000),
	   "with the message that made it so");
	host_unwatch(&host, RECIPIENT);
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 2, 0);
	cs_output_reset(host.output);
	host_free(&host);

	host = start();
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	host_unwatch(&host, RECIPIENT);
	cs_output_reset(host.output);
	host_pass(&host, 5000);
	ok(cs_output_record_count(host.output) == 0,
	   "nothing for who is not watched any more");
	host_watch(&host, 100, RECIPIENT);
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 2, 0);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 2);
	symbol_close(&host, 0, "");
	cs_output_reset(host.output);
	host_pass(&host, 5000);
	ok(cs_output_record_count(host.output) == 0,
	   "nothing when what came of it may have been missed");
	finish(&host);
}

static void
test_failures(void)
{
	Host		host = start();

	seen_count = 0;
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	say(&host, format_text("{\"topic\":\"status/" RECIPIENT "\",\"data\":{"
						   "\"hash\":\"%064X\",\"code\":\"Failure_Core_Past_Deadline\"}}",
						   1));
	host_pass(&host, 5000);
	expect(&host, "pending 1; failed 1", "a failure is why it left the pool");
	say(&host, format_text("{\"topic\":\"status/" RECIPIENT "\",\"data\":{"
						   "\"hash\":\"%064X\",\"code\":\"Failure_Core_Past_Deadline\"}}",
						   1));
	expect(&host, "again failed 1", "told again it is the same");
	say(&host, format_text("{\"topic\":\"status/" RECIPIENT "\",\"data\":{"
						   "\"hash\":\"%064X\",\"code\":\"unknown status 0x80FF1234\"}}",
						   1));
	expect(&host, "failed 1", "another reason is another row");
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	expect(&host, "pending 1", "it may be tried again");
	finish(&host);
}

/* ---------- finality ---------- */

static void
test_finality(void)
{
	Host		host = start();
	const CsRecord *record;

	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_block(&host, 11, 0xB, 0xA);
	say_block(&host, 12, 0xC, 0xB);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 11);
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 12);
	expect(&host, "block confirmed A @10; block confirmed B @11;"
		   " block confirmed C @12; confirmed 1 @11; confirmed 2 @12",
		   "blocks and transactions are confirmed");
	say_final(&host, 11, 0xB);
	record = cs_output_records(host.output) + 2;
	ok(cs_output_record_count(host.output) == 3 &&
	   strcmp(record->topic, "finalizedBlock") == 0 &&
	   record->subscription_id == 3 && record->direction == CS_DIRECTION_IN &&
	   strcmp(record->amount.data, "5") == 0 &&
	   strtoul(record->block_hash.data + 48, NULL, 16) == 0xB &&
	   record->occurred_at == (INT64_C(1667250467) + 11) * 1000000 &&
	   strncmp(record->payload.data, "{\"topic\":\"finalizedBlock\"", 25) == 0,
	   "a final transaction says what it said, and of which block it is");
	expect(&host, "block finalized A @10; block finalized B @11;"
		   " finalized 1 @11", "what is not above the height is final");
	say_final(&host, 11, 0xB);
	expect(&host, "again block finalized B @11", "once");
	say_added(&host, "confirmedAdded/" RECIPIENT, 3, 11);
	expect(&host, "confirmed 3 @11; finalized 3 @11",
		   "what is told late is final at once");
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 11);
	expect(&host, "again confirmed 1 @11; again finalized 1 @11",
		   "told again it is the same");
	say_removed(&host, "unconfirmedRemoved/" RECIPIENT, 1);
	host_pass(&host, 5000);
	expect(&host, "", "what is final cannot be removed");
	say_block(&host, 9, 0x9, 0x8);
	expect(&host, "block confirmed 9 @9; block finalized 9 @9",
		   "nor is a late block anything else");
	say_block(&host, 11, 0xBB, 0xA);
	expect(&host, "block confirmed BB @11; block finalized BB @11",
		   "another block than the final one changes nothing");
	say_final(&host, 12, 0xC);
	expect(&host, "block finalized C @12; finalized 2 @12", "and so on");
	host_unwatch(&host, RECIPIENT);
	finish(&host);
}

/* What may have been replaced while nobody listened. */
static void
test_doubtful_finality(void)
{
	Host		host = start();

	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_block(&host, 11, 0xB, 0xA);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 10);
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 11);
	symbol_close(&host, 0, "");
	symbol_greet(&host);
	free(rows(&host));
	say_block(&host, 13, 0xD, 0xC);
	say_added(&host, "confirmedAdded/" RECIPIENT, 3, 13);
	say_final(&host, 13, 0xD);
	expect(&host, "block confirmed D @13; confirmed 3 @13;"
		   " block finalized D @13; finalized 3 @13",
		   "what came before a gap in the chain is not certain");
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 11);
	expect(&host, "again confirmed 2 @11; finalized 2 @11",
		   "unless it is told again");
	host_free(&host);

	host = start();
	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_block(&host, 11, 0xB, 0xA);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 10);
	symbol_close(&host, 0, "");
	symbol_greet(&host);
	say_block(&host, 12, 0xC, 0xB);
	free(rows(&host));
	say_final(&host, 12, 0xC);
	expect(&host, "block finalized A @10; block finalized B @11;"
		   " block finalized C @12; finalized 1 @10",
		   "what leads to the final block is, across connections");
	finish(&host);
}

/* More than is written in one go. */
static void
test_many(void)
{
	Host		host = start();
	size_t		count = 0;
	size_t		largest = 0;
	int			ticks = 0;

	for (int i = 0; i < 4000; i++)
	{
		say_added(&host, "confirmedAdded/" RECIPIENT, i + 1, 10 + i % 5);
		cs_output_reset(host.output);
		free_texts();
	}
	say_final(&host, 13, 0xD);
	while (cs_output_record_count(host.output) > 0 && ticks < 100)
	{
		size_t		now = cs_output_record_count(host.output);

		for (size_t i = 0; i < now; i++)
			count += cs_output_records(host.output)[i].table ==
				CS_TABLE_TRANSACTIONS;
		largest = now > largest ? now : largest;
		cs_output_reset(host.output);
		if (cs_session_next_tick(host.session) > host.now_ms + 5)
			break;
		host.now_ms++;
		cs_session_tick(host.session, host.now_ms, host.output);
		ticks++;
	}
	ok(count == 3200, "3200 of 4000 are final: %zu", count);
	ok(largest <= 2001, "in portions: %zu", largest);
	finish(&host);
}

/* The memory is bounded, and the newest are in it. */
static void
test_bounds(void)
{
	Host		host = start();
	size_t		before = resident_bytes();
	size_t		count = 0;

	for (int i = 0; i < 150000; i++)
	{
		say_added(&host, "confirmedAdded/" RECIPIENT, i + 1, 10 + i / 15000);
		cs_output_reset(host.output);
		free_texts();
	}
#ifndef __SANITIZE_ADDRESS__
	ok(resident_bytes() < before + (size_t) 32 * 1024 * 1024,
	   "150,000 transactions take %zu kB",
	   (resident_bytes() - before) / 1024);
#else
	ok(before > 0, "the sanitizer keeps what is freed");
#endif
	say_final(&host, 100, 0xD);
	while (cs_session_next_tick(host.session) <= host.now_ms + 1 ||
		   cs_output_record_count(host.output) > 0)
	{
		count += cs_output_record_count(host.output);
		cs_output_reset(host.output);
		host.now_ms++;
		cs_session_tick(host.session, host.now_ms, host.output);
	}
	ok(count > 75000 && count <= 100001,
	   "the newest %zu become final", count);
	finish(&host);
}

/* ---------- rollbacks ---------- */

static void
test_rollback(void)
{
	Host		host = start();

	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	host_pass(&host, 30000);
	say_block(&host, 11, 0xB1, 0xA);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 11);
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 11);
	say_added(&host, "confirmedAdded/" RECIPIENT, 3, 11);
	say_added(&host, "confirmedAdded/" RECIPIENT, 4, 11);
	host_pass(&host, 10000);
	free(rows(&host));

	/* Nearer to the new block than to the old one: of the new one. */
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 11);
	host_pass(&host, 50);
	say_block(&host, 11, 0xB2, 0xA);
	expect(&host, "again confirmed 2 @11; block removed B1 @11;"
		   " block confirmed B2 @11", "another block takes the place of one");
	host_pass(&host, 1000);
	say_added(&host, "confirmedAdded/" RECIPIENT, 3, 11);
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 4, 0);
	expect(&host, "again confirmed 3 @11; removed 4 @11; pending 4",
		   "its transactions are told again, or wait again");
	host_pass(&host, 5000);
	expect(&host, "removed 1 @11", "what is not in it is not confirmed");
	host_pass(&host, 60000);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 12);
	expect(&host, "confirmed 1 @12", "but may be later");
	say_added(&host, "confirmedAdded/" RECIPIENT, 4, 11);
	expect(&host, "confirmed 4 @11",
		   "even at the same height, as another row");
	say_added(&host, "confirmedAdded/" RECIPIENT, 3, 12);
	expect(&host, "removed 3 @11; confirmed 3 @12",
		   "one that moves leaves where it was, even if no block told");
	say_final(&host, 12, 0xC);
	{
		size_t		final = 0;

		for (size_t i = 0; i < cs_output_record_count(host.output); i++)
			final += cs_output_records(host.output)[i].table ==
				CS_TABLE_TRANSACTIONS;
		ok(final == 4, "all are final in the end");
	}
	finish(&host);
}

/* Channels are not in step: back in the pool may be told before the block. */
static void
test_back_in_pool(void)
{
	Host		host = start();

	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_block(&host, 11, 0xB1, 0xA);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 11);
	host_pass(&host, 30000);
	free(rows(&host));
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	host_pass(&host, 50);
	say_block(&host, 11, 0xB2, 0xA);
	say_final(&host, 11, 0xB2);
	host_pass(&host, 5000);
	expect(&host, "pending 1; block removed B1 @11; block confirmed B2 @11;"
		   " block finalized A @10; block finalized B2 @11; removed 1 @11",
		   "what is back in the pool is not of the new block, and not final");
	finish(&host);

	host = start();
	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 10);
	symbol_close(&host, 0, "");
	symbol_greet(&host);
	free(rows(&host));
	say_added(&host, "unconfirmedAdded/" RECIPIENT, 1, 0);
	say_block(&host, 13, 0xD, 0xC);
	say_final(&host, 13, 0xD);
	expect(&host, "pending 1; block confirmed D @13; block finalized D @13",
		   "that it waits does not make certain what came before a gap");
	finish(&host);
}

static void
test_deep_rollback(void)
{
	Host		host = start();

	seen_count = 0;
	say_block(&host, 10, 0xA, 0x9);
	say_block(&host, 11, 0xB1, 0xA);
	say_block(&host, 12, 0xC1, 0xB1);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 11);
	say_added(&host, "confirmedAdded/" RECIPIENT, 2, 12);
	host_pass(&host, 30000);
	free(rows(&host));
	say_block(&host, 11, 0xB2, 0xA);
	expect(&host, "block removed B1 @11; block removed C1 @12;"
		   " block confirmed B2 @11", "with a block those above it go");
	host_pass(&host, 5000);
	{
		char	   *got = rows(&host);

		ok(strcmp(got, "removed 1 @11; removed 2 @12") == 0 ||
		   strcmp(got, "removed 2 @12; removed 1 @11") == 0,
		   "and their transactions: %s", got);
		free(got);
	}
	say_block(&host, 12, 0xC2, 0xB2);
	expect(&host, "block confirmed C2 @12", "the chain goes on");
	say_block(&host, 11, 0xB1, 0xA);
	expect(&host, "block removed B2 @11; block removed C2 @12;"
		   " block confirmed B1 @11", "or goes back to where it was");
	say_block(&host, 13, 0xD3, 0xC3);
	say_block(&host, 14, 0xE4, 0xD4);
	expect(&host, "block confirmed D3 @13; block removed D3 @13;"
		   " block confirmed E4 @14",
		   "a parent that is another than the one known replaces it");
	say_final(&host, 14, 0xE5);
	expect(&host, "block removed E4 @14; block finalized A @10;"
		   " block finalized B1 @11; block finalized E5 @14",
		   "so does a final block");
	finish(&host);
}

/* A position of an earlier session is a block that is known. */
static void
test_restored(void)
{
	Host		host = symbol_host("testnet", "{}");
	char		position[128];

	seen_count = 0;
	(void) snprintf(position, sizeof(position),
					"{\"height\":10,\"hash\":\"%064X\"}", 0xA1);
	cs_session_restore(host.session, "", "nonsense");
	cs_session_restore(host.session, "", "{\"height\":-1,\"hash\":\"\"}");
	cs_session_restore(host.session, "other", position);
	cs_session_restore(host.session, "", position);
	symbol_subscribe_all(&host);
	host_watch(&host, 100, RECIPIENT);
	host_sync(&host);
	symbol_greet(&host);
	cs_output_reset(host.output);
	say_block(&host, 9, 0x9, 0x8);
	{
		size_t		cursors = 0;

		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
			cursors += cs_output_actions(host.output)[i].kind ==
				CS_ACTION_CURSOR;
		ok(cursors == 0, "an older block is no new position");
	}
	expect(&host, "block confirmed 9 @9", "it is told all the same");
	say_block(&host, 11, 0xB, 0xA2);
	expect(&host, "block removed A1 @10; block confirmed B @11",
		   "what was replaced meanwhile is noticed");
	host_free(&host);

	host = symbol_host("testnet", "{}");
	cs_session_restore(host.session, "", "{\"finalized\":20}");
	symbol_subscribe_all(&host);
	host_watch(&host, 100, RECIPIENT);
	host_sync(&host);
	host_open(&host);
	cs_output_reset(host.output);
	say_added(&host, "confirmedAdded/" RECIPIENT, 1, 20);
	expect(&host, "confirmed 1 @20", "a network may have begun anew");
	say_block(&host, 1, 0xA, 0x9);
	ok(strstr(cs_output_actions(host.output)->text.data,
			  "\"finalized\":20}") != NULL,
	   "but what was final is told on: %s",
	   cs_output_actions(host.output)->text.data);
	finish(&host);
}

static void
expect_position(Host *host, const char *expected, const char *name)
{
	const CsAction *last = NULL;

	for (size_t i = 0; i < cs_output_action_count(host->output); i++)
	{
		if (cs_output_actions(host->output)[i].kind == CS_ACTION_CURSOR)
			last = &cs_output_actions(host->output)[i];
	}
	ok(last != NULL ? strcmp(last->text.data, expected) == 0 :
	   *expected == '\0', "%s: %s", name, last ? last->text.data : "none");
	cs_output_reset(host->output);
}

static void
test_positions(void)
{
	Host		host = start();
	char		expected[160];

	say_final(&host, 9, 0x9);
	expect_position(&host, "{\"finalized\":9}", "what is final");
	say_block(&host, 10, 0xA, 0x9);
	(void) snprintf(expected, sizeof(expected),
					"{\"height\":10,\"hash\":\"%064X\",\"finalized\":9}", 0xA);
	expect_position(&host, expected, "and the newest block");
	say_block(&host, 10, 0xA, 0x9);
	expect_position(&host, "", "the same block is no news");
	say_block(&host, 10, 0xB, 0x9);
	(void) snprintf(expected, sizeof(expected),
					"{\"height\":10,\"hash\":\"%064X\",\"finalized\":9}", 0xB);
	expect_position(&host, expected, "one that replaces it is");
	say_final(&host, 10, 0xB);
	(void) snprintf(expected, sizeof(expected),
					"{\"height\":10,\"hash\":\"%064X\",\"finalized\":10}", 0xB);
	expect_position(&host, expected, "finality goes on");
	say_final(&host, 10, 0xB);
	expect_position(&host, "", "once");
	finish(&host);
}


int
main(void)
{
	test_removals();
	test_removed_row();
	test_failures();
	test_finality();
	test_doubtful_finality();
	test_many();
	test_bounds();
	test_rollback();
	test_back_in_pool();
	test_deep_rollback();
	test_restored();
	test_positions();
	return tap_end();
}
