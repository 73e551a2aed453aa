/*-------------------------------------------------------------------------
 *
 * nano.h
 *	  What the parts of the Nano dialect share.
 *
 *	  dialect_nano.c	requests: subscriptions, filters, acks
 *	  nano_item.c		notifications: who gets them, and as what text
 *	  nano_pool.c		synthetic blocks between synthetic accounts
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SIM_NANO_H
#define CS_SIM_NANO_H

#include "account_set.h"
#include "codec/nano_address.h"
#include "dialect.h"

/* In the order of cs_sim_nano_topics. */
typedef enum NanoTopic
{
	NANO_CONFIRMATION,
	NANO_STARTED_ELECTION,
	NANO_STOPPED_ELECTION,
	NANO_VOTE,
	NANO_ACK,
	NANO_WORK,
	NANO_BOOTSTRAP,
	NANO_TELEMETRY,
	NANO_NEW_UNCONFIRMED_BLOCK,
	NANO_ACTIVE_DIFFICULTY,
	NANO_TOPICS
} NanoTopic;

extern const char *const cs_sim_nano_topics[];

/* The topic of this name, or -1. */
extern int	cs_sim_nano_topic(const char *name);

/* In the order of the dialect's switches. */
enum
{
	NANO_BINARY,
	NANO_COMPACT,
	NANO_PRE_V28,
	NANO_NO_UPDATE,
	NANO_NO_ACK,
	NANO_FIRST_BEFORE_ACK,
	NANO_QUIRK_SHARED,
	NANO_BANANO
};

/* How much of an election a subscriber wants. */
enum
{
	NANO_ELECTION_NONE,
	NANO_ELECTION_INFO,
	NANO_ELECTION_VOTES
};

/* Bits of confirmation types. */
enum
{
	NANO_ACTIVE_QUORUM = 1,
	NANO_ACTIVE_CONFIRMATION_HEIGHT = 2,
	NANO_INACTIVE = 4
};

typedef struct NanoSubscription
{
	bool		active;
	bool		has_options;	/* there was an "options" member */
	bool		filtered;		/* by accounts */
	bool		include_block;
	bool		sideband;
	int			election;
	int			types;			/* confirmation types */
	bool		include_replays;
	bool		include_indeterminate;
	CsSimAccountSet accounts;	/* or representatives */
} NanoSubscription;

typedef struct NanoClient
{
	NanoSubscription topics[NANO_TOPICS];
} NanoClient;

static inline const NanoSubscription *
nano_subscription(const CsSimClient *client, int topic)
{
	return &((const NanoClient *) client->state)->topics[topic];
}

/* ---------- nano_item.c ---------- */

/* Parts of a text that change with every block or moment; all of one width. */
typedef enum NanoField
{
	NANO_FIELD_TIME,
	NANO_FIELD_ACCOUNT,
	NANO_FIELD_AMOUNT,
	NANO_FIELD_HASH,
	NANO_FIELD_PREVIOUS,
	NANO_FIELD_REPRESENTATIVE,
	NANO_FIELD_BALANCE,
	NANO_FIELD_LINK,
	NANO_FIELD_LINK_AS_ACCOUNT,
	NANO_FIELD_SIGNATURE,
	NANO_FIELD_WORK,
	NANO_FIELD_HEIGHT,
	NANO_FIELD_LOCAL_TIMESTAMP,
	NANO_FIELDS
} NanoField;

/* Widest of them, with a NUL. */
#define NANO_FIELD_MAX 129

/* The present value of each. */
typedef char NanoValues[NANO_FIELDS][NANO_FIELD_MAX];

/* Width of a field; accounts are shorter on Banano. */
extern size_t cs_sim_nano_width(const CsSimNetwork *network, NanoField field);

/* A stand-in for the field's value in the JSON of an item. */
extern json_object *cs_sim_nano_blank(const CsSimNetwork *network,
									  NanoField field);

/* One notification; what the filters look at is read from its JSON once. */
struct CsSimItem
{
	CsSimNetwork *network;
	NanoTopic	topic;
	json_object *json;
	int64_t		time;			/* recorded time; ms */
	bool		stamped;		/* "time" is of the usual width */
	int			type;			/* bit of the confirmation type, or 0 */
	const char *vote_type;		/* inside json; or NULL */
	bool		has_account;	/* message.account is one */
	bool		has_link;		/* message.block.link_as_account is one */
	uint8_t		account[CS_SIM_KEY_LENGTH];
	uint8_t		link[CS_SIM_KEY_LENGTH];
	char		hash[65];		/* or empty */
	uint64_t	version;		/* changes when the values do */
	struct NanoTemplate *variants[16];	/* rendered so far; see nano_item.c */
};

extern CsSimItem *cs_sim_nano_item_create(CsSimNetwork *network,
										  json_object *json,
										  char error[CS_SIM_ERROR_MAX]);
extern void cs_sim_nano_item_free(CsSimItem *item);

/*
 * Send an item to all that shall have it, with *values* put in (NULL: only
 * its time).
 */
extern size_t cs_sim_nano_deliver(CsSimNetwork *network, CsSimItem *item,
								  NanoValues *values);

/* The text of an item as a subscriber without options gets it. */
extern void cs_sim_nano_text(CsSimItem *item, NanoValues *values,
							 CsSimText *text);

/* Layout of this network's messages. */
extern CsSimLayout cs_sim_nano_layout(const CsSimNetwork *network);

/* ---------- nano_pool.c ---------- */

extern void cs_sim_nano_pool_start(CsSimNetwork *network);
extern void cs_sim_nano_pool_stop(CsSimNetwork *network);
extern size_t cs_sim_nano_generate(CsSimNetwork *network);
extern void cs_sim_nano_example(CsSimClient *client, CsSimText *text);
extern void cs_sim_nano_accounts(CsSimNetwork *network, uint64_t from,
								 uint64_t count, FILE *file);

/* The prefix of this network's addresses. */
static inline CsNanoPrefix
nano_prefix(const CsSimNetwork *network)
{
	return cs_sim_switch(network, NANO_BANANO) ? CS_NANO_PREFIX_BAN :
		CS_NANO_PREFIX_NANO;
}

#endif							/* CS_SIM_NANO_H */
