/*-------------------------------------------------------------------------
 *
 * config_row.c
 *	  A row of a configuration table on its way in, as its trigger sees it.
 *
 * Columns are found by name, so that an older library can still work with the
 * tables of a newer script, and are seen in their text form, which is what the
 * checks look at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "server/config_row.h"

void
cs_row_begin(FunctionCallInfo fcinfo, const char *table, CsConfigRow *row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	char	   *schema;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("check of table \"%s\" was not called by trigger manager", table)));
	schema = get_namespace_name(RelationGetNamespace(trigger->tg_relation));
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		schema == NULL || strcmp(schema, "chainstream") != 0 ||
		strcmp(RelationGetRelationName(trigger->tg_relation), table) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this trigger function is for each row of table chainstream.%s, before it changes",
						table)));

	row->fcinfo = fcinfo;
	row->desc = RelationGetDescr(trigger->tg_relation);
	row->old = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL : trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		row->new = NULL;
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		row->new = trigger->tg_newtuple;
	else
		row->new = trigger->tg_trigtuple;
}

int
cs_row_column(const CsConfigRow *row, const char *column)
{
	int			number = SPI_fnumber(row->desc, column);

	if (number <= 0)
		elog(ERROR, "column \"%s\" does not exist", column);
	return number;
}

char *
cs_row_get(const CsConfigRow *row, const char *column)
{
	return SPI_getvalue(row->new, row->desc, cs_row_column(row, column));
}

char *
cs_row_get_old(const CsConfigRow *row, const char *column)
{
	return SPI_getvalue(row->old, row->desc, cs_row_column(row, column));
}

char *
cs_row_require(const CsConfigRow *row, const char *column, const char *what)
{
	char	   *value = cs_row_get(row, column);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s must be given", what)));
	return value;
}

void
cs_row_set(CsConfigRow *row, const char *column, Datum value)
{
	int			number = cs_row_column(row, column);
	bool		isnull = false;

	row->new = heap_modify_tuple_by_cols(row->new, row->desc, 1, &number,
										 &value, &isnull);
}

bool
cs_row_changed(const CsConfigRow *row, const char *column)
{
	int			number = cs_row_column(row, column);
	Form_pg_attribute attribute = TupleDescAttr(row->desc, number - 1);
	bool		old_null;
	bool		new_null;
	Datum		old_value;
	Datum		new_value;

	if (row->old == NULL)
		return true;
	old_value = heap_getattr(row->old, number, row->desc, &old_null);
	new_value = heap_getattr(row->new, number, row->desc, &new_null);
	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, attribute->attbyval,
						   attribute->attlen);
}

void
cs_row_refuse_change(const CsConfigRow *row, const char *column,
					 const char *what, const char *hint)
{
	if (row->old != NULL && cs_row_changed(row, column))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the %s cannot be changed", what),
				 errhint("%s", hint)));
}
