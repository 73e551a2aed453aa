/*-------------------------------------------------------------------------
 *
 * check_text.c
 *	  Checks of URLs and tokens before anything is done with them.
 *
 * They end up in requests: what could break out of its place there (control
 * characters, spaces), is too long for the transport, or would put a secret
 * where everybody can read it, is refused when it is written down and not
 * when a worker trips over it.  No message repeats the text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "server/check.h"
#include "server/compat.h"

/* The longest the transport takes. */
#define URL_MAX 2000
#define HOST_MAX 110
#define TOKEN_MAX 4000

CS_NORETURN static void refuse_url(const char *why);
CS_NORETURN static void refuse_token(const char *why);

static void
refuse_url(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid URL: %s", why)));
}

/* Is every character printable ASCII and no space? */
static bool
is_graphic(const char *text)
{
	for (; *text; text++)
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	return true;
}

/* The scheme; returns what follows "://". */
static const char *
check_scheme(const CsProvider *provider, const CsTransportKind *transport,
			 const char *url)
{
	const char *end = strstr(url, "://");
	StringInfoData names;

	if (end == NULL)
		refuse_url("it has no scheme");
	initStringInfo(&names);
	for (const char *const *scheme = transport->schemes; *scheme; scheme++)
	{
		if (strlen(*scheme) == (size_t) (end - url) &&
			strncmp(*scheme, url, end - url) == 0)
			return end + 3;
		appendStringInfo(&names, "%s%s://", names.len > 0 ? ", " : "", *scheme);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid URL: provider \"%s\" does not speak its scheme",
					provider->name),
			 errhint("A URL for its transport \"%s\" begins with: %s.",
					 transport->name, names.data)));
	return NULL;				/* keep the compiler quiet */
}

static void
check_port(const char *port, size_t length)
{
	long		number = 0;

	if (length == 0 || length > 5)
		refuse_url("its port is not a number from 1 to 65535");
	for (size_t i = 0; i < length; i++)
	{
		if (!isdigit((unsigned char) port[i]))
			refuse_url("its port is not a number from 1 to 65535");
		number = number * 10 + (port[i] - '0');
	}
	if (number < 1 || number > 65535)
		refuse_url("its port is not a number from 1 to 65535");
}

/* Length of the host at the beginning of host[:port]. */
static size_t
check_host(const char *authority, size_t length)
{
	size_t		host;

	if (length > 0 && authority[0] == '[')
	{
		host = strcspn(authority, "]") + 1;
		if (host > length)
			refuse_url("a bracket is not closed");
		if (host < 4 ||
			strspn(authority + 1, "0123456789abcdefABCDEF:.") != host - 2)
			refuse_url("there is no IPv6 address between the brackets");
		if (host < length && authority[host] != ':')
			refuse_url("something follows the closing bracket");
		return host;
	}
	host = strcspn(authority, ":/?#");
	if (host == 0)
		refuse_url("it has no host");
	for (size_t i = 0; i < host; i++)
		if (!isalnum((unsigned char) authority[i]) &&
			strchr("-._", authority[i]) == NULL)
			refuse_url("its host has a character that names do not have");
	return host;
}

void
cs_check_url(const CsProvider *provider, const CsTransportKind *transport,
			 const char *url)
{
	const char *authority;
	size_t		length;
	size_t		host;

	if (strlen(url) > URL_MAX)
		refuse_url("it is longer than 2000 characters");
	if (!is_graphic(url))
		refuse_url("it has a space, a control character or one outside ASCII");
	authority = check_scheme(provider, transport, url);
	length = strcspn(authority, "/?#");
	if (memchr(authority, '@', length) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid URL: it has a user name or password"),
				 errhint("Everybody who may read the sources would see it. Set it as the token of the source.")));
	host = check_host(authority, length);
	if (host > HOST_MAX)
		refuse_url("its host is longer than 110 characters");
	if (host < length)
		check_port(authority + host + 1, length - host - 1);
	if (strchr(authority, '#') != NULL)
		refuse_url("it has a fragment");
}

static void
refuse_token(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid token: %s", why)));
}

/*
 * Who may add a source chooses where its token is sent, and must not be able
 * to send himself the rest of the server's environment.
 */
static void
check_variable(const char *name)
{
	size_t		length = strlen(name);

	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != length)
		refuse_token("env: is not followed by the name of a variable");
	if (strncmp(name, "CHAINSTREAM_", 12) != 0 || length == 12)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("this environment variable may not be used as a token"),
				 errhint("Only variables whose names begin with CHAINSTREAM_ may.")));
}

static void
check_file_name(const char *name)
{
	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL ||
		strstr(name, "..") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid token: file: is not followed by a plain file name"),
				 errhint("Name a file in chainstream.secrets_directory, without its path.")));
}

void
cs_check_token(const char *token)
{
	if (*token == '\0')
		refuse_token("it is empty");
	if (strlen(token) > TOKEN_MAX)
		refuse_token("it is longer than 4000 characters");
	if (!is_graphic(token))
		refuse_token("it has a space, a control character or one outside ASCII");
	if (strncmp(token, "env:", 4) == 0)
		check_variable(token + 4);
	else if (strncmp(token, "file:", 5) == 0)
		check_file_name(token + 5);
}
