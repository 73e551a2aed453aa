/*-------------------------------------------------------------------------
 *
 * symbol_records.c
 *	  What the messages of a Symbol gateway mean.
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

#include "codec/decimal.h"
#include "codec/hex.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/symbol.h"

/* End of the year 9999, in ms since 1970. */
#define TIME_MAX	INT64_C(253402300799999)

/* No chain gets that far; leaves room to reckon with. */
#define HEIGHT_MAX	(INT64_MAX / 4)

/* The wire format's limit of mosaics, and of addresses, in one transaction. */
#define PARTS_MAX	255

/* Rows of one transaction whose payload is all of it; more have their part. */
#define WHOLE_MAX	16

/* The types of transactions that concern more than their signer. */
typedef enum TransactionType
{
	TYPE_ACCOUNT_METADATA = 16708,
	TYPE_AGGREGATE_COMPLETE = 16705,
	TYPE_HASH_LOCK = 16712,
	TYPE_SECRET_LOCK = 16722,
	TYPE_TRANSFER = 16724,
	TYPE_MULTISIG = 16725,
	TYPE_AGGREGATE_BONDED = 16961,
	TYPE_MOSAIC_METADATA = 16964,
	TYPE_MOSAIC_ADDRESS_RESTRICTION = 16977,
	TYPE_SECRET_PROOF = 16978,
	TYPE_NAMESPACE_METADATA = 17220,
	TYPE_REVOCATION = 17229
} TransactionType;

typedef uint8_t Address[CS_SYMBOL_ADDRESS_LENGTH];

/* A message that announces a transaction. */
typedef struct Reading
{
	SymbolNotice notice;
	bool		confirmed;
	bool		in_topic;		/* the topic names a watched address */
	Address		topic_address;
	bool		concerned;		/* and it is a party of the transaction */
	bool		has_fee;
	uint64_t	fee;
	int32_t		legs;			/* so far */
} Reading;

/* What one account does. */
typedef struct Leg
{
	Address		signer;
	Address		other;
	bool		has_other;
	bool		has_amount;
	uint64_t	amount;
	uint64_t	mosaic;
	CsDirection signer_direction;
	CsDirection other_direction;
	bool		secondary;		/* the signer has a row already */
	CsText		payload;
} Leg;

/* ---------- reading fields ---------- */

static bool
read_bytes(CsText text, const char *name, uint8_t *bytes, size_t count,
		   CsError *error)
{
	if (text.length == 2 * count && cs_hex_decode(text.data, text.length, bytes))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not %zu hexadecimal digits", name, 2 * count);
	return false;
}

static bool
read_member(struct json_object *object, const char *name, uint8_t *bytes,
			size_t count, CsError *error)
{
	CsText		text;

	return cs_json_text(object, name, &text, error) &&
		read_bytes(text, name, bytes, count, error);
}

/* An unsigned integer of 64 bits, as the gateway writes it. */
static bool
read_amount(struct json_object *object, const char *name, uint64_t *amount,
			CsError *error)
{
	uint8_t		bytes[16];
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	*amount = 0;
	if (cs_decimal128_decode(text.data, text.length, bytes))
	{
		static const uint8_t zeros[8];

		for (size_t i = 8; i < 16; i++)
			*amount = *amount << 8 | bytes[i];
		if (memcmp(bytes, zeros, 8) == 0)
			return true;
	}
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not an amount", name);
	return false;
}

static bool
read_mosaic(struct json_object *object, const char *name, uint64_t *mosaic,
			CsError *error)
{
	uint8_t		bytes[8];

	if (!read_member(object, name, bytes, sizeof(bytes), error))
		return false;
	*mosaic = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*mosaic = *mosaic << 8 | bytes[i];
	return true;
}

static bool
read_height(struct json_object *object, const char *name, int64_t *height,
			CsError *error)
{
	if (!cs_json_integer(object, name, height, error))
		return false;
	if (*height >= 0 && *height <= HEIGHT_MAX)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is out of range", name);
	return false;
}

