/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: how long an HTTP/1 body is, read from the head while it is copied, so that the body can be skipped.
 * Whoever decodes reads the same bytes again with a real parser; a mistake here costs copies, not truth. */
#pragma once

#include "bpf/lib/capture.bpf.h"

enum body_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct http1_head {
	__u64 length;     /* Content-Length */
	__u32 head_bytes; /* through the blank line; 0 = it does not end in the window */
	__u16 status;     /* responses */
	__u8 framing;     /* enum body_framing */
	__u8 response;
	__u8 is_head;     /* method HEAD */
	__u8 pad[7];
};

struct head_window {
	__u8 bytes[SMALL_BYTES];
};

#define LINE_WINDOW 40 /* bytes of a line that are looked at */
#define LOWER8 0x2020202020202020ULL

static __always_inline __u64 load_8(const __u8 *at)
{
	return *(const volatile __u64 *)at;
}

#define TEXT8(a, b, c, d, e, f, g, h)                                                             \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |  \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

static __always_inline __u64 number_parse(const __u8 *at)
{
	__u64 value = 0;
	bool digits = false;

	for (int i = 0; i < 16; i++) {
		__u8 digit = at[i] - '0';

		if (digit < 10) {
			value = value * 10 + digit;
			digits = true;
		} else if (digits || at[i] != ' ') {
			break;
		}
	}
	return value;
}

/* Reads one header line: only those that frame a body matter. */
static __always_inline void line_read(const __u8 *line, struct http1_head *head)
{
	__u64 first = load_8(line) | LOWER8;
	__u64 second = load_8(line + 8) | LOWER8;

	if (first == TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
	    (second << 8) == TEXT8(0, 'l', 'e', 'n', 'g', 't', 'h', ':')) {
		head->length = number_parse(line + 15);
		if (head->framing == FRAMING_NONE)
			head->framing = FRAMING_LENGTH;
	} else if (first == TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
		   second == TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')) {
		head->framing = FRAMING_CHUNKED;
	}
}

/* Looks at the line that starts at |at|. 1: it was the blank line. A global function: verified once, not at
 * each of its many calls. */
__noinline int line_look(const struct head_window *w, __u32 at, __u32 bytes,
			 struct http1_head *head)
{
	const __u8 *line;

	if (!w || !head || at >= bytes)
		return 0;
	asm volatile("" : "+r"(at)); /* or the verifier sees a checked copy and an unchecked index */
	if (at >= SMALL_BYTES - LINE_WINDOW)
		return 0;
	line = w->bytes + at;
	if (line[0] == '\n' || (line[0] == '\r' && line[1] == '\n')) {
		head->head_bytes = at + (line[0] == '\n' ? 1 : 2);
		return head->head_bytes <= bytes;
	}
	if ((line[0] | 0x20) == 'c' || (line[0] | 0x20) == 't')
		line_read(line, head);
	return 0;
}

/* Reads the head in the first |bytes| of the window. Returns 1 when it ends there. */
__noinline int head_scan(const struct head_window *w, __u32 bytes, struct http1_head *head)
{
	__u64 word, newlines;

	if (!w || !head)
		return 0;
	head->response = w->bytes[0] == 'H' && w->bytes[1] == 'T' && w->bytes[4] == '/';
	head->is_head = w->bytes[0] == 'H' && w->bytes[1] == 'E' && w->bytes[4] == ' ';
	if (head->response)
		head->status = (w->bytes[9] - '0') * 100 + (w->bytes[10] - '0') * 10 +
			       (w->bytes[11] - '0');
	for (__u32 i = 0; i < SMALL_BYTES; i += 8) {
		if (i >= bytes)
			break;
		word = load_8(w->bytes + i) ^ 0x0a0a0a0a0a0a0a0aULL;
		newlines = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
		for (__u32 k = 1; newlines && k <= 8; k++, newlines >>= 8)
			if ((newlines & 0x80) && line_look(w, i + k, bytes, head))
				return 1;
	}
	head->head_bytes = 0;
	return 0;
}
