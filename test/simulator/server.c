/*-------------------------------------------------------------------------
 *
 * server.c
 *	  Connections, over libwebsockets.
 *
 * libwebsockets does HTTP, TLS, the handshake, the reading of frames, pongs
 * and the closing handshake.  This file turns its callbacks into the life of
 * a CsSimClient and into whole messages for the dialect.  Sockets come from
 * listener.c; what is written comes from output.c; plain requests, and what
 * becomes of handshakes, are in http.c.
 *
 * It refuses a client that offers sub-protocols, which real servers without
 * any would ignore; no client of our protocols does.
 *
 * The opaque pointer of a connection is its listener, from the accept on;
 * its session is a CsSimSession.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Clients get so long to answer the close frames at the end. */
#define STOP_GRACE_US	(2 * LWS_US_PER_SEC)

/* And so long to answer one that is not libwebsockets' own. */
#define CLOSE_GRACE_SECONDS	5

/*
 * Of a request: lists of accounts come in queries.  libwebsockets counts parts
 * of it in 16 bits, so what is longer must not be begun; and 4.3 takes the lower
 * 16 bits of the limit alone.
 */
#define HEAD_MAX_BYTES	65535

/* Name the server in the answer to the handshake. */
static int
add_headers(struct lws *wsi, struct lws_process_html_args *args)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	const char *server;

	if (listener == NULL || listener->network->dialect->server == NULL)
		return 0;
	server = listener->network->dialect->server;
	if (args->max_len < (int) strlen(server) + 12)
		return 1;
	args->p += sprintf(args->p, "Server: %s\r\n", server);
	return 0;
}

/* Its time has come. */
static void
client_timer(lws_sorted_usec_list_t *timer)
{
	CsSimClient *client = lws_container_of(timer, CsSimClient, timer);

	if (!client->dead && client->network->dialect->timer != NULL)
		client->network->dialect->timer(client);
}

void
cs_sim_client_timer(CsSimClient *client, uint64_t ms)
{
	lws_sul_cancel(&client->timer);
	if (ms > 0)
		lws_sul_schedule(client->network->sim->context, 0, &client->timer,
						 client_timer, (lws_usec_t) ms * LWS_US_PER_MS);
}

/*
 * A stream's requester sent something, or is gone.  It has nothing to say any
 * more, so what it says is thrown away.
 */
static void
stream_heard(void *arg, int fd)
{
	CsSimClient *client = arg;
	char		unheard[4096];
	ssize_t		got;

	do
		got = recv(fd, unheard, sizeof(unheard), MSG_DONTWAIT);
	while (got > 0);
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		cs_sim_client_drop(client, false);
}

/*
 * libwebsockets does not read from a connection whose answer has begun, but
 * waits for something to read all the same, and would do nothing else from
 * its end on.  Its flow control is no help: that stops writing, too.  So we
 * read, with a descriptor of our own.
 */
static void
listen_to_stream(CsSimClient *client)
{
	int			fd = fcntl(lws_get_socket_fd(client->wsi), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		cs_sim_fatal("cannot copy a descriptor: %s", strerror(errno));
	client->hangup = cs_sim_watch(client->network->sim, fd, stream_heard,
								  client);
}

CsSimClient *
cs_sim_client_create(struct lws *wsi, bool sse, const CsSimRequest *request,
					 const CsSimText *head)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	CsSimNetwork *network = listener->network;
	CsSimClient *client = cs_sim_alloc(sizeof(*client));
	CsSimClient **end = &network->clients;

	client->network = network;
	client->wsi = wsi;
	client->sse = sse;
	client->id = ++network->sim->next_client;
	client->state = cs_sim_alloc(network->dialect->client_size);
	/* In order of arrival: notifications are built for the first one. */
	while (*end != NULL)
		end = &(*end)->next;
	*end = client;
	network->stats.accepted++;
	(void) cs_sim_client_signed(client, &(int64_t) {0});
	if (head != NULL)
		cs_sim_send_bytes(client, head->data, head->length);
	if (sse)
		listen_to_stream(client);
	else if (network->faults.deaf)
		lws_rx_flow_control(wsi, 0);
	if (network->dialect->opened != NULL)
		network->dialect->opened(client, request);
	return client;
}

