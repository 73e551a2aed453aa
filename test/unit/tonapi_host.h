/*-------------------------------------------------------------------------
 *
 * tonapi_host.h
 *	  A host for the sessions of the TonAPI provider: what is wished, what
 *	  time it is and what the server says go in; requests, links and states
 *	  come out, as lines of text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TONAPI_HOST_H
#define TONAPI_HOST_H

#include "host.h"

/* Accounts of the samples. */
#define CONFIG \
	"-1:5555555555555555555555555555555555555555555555555555555555555555"
#define ELECTOR \
	"-1:3333333333333333333333333333333333333333333333333333333333333333"
#define TOLYA \
	"0:9DA971AF38D2F03ABDF308D5F91636A97E5A2B07A66C39D71D7CBAE3B032EDDC"

#define HASH "e58cd7ffbbe68332d6ea082c5e91da3e88568c3891bccf552d3f8b4659d5c8ea"
#define WALLET \
	"0:5C6A0DADAF3BB47D408349D06152C3D14CB3A18810E0C29A1287857A677ADE70"

/* The address whose hash is this number; overwritten by the next. */
extern const char *tonapi_numbered(int number);

/* A session over this transport, with a printer of its requests. */
extern Host tonapi_start(const char *transport, const char *options,
						 const char *token);

/* A request, as the host prints it. */
extern void tonapi_print_request(FILE *file, CsText text);

/* The server answers a request, on link 0 or another. */
extern void tonapi_reply(Host *host, int id, const char *result);
extern void tonapi_reply_on(Host *host, int link, int id, const char *result);

#endif							/* TONAPI_HOST_H */
