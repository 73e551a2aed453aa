/*-------------------------------------------------------------------------
 *
 * golden.h
 *	  Rows as text, and comparing such text with what is expected.
 *
 * A provider's test feeds it every message of the samples, writes down the
 * rows that come out, and compares that with a file in golden/ that somebody
 * has read with care.  With --update the test writes the file anew.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>

#include "provider/provider.h"

/*
 * One row on one line, without what all rows of a message share.  Hashes and
 * addresses are whole only if *whole* is given, and only then the time on the
 * chain is told.
 */
extern void golden_row(FILE *file, const CsRecord *record, bool whole);

/*
 * All rows of the output, each behind *prefix*, and the actions a message may
 * cause that are not requests: cursors, states.  The output is reset.
 */
extern void golden_rows(FILE *file, const char *prefix, CsOutput *output);

/*
 * A check that *got* is what golden/NAME.txt holds; shows the lines that
 * differ.  With *update* the file is written instead.
 */
extern void golden_settle(const char *name, const char *got, size_t length,
						  bool update);

#endif							/* GOLDEN_H */
