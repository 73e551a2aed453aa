/*-------------------------------------------------------------------------
 *
 * flow_trouble_test.c
 *	  The Flow provider and nodes that refuse, fail, fall silent or go deaf.
 *
 * What is wished, what time it is and what nodes say go in; requests and
 * states come out, as lines of text.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "flow_host.h"
#include "tap.h"

/* What a node may say after it has taken a subscription. */
static void
test_late_errors(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_block(&host, 0, 1, 137390100, 'a');
	flow_skip(&host);

	flow_fail_as(&host, 0, 1, 46);
	flow_expect(&host, "state 1 pending (internal error: subscription finished with error: rpc error:"
		   " code = NotFound desc = could not get start height from block height: not found:"
		   " could not get header for height 999999999: failed to retrieve block ID for height 999999999:"
		   " could)", "a height the node does not know yet is waited for");
	host_pass(&host, 999);
	flow_expect(&host, "", "but not at once");
	host_pass(&host, 1);
	flow_expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390100\"}", "and asked for again");
	flow_accept(&host, 0, 2);
	flow_fail_as(&host, 0, 2, 49);
	flow_skip(&host);
	host_pass(&host, 1999);
	flow_expect(&host, "", "delays grow");
	host_pass(&host, 1);
	flow_expect(&host, "0 subscribe cs-3 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390100\"}", "a node behind is waited for");
	flow_accept(&host, 0, 3);
	flow_skip(&host);
	flow_fail_as(&host, 0, 3, 45);
	flow_expect(&host, "0 subscribe cs-4 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390146\"};"
		   " state 1 pending (internal error: subscription finished with error: rpc error:"
		   " code = InvalidArgument desc = could not get start height from block height:"
		   " start height must be greater than or equal to the root height 137390146)",
		   "where blocks are gone it goes on behind them");
	flow_accept(&host, 0, 4);
	flow_expect(&host, "state 1 active (blocks 137390101 to 137390145 are missing:"
		   " the node does not serve them any more)", "and says so");
	flow_block(&host, 0, 4, 137390146, 'b');
	flow_expect(&host, "1 rows; cursor block_digests:1 {\"height\":137390146,\"block_id\":\"" HASH_B "\","
		   "\"skipped\":{\"from\":137390101,\"to\":137390145}}",
		   "as does the position");
	flow_fail_as(&host, 0, 4, 51);
	flow_expect(&host, "0 subscribe cs-5 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"137390146\"};"
		   " state 1 pending (internal error: subscription finished with error: context deadline exceeded)",
		   "who was too slow asks again at once");
	flow_accept(&host, 0, 5);
	flow_block(&host, 0, 5, 137390146, 'b');
	flow_skip(&host);
	flow_fail(&host, 0, 5, 500, "internal error: subscription finished with error: rpc error: code = InvalidArgument desc = nonsense");
	flow_expect(&host, "state 1 error (internal error: subscription finished with error: rpc error:"
		   " code = InvalidArgument desc = nonsense)", "what is wrong is not asked for again");
	host_pass(&host, 9999);
	flow_expect(&host, "", "ever");
	host_pass(&host, 1);
	flow_expect(&host, "close 0", "and a connection for nothing is closed");
	host_free(&host);
}

/* The same for a stream that begins where the user wants. */
static void
test_early_start(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "events", "{\"event_types\":[\"flow.AccountCreated\"],\"start_block_height\":137390147}");
	host_sync(&host);
	host_open(&host);
	flow_expect(&host, "open 0; state 1 pending; 0 subscribe cs-1 events {\"event_types\":[\"flow.AccountCreated\"],"
		   "\"heartbeat_interval\":\"10\",\"start_block_height\":\"137390147\"}",
		   "a filter and a beginning");
	flow_accept(&host, 0, 1);
	flow_skip(&host);
	flow_fail_as(&host, 0, 1, 50);
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	flow_heartbeat(&host, 0, 2, "events", 150000000, 0);
	flow_expect(&host, "cursor events:1 {\"height\":150000000,\"block_id\":\"" BEAT "\",\"start\":\"137390147\","
		   "\"skipped\":{\"from\":137390147,\"to\":149999999}}",
		   "what the index does not have is skipped");
	host_free(&host);
}

