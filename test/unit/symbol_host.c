/*-------------------------------------------------------------------------
 *
 * symbol_host.c
 *	  What the tests of the Symbol provider have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol_host.h"

#include <json-c/json.h>

#include "provider/json.h"
#include "tap.h"

const char	symbol_uid[] = "GMJ7UHDSIR6CWWEWQBYMJCJ6DGYYPNWO";

/* "+confirmedAdded/TBZN46" for a subscribe, "-..." for an unsubscribe. */
static void
print_request(FILE *file, CsText text)
{
	struct json_object *request = cs_json_parse_once(text.data, text.length,
													 NULL);
	CsText		add = cs_json_member_string(request, "subscribe");
	CsText		drop = cs_json_member_string(request, "unsubscribe");
	const char *channel = add.data ? add.data : drop.data;
	const char *slash;

	if (channel == NULL || (add.data != NULL && drop.data != NULL))
		bail_out("not a request: %s", text.data);
	if (strcmp(cs_json_member_string(request, "uid").data, symbol_uid) != 0)
		bail_out("not our uid: %s", text.data);
	slash = strchr(channel, '/');
	if (slash != NULL && strlen(slash) != 1 + CS_SYMBOL_TEXT_LENGTH)
		bail_out("not an address: %s", text.data);
	fprintf(file, "%c%.*s", add.data ? '+' : '-',
			slash ? (int) (slash - channel) + 7 : 100, channel);
	json_object_put(request);
}

Host
symbol_host(const char *network, const char *options)
{
	CsSourceConfig config = {.name = "test", .network = network,
							 .options = options};
	Host		host = host_start("symbol", &config);

	host.print_request = print_request;
	return host;
}

void
symbol_subscribe_all(Host *host)
{
	const CsTopic *topics = cs_provider_find("symbol")->topics;

	for (int i = 0; topics[i].name != NULL; i++)
		host_subscribe(host, i + 1, topics[i].name, "{}");
}

void
symbol_greet(Host *host)
{
	char		text[64];

	host_open(host);
	(void) snprintf(text, sizeof(text), "{\"uid\": \"%s\"}", symbol_uid);
	host_receive(host, text);
}

void
symbol_close(Host *host, int code, const char *words)
{
	char		reason[256];

	if (code != 0)
		(void) snprintf(reason, sizeof(reason),
						"the server closed the connection with code %d: %s",
						code, words);
	else
		(void) snprintf(reason, sizeof(reason),
						"the server closed the connection");
	host->open = false;
	host_close_link(host, 0, &(CsClosure) {.was_open = true,
					.close_code = code, .reason = reason});
}

const char *
symbol_address(int number)
{
	static char text[CS_SYMBOL_TEXT_LENGTH + 1];
	uint8_t		key[CS_SYMBOL_KEY_LENGTH] = {0};
	uint8_t		address[CS_SYMBOL_ADDRESS_LENGTH];

	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t) (number >> (8 * i));
	if (!cs_symbol_address_of_key(CS_SYMBOL_TESTNET, key, address))
		bail_out("no address");
	cs_symbol_address_encode(address, text);
	return text;
}
