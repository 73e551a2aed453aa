/*-------------------------------------------------------------------------
 *
 * tonapi_transaction.c
 *	  What a whole transaction means, as TonAPI's REST interface returns it.
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
#include "provider/output.h"
#include "provider/ton/ton_money.h"
#include "provider/tonapi/tonapi.h"

/* End of the year 9999, in seconds since 1970. */
#define TIME_MAX_S INT64_C(253402300799)

/* A transaction, as far as the rows show it. */
typedef struct Transaction
{
	CsTonMoney	money;
	TonapiAccount account;		/* the same as money.account, for look-ups */
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		time;			/* seconds since 1970 */
	int64_t		fee;
} Transaction;

/* ---------- reading ---------- */

/* The address in an account of the REST interface, which is an object. */
static bool
read_party(struct json_object *object, const char *name, CsTonAddress *address,
		   CsError *error)
{
	struct json_object *party = cs_json_object(object, name);

	if (party != NULL)
		return cs_ton_member_address(party, "address", address, error);
	cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
				 "\"%s\" is missing or not an object", name);
	return false;
}

/* Nanotons, a number here.  Never below zero. */
static bool
read_amount(struct json_object *object, const char *name, int64_t *amount,
			CsError *error)
{
	if (!cs_json_integer(object, name, amount, error))
		return false;
	if (*amount >= 0)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"%s\" is negative", name);
	return false;
}

/* Is it a message between accounts, the only kind that carries money? */
static bool
is_internal(struct json_object *message)
{
	CsText		type = cs_json_member_string(message, "msg_type");

	return type.data != NULL && strcmp(type.data, "int_msg") == 0;
}

static bool
read_in_message(struct json_object *object, CsTonMoney *money, CsError *error)
{
	struct json_object *message = cs_json_object(object, "in_msg");
	CsTonAddress source;
	int64_t		value;

	if (message == NULL || !is_internal(message))
		return true;			/* the system's own, or the owner's */
	if (!read_amount(message, "value", &value, error) ||
		!read_party(message, "source", &source, error))
		return false;
	cs_ton_receive(money, &source, value,
				   cs_json_boolean(message, "bounced", false));
	return true;
}

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
		int64_t		value;

		if (!is_internal(message))
			continue;
		if (!read_amount(message, "value", &value, error) ||
			!read_party(message, "destination", &destination, error) ||
			!cs_ton_send(money, &destination, value, error))
			return false;
	}
	return true;
}

/*
 * What went wrong.  "success" does not say whether the value went back.
 */
static void
read_outcome(struct json_object *object, CsTonMoney *money)
{
	CsText		bounce = cs_json_member_string(object, "bounce_phase");

	money->returned = bounce.data != NULL &&
		strcmp(bounce.data, "TrPhaseBounceOk") == 0;
	money->failed = cs_json_boolean(object, "aborted", false) ||
		!cs_json_boolean(cs_json_object(object, "action_phase"), "success",
						 true);
}

/*
 * The number of a block in its shard, out of "(workchain,shard,number)"; the
 * documentation has the last two in the other order, where the number would
 * be a shard and is too large.
 */
static int64_t
read_height(struct json_object *object)
{
	CsText		block = cs_json_member_string(object, "block");
	const char *comma = block.data ? strrchr(block.data, ',') : NULL;
	size_t		length;
	int64_t		height;

	if (comma == NULL)
		return CS_NO_NUMBER;
	length = strlen(comma + 1);
	if (length < 2 || comma[length] != ')' ||
		!cs_decimal_to_int64(comma + 1, length - 1, &height) ||
		height < 0 || height > UINT32_MAX)
		return CS_NO_NUMBER;
	return height;
}

static bool
read_transaction(struct json_object *object, Transaction *tx, CsError *error)
{
	memset(tx, 0, sizeof(*tx));
	if (!cs_ton_member_hash(object, "hash", tx->hash, error) ||
		!read_party(object, "account", &tx->money.account, error) ||
		!cs_json_integer(object, "utime", &tx->time, error) ||
		!read_amount(object, "total_fees", &tx->fee, error))
		return false;
	if (tx->time < 0 || tx->time > TIME_MAX_S)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"utime\" is out of range");
		return false;
	}
	if (!read_in_message(object, &tx->money, error) ||
		!read_out_messages(object, &tx->money, error))
		return false;
	tx->account = cs_tonapi_account(&tx->money.account);
	read_outcome(object, &tx->money);
	return true;
}

/* ---------- writing rows ---------- */

static CsText
write_amount(const TonapiNotice *notice, int64_t amount)
{
	char		text[CS_DECIMAL64_DIGITS + 1];
	size_t		length = cs_int64_to_decimal(amount, text);

	return cs_output_text(notice->output, text, length);
}

/* The fee is the transaction's: it stands in its first row alone. */
static void
add_row(const TonapiNotice *notice, const Transaction *tx,
		const CsTonMovement *movement)
{
	CsRecord   *record = cs_tonapi_record(notice, CS_TABLE_TRANSACTIONS,
										  movement->failed ?
										  CS_STATUS_FAILED :
										  CS_STATUS_FINALIZED);

	if (record == NULL)
		return;
	record->direction = movement->direction;
	record->ordinal = movement->ordinal;
	record->occurred_at = tx->time * 1000000;
	record->height = read_height(notice->params);
	record->hash = cs_ton_write_hash(notice->output, tx->hash);
	record->account = cs_tonapi_write_account(notice, &tx->account);
	if (movement->counterparty != NULL)
		record->counterparty = cs_ton_write_address(notice->output,
													movement->counterparty);
	record->amount = write_amount(notice, movement->amount);
	record->asset = cs_piece(notice->tonapi->base.network->asset);
	if (movement->ordinal == 0)
		record->fee = write_amount(notice, tx->fee);
	cs_tonapi_identify(notice, record, tx->hash,
					   movement->ordinal == 0 ? "transaction" : "sent");
}

static void
add_transaction(const TonapiNotice *notice, const Transaction *tx)
{
	CsTonMovement movements[2];
	int			count = cs_ton_movements(&tx->money, movements);

	for (int i = 0; i < count; i++)
		add_row(notice, tx, &movements[i]);
}

bool
cs_tonapi_read_transaction(const TonapiNotice *notice, CsError *error)
{
	Transaction tx;

	if (!read_transaction(notice->params, &tx, error))
		return false;
	if (notice->tonapi->base.everything ||
		cs_tonapi_watches(notice, &tx.account))
		add_transaction(notice, &tx);
	return true;
}

/* The payload of each row is its own part. */
bool
cs_tonapi_read_list(const TonapiNotice *notice, CsError *error)
{
	struct json_object *list = cs_json_array(notice->params, "transactions");
	CsText		text = cs_json_slice_member(notice->payload, "transactions");
	size_t		position = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		TonapiNotice element = *notice;

		element.params = json_object_array_get_idx(list, i);
		element.payload = cs_json_slice_next(text, &position);
		if (!json_object_is_type(element.params, json_type_object))
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "\"transactions\" has an element that is no object");
			return false;
		}
		if (!cs_tonapi_read_transaction(&element, error))
			return false;
	}
	return true;
}
