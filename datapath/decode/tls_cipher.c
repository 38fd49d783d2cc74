// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of suites and the AEAD work on records, with and without all their bytes. */
#include "datapath/decode/tls_cipher.h"

#include <linux/types.h>

#include "bpf/abi.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define TAG_BYTES	     16
#define EXPLICIT_NONCE_BYTES 8 /* TLS 1.2 with AES-GCM: leads the fragment */
#define NONCE_BYTES	     12

/* X(IANA number, AEAD, digest, name) */
#define SUITES(X)                                                                                  \
	X(0x1301, AES_128_GCM, SHA256, "TLS_AES_128_GCM_SHA256")                                   \
	X(0x1302, AES_256_GCM, SHA384, "TLS_AES_256_GCM_SHA384")                                   \
	X(0x1303, CHACHA20_POLY1305, SHA256, "TLS_CHACHA20_POLY1305_SHA256")                       \
	X(0x1304, NONE, SHA256, "TLS_AES_128_CCM_SHA256")                                          \
	X(0x1305, NONE, SHA256, "TLS_AES_128_CCM_8_SHA256")                                        \
	X(0xc02b, AES_128_GCM, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")                  \
	X(0xc02c, AES_256_GCM, SHA384, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")                  \
	X(0xc02f, AES_128_GCM, SHA256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")                    \
	X(0xc030, AES_256_GCM, SHA384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")                    \
	X(0xcca8, CHACHA20_POLY1305, SHA256, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")        \
	X(0xcca9, CHACHA20_POLY1305, SHA256, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")      \
	X(0xccaa, CHACHA20_POLY1305, SHA256, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256")          \
	X(0xccab, CHACHA20_POLY1305, SHA256, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256")              \
	X(0xccac, CHACHA20_POLY1305, SHA256, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256")        \
	X(0x009c, AES_128_GCM, SHA256, "TLS_RSA_WITH_AES_128_GCM_SHA256")                          \
	X(0x009d, AES_256_GCM, SHA384, "TLS_RSA_WITH_AES_256_GCM_SHA384")                          \
	X(0x009e, AES_128_GCM, SHA256, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256")                      \
	X(0x009f, AES_256_GCM, SHA384, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")                      \
	X(0x00a2, AES_128_GCM, SHA256, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256")                      \
	X(0x00a3, AES_256_GCM, SHA384, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384")                      \
	X(0x00a6, AES_128_GCM, SHA256, "TLS_DH_anon_WITH_AES_128_GCM_SHA256")                      \
	X(0x00a7, AES_256_GCM, SHA384, "TLS_DH_anon_WITH_AES_256_GCM_SHA384")                      \
	X(0x00a8, AES_128_GCM, SHA256, "TLS_PSK_WITH_AES_128_GCM_SHA256")                          \
	X(0x00a9, AES_256_GCM, SHA384, "TLS_PSK_WITH_AES_256_GCM_SHA384")                          \
	X(0xd001, AES_128_GCM, SHA256, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256")                    \
	X(0xd002, AES_256_GCM, SHA384, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384")                    \
	X(0x000a, NONE, SHA256, "TLS_RSA_WITH_3DES_EDE_CBC_SHA")                                   \
	X(0x002f, NONE, SHA256, "TLS_RSA_WITH_AES_128_CBC_SHA")                                    \
	X(0x0033, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA")                                \
	X(0x0035, NONE, SHA256, "TLS_RSA_WITH_AES_256_CBC_SHA")                                    \
	X(0x0039, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA")                                \
	X(0x003c, NONE, SHA256, "TLS_RSA_WITH_AES_128_CBC_SHA256")                                 \
	X(0x003d, NONE, SHA256, "TLS_RSA_WITH_AES_256_CBC_SHA256")                                 \
	X(0x0067, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256")                             \
	X(0x006b, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256")                             \
	X(0xc009, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")                            \
	X(0xc00a, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA")                            \
	X(0xc013, NONE, SHA256, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")                              \
	X(0xc014, NONE, SHA256, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA")                              \
	X(0xc023, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256")                         \
	X(0xc024, NONE, SHA384, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384")                         \
	X(0xc027, NONE, SHA256, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256")                           \
	X(0xc028, NONE, SHA384, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384")                           \
	X(0xc09c, NONE, SHA256, "TLS_RSA_WITH_AES_128_CCM")                                        \
	X(0xc09d, NONE, SHA256, "TLS_RSA_WITH_AES_256_CCM")                                        \
	X(0xc09e, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_128_CCM")                                    \
	X(0xc09f, NONE, SHA256, "TLS_DHE_RSA_WITH_AES_256_CCM")                                    \
	X(0xc0ac, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM")                                \
	X(0xc0ad, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM")                                \
	X(0xc0ae, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8")                              \
	X(0xc0af, NONE, SHA256, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8")

