/*-------------------------------------------------------------------------
 *
 * symbol_test.c
 *	  What the Symbol provider makes of messages.
 *
 * Every message among the samples, in the forms of both gateway versions, is
 * fed to sessions with different watch lists, and the rows that come out are
 * compared with those in golden/symbol.  "symbol_test --update" writes those
 * files anew; read the difference before committing it.
 *
 * Run from the root of the source tree; prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include <json-c/json.h>

#include "codec/hex.h"
#include "golden.h"
#include "provider/json.h"
#include "symbol_host.h"
#include "tap.h"

/* Somebody whom no sample mentions. */
#define STRANGER "TASYMBOLLK6FSL7GSEMQEAWN7VW55ZSZU2Q2Q5Y"

/* ---------- the parties of a message ---------- */

#define PARTIES_MAX 16

typedef struct Parties
{
	char		text[PARTIES_MAX][CS_SYMBOL_TEXT_LENGTH + 1];
	int			count;
} Parties;

static void
add_party(Parties *parties, const uint8_t address[CS_SYMBOL_ADDRESS_LENGTH])
{
	char		text[CS_SYMBOL_TEXT_LENGTH + 1];

	/* Only what can be watched. */
	if (address[0] != CS_SYMBOL_TESTNET)
		return;
	cs_symbol_address_encode(address, text);
	for (int i = 0; i < parties->count; i++)
	{
		if (strcmp(parties->text[i], text) == 0)
			return;
	}
	if (parties->count == PARTIES_MAX)
		bail_out("too many parties");
	strcpy(parties->text[parties->count++], text);
}

/* Every public key and address anywhere in a value. */
static void
find_parties(Parties *parties, const char *name, struct json_object *value)
{
	uint8_t		bytes[32];
	CsText		text = cs_json_string(value);

	if (json_object_is_type(value, json_type_object))
	{
		json_object_object_foreach(value, key, member)
			find_parties(parties, key, member);
	}
	else if (json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
			find_parties(parties, name, json_object_array_get_idx(value, i));
	}
	else if (text.length == 48 && cs_hex_decode(text.data, 48, bytes))
		add_party(parties, bytes);
	else if (strcmp(name, "signerPublicKey") == 0)
	{
		uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

		if (text.length != 64 || !cs_hex_decode(text.data, 64, bytes) ||
			!cs_symbol_address_of_key(CS_SYMBOL_TESTNET, bytes, address))
			bail_out("no public key: %s", text.data);
		add_party(parties, address);
	}
	else if (strcmp(name, "topic") == 0 && strchr(text.data, '/') != NULL)
	{
		const char *slash = strchr(text.data, '/') + 1;

		if (cs_symbol_address_decode(slash, strlen(slash), bytes))
			add_party(parties, bytes);
	}
}

/* ---------- golden files ---------- */

/* The rows of a message for a watch list, and of what time makes of it. */
static void
print_perspective(FILE *file, const char *name, Host *host, const char *text)
{
	CsError		error = {0};
	char		prefix[80];

	(void) snprintf(prefix, sizeof(prefix), "  %s: ", name);
	host_sync(host);
	host_open_link(host, 0);
	cs_output_reset(host->output);
	if (!host_message(host, 0, text, &error))
		fprintf(file, "%srejected, %s\n", prefix, error.message);
	else if (cs_output_record_count(host->output) == 0 &&
			 cs_output_action_count(host->output) == 0)
		fprintf(file, "%sno rows\n", prefix);
	golden_rows(file, prefix, host->output);
	host->now_ms += 5000;
	cs_session_tick(host->session, host->now_ms, host->output);
	(void) snprintf(prefix, sizeof(prefix), "  %s, later: ", name);
	golden_rows(file, prefix, host->output);
	host_free(host);
}

