// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics as samples: one collector per kind of series, chosen by the metric table. */
#include "control/signals/collect.h"

#include <math.h>
#include <string.h>

static enum collect bucketed(struct sample *ret, const struct buckets *b,
			     const struct bucket_bounds *bounds)
{
	ret->buckets = b;
	ret->bounds = bounds;
	return COLLECT_SAMPLE;
}

static const char *reporter_name(uint32_t reporter)
{
	return reporter == REPORTER_SOURCE ? "source" : "destination";
}

/* ---- Istio ---- */

static void add_exemplars(const struct signals *s, const struct istio_requests *r,
			  struct sample *ret)
{
	for (unsigned i = 0; i < BUCKETS_MAX; i++)
		ret->exemplars |=
			(uint32_t)exemplars_get(s->exemplars, r->serial, i, &ret->exemplar[i]) << i;
}

static enum collect collect_requests(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	const struct istio_requests *r = series_at(s->requests, position);

	if (!r)
		return COLLECT_END;
	istio_labels(series_key(s->requests, r), s->cluster, &r->ends, ret);
	switch (metric) {
	case METRIC_REQUESTS:
		return counted(ret, r->requests, 0);
	case METRIC_REQUEST_DURATION:
		add_exemplars(s, r, ret);
		return bucketed(ret, &r->duration, &bounds_milliseconds);
	case METRIC_REQUEST_BYTES:
		return bucketed(ret, &r->request_bytes, &bounds_bytes);
	case METRIC_RESPONSE_BYTES:
		return bucketed(ret, &r->response_bytes, &bounds_bytes);
	default:
		return COLLECT_END;
	}
}

static enum collect collect_messages(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	const struct istio_requests *r = series_at(s->requests, position);
	const struct istio_key *key;

	if (!r)
		return COLLECT_END;
	key = series_key(s->requests, r);
	if (key->protocol != ISTIO_PROTOCOL_GRPC)
		return COLLECT_SKIP;
	istio_labels(key, s->cluster, &r->ends, ret);
	return counted(
		ret, metric == METRIC_REQUEST_MESSAGES ? r->request_messages : r->response_messages,
		0);
}

static enum collect collect_tcp(const struct signals *s, enum metric metric, uint32_t position,
				struct sample *ret)
{
	const struct istio_tcp *t = series_at(s->tcp, position);

	if (!t)
		return COLLECT_END;
	istio_labels(series_key(s->tcp, t), s->cluster, &t->ends, ret);
	switch (metric) {
	case METRIC_TCP_SENT:
		return counted(ret, t->sent_bytes, 0);
	case METRIC_TCP_RECEIVED:
		return counted(ret, t->received_bytes, 0);
	case METRIC_TCP_OPENED:
		return counted(ret, t->opened, 0);
	default:
		return counted(ret, t->closed, 0);
	}
}

static enum collect collect_build(const struct signals *s, enum metric metric, uint32_t position,
				  struct sample *ret)
{
	const char *version = s->health.version;

	(void)metric;
	if (position)
		return COLLECT_END;
	sample_label(ret, "component", "weft");
	sample_label(ret, "tag", version && *version ? version : "unknown");
	return counted(ret, 1, 0);
}

static enum collect collect_gaps(const struct signals *s, enum metric metric, uint32_t position,
				 struct sample *ret)
{
	static const char *const names[] = {
#define X(name, text, meaning) text,
		REQUEST_GAPS(X)
#undef X
	};
	uint32_t reporter = position / REQUEST_GAP_MAX, gap = position % REQUEST_GAP_MAX;

	(void)metric;
	if (reporter >= REPORTER_MAX)
		return COLLECT_END;
	sample_label(ret, "reporter", reporter_name(reporter));
	sample_label(ret, "reason", names[gap]);
	return counted(ret, s->gaps[reporter][gap], 0);
}

/* ---- edges ---- */

static void label_edge(const struct signals *s, const struct edge *e, struct sample *ret)
{
	const struct edge_key *key = series_key(s->edges, e);

	sample_label(ret, "reporter", reporter_name(key->reporter));
	sample_label(ret, "source_workload", e->source->workload);
	sample_label(ret, "source_workload_namespace", e->source->namespace_);
	sample_label(ret, "destination_workload", e->destination->workload);
	sample_label(ret, "destination_workload_namespace", e->destination->namespace_);
}

