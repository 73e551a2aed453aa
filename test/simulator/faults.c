/*-------------------------------------------------------------------------
 *
 * faults.c
 *	  Everything a server can do wrong, on command.
 *
 * Commands that break something happen to every client of the network; those
 * with "on|off" and those about handshakes last, and hold for later clients
 * too.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>

/* First byte of a final text frame. */
#define TEXT_FRAME	0x81

/* Bytes that are nowhere valid in UTF-8. */
static const char not_utf8[] = "\xC3\x28\xFF\xFE";

/* Send these bytes as one text frame, or event, to every client. */
static void
send_raw(CsSimNetwork *network, const char *data, size_t length)
{
	const CsSimMessage message = {data, length, CS_SIM_FAULT, NULL};

	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		if (client->sse)
			cs_sim_send(client, &message);
		else
			cs_sim_send_frame(client, TEXT_FRAME, data, length);
	}
}

static bool
run_raw(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	send_raw(network, arguments, strlen(arguments));
	return true;
}

/* Hexadecimal to bytes, in place; -1: it is not. */
static ssize_t
decode_hex(char *text)
{
	size_t		length = strlen(text);

	if (length % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != length)
		return -1;
	for (size_t i = 0; i < length; i += 2)
	{
		char		pair[3] = {text[i], text[i + 1], '\0'};

		text[i / 2] = (char) strtoul(pair, NULL, 16);
	}
	return (ssize_t) (length / 2);
}

static bool
run_rawhex(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	ssize_t		length = decode_hex(arguments);

	(void) answer;
	if (length >= 0)
		send_raw(network, arguments, (size_t) length);
	return length >= 0;
}

static bool
run_wire(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	ssize_t		length = decode_hex(arguments);

	(void) answer;
	if (length < 0)
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		cs_sim_send_bytes(client, arguments, (size_t) length);
	return true;
}

static bool
run_stream(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	ssize_t		length = decode_hex(arguments);

	(void) answer;
	if (length <= 0)
		return false;			/* a chunk of no bytes would end it */
	for (CsSimClient *client = network->clients; client; client = client->next)
		if (client->sse)
			cs_sim_send_stream(client, arguments, (size_t) length);
	return true;
}

static bool
run_drop(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *how = cs_sim_word(&arguments);

	(void) answer;
	if (*how != '\0' && strcmp(how, "fin") != 0)
		return false;
	for (CsSimClient *client = network->clients, *next; client; client = next)
	{
		next = client->next;
		cs_sim_client_drop(client, *how == '\0');
	}
	return true;
}

static bool
run_close(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	code;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 65535, &code) ||
		strlen(arguments) >= sizeof(((CsSimClient *) NULL)->close_reason))
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		cs_sim_client_close(client, (int) code, arguments);
	return true;
}

static bool
run_end(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	for (CsSimClient *client = network->clients; client; client = client->next)
		cs_sim_client_end(client);
	return true;
}

/* The stall is over. */
static void
resume_writing(lws_sorted_usec_list_t *timer)
{
	CsSim	   *sim = lws_container_of(timer, CsSim, stall_timer);

	for (CsSimNetwork *network = sim->networks; network;
		 network = network->next)
	{
		for (CsSimClient *client = network->clients; client;
			 client = client->next)
		{
			client->stalled = false;
			lws_callback_on_writable(client->wsi);
		}
	}
}

static bool
run_stall(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	CsSim	   *sim = network->sim;
	uint64_t	ms;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 86400000, &ms))
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		client->stalled = true;
	lws_sul_schedule(sim->context, 0, &sim->stall_timer, resume_writing,
					 (lws_usec_t) (ms > 0 ? ms * LWS_US_PER_MS : 1));
	return true;
}

static bool
run_halfopen(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	for (CsSimClient *client = network->clients; client; client = client->next)
		cs_sim_client_freeze(client);
	return true;
}

static bool
run_noping(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	if (!cs_sim_parse_switch(cs_sim_word(&arguments), &network->faults.deaf))
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		if (!client->dead && !client->sse)
			lws_rx_flow_control(client->wsi, !network->faults.deaf);
	return true;
}

