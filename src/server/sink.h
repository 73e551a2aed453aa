/*-------------------------------------------------------------------------
 *
 * sink.h
 *	  Records become rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SINK_H
#define CS_SINK_H

#include "postgres.h"

#include "server/source.h"

typedef struct CsSink CsSink;

/* A message that could not be stored, and why. */
typedef struct CsReject
{
	int64		received_at;	/* microseconds since 1970 */
	int			sqlstate;
	const char *reason;
	const char *message;
	size_t		length;
} CsReject;

/*
 * Make a sink for rows of this source.  It keeps *source* and lives in a
 * child of *parent*.  Needs no transaction.
 */
extern CsSink *cs_sink_create(const CsSource *source, MemoryContext parent);
extern void cs_sink_free(CsSink *sink);

/*
 * The rest is for use inside a transaction with an active snapshot, and
 * throws as SPI does.
 */

/* Announce rows of subscriptions with a channel there; *channels* is kept. */
extern void cs_sink_set_channels(CsSink *sink, const CsChannel *channels,
								 int count);

/*
 * Insert rows, one statement per table, and queue their notifications.  Ids
 * ascend in the order of the records.  Returns the number of notifications
 * that were left out because the queue of the server is half full.
 */
extern int	cs_sink_write(CsSink *sink, const CsRecord *records, size_t count);

/* Remember how far a scope of the source has been read. */
extern void cs_sink_write_cursor(CsSink *sink, const char *scope,
								 const char *position);

extern void cs_sink_write_reject(CsSink *sink, const CsReject *reject);

#endif							/* CS_SINK_H */
