/*-------------------------------------------------------------------------
 *
 * toncenter_host.h
 *	  A host for the sessions of the TON Center provider: what is wished, what
 *	  time it is and what the server says go in; requests and states come out,
 *	  as lines of text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TONCENTER_HOST_H
#define TONCENTER_HOST_H

#include "host.h"

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
#define ACCOUNT(digits) "0:" ZEROS digits
#define TRACE "26500c89308e8dbc5715b0c797fe6f6bdcaaab47df9e7f00b393401590dec8c8"

/* What every snapshot ends with. */
#define SETTINGS " min_finality=pending include_address_book=false" \
	" include_metadata=false"

extern Host toncenter_start(const char *transport, const char *options,
					  const char *token);
extern void toncenter_watch_trace(Host *host, int64_t id, const char *hash);

/* The server says this; that a request was taken; that it was refused. */
extern void toncenter_say(Host *host, int link, const char *text);
extern void toncenter_answer(Host *host, int link, int request);
extern void toncenter_refuse(Host *host, int link, int request, const char *words);

/* An account by number; overwritten by the next. */
extern const char *toncenter_numbered(int number);

/* Forget the actions. */
extern void toncenter_forget(Host *host);

/* A check of how a link is to be connected, and two of its watchdog. */
extern void toncenter_handshake(Host *host, int link, const char *url,
							 const char *expected, const char *name);

#endif							/* TONCENTER_HOST_H */
