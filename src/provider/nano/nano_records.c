/*-------------------------------------------------------------------------
 *
 * nano_records.c
 *	  What the messages of a Nano node mean.
 *
 * A block on Nano's ledger moves money once, from its account to another,
 * or says that money which was on its way has arrived.  A row is written
 * from the point of view of one account: a send is "out" for its account and
 * "in" for the recipient, which makes it the deposit; the block by which the
 * recipient takes the money in is "self", so that nothing counts twice.
 *
 * Addresses are not checked again down to their checksum: a node prints what
 * it has decoded, and the form alone is enough to store and compare them.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/hex.h"
#include "codec/nano_address.h"
#include "codec/nano_block.h"
#include "provider/identity.h"
#include "provider/nano/nano.h"

/* End of the year 9999, in ms since 1970. */
#define TIME_MAX INT64_C(253402300799999)

/* A vote names at most so many blocks. */
#define VOTE_HASHES_MAX 255

/* An address in canonical form; length 0: there is none, or it is unknown. */
typedef struct Party
{
	char		text[CS_TARGET_MAX];
	size_t		length;
} Party;

/* A notification, as far as it is the same for all topics. */
typedef struct Notice
{
	NanoSession *nano;
	NanoTopicId topic;
	struct json_object *message;
	int64_t		time_ms;
	int64_t		received_at;
	CsText		payload;
	CsOutput   *output;
} Notice;

/* A block, as the rows show it. */
typedef struct Transfer
{
	CsStatus	status;
	CsDirection direction;		/* for the account of the block */
	Party		account;
	Party		counterparty;	/* recipient of a send */
	uint8_t		hash[32];
	CsText		amount;
	int64_t		height;
} Transfer;

/* ---------- reading fields ---------- */

static bool
read_hash_text(CsText text, const char *name, uint8_t hash[32], CsError *error)
{
	if (text.length == 64 && cs_hex_decode(text.data, text.length, hash))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not 64 hexadecimal digits", name);
	return false;
}

static bool
read_hash(struct json_object *object, const char *name, uint8_t hash[32],
		  CsError *error)
{
	CsText		text;

	return cs_json_text(object, name, &text, error) &&
		read_hash_text(text, name, hash, error);
}

static bool
read_party(const Notice *notice, struct json_object *object, const char *name,
		   Party *party, CsError *error)
{
	CsText		text;

	return cs_json_text(object, name, &text, error) &&
		cs_nano_canonical(notice->nano->base.network, text, party->text,
						  &party->length, error);
}

/* The public key of an address. */
static bool
read_key(struct json_object *object, const char *name, uint8_t key[32],
		 CsError *error)
{
	CsNanoPrefix prefix;
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	if (cs_nano_address_decode(text.data, text.length, &prefix, key) ==
		CS_NANO_ADDRESS_OK)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not a valid address", name);
	return false;
}

static bool
is_word(CsText text, const char *word)
{
	return text.length == strlen(word) &&
		memcmp(text.data, word, text.length) == 0;
}

static bool
read_block_type(struct json_object *block, CsNanoBlockType *type,
				CsError *error)
{
	CsText		text;

	if (!cs_json_text(block, "type", &text, error))
		return false;
	if (is_word(text, "state"))
		*type = CS_NANO_BLOCK_STATE;
	else if (is_word(text, "send"))
		*type = CS_NANO_BLOCK_SEND;
	else if (is_word(text, "receive"))
		*type = CS_NANO_BLOCK_RECEIVE;
	else if (is_word(text, "open"))
		*type = CS_NANO_BLOCK_OPEN;
	else if (is_word(text, "change"))
		*type = CS_NANO_BLOCK_CHANGE;
	else
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized block type \"%.40s\"", text.data);
		return false;
	}
	return true;
}

/* ---------- what a block does ---------- */

static bool
read_state_block(const Notice *notice, struct json_object *block,
				 Transfer *transfer, CsError *error)
{
	CsText		subtype;

	if (!cs_json_text(block, "subtype", &subtype, error))
		return false;
	if (is_word(subtype, "send"))
	{
		transfer->direction = CS_DIRECTION_OUT;
		return read_party(notice, block, "link_as_account",
						  &transfer->counterparty, error);
	}
	if (is_word(subtype, "receive"))
		transfer->direction = CS_DIRECTION_SELF;
	else if (!is_word(subtype, "change") && !is_word(subtype, "epoch"))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "unrecognized block subtype \"%.40s\"", subtype.data);
		return false;
	}
	return true;
}

