// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Passes each record to the sets that count it, and removes idle series. */
#include "control/signals/signals.h"

#include "control/signals/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct signals_limits signals_limits_default(void)
{
	return (struct signals_limits){
		.series = 10000,
		.edges = 1024,
		.connections = 131072,
		.identities = 4096,
		.listeners = 4096,
		.certificates = 1024,
		.exemplars = 1024,
		.idle_ns = 900ull * 1000000000,
		.listener_idle_ns = 60ull * 1000000000,
		.connection_idle_ns = 7200ull * 1000000000,
	};
}

static int allocate(struct signals *s)
{
	const struct signals_limits *l = &s->limits;
	size_t key = sizeof(struct istio_key);

	s->workloads = workloads_new(l->identities, l->seed);
	s->principals = principals_new(l->certificates, l->seed);
	s->requests = series_new(l->series, key, sizeof(struct istio_requests), l->seed);
	s->tcp = series_new(l->series, key, sizeof(struct istio_tcp), l->seed);
	s->edges = series_new(l->edges, sizeof(struct edge_key), sizeof(struct edge), l->seed);
	s->living = series_new(l->connections, sizeof(struct living_key), sizeof(struct living),
			       l->seed);
	s->tls = encryption_connections_new(l->seed);
	s->certificates = encryption_certificates_new(l->certificates, l->seed);
	s->verdicts = verdicts_new(l->seed);
	s->listeners = listeners_new(l->listeners, l->seed);
	s->exemplars = exemplars_new(l->exemplars);
	if (s->workloads && s->principals && s->requests && s->tcp && s->edges && s->living &&
	    s->tls && s->certificates && s->verdicts && s->listeners && s->exemplars)
		return 0;
	return -ENOMEM;
}

struct signals *signals_new(const struct signals_limits *limits, struct error *err)
{
	struct signals *s;

	if (!limits->exemplars || limits->exemplars & (limits->exemplars - 1)) {
		error_set(err, -EINVAL, "the number of exemplars is not a power of two");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s) {
		s->limits = *limits;
		s->cluster = "Kubernetes"; /* Istio's own default */
		if (!allocate(s))
			return s;
	}
	error_set(err, -ENOMEM, "no memory for the series tables");
	signals_free(s);
	return NULL;
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	workloads_free(s->workloads);
	principals_free(s->principals);
	series_free(s->requests);
	series_free(s->tcp);
	series_free(s->edges);
	series_free(s->living);
	series_free(s->tls);
	series_free(s->certificates);
	series_free(s->verdicts);
	listeners_free(s->listeners);
	exemplars_free(s->exemplars);
	objectives_free(&s->objectives);
	free(s);
}

/* ---- requests ---- */

static bool is_own(const struct signals *s, const struct endpoint *server)
{
	static const uint8_t any4[16] = {[10] = 0xff, [11] = 0xff}, any6[16];
	const struct endpoint *own = &s->own;

	return own->port && server->port == own->port && server->netns_ino == own->netns_ino &&
	       (!memcmp(own->addr, server->addr, 16) || !memcmp(own->addr, any4, 16) ||
		!memcmp(own->addr, any6, 16));
}

static void count_gaps(struct signals *s, const struct request *r)
{
	for (unsigned i = 0; i < REQUEST_GAP_MAX; i++)
		s->gaps[r->reporter][i] += r->incomplete >> i & 1;
}

void signals_request(struct signals *s, const struct request *r)
{
	const struct workload *source = workloads_resolve(s->workloads, r->source);
	const struct workload *destination = workloads_resolve(s->workloads, r->destination);
	struct edge *e = golden_edge(s->edges, r->reporter, source, destination, s->now_ns);
	struct istio_requests *series;
	unsigned bucket;

	series = istio_add_request(s->requests, s->principals, r, source, destination, s->now_ns,
				   &bucket);
	if (series && !series->serial)
		series->serial = ++s->serial;
	if (series && bucket < BUCKETS_MAX && r->traceparent[0])
		exemplars_set(s->exemplars, series->serial, bucket, r->traceparent,
			      r->end_ns - r->start_ns);
	if (e) {
		golden_add_request(e, r, s->now_ns);
		e->own_requests += is_own(s, r->server);
	}
	if (r->incomplete)
		count_gaps(s, r);
	objectives_request(&s->objectives, r);
}

void signals_open_request(struct signals *s, const struct open_request *r)
{
	struct edge *e =
		golden_edge(s->edges, r->reporter, workloads_resolve(s->workloads, r->source),
			    workloads_resolve(s->workloads, r->destination), s->now_ns);

	if (e)
		golden_add_open(e, r->from_ns, r->until_ns, s->now_ns);
}

