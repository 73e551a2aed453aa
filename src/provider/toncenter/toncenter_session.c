/*-------------------------------------------------------------------------
 *
 * toncenter_session.c
 *	  Connections to TON Center, and what is due on them.
 *
 * A request to subscribe is a snapshot of all that a connection wants, and
 * replaces the one before it.  So changes are collected: one request at a
 * time, the next after its answer.  With server-sent events the snapshot is
 * the body of the request that opens the stream; a change is a new connection,
 * see toncenter_renew.c.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/utf8.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

static const char waiting_address[] = "waiting for a watched address";
static const char waiting_trace[] = "waiting for a watched transaction";

/* ---------- small things ---------- */

void
cs_toncenter_copy_words(char words[TONCENTER_WORDS_MAX], const char *text,
						size_t length)
{
	if (length >= TONCENTER_WORDS_MAX)
		length = TONCENTER_WORDS_MAX - 1;
	length = cs_utf8_clip(text, strnlen(text, length));
	memcpy(words, text, length);
	words[length] = '\0';
}

/* The link that this number at the host belongs to, now or in turn. */
static ToncenterLink *
owner_of(ToncenterSession *ton, int host)
{
	if (host < 0 || host >= 2 * ton->link_count)
		return NULL;
	return &ton->links[host % ton->link_count];
}

/* The link whose connection has this number at the host; NULL: none has. */
ToncenterLink *
cs_toncenter_link(ToncenterSession *ton, int host)
{
	ToncenterLink *link = owner_of(ton, host);

	return link != NULL && link->host == host ? link : NULL;
}

/* The topics that a connection is to carry now. */
unsigned
cs_toncenter_wanted_topics(const ToncenterSession *ton,
						   const ToncenterLink *link)
{
	unsigned	bits = 0;

	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		const ToncenterGroup *group = &link->addresses;

		if (ton->topics[id].subscription_id == 0 || ton->topics[id].refused)
			continue;
		if (id == TONCENTER_TRACE)
			group = link->number == 0 ? &ton->traces : NULL;
		if (group != NULL && group->count > 0)
			bits |= TONCENTER_BIT(id);
	}
	return bits;
}

/* Nothing has been asked, as on a new connection. */
static void
forget_requests(ToncenterSession *ton, ToncenterLink *link)
{
	link->asked = link->active = 0;
	link->request = 0;
	link->renewal_due = false;
	link->addresses.changed = true;
	if (link->number == 0)
		ton->traces.changed = true;
}

/* What the connection carried is served no more. */
static void
lose_members(ToncenterSession *ton, ToncenterLink *link, ToncenterNews news)
{
	cs_toncenter_set_news(&link->addresses, news);
	if (link->number == 0)
		cs_toncenter_set_news(&ton->traces, news);
}

/* ---------- states of topics ---------- */

static void
tell_topic(ToncenterTopic *topic, CsState state, const char *detail,
		   CsOutput *output)
{
	const char *words = detail ? detail : "";

	if (topic->told && topic->state == state &&
		strcmp(topic->detail, words) == 0)
		return;
	topic->told = true;
	topic->state = state;
	cs_toncenter_copy_words(topic->detail, words, strlen(words));
	cs_output_subscription_state(output, topic->subscription_id, state, detail);
}

/* Does any connection carry the topic, as the server has said? */
static bool
is_carried(const ToncenterSession *ton, int id)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		if ((ton->links[i].active | ton->links[i].old_active) &
			TONCENTER_BIT(id))
			return true;
	}
	return false;
}

/* A connection that is in trouble; NULL: none is. */
static const ToncenterLink *
find_trouble(const ToncenterSession *ton)
{
	for (int i = 0; i < ton->link_count; i++)
	{
		if ((ton->links[i].wanted || ton->links[i].given_up) &&
			ton->links[i].words[0] != '\0')
			return &ton->links[i];
	}
	return NULL;
}

static void
tell_topics(ToncenterSession *ton, CsOutput *output)
{
	const ToncenterLink *trouble = find_trouble(ton);

	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		ToncenterTopic *topic = &ton->topics[id];
		bool		trace = id == TONCENTER_TRACE;

		if (topic->subscription_id == 0)
			continue;
		if (topic->refused)
			tell_topic(topic, CS_STATE_ERROR, topic->words, output);
		else if (is_carried(ton, id))
			tell_topic(topic, CS_STATE_ACTIVE, NULL, output);
		else if (trace ? ton->traces.count == 0 :
				 ton->base.address_count == 0)
			tell_topic(topic, CS_STATE_IDLE,
					   trace ? waiting_trace : waiting_address, output);
		else if (trouble != NULL)
			tell_topic(topic, trouble->trouble, trouble->words, output);
		else if (!trace && ton->limit == 0)
			tell_topic(topic, CS_STATE_OVER_LIMIT, ton->waiting.words, output);
		else
			tell_topic(topic, CS_STATE_PENDING, NULL, output);
	}
}

