/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  check_source(): why does it not connect?
 *
 * Does what a worker does, once per URL and step by step, in the session that
 * asks: the same configuration, the same provider, the same transport.  What
 * comes is looked at and thrown away.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "server/compat.h"
#include "server/worker.h"

PG_FUNCTION_INFO_V1(chainstream_probe_source);	/* check_source(); that name
												 * is its table's trigger */

#define CHECK_COLUMNS 6

/* How long to wait for an acknowledgement, and for a first message. */
#define SUBSCRIBE_TIMEOUT_MS 12000
#define MESSAGE_TIMEOUT_MS 3000

typedef enum Step
{
	STEP_NAME = CS_PHASE_NAME,
	STEP_TCP = CS_PHASE_TCP,
	STEP_TLS = CS_PHASE_TLS,
	STEP_HANDSHAKE = CS_PHASE_HANDSHAKE,
	STEP_SUBSCRIBE,
	STEP_MESSAGE,
	STEP_COUNT
} Step;

static const struct
{
	const char *name;
	const char *hint;			/* if it fails */
}			steps[STEP_COUNT] = {
	[STEP_NAME] = {"name", "Check the host name in the URL, and the server's name resolution."},
	[STEP_TCP] = {"tcp", "Check that the endpoint runs, its port, and the firewalls between."},
	[STEP_TLS] = {"tls", "Check the certificate; authorities of your own are named by the option tls_ca or the setting chainstream.tls_ca."},
	[STEP_HANDSHAKE] = {"handshake", "Check the path of the URL, and the token if the provider wants one."},
	[STEP_SUBSCRIBE] = {"subscribe", "See subscription_status, and the topics and arguments in the provider's documentation."},
	[STEP_MESSAGE] = {"message", "A quiet network, or a rarely used address, is no fault."}
};

/* The check of one URL. */
typedef struct Check
{
	ReturnSetInfo *result;
	const CsSource *source;
	int			url_index;
	CsSession  *session;
	CsOutput   *output;
	CsWire	   *wire;
	CsConnection *connection;
	size_t		actions_done;
	int			step;			/* the one under way */
	int64		step_began_ms;
	bool		wanted;			/* the session wants its first link */
	int			subscriptions_active;
	int			subscriptions_failed;
	int			subscriptions_pending;
	char		detail[CS_WIRE_REASON_MAX];
	bool		over;
} Check;

static void
put_row(Check *check, int step, const char *outcome, int64 duration_ms,
		const char *detail, bool with_hint)
{
	Datum		values[CHECK_COLUMNS] = {0};
	bool		nulls[CHECK_COLUMNS] = {0};
	Interval	duration = {.time = duration_ms * 1000};

	values[0] = CStringGetTextDatum(cs_public_url(check->source->urls[check->url_index]));
	values[1] = CStringGetTextDatum(steps[step].name);
	values[2] = CStringGetTextDatum(outcome);
	values[3] = IntervalPGetDatum(&duration);
	nulls[3] = duration_ms < 0;
	nulls[4] = detail == NULL || *detail == '\0';
	if (!nulls[4])
		values[4] = CStringGetTextDatum(cs_server_text(detail));
	nulls[5] = !with_hint;
	if (with_hint)
		values[5] = CStringGetTextDatum(steps[step].hint);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc,
						 values, nulls);
}

/* The step under way succeeded, and those before *next* that were left out. */
static void
advance(Check *check, int next)
{
	int64		now_ms = cs_now_ms();

	if (check->step >= next)
		return;
	put_row(check, check->step, "ok", now_ms - check->step_began_ms, NULL, false);
	for (int step = check->step + 1; step < next; step++)
	{
		/* a step that took no time was not seen, but TLS may be absent */
		bool		absent = step == STEP_TLS &&
			strncmp(check->source->urls[check->url_index], "wss:", 4) != 0 &&
			strncmp(check->source->urls[check->url_index], "https:", 6) != 0;

		put_row(check, step, absent ? "skipped" : "ok", -1,
				absent ? "the URL is not encrypted" : NULL, false);
	}
	check->step = next;
	check->step_began_ms = now_ms;
}

/* The step under way ended the check. */
static void
conclude(Check *check, const char *outcome, const char *detail)
{
	put_row(check, check->step, outcome, cs_now_ms() - check->step_began_ms, detail,
			strcmp(outcome, "ok") != 0);
	for (int step = check->step + 1; step < STEP_COUNT; step++)
		put_row(check, step, "skipped", -1, NULL, false);
	check->over = true;
}

/* Do what the session asks for, and note what it tells. */
static void
act(Check *check)
{
	while (check->actions_done < cs_output_action_count(check->output))
	{
		const CsAction *action = &cs_output_actions(check->output)[check->actions_done++];

		if (action->kind == CS_ACTION_OPEN_LINK && action->link == 0)
			check->wanted = true;
		else if (action->kind == CS_ACTION_SEND && action->link == 0)
			(void) cs_connection_send(check->connection, action->text.data,
									  action->text.length, action->binary);
		else if (action->kind == CS_ACTION_SUBSCRIPTION_STATE)
		{
			check->subscriptions_active += action->state == CS_STATE_ACTIVE ||
				action->state == CS_STATE_DONE;
			check->subscriptions_pending += action->state == CS_STATE_PENDING;
			check->subscriptions_failed += action->state == CS_STATE_ERROR ||
				action->state == CS_STATE_OVER_LIMIT ||
				action->state == CS_STATE_FAILED;
			if (action->state != CS_STATE_ACTIVE && action->text.data != NULL)
				snprintf(check->detail, sizeof(check->detail), "%.*s",
						 (int) Min(action->text.length, sizeof(check->detail) - 1),
						 action->text.data);
		}
	}
}

