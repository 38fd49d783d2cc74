// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2 frames (RFC 9113) of one direction. Each payload has three parts, of which any may be
// empty: bytes that are gathered and parsed, then a fragment of a header block or body content,
// then bytes that are skipped.
#include "datapath/decode/http2.h"

#include "base/cursor.h"
#include "datapath/decode/http2_block.h"
#include "datapath/decode/http2_frames.h"
#include "datapath/decode/http2_streams.h"

#include <stdlib.h>

#define FRAME_HEAD_BYTES  9
#define FRAME_TAKEN_BYTES 16384 /* every receiver accepts frames of this length (RFC 9113 4.2) */
#define SETTING_BYTES	  6

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_BYTES (sizeof(preface) - 1)

enum phase { PHASE_PREFACE, PHASE_HEAD, PHASE_GATHER, PHASE_FRAGMENT, PHASE_BODY, PHASE_SKIP };

struct frame {
	uint32_t size_bytes; /* of the payload */
	uint8_t type;
	uint8_t flags;
	uint32_t stream_id;
	uint64_t first; /* position of the head's first byte */
	/* the rest of the payload, in this order */
	uint32_t gather_bytes, fragment_bytes, body_bytes, skip_bytes;
};

/* The gathered part of a frame, while it is incomplete. */
struct hold {
	uint8_t *data;
	uint32_t used_bytes;
};

struct http2 {
	enum decode_status status;
	enum phase phase;
	bool midstream;	    /* frames, streams and header blocks were sent before */
	bool upgraded;	    /* settings came in the HTTP/1 request */
	bool settings_seen; /* the frame that every direction begins with (RFC 9113 3.4); for a
			       client the preface is enough, since some servers require no more */
	uint8_t head_used;  /* bytes of the preface or of a frame's head */
	uint8_t head[FRAME_HEAD_BYTES];
	uint32_t takes_bytes; /* the longest frame that this side accepts; 0 = not known */
	struct frame frame;
	struct http2_block block;
	struct hold hold;
	struct http2_streams streams;
	struct hpack *hpack;
	struct http2 *peer;
	struct http2_counters counters;
};

static void hold_release(struct hold *hold)
{
	free(hold->data);
	*hold = (struct hold){0};
}

/* ---- header blocks */

static void take_fields(struct http2 *h, const struct hpack_fields *fields, uint64_t position)
{
	const struct http2_block *b = &h->block;

	if (b->type != FRAME_HEADERS)
		return;
	http2_streams_block(&h->streams, fields,
			    &(struct http_head){
				    .stream_id = b->stream_id,
				    .end_stream = b->end_stream,
				    .header_bytes = (uint32_t)b->size_bytes,
				    .first = b->first,
				    .last = position,
			    });
}

/* |rest|: a complete block, or nothing. */
static void end_block(struct http2 *h, struct slice rest, uint64_t position)
{
	const struct hpack_fields *found;
	struct hpack_fields fields;
	enum decode_status status;

	h->counters.header_blocks++;
	if (h->block.type == FRAME_CONTINUATION) {
		h->block.open = false;
		return;
	}
	status = http2_block_end(&h->block, rest, &fields, &found);
	if (status == DECODE_OK)
		take_fields(h, found, position);
	else
		h->status = status;
	http2_block_free(&h->block);
}

/* What comes before the fragment in a payload of HEADERS, PUSH_PROMISE, CONTINUATION (RFC 9113 6.2,
 * 6.6, 6.10). */
static uint32_t before_fragment(const struct frame *f)
{
	uint32_t padding = f->type != FRAME_CONTINUATION && f->flags & FLAG_PADDED ? 1 : 0;

	if (f->type == FRAME_HEADERS && f->flags & FLAG_PRIORITY)
		return padding + 5;
	return padding + (f->type == FRAME_PUSH_PROMISE ? 4 : 0); /* the promised stream */
}

static bool has_fragment(const struct frame *f)
{
	return f->type == FRAME_HEADERS || f->type == FRAME_PUSH_PROMISE ||
	       f->type == FRAME_CONTINUATION;
}

