/*-------------------------------------------------------------------------
 *
 * tls.c
 *	  Whom to trust, and why somebody was not trusted.
 *
 * libwebsockets drives the handshake, but on an SSL_CTX of ours: its own has
 * a relative directory among the places where it looks for authorities, and
 * tells the reason of a failure to nobody but its log.  Here the reason is
 * noted in the connection while OpenSSL still knows it.
 *
 * The names in a certificate are checked by OpenSSL against the host of the
 * URL.  libwebsockets cuts that at the first colon, so for an IPv6 address
 * the check is made here instead.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/internal.h"

/* Where distributions keep their bundle of authorities. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
	NULL
};

static CsConnection *
connection_of(const SSL *ssl)
{
	CsWire	   *wire = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int			fd = SSL_get_fd(ssl);

	for (CsConnection *c = wire->connections; c != NULL; c = c->next)
	{
		if (c->wsi != NULL && lws_get_socket_fd(c->wsi) == fd)
			return c;
	}
	return NULL;
}

/* OpenSSL tells what it does; a failure is noted in the connection. */
static void
observe(const SSL *ssl, int where, int ret)
{
	CsConnection *connection = connection_of(ssl);

	if (connection == NULL)
		return;
	if ((where & SSL_CB_HANDSHAKE_START) && connection->url.literal)
	{
		/* An address is no server name; some servers hang up on one. */
		SSL_set_tlsext_host_name((SSL *) (uintptr_t) ssl, NULL);
	}
	if (where & SSL_CB_HANDSHAKE_DONE)
		connection->tls_done = true;
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT &&
		(ret >> 8) == SSL3_AL_FATAL)
		connection->tls_alert = ret & 0xFF;
	if ((where & SSL_CB_EXIT) && ret <= 0 && ERR_peek_error() != 0)
		connection->tls_error = ERR_peek_error();
}

/*
 * The SSL_CTX of a wire, without authorities yet; NULL if OpenSSL refuses.
 */
SSL_CTX *
cs_tls_create(CsWire *wire)
{
	SSL_CTX    *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		return NULL;
	SSL_CTX_set_app_data(context, (char *) wire);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_info_callback(context, observe);
	return context;
}

/*
 * Read the authorities, when the first connection needs them.  Returns false,
 * with the reason, if there are none.
 */
bool
cs_tls_load(CsWire *wire, char reason[CS_WIRE_REASON_MAX])
{
	const char *file = wire->tls_ca;

	if (wire->tls_loaded)
		return true;
	for (int i = 0; file == NULL && bundles[i] != NULL; i++)
	{
		if (access(bundles[i], R_OK) == 0)
			file = bundles[i];
	}
	if (file == NULL)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "no certificate authorities are installed on this system"
				 " (package ca-certificates)");
		return false;
	}
	if (*file != '/')
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "the file of certificate authorities must have an absolute"
				 " path");
		return false;
	}
	if (access(file, R_OK) != 0)
	{
		snprintf(reason, CS_WIRE_REASON_MAX,
				 "could not read certificate authorities from \"%.150s\": %s",
				 file, strerror(errno));
		return false;
	}
	ERR_clear_error();
	if (SSL_CTX_load_verify_locations(wire->tls, file, NULL) != 1)
	{
		const char *problem = ERR_reason_error_string(ERR_peek_last_error());

		snprintf(reason, CS_WIRE_REASON_MAX,
				 "could not use the certificate authorities in \"%.150s\": %s",
				 file, problem == NULL ? "not a PEM file" : problem);
		ERR_clear_error();
		return false;
	}
	ERR_clear_error();
	wire->tls_loaded = true;
	return true;
}

/*
 * Called for each certificate of the peer's chain.  Returns 0 to go on with
 * what OpenSSL found (or with what is set here instead), 1 to refuse.
 */
int
cs_tls_verify(CsConnection *connection, X509_STORE_CTX *store,
			  int preverify_ok)
{
	if (connection->tls_insecure)
	{
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 0;
	}
	if (!preverify_ok)
	{
		connection->verify_error = X509_STORE_CTX_get_error(store);
		return 1;
	}
	if (connection->url.ipv6 && X509_STORE_CTX_get_error_depth(store) == 0 &&
		X509_check_ip_asc(X509_STORE_CTX_get0_cert(store),
						  connection->url.host, 0) != 1)
	{
		connection->verify_error = X509_V_ERR_IP_ADDRESS_MISMATCH;
		X509_STORE_CTX_set_error(store, X509_V_ERR_IP_ADDRESS_MISMATCH);
		return 1;
	}
	return 0;
}

/*
 * Why the handshake failed, as far as it is known; an empty text if not.
 */
void
cs_tls_explain(const CsConnection *connection, char *text, size_t size)
{
	const char *words;

	text[0] = '\0';
	switch (connection->verify_error)
	{
		case X509_V_OK:
			break;
		case X509_V_ERR_HOSTNAME_MISMATCH:
		case X509_V_ERR_IP_ADDRESS_MISMATCH:
			snprintf(text, size,
					 "host name mismatch: the certificate is not for \"%s\"",
					 connection->url.host);
			return;
		case X509_V_ERR_CERT_HAS_EXPIRED:
			snprintf(text, size, "certificate not trusted: it has expired");
			return;
		case X509_V_ERR_CERT_NOT_YET_VALID:
			snprintf(text, size,
					 "certificate not trusted: it is not valid yet");
			return;
		default:
			snprintf(text, size, "certificate not trusted: %s",
					 X509_verify_cert_error_string(connection->verify_error));
			return;
	}
	if (connection->tls_alert >= 0)
	{
		snprintf(text, size, "the server refused it (%s)",
				 SSL_alert_desc_string_long(connection->tls_alert));
		return;
	}
	words = ERR_reason_error_string(connection->tls_error);
	if (connection->tls_error != 0 && words != NULL)
		snprintf(text, size, "%s", words);
}
