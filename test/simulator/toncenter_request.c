/*-------------------------------------------------------------------------
 *
 * toncenter_request.c
 *	  TON Center's requests: what is asked for, and what is wrong with it.
 *
 * The order of the checks and the texts are the server's, those of Go's JSON
 * package included.  A request takes effect as a whole or not at all.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_scan.h"

/* Longest text of an error. */
#define ERROR_SIZE 1024

/* ---------- sets of texts ---------- */

bool
cs_sim_tc_texts_has(const TcTexts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->list[i], text) == 0)
			return true;
	return false;
}

void
cs_sim_tc_texts_add(TcTexts *texts, const char *text)
{
	if (cs_sim_tc_texts_has(texts, text))
		return;
	texts->list = cs_sim_resize(texts->list,
								(texts->count + 1) * sizeof(char *));
	texts->list[texts->count++] = cs_sim_copy(text);
}

void
cs_sim_tc_texts_remove(TcTexts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
	{
		if (strcmp(texts->list[i], text) != 0)
			continue;
		free(texts->list[i]);
		texts->list[i] = texts->list[--texts->count];
		return;
	}
}

void
cs_sim_tc_texts_clear(TcTexts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->list[i]);
	free(texts->list);
	memset(texts, 0, sizeof(*texts));
}

void
cs_sim_tc_subscription_clear(TcSubscription *subscription)
{
	ton_set_clear(&subscription->addresses);
	cs_sim_tc_texts_clear(&subscription->traces);
	cs_sim_tc_texts_clear(&subscription->action_types);
	cs_sim_tc_texts_clear(&subscription->supported);
	memset(subscription, 0, sizeof(*subscription));
	subscription->least = TC_FINALIZED;
}

/* ---------- answers ---------- */

static void
write_reply(CsSimText *reply, const char *id, const char *key,
			const char *text)
{
	json_object *object = json_object_new_object();

	if (id != NULL && *id != '\0')
		json_object_object_add(object, "id", json_object_new_string(id));
	json_object_object_add(object, key, json_object_new_string(text));
	ton_render(reply, object);
	json_object_put(object);
}

void
cs_sim_tc_error(CsSimText *reply, const char *id, const char *error)
{
	write_reply(reply, id, "error", error);
}

/* ---------- reading as Go does ---------- */

/* Why a request is refused; empty: it is not. */
typedef char Error[ERROR_SIZE];

/* A member, its name in any case of letters; null is as good as none. */
static json_object *
member(json_object *object, const char *name)
{
	json_object *result = NULL;

	json_object_object_foreach(object, key, value)
	{
		if (strcasecmp(key, name) == 0)
			result = value;
	}
	return result;
}

static const char *
go_kind(json_object *value)
{
	switch (json_object_get_type(value))
	{
		case json_type_boolean:
			return "bool";
		case json_type_int:
		case json_type_double:
			return "number";
		case json_type_string:
			return "string";
		case json_type_array:
			return "array";
		default:
			return "object";
	}
}

/* Note that a member is of a wrong type, unless something was wrong before. */
static void
wrong_type(Error error, const char *structure, const char *field,
		   json_object *value, const char *wanted)
{
	if (*error == '\0')
		snprintf(error, sizeof(Error), "json: cannot unmarshal %s into Go "
				 "struct field %s.%s of type %s", go_kind(value), structure,
				 field, wanted);
}

/* A list of texts, or NULL.  *element* and *list* are types of Go. */
static json_object *
read_list(json_object *request, const char *structure, const char *field,
		  const char *element, Error error)
{
	json_object *list = member(request, field);
	char		wanted[64];

	if (list == NULL)
		return NULL;
	if (!json_object_is_type(list, json_type_array))
	{
		snprintf(wanted, sizeof(wanted), "[]%s", element);
		wrong_type(error, structure, field, list, wanted);
		return NULL;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		json_object *value = json_object_array_get_idx(list, i);

		if (value != NULL && !json_object_is_type(value, json_type_string))
			wrong_type(error, structure, field, value, element);
	}
	return list;
}

/* A text of a list; null is an empty one. */
static const char *
list_text(json_object *list, size_t index)
{
	json_object *value = json_object_array_get_idx(list, index);

	return value != NULL ? json_object_get_string(value) : "";
}

