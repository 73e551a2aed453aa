/*-------------------------------------------------------------------------
 *
 * nano_session.c
 *	  The conversation with a Nano node: links, requests, acknowledgements.
 *
 * A node never says no: a request it does not understand gets no answer.  So
 * every request carries an id and asks for an acknowledgement, and silence is
 * noticed.  Nor can a relay such as Nano.to be relied on to acknowledge: what
 * it delivers is as good.  A subscription that was silent is never given up.
 *
 * All topics but one are subscribed here; confirmations and the watch list
 * are in nano_watch.c.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/nano/nano.h"
#include "provider/output.h"

#define LINK				0

#define PING_INTERVAL_MS	30000
#define PONG_TIMEOUT_MS		10000

/* Without an answer for so long, a topic's state is an error. */
#define SILENT_MS			10000

/* Memory for requests that is kept for the next. */
#define WRITER_KEEP			((size_t) 256 * 1024)

const char	cs_nano_waiting[] = "waiting for a watched address";

static const char silent[] =
	"no answer for 10 s: a node does not answer to topics it does not know;"
	" still listening";

static const char request_prefix[] = "chainstream-";

/* ---------- states ---------- */

void
cs_nano_tell(NanoTopic *topic, CsState state, const char *detail,
			 CsOutput *output)
{
	if (topic->subscription_id == 0 ||
		(topic->told && topic->state == state && topic->detail == detail))
		return;
	topic->told = true;
	topic->state = state;
	topic->detail = detail;
	cs_output_subscription_state(output, topic->subscription_id, state,
								 detail);
}

void
cs_nano_requested(NanoTopic *topic, uint64_t request, bool first,
				  int64_t now_ms, CsOutput *output)
{
	bool		complained = topic->told && topic->detail == silent;

	/* Silence counts from the first request that was not answered. */
	if (topic->silent_at == INT64_MAX)
		topic->silent_at = now_ms + SILENT_MS;
	topic->requested = true;
	topic->stale = false;
	topic->answered = false;
	topic->request = request;
	topic->proof_at = first ? now_ms : now_ms + CS_NANO_SETTLE_MS;

	/* One that replaces another is live all the time. */
	if (!complained && !(topic->told && topic->state == CS_STATE_ACTIVE))
		cs_nano_tell(topic, CS_STATE_PENDING, NULL, output);
}

/* The node acknowledged a topic's last request, or as good as that. */
static void
note_answer(NanoTopic *topic, CsOutput *output)
{
	topic->answered = true;
	topic->silent_at = INT64_MAX;
	cs_nano_tell(topic, CS_STATE_ACTIVE, NULL, output);
}

/* Nothing has been asked of the node, as on a new connection. */
static void
forget_requests(NanoTopic *topic)
{
	topic->requested = topic->stale = topic->answered = false;
	topic->request = 0;
	topic->silent_at = INT64_MAX;
}

/* ---------- requests ---------- */

uint64_t
cs_nano_begin_request(NanoSession *nano, const char *action, NanoTopicId topic)
{
	CsJsonWriter *writer = &nano->writer;
	char		id[sizeof(request_prefix) + CS_DECIMAL64_DIGITS];

	nano->last_request++;
	memcpy(id, request_prefix, sizeof(request_prefix));
	(void) cs_int64_to_decimal((int64_t) nano->last_request,
							   id + sizeof(request_prefix) - 1);
	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	cs_json_key(writer, "action");
	cs_json_put_string(writer, action);
	cs_json_key(writer, "topic");
	cs_json_put_string(writer, nano->base.provider->topics[topic].name);
	cs_json_key(writer, "ack");
	cs_json_put_boolean(writer, true);
	cs_json_key(writer, "id");
	cs_json_put_string(writer, id);
	return nano->last_request;
}

void
cs_nano_send_request(NanoSession *nano, CsOutput *output)
{
	CsJsonWriter *writer = &nano->writer;

	cs_json_end(writer, '}');
	if (writer->failed)
		cs_output_fail(output);
	else
		cs_output_send(output, LINK, writer->data, writer->length);
	if (writer->capacity > WRITER_KEEP)
		cs_json_writer_free(writer);
}

