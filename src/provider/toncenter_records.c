/*-------------------------------------------------------------------------
 *
 * toncenter_records.c
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
 * https://docs.ton.org/ecosystem/api/toncenter/streaming/reference
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/toncenter.h"

/* End of the year 9999, in s since 1970. */
#define TIME_MAX INT64_C(253402300799)

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

bool
cs_toncenter_read_finality(struct json_object *object, CsStatus otherwise,
						   CsStatus *finality, CsError *error)
{
	CsText		text = cs_json_member_string(object, "finality");

	*finality = otherwise;
	if (cs_json_member(object, "finality") == NULL &&
		otherwise != CS_STATUS_NONE)
		return true;
	if (text.data != NULL && strcmp(text.data, "pending") == 0)
		*finality = CS_STATUS_PENDING;
	else if (text.data != NULL && strcmp(text.data, "confirmed") == 0)
		*finality = CS_STATUS_CONFIRMED;
	else if (text.data != NULL && strcmp(text.data, "finalized") == 0)
		*finality = CS_STATUS_FINALIZED;
	else
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 text.data ? "unrecognized finality \"%.40s\"" :
					 "\"finality\" is missing or not a string", text.data);
		return false;
	}
	return true;
}

bool
cs_toncenter_read_time(struct json_object *object, const char *name,
					   int64_t *time_us, CsError *error)
{
	int64_t		time;

	if (!cs_json_integer(object, name, &time, error))
		return false;
	if (time < 0 || time > TIME_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" is out of range", name);
		return false;
	}
	*time_us = time * 1000000;
	return true;
}

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

CsRecord *
cs_toncenter_new_record(const ToncenterNotice *notice, CsTable table)
{
	CsRecord   *record = cs_output_record(notice->output);
	const ToncenterSession *ton = notice->ton;

	if (record == NULL)
		return NULL;
	record->table = table;
	record->topic = ton->base.provider->topics[notice->topic].name;
	record->subscription_id = ton->topics[notice->topic].subscription_id;
	record->received_at = notice->received_at;
	record->status = notice->finality;
	return record;
}

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

/* ---------- payloads ---------- */

/* Texts one after the other, in the arena. */
static CsText
join(CsOutput *output, const CsText *parts, size_t count)
{
	size_t		length = 0;
	char	   *text;
	char	   *at;

	for (size_t i = 0; i < count; i++)
		length += parts[i].length;
	text = at = cs_output_alloc(output, length + 1);
	if (text == NULL)
		return CS_NO_TEXT;
	for (size_t i = 0; i < count; i++)
	{
		if (parts[i].length > 0)
			memcpy(at, parts[i].data, parts[i].length);
		at += parts[i].length;
	}
	*at = '\0';
	return (CsText) {text, length};
}

static const char *const finality_names[] = {
	[CS_STATUS_PENDING] = "pending",
	[CS_STATUS_CONFIRMED] = "confirmed",
	[CS_STATUS_FINALIZED] = "finalized",
};

CsText
cs_toncenter_payload(const ToncenterNotice *notice, const char *list,
					 CsText key, CsText part)
{
	struct json_object *members = cs_json_member(notice->object, list);
	const char *topic = notice->ton->base.provider->topics[notice->topic].name;
	char		trace[CS_TON_HASH_BASE64_MAX];

	if (notice->topic != TONCENTER_TRACE &&
		json_object_is_type(members, json_type_array) &&
		json_object_array_length(members) == 1)
		return notice->text;
	if (!notice->has_trace)
		return join(notice->output,
					(CsText[]) {cs_piece("{\""), cs_piece(list),
								cs_piece("\":["), part, cs_piece("]}")}, 5);
	cs_ton_hash_base64(notice->trace, trace);
	if (key.data == NULL)
		return join(notice->output,
					(CsText[]) {cs_piece("{\"type\":\""), cs_piece(topic),
								cs_piece("\",\"finality\":\""),
								cs_piece(finality_names[notice->finality]),
								cs_piece("\",\"trace_external_hash_norm\":\""),
								cs_piece(trace), cs_piece("\",\""),
								cs_piece(list), cs_piece("\":["), part,
								cs_piece("]}")}, 11);
	return join(notice->output,
				(CsText[]) {cs_piece("{\"type\":\""), cs_piece(topic),
							cs_piece("\",\"finality\":\""),
							cs_piece(finality_names[notice->finality]),
							cs_piece("\",\"trace_external_hash_norm\":\""),
							cs_piece(trace), cs_piece("\",\""),
							cs_piece(list), cs_piece("\":{\""), key,
							cs_piece("\":"), part, cs_piece("}}")}, 13);
}

