/*-------------------------------------------------------------------------
 *
 * session_test.c
 *	  What the Nano provider asks of a node, and when.
 *
 * Scripted conversations first: what is wished, what time it is and what the
 * node says go in; requests and states come out, as lines of text.  Then a
 * small model of a node, whose filter must end up as the wish is after long
 * random sequences of changes, losses and silences.  Last the watch set by
 * itself, at a million addresses.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "codec/nano_address.h"
#include "provider/json.h"
#include "provider/provider.h"
#include "provider/watchset.h"
#include "tap.h"

#define ALICE "nano_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma"
#define BOB	  "nano_1wu6dyyj83by1ir3nfa64ckpnx5oq494aitw6ri45wnnrht35faopumwepox"
#define CAROL "nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc"

#define WATCHES_MAX 4096

/* A session, its clock, and what the host would know. */
typedef struct Host
{
	CsSession  *session;
	CsOutput   *output;
	int64_t		now_ms;
	bool		open;
	CsState		watch_states[WATCHES_MAX];
	CsState		subscription_states[16];
} Host;

static Host
make_host(const char *options, const char *token)
{
	CsSourceConfig config = {.name = "test", .options = options,
							 .token = token};
	CsError		error;
	Host		host = {.output = cs_output_create(), .now_ms = 1000000};

	host.session = cs_session_create(cs_provider_find("nano"), &config,
									 &error);
	if (host.session == NULL)
		bail_out("no session: %s", error.message);
	return host;
}

static void
free_host(Host *host)
{
	cs_session_free(host->session);
	cs_output_free(host->output);
}

/* ---------- actions as text ---------- */

/* The value of an option as it is shown: a list by the number it holds. */
static void
print_option(FILE *file, const char *name, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		fprintf(file, " %s=%s", name, json_object_get_string(value));
	else if (json_object_array_length(value) == 1)
		fprintf(file, " %s=%.9s", name,
				json_object_get_string(json_object_array_get_idx(value, 0)));
	else
		fprintf(file, " %s=(%zu)", name, json_object_array_length(value));
}

static void
print_request(FILE *file, CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);
	struct json_object *options = cs_json_object(request, "options");

	if (request == NULL)
		bail_out("request is not JSON: %s", text.data);
	fprintf(file, "%s %s", cs_json_member_string(request, "id").data + 12,
			cs_json_member_string(request, "action").data);
	fprintf(file, " %s", cs_json_member_string(request, "topic").data);
	if (!cs_json_boolean(request, "ack", false))
		fprintf(file, " without ack");
	if (options != NULL)
	{
		json_object_object_foreach(options, name, value)
			print_option(file, name, value);
	}
	json_object_put(request);
}

static void
print_state(FILE *file, const char *what, const CsAction *action)
{
	static const char *const names[] = {"pending", "active", "over limit",
		"error"};

	fprintf(file, "%s %lld %s", what, (long long) action->id,
			names[action->state]);
	if (action->text.data)
		fprintf(file, " (%.24s)", action->text.data);
}

/* By number: the order among watches is that of a hash table. */
static int
compare_watch_ids(const void *a, const void *b)
{
	int64_t		left = ((const CsAction *) a)->id;
	int64_t		right = ((const CsAction *) b)->id;

	return (left > right) - (left < right);
}

/* A copy of the actions, with states of watches that follow each other sorted. */
static CsAction *
sorted_actions(const CsOutput *output)
{
	size_t		count = cs_output_action_count(output);
	CsAction   *actions = malloc((count + 1) * sizeof(CsAction));

	if (count > 0)
		memcpy(actions, cs_output_actions(output), count * sizeof(CsAction));
	for (size_t from = 0; from < count; from++)
	{
		size_t		to = from;

		while (to < count && actions[to].kind == CS_ACTION_WATCH_STATE)
			to++;
		if (to > from)
			qsort(actions + from, to - from, sizeof(CsAction),
				  compare_watch_ids);
		from = to > from ? to - 1 : from;
	}
	return actions;
}

/*
 * All actions since the last call, separated by "; "; the states of watches
 * are only counted if they are many.  To be freed.
 */
static char *
take_actions(Host *host)
{
	char	   *text;
	size_t		length;
	FILE	   *file = open_memstream(&text, &length);
	size_t		count = cs_output_action_count(host->output);
	CsAction   *actions = sorted_actions(host->output);
	size_t		states = 0;

	for (size_t i = 0; i < count; i++)
		states += actions[i].kind == CS_ACTION_WATCH_STATE;
	for (size_t i = 0; i < count; i++)
	{
		const CsAction *action = &actions[i];

		if (action->kind == CS_ACTION_WATCH_STATE && states > 5)
			continue;
		if (ftell(file) > 0)
			fprintf(file, "; ");
		switch (action->kind)
		{
			case CS_ACTION_OPEN_LINK:
				fprintf(file, "open");
				break;
			case CS_ACTION_CLOSE_LINK:
				fprintf(file, "close");
				break;
			case CS_ACTION_RESET_LINK:
				fprintf(file, "reset");
				break;
			case CS_ACTION_SEND:
				print_request(file, action->text);
				break;
			case CS_ACTION_SUBSCRIPTION_STATE:
				print_state(file, "subscription", action);
				break;
			case CS_ACTION_WATCH_STATE:
				print_state(file, "watch", action);
				break;
			case CS_ACTION_CURSOR:
				fprintf(file, "cursor");
				break;
		}
	}
	if (states > 5)
		fprintf(file, "%s%zu watch states", ftell(file) > 0 ? "; " : "",
				states);
	(void) fclose(file);
	free(actions);
	cs_output_reset(host->output);
	return text;
}

