/*-------------------------------------------------------------------------
 *
 * tonapi_session.c
 *	  The JSON-RPC of TonAPI's WebSocket.
 *
 * It is not quite JSON-RPC: failures are results like others, parameters are
 * a list of texts, and a request of another form ends the session without a
 * word.  The texts are the server's.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_scan.h"

/* ---------- addresses ---------- */

bool
cs_sim_ta_address(const char *text, CsTonAddress *address)
{
	const char *colon = strchr(text, ':');
	char		hex[2 * TON_HASH + 1];
	size_t		digits;
	char	   *end;
	long		workchain;

	if (colon == NULL)
		return ton_address_read(text, address);
	memset(address, 0, sizeof(*address));
	digits = strlen(colon + 1);
	errno = 0;
	workchain = strtol(text, &end, 10);
	if (end != colon || end == text || errno != 0 || workchain < INT32_MIN ||
		workchain > INT32_MAX || digits == 0 || digits > sizeof(hex) - 1)
		return false;
	memset(hex, '0', sizeof(hex));
	memcpy(hex + sizeof(hex) - 1 - digits, colon + 1, digits);
	address->workchain = (int8_t) (workchain < INT8_MIN ||
								   workchain > INT8_MAX ? INT8_MAX :
								   workchain);
	return cs_hex_decode(hex, sizeof(hex) - 1, address->hash);
}

bool
cs_sim_ta_addresses(char *list, TonSet *set, const char **bad)
{
	for (char *text = list, *next; text != NULL; text = next)
	{
		CsTonAddress address;

		next = strchr(text, ',');
		if (next != NULL)
			*next++ = '\0';
		if (!cs_sim_ta_address(text, &address))
		{
			*bad = text;
			return false;
		}
		cs_sim_account_set_add(ton_set_chain(set, &address), address.hash);
	}
	return true;
}

static bool
same_address(const CsTonAddress *a, const CsTonAddress *b)
{
	return a->workchain == b->workchain &&
		memcmp(a->hash, b->hash, TON_HASH) == 0;
}

/* ---------- operations ---------- */

