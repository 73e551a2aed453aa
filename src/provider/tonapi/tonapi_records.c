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
#include "codec/ton_cell.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/tonapi/tonapi.h"

/* ---------- writing rows ---------- */

TonapiAccount
cs_tonapi_account(const CsTonAddress *address)
{
	TonapiAccount account;

	account.length = cs_ton_address_encode(address, account.text);
	return account;
}

bool
cs_tonapi_watches(const TonapiNotice *notice, const TonapiAccount *account)
{
	return cs_session_watches(&notice->tonapi->base,
							  (CsText) {account->text, account->length});
}

CsText
cs_tonapi_write_account(const TonapiNotice *notice,
						const TonapiAccount *account)
{
	return cs_output_text(notice->output, account->text, account->length);
}

CsRecord *
cs_tonapi_record(const TonapiNotice *notice, CsTable table, CsStatus status)
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

void
cs_tonapi_identify(const TonapiNotice *notice, CsRecord *record,
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
read_notification(const TonapiNotice *notice, CsError *error)
{
	CsTonAddress address;
	TonapiAccount account;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	int64_t		lt;
	CsRecord   *record;

	if (!cs_ton_member_address(notice->params, "account_id", &address, error) ||
		!cs_ton_member_hash(notice->params, "tx_hash", hash, error) ||
		!cs_json_integer(notice->params, "lt", &lt, error))
		return false;
	account = cs_tonapi_account(&address);
	if (!notice->tonapi->base.everything &&
		!cs_tonapi_watches(notice, &account))
		return true;
	record = cs_tonapi_record(notice, CS_TABLE_TRANSACTIONS,
							  CS_STATUS_FINALIZED);
	if (record == NULL)
		return true;
	record->hash = cs_ton_write_hash(notice->output, hash);
	record->account = cs_tonapi_write_account(notice, &account);
	record->asset = cs_piece(notice->tonapi->base.network->asset);
	cs_tonapi_identify(notice, record, hash, "notification");
	if (notice->tonapi->enrich)
		cs_tonapi_enrich(notice->tonapi, hash, notice->now_ms);
	return true;
}

/* ---------- traces ---------- */

static void
add_trace(const TonapiNotice *notice, const uint8_t hash[CS_TON_HASH_LENGTH],
		  const TonapiAccount *account, int32_t ordinal)
{
	CsRecord   *record = cs_tonapi_record(notice, CS_TABLE_EVENTS,
										  CS_STATUS_FINALIZED);

	if (record == NULL)
		return;
	record->ordinal = ordinal;
	record->hash = cs_ton_write_hash(notice->output, hash);
	record->transaction_hash = record->hash;
	if (account != NULL)
		record->account = cs_tonapi_write_account(notice, account);
	cs_tonapi_identify(notice, record, hash, NULL);
}

/*
 * An element of a list of accounts; the ordinal of its row is its place there,
 * counted from 1.
 */
static bool
read_element(struct json_object *list, size_t index, TonapiAccount *account,
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
	*account = cs_tonapi_account(&address);
	return true;
}

/*
 * One row for each watched account.  If there is none, one that is nobody's,
 * provided that everything is wanted.
 */
static bool
read_trace(const TonapiNotice *notice, CsError *error)
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
		TonapiAccount account;

		if (!read_element(accounts, i, &account, error))
			return false;
		if (!cs_tonapi_watches(notice, &account))
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
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"boc\" is not base64");
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
add_mempool(const TonapiNotice *notice, const CsTonMessage *message,
			const TonapiAccount *account, int32_t ordinal)
{
	CsRecord   *record = cs_tonapi_record(notice, CS_TABLE_EVENTS,
										  CS_STATUS_PENDING);

	if (record == NULL)
		return;
	record->ordinal = ordinal;
	record->hash = cs_ton_write_hash(notice->output, message->normalized_hash);
	record->account = cs_tonapi_write_account(notice, account);
	cs_tonapi_identify(notice, record, message->normalized_hash, NULL);
}

/*
 * A row for the destination, which is the account that sends if it is a
 * wallet, and for each other account that would be touched: those of them
 * that are watched.  If none is, one for the destination, provided that
 * everything is wanted.
 */
static bool
read_mempool(const TonapiNotice *notice, CsError *error)
{
	struct json_object *involved = cs_json_array(notice->params,
												 "involved_accounts");
	size_t		count = involved ? json_object_array_length(involved) : 0;
	CsTonMessage message;
	TonapiAccount destination;
	bool		any;

	if (!read_message(notice->params, &message, error))
		return false;
	destination = cs_tonapi_account(&message.destination);
	any = cs_tonapi_watches(notice, &destination);
	if (any)
		add_mempool(notice, &message, &destination, 0);
	for (size_t i = 0; i < count; i++)
	{
		TonapiAccount account;

		if (!read_element(involved, i, &account, error))
			return false;
		if (strcmp(account.text, destination.text) == 0 ||
			!cs_tonapi_watches(notice, &account))
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
read_block(const TonapiNotice *notice, CsError *error)
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
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"seqno\" is negative");
		return false;
	}

	/* One may still be on its way that the last filter let through. */
	if (wanted != NULL && workchain != (wanted[0] == '-' ? -1 : 0))
		return true;
	record = cs_tonapi_record(notice, CS_TABLE_BLOCKS, CS_STATUS_FINALIZED);
	if (record == NULL)
		return true;
	record->height = height;
	record->hash = cs_ton_write_hash(notice->output, hash);
	cs_tonapi_identify(notice, record, hash, NULL);
	return true;
}

/* ---------- messages ---------- */

static bool
has(struct json_object *object, const char *name)
{
	return cs_json_member(object, name) != NULL;
}

/* What one of the parts of a message is; NULL: nothing that is known. */
typedef bool (*ReadFunction) (const TonapiNotice *notice, CsError *error);

static ReadFunction
find_shape(struct json_object *params, TonapiTopicId *topic)
{
	*topic = TONAPI_TRANSACTION;
	if (has(params, "account_id") && has(params, "tx_hash"))
		return read_notification;
	if (cs_json_array(params, "transactions") != NULL)
		return cs_tonapi_read_list;
	if (has(params, "hash") && has(params, "lt") && has(params, "account"))
		return cs_tonapi_read_transaction;
	*topic = TONAPI_TRACE;
	if (has(params, "accounts") && has(params, "hash"))
		return read_trace;
	*topic = TONAPI_MEMPOOL;
	if (has(params, "boc"))
		return read_mempool;
	*topic = TONAPI_BLOCK;
	if (has(params, "workchain") && has(params, "shard") &&
		has(params, "seqno"))
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
	TonapiNotice notice = {.tonapi = tonapi, .topic = topic, .params = params,
						  .received_at = message->received_at,
						  .now_ms = now_ms, .payload = cs_message_text(message),
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