/* An upgrade is complete. */
static CsSimClient *
established(struct lws *wsi)
{
	CsSimClient *client;
	CsSimRequest request;

	cs_sim_request_read(&request, wsi);
	request.upgrade = true;
	client = cs_sim_client_create(wsi, false, &request, NULL);
	cs_sim_request_free(&request);
	return client;
}

static void
client_free(CsSimClient *client)
{
	CsSimNetwork *network = client->network;
	CsSimClient **at = &network->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	lws_sul_cancel(&client->timer);
	if (client->hangup != NULL)
		cs_sim_unwatch(client->hangup);
	if (network->dialect->closed != NULL)
		network->dialect->closed(client);
	cs_sim_output_clear(client);
	free(client->state);
	free(client->input);
	free(client);
	/* Others may have waited for this one to take what it was sent. */
	for (CsSimClient *other = network->clients; other; other = other->next)
		lws_callback_on_writable(other->wsi);
}

/* The bytes received, as far as known, that are none of messages. */
static uint64_t
other_bytes(const CsSimClient *client, struct tcp_info *info)
{
	socklen_t	length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	(void) getsockopt(lws_get_socket_fd(client->wsi), IPPROTO_TCP, TCP_INFO,
					  info, &length);
	return info->tcpi_bytes_received - client->message_bytes;
}

bool
cs_sim_client_signed(CsSimClient *client, int64_t *when)
{
	struct tcp_info info;
	uint64_t	others = other_bytes(client, &info);

	if (client->network->faults.deaf || others <= client->other_bytes)
		return false;
	client->other_bytes = others;
	*when = lws_now_usecs() - (int64_t) info.tcpi_last_data_recv * 1000;
	return true;
}

/* Count what a frame of a message took, once it is complete. */
static void
count_frame(CsSimClient *client, size_t length)
{
	size_t		whole = client->frame_length + length;
	struct tcp_info info;
	uint64_t	others;

	client->frame_length = whole;
	if (lws_remaining_packet_payload(client->wsi) > 0)
		return;
	client->message_bytes += whole + (whole < 126 ? 6 : whole < 65536 ? 8 : 14);
	client->frame_length = 0;
	/* It may have waited, unread, when the others were last looked at. */
	others = other_bytes(client, &info);
	if (others < client->other_bytes)
		client->other_bytes = others;
}

/* A piece of a message came.  Returns what the callback is to return. */
static int
receive(CsSimClient *client, const char *data, size_t length)
{
	CsSimNetwork *network = client->network;
	size_t		limit = network->dialect->message_limit;
	struct lws *wsi = client->wsi;
	bool		fine;

	count_frame(client, length);
	if (client->close != CS_SIM_STAY)
		return 0;				/* nobody listens any more */
	if (client->input_length + length + lws_remaining_packet_payload(wsi) >
		limit)
	{
		lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
		return -1;
	}
	if (client->input_length + length + 1 > client->input_size)
	{
		client->input_size = 2 * (client->input_length + length + 1);
		client->input = cs_sim_resize(client->input, client->input_size);
	}
	memcpy(client->input + client->input_length, data, length);
	client->input_length += length;
	client->input[client->input_length] = '\0';
	if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
		return 0;
	network->stats.requests++;
	fine = network->dialect->received(client, client->input,
									  client->input_length,
									  lws_frame_is_binary(wsi) != 0);
	client->input_length = 0;
	return fine ? 0 : -1;
}

/*
 * Everything queued is written, and the client is to be closed.  True: the
 * callback is to return -1, which ends the connection.
 */
static bool
finish(CsSimClient *client)
{
	unsigned char frame[LWS_PRE + 2] = {0};

	switch (client->close)
	{
		case CS_SIM_CLOSE_FRAME:
			lws_close_reason(client->wsi,
							 (enum lws_close_status) client->close_code,
							 (unsigned char *) client->close_reason,
							 strlen(client->close_reason));
			return true;
		case CS_SIM_CLOSE_EMPTY:
			/* libwebsockets knows no close frame without a code. */
			frame[LWS_PRE] = 0x88;
			client->close = CS_SIM_CLOSING;
			lws_set_timeout(client->wsi, PENDING_TIMEOUT_CLOSE_ACK,
							CLOSE_GRACE_SECONDS);
			return lws_write(client->wsi, frame + LWS_PRE, 2,
							 LWS_WRITE_RAW) < 0;
		case CS_SIM_CLOSE_TCP:
			return true;
		default:
			return false;
	}
}

