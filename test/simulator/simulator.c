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
#include "dialect.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

const CsSimDialect *const cs_sim_dialects[] = {
	&cs_sim_dialect_nano,
	NULL
};

/* A list of option values, in the order given. */
typedef struct Values
{
	const char **list;
	size_t		count;
} Values;

/* The command line. */
typedef struct Options
{
	Values		listen;
	Values		listen_tls;
	Values		replay;
	Values		hits;
	const char *hits_file;
	const char *cert;
	const char *key;
	const char *journal;
	const char *token;
	int			control;		/* -1: no control port */
	uint64_t	rate;
	uint64_t	count;
	CsSimPool	pool;
	bool		loop;
	bool		now;
	bool		timestamps;
	Values		switches;		/* names of dialects' switches */
} Options;

enum
{
	OPTION_LISTEN = 256,
	OPTION_LISTEN_TLS,
	OPTION_CERT,
	OPTION_KEY,
	OPTION_CONTROL,
	OPTION_REPLAY,
	OPTION_RATE,
	OPTION_COUNT,
	OPTION_LOOP,
	OPTION_NOW,
	OPTION_ACCOUNTS,
	OPTION_SEED,
	OPTION_TO,
	OPTION_HIT_ACCOUNTS,
	OPTION_TO_EVERY,
	OPTION_RECEIVE_EVERY,
	OPTION_TIMESTAMPS,
	OPTION_REQUIRE_TOKEN,
	OPTION_JOURNAL,
	OPTION_DIE_WITH_PARENT,
	OPTION_HELP,
	OPTION_SWITCH				/* the first of the dialects' switches */
};

typedef struct OptionText
{
	const char *name;
	const char *argument;		/* NULL: none */
	const char *comment;
} OptionText;

/* In the order of the enum. */
static const OptionText option_texts[] = {
	{"listen", "DIALECT=[ADDRESS:]PORT", "serve ws:// there; port 0: any"},
	{"listen-tls", "DIALECT=[ADDRESS:]PORT", "serve wss:// there"},
	{"cert", "FILE", "certificate (chain) for it, PEM"},
	{"key", "FILE", "and its private key"},
	{"control", "PORT", "take commands there; 0: any"},
	{"replay", "[DIALECT=]FILE", "send these messages, one JSON a line"},
	{"rate", "N|max", "messages a second, once somebody subscribed"},
	{"count", "N", "stop after so many"},
	{"loop", NULL, "begin the replay again at its end"},
	{"now", NULL, "do not wait for a subscription"},
	{"accounts", "N", "synthetic traffic is between so many (1000)"},
	{"seed", "S", "which determines all of it (1)"},
	{"to", "ACCOUNT", "let transfers go to this account"},
	{"hit-accounts", "FILE", "or to these, one a line, in turn"},
	{"to-every", "K", "every so many-th transfer (10)"},
	{"receive-every", "K", "every so many-th block receives one; 0: none"},
	{"timestamps", NULL, "notifications carry the real time"},
	{"require-token", "TOKEN", "401 to a handshake without it"},
	{"journal", "FILE", "write hash, client and topic of all that is sent"},
	{"die-with-parent", NULL, "end when the process that started this does"},
	{"help", NULL, "this"},
};

#define OPTION_TEXTS	((int) (sizeof(option_texts) / sizeof(option_texts[0])))

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

static void
add_value(Values *values, const char *value)
{
	values->list = cs_sim_resize(values->list,
								 (values->count + 1) * sizeof(*values->list));
	values->list[values->count++] = value;
}

/* ---------- the command line ---------- */

static void
print_help(void)
{
	printf("usage: chainstream-simulator --listen DIALECT=[ADDRESS:]PORT ...\n");
	for (int i = 0; i < OPTION_TEXTS; i++)
	{
		const OptionText *text = &option_texts[i];

		printf("  --%s %-*s %s\n", text->name,
			   (int) (34 - strlen(text->name)),
			   text->argument != NULL ? text->argument : "", text->comment);
	}
	for (int d = 0; cs_sim_dialects[d] != NULL; d++)
	{
		printf("%s:\n", cs_sim_dialects[d]->name);
		for (const CsSimSwitch *known = cs_sim_dialects[d]->switches;
			 known->name; known++)
			printf("  --%-35s %s\n", known->name, known->comment);
	}
}

