/*-------------------------------------------------------------------------
 *
 * toncenter_transaction.c
 *	  What the notifications of TON Center mean: transactions.
 *
 * What a transaction moves is ton_money.c's to say; here it is read, and its
 * rows are written.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/ton/ton_money.h"
#include "provider/toncenter/toncenter.h"

/* A transaction, as far as the rows show it. */
typedef struct Transaction
{
	CsTonMoney	money;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	CsStatus	finality;
	int64_t		time_us;
	int64_t		height;
	int64_t		fee;
} Transaction;

/* ---------- reading fields ---------- */

/* An amount of nanotons; 0 if it is null or missing. */
static bool
read_amount(struct json_object *object, const char *name, int64_t *amount,
			CsError *error)
{
	*amount = 0;
	if (cs_json_member(object, name) == NULL)
		return true;
	if (!cs_json_integer(object, name, amount, error))
		return false;
	if (*amount >= 0)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"%s\" is negative", name);
	return false;
}

/* A party; one that cannot be read is one all the same, but unknown. */
static bool
read_party(struct json_object *object, const char *name, CsTonAddress *address)
{
	CsText		text = cs_json_member_string(object, name);

	return text.data != NULL &&
		cs_ton_address_decode(text.data, text.length, address) ==
		CS_TON_ADDRESS_OK;
}

/* ---------- reading a transaction ---------- */

static bool
read_in_message(struct json_object *object, CsTonMoney *money, CsError *error)
{
	struct json_object *message = cs_json_object(object, "in_msg");
	CsTonAddress source;
	bool		known = read_party(message, "source", &source);
	int64_t		value;

	if (cs_json_member(message, "source") == NULL)
		return true;			/* the system's own, or the owner's */
	if (!read_amount(message, "value", &value, error))
		return false;
	cs_ton_receive(money, known ? &source : NULL, value,
				   cs_json_boolean(message, "bounced", false));
	return true;
}

/* What is sent; a message to nobody is a log entry, and has no value. */
static bool
read_out_messages(struct json_object *object, CsTonMoney *money,
				  CsError *error)
{
	struct json_object *list = cs_json_array(object, "out_msgs");
	size_t		count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
	{
		struct json_object *message = json_object_array_get_idx(list, i);
		CsTonAddress destination;
		bool		known;
		int64_t		value;

		if (!json_object_is_type(message, json_type_object))
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "\"out_msgs\" holds what is not an object");
			return false;
		}
		if (cs_json_member(message, "destination") == NULL)
			continue;
		known = read_party(message, "destination", &destination);
		if (!read_amount(message, "value", &value, error) ||
			!cs_ton_send(money, known ? &destination : NULL, value, error))
			return false;
	}
	return true;
}

/* What went wrong. */
static void
read_description(struct json_object *object, CsTonMoney *money)
{
	struct json_object *description = cs_json_object(object, "description");
	struct json_object *bounce = cs_json_object(description, "bounce");
	struct json_object *action = cs_json_object(description, "action");
	CsText		type = cs_json_member_string(bounce, "type");

	money->returned = type.data != NULL && strcmp(type.data, "ok") == 0;
	money->failed = cs_json_boolean(description, "aborted", false) ||
		!cs_json_boolean(action, "success", true);
}

static bool
read_transaction(const ToncenterNotice *notice, struct json_object *object,
				 Transaction *tx, CsError *error)
{
	memset(tx, 0, sizeof(*tx));
	if (!json_object_is_type(object, json_type_object))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"transactions\" holds what is not an object");
		return false;
	}
	if (!cs_ton_member_address(object, "account", &tx->money.account, error) ||
		!cs_ton_member_hash(object, "hash", tx->hash, error) ||
		!cs_toncenter_read_time(object, "now", &tx->time_us, error) ||
		!cs_toncenter_read_finality(object, notice->has_trace ?
									CS_STATUS_NONE : CS_STATUS_FINALIZED,
									&tx->finality, error) ||
		!read_amount(object, "total_fees", &tx->fee, error) ||
		!read_in_message(object, &tx->money, error) ||
		!read_out_messages(object, &tx->money, error))
		return false;
	read_description(object, &tx->money);

	/* Before that it is a guess. */
	tx->height = CS_NO_NUMBER;
	return tx->finality != CS_STATUS_FINALIZED ||
		cs_json_integer(object, "mc_block_seqno", &tx->height, error);
}

/* ---------- writing rows ---------- */

static CsText
write_amount(const ToncenterNotice *notice, int64_t amount)
{
	char		text[CS_DECIMAL64_DIGITS + 1];
	size_t		length = cs_int64_to_decimal(amount, text);

	return cs_output_text(notice->output, text, length);
}

/* What the rows of a transaction have in common. */
typedef struct Frame
{
	CsText		account;
	CsText		hash;
	CsText		payload;
} Frame;

static void
add_row(const ToncenterNotice *notice, const Transaction *tx,
		const Frame *frame, const CsTonMovement *movement)
{
	const char *network = notice->ton->base.network->name;
	CsText		amount = write_amount(notice, movement->amount);
	CsText		fee = movement->ordinal == 0 ? write_amount(notice, tx->fee) :
		CS_NO_TEXT;
	CsText		counterparty = movement->counterparty == NULL ? CS_NO_TEXT :
		cs_ton_write_address(notice->output, movement->counterparty);
	CsRecord   *record = cs_toncenter_new_record(notice,
												 CS_TABLE_TRANSACTIONS);

	if (record == NULL)
		return;
	record->status = tx->finality == CS_STATUS_FINALIZED && movement->failed ?
		CS_STATUS_FAILED : tx->finality;

	/* In a trace money is looked at, not counted: see the documentation. */
	if (notice->topic != TONCENTER_TRACE)
		record->direction = movement->direction;
	record->ordinal = movement->ordinal;
	record->occurred_at = tx->time_us;
	record->height = tx->height;
	record->hash = frame->hash;
	record->account = frame->account;
	record->counterparty = counterparty;
	record->amount = amount;
	record->asset = cs_piece(CS_TON_ASSET);
	record->fee = fee;
	record->payload = frame->payload;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network),
							cs_piece("t"), frame->account, frame->hash,
							cs_piece_bytes(&movement->ordinal,
										   sizeof(movement->ordinal))}, 6);
}

static void
add_transaction(ToncenterNotice *notice, const Transaction *tx, CsText key,
				CsText part)
{
	CsTonMovement movements[2];
	int			count = cs_ton_movements(&tx->money, movements);
	Frame		frame;

	frame.account = cs_ton_write_address(notice->output, &tx->money.account);
	if (notice->topic != TONCENTER_TRACE &&
		!cs_session_watches(&notice->ton->base, frame.account))
		return;
	frame.hash = cs_ton_write_hash(notice->output, tx->hash);
	frame.payload = cs_toncenter_payload(notice, "transactions", key, part);
	if (tx->height != CS_NO_NUMBER && tx->height > notice->height)
		notice->height = tx->height;
	for (int i = 0; i < count; i++)
		add_row(notice, tx, &frame, &movements[i]);
}

bool
cs_toncenter_read_transaction(ToncenterNotice *notice,
							  struct json_object *object, CsText key,
							  CsText part, CsError *error)
{
	Transaction tx;

	if (!read_transaction(notice, object, &tx, error))
		return false;
	if (tx.finality != CS_STATUS_PENDING)
		notice->emulated = false;
	add_transaction(notice, &tx, key, part);
	return true;
}