static enum collect collect_in_flight(const struct signals *s, const struct edge *e,
				      struct sample *ret)
{
	return counted(ret, (uint64_t)llround(golden_in_flight(e, s->now_ns) * 1e6), 6);
}

static enum collect collect_edges(const struct signals *s, enum metric metric, uint32_t position,
				  struct sample *ret)
{
	const struct edge *e = series_at(s->edges, position);

	if (!e)
		return COLLECT_END;
	label_edge(s, e, ret);
	switch (metric) {
	case METRIC_REQUESTS_IN_FLIGHT:
		return collect_in_flight(s, e, ret);
	case METRIC_CONNECTIONS_OPENED:
		return counted(ret, e->opened, 0);
	case METRIC_CONNECTIONS_CLOSED:
		return counted(ret, e->closed, 0);
	case METRIC_CONNECTIONS_FAILED:
		return counted(ret, e->failed, 0);
	case METRIC_CONNECTIONS_OPEN:
		return counted(ret, e->open, 0);
	case METRIC_CONNECTION_SENT:
		return counted(ret, e->sent_bytes, 0);
	case METRIC_CONNECTION_RECEIVED:
		return counted(ret, e->received_bytes, 0);
	case METRIC_RETRANSMITS:
		return counted(ret, e->retransmits, 0);
	case METRIC_HANDSHAKE:
		return bucketed(ret, &e->handshake, &bounds_seconds);
	case METRIC_SRTT:
		return bucketed(ret, &e->srtt, &bounds_seconds);
	default:
		return COLLECT_END;
	}
}

static enum collect collect_resets(const struct signals *s, enum metric metric, uint32_t position,
				   struct sample *ret)
{
	const struct edge *e = series_at(s->edges, position / 2);
	bool by_client = position % 2 == 0;

	(void)metric;
	if (!e)
		return COLLECT_END;
	label_edge(s, e, ret);
	sample_label(ret, "by", by_client ? "client" : "server");
	return counted(ret, by_client ? e->resets_by_client : e->resets_by_server, 0);
}

static enum collect collect_listeners(const struct signals *s, enum metric metric,
				      uint32_t position, struct sample *ret)
{
	const struct listen_queue *q = listeners_at(s->listeners, position);

	if (!q)
		return COLLECT_END;
	sample_label(ret, "workload", q->identity->workload);
	sample_label(ret, "workload_namespace", q->identity->namespace_);
	sample_label_format(ret, "port", "%u", q->port);
	switch (metric) {
	case METRIC_LISTEN_LENGTH:
		return counted(ret, q->length, 0);
	case METRIC_LISTEN_LIMIT:
		return counted(ret, q->limit, 0);
	default:
		return counted(ret, q->drops, 0);
	}
}

/* ---- TLS ---- */

static enum collect collect_tls(const struct signals *s, enum metric metric, uint32_t position,
				struct sample *ret)
{
	const struct tls_connections *t = series_at(s->tls, position);
	const struct tls_key *key;

	(void)metric;
	if (!t)
		return COLLECT_END;
	key = series_key(s->tls, t);
	sample_label(ret, "reporter", reporter_name(key->reporter));
	sample_label(ret, "version", encryption_version_name(key->version));
	sample_label(ret, "cipher", key->cipher);
	sample_label(ret, "state", key->state);
	return counted(ret, t->connections, 0);
}

static enum collect collect_verdicts(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	const struct verdict_count *c = series_at(s->verdicts, position);
	const struct verdict_key *key;

	(void)metric;
	if (!c)
		return COLLECT_END;
	key = series_key(s->verdicts, c);
	sample_label(ret, "reporter", reporter_name(key->reporter));
	sample_label(ret, "action", verdicts_action_name(key->verdict));
	sample_label(ret, "policy", key->policy);
	sample_label_format(ret, "rule", "%u", key->rule);
	sample_label(ret, "source_workload", key->source);
	sample_label(ret, "destination_workload", key->target);
	sample_label(ret, "response_flags", verdicts_flag_name(key->verdict));
	return counted(ret, c->verdicts, 0);
}

