/*-------------------------------------------------------------------------
 *
 * flow_session_test.c
 *	  Conversations of the Flow provider with access nodes.
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

static void
test_ordinary(void)
{
	Host		host = flow_start("{}");

	host_sync(&host);
	flow_expect(&host, "", "without subscriptions there is no connection");
	host_subscribe(&host, 1, "events", "{}");
	host_subscribe(&host, 2, "transaction_statuses", "{}");
	host_sync(&host);
	flow_expect(&host, "state 1 idle (waiting for a watched address);"
		   " state 2 idle (no transaction is watched)",
		   "nor without anything that is watched");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	flow_expect(&host, "open 0; state 1 pending", "a watched address opens it");
	host_open(&host);
	flow_expect(&host, "0 subscribe cs-1 events {\"event_types\":[\"A.f233dcee88fe0abe.FungibleToken.Deposited\","
		   "\"A.f233dcee88fe0abe.FungibleToken.Withdrawn\","
		   "\"A.f919ee77447b7497.FlowFees.FeesDeducted\"],"
		   "\"heartbeat_interval\":\"10\"}",
		   "the movements of all tokens are subscribed");
	flow_accept(&host, 0, 1);
	flow_expect(&host, "state 1 active; watch 100 active",
		   "all is active when the node says so");
	host_watch(&host, 101, BOB_FLOW);
	host_sync(&host);
	flow_expect(&host, "watch 101 active", "another address needs no request");
	flow_heartbeat(&host, 0, 1, "events", 163000000, 0);
	flow_expect(&host, "cursor events:1 {\"height\":163000000,\"block_id\":\"" BEAT "\"}",
		   "a heartbeat moves the position");
	flow_sample(&host, 0, 1, "flow/events", 4);
	flow_expect(&host, "3 rows; cursor events:1 {\"height\":163000001,\"block_id\":"
		   "\"4f1a45bae30c26aaacefbc73133d8938854f79c8b2da285687ef4e09bca5fc15\"}",
		   "events are rows of those who are watched");
	host_unwatch(&host, ALICE_FLOW);
	host_unwatch(&host, BOB_FLOW);
	host_sync(&host);
	flow_expect(&host, "cursor events:1 {}; 0 unsubscribe cs-1; close 0;"
		   " state 1 idle (waiting for a watched address)",
		   "an empty list is unsubscribed, and forgets the position");
	flow_sample(&host, 0, 1, "flow/events", 4);
	flow_expect(&host, "", "what is still on its way is nobody's");
	host_free(&host);
}

static void
test_everything(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "events", "{\"heartbeat_interval\":5}");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_heartbeat(&host, 0, 1, "events", 100, 0);
	flow_skip(&host);
	host_watch(&host, 101, "*");
	host_sync(&host);
	flow_expect(&host, "0 subscribe cs-2 events {\"heartbeat_interval\":\"5\","
		   "\"start_block_height\":\"100\"}",
		   "for '*' all events are subscribed, from the last block on");
	flow_heartbeat(&host, 0, 1, "events", 104, 1);
	flow_expect(&host, "", "the old subscription does not move the position");
	flow_accept(&host, 0, 2);
	flow_expect(&host, "0 unsubscribe cs-1; watch 101 active",
		   "it is ended when the new one is there");
	flow_ended(&host, 0, 1);
	flow_sample(&host, 0, 1, "flow/events", 4);
	flow_expect(&host, "", "what is left of it is dropped");
	host_free(&host);
}

static void
test_resume(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 7, "block_digests", "{\"block_status\":\"finalized\"}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_expect(&host, "open 0; state 7 pending; 0 subscribe cs-1 block_digests"
		   " {\"block_status\":\"finalized\"}; state 7 active",
		   "blocks need no watch list");
	flow_block(&host, 0, 1, 100, 'a');
	flow_expect(&host, "1 rows; cursor block_digests:7 {\"height\":100,\"block_id\":\"" HASH_A "\"}",
		   "a block is a row and a position");
	host_close(&host);
	flow_expect(&host, "", "the host knows what a lost link means");
	host_open(&host);
	flow_expect(&host, "0 subscribe cs-2 block_digests {\"block_status\":\"finalized\","
		   "\"start_block_height\":\"100\"}",
		   "it goes on at the last block");
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	flow_block(&host, 0, 2, 100, 'a');
	flow_expect(&host, "", "which is not taken twice");
	flow_block(&host, 0, 2, 101, 'b');
	flow_expect(&host, "1 rows; cursor block_digests:7 {\"height\":101,\"block_id\":\"" HASH_B "\"}",
		   "then come new ones");
	flow_block(&host, 0, 2, 103, 'c');
	flow_expect(&host, "1 rows; 0 subscribe cs-3 block_digests {\"block_status\":\"finalized\","
		   "\"start_block_height\":\"101\"}",
		   "a block that is missing is asked for again");
	flow_accept(&host, 0, 3);
	flow_expect(&host, "0 unsubscribe cs-2", "and then the old one ended");
	flow_block(&host, 0, 3, 103, 'c');
	flow_expect(&host, "1 rows; cursor block_digests:7 {\"height\":103,\"block_id\":\"" HASH_C "\","
		   "\"skipped\":{\"from\":102,\"to\":102}};"
		   " state 7 active (blocks 102 to 102 are missing: the node does not serve them any more)",
		   "but not for ever");
	host_close(&host);
	host_open(&host);
	flow_accept(&host, 0, 4);
	flow_skip(&host);
	flow_block(&host, 0, 4, 103, 'd');
	flow_expect(&host, "0 unsubscribe cs-4; state 7 error (block 103 is dddddddddddddddd..."
		   " here and was cccccccccccccccc... before: is this another network?"
		   " Delete the source's cursor to begin anew)",
		   "a block that has become another is another chain");
	host_free(&host);
}

/*
 * After a restart the last block is delivered once more.  Its rows are stored,
 * which this process does not know; those of the next are not.
 */
