/*-------------------------------------------------------------------------
 *
 * tonapi_fuzz.c
 *	  Hostile input for the TonAPI provider.
 *
 * LLVMFuzzerTestOneInput() is what libFuzzer calls:
 *		clang -fsanitize=fuzzer,address,undefined -DCS_LIBFUZZER ...
 * Without CS_LIBFUZZER there is a main() that needs no more than gcc: it
 * mutates the samples, always in the same way for the same seed.
 *		tonapi_fuzz [seed [iterations [seconds]]]
 * Run it from the root of the source tree.
 *
 * The first byte of an input says what the rest is: a message, the answer to a
 * request, arguments, or a life of a session over either transport.  Besides
 * what the sanitizers see: what is refused leaves nothing behind, a row holds
 * only what its columns can hold, a request is of the only form that the
 * server does not answer with silence, and when nothing is on its way any
 * more every watch has been told a state that is true.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/utf8.h"
#include "provider/json.h"
#include "provider/session.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const topics[] = {
	"account_transaction", "trace", "mempool_message", "block"
};

#define TOPICS 4
#define ADDRESSES 40
#define LINKS 1000

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "tonapi_fuzz: line %d: %s\n", __LINE__, \
					#condition); \
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
	char		canonical[CS_TARGET_MAX];

	if (account.data == NULL)
		return;
	CHECK(cs_provider_find("tonapi")->canonical_address(NULL, account.data,
														canonical, NULL) &&
		  strcmp(canonical, account.data) == 0);
}

static void
check_record(const CsRecord *record, const char *message, size_t length)
{
	CHECK(record->topic != NULL);
	CHECK((record->table == CS_TABLE_EVENTS) == (record->kind != NULL));
	CHECK(record->hash.length == 64 &&
		  strspn(record->hash.data, "0123456789abcdef") == 64);
	check_account(record->account);
	check_account(record->counterparty);
	check_text(record->amount);
	if (record->amount.data != NULL)
		CHECK(cs_decimal128_valid(record->amount.data, record->amount.length));
	if (record->occurred_at != CS_NO_NUMBER)
		CHECK(record->occurred_at >= 0 &&
			  record->occurred_at <= INT64_C(253402300800000000));
	CHECK(record->payload.data >= message && record->payload.length > 0 &&
		  record->payload.data + record->payload.length <= message + length);
	CHECK(cs_json_check_tokens(record->payload.data, record->payload.length) ==
		  NULL);
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

/* The form of a request; anything else ends the conversation. */
static int64_t
check_request(CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);
	struct json_object *params;
	int64_t		id;

	CHECK(request != NULL);
	CHECK(json_object_is_type(cs_json_member(request, "id"), json_type_int));
	id = json_object_get_int64(cs_json_member(request, "id"));
	CHECK(id > 0);
	params = cs_json_member(request, "params");
	CHECK(params == NULL || json_object_is_type(params, json_type_array));
	if (params != NULL)
	{
		CHECK(json_object_array_length(params) > 0);
		for (size_t i = 0; i < json_object_array_length(params); i++)
			CHECK(json_object_is_type(json_object_array_get_idx(params, i),
									  json_type_string));
	}
	json_object_put(request);
	return id;
}

/* ---------- a host ---------- */

typedef struct Life
{
	CsSession  *session;
	CsOutput   *output;
	int64_t		now_ms;
	bool		wanted[LINKS];
	bool		open[LINKS];
	int64_t		request[LINKS]; /* the last; 0: it was answered */
	int64_t		http[LINKS];	/* requests that are on their way */
	int			http_count;
	CsState		told[ADDRESSES + 1];	/* of the watches; the last is '*' */
} Life;

static const char *
address(unsigned int number)
{
	static char text[80];

	if (number >= ADDRESSES)
		return "*";
	(void) snprintf(text, sizeof(text), "0:%064X", number);
	return text;
}

/* Do what the session asks for. */
static void
act(Life *life)
{
	for (size_t i = 0; i < cs_output_action_count(life->output); i++)
	{
		const CsAction *action = &cs_output_actions(life->output)[i];
		int			link = action->link;

		switch (action->kind)
		{
			case CS_ACTION_OPEN_LINK:
				CHECK(link >= 0);
				if (link < LINKS)
				{
					CHECK(!life->wanted[link]);
					life->wanted[link] = true;
				}
				break;
			case CS_ACTION_CLOSE_LINK:
				if (link < LINKS)
				{
					CHECK(life->wanted[link]);
					life->wanted[link] = life->open[link] = false;
				}
				break;
			case CS_ACTION_SEND:
				CHECK(link < LINKS && life->open[link]);
				life->request[link] = check_request(action->text);
				break;
			case CS_ACTION_REQUEST:
				CHECK(strncmp(action->request->url, "https://h/v2/", 13) == 0);
				CHECK(life->http_count < LINKS);
				life->http[life->http_count++] = action->request->id;
				break;
			case CS_ACTION_WATCH_STATE:
				CHECK(action->id >= 0 && action->id <= ADDRESSES);
				life->told[action->id] = action->state;
				check_text(action->text);
				break;
			case CS_ACTION_SUBSCRIPTION_STATE:
				check_text(action->text);
				break;
			default:
				break;
		}
	}
	cs_output_reset(life->output);
}

