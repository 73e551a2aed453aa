/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  The transactions of a worker.
 *
 * Everything that was read while the last batch committed is the next one:
 * rows, positions, rejects, states and notifications commit together or not
 * at all.
 *
 * When that fails, what failed decides.  An error of the data (or of a user's
 * trigger on some row) is isolated: the batch is tried in halves until the bad
 * row stands alone, goes to rejects, and the rest lands.  An error of the
 * server (no disk, a lock, a shutdown elsewhere) says nothing about the rows:
 * they are kept and tried again later, and nothing more is read meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "server/rows.h"
#include "server/worker.h"

/* Positions alone, without rows, are committed no more often than this. */
#define POSITION_INTERVAL_MS 10000

/* What came of an attempt. */
typedef enum Outcome
{
	COMMITTED,
	BAD_DATA,
	NO_PARTITION,
	SERVER_ERROR,
	EXTENSION_GONE
} Outcome;

static bool
positions_dirty(const CsWorker *worker)
{
	ListCell   *cell;

	foreach(cell, worker->positions)
		if (((CsPosition *) lfirst(cell))->dirty)
			return true;
	return false;
}

int64
cs_batch_positions_due_ms(const CsWorker *worker)
{
	return positions_dirty(worker) ?
		worker->positions_at_ms + POSITION_INTERVAL_MS : INT64_MAX;
}

bool
cs_batch_pending(const CsWorker *worker)
{
	return cs_output_record_count(worker->output) > 0 ||
		worker->rejects != NIL || worker->states_reset || worker->states_changed ||
		cs_batch_positions_due_ms(worker) <= cs_now_ms();
}

static void
add_reject(CsWorker *worker, int64 received_at, int sqlstate,
		   const char *reason, CsText message)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(worker->batch_context);
	CsReject   *reject = palloc(sizeof(CsReject));

	reject->received_at = received_at;
	reject->sqlstate = sqlstate;
	reject->reason = pstrdup(reason);
	reject->message = message.data ? message.data : "";
	reject->length = message.length;
	worker->rejects = lappend(worker->rejects, reject);
	MemoryContextSwitchTo(oldcontext);
	worker->status.rejected++;
}

void
cs_batch_take(CsWorker *worker, size_t first)
{
	size_t		i = first;

	while (i < cs_output_record_count(worker->output))
	{
		if (cs_identities_add(worker->identities, cs_output_records(worker->output)[i].identity))
			i++;
		else
		{
			cs_output_remove_record(worker->output, i);
			worker->status.duplicates++;
		}
	}
	if (cs_output_failed(worker->output))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed on a message of source \"%s\".", worker->source->name)));
}

void
cs_batch_reject(CsWorker *worker, const CsMessage *message,
				const CsError *error)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(worker->batch_context);
	const char *reason = cs_server_text(error->message);

	cs_status_note_error(&worker->status, "message rejected: %s", reason);
	if (error->detail[0])
		reason = psprintf("%s: %s", reason, cs_server_text(error->detail));
	add_reject(worker, message->received_at, cs_error_sqlstate(error->kind),
			   reason, (CsText) {message->data, message->length});
	MemoryContextSwitchTo(oldcontext);
}

/* The times between which the records of a range were received. */
static void
received_range(const CsRecord *records, size_t from, size_t to, int64 *first,
			   int64 *last)
{
	*first = INT64_MAX;
	*last = INT64_MIN;
	for (size_t i = from; i < to; i++)
	{
		*first = Min(*first, records[i].received_at);
		*last = Max(*last, records[i].received_at);
	}
}

/* Everything but rows; what is not bound to a record goes with the first. */
static void
write_extras(CsWorker *worker, bool positions)
{
	ListCell   *cell;

	cs_states_write(worker);
	foreach(cell, worker->rejects)
		cs_sink_write_reject(worker->sink, lfirst(cell));
	if (positions)
		foreach(cell, worker->positions)
		{
			CsPosition *position = lfirst(cell);

			if (position->dirty)
				cs_sink_write_cursor(worker->sink, position->scope,
									 position->position);
		}
}

/* The body of the transaction; throws. */
static bool
write_range(CsWorker *worker, size_t from, size_t to, volatile int *skipped)
{
	const CsRecord *records = cs_output_records(worker->output);
	bool		last = to == cs_output_record_count(worker->output);

	if (!cs_extension_lock())
		return false;
	if (to > from)
	{
		int64		first_us;
		int64		last_us;

		received_range(records, from, to, &first_us, &last_us);
		cs_partitions_ensure(first_us, last_us);
		*skipped = cs_sink_write(worker->sink, records + from, to - from);
	}
	write_extras(worker, last);
	return true;
}

