/*-------------------------------------------------------------------------
 *
 * toncenter_session.c
 *	  What is asked of TON Center, and when.
 *
 * A request to subscribe is a snapshot of all that a connection wants, and
 * replaces the one before it.  So changes are collected: one request at a
 * time, the next after its answer.  A request that is refused changes nothing
 * at the server, and is not repeated until there is something to change.
 *
 * With server-sent events the snapshot is the body of the request that opens
 * the stream; a change is a new connection.
 *
 * Everything the server says in words is prose for people.  Four sentences are
 * understood: a bad address, a bad type, too many addresses, too many
 * connections.  What else goes wrong is shown as it stands.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/hex.h"
#include "codec/utf8.h"
#include "provider/output.h"
#include "provider/toncenter.h"

/* The server itself never pings, and proxies in front close what is idle. */
#define PING_INTERVAL_MS	15000
#define IDLE_TIMEOUT_MS		45000

/* Without an answer for so long, the connection is of no use. */
#define OVERDUE_MS			30000

/* Changes are collected for so long before a stream is opened anew. */
#define RENEW_MS			1000

/* Memory for requests that is kept for the next. */
#define WRITER_KEEP			((size_t) 256 * 1024)

#define CONNECTION_LIMIT	"connection limit reached"

static const char request_prefix[] = "subscribe-";
static const char waiting_address[] = "waiting for a watched address";
static const char waiting_trace[] = "waiting for a watched transaction";

/* ---------- small things ---------- */

void
cs_toncenter_copy_words(char words[TONCENTER_WORDS_MAX], const char *text,
						size_t length)
{
	if (length >= TONCENTER_WORDS_MAX)
		length = TONCENTER_WORDS_MAX - 1;
	length = cs_utf8_clip(text, strnlen(text, length));
	memcpy(words, text, length);
	words[length] = '\0';
}

/* The link of this number; NULL: there is none. */
static ToncenterLink *
get_link(ToncenterSession *ton, int number)
{
	if (number < 0 || number >= ton->link_count)
		return NULL;
	return &ton->links[number];
}

/* The topics that a connection is to carry now. */
static unsigned
wanted_topics(const ToncenterSession *ton, const ToncenterLink *link)
{
	unsigned	bits = 0;

	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		const ToncenterGroup *group = &link->addresses;

		if (ton->topics[id].subscription_id == 0 || ton->topics[id].refused)
			continue;
		if (id == TONCENTER_TRACE)
			group = link->number == 0 ? &ton->traces : NULL;
		if (group != NULL && group->count > 0)
			bits |= TONCENTER_BIT(id);
	}
	return bits;
}

/* Nothing has been asked, as on a new connection. */
static void
forget_requests(ToncenterSession *ton, ToncenterLink *link)
{
	link->asked = link->active = 0;
	link->request = 0;
	link->renewal_due = false;
	link->addresses.changed = true;
	if (link->number == 0)
		ton->traces.changed = true;
}

/* What the connection carried is served no more. */
static void
lose_members(ToncenterSession *ton, ToncenterLink *link)
{
	cs_toncenter_set_news(&link->addresses, TONCENTER_NEWS_PENDING);
	if (link->number == 0)
		cs_toncenter_set_news(&ton->traces, TONCENTER_NEWS_PENDING);
}

/* ---------- requests ---------- */

static void
put_strings(CsJsonWriter *writer, const char *name, struct json_object *list)
{
	if (list == NULL)
		return;
	cs_json_key(writer, name);
	cs_json_begin(writer, '[');
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(list, i));

		cs_json_put_text(writer, text.data, text.length);
	}
	cs_json_end(writer, ']');
}

static void
put_addresses(CsJsonWriter *writer, ToncenterGroup *group)
{
	cs_json_key(writer, "addresses");
	cs_json_begin(writer, '[');
	for (size_t i = 0; i < group->count; i++)
	{
		cs_json_put_text(writer, group->items[i]->target,
						 group->items[i]->length);
		group->items[i]->flags |= CS_WATCH_SENT;
	}
	cs_json_end(writer, ']');
	group->changed = false;
}

