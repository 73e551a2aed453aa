/*-------------------------------------------------------------------------
 *
 * flow_fuzz.c
 *	  What only Flow has: events within events, and subscriptions that count
 *	  blocks.
 *
 * What any provider has to stand is in provider_fuzz.c.  An input here is
 * either the text of a Cadence value, which comes encoded within an event and
 * so is not reached by changes of the message; or a life of a session whose
 * subscriptions are acknowledged, refused and fed with blocks of a few heights,
 * so that they jump, repeat and are of another chain.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/base64.h"
#include "life.h"
#include "provider/json.h"

#define ALICE "0xe4db9c640c6e50ba"
#define BOB	  "0x0d744d23165bfb6c"
#define TRANSACTION "fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106"
#define URL	  "wss://host/v1/ws"

typedef enum Kind
{
	KIND_CADENCE,
	KIND_LIFE
} Kind;

/* A transaction that would be accepted as such. */
static const char transaction[] =
	"{\"script\":\"AA==\",\"arguments\":[],\"reference_block_id\":\"" TRANSACTION "\","
	"\"gas_limit\":\"1000\",\"payer\":\"" ALICE "\",\"proposal_key\":{\"address\":\"" ALICE "\","
	"\"key_index\":\"0\",\"sequence_number\":\"0\"},\"authorizers\":[\"" ALICE "\"],"
	"\"envelope_signatures\":[{\"address\":\"" ALICE "\",\"key_index\":\"0\",\"signature\":\"AA==\"}]}";

/* What is said to a subscription; %u are its number, and something small. */
static const char *const sayings[] = {
	"{\"subscription_id\":\"cs-%u\",\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"action\":\"unsubscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":400,\"message\":\"no\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":429,\"message\":\"maximum number of subscriptions reached\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":500,\"message\":\"code = NotFound\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"cs-%u\",\"error\":{\"code\":500,\"message\":\"code = InvalidArgument root height %u\"},\"action\":\"subscribe\"}",
	"{\"subscription_id\":\"\",\"error\":{\"code\":400,\"message\":\"error reading message: i/o timeout\"},\"action\":\"\"}",
	"{\"subscriptions\":[{\"subscription_id\":\"cs-%u\"}],\"action\":\"list_subscriptions\"}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"block_digests\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"height\":\"%u\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"events\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"block_height\":\"%u\",\"block_timestamp\":\"2026-08-20T10:00:00Z\",\"message_index\":1}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"account_statuses\",\"payload\":{\"block_id\":\"" TRANSACTION "\",\"height\":\"%u\",\"account_events\":{},\"message_index\":9223372036854775807}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"transaction_statuses\",\"payload\":{\"transaction_result\":{\"block_id\":\"\",\"execution\":\"Failure\",\"status\":\"Expired\",\"_links\":{\"_self\":\"/" TRANSACTION "\"}}}}",
	"{\"subscription_id\":\"cs-%u\",\"topic\":\"send_and_get_transaction_statuses\",\"payload\":{\"transaction_result\":{\"block_id\":\"\",\"execution\":\"Pending\",\"status\":\"Pending\",\"_links\":{\"_self\":\"" TRANSACTION "\"}}}}"
};

#define SAYINGS (sizeof(sayings) / sizeof(sayings[0]))
#define TOPICS 7
#define SEND 6					/* the topic that takes a transaction */

/* ---------- what must always hold ---------- */

static void
check_account(CsText account)
{
	if (account.data != NULL)
		CHECK(account.length == 18 && memcmp(account.data, "0x", 2) == 0 &&
			  strspn(account.data + 2, "0123456789abcdef") >= 16);
}

/* Rows of Flow: payloads are parts of the message, and hashes are lower case. */
static void
see_record(const CsRecord *record, CsText message)
{
	CHECK(record->hash.length == 64 &&
		  strspn(record->hash.data, "0123456789abcdef") >= 64);
	check_account(record->account);
	check_account(record->counterparty);
	if (record->payload.data != NULL)
		CHECK(record->payload.data >= message.data &&
			  record->payload.data + record->payload.length <=
			  message.data + message.length);
}

static void
subscribe(Life *life, unsigned int topic)
{
	CHECK(cs_session_subscribe(life->session, (int64_t) topic + 1,
							   life->provider->topics[topic].name,
							   topic == SEND ? transaction : "{}", NULL));
}

static Life *
begin(bool everything)
{
	CsSourceConfig config = {.name = "fuzz", .options = everything ? "{}" :
							 "{\"max_subscriptions_per_connection\":4}"};
	Life	   *life = life_begin(cs_provider_find("flow"), &config);

	life->see_record = see_record;
	for (unsigned int i = 0; i < TOPICS; i++)
		subscribe(life, i);
	if (everything)
		CHECK(cs_session_watch(life->session, 1, CS_WATCH_ADDRESS, "*"));
	CHECK(cs_session_watch(life->session, 2, CS_WATCH_ADDRESS, BOB));
	CHECK(cs_session_watch(life->session, 3, CS_WATCH_TRANSACTION, TRANSACTION));
	life_sync(life);
	life_open_all(life, URL);
	return life;
}

/* ---------- Cadence ---------- */

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
	static Life *lives[2];
	Life	  **life = &lives[which & 1];
	char	   *base64 = malloc(CS_BASE64_CHARACTERS(length));
	char	   *message = malloc(CS_BASE64_CHARACTERS(length) + 1024);
	int			size;

	CHECK(base64 != NULL && message != NULL);
	if (*life == NULL)
		*life = begin(which & 1);
	(void) cs_base64_encode((const uint8_t *) text, length, base64);
	size = sprintf(message, "{\"subscription_id\":\"x\",\"topic\":\"events\",\"payload\":{\"block_id\":\"" TRANSACTION "\","
				   "\"block_height\":\"7\",\"block_timestamp\":\"2026-08-20T10:00:00Z\",\"events\":[{\"type\":\"%s\","
				   "\"transaction_id\":\"" TRANSACTION "\",\"transaction_index\":\"1\",\"event_index\":\"%u\",\"payload\":\"%s\"}]}}",
				   types[which % 5], which, base64);
	(void) life_receive(*life, 0, message, (size_t) size);
	free(base64);
	free(message);
}

