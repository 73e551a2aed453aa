/*-------------------------------------------------------------------------
 *
 * tonapi_rest.c
 *	  What TonAPI's REST interface says of transactions.
 *
 * Every transaction that was announced is remembered, the last some
 * thousand of them.  A synthetic one is written when it is asked for, so
 * that nobody pays for what nobody asks.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <stdlib.h>
#include <string.h>

/* Most transactions of one answer, and how many without being told. */
#define LIMIT_MOST		1000
#define LIMIT_DEFAULT	100

/* A transaction that was announced. */
typedef struct Known
{
	uint8_t		hash[TON_HASH];
	bool		has_message;
	uint8_t		message[TON_HASH];	/* hash of the inbound one */
	CsTonAddress account;
	uint64_t	lt;
	uint64_t	asked;			/* so often for it by its hash */
	TaTransfer *transfer;		/* what it is part of; or NULL */
	bool		recipient;
	json_object *rest;			/* as it was recorded; or NULL */
} Known;

/* A ring of them. */
typedef struct TaHistory
{
	Known	   *known;
	size_t		size;
	size_t		count;			/* so many, ever */
} TaHistory;

/* ---------- remembering ---------- */

void
cs_sim_ta_history_start(CsSimNetwork *network)
{
	TaHistory  *history = cs_sim_alloc(sizeof(*history));

	history->size = (size_t) cs_sim_setting(network, TA_HISTORY);
	history->known = cs_sim_alloc(history->size * sizeof(*history->known));
	((TaNetwork *) network->state)->history = history;
}

static void
forget(Known *known)
{
	cs_sim_ta_release(known->transfer);
	json_object_put(known->rest);
	memset(known, 0, sizeof(*known));
}

void
cs_sim_ta_history_stop(CsSimNetwork *network)
{
	TaHistory  *history = ((TaNetwork *) network->state)->history;

	for (size_t i = 0; i < history->size; i++)
		forget(&history->known[i]);
	free(history->known);
	free(history);
}

/* Room for one more, in the place of the oldest; NULL: nothing is kept. */
static Known *
next_known(CsSimNetwork *network)
{
	TaHistory  *history = ((TaNetwork *) network->state)->history;
	Known	   *known;

	if (history->size == 0)
		return NULL;
	known = &history->known[history->count++ % history->size];
	forget(known);
	return known;
}

void
cs_sim_ta_remember(CsSimNetwork *network, TaTransfer *transfer)
{
	for (int recipient = 0; recipient < 2; recipient++)
	{
		const TonParty *party = recipient ? &transfer->transfer.recipient :
			&transfer->transfer.sender;
		Known	   *known = next_known(network);

		if (known == NULL)
			return;
		memcpy(known->hash, party->hash, TON_HASH);
		memcpy(known->message, recipient ? transfer->transfer.internal :
			   transfer->transfer.external, TON_HASH);
		known->has_message = true;
		known->account = party->address;
		known->lt = party->lt;
		known->transfer = cs_sim_ta_hold(transfer);
		known->recipient = recipient != 0;
	}
}

void
cs_sim_ta_remember_item(CsSimNetwork *network, const CsSimItem *item)
{
	uint8_t		hash[TON_HASH];
	json_object *message;
	json_object *value;
	Known	   *known;

	if (item->lt == 0 || item->account_count == 0 ||
		strlen(item->hash) != TON_HEX_SIZE - 1 ||
		!cs_hex_decode(item->hash, TON_HEX_SIZE - 1, hash) ||
		(known = next_known(network)) == NULL)
		return;
	memcpy(known->hash, hash, TON_HASH);
	known->account = item->accounts[0];
	known->lt = item->lt;
	known->rest = json_object_get(item->rest);
	if (json_object_object_get_ex(item->rest, "in_msg", &message) &&
		json_object_object_get_ex(message, "hash", &value) &&
		json_object_get_string_len(value) == TON_HEX_SIZE - 1)
		known->has_message = cs_hex_decode(json_object_get_string(value),
										   TON_HEX_SIZE - 1, known->message);
}