static void
feed(Life *life, int link, const char *text)
{
	CsMessage	message = {.data = text, .length = strlen(text)};
	CsError		error = {0};

	if (!cs_session_message(life->session, link, &message, life->now_ms,
							life->output, &error))
	{
		check_error(&error);
		CHECK(cs_output_record_count(life->output) == 0 &&
			  cs_output_action_count(life->output) == 0);
	}
	for (size_t i = 0; i < cs_output_record_count(life->output); i++)
		check_record(&cs_output_records(life->output)[i], text,
					 message.length);
	act(life);
}

static void
open_link(Life *life, int link)
{
	CsHandshake handshake;

	if (!life->wanted[link] || life->open[link])
		return;
	CHECK(cs_session_handshake(life->session, link, "https://h", &handshake,
							   life->output));
	CHECK(strlen(handshake.url) <= 2000 + strlen("https://h"));
	life->open[link] = true;
	life->request[link] = 0;
	cs_session_opened(life->session, link, life->now_ms, life->output);
	act(life);
}

static void
close_link(Life *life, int link, int status)
{
	CsClosure	closure = {.was_open = life->open[link], .http_status = status,
						   .reason = "lost"};

	life->open[link] = false;
	cs_session_closed(life->session, link, &closure, life->now_ms,
					  life->output);
	act(life);
}

static void
reply(Life *life, int link, unsigned int kind)
{
	static const char *const words[] = {"success! 1 new subscriptions created",
		"success!", "you have reached the limit of 9 subscriptions",
		"you have reached the limit of 0 subscriptions", "",
		"failed to process '0:%064X' account: can't decode address",
		"failed to process params: can't decode address 0:%064X",
		"you are already subscribed to mempool"};
	char		text[300];
	size_t		length;

	length = (size_t) snprintf(text, sizeof(text), "{\"id\":%lld,\"result\":\"",
							   (long long) life->request[link]);
	length += (size_t) snprintf(text + length, sizeof(text) - length,
								words[kind % 8], kind / 8);
	(void) snprintf(text + length, sizeof(text) - length, "\"}");
	life->request[link] = 0;
	feed(life, link, text);
}

static void
answer(Life *life, unsigned int kind)
{
	static const int statuses[] = {0, 200, 400, 401, 404, 429, 500, 200};
	CsResponse	response = {.status = statuses[kind % 8], .reason = "",
							.data = kind % 8 == 7 ? "{}" :
							"{\"transactions\":[]}"};
	CsError		error = {0};

	if (life->http_count == 0)
		return;
	response.id = life->http[--life->http_count];
	response.length = strlen(response.data);
	if (!cs_session_response(life->session, &response, life->now_ms,
							 life->output, &error))
		check_error(&error);
	act(life);
}

static void
pass(Life *life, int64_t ms)
{
	int64_t		until = life->now_ms + ms;
	int			ticks = 0;

	while (cs_session_next_tick(life->session) <= until)
	{
		int64_t		next = cs_session_next_tick(life->session);

		CHECK(++ticks < 10000);
		if (life->now_ms < next)
			life->now_ms = next;
		cs_session_tick(life->session, life->now_ms, life->output);
		act(life);
	}
	life->now_ms = until;
}

/* Everything answers; then nothing may be left undone. */
static void
calm_down(Life *life, bool streams)
{
	/* What was refused may be granted on another connection. */
	for (int link = 0; link < LINKS; link++)
	{
		if (life->open[link])
			close_link(life, link, 0);
	}
	for (int round = 0; round < 200; round++)
	{
		bool		busy = false;

		for (int link = 0; link < LINKS; link++)
		{
			busy |= life->wanted[link] && !life->open[link];
			open_link(life, link);
			if (life->open[link] && life->request[link] != 0)
			{
				busy = true;
				reply(life, link, 0);
			}
		}
		while (life->http_count > 0)
			answer(life, 1);
		pass(life, streams ? 1000 : 1);
		if (!busy)
			return;
	}
	CHECK(false);
}

