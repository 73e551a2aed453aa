/*-------------------------------------------------------------------------
 *
 * symbol_session_test.c
 *	  Conversations of the Symbol provider with a gateway.
 *
 * What is wished, what time it is and what the gateway does go in; requests
 * and states come out, as lines of text: "+channel" is a subscribe request,
 * "-channel" an unsubscribe.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "symbol_host.h"
#include "tap.h"

/* Like the real thing, whatever its data is. */
static void
receive(Host *host, const char *topic)
{
	char		text[512];

	(void) snprintf(text, sizeof(text), "{\"topic\":\"%s\",\"data\":{\"hash\":"
					"\"261BE4D0F6ACC653CC5BE87C8727F46DC7198B7C3A1A0FFD8CF5A5FB8E7910C2\","
					"\"code\":\"Failure_Core_Past_Deadline\",\"deadline\":\"1\"}}",
					topic);
	host_receive(host, text);
}

static void
expect_nothing_due(Host *host)
{
	ok(cs_session_next_tick(host->session) == INT64_MAX, "nothing is due");
}

static void
test_ordinary(void)
{
	Host		host = symbol_host("testnet", "{}");

	expect_nothing_due(&host);
	host_sync(&host);
	host_expect(&host, "", "without subscriptions there is no connection");
	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_sync(&host);
	host_expect(&host, "open; subscription 3 idle (waiting for a watched ad)",
				"a topic with the watch list waits for it");
	host_open(&host);
	host_expect(&host, "", "nothing is sent before the uid has come");
	host_watch(&host, 100, SIGNER);
	host_sync(&host);
	host_expect(&host, "", "whatever is wished");
	host_receive(&host, "{\"uid\": \"GMJ7UHDSIR6CWWEWQBYMJCJ6DGYYPNWO\"}");
	host_expect(&host, "+block; subscription 1 pending; +confirmedAdded/TBZN46;"
				" subscription 3 pending",
				"then the channels are asked for");
	host_sync(&host);
	host_expect(&host, "", "and only once");
	host_pass(&host, 999);
	host_expect(&host, "", "nothing acknowledges them");
	host_pass(&host, 1);
	host_expect(&host, "watch 100 active; subscription 1 active;"
				" subscription 3 active",
				"what the connection survived was not refused");
	expect_nothing_due(&host);

	host_subscribe(&host, 9, "status", "{}");
	host_sync(&host);
	host_expect(&host, "+status/TBZN46; subscription 9 pending",
				"another topic is another channel");
	receive(&host, "status/" SIGNER);
	host_expect(&host, "subscription 9 active",
				"what comes of a channel proves it");
	expect_nothing_due(&host);

	host_watch(&host, 101, RECIPIENT);
	host_unwatch(&host, SIGNER);
	host_sync(&host);
	host_expect(&host, "+confirmedAdded/TBJHAF; +status/TBJHAF;"
				" -confirmedAdded/TBZN46; -status/TBZN46",
				"changes of the watch list are made on the connection");
	receive(&host, "status/" RECIPIENT);
	host_expect(&host, "watch 101 active",
				"a later channel proves those asked for before it");
	cs_session_unsubscribe(host.session, 3);
	host_sync(&host);
	host_expect(&host, "-confirmedAdded/TBJHAF", "a topic ends for all");
	host_unwatch(&host, RECIPIENT);
	host_sync(&host);
	host_expect(&host, "-status/TBJHAF;"
				" subscription 9 idle (waiting for a watched ad)",
				"without a watch list nothing is asked for");
	cs_session_unsubscribe(host.session, 1);
	cs_session_unsubscribe(host.session, 9);
	host_sync(&host);
	host_expect(&host, "close; -block", "nor without subscriptions");
	host_free(&host);
}

