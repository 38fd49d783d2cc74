// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Directions that are decoded, get out of step, and are taken up again. */
#include "datapath/observe/lane.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/requests.h"

void lane_stop(struct lane *lane, enum lane_state state)
{
	if (lane->decoder)
		lane->conn->decoder->free(lane->decoder);
	lane->decoder = NULL;
	lane->state = state;
}

bool lane_prefix(struct lane *lane, uint8_t bytes[CLASSIFY_MAX_BYTES], struct feed *ret)
{
	*ret = (struct feed){.data = bytes,
			     .size_bytes = lane->prefix_bytes,
			     .at = lane->prefix_at,
			     .step = lane->prefix_step,
			     .message = lane->prefix_message};
	memcpy(bytes, lane->prefix, lane->prefix_bytes);
	lane->prefix_bytes = 0;
	return ret->size_bytes;
}

void lanes_give_up(struct conn *c, const char *protocol)
{
	c->protocol = protocol;
	requests_drop(c);
	lane_stop(&c->lanes[SIDE_CLIENT], LANE_NEW);
	lane_stop(&c->lanes[SIDE_SERVER], LANE_NEW);
	c->opaque = true;
}

bool lane_start(struct lane *lane)
{
	struct conn *c = lane->conn;
	struct http_listener listener = requests_listener(lane);

	if (!requests_prepare(c))
		return false;
	lane->decoder = c->decoder->new((enum http_side)lane->side, lane->start, &listener);
	if (!lane->decoder) {
		observe_count(c, OBSERVE_LOST_MEMORY);
		return false;
	}
	lane->state = LANE_RUNNING;
	if (c->decoder->pair && other_lane(lane)->state == LANE_RUNNING)
		c->decoder->pair(c->lanes[SIDE_CLIENT].decoder, c->lanes[SIDE_SERVER].decoder);
	if (c->decoder->multiplexed && lane->side == SIDE_CLIENT)
		requests_resume(c);
	else if (c->decoder->multiplexed && lane->start == HTTP_JOINED)
		requests_doubt(c);
	return true;
}

/* ---- losing the thread and finding
 * it again ----------------------------------------------------- */

static enum observe_loss loss_of(enum decode_status status, enum decoder_id decoder)
{
	static const enum observe_loss malformed[] = {
#define X(argument, name, ...) [DECODER_##name] = OBSERVE_LOST_MALFORMED_##name,
		DECODERS(X, )
#undef X
	};

	switch (status) {
	case DECODE_DESYNC:
		return OBSERVE_LOST_DESYNC;
	case DECODE_LIMIT:
		return OBSERVE_LOST_LIMIT;
	default:
		return malformed[decoder];
	}
}

/* Requests that cannot be parsed: those before go on to be answered, and so do they. */
static void lane_break(struct lane *lane, enum decode_status status)
{
	struct conn *c = lane->conn;
	uint32_t stream_id;

	if (!c->http->answered_early)
		lane->broken_at = c->decoder->head_first(lane->decoder, &stream_id);
	lane->hole = false;
	c->http->answered_early = false;
	c->numbered = false; /* how many requests a server sees in it is not known */
	requests_break(c, status == DECODE_MALFORMED && !c->break_in_doubt);
	lane_stop(lane, LANE_BROKEN);
}

/* Messages in order that each have a number: the other direction goes on, and so does this one
 * with the next message whose number is known. Other messages that it seems to find may be body. */
static void lane_lose_place(struct lane *lane)
{
	struct lane *requests = &lane->conn->lanes[SIDE_CLIENT];

	requests_lose(lane->conn, lane->side);
	if (lane->side == SIDE_CLIENT)
		lane->conn->http->answered_early = false;
	lane_stop(lane, LANE_LOST);
	if (requests->state == LANE_SWITCHED) /* the answer that decides may be lost */
		lane_stop(requests, LANE_LOST);
}

/* An HTTP/2 direction is joined again where frames are found. HTTP/1 that was met midstream loses
 * both directions, since pairing is by order, and is not joined again when its requests overlap. */
