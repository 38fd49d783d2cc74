// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ring records: checked, counted, handed to who they are for. */
#include "datapath/observe/ingest.h"
#include "base/cleanup.h"
#include "datapath/observe/awaited.h"
#include "datapath/observe/connections.h"
#include "datapath/observe/report.h"
#include "datapath/observe/stream.h"
#include "datapath/observe/transport.h"
#include "datapath/observe/verdict.h"

#define TLS_CLIENT_HELLO 1

static struct conn *find_or_count(struct observe *o, uint64_t cookie, uint64_t time_ns)
{
	struct conn *c = conn_find(o, cookie);

	if (c)
		conn_touch(c, time_ns);
	else
		o->counters.lost[OBSERVE_LOST_UNKNOWN_CONNECTION]++;
	return c;
}

static void settle_roles(struct conn *c, unsigned side, const struct weft_segment *s)
{
	enum http_side sender = classify(s->data, s->data_bytes, true).sender;

	if (sender == HTTP_ANY_SIDE)
		return;
	c->role_guessed = false;
	if (sender != side)
		conn_turn_round(c);
	conn_want_tick(c);
}

static void read_segment(struct conn *c, const struct weft_segment *s)
{
	bool ingress = s->direction == WEFT_INGRESS;
	unsigned side = conn_side(c, s->cookie);
	struct weft_mark attached = {.event.time_ns = s->mark_time_ns,
				     .cookie = s->cookie,
				     .end_seq = s->mark_end_seq,
				     .bytes = s->mark_bytes};

	if (s->mark_bytes)
		stream_mark(c, OTHER(side), &attached);
	if (c->ended_ns)
		return;
	if (c->role_guessed)
		settle_roles(c, conn_side(c, s->cookie) ^ ingress, s);
	stream_segment(c, conn_side(c, s->cookie) ^ ingress, ingress, s);
}

/* The connection of which |record| of the end |cookie| is to be read now, or NULL: it is kept. What
 * was kept is read before it. */
static struct conn *readable(struct conn *c, uint64_t cookie, const struct weft_event *record)
{
	struct observe *o = c->observe;

	if (!c->awaited)
		return c;
	if (awaited_keep(c, cookie, record))
		return NULL;
	ingest_awaited(c);
	return conn_find(o, cookie);
}

static void take_segment(struct observe *o, const void *record)
{
	const struct weft_segment *s = record;
	struct conn *c = find_or_count(o, s->cookie, s->event.time_ns);

	if (c && c->awaited && s->cookie == c->ends[SIDE_CLIENT].cookie) {
		read_segment(c, s); /* what the SYN carried: the answer waits for it */
		ingest_awaited(c);
		return;
	}
	c = c ? readable(c, s->cookie, &s->event) : NULL;
	if (c)
		read_segment(c, s);
}

static void take_mark(struct observe *o, const void *record)
{
	const struct weft_mark *m = record;
	struct conn *c = find_or_count(o, m->cookie, m->event.time_ns);

	c = c ? readable(c, m->cookie, &m->event) : NULL;
	if (c)
		stream_mark(c, OTHER(conn_side(c, m->cookie)), m);
}

static void take_open(struct observe *o, const void *record)
{
	const struct weft_open *open = record;
	struct conn *known = conn_find(o, open->cookie);

	if (!open->cookie) {
		o->counters.lost[OBSERVE_LOST_BAD_EVENT]++;
		return;
	}
	if (known && (open->flags & WEFT_OPEN_MIDSTREAM) &&
	    (known->sequenced || !conn_is_sequenced(open)))
		return;
	if (known) /* discovered by the iterator before its own record came */
		conn_forget(known);
	conn_open(o, open);
}

/* A connection that the iterator found first. */
static struct conn *conn_discover(struct observe *o, const struct weft_close *close)
{
	struct weft_open open = {.event = close->event,
				 .cookie = close->cookie,
				 .tuple = close->tuple,
				 .owner = close->owner,
				 .role = close->role,
				 .isolated = close->isolated,
				 .flags = WEFT_OPEN_MIDSTREAM};

	return conn_open(o, &open);
}

/* A connect() that failed: never opened, reported once, by the client. */
static void report_failure(struct observe *o, const struct weft_close *close)
{
	const struct weft_tuple *t = &close->tuple;
	const uint8_t *here = close->isolated ? NULL : t->local_addr;
	const uint8_t *there = close->isolated ? NULL : t->remote_addr;
	struct endpoint client = {0}, server = {0};
	struct connection r = {
		.id = ++o->next_conn_id,
		.reporter = REPORTER_SOURCE,
		.phase = CONNECTION_CLOSED,
		.source = identity_of(o->identities, &close->owner, here, t->local_port),
		.destination = identity_of(o->identities, NULL, there, t->remote_port),
		.client = &client,
		.server = &server,
		.protocol = "unknown",
		.opened_ns = close->age_us < UINT32_MAX
				     ? close->event.time_ns - close->age_us * 1000ull
				     : 0,
		.now_ns = close->event.time_ns,
		.counters = close->counters,
		.flags = RESPONSE_FLAG(UF),
	};

	endpoint_local(&client, t, &close->owner, close->cookie, close->isolated);
	endpoint_remote(&server, t);
	if (o->listener.connection)
		o->listener.connection(o->listener.arg, &r);
}