/* The transaction of this hash, or of this inbound message; or NULL. */
static Known *
find(const CsSimNetwork *network, const uint8_t hash[TON_HASH],
	 bool by_message)
{
	TaHistory  *history = ((TaNetwork *) network->state)->history;
	size_t		count = history->count < history->size ? history->count :
		history->size;

	for (size_t i = 1; i <= count; i++)
	{
		Known	   *known = &history->known[(history->count - i) %
											history->size];

		if ((known->has_message &&
			 memcmp(known->message, hash, TON_HASH) == 0) ||
			(!by_message && memcmp(known->hash, hash, TON_HASH) == 0))
			return known;
	}
	return NULL;
}

static void
write_known(CsSimText *text, const Known *known)
{
	char		hash[TON_HEX_SIZE];

	ton_hex(known->hash, hash);
	if (known->rest != NULL)
		ton_render(text, known->rest);
	else if (known->transfer != NULL)
		cs_sim_ta_write_transaction(text, &known->transfer->transfer,
									known->recipient);
	else
		cs_sim_ta_write_stranger(text, &known->account, known->lt, hash);
}

/* ---------- answers ---------- */

static void
error(CsSimResponse *response, int status, const char *key, const char *text)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, key, json_object_new_string(text));
	cs_sim_respond_json(response, status, body);
}

/* A hash in hexadecimal, or in base64. */
static bool
parse_hash(const char *text, size_t length, uint8_t hash[TON_HASH])
{
	uint8_t		bytes[CS_BASE64_BYTES(48)];
	size_t		size;

	if (length == TON_HEX_SIZE - 1)
		return cs_hex_decode(text, length, hash);
	if (length > 48 || !cs_base64_decode(text, length, bytes, &size) ||
		size != TON_HASH)
		return false;
	memcpy(hash, bytes, TON_HASH);
	return true;
}

/* One transaction, which is not indexed yet when asked for the first times. */
static void
answer_transaction(CsSimNetwork *network, const char *text, size_t length,
				   bool by_message, CsSimResponse *response)
{
	uint8_t		hash[TON_HASH];
	CsSimText	body = {NULL, 0, 0};
	Known	   *known;

	if (!parse_hash(text, length, hash))
	{
		error(response, 400, "error", "invalid hash length");
		return;
	}
	known = find(network, hash, by_message);
	if (known == NULL ||
		known->asked++ < cs_sim_setting(network, TA_NOT_FOUND))
	{
		error(response, 404, "error", "entity not found");
		return;
	}
	write_known(&body, known);
	cs_sim_respond_text(response, 200, "application/json", body.data);
	free(body.data);
}

/* A number of the query; false: it is there, and is none. */
static bool
number_argument(const CsSimRequest *request, const char *name,
				uint64_t *value)
{
	const char *text = cs_sim_request_argument(request, name);

	return text == NULL || cs_sim_parse_number(text, UINT64_MAX, value);
}

static int
compare_known(const void *a, const void *b)
{
	uint64_t	first = (*(const Known *const *) a)->lt;
	uint64_t	second = (*(const Known *const *) b)->lt;

	return (first > second) - (first < second);
}

/* An account's transactions between two logical times, in ascending order. */
static size_t
collect(const CsSimNetwork *network, const CsTonAddress *account,
		uint64_t after, uint64_t before, const Known **list)
{
	TaHistory  *history = ((TaNetwork *) network->state)->history;
	size_t		count = 0;

	for (size_t i = 0; i < history->size && i < history->count; i++)
	{
		const Known *known = &history->known[i];

		if (known->lt > after && known->lt < before &&
			known->account.workchain == account->workchain &&
			memcmp(known->account.hash, account->hash, TON_HASH) == 0)
			list[count++] = known;
	}
	qsort(list, count, sizeof(*list), compare_known);
	return count;
}

