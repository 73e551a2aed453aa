/*-------------------------------------------------------------------------
 *
 * wire_peer.c
 *	  A server that does exactly as it is told; see wire_peer.h.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "wire_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 10

/* ---------- the server ---------- */

static bool
peer_read(Peer *peer, void *data, size_t length)
{
	char	   *at = data;

	while (length > 0)
	{
		ssize_t		got = peer->ssl == NULL ?
			recv(peer->fd, at, length, 0) :
			SSL_read(peer->ssl, at, (int) length);

		if (got <= 0)
			return false;
		at += got;
		length -= (size_t) got;
	}
	return true;
}

bool
peer_write(Peer *peer, const void *data, size_t length)
{
	const char *at = data;

	while (length > 0)
	{
		ssize_t		put = peer->ssl == NULL ?
			send(peer->fd, at, length, MSG_NOSIGNAL) :
			SSL_write(peer->ssl, at, (int) length);

		if (put <= 0)
			return false;
		at += put;
		length -= (size_t) put;
	}
	return true;
}

bool
peer_request(Peer *peer)
{
	size_t		length = 0;

	while (length < sizeof(peer->request) - 1)
	{
		if (!peer_read(peer, peer->request + length, 1))
			return false;
		peer->request[++length] = '\0';
		if (length >= 4 &&
			strcmp(peer->request + length - 4, "\r\n\r\n") == 0)
		{
			memcpy(peer->server->request, peer->request, length + 1);
			return true;
		}
	}
	return false;
}

