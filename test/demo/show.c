/*-------------------------------------------------------------------------
 *
 * show.c
 *	  The terminal view of `make demo`: an ordinary LISTEN client.
 *
 * It connects with libpq as any application would, LISTENs on channel
 * "chainstream", and prints the rows that notifications carry: it asks the
 * stream tables nothing.  Below them stands one line per source from the view
 * chainstream.status, which it reads twice a second.
 *
 * Usage: show SECONDS.  The connection comes from the PG... variables.  Ends
 * after that time, or at SIGINT or SIGTERM.  Exit status 0: rows came; 3: none
 * came; 1: the connection failed.
 *
 * When standard output is no terminal there are no colours and no redrawing,
 * and the status is printed every five seconds.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>
#include <libpq-fe.h>

/* More rows than this in one second are counted, not printed. */
#define ROWS_PER_SECOND 10

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"

typedef struct Asset
{
	const char *name;
	int			decimals;
} Asset;

/* The coins people know by decimals; any other asset is shown in raw units. */
static const Asset assets[] = {
	{"XNO", 30}, {"BAN", 29}, {"XYM", 6}, {"symbol.xym", 6}, {"FLOW", 8},
	{"TON", 9}, {NULL, 0}
};

typedef struct Totals
{
	long		notifications;
	long		rows;			/* of all notifications */
	long		printed;		/* this second */
	long		hidden;			/* since the last line said so */
	time_t		second;
} Totals;

static volatile sig_atomic_t stopped = 0;
static bool terminal;
static int	width = 80;
static char *status_text = NULL;	/* as it was read last */
static int	status_lines = 0;	/* of it, drawn at the bottom just now */
static Totals totals;

static void
handle_signal(int signal_number)
{
	(void) signal_number;
	stopped = 1;
}

