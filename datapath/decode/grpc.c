// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counting gRPC messages by their prefixes: one flag byte, four bytes of length.
#include "datapath/decode/grpc.h"

#define PREFIX_BYTES	5
#define FLAG_COMPRESSED 1 /* the only flag there is */

bool grpc_content_type(struct slice content_type)
{
	const struct slice grpc = SLICE("application/grpc");
	char next;

	if (!slice_starts_with(content_type, grpc))
		return false;
	if (content_type.size_bytes == grpc.size_bytes)
		return true;
	next = content_type.data[grpc.size_bytes];
	return next == '+' || next == ';' || next == ' ';
}

/* Returns whether this byte completed a prefix. */
static bool take_prefix_byte(struct grpc_prefixes *g, uint8_t byte)
{
	if (!g->prefix_used) {
		g->counting = byte <= FLAG_COMPRESSED;
		g->left_bytes = 0;
	} else {
		g->left_bytes = g->left_bytes << 8 | byte;
	}
	g->prefix_used = (g->prefix_used + 1) % PREFIX_BYTES;
	return !g->prefix_used;
}

uint32_t grpc_prefixes_take(struct grpc_prefixes *g, const uint8_t *data, size_t size_bytes)
{
	uint32_t begun = 0;

	if (!data) {
		g->counting = g->counting && size_bytes <= grpc_prefixes_skippable(g);
		g->left_bytes -= g->counting ? (uint32_t)size_bytes : 0;
		return 0;
	}
	for (size_t i = 0; i < size_bytes && g->counting;) {
		size_t inside = grpc_prefixes_skippable(g);

		if (!inside) {
			begun += take_prefix_byte(g, data[i++]);
			continue;
		}
		if (inside > size_bytes - i)
			inside = size_bytes - i;
		g->left_bytes -= inside;
		i += inside;
	}
	return begun;
}

bool grpc_prefixes_between(const struct grpc_prefixes *g)
{
	return g->counting && !g->prefix_used && !g->left_bytes;
}

uint64_t grpc_prefixes_skippable(const struct grpc_prefixes *g)
{
	if (!g->counting)
		return UINT64_MAX;
	return g->prefix_used ? 0 : g->left_bytes;
}