/* The address of the account that signed. */
static bool
read_signer(const SymbolSession *symbol, struct json_object *object,
			Address signer, CsError *error)
{
	uint8_t		key[CS_SYMBOL_KEY_LENGTH];

	if (!read_member(object, "signerPublicKey", key, sizeof(key), error))
		return false;
	if (cs_symbol_address_of_key(symbol->network_byte, key, signer))
		return true;
	cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
				 "Addresses of Symbol need SHA3-256 and RIPEMD-160.",
				 "OpenSSL on this host lacks a digest");
	return false;
}

/* A message of another network would give wrong addresses. */
static bool
check_network(const SymbolSession *symbol, struct json_object *object,
			  CsError *error)
{
	int64_t		network;

	if (cs_json_member(object, "network") == NULL)
		return true;
	if (!cs_json_integer(object, "network", &network, error))
		return false;
	if (network == symbol->network_byte)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL,
				 "Set the network of the source to that of the gateway.",
				 "message is of network %lld, not of \"%s\"",
				 (long long) network, symbol->base.network->name);
	return false;
}

/* Time on the network's clock as time; what no timestamp can hold is none. */
static int64_t
read_time(const SymbolSession *symbol, struct json_object *object)
{
	int64_t		since;

	if (!cs_json_integer(object, "timestamp", &since, NULL) || since < 0 ||
		since > TIME_MAX - symbol->epoch_ms)
		return CS_NO_NUMBER;
	return (symbol->epoch_ms + since) * 1000;
}

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
add_row(Reading *reading, const Leg *leg, const uint8_t *account,
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
	memcpy(place->row.account, account, sizeof(Address));
	if (counterparty != NULL)
	{
		place->row.has_counterparty = true;
		memcpy(place->row.counterparty, counterparty, sizeof(Address));
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
same(const Address a, const Address b)
{
	return memcmp(a, b, sizeof(Address)) == 0;
}

/*
 * An alias was resolved to the address in the topic, if that is what makes
 * the transaction its concern; the message does not say so.
 */
static bool
is_resolved(const Reading *reading, const Leg *leg)
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
add_leg(Reading *reading, const Leg *leg)
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
add_resolved(Reading *reading, const Leg *leg, int32_t ordinal)
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
read_transfer(Reading *reading, struct json_object *transaction, CsText text,
			  Leg *leg, CsError *error)
{
	struct json_object *mosaics = cs_json_array(transaction, "mosaics");
	size_t		count = mosaics ? json_object_array_length(mosaics) : 0;
	CsText		list = count > WHOLE_MAX ? cs_json_slice_member(text, "mosaics") :
		CS_NO_TEXT;
	CsText		whole = leg->payload;
	bool		resolved;
	size_t		position = 0;

	if (!read_member(transaction, "recipientAddress", leg->other,
					 sizeof(Address), error) ||
		!check_parts(mosaics, "mosaics", error))
		return false;
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
			if (!read_mosaic(mosaic, "id", &leg->mosaic, error) ||
				!read_amount(mosaic, "amount", &leg->amount, error))
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
	return read_mosaic(transaction, "mosaicId", &leg->mosaic, error) &&
		read_amount(transaction, "amount", &leg->amount, error);
}

static bool
read_other(struct json_object *transaction, const char *name, Leg *leg,
		   CsError *error)
{
	leg->has_other = true;
	return read_member(transaction, name, leg->other, sizeof(Address), error);
}

/* The accounts of which the signer becomes a multisig account, or ceases to be. */
static bool
read_cosigners(Reading *reading, struct json_object *transaction,
			   const char *name, CsText text, Leg *leg, CsError *error)
{
	struct json_object *list = cs_json_array(transaction, name);
	size_t		count = list ? json_object_array_length(list) : 0;
	CsText		elements = count > WHOLE_MAX ? cs_json_slice_member(text, name) :
		CS_NO_TEXT;
	CsText		whole = leg->payload;
	size_t		position = 0;

	if (!check_parts(list, name, error))
		return false;
	leg->has_other = leg->secondary = true;
	for (size_t i = 0; i < count; i++)
	{
		CsText		element = cs_json_string(json_object_array_get_idx(list, i));

		if (!read_bytes(element, name, leg->other, sizeof(Address), error))
			return false;
		if (elements.data != NULL)
			leg->payload = part_payload(elements, &position, whole, i);
		add_leg(reading, leg);
	}
	leg->payload = whole;
	return true;
}

static bool
read_multisig(Reading *reading, struct json_object *transaction, CsText text,
			  Leg *leg, CsError *error)
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
	switch ((TransactionType) type)
	{
		case TYPE_HASH_LOCK:
			leg->signer_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error);
		case TYPE_SECRET_LOCK:

			/* It is not the recipient's before the proof comes. */
			leg->signer_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error) &&
				read_other(transaction, "recipientAddress", leg, error);
		case TYPE_SECRET_PROOF:

			/* Now it is; how much the lock has said. */
			leg->other_direction = CS_DIRECTION_IN;
			return read_other(transaction, "recipientAddress", leg, error);
		case TYPE_REVOCATION:
			leg->signer_direction = CS_DIRECTION_IN;
			leg->other_direction = CS_DIRECTION_OUT;
			return read_locked(transaction, leg, error) &&
				read_other(transaction, "sourceAddress", leg, error);
		case TYPE_ACCOUNT_METADATA:
		case TYPE_MOSAIC_METADATA:
		case TYPE_NAMESPACE_METADATA:
		case TYPE_MOSAIC_ADDRESS_RESTRICTION:
			return read_other(transaction, "targetAddress", leg, error);
		default:
			return true;
	}
}

