/*-------------------------------------------------------------------------
 *
 * provider_seeds.h
 *	  What provider_fuzz begins with: sources of every provider, and what the
 *	  samples hold, sorted by what it is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROVIDER_SEEDS_H
#define PROVIDER_SEEDS_H

#include "mutate.h"
#include "provider/provider.h"

typedef enum Kind
{
	KIND_MESSAGE,
	KIND_RESPONSE,
	KIND_ADDRESS,
	KIND_ARGUMENTS,
	KIND_OPTIONS,
	KIND_POSITION,				/* a line with its scope, and the position */
	KIND_LIFE,
	KINDS
} Kind;

/* The first byte of an input: its kind, and the number of its provider. */
#define KIND_BYTE(kind, number) ((uint8_t) ((kind) + KINDS * (number)))

/* A source; those of a provider follow each other. */
typedef struct Source
{
	CsSourceConfig config;
	bool		everything;		/* watches '*', besides */
} Source;

extern size_t provider_count(void);
extern size_t topic_count(const CsProvider *provider);

/* A source of this provider, any number will do. */
extern const Source *seeds_source(size_t number, uint32_t which);

/* An endpoint for it. */
extern const char *seeds_url(const Source *source);

/* An address or a hash that the samples name, in canonical form. */
extern const char *seeds_target(size_t number, CsWatchKind kind,
								uint32_t which);

/* A way for a link to end: the samples' ones, and the usual ones. */
extern const CsClosure *seeds_closure(size_t number, uint32_t which);

/* Add the seeds of every provider. */
extern void seeds_load(void);
extern void seeds_free(void);

#endif							/* PROVIDER_SEEDS_H */
