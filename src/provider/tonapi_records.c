/*-------------------------------------------------------------------------
 *
 * tonapi_records.c
 *	  What the messages of TonAPI mean.
 *
 * A notification of a transaction says that it is there and final, and nothing
 * of what it does: its row has neither amount nor direction.  The transaction
 * itself, which the REST interface returns, makes a second row with all of
 * it.
 *
 * Over a WebSocket the method names the topic; events of a stream and answers
 * of the REST interface are told by their shape.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/base64.h"
#include "codec/decimal.h"
#include "codec/ton_cell.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/tonapi.h"

/* End of the year 9999, in seconds since 1970. */
#define TIME_MAX_S INT64_C(253402300799)

/* A message, as far as it is the same for all topics. */
typedef struct Notice
{
	TonapiSession *tonapi;
	TonapiTopicId topic;
	struct json_object *params;
	int64_t		received_at;
	int64_t		now_ms;
	CsText		payload;
	CsOutput   *output;
} Notice;

/* ---------- writing rows ---------- */

/* An account in canonical form, not in the arena yet. */
typedef struct Account
{
	char		text[CS_TON_ADDRESS_MAX];
	size_t		length;
} Account;

static Account
make_account(const CsTonAddress *address)
{
	Account		account;

	account.length = cs_ton_address_encode(address, account.text);
	return account;
}

static bool
is_watched(const Notice *notice, const Account *account)
{
	return cs_session_watches(&notice->tonapi->base,
							  (CsText) {account->text, account->length});
}

static CsText
write_account(const Notice *notice, const Account *account)
{
	return cs_output_text(notice->output, account->text, account->length);
}

/* A record with what all rows of a message share; NULL: no memory. */
static CsRecord *
new_record(const Notice *notice, CsTable table, CsStatus status)
{
	CsRecord   *record = cs_output_record(notice->output);
	const CsSession *session = &notice->tonapi->base;
	const char *topic = session->provider->topics[notice->topic].name;

	if (record == NULL)
		return NULL;
	record->table = table;
	record->status = status;
	record->topic = topic;
	record->kind = table == CS_TABLE_EVENTS ? topic : NULL;
	record->subscription_id =
		notice->tonapi->topics[notice->topic].subscription_id;
	record->received_at = notice->received_at;
	record->payload = notice->payload;
	return record;
}

/*
 * An account is absent from the identity of a row that is nobody's; *part*
 * tells the rows about one hash apart.
 */
static void
identify(const Notice *notice, CsRecord *record,
		 const uint8_t hash[CS_TON_HASH_LENGTH], const char *part)
{
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(notice->tonapi->base.network->name),
							cs_piece_bytes(hash, CS_TON_HASH_LENGTH),
							record->account, cs_piece(part)}, 5);
}

/* ---------- notifications of transactions ---------- */

static bool
read_notification(const Notice *notice, CsError *error)
{
	CsTonAddress address;
	Account		account;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		lt;
	CsRecord   *record;

	if (!cs_ton_member_address(notice->params, "account_id", &address, error) ||
		!cs_ton_member_hash(notice->params, "tx_hash", hash, error) ||
		!cs_json_integer(notice->params, "lt", &lt, error))
		return false;
	account = make_account(&address);
	if (!notice->tonapi->base.everything && !is_watched(notice, &account))
		return true;
	record = new_record(notice, CS_TABLE_TRANSACTIONS, CS_STATUS_FINALIZED);
	if (record == NULL)
		return true;
	record->hash = cs_ton_write_hash(notice->output, hash);
	record->account = write_account(notice, &account);
	record->asset = cs_piece(notice->tonapi->base.network->asset);
	identify(notice, record, hash, "notification");
	if (notice->tonapi->enrich)
		cs_tonapi_enrich(notice->tonapi, hash, notice->now_ms);
	return true;
}

/* ---------- whole transactions ---------- */

/* What a transaction did to its account. */
typedef struct Transfer
{
	CsDirection direction;
	bool		has_amount;
	int64_t		amount;			/* nanotons */
	bool		has_counterparty;
	Account		counterparty;
} Transfer;

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

/* Is it a message between accounts, the only kind that carries money? */
static bool
is_internal(struct json_object *message)
{
	CsText		type = cs_json_member_string(message, "msg_type");

	return type.data != NULL && strcmp(type.data, "int_msg") == 0;
}

static bool
read_value(struct json_object *message, int64_t *value, CsError *error)
{
	if (!cs_json_integer(message, "value", value, error))
		return false;
	if (*value >= 0)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"value\" is negative");
	return false;
}

static void
set_counterparty(Transfer *transfer, const CsTonAddress *account,
				 const CsTonAddress *other)
{
	transfer->has_counterparty = true;
	transfer->counterparty = make_account(other);
	if (cs_ton_same_account(account, other))
		transfer->direction = CS_DIRECTION_SELF;
}