/* Write the elements of "representatives" as the node prints them. */
static void
put_addresses(NanoSession *nano, struct json_object *list)
{
	cs_json_begin(&nano->writer, '[');
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		CsText		address = cs_json_string(json_object_array_get_idx(list, i));
		char		canonical[CS_TARGET_MAX];
		size_t		length;

		if (cs_nano_canonical(nano->base.network, address, canonical, &length,
							  NULL))
			cs_json_put_text(&nano->writer, canonical, length);
	}
	cs_json_end(&nano->writer, ']');
}

void
cs_nano_begin_options(NanoSession *nano, NanoTopicId id, bool filtered)
{
	CsJsonWriter *writer = &nano->writer;
	const char *text = nano->topics[id].arguments;
	struct json_object *arguments = cs_json_parse_once(text, strlen(text),
													   NULL);

	cs_json_key(writer, "options");
	cs_json_begin(writer, '{');
	if (arguments == NULL)
	{
		writer->failed = true;
		return;
	}
	if (id == NANO_CONFIRMATION)
	{
		cs_json_key(writer, "include_sideband_info");
		cs_json_put_boolean(writer, cs_json_boolean(arguments,
													"include_sideband_info",
													true));
	}
	json_object_object_foreach(arguments, name, value)
	{
		if (strcmp(name, "include_sideband_info") == 0 ||
			(strcmp(name, "all_local_accounts") == 0 && !filtered))
			continue;
		cs_json_key(writer, name);
		if (json_object_is_type(value, json_type_array))
			put_addresses(nano, value);
		else if (json_object_is_type(value, json_type_boolean))
			cs_json_put_boolean(writer, json_object_get_boolean(value));
		else
			cs_json_put_string(writer, json_object_get_string(value));
	}
	json_object_put(arguments);
}

void
cs_nano_unsubscribe(NanoSession *nano, NanoTopicId id, CsOutput *output)
{
	(void) cs_nano_begin_request(nano, "unsubscribe", id);
	cs_nano_send_request(nano, output);
	forget_requests(&nano->topics[id]);
}

/* ---------- what is due ---------- */

/* Make the node's subscription to a topic follow the wish. */
static void
step_topic(NanoSession *nano, NanoTopicId id, int64_t now_ms,
		   CsOutput *output)
{
	NanoTopic  *topic = &nano->topics[id];
	bool		wanted = topic->subscription_id != 0;
	bool		first = !topic->requested;
	uint64_t	request;

	if (wanted && nano->base.provider->topics[id].watched &&
		nano->base.address_count == 0 && !nano->base.everything)
	{
		cs_nano_tell(topic, CS_STATE_IDLE, cs_nano_waiting, output);
		wanted = false;
	}
	if (!nano->link_open)
		return;
	if (!wanted && topic->requested)
		cs_nano_unsubscribe(nano, id, output);
	else if (wanted && (first || topic->stale))
	{
		request = cs_nano_begin_request(nano, "subscribe", id);
		if (id == NANO_VOTE)
		{
			/* Without options it would send what "{}" leaves out. */
			cs_nano_begin_options(nano, id, false);
			cs_json_end(&nano->writer, '}');
		}
		cs_nano_send_request(nano, output);
		cs_nano_requested(topic, request, first, now_ms, output);
	}
}

/* Everything that may be due. */
static void
step(NanoSession *nano, int64_t now_ms, CsOutput *output)
{
	for (int id = 0; id < NANO_TOPICS; id++)
	{
		if (id != NANO_CONFIRMATION)
			step_topic(nano, (NanoTopicId) id, now_ms, output);
	}
	cs_nano_watch_step(nano, now_ms, output);
}

/* ---------- the wish ---------- */

