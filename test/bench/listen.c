/*-------------------------------------------------------------------------
 *
 * listen.c
 *	  When was a LISTEN client told of which rows?
 *
 * Usage: listen ROWS SECONDS.  Prints "listening" once it does; then takes
 * notifications until they have covered ROWS rows, or none came for SECONDS
 * after the first; then prints one line per notification: the nanoseconds
 * since 1970 at which libpq had it, first_id, last_id, count.  Nothing is
 * printed, parsed as JSON or allocated in between but the list itself, so that
 * the client costs the machine little.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

typedef struct Told
{
	int64_t		at;
	long long	first_id;
	long long	last_id;
	long long	count;
} Told;

static Told *told;
static size_t told_count;
static size_t told_room;

static int64_t
now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The number behind "name": in the payload, whose form is always the same. */
static long long
number(const char *payload, const char *name)
{
	const char *at = strstr(payload, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static long long
note(const char *payload)
{
	Told	   *entry;

	if (told_count == told_room)
	{
		told_room = told_room ? told_room * 2 : 4096;
		told = realloc(told, told_room * sizeof(Told));
		if (told == NULL)
			exit(2);
	}
	entry = &told[told_count++];
	entry->at = now_ns();
	entry->first_id = number(payload, "\"first_id\":");
	entry->last_id = number(payload, "\"last_id\":");
	entry->count = number(payload, "\"count\":");
	return entry->count;
}

int
main(int argc, char **argv)
{
	long long	wanted = argc > 1 ? atoll(argv[1]) : 0;
	int			patience = argc > 2 ? atoi(argv[2]) * 1000 : 10000;
	PGconn	   *connection = PQconnectdb("application_name=listener");
	struct pollfd waiting;
	PGresult   *result;

	if (PQstatus(connection) != CONNECTION_OK)
	{
		fprintf(stderr, "listen: %s", PQerrorMessage(connection));
		return 1;
	}
	result = PQexec(connection, "LISTEN chainstream");
	PQclear(result);
	printf("listening\n");
	fflush(stdout);

	waiting = (struct pollfd) {.fd = PQsocket(connection), .events = POLLIN};
	while (wanted > 0)
	{
		PGnotify   *notify;
		int			ready = poll(&waiting, 1, told_count == 0 ? 60000 : patience);

		if (ready == 0 || (ready < 0 && errno != EINTR))
			break;
		if (ready > 0 && !PQconsumeInput(connection))
			break;
		while ((notify = PQnotifies(connection)) != NULL)
		{
			wanted -= note(notify->extra);
			PQfreemem(notify);
		}
	}
	for (size_t i = 0; i < told_count; i++)
		printf("%lld %lld %lld %lld\n", (long long) told[i].at,
			   told[i].first_id, told[i].last_id, told[i].count);
	free(told);
	PQfinish(connection);
	return 0;
}