static void
test_last_block(void)
{
	for (int height = 163000000; height <= 163000001; height++)
	{
		Host		host = flow_start("{}");
		char		position[64];

		(void) snprintf(position, sizeof(position), "{\"height\": %d}", height);
		cs_session_restore(host.session, "events:1", position);
		host_subscribe(&host, 1, "events", "{}");
		host_watch(&host, 100, "*");
		host_sync(&host);
		host_open(&host);
		flow_accept(&host, 0, 1);
		flow_skip(&host);
		flow_sample(&host, 0, 1, "flow/events", 4);
		ok((cs_output_record_count(host.output) > 0) == (height < 163000001),
		   height < 163000001 ? "a block that follows the stored position makes rows" :
		   "the block at the stored position makes none again");
		host_free(&host);
	}
}

/* Positions of an earlier process. */
static void
test_restore(void)
{
	Host		host = flow_start("{}");

	cs_session_restore(host.session, "events:1",
					   "{\"height\": 90, \"block_id\": \"" HASH_A "\"}");
	cs_session_restore(host.session, "blocks:2", "{\"height\": 91, \"start\": \"50\"}");
	cs_session_restore(host.session, "blocks:3", "{\"height\": 92, \"start\": \"50\"}");
	cs_session_restore(host.session, "block_headers:4", "no JSON");
	cs_session_restore(host.session, "block_headers:5", "{\"height\": -4}");
	host_subscribe(&host, 1, "events", "{}");
	host_subscribe(&host, 2, "blocks", "{\"start_block_height\": 50}");
	host_subscribe(&host, 3, "blocks", "{\"start_block_height\": \"60\"}");
	host_subscribe(&host, 4, "block_headers", "{}");
	host_subscribe(&host, 5, "block_headers", "{}");
	host_watch(&host, 100, "*");
	host_sync(&host);
	flow_skip(&host);
	host_open(&host);
	flow_expect(&host, "0 subscribe cs-1 events {\"heartbeat_interval\":\"10\",\"start_block_height\":\"90\"};"
		   " 0 subscribe cs-2 blocks {\"block_status\":\"sealed\",\"start_block_height\":\"91\"};"
		   " 0 subscribe cs-3 blocks {\"block_status\":\"sealed\",\"start_block_height\":\"60\"};"
		   " 0 subscribe cs-4 block_headers {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-5 block_headers {\"block_status\":\"sealed\"}",
		   "positions are taken back where they still fit");
	host_free(&host);
}