void lane_lose(struct lane *lane, enum decode_status status)
{
	struct conn *c = lane->conn;
	bool in_order = !c->decoder->multiplexed;
	bool pipelined = c->http->pipelined || (lane->side == SIDE_SERVER &&
						status == DECODE_DESYNC && requests_open(c) > 2);

	observe_count(c, loss_of(status, c->decoder->id));
	if (lane->side == SIDE_CLIENT)
		c->break_in_doubt = c->joined || c->lost;
	if (status == DECODE_MALFORMED && lane->side == SIDE_CLIENT && !c->break_in_doubt) {
		c->flags |= RESPONSE_FLAG(DPE);
		if (!in_order) { /* what was asked before is answered on its streams */
			requests_break_streams(c);
			lane_stop(lane, LANE_LOST);
			lane->start = HTTP_JOINED;
			return;
		}
	}
	c->lost = true;
	if (lane->side == SIDE_SERVER)
		c->answers_missed = requests_open(c) < 2;
	if (in_order && lane->side == SIDE_CLIENT && status != DECODE_DESYNC) {
		lane_break(lane, status);
		return;
	}
	if (status != DECODE_NOT_MINE && in_order && c->numbered) {
		lane_lose_place(lane);
		return;
	}
	if (status == DECODE_NOT_MINE || (in_order && (pipelined || !c->midstream))) {
		lanes_give_up(c, status == DECODE_NOT_MINE ? "tcp" : c->decoder->name);
		return;
	}
	requests_drop(c);
	lane_stop(lane, LANE_LOST);
	lane->start = HTTP_JOINED;
	if (in_order)
		lane_stop(other_lane(lane), LANE_LOST);
}

/* Whether |f| starts with something that a lost direction can begin at: the response to the one
 * request that is open, a request, frames. */
static bool lane_found(const struct lane *lane, const struct feed *f)
{
	const struct conn *c = lane->conn;
	struct classified k;

	if (!f->data)
		return false;
	k = classify(f->data, f->size_bytes, true);
	if (k.decoder != c->decoder || k.decoder->multiplexed)
		return k.decoder == c->decoder;
	return k.sender == lane->side &&
	       (lane->side == SIDE_CLIENT ||
		requests_open(c) + !!c->lanes[SIDE_CLIENT].broken_at == 1);
}

/* Whether requests can be parsed again from |f| on: all that were sent before are answered. */
static bool lane_mended(const struct lane *lane, const struct feed *f)
{
	const struct conn *c = lane->conn;
	struct classified k;

	if (!f->data || !c->http || c->http->pipelined || lane->broken_at || lane->hole ||
	    requests_open(c))
		return false;
	k = classify(f->data, f->size_bytes, false);
	return k.decoder == c->decoder && k.sender == HTTP_CLIENT;
}

/* Whether requests overlap, as far as a lost direction shows it: the server answers what was missed
 * while a request that was sent behind it is open (a client that waits for each answer had that one
 * before), or a hole in its answers is told at the third open request. */
static bool lane_overlaps(const struct lane *lane, const struct feed *f)
{
	const struct conn *c = lane->conn;

	if (lane->side != SIDE_SERVER || c->decoder->multiplexed)
		return false;
	return f->data ? requests_open(c) && !c->answers_missed : requests_open(c) > 2;
}

/* Whether a message begins with |f| whose number is known. */
static bool lane_numbered(struct lane *lane, const struct feed *f)
{
	bool request = lane->side == SIDE_CLIENT;

	if (!f->data || f->message <= lane->messages ||
	    (request && f->message <= other_lane(lane)->messages))
		return false;
	lane->messages = f->message - 1;
	return true;
}

/* Whether a lost direction of a connection that was followed from its first byte on goes on with
 * |f|: the kernel half knows that a message or frame begins there. What is passed over in the
 * server's direction may answer any open request. */
static bool lane_take_up(struct lane *lane, const struct feed *f, size_t *ret_from)
{
	struct conn *c = lane->conn;
	bool in_order = !c->decoder->multiplexed;

	if (!c->numbered && in_order) {
		lanes_give_up(c, c->decoder->name);
		return false;
	}
	if (!in_order && lane_frame_in(f)) {
		*ret_from = f->frame - 1;
		return true;
	}
	if (in_order && lane_numbered(lane, f))
		return true;
	if (lane->side == SIDE_SERVER && (f->data || !in_order))
		requests_drop(c);
	return false;
}

bool lane_seek(struct lane *lane, const struct feed *f, size_t *ret_from)
{
	if (lane->state == LANE_BROKEN) {
		lane->hole |= !f->data;
		return lane_mended(lane, f);
	}
	if (lane->state != LANE_LOST)
		return true;
	if (!lane->conn->midstream)
		return lane_take_up(lane, f, ret_from);
	if (lane_overlaps(lane, f)) {
		lanes_give_up(lane->conn, lane->conn->decoder->name);
		return false;
	}
	if (lane_found(lane, f))
		return true;
	if (lane->side == SIDE_SERVER) {
		lane->conn->answers_missed = requests_open(lane->conn) < 2;
		requests_drop(lane->conn);
	}
	return false;
}
