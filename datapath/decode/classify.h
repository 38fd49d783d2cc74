/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which protocol the first bytes of a direction speak. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum classify_result {
	CLASSIFY_MORE,	 /* too few bytes to tell */
	CLASSIFY_OPAQUE, /* none of those below */
	CLASSIFY_HTTP1_REQUEST,
	CLASSIFY_HTTP1_RESPONSE,
	CLASSIFY_HTTP2,	       /* the client's preface, or a server's first SETTINGS frame */
	CLASSIFY_HTTP2_JOINED, /* at least two valid frames in a row, without a preface */
	CLASSIFY_TLS, /* a handshake record that starts a hello, or (joined) a valid record header
		       */
};

/* |joined|: the direction was in use before these bytes. At most CLASSIFY_MAX_BYTES are needed:
 * with that many the answer is never CLASSIFY_MORE. Give all there are: without a preface HTTP/2 is
 * only known by its second frame. */
#define CLASSIFY_MAX_BYTES 64
enum classify_result classify(const uint8_t *data, size_t size_bytes, bool joined);
