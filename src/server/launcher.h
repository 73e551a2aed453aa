/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The processes, and where they begin.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_LAUNCHER_H
#define CS_LAUNCHER_H

#include "postgres.h"

#define CS_LIBRARY "chainstream"

/* Have the postmaster start the launcher; from _PG_init(), preloaded only. */
extern void cs_register_launcher(void);

/* Entry points of the background workers. */
extern PGDLLEXPORT void chainstream_launcher_main(Datum arg);
extern PGDLLEXPORT void chainstream_scan_main(Datum database);
extern PGDLLEXPORT void chainstream_worker_main(Datum slot);

#endif							/* CS_LAUNCHER_H */