/* ---------- lists of transactions ---------- */

/* Add the rows of one of them, and note whether it is on the chain. */
static bool
take_transaction(ToncenterNotice *notice, struct json_object *object,
				 CsText key, CsText part, CsError *error)
{
	Transaction tx;

	if (!read_transaction(notice, object, &tx, error))
		return false;
	if (tx.finality != CS_STATUS_PENDING)
		notice->emulated = false;
	add_transaction(notice, &tx, key, part);
	return true;
}

static bool
read_transactions(ToncenterNotice *notice, CsError *error)
{
	struct json_object *list = cs_json_array(notice->object, "transactions");
	CsText		text = cs_json_slice_member(notice->text, "transactions");
	size_t		position = 0;

	if (list == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"transactions\" is missing or not an array");
		return false;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		if (!take_transaction(notice, json_object_array_get_idx(list, i),
							  CS_NO_TEXT, cs_json_slice_next(text, &position),
							  error))
			return false;
	}
	return true;
}

/* The member of this name, which is not terminated. */
static struct json_object *
find_member(struct json_object *object, CsText name)
{
	char		key[CS_TON_HASH_TEXT_MAX];

	if (name.length >= sizeof(key))
		return NULL;
	memcpy(key, name.data, name.length);
	key[name.length] = '\0';
	return cs_json_member(object, key);
}

/* A trace holds its transactions by name, and its actions. */
static bool
read_trace(ToncenterNotice *notice, CsError *error)
{
	struct json_object *members = cs_json_object(notice->object,
												 "transactions");
	CsText		text = cs_json_slice_member(notice->text, "transactions");
	CsText		key = CS_NO_TEXT;
	CsText		part;
	size_t		position = 0;

	if (members == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"transactions\" is missing or not an object");
		return false;
	}
	if (!cs_toncenter_watches_trace(notice->ton, notice->trace))
		return true;
	while ((part = cs_json_slice_next_member(text, &position,
											 &key)).data != NULL)
	{
		if (!take_transaction(notice, find_member(members, key), key, part,
							  error))
			return false;
	}
	return cs_json_member(notice->object, "actions") == NULL ||
		cs_toncenter_read_actions(notice, error);
}

/* Are all rows of a trace final, and the trace itself? */
static bool
is_complete(const ToncenterNotice *notice, size_t first)
{
	const CsRecord *records = cs_output_records(notice->output);
	size_t		count = cs_output_record_count(notice->output);

	for (size_t i = first; i < count; i++)
	{
		if (records[i].status == CS_STATUS_PENDING ||
			records[i].status == CS_STATUS_CONFIRMED)
			return false;
	}
	return notice->finality == CS_STATUS_FINALIZED && count > first;
}

/* ---------- notifications ---------- */

/* The message without white space behind it. */
static CsText
trim(const CsMessage *message)
{
	const char *end = message->data + message->length;

	while (end > message->data && (end[-1] == ' ' || end[-1] == '\t' ||
								   end[-1] == '\r' || end[-1] == '\n'))
		end--;
	return (CsText) {message->data, (size_t) (end - message->data)};
}

/* The highest final block of the masterchain is the position. */
static void
note_height(const ToncenterNotice *notice)
{
	ToncenterSession *ton = notice->ton;
	char		position[64] = "{\"mc_block_seqno\":";
	size_t		length = strlen(position);

	if (notice->height <= ton->last_height)
		return;
	ton->last_height = notice->height;
	length += cs_int64_to_decimal(notice->height, position + length);
	position[length] = '}';
	position[length + 1] = '\0';
	cs_output_cursor(notice->output, "", position);
}