/* The actions since the last call are these. */
static void
expect(Host *host, const char *expected, const char *name)
{
	char	   *got = take_actions(host);

	is(got, expected, name);
	free(got);
}

/* ---------- what happens ---------- */

static void
sync_host(Host *host)
{
	cs_session_sync(host->session, host->now_ms, host->output);
}

static void
subscribe(Host *host, int64_t id, const char *topic, const char *arguments)
{
	CsError		error;

	if (!cs_session_subscribe(host->session, id, topic, arguments, &error))
		bail_out("not subscribed: %s", error.message);
}

static void
watch(Host *host, int64_t id, const char *target)
{
	if (!cs_session_watch(host->session, id, CS_WATCH_ADDRESS, target))
		bail_out("out of memory");
}

static void
unwatch(Host *host, const char *target)
{
	cs_session_unwatch(host->session, CS_WATCH_ADDRESS, target);
}

static void
open_link(Host *host)
{
	host->open = true;
	cs_session_opened(host->session, 0, host->now_ms, host->output);
}

static void
close_link(Host *host)
{
	host->open = false;
	cs_session_closed(host->session, 0, host->now_ms, host->output);
}

static void
receive(Host *host, const char *text)
{
	CsMessage	message = {.data = text, .length = strlen(text)};
	CsError		error;

	if (!cs_session_message(host->session, 0, &message, host->now_ms,
							host->output, &error))
		bail_out("rejected: %s", error.message);
}

static void
receive_ack(Host *host, const char *kind, int id)
{
	char		text[128];

	(void) snprintf(text, sizeof(text),
					"{\"ack\":\"%s\",\"time\":\"1\",\"id\":\"chainstream-%d\"}",
					kind, id);
	receive(host, text);
}

/* A confirmation between strangers. */
static void
receive_confirmation(Host *host)
{
	receive(host, "{\"topic\":\"confirmation\",\"time\":\"0\",\"message\":"
			"{\"account\":\"nano_3t6k35gi95xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3\","
			"\"amount\":\"0\",\"hash\":"
			"\"991CF190094C00F0B68E2E5F75F6BEE95A2E0BD93CEAA4A6734DB9F19B728948\"}}");
}

/* Let time pass, with the ticks that are asked for. */
static void
pass(Host *host, int64_t ms)
{
	int64_t		until = host->now_ms + ms;
	int			ticks = 0;

	while (cs_session_next_tick(host->session) <= until)
	{
		int64_t		next = cs_session_next_tick(host->session);

		if (next > host->now_ms)
			host->now_ms = next;
		cs_session_tick(host->session, host->now_ms, host->output);
		if (++ticks > 10000)
			bail_out("too many ticks");
	}
	host->now_ms = until;
}

/* The address of the key that is this number. */
static const char *
address(int number)
{
	static char text[CS_NANO_ADDRESS_MAX + 1];
	uint8_t		key[CS_NANO_KEY_LENGTH] = {0};

	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t) (number >> (8 * i));
	(void) cs_nano_address_encode(CS_NANO_PREFIX_NANO, key, text);
	return text;
}

/* ---------- conversations ---------- */

static void
test_ordinary(void)
{
	Host		host = make_host("{}", NULL);

	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	sync_host(&host);
	expect(&host, "", "without subscriptions there is no connection");
	subscribe(&host, 1, "confirmation", "{}");
	sync_host(&host);
	expect(&host, "open; subscription 1 pending (waiting for a watched ad)",
		   "without a watch list nothing is subscribed");
	open_link(&host);
	expect(&host, "", "nor when the link opens");
	watch(&host, 100, ALICE);
	ok(cs_session_watch_count(host.session) == 1, "one watch");
	sync_host(&host);
	expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " accounts=nano_1pna; subscription 1 pending",
		   "a watched address is subscribed at once");
	sync_host(&host);
	expect(&host, "", "and only once");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 1 active; watch 100 active",
		   "it is active when the node says so");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");

	watch(&host, 101, BOB);
	watch(&host, 102, CAROL);
	unwatch(&host, ALICE);
	sync_host(&host);
	expect(&host, "2 update confirmation accounts_add=(2)"
		   " accounts_del=nano_1pna", "changes are an update");
	unwatch(&host, CAROL);
	sync_host(&host);
	expect(&host, "", "one request at a time");
	receive_ack(&host, "update", 2);
	expect(&host, "watch 101 active; 3 update confirmation"
		   " accounts_del=nano_1nan",
		   "what changed meanwhile follows the answer");
	receive_ack(&host, "update", 3);
	expect(&host, "", "a removed watch has no state");

	unwatch(&host, BOB);
	sync_host(&host);
	expect(&host, "subscription 1 pending (waiting for a watched ad);"
		   " 4 unsubscribe confirmation", "an empty list is unsubscribed");
	ok(cs_session_watch_count(host.session) == 0, "no watches");
	cs_session_unsubscribe(host.session, 1);
	sync_host(&host);
	expect(&host, "close", "without subscriptions the link is closed");
	free_host(&host);
}

