/*-------------------------------------------------------------------------
 *
 * flow_chain.c
 *	  A synthetic Flow chain of which any block can be made from its height.
 *
 * So a subscription that resumes gets exactly what it would have got: with
 * equal seeds and settings every block has equal ids, times, transactions and
 * events, however often and by whom it is asked for.  Ids hold the number
 * they are made of, encrypted, so what a client gives can be found without a
 * table.
 *
 * Every fourth block is empty; the others have as many transactions as the
 * setting says.  With --timestamps the times of blocks that were made lately
 * are remembered, since they cannot be made again.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/hex.h"

/* The last finalized block at first, and its time. */
#define HEIGHT_FIRST	UINT64_C(163000000)
#define TIME_FIRST_MS	INT64_C(1787220000004)

/* From block to block, and most that a block is later than that. */
#define BLOCK_MS		800
#define JITTER_MS		300

/* Blocks of this kind have a payload that needs long frames. */
#define LARGE_EVERY		16
#define LARGE_SEALS		24

static uint64_t
key_of(const CsSimNetwork *network, FlowThing thing)
{
	return cs_sim_mix(network->pool.seed * 8 + (uint64_t) thing);
}

/* What cs_sim_mix() made a number of. */
static uint64_t
unmix(uint64_t number)
{
	number = (number ^ number >> 31 ^ number >> 62) *
		UINT64_C(0x319642b2d24d8ec3);
	number = (number ^ number >> 27 ^ number >> 54) *
		UINT64_C(0x96de1b173f119089);
	return number ^ number >> 30 ^ number >> 60;
}

void
cs_sim_flow_id(const CsSimNetwork *network, FlowThing thing, uint64_t number,
			   FlowId id)
{
	uint64_t	origin[2] = {key_of(network, thing), number};
	uint64_t	head = cs_sim_mix(number ^ origin[0]);

	if (EVP_Digest(origin, sizeof(origin), id, NULL, EVP_sha256(), NULL) != 1)
		cs_sim_fatal("OpenSSL has no SHA-256");
	for (int i = 0; i < 8; i++)
		id[i] = (uint8_t) (head >> 8 * i);
}

bool
cs_sim_flow_number(const CsSimNetwork *network, FlowThing thing,
				   const FlowId id, uint64_t *number)
{
	uint64_t	head = 0;
	FlowId		again;

	for (int i = 0; i < 8; i++)
		head |= (uint64_t) id[i] << 8 * i;
	*number = unmix(head) ^ key_of(network, thing);
	cs_sim_flow_id(network, thing, *number, again);
	return memcmp(id, again, sizeof(again)) == 0;
}

void
cs_sim_flow_add_id(const CsSimNetwork *network, FlowThing thing,
				   uint64_t number, CsSimText *text)
{
	FlowId		id;
	char		digits[FLOW_ID_TEXT];

	cs_sim_flow_id(network, thing, number, id);
	cs_hex_encode_lower(id, sizeof(id), digits);
	cs_sim_text_add(text, digits, sizeof(digits));
}

bool
cs_sim_flow_parse_id(const char *text, FlowId id)
{
	return strlen(text) == FLOW_ID_TEXT &&
		cs_hex_decode(text, FLOW_ID_TEXT, id);
}

/* ---------- heights ---------- */

static uint64_t
behind_head(const CsSimNetwork *network, uint64_t lag)
{
	uint64_t	head = flow_state(network)->head;
	uint64_t	root = cs_sim_setting(network, FLOW_ROOT_HEIGHT);

	return head > root + lag ? head - lag : root;
}

uint64_t
cs_sim_flow_sealed(const CsSimNetwork *network)
{
	return behind_head(network, cs_sim_setting(network, FLOW_SEAL_LAG));
}

uint64_t
cs_sim_flow_executed(const CsSimNetwork *network)
{
	return behind_head(network, cs_sim_setting(network, FLOW_EXECUTE_LAG));
}

uint64_t
cs_sim_flow_indexed(const CsSimNetwork *network)
{
	return behind_head(network, cs_sim_setting(network, FLOW_SEAL_LAG) +
					   cs_sim_setting(network, FLOW_INDEX_LAG));
}