static void
test_limits(void)
{
	Host		host = flow_start("{\"max_subscriptions_per_connection\":3,\"max_connections\":2}");

	for (int i = 1; i <= 8; i++)
		host_subscribe(&host, i, "block_digests", "{}");
	host_sync(&host);
	flow_expect(&host, "open 0; open 1; state 1 pending; state 2 pending; state 3 pending;"
		   " state 4 pending; state 5 pending; state 6 pending;"
		   " state 7 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection);"
		   " state 8 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection)",
		   "as many connections as it takes, but no more");
	host_open(&host);
	host_open_link(&host, 1);
	flow_expect(&host, "0 subscribe cs-1 block_digests {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-2 block_digests {\"block_status\":\"sealed\"};"
		   " 0 subscribe cs-3 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-4 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-5 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-6 block_digests {\"block_status\":\"sealed\"}",
		   "each takes its share");
	for (int i = 1; i <= 6; i++)
		flow_accept(&host, i > 3, i);
	flow_skip(&host);
	cs_session_unsubscribe(host.session, 5);
	host_sync(&host);
	flow_expect(&host, "1 unsubscribe cs-5; 1 subscribe cs-7 block_digests {\"block_status\":\"sealed\"};"
		   " state 7 pending", "a place that is free is taken");
	flow_ended(&host, 1, 5);
	flow_accept(&host, 1, 7);
	flow_expect(&host, "state 7 active", "by who waited");
	host_close_link(&host, 1, &(CsClosure) {.was_open = true, .reason = "lost"});
	flow_expect(&host, "state 4 pending; state 6 pending; state 7 pending",
		   "a lost connection is told of those it served");
	host_close_link(&host, 1, &(CsClosure) {.was_open = false, .reason = "refused"});
	flow_expect(&host, "", "an attempt that fails is no news");
	host_open_link(&host, 1);
	flow_expect(&host, "1 subscribe cs-8 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-9 block_digests {\"block_status\":\"sealed\"};"
		   " 1 subscribe cs-10 block_digests {\"block_status\":\"sealed\"}",
		   "which are asked for anew");
	flow_fail_as(&host, 1, 8, 13);
	flow_expect(&host, "state 4 over limit (all connections are full; see the options max_connections and max_subscriptions_per_connection)",
		   "a node with a lower limit");
	flow_fail_as(&host, 1, 9, 14);
	flow_expect(&host, "1 subscribe cs-11 block_digests {\"block_status\":\"sealed\"};"
		   " state 4 pending; state 6 over limit (error creating new subscription: maximum number of streams reached)",
		   "and one that is full");
	host_pass(&host, 29999);
	flow_skip(&host);
	host_free(&host);
}

