/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  Time as the loops count it, and how long to wait after failures.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "common/pg_prng.h"

#include "server/clock.h"
#include "server/guc.h"

int64
cs_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64
cs_backoff_ms(int failures)
{
	double		delay = cs_guc_reconnect_delay;

	for (int i = 1; i < failures && delay < cs_guc_reconnect_delay_max; i++)
		delay *= 2;
	delay = Min(delay, cs_guc_reconnect_delay_max);
	return (int64) (delay * (0.75 + 0.5 * pg_prng_double(&pg_global_prng_state)));
}
