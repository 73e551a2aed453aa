/*-------------------------------------------------------------------------
 *
 * secrets.h
 *	  Tokens that are named rather than written down.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SECRETS_H
#define CS_SECRETS_H

/*
 * The secret that a stored token stands for: itself, or for env:NAME the
 * environment variable of the server, for file:NAME the contents of that file
 * in chainstream.secrets_directory, without the line end.  Allocated in the
 * current context; NULL for NULL.  Raises an error, which never holds the
 * secret, if it cannot be found.
 */
extern char *cs_resolve_token(const char *token);

#endif							/* CS_SECRETS_H */
