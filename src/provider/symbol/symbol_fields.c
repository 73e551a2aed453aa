/*-------------------------------------------------------------------------
 *
 * symbol_fields.c
 *	  Members of the messages of a Symbol gateway.
 *
 * 64-bit integers are decimal strings, ids and binary data are hexadecimal.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/hex.h"
#include "provider/symbol/symbol_reading.h"

/* End of the year 9999, in ms since 1970. */
#define TIME_MAX	INT64_C(253402300799999)

bool
cs_symbol_read_bytes(CsText text, const char *name, uint8_t *bytes,
					 size_t count, CsError *error)
{
	if (text.length == 2 * count && cs_hex_decode(text.data, text.length,
												  bytes))
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is not %zu hexadecimal digits", name, 2 * count);
	return false;
}

bool
cs_symbol_read_member(struct json_object *object, const char *name,
					  uint8_t *bytes, size_t count, CsError *error)
{
	CsText		text;

	return cs_json_text(object, name, &text, error) &&
		cs_symbol_read_bytes(text, name, bytes, count, error);
}

/* An unsigned integer of 64 bits, as the gateway writes it. */
bool
cs_symbol_read_amount(struct json_object *object, const char *name,
					  uint64_t *amount, CsError *error)
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

bool
cs_symbol_read_mosaic(struct json_object *object, const char *name,
					  uint64_t *mosaic, CsError *error)
{
	uint8_t		bytes[8];

	if (!cs_symbol_read_member(object, name, bytes, sizeof(bytes), error))
		return false;
	*mosaic = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*mosaic = *mosaic << 8 | bytes[i];
	return true;
}

bool
cs_symbol_read_height(struct json_object *object, const char *name,
					  int64_t *height, CsError *error)
{
	if (!cs_json_integer(object, name, height, error))
		return false;
	if (*height >= 0 && *height <= CS_SYMBOL_HEIGHT_MAX)
		return true;
	cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
				 "\"%s\" is out of range", name);
	return false;
}

/* The address of the account that signed. */
bool
cs_symbol_read_signer(const SymbolSession *symbol, struct json_object *object,
					  SymbolAddress signer, CsError *error)
{
	uint8_t		key[CS_SYMBOL_KEY_LENGTH];

	if (!cs_symbol_read_member(object, "signerPublicKey", key, sizeof(key),
							   error))
		return false;
	if (cs_symbol_address_of_key(symbol->network_byte, key, signer))
		return true;
	cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL,
				 "Addresses of Symbol need SHA3-256 and RIPEMD-160.",
				 "OpenSSL on this host lacks a digest");
	return false;
}

/* A message of another network would give wrong addresses. */
bool
cs_symbol_check_network(const SymbolSession *symbol,
						struct json_object *object, CsError *error)
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
int64_t
cs_symbol_read_time(const SymbolSession *symbol, struct json_object *object)
{
	int64_t		since;

	if (!cs_json_integer(object, "timestamp", &since, NULL) || since < 0 ||
		since > TIME_MAX - symbol->epoch_ms)
		return CS_NO_NUMBER;
	return (symbol->epoch_ms + since) * 1000;
}
