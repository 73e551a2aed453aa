/*-------------------------------------------------------------------------
 *
 * wire_process_test.c
 *	  What the transport costs the process it is a guest in: descriptors,
 *	  memory, processor time, settings.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define MEASURABLE false		/* freed memory is kept for a while */
#else
#define MEASURABLE true
#endif

static void
script_deaf(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		while (!peer->server->stopping)
			usleep(5000);
	}
}

/* A port on which nobody listens. */
static int
free_port(void)
{
	PeerServer *server = peer_start(script_deaf);
	int			port = server->port;

	peer_stop(server);
	return port;
}

static int
descriptors(void)
{
	DIR		   *directory = opendir("/proc/self/fd");
	int			count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static long
resident_kib(void)
{
	FILE	   *statm = fopen("/proc/self/statm", "r");
	long		pages = 0;

	if (statm == NULL || fscanf(statm, "%*s %ld", &pages) != 1)
		bail_out("cannot read /proc/self/statm");
	fclose(statm);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void
script_hello(Peer *peer)
{
	if (peer_upgrade(peer))
	{
		peer_frame(peer, FRAME_TEXT, "hello", 5);
		peer_finish(peer);
	}
}

static void
test_growth(bool listening)
{
	const char *name = listening ? "connections" : "refused connections";
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = listening ? peer_start(script_hello) : NULL;
	char		url[128];
	CsConnectParams params;
	CsWireEvent event;
	int			fds = 0;
	long		before = 0;
	bool		right = true;

	if (listening)
		snprintf(url, sizeof(url), "%s", peer_url(server, "/"));
	else
		snprintf(url, sizeof(url), "ws://localhost:%d/", free_port());
	params = params_for(url);
	for (int i = 0; i < 1000 && right; i++)
	{
		CsConnection *connection = open_with(wire, &params, &event);

		if (listening)
		{
			right = connection != NULL && await(wire, &event, 3000) &&
				event.kind == CS_WIRE_MESSAGE;
			cs_wire_release(wire);
			if (right)
				cs_connection_close(connection, 1000, "");
			right = right && await_closed(wire, &event, 3000);
		}
		else
			right = connection == NULL;
		if (i == 199)
		{
			fds = descriptors();
			before = resident_kib();
		}
	}
	ok(right, "1000 %s", name);
	ok(descriptors() <= fds + 1, "%s: no descriptor is lost", name);
	if (MEASURABLE)
		ok(resident_kib() - before < 512, "%s: no memory is lost (%ld KiB)",
		   name, resident_kib() - before);
	cs_wire_destroy(wire);
	if (server != NULL)
		peer_stop(server);
}

static void
test_cycles(void)
{
	PeerServer *server = peer_start(script_hello);
	CsConnectParams params = params_for("ws://127.0.0.1:1/");
	char		reason[CS_WIRE_REASON_MAX];
	int			fds = descriptors();
	int64_t		longest = 0;
	bool		right = true;

	for (int i = 0; i < 30; i++)
	{
		CsWire	   *wire = wire_start(MIB, MIB, NULL);
		int64_t		start;

		right = right && open_url(wire, peer_url(server, "/")) != NULL;
		if (i % 2 == 0)
			cs_connection_open(wire, &params, reason);
		if (i % 3 == 0)
			turn(wire, 0);
		start = milliseconds();
		cs_wire_destroy(wire);
		if (milliseconds() - start > longest)
			longest = milliseconds() - start;
	}
	ok(right && longest < 200, "30 loops made and ended, the slowest in %lld ms",
	   (long long) longest);
	ok(descriptors() <= fds + 1, "no descriptor is left");
	cs_wire_destroy(NULL);
	peer_stop(server);
}

/* The process belongs to somebody else. */
static void
test_guest(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV,
	SIGFPE, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGABRT};
	PeerServer *server = peer_start(script_hello);
	struct sigaction before[sizeof(signals) / sizeof(*signals)];
	struct sigaction after;
	struct rlimit limit;
	rlim_t		soft;
	CsWire	   *wire;
	bool		same = true;

	umask(027);
	getrlimit(RLIMIT_NOFILE, &limit);
	soft = limit.rlim_cur;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], NULL, &before[i]);
	wire = wire_start(MIB, MIB, NULL);
	open_url(wire, peer_url(server, "/"));
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
	{
		sigaction(signals[i], NULL, &after);
		same = same && after.sa_handler == before[i].sa_handler;
	}
	ok(same, "no signal handler is touched");
	getrlimit(RLIMIT_NOFILE, &limit);
	ok(umask(022) == 027 && limit.rlim_cur == soft, "nor umask, nor limits");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_log(void)
{
	CsWireOptions options = {MIB, MIB, NULL, CS_WIRE_LOG_DEBUG};
	char		reason[CS_WIRE_REASON_MAX];
	CsWire	   *wire = cs_wire_create(&options, reason);
	CsWireLogLevel level;
	const char *line;
	int			count = 0;
	bool		right = true;

	for (int i = 0; i < 100; i++)
		turn(wire, 0);
	while (cs_wire_next_log(wire, &level, &line))
	{
		right = right && line[0] != '\0' && strchr(line, '\n') == NULL &&
			line[0] != '[';
		count++;
	}
	ok(right && count > 3 && count <= 64,
	   "what the libraries say is kept, up to a point (%d lines)", count);
	cs_wire_destroy(wire);
	wire = wire_start(MIB, MIB, NULL);
	while (cs_wire_next_log(wire, &level, &line))
		;
	turn(wire, 0);
	ok(!cs_wire_next_log(wire, &level, &line), "or not at all");
	cs_wire_destroy(wire);
}

