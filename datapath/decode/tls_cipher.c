// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The suites and the AEAD work on records, with and without all their bytes. */
#include "datapath/decode/tls_cipher.h"
#include "datapath/decode/tls_suites.h"

#include <linux/types.h>

#include "bpf/abi.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define TAG_BYTES	     16
#define AES_BLOCK_BYTES	     16
#define CHACHA_BLOCK_BYTES   64
#define STREAM_BYTES	     512 /* of key stream made at a time */
#define EXPLICIT_NONCE_BYTES 8	 /* TLS 1.2 with AES-GCM: leads the fragment */
#define NONCE_BYTES	     12

static const struct tls_suite suites[] = {
#define X(number, aead, digest, name) {number, TLS_AEAD_##aead, WEFT_DIGEST_##digest, name},
	TLS_SUITES_READ(X)
#undef X
#define X(number, name) {number, TLS_AEAD_NONE, WEFT_DIGEST_SHA256, name},
		TLS_SUITES_NAMED(X)
#undef X
};

const struct tls_suite *tls_suite_find(uint16_t number)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].number == number)
			return suites + i;
	return NULL;
}

/* How many bytes of the fragment stand before the ciphertext: the explicit part of the nonce. */
static uint16_t lead_bytes(const struct tls_keys *k)
{
	return k->tls13 || k->aead == TLS_AEAD_CHACHA20_POLY1305 ? 0 : EXPLICIT_NONCE_BYTES;
}

/* |lead|: the first bytes of the fragment. */
static void nonce_build(const struct tls_keys *k, uint64_t sequence, const uint8_t *lead,
			uint8_t nonce[NONCE_BYTES])
{
	uint64_t tail_be;

	memcpy(nonce, k->iv, NONCE_BYTES);
	if (lead_bytes(k)) {
		memcpy(nonce + 4, lead, EXPLICIT_NONCE_BYTES);
		return;
	}
	memcpy(&tail_be, k->iv + 4, sizeof(tail_be));
	tail_be ^= htobe64(sequence);
	memcpy(nonce + 4, &tail_be, sizeof(tail_be));
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
	EVP_CIPHER_CTX *c = tls_context_of(k, TLS_CONTEXT_SEALED);
	int n;

	return c && EVP_DecryptInit_ex2(c, NULL, NULL, nonce, NULL) &&
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

/* Counter blocks of AES-GCM; the first block of content is number 2. */
static void blocks_build(const uint8_t *nonce, uint32_t block, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t number_be = htobe32(block + (uint32_t)i);

		memcpy(out + i * AES_BLOCK_BYTES, nonce, NONCE_BYTES);
		memcpy(out + i * AES_BLOCK_BYTES + NONCE_BYTES, &number_be, sizeof(number_be));
	}
}

static void add_stream(const uint8_t *in, const uint8_t *stream, uint8_t *out, size_t size_bytes)
{
	uint64_t a, b;
	size_t i = 0;

	for (; i + sizeof(a) <= size_bytes; i += sizeof(a)) {
		memcpy(&a, in + i, sizeof(a));
		memcpy(&b, stream + i, sizeof(b));
		a ^= b;
		memcpy(out + i, &a, sizeof(a));
	}
	for (; i < size_bytes; i++)
		/* the cipher has filled it: NOLINTNEXTLINE(clang-analyzer-core.*) */
		out[i] = in[i] ^ stream[i];
}

/* The counter mode of AES-GCM over AES alone: of libcrypto's ways to it this costs the least by
 * far, since the nonce is no parameter of a context. */
static bool aes_read(EVP_CIPHER_CTX *c, const uint8_t *nonce, size_t offset, struct slice in,
		     uint8_t *out)
{
	uint32_t block = (uint32_t)(offset / AES_BLOCK_BYTES) + 2;
	size_t skip = offset % AES_BLOCK_BYTES;
	uint8_t stream[STREAM_BYTES];

	while (in.size_bytes) {
		size_t room = sizeof(stream) - skip;
		size_t n = in.size_bytes < room ? in.size_bytes : room;
		size_t blocks = (skip + n + AES_BLOCK_BYTES - 1) / AES_BLOCK_BYTES;
		int made;

		blocks_build(nonce, block, stream, blocks);
		if (!EVP_EncryptUpdate(c, stream, &made, stream, (int)(blocks * AES_BLOCK_BYTES)))
			return false;
		add_stream((const uint8_t *)in.data, stream + skip, out, n);
		in = (struct slice){in.data + n, in.size_bytes - n};
		out += n;
		block += (uint32_t)blocks;
		skip = 0;
	}
	return true;
}

/* The first block of content is number 1. */
static bool chacha_read(EVP_CIPHER_CTX *c, const uint8_t *nonce, size_t offset, struct slice in,
			uint8_t *out)
{
	uint32_t block_le = htole32((uint32_t)(offset / CHACHA_BLOCK_BYTES) + 1);
	uint8_t iv[16], skipped[CHACHA_BLOCK_BYTES] = {0};
	int n;

	memcpy(iv, &block_le, sizeof(block_le));
	memcpy(iv + sizeof(block_le), nonce, NONCE_BYTES);
	return EVP_EncryptInit_ex2(c, NULL, NULL, iv, NULL) &&
	       EVP_EncryptUpdate(c, skipped, &n, skipped, (int)(offset % CHACHA_BLOCK_BYTES)) &&
	       EVP_EncryptUpdate(c, out, &n, (const uint8_t *)in.data, (int)in.size_bytes);
}

/* Decrypts what stands |offset| bytes into the ciphertext. */
static bool stream_read(const struct tls_keys *k, const uint8_t *nonce, size_t offset,
			struct slice in, uint8_t *out)
{
	EVP_CIPHER_CTX *c = tls_context_of(k, TLS_CONTEXT_STREAM);

	if (!c)
		return false;
	return k->aead == TLS_AEAD_CHACHA20_POLY1305 ? chacha_read(c, nonce, offset, in, out)
						     : aes_read(c, nonce, offset, in, out);
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

int tls_record_read(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
		    uint8_t *text, struct tls_opened *ret)
{
	uint16_t lead = lead_bytes(k);
	int content = r->size_bytes - lead - TAG_BYTES;
	uint8_t nonce[NONCE_BYTES];
	const char *in = (const char *)r->data;

	if (content < k->tls13)
		return -EBADMSG;
	ret->type = r->type;
	ret->size_bytes = (uint16_t)content;
	ret->piece_count = 0;
	ret->text = text;
	if (!lead || (r->piece_count && !r->pieces[0].offset && r->pieces[0].size_bytes >= lead)) {
		nonce_build(k, sequence, r->data, nonce);
		for (int i = 0; i < r->piece_count; in += r->pieces[i++].size_bytes) {
			struct tls_piece p = piece_clip(r->pieces[i], lead, (uint16_t)content);
			struct slice from = {in + (p.offset + lead - r->pieces[i].offset),
					     p.size_bytes};

			if (!p.size_bytes)
				continue;
			if (!stream_read(k, nonce, p.offset, from, text + p.offset))
				return -EBADMSG;
			ret->pieces[ret->piece_count++] = p;
		}
	}
	if (k->tls13)
		strip_padding(ret);
	return 0;
}
