/*-------------------------------------------------------------------------
 *
 * symbol_transactions.c
 *	  What the transactions of a Symbol network do, and to whom.
 *
 * A transaction is taken apart into legs: what one account does, perhaps to
 * another, perhaps with an amount of a mosaic.  A leg gives a row for each
 * party that is watched; an aggregate transaction has a leg of its own and
 * those of the transactions in it.  Ordinals count all the legs of a message,
 * two per leg, so that they do not depend on who is watched.
 *
 * The gateway prints addresses it has decoded: they are not verified again.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/output.h"
#include "provider/symbol/symbol_reading.h"

/* The wire format's limit of mosaics, and of addresses, in one transaction. */
#define PARTS_MAX	255

/* Rows of one transaction whose payload is all of it; more have their part. */
#define WHOLE_MAX	16

/* What one account does. */
typedef struct Leg
{
	SymbolAddress signer;
	SymbolAddress other;
	bool		has_other;
	bool		has_amount;
	uint64_t	amount;
	uint64_t	mosaic;
	CsDirection signer_direction;
	CsDirection other_direction;
	bool		secondary;		/* the signer has a row already */
	CsText		payload;
} Leg;

/* ---------- legs ---------- */

static SymbolAnnouncement *
new_announcement(SymbolSession *symbol, CsOutput *output)
{
	if (symbol->announcement_count == symbol->announcement_capacity)
	{
		size_t		capacity = symbol->announcement_capacity > 0 ?
			2 * symbol->announcement_capacity : 16;
		SymbolAnnouncement *larger = realloc(symbol->announcements,
											 capacity * sizeof(*larger));

		if (larger == NULL)
		{
			cs_output_fail(output);
			return NULL;
		}
		symbol->announcements = larger;
		symbol->announcement_capacity = capacity;
	}
	return &symbol->announcements[symbol->announcement_count++];
}

/* The row of a leg for one of its parties. */
static void
add_row(SymbolReading *reading, const Leg *leg, const uint8_t *account,
		const uint8_t *counterparty, CsDirection direction, int32_t ordinal)
{
	SymbolAnnouncement *place = new_announcement(reading->notice.symbol,
												 reading->notice.output);

	if (place == NULL)
		return;
	memset(place, 0, sizeof(*place));
	place->payload = leg->payload;
	place->row.ordinal = ordinal;
	place->row.direction = (uint8_t) direction;
	place->row.has_account = true;
	memcpy(place->row.account, account, sizeof(SymbolAddress));
	if (counterparty != NULL)
	{
		place->row.has_counterparty = true;
		memcpy(place->row.counterparty, counterparty, sizeof(SymbolAddress));
	}
	place->row.has_amount = leg->has_amount;
	place->row.amount = leg->amount;
	place->row.mosaic = leg->mosaic;

	/* Paid once, by who signed the whole. */
	if (ordinal == 0 && reading->has_fee)
	{
		place->row.has_fee = true;
		place->row.fee = reading->fee;
	}
}

static bool
same(const SymbolAddress a, const SymbolAddress b)
{
	return memcmp(a, b, sizeof(SymbolAddress)) == 0;
}

/*
 * An alias was resolved to the address in the topic, if that is what makes
 * the transaction its concern; the message does not say so.
 */
static bool
is_resolved(const SymbolReading *reading, const Leg *leg)
{
	return reading->in_topic && reading->confirmed && leg->has_other &&
		reading->legs == 0 && cs_symbol_address_is_alias(leg->other) &&
		!same(reading->topic_address, leg->signer);
}

/*
 * The rows of a leg: one for each party that is watched.  If none is, one for
 * the signer, provided that everything is wanted.
 */
static void
add_leg(SymbolReading *reading, const Leg *leg)
{
	const SymbolSession *symbol = reading->notice.symbol;
	bool		to_itself = leg->has_other && same(leg->signer, leg->other);
	bool		signer = cs_symbol_watches(symbol, leg->signer);
	bool		other = leg->has_other && !to_itself &&
		cs_symbol_watches(symbol, leg->other);
	CsDirection direction = leg->signer_direction;
	int32_t		ordinal = 2 * reading->legs;

	if (reading->in_topic &&
		(same(reading->topic_address, leg->signer) ||
		 (leg->has_other && same(reading->topic_address, leg->other))))
		reading->concerned = true;
	if (to_itself && leg->other_direction != CS_DIRECTION_NONE)
		direction = direction == CS_DIRECTION_NONE ? leg->other_direction :
			CS_DIRECTION_SELF;
	if (!signer && !other && symbol->base.everything)
		signer = true;
	if (signer && !leg->secondary)
		add_row(reading, leg, leg->signer, leg->has_other ? leg->other : NULL,
				direction, ordinal);
	if (other)
		add_row(reading, leg, leg->other, leg->signer, leg->other_direction,
				ordinal + 1);
	reading->legs++;
}

