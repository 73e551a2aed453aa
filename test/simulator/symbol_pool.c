/*-------------------------------------------------------------------------
 *
 * symbol_pool.c
 *	  Synthetic Symbol transactions between synthetic accounts.
 *
 * Most are transfers of the network's currency.  Every so often one is an
 * aggregate bonded of two transfers, one goes to a namespace alias, and one
 * is rejected.  Addresses, hashes and hashes of embedded transactions are
 * true; signatures are random, and with --timestamps begin with the moment
 * the transaction was made, in nanoseconds.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/hex.h"

/* Every so many-th transaction is special. */
#define AGGREGATE_EVERY	20
#define ALIAS_EVERY		37
#define FAILURE_EVERY	50

/* And every so many-th aggregate. */
#define EXPIRY_EVERY	5

#define HARVESTERS		5

/* The time of the first transaction without --timestamps. */
#define FIRST_TIME_MS	INT64_C(1750000000000)

/* Two hours: how long transactions are valid. */
#define DEADLINE_MS		7200000

/* The namespace that stands for the first account of the pool. */
#define NAMESPACE_ID	UINT64_C(0xC0FB8AA409916260)

typedef struct Account
{
	uint8_t		key[SYMBOL_KEY_LENGTH];
	SymbolAddress address;
} Account;

typedef struct SymbolPool
{
	Account    *accounts;
	uint64_t	count;
	SymbolAddress *hits;
	uint64_t	hit_next;
	uint64_t	transfers;
	Account		harvesters[HARVESTERS];
	uint64_t	chance;
} SymbolPool;

/* ---------- the network ---------- */

const char *
cs_sim_symbol_seed(const CsSimNetwork *network)
{
	return cs_sim_switch(network, SYMBOL_MAINNET) ?
		"57F7DA205008026C776CB6AED843393F04CD458E0AA2D9F1D5F31A402072B2D6" :
		"49D6E1CE276A85B70EAFE52349AACCA389302E7A9754BCF1221E79494FC665A4";
}

const char *
cs_sim_symbol_currency(const CsSimNetwork *network)
{
	return cs_sim_switch(network, SYMBOL_MAINNET) ? "6BED913FA20223F8" :
		"72C0212E67A08BCE";
}

uint64_t
cs_sim_symbol_time(const CsSimNetwork *network, int64_t unix_ms)
{
	int64_t		epoch = cs_sim_switch(network, SYMBOL_MAINNET) ?
		INT64_C(1615853185000) : INT64_C(1667250467000);

	return unix_ms > epoch ? (uint64_t) (unix_ms - epoch) : 0;
}

/* ---------- accounts ---------- */

/* The account of this kind and number, by the seed. */
static void
account_derive(const CsSimNetwork *network, Account *account, char kind,
			   uint64_t index)
{
	uint64_t	origin[3] = {network->pool.seed, (uint64_t) kind, index};

	cs_sim_symbol_hash(origin, sizeof(origin), account->key);
	cs_sim_symbol_address(symbol_network_byte(network), account->key,
						  account->address);
}

void
cs_sim_symbol_pool_start(CsSimNetwork *network)
{
	const CsSimPool *wanted = &network->pool;
	SymbolPool *pool = cs_sim_alloc(sizeof(*pool));
	char		bad;

	symbol_state(network)->pool = pool;
	pool->chance = cs_sim_mix(wanted->seed + 1);
	pool->count = wanted->accounts;
	pool->accounts = cs_sim_alloc(pool->count * sizeof(*pool->accounts));
	for (uint64_t i = 0; i < pool->count; i++)
		account_derive(network, &pool->accounts[i], 'a', i);
	for (uint64_t i = 0; i < HARVESTERS; i++)
		account_derive(network, &pool->harvesters[i], 'h', i);
	pool->hits = cs_sim_alloc(wanted->hit_count * sizeof(*pool->hits));
	for (size_t i = 0; i < wanted->hit_count; i++)
		if (!cs_sim_symbol_decode(wanted->hits[i], strlen(wanted->hits[i]),
								  pool->hits[i], &bad) ||
			!cs_sim_symbol_valid(symbol_network_byte(network), pool->hits[i]))
			cs_sim_fatal("not an account: %s", wanted->hits[i]);
}

void
cs_sim_symbol_pool_stop(CsSimNetwork *network)
{
	SymbolPool *pool = symbol_state(network)->pool;

	free(pool->accounts);
	free(pool->hits);
	free(pool);
}

void
cs_sim_symbol_accounts(CsSimNetwork *network, uint64_t from, uint64_t count,
					   FILE *file)
{
	const SymbolPool *pool = symbol_state(network)->pool;
	char		text[CS_SYMBOL_TEXT_LENGTH + 1];

	for (uint64_t i = from; i < pool->count && count > 0; i++, count--)
	{
		cs_symbol_address_encode(pool->accounts[i].address, text);
		fprintf(file, "%s\n", text);
	}
}

