/*-------------------------------------------------------------------------
 *
 * tonapi_fuzz.c
 *	  Lives of a TonAPI session, at the end of which everything must be well.
 *
 * What any provider has to stand is in provider_fuzz.c.  Here each byte is
 * something that happens, over either transport, in a life that goes on over
 * many inputs.  Then every peer answers as it should, and when nothing is on
 * its way any more, every watch must have been told a state that is true.
 * Besides, a request is always of the only form that the server does not
 * answer with silence.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "life.h"
#include "provider/session.h"

static const char *const topics[] = {
	"account_transaction", "trace", "mempool_message", "block"
};

#define TOPICS 4
#define ADDRESSES 40
#define EVENTS_MAX 16			/* of an input */
#define INPUTS_MAX 40			/* of a life */
#define URL "https://h"

/* ---------- what must always hold ---------- */

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

/* What is known besides. */
typedef struct Own
{
	bool		streams;
	int64_t		request[LIFE_LINKS];	/* the last; 0: it was answered */
	CsState		told[ADDRESSES + 1];	/* of the watches; the last is '*' */
} Own;

static const char *
address(unsigned int number)
{
	static char text[80];

	if (number >= ADDRESSES)
		return "*";
	(void) snprintf(text, sizeof(text), "0:%064X", number);
	return text;
}

static void
see_action(Life *life, const CsAction *action)
{
	Own		   *own = life->own;

	switch (action->kind)
	{
		case CS_ACTION_SEND:
			own->request[action->link] = check_request(action->text);
			break;
		case CS_ACTION_REQUEST:
			CHECK(strncmp(action->request->url, "https://h/v2/", 13) == 0);
			break;
		case CS_ACTION_WATCH_STATE:
			CHECK(action->id >= 0 && action->id <= ADDRESSES);
			own->told[action->id] = action->state;
			break;
		default:
			break;
	}
}

static void
open_link(Life *life, int link)
{
	Own		   *own = life->own;

	if (life->wanted[link] && !life->open[link])
		own->request[link] = 0;
	life_open(life, link, URL);
}

static void
feed(Life *life, int link, const char *text)
{
	(void) life_receive(life, link, text, strlen(text));
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
	Own		   *own = life->own;
	char		text[300];
	size_t		length;

	length = (size_t) snprintf(text, sizeof(text), "{\"id\":%lld,\"result\":\"",
							   (long long) own->request[link]);
	length += (size_t) snprintf(text + length, sizeof(text) - length,
								words[kind % 8], kind / 8);
	(void) snprintf(text + length, sizeof(text) - length, "\"}");
	own->request[link] = 0;
	feed(life, link, text);
}

static void
answer(Life *life, unsigned int kind)
{
	static const int statuses[] = {0, 200, 400, 401, 404, 429, 500, 200};
	const char *body = kind % 8 == 7 ? "{}" : "{\"transactions\":[]}";

	if (life->request_count > 0)
		(void) life_answer(life, (uint32_t) life->request_count - 1,
						   statuses[kind % 8], body, strlen(body));
}

/* Everything answers; then nothing may be left undone. */
static void
calm_down(Life *life)
{
	Own		   *own = life->own;

	/* What was refused may be granted on another connection. */
	for (int link = 0; link < life->links; link++)
	{
		if (life->open[link])
			life_close(life, link, &(CsClosure) {.reason = "lost"});
	}
	for (int round = 0; round < 200; round++)
	{
		bool		busy = false;

		for (int link = 0; link < life->links; link++)
		{
			busy |= life->wanted[link] && !life->open[link];
			open_link(life, link);
			if (life->open[link] && own->request[link] != 0)
			{
				busy = true;
				reply(life, link, 0);
			}
		}
		while (life->request_count > 0)
			answer(life, 1);
		life_pass(life, own->streams ? 1000 : 1);
		if (!busy)
			return;
	}
	CHECK(false);
}

/* Is there a subscription to one of the first so many topics? */
static bool
has_topic(const Life *life, int64_t most)
{
	for (size_t i = 0; i < life->session->subscription_count; i++)
	{
		if (life->session->subscriptions[i].id <= most)
			return true;
	}
	return false;
}

