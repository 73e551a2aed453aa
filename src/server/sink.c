/*-------------------------------------------------------------------------
 *
 * sink.c
 *	  Records become rows.
 *
 * The rows of a batch are put into a tuplestore, which a kept plan reads like
 * a table: INSERT INTO chainstream.transactions SELECT ... FROM batch.  (This is how
 * PostgreSQL shows transition tables to triggers.)  So a batch of any size is
 * one statement per table, without building arrays only to take them apart,
 * and it is still an ordinary INSERT: partitions, indexes, constraints, the
 * user's triggers and whatever an extension made of the table take part.
 *
 * Nothing here begins or ends a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "server/execute.h"
#include "server/guc.h"
#include "server/notices.h"
#include "server/rows.h"
#include "server/sink.h"

#define BATCH_NAME "batch"

struct CsSink
{
	MemoryContext context;
	MemoryContext scratch;		/* values of one record */
	const CsSource *source;
	const CsChannel *channels;
	int			channel_count;
	TupleDesc	descs[CS_TABLE_COUNT];
	SPIPlanPtr	plans[CS_TABLE_COUNT];
};

CsSink *
cs_sink_create(const CsSource *source, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "chainstream sink",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	CsSink	   *sink = palloc0(sizeof(CsSink));

	sink->context = context;
	sink->scratch = AllocSetContextCreate(context, "chainstream sink row",
										  ALLOCSET_DEFAULT_SIZES);
	sink->source = source;
	for (int i = 0; i < CS_TABLE_COUNT; i++)
		sink->descs[i] = cs_table_desc((CsTable) i);
	MemoryContextSwitchTo(oldcontext);
	return sink;
}

void
cs_sink_free(CsSink *sink)
{
	for (int i = 0; i < CS_TABLE_COUNT; i++)
		if (sink->plans[i])
			SPI_freeplan(sink->plans[i]);
	MemoryContextDelete(sink->context);
}

void
cs_sink_set_channels(CsSink *sink, const CsChannel *channels, int count)
{
	sink->channels = channels;
	sink->channel_count = count;
}

static const char *
channel_of(const CsSink *sink, int64 subscription_id)
{
	for (int i = 0; i < sink->channel_count; i++)
		if (sink->channels[i].subscription_id == subscription_id)
			return sink->channels[i].name;
	return NULL;
}

/* The sequence all stream tables share. */
static Oid
id_sequence(void)
{
	Oid			schema = get_namespace_oid("chainstream", false);
	Oid			sequence = get_relname_relid("stream_id_seq", schema);

	if (!OidIsValid(sequence))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("sequence \"chainstream.stream_id_seq\" does not exist"),
				 errhint("Make the stream tables with SELECT chainstream.create_streams().")));
	return sequence;
}

/*
 * Make the tuplestore of a table known to the current SPI connection as a
 * relation the plan can read.
 */
static void
register_batch(const CsSink *sink, CsTable table, Tuplestorestate *rows,
			   size_t count)
{
	EphemeralNamedRelation relation = palloc0(sizeof(*relation));

	relation->md.name = pstrdup(BATCH_NAME);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = sink->descs[table];
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = (double) count;
	relation->reldata = rows;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows of a batch");
}

/* The plan that moves a batch into a table; made at its first use. */
static SPIPlanPtr
insert_plan(CsSink *sink, CsTable table)
{
	if (sink->plans[table] == NULL)
	{
		char	   *columns = cs_table_columns(table);
		char	   *query = psprintf("INSERT INTO chainstream.%s (%s) SELECT %s FROM %s",
									 cs_table_name(table), columns, columns, BATCH_NAME);
		SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", query,
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		sink->plans[table] = plan;
	}
	return sink->plans[table];
}

static void
insert_rows(CsSink *sink, CsTable table, Tuplestorestate *rows, size_t count)
{
	SPIPlanPtr	plan;

	SPI_connect();
	register_batch(sink, table, rows, count);
	plan = insert_plan(sink, table);
	if (SPI_execute_plan(plan, NULL, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into chainstream.%s", cs_table_name(table));
	SPI_finish();
}

int
cs_sink_write(CsSink *sink, const CsRecord *records, size_t count)
{
	Tuplestorestate *rows[CS_TABLE_COUNT] = {NULL};
	size_t		counts[CS_TABLE_COUNT] = {0};
	Datum		source = CStringGetTextDatum(sink->source->name);
	CsNotices  *notices = cs_notices_begin(sink->source->name);
	Oid			sequence = id_sequence();

	for (size_t i = 0; i < count; i++)
	{
		const CsRecord *record = &records[i];
		int64		id = nextval_internal(sequence, true);
		Datum		values[CS_COLUMNS_MAX];
		bool		nulls[CS_COLUMNS_MAX];
		MemoryContext oldcontext;

		if (rows[record->table] == NULL)
			rows[record->table] = tuplestore_begin_heap(false, false, cs_guc_memory_budget);

		oldcontext = MemoryContextSwitchTo(sink->scratch);
		cs_record_values(record, id, source, sink->source->store_payload,
						 values, nulls);
		tuplestore_putvalues(rows[record->table], sink->descs[record->table],
							 values, nulls);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(sink->scratch);

		counts[record->table]++;
		cs_notices_add(notices, channel_of(sink, record->subscription_id), id, record);
	}

	for (int i = 0; i < CS_TABLE_COUNT; i++)
	{
		if (rows[i] == NULL)
			continue;
		insert_rows(sink, (CsTable) i, rows[i], counts[i]);
		tuplestore_end(rows[i]);
	}
	return cs_notices_send(notices);
}

void
cs_sink_write_cursor(CsSink *sink, const char *scope, const char *position)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum		values[] = {
		CStringGetTextDatum(sink->source->name),
		CStringGetTextDatum(scope),
		CStringGetTextDatum(position)
	};

	cs_execute("INSERT INTO chainstream.cursors AS c (source, scope, position, updated_at)"
			   " VALUES ($1, $2, $3::pg_catalog.jsonb, pg_catalog.clock_timestamp())"
			   " ON CONFLICT (source, scope) DO UPDATE"
			   " SET position = excluded.position, updated_at = excluded.updated_at",
			   3, types, values);
}

void
cs_sink_write_reject(CsSink *sink, const CsReject *reject)
{
	Oid			types[] = {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID};
	bytea	   *message = palloc(VARHDRSZ + reject->length);
	Datum		values[] = {
		TimestampTzGetDatum(cs_timestamp(reject->received_at)),
		CStringGetTextDatum(sink->source->name),
		CStringGetTextDatum(reject->reason),
		CStringGetTextDatum(unpack_sql_state(reject->sqlstate)),
		PointerGetDatum(message)
	};

	SET_VARSIZE(message, VARHDRSZ + reject->length);
	memcpy(VARDATA(message), reject->message, reject->length);
	cs_execute("INSERT INTO chainstream.rejects (received_at, source, reason, sqlstate, message)"
			   " VALUES ($1, $2, $3, $4, $5)",
			   5, types, values);
}
