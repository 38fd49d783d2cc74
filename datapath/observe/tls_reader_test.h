/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A reader of real sessions that keeps what it was told, and the ways to feed it: cuts, gaps, order
 * of secrets. For tests only. */
#pragma once

#include "datapath/observe/secrets.h"
#include "datapath/observe/tls_session_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- a reader and what it said ---- */

struct reader {
	struct tls *tls;
	struct tls_secrets source;
	struct tls_listener listener;
	uint8_t *plain[2];
	uint8_t *there[2]; /* 1 where the byte was given, 0 in gaps */
	size_t plain_bytes[2];
	uint64_t wire[2]; /* bytes fed */
	uint64_t last_at[2];
	uint64_t last_time[2];
	unsigned closed[2];
	bool answer_first; /* the server's plaintext came while the client had none */
};

static inline void reader_plaintext(void *arg, enum tls_side side, const struct feed *f,
				    uint64_t time_ns)
{
	struct reader *r = arg;
	size_t size_bytes = r->plain_bytes[side] + f->size_bytes;

	assert_int_equal(f->step, 0);
	assert_true(f->size_bytes > 0 && f->at >= r->last_at[side] && f->at <= r->wire[side]);
	assert_true(time_ns >= r->last_time[side]);
	r->last_at[side] = f->at;
	r->last_time[side] = time_ns;
	r->answer_first |= side == TLS_SERVER && !r->plain_bytes[TLS_CLIENT];
	r->plain[side] = realloc(r->plain[side], size_bytes);
	r->there[side] = realloc(r->there[side], size_bytes);
	if (f->data)
		memcpy(r->plain[side] + r->plain_bytes[side], f->data, f->size_bytes);
	memset(r->there[side] + r->plain_bytes[side], !!f->data, f->size_bytes);
	r->plain_bytes[side] = size_bytes;
}

static inline void reader_closed(void *arg, enum tls_side side)
{
	((struct reader *)arg)->closed[side]++;
}

static inline struct reader *reader_new(struct secrets *store)
{
	struct reader *r = calloc(1, sizeof(*r));

	r->source = secrets_source(store);
	r->listener = (struct tls_listener){r, reader_plaintext, reader_closed};
	r->tls = tls_new(&r->source, &r->listener, false);
	return r;
}

/* As observe does for what a local sender's hook saw. */
static inline void reader_at_sender(struct reader *r, bool at_sender)
{
	tls_set_at_sender(r->tls, TLS_CLIENT, at_sender);
	tls_set_at_sender(r->tls, TLS_SERVER, at_sender);
}

static inline void reader_free(struct reader *r)
{
	tls_free(r->tls);
	for (int side = 0; side < 2; side++) {
		free(r->plain[side]);
		free(r->there[side]);
	}
	free(r);
}

static inline void reader_feed(struct reader *r, enum tls_side side, const uint8_t *data,
			       size_t size_bytes, uint64_t time_ns)
{
	const struct feed f = {data, size_bytes, r->wire[side] + 1, 1, 0, 0};
	uint8_t *exact = NULL; /* so that ASan sees every byte read too far */

	if (data && size_bytes) {
		exact = malloc(size_bytes);
		memcpy(exact, data, size_bytes);
	}
	r->wire[side] += size_bytes;
	tls_feed(r->tls, side, &(struct feed){exact, f.size_bytes, f.at, 1, 0, 0}, time_ns);
	free(exact);
}

/* ---- ways to cut ---- */

enum cut { CUT_NONE, CUT_BYTES, CUT_RANDOM, CUT_GAPS, CUT_MAX };

static inline void feed_split(struct reader *r, const struct session_event *e, enum cut cut,
			      uint64_t time)
{
	size_t done = 0;

	while (done < e->size_bytes) {
		size_t n = cut == CUT_NONE    ? e->size_bytes
			   : cut == CUT_BYTES ? 1
					      : 1 + (size_t)rand() % 700;

		if (n > e->size_bytes - done)
			n = e->size_bytes - done;
		reader_feed(r, e->side, e->data + done, n, time);
		done += n;
	}
}

/* Leaves the middle of large records out, as the kernel half may. The flight starts with a record
 * head. */
static inline void feed_gaps(struct reader *r, const struct session_event *e, uint64_t time)
{
	size_t at = 0;

	while (at < e->size_bytes) {
		size_t size_bytes = 5 + (size_t)(e->data[at + 3] << 8 | e->data[at + 4]);
		size_t head = 37 + (size_t)rand() % 900;
		size_t tail = (size_t)(rand() % 3) *
			      24; /* 0, part of the content or little more than the tag */

		assert_true(at + size_bytes <= e->size_bytes);
		if (size_bytes < 2000 || e->data[at] != 23) {
			reader_feed(r, e->side, e->data + at, size_bytes, time);
		} else {
			reader_feed(r, e->side, e->data + at, head, time);
			reader_feed(r, e->side, NULL, size_bytes - head - tail, time);
			if (tail)
				reader_feed(r, e->side, e->data + at + size_bytes - tail, tail,
					    time);
		}
		at += size_bytes;
	}
}

static inline void feed_event(struct reader *r, const struct session_event *e, enum cut cut,
			      uint64_t time)
{
	if (cut == CUT_GAPS)
		feed_gaps(r, e, time);
	else
		feed_split(r, e, cut, time);
}

/* ---- when secrets come ---- */

enum when { WHEN_DERIVED, WHEN_BEFORE, WHEN_AFTER, WHEN_NEVER, WHEN_MAX };

static inline void add_secrets(const struct session *s, struct secrets *store)
{
	for (size_t i = 0; i < s->event_count; i++)
		if (!s->events[i].data)
			secrets_add(store, &s->events[i].secret);
}

static inline void replay(const struct session *s, struct reader *r, struct secrets *store,
			  enum cut cut, enum when when)
{
	if (when == WHEN_BEFORE)
		add_secrets(s, store);
	for (size_t i = 0; i < s->event_count; i++) {
		const struct session_event *e = &s->events[i];

		if (e->data) {
			feed_event(r, e, cut, i + 1);
		} else if (when == WHEN_DERIVED) {
			struct weft_secret secret = e->secret;

			secret.event.time_ns = i + 1;
			secrets_add(store, &secret);
			tls_retry(r->tls);
		}
	}
	if (when == WHEN_AFTER)
		add_secrets(s, store);
	tls_retry(r->tls);
}

static inline void assert_plain(const struct session *s, const struct reader *r, bool gaps)
{
	size_t missing = 0;

	assert_string_equal(tls_state_name(tls_state_of(r->tls)), "open");
	assert_false(tls_waits(r->tls));
	for (int side = 0; side < 2; side++) {
		assert_int_equal(r->plain_bytes[side], s->plain_bytes[side]);
		for (size_t i = 0; i < s->plain_bytes[side]; i++) {
			missing += !r->there[side][i];
			if (r->there[side][i])
				assert_int_equal(r->plain[side][i], s->plain[side][i]);
		}
		assert_int_equal(r->closed[side], 1);
	}
	assert_true(gaps == (missing > 0));
	assert_false(r->answer_first);
}
