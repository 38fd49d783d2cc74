// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The connection table: found by cookie; two local ends become one connection. */
#include "datapath/observe/connections.h"
#include "base/cleanup.h"
#include "datapath/observe/account.h"
#include "datapath/observe/awaited.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/l7_stream.h"
#include "datapath/observe/report.h"
#include "datapath/observe/requests.h"
#include "datapath/observe/stream.h"
#include "datapath/observe/transport.h"

#define SECOND_NS	  1000000000ull
#define ANNOUNCE_AFTER_NS 100000000ull	   /* the other end's record may come a little later */
#define SECOND_CLOSE_NS	  (10 * SECOND_NS) /* several walks over what lives */
#define ARRIVAL_NS	  SECOND_NS
#define TOUCH_EVERY_NS	  SECOND_NS

struct conn *conn_find(struct observe *o, uint64_t cookie)
{
	struct end_entry **recent = &o->recent_ends[cookie % RECENT_ENDS];
	struct end_entry *e = *recent;

	if (!e || e->cookie != cookie)
		e = table_find(o->ends, &cookie);
	if (!e)
		return NULL;
	*recent = e;
	return e->conn;
}

void conn_touch(struct conn *c, uint64_t time_ns)
{
	c->event_ns = time_ns;
	c->news = true;
	if (time_ns < c->touched_ns + TOUCH_EVERY_NS)
		return;
	c->touched_ns = time_ns;
	table_touch(c->observe->conns, c);
}

/* ---- who is client, who
 * is server --------------------------------------------------------------- */

/* The local end's side. */
static unsigned role_side(struct observe *o, const struct weft_open *open, bool *ret_guessed)
{
	const struct weft_tuple *t = &open->tuple;
	struct listener_key key = {t->netns_ino, t->local_port};

	*ret_guessed = false;
	if (open->role != WEFT_ROLE_UNKNOWN)
		return open->role == WEFT_ROLE_SERVER ? SIDE_SERVER : SIDE_CLIENT;
	*ret_guessed = true;
	if (table_find(o->listeners, &key))
		return SIDE_SERVER;
	return t->local_port < t->remote_port ? SIDE_SERVER : SIDE_CLIENT;
}

static void l7_init(struct conn *c)
{
	for (int side = 0; side < 2; side++) {
		c->l7[side].conn = c;
		c->l7[side].side = side;
	}
}

void conn_turn_round(struct conn *c)
{
	struct end end = c->ends[0];
	struct stream stream = c->streams[0];
	struct l7_stream l7 = c->l7[0];

	c->ends[0] = c->ends[1];
	c->ends[1] = end;
	c->streams[0] = c->streams[1];
	c->streams[1] = stream;
	c->l7[0] = c->l7[1];
	c->l7[1] = l7;
	l7_init(c);
}

/* ---- the two ends of a
 * local connection --------------------------------------------------------- */

/* What |open| says of a connection; |turned|: as its other end says it. */
static struct match_key key_of(const struct weft_open *open, bool turned)
{
	const struct weft_tuple *t = &open->tuple;
	struct match_key key = {.local_port = turned ? t->remote_port : t->local_port,
				.remote_port = turned ? t->local_port : t->remote_port,
				.egress_seq = turned ? open->ingress_seq : open->egress_seq,
				.ingress_seq = turned ? open->egress_seq : open->ingress_seq};

	memcpy(key.local_addr, turned ? t->remote_addr : t->local_addr, sizeof(key.local_addr));
	memcpy(key.remote_addr, turned ? t->local_addr : t->remote_addr, sizeof(key.remote_addr));
	return key;
}

static void match_remove(struct observe *o, struct match_entry *e)
{
	e->conn->unmatched = NULL;
	table_remove(o->unmatched, e);
}