/*
 * A transaction, or one in an aggregate.  *text* is its text, *payload* what
 * its rows shall hold.
 */
static bool
read_transaction(Reading *reading, struct json_object *transaction,
				 CsText text, CsText payload, int64_t *type, CsError *error)
{
	const SymbolSession *symbol = reading->notice.symbol;
	Leg			leg = {.payload = payload};
	bool		resolved;

	if (!check_network(symbol, transaction, error) ||
		!cs_json_integer(transaction, "type", type, error) ||
		!read_signer(symbol, transaction, leg.signer, error))
		return false;
	if (*type == TYPE_TRANSFER)
		return read_transfer(reading, transaction, text, &leg, error);
	if (*type == TYPE_MULTISIG)
		return read_multisig(reading, transaction, text, &leg, error);
	if (!read_single(transaction, *type, &leg, error))
		return false;
	resolved = (*type == TYPE_SECRET_LOCK || *type == TYPE_SECRET_PROOF) &&
		is_resolved(reading, &leg);
	add_leg(reading, &leg);
	if (resolved)
		add_resolved(reading, &leg, 1);
	return true;
}

/* The transactions in an aggregate; *text* is the aggregate's. */
static bool
read_embedded(Reading *reading, struct json_object *aggregate, CsText text,
			  CsError *error)
{
	struct json_object *list = cs_json_array(aggregate, "transactions");
	CsText		elements = cs_json_slice_member(text, "transactions");
	size_t		position = 0;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
	{
		struct json_object *element = json_object_array_get_idx(list, i);
		struct json_object *transaction = cs_json_object(element, "transaction");
		CsText		payload = cs_json_slice_next(elements, &position);
		int64_t		type;

		if (transaction == NULL)
		{
			cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
						 "\"transactions\" does not consist of transactions");
			return false;
		}
		if (!read_transaction(reading, transaction,
							  cs_json_slice_member(payload, "transaction"),
							  payload, &type, error))
			return false;
	}
	return true;
}

/*
 * The topic names a watched address that is no party we know of: it owns the
 * account that collects fees, say.
 */
static void
add_concerned(Reading *reading)
{
	Leg			leg = {.payload = reading->notice.payload};

	if (reading->in_topic && !reading->concerned)
		add_row(reading, &leg, reading->topic_address, NULL,
				CS_DIRECTION_NONE, 2 * reading->legs);
}

/* What a confirmed transaction has cost; only REST answers tell. */
static void
read_fee(Reading *reading, struct json_object *transaction,
		 struct json_object *meta)
{
	int64_t		size;
	int64_t		multiplier;

	if (cs_json_integer(transaction, "size", &size, NULL) &&
		cs_json_integer(meta, "feeMultiplier", &multiplier, NULL) &&
		size >= 0 && size <= UINT32_MAX && multiplier >= 0 &&
		multiplier <= UINT32_MAX)
	{
		reading->has_fee = true;
		reading->fee = (uint64_t) size * (uint64_t) multiplier;
	}
}

/* ---------- topics ---------- */

