/*-------------------------------------------------------------------------
 *
 * symbol_rows.c
 *	  Rows of the Symbol provider, from what is known in binary form.
 *
 * What rows say is kept in binary form until they are written, so that the
 * ledger can hold many of them, and so that a row that comes again with
 * another status says the same.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "provider/identity.h"
#include "provider/symbol/symbol.h"

/* symbol.xym, the alias of the native coin on every network. */
#define CURRENCY_ALIAS UINT64_C(0xE74B99BA41F4AFEE)

bool
cs_symbol_watches(const SymbolSession *symbol,
				  const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	char		text[CS_SYMBOL_TEXT_LENGTH + 1];

	if (symbol->base.address_count == 0)
		return false;
	cs_symbol_address_encode(address, text);
	return cs_session_watches(&symbol->base,
							  (CsText) {text, CS_SYMBOL_TEXT_LENGTH});
}

bool
cs_symbol_wants(const SymbolSession *symbol, const SymbolRow *row)
{
	return symbol->base.everything ||
		(row->has_account && cs_symbol_watches(symbol, row->account));
}

CsText
cs_symbol_write_address(CsOutput *output,
						const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	char	   *text = cs_output_alloc(output, CS_SYMBOL_TEXT_LENGTH + 1);

	if (text == NULL)
		return CS_NO_TEXT;
	cs_symbol_address_encode(address, text);
	return (CsText) {text, CS_SYMBOL_TEXT_LENGTH};
}

CsText
cs_symbol_write_hash(CsOutput *output, const uint8_t hash[32])
{
	char	   *text = cs_output_alloc(output, 65);

	if (text == NULL)
		return CS_NO_TEXT;
	cs_hex_encode_upper(hash, 32, text);
	text[64] = '\0';
	return (CsText) {text, 64};
}

/* An unsigned number in decimal. */
static CsText
write_number(CsOutput *output, uint64_t number)
{
	char		text[24];
	int			length = snprintf(text, sizeof(text), "%" PRIu64, number);

	return cs_output_text(output, text, (size_t) length);
}

/* The name of the native coin, else the mosaic's id. */
static CsText
write_asset(const SymbolNotice *notice, uint64_t mosaic)
{
	const SymbolSession *symbol = notice->symbol;
	char		text[24];

	if (mosaic == symbol->currency || mosaic == CURRENCY_ALIAS)
		return cs_piece(symbol->base.network->asset);
	(void) snprintf(text, sizeof(text), "%016" PRIX64, mosaic);
	return cs_output_text(notice->output, text, 16);
}

CsRecord *
cs_symbol_new_record(const SymbolNotice *notice, CsTable table, CsText payload)
{
	CsRecord   *record = cs_output_record(notice->output);
	const char *topic =
		notice->symbol->base.provider->topics[notice->topic].name;

	if (record == NULL)
		return NULL;
	record->table = table;
	record->topic = topic;
	record->kind = table == CS_TABLE_EVENTS ? topic : NULL;
	record->subscription_id = notice->subscription_id;
	record->received_at = notice->received_at;
	record->payload = payload;
	if (notice->kept)
		record->message = payload;
	return record;
}

/*
 * What makes a row itself.  The same transaction is pending in two pools, and
 * it may be confirmed in one block after another; final it is once.
 */
static void
identify(const SymbolNotice *notice, const SymbolFacts *facts,
		 const SymbolRow *row, CsRecord *record)
{
	char		status = (char) ('0' + facts->status);
	uint8_t		direction = row->direction;
	bool		pending = facts->status == CS_STATUS_PENDING;
	bool		final = facts->status == CS_STATUS_FINALIZED;

	cs_identity(record->identity,
				(CsText[]) {cs_piece("transaction"),
							cs_piece(notice->symbol->base.network->name),
							cs_piece_bytes(&status, 1),
							cs_piece(pending ? record->topic : NULL),
							cs_piece_bytes(facts->hash, 32),
							record->account,
							cs_piece_bytes(&row->ordinal,
										   sizeof(row->ordinal)),
							cs_piece_bytes(&direction, 1),
							cs_piece_bytes(final ? NULL : &facts->height,
										   sizeof(facts->height)),
							cs_piece_bytes(final ? NULL : &facts->life,
										   sizeof(facts->life))}, 10);
}

CsRecord *
cs_symbol_write_row(const SymbolNotice *notice, const SymbolFacts *facts,
					const SymbolRow *row, CsText payload)
{
	CsOutput   *output = notice->output;
	CsRecord	filled = {.height = facts->height};
	CsRecord   *record;

	filled.hash = cs_symbol_write_hash(output, facts->hash);
	if (row->has_account)
		filled.account = cs_symbol_write_address(output, row->account);
	if (row->has_counterparty)
		filled.counterparty = cs_symbol_write_address(output,
													  row->counterparty);
	if (row->has_amount)
	{
		filled.amount = write_number(output, row->amount);
		filled.asset = write_asset(notice, row->mosaic);
	}
	if (row->has_fee)
		filled.fee = write_number(output, row->fee);
	if (facts->block_hash != NULL)
		filled.block_hash = cs_symbol_write_hash(output, facts->block_hash);

	record = cs_symbol_new_record(notice, CS_TABLE_TRANSACTIONS, payload);
	if (record == NULL)
		return NULL;
	record->status = facts->status;
	record->direction = (CsDirection) row->direction;
	record->ordinal = row->ordinal;
	record->height = facts->height;
	record->occurred_at = facts->occurred_at;
	record->hash = filled.hash;
	record->account = filled.account;
	record->counterparty = filled.counterparty;
	record->amount = filled.amount;
	record->asset = filled.asset;
	record->fee = filled.fee;
	record->block_hash = filled.block_hash;
	identify(notice, facts, row, record);
	return record;
}

void
cs_symbol_write_block(const SymbolNotice *notice, CsStatus status,
					  const SymbolBlock *block)
{
	CsOutput   *output = notice->output;
	CsText		hash = cs_symbol_write_hash(output, block->hash);
	CsText		parent = CS_NO_TEXT;
	CsText		producer = CS_NO_TEXT;
	char		letter = (char) ('0' + status);
	CsRecord   *record;

	if (block->whole)
	{
		parent = cs_symbol_write_hash(output, block->parent);
		producer = cs_symbol_write_address(output, block->producer);
	}
	record = cs_symbol_new_record(notice, CS_TABLE_BLOCKS, notice->payload);
	if (record == NULL)
		return;
	record->status = status;
	record->height = block->height;
	record->occurred_at = block->whole ? block->time_us : CS_NO_NUMBER;
	record->hash = hash;
	record->block_hash = parent;
	record->account = producer;
	cs_identity(record->identity,
				(CsText[]) {cs_piece("block"),
							cs_piece(notice->symbol->base.network->name),
							cs_piece_bytes(&letter, 1),
							cs_piece_bytes(block->hash, 32),
							cs_piece_bytes(status == CS_STATUS_FINALIZED ?
										   NULL :
										   &block->life,
										   sizeof(block->life))}, 5);
}
