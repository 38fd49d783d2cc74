// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records in, series out: sums, labels, connections, edges, bounds. */
#include "control/signals/signals.h"

#include "control/signals/fixture_test.h"
#include "datapath/decode/tls.h"
#include "control/signals/istio.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct signals *s;

static int setup(void **state)
{
	(void)state;
	s = fixture_signals(signals_limits_default());
	return s ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	signals_free(s);
	return 0;
}

/* ---- requests ---- */

static const char label_order[] =
	"reporter source_workload source_canonical_service source_canonical_revision "
	"source_workload_namespace source_principal source_app source_version source_cluster "
	"destination_workload destination_workload_namespace destination_principal destination_app "
	"destination_version destination_service destination_canonical_service "
	"destination_canonical_revision destination_service_name destination_service_namespace "
	"destination_cluster request_protocol response_code grpc_response_status response_flags "
	"connection_security_policy ";

static void test_labels_are_istios_in_istios_order(void **state)
{
	struct request r = fixture_request();
	struct sample sample;
	char names[1024];
	size_t used = 0;

	(void)state;
	signals_request(s, &r);
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 0, &sample), COLLECT_SAMPLE);
	for (unsigned i = 0; i < sample.label_count; i++) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s ",
					 sample.labels[i].name);
		assert_true(*sample.labels[i].value ||
			    !strcmp(sample.labels[i].name, "grpc_response_status"));
	}
	assert_string_equal(names, label_order);
	assert_string_equal(fixture_label(&sample, "request_protocol"), "http");
	assert_string_equal(fixture_label(&sample, "response_code"), "200");
	assert_string_equal(fixture_label(&sample, "response_flags"), "-");
	assert_string_equal(fixture_label(&sample, "connection_security_policy"), "none");
	assert_string_equal(fixture_label(&sample, "destination_service"), "nginx");
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 1, &sample), COLLECT_END);
}

static void test_source_knows_no_security_policy(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	r.reporter = REPORTER_SOURCE;
	r.flags = RESPONSE_FLAG(UC) | RESPONSE_FLAG(UR);
	signals_request(s, &r);
	signals_collect(s, METRIC_REQUESTS, 0, &sample);
	assert_string_equal(fixture_label(&sample, "reporter"), "source");
	assert_string_equal(fixture_label(&sample, "connection_security_policy"), "unknown");
	assert_string_equal(fixture_label(&sample, "response_flags"), "UC,UR");
}

/* A principal is an identity that a certificate proves; mutual TLS means both ends have one. */
static void test_principals_are_proven(void **state)
{
	struct tls_facts both = {.client = {.spiffe_id = "spiffe://m/ns/a/sa/c"},
				 .server = {.spiffe_id = "spiffe://m/ns/a/sa/s"}};
	struct tls_facts one = {.server = {.spiffe_id = "spiffe://m/ns/a/sa/s"}};
	const struct {
		const struct tls_facts *tls;
		const char *source, *destination, *policy;
	} cases[] = {
		{NULL, "unknown", "unknown", "none"},
		{&one, "unknown", "spiffe://m/ns/a/sa/s", "none"},
		{&both, "spiffe://m/ns/a/sa/c", "spiffe://m/ns/a/sa/s", "mutual_tls"},
	};
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.tls = cases[i].tls;
		signals_request(s, &r);
		signals_request(s, &r);
		assert_int_equal(signals_collect(s, METRIC_REQUESTS, i, &sample), COLLECT_SAMPLE);
		assert_string_equal(fixture_label(&sample, "source_principal"), cases[i].source);
		assert_string_equal(fixture_label(&sample, "destination_principal"),
				    cases[i].destination);
		assert_string_equal(fixture_label(&sample, "connection_security_policy"),
				    cases[i].policy);
	}
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 3, &sample), COLLECT_END);
}

