/*-------------------------------------------------------------------------
 *
 * tonapi_link.c
 *	  How a link to TonAPI, or a request, is addressed: URLs and headers.
 *
 * Of the URL that the user gave, scheme, host and port matter; the path is
 * that of what is asked for.  A WebSocket's may have one of its own.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "provider/tonapi/tonapi.h"

/*
 * The server shows a sign of life after five quiet seconds: a ping, or an
 * event without data.
 */
#define IDLE_TIMEOUT_MS 20000

#define SOCKET_PATH "/v2/websocket"

/* ---------- URLs and headers ---------- */

const char *
cs_tonapi_url(CsOutput *output, const char *url, bool http, const char *path)
{
	const char *authority = strstr(url, "://");
	size_t		scheme = authority ? (size_t) (authority - url) : 0;
	size_t		length = authority ? strcspn(authority + 3, "/?#") : 0;
	bool		secure = (scheme == 3 && strncasecmp(url, "wss", 3) == 0) ||
		(scheme == 5 && strncasecmp(url, "https", 5) == 0);
	char	   *text = cs_output_alloc(output,
									   scheme + length + strlen(path) + 16);

	if (text == NULL)
		return NULL;
	(void) sprintf(text, "%.*s://%.*s%s", http ? 5 : (int) scheme,
				   http ? secure ? "https" : "http" : url, (int) length,
				   authority ? authority + 3 : "", path);
	return text;
}

const char *
cs_tonapi_signed(const TonapiSession *tonapi, const char *url, CsOutput *output)
{
	if (!tonapi->token_in_query || tonapi->base.token == NULL)
		return url;
	return cs_url_parameter(output, url, "token", tonapi->base.token);
}

static bool
add_authorization(const TonapiSession *tonapi, CsField *fields, int *count,
				  CsOutput *output)
{
	static const char scheme[] = "Bearer ";
	const char *token = tonapi->base.token;
	char	   *value;

	if (token == NULL || tonapi->token_in_query)
		return true;
	value = cs_output_alloc(output, sizeof(scheme) + strlen(token));
	if (value == NULL)
		return false;
	memcpy(value, scheme, sizeof(scheme) - 1);
	memcpy(value + sizeof(scheme) - 1, token, strlen(token) + 1);
	return cs_field_add(fields, count, output, "Authorization", value);
}

bool
cs_tonapi_fields(const TonapiSession *tonapi, CsField *fields, int *count,
				 CsOutput *output)
{
	struct json_object *headers = cs_json_object(tonapi->base.options,
												 "headers");

	if (!add_authorization(tonapi, fields, count, output))
		return false;
	if (headers == NULL)
		return true;
	json_object_object_foreach(headers, name, value)
	{
		if (!cs_field_add(fields, count, output, name,
						  json_object_get_string(value)))
			return false;
	}
	return true;
}

/* ---------- handshakes ---------- */

/* Where to ask for transactions: at the host that is connected. */
static bool
remember_url(TonapiSession *tonapi, const char *url)
{
	char	   *copy;

	if (tonapi->base_url != NULL && strcmp(tonapi->base_url, url) == 0)
		return true;
	copy = strdup(url);
	if (copy == NULL)
		return false;
	free(tonapi->base_url);
	tonapi->base_url = copy;
	return true;
}

/* A WebSocket's URL may have a path of its own, behind somebody's proxy. */
static const char *
socket_url(const char *url, CsOutput *output)
{
	const char *authority = strstr(url, "://");
	const char *path = authority ? strchr(authority + 3, '/') : NULL;

	if (authority != NULL &&
		(path == NULL || path[1] == '\0' || path[1] == '?' || path[1] == '#'))
		return cs_tonapi_url(output, url, false, SOCKET_PATH);
	return cs_output_string(output, url).data;
}

bool
cs_tonapi_handshake(CsSession *session, int link, const char *url,
					CsHandshake *handshake, CsOutput *output)
{
	TonapiSession *tonapi = (TonapiSession *) session;

	if (!remember_url(tonapi, url))
		return false;
	handshake->stream = tonapi->streams ? CS_STREAM_EVENTS :
		CS_STREAM_WEBSOCKET;
	handshake->idle_timeout_ms = IDLE_TIMEOUT_MS;
	handshake->url = tonapi->streams ?
		cs_tonapi_sse_url(tonapi, link, url, output) : socket_url(url, output);
	if (handshake->url != NULL)
		handshake->url = cs_tonapi_signed(tonapi, handshake->url, output);
	return handshake->url != NULL &&
		cs_tonapi_fields(tonapi, handshake->fields, &handshake->field_count,
						 output);
}