static void
check_states(const Life *life)
{
	bool		addressed = false;

	for (size_t i = 0; i < life->session->subscription_count; i++)
		addressed |= life->session->subscriptions[i].id != 4;
	for (int i = 0; i < ADDRESSES; i++)
	{
		const char *target = address((unsigned int) i);

		if (addressed &&
			cs_session_watches(life->session, (CsText) {target, strlen(target)}))
			CHECK(life->told[i] == CS_STATE_ACTIVE ||
				  life->told[i] == CS_STATE_OVER_LIMIT ||
				  life->told[i] == CS_STATE_ERROR);
	}
}

static const char *const options[] = {
	"{}", "{\"max_connections\":3,\"accounts_per_connection\":7,\"enrich\":true}",
	"{\"strategy\":\"all\",\"enrich\":true,\"token_in\":\"query\"}"
};

static Life *
begin_life(bool streams, unsigned int which)
{
	CsSourceConfig config = {.name = "fuzz", .token = which & 4 ? "t" : NULL,
							 .transport = streams ? "sse" : "websocket",
							 .options = options[which % (streams ? 3 : 2)]};
	Life	   *life = calloc(1, sizeof(Life));
	CsError		error;

	CHECK(life != NULL);
	life->session = cs_session_create(cs_provider_find("tonapi"), &config,
									  &error);
	CHECK(life->session != NULL);
	life->output = cs_output_create();
	return life;
}

static void
end_life(Life *life)
{
	cs_session_free(life->session);
	cs_output_free(life->output);
	free(life);
}

static void
subscribe(Life *life, unsigned int low)
{
	static const char *const arguments[] = {"{}",
		"{\"operations\":[\"JettonTransfer\"]}", "{\"workchain\":0}"};
	unsigned int topic = low % TOPICS;
	unsigned int which = low / TOPICS % 3;

	if ((which == 1 && topic != 0) || (which == 2 && topic != 3))
		which = 0;
	if (low & 16)
		cs_session_unsubscribe(life->session, (int64_t) topic + 1);
	else
		CHECK(cs_session_subscribe(life->session, (int64_t) topic + 1,
								   topics[topic], arguments[which], NULL));
}

/* One thing that happens. */
static void
live(Life *life, unsigned int what, unsigned int low)
{
	static const int statuses[] = {0, 0, 429, 401, 500, 0, 400, 429};
	int			link = (int) (low % 8);
	char		text[200];

	switch (what)
	{
		case 0:
			CHECK(cs_session_watch(life->session, (int64_t) low + (low > 36),
								   CS_WATCH_ADDRESS, address(low + (low > 36))));
			break;
		case 1:
			cs_session_unwatch(life->session, CS_WATCH_ADDRESS, address(low));
			break;
		case 2:
			subscribe(life, low);
			break;
		case 3:
			if (life->open[link])
				close_link(life, link, 0);
			else if (life->wanted[link] && (low & 8))
				close_link(life, link, statuses[low >> 2 & 7]);
			else
				open_link(life, link);
			break;
		case 4:
			pass(life, (int64_t) low * 700);
			break;
		case 5:
			link = (int) (low % 3);
			if (life->open[link])
				reply(life, link, low);
			break;
		case 6:
			(void) snprintf(text, sizeof(text),
							"{\"account_id\":\"%s\",\"lt\":1,\"tx_hash\":\"%064x\"}",
							address(low), low);
			feed(life, link, text);
			answer(life, low);
			break;
		default:
			for (unsigned int i = 0; (low & 1) && i < low; i++)
				CHECK(cs_session_watch(life->session, i, CS_WATCH_ADDRESS,
									   address(i)));
			if ((low & 15) == 2)
				CHECK(cs_session_watch(life->session, ADDRESSES,
									   CS_WATCH_ADDRESS, "*"));
			else if ((low & 15) == 4)
				cs_session_unwatch(life->session, CS_WATCH_ADDRESS, "*");
			cs_session_sync(life->session, life->now_ms, life->output);
			act(life);
			break;
	}
}

/* Each byte is something that happens. */
static void
fuzz_life(bool streams, unsigned int which, const char *data, size_t size)
{
	Life	   *life = begin_life(streams, which);

	cs_session_sync(life->session, life->now_ms, life->output);
	for (size_t i = 0; i < size && i < 300; i++)
		live(life, (uint8_t) data[i] >> 5, (uint8_t) data[i] & 31);
	cs_session_sync(life->session, life->now_ms, life->output);
	act(life);
	calm_down(life, streams);
	check_states(life);
	end_life(life);
}

/* ---------- messages ---------- */

