/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  Serves one source: its process, its start, its loop, its end.
 *
 * The loop has one place to wait: for the latch, the transport's descriptor or
 * the next timer.  Awake, it lets the transport work, hands what came to the
 * provider's session, does what the session asks for, and commits the rows.
 * No transaction, snapshot or lock is held while waiting, and no library frame
 * is on the stack where an error can be raised.
 *
 * Anything unforeseen ends the process; the launcher starts another.  A change
 * of what a connection depends on (URL, token, options, owner) ends it too,
 * cleanly; changes of subscriptions and watches are applied live.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "server/clock.h"
#include "server/compat.h"
#include "server/execute.h"
#include "server/guc.h"
#include "server/launcher.h"
#include "server/rows.h"
#include "server/worker.h"

/* Look at the configuration that often even if nobody announced a change. */
#define RELOAD_INTERVAL_MS 60000

/* Make partitions and drop expired ones that often. */
#define MAINTENANCE_INTERVAL_MS (10 * 60 * 1000)

/* So many of the last records are known and not stored again. */
#define IDENTITY_WINDOW 250000

static CsWorker worker;			/* the one and only of this process */

/* ---------- start and end ---------- */

static void
leave_slot(int code, Datum arg)
{
	(void) code;
	(void) arg;
	if (worker.wire)
		cs_wire_destroy(worker.wire);
	worker.wire = NULL;
	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	if (worker.slot->pid == MyProcPid)
		worker.slot->pid = 0;
	LWLockRelease(cs_shared->lock);
}

/*
 * Connect to the database of the slot as the owner of the source, and take the
 * slot; leaves if it is no longer wanted or served by another process.
 */
static void
enter_slot(int index)
{
	CsSlot	   *slot = &cs_shared->slots[index];
	Oid			database;
	Oid			role;
	bool		welcome;
	CsWorkerStatus status;

	LWLockAcquire(cs_shared->lock, LW_SHARED);
	welcome = slot->in_use && slot->wanted && !cs_database_barred(slot->database);
	database = slot->database;
	role = slot->role;
	LWLockRelease(cs_shared->lock);
	if (!welcome)
		proc_exit(0);

	worker.slot = slot;
	BackgroundWorkerInitializeConnectionByOid(database, role, CS_WORKER_CONNECT_FLAGS);
	before_shmem_exit(leave_slot, (Datum) 0);

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	welcome = slot->in_use && slot->wanted && slot->database == database &&
		slot->pid == 0 && !cs_database_barred(database);
	if (welcome)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
	}
	LWLockRelease(cs_shared->lock);
	if (!welcome)
		proc_exit(0);

	/* the last error of the process before us stays visible */
	cs_status_read(slot, &status);
	worker.status.state = CS_WORKER_STARTING;
	worker.status.last_error_at = status.last_error_at;
	memcpy(worker.status.last_error, status.last_error, sizeof(status.last_error));
	cs_status_publish(slot, &worker.status);
}

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
}

/*
 * End the process because of a change of the configuration: to be started anew
 * at once, or because the source is not to be served any more.  What was
 * received goes to the tables first, if they take it.
 */
static void
leave(bool restart)
{
	if (worker.output != NULL && worker.wire != NULL && cs_batch_pending(&worker))
		(void) cs_batch_commit(&worker);
	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	if (restart)
		worker.slot->restart = true;
	else
		worker.slot->wanted = false;
	LWLockRelease(cs_shared->lock);
	cs_wake_launcher();
	proc_exit(0);
}

/* The tables of the stream may be missing if a source was added by INSERT. */
static void
ensure_streams(void)
{
	Oid			schema = get_namespace_oid("chainstream", false);

	if (OidIsValid(get_relname_relid("transactions", schema)))
		return;
	cs_execute("SELECT chainstream.create_streams()", 0, NULL, NULL);
}

