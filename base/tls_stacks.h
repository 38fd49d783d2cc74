/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TLS libraries whose secrets weft does not read. One table: the names are values of `tls_state`,
 * the texts are what `weft check` shows. */
#pragma once

#include <stdint.h>

#define TLS_STACKS(X)                                                                              \
	X(GO, "go", "Go", "no probe for its crypto/tls yet")                                       \
	X(JAVA, "java", "Java", "no probe for the TLS of its own classes")                         \
	X(RUSTLS, "rustls", "rustls", "no probe for this library yet")                             \
	X(OPENSSL_1, "openssl_1", "OpenSSL 1", "older than OpenSSL 3, has no EVP_KDF_derive")      \
	X(OPENSSL_STATIC, "openssl_static", "OpenSSL",                                             \
	  "linked into a file that does not export EVP_KDF_derive")                                \
	X(LIBRESSL, "libressl", "LibreSSL", "no probe for this library yet")                       \
	X(BORINGSSL, "boringssl", "BoringSSL", "no probe for this library yet")                    \
	X(AWS_LC, "aws_lc", "AWS-LC", "no probe for this library yet")                             \
	X(GNUTLS, "gnutls", "GnuTLS", "no probe for this library yet")                             \
	X(NSS, "nss", "NSS", "no probe for this library yet")                                      \
	X(MBEDTLS, "mbedtls", "Mbed TLS", "no probe for this library yet")                         \
	X(WOLFSSL, "wolfssl", "wolfSSL", "no probe for this library yet")                          \
	X(S2N, "s2n", "s2n", "no probe for this library yet")                                      \
	X(UNREAD, "unread", "one in a file that is not read",                                      \
	  "its file system may not answer: see above")

enum tls_stack {
	TLS_STACK_NONE,
#define X(name, ...) TLS_STACK_##name,
	TLS_STACKS(X)
#undef X
		TLS_STACK_MAX
};
/* A process: it was examined and has none of the table. */
#define TLS_STACK_OTHER TLS_STACK_MAX

/* The name as a value: "go". NULL for TLS_STACK_NONE and numbers outside of the table. */
const char *tls_stack_name(unsigned stack);
/* For display: "Go", and why its TLS is not decrypted. "" for what has no name. */
const char *tls_stack_shown(unsigned stack);
const char *tls_stack_reason(unsigned stack);

#define TLS_STACKS_IN_FILE    4 /* more are not distinguished */
#define TLS_STACK_VERSION_MAX 24

/* What is in one file. */
struct tls_stacks {
	struct {
		uint8_t stack;			     /* enum tls_stack */
		char version[TLS_STACK_VERSION_MAX]; /* "1.1.1w", truncated; "" = not known */
	} at[TLS_STACKS_IN_FILE];
	uint32_t count;
};
