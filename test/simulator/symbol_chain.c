/*-------------------------------------------------------------------------
 *
 * symbol_chain.c
 *	  The life of synthetic Symbol transactions.
 *
 * Each step of the traffic makes one transaction, announces it, and lets the
 * oldest unconfirmed one into a block once more than "lag" of them wait.  A
 * block takes "block-size" transactions and is announced before the first;
 * every few blocks, all but the last few are finalized.
 *
 * Transactions are confirmed in the order they are made, so the first
 * chain->confirmed of them are in blocks, or have failed.  A rollback sets
 * that number back.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* The first block is the one after this. */
#define HEIGHT_FIRST	UINT64_C(1900000)

/* Whenever the height divides by this, all but the last few are final. */
#define FINALIZE_EVERY	10
#define FINALIZE_BEHIND	4

/* An epoch has so many blocks; its points are finalizations. */
#define EPOCH_BLOCKS	1440

/* Blocks of this height say more. */
#define IMPORTANCE_EVERY	720

/* Of the first block, in milliseconds since 1970; one each 30 seconds. */
#define FIRST_TIME_MS	INT64_C(1750000000000)
#define BLOCK_TIME_MS	30000

#define ZEROES \
	"0000000000000000000000000000000000000000000000000000000000000000"

static SymbolChain *
chain_of(const CsSimNetwork *network)
{
	return symbol_state(network)->chain;
}

static SymbolTransaction *
transaction_at(SymbolChain *chain, uint64_t number)
{
	return &chain->transactions[number % SYMBOL_TRANSACTIONS_KEPT];
}

static void
hash_text(const uint8_t hash[SYMBOL_HASH_LENGTH], char *text)
{
	cs_hex_encode_upper(hash, SYMBOL_HASH_LENGTH, text);
	text[2 * SYMBOL_HASH_LENGTH] = '\0';
}

/* ---------- notifications ---------- */

/* Send what chain->text holds, to those whom the transaction concerns. */
static size_t
notify(CsSimNetwork *network, SymbolKind kind,
	   const SymbolTransaction *transaction)
{
	SymbolChain *chain = chain_of(network);
	SymbolAddress touched[SYMBOL_TOUCHED_MAX + 1];
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];
	SymbolNotice notice = {
		.kind = kind,
		.data = chain->text.data,
		.length = chain->text.length,
		.addresses = (const SymbolAddress *) touched,
		.address_count = transaction->touched_count,
		.hash = hash,
	};

	hash_text(transaction->hash, hash);
	memcpy(touched, transaction->touched, sizeof(transaction->touched));
	/* Only in a block it is known what an alias stands for. */
	if (kind == SYMBOL_CONFIRMED_ADDED && transaction->has_alias)
		memcpy(touched[notice.address_count++], transaction->resolved,
			   SYMBOL_ADDRESS_LENGTH);
	return cs_sim_symbol_notify(network, &notice);
}

/* Append the cosignature, without what it belongs to. */
static void
add_cosignature(const SymbolTransaction *transaction, CsSimText *text)
{
	char		hex[2 * SYMBOL_SIGNATURE_LENGTH];

	cs_hex_encode_upper(transaction->cosigner, SYMBOL_KEY_LENGTH, hex);
	cs_sim_text_printf(text, "{\"version\":\"0\",\"signerPublicKey\":\"%.*s\"",
					   2 * SYMBOL_KEY_LENGTH, hex);
	cs_hex_encode_upper(transaction->cosignature, SYMBOL_SIGNATURE_LENGTH,
						hex);
	cs_sim_text_printf(text, ",\"signature\":\"%.*s\"",
					   2 * SYMBOL_SIGNATURE_LENGTH, hex);
}

