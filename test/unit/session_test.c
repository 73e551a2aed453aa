/*-------------------------------------------------------------------------
 *
 * session_test.c
 *	  Conversations of the Nano provider with a node.
 *
 * What is wished, what time it is and what the node says go in; requests and
 * states come out, as lines of text.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "host.h"
#include "tap.h"

static void
test_ordinary(void)
{
	Host		host = host_create("{}", NULL);

	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_sync(&host);
	host_expect(&host, "", "without subscriptions there is no connection");
	host_subscribe(&host, 1, "confirmation", "{}");
	host_sync(&host);
	host_expect(&host, "open; subscription 1 idle (waiting for a watched ad)",
		   "without a watch list nothing is subscribed");
	host_open(&host);
	host_expect(&host, "", "nor when the link opens");
	host_watch(&host, 100, ALICE);
	ok(cs_session_watch_count(host.session) == 1, "one watch");
	host_sync(&host);
	host_expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " accounts=nano_1pna; subscription 1 pending",
		   "a watched address is subscribed at once");
	host_sync(&host);
	host_expect(&host, "", "and only once");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 1 active; watch 100 active",
		   "it is active when the node says so");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");

	host_watch(&host, 101, BOB);
	host_watch(&host, 102, CAROL);
	host_unwatch(&host, ALICE);
	host_sync(&host);
	host_expect(&host, "2 update confirmation accounts_add=(2)"
		   " accounts_del=nano_1pna", "changes are an update");
	host_unwatch(&host, CAROL);
	host_sync(&host);
	host_expect(&host, "", "one request at a time");
	host_ack(&host, "update", 2);
	host_expect(&host, "watch 101 active; 3 update confirmation"
		   " accounts_del=nano_1nan",
		   "what changed meanwhile follows the answer");
	host_ack(&host, "update", 3);
	host_expect(&host, "", "a removed watch has no state");

	host_unwatch(&host, BOB);
	host_sync(&host);
	host_expect(&host, "subscription 1 idle (waiting for a watched ad);"
		   " 4 unsubscribe confirmation", "an empty list is unsubscribed");
	ok(cs_session_watch_count(host.session) == 0, "no watches");
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	host_expect(&host, "close", "without subscriptions the link is closed");
	host_free(&host);
}

static void
test_reconnect(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	host_subscribe(&host, 2, "stopped_election", "{}");
	host_watch(&host, 100, ALICE);
	host_watch(&host, 101, BOB);
	host_sync(&host);
	host_expect(&host, "open", "nothing is sent before the link is open");
	host_open(&host);
	host_expect(&host, "1 subscribe stopped_election; subscription 2 pending;"
		   " 2 subscribe confirmation include_sideband_info=true accounts=(2);"
		   " subscription 1 pending", "everything is subscribed");
	host_ack(&host, "subscribe", 2);
	host_expect(&host, "subscription 1 active; watch 100 active; watch 101 active",
		   "answers come in any order");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 2 active", "and are told apart");
	host_close(&host);
	host_expect(&host, "", "the host knows what a lost link means");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_unwatch(&host, BOB);
	host_watch(&host, 102, CAROL);
	host_sync(&host);
	host_expect(&host, "", "meanwhile nothing is sent");
	host_open(&host);
	host_expect(&host, "3 subscribe stopped_election; subscription 2 pending;"
		   " 4 subscribe confirmation include_sideband_info=true accounts=(2);"
		   " subscription 1 pending", "everything is subscribed again");
	host_ack(&host, "subscribe", 2);
	host_expect(&host, "", "an answer to an old request is none");
	host_ack(&host, "subscribe", 4);
	host_expect(&host, "subscription 1 active; watch 100 active; watch 102 active",
		   "and active again");
	host_free(&host);
}

static void
test_chunks(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 2500; i++)
		host_watch(&host, i, numbered_address(i));
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending",
		   "the first thousand go with the subscription");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 1 active; 2 update confirmation"
		   " accounts_add=(1000); 1000 watch states",
		   "the next thousand after the answer");
	host_ack(&host, "update", 2);
	host_expect(&host, "3 update confirmation accounts_add=(500);"
		   " 1000 watch states", "and the rest");
	host_ack(&host, "update", 3);
	host_expect(&host, "500 watch states", "all are active");

	host_watch(&host, 5000, "*");
	host_sync(&host);
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "4 subscribe confirmation include_sideband_info=true;"
				" 5 subscribe confirmation include_sideband_info=true"
				" accounts=(2500)",
				"a subscription that is replaced must not lose a part of it");
	host_ack(&host, "subscribe", 5);
	host_expect(&host, "", "nothing is news");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{\"include_election_info\":true}");
	host_watch(&host, 100, ALICE);
	host_watch(&host, 101, BOB);
	host_sync(&host);
	host_open(&host);
	host_ack(&host, "subscribe", 1);
	free(host_actions(&host));
	host_watch(&host, 102, "*");
	host_sync(&host);
	host_expect(&host, "2 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true",
		   "'*' replaces the subscription by one without a filter");
	host_ack(&host, "subscribe", 2);
	host_expect(&host, "watch 102 active",
		   "and is active when answered");
	host_watch(&host, 103, CAROL);
	host_sync(&host);
	host_expect(&host, "watch 103 active",
		   "an address that is added then needs no request");
	host_unwatch(&host, ALICE);
	host_sync(&host);
	host_expect(&host, "", "nor does one that is removed");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true accounts=(2)",
		   "without '*' the whole list is the filter, in one request");
	host_ack(&host, "subscribe", 3);
	host_expect(&host, "", "whose states are known");
	host_unwatch(&host, BOB);
	host_unwatch(&host, CAROL);
	host_watch(&host, 104, "*");
	host_sync(&host);
	host_expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " include_election_info=true", "'*' alone");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "subscription 1 idle (waiting for a watched ad);"
		   " 5 unsubscribe confirmation", "and nothing");
	host_free(&host);
}

/* A node that does not know "update". */
static void
test_no_update(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	for (int i = 0; i < 1500; i++)
		host_watch(&host, i, numbered_address(i));
	host_sync(&host);
	host_open(&host);
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending; subscription 1 active;"
		   " 2 update confirmation accounts_add=(500); 1000 watch states",
		   "the rest is an update");
	host_pass(&host, 4999);
	host_expect(&host, "", "which has five seconds");
	host_pass(&host, 1);
	host_expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " accounts=(1500)", "then the whole list is sent");
	host_ack(&host, "subscribe", 3);
	host_expect(&host, "500 watch states", "and answered");
	host_watch(&host, 2000, ALICE);
	host_sync(&host);
	host_expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " accounts=(1501)", "from then on always the whole list");
	host_ack(&host, "subscribe", 4);
	host_expect(&host, "watch 2000 active", "and answered");
	host_close(&host);
	host_open(&host);
	host_ack(&host, "subscribe", 5);
	host_expect(&host, "5 subscribe confirmation include_sideband_info=true"
		   " accounts=(1000); subscription 1 pending; subscription 1 active;"
		   " 6 update confirmation accounts_add=(501); 1000 watch states",
		   "another connection is asked again");
	host_free(&host);
}

