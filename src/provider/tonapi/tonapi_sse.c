/*-------------------------------------------------------------------------
 *
 * tonapi_sse.c
 *	  TonAPI's streams of server-sent events.
 *
 * Such a stream is told in its URL what to send, for as long as it lives.  So
 * a list of accounts that has changed takes a second stream, and the first is
 * closed when that is live: what both deliver has the same identity, and
 * nothing is missed in between.  It is closed a moment later, not at once,
 * since what it was sent before that may still be on its way, or wait to be
 * read.  Changes are collected for a moment, since they often come in numbers.
 *
 * The server takes a thousand accounts in a URL, our transport 2,000 bytes,
 * which is 28 of them.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "provider/output.h"
#include "provider/tonapi/tonapi.h"

/* The longest path with its query that the transport takes. */
#define PATH_MAX_BYTES 2000

/* Changes of a list are collected for so long. */
#define COLLECT_MS 200

/* A stream that was replaced is read for so long. */
#define LINGER_MS 2000

/*
 * A peer that refuses the second stream so often, for there being too many, is
 * not going to take it while there is the first.
 */
#define REFUSALS_MAX 3

#define TOO_MANY_REQUESTS 429

static const char *const paths[] = {
	[TONAPI_TRANSACTION] = "/v2/sse/accounts/transactions",
	[TONAPI_TRACE] = "/v2/sse/accounts/traces",
	[TONAPI_MEMPOOL] = "/v2/sse/mempool",
	[TONAPI_BLOCK] = "/v2/sse/blocks",
};

static const char accounts_parameter[] = "?accounts=";
static const char operations_parameter[] = "&operations=";

/* ---------- lanes ---------- */

void
cs_tonapi_sse_start(TonapiLane *lane)
{
	*lane = (TonapiLane) {.link = -1, .next_link = -1, .due_at = INT64_MAX};
}

/* A lane with what it carries. */
typedef struct Place
{
	TonapiLane *lane;
	TonapiTopicId topic;
	TonapiShare *share;			/* NULL: every account, or blocks */
	uint64_t	version;		/* that it should carry */
	bool		wanted;
} Place;

/* How many lanes there are; those of the shares come last. */
#define PLACES (1 + TONAPI_ADDRESSED * (1 + TONAPI_CONNECTIONS_MAX))

static Place
get_place(TonapiSession *tonapi, int index)
{
	TonapiTopicId topic = (TonapiTopicId) ((index - 1) % TONAPI_ADDRESSED);
	int			number = (index - 1) / TONAPI_ADDRESSED - 1;
	TonapiShare *share;

	if (index == 0)
		return (Place) {.lane = &tonapi->block_lane, .topic = TONAPI_BLOCK,
						.version = tonapi->topics[TONAPI_BLOCK].generation,
						.wanted = cs_tonapi_wanted(tonapi, TONAPI_BLOCK)};
	if (number < 0)
		return (Place) {.lane = &tonapi->all_lanes[topic], .topic = topic,
						.version = tonapi->topics[topic].generation,
						.wanted = cs_tonapi_wanted(tonapi, topic)};
	share = &tonapi->shares[number];
	return (Place) {.lane = &share->lanes[topic], .topic = topic,
					.share = share, .version = share->version,
					.wanted = share->count > 0 &&
					cs_tonapi_wanted(tonapi, topic)};
}

/* The lane that has this link; false: none has. */
static bool
find_place(TonapiSession *tonapi, int link, Place *place)
{
	for (int i = 0; i < PLACES && link >= 0; i++)
	{
		*place = get_place(tonapi, i);
		if (place->lane->link == link || place->lane->next_link == link)
			return true;
	}
	return false;
}

static int
open_link(TonapiSession *tonapi, CsOutput *output)
{
	cs_output_link(output, CS_ACTION_OPEN_LINK, tonapi->next_link, NULL);
	return tonapi->next_link++;
}

static void
close_link(int *link, CsOutput *output)
{
	if (*link >= 0)
		cs_output_link(output, CS_ACTION_CLOSE_LINK, *link, NULL);
	*link = -1;
}

/* A live stream is of no more use, once what it has is read. */
static void
retire_link(TonapiSession *tonapi, int *link, int64_t now_ms, CsOutput *output)
{
	if (*link >= 0 && tonapi->retired_count < TONAPI_RETIRED_MAX)
		tonapi->retired[tonapi->retired_count++] =
			(TonapiRetired) {.link = *link, .close_at = now_ms + LINGER_MS};
	else
		close_link(link, output);
	*link = -1;
}

/* Close the retired streams whose time is over; they are in order. */
static void
close_retired(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	int			count = 0;

	while (count < tonapi->retired_count &&
		   tonapi->retired[count].close_at <= now_ms)
		close_link(&tonapi->retired[count++].link, output);
	tonapi->retired_count -= count;
	memmove(tonapi->retired, tonapi->retired + count,
			(size_t) tonapi->retired_count * sizeof(tonapi->retired[0]));
}

