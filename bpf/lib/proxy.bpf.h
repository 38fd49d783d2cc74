/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the header of the PROXY protocol before a client's first byte (proxy-protocol.txt): it
 * is copied whole, and what follows is classified. A header that is split before its length is
 * known is treated as a message of an unknown kind. */
#pragma once

#include "bpf/lib/classify.bpf.h"
#include "bpf/lib/http1.bpf.h"

#define PROXY_SHORT_BYTES  15  /* "PROXY UNKNOWN" and its line end */
#define PROXY_LINE_BYTES   107 /* version 1, at most */
#define PROXY_BINARY_BYTES 16  /* version 2, without addresses and TLVs */

struct proxy_bytes {
	__u8 b[112];
};

/* The length of the line at |bytes|, of which |used| bytes are there; 0: it does not end in
 * them. */
static __always_inline __u32 proxy_line(const struct proxy_bytes *bytes, __u32 used)
{
	for (__u32 at = 0; at < sizeof(bytes->b); at += 8) {
		__u64 ends = line_ends(bytes->b + at);
		__u32 size = at + 1 + (first_byte(ends) & 7);

		if (ends)
			return size <= used && size <= PROXY_LINE_BYTES ? size : 0;
	}
	return 0;
}

/* The length of the header at the start of the packet, which may exceed the packet; 0: there is
 * none, or its length is not known. */
__noinline int proxy_header(struct __sk_buff *skb, const struct capture *c)
{
	struct proxy_bytes bytes = {};
	__u32 used;

	if (!c)
		return 0;
	used = c->bytes < sizeof(bytes.b) ? c->bytes : sizeof(bytes.b);
	if (used < PROXY_SHORT_BYTES || !payload_load(skb, c, 0, used, sizeof(bytes.b), bytes.b))
		return 0;
	if (used >= PROXY_BINARY_BYTES &&
	    load_8(bytes.b) == TEXT8('\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q') &&
	    (load_8(bytes.b + 8) << 32) == TEXT8(0, 0, 0, 0, 'U', 'I', 'T', '\n'))
		return PROXY_BINARY_BYTES + (bytes.b[14] << 8 | bytes.b[15]);
	if (load_8(bytes.b) == TEXT8('P', 'R', 'O', 'X', 'Y', ' ', 'T', 'C') ||
	    load_8(bytes.b) == TEXT8('P', 'R', 'O', 'X', 'Y', ' ', 'U', 'N'))
		return proxy_line(&bytes, used);
	return 0;
}
