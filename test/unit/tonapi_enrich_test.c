/*-------------------------------------------------------------------------
 *
 * tonapi_enrich_test.c
 *	  Asking TonAPI for the details of transactions.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"
#include "tonapi_host.h"

/* ---------- enrichment ---------- */

#define NOTIFICATION(hash) \
	"{\"account_id\":\"" WALLET "\",\"lt\":1,\"tx_hash\":\"" hash "\"}"

static const char *const hashes[] = {
	NOTIFICATION("0000000000000000000000000000000000000000000000000000000000000001"),
	NOTIFICATION("0000000000000000000000000000000000000000000000000000000000000002"),
};

static Host
start_enriching(const char *options, const char *token)
{
	Host		host = tonapi_start(NULL, options, token);
	CsHandshake handshake;

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, WALLET);
	host_sync(&host);
	(void) cs_session_handshake(host.session, 0, "wss://tonapi.io/v2/websocket",
								&handshake, host.output);
	host_open(&host);
	tonapi_reply(&host, 1, "success! 1 new subscriptions created");
	free(host_actions(&host));
	return host;
}

/* Where details are asked for, with these URLs of the source. */
static void
expect_request(const char *transport, const char *url, const char *expected)
{
	CsHandshake handshake;
	Host		host = tonapi_start(transport, "{\"enrich\":true}", NULL);
	CsError		error;
	char	   *actions;
	const char *get;

	host_subscribe(&host, 1, "account_transaction", "{}");
	host_watch(&host, 100, WALLET);
	host_sync(&host);
	(void) cs_session_handshake(host.session, 0, url, &handshake, host.output);
	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	actions = host_actions(&host);
	get = strstr(actions, "get ");
	is(get ? get + 6 : "", expected, url);
	free(actions);
	host_free(&host);
}

static void
test_enrichment_urls(void)
{
	expect_request("websocket", "wss://h:8/proxy?a=b",
				   "https://h:8/v2/blockchain/transactions/" HASH);
	expect_request("websocket", "WS://[::1]:8",
				   "http://[::1]:8/v2/blockchain/transactions/" HASH);
	expect_request("sse", "https://h#x",
				   "https://h/v2/blockchain/transactions/" HASH);
	expect_request("sse", "http://h/",
				   "http://h/v2/blockchain/transactions/" HASH);
}

static void
test_enrichment(void)
{
	Host		host = start_enriching("{\"enrich\":true}", "secret");
	char	   *transaction = sample_of("tonapi/rest-transaction", 1);
	CsError		error;

	ok(host_message(&host, 0, NOTIFICATION(HASH), &error) &&
	   cs_output_record_count(host.output) == 1 &&
	   cs_output_records(host.output)->amount.data == NULL,
	   "the notification is a row at once");
	host_expect(&host, "get 2 https://tonapi.io/v2/blockchain/transactions/" HASH
				" [Authorization: Bearer secret]",
				"and the transaction is asked for");
	ok(host_message(&host, 0, NOTIFICATION(HASH), &error), "again");
	host_expect(&host, "", "but not twice");
	ok(host_answer(&host, 2, 404, "{\"error\":\"entity not found\"}", &error) &&
	   cs_output_record_count(host.output) == 0, "it is not there yet");
	host_pass(&host, 999);
	host_expect(&host, "", "so wait a little");
	host_pass(&host, 1);
	host_expect(&host, "get 3 https://tonapi.io/v2/blockchain/transactions/" HASH
				" [Authorization: Bearer secret]", "and ask again");
	ok(host_answer(&host, 3, 200, transaction, &error) &&
	   cs_output_record_count(host.output) == 1 &&
	   strcmp(cs_output_records(host.output)->amount.data, "22000000") == 0 &&
	   cs_output_records(host.output)->direction == CS_DIRECTION_OUT,
	   "there it is, with its amount");
	cs_output_reset(host.output);
	ok(cs_session_next_tick(host.session) == INT64_MAX, "nothing is left to do");
	ok(host_answer(&host, 3, 404, "", &error), "a late answer is none");
	host_expect(&host, "", "and changes nothing");
	host_pass(&host, 1000);
	ok(host_message(&host, 0, NOTIFICATION(HASH), &error), "once more");
	free(host_actions(&host));
	ok(!host_answer(&host, 4, 200, "<html>", &error), "what is no JSON is refused");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "and not asked again");
	free(transaction);
	host_free(&host);
}