/* ---------- what is due ---------- */

/* Is the snapshot that was sent last not what is wanted? */
static bool
is_stale(const ToncenterSession *ton, const ToncenterLink *link, unsigned bits)
{
	return bits != link->asked ||
		((bits & TONCENTER_ADDRESS_BITS) && link->addresses.changed) ||
		((bits & TONCENTER_BIT(TONCENTER_TRACE)) && ton->traces.changed);
}

/* Are members still to be told of the answer to the last request? */
static bool
is_telling(const ToncenterSession *ton, const ToncenterLink *link)
{
	return link->addresses.news == TONCENTER_NEWS_ACTIVE ||
		(link->number == 0 && ton->traces.news == TONCENTER_NEWS_ACTIVE);
}

/* The stream is fixed: what is wanted now takes another. */
static void
renew(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms,
	  CsOutput *output)
{
	if (now_ms < link->renew_at)
	{
		link->renewal_due = true;
		return;
	}
	cs_toncenter_renew(ton, link, output);
	forget_requests(ton, link);
}

static void
step_link(ToncenterSession *ton, ToncenterLink *link, int64_t now_ms,
		  CsOutput *output)
{
	unsigned	bits = cs_toncenter_wanted_topics(ton, link);

	link->renewal_due = false;
	if (link->given_up && !is_stale(ton, link, bits))
		return;
	link->given_up = false;
	if (bits == 0)
	{
		cs_toncenter_retire(ton, link, output);
		if (!link->wanted)
			return;
		cs_output_link(output, CS_ACTION_CLOSE_LINK, link->host, NULL);
		link->wanted = link->open = false;
		link->words[0] = '\0';
		forget_requests(ton, link);
		lose_members(ton, link, TONCENTER_NEWS_PENDING);
		return;
	}
	if (!link->wanted)
	{
		cs_output_link(output, CS_ACTION_OPEN_LINK, link->host, NULL);
		link->wanted = true;
	}
	if (!link->open || link->request != 0 || is_telling(ton, link) ||
		!is_stale(ton, link, bits))
		return;
	if (ton->events)
		renew(ton, link, now_ms, output);
	else
		cs_toncenter_send_snapshot(ton, link, now_ms, output);
}

/* Everything that may be due. */
void
cs_toncenter_step(ToncenterSession *ton, int64_t now_ms, CsOutput *output)
{
	size_t		limit = cs_output_action_count(output) + TONCENTER_STATES_MAX;

	ton->more_at = INT64_MAX;
	cs_toncenter_take_watches(ton, limit, now_ms, output);
	cs_toncenter_tell_watches(ton, limit, now_ms, output);
	for (int i = 0; i < ton->link_count; i++)
		step_link(ton, &ton->links[i], now_ms, output);
	cs_toncenter_tell_watches(ton, limit, now_ms, output);
	tell_topics(ton, output);
}

/* ---------- the wish ---------- */

void
cs_toncenter_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int id = 0; id < TONCENTER_TOPICS && session->subscriptions_changed;
		 id++)
	{
		const CsSubscription *subscription =
			cs_session_subscription(session, &session->provider->topics[id]);
		int64_t		wanted = subscription ? subscription->id : 0;

		if (ton->topics[id].subscription_id == wanted)
			continue;
		ton->topics[id].subscription_id = wanted;
		ton->topics[id].told = ton->topics[id].refused = false;
	}
	session->subscriptions_changed = false;
	cs_toncenter_step(ton, now_ms, output);
}

/* ---------- life of the session ---------- */

bool
cs_toncenter_start(CsSession *session, CsError *error)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	int64_t		count = TONCENTER_LINKS_DEFAULT;

	(void) cs_json_integer(session->options, "max_connections", &count, NULL);
	ton->link_count = (int) count;
	ton->links = calloc((size_t) count, sizeof(ToncenterLink));
	ton->memory = cs_toncenter_memory_create();
	if (ton->links == NULL || ton->memory == NULL)
	{
		cs_toncenter_stop(session);
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	for (int i = 0; i < ton->link_count; i++)
	{
		ton->links[i].number = ton->links[i].host = i;
		ton->links[i].old_host = -1;
		ton->links[i].retire_at = INT64_MAX;
	}
	ton->events = strcmp(session->transport->name, "sse") == 0;
	ton->limit = SIZE_MAX;
	ton->more_at = INT64_MAX;
	return true;
}

