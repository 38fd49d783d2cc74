// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A bounded list of copied records. */
#include "datapath/decode/tls_waiting.h"

#include "datapath/decode/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t cost_bytes(const struct tls_record *r)
{
	return (uint32_t)sizeof(struct tls_waiting) + r->captured_bytes;
}

int tls_queue_push(struct tls_queue *q, const struct tls_record *r)
{
	struct tls_waiting *w;
	uint8_t *data;

	if (q->used_bytes + cost_bytes(r) > TLS_MAX_BACKLOG_BYTES)
		return -ENOSPC;
	w = malloc(cost_bytes(r));
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
