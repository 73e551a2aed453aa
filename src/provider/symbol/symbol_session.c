/*-------------------------------------------------------------------------
 *
 * symbol_session.c
 *	  The link to a Symbol gateway: its uid, and what its messages are about.
 *
 * A gateway begins with a uid that every request has to carry.  On any other
 * path than /ws it is connected just as well, and silent for ever: so the uid
 * is waited for, and its absence is the sign of a wrong path.
 *
 * Messages are understood without all that, for inject().
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/hex.h"
#include "provider/output.h"
#include "provider/symbol/symbol.h"

#define LINK				0

#define PING_INTERVAL_MS	30000
#define PONG_TIMEOUT_MS		10000

/* Without a uid for so long, there will be none. */
#define UID_MS				10000

static const char no_uid[] =
	"no uid came within 10 s: the path of a gateway's URL must be exactly /ws,"
	" and on any other it is silent";

/* ---------- the wish ---------- */

static void
take_subscription(SymbolTopic *topic, const CsSubscription *subscription)
{
	int64_t		id = subscription ? subscription->id : 0;

	if (topic->subscription_id == id)
		return;
	topic->subscription_id = id;
	topic->told = false;

	/* Who subscribes again wants it tried again. */
	topic->refused = false;
}

void
cs_symbol_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	SymbolSession *symbol = (SymbolSession *) session;
	bool		wanted = session->subscription_count > 0;

	for (int id = 0; session->subscriptions_changed &&
		 id < SYMBOL_TOPICS; id++)
		take_subscription(&symbol->topics[id],
						  cs_session_subscription(session,
												  &session->provider->topics[id]));
	session->subscriptions_changed = false;
	if (wanted != symbol->link_wanted)
	{
		symbol->link_wanted = wanted;
		cs_output_link(output, wanted ? CS_ACTION_OPEN_LINK :
					   CS_ACTION_CLOSE_LINK, LINK, NULL);
	}
	cs_symbol_step(symbol, now_ms, output);
}

/* ---------- life of the session and its link ---------- */

bool
cs_symbol_start(CsSession *session, CsError *error)
{
	SymbolSession *symbol = (SymbolSession *) session;

	cs_symbol_configure(symbol);
	symbol->uid_due = symbol->more_at = symbol->probe_at = INT64_MAX;
	symbol->limit = SIZE_MAX;
	symbol->window = SIZE_MAX;
	symbol->ledger = cs_ledger_create();
	if (symbol->ledger != NULL)
		return true;
	cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
	return false;
}

void
cs_symbol_stop(CsSession *session)
{
	SymbolSession *symbol = (SymbolSession *) session;

	cs_ledger_free(symbol->ledger);
	cs_json_writer_free(&symbol->writer);
	free(symbol->requests);
	free(symbol->announcements);
}

/* What is no position any more is none: it was written by anybody. */
void
cs_symbol_restore(CsSession *session, const char *scope, const char *position)
{
	SymbolSession *symbol = (SymbolSession *) session;
	struct json_object *object = cs_json_parse_once(position, strlen(position),
													NULL);
	CsText		text = cs_json_member_string(object, "hash");
	int64_t		height = 0;
	int64_t		final_height = 0;
	uint8_t		hash[32] = {0};

	if (!cs_json_integer(object, "height", &height, NULL) ||
		height > CS_SYMBOL_HEIGHT_MAX || text.length != 64 ||
		!cs_hex_decode(text.data, 64, hash))
		height = 0;
	if (!cs_json_integer(object, "finalized", &final_height, NULL) ||
		final_height > CS_SYMBOL_HEIGHT_MAX)
		final_height = 0;
	if (*scope == '\0' && height >= 0 && final_height >= 0)
		cs_ledger_restore(symbol->ledger, height, hash, final_height);
	json_object_put(object);
}