/* Money came in. */
static bool
read_incoming(struct json_object *message, const CsTonAddress *account,
			  Transfer *transfer, CsError *error)
{
	CsTonAddress source;

	if (!read_value(message, &transfer->amount, error) ||
		!read_party(message, "source", &source, error))
		return false;
	transfer->has_amount = true;
	transfer->direction = CS_DIRECTION_IN;
	set_counterparty(transfer, account, &source);
	return true;
}

/* Money went out: to one account, or to several. */
static bool
read_outgoing(struct json_object *messages, const CsTonAddress *account,
			  Transfer *transfer, CsError *error)
{
	size_t		count = messages ? json_object_array_length(messages) : 0;
	size_t		transfers = 0;
	CsTonAddress destination;

	for (size_t i = 0; i < count; i++)
	{
		struct json_object *message = json_object_array_get_idx(messages, i);
		int64_t		value;

		if (!is_internal(message))
			continue;
		if (!read_value(message, &value, error) ||
			!read_party(message, "destination", &destination, error))
			return false;
		if (__builtin_add_overflow(transfer->amount, value, &transfer->amount))
		{
			cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
						 "\"out_msgs\" carry more than there is");
			return false;
		}
		transfers++;
	}
	if (transfers == 0)
		return true;
	transfer->has_amount = true;
	transfer->direction = CS_DIRECTION_OUT;
	if (transfers == 1)
		set_counterparty(transfer, account, &destination);
	return true;
}

/*
 * Did it fail?  Money that came and was not sent back is there, whatever the
 * account's code made of it, so that "success" and "aborted" do not count.
 */
static bool
has_failed(struct json_object *transaction)
{
	CsText		bounce = cs_json_member_string(transaction, "bounce_phase");

	return (bounce.data != NULL && strcmp(bounce.data, "TrPhaseBounceOk") == 0) ||
		!cs_json_boolean(cs_json_object(transaction, "action_phase"), "success",
						 true);
}

/*
 * The number of a block in its shard, out of "(workchain,shard,number)"; the
 * documentation has the last two in the other order, where the number would
 * be a shard and is too large.
 */
static int64_t
read_height(struct json_object *transaction)
{
	CsText		block = cs_json_member_string(transaction, "block");
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

static CsText
write_number(const Notice *notice, int64_t number)
{
	char		text[CS_DECIMAL64_DIGITS + 1];
	size_t		length = cs_int64_to_decimal(number, text);

	return cs_output_text(notice->output, text, length);
}

static void
add_transaction(const Notice *notice, const uint8_t hash[CS_TON_HASH_LENGTH],
				const Account *account, const Transfer *transfer, int64_t time,
				int64_t fee)
{
	CsRecord   *record = new_record(notice, CS_TABLE_TRANSACTIONS,
									has_failed(notice->params) ?
									CS_STATUS_FAILED : CS_STATUS_FINALIZED);

	if (record == NULL)
		return;
	record->direction = transfer->direction;
	record->occurred_at = time * 1000000;
	record->height = read_height(notice->params);
	record->hash = cs_ton_write_hash(notice->output, hash);
	record->account = write_account(notice, account);
	if (transfer->has_counterparty)
		record->counterparty = write_account(notice, &transfer->counterparty);
	if (transfer->has_amount)
		record->amount = write_number(notice, transfer->amount);
	record->asset = cs_piece(notice->tonapi->base.network->asset);
	record->fee = write_number(notice, fee);
	identify(notice, record, hash, "transaction");
}

static bool
read_transaction(const Notice *notice, CsError *error)
{
	struct json_object *transaction = notice->params;
	struct json_object *incoming = cs_json_object(transaction, "in_msg");
	Transfer	transfer = {.direction = CS_DIRECTION_NONE};
	CsTonAddress address;
	Account		account;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		time;
	int64_t		fee;
	bool		valid;

	if (!cs_ton_member_hash(transaction, "hash", hash, error) ||
		!read_party(transaction, "account", &address, error) ||
		!cs_json_integer(transaction, "utime", &time, error) ||
		!cs_json_integer(transaction, "total_fees", &fee, error))
		return false;
	if (time < 0 || time > TIME_MAX_S || fee < 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" is out of range", fee < 0 ? "total_fees" : "utime");
		return false;
	}
	account = make_account(&address);
	if (!notice->tonapi->base.everything && !is_watched(notice, &account))
		return true;
	if (incoming != NULL && is_internal(incoming))
		valid = read_incoming(incoming, &address, &transfer, error);
	else
		valid = read_outgoing(cs_json_array(transaction, "out_msgs"), &address,
							  &transfer, error);
	if (valid)
		add_transaction(notice, hash, &account, &transfer, time, fee);
	return valid;
}

