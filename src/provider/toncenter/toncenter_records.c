/*-------------------------------------------------------------------------
 *
 * toncenter_records.c
 *	  What the notifications of TON Center mean.
 *
 * All but states and balances belong to a trace, which is what one external
 * message causes, and tell of it what is known by now, not what has changed.
 * https://docs.ton.org/ecosystem/api/toncenter/streaming/reference
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

/* End of the year 9999, in s since 1970. */
#define TIME_MAX INT64_C(253402300799)

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
		CsText		part = cs_json_slice_next(text, &position);

		if (!cs_toncenter_read_transaction(notice,
										   json_object_array_get_idx(list, i),
										   CS_NO_TEXT, part, error))
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
		if (!cs_toncenter_read_transaction(notice, find_member(members, key),
										   key, part, error))
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
							  .text = cs_message_text(message), .emulated = true,
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
