/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  The settings, in alphabetical order.
 *
 * Only what sizes shared memory needs a restart; everything else follows a
 * reload.  No secret is a setting: settings can be read by everybody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "server/guc.h"

int			cs_guc_batch_delay = 0;
int			cs_guc_batch_size = 10000;
int			cs_guc_connect_timeout = 10000;
int			cs_guc_max_workers = 16;
int			cs_guc_memory_budget = 64 * 1024;
int			cs_guc_message_size_limit = 16 * 1024;
int			cs_guc_partition_interval = 24 * 60;
int			cs_guc_partitions_ahead = 2;
int			cs_guc_reconnect_delay = 500;
int			cs_guc_reconnect_delay_max = 60 * 1000;
int			cs_guc_rescan_interval = 300;
int			cs_guc_retention = 0;
char	   *cs_guc_secrets_directory = NULL;
char	   *cs_guc_tls_ca = NULL;

/* A file name in a setting must not depend on the working directory. */
static bool
check_absolute_path(char **value, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	if (*value == NULL || **value == '\0' || is_absolute_path(*value))
		return true;
	GUC_check_errdetail("The path must be absolute.");
	return false;
}

static void
define_batching(void)
{
	DefineCustomIntVariable("chainstream.batch_delay",
							"Holds rows back so long, to commit more of them at once.",
							"For servers with many other users of NOTIFY, whose commits "
							"queue behind each other. 0 commits as soon as the sockets are drained.",
							&cs_guc_batch_delay, 0, 0, 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.batch_size",
							"Most rows one transaction of a worker writes.",
							NULL,
							&cs_guc_batch_size, 10000, 1, 1000000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
define_connections(void)
{
	DefineCustomIntVariable("chainstream.connect_timeout",
							"Longest time for a connection to be made, from name to handshake.",
							NULL,
							&cs_guc_connect_timeout, 10 * 1000, 100, 10 * 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.max_workers",
							"Most sources that can be served at the same time, in all databases together.",
							"Each takes one of max_worker_processes, the launcher and its scans two more.",
							&cs_guc_max_workers, 16, 1, 1024,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.memory_budget",
							"Memory for received messages per worker, above which it stops reading.",
							NULL,
							&cs_guc_memory_budget, 64 * 1024, 1024, INT_MAX / 1024,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.message_size_limit",
							"A longer message closes the connection it came on.",
							"Takes effect when the worker of a source starts.",
							&cs_guc_message_size_limit, 16 * 1024, 1, 1024 * 1024,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
}

static void
define_partitions(void)
{
	DefineCustomIntVariable("chainstream.partition_interval",
							"Range of received_at that one partition of a stream table holds.",
							"Applies to partitions made from now on.",
							&cs_guc_partition_interval, 24 * 60, 1, 366 * 24 * 60,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.partitions_ahead",
							"Number of partitions kept ready beyond the current one.",
							NULL,
							&cs_guc_partitions_ahead, 2, 1, 1000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
define_recovery(void)
{
	DefineCustomIntVariable("chainstream.reconnect_delay",
							"Delay before the first attempt to reconnect; it doubles with each failure.",
							NULL,
							&cs_guc_reconnect_delay, 500, 1, 60 * 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.reconnect_delay_max",
							"Longest delay between two attempts to reconnect.",
							NULL,
							&cs_guc_reconnect_delay_max, 60 * 1000, 1, 24 * 60 * 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.rescan_interval",
							"How often the launcher looks for changes it was not told of.",
							"Such come from prepared transactions and from writers that disable triggers. 0 turns it off.",
							&cs_guc_rescan_interval, 300, 0, 24 * 60 * 60,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("chainstream.retention",
							"Partitions whose newest row is older than this are dropped; 0 keeps them.",
							NULL,
							&cs_guc_retention, 0, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
}

static void
define_secrets(void)
{
	DefineCustomStringVariable("chainstream.secrets_directory",
							   "Directory of the files that tokens of the form file:NAME name.",
							   NULL,
							   &cs_guc_secrets_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_absolute_path, NULL, NULL);
	DefineCustomStringVariable("chainstream.tls_ca",
							   "File of the certificate authorities to trust instead of the system's.",
							   "A source's option tls_ca goes before it.",
							   &cs_guc_tls_ca, "",
							   PGC_SIGHUP, 0,
							   check_absolute_path, NULL, NULL);
}

/* Define every setting; called once, from _PG_init(). */
void
cs_guc_define(void)
{
	define_batching();
	define_connections();
	define_partitions();
	define_recovery();
	define_secrets();
	MarkGUCPrefixReserved("chainstream");
}
