/*-------------------------------------------------------------------------
 *
 * toncenter_reply.c
 *	  What TON Center answers, and what it refuses.
 *
 * Everything it says in words is prose for people.  Four sentences are
 * understood: a bad address, a bad type, too many addresses, too many
 * connections.  What else goes wrong is shown as it stands.  A request that is
 * refused changes nothing at the server, and is not repeated until there is
 * something to change.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

/* Changes are collected for so long before a stream is opened anew. */
#define RENEW_MS			1000

#define CONNECTION_LIMIT	"connection limit reached"

/* Longest reason of a failure that is looked at, with its NUL. */
#define REASON_MAX			512

/* ---------- what the server refuses ---------- */

/*
 * What follows some words in a text, to its end or that of the JSON string it
 * is in; absent if the words are not there.
 */
static CsText
text_after(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	if (at == NULL)
		return CS_NO_TEXT;
	at += strlen(words);
	return (CsText) {at, strcspn(at, "\"")};
}

/* The most addresses that the server takes, if that is what it says. */
static bool
read_limit(const char *words, const ToncenterLink *link, size_t *limit)
{
	CsText		text = text_after(words, "max ");
	size_t		digits = text.data ? strspn(text.data, "0123456789") : 0;
	int64_t		number;

	if ((strstr(words, "address limit exceeded") == NULL &&
		 strstr(words, "too many addresses") == NULL) ||
		!cs_decimal_to_int64(text.data, digits, &number) ||
		(uint64_t) number >= link->addresses.count)
		return false;
	*limit = (size_t) number;
	return true;
}

/* Is it a type that the server does not know?  Then that of a topic of ours. */
static bool
refuse_topic(ToncenterSession *ton, const char *words)
{
	CsText		name = text_after(words, "invalid event type: ");

	for (int id = 0; id < TONCENTER_TOPICS && name.data != NULL; id++)
	{
		const char *own = ton->base.provider->topics[id].name;

		if (strlen(own) != name.length ||
			memcmp(own, name.data, name.length) != 0)
			continue;
		ton->topics[id].refused = true;
		cs_toncenter_copy_words(ton->topics[id].words, words, strlen(words));
		return true;
	}
	return false;
}

/* Show what is wrong with a connection, and with what it was to carry. */
static void
set_trouble(ToncenterLink *link, CsState state, const char *words)
{
	cs_toncenter_copy_words(link->words, words, strlen(words));
	link->trouble = state;
	link->addresses.trouble = state;
	memcpy(link->addresses.words, link->words, sizeof(link->words));
}

/*
 * A subscription was refused, in these words.  What can be put right is; else
 * the trouble is told, and what was to be new is in it.
 */
static void
take_refusal(ToncenterSession *ton, ToncenterLink *link, const char *words,
			 CsOutput *output)
{
	CsText		address = text_after(words, "invalid address: ");
	size_t		limit;

	link->request = 0;
	if (address.data != NULL &&
		cs_toncenter_refuse_address(ton, link, address, words, output))
		return;
	if (read_limit(words, link, &limit))
	{
		cs_toncenter_set_limit(ton, limit, words);
		return;
	}
	if (refuse_topic(ton, words))
	{
		link->asked = 0;
		return;
	}
	set_trouble(link, CS_STATE_ERROR, words);
	cs_toncenter_set_news(&link->addresses, TONCENTER_NEWS_TROUBLE);
	if (ton->events)
	{
		cs_output_link(output, CS_ACTION_CLOSE_LINK, link->host, NULL);
		link->wanted = false;
		link->given_up = true;
	}
	if (link->number != 0)
		return;
	ton->traces.trouble = CS_STATE_ERROR;
	memcpy(ton->traces.words, link->words, sizeof(link->words));
	cs_toncenter_set_news(&ton->traces, TONCENTER_NEWS_TROUBLE);
}

/*
 * The key has too many connections, or one that was lost still counts.  The
 * host tries again, ever more slowly.
 */
static void
take_connection_limit(ToncenterLink *link, const char *words, CsOutput *output)
{
	set_trouble(link, CS_STATE_OVER_LIMIT, words);
	if (link->number > 0)
		cs_toncenter_set_news(&link->addresses, TONCENTER_NEWS_TROUBLE);
	if (link->open)
		cs_output_link(output, CS_ACTION_RESET_LINK, link->host, link->words);
}

/*
 * A reason that ends with the answer's body, for people: what the body says
 * instead of its JSON.  One that does not stays as it is.
 */
