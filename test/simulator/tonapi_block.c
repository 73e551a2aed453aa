/*-------------------------------------------------------------------------
 *
 * tonapi_block.c
 *	  Synthetic blocks as TonAPI tells of them.
 *
 * A transfer is first a message in the mempool.  With the next block it
 * becomes two transactions and a trace, which are final.  At rate "max"
 * nothing waits for a block.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <stdlib.h>
#include <string.h>

TaTransfer *
cs_sim_ta_hold(TaTransfer *transfer)
{
	transfer->references++;
	return transfer;
}

void
cs_sim_ta_release(TaTransfer *transfer)
{
	if (transfer != NULL && --transfer->references == 0)
		free(transfer);
}

static size_t
deliver_once(CsSimNetwork *network, CsSimItem *item)
{
	size_t		count = cs_sim_ta_deliver(network, item);

	cs_sim_ta_item_free(item);
	return count;
}

/* ---------- items ---------- */

/*
 * A message of the mempool.  The emulator reports level by level: first the
 * wallet is involved, then the recipient, too.
 */
static CsSimItem *
mempool_item(const TonTransfer *transfer, bool recipient)
{
	CsSimItem  *item = cs_sim_ta_item_new(TA_MEMPOOL, 2);
	char		bag[CS_BASE64_CHARACTERS(TON_BAG_SIZE)];
	char		sender_text[CS_TON_ADDRESS_MAX];
	char		recipient_text[CS_TON_ADDRESS_MAX];
	bool		swapped;

	cs_base64_encode(transfer->bag, TON_BAG_SIZE, bag);
	ton_hex(transfer->external, item->hash);
	item->accounts[item->account_count++] = transfer->sender.address;
	cs_sim_ta_address_text(&transfer->sender.address, sender_text);
	cs_sim_text_printf(&item->params, "{\"boc\":\"%s\","
					   "\"involved_accounts\":[", bag);
	if (recipient)
	{
		item->accounts[item->account_count++] = transfer->recipient.address;
		cs_sim_ta_address_text(&transfer->recipient.address, recipient_text);
		swapped = strcmp(recipient_text, sender_text) < 0;
		cs_sim_text_printf(&item->params, "\"%s\",\"%s\"]}",
						   swapped ? recipient_text : sender_text,
						   swapped ? sender_text : recipient_text);
		return item;			/* those without accounts had it already */
	}
	cs_sim_text_printf(&item->params, "\"%s\"]}", sender_text);
	cs_sim_text_printf(&item->plain, "{\"boc\":\"%s\"}", bag);
	return item;
}

static CsSimItem *
transaction_item(const TonParty *party)
{
	CsSimItem  *item = cs_sim_ta_item_new(TA_TRANSACTION, 1);
	char		account[CS_TON_ADDRESS_MAX];

	item->accounts[item->account_count++] = party->address;
	ton_hex(party->hash, item->hash);
	cs_sim_ta_address_text(&party->address, account);
	cs_sim_text_printf(&item->params,
					   "{\"account_id\":\"%s\",\"lt\":%llu,"
					   "\"tx_hash\":\"%s\"}", account,
					   (unsigned long long) party->lt, item->hash);
	return item;
}

static CsSimItem *
trace_item(const TonTransfer *transfer)
{
	CsSimItem  *item = cs_sim_ta_item_new(TA_TRACE, 2);
	char		sender[CS_TON_ADDRESS_MAX];
	char		recipient[CS_TON_ADDRESS_MAX];

	item->accounts[item->account_count++] = transfer->recipient.address;
	item->accounts[item->account_count++] = transfer->sender.address;
	cs_sim_ta_address_text(&transfer->sender.address, sender);
	cs_sim_ta_address_text(&transfer->recipient.address, recipient);
	ton_hex(transfer->sender.hash, item->hash);
	cs_sim_text_printf(&item->params, "{\"accounts\":[\"%s\",\"%s\"],"
					   "\"hash\":\"%s\"}", recipient, sender, item->hash);
	return item;
}