static size_t
list_length(json_object *list)
{
	return list != NULL ? json_object_array_length(list) : 0;
}

/* A boolean that stays as it was without a member. */
static void
read_boolean(json_object *request, const char *field, bool *value, Error error)
{
	json_object *given = member(request, field);

	if (given == NULL)
		return;
	if (json_object_is_type(given, json_type_boolean))
		*value = json_object_get_boolean(given);
	else
		wrong_type(error, "SubscribeRequest", field, given, "bool");
}

/* Parse a text as one JSON object.  NULL: *error* says why not. */
static json_object *
parse(const char *data, size_t length, Error error)
{
	CsSimScan	scan;
	CsSimText	why = {NULL, 0, 0};
	json_object *result = NULL;

	if (!cs_sim_json_scan(&scan, data, length) || !cs_sim_json_scan_end(&scan))
	{
		cs_sim_json_go(&scan, &why);
		/* What a decoder of a stream calls an end of file. */
		snprintf(error, sizeof(Error), "%s", scan.at >= length ?
				 "unexpected end of JSON input" : why.data);
		free(why.data);
		return NULL;
	}
	result = json_tokener_parse(data);
	if (result == NULL)			/* null */
		return json_object_new_object();
	if (json_object_is_type(result, json_type_object))
		return result;
	snprintf(error, sizeof(Error), "json: cannot unmarshal %s into Go value "
			 "of type v2.Envelope", go_kind(result));
	json_object_put(result);
	return NULL;
}

/* The identification to be echoed, or NULL. */
static const char *
read_id(json_object *request, const char *structure, Error error)
{
	json_object *id = member(request, "id");

	if (id == NULL)
		return NULL;
	if (json_object_is_type(id, json_type_string))
		return json_object_get_string(id);
	wrong_type(error, structure, "id", id, "string");
	return NULL;
}

/* ---------- subscribe ---------- */

/* A request to subscribe, read but not yet applied. */
typedef struct Wish
{
	json_object *types;
	json_object *addresses;
	json_object *traces;
	json_object *action_types;
	json_object *supported;
	TcFinality	least;
	bool		book;
	bool		metadata;
} Wish;

/* Are the members of the right types?  What is not sent stays as it was. */
static void
read_wish(json_object *request, const TcSubscription *present, Wish *wish,
		  Error error)
{
	json_object *least = member(request, "min_finality");
	int			finality = (int) present->least;

	wish->types = read_list(request, "SubscribeRequest", "types",
							"v2.EventType", error);
	wish->addresses = read_list(request, "SubscribeRequest", "addresses",
								"string", error);
	wish->traces = read_list(request, "SubscribeRequest",
							 "trace_external_hash_norms", "string", error);
	wish->action_types = read_list(request, "SubscribeRequest",
								   "action_types", "string", error);
	wish->supported = read_list(request, "SubscribeRequest",
								"supported_action_types", "string", error);
	wish->book = present->book;
	wish->metadata = present->metadata;
	read_boolean(request, "include_address_book", &wish->book, error);
	read_boolean(request, "include_metadata", &wish->metadata, error);
	if (least != NULL && !json_object_is_type(least, json_type_string))
	{
		if (*error == '\0')
			snprintf(error, sizeof(Error), "json: cannot unmarshal %s into Go "
					 "value of type string", go_kind(least));
	}
	else if (least != NULL)
	{
		finality = cs_sim_tc_finality(json_object_get_string(least));
		if (finality < 0 && *error == '\0')
			snprintf(error, sizeof(Error), "unknown finality state: %s",
					 json_object_get_string(least));
	}
	wish->least = finality < 0 ? TC_FINALIZED : (TcFinality) finality;
}

/* A trace hash without the blanks around it; a copy. */
static char *
trimmed(const char *text)
{
	size_t		length;
	char	   *copy;

	text += strspn(text, " \t\r\n");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		length--;
	copy = cs_sim_copy(text);
	copy[length] = '\0';
	return copy;
}

/* Collect the types, as flags. */
static bool
read_types(const TcAsker *asker, const Wish *wish, TcSubscription *next,
		   Error error)
{
	for (size_t i = 0; i < list_length(wish->types); i++)
	{
		const char *name = list_text(wish->types, i);
		int			type = cs_sim_tc_type(name);

		if (type < 0 || (type == TC_INVALIDATED &&
						 !cs_sim_switch(asker->network,
										TC_ACCEPT_INVALIDATED)))
		{
			snprintf(error, sizeof(Error), "invalid event type: %s", name);
			return false;
		}
		next->types[type] = true;
	}
	return true;
}

