/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting gRPC messages in one direction of one stream, by their 5-byte prefixes (gRPC over
 * HTTP/2, "Length-Prefixed-Message"). Pure. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grpc_prefixes {
	uint32_t left_bytes; /* of the message; while its prefix is read: the length so far */
	uint8_t prefix_used; /* bytes of the prefix that were read, 0 between messages and inside
				one */
	bool counting;	     /* false: not gRPC, or the place in the stream is lost */
};

/* Whether a content-type says gRPC: "application/grpc", alone or followed by "+codec" or parameters
 * (gRPC-Web is another framing). */
bool grpc_content_type(struct slice content_type);

/* Takes |size_bytes| of body; |data| NULL is a gap. Returns how many messages began, that is, whose
 * prefix was completed. A gap that reaches beyond the current message, or a prefix that cannot be
 * one, ends the counting: where the next prefix begins is not known. */
uint32_t grpc_prefixes_take(struct grpc_prefixes *g, const uint8_t *data, size_t size_bytes);

/* Whether all messages that began are complete. */
bool grpc_prefixes_between(const struct grpc_prefixes *g);

/* Bytes that may be passed as a gap without losing count; UINT64_MAX when nothing is counted. */
uint64_t grpc_prefixes_skippable(const struct grpc_prefixes *g);