static void match_await(struct conn *c, const struct weft_open *open)
{
	struct observe *o = c->observe;
	struct match_key key = key_of(open, true);
	struct match_entry *e = table_find(o->unmatched, &key);

	if (e)
		match_remove(o, e);
	else if (table_count(o->unmatched) == table_capacity(o->unmatched))
		match_remove(o, table_oldest(o->unmatched));
	e = table_insert(o->unmatched, &key);
	e->conn = c;
	c->unmatched = e;
}

/* The connection whose other end |open| is. */
static struct conn *match_take(struct observe *o, const struct weft_open *open, unsigned side)
{
	struct match_key key = key_of(open, false);
	struct match_entry *e = table_find(o->unmatched, &key);
	struct conn *c;

	if (!e || conn_is_local(e->conn, side) || e->conn->ended_ns)
		return NULL;
	c = e->conn;
	match_remove(o, e);
	return c;
}

/* ---- coming
 * ------------------------------------------------------------------------------------- */

void conn_learn_owner(struct conn *c, unsigned side, const struct weft_owner *owner)
{
	struct end *e = &c->ends[side];

	if (e->address.pid || !owner->pid)
		return;
	e->identity = identity_of(c->observe->identities, owner,
				  e->address.isolated ? NULL : e->address.addr, e->address.port);
	e->address.pid = owner->pid;
}

static struct conn *conn_new(struct observe *o, const struct weft_open *open)
{
	uint64_t id = ++o->next_conn_id;
	struct conn *c;

	while (table_count(o->conns) == table_capacity(o->conns) ||
	       table_count(o->ends) + 1 >= table_capacity(o->ends)) {
		o->counters.lost[OBSERVE_LOST_TABLE_FULL]++;
		conn_forget(table_oldest(o->conns));
	}
	c = table_insert(o->conns, &id);
	c->observe = o;
	c->unsynced = c->midstream = c->answers_missed = open->flags & WEFT_OPEN_MIDSTREAM;
	c->numbered = !c->midstream;
	c->sequenced = conn_is_sequenced(open);
	c->news = true;
	c->discovered_ns = c->event_ns = c->touched_ns = c->reported_ns = open->event.time_ns;
	c->opened_ns = c->unsynced ? 0 : open->event.time_ns;
	l7_init(c);
	list_append(&o->alive, &c->alive);
	conn_want_tick(c);
	o->counters.connections++;
	return c;
}

static void end_attach(struct conn *c, unsigned side, const struct weft_open *open)
{
	struct end_entry *entry = table_insert(c->observe->ends, &open->cookie);
	struct end *e = &c->ends[side];

	entry->conn = c;
	e->cookie = open->cookie;
	e->identity =
		identity_of(c->observe->identities, &open->owner,
			    open->isolated ? NULL : open->tuple.local_addr, open->tuple.local_port);
	e->handshake_us = open->handshake_us;
	e->discovered = open->flags & WEFT_OPEN_MIDSTREAM;
	endpoint_local(&e->address, &open->tuple, &open->owner, open->cookie, open->isolated);
}

bool conn_is_sequenced(const struct weft_open *open)
{
	return !(open->flags & WEFT_OPEN_MIDSTREAM) || open->egress_seq || open->ingress_seq;
}

struct conn *conn_open(struct observe *o, const struct weft_open *open)
{
	bool sequenced = conn_is_sequenced(open);
	bool guessed;
	unsigned side = role_side(o, open, &guessed);
	struct conn *c = sequenced ? match_take(o, open, side) : NULL;
	struct end *other;

	if (c) {
		end_attach(c, side, open);
		exchange_attached(c, side);
		if (!c->role_guessed)
			report_opened(c);
		return c;
	}
	c = conn_new(o, open);
	c->role_guessed = guessed;
	end_attach(c, side, open);
	other = &c->ends[OTHER(side)];
	other->identity =
		identity_of(o->identities, NULL, open->isolated ? NULL : open->tuple.remote_addr,
			    open->tuple.remote_port);
	endpoint_remote(&other->address, &open->tuple);
	if (!c->unsynced) {
		stream_place(&c->streams[side], open->egress_seq);
		stream_place(&c->streams[OTHER(side)], open->ingress_seq);
	}
	if (sequenced)
		match_await(c, open);
	if (open->flags & WEFT_OPEN_AWAITED)
		awaited_begin(c, open->cookie);
	return c;
}

