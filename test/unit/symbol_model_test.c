/*-------------------------------------------------------------------------
 *
 * symbol_model_test.c
 *	  Long lives of a Symbol session with a model of a gateway.
 *
 * After any sequence of changes, losses and refusals the gateway's channels
 * must be what is wished, as far as it has room and likes them, and the states
 * told must be true.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "symbol_host.h"
#include "tap.h"

#define ADDRESSES	12
#define TOPICS		9
#define CHANNELS_MAX 512

/* Topics that take the watch list begin here. */
#define FIRST_WATCHED 2

typedef struct Life
{
	Host		host;
	uint64_t	random;
	char		addresses[ADDRESSES][CS_SYMBOL_TEXT_LENGTH + 1];

	/* the wish */
	bool		wanted_topics[TOPICS];
	bool		wanted[ADDRESSES];
	bool		everything;
	int64_t		ids[ADDRESSES];
	int64_t		everything_id;
	int64_t		topic_ids[TOPICS];
	int64_t		last_id;

	/* the gateway */
	bool		open;
	char		channels[CHANNELS_MAX][64];
	int			channel_count;
	int			cap;
	int			own_cap;		/* of the source */
	int			bad_address;	/* -1: none */
	bool		named;			/* it says which is bad */
	bool		needs_address;
	int			bad_topic;		/* -1: none */
	char		closing[128];	/* why it closes; empty: it does not */

	/* what was told */
	CsState		watch_state[ADDRESSES];
	CsState		everything_state;
	CsState		topic_state[TOPICS];
	int			closes;
} Life;

static const CsTopic *topics;

static uint32_t
draw(Life *life, uint32_t limit)
{
	life->random ^= life->random << 13;
	life->random ^= life->random >> 7;
	life->random ^= life->random << 17;
	return (uint32_t) (life->random >> 32) % limit;
}

/* ---------- the gateway ---------- */

static int
find_channel(const Life *life, const char *channel)
{
	for (int i = 0; i < life->channel_count; i++)
	{
		if (strcmp(life->channels[i], channel) == 0)
			return i;
	}
	return -1;
}

static bool
has_channel(const Life *life, int topic, const char *address)
{
	char		channel[64];

	(void) snprintf(channel, sizeof(channel), "%s%s%s", topics[topic].name,
					address ? "/" : "", address ? address : "");
	return find_channel(life, channel) >= 0;
}

static void
subscribe(Life *life, const char *channel)
{
	const char *slash = strchr(channel, '/');

	if (life->bad_topic >= 0 &&
		strncmp(channel, topics[life->bad_topic].name,
				strlen(topics[life->bad_topic].name)) == 0)
		(void) snprintf(life->closing, sizeof(life->closing),
						"unknown topic category %s",
						topics[life->bad_topic].name);
	else if (life->needs_address && slash == NULL &&
			 strcmp(channel, "block") != 0 &&
			 strcmp(channel, "finalizedBlock") != 0)
		strcpy(life->closing, "address param missing from address subscription");
	else if (slash != NULL && life->bad_address >= 0 &&
			 strcmp(slash + 1, life->addresses[life->bad_address]) == 0)
		(void) snprintf(life->closing, sizeof(life->closing), life->named ?
						"%s does not represent a valid encoded address" :
						"illegal base32 character %.1s", slash + 1);
	else if (find_channel(life, channel) >= 0)
		return;
	else if (life->channel_count >= life->cap)
		strcpy(life->closing, "Max subscriptions reached.");
	else
		strcpy(life->channels[life->channel_count++], channel);
}

static void
unsubscribe(Life *life, const char *channel)
{
	int			at = find_channel(life, channel);

	if (at < 0)
		return;
	life->channel_count--;
	memmove(life->channels[at], life->channels[life->channel_count],
			sizeof(life->channels[0]));
}

static void
take_request(Life *life, const char *text)
{
	struct json_object *request = cs_json_parse_once(text, strlen(text), NULL);
	const char *add = cs_json_member_string(request, "subscribe").data;
	const char *drop = cs_json_member_string(request, "unsubscribe").data;

	if (add != NULL)
		subscribe(life, add);
	else
		unsubscribe(life, drop);
	json_object_put(request);
}

static void
take_state(Life *life, const CsAction *action)
{
	bool		watch = action->kind == CS_ACTION_WATCH_STATE;

	for (int i = 0; watch && i < ADDRESSES; i++)
	{
		if (life->ids[i] == action->id)
			life->watch_state[i] = action->state;
	}
	if (watch && life->everything_id == action->id)
		life->everything_state = action->state;
	for (int i = 0; !watch && i < TOPICS; i++)
	{
		if (life->topic_ids[i] == action->id)
			life->topic_state[i] = action->state;
	}
}

