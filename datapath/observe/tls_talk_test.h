/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who talks in the tests of TLS: identities, options and a conversation. For tests only. */
#pragma once

#include "datapath/observe/tls_reader_test.h"

struct suite {
	int version;
	const char *name;
	uint16_t number;
	bool rsa;
};

enum option { CLIENT_CERTIFICATE = 1, KEY_UPDATE = 2, ALPN = 4, PROBE_SERVER = 8, OPTION_MAX = 16 };

static struct {
	EVP_PKEY *key[2];
	X509 *certificate[2]; /* EC, RSA */
	X509 *client;
} identity;

static inline struct secrets *store_new(void)
{
	struct secrets *store = secrets_new(4096, 42);

	assert_non_null(store);
	return store;
}

static inline void contexts_new(const struct suite *suite, unsigned options, SSL_CTX *ret[2])
{
	bool own = options & CLIENT_CERTIFICATE;

	ret[TLS_CLIENT] =
		session_context(false, suite->version, suite->name, own ? identity.key[0] : NULL,
				own ? identity.client : NULL);
	ret[TLS_SERVER] =
		session_context(true, suite->version, suite->name, identity.key[suite->rsa],
				identity.certificate[suite->rsa]);
	if (own)
		SSL_CTX_set_verify(ret[TLS_SERVER],
				   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   session_trust);
	if (options & ALPN)
		SSL_CTX_set_alpn_protos(ret[TLS_CLIENT],
					(const unsigned char *)"\x02h2\x08http/1.1", 12);
}

static inline void contexts_free(SSL_CTX *contexts[2])
{
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
}

/* Requests and answers, small and large, with KeyUpdates in between; both ends say goodbye. */
static inline void session_talk(struct session *s, unsigned options)
{
	static const size_t sizes[2][5] = {{1, 300, 3000, 70, 6000}, {1, 300, 16384, 70, 40000}};
	const size_t *size =
		sizes[!!(options & PROBE_SERVER)]; /* small: all of it may wait; else heads of it */
	uint8_t data[40016];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	for (size_t i = 0; i < 5; i++) {
		session_write(s, TLS_CLIENT, data + i, size[i]);
		if (options & KEY_UPDATE)
			SSL_key_update(s->ends[i % 2], i < 3 ? SSL_KEY_UPDATE_REQUESTED
							     : SSL_KEY_UPDATE_NOT_REQUESTED);
		session_write(s, TLS_SERVER, data + 2 * i, size[4 - i]);
	}
	for (int side = 0; side < 2; side++) {
		SSL_shutdown(s->ends[side]);
		session_carry(s, (enum tls_side)side);
	}
}

static inline struct session *session_run(SSL_CTX *contexts[2], unsigned options,
					  SSL_SESSION **resume)
{
	struct session *s =
		session_new(contexts[TLS_CLIENT], contexts[TLS_SERVER], options & PROBE_SERVER, 1);

	if (*resume)
		SSL_set_session(s->ends[TLS_CLIENT], *resume);
	while (!session_shake(s))
		;
	session_talk(s, options);
	SSL_SESSION_free(*resume);
	*resume = SSL_get1_session(s->ends[TLS_CLIENT]);
	return s;
}

static inline void identity_make(void)
{
	for (int rsa = 0; rsa < 2; rsa++) {
		identity.key[rsa] = session_key(rsa);
		identity.certificate[rsa] =
			session_certificate(identity.key[rsa], "shop",
					    "DNS:shop.example,URI:spiffe://mesh/ns/a/sa/shop");
	}
	identity.client = session_certificate(identity.key[0], "client", "URI:spiffe://mesh/c");
}
