/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  One WebSocket connection as a client, from its name to its end.
 *
 * resolve -> connect (each address of the name in turn) -> open -> closing ->
 * gone.  The library's callback copies bytes and notes what happened; it never
 * calls out of this room.  When a connection has to go at once (a peer that is
 * dead or deaf) it is reported closed immediately and the library's own object
 * is left to die by itself, detached.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/wire_internal.h"

/* How long a peer may take to answer our close. */
#define CLOSE_TIMEOUT_MS 1000

/* ---------- small things ---------- */

static uint64_t
now_ms(const CsConnection *connection)
{
	return uv_now(&connection->wire->loop);
}

static void
set_reason(CsConnection *connection, const char *text)
{
	if (connection->reason[0] == '\0')
		snprintf(connection->reason, sizeof(connection->reason), "%s", text);
}

static void
free_outgoing(CsConnection *connection)
{
	while (connection->out_first != NULL)
	{
		CsOutgoing *next = connection->out_first->next;

		free(connection->out_first);
		connection->out_first = next;
	}
	connection->out_last = NULL;
}

void
cs_connection_free(CsConnection *connection)
{
	CsConnection **link = &connection->wire->connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	for (int i = 0; i < connection->params.header_count; i++)
	{
		free((char *) connection->headers[i].name);
		free((char *) connection->headers[i].value);
	}
	free(connection->headers);
	free(connection->partial);
	free_outgoing(connection);
	free(connection);
}

/* Take the library's object away from us and have it end. */
static void
detach(CsConnection *connection)
{
	struct lws *wsi = connection->wsi;

	connection->wsi = NULL;
	if (wsi == NULL)
		return;
	lws_set_opaque_user_data(wsi, NULL);
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void
cs_connection_abandon(CsConnection *connection)
{
	cs_resolver_cancel(connection->wire->resolver, connection);
	detach(connection);
}

/* Report the connection closed; it waits to be taken. */
static void
report_closed(CsConnection *connection)
{
	CsWireEvent event;

	if (connection->state == CS_CONNECTION_GONE)
		return;
	cs_connection_abandon(connection);
	connection->state = CS_CONNECTION_GONE;
	memset(&event, 0, sizeof(event));
	event.kind = CS_WIRE_CLOSED;
	event.connection = connection;
	event.owner = connection->params.owner;
	event.was_open = connection->was_open;
	event.close_code = connection->close_code;
	event.http_status = connection->http_status;
	event.retry_after_s = connection->retry_after_s;
	set_reason(connection, "connection closed without a reason");
	memcpy(event.reason, connection->reason, sizeof(event.reason));
	(void) cs_inbox_put(&connection->wire->inbox, &event, NULL);
}

static void
fail(CsConnection *connection, const char *reason)
{
	set_reason(connection, reason);
	report_closed(connection);
}

/* ---------- connecting ---------- */

/* Begin to connect to the next address; false if there is none left. */
static bool
try_next_address(CsConnection *connection)
{
	struct lws_client_connect_info info;

	while (connection->address_next < connection->addresses.count)
	{
		memset(&info, 0, sizeof(info));
		info.context = connection->wire->context;
		info.address = connection->addresses.addresses[connection->address_next++];
		info.port = connection->url.port;
		info.path = connection->url.path;
		info.host = connection->url.authority;
		info.alpn = "http/1.1";
		info.local_protocol_name = "chainstream";
		info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
		if (connection->url.secure)
			info.ssl_connection |= LCCSCF_USE_SSL;
		if (connection->url.secure && connection->params.tls_insecure)
			info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_EXPIRED |
				LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_INSECURE;
		info.opaque_user_data = connection;
		info.pwsi = &connection->wsi;
		cs_last_error_line[0] = '\0';
		connection->state = CS_CONNECTION_CONNECTING;
		if (lws_client_connect_via_info(&info) != NULL && connection->wsi != NULL)
			return true;
		connection->wsi = NULL;
		if (connection->state == CS_CONNECTION_GONE)
			return true;
	}
	return false;
}

void
cs_connection_resolved(CsConnection *connection, const CsResolved *answer)
{
	connection->addresses = *answer;
	if (answer->count == 0)
		fail(connection, answer->reason);
	else if (!try_next_address(connection))
		fail(connection, "could not connect");
	cs_wire_kick(connection->wire);
}

static bool
has_control_characters(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char) *text))
			return true;
	return false;
}