/* A transaction is announced. */
static bool
read_added(Reading *reading, struct json_object *data, CsText text,
		   CsError *error)
{
	SymbolSession *symbol = reading->notice.symbol;
	struct json_object *transaction = cs_json_object(data, "transaction");
	struct json_object *meta = cs_json_object(data, "meta");
	int64_t		height = 0;
	int64_t		type;
	uint8_t		hash[32];

	if (transaction == NULL || meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"%s\" is missing or not an object",
					 transaction == NULL ? "transaction" : "meta");
		return false;
	}
	if (!read_member(meta, "hash", hash, sizeof(hash), error))
		return false;
	if (reading->confirmed &&
		!read_height(meta, "height", &height, error))
		return false;
	if (reading->confirmed && height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a confirmed transaction has the height 0");
		return false;
	}
	if (reading->confirmed)
		read_fee(reading, transaction, meta);
	text = cs_json_slice_member(text, "transaction");
	symbol->announcement_count = 0;
	if (!read_transaction(reading, transaction, text, reading->notice.payload,
						  &type, error))
		return false;
	if ((type == TYPE_AGGREGATE_BONDED || type == TYPE_AGGREGATE_COMPLETE) &&
		!read_embedded(reading, transaction, text, error))
		return false;
	add_concerned(reading);
	if (!cs_output_failed(reading->notice.output))
		cs_ledger_announce(&reading->notice, hash,
						   reading->confirmed ? height : CS_NO_NUMBER,
						   reading->confirmed ? read_time(symbol, meta) :
						   CS_NO_NUMBER);
	return true;
}

static bool
read_removed(const Reading *reading, struct json_object *data, CsError *error)
{
	struct json_object *meta = cs_json_object(data, "meta");
	SymbolRow	row = {.has_account = reading->in_topic};
	uint8_t		hash[32];

	if (meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"meta\" is missing or not an object");
		return false;
	}
	if (!read_member(meta, "hash", hash, sizeof(hash), error))
		return false;
	if (reading->in_topic)
		memcpy(row.account, reading->topic_address, sizeof(row.account));
	cs_ledger_removed(&reading->notice, hash, &row);
	return true;
}

/* The message does not say whose transaction it was, but the ledger may know. */
static bool
read_status(const Reading *reading, struct json_object *data, CsError *error)
{
	const SymbolSession *symbol = reading->notice.symbol;
	SymbolFacts facts = {.status = CS_STATUS_FAILED, .height = CS_NO_NUMBER,
						 .occurred_at = CS_NO_NUMBER};
	SymbolRow	row = {.has_account = reading->in_topic};
	const SymbolRow *known;
	CsText		code;
	CsText		named;
	CsRecord   *record;

	if (!read_member(data, "hash", facts.hash, sizeof(facts.hash), error) ||
		!cs_json_text(data, "code", &code, error))
		return false;
	if (!reading->in_topic && !symbol->base.everything)
		return true;
	known = cs_ledger_failed(symbol->ledger, facts.hash);
	if (reading->in_topic)
		memcpy(row.account, reading->topic_address, sizeof(row.account));
	else if (known != NULL)
		row = *known;
	row.ordinal = 0;
	record = cs_symbol_write_row(&reading->notice, &facts, &row,
								 reading->notice.payload);
	if (record == NULL)
		return true;
	named = reading->in_topic ? record->account : CS_NO_TEXT;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(symbol->base.network->name),
							cs_piece_bytes(facts.hash, 32), code, named}, 5);
	return true;
}

static bool
read_cosignature(const Reading *reading, struct json_object *data,
				 CsError *error)
{
	const SymbolNotice *notice = &reading->notice;
	const SymbolSession *symbol = notice->symbol;
	uint8_t		hash[32];
	Address		signer;
	CsText		hash_text;
	CsText		account;
	CsRecord   *record;

	if (!read_member(data, "parentHash", hash, sizeof(hash), error) ||
		!read_signer(symbol, data, signer, error))
		return false;
	if (!symbol->base.everything && !reading->in_topic &&
		!cs_symbol_watches(symbol, signer))
		return true;
	hash_text = cs_symbol_write_hash(notice->output, hash);
	account = cs_symbol_write_address(notice->output, signer);
	record = cs_symbol_new_record(notice, CS_TABLE_EVENTS, notice->payload);
	if (record == NULL)
		return true;
	record->status = CS_STATUS_PENDING;
	record->hash = record->transaction_hash = hash_text;
	record->account = account;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(symbol->base.network->name),
							cs_piece_bytes(hash, 32), account}, 4);
	return true;
}