static void
print_message(FILE *file, const char *text)
{
	struct json_object *envelope = cs_json_parse_once(text, strlen(text), NULL);
	CsText		topic = cs_json_member_string(envelope, "topic");
	Parties		parties = {.count = 0};
	Host		host;
	char		name[64];

	find_parties(&parties, "", envelope);
	host = symbol_host("testnet", "{}");
	symbol_subscribe_all(&host);
	host_watch(&host, 100, "*");
	print_perspective(file, "everything", &host, text);
	for (int i = 0; i < parties.count && strcmp(topic.data, "block") != 0; i++)
	{
		host = symbol_host("testnet", "{}");
		symbol_subscribe_all(&host);
		host_watch(&host, 100, parties.text[i]);
		(void) snprintf(name, sizeof(name), "%.6s watched", parties.text[i]);
		print_perspective(file, name, &host, text);
	}
	if (parties.count > 1 && strcmp(topic.data, "block") != 0)
	{
		host = symbol_host("testnet", "{}");
		symbol_subscribe_all(&host);
		for (int i = 0; i < parties.count; i++)
			host_watch(&host, 100 + i, parties.text[i]);
		print_perspective(file, "all watched", &host, text);
	}
	host = symbol_host("testnet", "{}");
	symbol_subscribe_all(&host);
	host_watch(&host, 100, STRANGER);
	print_perspective(file, "stranger watched", &host, text);
	json_object_put(envelope);
}

/* What both versions of the gateway send must give the same rows. */
static void
test_golden(const char *folder, const char *name, bool update)
{
	char		path[256];
	size_t		length;
	char	   *samples;
	char	   *at;
	char	   *line;
	char	   *got;
	FILE	   *file;
	int			number = 0;

	(void) snprintf(path, sizeof(path), "test/samples/symbol/%s%s.jsonl", folder,
					name);
	samples = at = read_whole_file(path, &length);
	file = open_memstream(&got, &length);
	while ((line = next_line(&at)) != NULL)
	{
		fprintf(file, "line %d\n", ++number);
		print_message(file, line);
	}
	(void) fclose(file);
	(void) snprintf(path, sizeof(path), "symbol/%s", name);
	golden_settle(path, got, length, update);
	free(got);
	free(samples);
}

/* ---------- single messages ---------- */

/* A session with all topics that watches these, connected; NULL: nobody. */
static Host
listen_for(const char *first, const char *second)
{
	Host		host = symbol_host("testnet", "{}");

	symbol_subscribe_all(&host);
	if (first != NULL)
		host_watch(&host, 100, first);
	if (second != NULL)
		host_watch(&host, 101, second);
	host_sync(&host);
	host_open_link(&host, 0);
	cs_output_reset(host.output);
	return host;
}

static const CsRecord *
row(const Host *host, size_t index)
{
	if (index >= cs_output_record_count(host->output))
		bail_out("no row %zu", index);
	return &cs_output_records(host->output)[index];
}

static void
test_common_members(void)
{
	Host		host = listen_for(SIGNER, NULL);
	char	   *line = sample_of("symbol/confirmedAdded", 2);
	char	   *message = malloc(strlen(line) + 4);
	const CsRecord *record;

	(void) sprintf(message, "%s \r\n", line);
	host_receive(&host, message);
	record = row(&host, 0);
	ok(record->payload.data == message &&
	   record->payload.length == strlen(line),
	   "the payload is the message without white space behind it");
	ok(record->subscription_id == 3 && strcmp(record->topic,
											  "confirmedAdded") == 0,
	   "it is of its subscription");
	ok(record->fee.data == NULL && record->block_hash.data == NULL &&
	   record->occurred_at == CS_NO_NUMBER,
	   "what the message does not say is absent");
	host_free(&host);
	free(message);
	free(line);
}

/* A confirmed transaction takes its time from its block, if that came first. */
static void
test_time_of_block(void)
{
	Host		host = listen_for(SIGNER, NULL);
	char	   *block = sample_of("symbol/block", 1);
	char	   *line = sample_of("symbol/confirmedAdded", 2);
	char	   *text = replaced(line, "1823630", "1823627");
	const CsRecord *record;

	host_receive(&host, block);
	host_receive(&host, text);
	record = row(&host, 1);
	ok(record->occurred_at == INT64_C(1729629182339000) &&
	   strcmp(record->block_hash.data,
			  "F1FC5246619C8D0D9426C4027A57788706886A9DA1922A482990A2DCA7F334E7") == 0,
	   "a transaction has the time and the hash of its block");
	host_free(&host);
	free(block);
	free(line);
	free(text);
}

