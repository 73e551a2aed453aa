/*-------------------------------------------------------------------------
 *
 * tonapi_session.c
 *	  The life of a TonAPI session and of its links, and what is told of its
 *	  subscriptions.
 *
 * What is said on a link is in tonapi_socket.c, for WebSockets, and
 * tonapi_sse.c; how addresses are spread over them in tonapi_watch.c.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/utf8.h"
#include "provider/output.h"
#include "provider/tonapi/tonapi.h"

#define DEFAULT_CONNECTIONS 10
#define DEFAULT_ACCOUNTS 1000
#define DEFAULT_RATE 10			/* per second; with a token */

static const char waiting[] = "waiting for a watched address";
static const char no_everything[] =
	"'*' cannot be had over a WebSocket: use transport sse, or watch addresses";
static const char no_details[] =
	"the server refuses to tell the details of transactions:"
	" is the token valid?";
static const char incomplete[] =
	"some transactions stay without details: more came than could be asked for";

/* ---------- what is wanted ---------- */

bool
cs_tonapi_wanted(const TonapiSession *tonapi, TonapiTopicId topic)
{
	return tonapi->topics[topic].subscription_id != 0 &&
		tonapi->topics[topic].refusal[0] == '\0';
}

bool
cs_tonapi_any_addressed(const TonapiSession *tonapi)
{
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
	{
		if (cs_tonapi_wanted(tonapi, (TonapiTopicId) id))
			return true;
	}
	return false;
}

void
cs_tonapi_words(char words[TONAPI_WORDS_MAX], const char *text)
{
	size_t		length = strlen(text);

	if (length > TONAPI_WORDS_MAX - 1)
		length = cs_utf8_clip(text, TONAPI_WORDS_MAX - 1);
	memcpy(words, text, length);
	words[length] = '\0';
}

/* ---------- states ---------- */

static void
tell(TonapiTopic *topic, CsState state, const char *detail, CsOutput *output)
{
	char		words[TONAPI_WORDS_MAX];

	cs_tonapi_words(words, detail ? detail : "");
	if (topic->told && topic->state == state &&
		strcmp(topic->detail, words) == 0)
		return;
	topic->told = true;
	topic->state = state;
	memcpy(topic->detail, words, sizeof(words));
	cs_output_subscription_state(output, topic->subscription_id, state,
								 words[0] != '\0' ? words : NULL);
}

void
cs_tonapi_tell_topic(TonapiSession *tonapi, TonapiTopicId id, CsOutput *output)
{
	TonapiTopic *topic = &tonapi->topics[id];
	bool		addressed = id < TONAPI_ADDRESSED;
	bool		named = tonapi->base.address_count > 0;

	if (topic->subscription_id == 0)
		return;
	if (topic->refusal[0] != '\0')
		tell(topic, CS_STATE_ERROR, topic->refusal, output);
	else if (addressed && !named && !tonapi->base.everything)
		tell(topic, CS_STATE_IDLE, waiting, output);
	else if (!tonapi->streams && addressed && !named && id != TONAPI_MEMPOOL)
		tell(topic, CS_STATE_ERROR, no_everything, output);
	else if (tonapi->streams ? cs_tonapi_sse_delivers(tonapi, id) :
			 cs_tonapi_socket_delivers(tonapi, id))
		tell(topic, CS_STATE_ACTIVE, id != TONAPI_TRANSACTION ? NULL :
			 tonapi->enrich_refused != 0 ? no_details :
			 tonapi->left_out > 0 ? incomplete : NULL, output);
	else
		tell(topic, topic->hopeless ? CS_STATE_ERROR : CS_STATE_PENDING,
			 topic->trouble, output);
}

/* ---------- what is due ---------- */

/* Is there a share that somebody is in? */
static bool
any_share(const TonapiSession *tonapi)
{
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		if (tonapi->shares[i].count > 0)
			return true;
	}
	return false;
}

/*
 * Do addresses need shares?  Not if everything is taken, but those they have
 * are left only when it is.
 */
