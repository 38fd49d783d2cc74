// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the bytes of a connection are: classified, given to the HTTP decoders. */
#include "datapath/observe/l7.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/l7_stream.h"
#include "datapath/observe/requests.h"
#include "datapath/observe/simple.h"

#define SKIP_MIN_BYTES 262144 /* of a body: less is not worth a write to weft_skips */

static size_t l7_stream_feed(struct l7_stream *l7, const struct feed *f, uint64_t time_ns);

/* ---- protocol switches
 * -------------------------------------------------------------------------- */

/* The answer decided for another protocol; |rest| are the bytes after it. */
static void switch_protocol(struct l7_stream *l7, struct feed rest)
{
	struct conn *c = l7->conn;
	const struct decoder *to = c->http->switching ? c->http->switch_to : NULL;

	l7_stream_stop(&c->l7[SIDE_CLIENT], L7_NEW);
	l7_stream_stop(&c->l7[SIDE_SERVER], L7_NEW);
	if (!to) {
		requests_drop(c);
		c->opaque = true;
		return;
	}
	c->decoder = to;
	c->l7[SIDE_CLIENT].start = c->l7[SIDE_SERVER].start = HTTP_UPGRADED;
	requests_upgrade(c);
	if (rest.size_bytes)
		l7_stream_feed(l7, &rest, l7->time_ns);
}

/* ---- HTTP
 * --------------------------------------------------------------------------------------- */

static void decoder_feed(struct l7_stream *l7, const struct feed *f)
{
	size_t used = f->size_bytes;
	enum decode_status status = l7->conn->decoder->feed(l7->decoder, f, &used);

	if (status == DECODE_SWITCH && l7->side == SIDE_SERVER)
		switch_protocol(l7, feed_rest(f, used));
	else if (status == DECODE_SWITCH)
		l7->state = L7_SWITCHED;
	else if (status != DECODE_OK)
		l7_stream_lose(l7, status);
}

/* A server that does not speak HTTP/2 refuses the preface, which a client sends unasked, as a
 * request of HTTP/1. */
static bool is_refused(const struct l7_stream *l7, const struct feed *f)
{
	struct slice refusal = l7->conn->decoder->refusal;
	size_t size = f->size_bytes < refusal.size_bytes ? f->size_bytes : refusal.size_bytes;

	return l7->side == SIDE_SERVER && l7->state == L7_NEW && l7->start == HTTP_FROM_START &&
	       size && f->data && !memcmp(f->data, refusal.data, size);
}

/* What the client says is no request from its first byte on. */
static void refuse(struct conn *c)
{
	struct l7_stream *requests = &c->l7[SIDE_CLIENT];

	l7_stream_stop(requests, L7_BROKEN);
	c->decoder = c->decoder->refused_by;
	c->numbered = false;
	c->flags |= RESPONSE_FLAG(DPE);
	requests->broken_at = requests_refuse(c) ? 0 : requests->prefix_at;
}

static void http_feed(struct l7_stream *l7, const struct feed *f)
{
	struct conn *c = l7->conn;
	struct feed rest;
	size_t from = 0;

	if (l7->state == L7_SWITCHED) {
		if (c->http->switching) /* no answer yet */
			return;
		l7->state = L7_RUNNING; /* an ordinary one: requests go on */
	}
	if (is_refused(l7, f))
		refuse(c);
	if (!l7_stream_seek(l7, f, &from))
		return;
	if (from) {
		rest = feed_rest(f, from);
		f = &rest;
	}
	if (l7->state != L7_RUNNING && !l7_stream_start(l7)) {
		l7_give_up(c, conn_protocol(c));
		return;
	}
	decoder_feed(l7, f);
}

/* ---- classifying
 * -------------------------------------------------------------------------------- */

/* Keeps what is too short to classify; returns the bytes taken from |f|. */
static size_t prefix_keep(struct l7_stream *l7, const struct feed *f, uint64_t time_ns)
{
	size_t room = sizeof(l7->prefix) - l7->prefix_bytes;
	size_t size_bytes = f->size_bytes < room ? f->size_bytes : room;

	if (!l7->prefix_bytes) {
		l7->prefix_at = f->at;
		l7->prefix_step = f->step;
		l7->prefix_message = f->message;
		l7->prefix_time_ns = time_ns;
	}
	memcpy(l7->prefix + l7->prefix_bytes, f->data, size_bytes);
	l7->prefix_bytes += size_bytes;
	return size_bytes;
}

static void prefix_replay(struct l7_stream *l7)
{
	uint8_t bytes[CLASSIFY_MAX_BYTES];
	struct feed f;

	if (l7_stream_prefix(l7, bytes, &f))
		l7_stream_feed(l7, &f, l7->prefix_time_ns);
}

/* The answer to a request that came in order. */
static bool is_response(const struct classified *k)
{
	return k->decoder && !k->decoder->multiplexed && k->sender == HTTP_SERVER;
}

/* The first direction that is classified decides for both; on a midstream connection the other one
 * has to be found. False: not decided yet. */