/* Kiali drops a series with a known namespace and an unknown cluster. */
static void test_who_has_a_namespace_has_a_cluster(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	fixture_set(fixture_server.namespace_, "shop");
	signals_request(s, &r);
	signals_collect(s, METRIC_REQUESTS, 0, &sample);
	assert_string_equal(fixture_label(&sample, "source_cluster"), "unknown");
	assert_string_equal(fixture_label(&sample, "destination_cluster"), "Kubernetes");
	signals_set_cluster(s, "east");
	signals_collect(s, METRIC_REQUESTS, 0, &sample);
	assert_string_equal(fixture_label(&sample, "destination_cluster"), "east");
}

static void test_kubernetes_hosts_have_short_names(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	fixture_set(fixture_server.service, "web.shop.svc.cluster.local");
	signals_request(s, &r);
	signals_collect(s, METRIC_REQUESTS, 0, &sample);
	assert_string_equal(fixture_label(&sample, "destination_service_name"), "web");
	assert_string_equal(fixture_label(&sample, "destination_service"),
			    "web.shop.svc.cluster.local");
}

static void check_code(struct request r, const char *code, const char *grpc)
{
	struct sample sample;

	signals_request(s, &r);
	for (uint32_t i = 0; signals_collect(s, METRIC_REQUESTS, i, &sample) != COLLECT_END; i++) {
		if (!strcmp(fixture_label(&sample, "response_code"), code) &&
		    !strcmp(fixture_label(&sample, "grpc_response_status"), grpc))
			return;
	}
	fail_msg("no series with response_code %s, grpc_response_status '%s'", code, grpc);
}

static void test_codes_are_right_or_unknown(void **state)
{
	struct request r = fixture_request();

	(void)state;
	r.status = 0;
	check_code(r, "0", "");
	r.incomplete = REQUEST_GAP(HPACK);
	check_code(r, "unknown", "");
	r.incomplete = 0;
	r.status = 200;
	r.grpc = true;
	check_code(r, "200", "unknown");
	r.grpc_status = 0;
	check_code(r, "200", "0");
	r.grpc_status = 14;
	check_code(r, "200", "14");
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS_INCOMPLETE, "reason", "hpack_join"), 1);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS, "request_protocol", "grpc"), 3);
}

static void test_sums_are_exact(void **state)
{
	struct request r = fixture_request();
	uint64_t bytes = 0, duration_ns = 0;
	struct sample sample;

	(void)state;
	for (uint64_t i = 1; i <= 10000; i++) {
		r.response_bytes = i * 997;
		r.end_ns = r.start_ns + i * 12345;
		bytes += r.response_bytes;
		duration_ns += i * 12345;
		signals_request(s, &r);
	}
	signals_collect(s, METRIC_RESPONSE_BYTES, 0, &sample);
	assert_int_equal(sample.buckets->sum, bytes);
	assert_int_equal(sample.buckets->count, 10000);
	signals_collect(s, METRIC_REQUEST_DURATION, 0, &sample);
	assert_int_equal(sample.buckets->sum, duration_ns);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS, NULL, NULL), 10000);
}

/* The size of the response's body is still known; that of the request is counted as Envoy does. */
static void test_cut_uploads_are_summed(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	r.request_bytes = 300;
	r.incomplete = REQUEST_GAP(UPLOAD);
	signals_request(s, &r);
	signals_collect(s, METRIC_RESPONSE_BYTES, 0, &sample);
	assert_int_equal(sample.buckets->sum, r.response_bytes);
	signals_collect(s, METRIC_REQUEST_BYTES, 0, &sample);
	assert_int_equal(sample.buckets->sum, 300);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS_INCOMPLETE, "reason", "upload_cut"), 1);
}

static void test_unknown_times_are_left_out(void **state)
{
	struct request r = fixture_request();

	(void)state;
	r.end_ns = 0;
	r.incomplete = REQUEST_GAP(TIMES);
	signals_request(s, &r);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS, NULL, NULL), 1);
	assert_int_equal(fixture_sum(s, METRIC_REQUEST_DURATION, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS_INCOMPLETE, "reason", "times"), 1);
}

