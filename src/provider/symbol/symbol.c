/*-------------------------------------------------------------------------
 *
 * symbol.c
 *	  The WebSocket of a Symbol gateway (catapult-rest).
 *
 * A gateway acknowledges nothing, and says no by closing the connection; see
 * doc/providers/symbol.md.  It takes any 39 characters for an address, and
 * never delivers anything for one with a typing mistake: so addresses are
 * verified here.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/symbol/symbol.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/hex.h"

/* There are public gateways, but none that everybody should use. */
static const CsNetwork networks[] = {
	{"mainnet", "XYM", {NULL}},
	{"testnet", "XYM", {NULL}},
	{NULL, NULL, {NULL}}
};

/* What the networks are made of, in the same order. */
static const struct
{
	uint8_t		byte;
	int64_t		epoch;			/* seconds */
	uint64_t	currency;
}			constants[] = {
	{CS_SYMBOL_MAINNET, 1615853185, UINT64_C(0x6BED913FA20223F8)},
	{CS_SYMBOL_TESTNET, 1667250467, UINT64_C(0x72C0212E67A08BCE)},
};

static const CsTransportKind transports[] = {
	{"websocket", cs_websocket_schemes},
	{NULL, NULL}
};

/* The order is that of SymbolTopicId. */
static const CsTopic topics[] = {
	{"block", "blocks put on the chain, to be replaced yet until they are final",
	 .by_default = true, .single = true},
	{"finalizedBlock", "blocks up to which everything is final",
	 .by_default = true, .single = true},
	{"confirmedAdded", "transactions included in a block",
	 .by_default = true, .watched = true, .single = true},
	{"unconfirmedAdded", "transactions that wait to be included",
	 .by_default = true, .watched = true, .single = true},
	{"unconfirmedRemoved", "transactions that do not wait any more",
	 .watched = true, .single = true},
	{"partialAdded", "aggregate transactions that wait for cosignatures",
	 .watched = true, .single = true},
	{"partialRemoved", "aggregate transactions that do not wait any more",
	 .watched = true, .single = true},
	{"cosignature", "cosignatures of aggregate transactions",
	 .watched = true, .single = true},
	{"status", "transactions that were rejected, and why",
	 .watched = true, .single = true},
	{.name = NULL}
};

static const CsOption options[] = {
	{"epoch_adjustment", CS_OPTION_INTEGER,
	 "beginning of the network's clock, in seconds since 1970"},
	{"currency_mosaic", CS_OPTION_STRING,
	 "id of the mosaic of the native coin, 16 hexadecimal digits"},
	{"max_channels", CS_OPTION_INTEGER,
	 "channels to ask a gateway for at most (default 500)"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

#define CHANNELS_DEFAULT 500
#define CHANNELS_MOST	 100000

/* Of the network's clock: the year 2200. */
#define EPOCH_MOST		 INT64_C(7258118400)

/* ---------- options ---------- */

static bool
read_mosaic(CsText text, uint64_t *mosaic)
{
	uint8_t		bytes[8];

	if (text.length != 16 || !cs_hex_decode(text.data, 16, bytes))
		return false;
	*mosaic = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*mosaic = *mosaic << 8 | bytes[i];
	return true;
}

static bool
check_number(struct json_object *object, const char *name, int64_t most,
			 CsError *error)
{
	struct json_object *member = cs_json_member(object, name);
	int64_t		value;

	if (member == NULL)
		return true;
	if (cs_json_integer(object, name, &value, NULL) && value >= 1 &&
		value <= most)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "option \"%s\" must be between 1 and %lld", name,
				 (long long) most);
	return false;
}

static bool
check_options(struct json_object *object, CsError *error)
{
	CsText		mosaic = cs_json_member_string(object, "currency_mosaic");
	uint64_t	id;

	if (!check_number(object, "epoch_adjustment", EPOCH_MOST, error) ||
		!check_number(object, "max_channels", CHANNELS_MOST, error))
		return false;
	if (mosaic.data != NULL && !read_mosaic(mosaic, &id))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "It is \"currencyMosaicId\" of the gateway's /network/properties, without 0x and apostrophes.",
					 "option \"currency_mosaic\" must be 16 hexadecimal digits");
		return false;
	}
	return true;
}

void
cs_symbol_configure(SymbolSession *symbol)
{
	struct json_object *object = symbol->base.options;
	size_t		index = (size_t) (symbol->base.network - networks);
	int64_t		value;

	symbol->network_byte = constants[index].byte;
	symbol->epoch_ms = constants[index].epoch * 1000;
	symbol->currency = constants[index].currency;
	symbol->max_channels = CHANNELS_DEFAULT;
	if (cs_json_integer(object, "epoch_adjustment", &value, NULL))
		symbol->epoch_ms = value * 1000;
	if (cs_json_integer(object, "max_channels", &value, NULL))
		symbol->max_channels = (size_t) value;
	(void) read_mosaic(cs_json_member_string(object, "currency_mosaic"),
					   &symbol->currency);
}

