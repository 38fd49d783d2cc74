/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether bytes are the first line of an HTTP/1 message, or a beginning of one (RFC 9112 3 and 4).
 * Pure. */
#pragma once

#include "datapath/decode/match.h"

/* A method is any token (RFC 9110 9.1). Many line protocols look like "WORD argument" too: while
 * the version is missing, a method that is not registered needs a path. |known_only|: bytes before
 * these may be missing, so only registered methods count ("ST" is the end of one). */
enum match http1_match_request(struct slice s, bool known_only);

/* The target of |s|, if it is a request of HTTP/0.9 and nothing else: `GET`, a path and line ends
 * (RFC 1945 5.1); else empty. */
struct slice http1_simple_target(struct slice s);

/* "HTTP/1.x nnn" */
enum match http1_match_response(struct slice s);
