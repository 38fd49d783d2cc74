/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP/2 (RFC 9113) of one direction of one connection: our own frame splitter, libnghttp2's bare
 * HPACK inflater (RFC 7541), gRPC on top. Bytes in, callbacks out. Pure. */
#pragma once

#include "datapath/decode/http.h"

struct http2;

struct http2_counters {
	uint64_t resets;
	uint64_t header_blocks;
	uint64_t streams_forgotten; /* more than HTTP2_MAX_STREAMS at once */
};

/* NULL when memory is short; free with http2_free. |listener| is copied. */
struct http2 *http2_new(enum http_side side, enum http_start start,
			const struct http_listener *listener);
void http2_free(struct http2 *h);

/* Feeds bytes or a gap. A gap inside the payload of a DATA frame counts as body. A gap inside a
 * part that is skipped (padding, PING, unknown frames) has no effect. Elsewhere it gives
 * DECODE_DESYNC, because all header blocks depend on those before. Padding is not body. A HEADERS
 * block after the first one of a stream and direction is trailers, except interim (1xx) responses.
 * A head's |first| is the first byte of the HEADERS frame, |last| the last of the frame that ends
 * the block, |header_bytes| the size of the block itself. PUSH_PROMISE header blocks are inflated
 * (the table must stay right) and not reported; the pushed response is. In a midstream direction,
 * fields that refer to unknown table entries are missing and the head is |incomplete|; no field is
 * ever wrong. Deviations that some servers accept are not errors: no SETTINGS at the start, a
 * stream number in SETTINGS, PING and GOAWAY. */
enum decode_status http2_feed(struct http2 *h, const struct feed *f);

/* The two directions of one connection; when one is freed, the other drops its link.
 * SETTINGS_HEADER_TABLE_SIZE as the OTHER direction announced it bounds this direction's table (RFC
 * 7541 4.2), its SETTINGS_MAX_FRAME_SIZE this direction's frames (RFC 9113 4.2): a longer one is
 * malformed. */
void http2_pair(struct http2 *client, struct http2 *server);

/* Of a longer payload of a DATA frame the kernel half copies only the first bytes: as many as the
 * prefix of a gRPC message has. */
#define HTTP2_COPIED_BYTES    512
#define HTTP2_LEFT_HEAD_BYTES 5

/* How many of the next payload bytes of the current DATA frame may be missing; in a short frame of
 * a gRPC stream at most those of the current message. */
uint64_t http2_body_left(const struct http2 *h);

/* The stream whose header block is being read, which began at |*ret_first|; 0: none. */
uint32_t http2_block_stream(const struct http2 *h, uint64_t *ret_first);

const struct http2_counters *http2_counts(const struct http2 *h);
