/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the secret of an epoch: the one whose keys open a whole record with its AEAD tag. No other
 * proof counts. */
#pragma once

#include "datapath/decode/tls_keys.h"
#include "datapath/decode/tls_secret.h"

/* What was tried in an epoch already: every secret with an id in between, and none older when
 * |exhausted|. */
struct tls_tried {
	uint64_t newest; /* 0 = nothing */
	uint64_t oldest;
	bool exhausted;
};

/* One question: which candidate of kind |which| opens |record| as number |sequence| of the
 * direction |side|? */
struct tls_trial {
	const struct tls_secrets *secrets;
	const struct tls_suite *suite;
	const uint8_t *client_random;
	const uint8_t *server_random;	 /* TLS 1.2 */
	const struct tls_record *record; /* whole */
	uint64_t sequence;
	uint64_t ticket;   /* of tls_secrets.hello */
	uint64_t since_ns; /* what was derived before cannot fit */
	enum tls_side side;
	uint8_t which; /* WEFT_SECRET_*; _MASTER is TLS 1.2 */
	uint8_t *text; /* TLS_MAX_FRAGMENT_BYTES of scratch */
};

/* The answer. TLS 1.3: keys[side] and the traffic secret; TLS 1.2: keys of both directions. */
struct tls_bound {
	struct tls_keys keys[2];
	uint8_t secret[TLS_MAX_SECRET_BYTES];
};

/* Tries at most TLS_MAX_TRIALS candidates that |tried| does not cover and claims the one that fits.
 * Returns 0 and *ret, which the caller wipes, or -ENOENT. */
int tls_trial_run(const struct tls_trial *trial, struct tls_tried *tried, struct tls_bound *ret);
