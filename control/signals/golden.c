// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Edges: totals, a ring of seconds, and the row shown to operators. */
#include "control/signals/golden.h"

#include "control/signals/istio.h"

#include <math.h>
#include <string.h>

enum golden_outcome golden_outcome(const struct request *r)
{
	uint16_t status = istio_status(r);

	if (r->grpc && r->grpc_status > 0)
		return GOLDEN_ERROR;
	if (status == ISTIO_STATUS_UNKNOWN)
		return GOLDEN_UNKNOWN;
	if (!status || status >= 500)
		return GOLDEN_ERROR;
	if (status >= 400)
		return GOLDEN_CLIENT_ERROR;
	return r->grpc && r->grpc_status < 0 ? GOLDEN_UNKNOWN : GOLDEN_OK;
}

static uint64_t interval_number(uint64_t now_ns)
{
	return now_ns / GOLDEN_INTERVAL_NS + 1;
}

struct edge *golden_edge(struct series *edges, enum reporter reporter,
			 const struct workload *source, const struct workload *destination,
			 uint64_t now_ns)
{
	struct edge_key key = {source->workload_id, destination->workload_id, reporter, 0};
	struct edge_key overflow = {0, 0, reporter, 0};
	struct edge *e = series_get(edges, &key, &overflow, now_ns);
	const struct edge_key *found;

	if (!e || e->source)
		return e;
	found = series_key(edges, e);
	e->source = found->source ? source->named : &identity_overflow;
	e->destination = found->destination ? destination->named : &identity_overflow;
	e->first_interval = interval_number(now_ns);
	return e;
}

static struct edge_interval *interval_at(struct edge *e, uint64_t number)
{
	struct edge_interval *i = &e->ring[number % (GOLDEN_INTERVALS + 1)];

	if (i->number < number) {
		memset(i, 0, sizeof(*i));
		i->number = number;
	}
	return i;
}

