/*-------------------------------------------------------------------------
 *
 * requests.c
 *	  HTTP requests of a provider, apart from its links.
 *
 * A session asks with an action and is answered by one call, whatever
 * happens: with the body and status that came, or with the reason why
 * nothing did.  Each request is a connection of its own, in the same loop as
 * the links.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "server/guc.h"
#include "server/worker.h"

/* A peer that sends nothing for so long will not answer any more. */
#define IDLE_TIMEOUT_MS 30000

typedef struct Call
{
	CsOwnerKind kind;
	int64		id;				/* the provider's */
	CsConnection *connection;	/* NULL: could not even be begun */
	bool		answered;
	char		reason[CS_WIRE_REASON_MAX];
} Call;

static void
forget(CsWorker *worker, Call *call)
{
	worker->calls = list_delete_ptr(worker->calls, call);
	pfree(call);
}

/* Hand an answer, or the lack of one, to the session. */
static void
answer(CsWorker *worker, const CsResponse *response, int64 now_ms)
{
	size_t		first = cs_output_record_count(worker->output);
	CsError		error;

	if (!cs_session_response(worker->session, response, now_ms, worker->output,
							 &error))
	{
		CsMessage	message = {
			.data = response->data,
			.length = response->length,
			.received_at = response->received_at
		};

		cs_batch_reject(worker, &message, &error);
	}
	cs_batch_take(worker, first);
}

static void
fail(CsWorker *worker, const Call *call, const char *reason, int64 now_ms)
{
	CsResponse	response = {.id = call->id, .reason = reason, .data = ""};
	char	   *text = cs_server_text(reason);

	cs_status_note_error(&worker->status, "%s", text);
	pfree(text);
	answer(worker, &response, now_ms);
}

void
cs_request_begin(CsWorker *worker, const CsRequest *request)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	Call	   *call = palloc0(sizeof(Call));
	CsConnectParams params = {
		.transport = CS_TRANSPORT_HTTP,
		.url = request->url,
		.body = request->body,
		.header_count = request->field_count,
		.connect_timeout_ms = cs_guc_connect_timeout,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.owner = call
	};
	CsHeader	headers[CS_FIELDS_MAX];

	for (int i = 0; i < request->field_count; i++)
	{
		headers[i].name = request->fields[i].name;
		headers[i].value = request->fields[i].value;
	}
	params.headers = headers;
	call->kind = CS_OWNER_REQUEST;
	call->id = request->id;
	worker->calls = lappend(worker->calls, call);
	MemoryContextSwitchTo(oldcontext);

	HOLD_INTERRUPTS();
	call->connection = cs_connection_open(worker->wire, &params, call->reason);
	RESUME_INTERRUPTS();
}

void
cs_request_event(CsWorker *worker, const CsWireEvent *event, int64 now_ms)
{
	Call	   *call = event->owner;

	switch (event->kind)
	{
		case CS_WIRE_OPENED:
			break;
		case CS_WIRE_MESSAGE:
			{
				CsResponse	response = {
					.id = call->id,
					.status = event->http_status,
					.retry_after_s = event->retry_after_s,
					.reason = "",
					.data = event->data,
					.length = event->length,
					.received_at = event->received_at
				};

				call->answered = true;
				answer(worker, &response, now_ms);
			}
			break;
		case CS_WIRE_CLOSED:
			if (!call->answered)
				fail(worker, call, event->reason, now_ms);
			forget(worker, call);
			break;
	}
}

void
cs_requests_settle(CsWorker *worker, int64 now_ms)
{
	ListCell   *cell;
	List	   *failed = NIL;

	foreach(cell, worker->calls)
		if (((Call *) lfirst(cell))->connection == NULL)
			failed = lappend(failed, lfirst(cell));
	foreach(cell, failed)
	{
		Call	   *call = lfirst(cell);

		fail(worker, call, call->reason, now_ms);
		forget(worker, call);
	}
	list_free(failed);
}