static enum collect collect_certificates(const struct signals *s, enum metric metric,
					 uint32_t position, struct sample *ret)
{
	const struct certificate *c = series_at(s->certificates, position);

	(void)metric;
	if (!c)
		return COLLECT_END;
	sample_label(ret, "workload", c->identity->workload);
	sample_label(ret, "workload_namespace", c->identity->namespace_);
	sample_label(ret, "side", c->client ? "client" : "server");
	sample_label(ret, "subject", c->subject);
	sample_label(ret, "san", c->san);
	return counted(ret, c->not_after_s > 0 ? (uint64_t)c->not_after_s : 0, 0);
}

/* ---- weft's own health ---- */

static enum collect collect_interfaces(const struct signals *s, enum metric metric,
				       uint32_t position, struct sample *ret)
{
	static const char *const protocols[] = {
#define X(name, text) text,
		HEALTH_FLOW_PROTOCOLS(X)
#undef X
	};
	uint32_t protocol = position % HEALTH_FLOW_PROTOCOL_MAX;
	uint32_t direction = position / HEALTH_FLOW_PROTOCOL_MAX % 2;
	uint32_t n = position / HEALTH_FLOW_PROTOCOL_MAX / 2;
	const struct health_interface *i;

	if (n >= s->health.interface_count)
		return COLLECT_END;
	i = &s->health.interfaces[n];
	sample_label(ret, "interface", i->name);
	sample_label(ret, "direction", direction == WEFT_INGRESS ? "ingress" : "egress");
	sample_label(ret, "protocol", protocols[protocol]);
	return counted(ret,
		       metric == METRIC_INTERFACE_PACKETS ? i->totals[direction][protocol].packets
							  : i->totals[direction][protocol].bytes,
		       0);
}

static enum collect collect_interface_flows(const struct signals *s, enum metric metric,
					    uint32_t position, struct sample *ret)
{
	(void)metric;
	if (position >= s->health.interface_count)
		return COLLECT_END;
	sample_label(ret, "interface", s->health.interfaces[position].name);
	sample_label(ret, "mode", s->health.interfaces[position].mode);
	return counted(ret, s->health.interfaces[position].flows, 0);
}

static uint64_t delivered(const struct observe_counters *o, uint32_t kind)
{
	switch (kind) {
	case 0:
		return o->delivered[WEFT_EVENT_SEGMENT];
	case 1:
		return o->delivered[WEFT_EVENT_MARK];
	case 2:
		return o->delivered[WEFT_EVENT_OPEN] + o->delivered[WEFT_EVENT_CLOSE] +
		       o->delivered[WEFT_EVENT_LISTEN] + o->delivered[WEFT_EVENT_VERDICT];
	default:
		return o->delivered[WEFT_EVENT_SECRET];
	}
}

static enum collect collect_event_kinds(const struct signals *s, enum metric metric,
					uint32_t position, struct sample *ret)
{
	static const struct {
		const char *name;
		enum weft_count seen;
	} kinds[] = {
		{"segment", WEFT_COUNT_SEGMENTS_SEEN},
		{"mark", WEFT_COUNT_MARKS_SEEN},
		{"lifecycle", WEFT_COUNT_LIFECYCLE_SEEN},
		{"secret", WEFT_COUNT_SECRETS_SEEN},
	};

	if (position >= sizeof(kinds) / sizeof(kinds[0]))
		return COLLECT_END;
	sample_label(ret, "kind", kinds[position].name);
	return counted(ret,
		       metric == METRIC_EVENTS_SEEN ? s->health.kernel_counts[kinds[position].seen]
						    : delivered(&s->health.observe, position),
		       0);
}

static enum collect collect_events_lost(const struct signals *s, enum metric metric,
					uint32_t position, struct sample *ret)
{
	static const char *const places[][2] = {
#define X(name, stage, reason, text) {stage, reason},
		WEFT_LOSSES(X)
#undef X
	};

	(void)metric;
	if (position >= WEFT_LOSS_MAX)
		return COLLECT_END;
	sample_label(ret, "stage", places[position][0]);
	sample_label(ret, "reason", places[position][1]);
	return counted(ret, s->health.kernel_lost[position], 0);
}

static const char *const observe_places[][2] = {
#define X(name, stage, reason, text) {stage, reason},
	OBSERVE_LOSSES(X)
#undef X
};

static bool is_undecodable(uint32_t loss)
{
	return !strcmp(observe_places[loss][0], "decode");
}