static void
reset_states(Life *life)
{
	for (int i = 0; i < ADDRESSES; i++)
		life->watch_state[i] = CS_STATE_PENDING;
	for (int i = 0; i < TOPICS; i++)
		life->topic_state[i] = CS_STATE_PENDING;
	life->everything_state = CS_STATE_PENDING;
}

static void
close_link(Life *life, int code, const char *words)
{
	life->open = false;
	life->channel_count = 0;
	life->closes++;
	reset_states(life);
	symbol_close(&life->host, code, words);
}

/* Let the gateway do what it was asked for, and the host what it was told. */
static void
settle(Life *life)
{
	for (;;)
	{
		CsOutput   *output = life->host.output;

		for (size_t i = 0; i < cs_output_action_count(output); i++)
		{
			const CsAction *action = &cs_output_actions(output)[i];

			if (action->kind == CS_ACTION_SEND && life->open &&
				life->closing[0] == '\0')
				take_request(life, action->text.data);
			else if (action->kind == CS_ACTION_SUBSCRIPTION_STATE ||
					 action->kind == CS_ACTION_WATCH_STATE)
				take_state(life, action);
		}
		cs_output_reset(output);
		if (life->closing[0] == '\0')
			return;
		close_link(life, 1013, life->closing);
		life->closing[0] = '\0';
	}
}

static void
pass(Life *life, int64_t ms)
{
	for (; ms > 0; ms -= 100)
	{
		host_pass(&life->host, 100);
		settle(life);
		if (!life->open)
		{
			life->open = true;
			symbol_greet(&life->host);
			settle(life);
		}
	}
}

/* ---------- what the user does ---------- */

static void
change(Life *life)
{
	int			at = (int) draw(life, ADDRESSES);
	int			topic = (int) draw(life, TOPICS);

	switch (draw(life, 8))
	{
		case 0:
		case 1:
		case 2:
			life->wanted[at] = !life->wanted[at];
			if (life->wanted[at])
			{
				life->ids[at] = ++life->last_id;
				life->watch_state[at] = CS_STATE_PENDING;
				host_watch(&life->host, life->ids[at], life->addresses[at]);
			}
			else
			{
				host_unwatch(&life->host, life->addresses[at]);
				life->ids[at] = 0;
			}
			break;
		case 3:
			if (draw(life, 3) > 0 && !life->everything)
				break;
			life->everything = !life->everything;
			if (life->everything)
			{
				life->everything_id = ++life->last_id;
				life->everything_state = CS_STATE_PENDING;
				host_watch(&life->host, life->everything_id, "*");
			}
			else
			{
				host_unwatch(&life->host, "*");
				life->everything_id = 0;
			}
			break;
		case 4:
		case 5:
			life->wanted_topics[topic] = !life->wanted_topics[topic];
			if (life->wanted_topics[topic])
			{
				life->topic_ids[topic] = ++life->last_id;
				life->topic_state[topic] = CS_STATE_PENDING;
				host_subscribe(&life->host, life->topic_ids[topic],
							   topics[topic].name, "{}");
			}
			else
			{
				cs_session_unsubscribe(life->host.session,
									   life->topic_ids[topic]);
				life->topic_ids[topic] = 0;
			}
			break;
		case 6:
			if (life->open && draw(life, 2) == 0)
				close_link(life, 0, "");
			break;
		default:
			pass(life, 100 * draw(life, 15));
			break;
	}
	host_sync(&life->host);
	settle(life);
}

/* ---------- what must be so in the end ---------- */

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
			return #condition; \
	} while (0)

static bool
is_generous(const Life *life)
{
	return life->cap >= 200 && life->own_cap >= 200;
}

static bool
is_bad(const Life *life, int topic)
{
	return topic == life->bad_topic;
}

static int
count_good_topics(const Life *life)
{
	int			count = 0;

	for (int i = FIRST_WATCHED; i < TOPICS; i++)
		count += life->wanted_topics[i] && !is_bad(life, i);
	return count;
}

/* Nobody's channels, each of somebody's who is told so. */
static const char *
check_address(const Life *life, int at, bool open)
{
	const char *address = life->addresses[at];
	CsState		state = life->watch_state[at];
	int			good = count_good_topics(life);

	for (int i = FIRST_WATCHED; i < TOPICS; i++)
	{
		bool		there = has_channel(life, i, address);

		CHECK(!there || (life->wanted[at] && life->wanted_topics[i] && !open));
		if (state == CS_STATE_ACTIVE && life->wanted[at] && !open &&
			life->wanted_topics[i] && !is_bad(life, i))
			CHECK(there);
		if (state != CS_STATE_ACTIVE)
			CHECK(!there);
	}
	if (!life->wanted[at])
		return NULL;

	/* Room is not wasted. */
	if (state == CS_STATE_OVER_LIMIT && !open && life->cap >= 200)
		CHECK(life->channel_count + good > life->own_cap);
	if (at == life->bad_address && good > 0 && !open)
		CHECK(state == CS_STATE_ERROR || state == CS_STATE_OVER_LIMIT);
	else if (at != life->bad_address && good > 0)
		CHECK(state == CS_STATE_ACTIVE || state == CS_STATE_OVER_LIMIT);
	if (good > 0 && at != life->bad_address && is_generous(life))
		CHECK(state == CS_STATE_ACTIVE);
	return NULL;
}

