/*-------------------------------------------------------------------------
 *
 * flow_item.c
 *	  Recorded Flow notifications.
 *
 * Each subscription of the topic gets the payload as recorded, with its own
 * id and message_index, less the events it did not ask for.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

struct CsSimItem
{
	FlowTopic	topic;
	json_object *payload;
	char		hash[FLOW_ID_TEXT + 1]; /* of the block, or empty */
	FlowId		transaction;
	bool		has_transaction;
};

static const char *
member_text(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* The transaction that a result is of: the end of its link. */
static void
read_transaction(CsSimItem *item)
{
	json_object *result = NULL;
	json_object *links = NULL;
	const char *link;

	(void) json_object_object_get_ex(item->payload, "transaction_result",
									 &result);
	(void) json_object_object_get_ex(result, "_links", &links);
	link = member_text(links, "_self");
	link = link != NULL ? strrchr(link, '/') : NULL;
	item->has_transaction = link != NULL &&
		cs_sim_flow_parse_id(link + 1, item->transaction);
}

/* What the journal shall say. */
static void
read_hash(CsSimItem *item)
{
	json_object *header = NULL;
	const char *hash = member_text(item->payload, "block_id");

	(void) json_object_object_get_ex(item->payload, "header", &header);
	if (hash == NULL)
		hash = member_text(item->payload, "id");
	if (hash == NULL)
		hash = member_text(header, "id");
	if (hash != NULL)
		snprintf(item->hash, sizeof(item->hash), "%s", hash);
}

CsSimItem *
cs_sim_flow_item_create(CsSimNetwork *network, json_object *json,
						char error[CS_SIM_ERROR_MAX])
{
	const char *name = member_text(json, "topic");
	json_object *payload = NULL;
	CsSimItem  *item;
	int			topic = 0;

	(void) network;
	while (name != NULL && topic < FLOW_TOPICS &&
		   strcmp(cs_sim_flow_topics[topic], name) != 0)
		topic++;
	if (name == NULL || topic == FLOW_TOPICS ||
		!json_object_object_get_ex(json, "payload", &payload) ||
		!json_object_is_type(payload, json_type_object))
	{
		snprintf(error, CS_SIM_ERROR_MAX, "not a Flow notification");
		return NULL;
	}
	item = cs_sim_alloc(sizeof(*item));
	item->topic = (FlowTopic) topic;
	item->payload = json_object_get(payload);
	read_hash(item);
	read_transaction(item);
	return item;
}

void
cs_sim_flow_item_free(CsSimItem *item)
{
	json_object_put(item->payload);
	free(item);
}

/* ---------- filters ---------- */

/* The events that pass; NULL if there are none. */
static json_object *
filter_events(const FlowSubscription *subscription, json_object *events)
{
	json_object *passed = NULL;

	for (size_t i = 0; json_object_is_type(events, json_type_array) &&
		 i < json_object_array_length(events); i++)
	{
		json_object *event = json_object_array_get_idx(events, i);
		const char *type = member_text(event, "type");

		if (type == NULL || !cs_sim_flow_event_passes(subscription, type))
			continue;
		if (passed == NULL)
			passed = json_object_new_array();
		json_object_array_add(passed, json_object_get(event));
	}
	return passed;
}

/* Is the same event among these? */
static bool
contains(json_object *events, json_object *event)
{
	for (size_t i = 0; i < json_object_array_length(events); i++)
		if (json_object_equal(json_object_array_get_idx(events, i), event))
			return true;
	return false;
}

/* Was the event asked for, by one of the accounts it is listed under? */
static bool
account_event_passes(const FlowSubscription *subscription,
					 json_object *accounts, json_object *event)
{
	FlowSubscription by_type = *subscription;
	const char *type = member_text(event, "type");

	by_type.address_count = 0;
	by_type.contracts = NULL;
	if (type == NULL || !cs_sim_flow_event_passes(&by_type, type))
		return false;
	if (subscription->address_count == 0)
		return true;
	json_object_object_foreach(accounts, name, events)
		for (size_t i = 0; i < subscription->address_count; i++)
			if (cs_sim_flow_parse_address(name) == subscription->addresses[i] &&
				contains(events, event))
				return true;
	return false;
}

/* The accounts with the events that were asked for; a new object. */
static json_object *
filter_accounts(const FlowSubscription *subscription, json_object *accounts)
{
	json_object *passed = json_object_new_object();

	if (!json_object_is_type(accounts, json_type_object))
		return passed;
	json_object_object_foreach(accounts, name, events)
	{
		json_object *list = json_object_new_array();

		for (size_t i = 0; json_object_is_type(events, json_type_array) &&
			 i < json_object_array_length(events); i++)
		{
			json_object *event = json_object_array_get_idx(events, i);

			if (account_event_passes(subscription, accounts, event))
				json_object_array_add(list, json_object_get(event));
		}
		if (json_object_array_length(list) > 0)
			json_object_object_add(passed, name, list);
		else
			json_object_put(list);
	}
	return passed;
}

/* ---------- delivery ---------- */

/* Does the subscription want this topic, block status and transaction? */
static bool
wanted(const FlowSubscription *subscription, const CsSimItem *item)
{
	const char *status = member_text(item->payload, "block_status");

	if (subscription->topic != item->topic || subscription->ended)
		return false;
	if (item->topic == FLOW_BLOCKS && status != NULL)
		return subscription->sealed == (strcmp(status, "BLOCK_SEALED") == 0);
	return item->topic != FLOW_TRANSACTION_STATUSES ||
		(item->has_transaction &&
		 memcmp(item->transaction, subscription->transaction,
				FLOW_ID_LENGTH) == 0);
}

/* Append a member of the payload, filtered; true if it holds events. */
static bool
add_member(const FlowSubscription *subscription, const char *name,
		   json_object *value, CsSimText *text)
{
	json_object *passed = NULL;
	bool		some = false;

	if (strcmp(name, "events") == 0)
	{
		passed = filter_events(subscription, value);
		if (passed == NULL)
			return false;
		some = true;
	}
	else if (strcmp(name, "account_events") == 0)
	{
		passed = filter_accounts(subscription, value);
		some = json_object_object_length(passed) > 0;
	}
	cs_sim_text_printf(text, "%s\"%s\":",
					   text->data[text->length - 1] == '{' ? "" : ",", name);
	cs_sim_flow_json(text, passed != NULL ? passed : value, false);
	json_object_put(passed);
	return some;
}

/* Send the item to one subscription; true if it got it. */
static bool
deliver_to(CsSimClient *client, FlowSubscription *subscription,
		   const CsSimItem *item)
{
	CsSimText	text = {NULL, 0, 0};
	bool		filtered = item->topic == FLOW_EVENTS ||
		item->topic == FLOW_ACCOUNT_STATUSES;
	bool		some = false;
	bool		send;

	cs_sim_flow_envelope(subscription, &text);
	cs_sim_text_add(&text, "{", 1);
	json_object_object_foreach(item->payload, name, value)
	{
		if (strcmp(name, "message_index") != 0)
			some |= add_member(subscription, name, value, &text);
	}
	send = !filtered || some || ++subscription->silent >=
		subscription->heartbeat;
	if (send)
	{
		subscription->silent = 0;
		if (item->topic >= FLOW_EVENTS)
			cs_sim_text_printf(&text, ",\"message_index\":%llu",
							   (unsigned long long)
							   subscription->message_index++);
		cs_sim_text_printf(&text, "}}");
		if (!cs_sim_flow_lost(client->network))
			cs_sim_flow_send(client, &text, (int) item->topic,
							 item->hash[0] != '\0' ? item->hash : NULL);
	}
	free(text.data);
	return send;
}

size_t
cs_sim_flow_deliver(CsSimNetwork *network, CsSimItem *item)
{
	size_t		sent = 0;

	for (CsSimClient *client = network->clients; client; client = client->next)
		for (FlowSubscription *subscription =
			 ((FlowClient *) client->state)->subscriptions; subscription;
			 subscription = subscription->next)
			if (!client->dead && wanted(subscription, item))
				sent += deliver_to(client, subscription, item);
	return sent;
}
