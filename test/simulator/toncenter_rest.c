/*-------------------------------------------------------------------------
 *
 * toncenter_rest.c
 *	  What TON Center's REST interface, API v3, says of synthetic transfers.
 *
 * Final transfers are remembered, the last some thousand of them, and their
 * transactions written when they are asked for.  The index may lag behind the
 * stream: what is younger than that it does not know yet.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>

/* Most transactions of one answer, and how many without being told. */
#define LIMIT_MOST		1000
#define LIMIT_DEFAULT	10

/* A transfer that is final. */
typedef struct Known
{
	TonTransfer transfer;
	int64_t		known_us;		/* since then */
} Known;

/* A ring of them. */
typedef struct TcHistory
{
	Known	   *known;
	size_t		size;
	size_t		count;			/* so many, ever */
} TcHistory;

/* One side of one. */
typedef struct Found
{
	const TonTransfer *transfer;
	bool		recipient;
} Found;

/* What is asked for. */
typedef struct Query
{
	TonSet		accounts;
	bool		by_hash;
	bool		by_message;
	uint8_t		hash[TON_HASH];
	uint64_t	start_lt;
	uint64_t	end_lt;
	uint64_t	start_utime;
	uint64_t	end_utime;
	uint64_t	limit;
	uint64_t	offset;
	bool		ascending;
} Query;

/* ---------- remembering ---------- */

void
cs_sim_tc_history_start(CsSimNetwork *network)
{
	TcHistory  *history = cs_sim_alloc(sizeof(*history));

	history->size = (size_t) cs_sim_setting(network, TC_HISTORY);
	history->known = cs_sim_alloc(history->size * sizeof(*history->known));
	((TcNetwork *) network->state)->history = history;
}

void
cs_sim_tc_history_stop(CsSimNetwork *network)
{
	TcHistory  *history = ((TcNetwork *) network->state)->history;

	free(history->known);
	free(history);
}

void
cs_sim_tc_remember(CsSimNetwork *network, const TonTransfer *transfer)
{
	TcHistory  *history = ((TcNetwork *) network->state)->history;
	Known	   *known;

	if (history->size == 0)
		return;
	known = &history->known[history->count++ % history->size];
	known->transfer = *transfer;
	known->known_us = lws_now_usecs();
}

/* ---------- questions ---------- */

static void
error(CsSimResponse *response, int status, const char *text)
{
	CsSimText	body = {NULL, 0, 0};

	cs_sim_tc_error(&body, NULL, text);
	cs_sim_respond_text(response, status, "application/json", body.data);
	free(body.data);
}

