/*-------------------------------------------------------------------------
 *
 * wire_connect_test.c
 *	  How connections of the transport come about, or do not: URLs, names,
 *	  TCP, TLS, the upgrade; and what that costs the process.
 *
 * Names are resolved by the getaddrinfo() below, so that no name server is
 * asked: two.test has two addresses, slow.test never gets an answer.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define MEASURABLE false		/* freed memory is kept for a while */
#else
#define MEASURABLE true
#endif

typedef int (*Resolver) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **);

static atomic_int slow_lookups;
static atomic_bool slow_over;
static sigset_t slow_signals;	/* blocked in the thread that resolved */

/* In place of the C library's. */
int
getaddrinfo(const char *name, const char *service,
			const struct addrinfo *hints, struct addrinfo **result)
{
	Resolver	real = (Resolver) dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo *second;
	int			code;

	if (name != NULL && strcmp(name, "slow.test") == 0)
	{
		pthread_sigmask(SIG_SETMASK, NULL, &slow_signals);
		slow_lookups++;
		while (!slow_over)
			usleep(10000);
		return EAI_AGAIN;
	}
	if (name != NULL && strcmp(name, "missing.test") == 0)
		return EAI_NONAME;
	if (name != NULL && strcmp(name, "good.test") == 0)
		return real("127.0.0.1", service, hints, result);
	if (name == NULL || strcmp(name, "two.test") != 0)
		return real(name, service, hints, result);
	code = real("127.0.0.1", service, hints, result);
	if (code == 0)
		code = real("127.0.0.2", service, hints, &second);
	if (code == 0)
		(*result)->ai_next = second;
	return code;
}

/* ---------- what is seen at once ---------- */

