// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records to Istio's series and back to Istio's labels (istio.io, reference/config/metrics). */
#include "control/signals/istio.h"

#include "datapath/decode/tls.h"

#include <stdio.h>
#include <string.h>

/* A status may have been sent that was not seen. */
#define GAPS_HIDING_STATUS (REQUEST_GAP(HPACK) | REQUEST_GAP(LOST) | REQUEST_GAP(STATUS))

uint16_t istio_status(const struct request *r)
{
	if (!r->status && r->incomplete & GAPS_HIDING_STATUS)
		return ISTIO_STATUS_UNKNOWN;
	return r->status;
}

static struct istio_key request_key(const struct request *r, const struct workload *source,
				    const struct workload *destination)
{
	return (struct istio_key){
		.source = source->labels_id,
		.destination = destination->labels_id,
		.grpc_status = r->grpc ? r->grpc_status : 0,
		.flags = r->flags,
		.status = istio_status(r),
		.reporter = (uint8_t)r->reporter,
		.protocol = r->grpc ? ISTIO_PROTOCOL_GRPC : ISTIO_PROTOCOL_HTTP,
	};
}

static struct istio_key overflow_key(enum reporter reporter, enum istio_protocol protocol)
{
	return (struct istio_key){
		.flags = ISTIO_FLAGS_OVERFLOW,
		.status = ISTIO_STATUS_OVERFLOW,
		.reporter = (uint8_t)reporter,
		.protocol = (uint8_t)protocol,
	};
}

static bool is_overflow(const struct series *s, const void *value)
{
	const struct istio_key *key = series_key(s, value);

	return key->flags == ISTIO_FLAGS_OVERFLOW;
}

static unsigned add_duration(struct istio_requests *s, const struct request *r)
{
	if (!r->start_ns || r->end_ns < r->start_ns)
		return BUCKETS_MAX;
	return buckets_add(&s->duration, &bounds_milliseconds, r->end_ns - r->start_ns);
}

/* In overflow series the ends are unknown. */
static struct istio_ends ends_of(bool overflow, const struct workload *source,
				 const struct workload *destination, const char *source_principal,
				 const char *destination_principal)
{
	if (overflow)
		return (struct istio_ends){&identity_overflow, &identity_overflow, "overflow",
					   "overflow"};
	return (struct istio_ends){source->identity, destination->identity, source_principal,
				   destination_principal};
}

struct istio_requests *istio_add_request(struct series *requests, struct principals *principals,
					 const struct request *r, const struct workload *source,
					 const struct workload *destination, uint64_t now_ns,
					 unsigned *ret_bucket)
{
	struct principal client =
		principals_get(principals, r->tls ? r->tls->client.spiffe_id : "");
	struct principal server =
		principals_get(principals, r->tls ? r->tls->server.spiffe_id : "");
	struct istio_key key = request_key(r, source, destination);
	struct istio_key overflow = overflow_key(r->reporter, key.protocol);
	struct istio_requests *s;

	key.source_principal = client.id;
	key.destination_principal = server.id;
	s = series_get(requests, &key, &overflow, now_ns);
	if (!s)
		return NULL;
	if (!s->ends.source)
		s->ends = ends_of(is_overflow(requests, s), source, destination, client.text,
				  server.text);
	s->requests++;
	s->request_messages += r->request_messages;
	s->response_messages += r->response_messages;
	*ret_bucket = add_duration(s, r);
	if (r->incomplete & REQUEST_GAP(BODY))
		return s;
	buckets_add(&s->request_bytes, &bounds_bytes, r->request_bytes);
	buckets_add(&s->response_bytes, &bounds_bytes, r->response_bytes);
	return s;
}

struct istio_tcp *istio_tcp_series(struct series *tcp, enum reporter reporter,
				   const struct workload *source,
				   const struct workload *destination, uint32_t flags,
				   uint64_t now_ns)
{
	struct istio_key key = {
		.source = source->labels_id,
		.destination = destination->labels_id,
		.flags = flags,
		.reporter = (uint8_t)reporter,
		.protocol = ISTIO_PROTOCOL_TCP,
	};
	struct istio_key overflow = overflow_key(reporter, ISTIO_PROTOCOL_TCP);
	struct istio_tcp *s = series_get(tcp, &key, &overflow, now_ns);

	if (s && !s->ends.source)
		s->ends = ends_of(is_overflow(tcp, s), source, destination, "unknown", "unknown");
	return s;
}

/* ---- labels ---- */

static void label_status(uint16_t status, struct sample *ret)
{
	if (status == ISTIO_STATUS_UNKNOWN)
		sample_label(ret, "response_code", "unknown");
	else if (status == ISTIO_STATUS_OVERFLOW)
		sample_label(ret, "response_code", "overflow");
	else
		sample_label_format(ret, "response_code", "%u", status);
}

