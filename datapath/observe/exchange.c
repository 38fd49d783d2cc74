// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps the exchanges of connections, times them and delivers each once per local end. */
#include "datapath/observe/exchange.h"
#include "datapath/decode/redact.h"
#include "datapath/observe/report.h"

#include <stdio.h>
#include <stdlib.h>

#define UNHEARD_NS 60000000000ull

/* ---- keeping
 * ------------------------------------------------------------------------------------ */

/* NULL when memory is short, or there are too many. */
static struct exchange *exchange_take(struct observe *o)
{
	struct exchange *x = o->free_exchanges;

	if (x) {
		o->free_exchanges = x->next;
		return x;
	}
	x = o->exchanges < EXCHANGES_MAX ? malloc(sizeof(*x)) : NULL;
	if (!x)
		return NULL;
	o->exchanges++;
	x->all = o->all_exchanges;
	o->all_exchanges = x;
	return x;
}

void exchange_free_pool(struct observe *o)
{
	while (o->free_exchanges) {
		struct exchange *x = o->free_exchanges;

		o->free_exchanges = x->next;
		free(x);
	}
}

static struct exchange **bucket_of(struct http_state *h, uint32_t stream_id)
{
	return &h->buckets[stream_id / 2 % STREAM_BUCKETS];
}

struct exchange *exchange_find(struct http_state *h, uint32_t stream_id)
{
	struct exchange *x = *bucket_of(h, stream_id);

	while (x && x->record.stream_id != stream_id)
		x = x->next;
	return x;
}

void exchange_index(struct http_state *h, struct exchange *x)
{
	struct exchange **bucket = bucket_of(h, x->record.stream_id);

	x->next = *bucket;
	*bucket = x;
}

struct exchange *exchange_first(const struct http_state *h)
{
	return list_empty(&h->open) ? NULL : list_entry(h->open.next, struct exchange, open);
}

struct exchange *exchange_unanswered(const struct http_state *h)
{
	struct exchange *x;

	list_for_each_entry (x, &h->open, open)
		if (!x->response_ended)
			return x;
	return NULL;
}

static void exchange_clear(struct exchange *x)
{
	struct request *r = &x->record;

	memset(&x->open, 0, offsetof(struct exchange, record) - offsetof(struct exchange, open));
	memset(x->times, 0, sizeof(*x) - offsetof(struct exchange, times));
	memset(&r->stream_id, 0,
	       offsetof(struct request, traceparent) - offsetof(struct request, stream_id));
	r->protocol[0] = r->method[0] = r->path[0] = r->authority[0] = 0;
	r->traceparent[0] = r->request_id[0] = r->user_agent[0] = 0;
	r->grpc = false;
	r->grpc_status = GRPC_STATUS_UNKNOWN;
	r->flags = r->incomplete = r->lenient = 0;
	r->tls = NULL;
}

struct exchange *exchange_open(struct conn *c, uint32_t stream_id)
{
	struct observe *o = c->observe;
	struct http_state *h = c->http;
	struct exchange *x = NULL;

	/* In HTTP/1 those after an untracked one are untracked too: their place in the order
	 * counts. */
	if (h->count < o->limits.requests_per_connection && (stream_id || !h->untracked))
		x = exchange_take(o);
	if (!x) {
		observe_count(c, OBSERVE_LOST_TOO_MANY_REQUESTS);
		h->untracked++;
		return NULL;
	}
	exchange_clear(x);
	x->conn = c;
	x->discovered_ns = o->now_ns;
	x->record.id = ++o->next_request_id;
	x->record.stream_id = stream_id;
	list_append(&h->open, &x->open);
	h->count++;
	if (stream_id)
		exchange_index(h, x);
	return x;
}

/* Takes |x| out of the open ones. */
static void exchange_shut(struct exchange *x)
{
	struct http_state *h = x->conn->http;
	struct exchange **at = bucket_of(h, x->record.stream_id);

	list_remove(&x->open);
	h->count--;
	while (*at && *at != x)
		at = &(*at)->next;
	if (*at)
		*at = x->next;
	for (int side = 0; side < 2; side++)
		if (h->current[side] == x)
			h->current[side] = NULL;
	if (h->switching == x)
		h->switching = NULL;
}

/* ---- what its request says */

static void field_copy(struct request *r, struct slice s, char *out, size_t size)
{
	slice_copy(s, out, size);
	if (s.size_bytes >= size)
		r->incomplete |= REQUEST_GAP(CUT);
}

/* A field that may be one that was not understood. */
static struct slice known(struct slice s, bool missing)
{
	return !s.data && missing ? SLICE("unknown") : s;
}

/* A field that must be there. */
static struct slice needed(struct slice s)
{
	return s.size_bytes ? s : SLICE("unknown");
}

