/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  The columns of the stream tables, and records in their form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_ROWS_H
#define CS_ROWS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "datatype/timestamp.h"

#include "provider/provider.h"

#define CS_TABLE_COUNT (CS_TABLE_EVENTS + 1)
#define CS_COLUMNS_MAX 20

/* Name of a stream table, without its schema. */
extern const char *cs_table_name(CsTable table);

/* Its columns as a tuple descriptor, in the current memory context. */
extern TupleDesc cs_table_desc(CsTable table);

/* Names of its columns with commas between, in the current memory context. */
extern char *cs_table_columns(CsTable table);

/*
 * Values of a record's columns, in the current memory context.  *source* is a
 * text datum.  Raises an error if a text cannot be had in the encoding of the
 * database, or an amount is no number.
 */
extern void cs_record_values(const CsRecord *record, int64 id, Datum source,
							 bool with_payload, Datum *values, bool *nulls);

/* Names as the tables hold them; NULL for none. */
extern const char *cs_status_name(CsStatus status);
extern const char *cs_direction_name(CsDirection direction);

/* Microseconds since 1970 as a timestamp, and back. */
extern TimestampTz cs_timestamp(int64 unix_us);
extern int64 cs_unix_us(TimestampTz timestamp);

#endif							/* CS_ROWS_H */