const uint8_t *
cs_sim_symbol_harvester(const CsSimNetwork *network, uint64_t number,
						SymbolAddress address)
{
	const Account *account =
		&symbol_state(network)->pool->harvesters[number % HARVESTERS];

	memcpy(address, account->address, SYMBOL_ADDRESS_LENGTH);
	return account->key;
}

static const Account *
choose_account(SymbolPool *pool)
{
	return &pool->accounts[cs_sim_chance_below(&pool->chance, pool->count)];
}

/* Where the next transfer goes to. */
static void
choose_recipient(const CsSimNetwork *network, SymbolPool *pool,
				 SymbolAddress address)
{
	const CsSimPool *wanted = &network->pool;
	const uint8_t *chosen;

	if (wanted->hit_count > 0 && pool->transfers++ % wanted->hit_every == 0)
		chosen = pool->hits[pool->hit_next++ % wanted->hit_count];
	else
		chosen = choose_account(pool)->address;
	memcpy(address, chosen, SYMBOL_ADDRESS_LENGTH);
}

/* ---------- transactions ---------- */

static void
touch(SymbolTransaction *transaction, const SymbolAddress address)
{
	for (size_t i = 0; i < transaction->touched_count; i++)
		if (memcmp(transaction->touched[i], address,
				   SYMBOL_ADDRESS_LENGTH) == 0)
			return;
	if (transaction->touched_count < SYMBOL_TOUCHED_MAX)
		memcpy(transaction->touched[transaction->touched_count++], address,
			   SYMBOL_ADDRESS_LENGTH);
}

/* Append "name":"HEX". */
static void
add_hex(CsSimText *text, const char *name, const uint8_t *data, size_t length)
{
	char		hex[2 * SYMBOL_SIGNATURE_LENGTH + 1];

	cs_hex_encode_upper(data, length, hex);
	cs_sim_text_printf(text, "\"%s\":\"%.*s\"", name, (int) (2 * length), hex);
}

/* What a transfer consists of. */
typedef struct Transfer
{
	SymbolAddress recipient;
	uint64_t	amount;
	char		message[33];	/* plain text; may be empty */
} Transfer;

static void
make_transfer(const CsSimNetwork *network, SymbolPool *pool,
			  Transfer *transfer)
{
	uint64_t	number;

	choose_recipient(network, pool, transfer->recipient);
	transfer->amount = 1 + cs_sim_chance_below(&pool->chance, 1000000000);
	number = cs_sim_chance(&pool->chance);
	transfer->message[0] = '\0';
	if (number % 3 != 0)
		snprintf(transfer->message, sizeof(transfer->message), "%u \"<&>/\" %c%c",
				 (unsigned) (number >> 40), 0xC3, 0xBC);
}

/* Append a transfer's own fields as text. */
static void
transfer_text(const CsSimNetwork *network, const Transfer *transfer,
			  CsSimText *text)
{
	size_t		length = strlen(transfer->message);
	char		hex[2 * sizeof(transfer->message) + 1];

	add_hex(text, "recipientAddress", transfer->recipient,
			SYMBOL_ADDRESS_LENGTH);
	cs_sim_text_printf(text, ",\"mosaics\":[{\"id\":\"%s\",\"amount\":\"%llu\"}]",
					   cs_sim_symbol_currency(network),
					   (unsigned long long) transfer->amount);
	cs_hex_encode_upper((const uint8_t *) transfer->message, length, hex);
	hex[2 * length] = '\0';
	if (length > 0)
		cs_sim_text_printf(text, ",\"message\":\"00%s\"", hex);
	else if (cs_sim_switch(network, SYMBOL_REST25))
		cs_sim_text_printf(text, ",\"message\":\"\"");
}

/* Append them as bytes; they come behind the common header. */
static void
transfer_bytes(const CsSimNetwork *network, const Transfer *transfer,
			   SymbolBytes *bytes)
{
	size_t		length = strlen(transfer->message);

	cs_sim_symbol_put(bytes, transfer->recipient, SYMBOL_ADDRESS_LENGTH);
	cs_sim_symbol_put_number(bytes, length > 0 ? length + 1 : 0, 2);
	cs_sim_symbol_put_number(bytes, 1, 1);	/* mosaics */
	cs_sim_symbol_put_number(bytes, 0, 5);	/* reserved */
	cs_sim_symbol_put_number(bytes,
							 strtoull(cs_sim_symbol_currency(network), NULL, 16),
							 8);
	cs_sim_symbol_put_number(bytes, transfer->amount, 8);
	if (length > 0)
	{
		cs_sim_symbol_put_number(bytes, 0, 1);	/* plain text */
		cs_sim_symbol_put(bytes, transfer->message, length);
	}
}

