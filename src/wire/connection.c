/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  A connection's life: what the consumer asks of it, keeping it alive,
 *	  ending it.  How it comes up is in dial.c.
 *
 * cs_connection_act() and cs_connection_judge() are called between turns of
 * the loop and move a connection from state to state; the functions the
 * consumer calls only leave a wish.  So libwebsockets is called from one
 * place, and never from inside itself.
 *
 * Deadlines are ours as well.  A peer is declared dead only after its socket
 * has been read empty, because after a long pause of the consumer the answer
 * may be there already.
 *
 *-------------------------------------------------------------------------
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "wire/internal.h"

static const char *const websocket_schemes[] = {"ws", "wss", NULL};
static const char *const http_schemes[] = {"http", "https", NULL};

/* ---------- texts ---------- */

/*
 * Whom we talk to, for people: host, address if it is another, port.
 */
const char *
cs_connection_peer(const CsConnection *connection, char text[CS_PEER_MAX])
{
	if (connection->url.literal || connection->address_next == 0)
		snprintf(text, CS_PEER_MAX, "%s port %d", connection->url.host,
				 connection->url.port);
	else
		snprintf(text, CS_PEER_MAX, "%s (%s) port %d", connection->url.host,
				 connection->addresses[connection->address_next - 1],
				 connection->url.port);
	return text;
}

/*
 * Set the reason reported at the end; the first one counts.
 */
void
cs_connection_because(CsConnection *connection, const char *format,...)
{
	va_list		arguments;

	if (connection->reason[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(connection->reason, sizeof(connection->reason), format,
			  arguments);
	va_end(arguments);
	cs_text_clean(connection->reason);
}

/*
 * Blot out, in a text a peer sent, what we had sent to it in confidence.
 */
void
cs_connection_hide(const CsConnection *connection, char *text)
{
	char		query[CS_PATH_MAX + 1];
	char	   *rest;

	for (const char *h = connection->headers; h != NULL && *h != '\0';
		 h += strlen(h) + 1)
	{
		const char *space;

		h += strlen(h) + 1;
		cs_text_hide(text, h);
		space = strrchr(h, ' ');	/* "Bearer token" */
		if (space != NULL)
			cs_text_hide(text, space + 1);
	}
	if (connection->url.query == NULL)
		return;
	snprintf(query, sizeof(query), "%s", connection->url.query + 1);
	cs_text_hide(text, query);
	for (char *part = strtok_r(query, "&=", &rest); part != NULL;
		 part = strtok_r(NULL, "&=", &rest))
		cs_text_hide(text, part);
}

/* ---------- ends ---------- */

static void
outgoing_free(CsConnection *connection)
{
	while (connection->out_first != NULL)
	{
		CsOutgoing *next = connection->out_first->next;

		free(connection->out_first);
		connection->out_first = next;
	}
	connection->out_last = NULL;
}

/*
 * Have libwebsockets end its side at once; it will not hear of us again.
 */
void
cs_connection_drop(CsConnection *connection)
{
	if (connection->wsi == NULL)
		return;
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
					LWS_TO_KILL_ASYNC);
	connection->wsi = NULL;
	connection->wire->acted = true;
}

/*
 * Report the connection closed, for the reason set before.  Allocates nothing
 * and calls nobody: callbacks may use it.
 */
void
cs_connection_finish(CsConnection *connection)
{
	CsInbox    *inbox = &connection->wire->inbox;

	if (connection->state == CS_GONE)
		return;
	cs_connection_because(connection, "connection lost");
	connection->ended_in = connection->state;
	connection->state = CS_GONE;
	if (connection->resolution != NULL)
		cs_resolve_abandon(connection->resolution);
	connection->resolution = NULL;
	outgoing_free(connection);
	free(connection->partial);
	connection->partial = NULL;
	cs_events_free(&connection->events);
	if (!connection->was_open)
		inbox->reserved--;		/* the entry for CS_WIRE_OPENED */
	cs_inbox_push(inbox, CS_WIRE_CLOSED, connection);
}

/*
 * End it now, for the reason set before: no close frames, no waiting.
 */
void
cs_connection_give_up(CsConnection *connection)
{
	cs_connection_drop(connection);
	cs_connection_finish(connection);
}

/*
 * Begin the closing handshake; what is left to do happens in callbacks.  HTTP
 * has none: the connection is given up at the next opportunity.
 */
static void
begin_close(CsConnection *connection, int code, const char *text)
{
	connection->state = CS_CLOSING;
	connection->wire->work = true;
	if (connection->transport != CS_TRANSPORT_WEBSOCKET)
	{
		connection->close_due = cs_now();
		return;
	}
	connection->want_close = true;
	connection->want_write = true;
	connection->close_send = code;
	snprintf(connection->close_text, sizeof(connection->close_text), "%.123s",
			 text);
	cs_text_clean(connection->close_text);	/* may be cut in mid-character */
	connection->close_due = cs_now() + CS_CLOSE_WAIT_MS;
}

/*
 * Close an open connection because of what the peer did: tell it with *code*,
 * and the consumer with the reason.  Unsent messages are dropped.
 */
void
cs_connection_abort(CsConnection *connection, int code, const char *format,...)
{
	char		text[CS_WIRE_REASON_MAX];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cs_connection_because(connection, "%s", text);
	outgoing_free(connection);
	begin_close(connection, code, text);
}

/*
 * Free a connection that libwebsockets has let go.
 */
void
cs_connection_free(CsConnection *connection)
{
	if (connection->resolution != NULL)
		cs_resolve_abandon(connection->resolution);
	outgoing_free(connection);
	free(connection->partial);
	free(connection->headers);
	free(connection->body);
	cs_events_free(&connection->events);
	free(connection);
}

/* ---------- what is due ---------- */

/*
 * Let libwebsockets send the close frame and wait for the peer's.  It would
 * do so as well when a callback returns -1, but as Debian builds it, it then
 * tests itself by closing a second time, which cuts the connection.  Despite
 * its name the "kill" is polite when a close reason is set.
 */
static void
send_close(CsConnection *connection)
{
	connection->want_close = false;
	lws_close_reason(connection->wsi,
					 (enum lws_close_status) connection->close_send,
					 (unsigned char *) connection->close_text,
					 strlen(connection->close_text));
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
					LWS_TO_KILL_SYNC);
	connection->wire->acted = true;
}

