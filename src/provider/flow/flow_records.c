/*-------------------------------------------------------------------------
 *
 * flow_records.c
 *	  What the notifications of a Flow node mean: blocks and transactions.
 *
 * A finalized block is never taken back, and a sealed one has been executed
 * as well: a row of its own for each, "confirmed" and "finalized".  The
 * status is that of the subscription; no message says more.
 *
 * The ids in rows are lower-case whatever the node printed.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/hex.h"
#include "codec/rfc3339.h"
#include "provider/flow/flow.h"
#include "provider/identity.h"

bool
cs_flow_is(CsText text, const char *word)
{
	return text.data != NULL && text.length == strlen(word) &&
		memcmp(text.data, word, text.length) == 0;
}

/* ---------- reading fields ---------- */

static bool
read_id_text(CsText text, const char *name, char id[FLOW_ID_SIZE],
			 CsError *error)
{
	uint8_t		bytes[32];

	if (text.length != 64 || !cs_hex_decode(text.data, text.length, bytes))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" is not 64 hexadecimal digits", name);
		return false;
	}
	cs_hex_encode_lower(bytes, sizeof(bytes), id);
	id[64] = '\0';
	return true;
}

bool
cs_flow_read_id(struct json_object *object, const char *name,
				char id[FLOW_ID_SIZE], CsError *error)
{
	CsText		text;

	return cs_json_text(object, name, &text, error) &&
		read_id_text(text, name, id, error);
}

/* An id that may be an empty text: then *id* is empty. */
static bool
read_optional_id(struct json_object *object, const char *name,
				 char id[FLOW_ID_SIZE], CsError *error)
{
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	id[0] = '\0';
	return text.length == 0 || read_id_text(text, name, id, error);
}

static bool
read_height(struct json_object *object, const char *name, int64_t *height,
			CsError *error)
{
	if (!cs_json_integer(object, name, height, error))
		return false;
	if (*height >= 0)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"%s\" is negative",
				 name);
	return false;
}

/*
 * The emulator leaves out the time of events (year 1) and multiplies that of
 * blocks (years of more than four digits).  Such times are no times.
 */
bool
cs_flow_read_time(struct json_object *object, const char *name, int64_t *time,
				  CsError *error)
{
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	*time = CS_NO_NUMBER;
	if (text.length > 5 && strspn(text.data, "0123456789") > 4)
		return true;
	if (!cs_rfc3339_decode(text.data, text.length, time))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" is not a time", name);
		return false;
	}
	if (text.length > 4 && memcmp(text.data, "0001", 4) == 0)
		*time = CS_NO_NUMBER;
	return true;
}

/* The last part of a result's link: the only place with the id. */
static bool
read_transaction_id(struct json_object *result, char id[FLOW_ID_SIZE],
					CsError *error)
{
	CsText		link;
	const char *slash;

	if (!cs_json_text(cs_json_object(result, "_links"), "_self", &link, error))
		return false;
	slash = strrchr(link.data, '/');
	if (slash != NULL)
	{
		link.length -= (size_t) (slash + 1 - link.data);
		link.data = slash + 1;
	}
	return read_id_text(link, "_self", id, error);
}

static bool
read_status(struct json_object *result, FlowNotice *notice, CsError *error)
{
	CsText		status;
	CsText		execution;
	int64_t		code = 0;
	bool		failed;

	if (!cs_json_text(result, "status", &status, error) ||
		!cs_json_text(result, "execution", &execution, error))
		return false;
	if (cs_json_member(result, "status_code") != NULL &&
		!cs_json_integer(result, "status_code", &code, error))
		return false;
	failed = cs_flow_is(execution, "Failure") || code != 0;
	notice->last = cs_flow_is(status, "Sealed") ||
		cs_flow_is(status, "Expired");
	if (cs_flow_is(status, "Pending"))
		notice->status = CS_STATUS_PENDING;
	else if (cs_flow_is(status, "Finalized"))
		notice->status = CS_STATUS_CONFIRMED;
	else if (cs_flow_is(status, "Executed"))
		notice->status = failed ? CS_STATUS_FAILED : CS_STATUS_CONFIRMED;
	else if (cs_flow_is(status, "Sealed"))
		notice->status = failed ? CS_STATUS_FAILED : CS_STATUS_FINALIZED;
	else if (cs_flow_is(status, "Expired"))
		notice->status = CS_STATUS_REMOVED;
	else
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized transaction status \"%.40s\"", status.data);
		return false;
	}
	return true;
}

static bool
read_result(FlowNotice *notice, CsError *error)
{
	struct json_object *result = cs_json_object(notice->payload,
												"transaction_result");

	if (result == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"transaction_result\" is missing or not an object");
		return false;
	}
	if (!read_status(result, notice, error) ||
		!read_transaction_id(result, notice->transaction, error) ||
		!read_optional_id(result, "block_id", notice->block_id, error))
		return false;
	if (cs_json_member(result, "error_message") != NULL &&
		!cs_json_text(result, "error_message", &notice->words, error))
		return false;
	return true;
}

