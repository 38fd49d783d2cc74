/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bytes of a connection are: classified, given to the HTTP decoders. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* The next bytes (or a gap) of the direction that |side| sends, in order, of the wire or out of its
 * TLS; captured at |time_ns|. Returns how many were taken: all, unless they show that the
 * connection is |encrypted|. Then those that follow are the wire's of its TLS, behind what the
 * L7 streams keep (l7_stream_prefix). */
size_t l7_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns);

/* Nothing follows what |side| sent: bodies until close are complete. */
void l7_finish(struct conn *c, unsigned side);
