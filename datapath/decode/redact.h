/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes foreign strings fit to be kept and shown: secrets out, control
 * characters harmless. Pure. */
#pragma once

#include "base/slice.h"

/* Copies a request target, of any form (RFC 9112 section 3.2), without what may be secret:
 *  - values of parameters of a query and a path: "/a;s=1/b?id=1&x=2#f" becomes "/a;s=/b?id=&x=", a
 *    query parameter without "=" goes altogether;
 *  - user information: "http://user:password@host/" becomes "http://REDACTED@host/", in a path too.
 * |size| is at least 1; |out| is NUL-terminated. Returns whether the result was cut. */
bool redact_path(struct slice target, char *out, size_t size);

/* The part of an authority after its user information: all of it when it has none, "unknown" where
 * it is no host and port, and so may be a password. */
struct slice redact_authority(struct slice authority);

/* How many bytes the authority has with which |s| begins (RFC 3986 section 3.2). A password may
 * have
 * "/", "?" and "#" in it, which clients that do not escape let through: it goes on to the next "@"
 * where there is no port after the colon. */
size_t target_authority_bytes(struct slice s);

/* Whether |s| is a traceparent (W3C Trace Context 3.2): version not ff, ids not all zero,
 * lower-case hex. Of versions above 00 the first four fields are checked, more may follow. */
bool traceparent_valid(struct slice s);

/* Copies |s| so that it can stand in a terminal, a log line or a label: control characters (C0,
 * DEL, C1), line and paragraph separators and bidirectional controls become \xNN or \u{NNNN}, bytes
 * that are not UTF-8 \xNN. |size| is at least 1; |out| is NUL-terminated valid UTF-8, never cut
 * inside a character or an escape. Returns whether it was cut. */
bool text_escape(struct slice s, char *out, size_t size);
