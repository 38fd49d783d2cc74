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
		at += line[0] == '\n' ? 1 : 2;
		head->head_bytes = at <= bytes ? at : 0;
		return 1;
	}
	if ((line[0] | 0x20) == 'c' || (line[0] | 0x20) == 't')
		line_read(line, head);
	return 0;
}

struct head_walk {
	const struct head_window *window;
	struct http1_head *head;
	__u32 bytes;
};

/* Finds the line ends among eight bytes. Returns 1 after the blank line, or where the bytes end. */
static long head_word(__u32 index, void *walk)
{
	struct head_walk *w = walk;
	__u64 word, newlines;
	__u32 at = index * 8;

	if (at >= w->bytes || at > SMALL_BYTES - 8)
		return 1;
	word = load_8(w->window->bytes + at) ^ 0x0a0a0a0a0a0a0a0aULL;
	newlines = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
	for (__u32 k = 1; newlines && k <= 8; k++, newlines >>= 8)
		if ((newlines & 0x80) && line_look(w->window, at + k, w->bytes, w->head))
			return 1;
	return 0;
}

/* Reads the head in the first |bytes| of the window; head_bytes stays 0 when it does not end there. */
__noinline int head_scan(const struct head_window *window, __u32 bytes, struct http1_head *head)
{
	struct head_walk w = { window, head, bytes };

	if (!window || !head)
		return 0;
	head->response = window->bytes[0] == 'H' && window->bytes[1] == 'T' &&
			 window->bytes[4] == '/';
	head->is_head = window->bytes[0] == 'H' && window->bytes[1] == 'E' &&
			window->bytes[4] == ' ';
	if (head->response)
		head->status = (window->bytes[9] - '0') * 100 + (window->bytes[10] - '0') * 10 +
			       (window->bytes[11] - '0');
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(SMALL_BYTES / 8, head_word, &w, 0);
		return 0;
	}
	for (__u32 i = 0; i < SMALL_BYTES / 8; i++)
		if (head_word(i, &w))
			break;
	return 0;
}
