/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Keeps what runs equal to what is wanted, for ever.
 *
 * One process per cluster, connected to no database.  It starts a scan in
 * each database that was marked (all of them at first), and a worker for each
 * slot that is wanted, one attempt at a time per slot with growing, jittered
 * delays.  It never gives up for good and never trusts an edge: every turn of
 * the loop compares the whole of what is wanted with the whole of what runs.
 *
 * Workers are started to be never restarted by the postmaster, so that all
 * decisions about them are made here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "server/clock.h"
#include "server/compat.h"
#include "server/guc.h"
#include "server/launcher.h"
#include "server/shared.h"

/* A worker that ran so long was well: the next failure is a first one. */
#define WELL_AFTER_MS 60000

/* When the postmaster has no free worker slot, ask again after this. */
#define NO_SLOT_RETRY_MS 2000

/* What the launcher alone knows of a slot. */
typedef struct Child
{
	BackgroundWorkerHandle *handle; /* NULL: not running */
	TimestampTz started_at;
	TimestampTz next_start;
	int			failures;
	bool		terminated;		/* told to stop */
} Child;

static Child *children;
static BackgroundWorkerHandle *scan_handle = NULL;
static List *scans_due = NIL;	/* database OIDs, in TopMemoryContext */
static bool registration_failing = false;

static void
forget_launcher(int code, Datum arg)
{
	(void) code;
	(void) arg;
	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	if (cs_shared->launcher_pid == MyProcPid)
		cs_shared->launcher_pid = 0;
	LWLockRelease(cs_shared->lock);
}

/*
 * Register a dynamic worker.  Returns NULL when there is no free slot, which
 * is logged once until it succeeds again.
 */
static BackgroundWorkerHandle *
start_process(const char *function, const char *type, const char *name,
			  Datum argument)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = argument;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, CS_LIBRARY);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "%s", function);
	snprintf(worker.bgw_type, BGW_MAXLEN, "%s", type);
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s %s", type, name);

	if (RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		registration_failing = false;
		return handle;
	}
	if (!registration_failing)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("chainstream cannot start a background worker: all %d are in use",
						max_worker_processes),
				 errhint("Increase max_worker_processes; chainstream needs one per source and two more.")));
	registration_failing = true;
	return NULL;
}

/* Put every database that takes connections on the list of scans. */
static void
schedule_all_scans(void)
{
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;
	List	   *databases = NIL;
	ListCell   *cell;
	MemoryContext oldcontext;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		/* a connection to a template would be in the way of CREATE DATABASE */
		if (database->datallowconn && !database->datistemplate)
		{
			oldcontext = MemoryContextSwitchTo(TopMemoryContext);
			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(oldcontext);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();

	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	foreach(cell, databases)
		scans_due = list_append_unique_oid(scans_due, lfirst_oid(cell));
	list_free(databases);
	MemoryContextSwitchTo(oldcontext);
}

/* Take over the marks that backends left. */
static void
take_marks(bool all)
{
	int			count;
	Oid			marked[CS_MARKED_DATABASES];
	MemoryContext oldcontext;

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	all = all || cs_shared->mark_all;
	count = cs_shared->marked_count;
	memcpy(marked, cs_shared->marked, sizeof(marked));
	cs_shared->mark_all = false;
	cs_shared->marked_count = 0;
	LWLockRelease(cs_shared->lock);

	if (all)
		schedule_all_scans();
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	for (int i = 0; i < count; i++)
		scans_due = list_append_unique_oid(scans_due, marked[i]);
	MemoryContextSwitchTo(oldcontext);
}

/* True if the process has ended (or could never be started). */
static bool
has_stopped(BackgroundWorkerHandle *handle)
{
	pid_t		pid;

	return GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;
}

/*
 * Run the due scans, one after the other: a scan takes milliseconds, and many
 * at once would take the worker slots of others.  Returns false when one could
 * not be started.
 */
static bool
run_scans(void)
{
	if (scan_handle != NULL)
	{
		if (!has_stopped(scan_handle))
			return true;
		pfree(scan_handle);
		scan_handle = NULL;
	}
	while (scans_due != NIL && scan_handle == NULL)
	{
		Oid			database = linitial_oid(scans_due);
		bool		barred;
		char		name[32];

		LWLockAcquire(cs_shared->lock, LW_SHARED);
		barred = cs_database_barred(database);
		LWLockRelease(cs_shared->lock);

		if (!barred)
		{
			snprintf(name, sizeof(name), "of database %u", database);
			scan_handle = start_process("chainstream_scan_main", "chainstream scan",
										name, ObjectIdGetDatum(database));
			if (scan_handle == NULL)
				return false;
		}
		scans_due = list_delete_first(scans_due);
	}
	return true;
}

/* A child ended: decide when the next one may start. */
static void
reap_child(Child *child, CsSlot *slot)
{
	bool		restart;
	TimestampTz now = GetCurrentTimestamp();

	pfree(child->handle);
	child->handle = NULL;

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	restart = slot->restart;
	slot->restart = false;
	slot->pid = 0;
	LWLockRelease(cs_shared->lock);

	if (restart || TimestampDifferenceExceeds(child->started_at, now, WELL_AFTER_MS))
		child->failures = 0;
	if (restart)
		child->next_start = now;
	else
	{
		CsWorkerStatus status;

		child->next_start = child->failures == 0 ? now :
			TimestampTzPlusMilliseconds(now, cs_backoff_ms(child->failures));
		child->failures++;
		cs_status_read(slot, &status);
		status.state = CS_WORKER_FAILED;
		status.connections = 0;
		status.connected_since = 0;
		status.next_retry_at = child->next_start;
		cs_status_publish(slot, &status);
	}
}

/* Say in the status view why a wanted source has no worker. */
static void
publish_problem(CsSlot *slot, const char *problem, TimestampTz retry_at)
{
	CsWorkerStatus status;

	cs_status_read(slot, &status);
	if (status.state == CS_WORKER_FAILED && strcmp(status.last_error, problem) == 0 &&
		retry_at == 0)
		return;
	strlcpy(status.last_error, problem, sizeof(status.last_error));
	status.state = CS_WORKER_FAILED;
	status.connections = 0;
	status.connected_since = 0;
	status.last_error_at = GetCurrentTimestamp();
	status.next_retry_at = retry_at;
	cs_status_publish(slot, &status);
}

static void
start_child(int index, Child *child, CsSlot *slot)
{
	child->handle = start_process("chainstream_worker_main", "chainstream worker",
								  slot->source, Int32GetDatum(index));
	if (child->handle == NULL)
	{
		child->next_start = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														NO_SLOT_RETRY_MS);
		publish_problem(slot, "no background worker is free; see max_worker_processes",
						child->next_start);
		return;
	}
	child->started_at = GetCurrentTimestamp();
	child->terminated = false;
}