static void
test_reconnect(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	subscribe(&host, 2, "stopped_election", "{}");
	watch(&host, 100, ALICE);
	watch(&host, 101, BOB);
	sync_host(&host);
	expect(&host, "open", "nothing is sent before the link is open");
	open_link(&host);
	expect(&host, "1 subscribe stopped_election; subscription 2 pending;"
		   " 2 subscribe confirmation include_sideband_info=true accounts=(2);"
		   " subscription 1 pending", "everything is subscribed");
	receive_ack(&host, "subscribe", 2);
	expect(&host, "subscription 1 active; watch 100 active; watch 101 active",
		   "answers come in any order");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 2 active", "and are told apart");
	close_link(&host);
	expect(&host, "", "the host knows what a lost link means");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	unwatch(&host, BOB);
	watch(&host, 102, CAROL);
	sync_host(&host);
	expect(&host, "", "meanwhile nothing is sent");
	open_link(&host);
	expect(&host, "3 subscribe stopped_election; subscription 2 pending;"
		   " 4 subscribe confirmation include_sideband_info=true accounts=(2);"
		   " subscription 1 pending", "everything is subscribed again");
	receive_ack(&host, "subscribe", 2);
	expect(&host, "", "an answer to an old request is none");
	receive_ack(&host, "subscribe", 4);
	expect(&host, "subscription 1 active; watch 100 active; watch 102 active",
		   "and active again");
	free_host(&host);
}

static void
test_chunks(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 2500; i++)
		watch(&host, i, address(i));
	sync_host(&host);
	open_link(&host);
	expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending",
		   "the first thousand go with the subscription");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 1 active; 2 update confirmation"
		   " accounts_add=(1000); 1000 watch states",
		   "the next thousand after the answer");
	receive_ack(&host, "update", 2);
	expect(&host, "3 update confirmation accounts_add=(500);"
		   " 1000 watch states", "and the rest");
	receive_ack(&host, "update", 3);
	expect(&host, "500 watch states", "all are active");
	free_host(&host);
}

static void
test_everything(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{\"include_election_info\":true}");
	watch(&host, 100, ALICE);
	watch(&host, 101, BOB);
	sync_host(&host);
	open_link(&host);
	receive_ack(&host, "subscribe", 1);
	free(take_actions(&host));
	watch(&host, 102, "*");
	sync_host(&host);
	expect(&host, "2 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true",
		   "'*' replaces the subscription by one without a filter");
	receive_ack(&host, "subscribe", 2);
	expect(&host, "watch 102 active",
		   "and is active when answered");
	watch(&host, 103, CAROL);
	sync_host(&host);
	expect(&host, "watch 103 active",
		   "an address that is added then needs no request");
	unwatch(&host, ALICE);
	sync_host(&host);
	expect(&host, "", "nor does one that is removed");
	unwatch(&host, "*");
	sync_host(&host);
	expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true accounts=(2)",
		   "without '*' the whole list is the filter, in one request");
	receive_ack(&host, "subscribe", 3);
	expect(&host, "", "whose states are known");
	unwatch(&host, BOB);
	unwatch(&host, CAROL);
	watch(&host, 104, "*");
	sync_host(&host);
	expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true", "'*' alone");
	unwatch(&host, "*");
	sync_host(&host);
	expect(&host, "subscription 1 pending (waiting for a watched ad);"
		   " 5 unsubscribe confirmation", "and nothing");
	free_host(&host);
}

/* A node that does not know "update". */
static void
test_no_update(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 1500; i++)
		watch(&host, i, address(i));
	sync_host(&host);
	open_link(&host);
	receive_ack(&host, "subscribe", 1);
	expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending; subscription 1 active;"
		   " 2 update confirmation accounts_add=(500); 1000 watch states",
		   "the rest is an update");
	pass(&host, 4999);
	expect(&host, "", "which has five seconds");
	pass(&host, 1);
	expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " accounts=(1500)", "then the whole list is sent");
	receive_ack(&host, "subscribe", 3);
	expect(&host, "500 watch states", "and answered");
	watch(&host, 2000, ALICE);
	sync_host(&host);
	expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " accounts=(1501)", "from then on always the whole list");
	receive_ack(&host, "subscribe", 4);
	expect(&host, "watch 2000 active", "and answered");
	close_link(&host);
	open_link(&host);
	receive_ack(&host, "subscribe", 5);
	expect(&host, "5 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending; subscription 1 active;"
		   " 6 update confirmation accounts_add=(501); 1000 watch states",
		   "another connection is asked again");
	free_host(&host);
}

