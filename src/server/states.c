/*-------------------------------------------------------------------------
 *
 * states.c
 *	  What a worker tells about its subscriptions and watches.
 *
 * The states live in two internal tables that the status views join with what
 * shared memory says of the worker: "active" there counts only while the
 * worker streams.  So a lost connection changes no row per address, and a
 * million addresses that are acknowledged again cost no million updates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "server/execute.h"
#include "server/worker.h"

static const char *
state_name(CsState state)
{
	switch (state)
	{
		case CS_STATE_PENDING:
			return "pending";
		case CS_STATE_ACTIVE:
			return "active";
		case CS_STATE_OVER_LIMIT:
			return "over_limit";
		case CS_STATE_ERROR:
			return "error";
		case CS_STATE_IDLE:
			return "idle";
		case CS_STATE_DONE:
			return "done";
		case CS_STATE_FAILED:
			return "failed";
	}
	return "error";
}

/*
 * What is over stays over: see CsState.  What is left of dropped sources goes
 * as well: nobody else may clean it up without standing in the way of a
 * worker.
 */
void
cs_states_begin(const CsWorker *worker)
{
	Oid			type = TEXTOID;
	Datum		source = CStringGetTextDatum(worker->source->name);

	cs_execute("DELETE FROM chainstream._subscription_states s"
			" WHERE (source = $1 AND state NOT IN ('done', 'failed')) OR NOT EXISTS"
			" (SELECT FROM chainstream.subscriptions c WHERE c.subscription_id = s.subscription_id)",
			1, &type, &source);
	cs_execute("DELETE FROM chainstream._watch_states s WHERE NOT EXISTS"
			" (SELECT FROM chainstream.watches w WHERE w.watch_id = s.watch_id)",
			0, NULL, NULL);
}

/*
 * Store the actions of one kind: those from *first* on, and what is final.  A
 * later one of the same id wins; rows that would not change are left alone.
 */
static void
store(const CsWorker *worker, CsActionKind kind, size_t first,
	  const char *query)
{
	size_t		total = cs_output_action_count(worker->output);
	const CsAction *actions = cs_output_actions(worker->output);
	Datum	   *ids = palloc(sizeof(Datum) * Max(total, 1));
	Datum	   *states = palloc(sizeof(Datum) * Max(total, 1));
	Datum	   *details = palloc(sizeof(Datum) * Max(total, 1));
	int			count = 0;
	Oid			types[] = {TEXTOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum		values[4];

	for (size_t i = 0; i < total; i++)
	{
		if (actions[i].kind != kind ||
			(i < first && !cs_state_is_final(actions[i].state)))
			continue;
		ids[count] = Int64GetDatum(actions[i].id);
		states[count] = CStringGetTextDatum(state_name(actions[i].state));
		details[count] = actions[i].text.data
			? PointerGetDatum(cstring_to_text_with_len(actions[i].text.data,
													   (int) actions[i].text.length))
			: CStringGetTextDatum("");
		count++;
	}
	if (count == 0)
		return;
	values[0] = CStringGetTextDatum(worker->source->name);
	values[1] = PointerGetDatum(construct_array(ids, count, INT8OID, 8, true, TYPALIGN_DOUBLE));
	values[2] = PointerGetDatum(construct_array(states, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(details, count, TEXTOID, -1, false, TYPALIGN_INT));
	cs_execute(query, 4, types, values);
}

/* Ids of what was removed meanwhile are left out by the join. */
#define STORE(table, key, config) \
	"INSERT INTO chainstream." table " AS t (" key ", source, state, since, detail)" \
	" SELECT DISTINCT ON (u.id) u.id, $1, u.state, pg_catalog.clock_timestamp(), nullif(u.detail, '')" \
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))" \
	" WITH ORDINALITY AS u (id, state, detail, n)" \
	" JOIN chainstream." config " c ON c." key " = u.id" \
	" ORDER BY u.id, u.n DESC" \
	" ON CONFLICT (" key ") DO UPDATE" \
	" SET state = excluded.state, since = excluded.since, detail = excluded.detail" \
	" WHERE (t.state, t.detail) IS DISTINCT FROM (excluded.state, excluded.detail)" \
	" AND t.state NOT IN ('done', 'failed')"

void
cs_states_write(const CsWorker *worker)
{
	if (worker->states_reset)
	{
		Oid			type = TEXTOID;
		Datum		source = CStringGetTextDatum(worker->source->name);

		cs_execute("UPDATE chainstream._subscription_states SET state = 'pending',"
				" since = pg_catalog.clock_timestamp(), detail = NULL"
				" WHERE source = $1 AND state NOT IN ('pending', 'done', 'failed')",
				1, &type, &source);
	}
	if (worker->states_changed)
	{
		store(worker, CS_ACTION_SUBSCRIPTION_STATE,
			  worker->states_reset ? worker->states_from : 0,
			  STORE("_subscription_states", "subscription_id", "subscriptions"));
		store(worker, CS_ACTION_WATCH_STATE, 0,
			  STORE("_watch_states", "watch_id", "watches"));
	}
}