/*
 * Direction and recipient.  The subtype of legacy blocks is not looked at: it
 * says "change" for all of them where it is there.
 */
static bool
read_block(const Notice *notice, struct json_object *block,
		   CsNanoBlockType *type, Transfer *transfer, CsError *error)
{
	if (!read_block_type(block, type, error))
		return false;
	switch (*type)
	{
		case CS_NANO_BLOCK_STATE:
			return read_state_block(notice, block, transfer, error);
		case CS_NANO_BLOCK_SEND:
			transfer->direction = CS_DIRECTION_OUT;
			return read_party(notice, block, "destination",
							  &transfer->counterparty, error);
		case CS_NANO_BLOCK_RECEIVE:
		case CS_NANO_BLOCK_OPEN:
			transfer->direction = CS_DIRECTION_SELF;
			break;
		case CS_NANO_BLOCK_CHANGE:
			break;
	}
	return true;
}

/* Balance: decimal in a state block, 32 hex digits in a legacy send. */
static bool
read_balance(struct json_object *block, CsNanoBlockType type,
			 uint8_t balance[16], CsError *error)
{
	CsText		text;

	if (!cs_json_text(block, "balance", &text, error))
		return false;
	if (type == CS_NANO_BLOCK_STATE ?
		cs_decimal128_decode(text.data, text.length, balance) :
		text.length == 32 && cs_hex_decode(text.data, text.length, balance))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"balance\" is not a balance");
	return false;
}

/* Nodes before V28 do not tell the hash of an unconfirmed block. */
static bool
compute_hash(struct json_object *message, CsNanoBlockType type,
			 uint8_t hash[32], CsError *error)
{
	CsNanoBlock block = {.type = type};
	bool		valid = true;

	if (type == CS_NANO_BLOCK_STATE || type == CS_NANO_BLOCK_OPEN)
		valid = read_key(message, "account", block.account, error);
	if (valid && type != CS_NANO_BLOCK_OPEN)
		valid = read_hash(message, "previous", block.previous, error);
	if (valid && (type == CS_NANO_BLOCK_STATE || type == CS_NANO_BLOCK_OPEN ||
				  type == CS_NANO_BLOCK_CHANGE))
		valid = read_key(message, "representative", block.representative,
						 error);
	if (valid && (type == CS_NANO_BLOCK_STATE || type == CS_NANO_BLOCK_SEND))
		valid = read_balance(message, type, block.balance, error);
	if (valid && type == CS_NANO_BLOCK_STATE)
		valid = read_hash(message, "link", block.link, error);
	else if (valid && type == CS_NANO_BLOCK_SEND)
		valid = read_key(message, "destination", block.link, error);
	else if (valid && type != CS_NANO_BLOCK_CHANGE)
		valid = read_hash(message, "source", block.link, error);
	if (valid)
		cs_nano_block_hash(&block, hash);
	return valid;
}

/* ---------- writing rows ---------- */

/* A record with what all rows of a notification share; NULL: no memory. */
static CsRecord *
new_record(const Notice *notice, CsTable table)
{
	CsRecord   *record = cs_output_record(notice->output);
	const CsSession *session = &notice->nano->base;
	const char *topic = session->provider->topics[notice->topic].name;

	if (record == NULL)
		return NULL;
	record->table = table;
	record->topic = topic;
	record->kind = table == CS_TABLE_EVENTS ? topic : NULL;
	record->subscription_id =
		notice->nano->topics[notice->topic].subscription_id;
	record->received_at = notice->received_at;
	record->occurred_at = notice->time_ms * 1000;
	record->payload = notice->payload;
	return record;
}

/* A hash as text, in the arena. */
static CsText
write_hash(const Notice *notice, const uint8_t hash[32])
{
	char	   *text = cs_output_alloc(notice->output, 65);

	if (text == NULL)
		return CS_NO_TEXT;
	cs_hex_encode_upper(hash, 32, text);
	text[64] = '\0';
	return (CsText) {text, 64};
}

static CsText
write_party(const Notice *notice, const Party *party)
{
	if (party->length == 0)
		return CS_NO_TEXT;
	return cs_output_text(notice->output, party->text, party->length);
}

