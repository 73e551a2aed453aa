/*-------------------------------------------------------------------------
 *
 * symbol_records.c
 *	  What the messages of a Symbol gateway mean.
 *
 * What an announced transaction does is found out in symbol_transactions.c,
 * and what becomes of it in symbol_ledger.c.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "provider/identity.h"
#include "provider/output.h"
#include "provider/symbol/symbol_reading.h"

/* ---------- topics ---------- */

/* What a confirmed transaction has cost; only REST answers tell. */
static void
read_fee(SymbolReading *reading, struct json_object *transaction,
		 struct json_object *meta)
{
	int64_t		size;
	int64_t		multiplier;

	if (cs_json_integer(transaction, "size", &size, NULL) &&
		cs_json_integer(meta, "feeMultiplier", &multiplier, NULL) &&
		size >= 0 && size <= UINT32_MAX && multiplier >= 0 &&
		multiplier <= UINT32_MAX)
	{
		reading->has_fee = true;
		reading->fee = (uint64_t) size * (uint64_t) multiplier;
	}
}

/* A transaction is announced. */
static bool
read_added(SymbolReading *reading, struct json_object *data, CsText text,
		   CsError *error)
{
	SymbolSession *symbol = reading->notice.symbol;
	struct json_object *transaction = cs_json_object(data, "transaction");
	struct json_object *meta = cs_json_object(data, "meta");
	int64_t		height = 0;
	int64_t		type;
	uint8_t		hash[32];

	if (transaction == NULL || meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"%s\" is missing or not an object",
					 transaction == NULL ? "transaction" : "meta");
		return false;
	}
	if (!cs_symbol_read_member(meta, "hash", hash, sizeof(hash), error))
		return false;
	if (reading->confirmed &&
		!cs_symbol_read_height(meta, "height", &height, error))
		return false;
	if (reading->confirmed && height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a confirmed transaction has the height 0");
		return false;
	}
	if (reading->confirmed)
		read_fee(reading, transaction, meta);
	text = cs_json_slice_member(text, "transaction");
	symbol->announcement_count = 0;
	if (!cs_symbol_read_transaction(reading, transaction, text,
									reading->notice.payload, &type, error))
		return false;
	if ((type == SYMBOL_TYPE_AGGREGATE_BONDED ||
		 type == SYMBOL_TYPE_AGGREGATE_COMPLETE) &&
		!cs_symbol_read_embedded(reading, transaction, text, error))
		return false;
	cs_symbol_add_concerned(reading);
	if (!cs_output_failed(reading->notice.output))
		cs_ledger_announce(&reading->notice, hash,
						   reading->confirmed ? height : CS_NO_NUMBER,
						   reading->confirmed ? cs_symbol_read_time(symbol,
																	meta) :
						   CS_NO_NUMBER);
	return true;
}

static bool
read_removed(const SymbolReading *reading, struct json_object *data,
			 CsError *error)
{
	struct json_object *meta = cs_json_object(data, "meta");
	SymbolRow	row = {.has_account = reading->in_topic};
	uint8_t		hash[32];

	if (meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"meta\" is missing or not an object");
		return false;
	}
	if (!cs_symbol_read_member(meta, "hash", hash, sizeof(hash), error))
		return false;
	if (reading->in_topic)
		memcpy(row.account, reading->topic_address, sizeof(row.account));
	cs_ledger_removed(&reading->notice, hash, &row);
	return true;
}

/* The message does not say whose transaction it was, but the ledger may know. */
static bool
read_status(const SymbolReading *reading, struct json_object *data,
			CsError *error)
{
	const SymbolSession *symbol = reading->notice.symbol;
	SymbolFacts facts = {.status = CS_STATUS_FAILED, .height = CS_NO_NUMBER,
						 .occurred_at = CS_NO_NUMBER};
	SymbolRow	row = {.has_account = reading->in_topic};
	const SymbolRow *known;
	CsText		code;
	CsText		named;
	CsRecord   *record;

	if (!cs_symbol_read_member(data, "hash", facts.hash, sizeof(facts.hash),
							   error) ||
		!cs_json_text(data, "code", &code, error))
		return false;
	if (!reading->in_topic && !symbol->base.everything)
		return true;
	known = cs_ledger_failed(symbol->ledger, facts.hash);
	if (reading->in_topic)
		memcpy(row.account, reading->topic_address, sizeof(row.account));
	else if (known != NULL)
		row = *known;
	row.ordinal = 0;
	record = cs_symbol_write_row(&reading->notice, &facts, &row,
								 reading->notice.payload);
	if (record == NULL)
		return true;
	named = reading->in_topic ? record->account : CS_NO_TEXT;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(symbol->base.network->name),
							cs_piece_bytes(facts.hash, 32), code, named}, 5);
	return true;
}

