/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Answers of HTTP: whole ones, and streams of server-sent events.
 *
 * libwebsockets reads the head of an answer and undoes its chunks.  What it
 * leaves to us is to tell an answer that ended from one that broke off, which
 * it reports in the same words, and to distrust the length of a piece, which
 * is negative when the peer makes it so.
 *
 * Other than with WebSockets, a callback may return non-zero here: there is
 * no closing handshake, and the connection is closed at once.  Only the one
 * for the end of an answer may not: when the answer has no body,
 * libwebsockets would forget to close.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "wire/internal.h"

/*
 * Of an answer that will not do so much is read.  It is far more than is shown,
 * so that a secret at the end of what is shown is found as a whole.
 */
#define WORDS_READ ((size_t) 16 * 1024)
#define WORDS_SHOWN 150

#define EVENT_STREAM "text/event-stream"

/* ---------- the head of the answer ---------- */

/* A media type and nothing but parameters behind it. */
static bool
is_event_stream(const char *type)
{
	size_t		length = strlen(EVENT_STREAM);

	return strncasecmp(type, EVENT_STREAM, length) == 0 &&
		(type[length] == '\0' || strchr("; \t", type[length]) != NULL);
}

/* How the body ends.  Returns false if it is coded in a way we do not know. */
static bool
note_framing(CsConnection *connection, struct lws *wsi)
{
	char		coding[16];

	connection->framing = CS_FRAMED_BY_CLOSE;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
		connection->framing = CS_FRAMED_BY_LENGTH;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
	{
		/* Exactly what libwebsockets looks for. */
		connection->framing = CS_FRAMED_BY_CHUNKS;
		if (lws_hdr_copy(wsi, coding, sizeof(coding),
						 WSI_TOKEN_HTTP_TRANSFER_ENCODING) < 0 ||
			strcmp(coding, "chunked") != 0)
			return false;
	}
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_ENCODING) > 0)
		return lws_hdr_copy(wsi, coding, sizeof(coding),
							WSI_TOKEN_HTTP_CONTENT_ENCODING) > 0 &&
			strcasecmp(coding, "identity") == 0;
	return true;
}

/* The answer will not do; if it has words, they are yet to come, and soon. */
static void
refuse(CsConnection *connection, const char *complaint, bool words)
{
	int64_t		due = cs_now() + CS_CLOSE_WAIT_MS;

	if (connection->connect_due == 0 || connection->connect_due > due)
		connection->connect_due = due;
	connection->refused = true;
	connection->complaint = complaint;
	connection->refused_whole = !words;
	connection->wire->work = true;
}

/* The body of an answer is there, all of it. */
static void
answer_whole(CsConnection *connection)
{
	if (connection->transport == CS_TRANSPORT_EVENTS)
		cs_connection_because(connection, "the server ended the stream");
	else if (cs_partial_deliver(connection))
		cs_connection_because(connection, "the answer is complete");
	else
		cs_connection_because(connection,
							  "out of memory for a received answer");
	cs_connection_close(connection, 1000, "");
}

/*
 * The head of the answer is there: is it what was asked for?
 */
void
cs_http_answered(CsConnection *connection, struct lws *wsi)
{
	bool		known = note_framing(connection, wsi);
	bool		bodyless;
	int			status;

	cs_answer_note(connection, wsi);
	status = connection->http_status;
	bodyless = status / 100 == 1 || status == 204 || status == 304;
	connection->wire->progress = true;
	if (lws_hdr_copy(wsi, connection->content_type,
					 sizeof(connection->content_type),
					 WSI_TOKEN_HTTP_CONTENT_TYPE) < 0)
		connection->content_type[0] = '\0';
	if (!known)
		refuse(connection, "in a coding that was not asked for", false);
	else if (status < 200)
		refuse(connection, "and nothing else", false);
	else if (connection->transport == CS_TRANSPORT_HTTP)
	{
		cs_connection_opened(connection);
		if (bodyless)
			answer_whole(connection);
	}
	else if (status != 200)
		refuse(connection, status / 100 == 3 ?
			   "(redirects are not followed)" : "", !bodyless);
	else if (is_event_stream(connection->content_type))
		cs_connection_opened(connection);
	else
		refuse(connection, "", true);
}

