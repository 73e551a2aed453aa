/*-------------------------------------------------------------------------
 *
 * checks.h
 *	  What must hold of everything that comes out of a provider, whatever went
 *	  in.
 *
 * A check that fails ends the program, with the line that was wrong.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHECKS_H
#define CHECKS_H

#include "mutate.h"
#include "provider/provider.h"

/* A text that a column can hold; absent is fine. */
extern void check_text(CsText text);

/*
 * A row holds only what its columns can hold, its account is in the form
 * that is watched, and its payload is JSON within what it was cut from.
 * *message* is what came last; a row that time has made may have another.
 */
extern void check_record(const CsProvider *provider, const CsRecord *record,
						 CsText message);

/* Something was refused, and it is said why. */
extern void check_error(const CsError *error);

/* Headers that make one line each. */
extern void check_fields(const CsField *fields, int count);

/* An address, or a transaction's hash: refused, or put in a form that stays. */
extern void check_canonical(const CsProvider *provider, const char *network,
							const char *text);

#endif							/* CHECKS_H */
