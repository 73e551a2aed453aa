/*-------------------------------------------------------------------------
 *
 * toncenter_item.c
 *	  TON Center's notifications: who gets which part of them.
 *
 * An item is kept as pieces of text: what every receiver gets, and one piece
 * for each transaction or action, of which a receiver gets those about its
 * own accounts.  So a notification is rendered once, and each client's copy
 * is put together from the pieces.
 *
 * Nothing is added that a recorded message does not have.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>

/* ---------- making ---------- */

CsSimItem *
cs_sim_tc_item_new(TcType type, int finality)
{
	CsSimItem  *item = cs_sim_alloc(sizeof(*item));

	item->type = type;
	item->finality = finality;
	item->list_name = type == TC_TRANSACTIONS ? "transactions" :
		type == TC_ACTIONS || type == TC_TRACE ? "actions" : NULL;
	return item;
}

TcPart *
cs_sim_tc_item_part(CsSimItem *item, size_t accounts)
{
	TcPart	   *part;

	item->parts = cs_sim_resize(item->parts, (item->part_count + 1) *
								sizeof(*item->parts));
	part = &item->parts[item->part_count++];
	memset(part, 0, sizeof(*part));
	part->accounts = cs_sim_alloc(accounts * sizeof(*part->accounts));
	part->account_count = accounts;
	return part;
}

void
cs_sim_tc_item_free(CsSimItem *item)
{
	for (size_t i = 0; i < item->part_count; i++)
	{
		free(item->parts[i].text.data);
		free(item->parts[i].accounts);
	}
	free(item->parts);
	free(item->head.data);
	free(item->book.data);
	free(item->metadata.data);
	free(item);
}

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

/* A hash in base64 as hexadecimal text, for the journal. */
static void
journal_hash(CsSimItem *item, const char *base64)
{
	uint8_t		bytes[CS_BASE64_BYTES(64)];
	size_t		size;

	if (base64 != NULL && strlen(base64) <= 64 &&
		cs_base64_decode(base64, strlen(base64), bytes, &size) &&
		size == TON_HASH)
		ton_hex(bytes, item->hash);
}

/* Add the parts of a recorded list. */
static void
read_parts(CsSimItem *item, json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		json_object *value = json_object_array_get_idx(list, i);
		const char *type = member_text(value, "type");
		const char *account = member_text(value, "account");
		json_object *accounts = NULL;
		size_t		count = 1;
		TcPart	   *part;

		(void) json_object_object_get_ex(value, "accounts", &accounts);
		if (json_object_is_type(accounts, json_type_array))
			count = json_object_array_length(accounts);
		part = cs_sim_tc_item_part(item, count);
		part->account_count = 0;
		for (size_t j = 0; j < count; j++)
		{
			if (json_object_is_type(accounts, json_type_array))
				account = json_object_get_string(
					json_object_array_get_idx(accounts, j));
			if (account != NULL &&
				ton_address_read(account,
								 &part->accounts[part->account_count]))
				part->account_count++;
		}
		if (type != NULL)
			snprintf(part->type, sizeof(part->type), "%s", type);
		ton_render(&part->text, value);
	}
}

/* Whose an account's state or a jetton wallet is. */
static void
read_accounts(CsSimItem *item, json_object *json)
{
	json_object *jetton = NULL;
	const char *names[] = {
		member_text(json, "account"), NULL, NULL
	};

	if (json_object_object_get_ex(json, "jetton", &jetton))
	{
		names[0] = member_text(jetton, "address");
		names[1] = member_text(jetton, "owner");
	}
	for (int i = 0; names[i] != NULL; i++)
		if (ton_address_read(names[i], &item->accounts[item->account_count]))
			item->account_count++;
}

/* Sort a message's members into the pieces of the item. */
static void
read_members(CsSimItem *item, json_object *json)
{
	cs_sim_text_add(&item->head, "{", 1);
	json_object_object_foreach(json, key, value)
	{
		if (strcmp(key, "address_book") == 0)
			ton_render(&item->book, value);
		else if (strcmp(key, "metadata") == 0)
			ton_render(&item->metadata, value);
		else if (item->list_name != NULL && strcmp(key, item->list_name) == 0 &&
				 json_object_is_type(value, json_type_array))
			read_parts(item, value);
		else
		{
			json_object *name = json_object_new_string(key);

			if (item->head.length > 1)
				cs_sim_text_add(&item->head, ",", 1);
			ton_render(&item->head, name);
			cs_sim_text_add(&item->head, ":", 1);
			ton_render(&item->head, value);
			json_object_put(name);
		}
	}
}

CsSimItem *
cs_sim_tc_item_create(CsSimNetwork *network, json_object *json,
					  char error[CS_SIM_ERROR_MAX])
{
	const char *name = member_text(json, "type");
	const char *finality = member_text(json, "finality");
	const char *trace = member_text(json, "trace_external_hash_norm");
	int			type = name != NULL ? cs_sim_tc_type(name) : -1;
	json_object *list;
	CsSimItem  *item;

	(void) network;
	if (type < 0)
	{
		snprintf(error, CS_SIM_ERROR_MAX, "no notification: type is %s",
				 name != NULL ? name : "missing");
		return NULL;
	}
	item = cs_sim_tc_item_new((TcType) type, finality != NULL ?
							  cs_sim_tc_finality(finality) : -1);
	if (trace != NULL)
		snprintf(item->trace, sizeof(item->trace), "%s", trace);
	read_members(item, json);
	if (type == TC_TRANSACTIONS &&
		json_object_object_get_ex(json, "transactions", &list) &&
		json_object_is_type(list, json_type_array))
		journal_hash(item, member_text(json_object_array_get_idx(list, 0),
									   "hash"));
	else
		journal_hash(item, trace);
	read_accounts(item, json);
	return item;
}