/* The newest block is the position. */
static void
tell_position(const SymbolNotice *notice, const SymbolBlock *block)
{
	char		position[128] = "{\"height\":";
	size_t		length = strlen(position);
	static const char member[] = ",\"hash\":\"";

	length += cs_int64_to_decimal(block->height, position + length);
	memcpy(position + length, member, sizeof(member) - 1);
	length += sizeof(member) - 1;
	cs_hex_encode_upper(block->hash, 32, position + length);
	memcpy(position + length + 64, "\"}", 3);
	cs_output_cursor(notice->output, "", position);
}

static bool
read_block(const Reading *reading, struct json_object *data, CsError *error)
{
	SymbolSession *symbol = reading->notice.symbol;
	struct json_object *object = cs_json_object(data, "block");
	struct json_object *meta = cs_json_object(data, "meta");
	SymbolBlock block = {.whole = true};

	if (object == NULL || meta == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"%s\" is missing or not an object",
					 object == NULL ? "block" : "meta");
		return false;
	}
	if (!check_network(symbol, object, error) ||
		!read_height(object, "height", &block.height, error) ||
		!read_member(meta, "hash", block.hash, 32, error) ||
		!read_member(object, "previousBlockHash", block.parent, 32, error) ||
		!read_signer(symbol, object, block.producer, error))
		return false;
	if (block.height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a block has the height 0");
		return false;
	}
	block.time_us = read_time(symbol, object);
	if (cs_ledger_block(&reading->notice, &block))
		tell_position(&reading->notice, &block);
	return true;
}

static bool
read_finalized(const Reading *reading, struct json_object *data,
			   CsError *error)
{
	SymbolBlock block = {.time_us = CS_NO_NUMBER};

	if (!read_height(data, "height", &block.height, error) ||
		!read_member(data, "hash", block.hash, 32, error))
		return false;
	if (block.height == 0)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a block has the height 0");
		return false;
	}
	cs_ledger_finalized(&reading->notice, &block);
	return true;
}

/* ---------- notifications ---------- */

/* The message without white space at its end. */
static CsText
trim(const CsMessage *message)
{
	const char *end = message->data + message->length;

	while (end > message->data && (end[-1] == ' ' || end[-1] == '\t' ||
								   end[-1] == '\r' || end[-1] == '\n'))
		end--;
	return (CsText) {message->data, (size_t) (end - message->data)};
}

bool
cs_symbol_records(SymbolSession *symbol, SymbolTopicId topic, CsText address,
				  struct json_object *data, const CsMessage *message,
				  int64_t now_ms, CsOutput *output, CsError *error)
{
	Reading		reading = {.notice = {.symbol = symbol, .topic = topic,
		.subscription_id = symbol->topics[topic].subscription_id,
		.received_at = message->received_at, .now_ms = now_ms,
		.payload = trim(message), .output = output}};
	CsText		text = cs_json_slice_member(reading.notice.payload, "data");

	if (text.data == NULL)
		text = reading.notice.payload;
	reading.confirmed = topic == SYMBOL_CONFIRMED_ADDED;
	reading.in_topic = cs_symbol_address_decode(address.data, address.length,
												reading.topic_address) &&
		cs_symbol_watches(symbol, reading.topic_address);
	switch (topic)
	{
		case SYMBOL_BLOCK:
			return read_block(&reading, data, error);
		case SYMBOL_FINALIZED_BLOCK:
			return read_finalized(&reading, data, error);
		case SYMBOL_CONFIRMED_ADDED:
		case SYMBOL_UNCONFIRMED_ADDED:
		case SYMBOL_PARTIAL_ADDED:
			return read_added(&reading, data, text, error);
		case SYMBOL_UNCONFIRMED_REMOVED:
		case SYMBOL_PARTIAL_REMOVED:
			return read_removed(&reading, data, error);
		case SYMBOL_COSIGNATURE:
			return read_cosignature(&reading, data, error);
		default:
			return read_status(&reading, data, error);
	}
}
