/*-------------------------------------------------------------------------
 *
 * flow_event.c
 *	  Events of synthetic Flow transactions, as JSON-CDC and as CCF.
 *
 * A transfer of FLOW emits what the real contracts emit: the contract's own
 * pair of events and that of the interface, for the transfer and once more
 * for the fees.  Servers before v0.42 sent CCF, a kind of CBOR.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* The fee of every transaction: 0.00004798. */
#define FEE				4798

/* Indices of the accounts that have these contracts. */
#define FUNGIBLE_TOKEN	2
#define FLOW_TOKEN		3
#define FLOW_FEES		4

typedef enum FieldKind
{
	FIELD_STRING,
	FIELD_UFIX64,
	FIELD_UINT64,
	FIELD_INT,
	FIELD_ADDRESS,
	FIELD_OPTIONAL_ADDRESS		/* number 0: nil */
} FieldKind;

typedef struct Field
{
	const char *name;
	FieldKind	kind;
	uint64_t	number;
	const char *string;
} Field;

#define FIELDS_MAX	6

/* Where events are collected. */
typedef struct Events
{
	const CsSimNetwork *network;
	const FlowTransaction *transaction;
	FlowEvent **list;
	size_t	   *count;
	int			next;			/* index in the transaction */
} Events;

/* ---------- JSON-CDC ---------- */

static void
add_ufix64(CsSimText *text, uint64_t number)
{
	cs_sim_text_printf(text, "%llu.%08llu",
					   (unsigned long long) number / 100000000,
					   (unsigned long long) number % 100000000);
}

static void
cdc_field(CsSimText *text, const Field *field)
{
	static const char *const types[] = {
		"String", "UFix64", "UInt64", "Int", "Address", "Address"
	};

	cs_sim_text_printf(text, "{\"value\":");
	if (field->kind == FIELD_OPTIONAL_ADDRESS && field->number == 0)
		cs_sim_text_printf(text, "{\"value\":null,\"type\":\"Optional\"}");
	else
	{
		if (field->kind == FIELD_OPTIONAL_ADDRESS)
			cs_sim_text_printf(text, "{\"value\":");
		cs_sim_text_printf(text, "{\"value\":\"");
		if (field->kind == FIELD_STRING)
			cs_sim_text_printf(text, "%s", field->string);
		else if (field->kind == FIELD_UFIX64)
			add_ufix64(text, field->number);
		else if (field->kind >= FIELD_ADDRESS)
			cs_sim_text_printf(text, "0x%016llx",
							   (unsigned long long) field->number);
		else
			cs_sim_text_printf(text, "%llu",
							   (unsigned long long) field->number);
		cs_sim_text_printf(text, "\",\"type\":\"%s\"}", types[field->kind]);
		if (field->kind == FIELD_OPTIONAL_ADDRESS)
			cs_sim_text_printf(text, ",\"type\":\"Optional\"}");
	}
	cs_sim_text_printf(text, ",\"name\":\"%s\"}", field->name);
}

static void
cdc(CsSimText *text, const char *type, const Field *fields, size_t count)
{
	cs_sim_text_printf(text, "{\"value\":{\"id\":\"%s\",\"fields\":[", type);
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			cs_sim_text_add(text, ",", 1);
		cdc_field(text, &fields[i]);
	}
	cs_sim_text_printf(text, "]},\"type\":\"Event\"}\n");
}

/* ---------- CCF ---------- */

/* Major types of CBOR. */
enum
{
	CBOR_UNSIGNED = 0,
	CBOR_BYTES = 2 << 5,
	CBOR_TEXT = 3 << 5,
	CBOR_ARRAY = 4 << 5,
	CBOR_TAG = 6 << 5
};

/* Tags of CCF. */
enum
{
	CCF_TYPEDEFS_AND_VALUE = 129,
	CCF_TYPE_REFERENCE = 136,
	CCF_SIMPLE_TYPE = 137,
	CCF_OPTIONAL_TYPE = 138,
	CCF_EVENT_TYPE = 162
};

static void
cbor(CsSimText *text, int major, uint64_t number)
{
	unsigned char bytes[9] = {0};
	int			size = number < 24 ? 0 : number < 0x100 ? 1 :
		number < 0x10000 ? 2 : number < 0x100000000 ? 4 : 8;

	bytes[0] = (unsigned char) (major |
								(size == 0 ? (int) number : size == 1 ? 24 :
								 size == 2 ? 25 : size == 4 ? 26 : 27));
	for (int i = 0; i < size; i++)
		bytes[1 + i] = (unsigned char) (number >> 8 * (size - 1 - i));
	cs_sim_text_add(text, (const char *) bytes, (size_t) size + 1);
}

