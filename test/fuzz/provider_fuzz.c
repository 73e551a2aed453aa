/*-------------------------------------------------------------------------
 *
 * provider_fuzz.c
 *	  Hostile input for every provider.
 *
 * The first byte of an input says what the rest is, and of which provider: a
 * message, an answer to a request, an address, the arguments of a topic, the
 * options of a source, a stored position, or a life of a session, in which
 * each two bytes are something that happens.  The second chooses a source and
 * a topic.
 *
 * Besides what the sanitizers see, everything that comes out is checked, see
 * checks.h and life.h.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "life.h"
#include "provider_seeds.h"

#define WATCHES 48				/* that a kept session begins with */

/* A session is used so often, so that none lives longer than memory. */
#define USES_MAX 5000

static size_t
number_of(const CsProvider *provider)
{
	size_t		number = 0;

	while (cs_providers()[number] != provider)
		number++;
	return number;
}

/* ---------- wishes ---------- */

/* A topic with arguments of the seeds, or with the simplest it takes. */
static void
subscribe(Life *life, size_t topic, uint32_t which)
{
	size_t		number = number_of(life->provider);
	const char *name = life->provider->topics[topic].name;
	size_t		length;
	const char *arguments = which == 0 ? "{}" :
		fuzz_seed_text(KIND_BYTE(KIND_ARGUMENTS, number), which, &length);
	CsError		error = {0};

	for (uint32_t i = 0; i < 40; i++)
	{
		if (cs_session_subscribe(life->session, (int64_t) topic + 1, name,
								 arguments, &error))
			return;
		check_error(&error);
		arguments = fuzz_seed_text(KIND_BYTE(KIND_ARGUMENTS, number), which + i,
								   &length);
	}
}

static Life *
begin(size_t number, const Source *source, uint32_t watches)
{
	const CsProvider *provider = cs_providers()[number];
	Life	   *life = life_begin(provider, &source->config);
	const char *target;

	for (size_t i = 0; i < topic_count(provider); i++)
		subscribe(life, i, 0);
	if (source->everything)
		CHECK(cs_session_watch(life->session, 1, CS_WATCH_ADDRESS, "*"));
	for (uint32_t i = 0; i < watches; i++)
	{
		for (CsWatchKind kind = CS_WATCH_ADDRESS; kind <= CS_WATCH_TRANSACTION;
			 kind++)
		{
			target = seeds_target(number, kind, i);
			if (target != NULL)
				CHECK(cs_session_watch(life->session, 100 + i + 1000 * kind,
									   kind, target));
		}
	}
	return life;
}

/* ---------- targets ---------- */

/* A session that is kept, as a worker keeps one. */
static Life *
keep(size_t number, uint32_t which)
{
	static Life *lives[40];
	static const Source *sources[40];
	static uint32_t uses[40];
	const Source *source = seeds_source(number, which);
	size_t		place = 0;

	while (sources[place] != NULL && sources[place] != source)
	{
		place++;
		CHECK(place < 40);
	}
	if (lives[place] == NULL)
	{
		sources[place] = source;
		lives[place] = begin(number, source, WATCHES);
		life_sync(lives[place]);
		life_open_all(lives[place], seeds_url(source));
	}
	if (++uses[place] % USES_MAX == 0)
	{
		life_end(lives[place]);
		lives[place] = NULL;
		return keep(number, which);
	}
	return lives[place];
}

static void
fuzz_message(size_t number, uint8_t which, const char *text, size_t length)
{
	Life	   *life = keep(number, which & 15);
	int			link = length % 3 == 0 && life->links > 1 ?
		(int) length % life->links : 0;

	if (which & 64)
	{
		char	   *own = life_address(life, text, &length);

		(void) life_receive(life, link, own, length);
		free(own);
	}
	else
		(void) life_receive(life, link, text, length);
	life_pass(life, length % 5 == 0 ? 700 : 10);
	if (!life->open[0])
		life_open_all(life, seeds_url(seeds_source(number, which & 15)));
}

static void
fuzz_response(size_t number, uint8_t which, const char *text, size_t length)
{
	static const int statuses[] = {200, 200, 200, 0, 404, 429, 503, 200};
	Life	   *life = keep(number, which & 15);

	(void) life_answer(life, which, statuses[which >> 5], text, length);
	life_pass(life, 100);
}

