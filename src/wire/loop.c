/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  CsWire: a libuv loop with libwebsockets on it, and the order of work.
 *
 * libwebsockets runs as a guest on our loop, so the consumer can wait for one
 * descriptor together with whatever else it waits for.  A run alternates
 * between acting (dial, send, give up; nothing of a library on the stack) and
 * turning the loop (callbacks, which only take notes), until nothing more is
 * to be read or the inbox is full.
 *
 * Deadlines are kept in the connections, not in timers of the loop: they are
 * looked at in every run, and cs_wire_timeout() tells when the next one is.
 *
 * Nothing here changes the process: no signal handlers, no limits, no proxy
 * taken from the environment.  (libwebsockets ignores SIGPIPE, as PostgreSQL
 * does.)
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire/internal.h"

/* Turns of the loop in one run: keeps a run short under full load. */
#define TURNS_MAX 8

/* Descriptors libwebsockets makes room for, its own included. */
#define DESCRIPTORS_MAX 256

/* What the loop and libwebsockets open to begin with, and some. */
#define DESCRIPTORS_NEEDED 16

/* Its own deadlines; ours are shorter and know better. */
#define LIBRARY_TIMEOUT_S 3600

/*
 * How long a connection may keep the head of its answer, which for HTTP is all
 * its life.  By default libwebsockets, if built without HTTP/2, ends it after
 * six minutes.
 */
#define LIBRARY_HEADERS_S 0x3FFFFFFF

/*
 * Milliseconds of a clock that only goes forward; never 0.
 */
int64_t
cs_now(void)
{
	return (int64_t) (uv_hrtime() / 1000000) + 1;
}

static int64_t
wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Nothing to do: that the loop turned is all it was sent for. */
static void
woken(uv_async_t *handle)
{
	(void) handle;
}

static struct lws_context *
context_create(CsWire *wire)
{
	struct lws_context_creation_info info;
	void	   *loops[1] = {&wire->loop};

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = cs_protocols;
	info.gid = (gid_t) -1;
	info.uid = (uid_t) -1;
	info.options = LWS_SERVER_OPTION_LIBUV |
		LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
		LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
		LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN;
	info.foreign_loops = loops;
	info.pcontext = &wire->context;
	info.pt_serv_buf_size = (unsigned int) (CS_READ_SIZE + LWS_PRE);
	info.max_http_header_data2 = 16 * 1024;
	info.fd_limit_per_thread = DESCRIPTORS_MAX;
	info.timeout_secs = LIBRARY_TIMEOUT_S;
	info.connect_timeout_secs = LIBRARY_TIMEOUT_S;
	info.user = wire;
	return lws_create_context(&info);
}

static struct lws_vhost *
vhost_create(CsWire *wire)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.vhost_name = "chainstream";
	info.protocols = cs_protocols;
	info.gid = (gid_t) -1;
	info.uid = (uid_t) -1;
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
		LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
	info.provided_client_ssl_ctx = wire->tls;
	info.http_proxy_address = "";	/* not that of the environment */
	info.timeout_secs = LIBRARY_TIMEOUT_S;
	info.connect_timeout_secs = LIBRARY_TIMEOUT_S;
	info.timeout_secs_ah_idle = LIBRARY_HEADERS_S;

	/* The kernel finds out about peers that vanished when nothing else does. */
	info.ka_time = 60;
	info.ka_interval = 15;
	info.ka_probes = 4;
	return lws_create_vhost(wire->context, &info);
}

/*
 * libwebsockets 4.3 never closes the descriptor with which it wakes itself.
 * So it is remembered: the one of its watchers that is not a socket.
 */
static void
find_wakeup(uv_handle_t *handle, void *argument)
{
	CsWire	   *wire = argument;
	struct stat status;
	uv_os_fd_t	fd;

	if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0 &&
		fstat(fd, &status) == 0 && !S_ISSOCK(status.st_mode))
	{
		wire->wakeup_fd = fd;
		wire->wakeup_mode = status.st_mode;
	}
}

static void
close_wakeup(const CsWire *wire)
{
	struct stat status;

	if (wire->wakeup_fd >= 0 && fstat(wire->wakeup_fd, &status) == 0 &&
		status.st_mode == wire->wakeup_mode)
		close(wire->wakeup_fd);
}

/* Close a handle that libwebsockets left in the loop, and free it. */
static void
sweep_done(uv_handle_t *handle)
{
	free(handle);
}

static void
sweep(uv_handle_t *handle, void *argument)
{
	CsWire	   *wire = argument;

	if (uv_is_closing(handle) || handle == (uv_handle_t *) &wire->wakeup)
		return;
	if (handle->type == UV_POLL)
		uv_close(handle, sweep_done);
}

