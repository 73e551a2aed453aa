/*-------------------------------------------------------------------------
 *
 * flow_fuzz.c
 *	  Hostile input for the Flow provider.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * Without CS_LIBFUZZER there is a main() that needs no more than gcc: it
 * mutates the samples, always in the same way for the same seed.
 *		flow_fuzz [seed [iterations [seconds]]]
 * It stops after so many iterations or seconds, whichever comes first; run it
 * from the root of the source tree.
 *
 * The first byte of an input says what the rest is: a message, an address, the
 * arguments of a topic, the options of a source, or a life of a session.
 * Besides what the sanitizers see, everything that comes out is checked: a
 * refused message leaves nothing behind, and a row holds only what its columns
 * can hold.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/utf8.h"
#include "provider/json.h"
#include "provider/provider.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALICE "0xe4db9c640c6e50ba"
#define BOB	  "0x0d744d23165bfb6c"
#define TRANSACTION "fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106"

static const char *const topics[] = {
	"block_digests", "block_headers", "blocks", "events", "account_statuses",
	"transaction_statuses", "send_and_get_transaction_statuses"
};

/* A transaction that would be accepted as such. */
static const char transaction[] =
	"{\"script\":\"AA==\",\"arguments\":[],\"reference_block_id\":\"" TRANSACTION "\","
	"\"gas_limit\":\"1000\",\"payer\":\"" ALICE "\",\"proposal_key\":{\"address\":\"" ALICE "\","
	"\"key_index\":\"0\",\"sequence_number\":\"0\"},\"authorizers\":[\"" ALICE "\"],"
	"\"envelope_signatures\":[{\"address\":\"" ALICE "\",\"key_index\":\"0\",\"signature\":\"AA==\"}]}";

/* What the life of a session is made of; %u is replaced. */
static const char *const sayings[] = {
	"{\"subscription_id\":\"cs-%u\",\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"action\":\"unsubscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":400,\"message\":\"no\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":429,\"message\":\"maximum number of subscriptions reached\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":500,\"message\":\"code = NotFound\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":500,\"message\":\"code = InvalidArgument root height 100\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"\",\"error\":{\"code\":400,\"message\":\"error reading message: i/o timeout\"},\"action\":\"\"}",
	"{\"subscriptions\":[{\"subscription_id\":\"cs-%u\"}],\"action\":\"list_subscriptions\"}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"block_digests\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"height\":\"%u\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"events\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"block_height\":\"%u\",\"block_timestamp\":\"2026-08-20T10:00:00Z\",\"message_index\":1}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"account_statuses\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"height\":\"%u\",\"account_events\":{},\"message_index\":9223372036854775807}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"transaction_statuses\",\"payload\":{\"transaction_result\":{\"block_id\":\"\",\"execution\":\"Failure\",\"status\":\"Expired\",\"_links\":{\"_self\":\"/" TRANSACTION "\"}}}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"send_and_get_transaction_statuses\",\"payload\":{\"transaction_result\":{\"block_id\":\"\",\"execution\":\"Pending\",\"status\":\"Pending\",\"_links\":{\"_self\":\"" TRANSACTION "\"}}}}"
};

#define SAYINGS (sizeof(sayings) / sizeof(sayings[0]))
#define TOPICS (sizeof(topics) / sizeof(topics[0]))

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "flow_fuzz: line %d: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* ---------- what must always hold ---------- */

/* A text that a column can hold. */
static void
check_text(CsText text)
{
	if (text.data == NULL)
		return;
	for (size_t at = 0; at < text.length;)
	{
		size_t		size = cs_utf8_character(text.data + at, text.length - at);

		CHECK(size > 0 && text.data[at] != '\0');
		at += size;
	}
	CHECK(text.data[text.length] == '\0');
}

static void
check_account(CsText account)
{
	if (account.data == NULL)
		return;
	check_text(account);
	CHECK(account.length == 18 && memcmp(account.data, "0x", 2) == 0 &&
		  strspn(account.data + 2, "0123456789abcdef") == 16);
}

