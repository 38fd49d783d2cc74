/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TLS record layer and handshake (RFC 8446, RFC 5246) of one connection, read with the secrets
 * of its handshake: wire bytes of both directions in, plaintext and facts out. Cryptography is
 * libcrypto's. Pure: no clock, no system call, no log. Secrets are wiped when the
 * reader is freed. */
#pragma once

#include "base/slice.h"
#include "datapath/decode/http.h"
#include "datapath/decode/tls_secret.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;

/* Why there is no plaintext. One table: names are label values. */
#define TLS_STATES(X)                                                                              \
	X(HANDSHAKE, "handshake", "the handshake has not ended yet, or ended in a refusal")        \
	X(OPEN, "open", "read: its plaintext is known")                                            \
	X(NO_SECRET, "no_secret", "no secret fitted: no single library is known to be the reason") \
	X(OFF, "off", "`--tls off`: secrets are not looked for")                                   \
	X(MIDSTREAM, "joined", "older than the agent: the handshake was not seen")                 \
	X(UNSUPPORTED_CIPHER, "unsupported_cipher", "a cipher suite that is not read")             \
	X(BACKLOG, "backlog", "too much waited for a secret")                                      \
	X(DESYNC, "desync", "bytes of a record's head are missing")                                \
	X(DECRYPT_ERROR, "decrypt_error", "a record did not open with the keys of those before")   \
	X(MALFORMED, "malformed", "not valid TLS")

enum tls_state {
#define X(name, ...) TLS_STATE_##name,
	TLS_STATES(X)
#undef X
		TLS_STATE_MAX
};
const char *tls_state_name(enum tls_state state);

#define TLS_CIPHER_MAX_BYTES 48 /* of a suite's name with its NUL */

/* A certificate's facts, NUL-terminated, cut where too long. */
struct tls_certificate {
	bool present;
	char subject[128]; /* RFC 2253 */
	char san[256];	   /* first DNS names and URIs, comma-separated: "DNS:a,URI:spiffe://..." */
	char spiffe_id[256]; /* first URI SAN with scheme spiffe, else empty */
	int64_t not_after;   /* seconds since the epoch */
};

struct tls_facts {
	uint16_t version;      /* 0x0303, 0x0304; 0 = not known */
	uint16_t cipher_suite; /* IANA number */
	const char *cipher;    /* IANA name or "unknown" */
	bool resumed;
	bool early_data;
	bool client_certificate_requested;
	char sni[256];
	char alpn[16];
	bool names_cut; /* |sni| or |alpn| is only the start of what was said */
	struct tls_certificate server;
	struct tls_certificate client;
};

/* Called while feeding. Plaintext of application data in order, as feeds with step 0 and |at| = the
 * wire position of the record's last byte; a gap feed (data NULL) where plaintext was not captured.
 * |time_ns| is that of the wire bytes that completed the record (as given to tls_feed), which
 * matters when records waited for a secret. The direction's end (close_notify) is reported by
 * |closed|. */
struct tls_listener {
	void *arg;
	void (*plaintext)(void *arg, enum tls_side side, const struct feed *f, uint64_t time_ns);
	void (*closed)(void *arg, enum tls_side side);
};

/* NULL when memory is short; free with tls_free. |secrets| and |listener| are copied; a callback
 * that is NULL is not called. |midstream|: the handshake was not seen. */
struct tls *tls_new(const struct tls_secrets *secrets, const struct tls_listener *listener,
		    bool midstream);
void tls_free(struct tls *t);

/* Whether the bytes of |side| that are fed next were seen at the sender, before anything could
 * change them; the default is no. Of such records only some tags are checked, since checking is
 * most of the work. */
void tls_set_at_sender(struct tls *t, enum tls_side side, bool at_sender);

/* Wire bytes of one direction in order, or a gap (data NULL): a gap inside a record's ciphertext is
 * carried into a plaintext gap (AES-GCM and ChaCha20 are counter modes), a gap over record headers
 * ends in TLS_STATE_DESYNC. Positions as in struct feed with step 1. */
void tls_feed(struct tls *t, enum tls_side side, const struct feed *f, uint64_t time_ns);

/* New secrets are there, or some time went by (a record is tried with TLS_MAX_TRIALS secrets at a
 * time): tries again what waits. Cheap when nothing waits or nothing is new. */
void tls_retry(struct tls *t);
bool tls_waits(const struct tls *t);

/* No secret will come any more (timeout, close): what waits is given up and the state says why. */
void tls_give_up(struct tls *t);

enum tls_state tls_state_of(const struct tls *t);
const struct tls_facts *tls_facts_of(const struct tls *t);