/* The server compares the text: it must be its own way to write hashes. */
static void
put_traces(CsJsonWriter *writer, ToncenterGroup *group)
{
	cs_json_key(writer, "trace_external_hash_norms");
	cs_json_begin(writer, '[');
	for (size_t i = 0; i < group->count; i++)
	{
		uint8_t		hash[CS_TON_HASH_LENGTH];
		char		text[CS_TON_HASH_BASE64_MAX];

		(void) cs_hex_decode(group->items[i]->target, group->items[i]->length,
							 hash);
		cs_ton_hash_base64(hash, text);
		cs_json_put_string(writer, text);
		group->items[i]->flags |= CS_WATCH_SENT;
	}
	cs_json_end(writer, ']');
	group->changed = false;
}

/*
 * The settings.  They stick at the server if left out, so the ones that always
 * have a value are always given; the others never change.
 */
static void
put_settings(CsJsonWriter *writer, struct json_object *options)
{
	CsText		finality = cs_json_member_string(options, "min_finality");

	cs_json_key(writer, "min_finality");
	cs_json_put_string(writer, finality.data ? finality.data : "pending");
	cs_json_key(writer, "include_address_book");
	cs_json_put_boolean(writer, cs_json_boolean(options,
												"include_address_book", false));
	cs_json_key(writer, "include_metadata");
	cs_json_put_boolean(writer, cs_json_boolean(options, "include_metadata",
												false));
	put_strings(writer, "action_types", cs_json_array(options, "action_types"));
	put_strings(writer, "supported_action_types",
				cs_json_array(options, "supported_action_types"));
}

/* Write a snapshot of what the connection is to carry. */
static void
write_snapshot(ToncenterSession *ton, ToncenterLink *link)
{
	CsJsonWriter *writer = &ton->writer;
	char		id[sizeof(request_prefix) + CS_DECIMAL64_DIGITS];

	link->asked = wanted_topics(ton, link);
	ton->last_request++;
	memcpy(id, request_prefix, sizeof(request_prefix));
	(void) cs_int64_to_decimal((int64_t) ton->last_request,
							   id + sizeof(request_prefix) - 1);
	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	if (!ton->events)
	{
		cs_json_key(writer, "operation");
		cs_json_put_string(writer, "subscribe");
	}
	cs_json_key(writer, "id");
	cs_json_put_string(writer, id);
	cs_json_key(writer, "types");
	cs_json_begin(writer, '[');
	for (int topic = 0; topic < TONCENTER_TOPICS; topic++)
	{
		if (link->asked & TONCENTER_BIT(topic))
			cs_json_put_string(writer, ton->base.provider->topics[topic].name);
	}
	cs_json_end(writer, ']');
	if (link->asked & TONCENTER_ADDRESS_BITS)
		put_addresses(writer, &link->addresses);
	if (link->asked & TONCENTER_BIT(TONCENTER_TRACE))
		put_traces(writer, &ton->traces);
	put_settings(writer, ton->base.options);
	cs_json_end(writer, '}');
}

/* From now on an answer is awaited to the last request written. */
static void
await_answer(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms)
{
	link->request = ton->last_request;
	link->overdue_at = now_ms + OVERDUE_MS;
}

static void
release_writer(ToncenterSession *ton)
{
	if (ton->writer.capacity > WRITER_KEEP)
		cs_json_writer_free(&ton->writer);
}

static void
send_snapshot(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms,
			  CsOutput *output)
{
	write_snapshot(ton, link);
	if (ton->writer.failed)
		cs_output_fail(output);
	else
		cs_output_send(output, link->number, ton->writer.data,
					   ton->writer.length);
	release_writer(ton);
	await_answer(ton, link, now_ms);
}