/* The socket takes more. */
static int
writable(CsSimClient *client)
{
	CsSimNetwork *network = client->network;

	if (!cs_sim_output_write(client))
		return -1;
	if (client->close != CS_SIM_STAY && client->first == NULL &&
		!client->stalled && !lws_send_pipe_choked(client->wsi) &&
		finish(client))
		return -1;
	cs_sim_traffic_refill(network, client);
	return 0;
}

/* The connection of this client is gone, or no longer ours. */
static int
gone(CsSimSession *session)
{
	if (session->client != NULL)
		client_free(session->client);
	session->client = NULL;
	return 0;
}

/* A pong came. */
static int
pong(const CsSimSession *session, const char *data, size_t length)
{
	CsSimClient *client = session->client;

	if (client != NULL && client->network->dialect->pong != NULL)
		client->network->dialect->pong(client, data, length);
	return 0;
}

/* The callbacks of plain HTTP, and of a client that is one. */
static int
http_callback(struct lws *wsi, enum lws_callback_reasons reason,
			  CsSimSession *session, void *in, size_t len)
{
	switch (reason)
	{
		case LWS_CALLBACK_HTTP:
			return cs_sim_http_request(wsi, session);
		case LWS_CALLBACK_HTTP_BODY:
			return cs_sim_http_body(wsi, session, in, len);
		case LWS_CALLBACK_HTTP_BODY_COMPLETION:
			return cs_sim_http_body_end(wsi, session);
		case LWS_CALLBACK_HTTP_WRITEABLE:
			return session->client != NULL ? writable(session->client) : 0;
		case LWS_CALLBACK_CLOSED_HTTP:
		case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
			if (session == NULL)
				return 0;
			cs_sim_http_closed(session);
			if (session->client != NULL && session->client->sse)
				return gone(session);
			return 0;
		default:
			return 0;
	}
}

/* Every callback of an HTTP or WebSocket connection. */
static int
socket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
				void *in, size_t len)
{
	CsSimSession *session = user;

	switch (reason)
	{
		case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
			return cs_sim_http_upgrade(wsi);
		case LWS_CALLBACK_ADD_HEADERS:
			return add_headers(wsi, in);
		case LWS_CALLBACK_ESTABLISHED:
			session->client = established(wsi);
			return 0;
		case LWS_CALLBACK_RECEIVE:
			return session->client != NULL ?
				receive(session->client, in, len) : -1;
		case LWS_CALLBACK_RECEIVE_PONG:
			return pong(session, in, len);
		case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
			/* The answer to our empty close frame is not answered again. */
			return session->client != NULL &&
				session->client->close == CS_SIM_CLOSING ? -1 : 0;
		case LWS_CALLBACK_SERVER_WRITEABLE:
			return session->client != NULL ? writable(session->client) : 0;
		case LWS_CALLBACK_CLOSED:
			return gone(session);
		default:
			return http_callback(wsi, reason, session, in, len);
	}
}

/*
 * The first protocol is libwebsockets' default.  It has no name, because a
 * name would be sent back to clients that ask for a sub-protocol.
 */
static const struct lws_protocols protocols[] = {
	{.name = "",.callback = socket_callback,
		.per_session_data_size = sizeof(CsSimSession),
	.rx_buffer_size = 65536,.tx_packet_size = 1 << 20},
	{.name = "watch",.callback = cs_sim_watch_callback,
	.rx_buffer_size = 4096},
	{.name = "control",.callback = cs_sim_control_callback,
		.per_session_data_size = sizeof(void *),
	.rx_buffer_size = 65536,.tx_packet_size = 1 << 20},
	{.name = NULL}
};

