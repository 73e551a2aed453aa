/*-------------------------------------------------------------------------
 *
 * links.c
 *	  The connections of a worker: made, kept, lost and made again.
 *
 * The provider says which links it wants; here they get a URL, a connection
 * and, when that is lost, another attempt with growing, jittered delays, at
 * the source's URLs in turn.  It never gives up.  Trouble is logged when it
 * begins and when it ends, not at every attempt in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "server/guc.h"
#include "server/worker.h"

/* A connection that lived so long was a good one: begin anew at its URL. */
#define GOOD_AFTER_MS 10000

static CsLink *
find_link(CsWorker *worker, int id)
{
	ListCell   *cell;

	foreach(cell, worker->links)
	{
		CsLink	   *link = lfirst(cell);

		if (link->id == id)
			return link;
	}
	return NULL;
}

static CsLink *
make_link(CsWorker *worker, int id)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	CsLink	   *link = palloc0(sizeof(CsLink));

	link->kind = CS_OWNER_LINK;
	link->id = id;
	worker->links = lappend(worker->links, link);
	MemoryContextSwitchTo(oldcontext);
	return link;
}

static void
forget_link(CsWorker *worker, CsLink *link)
{
	worker->links = list_delete_ptr(worker->links, link);
	pfree(link);
}

static void
remember_state(CsWorker *worker, const CsAction *action)
{
	ListCell   *cell;
	CsSubscriptionState *state;
	MemoryContext oldcontext;

	foreach(cell, worker->subscription_states)
	{
		state = lfirst(cell);
		if (state->id == action->id)
		{
			state->state = action->state;
			return;
		}
	}
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	state = palloc(sizeof(CsSubscriptionState));
	state->id = action->id;
	state->state = action->state;
	worker->subscription_states = lappend(worker->subscription_states, state);
	MemoryContextSwitchTo(oldcontext);
}

static void
remember_position(CsWorker *worker, const CsAction *action)
{
	ListCell   *cell;
	CsPosition *position = NULL;
	MemoryContext oldcontext;

	foreach(cell, worker->positions)
	{
		position = lfirst(cell);
		if (strcmp(position->scope, action->scope) == 0)
			break;
		position = NULL;
	}
	oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	if (position == NULL)
	{
		position = palloc0(sizeof(CsPosition));
		position->scope = pstrdup(action->scope);
		worker->positions = lappend(worker->positions, position);
	}
	else
		pfree(position->position);
	position->position = pnstrdup(action->text.data, action->text.length);
	position->dirty = true;
	MemoryContextSwitchTo(oldcontext);
}

static void
act(CsWorker *worker, const CsAction *action)
{
	CsLink	   *link = find_link(worker, action->link);

	switch (action->kind)
	{
		case CS_ACTION_OPEN_LINK:
			if (link == NULL)
				link = make_link(worker, action->link);
			link->wanted = true;
			break;
		case CS_ACTION_CLOSE_LINK:
			if (link != NULL)
			{
				link->wanted = false;
				link->dismissed = link->connection != NULL;
				if (link->connection)
					cs_connection_close(link->connection, 1000, "");
				else
					forget_link(worker, link);
			}
			break;
		case CS_ACTION_RESET_LINK:
			if (link != NULL && link->connection)
			{
				link->misbehaved = true;
				strlcpy(link->complaint, action->text.data ? action->text.data : "",
						sizeof(link->complaint));
				cs_connection_close(link->connection, 1000,
									action->text.data ? action->text.data : "");
			}
			break;
		case CS_ACTION_SEND:
			if (link != NULL && link->open)
				(void) cs_connection_send(link->connection, action->text.data,
										  action->text.length, action->binary);
			break;
		case CS_ACTION_REQUEST:
			cs_request_begin(worker, action->request);
			break;
		case CS_ACTION_SUBSCRIPTION_STATE:
			remember_state(worker, action);
			worker->states_changed = true;
			break;
		case CS_ACTION_WATCH_STATE:
			worker->states_changed = true;
			break;
		case CS_ACTION_CURSOR:
			remember_position(worker, action);
			break;
	}
}

void
cs_links_act(CsWorker *worker)
{
	size_t		count = cs_output_action_count(worker->output);

	while (worker->actions_done < count)
		act(worker, &cs_output_actions(worker->output)[worker->actions_done++]);
}

char *
cs_public_url(const char *url)
{
	return pnstrdup(url, strcspn(url, "?#"));
}

