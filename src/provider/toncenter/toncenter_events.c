/*-------------------------------------------------------------------------
 *
 * toncenter_events.c
 *	  What the notifications of TON Center mean: actions, states of accounts,
 *	  balances of tokens.
 *
 * An action is what somebody meant by a few transactions.  It concerns parties
 * in roles that depend on its type; the table below says which member of its
 * details names whom, what he gave or got, and of what.  A row is a party's
 * view of it.
 *
 * Native coins are told from transactions already, exactly; here their amount
 * is told, but no direction, so that they do not count twice.  Neither does a
 * balance: it is a state, and no movement.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "provider/identity.h"
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

/* An action names at most so many accounts. */
#define ACCOUNTS_MAX 1000

/*
 * A part in actions of a type.  Members of the details are named by path; an
 * asset of NULL, or one that is null, is the native coin.
 */
typedef struct Role
{
	const char *type;
	const char *party;
	const char *other;			/* or NULL */
	const char *amount;			/* or NULL: it is not about an amount */
	const char *asset;
	CsDirection direction;
} Role;

#define IN	CS_DIRECTION_IN
#define OUT	CS_DIRECTION_OUT

/* The order within a type is that of the ordinals, and must not change. */
static const Role roles[] = {
	{"ton_transfer", "source", "destination", "value", NULL, OUT},
	{"ton_transfer", "destination", "source", "value", NULL, IN},
	{"call_contract", "source", "destination", "value", NULL, OUT},
	{"call_contract", "destination", "source", "value", NULL, IN},
	{"contract_deploy", "source", "destination", "value", NULL, OUT},
	{"contract_deploy", "destination", "source", "value", NULL, IN},
	{"jetton_transfer", "sender", "receiver", "amount", "asset", OUT},
	{"jetton_transfer", "receiver", "sender", "amount", "asset", IN},
	{"jetton_burn", "owner", NULL, "amount", "asset", OUT},
	{"jetton_mint", "receiver", NULL, "amount", "asset", IN},
	{"jetton_swap", "sender", "dex_incoming_transfer.destination",
	 "dex_incoming_transfer.amount", "dex_incoming_transfer.asset", OUT},
	{"jetton_swap", "sender", "dex_outgoing_transfer.source",
	 "dex_outgoing_transfer.amount", "dex_outgoing_transfer.asset", IN},
	{"nft_transfer", "old_owner", "new_owner", NULL, "nft_item", OUT},
	{"nft_transfer", "new_owner", "old_owner", NULL, "nft_item", IN},
	{"nft_purchase", "old_owner", "new_owner", NULL, "nft_item", OUT},
	{"nft_purchase", "new_owner", "old_owner", NULL, "nft_item", IN},
	{"nft_mint", "owner", NULL, NULL, "nft_item", IN},
	{"auction_bid", "bidder", "auction", "amount", NULL, OUT},
	{"stake_deposit", "stake_holder", "pool", "amount", "source_asset", OUT},
	{"stake_deposit", "stake_holder", "pool", "tokens_minted", "asset", IN},
	{"stake_withdrawal", "stake_holder", "pool", "tokens_burnt", "asset", OUT},
	{"stake_withdrawal", "stake_holder", "pool", "amount", NULL, IN},
	{"stake_withdrawal_request", "stake_holder", "pool", NULL, "asset",
	 CS_DIRECTION_NONE},
	{"dex_deposit_liquidity", "source", "pool", "amount_1", "asset_1", OUT},
	{"dex_deposit_liquidity", "source", "pool", "amount_2", "asset_2", OUT},
	{"dex_withdraw_liquidity", "source", "pool", "amount_1", "asset_1", IN},
	{"dex_withdraw_liquidity", "source", "pool", "amount_2", "asset_2", IN},
	{"election_deposit", "stake_holder", NULL, "amount", NULL, OUT},
	{"election_recover", "stake_holder", NULL, "amount", NULL, IN},
	{"subscribe", "subscriber", "beneficiary", "amount", NULL, OUT},
	{"subscribe", "beneficiary", "subscriber", "amount", NULL, IN},
	{"unsubscribe", "subscriber", "beneficiary", "amount", NULL, OUT},
	{"unsubscribe", "beneficiary", "subscriber", "amount", NULL, IN},
	{"change_dns", "source", NULL, NULL, "asset", CS_DIRECTION_NONE},
	{"delete_dns", "source", NULL, NULL, "asset", CS_DIRECTION_NONE},
	{"renew_dns", "source", NULL, NULL, "asset", CS_DIRECTION_NONE},
};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

