/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  Time as the loops count it, and how long to wait after failures.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_CLOCK_H
#define CS_CLOCK_H

#include "postgres.h"

/* A clock that only goes forward, in milliseconds. */
extern int64 cs_now_ms(void);

/*
 * Delay in milliseconds before the next attempt, after so many failures in a
 * row (1..): chainstream.reconnect_delay, doubled each time up to
 * reconnect_delay_max, with jitter, so that many do not come back at once.
 */
extern int64 cs_backoff_ms(int failures);

#endif							/* CS_CLOCK_H */
