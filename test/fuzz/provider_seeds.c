/*-------------------------------------------------------------------------
 *
 * provider_seeds.c
 *	  What provider_fuzz begins with.
 *
 * A line of a sample is a message, unless it says otherwise: an envelope
 * ("body", "response") holds an answer, "close_code" is how a connection ended,
 * a request holds the arguments of a topic, and a stream of events has its
 * messages behind "data:".  Every text in it that is an address is one to be
 * watched.
 *
 *-------------------------------------------------------------------------
 */
#include "provider_seeds.h"

#include <string.h>

#include <json-c/json.h>

#include "provider/json.h"

#define PROVIDERS	 8
#define TARGETS_MAX	 64
#define CLOSURES_MAX 64

/* ---------- sources ---------- */

static const Source sources[][6] = {
	{
		{{"nano", "mainnet", NULL, "{}", NULL}, true},
		{{"nano", "mainnet", NULL, "{\"payload\":false}", "t"}, false},
		{{"nano", "banano", NULL, "{\"headers\":{\"X-Key\":\"a\"}}", NULL}, false},
	},
	{
		{{"symbol", "testnet", NULL, "{}", NULL}, true},
		{{"symbol", "testnet", NULL, "{\"max_channels\":9,\"epoch_adjustment\":"
		"1667250467,\"currency_mosaic\":\"72C0212E67A08BCE\"}", NULL}, false},
		{{"symbol", "mainnet", NULL, "{}", NULL}, false},
	},
	{
		{{"flow", "mainnet", NULL, "{}", NULL}, true},
		{{"flow", "mainnet", NULL, "{\"max_subscriptions_per_connection\":3,"
		"\"max_connections\":3}", NULL}, false},
		{{"flow", "testnet", NULL, "{}", "t"}, false},
	},
	{
		{{"toncenter", "mainnet", "websocket", "{}", NULL}, false},
		{{"toncenter", "mainnet", "sse", "{}", "t"}, false},
		{{"toncenter", "testnet", "sse", "{\"authentication\":\"tonapi\","
		"\"token_in\":\"query\",\"max_connections\":4}", "t"}, false},
		{{"toncenter", "mainnet", "websocket", "{\"min_finality\":\"confirmed\","
		"\"include_address_book\":true,\"include_metadata\":true}", "t"}, false},
		{{"toncenter", "mainnet", "websocket", "{\"min_finality\":\"finalized\","
		"\"action_types\":[\"ton_transfer\"],\"supported_action_types\":[\"v1\"],"
		"\"token_in\":\"query\"}", "t"}, false},
	},
	{
		{{"tonapi", "mainnet", "websocket", "{\"enrich\":true,"
		"\"enrich_per_second\":100}", NULL}, true},
		{{"tonapi", "mainnet", "websocket", "{\"accounts_per_connection\":3}",
		"t"}, false},
		{{"tonapi", "mainnet", "sse", "{}", "t"}, false},
		{{"tonapi", "mainnet", "sse", "{\"strategy\":\"all\",\"enrich\":true,"
		"\"token_in\":\"query\"}", "t"}, true},
		{{"tonapi", "testnet", "sse", "{\"accounts_per_connection\":3}", NULL},
		true},
	},
};

size_t
provider_count(void)
{
	size_t		count = 0;

	while (cs_providers()[count] != NULL)
		count++;
	CHECK(count <= PROVIDERS);
	return count;
}

size_t
topic_count(const CsProvider *provider)
{
	size_t		count = 0;

	while (provider->topics[count].name != NULL)
		count++;
	return count;
}

const Source *
seeds_source(size_t number, uint32_t which)
{
	const char *name = cs_providers()[number]->name;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
	{
		uint32_t	count = 0;

		if (strcmp(sources[i][0].config.name, name) != 0)
			continue;
		while (count < 6 && sources[i][count].config.name != NULL)
			count++;
		return &sources[i][which % count];
	}
	CHECK(!"a provider without sources");
	return NULL;
}

const char *
seeds_url(const Source *source)
{
	return source->config.transport != NULL &&
		strcmp(source->config.transport, "sse") == 0 ?
		"https://host/v2" : "wss://host/path";
}

/* ---------- what the samples name ---------- */

typedef struct Named
{
	char	   *targets[2][TARGETS_MAX];	/* by CsWatchKind */
	uint32_t	target_counts[2];
	CsClosure	closures[CLOSURES_MAX];
	uint32_t	closure_count;
} Named;