static void
test_reconnect(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 2, "finalizedBlock", "{}");
	host_subscribe(&host, 4, "unconfirmedAdded", "{}");
	host_watch(&host, 100, SIGNER);
	host_sync(&host);
	host_expect(&host, "open", "a link is wanted");
	symbol_greet(&host);
	free(host_actions(&host));
	host_pass(&host, 1000);
	host_expect(&host, "watch 100 active; subscription 2 active;"
				" subscription 4 active", "all is well");
	symbol_close(&host, 0, "");
	host_expect(&host, "", "a close without a reason is nobody's fault");
	host_watch(&host, 101, RECIPIENT);
	host_unwatch(&host, SIGNER);
	host_sync(&host);
	host_expect(&host, "", "meanwhile nothing is sent");
	expect_nothing_due(&host);
	host_close_link(&host, 0, &(CsClosure) {.reason = "refused"});
	host_expect(&host, "", "nor after an attempt that failed");
	host_open(&host);
	host_expect(&host, "", "the uid of before is worth nothing");
	host_receive(&host, "{\"uid\": \"GMJ7UHDSIR6CWWEWQBYMJCJ6DGYYPNWO\"}");
	host_expect(&host, "+finalizedBlock; subscription 2 pending;"
				" +unconfirmedAdded/TBJHAF; subscription 4 pending",
				"with the new one everything is asked for again");
	host_pass(&host, 1000);
	host_expect(&host, "watch 101 active; subscription 2 active;"
				" subscription 4 active", "and told again");
	host_free(&host);
}

/* The path is wrong, most likely. */
static void
test_no_uid(void)
{
	Host		host = symbol_host("testnet", "{}");
	const CsAction *action;

	host_subscribe(&host, 1, "block", "{}");
	host_sync(&host);
	host_open(&host);
	free(host_actions(&host));
	host_pass(&host, 9999);
	host_expect(&host, "", "a uid is waited for");
	host.now_ms++;
	cs_session_tick(host.session, host.now_ms, host.output);
	action = cs_output_actions(host.output) +
		cs_output_action_count(host.output) - 1;
	ok(action->kind == CS_ACTION_RESET_LINK &&
	   strstr(action->text.data, "exactly /ws") != NULL, "%s",
	   action->text.data);
	host_expect(&host, "subscription 1 error (no uid came within 10 s:);"
				" reset", "but not for ever");
	expect_nothing_due(&host);
	symbol_close(&host, 1000, "");
	host_expect(&host, "subscription 1 error (no uid came within 10 s:)",
				"which is still so when the link is closed");
	symbol_greet(&host);
	host_expect(&host, "+block; subscription 1 pending",
				"until another has a uid");
	host_free(&host);
}

static void
test_uids(void)
{
	static const char *const forms[] = {"symbol/uid", "symbol/rest25/uid"};
	Host		host = symbol_host("testnet", "{}");
	CsError		error = {0};
	char		text[256];

	for (int i = 0; i < 2; i++)
	{
		char	   *line = sample_of(forms[i], i + 1);
		struct json_object *object = cs_json_parse_once(line, strlen(line), NULL);
		const char *uid = cs_json_member_string(object, "uid").data;
		Host		other = symbol_host("testnet", "{}");

		other.print_request = NULL;
		host_subscribe(&other, 1, "block", "{}");
		host_sync(&other);
		host_open(&other);
		host_receive(&other, line);
		(void) snprintf(text, sizeof(text), "open; send"
						" {\"uid\":\"%s\",\"subscribe\":\"block\"};"
						" subscription 1 pending", uid);
		host_expect(&other, text, "a uid is sent back as it is");
		host_free(&other);
		json_object_put(object);
		free(line);
	}
	ok(!host_message(&host, 0, "{\"uid\":\"\"}", &error), "%s", error.message);
	ok(!host_message(&host, 0, "{\"uid\":7}", &error), "%s", error.message);
	ok(!host_message(&host, 0, "{\"uid\":\"a\\u0000b\"}", &error), "%s",
	   error.message);
	(void) snprintf(text, sizeof(text), "{\"uid\":\"%0129d\"}", 0);
	ok(!host_message(&host, 0, text, &error), "%s", error.message);
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_subscribe(&host, 9, "status", "{}");
	host_watch(&host, 99, "*");
	host_sync(&host);
	symbol_greet(&host);
	host_expect(&host, "open; +confirmedAdded; subscription 3 pending;"
				" +status; subscription 9 pending",
				"everything is the channel without an address");
	host_pass(&host, 1000);
	host_expect(&host, "subscription 3 active; subscription 9 active;"
				" watch 99 active", "it is active like others");
	host_watch(&host, 101, RECIPIENT);
	host_sync(&host);
	host_expect(&host, "watch 101 active", "addresses need no request then");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "+confirmedAdded/TBJHAF; +status/TBJHAF",
				"without it they are asked for");
	host_pass(&host, 1000);
	host_expect(&host, "-confirmedAdded; -status",
				"and only then everything is ended");
	host_watch(&host, 98, "*");
	host_sync(&host);
	host_expect(&host, "+confirmedAdded; +status", "or asked for again");
	host_unwatch(&host, RECIPIENT);
	host_sync(&host);
	host_expect(&host, "", "what it replaces stays until it is there");
	host_pass(&host, 1000);
	host_expect(&host, "watch 98 active; -confirmedAdded/TBJHAF;"
				" -status/TBJHAF", "and is superfluous then");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "-confirmedAdded; -status;"
				" subscription 3 idle (waiting for a watched ad);"
				" subscription 9 idle (waiting for a watched ad)",
				"it ends at once if there is nobody to wait for");
	host_free(&host);
}

