/*-------------------------------------------------------------------------
 *
 * flow_parts.c
 *	  The wish of a Flow source, cut into parts.
 *
 * Most streams are one part.  Those that follow the watch list are as many as
 * it takes: none without a watch, one for each hundred accounts whose changes
 * are wanted, one for each watched transaction.  Beyond a thousand accounts
 * the changes of all accounts are taken, which are few, and what is not
 * watched is left out here.
 *
 * Nothing is asked of a node here; flow_links.c sees to it that parts have
 * their wires.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/flow/flow.h"
#include "provider/output.h"

/* More accounts are not named. */
#define ACCOUNTS_MAX	1000

/* Transactions that wait for a place among the connections. */
#define WAITING_MAX		1000

/*
 * Without matches, a message every so many blocks moves the position on; one
 * for each block is what nodes would send by default.
 */
#define HEARTBEAT		10

/* ---------- parts ---------- */

/*
 * A new part of a stream, at its end of what was read; NULL: no memory.  The
 * last block may have been read for others than it is for, and is read again;
 * not after a restart, when nobody would know what is stored of it already.
 */
static FlowPart *
add_part(FlowSession *flow, FlowStream *stream)
{
	FlowPart   *part = calloc(1, sizeof(FlowPart));

	if (part != NULL && flow->part_count == flow->part_capacity)
	{
		size_t		capacity = flow->part_capacity * 2 + 16;
		FlowPart  **larger = realloc(flow->parts, capacity * sizeof(FlowPart *));

		if (larger == NULL)
		{
			free(part);
			return NULL;
		}
		flow->parts = larger;
		flow->part_capacity = capacity;
	}
	if (part == NULL)
		return NULL;
	flow->parts[flow->part_count++] = part;
	part->stream = stream;
	part->position = stream->position;
	part->widened = stream->position.height != CS_NO_NUMBER &&
		stream->followed && !stream->restored;
	part->jump_height = CS_NO_NUMBER;
	part->last_index = -1;
	return part;
}

/* Forget a part; its wires are nobody's, and will be ended. */
static void
remove_part(FlowSession *flow, size_t index)
{
	FlowPart   *part = flow->parts[index];

	for (size_t l = 0; l < flow->link_count; l++)
	{
		for (size_t w = 0; w < flow->links[l].count; w++)
		{
			if (flow->links[l].wires[w].part == part)
				flow->links[l].wires[w].part = NULL;
		}
	}
	free(part->accounts);
	free(part);
	flow->part_count--;
	memmove(&flow->parts[index], &flow->parts[index + 1],
			(flow->part_count - index) * sizeof(FlowPart *));
}

static void
remove_parts(FlowSession *flow, const FlowStream *stream)
{
	for (size_t i = flow->part_count; i-- > 0;)
	{
		if (flow->parts[i]->stream == stream)
			remove_part(flow, i);
	}
}

/* The only part of a stream; made if there is none.  NULL: no memory. */
static FlowPart *
only_part(FlowSession *flow, FlowStream *stream)
{
	for (size_t i = 0; i < flow->part_count; i++)
	{
		if (flow->parts[i]->stream == stream)
			return flow->parts[i];
	}
	return add_part(flow, stream);
}

FlowPart *
cs_flow_watched(FlowSession *flow, const char *transaction)
{
	for (size_t i = 0; i < flow->part_count; i++)
	{
		if (flow->parts[i]->watch_id != 0 &&
			strcmp(flow->parts[i]->transaction, transaction) == 0)
			return flow->parts[i];
	}
	return NULL;
}

/* ---------- streams ---------- */

static void
free_stream(FlowStream *stream)
{
	json_object_put(stream->arguments);
	free(stream->text);
	free(stream);
}

void
cs_flow_parts_free(FlowSession *flow)
{
	while (flow->part_count > 0)
		remove_part(flow, flow->part_count - 1);
	for (size_t i = 0; i < flow->stream_count; i++)
		free_stream(flow->streams[i]);
	free(flow->parts);
	free(flow->streams);
}

/* What arguments say that is needed again and again. */
static void
read_arguments(FlowSession *flow, FlowStream *stream)
{
	struct json_object *arguments = stream->arguments;
	CsText		height = cs_json_member_string(arguments, "start_block_height");
	CsText		id = cs_json_member_string(arguments, "start_block_id");
	CsText		payer = cs_json_member_string(arguments, "payer");

	stream->followed = cs_flow_is_followed(stream->topic, arguments);
	stream->finalized =
		cs_flow_is(cs_json_member_string(arguments, "block_status"),
				   "finalized");
	stream->heartbeat = stream->topic == FLOW_EVENTS ||
		stream->topic == FLOW_ACCOUNT_STATUSES ? HEARTBEAT : 1;
	if (cs_json_member(arguments, "heartbeat_interval") != NULL)
		(void) cs_json_integer(arguments, "heartbeat_interval",
							   &stream->heartbeat, NULL);
	if (stream->heartbeat < 1)
		stream->heartbeat = 1;
	(void) snprintf(stream->start, sizeof(stream->start), "%s",
					height.data ? height.data : id.data ? id.data : "");
	stream->payer[0] = '\0';
	if (stream->topic == FLOW_SEND && payer.data != NULL)
		(void) cs_flow_address(flow->network, payer.data, stream->payer, NULL);
}