/* Turn the loop until it has nothing left to close. */
static void
loop_drain(CsWire *wire)
{
	for (int i = 0; i < 100 && uv_run(&wire->loop, UV_RUN_NOWAIT) != 0; i++)
	{
		if (uv_backend_timeout(&wire->loop) != 0)
			break;
	}
}

/* End libwebsockets; on a foreign loop that takes two calls and some turns. */
static void
context_destroy(CsWire *wire)
{
	if (wire->context == NULL)
		return;
	lws_context_destroy(wire->context);
	loop_drain(wire);
	if (wire->context != NULL)
		lws_context_destroy(wire->context);
	wire->context = NULL;
}

/* Free all but what callbacks may still need, in order. */
static void
wire_free(CsWire *wire)
{
	context_destroy(wire);
	uv_close((uv_handle_t *) &wire->wakeup, NULL);
	uv_walk(&wire->loop, sweep, wire);
	loop_drain(wire);
	close_wakeup(wire);
	uv_loop_close(&wire->loop);
	cs_inbox_free(&wire->inbox);
	if (wire->tls != NULL)
		SSL_CTX_free(wire->tls);
	free(wire->tls_ca);
	free(wire);
}

/*
 * Are so many descriptors to be had?  libuv aborts the process when its first
 * loop cannot have them.
 */
static bool
descriptors_left(void)
{
	int			fds[DESCRIPTORS_NEEDED];
	int			count = 0;
	int			problem = 0;

	while (count < DESCRIPTORS_NEEDED && problem == 0)
	{
		fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[count] < 0)
			problem = errno;
		else
			count++;
	}
	while (count > 0)
		close(fds[--count]);
	errno = problem;
	return problem == 0;
}

/* The loop, and the handle that resolver threads wake it with. */
static bool
loop_create(CsWire *wire)
{
	int			code;

	if (!descriptors_left())
		return false;
	code = uv_loop_init(&wire->loop);
	if (code == 0)
	{
		code = uv_async_init(&wire->loop, &wire->wakeup, woken);
		if (code != 0)
			uv_loop_close(&wire->loop);
	}
	errno = -code;
	return code == 0;
}

/*
 * Make an event loop; see wire.h.
 */
CsWire *
cs_wire_create(const CsWireOptions *options, char reason[CS_WIRE_REASON_MAX])
{
	CsWire	   *wire = calloc(1, sizeof(*wire));

	snprintf(reason, CS_WIRE_REASON_MAX, "out of memory");
	if (wire == NULL)
		return NULL;
	wire->wakeup_fd = -1;
	wire->message_limit = options->message_limit;
	wire->inbox_limit = options->inbox_limit;
	cs_inbox_init(&wire->inbox, options->inbox_limit);
	if (options->tls_ca != NULL)
	{
		wire->tls_ca = strdup(options->tls_ca);
		if (wire->tls_ca == NULL)
		{
			free(wire);
			return NULL;
		}
	}
	if (!loop_create(wire))
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "could not create an event loop: %s", strerror(errno));
		free(wire->tls_ca);
		free(wire);
		return NULL;
	}
	wire->loop.data = wire;
	cs_log_start(options->log_level);
	wire->tls = cs_tls_create(wire);
	if (wire->tls == NULL)
	{
		wire_free(wire);
		return NULL;
	}
	wire->context = context_create(wire);
	if (wire->context != NULL)
	{
		uv_walk(&wire->loop, find_wakeup, wire);
		wire->vhost = vhost_create(wire);
	}
	if (wire->vhost == NULL)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "libwebsockets could not start on a libuv loop; is its"
				 " plug-in installed (package libwebsockets-evlib-uv)?");
		wire_free(wire);
		return NULL;
	}
	reason[0] = '\0';
	wire->work = true;
	return wire;
}

static void
graveyard_empty(CsWire *wire)
{
	while (wire->graveyard != NULL)
	{
		CsConnection *connection = wire->graveyard;

		wire->graveyard = connection->next;
		cs_connection_free(connection);
	}
}

/* Let every connection do what is due. */
static void
act(CsWire *wire)
{
	int64_t		now = cs_now();
	bool		stop = wire->paused || wire->inbox.bytes >= wire->inbox_limit;

	wire->stopped = stop;
	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		cs_connection_act(c, now);
		cs_connection_flow(c, stop, now);
	}
	if (wire->acted)
		lws_cancel_service(wire->context);
}

/*
 * Do what is due without waiting; see wire.h.
 */
