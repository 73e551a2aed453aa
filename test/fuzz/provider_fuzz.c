/*-------------------------------------------------------------------------
 *
 * provider_fuzz.c
 *	  Hostile input for every provider.
 *
 * The first byte of an input says what the rest is: a message, an answer to a
 * request, an address, the arguments of a topic, the options of a source, or
 * a life of a session, in which each byte is something that happens.  The
 * second says which provider, and which of its topics, is meant.
 *
 * Besides what the sanitizers see, everything that comes out is checked: a
 * refused message leaves nothing behind, a row holds only what its columns can
 * hold, and what is sent is JSON.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <string.h>

#include "codec/utf8.h"
#include "mutate.h"
#include "provider/json.h"
#include "provider/provider.h"

/* The most rows that one message may give: bounded by its length. */
#define ROWS_MAX(length) (300 + (length))

#define LINKS_MAX 64

typedef enum Kind
{
	KIND_MESSAGE,
	KIND_RESPONSE,
	KIND_ADDRESS,
	KIND_ARGUMENTS,
	KIND_OPTIONS,
	KIND_LIFE,
	KINDS
} Kind;

static size_t
provider_count(void)
{
	size_t		count = 0;

	while (cs_providers()[count] != NULL)
		count++;
	return count;
}

static size_t
topic_count(const CsProvider *provider)
{
	size_t		count = 0;

	while (provider->topics[count].name != NULL)
		count++;
	return count;
}

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
}

/* Numeric columns take an integer, and nothing else. */
static void
check_number(CsText text)
{
	if (text.data == NULL)
		return;
	CHECK(text.length > 0 && text.length < 200);
	for (size_t i = 0; i < text.length; i++)
		CHECK(isdigit((unsigned char) text.data[i]));
}

static void
check_record(const CsRecord *record)
{
	CHECK(record->topic != NULL);
	CHECK((record->table == CS_TABLE_EVENTS) == (record->kind != NULL));
	if (record->kind != NULL)
		check_text((CsText) {record->kind, strlen(record->kind)});
	check_text(record->hash);
	check_text(record->account);
	check_text(record->counterparty);
	check_text(record->asset);
	check_text(record->block_hash);
	check_text(record->transaction_hash);
	check_number(record->amount);
	check_number(record->fee);
	CHECK(record->occurred_at == CS_NO_NUMBER ||
		  (record->occurred_at >= 0 &&
		   record->occurred_at <= INT64_C(253402300800000000)));
	CHECK(record->ordinal >= 0);
	CHECK(record->identity[0] != 0 || record->identity[1] != 0);
	if (record->payload.data != NULL)
	{
		CHECK(record->payload.length > 0);
		check_text(record->payload);
		CHECK(cs_json_check_tokens(record->payload.data,
								   record->payload.length) == NULL);
	}
	CHECK(record->message.data != NULL);
}

static void
check_error(const CsError *error)
{
	CHECK(error->kind != CS_ERROR_NONE && error->message[0] != '\0');
	check_text((CsText) {error->message, strlen(error->message)});
	check_text((CsText) {error->detail, strlen(error->detail)});
	check_text((CsText) {error->hint, strlen(error->hint)});
}

static void
check_fields(const CsField *fields, int count)
{
	for (int i = 0; i < count; i++)
		CHECK(strpbrk(fields[i].name, "\r\n: ") == NULL &&
			  strpbrk(fields[i].value, "\r\n") == NULL);
}

/* ---------- a host ---------- */

/* A session, and what its host knows of it. */
typedef struct Life
{
	const CsProvider *provider;
	CsSession  *session;
	CsOutput   *output;
	size_t		actions_done;
	int64_t		now_ms;
	bool		wanted[LINKS_MAX];
	bool		open[LINKS_MAX];
	int64_t		request;		/* the last one; 0: none is under way */
} Life;

static void
note_action(Life *life, const CsAction *action)
{
	check_text(action->text);
	switch (action->kind)
	{
		case CS_ACTION_OPEN_LINK:
		case CS_ACTION_CLOSE_LINK:
			CHECK(action->link >= 0);
			if (action->link < LINKS_MAX)
				life->wanted[action->link] =
					action->kind == CS_ACTION_OPEN_LINK;
			break;
		case CS_ACTION_SEND:
			CHECK(cs_json_check_tokens(action->text.data,
									   action->text.length) == NULL);
			break;
		case CS_ACTION_REQUEST:
			life->request = action->request->id;
			check_fields(action->request->fields,
						 action->request->field_count);
			break;
		case CS_ACTION_CURSOR:
			CHECK(cs_json_check_tokens(action->text.data,
									   action->text.length) == NULL);
			break;
		default:
			break;
	}
}

