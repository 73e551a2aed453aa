/*-------------------------------------------------------------------------
 *
 * symbol.h
 *	  The Symbol provider's own interface, between its files:
 *
 *	  symbol.c			what the provider is: networks, topics, options,
 *						addresses; and the table of its functions
 *	  symbol_session.c	the link, its uid, what its messages are about
 *	  symbol_watch.c	which channels are wanted (see symbol_channels.h)
 *	  symbol_records.c	what the messages mean (see symbol_reading.h)
 *	  symbol_ledger.c	what was announced and may change yet: removals,
 *						rollbacks, finality (see symbol_ledger.h)
 *	  symbol_rows.c		rows
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_H
#define CS_SYMBOL_H

#include "codec/symbol_address.h"
#include "provider/session.h"

/* In the order of the provider's list of topics. */
typedef enum SymbolTopicId
{
	SYMBOL_BLOCK,
	SYMBOL_FINALIZED_BLOCK,
	SYMBOL_CONFIRMED_ADDED,
	SYMBOL_UNCONFIRMED_ADDED,
	SYMBOL_UNCONFIRMED_REMOVED,
	SYMBOL_PARTIAL_ADDED,
	SYMBOL_PARTIAL_REMOVED,
	SYMBOL_COSIGNATURE,
	SYMBOL_STATUS,
	SYMBOL_TOPICS
} SymbolTopicId;

/* No chain gets that far; leaves room to reckon with. */
#define CS_SYMBOL_HEIGHT_MAX (INT64_MAX / 4)

/* The longest reason of a close frame, and a NUL. */
#define SYMBOL_WORDS_MAX 124

/* The longest uid that is taken for one; real ones have 28 or 32 characters. */
#define SYMBOL_UID_MAX	 128

/* ---------- channels ---------- */

/* A topic on the present connection. */
typedef struct SymbolTopic
{
	int64_t		subscription_id;	/* 0: not wanted */
	bool		refused;		/* the gateway will not have it; for good */
	char		words[SYMBOL_WORDS_MAX];	/* in these words */

	bool		open_sent;		/* its channel without an address was asked
								 * for */
	bool		open_settled;	/* and not refused */
	bool		settled;		/* one of its channels with an address was not
								 * refused */

	bool		told;			/* the host knows the following */
	CsState		state;
	const char *detail;			/* of the session or static, or NULL */
} SymbolTopic;

/* How the watch list is made into channels. */
typedef enum SymbolMode
{
	SYMBOL_MODE_NONE,			/* it is not */
	SYMBOL_MODE_FILTER,			/* one channel per topic and address */
	SYMBOL_MODE_OPEN			/* one per topic: everything */
} SymbolMode;

/* A subscribe request that may yet be refused. */
typedef struct SymbolRequest
{
	CsWatch    *watch;			/* NULL: without an address, or forgotten */
	SymbolTopicId topic;
	bool		open;			/* without an address */
	bool		last;			/* the last one of the watch */
	int64_t		sent_ms;
} SymbolRequest;

/* ---------- the ledger ---------- */

/* What a row says of a transaction, from one account's point of view. */
typedef struct SymbolRow
{
	uint8_t		account[CS_SYMBOL_ADDRESS_LENGTH];
	uint8_t		counterparty[CS_SYMBOL_ADDRESS_LENGTH];
	uint64_t	amount;
	uint64_t	mosaic;
	uint64_t	fee;
	int32_t		ordinal;
	uint8_t		direction;		/* CsDirection */
	bool		has_account;
	bool		has_counterparty;
	bool		has_amount;		/* and the mosaic */
	bool		has_fee;
} SymbolRow;

/* What all rows of a transaction share. */
typedef struct SymbolFacts
{
	CsStatus	status;
	uint8_t		hash[32];
	int64_t		height;			/* or CS_NO_NUMBER */
	int64_t		occurred_at;	/* microseconds, or CS_NO_NUMBER */
	const uint8_t *block_hash;	/* or NULL */
	uint32_t	life;			/* it was removed so often before */
} SymbolFacts;

/* A block that is known. */
typedef struct SymbolBlock
{
	int64_t		height;			/* 0: none */
	int64_t		time_us;		/* or CS_NO_NUMBER */
	int64_t		seen_ms;		/* when it came */
	uint32_t	life;
	uint32_t	connection;		/* on which it came last */
	bool		finalized;
	bool		whole;			/* all of this is known; else height and hash */
	uint8_t		hash[32];
	uint8_t		parent[32];
	uint8_t		producer[CS_SYMBOL_ADDRESS_LENGTH];
} SymbolBlock;