/* The URL, with /ws if it has no path. */
static const char *
complete_url(const char *url, CsOutput *output)
{
	static const char path[] = "/ws";
	const char *authority = strstr(url, "://");
	size_t		length;
	char	   *result;

	authority = authority != NULL ? authority + 3 : url;
	length = (size_t) (authority - url) + strcspn(authority, "/?#");
	if (strcmp(url + length, "") != 0 && strcmp(url + length, "/") != 0)
		return cs_output_string(output, url).data;
	result = cs_output_alloc(output, length + sizeof(path));
	if (result == NULL)
		return NULL;
	memcpy(result, url, length);
	memcpy(result + length, path, sizeof(path));
	return result;
}

/* A gateway pings nobody, and proxies drop who is silent. */
bool
cs_symbol_handshake(CsSession *session, int link, const char *url,
					CsHandshake *handshake, CsOutput *output)
{
	(void) link;
	handshake->url = complete_url(url, output);
	handshake->ping_interval_ms = PING_INTERVAL_MS;
	handshake->pong_timeout_ms = PONG_TIMEOUT_MS;
	return handshake->url != NULL && cs_session_bearer(session, handshake, output) &&
		cs_session_headers(session, handshake, output);
}

void
cs_symbol_opened(CsSession *session, int link, int64_t now_ms,
				 CsOutput *output)
{
	SymbolSession *symbol = (SymbolSession *) session;

	(void) link;
	symbol->link_open = true;
	symbol->uid[0] = '\0';
	symbol->uid_due = now_ms + UID_MS;
	cs_symbol_begin(symbol);
	cs_symbol_step(symbol, now_ms, output);
}

void
cs_symbol_closed(CsSession *session, int link, const CsClosure *closure,
				 int64_t now_ms, CsOutput *output)
{
	SymbolSession *symbol = (SymbolSession *) session;

	(void) link;
	if (closure->was_open)
		cs_symbol_lost(symbol, closure, now_ms);
	symbol->link_open = false;
	symbol->uid[0] = '\0';
	symbol->uid_due = INT64_MAX;
	cs_ledger_lost(symbol->ledger);
	cs_symbol_begin(symbol);

	/* What was told is not so any more. */
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		symbol->topics[id].told = false;
		if (symbol->uid_missed && closure->was_open)
			cs_symbol_tell(&symbol->topics[id], CS_STATE_ERROR, no_uid,
						   output);
	}
	if (!symbol->uid_missed)
		cs_symbol_step(symbol, now_ms, output);
	symbol->uid_missed = false;
}

void
cs_symbol_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	SymbolSession *symbol = (SymbolSession *) session;

	if (symbol->uid_due <= now_ms)
	{
		symbol->uid_due = INT64_MAX;
		symbol->uid_missed = true;
		for (int id = 0; id < SYMBOL_TOPICS; id++)
			cs_symbol_tell(&symbol->topics[id], CS_STATE_ERROR, no_uid,
						   output);
		cs_output_link(output, CS_ACTION_RESET_LINK, LINK, no_uid);
	}
	cs_ledger_tick(symbol, now_ms, output);
	if (!symbol->uid_missed)
		cs_symbol_step(symbol, now_ms, output);
}

int64_t
cs_symbol_next_tick(const CsSession *session)
{
	const SymbolSession *symbol = (const SymbolSession *) session;
	int64_t		next = cs_symbol_next_step(symbol);
	int64_t		other = cs_ledger_next_tick(symbol->ledger);

	if (symbol->uid_due < next)
		next = symbol->uid_due;
	return other < next ? other : next;
}

/* ---------- messages ---------- */

static int
find_topic(const SymbolSession *symbol, const char *name, size_t length)
{
	const CsTopic *topics = symbol->base.provider->topics;

	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (strlen(topics[id].name) == length &&
			memcmp(topics[id].name, name, length) == 0)
			return id;
	}
	return -1;
}

