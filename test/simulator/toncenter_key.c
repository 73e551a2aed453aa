/*-------------------------------------------------------------------------
 *
 * toncenter_key.c
 *	  TON Center's API keys, and the limits of their plans.
 *
 * A gateway looks at the key and tells the service behind it the limits of
 * the plan, in headers; the service counts connections and addresses.  Both
 * are played here: a request may bring the gateway's headers itself.
 *
 *-------------------------------------------------------------------------
 */
#include "toncenter.h"

#include <stdlib.h>
#include <string.h>

const TcKey *
cs_sim_tc_find_key(const TcNetwork *state, const char *key)
{
	for (const TcKey *known = state->keys; known; known = known->next)
		if (strcmp(known->key, key) == 0)
			return known;
	return NULL;
}

/* A limit as the settings have it, where 0 is none. */
static int64_t
limit_setting(const CsSimNetwork *network, int index)
{
	uint64_t	value = cs_sim_setting(network, index);

	return value == 0 ? -1 : (int64_t) value;
}

/* A limit of the gateway's, if it is there. */
static void
limit_header(const CsSimRequest *request, const char *name, int64_t *limit)
{
	char		value[32];

	if (cs_sim_request_header(request, name, value, sizeof(value)))
		*limit = atoll(value);
}

void
cs_sim_tc_read_limits(const CsSimNetwork *network, const CsSimRequest *request,
			TcLimits *limits)
{
	char		given[128];
	const TcKey *key;

	cs_sim_request_token(request, network->dialect, limits->key,
						 sizeof(limits->key));
	limits->connections = limit_setting(network, TC_MAX_CONNECTIONS);
	limits->addresses = limit_setting(network, TC_MAX_ADDRESSES);
	key = cs_sim_tc_find_key(network->state, limits->key);
	if (key != NULL)
	{
		limits->connections = key->max_connections;
		limits->addresses = key->max_addresses;
	}
	if (cs_sim_request_header(request, "x-limiting-key", given, sizeof(given)))
		memcpy(limits->key, given, sizeof(limits->key));
	limit_header(request, "x-max-parallel-connections", &limits->connections);
	limit_header(request, "x-max-subscribed-addr", &limits->addresses);
}

/* Connections of a key that count, without *except*. */
static int64_t
count_connections(const CsSimNetwork *network, const char *key,
				  const CsSimClient *except)
{
	const TcNetwork *state = network->state;
	int64_t		now = lws_now_usecs();
	int64_t		count = 0;

	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
	{
		const TcClient *other = client->state;

		count += client != except && !other->refused &&
			strcmp(other->key, key) == 0;
	}
	for (const TcGhost *ghost = state->ghosts; ghost; ghost = ghost->next)
		count += ghost->until_us > now && strcmp(ghost->key, key) == 0;
	return count;
}

bool
cs_sim_tc_too_many(const CsSimNetwork *network, const TcLimits *limits,
		 const CsSimClient *except, const char *id, CsSimText *error)
{
	char		text[128];

	if (limits->connections < 0 ||
		count_connections(network, limits->key, except) < limits->connections)
		return false;
	snprintf(text, sizeof(text),
			 "connection limit reached: %lld active connections",
			 (long long) limits->connections);
	cs_sim_tc_error(error, id, text);
	return true;
}

/* A limit of a command: 0 is none. */
static bool
parse_limit(char **arguments, int64_t *limit)
{
	uint64_t	value;

	if (!cs_sim_parse_number(cs_sim_word(arguments), INT32_MAX, &value))
		return false;
	*limit = value == 0 ? -1 : (int64_t) value;
	return true;
}

bool
cs_sim_tc_run_key(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	TcNetwork  *state = network->state;
	const char *name = cs_sim_word(&arguments);
	TcKey		next = {.max_connections = -1,.max_addresses = -1};
	TcKey	   *key;

	(void) answer;
	next.forbidden = strcmp(arguments, "forbidden") == 0;
	if (*name == '\0' ||
		(!next.forbidden &&
		 (!parse_limit(&arguments, &next.max_connections) ||
		  !parse_limit(&arguments, &next.max_addresses))))
		return false;
	key = cs_sim_alloc(sizeof(*key));
	*key = next;
	key->key = cs_sim_copy(name);
	key->next = state->keys;
	state->keys = key;
	return true;
}

void
cs_sim_tc_linger(CsSimNetwork *network, const char *key)
{
	TcNetwork  *state = network->state;
	uint64_t	linger = cs_sim_setting(network, TC_LINGER_MS);
	TcGhost    *ghost;

	if (linger == 0)
		return;
	ghost = cs_sim_alloc(sizeof(*ghost));
	snprintf(ghost->key, sizeof(ghost->key), "%s", key);
	ghost->until_us = lws_now_usecs() + (int64_t) linger * LWS_US_PER_MS;
	ghost->next = state->ghosts;
	state->ghosts = ghost;
}

void
cs_sim_tc_keys_stop(CsSimNetwork *network)
{
	TcNetwork  *state = network->state;

	while (state->keys != NULL)
	{
		TcKey	   *key = state->keys;

		state->keys = key->next;
		free(key->key);
		free(key);
	}
	while (state->ghosts != NULL)
	{
		TcGhost    *ghost = state->ghosts;

		state->ghosts = ghost->next;
		free(ghost);
	}
}