static void
check_states(const Life *life)
{
	const Own  *own = life->own;

	if (!has_topic(life, 3))
		return;
	for (int i = 0; i < ADDRESSES; i++)
	{
		const char *target = address((unsigned int) i);

		if (cs_session_watches(life->session,
							   (CsText) {target, strlen(target)}))
			CHECK(own->told[i] == CS_STATE_ACTIVE ||
				  own->told[i] == CS_STATE_OVER_LIMIT ||
				  own->told[i] == CS_STATE_ERROR);
	}
	if (life->session->everything)
		CHECK(own->told[ADDRESSES] == (own->streams || !has_topic(life, 2) ?
										CS_STATE_ACTIVE : CS_STATE_ERROR));
}

static const char *const options[] = {
	"{}", "{\"max_connections\":3,\"accounts_per_connection\":7,\"enrich\":true}",
	"{\"strategy\":\"all\",\"enrich\":true,\"token_in\":\"query\"}"
};

static Life *
begin(bool streams, unsigned int which)
{
	CsSourceConfig config = {.name = "fuzz", .token = which & 4 ? "t" : NULL,
							 .transport = streams ? "sse" : "websocket",
							 .options = options[which % (streams ? 3 : 2)]};
	Life	   *life = life_begin(cs_provider_find("tonapi"), &config);
	Own		   *own = calloc(1, sizeof(Own));

	CHECK(own != NULL);
	own->streams = streams;
	life->own = own;
	life->see_action = see_action;
	life_sync(life);
	return life;
}

/* It ends when it has come to rest, and has told the truth. */
static void
end(Life *life)
{
	life_sync(life);
	calm_down(life);
	check_states(life);
	free(life->own);
	life_end(life);
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

static void
change_link(Life *life, unsigned int low)
{
	static const int statuses[] = {0, 0, 429, 401, 500, 0, 400, 429};
	int			link = (int) (low % 8);

	if (life->open[link] || (life->wanted[link] && (low & 8)))
		life_close(life, link,
				   &(CsClosure) {.http_status = life->open[link] ? 0 :
				   statuses[low >> 2 & 7], .reason = "lost"});
	else
		open_link(life, link);
}

/* Many watches at once, or everything. */
static void
watch_much(Life *life, unsigned int low)
{
	for (unsigned int i = 0; (low & 1) && i < low; i++)
		CHECK(cs_session_watch(life->session, i, CS_WATCH_ADDRESS, address(i)));
	if ((low & 15) == 2)
		CHECK(cs_session_watch(life->session, ADDRESSES, CS_WATCH_ADDRESS, "*"));
	else if ((low & 15) == 4)
		cs_session_unwatch(life->session, CS_WATCH_ADDRESS, "*");
	life_sync(life);
}

/* One thing that happens. */
static void
live(Life *life, unsigned int what, unsigned int low)
{
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
			change_link(life, low);
			break;
		case 4:
			life_pass(life, (int64_t) low * 700);
			break;
		case 5:
			if (life->open[low % 3])
				reply(life, (int) (low % 3), low);
			break;
		case 6:
			(void) snprintf(text, sizeof(text),
							"{\"account_id\":\"%s\",\"lt\":1,\"tx_hash\":\"%064x\"}",
							address(low), low);
			feed(life, (int) (low % 8), text);
			answer(life, low);
			break;
		default:
			watch_much(life, low);
			break;
	}
}

/* Each byte is something that happens. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Life *lives[2][8];
	static uint32_t inputs[2][8];
	int			streams;
	int			which;
	Life	  **life;

	if (size < FUZZ_HEAD)
		return 0;
	streams = data[0] & 1;
	which = data[1] & 7;
	life = &lives[streams][which];
	if (*life == NULL)
		*life = begin(streams, (unsigned int) which);
	for (size_t i = FUZZ_HEAD; i < size && i < FUZZ_HEAD + EVENTS_MAX; i++)
		live(*life, data[i] >> 5, data[i] & 31);
	if (++inputs[streams][which] % INPUTS_MAX == 0)
	{
		end(*life);
		*life = NULL;
	}
	return 0;
}

#ifndef CS_LIBFUZZER

/* Any bytes will do: they are changed anyway. */
int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\xE1", "\xE2", "\xE4", "\xFF", "\x40",
		"\x43", "\x52", "\x60", "\x61", "\x81", "\xA0", "\xA2", NULL};

	for (uint8_t i = 0; i < 200; i++)
		fuzz_seed_noise((uint8_t[]) {i & 1, i >> 1}, 2 + i % 12);
	return fuzz_run("tonapi_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
