/*-------------------------------------------------------------------------
 *
 * flow_subscription.c
 *	  What each Flow subscription is sent, block by block.
 *
 * A subscription is a height: everything below it was looked at.  It is moved
 * on whenever there are new blocks and the client has room, so one that began
 * in the past catches up as fast as its connection takes it.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

/* A client with less than this in its queue has room. */
#define ROOM	((size_t) 4 * 65536)

/* So far above the index a start may be. */
#define INDEX_TOLERANCE	30

/* ---------- where it begins ---------- */

/* Is the start within what is indexed?  *from* as the error names it. */
static bool
indexed(CsSimNetwork *network, uint64_t height, const char *from,
		CsSimText *error)
{
	uint64_t	lowest = cs_sim_setting(network, FLOW_LOWEST_INDEXED);
	uint64_t	highest = cs_sim_flow_indexed(network);

	if (height < lowest)
		cs_sim_text_printf(error, "rpc error: code = InvalidArgument desc = "
						   "could not get start height from %s: start height "
						   "%llu is lower than lowest indexed height %llu",
						   from, (unsigned long long) height,
						   (unsigned long long) lowest);
	else if (height > highest + INDEX_TOLERANCE)
		cs_sim_text_printf(error, "rpc error: code = InvalidArgument desc = "
						   "could not get start height from %s: start height "
						   "%llu is higher than highest indexed height %llu "
						   "(maxIndexBlockDiff: %d)", from,
						   (unsigned long long) height,
						   (unsigned long long) highest, INDEX_TOLERANCE);
	else
		return true;
	return false;
}

/* The height of the start; false: the server has no such block. */
static bool
find_start(CsSimNetwork *network, const FlowStart *start, uint64_t *height,
		   CsSimText *error)
{
	uint64_t	root = cs_sim_setting(network, FLOW_ROOT_HEIGHT);
	uint64_t	head = flow_state(network)->head;

	if (start->by_id)
	{
		if (cs_sim_flow_number(network, FLOW_BLOCK, start->id, height) &&
			*height >= root && *height <= head)
			return true;
		cs_sim_text_printf(error, "rpc error: code = NotFound desc = could "
						   "not get start height from block id: not found: "
						   "could not get header for block %s: could not "
						   "retrieve resource: key not found", start->id_text);
		return false;
	}
	*height = start->by_height ? start->height : cs_sim_flow_sealed(network);
	if (*height < root)
		cs_sim_text_printf(error, "rpc error: code = InvalidArgument desc = "
						   "could not get start height from block height: "
						   "start height must be greater than or equal to the "
						   "root height %llu", (unsigned long long) root);
	else if (*height > head)
		cs_sim_text_printf(error, "rpc error: code = NotFound desc = could "
						   "not get start height from block height: not "
						   "found: could not get header for height %llu: "
						   "failed to retrieve block ID for height %llu: "
						   "could not retrieve resource: key not found",
						   (unsigned long long) *height,
						   (unsigned long long) *height);
	else
		return true;
	return false;
}

/* Is the block that a sent transaction refers to recent enough? */
static bool
reference_fresh(CsSimNetwork *network, const FlowSubscription *subscription,
				CsSimText *error)
{
	uint64_t	head = flow_state(network)->head;
	json_object *value = NULL;
	uint64_t	height;
	FlowId		id;

	(void) json_object_object_get_ex(subscription->arguments,
									 "reference_block_id", &value);
	if (!cs_sim_flow_parse_id(json_object_get_string(value), id) ||
		!cs_sim_flow_number(network, FLOW_BLOCK, id, &height) ||
		height + cs_sim_setting(network, FLOW_EXPIRY) >= head)
		return true;
	cs_sim_text_printf(error, "rpc error: code = InvalidArgument desc = "
					   "failed to send transaction: invalid transaction: "
					   "transaction is expired: ref_height=%llu "
					   "final_height=%llu", (unsigned long long) height,
					   (unsigned long long) head);
	return false;
}