void
cs_sim_symbol_meta(const SymbolTransaction *transaction, bool partial,
				   uint64_t height, CsSimText *text)
{
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];
	char		merkle[2 * SYMBOL_HASH_LENGTH + 1];
	uint8_t		both[SYMBOL_HASH_LENGTH + SYMBOL_KEY_LENGTH];
	uint8_t		component[SYMBOL_HASH_LENGTH];

	hash_text(transaction->hash, hash);
	memcpy(component, transaction->hash, sizeof(component));
	if (transaction->type == SYMBOL_AGGREGATE_BONDED && !partial)
	{
		memcpy(both, transaction->hash, SYMBOL_HASH_LENGTH);
		memcpy(both + SYMBOL_HASH_LENGTH, transaction->cosigner,
			   SYMBOL_KEY_LENGTH);
		cs_sim_symbol_hash(both, sizeof(both), component);
		cs_sim_text_printf(text, ",\"cosignatures\":[");
		add_cosignature(transaction, text);
		cs_sim_text_printf(text, "}]");
	}
	hash_text(component, merkle);
	cs_sim_text_printf(text, "},\"meta\":{\"hash\":\"%s\","
					   "\"merkleComponentHash\":\"%s\",\"height\":\"%llu\"",
					   hash, partial ? ZEROES : merkle,
					   (unsigned long long) height);
}

/* One of the ...Added notifications. */
static size_t
notify_added(CsSimNetwork *network, SymbolKind kind,
			 const SymbolTransaction *transaction)
{
	CsSimText  *text = &chain_of(network)->text;
	bool		partial = kind == SYMBOL_PARTIAL_ADDED;

	text->length = 0;
	cs_sim_text_printf(text, "{\"transaction\":{%s", transaction->fields);
	if (partial && cs_sim_switch(network, SYMBOL_REST25))
		cs_sim_text_printf(text, ",\"cosignatures\":[]");
	cs_sim_symbol_meta(transaction, partial,
					   kind == SYMBOL_CONFIRMED_ADDED ? transaction->height : 0,
					   text);
	cs_sim_text_printf(text, "}}");
	return notify(network, kind, transaction);
}

/* One of the ...Removed notifications. */
static size_t
notify_removed(CsSimNetwork *network, SymbolKind kind,
			   const SymbolTransaction *transaction)
{
	CsSimText  *text = &chain_of(network)->text;
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];

	hash_text(transaction->hash, hash);
	text->length = 0;
	cs_sim_text_printf(text, "{\"meta\":{\"hash\":\"%s\"}}", hash);
	return notify(network, kind, transaction);
}

static size_t
notify_cosignature(CsSimNetwork *network, const SymbolTransaction *transaction)
{
	CsSimText  *text = &chain_of(network)->text;
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];

	hash_text(transaction->hash, hash);
	text->length = 0;
	add_cosignature(transaction, text);
	cs_sim_text_printf(text, ",\"parentHash\":\"%s\"}", hash);
	return notify(network, SYMBOL_COSIGNATURE, transaction);
}

static size_t
notify_status(CsSimNetwork *network, const SymbolTransaction *transaction)
{
	CsSimText  *text = &chain_of(network)->text;
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];

	hash_text(transaction->hash, hash);
	text->length = 0;
	cs_sim_text_printf(text, "{\"hash\":\"%s\",\"code\":\"%s\","
					   "\"deadline\":\"%llu\"}", hash, transaction->failure,
					   (unsigned long long) transaction->deadline);
	return notify(network, SYMBOL_STATUS, transaction);
}

/* ---------- blocks ---------- */

/* Append ,"name":"HEX" with so many random bytes, and put them. */
static void
add_random(SymbolChain *chain, const char *name, size_t length,
		   SymbolBytes *bytes, CsSimText *text)
{
	uint8_t		data[SYMBOL_SIGNATURE_LENGTH];
	char		hex[2 * SYMBOL_SIGNATURE_LENGTH];

	cs_sim_chance_bytes(&chain->chance, data, length);
	cs_sim_symbol_put(bytes, data, length);
	cs_hex_encode_upper(data, length, hex);
	cs_sim_text_printf(text, ",\"%s\":\"%.*s\"", name, (int) (2 * length), hex);
}

