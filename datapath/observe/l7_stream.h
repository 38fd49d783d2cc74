/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The decoders of the two directions of a connection whose protocol is known: begun, lost, found
 * again. Private. */
#pragma once

#include "datapath/decode/http.h"
#include "datapath/observe/conn.h"

static inline struct l7_stream *other_l7(const struct l7_stream *l7)
{
	return &l7->conn->l7[OTHER(l7->side)];
}

/* A decoder for what |l7| is fed from here on. False: memory is short (counted). */
bool l7_stream_start(struct l7_stream *l7);

/* Frees the decoder. */
void l7_stream_stop(struct l7_stream *l7, enum l7_state state);

/* From here on the connection's bytes are only counted; |protocol| is what they are, or NULL. */
void l7_give_up(struct conn *c, const char *protocol);

/* The decoder of |l7| cannot go on, for |status|: counted. What was open and may not be paired
 * any more is counted as lost. */
void l7_stream_lose(struct l7_stream *l7, enum decode_status status);

/* True when |l7| is not lost or broken (any more), and |f| is for its decoder from |*ret_from|
 * on, which is 0 else. Bytes of responses that are not understood may answer any open request: all
 * are counted as lost. */
bool l7_stream_seek(struct l7_stream *l7, const struct feed *f, size_t *ret_from);

/* What |l7| keeps because it is too short to be classified, in |bytes|; it keeps it no more.
 * False: nothing. */
bool l7_stream_prefix(struct l7_stream *l7, uint8_t bytes[CLASSIFY_MAX_BYTES], struct feed *ret);

/* The kernel half has found that a frame begins in |f|. */
static inline bool l7_stream_frame_in(const struct feed *f)
{
	return f->data && f->frame && f->frame <= f->size_bytes;
}
