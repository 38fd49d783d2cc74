/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the protocol of a direction by its first bytes. Pure. */
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
	const struct decoder *decoder; /* of the protocol (CLASSIFY_DECODER), or NULL */
	enum http_side sender;	       /* the end that sends them, or HTTP_ANY_SIDE */
	bool midstream;		       /* they are from the middle of a connection */
};

/* |midstream|: the direction was in use before these bytes. At most CLASSIFY_MAX_BYTES are needed:
 * with that many the result is never CLASSIFY_MORE. Pass all that are available: without a preface
 * HTTP/2 is only known by its second frame. */
struct classified classify(const uint8_t *data, size_t size_bytes, bool midstream);

/* The result for bytes in which a frame begins, as the kernel half found (struct feed). */
struct classified classify_frame(void);

/* The decoder of the protocol that this token of HTTP/1's Upgrade names, or NULL. */
const struct decoder *decoder_of_upgrade(struct slice token);
