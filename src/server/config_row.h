/*-------------------------------------------------------------------------
 *
 * config_row.h
 *	  A row of a configuration table on its way in, as its trigger sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_CONFIG_ROW_H
#define CS_CONFIG_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"

typedef struct CsConfigRow
{
	FunctionCallInfo fcinfo;	/* of the trigger */
	TupleDesc	desc;
	HeapTuple	old;			/* NULL: INSERT */
	HeapTuple	new;			/* as it will be; NULL: DELETE */
} CsConfigRow;

/*
 * Begin in a trigger function.  Raises an error unless it was called for a
 * row of this table of schema chainstream, before the row changes.
 */
extern void cs_row_begin(FunctionCallInfo fcinfo, const char *table,
						 CsConfigRow *row);

/* Number of a column. */
extern int	cs_row_column(const CsConfigRow *row, const char *column);

/* A column in its text form, palloc'd, or NULL; as it will be, or was. */
extern char *cs_row_get(const CsConfigRow *row, const char *column);
extern char *cs_row_get_old(const CsConfigRow *row, const char *column);

/* The same, or an error "the <what> must be given". */
extern char *cs_row_require(const CsConfigRow *row, const char *column,
							const char *what);

/* Put something else in a column. */
extern void cs_row_set(CsConfigRow *row, const char *column, Datum value);

/* Is the column new, or other than before? */
extern bool cs_row_changed(const CsConfigRow *row, const char *column);

/* Raise an error if a column is changed that identifies the row. */
extern void cs_row_refuse_change(const CsConfigRow *row, const char *column,
								 const char *what, const char *hint);

#endif							/* CS_CONFIG_ROW_H */
