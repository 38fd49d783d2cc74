/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handshake messages: put together from the content of records, and what weft wants of each
 * (RFC 8446 4, RFC 5246 7.4, RFC 6066 3, RFC 7301, RFC 8879). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum tls_message {
	TLS_CLIENT_HELLO = 1,
	TLS_SERVER_HELLO = 2,
	TLS_END_OF_EARLY_DATA = 5,
	TLS_ENCRYPTED_EXTENSIONS = 8,
	TLS_CERTIFICATE = 11,
	TLS_CERTIFICATE_REQUEST = 13,
	TLS_SERVER_HELLO_DONE = 14,
	TLS_FINISHED = 20,
	TLS_KEY_UPDATE = 24,
	TLS_COMPRESSED_CERTIFICATE = 25,
};

/* Of a longer message only the head is kept: enough for the first certificate of a chain. */
#define TLS_MAX_MESSAGE_BYTES 16384

struct tls_gathered;

/* Puts messages of one direction together. Zero is the start. */
struct tls_messages {
	uint8_t head[4];
	uint8_t head_bytes;
	uint32_t taken_bytes; /* of the body, gaps included */
	struct tls_gathered *gathered;
};

/* |body|: the part of the message before the first hole or bound; |complete|: that is all of it.
 * Bodies are given of hellos, EncryptedExtensions and certificates only. */
typedef void tls_message_fn(void *arg, uint8_t type, struct slice body, bool complete);

/* The next |content| of the direction's handshake stream (data NULL: a gap). Returns 0, -EPIPE when
 * a gap covers the head of a message, -ENOMEM. */
int tls_messages_feed(struct tls_messages *m, struct slice content, tls_message_fn *message,
		      void *arg);
void tls_messages_release(struct tls_messages *m);

struct tls_client_hello {
	const uint8_t *random; /* 32 bytes */
	struct slice sni;      /* empty: none */
	bool early_data;
};

struct tls_server_hello {
	const uint8_t *random;
	uint16_t version; /* negotiated */
	uint16_t cipher_suite;
	bool retry; /* HelloRetryRequest */
	bool psk;   /* TLS 1.3 resumption (or an external key) */
	struct slice alpn;
};

struct tls_encrypted_extensions {
	struct slice alpn;
	bool early_data;
};

/* Results are borrowed from |body|. Each returns 0 or -EBADMSG. */
int tls_client_hello_parse(struct slice body, struct tls_client_hello *ret);
int tls_server_hello_parse(struct slice body, struct tls_server_hello *ret);
int tls_encrypted_extensions_parse(struct slice body, struct tls_encrypted_extensions *ret);

/* The first certificate (DER) of a Certificate message whose end may be missing; empty when the
 * chain is empty. */
int tls_certificate_parse(struct slice body, bool tls13, struct slice *ret_der);
