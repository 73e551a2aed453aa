/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  How a change of the configuration reaches the processes.
 *
 * A statement trigger on each configuration table marks the transaction; at
 * its commit, when others can see the rows, the processes are woken.  So plain
 * SQL on the tables works like the functions, and a rollback leaves no trace.
 *
 * A dump is restored table by table, and positions and history come after the
 * sources: workers are kept out of the database until the session that brings
 * it has ended, lest they begin anew and store again what is about to come.
 *
 * Utility commands need more: some can only succeed once our workers have left
 * the database, and DROP EXTENSION fires no trigger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/rel.h"

#include "server/changes.h"
#include "server/check.h"
#include "server/compat.h"
#include "server/shared.h"

/* Longest wait for the workers of a database to leave it. */
#define LEAVE_TIMEOUT_MS 2000

PG_FUNCTION_INFO_V1(chainstream_config_changed);

/* What the current transaction has changed. */
static bool config_changed = false;
static bool sources_changed = false;

/* Whether this session keeps workers out, as it restores a dump. */
static bool keeps_out = false;

static ProcessUtility_hook_type previous_utility_hook = NULL;

/* Workers may come again; also called when the session ends. */
static void
let_in(int code, Datum arg)
{
	(void) code;
	(void) arg;
	if (!keeps_out)
		return;
	keeps_out = false;
	cs_unbar_database(MyDatabaseId);
}

/* Until then none is started in this database; those that run go on. */
static void
keep_out(void)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(let_in, (Datum) 0);
	registered = true;
	keeps_out = cs_bar_database(MyDatabaseId);
}

/*
 * Statement trigger of the configuration tables.  Its argument 'sources' says
 * that which sources are to be served may have changed as well.
 */
Datum
chainstream_config_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"chainstream_config_changed")));
	config_changed = true;
	if (strcmp(RelationGetRelationName(trigger->tg_relation), "sources") == 0)
		sources_changed = true;
	if (cs_shared != NULL && !keeps_out && cs_restoring())
		keep_out();
	return PointerGetDatum(NULL);
}

/*
 * A prepared transaction is announced when it is prepared, though its rows
 * cannot be seen yet: its commit, by another process perhaps after a restart,
 * tells nobody.  The periodic look at everything finds what this misses.
 */
static void
transaction_ended(XactEvent event, void *arg)
{
	(void) arg;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			if (config_changed && cs_shared != NULL)
				cs_announce_change(MyDatabaseId, sources_changed);
			config_changed = sources_changed = false;
			if (!cs_restoring())
				let_in(0, (Datum) 0);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			config_changed = sources_changed = false;
			break;
		default:
			break;
	}
}

/*
 * The database that a command needs free of other sessions, or NULL.  Only
 * for somebody who may give that command: it must not be a way to stop other
 * people's workers.
 */
static const char *
database_to_vacate(Node *command)
{
	const char *name = NULL;

	switch (nodeTag(command))
	{
		case T_DropdbStmt:
			name = ((DropdbStmt *) command)->dbname;
			break;
		case T_RenameStmt:
			if (((RenameStmt *) command)->renameType == OBJECT_DATABASE)
				name = ((RenameStmt *) command)->subname;
			break;
		case T_AlterDatabaseStmt:
			{
				ListCell   *cell;

				foreach(cell, ((AlterDatabaseStmt *) command)->options)
					if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
						name = ((AlterDatabaseStmt *) command)->dbname;
				break;
			}
		case T_CreatedbStmt:
			{
				ListCell   *cell;

				foreach(cell, ((CreatedbStmt *) command)->options)
				{
					DefElem    *option = lfirst(cell);

					if (strcmp(option->defname, "template") == 0 &&
						option->arg != NULL && IsA(option->arg, String))
						name = strVal(option->arg);
				}
				break;
			}
		default:
			break;
	}
	return name;
}

/* True if the command may remove or change the extension itself. */
static bool
concerns_extension(Node *command)
{
	switch (nodeTag(command))
	{
		case T_CreateExtensionStmt:
		case T_AlterExtensionStmt:
		case T_DropOwnedStmt:
			return true;
		case T_DropStmt:
			return ((DropStmt *) command)->removeType == OBJECT_EXTENSION ||
				((DropStmt *) command)->removeType == OBJECT_SCHEMA;
		default:
			return false;
	}
}

static void
call_next(PlannedStmt *statement, const char *query, bool read_only,
		  ProcessUtilityContext context, ParamListInfo params,
		  QueryEnvironment *environment, DestReceiver *dest,
		  QueryCompletion *completion)
{
	if (previous_utility_hook)
		previous_utility_hook(statement, query, read_only, context, params,
							  environment, dest, completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params,
								environment, dest, completion);
}

static void
utility_hook(PlannedStmt *statement, const char *query, bool read_only,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *environment, DestReceiver *dest,
			 QueryCompletion *completion)
{
	Node	   *command = statement->utilityStmt;
	const char *name = database_to_vacate(command);
	Oid			database = name ? get_database_oid(name, true) : InvalidOid;

	if (concerns_extension(command))
		config_changed = sources_changed = true;

	if (!OidIsValid(database) || !cs_owns_database(database) ||
		!cs_bar_database(database))
	{
		call_next(statement, query, read_only, context, params, environment,
				  dest, completion);
		return;
	}

	PG_TRY();
	{
		cs_stop_workers(database, LEAVE_TIMEOUT_MS);
		call_next(statement, query, read_only, context, params, environment,
				  dest, completion);
	}
	PG_FINALLY();
	{
		cs_unbar_database(database);
	}
	PG_END_TRY();
}

void
cs_changes_init(void)
{
	RegisterXactCallback(transaction_ended, NULL);
	if (cs_shared != NULL || process_shared_preload_libraries_in_progress)
	{
		previous_utility_hook = ProcessUtility_hook;
		ProcessUtility_hook = utility_hook;
	}
}
