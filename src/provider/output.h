/*-------------------------------------------------------------------------
 *
 * output.h
 *	  Keeping a CsOutput consistent when a call fails.
 *
 * The rest of CsOutput is in provider.h; this part is not for hosts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_OUTPUT_H
#define CS_OUTPUT_H

#include "provider/provider.h"

typedef struct CsOutputMark
{
	size_t		records;
	size_t		actions;
	void	   *chunk;
	size_t		used;
	size_t		bytes;
} CsOutputMark;

extern CsOutputMark cs_output_mark(const CsOutput *output);
extern void cs_output_rollback(CsOutput *output, const CsOutputMark *mark);

/* Say of which message the records made since the mark are. */
extern void cs_output_set_message(CsOutput *output, const CsOutputMark *mark,
								  CsText message);

/* Note that something was left out for want of memory. */
extern void cs_output_fail(CsOutput *output);

#endif							/* CS_OUTPUT_H */