static void
act(Life *life)
{
	for (size_t i = 0; i < cs_output_action_count(life->output); i++)
		note_action(life, &cs_output_actions(life->output)[i]);
	cs_output_reset(life->output);
}

static Life
begin_life(const CsProvider *provider)
{
	CsSourceConfig config = {.name = "fuzz", .options = "{}"};
	CsError		error;
	Life		life = {.provider = provider, .output = cs_output_create()};
	size_t		topics = topic_count(provider);
	size_t		length;
	const char *address;

	life.session = cs_session_create(provider, &config, &error);
	CHECK(life.session != NULL && life.output != NULL);
	for (size_t i = 0; i < topics; i++)
		(void) cs_session_subscribe(life.session, (int64_t) i + 1,
									provider->topics[i].name, "{}", &error);
	if (provider->watches_everything)
		CHECK(cs_session_watch(life.session, 1, CS_WATCH_ADDRESS, "*"));
	for (uint32_t i = 0; i < provider_count(); i++)
	{
		if (cs_providers()[i] != provider)
			continue;
		address = fuzz_seed_text((uint8_t[]) {KIND_ADDRESS, (uint8_t) i}, 0,
								 &length);
		if (address != NULL)
			CHECK(cs_session_watch(life.session, 2, CS_WATCH_ADDRESS, address));
	}
	return life;
}

static void
end_life(Life *life)
{
	cs_session_free(life->session);
	cs_output_free(life->output);
}

static void
open_link(Life *life, int link)
{
	CsHandshake handshake;

	if (!life->wanted[link] || life->open[link])
		return;
	if (cs_session_handshake(life->session, link, "wss://host/path",
							 &handshake, life->output))
		check_fields(handshake.fields, handshake.field_count);
	life->open[link] = true;
	cs_session_opened(life->session, link, life->now_ms, life->output);
	act(life);
}

/* What came was refused, or is checked; *records* is how many there were. */
static void
settle(Life *life, bool understood, const CsError *error, size_t length)
{
	if (!understood)
	{
		check_error(error);
		CHECK(cs_output_record_count(life->output) == 0);
		CHECK(cs_output_action_count(life->output) == 0);
	}
	CHECK(cs_output_record_count(life->output) <= ROWS_MAX(length));
	for (size_t i = 0; i < cs_output_record_count(life->output); i++)
		check_record(&cs_output_records(life->output)[i]);
	act(life);
}

static void
receive(Life *life, int link, const char *text, size_t length)
{
	CsMessage	message = {.data = text, .length = length,
						   .received_at = INT64_C(1700000000000000)};
	CsError		error = {0};
	bool		understood = cs_session_message(life->session, link, &message,
												life->now_ms, life->output,
												&error);

	settle(life, understood, &error, length);
}

static void
answer(Life *life, int status, const char *text, size_t length)
{
	CsResponse	response = {.id = life->request, .status = status,
							.reason = "no answer", .data = text,
							.length = length,
							.received_at = INT64_C(1700000000000000)};
	CsError		error = {0};
	bool		understood = cs_session_response(life->session, &response,
												 life->now_ms, life->output,
												 &error);

	life->request = 0;
	settle(life, understood, &error, length);
}

static void
pass_time(Life *life, int64_t ms)
{
	life->now_ms += ms;
	for (int i = 0; cs_session_next_tick(life->session) <= life->now_ms; i++)
	{
		CHECK(i < 1000);
		cs_session_tick(life->session, life->now_ms, life->output);
		act(life);
	}
}

/* ---------- targets ---------- */

/* Messages go to a session that is kept, as a worker keeps one. */
static void
fuzz_message(const CsProvider *provider, size_t number, const char *text,
			 size_t length, bool response)
{
	static Life lives[16];
	static uint32_t uses[16];
	Life	   *life = &lives[number];

	if (life->session == NULL)
	{
		*life = begin_life(provider);
		cs_session_sync(life->session, life->now_ms, life->output);
		act(life);
		for (int link = 0; link < LINKS_MAX; link++)
			open_link(life, link);
	}
	if (response)
		answer(life, length % 3 == 0 ? 404 : 200, text, length);
	else
		receive(life, (int) (length % 3 == 0), text, length);
	life->now_ms += 10;

	/* now and then a new one, so that no life is longer than memory */
	if (++uses[number] % 20000 == 0)
	{
		end_life(life);
		memset(life, 0, sizeof(*life));
	}
}

