/*-------------------------------------------------------------------------
 *
 * wire_connect_test.c
 *	  How connections of the transport come about, or do not: URLs, names,
 *	  TCP, the upgrade.
 *
 * Names are resolved by the getaddrinfo() below, so that no name server is
 * asked: two.test has two addresses, slow.test never gets an answer.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)

static bool is_child;			/* of the test that forks */

#if defined(__SANITIZE_ADDRESS__)
/* The child ends beside a thread of its own: not the time to count leaks. */
extern int	__lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return is_child;
}
#endif

typedef int (*Resolver) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **);

static atomic_int slow_lookups;	/* begun */
static atomic_int slow_left;	/* of those, still hanging */
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
		slow_left++;
		slow_lookups++;
		while (!slow_over)
			usleep(10000);
		slow_left--;
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
	ok(failed && took >= 290 && took < 2000, "timed out after %lld ms",
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
	ok(await_closed(wire, &event, 1000) && milliseconds() - start < 500,
	   "can be closed while the name is being resolved");
	cs_connection_open(wire, &params, reason);
	ok(settles(wire, &slow_lookups, 3), "a lookup is under way");
	start = milliseconds();
	cs_wire_destroy(wire);
	ok(milliseconds() - start < 500, "and the loop ends at once");
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
		is_child = true;
		wire = wire_start(MIB, MIB, NULL);
		cs_connection_open(wire, &params, reason);
		settles(wire, &slow_lookups, slow_lookups + 1);
		exit(7);
	}
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7 &&
	   milliseconds() - start < 8000, "exit() does not wait for a lookup");

	wire = wire_start(MIB, MIB, NULL);
	while (count < 100 && cs_connection_open(wire, &params, reason) != NULL)
		count++;
	ok(count > 4 && count < 40, "%d lookups hang, then it is enough", count);
	contains(reason, "name servers", "reason");
	cs_wire_destroy(wire);
	slow_over = true;
	ok(settles(NULL, &slow_left, 0), "a name server that comes back is no harm");
	usleep(50000);
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
	test_many_lookups();
	return tap_end();
}