/* A hash in hexadecimal or base64. */
static bool
parse_hash(const char *text, uint8_t hash[TON_HASH])
{
	size_t		length = strlen(text);
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

/* A number of the query, if it is there. */
static bool
read_number(const CsSimRequest *request, const char *name, uint64_t *value)
{
	const char *text = cs_sim_request_argument(request, name);

	return text == NULL || cs_sim_parse_number(text, UINT64_MAX, value);
}

/* Every "account" of the query. */
static bool
read_accounts(const CsSimRequest *request, TonSet *accounts)
{
	for (size_t i = 0; i < request->argument_count; i++)
	{
		CsTonAddress address;

		if (strncmp(request->arguments[i], "account=", 8) != 0)
			continue;
		if (!ton_address_read(request->arguments[i] + 8, &address))
			return false;
		cs_sim_account_set_add(ton_set_chain(accounts, &address),
							   address.hash);
	}
	return true;
}

/* Read the query.  False: *response* says what is wrong. */
static bool
read_query(const CsSimRequest *request, bool by_message, Query *query,
		   CsSimResponse *response)
{
	const char *hash = cs_sim_request_argument(request, by_message ?
											   "msg_hash" : "hash");
	const char *sort = cs_sim_request_argument(request, "sort");
	char		text[128];

	memset(query, 0, sizeof(*query));
	query->end_lt = UINT64_MAX;
	query->end_utime = UINT64_MAX;
	query->limit = LIMIT_DEFAULT;
	query->by_message = by_message;
	query->by_hash = hash != NULL || by_message;
	query->ascending = sort != NULL && strcmp(sort, "asc") == 0;
	text[0] = '\0';
	if ((query->by_hash && (hash == NULL || !parse_hash(hash, query->hash))) ||
		!read_accounts(request, &query->accounts) ||
		!read_number(request, "start_lt", &query->start_lt) ||
		!read_number(request, "end_lt", &query->end_lt) ||
		!read_number(request, "start_utime", &query->start_utime) ||
		!read_number(request, "end_utime", &query->end_utime) ||
		!read_number(request, "limit", &query->limit) ||
		!read_number(request, "offset", &query->offset))
		snprintf(text, sizeof(text), "invalid parameter");
	else if (query->limit > LIMIT_MOST)
		snprintf(text, sizeof(text), "limit is not allowed: %llu > %d",
				 (unsigned long long) query->limit, LIMIT_MOST);
	else if (sort != NULL && !query->ascending && strcmp(sort, "desc") != 0)
		snprintf(text, sizeof(text), "wrong value for sort parameter");
	if (*text == '\0')
		return true;
	error(response, 422, text);
	return false;
}

/* ---------- answers ---------- */

static bool
matches(const Query *query, const Found *found)
{
	const TonTransfer *transfer = found->transfer;
	const TonParty *party = found->recipient ? &transfer->recipient :
		&transfer->sender;
	const uint8_t *message = found->recipient ? transfer->internal :
		transfer->external;
	uint64_t	time = (uint64_t) (transfer->time_ms / 1000);

	if (query->by_hash &&
		memcmp(query->by_message ? message : party->hash, query->hash,
			   TON_HASH) != 0)
		return false;
	if (ton_set_count(&query->accounts) > 0 &&
		!ton_set_has(&query->accounts, &party->address))
		return false;
	return party->lt >= query->start_lt && party->lt <= query->end_lt &&
		time >= query->start_utime && time <= query->end_utime;
}

/* All that match, in the order of their logical times. */
static size_t
collect(const CsSimNetwork *network, const Query *query, Found *list)
{
	const TcHistory *history = ((TcNetwork *) network->state)->history;
	size_t		first = history->count > history->size ?
		history->count - history->size : 0;
	int64_t		latest = lws_now_usecs() -
		(int64_t) cs_sim_setting(network, TC_REST_LAG_MS) * LWS_US_PER_MS;
	size_t		count = 0;

	for (size_t i = first; i < history->count; i++)
	{
		const Known *known = &history->known[i % history->size];

		for (int recipient = 0; recipient < 2; recipient++)
		{
			Found		found = {&known->transfer, recipient != 0};

			if (known->known_us <= latest && matches(query, &found))
				list[count++] = found;
		}
	}
	return count;
}

/* Add an account to the book, unless it is there. */
static void
add_to_book(json_object *book, const TonParty *party)
{
	json_object *entry;
	json_object *interfaces;
	char		friendly[TON_FRIENDLY_SIZE];

	if (json_object_object_get_ex(book, party->text, NULL))
		return;
	entry = json_object_new_object();
	interfaces = json_object_new_array();
	ton_friendly(&party->address, friendly);
	json_object_object_add(entry, "user_friendly",
						   json_object_new_string(friendly));
	json_object_object_add(entry, "domain", NULL);
	json_object_array_add(interfaces, json_object_new_string("wallet_v4r2"));
	json_object_object_add(entry, "interfaces", interfaces);
	json_object_object_add(book, party->text, entry);
}

static void
answer_transactions(CsSimNetwork *network, const Query *query,
					CsSimResponse *response)
{
	const TcHistory *history = ((TcNetwork *) network->state)->history;
	Found	   *list = cs_sim_alloc(2 * history->size * sizeof(*list));
	size_t		count = collect(network, query, list);
	json_object *book = json_object_new_object();
	CsSimText	body = {NULL, 0, 0};

	cs_sim_text_printf(&body, "{\"transactions\":[");
	for (size_t i = query->offset; i < count &&
		 i - query->offset < query->limit; i++)
	{
		const Found *found = &list[query->ascending ? i : count - 1 - i];

		if (i > query->offset)
			cs_sim_text_add(&body, ",", 1);
		cs_sim_tc_write_rest(&body, found->transfer, found->recipient);
		add_to_book(book, &found->transfer->sender);
		add_to_book(book, &found->transfer->recipient);
	}
	cs_sim_text_printf(&body, "],\"address_book\":");
	ton_render(&body, book);
	cs_sim_text_add(&body, "}", 1);
	cs_sim_respond_text(response, 200, "application/json", body.data);
	json_object_put(book);
	free(body.data);
	free(list);
}

/* The first and the last masterchain block that are known. */
static void
answer_master(const CsSimNetwork *network, CsSimResponse *response)
{
	const TcHistory *history = ((TcNetwork *) network->state)->history;
	size_t		first = history->count > history->size ?
		history->count - history->size : 0;
	CsSimText	body = {NULL, 0, 0};

	if (history->count == 0 || history->size == 0)
	{
		error(response, 404, "blocks not found");
		return;
	}
	cs_sim_text_printf(&body, "{\"last\":");
	cs_sim_tc_write_block(&body, network->pool.seed,
						  &history->known[(history->count - 1) %
										  history->size].transfer);
	cs_sim_text_printf(&body, ",\"first\":");
	cs_sim_tc_write_block(&body, network->pool.seed,
						  &history->known[first % history->size].transfer);
	cs_sim_text_add(&body, "}", 1);
	cs_sim_respond_text(response, 200, "application/json", body.data);
	free(body.data);
}

bool
cs_sim_tc_rest(CsSimNetwork *network, const CsSimRequest *request,
			   CsSimResponse *response)
{
	const char *path = request->path;
	bool		by_message = strcmp(path, "/api/v3/transactionsByMessage") == 0;
	Query		query;

	if (strcmp(path, "/api/v3/masterchainInfo") == 0)
		answer_master(network, response);
	else if (!by_message && strcmp(path, "/api/v3/transactions") != 0)
		return false;
	else
	{
		if (read_query(request, by_message, &query, response))
			answer_transactions(network, &query, response);
		ton_set_clear(&query.accounts);
	}
	return true;
}
