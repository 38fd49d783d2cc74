// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The TLS layer of connections that have one, and the PROXY header before it: both are taken off.
 */
#include "datapath/observe/transport.h"
#include "datapath/observe/l7_stream.h"
#include "datapath/observe/l7.h"
#include "datapath/observe/proxied.h"
#include "datapath/observe/requests.h"

/* Connections that wait for a secret at a time; of these are tried when one comes. */
#define WAITING_MAX 256
#define RETRIES_MAX 8

static void plaintext(void *arg, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	l7_feed(arg, side, f, time_ns);
}

static void wait_end(struct conn *c)
{
	if (!list_linked(&c->tls_waiting))
		return;
	list_remove(&c->tls_waiting);
	c->observe->tls_waiting_count--;
}

/* Looks which libraries may have kept their secrets to themselves. */
static void find_stacks(struct conn *c)
{
	const struct observe_listener *l = &c->observe->listener;

	for (unsigned side = 0; side < 2; side++) {
		struct end *e = &c->ends[side];

		if (!conn_is_local(c, side))
			e->tls_stack = TLS_STACK_OTHER;
		else if (e->address.pid && l->tls_stack)
			e->tls_stack = (uint8_t)l->tls_stack(l->arg, e->address.pid);
	}
}

static void give_up(struct conn *c)
{
	tls_give_up(c->tls);
	if (tls_state_of(c->tls) == TLS_STATE_NO_SECRET && !c->observe->limits.tls_off)
		find_stacks(c);
	wait_end(c);
}

static void wait_begin(struct conn *c)
{
	struct observe *o = c->observe;

	if (list_linked(&c->tls_waiting))
		return;
	if (o->limits.tls_off) {
		give_up(c);
		return;
	}
	if (o->tls_waiting_count == WAITING_MAX)
		give_up(list_entry(o->tls_waiting.next, struct conn, tls_waiting));
	c->tls_since_ns = o->now_ns;
	find_stacks(c);
	list_append(&o->tls_waiting, &c->tls_waiting);
	o->tls_waiting_count++;
}

/* Why a connection that was opened is not read any further. */
static enum observe_loss loss_of(enum tls_state state)
{
	switch (state) {
	case TLS_STATE_DESYNC:
		return OBSERVE_LOST_TLS_GAP;
	case TLS_STATE_DECRYPT_ERROR:
		return OBSERVE_LOST_TLS_PROOF;
	case TLS_STATE_MALFORMED:
		return OBSERVE_LOST_TLS_MALFORMED;
	default:
		return OBSERVE_LOST_TLS_SECRET;
	}
}

/* After anything that may have moved the reader. */
static void look(struct conn *c)
{
	bool open = tls_state_of(c->tls) == TLS_STATE_OPEN;

	if (open && !c->tls_opened) {
		c->tls_opened = true;
		c->observe->counters.tls_opened++;
	} else if (!open && c->tls_opened && !c->tls_lost) {
		c->tls_lost = true;
		observe_count(c, loss_of(tls_state_of(c->tls)));
		requests_drop(c);
	}
	if (tls_waits(c->tls))
		wait_begin(c);
	else
		wait_end(c);
}

static void tls_wire(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns)
{
	if (!c->tls)
		return;
	tls_set_at_sender(c->tls, (enum tls_side)side, !c->streams[side].at_receiver);
	tls_feed(c->tls, (enum tls_side)side, f, time_ns);
	look(c);
}

static void prefix_replay(struct conn *c, unsigned side)
{
	uint8_t bytes[CLASSIFY_MAX_BYTES];
	struct feed f;

	if (l7_stream_prefix(&c->l7[side], bytes, &f))
		tls_wire(c, side, &f, c->l7[side].prefix_time_ns);
}

/* The connection speaks TLS from its first bytes (or, midstream, from here), which |side| sent. */
static void start(struct conn *c, unsigned side)
{
	struct tls_secrets source = secrets_source(c->observe->secrets);
	struct tls_listener listener = {.arg = c, .plaintext = plaintext};

	c->numbered = false; /* the kernel half cannot count them */
	for (int s = 0; s < 2; s++)
		c->l7[s].state = L7_NEW;
	c->observe->counters.tls_connections++;
	c->tls = tls_new(&source, &listener, c->unsynced);
	if (!c->tls)
		observe_count(c, OBSERVE_LOST_MEMORY);
	prefix_replay(c, OTHER(side));
	prefix_replay(c, side);
}

/* Behind a PROXY header, if there is one. */
static void wire_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns)
{
	struct feed rest;
	size_t taken;

	if (c->encrypted) {
		tls_wire(c, side, f, time_ns);
		return;
	}
	taken = l7_feed(c, side, f, time_ns);
	if (!c->encrypted)
		return;
	start(c, side);
	rest = feed_rest(f, taken);
	if (rest.size_bytes)
		tls_wire(c, side, &rest, time_ns);
}

void transport_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns)
{
	if (proxied_wants(c, side, f))
		proxied_feed(c, side, f, time_ns, wire_feed);
	else
		wire_feed(c, side, f, time_ns);
}

/* The latest |count| connections that wait. */
static void retry(struct observe *o, int count)
{
	struct list *n = o->tls_waiting.previous;

	for (int i = 0; i < count && n != &o->tls_waiting; i++) {
		struct conn *c = list_entry(n, struct conn, tls_waiting);

		n = n->previous;
		tls_retry(c->tls);
		look(c);
	}
}

static void count_secrets(struct observe *o)
{
	const struct secrets_counts *counts = secrets_counts(o->secrets);

	o->counters.secrets = counts->waiting;
	o->counters.lost[OBSERVE_LOST_SECRETS_EXPIRED] = counts->expired;
	o->counters.lost[OBSERVE_LOST_SECRETS_FULL] = counts->full;
	o->counters.lost[OBSERVE_LOST_SECRETS_UNSHARED] = counts->unshared;
}

void transport_secret(struct observe *o, const void *record)
{
	secrets_add(o->secrets, record);
	retry(o, RETRIES_MAX); /* a secret is derived just before it is used */
	count_secrets(o);
}

void transport_tick(struct observe *o, uint64_t now_ns)
{
	uint64_t before_ns = now_ns - o->limits.secret_wait_ns;
	struct conn *c;

	retry(o, WAITING_MAX);
	if (now_ns < o->limits.secret_wait_ns)
		return;
	while (!list_empty(&o->tls_waiting)) {
		c = list_entry(o->tls_waiting.next, struct conn, tls_waiting);
		if (c->tls_since_ns >= before_ns)
			break;
		give_up(c);
	}
	secrets_expire(o->secrets, before_ns);
	count_secrets(o);
}

void transport_finish(struct conn *c)
{
	if (!c->encrypted)
		return;
	if (c->tls) {
		give_up(c);
		look(c);
	}
	if (!c->tls_opened && !(c->tls && tls_state_of(c->tls) == TLS_STATE_HANDSHAKE))
		observe_count(c, OBSERVE_LOST_TLS_UNREADABLE);
}

void transport_free(struct conn *c)
{
	wait_end(c);
	tls_free(c->tls);
	c->tls = NULL;
	proxied_free(c);
}
