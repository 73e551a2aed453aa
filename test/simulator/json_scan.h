/*-------------------------------------------------------------------------
 *
 * json_scan.h
 *	  Where a text stops being JSON, and what was expected there.
 *
 * Servers tell their clients why a request is not JSON in the words of their
 * language's library.  The scanner finds the place, strictly by RFC 8259;
 * the words are here too, for JavaScript (V8, as of Node.js 20) and for Go.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_JSON_SCAN_H
#define CS_JSON_SCAN_H

#include "simulator.h"

/* What was expected where the text goes wrong. */
typedef enum CsSimExpected
{
	CS_SIM_JSON_FINE,
	CS_SIM_JSON_VALUE,
	CS_SIM_JSON_FIRST_KEY,		/* behind "{" */
	CS_SIM_JSON_KEY,			/* behind a comma */
	CS_SIM_JSON_COLON,
	CS_SIM_JSON_OBJECT_MORE,	/* a comma or "}" */
	CS_SIM_JSON_ARRAY_MORE,		/* a comma or "]" */
	CS_SIM_JSON_STRING,			/* no control character */
	CS_SIM_JSON_ESCAPE,
	CS_SIM_JSON_UNICODE,		/* four hexadecimal digits */
	CS_SIM_JSON_LITERAL,		/* the rest of true, false or null */
	CS_SIM_JSON_MINUS,			/* a digit behind "-" */
	CS_SIM_JSON_FRACTION,		/* a digit behind "." */
	CS_SIM_JSON_EXPONENT,		/* a digit behind "e" */
	CS_SIM_JSON_END				/* nothing more */
} CsSimExpected;

typedef struct CsSimScan
{
	const char *data;			/* NUL-terminated */
	size_t		length;
	size_t		at;				/* end of the value, or the offending byte */
	CsSimExpected expected;
	const char *literal;		/* for CS_SIM_JSON_LITERAL */
	size_t		literal_at;		/* so much of it was there */
} CsSimScan;

/*
 * Scan the first value; true if it is one.  Otherwise scan->at is where it
 * is not: at the length, if the text ends too early.
 */
extern bool cs_sim_json_scan(CsSimScan *scan, const char *data, size_t length);

/* Is there nothing but white space behind the value?  Sets scan->at. */
extern bool cs_sim_json_scan_end(CsSimScan *scan);

/*
 * The value that was scanned, to whatever depth; NULL for null.  The caller's
 * to release.
 */
extern json_object *cs_sim_json_read(const CsSimScan *scan);

/* Say what is wrong, as JSON.parse() and as encoding/json do. */
extern void cs_sim_json_javascript(const CsSimScan *scan, CsSimText *text);
extern void cs_sim_json_go(const CsSimScan *scan, CsSimText *text);

#endif							/* CS_JSON_SCAN_H */