/* Count a failure and say when to try again. */
static void
fail_link(CsWorker *worker, CsLink *link, const char *reason, int retry_after_s,
		  int64 now_ms)
{
	char	   *url = cs_public_url(worker->source->urls[link->url_index]);
	char	   *text = cs_server_text(reason);
	bool		good = link->open && !link->misbehaved &&
		(link->proven || now_ms - link->opened_ms >= GOOD_AFTER_MS);
	int64		delay;

	if (good)
		link->failures = 0;
	if (!link->open || now_ms - link->opened_ms < GOOD_AFTER_MS)
		link->url_index = (link->url_index + 1) % worker->source->url_count;
	link->failures++;
	cs_status_note_error(&worker->status, "%s: %s", url, text);
	if (link->failures == 1)
		ereport(LOG,
				(errmsg("chainstream source \"%s\": %s: %s", worker->source->name, url, text)));

	/* every URL is tried once before the delays grow */
	delay = cs_backoff_ms(1 + (link->failures - 1) / worker->source->url_count);
	link->next_attempt_ms = now_ms + Max(delay, (int64) retry_after_s * 1000);
	pfree(text);
	pfree(url);
}

CsConnection *
cs_link_dial(const CsSource *source, CsSession *session, CsOutput *output,
			 CsWire *wire, int link, int url_index, void *owner,
			 char reason[CS_WIRE_REASON_MAX])
{
	CsHandshake handshake;
	CsHeader	headers[CS_FIELDS_MAX];
	CsConnectParams params;
	CsConnection *connection;

	memset(&handshake, 0, sizeof(handshake));
	if (!cs_session_handshake(session, link, source->urls[url_index],
							  &handshake, output))
	{
		strlcpy(reason, "out of memory", CS_WIRE_REASON_MAX);
		return NULL;
	}
	for (int i = 0; i < handshake.field_count; i++)
	{
		headers[i].name = handshake.fields[i].name;
		headers[i].value = handshake.fields[i].value;
	}
	memset(&params, 0, sizeof(params));
	params.transport = handshake.stream == CS_STREAM_EVENTS ?
		CS_TRANSPORT_EVENTS : CS_TRANSPORT_WEBSOCKET;
	params.url = handshake.url;
	params.body = handshake.body;
	params.headers = headers;
	params.header_count = handshake.field_count;
	params.accept_binary = handshake.accept_binary;
	params.connect_timeout_ms = cs_guc_connect_timeout;
	params.ping_interval_ms = handshake.ping_interval_ms;
	params.pong_timeout_ms = handshake.pong_timeout_ms;
	params.idle_timeout_ms = handshake.idle_timeout_ms;
	params.owner = owner;

	HOLD_INTERRUPTS();
	connection = cs_connection_open(wire, &params, reason);
	RESUME_INTERRUPTS();
	return connection;
}

