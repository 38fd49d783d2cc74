/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 3: the length of an HTTP/1 body, read from the head while it is copied, so that the body
 * can be skipped. The decoder in the agent parses the same bytes again with a complete parser; an
 * error here costs copies, not correctness. */
#pragma once

#include "bpf/lib/capture.bpf.h"

enum body_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct http1_head {
	__u64 length;	  /* Content-Length */
	__u32 head_bytes; /* including the blank line; 0 = it does not end in the window */
	__u16 status;	  /* responses */
	__u8 framing;	  /* enum body_framing */
	__u8 response;
	__u8 is_head;  /* method HEAD */
	__u8 switches; /* CONNECT, or with an Upgrade header */
	__u8 several;  /* GET: |head_bytes| covers more than one pipelined request */
	__u8 pad[5];
};

#define STEP_BYTES     24 /* read per step; the windows are multiples of it */
#define LINES_PER_WORD 3  /* line ends found per eight bytes: header lines are longer than that */
#define LOWER8	       0x2020202020202020ULL

static __always_inline __u64 load_8(const __u8 *at)
{
	return *(const volatile __u64 *)at;
}

#define TEXT8(a, b, c, d, e, f, g, h)                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

#define BEGINS_GET TEXT8('G', 'E', 'T', ' ', 0, 0, 0, 0)
#define BYTES_4	   0xffffffffULL
#define BYTES_5	   0xffffffffffULL

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

struct line_window {
	__u8 bytes[LINE_WINDOW];
};

/* Reads one header line; only lines that define the body's length matter. A global function, so
 * that it is verified once. */
__noinline int line_read(const struct line_window *window, struct http1_head *head)
{
	const __u8 *line = (const __u8 *)window;
	__u64 first, second;

	if (!window || !head)
		return 0;
	first = load_8(line) | LOWER8;
	second = load_8(line + 8) | LOWER8;

	if (first == TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
	    (second << 8) == TEXT8(0, 'l', 'e', 'n', 'g', 't', 'h', ':')) {
		/* of several lengths the decoder uses a request's first, a response's last */
		if (head->response || head->framing != FRAMING_LENGTH)
			head->length = number_parse(line + 15);
		if (head->framing == FRAMING_NONE)
			head->framing = FRAMING_LENGTH;
	} else if (first == TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
		   second == TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')) {
		head->framing = FRAMING_CHUNKED;
	} else if (first == TEXT8('u', 'p', 'g', 'r', 'a', 'd', 'e', ':')) {
		head->switches = 1;
	}
	return 0;
}

/* The window of a head: |max| is the constant size of the memory at |bytes|, without the
 * LINE_WINDOW after it; |used| bytes of it are filled. All fields have 64 bits: the verifier only
 * tracks whole stack slots. */
struct head_parser {
	const __u8 *bytes;
	struct http1_head *head;
	__u64 used;
	__u64 max;
};

/* Reads the line at |at|. True: it was the blank line. */
static __always_inline bool line_look(struct head_parser *w, __u64 at)
{
	const __u8 *line;

	if (at >= w->used)
		return false;
	asm volatile(""
		     : "+r"(at)); /* else the verifier sees a checked copy and an unchecked index */
	if (at >= w->max)
		return false;
	line = w->bytes + at;
	if (line[0] == '\n' || (line[0] == '\r' && line[1] == '\n')) {
		at += line[0] == '\n' ? 1 : 2;
		w->head->head_bytes = at <= w->used ? at : 0;
		return true;
	}
	if ((line[0] | 0x20) == 'c' || (line[0] | 0x20) == 't' ||
	    ((line[0] | 0x20) == 'u' && (line[1] | 0x20) == 'p'))
		line_read((const struct line_window *)line, w->head);
	return false;
}

/* The index of the lowest byte whose top bit is set; only top bits may be set in |marks|. */
static __always_inline __u64 first_byte(__u64 marks)
{
	return ((marks & -marks) >> 7) * 0x0001020304050607ULL >> 56;
}

/* Sets the top bit of each byte that is a line feed. */
static __always_inline __u64 line_ends(const __u8 *eight)
{
	__u64 word = load_8(eight) ^ 0x0a0a0a0a0a0a0a0aULL;

	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/* Reads the lines that begin in the next bytes. Returns 1 after the blank line, or at the end. */
static long head_step(__u32 index, void *ctx)
{
	struct head_parser *w = ctx;
	__u64 at = index * STEP_BYTES, last = w->max - STEP_BYTES;

	if (at >= w->used)
		return 1;
	/* the compared value must be the used one, not a copy */
	asm volatile("" : "+r"(at));
	if (at > last)
		return 1;
	asm volatile("" : "+r"(at));
	for (int word = 0; word < STEP_BYTES; word += 8) {
		__u64 ends = line_ends(w->bytes + at + word);

		for (int i = 0; ends && i < LINES_PER_WORD; i++, ends &= ends - 1)
			if (line_look(w, at + word + 1 + first_byte(ends)))
				return 1;
	}
	return 0;
}

/* A GET whose packet ends with a blank line has no body, nor have requests pipelined after it. */
static __always_inline bool head_is_get(const __u8 *bytes, __u32 used, __u32 max)
{
	asm volatile("" : "+r"(used));
	if (used < 8 || used > max)
		return false;
	return (load_8(bytes) & BYTES_4) == BEGINS_GET && bytes[used - 3] == '\n' &&
	       bytes[used - 1] == '\n';
}

static __always_inline void head_set_get(struct http1_head *head, __u32 used)
{
	head->several = head->head_bytes != used;
	head->head_bytes = used;
	head->framing = FRAMING_NONE;
	head->length = 0;
	head->switches = 0;
}

/* Reads the head in the first |used| of |max| bytes; head_bytes stays 0 when it does not end there.
 */
static __always_inline void head_scan(const __u8 *bytes, __u32 used, __u32 max,
				      struct http1_head *head)
{
	struct head_parser w = {bytes, head, used, max};

	head->response = bytes[0] == 'H' && bytes[1] == 'T' && bytes[4] == '/';
	head->is_head = (load_8(bytes) & BYTES_5) == TEXT8('H', 'E', 'A', 'D', ' ', 0, 0, 0);
	head->switches = load_8(bytes) == TEXT8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' ');
	if (head->response)
		head->status = (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + (bytes[11] - '0');
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(max / STEP_BYTES, head_step, &w, 0);
	else
		for (__u32 i = 0; i < max / STEP_BYTES; i++)
			if (head_step(i, &w))
				break;
	if (head_is_get(bytes, used, max))
		head_set_get(head, used);
}