static void
test_enrichment_rate(void)
{
	Host		host = start_enriching("{\"enrich\":true}", NULL);
	CsError		error;
	char	   *actions;
	CsResponse	later = {.id = 2, .status = 429, .retry_after_s = 20,
						 .reason = "", .data = ""};

	for (int i = 0; i < 2; i++)
		(void) host_message(&host, 0, hashes[i], &error);
	actions = host_actions(&host);
	ok(strstr(actions, "get 2 ") != NULL && strstr(actions, "get 3 ") == NULL,
	   "one request per second without a token");
	free(actions);
	ok(cs_session_next_tick(host.session) == host.now_ms + 1000, "then the next");
	(void) cs_session_response(host.session, &later, host.now_ms, host.output,
							   &error);
	host_pass(&host, 19999);
	host_expect(&host, "", "not while the server wants to be left alone");
	host_pass(&host, 1);
	actions = host_actions(&host);
	ok(strstr(actions, "get 3 ") != NULL, "then all of it");
	free(actions);
	host_pass(&host, 1000);
	actions = host_actions(&host);
	ok(strstr(actions, "get 4 ") != NULL, "one after the other");
	free(actions);

	/* It never comes. */
	for (int id = 3; id <= 20; id++)
	{
		(void) host_answer(&host, id, id % 2 ? 404 : 0, "", &error);
		host_pass(&host, 30000);
	}
	actions = host_actions(&host);
	ok(strstr(actions, "subscription 1 active (some transactions stay w)") != NULL,
	   "what never comes is told");
	ok(cs_session_next_tick(host.session) == INT64_MAX, "and given up");
	free(actions);
	host_free(&host);
}

/* The token is none, or the server has trouble of its own. */
static void
test_enrichment_refused(void)
{
	Host		host = start_enriching("{\"enrich\":true}", "wrong");
	CsError		error;
	char	   *transaction = sample_of("tonapi/rest-transaction", 1);
	char	   *actions;

	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	free(host_actions(&host));
	ok(host_answer(&host, 2, 401, "{\"error\":\"unauthorized\"}", &error),
	   "a refusal");
	host_expect(&host, "subscription 1 active (the server refuses to te)",
				"is told, while notifications go on");
	host_pass(&host, 59999);
	host_expect(&host, "", "for a minute it is not asked again");
	host_pass(&host, 1);
	actions = host_actions(&host);
	ok(strncmp(actions, "get 3 ", 6) == 0, "then it is");
	free(actions);
	ok(host_answer(&host, 3, 200, transaction, &error), "and answers");
	host_expect(&host, "subscription 1 active", "which is told, too");

	host_pass(&host, 1000);
	(void) host_message(&host, 0, NOTIFICATION(HASH), &error);
	free(host_actions(&host));
	ok(host_answer(&host, 4, 400, "{\"Error\":\"no\"}", &error) &&
	   cs_session_next_tick(host.session) == INT64_MAX,
	   "a request that cannot be is not made again");
	free(transaction);
	host_free(&host);
}

/* A flood: the queue is bounded, and the rows are there all the same. */
static void
test_enrichment_flood(void)
{
	Host		host = start_enriching("{\"enrich\":true}", NULL);
	CsError		error;
	char	   *texts[1010];
	char	   *actions;
	size_t		rows;

	for (int i = 0; i < 1010; i++)
	{
		char		hash[80];

		(void) snprintf(hash, sizeof(hash), "%064x", i);
		texts[i] = replaced(NOTIFICATION(HASH), HASH, hash);
		if (!host_message(&host, 0, texts[i], &error))
			bail_out("rejected");
	}
	rows = cs_output_record_count(host.output);
	actions = host_actions(&host);
	ok(rows == 1010, "every notification is a row");
	ok(strstr(actions, "subscription 1 active (some transactions stay w)") != NULL,
	   "that some stay incomplete is told");
	free(actions);
	for (int i = 0; i < 1010; i++)
		free(texts[i]);
	host_free(&host);
}

int
main(void)
{
	test_enrichment_urls();
	test_enrichment();
	test_enrichment_rate();
	test_enrichment_refused();
	test_enrichment_flood();
	return tap_end();
}