/* ---------- an answer that will not do ---------- */

/* The beginning of what the peer says, as one line. */
static void
first_words(CsConnection *connection, char words[WORDS_SHOWN + 1])
{
	size_t		length = 0;

	words[0] = '\0';
	if (connection->partial == NULL)
		return;
	for (size_t i = 0; i < connection->partial_length; i++)
	{
		char		c = connection->partial[i];

		if (c != '\0' && strchr(" \t\r\n", c) == NULL)
			connection->partial[length++] = c;
		else if (length > 0 && connection->partial[length - 1] != ' ')
			connection->partial[length++] = ' ';
	}
	if (length > 0 && connection->partial[length - 1] == ' ')
		length--;
	connection->partial[length] = '\0';
	cs_text_clean(connection->partial);
	cs_connection_hide(connection, connection->partial);
	if (length > WORDS_SHOWN)
	{
		length = WORDS_SHOWN;
		while ((connection->partial[length] & 0xC0) == 0x80)
			length--;
		connection->partial[length] = '\0';
	}
	memcpy(words, connection->partial, length + 1);
}

/*
 * Set the reason: what the peer answered instead, in its own words.
 */
void
cs_http_refusal(CsConnection *connection)
{
	char		peer[CS_PEER_MAX];
	char		words[WORDS_SHOWN + 1];
	char		complaint[128];

	snprintf(complaint, sizeof(complaint), "%s", connection->complaint);
	if (connection->http_status == 200 && complaint[0] == '\0')
	{
		cs_text_clean(connection->content_type);
		cs_connection_hide(connection, connection->content_type);
		snprintf(complaint, sizeof(complaint),
				 "with %s instead of an event stream",
				 connection->content_type[0] == '\0' ? "no Content-Type" :
				 connection->content_type);
	}
	first_words(connection, words);
	cs_connection_because(connection, "%s answered HTTP %s%s%s%s%s",
						  cs_connection_peer(connection, peer),
						  connection->http_line,
						  complaint[0] == '\0' ? "" : " ", complaint,
						  words[0] == '\0' ? "" : ": ", words);
}

/* Keep the beginning of its body. */
static void
receive_words(CsConnection *connection, const char *data, size_t length)
{
	size_t		room = WORDS_READ - connection->partial_length;

	if (!cs_partial_append(connection, data, length < room ? length : room) ||
		length >= room)
	{
		connection->refused_whole = true;
		connection->wire->work = true;
	}
}

/* ---------- receiving ---------- */

/* Into the inbox with an event.  Returns false if memory is short. */
static bool
deliver_event(CsConnection *connection)
{
	CsInbox    *inbox = &connection->wire->inbox;
	CsEvents   *events = &connection->events;
	int64_t		received_at = connection->wire->received_at;

	if (events->length <= CS_SMALL_MESSAGE)
		return cs_inbox_add(inbox, connection, events->data, events->length,
							false, received_at);
	if (!cs_inbox_adopt(inbox, connection, events->data, events->length, false,
						received_at))
		return false;
	(void) cs_events_take(events);
	return true;
}

static void
receive_events(CsConnection *connection, const char *data, size_t length)
{
	const char *end = data + length;
	CsEventsOutcome outcome;

	while ((outcome = cs_events_read(&connection->events, &data, end)) ==
		   CS_EVENTS_DISPATCH)
	{
		if (!deliver_event(connection))
		{
			outcome = CS_EVENTS_NO_MEMORY;
			break;
		}
	}
	if (outcome == CS_EVENTS_TOO_LONG)
		cs_connection_abort(connection, 1009,
							"received an event of more than %zu bytes, which is"
							" the limit", connection->wire->message_limit);
	else if (outcome == CS_EVENTS_NO_MEMORY)
		cs_connection_abort(connection, 1011,
							"out of memory for a received event");
}