bool
cs_sim_flow_begin(CsSimNetwork *network, FlowSubscription *subscription,
				  const FlowStart *start, CsSimText *error)
{
	bool		accounts = subscription->topic == FLOW_ACCOUNT_STATUSES;

	subscription->since = flow_state(network)->head;
	if (subscription->topic == FLOW_SEND)
	{
		if (!reference_fresh(network, subscription, error))
			return false;
		cs_sim_flow_take(network, subscription->arguments,
						 subscription->transaction);
		subscription->sent_here = true;
	}
	if (subscription->topic >= FLOW_TRANSACTION_STATUSES)
		return true;
	if (!find_start(network, start, &subscription->height, error))
		return false;
	return subscription->topic < FLOW_EVENTS ||
		indexed(network, subscription->height,
				start->by_id ? "block id" : start->by_height || !accounts ?
				"block height" : "latest", error);
}

/* ---------- notifications ---------- */

void
cs_sim_flow_envelope(const FlowSubscription *subscription, CsSimText *text)
{
	cs_sim_text_printf(text, "{\"subscription_id\":");
	cs_sim_flow_quote(text, subscription->id, strlen(subscription->id));
	cs_sim_text_printf(text, ",\"topic\":\"%s\",\"payload\":",
					   cs_sim_flow_topics[subscription->topic]);
}

bool
cs_sim_flow_lost(CsSimNetwork *network)
{
	FlowState  *state = flow_state(network);

	if (state->lose == 0)
		return false;
	state->lose--;
	return true;
}

/* One block, as a digest, a header or whole. */
static void
block_text(CsSimNetwork *network, const FlowSubscription *subscription,
		   const FlowBlock *block, CsSimText *text)
{
	if (subscription->topic == FLOW_BLOCK_DIGESTS)
		cs_sim_text_printf(text, "{\"block_id\":\"%s\",\"height\":\"%llu\","
						   "\"timestamp\":\"%s\"}", block->id_text,
						   (unsigned long long) block->height,
						   block->time.data);
	else if (subscription->topic == FLOW_BLOCK_HEADERS)
		cs_sim_flow_header(network, block->height, text);
	else
	{
		cs_sim_text_printf(text, "{\"header\":");
		cs_sim_flow_header(network, block->height, text);
		cs_sim_text_printf(text, ",\"payload\":");
		cs_sim_flow_payload(network, block->height, text);
		cs_sim_text_printf(text, ",\"_expandable\":{},\"_links\":{\"_self\":"
						   "\"/v1/blocks/%s\"},\"block_status\":\"BLOCK_%s\"}",
						   block->id_text, subscription->sealed ? "SEALED" :
						   "FINALIZED");
	}
}

static bool
listed(json_object *list, const char *text, size_t length)
{
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
	{
		const char *entry =
			json_object_get_string(json_object_array_get_idx(list, i));

		if (strncmp(entry, text, length) == 0 && entry[length] == '\0')
			return true;
	}
	return false;
}

static bool
has_address(const FlowSubscription *subscription, uint64_t address)
{
	for (size_t i = 0; i < subscription->address_count; i++)
		if (subscription->addresses[i] == address)
			return true;
	return false;
}

bool
cs_sim_flow_event_passes(const FlowSubscription *subscription,
						 const char *type)
{
	json_object *types = subscription->event_types;
	json_object *contracts = subscription->contracts;
	size_t		contract = 0;

	if ((types == NULL || json_object_array_length(types) == 0) &&
		(contracts == NULL || json_object_array_length(contracts) == 0) &&
		subscription->address_count == 0)
		return true;
	if (listed(types, type, strlen(type)))
		return true;
	if (strncmp(type, "A.", 2) != 0)
		return listed(contracts, "flow", 4);
	/* A.<address>.<contract> */
	contract = 2 + strcspn(type + 2, ".");
	if (type[contract] == '.' && subscription->address_count > 0)
	{
		char		address[32];

		snprintf(address, sizeof(address), "%.*s", (int) contract - 2,
				 type + 2);
		if (has_address(subscription, cs_sim_flow_parse_address(address)))
			return true;
	}
	contract += 1 + strcspn(type + contract + 1, ".");
	return listed(contracts, type, contract);
}