/* The most roles that a type has; ordinals of others begin there. */
#define TYPE_ROLES_MAX 2

/* An action, as far as its rows have it in common. */
typedef struct Action
{
	struct json_object *details;
	CsStatus	status;
	bool		success;
	int64_t		time_us;
	int64_t		height;
	CsText		kind;			/* in the arena */
	CsText		id;
	CsText		payload;
	const Role *roles;			/* those of its type */
	size_t		role_count;
} Action;

/* ---------- details ---------- */

/* The member at the end of a path of one or two names; NULL: there is none. */
static struct json_object *
find_detail(struct json_object *details, const char *path)
{
	const char *dot = strchr(path, '.');
	char		name[32];

	if (dot == NULL)
		return cs_json_member(details, path);
	memcpy(name, path, (size_t) (dot - path));
	name[dot - path] = '\0';
	return cs_json_member(cs_json_object(details, name), dot + 1);
}

/* An address in the details; absent if it is null, missing or none. */
static CsText
write_party(const ToncenterNotice *notice, const Action *action,
			const char *path)
{
	CsText		text = path == NULL ? CS_NO_TEXT :
		cs_json_string(find_detail(action->details, path));
	CsTonAddress address;

	if (text.data == NULL ||
		cs_ton_address_decode(text.data, text.length, &address) !=
		CS_TON_ADDRESS_OK)
		return CS_NO_TEXT;
	return cs_ton_write_address(notice->output, &address);
}

/* A number of units of an asset; absent if it is null or missing. */
static bool
read_units(const ToncenterNotice *notice, const Action *action,
		   const char *path, CsText *units, CsError *error)
{
	struct json_object *member = path == NULL ? NULL :
		find_detail(action->details, path);
	CsText		text = cs_json_string(member);

	*units = CS_NO_TEXT;
	if (member == NULL)
		return true;
	if (text.data == NULL || !cs_decimal128_valid(text.data, text.length))
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "\"%s\" is not an amount", path);
		return false;
	}
	*units = cs_output_text(notice->output, text.data, text.length);
	return true;
}

static bool
same_text(CsText a, CsText b)
{
	return a.data != NULL && b.data != NULL && a.length == b.length &&
		memcmp(a.data, b.data, a.length) == 0;
}

/* Is a row to be written for this party? */
static bool
is_concerned(const ToncenterNotice *notice, CsText party)
{
	return party.data != NULL &&
		(notice->topic == TONCENTER_TRACE ||
		 cs_session_watches(&notice->ton->base, party));
}

/* ---------- rows of actions ---------- */

static CsRecord *
add_row(const ToncenterNotice *notice, const Action *action, CsText account,
		int32_t ordinal)
{
	const char *network = notice->ton->base.network->name;
	CsRecord   *record = cs_toncenter_new_record(notice, CS_TABLE_EVENTS);

	if (record == NULL)
		return NULL;
	record->kind = action->kind.data;
	record->status = action->status;
	record->ordinal = ordinal;
	record->occurred_at = action->time_us;
	record->height = action->height;
	record->hash = action->id;
	record->transaction_hash = notice->trace_text;
	record->account = account;
	record->payload = action->payload;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network),
							cs_piece("a"), account, record->hash,
							cs_piece_bytes(&ordinal, sizeof(ordinal))}, 6);
	return record;
}

/*
 * The row of a role.  Somebody who plays both sides has one, the first.
 */
static bool
add_role(const ToncenterNotice *notice, const Action *action,
		 const Role *role, CsError *error)
{
	CsText		party = write_party(notice, action, role->party);
	CsText		other;
	CsText		units;
	CsText		asset;
	CsDirection direction = role->direction;
	bool		native;
	CsRecord   *record;

	if (!is_concerned(notice, party))
		return true;
	other = write_party(notice, action, role->other);
	asset = write_party(notice, action, role->asset);
	native = role->asset == NULL || asset.data == NULL;
	if (same_text(party, other))
	{
		if (direction == IN)
			return true;
		direction = CS_DIRECTION_SELF;
	}
	if (!read_units(notice, action, role->amount, &units, error))
		return false;
	record = add_row(notice, action, party, (int32_t) (role - action->roles));
	if (record == NULL)
		return true;
	record->counterparty = other;
	record->amount = units;
	if (role->amount != NULL || asset.data != NULL)
		record->asset = native ? cs_piece(CS_TON_ASSET) : asset;
	if (!native && notice->topic != TONCENTER_TRACE)
		record->direction = direction;
	return true;
}

