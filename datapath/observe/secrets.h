/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Secrets of handshakes that a connection has still to claim: bounded, expiring, in memory that is
 * locked and left out of core dumps where the system allows it. A secret is wiped at once when it
 * is claimed by every connection with its ClientHello (TCP proxies make more than one), expired or
 * pushed out. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"
#include "datapath/decode/tls.h"

struct secrets;

struct secrets_counts {
	uint32_t waiting; /* now */
	uint64_t claimed;
	uint64_t repeated; /* derived by the other end too, or seen twice: dropped */
	uint64_t expired;  /* no connection claimed them in time */
	uint64_t full;	   /* pushed out by newer ones before they were claimed */
	uint64_t unshared; /* expired when not every connection with its ClientHello had claimed it
			    */
	uint64_t invalid;  /* of a kind or size that no secret has */
};

/* Room for |capacity| secrets (at most 65536), of which claimed ones are remembered (not kept) for
 * a while. The only system calls are made here and in secrets_free. NULL when memory is short. */
struct secrets *secrets_new(uint32_t capacity, uint64_t seed);

/* Wipes everything. */
void secrets_free(struct secrets *s);

/* Takes the secret out of an event, whose time must not be before that of the last one. */
void secrets_add(struct secrets *s, const struct weft_secret *event);

/* Forgets what was derived before |before_ns|. */
void secrets_expire(struct secrets *s, uint64_t before_ns);

/* What readers of TLS connections are given; valid as long as |s|. */
struct tls_secrets secrets_source(struct secrets *s);

const struct secrets_counts *secrets_counts(const struct secrets *s);