static void
send_ping(ToncenterLink *link, int64_t now_ms, CsOutput *output)
{
	static const char ping[] = "{\"operation\":\"ping\",\"id\":\"ping\"}";

	cs_output_send(output, link->number, ping, sizeof(ping) - 1);
	link->ping_at = now_ms + PING_INTERVAL_MS;
}

/* ---------- states of topics ---------- */

static void
tell_topic(ToncenterTopic *topic, CsState state, const char *detail,
		   CsOutput *output)
{
	const char *words = detail ? detail : "";

	if (topic->told && topic->state == state &&
		strcmp(topic->detail, words) == 0)
		return;
	topic->told = true;
	topic->state = state;
	cs_toncenter_copy_words(topic->detail, words, strlen(words));
	cs_output_subscription_state(output, topic->subscription_id, state, detail);
}

/* Does any connection carry the topic, as the server has said? */
static bool
is_carried(const ToncenterSession *ton, int id)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		if (ton->links[i].active & TONCENTER_BIT(id))
			return true;
	}
	return false;
}

/* A connection that is in trouble; NULL: none is. */
static const ToncenterLink *
find_trouble(const ToncenterSession *ton)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		if ((ton->links[i].wanted || ton->links[i].given_up) &&
			ton->links[i].words[0] != '\0')
			return &ton->links[i];
	}
	return NULL;
}

static void
tell_topics(ToncenterSession *ton, CsOutput *output)
{
	const ToncenterLink *trouble = find_trouble(ton);

	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		ToncenterTopic *topic = &ton->topics[id];
		bool		trace = id == TONCENTER_TRACE;

		if (topic->subscription_id == 0)
			continue;
		if (topic->refused)
			tell_topic(topic, CS_STATE_ERROR, topic->words, output);
		else if (is_carried(ton, id))
			tell_topic(topic, CS_STATE_ACTIVE, NULL, output);
		else if (trace ? ton->traces.count == 0 :
				 ton->base.address_count == 0)
			tell_topic(topic, CS_STATE_PENDING,
					   trace ? waiting_trace : waiting_address, output);
		else if (trouble != NULL)
			tell_topic(topic, trouble->trouble, trouble->words, output);
		else if (!trace && ton->limit == 0)
			tell_topic(topic, CS_STATE_OVER_LIMIT, ton->waiting.words, output);
		else
			tell_topic(topic, CS_STATE_PENDING, NULL, output);
	}
}

/* ---------- what is due ---------- */

/* Is the snapshot that was sent last not what is wanted? */
static bool
is_stale(const ToncenterSession *ton, const ToncenterLink *link, unsigned bits)
{
	return bits != link->asked ||
		((bits & TONCENTER_ADDRESS_BITS) && link->addresses.changed) ||
		((bits & TONCENTER_BIT(TONCENTER_TRACE)) && ton->traces.changed);
}

/* Are members still to be told of the answer to the last request? */
static bool
is_telling(const ToncenterSession *ton, const ToncenterLink *link)
{
	return link->addresses.news == TONCENTER_NEWS_ACTIVE ||
		(link->number == 0 && ton->traces.news == TONCENTER_NEWS_ACTIVE);
}

/* The stream is fixed: what is wanted now takes another. */
static void
renew(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms,
	  CsOutput *output)
{
	if (now_ms < link->renew_at)
	{
		link->renewal_due = true;
		return;
	}
	cs_output_link(output, CS_ACTION_CLOSE_LINK, link->number, NULL);
	cs_output_link(output, CS_ACTION_OPEN_LINK, link->number, NULL);
	link->open = false;
	forget_requests(ton, link);
}

