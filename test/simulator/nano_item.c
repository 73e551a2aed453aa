/*-------------------------------------------------------------------------
 *
 * nano_item.c
 *	  Nano notifications: who gets them, and as what text.
 *
 * An item holds the whole notification as JSON.  Each client gets the
 * variant of it that its options ask for; a variant is rendered once, into a
 * template whose changing parts are then overwritten in place.  So a
 * synthetic notification costs a dozen memcpy() and no JSON at all.
 *
 * A variant leaves out what was not asked for, as the node would; it cannot
 * add what a recorded message does not have.
 *
 *-------------------------------------------------------------------------
 */
#include "nano.h"

#include <stdlib.h>
#include <string.h>

/*
 * In the JSON of an item, a changing part is filled with one byte: this plus
 * the number of the field.  No run of such bytes that long is UTF-8.
 */
#define BLANK_FIRST	0x80

/* Most places of one text that change; votes have two each. */
#define SLOTS_MAX	128

typedef struct NanoTemplate
{
	char	   *text;
	size_t		length;
	uint64_t	version;		/* of the values that are in it */
	int			slot_count;
	struct
	{
		uint32_t	offset;
		uint8_t		field;
	}			slots[SLOTS_MAX];
} NanoTemplate;

/* Which parts of a confirmation to send. */
typedef struct Variant
{
	bool		block;
	bool		sideband;
	int			election;
} Variant;

static int
variant_index(Variant variant)
{
	return variant.block | variant.sideband << 1 | variant.election << 2;
}

size_t
cs_sim_nano_width(const CsSimNetwork *network, NanoField field)
{
	static const uint8_t widths[NANO_FIELDS] = {
		[NANO_FIELD_TIME] = 13,
		[NANO_FIELD_AMOUNT] = 26,
		[NANO_FIELD_HASH] = 64,
		[NANO_FIELD_PREVIOUS] = 64,
		[NANO_FIELD_BALANCE] = 35,
		[NANO_FIELD_LINK] = 64,
		[NANO_FIELD_SIGNATURE] = 128,
		[NANO_FIELD_WORK] = 16,
		[NANO_FIELD_HEIGHT] = 9,
		[NANO_FIELD_LOCAL_TIMESTAMP] = 10,
	};

	if (widths[field] != 0)
		return widths[field];
	return strlen(cs_nano_prefix_text(nano_prefix(network))) +
		CS_NANO_BODY_LENGTH;
}

json_object *
cs_sim_nano_blank(const CsSimNetwork *network, NanoField field)
{
	char		text[NANO_FIELD_MAX];
	size_t		width = cs_sim_nano_width(network, field);

	memset(text, BLANK_FIRST + (int) field, width);
	return json_object_new_string_len(text, (int) width);
}

CsSimLayout
cs_sim_nano_layout(const CsSimNetwork *network)
{
	return cs_sim_switch(network, NANO_COMPACT) ? CS_SIM_COMPACT :
		CS_SIM_PRETTY;
}

/* ---------- items ---------- */

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

/* The key of an address as the node prints it. */
static bool
member_account(json_object *object, const char *key,
			   uint8_t account[CS_SIM_KEY_LENGTH])
{
	const char *text = member_text(object, key);
	CsNanoPrefix prefix;

	return text != NULL &&
		cs_nano_address_decode(text, strlen(text), &prefix, account) ==
		CS_NANO_ADDRESS_OK;
}

static int
type_bit(const char *text)
{
	if (text == NULL)
		return 0;
	if (strcmp(text, "active_quorum") == 0)
		return NANO_ACTIVE_QUORUM;
	if (strcmp(text, "active_confirmation_height") == 0)
		return NANO_ACTIVE_CONFIRMATION_HEIGHT;
	return strcmp(text, "inactive") == 0 ? NANO_INACTIVE : 0;
}

/* What the filters and the journal look at. */
static void
read_message(CsSimItem *item, json_object *message)
{
	const char *hash = member_text(message, "hash");
	json_object *block = NULL;

	if (hash == NULL)
		hash = member_text(item->json, "hash");
	if (hash != NULL)
		snprintf(item->hash, sizeof(item->hash), "%s", hash);
	item->type = type_bit(member_text(message, "confirmation_type"));
	item->vote_type = member_text(message, "type");
	item->has_account = member_account(message, "account", item->account);
	(void) json_object_object_get_ex(message, "block", &block);
	item->has_link = member_account(block, "link_as_account", item->link);
}