static void
cbor_text(CsSimText *text, const char *string)
{
	cbor(text, CBOR_TEXT, strlen(string));
	cs_sim_text_add(text, string, strlen(string));
}

static void
ccf_type(CsSimText *text, FieldKind kind)
{
	static const int types[] = {1, 23, 15, 4, 3, 3};

	if (kind == FIELD_OPTIONAL_ADDRESS)
		cbor(text, CBOR_TAG, CCF_OPTIONAL_TYPE);
	cbor(text, CBOR_TAG, CCF_SIMPLE_TYPE);
	cbor(text, CBOR_UNSIGNED, (uint64_t) types[kind]);
}

static void
ccf_value(CsSimText *text, const Field *field)
{
	static const unsigned char nil = 0xf6;
	static const unsigned char bignum = 0xc2;
	uint8_t		bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) (field->number >> 8 * (7 - i));
	if (field->kind == FIELD_STRING)
		cbor_text(text, field->string);
	else if (field->kind == FIELD_OPTIONAL_ADDRESS && field->number == 0)
		cs_sim_text_add(text, (const char *) &nil, 1);
	else if (field->kind >= FIELD_ADDRESS)
	{
		cbor(text, CBOR_BYTES, sizeof(bytes));
		cs_sim_text_add(text, (const char *) bytes, sizeof(bytes));
	}
	else if (field->kind == FIELD_INT)
	{
		/* Only small ones are made here. */
		cs_sim_text_add(text, (const char *) &bignum, 1);
		cbor(text, CBOR_BYTES, field->number == 0 ? 0 : 1);
		cs_sim_text_add(text, (const char *) bytes + 7, field->number != 0);
	}
	else
		cbor(text, CBOR_UNSIGNED, field->number);
}

static void
ccf(CsSimText *text, const char *type, const Field *fields, size_t count)
{
	cbor(text, CBOR_TAG, CCF_TYPEDEFS_AND_VALUE);
	cbor(text, CBOR_ARRAY, 2);
	cbor(text, CBOR_ARRAY, 1);
	cbor(text, CBOR_TAG, CCF_EVENT_TYPE);
	cbor(text, CBOR_ARRAY, 3);
	cbor(text, CBOR_BYTES, 0);	/* the first definition's id */
	cbor_text(text, type);
	cbor(text, CBOR_ARRAY, count);
	for (size_t i = 0; i < count; i++)
	{
		cbor(text, CBOR_ARRAY, 2);
		cbor_text(text, fields[i].name);
		ccf_type(text, fields[i].kind);
	}
	cbor(text, CBOR_ARRAY, 2);
	cbor(text, CBOR_TAG, CCF_TYPE_REFERENCE);
	cbor(text, CBOR_BYTES, 0);
	cbor(text, CBOR_ARRAY, count);
	for (size_t i = 0; i < count; i++)
		ccf_value(text, &fields[i]);
}

/* ---------- events ---------- */

/* Emit an event; returns it. */
static FlowEvent *
emit(Events *events, const char *type, const Field *fields, size_t count)
{
	CsSimText	payload = {NULL, 0, 0};
	CsSimText	text = {NULL, 0, 0};
	char		id[FLOW_ID_TEXT];
	FlowEvent  *event;

	if (cs_sim_switch(events->network, FLOW_OLD_EVENTS))
		ccf(&payload, type, fields, count);
	else
		cdc(&payload, type, fields, count);
	cs_hex_encode_lower(events->transaction->id, FLOW_ID_LENGTH, id);
	cs_sim_text_printf(&text, "{\"type\":\"%s\",\"transaction_id\":\"%.*s\","
					   "\"transaction_index\":\"%d\",\"event_index\":\"%d\","
					   "\"payload\":\"", type, FLOW_ID_TEXT, id,
					   events->transaction->index, events->next++);
	cs_sim_flow_base64(&text, payload.data, payload.length);
	cs_sim_text_printf(&text, "\"}");
	free(payload.data);
	*events->list = cs_sim_resize(*events->list, (*events->count + 1) *
								  sizeof(**events->list));
	event = &(*events->list)[(*events->count)++];
	memset(event, 0, sizeof(*event));
	event->type = cs_sim_copy(type);
	event->text = text.data;
	event->transaction = events->transaction->index;
	return event;
}

/* "A.<address>.<rest>" for the contract with this index. */
static void
contract_name(const Events *events, uint64_t index, const char *rest,
			  char name[128])
{
	snprintf(name, 128, "A.%016llx.%s",
			 (unsigned long long) cs_sim_flow_address(events->network, index),
			 rest);
}

/* A number for a vault or the like, equal whenever it is made. */
static uint64_t
uuid_of(const Events *events, uint64_t what)
{
	return cs_sim_mix(what ^ cs_sim_mix(events->transaction->height << 8 |
										(uint64_t) events->transaction->index))
		>> 16;
}

