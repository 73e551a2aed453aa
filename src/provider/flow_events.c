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
#include "provider/flow.h"
#include "provider/flow_cadence.h"
#include "provider/identity.h"
#include "provider/output.h"

typedef enum EventKind
{
	EVENT_OTHER,
	EVENT_CORE,					/* flow.* */
	EVENT_WITHDRAWN,			/* of FungibleToken */
	EVENT_DEPOSITED,
	EVENT_BURNED,
	EVENT_FLOW_WITHDRAWN,		/* of FlowToken */
	EVENT_FLOW_DEPOSITED,
	EVENT_FLOW_MINTED,
	EVENT_FEES_DEDUCTED,
	EVENT_KINDS
} EventKind;

#define TYPES(fungible, flow, fees) { \
	[EVENT_WITHDRAWN] = "A." fungible ".FungibleToken.Withdrawn", \
	[EVENT_DEPOSITED] = "A." fungible ".FungibleToken.Deposited", \
	[EVENT_BURNED] = "A." fungible ".FungibleToken.Burned", \
	[EVENT_FLOW_WITHDRAWN] = "A." flow ".FlowToken.TokensWithdrawn", \
	[EVENT_FLOW_DEPOSITED] = "A." flow ".FlowToken.TokensDeposited", \
	[EVENT_FLOW_MINTED] = "A." flow ".FlowToken.TokensMinted", \
	[EVENT_FEES_DEDUCTED] = "A." fees ".FlowFees.FeesDeducted"}

static const char *const types[][EVENT_KINDS] = {
	[CS_FLOW_MAINNET] = TYPES("f233dcee88fe0abe", "1654653399040a61",
							  "f919ee77447b7497"),
	[CS_FLOW_TESTNET] = TYPES("9a0766d93b6608b7", "7e60df042a9c0868",
							  "912d5440f7e3769e"),
	[CS_FLOW_EMULATOR] = TYPES("ee82856bf20e2aa6", "0ae53cb6e3f42a79",
							   "e5a8b7f23e8b548f"),
};

/* What is needed to follow accounts; in the order of CsFlowNetwork. */
static const char *const token_events[][4] = {
#define FOLLOWED(network) { \
	"A." network ".FungibleToken.Deposited", \
	"A." network ".FungibleToken.Withdrawn",
	[CS_FLOW_MAINNET] = FOLLOWED("f233dcee88fe0abe")
	"A.f919ee77447b7497.FlowFees.FeesDeducted", NULL},
	[CS_FLOW_TESTNET] = FOLLOWED("9a0766d93b6608b7")
	"A.912d5440f7e3769e.FlowFees.FeesDeducted", NULL},
	[CS_FLOW_EMULATOR] = FOLLOWED("ee82856bf20e2aa6")
	"A.e5a8b7f23e8b548f.FlowFees.FeesDeducted", NULL},
#undef FOLLOWED
};

static const uint64_t fees_account[] = {
	[CS_FLOW_MAINNET] = UINT64_C(0xf919ee77447b7497),
	[CS_FLOW_TESTNET] = UINT64_C(0x912d5440f7e3769e),
	[CS_FLOW_EMULATOR] = UINT64_C(0xe5a8b7f23e8b548f),
};

/* An event, as far as it is understood. */
typedef struct Event
{
	EventKind	kind;
	CsText		type;			/* in the message's object */
	char		transaction[FLOW_ID_SIZE];
	int64_t		transaction_index;
	int64_t		index;
	CsText		payload;		/* its part of the message */

	bool		has_account;
	bool		has_other;
	uint64_t	account;
	uint64_t	other;			/* the counterparty */
	bool		decoded;
	char		amount[CS_CADENCE_FIXED_MAX];	/* empty: none */
	CsText		asset;			/* arena or static */
	uint64_t	vault;			/* uuid of what moves; 0: unknown */
	bool		recipient;		/* the account is the second party */

	struct Event *partner;
	bool		fee;
} Event;

const char *const *
cs_flow_token_events(CsFlowNetwork network)
{
	return token_events[network];
}

/* ---------- reading ---------- */

static EventKind
find_kind(CsFlowNetwork network, CsText type)
{
	if (type.length > 5 && memcmp(type.data, "flow.", 5) == 0)
		return EVENT_CORE;
	for (int kind = EVENT_WITHDRAWN; kind < EVENT_KINDS; kind++)
	{
		if (cs_flow_is(type, types[network][kind]))
			return (EventKind) kind;
	}
	return EVENT_OTHER;
}