/* Take over a subscription, or its absence. */
static void
take_subscription(NanoTopic *topic, const CsSubscription *subscription,
				  CsOutput *output)
{
	const char *arguments = subscription ? subscription->arguments : "{}";
	struct json_object *object;
	char	   *copy;

	if (topic->subscription_id != (subscription ? subscription->id : 0))
	{
		topic->subscription_id = subscription ? subscription->id : 0;
		topic->told = false;
	}
	if (topic->arguments == NULL || strcmp(topic->arguments, arguments) != 0)
	{
		object = cs_json_parse_once(arguments, strlen(arguments), NULL);
		copy = strdup(arguments);
		if (object == NULL || copy == NULL)
		{
			json_object_put(object);
			free(copy);
			cs_output_fail(output);
			return;
		}
		free(topic->arguments);
		topic->arguments = copy;
		topic->stale = topic->requested;
		topic->all_local = cs_json_boolean(object, "all_local_accounts", false);
		topic->no_block = !cs_json_boolean(object, "include_block", true);
		json_object_put(object);
	}
	if (topic->requested && !topic->stale && !topic->told)
		cs_nano_tell(topic, topic->answered ? CS_STATE_ACTIVE :
					 CS_STATE_PENDING, NULL, output);
}

static void
take_subscriptions(NanoSession *nano, CsOutput *output)
{
	CsSession  *session = &nano->base;

	for (int id = 0; id < NANO_TOPICS; id++)
		take_subscription(&nano->topics[id],
						  cs_session_subscription(session,
												  &session->provider->topics[id]),
						  output);
	session->subscriptions_changed = false;
}

void
cs_nano_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	NanoSession *nano = (NanoSession *) session;
	bool		wanted = session->subscription_count > 0;

	if (session->subscriptions_changed)
		take_subscriptions(nano, output);
	if (wanted != nano->link_wanted)
	{
		nano->link_wanted = wanted;
		cs_output_link(output, wanted ? CS_ACTION_OPEN_LINK :
					   CS_ACTION_CLOSE_LINK, LINK, NULL);
	}
	step(nano, now_ms, output);
}

/* ---------- life of the session and its link ---------- */

bool
cs_nano_start(CsSession *session, CsError *error)
{
	NanoSession *nano = (NanoSession *) session;

	(void) error;
	for (int id = 0; id < NANO_TOPICS; id++)
		forget_requests(&nano->topics[id]);
	nano->more_at = INT64_MAX;
	return true;
}

void
cs_nano_stop(CsSession *session)
{
	NanoSession *nano = (NanoSession *) session;

	for (int id = 0; id < NANO_TOPICS; id++)
		free(nano->topics[id].arguments);
	cs_json_writer_free(&nano->writer);
}

/*
 * A node pings nobody and a quiet network is silent for minutes, so pings
 * are the only sign that a connection is alive.  Nano.to sends binary frames
 * and takes its key as a query parameter.
 */
bool
cs_nano_handshake(CsSession *session, int link, const char *url,
				  CsHandshake *handshake, CsOutput *output)
{
	(void) link;
	handshake->url = session->token != NULL ?
		cs_url_parameter(output, url, "key", session->token) :
		cs_output_string(output, url).data;
	handshake->accept_binary = true;
	handshake->ping_interval_ms = PING_INTERVAL_MS;
	handshake->pong_timeout_ms = PONG_TIMEOUT_MS;
	return handshake->url != NULL &&
		cs_session_headers(session, handshake, output);
}

void
cs_nano_opened(CsSession *session, int link, int64_t now_ms, CsOutput *output)
{
	NanoSession *nano = (NanoSession *) session;

	(void) link;
	nano->link_open = true;
	nano->last_time = 0;
	step(nano, now_ms, output);
}

void
cs_nano_closed(CsSession *session, int link, const CsClosure *closure,
			   int64_t now_ms, CsOutput *output)
{
	NanoSession *nano = (NanoSession *) session;

	(void) link;
	(void) now_ms;
	if (!closure->was_open)
		return;
	(void) output;
	nano->link_open = false;
	for (int id = 0; id < NANO_TOPICS; id++)
	{
		forget_requests(&nano->topics[id]);
		nano->topics[id].told = false;
	}
	cs_nano_watch_closed(nano);
}

void
cs_nano_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	NanoSession *nano = (NanoSession *) session;

	if (!nano->link_open)
		return;
	for (int id = 0; id < NANO_TOPICS; id++)
	{
		NanoTopic  *topic = &nano->topics[id];

		if (topic->silent_at <= now_ms)
		{
			topic->silent_at = INT64_MAX;
			cs_nano_tell(topic, CS_STATE_ERROR, silent, output);
		}
	}
	if (nano->pending != NANO_REQUEST_NONE && nano->overdue_at <= now_ms)
		cs_nano_watch_overdue(nano);
	step(nano, now_ms, output);
}