static void
test_closing(void)
{
	Host		host = flow_start("{\"max_subscriptions_per_connection\":1}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_subscribe(&host, 2, "blocks", "{}");
	host_sync(&host);
	host_open(&host);
	host_open_link(&host, 1);
	flow_accept(&host, 0, 1);
	flow_accept(&host, 1, 2);
	flow_skip(&host);
	cs_session_unsubscribe(host.session, 1);
	host_sync(&host);
	flow_expect(&host, "0 unsubscribe cs-1", "a subscription is ended");
	flow_ended(&host, 0, 1);
	host_pass(&host, 9999);
	flow_expect(&host, "", "its connection is kept a while");
	host_pass(&host, 1);
	flow_expect(&host, "close 0", "and closed before the node does it");
	host_close(&host);
	flow_expect(&host, "", "as wished");
	host_subscribe(&host, 3, "block_headers", "{}");
	host_sync(&host);
	flow_expect(&host, "open 0; state 3 pending", "a new one needs it again");
	cs_session_unsubscribe(host.session, 2);
	cs_session_unsubscribe(host.session, 3);
	host_sync(&host);
	flow_expect(&host, "1 unsubscribe cs-2; close 0; close 1",
		   "without subscriptions all is closed at once");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is due");
	host_free(&host);
}

static void
test_accounts(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "account_statuses", "{\"event_types\":[\"flow.AccountKeyAdded\"]}");
	host_watch(&host, 100, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	flow_expect(&host, "open 0; state 1 pending; 0 subscribe cs-1 account_statuses"
		   " {\"event_types\":[\"flow.AccountKeyAdded\"],\"account_addresses\":[\"" ALICE_FLOW "\"],"
		   "\"heartbeat_interval\":\"10\"}", "accounts are named");
	flow_accept(&host, 0, 1);
	flow_expect(&host, "state 1 active; watch 100 active", "and active");
	host_watch(&host, 101, BOB_FLOW);
	host_sync(&host);
	flow_expect(&host, "", "where it is must be known before one more is added");
	flow_heartbeat(&host, 0, 1, "account_statuses", 500, 0);
	flow_expect(&host, "cursor account_statuses:1 {\"height\":500,\"block_id\":\"" BEAT "\"};"
		   " 0 subscribe cs-2 account_statuses {\"event_types\":[\"flow.AccountKeyAdded\"],"
		   "\"account_addresses\":[\"" ALICE_FLOW "\",\"" BOB_FLOW "\"],\"heartbeat_interval\":\"10\","
		   "\"start_block_height\":\"500\"}",
		   "one more makes a new subscription, from the last block on");
	flow_sample(&host, 0, 1, "flow/account_statuses", 8);
	flow_expect(&host, "2 rows", "the old one still delivers");
	flow_accept(&host, 0, 2);
	flow_expect(&host, "0 unsubscribe cs-1; watch 101 active",
		   "until the new one does");
	flow_heartbeat(&host, 0, 2, "account_statuses", 500, 0);
	flow_expect(&host, "", "from the same block on");
	flow_ended(&host, 0, 1);
	host_unwatch(&host, ALICE_FLOW);
	host_sync(&host);
	flow_expect(&host, "", "one less changes nothing");
	for (int i = 1; i <= 250; i++)
		host_watch(&host, 200 + i, flow_numbered_address(i));
	host_sync(&host);
	ok(flow_count(&host, CS_ACTION_SEND, "\"subscribe\"") == 3,
	   "251 accounts are three subscriptions");
	flow_skip(&host);
	for (int i = 3; i <= 5; i++)
		flow_accept(&host, 0, i);
	ok(flow_count(&host, CS_ACTION_WATCH_STATE, NULL) == 250 &&
	   flow_count(&host, CS_ACTION_SEND, "unsubscribe") == 1,
	   "all of them active");
	flow_skip(&host);
	flow_heartbeat(&host, 0, 3, "account_statuses", 505, 0);
	flow_heartbeat(&host, 0, 4, "account_statuses", 507, 0);
	flow_expect(&host, "", "the position waits for the last of them");
	flow_heartbeat(&host, 0, 5, "account_statuses", 506, 0);
	flow_expect(&host, "cursor account_statuses:1 {\"height\":505,\"block_id\":\"" BEAT "\"}",
		   "which is the one that counts");
	for (int i = 251; i <= 1200; i++)
		host_watch(&host, 200 + i, flow_numbered_address(i));
	host_sync(&host);
	ok(flow_count(&host, CS_ACTION_SEND, "unsubscribe") == 3 &&
	   flow_count(&host, CS_ACTION_SEND, "account_addresses") == 0 &&
	   flow_count(&host, CS_ACTION_SEND, "\"start_block_height\":\"505\"") == 1,
	   "a thousand are not named: all accounts are taken");
	flow_skip(&host);
	host_free(&host);
}

static void
test_transactions(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "transaction_statuses", "{}");
	flow_watch_transaction(&host, 100, TRANSACTION);
	host_sync(&host);
	host_open(&host);
	flow_expect(&host, "open 0; state 1 pending; watch 100 pending; 0 subscribe cs-1 transaction_statuses"
		   " {\"tx_id\":\"" TRANSACTION "\"}",
		   "a watched transaction is a subscription");
	flow_accept(&host, 0, 1);
	flow_expect(&host, "state 1 active; watch 100 active", "and active");
	for (int line = 1; line <= 3; line++)
		flow_sample(&host, 0, 1, "flow/transaction_statuses", line);
	flow_expect(&host, "2 rows", "one row for each status");
	host_close(&host);
	host_open(&host);
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	for (int line = 1; line <= 3; line++)
		flow_sample(&host, 0, 2, "flow/transaction_statuses", line);
	flow_expect(&host, "", "what is told again after a reconnect is no news");
	flow_sample(&host, 0, 2, "flow/transaction_statuses", 4);
	flow_expect(&host, "1 rows; state 1 idle (no transaction is watched); watch 100 done (sealed)",
		   "the last status ends it");
	host_pass(&host, 10000);
	flow_expect(&host, "close 0", "nothing is left to do");
	host_free(&host);
}