static bool
read_envelope(ToncenterNotice *notice, CsError *error)
{
	if (!cs_ton_member_hash(notice->object, "trace_external_hash_norm",
							notice->trace, error))
		return false;
	notice->has_trace = true;
	notice->trace_text = cs_ton_write_hash(notice->output, notice->trace);
	return true;
}

/* A notification that belongs to a trace. */
static bool
take_traced(ToncenterNotice *notice, CsError *error)
{
	size_t		first = cs_output_record_count(notice->output);
	bool		valid;

	if (!read_envelope(notice, error))
		return false;
	switch (notice->topic)
	{
		case TONCENTER_ACTIONS:
			valid = cs_toncenter_read_actions(notice, error);
			break;
		case TONCENTER_TRACE:
			valid = read_trace(notice, error);
			break;
		default:
			valid = read_transactions(notice, error);
			break;
	}
	if (!valid || cs_output_failed(notice->output))
		return valid;
	if (notice->topic == TONCENTER_TRACE && is_complete(notice, first))
	{
		cs_toncenter_trace_done(notice->ton, notice->trace, notice->output);
		notice->ton->more_at = notice->now_ms;
	}
	cs_toncenter_settle(notice, first);
	note_height(notice);
	return true;
}

/* What the REST interface answers: final transactions, of whatever trace. */
static bool
take_rest(ToncenterNotice *notice, CsError *error)
{
	size_t		first = cs_output_record_count(notice->output);

	if (cs_json_array(notice->object, "transactions") == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message has neither \"type\" nor \"status\" nor \"error\"");
		return false;
	}
	notice->topic = TONCENTER_TRANSACTIONS;
	notice->finality = CS_STATUS_FINALIZED;
	if (notice->ton->topics[notice->topic].subscription_id == 0)
		return true;
	if (!read_transactions(notice, error))
		return false;
	cs_toncenter_settle(notice, first);
	note_height(notice);
	return true;
}

/* The topic of this name; -1: there is none. */
static int
find_topic(const ToncenterSession *ton, CsText name)
{
	const CsTopic *topics = ton->base.provider->topics;

	for (int id = 0; id < TONCENTER_TOPICS; id++)
	{
		if (strcmp(topics[id].name, name.data) == 0)
			return id;
	}
	return -1;
}

/* A notification of a topic that is wanted. */
static bool
take_topic(ToncenterNotice *notice, CsError *error)
{
	if (!cs_toncenter_read_finality(notice->object, CS_STATUS_NONE,
									&notice->finality, error))
		return false;
	if (notice->topic == TONCENTER_ACCOUNT_STATE_CHANGE)
		return cs_toncenter_read_account_state(notice, error);
	if (notice->topic == TONCENTER_JETTONS_CHANGE)
		return cs_toncenter_read_jettons(notice, error);
	return take_traced(notice, error);
}

bool
cs_toncenter_records(ToncenterSession *ton, int link,
					 struct json_object *object, const CsMessage *message,
					 int64_t now_ms, CsOutput *output, CsError *error)
{
	ToncenterNotice notice = {.ton = ton, .link = link, .object = object,
							  .text = trim(message), .emulated = true,
							  .received_at = message->received_at,
							  .now_ms = now_ms, .output = output};
	CsText		type;
	int			topic;

	if (cs_json_member(object, "type") == NULL)
		return take_rest(&notice, error);
	if (!cs_json_text(object, "type", &type, error))
		return false;
	if (strcmp(type.data, "trace_invalidated") == 0)
	{
		if (!read_envelope(&notice, error))
			return false;
		cs_toncenter_invalidate(&notice);
		return true;
	}
	topic = find_topic(ton, type);
	if (topic < 0)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized type \"%.60s\"", type.data);
		return false;
	}
	notice.topic = (ToncenterTopicId) topic;

	/* What is still on its way after an unsubscribe is of no use. */
	if (ton->topics[topic].subscription_id == 0)
		return true;
	return take_topic(&notice, error);
}
