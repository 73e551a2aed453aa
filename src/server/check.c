/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Triggers that check the configuration, row by row.
 *
 * All rules about sources, credentials, subscriptions and watches are here
 * and not in the SQL functions, so that plain INSERT, UPDATE and COPY get the
 * same errors, the same defaults and the same canonical spelling.
 *
 * The triggers run as the user who changes the row, with his search_path:
 * what they look up, they look up by qualified names and operators.  What
 * does not change is not checked again, so that a source that a later version
 * would not take can still be paused or dropped.  No message ever contains a
 * token, or a URL, which may contain one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "server/check.h"
#include "server/compat.h"
#include "server/config_row.h"
#include "server/shared.h"
#include "server/source.h"

PG_FUNCTION_INFO_V1(chainstream_check_source);
PG_FUNCTION_INFO_V1(chainstream_check_credential);
PG_FUNCTION_INFO_V1(chainstream_check_subscription);
PG_FUNCTION_INFO_V1(chainstream_check_watch);

/* First key of the advisory locks on single topics; any number of our own. */
#define SINGLE_TOPIC_LOCK 0x63687374

/* What the checks need to know of an existing source. */
typedef struct Source
{
	const CsProvider *provider;
	char	   *name;
	char	   *network;
	char	   *owner;
} Source;

/* ---------- sources ---------- */

bool
cs_restoring(void)
{
	return !row_security && !check_function_bodies;
}

static void
check_source_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t		length = strlen(name);

	if (length >= CS_SOURCE_NAME_MAX || strspn(name, letters) == 0 ||
		name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"abcdefghijklmnopqrstuvwxyz0123456789_.-")] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be the name of a source", name),
				 errhint("A name is a letter, then letters, digits, \"_\", \".\" and \"-\", at most %d characters in all.",
						 CS_SOURCE_NAME_MAX - 1)));
}

/*
 * A source is its owner's, as any object is: who may write the table may
 * still not redirect another's token, or run code as another.
 */
static void
require_owner(const char *source, const char *owner)
{
	Oid			role;

	if (superuser())
		return;
	role = get_role_oid(owner, true);
	if (!OidIsValid(role) || !cs_may_become(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of source \"%s\"", source),
				 errdetail("It belongs to role \"%s\".", owner)));
}

/*
 * A dump may be restored before its roles are: then a missing owner is only
 * warned of, and the source waits for him.
 */
static void
check_new_owner(const CsConfigRow *row)
{
	char	   *owner = cs_row_require(row, "owner", "owner of a source");
	Oid			role = get_role_oid(owner, true);

	if (!OidIsValid(role))
		ereport(cs_restoring() && superuser() ? WARNING : ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", owner),
				 errdetail("It is to own source \"%s\".", cs_row_get(row, "name"))));
	else if (!cs_may_become(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be member of role \"%s\"", owner),
				 errdetail("The worker of a source runs as its owner.")));
}

static void
check_urls(CsConfigRow *row, const CsProvider *provider, const CsNetwork *network,
		   const CsTransportKind *transport)
{
	const char *public_url = network->urls[transport - provider->transports];
	bool		isnull;
	Datum		value = heap_getattr(row->new, cs_row_column(row, "urls"),
									 row->desc, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (isnull)
	{
		Datum		url;

		if (public_url == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a URL must be given: network \"%s\" of provider \"%s\" has no public endpoint",
							network->name, provider->name),
					 errhint("Give that of a server you run or rent, as url => '%s://...'.",
							 transport->schemes[0])));
		url = CStringGetTextDatum(public_url);
		cs_row_set(row, "urls",
				   PointerGetDatum(construct_array(&url, 1, TEXTOID, -1, false,
												   TYPALIGN_INT)));
		return;
	}

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	if (count < 1 || count > CS_URLS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a source has 1 to %d URLs, not %d", CS_URLS_MAX, count)));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a URL must not be null")));
		cs_check_url(provider, transport, TextDatumGetCString(elements[i]));
	}
}

static void
check_options(const CsConfigRow *row, const CsProvider *provider)
{
	char	   *options = cs_row_require(row, "options", "options of a source");
	CsError		error = {.kind = CS_ERROR_NONE};

	if (!cs_provider_check_options(provider, options, &error))
		cs_raise(&error, ERROR);
}

/* Everything but enabled is the owner's to change. */
static void
check_source_permission(const CsConfigRow *row)
{
	static const char *const columns[] = {
		"name", "provider", "urls", "network", "transport", "options", "owner",
		"created_at"
	};

	if (row->old == NULL)
		return;
	for (size_t i = 0; i < lengthof(columns); i++)
		if (row->new == NULL || cs_row_changed(row, columns[i]))
		{
			require_owner(cs_row_get_old(row, "name"), cs_row_get_old(row, "owner"));
			return;
		}
}

