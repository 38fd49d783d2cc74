/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two ends of a test session are configured with: keys, certificates, contexts. For tests
 * only. */
#pragma once

#include <assert.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *session_key(bool rsa)
{
	return rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

static inline X509 *session_certificate(EVP_PKEY *key, const char *name, const char *san)
{
	X509 *x = X509_new();
	X509_EXTENSION *alternatives = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set(X509_getm_notBefore(x), 1000000000);
	ASN1_TIME_set(X509_getm_notAfter(x), 4000000000);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_add_ext(x, alternatives, -1);
	X509_EXTENSION_free(alternatives);
	assert(X509_sign(x, key, EVP_sha256()));
	return x;
}

static int session_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
			       const unsigned char *in, unsigned in_bytes, void *arg)
{
	(void)ssl, (void)arg, (void)in_bytes;
	*out = in + 1;
	*out_bytes = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static inline int session_trust(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

/* A context for one end: |version| and |suite| (OpenSSL's name) alone, key log on. */
static inline SSL_CTX *session_context(bool server, int version, const char *suite, EVP_PKEY *key,
				       X509 *certificate)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	SSL_CTX_set_min_proto_version(c, version);
	SSL_CTX_set_max_proto_version(c, version);
	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_dh_auto(c, 1);
#ifdef SSL_OP_NO_TX_CERTIFICATE_COMPRESSION /* RFC 8879, which we do not read */
	SSL_CTX_set_options(c, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION |
				       SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
	if (version == TLS1_3_VERSION)
		assert(SSL_CTX_set_ciphersuites(c, suite));
	else
		assert(SSL_CTX_set_cipher_list(c, suite));
	if (certificate)
		assert(SSL_CTX_use_certificate(c, certificate) && SSL_CTX_use_PrivateKey(c, key));
	SSL_CTX_set_session_id_context(c, (const unsigned char *)"weft", 4);
	SSL_CTX_set_alpn_select_cb(c, server ? session_select_alpn : NULL, NULL);
	return c;
}
