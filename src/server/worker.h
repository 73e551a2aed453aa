/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  What the parts of a worker share: worker.c (the loop), links.c (its
 *	  connections), batch.c (its transactions), states.c (what it tells about
 *	  subscriptions and watches) and partitions.c (room for its rows).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_WORKER_H
#define CS_WORKER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "provider/provider.h"
#include "server/clock.h"
#include "server/identities.h"
#include "server/shared.h"
#include "server/sink.h"
#include "server/source.h"
#include "wire/wire.h"

/* Whose a connection is; links and requests begin with this. */
typedef enum CsOwnerKind
{
	CS_OWNER_LINK,
	CS_OWNER_REQUEST
} CsOwnerKind;

/* A connection as the provider thinks of it, and what became of it. */
typedef struct CsLink
{
	CsOwnerKind kind;
	int			id;				/* the provider's number */
	bool		wanted;
	bool		open;
	CsConnection *connection;	/* NULL: not even trying */
	int			url_index;		/* which of the source's URLs */
	int			failures;		/* in a row */
	bool		proven;			/* a message came over the connection */
	bool		misbehaved;		/* the provider wants it made anew, */
	char		complaint[CS_WIRE_REASON_MAX];	/* for this reason */
	bool		relapse;		/* the one before misbehaved as well */
	bool		dismissed;		/* the provider closed it; if it is wanted again
								 * meanwhile, that is no failure */
	int64		opened_ms;
	int64		next_attempt_ms;
} CsLink;

/* The newest position of a scope, not yet committed. */
typedef struct CsPosition
{
	char	   *scope;
	char	   *position;
	bool		dirty;
} CsPosition;

typedef struct CsSubscriptionState
{
	int64		id;
	CsState		state;
} CsSubscriptionState;

typedef struct CsWorker
{
	CsSlot	   *slot;
	CsSource   *source;
	CsSession  *session;
	CsOutput   *output;
	CsWire	   *wire;
	CsSink	   *sink;
	CsIdentities *identities;	/* of what was stored, or waits to be */
	CsWorkerStatus status;
	uint64		generation;		/* of the configuration, as last read */

	List	   *links;			/* of CsLink */
	List	   *calls;			/* requests under way, see requests.c */
	List	   *positions;		/* of CsPosition */
	List	   *subscription_states;	/* of CsSubscriptionState */

	/* the batch being collected */
	MemoryContext batch_context;	/* reset when the batch is done */
	List	   *rejects;		/* of CsReject, in batch_context */
	size_t		actions_done;	/* actions of output already acted on */
	size_t		records_done;	/* records of output already committed */
	size_t		chunk;			/* how many records to try at once; 0: all */
	bool		states_reset;	/* all subscriptions became pending, */
	size_t		states_from;	/* and actions before this one are void */
	bool		states_changed; /* output holds state actions to store */
	int64		batch_since_ms; /* when its first record came */
	int64		retry_at_ms;	/* server error: try again then; 0: none */
	int			retries;
	int64		positions_at_ms;	/* when positions were last committed */

	MemoryContext channel_context;
} CsWorker;

/* ---------- links.c ---------- */

/* A transport with the settings of this source; raises an error. */
extern CsWire *cs_link_make_wire(const CsSource *source);

/*
 * Begin a connection for a link of the session, at one of the source's URLs.
 * NULL, with the reason, for what can be seen at once.
 */
extern CsConnection *cs_link_dial(const CsSource *source, CsSession *session,
								  CsOutput *output, CsWire *wire, int link,
								  int url_index, void *owner,
								  char reason[CS_WIRE_REASON_MAX]);

/* A URL without its query, which may hold a secret; palloc'd. */
extern char *cs_public_url(const char *url);

/* Act on what the session wants of the transport, since the last call. */
extern void cs_links_act(CsWorker *worker);

/* Begin the connections that are due. */
extern void cs_links_connect(CsWorker *worker, int64 now_ms);

/* What the transport reports. */
extern void cs_links_opened(CsWorker *worker, CsLink *link, int64 now_ms);
extern void cs_links_closed(CsWorker *worker, CsLink *link,
							const CsWireEvent *event, int64 now_ms);

/* When the next attempt is due; INT64_MAX: none. */
extern int64 cs_links_next_ms(const CsWorker *worker);

/* Summary for the status view. */
extern void cs_links_summarize(CsWorker *worker);

/* ---------- requests.c ---------- */

/* Begin a request; its answer goes to the session later, whatever happens. */
extern void cs_request_begin(CsWorker *worker, const CsRequest *request);

/* What the transport reports of one. */
extern void cs_request_event(CsWorker *worker, const CsWireEvent *event,
							 int64 now_ms);

/* Tell the session of requests that could not even be begun. */
extern void cs_requests_settle(CsWorker *worker, int64 now_ms);

/* ---------- batch.c ---------- */

/* Whether anything waits to be committed. */
extern bool cs_batch_pending(const CsWorker *worker);

/*
 * When positions that moved without a row are to be committed; INT64_MAX: there
 * are none.
 */
extern int64 cs_batch_positions_due_ms(const CsWorker *worker);

/*
 * What the session made of its output since there were *first* records: drop
 * those that are known already, and raise an error if memory was short.
 */
extern void cs_batch_take(CsWorker *worker, size_t first);

/*
 * A message that could not be understood; copies *error*, which the status
 * tells too, and keeps the message.
 */
extern void cs_batch_reject(CsWorker *worker, const CsMessage *message,
							const CsError *error);

/*
 * Commit the batch.  Returns false if the server cannot take it now:
 * retry_at_ms says when to call again, and nothing more may be read until
 * then.  Exits the process if the extension is gone.
 */
extern bool cs_batch_commit(CsWorker *worker);

/* ---------- states.c ---------- */

/* Forget what an earlier worker said; in a transaction. */
extern void cs_states_begin(const CsWorker *worker);

/* Store the state actions of the output; in a transaction. */
extern void cs_states_write(const CsWorker *worker);

/* ---------- partitions.c ---------- */

/*
 * Make sure that there are partitions for rows received between these times
 * (microseconds since 1970), and some ahead.  In a transaction; cheap if it
 * was so the last time.
 */
extern void cs_partitions_ensure(int64 first_us, int64 last_us);
extern bool cs_partitions_cover(int64 first_us, int64 last_us);

/* Somebody took a partition away: look again at the next call. */
extern void cs_partitions_forget(void);

/* Drop what is older than the retention; in a transaction. */
extern void cs_partitions_expire(void);

#endif							/* CS_WORKER_H */