/* Trigger of sources. */
Datum
chainstream_check_source(PG_FUNCTION_ARGS)
{
	CsConfigRow row;
	const CsProvider *provider;
	const CsNetwork *network;
	const CsTransportKind *transport;

	cs_row_begin(fcinfo, "sources", &row);
	check_source_permission(&row);
	if (row.new == NULL)
		return PointerGetDatum(row.old);

	cs_row_refuse_change(&row, "name", "name of a source",
						 "What it has stored carries its name. Add another source.");
	cs_row_refuse_change(&row, "provider", "provider of a source",
						 "Add another source.");
	cs_row_refuse_change(&row, "network", "network of a source",
						 "What it has stored, and its addresses, belong to that network. Add another source.");

	if (row.old == NULL)
		check_source_name(cs_row_require(&row, "name", "name of a source"));
	else if (!cs_row_changed(&row, "urls") && !cs_row_changed(&row, "transport") &&
			 !cs_row_changed(&row, "options") && !cs_row_changed(&row, "owner"))
		return PointerGetDatum(row.new);

	provider = cs_check_provider(cs_row_require(&row, "provider", "provider of a source"));
	network = cs_check_network(provider, cs_row_get(&row, "network"));
	if (row.old == NULL)
		cs_row_set(&row, "network", CStringGetTextDatum(network->name));
	if (cs_row_changed(&row, "owner"))
		check_new_owner(&row);
	transport = cs_check_transport(provider, cs_row_get(&row, "transport"));
	if (cs_row_changed(&row, "urls") || cs_row_changed(&row, "transport"))
		check_urls(&row, provider, network, transport);
	if (cs_row_changed(&row, "options"))
		check_options(&row, provider);
	return PointerGetDatum(row.new);
}

/* ---------- what belongs to a source ---------- */

/* Who owns chainstream.sources. */
static Oid
owner_of_sources(void)
{
	Oid			relation = get_relname_relid("sources", get_namespace_oid("chainstream", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"chainstream.sources\" does not exist")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Read a source into *context*; NULL if there is none of this name.  The
 * source is locked as by a foreign key, against being dropped before the row
 * that belongs to it is committed; this needs the rights of the owner of the
 * table, not of the user, again as with a foreign key.
 */
static Source *
read_source(const char *name, MemoryContext context)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);
	Source	   *source = NULL;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(owner_of_sources(),
						   security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args("SELECT provider, network, owner FROM chainstream.sources"
							  " WHERE name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
							  1, &type, &value, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read chainstream.sources");
	if (SPI_processed > 0)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		source = MemoryContextAllocZero(context, sizeof(Source));
		source->provider = cs_check_provider(SPI_getvalue(tuple, desc, 1));
		source->name = MemoryContextStrdup(context, name);
		source->network = MemoryContextStrdup(context, SPI_getvalue(tuple, desc, 2));
		source->owner = MemoryContextStrdup(context, SPI_getvalue(tuple, desc, 3));
	}
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return source;
}

/*
 * The source a row belongs to, or NULL: it is not there yet, and a dump is
 * being restored.  One statement may add a million watches: the source is
 * remembered until it ends, while its lock keeps it as it is in all that
 * matters here.
 */
static const Source *
source_of(const CsConfigRow *row)
{
	FmgrInfo   *call = row->fcinfo->flinfo;
	char	   *name = cs_row_require(row, "source", "name of a source");
	Source	   *source = call->fn_extra;

	if (source && strcmp(source->name, name) == 0)
		return source;
	source = read_source(name, call->fn_mcxt);
	if (source == NULL && !cs_restoring())
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist", name),
				 errhint("Add it with chainstream.add_source().")));
	call->fn_extra = source;
	return source;
}

/* Trigger of credentials. */
Datum
chainstream_check_credential(PG_FUNCTION_ARGS)
{
	CsConfigRow row;
	const Source *source;

	cs_row_begin(fcinfo, "credentials", &row);
	cs_row_refuse_change(&row, "source", "source of a token",
						 "Set another with chainstream.set_token().");
	source = source_of(&row);
	if (source == NULL)
		return PointerGetDatum(row.new); /* refused by the foreign key */
	require_owner(source->name, source->owner);
	cs_check_token(cs_row_require(&row, "token", "token of a source"));
	return PointerGetDatum(row.new);
}

/* ---------- subscriptions ---------- */

static void
check_arguments(const CsConfigRow *row, const Source *source, const CsTopic *topic)
{
	char	   *arguments = cs_row_require(row, "arguments", "arguments of a subscription");
	CsError		error = {.kind = CS_ERROR_NONE};

	if (arguments[0] != '{')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the arguments of a subscription must be a JSON object")));
	if (!source->provider->check_arguments(topic, source->network, arguments, &error))
		cs_raise(&error, ERROR);
}