/* Every option as getopt_long() wants it. */
static struct option *
option_list(void)
{
	struct option *list = cs_sim_alloc((OPTION_TEXTS + 1) * sizeof(*list));
	int			count = 0;

	for (; count < OPTION_TEXTS; count++)
	{
		list[count].name = option_texts[count].name;
		list[count].has_arg = option_texts[count].argument != NULL;
		list[count].val = OPTION_LISTEN + count;
	}
	for (int d = 0; cs_sim_dialects[d] != NULL; d++)
	{
		for (const CsSimSwitch *known = cs_sim_dialects[d]->switches;
			 known->name; known++)
		{
			list = cs_sim_resize(list, ((size_t) count + 2) * sizeof(*list));
			memset(&list[count], 0, 2 * sizeof(*list));
			list[count].name = known->name;
			list[count].val = OPTION_SWITCH;
			count++;
		}
	}
	return list;
}

/* The value of a numeric option. */
static uint64_t
number_option(const char *name, uint64_t least, uint64_t most)
{
	uint64_t	value;

	if (!cs_sim_parse_number(optarg, most, &value) || value < least)
		cs_sim_fatal("--%s %s: not such a number", name, optarg);
	return value;
}

/* Note one option. */
static void
take_option(Options *options, int code, const char *name)
{
	switch (code)
	{
		case OPTION_LISTEN:
			add_value(&options->listen, optarg);
			break;
		case OPTION_LISTEN_TLS:
			add_value(&options->listen_tls, optarg);
			break;
		case OPTION_CERT:
			options->cert = optarg;
			break;
		case OPTION_KEY:
			options->key = optarg;
			break;
		case OPTION_CONTROL:
			options->control = (int) number_option(name, 0, 65535);
			break;
		case OPTION_REPLAY:
			add_value(&options->replay, optarg);
			break;
		case OPTION_RATE:
			if (!cs_sim_parse_rate(optarg, &options->rate))
				cs_sim_fatal("--rate %s: not a rate", optarg);
			break;
		case OPTION_COUNT:
			options->count = number_option(name, 0, UINT64_MAX);
			break;
		case OPTION_LOOP:
			options->loop = true;
			break;
		case OPTION_NOW:
			options->now = true;
			break;
		case OPTION_ACCOUNTS:
			options->pool.accounts = number_option(name, 1, 100000000);
			break;
		case OPTION_SEED:
			options->pool.seed = number_option(name, 0, UINT64_MAX);
			break;
		case OPTION_TO:
			add_value(&options->hits, optarg);
			break;
		case OPTION_HIT_ACCOUNTS:
			options->hits_file = optarg;
			break;
		case OPTION_TO_EVERY:
			options->pool.hit_every = number_option(name, 1, UINT64_MAX);
			break;
		case OPTION_RECEIVE_EVERY:
			options->pool.receive_every = number_option(name, 0, UINT64_MAX);
			break;
		case OPTION_TIMESTAMPS:
			options->timestamps = true;
			break;
		case OPTION_REQUIRE_TOKEN:
			options->token = optarg;
			break;
		case OPTION_JOURNAL:
			options->journal = optarg;
			break;
		case OPTION_DIE_WITH_PARENT:
			(void) prctl(PR_SET_PDEATHSIG, SIGTERM);
			break;
		case OPTION_HELP:
			print_help();
			exit(0);
		case OPTION_SWITCH:
			add_value(&options->switches, name);
			break;
		default:
			exit(2);			/* getopt_long() has said why */
	}
}

static void
parse_options(Options *options, int argc, char **argv)
{
	struct option *list = option_list();
	int			index = 0;
	int			code;

	memset(options, 0, sizeof(*options));
	options->control = -1;
	options->pool.accounts = 1000;
	options->pool.seed = 1;
	options->pool.hit_every = 10;
	while ((code = getopt_long(argc, argv, "", list, &index)) != -1)
		take_option(options, code, list[index].name);
	free(list);
	if (optind < argc)
		cs_sim_fatal("unexpected argument: %s", argv[optind]);
	if (options->listen.count + options->listen_tls.count == 0)
		cs_sim_fatal("nothing to listen to; see --help");
	if (options->listen_tls.count > 0 &&
		(options->cert == NULL || options->key == NULL))
		cs_sim_fatal("--listen-tls needs --cert and --key");
}

/* ---------- acting on it ---------- */

