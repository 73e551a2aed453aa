/*-------------------------------------------------------------------------
 *
 * toncenter_watch.c
 *	  Which connection serves which target.
 *
 * How many addresses a connection takes depends on the plan of the key and is
 * not told but by refusing too many.  So the first connection gets all of
 * them; once the limit is known, what is too much goes to further connections,
 * as many as the key may hold, and the rest waits, over the limit, for room.
 *
 * Targets that share their fate (the addresses of a connection, those that
 * wait, the traces) are a group.  A target is in at most one, and flagged so;
 * one that is not may be invalid, refused or done, and is left alone.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/toncenter/toncenter.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "provider/output.h"

static const char no_everything[] =
	"TON Center has no subscription to everything: name the addresses, or use"
	" provider tonapi with transport sse";
static const char not_watchable[] =
	"not an address or hash in canonical form of this network";
static const char nobody[] =
	"no subscription of this source takes watched addresses";
static const char nobody_traces[] =
	"no subscription of this source takes watched transactions: subscribe trace";

/* ---------- groups ---------- */

/* Append a target; false: no memory, which is noted. */
static bool
append(ToncenterGroup *group, CsWatch *watch, CsOutput *output)
{
	if (group->count == group->capacity)
	{
		size_t		wanted = group->capacity ? 2 * group->capacity : 16;
		CsWatch   **larger = realloc(group->items, wanted * sizeof(CsWatch *));

		if (larger == NULL)
		{
			if (output != NULL)
				cs_output_fail(output);
			return false;
		}
		group->items = larger;
		group->capacity = wanted;
	}
	group->items[group->count++] = watch;
	group->changed = true;
	watch->flags |= TONCENTER_PLACED;
	watch->flags &= (uint8_t) ~CS_WATCH_SENT;
	return true;
}

/* Take the member at *index* out; the order of the others stays. */
static void
take_out(ToncenterGroup *group, size_t index)
{
	group->items[index]->flags &= (uint8_t) ~TONCENTER_PLACED;
	group->count--;
	memmove(group->items + index, group->items + index + 1,
			(group->count - index) * sizeof(CsWatch *));
	group->changed = true;
	if (group->news_at > index)
		group->news_at--;
}

void
cs_toncenter_free_group(ToncenterGroup *group)
{
	free(group->items);
	memset(group, 0, sizeof(*group));
}

/* Forget the members that are not wanted any more. */
static void
compact(ToncenterSession *ton, ToncenterGroup *group)
{
	size_t		kept = 0;

	for (size_t i = 0; i < group->count; i++)
	{
		CsWatch    *watch = group->items[i];

		if (watch->flags & CS_WATCH_WANTED)
			group->items[kept++] = watch;
		else
			cs_watchset_remove(ton->base.watches, watch);
	}
	if (kept == group->count)
		return;
	group->count = kept;
	group->changed = true;
	group->news_at = 0;
}

/* ---------- placing ---------- */

/* Find an address a place: a connection with room, or the waiting list. */
static void
place(ToncenterSession *ton, CsWatch *watch, CsOutput *output)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		ToncenterGroup *group = &ton->links[i].addresses;

		if (group->count < ton->limit)
		{
			(void) append(group, watch, output);
			return;
		}
	}
	if (append(&ton->waiting, watch, output))
		ton->waiting.news = TONCENTER_NEWS_TROUBLE;
}

/* Is there room for one more address? */
static bool
has_room(const ToncenterSession *ton)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		if (ton->links[i].addresses.count < ton->limit)
			return true;
	}
	return false;
}

/* Those that waited go where others left. */
static void
fill_up(ToncenterSession *ton, CsOutput *output)
{
	size_t		taken = 0;

	while (taken < ton->waiting.count && has_room(ton))
		place(ton, ton->waiting.items[taken++], output);
	if (taken == 0)
		return;
	ton->waiting.count -= taken;
	memmove(ton->waiting.items, ton->waiting.items + taken,
			ton->waiting.count * sizeof(CsWatch *));
	ton->waiting.news_at -= taken < ton->waiting.news_at ? taken :
		ton->waiting.news_at;
}

void
cs_toncenter_set_limit(ToncenterSession *ton, size_t limit, const char *words)
{
	ton->limit = limit;
	cs_toncenter_copy_words(ton->waiting.words, words, strlen(words));
	ton->waiting.trouble = CS_STATE_OVER_LIMIT;
	for (int i = 0; i < ton->link_count; i++)
	{
		ToncenterGroup *group = &ton->links[i].addresses;
		size_t		count = group->count;

		if (count <= limit)
			continue;
		group->count = limit;
		group->changed = true;
		if (group->news_at > limit)
			group->news_at = limit;
		for (size_t j = limit; j < count; j++)
		{
			CsWatch    *watch = group->items[j];

			watch->flags &= (uint8_t) ~TONCENTER_PLACED;
			place(ton, watch, NULL);

			/* Without memory: it is asked for when it is next looked at. */
			if (!(watch->flags & TONCENTER_PLACED))
				cs_watchset_queue(ton->base.watches, watch);
		}
	}
}