static void
check_record(const CsRecord *record, const char *message, size_t length)
{
	CHECK(record->topic != NULL);
	CHECK((record->table == CS_TABLE_EVENTS) == (record->kind != NULL));
	if (record->kind != NULL)
		check_text((CsText) {record->kind, strlen(record->kind)});
	CHECK(record->hash.length == 64 &&
		  strspn(record->hash.data, "0123456789abcdef") == 64);
	check_text(record->hash);
	check_text(record->block_hash);
	check_text(record->asset);
	check_account(record->account);
	check_account(record->counterparty);
	if (record->amount.data != NULL)
		CHECK(cs_decimal128_valid(record->amount.data, record->amount.length));
	check_text(record->amount);
	CHECK(record->ordinal >= 0);
	CHECK(record->height == CS_NO_NUMBER || record->height >= 0);
	CHECK(record->occurred_at == CS_NO_NUMBER ||
		  record->occurred_at <= INT64_C(253402387200000000));
	if (record->payload.data != NULL)
	{
		CHECK(record->payload.data >= message &&
			  record->payload.data + record->payload.length <= message + length);
		CHECK(cs_json_check_tokens(record->payload.data,
								   record->payload.length) == NULL);
	}
	CHECK(record->identity[0] != 0 || record->identity[1] != 0);
}

static void
check_error(const CsError *error)
{
	CHECK(error->kind != CS_ERROR_NONE && error->message[0] != '\0');
	check_text((CsText) {error->message, strlen(error->message)});
	check_text((CsText) {error->detail, strlen(error->detail)});
	check_text((CsText) {error->hint, strlen(error->hint)});
}

/* ---------- targets ---------- */

/* A session that is kept, as a worker keeps one. */
static CsSession *
make_session(void)
{
	CsSourceConfig config = {.name = "fuzz", .options = "{}"};
	CsError		error;
	CsSession  *session = cs_session_create(cs_provider_find("flow"), &config,
											&error);

	CHECK(session != NULL);
	for (size_t i = 0; i < TOPICS; i++)
		CHECK(cs_session_subscribe(session, (int64_t) i + 1, topics[i],
								   i == 6 ? transaction : "{}", &error));
	CHECK(cs_session_watch(session, 1, CS_WATCH_ADDRESS, "*"));
	CHECK(cs_session_watch(session, 2, CS_WATCH_ADDRESS, BOB));
	CHECK(cs_session_watch(session, 3, CS_WATCH_TRANSACTION, TRANSACTION));
	return session;
}

static void
feed(CsSession *session, CsOutput *output, const char *text, size_t length)
{
	CsMessage	message = {.data = text, .length = length};
	CsError		error = {0};
	size_t		records = cs_output_record_count(output);
	size_t		actions = cs_output_action_count(output);

	if (!cs_session_message(session, 0, &message, 7000, output, &error))
	{
		check_error(&error);
		CHECK(cs_output_record_count(output) == records);
		CHECK(cs_output_action_count(output) == actions);
		return;
	}
	for (size_t i = records; i < cs_output_record_count(output); i++)
		check_record(&cs_output_records(output)[i], text, length);
}

static void
fuzz_message(const char *text, size_t length)
{
	static CsSession *session;
	static CsOutput *output;

	if (session == NULL)
	{
		session = make_session();
		output = cs_output_create();
		cs_session_sync(session, 0, output);
		cs_session_opened(session, 0, 0, output);
	}
	cs_output_reset(output);
	feed(session, output, text, length);
}

/* The text of a payload, in an event of one of the kinds that are looked into. */
static void
fuzz_cadence(uint8_t which, const char *text, size_t length)
{
	static const char *const types[] = {
		"A.f233dcee88fe0abe.FungibleToken.Withdrawn",
		"A.f233dcee88fe0abe.FungibleToken.Deposited",
		"A.f919ee77447b7497.FlowFees.FeesDeducted",
		"flow.InboxValueClaimed", "flow.AccountCreated"
	};
	char	   *base64 = malloc(CS_BASE64_CHARACTERS(length));
	char	   *message = malloc(CS_BASE64_CHARACTERS(length) + 1024);
	int			size;

	CHECK(base64 != NULL && message != NULL);
	(void) cs_base64_encode((const uint8_t *) text, length, base64);
	size = sprintf(message, "{\"subscription_id\":\"x\",\"topic\":\"events\",\"payload\":{\"block_id\":\"" TRANSACTION "\","
				   "\"block_height\":\"7\",\"block_timestamp\":\"2026-08-20T10:00:00Z\",\"events\":[{\"type\":\"%s\","
				   "\"transaction_id\":\"" TRANSACTION "\",\"transaction_index\":\"1\",\"event_index\":\"%u\",\"payload\":\"%s\"}]}}",
				   types[which % 5], which, base64);
	fuzz_message(message, (size_t) size);
	free(base64);
	free(message);
}