static void
fuzz_message(const char *text, bool response)
{
	static Life *life;
	CsResponse	answered = {.id = 1, .status = 200, .reason = "", .data = text,
							.length = strlen(text)};
	CsError		error = {0};

	if (life == NULL)
	{
		life = begin_life(false, 0);
		for (unsigned int i = 0; i < TOPICS; i++)
			subscribe(life, i);
		CHECK(cs_session_watch(life->session, ADDRESSES, CS_WATCH_ADDRESS, "*"));
		CHECK(cs_session_watch(life->session, 1, CS_WATCH_ADDRESS,
			"0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"));
		cs_session_sync(life->session, 0, life->output);
		act(life);
	}
	if (!response)
	{
		feed(life, 0, text);
		return;
	}
	if (!cs_session_response(life->session, &answered, 0, life->output, &error))
	{
		check_error(&error);
		CHECK(cs_output_record_count(life->output) == 0);
	}
	for (size_t i = 0; i < cs_output_record_count(life->output); i++)
		check_record(&cs_output_records(life->output)[i], text,
					 answered.length);
	act(life);
}

static void
fuzz_arguments(unsigned int which, const char *text)
{
	const CsProvider *provider = cs_provider_find("tonapi");
	unsigned int topic = which % TOPICS;
	CsError		error = {0};
	Life	   *life;

	if (!provider->check_arguments(&provider->topics[topic], NULL, text,
								   &error))
	{
		check_error(&error);
		return;
	}

	/* What was accepted can be sent. */
	life = begin_life((which & 8) != 0, 0);
	CHECK(cs_session_subscribe(life->session, 1, topics[topic], text, NULL));
	CHECK(cs_session_watch(life->session, 1, CS_WATCH_ADDRESS, address(1)));
	cs_session_sync(life->session, 0, life->output);
	act(life);
	open_link(life, 0);
	end_life(life);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text;

	if (size < 2)
		return 0;

	/* As the transport delivers it: with a NUL behind it, and no more. */
	text = malloc(size - 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	switch (data[0] % 8)
	{
		case 0:
		case 1:
			fuzz_life(data[0] % 8 == 1, data[1], text, size - 2);
			break;
		case 2:
			fuzz_arguments(data[1], text);
			break;
		case 3:
			fuzz_message(text, true);
			break;
		default:
			fuzz_message(text, false);
			break;
	}
	free(text);
	return 0;
}

#ifndef CS_LIBFUZZER

/* ---------- mutation ---------- */

#define SEEDS_MAX	256
#define INPUT_MAX	40000

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
	seeds[seed_count].text = malloc(length + 1);
	memcpy(seeds[seed_count].text, text, length);
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

	(void) snprintf(path, sizeof(path), "test/samples/tonapi/%s.jsonl", name);
	file = fopen(path, "r");
	if (file == NULL)
	{
		fprintf(stderr, "tonapi_fuzz: cannot read %s\n", path);
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
	static const char *const messages[] = {"ws-account_transaction", "ws-block",
		"ws-error-replies", "ws-mempool_message", "ws-replies", "ws-trace"};
	static const char *const responses[] = {"rest-transaction",
		"rest-account-transactions", "rest-block-transactions"};
	static const char *const texts[] = {
		"{\"operations\":[\"JettonTransfer\",\"0x0524c7ae\"]}",
		"{\"workchain\":-1}"};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		load_samples(messages[i], 4);
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++)
		load_samples(responses[i], 3);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		add_seed(2, texts[i], strlen(texts[i]));
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
		"\\ud800", "\xC3\xA9", "\xFF", "\xED\xA0\x80", "\x01",
		"9223372036854775808", "\"int_msg\"", "\"boc\":\"te6cc", "0:", "-1:",
		"\"in_msg\":{", "\"result\":\"success!\",", "\n"};
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

/* An input: a seed with changes, or a life out of nothing. */
static size_t
make_input(uint8_t *input)
{
	const Seed *from = &seeds[draw((uint32_t) seed_count)];
	char	   *text = (char *) input + 2;
	size_t		length = from->length;

	input[1] = (uint8_t) draw(256);
	if (draw(8) == 0)
	{
		input[0] = (uint8_t) draw(2);
		length = 20 + draw(200);
		for (size_t i = 0; i < length; i++)
			text[i] = (char) draw(256);
		return length + 2;
	}
	input[0] = from->kind;
	memcpy(text, from->text, length);
	for (uint32_t changes = draw(5); changes > 0; changes--)
		length = mutate(text, length);
	return length + 2;
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

		if (limit > 0 && done % 64 == 0 && time(NULL) - start >= limit)
			break;
		(void) LLVMFuzzerTestOneInput(input, make_input(input));
	}
	printf("tonapi_fuzz: seed %llu, %ld inputs\n", seed, done);
	for (int i = 0; i < seed_count; i++)
		free(seeds[i].text);
	return 0;
}

#endif							/* CS_LIBFUZZER */
