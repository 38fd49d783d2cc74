/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cipher suites, and opening records with the keys of one direction (RFC 8446 5.2, RFC 5288, RFC
 * 7905). */
#pragma once

#include "datapath/decode/tls_context.h"
#include "datapath/decode/tls_record.h"

struct tls_suite {
	uint16_t number; /* IANA */
	uint8_t aead;	 /* enum tls_aead */
	uint8_t digest;	 /* WEFT_DIGEST_*, of HKDF or the PRF */
	const char *name;
};

/* NULL: not in the table. */
const struct tls_suite *tls_suite_find(uint16_t number);

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

/* A record, whole or with holes: decrypts the pieces that are there without a proof, which costs a
 * tenth. Returns 0, or -EBADMSG when it is too short to be a record. Padding that was not captured
 * counts as content. */
int tls_record_read(const struct tls_keys *k, const struct tls_record *r, uint64_t sequence,
		    uint8_t *text, struct tls_opened *ret);