static void
fuzz_address(const char *text)
{
	static const char *const networks[] = {NULL, "testnet", "emulator"};
	const CsProvider *flow = cs_provider_find("flow");
	char		canonical[CS_TARGET_MAX];
	char		again[CS_TARGET_MAX];

	for (int i = 0; i < 3; i++)
	{
		CsError		error = {0};

		if (!flow->canonical_address(networks[i], text, canonical, &error))
			check_error(&error);
		else
			CHECK(flow->canonical_address(networks[i], canonical, again, NULL)
				  && strcmp(canonical, again) == 0);
		error = (CsError) {0};
		if (!flow->canonical_transaction(networks[i], text, canonical, &error))
			check_error(&error);
	}
}

static void
fuzz_arguments(uint8_t which, const char *text)
{
	const CsProvider *flow = cs_provider_find("flow");
	CsError		error = {0};

	if (!flow->check_arguments(&flow->topics[which % TOPICS], NULL, text,
							   &error))
		check_error(&error);
	else
	{
		/* What was accepted can be sent. */
		CsSession  *session = make_session();
		CsOutput   *output = cs_output_create();

		CHECK(cs_session_subscribe(session, which % TOPICS + 1,
								   topics[which % TOPICS], text, NULL));
		cs_session_sync(session, 0, output);
		cs_session_opened(session, 0, 0, output);
		for (size_t i = 0; i < cs_output_action_count(output); i++)
		{
			const CsAction *action = &cs_output_actions(output)[i];

			if (action->kind == CS_ACTION_SEND)
				CHECK(cs_json_check_tokens(action->text.data,
										   action->text.length) == NULL);
		}
		cs_session_free(session);
		cs_output_free(output);
	}
}

static void
fuzz_options(const char *text)
{
	CsSourceConfig config = {.name = "fuzz", .options = text, .token = text};
	CsError		error = {0};
	CsHandshake handshake;
	CsOutput   *output;
	CsSession  *session = cs_session_create(cs_provider_find("flow"), &config,
											&error);

	if (session == NULL)
	{
		check_error(&error);
		return;
	}
	output = cs_output_create();
	CHECK(cs_session_handshake(session, 0, text, &handshake, output));
	for (int i = 0; i < handshake.field_count; i++)
		CHECK(strpbrk(handshake.fields[i].name, "\r\n: ") == NULL &&
			  strpbrk(handshake.fields[i].value, "\r\n") == NULL);
	cs_session_free(session);
	cs_output_free(output);
}

/* Each byte is something that happens. */
static void
fuzz_life(const char *data, size_t size)
{
	CsSession  *session = make_session();
	CsOutput   *output = cs_output_create();
	int64_t		now_ms = 0;
	bool		open = false;
	char		text[512];

	for (size_t i = 0; i < size && i < 300; i++)
	{
		unsigned int byte = (uint8_t) data[i];
		unsigned int low = byte & 31;

		switch (byte >> 5)
		{
			case 0:
				(void) snprintf(text, sizeof(text), "%s%u",
								low % 3 == 0 ? "x" : "", low);
				CHECK(cs_session_watch(session, low + 10, CS_WATCH_ADDRESS,
									   low % 4 == 0 ? "*" : low % 4 == 1 ?
									   ALICE : low % 4 == 2 ? BOB : text));
				break;
			case 1:
				cs_session_unwatch(session, CS_WATCH_ADDRESS, low % 4 == 0 ?
								   "*" : low % 4 == 1 ? ALICE : BOB);
				break;
			case 2:
				if (low & 1)
					cs_session_unsubscribe(session, (int64_t) (low % TOPICS) + 1);
				else
					(void) cs_session_subscribe(session, (int64_t) (low % TOPICS) + 1,
												topics[low % TOPICS],
												low % TOPICS == 6 ?
												transaction : "{}", NULL);
				break;
			case 3:
				if (open)
					cs_session_closed(session, 0,
									  &(CsClosure) {.was_open = true,
									  .reason = ""}, now_ms, output);
				else
					cs_session_opened(session, 0, now_ms, output);
				open = !open;
				break;
			case 4:
				now_ms += (int64_t) low * 500;
				if (cs_session_next_tick(session) <= now_ms)
					cs_session_tick(session, now_ms, output);
				/* At most once more: what is due is done. */
				if (cs_session_next_tick(session) <= now_ms)
					cs_session_tick(session, now_ms, output);
				CHECK(cs_session_next_tick(session) > now_ms);
				break;
			case 5:
			case 6:
				(void) snprintf(text, sizeof(text), sayings[(byte / 3) % SAYINGS],
								low % 16, 95 + low);
				feed(session, output, text, strlen(text));
				break;
			default:
				cs_session_sync(session, now_ms, output);
				break;
		}
	}
	cs_session_free(session);
	cs_output_free(output);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text;
	size_t		length;

	if (size < 2)
		return 0;

	/* As the transport delivers it: with a NUL behind it, and no more. */
	length = size - 2;
	text = malloc(length + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 2, length);
	text[length] = '\0';
	switch (data[0] % 8)
	{
		case 0:
			fuzz_address(text);
			break;
		case 1:
			fuzz_arguments(data[1], text);
			break;
		case 2:
			fuzz_options(text);
			break;
		case 3:
			fuzz_life(text, length);
			break;
		case 5:
			fuzz_cadence(data[1], text, length);
			break;
		default:
			fuzz_message(text, length);
			break;
	}
	free(text);
	return 0;
}

