// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of the HTTP/2 decoder, and how it recognizes its first bytes (RFC 9113). */
#include "datapath/decode/decoder.h"
#include "datapath/decode/http2.h"
#include "datapath/decode/http2_frames.h"

#define HTTP2_FRAME_HEAD_BYTES 9
#define HTTP2_MAX_FRAME_BYTES  16384   /* RFC 9113 4.2: what every peer may send */
#define HTTP2_MAX_DATA_BYTES   4194304 /* gRPC implementations announce this much */

/* What frames of each type may look like. Streams of requests have odd numbers. */
static const struct frame_shape {
	uint8_t flags;
	bool on_stream;
	bool on_connection;
	uint32_t min_bytes;
	uint32_t max_bytes;
} frame_shapes[FRAME_MAX] = {
	[FRAME_DATA] = {0x09, true, false, 0, HTTP2_MAX_DATA_BYTES},
	[FRAME_HEADERS] = {0x2d, true, false, 1, HTTP2_MAX_FRAME_BYTES},
	[FRAME_PRIORITY] = {0, true, false, 5, 5},
	[FRAME_RST_STREAM] = {0, true, false, 4, 4},
	[FRAME_SETTINGS] = {0x01, false, true, 0, 6 * 64},
	[FRAME_PUSH_PROMISE] = {0x0c, true, false, 5, HTTP2_MAX_FRAME_BYTES},
	[FRAME_PING] = {0x01, false, true, 8, 8},
	[FRAME_GOAWAY] = {0, false, true, 8, HTTP2_MAX_FRAME_BYTES},
	[FRAME_WINDOW_UPDATE] = {0, true, true, 4, 4},
	[FRAME_CONTINUATION] = {0x04, true, false, 1, HTTP2_MAX_FRAME_BYTES},
};

static bool is_frame_head(struct slice s)
{
	uint32_t size_bytes = match_number(s, 0, 3);
	uint8_t type = match_byte(s, 3), flags = match_byte(s, 4);
	uint32_t stream_id = match_number(s, 5, 4);

	if (type >= FRAME_MAX)
		return false;
	const struct frame_shape *shape = &frame_shapes[type];

	if (flags & ~shape->flags || size_bytes < shape->min_bytes || size_bytes > shape->max_bytes)
		return false;
	if (type == FRAME_SETTINGS && (size_bytes % 6 || (flags && size_bytes)))
		return false;
	return stream_id ? shape->on_stream && stream_id >> 31 == 0 && (stream_id & 1)
			 : shape->on_connection;
}

static enum match match_settings(struct slice s)
{
	static const uint8_t kind[] = {FRAME_SETTINGS, 0, 0, 0, 0, 0};
	size_t n = s.size_bytes < HTTP2_FRAME_HEAD_BYTES ? s.size_bytes : HTTP2_FRAME_HEAD_BYTES;

	if (n && match_byte(s, 0))
		return MATCH_NO;
	if (n > 3 && memcmp(s.data + 3, kind, n - 3) != 0)
		return MATCH_NO;
	if (n < HTTP2_FRAME_HEAD_BYTES)
		return MATCH_MAYBE;
	return is_frame_head(s) ? MATCH_YES : MATCH_NO;
}

static enum match begins(struct slice s, bool midstream, enum http_side *ret_sender)
{
	enum match match = match_literal(s, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));

	(void)midstream;
	*ret_sender = match == MATCH_NO ? HTTP_SERVER : HTTP_CLIENT;
	return match == MATCH_NO ? match_settings(s) : match;
}

/* The start of a DATA frame of whose payload the kernel half copies only the prefix of a gRPC
 * message. */
static bool is_left_out(struct slice s, size_t frame_bytes)
{
	return match_byte(s, 3) == FRAME_DATA &&
	       s.size_bytes == HTTP2_FRAME_HEAD_BYTES + HTTP2_LEFT_HEAD_BYTES &&
	       frame_bytes > s.size_bytes;
}

/* The bytes after a frame are fewer than a head, and may begin another frame. */
static enum match match_frame_cut(struct slice s, size_t frame_bytes)
{
	if (s.size_bytes <= frame_bytes || s.size_bytes < CLASSIFY_MAX_BYTES)
		return MATCH_MAYBE;
	return match_byte(s, frame_bytes) ? MATCH_NO : MATCH_YES;
}

/* A frame and the head of a second one, or a single frame and no more bytes. */
static enum match match_midstream(struct slice s)
{
	if (s.size_bytes < HTTP2_FRAME_HEAD_BYTES)
		return match_byte(s, 0) ? MATCH_NO : MATCH_MAYBE;
	if (!is_frame_head(s))
		return MATCH_NO;
	size_t frame_bytes = HTTP2_FRAME_HEAD_BYTES + match_number(s, 0, 3);

	if (frame_bytes == s.size_bytes || is_left_out(s, frame_bytes))
		return MATCH_YES;
	if (s.size_bytes < frame_bytes + HTTP2_FRAME_HEAD_BYTES)
		return match_frame_cut(s, frame_bytes);
	return is_frame_head(match_after(s, frame_bytes)) ? MATCH_YES : MATCH_NO;
}

static void *new(enum http_side side, enum http_start start, const struct http_listener *listener)
{
	return http2_new(side, start, listener);
}

static void release(void *decoder)
{
	http2_free(decoder);
}

static enum decode_status feed(void *decoder, const struct feed *f, size_t *ret_used)
{
	(void)ret_used;
	return http2_feed(decoder, f);
}

static uint64_t body_left(const void *decoder)
{
	return http2_body_left(decoder);
}

static uint64_t head_first(const void *decoder, uint32_t *ret_stream_id)
{
	uint64_t first = 0;

	*ret_stream_id = http2_block_stream(decoder, &first);
	return first;
}

static void pair(void *client, void *server)
{
	http2_pair(client, server);
}

const struct decoder http2_decoder = {
	.id = DECODER_HTTP2,
	.name = "http2",
	.multiplexed = true,
	.upgrade = {"h2c", 3},
	.refusal = {"HTTP/1.", 7}, /* no frame begins like this */
	.refused_by = &http1_decoder,
	.begins = begins,
	.midstream = match_midstream,
	.new = new,
	.free = release,
	.feed = feed,
	.body_left = body_left,
	.head_first = head_first,
	.pair = pair,
};