/* Append ,"name":"HEX" with these bytes, and put them. */
static void
add_bytes(const char *name, const uint8_t *data, size_t length,
		  SymbolBytes *bytes, CsSimText *text)
{
	char		hex[2 * SYMBOL_SIGNATURE_LENGTH];

	cs_sim_symbol_put(bytes, data, length);
	cs_hex_encode_upper(data, length, hex);
	cs_sim_text_printf(text, ",\"%s\":\"%.*s\"", name, (int) (2 * length), hex);
}

/* The fields of importance blocks. */
static void
add_importance(SymbolChain *chain, SymbolBytes *bytes, CsSimText *text)
{
	cs_sim_text_printf(text, ",\"votingEligibleAccountsCount\":10,"
					   "\"harvestingEligibleAccountsCount\":\"1000\","
					   "\"totalVotingBalance\":\"7000000000000000\"");
	cs_sim_symbol_put_number(bytes, 10, 4);
	cs_sim_symbol_put_number(bytes, 1000, 8);
	cs_sim_symbol_put_number(bytes, UINT64_C(7000000000000000), 8);
	add_random(chain, "previousImportanceBlockHash", 32, bytes, text);
}

/* Everything of a block's header behind the difficulty. */
static void
add_header(CsSimNetwork *network, SymbolChain *chain, SymbolBlock *block,
		   bool importance, SymbolBytes *bytes, CsSimText *text)
{
	const SymbolBlock *previous = cs_sim_symbol_block(network,
													  block->height - 1);
	CsSimText	proof = {NULL, 0, 0};
	SymbolAddress beneficiary;
	static const uint8_t none[SYMBOL_HASH_LENGTH];
	bool		first = !cs_sim_switch(network, SYMBOL_REST25);

	/* In the bytes it is always here; in the text of 2.5.0 it comes last. */
	add_random(chain, "proofGamma", 32, bytes, &proof);
	add_random(chain, "proofVerificationHash", 16, bytes, &proof);
	add_random(chain, "proofScalar", 32, bytes, &proof);
	if (first)
		cs_sim_text_add(text, proof.data, proof.length);
	add_bytes("previousBlockHash", previous != NULL ? previous->hash : none,
			  SYMBOL_HASH_LENGTH, bytes, text);
	add_random(chain, "transactionsHash", 32, bytes, text);
	add_random(chain, "receiptsHash", 32, bytes, text);
	add_random(chain, "stateHash", 32, bytes, text);
	(void) cs_sim_symbol_harvester(network, block->height + 1, beneficiary);
	add_bytes("beneficiaryAddress", beneficiary, SYMBOL_ADDRESS_LENGTH, bytes,
			  text);
	cs_sim_text_printf(text, ",\"feeMultiplier\":100");
	cs_sim_symbol_put_number(bytes, 100, 4);
	if (importance)
		add_importance(chain, bytes, text);
	if (!first)
		cs_sim_text_add(text, proof.data, proof.length);
	free(proof.data);
}

