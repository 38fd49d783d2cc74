/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the header of the PROXY protocol in front of what a client sends (proxy-protocol.txt):
 * all of it is copied, and what follows is classified. A header that is cut so early that its end
 * is not known is taken for a message that is not understood. */
#pragma once

#include "bpf/lib/classify.bpf.h"
#include "bpf/lib/http1.bpf.h"

#define PROXY_SHORT_BYTES  15  /* "PROXY UNKNOWN" and its line end */
#define PROXY_LINE_BYTES   107 /* version 1, at most */
#define PROXY_BINARY_BYTES 16  /* version 2, before addresses and TLVs */

struct proxy_bytes {
	__u8 b[112];
};

/* The bytes of the line that begins with |bytes|, of which |used| are there; 0: it does not end in
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

/* The bytes of the header that begins with the packet, which may end later; 0: none, or its end is
 * not known. */
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
