/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: requests with an unusual method. A method is any token (RFC 9110 9.1) and may look like
 * a word of another protocol; the version at the end of the line is specific to HTTP. */
#pragma once

#include "bpf/lib/http1.bpf.h"

#define VERSION_TEXT  TEXT8(' ', 'H', 'T', 'T', 'P', '/', '1', '.')
#define VERSION_BYTES 9 /* including its last digit */

/* A slot of this CPU's scratch memory; NULL: interrupted runs use all of them. */
static __always_inline struct scratch *scratch_take(void)
{
	for (__u32 i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 slot = i;
		struct scratch *scratch = bpf_map_lookup_elem(&weft_scratch, &slot);

		if (scratch && !__sync_lock_test_and_set(&scratch->taken, 1))
			return scratch;
	}
	return NULL;
}

static __always_inline void scratch_give(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
}

struct line_parser {
	const __u8 *bytes; /* LARGE_BYTES and LINE_WINDOW more */
	__u64 used;	   /* bytes filled */
	__u64 end;	   /* offset of the first line feed, or 0 */
};

/* Looks for the line feed in the next bytes. Returns 1 when found, or at the end of the bytes. */
static long line_step(__u32 index, void *ctx)
{
	struct line_parser *w = ctx;
	__u64 at = index * STEP_BYTES;

	if (at >= w->used)
		return 1;
	asm volatile("" : "+r"(at)); /* the compared value must be the used one, not a copy */
	if (at > LARGE_BYTES - STEP_BYTES)
		return 1;
	asm volatile("" : "+r"(at));
	for (int word = 0; word < STEP_BYTES; word += 8) {
		__u64 ends = line_ends(w->bytes + at + word);

		if (ends) {
			w->end = at + word + first_byte(ends);
			return 1;
		}
	}
	return 0;
}

/* Finds the first line feed. */
static __always_inline void line_parser_end(struct line_parser *w)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(LARGE_BYTES / STEP_BYTES, line_step, w, 0);
		return;
	}
	for (__u32 i = 0; i < LARGE_BYTES / STEP_BYTES; i++)
		if (line_step(i, w))
			return;
}

/* Whether the line whose feed is at |end| ends with a version of HTTP/1. */
static __always_inline bool line_has_version(const __u8 *bytes, __u64 end)
{
	__u64 start = end - VERSION_BYTES - 1;

	asm volatile("" : "+r"(start)); /* see line_step */
	if (start > LARGE_BYTES)	/* also for a line that is too short */
		return false;
	asm volatile("" : "+r"(start));
	bytes += start;
	return load_8(bytes + 1) == VERSION_TEXT ||
	       (load_8(bytes) == VERSION_TEXT && bytes[VERSION_BYTES] == '\r');
}

/* Whether the line at |at| ends in the packet with " HTTP/1." and a digit. A global function, so
 * that it is verified once. */
__noinline int line_names_http1(struct __sk_buff *skb, const struct capture *c, __u32 at)
{
	struct line_parser w = {};
	struct scratch *scratch;
	bool named = false;
	__u32 bytes;

	if (!c || at >= c->bytes)
		return false;
	scratch = scratch_take();
	if (!scratch)
		return false;
	bytes = c->bytes - at < LARGE_BYTES ? c->bytes - at : LARGE_BYTES;
	w.bytes = scratch->data;
	w.used = bytes;
	if (payload_load(skb, c, at, bytes, LARGE_BYTES, scratch->data) && scratch->data[0] > ' ') {
		line_parser_end(&w);
		named = w.end < w.used && line_has_version(scratch->data, w.end);
	}
	scratch_give(scratch);
	return named;
}
