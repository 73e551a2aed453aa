/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The command line.
 *
 *-------------------------------------------------------------------------
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

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
	OPTION_SET,
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
	{"listen", "DIALECT[:NAME]=[ADDRESS:]PORT", "serve ws:// and http:// there"},
	{"listen-tls", "DIALECT[:NAME]=[ADDRESS:]PORT", "serve wss:// and https://"},
	{"cert", "FILE", "certificate (chain) for it, PEM"},
	{"key", "FILE", "and its private key"},
	{"control", "PORT", "take commands there; 0: any"},
	{"replay", "[NAME=]FILE", "send these messages, one JSON a line"},
	{"rate", "N|max", "messages a second, once somebody subscribed"},
	{"count", "N", "stop after so many"},
	{"loop", NULL, "begin the replay again at its end"},
	{"now", NULL, "do not wait for a subscription"},
	{"accounts", "N", "synthetic traffic is between so many (1000)"},
	{"seed", "S", "which determines all of it (1)"},
	{"to", "[NAME=]ACCOUNT", "let transfers go to this account"},
	{"hit-accounts", "FILE", "or to these, one a line, in turn"},
	{"to-every", "K", "every so many-th transfer (10)"},
	{"receive-every", "K", "every so many-th block receives one; 0: none"},
	{"timestamps", NULL, "notifications carry the real time"},
	{"require-token", "[NAME=]TOKEN", "401 to requests without it"},
	{"set", "[NAME=]SETTING=N", "change a setting of a dialect"},
	{"journal", "FILE", "write hash, client and topic of all that is sent"},
	{"die-with-parent", NULL, "end when the process that started this does"},
	{"help", NULL, "this"},
};

#define OPTION_TEXTS	((int) (sizeof(option_texts) / sizeof(option_texts[0])))

static void
add_value(CsSimValues *values, const char *value)
{
	values->list = cs_sim_resize(values->list,
								 (values->count + 1) * sizeof(*values->list));
	values->list[values->count++] = value;
}

static void
print_help(void)
{
	printf("usage: chainstream-simulator --listen DIALECT[:NAME]=[ADDRESS:]PORT "
		   "...\n");
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
			 known != NULL && known->name != NULL; known++)
			printf("  --%-35s %s\n", known->name, known->comment);
		for (const CsSimSetting *known = cs_sim_dialects[d]->settings;
			 known != NULL && known->name != NULL; known++)
			printf("  --set %s=%-*llu %s\n", known->name,
				   (int) (30 - strlen(known->name)),
				   (unsigned long long) known->value, known->comment);
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
			 known != NULL && known->name != NULL; known++)
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

/* The accounts of --hit-accounts, one a line. */
static void
read_hits(CsSimOptions *options, const char *path)
{
	FILE	   *file = fopen(path, "re");
	char	   *line = NULL;
	size_t		size = 0;
	size_t		room = options->hit_line_count;

	if (file == NULL)
		cs_sim_fatal("%s: %s", path, strerror(errno));
	while (getline(&line, &size, file) >= 0)
	{
		line[strcspn(line, " \t\r\n")] = '\0';
		if (*line == '\0')
			continue;
		if (options->hit_line_count >= room)
		{
			room = 2 * room + 16;
			options->hit_lines = cs_sim_resize(options->hit_lines,
											   room * sizeof(char *));
		}
		options->hit_lines[options->hit_line_count++] = cs_sim_copy(line);
	}
	free(line);
	fclose(file);
}

/* Note one option. */
static void
take_option(CsSimOptions *options, int code, const char *name)
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
			read_hits(options, optarg);
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
			add_value(&options->tokens, optarg);
			break;
		case OPTION_SET:
			add_value(&options->settings, optarg);
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

void
cs_sim_options_parse(CsSimOptions *options, int argc, char **argv)
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

void
cs_sim_options_free(CsSimOptions *options)
{
	free(options->listen.list);
	free(options->listen_tls.list);
	free(options->replay.list);
	free(options->hits.list);
	free(options->switches.list);
	free(options->tokens.list);
	free(options->settings.list);
	for (size_t i = 0; i < options->hit_line_count; i++)
		free(options->hit_lines[i]);
	free(options->hit_lines);
}
