/*-------------------------------------------------------------------------
 *
 * control.c
 *	  The port on which tests command the simulator.
 *
 * A line of text is a command; each is answered by one line, "ok ..." or
 * "error ...", when what it asks for has been done or queued.  The first
 * argument may be the name of a network being served; without it, the first
 * network of the command line is meant.
 *
 * The commands here are about traffic and state; what a server does wrong is
 * in faults.c.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A longer line ends the connection. */
#define LINE_MAX_BYTES	((size_t) 256 << 20)

/* Most accounts that one answer names. */
#define ACCOUNTS_MAX	10000

/* ---------- words and numbers ---------- */

char *
cs_sim_word(char **rest)
{
	char	   *word = *rest + strspn(*rest, " ");
	char	   *end = word + strcspn(word, " ");

	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

bool
cs_sim_parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char	   *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 && *value <= max;
}

bool
cs_sim_parse_rate(const char *text, uint64_t *rate)
{
	*rate = CS_SIM_RATE_MAX;
	return strcmp(text, "max") == 0 ||
		cs_sim_parse_number(text, 1000000000, rate);
}

bool
cs_sim_parse_switch(const char *text, bool *value)
{
	*value = strcmp(text, "on") == 0;
	return *value || strcmp(text, "off") == 0;
}

/* ---------- traffic ---------- */

static bool
run_send(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	char		error[CS_SIM_ERROR_MAX];
	json_object *json = json_tokener_parse(arguments);
	CsSimItem  *item;

	if (json == NULL)
	{
		cs_sim_text_printf(answer, "not JSON");
		return false;
	}
	item = network->dialect->item_create(network, json, error);
	json_object_put(json);
	if (item == NULL)
	{
		cs_sim_text_printf(answer, "%s", error);
		return false;
	}
	cs_sim_text_printf(answer, "%zu",
					   network->dialect->deliver(network, item));
	network->dialect->item_free(item);
	return true;
}

static bool
run_rate(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	rate;

	(void) answer;
	if (!cs_sim_parse_rate(cs_sim_word(&arguments), &rate))
		return false;
	network->traffic.hold = false;
	cs_sim_traffic_rate(network, rate);
	return true;
}

static bool
run_count(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	count;

	(void) answer;
	if (!cs_sim_parse_number(cs_sim_word(&arguments), UINT64_MAX, &count))
		return false;
	cs_sim_traffic_limit(network, count);
	return true;
}

static bool
run_replay(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	char		error[CS_SIM_ERROR_MAX];
	const char *path = arguments;

	if (*path == '\0')
		return false;
	if (!cs_sim_traffic_replay(network, &path, 1, error))
	{
		cs_sim_text_printf(answer, "%s", error);
		return false;
	}
	cs_sim_text_printf(answer, "%zu", network->traffic.item_count);
	return true;
}

static bool
run_synthetic(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	char		error[CS_SIM_ERROR_MAX];

	(void) arguments;
	(void) answer;
	return cs_sim_traffic_replay(network, NULL, 0, error);
}

static bool
run_loop(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	if (!cs_sim_parse_switch(cs_sim_word(&arguments), &network->traffic.loop))
		return false;
	cs_sim_traffic_rate(network, network->traffic.rate);
	return true;
}

static bool
run_timestamps(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) answer;
	return cs_sim_parse_switch(cs_sim_word(&arguments),
							   &network->traffic.timestamps);
}

/* ---------- state ---------- */

static uint64_t
count_clients(const CsSimNetwork *network)
{
	uint64_t	count = 0;

	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
		count += !client->dead;
	return count;
}

static bool
run_clients(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	cs_sim_text_printf(answer, "%llu",
					   (unsigned long long) count_clients(network));
	return true;
}

static bool
run_sent(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	cs_sim_text_printf(answer, "%llu",
					   (unsigned long long) network->stats.sent);
	return true;
}

static bool
run_subscriptions(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	json_object *list = json_object_new_array();

	(void) arguments;
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
	{
		json_object *entry;

		if (client->dead)
			continue;
		entry = json_object_new_object();
		json_object_object_add(entry, "client",
							   json_object_new_uint64(client->id));
		json_object_object_add(entry, "topics",
							   network->dialect->describe(client));
		json_object_array_add(list, entry);
	}
	cs_sim_text_printf(answer, "%s",
					   json_object_to_json_string_ext(list,
													  JSON_C_TO_STRING_PLAIN));
	json_object_put(list);
	return true;
}