static bool
copy_headers(CsConnection *connection, const CsConnectParams *params)
{
	connection->headers = calloc((size_t) params->header_count + 1, sizeof(CsHeader));
	if (connection->headers == NULL)
		return false;
	for (int i = 0; i < params->header_count; i++)
	{
		size_t		length = strlen(params->headers[i].name);
		char	   *name = malloc(length + 2);

		if (name != NULL)
			snprintf(name, length + 2, "%s:", params->headers[i].name);
		connection->headers[i].name = name;
		connection->headers[i].value = strdup(params->headers[i].value);
		connection->params.header_count = i + 1;
		if (name == NULL || connection->headers[i].value == NULL)
			return false;
	}
	return true;
}

CsConnection *
cs_connection_open(CsWire *wire, const CsConnectParams *params,
				   char reason[CS_WIRE_REASON_MAX])
{
	CsConnection *connection = calloc(1, sizeof(CsConnection));

	snprintf(reason, CS_WIRE_REASON_MAX, "out of memory");
	if (connection == NULL)
		return NULL;
	if (!cs_url_parse(params->url, &connection->url, reason))
	{
		free(connection);
		return NULL;
	}
	for (int i = 0; i < params->header_count; i++)
		if (has_control_characters(params->headers[i].name) ||
			has_control_characters(params->headers[i].value))
		{
			snprintf(reason, CS_WIRE_REASON_MAX, "header %d contains a control character", i + 1);
			free(connection);
			return NULL;
		}
	connection->wire = wire;
	connection->params = *params;
	connection->params.header_count = 0;
	connection->next = wire->connections;
	wire->connections = connection;
	uv_update_time(&wire->loop);
	connection->connect_deadline = now_ms(connection) + (uint64_t) params->connect_timeout_ms;
	if (!copy_headers(connection, params) ||
		!cs_resolver_ask(wire->resolver, connection->url.host, connection))
	{
		cs_connection_free(connection);
		return NULL;
	}
	cs_wire_kick(wire);
	return connection;
}

/* ---------- sending ---------- */

bool
cs_connection_send(CsConnection *connection, const char *data, size_t length,
				   bool binary)
{
	CsOutgoing *outgoing;

	if (connection->state != CS_CONNECTION_OPEN)
		return false;
	outgoing = malloc(sizeof(CsOutgoing) + LWS_PRE + length);
	if (outgoing == NULL)
		return false;
	outgoing->next = NULL;
	outgoing->length = length;
	outgoing->binary = binary;
	memcpy(outgoing->data + LWS_PRE, data, length);
	if (connection->out_last != NULL)
		connection->out_last->next = outgoing;
	else
		connection->out_first = outgoing;
	connection->out_last = outgoing;
	lws_callback_on_writable(connection->wsi);
	cs_wire_kick(connection->wire);
	return true;
}

void
cs_connection_close(CsConnection *connection, int code, const char *reason)
{
	if (connection->state == CS_CONNECTION_GONE ||
		connection->state == CS_CONNECTION_CLOSING)
		return;
	set_reason(connection, reason[0] != '\0' ? reason : "closed by us");
	if (connection->state != CS_CONNECTION_OPEN)
	{
		report_closed(connection);
		return;
	}
	connection->state = CS_CONNECTION_CLOSING;
	connection->close_code = code;
	connection->close_deadline = now_ms(connection) + CLOSE_TIMEOUT_MS;
	lws_callback_on_writable(connection->wsi);
	cs_wire_kick(connection->wire);
}

