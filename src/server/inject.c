/*-------------------------------------------------------------------------
 *
 * inject.c
 *	  Messages that come from SQL instead of a connection.
 *
 * inject() lets an application test against real messages without a network;
 * retry_reject() gives a message another chance.  Both run in the caller's own
 * transaction, through the same provider and sink as a worker.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "server/rows.h"
#include "server/sink.h"
#include "server/source.h"
#include "server/worker.h"

PG_FUNCTION_INFO_V1(chainstream_inject);
PG_FUNCTION_INFO_V1(chainstream_retry_reject);

/* Everything a message needs on its way. */
typedef struct Injection
{
	CsSource   *source;
	CsSession  *session;
	CsOutput   *output;
} Injection;

/* Tell the session that every link it wants is open. */
static void
open_links(Injection *injection)
{
	size_t		count;

	cs_session_sync(injection->session, 0, injection->output);
	count = cs_output_action_count(injection->output);
	for (size_t i = 0; i < count; i++)
	{
		const CsAction *action = &cs_output_actions(injection->output)[i];

		if (action->kind == CS_ACTION_OPEN_LINK)
			cs_session_opened(injection->session, action->link, 0, injection->output);
	}
}

/* Parse the message and write its rows; returns how many.  Throws. */
static int64
store_message(Injection *injection, const char *data, size_t length,
			  TimestampTz received_at)
{
	CsMessage	message = {
		.data = data,
		.length = length,
		.received_at = cs_unix_us(received_at)
	};
	CsError		error;
	CsSink	   *sink;
	CsChannel  *channels;
	int			channel_count;
	size_t		count;

	injection->session = cs_source_session(injection->source);
	injection->output = cs_output_create();
	if (injection->output == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	cs_source_apply_wishes(injection->source, injection->session, true);
	open_links(injection);

	/* links are numbered from 0; a message belongs to the first */
	if (!cs_session_message(injection->session, 0, &message, 0,
							injection->output, &error))
		cs_raise(&error, ERROR);

	count = cs_output_record_count(injection->output);
	if (count > 0)
	{
		sink = cs_sink_create(injection->source, CurrentMemoryContext);
		channel_count = cs_source_channels(injection->source, &channels);
		cs_sink_set_channels(sink, channels, channel_count);
		cs_partitions_forget();
		cs_partitions_ensure(message.received_at, message.received_at);
		(void) cs_sink_write(sink, cs_output_records(injection->output), count);
		cs_sink_free(sink);
	}
	return (int64) count;
}

/* The same, freeing what PostgreSQL does not know of, come what may. */
static int64
feed(const char *source_name, const char *data, size_t length,
	 TimestampTz received_at)
{
	Injection	injection = {0};
	volatile int64 count = 0;

	injection.source = cs_source_read(source_name, CurrentMemoryContext);
	if (injection.source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist", source_name),
				 errhint("View chainstream.status lists those there are.")));
	PG_TRY();
	{
		count = store_message(&injection, data, length, received_at);
	}
	PG_FINALLY();
	{
		if (injection.session)
			cs_session_free(injection.session);
		if (injection.output)
			cs_output_free(injection.output);
	}
	PG_END_TRY();
	return count;
}

/*
 * inject(source, message): store one message as if it had just been received.
 * Returns the number of rows it gave.
 */
Datum
chainstream_inject(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *message = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *utf8 = pg_server_to_any(message, (int) strlen(message), PG_UTF8);

	PG_RETURN_INT64(feed(source, utf8, strlen(utf8), GetCurrentTimestamp()));
}

/*
 * retry_reject(id): store a rejected message now and forget the reject.
 * Returns the number of rows; raises the error if it still cannot be stored.
 */
Datum
chainstream_retry_reject(PG_FUNCTION_ARGS)
{
	Oid			type = INT8OID;
	Datum		id = PG_GETARG_DATUM(0);
	bool		isnull;
	char	   *source;
	bytea	   *message;
	char	   *data;
	TimestampTz received_at;
	MemoryContext context = CurrentMemoryContext;
	MemoryContext oldcontext;

	SPI_connect();
	if (SPI_execute_with_args("DELETE FROM chainstream.rejects WHERE id = $1"
							  " RETURNING source, received_at, message",
							  1, &type, &id, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not read chainstream.rejects");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("reject " INT64_FORMAT " does not exist", DatumGetInt64(id))));
	oldcontext = MemoryContextSwitchTo(context);
	source = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	received_at = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
													SPI_tuptable->tupdesc, 2, &isnull));
	message = DatumGetByteaPCopy(SPI_getbinval(SPI_tuptable->vals[0],
											   SPI_tuptable->tupdesc, 3, &isnull));
	MemoryContextSwitchTo(oldcontext);
	SPI_finish();

	/* the parser is promised a NUL behind the message */
	data = palloc(VARSIZE_ANY_EXHDR(message) + 1);
	memcpy(data, VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message));
	data[VARSIZE_ANY_EXHDR(message)] = '\0';
	PG_RETURN_INT64(feed(source, data, VARSIZE_ANY_EXHDR(message), received_at));
}