/* ---- going
 * -------------------------------------------------------------------------------------- */

static uint64_t sent_total(const struct conn *c, unsigned side)
{
	uint64_t a = c->ends[side].counters.sent_bytes;
	uint64_t b = c->ends[OTHER(side)].counters.received_bytes;

	return a > b ? a : b;
}

/* Who ended the connection of which |side| was the first end to close: who sent the reset, else who
 * closed first. With one local end a close without reset is taken for the other's: whoever closes
 * with something unread or unanswered sends a reset. */
static unsigned ended_by(const struct conn *c, unsigned side, uint32_t flags)
{
	if (flags & WEFT_END_RESET_SENT)
		return side;
	if (flags & (WEFT_END_RESET_RECEIVED | WEFT_END_PEER_FIRST))
		return OTHER(side);
	return conn_is_local(c, OTHER(side)) ? side : OTHER(side);
}

/* Whether everything that |side| sent was understood up to its end: what is not there was not sent.
 */
static bool read_all(const struct conn *c, unsigned side, uint64_t total_bytes)
{
	const struct stream *s = &c->streams[side];

	if (c->tls && tls_state_of(c->tls) != TLS_STATE_OPEN)
		return false;
	return c->l7[side].state != L7_LOST && (s->placed || !total_bytes);
}

/* The first end closed: bodies until close are complete, open exchanges are cut. Where responses
 * may have been missed nothing is said about them. */
static void conn_finish(struct conn *c, unsigned side, uint32_t flags, uint64_t time_ns)
{
	c->ended_ns = time_ns;
	for (int s = 0; s < 2; s++)
		stream_expire(c, s, UINT64_MAX);
	transport_finish(c);
	for (int s = 0; s < 2; s++)
		stream_finish(c, s, sent_total(c, s), time_ns);
	requests_cut_uploads(c, read_all(c, SIDE_CLIENT, sent_total(c, SIDE_CLIENT)));
	if (!read_all(c, SIDE_SERVER, sent_total(c, SIDE_SERVER)))
		requests_drop(c);
	requests_cut(c, ended_by(c, side, flags),
		     flags & (WEFT_END_RESET_SENT | WEFT_END_RESET_RECEIVED), time_ns);
}

void conn_leave(struct conn *c, const struct weft_close *close)
{
	unsigned side = conn_side(c, close->cookie);
	uint64_t time_ns = close->event.time_ns;
	struct end *e = &c->ends[side];

	conn_touch(c, time_ns);
	if (e->closed || c->ended_ns)
		return;
	e->counters = close->counters;
	conn_learn_owner(c, side, &close->owner);
	if (close->alive == WEFT_CLOSE_PEER_LEFT) {
		e->peer_left_ns = time_ns;
		return;
	}
	e->left_ns = time_ns;
	e->left_bytes = close->counters.sent_bytes;
	conn_want_tick(c);
	/* The program that asked will read no answer: what is open ends for it. Its server may
	 * answer all the same. Where responses may have been missed nothing is said yet. */
	if (side == SIDE_CLIENT && !e->peer_left_ns &&
	    read_all(c, SIDE_SERVER, e->counters.received_bytes))
		requests_abandon(c, e->counters.sent_bytes, e->counters.received_bytes, time_ns);
}

bool conn_is_gone(struct observe *o, uint64_t cookie)
{
	return table_find(o->gone, &cookie);
}

static void end_close(struct conn *c, unsigned side, uint64_t time_ns)
{
	struct end *e = &c->ends[side];

	if (e->closed || !conn_is_local(c, side))
		return;
	e->closed = true;
	table_use(c->observe->gone, &e->cookie);
	exchange_expire(c, OTHER(side), UINT64_MAX);
	report_closed(c, side, time_ns);
}

