/*-------------------------------------------------------------------------
 *
 * status.c
 *	  What shared memory says of the workers, as rows for the status views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "server/shared.h"

PG_FUNCTION_INFO_V1(chainstream_preloaded);
PG_FUNCTION_INFO_V1(chainstream_workers);

#define WORKER_COLUMNS 17

/* Whether the library was preloaded, so that workers can run. */
Datum
chainstream_preloaded(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_BOOL(cs_shared != NULL);
}

static void
put_time(Datum *values, bool *nulls, int column, TimestampTz value)
{
	values[column] = TimestampTzGetDatum(value);
	nulls[column] = value == 0;
}

static void
put_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = *value == '\0';
	values[column] = nulls[column] ? (Datum) 0 : CStringGetTextDatum(value);
}

static void
put_worker(ReturnSetInfo *result, const CsSlot *slot,
		   const CsWorkerStatus *status)
{
	Datum		values[WORKER_COLUMNS] = {0};
	bool		nulls[WORKER_COLUMNS] = {0};
	int			i = 0;

	put_text(values, nulls, i++, slot->source);
	nulls[i] = slot->pid == 0;
	values[i++] = Int32GetDatum((int32) slot->pid);
	put_text(values, nulls, i++, cs_worker_state_name(status->state));
	put_text(values, nulls, i++, status->endpoint);
	values[i++] = Int32GetDatum(status->connections);
	put_time(values, nulls, i++, status->connected_since);
	put_time(values, nulls, i++, status->last_message_at);
	values[i++] = Int64GetDatum((int64) status->messages);
	values[i++] = Int64GetDatum((int64) status->bytes);
	values[i++] = Int64GetDatum((int64) status->rows);
	values[i++] = Int64GetDatum((int64) status->duplicates);
	values[i++] = Int64GetDatum((int64) status->rejected);
	values[i++] = Int64GetDatum((int64) status->reconnects);
	values[i++] = Int64GetDatum((int64) status->notifications_skipped);
	put_text(values, nulls, i++, status->last_error);
	put_time(values, nulls, i++, status->last_error_at);
	put_time(values, nulls, i++, status->next_retry_at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * One row per source of the current database that has a slot.  Slots are
 * copied under the lock first, since making tuples takes long and may throw.
 */
Datum
chainstream_workers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CsSlot	   *slots;
	int			count = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (cs_shared == NULL)
		return (Datum) 0;

	slots = palloc(sizeof(CsSlot) * cs_shared->slot_count);
	LWLockAcquire(cs_shared->lock, LW_SHARED);
	for (int i = 0; i < cs_shared->slot_count; i++)
		if (cs_shared->slots[i].in_use &&
			cs_shared->slots[i].database == MyDatabaseId)
		{
			CsSlot	   *copy = &slots[count++];

			*copy = cs_shared->slots[i];
			cs_status_read(&cs_shared->slots[i], &copy->status);
		}
	LWLockRelease(cs_shared->lock);

	for (int i = 0; i < count; i++)
		put_worker(result, &slots[i], &slots[i].status);
	return (Datum) 0;
}