static const struct tls_suite suites[] = {
#define X(number, aead, digest, name) {number, TLS_AEAD_##aead, WEFT_DIGEST_##digest, name},
	SUITES(X)
#undef X
};

/* X(AEAD, key bytes, libcrypto's name, name of the bare stream cipher, its block in bytes) */
#define AEADS(X)                                                                                   \
	X(AES_128_GCM, 16, "AES-128-GCM", "AES-128-CTR", 16)                                       \
	X(AES_256_GCM, 32, "AES-256-GCM", "AES-256-CTR", 16)                                       \
	X(CHACHA20_POLY1305, 32, "ChaCha20-Poly1305", "ChaCha20", 64)

static const struct {
	uint8_t key_bytes;
	uint8_t block_bytes;
	const char *sealed_name;
	const char *stream_name;
} aeads[TLS_AEAD_MAX] = {
#define X(name, key, sealed, stream, block) [TLS_AEAD_##name] = {key, block, sealed, stream},
	AEADS(X)
#undef X
};

/* A context that holds the keys with this number; 0: none. */
struct keeper {
	EVP_CIPHER_CTX *context;
	uint64_t number;
	uint8_t aead;
};

/* Contexts of this thread, made when first needed and kept. */
static _Thread_local struct {
	EVP_CIPHER_CTX *sealed[TLS_AEAD_MAX];
	EVP_CIPHER_CTX *stream[TLS_AEAD_MAX];
	struct keeper keepers[TLS_CONTEXTS_MAX]; /* by number modulo */
	uint64_t last_number;
} contexts;

const struct tls_suite *tls_suite_find(uint16_t number)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].number == number)
			return suites + i;
	return NULL;
}

size_t tls_aead_key_bytes(enum tls_aead aead)
{
	return aeads[aead].key_bytes;
}

static EVP_CIPHER_CTX *context_get(EVP_CIPHER_CTX **place, const char *name)
{
	EVP_CIPHER *cipher;

	if (*place)
		return *place;
	cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	*place = EVP_CIPHER_CTX_new();
	if (!cipher || !*place || !EVP_DecryptInit_ex2(*place, cipher, NULL, NULL, NULL)) {
		EVP_CIPHER_CTX_free(*place);
		*place = NULL;
	}
	EVP_CIPHER_free(cipher); /* the context holds its own reference */
	return *place;
}

static struct keeper *keeper_of(const struct tls_keys *k)
{
	return &contexts.keepers[k->number % TLS_CONTEXTS_MAX];
}

/* The context that keeps |k|, taken from others if need be; NULL when memory is short. */
static EVP_CIPHER_CTX *context_keeping(const struct tls_keys *k)
{
	EVP_CIPHER_CTX *shared = context_get(&contexts.sealed[k->aead], aeads[k->aead].sealed_name);
	struct keeper *keeper = keeper_of(k);
	bool other = keeper->aead != k->aead;

	if (keeper->number == k->number)
		return keeper->context;
	keeper->number = 0;
	keeper->aead = TLS_AEAD_NONE;
	if (!keeper->context)
		keeper->context = EVP_CIPHER_CTX_new();
	if (!shared || !keeper->context ||
	    !EVP_DecryptInit_ex2(keeper->context, other ? EVP_CIPHER_CTX_get0_cipher(shared) : NULL,
				 k->key, NULL, NULL))
		return NULL;
	keeper->number = k->number;
	keeper->aead = k->aead;
	return keeper->context;
}

static bool has_explicit_nonce(const struct tls_keys *k)
{
	return !k->tls13 && k->aead != TLS_AEAD_CHACHA20_POLY1305;
}