/* The rows of an aggregate hold their own part of the message. */
static void
test_parts(void)
{
	Host		host = listen_for("TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA",
								  SIGNER);
	char	   *line = sample_of("symbol/confirmedAdded", 4);
	const CsRecord *record;

	host_receive(&host, line);
	ok(cs_output_record_count(host.output) == 3, "an aggregate gives rows");
	ok(row(&host, 0)->payload.length == strlen(line),
	   "its own holds all of it");
	record = row(&host, 1);
	ok(record->payload.length < 300 &&
	   strncmp(record->payload.data, "{\"transaction\":{\"signerPublicKey\":"
			   "\"94EC7115", 43) == 0 &&
	   record->payload.data[record->payload.length - 1] == '}',
	   "one of a transaction in it holds that transaction");
	host_free(&host);
	free(line);
}

/* So do those of a transfer of very many mosaics. */
static void
test_many_mosaics(void)
{
	Host		host = listen_for(SIGNER, NULL);
	char	   *line = sample_of("symbol/confirmedAdded", 2);
	char	   *mosaics;
	size_t		length;
	char	   *text;
	CsError		error = {0};
	FILE	   *file = open_memstream(&mosaics, &length);

	for (int i = 0; i < 255; i++)
		fprintf(file, "%s{\"id\":\"%016X\",\"amount\":\"%d\"}", i > 0 ? "," : "",
				i, i);
	(void) fclose(file);
	text = replaced(line, "{\"id\":\"72C0212E67A08BCE\",\"amount\":\"1000000\"}",
					mosaics);
	host_receive(&host, text);
	ok(cs_output_record_count(host.output) == 255 &&
	   row(&host, 15)->payload.length == strlen(text),
	   "the rows of the first mosaics hold the whole message");
	ok(strncmp(row(&host, 16)->payload.data,
			   "{\"id\":\"0000000000000010\",\"amount\":\"16\"}", 39) == 0 &&
	   row(&host, 254)->payload.length == 40 &&
	   row(&host, 254)->ordinal == 508,
	   "those of the others their mosaic");
	cs_output_reset(host.output);
	free(text);
	mosaics = realloc(mosaics, length + 64);
	(void) strcat(mosaics, ",{\"id\":\"0000000000000010\",\"amount\":\"1\"}");
	text = replaced(line, "{\"id\":\"72C0212E67A08BCE\",\"amount\":\"1000000\"}",
					mosaics);
	ok(!host_message(&host, 0, text, &error), "%s", error.message);
	host_free(&host);
	free(text);
	free(mosaics);
	free(line);
}

/* A deposit to an alias is told to who is behind it, when it is confirmed. */
static void
test_alias(void)
{
	Host		host = listen_for(RECIPIENT, SIGNER);
	char	   *line = sample_of("symbol/confirmedAdded", 5);
	char	   *text = replaced(line, SIGNER, RECIPIENT);
	char	   *pending = replaced(text, "confirmedAdded", "unconfirmedAdded");

	host_receive(&host, text);
	ok(cs_output_record_count(host.output) == 4, "two mosaics, two parties");
	ok(strcmp(row(&host, 1)->account.data, RECIPIENT) == 0 &&
	   strcmp(row(&host, 1)->counterparty.data, SIGNER) == 0 &&
	   row(&host, 1)->direction == CS_DIRECTION_IN &&
	   strcmp(row(&host, 1)->amount.data, "2500000") == 0 &&
	   row(&host, 1)->ordinal == 1 && row(&host, 3)->ordinal == 3 &&
	   strcmp(row(&host, 3)->amount.data, "1") == 0,
	   "the topic says who is behind the alias");
	ok(strcmp(row(&host, 0)->counterparty.data,
			  "TFQGFEIJUSFPXQAAAAAAAAAAAAAAAAAAAAAAAAA") == 0,
	   "the sender's rows have the alias");
	cs_output_reset(host.output);
	host_receive(&host, line);
	ok(cs_output_record_count(host.output) == 2,
	   "the sender's copy does not say it");
	cs_output_reset(host.output);
	host_receive(&host, pending);
	ok(cs_output_record_count(host.output) == 3 &&
	   row(&host, 2)->direction == CS_DIRECTION_NONE &&
	   row(&host, 2)->amount.data == NULL,
	   "nor does one that is not confirmed: aliases are not resolved there");
	host_free(&host);
	free(line);
	free(text);
	free(pending);
}

