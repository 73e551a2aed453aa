/*-------------------------------------------------------------------------
 *
 * server.c
 *	  WebSocket connections, over libwebsockets.
 *
 * libwebsockets does HTTP, TLS, the handshake, the reading of frames, pongs
 * and the closing handshake.  This file turns its callbacks into the life of
 * a CsSimClient and into whole messages for the dialect.  Sockets come from
 * listener.c; what is written comes from output.c.
 *
 * It refuses a client that offers sub-protocols, which real servers without
 * any would ignore; no client of our protocols does.
 *
 * The opaque pointer of a connection is its listener, from the accept on;
 * its session is a pointer to its CsSimClient, from the upgrade on.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Clients get so long to answer the close frames at the end. */
#define STOP_GRACE_US	(2 * LWS_US_PER_SEC)

/* Answer a handshake or a plain HTTP request, and hang up. */
static int
refuse(struct lws *wsi, CsSimNetwork *network, int status,
	   const char *headers, const char *body)
{
	unsigned char buffer[LWS_PRE + 2048];
	char	   *text = (char *) buffer + LWS_PRE;
	size_t		room = sizeof(buffer) - LWS_PRE;
	const char *server = network->dialect->server;
	int			length;

	network->stats.refused++;
	length = snprintf(text, room,
					  "HTTP/1.1 %d %s\r\n%s%s%s%s"
					  "Content-Type: text/plain\r\n"
					  "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
					  status, status == 429 ? "Too Many Requests" :
					  status == 401 ? "Unauthorized" :
					  status == 503 ? "Service Unavailable" :
					  status == 400 ? "Bad Request" : "As Told",
					  server != NULL ? "Server: " : "",
					  server != NULL ? server : "",
					  server != NULL ? "\r\n" : "",
					  headers, strlen(body), body);
	if (length > 0 && (size_t) length < room)
		(void) lws_write(wsi, buffer + LWS_PRE, (size_t) length,
						 LWS_WRITE_HTTP_HEADERS);
	return -1;
}

/* May this handshake go on?  0: yes. */
static int
handshake(struct lws *wsi)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	CsSimNetwork *network = listener->network;
	char		value[512];
	char		name[64];
	const char *given;

	if (network->faults.http_status != 0)
		return refuse(wsi, network, network->faults.http_status,
					  network->faults.http_header, "");
	if (network->sim->stopping)
		return -1;
	if (network->token != NULL)
	{
		snprintf(name, sizeof(name), "%s=", network->dialect->token_parameter);
		given = lws_get_urlarg_by_name(wsi, name, value, sizeof(value));
		if (given == NULL || strcmp(given, network->token) != 0)
			return refuse(wsi, network, 401, "", "Unauthorized\n");
	}
	return 0;
}

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

static CsSimClient *
client_create(struct lws *wsi)
{
	CsSimListener *listener = lws_get_opaque_user_data(wsi);
	CsSimNetwork *network = listener->network;
	CsSimClient *client = cs_sim_alloc(sizeof(*client));
	CsSimClient **end = &network->clients;

	client->network = network;
	client->wsi = wsi;
	client->id = ++network->sim->next_client;
	client->state = cs_sim_alloc(network->dialect->client_size);
	/* In order of arrival: notifications are built for the first one. */
	while (*end != NULL)
		end = &(*end)->next;
	*end = client;
	network->stats.accepted++;
	if (network->faults.deaf)
		lws_rx_flow_control(wsi, 0);
	if (network->dialect->opened != NULL)
		network->dialect->opened(client);
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

/* A piece of a message came.  Returns what the callback is to return. */
static int
receive(CsSimClient *client, const char *data, size_t length)
{
	CsSimNetwork *network = client->network;
	size_t		limit = network->dialect->message_limit;
	struct lws *wsi = client->wsi;
	bool		fine;

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

/* The socket takes more. */
static int
writable(CsSimClient *client)
{
	CsSimNetwork *network = client->network;

	if (!cs_sim_output_write(client))
		return -1;
	if (client->close == CS_SIM_CLOSE_FRAME && client->first == NULL &&
		!client->stalled && !lws_send_pipe_choked(client->wsi))
	{
		lws_close_reason(client->wsi,
						 (enum lws_close_status) client->close_code,
						 (unsigned char *) client->close_reason,
						 strlen(client->close_reason));
		return -1;
	}
	cs_sim_traffic_refill(network, client);
	return 0;
}

/* Every callback of an HTTP or WebSocket connection. */
static int
socket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
				void *in, size_t len)
{
	CsSimClient **session = user;

	switch (reason)
	{
		case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
			return handshake(wsi);
		case LWS_CALLBACK_HTTP:
			return refuse(wsi, ((CsSimListener *)
								lws_get_opaque_user_data(wsi))->network, 400,
						  "", "The WebSocket handshake was declined.\n");
		case LWS_CALLBACK_ADD_HEADERS:
			return add_headers(wsi, in);
		case LWS_CALLBACK_ESTABLISHED:
			*session = client_create(wsi);
			return 0;
		case LWS_CALLBACK_RECEIVE:
			return *session != NULL ? receive(*session, in, len) : -1;
		case LWS_CALLBACK_SERVER_WRITEABLE:
			return *session != NULL ? writable(*session) : 0;
		case LWS_CALLBACK_CLOSED:
			if (*session != NULL)
				client_free(*session);
			*session = NULL;
			return 0;
		default:
			return 0;
	}
}

/*
 * The first protocol is libwebsockets' default.  It has no name, because a
 * name would be sent back to clients that ask for a sub-protocol.
 */
static const struct lws_protocols protocols[] = {
	{.name = "",.callback = socket_callback,
		.per_session_data_size = sizeof(CsSimClient *),
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
	client->close = CS_SIM_CLOSE_FRAME;
	client->close_code = code;
	snprintf(client->close_reason, sizeof(client->close_reason), "%s", reason);
	lws_callback_on_writable(client->wsi);
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
			if (client->dead || network->dialect->shutdown_code == 0)
				cs_sim_client_drop(client, false);
			else
				cs_sim_client_close(client, network->dialect->shutdown_code,
									network->dialect->shutdown_reason);
		}
	}
}