CsWire *
cs_link_make_wire(const CsSource *source)
{
	CsWireOptions options;
	CsWire	   *wire;
	char		reason[CS_WIRE_REASON_MAX];

	memset(&options, 0, sizeof(options));
	options.message_limit = (size_t) cs_guc_message_size_limit * 1024;
	options.inbox_limit = Max((size_t) cs_guc_memory_budget * 1024,
							  options.message_limit) / 2;
	options.log_level = CS_WIRE_LOG_WARNING;
	options.tls_ca = source->tls_ca;
	if (options.tls_ca == NULL && cs_guc_tls_ca != NULL && *cs_guc_tls_ca != '\0')
		options.tls_ca = cs_guc_tls_ca;

	HOLD_INTERRUPTS();
	wire = cs_wire_create(&options, reason);
	RESUME_INTERRUPTS();
	if (wire == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not start the transport: %s", reason)));
	return wire;
}

static void
connect_link(CsWorker *worker, CsLink *link, int64 now_ms)
{
	char		reason[CS_WIRE_REASON_MAX];

	link->relapse = link->misbehaved;
	link->proven = link->misbehaved = false;
	link->connection = cs_link_dial(worker->source, worker->session, worker->output,
									worker->wire, link->id, link->url_index,
									link, reason);
	if (link->connection == NULL)
		fail_link(worker, link, reason, 0, now_ms);
}

void
cs_links_connect(CsWorker *worker, int64 now_ms)
{
	ListCell   *cell;

	foreach(cell, worker->links)
	{
		CsLink	   *link = lfirst(cell);

		if (link->wanted && link->connection == NULL && link->next_attempt_ms <= now_ms)
			connect_link(worker, link, now_ms);
	}
}

void
cs_links_opened(CsWorker *worker, CsLink *link, int64 now_ms)
{
	char	   *url = cs_public_url(worker->source->urls[link->url_index]);

	link->open = true;
	link->opened_ms = now_ms;
	worker->status.connected_since = GetCurrentTimestamp();
	strlcpy(worker->status.endpoint, url, sizeof(worker->status.endpoint));
	if (link->failures > 0)
	{
		worker->status.reconnects++;

		/* one that is accepted only to be refused is in trouble still */
		if (!link->relapse)
			ereport(LOG,
					(errmsg("chainstream source \"%s\": connected to %s",
							worker->source->name, url)));
	}
	pfree(url);
	cs_session_opened(worker->session, link->id, now_ms, worker->output);
}

void
cs_links_closed(CsWorker *worker, CsLink *link, const CsWireEvent *event,
				int64 now_ms)
{
	CsClosure	closure = {
		.was_open = link->open,
		.close_code = event->close_code,
		.http_status = event->http_status,
		.reason = event->reason
	};
	ListCell   *cell;
	bool		others = false;

	foreach(cell, worker->links)
	{
		const CsLink *other = lfirst(cell);

		others |= other != link && other->open;
	}

	/* without any connection nothing is active; what the provider says counts */
	if (!others)
	{
		worker->states_reset = true;
		worker->states_from = worker->actions_done;
		foreach(cell, worker->subscription_states)
		{
			CsSubscriptionState *state = lfirst(cell);

			if (!cs_state_is_final(state->state))
				state->state = CS_STATE_PENDING;
		}
	}
	cs_session_closed(worker->session, link->id, &closure, now_ms, worker->output);
	link->connection = NULL;
	if (!link->wanted)
	{
		forget_link(worker, link);
		return;
	}
	if (link->dismissed)
		link->next_attempt_ms = now_ms;
	else
	{
		/* what is wrong with it, not which side was quicker to close */
		bool		complained = link->misbehaved && link->complaint[0] != '\0';

		fail_link(worker, link, complained ? link->complaint : event->reason,
				  event->retry_after_s, now_ms);
	}
	link->open = link->dismissed = false;
}

int64
cs_links_next_ms(const CsWorker *worker)
{
	int64		next = INT64_MAX;
	ListCell   *cell;

	foreach(cell, worker->links)
	{
		const CsLink *link = lfirst(cell);

		if (link->wanted && link->connection == NULL)
			next = Min(next, link->next_attempt_ms);
	}
	return next;
}

/* The state of a worker that is connected. */
static CsWorkerState
subscribed_state(const CsWorker *worker)
{
	int			count[CS_STATE_FAILED + 1] = {0};
	ListCell   *cell;

	foreach(cell, worker->subscription_states)
		count[((CsSubscriptionState *) lfirst(cell))->state]++;
	if (count[CS_STATE_PENDING] > 0 ||
		(worker->subscription_states == NIL && cs_session_watch_count(worker->session) > 0))
		return CS_WORKER_SUBSCRIBING;
	if (count[CS_STATE_ACTIVE] > 0)
		return CS_WORKER_STREAMING;
	if (count[CS_STATE_ERROR] + count[CS_STATE_OVER_LIMIT] > 0)
		return CS_WORKER_SUBSCRIBING;
	return CS_WORKER_IDLE;
}

void
cs_links_summarize(CsWorker *worker)
{
	CsWorkerStatus *status = &worker->status;
	int64		next = cs_links_next_ms(worker);
	int			wanted = 0;
	int			open = 0;
	ListCell   *cell;

	foreach(cell, worker->links)
	{
		const CsLink *link = lfirst(cell);

		wanted += link->wanted;
		open += link->open;
	}
	status->connections = open;
	if (open == 0)
		status->connected_since = 0;
	status->next_retry_at = 0;

	if (worker->retry_at_ms != 0)
	{
		status->state = CS_WORKER_STALLED;
		next = worker->retry_at_ms;
	}
	else if (wanted == 0)
		status->state = CS_WORKER_IDLE;
	else if (open == wanted)
		status->state = subscribed_state(worker);
	else if (open > 0 && subscribed_state(worker) == CS_WORKER_STREAMING)
		status->state = CS_WORKER_DEGRADED;
	else
		status->state = next == INT64_MAX ? CS_WORKER_CONNECTING : CS_WORKER_BACKOFF;

	if (next != INT64_MAX)
		status->next_retry_at =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Max(0, next - cs_now_ms()));
}