/* ---- frames */

/* What was announced before a midstream direction was discovered is not known, so there is no
 * bound. */
static void take_settings(struct http2 *h, struct slice payload)
{
	struct cursor c = cursor_over(payload.data, payload.size_bytes);
	uint32_t table_bytes = HPACK_DEFAULT_TABLE_BYTES;

	if (h->frame.size_bytes % SETTING_BYTES) {
		h->status = DECODE_MALFORMED;
		return;
	}
	if (h->frame.flags & FLAG_ACK || h->midstream)
		return;
	if (h->frame.skip_bytes) { /* the part that is skipped may announce anything */
		h->takes_bytes = ANY_BYTES;
		table_bytes = UINT32_MAX;
	}
	if (!h->takes_bytes && !h->upgraded)
		h->takes_bytes = FRAME_TAKEN_BYTES;
	while (cursor_left(&c)) {
		uint16_t id = cursor_u16_be(&c);
		uint32_t value = cursor_u32_be(&c);

		if (id == SETTINGS_HEADER_TABLE_SIZE && value > table_bytes)
			table_bytes = value;
		else if (id == SETTINGS_MAX_FRAME_SIZE && value > h->takes_bytes)
			h->takes_bytes = value;
	}
	if (h->peer)
		hpack_announce_table_size(h->peer->hpack, table_bytes);
}

static void take_reset(struct http2 *h, struct slice payload, uint64_t position)
{
	struct cursor c = cursor_over(payload.data, payload.size_bytes);
	const struct http_listener *l = &h->streams.listener;
	uint32_t stream_id = h->frame.stream_id;

	h->counters.resets++;
	http2_streams_forget(&h->streams, stream_id);
	if (h->peer)
		http2_streams_forget(&h->peer->streams, stream_id);
	if (l->reset)
		l->reset(l->arg, stream_id, cursor_u32_be(&c), position);
}

static void take_goaway(struct http2 *h, struct slice payload, uint64_t position)
{
	struct cursor c = cursor_over(payload.data, payload.size_bytes);
	const struct http_listener *l = &h->streams.listener;
	uint32_t last_stream_id = cursor_u32_be(&c) & INT32_MAX;

	if (l->goaway)
		l->goaway(l->arg, last_stream_id, cursor_u32_be(&c), position);
}

/* DATA and header blocks: the gathered part begins with the length of the padding, which is
 * subtracted from |content_bytes|. */
static void take_padding(struct http2 *h, struct slice payload, uint32_t *content_bytes)
{
	bool padded = h->frame.flags & FLAG_PADDED && h->frame.type != FRAME_CONTINUATION;
	uint32_t padding_bytes = padded && payload.size_bytes ? (uint8_t)payload.data[0] : 0;
	bool absent = padded && !payload.size_bytes;

	if (absent || padding_bytes > *content_bytes) {
		h->status = DECODE_MALFORMED;
		return;
	}
	*content_bytes -= padding_bytes;
	h->frame.skip_bytes = padding_bytes;
}

static void take_gathered(struct http2 *h, struct slice payload, uint64_t position)
{
	switch (h->frame.type) {
	case FRAME_DATA:
		take_padding(h, payload, &h->frame.body_bytes);
		break;
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		take_padding(h, payload, &h->frame.fragment_bytes);
		break;
	case FRAME_SETTINGS:
		take_settings(h, payload);
		break;
	case FRAME_RST_STREAM:
		take_reset(h, payload, position);
		break;
	case FRAME_GOAWAY:
		take_goaway(h, payload, position);
		break;
	default:
		break;
	}
}

static void end_frame(struct http2 *h, uint64_t position)
{
	const struct frame *f = &h->frame;

	if (f->type == FRAME_DATA && f->flags & FLAG_END_STREAM)
		http2_streams_end(&h->streams, f->stream_id, position);
	else if (has_fragment(f) && h->block.open && f->flags & FLAG_END_HEADERS)
		end_block(h, SLICE(""), position);
}