static void
receive_answer(CsConnection *connection, const char *data, size_t length)
{
	size_t		limit = connection->wire->message_limit;

	if (length > limit - connection->partial_length)
		cs_connection_abort(connection, 1009,
							"received an answer of more than %zu bytes, which"
							" is the limit", limit);
	else if (!cs_partial_append(connection, data, length))
		cs_connection_abort(connection, 1011,
							"out of memory for a received answer");
}

static int
tcp_state(struct lws *wsi)
{
	struct tcp_info info;
	socklen_t	size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_INFO, &info,
				   &size) != 0)
		return TCP_CLOSE_WAIT;
	return info.tcpi_state;
}

/* The peer closed the connection in the orderly way. */
static bool
closed_properly(struct lws *wsi)
{
	const SSL  *ssl = lws_get_ssl(wsi);

	if (ssl != NULL)
		return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
	return tcp_state(wsi) == TCP_CLOSE_WAIT;
}

/*
 * An open connection ends before its answer does: note why.  With TLS it cannot
 * be told: OpenSSL complains to a peer that is gone, and gets a reset for it.
 */
static void
note_break(CsConnection *connection, struct lws *wsi)
{
	cs_connection_because(connection, lws_get_ssl(wsi) == NULL &&
						  tcp_state(wsi) == TCP_CLOSE ?
						  "connection reset by the server" :
						  "the server closed the connection before the end of"
						  " its answer");
}

/* Is the body still of interest? */
static bool
wanted(const CsConnection *connection)
{
	return connection->state == CS_OPEN ||
		(connection->state == CS_HANDSHAKING && connection->refused &&
		 !connection->refused_whole);
}

/*
 * Did the last read fail, rather than what became of it?  Then libwebsockets
 * has not moved on in our buffer.
 */
static bool
read_failed(const CsConnection *connection)
{
	return connection->read_length == 0 &&
		connection->read_at == connection->wire->body;
}

/*
 * There is something to read: have libwebsockets read and unpack it, which it
 * hands to cs_http_receive().
 */
int
cs_http_readable(CsConnection *connection, struct lws *wsi)
{
	if (!wanted(connection))
		return 0;				/* it does not ask again */
	connection->wire->progress = true;
	connection->reading = true;
	connection->read_at = connection->wire->body;
	connection->read_length = (int) CS_READ_SIZE;
	if (lws_http_client_read(wsi, &connection->read_at,
							 &connection->read_length) >= 0)
		return 0;
	if (connection->state == CS_OPEN && read_failed(connection))
		note_break(connection, wsi);
	else if (connection->state == CS_OPEN)
		cs_connection_because(connection,
							  "the server sent something that is not valid"
							  " HTTP");
	return -1;
}

/*
 * A piece of the body.
 */
int
cs_http_receive(CsConnection *connection, const char *data, size_t length)
{
	/*
	 * The length of a chunk overflows in libwebsockets, and may be negative
	 * then.  It would step backwards if it were allowed to go on.
	 */
	if (length > CS_READ_SIZE)
	{
		cs_connection_because(connection,
							  "the server sent a chunk of an impossible length");
		return -1;
	}
	if (!wanted(connection))
		return 0;
	connection->bytes_in += length;
	connection->last_read = connection->wire->now;
	if (connection->refused)
		receive_words(connection, data, length);
	else if (connection->transport == CS_TRANSPORT_EVENTS)
		receive_events(connection, data, length);
	else
		receive_answer(connection, data, length);
	return 0;
}

/* ---------- sending ---------- */

/*
 * Our turn to write a piece of the request's body.
 */