/* ---------- refusals ---------- */

static size_t
count_actions(const Host *host, CsActionKind kind, CsState state)
{
	size_t		count = 0;

	for (size_t i = 0; i < cs_output_action_count(host->output); i++)
	{
		const CsAction *action = &cs_output_actions(host->output)[i];

		count += action->kind == kind &&
			(kind == CS_ACTION_SEND || action->state == state);
	}
	return count;
}

/* A new connection, and what is sent on it. */
static void
expect_again(Host *host, const char *expected, const char *name)
{
	symbol_greet(host);
	host_expect(host, expected, name);
}

static void
test_unknown_topic(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_subscribe(&host, 8, "cosignature", "{}");
	host_watch(&host, 100, SIGNER);
	host_sync(&host);
	symbol_greet(&host);
	free(host_actions(&host));
	symbol_close(&host, 1013, "unknown topic category cosignature");
	host_expect(&host, "subscription 8 error (unknown topic category c)",
				"a topic the gateway does not have is an error");
	expect_again(&host, "+confirmedAdded/TBZN46; subscription 3 pending",
				 "and is not asked for again");
	host_pass(&host, 1000);
	host_expect(&host, "watch 100 active; subscription 3 active",
				"the others are unharmed");
	symbol_close(&host, 0, "");
	host_expect(&host, "subscription 8 error (unknown topic category c)",
				"it stays so when the link is lost");
	symbol_greet(&host);
	free(host_actions(&host));
	cs_session_unsubscribe(host.session, 8);
	host_sync(&host);
	host_subscribe(&host, 10, "cosignature", "{}");
	host_sync(&host);
	host_expect(&host, "+cosignature/TBZN46; subscription 10 pending",
				"who subscribes again has it tried again");

	/* libwebsockets before 4.3 writes another code. */
	symbol_close(&host, 1002, "unknown topic category cosignature");
	host_expect(&host, "subscription 10 error (unknown topic category c)",
				"under either code");
	host_free(&host);
}

static void
test_no_open_channels(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_watch(&host, 99, "*");
	host_sync(&host);
	symbol_greet(&host);
	free(host_actions(&host));
	symbol_close(&host, 1013,
				 "address param missing from address subscription");
	host_expect(&host, "subscription 3 error (address param missing fr)",
				"a gateway may demand addresses");
	expect_again(&host, "+block; subscription 1 pending;"
				 " watch 99 error (address param missing fr)",
				 "then everything cannot be had");
	host_watch(&host, 100, SIGNER);
	host_sync(&host);
	host_expect(&host, "+confirmedAdded/TBZN46; subscription 3 pending",
				"but addresses can");
	host_pass(&host, 1000);
	host_expect(&host, "watch 100 active; subscription 1 active;"
				" subscription 3 active", "as ever");
	host_unwatch(&host, "*");
	host_sync(&host);
	host_expect(&host, "", "nobody minds its end");
	host_watch(&host, 98, "*");
	host_sync(&host);
	host_expect(&host, "+confirmedAdded", "but it may be tried again");
	host_free(&host);
}

