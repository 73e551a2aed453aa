/*-------------------------------------------------------------------------
 *
 * flow_events.c
 *	  What the events of a Flow network mean.
 *
 * Money moves by two events of the FungibleToken contract: Withdrawn from one
 * account and Deposited to another.  They belong together if they name the
 * same vault (uuid), token and amount, within a transaction.  Each is a row
 * from the point of view of its account: "out", "in".  What must not count as
 * a movement, or not once more, has no direction:
 *
 *	- the pair that pays the fees of a transaction, see note_fees();
 *	- the deposit to oneself of what one has just withdrawn (the withdrawal
 *	  is "self");
 *	- where everything is taken: the second event of a pair, as one row tells
 *	  a transfer from the view of who began it;
 *	- the events of FlowToken itself, which repeat those of FungibleToken.
 *
 * All other events are rows that say no more than where they come from.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/flow/flow_event.h"
#include "provider/identity.h"
#include "provider/output.h"

/* ---------- what belongs together ---------- */

static int
compare_order(const void *a, const void *b)
{
	const FlowEvent *left = a;
	const FlowEvent *right = b;

	if (left->transaction_index != right->transaction_index)
		return left->transaction_index < right->transaction_index ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

static int
compare_vaults(const void *a, const void *b)
{
	const FlowEvent *left = *(FlowEvent *const *) a;
	const FlowEvent *right = *(FlowEvent *const *) b;
	int			order = memcmp(left->transaction, right->transaction, 64);

	if (order != 0)
		return order;
	if (left->vault != right->vault)
		return left->vault < right->vault ? -1 : 1;
	return compare_order(left, right);
}

static bool
same_text(CsText a, CsText b)
{
	return a.data != NULL && b.data != NULL && a.length == b.length &&
		memcmp(a.data, b.data, a.length) == 0;
}

/* Do these two tell of one transfer? */
static bool
is_pair(const FlowEvent *out, const FlowEvent *in)
{
	return out->kind == FLOW_EVENT_WITHDRAWN &&
		in->kind == FLOW_EVENT_DEPOSITED &&
		strcmp(out->transaction, in->transaction) == 0 &&
		out->vault == in->vault && strcmp(out->amount, in->amount) == 0 &&
		same_text(out->asset, in->asset);
}

/*
 * Find the partners.  With events of one vault next to each other and in
 * their order, a pair stands side by side: a vault is withdrawn once and
 * deposited once.  False: memory is short.
 */
static bool
pair_events(FlowEvent *events, size_t count)
{
	FlowEvent **sorted = malloc(count * sizeof(FlowEvent *));
	size_t		used = 0;

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
	{
		if ((events[i].kind == FLOW_EVENT_WITHDRAWN ||
			 events[i].kind == FLOW_EVENT_DEPOSITED) && events[i].vault != 0)
			sorted[used++] = &events[i];
	}
	qsort(sorted, used, sizeof(FlowEvent *), compare_vaults);
	for (size_t i = 1; i < used; i++)
	{
		FlowEvent  *out = sorted[i - 1];
		FlowEvent  *in = sorted[i];

		if (out->partner != NULL || !is_pair(out, in))
			continue;
		out->partner = in;
		in->partner = out;
		out->has_other = in->has_account;
		out->other = in->account;
		in->has_other = out->has_account;
		in->other = out->account;
	}
	free(sorted);
	return true;
}

/*
 * Fees are paid by an ordinary withdrawal and deposit, the last of the
 * transaction before FeesDeducted that have its amount.  The recipient is the
 * account of the FlowFees contract or one of its children.  Where only single
 * kinds of events were asked for, the contract's own account must do.
 */
static void
note_fees(const FlowNotice *notice, FlowEvent *events, size_t count)
{
	uint64_t	collector = cs_flow_fees_account(notice->flow->network);
	CsText		coin = cs_piece(notice->flow->base.network->asset);
	const FlowEvent *fees = NULL;

	for (size_t i = count; i-- > 0;)
	{
		FlowEvent  *event = &events[i];

		if (fees != NULL &&
			strcmp(fees->transaction, event->transaction) != 0)
			fees = NULL;
		if (event->kind == FLOW_EVENT_FEES_DEDUCTED)
			fees = event;
		if (event->kind != FLOW_EVENT_DEPOSITED || !same_text(event->asset, coin))
			continue;
		if (fees != NULL && strcmp(fees->amount, event->amount) == 0)
		{
			event->fee = true;
			fees = NULL;
		}
		else if (event->has_account && event->account == collector)
			event->fee = true;
		if (event->fee && event->partner != NULL)
			event->partner->fee = true;
	}
}

/* ---------- writing ---------- */

static CsText
write_address(const FlowNotice *notice, bool known, uint64_t address)
{
	char		text[CS_FLOW_ADDRESS_LENGTH + 1];

	if (!known)
		return CS_NO_TEXT;
	cs_flow_address_encode(address, text);
	return cs_output_text(notice->output, text, CS_FLOW_ADDRESS_LENGTH);
}

static bool
is_watched(const FlowNotice *notice, bool known, uint64_t address)
{
	char		text[CS_FLOW_ADDRESS_LENGTH + 1];

	if (!known)
		return false;
	cs_flow_address_encode(address, text);
	return cs_session_watches(&notice->flow->base,
							  (CsText) {text, CS_FLOW_ADDRESS_LENGTH});
}

/* Which way the money went for the account; see the top of this file. */
static CsDirection
find_direction(const FlowNotice *notice, const FlowEvent *event)
{
	bool		out = event->kind == FLOW_EVENT_WITHDRAWN;
	bool		own = event->partner != NULL && event->has_account &&
		event->has_other && event->account == event->other;

	if ((!out && event->kind != FLOW_EVENT_DEPOSITED) || !event->decoded ||
		!event->has_account || event->fee)
		return CS_DIRECTION_NONE;
	if (own)
		return out ? CS_DIRECTION_SELF : CS_DIRECTION_NONE;
	if (out)
		return CS_DIRECTION_OUT;
	if (notice->stream->followed && event->partner != NULL &&
		event->has_other && !is_watched(notice, true, event->account))
		return CS_DIRECTION_NONE;
	return CS_DIRECTION_IN;
}

/* One row about an event, for *account*, which may be absent. */
static void
add_event(const FlowNotice *notice, const FlowEvent *event, CsText account,
		  CsText other, bool recipient, int64_t time)
{
	const char *network = notice->flow->base.network->name;
	CsText		kind = cs_output_text(notice->output, event->type.data,
									  event->type.length);
	CsText		transaction = cs_output_string(notice->output,
											   event->transaction);
	CsText		amount = CS_NO_TEXT;
	char		index[CS_DECIMAL64_DIGITS + 1];
	CsRecord   *record;

	if (event->amount[0] != '\0')
		amount = cs_output_string(notice->output, event->amount);
	record = cs_flow_record(notice, CS_TABLE_EVENTS);
	if (record == NULL)
		return;
	(void) cs_int64_to_decimal(event->index, index);
	record->status = CS_STATUS_FINALIZED;
	record->direction = find_direction(notice, event);
	record->ordinal = (int32_t) (2 * event->index + (recipient ? 1 : 0));
	record->occurred_at = time;
	record->kind = kind.data;
	record->hash = transaction;
	record->transaction_hash = transaction;
	record->account = account;
	record->counterparty = other;
	record->amount = amount;
	record->asset = event->asset;
	record->payload = event->payload;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network),
							transaction, cs_piece(index), account}, 5);
}

