/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts the captured bytes of one direction in order: 64-bit positions, duplicates and overlap cut,
 * a bounded window for records out of order, gaps. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* How long a record that is out of order waits for the hole before it: RESENT while TCP itself
 * waits for a retransmission, HOLE where TCP had the bytes and only their record is missing. */
#define STREAM_RESENT_NS 10000000000ull
#define STREAM_HOLE_NS	 100000000ull

/* The direction begins with the byte |seq|. */
void stream_place(struct stream *s, uint32_t seq);

/* A payload record of the direction that |side| sends, seen at its sender's hook or at its
 * receiver's. */
void stream_segment(struct conn *c, unsigned side, bool at_receiver,
		    const struct weft_segment *segment);

/* A packet of the direction that |side| sends arrived at the receiver. */
void stream_mark(struct conn *c, unsigned side, const struct weft_mark *mark);

/* Gives up holes that are older than that (all with |now_ns| UINT64_MAX). Returns true
 * when records still wait. */
bool stream_expire(struct conn *c, unsigned side, uint64_t now_ns);

/* The connection is closed with |total_bytes| sent by |side|: bodies until close are complete, and
 * what was not captured at the end is a gap like any other. */
void stream_finish(struct conn *c, unsigned side, uint64_t total_bytes, uint64_t time_ns);

/* Gives back the window. */
void stream_free(struct conn *c, unsigned side);

/* Frees what is kept for reuse. */
void stream_free_pool(struct observe *o);