static void
test_bad_address(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_watch(&host, 100, SIGNER);
	host_watch(&host, 101, RECIPIENT);
	host_sync(&host);
	symbol_greet(&host);
	free(host_actions(&host));
	symbol_close(&host, 1013, RECIPIENT
				 " does not represent a valid encoded address");
	host_expect(&host, "watch 101 error (" "TBJHAFYICU7LOTDROE7QVR6F)",
				"an address the gateway does not like is an error");
	expect_again(&host, "+confirmedAdded/TBZN46; subscription 3 pending",
				 "and is not asked for again");
	host_watch(&host, 201, RECIPIENT);
	host_sync(&host);
	host_expect(&host, "watch 201 error (TBJHAFYICU7LOTDROE7QVR6F)",
				"not under another id either");
	host_unwatch(&host, RECIPIENT);
	host_sync(&host);
	host_watch(&host, 301, RECIPIENT);
	host_sync(&host);
	host_expect(&host, "+confirmedAdded/TBJHAF",
				"unless it is watched anew");
	host_free(&host);
}

/* The reason does not say which request it was. */
static void
test_bisection(void)
{
	Host		host = symbol_host("testnet", "{}");
	static const char bad[] = "+confirmedAdded/TCOXVZ";
	int			rounds = 0;
	bool		seen = true;

	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	for (int i = 0; i < 40; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	host_watch(&host, 200, ZOE);
	host_sync(&host);
	while (seen && rounds < 30)
	{
		char	   *actions;

		rounds++;
		symbol_greet(&host);
		seen = false;
		for (int i = 0; i < 60 && !seen; i++)
		{
			actions = host_actions(&host);
			seen = strstr(actions, bad) != NULL;
			free(actions);
			if (!seen)
				host_pass(&host, 1000);
		}
		if (seen)
			symbol_close(&host, 1013, "illegal base32 character t");
		else
			free(host_actions(&host));
	}
	ok(!seen && rounds < 12, "the bad one is found after %d connections",
	   rounds);
	symbol_close(&host, 0, "");
	host_expect(&host, "watch 200 error (the server closed the co)",
				"and its state is an error");
	symbol_greet(&host);
	host_pass(&host, 60000);
	host_sync(&host);
	{
		size_t		asked = 0;

		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
			asked += cs_output_actions(host.output)[i].kind == CS_ACTION_SEND;
		ok(asked == 41, "the 40 others and the blocks are asked for");
	}
	host_free(&host);
}

/* A reason may be lost with the connection. */
static void
test_lost_reasons(void)
{
	Host		host = symbol_host("testnet", "{}");
	size_t		sent = 0;

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	for (int i = 0; i < 40; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	host_sync(&host);
	for (int i = 0; i < 6; i++)
	{
		symbol_greet(&host);
		sent = count_actions(&host, CS_ACTION_SEND, 0);
		free(host_actions(&host));
		if (i == 2)
			ok(sent == 40, "lost twice, all is asked for at once");
		symbol_close(&host, 0, "");
	}
	ok(sent == 5, "lost more often, less and less: %zu", sent);
	symbol_greet(&host);
	host_pass(&host, 60000);
	sent = count_actions(&host, CS_ACTION_SEND, 0);
	ok(sent == 40, "but all of it in the end");
	free(host_actions(&host));
	symbol_close(&host, 0, "");
	symbol_greet(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 40,
	   "and once it went well, at once");
	host_free(&host);
}

/* ---------- limits ---------- */

static void
test_own_limit(void)
{
	Host		host = symbol_host("testnet", "{\"max_channels\":7}");

	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_subscribe(&host, 4, "unconfirmedAdded", "{}");
	for (int i = 0; i < 5; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	host_sync(&host);
	symbol_greet(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 7 &&
	   count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_OVER_LIMIT) == 2,
	   "channels that fit are asked for, the others are over the limit");
	free(host_actions(&host));
	host_pass(&host, 1000);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_ACTIVE) == 3,
	   "those are active");
	free(host_actions(&host));
	cs_session_unsubscribe(host.session, 4);
	host_sync(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 5,
	   "what becomes free is used");
	free(host_actions(&host));
	host_pass(&host, 1000);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_ACTIVE) == 2,
	   "by those that waited");
	free(host_actions(&host));
	host_subscribe(&host, 9, "status", "{}");
	host_sync(&host);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_OVER_LIMIT) == 2,
	   "another topic takes room from some");
	host_free(&host);
}