void
cs_sim_flow_advance(CsSimNetwork *network)
{
	FlowState  *state = flow_state(network);
	uint64_t	height = ++state->head;
	struct timespec now;

	if (!network->traffic.timestamps)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	state->times[height % FLOW_TIMES_KEPT].height = height;
	state->times[height % FLOW_TIMES_KEPT].ms = cs_sim_now_ms(network);
	state->times[height % FLOW_TIMES_KEPT].ns =
		(uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* The time of a block. */
static int64_t
time_of(const CsSimNetwork *network, uint64_t height)
{
	const FlowState *state = flow_state(network);

	if (state->times[height % FLOW_TIMES_KEPT].height == height)
		return state->times[height % FLOW_TIMES_KEPT].ms;
	return TIME_FIRST_MS + ((int64_t) height - (int64_t) HEIGHT_FIRST) *
		BLOCK_MS + (int64_t) (cs_sim_mix(height ^ key_of(network, FLOW_BLOCK)) %
							  JITTER_MS) + network->traffic.clock_ms;
}

/* ---------- transactions ---------- */

int
cs_sim_flow_transactions(const CsSimNetwork *network, uint64_t height)
{
	return height % 4 == 3 ? 0 :
		(int) cs_sim_setting(network, FLOW_PER_BLOCK);
}

/* One of the pool's accounts; the first few indices are contracts. */
static uint64_t
account_at(const CsSimNetwork *network, uint64_t index)
{
	return cs_sim_flow_address(network, 1000 + index);
}

void
cs_sim_flow_transaction(const CsSimNetwork *network, uint64_t height,
						int index, FlowTransaction *transaction)
{
	const FlowState *state = flow_state(network);
	const CsSimPool *pool = &network->pool;
	uint64_t	number = height << 8 | (uint64_t) index;
	uint64_t	chance = number ^ key_of(network, FLOW_TRANSACTION);
	uint64_t	ordinal = (height / 4 * 3 + height % 4) *
		cs_sim_setting(network, FLOW_PER_BLOCK) + (uint64_t) index;

	memset(transaction, 0, sizeof(*transaction));
	transaction->height = height;
	transaction->index = index;
	cs_sim_flow_id(network, FLOW_TRANSACTION, number, transaction->id);
	transaction->payer =
		account_at(network, cs_sim_chance_below(&chance, pool->accounts));
	transaction->recipient =
		account_at(network, cs_sim_chance_below(&chance, pool->accounts));
	transaction->amount = 1 + cs_sim_chance_below(&chance, 100000000000);
	if (state->times[height % FLOW_TIMES_KEPT].height == height)
		transaction->made_ns = state->times[height % FLOW_TIMES_KEPT].ns;
	if (pool->hit_count > 0 && ordinal % pool->hit_every == 0)
	{
		transaction->recipient =
			state->hits[ordinal / pool->hit_every % pool->hit_count];
		return;
	}
	switch (cs_sim_chance_below(&chance, 16))
	{
		case 0:
			transaction->deed = FLOW_ACCOUNT_CREATION;
			break;
		case 1:
			transaction->deed = FLOW_INBOX;
			break;
		case 2:
			transaction->deed = FLOW_FAILED_TRANSFER;
			break;
		default:
			break;
	}
}

/* ---------- blocks ---------- */

static void
block_clear(FlowBlock *block)
{
	cs_sim_flow_events_free(block->events, block->event_count);
	free(block->time.data);
	memset(block, 0, sizeof(*block));
}

const FlowBlock *
cs_sim_flow_block(CsSimNetwork *network, uint64_t height)
{
	FlowBlock  *block = &flow_state(network)->blocks[height %
													  FLOW_BLOCKS_KEPT];
	int			count = cs_sim_flow_transactions(network, height);

	if (block->height == height)
		return block;
	block_clear(block);
	block->height = height;
	cs_sim_flow_id(network, FLOW_BLOCK, height, block->id);
	cs_hex_encode_lower(block->id, FLOW_ID_LENGTH, block->id_text);
	cs_sim_flow_time(network, time_of(network, height), &block->time);
	for (int i = 0; i < count; i++)
	{
		FlowTransaction transaction;

		cs_sim_flow_transaction(network, height, i, &transaction);
		cs_sim_flow_events(network, &transaction, &block->events,
						   &block->event_count);
	}
	return block;
}

void
cs_sim_flow_header(CsSimNetwork *network, uint64_t height, CsSimText *text)
{
	const FlowBlock *block = cs_sim_flow_block(network, height);
	uint64_t	chance = height ^ key_of(network, FLOW_STATE);
	uint8_t		signature[106];

	cs_sim_text_printf(text, "{\"id\":\"%s\",\"parent_id\":\"",
					   block->id_text);
	cs_sim_flow_add_id(network, FLOW_BLOCK, height - 1, text);
	cs_sim_text_printf(text, "\",\"height\":\"%llu\",\"timestamp\":\"%s\","
					   "\"parent_voter_signature\":\"",
					   (unsigned long long) height, block->time.data);
	cs_sim_chance_bytes(&chance, signature, sizeof(signature));
	cs_sim_flow_base64(text, signature, sizeof(signature));
	cs_sim_text_printf(text, "\"}");
}

/* The guarantee of the block's one collection. */
static void
add_guarantee(CsSimNetwork *network, uint64_t height, CsSimText *text)
{
	cs_sim_text_printf(text, "{\"collection_id\":\"");
	cs_sim_flow_add_id(network, FLOW_COLLECTION, height, text);
	cs_sim_text_printf(text, "\",\"signer_indices\":\"%016llx\","
					   "\"signature\":\"\"",
					   (unsigned long long) cs_sim_mix(height));
	if (!cs_sim_switch(network, FLOW_OLD_BLOCKS))
	{
		cs_sim_text_printf(text, ",\"reference_block_id\":\"");
		cs_sim_flow_add_id(network, FLOW_BLOCK, height - 2, text);
		cs_sim_text_printf(text, "\",\"cluster_chain_id\":\"cluster-512-");
		cs_sim_flow_add_id(network, FLOW_STATE, 0, text);
		cs_sim_text_printf(text, "\"");
	}
	cs_sim_text_printf(text, "}");
}

/* The seal of an earlier block. */
static void
add_seal(CsSimNetwork *network, uint64_t sealed, CsSimText *text)
{
	const char *quote = cs_sim_switch(network, FLOW_OLD_BLOCKS) ? "\\\"" : "";
	uint64_t	chance = sealed ^ key_of(network, FLOW_RESULT);
	uint8_t		signature[48];

	cs_sim_text_printf(text, "{\"block_id\":\"");
	cs_sim_flow_add_id(network, FLOW_BLOCK, sealed, text);
	cs_sim_text_printf(text, "\",\"result_id\":\"");
	cs_sim_flow_add_id(network, FLOW_RESULT, sealed, text);
	cs_sim_text_printf(text, "\",\"final_state\":\"%s", quote);
	cs_sim_flow_add_id(network, FLOW_STATE, sealed, text);
	cs_sim_text_printf(text, "%s\",\"aggregated_approval_signatures\":"
					   "[{\"verifier_signatures\":[\"", quote);
	cs_sim_chance_bytes(&chance, signature, sizeof(signature));
	cs_sim_flow_base64(text, signature, sizeof(signature));
	cs_sim_text_printf(text, "\"],\"signer_ids\":[\"");
	cs_sim_flow_add_id(network, FLOW_STATE, 1, text);
	cs_sim_text_printf(text, "\"]}]}");
}

void
cs_sim_flow_payload(CsSimNetwork *network, uint64_t height, CsSimText *text)
{
	uint64_t	first = height - cs_sim_setting(network, FLOW_SEAL_LAG);
	uint64_t	count = height % LARGE_EVERY == 0 ? LARGE_SEALS :
		height % 4 == 3 ? 0 : 1;

	cs_sim_text_printf(text, "{\"collection_guarantees\":[");
	if (cs_sim_flow_transactions(network, height) > 0)
		add_guarantee(network, height, text);
	cs_sim_text_printf(text, "],\"block_seals\":[");
	for (uint64_t i = 0; i < count; i++)
	{
		if (i > 0)
			cs_sim_text_add(text, ",", 1);
		add_seal(network, first - i, text);
	}
	cs_sim_text_printf(text, "]}");
}

/* ---------- the whole ---------- */

void
cs_sim_flow_chain_start(CsSimNetwork *network)
{
	const CsSimPool *pool = &network->pool;
	FlowState  *state = cs_sim_alloc(sizeof(*state));

	network->state = state;
	state->head = HEIGHT_FIRST;
	state->chance = cs_sim_mix(pool->seed + 3);
	state->hits = cs_sim_alloc(pool->hit_count * sizeof(*state->hits));
	for (size_t i = 0; i < pool->hit_count; i++)
	{
		state->hits[i] = cs_sim_flow_parse_address(pool->hits[i]);
		if (!cs_sim_flow_address_valid(network, state->hits[i]))
			cs_sim_fatal("not an account: %s", pool->hits[i]);
	}
}

void
cs_sim_flow_chain_stop(CsSimNetwork *network)
{
	FlowState  *state = flow_state(network);

	for (size_t i = 0; i < FLOW_BLOCKS_KEPT; i++)
		block_clear(&state->blocks[i]);
	free(state->hits);
	free(state);
}