static bool is_closed(const struct conn *c)
{
	for (int side = 0; side < 2; side++)
		if (conn_is_local(c, side) && !c->ends[side].closed)
			return false;
	return true;
}

static void conn_free(struct conn *c)
{
	struct observe *o = c->observe;

	for (int side = 0; side < 2; side++) {
		uint64_t cookie = c->ends[side].cookie;
		struct end_entry *e = table_find(o->ends, &cookie);

		if (e && e->conn == c) {
			if (o->recent_ends[cookie % RECENT_ENDS] == e)
				o->recent_ends[cookie % RECENT_ENDS] = NULL;
			table_remove(o->ends, e);
		}
		stream_free(c, side);
		l7_stream_stop(&c->l7[side], L7_NEW);
	}
	if (c->unmatched)
		match_remove(o, c->unmatched);
	awaited_free(take_ptr(c->awaited));
	transport_free(c);
	requests_free(c);
	list_remove(&c->attention);
	list_remove(&c->alive);
	o->counters.connections--;
	table_remove(o->conns, c);
}

void conn_close(struct conn *c, const struct weft_close *close)
{
	unsigned side = conn_side(c, close->cookie);
	uint64_t time_ns = close->event.time_ns;

	c->ends[side].counters = close->counters;
	conn_learn_owner(c, side, &close->owner);
	if (!c->ended_ns)
		conn_finish(c, side, close->counters.flags, time_ns);
	account_close(c, side);
	end_close(c, side, time_ns);
	if (is_closed(c))
		conn_free(c);
	else
		conn_want_tick(c);
}

void conn_forget(struct conn *c)
{
	requests_drop(c);
	conn_free(c);
}

/* ---- time passing
 * ------------------------------------------------------------------------------- */

static bool wants_announcement(struct conn *c, uint64_t now_ns)
{
	unsigned side = !conn_is_local(c, SIDE_CLIENT);

	if (c->ends[side].announced || c->role_guessed)
		return false;
	if (now_ns < c->discovered_ns + ANNOUNCE_AFTER_NS)
		return true;
	report_opened(c);
	return false;
}

/* A program gave its end up, and TCP does not finish it soon: it is reported as closing. */
static bool wants_closing(struct conn *c, unsigned side, uint64_t now_ns)
{
	struct end *e = &c->ends[side];

	if (!e->left_ns || e->closed || e->closing_reported)
		return false;
	if (now_ns < e->left_ns + ANNOUNCE_AFTER_NS)
		return true;
	e->closing_reported = true;
	report_closing(c, side, now_ns);
	return false;
}

/* One end has closed, and no walk found the other since: its close is lost. One that waits for
 * its program to close it too (CLOSE_WAIT) is found by every walk. */
static bool second_close_is_lost(const struct conn *c, uint64_t now_ns)
{
	uint64_t last_ns = c->ended_ns;

	for (int side = 0; side < 2; side++)
		if (!c->ends[side].closed && c->ends[side].heard_ns > last_ns)
			last_ns = c->ends[side].heard_ns;
	return c->ended_ns && now_ns >= last_ns + SECOND_CLOSE_NS;
}

void conn_tick(struct conn *c, uint64_t now_ns)
{
	bool wants = wants_announcement(c, now_ns) || c->awaited;
	uint64_t arrival_ns = now_ns > ARRIVAL_NS ? now_ns - ARRIVAL_NS : 0;

	for (int side = 0; side < 2; side++) {
		wants |= stream_expire(c, side, now_ns);
		wants |= exchange_expire(c, side, arrival_ns);
		wants |= wants_closing(c, side, now_ns);
	}
	if (second_close_is_lost(c, now_ns)) {
		end_close(c, SIDE_CLIENT, now_ns);
		end_close(c, SIDE_SERVER, now_ns);
		conn_free(c);
		return;
	}
	if (!wants && !c->ended_ns)
		list_remove(&c->attention);
}