/* Of a transaction that is not in an aggregate: its recipient by alias. */
static void
add_resolved(SymbolReading *reading, const Leg *leg, int32_t ordinal)
{
	add_row(reading, leg, reading->topic_address, leg->signer,
			leg->other_direction, ordinal);
	reading->concerned = true;
}

static CsText
part_payload(CsText list, size_t *position, CsText whole, size_t index)
{
	CsText		part = cs_json_slice_next(list, position);

	return index < WHOLE_MAX || part.data == NULL ? whole : part;
}

static bool
check_parts(struct json_object *list, const char *name, CsError *error)
{
	if (list == NULL || json_object_array_length(list) <= PARTS_MAX)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" has more than %d elements", name, PARTS_MAX);
	return false;
}

/* ---------- what the types of transactions do ---------- */

/* Each mosaic is a leg; without any there is one all the same. */
static bool
read_transfer(SymbolReading *reading, struct json_object *transaction,
			  CsText text, Leg *leg, CsError *error)
{
	struct json_object *mosaics = cs_json_array(transaction, "mosaics");
	size_t		count = mosaics ? json_object_array_length(mosaics) : 0;
	CsText		list = CS_NO_TEXT;
	CsText		whole = leg->payload;
	bool		resolved;
	size_t		position = 0;

	if (!cs_symbol_read_member(transaction, "recipientAddress", leg->other,
							   sizeof(SymbolAddress), error) ||
		!check_parts(mosaics, "mosaics", error))
		return false;
	if (count > WHOLE_MAX)
		list = cs_json_slice_member(text, "mosaics");
	leg->has_other = true;
	leg->signer_direction = CS_DIRECTION_OUT;
	leg->other_direction = CS_DIRECTION_IN;
	resolved = is_resolved(reading, leg);
	for (size_t i = 0; i < count || i == 0; i++)
	{
		struct json_object *mosaic = count > 0 ?
			json_object_array_get_idx(mosaics, i) : NULL;

		if (count > 0)
		{
			if (!json_object_is_type(mosaic, json_type_object))
			{
				cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
							 "\"mosaics\" does not consist of objects");
				return false;
			}
			if (!cs_symbol_read_mosaic(mosaic, "id", &leg->mosaic, error) ||
				!cs_symbol_read_amount(mosaic, "amount", &leg->amount, error))
				return false;
			leg->has_amount = true;
		}
		if (list.data != NULL)
			leg->payload = part_payload(list, &position, whole, i);
		add_leg(reading, leg);
		if (resolved)
			add_resolved(reading, leg, 2 * reading->legs - 1);
	}
	return true;
}

/* A leg with one amount. */
static bool
read_locked(struct json_object *transaction, Leg *leg, CsError *error)
{
	leg->has_amount = true;
	return cs_symbol_read_mosaic(transaction, "mosaicId", &leg->mosaic,
								 error) &&
		cs_symbol_read_amount(transaction, "amount", &leg->amount, error);
}

static bool
read_other(struct json_object *transaction, const char *name, Leg *leg,
		   CsError *error)
{
	leg->has_other = true;
	return cs_symbol_read_member(transaction, name, leg->other,
								 sizeof(SymbolAddress), error);
}

/* The accounts of which the signer becomes a multisig account, or ceases to be. */
static bool
read_cosigners(SymbolReading *reading, struct json_object *transaction,
			   const char *name, CsText text, Leg *leg, CsError *error)
{
	struct json_object *list = cs_json_array(transaction, name);
	size_t		count = list ? json_object_array_length(list) : 0;
	CsText		elements = CS_NO_TEXT;
	CsText		whole = leg->payload;
	size_t		position = 0;

	if (!check_parts(list, name, error))
		return false;
	if (count > WHOLE_MAX)
		elements = cs_json_slice_member(text, name);
	leg->has_other = leg->secondary = true;
	for (size_t i = 0; i < count; i++)
	{
		struct json_object *element = json_object_array_get_idx(list, i);

		if (!cs_symbol_read_bytes(cs_json_string(element), name, leg->other,
								  sizeof(SymbolAddress), error))
			return false;
		if (elements.data != NULL)
			leg->payload = part_payload(elements, &position, whole, i);
		add_leg(reading, leg);
	}
	leg->payload = whole;
	return true;
}