/* The point of view, as a part of an identity. */
static const char *const direction_letters[] = {
	[CS_DIRECTION_NONE] = "-",
	[CS_DIRECTION_IN] = "i",
	[CS_DIRECTION_OUT] = "o",
	[CS_DIRECTION_SELF] = "s",
};

/*
 * One row of a block, from the point of view of *account*.  The time is no
 * part of its identity: nodes announce a block again, later.
 */
static void
add_transaction(const Notice *notice, const Transfer *transfer,
				CsText hash, const Party *account, const Party *counterparty,
				CsDirection direction, int32_t ordinal)
{
	const CsNetwork *network = notice->nano->base.network;
	CsText		account_text = write_party(notice, account);
	CsText		counterparty_text = write_party(notice, counterparty);
	CsRecord   *record = new_record(notice, CS_TABLE_TRANSACTIONS);

	if (record == NULL)
		return;
	record->status = transfer->status;
	record->direction = direction;
	record->ordinal = ordinal;
	record->height = transfer->height;
	record->hash = hash;
	record->account = account_text;
	record->counterparty = counterparty_text;
	record->amount = transfer->amount;
	record->asset = cs_piece(network->asset);

	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network->name),
							cs_piece_bytes(transfer->hash, 32), account_text,
							cs_piece(direction_letters[direction])}, 5);
}

/*
 * The rows of a block: one for each party that is watched.  If none is, one
 * for the account of the block, provided that everything is wanted.
 */
static void
add_transfer(const Notice *notice, const Transfer *transfer)
{
	const NanoSession *nano = notice->nano;
	const Party *account = &transfer->account;
	const Party *counterparty = &transfer->counterparty;
	CsDirection direction = transfer->direction;
	bool		to_itself = account->length > 0 &&
		account->length == counterparty->length &&
		memcmp(account->text, counterparty->text, account->length) == 0;
	bool		sender = account->length > 0 &&
		cs_session_watches(&nano->base,
						   (CsText) {account->text, account->length});
	bool		recipient = counterparty->length > 0 && !to_itself &&
		cs_session_watches(&nano->base, (CsText) {counterparty->text,
												  counterparty->length});
	CsText		hash;

	if (!sender && !recipient)
	{
		if (!nano->base.everything && !nano->topics[notice->topic].all_local)
			return;
		sender = true;
	}
	if (to_itself)
		direction = CS_DIRECTION_SELF;
	hash = write_hash(notice, transfer->hash);
	if (sender)
		add_transaction(notice, transfer, hash, account, counterparty,
						direction, 0);
	if (recipient)
		add_transaction(notice, transfer, hash, counterparty, account,
						CS_DIRECTION_IN, 1);
}

/* ---------- topics ---------- */

static bool
read_confirmation(const Notice *notice, CsError *error)
{
	Transfer	transfer = {.status = CS_STATUS_FINALIZED,
							.height = CS_NO_NUMBER};
	struct json_object *message = notice->message;
	struct json_object *block = cs_json_member(message, "block");
	struct json_object *sideband = cs_json_object(message, "sideband");
	CsNanoBlockType type;
	CsText		amount;

	if (!read_party(notice, message, "account", &transfer.account, error) ||
		!cs_json_text(message, "amount", &amount, error) ||
		!read_hash(message, "hash", transfer.hash, error))
		return false;
	if (!cs_decimal128_valid(amount.data, amount.length))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"amount\" is not an amount");
		return false;
	}
	if (block != NULL && !json_object_is_type(block, json_type_object))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"block\" is not an object");
		return false;
	}
	if (block != NULL && !read_block(notice, block, &type, &transfer, error))
		return false;
	if (sideband != NULL && cs_json_member(sideband, "height") != NULL &&
		!cs_json_integer(sideband, "height", &transfer.height, error))
		return false;
	transfer.amount = cs_output_text(notice->output, amount.data,
									 amount.length);
	add_transfer(notice, &transfer);
	return true;
}

static bool
read_unconfirmed(const Notice *notice, struct json_object *envelope,
				 CsError *error)
{
	Transfer	transfer = {.status = CS_STATUS_PENDING,
							.height = CS_NO_NUMBER};
	struct json_object *message = notice->message;
	CsNanoBlockType type;
	bool		valid;

	if (!read_block(notice, message, &type, &transfer, error))
		return false;
	if ((type == CS_NANO_BLOCK_STATE || type == CS_NANO_BLOCK_OPEN) &&
		!read_party(notice, message, "account", &transfer.account, error))
		return false;
	if (cs_json_member(envelope, "hash") != NULL)
		valid = read_hash(envelope, "hash", transfer.hash, error);
	else
		valid = compute_hash(message, type, transfer.hash, error);
	if (valid)
		add_transfer(notice, &transfer);
	return valid;
}