static bool l7_stream_decide(struct l7_stream *l7, const struct classified *k, uint64_t at)
{
	struct conn *c = l7->conn;

	c->decoder = k->decoder;
	if (k->decoder) {
		l7->start = other_l7(l7)->start = k->midstream ? HTTP_MIDSTREAM : HTTP_FROM_START;
	} else if (c->unsynced) {
		return false;
	} else if (l7->side == SIDE_CLIENT && other_l7(l7)->state == L7_NEW) {
		/* what a server of HTTP/1 may refuse as a request */
		l7->state = L7_BROKEN;
		l7->broken_at = at;
		c->numbered = false;
		return false;
	} else {
		c->opaque = true;
	}
	if (c->unsynced && k->decoder && (k->decoder->multiplexed || !c->numbered)) {
		other_l7(l7)->state = L7_LOST;
		if (is_response(k))
			l7->state = L7_LOST;
	}
	return true;
}

/* Behind a loss what looks like messages may be body: what the kernel half says of it counts. */
static struct classified classify_proven(struct classified looks, uint32_t message, bool frame)
{
	if (frame)
		return classify_frame();
	if (looks.result == CLASSIFY_TLS ||
	    (message && looks.decoder && !looks.decoder->multiplexed))
		return looks;
	return (struct classified){.result = CLASSIFY_OPAQUE};
}

/* Whether the client's first bytes, which end with |f|, are a request of HTTP/0.9. */
static bool simple_line(struct l7_stream *l7, const struct feed *f, bool first)
{
	struct slice line = {(const char *)f->data, f->size_bytes};

	if (!first)
		line = (struct slice){(const char *)l7->prefix, l7->prefix_bytes};
	return simple_begins(l7->conn, line, first ? f->at : l7->prefix_at,
			     feed_position(f, f->size_bytes - 1));
}

/* Bytes of a connection that is not understood yet. */
static size_t classify_feed(struct l7_stream *l7, const struct feed *f, uint64_t time_ns)
{
	struct conn *c = l7->conn;
	bool first = !l7->prefix_bytes;
	uint64_t at = first ? f->at : l7->prefix_at;
	size_t taken = first ? 0 : prefix_keep(l7, f, time_ns);
	uint32_t message = first ? f->message : l7->prefix_message;
	struct feed rest = feed_rest(f, taken);
	struct classified k;

	k = first ? classify(f->data, f->size_bytes, c->unsynced)
		  : classify(l7->prefix, l7->prefix_bytes, c->unsynced);
	if (k.result == CLASSIFY_MORE && !(l7->state == L7_LOST && l7_stream_frame_in(f))) {
		if (first)
			prefix_keep(l7, f, time_ns);
		return f->size_bytes;
	}
	if (l7->state == L7_LOST)
		k = classify_proven(k, message, l7_stream_frame_in(f));
	if (other_l7(l7)->state == L7_BROKEN && !is_response(&k))
		k = (struct classified){.result = CLASSIFY_OPAQUE};
	l7->prefix_at = at;
	if (l7->side == SIDE_CLIENT && simple_line(l7, f, first))
		k = (struct classified){.result = CLASSIFY_OPAQUE};
	if (k.result == CLASSIFY_TLS && !c->encrypted) {
		c->encrypted = true;
		return taken;
	}
	if (!l7_stream_decide(l7, &k, at)) {
		l7->prefix_bytes = 0;
		return f->size_bytes;
	}
	prefix_replay(other_l7(l7));
	prefix_replay(l7);
	if (rest.size_bytes)
		l7_stream_feed(l7, &rest, time_ns);
	return f->size_bytes;
}

static size_t l7_stream_feed(struct l7_stream *l7, const struct feed *f, uint64_t time_ns)
{
	struct conn *c = l7->conn;

	l7->time_ns = time_ns;
	if (c->opaque)
		return f->size_bytes;
	if (!c->decoder && l7->state != L7_BROKEN && f->data)
		return classify_feed(l7, f, time_ns);
	if (c->decoder) {
		http_feed(l7, f);
	} else if (l7->state == L7_BROKEN) {
		l7->hole |= !f->data; /* what the other end says decides */
	} else {
		c->unsynced = true;
		c->answers_missed |= l7->side == SIDE_SERVER;
		if (c->numbered)
			l7->state = L7_LOST;
		l7->prefix_bytes = 0;
	}
	return f->size_bytes;
}

/* A long body inside TLS: the kernel half cannot see it, so its end is written to weft_skips. The
 * wire carries more than |left| bytes for it, so this is called again for the rest. */
static void skip_announce(struct conn *c, unsigned side, uint64_t at)
{
	const struct observe_listener *listener = &c->observe->listener;
	struct l7_stream *l7 = &c->l7[side];
	bool at_sender = conn_is_local(c, side);
	uint64_t left;

	if (l7->state != L7_RUNNING || c->decoder->multiplexed || c->unsynced || !listener->skip)
		return;
	left = c->decoder->body_left(l7->decoder);
	if (left < SKIP_MIN_BYTES || at + left <= l7->skip_until + SKIP_MIN_BYTES / 2)
		return;
	l7->skip_until = at + left;
	listener->skip(listener->arg, c->ends[at_sender ? side : OTHER(side)].cookie,
		       at_sender ? WEFT_EGRESS : WEFT_INGRESS, l7->skip_until);
}

size_t l7_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns)
{
	size_t taken;

	simple_note(c, side, f);
	taken = l7_stream_feed(&c->l7[side], f, time_ns);

	if (c->tls)
		skip_announce(c, side, f->at);
	return taken;
}

void l7_finish(struct conn *c, unsigned side)
{
	struct l7_stream *l7 = &c->l7[side];

	if (l7->state == L7_RUNNING && c->decoder->finish)
		c->decoder->finish(l7->decoder, c->streams[side].next);
	if (side == SIDE_SERVER)
		simple_finish(c);
}
