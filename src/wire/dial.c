/*-------------------------------------------------------------------------
 *
 * dial.c
 *	  How a connection comes up: name, addresses, TCP; then libwebsockets.
 *
 * Addresses of a name are tried one after the other, each with a share of the
 * time that is left, so that one that does not answer cannot use it all up.
 *
 * While TCP connects, libwebsockets' own watcher is held back and the outcome
 * is looked at here first: it would swallow the error (release 4.1 also loses
 * its watcher then), and the next address is ours to try.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/internal.h"

/*
 * The first step: a thread for a name, nothing for an address.  Returns
 * false, with the reason, if it cannot be taken.
 */
bool
cs_connection_begin(CsConnection *connection, char reason[CS_WIRE_REASON_MAX])
{
	CsWire	   *wire = connection->wire;

	if (connection->url.literal)
	{
		snprintf(connection->addresses[0], CS_NUMERIC_MAX, "%.63s",
				 connection->url.host);
		connection->address_count = 1;
		connection->state = CS_DIALING;
		return true;
	}
	connection->state = CS_RESOLVING;
	connection->resolution = cs_resolve_start(connection->url.host,
											  connection->url.port,
											  &wire->wakeup);
	if (connection->resolution == NULL)
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "could not start to resolve host name \"%s\": too many"
				 " attempts are waiting for name servers",
				 connection->url.host);
	return connection->resolution != NULL;
}

/*
 * Is there a way to this address at all?  Returns an errno, 0: yes.  (A UDP
 * socket that "connects" only asks the routing table.)
 */
static int
route_problem(const char *address, int port)
{
	struct addrinfo hints;
	struct addrinfo *list = NULL;
	char		service[8];
	int			problem = 0;
	int			fd;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_DGRAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &list) != 0)
		return EADDRNOTAVAIL;
	fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, list->ai_addr, list->ai_addrlen) != 0)
		problem = errno;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(list);
	return problem;
}

/* TCP has connected, or failed to: look before libwebsockets does. */
static void
tcp_settled(uv_poll_t *handle, int status, int events)
{
	CsWire	   *wire = handle->loop->data;
	CsConnection *connection = NULL;
	socklen_t	size = sizeof(int);
	uv_os_fd_t	fd = -1;
	int			problem = 0;

	(void) status;
	(void) events;
	uv_poll_stop(handle);
	uv_fileno((uv_handle_t *) handle, &fd);
	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		if (c->state == CS_CONNECTING && c->wsi != NULL &&
			lws_get_socket_fd(c->wsi) == fd)
			connection = c;
	}
	if (connection == NULL)
		return;
	wire->work = true;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) != 0)
		problem = errno;
	connection->attempt_errno = problem;
	connection->attempt_failed = problem != 0;
	if (problem == 0)
		lws_callback_on_writable(connection->wsi);	/* its watcher is back */
}

typedef struct Search
{
	uv_os_fd_t	fd;
	uv_poll_t  *found;
} Search;

static void
search(uv_handle_t *handle, void *argument)
{
	Search	   *wanted = argument;
	uv_os_fd_t	fd;

	if (handle->type == UV_POLL && !uv_is_closing(handle) &&
		uv_fileno(handle, &fd) == 0 && fd == wanted->fd)
		wanted->found = (uv_poll_t *) handle;
}

/* Put our eyes in place of libwebsockets' until TCP has connected. */
static void
watch_tcp(CsConnection *connection)
{
	CsWire	   *wire = connection->wire;
	Search		wanted = {lws_get_socket_fd(connection->wsi), NULL};

	uv_walk(&wire->loop, search, &wanted);
	if (wanted.found != NULL)
		uv_poll_start(wanted.found, UV_WRITABLE, tcp_settled);
}

