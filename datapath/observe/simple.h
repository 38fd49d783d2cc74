/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP/0.9: a request that is one line without a version, and a response without a head, which ends
 * with the connection (RFC 1945 4.1). Private. */
#pragma once

#include "datapath/observe/conn.h"

/* Whether |line|, the first bytes of the client on |c|, at the positions |first| to |last|, is such
 * a request. Its start is kept: what the server sends decides. */
bool simple_begins(struct conn *c, struct slice line, uint64_t first, uint64_t last);

/* Before |f| of |side| is read. A client that sends more than a line does not speak HTTP/0.9. */
void simple_note(struct conn *c, unsigned side, const struct feed *f);

/* Both directions are closed, and no protocol was found: the exchange, if there was one. */
void simple_finish(struct conn *c);