/* The token of a vault's type: "FLOW", or the type without ".Vault". */
static CsText
find_asset(const FlowNotice *notice, CsText vault)
{
	static const char suffix[] = ".Vault";
	size_t		length = sizeof(suffix) - 1;
	const char *flow = types[notice->flow->network][EVENT_FLOW_MINTED];
	size_t		contract = strlen(flow) - strlen(".TokensMinted");

	if (vault.data == NULL)
		return CS_NO_TEXT;
	if (vault.length > length &&
		memcmp(vault.data + vault.length - length, suffix, length) == 0)
		vault.length -= length;
	if (vault.length == contract && memcmp(vault.data, flow, contract) == 0)
		return cs_piece(notice->flow->base.network->asset);
	return cs_output_text(notice->output, vault.data, vault.length);
}

/* An unsigned 64-bit integer; 0: it is none. */
static uint64_t
read_uuid(struct json_object *value)
{
	CsText		text = cs_cadence_text(value);
	uint64_t	number = 0;

	if (text.data == NULL || text.length == 0 || text.length > 20)
		return 0;
	for (size_t i = 0; i < text.length; i++)
	{
		uint64_t	digit = (uint64_t) ((uint8_t) text.data[i] - (uint8_t) '0');

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return 0;
		number = number * 10 + digit;
	}
	return number;
}

/* A movement of tokens; false: it lacks what such an event must have. */
static bool
read_movement(const FlowNotice *notice, Event *event, struct json_object *value,
			  CsError *error)
{
	bool		in = event->kind == EVENT_DEPOSITED ||
		event->kind == EVENT_FLOW_DEPOSITED;
	bool		fungible = event->kind <= EVENT_BURNED;

	if (!cs_cadence_ufix64(cs_cadence_field(value, "amount"), event->amount))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "event \"%.100s\" has no amount", event->type.data);
		return false;
	}
	event->has_account =
		cs_cadence_address(cs_cadence_field(value, in ? "to" : "from"),
						   &event->account);
	if (fungible)
		event->asset = find_asset(notice,
								  cs_cadence_text(cs_cadence_field(value, "type")));
	else
		event->asset = cs_piece(notice->flow->base.network->asset);
	event->vault = read_uuid(cs_cadence_field(value, in ? "depositedUUID" :
											  "withdrawnUUID"));
	return true;
}

/* An event of the protocol itself: whom it is about. */
static void
read_core(Event *event, struct json_object *value)
{
	bool		claimed = cs_flow_is(event->type, "flow.InboxValueClaimed");

	event->has_account = cs_cadence_address(cs_cadence_field(value, "address"),
											&event->account);
	if (event->has_account)
		return;
	event->has_account =
		cs_cadence_address(cs_cadence_field(value, claimed ? "recipient" :
											"provider"), &event->account);
	event->has_other =
		cs_cadence_address(cs_cadence_field(value, claimed ? "provider" :
											"recipient"), &event->other);
	event->recipient = claimed;
}

/* The address in the type of a contract's event. */
static void
read_contract(Event *event)
{
	if (event->type.length > 19 && memcmp(event->type.data, "A.", 2) == 0 &&
		event->type.data[18] == '.')
		event->has_account = cs_flow_address_decode(event->type.data + 2, 16,
													&event->account);
}

/*
 * Look into the payload, if it is one that says something.  A payload in the
 * binary encoding of old servers is not an error, but says nothing.
 */
static bool
read_payload(const FlowNotice *notice, Event *event, CsText payload,
			 CsError *error)
{
	struct json_object *value;
	CsCadenceForm form = cs_cadence_event(notice->flow->base.tokener, payload,
										  &value, error);
	bool		valid = true;

	if (form == CS_CADENCE_CCF)
	{
		notice->stream->ccf = true;
		return true;
	}
	if (form == CS_CADENCE_BROKEN)
		return event->kind == EVENT_CORE;
	event->decoded = true;
	if (event->kind == EVENT_CORE)
		read_core(event, value);
	else
		valid = read_movement(notice, event, value, error);
	json_object_put(value);
	return valid;
}

