/*-------------------------------------------------------------------------
 *
 * checks.c
 *	  What must hold of everything that comes out of a provider, whatever went
 *	  in.
 *
 *-------------------------------------------------------------------------
 */
#include "checks.h"

#include <string.h>

#include <json-c/json.h>

#include "codec/decimal.h"
#include "codec/utf8.h"
#include "provider/json.h"

/* Years 1 to 9999, give or take the day that an offset from UTC makes. */
#define TIME_MIN INT64_C(-62135683200000000)
#define TIME_MAX INT64_C(253402387200000000)

void
check_text(CsText text)
{
	if (text.data == NULL)
		return;
	for (size_t at = 0; at < text.length;)
	{
		size_t		size = cs_utf8_character(text.data + at, text.length - at);

		CHECK(size > 0 && text.data[at] != '\0');
		at += size;
	}
}

/* Numeric columns take an integer, and nothing else. */
static void
check_number(CsText text)
{
	CHECK(text.data == NULL || cs_decimal128_valid(text.data, text.length));
}

/*
 * What could be watched is found again by whoever watches it.  Checksums are
 * not looked at by every provider: the peer has, and what it makes up has no
 * other form.
 */
static void
check_account(const CsProvider *provider, CsText account)
{
	char		text[CS_TARGET_MAX];
	char		canonical[CS_TARGET_MAX];

	if (account.data == NULL)
		return;
	check_text(account);
	CHECK(account.length < CS_TARGET_MAX);
	memcpy(text, account.data, account.length);
	text[account.length] = '\0';
	for (const CsNetwork *network = provider->networks; network->name; network++)
	{
		if (provider->canonical_address(network->name, text, canonical, NULL))
			CHECK(strcmp(text, canonical) == 0);
	}
}

/* It goes into a column of JSON as it is, without being looked at again. */
static void
check_payload(CsText payload, CsText message)
{
	struct json_object *value;

	if (payload.data == NULL)
		return;
	CHECK(payload.length > 0);
	check_text(payload);
	CHECK(cs_json_check_tokens(payload.data, payload.length) == NULL);
	value = cs_json_parse_once(payload.data, payload.length, NULL);
	CHECK(value != NULL);
	json_object_put(value);
	if (payload.data >= message.data &&
		payload.data <= message.data + message.length)
		CHECK(payload.data + payload.length <= message.data + message.length);
}

void
check_record(const CsProvider *provider, const CsRecord *record,
			 CsText message)
{
	CHECK(record->topic != NULL &&
		  cs_provider_topic(provider, record->topic) != NULL);
	CHECK((record->table == CS_TABLE_EVENTS) == (record->kind != NULL));
	if (record->kind != NULL)
		check_text((CsText) {record->kind, strlen(record->kind)});
	check_account(provider, record->account);
	check_text(record->counterparty);
	check_text(record->hash);
	check_text(record->asset);
	check_text(record->block_hash);
	check_text(record->transaction_hash);
	check_number(record->amount);
	check_number(record->fee);
	CHECK(record->occurred_at == CS_NO_NUMBER ||
		  (record->occurred_at >= TIME_MIN && record->occurred_at <= TIME_MAX));
	CHECK(record->height == CS_NO_NUMBER || record->height >= 0);
	CHECK(record->transaction_count == CS_NO_NUMBER ||
		  record->transaction_count >= 0);
	CHECK(record->ordinal >= 0);
	CHECK(record->identity[0] != 0 || record->identity[1] != 0);
	check_payload(record->payload, message);
	CHECK(record->message.data != NULL);
}

void
check_error(const CsError *error)
{
	CHECK(error->kind != CS_ERROR_NONE && error->message[0] != '\0');
	check_text((CsText) {error->message, strlen(error->message)});
	check_text((CsText) {error->detail, strlen(error->detail)});
	check_text((CsText) {error->hint, strlen(error->hint)});
}

void
check_fields(const CsField *fields, int count)
{
	CHECK(count >= 0 && count <= CS_FIELDS_MAX);
	for (int i = 0; i < count; i++)
		CHECK(strpbrk(fields[i].name, "\r\n: ") == NULL &&
			  strpbrk(fields[i].value, "\r\n") == NULL);
}

void
check_canonical(const CsProvider *provider, const char *network,
				const char *text)
{
	char		canonical[CS_TARGET_MAX];
	char		again[CS_TARGET_MAX];
	CsError		error = {0};

	if (!provider->canonical_address(network, text, canonical, &error))
		check_error(&error);
	else
		CHECK(provider->canonical_address(network, canonical, again, NULL) &&
			  strcmp(canonical, again) == 0);
	error = (CsError) {0};
	if (provider->canonical_transaction == NULL)
		return;
	if (!provider->canonical_transaction(network, text, canonical, &error))
		check_error(&error);
	else
		CHECK(provider->canonical_transaction(network, canonical, again, NULL) &&
			  strcmp(canonical, again) == 0);
}