/* Fill in a block whose height and timestamp are given. */
static void
make_block(CsSimNetwork *network, SymbolBlock *block)
{
	SymbolChain *chain = chain_of(network);
	bool		importance = block->height % IMPORTANCE_EVERY == 0;
	int			type = importance ? 33347 : 33091;
	uint64_t	difficulty = UINT64_C(10000000000000);
	SymbolBytes bytes = {.length = 0};
	CsSimText	text = {NULL, 0, 0};
	SymbolAddress address;

	add_random(chain, "signature", SYMBOL_SIGNATURE_LENGTH, &bytes, &text);
	add_bytes("signerPublicKey",
			  cs_sim_symbol_harvester(network, block->height, address),
			  SYMBOL_KEY_LENGTH, &bytes, &text);
	cs_sim_text_printf(&text, ",\"version\":1,\"network\":%d,\"type\":%d,"
					   "\"height\":\"%llu\",\"timestamp\":\"%llu\","
					   "\"difficulty\":\"%llu\"",
					   symbol_network_byte(network), type,
					   (unsigned long long) block->height,
					   (unsigned long long) block->timestamp,
					   (unsigned long long) difficulty);
	cs_sim_symbol_put_number(&bytes, 1, 1);
	cs_sim_symbol_put_number(&bytes, symbol_network_byte(network), 1);
	cs_sim_symbol_put_number(&bytes, (uint64_t) type, 2);
	cs_sim_symbol_put_number(&bytes, block->height, 8);
	cs_sim_symbol_put_number(&bytes, block->timestamp, 8);
	cs_sim_symbol_put_number(&bytes, difficulty, 8);
	add_header(network, chain, block, importance, &bytes, &text);
	cs_sim_symbol_hash(bytes.data, bytes.length, block->hash);
	cs_sim_chance_bytes(&chain->chance, block->generation,
						SYMBOL_HASH_LENGTH);
	free(block->fields);
	block->fields = cs_sim_copy(text.data + 1);
	free(text.data);
}

/* Put one more block on the chain and announce it. */
static size_t
add_block(CsSimNetwork *network)
{
	SymbolChain *chain = chain_of(network);
	uint64_t	height = ++chain->height;
	SymbolBlock *block = &chain->blocks[height % SYMBOL_BLOCKS_KEPT];
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];
	char		generation[2 * SYMBOL_HASH_LENGTH + 1];
	SymbolNotice notice = {.kind = SYMBOL_BLOCK,.hash = hash};

	chain->in_block = 0;
	block->height = height;
	block->transactions = 0;
	block->timestamp =
		cs_sim_symbol_time(network,
						   cs_sim_stamp_ms(network, FIRST_TIME_MS +
										   (int64_t) (height - HEIGHT_FIRST) *
										   BLOCK_TIME_MS));
	make_block(network, block);
	hash_text(block->hash, hash);
	hash_text(block->generation, generation);
	chain->text.length = 0;
	cs_sim_text_printf(&chain->text, "{\"block\":{%s},\"meta\":{\"hash\":\"%s\","
					   "\"generationHash\":\"%s\"}}", block->fields, hash,
					   generation);
	notice.data = chain->text.data;
	notice.length = chain->text.length;
	return cs_sim_symbol_notify(network, &notice);
}

/* Finalize everything up to a height, and say so. */
static size_t
finalize(CsSimNetwork *network, uint64_t height)
{
	SymbolChain *chain = chain_of(network);
	const SymbolBlock *block = cs_sim_symbol_block(network, height);
	char		hash[2 * SYMBOL_HASH_LENGTH + 1];
	SymbolNotice notice = {.kind = SYMBOL_FINALIZED_BLOCK,.hash = hash};

	if (block == NULL || height <= chain->finalized)
		return 0;
	chain->finalized = height;
	chain->point++;
	if (chain->epoch != height / EPOCH_BLOCKS + 1)
	{
		chain->epoch = (uint32_t) (height / EPOCH_BLOCKS + 1);
		chain->point = 1;
	}
	hash_text(block->hash, hash);
	chain->text.length = 0;
	cs_sim_text_printf(&chain->text, "{\"finalizationEpoch\":%u,"
					   "\"finalizationPoint\":%u,\"height\":\"%llu\","
					   "\"hash\":\"%s\"}", chain->epoch, chain->point,
					   (unsigned long long) height, hash);
	notice.data = chain->text.data;
	notice.length = chain->text.length;
	return cs_sim_symbol_notify(network, &notice);
}

/* ---------- the life of transactions ---------- */

