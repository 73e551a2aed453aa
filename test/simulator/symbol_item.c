/*-------------------------------------------------------------------------
 *
 * symbol_item.c
 *	  Recorded Symbol notifications.
 *
 * A recorded message whose topic has an address is the copy for that
 * address.  One without goes out for every address its transaction touches;
 * what carries only a hash touches what the transaction of that hash did, if
 * it was sent before.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* Transactions remembered for what carries only their hash. */
#define RECORDED_MAX	256

/* Addresses of one recorded transaction that are looked at. */
#define TOUCHED_MAX		32

struct CsSimItem
{
	SymbolKind	kind;
	char	   *data;
	size_t		length;
	char		hash[80];		/* of the transaction or block, or empty */
	size_t		touched_count;
	SymbolAddress touched[TOUCHED_MAX];
};

typedef struct SymbolRecorded
{
	size_t		next;
	struct
	{
		char		hash[80];
		size_t		touched_count;
		SymbolAddress touched[TOUCHED_MAX];
	}			list[RECORDED_MAX];
} SymbolRecorded;

static const char *
member_text(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* Note an address, once. */
static void
touch(CsSimItem *item, const SymbolAddress address)
{
	for (size_t i = 0; i < item->touched_count; i++)
		if (memcmp(item->touched[i], address, SYMBOL_ADDRESS_LENGTH) == 0)
			return;
	if (item->touched_count < TOUCHED_MAX)
		memcpy(item->touched[item->touched_count++], address,
			   SYMBOL_ADDRESS_LENGTH);
}

/* Note an address that is there in hexadecimal. */
static void
touch_text(CsSimItem *item, const char *text)
{
	SymbolAddress address;

	if (text != NULL && strlen(text) == 2 * sizeof(address) &&
		cs_hex_decode(text, 2 * sizeof(address), address))
		touch(item, address);
}

/* Note the address of a public key. */
static void
touch_key(CsSimItem *item, uint8_t network_byte, const char *text)
{
	uint8_t		key[SYMBOL_KEY_LENGTH];
	SymbolAddress address;

	if (text == NULL || strlen(text) != 2 * sizeof(key) ||
		!cs_hex_decode(text, 2 * sizeof(key), key))
		return;
	cs_sim_symbol_address(network_byte, key, address);
	touch(item, address);
}

/* What a transaction touches, as the node sees it; see the reference. */
static void
touch_transaction(CsSimItem *item, json_object *transaction)
{
	json_object *list;
	uint8_t		network_byte = 0x98;
	int			type = 0;

	if (json_object_object_get_ex(transaction, "network", &list))
		network_byte = (uint8_t) json_object_get_int(list);
	if (json_object_object_get_ex(transaction, "type", &list))
		type = json_object_get_int(list);
	touch_key(item, network_byte, member_text(transaction, "signerPublicKey"));
	touch_text(item, member_text(transaction, "recipientAddress"));
	touch_text(item, member_text(transaction, "sourceAddress"));
	if (type != 16977)			/* targets of restrictions do not count */
		touch_text(item, member_text(transaction, "targetAddress"));
	if (type == 16716)
		touch_key(item, network_byte,
				  member_text(transaction, "linkedPublicKey"));
	if (json_object_object_get_ex(transaction, "addressAdditions", &list) &&
		json_object_is_type(list, json_type_array))
		for (size_t i = 0; i < json_object_array_length(list); i++)
			touch_text(item, json_object_get_string(
					   json_object_array_get_idx(list, i)));
	if (json_object_object_get_ex(transaction, "transactions", &list) &&
		json_object_is_type(list, json_type_array))
		for (size_t i = 0; i < json_object_array_length(list); i++)
		{
			json_object *embedded = NULL;

			if (json_object_object_get_ex(json_object_array_get_idx(list, i),
										  "transaction", &embedded))
				touch_transaction(item, embedded);
		}
}

/* The hash a notification is about. */
static void
read_hash(CsSimItem *item, json_object *data)
{
	json_object *meta = NULL;
	const char *hash = member_text(data, "hash");

	(void) json_object_object_get_ex(data, "meta", &meta);
	if (hash == NULL)
		hash = member_text(data, "parentHash");
	if (hash == NULL)
		hash = member_text(meta, "hash");
	if (hash != NULL)
		snprintf(item->hash, sizeof(item->hash), "%s", hash);
}

CsSimItem *
cs_sim_symbol_item_create(CsSimNetwork *network, json_object *json,
						  char error[CS_SIM_ERROR_MAX])
{
	const char *topic = member_text(json, "topic");
	json_object *data = NULL;
	json_object *transaction;
	CsSimItem  *item;
	size_t		name;
	char		bad;
	const char *text;

	(void) network;
	if (topic == NULL || !json_object_object_get_ex(json, "data", &data))
	{
		snprintf(error, CS_SIM_ERROR_MAX, "not a Symbol notification");
		return NULL;
	}
	name = strcspn(topic, "/");
	item = cs_sim_alloc(sizeof(*item));
	item->kind = cs_sim_symbol_kind(topic, name);
	if (item->kind == SYMBOL_KINDS)
	{
		snprintf(error, CS_SIM_ERROR_MAX, "no such topic: %s", topic);
		free(item);
		return NULL;
	}
	text = json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN |
										  JSON_C_TO_STRING_NOSLASHESCAPE);
	item->data = cs_sim_copy(text);
	item->length = strlen(text);
	read_hash(item, data);
	if (json_object_object_get_ex(data, "transaction", &transaction))
		touch_transaction(item, transaction);
	if (topic[name] == '/')
	{
		SymbolAddress address;

		if (cs_sim_symbol_decode(topic + name + 1,
								 strcspn(topic + name + 1, "/"), address,
								 &bad))
		{
			memcpy(item->touched[0], address, sizeof(address));
			item->touched_count = 1;
		}
	}
	return item;
}