static bool
take_uid(SymbolSession *symbol, CsText uid, int64_t now_ms, CsOutput *output,
		 CsError *error)
{
	if (uid.length == 0 || uid.length > SYMBOL_UID_MAX ||
		memchr(uid.data, '\0', uid.length) != NULL)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"uid\" is empty or too long");
		return false;
	}
	if (!symbol->link_open || symbol->uid[0] != '\0')
		return true;
	memcpy(symbol->uid, uid.data, uid.length);
	symbol->uid[uid.length] = '\0';
	symbol->uid_due = INT64_MAX;
	symbol->uid_missed = false;
	cs_symbol_step(symbol, now_ms, output);
	return true;
}

/* A notification; *topic* is its channel. */
static bool
take_notification(SymbolSession *symbol, struct json_object *object,
				  CsText topic, const CsMessage *message, int64_t now_ms,
				  CsOutput *output, CsError *error)
{
	const char *slash = memchr(topic.data, '/', topic.length);
	size_t		length = slash ? (size_t) (slash - topic.data) : topic.length;
	struct json_object *data = cs_json_object(object, "data");
	CsText		address = CS_NO_TEXT;
	int			id = find_topic(symbol, topic.data, length);

	if (slash != NULL)
		address = (CsText) {slash + 1, topic.length - length - 1};
	if (id < 0)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized topic \"%.60s\"", topic.data);
		return false;
	}
	if (data == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"data\" is missing or not an object");
		return false;
	}

	/* What is still on its way after an unsubscribe is of no use. */
	if (symbol->topics[id].subscription_id == 0)
		return true;
	if (!cs_symbol_records(symbol, (SymbolTopicId) id, address, data, message,
						   now_ms, output, error))
		return false;
	if (symbol->link_open && symbol->request_count > 0)
	{
		cs_symbol_delivered(symbol, (SymbolTopicId) id, address, output);
		cs_symbol_step(symbol, now_ms, output);
	}
	return true;
}

/* An object as REST answers have it, for inject(): which topic would tell it? */
static int
find_shape(struct json_object *object)
{
	struct json_object *meta = cs_json_object(object, "meta");
	int64_t		height;

	if (meta == NULL)
		return -1;
	if (cs_json_object(object, "block") != NULL)
		return SYMBOL_BLOCK;
	if (cs_json_object(object, "transaction") == NULL)
		return -1;
	return cs_json_integer(meta, "height", &height, NULL) && height == 0 ?
		SYMBOL_UNCONFIRMED_ADDED : SYMBOL_CONFIRMED_ADDED;
}

static bool
take_object(SymbolSession *symbol, struct json_object *object,
			const CsMessage *message, int64_t now_ms, CsOutput *output,
			CsError *error)
{
	struct json_object *uid = cs_json_member(object, "uid");
	CsText		topic = CS_NO_TEXT;
	int			shape;

	if (cs_json_member(object, "topic") != NULL)
		return cs_json_text(object, "topic", &topic, error) &&
			take_notification(symbol, object, topic, message, now_ms, output,
							  error);
	if (json_object_is_type(uid, json_type_string))
		return take_uid(symbol, cs_json_string(uid), now_ms, output, error);
	shape = find_shape(object);
	if (shape < 0)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message has neither \"topic\" nor \"uid\"");
		return false;
	}
	if (symbol->topics[shape].subscription_id == 0)
		return true;
	return cs_symbol_records(symbol, (SymbolTopicId) shape, CS_NO_TEXT, object,
							 message, now_ms, output, error);
}

bool
cs_symbol_message(CsSession *session, int link, const CsMessage *message,
				  int64_t now_ms, CsOutput *output, CsError *error)
{
	SymbolSession *symbol = (SymbolSession *) session;
	struct json_object *object;
	bool		valid;

	(void) link;
	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	valid = take_object(symbol, object, message, now_ms, output, error);
	json_object_put(object);
	return valid;
}
