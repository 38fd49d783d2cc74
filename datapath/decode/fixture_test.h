/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a decoder over a fixture in every way bytes can arrive: whole, byte by byte, in every
 * two-way split, and cut off at every length. Each piece lies at the end of a page that is followed
 * by a forbidden one, and is overwritten after its feed: an over-read faults, a pointer kept too
 * long shows. For cmocka tests. */
#pragma once

#include "datapath/decode/transcript_test.h"

#include <sys/mman.h>

/* How a decoder is driven. |arg| is the fixture's. */
struct fixture_driver {
	void *(*open)(struct transcript *t, const void *arg);
	/* |ret_used| matters with DECODE_SWITCH only. */
	enum decode_status (*feed)(void *decoder, const struct feed *f, size_t *ret_used);
	void (*finish)(void *decoder, uint64_t position); /* after all bytes; may be NULL */
	void (*close)(void *decoder);
};

struct fixture {
	const char *name;
	const void *data;
	size_t size_bytes;
	const void *arg;
	enum http_body body;	   /* what the listener answers to a response head */
	enum decode_status status; /* how it ends */
	size_t used_bytes;	   /* with DECODE_SWITCH: where */
	const char *expect; /* the transcript, or NULL: only that all ways of feeding agree */
};

#define FIXTURE_MAX_PIECE_BYTES (256 * 1024)
#define FIXTURE_GUARD_BYTES	(64 * 1024) /* a page, where pages are largest */

/* The last byte of a writable area that ends at a forbidden page. */
static inline uint8_t *fixture_guarded_end(void)
{
	static uint8_t *end;

	if (end)
		return end;
	uint8_t *area = mmap(NULL, FIXTURE_MAX_PIECE_BYTES + FIXTURE_GUARD_BYTES,
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(area != MAP_FAILED);
	end = area + FIXTURE_MAX_PIECE_BYTES;
	assert_int_equal(mprotect(end, FIXTURE_GUARD_BYTES, PROT_NONE), 0);
	return end;
}

/* Feeds the piece [from, to) from the guarded page; positions count from 1 as in a stream of clear
 * text. */
static inline enum decode_status fixture_feed(const struct fixture_driver *d, void *decoder,
					      const struct fixture *x, size_t from, size_t to,
					      size_t *ret_used)
{
	size_t n = to - from;
	uint8_t *piece = fixture_guarded_end() - n;
	struct feed f = {piece, n, from + 1, 1, 0, 0};

	assert_true(n <= FIXTURE_MAX_PIECE_BYTES);
	if (n)
		memcpy(piece, (const char *)x->data + from, n);
	enum decode_status status = d->feed(decoder, &f, ret_used);

	memset(piece, 0xdb, n);
	return status;
}

/* Feeds the first |size_bytes| in pieces: up to |split|, then |step| bytes each. |size_bytes| short
 * of the whole is a cut: `finish` is then not called. */
static inline enum decode_status fixture_run(const struct fixture_driver *d,
					     const struct fixture *x, size_t size_bytes,
					     size_t split, size_t step, struct transcript *t,
					     size_t *ret_used)
{
	enum decode_status status = DECODE_OK;
	size_t from = 0, used = 0;

	memset(t, 0, sizeof(*t));
	t->body = x->body;
	void *decoder = d->open(t, x->arg);

	assert_non_null(decoder);
	while (from < size_bytes && status == DECODE_OK) {
		size_t to = from < split ? split : from + step;

		to = to < size_bytes ? to : size_bytes;
		status = fixture_feed(d, decoder, x, from, to, &used);
		*ret_used = from + used;
		from = to;
	}
	if (status == DECODE_OK && size_bytes == x->size_bytes && d->finish)
		d->finish(decoder, x->size_bytes);
	d->close(decoder);
	return status;
}

/* The whole check. A cut-off run must tell a beginning of what the whole run tells, never anything
 * else. */
static inline void __attribute__((unused)) fixture_check(const struct fixture_driver *d,
							 const struct fixture *x)
{
	static struct transcript whole, other;
	size_t n = x->size_bytes, used = 0, other_used = 0;
	enum decode_status status = fixture_run(d, x, n, 0, n, &whole, &used);

	if (x->expect && strcmp(whole.text, x->expect))
		fail_msg("%s told:\n%s-- instead of:\n%s", x->name, whole.text, x->expect);
	if (status != x->status)
		fail_msg("%s: status %d instead of %d", x->name, status, x->status);
	if (status == DECODE_SWITCH && used != x->used_bytes)
		fail_msg("%s: switch at %zu instead of %zu", x->name, used, x->used_bytes);
	for (size_t split = 0; split < n; split++) { /* 0: byte by byte */
		enum decode_status s =
			fixture_run(d, x, n, split, split ? n : 1, &other, &other_used);

		if (strcmp(other.text, whole.text) || s != status)
			fail_msg("%s, split at %zu: status %d, told:\n%s-- instead of %d:\n%s",
				 x->name, split, s, other.text, status, whole.text);
		if (status == DECODE_SWITCH && used != other_used)
			fail_msg("%s, split at %zu: switch at %zu", x->name, split, other_used);
	}
	for (size_t cut = 0; cut < n; cut++) {
		enum decode_status s = fixture_run(d, x, cut, 0, cut, &other, &other_used);

		if (strncmp(other.text, whole.text, other.used_bytes) || (s && s != status))
			fail_msg("%s, cut at %zu: status %d, told:\n%s-- of:\n%s", x->name, cut, s,
				 other.text, whole.text);
	}
}
