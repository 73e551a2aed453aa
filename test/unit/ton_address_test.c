/*-------------------------------------------------------------------------
 *
 * ton_address_test.c
 *	  Addresses and hashes of TON: every vector of the samples.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/ton_address.h"
#include "provider/json.h"
#include "provider/ton/ton.h"
#include "tap.h"

#define SAMPLES "test/samples/ton/"

static const CsNetwork networks[] = {
	{CS_TON_MAINNET, CS_TON_ASSET, {NULL}},
	{CS_TON_TESTNET, CS_TON_ASSET, {NULL}},
	{NULL, NULL, {NULL}}
};

static const CsProvider provider = {.name = "ton", .networks = networks};

/* ---------- valid addresses ---------- */

/* One way to write an account. */
typedef struct Form
{
	const char *name;
	bool		friendly;
	bool		bounceable;
	bool		testnet;
} Form;

static const Form forms[] = {
	{"raw", false, false, false},
	{"raw_upper", false, false, false},
	{"bounceable", true, true, false},
	{"bounceable_std", true, true, false},
	{"non_bounceable", true, false, false},
	{"non_bounceable_std", true, false, false},
	{"bounceable_testnet", true, true, true},
	{"bounceable_testnet_std", true, true, true},
	{"non_bounceable_testnet", true, false, true},
	{"non_bounceable_testnet_std", true, false, true},
};

static void
check_form(struct json_object *vector, const Form *form)
{
	const char *text = cs_json_member_string(vector, form->name).data;
	const char *expected = cs_json_member_string(vector, "raw_upper").data;
	CsTonAddress address;
	char		again[CS_TON_ADDRESS_MAX];
	char		canonical[CS_TARGET_MAX];
	CsError		error = {0};

	ok(cs_ton_address_decode(text, strlen(text), &address) ==
	   CS_TON_ADDRESS_OK &&
	   address.user_friendly == form->friendly &&
	   address.bounceable == form->bounceable &&
	   address.testnet == form->testnet, "%s is %s", text, form->name);
	ok(cs_ton_address_encode(&address, again) == strlen(expected) &&
	   strcmp(again, expected) == 0, "and names %s", expected);
	ok(cs_ton_canonical_address(&provider, CS_TON_TESTNET, text, canonical,
								&error) && strcmp(canonical, expected) == 0,
	   "which testnet takes");
	ok(cs_ton_canonical_address(&provider, NULL, text, canonical, &error) !=
	   form->testnet, "and mainnet %s", form->testnet ? "refuses" : "takes");
}

static void
test_valid(void)
{
	size_t		length;
	char	   *file = read_whole_file(SAMPLES "addresses-valid.jsonl", &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line),
														NULL);

		for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
			check_form(vector, &forms[i]);
		json_object_put(vector);
		count++;
	}
	ok(count == 9, "all accounts were looked at");
	free(file);
}

/* ---------- invalid addresses ---------- */

static void
test_invalid(void)
{
	size_t		length;
	char	   *file = read_whole_file(SAMPLES "addresses-invalid.jsonl",
									   &length);
	char	   *at = file;
	char	   *line;
	int			count = 0;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *vector = cs_json_parse_once(line, strlen(line),
														NULL);
		CsText		text = cs_json_member_string(vector, "text");
		CsTonAddress address;
		char		canonical[CS_TARGET_MAX];
		CsError		error = {0};

		ok(cs_ton_address_decode(text.data, text.length, &address) !=
		   CS_TON_ADDRESS_OK, "refused: %s",
		   cs_json_member_string(vector, "why").data);
		ok(!cs_ton_canonical_address(&provider, NULL, text.data, canonical,
									 &error) &&
		   error.kind != CS_ERROR_NONE && strlen(error.detail) > 0,
		   "%s %s", error.message, error.detail);
		json_object_put(vector);
		count++;
	}
	ok(count == 16, "all of them were looked at");
	free(file);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void
check_reason(const char *text, CsTonAddressError reason, const char *name)
{
	CsTonAddress address;

	ok(cs_ton_address_decode(text, strlen(text), &address) == reason, "%s",
	   name);
}

