/*-------------------------------------------------------------------------
 *
 * tonapi_text.c
 *	  Synthetic transactions as TonAPI's REST interface has them.
 *
 * The members and their order are those of recorded answers: numbers are
 * numbers, hashes and addresses lower-case hexadecimal.
 *
 *-------------------------------------------------------------------------
 */
#include "tonapi.h"

#include <ctype.h>
#include <stdlib.h>

void
cs_sim_ta_address_text(const CsTonAddress *address,
					   char text[CS_TON_ADDRESS_MAX])
{
	cs_ton_address_encode(address, text);
	for (char *at = text; *at != '\0'; at++)
		*at = (char) tolower((unsigned char) *at);
}

/* An account that is nobody in particular. */
static void
write_account(CsSimText *text, const char *name, const CsTonAddress *address)
{
	char		account[CS_TON_ADDRESS_MAX];

	cs_sim_ta_address_text(address, account);
	cs_sim_text_printf(text, "\"%s\":{\"address\":\"%s\",\"is_scam\":false,"
					   "\"is_wallet\":true}", name, account);
}

/* Bytes as hexadecimal text, as a bag of one cell. */
static void
write_bag(CsSimText *text, const uint8_t *data, size_t size)
{
	uint8_t		bag[TON_BAG_OF_CELL(127)];
	char		hex[2 * sizeof(bag) + 1];
	size_t		length = ton_bag_of_cell(data, size, bag);

	cs_hex_encode_lower(bag, length, hex);
	cs_sim_text_add(text, hex, 2 * length);
}

/* The message of the wallet's owner. */
static void
write_external(CsSimText *text, const TonTransfer *transfer)
{
	const uint8_t *body = ton_transfer_body(transfer);
	char		hash[TON_HEX_SIZE];

	ton_hex(transfer->external, hash);
	cs_sim_text_printf(text,
					   "{\"msg_type\":\"ext_in_msg\",\"created_lt\":%llu,"
					   "\"ihr_disabled\":false,\"bounce\":false,"
					   "\"bounced\":false,\"value\":0,\"fwd_fee\":0,"
					   "\"ihr_fee\":0,",
					   (unsigned long long) transfer->sender.lt);
	write_account(text, "destination", &transfer->sender.address);
	cs_sim_text_printf(text,
					   ",\"import_fee\":0,\"created_at\":0,"
					   "\"op_code\":\"0x%02x%02x%02x%02x\","
					   "\"hash\":\"%s\",\"raw_body\":\"", body[0], body[1],
					   body[2], body[3], hash);
	write_bag(text, body, TON_BODY_SIZE);
	cs_sim_text_add(text, "\"}", 2);
}

/* The message that carries the money. */
static void
write_internal(CsSimText *text, const TonTransfer *transfer)
{
	char		hash[TON_HEX_SIZE];

	ton_hex(transfer->internal, hash);
	cs_sim_text_printf(text,
					   "{\"msg_type\":\"int_msg\",\"created_lt\":%llu,"
					   "\"ihr_disabled\":true,\"bounce\":false,"
					   "\"bounced\":false,\"value\":%llu,"
					   "\"fwd_fee\":266669,\"ihr_fee\":0,",
					   (unsigned long long) transfer->sender.lt + 1,
					   (unsigned long long) transfer->value);
	write_account(text, "destination", &transfer->recipient.address);
	cs_sim_text_add(text, ",", 1);
	write_account(text, "source", &transfer->sender.address);
	cs_sim_text_printf(text, ",\"import_fee\":0,\"created_at\":%lld,"
					   "\"hash\":\"%s\"}",
					   (long long) (transfer->time_ms / 1000), hash);
}

/* Whose transaction, when, and what it cost. */
static void
write_heading(CsSimText *text, const TonTransfer *transfer, bool recipient)
{
	const TonParty *party = recipient ? &transfer->recipient :
		&transfer->sender;
	char		hash[TON_HEX_SIZE];
	char		before[TON_HEX_SIZE];
	char		after[TON_HEX_SIZE];

	ton_hex(party->hash, hash);
	ton_hex(party->state_before, before);
	ton_hex(party->state_after, after);
	cs_sim_text_printf(text, "{\"hash\":\"%s\",\"lt\":%llu,", hash,
					   (unsigned long long) party->lt);
	write_account(text, "account", &party->address);
	cs_sim_text_printf(text,
					   ",\"success\":true,\"utime\":%lld,"
					   "\"orig_status\":\"active\","
					   "\"end_status\":\"active\",\"total_fees\":%llu,"
					   "\"end_balance\":%llu,"
					   "\"transaction_type\":\"TransOrd\","
					   "\"state_update_old\":\"%s\","
					   "\"state_update_new\":\"%s\"",
					   (long long) (transfer->time_ms / 1000),
					   (unsigned long long) (recipient ?
											 transfer->recipient_fee :
											 transfer->sender_fee),
					   (unsigned long long) party->balance, before, after);
}

