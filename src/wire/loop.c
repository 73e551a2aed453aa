/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  The event loop: libuv, with libwebsockets as its guest.
 *
 * The loop is ours ("foreign" to libwebsockets), so that its descriptor and
 * its next timeout can be handed to whoever waits.  One timer serves the
 * deadlines of all connections.
 *
 * libwebsockets logs per process.  Its lines are kept in a ring until they are
 * asked for; the last error is kept as well, because that is the only place
 * where it says why a TLS handshake failed.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/wire_internal.h"

#define LOG_LINES 64

static struct
{
	CsWireLogLevel level;
	char		text[CS_WIRE_REASON_MAX];
}			log_ring[LOG_LINES];
static size_t log_first = 0;
static size_t log_count = 0;
static CsWireLogLevel log_threshold = CS_WIRE_LOG_WARNING;
static char log_taken[CS_WIRE_REASON_MAX];

char		cs_last_error_line[CS_WIRE_REASON_MAX];

/* Where the distributions keep the certificate authorities. */
static const char *const ca_files[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem"
};

static const struct lws_protocols protocols[] = {
	{.name = "chainstream", .callback = cs_lws_callback, .rx_buffer_size = CS_READ_SIZE},
	{.name = NULL}
};

/* ---------- the library's log ---------- */

/* Receives each line; may be called anywhere inside the library. */
static void
keep_line(int lws_level, const char *line)
{
	CsWireLogLevel level = lws_level == LLL_ERR ? CS_WIRE_LOG_ERROR :
		lws_level == LLL_WARN ? CS_WIRE_LOG_WARNING :
		lws_level == LLL_NOTICE ? CS_WIRE_LOG_NOTICE : CS_WIRE_LOG_DEBUG;
	size_t		length = strcspn(line, "\n");
	char	   *place;

	if (level == CS_WIRE_LOG_ERROR)
		snprintf(cs_last_error_line, sizeof(cs_last_error_line), "%.*s",
				 (int) (length < 200 ? length : 200), line);
	if (level < log_threshold)
		return;
	if (log_count == LOG_LINES)
	{
		log_first = (log_first + 1) % LOG_LINES;
		log_count--;
	}
	place = log_ring[(log_first + log_count) % LOG_LINES].text;
	snprintf(place, CS_WIRE_REASON_MAX, "%.*s", (int) (length < 250 ? length : 250), line);
	log_ring[(log_first + log_count++) % LOG_LINES].level = level;
}

bool
cs_wire_next_log(CsWire *wire, CsWireLogLevel *level, const char **line)
{
	(void) wire;
	if (log_count == 0)
		return false;
	*level = log_ring[log_first].level;
	memcpy(log_taken, log_ring[log_first].text, sizeof(log_taken));
	*line = log_taken;
	log_first = (log_first + 1) % LOG_LINES;
	log_count--;
	return true;
}

/* ---------- making and unmaking ---------- */

static void
resolver_readable(uv_poll_t *poll, int status, int events)
{
	CsWire	   *wire = poll->data;
	CsResolved	answer;

	(void) status;
	(void) events;
	while (cs_resolver_answer(wire->resolver, &answer))
		if (answer.owner != NULL)
			cs_connection_resolved(answer.owner, &answer);
}

static const char *
system_ca(void)
{
	for (size_t i = 0; i < sizeof(ca_files) / sizeof(ca_files[0]); i++)
		if (access(ca_files[i], R_OK) == 0)
			return ca_files[i];
	return ca_files[0];
}

static bool
make_context(CsWire *wire, const CsWireOptions *options)
{
	struct lws_context_creation_info info;
	void	   *loops[1] = {&wire->loop};

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.foreign_loops = loops;
	info.pt_serv_buf_size = CS_READ_SIZE;
	info.fd_limit_per_thread = 256;
	info.gid = (gid_t) -1;
	info.uid = (uid_t) -1;
	info.user = wire;
	wire->tls_ca = strdup(options->tls_ca ? options->tls_ca : system_ca());
	if (wire->tls_ca == NULL)
		return false;
	info.client_ssl_ca_filepath = wire->tls_ca;
	wire->context = lws_create_context(&info);
	return wire->context != NULL;
}

