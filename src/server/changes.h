/*-------------------------------------------------------------------------
 *
 * changes.h
 *	  How a change of the configuration reaches the processes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_CHANGES_H
#define CS_CHANGES_H

/* Install the callbacks and hooks; once, from _PG_init(). */
extern void cs_changes_init(void);

#endif							/* CS_CHANGES_H */
