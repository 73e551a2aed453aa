/*-------------------------------------------------------------------------
 *
 * flow_event.h
 *	  An event of a Flow network, as far as it is understood.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_FLOW_EVENT_H
#define CS_FLOW_EVENT_H

#include "provider/flow/flow.h"
#include "provider/flow/flow_cadence.h"

typedef enum FlowEventKind
{
	FLOW_EVENT_OTHER,
	FLOW_EVENT_CORE,			/* flow.* */
	FLOW_EVENT_WITHDRAWN,		/* of FungibleToken */
	FLOW_EVENT_DEPOSITED,
	FLOW_EVENT_BURNED,
	FLOW_EVENT_FLOW_WITHDRAWN,	/* of FlowToken */
	FLOW_EVENT_FLOW_DEPOSITED,
	FLOW_EVENT_FLOW_MINTED,
	FLOW_EVENT_FEES_DEDUCTED,
	FLOW_EVENT_KINDS
} FlowEventKind;

/* An event, as far as it is understood. */
typedef struct FlowEvent
{
	FlowEventKind kind;
	CsText		type;			/* in the message's object */
	char		transaction[FLOW_ID_SIZE];
	int64_t		transaction_index;
	int64_t		index;
	CsText		payload;		/* its part of the message */

	bool		has_account;
	bool		has_other;
	uint64_t	account;
	uint64_t	other;			/* the counterparty */
	bool		decoded;
	char		amount[CS_CADENCE_FIXED_MAX];	/* empty: none */
	CsText		asset;			/* arena or static */
	uint64_t	vault;			/* uuid of what moves; 0: unknown */
	bool		recipient;		/* the account is the second party */

	struct FlowEvent *partner;
	bool		fee;
} FlowEvent;

/*
 * Read an element of a list of events into *event*, which is zero but for its
 * payload.  False: it could not be understood, see *error*.
 */
extern bool cs_flow_read_event(const FlowNotice *notice,
							   struct json_object *object, FlowEvent *event,
							   CsError *error);

/* The account of the FlowFees contract. */
extern uint64_t cs_flow_fees_account(CsFlowNetwork network);

#endif							/* CS_FLOW_EVENT_H */