/* Collect the addresses. */
static bool
read_addresses(json_object *list, TonSet *set, Error error)
{
	for (size_t i = 0; i < list_length(list); i++)
	{
		CsTonAddress address;

		if (!ton_address_read(list_text(list, i), &address))
		{
			snprintf(error, sizeof(Error), "invalid address: %s",
					 list_text(list, i));
			return false;
		}
		cs_sim_account_set_add(ton_set_chain(set, &address), address.hash);
	}
	return true;
}

static bool
read_traces(json_object *list, TcTexts *texts, Error error)
{
	for (size_t i = 0; i < list_length(list); i++)
	{
		char	   *text = trimmed(list_text(list, i));
		bool		empty = *text == '\0';

		if (!empty)
			cs_sim_tc_texts_add(texts, text);
		free(text);
		if (empty)
		{
			snprintf(error, sizeof(Error),
					 "trace_external_hash_norms contains empty value");
			return false;
		}
	}
	return true;
}

/* Does the wish make sense?  The first thing that does not is the error. */
static bool
check(const TcAsker *asker, const Wish *wish, TcSubscription *next,
	  Error error)
{
	bool		by_address = false;
	size_t		count;

	if (list_length(wish->types) == 0)
	{
		snprintf(error, sizeof(Error), "types are required%s",
				 asker->sse ? " for subscription" : "");
		return false;
	}
	if (!read_types(asker, wish, next, error) ||
		!read_addresses(wish->addresses, &next->addresses, error) ||
		!read_traces(wish->traces, &next->traces, error))
		return false;
	for (int type = 0; type < TC_TYPES; type++)
		by_address = by_address || (next->types[type] && type != TC_TRACE &&
									type != TC_INVALIDATED);
	count = ton_set_count(&next->addresses);
	if (next->traces.count > 0 && !next->types[TC_TRACE])
		snprintf(error, sizeof(Error),
				 "trace_external_hash_norms requires type \"trace\"");
	else if (next->traces.count == 0 && next->types[TC_TRACE])
		snprintf(error, sizeof(Error), "trace_external_hash_norms are "
				 "required for trace subscription");
	else if (by_address && count == 0)
		snprintf(error, sizeof(Error), "addresses are required%s",
				 asker->sse ? " for subscription" : "");
	else if (asker->max_addresses >= 0 &&
			 (int64_t) count > asker->max_addresses)
		snprintf(error, sizeof(Error), asker->sse ?
				 "too many addresses: %zu > max %lld" :
				 "address limit exceeded: current 0 + new %zu > max %lld",
				 count, (long long) asker->max_addresses);
	return *error == '\0';
}

/* Put the new lists in place; the settings that were not sent stay. */
static void
apply(const Wish *wish, TcSubscription *subscription, TcSubscription *next)
{
	ton_set_clear(&subscription->addresses);
	cs_sim_tc_texts_clear(&subscription->traces);
	memcpy(subscription->types, next->types, sizeof(next->types));
	subscription->addresses = next->addresses;
	subscription->traces = next->traces;
	subscription->least = wish->least;
	subscription->book = wish->book;
	subscription->metadata = wish->metadata;
	/* An empty list does not clear an earlier one. */
	if (list_length(wish->action_types) > 0)
		cs_sim_tc_texts_clear(&subscription->action_types);
	for (size_t i = 0; i < list_length(wish->action_types); i++)
		cs_sim_tc_texts_add(&subscription->action_types,
							list_text(wish->action_types, i));
	if (list_length(wish->supported) > 0)
		cs_sim_tc_texts_clear(&subscription->supported);
	for (size_t i = 0; i < list_length(wish->supported); i++)
		cs_sim_tc_texts_add(&subscription->supported,
							list_text(wish->supported, i));
}