/* The topic names somebody of whom the message does not speak. */
static void
test_concerned(void)
{
	Host		host = listen_for(RECIPIENT, NULL);
	char	   *line = sample_of("symbol/confirmedAdded", 24);
	char	   *text = replaced(line, "TDH5UNYODI3D5JWXBXZYHSW4HB6ULZPIUS2Z6FA",
								RECIPIENT);

	host_receive(&host, line);
	ok(cs_output_record_count(host.output) == 0, "nobody is watched");
	host_receive(&host, text);
	ok(cs_output_record_count(host.output) == 1 &&
	   strcmp(row(&host, 0)->account.data, RECIPIENT) == 0 &&
	   row(&host, 0)->direction == CS_DIRECTION_NONE &&
	   row(&host, 0)->counterparty.data == NULL,
	   "who collects the fees is concerned");
	host_free(&host);
	free(line);
	free(text);
}

/* Both parties are one. */
static void
test_self(void)
{
	Host		host = listen_for(SIGNER, NULL);
	char	   *line = sample_of("symbol/confirmedAdded", 2);
	char	   *text = replaced(line,
								"9852701708153EB74C71713F0AC7C56F5DE5670E06175954",
								"9872DE7A88A74255A51CF543C4CCE7113A46EA255C7EDBEC");
	char	   *proof = replaced(text, "16724", "16978");

	host_receive(&host, text);
	ok(cs_output_record_count(host.output) == 1 &&
	   row(&host, 0)->direction == CS_DIRECTION_SELF,
	   "a transfer to oneself is one row");
	cs_output_reset(host.output);
	host_receive(&host, proof);
	ok(cs_output_record_count(host.output) == 1 &&
	   row(&host, 0)->direction == CS_DIRECTION_IN,
	   "who proves a secret for himself receives");
	host_free(&host);
	free(line);
	free(text);
	free(proof);
}

/* ---------- identities ---------- */

static void
identify(const char *text, const char *first, const char *second, size_t index,
		 uint64_t identity[2])
{
	Host		host = listen_for(first, second);

	host_receive(&host, text);
	memcpy(identity, row(&host, index)->identity, 16);
	host_free(&host);
}

static bool
same_identity(const char *text, const char *watched, size_t index,
			  const char *other_text, const char *other_watched,
			  const char *also, size_t other_index)
{
	uint64_t	a[2];
	uint64_t	b[2];

	identify(text, watched, NULL, index, a);
	identify(other_text, other_watched, also, other_index, b);
	return memcmp(a, b, 16) == 0;
}