/* The socket takes bytes.  Nonzero: the library shall close. */
static int
write_next(CsConnection *connection)
{
	CsOutgoing *outgoing = connection->out_first;
	unsigned char ping[LWS_PRE];

	if (connection->state == CS_CONNECTION_CLOSING)
	{
		lws_close_reason(connection->wsi, (enum lws_close_status) connection->close_code,
						 NULL, 0);
		return -1;
	}
	if (connection->send_ping)
	{
		connection->send_ping = false;
		if (lws_write(connection->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0)
			return -1;
	}
	else if (outgoing != NULL)
	{
		connection->out_first = outgoing->next;
		if (connection->out_first == NULL)
			connection->out_last = NULL;
		connection->bytes_out += outgoing->length;
		if (lws_write(connection->wsi, outgoing->data + LWS_PRE, outgoing->length,
					  outgoing->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < (int) outgoing->length)
		{
			free(outgoing);
			set_reason(connection, "could not send");
			return -1;
		}
		free(outgoing);
	}
	if (connection->send_ping || connection->out_first != NULL)
		lws_callback_on_writable(connection->wsi);
	return 0;
}

/* ---------- receiving ---------- */

/* Queue a whole message. */
static int
deliver(CsConnection *connection, const char *data, size_t length, bool binary)
{
	CsWire	   *wire = connection->wire;
	CsChunk    *chunk;
	CsWireEvent event;
	char	   *copy = cs_inbox_alloc(&wire->inbox, length, &chunk);

	if (copy == NULL)
		return -1;
	memcpy(copy, data, length);

	/* the reason is for other kinds of events, and long */
	memset(&event, 0, offsetof(CsWireEvent, reason));
	event.reason[0] = '\0';
	event.kind = CS_WIRE_MESSAGE;
	event.connection = connection;
	event.owner = connection->params.owner;
	event.data = copy;
	event.length = length;
	event.binary = binary;
	event.received_at = wire->now_us;
	return cs_inbox_put(&wire->inbox, &event, chunk) ? 0 : -1;
}

static bool
keep_partial(CsConnection *connection, const char *data, size_t length)
{
	size_t		needed = connection->partial_length + length;

	if (needed > connection->partial_capacity)
	{
		size_t		capacity = needed < 16384 ? 16384 : needed * 2;
		char	   *grown = realloc(connection->partial, capacity);

		if (grown == NULL)
			return false;
		connection->partial = grown;
		connection->partial_capacity = capacity;
	}
	memcpy(connection->partial + connection->partial_length, data, length);
	connection->partial_length = needed;
	return true;
}

static int
close_with(CsConnection *connection, enum lws_close_status code, const char *reason)
{
	set_reason(connection, reason);
	lws_close_reason(connection->wsi, code, NULL, 0);
	return -1;
}

/* A piece of a message came. */
static int
receive(CsConnection *connection, const char *data, size_t length)
{
	struct lws *wsi = connection->wsi;
	bool		whole = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
	char		reason[CS_WIRE_REASON_MAX];
	int			result;

	connection->wire->progress = true;
	connection->bytes_in += length;
	if (connection->partial_length == 0)
		connection->partial_binary = lws_frame_is_binary(wsi) != 0;
	if (connection->partial_binary && !connection->params.accept_binary)
		return close_with(connection, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE,
						  "the peer sent a binary message, which this protocol does not have");
	if (connection->partial_length + length > connection->wire->message_limit)
	{
		snprintf(reason, sizeof(reason), "the peer sent a message of more than %zu bytes",
				 connection->wire->message_limit);
		return close_with(connection, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, reason);
	}
	if (whole && connection->partial_length == 0)
		return deliver(connection, data, length, connection->partial_binary);

	if (!keep_partial(connection, data, length))
		return -1;
	if (!whole)
		return 0;
	result = deliver(connection, connection->partial, connection->partial_length,
					 connection->partial_binary);
	connection->partial_length = 0;
	if (connection->partial_capacity > 1024 * 1024)
	{
		free(connection->partial);
		connection->partial = NULL;
		connection->partial_capacity = 0;
	}
	return result;
}

/* ---------- the library's callback ---------- */

static int
opened(CsConnection *connection)
{
	CsWireEvent event;
	uint64_t	now = now_ms(connection);

	connection->state = CS_CONNECTION_OPEN;
	connection->was_open = true;
	connection->connect_deadline = 0;
	connection->wire->retime = true;
	if (connection->params.ping_interval_ms > 0)
		connection->ping_due = now + (uint64_t) connection->params.ping_interval_ms;
	if (connection->params.idle_timeout_ms > 0)
		connection->idle_check = now + (uint64_t) connection->params.idle_timeout_ms;
	if (connection->wire->held)
		lws_rx_flow_control(connection->wsi, 0);
	memset(&event, 0, sizeof(event));
	event.kind = CS_WIRE_OPENED;
	event.connection = connection;
	event.owner = connection->params.owner;
	return cs_inbox_put(&connection->wire->inbox, &event, NULL) ? 0 : -1;
}

static int
add_headers(CsConnection *connection, unsigned char **place, unsigned char *end)
{
	for (int i = 0; i < connection->params.header_count; i++)
	{
		const CsHeader *header = &connection->headers[i];

		if (lws_add_http_header_by_name(connection->wsi,
										(const unsigned char *) header->name,
										(const unsigned char *) header->value,
										(int) strlen(header->value), place, end) != 0)
			return -1;
	}
	return 0;
}

/* Say what a failed attempt failed of, as well as can be known. */
static void
explain_failure(CsConnection *connection, const char *said, size_t length)
{
	const char *address = connection->addresses.addresses[connection->address_next - 1];
	char		text[CS_WIRE_REASON_MAX];

	connection->reason[0] = '\0';
	if (connection->wsi != NULL)
		connection->http_status = (int) lws_http_client_http_response(connection->wsi);
	if (connection->http_status == 200 || connection->http_status == 101)
		connection->http_status = 0;
	if (connection->http_status != 0)
		snprintf(text, sizeof(text), "the server answered with HTTP status %d",
				 connection->http_status);
	else if (said != NULL && length > 0)
		snprintf(text, sizeof(text), "could not connect to %s port %d: %.*s%s%.60s",
				 address, connection->url.port, (int) (length < 120 ? length : 120), said,
				 cs_last_error_line[0] ? "; " : "", cs_last_error_line);
	else
		snprintf(text, sizeof(text), "could not connect to %s port %d%s%.120s",
				 address, connection->url.port,
				 cs_last_error_line[0] ? ": " : "", cs_last_error_line);
	set_reason(connection, text);
}

static void
peer_closes(CsConnection *connection, const unsigned char *payload, size_t length)
{
	char		text[CS_WIRE_REASON_MAX];

	if (connection->state == CS_CONNECTION_CLOSING)
		return;
	connection->close_code = length >= 2 ? payload[0] << 8 | payload[1] : 1005;
	snprintf(text, sizeof(text), "the server closed the connection with code %d%s%.*s",
			 connection->close_code, length > 2 ? ": " : "",
			 length > 2 ? (int) (length - 2) : 0, (const char *) payload + 2);
	for (char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char) *p) || (unsigned char) *p > 126)
			*p = '?';
	set_reason(connection, text);
}