/* ---- connections ---- */

/* One report while it is counted. */
struct report {
	struct signals *s;
	const struct connection *c;
	const struct workload *source;
	const struct workload *destination;
	struct edge *edge;
	struct edge_interval *interval;
	struct living *living;
};

static bool has_failed(const struct connection *c)
{
	return c->phase == CONNECTION_CLOSED &&
	       (c->counters.flags & WEFT_END_FAILED || c->flags & RESPONSE_FLAG(UF));
}

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void leave_edge(struct signals *s, const struct living *l, uint32_t reporter)
{
	struct edge_key key = {l->edge_source, l->edge_destination, reporter, 0};
	struct edge *e = series_find(s->edges, &key);

	if (e && e->open)
		e->open--;
}

/* The edge that counts the connection as open is that of its present ends, which may become known
 * later. */
static void join_edge(const struct report *r)
{
	const struct edge_key *key = series_key(r->s->edges, r->edge);
	struct living *l = r->living;

	if (l->source && l->edge_source == key->source && l->edge_destination == key->destination)
		return;
	if (l->source)
		leave_edge(r->s, l, r->c->reporter);
	l->edge_source = key->source;
	l->edge_destination = key->destination;
	r->edge->open++;
}

static void count_bytes(const struct report *r)
{
	uint64_t sent = growth(r->c->sent_bytes, r->living->sent_bytes);
	uint64_t received = growth(r->c->received_bytes, r->living->received_bytes);

	r->edge->sent_bytes += sent;
	r->edge->received_bytes += received;
	r->interval->sent_bytes += sent;
	r->interval->received_bytes += received;
}

static void count_trouble(const struct report *r)
{
	const struct weft_counters *k = &r->c->counters;
	bool at_source = r->c->reporter == REPORTER_SOURCE;

	r->edge->retransmits += growth(k->retransmits, r->living->retransmits);
	if (k->srtt_us && r->c->phase != CONNECTION_OPENED)
		buckets_add(&r->edge->srtt, &bounds_seconds, k->srtt_us);
	if (r->c->handshake_us && !r->living->handshake_counted)
		buckets_add(&r->edge->handshake, &bounds_seconds, r->c->handshake_us);
	r->living->handshake_counted |= r->c->handshake_us != 0;
	if (r->c->phase != CONNECTION_CLOSED)
		return;
	if (k->flags & WEFT_END_RESET_SENT)
		(*(at_source ? &r->edge->resets_by_client : &r->edge->resets_by_server))++;
	else if (k->flags & WEFT_END_RESET_RECEIVED)
		(*(at_source ? &r->edge->resets_by_server : &r->edge->resets_by_client))++;
}

static void count_tcp(const struct report *r)
{
	const struct connection *c = r->c;
	struct living *l = r->living;
	struct istio_tcp *t;

	if (!l->tcp_opened && living_kind(c) != LIVING_TCP)
		return;
	t = istio_tcp_series(r->s->tcp, c->reporter, r->source, r->destination, c->flags,
			     r->s->now_ns);
	if (!t)
		return;
	t->opened += !l->tcp_opened;
	t->closed += c->phase == CONNECTION_CLOSED;
	t->sent_bytes += growth(c->sent_bytes, l->tcp_sent_bytes);
	t->received_bytes += growth(c->received_bytes, l->tcp_received_bytes);
	l->tcp_opened = true;
	l->tcp_sent_bytes = c->sent_bytes;
	l->tcp_received_bytes = c->received_bytes;
}

static void count_tls(const struct report *r)
{
	const struct connection *c = r->c;
	struct signals *s = r->s;

	if (!c->tls_state)
		return;
	if (!r->living->tls_counted &&
	    (c->phase == CONNECTION_CLOSED || strcmp(c->tls_state, "handshake") != 0)) {
		encryption_add_connection(s->tls, c, s->now_ns);
		golden_add_tls(r->edge, c->tls_state);
		r->living->tls_counted = true;
	}
	if (!c->tls)
		return;
	encryption_add_certificate(s->certificates, &c->tls->server, r->destination, false,
				   s->limits.seed, s->now_ns);
	encryption_add_certificate(s->certificates, &c->tls->client, r->source, true,
				   s->limits.seed, s->now_ns);
}

/* "Opened" is counted at the first report of a connection, "closed" when it ends. */
static void count_life(const struct report *r, bool known)
{
	bool closed = r->c->phase == CONNECTION_CLOSED;

	if (!r->living->source) {
		r->edge->opened++;
		r->edge->own_opened += is_own(r->s, r->c->server);
		r->interval->opened++;
	}
	if (known)
		join_edge(r);
	r->edge->closed += closed;
	r->interval->closed += closed;
}

