/*-------------------------------------------------------------------------
 *
 * session.h
 *	  What every provider's session has, and what helps with it.
 *
 * For providers; hosts see provider.h only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SESSION_H
#define CS_SESSION_H

#include "provider/json.h"
#include "provider/provider.h"
#include "provider/watchset.h"

/* A topic the user wants. */
typedef struct CsSubscription
{
	int64_t		id;
	const CsTopic *topic;
	char	   *arguments;		/* JSON object, checked; owned */
	bool		marked;			/* not seen since cs_session_mark() */
} CsSubscription;

/*
 * The wish.  A provider's struct begins with this; the members are its to
 * read.  It acts on changes in its sync(): *subscriptions_changed* says that
 * there are any in the subscriptions, and it resets it; changes of the watch
 * list are in the queue of *watches*, and it takes them out at its own pace.
 * An entry that it takes out and that is no longer wanted is its to remove.
 */
struct CsSession
{
	const CsProvider *provider;
	const CsNetwork *network;
	const CsTransportKind *transport;
	char	   *name;
	char	   *token;			/* or NULL */
	struct json_object *options;
	struct json_tokener *tokener;	/* for messages */

	CsSubscription *subscriptions;
	size_t		subscription_count;
	bool		subscriptions_changed;

	CsWatchSet *watches;
	size_t		wanted_count;	/* wanted and valid */
	size_t		address_count;	/* addresses among them, without "*" */
	bool		everything;		/* "*" is wanted */
	uint8_t		epoch;
};

/* The subscription to a topic; NULL: not wanted. */
extern const CsSubscription *cs_session_subscription(const CsSession *session,
													 const CsTopic *topic);

/* The text of a message without the white space that servers put behind it. */
extern CsText cs_message_text(const CsMessage *message);

/* Is this canonical address on the watch list? */
extern bool cs_session_watches(const CsSession *session, CsText address);

/*
 * Put the watch list back to where it was before anything was sent: drop what
 * is no longer wanted, queue the rest, clear the provider's flags.
 */
extern void cs_session_requeue(CsSession *session, uint8_t cleared_flags);

/* ---------- handshake.c ---------- */

/*
 * Add a header, the token as one ("Authorization: Bearer ..."), the headers of
 * the source's options.  Texts go into the output's arena.  False if memory is
 * short.
 */
extern bool cs_field_add(CsField *fields, int *count, CsOutput *output,
						 const char *name, const char *value);
extern bool cs_session_bearer(const CsSession *session,
							  CsHandshake *handshake, CsOutput *output);
extern bool cs_session_headers(const CsSession *session,
							   CsHandshake *handshake, CsOutput *output);

/*
 * A URL with another query parameter, its value percent-encoded; in the
 * output's arena.  NULL if memory is short.
 */
extern const char *cs_url_parameter(CsOutput *output, const char *url,
									const char *name, const char *value);

/* ---------- registry.c ---------- */

/*
 * CsProvider.canonical_transaction of chains whose explorers show hashes as 64
 * upper-case digits; *what* is what the hash is of: "transaction".
 */
extern bool cs_canonical_hash(const char *what, const char *hash,
							  char canonical[CS_TARGET_MAX], CsError *error);

/* ---------- options.c ---------- */

/*
 * Check that every member of an object is one of *options* (or of *more*,
 * which may be NULL) and of its type.  *what* names such a member in errors:
 * "option", "argument".
 */
extern bool cs_options_check(struct json_object *object,
							 const CsOption *options, const CsOption *more,
							 const char *what, CsError *error);

/* ---------- nano.c and its like ---------- */

extern const CsProvider cs_provider_nano;
extern const CsProvider cs_provider_symbol;
extern const CsProvider cs_provider_flow;
extern const CsProvider cs_provider_toncenter;
extern const CsProvider cs_provider_tonapi;

#endif							/* CS_SESSION_H */