/* A stream for a subscription; NULL: memory is short. */
static FlowStream *
make_stream(FlowSession *flow, const CsSubscription *subscription)
{
	FlowStream *stream = calloc(1, sizeof(FlowStream));

	if (stream == NULL)
		return NULL;
	stream->subscription_id = subscription->id;
	stream->topic = cs_flow_topic(subscription->topic);
	stream->text = strdup(subscription->arguments);
	stream->arguments = cs_flow_arguments(stream->topic, flow->network,
										  subscription->arguments, NULL);
	cs_flow_position_clear(&stream->position);
	if (stream->text == NULL || stream->arguments == NULL)
	{
		free_stream(stream);
		return NULL;
	}
	read_arguments(flow, stream);
	return stream;
}

static size_t
find_stream(const FlowSession *flow, int64_t id)
{
	size_t		index = 0;

	while (index < flow->stream_count &&
		   flow->streams[index]->subscription_id != id)
		index++;
	return index;
}

/*
 * Put a stream with other arguments in the place of one.  It goes on where
 * that one was, unless the user wants to begin elsewhere.  What has been
 * handed to the network stays as it is.
 */
static void
replace_stream(FlowSession *flow, size_t index, FlowStream *stream,
			   CsOutput *output)
{
	FlowStream *old = flow->streams[index];

	if (old->topic == FLOW_SEND && stream->topic == FLOW_SEND)
	{
		free(old->text);
		old->text = stream->text;
		stream->text = NULL;
		free_stream(stream);
		return;
	}
	if (old->topic == stream->topic &&
		strcmp(old->start, stream->start) == 0)
	{
		stream->position = old->position;
		stream->resumed = true;
	}
	else
		cs_flow_forget(old, output);
	remove_parts(flow, old);
	flow->streams[index] = stream;
	free_stream(old);
}

/* See to it that a subscription has its stream; false: memory is short. */
static bool
take_subscription(FlowSession *flow, const CsSubscription *subscription,
				  CsOutput *output)
{
	size_t		index = find_stream(flow, subscription->id);
	FlowStream *stream;
	FlowStream **larger;

	if (index < flow->stream_count)
	{
		stream = flow->streams[index];
		stream->seen = true;
		if (strcmp(stream->text, subscription->arguments) == 0 &&
			stream->topic == cs_flow_topic(subscription->topic))
			return true;
	}
	larger = realloc(flow->streams,
					 (flow->stream_count + 1) * sizeof(FlowStream *));
	if (larger == NULL)
		return false;
	flow->streams = larger;
	stream = make_stream(flow, subscription);
	if (stream == NULL)
		return false;
	stream->seen = true;
	if (index < flow->stream_count)
		replace_stream(flow, index, stream, output);
	else
		flow->streams[flow->stream_count++] = stream;
	return true;
}

/* Compare streams with subscriptions. */
static void
take_subscriptions(FlowSession *flow, CsOutput *output)
{
	CsSession  *session = &flow->base;

	for (size_t i = 0; i < flow->stream_count; i++)
		flow->streams[i]->seen = false;
	for (size_t i = 0; i < session->subscription_count; i++)
	{
		if (!take_subscription(flow, &session->subscriptions[i], output))
		{
			cs_output_fail(output);
			return;
		}
	}
	for (size_t i = flow->stream_count; i-- > 0;)
	{
		FlowStream *stream = flow->streams[i];

		if (stream->seen)
			continue;
		remove_parts(flow, stream);
		free_stream(stream);
		flow->stream_count--;
		memmove(&flow->streams[i], &flow->streams[i + 1],
				(flow->stream_count - i) * sizeof(FlowStream *));
	}
	session->subscriptions_changed = false;
	flow->regrouped = true;
}

/* ---------- accounts ---------- */

static int
compare_accounts(const void *a, const void *b)
{
	uint64_t	left = *(const uint64_t *) a;
	uint64_t	right = *(const uint64_t *) b;

	return (left > right) - (left < right);
}