bool
cs_wire_run(CsWire *wire)
{
	bool		read_any = false;
	int			turns = 0;

	graveyard_empty(wire);
	wire->work = false;
	do
	{
		wire->acted = false;
		act(wire);
		wire->progress = false;
		wire->now = cs_now();
		wire->received_at = wall_clock();
		uv_run(&wire->loop, UV_RUN_NOWAIT);
		read_any = read_any || wire->progress;
	} while (++turns < TURNS_MAX && (wire->progress || wire->acted) &&
			 wire->inbox.bytes < wire->inbox_limit);

	/* Peers are judged by their silence only after listening to them. */
	wire->acted = false;
	wire->now = cs_now();
	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
		cs_connection_judge(c, wire->now);

	/* What these turns brought about must not wait for the next event. */
	act(wire);
	if (wire->acted)
		wire->work = true;
	return read_any;
}

/*
 * Close and free everything; see wire.h.
 */
void
cs_wire_destroy(CsWire *wire)
{
	if (wire == NULL)
		return;

	/* Two turns let the close frames out: one to ask, one to write. */
	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
		cs_connection_close(c, 1001, "going away");
	for (int i = 0; i < 3; i++)
		cs_wire_run(wire);

	graveyard_empty(wire);
	wire->graveyard = wire->connections;
	wire->connections = wire->recent = NULL;
	graveyard_empty(wire);
	wire_free(wire);
}

/*
 * The descriptor to wait for; see wire.h.
 */
int
cs_wire_fd(const CsWire *wire)
{
	return uv_backend_fd(&wire->loop);
}

/*
 * How long to wait for it at most; see wire.h.
 */
int
cs_wire_timeout(const CsWire *wire)
{
	uv_loop_t  *loop = (uv_loop_t *) (uintptr_t) &wire->loop;
	int64_t		now = cs_now();
	int64_t		nearest;
	int			timeout;

	if (wire->work)
		return 0;
	uv_update_time(loop);
	timeout = uv_backend_timeout(loop);
	nearest = timeout < 0 ? INT64_MAX : now + timeout;
	for (const CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		int64_t		due = cs_connection_due(c);

		if (due != 0 && due < nearest)
			nearest = due;
	}
	if (nearest == INT64_MAX)
		return -1;
	if (nearest <= now)
		return 0;
	return nearest - now > INT32_MAX ? INT32_MAX : (int) (nearest - now);
}

/* A closed connection leaves the list, and is freed at the next run. */
static void
bury(CsWire *wire, CsConnection *connection)
{
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		wire->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	if (wire->recent == connection)
		wire->recent = NULL;
	connection->next = wire->graveyard;
	wire->graveyard = connection;
}

/*
 * Take the oldest event; see wire.h.
 */
bool
cs_wire_next(CsWire *wire, CsWireEvent *event)
{
	CsConnection *connection;
	CsEntry		entry;

	if (!cs_inbox_take(&wire->inbox, &entry))
		return false;
	connection = entry.connection;
	event->kind = entry.kind;
	event->connection = connection;
	event->owner = connection->owner;
	event->data = entry.data;
	event->length = entry.length;
	event->binary = entry.binary;
	event->received_at = entry.received_at;
	event->was_open = false;
	event->close_code = 0;
	event->http_status = 0;
	event->retry_after_s = 0;
	event->reason[0] = '\0';
	if (entry.kind == CS_WIRE_CLOSED ? !connection->was_open :
		entry.kind == CS_WIRE_MESSAGE &&
		connection->transport == CS_TRANSPORT_HTTP)
	{
		event->http_status = connection->http_status;
		event->retry_after_s = connection->retry_after;
	}
	if (entry.kind == CS_WIRE_CLOSED)
	{
		event->was_open = connection->was_open;
		event->close_code = connection->peer_code;
		memcpy(event->reason, connection->reason, sizeof(event->reason));
		bury(wire, connection);
	}
	return true;
}

/*
 * Forget the messages taken so far; see wire.h.
 */
void
cs_wire_release(CsWire *wire)
{
	cs_inbox_release(&wire->inbox);
	if (wire->stopped && !wire->paused &&
		wire->inbox.bytes < wire->inbox_limit)
		wire->work = true;
}

/*
 * Stop or restart reading; see wire.h.
 */
void
cs_wire_pause(CsWire *wire, bool paused)
{
	wire->work = wire->work || wire->paused != paused;
	wire->paused = paused;
}

/*
 * Take the oldest line of the log; see wire.h.
 */
bool
cs_wire_next_log(CsWire *wire, CsWireLogLevel *level, const char **line)
{
	if (!cs_log_take(level, wire->log_line, sizeof(wire->log_line)))
		return false;
	*line = wire->log_line;
	return true;
}
