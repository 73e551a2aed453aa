/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Plain HTTP: what was asked, and how it is answered.
 *
 * A dialect sees every request before anything is answered, upgrades to
 * WebSocket included, and says what becomes of it: an answer, an upgrade, or
 * an unending response, whose receiver is a client from then on.
 *
 * server.c calls the functions here from its callbacks; dialects only those
 * about requests and responses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_HTTP_H
#define CS_SIM_HTTP_H

#include "simulator.h"

/* One request.  Valid only during the call that it is handed to. */
struct CsSimRequest
{
	struct lws *wsi;
	bool		upgrade;		/* it asks for a WebSocket */
	const char *method;			/* "GET", "POST", ... */
	char	   *path;			/* without the query, percent-decoded */
	char	  **arguments;		/* of the query: "name=value", decoded */
	size_t		argument_count;
	CsSimText	body;			/* data is NULL without one */
};

/* What becomes of it. */
typedef struct CsSimResponse
{
	int			status;			/* 101: upgrade, at once true of upgrades */
	bool		stream;			/* 200, and then messages for ever */
	const char *type;			/* Content-Type; a constant */
	CsSimText	headers;		/* further lines, each with its CR LF */
	CsSimText	body;
} CsSimResponse;

/* The value of an argument of the query, or NULL. */
extern const char *cs_sim_request_argument(const CsSimRequest *request,
										   const char *name);

/*
 * Copy a header's value; *name* is in lower case, without the colon.  False,
 * and an empty text, if there is none or it does not fit.
 */
extern bool cs_sim_request_header(const CsSimRequest *request,
								  const char *name, char *value, size_t size);

/*
 * The token that a request brings: the first argument or header of these that
 * is there, without "Bearer ".  Empty without one.
 */
extern void cs_sim_request_token(const CsSimRequest *request,
								 const CsSimDialect *dialect, char *token,
								 size_t size);

/* Answer with this; *body* is a text, or a JSON value (released). */
extern void cs_sim_respond_text(CsSimResponse *response, int status,
								const char *type, const char *body);
extern void cs_sim_respond_json(CsSimResponse *response, int status,
								json_object *body);

/* ---------- for server.c ---------- */

/* A request that is not answered yet. */
typedef struct CsSimExchange CsSimExchange;

/* What libwebsockets keeps for each connection of ours. */
typedef struct CsSimSession
{
	CsSimClient *client;		/* from the upgrade or the stream on */
	CsSimExchange *exchange;	/* while a plain request is being answered */
} CsSimSession;

/* Callbacks of server.c; they return what libwebsockets' callback returns. */
extern int	cs_sim_http_upgrade(struct lws *wsi);
extern int	cs_sim_http_request(struct lws *wsi, CsSimSession *session);
extern int	cs_sim_http_body(struct lws *wsi, CsSimSession *session,
							 const char *data, size_t length);
extern int	cs_sim_http_body_end(struct lws *wsi, CsSimSession *session);
extern void cs_sim_http_closed(CsSimSession *session);

/* Read the request of this connection; free what was read. */
extern void cs_sim_request_read(CsSimRequest *request, struct lws *wsi);
extern void cs_sim_request_free(CsSimRequest *request);

#endif							/* CS_SIM_HTTP_H */
