/*-------------------------------------------------------------------------
 *
 * symbol_rest.c
 *	  What the Symbol gateway answers over HTTP, from the synthetic chain.
 *
 * As far as readers of the notifications need it: heights, blocks, confirmed
 * transactions, statuses, properties of the network and the node.  Recorded
 * notifications do not show here.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* The gateway's bounds of a page. */
#define PAGE_LEAST		10
#define PAGE_USUAL		20
#define PAGE_MOST		100

/* One more request than this many at once is refused. */
#define REST_BURST		20

static void
respond(CsSimResponse *response, int status, CsSimText *text)
{
	cs_sim_respond_text(response, status, "application/json", text->data);
	free(text->data);
}

/* An error in the gateway's form. */
static void
respond_error(CsSimResponse *response, int status, const char *code,
			  const char *message)
{
	CsSimText	text = {NULL, 0, 0};
	json_object *quoted = json_object_new_string(message);

	cs_sim_text_printf(&text, "{\"code\":\"%s\",\"message\":%s}", code,
					   json_object_to_json_string_ext(quoted,
													  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(quoted);
	respond(response, status, &text);
}

static void
respond_missing(CsSimResponse *response, const char *what)
{
	char		message[256];

	snprintf(message, sizeof(message), "no resource exists with id '%s'", what);
	respond_error(response, 404, "ResourceNotFound", message);
}

/* ---------- the network ---------- */

static void
chain_info(CsSimNetwork *network, CsSimResponse *response)
{
	const SymbolChain *chain = symbol_state(network)->chain;
	const SymbolBlock *final = cs_sim_symbol_block(network, chain->finalized);
	char		hash[2 * SYMBOL_HASH_LENGTH] = {0};
	CsSimText	text = {NULL, 0, 0};

	if (final != NULL)
		cs_hex_encode_upper(final->hash, SYMBOL_HASH_LENGTH, hash);
	cs_sim_text_printf(&text, "{\"height\":\"%llu\",\"scoreHigh\":\"0\","
					   "\"scoreLow\":\"9355904769811254014\","
					   "\"latestFinalizedBlock\":{\"finalizationEpoch\":%u,"
					   "\"finalizationPoint\":%u,\"height\":\"%llu\","
					   "\"hash\":\"%.*s\"}}",
					   (unsigned long long) chain->height, chain->epoch,
					   chain->point, (unsigned long long) chain->finalized,
					   (int) sizeof(hash), hash);
	respond(response, 200, &text);
}

static void
network_properties(CsSimNetwork *network, CsSimResponse *response)
{
	bool		mainnet = cs_sim_switch(network, SYMBOL_MAINNET);
	const char *id = cs_sim_symbol_currency(network);
	CsSimText	text = {NULL, 0, 0};
	char		mosaic[32];

	snprintf(mosaic, sizeof(mosaic), "0x%.4s'%.4s'%.4s'%.4s", id, id + 4,
			 id + 8, id + 12);
	cs_sim_text_printf(&text, "{\"network\":{\"identifier\":\"%s\","
					   "\"generationHashSeed\":\"%s\","
					   "\"epochAdjustment\":\"%ds\"},"
					   "\"chain\":{\"currencyMosaicId\":\"%s\","
					   "\"harvestingMosaicId\":\"%s\"},"
					   "\"plugins\":{},\"forkHeights\":{}}",
					   mainnet ? "mainnet" : "testnet",
					   cs_sim_symbol_seed(network),
					   mainnet ? 1615853185 : 1667250467, mosaic, mosaic);
	respond(response, 200, &text);
}

static void
node_info(CsSimNetwork *network, CsSimResponse *response)
{
	SymbolAddress address;
	char		key[2 * SYMBOL_KEY_LENGTH];
	CsSimText	text = {NULL, 0, 0};

	cs_hex_encode_upper(cs_sim_symbol_harvester(network, 0, address),
						SYMBOL_KEY_LENGTH, key);
	cs_sim_text_printf(&text, "{\"version\":16777993,\"publicKey\":\"%.*s\","
					   "\"networkGenerationHashSeed\":\"%s\",\"roles\":3,"
					   "\"port\":7900,\"networkIdentifier\":%d,"
					   "\"friendlyName\":\"simulator\",\"host\":\"127.0.0.1\","
					   "\"nodePublicKey\":\"%.*s\"}",
					   (int) sizeof(key), key, cs_sim_symbol_seed(network),
					   symbol_network_byte(network), (int) sizeof(key), key);
	respond(response, 200, &text);
}

/* ---------- blocks and transactions ---------- */

/* A block as REST has it. */
static void
add_block(const SymbolBlock *block, CsSimText *text)
{
	char		hash[2 * SYMBOL_HASH_LENGTH];
	char		generation[2 * SYMBOL_HASH_LENGTH];

	cs_hex_encode_upper(block->hash, SYMBOL_HASH_LENGTH, hash);
	cs_hex_encode_upper(block->generation, SYMBOL_HASH_LENGTH, generation);
	cs_sim_text_printf(text, "{\"meta\":{\"hash\":\"%.*s\",\"totalFee\":\"0\","
					   "\"generationHash\":\"%.*s\","
					   "\"stateHashSubCacheMerkleRoots\":[],"
					   "\"totalTransactionsCount\":%llu,"
					   "\"transactionsCount\":%llu,\"statementsCount\":1},"
					   "\"block\":{\"size\":376,%s},\"id\":\"%.24s\"}",
					   (int) sizeof(hash), hash, (int) sizeof(generation),
					   generation, (unsigned long long) block->transactions,
					   (unsigned long long) block->transactions,
					   block->fields, hash);
}

static void
block_at(CsSimNetwork *network, const char *what, CsSimResponse *response)
{
	const SymbolBlock *block;
	CsSimText	text = {NULL, 0, 0};
	uint64_t	height;

	if (!cs_sim_parse_number(what, UINT64_MAX, &height))
	{
		respond_error(response, 409, "InvalidArgument",
					  "height has an invalid format");
		return;
	}
	block = cs_sim_symbol_block(network, height);
	if (block == NULL)
	{
		respond_missing(response, what);
		return;
	}
	add_block(block, &text);
	respond(response, 200, &text);
}

/* A number of the query, within bounds. */
static uint64_t
number_argument(const CsSimRequest *request, const char *name,
				uint64_t usual)
{
	const char *given = cs_sim_request_argument(request, name);
	uint64_t	value;

	return given != NULL && cs_sim_parse_number(given, UINT64_MAX, &value) ?
		value : usual;
}

static uint64_t
page_size(const CsSimRequest *request)
{
	uint64_t	size = number_argument(request, "pageSize", PAGE_USUAL);

	return size < PAGE_LEAST ? PAGE_LEAST : size > PAGE_MOST ? PAGE_MOST : size;
}

static void
end_page(const CsSimRequest *request, CsSimResponse *response,
		 CsSimText *text)
{
	cs_sim_text_printf(text, "],\"pagination\":{\"pageNumber\":%llu,"
					   "\"pageSize\":%llu}}",
					   (unsigned long long) number_argument(request,
															"pageNumber", 1),
					   (unsigned long long) page_size(request));
	respond(response, 200, text);
}

/* Ascending by height, from behind the offset; there is no fromHeight. */
static void
blocks(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	const SymbolChain *chain = symbol_state(network)->chain;
	uint64_t	size = page_size(request);
	uint64_t	height = number_argument(request, "offset", 0) + 1 +
		(number_argument(request, "pageNumber", 1) - 1) * size;
	CsSimText	text = {NULL, 0, 0};
	uint64_t	found = 0;

	cs_sim_text_printf(&text, "{\"data\":[");
	for (; height <= chain->height && found < size; height++)
	{
		const SymbolBlock *block = cs_sim_symbol_block(network, height);

		if (block == NULL)
		{
			/* Go on where the remembered ones begin. */
			if (chain->height - height > SYMBOL_BLOCKS_KEPT)
				height = chain->height - SYMBOL_BLOCKS_KEPT;
			continue;
		}
		if (found++ > 0)
			cs_sim_text_add(&text, ",", 1);
		add_block(block, &text);
	}
	end_page(request, response, &text);
}

/* A transaction as REST has it. */
static void
add_transaction(CsSimNetwork *network, const SymbolTransaction *transaction,
				CsSimText *text)
{
	const SymbolBlock *block = cs_sim_symbol_block(network,
												   transaction->height);
	char		hash[2 * SYMBOL_HASH_LENGTH];

	cs_hex_encode_upper(transaction->hash, SYMBOL_HASH_LENGTH, hash);
	cs_sim_text_printf(text, "{\"transaction\":{\"size\":176,%s",
					   transaction->fields);
	cs_sim_symbol_meta(transaction, false, transaction->height, text);
	cs_sim_text_printf(text, ",\"index\":0");
	if (block != NULL)
		cs_sim_text_printf(text, ",\"timestamp\":\"%llu\",\"feeMultiplier\":100",
						   (unsigned long long) block->timestamp);
	cs_sim_text_printf(text, "},\"id\":\"%.24s\"}", hash);
}

/* One transaction of a group, by its hash. */
static void
transaction_of(CsSimNetwork *network, SymbolPhase phase, const char *hash,
			   CsSimResponse *response)
{
	const SymbolTransaction *transaction = cs_sim_symbol_find(network, hash);
	CsSimText	text = {NULL, 0, 0};

	if (transaction == NULL || transaction->phase != phase)
	{
		respond_missing(response, hash);
		return;
	}
	add_transaction(network, transaction, &text);
	respond(response, 200, &text);
}

/* Does the transaction touch this account?  NULL: any. */
static bool
concerns(const SymbolTransaction *transaction, const uint8_t *address)
{
	for (size_t i = 0; address != NULL && i < transaction->touched_count; i++)
		if (memcmp(transaction->touched[i], address,
				   SYMBOL_ADDRESS_LENGTH) == 0)
			return true;
	return address == NULL ||
		(transaction->has_alias &&
		 memcmp(transaction->resolved, address, SYMBOL_ADDRESS_LENGTH) == 0);
}

/* The confirmed transactions between two heights, in order. */
static void
transactions(CsSimNetwork *network, const CsSimRequest *request,
			 CsSimResponse *response)
{
	const SymbolChain *chain = symbol_state(network)->chain;
	const char *given = cs_sim_request_argument(request, "address");
	uint64_t	from = number_argument(request, "fromHeight", 0);
	uint64_t	to = number_argument(request, "toHeight", UINT64_MAX);
	uint64_t	size = page_size(request);
	uint64_t	skip = (number_argument(request, "pageNumber", 1) - 1) * size;
	uint64_t	number = chain->made > SYMBOL_TRANSACTIONS_KEPT ?
		chain->made - SYMBOL_TRANSACTIONS_KEPT : 0;
	SymbolAddress address;
	CsSimText	text = {NULL, 0, 0};
	uint64_t	found = 0;
	char		bad;

	if (given != NULL &&
		!cs_sim_symbol_decode(given, strlen(given), address, &bad))
	{
		respond_error(response, 409, "InvalidArgument",
					  "address has an invalid format");
		return;
	}
	cs_sim_text_printf(&text, "{\"data\":[");
	for (; number < chain->made && found < skip + size; number++)
	{
		const SymbolTransaction *transaction =
			&chain->transactions[number % SYMBOL_TRANSACTIONS_KEPT];

		if (transaction->phase != SYMBOL_CONFIRMED ||
			transaction->height < from || transaction->height > to ||
			!concerns(transaction, given != NULL ? address : NULL) ||
			found++ < skip)
			continue;
		if (found > skip + 1)
			cs_sim_text_add(&text, ",", 1);
		add_transaction(network, transaction, &text);
	}
	end_page(request, response, &text);
}

static void
transaction_status(CsSimNetwork *network, const char *hash,
				   CsSimResponse *response)
{
	static const char *const groups[] = {"unconfirmed", "confirmed", "failed"};
	const SymbolTransaction *transaction = cs_sim_symbol_find(network, hash);
	char		digits[2 * SYMBOL_HASH_LENGTH];
	CsSimText	text = {NULL, 0, 0};

	if (transaction == NULL)
	{
		respond_missing(response, hash);
		return;
	}
	cs_hex_encode_upper(transaction->hash, SYMBOL_HASH_LENGTH, digits);
	cs_sim_text_printf(&text, "{\"group\":\"%s\",\"code\":\"%s\","
					   "\"hash\":\"%.*s\",\"deadline\":\"%llu\"",
					   groups[transaction->phase],
					   transaction->phase == SYMBOL_FAILED ?
					   transaction->failure : "Success",
					   (int) sizeof(digits), digits,
					   (unsigned long long) transaction->deadline);
	if (transaction->phase != SYMBOL_FAILED)
		cs_sim_text_printf(&text, ",\"height\":\"%llu\"",
						   (unsigned long long) transaction->height);
	cs_sim_text_add(&text, "}", 1);
	respond(response, 200, &text);
}

/* ---------- requests ---------- */

/* Is this one request too many? */
static bool
over_limit(CsSimNetwork *network)
{
	SymbolState *state = symbol_state(network);
	uint64_t	limit = cs_sim_setting(network, SYMBOL_REST_LIMIT);
	int64_t		second = cs_sim_now_ms(network) / 1000;
	uint64_t	elapsed = second > state->rest_second ?
		(uint64_t) (second - state->rest_second) : 0;

	if (limit == 0)
		return false;
	/* A bucket that runs out at the rate of the limit. */
	state->rest_second = second;
	state->rest_count -= state->rest_count < elapsed * limit ?
		state->rest_count : elapsed * limit;
	if (state->rest_count >= REST_BURST)
		return true;
	state->rest_count++;
	return false;
}

/* What follows *prefix* in the path, or NULL. */
static const char *
behind(const CsSimRequest *request, const char *prefix)
{
	size_t		length = strlen(prefix);

	return strncmp(request->path, prefix, length) == 0 ?
		request->path + length : NULL;
}

void
cs_sim_symbol_refuse(CsSimNetwork *network, const CsSimRequest *request,
					 CsSimResponse *response)
{
	char		rate[128];

	(void) request;
	snprintf(rate, sizeof(rate), "You have exceeded your request rate of "
			 "%llu r/s.", cs_sim_setting(network, SYMBOL_REST_LIMIT) > 0 ?
			 (unsigned long long) cs_sim_setting(network, SYMBOL_REST_LIMIT) :
			 5);
	if (response->status == 429)
		respond_error(response, 429, "TooManyRequests", rate);
	else if (response->status == 503)
		respond_error(response, 503, "ServiceUnavailable",
					  "service unavailable");
	else
		respond_error(response, response->status, "Internal",
					  "internal error");
}

void
cs_sim_symbol_respond(CsSimNetwork *network, const CsSimRequest *request,
					  CsSimResponse *response)
{
	const char *what;

	if (request->upgrade)
		return;					/* it succeeds, on any path */
	if (over_limit(network))
	{
		response->status = 429;
		cs_sim_symbol_refuse(network, request, response);
	}
	else if (strcmp(request->path, "/chain/info") == 0)
		chain_info(network, response);
	else if (strcmp(request->path, "/network/properties") == 0)
		network_properties(network, response);
	else if (strcmp(request->path, "/node/info") == 0)
		node_info(network, response);
	else if (strcmp(request->path, "/blocks") == 0)
		blocks(network, request, response);
	else if ((what = behind(request, "/blocks/")) != NULL)
		block_at(network, what, response);
	else if ((what = behind(request, "/transactionStatus/")) != NULL)
		transaction_status(network, what, response);
	else if (strcmp(request->path, "/transactions/confirmed") == 0)
		transactions(network, request, response);
	else if ((what = behind(request, "/transactions/confirmed/")) != NULL)
		transaction_of(network, SYMBOL_CONFIRMED, what, response);
	else if ((what = behind(request, "/transactions/unconfirmed/")) != NULL)
		transaction_of(network, SYMBOL_UNCONFIRMED, what, response);
	else if (strcmp(request->path, "/namespaces/account/names") == 0)
		cs_sim_respond_text(response, 200, "application/json",
							"{\"accountNames\":[]}");
	else
		respond_missing(response, request->path);
}
