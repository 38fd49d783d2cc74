/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* In front of the HTTP/1 parser: rewrites lines of heads, chunks and trailers that break RFC 9112
 * but are accepted by servers and clients into the form of the RFC, and notes what it rewrote.
 * Bytes of bodies do not pass here. Pure. */
#pragma once

#include "base/slice.h"
#include "datapath/decode/lenient.h"

#include <stdbool.h>

/* Where in a message the next byte stands. */
struct http1_strict {
	uint32_t noticed; /* HTTP_LENIENT_FORM() of this message */
	uint8_t place;
	bool request;
	bool cr;	 /* one was read that may begin a line end */
	bool value_line; /* the line of a field ended that may go on in the next one */
	bool space;	 /* one was read that may stand at the end of the request line */
	bool digits;	 /* of the chunk's size were read */
	bool not_empty;	 /* the chunk, as far as its size was read */
};

/* A message begins; of a request its method was read already. */
void http1_strict_start(struct http1_strict *s, bool request);

/* The next bytes for the parser. [at, end) is what comes, not empty. Returns how many bytes of it
 * |ret| stands for: they are |ret|, or were brought into the strict form, of which nothing or some
 * constant bytes are left. At most up to the end of a head or of trailers, of a chunk's size or of
 * its last line end. May return 0, then the next call takes bytes. What it does not know how to
 * forgive it hands on as it is: the parser refuses it. */
size_t http1_strict_next(struct http1_strict *s, const char *at, const char *end,
			 struct slice *ret);