static void
test_single_transaction(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "transaction_statuses",
				   "{\"tx_id\":\"E1706B5488A6FB8F37996BC5BBF2F03B3972E4B4A09FE5916F24FA9E50EBE32C\"}");
	host_subscribe(&host, 2, "transaction_statuses", "{}");
	flow_watch_transaction(&host, 100, "7c77d119620fda9124cb7c1914a738ae336a257710632be19c3134d786647f56");
	host_watch(&host, 101, ALICE_FLOW);
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	flow_sample(&host, 0, 2, "flow/transaction_statuses", 9);
	flow_sample(&host, 0, 2, "flow/transaction_statuses", 10);
	flow_expect(&host, "2 rows; state 1 done (expired, or never heard of by the node)",
		   "a subscription to one transaction is done with it");
	for (int line = 5; line <= 7; line++)
		flow_sample(&host, 0, 1, "flow/transaction_statuses", line);
	flow_expect(&host, "3 rows", "a failure is told as soon as it is known");
	flow_sample(&host, 0, 1, "flow/transaction_statuses", 8);
	flow_expect(&host, "state 2 idle (no transaction is watched); watch 100 done ([Error Code: 1101] error caused by: 1 error occurred:"
		   "  * transaction execute failed: [Error Code: 1101] cadence runtime error:"
		   " Execution failed: error: panic: not enough \"FLOW\" & <tokens>  --> 1654653399040a61.FlowToken:86:12 )",
		   "and final when it is sealed");
	host_free(&host);
}