/* The accounts that shall be hit: --to and the lines of --hit-accounts. */
static void
collect_hits(CsSimPool *pool, const Options *options)
{
	char	   *line = NULL;
	size_t		size = 0;
	size_t		room = 0;
	FILE	   *file;

	for (size_t i = 0; i < options->hits.count; i++)
	{
		pool->hits = cs_sim_resize(pool->hits, (i + 1) * sizeof(char *));
		pool->hits[pool->hit_count++] = cs_sim_copy(options->hits.list[i]);
		room = i + 1;
	}
	if (options->hits_file == NULL)
		return;
	file = fopen(options->hits_file, "re");
	if (file == NULL)
		cs_sim_fatal("%s: %s", options->hits_file, strerror(errno));
	while (getline(&line, &size, file) >= 0)
	{
		line[strcspn(line, " \t\r\n")] = '\0';
		if (*line == '\0')
			continue;
		if (pool->hit_count >= room)
		{
			room = 2 * room + 16;
			pool->hits = cs_sim_resize(pool->hits, room * sizeof(char *));
		}
		pool->hits[pool->hit_count++] = cs_sim_copy(line);
	}
	free(line);
	fclose(file);
}

/* The network for "DIALECT=...", made if need be; *value* is what follows. */
static CsSimNetwork *
network_for(CsSim *sim, const char *argument, const char **value)
{
	size_t		length = strcspn(argument, "=");
	CsSimNetwork **end = &sim->networks;

	*value = argument + length + (argument[length] == '=');
	for (; *end != NULL; end = &(*end)->next)
		if (strncmp((*end)->dialect->name, argument, length) == 0 &&
			(*end)->dialect->name[length] == '\0')
			return *end;
	for (int d = 0; cs_sim_dialects[d] != NULL; d++)
	{
		if (strncmp(cs_sim_dialects[d]->name, argument, length) != 0 ||
			cs_sim_dialects[d]->name[length] != '\0')
			continue;
		*end = cs_sim_alloc(sizeof(**end));
		(*end)->sim = sim;
		(*end)->dialect = cs_sim_dialects[d];
		return *end;
	}
	cs_sim_fatal("not DIALECT=[ADDRESS:]PORT: %s", argument);
}

/* Turn on the switches that this network's dialect has. */
static void
apply_switches(CsSimNetwork *network, const Values *names)
{
	const CsSimSwitch *known = network->dialect->switches;

	for (size_t i = 0; i < names->count; i++)
		for (int s = 0; known[s].name != NULL; s++)
			if (strcmp(known[s].name, names->list[i]) == 0)
				network->switches |= UINT32_C(1) << s;
}

/* Start one network's traffic. */
static void
start_network(CsSimNetwork *network, const Options *options)
{
	const char **paths = cs_sim_alloc((options->replay.count + 1) *
									  sizeof(char *));
	size_t		count = 0;
	size_t		length = strlen(network->dialect->name);
	char		error[CS_SIM_ERROR_MAX];

	apply_switches(network, &options->switches);
	network->token = options->token;
	network->traffic.hold = !options->now;
	network->traffic.loop = options->loop;
	network->traffic.timestamps = options->timestamps;
	network->traffic.rate = options->rate;
	if (network->dialect->start != NULL)
		network->dialect->start(network);
	cs_sim_traffic_start(network);
	for (size_t i = 0; i < options->replay.count; i++)
	{
		const char *path = options->replay.list[i];

		if (strncmp(path, network->dialect->name, length) == 0 &&
			path[length] == '=')
			paths[count++] = path + length + 1;
		else if (strchr(path, '=') == NULL && network == network->sim->networks)
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
open_listeners(CsSim *sim, const Options *options)
{
	for (int tls = 0; tls < 2; tls++)
	{
		const Values *values = tls ? &options->listen_tls : &options->listen;

		for (size_t i = 0; i < values->count; i++)
		{
			const char *where;
			CsSimNetwork *network = network_for(sim, values->list[i], &where);
			CsSimListener *listener = cs_sim_listener_open(network, where, tls);
			bool		v6 = strchr(listener->address, ':') != NULL;

			printf("listening %s %s://%s%s%s:%d\n", network->dialect->name,
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
	for (size_t i = 0; i < sim->pool.hit_count; i++)
		free(sim->pool.hits[i]);
	free(sim->pool.hits);
	if (sim->journal != NULL)
		fclose(sim->journal);
	cs_sim_output_end();
}

int
main(int argc, char **argv)
{
	Options		options;
	static CsSim sim;

	parse_options(&options, argc, argv);
	(void) signal(SIGPIPE, SIG_IGN);
	lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
	sim.pool = options.pool;
	collect_hits(&sim.pool, &options);
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
	free(options.listen.list);
	free(options.listen_tls.list);
	free(options.replay.list);
	free(options.hits.list);
	free(options.switches.list);
	return 0;
}
