/*-------------------------------------------------------------------------
 *
 * toncenter_text.c
 *	  Synthetic traces as TON Center tells of them.
 *
 * The members and their order are those of recorded messages.  While a trace
 * is pending its hashes, its logical times and its blocks are the emulator's
 * guesses; message bodies are decoded only then, and inside traces.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <string.h>

/* The emulator's guesses are off by so much. */
#define GUESS_LT		1000
#define GUESS_SECONDS	4
#define GUESS_BLOCKS	1

/* A hash of nothing, and the empty cell as a bag and its hash. */
#define NO_HASH		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EMPTY_CELL	"te6cckEBAQEAAgAAAEysuc0="
#define EMPTY_HASH	"lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c="

/*
 * A transfer in one state of its life, with the texts it needs.  Once the
 * sender's transaction is in a block, the message it sent is no guess.
 */
typedef struct View
{
	const TonTransfer *transfer;
	TcState		state;
	TcFinality	finality;		/* of the trace: the least */
	bool		decoded;
	bool		rest;			/* not for the stream */
	char		root[TON_BASE64_SIZE];
	char		child[TON_BASE64_SIZE];
	char		external[TON_BASE64_SIZE];
	char		internal[TON_BASE64_SIZE];
} View;

static void
view(View *view, const TonTransfer *transfer, TcState state, bool decoded)
{
	bool		root_pending = state.sender == TC_PENDING;

	view->transfer = transfer;
	view->state = state;
	view->finality = cs_sim_tc_least(state);
	view->decoded = decoded;
	view->rest = false;
	ton_base64(root_pending ? transfer->sender.emulated :
			   transfer->sender.hash, view->root);
	ton_base64(state.recipient == TC_PENDING ? transfer->recipient.emulated :
			   transfer->recipient.hash, view->child);
	ton_base64(transfer->external, view->external);
	ton_base64(root_pending ? transfer->emulated_internal :
			   transfer->internal, view->internal);
}

/* The finality of one side's transaction, and is it but a guess? */
static TcFinality
side_finality(const View *view, bool recipient)
{
	return recipient ? view->state.recipient : view->state.sender;
}

static bool
guessed(const View *view, bool recipient)
{
	return side_finality(view, recipient) == TC_PENDING;
}

/* Logical time, time and block, as they are known. */
static unsigned long long
side_lt(const View *view, bool recipient, uint64_t lt)
{
	return lt - (guessed(view, recipient) ? GUESS_LT : 0);
}

static long long
side_now(const View *view, bool recipient)
{
	return view->transfer->time_ms / 1000 -
		(guessed(view, recipient) ? GUESS_SECONDS : 0);
}

static unsigned
side_master(const View *view, bool recipient)
{
	return view->transfer->master_seqno +
		(guessed(view, recipient) ? GUESS_BLOCKS : 0);
}

/* The message that carries the money. */
static void
write_internal(CsSimText *text, const View *view)
{
	const TonTransfer *transfer = view->transfer;

	cs_sim_text_printf(text,
					   "{\"hash\":\"%s\",\"source\":\"%s\","
					   "\"destination\":\"%s\",\"value\":\"%llu\","
					   "\"value_extra_currencies\":{},\"fwd_fee\":\"266669\","
					   "\"ihr_fee\":\"0\",\"extra_flags\":%s,"
					   "\"created_lt\":\"%llu\",\"created_at\":\"%lld\","
					   "\"opcode\":null,\"decoded_opcode\":null,"
					   "\"ihr_disabled\":true,\"bounce\":false,"
					   "\"bounced\":false,\"import_fee\":null,"
					   "\"message_content\":{\"hash\":\"" EMPTY_HASH "\","
					   "\"body\":\"" EMPTY_CELL "\",\"decoded\":%s},"
					   "\"init_state\":null}",
					   view->internal, transfer->sender.text,
					   transfer->recipient.text,
					   (unsigned long long) transfer->value,
					   view->rest ? "null" : "\"0\"",
					   side_lt(view, false, transfer->sender.lt + 1),
					   side_now(view, false),
					   view->decoded ? "{\"@type\":\"empty_cell\"}" : "null");
}