/* All watched accounts, sorted; NULL: memory is short. */
static uint64_t *
list_accounts(const FlowSession *flow, size_t *count)
{
	size_t		room = flow->base.address_count;
	uint64_t   *accounts = malloc((room + 1) * sizeof(uint64_t));
	size_t		position = 0;
	const CsWatch *watch;

	*count = 0;
	while (accounts != NULL && *count < room &&
		   (watch = cs_watchset_next(flow->base.watches, &position)) != NULL)
	{
		if (watch->kind == CS_WATCH_ADDRESS &&
			(watch->flags & CS_WATCH_WANTED) &&
			!(watch->flags & CS_WATCH_INVALID) &&
			cs_flow_address_decode(watch->target, watch->length,
								   &accounts[*count]))
			++*count;
	}
	if (accounts != NULL)
		qsort(accounts, *count, sizeof(uint64_t), compare_accounts);
	return accounts;
}

/*
 * Strike off the list the accounts that parts have, and off the parts those
 * that are not on the list; a part without accounts goes.  A part with too
 * many does no harm, and is not asked for again.
 */
static void
keep_accounts(FlowSession *flow, const FlowStream *stream,
			  const uint64_t *accounts, size_t count, bool *taken)
{
	for (size_t i = flow->part_count; i-- > 0;)
	{
		FlowPart   *part = flow->parts[i];
		size_t		kept = 0;

		if (part->stream != stream)
			continue;
		for (size_t a = 0; a < part->account_count; a++)
		{
			const uint64_t *found = bsearch(&part->accounts[a], accounts, count,
											sizeof(uint64_t), compare_accounts);

			if (found == NULL)
				continue;
			taken[found - accounts] = true;
			part->accounts[kept++] = *found;
		}
		part->account_count = kept;
		if (kept == 0)
			remove_part(flow, i);
	}
}

/* A part of the stream with room for another account; NULL: no memory. */
static FlowPart *
roomy_part(FlowSession *flow, FlowStream *stream)
{
	FlowPart   *part;

	for (size_t i = 0; i < flow->part_count; i++)
	{
		part = flow->parts[i];
		if (part->stream == stream && part->account_count < FLOW_CHUNK)
			return part;
	}
	part = add_part(flow, stream);
	if (part == NULL)
		return NULL;
	part->accounts = calloc(FLOW_CHUNK, sizeof(uint64_t));
	if (part->accounts != NULL)
		return part;
	remove_part(flow, flow->part_count - 1);
	return NULL;
}

/* Make the parts of a stream those that name the watched accounts. */
static void
group_accounts(FlowSession *flow, FlowStream *stream, CsOutput *output)
{
	size_t		count;
	uint64_t   *accounts = list_accounts(flow, &count);
	bool	   *taken = calloc(count + 1, sizeof(bool));

	if (accounts == NULL || taken == NULL)
		cs_output_fail(output);
	else
	{
		keep_accounts(flow, stream, accounts, count, taken);
		for (size_t i = 0; i < count; i++)
		{
			FlowPart   *part = taken[i] ? NULL : roomy_part(flow, stream);

			if (part != NULL)
			{
				part->accounts[part->account_count++] = accounts[i];
				part->stale = true;
				part->widened = part->widened || !stream->restored;
			}
			else if (!taken[i])
				cs_output_fail(output);
		}
	}
	free(accounts);
	free(taken);
}

/* ---------- the watch list ---------- */

bool
cs_flow_has_watches(const FlowSession *flow)
{
	return flow->base.address_count > 0 || flow->base.everything;
}

/* One part without a list of accounts. */
static void
group_all(FlowSession *flow, FlowStream *stream, bool everything,
		  CsOutput *output)
{
	FlowPart   *part;

	if (stream->topic == FLOW_ACCOUNT_STATUSES)
	{
		for (size_t i = flow->part_count; i-- > 0;)
		{
			if (flow->parts[i]->stream == stream && !flow->parts[i]->everything)
				remove_part(flow, i);
		}
	}
	part = only_part(flow, stream);
	if (part == NULL)
	{
		cs_output_fail(output);
		return;
	}
	if (part->everything != everything)
	{
		part->stale = part->wire != 0;
		part->widened = part->widened || (everything && !stream->restored);
		part->everything = everything;
	}
}

/* Make the parts of a stream that follows the watched addresses. */
static void
group_stream(FlowSession *flow, FlowStream *stream, CsOutput *output)
{
	if (!cs_flow_has_watches(flow))
	{
		remove_parts(flow, stream);
		cs_flow_forget(stream, output);
	}
	else if (stream->topic == FLOW_EVENTS)
		group_all(flow, stream, flow->base.everything, output);
	else if (flow->base.everything || flow->base.address_count > ACCOUNTS_MAX)
		group_all(flow, stream, true, output);
	else
	{
		for (size_t i = flow->part_count; i-- > 0;)
		{
			if (flow->parts[i]->stream == stream && flow->parts[i]->everything)
				remove_part(flow, i);
		}
		group_accounts(flow, stream, output);
	}
}

