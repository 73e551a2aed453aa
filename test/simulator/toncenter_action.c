/*-------------------------------------------------------------------------
 *
 * toncenter_action.c
 *	  The vocabulary of actions: which versions and groups know which types.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <string.h>

/* The shortcut that stands for everything, and what its number is. */
#define LATEST 4

/* Types of each version; one that ends with "*" stands for all so begun. */
static const char *const versions[LATEST][32] = {
	{"call_contract", "contract_deploy", "ton_transfer", "stake_deposit",
		"stake_withdrawal", "stake_withdrawal_request",
		"dex_deposit_liquidity", "jetton_transfer", "nft_transfer",
		"nft_mint", "jetton_burn", "jetton_mint", "jetton_swap",
		"change_dns", "delete_dns", "renew_dns", "subscribe",
		"dex_withdraw_liquidity", "unsubscribe", "election_deposit",
	"election_recover", "auction_bid", "tick_tock", NULL},
	{"multisig_create_order", "multisig_approve", "multisig_execute",
		"vesting_send_message", "vesting_add_whitelist", "evaa_*", "jvault_*",
	"nft_discovery", "tonco_deploy_pool", "coffee_*", "unknown", NULL},
	{"nft_put_on_sale", "nft_put_on_auction", "auction_outbid",
		"nft_cancel_sale", "nft_purchase", "nft_cancel_auction",
		"nft_finish_auction", "teleitem_start_auction",
		"teleitem_cancel_auction", "nft_update_sale", "dns_purchase",
	"dns_release", "layerzero_*", NULL},
	{"cocoon_*", NULL},
};

/* Shortcuts of a subject.  What the server counts among them is not known
 * for all; the types that bear its name are a lower bound. */
static const struct
{
	const char *name;
	const char *const types[8];
}			groups[] = {
	{"staking", {"stake_*", NULL}},
	{"jettons", {"jetton_*", NULL}},
	{"nft", {"nft_*", "auction_*", NULL}},
	{"nft.v3", {"nft_*", "auction_*", "teleitem_*", NULL}},
	{"dns", {"change_dns", "delete_dns", "renew_dns", NULL}},
	{"dns.v2", {"change_dns", "delete_dns", "renew_dns", "dns_*", NULL}},
	{"multisig", {"multisig_*", NULL}},
	{"vesting", {"vesting_*", NULL}},
	{"evaa", {"evaa_*", NULL}},
	{"jvault", {"jvault_*", NULL}},
	{"coffee", {"coffee_*", NULL}},
	{"tgbtc", {"tgbtc_*", NULL}},
	{"layerzero", {"layerzero_*", NULL}},
	{"cocoon", {"cocoon_*", NULL}},
};

/* Is the type among these names? */
static bool
listed(const char *const *names, const char *type)
{
	for (; *names != NULL; names++)
	{
		size_t		length = strlen(*names);

		if (strcmp(*names, type) == 0 ||
			((*names)[length - 1] == '*' &&
			 strncmp(*names, type, length - 1) == 0))
			return true;
	}
	return false;
}

/* Is it known to this version or one before it? */
static bool
in_version(int version, const char *type)
{
	for (int i = 0; i < version; i++)
		if (listed(versions[i], type))
			return true;
	return false;
}

/* Does this word of the client's cover the type? */
static bool
covers(const char *word, const char *type)
{
	if (strcmp(word, type) == 0)
		return true;
	/* What no version knows is newer than this list, so "latest" has it. */
	if (strcmp(word, "latest") == 0 || strcmp(word, "v4") == 0)
		return true;
	if (word[0] == 'v' && word[1] >= '1' && word[1] < '0' + LATEST &&
		word[2] == '\0')
		return in_version(word[1] - '0', type);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i].name, word) == 0)
			return listed(groups[i].types, type);
	return false;
}

bool
cs_sim_tc_action_supported(const TcTexts *supported, const char *type)
{
	if (supported->count == 0 || in_version(1, type))
		return true;
	for (size_t i = 0; i < supported->count; i++)
		if (covers(supported->list[i], type))
			return true;
	return false;
}
