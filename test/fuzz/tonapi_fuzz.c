/*-------------------------------------------------------------------------
 *
 * tonapi_fuzz.c
 *	  Lives of a TonAPI session, at the end of which everything must be well.
 *
 * What any provider has to stand is in provider_fuzz.c.  Here each byte is
 * something that happens, over either transport; then every peer answers as
 * it should, and when nothing is on its way any more, every watch must have
 * been told a state that is true.  Besides, a request is always of the only
 * form that the server does not answer with silence, and a link is not asked
 * for twice.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/utf8.h"
#include "mutate.h"
#include "provider/session.h"

static const char *const topics[] = {
	"account_transaction", "trace", "mempool_message", "block"
};

#define TOPICS 4
#define ADDRESSES 40
#define LINKS 1000

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
check_states(const Life *life, bool streams)
{
	if (!has_topic(life, 3))
		return;
	for (int i = 0; i < ADDRESSES; i++)
	{
		const char *target = address((unsigned int) i);

		if (cs_session_watches(life->session,
							   (CsText) {target, strlen(target)}))
			CHECK(life->told[i] == CS_STATE_ACTIVE ||
				  life->told[i] == CS_STATE_OVER_LIMIT ||
				  life->told[i] == CS_STATE_ERROR);
	}
	if (life->session->everything)
		CHECK(life->told[ADDRESSES] == (streams || !has_topic(life, 2) ?
										CS_STATE_ACTIVE : CS_STATE_ERROR));
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
	check_states(life, streams);
	end_life(life);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < FUZZ_HEAD)
		return 0;
	fuzz_life(data[0] & 1, data[1], (const char *) data + FUZZ_HEAD,
			  size - FUZZ_HEAD);
	return 0;
}

#ifndef CS_LIBFUZZER

/* Any bytes will do: they are changed anyway. */
int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\xE1", "\xE2", "\xE4", "\xFF", "\x40",
		"\x43", "\x52", "\x60", "\x61", "\x81", "\xA0", "\xA2", NULL};
	uint32_t	number = 1;

	for (unsigned int i = 0; i < 64; i++)
	{
		char		text[240];

		for (size_t at = 0; at < sizeof(text); at++)
		{
			number = number * 1664525 + 1013904223;
			text[at] = (char) (number >> 24);
		}
		fuzz_seed((uint8_t[]) {(uint8_t) (i & 1), (uint8_t) (i >> 1)}, text,
				  sizeof(text));
	}
	return fuzz_run("tonapi_fuzz", argc, argv, pieces);
}

#endif							/* CS_LIBFUZZER */
