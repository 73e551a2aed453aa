/*-------------------------------------------------------------------------
 *
 * source.c
 *	  The configuration of one source, read from the tables.
 *
 * Everything is read by column name, as the role the process runs as, with
 * qualified names.  Watch lists may be long: they are streamed through a
 * cursor, and compared with what the session has by marking and sweeping, so
 * that a change costs no second copy of the list.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "server/secrets.h"
#include "server/source.h"

#define WATCH_FETCH 10000

bool
cs_extension_lock(void)
{
	Oid			extension = get_extension_oid("chainstream", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return get_extension_oid("chainstream", true) == extension;
}

int
cs_error_sqlstate(CsErrorKind kind)
{
	switch (kind)
	{
		case CS_ERROR_SYNTAX:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case CS_ERROR_VALUE:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case CS_ERROR_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case CS_ERROR_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case CS_ERROR_NONE:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

/*
 * A provider's text in the encoding of the database.  It may have been cut in
 * the middle of a character, and may quote what somebody sent.  Outside a
 * transaction nothing can be converted; what is not ASCII is replaced then,
 * unless the database is in UTF-8.
 */
char *
cs_server_text(const char *text)
{
	int			length = pg_encoding_mbcliplen(PG_UTF8, text, (int) strlen(text),
											   (int) strlen(text));
	char	   *clipped = pnstrdup(text, length);
	bool		convertible = IsTransactionState() || GetDatabaseEncoding() == PG_UTF8;

	if (!convertible || !pg_verify_mbstr(PG_UTF8, clipped, length, true))
	{
		for (char *p = clipped; *p != '\0'; p++)
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
	}
	return convertible ? pg_any_to_server(clipped, length, PG_UTF8) : clipped;
}

void
cs_raise(const CsError *error, int elevel)
{
	ereport(elevel,
			(errcode(cs_error_sqlstate(error->kind)),
			 errmsg("%s", cs_server_text(error->message)),
			 error->detail[0] ? errdetail("%s", cs_server_text(error->detail)) : 0,
			 error->hint[0] ? errhint("%s", cs_server_text(error->hint)) : 0));
}

/* Run a query whose only parameter is the name of a source. */
static void
query_source(const char *query, const char *name)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);

	if (SPI_execute_with_args(query, 1, &type, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
}

/* A column of the current SPI result as text, or NULL. */
static char *
get_text(uint64 row, const char *column)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;

	return SPI_getvalue(SPI_tuptable->vals[row], desc, SPI_fnumber(desc, column));
}

static bool
get_bool(uint64 row, const char *column)
{
	char	   *value = get_text(row, column);

	return value != NULL && value[0] == 't';
}

static int64
get_int64(uint64 row, const char *column)
{
	char	   *value = get_text(row, column);

	return value ? strtoll(value, NULL, 10) : 0;
}

static char *
copy_text(MemoryContext context, const char *value)
{
	return value ? MemoryContextStrdup(context, value) : NULL;
}

static void
read_urls(CsSource *source)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], desc,
									  SPI_fnumber(desc, "urls"), &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	source->urls = MemoryContextAllocZero(source->context,
										  sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			source->urls[source->url_count++] =
				copy_text(source->context, TextDatumGetCString(elements[i]));
}

static void
read_token(CsSource *source)
{
	char	   *token;
	char	   *secret;

	query_source("SELECT token FROM chainstream.credentials WHERE source = $1",
				 source->name);
	if (SPI_processed == 0)
		return;
	token = get_text(0, "token");
	secret = cs_resolve_token(token);
	source->token = copy_text(source->context, secret);
}

CsSource *
cs_source_read(const char *name, MemoryContext parent)
{
	MemoryContext context;
	CsSource   *source;
	const char *provider;

	SPI_connect();
	query_source("SELECT provider, urls, network, transport, options::pg_catalog.text,"
				 " enabled, owner::pg_catalog.text,"
				 " options->>'tls_ca' AS tls_ca,"
				 " coalesce((options->>'payload')::pg_catalog.bool, true) AS payload"
				 " FROM chainstream.sources WHERE name = $1", name);
	if (SPI_processed == 0)
	{
		SPI_finish();
		return NULL;
	}

	context = AllocSetContextCreate(parent, "chainstream source",
									ALLOCSET_SMALL_SIZES);
	source = MemoryContextAllocZero(context, sizeof(CsSource));
	source->context = context;
	source->name = copy_text(context, name);
	provider = get_text(0, "provider");
	source->provider = cs_provider_find(provider);
	if (source->provider == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" names provider \"%s\", which this version of chainstream does not have",
						name, provider)));
	source->network = copy_text(context, get_text(0, "network"));
	source->transport = copy_text(context, get_text(0, "transport"));
	source->options = copy_text(context, get_text(0, "options"));
	source->owner = copy_text(context, get_text(0, "owner"));
	source->tls_ca = copy_text(context, get_text(0, "tls_ca"));
	source->enabled = get_bool(0, "enabled");
	source->store_payload = get_bool(0, "payload");
	read_urls(source);
	read_token(source);
	SPI_finish();
	return source;
}

