/*-------------------------------------------------------------------------
 *
 * callbacks.c
 *	  What libwebsockets tells us about a connection.
 *
 * One function is called for everything, deep inside the library and inside
 * uv_run().  It copies data, notes facts and returns: no consumer code runs,
 * nothing can throw, and no connection is dialed or killed from here.
 *
 * A callback for received data must never return non-zero.  libwebsockets
 * would leave its frame parser in mid-frame and, while waiting for the
 * answer to our close frame, go on filling a buffer that is full already: a
 * heap overflow at the peer's choice.  So receiving only ever notes that the
 * connection is to be closed, and the next turn to write does it.
 *
 *-------------------------------------------------------------------------
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "wire/internal.h"

/* A message in pieces up to this size is copied into the inbox when whole. */
#define SMALL_PARTIAL ((size_t) 64 * 1024)

/* ---------- the handshake ---------- */

/* Add the caller's headers to the request. */
static int
append_headers(const CsConnection *connection, unsigned char **at, size_t room)
{
	const char *header = connection->headers;

	while (*header != '\0')
	{
		const char *value = header + strlen(header) + 1;
		int			length = snprintf((char *) *at, room, "%s: %s\r\n",
									  header, value);

		if (length < 0 || (size_t) length >= room)
			return -1;
		*at += length;
		room -= (size_t) length;
		header = value + strlen(value) + 1;
	}
	return 0;
}

/* Seconds until the time of an HTTP date, at least 0. */
static int
seconds_until(const char *date)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm	when;
	char		month[4] = "";
	const char *found;
	double		seconds;

	memset(&when, 0, sizeof(when));
	if (sscanf(date, "%*3s, %d %3s %d %d:%d:%d", &when.tm_mday, month,
			   &when.tm_year, &when.tm_hour, &when.tm_min, &when.tm_sec) != 6)
		return 0;
	found = strstr(months, month);
	if (strlen(month) != 3 || found == NULL)
		return 0;
	when.tm_mon = (int) (found - months) / 3;
	when.tm_year -= 1900;
	seconds = difftime(timegm(&when), time(NULL));
	if (seconds <= 0)
		return 0;
	return seconds > 86400 ? 86400 : (int) seconds;
}

/* The peer's HTTP answer; anything but 101 is a refusal to be reported. */
static void
note_answer(CsConnection *connection, struct lws *wsi)
{
	char		text[64];
	char	   *end;
	long		seconds;
	unsigned	status = lws_http_client_http_response(wsi);

	if (status == 101)
		return;
	connection->http_status = (int) status;
	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP) > 0)
	{
		cs_text_clean(text);
		cs_connection_hide(connection, text);
		memcpy(connection->http_line, text, sizeof(connection->http_line));
	}
	else
		snprintf(connection->http_line, sizeof(connection->http_line), "%u",
				 status);
	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) > 0)
	{
		seconds = strtol(text, &end, 10);
		if (end != text)
			connection->retry_after = seconds < 0 ? 0 :
				(seconds > 86400 ? 86400 : (int) seconds);
		else
			connection->retry_after = seconds_until(text);
	}
}

