/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  What there is to choose from.
 *
 * Providers, their networks, topics and options, and the canonical spelling
 * of addresses: looked up for the checks, with errors that list the choices,
 * and shown by SQL functions.  All of it is compiled in: nothing here reads a
 * table, and everybody may call it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "server/check.h"
#include "server/source.h"

PG_FUNCTION_INFO_V1(chainstream_providers);
PG_FUNCTION_INFO_V1(chainstream_topics);
PG_FUNCTION_INFO_V1(chainstream_options);
PG_FUNCTION_INFO_V1(chainstream_canonical_address);
PG_FUNCTION_INFO_V1(chainstream_canonical_transaction);

/* ---------- choices ---------- */

const CsProvider *
cs_check_provider(const char *name)
{
	const CsProvider *provider = cs_provider_find(name);
	StringInfoData names;

	if (provider)
		return provider;
	initStringInfo(&names);
	for (const CsProvider *const *other = cs_providers(); *other; other++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", (*other)->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown provider \"%s\"", name),
			 errhint("Providers are: %s.", names.data)));
	return NULL;				/* keep the compiler quiet */
}

const CsNetwork *
cs_check_network(const CsProvider *provider, const char *name)
{
	const CsNetwork *network = cs_provider_network(provider, name);
	StringInfoData names;

	if (network)
		return network;
	initStringInfo(&names);
	for (const CsNetwork *other = provider->networks; other->name; other++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", other->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("provider \"%s\" has no network \"%s\"", provider->name, name),
			 errhint("Its networks are: %s.", names.data)));
	return NULL;				/* keep the compiler quiet */
}

const CsTopic *
cs_check_topic(const CsProvider *provider, const char *name)
{
	const CsTopic *topic = cs_provider_topic(provider, name);
	StringInfoData names;

	if (topic)
		return topic;
	initStringInfo(&names);
	for (const CsTopic *other = provider->topics; other->name; other++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", other->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("provider \"%s\" has no topic \"%s\"", provider->name, name),
			 errhint("Its topics are: %s.", names.data)));
	return NULL;				/* keep the compiler quiet */
}

const CsTransportKind *
cs_check_transport(const CsProvider *provider, const char *name)
{
	const CsTransportKind *transport = cs_provider_transport(provider, name);
	StringInfoData names;

	if (transport)
		return transport;
	initStringInfo(&names);
	for (const CsTransportKind *other = provider->transports; other->name; other++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", other->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("provider \"%s\" has no transport \"%s\"", provider->name, name),
			 errhint("Its transports are: %s.", names.data)));
	return NULL;				/* keep the compiler quiet */
}

char *
cs_check_target(const CsProvider *provider, const char *network,
				CsWatchKind kind, const char *target)
{
	char	   *canonical = palloc(CS_TARGET_MAX);
	CsError		error = {.kind = CS_ERROR_NONE};
	bool		ok;

	if (kind == CS_WATCH_TRANSACTION && provider->canonical_transaction == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" cannot watch single transactions", provider->name),
				 errhint("Watch the accounts that take part in them.")));
	if (kind == CS_WATCH_ADDRESS)
		ok = provider->canonical_address(network, target, canonical, &error);
	else
		ok = provider->canonical_transaction(network, target, canonical, &error);
	if (!ok)
		cs_raise(&error, ERROR);
	return canonical;
}

/* ---------- SQL functions ---------- */

/* Most columns of a result here. */
#define COLUMNS_MAX 8

/* One row of a result, filled from left to right. */
typedef struct Row
{
	Datum		values[COLUMNS_MAX];
	bool		nulls[COLUMNS_MAX];
	int			count;
} Row;

static void
put(Row *row, Datum value)
{
	row->values[row->count] = value;
	row->nulls[row->count++] = false;
}

static void
put_text(Row *row, const char *text)
{
	if (text)
		put(row, CStringGetTextDatum(text));
	else
		row->nulls[row->count++] = true;
}

/* A NULL-terminated list of strings as an array of text. */
static void
put_list(Row *row, const char *const *list)
{
	Datum	   *elements;
	int			count = 0;

	while (list[count])
		count++;
	elements = palloc(sizeof(Datum) * Max(count, 1));
	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(list[i]);
	put(row, PointerGetDatum(construct_array(elements, count, TEXTOID, -1,
											 false, TYPALIGN_INT)));
}

