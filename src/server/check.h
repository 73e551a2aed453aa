/*-------------------------------------------------------------------------
 *
 * check.h
 *	  What the checks of the configuration share with the reference functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_CHECK_H
#define CS_CHECK_H

#include "postgres.h"

#include "provider/provider.h"

/*
 * The provider of this name, or its network (NULL: the default one); raises
 * an error whose hint lists what there is if there is none.
 */
extern const CsProvider *cs_check_provider(const char *name);
extern const CsNetwork *cs_check_network(const CsProvider *provider,
										 const char *name);

/*
 * The canonical form of an address or of a transaction's hash, palloc'd;
 * raises an error if it is not one of this network.
 */
extern char *cs_check_target(const CsProvider *provider, const char *network,
							 CsWatchKind kind, const char *target);

#endif							/* CS_CHECK_H */
