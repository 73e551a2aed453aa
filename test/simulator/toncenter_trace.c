/*-------------------------------------------------------------------------
 *
 * toncenter_trace.c
 *	  Synthetic traces on their way from pending to finalized.
 *
 * Each transfer is told of three times: when its message is emulated, when a
 * block has it, and when that block is final.  In between a trace waits in a
 * queue; it may be invalidated there, and come back.  At rate "max" nothing
 * waits, since there would be no end to the queue.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>

/* The states of a life, in turn: in one block, or in two. */
#define STEPS_MAX 5

typedef struct Life
{
	int			steps;
	TcState		states[STEPS_MAX];
} Life;

static const Life lives[2] = {
	{3, {{TC_PENDING, TC_PENDING}, {TC_CONFIRMED, TC_CONFIRMED},
	{TC_FINALIZED, TC_FINALIZED}}},
	{5, {{TC_PENDING, TC_PENDING}, {TC_CONFIRMED, TC_PENDING},
			{TC_CONFIRMED, TC_CONFIRMED}, {TC_FINALIZED, TC_CONFIRMED},
	{TC_FINALIZED, TC_FINALIZED}}},
};

/* A trace that is not final yet, or invalidated. */
typedef struct Trace
{
	struct Trace *next;
	TonTransfer transfer;
	const Life *life;
	int			step;			/* what was last told of it */
	int64_t		due_us;			/* when the next is to be told */
} Trace;

struct TcTraces
{
	TonPool    *pool;
	Trace	   *first;			/* in the order of their numbers */
	Trace	   *last;
	Trace	   *invalidated;	/* the last that was, or NULL */
	TonTransfer recent;			/* the last made, if any_made */
	bool		any_made;
};

typedef struct TcTraces Traces;

/* Deliver an item that is wanted no longer. */
static size_t
deliver_once(CsSimNetwork *network, CsSimItem *item)
{
	size_t		count = cs_sim_tc_deliver(network, item);

	cs_sim_tc_item_free(item);
	return count;
}

/* Deliver an item about a trace, with what some of its receivers ask for. */
static size_t
deliver_trace(CsSimNetwork *network, const TonTransfer *transfer,
			  CsSimItem *item)
{
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
	{
		const TcSubscription *wanted = &((TcClient *) client->state)->wanted;

		if (!wanted->book && !wanted->metadata)
			continue;
		cs_sim_tc_add_book(item, transfer);
		break;
	}
	return deliver_once(network, item);
}

/*
 * Tell everybody of a transfer in this state.  There are two messages of
 * transactions: of the emulated ones, and, once a block has some, of all.
 */
static size_t
tell(CsSimNetwork *network, const TonTransfer *transfer, const Life *life,
	 int step)
{
	TcState		state = life->states[step];
	TcState		before = life->states[step > 0 ? step - 1 : 0];
	TcFinality	least = cs_sim_tc_least(state);
	size_t		count = 0;

	if (least == TC_FINALIZED)
		cs_sim_tc_remember(network, transfer);
	if (least == TC_PENDING &&
		cs_sim_tc_wanted(network, TC_TRANSACTIONS, least))
		count += deliver_trace(network, transfer,
							   cs_sim_tc_transactions(transfer, state, true));
	if (state.sender > TC_PENDING &&
		cs_sim_tc_wanted(network, TC_TRANSACTIONS, least))
		count += deliver_trace(network, transfer,
							   cs_sim_tc_transactions(transfer, state, false));
	if (cs_sim_tc_wanted(network, TC_ACTIONS, least))
		count += deliver_trace(network, transfer,
							   cs_sim_tc_actions(transfer, state));
	if (cs_sim_tc_wanted(network, TC_TRACE, least))
		count += deliver_trace(network, transfer,
							   cs_sim_tc_trace(transfer, state));
	if (state.sender > before.sender &&
		cs_sim_tc_wanted(network, TC_ACCOUNT_STATE, state.sender))
		count += deliver_once(network,
							  cs_sim_tc_account_state(transfer, false,
													  state.sender));
	if (state.recipient > before.recipient &&
		cs_sim_tc_wanted(network, TC_ACCOUNT_STATE, state.recipient))
		count += deliver_once(network,
							  cs_sim_tc_account_state(transfer, true,
													  state.recipient));
	return count;
}

