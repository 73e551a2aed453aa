/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  The columns of the stream tables, and records in their form.
 *
 * The one place that knows which member of a record is which column.  The
 * tables themselves are made by chainstream.create_streams().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "server/rows.h"

typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

/* What every stream table begins with. */
static const Column common_columns[] = {
	{"id", INT8OID},
	{"received_at", TIMESTAMPTZOID},
	{"source", TEXTOID},
	{"topic", TEXTOID},
	{"status", TEXTOID},
	{"hash", TEXTOID},
	{"height", INT8OID},
	{"occurred_at", TIMESTAMPTZOID},
	{"payload", JSONOID},
	{NULL, InvalidOid}
};

static const Column block_columns[] = {
	{"parent_hash", TEXTOID},
	{"producer", TEXTOID},
	{"transaction_count", INT8OID},
	{NULL, InvalidOid}
};

static const Column transaction_columns[] = {
	{"account", TEXTOID},
	{"counterparty", TEXTOID},
	{"direction", TEXTOID},
	{"amount", NUMERICOID},
	{"asset", TEXTOID},
	{"fee", NUMERICOID},
	{"block_hash", TEXTOID},
	{"ordinal", INT4OID},
	{NULL, InvalidOid}
};

static const Column event_columns[] = {
	{"kind", TEXTOID},
	{"account", TEXTOID},
	{"counterparty", TEXTOID},
	{"direction", TEXTOID},
	{"amount", NUMERICOID},
	{"asset", TEXTOID},
	{"transaction_hash", TEXTOID},
	{"ordinal", INT4OID},
	{NULL, InvalidOid}
};

static const struct
{
	const char *name;
	const Column *columns;
}			tables[CS_TABLE_COUNT] = {
	[CS_TABLE_BLOCKS] = {"blocks", block_columns},
	[CS_TABLE_TRANSACTIONS] = {"transactions", transaction_columns},
	[CS_TABLE_EVENTS] = {"events", event_columns}
};

const char *
cs_table_name(CsTable table)
{
	return tables[table].name;
}

/* The columns of a table in one array; returns how many. */
static int
list_columns(CsTable table, Column columns[CS_COLUMNS_MAX])
{
	int			count = 0;

	for (const Column *column = common_columns; column->name; column++)
		columns[count++] = *column;
	for (const Column *column = tables[table].columns; column->name; column++)
		columns[count++] = *column;
	return count;
}

TupleDesc
cs_table_desc(CsTable table)
{
	Column		columns[CS_COLUMNS_MAX];
	int			count = list_columns(table, columns);
	TupleDesc	desc = CreateTemplateTupleDesc(count);

	for (int i = 0; i < count; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), columns[i].name,
						   columns[i].type, -1, 0);
	return desc;
}

char *
cs_table_columns(CsTable table)
{
	Column		columns[CS_COLUMNS_MAX];
	int			count = list_columns(table, columns);
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < count; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", columns[i].name);
	return names.data;
}

const char *
cs_status_name(CsStatus status)
{
	switch (status)
	{
		case CS_STATUS_NONE:
			return NULL;
		case CS_STATUS_PENDING:
			return "pending";
		case CS_STATUS_CONFIRMED:
			return "confirmed";
		case CS_STATUS_FINALIZED:
			return "finalized";
		case CS_STATUS_FAILED:
			return "failed";
		case CS_STATUS_REMOVED:
			return "removed";
	}
	return NULL;
}

const char *
cs_direction_name(CsDirection direction)
{
	switch (direction)
	{
		case CS_DIRECTION_NONE:
			return NULL;
		case CS_DIRECTION_IN:
			return "in";
		case CS_DIRECTION_OUT:
			return "out";
		case CS_DIRECTION_SELF:
			return "self";
	}
	return NULL;
}

#define UNIX_TO_POSTGRES_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

TimestampTz
cs_timestamp(int64 unix_us)
{
	return unix_us - UNIX_TO_POSTGRES_US;
}