static void
step_link(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms,
		  CsOutput *output)
{
	unsigned	bits = wanted_topics(ton, link);

	link->renewal_due = false;
	if (link->given_up && !is_stale(ton, link, bits))
		return;
	link->given_up = false;
	if (bits == 0)
	{
		if (!link->wanted)
			return;
		cs_output_link(output, CS_ACTION_CLOSE_LINK, link->number, NULL);
		link->wanted = link->open = false;
		link->words[0] = '\0';
		forget_requests(ton, link);
		lose_members(ton, link);
		return;
	}
	if (!link->wanted)
	{
		cs_output_link(output, CS_ACTION_OPEN_LINK, link->number, NULL);
		link->wanted = true;
	}
	if (!link->open || link->request != 0 || is_telling(ton, link) ||
		!is_stale(ton, link, bits))
		return;
	if (ton->events)
		renew(ton, link, now_ms, output);
	else
		send_snapshot(ton, link, now_ms, output);
}

/* Everything that may be due. */
static void
step(ToncenterSession *ton, int64_t now_ms, CsOutput *output)
{
	size_t		limit = cs_output_action_count(output) + TONCENTER_STATES_MAX;

	ton->more_at = INT64_MAX;
	cs_toncenter_take_watches(ton, limit, now_ms, output);
	cs_toncenter_tell_watches(ton, limit, now_ms, output);
	for (int i = 0; i < ton->link_count; i++)
		step_link(ton, &ton->links[i], now_ms, output);
	cs_toncenter_tell_watches(ton, limit, now_ms, output);
	tell_topics(ton, output);
}

/* ---------- the wish ---------- */

void
cs_toncenter_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int id = 0; id < TONCENTER_TOPICS && session->subscriptions_changed;
		 id++)
	{
		const CsSubscription *subscription =
			cs_session_subscription(session, &session->provider->topics[id]);
		int64_t		wanted = subscription ? subscription->id : 0;

		if (ton->topics[id].subscription_id == wanted)
			continue;
		ton->topics[id].subscription_id = wanted;
		ton->topics[id].told = ton->topics[id].refused = false;
	}
	session->subscriptions_changed = false;
	step(ton, now_ms, output);
}

/* ---------- life of the session ---------- */

bool
cs_toncenter_start(CsSession *session, CsError *error)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	int64_t		count = TONCENTER_LINKS_DEFAULT;

	(void) cs_json_integer(session->options, "max_connections", &count, NULL);
	ton->link_count = (int) count;
	ton->links = calloc((size_t) count, sizeof(ToncenterLink));
	ton->memory = cs_toncenter_memory_create();
	if (ton->links == NULL || ton->memory == NULL)
	{
		cs_toncenter_stop(session);
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	for (int i = 0; i < ton->link_count; i++)
		ton->links[i].number = i;
	ton->events = strcmp(session->transport->name, "sse") == 0;
	ton->limit = SIZE_MAX;
	ton->more_at = INT64_MAX;
	return true;
}

void
cs_toncenter_stop(CsSession *session)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int i = 0; ton->links != NULL && i < ton->link_count; i++)
		cs_toncenter_free_group(&ton->links[i].addresses);
	free(ton->links);
	ton->links = NULL;
	cs_toncenter_free_group(&ton->waiting);
	cs_toncenter_free_group(&ton->traces);
	cs_json_writer_free(&ton->writer);
	cs_toncenter_memory_free(ton->memory);
	ton->memory = NULL;
}

void
cs_toncenter_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int i = 0; i < ton->link_count; i++)
	{
		ToncenterLink *link = &ton->links[i];

		if (!link->open)
			continue;
		if (link->request != 0 && link->overdue_at <= now_ms)
		{
			link->overdue_at = INT64_MAX;
			cs_output_link(output, CS_ACTION_RESET_LINK, i,
						   "no answer to a subscription for 30 s");
		}
		if (!ton->events && link->ping_at <= now_ms)
			send_ping(link, now_ms, output);
	}
	step(ton, now_ms, output);
}