/* ---------- addresses and hashes ---------- */

/* Say what is wrong with a text that is not of the form; returns false. */
static bool
report_form(const char *text, size_t length, CsError *error)
{
	size_t		at = cs_symbol_address_stranger(text, length);
	const char *hint = "An address has 39 characters, letters and the digits 2 to 7.";
	char		detail[128];

	if (strchr(text, '-') != NULL)
		hint = "Write the address without hyphens.";
	else if (strpbrk(text, "abcdefghijklmnopqrstuvwxyz") != NULL)
		hint = "Addresses are written in upper case.";
	if (length != CS_SYMBOL_TEXT_LENGTH)
		(void) snprintf(detail, sizeof(detail),
						"It has %zu characters; there must be %d, or 48 hexadecimal digits.",
						length, CS_SYMBOL_TEXT_LENGTH);
	else if (at < length)
		(void) snprintf(detail, sizeof(detail),
						"The character at position %zu is not one of those that addresses are made of.",
						at + 1);
	else
	{
		(void) snprintf(detail, sizeof(detail),
						"The last character must be A, I, Q or Y.");
		hint = "Look for a mistyped or missing character.";
	}
	cs_error_set(error, CS_ERROR_SYNTAX, detail, hint,
				 "invalid Symbol address \"%.80s\"", text);
	return false;
}

static bool
check_address(const CsNetwork *network, const char *text,
			  const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH], CsError *error)
{
	uint8_t		byte = constants[network - networks].byte;

	if (address[0] == (byte | 1))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED,
					 "It is the alias of an account: the id of a namespace.",
					 "Give the address that the alias stands for.",
					 "\"%.80s\" is not the address of an account", text);
		return false;
	}
	if (address[0] != byte)
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 address[0] == CS_SYMBOL_MAINNET ? "It is an address of mainnet." :
					 address[0] == CS_SYMBOL_TESTNET ? "It is an address of testnet." :
					 "It is an address of neither mainnet nor testnet.",
					 byte == CS_SYMBOL_MAINNET ?
					 "Addresses of this network begin with \"N\"." :
					 "Addresses of this network begin with \"T\".",
					 "address \"%.80s\" does not belong to network \"%s\"",
					 text, network->name);
		return false;
	}
	if (!cs_symbol_address_valid(address))
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 "The checksum at its end does not match.",
					 "Look for a mistyped or missing character.",
					 "invalid Symbol address \"%.80s\"", text);
		return false;
	}
	return true;
}

static bool
canonical_address(const char *network_name, const char *text,
				  char canonical[CS_TARGET_MAX], CsError *error)
{
	const CsNetwork *network = cs_provider_network(&cs_provider_symbol,
												   network_name);
	size_t		length = strlen(text);
	uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

	if (network == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "provider \"%s\" has no network \"%s\"",
					 cs_provider_symbol.name, network_name);
		return false;
	}
	if (!(length == 2 * sizeof(address) &&
		  cs_hex_decode(text, length, address)) &&
		!cs_symbol_address_decode(text, length, address))
		return report_form(text, length, error);
	if (!check_address(network, text, address, error))
		return false;
	cs_symbol_address_encode(address, canonical);
	return true;
}

static bool
canonical_transaction(const char *network, const char *hash,
					  char canonical[CS_TARGET_MAX], CsError *error)
{
	(void) network;
	return cs_canonical_hash("transaction", hash, canonical, error);
}

/* ---------- arguments ---------- */

/* No topic has any: what would be one is the watch list. */
static bool
check_arguments(const CsTopic *topic, const char *network,
				const char *arguments, CsError *error)
{
	struct json_object *object = cs_json_parse_once(arguments,
													strlen(arguments), error);
	bool		valid;

	(void) network;
	if (object == NULL)
		return false;
	valid = true;
	if (topic->watched && json_object_object_get_ex(object, "address", NULL))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
					 "Name addresses with chainstream.watch().",
					 "argument \"address\" is not given here");
		valid = false;
	}
	valid = valid && cs_options_check(object, NULL, NULL, "argument", error);
	json_object_put(object);
	return valid;
}

const CsProvider cs_provider_symbol = {
	.name = "symbol",
	.title = "Symbol",
	.networks = networks,
	.transports = transports,
	.topics = topics,
	.options = options,
	.watches_transactions = false,
	.watches_everything = true,
	.canonical_address = canonical_address,
	.canonical_transaction = canonical_transaction,
	.check_options = check_options,
	.check_arguments = check_arguments,
	.session_size = sizeof(SymbolSession),
	.start = cs_symbol_start,
	.stop = cs_symbol_stop,
	.restore = cs_symbol_restore,
	.sync = cs_symbol_sync,
	.handshake = cs_symbol_handshake,
	.opened = cs_symbol_opened,
	.message = cs_symbol_message,
	.closed = cs_symbol_closed,
	.tick = cs_symbol_tick,
	.next_tick = cs_symbol_next_tick,
};