int64
cs_unix_us(TimestampTz timestamp)
{
	return timestamp + UNIX_TO_POSTGRES_US;
}

/* ---------- values ---------- */

/* Fills columns from left to right. */
typedef struct Filler
{
	Datum	   *values;
	bool	   *nulls;
	int			next;
} Filler;

static void
put(Filler *filler, Datum value)
{
	filler->values[filler->next] = value;
	filler->nulls[filler->next++] = false;
}

static void
put_null(Filler *filler)
{
	filler->values[filler->next] = (Datum) 0;
	filler->nulls[filler->next++] = true;
}

static void
put_text(Filler *filler, CsText text)
{
	if (text.data == NULL)
		put_null(filler);
	else if (GetDatabaseEncoding() == PG_UTF8)
		put(filler, PointerGetDatum(cstring_to_text_with_len(text.data, (int) text.length)));
	else
	{
		char	   *converted = pnstrdup(text.data, text.length);

		converted = pg_any_to_server(converted, (int) text.length, PG_UTF8);
		put(filler, CStringGetTextDatum(converted));
	}
}

static void
put_string(Filler *filler, const char *string)
{
	if (string == NULL)
		put_null(filler);
	else
		put(filler, CStringGetTextDatum(string));
}

static void
put_int64(Filler *filler, int64 value)
{
	if (value == CS_NO_NUMBER)
		put_null(filler);
	else
		put(filler, Int64GetDatum(value));
}

static void
put_time(Filler *filler, int64 unix_us)
{
	TimestampTz timestamp;

	if (unix_us == CS_NO_NUMBER)
	{
		put_null(filler);
		return;
	}
	/* PostgreSQL's epoch is later than Unix's, so the upper end always fits */
	if (unix_us < cs_unix_us(MIN_TIMESTAMP))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	timestamp = cs_timestamp(unix_us);
	put(filler, TimestampTzGetDatum(timestamp));
}

/* A decimal integer.  Most amounts fit 64 bits, which is the quicker way. */
static void
put_numeric(Filler *filler, CsText text)
{
	char		digits[128];

	if (text.data == NULL)
	{
		put_null(filler);
		return;
	}
	if (text.length >= sizeof(digits))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount has %zu digits, which is too many", text.length)));
	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	if (text.length > 0 && text.length <= 18 &&
		strspn(digits, "0123456789") == text.length)
		put(filler, NumericGetDatum(int64_to_numeric(strtoll(digits, NULL, 10))));
	else
		put(filler, DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static void
put_transfer(Filler *filler, const CsRecord *record)
{
	put_text(filler, record->account);
	put_text(filler, record->counterparty);
	put_string(filler, cs_direction_name(record->direction));
	put_numeric(filler, record->amount);
	put_text(filler, record->asset);
}

void
cs_record_values(const CsRecord *record, int64 id, Datum source,
				 bool with_payload, Datum *values, bool *nulls)
{
	Filler		filler = {values, nulls, 0};

	put(&filler, Int64GetDatum(id));
	put_time(&filler, record->received_at);
	put(&filler, source);
	put_string(&filler, record->topic);
	put_string(&filler, cs_status_name(record->status));
	put_text(&filler, record->hash);
	put_int64(&filler, record->height);
	put_time(&filler, record->occurred_at);
	put_text(&filler, with_payload ? record->payload : CS_NO_TEXT);

	switch (record->table)
	{
		case CS_TABLE_BLOCKS:
			put_text(&filler, record->block_hash);
			put_text(&filler, record->account);
			put_int64(&filler, record->transaction_count);
			break;
		case CS_TABLE_TRANSACTIONS:
			put_transfer(&filler, record);
			put_numeric(&filler, record->fee);
			put_text(&filler, record->block_hash);
			put(&filler, Int32GetDatum(record->ordinal));
			break;
		case CS_TABLE_EVENTS:
			put_string(&filler, record->kind);
			put_transfer(&filler, record);
			put_text(&filler, record->transaction_hash);
			put(&filler, Int32GetDatum(record->ordinal));
			break;
	}
}