/* A list of them; the payload of each row is its own part. */
static bool
read_list(const Notice *notice, CsError *error)
{
	struct json_object *list = cs_json_array(notice->params, "transactions");
	CsText		text = cs_json_slice_member(notice->payload, "transactions");
	size_t		position = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		Notice		element = *notice;

		element.params = json_object_array_get_idx(list, i);
		element.payload = cs_json_slice_next(text, &position);
		if (!json_object_is_type(element.params, json_type_object))
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "\"transactions\" has an element that is no object");
			return false;
		}
		if (!read_transaction(&element, error))
			return false;
	}
	return true;
}

/* ---------- traces ---------- */

static void
add_trace(const Notice *notice, const uint8_t hash[CS_TON_HASH_LENGTH],
		  const Account *account, int32_t ordinal)
{
	CsRecord   *record = new_record(notice, CS_TABLE_EVENTS,
									CS_STATUS_FINALIZED);

	if (record == NULL)
		return;
	record->ordinal = ordinal;
	record->hash = cs_ton_write_hash(notice->output, hash);
	record->transaction_hash = record->hash;
	if (account != NULL)
		record->account = write_account(notice, account);
	identify(notice, record, hash, NULL);
}

/*
 * An element of a list of accounts; the ordinal of its row is its place there,
 * counted from 1.
 */
static bool
read_element(struct json_object *list, size_t index, Account *account,
			 CsError *error)
{
	CsText		text = cs_json_string(json_object_array_get_idx(list, index));
	CsTonAddress address;

	if (text.data == NULL ||
		cs_ton_address_decode(text.data, text.length, &address) !=
		CS_TON_ADDRESS_OK)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "account %zu of the list is not an address", index + 1);
		return false;
	}
	*account = make_account(&address);
	return true;
}

/*
 * One row for each watched account.  If there is none, one that is nobody's,
 * provided that everything is wanted.
 */
static bool
read_trace(const Notice *notice, CsError *error)
{
	struct json_object *accounts = cs_json_array(notice->params, "accounts");
	uint8_t		hash[CS_TON_HASH_LENGTH];
	bool		any = false;

	if (accounts == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"accounts\" is missing or not an array");
		return false;
	}
	if (!cs_ton_member_hash(notice->params, "hash", hash, error))
		return false;
	for (size_t i = 0; i < json_object_array_length(accounts); i++)
	{
		Account		account;

		if (!read_element(accounts, i, &account, error))
			return false;
		if (!is_watched(notice, &account))
			continue;
		add_trace(notice, hash, &account, (int32_t) i + 1);
		any = true;
	}
	if (!any && notice->tonapi->base.everything)
		add_trace(notice, hash, NULL, 0);
	return true;
}

/* ---------- messages on their way ---------- */

/* Decode and understand the bag. */
static bool
read_message(struct json_object *params, CsTonMessage *message, CsError *error)
{
	CsText		text;
	uint8_t    *bytes;
	size_t		size;
	CsTonBag	bag;
	CsTonCellError problem = CS_TON_CELL_SIZE;

	if (!cs_json_text(params, "boc", &text, error))
		return false;
	if (text.length / 4 * 3 > CS_TON_BAG_MAX + 3)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"boc\" is longer than any message");
		return false;
	}
	bytes = malloc(CS_BASE64_BYTES(text.length));
	if (bytes == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	if (!cs_base64_decode(text.data, text.length, bytes, &size))
	{
		free(bytes);
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"boc\" is not base64");
		return false;
	}
	problem = cs_ton_bag_read(bytes, size, &bag);
	if (problem == CS_TON_CELL_OK)
	{
		problem = cs_ton_message_read(&bag, message);
		cs_ton_bag_free(&bag);
	}
	free(bytes);
	if (problem != CS_TON_CELL_OK)
		cs_error_set(error, problem == CS_TON_CELL_MEMORY ? CS_ERROR_MEMORY :
					 CS_ERROR_VALUE, NULL, NULL, "\"boc\" is not a message: %s",
					 cs_ton_cell_problem(problem));
	return problem == CS_TON_CELL_OK;
}

static void
add_mempool(const Notice *notice, const CsTonMessage *message,
			const Account *account, int32_t ordinal)
{
	CsRecord   *record = new_record(notice, CS_TABLE_EVENTS, CS_STATUS_PENDING);

	if (record == NULL)
		return;
	record->ordinal = ordinal;
	record->hash = cs_ton_write_hash(notice->output, message->normalized_hash);
	record->account = write_account(notice, account);
	identify(notice, record, message->normalized_hash, NULL);
}