static CsSimItem *
block_item(uint64_t seed, int workchain, uint32_t seqno)
{
	CsSimItem  *item = cs_sim_ta_item_new(TA_BLOCK, 0);
	uint8_t		hash[TON_HASH];
	char		file[TON_HEX_SIZE];

	item->workchain = workchain;
	ton_make_hash(hash, seed, workchain == 0 ? 'b' : 'B', seqno);
	ton_hex(hash, item->hash);
	ton_make_hash(hash, seed, workchain == 0 ? 'd' : 'D', seqno);
	ton_hex(hash, file);
	cs_sim_text_printf(&item->params,
					   "{\"workchain\":%d,\"shard\":\"8000000000000000\","
					   "\"seqno\":%u,\"root_hash\":\"%s\","
					   "\"file_hash\":\"%s\"}", workchain, seqno, item->hash,
					   file);
	return item;
}

/* ---------- blocks ---------- */

/* The blocks that hold a transfer, unless they were announced. */
static size_t
tell_blocks(CsSimNetwork *network, const TonTransfer *transfer)
{
	TaNetwork  *state = network->state;
	uint64_t	seed = network->pool.seed;

	if (transfer->shard_seqno <= state->last_block)
		return 0;
	state->last_block = transfer->shard_seqno;
	return deliver_once(network, block_item(seed, 0, transfer->shard_seqno)) +
		deliver_once(network, block_item(seed, -1, transfer->master_seqno));
}

/* A transfer is in a block. */
static size_t
commit(CsSimNetwork *network, TaTransfer *transfer)
{
	size_t		count;

	cs_sim_ta_remember(network, transfer);
	count = tell_blocks(network, &transfer->transfer);
	count += deliver_once(network,
						  transaction_item(&transfer->transfer.sender));
	count += deliver_once(network,
						  transaction_item(&transfer->transfer.recipient));
	return count + deliver_once(network, trace_item(&transfer->transfer));
}

void
cs_sim_ta_tick(CsSimNetwork *network)
{
	TaNetwork  *state = network->state;

	for (size_t i = 0; i < state->waiting_count; i++)
	{
		(void) commit(network, state->waiting[i]);
		cs_sim_ta_release(state->waiting[i]);
	}
	state->waiting_count = 0;
}

/* Make the next transfer, which becomes the recent one. */
static void
make_next(TaNetwork *state)
{
	cs_sim_ta_release(state->recent);
	state->recent = cs_sim_alloc(sizeof(*state->recent));
	state->recent->references = 1;
	ton_pool_next(state->pool, &state->recent->transfer);
}

size_t
cs_sim_ta_generate(CsSimNetwork *network)
{
	TaNetwork  *state = network->state;
	uint64_t	wait = cs_sim_setting(network, TA_BLOCK_MS);
	size_t		count = 0;

	make_next(state);
	for (int recipient = 0; recipient < 2; recipient++)
		count += deliver_once(network, mempool_item(&state->recent->transfer,
													recipient));
	if (wait == 0 || network->traffic.rate == CS_SIM_RATE_MAX)
		return count + commit(network, state->recent);
	state->waiting = cs_sim_resize(state->waiting,
								   (state->waiting_count + 1) *
								   sizeof(*state->waiting));
	state->waiting[state->waiting_count++] = cs_sim_ta_hold(state->recent);
	if (state->waiting_count == 1)
		cs_sim_network_timer(network, wait);
	return count;
}

void
cs_sim_ta_example(CsSimClient *client, CsSimText *text)
{
	TaNetwork  *state = client->network->state;
	CsSimItem  *item;

	if (state->recent == NULL)
		make_next(state);
	item = transaction_item(&state->recent->transfer.recipient);
	if (client->sse)
		cs_sim_text_add(text, item->params.data, item->params.length);
	else
		cs_sim_ta_frame(text, TA_TRANSACTION, &item->params);
	cs_sim_ta_item_free(item);
}

void
cs_sim_ta_blocks_stop(CsSimNetwork *network)
{
	TaNetwork  *state = network->state;

	for (size_t i = 0; i < state->waiting_count; i++)
		cs_sim_ta_release(state->waiting[i]);
	free(state->waiting);
	cs_sim_ta_release(state->recent);
}
