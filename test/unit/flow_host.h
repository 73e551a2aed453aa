/*-------------------------------------------------------------------------
 *
 * flow_host.h
 *	  What the conversations of the Flow provider have in common: what a
 *	  session does as text, and what nodes say.
 *
 * Requests are shown as link, action, id, topic and arguments; states as what
 * they are of, and links by their number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FLOW_HOST_H
#define FLOW_HOST_H

#include "host.h"

#define ALICE_FLOW "0xe4db9c640c6e50ba"
#define BOB_FLOW   "0x0d744d23165bfb6c"

#define TRANSACTION "fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106"

/* Ids of the blocks of flow_block(), and of flow_heartbeat(). */
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define BEAT "1bcaf95e85f09174d69a4826ca9a04910cc84b4757d64de0b44dcf2a0289dad5"

extern Host flow_start(const char *options);

/*
 * A check of the rows and actions since the last; how many actions of a kind
 * hold these words (NULL: any); forget those that say nothing new for a test.
 */
extern void flow_expect(Host *host, const char *expected, const char *name);
extern size_t flow_count(Host *host, CsActionKind kind, const char *words);
extern void flow_skip(Host *host);

/*
 * What a node says on a link about the subscription of this number: anything;
 * that it was made, ended, has failed (as in a line of the samples).
 */
extern void flow_say(Host *host, int link, const char *text);
extern void flow_accept(Host *host, int link, int number);
extern void flow_ended(Host *host, int link, int number);
extern void flow_fail(Host *host, int link, int number, int code,
					  const char *message);
extern void flow_fail_as(Host *host, int link, int number, int line_number);

/*
 * What it delivers: a block whose id is one digit all over; a message without
 * events; a line of the samples.
 */
extern void flow_block(Host *host, int link, int number, int height,
					   char digit);
extern void flow_heartbeat(Host *host, int link, int number,
						   const char *topic, int height, int index);
extern void flow_sample(Host *host, int link, int number, const char *name,
						int line_number);

/* The valid address of this number; overwritten by the next. */
extern const char *flow_numbered_address(int number);

/* The transaction of the samples, to be sent; to be freed. */
extern char *flow_transaction(void);

extern void flow_watch_transaction(Host *host, int64_t id, const char *hash);

#endif							/* FLOW_HOST_H */