/* How many bytes of the fragment stand before the ciphertext. */
static uint16_t lead_bytes(const struct tls_keys *k)
{
	return has_explicit_nonce(k) ? EXPLICIT_NONCE_BYTES : 0;
}

/* |lead|: the first bytes of the fragment. */
static void nonce_build(const struct tls_keys *k, uint64_t sequence, const uint8_t *lead,
			uint8_t nonce[NONCE_BYTES])
{
	memcpy(nonce, k->iv, NONCE_BYTES);
	if (has_explicit_nonce(k)) {
		memcpy(nonce + 4, lead, EXPLICIT_NONCE_BYTES);
		return;
	}
	for (int i = 0; i < 8; i++)
		nonce[NONCE_BYTES - 1 - i] ^= (uint8_t)(sequence >> (8 * i));
}

/* Additional data: TLS 1.3 the head, before it the sequence number and the head with the
 * plaintext's size. */
static int additional_build(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
			    uint16_t content_bytes, uint8_t out[13])
{
	uint16_t size_bytes = k->tls13 ? r->size_bytes : content_bytes;
	uint8_t *next = out;

	for (int i = 7; !k->tls13 && i >= 0; i--)
		*next++ = (uint8_t)(sequence >> (8 * i));
	*next++ = r->type;
	*next++ = (uint8_t)(r->version >> 8);
	*next++ = (uint8_t)r->version;
	*next++ = (uint8_t)(size_bytes >> 8);
	*next++ = (uint8_t)size_bytes;
	return (int)(next - out);
}

/* TLS 1.3: the last byte that is not zero is the content type, the zeros are padding (RFC
 * 8446 5.4). Looks as far back as the bytes are there without a hole. */
static void strip_padding(struct tls_opened *o)
{
	struct tls_piece *last = o->pieces + o->piece_count - 1;

	if (!o->piece_count || last->offset + last->size_bytes != o->size_bytes) {
		o->size_bytes--; /* the type's byte is in a hole, and so may padding be */
		o->type = 0;
		return;
	}
	while (last->size_bytes && !o->text[o->size_bytes - 1]) {
		last->size_bytes--;
		o->size_bytes--;
	}
	o->type = last->size_bytes ? o->text[o->size_bytes - 1] : 0;
	if (last->size_bytes) {
		last->size_bytes--;
		o->size_bytes--;
	}
	if (!last->size_bytes)
		o->piece_count--;
}

static bool aead_open(const struct tls_keys *k, const uint8_t *nonce, const uint8_t *additional,
		      int additional_bytes, const uint8_t *in, int size_bytes, uint8_t *out)
{
	EVP_CIPHER_CTX *c =
		k->number ? context_keeping(k)
			  : context_get(&contexts.sealed[k->aead], aeads[k->aead].sealed_name);
	int n;

	return c && EVP_DecryptInit_ex2(c, NULL, k->number ? NULL : k->key, nonce, NULL) &&
	       EVP_DecryptUpdate(c, NULL, &n, additional, additional_bytes) &&
	       EVP_DecryptUpdate(c, out, &n, in, size_bytes) &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES,
				   (void *)(in + size_bytes)) &&
	       EVP_DecryptFinal_ex(c, out + size_bytes, &n) > 0;
}

int tls_record_open(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
		    uint8_t *text, struct tls_opened *ret)
{
	int content = r->size_bytes - lead_bytes(k) - TAG_BYTES;
	uint8_t nonce[NONCE_BYTES], additional[13];
	int n;

	if (content < k->tls13)
		return -EBADMSG;
	nonce_build(k, sequence, r->data, nonce);
	n = additional_build(k, r, sequence, (uint16_t)content, additional);
	if (!aead_open(k, nonce, additional, n, r->data + lead_bytes(k), content, text))
		return -EBADMSG;
	ret->type = r->type;
	ret->size_bytes = (uint16_t)content;
	ret->piece_count = content > 0;
	ret->pieces[0] = (struct tls_piece){0, (uint16_t)content};
	ret->text = text;
	if (k->tls13)
		strip_padding(ret);
	return 0;
}

/* Decrypts |size_bytes| that stand |offset| bytes into the ciphertext: the counter of both AEADs'
 * streams counts blocks, the first block of content is number 2 (GCM) or 1 (ChaCha20). */