/* ---------- delivery ---------- */

bool
cs_sim_tc_wanted(const CsSimNetwork *network, TcType type, TcFinality finality)
{
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
	{
		const TcSubscription *wanted = &((TcClient *) client->state)->wanted;

		if (wanted->types[type] && finality >= wanted->least && !client->dead)
			return true;
	}
	return false;
}

static bool
watches(const TcSubscription *wanted, const CsTonAddress *accounts,
		size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ton_set_has(&wanted->addresses, &accounts[i]))
			return true;
	return false;
}

/* Does a part go to this subscriber? */
static bool
part_wanted(const CsSimItem *item, const TcPart *part,
			const TcSubscription *wanted)
{
	if (item->type != TC_TRACE &&
		!watches(wanted, part->accounts, part->account_count))
		return false;
	return item->type == TC_TRANSACTIONS ||
		((wanted->action_types.count == 0 ||
		  cs_sim_tc_texts_has(&wanted->action_types, part->type)) &&
		 cs_sim_tc_action_supported(&wanted->supported, part->type));
}

/* Put this subscriber's copy together.  False: there is nothing for it. */
static bool
compose(const CsSimItem *item, const TcSubscription *wanted, CsSimText *text)
{
	size_t		count = 0;

	text->length = 0;
	cs_sim_text_add(text, item->head.data, item->head.length);
	for (size_t i = 0; i < item->part_count; i++)
	{
		const TcPart *part = &item->parts[i];

		if (!part_wanted(item, part, wanted))
			continue;
		if (count++ == 0)
			cs_sim_text_printf(text, ",\"%s\":[", item->list_name);
		else
			cs_sim_text_add(text, ",", 1);
		cs_sim_text_add(text, part->text.data, part->text.length);
	}
	if (count > 0)
		cs_sim_text_add(text, "]", 1);
	if (item->book.length > 0 && wanted->book)
		cs_sim_text_printf(text, ",\"address_book\":%s", item->book.data);
	if (item->metadata.length > 0 && wanted->metadata)
		cs_sim_text_printf(text, ",\"metadata\":%s", item->metadata.data);
	cs_sim_text_add(text, "}", 1);
	if (item->type == TC_TRANSACTIONS || item->type == TC_ACTIONS)
		return count > 0;
	if (item->type == TC_TRACE)
		return cs_sim_tc_texts_has(&wanted->traces, item->trace);
	return watches(wanted, item->accounts, item->account_count);
}

/* The trace's hash as a key, if it is one. */
static bool
trace_key(const CsSimItem *item, uint8_t key[CS_SIM_KEY_LENGTH])
{
	uint8_t		bytes[CS_BASE64_BYTES(sizeof(item->trace))];
	size_t		size;

	if (!cs_base64_decode(item->trace, strlen(item->trace), bytes, &size) ||
		size != CS_SIM_KEY_LENGTH)
		return false;
	memcpy(key, bytes, CS_SIM_KEY_LENGTH);
	return true;
}

/*
 * Does it go to this client?  An invalidation goes, whatever was asked for,
 * to those who were told of the trace when it was not final.
 */
static bool
goes_to(const CsSimItem *item, CsSimClient *client, CsSimText *text)
{
	TcClient   *state = client->state;
	uint8_t		key[CS_SIM_KEY_LENGTH];
	bool		traced = trace_key(item, key);

	if (item->type == TC_INVALIDATED)
	{
		if (!traced || !cs_sim_account_set_has(&state->pending, key))
			return false;
		cs_sim_account_set_remove(&state->pending, key);
		text->length = 0;
		cs_sim_text_add(text, item->head.data, item->head.length);
		cs_sim_text_add(text, "}", 1);
		return true;
	}
	if (!state->wanted.types[item->type] ||
		item->finality < (int) state->wanted.least ||
		!compose(item, &state->wanted, text))
		return false;
	if (traced && item->finality == TC_FINALIZED)
		cs_sim_account_set_remove(&state->pending, key);
	else if (traced)
		cs_sim_account_set_add(&state->pending, key);
	return true;
}

size_t
cs_sim_tc_deliver(CsSimNetwork *network, CsSimItem *item)
{
	static CsSimText text;
	uint64_t	every = cs_sim_setting(network, TC_DROP_EVERY);
	size_t		count = 0;

	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		TcClient   *state = client->state;
		CsSimMessage message = {
			.topic = (int) item->type,
			.hash = item->hash[0] != '\0' ? item->hash : NULL
		};

		if (client->dead || !goes_to(item, client, &text))
			continue;
		if (every > 0 && ++state->passed % every == 0)
		{
			network->stats.dropped++;
			continue;
		}
		message.data = text.data;
		message.length = text.length;
		cs_sim_send(client, &message);
		count++;
	}
	return count;
}