/* A relay that acknowledges nothing. */
static void
test_mute(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	watch(&host, 100, ALICE);
	sync_host(&host);
	open_link(&host);
	free(take_actions(&host));
	pass(&host, 9999);
	expect(&host, "", "ten seconds of patience");
	pass(&host, 1);
	expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error");
	pass(&host, 100000);
	expect(&host, "", "which is told once");
	receive_confirmation(&host);
	expect(&host, "subscription 1 active; watch 100 active",
		   "until something comes after all");
	watch(&host, 101, BOB);
	sync_host(&host);
	expect(&host, "2 subscribe confirmation include_sideband_info=true"
		   " accounts=(2)", "no update for a mute node");
	receive_confirmation(&host);
	expect(&host, "", "what comes at once is still of the old filter");
	pass(&host, 1000);
	receive_confirmation(&host);
	expect(&host, "watch 101 active", "what comes later is of the new one");
	watch(&host, 102, CAROL);
	sync_host(&host);
	pass(&host, 999);
	watch(&host, 103, address(1));
	sync_host(&host);
	expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " accounts=(3)", "changes are collected for a second");
	pass(&host, 1);
	expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " accounts=(4)", "and then sent, answer or not");
	pass(&host, 20000);
	expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error again");
	receive_confirmation(&host);
	expect(&host, "subscription 1 active; watch 102 active; watch 103 active",
		   "until it ends");
	free_host(&host);

	host = make_host("{}", NULL);
	subscribe(&host, 1, "confirmation", "{}");
	watch(&host, 100, ALICE);
	sync_host(&host);
	open_link(&host);
	free(take_actions(&host));
	receive_confirmation(&host);
	expect(&host, "subscription 1 active; watch 100 active",
		   "a first notification is as good as an answer");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "", "which may still come");
	free_host(&host);
}

static void
test_late_answers(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	watch(&host, 100, ALICE);
	sync_host(&host);
	open_link(&host);
	pass(&host, 20000);
	free(take_actions(&host));
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 1 active; watch 100 active",
		   "a late answer is an answer");
	receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\"}");
	receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"7\"}");
	receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"chainstream-\"}");
	receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"chainstream-0\"}");
	receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":7}");
	receive(&host, "{\"ack\":\"pong\",\"time\":\"1\"}");
	expect(&host, "", "answers to nothing are ignored");
	free_host(&host);
}

static void
test_arguments(void)
{
	Host		host = make_host("{}", NULL);
	CsError		error;

	subscribe(&host, 1, "confirmation", "{\"include_block\":false}");
	watch(&host, 100, ALICE);
	sync_host(&host);
	open_link(&host);
	expect(&host, "open; subscription 1 error (with include_block false)",
		   "what would deliver nothing is not sent");
	watch(&host, 101, "*");
	sync_host(&host);
	expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " include_block=false; subscription 1 pending",
		   "without a filter it is fine");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 1 active; watch 100 active; watch 101 active",
		   "and covers the address as well");
	unwatch(&host, "*");
	sync_host(&host);
	expect(&host, "subscription 1 error (with include_block false);"
		   " 2 unsubscribe confirmation; watch 100 pending"
		   " (no subscription of this )", "with one it ends");
	subscribe(&host, 1, "confirmation", "{\"confirmation_type\":\"active\"}");
	sync_host(&host);
	expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " confirmation_type=active accounts=nano_1pna;"
		   " subscription 1 pending", "other arguments mend it");
	receive_ack(&host, "subscribe", 3);
	expect(&host, "subscription 1 active; watch 100 active", "active");
	subscribe(&host, 1, "confirmation", "{\"confirmation_type\":\"active\"}");
	sync_host(&host);
	expect(&host, "", "the same arguments are no change");
	subscribe(&host, 1, "confirmation", "{\"include_sideband_info\":false}");
	sync_host(&host);
	expect(&host, "4 subscribe confirmation include_sideband_info=false"
		   " accounts=nano_1pna", "new arguments replace the subscription");
	receive_ack(&host, "subscribe", 4);
	expect(&host, "", "which was active all the time");

	ok(!cs_session_subscribe(host.session, 2, "confirmation", "{}", &error),
	   "a second subscription is refused: %s", error.message);
	ok(!cs_session_subscribe(host.session, 2, "blocks", "{}", &error),
	   "an unknown topic is refused: %s", error.message);
	ok(!cs_session_subscribe(host.session, 2, "vote", "{\"x\":1}", &error),
	   "bad arguments are refused: %s", error.message);
	free_host(&host);
}

