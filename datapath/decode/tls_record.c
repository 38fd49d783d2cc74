// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Record splitter: a record inside of one feed is only pointed at, others are gathered. */
#include "datapath/decode/tls_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARTIAL_FIRST_BYTES 1024

struct tls_partial {
	uint32_t capacity;
	uint16_t stored_bytes;
	uint16_t piece_count;
	struct tls_piece pieces[TLS_MAX_PIECES];
	uint8_t data[];
};

static void advance(struct tls_splitter *s, struct feed *f, size_t size_bytes)
{
	if (!size_bytes)
		return;
	s->end = feed_position(f, size_bytes - 1);
	*f = feed_rest(f, size_bytes);
}

static uint16_t fragment_bytes(const struct tls_splitter *s)
{
	return (uint16_t)(s->head[3] << 8 | s->head[4]);
}

static int take_head(struct tls_splitter *s, struct feed *f)
{
	size_t n = TLS_RECORD_HEAD_BYTES - s->head_bytes;

	if (!f->size_bytes)
		return 0;
	if (!f->data)
		return -EPIPE;
	if (n > f->size_bytes)
		n = f->size_bytes;
	memcpy(s->head + s->head_bytes, f->data, n);
	s->head_bytes += n;
	advance(s, f, n);
	if (s->head_bytes < TLS_RECORD_HEAD_BYTES)
		return 0;
	if (s->head[0] < TLS_CONTENT_CHANGE_CIPHER || s->head[0] > TLS_CONTENT_HEARTBEAT ||
	    s->head[1] != 3 || s->head[2] > 4 || fragment_bytes(s) > TLS_MAX_FRAGMENT_BYTES)
		return -EBADMSG;
	return 1;
}

/* Room for |size_bytes| more captured bytes: grows fourfold, up to what the record can need. */
static bool partial_reserve(struct tls_splitter *s, size_t size_bytes)
{
	struct tls_partial *p = s->partial;
	size_t need = size_bytes + (p ? p->stored_bytes : 0);
	size_t capacity = p ? (size_t)p->capacity * 4 : PARTIAL_FIRST_BYTES;

	if (p && need <= p->capacity)
		return true;
	if (capacity < need)
		capacity = need;
	if (capacity > TLS_MAX_FRAGMENT_BYTES)
		capacity = TLS_MAX_FRAGMENT_BYTES;
	p = realloc(s->partial, sizeof(*p) + capacity);
	if (!p)
		return false;
	if (!s->partial)
		memset(p, 0, sizeof(*p));
	p->capacity = (uint32_t)capacity;
	s->partial = p;
	return true;
}

/* False: there are too many pieces already, the bytes count as not captured. */
static bool partial_extend(struct tls_partial *p, uint16_t offset, uint16_t size_bytes)
{
	struct tls_piece *last = p->pieces + p->piece_count - 1;

	if (p->piece_count && last->offset + last->size_bytes == offset) {
		last->size_bytes += size_bytes;
		return true;
	}
	if (p->piece_count == TLS_MAX_PIECES)
		return false;
	p->pieces[p->piece_count++] = (struct tls_piece){offset, size_bytes};
	return true;
}

static int partial_add(struct tls_splitter *s, struct feed *f)
{
	size_t n = fragment_bytes(s) - s->taken_bytes;

	if (n > f->size_bytes)
		n = f->size_bytes;
	if (!partial_reserve(s, f->data ? n : 0))
		return -ENOMEM;
	if (f->data && n && partial_extend(s->partial, s->taken_bytes, (uint16_t)n)) {
		memcpy(s->partial->data + s->partial->stored_bytes, f->data, n);
		s->partial->stored_bytes += n;
	}
	s->taken_bytes += n;
	advance(s, f, n);
	return s->taken_bytes == fragment_bytes(s);
}

static void fill_head(struct tls_splitter *s, uint64_t time_ns, struct tls_record *ret)
{
	ret->type = s->head[0];
	ret->version = (uint16_t)(s->head[1] << 8 | s->head[2]);
	ret->size_bytes = fragment_bytes(s);
	ret->end = s->end;
	ret->time_ns = time_ns;
	s->head_bytes = 0;
	s->taken_bytes = 0;
}

static int finish_partial(struct tls_splitter *s, uint64_t time_ns, struct tls_record *ret)
{
	const struct tls_partial *p = s->partial;

	fill_head(s, time_ns, ret);
	ret->captured_bytes = p->stored_bytes;
	ret->piece_count = p->piece_count;
	ret->data = p->data;
	memcpy(ret->pieces, p->pieces, p->piece_count * sizeof(p->pieces[0]));
	return 1;
}

/* The common case: the whole fragment lies in this feed. */
static int finish_direct(struct tls_splitter *s, struct feed *f, uint64_t time_ns,
			 struct tls_record *ret)
{
	uint16_t n = fragment_bytes(s);

	ret->data = f->data;
	advance(s, f, n);
	fill_head(s, time_ns, ret);
	ret->captured_bytes = n;
	ret->piece_count = n > 0;
	ret->pieces[0] = (struct tls_piece){0, n};
	return 1;
}

int tls_record_next(struct tls_splitter *s, struct feed *f, uint64_t time_ns,
		    struct tls_record *ret)
{
	int got = 1;

	if (s->head_bytes < TLS_RECORD_HEAD_BYTES) {
		tls_splitter_release(s); /* of the record before */
		got = take_head(s, f);
	}
	if (got <= 0)
		return got;
	if (!s->partial && (!fragment_bytes(s) || f->data) && f->size_bytes >= fragment_bytes(s))
		return finish_direct(s, f, time_ns, ret);
	if (!f->size_bytes)
		return 0;
	got = partial_add(s, f);
	return got > 0 ? finish_partial(s, time_ns, ret) : got;
}

void tls_splitter_release(struct tls_splitter *s)
{
	free(s->partial);
	s->partial = NULL;
}
