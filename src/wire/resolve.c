/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  Names to addresses, without blocking.
 *
 * getaddrinfo() can take as long as a dead name server pleases, and it is the
 * only way to honour the system's configuration.  Each question gets a
 * detached thread that does nothing else, with every signal blocked.  Nobody
 * ever waits for it: the mailbox for answers is counted by those who use it and
 * lives on until the last of them is done with it.  (libuv's thread pool would
 * be joined at exit, and hold up the process.)
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wire/wire_internal.h"

typedef struct Question
{
	struct Question *next;
	CsResolver *resolver;
	char		host[128];
	CsResolved	answer;
} Question;

struct CsResolver
{
	pthread_mutex_t mutex;
	int			users;			/* the transport, and each thread */
	int			fd;
	Question   *asked;			/* not answered yet */
	Question   *answered;
};

/* Leave; the last one frees.  The mutex is held, and is not afterwards. */
static void
leave_locked(CsResolver *resolver)
{
	bool		last = --resolver->users == 0;

	pthread_mutex_unlock(&resolver->mutex);
	if (!last)
		return;
	while (resolver->answered != NULL)
	{
		Question   *next = resolver->answered->next;

		free(resolver->answered);
		resolver->answered = next;
	}
	close(resolver->fd);
	pthread_mutex_destroy(&resolver->mutex);
	free(resolver);
}

CsResolver *
cs_resolver_create(void)
{
	CsResolver *resolver = calloc(1, sizeof(CsResolver));

	if (resolver == NULL)
		return NULL;
	resolver->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolver->fd < 0)
	{
		free(resolver);
		return NULL;
	}
	pthread_mutex_init(&resolver->mutex, NULL);
	resolver->users = 1;
	return resolver;
}

void
cs_resolver_destroy(CsResolver *resolver)
{
	pthread_mutex_lock(&resolver->mutex);
	leave_locked(resolver);
}

int
cs_resolver_fd(const CsResolver *resolver)
{
	return resolver->fd;
}

/* Look the host up and fill in the answer; blocks. */
static void
look_up(Question *question)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	struct addrinfo *found = NULL;
	int			error = getaddrinfo(question->host, NULL, &hints, &found);
	CsResolved *answer = &question->answer;

	if (error != 0)
	{
		snprintf(answer->reason, sizeof(answer->reason),
				 "could not resolve host name \"%s\": %s", question->host,
				 gai_strerror(error));
		return;
	}
	for (struct addrinfo *info = found;
		 info != NULL && answer->count < CS_ADDRESSES_MAX; info = info->ai_next)
	{
		if (getnameinfo(info->ai_addr, info->ai_addrlen,
						answer->addresses[answer->count], INET6_ADDRSTRLEN,
						NULL, 0, NI_NUMERICHOST) == 0)
			answer->count++;
	}
	freeaddrinfo(found);
	if (answer->count == 0)
		snprintf(answer->reason, sizeof(answer->reason),
				 "host name \"%s\" has no address", question->host);
}

static void
remove_question(Question **list, const Question *question)
{
	while (*list != NULL && *list != question)
		list = &(*list)->next;
	if (*list != NULL)
		*list = question->next;
}

static void *
resolve_thread(void *argument)
{
	Question   *question = argument;
	CsResolver *resolver = question->resolver;
	uint64_t	one = 1;

	look_up(question);
	pthread_mutex_lock(&resolver->mutex);
	remove_question(&resolver->asked, question);
	question->next = resolver->answered;
	resolver->answered = question;
	(void) !write(resolver->fd, &one, sizeof(one));
	leave_locked(resolver);
	return NULL;
}

/* Start a detached thread in which no signal is ever handled. */
static bool
start_thread(Question *question)
{
	pthread_t	thread;
	pthread_attr_t attributes;
	sigset_t	all;
	sigset_t	before;
	int			error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&thread, &attributes, resolve_thread, question);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error == 0;
}

bool
cs_resolver_ask(CsResolver *resolver, const char *host, void *owner)
{
	Question   *question = calloc(1, sizeof(Question));

	if (question == NULL)
		return false;
	question->resolver = resolver;
	question->answer.owner = owner;
	snprintf(question->host, sizeof(question->host), "%s", host);

	pthread_mutex_lock(&resolver->mutex);
	resolver->users++;
	question->next = resolver->asked;
	resolver->asked = question;
	pthread_mutex_unlock(&resolver->mutex);
	if (start_thread(question))
		return true;

	pthread_mutex_lock(&resolver->mutex);
	remove_question(&resolver->asked, question);
	free(question);
	leave_locked(resolver);
	return false;
}

bool
cs_resolver_answer(CsResolver *resolver, CsResolved *answer)
{
	Question   *question;
	uint64_t	count;

	pthread_mutex_lock(&resolver->mutex);
	question = resolver->answered;
	if (question != NULL)
		resolver->answered = question->next;
	else
		(void) !read(resolver->fd, &count, sizeof(count));
	pthread_mutex_unlock(&resolver->mutex);
	if (question == NULL)
		return false;
	*answer = question->answer;
	free(question);
	return true;
}

void
cs_resolver_cancel(CsResolver *resolver, const void *owner)
{
	pthread_mutex_lock(&resolver->mutex);
	for (Question *q = resolver->asked; q != NULL; q = q->next)
		if (q->answer.owner == owner)
			q->answer.owner = NULL;
	for (Question *q = resolver->answered; q != NULL; q = q->next)
		if (q->answer.owner == owner)
			q->answer.owner = NULL;
	pthread_mutex_unlock(&resolver->mutex);
}