static void
fuzz_address(const CsProvider *provider, const char *text)
{
	for (const CsNetwork *network = provider->networks; network->name; network++)
		check_canonical(provider, network->name, text);
}

static void
fuzz_arguments(size_t number, uint8_t which, const char *text)
{
	const CsProvider *provider = cs_providers()[number];
	const CsTopic *topic = &provider->topics[which % topic_count(provider)];
	const Source *source = seeds_source(number, which);
	CsError		error = {0};
	Life	   *life;

	if (!provider->check_arguments(topic, source->config.network, text, &error))
	{
		check_error(&error);
		return;
	}

	/* What was accepted can be sent. */
	life = begin(number, source, 1);
	(void) cs_session_subscribe(life->session, 100, topic->name, text, &error);
	life_sync(life);
	life_open_all(life, seeds_url(source));
	life_end(life);
}

/*
 * The text is a source's options, its URL, and the first line of it its token:
 * with more lines the transport would refuse it.
 */
static void
fuzz_options(size_t number, uint8_t which, const char *text)
{
	const CsProvider *provider = cs_providers()[number];
	CsSourceConfig config = seeds_source(number, which)->config;
	CsError		error = {0};
	CsHandshake handshake;
	CsOutput   *output;
	CsSession  *session;
	char		token[1000];

	(void) snprintf(token, sizeof(token), "%.*s", (int) strcspn(text, "\r\n"),
					text);
	config.options = which & 64 ? config.options : text;
	config.token = token;
	session = cs_session_create(provider, &config, &error);
	if (session == NULL)
	{
		check_error(&error);
		return;
	}
	output = cs_output_create();
	CHECK(cs_session_handshake(session, 0, text, &handshake, output));
	check_fields(handshake.fields, handshake.field_count);
	cs_session_free(session);
	cs_output_free(output);
}

static void
fuzz_position(size_t number, uint8_t which, const char *text)
{
	const Source *source = seeds_source(number, which);
	const char *end = strchr(text, '\n');
	char		scope[200];
	Life	   *life;

	if (end == NULL)
		return;
	(void) snprintf(scope, sizeof(scope), "%.*s", (int) (end - text), text);
	life = begin(number, source, 1);
	for (size_t i = 0; i < topic_count(life->provider); i++)
		subscribe(life, i, which);
	cs_session_restore(life->session, scope, end + 1);
	life_sync(life);
	life_open_all(life, seeds_url(source));
	life_end(life);
}

/* ---------- lives ---------- */

/* A target for the watch list: one of the samples, or nonsense. */
static void
watch(Life *life, uint32_t which, bool wanted)
{
	CsWatchKind kind = which % 8 == 7 ? CS_WATCH_TRANSACTION : CS_WATCH_ADDRESS;
	const char *target = which % 32 == 0 ? "*" : which % 32 == 1 ? "nonsense" :
		seeds_target(number_of(life->provider), kind, which >> 3);

	if (target == NULL)
		return;
	if (wanted)
		CHECK(cs_session_watch(life->session, which + 10, kind, target));
	else
		cs_session_unwatch(life->session, kind, target);
}

/* A message of the samples, as it would come to this session. */
static void
receive(Life *life, uint32_t which, int link)
{
	size_t		length;
	const char *text = fuzz_seed_text(KIND_BYTE(KIND_MESSAGE,
												number_of(life->provider)),
									  which, &length);
	char	   *own = life_address(life, text, &length);

	(void) life_receive(life, link, own, length);
	free(own);
}

static void
answer(Life *life, uint32_t which)
{
	static const int statuses[] = {200, 200, 404, 429, 200, 503, 0, 200};
	size_t		length;
	const char *text = fuzz_seed_text(KIND_BYTE(KIND_RESPONSE,
												number_of(life->provider)),
									  which / 8, &length);

	(void) life_answer(life, which, statuses[which % 8], text, length);
}

/* The list of what is wanted is read anew: some of it is not there any more. */
static void
compare(Life *life, uint32_t which)
{
	cs_session_mark(life->session);
	for (size_t i = 0; i < topic_count(life->provider); i++)
	{
		if ((which >> (i % 8)) & 1)
			subscribe(life, i, 0);
	}
	for (uint32_t i = 0; i < which % 64; i++)
		watch(life, which + i, true);
	cs_session_sweep(life->session);
	life_sync(life);
}