/* How long a trace stays in this state. */
static int64_t
stay_us(const CsSimNetwork *network, const Life *life, int step)
{
	return (int64_t) cs_sim_setting(network,
									life->states[step].sender <= TC_PENDING ||
									life->states[step].recipient <
									life->states[step].sender ?
									TC_CONFIRM_MS : TC_FINALIZE_MS) *
		LWS_US_PER_MS;
}

/* Wake up when the next of the waiting traces is due. */
static void
arm(CsSimNetwork *network)
{
	const Traces *traces = ((TcNetwork *) network->state)->traces;
	int64_t		next = INT64_MAX;
	int64_t		now = lws_now_usecs();

	for (const Trace *trace = traces->first; trace; trace = trace->next)
		if (trace->due_us < next)
			next = trace->due_us;
	if (next != INT64_MAX)
		cs_sim_network_timer(network, next <= now ? 1 :
							 (uint64_t) (next - now) / LWS_US_PER_MS + 1);
}

static void
append(Traces *traces, Trace *trace)
{
	trace->next = NULL;
	if (traces->last != NULL)
		traces->last->next = trace;
	else
		traces->first = trace;
	traces->last = trace;
}

/* Take a trace out of the queue. */
static void
unlink_trace(Traces *traces, Trace *trace)
{
	Trace	   *before = NULL;

	for (Trace *at = traces->first; at != trace; at = at->next)
		before = at;
	if (before != NULL)
		before->next = trace->next;
	else
		traces->first = trace->next;
	if (traces->last == trace)
		traces->last = before;
}

void
cs_sim_tc_tick(CsSimNetwork *network)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;
	int64_t		now = lws_now_usecs();

	for (Trace *trace = traces->first, *next; trace; trace = next)
	{
		next = trace->next;
		if (trace->due_us > now)
			continue;
		trace->step++;
		(void) tell(network, &trace->transfer, trace->life, trace->step);
		trace->due_us = now + stay_us(network, trace->life, trace->step);
		if (trace->step + 1 < trace->life->steps)
			continue;
		unlink_trace(traces, trace);
		free(trace);
	}
	arm(network);
}

size_t
cs_sim_tc_generate(CsSimNetwork *network)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;
	const Life *life = &lives[cs_sim_switch(network, TC_TWO_BLOCKS)];
	Trace	   *trace;
	size_t		count = 0;
	bool		first = traces->first == NULL;

	ton_pool_next(traces->pool, &traces->recent);
	traces->any_made = true;
	if (network->traffic.rate == CS_SIM_RATE_MAX ||
		cs_sim_setting(network, TC_CONFIRM_MS) +
		cs_sim_setting(network, TC_FINALIZE_MS) == 0)
	{
		for (int step = 0; step < life->steps; step++)
			count += tell(network, &traces->recent, life, step);
		return count;
	}
	count = tell(network, &traces->recent, life, 0);
	trace = cs_sim_alloc(sizeof(*trace));
	trace->transfer = traces->recent;
	trace->life = life;
	trace->due_us = lws_now_usecs() + stay_us(network, life, 0);
	append(traces, trace);
	if (first)
		arm(network);
	return count;
}

/* ---------- commands ---------- */