static void
choose_mode(TonapiSession *tonapi)
{
	bool		everywhere = cs_tonapi_wants_all(tonapi);

	if (everywhere == tonapi->everywhere ||
		(everywhere && any_share(tonapi) && !cs_tonapi_takes_all(tonapi)))
		return;
	tonapi->everywhere = everywhere;
	cs_tonapi_review(tonapi);
}

/* Everything that may be due. */
static void
step(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	choose_mode(tonapi);
	cs_tonapi_watch_step(tonapi, now_ms, output);
	if (tonapi->streams)
		cs_tonapi_sse_step(tonapi, now_ms, output);
	else
		cs_tonapi_socket_step(tonapi, now_ms, output);
	if (tonapi->enrich)
		cs_tonapi_enrich_step(tonapi, now_ms, output);
	for (int id = 0; id < TONAPI_TOPICS; id++)
		cs_tonapi_tell_topic(tonapi, (TonapiTopicId) id, output);
}

/* ---------- the wish ---------- */

/* The elements of "operations" with commas between; NULL: none, no memory. */
static char *
join_operations(struct json_object *list)
{
	size_t		count = list ? json_object_array_length(list) : 0;
	size_t		size = 1;
	char	   *text;
	char	   *at;

	if (count == 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		size += cs_json_string(json_object_array_get_idx(list, i)).length + 1;
	text = at = malloc(size);
	for (size_t i = 0; text != NULL && i < count; i++)
	{
		CsText		operation =
			cs_json_string(json_object_array_get_idx(list, i));

		if (i > 0)
			*at++ = ',';
		memcpy(at, operation.data, operation.length);
		at += operation.length;
		*at = '\0';
	}
	return text;
}

static const char *
read_workchain(struct json_object *arguments)
{
	struct json_object *value = cs_json_member(arguments, "workchain");

	if (value == NULL)
		return NULL;
	return json_object_get_int64(value) < 0 ? "-1" : "0";
}

/* The operations have changed: who was subscribed with others must be anew. */
static void
restate_transactions(TonapiSession *tonapi)
{
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
		tonapi->shares[i].version++;
	cs_tonapi_socket_restate(tonapi);
}

static void
take_arguments(TonapiSession *tonapi, TonapiTopicId id, const char *arguments,
			   CsOutput *output)
{
	TonapiTopic *topic = &tonapi->topics[id];
	struct json_object *object = cs_json_parse_once(arguments,
													strlen(arguments), NULL);
	struct json_object *list = cs_json_array(object, "operations");
	char	   *copy = strdup(arguments);
	char	   *operations = join_operations(list);

	if (object == NULL || copy == NULL ||
		(operations == NULL && list != NULL &&
		 json_object_array_length(list) > 0))
	{
		json_object_put(object);
		free(copy);
		free(operations);
		cs_output_fail(output);
		return;
	}
	free(topic->arguments);
	free(topic->operations);
	topic->arguments = copy;
	topic->operations = operations;
	topic->workchain = read_workchain(object);
	topic->generation++;
	json_object_put(object);
	if (id == TONAPI_TRANSACTION)
		restate_transactions(tonapi);
}

/* Take over a subscription, or its absence. */
static void
take_subscription(TonapiSession *tonapi, TonapiTopicId id, CsOutput *output)
{
	TonapiTopic *topic = &tonapi->topics[id];
	const CsSession *session = &tonapi->base;
	const CsSubscription *subscription =
		cs_session_subscription(session, &session->provider->topics[id]);
	const char *arguments = subscription ? subscription->arguments : "{}";

	if (topic->subscription_id != (subscription ? subscription->id : 0))
	{
		topic->subscription_id = subscription ? subscription->id : 0;
		topic->told = false;
		topic->refusal[0] = '\0';
	}
	if (topic->arguments == NULL || strcmp(topic->arguments, arguments) != 0)
	{
		take_arguments(tonapi, id, arguments, output);
		topic->refusal[0] = '\0';
	}
}

void
cs_tonapi_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	if (session->subscriptions_changed)
	{
		session->subscriptions_changed = false;
		for (int id = 0; id < TONAPI_TOPICS; id++)
			take_subscription(tonapi, (TonapiTopicId) id, output);
		for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
			tonapi->shares[i].socket.dirty = true;
		cs_tonapi_rearrange(tonapi);
		cs_tonapi_review(tonapi);
	}
	step(tonapi, now_ms, output);
}

