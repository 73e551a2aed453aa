/*-------------------------------------------------------------------------
 *
 * symbol_refusals.c
 *	  Requests that a Symbol gateway refused.
 *
 * A request that is refused closes the connection, with a reason that names
 * the culprit or does not.  Then fewer requests are let on their way at a
 * time, until it is alone; and what was refused is not asked for again.
 *
 * A gateway has a limit of channels for all its clients together.  After a
 * refusal for that reason less is asked for, and now and then more is tried.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "codec/utf8.h"
#include "provider/symbol/symbol_channels.h"

/* When to try for more channels after the gateway said there were too many. */
#define PROBE_MIN_MS	INT64_C(600000)
#define PROBE_MAX_MS	INT64_C(7200000)

/* Losses without any reason before fewer requests are sent at a time. */
#define LOSSES			3

/* Refusals without a known reason before the only suspect is blamed. */
#define STRIKES			2

/* Copy what the gateway said. */
static void
copy_words(char words[SYMBOL_WORDS_MAX], const char *text)
{
	size_t		length = strlen(text);

	if (length >= SYMBOL_WORDS_MAX)
		length = cs_utf8_clip(text, SYMBOL_WORDS_MAX - 1);
	memcpy(words, text, length);
	words[length] = '\0';
}

static void
blame_topic(SymbolSession *symbol, SymbolTopicId id, const char *words)
{
	symbol->topics[id].refused = true;
	copy_words(symbol->topics[id].words, words);
}

/* "unknown topic category NAME" */
static bool
blame_named_topic(SymbolSession *symbol, const char *words)
{
	static const char unknown[] = "unknown topic category ";
	const char *name = strstr(words, unknown);

	if (name == NULL)
		return false;
	name += sizeof(unknown) - 1;
	for (int id = 0; id < SYMBOL_TOPICS; id++)
	{
		if (strcmp(symbol->base.provider->topics[id].name, name) != 0)
			continue;
		blame_topic(symbol, (SymbolTopicId) id, name - (sizeof(unknown) - 1));
		return true;
	}
	return false;
}

static void
blame_watch(SymbolSession *symbol, CsWatch *watch, const char *words)
{
	watch->flags |= SYMBOL_WATCH_BLAMED;
	copy_words(symbol->watch_words, words);
}

/* "ADDRESS does not represent a valid encoded address" */
static bool
blame_named_watch(SymbolSession *symbol, const char *words)
{
	const char *end = strstr(words, " does not represent a valid");
	CsWatch    *watch;

	if (end == NULL || end - words < CS_SYMBOL_TEXT_LENGTH)
		return false;
	end -= CS_SYMBOL_TEXT_LENGTH;
	watch = cs_watchset_find(symbol->base.watches, CS_WATCH_ADDRESS, end,
							 CS_SYMBOL_TEXT_LENGTH);
	if (watch == NULL)
		return false;
	blame_watch(symbol, watch, end);
	return true;
}

/* Channels need an address: those without one were to deliver everything. */
static bool
blame_open(SymbolSession *symbol, const char *words)
{
	const char *missing = strstr(words, "address param missing");

	if (missing == NULL)
		return false;
	symbol->open_refused = true;
	copy_words(symbol->open_words, missing);
	return true;
}

/*
 * There are too many channels on the gateway, ours among them.  If most were
 * accepted already, that is enough.  Else the limit is between what is known
 * to fit and what did not: try in the middle.
 */
static bool
lower_limit(SymbolSession *symbol, const char *words, int64_t now_ms)
{
	const char *full = strstr(words, "Max subscriptions reached");
	size_t		channels = cs_channel_count(symbol);
	size_t		unsure = symbol->request_count;
	size_t		settled = channels > unsure ? channels - unsure : 0;

	if (full == NULL)
		return false;
	copy_words(symbol->limit_words, full);
	if (settled > symbol->fitting)
		symbol->fitting = settled;
	if (symbol->fitting >= channels)
		symbol->fitting = 0;	/* others take more now */
	if (unsure > 0 && settled >= unsure)
		symbol->limit = settled;
	else
		symbol->limit = symbol->fitting + (channels - symbol->fitting) / 2;

	if (symbol->probe_delay_ms < PROBE_MIN_MS)
		symbol->probe_delay_ms = PROBE_MIN_MS;
	else if (settled > 0 && symbol->probe_delay_ms < PROBE_MAX_MS)
		symbol->probe_delay_ms *= 2;
	symbol->probe_at = now_ms + symbol->probe_delay_ms;
	return true;
}

/* Are all requests on their way one's, so that it is clear who is to blame? */
static bool
is_alone(const SymbolSession *symbol)
{
	const SymbolRequest *first = symbol->requests;

	if (first->open)
		return symbol->request_count == 1;
	for (size_t i = 1; i < symbol->request_count; i++)
	{
		if (symbol->requests[i].open ||
			symbol->requests[i].watch != first->watch)
			return false;
	}
	return true;
}

/* Let half as many requests on their way at a time. */
static void
halve_window(SymbolSession *symbol)
{
	/* One watch may have taken more than the window. */
	if (symbol->window > symbol->request_count)
		symbol->window = symbol->request_count;
	symbol->window = (symbol->window + 1) / 2;
}

/* One of the requests on their way was refused, and it is not said which. */
static void
narrow_down(SymbolSession *symbol, const char *words)
{
	const SymbolRequest *first = symbol->requests;

	if (!is_alone(symbol))
	{
		halve_window(symbol);
		return;
	}
	symbol->window = 1;
	if (symbol->suspect.watch != first->watch ||
		symbol->suspect.open != first->open ||
		(first->open && symbol->suspect.topic != first->topic))
		symbol->strikes = 0;
	symbol->suspect = *first;
	if (++symbol->strikes < STRIKES)
		return;
	if (first->watch != NULL)
		blame_watch(symbol, first->watch, words);
	else if (first->open)
		blame_topic(symbol, first->topic, words);
	symbol->strikes = 0;
}

void
cs_symbol_lost(SymbolSession *symbol, const CsClosure *closure, int64_t now_ms)
{
	const char *words = closure->reason;

	/*
	 * Code 1013; some transports cannot tell it from 1002.  What is lost again
	 * and again may be refused, with a close frame that requests still on
	 * their way have cost: then there should be fewer of them.
	 */
	if (closure->close_code != 1013 && closure->close_code != 1002)
	{
		if (symbol->request_count > 0 && ++symbol->losses >= LOSSES)
			halve_window(symbol);
		return;
	}
	if (blame_named_topic(symbol, words) || blame_named_watch(symbol, words) ||
		blame_open(symbol, words) || lower_limit(symbol, words, now_ms))
		return;
	if (symbol->request_count > 0)
		narrow_down(symbol, words);
}