/* ---------- events ---------- */

/* Is there to be a row about this event? */
static bool
is_wanted(const FlowNotice *notice, const FlowEvent *event)
{
	if (!notice->stream->followed || notice->flow->base.everything)
		return true;
	return (event->kind == FLOW_EVENT_WITHDRAWN ||
			event->kind == FLOW_EVENT_DEPOSITED) &&
		is_watched(notice, event->has_account, event->account);
}

/* Read all events of a list into a new array; NULL: see *error*. */
static FlowEvent *
read_events(FlowNotice *notice, struct json_object *list, CsText slices,
			CsError *error)
{
	size_t		count = json_object_array_length(list);
	FlowEvent  *events = calloc(count, sizeof(FlowEvent));
	size_t		position = 0;
	bool		sorted = true;

	if (events == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
	{
		events[i].payload = cs_json_slice_next(slices, &position);
		if (!cs_flow_read_event(notice, json_object_array_get_idx(list, i),
								&events[i], error))
		{
			free(events);
			return NULL;
		}
		sorted = sorted && (i == 0 || compare_order(&events[i - 1],
													&events[i]) <= 0);
	}
	if (!sorted)
		qsort(events, count, sizeof(FlowEvent), compare_order);
	if (!pair_events(events, count))
	{
		free(events);
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return NULL;
	}
	note_fees(notice, events, count);
	return events;
}

/* The list of events; *list* NULL: there are none.  False: it is no list. */
static bool
find_list(struct json_object *payload, const char *name, json_type type,
		  struct json_object **list, CsError *error)
{
	*list = cs_json_member(payload, name);
	if (*list == NULL || json_object_is_type(*list, type))
		return true;
	cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL, "\"%s\" is not %s", name,
				 type == json_type_array ? "an array" : "an object");
	return false;
}