static void
take_events(Check *check, int64 now_ms)
{
	CsWireEvent event;
	CsError		error;

	while (!check->over && cs_wire_next(check->wire, &event))
	{
		CsMessage	message = {event.data, event.length, event.binary, event.received_at};

		switch (event.kind)
		{
			case CS_WIRE_OPENED:
				advance(check, STEP_SUBSCRIBE);
				cs_session_opened(check->session, 0, now_ms, check->output);
				break;
			case CS_WIRE_MESSAGE:
				if (!cs_session_message(check->session, 0, &message, now_ms,
										check->output, &error))
					strlcpy(check->detail, error.message, sizeof(check->detail));
				break;
			case CS_WIRE_CLOSED:
				conclude(check, "failed", event.reason);
				return;
		}
		act(check);
		if (cs_output_record_count(check->output) > 0)
		{
			advance(check, STEP_MESSAGE);
			conclude(check, "ok", NULL);
		}
	}
}

/* What of subscribing and the first message can be said now. */
static void
judge(Check *check, int64 now_ms)
{
	int64		waited = now_ms - check->step_began_ms;

	if (check->step == STEP_SUBSCRIBE)
	{
		if (check->subscriptions_active > 0)
			advance(check, STEP_MESSAGE);
		else if (check->subscriptions_failed > 0)
			conclude(check, "failed", check->detail);
		else if (cs_session_watch_count(check->session) == 0)
			conclude(check, "skipped", check->detail[0] ? check->detail : "nothing is to be subscribed");
		else if (waited > SUBSCRIBE_TIMEOUT_MS)
			conclude(check, "failed", "no acknowledgement came");
	}
	else if (check->step == STEP_MESSAGE && waited > MESSAGE_TIMEOUT_MS)
		conclude(check, "waiting", "no message came yet");
}

static void
run_check(Check *check)
{
	char		reason[CS_WIRE_REASON_MAX];

	check->step = STEP_NAME;
	check->step_began_ms = cs_now_ms();
	cs_session_sync(check->session, check->step_began_ms, check->output);
	act(check);
	if (!check->wanted)
	{
		conclude(check, "skipped", "nothing is to be subscribed: watch an address first");
		return;
	}
	check->connection = cs_link_dial(check->source, check->session, check->output,
									 check->wire, 0, check->url_index, NULL, reason);
	if (check->connection == NULL)
	{
		conclude(check, "failed", reason);
		return;
	}
	while (!check->over)
	{
		int64		now_ms;

		CHECK_FOR_INTERRUPTS();
		HOLD_INTERRUPTS();
		(void) cs_wire_run(check->wire);
		RESUME_INTERRUPTS();
		now_ms = cs_now_ms();
		if (check->step < STEP_HANDSHAKE)
			advance(check, Min((int) cs_connection_phase(check->connection),
							   (int) STEP_HANDSHAKE));
		take_events(check, now_ms);
		if (check->over)
			break;
		cs_session_tick(check->session, now_ms, check->output);
		act(check);
		judge(check, now_ms);

		/* steps are looked at while they last, so the naps are short */
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 cs_wire_fd(check->wire), 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* Free what PostgreSQL does not know of. */
static pg_noinline void
clean_up(Check *check)
{
	if (check->wire)
		cs_wire_destroy(check->wire);
	if (check->session)
		cs_session_free(check->session);
	if (check->output)
		cs_output_free(check->output);
	memset(check, 0, sizeof(*check));
}

static pg_noinline void
check_url(Check *check)
{
	check->session = cs_source_session(check->source);
	check->output = cs_output_create();
	if (check->output == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	cs_source_apply_wishes(check->source, check->session, false);
	check->wire = cs_link_make_wire(check->source);
	run_check(check);
}

/* Check every URL in turn. */
static void
check_each(Check *check, ReturnSetInfo *result, const CsSource *source)
{
	for (int i = 0; i < source->url_count; i++)
	{
		check->result = result;
		check->source = source;
		check->url_index = i;
		check_url(check);
		clean_up(check);
	}
}

/*
 * check_source(source): one row per URL and step.
 */
Datum
chainstream_probe_source(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CsSource   *source = cs_source_read(name, CurrentMemoryContext);
	Check	   *check = palloc0(sizeof(Check));

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist", name),
				 errhint("View chainstream.status lists those there are.")));
	InitMaterializedSRF(fcinfo, 0);
	PG_TRY();
	{
		check_each(check, (ReturnSetInfo *) fcinfo->resultinfo, source);
	}
	PG_FINALLY();
	{
		clean_up(check);
	}
	PG_END_TRY();
	return (Datum) 0;
}
