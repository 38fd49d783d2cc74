// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cipher contexts: a thread's shared ones, and keepers found by the number of their keys. */
#include "datapath/decode/tls_context.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* X(AEAD, key bytes, libcrypto's name, its name of what makes the key stream) */
#define AEADS(X)                                                                                   \
	X(AES_128_GCM, 16, "AES-128-GCM", "AES-128-ECB")                                           \
	X(AES_256_GCM, 32, "AES-256-GCM", "AES-256-ECB")                                           \
	X(CHACHA20_POLY1305, 32, "ChaCha20-Poly1305", "ChaCha20")

static const struct {
	uint8_t key_bytes;
	const char *names[TLS_CONTEXT_MAX];
} aeads[TLS_AEAD_MAX] = {
#define X(name, key, sealed, stream) [TLS_AEAD_##name] = {key, {sealed, stream}},
	AEADS(X)
#undef X
};

/* A context that holds the keys with this number; 0: none. */
struct keeper {
	EVP_CIPHER_CTX *context;
	uint64_t number;
};

struct tls_contexts {
	struct keeper keepers[TLS_CONTEXTS_MAX]; /* by number modulo; made when first needed */
	uint64_t last_number;
};

/* Hold nothing from one call to the next. Made when first needed. */
static _Thread_local EVP_CIPHER_CTX *shared[TLS_CONTEXT_MAX][TLS_AEAD_MAX];

static const uint8_t zero[32];

size_t tls_aead_key_bytes(enum tls_aead aead)
{
	return aeads[aead].key_bytes;
}

/* |cipher| NULL: the one that the context has. A key stream is made by encryption. */
static bool key_set(EVP_CIPHER_CTX *c, const EVP_CIPHER *cipher, const uint8_t *key,
		    enum tls_context kind)
{
	return EVP_CipherInit_ex2(c, cipher, key, NULL, kind == TLS_CONTEXT_STREAM, NULL);
}

static EVP_CIPHER_CTX *shared_of(enum tls_aead aead, enum tls_context kind)
{
	EVP_CIPHER_CTX **place = &shared[kind][aead];
	EVP_CIPHER *cipher;

	if (*place)
		return *place;
	cipher = EVP_CIPHER_fetch(NULL, aeads[aead].names[kind], NULL);
	*place = EVP_CIPHER_CTX_new();
	if (!cipher || !*place || !key_set(*place, cipher, NULL, kind)) {
		EVP_CIPHER_CTX_free(*place);
		*place = NULL;
	}
	EVP_CIPHER_free(cipher); /* the context holds its own reference */
	return *place;
}

struct tls_contexts *tls_contexts_new(void)
{
	return calloc(1, sizeof(struct tls_contexts));
}

void tls_contexts_free(struct tls_contexts *contexts)
{
	if (!contexts)
		return;
	for (int i = 0; i < TLS_CONTEXTS_MAX; i++)
		EVP_CIPHER_CTX_free(contexts->keepers[i].context);
	free(contexts);
}

/* Of keys that are kept. */
static struct keeper *keeper_of(const struct tls_keys *k)
{
	return &k->contexts->keepers[k->number % TLS_CONTEXTS_MAX];
}

/* Takes the keeper from the keys that it holds. */
static bool keeper_take(struct keeper *keeper, const struct tls_keys *k, enum tls_context kind)
{
	EVP_CIPHER_CTX *same = shared_of(k->aead, kind);

	keeper->number = 0;
	if (!keeper->context)
		keeper->context = EVP_CIPHER_CTX_new();
	if (!same || !keeper->context ||
	    !key_set(keeper->context, EVP_CIPHER_CTX_get0_cipher(same), k->key, kind))
		return false;
	keeper->number = k->number;
	return true;
}

void tls_keys_keep(struct tls_keys *k, struct tls_contexts *contexts, enum tls_context kind)
{
	if (k->contexts || !contexts)
		return;
	k->contexts = contexts;
	k->number = ++contexts->last_number;
	k->kept = (uint8_t)kind;
}

void tls_keys_wipe(struct tls_keys *k)
{
	struct keeper *keeper = k->contexts ? keeper_of(k) : NULL;

	if (keeper && keeper->number == k->number) {
		key_set(keeper->context, NULL, zero, k->kept);
		keeper->number = 0;
	}
	OPENSSL_cleanse(k, sizeof(*k));
}

EVP_CIPHER_CTX *tls_context_of(const struct tls_keys *k, enum tls_context kind)
{
	EVP_CIPHER_CTX *c;

	if (k->contexts && k->kept == kind) {
		struct keeper *keeper = keeper_of(k);

		if (keeper->number != k->number && !keeper_take(keeper, k, kind))
			return NULL;
		return keeper->context;
	}
	c = shared_of(k->aead, kind);
	return c && key_set(c, NULL, k->key, kind) ? c : NULL;
}

void tls_contexts_wipe(void)
{
	for (int kind = 0; kind < TLS_CONTEXT_MAX; kind++)
		for (int i = 0; i < TLS_AEAD_MAX; i++)
			if (shared[kind][i])
				key_set(shared[kind][i], NULL, zero, kind);
}
