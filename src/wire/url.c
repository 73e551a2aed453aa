/*-------------------------------------------------------------------------
 *
 * url.c
 *	  Taking URLs apart, strictly.
 *
 * libwebsockets has its own parser, but it asserts and truncates; what reaches
 * it from here is within its limits.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_internal.h"

/* Limits of libwebsockets 4.1: longer ones are cut or rejected late. */
#define HOST_MAX 110
#define PATH_MAX_BYTES 2000

static bool
refuse(char reason[CS_WIRE_REASON_MAX], const char *what)
{
	snprintf(reason, CS_WIRE_REASON_MAX, "%s", what);
	return false;
}

/* Split "host:port", "[v6]:port" and the like; *end is behind it. */
static bool
parse_authority(const char *text, size_t length, CsUrl *parsed,
				char reason[CS_WIRE_REASON_MAX])
{
	const char *host = text;
	const char *host_end;
	const char *end = text + length;
	const char *port = NULL;

	if (memchr(text, '@', length) != NULL)
		return refuse(reason, "a URL must not contain a user name or password");
	if (length > 0 && *text == '[')
	{
		host = text + 1;
		host_end = memchr(host, ']', (size_t) (end - host));
		if (host_end == NULL)
			return refuse(reason, "the \"[\" of the URL's host has no \"]\"");
		if (host_end + 1 < end)
		{
			if (host_end[1] != ':')
				return refuse(reason, "the URL has something other than a port behind its host");
			port = host_end + 2;
		}
	}
	else
	{
		host_end = memchr(text, ':', length);
		if (host_end != NULL)
			port = host_end + 1;
		else
			host_end = end;
	}
	if (host_end == host)
		return refuse(reason, "the URL has no host");
	if (host_end - host > HOST_MAX)
		return refuse(reason, "the URL's host is longer than 110 bytes");
	snprintf(parsed->host, sizeof(parsed->host), "%.*s", (int) (host_end - host), host);
	snprintf(parsed->authority, sizeof(parsed->authority), "%.*s", (int) length, text);

	parsed->port = parsed->secure ? 443 : 80;
	if (port != NULL)
	{
		char	   *port_end;
		long		number = strtol(port, &port_end, 10);

		if (port == end || !isdigit((unsigned char) *port) || port_end != end ||
			number < 1 || number > 65535)
			return refuse(reason, "the URL's port is not a number from 1 to 65535");
		parsed->port = (int) number;
	}
	return true;
}

bool
cs_url_parse(const char *url, CsUrl *parsed, char reason[CS_WIRE_REASON_MAX])
{
	const char *rest = strstr(url, "://");
	size_t		authority;
	size_t		path;

	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char) *p <= ' ' || *p == 0x7f)
			return refuse(reason, "the URL contains a blank or control character");
	if (rest == NULL)
		return refuse(reason, "the URL has no scheme such as \"wss://\"");
	parsed->secure = strncmp(url, "wss:", 4) == 0 || strncmp(url, "https:", 6) == 0;
	rest += 3;
	authority = strcspn(rest, "/?#");
	if (!parse_authority(rest, authority, parsed, reason))
		return false;

	rest += authority;
	path = strcspn(rest, "#");
	if (path > PATH_MAX_BYTES)
		return refuse(reason, "the URL's path and query are longer than 2000 bytes");
	snprintf(parsed->path, sizeof(parsed->path), "%s%.*s",
			 *rest == '/' ? "" : "/", (int) path, rest);
	return true;
}

bool
cs_url_check(const char *url, const char *const *schemes,
			 char reason[CS_WIRE_REASON_MAX])
{
	CsUrl		parsed;
	size_t		length = strcspn(url, ":");

	for (; *schemes != NULL; schemes++)
		if (strlen(*schemes) == length && strncmp(url, *schemes, length) == 0)
			return cs_url_parse(url, &parsed, reason);
	return refuse(reason, "the URL's scheme is not one that is spoken here");
}