static void
test_gateway_limit(void)
{
	Host		host = symbol_host("testnet", "{\"max_channels\":101}");
	size_t		sent;

	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	for (int i = 0; i < 100; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	host_sync(&host);
	symbol_greet(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 101, "all are asked for");
	free(host_actions(&host));
	symbol_close(&host, 1013, "Max subscriptions reached.");
	free(host_actions(&host));
	symbol_greet(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 50 &&
	   count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_OVER_LIMIT) == 51,
	   "if that is too much for the gateway half of them are");
	{
		const CsAction *last = cs_output_actions(host.output);

		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
		{
			if (cs_output_actions(host.output)[i].state == CS_STATE_OVER_LIMIT)
				last = &cs_output_actions(host.output)[i];
		}
		is(last->text.data, "Max subscriptions reached.",
		   "the others hear the gateway's words");
	}
	free(host_actions(&host));
	host_pass(&host, 1000);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_ACTIVE) == 49,
	   "half are active");
	free(host_actions(&host));
	host_pass(&host, 9 * 60 * 1000);
	host_expect(&host, "", "for ten minutes that has to do");
	host_pass(&host, 59 * 1000);
	sent = count_actions(&host, CS_ACTION_SEND, 0);
	ok(sent == 26, "then more are tried: %zu", sent);
	free(host_actions(&host));
	symbol_close(&host, 1013, "Max subscriptions reached.");
	symbol_greet(&host);
	sent = count_actions(&host, CS_ACTION_SEND, 0);
	ok(sent == 50, "in vain: back to what was accepted, %zu", sent);
	host_pass(&host, 19 * 60 * 1000);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 50,
	   "and the next attempt is later");
	free(host_actions(&host));
	host_pass(&host, 60 * 1000);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 26, "than the first");
	host_free(&host);
}

/* One address after the other, so that little is known to fit. */
static void
test_limit_in_between(void)
{
	Host		host = symbol_host("testnet", "{}");
	size_t		sent;
	int			closes = 0;

	host_subscribe(&host, 1, "block", "{}");
	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_sync(&host);
	symbol_greet(&host);
	host_pass(&host, 1000);
	for (int i = 0; i < 40; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	free(host_actions(&host));
	host_sync(&host);

	/* The gateway has room for 30. */
	sent = 1 + count_actions(&host, CS_ACTION_SEND, 0);
	while (sent > 30 && closes < 10)
	{
		symbol_close(&host, 1013, "Max subscriptions reached.");
		free(host_actions(&host));
		symbol_greet(&host);
		sent = count_actions(&host, CS_ACTION_SEND, 0);
		closes++;
	}
	ok(closes < 5 && sent > 15, "%zu of 30 channels after %d refusals", sent,
	   closes);
	host_free(&host);
}

/* Many more addresses than channels. */
static void
test_many(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	for (int i = 0; i < 12000; i++)
		host_watch(&host, 100 + i, symbol_address(i));
	host_sync(&host);
	symbol_greet(&host);
	ok(count_actions(&host, CS_ACTION_SEND, 0) == 500, "500 by default");
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_OVER_LIMIT) <= 5000,
	   "states are told in portions");
	host_pass(&host, 10);
	ok(count_actions(&host, CS_ACTION_WATCH_STATE, CS_STATE_OVER_LIMIT) ==
	   11500, "but all of them");
	host_free(&host);
}

/* ---------- targets ---------- */

