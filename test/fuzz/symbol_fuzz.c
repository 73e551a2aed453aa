/*-------------------------------------------------------------------------
 *
 * symbol_fuzz.c
 *	  Hostile input for the Symbol provider.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * Without CS_LIBFUZZER there is a main() that needs no more than gcc: it
 * mutates the samples, always in the same way for the same seed.
 *		symbol_fuzz [seed [iterations [seconds]]]
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

#include "codec/decimal.h"
#include "codec/symbol_address.h"
#include "codec/utf8.h"
#include "provider/json.h"
#include "provider/provider.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALICE "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3A"
#define BOB	  "TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA"

static const char *const topics[] = {
	"block", "finalizedBlock", "confirmedAdded", "unconfirmedAdded",
	"unconfirmedRemoved", "partialAdded", "partialRemoved", "cosignature",
	"status"
};

#define TOPICS (sizeof(topics) / sizeof(topics[0]))

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "symbol_fuzz: line %d: %s\n", __LINE__, #condition); \
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
	uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

	if (account.data == NULL)
		return;
	check_text(account);
	CHECK(cs_symbol_address_decode(account.data, account.length, address));
}

static void
check_hash(CsText hash)
{
	CHECK(hash.data == NULL || hash.length == 64);
	for (size_t i = 0; i < hash.length; i++)
		CHECK(isdigit((unsigned char) hash.data[i]) ||
			  (hash.data[i] >= 'A' && hash.data[i] <= 'F'));
	check_text(hash);
}

static void
check_amount(CsText amount)
{
	check_text(amount);
	if (amount.data != NULL)
		CHECK(cs_decimal128_valid(amount.data, amount.length) &&
			  amount.length <= 20);
}

/* *message* is NULL for a row that a tick has made. */
static void
check_record(const CsRecord *record, const char *message, size_t length)
{
	CHECK(record->topic != NULL);
	CHECK((record->table == CS_TABLE_EVENTS) == (record->kind != NULL));
	CHECK(record->hash.data != NULL);
	check_hash(record->hash);
	check_hash(record->block_hash);
	check_hash(record->transaction_hash);
	check_account(record->account);
	check_account(record->counterparty);
	check_amount(record->amount);
	check_amount(record->fee);
	check_text(record->asset);
	CHECK(record->asset.data == NULL || record->asset.length == 16 ||
		  strcmp(record->asset.data, "XYM") == 0);
	CHECK((record->amount.data == NULL) == (record->asset.data == NULL));
	CHECK(record->occurred_at == CS_NO_NUMBER ||
		  (record->occurred_at >= 0 &&
		   record->occurred_at <= INT64_C(253402300800000000)));
	CHECK(record->height == CS_NO_NUMBER || record->height > 0);
	CHECK(record->ordinal >= 0);
	if (record->payload.data != NULL)
	{
		CHECK(record->payload.length > 0);
		CHECK(cs_json_check_tokens(record->payload.data,
								   record->payload.length) == NULL);
	}
	if (message != NULL && record->payload.data >= message &&
		record->payload.data < message + length)
		CHECK(record->payload.data + record->payload.length <=
			  message + length);
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
	CsSourceConfig config = {.name = "fuzz", .network = "testnet",
							 .options = "{}"};
	CsError		error;
	CsSession  *session = cs_session_create(cs_provider_find("symbol"), &config,
											&error);

	CHECK(session != NULL);
	for (size_t i = 0; i < TOPICS; i++)
		CHECK(cs_session_subscribe(session, (int64_t) i + 1, topics[i], "{}",
								   &error));
	CHECK(cs_session_watch(session, 1, CS_WATCH_ADDRESS, "*"));
	CHECK(cs_session_watch(session, 2, CS_WATCH_ADDRESS, BOB));
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

/* Let time pass, with the ticks that are asked for. */
static void
pass(CsSession *session, CsOutput *output, int64_t *now_ms, int64_t ms)
{
	size_t		records = cs_output_record_count(output);

	*now_ms += ms;
	if (cs_session_next_tick(session) <= *now_ms)
		cs_session_tick(session, *now_ms, output);
	CHECK(cs_session_next_tick(session) > *now_ms);
	for (size_t i = records; i < cs_output_record_count(output); i++)
		check_record(&cs_output_records(output)[i], NULL, 0);
}

static void
fuzz_message(const char *text, size_t length)
{
	static CsSession *session;
	static CsOutput *output;
	static int64_t now_ms;

	if (session == NULL)
	{
		session = make_session();
		output = cs_output_create();
		cs_session_sync(session, 0, output);
		cs_session_opened(session, 0, 0, output);
	}
	cs_output_reset(output);
	feed(session, output, text, length);
	pass(session, output, &now_ms, 700);
}

static void
fuzz_address(const char *text)
{
	static const char *const networks[] = {NULL, "mainnet", "testnet"};
	const CsProvider *symbol = cs_provider_find("symbol");
	char		canonical[CS_TARGET_MAX];
	char		again[CS_TARGET_MAX];

	for (int i = 0; i < 3; i++)
	{
		CsError		error = {0};

		if (!symbol->canonical_address(networks[i], text, canonical, &error))
			check_error(&error);
		else
			CHECK(symbol->canonical_address(networks[i], canonical, again, NULL)
				  && strcmp(canonical, again) == 0);
		error = (CsError) {0};
		if (!symbol->canonical_transaction(networks[i], text, canonical, &error))
			check_error(&error);
	}
}

static void
fuzz_arguments(uint8_t which, const char *text)
{
	const CsProvider *symbol = cs_provider_find("symbol");
	CsError		error = {0};

	if (!symbol->check_arguments(&symbol->topics[which % TOPICS], NULL, text,
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
	CsSession  *session = cs_session_create(cs_provider_find("symbol"), &config,
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

/* A message for three transactions in five blocks. */
static const char *
life_message(unsigned int which)
{
	switch (which % TOPICS)
	{
		case 0:
			return "{\"topic\":\"%s\",\"data\":{\"block\":{\"signerPublicKey\":"
				"\"B863173F9E4924CA5EB63BFC13689E27F603C29AD8C82615A10531329BF7A94E\","
				"\"previousBlockHash\":\"%064u\",\"timestamp\":\"1\",\"height\":\"1%u\"},"
				"\"meta\":{\"hash\":\"%064u\"}}}";
		case 2:
		case 3:
		case 5:
			return "{\"topic\":\"%s/" BOB "\",\"data\":{\"transaction\":{"
				"\"signerPublicKey\":"
				"\"B863173F9E4924CA5EB63BFC13689E27F603C29AD8C82615A10531329BF7A94E\","
				"\"type\":16712,\"mosaicId\":\"72C0212E67A08BCE\",\"amount\":\"1%u\"},"
				"\"meta\":{\"hash\":\"%064u\",\"height\":\"1%u\"}}}";
		default:
			return "{\"topic\":\"%s/" BOB "\",\"data\":{\"code\":\"%u\",\"hash\":\"%064u\","
				"\"meta\":{\"hash\":\"%064u\"}}}";
	}
}

/* Each byte is something that happens. */
static void
fuzz_life(const char *data, size_t size)
{
	CsSession  *session = make_session();
	CsOutput   *output = cs_output_create();
	int64_t		now_ms = 0;
	bool		open = false;
	char		text[600];

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
												topics[low % TOPICS], "{}",
												NULL);
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
				pass(session, output, &now_ms, (int64_t) low * 500);
				break;
			case 5:
				(void) snprintf(text, sizeof(text), low % 2 == 0 ?
								"{\"uid\": \"%u\"}" :
								"{\"topic\":\"finalizedBlock\",\"data\":{\"height\":"
								"\"%u\",\"hash\":\"%064u\"}}", low, low);
				feed(session, output, text, strlen(text));
				break;
			case 6:
				(void) snprintf(text, sizeof(text), life_message(low),
								topics[low % TOPICS], low % 3, low % 3, low % 5);
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

	(void) snprintf(path, sizeof(path), "test/samples/symbol/%s.jsonl", name);
	file = fopen(path, "r");
	if (file == NULL)
	{
		fprintf(stderr, "symbol_fuzz: cannot read %s\n", path);
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
	static const char *const messages[] = {"block", "finalizedBlock",
		"confirmedAdded", "unconfirmedAdded", "unconfirmedRemoved",
		"partialAdded", "partialRemoved", "cosignature", "status", "uid",
		"rest", "rest25/confirmedAdded", "rest25/partialAdded"};
	static const char *const texts[] = {
		"{\"address\":\"" ALICE "\"}",
		"{\"epoch_adjustment\":1573430400,\"max_channels\":7}",
		"{\"currency_mosaic\":\"091F837E059AE13C\"}",
		"{\"headers\":{\"X-Key\":\"value\",\"A\":\"b\"},\"payload\":false}",
		"{\"tls_ca\":\"/etc/ssl/ca.pem\"}", "wss://host:123/path?a=b#c"};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		load_samples(messages[i], 4);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		for (uint8_t kind = 1; kind <= 2; kind++)
			add_seed(kind, texts[i], strlen(texts[i]));
	}
	add_seed(0, ALICE, strlen(ALICE));
	add_seed(0, BOB, strlen(BOB));
	add_seed(0, "9872DE7A88A74255A51CF543C4CCE7113A46EA255C7EDBEC", 48);
	add_seed(3, "\x60\xE0\xA0\x05\xE0\xC2\xC3\xC0\xC9\x8B\xC4\x8B\xA5\xC2\xD2\x8C", 16);
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
		"340282366920938463463374607431768211456", "\"topic\":\"status\",",
		"\"type\":16724,", "\"type\":16725,", "\"height\":\"1\",", ALICE, BOB,
		"NaN", "'", "/**/",
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
	printf("symbol_fuzz: seed %llu, %ld inputs\n", seed, done);
	for (int i = 0; i < seed_count; i++)
		free(seeds[i].text);
	return 0;
}

#endif							/* CS_LIBFUZZER */