static bool
run_status(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	CsSimFaults *faults = &network->faults;
	uint64_t	status;
	uint64_t	seconds = 1;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 999, &status) ||
		(status != 0 && status < 200) || strlen(arguments) > 500)
		return false;
	faults->http_status = (int) status;
	faults->http_header[0] = '\0';
	if (strchr(arguments, ':') != NULL)
		snprintf(faults->http_header, sizeof(faults->http_header), "%s\r\n",
				 arguments);
	else if (*arguments != '\0' &&
			 !cs_sim_parse_number(arguments, UINT32_MAX, &seconds))
		return false;
	else if (*arguments != '\0' || status == 429 || status == 503)
		snprintf(faults->http_header, sizeof(faults->http_header),
				 "Retry-After: %llu\r\n", (unsigned long long) seconds);
	return true;
}

static bool
run_rest(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	status;
	uint64_t	count = 0;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 999, &status) ||
		(status != 0 && status < 200) ||
		(*arguments != '\0' &&
		 !cs_sim_parse_number(arguments, UINT64_MAX, &count)))
		return false;
	network->faults.rest_status = (int) status;
	network->faults.rest_count = count;
	return true;
}

static bool
run_restdelay(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	ms;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 86400000, &ms))
		return false;
	network->faults.rest_delay_ms = (int) ms;
	return true;
}

static bool
run_heartbeat(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	bool		value;

	(void) answer;
	if (!cs_sim_parse_switch(cs_sim_word(&arguments), &value))
		return false;
	network->faults.mute = !value;
	return true;
}

static bool
run_refuse(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	char		busy[] = "503";
	char		none[] = "0";
	bool		value;

	if (!cs_sim_parse_switch(cs_sim_word(&arguments), &value))
		return false;
	return run_status(network, value ? busy : none, answer);
}

static bool
run_garbage(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *number = cs_sim_word(&arguments);
	uint64_t	length = 256;
	char	   *data;

	(void) answer;
	if (*number != '\0' && !cs_sim_parse_number(number, 1 << 26, &length))
		return false;
	data = cs_sim_alloc(length + 1);
	(void) lws_get_random(network->sim->context, data, length);
	send_raw(network, data, length);
	free(data);
	return true;
}

/*
 * Send a plausible notification with *length* bytes put in before the end of
 * its last string, cut after *most* bytes.
 */
static void
send_spoilt(CsSimClient *client, const char *insert, size_t length,
			size_t most)
{
	CsSimMessage message = {.topic = CS_SIM_FAULT};
	CsSimText	example = {NULL, 0, 0};
	CsSimText	text = {NULL, 0, 0};
	size_t		quote;

	client->network->dialect->example(client, &example);
	quote = (size_t) (strrchr(example.data, '"') - example.data);
	cs_sim_text_add(&text, example.data, quote);
	cs_sim_text_add(&text, insert, length);
	cs_sim_text_add(&text, example.data + quote, example.length - quote);
	message.data = text.data;
	message.length = text.length < most ? text.length : most;
	cs_sim_send(client, &message);
	free(example.data);
	free(text.data);
}

static bool
run_truncate(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *number = cs_sim_word(&arguments);
	uint64_t	most = 300;

	(void) answer;
	if (*number != '\0' && !cs_sim_parse_number(number, SIZE_MAX, &most))
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		send_spoilt(client, "", 0, (size_t) most);
	return true;
}

static bool
run_badutf8(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	for (CsSimClient *client = network->clients; client; client = client->next)
		send_spoilt(client, not_utf8, strlen(not_utf8), SIZE_MAX);
	return true;
}

static bool
run_huge(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	wanted;
	char	   *padding;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 1 << 30, &wanted))
		return false;
	padding = cs_sim_alloc((size_t) wanted + 1);
	memset(padding, 'a', (size_t) wanted);
	for (CsSimClient *client = network->clients; client; client = client->next)
	{
		CsSimText	example = {NULL, 0, 0};
		size_t		length;

		network->dialect->example(client, &example);
		length = example.length;
		free(example.data);
		send_spoilt(client, padding, wanted > length ?
					(size_t) wanted - length : 0, SIZE_MAX);
	}
	free(padding);
	return true;
}