/* Hand one address to libwebsockets.  Returns false if it refuses. */
static bool
attempt(CsConnection *connection, const char *address)
{
	static const lws_retry_bo_t no_keepalive;	/* ours replaces it */
	struct lws_client_connect_info info;
	int			flags = 0;

	if (connection->url.tls)
	{
		flags = LCCSCF_USE_SSL;
		if (connection->tls_insecure)
			flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE |
				LCCSCF_ALLOW_EXPIRED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
		else if (connection->url.ipv6)
			flags |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;	/* see tls.c */
	}
	flags |= LCCSCF_HTTP_NO_FOLLOW_REDIRECT;

	memset(&info, 0, sizeof(info));
	info.context = connection->wire->context;
	info.vhost = connection->wire->vhost;
	info.address = address;
	info.port = connection->url.port;
	info.host = connection->url.authority;
	info.path = connection->url.path;
	if (connection->transport != CS_TRANSPORT_WEBSOCKET)
		info.method = connection->body == NULL ? "GET" : "POST";
	info.alpn = "http/1.1";
	info.ssl_connection = flags;
	info.local_protocol_name = cs_protocols[0].name;
	info.pwsi = &connection->wsi;	/* set before the first callback */
	info.retry_and_idle_policy = &no_keepalive;
	connection->attempt_failed = false;
	connection->attempt_errno = 0;
	connection->state = CS_CONNECTING;
	connection->wire->acted = true;
	if (lws_client_connect_via_info(&info) != NULL)
		return true;
	connection->wsi = NULL;
	return false;
}

/* Try addresses until one is under way, or none is left. */
static void
next_address(CsConnection *connection, int64_t now)
{
	char		peer[CS_PEER_MAX];
	int			problem = connection->attempt_errno;

	while (connection->address_next < connection->address_count)
	{
		const char *address = connection->addresses[connection->address_next++];
		int			left = connection->address_count - connection->address_next;

		problem = route_problem(address, connection->url.port);
		if (problem != 0)
			continue;
		if (!attempt(connection, address))
		{
			if (connection->state == CS_CONNECTING)
				continue;
			cs_connection_failed(connection, "it could not be started");
			return;
		}
		connection->attempt_due = 0;
		if (left > 0 && connection->connect_due != 0)
			connection->attempt_due = now +
				(connection->connect_due - now) / (left + 1) + 1;
		if (connection->state == CS_CONNECTING)
			watch_tcp(connection);
		return;
	}
	cs_connection_because(connection, "could not connect to %s: %s",
						  cs_connection_peer(connection, peer),
						  problem == 0 ? "the attempt failed" :
						  strerror(problem));
	cs_connection_give_up(connection);
}

/* Take over the addresses, if they are known by now. */
static void
resolved(CsConnection *connection)
{
	char		problem[CS_WIRE_REASON_MAX];

	if (!cs_resolve_done(connection->resolution, connection->addresses,
						 &connection->address_count, problem))
		return;
	connection->resolution = NULL;
	connection->state = CS_DIALING;
	if (connection->address_count > 0)
		return;
	cs_connection_because(connection,
						  "could not resolve host name \"%s\": %.100s",
						  connection->url.host, problem);
	cs_connection_finish(connection);
}

/* It took too long to come up. */
static void
connect_timed_out(CsConnection *connection)
{
	double		seconds = (double) connection->connect_timeout / 1000;
	char		peer[CS_PEER_MAX];

	cs_connection_peer(connection, peer);
	if (connection->state == CS_RESOLVING)
		cs_connection_because(connection,
							  "could not resolve host name \"%s\": no answer"
							  " within %g s", connection->url.host, seconds);
	else if (connection->refused)
		cs_http_refusal(connection);
	else if (connection->state != CS_HANDSHAKING)
		cs_connection_because(connection,
							  "could not connect to %s: no answer within %g s",
							  peer, seconds);
	else if (connection->url.tls && !connection->tls_done)
		cs_connection_because(connection,
							  "TLS handshake with %s timed out after %g s",
							  peer, seconds);
	else
		cs_connection_because(connection, "%s %s timed out after %g s",
							  cs_request_name(connection), peer, seconds);
	cs_connection_give_up(connection);
}

/*
 * Take a connection that is not open yet a step further, or give it up.
 */
void
cs_connection_dial(CsConnection *connection, int64_t now)
{
	if (connection->want_close)
	{
		cs_connection_give_up(connection);
		return;
	}
	if (connection->connect_due != 0 && now >= connection->connect_due)
	{
		connect_timed_out(connection);
		return;
	}
	if (connection->state == CS_RESOLVING)
		resolved(connection);
	if (connection->state == CS_CONNECTING)
	{
		if (connection->attempt_due != 0 && now >= connection->attempt_due)
		{
			connection->attempt_failed = true;
			connection->attempt_errno = ETIMEDOUT;
		}
		if (connection->attempt_failed)
		{
			cs_connection_drop(connection);
			connection->state = CS_DIALING;
		}
	}
	if (connection->state == CS_DIALING)
		next_address(connection, now);
}
