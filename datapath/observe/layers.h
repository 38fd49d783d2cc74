/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bytes of a connection are: classified, TLS taken off, given to the HTTP decoders.
 * Private. */
#pragma once

#include "datapath/observe/conn.h"

/* The next bytes (or a gap) of the direction that |side| sends, in order; captured at |time_ns|. */
void layers_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns);

/* Bytes that may be missing from here on without harm. */
uint64_t layers_body_left(const struct conn *c, unsigned side);

/* False when the connection is opaque: its bytes go nowhere. */
bool layers_wants_bytes(const struct conn *c, unsigned side);

/* Plaintext of an opened TLS connection. */
void layers_plaintext(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns);

/* The connection is closed with |total_bytes| sent by |side|: bodies until close are complete, and
 * what was not captured at the end is a gap like any other. */
void layers_finish(struct conn *c, unsigned side, uint64_t total_bytes, uint64_t time_ns);

/* Whether everything that |side| sent was understood up to its end (after layers_finish): what is
 * not there was not sent. */
bool layers_read_all(const struct conn *c, unsigned side, uint64_t total_bytes);

/* The position of a request head that is not parsed, whole or yet, and has no answer; 0: there is
 * none. Each is told once. */
uint64_t layers_unparsed(struct conn *c);

/* "tcp", "http1", "http2", "tls" (not opened), "websocket", "unknown". */
const char *layers_protocol(const struct conn *c);

void layers_init(struct conn *c);
void layers_free(struct conn *c);