int
cs_http_writeable(CsConnection *connection, struct lws *wsi)
{
	size_t		rest = connection->body_length - connection->body_sent;
	size_t		length = rest < CS_READ_SIZE ? rest : CS_READ_SIZE;

	if (connection->state != CS_HANDSHAKING || rest == 0)
		return 0;
	if (lws_write(wsi, connection->body + LWS_PRE + connection->body_sent,
				  length, rest == length ? LWS_WRITE_HTTP_FINAL :
				  LWS_WRITE_HTTP) < 0)
		return -1;
	connection->body_sent += length;
	connection->bytes_out += length;
	if (rest == length)
		lws_client_http_body_pending(wsi, 0);
	else
		lws_callback_on_writable(wsi);
	return 0;
}

/* Did the peer say something, or leave? */
static bool
peer_spoke(const CsConnection *connection)
{
	SSL		   *ssl = lws_get_ssl(connection->wsi);
	char		byte;

	if (ssl == NULL)
	{
		ssize_t		got = recv(lws_get_socket_fd(connection->wsi), &byte, 1,
							   MSG_PEEK | MSG_DONTWAIT);

		return got >= 0 || (errno != EAGAIN && errno != EINTR);
	}
	ERR_clear_error();
	if (SSL_peek(ssl, &byte, 1) > 0)
		return true;
	ERR_clear_error();
	return SSL_get_shutdown(ssl) != 0;
}

/*
 * Have libwebsockets listen to the answer, without the rest of the body.  What
 * SSL_peek() has taken from the socket it would not look for: it is told, once
 * for the end of the body and once for the answer.
 */
static void
stop_body(CsConnection *connection)
{
	struct lws_pollfd ready = {lws_get_socket_fd(connection->wsi), LWS_POLLIN,
	LWS_POLLIN};
	bool		encrypted = lws_get_ssl(connection->wsi) != NULL;

	connection->body_sent = connection->body_length;
	connection->wire->acted = true;
	lws_client_http_body_pending(connection->wsi, 0);
	for (int i = 0; i < 2 && encrypted && connection->wsi != NULL; i++)
	{
		ready.revents = LWS_POLLIN;
		lws_service_fd(connection->wire->context, &ready);
	}
}

/*
 * Do what is due before the connection is open; only to be called when no
 * library is on the stack.
 *
 * A server that answers before it has seen the whole body is not interested
 * in the rest, and while there is a rest, libwebsockets does not listen, and
 * turns in circles.
 */
void
cs_http_act(CsConnection *connection)
{
	if (connection->refused_whole)
	{
		cs_http_refusal(connection);
		cs_connection_give_up(connection);
	}
	else if (connection->wsi != NULL && connection->requested &&
			 connection->body_sent < connection->body_length &&
			 peer_spoke(connection))
		stop_body(connection);
}

/* ---------- the end ---------- */

/*
 * The answer is over, as libwebsockets sees it.  It says so as well when a
 * read failed before the last chunk; then the connection is closed next.
 */
void
cs_http_completed(CsConnection *connection, struct lws *wsi)
{
	if (!wanted(connection))
		return;
	if (connection->refused)
	{
		connection->refused_whole = true;
		connection->wire->work = true;
	}
	else if (connection->framing == CS_FRAMED_BY_LENGTH ||
			 (connection->framing == CS_FRAMED_BY_CHUNKS &&
			  !read_failed(connection)) ||
			 (connection->framing == CS_FRAMED_BY_CLOSE &&
			  closed_properly(wsi)))
		answer_whole(connection);
}

/*
 * The connection was closed.
 */
void
cs_http_closed(CsConnection *connection, struct lws *wsi)
{
	connection->wsi = NULL;
	if (connection->state < CS_OPEN)
	{
		cs_connection_failed(connection, "closed before established");
		return;
	}
	note_break(connection, wsi);
	cs_connection_finish(connection);
}
