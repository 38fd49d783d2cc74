/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Secrets of handshakes, and how a TLS reader asks for those of its connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_contexts;

enum tls_side { TLS_CLIENT, TLS_SERVER }; /* who sends a direction */

/* Candidates tried per record before it waits. */
#define TLS_MAX_TRIALS 64

/* Keys that were derived of a secret for a trial, kept beside it so that the next
 * trial need not. */
struct tls_derived {
	uint16_t cipher_suite; /* 0 = empty */
	uint8_t key[32];
	uint8_t iv[12];
};

/* A secret as the handshake derived it; |id| is the caller's, to know which fitted: not 0, newer
 * ones have larger ids. */
struct tls_secret {
	uint64_t id;
	struct tls_derived *derived; /* room for the reader's own use, wiped by the owner with the
					secret; may be NULL */
	bool likely; /* by its client random or its origin it should be this connection's: comes
			first */
	uint64_t time_ns; /* when it was derived, on the clock of tls_feed; 0 = not known */
	uint16_t tls_version;
	uint8_t which;	/* WEFT_SECRET_* of bpf/abi.h */
	uint8_t digest; /* WEFT_DIGEST_* or 0 = take the cipher suite's */
	uint8_t secret_bytes;
	bool has_client_random;
	uint8_t secret[64];
	uint8_t client_random[32];
	uint8_t server_random[32];
};

/* Where secrets come from: the store of observe (recent secrets that no connection has claimed
 * yet). */
struct tls_secrets {
	void *arg;
	/* The |index|th candidate (0, 1, ...) for a connection with this client random: likely
	 * ones, then the others from the newest to the oldest; NULL at the end. |which| narrows the
	 * kind: this one or WEFT_SECRET_UNKNOWN. Those with another client random are no
	 * candidates. Borrowed until the call returns to the caller of tls_feed. */
	const struct tls_secret *(*candidate)(void *arg, const uint8_t client_random[32],
					      uint8_t which, unsigned index);
	/* A connection showed a ClientHello with this random, and will ask for secrets until
	 * |leave|. Returns its ticket, or 0. TCP proxies show one hello on two connections. Both
	 * may be NULL. */
	uint64_t (*hello)(void *arg, const uint8_t client_random[32]);
	void (*leave)(void *arg, const uint8_t client_random[32], uint64_t ticket);
	/* This secret fits the connection that asked last, whose ticket this is: from now on only
	 * connections with the same ClientHello may ask for it. */
	void (*claim)(void *arg, uint64_t id, uint64_t ticket);
	/* This secret follows from one that fits (KeyUpdate): no connection needs it when it
	 * arrives. May be NULL. */
	void (*known)(void *arg, const uint8_t *secret, size_t secret_bytes);
	/* Where busy directions keep their keys ready; outlives the readers. May be NULL. */
	struct tls_contexts *contexts;
};