/* A relay that acknowledges nothing. */
static void
test_mute(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_open(&host);
	free(host_actions(&host));
	host_pass(&host, 9999);
	host_expect(&host, "", "ten seconds of patience");
	host_pass(&host, 1);
	host_expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error");
	host_pass(&host, 100000);
	host_expect(&host, "", "which is told once");
	host_confirmation(&host);
	host_expect(&host, "subscription 1 active; watch 100 active",
		   "until something comes after all");
	host_watch(&host, 101, BOB);
	host_sync(&host);
	host_expect(&host, "2 subscribe confirmation include_sideband_info=true"
		   " accounts=(2)", "no update for a mute node");
	host_confirmation(&host);
	host_expect(&host, "", "what comes at once is still of the old filter");
	host_pass(&host, 1000);
	host_confirmation(&host);
	host_expect(&host, "watch 101 active", "what comes later is of the new one");
	host_watch(&host, 102, CAROL);
	host_sync(&host);
	host_pass(&host, 999);
	host_watch(&host, 103, numbered_address(1));
	host_sync(&host);
	host_expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " accounts=(3)", "changes are collected for a second");
	host_pass(&host, 1);
	host_expect(&host, "4 subscribe confirmation include_sideband_info=true"
		   " accounts=(4)", "and then sent, answer or not");
	host_pass(&host, 20000);
	host_expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error again");
	host_confirmation(&host);
	host_expect(&host, "subscription 1 active; watch 102 active; watch 103 active",
		   "until it ends");
	host_free(&host);

	host = host_create("{}", NULL);
	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_open(&host);
	free(host_actions(&host));
	host_confirmation(&host);
	host_expect(&host, "subscription 1 active; watch 100 active",
		   "a first notification is as good as an answer");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "", "which may still come");
	host_free(&host);
}

