/*-------------------------------------------------------------------------
 *
 * ton_pool.c
 *	  Synthetic transfers between synthetic TON accounts.
 *
 * A pool of accounts, determined by the seed, send to each other.  What can
 * be checked is true: addresses, the chain of an account's transactions, its
 * balance, and the hash of the external message, which is a message indeed.
 * A transaction is a cell with the right hash, but what is in that cell is
 * no transaction; signatures and states are made up.
 *
 * Without --timestamps the time starts at the same moment in every run and
 * goes on by a millisecond a transfer.
 *
 *-------------------------------------------------------------------------
 */
#include "ton.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

#include "codec/blake2b.h"

/* The time of the first transfer without --timestamps. */
#define FIRST_TIME_MS	INT64_C(1750000000000)

/* Logical times and seqnos of the first, and what each adds. */
#define FIRST_LT		UINT64_C(60000000000001)
#define LT_STEP			UINT64_C(1000)
#define FIRST_SHARD		UINT32_C(55000000)
#define FIRST_MASTER	UINT32_C(50000000)
#define TRANSFERS_OF_BLOCK	10

/* Balances: what everybody has at first, and the least before a sending. */
#define FIRST_BALANCE	UINT64_C(1000000000000)
#define LEAST_BALANCE	UINT64_C(20000000000)
#define MOST_BALANCE	UINT64_C(1000000000000000000)

typedef struct Account
{
	CsTonAddress address;
	uint8_t		last[TON_HASH]; /* its last transaction */
	uint64_t	last_lt;
	uint64_t	balance;
	uint8_t		state[TON_HASH];
} Account;

struct TonPool
{
	CsSimNetwork *network;
	Account    *accounts;
	uint64_t	count;
	Account    *hits;
	uint64_t	hit_next;
	uint64_t	number;			/* of the next transfer */
	uint64_t	chance;
};

/* ---------- small things ---------- */

bool
ton_set_has(const TonSet *set, const CsTonAddress *address)
{
	return cs_sim_account_set_has(&set->chains[address->workchain != 0],
								  address->hash);
}

size_t
ton_set_count(const TonSet *set)
{
	return set->chains[0].used + set->chains[1].used;
}

void
ton_set_clear(TonSet *set)
{
	cs_sim_account_set_clear(&set->chains[0]);
	cs_sim_account_set_clear(&set->chains[1]);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(json_object *const *) a),
				  json_object_get_string(*(json_object *const *) b));
}

json_object *
ton_set_describe(const TonSet *set)
{
	json_object *list = json_object_new_array();

	for (int chain = 0; chain < 2; chain++)
	{
		size_t		count = set->chains[chain].used;
		uint8_t		(*keys)[CS_SIM_KEY_LENGTH];

		keys = cs_sim_alloc(count * sizeof(*keys));
		cs_sim_account_set_list(&set->chains[chain], keys);
		for (size_t i = 0; i < count; i++)
		{
			CsTonAddress address = {.workchain = (int8_t) -chain};
			char		text[CS_TON_ADDRESS_MAX];

			memcpy(address.hash, keys[i], TON_HASH);
			cs_ton_address_encode(&address, text);
			json_object_array_add(list, json_object_new_string(text));
		}
		free(keys);
	}
	json_object_array_sort(list, compare_texts);
	return list;
}

bool
ton_address_read(const char *text, CsTonAddress *address)
{
	size_t		length = strlen(text);
	CsTonAddressError error = cs_ton_address_decode(text, length, address);
	uint8_t		bytes[CS_BASE64_BYTES(48)];
	size_t		size;

	if (error != CS_TON_ADDRESS_TAG)
		return error == CS_TON_ADDRESS_OK;
	if (!cs_base64_decode(text, length, bytes, &size))
		return false;
	address->workchain = (int8_t) bytes[1];
	memcpy(address->hash, bytes + 2, TON_HASH);
	return true;
}