/* ---------- lives ---------- */

static void
watch(Life *life, unsigned int low, bool wanted)
{
	static const char *const targets[] = {"*", ALICE, BOB, "x"};

	if (wanted)
		CHECK(cs_session_watch(life->session, low + 10, CS_WATCH_ADDRESS,
							   targets[low % 4]));
	else
		cs_session_unwatch(life->session, CS_WATCH_ADDRESS, targets[low % 4]);
}

static void
say(Life *life, unsigned int byte, unsigned int number)
{
	char		text[512];
	int			link = life->links > 1 && byte % 4 == 0 ?
		(int) (number % (unsigned int) life->links) : 0;
	int			length = snprintf(text, sizeof(text),
								  sayings[(byte / 3) % SAYINGS], number % 20,
								  95 + number % 17);

	(void) life_receive(life, link, text, (size_t) length);
}

static void
live(Life *life, unsigned int byte, unsigned int next)
{
	unsigned int low = byte & 31;

	switch (byte >> 5)
	{
		case 0:
		case 1:
			watch(life, low, byte >> 5 == 0);
			break;
		case 2:
			if (low & 1)
				cs_session_unsubscribe(life->session, (int64_t) (low % TOPICS) + 1);
			else
				subscribe(life, low % TOPICS);
			break;
		case 3:
			if (low & 3)
				life_open_all(life, URL);
			else
				life_close(life, 0, &(CsClosure) {.reason = ""});
			break;
		case 4:
			life_pass(life, (int64_t) low * 500);
			break;
		case 5:
		case 6:
			say(life, byte, next);
			break;
		default:
			life_sync(life);
			break;
	}
}

/* Each byte is something that happens, the next one says with what. */
static void
fuzz_life(uint8_t which, const uint8_t *data, size_t size)
{
	Life	   *life = begin(which & 1);

	for (size_t i = 0; i + 1 < size && i < 300; i++)
		live(life, data[i], data[i + 1]);
	life_end(life);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < FUZZ_HEAD)
		return 0;
	if (data[0] % 2 == KIND_CADENCE)
		fuzz_cadence(data[1], (const char *) data + FUZZ_HEAD,
					 size - FUZZ_HEAD);
	else
		fuzz_life(data[1], data + FUZZ_HEAD, size - FUZZ_HEAD);
	return 0;
}

#ifndef CS_LIBFUZZER

/* ---------- seeds ---------- */

/* A line is an object whose "payload" is encoded. */
static void
seed_values(const char *path, const char *text, size_t length, void *context)
{
	(void) length;
	(void) context;
	if (strstr(path, "cdc_vectors") == NULL)
		return;
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
	{
		struct json_object *vector = cs_json_parse_once(line,
														strcspn(line, "\n"),
														NULL);
		CsText		payload = cs_json_member_string(vector, "payload");
		uint8_t    *value = malloc(CS_BASE64_BYTES(payload.length) + 1);
		size_t		size;

		CHECK(value != NULL);
		if (cs_base64_decode(payload.data, payload.length, value, &size))
		{
			for (uint8_t i = 0; i < 5; i++)
				fuzz_seed((uint8_t[]) {KIND_CADENCE, i}, (const char *) value,
						  size);
		}
		free(value);
		json_object_put(vector);
	}
}

int
main(int argc, char **argv)
{
	static const char claim[] =
		"{\"type\":\"Event\",\"value\":{\"id\":\"flow.InboxValueClaimed\",\"fields\":["
		"{\"name\":\"provider\",\"value\":{\"type\":\"Address\",\"value\":\"" ALICE "\"}},"
		"{\"name\":\"recipient\",\"value\":{\"type\":\"Address\",\"value\":\"" BOB "\"}}]}}";
	static const char deposit[] =
		"{\"value\":{\"id\":\"A.f233dcee88fe0abe.FungibleToken.Deposited\",\"fields\":["
		"{\"value\":{\"value\":\"A.1654653399040a61.FlowToken.Vault\",\"type\":\"String\"},\"name\":\"type\"},"
		"{\"value\":{\"value\":\"10.00000000\",\"type\":\"UFix64\"},\"name\":\"amount\"},"
		"{\"value\":{\"value\":{\"value\":\"" BOB "\",\"type\":\"Address\"},\"type\":\"Optional\"},\"name\":\"to\"},"
		"{\"value\":{\"value\":\"42\",\"type\":\"UInt64\"},\"name\":\"depositedUUID\"}]},\"type\":\"Event\"}\n";
	static const char *const pieces[] = {"\"value\":", "\"type\":\"Optional\"",
		"UFix64", "0x", "184467440737.09551615",
		"00000000000000000000000000000000000000000000", "\xA0\xE1", "\xA3\xE4",
		"\x60\xE0", "\xC0\x81", "\xD0\x42", NULL};

	fuzz_files("test/samples/flow", seed_values, NULL);
	for (uint8_t i = 0; i < 6; i++)
		fuzz_seed_noise((uint8_t[]) {KIND_LIFE, i}, 80);
	fuzz_seed((uint8_t[]) {KIND_CADENCE, 1}, deposit, strlen(deposit));
	fuzz_seed((uint8_t[]) {KIND_CADENCE, 3}, claim, strlen(claim));
	return fuzz_run("flow_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
