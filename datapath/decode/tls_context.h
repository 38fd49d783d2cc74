/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of a direction and the cipher contexts that work with them. To set a key costs 0.15 us,
 * a context 0.7 to 1.2 KiB: one set of contexts per thread serves all directions in turn, and
 * TLS_CONTEXTS_MAX more keep the keys of busy ones. Those belong to no thread, since another thread
 * may read the next record. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_aead {
	TLS_AEAD_NONE, /* not readable by us */
	TLS_AEAD_AES_128_GCM,
	TLS_AEAD_AES_256_GCM,
	TLS_AEAD_CHACHA20_POLY1305,
	TLS_AEAD_MAX
};

/* What a context does with the keys. */
enum tls_context {
	TLS_CONTEXT_SEALED, /* opens records and checks their tags */
	TLS_CONTEXT_STREAM, /* makes the AEAD's key stream: AES block by block, ChaCha20 */
	TLS_CONTEXT_MAX
};

#define TLS_CONTEXTS_MAX 128

/* The contexts that keep keys. Any thread may use them, one at a time. */
struct tls_contexts;

/* NULL when memory is short. Outlives all keys that it keeps. */
struct tls_contexts *tls_contexts_new(void);
void tls_contexts_free(struct tls_contexts *contexts);

/* Keys of one direction in one epoch. */
struct tls_keys {
	struct tls_contexts *contexts; /* where a context keeps them, NULL = none does, */
	uint64_t number;	       /* and under which number */
	uint8_t key[32];
	uint8_t iv[12]; /* TLS 1.2 with AES-GCM: the first 4 bytes (salt) */
	uint8_t aead;
	uint8_t kept; /* enum tls_context */
	bool tls13;   /* inner content type, the head as additional data */
};

size_t tls_aead_key_bytes(enum tls_aead aead);

/* Many records will be opened with these keys and a context of this kind: they get one of
 * |contexts| (NULL: none) that keeps them until another direction needs it. */
void tls_keys_keep(struct tls_keys *k, struct tls_contexts *contexts, enum tls_context kind);

/* Wipes these keys and the context that keeps them. */
void tls_keys_wipe(struct tls_keys *k);

/* A context with the key set, the nonce is the caller's to set; NULL when memory is
 * short. Good until the next call. */
EVP_CIPHER_CTX *tls_context_of(const struct tls_keys *k, enum tls_context kind);

/* Wipes what this thread's shared contexts hold. */
void tls_contexts_wipe(void);