static Named named[PROVIDERS];

static void
add_target(size_t number, CsWatchKind kind, const char *text)
{
	Named	   *own = &named[number];
	uint32_t	count = own->target_counts[kind];

	for (uint32_t i = 0; i < count; i++)
	{
		if (strcmp(own->targets[kind][i], text) == 0)
			return;
	}
	if (count == TARGETS_MAX)
		return;
	own->targets[kind][count] = strdup(text);
	own->target_counts[kind]++;
	fuzz_seed((uint8_t[]) {KIND_BYTE(KIND_ADDRESS, number), 0}, text,
			  strlen(text));
}

const char *
seeds_target(size_t number, CsWatchKind kind, uint32_t which)
{
	const Named *own = &named[number];

	return own->target_counts[kind] == 0 ? NULL :
		own->targets[kind][which % own->target_counts[kind]];
}

/* Of any network of the provider, in canonical form or as it stands. */
static void
read_target(size_t number, const char *text)
{
	const CsProvider *provider = cs_providers()[number];
	char		canonical[CS_TARGET_MAX];

	for (const CsNetwork *network = provider->networks; network->name; network++)
	{
		if (provider->canonical_address(network->name, text, canonical, NULL))
			add_target(number, CS_WATCH_ADDRESS, canonical);
		else if (provider->canonical_transaction != NULL &&
				 provider->canonical_transaction(network->name, text,
												 canonical, NULL))
			add_target(number, CS_WATCH_TRANSACTION, canonical);
		else
			continue;
		return;
	}
}

static void
read_targets(size_t number, const char *text)
{
	char	   *copy = strdup(text);
	char	   *rest = copy;

	CHECK(copy != NULL);
	for (char *at; (at = strsep(&rest, "\"")) != NULL;)
		read_target(number, at);
	free(copy);
}

static void
add_closure(size_t number, CsClosure closure)
{
	Named	   *own = &named[number];

	if (own->closure_count == CLOSURES_MAX)
		return;
	closure.reason = strdup(closure.reason == NULL ? "" : closure.reason);
	CHECK(closure.reason != NULL);
	own->closures[own->closure_count++] = closure;
}

const CsClosure *
seeds_closure(size_t number, uint32_t which)
{
	return &named[number].closures[which % named[number].closure_count];
}

/* ---------- lines of samples ---------- */

typedef struct Place
{
	size_t		number;			/* of the provider */
	const char *path;
} Place;

static void
seed(Kind kind, size_t number, uint8_t which, const char *text)
{
	fuzz_seed((uint8_t[]) {KIND_BYTE(kind, number), which}, text, strlen(text));
}

static bool
is_file(const Place *place, const char *part)
{
	return strstr(strrchr(place->path, '/'), part) != NULL;
}

/* An answer in an envelope that says how it came. */
static void
read_envelope(const Place *place, struct json_object *line,
			  struct json_object *body)
{
	struct json_object *http = cs_json_member(line, "_http");
	int64_t		status = 0;

