/*-------------------------------------------------------------------------
 *
 * flow.c
 *	  The WebSocket stream of a Flow access node.
 *
 * One connection carries up to twenty subscriptions, each of which can begin
 * at any height the node still has: so what was missed is asked for again, and
 * a position is a height and the id of its block.  See doc/providers/flow.md.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/flow/flow.h"

#include <stdio.h>
#include <string.h>

#include "codec/hex.h"

static const CsNetwork networks[] = {
	{"mainnet", "FLOW", {"wss://rest-mainnet.onflow.org/v1/ws"}},
	{"testnet", "FLOW", {"wss://rest-testnet.onflow.org/v1/ws"}},
	{"emulator", "FLOW", {NULL}},
	{NULL, NULL, {NULL}}
};

static const CsTransportKind transports[] = {
	{"websocket", cs_websocket_schemes},
	{NULL, NULL}
};

/* The order is that of FlowTopicId. */
static const CsTopic topics[] = {
	{"block_digests", "id, height and time of each block", .single = false},
	{"block_headers", "header of each block", .single = false},
	{"blocks", "each block with its collection guarantees and seals",
	 .single = false},
	{"events",
	 "token movements of watched accounts, or the events that arguments name",
	 .by_default = true, .watched = true},
	{"account_statuses",
	 "keys, contracts and inbox of watched accounts as they change",
	 .watched = true},
	{"transaction_statuses",
	 "the life of watched transactions, or of the one that tx_id names",
	 .by_default = true},
	{"send_and_get_transaction_statuses",
	 "hand a signed transaction to the network and follow it",
	 .submits = true},
	{.name = NULL}
};

static const CsOption options[] = {
	{"max_subscriptions_per_connection", CS_OPTION_INTEGER,
	 "what the node allows (default 20)"},
	{"max_connections", CS_OPTION_INTEGER,
	 "how many may be open at a time (default 8)"},
	{NULL, CS_OPTION_BOOLEAN, NULL}
};

FlowTopicId
cs_flow_topic(const CsTopic *topic)
{
	return (FlowTopicId) (topic - topics);
}

const char *
cs_flow_topic_name(FlowTopicId id)
{
	return topics[id].name;
}

bool
cs_flow_has_height(FlowTopicId id)
{
	return id < FLOW_TRANSACTION_STATUSES;
}

bool
cs_flow_network(const char *name, CsFlowNetwork *network)
{
	for (int i = 0; networks[i].name != NULL; i++)
	{
		if (name == NULL || strcmp(networks[i].name, name) == 0)
		{
			*network = (CsFlowNetwork) i;
			return true;
		}
	}
	return false;
}

/* ---------- addresses and hashes ---------- */

/* An address of another network is a likely mistake: say which. */
static bool
report_address(CsFlowNetwork network, const char *address, uint64_t value,
			   CsError *error)
{
	char		detail[96];

	for (int i = 0; networks[i].name != NULL; i++)
	{
		if ((CsFlowNetwork) i == network ||
			!cs_flow_address_valid((CsFlowNetwork) i, value))
			continue;
		(void) snprintf(detail, sizeof(detail),
						"It is an address of network \"%s\".",
						networks[i].name);
		cs_error_set(error, CS_ERROR_VALUE, detail, NULL,
					 "address \"%.80s\" does not belong to network \"%s\"",
					 address, networks[network].name);
		return false;
	}
	cs_error_set(error, CS_ERROR_VALUE,
				 "Its digits do not satisfy the check that all addresses of the network do.",
				 "Look for a mistyped or missing digit.",
				 "invalid Flow address \"%.80s\"", address);
	return false;
}

bool
cs_flow_address(CsFlowNetwork network, const char *text,
				char canonical[CS_FLOW_ADDRESS_LENGTH + 1], CsError *error)
{
	uint64_t	address;

	if (!cs_flow_address_decode(text, strlen(text), &address))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "An address is \"0x\" and 16 hexadecimal digits.",
					 "invalid Flow address \"%.80s\"", text);
		return false;
	}
	if (!cs_flow_address_valid(network, address))
		return report_address(network, text, address, error);
	cs_flow_address_encode(address, canonical);
	return true;
}

static bool
canonical_address(const char *network_name, const char *address,
				  char canonical[CS_TARGET_MAX], CsError *error)
{
	CsFlowNetwork network;

	if (!cs_flow_network(network_name, &network))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "provider \"%s\" has no network \"%s\"",
					 cs_provider_flow.name, network_name);
		return false;
	}
	return cs_flow_address(network, address, canonical, error);
}

static bool
canonical_transaction(const char *network, const char *hash,
					  char canonical[CS_TARGET_MAX], CsError *error)
{
	const char *digits = hash;
	uint8_t		bytes[32];

	(void) network;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		digits += 2;
	if (strlen(digits) != 64 || !cs_hex_decode(digits, 64, bytes))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "An id has 64 hexadecimal digits.",
					 "invalid transaction id \"%.80s\"", hash);
		return false;
	}
	cs_hex_encode_lower(bytes, sizeof(bytes), canonical);
	canonical[64] = '\0';
	return true;
}

const CsProvider cs_provider_flow = {
	.name = "flow",
	.title = "Flow",
	.networks = networks,
	.transports = transports,
	.topics = topics,
	.options = options,
	.watches_transactions = true,
	.watches_everything = true,
	.canonical_address = canonical_address,
	.canonical_transaction = canonical_transaction,
	.check_options = cs_flow_check_options,
	.check_arguments = cs_flow_check_arguments,
	.session_size = sizeof(FlowSession),
	.start = cs_flow_start,
	.stop = cs_flow_stop,
	.restore = cs_flow_restore,
	.sync = cs_flow_sync,
	.handshake = cs_flow_handshake,
	.opened = cs_flow_opened,
	.message = cs_flow_message,
	.closed = cs_flow_closed,
	.tick = cs_flow_tick,
	.next_tick = cs_flow_next_tick,
};