/* Goes on to the next part of the payload; |position| is that of the last byte taken. */
static void continue_frame(struct http2 *h, uint64_t position)
{
	const struct frame *f = &h->frame;

	if (f->gather_bytes) {
		h->phase = PHASE_GATHER;
		return;
	}
	hold_release(&h->hold);
	if (f->fragment_bytes) {
		h->phase = PHASE_FRAGMENT;
	} else if (f->body_bytes) {
		h->phase = PHASE_BODY;
	} else if (f->skip_bytes) {
		h->phase = PHASE_SKIP;
	} else {
		h->phase = PHASE_HEAD;
		end_frame(h, position);
	}
}

static void begin_block(struct http2 *h)
{
	const struct frame *f = &h->frame;

	h->block = (struct http2_block){
		.open = true,
		.hpack = h->hpack,
		.type = f->type,
		.end_stream = f->type == FRAME_HEADERS && f->flags & FLAG_END_STREAM,
		.stream_id = f->stream_id,
		.first = f->first,
	};
}

/* A midstream direction may begin with the rest of a block. It inserts entries into the table that
 * are older than all known ones, so it can be skipped. */
static void begin_continuation(struct http2 *h)
{
	if (!h->block.open) {
		if (!h->midstream || h->counters.header_blocks) {
			h->status = DECODE_MALFORMED;
			return;
		}
		begin_block(h);
	}
}

/* Some servers do not check that a frame of the connection has stream number 0. */
static bool rules_kept(const struct http2 *h)
{
	const struct frame *f = &h->frame;
	enum scope scope;

	if (f->type >= FRAME_MAX)
		return true;
	if (f->size_bytes < frame_rules[f->type].min_bytes ||
	    f->size_bytes > frame_rules[f->type].max_bytes)
		return false;
	scope = frame_rules[f->type].scope;
	if (scope == ON_CONNECTION && h->streams.side == HTTP_CLIENT && !h->midstream)
		scope = ON_EITHER;
	return scope == ON_EITHER || (scope == ON_STREAM) == !!f->stream_id;
}

/* Bytes that are not a frame usually look like one that is much too long, which would be skipped
 * without an error. */
static bool is_too_long(const struct http2 *h)
{
	return h->peer && h->peer->takes_bytes && h->frame.size_bytes > h->peer->takes_bytes;
}

static void check_frame(struct http2 *h)
{
	const struct frame *f = &h->frame;

	if (!h->settings_seen &&
	    (f->type != FRAME_SETTINGS || f->flags & FLAG_ACK || !rules_kept(h)))
		h->status = DECODE_NOT_MINE;
	else if (!rules_kept(h) || is_too_long(h))
		h->status = DECODE_MALFORMED;
	else if (h->block.open &&
		 (f->type != FRAME_CONTINUATION || f->stream_id != h->block.stream_id))
		h->status = DECODE_MALFORMED;
	else if (has_fragment(f) && f->size_bytes < before_fragment(f))
		h->status = DECODE_MALFORMED;
	h->settings_seen = true;
}

/* Divides the payload into the gathered part, the fragment or body, and the skipped part. */
static void divide_payload(struct frame *f)
{
	uint32_t gather = f->type < FRAME_MAX ? frame_rules[f->type].gathered_bytes : 0;

	if (f->type == FRAME_DATA && f->flags & FLAG_PADDED)
		gather = 1;
	else if (has_fragment(f))
		gather = before_fragment(f);
	f->gather_bytes = gather < f->size_bytes ? gather : f->size_bytes;
	f->body_bytes = f->type == FRAME_DATA ? f->size_bytes - f->gather_bytes : 0;
	f->fragment_bytes = has_fragment(f) ? f->size_bytes - f->gather_bytes : 0;
	f->skip_bytes = f->size_bytes - f->gather_bytes - f->fragment_bytes - f->body_bytes;
}

