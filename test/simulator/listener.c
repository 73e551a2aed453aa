/*-------------------------------------------------------------------------
 *
 * listener.c
 *	  Listening sockets, and other descriptors the loop waits for.
 *
 * The sockets are ours and libwebsockets only watches them, so that a server
 * can be taken off the network and put back, and a handshake be delayed,
 * while its connections live on.
 *
 * A paused listener keeps its port: a socket that is bound to it but does
 * not listen makes the kernel refuse connections, and nobody else can take
 * the port meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many connections may wait to be accepted. */
#define BACKLOG 512

struct CsSimWatch
{
	struct lws *wsi;
	int			fd;
	void		(*ready) (void *arg, int fd);
	void	   *arg;
};

/* An accepted socket whose handshake waits. */
typedef struct Delayed
{
	lws_sorted_usec_list_t timer;	/* first: the callback gets only this */
	CsSimListener *listener;
	int			fd;
} Delayed;

int
cs_sim_watch_callback(struct lws *wsi, enum lws_callback_reasons reason,
					  void *user, void *in, size_t len)
{
	CsSimWatch *watch = lws_get_opaque_user_data(wsi);

	(void) user;
	(void) in;
	(void) len;
	if (reason == LWS_CALLBACK_RAW_RX_FILE)
		watch->ready(watch->arg, watch->fd);
	else if (reason == LWS_CALLBACK_RAW_CLOSE_FILE)
		free(watch);
	return 0;
}

CsSimWatch *
cs_sim_watch(CsSim *sim, int fd, void (*ready) (void *arg, int fd), void *arg)
{
	CsSimWatch *watch = cs_sim_alloc(sizeof(*watch));
	lws_adopt_desc_t info = {
		.vh = sim->plain,
		.type = LWS_ADOPT_RAW_FILE_DESC,
		.fd = {.filefd = fd},
		.vh_prot_name = "watch",
		.opaque = watch,
	};

	watch->fd = fd;
	watch->ready = ready;
	watch->arg = arg;
	watch->wsi = lws_adopt_descriptor_vhost_via_info(&info);
	if (watch->wsi == NULL)
		cs_sim_fatal("libwebsockets does not take a descriptor");
	return watch;
}

void
cs_sim_unwatch(CsSimWatch *watch)
{
	lws_set_timeout(watch->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

/* "ADDRESS" and *port* as the kernel wants them; returns the length. */
static socklen_t
socket_address(const char *address, int port, struct sockaddr_storage *result)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) result;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) result;

	memset(result, 0, sizeof(*result));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
	{
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t) port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1)
	{
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t) port);
		return sizeof(*v6);
	}
	cs_sim_fatal("not a numeric address: %s", address);
}

/* A socket bound to the address; sets *port* if it was 0. */
static int
bind_socket(const char *address, int *port)
{
	struct sockaddr_storage name;
	socklen_t	length = socket_address(address, *port, &name);
	int			on = 1;
	int			fd;

	fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *) &name, length) != 0 ||
		getsockname(fd, (struct sockaddr *) &name, &length) != 0)
		cs_sim_fatal("cannot bind %s port %d: %s", address, *port,
					 strerror(errno));
	*port = ntohs(name.ss_family == AF_INET ?
				  ((struct sockaddr_in *) &name)->sin_port :
				  ((struct sockaddr_in6 *) &name)->sin6_port);
	return fd;
}

int
cs_sim_listen(const char *address, int *port)
{
	int			fd = bind_socket(address, port);

	if (listen(fd, BACKLOG) != 0)
		cs_sim_fatal("cannot listen on %s port %d: %s", address, *port,
					 strerror(errno));
	return fd;
}

static void
delay_over(lws_sorted_usec_list_t *timer)
{
	Delayed    *delayed = (Delayed *) timer;

	cs_sim_server_adopt(delayed->listener, delayed->fd);
	free(delayed);
}

/* Connections wait: take them all. */
static void
accept_all(void *arg, int fd)
{
	CsSimListener *listener = arg;
	const CsSimFaults *faults = &listener->network->faults;
	int			on = 1;

	for (;;)
	{
		int			client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return;
		/* Pings and acks must not wait for a segment to fill. */
		(void) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (faults->handshake_delay_ms > 0)
		{
			Delayed    *delayed = cs_sim_alloc(sizeof(*delayed));

			delayed->listener = listener;
			delayed->fd = client;
			lws_sul_schedule(listener->network->sim->context, 0,
							 &delayed->timer, delay_over,
							 (lws_usec_t) faults->handshake_delay_ms *
							 LWS_US_PER_MS);
		}
		else
			cs_sim_server_adopt(listener, client);
	}
}

CsSimListener *
cs_sim_listener_open(CsSimNetwork *network, const char *where, bool tls)
{
	CsSimListener *listener = cs_sim_alloc(sizeof(*listener));
	CsSimListener **end = &network->sim->listeners;
	const char *colon = strrchr(where, ':');
	const char *digits = colon != NULL ? colon + 1 : where;
	const char *address = "127.0.0.1";
	size_t		length = strlen(address);
	uint64_t	port;

	if (!cs_sim_parse_number(digits, 65535, &port))
		cs_sim_fatal("not a port: %s", digits);
	if (colon != NULL)
	{
		address = where;
		length = (size_t) (colon - where);
		if (length >= 2 && address[0] == '[' && address[length - 1] == ']')
		{
			address++;
			length -= 2;
		}
	}
	if (length >= sizeof(listener->address))
		cs_sim_fatal("not an address: %s", where);
	memcpy(listener->address, address, length);
	listener->port = (int) port;
	listener->network = network;
	listener->tls = tls;
	listener->reserved = -1;
	listener->watch =
		cs_sim_watch(network->sim,
					 cs_sim_listen(listener->address, &listener->port),
					 accept_all, listener);
	while (*end != NULL)
		end = &(*end)->next;
	*end = listener;
	return listener;
}

bool
cs_sim_listener_pause(CsSimListener *listener, bool paused)
{
	if (paused == (listener->watch == NULL))
		return true;
	if (paused)
	{
		cs_sim_unwatch(listener->watch);
		listener->watch = NULL;
		listener->reserved = bind_socket(listener->address, &listener->port);
		return true;
	}
	if (listen(listener->reserved, BACKLOG) != 0)
		return false;
	listener->watch = cs_sim_watch(listener->network->sim, listener->reserved,
								   accept_all, listener);
	listener->reserved = -1;
	return true;
}