/*
 * Do what is due.  Only to be called when no library is on the stack.
 */
void
cs_connection_act(CsConnection *connection, int64_t now)
{
	if (connection->state == CS_HANDSHAKING)
		cs_http_act(connection);
	if (connection->state < CS_OPEN)
		cs_connection_dial(connection, now);
	if (connection->state == CS_OPEN && connection->ping_due != 0 &&
		now >= connection->ping_due)
	{
		connection->want_ping = true;
		connection->want_write = true;
		connection->ping_due = now + connection->ping_interval;
		if (connection->pong_due == 0 && connection->pong_timeout > 0)
			connection->pong_due = now + connection->pong_timeout;
	}
	if (connection->state == CS_CLOSING && now >= connection->close_due)
		cs_connection_give_up(connection);
	if (connection->state == CS_CLOSING && connection->want_close &&
		connection->drained && connection->wsi != NULL)
		send_close(connection);
	if (connection->want_write && connection->wsi != NULL &&
		connection->state >= CS_OPEN)
	{
		connection->want_write = false;
		lws_callback_on_writable(connection->wsi);
	}
}

/* Bytes that came and were not read yet. */
static int
unread(const CsConnection *connection)
{
	int			count = 0;

	if (ioctl(lws_get_socket_fd(connection->wsi), FIONREAD, &count) != 0)
		return 0;
	return count;
}

/* Milliseconds since the peer last sent anything, its pings included. */
static int64_t
silence(const CsConnection *connection, int64_t now)
{
	struct tcp_info info;
	socklen_t	size = sizeof(info);
	int64_t		since = now - connection->last_read;

	memset(&info, 0, sizeof(info));
	if (getsockopt(lws_get_socket_fd(connection->wsi), IPPROTO_TCP, TCP_INFO,
				   &info, &size) == 0 &&
		(int64_t) info.tcpi_last_data_recv < since)
		since = info.tcpi_last_data_recv;
	return since;
}

/*
 * Give up a peer that has been silent for too long, now that all it sent has
 * been read.  Data counts as an answer to a ping: in a flood the pong may be
 * far behind it.
 */
