/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Plain HTTP: requests read, answers written, streams begun.
 *
 * libwebsockets parses the requests; the answers are written here, byte by
 * byte, since their headers are part of what a dialect plays.  The order in
 * which reasons not to serve a request count is the same for all kinds of
 * request: the fault "status", the token, the dialect, the fault "rest".
 *
 * An exchange lives from its request to its answer, at most as long as its
 * connection.  A connection may carry several, one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The longest part of a request's head; see server.c. */
#define VALUE_MAX_BYTES	65536

/* The bodies of requests are short. */
#define BODY_MAX_BYTES	((size_t) 16 << 20)

struct CsSimExchange
{
	lws_sorted_usec_list_t timer;	/* first: the callback gets only this */
	CsSimRequest request;
	CsSimResponse response;
	bool		waiting;		/* the answer is known, its time has not come */
};

/* ---------- requests ---------- */

static const struct
{
	enum lws_token_indexes token;
	const char *method;
}			methods[] = {
	{WSI_TOKEN_GET_URI, "GET"},
	{WSI_TOKEN_POST_URI, "POST"},
	{WSI_TOKEN_PUT_URI, "PUT"},
	{WSI_TOKEN_PATCH_URI, "PATCH"},
	{WSI_TOKEN_DELETE_URI, "DELETE"},
	{WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
	{WSI_TOKEN_HEAD_URI, "HEAD"},
};

/* The headers that libwebsockets does not keep by their names. */
static const struct
{
	const char *name;
	enum lws_token_indexes token;
}			known_headers[] = {
	{"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
	{"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
	{"content-length", WSI_TOKEN_HTTP_CONTENT_LENGTH},
	{"origin", WSI_TOKEN_ORIGIN},
	{"host", WSI_TOKEN_HOST},
	{"accept", WSI_TOKEN_HTTP_ACCEPT},
	{"user-agent", WSI_TOKEN_HTTP_USER_AGENT},
	{"sec-websocket-protocol", WSI_TOKEN_PROTOCOL},
};

void
cs_sim_request_read(CsSimRequest *request, struct lws *wsi)
{
	static char value[VALUE_MAX_BYTES];

	*value = '\0';
	memset(request, 0, sizeof(*request));
	request->wsi = wsi;
	request->method = "GET";
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
	{
		if (lws_hdr_total_length(wsi, methods[i].token) <= 0)
			continue;
		request->method = methods[i].method;
		if (lws_hdr_copy(wsi, value, VALUE_MAX_BYTES, methods[i].token) < 0)
			*value = '\0';
		break;
	}
	request->path = cs_sim_copy(value);
	for (int i = 0; lws_hdr_copy_fragment(wsi, value, VALUE_MAX_BYTES,
										  WSI_TOKEN_HTTP_URI_ARGS, i) >= 0;
		 i++)
	{
		request->arguments = cs_sim_resize(request->arguments,
										   (size_t) (i + 1) * sizeof(char *));
		request->arguments[i] = cs_sim_copy(value);
		request->argument_count++;
	}
}

void
cs_sim_request_free(CsSimRequest *request)
{
	for (size_t i = 0; i < request->argument_count; i++)
		free(request->arguments[i]);
	free(request->arguments);
	free(request->path);
	free(request->body.data);
}

const char *
cs_sim_request_argument(const CsSimRequest *request, const char *name)
{
	size_t		length = strlen(name);

	for (size_t i = 0; i < request->argument_count; i++)
	{
		const char *argument = request->arguments[i];

		if (strncmp(argument, name, length) == 0 && argument[length] == '=')
			return argument + length + 1;
	}
	return NULL;
}

bool
cs_sim_request_header(const CsSimRequest *request, const char *name,
					  char *value, size_t size)
{
	char		with_colon[128];
	int			length;

	for (size_t i = 0; i < sizeof(known_headers) / sizeof(known_headers[0]);
		 i++)
	{
		if (strcmp(known_headers[i].name, name) != 0)
			continue;
		length = lws_hdr_copy(request->wsi, value, (int) size,
							  known_headers[i].token);
		if (length <= 0)
			*value = '\0';
		return length > 0;
	}
	length = snprintf(with_colon, sizeof(with_colon), "%s:", name);
	length = lws_hdr_custom_copy(request->wsi, value, (int) size, with_colon,
								 length);
	if (length <= 0)
		*value = '\0';
	return length > 0;
}

void
cs_sim_request_token(const CsSimRequest *request, const CsSimDialect *dialect,
					 char *token, size_t size)
{
	*token = '\0';
	for (const char *const *name = dialect->token_headers;
		 name != NULL && *name != NULL; name++)
	{
		if (!cs_sim_request_header(request, *name, token, size))
			continue;
		if (strncasecmp(token, "Bearer ", 7) == 0)
			memmove(token, token + 7, strlen(token + 7) + 1);
		return;
	}
	for (const char *const *name = dialect->token_parameters;
		 name != NULL && *name != NULL; name++)
	{
		const char *given = cs_sim_request_argument(request, *name);

		if (given == NULL)
			continue;
		snprintf(token, size, "%s", given);
		return;
	}
}

/* ---------- answers ---------- */

void
cs_sim_respond_text(CsSimResponse *response, int status, const char *type,
					const char *body)
{
	response->status = status;
	response->stream = false;
	response->type = type;
	response->body.length = 0;
	cs_sim_text_add(&response->body, body, strlen(body));
}

void
cs_sim_respond_json(CsSimResponse *response, int status, json_object *body)
{
	cs_sim_respond_text(response, status, "application/json",
						json_object_to_json_string_ext(body,
													   JSON_C_TO_STRING_PLAIN |
													   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(body);
}

static void
response_free(CsSimResponse *response)
{
	free(response->headers.data);
	free(response->body.data);
}

static const char *
reason_phrase(int status)
{
	static const struct
	{
		int			status;
		const char *phrase;
	}			phrases[] = {
		{200, "OK"}, {400, "Bad Request"}, {401, "Unauthorized"},
		{403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
		{409, "Conflict"}, {413, "Content Too Large"},
		{422, "Unprocessable Entity"}, {426, "Upgrade Required"},
		{429, "Too Many Requests"}, {500, "Internal Server Error"},
		{502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "As Told";
}

/* Append the status line and the headers that every answer has. */
static void
write_head(CsSimText *text, const CsSimNetwork *network,
		   const CsSimResponse *response)
{
	const char *server = network->dialect->server;

	cs_sim_text_printf(text, "HTTP/1.1 %d %s\r\n", response->status,
					   reason_phrase(response->status));
	if (server != NULL)
		cs_sim_text_printf(text, "Server: %s\r\n", server);
	cs_sim_text_add(text, response->headers.data, response->headers.length);
	cs_sim_text_printf(text, "Content-Type: %s\r\n", response->type);
}

/* Write a whole answer.  False: the connection is to be closed. */
static bool
write_answer(struct lws *wsi, CsSimNetwork *network,
			 const CsSimRequest *request, const CsSimResponse *response,
			 bool last)
{
	char		padding[LWS_PRE] = {0};
	CsSimText	text = {NULL, 0, 0};
	int			written;

	cs_sim_text_add(&text, padding, LWS_PRE);
	write_head(&text, network, response);
	cs_sim_text_printf(&text, "Content-Length: %zu\r\n%s\r\n",
					   response->body.length,
					   last ? "Connection: close\r\n" : "");
	if (strcmp(request->method, "HEAD") != 0)
		cs_sim_text_add(&text, response->body.data, response->body.length);
	written = lws_write(wsi, (unsigned char *) text.data + LWS_PRE,
						text.length - LWS_PRE, LWS_WRITE_HTTP_HEADERS);
	free(text.data);
	if (response->status >= 400)
		network->stats.refused++;
	else
		network->stats.answered++;
	return written >= 0;
}

/* ---------- what becomes of a request ---------- */

/* An answer that is not the dialect's idea, in its manner if it has one. */
static void
refuse(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response, int status, const char *headers)
{
	response_free(response);
	memset(response, 0, sizeof(*response));
	cs_sim_respond_text(response, status, "text/plain",
						status == 401 ? "Unauthorized\n" : "");
	if (network->dialect->refuse != NULL)
		network->dialect->refuse(network, request, response);
	cs_sim_text_add(&response->headers, headers, strlen(headers));
}

/* Ask everybody who has a say what becomes of this request. */
static void
decide(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	CsSimFaults *faults = &network->faults;
	char		token[1024];

	memset(response, 0, sizeof(*response));
	response->status = request->upgrade ? 101 : 400;
	response->type = "text/plain";
	if (faults->http_status != 0)
	{
		refuse(network, request, response, faults->http_status,
			   faults->http_header);
		return;
	}
	cs_sim_request_token(request, network->dialect, token, sizeof(token));
	if (network->token != NULL && strcmp(token, network->token) != 0)
	{
		refuse(network, request, response, 401, "");
		return;
	}
	if (network->dialect->respond != NULL)
		network->dialect->respond(network, request, response);
	else if (!request->upgrade)
		cs_sim_respond_text(response, 400, "text/plain",
							"The WebSocket handshake was declined.\n");
	if (request->upgrade || response->stream || faults->rest_status == 0)
		return;
	refuse(network, request, response, faults->rest_status, "");
	if (faults->rest_count > 0 && --faults->rest_count == 0)
		faults->rest_status = 0;
}

int
cs_sim_http_upgrade(struct lws *wsi)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	CsSimNetwork *network = listener->network;
	CsSimRequest request;
	CsSimResponse response;
	bool		accepted;

	if (network->sim->stopping)
		return -1;
	cs_sim_request_read(&request, wsi);
	request.upgrade = true;
	decide(network, &request, &response);
	accepted = response.status == 101;
	if (!accepted)
		(void) write_answer(wsi, network, &request, &response, true);
	cs_sim_request_free(&request);
	response_free(&response);
	return accepted ? 0 : -1;
}

/* The requester becomes a client; the head is the first that it gets. */
static void
begin_stream(struct lws *wsi, CsSimSession *session, CsSimNetwork *network)
{
	CsSimExchange *exchange = session->exchange;
	CsSimText	head = {NULL, 0, 0};

	exchange->response.status = 200;
	exchange->response.type = "text/event-stream";
	write_head(&head, network, &exchange->response);
	cs_sim_text_printf(&head, "Cache-Control: no-cache\r\n"
					   "Connection: keep-alive\r\n"
					   "Transfer-Encoding: chunked\r\n\r\n");
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	session->exchange = NULL;
	session->client = cs_sim_client_create(wsi, true, &exchange->request,
										   &head);
	free(head.data);
	cs_sim_request_free(&exchange->request);
	response_free(&exchange->response);
	free(exchange);
}

/* Write the answer that is ready. */
static int
finish(struct lws *wsi, CsSimSession *session, CsSimNetwork *network)
{
	CsSimExchange *exchange = session->exchange;
	bool		fine;

	fine = write_answer(wsi, network, &exchange->request, &exchange->response,
						false);
	cs_sim_http_closed(session);
	if (!fine)
		return -1;
	return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

/* The answer has waited long enough. */
static void
delay_over(lws_sorted_usec_list_t *timer)
{
	CsSimExchange *exchange = (CsSimExchange *) timer;
	struct lws *wsi = exchange->request.wsi;
	CsSimListener *listener = lws_get_opaque_user_data(wsi);

	lws_rx_flow_control(wsi, 1);
	if (finish(wsi, lws_wsi_user(wsi), listener->network) != 0)
		lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

/* The request is complete. */
static int
answer(struct lws *wsi, CsSimSession *session)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	CsSimNetwork *network = listener->network;
	CsSimExchange *exchange = session->exchange;

	decide(network, &exchange->request, &exchange->response);
	if (exchange->response.stream)
	{
		begin_stream(wsi, session, network);
		return 0;
	}
	if (network->faults.rest_delay_ms == 0)
		return finish(wsi, session, network);
	/*
	 * libwebsockets 4.3 closes a connection whose next request comes before
	 * this answer.  So that is not read yet.
	 */
	exchange->waiting = true;
	lws_rx_flow_control(wsi, 0);
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	lws_sul_schedule(network->sim->context, 0, &exchange->timer, delay_over,
					 (lws_usec_t) network->faults.rest_delay_ms *
					 LWS_US_PER_MS);
	return 0;
}

int
cs_sim_http_request(struct lws *wsi, CsSimSession *session)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	char		length[32];

	if (listener->network->sim->stopping)
		return -1;
	cs_sim_http_closed(session);
	session->exchange = cs_sim_alloc(sizeof(*session->exchange));
	cs_sim_request_read(&session->exchange->request, wsi);
	if (cs_sim_request_header(&session->exchange->request, "content-length",
							  length, sizeof(length)) && atoll(length) > 0)
		return 0;				/* the body comes first */
	return answer(wsi, session);
}

int
cs_sim_http_body(struct lws *wsi, CsSimSession *session, const char *data,
				 size_t length)
{
	(void) wsi;
	if (session->exchange == NULL)
		return 0;
	cs_sim_text_add(&session->exchange->request.body, data, length);
	return session->exchange->request.body.length > BODY_MAX_BYTES ? -1 : 0;
}

int
cs_sim_http_body_end(struct lws *wsi, CsSimSession *session)
{
	/* Of an empty body this is told, too, after the answer. */
	return session->exchange != NULL && !session->exchange->waiting ?
		answer(wsi, session) : 0;
}

void
cs_sim_http_closed(CsSimSession *session)
{
	CsSimExchange *exchange = session->exchange;

	if (exchange == NULL)
		return;
	session->exchange = NULL;
	lws_sul_cancel(&exchange->timer);
	cs_sim_request_free(&exchange->request);
	response_free(&exchange->response);
	free(exchange);
}