/* The message of the wallet's owner. */
static void
write_external(CsSimText *text, const View *view)
{
	const TonTransfer *transfer = view->transfer;
	const uint8_t *body = ton_transfer_body(transfer);
	uint8_t		bag[TON_BAG_OF_CELL(TON_BODY_SIZE)];
	char		body_text[CS_BASE64_CHARACTERS(sizeof(bag))];
	char		body_hash[TON_BASE64_SIZE];

	cs_base64_encode(bag, ton_bag_of_cell(body, TON_BODY_SIZE, bag),
					 body_text);
	ton_base64(transfer->body_hash, body_hash);
	cs_sim_text_printf(text,
					   "{\"hash\":\"%s\",\"source\":null,"
					   "\"destination\":\"%s\",\"value\":null,"
					   "\"value_extra_currencies\":%s,\"fwd_fee\":null,"
					   "\"ihr_fee\":null,\"extra_flags\":null,"
					   "\"created_lt\":null,\"created_at\":null,"
					   "\"opcode\":\"0x%02x%02x%02x%02x\","
					   "\"decoded_opcode\":null,\"ihr_disabled\":null,"
					   "\"bounce\":null,\"bounced\":null,"
					   "\"import_fee\":\"0\",\"message_content\":{"
					   "\"hash\":\"%s\",\"body\":\"%s\",\"decoded\":null},"
					   "\"init_state\":null,\"hash_norm\":\"%s\"}",
					   view->external, transfer->sender.text,
					   view->rest ? "null" : "{}", body[0], body[1], body[2],
					   body[3], body_hash, body_text, view->external);
}

/* What the machine did, on either side. */
static void
write_description(CsSimText *text, const View *view, bool recipient)
{
	uint64_t	value = view->transfer->value;

	cs_sim_text_printf(text,
					   "\"description\":{\"type\":\"ord\","
					   "\"aborted\":false,\"destroyed\":false,"
					   "\"credit_first\":true,%s\"storage_ph\":{"
					   "\"storage_fees_collected\":\"2\","
					   "\"status_change\":\"unchanged\"}", view->rest ? "" :
					   "\"is_tock\":false,\"installed\":false,");
	if (recipient)
		cs_sim_text_printf(text, ",\"credit_ph\":{\"credit\":\"%llu\"}",
						   (unsigned long long) value);
	cs_sim_text_printf(text,
					   ",\"compute_ph\":{\"skipped\":false,"
					   "\"success\":true,\"msg_state_used\":false,"
					   "\"account_activated\":false,%s,\"mode\":0,"
					   "\"exit_code\":0,\"vm_steps\":%d,"
					   "\"vm_init_state_hash\":\"" NO_HASH "\","
					   "\"vm_final_state_hash\":\"" NO_HASH "\"}", recipient ?
					   "\"gas_fees\":\"40000\",\"gas_used\":\"62\","
					   "\"gas_limit\":\"1000000\"" :
					   "\"gas_fees\":\"1323200\",\"gas_used\":\"3308\","
					   "\"gas_limit\":\"0\",\"gas_credit\":\"10000\"",
					   recipient ? 3 : 68);
	cs_sim_text_printf(text,
					   ",\"action\":{\"success\":true,\"valid\":true,"
					   "\"no_funds\":false,\"status_change\":\"unchanged\","
					   "%s\"result_code\":0,\"tot_actions\":%d,"
					   "\"spec_actions\":0,\"skipped_actions\":0,"
					   "\"msgs_created\":%d,"
					   "\"action_list_hash\":\"" EMPTY_HASH "\","
					   "\"tot_msg_size\":{\"cells\":\"%d\","
					   "\"bits\":\"%d\"}}}", recipient ? "" :
					   "\"total_fwd_fees\":\"400000\","
					   "\"total_action_fees\":\"133331\",", !recipient,
					   !recipient, !recipient, recipient ? 0 : 705);
}

/* A state of which only the hash is told. */
static void
write_state(CsSimText *text, const char *name, const uint8_t hash[TON_HASH])
{
	char		base64[TON_BASE64_SIZE];

	ton_base64(hash, base64);
	cs_sim_text_printf(text, ",\"%s\":{\"hash\":\"%s\",\"balance\":null,"
					   "\"extra_currencies\":null,\"account_status\":null,"
					   "\"frozen_hash\":null,\"data_hash\":null,"
					   "\"code_hash\":null}", name, base64);
}