static void
fuzz_address(const CsProvider *provider, const char *text)
{
	for (const CsNetwork *network = provider->networks; network->name; network++)
	{
		char		canonical[CS_TARGET_MAX];
		char		again[CS_TARGET_MAX];
		CsError		error = {0};

		if (!provider->canonical_address(network->name, text, canonical, &error))
			check_error(&error);
		else
			CHECK(provider->canonical_address(network->name, canonical, again,
											  NULL) &&
				  strcmp(canonical, again) == 0);
		error = (CsError) {0};
		if (provider->canonical_transaction == NULL)
			continue;
		if (!provider->canonical_transaction(network->name, text, canonical,
											 &error))
			check_error(&error);
		else
			CHECK(provider->canonical_transaction(network->name, canonical,
												  again, NULL) &&
				  strcmp(canonical, again) == 0);
	}
}

static void
fuzz_arguments(const CsProvider *provider, uint8_t which, const char *text)
{
	const CsTopic *topic = &provider->topics[which % topic_count(provider)];
	CsError		error = {0};
	Life		life;

	if (!provider->check_arguments(topic, provider->networks[0].name, text,
								   &error))
	{
		check_error(&error);
		return;
	}

	/* What was accepted can be sent. */
	life = begin_life(provider);
	(void) cs_session_subscribe(life.session, 100, topic->name, text, &error);
	cs_session_sync(life.session, life.now_ms, life.output);
	act(&life);
	for (int link = 0; link < LINKS_MAX; link++)
		open_link(&life, link);
	end_life(&life);
}

static void
fuzz_options(const CsProvider *provider, const char *text)
{
	CsSourceConfig config = {.name = "fuzz", .options = text, .token = text};
	CsError		error = {0};
	CsHandshake handshake;
	CsOutput   *output;
	CsSession  *session = cs_session_create(provider, &config, &error);

	if (session == NULL)
	{
		check_error(&error);
		return;
	}
	output = cs_output_create();
	CHECK(cs_session_handshake(session, 0, text, &handshake, output));
	cs_session_free(session);
	cs_output_free(output);
}

/* A target for the watch list: an address of the samples, or nonsense. */
static void
watch_something(Life *life, size_t number, unsigned int low, bool wanted)
{
	CsWatchKind kind = low % 8 == 7 ? CS_WATCH_TRANSACTION : CS_WATCH_ADDRESS;
	size_t		length;
	const char *target = low % 4 == 0 ? "*" :
		fuzz_seed_text((uint8_t[]) {KIND_ADDRESS, (uint8_t) number},
					   low % 4 == 1 ? low * 7 : low, &length);

	if (kind == CS_WATCH_TRANSACTION)
		target = "00000000000000000000000000000000000000000000000000000000000000aa";
	if (target == NULL)
		return;
	if (wanted)
		CHECK(cs_session_watch(life->session, low + 10, kind, target));
	else
		cs_session_unwatch(life->session, kind, target);
}

static void
live(Life *life, size_t number, unsigned int byte)
{
	unsigned int low = byte & 31;
	int			link = (int) low % 4;
	size_t		topic = low % topic_count(life->provider);
	size_t		length;
	const char *text;
	CsError		error;

	switch (byte >> 5)
	{
		case 0:
		case 1:
			watch_something(life, number, low, byte >> 5 == 0);
			break;
		case 2:
			if (low & 1)
				cs_session_unsubscribe(life->session, (int64_t) topic + 1);
			else
				(void) cs_session_subscribe(life->session, (int64_t) topic + 1,
											life->provider->topics[topic].name,
											"{}", &error);
			break;
		case 3:
			if (life->open[link] || (low & 16))
			{
				cs_session_closed(life->session, link,
								  &(CsClosure) {.was_open = life->open[link],
								  .close_code = low & 8 ? 1013 : 0,
								  .http_status = low & 16 ? 429 : 0,
								  .reason = "Max subscriptions reached."},
								  life->now_ms, life->output);
				life->open[link] = false;
				act(life);
			}
			else
				open_link(life, link);
			break;
		case 4:
			pass_time(life, (int64_t) low * 500);
			break;
		case 5:
		case 6:
			text = fuzz_seed_text((uint8_t[]) {KIND_MESSAGE, (uint8_t) number},
								  fuzz_draw(100000), &length);
			if (text != NULL && byte >> 5 == 5)
				receive(life, link, text, length);
			else if (text != NULL && life->request != 0)
				answer(life, low & 1 ? 200 : low & 2 ? 404 : 0, text, length);
			break;
		default:
			cs_session_sync(life->session, life->now_ms, life->output);
			act(life);
			break;
	}
}