#ifndef CS_LIBFUZZER

/* ---------- mutation ---------- */

#define SEEDS_MAX	256
#define INPUT_MAX	20000

typedef struct Seed
{
	uint8_t		kind;
	char	   *text;
	size_t		length;
} Seed;

static Seed seeds[SEEDS_MAX];
static int	seed_count;
static uint64_t state;

/* A small generator of our own, to be the same everywhere. */
static uint32_t
draw(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t) (state >> 32) % limit;
}

static void
add_seed(uint8_t kind, const char *text, size_t length)
{
	if (seed_count == SEEDS_MAX || length > INPUT_MAX / 2)
		return;
	seeds[seed_count].kind = kind;
	seeds[seed_count].text = strndup(text, length);
	seeds[seed_count].length = length;
	seed_count++;
}

static void
load_samples(const char *name, uint8_t kind)
{
	char		path[256];
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;
	FILE	   *file;

	(void) snprintf(path, sizeof(path), "test/samples/flow/%s.jsonl", name);
	file = fopen(path, "r");
	if (file == NULL)
	{
		fprintf(stderr, "flow_fuzz: cannot read %s\n", path);
		exit(2);
	}
	while ((length = getline(&line, &capacity, file)) > 0)
		add_seed(kind, line, (size_t) length);
	free(line);
	(void) fclose(file);
}

static void
load_seeds(void)
{
	static const char deposit[] =
		"{\"value\":{\"id\":\"A.f233dcee88fe0abe.FungibleToken.Deposited\",\"fields\":["
		"{\"value\":{\"value\":\"A.1654653399040a61.FlowToken.Vault\",\"type\":\"String\"},\"name\":\"type\"},"
		"{\"value\":{\"value\":\"10.00000000\",\"type\":\"UFix64\"},\"name\":\"amount\"},"
		"{\"value\":{\"value\":{\"value\":\"" BOB "\",\"type\":\"Address\"},\"type\":\"Optional\"},\"name\":\"to\"},"
		"{\"value\":{\"value\":\"42\",\"type\":\"UInt64\"},\"name\":\"depositedUUID\"}]},\"type\":\"Event\"}\n";
	static const char claim[] =
		"{\"type\":\"Event\",\"value\":{\"id\":\"flow.InboxValueClaimed\",\"fields\":["
		"{\"name\":\"provider\",\"value\":{\"type\":\"Address\",\"value\":\"" ALICE "\"}},"
		"{\"name\":\"recipient\",\"value\":{\"type\":\"Address\",\"value\":\"" BOB "\"}}]}}";
	static const char *const messages[] = {"account_statuses",
		"block_digests", "block_headers", "blocks", "control", "errors",
		"events", "legacy_subscribe_events",
		"send_and_get_transaction_statuses", "transaction_statuses"};
	static const char *const texts[] = {
		"{\"block_status\":\"finalized\",\"start_block_height\":100}",
		"{\"event_types\":[\"flow.AccountCreated\",\"A.f233dcee88fe0abe.FungibleToken.Deposited\"],\"heartbeat_interval\":\"5\"}",
		"{\"contracts\":[\"flow\",\"A.1654653399040a61.FlowToken\"],\"addresses\":[\"" ALICE "\"]}",
		"{\"tx_id\":\"" TRANSACTION "\"}",
		transaction,
		"{\"max_subscriptions_per_connection\":5,\"max_connections\":2}",
		"{\"headers\":{\"X-Key\":\"value\",\"A\":\"b\"},\"payload\":false}",
		"{\"tls_ca\":\"/etc/ssl/ca.pem\"}", "wss://host:123/path?a=b#c"};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		load_samples(messages[i], 4);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		for (uint8_t kind = 1; kind <= 2; kind++)
			add_seed(kind, texts[i], strlen(texts[i]));
	}
	add_seed(5, deposit, strlen(deposit));
	add_seed(5, claim, strlen(claim));
	add_seed(0, ALICE, strlen(ALICE));
	add_seed(0, BOB, strlen(BOB));
	add_seed(3, "\x60\xE0\xA1\x05\xE0\xA2\x25\xE0\x90\xC0", 10);
}

