/*-------------------------------------------------------------------------
 *
 * tonapi_watch.c
 *	  How the watch list of a TonAPI source is spread over connections.
 *
 * The server takes so many addresses on a connection and no more, so the list
 * is cut into shares, and each gets a connection (a stream of events: one for
 * each topic).  An address stays in its share until it is unwatched; what
 * finds no room is over the limit until there is some.  Where everything is
 * taken no share is needed.
 *
 * The queue of the session's watch set holds the entries to be looked at:
 * those that changed, and those whose state may have.  All that is told of a
 * watch is told in one place, here.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/tonapi/tonapi.h"

#include <stdio.h>
#include <string.h>

#include "provider/output.h"

/* States of watches told in one go, so that the output stays small. */
#define STATES_MAX 5000

/* On a socket the server sends something of this entry. */
#define ENTRY_LIVE \
	(TONAPI_ENTRY_LIVE(TONAPI_TRANSACTION) | TONAPI_ENTRY_LIVE(TONAPI_TRACE))

/* Entries forgotten in one go. */
#define SWEEP_MAX 64

static const char not_watchable[] = "not an address in canonical form";
static const char nobody[] =
	"no subscription of this source takes watched addresses";
static const char not_accepted[] = "the server does not accept this address";
static const char no_everything[] =
	"everything cannot be had over a WebSocket but of mempool_message:"
	" use transport sse";

/* ---------- what to look at ---------- */

void
cs_tonapi_review(TonapiSession *tonapi)
{
	CsWatchSet *watches = tonapi->base.watches;
	CsWatch    *watch;
	size_t		position = 0;

	while ((watch = cs_watchset_next(watches, &position)) != NULL)
		cs_watchset_queue(watches, watch);
}

void
cs_tonapi_review_entry(TonapiSession *tonapi, const CsWatch *entry)
{
	CsWatchSet *watches = tonapi->base.watches;
	CsWatch    *watch = cs_watchset_find(watches, CS_WATCH_ADDRESS,
										 entry->target, entry->length);

	if (watch != NULL)
		cs_watchset_queue(watches, watch);
}

