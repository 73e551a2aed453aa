/*-------------------------------------------------------------------------
 *
 * tonapi_item.c
 *	  TonAPI's notifications: who gets them, and how often.
 *
 * An item is made from a whole message of the WebSocket, from its params
 * alone, or from a transaction as REST has it: then it is announced, and
 * REST answers for it from then on.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

CsSimItem *
cs_sim_ta_item_new(TaTopic topic, size_t accounts)
{
	CsSimItem  *item = cs_sim_alloc(sizeof(*item));

	item->topic = topic;
	item->accounts = cs_sim_alloc(accounts * sizeof(*item->accounts));
	return item;
}

void
cs_sim_ta_item_free(CsSimItem *item)
{
	free(item->params.data);
	free(item->plain.data);
	free(item->accounts);
	json_object_put(item->rest);
	free(item);
}

/* ---------- from JSON ---------- */

/* The text of a string member, or NULL. */
static const char *
member_text(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static void
add_account(CsSimItem *item, const char *text)
{
	if (text != NULL &&
		cs_sim_ta_address(text, &item->accounts[item->account_count]))
		item->account_count++;
}

/* Which topic params belong to, by their shape; -1: none. */
static int
guess_topic(json_object *params)
{
	if (json_object_object_get_ex(params, "tx_hash", NULL))
		return TA_TRANSACTION;
	if (json_object_object_get_ex(params, "boc", NULL))
		return TA_MEMPOOL;
	if (json_object_object_get_ex(params, "root_hash", NULL))
		return TA_BLOCK;
	if (json_object_object_get_ex(params, "accounts", NULL))
		return TA_TRACE;
	return -1;
}

/* "jetton_transfer" as "JettonTransfer". */
static void
camel_case(const char *snake, char *camel, size_t size)
{
	bool		upper = true;
	size_t		length = 0;

	for (; *snake != '\0' && length + 1 < size; snake++)
	{
		if (*snake == '_')
		{
			upper = true;
			continue;
		}
		camel[length++] = upper ? (char) toupper((unsigned char) *snake) :
			*snake;
		upper = false;
	}
	camel[length] = '\0';
}

/* The announcement of a transaction as REST has it. */
static CsSimItem *
announce(json_object *json)
{
	CsSimItem  *item = cs_sim_ta_item_new(TA_TRANSACTION, 1);
	const char *hash = member_text(json, "hash");
	const char *text;
	json_object *object;

	if (json_object_object_get_ex(json, "account", &object))
		add_account(item, member_text(object, "address"));
	if (json_object_object_get_ex(json, "lt", &object))
		item->lt = json_object_get_uint64(object);
	if (json_object_object_get_ex(json, "in_msg", &object))
	{
		if ((text = member_text(object, "op_code")) != NULL)
			snprintf(item->code, sizeof(item->code), "%s", text);
		if ((text = member_text(object, "decoded_op_name")) != NULL)
			camel_case(text, item->operation, sizeof(item->operation));
	}
	if (item->account_count == 0 || hash == NULL ||
		strlen(hash) >= sizeof(item->hash))
	{
		cs_sim_ta_item_free(item);
		return NULL;
	}
	snprintf(item->hash, sizeof(item->hash), "%s", hash);
	(void) json_object_object_get_ex(json, "account", &object);
	cs_sim_text_printf(&item->params,
					   "{\"account_id\":\"%s\",\"lt\":%llu,"
					   "\"tx_hash\":\"%s\"}", member_text(object, "address"),
					   (unsigned long long) item->lt, hash);
	item->rest = json_object_get(json);
	return item;
}

/* What the filters and the journal look at. */
static void
read_params(CsSimItem *item, json_object *params)
{
	static const char *const hashes[TA_TOPICS] = {
		"tx_hash", "hash", NULL, "root_hash"
	};
	json_object *value;
	const char *hash = NULL;

	if (hashes[item->topic] != NULL)
		hash = member_text(params, hashes[item->topic]);
	if (hash != NULL && strlen(hash) < sizeof(item->hash))
		snprintf(item->hash, sizeof(item->hash), "%s", hash);
	add_account(item, member_text(params, "account_id"));
	if (json_object_object_get_ex(params, item->topic == TA_TRACE ?
								  "accounts" : "involved_accounts", &value) &&
		json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			add_account(item, json_object_get_string(
				json_object_array_get_idx(value, i)));
	if (json_object_object_get_ex(params, "lt", &value))
		item->lt = json_object_get_uint64(value);
	if (json_object_object_get_ex(params, "workchain", &value))
		item->workchain = json_object_get_int(value);
	ton_render(&item->params, params);
	if (item->topic != TA_MEMPOOL)
		return;
	value = json_object_new_object();
	json_object_object_foreach(params, key, part)
	{
		if (strcmp(key, "involved_accounts") != 0)
			json_object_object_add(value, key, json_object_get(part));
	}
	ton_render(&item->plain, value);
	json_object_put(value);
}

CsSimItem *
cs_sim_ta_item_create(CsSimNetwork *network, json_object *json,
					  char error[CS_SIM_ERROR_MAX])
{
	const char *method = member_text(json, "method");
	json_object *params = json;
	json_object *list = NULL;
	int			topic = -1;
	size_t		count = 1;
	CsSimItem  *item = NULL;

	(void) network;
	if (json_object_object_get_ex(json, "transaction_type", NULL))
		item = announce(json);
	else if (method == NULL)
		topic = guess_topic(json);
	else if (json_object_object_get_ex(json, "params", &params))
		for (int i = 0; i < TA_TOPICS; i++)
			if (strcmp(cs_sim_ta_topics[i], method) == 0)
				topic = i;
	if (item == NULL && topic >= 0)
	{
		if (json_object_object_get_ex(params, topic == TA_TRACE ? "accounts" :
									  "involved_accounts", &list) &&
			json_object_is_type(list, json_type_array))
			count += json_object_array_length(list);
		item = cs_sim_ta_item_new((TaTopic) topic, count);
		read_params(item, params);
	}
	if (item == NULL)
		snprintf(error, CS_SIM_ERROR_MAX, "no notification: method is %s",
				 method != NULL ? method : "missing");
	return item;
}

/* ---------- delivery ---------- */

/* How many of the item's accounts are in a set. */
static size_t
count_watched(const CsSimItem *item, const TonSet *set)
{
	size_t		count = 0;

	for (size_t i = 0; i < item->account_count; i++)
		count += ton_set_has(set, &item->accounts[i]);
	return count;
}

/* How often a client gets an item. */
static size_t
copies(const CsSimItem *item, const CsSimClient *client)
{
	const TaClient *wanted = client->state;
	size_t		count;

	switch (item->topic)
	{
		case TA_TRANSACTION:
			return item->account_count > 0 &&
				(wanted->all ||
				 ton_set_has(&wanted->transactions, &item->accounts[0])) &&
				cs_sim_ta_operation_wanted(wanted, &item->accounts[0],
										   item->code, item->operation);
		case TA_TRACE:
			/* On a WebSocket every account is a subscriber of its own. */
			count = count_watched(item, &wanted->traces);
			return client->sse ? wanted->all_traces || count > 0 : count;
		case TA_MEMPOOL:
			return wanted->mempool &&
				(ton_set_count(&wanted->mempool_accounts) > 0 ?
				 count_watched(item, &wanted->mempool_accounts) > 0 :
				 item->plain.length > 0);
		default:
			return wanted->blocks &&
				(!wanted->one_chain || wanted->workchain == item->workchain);
	}
}

void
cs_sim_ta_frame(CsSimText *text, TaTopic topic, const CsSimText *params)
{
	cs_sim_text_printf(text, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\","
					   "\"params\":", cs_sim_ta_topics[topic]);
	cs_sim_text_add(text, params->data, params->length);
	cs_sim_text_add(text, "}\n", 2);
}

/* Params with members that no documentation knows. */
static const CsSimText *
with_extra_fields(const CsSimText *params)
{
	static CsSimText text;

	text.length = 0;
	cs_sim_text_add(&text, params->data, params->length - 1);
	cs_sim_text_printf(&text, ",\"operation\":\"0x00000000\","
					   "\"more\":{\"list\":[1,null]}}");
	return &text;
}

/* Send one client its copies. */
static void
send_copies(CsSimClient *client, const CsSimItem *item, size_t count)
{
	static CsSimText frame;
	const TaClient *wanted = client->state;
	const CsSimText *params = &item->params;
	CsSimMessage message = {
		.topic = (int) item->topic,
		.hash = item->hash[0] != '\0' ? item->hash : NULL
	};

	if (item->topic == TA_MEMPOOL &&
		ton_set_count(&wanted->mempool_accounts) == 0)
		params = &item->plain;
	if (cs_sim_switch(client->network, TA_EXTRA_FIELDS))
		params = with_extra_fields(params);
	if (!client->sse)
	{
		frame.length = 0;
		cs_sim_ta_frame(&frame, item->topic, params);
		params = &frame;
	}
	message.data = params->data;
	message.length = params->length;
	while (count-- > 0)
		cs_sim_send(client, &message);
	cs_sim_client_timer(client, cs_sim_setting(client->network, TA_IDLE_MS));
}

size_t
cs_sim_ta_deliver(CsSimNetwork *network, CsSimItem *item)
{
	size_t		total = 0;

	if (item->topic == TA_TRANSACTION)
		cs_sim_ta_remember_item(network, item);
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		size_t		count = client->dead ? 0 : copies(item, client);

		if (count > 0)
			send_copies(client, item, count);
		total += count;
	}
	return total;
}