/* From which message rows are made. */
typedef struct SymbolNotice
{
	struct SymbolSession *symbol;
	SymbolTopicId topic;		/* that the rows are of */
	int64_t		subscription_id;
	int64_t		received_at;
	int64_t		now_ms;
	CsText		payload;		/* may be absent */
	bool		kept;			/* it came earlier: it is the rows' message */
	CsOutput   *output;
} SymbolNotice;

/* A row to be announced, with its part of the message. */
typedef struct SymbolAnnouncement
{
	SymbolRow	row;
	CsText		payload;
} SymbolAnnouncement;

typedef struct SymbolLedger SymbolLedger;

/* ---------- the session ---------- */

typedef struct SymbolSession
{
	CsSession	base;
	uint8_t		network_byte;
	int64_t		epoch_ms;		/* of the network's clock */
	uint64_t	currency;		/* mosaic of the native coin */
	CsJsonWriter writer;		/* for requests */

	/* the link */
	bool		link_wanted;
	bool		link_open;
	char		uid[SYMBOL_UID_MAX + 1];	/* empty: none yet */
	int64_t		uid_due;		/* when to give up waiting; INT64_MAX: not */
	bool		uid_missed;

	/* channels on the present connection */
	SymbolTopic topics[SYMBOL_TOPICS];
	SymbolMode	mode;
	unsigned int sent_topics;	/* that watches marked as sent have: a set */
	size_t		sent_count;		/* watches marked as sent */
	size_t		over_count;		/* watches said to be over the limit */
	SymbolRequest *requests;	/* a queue: the oldest first */
	size_t		request_count;
	size_t		request_capacity;
	int64_t		more_at;		/* when to tell more states; INT64_MAX: not */

	/* limits, and what was learned of them */
	size_t		max_channels;	/* the option */
	size_t		limit;			/* learned; SIZE_MAX: nothing was */
	size_t		fitting;		/* so many were accepted, at most; 0: unknown */
	int64_t		probe_at;		/* when to try more; INT64_MAX: not */
	int64_t		probe_delay_ms;
	size_t		window;			/* requests on their way at most */
	SymbolRequest suspect;		/* the last that may have been the bad one */
	int			strikes;		/* and how often in a row it was */
	int			losses;			/* in a row, with requests on their way */
	bool		open_refused;	/* channels need an address here */
	char		open_words[SYMBOL_WORDS_MAX];
	char		limit_words[SYMBOL_WORDS_MAX];
	char		watch_words[SYMBOL_WORDS_MAX];	/* of the last bad address */

	/* what was announced */
	SymbolLedger *ledger;
	SymbolAnnouncement *announcements;	/* of the message being read */
	size_t		announcement_count;
	size_t		announcement_capacity;
} SymbolSession;

/* ---------- symbol.c ---------- */

/* A request after which the connection lived so long was not refused. */
#define CS_SYMBOL_SETTLE_MS 1000

/* The public networks' constants, and the options that replace them. */
extern void cs_symbol_configure(SymbolSession *symbol);

/* ---------- symbol_session.c ---------- */

extern bool cs_symbol_start(CsSession *session, CsError *error);
extern void cs_symbol_stop(CsSession *session);
extern void cs_symbol_restore(CsSession *session, const char *scope,
							  const char *position);
extern void cs_symbol_sync(CsSession *session, int64_t now_ms,
						   CsOutput *output);
extern bool cs_symbol_handshake(CsSession *session, int link, const char *url,
								CsHandshake *handshake, CsOutput *output);
extern void cs_symbol_opened(CsSession *session, int link, int64_t now_ms,
							 CsOutput *output);
extern bool cs_symbol_message(CsSession *session, int link,
							  const CsMessage *message, int64_t now_ms,
							  CsOutput *output, CsError *error);
extern void cs_symbol_closed(CsSession *session, int link,
							 const CsClosure *closure, int64_t now_ms,
							 CsOutput *output);
extern void cs_symbol_tick(CsSession *session, int64_t now_ms,
						   CsOutput *output);
extern int64_t cs_symbol_next_tick(const CsSession *session);

/* ---------- symbol_channels.c, symbol_watch.c, symbol_refusals.c ---------- */