static bool
read_vote(const Notice *notice, CsError *error)
{
	struct json_object *blocks = cs_json_array(notice->message, "blocks");
	const CsNetwork *network = notice->nano->base.network;
	size_t		count = blocks ? json_object_array_length(blocks) : 0;
	Party		representative;
	CsText		account;
	CsText		timestamp;

	if (!read_party(notice, notice->message, "account", &representative,
					error) ||
		!cs_json_text(notice->message, "timestamp", &timestamp, error))
		return false;
	if (count > VOTE_HASHES_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "a vote names %zu blocks", count);
		return false;
	}
	account = write_party(notice, &representative);
	for (size_t i = 0; i < count; i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(blocks, i));
		uint8_t		hash[32];
		CsRecord   *record;

		if (!read_hash_text(text, "blocks", hash, error))
			return false;
		record = new_record(notice, CS_TABLE_EVENTS);
		if (record == NULL)
			return true;
		record->ordinal = (int32_t) i;
		record->account = account;
		record->hash = write_hash(notice, hash);
		cs_identity(record->identity,
					(CsText[]) {cs_piece(record->topic),
								cs_piece(network->name), account, timestamp,
								cs_piece_bytes(hash, 32)}, 5);
	}
	return true;
}

static bool
read_election(const Notice *notice, CsError *error)
{
	uint8_t		hash[32];
	CsRecord   *record;

	if (!read_hash(notice->message, "hash", hash, error))
		return false;
	record = new_record(notice, CS_TABLE_EVENTS);
	if (record == NULL)
		return true;
	record->status = notice->topic == NANO_STOPPED_ELECTION ?
		CS_STATUS_REMOVED : CS_STATUS_PENDING;
	record->hash = write_hash(notice, hash);
	record->transaction_hash = record->hash;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(notice->nano->base.network->name),
							cs_piece_bytes(hash, 32),
							cs_piece_bytes(&notice->time_ms,
										   sizeof(notice->time_ms))}, 4);
	return true;
}

/* What concerns no block: the whole message is what it is. */
static void
add_plain_event(const Notice *notice)
{
	CsRecord   *record = new_record(notice, CS_TABLE_EVENTS);

	if (record == NULL)
		return;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic),
							cs_piece(notice->nano->base.network->name),
							notice->payload}, 3);
}

/* ---------- notifications ---------- */

/* Remember the newest time, which is all there is to tell a position. */
static void
note_time(NanoSession *nano, int64_t time_ms, CsOutput *output)
{
	char		position[32] = "{\"time\":";
	size_t		length = strlen(position);

	if (time_ms <= nano->last_time)
		return;
	nano->last_time = time_ms;
	length += cs_int64_to_decimal(time_ms, position + length);
	position[length] = '}';
	position[length + 1] = '\0';
	cs_output_cursor(output, "", position);
}

bool
cs_nano_records(NanoSession *nano, NanoTopicId topic,
				struct json_object *envelope, const CsMessage *message,
				CsOutput *output, CsError *error)
{
	Notice		notice = {.nano = nano, .topic = topic, .output = output,
						  .received_at = message->received_at,
						  .payload = cs_message_text(message)};
	bool		valid = true;

	notice.message = cs_json_object(envelope, "message");
	if (notice.message == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"message\" is missing or not an object");
		return false;
	}
	if (!cs_json_integer(envelope, "time", &notice.time_ms, error))
		return false;
	if (notice.time_ms < 0 || notice.time_ms > TIME_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"time\" is out of range");
		return false;
	}
	switch (topic)
	{
		case NANO_CONFIRMATION:
			valid = read_confirmation(&notice, error);
			break;
		case NANO_NEW_UNCONFIRMED_BLOCK:
			valid = read_unconfirmed(&notice, envelope, error);
			break;
		case NANO_VOTE:
			valid = read_vote(&notice, error);
			break;
		case NANO_STARTED_ELECTION:
		case NANO_STOPPED_ELECTION:
			valid = read_election(&notice, error);
			break;
		default:
			add_plain_event(&notice);
			break;
	}
	if (valid)
		note_time(nano, notice.time_ms, output);
	return valid;
}