static void test_messages_are_grpcs(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	signals_request(s, &r);
	assert_int_equal(signals_collect(s, METRIC_REQUEST_MESSAGES, 0, &sample), COLLECT_SKIP);
	r.grpc = true;
	r.grpc_status = 0;
	r.request_messages = 3;
	r.response_messages = 5;
	signals_request(s, &r);
	signals_request(s, &r);
	assert_int_equal(fixture_sum(s, METRIC_REQUEST_MESSAGES, NULL, NULL), 6);
	assert_int_equal(fixture_sum(s, METRIC_RESPONSE_MESSAGES, "request_protocol", "grpc"), 10);
}

static void test_equal_labels_make_one_series(void **state)
{
	struct request r = fixture_request();
	struct identity unit = fixture_server;
	struct sample sample;

	(void)state;
	signals_request(s, &r);
	unit.index = 3;
	fixture_set(unit.kind, "unit");
	r.destination = &unit;
	signals_request(s, &r);
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 1, &sample), COLLECT_END);
	fixture_set(unit.version, "v2");
	unit.index = 4;
	struct identity other = unit;
	r.destination = &other;
	signals_request(s, &r);
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 1, &sample), COLLECT_SAMPLE);
	assert_int_equal(signals_collect(s, METRIC_CONNECTIONS_OPEN, 1, &sample), COLLECT_END);
}

static void test_exemplars_stay_in_their_bucket(void **state)
{
	struct request r = fixture_request();
	struct sample sample;

	(void)state;
	fixture_set(r.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	r.end_ns = r.start_ns + 30000000;
	signals_request(s, &r);
	signals_collect(s, METRIC_REQUEST_DURATION, 0, &sample);
	assert_int_equal(sample.exemplars, 1u << 5);
	assert_string_equal(sample.exemplar[5].trace_id, "0af7651916cd43dd8448eb211c80319c");
	assert_string_equal(sample.exemplar[5].span_id, "b7ad6b7169203331");
	assert_int_equal(sample.exemplar[5].value, 30000000);
}

/* ---- bounds ---- */

static void test_overflow_keeps_totals_per_reporter(void **state)
{
	struct signals_limits limits = signals_limits_default();
	struct request r = fixture_request();
	struct signals *small;

	(void)state;
	limits.series = 10;
	small = fixture_signals(limits);
	for (unsigned i = 0; i < 1000; i++) {
		r.status = (uint16_t)(100 + i % 500);
		r.reporter = i % 3 ? REPORTER_SOURCE : REPORTER_DESTINATION;
		r.grpc = i % 7 == 0;
		signals_request(small, &r);
	}
	assert_int_equal(fixture_sum(small, METRIC_REQUESTS, NULL, NULL), 1000);
	assert_int_equal(fixture_sum(small, METRIC_REQUESTS, "reporter", "destination"), 334);
	assert_int_equal(fixture_sum(small, METRIC_REQUESTS, "request_protocol", "grpc"), 143);
	assert_int_equal(fixture_sum(small, METRIC_RESPONSE_BYTES, NULL, NULL), 1000);
	assert_int_equal(fixture_sum(small, METRIC_SERIES, "table", "requests"), 14);
	assert_int_equal(fixture_sum(small, METRIC_SERIES_LIMITED, "table", "requests"),
			 fixture_sum(small, METRIC_REQUESTS, "source_workload", "overflow"));
	signals_free(small);
}

static void test_idle_series_expire_but_not_while_held(void **state)
{
	struct request r = fixture_request();

	(void)state;
	signals_request(s, &r);
	signals_hold(s);
	signals_tick(s, 2000 * FIXTURE_SECOND);
	assert_int_equal(fixture_sum(s, METRIC_SERIES, "table", "requests"), 1);
	signals_release(s);
	signals_tick(s, 2000 * FIXTURE_SECOND);
	assert_int_equal(fixture_sum(s, METRIC_SERIES, "table", "requests"), 0);
	assert_int_equal(fixture_sum(s, METRIC_SERIES_EXPIRED, "table", "requests"), 1);
	assert_int_equal(fixture_sum(s, METRIC_SERIES_EXPIRED, "table", "edges"), 1);
}

static void test_identities_beyond_the_limit_are_overflow(void **state)
{
	struct request r = fixture_request();

	(void)state;
	fixture_server.index = signals_limits_default().identities;
	signals_request(s, &r);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS, "destination_workload", "overflow"), 1);
	assert_int_equal(fixture_sum(s, METRIC_REQUESTS, "source_workload", "curl"), 1);
}

