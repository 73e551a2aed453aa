/*-------------------------------------------------------------------------
 *
 * model_test.c
 *	  Long lives of a session with a model of a node.
 *
 * After any sequence of changes, losses and silences the node's filter must
 * be what is wished, and the states told must be true.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "host.h"
#include "provider/json.h"
#include "provider/watchset.h"
#include "tap.h"

#define WATCHES_MAX 4096

/* What the host was told last, by watch_id. */
static CsState watch_states[WATCHES_MAX];

typedef struct Node
{
	bool		acks_subscribe;
	bool		knows_update;
	bool		subscribed;		/* to confirmation */
	bool		filtered;
	CsWatchSet *accounts;
	int			oversized;		/* requests a node would close for */
} Node;

static void
clear_accounts(Node *node)
{
	cs_watchset_free(node->accounts);
	node->accounts = cs_watchset_create();
}

static void
change_accounts(Node *node, struct json_object *list, bool add)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
	{
		CsText		text = cs_json_string(json_object_array_get_idx(list, i));
		CsWatch    *entry;

		if (add)
			entry = cs_watchset_add(node->accounts, CS_WATCH_ADDRESS,
									text.data, text.length);
		else
			entry = cs_watchset_find(node->accounts, CS_WATCH_ADDRESS,
									 text.data, text.length);
		if (!add && entry)
			cs_watchset_remove(node->accounts, entry);
	}
}

/* Act on a request as section 5.1 of the protocol has it.  True: acked. */
static bool
node_request(Node *node, struct json_object *request)
{
	const char *action = cs_json_member_string(request, "action").data;
	struct json_object *options = cs_json_object(request, "options");

	if (strcmp(cs_json_member_string(request, "topic").data,
			   "confirmation") != 0)
		return node->acks_subscribe;
	if (strcmp(action, "subscribe") == 0)
	{
		clear_accounts(node);
		node->subscribed = true;
		node->filtered = cs_json_member(options, "accounts") != NULL;
		change_accounts(node, cs_json_array(options, "accounts"), true);
		return node->acks_subscribe;
	}
	if (strcmp(action, "unsubscribe") == 0)
	{
		clear_accounts(node);
		node->subscribed = false;
		return node->acks_subscribe;
	}
	if (!node->knows_update || !node->subscribed || options == NULL)
		return false;
	node->filtered = true;
	change_accounts(node, cs_json_array(options, "accounts_add"), true);
	change_accounts(node, cs_json_array(options, "accounts_del"), false);
	return true;
}

/* What the host and the node do with the actions; acks go back at once. */
static void
run_actions(Host *host, Node *node)
{
	int			acks[64];
	int			ack_count;

	do
	{
		size_t		count = cs_output_action_count(host->output);

		ack_count = 0;
		for (size_t i = 0; i < count; i++)
		{
			const CsAction *action = &cs_output_actions(host->output)[i];
			struct json_object *request;

			if (action->kind == CS_ACTION_WATCH_STATE)
				watch_states[action->id] = action->state;
			if (action->kind != CS_ACTION_SEND || !host->open)
				continue;
			node->oversized += action->text.length > (size_t) 16 * 1024 * 1024;
			request = cs_json_parse_once(action->text.data,
										 action->text.length, NULL);
			if (node_request(node, request) && ack_count < 64)
				acks[ack_count++] =
					atoi(cs_json_member_string(request, "id").data + 12);
			json_object_put(request);
		}
		cs_output_reset(host->output);
		for (int i = 0; i < ack_count; i++)
			host_ack(host, "any", acks[i]);
	} while (cs_output_action_count(host->output) > 0);
}

/* Is the node's filter the wish? */
static bool
agrees(const Node *node, const int64_t *ids, int count, bool everything,
	   bool wanted)
{
	size_t		addresses = 0;

	for (int i = 0; i < count; i++)
	{
		if (ids[i] == 0)
			continue;
		addresses++;
		if (wanted && node->subscribed && node->filtered &&
			!cs_watchset_find(node->accounts, CS_WATCH_ADDRESS, numbered_address(i),
							  strlen(numbered_address(i))))
			return false;
	}
	if (!wanted || (addresses == 0 && !everything))
		return !node->subscribed;
	if (!node->subscribed)
		return false;
	if (everything)
		return !node->filtered;
	return node->filtered && cs_watchset_count(node->accounts) == addresses;
}

