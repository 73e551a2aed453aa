/*-------------------------------------------------------------------------
 *
 * execute.c
 *	  Statements whose result nobody looks at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "server/execute.h"

void
cs_execute(const char *query, int count, Oid *types, Datum *values)
{
	int			result;

	SPI_connect();
	result = SPI_execute_with_args(query, count, types, values, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", query,
			 SPI_result_code_string(result));
	SPI_finish();
}
