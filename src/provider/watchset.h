/*-------------------------------------------------------------------------
 *
 * watchset.h
 *	  The watch list of a session: what is watched, and what has changed.
 *
 * A hash set of targets that holds millions of them in little memory, with a
 * queue of the entries that a provider has yet to act on.  An entry is in the
 * queue at most once, so the queue is never longer than the set, and adding
 * an entry has already made room for it there: queueing cannot fail.
 *
 * An entry that is no longer wanted stays in the set, flagged, until the
 * provider has told the server and removes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WATCHSET_H
#define CS_WATCHSET_H

#include "provider/provider.h"

/* Flags of an entry: the user's wish, the queue's, and the provider's. */
#define CS_WATCH_WANTED	 0x01	/* the user wants it */
#define CS_WATCH_INVALID 0x02	/* but it is not what can be watched */
#define CS_WATCH_QUEUED	 0x04	/* it is in the queue */
#define CS_WATCH_SENT	 0x08	/* the server was asked for it */
#define CS_WATCH_ACTIVE	 0x10	/* its state was said to be active */
#define CS_WATCH_REFUSED 0x20	/* its state was said to be an error */

typedef struct CsWatch
{
	int64_t		watch_id;
	uint8_t		kind;			/* CsWatchKind */
	uint8_t		flags;
	uint8_t		epoch;			/* of cs_session_mark() */
	uint8_t		length;
	char		target[];		/* NUL-terminated */
} CsWatch;

typedef struct CsWatchSet CsWatchSet;

extern CsWatchSet *cs_watchset_create(void);	/* NULL: no memory */
extern void cs_watchset_free(CsWatchSet *set);

/* The entry, or NULL. */
extern CsWatch *cs_watchset_find(const CsWatchSet *set, CsWatchKind kind,
								 const char *target, size_t length);

/*
 * The entry, made if there is none: then with watch_id 0 and no flags.  NULL:
 * no memory, or longer than CS_TARGET_MAX - 1.
 */
extern CsWatch *cs_watchset_add(CsWatchSet *set, CsWatchKind kind,
								const char *target, size_t length);

/* Forget an entry, which must not be in the queue. */
extern void cs_watchset_remove(CsWatchSet *set, CsWatch *watch);

/*
 * Step through the set in no particular order: *position* is 0 at first.
 * NULL: that was all.  The set must not be changed meanwhile.
 */
extern CsWatch *cs_watchset_next(const CsWatchSet *set, size_t *position);

extern size_t cs_watchset_count(const CsWatchSet *set);
extern size_t cs_watchset_bytes(const CsWatchSet *set);

/* Put an entry at the end of the queue, unless it is in it. */
extern void cs_watchset_queue(CsWatchSet *set, CsWatch *watch);

/* Number of entries in the queue; the one at *index* from its front. */
extern size_t cs_watchset_queued(const CsWatchSet *set);
extern CsWatch *cs_watchset_peek(const CsWatchSet *set, size_t index);

/* Take the first entry of the queue; NULL: it is empty. */
extern CsWatch *cs_watchset_pop(CsWatchSet *set);

#endif							/* CS_WATCHSET_H */
