// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The exposition: exact for one request, in every piece size, and checked by promtool. */
#include "control/export/prometheus.h"

#include "control/export/text.h"
#include "control/signals/fixture_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

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

/* The whole exposition, NUL-terminated, read |step| bytes at a time. */
static struct text expose(bool openmetrics, size_t step)
{
	struct prometheus *p = prometheus_new(s, openmetrics);
	struct text all = text_new(64u << 20);
	char chunk[65536];
	long n;

	while ((n = prometheus_read(p, chunk, step)) > 0)
		text_add(&all, chunk, (size_t)n);
	assert_int_equal(n, 0);
	assert_int_equal(prometheus_read(p, chunk, step), 0);
	text_char(&all, 0);
	assert_false(all.failed);
	prometheus_free(p);
	return all;
}

static void assert_has(const struct text *t, const char *line)
{
	if (!strstr(t->data, line))
		fail_msg("not in the exposition: %s", line);
}

#define LABELS                                                                                     \
	"reporter=\"destination\",source_workload=\"curl\",source_canonical_service=\"curl\","     \
	"source_canonical_revision=\"latest\",source_workload_namespace=\"unknown\","              \
	"source_principal=\"unknown\",source_app=\"curl\",source_version=\"latest\","              \
	"source_cluster=\"unknown\",destination_workload=\"nginx\","                               \
	"destination_workload_namespace=\"unknown\",destination_principal=\"unknown\","            \
	"destination_app=\"nginx\",destination_version=\"latest\",destination_service=\"nginx\","  \
	"destination_canonical_service=\"nginx\",destination_canonical_revision=\"latest\","       \
	"destination_service_name=\"nginx\",destination_service_namespace=\"unknown\","            \
	"destination_cluster=\"unknown\","
#define HTTP_LABELS                                                                                \
	LABELS "request_protocol=\"http\",response_code=\"200\",grpc_response_status=\"\","        \
	       "response_flags=\"-\",connection_security_policy=\"none\""
#define TCP_LABELS                                                                                 \
	LABELS "request_protocol=\"tcp\",response_flags=\"-\",connection_security_policy=\"none\""