CsSimItem *
cs_sim_nano_item_create(CsSimNetwork *network, json_object *json,
						char error[CS_SIM_ERROR_MAX])
{
	const char *topic = member_text(json, "topic");
	const char *time = member_text(json, "time");
	json_object *message = NULL;
	CsSimItem  *item;

	if (topic == NULL || cs_sim_nano_topic(topic) < 0)
	{
		snprintf(error, CS_SIM_ERROR_MAX, "no notification: topic is %s",
				 topic != NULL ? topic : "missing");
		return NULL;
	}
	(void) json_object_object_get_ex(json, "message", &message);
	item = cs_sim_alloc(sizeof(*item));
	item->network = network;
	item->topic = (NanoTopic) cs_sim_nano_topic(topic);
	item->json = json_object_get(json);
	item->stamped = time != NULL &&
		strlen(time) == cs_sim_nano_width(network, NANO_FIELD_TIME);
	if (item->stamped)
		item->time = strtoll(time, NULL, 10);
	read_message(item, message);
	return item;
}

void
cs_sim_nano_item_free(CsSimItem *item)
{
	for (size_t i = 0; i < sizeof(item->variants) / sizeof(item->variants[0]);
		 i++)
	{
		if (item->variants[i] != NULL)
			free(item->variants[i]->text);
		free(item->variants[i]);
	}
	json_object_put(item->json);
	free(item);
}

/* ---------- variants ---------- */

/* The message of a confirmation with what the variant has of it. */
static json_object *
trim_message(json_object *message, Variant variant)
{
	json_object *result = json_object_new_object();

	json_object_object_foreach(message, key, value)
	{
		json_object *kept = json_object_get(value);

		if ((strcmp(key, "block") == 0 && !variant.block) ||
			(strcmp(key, "sideband") == 0 && !variant.sideband) ||
			(strcmp(key, "election_info") == 0 &&
			 variant.election == NANO_ELECTION_NONE))
		{
			json_object_put(kept);
			continue;
		}
		if (strcmp(key, "election_info") == 0 &&
			variant.election == NANO_ELECTION_INFO &&
			json_object_object_get_ex(value, "votes", NULL))
		{
			json_object_put(kept);
			kept = NULL;
			(void) json_object_deep_copy(value, &kept, NULL);
			json_object_object_del(kept, "votes");
		}
		json_object_object_add(result, key, kept);
	}
	return result;
}

/* The whole notification likewise. */
static json_object *
trim_item(const CsSimItem *item, Variant variant)
{
	json_object *result = json_object_new_object();

	json_object_object_foreach(item->json, key, value)
	{
		if (strcmp(key, "time") == 0 && item->stamped)
			json_object_object_add(result, key,
								   cs_sim_nano_blank(item->network,
													 NANO_FIELD_TIME));
		else if (strcmp(key, "message") == 0 &&
				 item->topic == NANO_CONFIRMATION &&
				 json_object_is_type(value, json_type_object))
			json_object_object_add(result, key, trim_message(value, variant));
		else if (strcmp(key, "hash") != 0 ||
				 item->topic != NANO_NEW_UNCONFIRMED_BLOCK ||
				 !cs_sim_switch(item->network, NANO_PRE_V28))
			json_object_object_add(result, key, json_object_get(value));
	}
	return result;
}

/* Note every run of blanks. */
static void
find_slots(const CsSimNetwork *network, NanoTemplate *template)
{
	for (size_t at = 0; at < template->length;)
	{
		unsigned char byte = (unsigned char) template->text[at];
		size_t		width = 0;
		size_t		run = 1;

		if (byte >= BLANK_FIRST && byte < BLANK_FIRST + NANO_FIELDS)
			width = cs_sim_nano_width(network,
									  (NanoField) (byte - BLANK_FIRST));
		while (at + run < template->length &&
			   (unsigned char) template->text[at + run] == byte && run < width)
			run++;
		if (width > 0 && run == width && template->slot_count < SLOTS_MAX)
		{
			template->slots[template->slot_count].offset = (uint32_t) at;
			template->slots[template->slot_count++].field =
				(uint8_t) (byte - BLANK_FIRST);
		}
		at += run;
	}
}

