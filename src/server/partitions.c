/*-------------------------------------------------------------------------
 *
 * partitions.c
 *	  Room for rows: partitions are made ahead and dropped when they expire.
 *
 * The work is done by SQL functions that run as the owner of the extension,
 * because a worker need not own the tables.  This file knows when to call
 * them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "server/execute.h"
#include "server/guc.h"
#include "server/rows.h"
#include "server/worker.h"

/* Received times known to have partitions, in microseconds since 1970. */
static int64 covered_from = 0;
static int64 covered_until = 0;

static int64
interval_us(void)
{
	return (int64) cs_guc_partition_interval * 60 * USECS_PER_SEC;
}

bool
cs_partitions_cover(int64 first_us, int64 last_us)
{
	return first_us >= covered_from && last_us < covered_until;
}

void
cs_partitions_ensure(int64 first_us, int64 last_us)
{
	int64		until = last_us + (int64) cs_guc_partitions_ahead * interval_us();
	Interval	step = {.time = interval_us()};
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INTERVALOID};
	Datum		values[] = {
		TimestampTzGetDatum(cs_timestamp(first_us)),
		TimestampTzGetDatum(cs_timestamp(until)),
		IntervalPGetDatum(&step)
	};

	if (cs_partitions_cover(first_us, last_us))
		return;
	cs_execute("SELECT chainstream._create_partitions($1, $2, $3)", 3, types, values);

	/* renewed when the newest rows reach the last but one of them */
	covered_from = first_us;
	covered_until = Max(until - interval_us(), last_us + 1);
}

void
cs_partitions_forget(void)
{
	covered_from = covered_until = 0;
}

void
cs_partitions_expire(void)
{
	Oid			type = TIMESTAMPTZOID;
	Datum		before;

	if (cs_guc_retention == 0)
		return;
	before = TimestampTzGetDatum(GetCurrentTimestamp() -
								 (int64) cs_guc_retention * 60 * USECS_PER_SEC);
	cs_execute("SELECT chainstream._drop_partitions($1)", 1, &type, &before);
}
