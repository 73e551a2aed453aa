/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  What the processes of chainstream know of each other.
 *
 * One slot per source that is to be served, in any database.  A slot says
 * what is wanted (written by scans), what runs (written by the launcher and
 * the worker) and how it goes (written by the worker, read by the status
 * view).  Everything here can be rebuilt from the tables: nothing is lost
 * with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SHARED_H
#define CS_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#define CS_SOURCE_NAME_MAX 64	/* bytes, with the NUL */
#define CS_STATUS_TEXT_MAX 256

/* Databases that can be marked at once before all are looked at. */
#define CS_MARKED_DATABASES 32

/* Statements that keep a database free of workers at the same time. */
#define CS_BARRED_DATABASES 16

typedef enum CsWorkerState
{
	CS_WORKER_WAITING,			/* no process yet */
	CS_WORKER_STARTING,
	CS_WORKER_IDLE,				/* nothing to subscribe to */
	CS_WORKER_CONNECTING,
	CS_WORKER_SUBSCRIBING,		/* connected, not all acknowledged yet */
	CS_WORKER_STREAMING,
	CS_WORKER_DEGRADED,			/* the same, but for some of its connections */
	CS_WORKER_BACKOFF,			/* disconnected, will try again */
	CS_WORKER_STALLED,			/* the server does not take rows; trying again */
	CS_WORKER_FAILED			/* could not start; will try again */
} CsWorkerState;

/* How a worker is doing.  Counters start with the process. */
typedef struct CsWorkerStatus
{
	CsWorkerState state;
	int			connections;
	TimestampTz connected_since;	/* 0: not connected; so for all times */
	TimestampTz last_message_at;
	TimestampTz last_error_at;
	TimestampTz next_retry_at;
	uint64		messages;
	uint64		bytes;
	uint64		rows;
	uint64		duplicates;
	uint64		rejected;
	uint64		reconnects;
	uint64		notifications_skipped;
	char		endpoint[CS_STATUS_TEXT_MAX];
	char		last_error[CS_STATUS_TEXT_MAX];
} CsWorkerStatus;

typedef struct CsSlot
{
	/* protected by CsShared.lock */
	bool		in_use;
	bool		wanted;			/* the source exists and is enabled */
	bool		restart;		/* the worker left to be started anew at once */
	Oid			database;
	Oid			role;			/* the owner; InvalidOid: there is none */
	char		source[CS_SOURCE_NAME_MAX];
	char		problem[CS_STATUS_TEXT_MAX];	/* why no worker can be
												 * started; empty: none */
	pid_t		pid;			/* of the worker, 0: none */
	Latch	   *latch;			/* of the worker, while pid is set */

	/* protected by mutex */
	slock_t		mutex;
	CsWorkerStatus status;
} CsSlot;

typedef struct CsShared
{
	LWLock	   *lock;
	pg_atomic_uint64 generation;	/* grows with each change of any
									 * configuration */

	/* protected by lock */
	pid_t		launcher_pid;
	Latch	   *launcher_latch;
	bool		mark_all;		/* look at every database */
	bool		slots_lacking;	/* a scan found no slot for some source */
	int			marked_count;
	Oid			marked[CS_MARKED_DATABASES];
	Oid			barred[CS_BARRED_DATABASES];	/* keep workers out of these */
	int			slot_count;
	CsSlot		slots[FLEXIBLE_ARRAY_MEMBER];
} CsShared;

/* NULL unless the library was preloaded. */
extern CsShared *cs_shared;

/* Install the hooks that reserve and find the memory; from _PG_init(). */
extern void cs_shared_init(void);

/* Wake the launcher, if it runs.  Caller need not hold the lock. */
extern void cs_wake_launcher(void);

/*
 * Note that the configuration of this database changed: workers look at
 * once, and if *sources* is set the launcher scans the database.
 */
extern void cs_announce_change(Oid database, bool sources);

/* Keep workers out of a database, or no longer.  False: table is full. */
extern bool cs_bar_database(Oid database);
extern void cs_unbar_database(Oid database);
extern bool cs_database_barred(Oid database);	/* caller holds the lock */

/*
 * Terminate the workers of a database and wait until they are gone, at most
 * this many milliseconds.
 */
extern void cs_stop_workers(Oid database, int timeout_ms);

/* Name of a state as the views show it. */
extern const char *cs_worker_state_name(CsWorkerState state);

/* Remember an error in a status, for the view to show. */
extern void cs_status_note_error(CsWorkerStatus *status, const char *format,...)
			pg_attribute_printf(2, 3);

/* Put a worker's status in its slot, or copy it from there. */
extern void cs_status_publish(CsSlot *slot, const CsWorkerStatus *status);
extern void cs_status_read(CsSlot *slot, CsWorkerStatus *status);

#endif							/* CS_SHARED_H */
