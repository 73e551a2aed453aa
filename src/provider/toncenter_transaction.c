/*-------------------------------------------------------------------------
 *
 * toncenter_transaction.c
 *	  What the notifications of TON Center mean: transactions.
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
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/toncenter.h"

/* A transaction, as far as the rows show it. */
typedef struct Transaction
{
	CsTonAddress account;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	CsStatus	finality;
	int64_t		time_us;
	int64_t		height;
	int64_t		fee;

	bool		from_other;		/* caused by another account's message */
	bool		from_itself;	/* by one of its own */
	bool		came_back;		/* by one of its own that bounced elsewhere */
	bool		source_known;
	CsTonAddress source;
	int64_t		received;

	int			messages;		/* to other accounts */
	CsTonAddress destination;	/* of the first of them */
	bool		destination_known;
	int64_t		sent;			/* with them */
	int64_t		kept;			/* with messages to itself */

	bool		returned;		/* what was received went back */
	bool		failed;			/* what was to be done was not */
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
read_in_message(struct json_object *object, Transaction *tx, CsError *error)
{
	struct json_object *message = cs_json_object(object, "in_msg");
	bool		has_source;

	if (message == NULL)		/* the system's own transactions */
		return true;
	if (!read_amount(message, "value", &tx->received, error))
		return false;
	has_source = cs_json_member(message, "source") != NULL;
	tx->source_known = read_party(message, "source", &tx->source);
	tx->from_itself = tx->source_known &&
		cs_ton_same_account(&tx->source, &tx->account);
	tx->from_other = has_source && !tx->from_itself;
	tx->came_back = tx->from_other &&
		cs_json_boolean(message, "bounced", false);
	return true;
}

static bool
add_up(int64_t *sum, int64_t value, CsError *error)
{
	if (value <= INT64_MAX - *sum)
	{
		*sum += value;
		return true;
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "the values of \"out_msgs\" are too large");
	return false;
}

/* What is sent; a message to nobody is a log entry, and has no value. */
static bool
read_out_messages(struct json_object *object, Transaction *tx, CsError *error)
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
		if (!read_amount(message, "value", &value, error))
			return false;
		if (known && cs_ton_same_account(&destination, &tx->account))
		{
			if (!add_up(&tx->kept, value, error))
				return false;
			continue;
		}
		if (tx->messages++ == 0 && known)
		{
			tx->destination = destination;
			tx->destination_known = true;
		}
		if (!add_up(&tx->sent, value, error))
			return false;
	}
	return true;
}

/*
 * What went wrong.  A transaction that was aborted has received its value all
 * the same, unless it went back; but it has not done what it was asked for.
 */
static void
read_description(struct json_object *object, Transaction *tx)
{
	struct json_object *description = cs_json_object(object, "description");
	struct json_object *bounce = cs_json_object(description, "bounce");
	struct json_object *action = cs_json_object(description, "action");
	CsText		type = cs_json_member_string(bounce, "type");

	tx->returned = type.data != NULL && strcmp(type.data, "ok") == 0;
	tx->failed = cs_json_boolean(description, "aborted", false) ||
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
	if (!cs_ton_member_address(object, "account", &tx->account, error) ||
		!cs_ton_member_hash(object, "hash", tx->hash, error) ||
		!cs_toncenter_read_time(object, "now", &tx->time_us, error) ||
		!cs_toncenter_read_finality(object, notice->has_trace ?
									CS_STATUS_NONE : CS_STATUS_FINALIZED,
									&tx->finality, error) ||
		!read_amount(object, "total_fees", &tx->fee, error) ||
		!read_in_message(object, tx, error) ||
		!read_out_messages(object, tx, error))
		return false;
	read_description(object, tx);

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

/* One end of what a transaction moves. */
typedef struct Movement
{
	int32_t		ordinal;
	CsDirection direction;
	int64_t		amount;
	const CsTonAddress *counterparty;	/* NULL: none, several or unknown */
	bool		failed;
} Movement;

/* What the rows of a transaction have in common. */
typedef struct Frame
{
	CsText		account;
	CsText		hash;
	CsText		payload;
} Frame;

static void
add_row(const ToncenterNotice *notice, const Transaction *tx,
		const Frame *frame, const Movement *movement)
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

/* What the account sends; to one other account, several, or itself. */
static Movement
sent_movement(const Transaction *tx)
{
	Movement	movement = {.failed = tx->failed};

	if (tx->messages > 0)
	{
		movement.direction = CS_DIRECTION_OUT;
		movement.amount = tx->sent;
		if (tx->messages == 1 && tx->destination_known)
			movement.counterparty = &tx->destination;
	}
	else if (tx->kept > 0 || tx->from_itself)
	{
		movement.direction = CS_DIRECTION_SELF;
		movement.amount = tx->kept > 0 ? tx->kept : tx->received;
		movement.counterparty = &tx->account;
	}
	return movement;
}

static void
add_transaction(ToncenterNotice *notice, const Transaction *tx, CsText key,
				CsText part)
{
	Movement	movement = {0};
	Frame		frame;

	frame.account = cs_ton_write_address(notice->output, &tx->account);
	if (notice->topic != TONCENTER_TRACE &&
		!cs_session_watches(&notice->ton->base, frame.account))
		return;
	frame.hash = cs_ton_write_hash(notice->output, tx->hash);
	frame.payload = cs_toncenter_payload(notice, "transactions", key, part);
	if (tx->height != CS_NO_NUMBER && tx->height > notice->height)
		notice->height = tx->height;
	if (!tx->from_other)
	{
		movement = sent_movement(tx);
		add_row(notice, tx, &frame, &movement);
		return;
	}
	movement.direction = tx->came_back ? CS_DIRECTION_SELF : CS_DIRECTION_IN;
	movement.amount = tx->received;
	movement.counterparty = tx->source_known ? &tx->source : NULL;
	movement.failed = tx->returned;
	add_row(notice, tx, &frame, &movement);
	if (tx->returned || tx->sent == 0)
		return;
	movement = sent_movement(tx);
	movement.ordinal = 1;
	add_row(notice, tx, &frame, &movement);
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