/* Both states, with everything. */
static void
write_whole_states(CsSimText *text, const View *view, bool recipient)
{
	const TonTransfer *transfer = view->transfer;
	const TonParty *party = recipient ? &transfer->recipient :
		&transfer->sender;
	uint64_t	before = recipient ?
		party->balance - transfer->value + transfer->recipient_fee :
		party->balance + transfer->value + transfer->sender_fee;
	char		hash[TON_BASE64_SIZE];
	char		data[TON_BASE64_SIZE];

	for (int after = 0; after < 2; after++)
	{
		ton_base64(after ? party->state_after : party->state_before, hash);
		ton_base64(after ? party->hash : party->previous, data);
		cs_sim_text_printf(text, ",\"account_state_%s\":{\"hash\":\"%s\","
						   "\"balance\":\"%llu\",\"extra_currencies\":{},"
						   "\"account_status\":\"active\","
						   "\"frozen_hash\":null,\"data_hash\":\"%s\","
						   "\"code_hash\":\"" EMPTY_HASH "\"}", after ?
						   "after" : "before", hash, (unsigned long long)
						   (after ? party->balance : before), data);
	}
}

/* Whose transaction, when, and after which. */
static void
write_heading(CsSimText *text, const View *view, const TonParty *party,
			  bool recipient, bool in_trace)
{
	char		previous[TON_BASE64_SIZE];
	uint64_t	fees = recipient ? view->transfer->recipient_fee :
		view->transfer->sender_fee;

	ton_base64(party->previous, previous);
	cs_sim_text_printf(text,
					   "{\"account\":\"%s\",\"hash\":\"%s\","
					   "\"lt\":\"%llu\",\"now\":%lld,"
					   "\"mc_block_seqno\":%u",
					   party->text, recipient ? view->child : view->root,
					   side_lt(view, recipient, party->lt),
					   side_now(view, recipient),
					   side_master(view, recipient));
	if (!guessed(view, false))
		cs_sim_text_printf(text, ",\"trace_id\":\"%s\"", view->root);
	if (in_trace)
		cs_sim_text_printf(text, ",\"trace_external_hash\":\"%s\"",
						   view->external);
	cs_sim_text_printf(text,
					   ",\"prev_trans_hash\":\"%s\","
					   "\"prev_trans_lt\":\"%llu\","
					   "\"orig_status\":\"active\","
					   "\"end_status\":\"active\",\"total_fees\":\"%llu\","
					   "\"total_fees_extra_currencies\":{},",
					   previous, (unsigned long long) party->previous_lt,
					   (unsigned long long) fees);
}

static void
write_transaction(CsSimText *text, const View *view, bool recipient,
				  bool in_trace)
{
	const TonTransfer *transfer = view->transfer;
	const TonParty *party = recipient ? &transfer->recipient :
		&transfer->sender;

	write_heading(text, view, party, recipient, in_trace);
	write_description(text, view, recipient);
	cs_sim_text_printf(text,
					   ",\"block_ref\":{\"workchain\":%d,"
					   "\"shard\":\"8000000000000000\",\"seqno\":%u},"
					   "\"in_msg\":", party->address.workchain,
					   transfer->shard_seqno +
					   (guessed(view, recipient) ? GUESS_BLOCKS : 0));
	if (recipient)
		write_internal(text, view);
	else
		write_external(text, view);
	cs_sim_text_printf(text, ",\"out_msgs\":[");
	if (!recipient)
		write_internal(text, view);
	cs_sim_text_printf(text, "]");
	if (view->rest)
		write_whole_states(text, view, recipient);
	else
	{
		write_state(text, "account_state_before", party->state_before);
		write_state(text, "account_state_after", party->state_after);
	}
	cs_sim_text_printf(text, ",\"emulated\":%s,\"finality\":\"%s\"}",
					   guessed(view, recipient) ? "true" : "false",
					   cs_sim_tc_finalities[side_finality(view, recipient)]);
}

void
cs_sim_tc_write_rest(CsSimText *text, const TonTransfer *transfer,
					 bool recipient)
{
	const TcState state = {TC_FINALIZED, TC_FINALIZED};
	View		as;

	view(&as, transfer, state, true);
	as.rest = true;
	write_transaction(text, &as, recipient, false);
}

