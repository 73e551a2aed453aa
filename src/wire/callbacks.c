/*-------------------------------------------------------------------------
 *
 * callbacks.c
 *	  What libwebsockets tells us about a connection.
 *
 * One function is called for everything, deep inside the library and inside
 * uv_run().  It copies data, notes facts and returns: no consumer code runs,
 * nothing can throw, and no connection is dialed or killed from here.  What
 * concerns WebSocket frames is here as well; HTTP has a file of its own.
 *
 * The callback for data of a WebSocket must never return non-zero.  libwebsockets
 * would leave its frame parser in mid-frame and, while waiting for the
 * answer to our close frame, go on filling a buffer that is full already: a
 * heap overflow at the peer's choice.  So receiving only ever notes that the
 * connection is to be closed, and the next turn to write does it.
 *
 *-------------------------------------------------------------------------
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/internal.h"

/* ---------- receiving ---------- */

/* A piece of a message, perhaps all of it. */
static void
receive(CsConnection *connection, struct lws *wsi, const char *data,
		size_t length)
{
	CsWire	   *wire = connection->wire;
	size_t		rest = lws_remaining_packet_payload(wsi);
	size_t		before = connection->assembling ? connection->partial_length : 0;
	bool		last = lws_is_final_fragment(wsi) != 0;
	bool		stored;

	wire->progress = true;
	if (connection->state != CS_OPEN)
		return;
	connection->bytes_in += length;
	connection->last_read = wire->now;
	if (!connection->assembling)
	{
		connection->binary = lws_frame_is_binary(wsi) != 0;
		if (connection->binary && !connection->accept_binary)
		{
			cs_connection_abort(connection, 1003,
								"received a binary message where only text is"
								" expected");
			return;
		}
	}
	if (before + length > wire->message_limit ||
		rest > wire->message_limit - before - length)
	{
		cs_connection_abort(connection, 1009,
							"received a message of %s%zu bytes, the limit is"
							" %zu", last ? "" : "at least ",
							rest > SIZE_MAX / 2 ? rest :
							before + length + rest, wire->message_limit);
		return;
	}
	if (last && !connection->assembling)
		stored = cs_inbox_add(&wire->inbox, connection, data, length,
							  connection->binary, wire->received_at);
	else
	{
		connection->assembling = true;
		stored = cs_partial_append(connection, data, length) &&
			(!last || cs_partial_deliver(connection));
	}
	if (!stored)
		cs_connection_abort(connection, 1011,
							"out of memory for a received message");
}

/* The peer's close frame: code and reason. */
static void
note_close(CsConnection *connection, const unsigned char *data, size_t length)
{
	char		text[128] = "";
	const char *also = "";

	connection->wire->progress = true;
	if (connection->state != CS_OPEN)
		return;
	if (length >= 2)
		connection->peer_code = data[0] << 8 | data[1];
	if (length > 2)
	{
		size_t		size = length - 2;

		size = size > sizeof(text) - 1 ? sizeof(text) - 1 : size;
		memcpy(text, data + 2, size);
		text[size] = '\0';
		cs_text_clean(text);
		cs_connection_hide(connection, text);
	}
#if LWS_LIBRARY_VERSION_NUMBER < 4003000
	/* libwebsockets writes 1002 over codes it does not know. */
	if (connection->peer_code == 1002)
		also = " (or 1012 to 1014)";
#endif
	if (connection->peer_code == 0)
		cs_connection_because(connection,
							  "the server closed the connection");
	else
		cs_connection_because(connection,
							  "the server closed the connection with code"
							  " %d%s%s%s", connection->peer_code, also,
							  text[0] == '\0' ? "" : ": ", text);
	connection->state = CS_CLOSING;
	connection->close_due = cs_now() + CS_CLOSE_WAIT_MS;
}

/* ---------- sending ---------- */

static int
write_ping(CsConnection *connection, struct lws *wsi)
{
	unsigned char buffer[LWS_PRE + 4] = {0};

	connection->want_ping = false;
	memcpy(buffer + LWS_PRE, "ping", 4);
	return lws_write(wsi, buffer + LWS_PRE, 4, LWS_WRITE_PING) < 0 ? -1 : 0;
}

static int
write_message(CsConnection *connection, struct lws *wsi)
{
	CsOutgoing *message = connection->out_first;
	int			written;

	connection->out_first = message->next;
	if (connection->out_first == NULL)
		connection->out_last = NULL;
	written = lws_write(wsi, message->buffer + LWS_PRE, message->length,
						message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
	connection->bytes_out += message->length;
	free(message);
	return written < 0 ? -1 : 0;
}

/*
 * Our turn to write: a ping first, then messages.  When all are out, a close
 * frame may follow; see cs_connection_act().
 */
static int
writeable(CsConnection *connection, struct lws *wsi)
{
	if (connection->want_ping && connection->state == CS_OPEN &&
		write_ping(connection, wsi) != 0)
		return -1;
	while (connection->out_first != NULL)
	{
		if (lws_send_pipe_choked(wsi))
		{
			lws_callback_on_writable(wsi);
			return 0;
		}
		if (write_message(connection, wsi) != 0)
			return -1;
	}
	if (connection->want_close && connection->state == CS_CLOSING)
	{
		if (lws_send_pipe_choked(wsi))
			lws_callback_on_writable(wsi);
		else
			connection->drained = true;
		connection->wire->acted = true;
	}
	return 0;
}

/* ---------- the end ---------- */

/* Who ended an open connection, when no close frame told. */
static void
note_end(CsConnection *connection, struct lws *wsi)
{
	struct tcp_info info;
	socklen_t	size = sizeof(info);
	const SSL  *ssl = lws_get_ssl(wsi);

	memset(&info, 0, sizeof(info));
	if (getsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_INFO, &info,
				   &size) != 0)
		info.tcpi_state = TCP_CLOSE_WAIT;
	if (ssl != NULL && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN))
		info.tcpi_state = TCP_CLOSE_WAIT;
	if (info.tcpi_state == TCP_ESTABLISHED)
		cs_connection_because(connection,
							  "the server sent something that is not valid"
							  " WebSocket data");
	else if (info.tcpi_state == TCP_CLOSE)
		cs_connection_because(connection,
							  "connection reset by the server");
	else
		cs_connection_because(connection,
							  "the server closed the connection without a"
							  " close frame");
}