/* All errors a node may answer a request with. */
static void
test_refusals(void)
{
	for (int line = 15; line <= 44; line++)
	{
		Host		host = flow_start("{}");
		const CsAction *action;

		host_subscribe(&host, 1, "block_headers", "{}");
		host_sync(&host);
		host_open(&host);
		flow_skip(&host);
		flow_fail_as(&host, 0, 1, line);
		action = cs_output_actions(host.output);
		ok(cs_output_action_count(host.output) == 1 &&
		   action->kind == CS_ACTION_SUBSCRIPTION_STATE &&
		   action->state == CS_STATE_ERROR &&
		   strncmp(action->text.data, "error creating data provider: ", 30) == 0,
		   "line %d is an error of the subscription", line);
		flow_skip(&host);
		host_pass(&host, 9000);
		flow_expect(&host, "", "and not asked for again");
		host_close(&host);
		ok(flow_count(&host, CS_ACTION_SUBSCRIPTION_STATE, "error creating") == 1,
		   "an error outlives the connection");
		flow_skip(&host);
		host_open(&host);
		ok(flow_count(&host, CS_ACTION_SEND, "block_headers") == 1,
		   "another may know better");
		host_free(&host);
	}
}

static void
test_list(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_subscribe(&host, 2, "block_headers", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_accept(&host, 0, 2);
	flow_block(&host, 0, 1, 100, 'a');
	flow_skip(&host);
	flow_say(&host, 0, "{\"subscription_id\":\"other\",\"topic\":\"block_digests\",\"payload\":"
		"{\"block_id\":\"" HASH_B "\",\"height\":\"100\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}");
	flow_skip(&host);
	host_pass(&host, 0);
	flow_expect(&host, "0 list_subscriptions", "a stranger makes us ask what the node holds");
	flow_say(&host, 0, "{\"subscriptions\":[{\"subscription_id\":\"other\",\"topic\":\"block_digests\",\"arguments\":null},"
		"{\"subscription_id\":\"cs-2\",\"topic\":\"block_headers\",\"arguments\":{}},17,{}],"
		"\"action\":\"list_subscriptions\"}");
	flow_expect(&host, "0 unsubscribe other; 0 subscribe cs-3 block_digests {\"block_status\":\"sealed\","
		   "\"start_block_height\":\"100\"}",
		   "strays are ended, and what is missing is asked for again");
	flow_say(&host, 0, "{\"subscription_id\":\"other\",\"error\":{\"code\":404,\"message\":\"subscription not found\"},\"action\":\"unsubscribe\"}");
	flow_accept(&host, 0, 3);
	flow_skip(&host);
	for (int part = 0; part < 6; part++)
	{
		/* both go on, so that nothing is taken for stalled */
		char		text[512];

		flow_block(&host, 0, 3, 101 + part, 'b');
		(void) snprintf(text, sizeof(text), "{\"subscription_id\":\"cs-2\",\"topic\":\"block_headers\",\"payload\":"
						"{\"id\":\"" HASH_A "\",\"parent_id\":\"" HASH_B "\",\"height\":\"%d\",\"timestamp\":\"2026-08-20T10:00:00Z\"}}",
						101 + part);
		flow_say(&host, 0, text);
		flow_skip(&host);
		host_pass(&host, 50000);
	}
	flow_expect(&host, "0 list_subscriptions", "so does time");
	flow_say(&host, 0, "{\"subscriptions\":null,\"action\":\"list_subscriptions\"}");
	ok(flow_count(&host, CS_ACTION_SEND, "\"subscribe\"") == 2, "null is an empty list");
	flow_skip(&host);
	host_free(&host);
}

static void
test_deafness(void)
{
	Host		host = flow_start("{}");
	char	   *line = sample_of("flow/errors", 3);

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_skip(&host);
	for (int i = 0; i < 999; i++)
		flow_say(&host, 0, line);
	flow_expect(&host, "reset 0", "a node that missed pongs is left, once");
	host_close(&host);
	host_open(&host);
	flow_expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\"}",
		   "and all is asked for again");
	host_pass(&host, 29999);
	flow_expect(&host, "", "a request is waited for");
	host_pass(&host, 1);
	flow_expect(&host, "reset 0", "but not for ever");
	host_pass(&host, 600000);
	flow_expect(&host, "", "and that once, too");
	free(line);
	host_free(&host);
}