FlowStream *
cs_flow_follower(const FlowSession *flow)
{
	for (size_t i = 0; i < flow->stream_count; i++)
	{
		if (flow->streams[i]->topic == FLOW_TRANSACTION_STATUSES &&
			flow->streams[i]->followed)
			return flow->streams[i];
	}
	return NULL;
}

/* Drop parts of transactions that are not watched any more. */
static void
drop_unwatched(FlowSession *flow)
{
	for (size_t i = flow->part_count; i-- > 0;)
	{
		const FlowPart *part = flow->parts[i];
		const CsWatch *watch;

		if (part->watch_id == 0)
			continue;
		watch = cs_watchset_find(flow->base.watches, CS_WATCH_TRANSACTION,
								 part->transaction, strlen(part->transaction));
		if (watch == NULL || !(watch->flags & CS_WATCH_WANTED) ||
			watch->watch_id != part->watch_id)
			remove_part(flow, i);
	}
}

/* Do more parts wait for a place than should be kept? */
static bool
is_crowded(const FlowSession *flow)
{
	size_t		most = flow->wires_max * flow->links_max + WAITING_MAX;
	size_t		count = 0;

	if (flow->part_count < most)
		return false;
	for (size_t i = 0; i < flow->part_count; i++)
		count += !flow->parts[i]->over;
	return count >= most;
}

/*
 * A part for a watched transaction, unless it has one.  False: there is
 * nobody to follow it, or there are far more than can be followed.
 */
static bool
follow_transaction(FlowSession *flow, CsWatch *watch, CsOutput *output)
{
	FlowStream *stream = cs_flow_follower(flow);
	FlowPart   *part;

	if (cs_flow_watched(flow, watch->target) != NULL)
		return true;
	if (stream == NULL || is_crowded(flow))
		return false;
	part = add_part(flow, stream);
	if (part == NULL)
	{
		cs_output_fail(output);
		return false;
	}
	part->watch_id = watch->watch_id;
	(void) snprintf(part->transaction, sizeof(part->transaction), "%s",
					watch->target);
	watch->flags &= (uint8_t) ~CS_WATCH_REFUSED;
	return true;
}

/*
 * Go through the queue once.  Addresses stay in it, marked as seen, until
 * their state can be told; a transaction's is that of its part.
 */
static bool
take_watches(FlowSession *flow, CsOutput *output)
{
	CsWatchSet *watches = flow->base.watches;
	bool		changed = false;

	for (size_t i = cs_watchset_queued(watches); i > 0; i--)
	{
		CsWatch    *watch = cs_watchset_pop(watches);

		if (!(watch->flags & CS_WATCH_WANTED))
		{
			changed = changed || watch->kind == CS_WATCH_ADDRESS;
			cs_watchset_remove(watches, watch);
			continue;
		}
		changed = changed || (watch->kind == CS_WATCH_ADDRESS &&
							  !(watch->flags & CS_WATCH_SENT));
		watch->flags |= CS_WATCH_SENT;
		if (watch->kind != CS_WATCH_TRANSACTION ||
			(watch->flags & CS_WATCH_INVALID) ||
			!follow_transaction(flow, watch, output))
			cs_watchset_queue(watches, watch);
	}
	return changed;
}

/* ---------- the whole wish ---------- */

/* The parts of a stream that does not follow the watched addresses. */
static void
make_plain_part(FlowSession *flow, FlowStream *stream, CsOutput *output)
{
	CsText		id = cs_json_member_string(stream->arguments, "tx_id");
	FlowPart   *part = only_part(flow, stream);

	if (part == NULL)
		cs_output_fail(output);
	else if (id.data != NULL && id.length < FLOW_ID_SIZE)
		(void) snprintf(part->transaction, sizeof(part->transaction), "%s",
						id.data);
}

void
cs_flow_follow(FlowSession *flow, CsOutput *output)
{
	bool		changed;

	if (flow->base.subscriptions_changed)
	{
		take_subscriptions(flow, output);
		cs_session_requeue(&flow->base, 0);
	}
	drop_unwatched(flow);
	changed = take_watches(flow, output) || flow->regrouped ||
		flow->address_count != flow->base.address_count ||
		flow->everything != flow->base.everything;
	if (!changed)
		return;
	for (size_t i = 0; i < flow->stream_count; i++)
	{
		FlowStream *stream = flow->streams[i];

		if (stream->topic != FLOW_SEND)
			cs_flow_resume(flow, stream);
		if (!stream->followed)
			make_plain_part(flow, stream, output);
		else if (stream->topic != FLOW_TRANSACTION_STATUSES)
			group_stream(flow, stream, output);
		if (stream->topic == FLOW_SEND)
			cs_flow_resume(flow, stream);
		stream->restored = false;
	}
	flow->regrouped = false;
	flow->address_count = flow->base.address_count;
	flow->everything = flow->base.everything;
}