/* Append the events that pass; returns how many. */
static size_t
events_text(const FlowSubscription *subscription, const FlowBlock *block,
			CsSimText *text)
{
	size_t		passed = 0;

	for (size_t i = 0; i < block->event_count; i++)
	{
		if (!cs_sim_flow_event_passes(subscription, block->events[i].type))
			continue;
		cs_sim_text_printf(text, "%s%s", passed++ == 0 ? ",\"events\":[" : ",",
						   block->events[i].text);
	}
	if (passed > 0)
		cs_sim_text_add(text, "]", 1);
	return passed;
}

/* Does a core event concern the accounts that were asked for? */
static bool
account_event_passes(const FlowSubscription *subscription,
					 const FlowEvent *event)
{
	json_object *types = subscription->event_types;

	if (event->account_count == 0 ||
		(types != NULL && json_object_array_length(types) > 0 &&
		 !listed(types, event->type, strlen(event->type))))
		return false;
	if (subscription->address_count == 0)
		return true;
	for (int i = 0; i < event->account_count; i++)
		if (has_address(subscription, event->accounts[i]))
			return true;
	return false;
}

/* The smallest account above *after* that an event names; 0: none. */
static uint64_t
next_account(const FlowSubscription *subscription, const FlowBlock *block,
			 uint64_t after)
{
	uint64_t	found = 0;

	for (size_t i = 0; i < block->event_count; i++)
		for (int a = 0; a < block->events[i].account_count; a++)
		{
			uint64_t	account = block->events[i].accounts[a];

			if (account > after && (found == 0 || account < found) &&
				account_event_passes(subscription, &block->events[i]))
				found = account;
		}
	return found;
}

/* Append the events by account, sorted; returns how many accounts. */
static size_t
accounts_text(const FlowSubscription *subscription, const FlowBlock *block,
			  CsSimText *text)
{
	uint64_t	account = 0;
	size_t		accounts = 0;

	while ((account = next_account(subscription, block, account)) != 0)
	{
		size_t		count = 0;

		cs_sim_text_printf(text, "%s\"0x%016llx\":[", accounts++ > 0 ? "," :
						   "", (unsigned long long) account);
		for (size_t i = 0; i < block->event_count; i++)
			for (int a = 0; a < block->events[i].account_count; a++)
				if (block->events[i].accounts[a] == account &&
					account_event_passes(subscription, &block->events[i]))
					cs_sim_text_printf(text, "%s%s", count++ > 0 ? "," : "",
									   block->events[i].text);
		cs_sim_text_add(text, "]", 1);
	}
	return accounts;
}

/* The payload for a block; false: nothing is sent for it. */
static bool
payload_text(CsSimNetwork *network, FlowSubscription *subscription,
			 const FlowBlock *block, CsSimText *text)
{
	unsigned long long height = block->height;
	size_t		found;

	if (subscription->topic < FLOW_EVENTS)
	{
		block_text(network, subscription, block, text);
		return true;
	}
	cs_sim_text_printf(text, "{\"block_id\":\"%s\",", block->id_text);
	if (subscription->topic == FLOW_EVENTS)
	{
		cs_sim_text_printf(text, "\"block_height\":\"%llu\","
						   "\"block_timestamp\":\"%s\"", height,
						   cs_sim_switch(network, FLOW_EMULATOR) ?
						   "0001-01-01T00:00:00Z" : block->time.data);
		found = events_text(subscription, block, text);
	}
	else
	{
		cs_sim_text_printf(text, "\"height\":\"%llu\",\"account_events\":{",
						   height);
		found = accounts_text(subscription, block, text);
		cs_sim_text_add(text, "}", 1);
	}
	if (++subscription->silent < subscription->heartbeat && found == 0)
		return false;
	subscription->silent = 0;
	cs_sim_text_printf(text, ",\"message_index\":%llu}",
					   (unsigned long long) subscription->message_index++);
	return true;
}

/* Is there room for one more notification, and is it not too early? */
static bool
may_send(const CsSimClient *client)
{
	return client->queued < ROOM &&
		(cs_sim_setting(client->network, FLOW_RESPONSES) == 0 ||
		 lws_now_usecs() >= ((const FlowClient *) client->state)->next_response);
}

/* The next one shall not come sooner than their rate allows. */
static void
delay_next(CsSimClient *client)
{
	uint64_t	limit = cs_sim_setting(client->network, FLOW_RESPONSES);

	if (limit > 0)
		((FlowClient *) client->state)->next_response = lws_now_usecs() +
			LWS_US_PER_SEC / (int64_t) limit;
}

