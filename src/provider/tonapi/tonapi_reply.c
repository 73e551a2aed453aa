/*-------------------------------------------------------------------------
 *
 * tonapi_reply.c
 *	  What the replies of TonAPI to requests over a WebSocket change.
 *
 * A reply says in words what became of a request: "success!" and so on, or
 * anything else, which is why not.  What was refused for good is not asked for
 * again on this connection: an address, all beyond a limit, or a topic.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/tonapi/tonapi.h"

static const char unknown_method[] = "the server does not know this topic";

/* The batch was subscribed or unsubscribed. */
static void
settle_batch(TonapiSession *tonapi, TonapiShare *share, bool live)
{
	TonapiSocket *socket = &share->socket;

	for (size_t i = 0; i < socket->batch_count; i++)
	{
		CsWatch    *entry = socket->batch[i];

		cs_tonapi_socket_live(share, entry, socket->topic, live);
		cs_tonapi_review_entry(tonapi, entry);
	}
}

/* A request did what it should, or its effect is there anyway. */
static void
succeed(TonapiSession *tonapi, TonapiShare *share, TonapiMethod method)
{
	TonapiSocket *socket = &share->socket;
	bool		live = method == TONAPI_SUBSCRIBE;
	bool		was_all = socket->mempool_live == TONAPI_ALL;

	switch (socket->topic)
	{
		case TONAPI_BLOCK:
			socket->block_live = live;
			break;
		case TONAPI_MEMPOOL:
			socket->mempool_live = live ? socket->asked : 0;
			socket->mempool_doubt = false;
			if (was_all || socket->mempool_live == TONAPI_ALL)
				cs_tonapi_review(tonapi);
			else
				cs_tonapi_review_share(tonapi, share);
			break;
		default:
			settle_batch(tonapi, share, live);
			break;
	}
}

/* The server does not want to hear of a topic, at least on this connection. */
static void
refuse_topic(TonapiSession *tonapi, TonapiTopicId topic, const char *words)
{
	cs_tonapi_words(tonapi->topics[topic].refusal,
					words[0] != '\0' ? words : unknown_method);
	cs_tonapi_review(tonapi);
}

/*
 * The server takes no more accounts on this connection.  Its words may say how
 * many it takes on any; if that would leave room for what it just refused,
 * what is live is all it takes here.
 */
static void
reach_limit(TonapiSession *tonapi, TonapiShare *share, const char *words,
			const char *number)
{
	TonapiSocket *socket = &share->socket;
	size_t		live = socket->live[socket->topic];
	unsigned long long limit = number ? strtoull(number, NULL, 10) : 0;

	cs_tonapi_words(tonapi->limit_words, words);
	if (limit > 0 && limit < live + socket->batch_count &&
		limit < tonapi->limit)
		tonapi->limit = (size_t) limit;
	else
		share->limit = live;
	cs_tonapi_rearrange(tonapi);
}

/* The entry of an address that an error quotes, as it was sent. */
static CsWatch *
find_quoted(const TonapiShare *share, const char *words, const char *before)
{
	const char *address = strstr(words, before);
	size_t		length;

	if (address == NULL || share->accounts == NULL)
		return NULL;
	address += strlen(before);
	length = strspn(address, "-0123456789:ABCDEFabcdef");
	return cs_watchset_find(share->accounts, CS_WATCH_ADDRESS, address, length);
}

static void
refuse_entry(TonapiSession *tonapi, TonapiShare *share, CsWatch *entry)
{
	entry->flags |= TONAPI_ENTRY_REFUSED;
	share->version++;
	share->socket.dirty = true;
	cs_tonapi_review_entry(tonapi, entry);
}

/* Accounts were not subscribed, none of the batch. */
static void
fail_batch(TonapiSession *tonapi, TonapiShare *share, const char *words)
{
	static const char limit[] = "limit of ";
	TonapiSocket *socket = &share->socket;
	const char *number = strstr(words, limit);
	CsWatch    *entry = find_quoted(share, words, "'");

	settle_batch(tonapi, share, false);
	if (number != NULL)
		reach_limit(tonapi, share, words, number + sizeof(limit) - 1);
	else if (entry != NULL)
		refuse_entry(tonapi, share, entry);
	else if (cs_tonapi_socket_delivers(tonapi, socket->topic))
		reach_limit(tonapi, share, words, NULL);
	else
		refuse_topic(tonapi, socket->topic, words);
}

static void
fail_mempool(TonapiSession *tonapi, TonapiShare *share, const char *words)
{
	TonapiSocket *socket = &share->socket;
	CsWatch    *entry = find_quoted(share, words, "address ");

	socket->mempool_live = 0;
	cs_tonapi_review_share(tonapi, share);
	if (entry != NULL && !(entry->flags & TONAPI_ENTRY_REFUSED))
		refuse_entry(tonapi, share, entry);
	else if (strstr(words, "already subscribed") != NULL &&
			 !socket->mempool_doubt)
		socket->mempool_doubt = true;
	else
		refuse_topic(tonapi, TONAPI_MEMPOOL, words);
}

bool
cs_tonapi_socket_reply(TonapiSession *tonapi, int link,
					   struct json_object *reply, CsError *error)
{
	static const char success[] = "success!";
	TonapiShare *share;
	TonapiSocket *socket;
	TonapiMethod method;
	CsText		words;
	int64_t		request = 0;

	if (!cs_json_text(reply, "result", &words, error))
		return false;
	if (cs_json_member(reply, "id") != NULL &&
		!cs_json_integer(reply, "id", &request, error))
		return false;
	if (link < 0 || link >= TONAPI_CONNECTIONS_MAX)
		return true;
	share = &tonapi->shares[link];
	socket = &share->socket;
	if (socket->method == TONAPI_NOTHING || socket->request != request)
		return true;			/* of a request that was replaced */
	method = socket->method;
	socket->method = TONAPI_NOTHING;
	socket->overdue_at = INT64_MAX;
	socket->dirty = true;
	if (method == TONAPI_UNSUBSCRIBE ||
		strncmp(words.data, success, sizeof(success) - 1) == 0)
		succeed(tonapi, share, method);
	else if (socket->topic == TONAPI_BLOCK)
	{
		socket->block_live = false;
		refuse_topic(tonapi, TONAPI_BLOCK, words.data);
	}
	else if (socket->topic == TONAPI_MEMPOOL)
		fail_mempool(tonapi, share, words.data);
	else
		fail_batch(tonapi, share, words.data);
	socket->batch_count = 0;
	return true;
}