int64_t
cs_toncenter_next_tick(const CsSession *session)
{
	const ToncenterSession *ton = (const ToncenterSession *) session;
	int64_t		next = ton->more_at;

	for (int i = 0; i < ton->link_count; i++)
	{
		const ToncenterLink *link = &ton->links[i];

		if (!link->open)
			continue;
		if (!ton->events && link->ping_at < next)
			next = link->ping_at;
		if (link->request != 0 && link->overdue_at < next)
			next = link->overdue_at;
		if (link->renewal_due && link->renew_at < next)
			next = link->renew_at;
	}
	return next;
}

/* ---------- connecting ---------- */

/* Is the URL's host TonAPI's, which speaks the same protocol? */
static bool
is_tonapi_url(const char *url)
{
	static const char domain[] = "tonapi.io";
	size_t		length = sizeof(domain) - 1;
	const char *host = strstr(url, "://");
	size_t		size;

	if (host == NULL)
		return false;
	host += 3;
	size = strcspn(host, ":/?#");
	return size >= length &&
		strncasecmp(host + size - length, domain, length) == 0 &&
		(size == length || host[size - length - 1] == '.');
}

static bool
has_option(const CsSession *session, const char *name, const char *value)
{
	CsText		text = cs_json_member_string(session->options, name);

	return text.data != NULL && strcmp(text.data, value) == 0;
}

/* The URL and, if it goes there, the token as a header. */
static bool
authenticate(const CsSession *session, const char *url, CsHandshake *handshake,
			 CsOutput *output)
{
	const char *token = session->token;
	bool		tonapi = has_option(session, "authentication", "tonapi") ||
		(cs_json_member(session->options, "authentication") == NULL &&
		 is_tonapi_url(url));
	char	   *value;

	if (token != NULL && has_option(session, "token_in", "query"))
	{
		handshake->url = cs_url_parameter(output, url,
										  tonapi ? "token" : "api_key", token);
		return handshake->url != NULL;
	}
	handshake->url = cs_output_string(output, url).data;
	if (token == NULL || handshake->url == NULL)
		return handshake->url != NULL;
	if (!tonapi)
		return cs_field_add(handshake->fields, &handshake->field_count, output,
							"X-API-Key", token);
	value = cs_output_alloc(output, strlen(token) + sizeof("Bearer "));
	if (value == NULL)
		return false;
	memcpy(value, "Bearer ", sizeof("Bearer ") - 1);
	memcpy(value + sizeof("Bearer ") - 1, token, strlen(token) + 1);
	return cs_field_add(handshake->fields, &handshake->field_count, output,
						"Authorization", value);
}

/* The body of the request that opens a stream of events. */
static bool
write_body(ToncenterSession *ton, ToncenterLink *link, CsHandshake *handshake,
		   CsOutput *output)
{
	write_snapshot(ton, link);
	if (!ton->writer.failed)
		handshake->body = cs_output_text(output, ton->writer.data,
										 ton->writer.length).data;
	release_writer(ton);
	return handshake->body != NULL &&
		cs_field_add(handshake->fields, &handshake->field_count, output,
					 "Content-Type", "application/json");
}

bool
cs_toncenter_handshake(CsSession *session, int number, const char *url,
					   CsHandshake *handshake, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = get_link(ton, number);

	handshake->idle_timeout_ms = IDLE_TIMEOUT_MS;
	if (ton->events)
		handshake->stream = CS_STREAM_EVENTS;
	return authenticate(session, url, handshake, output) &&
		(!ton->events || link == NULL ||
		 write_body(ton, link, handshake, output)) &&
		cs_session_headers(session, handshake, output);
}

void
cs_toncenter_opened(CsSession *session, int number, int64_t now_ms,
					CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = get_link(ton, number);

	if (link == NULL)
		return;
	link->open = true;
	link->words[0] = '\0';
	link->ping_at = now_ms + PING_INTERVAL_MS;
	link->renew_at = now_ms;
	if (ton->events && link->asked != 0)
		await_answer(ton, link, now_ms);
	step(ton, now_ms, output);
}

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
		cs_output_link(output, CS_ACTION_CLOSE_LINK, link->number, NULL);
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
		cs_output_link(output, CS_ACTION_RESET_LINK, link->number, link->words);
}