static void
test_local_accounts(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{\"all_local_accounts\":true}");
	sync_host(&host);
	open_link(&host);
	expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " all_local_accounts=true; subscription 1 pending",
		   "all_local_accounts needs no watch list");
	receive_ack(&host, "subscribe", 1);
	watch(&host, 100, ALICE);
	sync_host(&host);
	expect(&host, "subscription 1 active; 2 update confirmation"
		   " accounts_add=nano_1pna", "but may have one");
	watch(&host, 101, "*");
	sync_host(&host);
	expect(&host, "3 subscribe confirmation include_sideband_info=true",
		   "and none with '*'");
	free_host(&host);
}

static void
test_other_topics(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "vote", "{}");
	subscribe(&host, 2, "telemetry", "{}");
	subscribe(&host, 3, "new_unconfirmed_block", "{}");
	sync_host(&host);
	open_link(&host);
	expect(&host, "open; subscription 3 pending (waiting for a watched ad);"
		   " 1 subscribe vote; subscription 1 pending;"
		   " 2 subscribe telemetry; subscription 2 pending",
		   "topics are subscribed one by one");
	receive(&host, "{\"topic\":\"telemetry\",\"time\":\"1\",\"message\":{}}");
	expect(&host, "cursor; subscription 2 active",
		   "a notification is as good as an answer");
	pass(&host, 10000);
	expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error");
	subscribe(&host, 1, "vote",
			  "{\"include_replays\":true,\"representatives\":[\"xrb_3t6k35gi95"
			  "xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3\"]}");
	sync_host(&host);
	expect(&host, "3 subscribe vote include_replays=true"
		   " representatives=nano_3t6k", "new arguments are sent anew");
	receive_ack(&host, "subscribe", 3);
	expect(&host, "subscription 1 active", "and may be answered");

	watch(&host, 100, ALICE);
	sync_host(&host);
	expect(&host, "4 subscribe new_unconfirmed_block; subscription 3 pending",
		   "unconfirmed blocks are subscribed without a filter");
	receive_ack(&host, "subscribe", 4);
	expect(&host, "subscription 3 active; watch 100 active",
		   "and the watch list is looked at here");
	watch(&host, 101, BOB);
	sync_host(&host);
	expect(&host, "watch 101 active", "so more of it needs no request");
	unwatch(&host, ALICE);
	unwatch(&host, BOB);
	cs_session_unsubscribe(host.session, 2);
	sync_host(&host);
	expect(&host, "subscription 3 pending (waiting for a watched ad);"
		   " 5 unsubscribe new_unconfirmed_block; 6 unsubscribe telemetry",
		   "what is not wanted any more is unsubscribed");
	receive(&host, "{\"topic\":\"telemetry\",\"time\":\"2\",\"message\":{}}");
	ok(cs_output_record_count(host.output) == 0 &&
	   cs_output_action_count(host.output) == 0,
	   "what is still on its way is dropped");
	free_host(&host);
}

/* A subscription that is given another number, as by drop and create. */
static void
test_renumbering(void)
{
	Host		host = make_host("{}", NULL);

	subscribe(&host, 1, "confirmation", "{}");
	watch(&host, 100, ALICE);
	watch(&host, 101, BOB);
	sync_host(&host);
	open_link(&host);
	receive_ack(&host, "subscribe", 1);
	free(take_actions(&host));
	cs_session_mark(host.session);
	subscribe(&host, 2, "confirmation", "{}");
	watch(&host, 200, ALICE);
	cs_session_sweep(host.session);
	sync_host(&host);
	expect(&host, "subscription 2 active; 2 update confirmation"
		   " accounts_del=nano_1wu6",
		   "what was not named between mark and sweep is gone");
	receive_ack(&host, "update", 2);
	expect(&host, "watch 200 active", "a new number has its state told");
	cs_session_mark(host.session);
	subscribe(&host, 2, "confirmation", "{}");
	watch(&host, 200, ALICE);
	cs_session_sweep(host.session);
	sync_host(&host);
	expect(&host, "", "the same list is no change");
	cs_session_mark(host.session);
	cs_session_mark(host.session);
	cs_session_sweep(host.session);
	sync_host(&host);
	expect(&host, "close; 3 unsubscribe confirmation", "an empty one is");
	free_host(&host);
}

/* Targets that watch() would have refused, written into the table. */
static void
test_bad_targets(void)
{
	Host		host = make_host("{}", NULL);
	char		longest[CS_TARGET_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	longest[CS_TARGET_MAX] = '\0';
	subscribe(&host, 1, "confirmation", "{}");
	watch(&host, 100, "garbage");
	watch(&host, 101, "xrb_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma");
	watch(&host, 102, longest);
	longest[CS_TARGET_MAX - 1] = '\0';
	watch(&host, 103, longest);
	(void) cs_session_watch(host.session, 104, CS_WATCH_TRANSACTION, "*");
	sync_host(&host);
	ok(cs_session_watch_count(host.session) == 0, "none of them counts");
	expect(&host, "open; subscription 1 pending (waiting for a watched ad);"
		   " watch 100 error (not an address in canoni);"
		   " watch 101 error (not an address in canoni);"
		   " watch 103 error (not an address in canoni);"
		   " watch 104 error (not an address in canoni)",
		   "bad targets are errors of their own");
	watch(&host, 105, ALICE);
	sync_host(&host);
	open_link(&host);
	expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " accounts=nano_1pna; subscription 1 pending",
		   "and not sent");
	receive_ack(&host, "subscribe", 1);
	expect(&host, "subscription 1 active; watch 105 active",
		   "the others are unharmed");
	unwatch(&host, "garbage");
	sync_host(&host);
	expect(&host, "", "they are removed like others");
	free_host(&host);
}