/*
 * A row for the destination, which is the account that sends if it is a
 * wallet, and for each other account that would be touched: those of them
 * that are watched.  If none is, one for the destination, provided that
 * everything is wanted.
 */
static bool
read_mempool(const Notice *notice, CsError *error)
{
	struct json_object *involved = cs_json_array(notice->params,
												 "involved_accounts");
	size_t		count = involved ? json_object_array_length(involved) : 0;
	CsTonMessage message;
	Account		destination;
	bool		any;

	if (!read_message(notice->params, &message, error))
		return false;
	destination = make_account(&message.destination);
	any = is_watched(notice, &destination);
	if (any)
		add_mempool(notice, &message, &destination, 0);
	for (size_t i = 0; i < count; i++)
	{
		Account		account;

		if (!read_element(involved, i, &account, error))
			return false;
		if (strcmp(account.text, destination.text) == 0 ||
			!is_watched(notice, &account))
			continue;
		add_mempool(notice, &message, &account, (int32_t) i + 1);
		any = true;
	}
	if (!any && notice->tonapi->base.everything)
		add_mempool(notice, &message, &destination, 0);
	return true;
}

/* ---------- blocks ---------- */

static bool
read_block(const Notice *notice, CsError *error)
{
	const char *wanted = notice->tonapi->topics[TONAPI_BLOCK].workchain;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		workchain;
	int64_t		height;
	CsText		shard;
	CsRecord   *record;

	if (!cs_json_integer(notice->params, "workchain", &workchain, error) ||
		!cs_json_text(notice->params, "shard", &shard, error) ||
		!cs_json_integer(notice->params, "seqno", &height, error) ||
		!cs_ton_member_hash(notice->params, "root_hash", hash, error))
		return false;
	if (height < 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"seqno\" is negative");
		return false;
	}

	/* One may still be on its way that the last filter let through. */
	if (wanted != NULL && workchain != (wanted[0] == '-' ? -1 : 0))
		return true;
	record = new_record(notice, CS_TABLE_BLOCKS, CS_STATUS_FINALIZED);
	if (record == NULL)
		return true;
	record->height = height;
	record->hash = cs_ton_write_hash(notice->output, hash);
	identify(notice, record, hash, NULL);
	return true;
}

/* ---------- messages ---------- */

/* The message without the line feed that the server puts behind it. */
static CsText
trim(const CsMessage *message)
{
	const char *end = message->data + message->length;

	while (end > message->data && (end[-1] == ' ' || end[-1] == '\t' ||
								   end[-1] == '\r' || end[-1] == '\n'))
		end--;
	return (CsText) {message->data, (size_t) (end - message->data)};
}

static bool
has(struct json_object *object, const char *name)
{
	return cs_json_member(object, name) != NULL;
}

/* What one of the parts of a message is; NULL: nothing that is known. */
typedef bool (*ReadFunction) (const Notice *notice, CsError *error);

static ReadFunction
find_shape(struct json_object *params, TonapiTopicId *topic)
{
	*topic = TONAPI_TRANSACTION;
	if (has(params, "account_id") && has(params, "tx_hash"))
		return read_notification;
	if (cs_json_array(params, "transactions") != NULL)
		return read_list;
	if (has(params, "hash") && has(params, "lt") && has(params, "account"))
		return read_transaction;
	*topic = TONAPI_TRACE;
	if (has(params, "accounts") && has(params, "hash"))
		return read_trace;
	*topic = TONAPI_MEMPOOL;
	if (has(params, "boc"))
		return read_mempool;
	*topic = TONAPI_BLOCK;
	if (has(params, "workchain") && has(params, "shard") && has(params, "seqno"))
		return read_block;
	return NULL;
}

bool
cs_tonapi_records(TonapiSession *tonapi, TonapiTopicId topic,
				  struct json_object *params, const CsMessage *message,
				  int64_t now_ms, CsOutput *output, CsError *error)
{
	static const ReadFunction read_functions[] = {
		[TONAPI_TRANSACTION] = read_notification,
		[TONAPI_TRACE] = read_trace,
		[TONAPI_MEMPOOL] = read_mempool,
		[TONAPI_BLOCK] = read_block,
	};
	ReadFunction read = topic < TONAPI_TOPICS ? read_functions[topic] :
		find_shape(params, &topic);
	Notice		notice = {.tonapi = tonapi, .topic = topic, .params = params,
						  .received_at = message->received_at,
						  .now_ms = now_ms, .payload = trim(message),
						  .output = output};

	if (read == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "message is of no known kind");
		return false;
	}

	/* What is still on its way after an unsubscribe is of no use. */
	if (tonapi->topics[topic].subscription_id == 0)
		return true;
	return read(&notice, error);
}