/* Does a role of the action name this account? */
static bool
has_role(const ToncenterNotice *notice, const Action *action, CsText account)
{
	for (size_t i = 0; i < action->role_count; i++)
	{
		if (same_text(write_party(notice, action, action->roles[i].party),
					  account))
			return true;
	}
	return false;
}

/*
 * Accounts that an action concerns without a role, such as a token wallet, and
 * all of an action whose type is not known.  In a trace the first of them
 * stands for all, if there is no role.
 */
static bool
add_others(const ToncenterNotice *notice, const Action *action,
		   struct json_object *accounts, CsError *error)
{
	size_t		count = accounts ? json_object_array_length(accounts) : 0;

	if (count > ACCOUNTS_MAX)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "an action names %zu accounts", count);
		return false;
	}
	if (notice->topic == TONCENTER_TRACE)
		count = action->role_count > 0 || count == 0 ? 0 : 1;
	for (size_t i = 0; i < count; i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(accounts, i));
		CsTonAddress address;
		CsText		account;

		if (text.data == NULL ||
			cs_ton_address_decode(text.data, text.length, &address) !=
			CS_TON_ADDRESS_OK)
			continue;
		account = cs_ton_write_address(notice->output, &address);
		if (is_concerned(notice, account) &&
			!has_role(notice, action, account))
			(void) add_row(notice, action, account,
						   (int32_t) (TYPE_ROLES_MAX + i));
	}
	return true;
}

/* ---------- actions ---------- */

/* Find the roles of a type; there may be none. */
static void
find_roles(Action *action)
{
	action->role_count = 0;
	for (size_t i = 0; i < ROLES; i++)
	{
		if (strcmp(roles[i].type, action->kind.data) != 0)
			continue;
		if (action->role_count++ == 0)
			action->roles = &roles[i];
	}
}

static bool
read_action(ToncenterNotice *notice, struct json_object *object,
			CsText part, Action *action, CsError *error)
{
	uint8_t		id[CS_TON_HASH_LENGTH];
	CsText		type;

	memset(action, 0, sizeof(*action));
	if (!json_object_is_type(object, json_type_object))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"actions\" holds what is not an object");
		return false;
	}
	if (!cs_json_text(object, "type", &type, error) ||
		!cs_ton_member_hash(object, "action_id", id, error) ||
		!cs_toncenter_read_time(object, "end_utime", &action->time_us,
								error) ||
		!cs_toncenter_read_finality(object, notice->finality, &action->status,
									error))
		return false;
	action->height = CS_NO_NUMBER;
	if (action->status == CS_STATUS_FINALIZED &&
		!cs_json_integer(object, "trace_mc_seqno_end", &action->height, error))
		return false;
	if (action->status != CS_STATUS_PENDING)
		notice->emulated = false;
	action->success = cs_json_boolean(object, "success", true);
	if (action->status == CS_STATUS_FINALIZED && !action->success)
		action->status = CS_STATUS_FAILED;
	action->details = cs_json_object(object, "details");
	action->kind = cs_output_text(notice->output, type.data, type.length);
	action->id = cs_ton_write_hash(notice->output, id);
	action->payload = cs_toncenter_payload(notice, "actions", CS_NO_TEXT, part);
	if (cs_output_failed(notice->output))
		return false;
	find_roles(action);
	return true;
}

