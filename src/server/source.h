/*-------------------------------------------------------------------------
 *
 * source.h
 *	  The configuration of one source, as the tables hold it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SOURCE_H
#define CS_SOURCE_H

#include "postgres.h"

#include "provider/provider.h"

/* The NOTIFY channel a subscription's rows are announced on. */
typedef struct CsChannel
{
	int64		subscription_id;
	char	   *name;			/* NULL: the common one */
} CsChannel;

typedef struct CsSource
{
	MemoryContext context;		/* holds this struct and all of it */
	const CsProvider *provider;
	char	   *name;
	char	   *network;
	char	   *transport;		/* or NULL */
	char	   *options;
	char	   *token;			/* resolved secret, or NULL */
	char	   *owner;
	char	   *tls_ca;			/* or NULL */
	char	  **urls;
	int			url_count;
	bool		enabled;
	bool		store_payload;
} CsSource;

/*
 * Lock the extension until the end of the transaction, so that DROP EXTENSION
 * and we take locks in the same order.  Returns false if it is not there.
 */
extern bool cs_extension_lock(void);

/*
 * Read a source.  Returns NULL if there is none of this name; raises an error
 * if it cannot be used.  The result lives in a new child of *parent*.  All
 * functions of this file need a transaction with an active snapshot.
 */
extern CsSource *cs_source_read(const char *name, MemoryContext parent);
extern void cs_source_free(CsSource *source);

/* Whether a session and connections made for *a* serve *b* as well. */
extern bool cs_source_same(const CsSource *a, const CsSource *b);

/* Start a session for the source; raises an error if the provider refuses. */
extern CsSession *cs_source_session(const CsSource *source);

/*
 * Make the session's wishes those of the tables subscriptions and watches.
 * A subscription the provider does not take is logged and left out.  What is
 * to be handed to the network is left out unless *submitting*: to do that,
 * once, is the worker's business.
 */
extern void cs_source_apply_wishes(const CsSource *source, CsSession *session,
								   bool submitting);

/* Tell a new session how far the source had been read. */
extern void cs_source_restore(const CsSource *source, CsSession *session);

/* The channel of each subscription of the source; *channels is palloc'd. */
extern int	cs_source_channels(const CsSource *source, CsChannel **channels);

/* A provider's text as the server may use it, palloc'd. */
extern char *cs_server_text(const char *text);

/* Raise what a provider refused. */
extern void cs_raise(const CsError *error, int elevel);

/* The SQLSTATE that fits a provider's error. */
extern int	cs_error_sqlstate(CsErrorKind kind);

#endif							/* CS_SOURCE_H */
