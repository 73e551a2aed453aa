/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings.  Each is described where it is defined, in guc.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_GUC_H
#define CS_GUC_H

extern int	cs_guc_batch_delay;	/* ms */
extern int	cs_guc_batch_size;	/* rows */
extern int	cs_guc_connect_timeout; /* ms */
extern int	cs_guc_max_workers;
extern int	cs_guc_memory_budget;	/* kB */
extern int	cs_guc_message_size_limit;	/* kB */
extern int	cs_guc_partition_interval;	/* min */
extern int	cs_guc_partitions_ahead;
extern int	cs_guc_reconnect_delay; /* ms */
extern int	cs_guc_reconnect_delay_max; /* ms */
extern int	cs_guc_rescan_interval; /* s */
extern int	cs_guc_retention;	/* min */
extern char *cs_guc_secrets_directory;
extern char *cs_guc_tls_ca;

extern void cs_guc_define(void);

#endif							/* CS_GUC_H */