static void
fuzz_life(const CsProvider *provider, size_t number, const char *data,
		  size_t size)
{
	Life		life = begin_life(provider);

	for (size_t i = 0; i < size && i < 300; i++)
		live(&life, number, (uint8_t) data[i]);
	end_life(&life);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		number;
	const CsProvider *provider;
	char	   *text;
	size_t		length;

	if (size < FUZZ_HEAD)
		return 0;
	number = data[1] % provider_count();
	provider = cs_providers()[number];

	/* As the transport delivers it: with a NUL behind it, and no more. */
	length = size - FUZZ_HEAD;
	text = malloc(length + 1);
	CHECK(text != NULL);
	memcpy(text, data + FUZZ_HEAD, length);
	text[length] = '\0';
	switch (data[0] % KINDS)
	{
		case KIND_RESPONSE:
			fuzz_message(provider, number, text, length, true);
			break;
		case KIND_ADDRESS:
			fuzz_address(provider, text);
			break;
		case KIND_ARGUMENTS:
			fuzz_arguments(provider, data[1] / provider_count(), text);
			break;
		case KIND_OPTIONS:
			fuzz_options(provider, text);
			break;
		case KIND_LIFE:
			fuzz_life(provider, number, text, length);
			break;
		default:
			fuzz_message(provider, number, text, length, false);
			break;
	}
	free(text);
	return 0;
}

#ifndef CS_LIBFUZZER

/* ---------- seeds ---------- */

static void
seed_string(Kind kind, size_t number, const char *text)
{
	fuzz_seed((uint8_t[]) {(uint8_t) kind, (uint8_t) number}, text,
			  strlen(text));
}

/* Addresses of the provider's vectors, by whatever member names them. */
static void
seed_addresses(size_t number, const char *path)
{
	const CsProvider *provider = cs_providers()[number];
	char	   *line = NULL;
	size_t		capacity = 0;
	FILE	   *file = fopen(path, "r");
	char		canonical[CS_TARGET_MAX];

	CHECK(file != NULL);
	while (getline(&line, &capacity, file) > 0)
	{
		/* every string in the line that is an address */
		for (char *at = strtok(line, "\""); at != NULL; at = strtok(NULL, "\""))
		{
			if (provider->canonical_address(NULL, at, canonical, NULL))
			{
				seed_string(KIND_ADDRESS, number, canonical);
				seed_string(KIND_ADDRESS, number, at);
			}
		}
	}
	free(line);
	(void) fclose(file);
}

static void
seed_provider(size_t number)
{
	static const char *const texts[] = {
		"{}", "{\"headers\":{\"X-Key\":\"value\"},\"payload\":false}",
		"{\"tls_ca\":\"/etc/ssl/ca.pem\"}", "{\"include_block\":true}",
		"{\"block_status\":\"sealed\",\"start_block_height\":\"7\"}",
		"{\"event_types\":[\"A.f233dcee88fe0abe.FungibleToken.Deposited\"]}",
		"{\"operations\":[\"0x0524c7ae\"]}", "{\"workchain\":-1}",
		"{\"enrich\":true,\"min_finality\":\"pending\"}"};
	static const struct
	{
		const char *provider;
		const char *vectors;
	}			addresses[] = {
		{"nano", "test/samples/nano/address_vectors.jsonl"},
		{"symbol", "test/samples/symbol/address_vectors.jsonl"},
		{"flow", "test/samples/flow/address_vectors.jsonl"},
		{"toncenter", "test/samples/ton/addresses-valid.jsonl"},
		{"tonapi", "test/samples/ton/addresses-valid.jsonl"},
	};
	const char *name = cs_providers()[number]->name;
	char		folder[128];

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
	{
		if (strcmp(addresses[i].provider, name) == 0)
			seed_addresses(number, addresses[i].vectors);
	}
	(void) snprintf(folder, sizeof(folder), "test/samples/%s", name);
	for (Kind kind = KIND_MESSAGE; kind <= KIND_RESPONSE; kind++)
		fuzz_seed_lines((uint8_t[]) {(uint8_t) kind, (uint8_t) number}, folder);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		seed_string(KIND_ARGUMENTS, number, texts[i]);
		seed_string(KIND_OPTIONS, number, texts[i]);
	}
	seed_string(KIND_OPTIONS, number, "wss://host:123/path?a=b#c");
	for (int i = 0; i < 8; i++)
		seed_string(KIND_LIFE, number,
					"\xE1\x61\x85\xA1\xA2\x05\xE0\xA3\xB1\x25\xE0\x90\xC1\xA4"
					"\x62\xE1\xA5\x88\xC2\xAA\x63\xAB\x7C\xE1\x61\xAC\x94\xC3");
}

int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\"topic\":\"vote\",",
		"\"subtype\":\"send\",", "nano_", "ban_", "0x", "/transactions",
		"\"finality\":\"pending\"", "\"transactions\":[", "\"events\":[",
		"\"amount\":\"1\"", "\"value\":{", NULL};

	for (size_t i = 0; i < provider_count(); i++)
		seed_provider(i);
	return fuzz_run("provider_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
