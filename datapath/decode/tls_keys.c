// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HKDF-Expand-Label and the TLS 1.2 PRF over one digest context per thread: a derivation allocates
 * nothing. */
#include "datapath/decode/tls_keys.h"

#include <linux/types.h>

#include "bpf/abi.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define MAX_BLOCK_BYTES 128
#define MAX_HASH_BYTES	48

/* X(WEFT_DIGEST_*, libcrypto's name, hash bytes, block bytes) */
#define DIGESTS(X)                                                                                 \
	X(SHA256, "SHA2-256", 32, 64)                                                              \
	X(SHA384, "SHA2-384", 48, 128)

static const struct {
	const char *name;
	uint8_t hash_bytes;
	uint8_t block_bytes;
} digests[] = {
#define X(digest, text, hash, block) [WEFT_DIGEST_##digest] = {text, hash, block},
	DIGESTS(X)
#undef X
};

#define DIGEST_MAX (sizeof(digests) / sizeof(digests[0]))

static _Thread_local struct {
	EVP_MD *types[DIGEST_MAX];
	EVP_MD_CTX *context;
} shared;

static EVP_MD *digest_get(uint8_t digest)
{
	if (!shared.context)
		shared.context = EVP_MD_CTX_new();
	if (!shared.types[digest])
		shared.types[digest] = EVP_MD_fetch(NULL, digests[digest].name, NULL);
	return shared.context ? shared.types[digest] : NULL;
}

/* One half of HMAC (RFC 2104): hash of the key, no longer than a block, xored with |pad|, then of
 * the parts. */
static bool hash_padded(uint8_t digest, struct slice key, uint8_t pad, const struct slice *parts,
			size_t part_count, uint8_t *out)
{
	uint8_t block[MAX_BLOCK_BYTES];
	EVP_MD *type = digest_get(digest);
	bool ok;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key.size_bytes; i++)
		block[i] ^= (uint8_t)key.data[i];
	ok = type && EVP_DigestInit_ex2(shared.context, type, NULL) &&
	     EVP_DigestUpdate(shared.context, block, digests[digest].block_bytes);
	for (size_t i = 0; ok && i < part_count; i++)
		ok = EVP_DigestUpdate(shared.context, parts[i].data, parts[i].size_bytes);
	OPENSSL_cleanse(block, sizeof(block));
	return ok && EVP_DigestFinal_ex(shared.context, out, NULL);
}

static bool hmac(uint8_t digest, struct slice key, const struct slice *parts, size_t part_count,
		 uint8_t *out)
{
	struct slice inner = {(const char *)out, digests[digest].hash_bytes};

	return hash_padded(digest, key, 0x36, parts, part_count, out) &&
	       hash_padded(digest, key, 0x5c, &inner, 1, out);
}

/* HKDF-Expand-Label with an empty context; |size_bytes| at most one hash. */
static bool expand_label(uint8_t digest, const uint8_t *secret, struct slice label, uint8_t *out,
			 size_t size_bytes)
{
	struct slice key = {(const char *)secret, digests[digest].hash_bytes};
	const char before[] = {0, (char)size_bytes, (char)(6 + label.size_bytes)};
	const char after[] = {0, 1}; /* no context; number of the block */
	const struct slice parts[] = {
		{before, sizeof(before)}, SLICE("tls13 "), label, {after, sizeof(after)}};
	uint8_t hash[MAX_HASH_BYTES];
	bool ok = hmac(digest, key, parts, 4, hash);

	if (ok)
		memcpy(out, hash, size_bytes);
	OPENSSL_cleanse(hash, sizeof(hash));
	return ok;
}

size_t tls_suite_secret_bytes(const struct tls_suite *suite)
{
	return digests[suite->digest].hash_bytes;
}

int tls_keys_from_traffic(const struct tls_suite *suite, const uint8_t *secret,
			  struct tls_keys *ret)
{
	size_t key_bytes = tls_aead_key_bytes(suite->aead);

	*ret = (struct tls_keys){.aead = suite->aead, .tls13 = true};
	if (!expand_label(suite->digest, secret, SLICE("key"), ret->key, key_bytes) ||
	    !expand_label(suite->digest, secret, SLICE("iv"), ret->iv, sizeof(ret->iv)))
		return -ENOMEM;
	return 0;
}

int tls_secret_update(const struct tls_suite *suite, uint8_t *secret)
{
	size_t n = tls_suite_secret_bytes(suite);

	return expand_label(suite->digest, secret, SLICE("traffic upd"), secret, n) ? 0 : -ENOMEM;
}

/* P_hash (RFC 5246 5). */
static bool prf(uint8_t digest, struct slice secret, const struct slice seed[3], uint8_t *out,
		size_t size_bytes)
{
	uint8_t a[MAX_HASH_BYTES], hash[MAX_HASH_BYTES];
	size_t hash_bytes = digests[digest].hash_bytes;
	const struct slice parts[4] = {{(const char *)a, hash_bytes}, seed[0], seed[1], seed[2]};
	bool ok = hmac(digest, secret, seed, 3, a);

	while (ok && size_bytes) {
		size_t n = size_bytes < hash_bytes ? size_bytes : hash_bytes;

		ok = hmac(digest, secret, parts, 4, hash);
		memcpy(out, hash, n);
		out += n;
		size_bytes -= n;
		ok = ok && (!size_bytes || hmac(digest, secret, parts, 1, hash));
		memcpy(a, hash, hash_bytes);
	}
	OPENSSL_cleanse(a, sizeof(a));
	OPENSSL_cleanse(hash, sizeof(hash));
	return ok;
}

int tls_keys_from_master(const struct tls_suite *suite, const uint8_t master[TLS_MASTER_BYTES],
			 const uint8_t client_random[32], const uint8_t server_random[32],
			 struct tls_keys ret[2])
{
	size_t key_bytes = tls_aead_key_bytes(suite->aead);
	size_t iv_bytes = suite->aead == TLS_AEAD_CHACHA20_POLY1305 ? 12 : 4;
	struct slice secret = {(const char *)master, TLS_MASTER_BYTES};
	const struct slice seed[3] = {SLICE("key expansion"),
				      {(const char *)server_random, 32},
				      {(const char *)client_random, 32}};
	uint8_t block[2 * (32 + 12)];
	bool ok = prf(suite->digest, secret, seed, block, 2 * (key_bytes + iv_bytes));

	for (int i = 0; ok && i < 2; i++) {
		ret[i] = (struct tls_keys){.aead = suite->aead};
		memcpy(ret[i].key, block + i * key_bytes, key_bytes);
		memcpy(ret[i].iv, block + 2 * key_bytes + i * iv_bytes, iv_bytes);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ok ? 0 : -ENOMEM;
}
