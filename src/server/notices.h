/*-------------------------------------------------------------------------
 *
 * notices.h
 *	  One NOTIFY per commit, table and channel.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_NOTICES_H
#define CS_NOTICES_H

#include "postgres.h"

#include "provider/provider.h"

/* Channel of rows whose subscription has none of its own. */
#define CS_DEFAULT_CHANNEL "chainstream"

typedef struct CsNotices CsNotices;

/* Begin to collect, in the current memory context. */
extern CsNotices *cs_notices_begin(const char *source);

/* One row was written.  *channel* NULL: the default one; else it is kept. */
extern void cs_notices_add(CsNotices *notices, const char *channel, int64 id,
						   const CsRecord *record);

/*
 * Queue the notifications in the current transaction.  Returns how many were
 * left out because the server's queue is half full: a listener that does not
 * listen must not be able to stop ingestion.
 */
extern int	cs_notices_send(CsNotices *notices);

#endif							/* CS_NOTICES_H */