/* One half of a movement of FLOW: two events. */
static void
emit_half(Events *events, bool withdrawn, uint64_t account, uint64_t amount,
		  uint64_t moved, uint64_t vault)
{
	const char *side = withdrawn ? "from" : "to";
	char		type[128];
	char		token[128];
	Field		fields[FIELDS_MAX] = {
		{"amount", FIELD_UFIX64, amount, NULL},
		{side, FIELD_OPTIONAL_ADDRESS, account, NULL},
	};

	contract_name(events, FLOW_TOKEN, withdrawn ? "FlowToken.TokensWithdrawn" :
				  "FlowToken.TokensDeposited", type);
	(void) emit(events, type, fields, 2);
	contract_name(events, FLOW_TOKEN, "FlowToken.Vault", token);
	fields[0] = (Field) {"type", FIELD_STRING, 0, token};
	fields[1] = (Field) {"amount", FIELD_UFIX64, amount, NULL};
	fields[2] = (Field) {side, FIELD_OPTIONAL_ADDRESS, account, NULL};
	fields[3] = (Field) {withdrawn ? "fromUUID" : "toUUID", FIELD_UINT64,
		vault, NULL};
	fields[4] = (Field) {withdrawn ? "withdrawnUUID" : "depositedUUID",
		FIELD_UINT64, moved, NULL};
	fields[5] = (Field) {"balanceAfter", FIELD_UFIX64,
		uuid_of(events, account), NULL};
	contract_name(events, FUNGIBLE_TOKEN, withdrawn ?
				  "FungibleToken.Withdrawn" : "FungibleToken.Deposited", type);
	(void) emit(events, type, fields, 6);
}

/* A movement of FLOW. */
static void
emit_movement(Events *events, uint64_t from, uint64_t to, uint64_t amount)
{
	uint64_t	moved = uuid_of(events, (uint64_t) events->next + 1);
	uint64_t	vault = events->transaction->made_ns;

	emit_half(events, true, from, amount, moved,
			  vault != 0 ? vault : uuid_of(events, from + 1));
	emit_half(events, false, to, amount, moved, uuid_of(events, to + 1));
}

static void
emit_fees(Events *events)
{
	char		type[128];
	const Field fields[] = {
		{"amount", FIELD_UFIX64, FEE, NULL},
		{"inclusionEffort", FIELD_UFIX64, 100000000, NULL},
		{"executionEffort", FIELD_UFIX64, 188, NULL},
	};

	emit_movement(events, events->transaction->payer,
				  cs_sim_flow_address(events->network, FLOW_FEES), FEE);
	contract_name(events, FLOW_FEES, "FlowFees.FeesDeducted", type);
	(void) emit(events, type, fields, 3);
}

/* A core event about one or two accounts. */
static void
emit_core(Events *events, const char *type, const Field *fields, size_t count,
		  uint64_t account, uint64_t other)
{
	FlowEvent  *event = emit(events, type, fields, count);

	event->accounts[event->account_count++] = account;
	if (other != 0)
		event->accounts[event->account_count++] = other;
}

static void
emit_creation(Events *events)
{
	uint64_t	account = events->transaction->recipient;
	const Field fields[] = {
		{"address", FIELD_ADDRESS, account, NULL},
		{"publicKey", FIELD_INT, 0, NULL},
	};

	emit_core(events, "flow.AccountCreated", fields, 1, account, 0);
	emit_core(events, "flow.AccountKeyRemoved", fields, 2, account, 0);
}

static void
emit_inbox(Events *events)
{
	uint64_t	provider = events->transaction->payer;
	uint64_t	recipient = events->transaction->recipient;
	const Field fields[] = {
		{"provider", FIELD_ADDRESS, provider, NULL},
		{"recipient", FIELD_ADDRESS, recipient, NULL},
		{"name", FIELD_STRING, 0, "vault-cap"},
	};

	emit_core(events, "flow.InboxValueClaimed", fields, 3, provider,
			  recipient);
}

void
cs_sim_flow_events(const CsSimNetwork *network,
				   const FlowTransaction *transaction, FlowEvent **events,
				   size_t *count)
{
	Events		collected = {network, transaction, events, count, 0};

	switch (transaction->deed)
	{
		case FLOW_TRANSFER:
			emit_movement(&collected, transaction->payer,
						  transaction->recipient, transaction->amount);
			break;
		case FLOW_FAILED_TRANSFER:
			break;
		case FLOW_ACCOUNT_CREATION:
			emit_creation(&collected);
			break;
		case FLOW_INBOX:
			emit_inbox(&collected);
			break;
	}
	emit_fees(&collected);
}

void
cs_sim_flow_events_free(FlowEvent *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		free(events[i].type);
		free(events[i].text);
	}
	free(events);
}
