/*-------------------------------------------------------------------------
 *
 * ton_money.h
 *	  What a transaction on TON moves: one rule for both of its providers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_TON_MONEY_H
#define CS_TON_MONEY_H

#include "provider/ton/ton.h"

/*
 * The messages of a transaction, as far as they carry money.  Filled in from
 * zero: first *account*, then by the two functions below; what went wrong is
 * its reader's to say.
 */
typedef struct CsTonMoney
{
	CsTonAddress account;

	bool		from_other;		/* caused by another account's message */
	bool		from_itself;	/* by one of its own */
	bool		came_back;		/* by one of its own that bounced elsewhere */
	bool		source_known;
	CsTonAddress source;
	int64_t		received;

	int			messages;		/* to other accounts */
	bool		destination_known;
	CsTonAddress destination;	/* of the first of them */
	int64_t		sent;			/* with them */
	int64_t		kept;			/* with messages to itself */

	bool		returned;		/* what was received went back */
	bool		failed;			/* what was to be done was not */
} CsTonMoney;

/* One end of what it moves: a row. */
typedef struct CsTonMovement
{
	int32_t		ordinal;
	CsDirection direction;
	int64_t		amount;			/* nanotons */
	const CsTonAddress *counterparty;	/* inside the CsTonMoney; NULL: none,
										 * several or unknown */
	bool		failed;
} CsTonMovement;

/*
 * The message of an account that caused the transaction (an external one is
 * none), with its value in nanotons.  *source* NULL: it cannot be read.
 */
extern void cs_ton_receive(CsTonMoney *money, const CsTonAddress *source,
						   int64_t value, bool bounced);

/*
 * A message to an account (one to nobody is none).  *destination* NULL: it
 * cannot be read.  False: the sum of all is too large, see *error*.
 */
extern bool cs_ton_send(CsTonMoney *money, const CsTonAddress *destination,
						int64_t value, CsError *error);

/* The one or two rows it makes.  Returns how many. */
extern int	cs_ton_movements(const CsTonMoney *money,
							 CsTonMovement movements[2]);

#endif							/* CS_TON_MONEY_H */