/* The right answer to the request. */
size_t
peer_answer(const Peer *peer, char *text, size_t size)
{
	static const char *const salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const char *key = strcasestr(peer->request, "Sec-WebSocket-Key: ");
	unsigned char digest[SHA_DIGEST_LENGTH];
	char		salted[128];
	char		accept[64];

	if (key == NULL)
		return 0;
	key += strlen("Sec-WebSocket-Key: ");
	snprintf(salted, sizeof(salted), "%.*s%s", (int) strcspn(key, "\r"), key,
			 salt);
	SHA1((unsigned char *) salted, strlen(salted), digest);
	EVP_EncodeBlock((unsigned char *) accept, digest, sizeof(digest));
	return (size_t) snprintf(text, size,
							 "HTTP/1.1 101 Switching Protocols\r\n"
							 "Upgrade: websocket\r\n"
							 "Connection: Upgrade\r\n"
							 "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
}

bool
peer_upgrade(Peer *peer)
{
	char		answer[512];
	size_t		length;

	if (!peer_request(peer))
		return false;
	length = peer_answer(peer, answer, sizeof(answer));
	return length > 0 && peer_write(peer, answer, length);
}

bool
peer_frame(Peer *peer, int first, const void *data, size_t length)
{
	unsigned char header[10] = {(unsigned char) first};
	size_t		size = 2;

	if (length < 126)
		header[1] = (unsigned char) length;
	else if (length < 65536)
	{
		header[1] = 126;
		header[2] = (unsigned char) (length >> 8);
		header[3] = (unsigned char) length;
		size = 4;
	}
	else
	{
		header[1] = 127;
		for (int i = 0; i < 8; i++)
			header[2 + i] = (unsigned char) ((uint64_t) length >> (56 - 8 * i));
		size = 10;
	}
	return peer_write(peer, header, size) && peer_write(peer, data, length);
}

/*
 * The client's next frame, unmasked, to be freed.  Returns its first byte, or
 * -1 when the client is gone or a frame was not masked.
 */
int
peer_receive(Peer *peer, char **data, size_t *length)
{
	unsigned char header[2];
	unsigned char extended[8];
	unsigned char mask[4];
	uint64_t	size;
	int			bytes;

	*data = NULL;
	if (!peer_read(peer, header, 2) || !(header[1] & 0x80))
		return -1;
	size = header[1] & 0x7F;
	bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
	if (bytes > 0)
	{
		if (!peer_read(peer, extended, (size_t) bytes))
			return -1;
		size = 0;
		for (int i = 0; i < bytes; i++)
			size = size << 8 | extended[i];
	}
	*data = malloc(size + 1);
	if (*data == NULL || !peer_read(peer, mask, 4) ||
		!peer_read(peer, *data, size))
	{
		free(*data);
		*data = NULL;
		return -1;
	}
	for (uint64_t i = 0; i < size; i++)
		(*data)[i] = (char) ((*data)[i] ^ mask[i & 3]);
	(*data)[size] = '\0';
	*length = size;
	if (header[0] == FRAME_CLOSE && size >= 2)
		peer->server->close_code = (unsigned char) (*data)[0] << 8 |
			(unsigned char) (*data)[1];
	return header[0];
}

void
peer_finish(Peer *peer)
{
	char	   *data;
	size_t		length;
	int			first;

	while ((first = peer_receive(peer, &data, &length)) >= 0)
	{
		if (first == FRAME_CLOSE)
			peer_frame(peer, FRAME_CLOSE, data, length);
		if (first == FRAME_PING)
			peer_frame(peer, FRAME_PONG, data, length);
		free(data);
	}
}

bool
peer_say(Peer *peer, const char *text)
{
	return peer_write(peer, text, strlen(text));
}

bool
peer_chunk(Peer *peer, const char *data, size_t length)
{
	char		size[32];

	snprintf(size, sizeof(size), "%zx\r\n", length);
	return peer_say(peer, size) && peer_write(peer, data, length) &&
		peer_say(peer, "\r\n");
}

char *
peer_body(Peer *peer, size_t *length)
{
	const char *field = strcasestr(peer->request, "\r\nContent-Length: ");
	char	   *body;

	*length = field == NULL ? 0 : strtoul(field + 18, NULL, 10);
	body = malloc(*length + 1);
	if (body == NULL || !peer_read(peer, body, *length))
	{
		free(body);
		return NULL;
	}
	body[*length] = '\0';
	return body;
}

void
peer_drain(Peer *peer)
{
	char		byte;

	while (peer_read(peer, &byte, 1))
		;
}

void
peer_reset(Peer *peer)
{
	struct linger now = {1, 0};

	setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
serve(PeerServer *server, int fd)
{
	struct timeval patience = {PATIENCE_S, 0};
	Peer	   *peer = calloc(1, sizeof(*peer));
	int			on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (peer != NULL)
	{
		peer->server = server;
		peer->fd = fd;
		if (server->tls != NULL)
		{
			peer->ssl = SSL_new(server->tls);
			SSL_set_fd(peer->ssl, fd);
		}
		if (peer->ssl == NULL || SSL_accept(peer->ssl) == 1)
			server->script(peer);
		if (peer->ssl != NULL)
			SSL_shutdown(peer->ssl);
		SSL_free(peer->ssl);
		free(peer);
	}
}

static void *
server_main(void *argument)
{
	PeerServer *server = argument;

	while (!server->stopping)
	{
		int			fd = accept(server->listener, NULL, NULL);

		if (fd < 0)
			break;
		server->active = fd;
		server->connections++;
		if (!server->stopping)
			serve(server, fd);
		server->active = -1;
		close(fd);
	}
	return NULL;
}

PeerServer *
peer_start_at(PeerScript script, const char *address, int port,
			  const char *cert, const char *key)
{
	PeerServer *server = calloc(1, sizeof(*server));
	struct sockaddr_storage where;
	struct sockaddr_in *v4 = (struct sockaddr_in *) &where;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &where;
	socklen_t	size = sizeof(where);
	int			on = 1;

	if (server == NULL)
		bail_out("out of memory");
	memset(&where, 0, sizeof(where));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
	{
		where.ss_family = AF_INET;
		v4->sin_port = htons((uint16_t) port);
	}
	else
	{
		inet_pton(AF_INET6, address, &v6->sin6_addr);
		where.ss_family = AF_INET6;
		v6->sin6_port = htons((uint16_t) port);
	}
	server->script = script;
	server->address = address;
	server->active = -1;
	if (cert != NULL)
	{
		server->tls = SSL_CTX_new(TLS_server_method());
		if (SSL_CTX_use_certificate_chain_file(server->tls, cert) != 1 ||
			SSL_CTX_use_PrivateKey_file(server->tls, key,
										SSL_FILETYPE_PEM) != 1)
			bail_out("cannot use certificate %s", cert);
	}
	server->listener = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server->listener, (struct sockaddr *) &where, size) != 0 ||
		listen(server->listener, 16) != 0)
		bail_out("cannot listen on %s: %s", address, strerror(errno));
	getsockname(server->listener, (struct sockaddr *) &where, &size);
	server->port = ntohs(where.ss_family == AF_INET ? v4->sin_port :
						 v6->sin6_port);
	if (pthread_create(&server->thread, NULL, server_main, server) != 0)
		bail_out("cannot start a thread");
	return server;
}