static void
test_bad_targets(void)
{
	Host		host = symbol_host("testnet", "{}");

	host_subscribe(&host, 3, "confirmedAdded", "{}");
	host_watch(&host, 100, "garbage");
	host_watch(&host, 101, "NATNE7Q5BITMUTRRN6IB4I7FLSDRDWZA34SQ33Y");
	host_watch(&host, 102, "9826D27E1D0A26CA4E316F901E23E55C8711DB20DFD26776");
	(void) cs_session_watch(host.session, 103, CS_WATCH_TRANSACTION,
							"071F33703CC2FE3AA4AD7D13CE8657C7B2466BAF3A0954DE7444732431F4CD2A");
	host_sync(&host);
	host_expect(&host, "open; watch 100 error (not an address in canoni);"
				" watch 101 error (not an address in canoni);"
				" watch 102 error (not an address in canoni);"
				" watch 103 error (not an address in canoni);"
				" subscription 3 idle (waiting for a watched ad)",
				"bad targets are errors of their own");
	symbol_greet(&host);
	host_expect(&host, "", "and not asked for");
	host_watch(&host, 104, SIGNER);
	host_sync(&host);
	host_expect(&host, "+confirmedAdded/TBZN46; subscription 3 pending",
				"the others are");
	cs_session_unsubscribe(host.session, 3);
	host_subscribe(&host, 1, "block", "{}");
	host_sync(&host);
	host_expect(&host, "+block; subscription 1 pending;"
				" -confirmedAdded/TBZN46", "nobody takes them any more");
	host_free(&host);
}

/* Requests are the samples', byte for byte. */
static void
test_samples(void)
{
	static const char file[] = "test/samples/symbol/requests.jsonl";
	Host		host = symbol_host("testnet", "{}");
	size_t		length;
	char	   *samples = read_whole_file(file, &length);
	char	   *at = samples;
	char	   *line;

	host.print_request = NULL;
	symbol_subscribe_all(&host);
	host_watch(&host, 99, "*");
	host_sync(&host);
	symbol_greet(&host);
	host_pass(&host, 1000);
	host_watch(&host, 100, SIGNER);
	host_unwatch(&host, "*");
	host_sync(&host);
	host_pass(&host, 1000);
	host_unwatch(&host, SIGNER);
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	while ((line = next_line(&at)) != NULL)
	{
		bool		found = false;

		/* Namespaces cannot be watched. */
		if (strstr(line, "C0FB8AA409916260") != NULL)
			continue;
		for (size_t i = 0; i < cs_output_action_count(host.output); i++)
		{
			const CsAction *action = &cs_output_actions(host.output)[i];

			found = found || (action->kind == CS_ACTION_SEND &&
							  strcmp(action->text.data, line) == 0);
		}
		ok(found, "sent as in the samples: %s", line + 44);
	}
	host_free(&host);
	free(samples);
}

/*
 * Whatever a gateway closes with, the session goes on: it asks again for
 * what is wanted, or has said why not.
 */
static void
test_closes(void)
{
	static const char file[] = "test/samples/symbol/closes.jsonl";
	size_t		length;
	char	   *samples = read_whole_file(file, &length);
	char	   *at = samples;
	char	   *line;

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *object = cs_json_parse_once(line, strlen(line),
														NULL);
		const char *words = cs_json_member_string(object, "close_reason").data;
		int64_t		code = 0;
		Host		host = symbol_host("testnet", "{}");
		size_t		active = 0;
		char	   *actions;

		(void) cs_json_integer(object, "close_code", &code, NULL);
		host_subscribe(&host, 1, "block", "{}");
		host_subscribe(&host, 3, "confirmedAdded", "{}");
		host_watch(&host, 100, SIGNER);
		host_sync(&host);
		symbol_greet(&host);
		symbol_close(&host, (int) code, words);
		free(host_actions(&host));

		/* It may have been any of them; it does not happen again. */
		symbol_greet(&host);
		host_pass(&host, 30000);
		active += count_actions(&host, CS_ACTION_SUBSCRIPTION_STATE,
								CS_STATE_ACTIVE);
		active += count_actions(&host, CS_ACTION_SUBSCRIPTION_STATE,
								CS_STATE_OVER_LIMIT);
		actions = host_actions(&host);
		ok(active >= 1 && strstr(actions, "watch 100") != NULL,
		   "closed with %lld \"%s\": %s", (long long) code, words, actions);
		free(actions);
		host_free(&host);
		json_object_put(object);
	}
	free(samples);
}

int
main(void)
{
	test_ordinary();
	test_reconnect();
	test_no_uid();
	test_uids();
	test_everything();
	test_unknown_topic();
	test_no_open_channels();
	test_bad_address();
	test_bisection();
	test_lost_reasons();
	test_own_limit();
	test_gateway_limit();
	test_limit_in_between();
	test_many();
	test_bad_targets();
	test_samples();
	test_closes();
	return tap_end();
}
