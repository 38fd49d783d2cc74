// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps the records of one end until the other end is known. */
#include "datapath/observe/awaited.h"

#include <stdlib.h>

#define WAIT_NS	  3000000000ull /* a lost SYN-ACK is retransmitted after a second */
#define BYTES_MAX (256u << 10)	/* of records */

struct kept {
	struct kept *next;
	struct weft_event record[];
};

struct awaited {
	uint64_t cookie;
	uint64_t since_ns;
	size_t bytes;
	struct kept *first, *last;
};

void awaited_begin(struct conn *c, uint64_t cookie)
{
	struct awaited *a = calloc(1, sizeof(*a));

	if (!a)
		return;
	a->cookie = cookie;
	a->since_ns = c->discovered_ns;
	c->awaited = a;
	conn_want_tick(c);
}

bool awaited_keep(struct conn *c, uint64_t cookie, const struct weft_event *record)
{
	struct awaited *a = c->awaited;
	struct kept *k;

	if (cookie != a->cookie || a->bytes + record->size_bytes > BYTES_MAX)
		return false;
	k = malloc(sizeof(*k) + record->size_bytes);
	if (!k)
		return false;
	k->next = NULL;
	memcpy(k->record, record, record->size_bytes);
	a->bytes += record->size_bytes;
	if (a->last)
		a->last->next = k;
	else
		a->first = k;
	a->last = k;
	return true;
}

bool awaited_is_over(const struct conn *c, uint64_t now_ns)
{
	return now_ns >= c->awaited->since_ns + WAIT_NS;
}

const struct weft_event *awaited_next(const struct awaited *a, const void **place)
{
	const struct kept *before = *place, *k = before ? before->next : a->first;

	*place = k;
	return k ? k->record : NULL;
}

void awaited_free(struct awaited *a)
{
	struct kept *k = a ? a->first : NULL, *next;

	for (; k; k = next) {
		next = k->next;
		free(k);
	}
	free(a);
}