static void take_alive(struct conn *c, const struct weft_close *alive)
{
	unsigned side = conn_side(c, alive->cookie);

	conn_touch(c, alive->event.time_ns);
	if (c->ends[side].closed) /* since the walk reported it */
		return;
	c->ends[side].heard_ns = alive->event.time_ns;
	c->ends[side].counters = alive->counters;
	conn_learn_owner(c, side, &alive->owner);
}

static void take_close(struct observe *o, const void *record)
{
	const struct weft_close *close = record;
	struct conn *c = conn_find(o, close->cookie);

	if (close->alive > WEFT_CLOSE_ALIVE) {
		c = c ? readable(c, close->cookie, &close->event) : NULL;
		if (c)
			conn_leave(c, close);
		return;
	}
	if (!c && close->alive && conn_is_gone(o, close->cookie))
		return;
	if (!c && close->alive && close->cookie)
		c = conn_discover(o, close);
	if (c && close->alive) {
		take_alive(c, close);
	} else if (c) {
		c = readable(c, close->cookie, &close->event);
		if (c)
			conn_close(c, close);
	} else if (close->counters.flags & WEFT_END_FAILED) {
		report_failure(o, close);
	} else {
		o->counters.lost[OBSERVE_LOST_UNKNOWN_CONNECTION]++;
	}
}

static void take_listen(struct observe *o, const void *record)
{
	const struct weft_listen *l = record;
	struct listener_key key = {l->tuple.netns_ino, l->tuple.local_port};
	struct listener r = {
		.phase = l->ended			 ? LISTENER_ENDED
			 : l->event.cpu == WEFT_CPU_NONE ? LISTENER_ALIVE
							 : LISTENER_BEGAN,
		.identity =
			identity_of(o->identities, &l->owner,
				    l->isolated ? NULL : l->tuple.local_addr, l->tuple.local_port),
		.backlog = l->backlog,
		.backlog_max = l->backlog_max,
		.drops = l->drops,
	};

	if (!l->ended)
		table_use(o->listeners, &key);
	endpoint_local(&r.address, &l->tuple, &l->owner, l->cookie, l->isolated);
	if (o->listener.listener)
		o->listener.listener(o->listener.arg, &r);
}

/* By WEFT_EVENT_*: the fixed size of a record, and who takes it. */
static const struct {
	size_t size_bytes;
	void (*take)(struct observe *o, const void *record);
} kinds[] = {
	[WEFT_EVENT_SEGMENT] = {sizeof(struct weft_segment), take_segment},
	[WEFT_EVENT_MARK] = {sizeof(struct weft_mark), take_mark},
	[WEFT_EVENT_OPEN] = {sizeof(struct weft_open), take_open},
	[WEFT_EVENT_CLOSE] = {sizeof(struct weft_close), take_close},
	[WEFT_EVENT_SECRET] = {sizeof(struct weft_secret), transport_secret},
	[WEFT_EVENT_LISTEN] = {sizeof(struct weft_listen), take_listen},
	[WEFT_EVENT_VERDICT] = {sizeof(struct weft_verdict), verdict_take},
};

static bool record_valid(const void *record, size_t size_bytes)
{
	const struct weft_event *e = record;
	const struct weft_segment *s = record;

	if (size_bytes < sizeof(*e) || e->size_bytes > size_bytes)
		return false;
	if (!e->kind || e->kind >= sizeof(kinds) / sizeof(kinds[0]))
		return false;
	if (e->size_bytes < kinds[e->kind].size_bytes)
		return false;
	return e->kind != WEFT_EVENT_SEGMENT || sizeof(*s) + s->data_bytes <= e->size_bytes;
}

void ingest_record(struct observe *o, const void *record, size_t size_bytes)
{
	const struct weft_event *e = record;

	if (!record_valid(record, size_bytes)) {
		o->counters.lost[OBSERVE_LOST_BAD_EVENT]++;
		return;
	}
	if (e->cpu != WEFT_CPU_NONE)
		o->counters.delivered[e->kind]++;
	else
		o->walked_ns = e->time_ns;
	if (e->time_ns > o->now_ns)
		o->now_ns = e->time_ns;
	kinds[e->kind].take(o, record);
}

void ingest_awaited(struct conn *c)
{
	struct observe *o = c->observe;
	struct awaited *a = take_ptr(c->awaited);
	const struct weft_event *record;
	const void *place = NULL;

	while ((record = awaited_next(a, &place)))
		kinds[record->kind].take(o, record);
	awaited_free(a);
}