static void
write_list(const Known **list, size_t count, uint64_t limit, bool ascending,
		   CsSimResponse *response)
{
	CsSimText	body = {NULL, 0, 0};

	cs_sim_text_printf(&body, "{\"transactions\":[");
	for (size_t i = 0; i < count && i < limit; i++)
	{
		if (i > 0)
			cs_sim_text_add(&body, ",", 1);
		write_known(&body, list[ascending ? i : count - 1 - i]);
	}
	cs_sim_text_printf(&body, "]}");
	cs_sim_respond_text(response, 200, "application/json", body.data);
	free(body.data);
}

static void
answer_account(CsSimNetwork *network, const CsSimRequest *request,
			   const char *text, size_t length, CsSimResponse *response)
{
	const TaHistory *history = ((TaNetwork *) network->state)->history;
	const char *order = cs_sim_request_argument(request, "sort_order");
	uint64_t	after = 0;
	uint64_t	before = UINT64_MAX;
	uint64_t	limit = LIMIT_DEFAULT;
	char		problem[256];
	char		account[128];
	CsTonAddress address;
	const Known **list;

	snprintf(account, sizeof(account), "%.*s", (int) length, text);
	if (!number_argument(request, "after_lt", &after) ||
		!number_argument(request, "before_lt", &before) ||
		!number_argument(request, "limit", &limit) || limit < 1)
	{
		error(response, 400, "Error", "operation "
			  "GetBlockchainAccountTransactions: decode params: query: "
			  "invalid");
		return;
	}
	if (limit > LIMIT_MOST)
	{
		snprintf(problem, sizeof(problem), "operation "
				 "GetBlockchainAccountTransactions: decode params: query: "
				 "\"limit\": int: value %llu greater than %d",
				 (unsigned long long) limit, LIMIT_MOST);
		error(response, 400, "Error", problem);
		return;
	}
	if (!cs_sim_ta_address(account, &address))
	{
		snprintf(problem, sizeof(problem), "can't decode address %s", account);
		error(response, 400, "error", problem);
		return;
	}
	list = cs_sim_alloc(history->size * sizeof(*list));
	write_list(list, collect(network, &address, after, before, list), limit,
			   order != NULL && strcmp(order, "asc") == 0, response);
	free(list);
}

/* The last masterchain block. */
static void
answer_head(CsSimNetwork *network, CsSimResponse *response)
{
	const TaNetwork *state = network->state;
	CsSimText	body = {NULL, 0, 0};

	if (state->recent == NULL)
	{
		error(response, 404, "error", "entity not found");
		return;
	}
	cs_sim_ta_write_head(&body, network->pool.seed, &state->recent->transfer);
	cs_sim_respond_text(response, 200, "application/json", body.data);
	free(body.data);
}

/* If the path is *before*, something, and *after*: the something's length. */
static size_t
between(const char *path, const char *before, const char *after)
{
	size_t		length = strlen(path);
	size_t		first = strlen(before);
	size_t		last = strlen(after);

	if (length <= first + last || strncmp(path, before, first) != 0 ||
		strcmp(path + length - last, after) != 0)
		return 0;
	return length - first - last;
}

void
cs_sim_ta_rest(CsSimNetwork *network, const CsSimRequest *request,
			   CsSimResponse *response)
{
	static const char transactions[] = "/v2/blockchain/transactions/";
	static const char messages[] = "/v2/blockchain/messages/";
	static const char accounts[] = "/v2/blockchain/accounts/";
	const char *path = request->path;
	size_t		length;

	if ((length = between(path, transactions, "")) > 0)
		answer_transaction(network, path + strlen(transactions), length,
						   false, response);
	else if ((length = between(path, messages, "/transaction")) > 0)
		answer_transaction(network, path + strlen(messages), length, true,
						   response);
	else if ((length = between(path, accounts, "/transactions")) > 0)
		answer_account(network, request, path + strlen(accounts), length,
					   response);
	else if (strcmp(path, "/v2/blockchain/masterchain-head") == 0)
		answer_head(network, response);
	else
		error(response, 404, "error", "not found");
}
