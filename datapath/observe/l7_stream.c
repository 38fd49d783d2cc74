// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Directions that are decoded, get out of step, and are taken up again. */
#include "datapath/observe/l7_stream.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/requests.h"

void l7_stream_stop(struct l7_stream *l7, enum l7_state state)
{
	if (l7->decoder)
		l7->conn->decoder->free(l7->decoder);
	l7->decoder = NULL;
	l7->state = state;
}

bool l7_stream_prefix(struct l7_stream *l7, uint8_t bytes[CLASSIFY_MAX_BYTES], struct feed *ret)
{
	*ret = (struct feed){.data = bytes,
			     .size_bytes = l7->prefix_bytes,
			     .at = l7->prefix_at,
			     .step = l7->prefix_step,
			     .message = l7->prefix_message};
	memcpy(bytes, l7->prefix, l7->prefix_bytes);
	l7->prefix_bytes = 0;
	return ret->size_bytes;
}

void l7_give_up(struct conn *c, const char *protocol)
{
	c->protocol = protocol;
	requests_drop(c);
	l7_stream_stop(&c->l7[SIDE_CLIENT], L7_NEW);
	l7_stream_stop(&c->l7[SIDE_SERVER], L7_NEW);
	c->opaque = true;
}

bool l7_stream_start(struct l7_stream *l7)
{
	struct conn *c = l7->conn;
	struct http_listener listener = requests_listener(l7);

	if (!requests_prepare(c))
		return false;
	l7->decoder = c->decoder->new((enum http_side)l7->side, l7->start, &listener);
	if (!l7->decoder) {
		observe_count(c, OBSERVE_LOST_MEMORY);
		return false;
	}
	l7->state = L7_RUNNING;
	if (c->decoder->pair && other_l7(l7)->state == L7_RUNNING)
		c->decoder->pair(c->l7[SIDE_CLIENT].decoder, c->l7[SIDE_SERVER].decoder);
	if (c->decoder->multiplexed && l7->side == SIDE_CLIENT)
		requests_resume(c);
	else if (c->decoder->multiplexed && l7->start == HTTP_MIDSTREAM)
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
static void l7_stream_break(struct l7_stream *l7, enum decode_status status)
{
	struct conn *c = l7->conn;
	uint32_t stream_id;

	if (!c->http->answered_early)
		l7->broken_at = c->decoder->head_first(l7->decoder, &stream_id);
	l7->hole = false;
	c->http->answered_early = false;
	c->numbered = false; /* how many requests a server sees in it is not known */
	requests_break(c, status == DECODE_MALFORMED && !c->break_in_doubt);
	l7_stream_stop(l7, L7_BROKEN);
}

/* Messages in order that each have a number: the other direction goes on, and so does this one
 * with the next message whose number is known. Other messages that it seems to find may be body. */
static void l7_stream_lose_place(struct l7_stream *l7)
{
	struct l7_stream *requests = &l7->conn->l7[SIDE_CLIENT];

	requests_lose(l7->conn, l7->side);
	if (l7->side == SIDE_CLIENT)
		l7->conn->http->answered_early = false;
	l7_stream_stop(l7, L7_LOST);
	if (requests->state == L7_SWITCHED) /* the answer that decides may be lost */
		l7_stream_stop(requests, L7_LOST);
}

/* An HTTP/2 direction is decoded again where frames are found. HTTP/1 that was discovered midstream
 * loses both directions, since pairing is by order, and is not decoded again when its requests
 * overlap.
 */
void l7_stream_lose(struct l7_stream *l7, enum decode_status status)
{
	struct conn *c = l7->conn;
	bool in_order = !c->decoder->multiplexed;
	bool pipelined = c->http->pipelined || (l7->side == SIDE_SERVER &&
						status == DECODE_DESYNC && requests_open(c) > 2);

	observe_count(c, loss_of(status, c->decoder->id));
	if (l7->side == SIDE_CLIENT)
		c->break_in_doubt = c->unsynced || c->lost;
	if (status == DECODE_MALFORMED && l7->side == SIDE_CLIENT && !c->break_in_doubt) {
		c->flags |= RESPONSE_FLAG(DPE);
		if (!in_order) { /* what was asked before is answered on its streams */
			requests_break_streams(c);
			l7_stream_stop(l7, L7_LOST);
			l7->start = HTTP_MIDSTREAM;
			return;
		}
	}
	c->lost = true;
	if (l7->side == SIDE_SERVER)
		c->answers_missed = requests_open(c) < 2;
	if (in_order && l7->side == SIDE_CLIENT && status != DECODE_DESYNC) {
		l7_stream_break(l7, status);
		return;
	}
	if (status != DECODE_NOT_MINE && in_order && c->numbered) {
		l7_stream_lose_place(l7);
		return;
	}
	if (status == DECODE_NOT_MINE || (in_order && (pipelined || !c->midstream))) {
		l7_give_up(c, status == DECODE_NOT_MINE ? "tcp" : c->decoder->name);
		return;
	}
	requests_drop(c);
	l7_stream_stop(l7, L7_LOST);
	l7->start = HTTP_MIDSTREAM;
	if (in_order)
		l7_stream_stop(other_l7(l7), L7_LOST);
}

/* Whether |f| starts with something that a lost direction can begin at: the response to the one
 * request that is open, a request, frames. */
static bool l7_stream_found(const struct l7_stream *l7, const struct feed *f)
{
	const struct conn *c = l7->conn;
	struct classified k;

	if (!f->data)
		return false;
	k = classify(f->data, f->size_bytes, true);
	if (k.decoder != c->decoder || k.decoder->multiplexed)
		return k.decoder == c->decoder;
	return k.sender == l7->side &&
	       (l7->side == SIDE_CLIENT || requests_open(c) + !!c->l7[SIDE_CLIENT].broken_at == 1);
}

/* Whether requests can be parsed again from |f| on: all that were sent before are answered. */
static bool l7_stream_mended(const struct l7_stream *l7, const struct feed *f)
{
	const struct conn *c = l7->conn;
	struct classified k;

	if (!f->data || !c->http || c->http->pipelined || l7->broken_at || l7->hole ||
	    requests_open(c))
		return false;
	k = classify(f->data, f->size_bytes, false);
	return k.decoder == c->decoder && k.sender == HTTP_CLIENT;
}

/* Whether requests overlap, as far as a lost direction shows it: the server answers what was missed
 * while a request that was sent behind it is open (a client that waits for each answer had that one
 * before), or a hole in its answers is found at the third open request. */
static bool l7_stream_overlaps(const struct l7_stream *l7, const struct feed *f)
{
	const struct conn *c = l7->conn;

	if (l7->side != SIDE_SERVER || c->decoder->multiplexed)
		return false;
	return f->data ? requests_open(c) && !c->answers_missed : requests_open(c) > 2;
}

/* Whether a message begins with |f| whose number is known. */
static bool l7_stream_numbered(struct l7_stream *l7, const struct feed *f)
{
	bool request = l7->side == SIDE_CLIENT;

	if (!f->data || f->message <= l7->messages ||
	    (request && f->message <= other_l7(l7)->messages))
		return false;
	l7->messages = f->message - 1;
	return true;
}

/* Whether a lost direction of a connection that was followed from its first byte on goes on with
 * |f|: the kernel half knows that a message or frame begins there. What is passed over in the
 * server's direction may answer any open request. */
static bool l7_stream_take_up(struct l7_stream *l7, const struct feed *f, size_t *ret_from)
{
	struct conn *c = l7->conn;
	bool in_order = !c->decoder->multiplexed;

	if (!c->numbered && in_order) {
		l7_give_up(c, c->decoder->name);
		return false;
	}
	if (!in_order && l7_stream_frame_in(f)) {
		*ret_from = f->frame - 1;
		return true;
	}
	if (in_order && l7_stream_numbered(l7, f))
		return true;
	if (l7->side == SIDE_SERVER && (f->data || !in_order))
		requests_drop(c);
	return false;
}

bool l7_stream_seek(struct l7_stream *l7, const struct feed *f, size_t *ret_from)
{
	if (l7->state == L7_BROKEN) {
		l7->hole |= !f->data;
		return l7_stream_mended(l7, f);
	}
	if (l7->state != L7_LOST)
		return true;
	if (!l7->conn->midstream)
		return l7_stream_take_up(l7, f, ret_from);
	if (l7_stream_overlaps(l7, f)) {
		l7_give_up(l7->conn, l7->conn->decoder->name);
		return false;
	}
	if (l7_stream_found(l7, f))
		return true;
	if (l7->side == SIDE_SERVER) {
		l7->conn->answers_missed = requests_open(l7->conn) < 2;
		requests_drop(l7->conn);
	}
	return false;
}
