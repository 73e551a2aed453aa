/*-------------------------------------------------------------------------
 *
 * simulator.c
 *	  chainstream-simulator: the providers' servers, on this machine.
 *
 * It speaks each protocol as its real servers do, replays recorded messages
 * or makes up new ones at any rate, and breaks on command.  See --help, the
 * command "help" of the control port, and simulator.h for the parts.
 *
 *-------------------------------------------------------------------------
 */
#include "options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

const CsSimDialect *const cs_sim_dialects[] = {
	&cs_sim_dialect_nano,
	&cs_sim_dialect_symbol,
	&cs_sim_dialect_flow,
	&cs_sim_dialect_toncenter,
	&cs_sim_dialect_tonapi,
	NULL
};

/* ---------- small things ---------- */

void
cs_sim_log(const char *format,...)
{
	va_list		arguments;

	fprintf(stderr, "simulator: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
}

void
cs_sim_fatal(const char *format,...)
{
	va_list		arguments;

	fprintf(stderr, "simulator: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	exit(1);
}

void *
cs_sim_alloc(size_t size)
{
	void	   *memory = calloc(1, size > 0 ? size : 1);

	if (memory == NULL)
		cs_sim_fatal("out of memory");
	return memory;
}

void *
cs_sim_resize(void *memory, size_t size)
{
	void	   *result = realloc(memory, size);

	if (result == NULL)
		cs_sim_fatal("out of memory");
	return result;
}

char *
cs_sim_copy(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(cs_sim_alloc(size), text, size);
}

/* ---------- acting on it ---------- */

/* Is *text*, up to *length*, this name? */
static bool
is_name(const char *name, const char *text, size_t length)
{
	return strlen(name) == length && strncmp(name, text, length) == 0;
}

/* Add a network of this dialect. */
static CsSimNetwork *
network_create(CsSim *sim, const CsSimDialect *dialect, const char *name,
			   size_t length)
{
	CsSimNetwork **end = &sim->networks;
	CsSimNetwork *network = cs_sim_alloc(sizeof(*network));

	while (*end != NULL)
		end = &(*end)->next;
	*end = network;
	network->sim = sim;
	network->dialect = dialect;
	network->name = cs_sim_alloc(length + 1);
	memcpy(network->name, name, length);
	for (int i = 0; dialect->settings != NULL && dialect->settings[i].name; i++)
		network->settings[i] = dialect->settings[i].value;
	return network;
}

/*
 * The network for "DIALECT[:NAME]=...", made if need be; *value* is what
 * follows.
 */
static CsSimNetwork *
network_for(CsSim *sim, const char *argument, const char **value)
{
	size_t		length = strcspn(argument, "=");
	size_t		kind = strcspn(argument, ":=");
	const char *name = argument + kind + (argument[kind] == ':');

	*value = argument + length + (argument[length] == '=');
	length -= (size_t) (name - argument);
	if (argument[kind] != ':')
	{
		name = argument;
		length = kind;
	}
	for (CsSimNetwork *network = sim->networks; network;
		 network = network->next)
		if (is_name(network->name, name, length) &&
			is_name(network->dialect->name, argument, kind))
			return network;
	for (int d = 0; cs_sim_dialects[d] != NULL && length > 0; d++)
		if (is_name(cs_sim_dialects[d]->name, argument, kind))
			return network_create(sim, cs_sim_dialects[d], name, length);
	cs_sim_fatal("not DIALECT[:NAME]=[ADDRESS:]PORT: %s", argument);
}

/*
 * What "[NAME=]REST" says to this network: REST, or NULL if another network
 * is named.
 */
static const char *
said_to(const CsSimNetwork *network, const char *argument)
{
	size_t		length = strcspn(argument, "=");

	for (const CsSimNetwork *other = network->sim->networks; other;
		 other = other->next)
		if (argument[length] == '=' && is_name(other->name, argument, length))
			return other == network ? argument + length + 1 : NULL;
	return argument;
}

/* Change what --set says; a setting may belong to another dialect. */
static void
apply_settings(CsSimNetwork *network, const CsSimValues *values)
{
	for (size_t i = 0; i < values->count; i++)
	{
		const char *text = said_to(network, values->list[i]);
		char	   *name;
		uint64_t	value;
		size_t		length;

		if (text == NULL)
			continue;
		length = strcspn(text, "=");
		if (text[length] != '=' ||
			!cs_sim_parse_number(text + length + 1, UINT64_MAX, &value))
			cs_sim_fatal("not --set SETTING=N: %s", values->list[i]);
		name = cs_sim_copy(text);
		name[length] = '\0';
		(void) cs_sim_set(network, name, value);
		free(name);
	}
}

/* Note an account that shall be hit, if this network is meant. */
static void
add_hit(CsSimNetwork *network, const char *argument)
{
	CsSimPool  *pool = &network->pool;
	const char *account = said_to(network, argument);

	if (account != NULL && (account != argument ||
							network == network->sim->networks))
		pool->hits[pool->hit_count++] = account;
}

/* What the command line says of this network's synthetic traffic. */
static void
apply_pool(CsSimNetwork *network, const CsSimOptions *options)
{
	network->pool = options->pool;
	network->pool.hits = cs_sim_alloc((options->hits.count +
									   options->hit_line_count) *
									  sizeof(char *));
	for (size_t i = 0; i < options->hits.count; i++)
		add_hit(network, options->hits.list[i]);
	for (size_t i = 0; i < options->hit_line_count; i++)
		add_hit(network, options->hit_lines[i]);
}

/* Turn on the switches that this network's dialect has. */
static void
apply_switches(CsSimNetwork *network, const CsSimValues *names)
{
	const CsSimSwitch *known = network->dialect->switches;

	for (size_t i = 0; i < names->count; i++)
		for (int s = 0; known != NULL && known[s].name != NULL; s++)
			if (strcmp(known[s].name, names->list[i]) == 0)
				network->switches |= UINT32_C(1) << s;
}

/* Start one network's traffic. */
static void
start_network(CsSimNetwork *network, const CsSimOptions *options)
{
	const char **paths = cs_sim_alloc((options->replay.count + 1) *
									  sizeof(char *));
	size_t		count = 0;
	char		error[CS_SIM_ERROR_MAX];

	apply_pool(network, options);
	apply_switches(network, &options->switches);
	apply_settings(network, &options->settings);
	for (size_t i = 0; i < options->tokens.count; i++)
		if (said_to(network, options->tokens.list[i]) != NULL)
			network->token = said_to(network, options->tokens.list[i]);
	network->traffic.hold = !options->now;
	network->traffic.loop = options->loop;
	network->traffic.timestamps = options->timestamps;
	network->traffic.rate = options->rate;
	if (network->dialect->start != NULL)
		network->dialect->start(network);
	cs_sim_traffic_start(network);
	for (size_t i = 0; i < options->replay.count; i++)
	{
		const char *path = said_to(network, options->replay.list[i]);

		if (path != NULL && (path != options->replay.list[i] ||
							 network == network->sim->networks))
			paths[count++] = path;
	}
	if (count > 0 && !cs_sim_traffic_replay(network, paths, count, error))
		cs_sim_fatal("--replay: %s", error);
	free(paths);
	cs_sim_traffic_limit(network, options->count);
}

/* A signal to end came. */
static void
on_signal(void *arg, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) > 0)
		cs_sim_server_stop(arg);
}