static void test_bad_limits_are_refused(void **state)
{
	struct signals_limits limits = signals_limits_default();
	struct error err = {0};

	(void)state;
	limits.exemplars = 1000;
	assert_null(signals_new(&limits, &err));
	assert_int_equal(err.code, -EINVAL);
}

/* ---- edges ---- */

static void test_edge_of_the_last_seconds(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	for (unsigned second = 100; second < 120; second++) {
		signals_tick(s, second * FIXTURE_SECOND);
		for (unsigned i = 0; i < 50; i++) {
			r.status = i < 5 ? 503 : i < 15 ? 404 : 200;
			r.end_ns = r.start_ns + (i < 45 ? 2000000 : 40000000);
			r.open_from_ns = second * FIXTURE_SECOND;
			r.open_until_ns = r.open_from_ns + r.end_ns - r.start_ns;
			signals_request(s, &r);
		}
	}
	signals_tick(s, 120 * FIXTURE_SECOND);
	assert_true(signals_edge(s, 0, &row));
	assert_false(row.other_side);
	assert_true(row.window_s == 10);
	assert_true(row.request_rate == 50);
	assert_true(fabs(row.error_share - 0.1) < 1e-9);
	assert_true(fabs(row.client_error_share - 0.2) < 1e-9);
	assert_true(fabs(row.p50_ms - 2) < 2 * 0.0443);
	assert_true(fabs(row.p90_ms - 2) < 2 * 0.0443);
	assert_true(fabs(row.p99_ms - 40) < 40 * 0.0443);
	assert_true(row.response_bytes_rate == 50 * 612);
	assert_true(fabs(row.in_flight - (45 * 0.002 + 5 * 0.04)) < 1e-9);
	assert_true(isnan(row.queue.fill));
	assert_int_equal(row.totals->requests, 1000);
	assert_false(signals_edge(s, 1, &row));
	signals_tick(s, 131 * FIXTURE_SECOND);
	signals_edge(s, 0, &row);
	assert_true(row.request_rate == 0 && isnan(row.p50_ms) && isnan(row.error_share));
}

/* Only edges whose requests are all to the agent are its own: a workload may be more than the
 * agent. */
static void test_edges_to_the_agent_itself(void **state)
{
	struct connection c = fixture_connection(1, CONNECTION_OPENED, "http1");
	struct request r = fixture_request();
	struct endpoint own = fixture_server_at;
	struct edge_row row;

	(void)state;
	signals_request(s, &r);
	assert_true(signals_edge(s, 0, &row) && !row.own); /* it has no listener */
	r.reporter = REPORTER_SOURCE;
	memset(own.addr + 12, 0, 4); /* any address */
	signals_set_own(s, &own);
	signals_request(s, &r);
	assert_true(signals_edge(s, 1, &row) && row.own);
	c.reporter = REPORTER_SOURCE;
	signals_connection(s, &c);
	assert_true(signals_edge(s, 1, &row) && row.own);
	fixture_server_at.port++;
	c.id++;
	signals_connection(s, &c);
	assert_true(signals_edge(s, 1, &row) && !row.own);
}

static void test_own_is_a_place(void **state)
{
	struct request r = fixture_request();
	struct endpoint own = fixture_server_at;
	struct edge_row row;

	(void)state;
	signals_set_own(s, &own);
	fixture_server_at.netns_ino++;
	signals_request(s, &r);
	assert_true(signals_edge(s, 0, &row) && !row.own);
	r.reporter = REPORTER_SOURCE;
	fixture_server_at.netns_ino--;
	fixture_server_at.addr[15]++;
	signals_request(s, &r);
	assert_true(signals_edge(s, 1, &row) && !row.own);
}

