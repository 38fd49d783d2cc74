// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the bytes of a connection are: classified, given to the HTTP decoders. */
#include "datapath/observe/layers.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/lane.h"
#include "datapath/observe/requests.h"

#define SKIP_MIN_BYTES 262144 /* of a body: less is not worth telling the kernel half */

static size_t lane_feed(struct lane *lane, const struct feed *f, uint64_t time_ns);

/* ---- protocol switches
 * -------------------------------------------------------------------------- */

/* The answer decided for another protocol; |rest| are the bytes after it. */
static void switch_protocol(struct lane *lane, struct feed rest)
{
	struct conn *c = lane->conn;
	const struct decoder *to = c->http->switching ? c->http->switch_to : NULL;

	lane_stop(&c->lanes[SIDE_CLIENT], LANE_NEW);
	lane_stop(&c->lanes[SIDE_SERVER], LANE_NEW);
	if (!to) {
		requests_drop(c);
		c->opaque = true;
		return;
	}
	c->decoder = to;
	c->lanes[SIDE_CLIENT].start = c->lanes[SIDE_SERVER].start = HTTP_UPGRADED;
	requests_upgrade(c);
	if (rest.size_bytes)
		lane_feed(lane, &rest, lane->time_ns);
}

/* ---- HTTP
 * --------------------------------------------------------------------------------------- */

static void decoder_feed(struct lane *lane, const struct feed *f)
{
	size_t used = f->size_bytes;
	enum decode_status status = lane->conn->decoder->feed(lane->decoder, f, &used);

	if (status == DECODE_SWITCH && lane->side == SIDE_SERVER)
		switch_protocol(lane, feed_rest(f, used));
	else if (status == DECODE_SWITCH)
		lane->state = LANE_SWITCHED;
	else if (status != DECODE_OK)
		lane_lose(lane, status);
}

/* A server that does not speak HTTP/2 refuses the preface, which a client sends unasked, as a
 * request of HTTP/1. */
static bool is_refused(const struct lane *lane, const struct feed *f)
{
	struct slice refusal = lane->conn->decoder->refusal;
	size_t size = f->size_bytes < refusal.size_bytes ? f->size_bytes : refusal.size_bytes;

	return lane->side == SIDE_SERVER && lane->state == LANE_NEW &&
	       lane->start == HTTP_FROM_START && size && f->data &&
	       !memcmp(f->data, refusal.data, size);
}

/* What the client says is no request from its first byte on. */
static void refuse(struct conn *c)
{
	struct lane *requests = &c->lanes[SIDE_CLIENT];

	lane_stop(requests, LANE_BROKEN);
	c->decoder = c->decoder->refused_by;
	c->numbered = false;
	c->flags |= RESPONSE_FLAG(DPE);
	requests->broken_at = requests_refuse(c) ? 0 : requests->prefix_at;
}

static void http_feed(struct lane *lane, const struct feed *f)
{
	struct conn *c = lane->conn;
	struct feed rest;
	size_t from = 0;

	if (lane->state == LANE_SWITCHED) {
		if (c->http->switching) /* no answer yet */
			return;
		lane->state = LANE_RUNNING; /* an ordinary one: requests go on */
	}
	if (is_refused(lane, f))
		refuse(c);
	if (!lane_seek(lane, f, &from))
		return;
	if (from) {
		rest = feed_rest(f, from);
		f = &rest;
	}
	if (lane->state != LANE_RUNNING && !lane_start(lane)) {
		lanes_give_up(c, conn_protocol(c));
		return;
	}
	decoder_feed(lane, f);
}

/* ---- classifying
 * -------------------------------------------------------------------------------- */

/* Keeps what is too short to tell; returns the bytes taken from |f|. */
static size_t prefix_keep(struct lane *lane, const struct feed *f, uint64_t time_ns)
{
	size_t room = sizeof(lane->prefix) - lane->prefix_bytes;
	size_t size_bytes = f->size_bytes < room ? f->size_bytes : room;

	if (!lane->prefix_bytes) {
		lane->prefix_at = f->at;
		lane->prefix_step = f->step;
		lane->prefix_message = f->message;
		lane->prefix_time_ns = time_ns;
	}
	memcpy(lane->prefix + lane->prefix_bytes, f->data, size_bytes);
	lane->prefix_bytes += size_bytes;
	return size_bytes;
}

static void prefix_replay(struct lane *lane)
{
	uint8_t bytes[CLASSIFY_MAX_BYTES];
	struct feed f;

	if (lane_prefix(lane, bytes, &f))
		lane_feed(lane, &f, lane->prefix_time_ns);
}

/* The answer to a request that came in order. */
static bool is_response(const struct classified *k)
{
	return k->decoder && !k->decoder->multiplexed && k->sender == HTTP_SERVER;
}

