/*-------------------------------------------------------------------------
 *
 * tonapi_transaction.c
 *	  What a whole transaction means, as TonAPI's REST interface returns it.
 *
 * A transaction on TON belongs to one account.  It is caused by one message
 * and may send others, each of which causes a transaction of its recipient.
 * So what an account receives and what it sends are told from its own
 * transactions alone, and nothing is counted from both ends:
 *
 *	  a message from another account		in: its value
 *	  such a message that had bounced		self: own money comes back
 *	  an external message, or one from
 *	  the account to itself					out: the sum of what it sends
 *
 * An account that receives and sends in one transaction has a row for each.
 * The rules are those of the provider for TON Center, so that rows agree.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/tonapi.h"

/* End of the year 9999, in seconds since 1970. */
#define TIME_MAX_S INT64_C(253402300799)

/* A transaction, as far as the rows show it. */
typedef struct Transaction
{
	CsTonAddress address;
	TonapiAccount account;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		time;			/* seconds since 1970 */
	int64_t		fee;

	bool		from_other;		/* caused by another account's message */
	bool		from_itself;	/* by one of its own */
	bool		came_back;		/* by one of its own that bounced elsewhere */
	CsTonAddress source;
	int64_t		received;

	int			messages;		/* to other accounts */
	CsTonAddress destination;	/* of the last of them */
	int64_t		sent;			/* with them */
	int64_t		kept;			/* with messages to itself */

	bool		returned;		/* what was received went back */
	bool		failed;			/* what was to be done was not */
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
read_in_message(struct json_object *object, Transaction *tx, CsError *error)
{
	struct json_object *message = cs_json_object(object, "in_msg");

	if (message == NULL || !is_internal(message))
		return true;			/* the system's own, or the owner's */
	if (!read_amount(message, "value", &tx->received, error) ||
		!read_party(message, "source", &tx->source, error))
		return false;
	tx->from_itself = cs_ton_same_account(&tx->source, &tx->address);
	tx->from_other = !tx->from_itself;
	tx->came_back = tx->from_other &&
		cs_json_boolean(message, "bounced", false);
	return true;
}

static bool
read_out_messages(struct json_object *object, Transaction *tx, CsError *error)
{
	struct json_object *list = cs_json_array(object, "out_msgs");
	size_t		count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
	{
		struct json_object *message = json_object_array_get_idx(list, i);
		CsTonAddress destination;
		int64_t		value;
		int64_t    *sum = &tx->sent;

		if (!is_internal(message))
			continue;
		if (!read_amount(message, "value", &value, error) ||
			!read_party(message, "destination", &destination, error))
			return false;
		if (cs_ton_same_account(&destination, &tx->address))
			sum = &tx->kept;
		else
		{
			tx->messages++;
			tx->destination = destination;
		}
		if (value > INT64_MAX - *sum)
		{
			cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
						 "the values of \"out_msgs\" are too large");
			return false;
		}
		*sum += value;
	}
	return true;
}

/*
 * What went wrong.  A transaction that was aborted has received its value all
 * the same, unless it went back; but it has not done what it was asked for.
 * "success" says nothing of either.
 */
static void
read_outcome(struct json_object *object, Transaction *tx)
{
	CsText		bounce = cs_json_member_string(object, "bounce_phase");

	tx->returned = bounce.data != NULL &&
		strcmp(bounce.data, "TrPhaseBounceOk") == 0;
	tx->failed = cs_json_boolean(object, "aborted", false) ||
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
		!read_party(object, "account", &tx->address, error) ||
		!cs_json_integer(object, "utime", &tx->time, error) ||
		!read_amount(object, "total_fees", &tx->fee, error))
		return false;
	if (tx->time < 0 || tx->time > TIME_MAX_S)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"utime\" is out of range");
		return false;
	}
	if (!read_in_message(object, tx, error) ||
		!read_out_messages(object, tx, error))
		return false;
	tx->account = cs_tonapi_account(&tx->address);
	read_outcome(object, tx);
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

/* One end of what a transaction moves. */
typedef struct Movement
{
	int32_t		ordinal;
	CsDirection direction;
	int64_t		amount;
	const CsTonAddress *counterparty;	/* NULL: none, or several */
	bool		failed;
} Movement;

/* The fee is the transaction's: it stands in its first row alone. */
static void
add_row(const TonapiNotice *notice, const Transaction *tx,
		const Movement *movement)
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

/* What the account sends: to one other account, several, or itself. */
static Movement
sent_movement(const Transaction *tx)
{
	Movement	movement = {.failed = tx->failed};

	if (tx->messages > 0)
	{
		movement.direction = CS_DIRECTION_OUT;
		movement.amount = tx->sent;
		if (tx->messages == 1)
			movement.counterparty = &tx->destination;
	}
	else if (tx->kept > 0 || tx->from_itself)
	{
		movement.direction = CS_DIRECTION_SELF;
		movement.amount = tx->kept > 0 ? tx->kept : tx->received;
		movement.counterparty = &tx->address;
	}
	return movement;
}

static void
add_transaction(const TonapiNotice *notice, const Transaction *tx)
{
	Movement	movement = {0};

	if (!tx->from_other)
	{
		movement = sent_movement(tx);
		add_row(notice, tx, &movement);
		return;
	}
	movement.direction = tx->came_back ? CS_DIRECTION_SELF : CS_DIRECTION_IN;
	movement.amount = tx->received;
	movement.counterparty = &tx->source;
	movement.failed = tx->returned;
	add_row(notice, tx, &movement);
	if (tx->returned || tx->sent == 0)
		return;
	movement = sent_movement(tx);
	movement.ordinal = 1;
	add_row(notice, tx, &movement);
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
