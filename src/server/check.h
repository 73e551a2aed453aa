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
 * The provider of this name, its network (NULL: the default one), its topic;
 * or an error whose hint lists what there is.
 */
extern const CsProvider *cs_check_provider(const char *name);
extern const CsNetwork *cs_check_network(const CsProvider *provider,
										 const char *name);
extern const CsTopic *cs_check_topic(const CsProvider *provider,
									 const char *name);

extern const CsTransportKind *cs_check_transport(const CsProvider *provider,
												 const char *name);

/*
 * The canonical form of an address or of a transaction's hash, palloc'd;
 * raises an error if it is not one of this network.
 */
extern char *cs_check_target(const CsProvider *provider, const char *network,
							 CsWatchKind kind, const char *target);

/* Most endpoints one source can have. */
#define CS_URLS_MAX 16

/* Raise an error if the text cannot be an endpoint, or a token. */
extern void cs_check_url(const CsProvider *provider,
						 const CsTransportKind *transport, const char *url);
extern void cs_check_token(const char *token);

/*
 * Is this session restoring a dump?  Everything pg_dump writes begins with two
 * settings that hardly anything else uses together.  What it brings was
 * checked when it was first written, and may come in any order.
 */
extern bool cs_restoring(void);

#endif							/* CS_CHECK_H */