static const char *
check_topic(const Life *life, int topic, bool open)
{
	bool		there = has_channel(life, topic, NULL);
	CsState		state = life->topic_state[topic];
	bool		watched = topic >= FIRST_WATCHED;

	CHECK(!there || life->wanted_topics[topic]);
	if (!life->wanted_topics[topic])
		return NULL;
	if (is_bad(life, topic))
	{
		if (!watched || open)
			CHECK(state == CS_STATE_ERROR);
		return NULL;
	}
	if (!watched || open)
	{
		CHECK(there == (state == CS_STATE_ACTIVE));
		CHECK(there || state == CS_STATE_OVER_LIMIT);
		CHECK(there || !is_generous(life));
	}
	else
		CHECK(!there);
	return NULL;
}

static const char *
check(const Life *life)
{
	bool		open = life->everything && !life->needs_address;
	const char *wrong;

	CHECK(life->channel_count <= life->cap);
	CHECK(life->channel_count <= life->own_cap);
	for (int i = 0; i < ADDRESSES; i++)
	{
		wrong = check_address(life, i, open);
		if (wrong != NULL)
			return wrong;
	}
	for (int i = 0; i < TOPICS; i++)
	{
		wrong = check_topic(life, i, open);
		if (wrong != NULL)
			return wrong;
	}
	if (life->everything && count_good_topics(life) > 0 &&
		is_generous(life))
		CHECK(life->everything_state ==
			  (open ? CS_STATE_ACTIVE : CS_STATE_ERROR));
	return NULL;
}

/* ---------- lives ---------- */

static const char *
live(Life *life, uint64_t seed)
{
	const char *wrong = NULL;

	memset(life, 0, sizeof(*life));
	life->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	life->cap = 200;
	life->own_cap = seed % 7 == 6 ? 25 : 200;
	life->host = symbol_host("testnet", seed % 7 == 6 ?
							 "{\"max_channels\":25}" :
							 "{\"max_channels\":200}");
	life->bad_address = life->bad_topic = -1;
	for (int i = 0; i < ADDRESSES; i++)
		strcpy(life->addresses[i], symbol_address(i));
	for (int i = 0; i < 5; i++)
		(void) draw(life, 2);
	switch (seed % 7)
	{
		case 0:
			break;
		case 1:
			life->cap = 1 + (int) draw(life, 30);
			break;
		case 2:
			life->bad_address = (int) draw(life, ADDRESSES);
			life->named = true;
			break;
		case 3:
			life->bad_address = (int) draw(life, ADDRESSES);
			break;
		case 4:
			life->needs_address = true;
			break;
		case 6:
			break;
		default:
			life->bad_topic = FIRST_WATCHED + (int) draw(life,
														 TOPICS - FIRST_WATCHED);
			break;
	}
	for (int round = 0; round < 8 && wrong == NULL; round++)
	{
		int			closes = -1;

		for (int i = 0; i < 12; i++)
			change(life);
		pass(life, 30000);

		/* A full gateway closes now and then, when more is tried. */
		for (int i = 0; i < 5 && closes != life->closes; i++)
		{
			closes = life->closes;
			pass(life, 30000);
		}
		wrong = closes == life->closes ? check(life) : "it is quiet in the end";
	}
	host_free(&life->host);
	return wrong;
}

int
main(void)
{
	static const char *const names[] = {"a generous gateway",
		"a full gateway", "an address it names as bad",
		"an address it does not name", "a gateway that demands addresses",
	"a topic it does not have", "a limit of our own"};
	Life	   *life = malloc(sizeof(Life));
	uint64_t	failed[7] = {0};
	const char *wrong[7] = {NULL};

	topics = cs_provider_find("symbol")->topics;
	for (uint64_t seed = 1; seed <= 350; seed++)
	{
		const char *problem = live(life, seed);

		if (problem != NULL && failed[seed % 7] == 0)
		{
			failed[seed % 7] = seed;
			wrong[seed % 7] = problem;
		}
	}
	for (int i = 0; i < 7; i++)
		ok(failed[i] == 0, "50 lives with %s (seed %llu: %s)", names[i],
		   (unsigned long long) failed[i], wrong[i] ? wrong[i] : "-");
	free(life);
	return tap_end();
}
