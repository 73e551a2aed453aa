/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  Shared memory: its size, its making, and the few things every process
 *	  does with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "server/compat.h"
#include "server/guc.h"
#include "server/shared.h"

CsShared   *cs_shared = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static Size
shared_size(void)
{
	return add_size(offsetof(CsShared, slots),
					mul_size(cs_guc_max_workers, sizeof(CsSlot)));
}

static void
request_shared(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche("chainstream", 1);
}

static void
startup_shared(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	cs_shared = ShmemInitStruct("chainstream", shared_size(), &found);
	if (!found)
	{
		memset(cs_shared, 0, shared_size());
		cs_shared->lock = &GetNamedLWLockTranche("chainstream")->lock;
		pg_atomic_init_u64(&cs_shared->generation, 1);
		cs_shared->mark_all = true;
		cs_shared->slot_count = cs_guc_max_workers;
		for (int i = 0; i < cs_shared->slot_count; i++)
			SpinLockInit(&cs_shared->slots[i].mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
cs_shared_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared;
}

static void
wake_launcher_locked(void)
{
	if (cs_shared->launcher_pid != 0)
		SetLatch(cs_shared->launcher_latch);
}

void
cs_wake_launcher(void)
{
	LWLockAcquire(cs_shared->lock, LW_SHARED);
	wake_launcher_locked();
	LWLockRelease(cs_shared->lock);
}

/* Have the launcher scan this database.  Caller holds the lock. */
static void
mark_database(Oid database)
{
	for (int i = 0; i < cs_shared->marked_count; i++)
		if (cs_shared->marked[i] == database)
			return;
	if (cs_shared->marked_count < CS_MARKED_DATABASES)
		cs_shared->marked[cs_shared->marked_count++] = database;
	else
		cs_shared->mark_all = true;
}

void
cs_announce_change(Oid database, bool sources)
{
	pg_atomic_fetch_add_u64(&cs_shared->generation, 1);

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	if (sources)
	{
		mark_database(database);
		wake_launcher_locked();
	}
	for (int i = 0; i < cs_shared->slot_count; i++)
	{
		CsSlot	   *slot = &cs_shared->slots[i];

		if (slot->in_use && slot->database == database && slot->pid != 0)
			SetLatch(slot->latch);
	}
	LWLockRelease(cs_shared->lock);
}

bool
cs_bar_database(Oid database)
{
	bool		barred = false;

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < CS_BARRED_DATABASES && !barred; i++)
	{
		if (cs_shared->barred[i] == InvalidOid)
		{
			cs_shared->barred[i] = database;
			barred = true;
		}
	}
	LWLockRelease(cs_shared->lock);
	return barred;
}

void
cs_unbar_database(Oid database)
{
	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < CS_BARRED_DATABASES; i++)
	{
		if (cs_shared->barred[i] == database)
		{
			cs_shared->barred[i] = InvalidOid;
			break;
		}
	}
	mark_database(database);
	wake_launcher_locked();
	LWLockRelease(cs_shared->lock);
}

bool
cs_database_barred(Oid database)
{
	for (int i = 0; i < CS_BARRED_DATABASES; i++)
		if (cs_shared->barred[i] == database)
			return true;
	return false;
}

void
cs_stop_workers(Oid database, int timeout_ms)
{
	for (int waited = 0;; waited += 10)
	{
		int			running = 0;

		LWLockAcquire(cs_shared->lock, LW_SHARED);
		for (int i = 0; i < cs_shared->slot_count; i++)
		{
			CsSlot	   *slot = &cs_shared->slots[i];

			if (slot->in_use && slot->database == database && slot->pid != 0)
			{
				/* again and again: the first may have come too early */
				kill(slot->pid, SIGTERM);
				running++;
			}
		}
		LWLockRelease(cs_shared->lock);

		if (running == 0 || waited >= timeout_ms)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

const char *
cs_worker_state_name(CsWorkerState state)
{
	switch (state)
	{
		case CS_WORKER_WAITING:
			return "waiting";
		case CS_WORKER_STARTING:
			return "starting";
		case CS_WORKER_IDLE:
			return "idle";
		case CS_WORKER_CONNECTING:
			return "connecting";
		case CS_WORKER_SUBSCRIBING:
			return "subscribing";
		case CS_WORKER_STREAMING:
			return "streaming";
		case CS_WORKER_DEGRADED:
			return "degraded";
		case CS_WORKER_BACKOFF:
			return "backoff";
		case CS_WORKER_STALLED:
			return "stalled";
		case CS_WORKER_FAILED:
			return "failed";
	}
	return "unknown";
}

void
cs_status_note_error(CsWorkerStatus *status, const char *format,...)
{
	char	   *text = status->last_error;
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(status->last_error), format, arguments);
	va_end(arguments);
	/* not in the middle of a character */
	text[pg_mbcliplen(text, (int) strlen(text), sizeof(status->last_error) - 1)] = '\0';
	status->last_error_at = GetCurrentTimestamp();
}

void
cs_status_publish(CsSlot *slot, const CsWorkerStatus *status)
{
	SpinLockAcquire(&slot->mutex);
	slot->status = *status;
	SpinLockRelease(&slot->mutex);
}

void
cs_status_read(CsSlot *slot, CsWorkerStatus *status)
{
	SpinLockAcquire(&slot->mutex);
	*status = slot->status;
	SpinLockRelease(&slot->mutex);
}