int64_t
cs_nano_next_tick(const CsSession *session)
{
	const NanoSession *nano = (const NanoSession *) session;
	int64_t		next = nano->more_at;

	for (int id = 0; id < NANO_TOPICS; id++)
	{
		if (nano->topics[id].silent_at < next)
			next = nano->topics[id].silent_at;
	}
	if (nano->pending != NANO_REQUEST_NONE && !nano->overdue &&
		nano->overdue_at < next)
		next = nano->overdue_at;
	return next;
}

/* ---------- messages ---------- */

/* The number in the id of an acknowledgement; 0: it is not one of ours. */
static uint64_t
read_request(struct json_object *ack)
{
	CsText		id = cs_json_member_string(ack, "id");
	size_t		length = sizeof(request_prefix) - 1;
	int64_t		number;

	if (id.length <= length || memcmp(id.data, request_prefix, length) != 0 ||
		!cs_decimal_to_int64(id.data + length, id.length - length, &number))
		return 0;
	return number > 0 ? (uint64_t) number : 0;
}

static void
take_ack(NanoSession *nano, struct json_object *ack, int64_t now_ms,
		 CsOutput *output)
{
	uint64_t	request = read_request(ack);

	if (request == 0 || !nano->link_open)
		return;
	nano->mute = false;
	for (int id = 0; id < NANO_TOPICS; id++)
	{
		if (nano->topics[id].request == request)
			note_answer(&nano->topics[id], output);
	}
	if (nano->pending_id == request)
		cs_nano_watch_answered(nano);
	step(nano, now_ms, output);
}

/*
 * A notification is as good as an acknowledgement, unless it may have been
 * sent for the subscription that the last request replaced.
 */
static void
note_delivery(NanoSession *nano, NanoTopicId id, int64_t now_ms,
			  CsOutput *output)
{
	NanoTopic  *topic = &nano->topics[id];

	if (!nano->link_open || !topic->requested || topic->answered)
		return;
	if (now_ms < topic->proof_at)
	{
		cs_nano_tell(topic, CS_STATE_ACTIVE, NULL, output);
		return;
	}
	note_answer(topic, output);
	if (id == NANO_CONFIRMATION && nano->pending == NANO_REQUEST_SUBSCRIBE)
		cs_nano_watch_answered(nano);
	step(nano, now_ms, output);
}

static int
find_topic(const NanoSession *nano, CsText name)
{
	const CsTopic *topics = nano->base.provider->topics;

	for (int id = 0; id < NANO_TOPICS; id++)
	{
		if (strlen(topics[id].name) == name.length &&
			memcmp(topics[id].name, name.data, name.length) == 0)
			return id;
	}
	return -1;
}

/* Understand a message that is a JSON object. */
static bool
take_object(NanoSession *nano, struct json_object *object,
			const CsMessage *message, int64_t now_ms, CsOutput *output,
			CsError *error)
{
	CsText		name = cs_json_member_string(object, "topic");
	int			id;

	if (name.data == NULL)
	{
		if (cs_json_member_string(object, "ack").data != NULL)
		{
			take_ack(nano, object, now_ms, output);
			return true;
		}
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message has neither \"topic\" nor \"ack\"");
		return false;
	}
	id = find_topic(nano, name);
	if (id < 0)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized topic \"%.60s\"", name.data);
		return false;
	}

	/* What is still on its way after an unsubscribe is of no use. */
	if (nano->topics[id].subscription_id == 0)
		return true;
	if (!cs_nano_records(nano, (NanoTopicId) id, object, message, output,
						 error))
		return false;
	note_delivery(nano, (NanoTopicId) id, now_ms, output);
	return true;
}

bool
cs_nano_message(CsSession *session, int link, const CsMessage *message,
				int64_t now_ms, CsOutput *output, CsError *error)
{
	NanoSession *nano = (NanoSession *) session;
	struct json_object *object;
	bool		valid;

	(void) link;
	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	valid = take_object(nano, object, message, now_ms, output, error);
	json_object_put(object);
	return valid;
}