/* libwebsockets' word for a failed upgrade, made readable. */
static const char *
readable(const char *word)
{
	static const char *const words[][2] = {
		{"Peer hung up", "the server closed the connection"},
		{"read failed", "the server closed the connection"},
		{"closed before established", "the server closed the connection"},
		{"Closed before conn", "the server closed the connection"},
		{"HS: ACCEPT missing", "the answer lacks Sec-WebSocket-Accept"},
		{"HS: Accept hash wrong", "the answer's Sec-WebSocket-Accept is wrong"},
		{"HS: UPGRADE missing", "the answer lacks Upgrade: websocket"},
		{"HS: UPGRADE malformed", "the answer lacks Connection: Upgrade"},
		{"HS: EXT: unknown ext", "the server insists on an extension that was"
		" not offered"},
		{"HS: PROTOCOL malformed", "the server insists on a sub-protocol that"
		" was not offered"},
		{"problems parsing header", "the answer is not HTTP"},
		{"HS: URI missing", "the answer is not HTTP"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
	{
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	}
	return strncmp(word, "HS: ", 4) == 0 ? word + 4 : word;
}

/*
 * The connection could not be brought up; *word* is libwebsockets' reason.
 */
void
cs_connection_failed(CsConnection *connection, const char *word)
{
	char		peer[CS_PEER_MAX];
	char		why[160];

	if (connection->state == CS_CONNECTING)
	{
		connection->attempt_failed = true;	/* the next address, perhaps */
		connection->wire->work = true;
		return;
	}
	cs_connection_peer(connection, peer);
	if (connection->http_status != 0)
		cs_connection_because(connection,
							  "%s answered HTTP %s instead of opening a"
							  " WebSocket%s", peer, connection->http_line,
							  connection->http_status / 100 == 3 ?
							  "; redirects are not followed" : "");
	else if (connection->url.tls && !connection->tls_done)
	{
		cs_tls_explain(connection, why, sizeof(why));
		cs_connection_because(connection, "TLS handshake with %s failed: %s",
							  peer, why[0] != '\0' ? why : readable(word));
	}
	else if (connection->url.tls && connection->tls_alert >= 0)
	{
		/* With TLS 1.3 the server's refusal comes after our part is done. */
		cs_tls_explain(connection, why, sizeof(why));
		cs_connection_because(connection, "TLS handshake with %s failed: %s",
							  peer, why);
	}
	else
		cs_connection_because(connection,
							  "WebSocket handshake with %s failed: %s", peer,
							  readable(word));
	cs_connection_finish(connection);
}

/* ---------- receiving ---------- */

/* Add a piece to the message under way; false: no memory. */
static bool
partial_append(CsConnection *connection, const char *data, size_t length)
{
	size_t		needed = connection->partial_length + length + 1;

	if (needed > connection->partial_size)
	{
		size_t		size = connection->partial_size * 2;
		size_t		most = connection->wire->message_limit + 1;
		char	   *larger;

		size = size < CS_READ_SIZE ? CS_READ_SIZE : size;
		size = size > most ? most : size;
		size = size < needed ? needed : size;
		larger = realloc(connection->partial, size);
		if (larger == NULL)
			return false;
		connection->partial = larger;
		connection->partial_size = size;
	}
	if (length > 0)
		memcpy(connection->partial + connection->partial_length, data, length);
	connection->partial_length += length;
	return true;
}

/* The message under way is whole: into the inbox with it. */
static bool
partial_deliver(CsConnection *connection)
{
	CsWire	   *wire = connection->wire;
	size_t		length = connection->partial_length;

	connection->assembling = false;
	connection->partial_length = 0;
	if (length <= SMALL_PARTIAL)
		return cs_inbox_add(&wire->inbox, connection, connection->partial,
							length, connection->binary, wire->received_at);
	if (!cs_inbox_adopt(&wire->inbox, connection, connection->partial, length,
						connection->binary, wire->received_at))
		return false;
	connection->partial = NULL;
	connection->partial_size = 0;
	return true;
}

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
		stored = partial_append(connection, data, length) &&
			(!last || partial_deliver(connection));
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

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
		 void *in, size_t length)
{
	CsConnection *connection;

	(void) user;
	switch (reason)
	{
		case LWS_CALLBACK_WSI_CREATE:
		case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		case LWS_CALLBACK_CLIENT_ESTABLISHED:
		case LWS_CALLBACK_CLIENT_RECEIVE:
		case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		case LWS_CALLBACK_CLIENT_WRITEABLE:
		case LWS_CALLBACK_CLIENT_CLOSED:
		case LWS_CALLBACK_WSI_DESTROY:
			connection = owner_of(wsi);
			break;
		default:
			return 0;
	}
	if (connection == NULL)
		return 0;

	switch (reason)
	{
		case LWS_CALLBACK_WSI_CREATE:
			if (connection->state == CS_CONNECTING)
				connection->state = CS_HANDSHAKING;
			break;
		case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
			return cs_tls_verify(connection, user, (int) length);
		case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
			return append_headers(connection, in, length);
		case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
			note_answer(connection, wsi);
			break;
		case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
			connection->wsi = NULL;
			cs_connection_failed(connection, in == NULL ? "unknown" : in);
			break;
		case LWS_CALLBACK_CLIENT_ESTABLISHED:
			cs_connection_opened(connection);
			connection->wire->progress = true;
			break;
		case LWS_CALLBACK_CLIENT_RECEIVE:
			receive(connection, wsi, in, length);
			break;
		case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
			connection->pong_due = 0;
			break;
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
			note_close(connection, in, length);
			break;
		case LWS_CALLBACK_CLIENT_WRITEABLE:
			return writeable(connection, wsi);
		case LWS_CALLBACK_CLIENT_CLOSED:
			note_end(connection, wsi);
			connection->wsi = NULL;
			cs_connection_finish(connection);
			break;
		case LWS_CALLBACK_WSI_DESTROY:
			connection->wsi = NULL;
			cs_connection_failed(connection, "closed before established");
			break;
		default:
			break;
	}
	return 0;
}

const struct lws_protocols cs_protocols[] = {
	{.name = "chainstream",.callback = callback,
	.rx_buffer_size = CS_READ_SIZE},
	{.name = NULL}
};