static const char *
colour(const char *code)
{
	return terminal ? code : "";
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* A member as text; "" if it is absent or null. */
static const char *
member(json_object *object, const char *name)
{
	json_object *value;

	if (!json_object_object_get_ex(object, name, &value) || value == NULL)
		return "";
	return json_object_get_string(value);
}

/* Shorten an address to *columns* characters: its beginning and its end. */
static void
shorten(const char *address, int columns, char *result, size_t size)
{
	int			length = (int) strlen(address);
	int			tail = columns >= 18 ? 6 : 4;

	if (length <= columns)
		snprintf(result, size, "%s", address);
	else
		snprintf(result, size, "%.*s…%s", columns - tail - 1, address,
				 address + length - tail);
}

/*
 * Print raw integer units the way people write that coin: "417000000000000"
 * with 30 decimals becomes "0.000000000000000417".  At most six decimals are
 * shown; what is smaller than that is shown in raw units.
 */
static void
format_amount(const char *raw, const char *asset, char *result, size_t size)
{
	const Asset *known = assets;
	char		whole[96] = "";
	char		fraction[8] = "";
	int			length = (int) strlen(raw);
	int			used = 0;

	result[0] = '\0';
	if (length == 0 || length > 60)
		return;
	while (known->name && strcmp(known->name, asset) != 0)
		known++;
	if (known->name == NULL || strcmp(raw, "0") == 0 ||
		length < known->decimals - 5)
	{
		snprintf(result, size, "%s %s", raw,
				 known->name && strcmp(raw, "0") == 0 ? asset : "raw");
		return;
	}
	for (int i = 0; i < length - known->decimals; i++)
	{
		if (i > 0 && (length - known->decimals - i) % 3 == 0)
			whole[used++] = ',';
		whole[used++] = raw[i];
	}
	whole[used] = '\0';
	for (int i = 0; i < 6 && i < known->decimals; i++)
	{
		int			at = length - known->decimals + i;

		fraction[i] = at < 0 ? '0' : raw[at];
	}
	for (int i = 5; i >= 0 && (fraction[i] == '0' || fraction[i] == '\0'); i--)
		fraction[i] = '\0';
	snprintf(result, size, "%s%s%s %s", used > 0 ? whole : "0",
			 fraction[0] ? "." : "", fraction, asset);
}

/* Take the status lines away, so that rows can be printed in their place. */
static void
clear_status(void)
{
	if (terminal && status_lines > 0)
		printf("\033[%dA\033[J", status_lines);
	status_lines = 0;
}

/* Room for the time and for longer pieces of addresses? */
static bool
is_wide(void)
{
	return width >= 104;
}

static void
print_time(void)
{
	char		text[16];
	time_t		seconds = time(NULL);
	struct tm	parts;

	localtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%H:%M:%S", &parts);
	printf("%s%s%s ", colour(DIM), text, colour(PLAIN));
}

/* One row of a notification, as one line. */
static void
print_row(const char *source, json_object *row)
{
	const char *direction = member(row, "direction");
	const char *counterparty = member(row, "counterparty");
	const char *word = strcmp(direction, "in") == 0 ? "from" : "to";
	const char *arrow = "·";
	const char *paint = "";
	int			columns = (width - (is_wide() ? 62 : 53)) / 2;
	char		amount[128];
	char		account[160];
	char		other[160];

	if (strcmp(direction, "in") == 0)
		arrow = "←", paint = colour(GREEN);
	else if (strcmp(direction, "out") == 0)
		arrow = "→", paint = colour(YELLOW);
	if (columns < 12 || columns > 24)
		columns = columns < 12 ? 12 : 24;
	format_amount(member(row, "amount"), member(row, "asset"), amount,
				  sizeof(amount));
	shorten(member(row, "account")[0] ? member(row, "account") : member(row, "hash"),
			columns, account, sizeof(account));
	shorten(counterparty, columns, other, sizeof(other));

	if (is_wide())
		print_time();
	printf("%-9.9s %-9.9s %s%s %-4.4s%s %s%18s%s  %s%s%s%s%s\n", source,
		   member(row, "status"), paint, arrow, direction, colour(PLAIN),
		   colour(BOLD), amount, colour(PLAIN), account,
		   other[0] ? " " : "", other[0] ? word : "", other[0] ? " " : "", other);
}

/* The first notification is shown as it came: this is all a client gets. */
static void
print_first(const PGnotify *notify)
{
	size_t		limit = (size_t) width * 5;

	printf("%sAsynchronous notification \"%s\" from process %d:\n%.*s%s%s\n\n",
		   colour(DIM), notify->relname, notify->be_pid, (int) limit,
		   notify->extra, strlen(notify->extra) > limit ? "…" : "",
		   colour(PLAIN));
}

static void
show_notification(const PGnotify *notify)
{
	json_object *payload = json_tokener_parse(notify->extra);
	json_object *value;
	time_t		second = time(NULL);

	if (payload == NULL)
		return;
	clear_status();
	if (totals.notifications++ == 0)
		print_first(notify);
	if (second != totals.second)
	{
		if (totals.hidden > 0)
			printf("%s… and %ld more rows%s\n", colour(DIM),
				   totals.hidden, colour(PLAIN));
		totals.second = second;
		totals.printed = totals.hidden = 0;
	}
	if (json_object_object_get_ex(payload, "count", &value))
		totals.rows += json_object_get_int64(value);
	if (json_object_object_get_ex(payload, "rows", &value) &&
		json_object_is_type(value, json_type_array))
	{
		for (size_t i = 0; i < json_object_array_length(value); i++)
		{
			if (totals.printed++ < ROWS_PER_SECOND)
				print_row(member(payload, "source"),
						  json_object_array_get_idx(value, i));
			else
				totals.hidden++;
		}
	}
	else if (json_object_object_get_ex(payload, "count", &value))
		totals.hidden += json_object_get_int64(value);
	json_object_put(payload);
}

/* Write one line per source, and how long this goes on, to *text*. */
static void
compose_status(FILE *text, PGresult *result, int remaining)
{
	for (int i = 0; i < PQntuples(result); i++)
	{
		const char *state = PQgetvalue(result, i, 1);
		const char *error = PQgetvalue(result, i, 5);
		bool		good = strcmp(state, "streaming") == 0;

		fprintf(text, "%s%-9.9s%s %s%-11s%s", colour(BOLD),
				PQgetvalue(result, i, 0), colour(PLAIN),
				colour(good ? GREEN : RED), state, colour(PLAIN));
		fprintf(text, " %s messages  %s rows  %s rejected",
				PQgetvalue(result, i, 2), PQgetvalue(result, i, 3),
				PQgetvalue(result, i, 4));
		if (i == 0 && remaining > 0)
			fprintf(text, "  %s%d s to go%s", colour(DIM), remaining,
					colour(PLAIN));
		fprintf(text, "\n");
		if (!good && error[0] != '\0')
			fprintf(text, "  %s%.*s%s\n", colour(RED),
					terminal ? width - 3 : 300, error, colour(PLAIN));
	}
}

/* Draw the status as it was read last, below what is printed. */
static void
draw_status(void)
{
	clear_status();
	for (const char *at = status_text; at && *at; at++)
		status_lines += *at == '\n';
	if (status_text)
		fputs(status_text, stdout);
	fflush(stdout);
}

/* Read the status anew and draw it. */
static void
show_status(PGconn *connection, int remaining)
{
	PGresult   *result = PQexec(connection,
								"SELECT name, state, messages, rows, rejected, "
								"coalesce(last_error, '') FROM chainstream.status "
								"ORDER BY name");
	size_t		size;
	FILE	   *text;

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
	{
		free(status_text);
		status_text = NULL;
		text = open_memstream(&status_text, &size);
		if (text)
		{
			compose_status(text, result, remaining);
			fclose(text);
		}
		draw_status();
	}
	PQclear(result);
}

/* Print what came until it is time for the status, or *deadline*. */
static bool
listen_until(PGconn *connection, double deadline)
{
	struct pollfd waiting = {.fd = PQsocket(connection), .events = POLLIN};

	while (!stopped)
	{
		double		left = deadline - now();
		PGnotify   *notify;
		bool		came = false;

		while ((notify = PQnotifies(connection)) != NULL)
		{
			show_notification(notify);
			PQfreemem(notify);
			came = true;
		}
		if (came && terminal)
			draw_status();
		fflush(stdout);
		if (left <= 0)
			return true;
		if (poll(&waiting, 1, (int) (left * 1000) + 1) < 0 && errno != EINTR)
			return false;
		if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) &&
			!PQconsumeInput(connection))
			return false;
	}
	return true;
}