static void
check_handshake(const char *options, const char *token, const char *url,
				const char *expected)
{
	Host		host = make_host(options, token);
	CsHandshake handshake;

	if (!cs_session_handshake(host.session, 0, url, &handshake, host.output))
		bail_out("no handshake");
	is(handshake.url, expected, "URL");
	ok(handshake.accept_binary && handshake.ping_interval_ms == 30000 &&
	   handshake.pong_timeout_ms == 10000 && handshake.idle_timeout_ms == 0,
	   "pings every 30 s, dead after 10");
	if (strcmp(options, "{}") != 0)
		ok(handshake.header_count == 2 &&
		   strcmp(handshake.headers[0].name, "X-One") == 0 &&
		   strcmp(handshake.headers[0].value, "1") == 0 &&
		   strcmp(handshake.headers[1].value, "b") == 0, "headers");
	else
		ok(handshake.header_count == 0, "no headers");
	free_host(&host);
}

static void
test_handshake(void)
{
	check_handshake("{}", NULL, "wss://ws.nano.to", "wss://ws.nano.to");
	check_handshake("{}", "a/b c&d=\xC3\xA9", "wss://ws.nano.to",
					"wss://ws.nano.to/?key=a%2Fb%20c%26d%3D%C3%A9");
	check_handshake("{}", "k", "ws://h:7078/", "ws://h:7078/?key=k");
	check_handshake("{}", "k", "ws://h/p?a=b#c", "ws://h/p?a=b&key=k");
	check_handshake("{}", "k", "ws://h?a", "ws://h?a&key=k");
	check_handshake("{\"headers\":{\"X-One\":\"1\",\"a\":\"b\"}}", NULL,
					"ws://h/", "ws://h/");
}

static void
test_configuration(void)
{
	CsSourceConfig config = {.name = "test", .options = "{}"};
	const CsProvider *nano = cs_provider_find("nano");
	CsError		error;

	config.network = "moon";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s", error.message);
	config.network = "beta";
	config.transport = "pigeon";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s", error.message);
	config.transport = "websocket";
	config.options = "{\"speed\":9}";
	ok(cs_session_create(nano, &config, &error) == NULL, "%s; %s",
	   error.message, error.hint);
	ok(cs_provider_find("nanox") == NULL && cs_providers()[0] != NULL,
	   "unknown providers are not found");
	ok(strcmp(cs_provider_network(nano, NULL)->url, "wss://ws.nano.to") == 0 &&
	   strcmp(cs_provider_network(nano, "banano")->asset, "BAN") == 0 &&
	   cs_provider_network(nano, "banano")->url == NULL,
	   "networks have their defaults");
	ok(cs_provider_topic(nano, "confirmation")->by_default &&
	   !cs_provider_topic(nano, "vote")->by_default &&
	   cs_provider_topic(nano, "votes") == NULL, "so have topics");
}

/* ---------- a list that is not sent ---------- */

static void
test_huge_list(void)
{
	Host		host = make_host("{}", NULL);
	int			ticks = 0;
	size_t		told = 0;

	subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 200001; i++)
		watch(&host, i, address(i));
	sync_host(&host);
	open_link(&host);
	expect(&host, "open; 1 subscribe confirmation include_sideband_info=true;"
		   " subscription 1 pending", "a huge list is looked at here");
	receive_ack(&host, "subscribe", 1);
	for (;;)
	{
		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
			told += cs_output_actions(host.output)[i].kind ==
				CS_ACTION_WATCH_STATE;
		if (cs_output_action_count(host.output) > 5001)
			bail_out("too many actions at once");
		cs_output_reset(host.output);
		if (cs_session_next_tick(host.session) > host.now_ms)
			break;
		cs_session_tick(host.session, host.now_ms, host.output);
		ticks++;
	}
	ok(told == 200001 && ticks == 40,
	   "%zu states are told in %d portions", told, ticks + 1);
	receive_confirmation(&host);
	ok(cs_output_record_count(host.output) == 0,
	   "what is not watched is left out");
	free_host(&host);
}

