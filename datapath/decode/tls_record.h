/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cuts one direction of a TLS connection into records, whatever the cuts and gaps of its bytes (RFC
 * 8446 5.1). */
#pragma once

#include "datapath/decode/http.h"

#include <stdbool.h>
#include <stdint.h>

#define TLS_RECORD_HEAD_BYTES 5
#define TLS_MAX_FRAGMENT_BYTES                                                                     \
	(16384 + 2048) /* RFC 5246 6.2.3, the larger of the versions' bounds */
#define TLS_MAX_PIECES 16

enum tls_content {
	TLS_CONTENT_CHANGE_CIPHER = 20,
	TLS_CONTENT_ALERT = 21,
	TLS_CONTENT_HANDSHAKE = 22,
	TLS_CONTENT_APPLICATION = 23,
	TLS_CONTENT_HEARTBEAT = 24,
};

/* A run of captured bytes inside of a record. */
struct tls_piece {
	uint16_t offset;
	uint16_t size_bytes;
};

/* One record: what its head says and the bytes of its fragment that were captured. */
struct tls_record {
	uint8_t type; /* enum tls_content */
	uint16_t version;
	uint16_t size_bytes; /* of the fragment, captured or not */
	uint16_t captured_bytes;
	uint16_t piece_count;
	uint64_t end;	     /* position of its last byte, as in struct feed */
	uint64_t time_ns;    /* of the feed that completed it */
	const uint8_t *data; /* the pieces, one after the other */
	struct tls_piece
		pieces[TLS_MAX_PIECES]; /* by offset, not touching; the first piece_count are set */
};

static inline bool tls_record_is_whole(const struct tls_record *r)
{
	return r->captured_bytes == r->size_bytes;
}

struct tls_partial;

/* Zero is the start of a stream. */
struct tls_splitter {
	uint8_t head[TLS_RECORD_HEAD_BYTES];
	uint8_t head_bytes;
	uint16_t taken_bytes;	     /* of the fragment, gaps included */
	uint64_t end;		     /* position of the last byte taken */
	struct tls_partial *partial; /* captured part of a record that came in more than one feed */
};

/* Takes bytes from |f|, which is advanced, until a record is complete. A record with more than
 * TLS_MAX_PIECES pieces loses the further ones. Returns 1 and *ret (data borrowed until the next
 * call), 0 when |f| is used up, -EPIPE when a gap covers a record head, -EBADMSG when a head is not
 * one of TLS, -ENOMEM. */
int tls_record_next(struct tls_splitter *s, struct feed *f, uint64_t time_ns,
		    struct tls_record *ret);

void tls_splitter_release(struct tls_splitter *s);
