/*-------------------------------------------------------------------------
 *
 * execute.h
 *	  Statements whose result nobody looks at.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_EXECUTE_H
#define CS_EXECUTE_H

#include "postgres.h"

/*
 * Run one statement with parameters, in a transaction with an active snapshot.
 * Raises what it raises; rows it returns are thrown away.
 */
extern void cs_execute(const char *query, int count, Oid *types, Datum *values);

#endif							/* CS_EXECUTE_H */