/* ---------- a model of a node ---------- */

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
				host->watch_states[action->id] = action->state;
			if (action->kind == CS_ACTION_SUBSCRIPTION_STATE)
				host->subscription_states[action->id] = action->state;
			if (action->kind != CS_ACTION_SEND || !host->open)
				continue;
			node->oversized += action->text.length > 16 * 1024 * 1024;
			request = cs_json_parse_once(action->text.data,
										 action->text.length, NULL);
			if (node_request(node, request) && ack_count < 64)
				acks[ack_count++] =
					atoi(cs_json_member_string(request, "id").data + 12);
			json_object_put(request);
		}
		cs_output_reset(host->output);
		for (int i = 0; i < ack_count; i++)
			receive_ack(host, "any", acks[i]);
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
			!cs_watchset_find(node->accounts, CS_WATCH_ADDRESS, address(i),
							  strlen(address(i))))
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
all_active(const Host *host, const int64_t *ids, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (ids[i] != 0 && host->watch_states[ids[i]] != CS_STATE_ACTIVE)
			return false;
	}
	return true;
}

#define POOL 40

/* One random change of the wish or of the world. */
static void
random_step(Host *host, int64_t *ids, int64_t *next_id, bool *everything,
			bool *wanted)
{
	int			which = (int) (random() % POOL);

	switch (random() % 12)
	{
		case 0:
			if (*everything)
				unwatch(host, "*");
			else
				watch(host, 1, "*");
			*everything = !*everything;
			break;
		case 1:
			if (*wanted)
				cs_session_unsubscribe(host->session, 1);
			else
				subscribe(host, 1, "confirmation", "{}");
			*wanted = !*wanted;
			break;
		case 2:
			if (host->open)
			{
				close_link(host);
				memset(host->watch_states, 0, sizeof(host->watch_states));
			}
			else
				open_link(host);
			break;
		case 3:
			pass(host, random() % 7000);
			break;
		default:
			if (ids[which] != 0)
			{
				unwatch(host, address(which));
				ids[which] = 0;
			}
			else
			{
				ids[which] = (*next_id)++;
				watch(host, ids[which], address(which));
			}
			break;
	}
	if (random() % 3 == 0)
		sync_host(host);
}

/* A long life with a node of the given manners. */
static void
test_random(unsigned int seed, bool acks, bool knows_update)
{
	Host		host = make_host("{}", NULL);
	Node		node = {.acks_subscribe = acks, .knows_update = knows_update};
	int64_t		ids[POOL] = {0};
	int64_t		next_id = 2;
	bool		everything = false;
	bool		wanted = false;
	int			wrong = 0;
	int			untold = 0;

	srandom(seed);
	clear_accounts(&node);
	subscribe(&host, 2, "stopped_election", "{}");	/* keeps the link */
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
		sync_host(&host);
		if (!host.open)
			open_link(&host);
		for (int j = 0; j < 40; j++)
		{
			run_actions(&host, &node);
			pass(&host, 1000);
		}
		if (wanted)
			receive_confirmation(&host);
		run_actions(&host, &node);
		wrong += !agrees(&node, ids, POOL, everything, wanted);
		if (wanted && (!all_active(&host, ids, POOL) ||
					   (everything &&
						host.watch_states[1] != CS_STATE_ACTIVE)))
			untold++;
	}
	ok(wrong == 0 && untold == 0 && node.oversized == 0,
	   "seed %u, node that %s and %s: %d times wrong, %d times untold", seed,
	   acks ? "acknowledges" : "is mute",
	   knows_update ? "knows update" : "does not", wrong, untold);
	cs_watchset_free(node.accounts);
	free_host(&host);
}

/* ---------- the watch set ---------- */

static size_t
resident_bytes(void)
{
	unsigned long total;
	unsigned long resident = 0;
	FILE	   *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2)
		bail_out("no /proc/self/statm");
	(void) fclose(file);
	return resident * (size_t) sysconf(_SC_PAGESIZE);
}