struct edge_interval *golden_interval(struct edge *e, uint64_t now_ns)
{
	return interval_at(e, interval_number(now_ns));
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Each second gets the part that falls into it; seconds that have left the ring get nothing. */
void golden_add_open(struct edge *e, uint64_t from_ns, uint64_t until_ns, uint64_t now_ns)
{
	uint64_t end = interval_number(now_ns),
		 first = end > GOLDEN_INTERVALS ? end - GOLDEN_INTERVALS : 1;
	uint64_t end_ns = min(max(from_ns, until_ns), end * GOLDEN_INTERVAL_NS);
	uint64_t at_ns = max(min(from_ns, until_ns), (first - 1) * GOLDEN_INTERVAL_NS), next_ns;

	for (; at_ns < end_ns; at_ns = next_ns) {
		struct edge_interval *i = interval_at(e, interval_number(at_ns));

		next_ns = min(end_ns, interval_number(at_ns) * GOLDEN_INTERVAL_NS);
		if (from_ns <= until_ns)
			i->open_ns += next_ns - at_ns;
		else
			i->open_ns -= min(i->open_ns, next_ns - at_ns);
	}
}

static void add_times(struct edge_interval *i, const struct request *r)
{
	if (!r->start_ns || r->end_ns < r->start_ns)
		return;
	histogram_add(&i->latency, r->end_ns - r->start_ns, 1);
}

void golden_add_request(struct edge *e, const struct request *r, uint64_t now_ns)
{
	struct edge_interval *i = golden_interval(e, now_ns);
	enum golden_outcome outcome = golden_outcome(r);

	e->requests++;
	e->errors += outcome == GOLDEN_ERROR;
	e->client_errors += outcome == GOLDEN_CLIENT_ERROR;
	e->unknown += outcome == GOLDEN_UNKNOWN;
	e->request_bytes += r->request_bytes;
	e->response_bytes += r->response_bytes;
	e->encrypted_requests += r->encrypted;
	i->requests++;
	i->errors += outcome == GOLDEN_ERROR;
	i->client_errors += outcome == GOLDEN_CLIENT_ERROR;
	i->unknown += outcome == GOLDEN_UNKNOWN;
	i->request_bytes += r->request_bytes;
	i->response_bytes += r->response_bytes;
	add_times(i, r);
	golden_add_open(e, r->open_from_ns, r->open_until_ns, now_ns);
}

void golden_add_tls(struct edge *e, const char *tls_state)
{
	unsigned state = encryption_state(tls_state);

	if (state < ENCRYPTION_STATES)
		e->tls_states[state]++;
}

static const char *most_frequent_tls_state(const struct edge *e)
{
	unsigned most = 0;

	for (unsigned i = 1; i < ENCRYPTION_STATES; i++)
		if (e->tls_states[i] > e->tls_states[most])
			most = i;
	return e->tls_states[most] ? encryption_state_name(most) : "";
}

/* Adds |from| to |into|, except its number. */
static void add_interval(struct edge_interval *sum, const struct edge_interval *from)
{
	sum->requests += from->requests;
	sum->errors += from->errors;
	sum->client_errors += from->client_errors;
	sum->unknown += from->unknown;
	sum->open_ns += from->open_ns;
	sum->request_bytes += from->request_bytes;
	sum->response_bytes += from->response_bytes;
	sum->sent_bytes += from->sent_bytes;
	sum->received_bytes += from->received_bytes;
	sum->opened += from->opened;
	sum->closed += from->closed;
	sum->failed += from->failed;
	histogram_merge(&sum->latency, &from->latency);
}

/* The first second of the window and, in |*ret_window_s|, how many it spans. */
static uint64_t window_start(const struct edge *e, uint64_t now, double *ret_window_s)
{
	uint64_t oldest = now > GOLDEN_INTERVALS ? now - GOLDEN_INTERVALS : 1;
	uint64_t start = e->first_interval > oldest ? e->first_interval : oldest;

	*ret_window_s = now > start ? (double)(now - start) : 0;
	return start;
}

static bool in_window(const struct edge_interval *i, uint64_t start, uint64_t now)
{
	return i->number >= start && i->number < now;
}

/* Adds up the complete seconds of the window and returns how many seconds it spans. */
static double fold(const struct edge *e, uint64_t now_ns, struct edge_interval *ret_sum)
{
	uint64_t now = interval_number(now_ns);
	double window_s;
	uint64_t start = window_start(e, now, &window_s);

	memset(ret_sum, 0, sizeof(*ret_sum));
	for (unsigned i = 0; i <= GOLDEN_INTERVALS; i++) {
		if (in_window(&e->ring[i], start, now))
			add_interval(ret_sum, &e->ring[i]);
	}
	return window_s;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

static double rate(uint64_t count, double window_s)
{
	return window_s > 0 ? (double)count / window_s : 0;
}

double golden_in_flight(const struct edge *e, uint64_t now_ns)
{
	uint64_t now = interval_number(now_ns), sum_ns = 0;
	double window_s;
	uint64_t start = window_start(e, now, &window_s);

	for (unsigned i = 0; i <= GOLDEN_INTERVALS; i++) {
		if (in_window(&e->ring[i], start, now))
			sum_ns += e->ring[i].open_ns;
	}
	return rate(sum_ns, window_s) / 1e9;
}

static double quantile_ms(const struct histogram *h, double q)
{
	return h->count ? histogram_quantile(h, q) / 1e6 : NAN;
}

static bool is_own(const struct edge *e)
{
	return e->own_requests + e->own_opened && e->own_requests == e->requests &&
	       e->own_opened == e->opened;
}

void golden_row(const struct edge *e, const struct edge_key *key, uint64_t now_ns,
		struct edge_row *ret)
{
	struct edge_interval sum;
	double window_s = fold(e, now_ns, &sum);

	*ret = (struct edge_row){
		.reporter = key->reporter,
		.own = is_own(e),
		.source = e->source,
		.destination = e->destination,
		.totals = e,
		.tls_state = most_frequent_tls_state(e),
		.window_s = window_s,
		.request_rate = rate(sum.requests, window_s),
		.error_share = share(sum.errors, sum.requests - sum.unknown),
		.client_error_share = share(sum.client_errors, sum.requests - sum.unknown),
		.unknown_share = share(sum.unknown, sum.requests),
		.p50_ms = quantile_ms(&sum.latency, 0.5),
		.p90_ms = quantile_ms(&sum.latency, 0.9),
		.p99_ms = quantile_ms(&sum.latency, 0.99),
		.request_bytes_rate = rate(sum.request_bytes, window_s),
		.response_bytes_rate = rate(sum.response_bytes, window_s),
		.sent_bytes_rate = rate(sum.sent_bytes, window_s),
		.received_bytes_rate = rate(sum.received_bytes, window_s),
		.opened_rate = rate(sum.opened, window_s),
		.closed_rate = rate(sum.closed, window_s),
		.failed_rate = rate(sum.failed, window_s),
		.in_flight = rate(sum.open_ns, window_s) / 1e9,
		.queue.fill = NAN,
	};
}
