/*-------------------------------------------------------------------------
 *
 * rfc3339.h
 *	  Times as RFC 3339 writes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_RFC3339_H
#define CS_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Read a time such as "2026-08-20T10:00:00.81Z" into microseconds since 1970;
 * finer digits are cut off.  Any offset from UTC is taken, and a leap second
 * counts as the first of the next minute.  False: it is not of that form, or
 * no such day or time exists.  Years are 0001 to 9999.
 */
extern bool cs_rfc3339_decode(const char *text, size_t length,
							  int64_t *microseconds);

#endif							/* CS_RFC3339_H */
