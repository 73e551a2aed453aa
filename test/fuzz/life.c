/*-------------------------------------------------------------------------
 *
 * life.c
 *	  A session of any provider and a host that does what it asks for.
 *
 *-------------------------------------------------------------------------
 */
#include "life.h"

#include <string.h>

#include "provider/session.h"

/* The most rows that one call may give: bounded by what came in. */
#define ROWS_MAX(length) (300 + (length))

#define RECEIVED_AT INT64_C(1700000000000000)

Life *
life_begin(const CsProvider *provider, const CsSourceConfig *config)
{
	Life	   *life = calloc(1, sizeof(Life));
	CsError		error;

	CHECK(life != NULL);
	life->provider = provider;
	life->session = cs_session_create(provider, config, &error);
	life->output = cs_output_create();
	CHECK(life->session != NULL && life->output != NULL);
	return life;
}

void
life_end(Life *life)
{
	cs_session_free(life->session);
	cs_output_free(life->output);
	free(life);
}

/* ---------- what is asked for ---------- */

static void
note_link(Life *life, const CsAction *action)
{
	int			link = action->link;

	CHECK(link >= 0 && link < LIFE_LINKS);
	if (link >= life->links)
		life->links = link + 1;
	if (action->kind == CS_ACTION_OPEN_LINK)
	{
		CHECK(!life->wanted[link]);
		life->wanted[link] = true;
		return;
	}
	if (action->kind == CS_ACTION_CLOSE_LINK)
	{
		CHECK(life->wanted[link]);
		life->wanted[link] = false;
	}
	life->leaving[link] = life->open[link];
}

static void
note_sent(Life *life, const CsAction *action)
{
	char	   *place = life->asked[life->asked_count++ % LIFE_ASKED];

	CHECK(action->link >= 0 && action->link < LIFE_LINKS);
	CHECK(life->open[action->link]);
	CHECK(cs_json_check_tokens(action->text.data, action->text.length) == NULL);
	(void) snprintf(place, sizeof(life->asked[0]), "%.*s",
					(int) action->text.length, action->text.data);
}

static void
note_request(Life *life, const CsRequest *request)
{
	CHECK(life->request_count < LIFE_REQUESTS);
	life->requests[life->request_count++] = request->id;
	CHECK(strncmp(request->url, "http", 4) == 0);
	CHECK(strpbrk(request->url, "\r\n ") == NULL);
	check_fields(request->fields, request->field_count);
}

static void
note_cursor(Life *life, const CsAction *action)
{
	uint32_t	place = life->cursor_count++ % LIFE_CURSORS;

	CHECK(cs_json_check_tokens(action->text.data, action->text.length) == NULL);
	(void) snprintf(life->scopes[place], sizeof(life->scopes[0]), "%s",
					action->scope);
	(void) snprintf(life->positions[place], sizeof(life->positions[0]), "%.*s",
					(int) action->text.length, action->text.data);
}

static void
note_action(Life *life, const CsAction *action)
{
	check_text(action->text);
	switch (action->kind)
	{
		case CS_ACTION_OPEN_LINK:
		case CS_ACTION_CLOSE_LINK:
		case CS_ACTION_RESET_LINK:
			note_link(life, action);
			break;
		case CS_ACTION_SEND:
			note_sent(life, action);
			break;
		case CS_ACTION_REQUEST:
			note_request(life, action->request);
			break;
		case CS_ACTION_CURSOR:
			note_cursor(life, action);
			break;
		case CS_ACTION_SUBSCRIPTION_STATE:
		case CS_ACTION_WATCH_STATE:
			CHECK(action->state <= CS_STATE_FAILED);
			break;
	}
	if (life->see_action != NULL)
		life->see_action(life, action);
}

/*
 * Nobody gets transactions that he did not ask for.  A trace is a matter of
 * all of its accounts, and its row names but the first; so do some events.  What
 * was announced is withdrawn even if nobody watches any more.
 */
static void
check_watched(const Life *life, const CsRecord *record)
{
	const CsTopic *topic = cs_provider_topic(life->provider, record->topic);

	if (record->table == CS_TABLE_TRANSACTIONS && topic->watched &&
		record->status != CS_STATUS_REMOVED &&
		strcmp(topic->name, "trace") != 0 && !life->session->everything &&
		record->account.data != NULL)
		CHECK(cs_session_watches(life->session, record->account));
}

/* Do it, and check the rows that came out. */
static void
settle(Life *life, CsText message)
{
	CHECK(cs_output_record_count(life->output) <= ROWS_MAX(message.length));
	for (size_t i = 0; i < cs_output_record_count(life->output); i++)
	{
		const CsRecord *record = &cs_output_records(life->output)[i];

		check_record(life->provider, record, message);
		check_watched(life, record);
		if (life->see_record != NULL)
			life->see_record(record, message);
	}
	for (size_t i = 0; i < cs_output_action_count(life->output); i++)
		note_action(life, &cs_output_actions(life->output)[i]);
	cs_output_reset(life->output);
}

void
life_act(Life *life)
{
	settle(life, CS_NO_TEXT);
}

/* ---------- what happens ---------- */

void
life_sync(Life *life)
{
	cs_session_sync(life->session, life->now_ms, life->output);
	life_act(life);
}

