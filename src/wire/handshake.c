/*-------------------------------------------------------------------------
 *
 * handshake.c
 *	  What is asked in the request, what the answer's head says, and the words
 *	  for a connection that did not come up.
 *
 * All transports begin with a request of HTTP, and what comes back from a
 * server that does not want us is much the same for all of them.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "wire/internal.h"

/* Add one header to the request.  Returns false if there is no room. */
static bool
append_header(unsigned char **at, size_t *room, const char *name,
			  const char *value)
{
	int			length = snprintf((char *) *at, *room, "%s: %s\r\n", name,
								  value);

	if (length < 0 || (size_t) length >= *room)
		return false;
	*at += length;
	*room -= (size_t) length;
	return true;
}

/*
 * Add the caller's headers to the request, and ours.  (libwebsockets itself
 * writes Host, Connection and "Cache-Control: no-cache".)  Returns 0, or -1 if
 * there is no room.
 */
int
cs_request_headers(CsConnection *connection, struct lws *wsi,
				   unsigned char **at, size_t room)
{
	const char *header = connection->headers;
	bool		has_accept = false;
	char		length[32];

	while (*header != '\0')
	{
		const char *value = header + strlen(header) + 1;

		has_accept = has_accept || strcasecmp(header, "Accept") == 0;
		if (!append_header(at, &room, header, value))
			return -1;
		header = value + strlen(value) + 1;
	}
	if (connection->transport == CS_TRANSPORT_EVENTS && !has_accept &&
		!append_header(at, &room, "Accept", "text/event-stream"))
		return -1;
	if (connection->body != NULL)
	{
		snprintf(length, sizeof(length), "%zu", connection->body_length);
		if (!append_header(at, &room, "Content-Length", length))
			return -1;
		lws_client_http_body_pending(wsi, connection->body_length > 0);
	}
	connection->requested = true;
	return 0;
}

/*
 * What is asked of the peer, for people.
 */
const char *
cs_request_name(const CsConnection *connection)
{
	return connection->transport == CS_TRANSPORT_WEBSOCKET ?
		"WebSocket handshake with" : "HTTP request to";
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

/* Seconds that a Retry-After header asks for, in either form. */
static int
seconds_of(const char *text)
{
	char	   *end;
	long		seconds = strtol(text, &end, 10);

	if (end == text)
		return seconds_until(text);
	if (seconds < 0)
		return 0;
	return seconds > 86400 ? 86400 : (int) seconds;
}

/*
 * Note the status of the peer's answer, and when to come again.
 */
void
cs_answer_note(CsConnection *connection, struct lws *wsi)
{
	char		text[64];
	unsigned	status = lws_http_client_http_response(wsi);

	connection->http_status = (int) status;
	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP) > 0 ||
		lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP1_0) > 0)
	{
		cs_text_clean(text);
		cs_connection_hide(connection, text);
		memcpy(connection->http_line, text, sizeof(connection->http_line));
	}
	else
		snprintf(connection->http_line, sizeof(connection->http_line), "%u",
				 status);
	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) > 0)
		connection->retry_after = seconds_of(text);
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
	if (connection->refused)
		cs_http_refusal(connection);
	else if (connection->http_status != 0)
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
		cs_connection_because(connection, "%s %s failed: %s",
							  cs_request_name(connection), peer,
							  readable(word));
	cs_connection_finish(connection);
}