bool
cs_flow_read(FlowNotice *notice, CsError *error)
{
	struct json_object *payload = notice->payload;
	struct json_object *header = payload;
	const char *height = "height";
	const char *id = "block_id";

	notice->height = CS_NO_NUMBER;
	notice->index = -1;
	if (cs_json_member(payload, "message_index") != NULL &&
		!read_height(payload, "message_index", &notice->index, error))
		return false;
	switch (notice->stream->topic)
	{
		case FLOW_BLOCK_DIGESTS:
		case FLOW_ACCOUNT_STATUSES:
			break;
		case FLOW_BLOCKS:
			header = cs_json_object(payload, "header");
			id = "id";
			break;
		case FLOW_BLOCK_HEADERS:
			id = "id";
			break;
		case FLOW_EVENTS:
			height = "block_height";
			break;
		default:
			return read_result(notice, error);
	}
	return cs_flow_read_id(header, id, notice->block_id, error) &&
		read_height(header, height, &notice->height, error);
}

/* ---------- writing rows ---------- */

CsRecord *
cs_flow_record(const FlowNotice *notice, CsTable table)
{
	CsRecord   *record = cs_output_record(notice->output);

	if (record == NULL)
		return NULL;
	record->table = table;
	record->topic = cs_flow_topic_name(notice->stream->topic);
	record->subscription_id = notice->stream->subscription_id;
	record->received_at = notice->received_at;
	record->height = notice->height;
	record->payload = notice->text;
	return record;
}

/* A block, of whichever of the three topics. */
static bool
add_block(const FlowNotice *notice, CsError *error)
{
	const char *network = notice->flow->base.network->name;
	struct json_object *header = notice->payload;
	bool		finalized = notice->stream->finalized;
	char		parent[FLOW_ID_SIZE] = "";
	CsRecord   *record;
	CsText		status;
	CsText		hash;
	CsText		parent_text = CS_NO_TEXT;
	int64_t		time;

	if (notice->stream->topic == FLOW_BLOCKS)
	{
		header = cs_json_object(header, "header");
		if (!cs_json_text(notice->payload, "block_status", &status, error))
			return false;
		finalized = !cs_flow_is(status, "BLOCK_SEALED");
		if (finalized && !cs_flow_is(status, "BLOCK_FINALIZED"))
		{
			cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
						 "unrecognized block status \"%.40s\"", status.data);
			return false;
		}
	}
	if (!cs_flow_read_time(header, "timestamp", &time, error))
		return false;
	if (notice->stream->topic != FLOW_BLOCK_DIGESTS)
	{
		if (!cs_flow_read_id(header, "parent_id", parent, error))
			return false;
		parent_text = cs_output_string(notice->output, parent);
	}
	hash = cs_output_string(notice->output, notice->block_id);
	record = cs_flow_record(notice, CS_TABLE_BLOCKS);
	if (record == NULL)
		return true;
	record->status = finalized ? CS_STATUS_CONFIRMED : CS_STATUS_FINALIZED;
	record->hash = hash;
	record->block_hash = parent_text;
	record->occurred_at = time;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network), hash,
							cs_piece(finalized ? "c" : "f")}, 4);
	return true;
}

/*
 * A step in the life of a transaction.  Steps with the same status have the
 * same identity, so that the first of them is the row.
 */
static void
add_transaction(const FlowNotice *notice)
{
	static const char *const letters[] = {
		[CS_STATUS_PENDING] = "p", [CS_STATUS_CONFIRMED] = "c",
		[CS_STATUS_FINALIZED] = "f", [CS_STATUS_FAILED] = "e",
		[CS_STATUS_REMOVED] = "r",
	};
	const char *network = notice->flow->base.network->name;
	CsText		hash = cs_output_string(notice->output, notice->transaction);
	CsText		block = CS_NO_TEXT;
	CsText		account = CS_NO_TEXT;
	CsRecord   *record;

	if (notice->block_id[0] != '\0')
		block = cs_output_string(notice->output, notice->block_id);
	if (notice->stream->payer[0] != '\0')
		account = cs_output_string(notice->output, notice->stream->payer);
	record = cs_flow_record(notice, CS_TABLE_TRANSACTIONS);
	if (record == NULL)
		return;
	record->status = notice->status;
	record->hash = hash;
	record->block_hash = block;
	record->account = account;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network), hash,
							account, cs_piece(letters[notice->status])}, 5);
}

bool
cs_flow_records(FlowNotice *notice, CsError *error)
{
	switch (notice->stream->topic)
	{
		case FLOW_BLOCK_DIGESTS:
		case FLOW_BLOCK_HEADERS:
		case FLOW_BLOCKS:
			return add_block(notice, error);
		case FLOW_EVENTS:
			return cs_flow_events(notice, error);
		case FLOW_ACCOUNT_STATUSES:
			return cs_flow_account_events(notice, error);
		default:
			add_transaction(notice);
			return true;
	}
}
