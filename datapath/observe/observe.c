// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The public functions of observe: construction, events, time. */
#include "datapath/observe/observe.h"
#include "datapath/observe/awaited.h"
#include "datapath/observe/connections.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/ingest.h"
#include "datapath/observe/report.h"
#include "datapath/observe/stream.h"
#include "datapath/observe/transport.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND_NS 1000000000ull

struct observe_limits observe_limits_default(void)
{
	return (struct observe_limits){
		.connections = 65536,
		.requests_per_connection = 256,
		.secrets = 4096,
		.identities = 4096,
		.secret_wait_ns = 10 * SECOND_NS,
		.connection_idle_ns = 3600 * SECOND_NS,
		.alive_interval_ns = 10 * SECOND_NS,
	};
}

static bool tables_new(struct observe *o)
{
	const struct observe_limits *l = &o->limits;

	o->conns = table_new(l->connections, sizeof(struct conn), sizeof(uint64_t), l->seed);
	o->ends = table_new(2 * l->connections + 2, sizeof(struct end_entry), sizeof(uint64_t),
			    l->seed);
	o->unmatched = table_new(l->connections, sizeof(struct match_entry),
				 sizeof(struct match_key), l->seed);
	o->listeners = table_new(LISTENERS_MAX, sizeof(struct listener_key),
				 sizeof(struct listener_key), l->seed);
	o->gone = table_new(GONE_MAX, sizeof(uint64_t), sizeof(uint64_t), l->seed);
	o->identities = identities_new(l->identities, l->seed, &o->listener, &o->counters);
	o->secrets = secrets_new(l->secrets, l->seed);
	return o->conns && o->ends && o->unmatched && o->listeners && o->gone && o->identities &&
	       o->secrets;
}

struct observe *observe_new(const struct observe_limits *limits,
			    const struct observe_listener *listener, struct error *err)
{
	struct observe *o = calloc(1, sizeof(*o));

	if (!o) {
		error_set(err, -ENOMEM, "no memory for the observer");
		return NULL;
	}
	o->limits = *limits;
	o->listener = *listener;
	list_init(&o->attention);
	list_init(&o->alive);
	list_init(&o->tls_waiting);
	if (tables_new(o))
		return o;
	error_set(err, -ENOMEM, "no memory for %u connections", limits->connections);
	observe_free(o);
	return NULL;
}

void observe_free(struct observe *o)
{
	if (!o)
		return;
	o->listener = (struct observe_listener){0};
	while (o->conns && table_count(o->conns))
		conn_forget(table_oldest(o->conns));
	exchange_free_pool(o);
	stream_free_pool(o);
	table_free(o->conns);
	table_free(o->ends);
	table_free(o->unmatched);
	table_free(o->listeners);
	table_free(o->gone);
	identities_free(o->identities);
	secrets_free(o->secrets);
	free(o);
}

void observe_event(struct observe *o, const void *record, size_t size_bytes)
{
	ingest_record(o, record, size_bytes);
}

static void tick_attention(struct observe *o, uint64_t now_ns)
{
	struct list *n = o->attention.next;

	while (n != &o->attention) {
		struct conn *c = list_entry(n, struct conn, attention);

		n = n->next;
		if (c->awaited && awaited_is_over(c, now_ns))
			ingest_awaited(c);
		else
			conn_tick(c, now_ns);
	}
}

/* The list is in the order of the last report, so that only those that are due are looked at. */
static void tick_alive(struct observe *o, uint64_t now_ns)
{
	while (!list_empty(&o->alive)) {
		struct conn *c = list_entry(o->alive.next, struct conn, alive);

		if (c->reported_ns + o->limits.alive_interval_ns > now_ns)
			return;
		if (c->event_ns + o->limits.connection_idle_ns < now_ns) {
			o->counters.lost[OBSERVE_LOST_CONNECTION_IDLE]++;
			conn_forget(c);
			continue;
		}
		if (c->news)
			report_alive(c, now_ns);
		c->reported_ns = now_ns;
		list_append(&o->alive, &c->alive);
	}
}

void observe_tick(struct observe *o, uint64_t now_ns)
{
	if (now_ns > o->now_ns)
		o->now_ns = now_ns;
	tick_attention(o, now_ns);
	if (now_ns / SECOND_NS != o->open_reported_ns / SECOND_NS)
		exchange_report_open(o, now_ns);
	o->open_reported_ns = now_ns;
	tick_alive(o, now_ns);
	transport_tick(o, now_ns);
}

const struct observe_counters *observe_counts(const struct observe *o)
{
	return &o->counters;
}
