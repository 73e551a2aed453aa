/*-------------------------------------------------------------------------
 *
 * chainstream.c
 *	  What happens when PostgreSQL loads the library, and nothing else.
 *
 * Preloaded by the postmaster, it reserves shared memory and registers the
 * launcher.  Loaded later, by CREATE EXTENSION or the first function call, it
 * only offers its functions: restoring a dump must work on a server that was
 * not prepared, and add_source() says what is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "server/changes.h"
#include "server/guc.h"
#include "server/launcher.h"
#include "server/shared.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/* pg_upgrade starts servers that must not write anything */
	bool		preloading = process_shared_preload_libraries_in_progress;

	if (preloading)
	{
		cs_guc_define();
		if (!IsBinaryUpgrade)
		{
			cs_shared_init();
			cs_register_launcher();
		}
	}
	cs_changes_init();
}