static void begin_frame(struct http2 *h, const uint8_t head[FRAME_HEAD_BYTES], uint64_t position)
{
	struct cursor c = cursor_over(head, FRAME_HEAD_BYTES);
	struct frame *f = &h->frame;

	f->size_bytes = cursor_u24_be(&c);
	f->type = cursor_u8(&c);
	f->flags = cursor_u8(&c);
	f->stream_id = cursor_u32_be(&c) & INT32_MAX;
	divide_payload(f);
	check_frame(h);
	if (h->status != DECODE_OK)
		return;
	if (f->type == FRAME_DATA)
		http2_streams_data(&h->streams, f->stream_id, f->flags & FLAG_END_STREAM);
	else if (f->type == FRAME_HEADERS || f->type == FRAME_PUSH_PROMISE)
		begin_block(h);
	else if (f->type == FRAME_CONTINUATION)
		begin_continuation(h);
	if (h->status == DECODE_OK && !f->gather_bytes)
		take_gathered(h, SLICE(""), position);
	if (h->status == DECODE_OK)
		continue_frame(h, position);
}

/* ---- consumers of bytes: each takes some of |f| at |index| and returns how many */

static size_t at_most(const struct feed *f, size_t index, size_t size_bytes)
{
	return size_bytes < f->size_bytes - index ? size_bytes : f->size_bytes - index;
}

static size_t feed_preface(struct http2 *h, const struct feed *f, size_t index)
{
	size_t n = at_most(f, index, PREFACE_BYTES - h->head_used);

	if (memcmp(f->data + index, preface + h->head_used, n) != 0)
		h->status = DECODE_NOT_MINE;
	h->head_used += n;
	if (h->head_used == PREFACE_BYTES) {
		h->head_used = 0;
		h->phase = PHASE_HEAD;
	}
	return n;
}

static size_t feed_head(struct http2 *h, const struct feed *f, size_t index)
{
	size_t n = at_most(f, index, FRAME_HEAD_BYTES - h->head_used);
	uint64_t position = feed_position(f, index + n - 1);

	if (!h->head_used)
		h->frame.first = feed_position(f, index);
	if (n == FRAME_HEAD_BYTES) {
		begin_frame(h, f->data + index, position);
		return n;
	}
	memcpy(h->head + h->head_used, f->data + index, n);
	h->head_used += n;
	if (h->head_used == FRAME_HEAD_BYTES) {
		h->head_used = 0;
		begin_frame(h, h->head, position);
	}
	return n;
}

/* In place if it is complete, else gathered in the hold. */
static size_t feed_gather(struct http2 *h, const struct feed *f, size_t index)
{
	struct hold *hold = &h->hold;
	size_t n = at_most(f, index, h->frame.gather_bytes);
	struct slice payload = {(const char *)f->data + index, n};

	if (hold->data || n < h->frame.gather_bytes) {
		if (!hold->data)
			hold->data = malloc(h->frame.gather_bytes);
		if (!hold->data) {
			h->status = DECODE_LIMIT;
			return n;
		}
		memcpy(hold->data + hold->used_bytes, f->data + index, n);
		hold->used_bytes += n;
		payload.data = (const char *)hold->data;
		payload.size_bytes = hold->used_bytes;
	}
	h->frame.gather_bytes -= n;
	if (h->frame.gather_bytes)
		return n;
	take_gathered(h, payload, feed_position(f, index + n - 1));
	if (h->status == DECODE_OK)
		continue_frame(h, feed_position(f, index + n - 1));
	return n;
}

/* A block that is complete is inflated in place. */
static size_t feed_fragment(struct http2 *h, const struct feed *f, size_t index)
{
	struct frame *frame = &h->frame;
	size_t n = at_most(f, index, frame->fragment_bytes);
	struct slice bytes = {(const char *)f->data + index, n};
	bool whole = frame->type == FRAME_HEADERS && frame->flags & FLAG_END_HEADERS &&
		     n == frame->fragment_bytes && !h->block.size_bytes && !frame->skip_bytes;
	enum decode_status status = DECODE_OK;

	if (whole)
		end_block(h, bytes, feed_position(f, index + n - 1));
	else if (h->block.type != FRAME_CONTINUATION)
		status = http2_block_take(&h->block, bytes, &n);
	if (status != DECODE_OK)
		h->status = status;
	frame->fragment_bytes -= n;
	if (h->status == DECODE_OK)
		continue_frame(h, feed_position(f, index + n - 1));
	return n;
}