/* If this is a retired stream it has ended by itself, and need not again. */
static bool
forget_retired(TonapiSession *tonapi, int link, CsOutput *output)
{
	for (int i = 0; i < tonapi->retired_count; i++)
	{
		if (tonapi->retired[i].link != link)
			continue;
		close_link(&tonapi->retired[i].link, output);
		tonapi->retired_count--;
		memmove(tonapi->retired + i, tonapi->retired + i + 1,
				(size_t) (tonapi->retired_count - i) *
				sizeof(tonapi->retired[0]));
		return true;
	}
	return false;
}

/* The next stream takes the place of one that was closed or retired. */
static void
promote(TonapiLane *lane, bool open)
{
	lane->link = lane->next_link;
	lane->version = lane->next_version;
	lane->open = open;
	lane->next_link = -1;
	lane->next_version = 0;
	lane->next_failures = 0;
	lane->due_at = INT64_MAX;
}

/* Does another take the place of what a lane has, that it is not wanted? */
static bool
is_replaced(const TonapiSession *tonapi, const Place *place)
{
	return place->topic != TONAPI_BLOCK &&
		cs_tonapi_wanted(tonapi, place->topic) &&
		(tonapi->base.everything || tonapi->base.address_count > 0);
}

/* Make a lane follow the wish. */
static void
step_lane(TonapiSession *tonapi, const Place *place, bool wanted,
		  int64_t now_ms, CsOutput *output)
{
	TonapiLane *lane = place->lane;

	if (!wanted)
	{
		if (lane->open && is_replaced(tonapi, place))
			retire_link(tonapi, &lane->link, now_ms, output);
		else
			close_link(&lane->link, output);
		close_link(&lane->next_link, output);
		cs_tonapi_sse_start(lane);
	}
	else if (lane->link < 0)
		lane->link = open_link(tonapi, output);
	else if (lane->open && lane->version < place->version &&
			 lane->next_link < 0)
	{
		if (lane->due_at == INT64_MAX)
			lane->due_at = now_ms + COLLECT_MS;
		if (lane->due_at <= now_ms)
		{
			lane->next_link = open_link(tonapi, output);
			lane->due_at = INT64_MAX;
		}
	}
}

/* ---------- everything ---------- */

/* Are all lists as live as they should be? */
static bool
lists_are_live(TonapiSession *tonapi)
{
	if (cs_watchset_queued(tonapi->base.watches) > 0)
		return false;
	for (int i = 1 + TONAPI_ADDRESSED; i < PLACES; i++)
	{
		Place		place = get_place(tonapi, i);

		if (place.wanted &&
			(!place.lane->open || place.lane->version < place.version))
			return false;
	}
	return true;
}

/*
 * Is the lane of every account to be there?  When it is wanted no more it
 * stays until the lists that replace it are live.
 */
static bool
keeps_all(TonapiSession *tonapi, const Place *place)
{
	if (!place->wanted)
		return false;
	return cs_tonapi_wants_all(tonapi) ||
		(place->lane->open && tonapi->base.address_count > 0 &&
		 !lists_are_live(tonapi));
}

void
cs_tonapi_sse_step(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	close_retired(tonapi, now_ms, output);
	for (int i = 0; i < PLACES; i++)
	{
		Place		place = get_place(tonapi, i);
		bool		wanted = place.wanted;

		if (i >= 1 && i <= TONAPI_ADDRESSED)
			wanted = keeps_all(tonapi, &place);
		step_lane(tonapi, &place, wanted, now_ms, output);
	}
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
		cs_tonapi_sweep(&tonapi->shares[i]);
}

int64_t
cs_tonapi_sse_next_tick(const TonapiSession *tonapi)
{
	int64_t		next = tonapi->block_lane.due_at;

	if (tonapi->retired_count > 0 && tonapi->retired[0].close_at < next)
		next = tonapi->retired[0].close_at;
	for (int i = 0; i < TONAPI_ADDRESSED; i++)
	{
		if (tonapi->all_lanes[i].due_at < next)
			next = tonapi->all_lanes[i].due_at;
		for (int n = 0; n < TONAPI_CONNECTIONS_MAX; n++)
		{
			if (tonapi->shares[n].lanes[i].due_at < next)
				next = tonapi->shares[n].lanes[i].due_at;
		}
	}
	return next;
}

bool
cs_tonapi_sse_delivers(const TonapiSession *tonapi, TonapiTopicId topic)
{
	if (topic == TONAPI_BLOCK)
		return tonapi->block_lane.open;
	if (tonapi->all_lanes[topic].open)
		return true;
	for (int i = 0; i < TONAPI_CONNECTIONS_MAX; i++)
	{
		if (tonapi->shares[i].lanes[topic].open)
			return true;
	}
	return false;
}

/* ---------- URLs ---------- */

