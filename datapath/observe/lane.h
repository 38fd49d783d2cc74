/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The decoders of the two directions of a connection whose protocol is known: begun, lost, found
 * again. Private. */
#pragma once

#include "datapath/decode/http.h"
#include "datapath/observe/conn.h"

static inline struct lane *other_lane(const struct lane *lane)
{
	return &lane->conn->lanes[OTHER(lane->side)];
}

/* A decoder for what |lane| is fed from here on. False: memory is short (counted). */
bool lane_start(struct lane *lane);

/* Frees the decoder. */
void lane_stop(struct lane *lane, enum lane_state state);

/* From here on the connection's bytes are only counted; |protocol| is what they are, or NULL. */
void lanes_give_up(struct conn *c, const char *protocol);

/* The decoder of |lane| cannot go on, for |status|: counted. What was open and may not be paired
 * any more is counted as lost. */
void lane_lose(struct lane *lane, enum decode_status status);

/* True when |lane| is not lost or broken (any more), and |f| is for its decoder from |*ret_from|
 * on, which is 0 else. Bytes of responses that are not understood may answer any open request: all
 * are counted as lost. */
bool lane_seek(struct lane *lane, const struct feed *f, size_t *ret_from);

/* What |lane| keeps because it is too short to be classified, in |bytes|; it keeps it no more.
 * False: nothing. */
bool lane_prefix(struct lane *lane, uint8_t bytes[CLASSIFY_MAX_BYTES], struct feed *ret);

/* The kernel half has found that a frame begins in |f|. */
static inline bool lane_frame_in(const struct feed *f)
{
	return f->data && f->frame && f->frame <= f->size_bytes;
}