/* Take over what the tables say of subscriptions and watches. */
static void
apply_wishes(void)
{
	CsChannel  *channels;
	int			count;
	List	   *kept = NIL;
	ListCell   *cell;
	MemoryContext oldcontext;

	cs_source_apply_wishes(worker.source, worker.session, true);

	oldcontext = CurrentMemoryContext;
	MemoryContextReset(worker.channel_context);
	MemoryContextSwitchTo(worker.channel_context);
	count = cs_source_channels(worker.source, &channels);
	cs_sink_set_channels(worker.sink, channels, count);

	/* forget the states of subscriptions that are gone */
	MemoryContextSwitchTo(TopMemoryContext);
	foreach(cell, worker.subscription_states)
	{
		CsSubscriptionState *state = lfirst(cell);
		bool		exists = false;

		for (int i = 0; i < count && !exists; i++)
			exists = channels[i].subscription_id == state->id;
		if (exists)
			kept = lappend(kept, state);
		else
			pfree(state);
	}
	list_free(worker.subscription_states);
	worker.subscription_states = kept;
	MemoryContextSwitchTo(oldcontext);
}

/* Read the configuration and make everything the loop needs. */
static void
start(void)
{
	worker.batch_context = AllocSetContextCreate(TopMemoryContext, "chainstream batch",
												 ALLOCSET_DEFAULT_SIZES);
	worker.channel_context = AllocSetContextCreate(TopMemoryContext, "chainstream channels",
												   ALLOCSET_SMALL_SIZES);
	worker.output = cs_output_create();
	if (worker.output == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));

	worker.generation = pg_atomic_read_u64(&cs_shared->generation);
	begin_transaction();
	if (cs_extension_lock())
		worker.source = cs_source_read(worker.slot->source, TopMemoryContext);
	if (worker.source == NULL || !worker.source->enabled)
	{
		end_transaction();
		leave(false);
	}
	if (get_role_oid(worker.source->owner, true) != GetUserId())
	{
		/* the owner changed, and we came before the scan that tells */
		end_transaction();
		leave(true);
	}
	if (worker.source->url_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" has no URL", worker.source->name),
				 errhint("Give one with chainstream.alter_source().")));
	ensure_streams();
	worker.session = cs_source_session(worker.source);
	cs_source_restore(worker.source, worker.session);
	worker.sink = cs_sink_create(worker.source, TopMemoryContext);
	worker.identities = cs_identities_create(TopMemoryContext, IDENTITY_WINDOW);
	apply_wishes();
	cs_states_begin(&worker);
	end_transaction();

	worker.wire = cs_link_make_wire(worker.source);
}

/* ---------- the loop ---------- */

/* Compare the configuration with what we serve. */
static void
reload(void)
{
	CsSource   *fresh = NULL;
	bool		wanted;

	worker.generation = pg_atomic_read_u64(&cs_shared->generation);
	begin_transaction();
	if (cs_extension_lock())
		fresh = cs_source_read(worker.source->name, TopMemoryContext);
	wanted = fresh != NULL && fresh->enabled;
	if (!wanted || !cs_source_same(worker.source, fresh))
	{
		end_transaction();
		leave(wanted);
	}
	cs_source_free(fresh);
	apply_wishes();
	end_transaction();
	cs_session_sync(worker.session, cs_now_ms(), worker.output);
}

/* Partitions ahead, expired ones away.  What fails is tried again next time. */
static void
maintain(void)
{
	PG_TRY();
	{
		begin_transaction();
		cs_partitions_forget();
		cs_partitions_ensure(cs_unix_us(GetCurrentTimestamp()),
							 cs_unix_us(GetCurrentTimestamp()));
		end_transaction();
		begin_transaction();
		cs_partitions_expire();
		end_transaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(worker.batch_context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(TopMemoryContext);
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("chainstream source \"%s\" could not maintain the partitions: %s",
						worker.source->name, error->message)));
		cs_status_note_error(&worker.status, "%s", error->message);
	}
	PG_END_TRY();
}

