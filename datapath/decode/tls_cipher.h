/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cipher suites, and opening records with the keys of one direction (RFC 8446 5.2, RFC 5288, RFC
 * 7905). Setting the key anew costs 0.15 us a record, a cipher context of its own 1.2 KiB: one set
 * of contexts per thread serves all directions, and TLS_CONTEXTS_MAX more keep the keys of busy
 * ones. */
#pragma once

#include "datapath/decode/tls_record.h"

enum tls_aead {
	TLS_AEAD_NONE, /* not readable by us */
	TLS_AEAD_AES_128_GCM,
	TLS_AEAD_AES_256_GCM,
	TLS_AEAD_CHACHA20_POLY1305,
	TLS_AEAD_MAX
};

struct tls_suite {
	uint16_t number; /* IANA */
	uint8_t aead;	 /* enum tls_aead */
	uint8_t digest;	 /* WEFT_DIGEST_*, of HKDF or the PRF */
	const char *name;
};

/* NULL: not in the table. */
const struct tls_suite *tls_suite_find(uint16_t number);

size_t tls_aead_key_bytes(enum tls_aead aead);

#define TLS_CONTEXTS_MAX 512

/* Keys of one direction in one epoch. */
struct tls_keys {
	uint64_t number; /* of the context that is theirs, 0 = none: see tls_keys_keep */
	uint8_t key[32];
	uint8_t iv[12]; /* TLS 1.2 with AES-GCM: the first 4 bytes (salt) */
	uint8_t aead;
	bool tls13; /* inner content type, the head as additional data */
};

/* What was inside of a record: |size_bytes| bytes, of which |pieces| are there. */
struct tls_opened {
	uint8_t type; /* enum tls_content; 0 when it was not captured */
	uint16_t size_bytes;
	uint16_t piece_count;
	struct tls_piece pieces[TLS_MAX_PIECES];
	uint8_t *text; /* each piece at its offset */
};

/* A whole record: decrypts into |text| (TLS_MAX_FRAGMENT_BYTES) and checks the tag.
 * Returns 0, or -EBADMSG when the tag does not fit or the record is too short to be one. */
int tls_record_open(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
		    uint8_t *text, struct tls_opened *ret);

/* A record with holes: decrypts the pieces that are there without a proof. Returns 0, or -EBADMSG
 * when it is too short to be a record. Padding that was not captured counts as content. */
int tls_record_open_parts(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
			  uint8_t *text, struct tls_opened *ret);

/* Many records will be opened with these keys: they get a context that keeps them, until another
 * direction needs it. The thread that opens the records calls, and calls tls_keys_wipe. */
void tls_keys_keep(struct tls_keys *k);

/* Wipes these keys and the context that keeps them. */
void tls_keys_wipe(struct tls_keys *k);

/* Wipes what this thread's shared contexts hold. */
void tls_cipher_wipe(void);