/* ---------- states ---------- */

/* Tell the state of a target if that is news. */
static void
tell(CsWatch *watch, CsState state, const char *detail, CsOutput *output)
{
	uint8_t		flag = 0;

	if (state == CS_STATE_ACTIVE)
		flag = CS_WATCH_ACTIVE;
	else if (state != CS_STATE_PENDING || detail != NULL)
		flag = TONCENTER_TROUBLE;
	if ((watch->flags & (CS_WATCH_ACTIVE | TONCENTER_TROUBLE)) == flag)
		return;
	watch->flags &= (uint8_t) ~(CS_WATCH_ACTIVE | TONCENTER_TROUBLE);
	watch->flags |= flag;
	cs_output_watch_state(output, watch->watch_id, state, detail);
}

void
cs_toncenter_set_news(ToncenterGroup *group, ToncenterNews news)
{
	group->news = news;
	group->news_at = 0;
}

static void
tell_member(const ToncenterGroup *group, CsWatch *watch, const char *reason,
			CsOutput *output)
{
	switch (group->news)
	{
		case TONCENTER_NEWS_NONE:
			break;
		case TONCENTER_NEWS_ACTIVE:
			if (watch->flags & CS_WATCH_SENT)
				tell(watch, CS_STATE_ACTIVE, NULL, output);
			break;
		case TONCENTER_NEWS_LOST:
			if (watch->flags & CS_WATCH_ACTIVE)
				tell(watch, CS_STATE_PENDING, NULL, output);
			break;
		case TONCENTER_NEWS_PENDING:
			tell(watch, CS_STATE_PENDING, reason, output);
			break;
		case TONCENTER_NEWS_TROUBLE:
			if (!(watch->flags & CS_WATCH_ACTIVE))
				tell(watch, group->trouble, group->words, output);
			break;
	}
}

/* Returns false if there is more to tell than may be told now. */
static bool
tell_group(ToncenterGroup *group, const char *reason, size_t limit,
		   CsOutput *output)
{
	if (group->news == TONCENTER_NEWS_NONE)
		return true;
	while (group->news_at < group->count)
	{
		if (cs_output_action_count(output) >= limit)
			return false;
		tell_member(group, group->items[group->news_at++], reason, output);
	}

	group->news = TONCENTER_NEWS_NONE;
	return true;
}

void
cs_toncenter_tell_watches(ToncenterSession *ton, size_t limit, int64_t now_ms,
						  CsOutput *output)
{
	bool		done = true;

	for (int i = 0; i < ton->link_count && done; i++)
		done = tell_group(&ton->links[i].addresses,
						  ton->unserved[CS_WATCH_ADDRESS], limit, output);
	done = done && tell_group(&ton->waiting, NULL, limit, output) &&
		tell_group(&ton->traces, ton->unserved[CS_WATCH_TRANSACTION], limit,
				   output);
	if (!done)
		ton->more_at = now_ms;
}

/* ---------- the watch list ---------- */

/* A target that cannot be watched. */
static void
tell_invalid(CsWatch *watch, CsOutput *output)
{
	tell(watch, CS_STATE_ERROR, watch->kind == CS_WATCH_ADDRESS &&
		 strcmp(watch->target, "*") == 0 ? no_everything : not_watchable,
		 output);
}

/* A target that was not known before, or was wished for anew. */
static void
take_wanted(ToncenterSession *ton, CsWatch *watch, bool *again,
			CsOutput *output)
{
	watch->flags &= (uint8_t) ~TONCENTER_TROUBLE;
	if (watch->flags & TONCENTER_PLACED)
		*again = true;			/* its state is told once more */
	else if (watch->kind == CS_WATCH_TRANSACTION)
		(void) append(&ton->traces, watch, output);
	else
		place(ton, watch, output);
	if (ton->unserved[watch->kind] != NULL)
		tell(watch, CS_STATE_PENDING, ton->unserved[watch->kind], output);
}

/* Act on one change.  Returns true if a member of a group is to be forgotten. */
static bool
take_watch(ToncenterSession *ton, CsWatch *watch, bool *again,
		   CsOutput *output)
{
	bool		placed = (watch->flags & TONCENTER_PLACED) != 0;

	if (!(watch->flags & CS_WATCH_WANTED))
	{
		if (!placed)
			cs_watchset_remove(ton->base.watches, watch);
		return placed;
	}
	if (watch->flags & CS_WATCH_INVALID)
		tell_invalid(watch, output);
	else if (placed || !(watch->flags & CS_WATCH_REFUSED))
		take_wanted(ton, watch, again, output);
	return false;
}

/*
 * Is there a topic that takes targets of this kind, now that topics may have
 * changed?  What is active is told of it by the answer to the next request.
 */
