/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The header blocks of one direction of HTTP/2: fragments of HEADERS, PUSH_PROMISE and CONTINUATION
 * in, fields out. A long block is inflated in parts, so that the bytes stored of a block are
 * bounded. Pure; used by http2.c alone. */
#pragma once

#include "datapath/decode/hpack.h"

/* A header block from its first frame to END_HEADERS. */
struct http2_block {
	bool open;
	bool end_stream;
	uint8_t type; /* of its first frame; CONTINUATION: that was before the capture */
	uint32_t stream_id;
	uint64_t first; /* position of the first frame */
	uint64_t size_bytes;
	struct hpack *hpack;
	/* stored fragments */
	uint8_t *held;
	uint32_t held_bytes, held_size;
	uint32_t part_bytes;	     /* the number that is inflated next */
	struct hpack_fields *fields; /* of a block that is inflated in parts, or NULL */
};

/* Frees the stored bytes. The inflater is the caller's. */
void http2_block_free(struct http2_block *b);

/* The next bytes of an open block. Takes at least one of them, |*ret_taken|. DECODE_LIMIT: memory
 * is short; else as hpack_inflate. */
enum decode_status http2_block_take(struct http2_block *b, struct slice bytes, size_t *ret_taken);

/* The block is complete with |rest|: its fields are in |fields| or, when it came in parts, in
 * |*ret_fields|, until http2_block_free. */
enum decode_status http2_block_end(struct http2_block *b, struct slice rest,
				   struct hpack_fields *fields,
				   const struct hpack_fields **ret_fields);