/* Of a transfer with a message of so many bytes. */
#define TRANSFER_SIZE(length)	(176 + ((length) > 0 ? (length) + 1 : 0))

/* Begin what is hashed: everything up to the transaction's own fields. */
static void
begin_bytes(const CsSimNetwork *network, const SymbolTransaction *transaction,
			const uint8_t *signature, const uint8_t *key, int version,
			uint64_t fee, SymbolBytes *bytes)
{
	uint8_t		seed[SYMBOL_HASH_LENGTH];

	(void) cs_hex_decode(cs_sim_symbol_seed(network), 2 * sizeof(seed), seed);
	bytes->length = 0;
	cs_sim_symbol_put(bytes, signature, SYMBOL_SIGNATURE_LENGTH);
	cs_sim_symbol_put(bytes, key, SYMBOL_KEY_LENGTH);
	cs_sim_symbol_put(bytes, seed, sizeof(seed));
	cs_sim_symbol_put_number(bytes, (uint64_t) version, 1);
	cs_sim_symbol_put_number(bytes, symbol_network_byte(network), 1);
	cs_sim_symbol_put_number(bytes, (uint64_t) transaction->type, 2);
	cs_sim_symbol_put_number(bytes, fee, 8);
	cs_sim_symbol_put_number(bytes, transaction->deadline, 8);
}

/* Begin the text, up to the same place. */
static void
begin_text(const CsSimNetwork *network, const SymbolTransaction *transaction,
		   const uint8_t *signature, const uint8_t *key, int version,
		   uint64_t fee, CsSimText *text)
{
	add_hex(text, "signature", signature, SYMBOL_SIGNATURE_LENGTH);
	cs_sim_text_add(text, ",", 1);
	add_hex(text, "signerPublicKey", key, SYMBOL_KEY_LENGTH);
	cs_sim_text_printf(text, ",\"version\":%d,\"network\":%d,\"type\":%d,",
					   version, symbol_network_byte(network),
					   transaction->type);
	if (!cs_sim_switch(network, SYMBOL_REST25))
		cs_sim_text_printf(text, "\"maxFee\":\"%llu\",",
						   (unsigned long long) fee);
	cs_sim_text_printf(text, "\"deadline\":\"%llu\",",
					   (unsigned long long) transaction->deadline);
}

/* A random signature that says when, if it shall. */
static void
make_signature(const CsSimNetwork *network, SymbolPool *pool,
			   uint8_t signature[SYMBOL_SIGNATURE_LENGTH])
{
	struct timespec now;
	uint64_t	number;

	cs_sim_chance_bytes(&pool->chance, signature, SYMBOL_SIGNATURE_LENGTH);
	if (!network->traffic.timestamps)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	number = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
	for (int i = 0; i < 8; i++)
		signature[i] = (uint8_t) (number >> 8 * (7 - i));
}

/* A transfer on its own. */
static void
finish_transfer(CsSimNetwork *network, SymbolPool *pool, bool alias,
				SymbolTransaction *transaction)
{
	const Account *signer = choose_account(pool);
	uint8_t		signature[SYMBOL_SIGNATURE_LENGTH];
	Transfer	transfer;
	SymbolBytes bytes;
	CsSimText	text = {NULL, 0, 0};
	uint64_t	fee;

	make_transfer(network, pool, &transfer);
	if (alias)
	{
		memcpy(transaction->resolved, pool->accounts[0].address,
			   SYMBOL_ADDRESS_LENGTH);
		cs_sim_symbol_alias(symbol_network_byte(network), NAMESPACE_ID,
							transfer.recipient);
		transaction->has_alias = true;
	}
	make_signature(network, pool, signature);
	fee = 100 * TRANSFER_SIZE(strlen(transfer.message));
	begin_bytes(network, transaction, signature, signer->key, 1, fee, &bytes);
	transfer_bytes(network, &transfer, &bytes);
	cs_sim_symbol_hash(bytes.data, bytes.length, transaction->hash);
	begin_text(network, transaction, signature, signer->key, 1, fee, &text);
	transfer_text(network, &transfer, &text);
	transaction->fields = text.data;
	touch(transaction, signer->address);
	touch(transaction, transfer.recipient);
}

