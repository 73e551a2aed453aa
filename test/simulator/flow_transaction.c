/*-------------------------------------------------------------------------
 *
 * flow_transaction.c
 *	  Statuses of Flow transactions.
 *
 * Every step is reported in order, and those that were missed are made up.
 * What is known are the transactions of the synthetic chain, and those that
 * clients sent, which come into the second block from then on.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* Steps; a subscription's step is the next it will report. */
enum
{
	STEP_PENDING,
	STEP_FINALIZED,
	STEP_EXECUTED,
	STEP_SEALED,
	STEP_EXPIRED
};

/* Index in its block of a transaction that a client sent. */
#define SENT_INDEX	255

/* Blocks from the sending to the block that has it. */
#define SENT_AFTER	2

/* What is known of a transaction. */
typedef struct Known
{
	FlowTransaction transaction;
	bool		sent;			/* by a client: it succeeds, and only pays */
} Known;

/* Find a transaction; false: nobody knows it, or it is not there yet. */
static bool
find(CsSimNetwork *network, const FlowId id, Known *known)
{
	const FlowState *state = flow_state(network);
	size_t		first = state->sent_count > FLOW_SENT_KEPT ?
		state->sent_count - FLOW_SENT_KEPT : 0;
	uint64_t	number;

	memset(known, 0, sizeof(*known));
	if (cs_sim_flow_number(network, FLOW_TRANSACTION, id, &number) &&
		number >> 8 <= state->head &&
		(int) (number & 255) < cs_sim_flow_transactions(network, number >> 8))
	{
		cs_sim_flow_transaction(network, number >> 8, (int) (number & 255),
								&known->transaction);
		return true;
	}
	for (size_t i = state->sent_count; i > first; i--)
	{
		const FlowSent *sent = &state->sent[(i - 1) % FLOW_SENT_KEPT];

		if (memcmp(sent->id, id, FLOW_ID_LENGTH) != 0)
			continue;
		memcpy(known->transaction.id, id, FLOW_ID_LENGTH);
		known->transaction.height = sent->height;
		known->transaction.index = SENT_INDEX;
		known->transaction.payer = sent->payer;
		known->transaction.deed = FLOW_FAILED_TRANSFER;
		known->sent = true;
		return true;
	}
	return false;
}

/* How far it is. */
static int
step_of(CsSimNetwork *network, const Known *known)
{
	uint64_t	height = known->transaction.height;

	if (height > flow_state(network)->head)
		return STEP_PENDING;
	if (height <= cs_sim_flow_sealed(network))
		return STEP_SEALED;
	return height <= cs_sim_flow_executed(network) ? STEP_EXECUTED :
		STEP_FINALIZED;
}

static void
add_events(const CsSimNetwork *network, const Known *known, CsSimText *text)
{
	FlowEvent  *events = NULL;
	size_t		count = 0;

	cs_sim_flow_events(network, &known->transaction, &events, &count);
	for (size_t i = 0; i < count; i++)
		cs_sim_text_printf(text, "%s%s", i > 0 ? "," : "", events[i].text);
	cs_sim_flow_events_free(events, count);
}