PeerServer *
peer_start(PeerScript script)
{
	return peer_start_at(script, "127.0.0.1", 0, NULL, NULL);
}

/* ---------- certificates ---------- */

static char folder[64];

void
certificates_make(void)
{
	char		command[128];

	snprintf(folder, sizeof(folder), "/tmp/wire_test_XXXXXX");
	if (mkdtemp(folder) == NULL)
		bail_out("cannot make a folder: %s", strerror(errno));
	snprintf(command, sizeof(command), "sh test/simulator/make-ca.sh %s",
			 folder);
	if (system(command) != 0)
		bail_out("cannot make certificates");
}

void
certificates_remove(void)
{
	char		command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command) != 0)
		bail_out("cannot remove %s", folder);
}

/* In one of some static buffers. */
const char *
certificate(const char *file)
{
	static char paths[4][128];
	static int	next;
	char	   *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
	return path;
}

PeerServer *
peer_start_tls(PeerScript script, const char *name, const char *address)
{
	char		key[64];
	char		cert[64];

	snprintf(cert, sizeof(cert), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return peer_start_at(script, address, 0, certificate(cert),
						 certificate(key));
}

/* The script, if one is running, finds its connection gone. */
void
peer_stop(PeerServer *server)
{
	int			fd;

	server->stopping = true;
	shutdown(server->listener, SHUT_RDWR);
	fd = server->active;
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->tls);
	free(server);
}

int
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

/* ---------- saying a text ---------- */

PeerHow		peer_how;
static const char *saying;

static void
script_say(Peer *peer)
{
	size_t		length = strlen(saying);
	size_t		step = peer_how.step == 0 ? length : peer_how.step;

	if (!peer_request(peer))
		return;
	if (peer_how.resets)
		peer_reset(peer);
	for (size_t at = 0; at < length; at += step)
		peer_write(peer, saying + at, length - at < step ? length - at : step);
	if (peer_how.stays)
		peer_drain(peer);
	if (peer_how.resets)
		usleep(50000);			/* or what was said is lost */
}

PeerServer *
peer_says(const char *text)
{
	saying = text;
	memset(&peer_how, 0, sizeof(peer_how));
	return peer_start(script_say);
}

/* In a static buffer. */
static char *
url_of(const PeerServer *server, const char *scheme, const char *rest)
{
	static char url[512];
	bool		v6 = strchr(server->address, ':') != NULL;

	snprintf(url, sizeof(url), "%s%s://%s%s%s:%d%s", scheme,
			 server->tls == NULL ? "" : "s", v6 ? "[" : "", server->address,
			 v6 ? "]" : "", server->port, rest);
	return url;
}

char *
peer_url(const PeerServer *server, const char *rest)
{
	return url_of(server, "ws", rest);
}

char *
peer_http_url(const PeerServer *server, const char *rest)
{
	return url_of(server, "http", rest);
}