void
cs_sim_tc_write_block(CsSimText *text, uint64_t seed,
					  const TonTransfer *transfer)
{
	uint8_t		hash[TON_HASH];
	char		root[TON_BASE64_SIZE];
	char		file[TON_BASE64_SIZE];

	ton_make_hash(hash, seed, 'B', transfer->master_seqno);
	ton_base64(hash, root);
	ton_make_hash(hash, seed, 'D', transfer->master_seqno);
	ton_base64(hash, file);
	cs_sim_text_printf(text,
					   "{\"workchain\":-1,\"shard\":\"8000000000000000\","
					   "\"seqno\":%u,\"root_hash\":\"%s\","
					   "\"file_hash\":\"%s\",\"global_id\":-239,"
					   "\"version\":0,\"key_block\":false,"
					   "\"gen_utime\":\"%lld\",\"start_lt\":\"%llu\","
					   "\"end_lt\":\"%llu\",\"tx_count\":3,"
					   "\"masterchain_block_ref\":{\"workchain\":-1,"
					   "\"shard\":\"8000000000000000\",\"seqno\":%u}}",
					   transfer->master_seqno, root, file,
					   (long long) (transfer->time_ms / 1000),
					   (unsigned long long) transfer->sender.lt,
					   (unsigned long long) transfer->recipient.lt,
					   transfer->master_seqno);
}

/* ---------- items ---------- */

/* An item about a trace, with its head begun. */
static CsSimItem *
begin_item(TcType type, const View *view)
{
	CsSimItem  *item = cs_sim_tc_item_new(type, (int) view->finality);

	snprintf(item->trace, sizeof(item->trace), "%s", view->external);
	cs_sim_text_printf(&item->head,
					   "{\"type\":\"%s\",\"finality\":\"%s\","
					   "\"trace_external_hash_norm\":\"%s\"",
					   cs_sim_tc_topics[type],
					   cs_sim_tc_finalities[view->finality], view->external);
	return item;
}

void
cs_sim_tc_add_book(CsSimItem *item, const TonTransfer *transfer)
{
	/* The keys are sorted. */
	bool		swapped = strcmp(transfer->recipient.text,
								 transfer->sender.text) < 0;

	for (int i = 0; i < 2; i++)
	{
		const TonParty *party = (i == 0) == swapped ? &transfer->recipient :
			&transfer->sender;
		char		friendly[TON_FRIENDLY_SIZE];

		ton_friendly(&party->address, friendly);
		cs_sim_text_printf(&item->book, "%s\"%s\":{\"user_friendly\":\"%s\","
						   "\"domain\":null,"
						   "\"interfaces\":[\"wallet_v4r2\"]}",
						   i == 0 ? "{" : ",", party->text, friendly);
	}
	cs_sim_text_add(&item->book, "}", 1);
	cs_sim_text_add(&item->metadata, "{}", 2);
}

CsSimItem *
cs_sim_tc_transactions(const TonTransfer *transfer, TcState state,
					   bool only_emulated)
{
	View		as;
	CsSimItem  *item;

	view(&as, transfer, state, only_emulated);
	item = begin_item(TC_TRANSACTIONS, &as);
	for (int recipient = 1; recipient >= 0; recipient--)
	{
		TcPart	   *part;

		if (only_emulated && !guessed(&as, recipient))
			continue;
		part = cs_sim_tc_item_part(item, 1);
		part->accounts[0] = recipient ? transfer->recipient.address :
			transfer->sender.address;
		write_transaction(&part->text, &as, recipient, false);
	}
	ton_hex(guessed(&as, true) ? transfer->recipient.emulated :
			transfer->recipient.hash, item->hash);
	return item;
}