static bool
read_cosignature(const SymbolReading *reading, struct json_object *data,
				 CsError *error)
{
	const SymbolNotice *notice = &reading->notice;
	const SymbolSession *symbol = notice->symbol;
	uint8_t		hash[32];
	SymbolAddress		signer;
	CsText		hash_text;
	CsText		account;
	CsRecord   *record;

	if (!cs_symbol_read_member(data, "parentHash", hash, sizeof(hash),
							   error) ||
		!cs_symbol_read_signer(symbol, data, signer, error))
		return false;
	if (!symbol->base.everything && !reading->in_topic &&
		!cs_symbol_watches(symbol, signer))
		return true;
	hash_text = cs_symbol_write_hash(notice->output, hash);
	account = cs_symbol_write_address(notice->output, signer);
	record = cs_symbol_new_record(notice, CS_TABLE_EVENTS, notice->payload);
	if (record == NULL)
		return true;
	record->status = CS_STATUS_PENDING;
	record->hash = record->transaction_hash = hash_text;
	record->account = account;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(symbol->base.network->name),
							cs_piece_bytes(hash, 32), account}, 4);
	return true;
}

static bool
read_block(const SymbolReading *reading, struct json_object *data,
		   CsError *error)
{
	SymbolSession *symbol = reading->notice.symbol;
	struct json_object *object = cs_json_object(data, "block");
	struct json_object *meta = cs_json_object(data, "meta");
	SymbolBlock block = {.whole = true};

	if (object == NULL || meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"%s\" is missing or not an object",
					 object == NULL ? "block" : "meta");
		return false;
	}
	if (!cs_symbol_check_network(symbol, object, error) ||
		!cs_symbol_read_height(object, "height", &block.height, error) ||
		!cs_symbol_read_member(meta, "hash", block.hash, 32, error) ||
		!cs_symbol_read_member(object, "previousBlockHash", block.parent, 32,
							   error) ||
		!cs_symbol_read_signer(symbol, object, block.producer, error))
		return false;
	if (block.height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a block has the height 0");
		return false;
	}
	block.time_us = cs_symbol_read_time(symbol, object);
	cs_ledger_block(&reading->notice, &block);
	return true;
}

static bool
read_finalized(const SymbolReading *reading, struct json_object *data,
			   CsError *error)
{
	SymbolBlock block = {.time_us = CS_NO_NUMBER};

	if (!cs_symbol_read_height(data, "height", &block.height, error) ||
		!cs_symbol_read_member(data, "hash", block.hash, 32, error))
		return false;
	if (block.height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a block has the height 0");
		return false;
	}
	cs_ledger_finalized(&reading->notice, &block);
	return true;
}

/* ---------- notifications ---------- */

bool
cs_symbol_records(SymbolSession *symbol, SymbolTopicId topic, CsText address,
				  struct json_object *data, const CsMessage *message,
				  int64_t now_ms, CsOutput *output, CsError *error)
{
	SymbolReading		reading = {.notice = {.symbol = symbol, .topic = topic,
		.subscription_id = symbol->topics[topic].subscription_id,
		.received_at = message->received_at, .now_ms = now_ms,
		.payload = cs_message_text(message), .output = output}};
	CsText		text = cs_json_slice_member(reading.notice.payload, "data");

	if (text.data == NULL)
		text = reading.notice.payload;
	reading.confirmed = topic == SYMBOL_CONFIRMED_ADDED;
	reading.in_topic = cs_symbol_address_decode(address.data, address.length,
												reading.topic_address) &&
		cs_symbol_watches(symbol, reading.topic_address);
	switch (topic)
	{
		case SYMBOL_BLOCK:
			return read_block(&reading, data, error);
		case SYMBOL_FINALIZED_BLOCK:
			return read_finalized(&reading, data, error);
		case SYMBOL_CONFIRMED_ADDED:
		case SYMBOL_UNCONFIRMED_ADDED:
		case SYMBOL_PARTIAL_ADDED:
			return read_added(&reading, data, text, error);
		case SYMBOL_UNCONFIRMED_REMOVED:
		case SYMBOL_PARTIAL_REMOVED:
			return read_removed(&reading, data, error);
		case SYMBOL_COSIGNATURE:
			return read_cosignature(&reading, data, error);
		default:
			return read_status(&reading, data, error);
	}
}
