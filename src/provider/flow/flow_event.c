/*-------------------------------------------------------------------------
 *
 * flow_event.c
 *	  Reading an event of a Flow network.
 *
 * Only events that move tokens and those of the protocol itself are looked
 * into; of the others the type is enough.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/flow/flow_event.h"

#include <string.h>

#include <json-c/json.h>

#include "provider/identity.h"

#define TYPES(fungible, flow, fees) { \
	[FLOW_EVENT_WITHDRAWN] = "A." fungible ".FungibleToken.Withdrawn", \
	[FLOW_EVENT_DEPOSITED] = "A." fungible ".FungibleToken.Deposited", \
	[FLOW_EVENT_BURNED] = "A." fungible ".FungibleToken.Burned", \
	[FLOW_EVENT_FLOW_WITHDRAWN] = "A." flow ".FlowToken.TokensWithdrawn", \
	[FLOW_EVENT_FLOW_DEPOSITED] = "A." flow ".FlowToken.TokensDeposited", \
	[FLOW_EVENT_FLOW_MINTED] = "A." flow ".FlowToken.TokensMinted", \
	[FLOW_EVENT_FEES_DEDUCTED] = "A." fees ".FlowFees.FeesDeducted"}

static const char *const types[][FLOW_EVENT_KINDS] = {
	[CS_FLOW_MAINNET] = TYPES("f233dcee88fe0abe", "1654653399040a61",
							  "f919ee77447b7497"),
	[CS_FLOW_TESTNET] = TYPES("9a0766d93b6608b7", "7e60df042a9c0868",
							  "912d5440f7e3769e"),
	[CS_FLOW_EMULATOR] = TYPES("ee82856bf20e2aa6", "0ae53cb6e3f42a79",
							   "e5a8b7f23e8b548f"),
};

/* What is needed to follow accounts: movements, and which of them are fees. */
#define FOLLOWED(fungible, fees) { \
	"A." fungible ".FungibleToken.Deposited", \
	"A." fungible ".FungibleToken.Withdrawn", \
	"A." fees ".FlowFees.FeesDeducted", NULL}

static const char *const token_events[][4] = {
	[CS_FLOW_MAINNET] = FOLLOWED("f233dcee88fe0abe", "f919ee77447b7497"),
	[CS_FLOW_TESTNET] = FOLLOWED("9a0766d93b6608b7", "912d5440f7e3769e"),
	[CS_FLOW_EMULATOR] = FOLLOWED("ee82856bf20e2aa6", "e5a8b7f23e8b548f"),
};

static const uint64_t fees_account[] = {
	[CS_FLOW_MAINNET] = UINT64_C(0xf919ee77447b7497),
	[CS_FLOW_TESTNET] = UINT64_C(0x912d5440f7e3769e),
	[CS_FLOW_EMULATOR] = UINT64_C(0xe5a8b7f23e8b548f),
};

const char *const *
cs_flow_token_events(CsFlowNetwork network)
{
	return token_events[network];
}

uint64_t
cs_flow_fees_account(CsFlowNetwork network)
{
	return fees_account[network];
}

/* ---------- reading ---------- */

static FlowEventKind
find_kind(CsFlowNetwork network, CsText type)
{
	if (type.length > 5 && memcmp(type.data, "flow.", 5) == 0)
		return FLOW_EVENT_CORE;
	for (int kind = FLOW_EVENT_WITHDRAWN; kind < FLOW_EVENT_KINDS; kind++)
	{
		if (cs_flow_is(type, types[network][kind]))
			return (FlowEventKind) kind;
	}
	return FLOW_EVENT_OTHER;
}

/* The token of a vault's type: "FLOW", or the type without ".Vault". */
static CsText
find_asset(const FlowNotice *notice, CsText vault)
{
	static const char suffix[] = ".Vault";
	size_t		length = sizeof(suffix) - 1;
	const char *flow = types[notice->flow->network][FLOW_EVENT_FLOW_MINTED];
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
read_movement(const FlowNotice *notice, FlowEvent *event,
			  struct json_object *value, CsError *error)
{
	bool		in = event->kind == FLOW_EVENT_DEPOSITED ||
		event->kind == FLOW_EVENT_FLOW_DEPOSITED;
	bool		fungible = event->kind <= FLOW_EVENT_BURNED;

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
read_core(FlowEvent *event, struct json_object *value)
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
read_contract(FlowEvent *event)
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
read_payload(const FlowNotice *notice, FlowEvent *event, CsText payload,
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
		return event->kind == FLOW_EVENT_CORE;
	event->decoded = true;
	if (event->kind == FLOW_EVENT_CORE)
		read_core(event, value);
	else
		valid = read_movement(notice, event, value, error);
	json_object_put(value);
	return valid;
}

bool
cs_flow_read_event(const FlowNotice *notice, struct json_object *object,
				   FlowEvent *event, CsError *error)
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
	if (event->kind != FLOW_EVENT_OTHER &&
		!read_payload(notice, event, payload, error))
		return false;
	if (event->kind == FLOW_EVENT_OTHER || event->kind == FLOW_EVENT_BURNED ||
		event->kind == FLOW_EVENT_FLOW_MINTED ||
		event->kind == FLOW_EVENT_FEES_DEDUCTED)
		read_contract(event);
	return true;
}