/* Tell a subscription's state, if that is news.  *detail* stays where it is. */
extern void cs_symbol_tell(SymbolTopic *topic, CsState state,
						   const char *detail, CsOutput *output);

/* Make the channels follow the wish, as far as it can be done now. */
extern void cs_symbol_step(SymbolSession *symbol, int64_t now_ms,
						   CsOutput *output);

/* A notification came: its channel, and those asked for before it, are live. */
extern void cs_symbol_delivered(SymbolSession *symbol, SymbolTopicId topic,
								CsText address, CsOutput *output);

/* The link is new: nothing was asked of it yet. */
extern void cs_symbol_begin(SymbolSession *symbol);

/* The link is gone.  Find out whether a request was the reason. */
extern void cs_symbol_lost(SymbolSession *symbol, const CsClosure *closure,
						   int64_t now_ms);

/* When cs_symbol_step() has something to do. */
extern int64_t cs_symbol_next_step(const SymbolSession *symbol);

/* ---------- symbol_records.c ---------- */

/*
 * Turn a notification of a topic that is subscribed into records.  *address*
 * is the one that the topic names, or absent.  False: it could not be
 * understood, see *error*.
 */
extern bool cs_symbol_records(SymbolSession *symbol, SymbolTopicId topic,
							  CsText address, struct json_object *data,
							  const CsMessage *message, int64_t now_ms,
							  CsOutput *output, CsError *error);

/* ---------- symbol_rows.c ---------- */

/* Is this address on the watch list? */
extern bool cs_symbol_watches(const SymbolSession *symbol,
							  const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);

/* May there be a row for this account? */
extern bool cs_symbol_wants(const SymbolSession *symbol, const SymbolRow *row);

/*
 * A transaction's row (NULL: no memory); a block's; an address and a hash as
 * texts in the arena.
 */
extern CsRecord *cs_symbol_write_row(const SymbolNotice *notice,
									 const SymbolFacts *facts,
									 const SymbolRow *row, CsText payload);
extern void cs_symbol_write_block(const SymbolNotice *notice, CsStatus status,
								  const SymbolBlock *block);
extern CsText cs_symbol_write_address(CsOutput *output,
									  const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH]);
extern CsText cs_symbol_write_hash(CsOutput *output, const uint8_t hash[32]);

/* A record with what all rows of a notice share; NULL: no memory. */
extern CsRecord *cs_symbol_new_record(const SymbolNotice *notice,
									  CsTable table, CsText payload);

/* ---------- symbol_ledger.c, symbol_chain.c ---------- */

extern SymbolLedger *cs_ledger_create(void);	/* NULL: no memory */
extern void cs_ledger_free(SymbolLedger *ledger);

/*
 * Write the rows of a transaction that the session's announcements hold, and
 * remember them: as pending if *height* is CS_NO_NUMBER, else as confirmed.
 */
extern void cs_ledger_announce(const SymbolNotice *notice,
							   const uint8_t hash[32], int64_t height,
							   int64_t occurred_at);

/*
 * A transaction has left a pool: that it is gone shows if nothing else comes
 * of it for a while.  *row* says what is known if its rows are not.
 */
extern void cs_ledger_removed(const SymbolNotice *notice,
							  const uint8_t hash[32], const SymbolRow *row);

/*
 * A transaction was rejected.  Returns what its first row said, or NULL.
 */
extern const SymbolRow *cs_ledger_failed(SymbolLedger *ledger,
										 const uint8_t hash[32]);

/* Write and remember a block, and what is not so any more because of it. */
extern void cs_ledger_block(const SymbolNotice *notice, SymbolBlock *block);

/* All up to this block is final; *block* has height and hash. */
extern void cs_ledger_finalized(const SymbolNotice *notice,
								const SymbolBlock *block);

/*
 * A position of an earlier session: its newest block (height 0: none), and
 * the height up to which all was final (0: none was).
 */
extern void cs_ledger_restore(SymbolLedger *ledger, int64_t height,
							  const uint8_t hash[32], int64_t final_height);

/* The link was lost: what was waited for may have been missed. */
extern void cs_ledger_lost(SymbolLedger *ledger);

/* Do what is due; when that will be again. */
extern void cs_ledger_tick(SymbolSession *symbol, int64_t now_ms,
						   CsOutput *output);
extern int64_t cs_ledger_next_tick(const SymbolLedger *ledger);

#endif							/* CS_SYMBOL_H */