CsWire *
cs_wire_create(const CsWireOptions *options, char reason[CS_WIRE_REASON_MAX])
{
	CsWire	   *wire = calloc(1, sizeof(CsWire));

	snprintf(reason, CS_WIRE_REASON_MAX, "out of memory");
	if (wire == NULL)
		return NULL;
	wire->message_limit = options->message_limit;
	wire->inbox_limit = options->inbox_limit;
	log_threshold = options->log_level;
	cs_last_error_line[0] = '\0';
	lws_set_log_level(LLL_ERR | LLL_WARN | (log_threshold <= CS_WIRE_LOG_NOTICE ? LLL_NOTICE : 0),
					  keep_line);

	wire->resolver = cs_resolver_create();
	if (wire->resolver == NULL || uv_loop_init(&wire->loop) != 0)
	{
		if (wire->resolver)
			cs_resolver_destroy(wire->resolver);
		free(wire);
		return NULL;
	}
	uv_timer_init(&wire->loop, &wire->timer);
	wire->timer.data = wire;
	uv_poll_init(&wire->loop, &wire->resolver_poll, cs_resolver_fd(wire->resolver));
	wire->resolver_poll.data = wire;
	uv_poll_start(&wire->resolver_poll, UV_READABLE, resolver_readable);
	if (!make_context(wire, options))
	{
		snprintf(reason, CS_WIRE_REASON_MAX, "libwebsockets could not be started%s%s; is its libuv plug-in installed?",
				 cs_last_error_line[0] ? ": " : "", cs_last_error_line);
		cs_wire_destroy(wire);
		return NULL;
	}
	uv_run(&wire->loop, UV_RUN_NOWAIT);
	return wire;
}

static void
close_handle(uv_handle_t *handle, void *argument)
{
	(void) argument;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void
cs_wire_destroy(CsWire *wire)
{
	while (wire->connections != NULL)
	{
		cs_connection_abandon(wire->connections);
		cs_connection_free(wire->connections);
	}
	uv_poll_stop(&wire->resolver_poll);
	if (wire->context != NULL)
	{
		/* libwebsockets wants the loop to run between two calls */
		lws_context_destroy(wire->context);
		for (int i = 0; i < 100 && uv_run(&wire->loop, UV_RUN_NOWAIT) != 0; i++)
			;
		lws_context_destroy(wire->context);
	}
	uv_walk(&wire->loop, close_handle, NULL);
	for (int i = 0; i < 100 && uv_run(&wire->loop, UV_RUN_NOWAIT) != 0; i++)
		;
	(void) uv_loop_close(&wire->loop);
	cs_resolver_destroy(wire->resolver);
	cs_inbox_free(&wire->inbox);
	free(wire->tls_ca);
	free(wire);
}

/* ---------- running ---------- */

int
cs_wire_fd(const CsWire *wire)
{
	return uv_backend_fd(&wire->loop);
}

int
cs_wire_timeout(const CsWire *wire)
{
	return uv_backend_timeout(&wire->loop);
}

bool
cs_wire_run(CsWire *wire)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	wire->now_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	wire->progress = false;
	uv_run(&wire->loop, UV_RUN_NOWAIT);
	if (wire->retime)
	{
		wire->retime = false;
		cs_connections_tick(wire);
	}
	cs_wire_regulate(wire);
	return wire->progress;
}

void
cs_wire_kick(CsWire *wire)
{
	/* else libwebsockets' own timers sleep on */
	lws_cancel_service(wire->context);
	uv_update_time(&wire->loop);
	cs_connections_tick(wire);
}

/* ---------- the inbox ---------- */

void
cs_wire_regulate(CsWire *wire)
{
	bool		hold = wire->paused || wire->inbox.bytes >= wire->inbox_limit;

	if (hold == wire->held)
		return;
	wire->held = hold;
	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		if (c->wsi != NULL && c->state == CS_CONNECTION_OPEN)
			lws_rx_flow_control(c->wsi, !hold);

		/* silence while nobody listened is not the peer's */
		if (!hold && c->params.idle_timeout_ms > 0)
			c->idle_check = uv_now(&wire->loop) + (uint64_t) c->params.idle_timeout_ms;
		if (!hold && c->pong_deadline != 0)
			c->pong_deadline = uv_now(&wire->loop) + (uint64_t) c->params.pong_timeout_ms;
	}
	cs_wire_kick(wire);
}

bool
cs_wire_next(CsWire *wire, CsWireEvent *event)
{
	if (!cs_inbox_take(&wire->inbox, event))
		return false;
	if (event->kind == CS_WIRE_CLOSED)
	{
		cs_connection_free(event->connection);
		event->connection = NULL;
	}
	return true;
}

void
cs_wire_release(CsWire *wire)
{
	cs_inbox_release(&wire->inbox);
	if (wire->held)
		cs_wire_regulate(wire);
}

void
cs_wire_pause(CsWire *wire, bool paused)
{
	wire->paused = paused;
	cs_wire_regulate(wire);
}