/* Let SIGTERM and SIGINT arrive through the loop. */
static void
watch_signals(CsSim *sim)
{
	sigset_t	signals;
	int			fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		cs_sim_fatal("cannot block signals: %s", strerror(errno));
	fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		cs_sim_fatal("cannot wait for signals: %s", strerror(errno));
	(void) cs_sim_watch(sim, fd, on_signal, sim);
}

/* Open every listener and say where. */
static void
open_listeners(CsSim *sim, const CsSimOptions *options)
{
	for (int tls = 0; tls < 2; tls++)
	{
		const CsSimValues *values = tls ? &options->listen_tls : &options->listen;

		for (size_t i = 0; i < values->count; i++)
		{
			const char *where;
			CsSimNetwork *network = network_for(sim, values->list[i], &where);
			CsSimListener *listener = cs_sim_listener_open(network, where, tls);
			bool		v6 = strchr(listener->address, ':') != NULL;

			printf("listening %s %s://%s%s%s:%d\n", network->name,
				   tls ? "wss" : "ws", v6 && !tls ? "[" : "",
				   tls ? "localhost" : listener->address,
				   v6 && !tls ? "]" : "", listener->port);
		}
	}
}

/* Is the loop to end now? */
static bool
finished(const CsSim *sim)
{
	if (!sim->stopping)
		return false;
	if (lws_now_usecs() >= sim->stop_at_us)
		return true;
	for (const CsSimNetwork *network = sim->networks; network;
		 network = network->next)
		if (network->clients != NULL)
			return false;
	return true;
}

/* Free what the end of the process would free, for the leak checkers. */
static void
free_all(CsSim *sim)
{
	for (CsSimNetwork *network = sim->networks, *next; network; network = next)
	{
		next = network->next;
		cs_sim_traffic_stop(network);
		if (network->dialect->stop != NULL)
			network->dialect->stop(network);
		free(network->name);
		free(network->pool.hits);
		free(network);
	}
	for (CsSimListener *listener = sim->listeners, *next; listener;
		 listener = next)
	{
		next = listener->next;
		if (listener->reserved >= 0)
			close(listener->reserved);
		free(listener);
	}
	if (sim->journal != NULL)
		fclose(sim->journal);
	cs_sim_output_end();
}

int
main(int argc, char **argv)
{
	CsSimOptions options;
	static CsSim sim;

	cs_sim_options_parse(&options, argc, argv);
	(void) signal(SIGPIPE, SIG_IGN);
	lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
	if (options.journal != NULL &&
		(sim.journal = fopen(options.journal, "we")) == NULL)
		cs_sim_fatal("%s: %s", options.journal, strerror(errno));
	cs_sim_server_start(&sim, options.cert, options.key);
	watch_signals(&sim);
	open_listeners(&sim, &options);
	for (CsSimNetwork *network = sim.networks; network;
		 network = network->next)
		start_network(network, &options);
	if (options.control >= 0)
		cs_sim_control_start(&sim, options.control);
	printf("ready\n");
	fflush(stdout);
	while (!finished(&sim))
		if (lws_service(sim.context, 0) < 0)
			cs_sim_fatal("the event loop failed");
	lws_context_destroy(sim.context);
	free_all(&sim);
	cs_sim_options_free(&options);
	return 0;
}