void exchange_fill(struct exchange *x, const struct http_head *head)
{
	const struct decoder *d = x->conn->decoder;
	struct request *r = &x->record;

	snprintf(r->protocol, sizeof(r->protocol), "%s",
		 d->protocol ? d->protocol(head->version) : d->name);
	field_copy(r, needed(head->method), r->method, sizeof(r->method));
	if (redact_path(needed(head->path), r->path, sizeof(r->path)) || head->target_cut)
		r->incomplete |= REQUEST_GAP(CUT);
	field_copy(r, redact_authority(known(head->authority, head->incomplete || head->cut)),
		   r->authority, sizeof(r->authority));
	field_copy(r, head->request_id, r->request_id, sizeof(r->request_id));
	field_copy(r, head->user_agent, r->user_agent, sizeof(r->user_agent));
	if (head->traceparent.data && traceparent_valid(head->traceparent))
		slice_copy(head->traceparent, r->traceparent, sizeof(r->traceparent));
	r->grpc = head->grpc;
}

/* ---- open requests */

static uint64_t known_time(const struct exchange *x, enum moment what, enum reporter reporter,
			   uint64_t otherwise_ns)
{
	uint64_t own_ns = x->times[what][reporter], other_ns = x->times[what][OTHER(reporter)];

	return own_ns ? own_ns : other_ns ? other_ns : otherwise_ns;
}

/* Since when it is open and that was not reported. */
static uint64_t open_from(const struct exchange *x, enum reporter reporter)
{
	uint64_t reported_ns = x->reported_until_ns[reporter];

	return reported_ns ? reported_ns : known_time(x, MOMENT_START, reporter, x->discovered_ns);
}

/* Before it is announced it may not be known whose connection it is. */
static void report_open(struct exchange *x, enum reporter reporter, uint64_t now_ns)
{
	struct conn *c = x->conn;
	struct observe *o = c->observe;
	struct open_request r = {
		.reporter = reporter,
		.source = c->ends[SIDE_CLIENT].identity,
		.destination = c->ends[SIDE_SERVER].identity,
		.from_ns = open_from(x, reporter),
		.until_ns = known_time(x, MOMENT_END, reporter, now_ns),
	};

	if (c->ends[reporter].heard_ns && c->event_ns + UNHEARD_NS < o->walked_ns)
		return;
	if (!c->ends[reporter].announced || r.from_ns >= r.until_ns)
		return;
	x->reported_until_ns[reporter] = r.until_ns;
	o->listener.open_request(o->listener.arg, &r);
}

void exchange_report_open(struct observe *o, uint64_t now_ns)
{
	for (struct exchange *x = o->all_exchanges; x && o->listener.open_request; x = x->all) {
		for (int side = 0; side < 2; side++)
			if (!x->complete && !x->settled[side] && conn_is_local(x->conn, side))
				report_open(x, side, now_ns);
	}
}

/* ---- delivery
 * ----------------------------------------------------------------------------------- */

/* Whether the record lacks a time, and has to say so. What is lost has no end. */
static bool is_untimed(const struct exchange *x, enum reporter reporter)
{
	const struct request *r = &x->record;

	if (x->gaps[reporter] || (x->response_begun && !r->first_byte_ns))
		return true;
	return !(r->incomplete & REQUEST_GAP(LOST)) && (!r->start_ns || !r->end_ns);
}

static void deliver(struct exchange *x, enum reporter reporter)
{
	struct conn *c = x->conn;
	struct observe *o = c->observe;
	struct request *r = &x->record;
	uint32_t incomplete = r->incomplete;

	report_opened(c);
	r->reporter = reporter;
	r->source = c->ends[SIDE_CLIENT].identity;
	r->destination = c->ends[SIDE_SERVER].identity;
	r->client = &c->ends[SIDE_CLIENT].address;
	r->server = &c->ends[SIDE_SERVER].address;
	r->encrypted = c->encrypted;
	r->tls = conn_tls_facts(c);
	r->start_ns = x->times[MOMENT_START][reporter];
	r->request_end_ns = x->times[MOMENT_REQUEST_END][reporter];
	r->first_byte_ns = x->times[MOMENT_FIRST_BYTE][reporter];
	r->end_ns = x->times[MOMENT_END][reporter];
	r->open_from_ns = open_from(x, reporter);
	r->open_until_ns = known_time(x, MOMENT_END, reporter, o->now_ns);
	if (is_untimed(x, reporter))
		r->incomplete |= REQUEST_GAP(TIMES);
	c->ends[reporter].requests++;
	o->counters.requests[reporter]++;
	if (o->listener.request)
		o->listener.request(o->listener.arg, r);
	r->incomplete = incomplete;
}

void exchange_abandon(struct exchange *x, const struct left_out *left_out, uint64_t time_ns)
{
	struct request *r = &x->record;
	uint64_t request_bytes = r->request_bytes, response_bytes = r->response_bytes;
	uint32_t flags = r->flags, incomplete = r->incomplete;

	if (x->settled[SIDE_CLIENT])
		return;
	x->settled[SIDE_CLIENT] = true;
	x->times[MOMENT_END][REPORTER_SOURCE] = time_ns;
	r->flags |= RESPONSE_FLAG(DC) | left_out->flags;
	r->incomplete |= left_out->incomplete;
	r->request_bytes += left_out->request_bytes;
	r->response_bytes += left_out->response_bytes;
	deliver(x, REPORTER_SOURCE);
	x->times[MOMENT_END][REPORTER_SOURCE] = 0; /* it is none of the server's */
	r->flags = flags;
	r->incomplete = incomplete;
	r->request_bytes = request_bytes;
	r->response_bytes = response_bytes;
}

