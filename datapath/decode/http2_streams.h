/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The streams of one direction of an HTTP/2 connection: the meaning of a header block or DATA frame
 * depends on earlier frames of the stream, about which a bounded number of notes is kept. Calls the
 * listener. Pure; used by http2.c alone. */
#pragma once

#include "datapath/decode/hpack.h"

/* Bounds; beyond them the result is DECODE_LIMIT or, for a single stream, a count in
 * http2_counters. The fields of header blocks have bounds of their own (hpack.h). */
#define HTTP2_MAX_STREAMS                                                                          \
	1024 /* streams of which this decoder keeps a note at a time (gRPC prefix, head or         \
		trailers) */

struct http2_note;

struct http2_streams {
	struct http_listener listener;
	enum http_side side;
	bool midstream;		  /* streams may be older than the decoder */
	uint32_t highest_stream;  /* of which a request head was seen */
	struct http2_note *notes; /* by stream number */
	uint32_t notes_count, notes_size;
	uint32_t recent; /* index of the note last found */
	uint32_t clock;
	uint64_t *forgotten; /* counts notes that were replaced */
};

/* Frees the notes. The caller owns the structure and sets listener, side, midstream and forgotten.
 */
void http2_streams_fini(struct http2_streams *s);

/* A header block of HEADERS was inflated: reports it as head or trailers, and the end of the stream
 * if it has END_STREAM. Of |where| stream_id, end_stream, header_bytes, first and last are given;
 * the rest comes from |fields|. */
void http2_streams_block(struct http2_streams *s, const struct hpack_fields *fields,
			 const struct http_head *where);

/* A DATA frame begins. */
void http2_streams_data(struct http2_streams *s, uint32_t stream_id, bool end_stream);

/* |size_bytes| of body content, |data| NULL for a gap; the last is at |position|. |frame_ends|: it
 * is the last of its DATA frame. */
void http2_streams_body(struct http2_streams *s, uint32_t stream_id, const uint8_t *data,
			size_t size_bytes, bool frame_ends, uint64_t position);

/* This direction of the stream is complete. */
void http2_streams_end(struct http2_streams *s, uint32_t stream_id, uint64_t position);

/* The stream was reset: its note is removed. */
void http2_streams_forget(struct http2_streams *s, uint32_t stream_id);

/* How many bytes of the body may be missing without losing count of messages; UINT64_MAX: all. */
uint64_t http2_streams_skippable(const struct http2_streams *s, uint32_t stream_id);
