/*-------------------------------------------------------------------------
 *
 * life.h
 *	  A session of any provider and a host that does what it asks for, without
 *	  a network.
 *
 * Like the real host it delivers nothing over a link that was never open, and
 * answers a request once; unlike it, it does everything at the worst moment.
 * Everything that comes out is checked (see checks.h): a refused message leaves
 * nothing behind, nothing is sent over a link that is not open, and a link is
 * not asked for twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LIFE_H
#define LIFE_H

#include "checks.h"

#define LIFE_LINKS	  1024
#define LIFE_REQUESTS 1024		/* that are under way */
#define LIFE_ASKED	  8
#define LIFE_CURSORS  8

typedef struct Life
{
	const CsProvider *provider;
	CsSession  *session;
	CsOutput   *output;
	int64_t		now_ms;
	int			links;			/* numbers that were ever used */
	bool		wanted[LIFE_LINKS];
	bool		open[LIFE_LINKS];
	bool		leaving[LIFE_LINKS];	/* open still, but not for long */
	int64_t		requests[LIFE_REQUESTS];
	int			request_count;
	char		asked[LIFE_ASKED][400]; /* the last texts that were sent */
	uint32_t	asked_count;
	char		scopes[LIFE_CURSORS][200];
	char		positions[LIFE_CURSORS][2000];
	uint32_t	cursor_count;

	/* What else a fuzzer wants to know; may be NULL. */
	void		(*see_action) (struct Life *life, const CsAction *action);
	void		(*see_record) (const CsRecord *record, CsText message);
	void	   *own;
} Life;

/*
 * Nothing is wanted yet.  A life is large, and has to be told before its
 * first call what it is to see.
 */
extern Life *life_begin(const CsProvider *provider,
						const CsSourceConfig *config);
extern void life_end(Life *life);

/* Do what the session asked for in the last call. */
extern void life_act(Life *life);

extern void life_sync(Life *life);

/*
 * What happens to a link.  One that the session does not want, or that is
 * open, is not opened; closing one that it does not want is no news to it.
 */
extern void life_open(Life *life, int link, const char *url);
extern void life_open_all(Life *life, const char *url);
extern void life_close(Life *life, int link, const CsClosure *closure);

/* A message, over whatever link; was it understood? */
extern bool life_receive(Life *life, int link, const char *text, size_t length);

/* The answer to one of the requests under way, or to none that is. */
extern bool life_answer(Life *life, uint32_t number, int status,
						const char *text, size_t length);

/* Let time pass, with the ticks that the session asks for. */
extern void life_pass(Life *life, int64_t ms);

/*
 * A message as the peer would send it to this session: its "id", or its
 * "subscription_id", is one that was asked with, about the same topic if there
 * was any.  To be freed.
 */
extern char *life_address(const Life *life, const char *text, size_t *length);

#endif							/* LIFE_H */