int
cs_lws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
				void *in, size_t length)
{
	CsConnection *connection = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void) user;
	if (connection == NULL)
		return 0;
	if (connection->wsi == NULL)
		connection->wsi = wsi;

	switch (reason)
	{
		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
			return add_headers(connection, in, *(unsigned char **) in + length);
		case LWS_CALLBACK_CLIENT_ESTABLISHED:
			return opened(connection);
		case LWS_CALLBACK_CLIENT_RECEIVE:
			if (connection->state != CS_CONNECTION_OPEN)
				return 0;
			return receive(connection, in, length);
		case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
			connection->pong_deadline = 0;
			return 0;
		case LWS_CALLBACK_CLIENT_WRITEABLE:
			return write_next(connection);
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
			peer_closes(connection, in, length);
			return 0;
		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
			explain_failure(connection, in, in ? length : 0);
			lws_set_opaque_user_data(wsi, NULL);
			connection->wsi = NULL;
			if (connection->http_status != 0 || !try_next_address(connection))
				report_closed(connection);
			return 0;
		case LWS_CALLBACK_CLIENT_CLOSED:
		case LWS_CALLBACK_WSI_DESTROY:
			lws_set_opaque_user_data(wsi, NULL);
			connection->wsi = NULL;
			fail(connection, "the connection was lost without a close frame");
			return 0;
		default:
			return 0;
	}
}