static void label_grpc_status(const struct istio_key *key, struct sample *ret)
{
	if (key->protocol != ISTIO_PROTOCOL_GRPC)
		sample_label(ret, "grpc_response_status", "");
	else if (key->status == ISTIO_STATUS_OVERFLOW)
		sample_label(ret, "grpc_response_status", "overflow");
	else if (key->grpc_status < 0)
		sample_label(ret, "grpc_response_status", "unknown");
	else
		sample_label_format(ret, "grpc_response_status", "%d", key->grpc_status);
}

static void label_flags(uint32_t flags, struct sample *ret)
{
	char text[64] = "";
	size_t used = 0;

#define X(name, flag, help)                                                                        \
	if (flags & RESPONSE_FLAG(name))                                                           \
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s" flag,              \
					 used ? "," : "");
	RESPONSE_FLAGS(X)
#undef X
	if (flags == ISTIO_FLAGS_OVERFLOW)
		sample_label(ret, "response_flags", "overflow");
	else if (!used)
		sample_label(ret, "response_flags", "-");
	else
		sample_label_format(ret, "response_flags", "%s", text);
}

/* The short name of a Kubernetes host ("a" of "a.b.svc.cluster.local"); any other name is returned
 * as it is. */
static void label_service_name(const char *host, struct sample *ret)
{
	const char *dot = strchr(host, '.');

	if (dot && strstr(dot, ".svc"))
		sample_label_format(ret, "destination_service_name", "%.*s", (int)(dot - host),
				    host);
	else
		sample_label(ret, "destination_service_name", host);
}

/* A workload with a namespace gets the cluster: dashboards drop series that have only one of the
 * two. */
static void label_cluster(const struct identity *i, const char *name, const char *cluster,
			  struct sample *ret)
{
	bool known = i != &identity_overflow && strcmp(i->namespace_, "unknown") != 0;

	sample_label(ret, name, known ? cluster : "unknown");
}

static void label_source(const struct istio_ends *ends, const char *cluster, struct sample *ret)
{
	const struct identity *i = ends->source;

	sample_label(ret, "source_workload", i->workload);
	sample_label(ret, "source_canonical_service", i->app);
	sample_label(ret, "source_canonical_revision", i->version);
	sample_label(ret, "source_workload_namespace", i->namespace_);
	sample_label(ret, "source_principal", ends->source_principal);
	sample_label(ret, "source_app", i->app);
	sample_label(ret, "source_version", i->version);
	label_cluster(i, "source_cluster", cluster, ret);
}

static void label_destination(const struct istio_ends *ends, const char *cluster,
			      struct sample *ret)
{
	const struct identity *i = ends->destination;

	sample_label(ret, "destination_workload", i->workload);
	sample_label(ret, "destination_workload_namespace", i->namespace_);
	sample_label(ret, "destination_principal", ends->destination_principal);
	sample_label(ret, "destination_app", i->app);
	sample_label(ret, "destination_version", i->version);
	sample_label(ret, "destination_service", i->service);
	sample_label(ret, "destination_canonical_service", i->app);
	sample_label(ret, "destination_canonical_revision", i->version);
	label_service_name(i->service, ret);
	sample_label(ret, "destination_service_namespace", i->namespace_);
	label_cluster(i, "destination_cluster", cluster, ret);
}

/* Both ends presented a certificate. TLS with one certificate is not mutual TLS;
 * weft_tls_connections_total counts all TLS. */
static void label_security(const struct istio_key *key, bool at_source, struct sample *ret)
{
	bool mutual = key->source_principal && key->destination_principal;

	sample_label(ret, "connection_security_policy",
		     at_source ? "unknown"
		     : mutual  ? "mutual_tls"
			       : "none");
}

void istio_labels(const struct istio_key *key, const char *cluster, const struct istio_ends *ends,
		  struct sample *ret)
{
	static const char *const protocols[] = {
#define X(name, text) text,
		ISTIO_PROTOCOLS(X)
#undef X
	};
	bool at_source = key->reporter == REPORTER_SOURCE;

	sample_label(ret, "reporter", at_source ? "source" : "destination");
	label_source(ends, cluster, ret);
	label_destination(ends, cluster, ret);
	sample_label(ret, "request_protocol", protocols[key->protocol]);
	if (key->protocol != ISTIO_PROTOCOL_TCP) {
		label_status(key->status, ret);
		label_grpc_status(key, ret);
	}
	label_flags(key->flags, ret);
	label_security(key, at_source, ret);
}