/* ---------- the end of a connection ---------- */

/* The server answered the handshake with an error. */
static void
take_http_error(ToncenterSession *ton, ToncenterLink *link,
				const CsClosure *closure, CsOutput *output)
{
	int			status = closure->http_status;

	if (strstr(closure->reason, CONNECTION_LIMIT) != NULL)
		take_connection_limit(link, closure->reason, output);
	else if (status == 400 && ton->events)
		take_refusal(ton, link, closure->reason, output);
	else if (status == 429 || status == 408)
		set_trouble(link, CS_STATE_PENDING, closure->reason);
	else if (status >= 400 && status < 500)
		set_trouble(link, CS_STATE_ERROR, closure->reason);
	else
		link->words[0] = '\0';
}

/* Its members are served no more; if there is no other, the host knows. */
static void
drop_members(ToncenterSession *ton, ToncenterLink *link)
{
	int			wanted = 0;

	for (int i = 0; i < ton->link_count; i++)
		wanted += ton->links[i].wanted;
	if (wanted > 1)
	{
		lose_members(ton, link);
		return;
	}
	for (size_t i = 0; i < link->addresses.count; i++)
		link->addresses.items[i]->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
	for (size_t i = 0; i < ton->traces.count; i++)
		ton->traces.items[i]->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
}

void
cs_toncenter_closed(CsSession *session, int number, const CsClosure *closure,
					int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = get_link(ton, number);
	bool		any_open = false;

	if (link == NULL)
		return;

	/* Else it is one that this side has closed, and knows about. */
	if (link->open)
		drop_members(ton, link);
	else if (!closure->was_open && link->wanted)
		take_http_error(ton, link, closure, output);
	if ((link->open || !closure->was_open) && !link->given_up)
		forget_requests(ton, link);
	link->open = false;
	for (int i = 0; i < ton->link_count; i++)
		any_open |= ton->links[i].open;
	for (int id = 0; id < TONCENTER_TOPICS && !any_open; id++)
		ton->topics[id].told = false;
	if (any_open || link->words[0] != '\0' || closure->http_status == 400)
		step(ton, now_ms, output);
}

/* ---------- messages ---------- */

/* Is a message the answer to the request that awaits one? */
static bool
answers(const ToncenterLink *link, struct json_object *object)
{
	CsText		id = cs_json_member_string(object, "id");
	size_t		length = sizeof(request_prefix) - 1;
	int64_t		number;

	if (link == NULL || link->request == 0)
		return false;
	if (id.data == NULL)
		return true;
	return id.length > length &&
		memcmp(id.data, request_prefix, length) == 0 &&
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
		step(ton, now_ms, output);
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
	step(ton, now_ms, output);
	return true;
}

bool
cs_toncenter_message(CsSession *session, int number, const CsMessage *message,
					 int64_t now_ms, CsOutput *output, CsError *error)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = get_link(ton, number);
	struct json_object *object;
	bool		valid;

	object = cs_json_parse(session->tokener, message->data, message->length,
						   error);
	if (object == NULL)
		return false;
	if (cs_json_member(object, "type") != NULL)
		valid = cs_toncenter_records(ton, number, object, message, now_ms,
									 output, error);
	else if (cs_json_member_string(object, "status").data != NULL)
		valid = take_status(ton, link, object, now_ms, output, error);
	else if (cs_json_member(object, "error") != NULL)
		valid = take_error(ton, link, object, now_ms, output, error);
	else
		valid = cs_toncenter_records(ton, number, object, message, now_ms,
									 output, error);
	json_object_put(object);
	return valid;
}