/* The worker ends, and another goes on where it was. */
static Life *
restart(Life *life, const Source *source)
{
	Life	   *next = begin(number_of(life->provider), source, 3);
	uint32_t	count = life->cursor_count < LIFE_CURSORS ?
		life->cursor_count : LIFE_CURSORS;

	for (uint32_t i = 0; i < count; i++)
		cs_session_restore(next->session, life->scopes[i], life->positions[i]);
	life_end(life);
	life_sync(next);
	return next;
}

static Life *
live(Life *life, const Source *source, uint8_t what, uint32_t which)
{
	size_t		topic = which % topic_count(life->provider);
	int			link = life->links > 0 ? (int) (which % (uint32_t) life->links) : 0;

	switch (what)
	{
		case 0:
			for (uint32_t i = 0; i < (which & 15); i++)
				watch(life, which + 8 * i, true);
			break;
		case 1:
			watch(life, which, false);
			break;
		case 2:
			if (which & 256)
				cs_session_unsubscribe(life->session, (int64_t) topic + 1);
			else
				subscribe(life, topic, which);
			break;
		case 3:
			life_open(life, link, seeds_url(source));
			break;
		case 4:
			life_close(life, link, seeds_closure(number_of(life->provider),
												 which / 3));
			break;
		case 5:
			life_pass(life, which % 4 == 0 ? which * 50 : which % 100);
			break;
		case 6:
			if (which % 16 == 0)
				return restart(life, source);
			compare(life, which);
			break;
		case 7:
		case 8:
			answer(life, which);
			break;
		case 9:
		case 10:
			for (uint32_t i = 0; i < which % 8; i++)
				receive(life, which + i, link);
			break;
		case 11:
		case 12:
			receive(life, which, which % 4 == 0 ? link : 0);
			break;
		default:
			life_sync(life);
			life_open_all(life, seeds_url(source));
			break;
	}
	return life;
}

static void
fuzz_life(size_t number, uint8_t choice, const char *data, size_t size)
{
	const Source *source = seeds_source(number, choice);
	Life	   *life = begin(number, source, choice >> 3);

	life_sync(life);
	for (size_t i = 0; i + 1 < size && i < 200; i += 2)
		life = live(life, source, (uint8_t) data[i] >> 4,
					(uint32_t) ((uint8_t) data[i] & 15) << 8 |
					(uint8_t) data[i + 1]);
	life_end(life);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		number;
	uint8_t		which;
	char	   *text;
	size_t		length;

	if (size < FUZZ_HEAD)
		return 0;
	number = data[0] / KINDS % provider_count();
	which = data[1];

	/* As the transport delivers it: with a NUL behind it, and no more. */
	length = size - FUZZ_HEAD;
	text = malloc(length + 1);
	CHECK(text != NULL);
	memcpy(text, data + FUZZ_HEAD, length);
	text[length] = '\0';
	switch ((Kind) (data[0] % KINDS))
	{
		case KIND_RESPONSE:
			fuzz_response(number, which, text, length);
			break;
		case KIND_ADDRESS:
			fuzz_address(cs_providers()[number], text);
			break;
		case KIND_ARGUMENTS:
			fuzz_arguments(number, which, text);
			break;
		case KIND_OPTIONS:
			fuzz_options(number, which, text);
			break;
		case KIND_POSITION:
			fuzz_position(number, which, text);
			break;
		case KIND_LIFE:
			fuzz_life(number, which, text, length);
			break;
		default:
			fuzz_message(number, which, text, length);
			break;
	}
	free(text);
	return 0;
}

#ifdef CS_LIBFUZZER

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	seeds_load();
	return 0;
}

#else

int
main(int argc, char **argv)
{
	static const char *const pieces[] = {"\"topic\":\"vote\",",
		"\"subtype\":\"send\",", "nano_", "ban_", "0x", "/transactions",
		"\"finality\":\"pending\"", "\"transactions\":[", "\"events\":[",
		"\"amount\":\"1\"", "\"value\":{", "\"topic\":\"blocks\",", "cs-1", "cs-4",
		"2IGChNig", "eyJ2YWx1ZSI6", "A.f233dcee88fe0abe.",
		"\"topic\":\"status\",", "\"type\":16724,", "\"type\":16725,",
		"\"height\":\"1\",", NULL};
	int			status;

	seeds_load();
	status = fuzz_run("provider_fuzz", argc, argv, pieces);
	seeds_free();
	return status;
}

#endif							/* CS_LIBFUZZER */
