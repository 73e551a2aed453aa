/*-------------------------------------------------------------------------
 *
 * options.h
 *	  The command line, as it was given.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_OPTIONS_H
#define CS_SIM_OPTIONS_H

#include "dialect.h"

/* A list of option values, in the order given. */
typedef struct CsSimValues
{
	const char **list;
	size_t		count;
} CsSimValues;

/* The command line. */
typedef struct CsSimOptions
{
	CsSimValues listen;
	CsSimValues listen_tls;
	CsSimValues replay;
	CsSimValues hits;			/* of --to */
	char	  **hit_lines;		/* of --hit-accounts */
	size_t		hit_line_count;
	const char *cert;
	const char *key;
	const char *journal;
	CsSimValues tokens;
	CsSimValues settings;
	int			control;		/* -1: no control port */
	uint64_t	rate;
	uint64_t	count;
	CsSimPool	pool;			/* without the hits */
	bool		loop;
	bool		now;
	bool		timestamps;
	CsSimValues switches;		/* names of dialects' switches */
} CsSimOptions;

/*
 * Read the command line.  Ends the process when there is nothing to do: after
 * --help, or an error.  The texts stay those of *argv*.
 */
extern void cs_sim_options_parse(CsSimOptions *options, int argc, char **argv);

extern void cs_sim_options_free(CsSimOptions *options);

#endif							/* CS_SIM_OPTIONS_H */