/* ---------- deadlines ---------- */

static void
earlier(uint64_t *first, uint64_t deadline)
{
	if (deadline != 0 && (*first == 0 || deadline < *first))
		*first = deadline;
}

/* Milliseconds since the peer's last byte, of whatever kind. */
static uint64_t
silence_ms(const CsConnection *connection)
{
	struct tcp_info info;
	socklen_t	size = sizeof(info);

	if (getsockopt(lws_get_socket_fd(connection->wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return 0;
	return info.tcpi_last_data_recv;
}

/* Act on the deadlines of one connection that have passed. */
static void
tick(CsConnection *connection, uint64_t now)
{
	if (connection->connect_deadline != 0 && connection->connect_deadline <= now)
	{
		connection->reason[0] = '\0';
		fail(connection, connection->state == CS_CONNECTION_RESOLVING
			 ? "the host name could not be resolved in time"
			 : "the connection could not be made in time");
		return;
	}
	if (connection->close_deadline != 0 && connection->close_deadline <= now)
	{
		report_closed(connection);
		return;
	}
	if (connection->wire->held || connection->state != CS_CONNECTION_OPEN)
		return;
	if (connection->pong_deadline != 0 && connection->pong_deadline <= now)
	{
		fail(connection, "the peer did not answer a ping in time");
		return;
	}
	if (connection->idle_check != 0 && connection->idle_check <= now)
	{
		uint64_t	silence = silence_ms(connection);

		if (silence >= (uint64_t) connection->params.idle_timeout_ms)
		{
			fail(connection, "the peer was silent for too long");
			return;
		}
		connection->idle_check = now + (uint64_t) connection->params.idle_timeout_ms - silence;
	}
	if (connection->ping_due != 0 && connection->ping_due <= now)
	{
		connection->ping_due = now + (uint64_t) connection->params.ping_interval_ms;
		connection->send_ping = true;
		if (connection->pong_deadline == 0 && connection->params.pong_timeout_ms > 0)
			connection->pong_deadline = now + (uint64_t) connection->params.pong_timeout_ms;
		lws_callback_on_writable(connection->wsi);
		lws_cancel_service(connection->wire->context);
	}
}

static void
timer_fired(uv_timer_t *timer)
{
	cs_connections_tick(timer->data);
}

void
cs_connections_tick(CsWire *wire)
{
	uint64_t	now = uv_now(&wire->loop);
	uint64_t	next = 0;

	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		if (c->state == CS_CONNECTION_GONE)
			continue;
		tick(c, now);
		if (c->state == CS_CONNECTION_GONE)
			continue;
		earlier(&next, c->connect_deadline);
		earlier(&next, c->close_deadline);
		if (!wire->held && c->state == CS_CONNECTION_OPEN)
		{
			earlier(&next, c->ping_due);
			earlier(&next, c->pong_deadline);
			earlier(&next, c->idle_check);
		}
	}
	if (next == 0)
		uv_timer_stop(&wire->timer);
	else
		uv_timer_start(&wire->timer, timer_fired,
					   next > now ? next - now : 1, 0);
}

uint64_t
cs_connection_bytes_in(const CsConnection *connection)
{
	return connection->bytes_in;
}

uint64_t
cs_connection_bytes_out(const CsConnection *connection)
{
	return connection->bytes_out;
}