static void
add_number(json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static bool
run_stats(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const CsSimStats *stats = &network->stats;
	json_object *object = json_object_new_object();
	json_object *topics = json_object_new_object();
	uint64_t	queued = 0;

	(void) arguments;
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
		queued += client->queued;
	add_number(object, "clients", count_clients(network));
	add_number(object, "connections", stats->accepted);
	add_number(object, "refused", stats->refused);
	add_number(object, "answered", stats->answered);
	add_number(object, "dropped", stats->dropped);
	add_number(object, "requests", stats->requests);
	add_number(object, "generated", network->traffic.generated);
	add_number(object, "sent", stats->sent);
	add_number(object, "bytes", stats->bytes);
	add_number(object, "queued", queued);
	for (int i = 0; network->dialect->topics[i] != NULL; i++)
		add_number(topics, network->dialect->topics[i],
				   stats->sent_by_topic[i]);
	json_object_object_add(object, "topics", topics);
	json_object_object_add(object, "last_hash",
						   json_object_new_string(stats->last_hash));
	cs_sim_text_printf(answer, "%s",
					   json_object_to_json_string_ext(object,
													  JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return true;
}

static bool
run_accounts(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	uint64_t	from;
	uint64_t	count;
	char	   *list = NULL;
	size_t		length = 0;
	FILE	   *file;

	if (network->dialect->accounts == NULL ||
		!cs_sim_parse_number(cs_sim_word(&arguments), UINT64_MAX, &from) ||
		!cs_sim_parse_number(cs_sim_word(&arguments), UINT64_MAX, &count))
		return false;
	if (*arguments != '\0')
		file = fopen(arguments, "we");
	else
	{
		if (count > ACCOUNTS_MAX)
			count = ACCOUNTS_MAX;
		file = open_memstream(&list, &length);
	}
	if (file == NULL)
	{
		cs_sim_text_printf(answer, "%s", strerror(errno));
		return false;
	}
	network->dialect->accounts(network, from, count, file);
	fclose(file);
	for (size_t i = 0; i < length; i++)
		if (list[i] == '\n')
			list[i] = ' ';
	if (length > 0)
		cs_sim_text_add(answer, list, length - 1);
	free(list);
	return true;
}

static bool
run_journal(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	CsSim	   *sim = network->sim;
	FILE	   *file = fopen(arguments, "we");

	if (file == NULL)
	{
		cs_sim_text_printf(answer, "%s", strerror(errno));
		return false;
	}
	if (sim->journal != NULL)
		fclose(sim->journal);
	sim->journal = file;
	return true;
}

static bool
run_switch(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const CsSimSwitch *known = network->dialect->switches;
	const char *name = cs_sim_word(&arguments);
	bool		value;

	if (!cs_sim_parse_switch(cs_sim_word(&arguments), &value))
		return false;
	for (int i = 0; known != NULL && known[i].name != NULL; i++)
	{
		if (strcmp(known[i].name, name) != 0)
			continue;
		if (!known[i].live)
		{
			cs_sim_text_printf(answer, "%s can only be set at the start",
							   name);
			return false;
		}
		network->switches &= ~(UINT32_C(1) << i);
		network->switches |= (uint32_t) value << i;
		return true;
	}
	cs_sim_text_printf(answer, "no such switch: %s", name);
	return false;
}

static bool
run_set(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const char *name = cs_sim_word(&arguments);
	uint64_t	value;

	if (!cs_sim_parse_number(cs_sim_word(&arguments), UINT64_MAX, &value))
		return false;
	if (cs_sim_set(network, name, value))
		return true;
	cs_sim_text_printf(answer, "no such setting: %s", name);
	return false;
}

bool
cs_sim_set(CsSimNetwork *network, const char *name, uint64_t value)
{
	const CsSimSetting *known = network->dialect->settings;

	for (int i = 0; known != NULL && known[i].name != NULL; i++)
	{
		if (strcmp(known[i].name, name) != 0)
			continue;
		network->settings[i] = value;
		return true;
	}
	return false;
}

static bool
run_quit(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	(void) arguments;
	(void) answer;
	cs_sim_server_stop(network->sim);
	return true;
}

static bool run_help(CsSimNetwork *network, char *arguments,
					 CsSimText *answer);

static const CsSimCommand commands[] = {
	{"send", "JSON: to all who subscribed; answers how many", run_send},
	{"rate", "N|max: messages a second", run_rate},
	{"count", "N: stop after so many more; 0: never", run_count},
	{"replay", "FILE: send these, from the beginning", run_replay},
	{"synthetic", ": send invented messages", run_synthetic},
	{"loop", "on|off: begin the replay again at its end", run_loop},
	{"timestamps", "on|off: notifications carry the real time",
	run_timestamps},
	{"clients", ": how many are connected", run_clients},
	{"subscriptions", ": what they subscribed to", run_subscriptions},
	{"stats", ": everything counted", run_stats},
	{"sent", ": notifications written", run_sent},
	{"accounts", "FROM COUNT [FILE]: name accounts of the pool",
	run_accounts},
	{"journal", "FILE: write hash, client and topic of all that is sent",
	run_journal},
	{"switch", "NAME on|off: as on the command line", run_switch},
	{"set", "NAME NUMBER: change a setting", run_set},
	{"help", ": this", run_help},
	{"quit", ": close politely and end", run_quit},
	{NULL, NULL, NULL}
};

static bool
run_help(CsSimNetwork *network, char *arguments, CsSimText *answer)
{
	const CsSimCommand *const lists[] = {
		commands, cs_sim_fault_commands, network->dialect->commands
	};

	(void) arguments;
	for (int i = 0; i < 3; i++)
		for (const CsSimCommand *command = lists[i];
			 command != NULL && command->name != NULL; command++)
			cs_sim_text_printf(answer, "%s%s %s", answer->length > 0 ?
							   "; " : "", command->name, command->usage);
	return true;
}

/* ---------- the port ---------- */

/* The command of this name, or NULL; a dialect's own go first. */
static const CsSimCommand *
find_command(const CsSimNetwork *network, const char *name)
{
	const CsSimCommand *const lists[] = {
		network->dialect->commands, commands, cs_sim_fault_commands
	};

	for (int i = 0; i < 3; i++)
		for (const CsSimCommand *command = lists[i];
			 command != NULL && command->name != NULL; command++)
			if (strcmp(command->name, name) == 0)
				return command;
	return NULL;
}

/* If the arguments begin with a network's name, skip it. */
static CsSimNetwork *
choose_network(CsSim *sim, char **arguments)
{
	for (CsSimNetwork *network = sim->networks; network;
		 network = network->next)
	{
		const char *name = network->name;
		size_t		length = strlen(name);

		if (strncmp(*arguments, name, length) != 0 ||
			((*arguments)[length] != ' ' && (*arguments)[length] != '\0'))
			continue;
		*arguments += length + ((*arguments)[length] == ' ');
		return network;
	}
	return sim->networks;
}

/* Run one line; *answer* becomes the line that answers it. */
static void
run_line(CsSim *sim, char *line, CsSimText *answer)
{
	CsSimText	result = {NULL, 0, 0};
	const char *name = cs_sim_word(&line);
	CsSimNetwork *network = choose_network(sim, &line);
	const CsSimCommand *command = find_command(network, name);
	bool		fine = command != NULL && command->run(network, line, &result);

	cs_sim_text_printf(answer, "%s", fine ? "ok" : "error");
	if (command == NULL)
		cs_sim_text_printf(answer, " unknown command; try: help");
	else if (result.length > 0)
	{
		cs_sim_text_add(answer, " ", 1);
		cs_sim_text_add(answer, result.data, result.length);
	}
	else if (!fine)
		cs_sim_text_printf(answer, " usage: %s %s", command->name,
						   command->usage);
	cs_sim_text_add(answer, "\n", 1);
	free(result.data);
}

/* Run every complete line of *input* and answer it. */
static int
run_lines(struct lws *wsi, CsSimText *input)
{
	CsSim	   *sim = lws_context_user(lws_get_context(wsi));
	char	   *line = input->data;
	char	   *end;
	int			result = 0;

	while (result >= 0 && line != NULL &&
		   (end = memchr(line, '\n', input->length -
						 (size_t) (line - input->data))) != NULL)
	{
		CsSimText	answer = {NULL, 0, 0};

		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		run_line(sim, line, &answer);
		result = lws_write(wsi, (unsigned char *) answer.data, answer.length,
						   LWS_WRITE_RAW);
		free(answer.data);
		line = end + 1;
	}
	if (line != NULL)
	{
		input->length -= (size_t) (line - input->data);
		memmove(input->data, line, input->length);
	}
	return result < 0 || input->length > LINE_MAX_BYTES ? -1 : 0;
}

int
cs_sim_control_callback(struct lws *wsi, enum lws_callback_reasons reason,
						void *user, void *in, size_t len)
{
	CsSimText **session = user;

	switch (reason)
	{
		case LWS_CALLBACK_RAW_ADOPT:
			*session = cs_sim_alloc(sizeof(**session));
			return 0;
		case LWS_CALLBACK_RAW_RX:
			cs_sim_text_add(*session, in, len);
			return run_lines(wsi, *session);
		case LWS_CALLBACK_RAW_CLOSE:
			if (*session != NULL)
				free((*session)->data);
			free(*session);
			*session = NULL;
			return 0;
		default:
			return 0;
	}
}

/* Connections to the control port wait: take them all. */
static void
accept_control(void *arg, int fd)
{
	CsSim	   *sim = arg;
	int			client;

	while ((client = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
	{
		lws_sock_file_fd_type socket = {.sockfd = client};

		(void) lws_adopt_descriptor_vhost(sim->plain, LWS_ADOPT_SOCKET, socket,
										  "control", NULL);
	}
}

void
cs_sim_control_start(CsSim *sim, int port)
{
	int			fd = cs_sim_listen("127.0.0.1", &port);

	(void) cs_sim_watch(sim, fd, accept_control, sim);
	printf("listening control 127.0.0.1:%d\n", port);
}