bool
cs_flow_events(FlowNotice *notice, CsError *error)
{
	struct json_object *list;
	CsText		slices = cs_json_slice_member(notice->text, "payload");
	size_t		count;
	FlowEvent  *events;
	int64_t		time;

	if (!find_list(notice->payload, "events", json_type_array, &list, error) ||
		!cs_flow_read_time(notice->payload, "block_timestamp", &time, error))
		return false;
	count = list ? json_object_array_length(list) : 0;
	if (count == 0)
		return true;
	events = read_events(notice, list, cs_json_slice_member(slices, "events"),
						 error);
	if (events == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
	{
		FlowEvent  *event = &events[i];

		if (is_wanted(notice, event))
			add_event(notice, event,
					  write_address(notice, event->has_account, event->account),
					  write_address(notice, event->has_other, event->other),
					  event->recipient, time);
	}
	free(events);
	return true;
}

/* ---------- account_statuses ---------- */

/* The list of events of an account; false: it is none, see *error*. */
static bool
find_account(struct json_object *accounts, CsText name, uint64_t *account,
			 struct json_object **list, CsError *error)
{
	char		text[CS_FLOW_ADDRESS_LENGTH + 1];

	if (!cs_flow_address_decode(name.data, name.length, account))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a name in \"account_events\" is not an address");
		return false;
	}
	memcpy(text, name.data, name.length);
	text[name.length] = '\0';
	*list = cs_json_array(accounts, text);
	if (*list != NULL)
		return true;
	cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
				 "events of account \"%s\" are not an array", text);
	return false;
}

/* The events of one account, each seen from there. */
static bool
add_account(FlowNotice *notice, struct json_object *accounts, CsText name,
			CsText slices, CsError *error)
{
	size_t		position = 0;
	struct json_object *list;
	uint64_t	account;
	bool		watched;

	if (!find_account(accounts, name, &account, &list, error))
		return false;
	watched = is_watched(notice, true, account);
	if (!watched && !notice->flow->base.everything)
		return true;
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		FlowEvent	event = {.payload = cs_json_slice_next(slices, &position)};
		bool		first;

		if (!cs_flow_read_event(notice, json_object_array_get_idx(list, i),
								&event, error))
			return false;

		/* Nobody watched: one row, from the view of who did it. */
		first = !event.has_account || event.account == account;
		if (!watched && !first)
			continue;
		if (!first)
		{
			event.other = event.account;
			event.has_other = true;
			event.recipient = !event.recipient;
		}
		add_event(notice, &event, write_address(notice, true, account),
				  write_address(notice, event.has_other, event.other),
				  event.recipient, CS_NO_NUMBER);
	}
	return true;
}

bool
cs_flow_account_events(FlowNotice *notice, CsError *error)
{
	struct json_object *accounts;
	CsText		slices = cs_json_slice_member(notice->text, "payload");
	CsText		list_slice;
	CsText		name;
	size_t		position = 0;

	if (!find_list(notice->payload, "account_events", json_type_object,
				   &accounts, error))
		return false;
	if (accounts == NULL)
		return true;
	slices = cs_json_slice_member(slices, "account_events");
	while ((list_slice = cs_json_slice_next_member(slices, &position,
												   &name)).data != NULL)
	{
		if (!add_account(notice, accounts, name, list_slice, error))
			return false;
	}
	return true;
}