static void
test_identities(void)
{
	char	   *open = sample_of("symbol/confirmedAdded", 1);
	char	   *signer = sample_of("symbol/confirmedAdded", 2);
	char	   *recipient = sample_of("symbol/confirmedAdded", 3);
	char	   *newer = sample_of("symbol/rest25/confirmedAdded", 2);
	char	   *higher = replaced(open, "1823630", "1823631");
	char	   *pending = sample_of("symbol/unconfirmedAdded", 1);
	char	   *partial = sample_of("symbol/partialAdded", 1);
	char	   *complete = sample_of("symbol/unconfirmedAdded", 3);
	char	   *cosignature = sample_of("symbol/cosignature", 1);
	char	   *other_copy = sample_of("symbol/cosignature", 2);
	char	   *status = sample_of("symbol/status", 2);
	char	   *block = sample_of("symbol/block", 1);

	ok(same_identity(open, "*", 0, signer, SIGNER, NULL, 0),
	   "a row is the same on whatever channel it comes");
	ok(same_identity(signer, SIGNER, 0, recipient, SIGNER, RECIPIENT, 0),
	   "and whoever else is watched");
	ok(same_identity(signer, SIGNER, 0, newer, "*", NULL, 0),
	   "and from whichever version");
	ok(!same_identity(signer, SIGNER, 0, signer, RECIPIENT, NULL, 0),
	   "two points of view are two rows");
	ok(!same_identity(open, "*", 0, higher, "*", NULL, 0),
	   "in another block it is another row");
	ok(!same_identity(open, "*", 0, pending, "*", NULL, 0),
	   "with another status as well");
	ok(!same_identity(partial, "*", 0, complete, "*", NULL, 0),
	   "two pools are two rows");
	ok(!same_identity(partial, "*", 0, partial, "*", NULL, 2),
	   "the transactions of an aggregate are rows of their own");
	ok(same_identity(cosignature, "*", 0, other_copy, SIGNER, NULL, 0),
	   "copies of a cosignature are one");
	ok(same_identity(status, SIGNER, 0, status, SIGNER, RECIPIENT, 0),
	   "copies of a status are one");
	ok(same_identity(block, SIGNER, 0, block, "*", NULL, 0),
	   "a block is one");
	free(open);
	free(signer);
	free(recipient);
	free(newer);
	free(higher);
	free(pending);
	free(partial);
	free(complete);
	free(cosignature);
	free(other_copy);
	free(status);
	free(block);
}

/* ---------- the form of REST answers ---------- */

static void
test_rest(void)
{
	size_t		length;
	char	   *samples = read_whole_file("test/samples/symbol/rest.jsonl", &length);
	char	   *at = samples;
	char	   *line;
	Host		host = listen_for("*", NULL);
	Host		wire = listen_for("*", NULL);
	char	   *added = sample_of("symbol/confirmedAdded", 4);
	int			understood = 0;
	CsError		error = {0};

	while ((line = next_line(&at)) != NULL)
	{
		struct json_object *object = cs_json_parse_once(line, strlen(line), NULL);
		const char *answer =
			json_object_to_json_string(cs_json_member(object, "response"));

		(void) host_message(&host, 0, line, &error);
		cs_output_reset(host.output);
		understood += host_message(&host, 0, answer, &error);
		if (strstr(line, "/transactions/confirmed/1AF9") != NULL)
		{
			host_receive(&wire, added);
			ok(cs_output_record_count(host.output) == 3 &&
			   memcmp(row(&host, 1)->identity, row(&wire, 1)->identity, 16) == 0,
			   "a transaction in the form of REST answers is the same row");
			ok(strcmp(row(&host, 0)->fee.data, "46400") == 0 &&
			   row(&host, 1)->fee.data == NULL &&
			   row(&host, 0)->occurred_at ==
			   (INT64_C(1667250467000) + INT64_C(62378925339)) * 1000,
			   "with its fee and time");
		}
		cs_output_reset(host.output);
		json_object_put(object);
	}
	ok(understood == 3, "blocks and transactions are understood: %d", understood);
	host_free(&host);
	host_free(&wire);
	free(added);
	free(samples);
}

/* ---------- rejects ---------- */

static void
reject(const char *text, const char *why)
{
	Host		host = listen_for("*", SIGNER);
	CsError		error = {0};
	bool		understood = host_message(&host, 0, text, &error);

	ok(!understood && strstr(error.message, why) != NULL &&
	   cs_output_record_count(host.output) == 0 &&
	   cs_output_action_count(host.output) == 0, "%.60s: %s", text,
	   error.message);
	host_free(&host);
}

/* A sample with a piece replaced. */
static void
reject_changed(const char *file, int number, const char *from, const char *to,
			   const char *why)
{
	char		name[64];
	char	   *line;
	char	   *text;

	(void) snprintf(name, sizeof(name), "symbol/%s", file);
	line = sample_of(name, number);
	text = replaced(line, from, to);
	reject(text, why);
	free(line);
	free(text);
}

