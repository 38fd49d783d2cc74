// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A bounded list of copied records. */
#include "datapath/decode/tls_waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 1024 /* of a record that does not fit as a whole */

static uint32_t cost_bytes(const struct tls_record *r)
{
	return (uint32_t)sizeof(struct tls_waiting) + r->captured_bytes;
}

static bool has_room(const struct tls_queue *q, const struct tls_record *r)
{
	return q->used_bytes + cost_bytes(r) <= TLS_MAX_BACKLOG_BYTES;
}

/* |r| as if only its first bytes had been captured. */
static struct tls_record head_of(const struct tls_record *r)
{
	struct tls_record head = *r;

	head.piece_count = r->piece_count && !r->pieces[0].offset;
	if (!head.piece_count)
		head.pieces[0].size_bytes = 0;
	if (head.pieces[0].size_bytes > HEAD_BYTES)
		head.pieces[0].size_bytes = HEAD_BYTES;
	head.captured_bytes = head.pieces[0].size_bytes;
	return head;
}

static int push(struct tls_queue *q, const struct tls_record *r)
{
	struct tls_waiting *w = malloc(cost_bytes(r));
	uint8_t *data;

	if (!w)
		return -ENOMEM;
	data = (uint8_t *)(w + 1);
	w->next = NULL;
	w->record = *r;
	w->record.data = data;
	if (r->captured_bytes)
		memcpy(data, r->data, r->captured_bytes);
	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
	q->used_bytes += cost_bytes(r);
	return 0;
}

int tls_queue_push(struct tls_queue *q, const struct tls_record *r)
{
	struct tls_record head;

	if (has_room(q, r))
		return push(q, r);
	if (!q->first || r->type != TLS_CONTENT_APPLICATION)
		return -ENOSPC;
	head = head_of(r);
	return has_room(q, &head) ? push(q, &head) : -ENOSPC;
}

void tls_queue_pop(struct tls_queue *q)
{
	struct tls_waiting *w = q->first;

	q->first = w->next;
	if (!q->first)
		q->last = NULL;
	q->used_bytes -= cost_bytes(&w->record);
	free(w);
}

void tls_queue_release(struct tls_queue *q)
{
	while (q->first)
		tls_queue_pop(q);
}