/*
 * Bring one slot nearer to what is wanted.  Returns when to look again, 0 for
 * not before something happens.
 */
static TimestampTz
tend_slot(int index)
{
	Child	   *child = &children[index];
	CsSlot	   *slot = &cs_shared->slots[index];
	bool		wanted;
	char		problem[CS_STATUS_TEXT_MAX] = "";

	if (child->handle != NULL && has_stopped(child->handle))
		reap_child(child, slot);

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	wanted = slot->in_use && slot->wanted;
	if (slot->in_use && !slot->wanted && child->handle == NULL)
	{
		slot->in_use = false;
		memset(child, 0, sizeof(*child));

		/* whoever waits for a slot is found by looking again */
		cs_shared->mark_all |= cs_shared->slots_lacking;
		cs_shared->slots_lacking = false;
	}
	if (wanted && child->handle == NULL)
		memcpy(problem, slot->problem, sizeof(problem));
	if (child->handle == NULL && (problem[0] != '\0' || cs_database_barred(slot->database)))
		wanted = false;
	LWLockRelease(cs_shared->lock);
	if (problem[0] != '\0')
		publish_problem(slot, problem, 0);

	if (!wanted)
	{
		if (child->handle != NULL && !slot->wanted && !child->terminated)
		{
			TerminateBackgroundWorker(child->handle);
			child->terminated = true;
		}
		return 0;
	}
	if (child->handle == NULL)
	{
		if (child->next_start <= GetCurrentTimestamp())
			start_child(index, child, slot);
		if (child->handle == NULL)
			return child->next_start;
	}
	return 0;
}

/* Tend every slot; returns the number of milliseconds until one needs it. */
static long
tend_slots(void)
{
	TimestampTz next = 0;

	for (int i = 0; i < cs_shared->slot_count; i++)
	{
		TimestampTz again = tend_slot(i);

		if (again != 0 && (next == 0 || again < next))
			next = again;
	}
	if (next == 0)
		return -1;
	return Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next) + 1);
}

static long
shorter(long a, long b)
{
	if (a < 0)
		return b;
	if (b < 0)
		return a;
	return Min(a, b);
}

static void
launcher_loop(void)
{
	uint32		wait_event = cs_wait_event_new("ChainstreamLauncher");
	TimestampTz last_full_scan = GetCurrentTimestamp();

	MemoryContextSwitchTo(TopMemoryContext);
	for (;;)
	{
		long		timeout;
		bool		rescan;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}

		rescan = cs_guc_rescan_interval > 0 &&
			TimestampDifferenceExceeds(last_full_scan, GetCurrentTimestamp(),
									   cs_guc_rescan_interval * 1000);
		if (rescan)
			last_full_scan = GetCurrentTimestamp();
		timeout = tend_slots();
		take_marks(rescan);
		if (!run_scans())
			timeout = shorter(timeout, NO_SLOT_RETRY_MS);
		if (cs_guc_rescan_interval > 0)
			timeout = shorter(timeout, cs_guc_rescan_interval * 1000L);

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, wait_event);
		ResetLatch(MyLatch);
	}
}

void
chainstream_launcher_main(Datum arg)
{
	(void) arg;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	/* shared catalogs only */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	children = MemoryContextAllocZero(TopMemoryContext,
									  mul_size(cs_shared->slot_count, sizeof(Child)));
	before_shmem_exit(forget_launcher, (Datum) 0);
	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	cs_shared->launcher_pid = MyProcPid;
	cs_shared->launcher_latch = MyLatch;
	cs_shared->mark_all = true;

	/*
	 * Workers of an earlier launcher, which was killed or terminated, are not
	 * our children's handles: have them leave, so that nothing runs twice.
	 */
	for (int i = 0; i < cs_shared->slot_count; i++)
		if (cs_shared->slots[i].in_use && cs_shared->slots[i].pid != 0)
			kill(cs_shared->slots[i].pid, SIGTERM);
	LWLockRelease(cs_shared->lock);

	launcher_loop();
}

void
cs_register_launcher(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, CS_LIBRARY);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "chainstream_launcher_main");
	snprintf(worker.bgw_type, BGW_MAXLEN, "chainstream launcher");
	snprintf(worker.bgw_name, BGW_MAXLEN, "chainstream launcher");
	RegisterBackgroundWorker(&worker);
}
