// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connection records: opened, alive, closed, once per local end. */
#include "datapath/observe/report.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes that |sender| sent, as the end |side| counts them; before the kernel's counters are known
 * what was followed. */
static uint64_t total_bytes(const struct conn *c, unsigned sender, unsigned side)
{
	const struct weft_counters *k = &c->ends[side].counters;
	uint64_t counted = sender == side ? k->sent_bytes : k->received_bytes;

	return counted ? counted : c->streams[sender].next;
}

/* A connection that has just begun has carried nothing. Any other is known by its counters, which
 * come with a walk over what lives and at its end, or by the bytes that were captured. */
static bool is_counted(const struct conn *c, const struct end *e, const struct connection *r)
{
	if (r->phase == CONNECTION_OPENED && c->opened_ns)
		return true;
	return e->heard_ns || e->closed || (c->opened_ns && (r->sent_bytes || r->received_bytes));
}

static void report(struct conn *c, unsigned side, enum connection_phase phase, uint64_t now_ns)
{
	struct observe *o = c->observe;
	struct end *e = &c->ends[side];
	struct connection r = {
		.id = c->id,
		.reporter = side,
		.phase = phase,
		.source = c->ends[SIDE_CLIENT].identity,
		.destination = c->ends[SIDE_SERVER].identity,
		.client = &c->ends[SIDE_CLIENT].address,
		.server = &c->ends[SIDE_SERVER].address,
		.protocol = conn_protocol(c),
		.encrypted = c->encrypted,
		.tls = conn_tls_facts(c),
		.tls_state = conn_tls_state(c, side),
		.opened_ns = c->opened_ns,
		.now_ns = now_ns,
		.handshake_us = e->handshake_us,
		.closing = e->left_ns,
		.previous_sent_bytes = e->reported_sent_bytes,
		.previous_received_bytes = e->reported_received_bytes,
		.previous_retransmits = e->reported_retransmits,
		.counters = e->counters,
		.requests = e->requests,
		.flags = c->flags,
	};

	r.sent_bytes = larger(total_bytes(c, SIDE_SERVER, side), e->reported_sent_bytes);
	r.received_bytes = larger(total_bytes(c, SIDE_CLIENT, side), e->reported_received_bytes);
	r.bytes_known = is_counted(c, e, &r);
	e->reported_sent_bytes = r.sent_bytes;
	e->reported_received_bytes = r.received_bytes;
	e->reported_retransmits = e->counters.retransmits;
	if (o->listener.connection)
		o->listener.connection(o->listener.arg, &r);
}

void report_opened(struct conn *c)
{
	c->role_guessed = false; /* from here on it is what was reported */
	for (int side = 0; side < 2; side++) {
		if (c->ends[side].announced || !conn_is_local(c, side))
			continue;
		c->ends[side].announced = true;
		report(c, side, CONNECTION_OPENED, c->discovered_ns);
	}
}

void report_alive(struct conn *c, uint64_t now_ns)
{
	report_opened(c);
	c->reported_ns = now_ns;
	c->news = false;
	for (int side = 0; side < 2; side++)
		if (conn_is_local(c, side) && !c->ends[side].closed)
			report(c, side, CONNECTION_ALIVE, now_ns);
}

void report_closing(struct conn *c, unsigned side, uint64_t now_ns)
{
	report_opened(c);
	report(c, side, CONNECTION_ALIVE, now_ns);
}

void report_closed(struct conn *c, unsigned side, uint64_t now_ns)
{
	report_opened(c);
	report(c, side, CONNECTION_CLOSED, now_ns);
}