static void
test_reasons(void)
{
	char		text[128];
	CsTonAddress address;

	check_reason("", CS_TON_ADDRESS_FORM, "nothing");
	check_reason("wallet.ton", CS_TON_ADDRESS_FORM, "a name");
	check_reason(ZEROS, CS_TON_ADDRESS_FORM, "a hash alone");
	check_reason(":" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "no workchain");
	check_reason("-:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "a minus alone");
	check_reason("+0:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "a plus");
	check_reason("-0:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "a minus and nothing");
	check_reason("00:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "zeros in front");
	check_reason(" 0:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "a blank in front");
	check_reason("128:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "beyond eight bits");
	check_reason("-129:" ZEROS, CS_TON_ADDRESS_WORKCHAIN, "below eight bits");
	check_reason("-128:" ZEROS, CS_TON_ADDRESS_OK, "the lowest workchain");
	check_reason("127:" ZEROS, CS_TON_ADDRESS_OK, "the highest workchain");
	check_reason("0:" ZEROS "0", CS_TON_ADDRESS_LENGTH, "a digit too many");
	check_reason("0:0:" ZEROS, CS_TON_ADDRESS_LENGTH, "two colons");
	(void) snprintf(text, sizeof(text), "0:%.63sg", ZEROS);
	check_reason(text, CS_TON_ADDRESS_CHARACTER, "a letter that is no digit");
	check_reason("EQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM9=",
				 CS_TON_ADDRESS_CHARACTER, "padding in place of the last");
	check_reason("EQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM9d",
				 CS_TON_ADDRESS_CHECKSUM, "a wrong checksum");
	check_reason("EgDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPgWL",
				 CS_TON_ADDRESS_TAG, "a wrong tag");
	ok(cs_ton_address_decode("0:" ZEROS, 0, &address) == CS_TON_ADDRESS_FORM,
	   "the length counts");
	ok(cs_ton_address_decode("0:" ZEROS "\0", 67, &address) ==
	   CS_TON_ADDRESS_LENGTH, "a NUL is a character");
}

static void
test_errors(void)
{
	char		canonical[CS_TARGET_MAX];
	CsError		error = {0};

	ok(!cs_ton_canonical_address(&provider, "devnet", "0:" ZEROS, canonical,
								 &error), "an unknown network");
	is(error.message, "provider \"ton\" has no network \"devnet\"",
	   "is named");
	ok(!cs_ton_canonical_address(&provider, NULL,
		"kQDequZRihH9JMHanFOtOK7dNfSmbRvvTx4wgUctknapIGz3", canonical, &error),
	   "a testnet address on mainnet");
	is(error.message, "address \"kQDequZRihH9JMHanFOtOK7dNfSmbRvvTx4wgUctknapIGz3\""
	   " does not belong to network \"mainnet\"", "is told so");
	ok(!cs_ton_canonical_address(&provider, NULL, "EQshort", canonical,
								 &error), "a short address");
	is(error.detail, "It has 7 characters and no colon; the user-friendly form has 48.",
	   "is counted");
	ok(!cs_ton_canonical_address(&provider, NULL, "0:12", canonical, &error),
	   "a short raw address");
	is(error.detail, "It has 2 characters behind the colon; there must be 64 hexadecimal digits.",
	   "likewise");
}

/* ---------- hashes ---------- */

static void
check_hash(const char *text, bool valid, const char *name)
{
	static const char expected[] =
		"f97ab943d8030dbbf600e700ba39c021042e807efa27c73689dad7db2003e476";
	char		canonical[CS_TARGET_MAX] = "";
	CsError		error = {0};

	if (!valid)
	{
		ok(!cs_ton_canonical_transaction(&provider, NULL, text, canonical,
										 &error) && strlen(error.hint) > 0,
		   "%s", name);
		return;
	}
	ok(cs_ton_canonical_transaction(&provider, NULL, text, canonical, &error) &&
	   strcmp(canonical, expected) == 0, "%s", name);
}

static void
test_hashes(void)
{
	uint8_t		hash[CS_TON_HASH_LENGTH];
	char		text[CS_TON_HASH_BASE64_MAX];

	check_hash("+Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY=", true, "base64");
	check_hash("-Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY=", true,
			   "base64url");
	check_hash("-Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY", true,
			   "without padding");
	check_hash("F97AB943D8030DBBF600E700BA39C021042E807EFA27C73689DAD7DB2003E476",
			   true, "hexadecimal");
	check_hash("", false, "nothing is no hash");
	check_hash("F97AB943D8030DBBF600E700BA39C021042E807EFA27C73689DAD7DB2003E47",
			   false, "a digit is missing");
	check_hash("0xF97AB943D8030DBBF600E700BA39C021042E807EFA27C73689DAD7DB2003E4",
			   false, "no prefix");
	check_hash("-Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HZ", false,
			   "bits behind the last byte");
	check_hash("-Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5H==", false,
			   "a byte is missing");
	check_hash(" Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY=", false,
			   "a blank");
	ok(cs_ton_read_hash((CsText) {"-Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY",
								  43}, hash), "a hash is read");
	cs_ton_hash_base64(hash, text);
	is(text, "+Xq5Q9gDDbv2AOcAujnAIQQugH76J8c2idrX2yAD5HY=",
	   "and written in base64");
}

int
main(void)
{
	test_valid();
	test_invalid();
	test_reasons();
	test_errors();
	test_hashes();
	return tap_end();
}
