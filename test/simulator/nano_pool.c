/*-------------------------------------------------------------------------
 *
 * nano_pool.c
 *	  Synthetic Nano blocks between synthetic accounts.
 *
 * A pool of accounts, determined by the seed, send to each other.  Blocks
 * are as real ones but for the money and the proof: each has its true hash
 * and refers to its account's block before it, balances go down by what is
 * sent, heights go up by one; but everybody was born rich, and signature and
 * work are random.
 *
 * With --timestamps, a block's "work" is the time at which it was made: its
 * 16 hexadecimal digits are nanoseconds since 1970.  Clients do not look at
 * it, so that latency can be measured through any of them.
 *
 * Without, the time starts at the same moment in every run and goes on by a
 * millisecond a block, so that equal seeds make equal traffic.
 *
 *-------------------------------------------------------------------------
 */
#include "nano.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/blake2b.h"
#include "codec/hex.h"
#include "codec/nano_block.h"

/* Numbers are kept in two limbs of so many decimal digits. */
#define LIMB				UINT64_C(1000000000000000000)
#define LIMB_DIGITS			18

/* High limb of what an account owns at first: 50,000 XNO. */
#define BALANCE_HIGH		UINT64_C(50000000000000000)

/*
 * Balances keep their width: an account this poor or rich begins anew, after
 * some hundred million blocks.
 */
#define BALANCE_HIGH_LEAST	UINT64_C(11000000000000000)
#define BALANCE_HIGH_MOST	UINT64_C(98000000000000000)

/* High limb of amounts, from here on and so many more. */
#define AMOUNT_HIGH			UINT64_C(10000000)
#define AMOUNT_HIGH_RANGE	UINT64_C(90000000)

/* Heights begin here, for they keep their width, too. */
#define HEIGHT_FIRST		100000000

/* The time of the first block without --timestamps. */
#define FIRST_TIME_MS		INT64_C(1750000000000)

#define REPRESENTATIVES		20

typedef struct Account
{
	char		text[CS_NANO_ADDRESS_MAX + 1];
	uint8_t		key[CS_NANO_KEY_LENGTH];
	uint8_t		head[32];		/* hash of its last block */
	uint64_t	balance_high;
	uint64_t	balance_low;
	uint32_t	height;
	uint32_t	representative;
} Account;

typedef struct Pool
{
	Account    *accounts;
	uint64_t	count;
	Account    *hits;
	uint64_t	hit_next;
	Account		representatives[REPRESENTATIVES];
	uint64_t	random[4];
	uint64_t	blocks;			/* made so far */
	uint64_t	sends;

	/* a send not yet received */
	Account    *receiver;		/* NULL: none */
	uint8_t		source[32];
	uint64_t	receivable_high;
	uint64_t	receivable_low;

	NanoValues	values;
	CsSimItem  *send;
	CsSimItem  *receive;
	CsSimItem  *new_send;		/* the same as new_unconfirmed_block */
	CsSimItem  *new_receive;
	CsSimItem  *election;		/* and as started_election */
	CsSimItem  *last;			/* send or receive, whichever was last */
} Pool;

/* ---------- chance ---------- */