/* A subscription that gets other arguments. */
static void
test_changed(void)
{
	Host		host = flow_start("{}");

	host_subscribe(&host, 1, "block_digests", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_block(&host, 0, 1, 100, 'a');
	flow_skip(&host);
	host_subscribe(&host, 1, "block_digests", "{\"block_status\":\"finalized\"}");
	host_sync(&host);
	flow_expect(&host, "0 unsubscribe cs-1; 0 subscribe cs-2 block_digests"
		   " {\"block_status\":\"finalized\",\"start_block_height\":\"100\"}; state 1 pending",
		   "it goes on where it was");
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	host_subscribe(&host, 1, "block_digests", "{\"start_block_height\":\"7\"}");
	host_sync(&host);
	flow_expect(&host, "cursor block_digests:1 {}; 0 unsubscribe cs-2; 0 subscribe cs-3 block_digests"
		   " {\"block_status\":\"sealed\",\"start_block_height\":\"7\"}; state 1 pending",
		   "unless it is to begin elsewhere");
	flow_accept(&host, 0, 3);
	flow_block(&host, 0, 3, 7, 'b');
	flow_expect(&host, "1 rows; state 1 active; cursor block_digests:1 {\"height\":7,\"block_id\":\"" HASH_B "\",\"start\":\"7\"}",
		   "which is remembered");
	host_subscribe(&host, 1, "block_headers", "{\"start_block_height\":\"7\"}");
	host_sync(&host);
	flow_expect(&host, "cursor block_digests:1 {}; 0 unsubscribe cs-3; 0 subscribe cs-4 block_headers"
		   " {\"block_status\":\"sealed\",\"start_block_height\":\"7\"}; state 1 pending",
		   "another topic is another stream");
	host_free(&host);
}

/* More transactions than there is room for. */
static void
test_many_transactions(void)
{
	Host		host = flow_start("{\"max_subscriptions_per_connection\":1,\"max_connections\":1}");
	char		hash[65];

	flow_watch_transaction(&host, 99, "7C77D119620FDA9124CB7C1914A738AE336A257710632BE19C3134D786647F56");
	flow_watch_transaction(&host, 100, TRANSACTION);
	host_sync(&host);
	flow_expect(&host, "watch 99 error (not an address or transaction id in canonical form of this network);"
		   " watch 100 pending (no subscription of this source takes it)",
		   "without a subscription nobody follows a transaction");
	host_subscribe(&host, 1, "transaction_statuses", "{}");
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_skip(&host);
	for (int i = 0; i < 1002; i++)
	{
		(void) snprintf(hash, sizeof(hash), "%064x", (unsigned int) i);
		flow_watch_transaction(&host, 1000 + i, hash);
	}
	host_sync(&host);
	ok(flow_count(&host, CS_ACTION_WATCH_STATE, "all connections are full") == 1000 &&
	   flow_count(&host, CS_ACTION_WATCH_STATE, "too many transactions") == 2,
	   "what finds no place is told so");
	flow_skip(&host);
	flow_sample(&host, 0, 1, "flow/transaction_statuses", 4);
	ok(flow_count(&host, CS_ACTION_SEND, "\"cs-2\"") == 1 &&
	   flow_count(&host, CS_ACTION_WATCH_STATE, "sealed") == 1 &&
	   flow_count(&host, CS_ACTION_WATCH_STATE, "all connections are full") == 1,
	   "one that is done makes room for the next, and that for another");
	flow_skip(&host);
	cs_session_unwatch(host.session, CS_WATCH_TRANSACTION, hash);
	host_sync(&host);
	flow_expect(&host, "", "one that never had its turn goes without a word");
	host_free(&host);
}

static void
test_submit(void)
{
	Host		host = flow_start("{}");
	char	   *arguments = flow_transaction();
	static const char id[] = "012678deb9b8f26f0b1d74a3ddbe23955a18c4f4f1fcc55d9e601636abf9d0bc";
	char		expected[512];

	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	flow_expect(&host, "open 0; state 5 pending", "nothing is sent before the link is open");
	host_open(&host);
	ok(flow_count(&host, CS_ACTION_CURSOR, "{\"submitted\":true}") == 1 &&
	   flow_count(&host, CS_ACTION_SEND, strstr(arguments, "dHJhbnNhY3Rpb24g") ? "\"script\":\"dHJhbnNhY3Rpb24g" : "") == 1 &&
	   flow_count(&host, CS_ACTION_SEND, "\"envelope_signatures\":[{\"address\":\"e4db9c640c6e50ba\",\"key_index\":\"0\"") == 1,
	   "it is handed over, which is remembered");
	flow_skip(&host);
	flow_accept(&host, 0, 1);
	flow_expect(&host, "", "that the node takes the request says little");
	flow_sample(&host, 0, 1, "flow/send_and_get_transaction_statuses", 5);
	(void) snprintf(expected, sizeof(expected),
					"1 rows; cursor send_and_get_transaction_statuses:5 {\"submitted\":true,\"transaction\":\"%s\"};"
					" state 5 active (transaction %s)", id, id);
	flow_expect(&host, expected, "its first status says that it is accepted");
	host_close(&host);
	flow_skip(&host);
	host_open(&host);
	(void) snprintf(expected, sizeof(expected),
					"0 subscribe cs-2 transaction_statuses {\"tx_id\":\"%s\"}", id);
	flow_expect(&host, expected, "after a reconnect it is followed by its id");
	flow_accept(&host, 0, 2);
	flow_skip(&host);
	for (int line = 5; line <= 8; line++)
	{
		char	   *text = sample_of("flow/send_and_get_transaction_statuses", line);
		char	   *renamed = replaced(text, "send-1\",\"topic\":\"send_and_get_transaction_statuses",
									   "cs-2\",\"topic\":\"transaction_statuses");

		flow_say(&host, 0, renamed);
		free(renamed);
		free(text);
	}
	flow_expect(&host, "2 rows; state 5 done (sealed)", "until it is sealed");
	host_free(&host);

	host = flow_start("{}");
	(void) snprintf(expected, sizeof(expected),
					"{\"submitted\":true,\"transaction\":\"%s\"}", id);
	cs_session_restore(host.session, "send_and_get_transaction_statuses:5", expected);
	cs_session_restore(host.session, "send_and_get_transaction_statuses:6", "{\"submitted\": true}");
	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 6, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	host_open(&host);
	(void) snprintf(expected, sizeof(expected),
					"open 0; state 5 pending; state 6 failed (the connection was lost before the node told the transaction's id:"
					" it may have been accepted, and is not sent again);"
					" 0 subscribe cs-1 transaction_statuses {\"tx_id\":\"%s\"}", id);
	flow_expect(&host, expected, "another process does not send it again");
	host_free(&host);

	host = flow_start("{}");
	host_subscribe(&host, 5, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 6, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 7, "send_and_get_transaction_statuses", arguments);
	host_subscribe(&host, 8, "send_and_get_transaction_statuses", arguments);
	host_sync(&host);
	host_open(&host);
	flow_accept(&host, 0, 1);
	flow_skip(&host);
	flow_fail_as(&host, 0, 1, 52);
	flow_expect(&host, "state 5 failed (internal error: subscription finished with error: rpc error: code = InvalidArgument"
		   " desc = failed to send transaction: invalid transaction: transaction is expired:"
		   " ref_height=162998000 final_height=163000000)", "a refusal is told in the node's words");
	flow_fail_as(&host, 0, 2, 43);
	flow_expect(&host, "state 6 failed (error creating data provider: invalid arguments for send tx statuses data provider:"
		   " failed to parse transaction: invalid payer: rpc error: code = InvalidArgument"
		   " desc = address 7e60df042a9c0868 is invalid for chain flow-mainnet)", "one at once as well");
	flow_fail_as(&host, 0, 3, 14);
	flow_expect(&host, "cursor send_and_get_transaction_statuses:7 {};"
		   " state 7 over limit (error creating new subscription: maximum number of streams reached)",
		   "one that never got in may be sent again");
	host_close(&host);
	flow_expect(&host, "state 7 over limit (error creating new subscription: maximum number of streams reached);"
		   " state 8 failed (the connection was lost before the node told the transaction's id:"
		   " it may have been accepted, and is not sent again)",
		   "of one that got no answer nothing is known");
	host_open(&host);
	flow_expect(&host, "", "nothing is sent twice");
	host_pass(&host, 30000);
	ok(flow_count(&host, CS_ACTION_SEND, "send_and_get") == 1, "but what never got in is");
	host_free(&host);
	free(arguments);
}

int
main(void)
{
	test_ordinary();
	test_everything();
	test_resume();
	test_last_block();
	test_restore();
	test_limits();
	test_closing();
	test_accounts();
	test_transactions();
	test_single_transaction();
	test_changed();
	test_many_transactions();
	test_submit();
	return tap_end();
}
