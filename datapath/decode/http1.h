/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP/1.x (RFC 9112) of one direction of one connection: bytes in, callbacks out. Parsing is
 * llhttp's. Pure. */
#pragma once

#include "datapath/decode/http.h"

struct http1;

/* A decoder for one direction that reports to |listener| (copied). NULL when memory is short; free
 * with http1_free. It holds at most about 2 KiB of fields between feeds (a head cut over packets);
 * longer start lines and fields are cut, which is not an error; a head over 64 KiB ends in
 * DECODE_LIMIT. */
struct http1 *http1_new(enum http_side side, const struct http_listener *listener);
void http1_free(struct http1 *h);

/* Feeds bytes or a gap. A gap inside a body (by Content-Length, inside one chunk, or until close)
 * is counted as body in constant time per 64 KiB; a gap anywhere else gives DECODE_DESYNC.
 * |ret_used|: bytes taken when DECODE_SWITCH is returned.
 * Interim responses (1xx but 101) are reported by `response` alone, without `end`; 101 ends with
 * `end` and DECODE_SWITCH, whatever `response` says. A request that asks for Upgrade, or CONNECT,
 * ends with `end` and DECODE_SWITCH too, because its client waits: when the server refuses, feed
 * the same decoder what comes next (the one status after which that is right). Trailers are
 * reported only where a field came. Pipelined messages, 1xx, chunked with trailers, HEAD/204/304,
 * keep-alive and bodies until close are right. */
enum decode_status http1_feed(struct http1 *h, const struct feed *f, size_t *ret_used);

/* The direction was closed at |position|: ends a body that lasts until close (RFC 9112 6.3), and a
 * request whose body was not to be sent after a final answer.
 * Returns true when a message was cut short by the close. */
bool http1_finish(struct http1 *h, uint64_t position);

/* Whether the decoder stands between two messages (a good place to begin or to end). */
bool http1_idle(const struct http1 *h);

/* The request that is being read has got an answer of |status|. When its client was to wait for one
 * with the body (Expect: 100-continue, RFC 9110 10.1.1) and got a final one, the body may not come:
 * a request that stands in its place ends this one. */
void http1_answer(struct http1 *h, uint16_t status);

/* The position at which the head began that is being read, or at which a feed failed that read
 * one; 0: none is. */
uint64_t http1_head_first(const struct http1 *h);

/* Bytes of the current body that are still to come: what may be skipped without looking.
 * 0 when not known (chunk boundary, head). */
uint64_t http1_body_left(const struct http1 *h);

/* What was wrong, as llhttp names it ("Invalid method"); a static string. */
const char *http1_reason(const struct http1 *h);