static void
test_late_answers(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_open(&host);
	host_pass(&host, 20000);
	free(host_actions(&host));
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 1 active; watch 100 active",
		   "a late answer is an answer");
	host_receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\"}");
	host_receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"7\"}");
	host_receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"chainstream-\"}");
	host_receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":\"chainstream-0\"}");
	host_receive(&host, "{\"ack\":\"subscribe\",\"time\":\"1\",\"id\":7}");
	host_receive(&host, "{\"ack\":\"pong\",\"time\":\"1\"}");
	host_expect(&host, "", "answers to nothing are ignored");
	host_free(&host);
}

static void
test_arguments(void)
{
	Host		host = host_create("{}", NULL);
	CsError		error;

	host_subscribe(&host, 1, "confirmation", "{\"include_block\":false}");
	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 1 error (with include_block false)",
		   "what would deliver nothing is not sent");
	host_watch(&host, 101, "*");
	host_sync(&host);
	host_expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " include_block=false; subscription 1 pending",
		   "without a filter it is fine");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 1 active; watch 100 active; watch 101 active",
		   "and covers the address as well");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "subscription 1 error (with include_block false);"
		   " 2 unsubscribe confirmation; watch 100 pending"
		   " (no subscription of this )", "with one it ends");
	host_subscribe(&host, 1, "confirmation", "{\"confirmation_type\":\"active\"}");
	host_sync(&host);
	host_expect(&host, "3 subscribe confirmation include_sideband_info=true"
		   " confirmation_type=active accounts=nano_1pna;"
		   " subscription 1 pending", "other arguments mend it");
	host_ack(&host, "subscribe", 3);
	host_expect(&host, "subscription 1 active; watch 100 active", "active");
	host_subscribe(&host, 1, "confirmation", "{\"confirmation_type\":\"active\"}");
	host_sync(&host);
	host_expect(&host, "", "the same arguments are no change");
	host_subscribe(&host, 1, "confirmation", "{\"include_sideband_info\":false}");
	host_sync(&host);
	host_expect(&host, "4 subscribe confirmation include_sideband_info=false"
		   " accounts=nano_1pna", "new arguments replace the subscription");
	host_ack(&host, "subscribe", 4);
	host_expect(&host, "", "which was active all the time");

	ok(!cs_session_subscribe(host.session, 2, "confirmation", "{}", &error),
	   "a second subscription is refused: %s", error.message);
	ok(!cs_session_subscribe(host.session, 2, "blocks", "{}", &error),
	   "an unknown topic is refused: %s", error.message);
	ok(!cs_session_subscribe(host.session, 2, "vote", "{\"x\":1}", &error),
	   "bad arguments are refused: %s", error.message);
	host_free(&host);
}

static void
test_local_accounts(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{\"all_local_accounts\":true}");
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; 1 subscribe confirmation include_sideband_info=true"
		   " all_local_accounts=true; subscription 1 pending",
		   "all_local_accounts needs no watch list");
	host_ack(&host, "subscribe", 1);
	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_expect(&host, "subscription 1 active; 2 update confirmation"
		   " accounts_add=nano_1pna", "but may have one");
	host_watch(&host, 101, "*");
	host_sync(&host);
	host_expect(&host, "3 subscribe confirmation include_sideband_info=true",
		   "and none with '*'");
	host_free(&host);
}