/* Say that a trace is void. */
static size_t
tell_invalidated(CsSimNetwork *network, const TonTransfer *transfer)
{
	CsSimItem  *item = cs_sim_tc_item_new(TC_INVALIDATED, -1);

	ton_base64(transfer->external, item->trace);
	ton_hex(transfer->external, item->hash);
	cs_sim_text_printf(&item->head, "{\"type\":\"trace_invalidated\","
					   "\"trace_external_hash_norm\":\"%s\"", item->trace);
	return deliver_once(network, item);
}

/* The last trace that is not final never becomes so. */
static bool
run_invalidate(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;
	Trace	   *trace = traces->last;

	(void) arguments;
	if (trace == NULL)
	{
		cs_sim_text_printf(answer, "no trace is pending or confirmed");
		return false;
	}
	unlink_trace(traces, trace);
	free(traces->invalidated);
	traces->invalidated = trace;
	cs_sim_text_printf(answer, "%zu", tell_invalidated(network,
													   &trace->transfer));
	return true;
}

/* The invalidated one is on chain nevertheless. */
static bool
run_comeback(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;
	Trace	   *trace = traces->invalidated;

	(void) arguments;
	if (trace == NULL)
	{
		cs_sim_text_printf(answer, "no trace was invalidated");
		return false;
	}
	traces->invalidated = NULL;
	trace->life = &lives[0];
	trace->step = 1;
	trace->due_us = lws_now_usecs() + stay_us(network, trace->life, 1);
	append(traces, trace);
	cs_sim_text_printf(answer, "%zu", tell(network, &trace->transfer,
										   trace->life, 1));
	arm(network);
	return true;
}

/* The next transfer, at once, and nothing more of it until asked for. */
static bool
run_trace(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;
	char		text[TON_BASE64_SIZE];

	(void) arguments;
	(void) cs_sim_tc_generate(network);
	ton_base64(traces->recent.external, text);
	cs_sim_text_printf(answer, "%s %s %s", text, traces->recent.sender.text,
					   traces->recent.recipient.text);
	return true;
}

const CsSimCommand cs_sim_tc_commands[] = {
	{"trace", ": begin the next trace; answers its hash, sender, recipient",
	run_trace},
	{"invalidate", ": void the last trace that is not final", run_invalidate},
	{"key", "KEY CONNECTIONS ADDRESSES: know this API key, and only such; 0: any "
		"number; or KEY forbidden", cs_sim_tc_run_key},
	{"comeback", ": confirm the trace that was invalidated", run_comeback},
	{NULL, NULL, NULL}
};

/* ---------- the pool ---------- */

void
cs_sim_tc_traces_start(CsSimNetwork *network)
{
	Traces	   *traces = cs_sim_alloc(sizeof(*traces));

	traces->pool = ton_pool_create(network);
	((TcNetwork *) network->state)->traces = traces;
}

void
cs_sim_tc_traces_stop(CsSimNetwork *network)
{
	Traces	   *traces = ((TcNetwork *) network->state)->traces;

	while (traces->first != NULL)
	{
		Trace	   *trace = traces->first;

		traces->first = trace->next;
		free(trace);
	}
	free(traces->invalidated);
	ton_pool_free(traces->pool);
	free(traces);
}

void
cs_sim_tc_accounts(CsSimNetwork *network, uint64_t from, uint64_t count,
				   FILE *file)
{
	const Traces *traces = ((TcNetwork *) network->state)->traces;

	ton_pool_accounts(traces->pool, from, count, file);
}

void
cs_sim_tc_example(CsSimClient *client, CsSimText *text)
{
	Traces	   *traces = ((TcNetwork *) client->network->state)->traces;
	CsSimItem  *item;

	if (!traces->any_made)
		ton_pool_next(traces->pool, &traces->recent);
	traces->any_made = true;
	item = cs_sim_tc_transactions(&traces->recent, lives[0].states[2], false);
	cs_sim_text_add(text, item->head.data, item->head.length);
	cs_sim_text_printf(text, ",\"transactions\":[%s]}",
					   item->parts[0].text.data);
	cs_sim_tc_item_free(item);
}
