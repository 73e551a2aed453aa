/*-------------------------------------------------------------------------
 *
 * url.c
 *	  Reading and checking URLs and request headers.
 *
 * Everything that goes into a handshake passes here first: libwebsockets
 * writes host, path and headers into fixed buffers and trusts them to hold no
 * line ends.  Nothing is decoded or normalized; what cannot be sent as it
 * stands is refused, with a reason that does not repeat the query string,
 * because that is where people put their keys.
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/internal.h"

static const struct
{
	const char *name;
	int			port;
	bool		tls;
}			known_schemes[] = {
	{"ws", 80, false},
	{"wss", 443, true},
	{"http", 80, false},
	{"https", 443, true},
};

/* Headers that the handshake itself writes. */
static const char *const own_headers[] = {
	"host", "connection", "upgrade", "content-length", "transfer-encoding",
	"origin", NULL
};

static bool
refuse(char *reason, const char *text)
{
	snprintf(reason, CS_WIRE_REASON_MAX, "%s", text);
	return false;
}

/* Length of the run of characters at *text* that is in *set* or alphanumeric. */
static size_t
span(const char *text, const char *set)
{
	size_t		length = 0;

	while (text[length] != '\0' &&
		   (isalnum((unsigned char) text[length]) ||
			strchr(set, text[length]) != NULL))
		length++;
	return length;
}

/* Say which schemes would do. */
static bool
refuse_scheme(char *reason, const char *const *schemes)
{
	size_t		length;

	length = (size_t) snprintf(reason, CS_WIRE_REASON_MAX, "must begin with ");
	for (int i = 0; schemes[i] != NULL && length < CS_WIRE_REASON_MAX; i++)
		length += (size_t) snprintf(reason + length,
									CS_WIRE_REASON_MAX - length, "%s%s://",
									i == 0 ? "" : " or ", schemes[i]);
	return false;
}

/* The scheme: sets tls and the default port.  Returns what follows "://". */
static const char *
parse_scheme(const char *text, const char *const *schemes, CsUrl *url)
{
	const char *end = strstr(text, "://");
	size_t		length = end == NULL ? 0 : (size_t) (end - text);

	for (int i = 0; end != NULL && schemes[i] != NULL; i++)
	{
		if (strlen(schemes[i]) != length ||
			strncasecmp(schemes[i], text, length) != 0)
			continue;
		for (size_t k = 0; k < sizeof(known_schemes) / sizeof(*known_schemes); k++)
		{
			if (strcasecmp(known_schemes[k].name, schemes[i]) != 0)
				continue;
			url->port = known_schemes[k].port;
			url->tls = known_schemes[k].tls;
			return end + 3;
		}
	}
	return NULL;
}

/* The host: a name, an IPv4 address, or an IPv6 address in brackets. */
static const char *
parse_host(const char *text, CsUrl *url, char *reason)
{
	unsigned char binary[16];
	size_t		length;

	/* An @ further on is fine, in a path. */
	if (memchr(text, '@', strcspn(text, "/?#")) != NULL)
	{
		refuse(reason, "must not hold a user name or password");
		return NULL;
	}
	if (*text == '[')
	{
		length = strcspn(++text, "]");
		if (text[length] != ']' || length > CS_HOST_MAX)
		{
			refuse(reason, "has a malformed IPv6 address");
			return NULL;
		}
		memcpy(url->host, text, length);
		if (inet_pton(AF_INET6, url->host, binary) != 1)
		{
			refuse(reason, "has a malformed IPv6 address");
			return NULL;
		}
		url->literal = url->ipv6 = true;
		return text + length + 1;
	}

	length = span(text, "-._");
	if (length == 0)
	{
		refuse(reason, "has no host name");
		return NULL;
	}
	if (length > CS_HOST_MAX)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "has a host name longer than %d characters", CS_HOST_MAX);
		return NULL;
	}
	memcpy(url->host, text, length);
	url->literal = inet_pton(AF_INET, url->host, binary) == 1;
	return text + length;
}

