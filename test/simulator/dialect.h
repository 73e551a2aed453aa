/*-------------------------------------------------------------------------
 *
 * dialect.h
 *	  What a protocol is to the simulator.
 *
 * A dialect knows what its real server answers, to whom it sends what, and
 * how that looks as text.  It does not know sockets, rates or faults: it is
 * told what a client said, and sends with cs_sim_send().  Adding a protocol
 * is one file that fills in a CsSimDialect, and one line in simulator.c.
 *
 * Members that are NULL or zero mean "nothing of that kind".
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_DIALECT_H
#define CS_DIALECT_H

#include "http.h"
#include "simulator.h"

/* Something the command line can turn on: --name. */
typedef struct CsSimSwitch
{
	const char *name;
	const char *comment;
	bool		live;			/* the control port may turn it, too */
} CsSimSwitch;

/* A number that --set and the command "set" change. */
typedef struct CsSimSetting
{
	const char *name;
	uint64_t	value;			/* at first */
	const char *comment;
} CsSimSetting;

struct CsSimDialect
{
	const char *name;
	const char *const *topics;	/* for statistics; NULL-terminated */
	const CsSimSwitch *switches;	/* ends with a NULL name; at most 32 */
	const CsSimSetting *settings;	/* ends with a NULL name */
	const CsSimCommand *commands;	/* its own; ends with a NULL name */
	const char *const *token_parameters;	/* of the query; NULL-terminated */
	const char *const *token_headers;	/* in lower case; NULL-terminated */

	/* the WebSocket server */
	const char *server;			/* value of the Server header */
	size_t		fragment_size;	/* most payload of one frame */
	size_t		message_limit;	/* a longer request is refused with 1009 */
	int			shutdown_code;	/* of the close frame at the end; 0: none */
	const char *shutdown_reason;

	/* The whole network's state. */
	void		(*start) (CsSimNetwork *network);
	void		(*stop) (CsSimNetwork *network);

	/*
	 * Say what becomes of a request, which may be an upgrade: then the status
	 * is 101 already.  Without this function every upgrade succeeds, on any
	 * path, and every plain request is answered with 400.
	 */
	void		(*respond) (CsSimNetwork *network, const CsSimRequest *request,
							CsSimResponse *response);

	/*
	 * Give an answer that others decided on (401 without the token, the
	 * faults) the body and headers that this server gives it.
	 */
	void		(*refuse) (CsSimNetwork *network, const CsSimRequest *request,
						   CsSimResponse *response);

	/* A client's life.  client->state has client_size bytes, zeroed. */
	size_t		client_size;
	void		(*opened) (CsSimClient *client, const CsSimRequest *request);
	void		(*closed) (CsSimClient *client);

	/* What cs_sim_client_timer() and cs_sim_network_timer() asked for. */
	void		(*timer) (CsSimClient *client);
	void		(*tick) (CsSimNetwork *network);

	/* A pong frame came. */
	void		(*pong) (CsSimClient *client, const char *data, size_t length);

	/* One whole message.  False: drop the connection without a close frame. */
	bool		(*received) (CsSimClient *client, const char *data,
							 size_t length, bool binary);

	/* Does it wait for notifications at all? */
	bool		(*subscribed) (const CsSimClient *client);

	/* What it subscribed to, for the tests; a new object. */
	json_object *(*describe) (const CsSimClient *client);

	/* Frames of notifications are binary. */
	bool		(*binary) (const CsSimNetwork *network);

	/*
	 * Queue a message in frames of the dialect's own; false: as usual.
	 */
	bool		(*frame) (CsSimClient *client, const CsSimMessage *message);

	/* Write a message as an event of a stream; "data: ..." without this. */
	void		(*event) (CsSimClient *client, const CsSimMessage *message,
						  CsSimText *text);

	/* Answers overtake notifications that wait. */
	bool		replies_first;

	/* So many notifications may wait for a client; 0: any number. */
	size_t		(*queue_limit) (const CsSimClient *client);

	/*
	 * A notification from its JSON (kept by the item; the caller's reference
	 * stays the caller's).  NULL, with the reason, if it is none.
	 */
	CsSimItem  *(*item_create) (CsSimNetwork *network, json_object *json,
								char error[CS_SIM_ERROR_MAX]);
	void		(*item_free) (CsSimItem *item);

	/* Send it to every client that shall have it.  Returns how many. */
	size_t		(*deliver) (CsSimNetwork *network, CsSimItem *item);

	/* Make the next synthetic notification and deliver it. */
	size_t		(*generate) (CsSimNetwork *network);

	/*
	 * Write the text of a plausible notification, as this client would get
	 * it, for the faults; there is a string in it.
	 */
	void		(*example) (CsSimClient *client, CsSimText *text);

	/* Name the accounts *from* .. *from* + *count* - 1 of the pool. */
	void		(*accounts) (CsSimNetwork *network, uint64_t from,
							 uint64_t count, FILE *file);
};

extern const CsSimDialect cs_sim_dialect_nano;
extern const CsSimDialect cs_sim_dialect_symbol;
extern const CsSimDialect cs_sim_dialect_flow;
extern const CsSimDialect cs_sim_dialect_toncenter;
extern const CsSimDialect cs_sim_dialect_tonapi;

/* All dialects, NULL-terminated. */
extern const CsSimDialect *const cs_sim_dialects[];

/* Is the dialect's switch number *index* on? */
static inline bool
cs_sim_switch(const CsSimNetwork *network, int index)
{
	return (network->switches >> index) & 1;
}

/* The present value of its setting number *index*. */
static inline uint64_t
cs_sim_setting(const CsSimNetwork *network, int index)
{
	return network->settings[index];
}

#endif							/* CS_DIALECT_H */
