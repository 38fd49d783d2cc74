// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Copies of living connections, and whether they count as TCP. */
#include "control/signals/living.h"

#include <stdio.h>
#include <string.h>

enum living_kind living_kind(const struct connection *c)
{
	if (!strncmp(c->protocol, "http", 4))
		return LIVING_HTTP;
	if (c->phase == CONNECTION_CLOSED)
		return LIVING_TCP;
	if (!strcmp(c->protocol, "unknown"))
		return c->sent_bytes + c->received_bytes && c->phase == CONNECTION_ALIVE
			       ? LIVING_TCP
			       : LIVING_UNDECIDED;
	if (!strcmp(c->protocol, "tls") && c->tls_state && !strcmp(c->tls_state, "handshake"))
		return LIVING_UNDECIDED;
	return LIVING_TCP;
}

void living_update(struct living *l, const struct connection *c)
{
	l->source = c->source;
	l->destination = c->destination;
	l->client = *c->client;
	l->server = *c->server;
	snprintf(l->protocol, sizeof(l->protocol), "%s", c->protocol);
	l->tls = tls_shown_of(c);
	l->encrypted = c->encrypted;
	l->handshake_us = c->handshake_us;
	l->flags = c->flags;
	l->opened_ns = c->opened_ns;
	l->now_ns = c->now_ns;
	l->closing = c->closing;
	l->bytes_known = c->bytes_known && c->phase != CONNECTION_OPENED;
	l->sent_bytes = c->sent_bytes;
	l->received_bytes = c->received_bytes;
	l->requests = c->requests;
	l->srtt_us = c->counters.srtt_us;
	l->retransmits = c->counters.retransmits;
}
