/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes HTTP/2 as a peer would, header blocks by libnghttp2's deflater, and checks what a decoder
 * makes of it. For cmocka tests. */
#pragma once

#include "datapath/decode/fixture_test.h"
#include "datapath/decode/http2.h"

#include <nghttp2/nghttp2.h>

#include <stdlib.h>

#define WIRE_MAX_BYTES 262144
#define WIRE_PREFACE   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct wire {
	uint8_t data[WIRE_MAX_BYTES];
	size_t used_bytes;
	nghttp2_hd_deflater *deflater;
};

static inline struct wire *wire_new(void)
{
	struct wire *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(nghttp2_hd_deflate_new(&w->deflater, 65536), 0);
	return w;
}

static inline void wire_free(struct wire *w)
{
	nghttp2_hd_deflate_del(w->deflater);
	free(w);
}

static inline void wire_bytes(struct wire *w, const void *data, size_t size_bytes)
{
	assert_true(w->used_bytes + size_bytes <= sizeof(w->data));
	memcpy(w->data + w->used_bytes, data, size_bytes);
	w->used_bytes += size_bytes;
}

static inline void wire_frame(struct wire *w, uint8_t type, uint8_t flags, uint32_t stream_id,
			      const void *payload, size_t size_bytes)
{
	uint8_t head[9] = {size_bytes >> 16, size_bytes >> 8, size_bytes,     type,	flags,
			   stream_id >> 24,  stream_id >> 16, stream_id >> 8, stream_id};

	wire_bytes(w, head, sizeof(head));
	wire_bytes(w, payload, size_bytes);
}

/* Header fields as "name: value\n" lines; deflated into |out|. */
static inline size_t wire_block(struct wire *w, const char *lines, uint8_t *out, size_t out_bytes)
{
	nghttp2_nv fields[64];
	size_t n = 0;

	for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
		const char *colon = strstr(lines, ": ");

		assert_true(colon && colon < end && n < 64);
		fields[n++] =
			(nghttp2_nv){(uint8_t *)(uintptr_t)lines, (uint8_t *)(uintptr_t)(colon + 2),
				     (size_t)(colon - lines), (size_t)(end - colon - 2), 0};
	}
	ssize_t used = nghttp2_hd_deflate_hd(w->deflater, out, out_bytes, fields, n);

	assert_true(used >= 0);
	return (size_t)used;
}

/* HEADERS with END_HEADERS and |flags|. */
static inline void wire_headers(struct wire *w, uint8_t flags, uint32_t stream_id,
				const char *lines)
{
	uint8_t block[32768];
	size_t n = wire_block(w, lines, block, sizeof(block));

	wire_frame(w, 1, flags | 4, stream_id, block, n);
}

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, PRIO = 32 };

struct start {
	enum http_side side;
	enum http_start start;
};

static const struct start __attribute__((unused)) client = {HTTP_CLIENT, HTTP_FROM_START};
static const struct start __attribute__((unused)) server = {HTTP_SERVER, HTTP_FROM_START};
static const struct start __attribute__((unused)) midstream_client = {HTTP_CLIENT, HTTP_MIDSTREAM};
static const struct start __attribute__((unused)) midstream_server = {HTTP_SERVER, HTTP_MIDSTREAM};

static inline void *open_http2(struct transcript *t, const void *arg)
{
	const struct start *s = arg;
	struct http_listener l = transcript_listener(t);

	return http2_new(s->side, s->start, &l);
}

static inline enum decode_status feed_http2(void *decoder, const struct feed *f, size_t *ret_used)
{
	(void)ret_used;
	return http2_feed(decoder, f);
}

static inline void close_http2(void *decoder)
{
	http2_free(decoder);
}

static const struct fixture_driver
	__attribute__((unused)) driver = {open_http2, feed_http2, NULL, close_http2};

/* Each way of feeding |w| must give the events |expect| and end in |status|; frees |w|. */
static inline void check(const char *name, struct wire *w, const struct start *start,
			 enum decode_status status, const char *expect)
{
	struct fixture x = {.name = name,
			    .data = w->data,
			    .size_bytes = w->used_bytes,
			    .arg = start,
			    .status = status,
			    .expect = expect};

	fixture_check(&driver, &x);
	wire_free(w);
}

static inline struct wire *client_wire(void)
{
	struct wire *w = wire_new();

	wire_bytes(w, WIRE_PREFACE, 24);
	wire_frame(w, SETTINGS, 0, 0, "", 0);
	return w;
}

static inline struct wire *server_wire(void)
{
	struct wire *w = wire_new();

	wire_frame(w, SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
	return w;
}

#define GET ":method: GET\n:path: /\n:scheme: http\n:authority: a\n"