static bool stream_open(const struct tls_keys *k, const uint8_t *nonce, size_t offset,
			const uint8_t *in, size_t size_bytes, uint8_t *out)
{
	EVP_CIPHER_CTX *c = context_get(&contexts.stream[k->aead], aeads[k->aead].stream_name);
	size_t block_bytes = aeads[k->aead].block_bytes;
	uint32_t block = (uint32_t)(offset / block_bytes);
	uint8_t iv[16], skipped[64] = {0};
	int n;

	if (k->aead == TLS_AEAD_CHACHA20_POLY1305) {
		block += 1;
		memcpy(iv + 4, nonce, NONCE_BYTES);
		for (int i = 0; i < 4; i++)
			iv[i] = (uint8_t)(block >> (8 * i));
	} else {
		block += 2;
		memcpy(iv, nonce, NONCE_BYTES);
		for (int i = 0; i < 4; i++)
			iv[15 - i] = (uint8_t)(block >> (8 * i));
	}
	return c && EVP_DecryptInit_ex2(c, NULL, k->key, iv, NULL) &&
	       EVP_DecryptUpdate(c, skipped, &n, skipped, (int)(offset % block_bytes)) &&
	       EVP_DecryptUpdate(c, out, &n, in, (int)size_bytes);
}

/* The part of |p| that is ciphertext proper, with offsets from its start; the size is 0 when there
 * is none. */
static struct tls_piece piece_clip(struct tls_piece p, uint16_t lead, uint16_t content)
{
	uint32_t from = p.offset < lead ? lead : p.offset;
	uint32_t to = p.offset + p.size_bytes;

	if (to > (uint32_t)lead + content)
		to = (uint32_t)lead + content;
	if (to <= from)
		return (struct tls_piece){0};
	return (struct tls_piece){(uint16_t)(from - lead), (uint16_t)(to - from)};
}

static bool lead_is_captured(const struct tls_keys *k, const struct tls_record *r)
{
	return !lead_bytes(k) ||
	       (r->piece_count && !r->pieces[0].offset && r->pieces[0].size_bytes >= lead_bytes(k));
}

int tls_record_open_parts(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
			  uint8_t *text, struct tls_opened *ret)
{
	uint16_t lead = lead_bytes(k);
	int content = r->size_bytes - lead - TAG_BYTES;
	uint8_t nonce[NONCE_BYTES];
	const uint8_t *in = r->data;

	if (content < k->tls13)
		return -EBADMSG;
	*ret = (struct tls_opened){.type = r->type, .size_bytes = (uint16_t)content, .text = text};
	if (lead_is_captured(k, r)) {
		nonce_build(k, sequence, r->data, nonce);
		for (int i = 0; i < r->piece_count; in += r->pieces[i++].size_bytes) {
			struct tls_piece p = piece_clip(r->pieces[i], lead, (uint16_t)content);
			const uint8_t *from = in + (p.offset + lead - r->pieces[i].offset);

			if (!p.size_bytes)
				continue;
			if (!stream_open(k, nonce, p.offset, from, p.size_bytes, text + p.offset))
				return -EBADMSG;
			ret->pieces[ret->piece_count++] = p;
		}
	}
	if (k->tls13)
		strip_padding(ret);
	return 0;
}

static const uint8_t zero[32];

void tls_keys_keep(struct tls_keys *k)
{
	if (!k->number)
		k->number = ++contexts.last_number;
}

void tls_keys_wipe(struct tls_keys *k)
{
	struct keeper *keeper = keeper_of(k);

	if (k->number && keeper->number == k->number) {
		EVP_DecryptInit_ex2(keeper->context, NULL, zero, NULL, NULL);
		keeper->number = 0;
	}
	OPENSSL_cleanse(k, sizeof(*k));
}

void tls_cipher_wipe(void)
{

	for (int i = 0; i < TLS_AEAD_MAX; i++) {
		if (contexts.sealed[i])
			EVP_DecryptInit_ex2(contexts.sealed[i], NULL, zero, zero, NULL);
		if (contexts.stream[i])
			EVP_DecryptInit_ex2(contexts.stream[i], NULL, zero, zero, NULL);
	}
}