static void
test_urls(void)
{
	static const char *const schemes[] = {"ws", "wss", NULL};
	static const char *const good[] = {
		"ws://example.com", "wss://example.com:8443/path?query=1&x=%20",
		"WS://127.0.0.1", "ws://[::1]:7078/", "ws://a-b.c_d?x", "ws://h/@",
	};
	static const char *const bad[][2] = {
		{"", "must begin with ws:// or wss://"},
		{"http://example.com", "must begin with"},
		{"example.com", "must begin with"},
		{"ws://", "no host name"},
		{"ws:///path", "no host name"},
		{"ws://user:secret@host/", "user name"},
		{"ws://host:0/", "port"},
		{"ws://host:65536/", "port"},
		{"ws://host:port/", "port"},
		{"ws://[::1/", "IPv6"},
		{"ws://[::zz]/", "IPv6"},
		{"ws://[]/", "IPv6"},
		{"ws://ho st/", "host name"},
		{"ws://h\xc3\xb6st/", "host name"},
		{"ws://host/a b", "percent"},
		{"ws://host/\xc3\xb6", "percent"},
		{"ws://host/#part", "fragment"},
		{"ws://host/\r\nX: y", "control character"},
	};
	char		reason[CS_WIRE_REASON_MAX];
	char		url[3000];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(cs_url_check(good[i], schemes, reason), "good: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
	{
		ok(!cs_url_check(bad[i][0], schemes, reason), "bad: %s", bad[i][0]);
		contains(reason, bad[i][1], "and why");
	}
	memcpy(url, "ws://h/", 7);
	memset(url + 7, 'x', 1999);
	url[7 + 1999] = '\0';
	ok(cs_url_check(url, schemes, reason), "a path of 2000 bytes");
	strcat(url, "x");
	ok(!cs_url_check(url, schemes, reason), "a path of 2001 bytes: too long");
	memset(url + 5, 'h', 110);
	url[115] = '\0';
	ok(cs_url_check(url, schemes, reason), "a host of 110 bytes");
	strcat(url, "h");
	ok(!cs_url_check(url, schemes, reason), "a host of 111 bytes: too long");
}

static void
test_headers(void)
{
	static const CsHeader bad[] = {
		{"X-Test", "a\r\nb"}, {"X Test", "a"}, {"", "a"}, {"Host", "a"},
		{"Sec-WebSocket-Protocol", "chat"}, {"X-Test", "a\x01"},
	};
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnectParams params = params_for("ws://127.0.0.1:1/");
	char		reason[CS_WIRE_REASON_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
	{
		params.headers = &bad[i];
		params.header_count = 1;
		ok(cs_connection_open(wire, &params, reason) == NULL &&
		   reason[0] != '\0', "header refused: %s", reason);
	}
	cs_wire_destroy(wire);
}

/* ---------- the handshake ---------- */

static void
script_stay(Peer *peer)
{
	if (peer_upgrade(peer))
		peer_finish(peer);
}

static void
test_request(void)
{
	static const CsHeader headers[] = {
		{"X-Api-Key", "sesame-1"}, {"Authorization", "Bearer abc def"},
	};
	PeerServer *server = peer_start(script_stay);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnectParams params = params_for(peer_url(server, "/a/b?c=d%20e"));
	CsWireEvent event;
	char		host[64];

	/* A proxy of the environment is for others. */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	params.headers = headers;
	params.header_count = 2;
	ok(open_with(wire, &params, &event) != NULL, "opens");
	unsetenv("http_proxy");
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", server->port);
	contains(server->request, "GET /a/b?c=d%20e HTTP/1.1\r\n", "path and query");
	contains(server->request, host, "host and port");
	contains(server->request, "\r\nX-Api-Key: sesame-1\r\n", "a header");
	contains(server->request, "\r\nAuthorization: Bearer abc def\r\n",
			 "another");
	ok(strcasestr(server->request, "Origin:") == NULL &&
	   strcasestr(server->request, "Sec-WebSocket-Protocol") == NULL &&
	   strcasestr(server->request, "Sec-WebSocket-Extensions") == NULL,
	   "no origin, no sub-protocol, no compression");
	cs_wire_destroy(wire);
	ok(settles(NULL, &server->close_code, 1001),
	   "the end of the loop sends a close frame");
	peer_stop(server);
}

static const char *http_answer;

static void
script_http(Peer *peer)
{
	if (peer_request(peer))
		peer_write(peer, http_answer, strlen(http_answer));
}

static void
refused(CsWire *wire, const char *answer, CsWireEvent *event)
{
	static const CsHeader header = {"Authorization", "Bearer open-sesame"};
	PeerServer *server = peer_start(script_http);
	CsConnectParams params = params_for(peer_url(server, "/?key=sesame-1"));

	params.headers = &header;
	params.header_count = 1;
	http_answer = answer;
	ok(fails(wire, &params, event) && event->kind == CS_WIRE_CLOSED &&
	   !event->was_open && strstr(event->reason, "sesame") == NULL,
	   "refused: %s", event->reason);
	peer_stop(server);
}

static void
test_refusals(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;
	char		answer[256];
	char		date[64];
	time_t		later = time(NULL) + 100;
	struct tm	tm;

	refused(wire, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
			&event);
	ok(event.http_status == 401 && event.retry_after_s == 0, "401");
	contains(event.reason, "HTTP 401 Unauthorized", "reason");
	refused(wire, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
			"Content-Length: 4\r\n\r\nslow", &event);
	ok(event.http_status == 429 && event.retry_after_s == 7,
	   "429, try again in 7 s");
	gmtime_r(&later, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(answer, sizeof(answer), "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\n"
			 "Content-Length: 0\r\n\r\n", date);
	refused(wire, answer, &event);
	ok(event.http_status == 503 && event.retry_after_s >= 98 &&
	   event.retry_after_s <= 100, "503, try again at a time");
	refused(wire, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", &event);
	ok(event.http_status == 200, "200 is a refusal too");
	refused(wire, "HTTP/1.1 403 no key=sesame-1 Bearer open-sesame\r\n"
			"Content-Length: 0\r\n\r\n", &event);
	ok(event.http_status == 403, "a secret that was echoed is not repeated");
	refused(wire, "SSH-2.0-OpenSSH_9.2\r\n\r\n", &event);
	refused(wire, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
			&event);
	ok(event.http_status == 0, "101 is no refusal");
	contains(event.reason, "Accept is wrong", "reason");
	refused(wire, "", &event);
	contains(event.reason, "closed the connection", "reason");
	cs_wire_destroy(wire);
}

static void
test_redirect(void)
{
	PeerServer *other = peer_start(script_stay);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsWireEvent event;
	char		answer[256];

	snprintf(answer, sizeof(answer), "HTTP/1.1 302 Found\r\nLocation:"
			 " http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n", other->port);
	refused(wire, answer, &event);
	ok(event.http_status == 302, "redirect reported");
	contains(event.reason, "redirects are not followed", "reason");
	ok(!await(wire, &event, 100) && other->connections == 0, "not followed");
	cs_wire_destroy(wire);
	peer_stop(other);
}

static void
script_extension(Peer *peer)
{
	char		answer[512];
	size_t		length;

	if (!peer_request(peer))
		return;
	length = peer_answer(peer, answer, sizeof(answer));
	length += (size_t) snprintf(answer + length - 2, 64,
								"Sec-WebSocket-Extensions:"
								" permessage-deflate\r\n\r\n") - 2;
	peer_write(peer, answer, length);
	peer_finish(peer);
}

static void
test_extension(void)
{
	PeerServer *server = peer_start(script_extension);
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnectParams params = params_for(peer_url(server, "/"));
	CsWireEvent event;

	ok(fails(wire, &params, &event), "compression cannot be forced on us");
	contains(event.reason, "extension", "reason");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* ---------- TCP ---------- */

/* A port on which nobody listens. */
static int
free_port(void)
{
	PeerServer *server = peer_start(script_stay);
	int			port = server->port;

	peer_stop(server);
	return port;
}

static void
test_tcp(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	CsConnectParams params;
	CsWireEvent event;
	char		url[64];
	char		expected[CS_WIRE_REASON_MAX];
	int			port = free_port();
	PeerServer *server;

	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/?key=sesame", port);
	params = params_for(url);
	ok(fails(wire, &params, &event), "nobody listens");
	snprintf(expected, sizeof(expected),
			 "could not connect to 127.0.0.1 port %d: Connection refused",
			 port);
	is(event.reason, expected, "reason");
	snprintf(url, sizeof(url), "ws://two.test:%d/", port);
	ok(fails(wire, &params, &event), "nor at any address of a name");
	snprintf(expected, sizeof(expected),
			 "could not connect to two.test (127.0.0.2) port %d: Connection"
			 " refused", port);
	is(event.reason, expected, "reason");
	server = peer_start_at(script_stay, "127.0.0.2", port, NULL, NULL);
	ok(open_url(wire, url) != NULL, "the next address is tried");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = peer_start_at(script_stay, "::1", 0, NULL, NULL);
	ok(open_url(wire, peer_url(server, "/")) != NULL, "an IPv6 address");
	snprintf(expected, sizeof(expected), "Host: [::1]:%d\r\n", server->port);
	contains(server->request, expected, "in brackets for the peer");
	cs_wire_destroy(wire);
	peer_stop(server);
}

/* A listener whose queue is full: what comes then gets no answer. */
static int
black_hole(int fds[4], int *port)
{
	struct sockaddr_in where = {.sin_family = AF_INET};
	socklen_t	size = sizeof(where);

	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fds[0], (struct sockaddr *) &where, size) != 0 ||
		listen(fds[0], 0) != 0)
		bail_out("cannot listen: %s", strerror(errno));
	getsockname(fds[0], (struct sockaddr *) &where, &size);
	for (int i = 1; i < 4; i++)
	{
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void) connect(fds[i], (struct sockaddr *) &where, size);
	}
	*port = ntohs(where.sin_port);
	return fds[0];
}

static void
timed(CsWire *wire, const char *url, const char *reason)
{
	CsConnectParams params = params_for(url);
	CsWireEvent event;
	int64_t		start = milliseconds();
	int64_t		took;
	bool		failed;

	params.connect_timeout_ms = 300;
	failed = fails(wire, &params, &event);
	took = milliseconds() - start;
	ok(failed && took >= 290 && took < 800, "timed out after %lld ms",
	   (long long) took);
	contains(event.reason, reason, "what took so long");
}

/* Accepts, and says nothing. */
static void
script_mute(Peer *peer)
{
	while (!peer->server->stopping)
		usleep(5000);
}

static void
test_timeouts(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_mute);
	CsWireEvent event;
	char		url[64];
	int			fds[4];
	int			port;

	timed(wire, peer_url(server, "/"), "WebSocket handshake with");
	peer_stop(server);
	server = peer_start(script_mute);
	snprintf(url, sizeof(url), "wss://127.0.0.1:%d/", server->port);
	timed(wire, url, "TLS handshake with");
	peer_stop(server);
	black_hole(fds, &port);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", port);
	timed(wire, url, "could not connect to 127.0.0.1");

	/* One address that does not answer must not use up the time of all. */
	server = peer_start_at(script_stay, "127.0.0.2", port, NULL, NULL);
	snprintf(url, sizeof(url), "ws://two.test:%d/", port);
	{
		CsConnectParams params = params_for(url);

		params.connect_timeout_ms = 1000;
		ok(open_with(wire, &params, &event) != NULL,
		   "a dead address leaves time for the next");
	}
	peer_stop(server);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	cs_wire_destroy(wire);
}

/* ---------- names ---------- */

static void
test_names(void)
{
	CsWire	   *wire = wire_start(MIB, MIB, NULL);
	PeerServer *server = peer_start(script_stay);
	CsConnectParams params = params_for("ws://missing.test/");
	CsConnection *connection;
	CsWireEvent event;
	char		reason[CS_WIRE_REASON_MAX];
	char		url[64];
	int64_t		start;

	ok(fails(wire, &params, &event), "a name that does not exist");
	contains(event.reason, "could not resolve host name \"missing.test\": Name",
			 "reason");
	snprintf(url, sizeof(url), "ws://good.test:%d/", server->port);
	ok(open_url(wire, url) != NULL, "a name that does");
	snprintf(reason, sizeof(reason), "Host: good.test:%d\r\n", server->port);
	contains(server->request, reason, "is in the request");

	timed(wire, "ws://slow.test/", "could not resolve host name \"slow.test\":"
		  " no answer within 0.3 s");
	ok(sigismember(&slow_signals, SIGTERM) && sigismember(&slow_signals, SIGUSR1),
	   "no signal is taken by the thread that resolves");
	params.url = "ws://slow.test/";
	connection = cs_connection_open(wire, &params, reason);
	turn(wire, 20);
	cs_connection_close(connection, 1000, "");
	start = milliseconds();
	ok(await_closed(wire, &event, 1000) && milliseconds() - start < 100,
	   "can be closed while the name is being resolved");
	cs_connection_open(wire, &params, reason);
	ok(settles(wire, &slow_lookups, 3), "a lookup is under way");
	start = milliseconds();
	cs_wire_destroy(wire);
	ok(milliseconds() - start < 100, "and the loop ends at once");
	peer_stop(server);
}

/* Threads that hang are few, and the process can end beside them. */
static void
test_many_lookups(void)
{
	CsConnectParams params = params_for("ws://slow.test/");
	char		reason[CS_WIRE_REASON_MAX] = "";
	CsWire	   *wire;
	int			count = 0;
	int			status;
	int64_t		start = milliseconds();
	pid_t		child;

	fflush(stdout);
	child = fork();
	if (child == 0)
	{
		wire = wire_start(MIB, MIB, NULL);
		cs_connection_open(wire, &params, reason);
		settles(wire, &slow_lookups, slow_lookups + 1);
		exit(7);
	}
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7 &&
	   milliseconds() - start < 4000, "exit() does not wait for a lookup");

	wire = wire_start(MIB, MIB, NULL);
	while (count < 100 && cs_connection_open(wire, &params, reason) != NULL)
		count++;
	ok(count > 4 && count < 40, "%d lookups hang, then it is enough", count);
	contains(reason, "name servers", "reason");
	cs_wire_destroy(wire);
	slow_over = true;
}