static enum collect collect_records_lost(const struct signals *s, enum metric metric,
					 uint32_t position, struct sample *ret)
{
	(void)metric;
	if (position >= OBSERVE_LOSS_MAX)
		return COLLECT_END;
	if (is_undecodable(position))
		return COLLECT_SKIP;
	sample_label(ret, "stage", observe_places[position][0]);
	sample_label(ret, "reason", observe_places[position][1]);
	return counted(ret, s->health.observe.lost[position], 0);
}

static enum collect collect_undecodable(const struct signals *s, enum metric metric,
					uint32_t position, struct sample *ret)
{
	(void)metric;
	if (position >= OBSERVE_LOSS_MAX)
		return COLLECT_END;
	if (!is_undecodable(position))
		return COLLECT_SKIP;
	sample_label(ret, "reason", observe_places[position][1]);
	return counted(ret, s->health.observe.lost[position], 0);
}

static enum collect collect_account(const struct signals *s, enum metric metric, uint32_t position,
				    struct sample *ret)
{
	static const char *const compared[] = {
#define X(name, label, text) label,
		OBSERVE_ACCOUNTS(X)};
	static const char *const reasons[] = {OBSERVE_UNACCOUNTED(X)};
#undef X
	bool differences = metric == METRIC_ACCOUNT_DIFFERENCES;

	if (position >= (differences ? OBSERVE_ACCOUNT_MAX : OBSERVE_UNACCOUNTED_MAX))
		return COLLECT_END;
	if (!differences) {
		sample_label(ret, "reason", reasons[position]);
		return counted(ret, s->health.observe.unaccounted[position], 0);
	}
	sample_label(ret, "compared", compared[position]);
	return counted(ret, s->health.observe.differences[position], 0);
}

static enum collect collect_lenient(const struct signals *s, enum metric metric, uint32_t position,
				    struct sample *ret)
{
	static const char *const names[][2] = {
#define X(name, label, ambiguous, text) {label, ambiguous},
		HTTP_LENIENT(X)
#undef X
	};
	static const char *const senders[] = {"client", "server"};
	uint32_t sender = position / HTTP_LENIENT_MAX, form = position % HTTP_LENIENT_MAX;

	(void)metric;
	if (sender >= 2)
		return COLLECT_END;
	sample_label(ret, "sender", senders[sender]);
	sample_label(ret, "form", names[form][0]);
	sample_label(ret, "ambiguous", names[form][1]);
	return counted(ret, s->health.observe.lenient[sender][form], 0);
}

static enum collect collect_capture(const struct signals *s, enum metric metric, uint32_t position,
				    struct sample *ret)
{
	const uint64_t *counts = s->health.kernel_counts;

	if (position)
		return COLLECT_END;
	switch (metric) {
	case METRIC_CAPTURED_PACKETS:
		return counted(ret, counts[WEFT_COUNT_PACKETS], 0);
	case METRIC_CAPTURED_COPIED:
		return counted(ret, counts[WEFT_COUNT_COPIED_BYTES], 0);
	case METRIC_CAPTURED_SKIPPED:
		return counted(ret, counts[WEFT_COUNT_SKIPPED_BYTES], 0);
	case METRIC_CAPTURED_REORDERED:
		return counted(ret, counts[WEFT_COUNT_REORDERED], 0);
	case METRIC_CAPTURED_WHOLE:
		return counted(ret, counts[WEFT_COUNT_FRAMING_LOST], 0);
	default:
		return COLLECT_END;
	}
}

static enum collect collect_redirect(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	const uint64_t *counts = s->health.kernel_counts;

	if (position)
		return COLLECT_END;
	switch (metric) {
	case METRIC_REDIRECT_CONNECTIONS:
		return counted(ret, counts[WEFT_COUNT_REDIRECT_PAIRS], 0);
	case METRIC_REDIRECT_MESSAGES:
		return counted(ret, counts[WEFT_COUNT_REDIRECT_MESSAGES], 0);
	case METRIC_REDIRECT_BYTES:
		return counted(ret, counts[WEFT_COUNT_REDIRECT_BYTES], 0);
	case METRIC_REDIRECT_REFUSED:
		return counted(ret, counts[WEFT_COUNT_REDIRECT_REFUSED], 0);
	default:
		return COLLECT_END;
	}
}