/* xoshiro256**, of Blackman and Vigna (public domain). */
static uint64_t
next_random(Pool *pool)
{
	uint64_t   *s = pool->random;
	uint64_t	result = s[1] * 5;
	uint64_t	t = s[1] << 17;

	result = (result << 7 | result >> 57) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* 0 .. range - 1 */
static uint64_t
random_below(Pool *pool, uint64_t range)
{
	return (uint64_t) ((unsigned __int128) next_random(pool) * range >> 64);
}

/* ---------- accounts ---------- */

/* Give an account with a key everything else. */
static void
account_begin(const CsSimNetwork *network, Account *account, uint64_t index)
{
	cs_nano_address_encode(nano_prefix(network), account->key, account->text);
	cs_blake2b(account->head, sizeof(account->head), account->key,
			   sizeof(account->key));
	account->balance_high = BALANCE_HIGH;
	account->height = HEIGHT_FIRST;
	account->representative = (uint32_t) (index % REPRESENTATIVES);
}

/* The account of this kind and number, by the seed. */
static void
account_derive(const CsSimNetwork *network, Account *account, char kind,
			   uint64_t index)
{
	uint64_t	origin[3] = {network->pool.seed, (uint64_t) kind, index};

	cs_blake2b(account->key, sizeof(account->key), origin, sizeof(origin));
	account_begin(network, account, index);
}

/* The accounts that shall be hit. */
static void
read_hits(const CsSimNetwork *network, Pool *pool)
{
	const CsSimPool *wanted = &network->pool;

	pool->hits = cs_sim_alloc(wanted->hit_count * sizeof(*pool->hits));
	for (size_t i = 0; i < wanted->hit_count; i++)
	{
		CsNanoPrefix prefix;

		if (cs_nano_address_decode(wanted->hits[i], strlen(wanted->hits[i]),
								   &prefix, pool->hits[i].key) !=
			CS_NANO_ADDRESS_OK)
			cs_sim_fatal("not an account: %s", wanted->hits[i]);
		account_begin(network, &pool->hits[i], i);
	}
}

/* ---------- the items that blocks are put into ---------- */

static void
put_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void
put_blank(const CsSimNetwork *network, json_object *object, const char *key,
		  NanoField field)
{
	json_object_object_add(object, key, cs_sim_nano_blank(network, field));
}

static json_object *
make_block(const CsSimNetwork *network, const char *subtype)
{
	json_object *block = json_object_new_object();

	put_text(block, "type", "state");
	put_blank(network, block, "account", NANO_FIELD_ACCOUNT);
	put_blank(network, block, "previous", NANO_FIELD_PREVIOUS);
	put_blank(network, block, "representative", NANO_FIELD_REPRESENTATIVE);
	put_blank(network, block, "balance", NANO_FIELD_BALANCE);
	put_blank(network, block, "link", NANO_FIELD_LINK);
	put_blank(network, block, "link_as_account", NANO_FIELD_LINK_AS_ACCOUNT);
	put_blank(network, block, "signature", NANO_FIELD_SIGNATURE);
	put_blank(network, block, "work", NANO_FIELD_WORK);
	put_text(block, "subtype", subtype);
	return block;
}

/* An election in which every representative has voted. */
static json_object *
make_election(const CsSimNetwork *network, const Pool *pool)
{
	json_object *election = json_object_new_object();
	json_object *votes = json_object_new_array();

	for (int i = 0; i < REPRESENTATIVES; i++)
	{
		json_object *vote = json_object_new_object();
		char		weight[64];

		snprintf(weight, sizeof(weight), "%d000000000000000000000000000000000",
				 6000 - 100 * i);
		put_text(vote, "representative", pool->representatives[i].text);
		if (i % 4 == 3)
			put_blank(network, vote, "timestamp", NANO_FIELD_TIME);
		else
			put_text(vote, "timestamp", "18446744073709551615");
		put_blank(network, vote, "hash", NANO_FIELD_HASH);
		put_text(vote, "weight", weight);
		json_object_array_add(votes, vote);
	}
	put_text(election, "duration", "546");
	put_blank(network, election, "time", NANO_FIELD_TIME);
	put_text(election, "tally", "101000000000000000000000000000000000000");
	put_text(election, "final", "76000000000000000000000000000000000000");
	put_text(election, "blocks", "1");
	put_text(election, "voters", "20");
	put_text(election, "request_count", "1");
	json_object_object_add(election, "votes", votes);
	return election;
}

/* The item of a notification with this message, which it takes. */
static CsSimItem *
make_item(CsSimNetwork *network, NanoTopic topic, json_object *message)
{
	json_object *json = json_object_new_object();
	char		error[CS_SIM_ERROR_MAX];
	CsSimItem  *item;

	put_text(json, "topic", cs_sim_nano_topics[topic]);
	put_text(json, "time", "0000000000000");
	if (topic == NANO_NEW_UNCONFIRMED_BLOCK)
		put_blank(network, json, "hash", NANO_FIELD_HASH);
	json_object_object_add(json, "message", message);
	item = cs_sim_nano_item_create(network, json, error);
	json_object_put(json);
	if (item == NULL)
		cs_sim_fatal("%s", error);
	return item;
}

static CsSimItem *
make_confirmation(CsSimNetwork *network, const Pool *pool, const char *subtype)
{
	json_object *message = json_object_new_object();
	json_object *sideband = json_object_new_object();
	CsSimItem  *item;

	put_blank(network, sideband, "height", NANO_FIELD_HEIGHT);
	put_blank(network, sideband, "local_timestamp",
			  NANO_FIELD_LOCAL_TIMESTAMP);
	put_blank(network, message, "account", NANO_FIELD_ACCOUNT);
	put_blank(network, message, "amount", NANO_FIELD_AMOUNT);
	put_blank(network, message, "hash", NANO_FIELD_HASH);
	put_text(message, "confirmation_type", "active_quorum");
	json_object_object_add(message, "election_info",
						   make_election(network, pool));
	json_object_object_add(message, "block", make_block(network, subtype));
	json_object_object_add(message, "sideband", sideband);
	item = make_item(network, NANO_CONFIRMATION, message);
	item->has_account = true;
	item->has_link = true;
	return item;
}

void
cs_sim_nano_pool_start(CsSimNetwork *network)
{
	Pool	   *pool = cs_sim_alloc(sizeof(*pool));
	json_object *message = json_object_new_object();

	network->state = pool;
	pool->count = network->pool.accounts;
	pool->accounts = cs_sim_alloc(pool->count * sizeof(*pool->accounts));
	for (uint64_t i = 0; i < pool->count; i++)
		account_derive(network, &pool->accounts[i], 'a', i);
	for (uint64_t i = 0; i < REPRESENTATIVES; i++)
		account_derive(network, &pool->representatives[i], 'r', i);
	read_hits(network, pool);
	cs_blake2b((uint8_t *) pool->random, sizeof(pool->random),
			   &network->pool.seed, sizeof(network->pool.seed));
	pool->send = make_confirmation(network, pool, "send");
	pool->receive = make_confirmation(network, pool, "receive");
	pool->new_send = make_item(network, NANO_NEW_UNCONFIRMED_BLOCK,
							   make_block(network, "send"));
	pool->new_receive = make_item(network, NANO_NEW_UNCONFIRMED_BLOCK,
								  make_block(network, "receive"));
	put_blank(network, message, "hash", NANO_FIELD_HASH);
	pool->election = make_item(network, NANO_STARTED_ELECTION, message);
}

void
cs_sim_nano_pool_stop(CsSimNetwork *network)
{
	Pool	   *pool = network->state;

	cs_sim_nano_item_free(pool->send);
	cs_sim_nano_item_free(pool->receive);
	cs_sim_nano_item_free(pool->new_send);
	cs_sim_nano_item_free(pool->new_receive);
	cs_sim_nano_item_free(pool->election);
	free(pool->accounts);
	free(pool->hits);
	free(pool);
}

/* ---------- blocks ---------- */

/* Write *count* digits of *number*. */
static void
put_digits(char *text, uint64_t number, int count)
{
	while (count-- > 0)
	{
		text[count] = (char) ('0' + number % 10);
		number /= 10;
	}
}

/* The hash of the block whose values are given, and its parts as text. */
static void
seal(Pool *pool, Account *account, const uint8_t link[32])
{
	const Account *representative =
		&pool->representatives[account->representative];
	unsigned __int128 balance = (unsigned __int128) account->balance_high *
		LIMB + account->balance_low;
	CsNanoBlock block = {.type = CS_NANO_BLOCK_STATE};
	uint64_t	signature[8];

	memcpy(block.account, account->key, 32);
	memcpy(block.previous, account->head, 32);
	memcpy(block.representative, representative->key, 32);
	memcpy(block.link, link, 32);
	for (int i = 0; i < 16; i++)
		block.balance[15 - i] = (uint8_t) (balance >> 8 * i);
	cs_hex_encode_upper(account->head, 32, pool->values[NANO_FIELD_PREVIOUS]);
	cs_nano_block_hash(&block, account->head);
	account->height++;

	for (int i = 0; i < 8; i++)
		signature[i] = next_random(pool);
	cs_hex_encode_upper((uint8_t *) signature, 64,
						pool->values[NANO_FIELD_SIGNATURE]);
	cs_hex_encode_upper(account->head, 32, pool->values[NANO_FIELD_HASH]);
	cs_hex_encode_upper(link, 32, pool->values[NANO_FIELD_LINK]);
	memcpy(pool->values[NANO_FIELD_ACCOUNT], account->text,
		   sizeof(account->text));
	memcpy(pool->values[NANO_FIELD_REPRESENTATIVE], representative->text,
		   sizeof(representative->text));
	put_digits(pool->values[NANO_FIELD_BALANCE], account->balance_high, 17);
	put_digits(pool->values[NANO_FIELD_BALANCE] + 17, account->balance_low,
			   LIMB_DIGITS);
	put_digits(pool->values[NANO_FIELD_HEIGHT], account->height, 9);
}

/* Work and times of the block. */
static void
put_moment(const CsSimNetwork *network, Pool *pool, CsSimItem *item)
{
	uint8_t		work[8];
	uint64_t	number = next_random(pool);
	struct timespec now;

	item->time = FIRST_TIME_MS + (int64_t) pool->blocks;
	if (network->traffic.timestamps)
	{
		clock_gettime(CLOCK_REALTIME, &now);
		number = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
	}
	for (int i = 0; i < 8; i++)
		work[i] = (uint8_t) (number >> 8 * (7 - i));
	cs_hex_encode_lower(work, 8, pool->values[NANO_FIELD_WORK]);
	put_digits(pool->values[NANO_FIELD_LOCAL_TIMESTAMP],
			   (uint64_t) cs_sim_stamp_ms(network, item->time) / 1000, 10);
}

/* An amount as text, and noted for whoever receives it. */
static void
put_amount(Pool *pool, uint64_t high, uint64_t low)
{
	put_digits(pool->values[NANO_FIELD_AMOUNT], high, 8);
	put_digits(pool->values[NANO_FIELD_AMOUNT] + 8, low, LIMB_DIGITS);
}

/* The account that the next transfer goes to. */
static Account *
choose_recipient(const CsSimNetwork *network, Pool *pool)
{
	const CsSimPool *wanted = &network->pool;

	if (wanted->hit_count > 0 && pool->sends % wanted->hit_every == 0)
		return &pool->hits[pool->hit_next++ % wanted->hit_count];
	return &pool->accounts[random_below(pool, pool->count)];
}

/* Make a send. */
static void
make_send(const CsSimNetwork *network, Pool *pool)
{
	Account    *sender = &pool->accounts[random_below(pool, pool->count)];
	Account    *recipient = choose_recipient(network, pool);
	uint64_t	high = AMOUNT_HIGH + random_below(pool, AMOUNT_HIGH_RANGE);
	uint64_t	low = random_below(pool, LIMB);

	pool->sends++;
	if (sender->balance_high < BALANCE_HIGH_LEAST)
		sender->balance_high = BALANCE_HIGH;
	sender->balance_high -= high + (sender->balance_low < low);
	sender->balance_low += (sender->balance_low < low ? LIMB : 0) - low;
	put_amount(pool, high, low);
	seal(pool, sender, recipient->key);
	memcpy(pool->values[NANO_FIELD_LINK_AS_ACCOUNT], recipient->text,
		   sizeof(recipient->text));
	memcpy(pool->send->account, sender->key, 32);
	memcpy(pool->send->link, recipient->key, 32);
	pool->receiver = recipient;
	memcpy(pool->source, sender->head, 32);
	pool->receivable_high = high;
	pool->receivable_low = low;
	pool->last = pool->send;
}

/* Let the last send be received. */
static void
make_receive(const CsSimNetwork *network, Pool *pool)
{
	Account    *account = pool->receiver;
	char		text[CS_NANO_ADDRESS_MAX + 1];

	pool->receiver = NULL;
	if (account->balance_high > BALANCE_HIGH_MOST)
		account->balance_high = BALANCE_HIGH;
	account->balance_high += pool->receivable_high;
	account->balance_low += pool->receivable_low;
	if (account->balance_low >= LIMB)
	{
		account->balance_low -= LIMB;
		account->balance_high++;
	}
	put_amount(pool, pool->receivable_high, pool->receivable_low);
	seal(pool, account, pool->source);
	cs_nano_address_encode(nano_prefix(network), pool->source, text);
	memcpy(pool->values[NANO_FIELD_LINK_AS_ACCOUNT], text, sizeof(text));
	memcpy(pool->receive->account, account->key, 32);
	memcpy(pool->receive->link, pool->source, 32);
	pool->last = pool->receive;
}

/* Make the next block. */
static void
make_next(CsSimNetwork *network)
{
	Pool	   *pool = network->state;
	uint64_t	every = network->pool.receive_every;

	if (every > 0 && pool->blocks % every == every - 1 &&
		pool->receiver != NULL)
		make_receive(network, pool);
	else
		make_send(network, pool);
	put_moment(network, pool, pool->last);
	pool->blocks++;
	memcpy(pool->last->hash, pool->values[NANO_FIELD_HASH],
		   sizeof(pool->last->hash));
}

/* Deliver another item about the same block. */
static void
deliver_like(CsSimNetwork *network, CsSimItem *item)
{
	Pool	   *pool = network->state;

	item->time = pool->last->time;
	memcpy(item->hash, pool->last->hash, sizeof(item->hash));
	(void) cs_sim_nano_deliver(network, item, &pool->values);
}

size_t
cs_sim_nano_generate(CsSimNetwork *network)
{
	Pool	   *pool = network->state;

	make_next(network);
	deliver_like(network, pool->last == pool->send ? pool->new_send :
				 pool->new_receive);
	deliver_like(network, pool->election);
	return cs_sim_nano_deliver(network, pool->last, &pool->values);
}

void
cs_sim_nano_example(CsSimClient *client, CsSimText *text)
{
	CsSimNetwork *network = client->network;
	Pool	   *pool = network->state;

	if (pool->last == NULL)
		make_next(network);
	cs_sim_nano_text(pool->last, &pool->values, text);
}

void
cs_sim_nano_accounts(CsSimNetwork *network, uint64_t from, uint64_t count,
					 FILE *file)
{
	const Pool *pool = network->state;

	for (uint64_t i = from; i < pool->count && count > 0; i++, count--)
		fprintf(file, "%s\n", pool->accounts[i].text);
}