/* Add the one action that the transfer is. */
static void
add_action(CsSimItem *item, const View *view)
{
	const TonTransfer *transfer = view->transfer;
	unsigned long long start = side_lt(view, false, transfer->sender.lt);
	unsigned long long end = side_lt(view, true, transfer->recipient.lt);
	bool		pending = guessed(view, false);
	TcPart	   *part = cs_sim_tc_item_part(item, 2);
	uint8_t		id[TON_HASH];
	char		id_text[TON_BASE64_SIZE];

	ton_make_hash(id, transfer->number, 'i', 0);
	ton_base64(id, id_text);
	snprintf(part->type, sizeof(part->type), "ton_transfer");
	part->accounts[0] = transfer->sender.address;
	part->accounts[1] = transfer->recipient.address;
	cs_sim_text_printf(&part->text, "{\"trace_id\":%s%s%s,",
					   pending ? "" : "\"", pending ? "null" : view->root,
					   pending ? "" : "\"");
	cs_sim_text_printf(&part->text,
					   "\"action_id\":\"%s\",\"start_lt\":\"%llu\","
					   "\"end_lt\":\"%llu\",\"start_utime\":%lld,"
					   "\"end_utime\":%lld,\"trace_end_lt\":\"%llu\","
					   "\"trace_end_utime\":%lld,"
					   "\"trace_mc_seqno_end\":%u,"
					   "\"transactions\":[\"%s\",\"%s\"],"
					   "\"success\":true,\"type\":\"ton_transfer\","
					   "\"details\":{\"source\":\"%s\","
					   "\"destination\":\"%s\",\"value\":\"%llu\","
					   "\"value_extra_currencies\":{},\"comment\":null,"
					   "\"encrypted\":false},\"trace_external_hash\":\"%s\",",
					   id_text, start, end, side_now(view, false),
					   side_now(view, true), end, side_now(view, true),
					   side_master(view, true), view->root, view->child,
					   transfer->sender.text, transfer->recipient.text,
					   (unsigned long long) transfer->value, view->external);
	cs_sim_text_printf(&part->text,
					   "\"accounts\":[\"%s\",\"%s\"],\"finality\":\"%s\"}",
					   transfer->recipient.text, transfer->sender.text,
					   cs_sim_tc_finalities[view->finality]);
}

CsSimItem *
cs_sim_tc_actions(const TonTransfer *transfer, TcState state)
{
	View		as;
	CsSimItem  *item;

	view(&as, transfer, state, true);
	item = begin_item(TC_ACTIONS, &as);
	add_action(item, &as);
	ton_hex(transfer->external, item->hash);
	return item;
}

CsSimItem *
cs_sim_tc_trace(const TonTransfer *transfer, TcState state)
{
	View		as;
	CsSimItem  *item;
	bool		swapped;

	view(&as, transfer, state, true);
	item = begin_item(TC_TRACE, &as);
	cs_sim_text_printf(&item->head,
					   ",\"trace\":{\"tx_hash\":\"%s\","
					   "\"in_msg_hash\":\"%s\",\"children\":[{"
					   "\"tx_hash\":\"%s\",\"in_msg_hash\":\"%s\","
					   "\"children\":[]}]},\"transactions\":{",
					   as.root, as.external, as.child, as.internal);
	/* The keys are sorted. */
	swapped = strcmp(as.child, as.root) < 0;
	for (int i = 0; i < 2; i++)
	{
		bool		recipient = (i == 1) != swapped;

		cs_sim_text_printf(&item->head, "%s\"%s\":", i > 0 ? "," : "",
						   recipient ? as.child : as.root);
		write_transaction(&item->head, &as, recipient, true);
	}
	cs_sim_text_add(&item->head, "}", 1);
	add_action(item, &as);
	ton_hex(transfer->external, item->hash);
	return item;
}

CsSimItem *
cs_sim_tc_account_state(const TonTransfer *transfer, bool recipient,
						TcFinality finality)
{
	const TonParty *party = recipient ? &transfer->recipient :
		&transfer->sender;
	CsSimItem  *item = cs_sim_tc_item_new(TC_ACCOUNT_STATE, (int) finality);
	char		hash[TON_BASE64_SIZE];
	char		data[TON_BASE64_SIZE];

	ton_base64(party->state_after, hash);
	ton_base64(party->hash, data);
	item->accounts[item->account_count++] = party->address;
	ton_hex(party->state_after, item->hash);
	cs_sim_text_printf(&item->head,
					   "{\"type\":\"account_state_change\","
					   "\"finality\":\"%s\",\"account\":\"%s\","
					   "\"state\":{\"hash\":\"%s\",\"balance\":\"%llu\","
					   "\"extra_currencies\":null,"
					   "\"account_status\":\"active\","
					   "\"frozen_hash\":null,\"data_hash\":\"%s\","
					   "\"code_hash\":\"" EMPTY_HASH "\"}",
					   cs_sim_tc_finalities[finality], party->text, hash,
					   (unsigned long long) party->balance, data);
	return item;
}