/* The first direction that tells decides for both; on a joined connection the other one has to be
 * found. False: not decided yet. */
static bool lane_decide(struct lane *lane, const struct classified *k, uint64_t at)
{
	struct conn *c = lane->conn;

	c->decoder = k->decoder;
	if (k->decoder) {
		lane->start = other_lane(lane)->start = k->joined ? HTTP_JOINED : HTTP_FROM_START;
	} else if (c->joined) {
		return false;
	} else if (lane->side == SIDE_CLIENT && other_lane(lane)->state == LANE_NEW) {
		/* what a server of HTTP/1 may refuse as a request */
		lane->state = LANE_BROKEN;
		lane->broken_at = at;
		c->numbered = false;
		return false;
	} else {
		c->opaque = true;
	}
	if (c->joined && k->decoder && (k->decoder->multiplexed || !c->numbered)) {
		other_lane(lane)->state = LANE_LOST;
		if (is_response(k))
			lane->state = LANE_LOST;
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

/* Bytes of a connection that is not understood yet. */
static size_t classify_feed(struct lane *lane, const struct feed *f, uint64_t time_ns)
{
	struct conn *c = lane->conn;
	bool first = !lane->prefix_bytes;
	uint64_t at = first ? f->at : lane->prefix_at;
	size_t taken = first ? 0 : prefix_keep(lane, f, time_ns);
	uint32_t message = first ? f->message : lane->prefix_message;
	struct feed rest = feed_rest(f, taken);
	struct classified k;

	k = first ? classify(f->data, f->size_bytes, c->joined)
		  : classify(lane->prefix, lane->prefix_bytes, c->joined);
	if (k.result == CLASSIFY_MORE && !(lane->state == LANE_LOST && lane_frame_in(f))) {
		if (first)
			prefix_keep(lane, f, time_ns);
		return f->size_bytes;
	}
	if (lane->state == LANE_LOST)
		k = classify_proven(k, message, lane_frame_in(f));
	if (other_lane(lane)->state == LANE_BROKEN && !is_response(&k))
		k = (struct classified){.result = CLASSIFY_OPAQUE};
	lane->prefix_at = at;
	if (k.result == CLASSIFY_TLS && !c->encrypted) {
		c->encrypted = true;
		return taken;
	}
	if (!lane_decide(lane, &k, at)) {
		lane->prefix_bytes = 0;
		return f->size_bytes;
	}
	prefix_replay(other_lane(lane));
	prefix_replay(lane);
	if (rest.size_bytes)
		lane_feed(lane, &rest, time_ns);
	return f->size_bytes;
}

static size_t lane_feed(struct lane *lane, const struct feed *f, uint64_t time_ns)
{
	struct conn *c = lane->conn;

	lane->time_ns = time_ns;
	if (c->opaque)
		return f->size_bytes;
	if (!c->decoder && lane->state != LANE_BROKEN && f->data)
		return classify_feed(lane, f, time_ns);
	if (c->decoder) {
		http_feed(lane, f);
	} else if (lane->state == LANE_BROKEN) {
		lane->hole |= !f->data; /* what the other end says decides */
	} else {
		c->joined = true;
		c->answers_missed |= lane->side == SIDE_SERVER;
		if (c->numbered)
			lane->state = LANE_LOST;
		lane->prefix_bytes = 0;
	}
	return f->size_bytes;
}

/* A long body inside TLS: the kernel half cannot know it, and is told. The wire carries more than
 * |left| bytes for it, so this may be asked again for the rest. */
static void skip_ask(struct conn *c, unsigned side, uint64_t at)
{
	const struct observe_listener *listener = &c->observe->listener;
	struct lane *lane = &c->lanes[side];
	bool at_sender = conn_is_local(c, side);
	uint64_t left;

	if (lane->state != LANE_RUNNING || c->decoder->multiplexed || c->joined || !listener->skip)
		return;
	left = c->decoder->body_left(lane->decoder);
	if (left < SKIP_MIN_BYTES || at + left <= lane->skip_until + SKIP_MIN_BYTES / 2)
		return;
	lane->skip_until = at + left;
	listener->skip(listener->arg, c->ends[at_sender ? side : OTHER(side)].cookie,
		       at_sender ? WEFT_EGRESS : WEFT_INGRESS, lane->skip_until);
}

size_t layers_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns)
{
	size_t taken = lane_feed(&c->lanes[side], f, time_ns);

	if (c->tls)
		skip_ask(c, side, f->at);
	return taken;
}

void layers_finish(struct conn *c, unsigned side)
{
	struct lane *lane = &c->lanes[side];

	if (lane->state == LANE_RUNNING && c->decoder->finish)
		c->decoder->finish(lane->decoder, c->streams[side].next);
}