/* Let a new transaction be seen. */
static size_t
announce(CsSimNetwork *network, SymbolTransaction *transaction)
{
	size_t		sent = 0;

	if (transaction->type == SYMBOL_AGGREGATE_BONDED)
	{
		sent += notify_added(network, SYMBOL_PARTIAL_ADDED, transaction);
		if (transaction->failure == NULL)
			sent += notify_cosignature(network, transaction);
		sent += notify_removed(network, SYMBOL_PARTIAL_REMOVED, transaction);
	}
	if (transaction->failure == NULL)
		return sent + notify_added(network, SYMBOL_UNCONFIRMED_ADDED,
								   transaction);
	transaction->phase = SYMBOL_FAILED;
	return sent + notify_status(network, transaction);
}

/* Let the oldest unconfirmed transaction into the last block. */
static size_t
confirm(CsSimNetwork *network)
{
	SymbolChain *chain = chain_of(network);
	SymbolTransaction *transaction = transaction_at(chain, chain->confirmed++);
	size_t		sent;

	if (transaction->phase != SYMBOL_UNCONFIRMED)
		return 0;
	transaction->phase = SYMBOL_CONFIRMED;
	transaction->height = chain->height;
	chain->in_block++;
	chain->blocks[chain->height % SYMBOL_BLOCKS_KEPT].transactions++;
	sent = notify_added(network, SYMBOL_CONFIRMED_ADDED, transaction);
	return sent + notify_removed(network, SYMBOL_UNCONFIRMED_REMOVED,
								 transaction);
}

/* The next block, and what is final with it. */
static size_t
next_block(CsSimNetwork *network)
{
	SymbolChain *chain = chain_of(network);
	size_t		sent = add_block(network);

	if (chain->height % FINALIZE_EVERY == 0)
		sent += finalize(network, chain->height - FINALIZE_BEHIND);
	return sent;
}

size_t
cs_sim_symbol_generate(CsSimNetwork *network)
{
	SymbolChain *chain = chain_of(network);
	SymbolTransaction *transaction = transaction_at(chain, chain->made);
	size_t		sent;

	free(transaction->fields);
	memset(transaction, 0, sizeof(*transaction));
	cs_sim_symbol_transaction(network, chain->made++, transaction);
	sent = announce(network, transaction);
	while (chain->made - chain->confirmed > network->settings[SYMBOL_LAG])
	{
		if (chain->in_block >= network->settings[SYMBOL_BLOCK_SIZE])
			sent += next_block(network);
		sent += confirm(network);
	}
	return sent;
}

void
cs_sim_symbol_example(CsSimClient *client, CsSimText *text)
{
	CsSimNetwork *network = client->network;
	SymbolChain *chain = chain_of(network);

	if (chain->made == 0)
		(void) cs_sim_symbol_generate(network);
	cs_sim_text_printf(text, "{\"topic\":\"unconfirmedAdded\",\"data\":"
					   "{\"transaction\":{%s",
					   transaction_at(chain, chain->made - 1)->fields);
	cs_sim_symbol_meta(transaction_at(chain, chain->made - 1), false, 0, text);
	cs_sim_text_printf(text, "}}}");
}

const SymbolBlock *
cs_sim_symbol_block(const CsSimNetwork *network, uint64_t height)
{
	const SymbolChain *chain = chain_of(network);
	const SymbolBlock *block = &chain->blocks[height % SYMBOL_BLOCKS_KEPT];

	return block->fields != NULL && block->height == height &&
		height <= chain->height ? block : NULL;
}

const SymbolTransaction *
cs_sim_symbol_find(const CsSimNetwork *network, const char *hash)
{
	const SymbolChain *chain = chain_of(network);
	uint8_t		wanted[SYMBOL_HASH_LENGTH];

	if (strlen(hash) != 2 * sizeof(wanted) ||
		!cs_hex_decode(hash, 2 * sizeof(wanted), wanted))
		return NULL;
	for (size_t i = 0; i < SYMBOL_TRANSACTIONS_KEPT; i++)
		if (chain->transactions[i].fields != NULL &&
			memcmp(chain->transactions[i].hash, wanted, sizeof(wanted)) == 0)
			return &chain->transactions[i];
	return NULL;
}

