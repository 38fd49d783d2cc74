/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the HTTP decoders say becomes exchanges: requests paired with their responses. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* The callbacks for a decoder of |l7|. */
struct http_listener requests_listener(struct l7_stream *l7);

/* False when memory is short, which is counted. */
bool requests_prepare(struct conn *c);
void requests_free(struct conn *c);

/* How many requests are open. */
uint32_t requests_open(const struct conn *c);

/* The bytes of open exchanges are lost: each is counted, none is reported. */
void requests_drop(struct conn *c);

/* Requests are not parsed any further, in the body of one maybe; the client broke the protocol when
 * |malformed|. */
void requests_break(struct conn *c, bool malformed);

/* Bytes of the direction of |side| are missing: of the message that passes there the rest is not
 * known. A response's exchange ends with that, a request's is still to be answered. */
void requests_lose(struct conn *c, unsigned side);

/* As requests_break() of HTTP/2, where what is open is answered by its stream. */
void requests_break_streams(struct conn *c);

/* The client's direction of HTTP/2 is followed from here on. */
void requests_resume(struct conn *c);

/* The server refuses what the client speaks: the first of the requests that are open, if there is
 * one, is what it answers. */
bool requests_refuse(struct conn *c);

/* The server's direction is followed from here on: open exchanges may have been answered before. */
void requests_doubt(struct conn *c);

/* The client sends nothing any more: requests that have no end were cut, where |read_all| of what
 * it sent was understood. */
void requests_cut_uploads(struct conn *c, bool read_all);

/* The client gave the connection up at |time_ns|, when it had sent and received so much: each open
 * exchange ends for it, and stays open for the server. Nothing is said where an answer may have
 * ended without a record. */
void requests_abandon(struct conn *c, uint64_t sent_bytes, uint64_t received_bytes,
		      uint64_t time_ns);

/* The connection ended by |by|, at |time_ns|: open exchanges are reported as cut. */
void requests_cut(struct conn *c, unsigned by, bool reset, uint64_t time_ns);

/* After the protocol switched from HTTP/1 to HTTP/2 (RFC 7540 3.2): the exchange that asked is
 * stream 1. */
void requests_upgrade(struct conn *c);