static void fill(void)
{
	struct connection c = fixture_connection(1, CONNECTION_CLOSED, "tcp");
	struct request r = fixture_request();

	fixture_set(r.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	r.end_ns = r.start_ns + 1234567;
	signals_request(s, &r);
	c.sent_bytes = 4096;
	c.received_bytes = 17;
	signals_connection(s, &c);
}

static void test_text_to_the_letter(void **state)
{
	struct text t;

	(void)state;
	fill();
	t = expose(false, 65536);
	assert_has(&t, "# TYPE istio_requests_total counter\nistio_requests_total{" HTTP_LABELS
		       "} 1\n");
	assert_has(&t, "# TYPE istio_request_duration_milliseconds histogram\n"
		       "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"0.5\"} 0\n"
		       "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"1\"} 0\n"
		       "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"5\"} 1\n");
	assert_has(&t,
		   "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"3600000\"} 1\n"
		   "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"+Inf\"} 1\n"
		   "istio_request_duration_milliseconds_sum{" HTTP_LABELS "} 1.234567\n"
		   "istio_request_duration_milliseconds_count{" HTTP_LABELS "} 1\n");
	assert_has(&t, "istio_response_bytes_sum{" HTTP_LABELS "} 612\n");
	assert_has(&t, "istio_tcp_sent_bytes_total{" TCP_LABELS "} 4096\n");
	assert_has(&t, "istio_tcp_received_bytes_total{" TCP_LABELS "} 17\n");
	assert_has(&t, "istio_build{component=\"weft\",tag=\"unknown\"} 1\n");
	assert_null(strstr(t.data, "# EOF"));
	assert_null(strstr(t.data, "trace_id"));
	text_free(&t);
}

static void test_openmetrics_to_the_letter(void **state)
{
	struct text t;

	(void)state;
	fill();
	t = expose(true, 65536);
	assert_has(&t, "# TYPE istio_requests counter\nistio_requests_total{" HTTP_LABELS "} 1\n");
	assert_has(&t, "# UNIT istio_request_duration_milliseconds milliseconds\n");
	assert_has(&t,
		   "istio_request_duration_milliseconds_bucket{" HTTP_LABELS ",le=\"5.0\"} 1 # "
		   "{trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id=\"b7ad6b7169203331\"} "
		   "1.234567\n");
	assert_string_equal(t.data + t.used - 7, "# EOF\n");
	text_free(&t);
}

static void test_every_piece_size_gives_the_same(void **state)
{
	static const size_t steps[] = {1, 7, 1000, 32768};
	struct text whole;

	(void)state;
	fill();
	whole = expose(true, 65536);
	for (unsigned i = 0; i < 4; i++) {
		struct text t = expose(true, steps[i]);

		assert_int_equal(t.used, whole.used);
		assert_memory_equal(t.data, whole.data, whole.used);
		text_free(&t);
	}
	text_free(&whole);
}

static void test_label_values_are_escaped(void **state)
{
	struct request r = fixture_request();
	struct text t;

	(void)state;
	fixture_set(fixture_server.workload, "a\"b\\c\nd\xff\x1b");
	signals_request(s, &r);
	t = expose(false, 65536);
	assert_has(&t, "destination_workload=\"a\\\"b\\\\c\xef\xbf\xbd"
		       "d\xef\xbf\xbd\xef\xbf\xbd\"");
	text_free(&t);
}

/* Two names that are the same once exported must be one series, or the scrape is refused. */
static void test_names_that_look_equal_are_one_series(void **state)
{
	struct request r = fixture_request();
	struct identity other;
	struct sample sample;

	(void)state;
	fixture_set(fixture_server.workload, "a\x01");
	signals_request(s, &r);
	other = fixture_server;
	other.index = 9;
	fixture_set(other.workload, "a\x02");
	r.destination = &other;
	signals_request(s, &r);
	assert_int_equal(signals_collect(s, METRIC_REQUESTS, 1, &sample), COLLECT_END);
}

static void test_accept(void **state)
{
	(void)state;
	assert_false(prometheus_wants_openmetrics(NULL));
	assert_false(prometheus_wants_openmetrics("*/*"));
	assert_false(prometheus_wants_openmetrics("text/plain"));
	assert_true(prometheus_wants_openmetrics("application/openmetrics-text"));
	assert_true(prometheus_wants_openmetrics(
		"application/openmetrics-text;version=1.0.0,application/"
		"openmetrics-text;version=0.0.1;"
		"q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
	assert_true(prometheus_wants_openmetrics(
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		"text/plain;version=0.0.4;q=0.4"));
	assert_false(prometheus_wants_openmetrics(
		"text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.5"));
	assert_false(prometheus_wants_openmetrics("application/openmetrics-text;q=0"));
	assert_false(prometheus_wants_openmetrics("application/openmetrics-text;version=0.0.1"));
}

static void test_series_are_held_while_read(void **state)
{
	struct prometheus *p;

	(void)state;
	fill();
	p = prometheus_new(s, false);
	signals_tick(s, 100000 * FIXTURE_SECOND);
	assert_int_equal(fixture_sum(s, METRIC_SERIES, "table", "requests"), 1);
	prometheus_free(p);
	signals_tick(s, 100000 * FIXTURE_SECOND);
	assert_int_equal(fixture_sum(s, METRIC_SERIES, "table", "requests"), 0);
}

/* Complaints of promtool about Istio's names, which weft cannot change. */
static const char *const accepted[] = {
	"istio_request_duration_milliseconds use base unit \"seconds\" instead of \"milliseconds\"",
};

static bool is_accepted(const char *line)
{
	for (unsigned i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		if (!strncmp(line, accepted[i], strlen(accepted[i])))
			return true;
	}
	return false;
}

static void test_promtool_has_nothing_to_add(void **state)
{
	char path[] = "/tmp/weft-promtool-XXXXXX", command[128], line[512];
	struct text t;
	FILE *out;
	int fd = -1;

	(void)state;
	if (system("command -v promtool >/dev/null 2>&1")) {
		print_message("promtool is not installed (package prometheus)\n");
		skip();
	}
	fill();
	t = expose(false, 65536);
	fd = mkstemp(path);
	assert_int_equal(write(fd, t.data, t.used - 1), (ssize_t)t.used - 1);
	close(fd);
	text_free(&t);
	snprintf(command, sizeof(command), "promtool check metrics < %s 2>&1", path);
	out = popen(command, "r");
	if (!out)
		abort();
	while (fgets(line, sizeof(line), out)) {
		if (!is_accepted(line))
			fail_msg("promtool: %s", line);
	}
	pclose(out);
	unlink(path);
}

static void test_every_metric_explains_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METRIC_MAX; i++) {
		const struct metric_row *row = &metric_rows[i];
		size_t size = strlen(row->name);
		bool total = size > 6 && !strcmp(row->name + size - 6, "_total");
		const char *unit = strstr(row->name, row->unit);

		assert_true(strlen(row->help) > 10 && row->help[strlen(row->help) - 1] == '.');
		assert_true(total == (row->type == METRIC_COUNTER));
		assert_non_null(unit);
		if (*row->unit)
			assert_true(!strcmp(unit + strlen(row->unit), total ? "_total" : ""));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(row->name, metric_rows[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_text_to_the_letter),
		T(test_openmetrics_to_the_letter),
		T(test_every_piece_size_gives_the_same),
		T(test_label_values_are_escaped),
		T(test_names_that_look_equal_are_one_series),
		T(test_accept),
		T(test_series_are_held_while_read),
		T(test_promtool_has_nothing_to_add),
		T(test_every_metric_explains_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