void
cs_sim_server_start(CsSim *sim, const char *cert, const char *key)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.pt_serv_buf_size = 65536,
		.max_http_header_data2 = HEAD_MAX_BYTES,
		.gid = -1,
		.uid = -1,
		.user = sim,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_VALIDATE_UTF8,
	};

	if (cert != NULL)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	sim->context = lws_create_context(&info);
	if (sim->context == NULL)
		cs_sim_fatal("libwebsockets does not start");
	info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
	info.vhost_name = "plain";
	sim->plain = lws_create_vhost(sim->context, &info);
	if (sim->plain == NULL)
		cs_sim_fatal("libwebsockets does not start");
	if (cert == NULL)
		return;
	info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.vhost_name = "tls";
	info.ssl_cert_filepath = cert;
	info.ssl_private_key_filepath = key;
	info.alpn = "http/1.1";
	sim->tls = lws_create_vhost(sim->context, &info);
	if (sim->tls == NULL)
		cs_sim_fatal("cannot serve TLS with %s and %s", cert, key);
}

void
cs_sim_server_adopt(CsSimListener *listener, int fd)
{
	CsSim	   *sim = listener->network->sim;
	lws_adopt_desc_t info = {
		.vh = listener->tls ? sim->tls : sim->plain,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP |
		(listener->tls ? LWS_ADOPT_ALLOW_SSL : 0),
		.fd = {.sockfd = fd},
		.opaque = listener,
	};

	/* On failure it has closed the socket: the client sees a reset. */
	(void) lws_adopt_descriptor_vhost_via_info(&info);
}

void
cs_sim_client_drop(CsSimClient *client, bool reset)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	/* Disconnecting a TCP socket this way sends RST at once. */
	if (reset && connect(lws_get_socket_fd(client->wsi), &nowhere,
						 sizeof(nowhere)) != 0)
		cs_sim_log("cannot reset: %s", strerror(errno));
	client->dead = true;
	cs_sim_output_clear(client);
	lws_set_timeout(client->wsi, PENDING_TIMEOUT_CLOSE_SEND,
					LWS_TO_KILL_SYNC);
}

void
cs_sim_client_close(CsSimClient *client, int code, const char *reason)
{
	if (client->close != CS_SIM_STAY)
		return;
	cs_sim_output_release(client);
	if (client->sse)
	{
		cs_sim_send_bytes(client, "0\r\n\r\n", 5);
		client->close = CS_SIM_CLOSE_TCP;
	}
	else
		client->close = code == 0 ? CS_SIM_CLOSE_EMPTY : CS_SIM_CLOSE_FRAME;
	client->close_code = code;
	snprintf(client->close_reason, sizeof(client->close_reason), "%s", reason);
	lws_callback_on_writable(client->wsi);
}

void
cs_sim_client_end(CsSimClient *client)
{
	if (client->close != CS_SIM_STAY)
		return;
	cs_sim_output_release(client);
	client->close = CS_SIM_CLOSE_TCP;
	lws_callback_on_writable(client->wsi);
}

void
cs_sim_client_freeze(CsSimClient *client)
{
	client->dead = true;
	cs_sim_output_clear(client);
	if (!client->sse)
		lws_rx_flow_control(client->wsi, 0);
}

/* Wakes the loop, which then sees that the time is up. */
static void
stop_timeout(lws_sorted_usec_list_t *timer)
{
	(void) timer;
}

void
cs_sim_server_stop(CsSim *sim)
{
	if (sim->stopping)
		return;
	sim->stopping = true;
	sim->stop_at_us = lws_now_usecs() + STOP_GRACE_US;
	lws_sul_schedule(sim->context, 0, &sim->stop_timer, stop_timeout,
					 STOP_GRACE_US);
	for (CsSimListener *listener = sim->listeners; listener;
		 listener = listener->next)
		(void) cs_sim_listener_pause(listener, true);
	for (CsSimNetwork *network = sim->networks; network;
		 network = network->next)
	{
		cs_sim_traffic_rate(network, 0);
		for (CsSimClient *client = network->clients, *next; client;
			 client = next)
		{
			next = client->next;
			if (client->dead ||
				(network->dialect->shutdown_code == 0 && !client->sse))
				cs_sim_client_drop(client, false);
			else
				cs_sim_client_close(client, network->dialect->shutdown_code,
									network->dialect->shutdown_reason);
		}
	}
}