/* The template of a variant, made when first needed. */
static NanoTemplate *
get_template(CsSimItem *item, Variant variant)
{
	NanoTemplate **place = (NanoTemplate **)
		&item->variants[variant_index(variant)];
	CsSimText	text = {NULL, 0, 0};
	json_object *json;

	if (*place != NULL)
		return *place;
	*place = cs_sim_alloc(sizeof(**place));
	json = trim_item(item, variant);
	cs_sim_render_tree(&text, json, cs_sim_nano_layout(item->network));
	json_object_put(json);
	(*place)->text = text.data;
	(*place)->length = text.length;
	find_slots(item->network, *place);
	return *place;
}

/* Put the values in, unless they are there already. */
static void
fill_in(const CsSimItem *item, NanoTemplate *template, NanoValues *values)
{
	if (template->version == item->version)
		return;
	template->version = item->version;
	for (int i = 0; i < template->slot_count; i++)
	{
		NanoField	field = (NanoField) template->slots[i].field;

		memcpy(template->text + template->slots[i].offset, (*values)[field],
			   cs_sim_nano_width(item->network, field));
	}
}

/* ---------- delivery ---------- */

/* May this item, with or without its block, go to this subscriber? */
static bool
passes(const CsSimItem *item, const NanoSubscription *wanted)
{
	if (item->topic == NANO_CONFIRMATION)
		return (wanted->types & item->type) != 0 &&
			(!wanted->filtered ||
			 (wanted->include_block && item->has_link &&
			  ((item->has_account &&
				cs_sim_account_set_has(&wanted->accounts, item->account)) ||
			   cs_sim_account_set_has(&wanted->accounts, item->link))));
	if (item->topic == NANO_VOTE)
	{
		const char *type = item->vote_type != NULL ? item->vote_type : "vote";

		return (wanted->include_replays || strcmp(type, "replay") != 0) &&
			(wanted->include_indeterminate ||
			 strcmp(type, "indeterminate") != 0) &&
			(!wanted->filtered ||
			 (item->has_account &&
			  cs_sim_account_set_has(&wanted->accounts, item->account)));
	}
	return true;
}

/* The present time into the item's values, if it is to be there. */
static void
stamp(const CsSimItem *item, NanoValues *values)
{
	size_t		width = cs_sim_nano_width(item->network, NANO_FIELD_TIME);
	uint64_t	time = (uint64_t) cs_sim_stamp_ms(item->network, item->time);

	while (width-- > 0)
	{
		(*values)[NANO_FIELD_TIME][width] = (char) ('0' + time % 10);
		time /= 10;
	}
}

size_t
cs_sim_nano_deliver(CsSimNetwork *network, CsSimItem *item,
					NanoValues *values)
{
	static NanoValues stamp_only;
	bool		quirk = cs_sim_switch(network, NANO_QUIRK_SHARED);
	bool		chosen[2] = {false, false};
	Variant		variants[2];
	size_t		count = 0;

	if (values == NULL)
		values = &stamp_only;
	stamp(item, values);
	item->version++;
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		const NanoSubscription *wanted = nano_subscription(client,
														   item->topic);
		Variant		variant = {true, true, NANO_ELECTION_VOTES};
		NanoTemplate *template;
		CsSimMessage message;

		if (!wanted->active)
			continue;
		if (item->topic == NANO_CONFIRMATION)
		{
			variant.block = wanted->include_block;
			variant.sideband = wanted->sideband;
			variant.election = wanted->election;
			if (!chosen[variant.block])
				variants[variant.block] = variant;
			chosen[variant.block] = true;
			if (quirk)
				variant = variants[variant.block];
		}
		if (!passes(item, wanted))
			continue;
		template = get_template(item, variant);
		fill_in(item, template, values);
		message.data = template->text;
		message.length = template->length;
		message.topic = (int) item->topic;
		message.hash = item->hash[0] != '\0' ? item->hash : NULL;
		cs_sim_send(client, &message);
		count += !client->dead;
	}
	return count;
}

void
cs_sim_nano_text(CsSimItem *item, NanoValues *values, CsSimText *text)
{
	Variant		variant = {true, false, NANO_ELECTION_NONE};
	NanoTemplate *template = get_template(item, variant);

	stamp(item, values);
	item->version++;
	fill_in(item, template, values);
	cs_sim_text_add(text, template->text, template->length);
}
