/*-------------------------------------------------------------------------
 *
 * notices.c
 *	  One NOTIFY per commit, table and channel.
 *
 * The payload is always the same JSON object.  It carries the rows as long as
 * they fit; a listener at low rate needs no query at all, and a flood costs
 * one short message per commit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/async.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/fmgroids.h"
#include "utils/json.h"

#include "server/notices.h"
#include "server/rows.h"

/* Limit of PostgreSQL for a payload, with its NUL; see async.c. */
#define PAYLOAD_MAX 8000

/* Room for everything but the rows: names of 63 bytes, escaped, and numbers. */
#define ENVELOPE_MAX 600

/* Above this share of the queue nothing is notified any more. */
#define QUEUE_USAGE_MAX 0.5

/* The rows of one table for one channel. */
typedef struct Notice
{
	const char *channel;
	CsTable		table;
	int64		first_id;
	int64		last_id;
	int64		count;
	bool		complete;		/* rows holds all of them */
	StringInfoData rows;
} Notice;

struct CsNotices
{
	const char *source;
	List	   *notices;
	Notice	   *last;			/* most rows are like the one before */
};

CsNotices *
cs_notices_begin(const char *source)
{
	CsNotices  *notices = palloc0(sizeof(CsNotices));

	notices->source = source;
	return notices;
}

static Notice *
find_notice(CsNotices *notices, const char *channel, CsTable table)
{
	ListCell   *cell;
	Notice	   *notice = notices->last;

	if (notice && notice->table == table && notice->channel == channel)
		return notice;
	foreach(cell, notices->notices)
	{
		notice = lfirst(cell);
		if (notice->table == table && strcmp(notice->channel, channel) == 0)
			return notice;
	}
	notice = palloc0(sizeof(Notice));
	notice->channel = channel;
	notice->table = table;
	notice->complete = true;
	initStringInfo(&notice->rows);
	notices->notices = lappend(notices->notices, notice);
	return notice;
}

static void
append_member(StringInfo json, const char *name, CsText value)
{
	appendStringInfo(json, ",\"%s\":", name);
	if (value.data == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, pg_any_to_server(pnstrdup(value.data, value.length),
										   (int) value.length, PG_UTF8));
}

static CsText
as_text(const char *string)
{
	return string ? (CsText) {string, strlen(string)} : CS_NO_TEXT;
}

static void
append_row(StringInfo json, int64 id, const CsRecord *record)
{
	appendStringInfo(json, "%s{\"id\":" INT64_FORMAT, json->len > 0 ? "," : "", id);
	append_member(json, "topic", as_text(record->topic));
	append_member(json, "status", as_text(cs_status_name(record->status)));
	append_member(json, "hash", record->hash);
	if (record->table == CS_TABLE_EVENTS)
	{
		append_member(json, "kind", as_text(record->kind));
		append_member(json, "transaction_hash", record->transaction_hash);
	}
	if (record->table != CS_TABLE_BLOCKS)
	{
		append_member(json, "account", record->account);
		append_member(json, "counterparty", record->counterparty);
		append_member(json, "direction", as_text(cs_direction_name(record->direction)));
		append_member(json, "amount", record->amount);
		append_member(json, "asset", record->asset);
	}
	if (record->height == CS_NO_NUMBER)
		appendStringInfoString(json, ",\"height\":null}");
	else
		appendStringInfo(json, ",\"height\":" INT64_FORMAT "}", record->height);
}

void
cs_notices_add(CsNotices *notices, const char *channel, int64 id,
			   const CsRecord *record)
{
	Notice	   *notice;

	if (channel == NULL)
		channel = CS_DEFAULT_CHANNEL;
	notice = find_notice(notices, channel, record->table);
	notices->last = notice;
	if (notice->count++ == 0)
		notice->first_id = id;
	notice->last_id = id;
	if (notice->complete)
	{
		append_row(&notice->rows, id, record);
		notice->complete = notice->rows.len < PAYLOAD_MAX - ENVELOPE_MAX;
	}
}

static void
send_notice(const CsNotices *notices, const Notice *notice)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"source\":");
	escape_json(&payload, notices->source);
	appendStringInfo(&payload,
					 ",\"table\":\"%s\",\"first_id\":" INT64_FORMAT
					 ",\"last_id\":" INT64_FORMAT ",\"count\":" INT64_FORMAT,
					 cs_table_name(notice->table), notice->first_id,
					 notice->last_id, notice->count);
	if (notice->complete)
		appendStringInfo(&payload, ",\"rows\":[%s]", notice->rows.data);
	appendStringInfoChar(&payload, '}');
	Async_Notify(notice->channel, payload.data);
}

int
cs_notices_send(CsNotices *notices)
{
	ListCell   *cell;

	if (notices->notices == NIL)
		return 0;
	if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) >= QUEUE_USAGE_MAX)
		return list_length(notices->notices);
	foreach(cell, notices->notices)
		send_notice(notices, lfirst(cell));
	return 0;
}