/* ---------- TLS ---------- */

static char folder[64];

static const char *
file(const char *name)
{
	static char paths[4][128];
	static int	next;
	char	   *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static PeerServer *
tls_server(const char *name, const char *address)
{
	char		key[64];
	char		cert[64];

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return peer_start_at(script_stay, address, 0, file(cert), file(key));
}

/* What a server without TLS says to a client's hello. */
static void
script_plain(Peer *peer)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	peer_write(peer, answer, strlen(answer));
}

static void
tls_fails(const char *cert, const char *ca, const char *reason)
{
	CsWire	   *wire = wire_start(MIB, MIB, ca);
	PeerServer *server = tls_server(cert, "127.0.0.1");
	CsConnectParams params = params_for(peer_url(server, "/?key=sesame"));
	CsWireEvent event;
	CsWireLogLevel level;
	const char *line;
	bool		logged = false;

	ok(fails(wire, &params, &event) && event.kind == CS_WIRE_CLOSED,
	   "%s: refused", cert);
	contains(event.reason, reason, "reason");
	while (cs_wire_next_log(wire, &level, &line))
		logged = logged || level == CS_WIRE_LOG_ERROR;
	ok(logged, "and in the log");
	params.tls_insecure = true;
	ok(open_with(wire, &params, &event) != NULL,
	   "accepted when verification is switched off");
	cs_wire_destroy(wire);
	peer_stop(server);
}