void
life_open(Life *life, int link, const char *url)
{
	CsHandshake handshake;

	if (life->leaving[link])
		life_close(life, link, &(CsClosure) {.was_open = true, .reason = ""});
	if (!life->wanted[link] || life->open[link])
		return;
	CHECK(cs_session_handshake(life->session, link, url, &handshake,
							   life->output));
	check_fields(handshake.fields, handshake.field_count);
	CHECK(handshake.url != NULL && strncmp(handshake.url, url, 8) == 0);
	CHECK(handshake.body == NULL ||
		  cs_json_check_tokens(handshake.body, strlen(handshake.body)) == NULL);
	life->open[link] = true;
	cs_session_opened(life->session, link, life->now_ms, life->output);
	life_act(life);
}

void
life_open_all(Life *life, const char *url)
{
	for (int link = 0; link < life->links; link++)
		life_open(life, link, url);
}

void
life_close(Life *life, int link, const CsClosure *closure)
{
	CsClosure	own = *closure;

	own.was_open = life->open[link];
	if (!life->wanted[link] && !life->leaving[link])
		return;
	life->open[link] = life->leaving[link] = false;
	cs_session_closed(life->session, link, &own, life->now_ms, life->output);
	life_act(life);
}

/* What was refused has left nothing behind. */
static bool
settle_input(Life *life, bool understood, const CsError *error, CsText text)
{
	if (!understood)
	{
		check_error(error);
		CHECK(cs_output_record_count(life->output) == 0);
		CHECK(cs_output_action_count(life->output) == 0);
	}
	settle(life, text);
	return understood;
}

bool
life_receive(Life *life, int link, const char *text, size_t length)
{
	CsMessage	message = {.data = text, .length = length,
						   .received_at = RECEIVED_AT};
	CsError		error = {0};
	bool		understood = cs_session_message(life->session, link, &message,
												life->now_ms, life->output,
												&error);

	return settle_input(life, understood, &error, (CsText) {text, length});
}

bool
life_answer(Life *life, uint32_t number, int status, const char *text,
			size_t length)
{
	CsResponse	response = {.status = status, .reason = "no answer",
							.data = text, .length = length,
							.retry_after_s = status == 429 ? 3 : 0,
							.received_at = RECEIVED_AT};
	CsError		error = {0};
	bool		understood;

	if (life->provider->response == NULL)
		return true;
	response.id = number;
	if (life->request_count > 0)
	{
		number %= (uint32_t) life->request_count;
		response.id = life->requests[number];
		life->requests[number] = life->requests[--life->request_count];
	}
	understood = cs_session_response(life->session, &response, life->now_ms,
									 life->output, &error);
	return settle_input(life, understood, &error, (CsText) {text, length});
}

void
life_pass(Life *life, int64_t ms)
{
	int64_t		until = life->now_ms + ms;
	int			ticks = 0;

	for (int link = 0; link < life->links; link++)
	{
		if (life->leaving[link])
			life_close(life, link, &(CsClosure) {.reason = ""});
	}
	while (cs_session_next_tick(life->session) <= until)
	{
		int64_t		next = cs_session_next_tick(life->session);

		CHECK(++ticks < 10000);
		if (life->now_ms < next)
			life->now_ms = next;
		cs_session_tick(life->session, life->now_ms, life->output);
		life_act(life);
	}
	life->now_ms = until;
}

/* ---------- messages for this session ---------- */

/* The value of a member of this name, as it is written; "" if there is none. */
static const char *
find_value(const char *text, const char *name, size_t *length)
{
	const char *at = strstr(text, name);

	*length = 0;
	if (at == NULL)
		return NULL;
	at += strlen(name);
	*length = at[0] == '"' ? 1 + strcspn(at + 1, "\"") + 1 :
		strcspn(at, ",}] \n");
	return at;
}

/* The last request about the topic of this message, or any. */
static const char *
find_request(const Life *life, const char *text)
{
	uint32_t	count = life->asked_count < LIFE_ASKED ? life->asked_count :
		LIFE_ASKED;
	size_t		length;
	const char *value = find_value(text, "\"topic\":", &length);
	char		topic[80];

	(void) snprintf(topic, sizeof(topic), "%.*s", (int) length,
					value == NULL ? "" : value);
	for (uint32_t i = 0; value != NULL && i < count; i++)
	{
		const char *asked =
			life->asked[(life->asked_count - 1 - i) % LIFE_ASKED];

		if (strstr(asked, topic) != NULL)
			return asked;
	}
	return count == 0 ? "" :
		life->asked[(life->asked_count + strlen(text)) % count];
}

char *
life_address(const Life *life, const char *text, size_t *length)
{
	static const char *const names[] = {"\"subscription_id\":", "\"id\":"};
	const char *request = find_request(life, text);
	char	   *result;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		size_t		old_length;
		size_t		new_length;
		const char *old_value = find_value(text, names[i], &old_length);
		const char *new_value = find_value(request, names[i], &new_length);
		size_t		before;

		if (old_value == NULL || new_value == NULL)
			continue;
		before = (size_t) (old_value - text);
		if (before + old_length > *length)
			continue;
		result = malloc(*length - old_length + new_length + 1);
		CHECK(result != NULL);
		memcpy(result, text, before);
		memcpy(result + before, new_value, new_length);
		memcpy(result + before + new_length, old_value + old_length,
			   *length - before - old_length + 1);
		*length += new_length - old_length;
		return result;
	}
	result = malloc(*length + 1);
	CHECK(result != NULL);
	memcpy(result, text, *length + 1);
	return result;
}