void
cs_sim_symbol_chain_start(CsSimNetwork *network)
{
	SymbolChain *chain = cs_sim_alloc(sizeof(*chain));

	symbol_state(network)->chain = chain;
	chain->chance = cs_sim_mix(network->pool.seed + 2);
	chain->height = HEIGHT_FIRST - 1;
	(void) add_block(network);
	chain->in_block = UINT64_MAX;	/* the first transaction opens another */
	(void) finalize(network, chain->height);
}

void
cs_sim_symbol_chain_stop(CsSimNetwork *network)
{
	SymbolChain *chain = chain_of(network);

	for (size_t i = 0; i < SYMBOL_BLOCKS_KEPT; i++)
		free(chain->blocks[i].fields);
	for (size_t i = 0; i < SYMBOL_TRANSACTIONS_KEPT; i++)
		free(chain->transactions[i].fields);
	free(chain->text.data);
	free(chain);
}

/* ---------- commands ---------- */

/* Confirm everything that waits, in one new block. */
static bool
run_block(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	SymbolChain *chain = chain_of(network);

	(void) arguments;
	(void) next_block(network);
	while (chain->confirmed < chain->made)
		(void) confirm(network);
	cs_sim_text_printf(answer, "%llu", (unsigned long long) chain->height);
	return true;
}

/* Finalize up to the tip. */
static bool
run_finalize(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	SymbolChain *chain = chain_of(network);

	(void) arguments;
	(void) finalize(network, chain->height);
	cs_sim_text_printf(answer, "%llu", (unsigned long long) chain->finalized);
	return true;
}

/*
 * Replace the last blocks by others.  Of the dropped ones nothing is said,
 * as no gateway says it; their transactions are unconfirmed again and come
 * in the first of the new blocks.
 */
static bool
run_rollback(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	SymbolChain *chain = chain_of(network);
	uint64_t	count;
	uint64_t	oldest = chain->made > SYMBOL_TRANSACTIONS_KEPT ?
		chain->made - SYMBOL_TRANSACTIONS_KEPT : 0;

	if (!cs_sim_parse_number(cs_sim_word(&arguments),
							 chain->height - chain->finalized, &count) ||
		count == 0)
		return false;
	chain->height -= count;
	while (chain->confirmed > oldest)
	{
		SymbolTransaction *transaction =
			transaction_at(chain, chain->confirmed - 1);

		if (transaction->phase != SYMBOL_FAILED &&
			transaction->height <= chain->height)
			break;
		chain->confirmed--;
		if (transaction->phase == SYMBOL_FAILED)
			continue;
		transaction->phase = SYMBOL_UNCONFIRMED;
		transaction->height = 0;
	}
	for (uint64_t i = chain->confirmed; i < chain->made; i++)
		if (transaction_at(chain, i)->phase == SYMBOL_UNCONFIRMED)
			(void) notify_added(network, SYMBOL_UNCONFIRMED_ADDED,
								transaction_at(chain, i));
	(void) add_block(network);
	while (chain->made - chain->confirmed > network->settings[SYMBOL_LAG])
		(void) confirm(network);
	while (--count > 0)
		(void) add_block(network);
	cs_sim_text_printf(answer, "%llu", (unsigned long long) chain->height);
	return true;
}

/* The gateway's connection to the node fails for one kind of channel. */
static bool
run_channel_fails(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *name = cs_sim_word(&arguments);
	SymbolKind	kind = cs_sim_symbol_kind(name, strlen(name));

	if (kind == SYMBOL_KINDS)
		return false;
	cs_sim_text_printf(answer, "%zu",
					   cs_sim_symbol_channel_failed(network, kind));
	return true;
}

const CsSimCommand cs_sim_symbol_commands[] = {
	{"block", "", run_block},
	{"finalize", "", run_finalize},
	{"rollback", "COUNT", run_rollback},
	{"channel-fails", "NAME", run_channel_fails},
	{NULL, NULL, NULL}
};