static void
test_tls(void)
{
	char		command[256];
	CsWire	   *wire;
	PeerServer *server;
	CsConnectParams params;
	CsWireEvent event;
	CsConnection *connection;
	char		url[64];

	snprintf(folder, sizeof(folder), "/tmp/wire_test_XXXXXX");
	if (mkdtemp(folder) == NULL)
		bail_out("cannot make a folder: %s", strerror(errno));
	snprintf(command, sizeof(command), "sh test/simulator/make-ca.sh %s",
			 folder);
	if (system(command) != 0)
		bail_out("cannot make certificates");

	wire = wire_start(4 * MIB, MIB, file("ca.pem"));
	server = tls_server("server", "127.0.0.1");
	ok(open_url(wire, peer_url(server, "/")) != NULL, "wss to an address");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = tls_server("server", "127.0.0.1");
	snprintf(url, sizeof(url), "wss://localhost:%d/", server->port);
	connection = open_url(wire, url);
	ok(connection != NULL, "wss to a name");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = tls_server("server", "::1");
	ok(open_url(wire, peer_url(server, "/")) != NULL, "wss to an IPv6 address");
	peer_stop(server);
	await_closed(wire, &event, 2000);
	server = peer_start(script_plain);
	snprintf(url, sizeof(url), "wss://127.0.0.1:%d/", server->port);
	params = params_for(url);
	ok(fails(wire, &params, &event), "wss to a server without TLS");
	contains(event.reason, "TLS handshake with", "reason");
	peer_stop(server);
	server = tls_server("server", "127.0.0.1");
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", server->port);
	ok(fails(wire, &params, &event), "ws to a server with TLS");
	peer_stop(server);
	cs_wire_destroy(wire);

	tls_fails("wrong-host", file("ca.pem"), "host name mismatch");
	tls_fails("expired", file("ca.pem"), "it has expired");
	tls_fails("server", file("other-ca.pem"), "certificate not trusted: ");
	tls_fails("server", NULL, "certificate not trusted: ");

	wire = wire_start(MIB, MIB, file("ca.pem"));
	server = tls_server("wrong-host", "::1");
	params = params_for(peer_url(server, "/"));
	ok(fails(wire, &params, &event), "wrong certificate of an IPv6 address");
	contains(event.reason, "host name mismatch", "reason");
	peer_stop(server);
	cs_wire_destroy(wire);

	wire = wire_start(MIB, MIB, "/nonexistent/ca.pem");
	params = params_for("wss://127.0.0.1:1/");
	ok(cs_connection_open(wire, &params, event.reason) == NULL,
	   "no authorities, no connection");
	contains(event.reason, "/nonexistent/ca.pem", "reason");
	cs_wire_destroy(wire);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command) != 0)
		bail_out("cannot remove %s", folder);
}

/* ---------- the process ---------- */

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
		snprintf(url, sizeof(url), "ws://two.test:%d/", free_port());
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
	ok(right && longest < 50, "30 loops made and ended, the slowest in %lld ms",
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

int
main(void)
{
	test_urls();
	test_headers();
	test_request();
	test_refusals();
	test_redirect();
	test_extension();
	test_tcp();
	test_timeouts();
	test_names();
	test_tls();
	test_growth(true);
	test_growth(false);
	test_cycles();
	test_guest();
	test_many_lookups();
	return tap_end();
}
