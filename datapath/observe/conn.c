// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is known of a connection's protocols. */
#include "datapath/observe/conn.h"

const char *conn_protocol(const struct conn *c)
{
	if (c->protocol)
		return c->protocol;
	if (c->opaque)
		return "tcp";
	if (c->decoder)
		return c->decoder->name;
	if (c->l7[SIDE_CLIENT].state == L7_BROKEN)
		return "tcp";
	return c->encrypted ? "tls" : "unknown";
}

const struct tls_facts *conn_tls_facts(const struct conn *c)
{
	return c->tls ? tls_facts_of(c->tls) : NULL;
}

/* Both ends know the secrets. A library that keeps them to itself is the reason if neither end has
 * one that tells them: that of the end |side| first. */
static const char *reason(const struct conn *c, unsigned side)
{
	unsigned own = c->ends[side].tls_stack, other = c->ends[OTHER(side)].tls_stack;
	const char *name = tls_stack_name(own == TLS_STACK_OTHER ? other : own);

	if (c->observe->limits.tls_off)
		return tls_state_name(TLS_STATE_OFF);
	return own && other && name ? name : tls_state_name(TLS_STATE_NO_SECRET);
}

const char *conn_tls_state(const struct conn *c, unsigned side)
{
	enum tls_state state = c->tls ? tls_state_of(c->tls) : TLS_STATE_NO_SECRET;

	if (!c->encrypted)
		return NULL;
	return state == TLS_STATE_NO_SECRET ? reason(c, side) : tls_state_name(state);
}

uint64_t conn_body_left(const struct conn *c, unsigned side)
{
	const struct l7_stream *l7 = &c->l7[side];

	if (l7->state != L7_RUNNING || c->encrypted)
		return 0;
	return c->decoder->body_left(l7->decoder);
}
