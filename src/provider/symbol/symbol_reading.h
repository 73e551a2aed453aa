/*-------------------------------------------------------------------------
 *
 * symbol_reading.h
 *	  Reading the messages of a Symbol gateway.
 *
 * What the files that do it share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_READING_H
#define CS_SYMBOL_READING_H

#include "provider/symbol/symbol.h"

/* The types of transactions that concern more than their signer. */
typedef enum SymbolTransactionType
{
	SYMBOL_TYPE_ACCOUNT_METADATA = 16708,
	SYMBOL_TYPE_AGGREGATE_COMPLETE = 16705,
	SYMBOL_TYPE_HASH_LOCK = 16712,
	SYMBOL_TYPE_SECRET_LOCK = 16722,
	SYMBOL_TYPE_TRANSFER = 16724,
	SYMBOL_TYPE_MULTISIG = 16725,
	SYMBOL_TYPE_AGGREGATE_BONDED = 16961,
	SYMBOL_TYPE_MOSAIC_METADATA = 16964,
	SYMBOL_TYPE_MOSAIC_ADDRESS_RESTRICTION = 16977,
	SYMBOL_TYPE_SECRET_PROOF = 16978,
	SYMBOL_TYPE_NAMESPACE_METADATA = 17220,
	SYMBOL_TYPE_REVOCATION = 17229
} SymbolTransactionType;

typedef uint8_t SymbolAddress[CS_SYMBOL_ADDRESS_LENGTH];

/* A message that announces a transaction. */
typedef struct SymbolReading
{
	SymbolNotice notice;
	bool		confirmed;
	bool		in_topic;		/* the topic names a watched address */
	SymbolAddress topic_address;
	bool		concerned;		/* and it is a party of the transaction */
	bool		has_fee;
	uint64_t	fee;
	int32_t		legs;			/* so far */
} SymbolReading;

/* ---------- symbol_fields.c ---------- */

/*
 * Read a member, or a text that is one: so many bytes, an amount, the id of
 * a mosaic, a height.  False: see *error*, which names the member.
 */
extern bool cs_symbol_read_bytes(CsText text, const char *name,
								 uint8_t *bytes, size_t count,
								 CsError *error);
extern bool cs_symbol_read_member(struct json_object *object,
								  const char *name, uint8_t *bytes,
								  size_t count, CsError *error);
extern bool cs_symbol_read_amount(struct json_object *object,
								  const char *name, uint64_t *amount,
								  CsError *error);
extern bool cs_symbol_read_mosaic(struct json_object *object,
								  const char *name, uint64_t *mosaic,
								  CsError *error);
extern bool cs_symbol_read_height(struct json_object *object,
								  const char *name, int64_t *height,
								  CsError *error);

/* The address of the account that signed. */
extern bool cs_symbol_read_signer(const SymbolSession *symbol,
								  struct json_object *object,
								  SymbolAddress signer, CsError *error);

/* Is it of the source's network? */
extern bool cs_symbol_check_network(const SymbolSession *symbol,
									struct json_object *object,
									CsError *error);

/* "timestamp" in microseconds since 1970, or CS_NO_NUMBER. */
extern int64_t cs_symbol_read_time(const SymbolSession *symbol,
								   struct json_object *object);

/* ---------- symbol_transactions.c ---------- */

/*
 * Add the rows of a transaction to the session's announcements.  *text* is
 * its text, *payload* what its rows shall hold.  False: see *error*.
 */
extern bool cs_symbol_read_transaction(SymbolReading *reading,
									   struct json_object *transaction,
									   CsText text, CsText payload,
									   int64_t *type, CsError *error);

/* And those of the transactions in an aggregate, whose text *text* is. */
extern bool cs_symbol_read_embedded(SymbolReading *reading,
									struct json_object *aggregate,
									CsText text, CsError *error);

/* And one for the address in the topic, if it has none. */
extern void cs_symbol_add_concerned(SymbolReading *reading);

#endif							/* CS_SYMBOL_READING_H */