/* An optional port, and nothing else before the path. */
static const char *
parse_port(const char *text, CsUrl *url, char *reason)
{
	long		port = 0;

	if (*text == ':')
	{
		for (text++; isdigit((unsigned char) *text) && port <= 65535; text++)
			port = port * 10 + (*text - '0');
		if (port < 1 || port > 65535)
		{
			refuse(reason, "has a port that is not between 1 and 65535");
			return NULL;
		}
		url->port = (int) port;
	}
	if (*text != '\0' && strchr("/?#", *text) == NULL)
	{
		refuse(reason, "has a character in its host name that is not allowed");
		return NULL;
	}
	return text;
}

/* Path and query, verbatim. */
static bool
parse_path(const char *text, CsUrl *url, char *reason)
{
	size_t		length = strlen(text);
	size_t		slash = *text == '/' ? 0 : 1;

	if (strchr(text, '#') != NULL)
		return refuse(reason, "must not hold a fragment (#)");
	if (length + slash > CS_PATH_MAX)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "has a path and query longer than %d bytes", CS_PATH_MAX);
		return false;
	}
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c <= ' ' || *c > '~')
			return refuse(reason, "has a space, a control character or a"
						  " non-ASCII character, which must be"
						  " percent-encoded");
	}
	url->path[0] = '/';
	memcpy(url->path + slash, text, length + 1);
	url->query = strchr(url->path, '?');
	return true;
}

/*
 * Take a URL apart.  Returns false, with what is wrong in *reason* (a clause
 * whose subject is the URL), if it cannot be used.  *url->query* points into
 * *url*: do not copy the struct.
 */
bool
cs_url_parse(const char *text, const char *const *schemes, CsUrl *url,
			 char reason[CS_WIRE_REASON_MAX])
{
	int			standard;
	bool		brackets;

	memset(url, 0, sizeof(*url));
	reason[0] = '\0';
	for (const char *c = text; *c != '\0'; c++)
	{
		if (iscntrl((unsigned char) *c))
			return refuse(reason, "has a control character");
	}
	text = parse_scheme(text, schemes, url);
	if (text == NULL)
		return refuse_scheme(reason, schemes);
	standard = url->port;
	text = parse_host(text, url, reason);
	if (text == NULL)
		return false;
	text = parse_port(text, url, reason);
	if (text == NULL)
		return false;
	brackets = url->ipv6;
	snprintf(url->authority, sizeof(url->authority), "%s%s%s",
			 brackets ? "[" : "", url->host, brackets ? "]" : "");
	if (url->port != standard)
		snprintf(url->authority + strlen(url->authority),
				 sizeof(url->authority) - strlen(url->authority), ":%d",
				 url->port);
	return parse_path(text, url, reason);
}

/*
 * Check a URL without connecting; see wire.h.
 */
bool
cs_url_check(const char *url, const char *const *schemes,
			 char reason[CS_WIRE_REASON_MAX])
{
	CsUrl		parsed;

	return cs_url_parse(url, schemes, &parsed, reason);
}

/*
 * Check request headers: names are tokens and not ours to write, values hold
 * no control character, and all of them fit.  *reason* never repeats a value.
 */
bool
cs_headers_check(const CsHeader *headers, int count,
				 char reason[CS_WIRE_REASON_MAX])
{
	size_t		total = 0;

	reason[0] = '\0';
	for (int i = 0; i < count; i++)
	{
		const char *name = headers[i].name;
		const char *value = headers[i].value;
		size_t		length = strlen(name);
		bool		own = strncasecmp(name, "sec-websocket-", 14) == 0;

		if (length == 0 || span(name, "!#$%&'*+-.^_`|~") != length)
			return refuse(reason, "a request header has a malformed name");
		for (int k = 0; own_headers[k] != NULL; k++)
			own = own || strcasecmp(name, own_headers[k]) == 0;
		if (own)
		{
			snprintf(reason, CS_WIRE_REASON_MAX,
					 "request header \"%.60s\" cannot be set", name);
			return false;
		}
		for (const char *c = value; *c != '\0'; c++)
		{
			if (!iscntrl((unsigned char) *c))
				continue;
			snprintf(reason, CS_WIRE_REASON_MAX,
					 "the value of request header \"%.60s\" has a control"
					 " character", name);
			return false;
		}
		total += length + strlen(value) + 4;
	}
	if (total > CS_HEADERS_MAX)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "the request headers are longer than %d bytes",
				 CS_HEADERS_MAX);
		return false;
	}
	return true;
}