void
cs_tonapi_review_share(TonapiSession *tonapi, const TonapiShare *share)
{
	const CsWatch *entry;
	size_t		position = 0;

	while (share->accounts != NULL &&
		   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
		cs_tonapi_review_entry(tonapi, entry);
}

/* ---------- limits ---------- */

/* How many shares there may be. */
static size_t
share_limit(const TonapiSession *tonapi)
{
	size_t		connections = (size_t) tonapi->max_connections;
	size_t		topics = 0;

	if (!tonapi->streams)
		return connections;
	if (cs_tonapi_wanted(tonapi, TONAPI_BLOCK))
		connections--;
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
		topics += cs_tonapi_wanted(tonapi, (TonapiTopicId) id);
	return topics > 0 ? connections / topics : 0;
}

/* How many addresses a share may hold. */
static size_t
share_capacity(const TonapiSession *tonapi, const TonapiShare *share)
{
	size_t		capacity = (size_t) tonapi->accounts_per_connection;
	size_t		more;

	if ((size_t) (share - tonapi->shares) >= share_limit(tonapi))
		return 0;
	more = tonapi->streams ? cs_tonapi_sse_capacity(tonapi) : tonapi->limit;
	if (capacity > more)
		capacity = more;
	return capacity < share->limit ? capacity : share->limit;
}

/* ---------- everything ---------- */

bool
cs_tonapi_wants_all(const TonapiSession *tonapi)
{
	if (!cs_tonapi_any_addressed(tonapi))
		return false;
	if (tonapi->streams)
		return tonapi->base.everything ||
			(tonapi->all_strategy && tonapi->base.address_count > 0);

	/* A WebSocket has everything of this topic alone. */
	return tonapi->base.everything &&
		!cs_tonapi_wanted(tonapi, TONAPI_TRANSACTION) &&
		!cs_tonapi_wanted(tonapi, TONAPI_TRACE);
}

bool
cs_tonapi_takes_all(const TonapiSession *tonapi)
{
	if (!tonapi->streams)
		return tonapi->shares[0].socket.mempool_live == TONAPI_ALL;
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
	{
		if (cs_tonapi_wanted(tonapi, (TonapiTopicId) id) &&
			!tonapi->all_lanes[id].open)
			return false;
	}
	return true;
}

/* ---------- shares ---------- */

/* The wanted entry of a target, and its share; NULL: it has none. */
static CsWatch *
find_entry(TonapiSession *tonapi, const CsWatch *watch, TonapiShare **share)
{
	for (size_t i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		CsWatch    *entry;

		*share = &tonapi->shares[i];
		if ((*share)->count == 0)
			continue;
		entry = cs_watchset_find((*share)->accounts, CS_WATCH_ADDRESS,
								 watch->target, watch->length);
		if (entry != NULL && (entry->flags & TONAPI_ENTRY_WANTED))
			return entry;
	}
	return NULL;
}

/* Put a target into a share; NULL if memory is short. */
static CsWatch *
join(TonapiShare *share, const CsWatch *watch)
{
	CsWatch    *entry;

	if (share->accounts == NULL)
		share->accounts = cs_watchset_create();
	if (share->accounts == NULL)
		return NULL;
	entry = cs_watchset_add(share->accounts, CS_WATCH_ADDRESS, watch->target,
							watch->length);
	if (entry == NULL)
		return NULL;

	/* It may have been on its way out. */
	entry->flags &= (uint8_t) ~TONAPI_ENTRY_REFUSED;
	entry->flags |= TONAPI_ENTRY_WANTED;
	entry->watch_id = (int64_t) ++share->version;
	share->count++;
	share->socket.dirty = true;
	return entry;
}

/* An entry is wanted no longer, in this share. */
static void
leave(TonapiSession *tonapi, TonapiShare *share, CsWatch *entry)
{
	entry->flags &= (uint8_t) ~TONAPI_ENTRY_WANTED;
	share->count--;
	share->version++;
	share->socket.dirty = true;
	tonapi->room_grew = true;
}

static bool
is_idle(const CsWatch *entry)
{
	return !(entry->flags & (TONAPI_ENTRY_WANTED | ENTRY_LIVE));
}

void
cs_tonapi_sweep(TonapiShare *share)
{
	CsWatch    *idle[SWEEP_MAX];
	size_t		count = SWEEP_MAX;

	while (count == SWEEP_MAX && share->accounts != NULL &&
		   cs_watchset_count(share->accounts) > share->count)
	{
		CsWatch    *entry;
		size_t		position = 0;

		count = 0;
		while (count < SWEEP_MAX &&
			   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
		{
			if (is_idle(entry))
				idle[count++] = entry;
		}
		for (size_t i = 0; i < count; i++)
			cs_watchset_remove(share->accounts, idle[i]);
	}
}

/* Take what is too much out of a share: first what the server has not yet. */
static void
shed(TonapiSession *tonapi, TonapiShare *share)
{
	size_t		capacity = share_capacity(tonapi, share);

	for (int pass = 0; pass < 2 && share->count > capacity; pass++)
	{
		CsWatch    *entry;
		size_t		position = 0;

		while (share->count > capacity &&
			   (entry = cs_watchset_next(share->accounts, &position)) != NULL)
		{
			if (!(entry->flags & TONAPI_ENTRY_WANTED) ||
				(pass == 0 && (entry->flags & ENTRY_LIVE)))
				continue;
			leave(tonapi, share, entry);
			cs_tonapi_review_entry(tonapi, entry);
		}
	}
}

void
cs_tonapi_rearrange(TonapiSession *tonapi)
{
	for (size_t i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		if (tonapi->shares[i].count > 0)
			shed(tonapi, &tonapi->shares[i]);
	}
	tonapi->room_grew = true;
}

/* Give a target a place; NULL: there is none, or memory is short. */
static CsWatch *
give_place(TonapiSession *tonapi, const CsWatch *watch, TonapiShare **share,
		   CsOutput *output)
{
	for (size_t i = 0; i < share_limit(tonapi); i++)
	{
		CsWatch    *entry;

		*share = &tonapi->shares[i];
		if ((*share)->count >= share_capacity(tonapi, *share))
			continue;
		entry = join(*share, watch);
		if (entry == NULL)
			cs_output_fail(output);
		return entry;
	}
	return NULL;
}

/* ---------- states ---------- */

/* What the host was told of an entry last. */
static CsState
told_state(const CsWatch *watch)
{
	if (watch->flags & CS_WATCH_ACTIVE)
		return CS_STATE_ACTIVE;
	if (!(watch->flags & CS_WATCH_REFUSED))
		return CS_STATE_PENDING;
	return watch->flags & TONAPI_WATCH_OVER ? CS_STATE_OVER_LIMIT :
		CS_STATE_ERROR;
}

/* Count it no longer among those over the limit. */
static void
forget_over(TonapiSession *tonapi, CsWatch *watch)
{
	if (!(watch->flags & TONAPI_WATCH_OVER))
		return;
	watch->flags &= (uint8_t) ~TONAPI_WATCH_OVER;
	tonapi->over_count--;
}

static void
tell_watch(TonapiSession *tonapi, CsWatch *watch, CsState state,
		   const char *detail, CsOutput *output)
{
	bool		news = told_state(watch) != state;

	if (state != CS_STATE_OVER_LIMIT)
		forget_over(tonapi, watch);
	else if (!(watch->flags & TONAPI_WATCH_OVER))
	{
		watch->flags |= TONAPI_WATCH_OVER;
		tonapi->over_count++;
	}
	if (!news)
		return;
	watch->flags &= (uint8_t) ~(CS_WATCH_ACTIVE | CS_WATCH_REFUSED);
	if (state == CS_STATE_ACTIVE)
		watch->flags |= CS_WATCH_ACTIVE;
	else if (state != CS_STATE_PENDING)
		watch->flags |= CS_WATCH_REFUSED;
	cs_output_watch_state(output, watch->watch_id, state, detail);
}

static void
tell_over_limit(TonapiSession *tonapi, CsWatch *watch, CsOutput *output)
{
	char		detail[TONAPI_WORDS_MAX];

	if (tonapi->limit_words[0] != '\0')
	{
		tell_watch(tonapi, watch, CS_STATE_OVER_LIMIT, tonapi->limit_words,
				   output);
		return;
	}
	(void) snprintf(detail, sizeof(detail),
					"more addresses than %d connections take%s",
					tonapi->max_connections, tonapi->streams ?
					": see the options max_connections and strategy" :
					": see the option max_connections");
	tell_watch(tonapi, watch, CS_STATE_OVER_LIMIT, detail, output);
}

/* Has each topic that is wanted this entry? */
static bool
is_live(const TonapiSession *tonapi, const TonapiShare *share,
		const CsWatch *entry)
{
	for (int id = 0; id < TONAPI_ADDRESSED; id++)
	{
		const TonapiLane *lane = &share->lanes[id];

		if (!cs_tonapi_wanted(tonapi, (TonapiTopicId) id))
			continue;
		if (tonapi->streams ?
			!lane->open || lane->version < (uint64_t) entry->watch_id :
			!cs_tonapi_socket_delivers_entry(tonapi, share, entry,
											 (TonapiTopicId) id))
			return false;
	}
	return true;
}

/* '*' */
static void
tell_everything(TonapiSession *tonapi, CsWatch *watch, CsOutput *output)
{
	if (!cs_tonapi_wants_all(tonapi))
		tell_watch(tonapi, watch, CS_STATE_ERROR, no_everything, output);
	else
		tell_watch(tonapi, watch, cs_tonapi_takes_all(tonapi) ?
				   CS_STATE_ACTIVE : CS_STATE_PENDING, NULL, output);
}

/* An address that is wanted and of the right form. */
static void
look_at_address(TonapiSession *tonapi, CsWatch *watch, CsOutput *output)
{
	TonapiShare *share = NULL;
	CsWatch    *entry = find_entry(tonapi, watch, &share);

	if (tonapi->everywhere || !cs_tonapi_any_addressed(tonapi))
	{
		if (entry != NULL)
			leave(tonapi, share, entry);
		tell_watch(tonapi, watch, tonapi->everywhere &&
				   cs_tonapi_takes_all(tonapi) ? CS_STATE_ACTIVE :
				   CS_STATE_PENDING, tonapi->everywhere ? NULL : nobody,
				   output);
		return;
	}
	if (entry == NULL)
		entry = give_place(tonapi, watch, &share, output);
	if (entry == NULL)
		tell_over_limit(tonapi, watch, output);
	else if (entry->flags & TONAPI_ENTRY_REFUSED)
		tell_watch(tonapi, watch, CS_STATE_ERROR, not_accepted, output);
	else
		tell_watch(tonapi, watch, is_live(tonapi, share, entry) ?
				   CS_STATE_ACTIVE : CS_STATE_PENDING, NULL, output);
}

/* An entry out of the queue. */
static void
look_at(TonapiSession *tonapi, CsWatch *watch, CsOutput *output)
{
	TonapiShare *share;
	CsWatch    *entry;

	if (!(watch->flags & CS_WATCH_WANTED))
	{
		entry = find_entry(tonapi, watch, &share);
		if (entry != NULL)
			leave(tonapi, share, entry);
		forget_over(tonapi, watch);
		cs_watchset_remove(tonapi->base.watches, watch);
	}
	else if ((watch->flags & CS_WATCH_INVALID) ||
			 watch->kind != CS_WATCH_ADDRESS)
		tell_watch(tonapi, watch, CS_STATE_ERROR, not_watchable, output);
	else if (watch->target[0] != '*')
		look_at_address(tonapi, watch, output);
	else if (cs_tonapi_any_addressed(tonapi))
		tell_everything(tonapi, watch, output);
	else
		tell_watch(tonapi, watch, CS_STATE_PENDING, nobody, output);
}

/* How many addresses would still find a place. */
static size_t
count_room(const TonapiSession *tonapi)
{
	size_t		room = 0;

	for (size_t i = 0; i < share_limit(tonapi); i++)
	{
		const TonapiShare *share = &tonapi->shares[i];
		size_t		capacity = share_capacity(tonapi, share);

		if (share->count < capacity)
			room += capacity - share->count;
	}
	return room;
}

/*
 * There may be room now for what found none.  Only so many are looked at:
 * there may be a million of them, and room for one.
 */
static void
review_over(TonapiSession *tonapi)
{
	CsWatchSet *watches = tonapi->base.watches;
	CsWatch    *watch;
	size_t		position = 0;
	size_t		room = count_room(tonapi);

	tonapi->room_grew = false;
	while (room > 0 && tonapi->over_count > 0 &&
		   (watch = cs_watchset_next(watches, &position)) != NULL)
	{
		if (!(watch->flags & TONAPI_WATCH_OVER))
			continue;
		cs_watchset_queue(watches, watch);
		room--;
	}
}

void
cs_tonapi_watch_step(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	CsWatchSet *watches = tonapi->base.watches;
	size_t		limit = cs_output_action_count(output) + STATES_MAX;

	if (tonapi->room_grew)
		review_over(tonapi);
	for (size_t i = cs_watchset_queued(watches);
		 i > 0 && cs_output_action_count(output) < limit; i--)
		look_at(tonapi, cs_watchset_pop(watches), output);
	tonapi->more_at = cs_watchset_queued(watches) > 0 || tonapi->room_grew ?
		now_ms : INT64_MAX;
	if (tonapi->over_count == 0 && cs_watchset_queued(watches) == 0)
	{
		tonapi->room_grew = false;
		tonapi->more_at = INT64_MAX;
	}
}

void
cs_tonapi_watch_lost(TonapiSession *tonapi)
{
	CsWatch    *watch;
	size_t		position = 0;

	while ((watch = cs_watchset_next(tonapi->base.watches, &position)) != NULL)
		watch->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
}