static void
check_channel(const CsConfigRow *row)
{
	char	   *channel = cs_row_get(row, "channel");

	if (channel && (*channel == '\0' || strlen(channel) >= NAMEDATALEN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a NOTIFY channel has 1 to %d bytes", NAMEDATALEN - 1)));
}

/*
 * Of some topics the provider's server keeps one subscription only.  Who else
 * subscribes the same topic at this moment is waited for.
 */
static void
check_single(const CsConfigRow *row, const Source *source, const CsTopic *topic)
{
	Oid			types[] = {TEXTOID, TEXTOID, INT8OID};
	char	   *id = cs_row_require(row, "subscription_id", "number of a subscription");
	Datum		values[] = {
		CStringGetTextDatum(source->name),
		CStringGetTextDatum(topic->name),
		Int64GetDatum(strtoll(id, NULL, 10))
	};
	char	   *key = psprintf("%s %s", source->name, topic->name);

	DirectFunctionCall2(pg_advisory_xact_lock_int4, Int32GetDatum(SINGLE_TOPIC_LOCK),
						UInt32GetDatum(hash_bytes((unsigned char *) key, (int) strlen(key))));
	SPI_connect();
	if (SPI_execute_with_args("SELECT subscription_id FROM chainstream.subscriptions"
							  " WHERE source OPERATOR(pg_catalog.=) $1"
							  " AND topic OPERATOR(pg_catalog.=) $2 AND enabled"
							  " AND subscription_id OPERATOR(pg_catalog.<>) $3",
							  3, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read chainstream.subscriptions");
	if (SPI_processed > 0)
	{
		char	   *other = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("source \"%s\" is already subscribed to topic \"%s\"",
						source->name, topic->name),
				 errdetail("It can have one subscription to this topic, which is number %s.", other),
				 errhint("Change that in table chainstream.subscriptions, or remove it with chainstream.unsubscribe(%s).",
						 other)));
	}
	SPI_finish();
}

/* Trigger of subscriptions. */
Datum
chainstream_check_subscription(PG_FUNCTION_ARGS)
{
	CsConfigRow row;
	const Source *source;
	const CsTopic *topic;
	char	   *enabled;

	cs_row_begin(fcinfo, "subscriptions", &row);
	cs_row_refuse_change(&row, "source", "source of a subscription",
						 "Subscribe the other source.");
	source = source_of(&row);
	if (source == NULL)
		return PointerGetDatum(row.new);
	topic = cs_check_topic(source->provider,
						   cs_row_require(&row, "topic", "topic of a subscription"));
	if (cs_row_changed(&row, "arguments") || cs_row_changed(&row, "topic"))
		check_arguments(&row, source, topic);
	check_channel(&row);
	enabled = cs_row_get(&row, "enabled");
	if (topic->single && enabled && *enabled == 't' &&
		(cs_row_changed(&row, "topic") || cs_row_changed(&row, "enabled")))
		check_single(&row, source, topic);
	return PointerGetDatum(row.new);
}

/* ---------- watches ---------- */

static CsWatchKind
check_watch_kind(const char *kind)
{
	if (strcmp(kind, "transaction") == 0)
		return CS_WATCH_TRANSACTION;
	if (strcmp(kind, "address") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of watch \"%s\"", kind),
				 errhint("Kinds are: address, transaction.")));
	return CS_WATCH_ADDRESS;
}

/*
 * What a new watch is of, in canonical form.  "*" stands for every address.
 */
static char *
check_target(const CsConfigRow *row, const Source *source)
{
	const CsProvider *provider = source->provider;
	CsWatchKind kind = check_watch_kind(cs_row_require(row, "kind", "kind of a watch"));
	char	   *target = cs_row_require(row, "target", kind == CS_WATCH_ADDRESS
										? "address to watch" : "hash to watch");

	if (kind == CS_WATCH_TRANSACTION && !provider->watches_transactions)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" cannot watch single transactions",
						provider->name),
				 errhint("Watch the accounts that take part in them.")));
	if (kind == CS_WATCH_TRANSACTION || strcmp(target, "*") != 0)
		return cs_check_target(provider, source->network, kind, target);
	if (!provider->watches_everything)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" cannot watch everything", provider->name),
				 errhint("Watch the addresses you care for.")));
	return target;
}

/* Trigger of watches. */
Datum
chainstream_check_watch(PG_FUNCTION_ARGS)
{
	static const char *const hint = "Remove this watch and add another.";
	CsConfigRow row;
	const Source *source;
	char	   *target;

	cs_row_begin(fcinfo, "watches", &row);
	cs_row_refuse_change(&row, "source", "source of a watch", hint);
	cs_row_refuse_change(&row, "kind", "kind of a watch", hint);
	cs_row_refuse_change(&row, "target", "target of a watch", hint);
	if (row.old != NULL)
		return PointerGetDatum(row.new);

	source = source_of(&row);
	if (source == NULL)
		return PointerGetDatum(row.new);
	target = check_target(&row, source);
	cs_row_set(&row, "target", CStringGetTextDatum(target));
	return PointerGetDatum(row.new);
}