static void
emit(FunctionCallInfo fcinfo, Row *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, row->values,
						 row->nulls);
}

static void
emit_network(FunctionCallInfo fcinfo, const CsProvider *provider,
			 const CsNetwork *network)
{
	for (int i = 0; provider->transports[i].name; i++)
	{
		Row			row = {.count = 0};

		put_text(&row, provider->name);
		put_text(&row, provider->title);
		put_text(&row, network->name);
		put_text(&row, network->asset);
		put_text(&row, provider->transports[i].name);
		put_list(&row, provider->transports[i].schemes);
		put_text(&row, network->urls[i]);
		emit(fcinfo, &row);
	}
}

/* providers(): one row per provider, network and transport. */
Datum
chainstream_providers(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (const CsProvider *const *provider = cs_providers(); *provider; provider++)
		for (const CsNetwork *network = (*provider)->networks; network->name; network++)
			emit_network(fcinfo, *provider, network);
	return (Datum) 0;
}

static void
emit_topics(FunctionCallInfo fcinfo, const CsProvider *provider)
{
	for (const CsTopic *topic = provider->topics; topic->name; topic++)
	{
		Row			row = {.count = 0};

		put_text(&row, provider->name);
		put_text(&row, topic->name);
		put_text(&row, topic->comment);
		put(&row, BoolGetDatum(topic->by_default));
		put(&row, BoolGetDatum(topic->watched));
		put(&row, BoolGetDatum(topic->single));
		put(&row, BoolGetDatum(topic->submits));
		emit(fcinfo, &row);
	}
}

static const char *
option_type_name(CsOptionType type)
{
	switch (type)
	{
		case CS_OPTION_BOOLEAN:
			return "boolean";
		case CS_OPTION_INTEGER:
			return "integer";
		case CS_OPTION_STRING:
			return "string";
		case CS_OPTION_STRINGS:
			return "array of strings";
		case CS_OPTION_OBJECT:
			return "object of strings";
	}
	return NULL;
}

static void
emit_option_list(FunctionCallInfo fcinfo, const CsProvider *provider,
				 const CsOption *options)
{
	for (const CsOption *option = options; option && option->name; option++)
	{
		Row			row = {.count = 0};

		put_text(&row, provider->name);
		put_text(&row, option->name);
		put_text(&row, option_type_name(option->type));
		put_text(&row, option->comment);
		emit(fcinfo, &row);
	}
}

static void
emit_options(FunctionCallInfo fcinfo, const CsProvider *provider)
{
	emit_option_list(fcinfo, provider, cs_common_options);
	emit_option_list(fcinfo, provider, provider->options);
}

/* Rows of the provider that argument 0 names, or of all if it is NULL. */
static Datum
for_providers(FunctionCallInfo fcinfo,
			  void (*emit_rows) (FunctionCallInfo, const CsProvider *))
{
	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
		emit_rows(fcinfo, cs_check_provider(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	else
		for (const CsProvider *const *provider = cs_providers(); *provider; provider++)
			emit_rows(fcinfo, *provider);
	return (Datum) 0;
}

/* topics(provider): of one provider, or of all. */
Datum
chainstream_topics(PG_FUNCTION_ARGS)
{
	return for_providers(fcinfo, emit_topics);
}

/* options(provider): likewise. */
Datum
chainstream_options(PG_FUNCTION_ARGS)
{
	return for_providers(fcinfo, emit_options);
}

/* Arguments: provider, target, network or NULL. */
static Datum
canonical(FunctionCallInfo fcinfo, CsWatchKind kind)
{
	const CsProvider *provider;
	const CsNetwork *network;
	char	   *result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	provider = cs_check_provider(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	network = cs_check_network(provider,
							   PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	result = cs_check_target(provider, network->name, kind,
							 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* canonical_address(provider, address, network) */
Datum
chainstream_canonical_address(PG_FUNCTION_ARGS)
{
	return canonical(fcinfo, CS_WATCH_ADDRESS);
}

/* canonical_transaction(provider, hash, network) */
Datum
chainstream_canonical_transaction(PG_FUNCTION_ARGS)
{
	return canonical(fcinfo, CS_WATCH_TRANSACTION);
}