static size_t feed_body(struct http2 *h, const struct feed *f, size_t index)
{
	size_t n = at_most(f, index, h->frame.body_bytes);
	uint64_t position = feed_position(f, index + n - 1);

	h->frame.body_bytes -= n;
	http2_streams_body(&h->streams, h->frame.stream_id, f->data ? f->data + index : NULL, n,
			   !h->frame.body_bytes, position);
	continue_frame(h, position);
	return n;
}

static size_t feed_skip(struct http2 *h, const struct feed *f, size_t index)
{
	size_t n = at_most(f, index, h->frame.skip_bytes);

	h->frame.skip_bytes -= n;
	continue_frame(h, feed_position(f, index + n - 1));
	return n;
}

static size_t feed_some(struct http2 *h, const struct feed *f, size_t index)
{
	if (!f->data && h->phase != PHASE_BODY && h->phase != PHASE_SKIP) {
		h->status = DECODE_DESYNC;
		return 0;
	}
	switch (h->phase) {
	case PHASE_PREFACE:
		return feed_preface(h, f, index);
	case PHASE_HEAD:
		return feed_head(h, f, index);
	case PHASE_GATHER:
		return feed_gather(h, f, index);
	case PHASE_FRAGMENT:
		return feed_fragment(h, f, index);
	case PHASE_BODY:
		return feed_body(h, f, index);
	default:
		return feed_skip(h, f, index);
	}
}

/* ---- public */

struct http2 *http2_new(enum http_side side, enum http_start start,
			const struct http_listener *listener)
{
	struct http2 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->midstream = start == HTTP_MIDSTREAM;
	h->upgraded = start == HTTP_UPGRADED && side == HTTP_CLIENT;
	h->streams.listener = *listener;
	h->streams.side = side;
	h->streams.midstream = h->midstream;
	h->streams.forgotten = &h->counters.streams_forgotten;
	h->settings_seen = h->midstream || side == HTTP_CLIENT;
	h->phase = side == HTTP_CLIENT && !h->midstream ? PHASE_PREFACE : PHASE_HEAD;
	h->hpack = hpack_new(h->midstream);
	if (!h->hpack) {
		http2_free(h);
		return NULL;
	}
	return h;
}

void http2_free(struct http2 *h)
{
	if (!h)
		return;
	if (h->peer && h->peer->peer == h)
		h->peer->peer = NULL;
	hpack_free(h->hpack);
	hold_release(&h->hold);
	http2_block_free(&h->block);
	http2_streams_fini(&h->streams);
	free(h);
}

enum decode_status http2_feed(struct http2 *h, const struct feed *f)
{
	size_t index = 0;

	while (h->status == DECODE_OK && index < f->size_bytes)
		index += feed_some(h, f, index);
	return h->status;
}

void http2_pair(struct http2 *client, struct http2 *server)
{
	client->peer = server;
	server->peer = client;
}

uint64_t http2_body_left(const struct http2 *h)
{
	uint64_t left = h->phase == PHASE_BODY ? h->frame.body_bytes : 0;
	uint64_t skippable = http2_streams_skippable(&h->streams, h->frame.stream_id);

	if (h->frame.size_bytes > HTTP2_COPIED_BYTES &&
	    left + HTTP2_LEFT_HEAD_BYTES <= h->frame.size_bytes)
		return left;
	return left < skippable ? left : skippable;
}

uint32_t http2_block_stream(const struct http2 *h, uint64_t *ret_first)
{
	if (!h->block.open)
		return 0;
	*ret_first = h->block.first;
	return h->block.stream_id;
}

const struct http2_counters *http2_counts(const struct http2 *h)
{
	return &h->counters;
}