/* The hash of an embedded transfer. */
static void
embedded_hash(const CsSimNetwork *network, const Account *signer,
			  const Transfer *transfer, uint8_t hash[SYMBOL_HASH_LENGTH])
{
	SymbolBytes bytes = {.length = 0};

	cs_sim_symbol_put_number(&bytes, 0, 4); /* the size; see below */
	cs_sim_symbol_put_number(&bytes, 0, 4);
	cs_sim_symbol_put(&bytes, signer->key, SYMBOL_KEY_LENGTH);
	cs_sim_symbol_put_number(&bytes, 0, 4);
	cs_sim_symbol_put_number(&bytes, 1, 1);
	cs_sim_symbol_put_number(&bytes, symbol_network_byte(network), 1);
	cs_sim_symbol_put_number(&bytes, SYMBOL_TRANSFER, 2);
	transfer_bytes(network, transfer, &bytes);
	bytes.data[0] = (uint8_t) bytes.length;
	bytes.data[1] = (uint8_t) (bytes.length >> 8);
	cs_sim_symbol_hash(bytes.data, bytes.length, hash);
}

/* An aggregate of two transfers, one there and one back. */
static void
finish_aggregate(CsSimNetwork *network, SymbolPool *pool,
				 SymbolTransaction *transaction)
{
	const Account *signers[2];
	uint8_t		signature[SYMBOL_SIGNATURE_LENGTH];
	uint8_t		hashes[3][SYMBOL_HASH_LENGTH];
	Transfer	transfers[2];
	SymbolBytes bytes;
	CsSimText	text = {NULL, 0, 0};
	uint64_t	fee = 46400;

	make_signature(network, pool, signature);
	signers[0] = choose_account(pool);
	do
		signers[1] = choose_account(pool);
	while (signers[1] == signers[0] && pool->count > 1);
	for (int i = 0; i < 2; i++)
	{
		make_transfer(network, pool, &transfers[i]);
		embedded_hash(network, signers[i], &transfers[i], hashes[i]);
		touch(transaction, signers[i]->address);
		touch(transaction, transfers[i].recipient);
	}
	/* The root of a Merkle tree with two leaves. */
	cs_sim_symbol_hash(hashes, 2 * SYMBOL_HASH_LENGTH, hashes[2]);
	begin_bytes(network, transaction, signature, signers[0]->key, 2, fee,
				&bytes);
	cs_sim_symbol_put(&bytes, hashes[2], SYMBOL_HASH_LENGTH);
	cs_sim_symbol_hash(bytes.data, bytes.length, transaction->hash);
	begin_text(network, transaction, signature, signers[0]->key, 2, fee,
			   &text);
	add_hex(&text, "transactionsHash", hashes[2], SYMBOL_HASH_LENGTH);
	for (int i = 0; i < 2; i++)
	{
		cs_sim_text_printf(&text, "%s{\"transaction\":{", i == 0 ?
						   ",\"transactions\":[" : ",");
		add_hex(&text, "signerPublicKey", signers[i]->key, SYMBOL_KEY_LENGTH);
		cs_sim_text_printf(&text,
						   ",\"version\":1,\"network\":%d,\"type\":%d,",
						   symbol_network_byte(network), SYMBOL_TRANSFER);
		transfer_text(network, &transfers[i], &text);
		cs_sim_text_add(&text, "}}", 2);
	}
	cs_sim_text_add(&text, "]", 1);
	transaction->fields = text.data;
	memcpy(transaction->cosigner, signers[1]->key, SYMBOL_KEY_LENGTH);
	cs_sim_chance_bytes(&pool->chance, transaction->cosignature,
						SYMBOL_SIGNATURE_LENGTH);
}

void
cs_sim_symbol_transaction(CsSimNetwork *network, uint64_t number,
						  SymbolTransaction *transaction)
{
	static const char *const failures[] = {
		"Failure_Core_Insufficient_Balance", "Failure_Core_Past_Deadline",
		"unknown status 0x80FF1234"
	};
	SymbolPool *pool = symbol_state(network)->pool;

	transaction->deadline =
		cs_sim_symbol_time(network, cs_sim_stamp_ms(network, FIRST_TIME_MS +
													(int64_t) number) +
						   DEADLINE_MS);
	if (number % FAILURE_EVERY == FAILURE_EVERY - 1)
		transaction->failure = failures[number / FAILURE_EVERY % 3];
	transaction->type = number % AGGREGATE_EVERY == AGGREGATE_EVERY / 2 ?
		SYMBOL_AGGREGATE_BONDED : SYMBOL_TRANSFER;
	if (transaction->type == SYMBOL_TRANSFER)
		finish_transfer(network, pool, number % ALIAS_EVERY == ALIAS_EVERY - 1,
						transaction);
	else
	{
		/* Some find no cosigner and expire. */
		if (number / AGGREGATE_EVERY % EXPIRY_EVERY == EXPIRY_EVERY - 1)
			transaction->failure =
				"Failure_Extension_Partial_Transaction_Cache_Prune";
		finish_aggregate(network, pool, transaction);
	}
}