static void
test_rejects(void)
{
	reject("{}", "neither \"topic\" nor \"uid\"");
	reject("[]", "not an object");
	reject("{\"topic\":7}", "\"topic\" is not a string");
	reject("{\"topic\":\"blocks\",\"data\":{}}", "unrecognized topic");
	reject("{\"topic\":\"block\"}", "\"data\" is missing");
	reject("{\"topic\":\"block\",\"data\":[]}", "\"data\" is missing");
	reject("{\"topic\":\"block\",\"data\":{}}", "\"block\" is missing");
	reject("{\"topic\":\"confirmedAdded\",\"data\":{\"transaction\":{}}}",
		   "\"meta\" is missing");
	reject("{\"topic\":\"confirmedAdded\",\"data\":{\"meta\":{}}}",
		   "\"transaction\" is missing");
	reject("{\"topic\":\"unconfirmedRemoved\",\"data\":{}}",
		   "\"meta\" is missing");
	reject_changed("confirmedAdded", 1, "\"1823630\"", "\"0\"", "height 0");
	reject_changed("confirmedAdded", 1, "\"1823630\"", "\"-1\"",
				   "out of range");
	reject_changed("confirmedAdded", 1, "\"1823630\"",
				   "\"9223372036854775807\"", "out of range");
	reject_changed("confirmedAdded", 1, "\"1000000\"",
				   "\"18446744073709551616\"", "not an amount");
	reject_changed("confirmedAdded", 1, "\"1000000\"", "\"007\"",
				   "not an amount");
	reject_changed("confirmedAdded", 1, "\"1000000\"", "1000000",
				   "\"amount\" is not a string");
	reject_changed("confirmedAdded", 1, "72C0212E67A08BCE", "72C0212E67A08BC",
				   "\"id\" is not 16");
	reject_changed("confirmedAdded", 1, "[{\"id\"", "[7,{\"id\"",
				   "consist of objects");
	reject_changed("confirmedAdded", 1, "9852701708153EB7", "9852701708153EBX",
				   "\"recipientAddress\" is not 48");
	reject_changed("confirmedAdded", 1, "\"B863173F", "\"B863173",
				   "\"signerPublicKey\" is not 64");
	reject_changed("confirmedAdded", 1, "16724", "\"transfer\"",
				   "\"type\" is not an integer");
	reject_changed("confirmedAdded", 4, "{\"transaction\":{\"signerPublicKey\"",
				   "{\"transactions\":{\"signerPublicKey\"",
				   "does not consist of transactions");
	reject_changed("confirmedAdded", 4, "98F9108C", "98F9108",
				   "\"recipientAddress\" is not 48");
	reject_changed("confirmedAdded", 22, "\"9841E5B8", "\"9841E5B",
				   "\"addressAdditions\" is not 48");
	reject_changed("block", 1, "\"1823627\"", "\"0\"", "height 0");
	reject_changed("block", 1, "\"F1FC5246", "\"F1FC524",
				   "\"hash\" is not 64");
	reject_changed("finalizedBlock", 1, "\"1823616\"", "\"0\"", "height 0");
	reject_changed("finalizedBlock", 1, "\"1823616\"", "[]",
				   "\"height\" is not an integer");
	reject_changed("status", 1, "Failure", "\\u0000Failure", "\\u0000");
	reject_changed("cosignature", 1, "parentHash", "parent", "is missing");
}

/* Before a wish is known, and when it is gone. */
static void
test_not_subscribed(void)
{
	Host		host = symbol_host("testnet", "{}");
	char	   *line = sample_of("symbol/confirmedAdded", 1);

	host_watch(&host, 99, "*");
	host_sync(&host);
	host_receive(&host, line);
	ok(cs_output_record_count(host.output) == 0,
	   "what is not subscribed is of no use");
	host_free(&host);
	free(line);
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {"block", "finalizedBlock",
		"confirmedAdded", "unconfirmedAdded", "unconfirmedRemoved",
	"partialAdded", "partialRemoved", "cosignature", "status"};
	bool		update = argc > 1 && strcmp(argv[1], "--update") == 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		test_golden("", files[i], update);
		if (!update)
			test_golden("rest25/", files[i], false);
	}
	if (update)
		return 0;
	test_common_members();
	test_time_of_block();
	test_parts();
	test_many_mosaics();
	test_alias();
	test_concerned();
	test_self();
	test_identities();
	test_rest();
	test_rejects();
	test_not_subscribed();
	return tap_end();
}
