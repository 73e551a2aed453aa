/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Looks into one database and says which of its sources are to be served.
 *
 * A short-lived process: connects, checks that the extension is installed,
 * reads the enabled sources, writes them to the slots, and is gone.  It runs
 * as the owner of the table it reads and with nothing allowed beyond that, so
 * that whatever somebody put there cannot act as the superuser.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "server/compat.h"
#include "server/launcher.h"
#include "server/shared.h"

/* One enabled source, as read. */
typedef struct Wanted
{
	char	   *source;
	Oid			role;
	const char *problem;		/* why it cannot be served, or NULL */
} Wanted;

/*
 * Become the owner of chainstream.sources.  Returns false if there is no such
 * table, or something else in its place.
 */
static bool
become_table_owner(void)
{
	Oid			schema = get_namespace_oid("chainstream", true);
	Oid			relation;
	HeapTuple	tuple;
	bool		usable;

	if (!OidIsValid(schema) || !OidIsValid(get_extension_oid("chainstream", true)))
		return false;
	relation = get_relname_relid("sources", schema);
	if (!OidIsValid(relation))
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		return false;
	usable = ((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION;
	if (usable)
		SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tuple))->relowner,
							   SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	ReleaseSysCache(tuple);
	return usable;
}

/* Find the role a worker shall run as, or why it cannot. */
static void
resolve_owner(Wanted *wanted, const char *owner)
{
	HeapTuple	tuple;

	wanted->role = get_role_oid(owner, true);
	if (!OidIsValid(wanted->role))
	{
		wanted->problem = psprintf("role \"%s\", the owner of the source, does not exist", owner);
		return;
	}
	if (!CS_ROLE_NEEDS_LOGIN)
		return;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(wanted->role));
	if (HeapTupleIsValid(tuple))
	{
		if (!((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		{
			wanted->role = InvalidOid;
			wanted->problem = psprintf("role \"%s\", the owner of the source, may not log in", owner);
		}
		ReleaseSysCache(tuple);
	}
}

/* The enabled sources of this database; allocated in *context*. */
static List *
read_sources(MemoryContext context)
{
	List	   *result = NIL;

	SPI_connect();
	if (SPI_execute("SELECT name, owner::pg_catalog.text FROM chainstream.sources "
					"WHERE enabled ORDER BY name", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read chainstream.sources");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		char	   *name = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
		char	   *owner = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2);
		MemoryContext oldcontext = MemoryContextSwitchTo(context);
		Wanted	   *wanted = palloc0(sizeof(Wanted));

		wanted->source = pstrdup(name);
		resolve_owner(wanted, owner ? owner : "");
		result = lappend(result, wanted);
		MemoryContextSwitchTo(oldcontext);
	}
	SPI_finish();
	return result;
}

static CsSlot *
find_slot(Oid database, const char *source)
{
	for (int i = 0; i < cs_shared->slot_count; i++)
	{
		CsSlot	   *slot = &cs_shared->slots[i];

		if (slot->in_use && slot->database == database &&
			strcmp(slot->source, source) == 0)
			return slot;
	}
	return NULL;
}

static CsSlot *
take_free_slot(Oid database, const char *source)
{
	for (int i = 0; i < cs_shared->slot_count; i++)
	{
		CsSlot	   *slot = &cs_shared->slots[i];
		CsWorkerStatus fresh;

		if (slot->in_use)
			continue;
		slot->in_use = true;
		slot->restart = false;
		slot->database = database;
		slot->pid = 0;
		strlcpy(slot->source, source, sizeof(slot->source));
		memset(&fresh, 0, sizeof(fresh));
		cs_status_publish(slot, &fresh);
		return slot;
	}
	return NULL;
}

/* Make the slots of this database say what was read. */
static void
publish(List *sources)
{
	int			without = 0;
	ListCell   *cell;

	LWLockAcquire(cs_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < cs_shared->slot_count; i++)
		if (cs_shared->slots[i].in_use &&
			cs_shared->slots[i].database == MyDatabaseId)
			cs_shared->slots[i].wanted = false;
	foreach(cell, sources)
	{
		Wanted	   *wanted = lfirst(cell);
		CsSlot	   *slot = find_slot(MyDatabaseId, wanted->source);

		if (slot == NULL)
			slot = take_free_slot(MyDatabaseId, wanted->source);
		if (slot == NULL)
		{
			without++;
			continue;
		}
		slot->wanted = true;
		slot->role = wanted->role;
		strlcpy(slot->problem, wanted->problem ? wanted->problem : "",
				sizeof(slot->problem));
	}
	if (without > 0)
		cs_shared->slots_lacking = true;
	LWLockRelease(cs_shared->lock);

	if (without > 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%d chainstream sources have no worker: all %d are in use",
						without, cs_shared->slot_count),
				 errhint("Increase chainstream.max_workers and restart the server.")));
}

void
chainstream_scan_main(Datum database)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *sources = NIL;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database),
											  InvalidOid, 0);
	SetConfigOption("search_path", "", PGC_SUSET, PGC_S_OVERRIDE);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (become_table_owner())
		sources = read_sources(context);
	PopActiveSnapshot();
	CommitTransactionCommand();

	publish(sources);
	cs_wake_launcher();
	proc_exit(0);
}
