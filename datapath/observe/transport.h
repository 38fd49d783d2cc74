/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TLS layer of connections that have one, and those of them that wait for a secret. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* The next bytes (or a gap) of the direction that |side| sends, in order; captured at |time_ns|.
 * What they carry goes to l7_feed. */
void transport_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns);

/* A secret came (struct weft_secret): it is kept, and connections that wait try it. */
void transport_secret(struct observe *o, const void *record);

/* Connections that wait try again; they and secrets that waited for too long are given up. */
void transport_tick(struct observe *o, uint64_t now_ns);

/* No more bytes will come: counts a connection that was never opened. */
void transport_finish(struct conn *c);

void transport_free(struct conn *c);
