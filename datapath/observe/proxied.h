/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that begin with a header of the PROXY protocol: it is removed, whatever follows it,
 * and its addresses become the proxied addresses of the ends. Private. */
#pragma once

#include "datapath/observe/conn.h"

typedef void proxied_sink(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns);

/* Whether |f|, of the direction that |side| sends, may be (part of) a header. */
bool proxied_wants(const struct conn *c, unsigned side, const struct feed *f);

/* Removes the header, and passes all other bytes to |sink|. */
void proxied_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns,
		  proxied_sink *sink);

void proxied_free(struct conn *c);