/* ---------- life of the session and its links ---------- */

static int
get_option(const CsSession *session, const char *name, int otherwise)
{
	struct json_object *value = cs_json_member(session->options, name);

	return value != NULL ? json_object_get_int(value) : otherwise;
}

static bool
is_option(const CsSession *session, const char *name, const char *word)
{
	CsText		text = cs_json_member_string(session->options, name);

	return text.data != NULL && strcmp(text.data, word) == 0;
}

bool
cs_tonapi_start(CsSession *session, CsError *error)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	tonapi->streams = strcmp(session->transport->name, "sse") == 0;
	tonapi->all_strategy = is_option(session, "strategy", "all");
	tonapi->token_in_query = is_option(session, "token_in", "query");
	tonapi->max_connections = get_option(session, "max_connections",
										 DEFAULT_CONNECTIONS);
	tonapi->accounts_per_connection = get_option(session,
												 "accounts_per_connection",
												 DEFAULT_ACCOUNTS);
	tonapi->enrich = cs_json_boolean(session->options, "enrich", false);
	tonapi->enrich_interval_ms = 1000 /
		get_option(session, "enrich_per_second",
				   session->token ? DEFAULT_RATE : 1);
	tonapi->limit = SIZE_MAX;
	tonapi->more_at = INT64_MAX;
	tonapi->enrich_at = INT64_MIN;
	cs_tonapi_sse_start(&tonapi->block_lane);
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
		cs_tonapi_sse_start(&tonapi->all_lanes[id]);
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		TonapiShare *share = &tonapi->shares[i];

		share->limit = SIZE_MAX;
		share->socket.overdue_at = INT64_MAX;
		for (int id = 0; id < TONAPI_ADDRESSED; id++)
			cs_tonapi_sse_start(&share->lanes[id]);
	}
	if (!tonapi->all_strategy || tonapi->streams)
		return true;
	cs_error_set(error, CS_ERROR_UNSUPPORTED,
				 "Over a WebSocket the server sends nothing but what is asked for.",
				 "Use transport \"sse\", or leave the option out.",
				 "option \"strategy\" cannot be \"all\" with transport \"%s\"",
				 session->transport->name);
	return false;
}

void
cs_tonapi_stop(CsSession *session)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	for (int id = 0; id < TONAPI_TOPICS; id++)
	{
		free(tonapi->topics[id].arguments);
		free(tonapi->topics[id].operations);
	}
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
		cs_watchset_free(tonapi->shares[i].accounts);
	cs_json_writer_free(&tonapi->writer);
	free(tonapi->base_url);
	free(tonapi->jobs);
}

void
cs_tonapi_opened(CsSession *session, int link, int64_t now_ms,
				 CsOutput *output)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	if (tonapi->streams)
		cs_tonapi_sse_opened(tonapi, link, now_ms, output);
	else
	{
		cs_tonapi_socket_opened(tonapi, link);
		for (int id = 0; id < TONAPI_TOPICS; id++)
		{
			tonapi->topics[id].trouble[0] = '\0';
			tonapi->topics[id].hopeless = false;
		}
	}
	step(tonapi, now_ms, output);
}

/* How many links there are to be; how many are open. */
static int
count_links(const TonapiSession *tonapi, int *open)
{
	const TonapiLane *lane = &tonapi->block_lane;
	int			wanted = lane->link >= 0;

	*open = lane->open;
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
	{
		lane = &tonapi->all_lanes[id];
		wanted += lane->link >= 0;
		*open += lane->open;
	}
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		const TonapiShare *share = &tonapi->shares[i];

		wanted += share->socket.wanted;
		*open += share->socket.open;
		for (int id = 0; id < TONAPI_ADDRESSED; id++)
		{
			wanted += share->lanes[id].link >= 0;
			*open += share->lanes[id].open;
		}
	}
	return wanted;
}

/*
 * Without any link nothing is active any more, which the host knows; it has
 * forgotten the details as well.
 */
