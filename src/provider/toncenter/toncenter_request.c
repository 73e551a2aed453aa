/*-------------------------------------------------------------------------
 *
 * toncenter_request.c
 *	  What is sent to TON Center: subscriptions, pings, handshakes.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/hex.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

/* A connection on which pings are not answered either is dead. */
#define IDLE_TIMEOUT_MS		45000

/* Without an answer for so long, the connection is of no use. */
#define OVERDUE_MS			30000

/* Memory for requests that is kept for the next. */
#define WRITER_KEEP			((size_t) 256 * 1024)

/* ---------- subscriptions ---------- */

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
	char		id[sizeof(TONCENTER_REQUEST_ID) + CS_DECIMAL64_DIGITS];

	link->asked = cs_toncenter_wanted_topics(ton, link);
	ton->last_request++;
	memcpy(id, TONCENTER_REQUEST_ID, sizeof(TONCENTER_REQUEST_ID));
	(void) cs_int64_to_decimal((int64_t) ton->last_request,
							   id + sizeof(TONCENTER_REQUEST_ID) - 1);
	cs_json_writer_reset(writer);
	cs_json_begin(writer, '{');
	if (!ton->events)
	{
		cs_json_key(writer, "operation");
		cs_json_put_string(writer, "subscribe");
		cs_json_key(writer, "id");
		cs_json_put_string(writer, id);
	}
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
void
cs_toncenter_await_answer(ToncenterSession *ton, ToncenterLink *link,
						  int64_t now_ms)
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

void
cs_toncenter_send_snapshot(ToncenterSession *ton, ToncenterLink *link,
						   int64_t now_ms, CsOutput *output)
{
	write_snapshot(ton, link);
	if (ton->writer.failed)
		cs_output_fail(output);
	else
		cs_output_send(output, link->host, ton->writer.data,
					   ton->writer.length);
	release_writer(ton);
	cs_toncenter_await_answer(ton, link, now_ms);
}

void
cs_toncenter_send_ping(ToncenterLink *link, int64_t now_ms,
					   CsOutput *output)
{
	static const char ping[] = "{\"operation\":\"ping\",\"id\":\"ping\"}";

	cs_output_send(output, link->host, ping, sizeof(ping) - 1);
	link->ping_at = now_ms + TONCENTER_PING_MS;
}

/* ---------- handshakes ---------- */

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
	ToncenterLink *link = cs_toncenter_link(ton, number);

	handshake->idle_timeout_ms = IDLE_TIMEOUT_MS;
	if (ton->events)
		handshake->stream = CS_STREAM_EVENTS;
	return authenticate(session, url, handshake, output) &&
		(!ton->events || link == NULL ||
		 write_body(ton, link, handshake, output)) &&
		cs_session_headers(session, handshake, output);
}