/* After a commit: what was written need not be written again. */
static void
forget_written(CsWorker *worker, bool positions)
{
	ListCell   *cell;

	worker->rejects = NIL;
	worker->states_reset = false;
	worker->states_changed = false;
	if (!positions)
		return;
	worker->positions_at_ms = cs_now_ms();
	foreach(cell, worker->positions)
		((CsPosition *) lfirst(cell))->dirty = false;
}

/*
 * What an error says of the rows.  A syntax or permission error is usually
 * ours to wait for (somebody alters the tables), unless code of the user,
 * called for this row, raised it.
 */
static Outcome
classify(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_CHECK_VIOLATION):
			/* tuple routing names the table but no constraint */
			if (error->sqlerrcode == ERRCODE_CHECK_VIOLATION &&
				error->constraint_name == NULL && error->table_name != NULL)
				return NO_PARTITION;
			return BAD_DATA;
		case ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION):
			if (error->context != NULL && strstr(error->context, "PL/") != NULL)
				return BAD_DATA;
			return SERVER_ERROR;
		case ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INVALID_TRANSACTION_STATE):
		case ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK):
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED):
		case ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
		case ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR):
			return SERVER_ERROR;
		default:
			return BAD_DATA;
	}
}

/*
 * Try to commit the records [from, to) with all else that is pending.  On
 * failure *error is a copy of what was raised, in the batch's context.
 */
static Outcome
try_range(CsWorker *worker, size_t from, size_t to, ErrorData **error)
{
	volatile Outcome outcome = COMMITTED;
	volatile int skipped = 0;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		pgstat_report_activity(STATE_RUNNING, "writing a batch");
		if (!write_range(worker, from, to, &skipped))
			outcome = EXTENSION_GONE;
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(worker->batch_context);
		*error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		cs_partitions_forget();
		outcome = classify(*error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);

	if (outcome == COMMITTED)
	{
		worker->status.rows += to - from;
		worker->status.notifications_skipped += skipped;
	}
	return outcome;
}

/* The server cannot take the batch: say so once, and wait. */
static void
postpone(CsWorker *worker, const ErrorData *error)
{
	if (worker->retries++ == 0)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("chainstream source \"%s\" cannot write its rows and will try again: %s",
						worker->source->name, error->message),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 error->hint ? errhint("%s", error->hint) : 0));
	cs_status_note_error(&worker->status, "%s", error->message);
	worker->retry_at_ms = cs_now_ms() + cs_backoff_ms(worker->retries);
}

/* Make room for the next batch. */
static void
finish(CsWorker *worker)
{
	if (worker->retries > 0)
		ereport(LOG,
				(errmsg("chainstream source \"%s\" writes again", worker->source->name)));
	worker->retries = 0;
	worker->retry_at_ms = 0;
	worker->records_done = 0;
	worker->chunk = 0;
	worker->actions_done = 0;
	cs_output_reset(worker->output);
	MemoryContextReset(worker->batch_context);
	cs_wire_release(worker->wire);
}

/*
 * Put the record that cannot be stored among the rejects.  It is not in the
 * tables, so if it is delivered again it is no duplicate.
 */
static void
reject_record(CsWorker *worker, const CsRecord *record, const ErrorData *error)
{
	cs_identities_remove(worker->identities, record->identity);
	add_reject(worker, record->received_at, error->sqlerrcode, error->message,
			   record->message);
	cs_status_note_error(&worker->status, "row rejected: %s", error->message);
}

bool
cs_batch_commit(CsWorker *worker)
{
	size_t		total = cs_output_record_count(worker->output);
	bool		partitions_made = false;

	do
	{
		size_t		from = worker->records_done;
		size_t		to = worker->chunk == 0 ? total : Min(total, from + worker->chunk);
		ErrorData  *error = NULL;
		Outcome		outcome = try_range(worker, from, to, &error);

		/* a partition that vanished under us is made again, once */
		if (outcome == NO_PARTITION)
		{
			if (!partitions_made)
			{
				partitions_made = true;
				continue;
			}
			outcome = BAD_DATA;
		}
		if (outcome == BAD_DATA && from == to)
			outcome = SERVER_ERROR; /* there is no row to blame */

		switch (outcome)
		{
			case COMMITTED:
				forget_written(worker, to == total);
				worker->records_done = to;
				if (worker->chunk != 0)
					worker->chunk *= 2;
				break;
			case BAD_DATA:
				if (to - from > 1)
					worker->chunk = (to - from) / 2;
				else
				{
					reject_record(worker, cs_output_records(worker->output) + from, error);
					worker->records_done++;
				}
				break;
			case NO_PARTITION:
			case SERVER_ERROR:
				postpone(worker, error);
				return false;
			case EXTENSION_GONE:
				proc_exit(0);
		}
	} while (worker->records_done < total || worker->rejects != NIL);

	finish(worker);
	return true;
}