/*
 * Whose *wsi* this is; NULL: one we have given up, which may live on for a
 * while.  (A pointer kept in it could outlive the connection.)
 */
static CsConnection *
owner_of(struct lws *wsi)
{
	CsWire	   *wire = lws_context_user(lws_get_context(wsi));
	CsConnection *c = wire->recent;

	if (c == NULL || c->wsi != wsi)
	{
		for (c = wire->connections; c != NULL && c->wsi != wsi; c = c->next)
			;
		wire->recent = c;
	}
	return c;
}

/* An event of a connection with WebSocket or HTTP alike, until it is open. */
static int
handshake(CsConnection *connection, struct lws *wsi,
		  enum lws_callback_reasons reason, void *user, void *in,
		  size_t length)
{
	switch (reason)
	{
		case LWS_CALLBACK_WSI_CREATE:
			if (connection->state == CS_CONNECTING)
				connection->state = CS_HANDSHAKING;
			return 0;
		case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
			return cs_tls_verify(connection, user, (int) length);
		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
			return cs_request_headers(connection, wsi, in, length);
		case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
			if (connection->transport != CS_TRANSPORT_WEBSOCKET)
				cs_http_answered(connection, wsi);
			else if (lws_http_client_http_response(wsi) != 101)
				cs_answer_note(connection, wsi);
			return 0;
		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
			connection->wsi = NULL;
			cs_connection_failed(connection, in == NULL ? "unknown" : in);
			return 0;
		case LWS_CALLBACK_WSI_DESTROY:
			connection->wsi = NULL;
			cs_connection_failed(connection, "closed before established");
			return 0;
		default:
			return 0;
	}
}

static int
websocket(CsConnection *connection, struct lws *wsi,
		  enum lws_callback_reasons reason, void *in, size_t length)
{
	switch (reason)
	{
		case LWS_CALLBACK_CLIENT_ESTABLISHED:
			cs_connection_opened(connection);
			connection->wire->progress = true;
			return 0;
		case LWS_CALLBACK_CLIENT_RECEIVE:
			receive(connection, wsi, in, length);
			return 0;
		case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
			connection->pong_due = 0;
			return 0;
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
			note_close(connection, in, length);
			return 0;
		case LWS_CALLBACK_CLIENT_WRITEABLE:
			return writeable(connection, wsi);
		case LWS_CALLBACK_CLIENT_CLOSED:
			note_end(connection, wsi);
			connection->wsi = NULL;
			cs_connection_finish(connection);
			return 0;
		default:
			return 0;
	}
}

static int
http(CsConnection *connection, struct lws *wsi,
	 enum lws_callback_reasons reason, void *in, size_t length)
{
	switch (reason)
	{
		case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
			return cs_http_writeable(connection, wsi);
		case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
			return cs_http_readable(connection, wsi);
		case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
			return cs_http_receive(connection, in, length);
		case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
			cs_http_completed(connection, wsi);
			return 0;
		case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
			cs_http_closed(connection, wsi);
			return 0;
		default:
			return 0;
	}
}

/* What libwebsockets calls, for whatever it is. */
static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
		 void *in, size_t length)
{
	CsConnection *connection;

	switch (reason)
	{
		case LWS_CALLBACK_WSI_CREATE:
		case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		case LWS_CALLBACK_WSI_DESTROY:
			connection = owner_of(wsi);
			return connection == NULL ? 0 :
				handshake(connection, wsi, reason, user, in, length);
		case LWS_CALLBACK_CLIENT_ESTABLISHED:
		case LWS_CALLBACK_CLIENT_RECEIVE:
		case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		case LWS_CALLBACK_CLIENT_WRITEABLE:
		case LWS_CALLBACK_CLIENT_CLOSED:
			connection = owner_of(wsi);
			return connection == NULL ? 0 :
				websocket(connection, wsi, reason, in, length);
		case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
		case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
		case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
		case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
			connection = owner_of(wsi);
			return connection == NULL ? 0 :
				http(connection, wsi, reason, in, length);
		default:
			return 0;
	}
}

const struct lws_protocols cs_protocols[] = {
	{.name = "chainstream",.callback = callback,
	.rx_buffer_size = CS_READ_SIZE},
	{.name = NULL}
};
