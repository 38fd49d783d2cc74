/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which protocol the first bytes of a direction speak. Pure. */
#pragma once

#include "datapath/decode/decoder.h"

enum classify_result {
	CLASSIFY_MORE,	 /* too few bytes to decide */
	CLASSIFY_OPAQUE, /* none of those below */
	CLASSIFY_TLS,	 /* a handshake record that starts a hello, or (midstream) a valid record
			  * header
			  */
	CLASSIFY_DECODER,
};

struct classified {
	enum classify_result result;
	const struct decoder *decoder; /* of what they are the bytes (CLASSIFY_DECODER), or NULL */
	enum http_side sender;	       /* who says them, or HTTP_ANY_SIDE */
	bool midstream;		       /* they are the midst of a connection */
};

/* |midstream|: the direction was in use before these bytes. At most CLASSIFY_MAX_BYTES are needed:
 * with that many the answer is never CLASSIFY_MORE. Give all there are: without a preface HTTP/2 is
 * only known by its second frame. */
struct classified classify(const uint8_t *data, size_t size_bytes, bool midstream);

/* Of bytes in which the kernel half has found that a frame begins (struct feed). */
struct classified classify_frame(void);

/* The decoder of what this token of HTTP/1's Upgrade asks for, or NULL. */
const struct decoder *decoder_of_upgrade(struct slice token);