static void
read_reason(const char *reason, char words[REASON_MAX])
{
	const char *body = strstr(reason, ": {");
	struct json_object *object = NULL;
	CsText		text;
	size_t		length = 0;
	CsError		error;

	if (body != NULL)
		object = cs_json_parse_once(body + 2, strlen(body + 2), &error);
	if (object != NULL &&
		(cs_json_text(object, "error", &text, &error) ||
		 cs_json_text(object, "result", &text, &error)))
	{
		length = (size_t) (body + 2 - reason);
		if (length > REASON_MAX / 2)
			length = 0;
		memcpy(words, reason, length);
	}
	else
		text = (CsText) {reason, strlen(reason)};
	if (text.length > REASON_MAX - 1 - length)
		text.length = REASON_MAX - 1 - length;
	memcpy(words + length, text.data, text.length);
	words[length + text.length] = '\0';
	json_object_put(object);
}

/* The server answered the handshake with an error. */
void
cs_toncenter_take_http_error(ToncenterSession *ton, ToncenterLink *link,
							 const CsClosure *closure, CsOutput *output)
{
	int			status = closure->http_status;
	char		words[REASON_MAX];

	read_reason(closure->reason, words);
	if (strstr(words, CONNECTION_LIMIT) != NULL && link->old_host >= 0)
		cs_toncenter_retire(ton, link, output); /* it makes room */
	else if (strstr(words, CONNECTION_LIMIT) != NULL)
		take_connection_limit(link, words, output);
	else if (status == 400 && ton->events)
		take_refusal(ton, link, words, output);
	else if (status == 429 || status == 408)
		set_trouble(link, CS_STATE_PENDING, words);
	else if (status >= 400 && status < 500)
		set_trouble(link, CS_STATE_ERROR, words);
	else
		link->words[0] = '\0';
}

/* ---------- messages ---------- */

/* Is a message the answer to the request that awaits one? */
static bool
answers(const ToncenterLink *link, struct json_object *object)
{
	CsText		id = cs_json_member_string(object, "id");
	size_t		length = sizeof(TONCENTER_REQUEST_ID) - 1;
	int64_t		number;

	if (link == NULL || link->request == 0)
		return false;
	if (id.data == NULL)
		return true;
	return id.length > length &&
		memcmp(id.data, TONCENTER_REQUEST_ID, length) == 0 &&
		cs_decimal_to_int64(id.data + length, id.length - length, &number) &&
		(uint64_t) number == link->request;
}

static void
acknowledge(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms)
{
	bool		addresses = (link->asked & TONCENTER_ADDRESS_BITS) != 0;
	bool		traces = (link->asked & TONCENTER_BIT(TONCENTER_TRACE)) != 0;

	link->request = 0;
	link->active = link->asked;
	link->words[0] = '\0';
	link->renew_at = now_ms + RENEW_MS;
	cs_toncenter_retire_soon(link, now_ms);
	cs_toncenter_set_news(&link->addresses, addresses ?
						  TONCENTER_NEWS_ACTIVE : TONCENTER_NEWS_PENDING);
	if (link->number == 0)
		cs_toncenter_set_news(&ton->traces, traces ? TONCENTER_NEWS_ACTIVE :
							  TONCENTER_NEWS_PENDING);
}

static bool
take_status(ToncenterSession *ton, ToncenterLink *link,
			struct json_object *object, int64_t now_ms, CsOutput *output,
			CsError *error)
{
	CsText		status = cs_json_member_string(object, "status");

	if (strcmp(status.data, "subscribed") == 0)
	{
		if (!answers(link, object))
			return true;
		acknowledge(ton, link, now_ms);
		cs_toncenter_step(ton, now_ms, output);
		return true;
	}
	if (strcmp(status.data, "unsubscribed") == 0 ||
		strcmp(status.data, "pong") == 0)
		return true;
	cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
				 "unrecognized status \"%.60s\"", status.data);
	return false;
}

static bool
take_error(ToncenterSession *ton, ToncenterLink *link,
		   struct json_object *object, int64_t now_ms, CsOutput *output,
		   CsError *error)
{
	CsText		words;

	if (!cs_json_text(object, "error", &words, error))
		return false;
	if (link == NULL || !link->wanted)
		return true;
	if (strstr(words.data, CONNECTION_LIMIT) != NULL)
		take_connection_limit(link, words.data, output);
	else if (answers(link, object))
		take_refusal(ton, link, words.data, output);
	else
		return true;
	cs_toncenter_step(ton, now_ms, output);
	return true;
}

bool
cs_toncenter_message(CsSession *session, int number, const CsMessage *message,
					 int64_t now_ms, CsOutput *output, CsError *error)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = cs_toncenter_link(ton, number);
	struct json_object *object;
	bool		answer;
	bool		valid;

	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	answer = cs_json_member(object, "type") == NULL;
	if (answer && cs_json_member_string(object, "status").data != NULL)
		valid = take_status(ton, link, object, now_ms, output, error);
	else if (answer && cs_json_member(object, "error") != NULL)
		valid = take_error(ton, link, object, now_ms, output, error);
	else
		valid = cs_toncenter_records(ton, number, object, message, now_ms,
									 output, error);
	json_object_put(object);
	return valid;
}