size_t
cs_tonapi_sse_capacity(const TonapiSession *tonapi)
{
	const char *operations = tonapi->topics[TONAPI_TRANSACTION].operations;
	size_t		used = strlen(paths[TONAPI_TRANSACTION]) +
		strlen(accounts_parameter);

	if (operations != NULL)
		used += strlen(operations_parameter) + strlen(operations);
	if (tonapi->token_in_query && tonapi->base.token != NULL)
		used += strlen("&token=") + 3 * strlen(tonapi->base.token);

	/* Each with the comma behind it, in place of its NUL. */
	return used < PATH_MAX_BYTES ?
		(PATH_MAX_BYTES - used) / CS_TON_ADDRESS_MAX : 0;
}

static char *
append(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

static char *
append_accounts(char *at, const TonapiShare *share)
{
	const CsWatch *entry;
	size_t		position = 0;
	bool		any = false;

	while ((entry = cs_watchset_next(share->accounts, &position)) != NULL)
	{
		if (!(entry->flags & TONAPI_ENTRY_WANTED))
			continue;
		if (any)
			*at++ = ',';
		at = append(at, entry->target, entry->length);
		any = true;
	}
	return at;
}

/* The path and query of a lane, in the output's arena; NULL: no memory. */
static const char *
write_path(const TonapiSession *tonapi, const Place *place, CsOutput *output)
{
	const TonapiTopic *topic = &tonapi->topics[place->topic];
	const char *path = paths[place->topic];
	size_t		accounts = place->share && place->share->accounts ?
		cs_watchset_count(place->share->accounts) : 0;
	char	   *text = cs_output_alloc(output, 128 + (topic->operations ?
										strlen(topic->operations) : 0) +
									   accounts * CS_TON_ADDRESS_MAX);
	char	   *at = text;

	if (text == NULL)
		return NULL;
	at = append(at, path, strlen(path));
	if (accounts > 0)
	{
		at = append(at, accounts_parameter, strlen(accounts_parameter));
		at = append_accounts(at, place->share);
	}
	else if (place->topic == TONAPI_TRANSACTION || place->topic == TONAPI_TRACE)
		at = append(at, "?accounts=ALL", 13);
	if (place->topic == TONAPI_TRANSACTION && topic->operations != NULL)
	{
		at = append(at, operations_parameter, strlen(operations_parameter));
		at = append(at, topic->operations, strlen(topic->operations));
	}
	if (place->topic == TONAPI_BLOCK && topic->workchain != NULL)
	{
		at = append(at, "?workchain=", 11);
		at = append(at, topic->workchain, strlen(topic->workchain));
	}
	*at = '\0';
	return text;
}

const char *
cs_tonapi_sse_url(TonapiSession *tonapi, int link, const char *url,
				  CsOutput *output)
{
	Place		place = {.lane = NULL, .topic = TONAPI_BLOCK};
	const char *path;

	if (!find_place(tonapi, link, &place))
		return cs_tonapi_url(output, url, false, paths[TONAPI_BLOCK]);
	path = write_path(tonapi, &place, output);
	if (path == NULL)
		return NULL;
	if (place.lane->link == link)
		place.lane->version = place.version;
	else
		place.lane->next_version = place.version;
	return cs_tonapi_url(output, url, false, path);
}

/* ---------- links ---------- */

/* What a lane carries may have another state now. */
static void
review_place(TonapiSession *tonapi, const Place *place)
{
	if (place->share != NULL)
		cs_tonapi_review_share(tonapi, place->share);
	else if (place->topic != TONAPI_BLOCK)
		cs_tonapi_review(tonapi);
}

void
cs_tonapi_sse_opened(TonapiSession *tonapi, int link, int64_t now_ms,
					 CsOutput *output)
{
	Place		place;

	if (!find_place(tonapi, link, &place))
		return;
	if (place.lane->link == link)
		place.lane->open = true;
	else
	{
		retire_link(tonapi, &place.lane->link, now_ms, output);
		promote(place.lane, true);
	}
	tonapi->topics[place.topic].trouble[0] = '\0';
	tonapi->topics[place.topic].hopeless = false;
	review_place(tonapi, &place);
}

void
cs_tonapi_sse_closed(TonapiSession *tonapi, int link, const CsClosure *closure,
					 CsOutput *output)
{
	Place		place;
	TonapiLane *lane;

	if (forget_retired(tonapi, link, output) ||
		!find_place(tonapi, link, &place))
		return;
	lane = place.lane;
	cs_tonapi_trouble(&tonapi->topics[place.topic], closure);
	if (lane->link == link)
	{
		/* What replaces it need not wait any more. */
		if (lane->next_link >= 0)
		{
			close_link(&lane->link, output);
			promote(lane, false);
		}
		lane->open = false;
		lane->due_at = INT64_MAX;
		review_place(tonapi, &place);
	}
	else if (closure->http_status == TOO_MANY_REQUESTS &&
			 tonapi->retired_count == 0 &&
			 ++lane->next_failures >= REFUSALS_MAX)
	{
		close_link(&lane->link, output);
		promote(lane, false);
		review_place(tonapi, &place);
	}
}
