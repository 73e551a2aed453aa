/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  Names to addresses, without ever waiting.
 *
 * getaddrinfo() can hang for half a minute when a name server is dead, and
 * cannot be interrupted.  So it runs in a detached thread that nobody joins:
 * the loop gives it up, the process may exit, and the thread finishes or dies
 * on its own.  (libuv's own resolver will not do, because its thread pool is
 * joined at exit.)
 *
 * The two sides share one CsResolution with two owners; the last one frees
 * it.  The thread takes no signals, and touches nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/internal.h"

/* More than so many hanging at once: the next attempts fail instead. */
#define THREADS_MAX 16
#define THREAD_STACK ((size_t) 512 * 1024)

struct CsResolution
{
	pthread_mutex_t lock;
	int			owners;
	bool		done;
	uv_async_t *wakeup;			/* NULL: nobody waits any more */
	char		host[CS_HOST_MAX + 1];
	char		port[8];
	int			count;
	char		addresses[CS_ADDRESSES_MAX][CS_NUMERIC_MAX];
	char		problem[CS_WIRE_REASON_MAX];
};

static atomic_int threads;

/* One owner less; unlocks, and frees after the last. */
static void
disown(CsResolution *resolution)
{
	bool		last = --resolution->owners == 0;

	pthread_mutex_unlock(&resolution->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&resolution->lock);
	free(resolution);
}

/* The addresses in the order the system prefers, each once. */
static int
collect(const struct addrinfo *list, char addresses[][CS_NUMERIC_MAX])
{
	int			count = 0;

	for (; list != NULL && count < CS_ADDRESSES_MAX; list = list->ai_next)
	{
		bool		seen = false;

		if (getnameinfo(list->ai_addr, list->ai_addrlen, addresses[count],
						CS_NUMERIC_MAX, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		for (int i = 0; i < count; i++)
			seen = seen || strcmp(addresses[i], addresses[count]) == 0;
		if (!seen)
			count++;
	}
	return count;
}

static void *
resolver_main(void *argument)
{
	CsResolution *resolution = argument;
	struct addrinfo hints;
	struct addrinfo *list = NULL;
	char		addresses[CS_ADDRESSES_MAX][CS_NUMERIC_MAX] = {{0}};
	char		problem[CS_WIRE_REASON_MAX / 2] = "";
	char		words[64];
	int			count = 0;
	int			code;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
	code = getaddrinfo(resolution->host, resolution->port, &hints, &list);
	if (code == EAI_SYSTEM)
		snprintf(problem, sizeof(problem), "%s",
				 strerror_r(errno, words, sizeof(words)));
	else if (code != 0)
		snprintf(problem, sizeof(problem), "%s", gai_strerror(code));
	else
	{
		count = collect(list, addresses);
		if (count == 0)
			snprintf(problem, sizeof(problem), "it has no usable address");
		freeaddrinfo(list);
	}

	pthread_mutex_lock(&resolution->lock);
	resolution->count = count;
	memcpy(resolution->addresses, addresses,
		   (size_t) count * sizeof(addresses[0]));
	snprintf(resolution->problem, sizeof(resolution->problem), "%s", problem);
	resolution->done = true;
	/* Under the lock: the loop closes the handle only after giving us up. */
	if (resolution->wakeup != NULL)
		uv_async_send(resolution->wakeup);
	disown(resolution);
	atomic_fetch_sub(&threads, 1);
	return NULL;
}

/* Start the thread, with every signal blocked in it from its first moment. */
static bool
thread_start(CsResolution *resolution)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	sigset_t	all;
	sigset_t	before;
	bool		started;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, &attributes, resolver_main,
							 resolution) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

/*
 * Begin to resolve *host*.  *wakeup* is sent when there is a result.  Returns
 * NULL if no thread can be had.  The result must be waited for with
 * cs_resolve_done() or given up with cs_resolve_abandon().
 */
CsResolution *
cs_resolve_start(const char *host, int port, uv_async_t *wakeup)
{
	CsResolution *resolution;

	if (atomic_fetch_add(&threads, 1) >= THREADS_MAX)
	{
		atomic_fetch_sub(&threads, 1);
		return NULL;
	}
	resolution = calloc(1, sizeof(*resolution));
	if (resolution == NULL)
	{
		atomic_fetch_sub(&threads, 1);
		return NULL;
	}
	pthread_mutex_init(&resolution->lock, NULL);
	resolution->owners = 2;
	resolution->wakeup = wakeup;
	snprintf(resolution->host, sizeof(resolution->host), "%s", host);
	snprintf(resolution->port, sizeof(resolution->port), "%d", port);
	if (!thread_start(resolution))
	{
		atomic_fetch_sub(&threads, 1);
		pthread_mutex_destroy(&resolution->lock);
		free(resolution);
		return NULL;
	}
	return resolution;
}

/*
 * Is there a result?  If so the resolution is gone afterwards: *count*
 * addresses, or none and the problem in *reason*.
 */
bool
cs_resolve_done(CsResolution *resolution, char addresses[][CS_NUMERIC_MAX],
				int *count, char reason[CS_WIRE_REASON_MAX])
{
	pthread_mutex_lock(&resolution->lock);
	if (!resolution->done)
	{
		pthread_mutex_unlock(&resolution->lock);
		return false;
	}
	*count = resolution->count;
	memcpy(addresses, resolution->addresses, sizeof(resolution->addresses));
	snprintf(reason, CS_WIRE_REASON_MAX, "%s", resolution->problem);
	disown(resolution);
	return true;
}

/*
 * Give up a resolution without waiting for it.
 */
void
cs_resolve_abandon(CsResolution *resolution)
{
	pthread_mutex_lock(&resolution->lock);
	resolution->wakeup = NULL;
	disown(resolution);
}