/* An unknown outcome is no success: it is not part of the share of errors. */
static void test_edges_of_unknown_outcomes(void **state)
{
	struct request grpc = fixture_request(), lost = fixture_request(), fine = fixture_request();
	struct edge_row row;

	(void)state;
	grpc.grpc = true;
	grpc.status = 200;
	grpc.grpc_status = GRPC_STATUS_UNKNOWN;
	lost.status = 0;
	lost.incomplete = REQUEST_GAP(LOST);
	signals_tick(s, 100 * FIXTURE_SECOND);
	signals_request(s, &grpc);
	signals_request(s, &lost);
	signals_tick(s, 101 * FIXTURE_SECOND);
	assert_true(signals_edge(s, 0, &row));
	assert_true(isnan(row.error_share) && isnan(row.client_error_share));
	assert_true(row.unknown_share == 1);
	grpc.status = 502; /* the proxy's own response */
	signals_request(s, &grpc);
	signals_request(s, &fine);
	signals_tick(s, 102 * FIXTURE_SECOND);
	signals_edge(s, 0, &row);
	assert_true(row.error_share == 0.5);
	assert_true(row.unknown_share == 0.5);
	assert_int_equal(row.totals->unknown, 2);
}

static void test_young_edges_are_not_diluted(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		signals_request(s, &r);
	signals_edge(s, 0, &row);
	assert_true(row.window_s == 0 && row.request_rate == 0);
	signals_tick(s, 103 * FIXTURE_SECOND);
	signals_edge(s, 0, &row);
	assert_true(row.window_s == 3 && row.request_rate == 10);
}

static void test_both_sides_of_an_edge(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	signals_request(s, &r);
	r.reporter = REPORTER_SOURCE;
	signals_request(s, &r);
	assert_true(signals_edge(s, 0, &row) && row.other_side);
	assert_true(signals_edge(s, 1, &row) && row.other_side);
}

/* ---- health ---- */

static void test_every_loss_has_one_place(void **state)
{
	struct health *h = calloc(1, sizeof(*h));

	(void)state;
	for (unsigned i = 0; i < WEFT_LOSS_MAX; i++)
		h->kernel_lost[i] = 1;
	for (unsigned i = 0; i < OBSERVE_LOSS_MAX; i++)
		h->observe.lost[i] = 1;
	h->kernel_counts[WEFT_COUNT_SEGMENTS_SEEN] = 12;
	h->observe.delivered[WEFT_EVENT_OPEN] = 2;
	h->observe.delivered[WEFT_EVENT_CLOSE] = 3;
	signals_set_health(s, h);
	assert_int_equal(fixture_sum(s, METRIC_EVENTS_LOST, NULL, NULL), WEFT_LOSS_MAX);
	assert_int_equal(fixture_sum(s, METRIC_RECORDS_LOST, NULL, NULL) +
				 fixture_sum(s, METRIC_UNDECODABLE, NULL, NULL),
			 OBSERVE_LOSS_MAX);
	assert_int_equal(fixture_sum(s, METRIC_EVENTS_SEEN, "kind", "segment"), 12);
	assert_int_equal(fixture_sum(s, METRIC_EVENTS_DELIVERED, "kind", "lifecycle"), 5);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_labels_are_istios_in_istios_order),
		T(test_source_knows_no_security_policy),
		T(test_principals_are_proven),
		T(test_who_has_a_namespace_has_a_cluster),
		T(test_kubernetes_hosts_have_short_names),
		T(test_codes_are_right_or_unknown),
		T(test_sums_are_exact),
		T(test_cut_uploads_are_summed),
		T(test_unknown_times_are_left_out),
		T(test_messages_are_grpcs),
		T(test_equal_labels_make_one_series),
		T(test_exemplars_stay_in_their_bucket),
		T(test_overflow_keeps_totals_per_reporter),
		T(test_idle_series_expire_but_not_while_held),
		T(test_identities_beyond_the_limit_are_overflow),
		T(test_bad_limits_are_refused),
		T(test_edge_of_the_last_seconds),
		T(test_edges_to_the_agent_itself),
		T(test_own_is_a_place),
		T(test_edges_of_unknown_outcomes),
		T(test_young_edges_are_not_diluted),
		T(test_both_sides_of_an_edge),
		T(test_every_loss_has_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
