// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests are told of once a second while they are open, and with them for how long: the parts add
 * up to the time that they were open. */
#include "datapath/observe/http1_world_test.h"

/* What was told of |reporter|'s open requests. */
static uint64_t told_ns(const struct world *w, enum reporter reporter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->open_request_count; i++)
		if (w->open_requests[i].reporter == reporter)
			sum += w->open_requests[i].until_ns - w->open_requests[i].from_ns;
	return sum;
}

static int64_t rest_ns(const struct request *r)
{
	return (int64_t)(r->open_until_ns - r->open_from_ns);
}

static void test_hanging(void **state)
{
	struct world *w = world_new();
	uint64_t began_ns;

	(void)state;
	world_pair(w);
	world_tick(w, 300 * MS);
	began_ns = w->now_ns;
	world_send(w, false, GET); /* its arrival is not told before the answer */
	for (unsigned i = 0; i < 50; i++)
		world_tick(w, 100 * MS);
	assert_int_equal(w->open_request_count, 2 * 5);
	assert_string_equal(w->open_requests[0].source->workload, "shop");
	assert_string_equal(w->open_requests[0].destination->workload, "nginx");
	for (int reporter = 0; reporter < 2; reporter++)
		assert_int_equal(told_ns(w, reporter), 4700 * MS);
	w->now_ns += 50 * MS;
	world_arrive(w, false);
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(w->request_count, 2);
	for (int reporter = 0; reporter < 2; reporter++)
		assert_int_equal(told_ns(w, reporter) +
					 (uint64_t)rest_ns(world_request(w, reporter, 0)),
				 w->now_ns - began_ns);
	world_tick(w, 5000 * MS);
	assert_int_equal(w->open_request_count, 2 * 5);
	world_free(w);
}

static void test_short(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	for (unsigned i = 0; i < 10; i++) {
		world_tick(w, 150 * MS);
		world_send(w, false, GET);
		world_arrive(w, false);
		w->now_ns += 3 * MS;
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		for (int reporter = 0; reporter < 2; reporter++)
			assert_int_equal(rest_ns(world_request(w, reporter, i)), 3 * MS);
	}
	assert_int_equal(w->open_request_count, 0);
	world_free(w);
}

/* The end was told of late: what was told too much is taken back. */
static void test_told_too_much(void **state)
{
	struct world *w = world_new();
	uint64_t end_ns;

	(void)state;
	world_pair(w);
	world_tick(w, 900 * MS);
	world_send(w, false, GET);
	world_arrive(w, false);
	end_ns = w->now_ns + 40 * MS;
	world_tick(w, 110 * MS);
	assert_int_equal(told_ns(w, REPORTER_SOURCE), 110 * MS);
	w->now_ns = end_ns;
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	assert_int_equal(rest_ns(world_request(w, REPORTER_SOURCE, 0)), -70 * (int64_t)MS);
	world_free(w);
}

static void test_connection_ends(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_tick(w, 200 * MS);
	world_send(w, false, GET);
	world_tick(w, 1000 * MS);
	assert_int_equal(w->open_request_count, 2);
	w->now_ns += 500 * MS;
	world_close(w, false, 0);
	world_close(w, true, 0);
	for (int reporter = 0; reporter < 2; reporter++)
		assert_int_equal(told_ns(w, reporter) +
					 (uint64_t)rest_ns(world_request(w, reporter, 0)),
				 1500 * MS);
	world_tick(w, 1000 * MS);
	assert_int_equal(w->open_request_count, 2);
	world_free(w);
}

static void walk_reports(struct world *w, bool client)
{
	struct weft_close close = world_close_record(w, false, 0);

	close.event.cpu = WEFT_CPU_NONE;
	close.alive = 1;
	close.cookie = client ? CLIENT : 77;
	close.tuple.local_port = client ? close.tuple.local_port : 1234;
	observe_event(w->observe, &close, sizeof(close));
}

/* The record of a close is lost: walks over what lives do not meet the connection any more. */
static void test_close_is_lost(void **state)
{
	struct world *w = world_new();
	uint64_t seconds;

	(void)state;
	world_open(w, false);
	world_tick(w, 200 * MS);
	world_send(w, false, GET);
	walk_reports(w, true);
	for (seconds = 0; seconds < 200; seconds++) {
		world_tick(w, 1000 * MS);
		walk_reports(w, false);
	}
	assert_in_range(told_ns(w, REPORTER_SOURCE), 59000 * MS, 62000 * MS);
	world_free(w);
}

/* No walk has ever met it: those of some kernels do not meet what was not accepted. */
static void test_never_walked(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_open(w, false);
	world_tick(w, 200 * MS);
	world_send(w, false, GET);
	for (unsigned i = 0; i < 200; i++) {
		world_tick(w, 1000 * MS);
		walk_reports(w, false);
	}
	assert_int_equal(told_ns(w, REPORTER_SOURCE), 200000 * MS);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hanging),	      cmocka_unit_test(test_short),
		cmocka_unit_test(test_told_too_much), cmocka_unit_test(test_connection_ends),
		cmocka_unit_test(test_close_is_lost), cmocka_unit_test(test_never_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