static void
take_message(const CsWireEvent *event, CsLink *link, int64 now_ms)
{
	size_t		first = cs_output_record_count(worker.output);
	CsMessage	message = {
		.data = event->data,
		.length = event->length,
		.binary = event->binary,
		.received_at = event->received_at
	};
	CsError		error;

	worker.status.messages++;
	worker.status.bytes += event->length;
	worker.status.last_message_at = cs_timestamp(event->received_at);
	link->proven = true;
	if (!cs_session_message(worker.session, link->id, &message, now_ms,
							worker.output, &error))
		cs_batch_reject(&worker, &message, &error);
	cs_batch_take(&worker, first);
}

static bool
batch_full(void)
{
	return cs_output_record_count(worker.output) >= (size_t) cs_guc_batch_size ||
		cs_output_bytes(worker.output) >= (size_t) cs_guc_memory_budget * 1024 / 2;
}

static void
take_link_event(const CsWireEvent *event, CsLink *link, int64 now_ms)
{
	switch (event->kind)
	{
		case CS_WIRE_OPENED:
			cs_links_opened(&worker, link, now_ms);
			break;
		case CS_WIRE_MESSAGE:
			take_message(event, link, now_ms);
			break;
		case CS_WIRE_CLOSED:
			cs_links_closed(&worker, link, event, now_ms);
			break;
	}
}

/* Hand on what the transport reports, until the batch is full. */
static void
take_events(int64 now_ms)
{
	CsWireEvent event;

	while (!batch_full() && cs_wire_next(worker.wire, &event))
	{
		if (*(CsOwnerKind *) event.owner == CS_OWNER_REQUEST)
			cs_request_event(&worker, &event, now_ms);
		else
			take_link_event(&event, event.owner, now_ms);
		cs_batch_take(&worker, cs_output_record_count(worker.output));
		cs_links_act(&worker);
	}
}

static void
log_transport(void)
{
	CsWireLogLevel level;
	const char *line;

	while (cs_wire_next_log(worker.wire, &level, &line))
		ereport(level >= CS_WIRE_LOG_WARNING ? LOG : DEBUG1,
				(errmsg_internal("chainstream source \"%s\": transport: %s",
								 worker.source->name, line)));
}

/*
 * Let the transport work, as long as that brings more for the batch.  Returns
 * true if there may be more at once.
 */
static bool
read_all(void)
{
	bool		progress;

	do
	{
		int64		now_ms = cs_now_ms();
		size_t		first;

		HOLD_INTERRUPTS();
		progress = cs_wire_run(worker.wire);
		RESUME_INTERRUPTS();
		take_events(now_ms);
		first = cs_output_record_count(worker.output);
		if (cs_session_next_tick(worker.session) <= now_ms)
			cs_session_tick(worker.session, now_ms, worker.output);
		cs_batch_take(&worker, first);
		cs_links_act(&worker);
		cs_links_connect(&worker, now_ms);
		cs_requests_settle(&worker, now_ms);
		cs_links_act(&worker);
	} while (progress && !batch_full() && !InterruptPending);
	log_transport();
	return progress || batch_full();
}

/*
 * The server did not take the last batch and it is not yet time to ask again:
 * keep the connections alive, read nothing.
 */
static void
keep_alive(void)
{
	HOLD_INTERRUPTS();
	cs_wire_pause(worker.wire, true);
	(void) cs_wire_run(worker.wire);
	RESUME_INTERRUPTS();
	log_transport();
}