/* Look at the next block. */
static void
pump_block(CsSimClient *client, FlowSubscription *subscription)
{
	CsSimNetwork *network = client->network;
	const FlowBlock *block = cs_sim_flow_block(network, subscription->height);
	CsSimText	text = {NULL, 0, 0};

	subscription->height++;
	cs_sim_flow_envelope(subscription, &text);
	if (payload_text(network, subscription, block, &text) &&
		!cs_sim_flow_lost(network))
	{
		cs_sim_text_add(&text, "}", 1);
		cs_sim_flow_send(client, &text, (int) subscription->topic,
						 block->id_text);
		delay_next(client);
		if (subscription->leaving && --subscription->tail == 0)
			subscription->ended = true;
	}
	free(text.data);
}

/* The last height that this subscription may see at present. */
static uint64_t
last_height(CsSimNetwork *network, const FlowSubscription *subscription)
{
	if (subscription->topic >= FLOW_EVENTS)
		return cs_sim_flow_indexed(network);
	return subscription->sealed ? cs_sim_flow_sealed(network) :
		flow_state(network)->head;
}

/* Is there a block that it has not looked at? */
static bool
due(const CsSimClient *client, const FlowSubscription *subscription)
{
	/* Recorded messages have no heights, and are all there is. */
	return subscription->topic < FLOW_TRANSACTION_STATUSES &&
		client->network->traffic.items == NULL && !subscription->ended &&
		client->close == CS_SIM_STAY &&
		subscription->height <= last_height(client->network, subscription);
}

/* The subscription whose turn it is; they form a ring of *length*. */
static FlowSubscription *
take_turn(FlowClient *state, size_t length)
{
	size_t		index = state->turn++ % length;
	FlowSubscription *subscription = state->subscriptions;

	while (index-- > 0)
		subscription = subscription->next;
	return subscription;
}

bool
cs_sim_flow_pump(CsSimClient *client)
{
	FlowClient *state = client->state;
	size_t		length = 0;
	size_t		idle = 0;

	for (FlowSubscription *subscription = state->subscriptions; subscription;
		 subscription = subscription->next, length++)
		if (subscription->topic >= FLOW_TRANSACTION_STATUSES &&
			!subscription->ended && !subscription->leaving)
			cs_sim_flow_pump_transaction(client, subscription);
	/* One block each in turn, so that none waits for another to catch up. */
	while (idle < length)
	{
		FlowSubscription *subscription = take_turn(state, length);

		if (!due(client, subscription))
		{
			idle++;
			continue;
		}
		if (!may_send(client))
		{
			state->turn--;
			return true;
		}
		pump_block(client, subscription);
		idle = 0;
	}
	return false;
}

/* ---------- the end ---------- */

void
cs_sim_flow_subscription_free(FlowSubscription *subscription)
{
	json_object_put(subscription->arguments);
	free(subscription->addresses);
	free(subscription);
}

/* Take the subscription at *at* out of its list. */
static void
take_out(CsSimClient *client, FlowSubscription **at)
{
	FlowSubscription *subscription = *at;

	*at = subscription->next;
	if (!subscription->leaving)
	{
		((FlowClient *) client->state)->count--;
		flow_state(client->network)->streams--;
	}
	cs_sim_flow_subscription_free(subscription);
}

void
cs_sim_flow_remove(CsSimClient *client, FlowSubscription *subscription)
{
	FlowSubscription **at = &((FlowClient *) client->state)->subscriptions;

	while (*at != subscription)
		at = &(*at)->next;
	take_out(client, at);
}

void
cs_sim_flow_remove_ended(CsSimClient *client)
{
	FlowSubscription **at = &((FlowClient *) client->state)->subscriptions;

	while (*at != NULL)
		if ((*at)->ended)
			take_out(client, at);
		else
			at = &(*at)->next;
}

void
cs_sim_flow_remove_all(CsSimClient *client)
{
	FlowSubscription **at = &((FlowClient *) client->state)->subscriptions;

	while (*at != NULL)
		take_out(client, at);
}
