/*-------------------------------------------------------------------------
 *
 * ton_money.c
 *	  What a transaction on TON moves.
 *
 * A transaction belongs to one account.  It is caused by one message and may
 * send others, each of which causes a transaction of its recipient.  So what
 * an account receives and what it sends are told from its own transactions
 * alone, and nothing is counted from both ends:
 *
 *	  a message from another account		in: its value
 *	  such a message that had bounced		self: own money comes back
 *	  an external message, or one from
 *	  the account to itself					out: the sum of what it sends
 *
 * An account that receives and sends in one transaction has a row for each.
 * What came in has failed only if it went back: a transaction that was aborted
 * has received its value all the same.  What goes out has failed if the
 * transaction did not do what it was asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/ton/ton_money.h"

void
cs_ton_receive(CsTonMoney *money, const CsTonAddress *source, int64_t value,
			   bool bounced)
{
	money->received = value;
	money->source_known = source != NULL;
	if (source != NULL)
		money->source = *source;
	money->from_itself = source != NULL &&
		cs_ton_same_account(source, &money->account);
	money->from_other = !money->from_itself;
	money->came_back = money->from_other && bounced;
}

bool
cs_ton_send(CsTonMoney *money, const CsTonAddress *destination, int64_t value,
			CsError *error)
{
	bool		kept = destination != NULL &&
		cs_ton_same_account(destination, &money->account);
	int64_t    *sum = kept ? &money->kept : &money->sent;

	if (value > INT64_MAX - *sum)
	{
		cs_error_set(error, CS_ERROR_VALUE, NULL, NULL,
					 "the values of \"out_msgs\" are too large");
		return false;
	}
	*sum += value;
	if (!kept && money->messages++ == 0 && destination != NULL)
	{
		money->destination = *destination;
		money->destination_known = true;
	}
	return true;
}

/* What the account sends: to one other account, several, or itself. */
static CsTonMovement
sent_movement(const CsTonMoney *money)
{
	CsTonMovement movement = {.failed = money->failed};

	if (money->messages > 0)
	{
		movement.direction = CS_DIRECTION_OUT;
		movement.amount = money->sent;
		if (money->messages == 1 && money->destination_known)
			movement.counterparty = &money->destination;
	}
	else if (money->kept > 0 || money->from_itself)
	{
		movement.direction = CS_DIRECTION_SELF;
		movement.amount = money->kept > 0 ? money->kept : money->received;
		movement.counterparty = &money->account;
	}
	return movement;
}

int
cs_ton_movements(const CsTonMoney *money, CsTonMovement movements[2])
{
	if (!money->from_other)
	{
		movements[0] = sent_movement(money);
		return 1;
	}
	movements[0] = (CsTonMovement) {
		.direction = money->came_back ? CS_DIRECTION_SELF : CS_DIRECTION_IN,
		.amount = money->received,
		.counterparty = money->source_known ? &money->source : NULL,
		.failed = money->returned
	};
	if (money->returned || money->sent == 0)
		return 1;
	movements[1] = sent_movement(money);
	movements[1].ordinal = 1;
	return 2;
}