static enum collect collect_returned(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	static const struct {
		const char *reason;
		unsigned count;
	} reasons[] = {{"late", WEFT_COUNT_REDIRECT_LATE},
		       {"full", WEFT_COUNT_REDIRECT_FULL},
		       {"stream", WEFT_COUNT_REDIRECT_STREAM},
		       {"closed", WEFT_COUNT_REDIRECT_CLOSED}};

	(void)metric;
	if (position >= sizeof(reasons) / sizeof(reasons[0]))
		return COLLECT_END;
	sample_label(ret, "reason", reasons[position].reason);
	return counted(ret, s->health.kernel_counts[reasons[position].count], 0);
}

static enum collect collect_probes(const struct signals *s, enum metric metric, uint32_t position,
				   struct sample *ret)
{
	(void)metric;
	if (position >= s->health.probe_count)
		return COLLECT_END;
	sample_label(ret, "probe", s->health.probes[position].name);
	return counted(ret, s->health.probes[position].attached, 0);
}

static enum collect collect_programs(const struct signals *s, enum metric metric, uint32_t position,
				     struct sample *ret)
{
	const struct health_program *p = &s->health.programs[position];

	if (position >= s->health.program_count)
		return COLLECT_END;
	sample_label(ret, "program", p->name);
	return metric == METRIC_BPF_RUNS ? counted(ret, p->runs, 0) : counted(ret, p->run_ns, 9);
}

static enum collect collect_agent(const struct signals *s, enum metric metric, uint32_t position,
				  struct sample *ret)
{
	const struct health *h = &s->health;

	if (position)
		return COLLECT_END;
	switch (metric) {
	case METRIC_OBSERVED_CONNECTIONS:
		return counted(ret, h->observe.connections, 0);
	case METRIC_IDENTITIES:
		return counted(ret, h->observe.identities, 0);
	case METRIC_RING_BYTES:
		return counted(ret, h->ring_bytes, 0);
	case METRIC_RING_WAITING_MAX:
		return counted(ret, h->ring_waiting_max, 0);
	case METRIC_RING_RESCUES:
		return counted(ret, h->ring_rescues, 0);
	case METRIC_READER_LOST:
		return counted(ret, h->reader_lost, 0);
	case METRIC_CLIENTS_ENDED:
		return counted(ret, h->clients_ended, 0);
	case METRIC_PROCESS_CPU:
		return counted(ret, h->process_cpu_ns, 9);
	case METRIC_PROCESS_RSS:
		return counted(ret, h->process_resident_bytes, 0);
	case METRIC_PROCESS_FDS:
		return counted(ret, h->process_open_fds, 0);
	case METRIC_PROCESS_MAX_FDS:
		return counted(ret, h->process_max_fds, 0);
	case METRIC_PROCESS_START:
		return counted(ret, h->process_start_s, 0);
	case METRIC_LOADER_TIME:
		return counted(ret, h->loader_ms, 3);
	default:
		return COLLECT_END;
	}
}

static enum collect collect_tables(const struct signals *s, enum metric metric, uint32_t position,
				   struct sample *ret)
{
	const struct {
		const char *name;
		const struct series *series;
	} tables[] = {
#define X(name, text, where) {text, where},
		SIGNALS_TABLES(X)
#undef X
	};
	const struct series *t;

	if (position >= SIGNALS_TABLE_MAX)
		return COLLECT_END;
	t = tables[position].series;
	sample_label(ret, "table", tables[position].name);
	switch (metric) {
	case METRIC_SERIES:
		return counted(ret, series_count(t), 0);
	case METRIC_SERIES_LIMIT:
		return counted(ret, series_limit(t), 0);
	case METRIC_SERIES_LIMITED:
		return counted(ret, series_counts(t)->limited, 0);
	default:
		return counted(ret, series_counts(t)->expired, 0);
	}
}

enum collect signals_collect(const struct signals *s, enum metric metric, uint32_t position,
			     struct sample *ret)
{
	static enum collect (*const collectors[])(const struct signals *, enum metric, uint32_t,
						  struct sample *) = {
#define X(name, type, text, unit, collector, help) [METRIC_##name] = collect_##collector,
		METRICS(X)
#undef X
	};

	sample_reset(ret);
	return collectors[metric](s, metric, position, ret);
}
