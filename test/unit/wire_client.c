/*-------------------------------------------------------------------------
 *
 * wire_client.c
 *	  The client's side of the transport's tests; see wire_peer.h.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

CsWire *
wire_start(size_t message_limit, size_t inbox_limit, const char *tls_ca)
{
	CsWireOptions options = {message_limit, inbox_limit, tls_ca,
	CS_WIRE_LOG_WARNING};
	char		reason[CS_WIRE_REASON_MAX];
	CsWire	   *wire = cs_wire_create(&options, reason);

	if (wire == NULL)
		bail_out("no event loop: %s", reason);
	return wire;
}

int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
turn(CsWire *wire, int timeout)
{
	struct pollfd ready = {cs_wire_fd(wire), POLLIN, 0};
	int			due = cs_wire_timeout(wire);

	if (due >= 0 && due < timeout)
		timeout = due;
	poll(&ready, 1, timeout);
	return cs_wire_run(wire);
}

bool
await(CsWire *wire, CsWireEvent *event, int timeout)
{
	int64_t		end = milliseconds() + timeout;

	while (!cs_wire_next(wire, event))
	{
		int64_t		left = end - milliseconds();

		if (left <= 0)
			return false;
		turn(wire, (int) left);
	}
	return true;
}

CsConnectParams
params_for(const char *url)
{
	CsConnectParams params;

	memset(&params, 0, sizeof(params));
	params.url = url;
	params.connect_timeout_ms = 5000;
	return params;
}

CsConnectParams
stream_params(const PeerServer *server, const char *rest)
{
	CsConnectParams params = params_for(peer_http_url(server, rest));

	params.transport = CS_TRANSPORT_EVENTS;
	return params;
}

CsConnectParams
http_params(const PeerServer *server, const char *rest)
{
	CsConnectParams params = params_for(peer_http_url(server, rest));

	params.transport = CS_TRANSPORT_HTTP;
	return params;
}

/* NULL: it failed, *event* says why. */
CsConnection *
open_with(CsWire *wire, const CsConnectParams *params, CsWireEvent *event)
{
	CsConnection *connection;

	memset(event, 0, sizeof(*event));
	connection = cs_connection_open(wire, params, event->reason);
	if (connection == NULL)
		return NULL;
	if (!await(wire, event, 10000))
		bail_out("neither opened nor closed: %s", params->url);
	return event->kind == CS_WIRE_OPENED ? connection : NULL;
}

CsConnection *
open_url(CsWire *wire, const char *url)
{
	CsConnectParams params = params_for(url);
	CsWireEvent event;
	CsConnection *connection = open_with(wire, &params, &event);

	if (connection == NULL)
		printf("# could not open %s: %s\n", url, event.reason);
	return connection;
}

bool
fails(CsWire *wire, const CsConnectParams *params, CsWireEvent *event)
{
	return open_with(wire, params, event) == NULL;
}

bool
await_closed(CsWire *wire, CsWireEvent *event, int timeout)
{
	while (await(wire, event, timeout))
	{
		if (event->kind == CS_WIRE_CLOSED)
			return true;
	}
	memset(event, 0, sizeof(*event));
	return false;
}

bool
settles(CsWire *wire, atomic_int *value, int expected)
{
	for (int i = 0; i < 300 && *value != expected; i++)
	{
		if (wire != NULL)
			turn(wire, 10);
		else
			usleep(10000);
	}
	return *value == expected;
}

bool
contains(const char *text, const char *part, const char *name)
{
	bool		found = strstr(text, part) != NULL;

	ok(found, "%s", name);
	if (!found)
		printf("#      got: %s\n# expected it to contain: %s\n", text, part);
	return found;
}