static void
note_lost(TonapiSession *tonapi)
{
	int			open;
	int			wanted = count_links(tonapi, &open);

	if (open > 0)
		return;
	if (wanted <= 1)
		cs_tonapi_watch_lost(tonapi);
	for (int id = 0; id < TONAPI_TOPICS; id++)
	{
		tonapi->topics[id].state = CS_STATE_PENDING;
		tonapi->topics[id].detail[0] = '\0';
	}
}

void
cs_tonapi_trouble(TonapiTopic *topic, const CsClosure *closure)
{
	int			status = closure->http_status;

	if (closure->was_open)
		return;
	cs_tonapi_words(topic->trouble, closure->reason);
	topic->hopeless = status == 400 || status == 401 || status == 403 ||
		status == 404;
}

void
cs_tonapi_closed(CsSession *session, int link, const CsClosure *closure,
				 int64_t now_ms, CsOutput *output)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	if (tonapi->streams)
		cs_tonapi_sse_closed(tonapi, link, closure, output);
	else
	{
		cs_tonapi_socket_closed(tonapi, link);
		for (int id = 0; id < TONAPI_TOPICS; id++)
			cs_tonapi_trouble(&tonapi->topics[id], closure);
	}
	note_lost(tonapi);
	step(tonapi, now_ms, output);
}

void
cs_tonapi_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	cs_tonapi_socket_tick(tonapi, now_ms, output);
	step(tonapi, now_ms, output);
}

int64_t
cs_tonapi_next_tick(const CsSession *session)
{
	const TonapiSession *tonapi = (const TonapiSession *) session;
	int64_t		next = tonapi->more_at;
	int64_t		others[] = {
		cs_tonapi_socket_next_tick(tonapi),
		cs_tonapi_sse_next_tick(tonapi),
		tonapi->enrich ? cs_tonapi_enrich_next_tick(tonapi) : INT64_MAX
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		if (others[i] < next)
			next = others[i];
	}
	return next;
}

/* ---------- messages ---------- */

/* The topic of this name; TONAPI_TOPICS: there is none. */
static TonapiTopicId
find_topic(const TonapiSession *tonapi, CsText name)
{
	const CsTopic *topics = tonapi->base.provider->topics;
	int			id = 0;

	while (id < TONAPI_TOPICS &&
		   (strlen(topics[id].name) != name.length ||
			memcmp(topics[id].name, name.data, name.length) != 0))
		id++;
	return (TonapiTopicId) id;
}

/* A notification with its envelope, or, of a stream, without. */
static bool
take_notification(TonapiSession *tonapi, struct json_object *object,
				  const CsMessage *message, int64_t now_ms, CsOutput *output,
				  CsError *error)
{
	CsText		method = cs_json_member_string(object, "method");
	struct json_object *params = object;
	TonapiTopicId topic = TONAPI_TOPICS;
	uint64_t	left_out = tonapi->left_out;

	if (method.data != NULL)
	{
		topic = find_topic(tonapi, method);
		params = cs_json_object(object, "params");
		if (topic == TONAPI_TOPICS || params == NULL)
		{
			cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
						 params ? "unrecognized method \"%.60s\"" :
						 "a message of method \"%.60s\" has no parameters",
						 method.data);
			return false;
		}
	}
	if (!cs_tonapi_records(tonapi, topic, params, message, now_ms, output,
						   error))
		return false;
	if (tonapi->enrich)
		cs_tonapi_enrich_step(tonapi, now_ms, output);
	if (tonapi->left_out != left_out)
		cs_tonapi_tell_topic(tonapi, TONAPI_TRANSACTION, output);
	return true;
}

bool
cs_tonapi_message(CsSession *session, int link, const CsMessage *message,
				  int64_t now_ms, CsOutput *output, CsError *error)
{
	TonapiSession *tonapi = (TonapiSession *) session;
	struct json_object *object;
	bool		valid;

	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	if (cs_json_member(object, "result") == NULL)
		valid = take_notification(tonapi, object, message, now_ms, output,
								  error);
	else
	{
		valid = cs_tonapi_socket_reply(tonapi, link, object, error);
		if (valid)
			step(tonapi, now_ms, output);
	}
	json_object_put(object);
	return valid;
}