static bool
run_deep(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	depth;
	char	   *text;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 1 << 26, &depth))
		return false;
	text = cs_sim_alloc((size_t) depth * 2 + 1);
	memset(text, '[', (size_t) depth);
	memset(text + depth, ']', (size_t) depth);
	send_raw(network, text, (size_t) depth * 2);
	free(text);
	return true;
}

static bool
run_duplicate(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	return cs_sim_parse_switch(cs_sim_word(&arguments),
							   &network->faults.duplicate);
}

static bool
run_reorder(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	if (!cs_sim_parse_switch(cs_sim_word(&arguments),
							 &network->faults.reorder))
		return false;
	for (CsSimClient *client = network->clients; client; client = client->next)
		cs_sim_output_release(client);
	return true;
}

static bool
run_clock(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *word = cs_sim_word(&arguments);
	bool		back = *word == '-';
	uint64_t	ms;

	(void) answer;
	if (!cs_sim_parse_number(word + back, INT64_MAX / 4, &ms))
		return false;
	network->traffic.clock_ms = back ? -(int64_t) ms : (int64_t) ms;
	return true;
}

static bool
run_slowhandshake(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	ms;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), 86400000, &ms))
		return false;
	network->faults.handshake_delay_ms = (int) ms;
	return true;
}

/* Close or reopen every listening socket of the network. */
static bool
pause_listeners(CsSimNetwork *network, bool paused)
{
	bool		fine = true;

	for (CsSimListener *listener = network->sim->listeners; listener;
		 listener = listener->next)
		if (listener->network == network)
			fine = cs_sim_listener_pause(listener, paused) && fine;
	return fine;
}

static bool
run_pause(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	return pause_listeners(network, true);
}

static bool
run_resume(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	return pause_listeners(network, false);
}

const CsSimCommand cs_sim_fault_commands[] = {
	{"raw", "TEXT: exactly this, as one text frame or event", run_raw},
	{"rawhex", "HEX: these bytes, as one text frame or event", run_rawhex},
	{"stream", "HEX: these bytes of an event stream, as one chunk", run_stream},
	{"wire", "HEX: these bytes, without a frame or chunk", run_wire},
	{"drop", "[fin]: end TCP without a close frame, with RST or FIN",
	run_drop},
	{"close", "CODE [REASON]: close frame, after what is queued; 0: an empty one",
	run_close},
	{"end", ": end TCP without a close frame, after what is queued", run_end},
	{"stall", "MS: write no messages (pings are answered)", run_stall},
	{"halfopen", ": neither read nor write any more, keep TCP", run_halfopen},
	{"noping", "on|off: read nothing, so answer nothing; go on sending",
	run_noping},
	{"heartbeat", "on|off: send pings, heartbeats, keep-alives", run_heartbeat},
	{"refuse", "on|off: answer handshakes and requests with 503", run_refuse},
	{"status", "CODE [SECONDS | HEADER: VALUE]: answer handshakes and requests "
		"so; 0: no more",
	run_status},
	{"rest", "STATUS [COUNT]: answer so many plain requests so; 0: no more",
	run_rest},
	{"restdelay", "MS: wait before answering plain requests", run_restdelay},
	{"garbage", "[N]: random bytes in a text frame", run_garbage},
	{"truncate", "[N]: a notification cut after N bytes", run_truncate},
	{"huge", "N: a notification of N bytes", run_huge},
	{"deep", "N: N arrays in each other", run_deep},
	{"badutf8", ": a notification that is not UTF-8", run_badutf8},
	{"duplicate", "on|off: each notification twice", run_duplicate},
	{"reorder", "on|off: each two notifications swapped", run_reorder},
	{"clock", "MS: add to every time sent, may be negative", run_clock},
	{"slowhandshake", "MS: wait so long before reading from a new client",
	run_slowhandshake},
	{"pause", ": refuse TCP connections", run_pause},
	{"resume", ": accept them again", run_resume},
	{NULL, NULL, NULL}
};