/* Append the result of a transaction at a step. */
static void
add_result(CsSimNetwork *network, const FlowId id, const Known *known,
		   int step, CsSimText *text)
{
	static const char *const names[] = {
		"Pending", "Finalized", "Executed", "Sealed", "Expired"
	};
	static const char message[] =
		"[Error Code: 1101] error caused by: 1 error occurred:\n\t* "
		"transaction execute failed: [Error Code: 1101] cadence runtime "
		"error: Execution failed:\nerror: panic: not enough \"FLOW\" & "
		"<tokens>\n --> 1654653399040a61.FlowToken:86:12\n";
	bool		included = step >= STEP_FINALIZED && step <= STEP_SEALED;
	bool		executed = step == STEP_EXECUTED || step == STEP_SEALED;
	bool		failed = executed && !known->sent &&
		known->transaction.deed == FLOW_FAILED_TRANSFER;
	char		digits[FLOW_ID_TEXT];

	cs_sim_text_printf(text, "{\"block_id\":\"");
	if (included)
		cs_sim_flow_add_id(network, FLOW_BLOCK, known->transaction.height,
						   text);
	cs_sim_text_printf(text, "\",\"collection_id\":\"");
	if (included)
		cs_sim_flow_add_id(network, FLOW_COLLECTION,
						   known->transaction.height, text);
	cs_sim_text_printf(text, "\",\"execution\":\"%s\",\"status\":\"%s\","
					   "\"status_code\":%d,\"error_message\":",
					   failed || step == STEP_EXPIRED ? "Failure" :
					   step == STEP_SEALED ? "Success" : "Pending",
					   names[step], failed);
	cs_sim_flow_quote(text, message, failed ? strlen(message) : 0);
	cs_sim_text_printf(text, ",\"computation_used\":\"%d\",\"events\":[",
					   failed ? 117 : 0);
	if (executed)
		add_events(network, known, text);
	cs_hex_encode_lower(id, FLOW_ID_LENGTH, digits);
	cs_sim_text_printf(text, "],\"_links\":{\"_self\":"
					   "\"/v1/transaction_results/%.*s\"}}", FLOW_ID_TEXT,
					   digits);
}

/* Report one step to a subscription. */
static void
report(CsSimClient *client, FlowSubscription *subscription,
	   const Known *known, int step)
{
	CsSimText	text = {NULL, 0, 0};
	char		digits[FLOW_ID_TEXT + 1];

	cs_sim_flow_envelope(subscription, &text);
	cs_sim_text_printf(&text, "{\"transaction_result\":");
	add_result(client->network, subscription->transaction, known, step, &text);
	cs_sim_text_printf(&text, ",\"message_index\":%llu}}",
					   (unsigned long long) subscription->message_index++);
	cs_hex_encode_lower(subscription->transaction, FLOW_ID_LENGTH, digits);
	digits[FLOW_ID_TEXT] = '\0';
	if (!cs_sim_flow_lost(client->network))
		cs_sim_flow_send(client, &text, (int) subscription->topic, digits);
	free(text.data);
	subscription->step = step + 1;
	subscription->ended = step >= STEP_SEALED;
}

void
cs_sim_flow_pump_transaction(CsSimClient *client,
							 FlowSubscription *subscription)
{
	CsSimNetwork *network = client->network;
	uint64_t	age = flow_state(network)->head - subscription->since;
	Known		known;

	if (find(network, subscription->transaction, &known))
	{
		int			step = step_of(network, &known);

		while (subscription->step <= step)
			report(client, subscription, &known, subscription->step);
	}
	else if (age >= cs_sim_setting(network, FLOW_EXPIRY))
		report(client, subscription, &known, STEP_EXPIRED);
}

bool
cs_sim_flow_result(CsSimNetwork *network, const FlowId id, CsSimText *text)
{
	Known		known;

	if (!find(network, id, &known))
		return false;
	add_result(network, id, &known, step_of(network, &known), text);
	return true;
}

void
cs_sim_flow_take(CsSimNetwork *network, json_object *arguments, FlowId id)
{
	FlowState  *state = flow_state(network);
	FlowSent   *sent = &state->sent[state->sent_count++ % FLOW_SENT_KEPT];
	json_object *payer = NULL;
	CsSimText	text = {NULL, 0, 0};

	cs_sim_flow_json(&text, arguments, true);
	if (EVP_Digest(text.data, text.length, id, NULL, EVP_sha256(), NULL) != 1)
		cs_sim_fatal("OpenSSL has no SHA-256");
	free(text.data);
	(void) json_object_object_get_ex(arguments, "payer", &payer);
	memcpy(sent->id, id, FLOW_ID_LENGTH);
	sent->height = state->head + SENT_AFTER;
	sent->payer = cs_sim_flow_parse_address(json_object_get_string(payer));
}