void
cs_toncenter_stop(CsSession *session)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int i = 0; ton->links != NULL && i < ton->link_count; i++)
		cs_toncenter_free_group(&ton->links[i].addresses);
	free(ton->links);
	ton->links = NULL;
	cs_toncenter_free_group(&ton->waiting);
	cs_toncenter_free_group(&ton->traces);
	cs_json_writer_free(&ton->writer);
	cs_toncenter_memory_free(ton->memory);
	ton->memory = NULL;
}

void
cs_toncenter_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;

	for (int i = 0; i < ton->link_count; i++)
	{
		ToncenterLink *link = &ton->links[i];

		if (link->retire_at <= now_ms)
			cs_toncenter_retire(ton, link, output);
		if (!link->open)
			continue;
		if (link->request != 0 && link->overdue_at <= now_ms)
		{
			link->overdue_at = INT64_MAX;
			cs_output_link(output, CS_ACTION_RESET_LINK, link->host,
						   "no answer to a subscription for 30 s");
		}
		if (!ton->events && link->ping_at <= now_ms)
			cs_toncenter_send_ping(link, now_ms, output);
	}
	cs_toncenter_step(ton, now_ms, output);
}

int64_t
cs_toncenter_next_tick(const CsSession *session)
{
	const ToncenterSession *ton = (const ToncenterSession *) session;
	int64_t		next = ton->more_at;

	for (int i = 0; i < ton->link_count; i++)
	{
		const ToncenterLink *link = &ton->links[i];

		if (link->retire_at < next)
			next = link->retire_at;
		if (!link->open)
			continue;
		if (!ton->events && link->ping_at < next)
			next = link->ping_at;
		if (link->request != 0 && link->overdue_at < next)
			next = link->overdue_at;
		if (link->renewal_due && link->renew_at < next)
			next = link->renew_at;
	}
	return next;
}

/* ---------- connecting ---------- */

void
cs_toncenter_opened(CsSession *session, int number, int64_t now_ms,
					CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = cs_toncenter_link(ton, number);

	if (link == NULL)
		return;
	link->open = true;
	link->words[0] = '\0';
	link->ping_at = now_ms + TONCENTER_PING_MS;
	link->renew_at = now_ms;
	if (ton->events && link->asked != 0)
		cs_toncenter_await_answer(ton, link, now_ms);
	cs_toncenter_step(ton, now_ms, output);
}

/* ---------- the end of a connection ---------- */

/* Its members are served no more; if there is no other, the host knows. */
static void
drop_members(ToncenterSession *ton, ToncenterLink *link)
{
	int			wanted = 0;

	for (int i = 0; i < ton->link_count; i++)
		wanted += ton->links[i].wanted + (ton->links[i].old_host >= 0);
	if (wanted > 1)
	{
		lose_members(ton, link, TONCENTER_NEWS_LOST);
		return;
	}
	for (size_t i = 0; i < link->addresses.count; i++)
		link->addresses.items[i]->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
	for (size_t i = 0; i < ton->traces.count; i++)
		ton->traces.items[i]->flags &= (uint8_t) ~CS_WATCH_ACTIVE;
}

/* The stream that another replaces has ended before its time. */
static void
lose_old(ToncenterSession *ton, ToncenterLink *link, CsOutput *output)
{
	cs_toncenter_retire(ton, link, output);
	if (!link->open)
		drop_members(ton, link);
}

void
cs_toncenter_closed(CsSession *session, int number, const CsClosure *closure,
					int64_t now_ms, CsOutput *output)
{
	ToncenterSession *ton = (ToncenterSession *) session;
	ToncenterLink *link = cs_toncenter_link(ton, number);
	bool		any_open = false;

	if (link == NULL)
	{
		/* Else it is one that this side has closed, and knows about. */
		link = owner_of(ton, number);
		if (link == NULL || link->old_host != number)
			return;
		lose_old(ton, link, output);
	}
	else if (link->open)
	{
		link->retire_at = INT64_MAX;	/* what there was before may serve on */
		drop_members(ton, link);
	}
	else if (!closure->was_open && link->wanted)
	{
		bool		replaced = link->old_host >= 0;

		cs_toncenter_take_http_error(ton, link, closure, output);
		if (replaced && link->old_host < 0)
			drop_members(ton, link);
	}
	if (link->host == number)
	{
		if ((link->open || !closure->was_open) && !link->given_up)
			forget_requests(ton, link);
		link->open = false;
	}
	for (int i = 0; i < ton->link_count; i++)
		any_open |= ton->links[i].open || ton->links[i].old_host >= 0;
	for (int id = 0; id < TONCENTER_TOPICS && !any_open; id++)
		ton->topics[id].told = false;
	if (any_open || link->words[0] != '\0' || closure->http_status == 400)
		cs_toncenter_step(ton, now_ms, output);
}