static void count_failure(const struct report *r)
{
	r->edge->failed++;
	r->interval->failed++;
	if (!r->living->source)
		return;
	r->edge->closed++;
	r->interval->closed++;
}

static void count_report(const struct report *r, bool known)
{
	if (has_failed(r->c)) {
		count_failure(r);
		return;
	}
	count_life(r, known);
	count_bytes(r);
	count_trouble(r);
	count_tcp(r);
	count_tls(r);
}

static void forget_living(void *arg, const void *key, void *value)
{
	leave_edge(arg, value, ((const struct living_key *)key)->reporter);
}

static void remove_living(struct signals *s, struct living *l)
{
	if (l->source)
		forget_living(s, series_key(s->living, l), l);
	series_remove(s->living, l);
}

void signals_connection(struct signals *s, const struct connection *c)
{
	struct living_key key = {c->id, c->reporter, 0};
	struct living *known = series_get(s->living, &key, NULL, s->now_ns);
	struct living untracked = {0};
	struct report r = {
		.s = s,
		.c = c,
		.source = workloads_resolve(s->workloads, c->source),
		.destination = workloads_resolve(s->workloads, c->destination),
		.living = known ? known : &untracked,
	};

	/* A connection for which there is no room is counted at its end, with its totals. */
	if (!known && c->phase != CONNECTION_CLOSED)
		return;
	r.edge = golden_edge(s->edges, c->reporter, r.source, r.destination, s->now_ns);
	if (r.edge) {
		r.interval = golden_interval(r.edge, s->now_ns);
		count_report(&r, known != NULL);
	}
	if (known && c->phase == CONNECTION_CLOSED)
		remove_living(s, known);
	else if (known)
		living_update(known, c);
}

/* ---- listeners, time, health ---- */

void signals_verdict(struct signals *s, const struct verdict *v)
{
	verdicts_add(s->verdicts, v, s->now_ns);
}

void signals_listener(struct signals *s, const struct listener *l)
{
	listeners_add(s->listeners, l, workloads_resolve(s->workloads, l->identity), s->now_ns);
}

void signals_tick(struct signals *s, uint64_t now_ns)
{
	uint64_t idle_ns = s->limits.idle_ns;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	if (s->holds)
		return;
	series_expire(s->living, s->now_ns, s->limits.connection_idle_ns, forget_living, s);
	series_expire(s->requests, s->now_ns, idle_ns, NULL, NULL);
	series_expire(s->tcp, s->now_ns, idle_ns, NULL, NULL);
	series_expire(s->edges, s->now_ns, idle_ns, NULL, NULL);
	series_expire(s->tls, s->now_ns, idle_ns, NULL, NULL);
	series_expire(s->verdicts, s->now_ns, idle_ns, NULL, NULL);
	series_expire(s->certificates, s->now_ns, idle_ns, NULL, NULL);
	listeners_expire(s->listeners, s->now_ns, s->limits.listener_idle_ns);
}

int signals_set_objectives(struct signals *s, const struct objective *rows, uint32_t count)
{
	return objectives_set(&s->objectives, rows, count);
}

void signals_set_cluster(struct signals *s, const char *name)
{
	s->cluster = name;
}

void signals_set_own(struct signals *s, const struct endpoint *own)
{
	s->own = *own;
}

void signals_set_health(struct signals *s, const struct health *h)
{
	s->health = *h;
}

const struct health *signals_health(const struct signals *s)
{
	return &s->health;
}

void signals_hold(struct signals *s)
{
	s->holds++;
}

void signals_release(struct signals *s)
{
	s->holds--;
}

/* ---- reading ---- */

bool signals_edge(const struct signals *s, uint32_t position, struct edge_row *ret)
{
	const struct edge *e = series_at(s->edges, position);
	const struct edge_key *key;
	struct edge_key other;

	if (!e)
		return false;
	key = series_key(s->edges, e);
	golden_row(e, key, s->now_ns, ret);
	other = *key;
	other.reporter = !key->reporter;
	ret->other_side = series_find(s->edges, &other) != NULL;
	listeners_of(s->listeners, key->destination, &ret->queue);
	return true;
}

uint32_t signals_living_count(const struct signals *s)
{
	return series_count(s->living);
}

const struct living *signals_living(const struct signals *s, uint32_t position,
				    enum reporter *ret_reporter, uint64_t *ret_id)
{
	const struct living *l = series_at(s->living, position);
	const struct living_key *key;

	if (!l)
		return NULL;
	key = series_key(s->living, l);
	if (ret_reporter)
		*ret_reporter = key->reporter;
	if (ret_id)
		*ret_id = key->id;
	return l;
}
