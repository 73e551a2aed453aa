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

#include "simulator.h"

/* Something the command line can turn on: --name. */
typedef struct CsSimSwitch
{
	const char *name;
	const char *comment;
	bool		live;			/* the control port may turn it, too */
} CsSimSwitch;

struct CsSimDialect
{
	const char *name;
	const char *const *topics;	/* for statistics; NULL-terminated */
	const CsSimSwitch *switches;	/* ends with a NULL name; at most 32 */
	const char *token_parameter;	/* query parameter of --require-token */

	/* the WebSocket server */
	const char *server;			/* value of the Server header */
	size_t		fragment_size;	/* most payload of one frame */
	size_t		message_limit;	/* a longer request is refused with 1009 */
	int			shutdown_code;	/* of the close frame at the end */
	const char *shutdown_reason;

	/* The whole network's state. */
	void		(*start) (CsSimNetwork *network);
	void		(*stop) (CsSimNetwork *network);

	/* A client's life.  client->state has client_size bytes, zeroed. */
	size_t		client_size;
	void		(*opened) (CsSimClient *client);
	void		(*closed) (CsSimClient *client);

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

	/* Write the text of a plausible notification, for the faults. */
	void		(*example) (CsSimNetwork *network, CsSimText *text);

	/* Name the accounts *from* .. *from* + *count* - 1 of the pool. */
	void		(*accounts) (CsSimNetwork *network, uint64_t from,
							 uint64_t count, FILE *file);
};

extern const CsSimDialect cs_sim_dialect_nano;

/* All dialects, NULL-terminated. */
extern const CsSimDialect *const cs_sim_dialects[];

/* Is the dialect's switch number *index* on? */
static inline bool
cs_sim_switch(const CsSimNetwork *network, int index)
{
	return (network->switches >> index) & 1;
}

#endif							/* CS_DIALECT_H */