/* Is one of these words in a list with commas? */
static bool
in_list(const char *list, const char *code, const char *name)
{
	while (*list != '\0')
	{
		size_t		length = strcspn(list, ",");

		if (length > 0 &&
			((strlen(code) == length && strncmp(code, list, length) == 0) ||
			 (strlen(name) == length && strncmp(name, list, length) == 0)))
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

bool
cs_sim_ta_operation_wanted(const TaClient *client, const CsTonAddress *account,
						   const char *code, const char *name)
{
	if (client->operations != NULL)
		return in_list(client->operations, code, name);
	for (size_t i = 0; i < client->filter_count; i++)
		if (same_address(&client->filters[i].address, account))
			return in_list(client->filters[i].operations, code, name);
	return true;
}

static void
remove_filter(TaClient *client, const CsTonAddress *account)
{
	for (size_t i = 0; i < client->filter_count; i++)
	{
		if (!same_address(&client->filters[i].address, account))
			continue;
		free(client->filters[i].operations);
		client->filters[i] = client->filters[--client->filter_count];
		return;
	}
}

void
cs_sim_ta_client_clear(TaClient *client)
{
	while (client->filter_count > 0)
		free(client->filters[--client->filter_count].operations);
	free(client->filters);
	free(client->operations);
	ton_set_clear(&client->transactions);
	ton_set_clear(&client->traces);
	ton_set_clear(&client->mempool_accounts);
	memset(client, 0, sizeof(*client));
}

/* ---------- accounts ---------- */

/* One parameter of subscribe_account, taken apart. */
typedef struct Wish
{
	CsTonAddress address;
	char	   *operations;		/* NULL: all */
} Wish;

/*
 * Take "<address>" or "<address>;operations=<op>,..." apart.  False: the
 * result says why not.
 */
static bool
parse_account(const char *text, bool with_operations, Wish *wish,
			  CsSimText *result)
{
	static const char key[] = "operations=";
	char	   *copy = cs_sim_copy(text);
	char	   *options = with_operations ? strchr(copy, ';') : NULL;
	bool		fine;

	memset(wish, 0, sizeof(*wish));
	if (options != NULL)
		*options++ = '\0';
	fine = cs_sim_ta_address(copy, &wish->address);
	if (!fine)
		cs_sim_text_printf(result, "failed to process '%s' account: "
						   "can't decode address %s", text, copy);
	else if (options != NULL)
	{
		fine = strncasecmp(options, key, strlen(key)) == 0 &&
			strchr(options, ';') == NULL;
		if (!fine)
			cs_sim_text_printf(result, "failed to process '%s' account: "
							   "invalid format", text);
		else if (options[strlen(key)] != '\0')
			wish->operations = cs_sim_copy(options + strlen(key));
	}
	free(copy);
	return fine;
}

/* Subscribe to accounts: all of the request's, or none. */
static void
subscribe_accounts(const CsSimNetwork *network, TaClient *client,
				   json_object *params, bool traces, CsSimText *result)
{
	size_t		count = params != NULL ? json_object_array_length(params) : 0;
	TonSet	   *set = traces ? &client->traces : &client->transactions;
	TonSet		fresh = {0};
	uint64_t	limit = cs_sim_setting(network, TA_LIMIT);
	Wish	   *wishes = cs_sim_alloc(count * sizeof(*wishes));
	size_t		known = 0;
	bool		fine = true;

	for (; known < count && fine; known++)
	{
		Wish	   *wish = &wishes[known];

		fine = parse_account(json_object_get_string(
								 json_object_array_get_idx(params, known)),
							 !traces, wish, result);
		if (fine && !ton_set_has(set, &wish->address))
			cs_sim_account_set_add(ton_set_chain(&fresh, &wish->address),
								   wish->address.hash);
	}
	if (fine && ton_set_count(set) + ton_set_count(&fresh) > limit)
	{
		cs_sim_text_printf(result, "you have reached the limit of %llu "
						   "subscriptions", (unsigned long long) limit);
		fine = false;
	}
	if (fine)
		cs_sim_text_printf(result, "success! %zu new subscriptions created",
						   ton_set_count(&fresh));
	for (size_t i = 0; i < known; i++)
	{
		const CsTonAddress *address = &wishes[i].address;

		if (!fine || ton_set_has(set, address))
		{
			free(wishes[i].operations);
			continue;
		}
		cs_sim_account_set_add(ton_set_chain(set, address), address->hash);
		if (wishes[i].operations == NULL)
			continue;
		client->filters = cs_sim_resize(client->filters,
										(client->filter_count + 1) *
										sizeof(*client->filters));
		client->filters[client->filter_count].address = *address;
		client->filters[client->filter_count++].operations =
			wishes[i].operations;
	}
	ton_set_clear(&fresh);
	free(wishes);
}

/* Unsubscribe from accounts, one after the other, up to a bad one. */
static void
unsubscribe_accounts(TaClient *client, json_object *params, bool traces,
					 CsSimText *result)
{
	size_t		count = params != NULL ? json_object_array_length(params) : 0;
	TonSet	   *set = traces ? &client->traces : &client->transactions;
	size_t		removed = 0;

	for (size_t i = 0; i < count; i++)
	{
		Wish		wish;

		if (!parse_account(json_object_get_string(
							   json_object_array_get_idx(params, i)),
						   false, &wish, result))
			return;
		removed += ton_set_has(set, &wish.address);
		cs_sim_account_set_remove(ton_set_chain(set, &wish.address),
								  wish.address.hash);
		if (!traces)
			remove_filter(client, &wish.address);
	}
	cs_sim_text_printf(result, "success! %zu subscription(s) removed",
					   removed);
}

/* ---------- mempool and blocks ---------- */

/*
 * The value of the only parameter, "KEY=value"; a copy, or NULL without
 * parameters.  False: the result says what is wrong.
 */
static bool
only_parameter(json_object *params, const char *key, char **value,
			   CsSimText *result)
{
	size_t		count = params != NULL ? json_object_array_length(params) : 0;
	size_t		length = strlen(key);
	const char *text;

	*value = NULL;
	if (count == 0)
		return true;
	text = json_object_get_string(json_object_array_get_idx(params, 0));
	if (count == 1 && strncmp(text, key, length) == 0 && text[length] == '=')
	{
		*value = cs_sim_copy(text + length + 1);
		return true;
	}
	cs_sim_text_printf(result, "failed to process params: %s", count > 1 ?
					   "supported only one parameter" : "invalid format");
	return false;
}

static void
subscribe_mempool(TaClient *client, json_object *params, CsSimText *result)
{
	TonSet		accounts = {0};
	const char *bad;
	char	   *list;

	if (client->mempool)
	{
		cs_sim_text_printf(result, "you are already subscribed to mempool");
		return;
	}
	if (!only_parameter(params, "accounts", &list, result))
		return;
	if (list != NULL && !cs_sim_ta_addresses(list, &accounts, &bad))
	{
		cs_sim_text_printf(result, "failed to process params: can't decode "
						   "address %s", bad);
		ton_set_clear(&accounts);
	}
	else
	{
		client->mempool = true;
		client->mempool_accounts = accounts;
		cs_sim_text_printf(result, "success! you have subscribed to mempool");
	}
	free(list);
}

static void
unsubscribe_mempool(TaClient *client, CsSimText *result)
{
	if (!client->mempool)
	{
		cs_sim_text_printf(result, "you are not subscribed to mempool");
		return;
	}
	client->mempool = false;
	ton_set_clear(&client->mempool_accounts);
	cs_sim_text_printf(result, "success! you have unsubscribed from mempool");
}

static void
subscribe_blocks(TaClient *client, json_object *params, CsSimText *result)
{
	char	   *text;
	char	   *end = NULL;
	long		workchain = 0;

	if (!only_parameter(params, "workchain", &text, result))
		return;
	if (text != NULL)
		workchain = strtol(text, &end, 10);
	if (text != NULL && (end == text || *end != '\0'))
		cs_sim_text_printf(result, "failed to process params: invalid format");
	else if (workchain != 0 && workchain != -1)
		cs_sim_text_printf(result,
						   "failed to process params: unknown workchain");
	else
	{
		client->blocks = true;
		client->one_chain = text != NULL;
		client->workchain = (int) workchain;
		cs_sim_text_printf(result, "success! you have subscribed to blocks");
	}
	free(text);
}

static void
unsubscribe_blocks(TaClient *client, CsSimText *result)
{
	cs_sim_text_printf(result, client->blocks ?
					   "success! you have unsubscribed from blocks" :
					   "you are not subscribed to blocks");
	client->blocks = false;
}

/* ---------- requests ---------- */

/* The topic of a method, as "subscribe_account" or the like; -1: none. */
static int
method_topic(const char *method, bool *subscribe)
{
	static const char *const nouns[TA_TOPICS] = {
		"account", "trace", "mempool", "block"
	};

	*subscribe = strncmp(method, "un", 2) != 0;
	if (!*subscribe)
		method += 2;
	for (int topic = 0; topic < TA_TOPICS; topic++)
		if (strncmp(method, "subscribe_", 10) == 0 &&
			strcmp(method + 10, nouns[topic]) == 0)
			return topic;
	return -1;
}

/* Do what a method says; an unknown one has an empty result. */
static void
call(const CsSimNetwork *network, TaClient *client, const char *method,
	 json_object *params, CsSimText *result)
{
	static const char *const sources[TA_TOPICS] = {
		"transactions", "trace", "mempool", "block"
	};
	bool		subscribe;
	int			topic = method_topic(method, &subscribe);

	if (topic < 0)
		return;
	if (cs_sim_switch(network, TA_NO_TRANSACTIONS + topic))
		cs_sim_text_printf(result, "%s source is not configured",
						   sources[topic]);
	else if (topic == TA_TRANSACTION || topic == TA_TRACE)
	{
		if (subscribe)
			subscribe_accounts(network, client, params, topic == TA_TRACE,
							   result);
		else
			unsubscribe_accounts(client, params, topic == TA_TRACE, result);
	}
	else if (topic == TA_MEMPOOL)
	{
		if (subscribe)
			subscribe_mempool(client, params, result);
		else
			unsubscribe_mempool(client, result);
	}
	else if (subscribe)
		subscribe_blocks(client, params, result);
	else
		unsubscribe_blocks(client, result);
}

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

/* A text member; false: it is of another type. */
static bool
text_member(json_object *request, const char *name, const char **text)
{
	json_object *value = member(request, name);

	*text = value != NULL ? json_object_get_string(value) : "";
	return value == NULL || json_object_is_type(value, json_type_string);
}

/* Are these parameters a list of texts, or none? */
static bool
params_fine(json_object *params)
{
	if (params == NULL)
		return true;
	if (!json_object_is_type(params, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(params); i++)
	{
		json_object *value = json_object_array_get_idx(params, i);

		if (value == NULL)
			json_object_array_put_idx(params, i, json_object_new_string(""));
		else if (!json_object_is_type(value, json_type_string))
			return false;
	}
	return true;
}

bool
cs_sim_ta_request(const CsSimNetwork *network, TaClient *client,
				  const char *data, size_t length, CsSimText *reply)
{
	CsSimScan	scan;
	CsSimText	result = {NULL, 0, 0};
	json_object *request;
	json_object *answer;
	json_object *id;
	const char *version;
	const char *method;
	bool		fine;

	if (!cs_sim_json_scan(&scan, data, length) || !cs_sim_json_scan_end(&scan))
		return false;
	request = json_tokener_parse(data);
	if (request == NULL)
		request = json_object_new_object();
	fine = json_object_is_type(request, json_type_object);
	id = fine ? member(request, "id") : NULL;
	fine = fine && text_member(request, "jsonrpc", &version) &&
		text_member(request, "method", &method) &&
		params_fine(member(request, "params")) &&
		(id == NULL || (json_object_is_type(id, json_type_int) &&
						*json_object_get_string(id) != '-'));
	if (fine)
	{
		call(network, client, method, member(request, "params"), &result);
		answer = json_object_new_object();
		if (id != NULL && json_object_get_uint64(id) != 0)
			json_object_object_add(answer, "id", json_object_get(id));
		json_object_object_add(answer, "jsonrpc",
							   json_object_new_string(version));
		json_object_object_add(answer, "method",
							   json_object_new_string(method));
		json_object_object_add(answer, "result",
							   json_object_new_string(result.length > 0 ?
													  result.data : ""));
		ton_render(reply, answer);
		cs_sim_text_add(reply, "\n", 1);
		json_object_put(answer);
	}
	json_object_put(request);
	free(result.data);
	return fine;
}