static void
test_stalled(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_block(&host, 0, 1, 100, 'a');
	flow_skip(&host);
	host_pass(&host, 59999);
	flow_expect(&host, "", "silence is borne");
	host_pass(&host, 1);
	flow_expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"sealed\",\"start_block_height\":\"100\"};"
		   " state 1 pending (nothing came for much longer than the heartbeat; subscribed again)",
		   "for a while");
	flow_accept(&host, 0, 2);
	flow_expect(&host, "0 unsubscribe cs-1; state 1 active", "then the stream is asked for again");
	host_free(&host);

	host = flow_start("{}");
	host_subscribe(&host, 1, "account_statuses", "{}");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	host_watch(&host, 101, BOB_FLOW);
	host_sync(&host);
	flow_skip(&host);
	host_pass(&host, 99999);
	flow_expect(&host, "", "ten heartbeats are waited for");
	host_pass(&host, 1);
	ok(flow_count(&host, CS_ACTION_SEND, BOB_FLOW) == 1,
	   "also by a stream that has not said yet where it is");
	host_free(&host);
}

/* Requests that could not be read are said so, without an id. */
static void
test_general_errors(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	flow_skip(&host);
	for (int number = 1; number <= 12; number++)
	{
		char	   *line = sample_of("flow/errors", number);
		CsError		error = {0};
		bool		taken = host_message(&host, 0, line, &error);
		bool		named = strstr(line, "\"subscription_id\":\"\"") == NULL ||
			strstr(line, "\"action\":\"unsubscribe\"") != NULL;

		ok(taken == (named || number == 3), "line %d of the errors", number);
		free(line);
	}
	host_free(&host);
}

/* Every message, at any time, on any link. */
static void
test_any_order(void)
{
	static const char *const files[] = {"account_statuses", "block_digests",
		"block_headers", "blocks", "control", "errors", "events",
		"legacy_subscribe_events", "send_and_get_transaction_statuses",
		"transaction_statuses", "requests"};
	Host		host = flow_start("{}");
	CsError		error;
	int			count = 0;

	for (int round = 0; round < 4; round++)
	{
		if (round == 1)
		{
			char	   *arguments = flow_transaction();

			host_subscribe(&host, 1, "events", "{}");
			host_subscribe(&host, 2, "transaction_statuses", "{}");
			host_subscribe(&host, 3, "blocks", "{}");
			host_subscribe(&host, 4, "send_and_get_transaction_statuses", arguments);
			host_subscribe(&host, 5, "account_statuses", "{}");
			host_watch(&host, 100, "*");
			host_watch(&host, 101, "no address");
			flow_watch_transaction(&host, 102, TRANSACTION);
			free(arguments);
		}
		host_sync(&host);
		if (round == 2)
			host_open(&host);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		{
			char		path[96];
			size_t		length;
			char	   *text;
			char	   *at;
			char	   *line;

			(void) snprintf(path, sizeof(path), "test/samples/flow/%s.jsonl", files[i]);
			text = at = read_whole_file(path, &length);
			while ((line = next_line(&at)) != NULL)
			{
				(void) host_message(&host, count % 3 == 2 ? 1000 : count % 3 - 1, line, &error);
				(void) host_message(&host, 0, line, &error);
				count++;
			}
			flow_skip(&host);
			free(text);
		}
		host_pass(&host, 100000);
		host_close_link(&host, 5, &(CsClosure) {.was_open = true, .reason = ""});
		host_close_link(&host, 99, &(CsClosure) {.was_open = true, .reason = ""});
		host_open_link(&host, 99);
	}
	ok(true, "nothing but answers to %d messages", count);
	host_free(&host);
}

int
main(void)
{
	test_late_errors();
	test_early_start();
	test_refusals();
	test_list();
	test_deafness();
	test_stalled();
	test_general_errors();
	test_any_order();
	return tap_end();
}