/* Replace *count* bytes at *at* by a piece. */
static size_t
splice(char *text, size_t length, size_t at, size_t count, const char *piece,
	   size_t size)
{
	if (count > length - at)
		count = length - at;
	if (length - count + size > INPUT_MAX)
		return length;
	memmove(text + at + size, text + at + count, length - at - count);
	memcpy(text + at, piece, size);
	return length - count + size;
}

/* One small change. */
static size_t
mutate(char *text, size_t length)
{
	static const char *const pieces[] = {"\"", "\\", "{", "}", "[", "]", ",",
		":", "null", "true", "\"\"", "{}", "[]", "0", "-1", "1e999", "\\u0000",
		"\\ud800", "\xC3\xA9", "\xFF", "\xED\xA0\x80", "\x01", "9223372036854775808",
		"340282366920938463463374607431768211456", "\"topic\":\"blocks\",",
		"cs-1", "cs-4", "2IGChNig", "eyJ2YWx1ZSI6", "0x", "A.f233dcee88fe0abe.", "NaN", "'", "/**/",
		"\n", "{\"a\":{\"a\":{\"a\":", "[[[[[[[[[[[[[[[[[[[[[[[[[[[["};
	size_t		at = draw((uint32_t) length + 1);
	char		byte = (char) draw(256);
	const char *piece = pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];
	const Seed *other = &seeds[draw((uint32_t) seed_count)];
	size_t		from = draw((uint32_t) other->length + 1);

	switch (draw(7))
	{
		case 0:
			return splice(text, length, at, 1, &byte, 1);
		case 1:
			return splice(text, length, at, draw(8), "", 0);
		case 2:
			return splice(text, length, at, 0, piece, strlen(piece));
		case 3:
			return splice(text, length, at, draw(20), piece, strlen(piece));
		case 4:
			return at;			/* truncated */
		case 5:
			return splice(text, length, at, draw(100), other->text + from,
						  draw((uint32_t) (other->length - from) + 1));
		default:
			if (at < length)
				text[at] = (char) (text[at] ^ (1 << draw(8)));
			return length;
	}
}

int
main(int argc, char **argv)
{
	unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long		iterations = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
	long		limit = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	time_t		start = time(NULL);
	long		done;

	state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	load_seeds();
	for (done = 0; done < iterations; done++)
	{
		static uint8_t input[INPUT_MAX + 2];
		const Seed *from = &seeds[draw((uint32_t) seed_count)];
		char	   *text = (char *) input + 2;
		size_t		length = from->length;

		if (limit > 0 && done % 256 == 0 && time(NULL) - start >= limit)
			break;
		memcpy(text, from->text, length);
		for (uint32_t changes = draw(5); changes > 0; changes--)
			length = mutate(text, length);
		input[0] = draw(50) == 0 ? (uint8_t) draw(8) : from->kind;
		input[1] = (uint8_t) draw(256);
		(void) LLVMFuzzerTestOneInput(input, length + 2);
	}
	printf("flow_fuzz: seed %llu, %ld inputs\n", seed, done);
	for (int i = 0; i < seed_count; i++)
		free(seeds[i].text);
	return 0;
}

#endif							/* CS_LIBFUZZER */