void
ton_friendly(const CsTonAddress *address, char text[TON_FRIENDLY_SIZE])
{
	uint8_t		bytes[36] = {0x51, (uint8_t) address->workchain};
	unsigned	sum = 0;

	memcpy(bytes + 2, address->hash, TON_HASH);
	for (int i = 0; i < 34; i++)
	{
		sum ^= (unsigned) bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			sum = (sum << 1 ^ (sum & 0x8000 ? 0x1021 : 0)) & 0xffff;
	}
	bytes[34] = (uint8_t) (sum >> 8);
	bytes[35] = (uint8_t) sum;
	cs_base64_encode(bytes, sizeof(bytes), text);
	for (char *at = text; *at != '\0'; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

void
ton_base64(const uint8_t hash[TON_HASH], char text[TON_BASE64_SIZE])
{
	cs_base64_encode(hash, TON_HASH, text);
}

void
ton_hex(const uint8_t hash[TON_HASH], char text[TON_HEX_SIZE])
{
	cs_hex_encode_lower(hash, TON_HASH, text);
	text[TON_HEX_SIZE - 1] = '\0';
}

void
ton_make_hash(uint8_t hash[TON_HASH], uint64_t seed, char kind,
			  uint64_t number)
{
	uint64_t	origin[3] = {seed, (uint64_t) kind, number};

	cs_blake2b(hash, TON_HASH, origin, sizeof(origin));
}

void
ton_render(CsSimText *text, json_object *json)
{
	const char *data = json_object_to_json_string_ext(json,
													  JSON_C_TO_STRING_PLAIN |
													  JSON_C_TO_STRING_NOSLASHESCAPE);

	/* Outside of strings JSON has none of the characters Go escapes. */
	for (size_t run; *data != '\0'; data += run)
	{
		run = strcspn(data, "<>&");
		cs_sim_text_add(text, data, run);
		if (data[run] != '\0')
			cs_sim_text_printf(text, "\\u%04x", (unsigned) data[run++]);
	}
}

/* ---------- cells ---------- */

/* The hash of a cell of whole bytes, without references. */
static void
hash_cell(const uint8_t *data, size_t size, uint8_t hash[TON_HASH])
{
	uint8_t		form[2 + 127];

	form[0] = 0;
	form[1] = (uint8_t) (2 * size);
	memcpy(form + 2, data, size);
	if (EVP_Digest(form, 2 + size, hash, NULL, EVP_sha256(), NULL) != 1)
		cs_sim_fatal("OpenSSL computes no SHA-256");
}

size_t
ton_bag_of_cell(const uint8_t *data, size_t size, uint8_t *bag)
{
	const uint8_t head[] = {
		0xb5, 0xee, 0x9c, 0x72, 0x01, 0x01, 1, 1, 0, (uint8_t) (2 + size), 0,
		0, (uint8_t) (2 * size)
	};

	memcpy(bag, head, sizeof(head));
	memcpy(bag + sizeof(head), data, size);
	return sizeof(head) + size;
}

/* Append the lowest *count* bits of a number. */
static void
put_bits(uint8_t *data, size_t *at, uint64_t number, int count)
{
	while (count-- > 0)
	{
		if (number >> count & 1)
			data[*at / 8] |= (uint8_t) (0x80 >> *at % 8);
		++*at;
	}
}

/*
 * The message for the sender's wallet, normalized already: two cells, of 277
 * bits and of the body.
 */
static void
make_message(TonPool *pool, TonTransfer *transfer)
{
	const uint8_t head[] = {
		0xb5, 0xee, 0x9c, 0x72, 0x01, 0x01, 2, 1, 0,
		TON_BAG_SIZE - 11, 0, 0x01, 0x45
	};
	uint8_t    *data = transfer->bag + sizeof(head);
	const CsTonAddress *wallet = &transfer->sender.address;
	size_t		at = 0;
	CsTonMessage message;
	CsTonBag	bag;

	memset(transfer->bag, 0, sizeof(transfer->bag));
	memcpy(transfer->bag, head, sizeof(head));
	put_bits(data, &at, 0x44, 7);	/* inbound, no source, standard, plain */
	put_bits(data, &at, (uint8_t) wallet->workchain, 8);
	for (int i = 0; i < TON_HASH; i++)
		put_bits(data, &at, wallet->hash[i], 8);
	put_bits(data, &at, 1, 6);	/* no fee, no code, the body by reference */
	put_bits(data, &at, 1, 1);	/* the end */
	data[35] = 1;				/* the reference */
	data[37] = 2 * TON_BODY_SIZE;
	cs_sim_chance_bytes(&pool->chance, transfer->bag + TON_BAG_SIZE -
						TON_BODY_SIZE, TON_BODY_SIZE);
	if (cs_ton_bag_read(transfer->bag, TON_BAG_SIZE, &bag) != CS_TON_CELL_OK ||
		cs_ton_message_read(&bag, &message) != CS_TON_CELL_OK)
		cs_sim_fatal("a synthetic message is none");
	cs_ton_bag_free(&bag);
	memcpy(transfer->external, message.normalized_hash, TON_HASH);
	memcpy(transfer->body_hash, message.body_hash, TON_HASH);
}

/* ---------- accounts ---------- */

static void
account_begin(Account *account, uint64_t seed, uint64_t index)
{
	ton_make_hash(account->last, seed, 'l', index);
	ton_make_hash(account->state, seed, 's', index);
	account->last_lt = FIRST_LT - LT_STEP;
	account->balance = FIRST_BALANCE;
}

TonPool *
ton_pool_create(CsSimNetwork *network)
{
	const CsSimPool *wanted = &network->pool;
	TonPool    *pool = cs_sim_alloc(sizeof(*pool));

	pool->network = network;
	pool->count = wanted->accounts;
	pool->accounts = cs_sim_alloc(pool->count * sizeof(*pool->accounts));
	for (uint64_t i = 0; i < pool->count; i++)
	{
		ton_make_hash(pool->accounts[i].address.hash, wanted->seed, 'a', i);
		account_begin(&pool->accounts[i], wanted->seed, i);
	}
	pool->hits = cs_sim_alloc(wanted->hit_count * sizeof(*pool->hits));
	for (size_t i = 0; i < wanted->hit_count; i++)
	{
		if (!ton_address_read(wanted->hits[i], &pool->hits[i].address))
			cs_sim_fatal("not an account: %s", wanted->hits[i]);
		account_begin(&pool->hits[i], wanted->seed, pool->count + i);
	}
	pool->chance = wanted->seed;
	return pool;
}

void
ton_pool_free(TonPool *pool)
{
	free(pool->accounts);
	free(pool->hits);
	free(pool);
}

void
ton_pool_accounts(const TonPool *pool, uint64_t from, uint64_t count,
				  FILE *file)
{
	char		text[CS_TON_ADDRESS_MAX];

	for (uint64_t i = from; i < pool->count && count > 0; i++, count--)
	{
		cs_ton_address_encode(&pool->accounts[i].address, text);
		fprintf(file, "%s\n", text);
	}
}

/* ---------- transfers ---------- */

/* Give an account its next transaction, of which *party* tells. */
static void
transact(TonPool *pool, Account *account, TonParty *party, uint64_t lt,
		 int64_t gain)
{
	uint64_t	seed = pool->network->pool.seed;

	party->address = account->address;
	cs_ton_address_encode(&account->address, party->text);
	memcpy(party->previous, account->last, TON_HASH);
	party->previous_lt = account->last_lt;
	memcpy(party->state_before, account->state, TON_HASH);
	ton_make_hash(account->state, seed, 'n', lt);
	memcpy(party->state_after, account->state, TON_HASH);
	account->balance = (uint64_t) ((int64_t) account->balance + gain);
	party->balance = account->balance;
	party->lt = lt;
	memcpy(party->cell, party->previous, TON_HASH);
	memcpy(party->cell + TON_HASH, party->state_after, TON_HASH);
	hash_cell(party->cell, TON_CELL_DATA, party->hash);
	ton_make_hash(party->emulated, seed, 'e', lt);
	memcpy(account->last, party->hash, TON_HASH);
	account->last_lt = lt;
}

/* The account that the next transfer goes to; not the sender, if possible. */
static Account *
choose_recipient(TonPool *pool, const Account *sender)
{
	const CsSimPool *wanted = &pool->network->pool;
	Account    *chosen;

	if (wanted->hit_count > 0 && pool->number % wanted->hit_every == 0)
		return &pool->hits[pool->hit_next++ % wanted->hit_count];
	chosen = &pool->accounts[cs_sim_chance_below(&pool->chance, pool->count)];
	if (chosen == sender)
		chosen = &pool->accounts[(uint64_t) (sender - pool->accounts + 1) %
								 pool->count];
	return chosen;
}

void
ton_pool_next(TonPool *pool, TonTransfer *transfer)
{
	uint64_t	seed = pool->network->pool.seed;
	Account    *sender = &pool->accounts[cs_sim_chance_below(&pool->chance,
															 pool->count)];
	Account    *recipient = choose_recipient(pool, sender);
	uint64_t	lt = FIRST_LT + pool->number * LT_STEP;
	uint64_t	block = pool->number / TRANSFERS_OF_BLOCK;

	memset(transfer, 0, sizeof(*transfer));
	transfer->number = pool->number;
	transfer->time_ms = cs_sim_stamp_ms(pool->network, FIRST_TIME_MS +
										(int64_t) pool->number);
	transfer->value = 1000000 + cs_sim_chance_below(&pool->chance,
													10000000000);
	transfer->sender_fee = 2000000 + cs_sim_chance_below(&pool->chance, 99999);
	transfer->recipient_fee = 40000 + cs_sim_chance_below(&pool->chance, 9);
	transfer->shard_seqno = FIRST_SHARD + (uint32_t) block;
	transfer->master_seqno = FIRST_MASTER + (uint32_t) block;
	if (sender->balance < LEAST_BALANCE)
		sender->balance += FIRST_BALANCE;
	if (recipient->balance > MOST_BALANCE)
		recipient->balance = FIRST_BALANCE;
	transact(pool, sender, &transfer->sender, lt,
			 -(int64_t) (transfer->value + transfer->sender_fee));
	transact(pool, recipient, &transfer->recipient, lt + 2,
			 (int64_t) (transfer->value - transfer->recipient_fee));
	make_message(pool, transfer);
	ton_make_hash(transfer->internal, seed, 'm', lt);
	ton_make_hash(transfer->emulated_internal, seed, 'f', lt);
	pool->number++;
}