void
cs_sim_symbol_item_free(CsSimItem *item)
{
	free(item->data);
	free(item);
}

/* Remember what the transaction touches, or remember what it touched. */
static void
recall(CsSimNetwork *network, CsSimItem *item)
{
	SymbolState *state = symbol_state(network);
	SymbolRecorded *recorded = state->recorded;
	size_t		slot;

	if (recorded == NULL)
		recorded = state->recorded = cs_sim_alloc(sizeof(*recorded));
	if (item->hash[0] == '\0' || item->kind <= SYMBOL_FINALIZED_BLOCK)
		return;
	for (slot = 0; slot < RECORDED_MAX; slot++)
		if (strcmp(recorded->list[slot].hash, item->hash) == 0)
			break;
	if (item->touched_count == 0 && slot < RECORDED_MAX)
	{
		item->touched_count = recorded->list[slot].touched_count;
		memcpy(item->touched, recorded->list[slot].touched,
			   sizeof(item->touched));
	}
	else if (item->touched_count > 0 && slot == RECORDED_MAX)
	{
		slot = recorded->next++ % RECORDED_MAX;
		memcpy(recorded->list[slot].hash, item->hash, sizeof(item->hash));
		recorded->list[slot].touched_count = item->touched_count;
		memcpy(recorded->list[slot].touched, item->touched,
			   sizeof(item->touched));
	}
}

size_t
cs_sim_symbol_deliver(CsSimNetwork *network, CsSimItem *item)
{
	SymbolNotice notice = {
		.kind = item->kind,
		.data = item->data,
		.length = item->length,
		.hash = item->hash[0] != '\0' ? item->hash : NULL,
	};

	recall(network, item);
	notice.addresses = (const SymbolAddress *) item->touched;
	notice.address_count = item->touched_count;
	return cs_sim_symbol_notify(network, &notice);
}

void
cs_sim_symbol_items_end(CsSimNetwork *network)
{
	free(symbol_state(network)->recorded);
}