static double
seconds(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
test_million(void)
{
	const int	count = 1000000;
	size_t		before = resident_bytes();
	Host		host = make_host("{}", NULL);
	double		start = seconds();
	size_t		bytes;
	int			found = 0;
	char		stranger[CS_NANO_ADDRESS_MAX + 1];

	for (int i = 0; i < count; i++)
		watch(&host, i, address(i));
	printf("# %d addresses added in %.2f s\n", count, seconds() - start);
	bytes = cs_session_watch_bytes(host.session);
	ok(cs_session_watch_count(host.session) == (size_t) count &&
	   bytes / (size_t) count <= 150,
	   "a million addresses: %zu bytes each", bytes / (size_t) count);
#ifndef __SANITIZE_ADDRESS__
	ok((resident_bytes() - before) / (size_t) count <= 150,
	   "by the kernel's account %zu",
	   (resident_bytes() - before) / (size_t) count);
#else
	(void) before;
#endif

	/* Drop them all and see that nothing is left but the session itself. */
	start = seconds();
	for (int i = 0; i < count; i++)
		unwatch(&host, address(i));
	sync_host(&host);
	printf("# and removed in %.2f s\n", seconds() - start);
	ok(cs_session_watch_count(host.session) == 0 &&
	   cs_session_watch_bytes(host.session) < 4096,
	   "and none: %zu bytes", cs_session_watch_bytes(host.session));

	(void) snprintf(stranger, sizeof(stranger), "%s", address(7));
	watch(&host, 1, stranger);
	for (int i = 0; i < 100; i++)
		found += cs_session_watch(host.session, i, CS_WATCH_ADDRESS, stranger);
	ok(found == 100 && cs_session_watch_count(host.session) == 1,
	   "one added again and again is one");
	free_host(&host);
}

/* Random additions and removals, beside a plain array. */
static void
test_watchset(void)
{
	enum
	{
		TARGETS = 3000
	};
	CsWatchSet *set = cs_watchset_create();
	bool	   *present = calloc(TARGETS, sizeof(bool));
	size_t		count = 0;
	size_t		position = 0;
	size_t		seen = 0;
	int			wrong = 0;
	char		target[CS_TARGET_MAX];

	srandom(7);
	for (int i = 0; i < 300000; i++)
	{
		int			which = (int) (random() % TARGETS);
		CsWatch    *entry;

		/* All lengths, so that freed memory is used by its size. */
		(void) snprintf(target, sizeof(target), "%0*d", which % 100 + 5, which);
		entry = cs_watchset_find(set, CS_WATCH_ADDRESS, target,
								 strlen(target));
		wrong += (entry != NULL) != present[which];
		if (entry != NULL && entry->watch_id != which)
			wrong++;
		if (random() % 2 == 0 && entry == NULL)
		{
			entry = cs_watchset_add(set, CS_WATCH_ADDRESS, target,
									strlen(target));
			entry->watch_id = which;
			present[which] = true;
			count++;
		}
		else if (random() % 2 == 0 && entry != NULL)
		{
			cs_watchset_remove(set, entry);
			present[which] = false;
			count--;
		}
		wrong += cs_watchset_count(set) != count;
	}
	while (cs_watchset_next(set, &position) != NULL)
		seen++;
	ok(wrong == 0 && seen == count,
	   "300,000 random changes of a watch set, %zu are left", count);
	ok(cs_watchset_find(set, CS_WATCH_TRANSACTION, target, strlen(target)) ==
	   NULL, "a transaction is no address");
	cs_watchset_free(set);
	free(present);
}

/* ---------- the output ---------- */

static void
test_output(void)
{
	CsOutput   *output = cs_output_create();
	CsText		small;
	CsText		large;
	char	   *big = calloc(1, 1000000);

	memset(big, 'x', 999999);
	small = cs_output_string(output, "abc");
	large = cs_output_text(output, big, 999999);
	ok(strcmp(small.data, "abc") == 0 && large.length == 999999 &&
	   strcmp(large.data, big) == 0, "texts of any size are copied");
	ok(cs_output_text(output, NULL, 0).data == NULL &&
	   cs_output_text(output, "", 0).data != NULL,
	   "an absent text stays absent, an empty one empty");
	ok(cs_output_bytes(output) > 1000000, "they are counted");
	for (int i = 0; i < 10000; i++)
	{
		CsRecord   *record = cs_output_record(output);

		record->height = i;
	}
	ok(cs_output_records(output)[9999].height == 9999 &&
	   cs_output_records(output)[0].occurred_at == CS_NO_NUMBER &&
	   cs_output_records(output)[0].hash.data == NULL,
	   "records begin with every member absent");
	cs_output_remove_record(output, 0);
	cs_output_remove_record(output, 1);
	cs_output_truncate_records(output, 100);
	cs_output_truncate_records(output, 200);
	ok(cs_output_record_count(output) == 100 &&
	   cs_output_records(output)[0].height == 1 &&
	   cs_output_records(output)[1].height == 3 &&
	   cs_output_records(output)[99].height == 101,
	   "records are removed and truncated");
	cs_output_cursor(output, "", "{}");
	cs_output_reset_actions(output);
	ok(cs_output_action_count(output) == 0 &&
	   cs_output_record_count(output) == 100, "actions are forgotten alone");
	cs_output_reset(output);
	ok(cs_output_bytes(output) == 0 && cs_output_record_count(output) == 0 &&
	   !cs_output_failed(output), "a reset forgets everything");
#ifndef __SANITIZE_ADDRESS__
	ok(cs_output_alloc(output, SIZE_MAX - 100) == NULL &&
	   cs_output_failed(output), "want of memory is noted");
	cs_output_reset(output);
	ok(!cs_output_failed(output), "until the next reset");
#endif
	cs_output_free(output);
	cs_output_free(NULL);
	free(big);
}

int
main(void)
{
	test_million();				/* first, while memory is not fragmented */
	test_output();
	test_watchset();
	test_configuration();
	test_handshake();
	test_ordinary();
	test_reconnect();
	test_chunks();
	test_everything();
	test_no_update();
	test_mute();
	test_late_answers();
	test_arguments();
	test_local_accounts();
	test_other_topics();
	test_renumbering();
	test_bad_targets();
	test_huge_list();
	for (unsigned int seed = 1; seed <= 3; seed++)
	{
		test_random(seed, true, true);
		test_random(seed, true, false);
		test_random(seed, false, false);
	}
	return tap_end();
}
