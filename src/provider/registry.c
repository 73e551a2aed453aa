/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  All the protocols there are.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "codec/hex.h"
#include "provider/session.h"

const char *const cs_websocket_schemes[] = {"ws", "wss", NULL};
const char *const cs_http_schemes[] = {"http", "https", NULL};

static const CsProvider *const providers[] = {
	&cs_provider_nano,
	&cs_provider_symbol,
	&cs_provider_flow,
	&cs_provider_toncenter,
	&cs_provider_tonapi,
	NULL
};

const CsProvider *const *
cs_providers(void)
{
	return providers;
}

const CsProvider *
cs_provider_find(const char *name)
{
	for (size_t i = 0; providers[i] != NULL; i++)
	{
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	}
	return NULL;
}

const CsNetwork *
cs_provider_network(const CsProvider *provider, const char *name)
{
	const CsNetwork *network = provider->networks;

	if (name == NULL)
		return network;
	for (; network->name != NULL; network++)
	{
		if (strcmp(network->name, name) == 0)
			return network;
	}
	return NULL;
}

const CsTransportKind *
cs_provider_transport(const CsProvider *provider, const char *name)
{
	const CsTransportKind *transport = provider->transports;

	if (name == NULL)
		return transport;
	for (; transport->name != NULL; transport++)
	{
		if (strcmp(transport->name, name) == 0)
			return transport;
	}
	return NULL;
}

const CsTopic *
cs_provider_topic(const CsProvider *provider, const char *name)
{
	for (const CsTopic *topic = provider->topics; topic->name != NULL; topic++)
	{
		if (strcmp(topic->name, name) == 0)
			return topic;
	}
	return NULL;
}

bool
cs_canonical_hash(const char *what, const char *hash,
				  char canonical[CS_TARGET_MAX], CsError *error)
{
	uint8_t		bytes[32];
	size_t		length = strlen(hash);

	if (length != 2 * sizeof(bytes) || !cs_hex_decode(hash, length, bytes))
	{
		cs_error_set(error, CS_ERROR_SYNTAX, NULL,
					 "A hash has 64 hexadecimal digits.",
					 "invalid %s hash \"%.80s\"", what, hash);
		return false;
	}
	cs_hex_encode_upper(bytes, sizeof(bytes), canonical);
	canonical[length] = '\0';
	return true;
}