/* Act on a request to subscribe; *prefix* precedes errors of its form. */
static bool
subscribe(const TcAsker *asker, TcSubscription *subscription,
		  json_object *request, const char *id, const char *prefix,
		  CsSimText *reply)
{
	TcSubscription next;
	Error		error = "";
	Error		whole;
	Wish		wish;

	memset(&next, 0, sizeof(next));
	read_wish(request, subscription, &wish, error);
	if (*error != '\0')
	{
		snprintf(whole, sizeof(whole), "%s%.900s", prefix, error);
		cs_sim_tc_error(reply, id, whole);
		return false;
	}
	if (!check(asker, &wish, &next, error))
	{
		cs_sim_tc_error(reply, id, error);
		cs_sim_tc_subscription_clear(&next);
		return false;
	}
	apply(&wish, subscription, &next);
	write_reply(reply, id, "status", "subscribed");
	return true;
}

bool
cs_sim_tc_subscribe(const TcAsker *asker, TcSubscription *subscription,
					const CsSimText *body, CsSimText *reply)
{
	static const char prefix[] = "invalid subscription request: ";
	Error		error = "";
	Error		whole;
	json_object *request;
	const char *id = NULL;
	bool		fine = false;

	request = parse(body->data != NULL ? body->data : "", body->length, error);
	if (request != NULL)
		id = read_id(request, "SubscribeRequest", error);
	if (*error != '\0')
	{
		snprintf(whole, sizeof(whole), "%s%.900s", prefix, error);
		cs_sim_tc_error(reply, NULL, whole);
	}
	else
		fine = subscribe(asker, subscription, request, id, prefix, reply);
	json_object_put(request);
	return fine;
}

/* ---------- the other requests ---------- */

static void
unsubscribe(TcSubscription *subscription, json_object *request, const char *id,
			CsSimText *reply)
{
	Error		error = "";
	Error		whole;
	TonSet		addresses = {0};
	json_object *list = read_list(request, "UnsubscribeRequest", "addresses",
								  "string", error);
	json_object *traces = read_list(request, "UnsubscribeRequest",
									"trace_external_hash_norms", "string",
									error);

	if (*error != '\0')
	{
		snprintf(whole, sizeof(whole), "invalid unsubscribe request: %.900s",
				 error);
		cs_sim_tc_error(reply, id, whole);
		return;
	}
	if (list_length(list) == 0 && list_length(traces) == 0)
		snprintf(error, sizeof(error),
				 "addresses or trace_external_hash_norms are required");
	else
		(void) read_addresses(list, &addresses, error);
	ton_set_clear(&addresses);
	if (*error != '\0')
	{
		cs_sim_tc_error(reply, id, error);
		return;
	}
	for (size_t i = 0; i < list_length(list); i++)
	{
		CsTonAddress address;

		if (ton_address_read(list_text(list, i), &address))
			cs_sim_account_set_remove(ton_set_chain(&subscription->addresses,
													&address), address.hash);
	}
	for (size_t i = 0; i < list_length(traces); i++)
	{
		char	   *text = trimmed(list_text(traces, i));

		cs_sim_tc_texts_remove(&subscription->traces, text);
		free(text);
	}
	write_reply(reply, id, "status", "unsubscribed");
}

bool
cs_sim_tc_request(const TcAsker *asker, TcSubscription *subscription,
				  const char *data, size_t length, CsSimText *reply)
{
	Error		error = "";
	Error		whole;
	json_object *request = parse(data, length, error);
	json_object *operation = request != NULL ? member(request, "operation") :
		NULL;
	const char *name = "";
	const char *id = NULL;
	bool		done = false;

	if (request != NULL)
		id = read_id(request, "Envelope", error);
	if (operation != NULL &&
		!json_object_is_type(operation, json_type_string))
		wrong_type(error, "Envelope", "operation", operation, "string");
	else if (operation != NULL)
		name = json_object_get_string(operation);
	if (*error != '\0')
	{
		snprintf(whole, sizeof(whole), "invalid request envelope: %.900s",
				 error);
		cs_sim_tc_error(reply, NULL, whole);
	}
	else if (strcmp(name, "subscribe") == 0)
		done = subscribe(asker, subscription, request, id,
						 "invalid subscribe request: ", reply);
	else if (strcmp(name, "unsubscribe") == 0)
		unsubscribe(subscription, request, id, reply);
	else if (strcmp(name, "ping") == 0)
		write_reply(reply, id, "status", "pong");
	else
	{
		snprintf(whole, sizeof(whole), "unknown operation: %.900s", name);
		cs_sim_tc_error(reply, id, whole);
	}
	json_object_put(request);
	return done;
}
