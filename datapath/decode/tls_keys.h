/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a secret of the handshake to the keys of a direction (RFC 8446 7.1-7.3, RFC 5246 6.3). */
#pragma once

#include "datapath/decode/tls_cipher.h"

#define TLS_MAX_SECRET_BYTES 48 /* of those that are used: SHA-384 */
#define TLS_MASTER_BYTES     48

/* Size of a traffic secret of this suite (its hash's). */
size_t tls_suite_secret_bytes(const struct tls_suite *suite);

/* TLS 1.3: key and IV of a traffic secret (tls_suite_secret_bytes long). The suite must have an
 * AEAD. Returns 0 or -ENOMEM. */
int tls_keys_from_traffic(const struct tls_suite *suite, const uint8_t *secret,
			  struct tls_keys *ret);

/* TLS 1.3: replaces a traffic secret by the one that follows a KeyUpdate. Returns 0 or -ENOMEM. */
int tls_secret_update(const struct tls_suite *suite, uint8_t *secret);

/* TLS 1.2: keys of both directions (client's, server's) from the master secret. Returns 0 or
 * -ENOMEM. */
int tls_keys_from_master(const struct tls_suite *suite, const uint8_t master[TLS_MASTER_BYTES],
			 const uint8_t client_random[32], const uint8_t server_random[32],
			 struct tls_keys ret[2]);