static void
look_at_terminal(void)
{
	struct winsize size;

	terminal = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
		strcmp(getenv("TERM") ? getenv("TERM") : "dumb", "dumb") != 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60)
		width = size.ws_col;
}

int
main(int argc, char **argv)
{
	int			seconds = argc > 1 ? atoi(argv[1]) : 20;
	struct sigaction action = {.sa_handler = handle_signal};
	PGconn	   *connection = PQconnectdb("application_name=listener");
	PGresult   *result;
	double		end;
	bool		alive = true;

	if (PQstatus(connection) != CONNECTION_OK)
	{
		fprintf(stderr, "show: %s", PQerrorMessage(connection));
		return 1;
	}
	look_at_terminal();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	result = PQexec(connection, "LISTEN chainstream");
	PQclear(result);

	end = now() + seconds;
	while (alive && !stopped && now() < end)
	{
		double		next = now() + (terminal ? 0.5 : 5.0);

		alive = listen_until(connection, next < end ? next : end);
		if (alive && !stopped)
			show_status(connection, terminal ? (int) (end - now() + 0.5) : 0);
	}
	if (!alive)
		fprintf(stderr, "show: %s", PQerrorMessage(connection));
	printf("\n%ld notifications told this client of %ld rows.\n",
		   totals.notifications, totals.rows);
	PQfinish(connection);
	return !alive ? 1 : totals.rows > 0 ? 0 : 3;
}