static void
test_other_topics(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "vote", "{}");
	host_subscribe(&host, 2, "telemetry", "{}");
	host_subscribe(&host, 3, "new_unconfirmed_block", "{}");
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "open; subscription 3 idle (waiting for a watched ad);"
		   " 1 subscribe vote; subscription 1 pending;"
		   " 2 subscribe telemetry; subscription 2 pending",
		   "topics are subscribed one by one");
	host_receive(&host, "{\"topic\":\"telemetry\",\"time\":\"1\",\"message\":{}}");
	host_expect(&host, "cursor; subscription 2 active",
		   "a notification is as good as an answer");
	host_pass(&host, 10000);
	host_expect(&host, "subscription 1 error (no answer for 10 s: a no)",
		   "silence is an error");
	host_subscribe(&host, 1, "vote",
			  "{\"include_replays\":true,\"representatives\":[\"xrb_3t6k35gi95"
			  "xu6tergt6p69ck76ogmitsa8mnijtpxm9fkcm736xtoncuohr3\"]}");
	host_sync(&host);
	host_expect(&host, "3 subscribe vote include_replays=true"
		   " representatives=nano_3t6k", "new arguments are sent anew");
	host_ack(&host, "subscribe", 3);
	host_expect(&host, "subscription 1 active", "and may be answered");

	host_watch(&host, 100, ALICE);
	host_sync(&host);
	host_expect(&host, "4 subscribe new_unconfirmed_block; subscription 3 pending",
		   "unconfirmed blocks are subscribed without a filter");
	host_ack(&host, "subscribe", 4);
	host_expect(&host, "subscription 3 active; watch 100 active",
		   "and the watch list is looked at here");
	host_watch(&host, 101, BOB);
	host_sync(&host);
	host_expect(&host, "watch 101 active", "so more of it needs no request");
	host_unwatch(&host, ALICE);
	host_unwatch(&host, BOB);
	cs_session_unsubscribe(host.session, 2);
	host_sync(&host);
	host_expect(&host, "subscription 3 idle (waiting for a watched ad);"
		   " 5 unsubscribe new_unconfirmed_block; 6 unsubscribe telemetry",
		   "what is not wanted any more is unsubscribed");
	host_receive(&host, "{\"topic\":\"telemetry\",\"time\":\"2\",\"message\":{}}");
	ok(cs_output_record_count(host.output) == 0 &&
	   cs_output_action_count(host.output) == 0,
	   "what is still on its way is dropped");
	host_free(&host);
}

/* A subscription that is given another number, as by drop and create. */
static void
test_renumbering(void)
{
	Host		host = host_create("{}", NULL);

	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, ALICE);
	host_watch(&host, 101, BOB);
	host_sync(&host);
	host_open(&host);
	host_ack(&host, "subscribe", 1);
	free(host_actions(&host));
	cs_session_mark(host.session);
	host_subscribe(&host, 2, "confirmation", "{}");
	host_watch(&host, 200, ALICE);
	cs_session_sweep(host.session);
	host_sync(&host);
	host_expect(&host, "subscription 2 active; 2 update confirmation"
		   " accounts_del=nano_1wu6",
		   "what was not named between mark and sweep is gone");
	host_ack(&host, "update", 2);
	host_expect(&host, "watch 200 active", "a new number has its state told");
	cs_session_mark(host.session);
	host_subscribe(&host, 2, "confirmation", "{}");
	host_watch(&host, 200, ALICE);
	cs_session_sweep(host.session);
	host_sync(&host);
	host_expect(&host, "", "the same list is no change");
	cs_session_mark(host.session);
	cs_session_mark(host.session);
	cs_session_sweep(host.session);
	host_sync(&host);
	host_expect(&host, "close; 3 unsubscribe confirmation", "an empty one is");
	host_free(&host);
}

/* Targets that host_watch() would have refused, written into the table. */
static void
test_bad_targets(void)
{
	Host		host = host_create("{}", NULL);
	char		longest[CS_TARGET_MAX + 1];

	memset(longest, 'x', sizeof(longest));
	longest[CS_TARGET_MAX] = '\0';
	host_subscribe(&host, 1, "confirmation", "{}");
	host_watch(&host, 100, "garbage");
	host_watch(&host, 101, "xrb_1pnano4iwfigtwoq3dh4n7mubbsbzxh1f9kwmfa7ffazgicr1434hxg5p3ma");
	host_watch(&host, 102, longest);
	longest[CS_TARGET_MAX - 1] = '\0';
	host_watch(&host, 103, longest);
	(void) cs_session_watch(host.session, 104, CS_WATCH_TRANSACTION, "*");
	host_sync(&host);
	ok(cs_session_watch_count(host.session) == 0, "none of them counts");
	host_expect(&host, "open; subscription 1 idle (waiting for a watched ad);"
		   " watch 100 error (not an address in canoni);"
		   " watch 101 error (not an address in canoni);"
		   " watch 103 error (not an address in canoni);"
		   " watch 104 error (not an address in canoni)",
		   "bad targets are errors of their own");
	host_watch(&host, 105, ALICE);
	host_sync(&host);
	host_open(&host);
	host_expect(&host, "1 subscribe confirmation include_sideband_info=true"
		   " accounts=nano_1pna; subscription 1 pending",
		   "and not sent");
	host_ack(&host, "subscribe", 1);
	host_expect(&host, "subscription 1 active; watch 105 active",
		   "the others are unharmed");
	host_unwatch(&host, "garbage");
	host_sync(&host);
	host_expect(&host, "", "they are removed like others");
	host_free(&host);
}

int
main(void)
{
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
	return tap_end();
}
