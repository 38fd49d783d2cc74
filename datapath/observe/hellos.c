// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table of sessions by client random, each with the connections that are registered in it. */
#include "datapath/observe/hellos.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 3 /* of a ticket: the connection's place in its session */

_Static_assert(HELLOS_MAX_CONNECTIONS == 1 << SLOT_BITS, "a ticket holds every place");

struct hello {
	uint8_t client_random[32];
	uint64_t id;	    /* tells it from an earlier session with the same random */
	uint8_t registered; /* connections that were ever registered: places are not given twice */
	uint8_t present;    /* one bit each */
};

struct hellos {
	struct table *sessions;
	uint64_t last_id;
};

struct hellos *hellos_new(uint32_t capacity, uint64_t seed)
{
	struct hellos *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->sessions = table_new(capacity, sizeof(struct hello), 32, seed);
	if (h->sessions)
		return h;
	free(h);
	return NULL;
}

void hellos_free(struct hellos *h)
{
	if (!h)
		return;
	table_free(h->sessions);
	free(h);
}

uint64_t hellos_add(struct hellos *h, const uint8_t client_random[32], uint8_t ret_forgotten[32],
		    bool *ret_forgot)
{
	struct hello *e = table_find(h->sessions, client_random);

	*ret_forgot = !e && table_count(h->sessions) == table_capacity(h->sessions);
	if (!e) {
		if (*ret_forgot)
			memcpy(ret_forgotten, table_oldest(h->sessions), 32);
		e = table_use(h->sessions, client_random);
		e->id = ++h->last_id;
	}
	if (e->registered == HELLOS_MAX_CONNECTIONS)
		return 0;
	table_touch(h->sessions, e);
	e->present |= (uint8_t)(1u << e->registered);
	return e->id << SLOT_BITS | e->registered++;
}

static struct hello *hello_find(const struct hellos *h, const uint8_t *client_random,
				uint64_t ticket)
{
	struct hello *e = ticket ? table_find(h->sessions, client_random) : NULL;

	return e && e->id == ticket >> SLOT_BITS ? e : NULL;
}

static uint8_t bit_of(uint64_t ticket)
{
	return (uint8_t)(1u << (ticket % HELLOS_MAX_CONNECTIONS));
}

void hellos_leave(struct hellos *h, const uint8_t client_random[32], uint64_t ticket)
{
	struct hello *e = hello_find(h, client_random, ticket);

	if (!e)
		return;
	e->present &= (uint8_t)~bit_of(ticket);
	if (!e->present)
		table_remove(h->sessions, e);
}

uint8_t hellos_present(const struct hellos *h, const uint8_t client_random[32])
{
	const struct hello *e = table_find(h->sessions, client_random);

	return e ? e->present : 0;
}

uint8_t hellos_bit(const struct hellos *h, const uint8_t client_random[32], uint64_t ticket)
{
	return hello_find(h, client_random, ticket) ? bit_of(ticket) : 0;
}