void
cs_connection_judge(CsConnection *connection, int64_t now)
{
	bool		pong_late;
	bool		idle_late;
	int64_t		since;

	if (connection->state != CS_OPEN || connection->stopped)
		return;
	pong_late = connection->pong_due != 0 && now >= connection->pong_due;
	idle_late = connection->idle_due != 0 && now >= connection->idle_due;
	if ((!pong_late && !idle_late) || unread(connection) > 0)
		return;
	since = silence(connection, now);
	if (pong_late && since >= connection->pong_timeout)
		cs_connection_because(connection,
							  "the server did not answer a ping within %g s",
							  (double) connection->pong_timeout / 1000);
	else if (idle_late && since >= connection->idle_timeout)
		cs_connection_because(connection,
							  "the server sent nothing for %g s",
							  (double) connection->idle_timeout / 1000);
	else
	{
		if (pong_late)
			connection->pong_due = now + connection->pong_timeout - since;
		if (idle_late)
			connection->idle_due = now + connection->idle_timeout - since;
		return;
	}
	cs_connection_give_up(connection);
}

/* The nearer of two deadlines, of which 0 is none. */
static int64_t
nearer(int64_t a, int64_t b)
{
	if (a == 0)
		return b;
	return b == 0 || a < b ? a : b;
}

/*
 * When the connection next needs cs_wire_run(); 0: no deadline.
 */
int64_t
cs_connection_due(const CsConnection *connection)
{
	int64_t		due = 0;

	switch (connection->state)
	{
		case CS_RESOLVING:
		case CS_DIALING:
		case CS_HANDSHAKING:
			return connection->connect_due;
		case CS_CONNECTING:
			return nearer(connection->connect_due, connection->attempt_due);
		case CS_OPEN:
			due = connection->ping_due;
			if (!connection->stopped)
				due = nearer(due, nearer(connection->pong_due,
										 connection->idle_due));
			return due;
		case CS_CLOSING:
			return connection->close_due;
		case CS_GONE:
			break;
	}
	return due;
}

/*
 * Stop or restart reading.  The clocks that measure a peer's silence start
 * anew when reading does.
 */
void
cs_connection_flow(CsConnection *connection, bool stop, int64_t now)
{
	if (connection->wsi == NULL || connection->state < CS_OPEN ||
		connection->state > CS_CLOSING)
		return;
	if (connection->state == CS_CLOSING)
		stop = false;			/* the peer's close frame is to come through */

	/*
	 * What came together with the head of an answer waits in libwebsockets,
	 * which would ask for a turn to hand it over, over and over, if reading
	 * were stopped now.  It is at most one read.
	 */
	if (connection->transport != CS_TRANSPORT_WEBSOCKET &&
		!connection->reading)
		stop = false;
	if (stop == connection->stopped)
		return;
	connection->stopped = stop;
	lws_rx_flow_control(connection->wsi, stop ? 0 : 1);
	if (stop)
		return;
	connection->wire->acted = true;
	connection->last_read = now;
	if (connection->pong_due != 0)
		connection->pong_due = now + connection->pong_timeout;
	if (connection->idle_due != 0)
		connection->idle_due = now + connection->idle_timeout;
}

/*
 * The handshake succeeded.  Called from the callback.
 */
void
cs_connection_opened(CsConnection *connection)
{
	int64_t		now = cs_now();

	connection->state = CS_OPEN;
	connection->was_open = true;
	connection->last_read = now;
	connection->connect_due = connection->attempt_due = 0;
	if (connection->ping_interval > 0 &&
		connection->transport == CS_TRANSPORT_WEBSOCKET)
		connection->ping_due = now + connection->ping_interval;
	if (connection->idle_timeout > 0)
		connection->idle_due = now + connection->idle_timeout;
	cs_inbox_push(&connection->wire->inbox, CS_WIRE_OPENED, connection);
}

/* ---------- what the consumer calls ---------- */

/* All headers in one piece: name, NUL, value, NUL, ..., NUL. */
static char *
headers_copy(const CsHeader *headers, int count)
{
	size_t		size = 1;
	char	   *copy;
	char	   *end;

	for (int i = 0; i < count; i++)
		size += strlen(headers[i].name) + strlen(headers[i].value) + 2;
	copy = end = malloc(size);
	if (copy == NULL)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		end = stpcpy(end, headers[i].name) + 1;
		end = stpcpy(end, headers[i].value) + 1;
	}
	*end = '\0';
	return copy;
}

