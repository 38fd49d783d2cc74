// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Saturation: accept queues, what they refuse, and open requests. */
#include "control/signals/signals.h"

#include "control/signals/fixture_test.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static void listen_report(enum listener_phase phase, uint64_t cookie, uint32_t backlog,
			  uint64_t drops)
{
	struct listener l = {.phase = phase,
			     .identity = &fixture_server,
			     .address = fixture_endpoint(2, 80),
			     .backlog = backlog,
			     .backlog_max = 100,
			     .drops = drops};

	l.address.cookie = cookie;
	if (phase == LISTENER_ENDED)
		l.address.port = 0;
	signals_listener(s, &l);
}

static void test_listen_queues(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	signals_request(s, &r);
	listen_report(LISTENER_ALIVE, 1, 40, 2);
	listen_report(LISTENER_ALIVE, 2, 20, 0);
	listen_report(LISTENER_ALIVE, 1, 50, 7);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LENGTH, "port", "80"), 70);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LIMIT, NULL, NULL), 200);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_DROPS, "workload", "nginx"), 7);
	signals_edge(s, 0, &row);
	assert_true(fabs(row.queue.fill - 70. / 202) < 1e-9 && row.queue.drops == 7);
	signals_tick(s, 150 * FIXTURE_SECOND);
	listen_report(LISTENER_ALIVE, 2, 20, 0);
	signals_tick(s, 170 * FIXTURE_SECOND);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LENGTH, NULL, NULL), 20);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_DROPS, NULL, NULL), 7);
}

/* The last refusals are in the record of the end; the report of an earlier walk may arrive after
 * it. */
static void test_listener_ends(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	signals_request(s, &r);
	signals_edge(s, 0, &row);
	assert_true(isnan(row.queue.fill) && !row.queue.known);
	listen_report(LISTENER_BEGAN, 1, 0, 0);
	listen_report(LISTENER_ALIVE, 1, 50, 28);
	listen_report(LISTENER_ENDED, 1, 101, 35);
	listen_report(LISTENER_ALIVE, 1, 60, 30);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LENGTH, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LIMIT, NULL, NULL), 0);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_DROPS, NULL, NULL), 35);
	signals_edge(s, 0, &row);
	assert_true(isnan(row.queue.fill) && row.queue.known && row.queue.drops == 35);
	listen_report(LISTENER_BEGAN, 1, 0, 35); /* it listens again */
	listen_report(LISTENER_ALIVE, 1, 10, 36);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_LENGTH, NULL, NULL), 10);
	assert_int_equal(fixture_sum(s, METRIC_LISTEN_DROPS, NULL, NULL), 36);
}

/* The kernel queues one connection more than the backlog, and then as many as arrive at once. */
static void test_full_queue(void **state)
{
	struct request r = fixture_request();
	struct edge_row row;

	(void)state;
	signals_request(s, &r);
	for (uint32_t backlog = 100; backlog <= 103; backlog++) {
		listen_report(LISTENER_ALIVE, 1, backlog, 0);
		signals_edge(s, 0, &row);
		assert_true(row.queue.fill == fmin(1, backlog / 101.));
	}
}

static double in_flight_at(uint64_t now_ns)
{
	struct edge_row row;

	signals_tick(s, now_ns);
	assert_true(signals_edge(s, 0, &row));
	return row.in_flight;
}

/* 40 requests begin in the middle of a second and stay open for 15; they are reported each second.
 */
static void test_hanging_requests(void **state)
{
	struct request r = fixture_request();
	struct open_request open = {.reporter = r.reporter,
				    .source = r.source,
				    .destination = r.destination,
				    .from_ns = 100 * FIXTURE_SECOND + FIXTURE_SECOND / 2};

	(void)state;
	for (unsigned second = 101; second <= 115; second++) {
		double whole = fmin(10, second - 101);

		open.until_ns = second * FIXTURE_SECOND;
		signals_tick(s, open.until_ns);
		for (unsigned i = 0; i < 40; i++)
			signals_open_request(s, &open);
		assert_true(in_flight_at(open.until_ns + 1) == (whole ? 40 : 0));
		open.from_ns = open.until_ns;
	}
	r.start_ns = 100 * FIXTURE_SECOND + FIXTURE_SECOND / 2;
	r.end_ns = 115 * FIXTURE_SECOND + FIXTURE_SECOND / 2;
	r.open_from_ns = open.from_ns;
	r.open_until_ns = r.end_ns;
	signals_tick(s, r.end_ns);
	for (unsigned i = 0; i < 40; i++)
		signals_request(s, &r);
	assert_true(fabs(in_flight_at(116 * FIXTURE_SECOND) - 38) < 1e-9);
	assert_true(fabs(in_flight_at(121 * FIXTURE_SECOND) - 18) < 1e-9);
	assert_true(in_flight_at(126 * FIXTURE_SECOND) == 0);
}

/* Time reported beyond the end is subtracted; a request older than the window counts for its part
 * of it. */
static void test_open_time_is_placed(void **state)
{
	struct request r = fixture_request();

	(void)state;
	signals_tick(s, 100 * FIXTURE_SECOND);
	r.open_from_ns = r.open_until_ns = 100 * FIXTURE_SECOND;
	signals_request(s, &r);
	signals_tick(s, 110 * FIXTURE_SECOND + 1);
	r.open_from_ns = 5 * FIXTURE_SECOND;
	r.open_until_ns = 109 * FIXTURE_SECOND;
	signals_request(s, &r);
	assert_true(fabs(in_flight_at(110 * FIXTURE_SECOND + 2) - 0.9) < 1e-9);
	r.open_from_ns = 109 * FIXTURE_SECOND;
	r.open_until_ns = 107 * FIXTURE_SECOND;
	signals_request(s, &r);
	assert_true(fabs(in_flight_at(110 * FIXTURE_SECOND + 3) - 0.7) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_listen_queues),	  T(test_listener_ends),       T(test_full_queue),
		T(test_hanging_requests), T(test_open_time_is_placed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
