/*-------------------------------------------------------------------------
 *
 * secrets.c
 *	  Tokens that are named rather than written down.
 *
 * The resolved text goes to the provider's session and into request headers;
 * it is never stored, logged, shown in a view or put into an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "server/guc.h"
#include "server/secrets.h"

/* Longest secret read from a file. */
#define SECRET_MAX 4096

static char *
read_secret_file(const char *name)
{
	char		path[MAXPGPATH];
	char		buffer[SECRET_MAX + 1];
	FILE	   *file;
	size_t		length;

	if (cs_guc_secrets_directory == NULL || *cs_guc_secrets_directory == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("token names a file, but chainstream.secrets_directory is not set"),
				 errhint("Set chainstream.secrets_directory to the directory that holds the file.")));
	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("token names no plain file name")));

	snprintf(path, sizeof(path), "%s/%s", cs_guc_secrets_directory, name);
	file = AllocateFile(path, "r");
	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open token file \"%s\": %m", path)));
	length = fread(buffer, 1, SECRET_MAX, file);
	FreeFile(file);
	while (length > 0 && isspace((unsigned char) buffer[length - 1]))
		length--;
	buffer[length] = '\0';
	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("token file \"%s\" is empty", path)));
	return pstrdup(buffer);
}

char *
cs_resolve_token(const char *token)
{
	const char *value;

	if (token == NULL)
		return NULL;
	if (strncmp(token, "file:", 5) == 0)
		return read_secret_file(token + 5);
	if (strncmp(token, "env:", 4) != 0)
		return pstrdup(token);

	/*
	 * Not any variable: who may add a source chooses where the token is sent,
	 * and must not be able to send himself the rest of the environment.
	 */
	if (strncmp(token + 4, "CHAINSTREAM_", 12) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("environment variable \"%s\" may not be used as a token", token + 4),
				 errhint("Only variables whose names begin with CHAINSTREAM_ may.")));
	value = getenv(token + 4);
	if (value == NULL || *value == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("environment variable \"%s\", named by the token, is not set in the server",
						token + 4)));
	return pstrdup(value);
}