/* Copy what was asked for.  Returns false if memory is short. */
static bool
take_over(CsConnection *connection, const CsConnectParams *params)
{
	connection->transport = params->transport;
	connection->owner = params->owner;
	connection->accept_binary = params->accept_binary;
	connection->tls_insecure = params->tls_insecure;
	connection->connect_timeout = params->connect_timeout_ms;
	connection->ping_interval = params->ping_interval_ms;
	connection->pong_timeout = params->pong_timeout_ms;
	connection->idle_timeout = params->idle_timeout_ms;
	connection->tls_alert = -1;
	if (params->connect_timeout_ms > 0)
		connection->connect_due = cs_now() + params->connect_timeout_ms;
	cs_events_init(&connection->events, connection->wire->message_limit);
	if (params->body != NULL && params->transport != CS_TRANSPORT_WEBSOCKET)
	{
		connection->body_length = strlen(params->body);
		connection->body = malloc(LWS_PRE + connection->body_length + 1);
		if (connection->body == NULL)
			return false;
		memcpy(connection->body + LWS_PRE, params->body,
			   connection->body_length);
	}
	connection->headers = headers_copy(params->headers, params->header_count);
	return connection->headers != NULL;
}

/*
 * Begin a connection; see wire.h.
 */
CsConnection *
cs_connection_open(CsWire *wire, const CsConnectParams *params,
				   char reason[CS_WIRE_REASON_MAX])
{
	CsConnection *connection = calloc(1, sizeof(*connection));

	snprintf(reason, CS_WIRE_REASON_MAX, "out of memory");
	if (connection == NULL)
		return NULL;
	connection->wire = wire;
	if (!take_over(connection, params) || !cs_inbox_reserve(&wire->inbox, 2))
	{
		cs_connection_free(connection);
		return NULL;
	}
	if (!cs_url_parse(params->url,
					  params->transport == CS_TRANSPORT_WEBSOCKET ?
					  websocket_schemes : http_schemes, &connection->url,
					  reason) ||
		!cs_headers_check(params->headers, params->header_count, reason) ||
		(connection->url.tls && !cs_tls_load(wire, reason)) ||
		!cs_connection_begin(connection, reason))
	{
		wire->inbox.reserved -= 2;
		cs_connection_free(connection);
		return NULL;
	}
	reason[0] = '\0';
	connection->next = wire->connections;
	if (wire->connections != NULL)
		wire->connections->previous = connection;
	wire->connections = connection;
	wire->work = true;
	return connection;
}

/*
 * Queue one message; see wire.h.
 */
bool
cs_connection_send(CsConnection *connection, const char *data, size_t length,
				   bool binary)
{
	CsOutgoing *message;

	if (connection->state != CS_OPEN || length > INT32_MAX / 2 ||
		connection->transport != CS_TRANSPORT_WEBSOCKET)
		return false;
	message = malloc(sizeof(*message) + LWS_PRE + length + 1);
	if (message == NULL)
		return false;
	message->next = NULL;
	message->length = length;
	message->binary = binary;
	if (length > 0)
		memcpy(message->buffer + LWS_PRE, data, length);
	if (connection->out_last != NULL)
		connection->out_last->next = message;
	else
		connection->out_first = message;
	connection->out_last = message;
	connection->want_write = true;
	connection->wire->work = true;
	return true;
}

/*
 * Close; see wire.h.
 */
void
cs_connection_close(CsConnection *connection, int code, const char *reason)
{
	if (connection->state >= CS_CLOSING || connection->want_close)
		return;
	cs_connection_because(connection, "closed by this side%s%.150s",
						  reason[0] == '\0' ? "" : ": ", reason);
	connection->want_close = true;
	connection->wire->work = true;
	if (connection->state == CS_OPEN)
		begin_close(connection, code, reason);
}

/*
 * Bytes of payload received so far.
 */
uint64_t
cs_connection_bytes_in(const CsConnection *connection)
{
	return connection->bytes_in;
}

/*
 * Bytes of payload sent so far.
 */
uint64_t
cs_connection_bytes_out(const CsConnection *connection)
{
	return connection->bytes_out;
}