static bool
read_multisig(SymbolReading *reading, struct json_object *transaction,
			  CsText text, Leg *leg, CsError *error)
{
	add_leg(reading, leg);
	return read_cosigners(reading, transaction, "addressAdditions", text, leg,
						  error) &&
		read_cosigners(reading, transaction, "addressDeletions", text, leg,
					   error);
}

/* The leg of a transaction that has but one. */
static bool
read_single(struct json_object *transaction, int64_t type, Leg *leg,
			CsError *error)
{
	switch ((SymbolTransactionType) type)
	{
		case SYMBOL_TYPE_HASH_LOCK:
			leg->signer_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error);
		case SYMBOL_TYPE_SECRET_LOCK:

			/* It is not the recipient's before the proof comes. */
			leg->signer_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error) &&
				read_other(transaction, "recipientAddress", leg, error);
		case SYMBOL_TYPE_SECRET_PROOF:

			/* Now it is; how much the lock has said. */
			leg->other_direction = CS_DIRECTION_IN;
			return read_other(transaction, "recipientAddress", leg, error);
		case SYMBOL_TYPE_REVOCATION:
			leg->signer_direction = CS_DIRECTION_IN;
			leg->other_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error) &&
				read_other(transaction, "sourceAddress", leg, error);
		case SYMBOL_TYPE_ACCOUNT_METADATA:
		case SYMBOL_TYPE_MOSAIC_METADATA:
		case SYMBOL_TYPE_NAMESPACE_METADATA:
		case SYMBOL_TYPE_MOSAIC_ADDRESS_RESTRICTION:
			return read_other(transaction, "targetAddress", leg, error);
		default:
			return true;
	}
}

/*
 * A transaction, or one in an aggregate.  *text* is its text, *payload* what
 * its rows shall hold.
 */
bool
cs_symbol_read_transaction(SymbolReading *reading,
						   struct json_object *transaction,
						   CsText text, CsText payload, int64_t *type,
						   CsError *error)
{
	const SymbolSession *symbol = reading->notice.symbol;
	Leg			leg = {.payload = payload};
	bool		resolved;

	if (!cs_symbol_check_network(symbol, transaction, error) ||
		!cs_json_integer(transaction, "type", type, error) ||
		!cs_symbol_read_signer(symbol, transaction, leg.signer, error))
		return false;
	if (*type == SYMBOL_TYPE_TRANSFER)
		return read_transfer(reading, transaction, text, &leg, error);
	if (*type == SYMBOL_TYPE_MULTISIG)
		return read_multisig(reading, transaction, text, &leg, error);
	if (!read_single(transaction, *type, &leg, error))
		return false;
	resolved = (*type == SYMBOL_TYPE_SECRET_LOCK ||
				*type == SYMBOL_TYPE_SECRET_PROOF) &&
		is_resolved(reading, &leg);
	add_leg(reading, &leg);
	if (resolved)
		add_resolved(reading, &leg, 1);
	return true;
}

/* The transactions in an aggregate; *text* is the aggregate's. */
bool
cs_symbol_read_embedded(SymbolReading *reading, struct json_object *aggregate,
						CsText text, CsError *error)
{
	struct json_object *list = cs_json_array(aggregate, "transactions");
	CsText		elements = cs_json_slice_member(text, "transactions");
	size_t		position = 0;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
	{
		struct json_object *element = json_object_array_get_idx(list, i);
		struct json_object *transaction = cs_json_object(element,
														 "transaction");
		CsText		payload = cs_json_slice_next(elements, &position);
		int64_t		type;

		if (transaction == NULL)
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "\"transactions\" does not consist of transactions");
			return false;
		}
		if (!cs_symbol_read_transaction(reading, transaction,
										cs_json_slice_member(payload,
															 "transaction"),
										payload, &type, error))
			return false;
	}
	return true;
}

/*
 * The topic names a watched address that is no party we know of: it owns the
 * account that collects fees, say.
 */
void
cs_symbol_add_concerned(SymbolReading *reading)
{
	Leg			leg = {.payload = reading->notice.payload};

	if (reading->in_topic && !reading->concerned)
		add_row(reading, &leg, reading->topic_address, NULL,
				CS_DIRECTION_NONE, 2 * reading->legs);
}