void
cs_source_free(CsSource *source)
{
	if (source)
		MemoryContextDelete(source->context);
}

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
cs_source_same(const CsSource *a, const CsSource *b)
{
	if (a->provider != b->provider || a->url_count != b->url_count ||
		!same_text(a->network, b->network) ||
		!same_text(a->transport, b->transport) ||
		!same_text(a->options, b->options) ||
		!same_text(a->token, b->token) ||
		!same_text(a->owner, b->owner))
		return false;
	for (int i = 0; i < a->url_count; i++)
		if (!same_text(a->urls[i], b->urls[i]))
			return false;
	return true;
}

CsSession *
cs_source_session(const CsSource *source)
{
	CsSourceConfig config = {
		.name = source->name,
		.network = source->network,
		.transport = source->transport,
		.options = source->options,
		.token = source->token
	};
	CsError		error;
	CsSession  *session = cs_session_create(source->provider, &config, &error);

	if (session == NULL)
		cs_raise(&error, ERROR);
	return session;
}

static void
apply_subscriptions(const CsSource *source, CsSession *session, bool submitting)
{
	query_source("SELECT subscription_id, topic, arguments::pg_catalog.text"
				 " FROM chainstream.subscriptions c"
				 " WHERE source = $1 AND enabled AND NOT EXISTS"
				 " (SELECT FROM chainstream._subscription_states t"
				 " WHERE t.subscription_id = c.subscription_id AND t.state IN ('done', 'failed'))"
				 " ORDER BY subscription_id",
				 source->name);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const CsTopic *topic = cs_provider_topic(source->provider, get_text(i, "topic"));
		CsError		error;

		if (topic != NULL && topic->submits && !submitting)
			continue;
		if (!cs_session_subscribe(session, get_int64(i, "subscription_id"),
								  get_text(i, "topic"), get_text(i, "arguments"),
								  &error))
			cs_raise(&error, LOG);
	}
}

/* Add the watches of the current SPI result. */
static void
apply_fetched(const CsSource *source, CsSession *session)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *kind = get_text(i, "kind");

		if (!cs_session_watch(session, get_int64(i, "watch_id"),
							  strcmp(kind, "address") == 0 ? CS_WATCH_ADDRESS : CS_WATCH_TRANSACTION,
							  get_text(i, "target")))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("Failed to add to the watch list of source \"%s\".", source->name)));
	}
}

static void
apply_watches(const CsSource *source, CsSession *session)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(source->name);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "chainstream watches",
												  ALLOCSET_DEFAULT_SIZES);
	Portal		portal;
	uint64		fetched;

	portal = SPI_cursor_open_with_args(NULL,
									   "SELECT watch_id, kind, target FROM chainstream.watches w"
									   " WHERE source = $1 AND NOT (kind = 'transaction' AND EXISTS"
									   " (SELECT FROM chainstream._watch_states t"
									   " WHERE t.watch_id = w.watch_id AND t.state IN ('done', 'failed')))",
									   1, &type, &value, NULL, true, 0);
	do
	{
		MemoryContext oldcontext;

		SPI_cursor_fetch(portal, true, WATCH_FETCH);
		fetched = SPI_processed;
		oldcontext = MemoryContextSwitchTo(scratch);
		apply_fetched(source, session);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(scratch);
		SPI_freetuptable(SPI_tuptable);
	} while (fetched > 0);
	SPI_cursor_close(portal);
}

void
cs_source_apply_wishes(const CsSource *source, CsSession *session, bool submitting)
{
	SPI_connect();
	cs_session_mark(session);
	apply_subscriptions(source, session, submitting);
	apply_watches(source, session);
	cs_session_sweep(session);
	SPI_finish();
}

void
cs_source_restore(const CsSource *source, CsSession *session)
{
	SPI_connect();
	query_source("SELECT scope, position::pg_catalog.text FROM chainstream.cursors"
				 " WHERE source = $1", source->name);
	for (uint64 i = 0; i < SPI_processed; i++)
		cs_session_restore(session, get_text(i, "scope"), get_text(i, "position"));
	SPI_finish();
}

int
cs_source_channels(const CsSource *source, CsChannel **channels)
{
	MemoryContext context = CurrentMemoryContext;
	int			count;

	SPI_connect();
	query_source("SELECT subscription_id, channel FROM chainstream.subscriptions"
				 " WHERE source = $1", source->name);
	count = (int) SPI_processed;
	*channels = MemoryContextAlloc(context, sizeof(CsChannel) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		(*channels)[i].subscription_id = get_int64(i, "subscription_id");
		(*channels)[i].name = copy_text(context, get_text(i, "channel"));
	}
	SPI_finish();
	return count;
}
