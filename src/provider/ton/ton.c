/*-------------------------------------------------------------------------
 *
 * ton.c
 *	  What the providers of TON share: how accounts and hashes are written.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/ton/ton.h"

#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/hex.h"

/* ---------- addresses ---------- */

static bool
report_length(const char *address, CsTonAddressError reason, CsError *error)
{
	char		detail[128];
	const char *colon = strchr(address, ':');

	if (reason == CS_TON_ADDRESS_LENGTH && colon != NULL)
		(void) snprintf(detail, sizeof(detail),
						"It has %zu characters behind the colon; there must be 64 hexadecimal digits.",
						strlen(colon + 1));
	else
		(void) snprintf(detail, sizeof(detail),
						"It has %zu characters and no colon; the user-friendly form has 48.",
						strlen(address));
	cs_error_set(error, CS_ERROR_SYNTAX, detail,
				 "An address looks like \"EQ...\" or \"UQ...\" with 48 characters, or like \"0:\" and 64 hexadecimal digits.",
				 "invalid TON address \"%.80s\"", address);
	return false;
}

/* Say what is wrong with an address; returns false. */
static bool
report_address(const char *address, CsTonAddressError reason, CsError *error)
{
	switch (reason)
	{
		case CS_TON_ADDRESS_WORKCHAIN:
			cs_error_set(error, CS_ERROR_SYNTAX,
						 "What stands before the colon, the workchain, must be a number from -128 to 127.",
						 "The workchains in use are 0 and -1.",
						 "invalid TON address \"%.80s\"", address);
			return false;
		case CS_TON_ADDRESS_CHARACTER:
			cs_error_set(error, CS_ERROR_SYNTAX,
						 strchr(address, ':') ?
						 "Behind the colon only hexadecimal digits may stand." :
						 "It has a character that base64 does not have.",
						 NULL, "invalid TON address \"%.80s\"", address);
			return false;
		case CS_TON_ADDRESS_CHECKSUM:
			cs_error_set(error, CS_ERROR_VALUE,
						 "The checksum, its last characters, does not match.",
						 "Look for a mistyped character; upper and lower case differ.",
						 "invalid TON address \"%.80s\"", address);
			return false;
		case CS_TON_ADDRESS_TAG:
			cs_error_set(error, CS_ERROR_VALUE,
						 "The checksum matches, but the first byte is none that addresses begin with.",
						 NULL, "invalid TON address \"%.80s\"", address);
			return false;
		default:
			break;
	}
	return report_length(address, reason, error);
}

/* Does the provider have this network? */
static bool
check_network(const CsProvider *provider, const char *network, CsError *error)
{
	if (cs_provider_network(provider, network) != NULL)
		return true;
	cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
				 "provider \"%s\" has no network \"%s\"", provider->name,
				 network);
	return false;
}

bool
cs_ton_canonical_address(const CsProvider *provider, const char *network,
						 const char *address, char canonical[CS_TARGET_MAX],
						 CsError *error)
{
	CsTonAddress account;
	CsTonAddressError reason;

	if (!check_network(provider, network, error))
		return false;
	reason = cs_ton_address_decode(address, strlen(address), &account);
	if (reason != CS_TON_ADDRESS_OK)
		return report_address(address, reason, error);
	if (account.testnet && (network == NULL ||
							strcmp(network, CS_TON_TESTNET) != 0))
	{
		cs_error_set(error, CS_ERROR_VALUE,
					 "It is marked as an address of a test network.",
					 "Write it as \"EQ...\", \"UQ...\" or \"0:...\" if the account is meant, or use network \"" CS_TON_TESTNET "\".",
					 "address \"%.80s\" does not belong to network \"%s\"",
					 address, network ? network : CS_TON_MAINNET);
		return false;
	}
	(void) cs_ton_address_encode(&account, canonical);
	return true;
}

/* ---------- hashes ---------- */

bool
cs_ton_read_hash(CsText text, uint8_t hash[CS_TON_HASH_LENGTH])
{
	uint8_t		bytes[CS_BASE64_BYTES(CS_TON_HASH_BASE64_MAX)];
	size_t		size;

	if (text.length == (size_t) 2 * CS_TON_HASH_LENGTH)
		return cs_hex_decode(text.data, text.length, hash);
	if (text.length != CS_TON_HASH_BASE64_MAX - 1 &&
		text.length != CS_TON_HASH_BASE64_MAX - 2)
		return false;
	if (!cs_base64_decode(text.data, text.length, bytes, &size) ||
		size != CS_TON_HASH_LENGTH)
		return false;
	memcpy(hash, bytes, CS_TON_HASH_LENGTH);
	return true;
}

CsText
cs_ton_write_hash(CsOutput *output, const uint8_t hash[CS_TON_HASH_LENGTH])
{
	char	   *text = cs_output_alloc(output, CS_TON_HASH_TEXT_MAX);

	if (text == NULL)
		return CS_NO_TEXT;
	cs_hex_encode_lower(hash, CS_TON_HASH_LENGTH, text);
	text[CS_TON_HASH_TEXT_MAX - 1] = '\0';
	return (CsText) {text, CS_TON_HASH_TEXT_MAX - 1};
}

void
cs_ton_hash_base64(const uint8_t hash[CS_TON_HASH_LENGTH],
				   char text[CS_TON_HASH_BASE64_MAX])
{
	(void) cs_base64_encode(hash, CS_TON_HASH_LENGTH, text);
}

bool
cs_ton_canonical_transaction(const CsProvider *provider, const char *network,
							 const char *hash, char canonical[CS_TARGET_MAX],
							 CsError *error)
{
	uint8_t		bytes[CS_TON_HASH_LENGTH];

	if (!check_network(provider, network, error))
		return false;
	if (!cs_ton_read_hash((CsText) {hash, strlen(hash)}, bytes))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "A hash has 64 hexadecimal digits, or 44 characters of base64.",
					 "invalid TON hash \"%.80s\"", hash);
		return false;
	}
	cs_hex_encode_lower(bytes, sizeof(bytes), canonical);
	canonical[CS_TON_HASH_TEXT_MAX - 1] = '\0';
	return true;
}

/* ---------- members of messages ---------- */

bool
cs_ton_member_hash(struct json_object *object, const char *name,
				   uint8_t hash[CS_TON_HASH_LENGTH], CsError *error)
{
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	if (cs_ton_read_hash(text, hash))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"%s\" is not a hash",
				 name);
	return false;
}

bool
cs_ton_member_address(struct json_object *object, const char *name,
					  CsTonAddress *address, CsError *error)
{
	CsText		text;

	if (!cs_json_text(object, name, &text, error))
		return false;
	if (cs_ton_address_decode(text.data, text.length, address) ==
		CS_TON_ADDRESS_OK)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL, "\"%s\" is not an address",
				 name);
	return false;
}

CsText
cs_ton_write_address(CsOutput *output, const CsTonAddress *address)
{
	char		text[CS_TON_ADDRESS_MAX];
	size_t		length = cs_ton_address_encode(address, text);

	return cs_output_text(output, text, length);
}

bool
cs_ton_same_account(const CsTonAddress *a, const CsTonAddress *b)
{
	return a->workchain == b->workchain &&
		memcmp(a->hash, b->hash, CS_TON_HASH_LENGTH) == 0;
}
