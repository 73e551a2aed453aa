/*-------------------------------------------------------------------------
 *
 * host.h
 *	  A host for the sessions of the unit tests: it has no network and a clock
 *	  that stands still, and writes down what a session asks for.
 *
 * Whatever fails here ends the test program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HOST_H
#define HOST_H

#include <stdio.h>

#include "provider/provider.h"

#define ALICE "nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma"
#define BOB	  "nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox"
#define CAROL "nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc"

/* A session and its surroundings. */
typedef struct Host
{
	CsSession  *session;
	CsOutput   *output;
	int64_t		now_ms;
	bool		open;			/* link 0 */
	void		(*print_request) (FILE *file, CsText text); /* NULL: verbatim */
} Host;

/* Of any provider; the test fails if the session cannot be created. */
extern Host host_start(const char *provider, const CsSourceConfig *config);

/* Of Nano. */
extern Host host_create(const char *options, const char *token);
extern void host_free(Host *host);

/* The wish. */
extern void host_subscribe(Host *host, int64_t id, const char *topic,
						   const char *arguments);
extern void host_watch(Host *host, int64_t id, const char *target);
extern void host_unwatch(Host *host, const char *target);
extern void host_sync(Host *host);

/*
 * What happens to any link.  *text* must live until the output is reset, which
 * host_actions() does; host_message() returns whether it was understood, and
 * host_answer() answers a request.
 */
extern void host_open_link(Host *host, int link);
extern void host_close_link(Host *host, int link, const CsClosure *closure);
extern bool host_message(Host *host, int link, const char *text,
						 CsError *error);
extern bool host_answer(Host *host, int64_t id, int status, const char *body,
						CsError *error);

/* What happens to link 0: also a message, an answer, a block of people nobody knows. */
extern void host_open(Host *host);
extern void host_close(Host *host);
extern void host_receive(Host *host, const char *text);
extern void host_ack(Host *host, const char *kind, int id);
extern void host_confirmation(Host *host);

/* Let time pass, with the ticks that the session asks for. */
extern void host_pass(Host *host, int64_t ms);

/*
 * All actions since the last call, separated by "; "; the states of watches
 * are only counted if they are many.  To be freed.
 */
extern char *host_actions(Host *host);

/* A check that these are the actions since the last call. */
extern void host_expect(Host *host, const char *expected, const char *name);

/* The address of the key that is this number; overwritten by the next. */
extern const char *numbered_address(int number);

/*
 * A line of a file of samples, counted from 1, of Nano or of any provider
 * ("symbol/block"); to be freed.
 */
extern char *sample(const char *name, int number);
extern char *sample_of(const char *name, int number);

/* A copy of *text* in which *from* is replaced by *to* once; to be freed. */
extern char *replaced(const char *text, const char *from, const char *to);

extern size_t resident_bytes(void);
extern double seconds(void);

#endif							/* HOST_H */