/* Everything is told to be active that is. */
static bool
all_active(const int64_t *ids, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (ids[i] != 0 && watch_states[ids[i]] != CS_STATE_ACTIVE)
			return false;
	}
	return true;
}

#define POOL 40

/* One random change of the wish or of the world; nothing is told of a loss. */
static void
random_step(Host *host, int64_t *ids, int64_t *next_id, bool *everything,
			bool *wanted)
{
	int			which = (int) (random() % POOL);

	switch (random() % 12)
	{
		case 0:
			if (*everything)
				host_unwatch(host, "*");
			else
				host_watch(host, 1, "*");
			*everything = !*everything;
			break;
		case 1:
			if (*wanted)
				cs_session_unsubscribe(host->session, 1);
			else
				host_subscribe(host, 1, "confirmation", "{}");
			*wanted = !*wanted;
			break;
		case 2:
			if (host->open)
			{
				host_close(host);
				memset(watch_states, 0, sizeof(watch_states));
			}
			else
				host_open(host);
			break;
		case 3:
			host_pass(host, random() % 7000);
			break;
		default:
			if (ids[which] != 0)
			{
				host_unwatch(host, numbered_address(which));
				ids[which] = 0;
			}
			else
			{
				ids[which] = (*next_id)++;
				host_watch(host, ids[which], numbered_address(which));
			}
			break;
	}
	if (random() % 3 == 0)
		host_sync(host);
}

/* A long life with a node of the given manners. */
static void
test_random(unsigned int seed, bool acks, bool knows_update)
{
	Host		host = host_create("{}", NULL);
	Node		node = {.acks_subscribe = acks, .knows_update = knows_update};
	int64_t		ids[POOL] = {0};
	int64_t		next_id = 2;
	bool		everything = false;
	bool		wanted = false;
	int			wrong = 0;
	int			untold = 0;

	srandom(seed);
	memset(watch_states, 0, sizeof(watch_states));
	clear_accounts(&node);
	host_subscribe(&host, 2, "stopped_election", "{}");	/* keeps the link */
	for (int i = 0; i < 400 && next_id < WATCHES_MAX - 100; i++)
	{
		for (long steps = random() % 20; steps >= 0; steps--)
		{
			bool		was_open = host.open;

			random_step(&host, ids, &next_id, &everything, &wanted);
			if (was_open && !host.open)
			{
				clear_accounts(&node);
				node.subscribed = false;
				cs_output_reset_actions(host.output);
			}
			if (random() % 2 == 0)
				run_actions(&host, &node);
		}
		host_sync(&host);
		if (!host.open)
			host_open(&host);
		for (int j = 0; j < 40; j++)
		{
			run_actions(&host, &node);
			host_pass(&host, 1000);
		}
		if (wanted)
			host_confirmation(&host);
		run_actions(&host, &node);
		wrong += !agrees(&node, ids, POOL, everything, wanted);
		if (wanted && (!all_active(ids, POOL) ||
					   (everything &&
						watch_states[1] != CS_STATE_ACTIVE)))
			untold++;
	}
	ok(wrong == 0 && untold == 0 && node.oversized == 0,
	   "seed %u, node that %s and %s: %d times wrong, %d times untold", seed,
	   acks ? "acknowledges" : "is mute",
	   knows_update ? "knows update" : "does not", wrong, untold);
	cs_watchset_free(node.accounts);
	host_free(&host);
}

int
main(void)
{
	for (unsigned int seed = 1; seed <= 3; seed++)
	{
		test_random(seed, true, true);
		test_random(seed, true, false);
		test_random(seed, false, false);
	}
	return tap_end();
}