static bool
read_event(const FlowNotice *notice, struct json_object *object, Event *event,
		   CsError *error)
{
	CsText		payload;

	if (!cs_json_text(object, "type", &event->type, error) ||
		!cs_flow_read_id(object, "transaction_id", event->transaction, error) ||
		!cs_json_integer(object, "transaction_index",
						 &event->transaction_index, error) ||
		!cs_json_integer(object, "event_index", &event->index, error) ||
		!cs_json_text(object, "payload", &payload, error))
		return false;
	if (event->index < 0 || event->index > INT32_MAX / 2)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"event_index\" is out of range");
		return false;
	}
	event->kind = find_kind(notice->flow->network, event->type);
	if (event->kind != EVENT_OTHER &&
		!read_payload(notice, event, payload, error))
		return false;
	if (event->kind == EVENT_OTHER || event->kind == EVENT_BURNED ||
		event->kind == EVENT_FLOW_MINTED ||
		event->kind == EVENT_FEES_DEDUCTED)
		read_contract(event);
	return true;
}

/* ---------- what belongs together ---------- */

static int
compare_order(const void *a, const void *b)
{
	const Event *left = a;
	const Event *right = b;

	if (left->transaction_index != right->transaction_index)
		return left->transaction_index < right->transaction_index ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

static int
compare_vaults(const void *a, const void *b)
{
	const Event *left = *(Event *const *) a;
	const Event *right = *(Event *const *) b;
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
is_pair(const Event *out, const Event *in)
{
	return out->kind == EVENT_WITHDRAWN && in->kind == EVENT_DEPOSITED &&
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
pair_events(Event *events, size_t count)
{
	Event	  **sorted = malloc(count * sizeof(Event *));
	size_t		used = 0;

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
	{
		if ((events[i].kind == EVENT_WITHDRAWN ||
			 events[i].kind == EVENT_DEPOSITED) && events[i].vault != 0)
			sorted[used++] = &events[i];
	}
	qsort(sorted, used, sizeof(Event *), compare_vaults);
	for (size_t i = 1; i < used; i++)
	{
		Event	   *out = sorted[i - 1];
		Event	   *in = sorted[i];

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
note_fees(const FlowNotice *notice, Event *events, size_t count)
{
	uint64_t	collector = fees_account[notice->flow->network];
	CsText		coin = cs_piece(notice->flow->base.network->asset);
	const Event *fees = NULL;

	for (size_t i = count; i-- > 0;)
	{
		Event	   *event = &events[i];

		if (fees != NULL &&
			strcmp(fees->transaction, event->transaction) != 0)
			fees = NULL;
		if (event->kind == EVENT_FEES_DEDUCTED)
			fees = event;
		if (event->kind != EVENT_DEPOSITED || !same_text(event->asset, coin))
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
find_direction(const FlowNotice *notice, const Event *event)
{
	bool		out = event->kind == EVENT_WITHDRAWN;
	bool		own = event->partner != NULL && event->has_account &&
		event->has_other && event->account == event->other;

	if ((!out && event->kind != EVENT_DEPOSITED) || !event->decoded ||
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
add_event(const FlowNotice *notice, const Event *event, CsText account,
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
is_wanted(const FlowNotice *notice, const Event *event)
{
	if (!notice->stream->followed || notice->flow->base.everything)
		return true;
	return (event->kind == EVENT_WITHDRAWN || event->kind == EVENT_DEPOSITED) &&
		is_watched(notice, event->has_account, event->account);
}

/* Read all events of a list into a new array; NULL: see *error*. */
static Event *
read_events(FlowNotice *notice, struct json_object *list, CsText slices,
			CsError *error)
{
	size_t		count = json_object_array_length(list);
	Event	   *events = calloc(count, sizeof(Event));
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
		if (!read_event(notice, json_object_array_get_idx(list, i),
						&events[i], error))
		{
			free(events);
			return NULL;
		}
		sorted = sorted && (i == 0 || compare_order(&events[i - 1],
													&events[i]) <= 0);
	}
	if (!sorted)
		qsort(events, count, sizeof(Event), compare_order);
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
	Event	   *events;
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
		Event	   *event = &events[i];

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
		Event		event = {.payload = cs_json_slice_next(slices, &position)};
		bool		first;

		if (!read_event(notice, json_object_array_get_idx(list, i), &event,
						error))
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