static bool
take_action(ToncenterNotice *notice, struct json_object *object, CsText part,
			CsError *error)
{
	Action		action;

	if (!read_action(notice, object, part, &action, error))
	{
		if (cs_output_failed(notice->output))
			cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	for (size_t i = 0; i < action.role_count; i++)
	{
		if (!add_role(notice, &action, &action.roles[i], error))
			return false;
	}
	return add_others(notice, &action, cs_json_array(object, "accounts"),
					  error);
}

bool
cs_toncenter_read_actions(ToncenterNotice *notice, CsError *error)
{
	struct json_object *list = cs_json_array(notice->object, "actions");
	CsText		text = cs_json_slice_member(notice->text, "actions");
	size_t		position = 0;

	if (list == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"actions\" is missing or not an array");
		return false;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
	{
		if (!take_action(notice, json_object_array_get_idx(list, i),
						 cs_json_slice_next(text, &position), error))
			return false;
	}
	return true;
}

/* ---------- states and balances ---------- */

/* A row of what is not part of a trace. */
static CsRecord *
add_state(const ToncenterNotice *notice, CsText account, CsText hash,
		  CsText version, int32_t ordinal)
{
	const char *network = notice->ton->base.network->name;
	CsRecord   *record = cs_toncenter_new_record(notice, CS_TABLE_EVENTS);

	if (record == NULL)
		return NULL;
	record->kind = record->topic;
	record->ordinal = ordinal;
	record->account = account;
	record->hash = hash;
	record->payload = notice->text;
	cs_identity(record->identity,
				(CsText[]) {cs_piece(record->topic), cs_piece(network),
							account, hash, version,
							cs_piece(notice->finality == CS_STATUS_FINALIZED ?
									 "f" : notice->finality ==
									 CS_STATUS_CONFIRMED ? "c" : "p"),
							cs_piece_bytes(&ordinal, sizeof(ordinal))}, 7);
	return record;
}

bool
cs_toncenter_read_account_state(ToncenterNotice *notice, CsError *error)
{
	struct json_object *state = cs_json_object(notice->object, "state");
	CsTonAddress address;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	CsText		account;
	CsRecord   *record;

	if (state == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"state\" is missing or not an object");
		return false;
	}
	if (!cs_ton_member_address(notice->object, "account", &address, error) ||
		!cs_ton_member_hash(state, "hash", hash, error))
		return false;
	account = cs_ton_write_address(notice->output, &address);
	if (!cs_session_watches(&notice->ton->base, account))
		return true;
	record = add_state(notice, account, cs_ton_write_hash(notice->output, hash),
					   CS_NO_TEXT, 0);
	if (record != NULL)
		record->asset = cs_piece(CS_TON_ASSET);
	return true;
}

/* The view of one of the two whom a balance concerns: wallet and owner. */
static void
add_balance(const ToncenterNotice *notice, CsText account, CsText other,
			CsText asset, CsText hash, CsText version, int32_t ordinal)
{
	CsRecord   *record;

	if (!cs_session_watches(&notice->ton->base, account))
		return;
	record = add_state(notice, account, hash, version, ordinal);
	if (record == NULL)
		return;
	record->counterparty = other;
	record->asset = asset;
}

bool
cs_toncenter_read_jettons(ToncenterNotice *notice, CsError *error)
{
	struct json_object *jetton = cs_json_object(notice->object, "jetton");
	Action		frame = {.details = jetton};
	CsTonAddress address;
	uint8_t		hash[CS_TON_HASH_LENGTH];
	CsText		wallet;
	CsText		owner;
	CsText		asset;
	CsText		hash_text;
	CsText		balance;
	CsText		lt;
	char		version[128];

	if (jetton == NULL)
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL, NULL,
					 "\"jetton\" is missing or not an object");
		return false;
	}
	if (!cs_ton_member_address(jetton, "address", &address, error) ||
		!cs_ton_member_hash(jetton, "data_hash", hash, error) ||
		!cs_json_text(jetton, "balance", &balance, error) ||
		!cs_json_text(jetton, "last_transaction_lt", &lt, error))
		return false;

	/* Two changes of one transaction are told apart by what they led to. */
	(void) snprintf(version, sizeof(version), "%.40s %.60s", lt.data,
					balance.data);
	wallet = cs_ton_write_address(notice->output, &address);
	owner = write_party(notice, &frame, "owner");
	asset = write_party(notice, &frame, "jetton");
	hash_text = cs_ton_write_hash(notice->output, hash);
	add_balance(notice, owner, wallet, asset, hash_text,
				cs_piece(version), 0);
	add_balance(notice, wallet, owner, asset, hash_text,
				cs_piece(version), 1);
	return true;
}