static void
note_topics(ToncenterSession *ton, CsWatchKind kind, unsigned bits,
			const char *reason)
{
	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		if ((bits & TONCENTER_BIT(id)) && ton->topics[id].subscription_id != 0)
			reason = NULL;
	}
	if (reason == ton->unserved[kind])
		return;
	ton->unserved[kind] = reason;
	for (int i = 0; i < ton->link_count; i++)
	{
		ToncenterLink *link = &ton->links[i];

		if ((link->active | link->old_active) & bits)
			continue;
		if (kind == CS_WATCH_ADDRESS)
			cs_toncenter_set_news(&link->addresses, TONCENTER_NEWS_PENDING);
		else if (link->number == 0)
			cs_toncenter_set_news(&ton->traces, TONCENTER_NEWS_PENDING);
	}
}

void
cs_toncenter_take_watches(ToncenterSession *ton, size_t limit, int64_t now_ms,
						  CsOutput *output)
{
	CsWatchSet *watches = ton->base.watches;
	bool		gone = false;
	bool		again = false;

	note_topics(ton, CS_WATCH_ADDRESS, TONCENTER_ADDRESS_BITS, nobody);
	note_topics(ton, CS_WATCH_TRANSACTION, TONCENTER_BIT(TONCENTER_TRACE),
				nobody_traces);
	for (size_t i = cs_watchset_queued(watches); i > 0; i--)
	{
		if (cs_output_action_count(output) >= limit)
		{
			ton->more_at = now_ms;
			break;
		}
		gone |= take_watch(ton, cs_watchset_pop(watches), &again, output);
	}
	if (gone)
	{
		for (int i = 0; i < ton->link_count; i++)
			compact(ton, &ton->links[i].addresses);
		compact(ton, &ton->waiting);
		compact(ton, &ton->traces);
		fill_up(ton, output);
	}
	if (!again)
		return;
	for (int i = 0; i < ton->link_count; i++)
	{
		if (ton->links[i].active & TONCENTER_ADDRESS_BITS)
			cs_toncenter_set_news(&ton->links[i].addresses,
								  TONCENTER_NEWS_ACTIVE);
	}
	cs_toncenter_set_news(&ton->waiting, TONCENTER_NEWS_TROUBLE);
	if (ton->links[0].active & TONCENTER_BIT(TONCENTER_TRACE))
		cs_toncenter_set_news(&ton->traces, TONCENTER_NEWS_ACTIVE);
}

/* ---------- what the server says of one ---------- */

/* Take a target out of its group for good. */
static bool
remove_member(ToncenterGroup *group, CsWatch *watch)
{
	for (size_t i = 0; i < group->count; i++)
	{
		if (group->items[i] == watch)
		{
			take_out(group, i);
			watch->flags |= CS_WATCH_REFUSED;
			return true;
		}
	}
	return false;
}

bool
cs_toncenter_refuse_address(ToncenterSession *ton, ToncenterLink *link,
							CsText address, const char *words,
							CsOutput *output)
{
	CsTonAddress account;
	char		canonical[CS_TON_ADDRESS_MAX];
	CsWatch    *watch;

	if (cs_ton_address_decode(address.data, address.length, &account) !=
		CS_TON_ADDRESS_OK)
		return false;
	watch = cs_watchset_find(ton->base.watches, CS_WATCH_ADDRESS, canonical,
							 cs_ton_address_encode(&account, canonical));
	if (watch == NULL || !remove_member(&link->addresses, watch))
		return false;
	tell(watch, CS_STATE_ERROR, words, output);
	fill_up(ton, output);
	return true;
}

/* The watch of a trace, if it is wanted; else NULL. */
static CsWatch *
find_trace(const ToncenterSession *ton, const uint8_t hash[CS_TON_HASH_LENGTH])
{
	char		text[CS_TON_HASH_TEXT_MAX];
	CsWatch    *watch;

	cs_hex_encode_lower(hash, CS_TON_HASH_LENGTH, text);
	watch = cs_watchset_find(ton->base.watches, CS_WATCH_TRANSACTION, text,
							 CS_TON_HASH_TEXT_MAX - 1);
	return watch != NULL && (watch->flags & CS_WATCH_WANTED) ? watch : NULL;
}

bool
cs_toncenter_watches_trace(const ToncenterSession *ton,
						   const uint8_t hash[CS_TON_HASH_LENGTH])
{
	return find_trace(ton, hash) != NULL;
}

void
cs_toncenter_trace_done(ToncenterSession *ton,
						const uint8_t hash[CS_TON_HASH_LENGTH],
						CsOutput *output)
{
	CsWatch    *watch = find_trace(ton, hash);

	if (watch == NULL || !remove_member(&ton->traces, watch))
		return;
	watch->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
	watch->flags |= TONCENTER_TROUBLE;
	cs_output_watch_state(output, watch->watch_id, CS_STATE_DONE, NULL);
}