/* Commit what there is, if it is time. */
static void
write_all(int64 now_ms)
{
	if (!cs_batch_pending(&worker))
	{
		/* only what left no trace: messages of others, acknowledgements */
		worker.actions_done = 0;
		cs_output_reset(worker.output);
		cs_wire_release(worker.wire);
		worker.batch_since_ms = 0;
		return;
	}
	if (worker.batch_since_ms == 0)
		worker.batch_since_ms = now_ms;
	if (worker.retry_at_ms == 0 && !batch_full() &&
		now_ms - worker.batch_since_ms < cs_guc_batch_delay)
		return;

	if (cs_batch_commit(&worker))
	{
		worker.batch_since_ms = 0;
		HOLD_INTERRUPTS();
		cs_wire_pause(worker.wire, false);
		RESUME_INTERRUPTS();
	}
}

/* Milliseconds until something is due; -1: nothing. */
static long
time_to_wait(int64 reload_at_ms, int64 maintain_at_ms)
{
	int64		now_ms = cs_now_ms();
	int64		next = Min(reload_at_ms, maintain_at_ms);
	int			wire_timeout = cs_wire_timeout(worker.wire);

	next = Min(next, cs_session_next_tick(worker.session));
	next = Min(next, cs_links_next_ms(&worker));
	if (wire_timeout >= 0)
		next = Min(next, now_ms + wire_timeout);
	if (worker.retry_at_ms != 0)
		next = Min(next, worker.retry_at_ms);
	else if (worker.batch_since_ms != 0)
		next = Min(next, worker.batch_since_ms + cs_guc_batch_delay);
	else
		next = Min(next, cs_batch_positions_due_ms(&worker));
	return Max(0, next - now_ms);
}

static void
wait_for_work(WaitEventSet *set, uint32 wait_event, long timeout)
{
	WaitEvent	event;

	pgstat_report_stat(false);
	cs_links_summarize(&worker);
	cs_status_publish(worker.slot, &worker.status);
	if (WaitEventSetWait(set, timeout, &event, 1, wait_event) > 0 &&
		(event.events & WL_LATCH_SET))
		ResetLatch(MyLatch);
}

static void
worker_loop(void)
{
	uint32		wait_event = cs_wait_event_new("ChainstreamWorker");
	WaitEventSet *set = cs_wait_set_create(3);
	int64		reload_at_ms = cs_now_ms() + RELOAD_INTERVAL_MS;
	int64		maintain_at_ms = 0;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, cs_wire_fd(worker.wire), NULL, NULL);

	cs_session_sync(worker.session, cs_now_ms(), worker.output);
	for (;;)
	{
		int64		now_ms = cs_now_ms();
		bool		more = false;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (worker.retry_at_ms > now_ms)
			keep_alive();
		else
		{
			if (worker.generation != pg_atomic_read_u64(&cs_shared->generation) ||
				reload_at_ms <= now_ms)
			{
				reload();
				reload_at_ms = now_ms + RELOAD_INTERVAL_MS;
			}
			if (maintain_at_ms <= now_ms)
			{
				maintain();
				maintain_at_ms = now_ms + MAINTENANCE_INTERVAL_MS;
			}
			if (worker.retry_at_ms == 0)
				more = read_all();
			write_all(cs_now_ms());
		}
		wait_for_work(set, wait_event,
					  more ? 0 : time_to_wait(reload_at_ms, maintain_at_ms));
	}
}

/* Say in the status view why the process ends. */
static void
publish_failure(void)
{
	ErrorData  *error;
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);

	error = CopyErrorData();
	worker.status.state = CS_WORKER_FAILED;
	cs_status_note_error(&worker.status, "%s", error->message);
	cs_status_publish(worker.slot, &worker.status);
	FreeErrorData(error);
	MemoryContextSwitchTo(oldcontext);
}

void
chainstream_worker_main(Datum slot)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	MemoryContextSwitchTo(TopMemoryContext);

	enter_slot(DatumGetInt32(slot));
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", worker.slot->source, PGC_USERSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_IDLE, NULL);

	PG_TRY();
	{
		start();
		worker_loop();
	}
	PG_CATCH();
	{
		publish_failure();
		PG_RE_THROW();
	}
	PG_END_TRY();
}