	seed(KIND_RESPONSE, place->number, 0, json_object_is_type(body,
		 json_type_string) ? json_object_get_string(body) :
		 json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	(void) cs_json_integer(http != NULL ? http : line, "status", &status, NULL);
	if (status >= 400)
		add_closure(place->number,
					(CsClosure) {.http_status = (int) status,
								 .reason = json_object_get_string(body)});
}

static void
read_closure(const Place *place, struct json_object *line)
{
	int64_t		code = 0;
	CsText		reason = cs_json_member_string(line, "close_reason");

	(void) cs_json_integer(line, "close_code", &code, NULL);
	add_closure(place->number, (CsClosure) {.close_code = (int) code,
											.reason = reason.data});
}

/* The arguments of a topic, as a client sends them. */
static void
read_request(const Place *place, struct json_object *line)
{
	const CsProvider *provider = cs_providers()[place->number];
	CsText		name = cs_json_member_string(line, "topic");
	struct json_object *arguments = cs_json_object(line, "arguments");

	if (arguments == NULL)
		arguments = cs_json_object(line, "options");
	for (uint8_t i = 0; arguments != NULL && i < topic_count(provider); i++)
	{
		if (name.data != NULL && strcmp(provider->topics[i].name, name.data) == 0)
			seed(KIND_ARGUMENTS, place->number, i,
				 json_object_to_json_string_ext(arguments,
												JSON_C_TO_STRING_PLAIN));
	}
}

static void
read_line(const Place *place, const char *text)
{
	struct json_object *line;
	struct json_object *body;

	read_targets(place->number, text);
	if (is_file(place, "vectors") || is_file(place, "addresses"))
		return;
	if (is_file(place, ".sse"))
	{
		if (strncmp(text, "data: ", 6) == 0)
			seed(KIND_MESSAGE, place->number, 0, text + 6);
		return;
	}
	line = cs_json_parse_once(text, strlen(text), NULL);
	body = cs_json_member(line, "body");
	if (body == NULL)
		body = cs_json_member(line, "response");
	if (body != NULL)
		read_envelope(place, line, body);
	else if (cs_json_member(line, "close_reason") != NULL)
		read_closure(place, line);
	else if (is_file(place, "requests"))
		read_request(place, line);
	else
		seed(is_file(place, "rest") ? KIND_RESPONSE : KIND_MESSAGE,
			 place->number, 0, text);
	json_object_put(line);
}

static void
read_file(const char *path, const char *text, size_t length, void *context)
{
	Place		place = *(const Place *) context;
	char	   *copy = strdup(text);
	char	   *rest = copy;

	CHECK(copy != NULL && length == strlen(text));
	place.path = path;
	if (is_file(&place, ".txt"))
		read_line(&place, text);
	else
	{
		for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		{
			if (line[0] != '\0')
				read_line(&place, line);
		}
	}
	free(copy);
}

/* ---------- what the samples do not hold ---------- */

static const struct
{
	const char *provider;
	const char *topic;
	const char *arguments;
}			own_arguments[] = {
	{"nano", "confirmation", "{\"confirmation_type\":\"active_quorum\","
		"\"include_block\":true,\"include_election_info\":true,"
	"\"include_sideband_info\":false}"},
	{"nano", "vote", "{\"representatives\":[],\"include_replays\":true}"},
	{"flow", "block_headers", "{\"block_status\":\"sealed\","
	"\"start_block_height\":\"7\"}"},
	{"flow", "events", "{\"event_types\":[\"flow.AccountCreated\","
		"\"A.f233dcee88fe0abe.FungibleToken.Deposited\"],"
	"\"heartbeat_interval\":\"5\"}"},
	{"flow", "events", "{\"contracts\":[\"flow\",\"A.1654653399040a61.FlowToken\"],"
	"\"addresses\":[\"0xe4db9c640c6e50ba\"]}"},
	{"flow", "account_statuses", "{\"event_types\":[\"flow.AccountKeyAdded\"],"
	"\"account_addresses\":[\"0xe4db9c640c6e50ba\"]}"},
	{"flow", "transaction_statuses", "{\"tx_id\":\"fe3784095bc194dca02e4b14e7e6a1e"
	"0519d10b7bc907453e5b5dc276259a106\"}"},
	{"flow", "send_and_get_transaction_statuses",
		"{\"script\":\"AA==\",\"arguments\":[\"eyJ0eXBlIjoiVm9pZCJ9\"],"
		"\"reference_block_id\":\"fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5"
		"b5dc276259a106\",\"gas_limit\":\"1000\",\"payer\":\"0xe4db9c640c6e50ba\","
		"\"proposal_key\":{\"address\":\"0xe4db9c640c6e50ba\",\"key_index\":\"0\","
		"\"sequence_number\":\"0\"},\"authorizers\":[\"0xe4db9c640c6e50ba\"],"
		"\"payload_signatures\":[],\"envelope_signatures\":[{\"address\":"
	"\"0xe4db9c640c6e50ba\",\"key_index\":\"0\",\"signature\":\"AA==\"}]}"},
	{"tonapi", "account_transaction", "{\"operations\":[\"JettonTransfer\","
	"\"0x0524c7ae\",\"1234\"]}"},
	{"tonapi", "block", "{\"workchain\":-1}"},
};

/* Of Nano: blocks of the kinds that are not made any more. */
#define LEGACY(type, members) \
	"{\"topic\":\"new_unconfirmed_block\",\"time\":\"1556254492990\"," \
	"\"message\":{\"type\":\"" type "\"," members "\"work\":\"0000000000000000\"," \
	"\"signature\":\"00\"}}"
#define HASH "\"62EE070DA06632FE1E54BA32FD25B00A5FD4E8CF09354A9B176CBF6BC33CDBDB\""
#define NANO "\"nano_1nanoftwk6741wmdznzangwm8prq95spu3zntb5gwpjdk8qd3p8eu5bxoehc\""

static const char *const legacy_blocks[] = {
	LEGACY("send", "\"previous\":" HASH ",\"destination\":" NANO
		   ",\"balance\":\"00000000000000000000000000000001\","),
	LEGACY("receive", "\"previous\":" HASH ",\"source\":" HASH ","),
	LEGACY("open", "\"source\":" HASH ",\"representative\":" NANO
		   ",\"account\":" NANO ","),
	LEGACY("change", "\"previous\":" HASH ",\"representative\":" NANO ","),
};

static const char *const own_options[] = {
	"{}", "{\"headers\":{\"X-Key\":\"value\",\"A\":\"b\"},\"payload\":false}",
	"{\"tls_ca\":\"/etc/ssl/ca.pem\"}", "wss://host:123/path?a=b#c"
};

/* Of Flow, the only one that has any. */
static const char *const positions[] = {
	"blocks:3\n{\"height\":106195236,\"block_id\":\"5cd0b1d0a0f0017c25647a6e2454a59"
	"aafa90682f2329449a610e19673ba07de\",\"skipped\":{\"from\":5,\"to\":9}}",
	"block_digests:1\n{\"height\":\"7\",\"start\":\"{}\"}",
	"events:4\n{\"height\":106197288,\"stale\":true}",
	"send_and_get_transaction_statuses:7\n{\"submitted\":true,\"transaction\":"
	"\"fe3784095bc194dca02e4b14e7e6a1e0519d10b7bc907453e5b5dc276259a106\"}",
	"transaction_statuses:6\n{}"
};

static void
seed_own(size_t number)
{
	const CsProvider *provider = cs_providers()[number];
	const Source *first = seeds_source(number, 0);
	const Source *source = first;

	for (uint8_t i = 0; i < topic_count(provider); i++)
	{
		seed(KIND_ARGUMENTS, number, i, "{}");
		for (size_t k = 0; k < sizeof(own_arguments) / sizeof(own_arguments[0]); k++)
		{
			if (strcmp(own_arguments[k].provider, provider->name) == 0 &&
				strcmp(own_arguments[k].topic, provider->topics[i].name) == 0)
				seed(KIND_ARGUMENTS, number, i, own_arguments[k].arguments);
		}
	}
	for (uint8_t i = 0; i == 0 || source != first; i++)
	{
		seed(KIND_OPTIONS, number, i, source->config.options);
		source = seeds_source(number, i + 1U);
	}
	for (size_t i = 0; i < sizeof(own_options) / sizeof(own_options[0]); i++)
		seed(KIND_OPTIONS, number, 0, own_options[i]);
	for (size_t i = 0; provider->restore != NULL &&
		 i < sizeof(positions) / sizeof(positions[0]); i++)
		seed(KIND_POSITION, number, 0, positions[i]);
	for (size_t i = 0; strcmp(provider->name, "nano") == 0 &&
		 i < sizeof(legacy_blocks) / sizeof(legacy_blocks[0]); i++)
		seed(KIND_MESSAGE, number, 0, legacy_blocks[i]);
	seed(KIND_RESPONSE, number, 0, "{}");
	for (uint8_t i = 0; i < 4; i++)
		fuzz_seed_noise((uint8_t[]) {KIND_BYTE(KIND_LIFE, number), i * 9}, 100);
	add_closure(number, (CsClosure) {.reason = "lost"});
	add_closure(number, (CsClosure) {.close_code = 1013,
									 .reason = "Max subscriptions reached."});
	add_closure(number, (CsClosure) {.http_status = 429, .reason = ""});
}

void
seeds_load(void)
{
	for (size_t i = 0; i < provider_count(); i++)
	{
		const char *name = cs_providers()[i]->name;
		Place		place = {.number = i};
		char		folder[128];

		(void) snprintf(folder, sizeof(folder), "test/samples/%s", name);
		fuzz_files(folder, read_file, &place);
		if (strncmp(name, "ton", 3) == 0)
			fuzz_files("test/samples/ton", read_file, &place);
		seed_own(i);
	}
}

void
seeds_free(void)
{
	for (size_t i = 0; i < PROVIDERS; i++)
	{
		for (int kind = 0; kind < 2; kind++)
		{
			for (uint32_t k = 0; k < named[i].target_counts[kind]; k++)
				free(named[i].targets[kind][k]);
		}
		for (uint32_t k = 0; k < named[i].closure_count; k++)
			free((char *) named[i].closures[k].reason);
	}
}