static void
test_idle(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_deaf);
	CsWireEvent event;
	struct rusage before;
	struct rusage after;
	int64_t		end;
	int			turns = 0;
	long		spent;

	open_url(wire, peer_url(server, "/"));
	await(wire, &event, 100);
	getrusage(RUSAGE_THREAD, &before);
	for (end = milliseconds() + 1000; milliseconds() < end; turns++)
		turn(wire, (int) (end - milliseconds()));
	getrusage(RUSAGE_THREAD, &after);
	spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
		after.ru_utime.tv_usec - before.ru_utime.tv_usec;
	ok(turns <= 4, "an idle connection does not wake up (%d turns a second)",
	   turns);
	printf("# idle for a second: %ld us of processor time\n", spent);
	cs_wire_destroy(wire);
	peer_stop(server);
}

#define BULK 65536				/* bytes of frames written at once */

static void
script_fast(Peer *peer)
{
	char	   *bulk = malloc(BULK * 16);
	size_t		length = 0;

	if (bulk != NULL && peer_upgrade(peer))
	{
		for (int i = 0; i < BULK * 16 / 1000; i++)
		{
			memcpy(bulk + length, "\x81\x7e\x03\xe4", 4);
			memset(bulk + length + 4, 'x', 996);
			length += 1000;
		}
		while (!peer->server->stopping && peer_write(peer, bulk, length))
			;
	}
	free(bulk);
}

static void
test_speed(void)
{
	CsWire	   *wire = wire_start(MIB, 64 * MIB, NULL);
	PeerServer *server = peer_start(script_fast);
	CsWireEvent event;
	int64_t		start;
	int64_t		took;
	long		count = 0;
	bool		right = true;

	open_url(wire, peer_url(server, "/"));
	start = milliseconds();
	while (milliseconds() - start < 1500)
	{
		turn(wire, 100);
		while (cs_wire_next(wire, &event))
		{
			count++;
			right = right && event.length == 996;
		}
		cs_wire_release(wire);
	}
	took = milliseconds() - start;
	ok(right && count > 1000, "a peer that sends as fast as it can");
	printf("# %lld messages of 996 bytes a second\n",
		   (long long) count * 1000 / took);
	cs_wire_destroy(wire);
	peer_stop(server);
}

int
main(void)
{
	test_growth(true);
	test_growth(false);
	test_cycles();
	test_guest();
	test_log();
	test_idle();
	test_speed();
	return tap_end();
}
