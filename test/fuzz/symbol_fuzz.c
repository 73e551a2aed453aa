/*-------------------------------------------------------------------------
 *
 * symbol_fuzz.c
 *	  Lives of Symbol's ledger: the same few transactions and blocks, told in
 *	  any order.
 *
 * What any provider has to stand is in provider_fuzz.c.  Here each byte is
 * something that happens, and what it happens to is one of three transactions
 * and of five blocks; so they are announced, confirmed, forgotten, replaced
 * and final in every order, and time writes rows as well as messages do.  A
 * life goes on over many inputs.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <string.h>

#include "codec/symbol_address.h"
#include "life.h"

#define ALICE "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3A"
#define BOB	  "TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA"
#define KEY "\"B863173F9E4924CA5EB63BFC13689E27F603C29AD8C82615A10531329BF7A94E\""
#define URL	  "wss://host/ws"

#define TOPICS 9
#define EVENTS_MAX 12			/* of an input */
#define INPUTS_MAX 60			/* of a life */
#define UID	   TOPICS			/* what is said without a topic */

/* ---------- what must always hold ---------- */

static void
check_account(CsText account)
{
	uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

	if (account.data != NULL)
		CHECK(cs_symbol_address_decode(account.data, account.length, address));
}

static void
check_hash(CsText hash)
{
	CHECK(hash.data == NULL || hash.length == 64);
	for (size_t i = 0; i < hash.length; i++)
		CHECK(isdigit((unsigned char) hash.data[i]) ||
			  (hash.data[i] >= 'A' && hash.data[i] <= 'F'));
}

/* Rows of Symbol: everything is hexadecimal, and amounts have 64 bits. */
static void
see_record(const CsRecord *record, CsText message)
{
	(void) message;
	CHECK(record->hash.data != NULL);
	check_hash(record->hash);
	check_hash(record->block_hash);
	check_hash(record->transaction_hash);
	check_account(record->account);
	check_account(record->counterparty);
	CHECK(record->amount.length <= 20 && record->fee.length <= 20);
	CHECK(record->asset.data == NULL || record->asset.length == 16 ||
		  strcmp(record->asset.data, "XYM") == 0);
	CHECK((record->amount.data == NULL) == (record->asset.data == NULL));
	CHECK(record->height == CS_NO_NUMBER || record->height > 0);
	CHECK(record->occurred_at == CS_NO_NUMBER || record->occurred_at >= 0);
}

/* ---------- lives ---------- */

static void
subscribe(Life *life, unsigned int topic)
{
	CHECK(cs_session_subscribe(life->session, (int64_t) topic + 1,
							   life->provider->topics[topic].name, "{}", NULL));
}

static Life *
begin(int which)
{
	CsSourceConfig config = {.name = "fuzz", .network = "testnet",
							 .options = which & 1 ? "{}" :
							 "{\"max_channels\":7}"};
	Life	   *life = life_begin(cs_provider_find("symbol"), &config);

	life->see_record = see_record;
	for (unsigned int i = 0; i < TOPICS; i++)
		subscribe(life, i);
	if (which & 2)
		CHECK(cs_session_watch(life->session, 1, CS_WATCH_ADDRESS, "*"));
	CHECK(cs_session_watch(life->session, 2, CS_WATCH_ADDRESS, BOB));
	life_sync(life);
	life_open_all(life, URL);
	return life;
}

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

/* One of three transactions in one of five blocks. */
static void
say(Life *life, unsigned int topic, unsigned int transaction, unsigned int block)
{
	const char *name = topic == UID ? "" : life->provider->topics[topic].name;
	char		text[700];
	int			length;

	if (topic == UID)
		length = snprintf(text, sizeof(text), "{\"uid\": \"%u\"}", transaction);
	else if (strcmp(name, "block") == 0)
		length = snprintf(text, sizeof(text),
						  "{\"topic\":\"block\",\"data\":{\"block\":{\"signerPublicKey\":"
						  KEY ",\"previousBlockHash\":\"%064u\",\"timestamp\":\"1\","
						  "\"height\":\"1%u\"},\"meta\":{\"hash\":\"%064u\"}}}",
						  transaction, block, block + 5 * transaction);
	else if (strcmp(name, "finalizedBlock") == 0)
		length = snprintf(text, sizeof(text),
						  "{\"topic\":\"finalizedBlock\",\"data\":{\"height\":\"1%u\","
						  "\"hash\":\"%064u\"}}", block, block + 5 * transaction);
	else if (strcmp(name, "confirmedAdded") == 0 ||
			 strcmp(name, "unconfirmedAdded") == 0 ||
			 strcmp(name, "partialAdded") == 0)
		length = snprintf(text, sizeof(text),
						  "{\"topic\":\"%s/" BOB "\",\"data\":{\"transaction\":{"
						  "\"signerPublicKey\":" KEY ",\"type\":16712,"
						  "\"mosaicId\":\"72C0212E67A08BCE\",\"amount\":\"1%u\"},"
						  "\"meta\":{\"hash\":\"%064u\",\"height\":\"1%u\"}}}",
						  name, transaction, transaction, block);
	else
		length = snprintf(text, sizeof(text),
						  "{\"topic\":\"%s/" BOB "\",\"data\":{\"code\":\"Failure_%u\","
						  "\"hash\":\"%064u\",\"parentHash\":\"%064u\","
						  "\"signerPublicKey\":" KEY ",\"meta\":{\"hash\":\"%064u\"}}}",
						  name, block, transaction, transaction, transaction);
	(void) life_receive(life, 0, text, (size_t) length);
}

static void
live(Life *life, unsigned int byte)
{
	unsigned int low = byte & 31;

	switch (byte >> 5)
	{
		case 0:
			if (low < 16)
				watch(life, low, low & 8);
			else if (low & 1)
				cs_session_unsubscribe(life->session, (int64_t) (low % TOPICS) + 1);
			else
				subscribe(life, low % TOPICS);
			life_sync(life);
			break;
		case 1:
			if (low & 3)
				life_open_all(life, URL);
			else
				life_close(life, 0, &(CsClosure) {.reason = "", .close_code =
						   low & 4 ? 1013 : 0});
			break;
		case 2:
			life_pass(life, (int64_t) low * (low & 1 ? 20 : 500));
			break;
		case 3:
			say(life, UID, low, 0);
			break;
		default:
			say(life, byte % TOPICS, byte / 9 % 3, byte / 27 % 5);
			break;
	}
}

/* Each byte is something that happens. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Life *lives[4];
	static uint32_t inputs[4];
	int			which;

	if (size < FUZZ_HEAD)
		return 0;
	which = data[1] & 3;
	if (lives[which] == NULL)
		lives[which] = begin(which);
	for (size_t i = FUZZ_HEAD; i < size && i < FUZZ_HEAD + EVENTS_MAX; i++)
		live(lives[which], data[i]);
	if (++inputs[which] % INPUTS_MAX == 0)
	{
		life_end(lives[which]);
		lives[which] = NULL;
	}
	return 0;
}

#ifndef CS_LIBFUZZER

int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\x80", "\x9A", "\xE2", "\xFF", "\x40",
		"\x43", "\x52", "\x60", "\x28", "\x21", "\xA0", "\xA2", NULL};

	for (uint8_t i = 0; i < 200; i++)
		fuzz_seed_noise((uint8_t[]) {0, i}, 2 + i % 8);
	return fuzz_run("symbol_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