/* Reports a complete exchange to each end that waits for nothing any more; frees it
 * after the last. */
static void settle(struct exchange *x)
{
	struct observe *o = x->conn->observe;
	bool waits = false;

	if (!x->complete)
		return;
	for (int side = 0; side < 2; side++) {
		if (x->pending[side]) {
			waits = true;
		} else if (!x->settled[side]) {
			x->settled[side] = true;
			if (conn_is_local(x->conn, side))
				deliver(x, side);
		}
	}
	if (waits)
		return;
	x->next = o->free_exchanges;
	o->free_exchanges = x;
}

void exchange_complete(struct exchange *x)
{
	exchange_shut(x);
	x->complete = true;
	if (x->pending[SIDE_CLIENT] || x->pending[SIDE_SERVER])
		conn_want_tick(x->conn);
	settle(x);
}

/* ---- times
 * -------------------------------------------------------------------------------------- */

static void time_set(struct exchange *x, enum moment what, enum reporter reporter, uint64_t time_ns)
{
	x->times[what][reporter] = time_ns;
	x->gaps[reporter] |= !time_ns;
}

/* In order of position: what was noted before its receiver was known comes later. */
static void wait_add(struct exchange *x, enum moment what, struct stream *s, uint64_t position,
		     enum reporter reporter)
{
	struct wait *w = &x->waits[what], **at = &s->waits;

	if (s->waits && s->last_wait->position <= position)
		at = &s->last_wait->next;
	while (*at && (*at)->position <= position)
		at = &(*at)->next;
	*w = (struct wait){.next = *at,
			   .exchange = x,
			   .position = position,
			   .asked_ns = x->conn->observe->now_ns,
			   .what = what};
	*at = w;
	if (!w->next)
		s->last_wait = w;
	x->pending[reporter]++;
}

/* |what| is when the byte at |position| of direction |side| arrives. */
static void arrival_ask(struct exchange *x, enum moment what, unsigned side, uint64_t position)
{
	struct conn *c = x->conn;
	struct stream *s = &c->streams[side];
	enum reporter receiver = OTHER(side);

	if (position > timeline_end(&s->arrived) && !c->ends[receiver].closed) {
		wait_add(x, what, s, position, receiver);
		return;
	}
	time_set(x, what, receiver, timeline_at(&s->arrived, position));
	timeline_pass(&s->arrived, position);
}

void exchange_note(struct exchange *x, enum moment what, struct l7_stream *l7, uint64_t position)
{
	struct conn *c = x->conn;
	struct stream *s = &c->streams[l7->side];
	uint64_t time_ns;

	if (conn_is_local(c, l7->side)) {
		time_ns = timeline_at(&s->sent, position);
		time_set(x, what, l7->side, time_ns);
		timeline_pass(&s->sent, position);
	}
	if (conn_is_local(c, OTHER(l7->side))) {
		arrival_ask(x, what, l7->side, position);
		return;
	}
	x->waits[what].position = position;
	x->unasked |= 1u << what;
}

void exchange_attached(struct conn *c, unsigned side)
{
	enum moment first = side == SIDE_SERVER ? MOMENT_START : MOMENT_FIRST_BYTE;
	struct exchange *x;

	if (!c->http)
		return;
	list_for_each_entry (x, &c->http->open, open) {
		for (enum moment m = first; m < first + 2; m++)
			if (x->unasked & 1u << m)
				arrival_ask(x, m, OTHER(side), x->waits[m].position);
		x->unasked = 0;
	}
}

static void wait_resolve(struct wait *w, unsigned side, uint64_t time_ns)
{
	struct exchange *x = w->exchange;
	enum reporter receiver = OTHER(side);

	time_set(x, w->what, receiver, time_ns);
	x->pending[receiver]--;
	settle(x);
}

void exchange_arrived(struct conn *c, unsigned side, uint64_t end, uint64_t time_ns)
{
	struct stream *s = &c->streams[side];
	struct wait *w;

	while ((w = s->waits) && w->position <= end) {
		s->waits = w->next;
		wait_resolve(w, side, time_ns);
	}
}

bool exchange_expire(struct conn *c, unsigned side, uint64_t before_ns)
{
	struct stream *s = &c->streams[side];
	struct wait **at = &s->waits, *last = NULL, *w;
	bool wants = false;

	while ((w = *at)) {
		if ((w->exchange->complete && w->asked_ns < before_ns) || before_ns == UINT64_MAX) {
			*at = w->next;
			wait_resolve(w, side, 0);
			continue;
		}
		wants |= w->exchange->complete;
		last = w;
		at = &w->next;
	}
	s->last_wait = last;
	return wants;
}