void
cs_sim_ta_write_transaction(CsSimText *text, const TonTransfer *transfer,
							bool recipient)
{
	const TonParty *party = recipient ? &transfer->recipient :
		&transfer->sender;
	char		previous[TON_HEX_SIZE];

	ton_hex(party->previous, previous);
	write_heading(text, transfer, recipient);
	cs_sim_text_printf(text, ",\"in_msg\":");
	if (recipient)
		write_internal(text, transfer);
	else
		write_external(text, transfer);
	cs_sim_text_printf(text, ",\"out_msgs\":[");
	if (!recipient)
		write_internal(text, transfer);
	cs_sim_text_printf(text,
					   "],\"block\":\"(%d,8000000000000000,%u)\","
					   "\"prev_trans_hash\":\"%s\",\"prev_trans_lt\":%llu,"
					   "\"compute_phase\":{\"skipped\":false,"
					   "\"success\":true,%s,\"exit_code\":0,"
					   "\"exit_code_description\":\"Ok\"},"
					   "\"storage_phase\":{\"fees_collected\":2,"
					   "\"status_change\":\"acst_unchanged\"}",
					   party->address.workchain, transfer->shard_seqno,
					   previous, (unsigned long long) party->previous_lt,
					   recipient ?
					   "\"gas_fees\":40000,\"gas_used\":62,\"vm_steps\":3" :
					   "\"gas_fees\":1323200,\"gas_used\":3308,"
					   "\"vm_steps\":68");
	if (recipient)
		cs_sim_text_printf(text, ",\"credit_phase\":{\"fees_collected\":0,"
						   "\"credit\":%llu}",
						   (unsigned long long) transfer->value);
	cs_sim_text_printf(text,
					   ",\"action_phase\":{\"success\":true,"
					   "\"result_code\":0,\"total_actions\":%d,"
					   "\"skipped_actions\":0,\"fwd_fees\":%d,"
					   "\"total_fees\":%d},\"aborted\":false,"
					   "\"destroyed\":false,\"raw\":\"", !recipient,
					   recipient ? 0 : 400000, recipient ? 0 : 133331);
	write_bag(text, party->cell, TON_CELL_DATA);
	cs_sim_text_add(text, "\"}", 2);
}

void
cs_sim_ta_write_stranger(CsSimText *text, const CsTonAddress *account,
						 uint64_t lt, const char *hash)
{
	TonTransfer transfer = {.value = 1000000000};
	CsSimText	whole = {NULL, 0, 0};
	json_object *json;

	/* As of a transfer from nobody, but for the hash. */
	transfer.recipient.address = *account;
	transfer.recipient.lt = lt;
	transfer.sender.lt = lt - 2;
	transfer.recipient.previous_lt = lt - 1000;
	transfer.time_ms = 1700000000000 + (int64_t) (lt / 1000000);
	cs_sim_ta_write_transaction(&whole, &transfer, true);
	json = json_tokener_parse(whole.data);
	json_object_object_add(json, "hash", json_object_new_string(hash));
	json_object_object_del(json, "raw");
	ton_render(text, json);
	json_object_put(json);
	free(whole.data);
}

void
cs_sim_ta_write_head(CsSimText *text, uint64_t seed,
					 const TonTransfer *transfer)
{
	uint8_t		hash[TON_HASH];
	char		root[TON_HEX_SIZE];
	char		file[TON_HEX_SIZE];

	ton_make_hash(hash, seed, 'B', transfer->master_seqno);
	ton_hex(hash, root);
	ton_make_hash(hash, seed, 'D', transfer->master_seqno);
	ton_hex(hash, file);
	cs_sim_text_printf(text,
					   "{\"tx_quantity\":3,\"workchain_id\":-1,"
					   "\"shard\":\"8000000000000000\",\"seqno\":%u,"
					   "\"root_hash\":\"%s\",\"file_hash\":\"%s\","
					   "\"global_id\":-239,\"version\":0,"
					   "\"after_merge\":false,\"before_split\":false,"
					   "\"after_split\":false,\"want_split\":false,"
					   "\"want_merge\":true,\"key_block\":false,"
					   "\"gen_utime\":%lld,\"start_lt\":%llu,"
					   "\"end_lt\":%llu,\"vert_seqno\":1,"
					   "\"prev_refs\":[\"(-1,8000000000000000,%u)\"]}",
					   transfer->master_seqno, root, file,
					   (long long) (transfer->time_ms / 1000),
					   (unsigned long long) transfer->sender.lt,
					   (unsigned long long) transfer->recipient.lt,
					   transfer->master_seqno - 1);
}
