// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is ejected, for how long, and who is not. */
#include "control/apply/eject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull
#define HOSTS  10

struct world {
	struct eject *eject;
	uint64_t now_ns;
	bool out[64]; /* by state */
	unsigned changes;
	struct eject_change last;
};

static const struct mesh_outlier DEFAULTS = {
	.consecutive_5xx = 5,
	.interval_ms = 10000,
	.base_ejection_ms = 30000,
	.max_ejection_percent = 10,
};

static void listen(void *arg, const struct eject_change *change)
{
	struct world *w = arg;

	w->out[change->state] = change->ejected;
	w->changes++;
	w->last = *change;
}

static const uint8_t *addr(unsigned host)
{
	static uint8_t a[16];

	memset(a, 0, 16);
	a[10] = a[11] = 0xff;
	a[12] = 10;
	a[15] = (uint8_t)host;
	return a;
}

static void generation(struct world *w, const struct mesh_outlier *policy, unsigned hosts)
{
	eject_begin(w->eject);
	eject_service_add(w->eject, 7, policy);
	for (unsigned i = 0; i < hosts; i++)
		eject_host_add(w->eject, addr(i), 80, i + 1);
	eject_commit(w->eject);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->eject = eject_new(64, 1, listen, w);
	w->now_ns = SECOND;
	generation(w, &DEFAULTS, HOSTS);
	eject_tick(w->eject, w->now_ns);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	eject_free(w->eject);
	free(w);
	return 0;
}

static void answer(struct world *w, unsigned host, uint16_t status, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		eject_request(w->eject, addr(host), 80, status, SECOND / 1000, w->now_ns);
}

static void pass(struct world *w, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 10; i++) {
		w->now_ns += SECOND / 10;
		eject_tick(w->eject, w->now_ns);
	}
}

static void five_in_a_row_are_out_and_come_back(void **state)
{
	struct world *w = *state;

	answer(w, 3, 500, 4);
	answer(w, 3, 200, 1);
	answer(w, 3, 500, 4);
	assert_false(w->out[4]);
	answer(w, 3, 503, 1);
	assert_true(w->out[4]);
	assert_int_equal(w->last.reason, EJECT_5XX);
	assert_int_equal(w->last.service, 7);
	assert_int_equal(w->last.until_ns, w->now_ns + 30 * SECOND);
	assert_int_equal(eject_until_ns(w->eject, 4), w->last.until_ns);
	pass(w, 29);
	assert_true(w->out[4]);
	pass(w, 2);
	assert_false(w->out[4]);
	assert_int_equal(eject_counts(w->eject)->active, 0);
}

/* Three endpoints with two ports, and a third of them may be out. */
static void the_share_is_of_each_port(void **state)
{
	struct mesh_outlier policy = DEFAULTS;
	struct world *w = *state;
	unsigned out[2] = {0};

	policy.max_ejection_percent = 34;
	policy.interval_ms = 1000;
	eject_begin(w->eject);
	for (uint16_t port = 80; port < 82; port++) {
		eject_service_add(w->eject, 7, &policy);
		for (unsigned i = 0; i < 3; i++)
			eject_host_add(w->eject, addr(i), port, 10 + i * 2 + port % 2);
	}
	eject_commit(w->eject);
	for (unsigned i = 0; i < 3; i++)
		for (uint16_t port = 80; port < 82; port++)
			for (unsigned n = 0; n < 5; n++)
				eject_request(w->eject, addr(i), port, 500, 0, w->now_ns);
	for (unsigned i = 0; i < 6; i++)
		out[i % 2] += w->out[10 + i];
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], 1);
	assert_int_equal(eject_counts(w->eject)->held_back, 4);
	pass(w, 31 + 2); /* intervals end for both ports: the next ejection is as short as this */
	for (uint16_t port = 80; port < 82; port++) {
		for (unsigned n = 0; n < 5; n++)
			eject_request(w->eject, addr(0), port, 500, 0, w->now_ns);
		assert_int_equal(w->last.until_ns, w->now_ns + 30 * SECOND);
	}
}

static void each_time_it_stays_out_longer(void **state)
{
	struct world *w = *state;

	answer(w, 0, 500, 5);
	pass(w, 31);
	assert_false(w->out[1]);
	answer(w, 0, 500, 5);
	assert_int_equal(w->last.times, 2);
	/* an interval ended while it was back: the number fell by one, at most */
	assert_in_range(w->last.until_ns - w->now_ns, 30 * SECOND, 60 * SECOND);
	for (int i = 0; i < 30; i++) {
		w->now_ns = w->last.until_ns;
		eject_tick(w->eject, w->now_ns);
		answer(w, 0, 500, 5);
	}
	assert_true(w->out[1]);
	assert_true(w->last.until_ns - w->now_ns <= 300 * SECOND);
}

static void no_more_than_the_share_but_always_one(void **state)
{
	struct world *w = *state;
	struct mesh_outlier half = DEFAULTS, none = DEFAULTS;

	answer(w, 0, 500, 5);
	answer(w, 1, 500, 5);
	assert_true(w->out[1]);
	assert_false(w->out[2]);
	assert_int_equal(eject_counts(w->eject)->held_back, 1);
	half.max_ejection_percent = 50;
	generation(w, &half, HOSTS);
	for (unsigned i = 1; i < HOSTS; i++)
		answer(w, i, 500, 5);
	assert_int_equal(eject_counts(w->eject)->active, 5);
	none.max_ejection_percent = 0;
	generation(w, &none, 2);
	pass(w, 31);
	answer(w, 0, 500, 50);
	assert_int_equal(eject_counts(w->eject)->active, 0);
}

static void gateway_errors_count_apart(void **state)
{
	struct world *w = *state;
	struct mesh_outlier p = DEFAULTS;

	p.consecutive_5xx = 0;
	p.consecutive_gateway_errors = 3;
	generation(w, &p, HOSTS);
	answer(w, 2, 500, 50);
	assert_false(w->out[3]);
	answer(w, 2, 502, 2);
	answer(w, 2, 500, 1);
	answer(w, 2, 504, 2);
	assert_false(w->out[3]);
	answer(w, 2, 0, 1);
	assert_true(w->out[3]);
	assert_int_equal(w->last.reason, EJECT_GATEWAY);
}

static void failed_connects_count_as_answers_unless_split(void **state)
{
	struct world *w = *state;
	struct mesh_outlier p = DEFAULTS;

	for (int i = 0; i < 5; i++)
		eject_connect(w->eject, addr(1), 80, false, w->now_ns);
	assert_true(w->out[2]);
	assert_int_equal(w->last.reason, EJECT_5XX);
	p.split_local_origin = true;
	p.consecutive_local_failures = 2;
	p.max_ejection_percent = 100;
	generation(w, &p, HOSTS);
	eject_connect(w->eject, addr(4), 80, false, w->now_ns);
	eject_connect(w->eject, addr(4), 80, true, w->now_ns);
	eject_connect(w->eject, addr(4), 80, false, w->now_ns);
	assert_false(w->out[5]);
	eject_connect(w->eject, addr(4), 80, false, w->now_ns);
	assert_true(w->out[5]);
	assert_int_equal(w->last.reason, EJECT_CONNECT);
}

static void who_stands_out_by_success_rate_is_out(void **state)
{
	struct world *w = *state;
	struct mesh_outlier p = DEFAULTS;

	p.consecutive_5xx = 0;
	p.compare.success_rate_stdev_factor = 1900;
	p.compare.minimum_hosts = 5;
	p.compare.minimum_requests = 100;
	generation(w, &p, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned n = 0; n < 100; n++)
			answer(w, i, i == 6 && n % 2 ? 500 : 200, 1);
	pass(w, 11);
	for (unsigned i = 0; i < HOSTS; i++)
		assert_int_equal(w->out[i + 1], i == 6);
	assert_int_equal(w->last.reason, EJECT_SUCCESS_RATE);
}

static void who_is_slow_against_the_fleet_is_out(void **state)
{
	struct world *w = *state;
	struct mesh_outlier p = DEFAULTS;

	p.compare.latency_factor = 3000;
	p.compare.minimum_hosts = 3;
	p.compare.minimum_requests = 10;
	generation(w, &p, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned n = 0; n < 20; n++)
			eject_request(w->eject, addr(i), 80, 200,
				      (i == 2 ? 40 : 10) * SECOND / 1000, w->now_ns);
	pass(w, 11);
	for (unsigned i = 0; i < HOSTS; i++)
		assert_int_equal(w->out[i + 1], i == 2);
	assert_int_equal(w->last.reason, EJECT_LATENCY);
}

static void a_generation_keeps_who_is_out_and_lets_go_who_is_gone(void **state)
{
	struct world *w = *state;

	answer(w, 9, 500, 5);
	generation(w, &DEFAULTS, HOSTS);
	assert_true(w->out[10]);
	assert_int_equal(eject_counts(w->eject)->active, 1);
	answer(w, 0, 500, 5);
	assert_false(w->out[1]); /* one of ten is out already */
	generation(w, &DEFAULTS, HOSTS - 1);
	assert_false(w->out[10]);
	assert_int_equal(eject_counts(w->eject)->active, 0);
	assert_int_equal(eject_counts(w->eject)->hosts, HOSTS - 1);
}

static void unknown_addresses_change_nothing(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 100; i++)
		eject_request(w->eject, addr(200), 80, 500, 0, w->now_ns);
	eject_request(w->eject, addr(1), 81, 500, 0, w->now_ns);
	assert_int_equal(w->changes, 0);
}

static void beyond_the_bound_is_counted(void **state)
{
	struct world *w = *state;

	generation(w, &DEFAULTS, 70);
	assert_int_equal(eject_counts(w->eject)->hosts, 64);
	assert_int_equal(eject_counts(w->eject)->hosts_left_out, 6);
}

/* Of ten with at least 80 % healthy: the first and second are left, the third is one too many. */
static void connections_are_closed_while_enough_are_healthy(void **state)
{
	struct world *w = *state;
	struct mesh_outlier policy = DEFAULTS;

	policy.max_ejection_percent = 100;
	policy.min_health_percent = 80;
	generation(w, &policy, HOSTS);
	answer(w, 0, 500, 5);
	assert_true(w->out[1] && !w->last.close);
	policy.close_connections = true;
	generation(w, &policy, HOSTS);
	answer(w, 1, 500, 5);
	assert_true(w->out[2] && w->last.close);
	answer(w, 2, 500, 5);
	assert_true(w->out[3] && !w->last.close);
	pass(w, 31);
	assert_false(w->out[1] || w->last.close);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(five_in_a_row_are_out_and_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_share_is_of_each_port, setup, teardown),
		cmocka_unit_test_setup_teardown(each_time_it_stays_out_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_the_share_but_always_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(gateway_errors_count_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_connects_count_as_answers_unless_split,
						setup, teardown),
		cmocka_unit_test_setup_teardown(who_stands_out_by_success_rate_is_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_is_slow_against_the_fleet_is_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_generation_keeps_who_is_out_and_lets_go_who_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_addresses_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_are_closed_while_enough_are_healthy,
						setup, teardown),
		cmocka_unit_test_setup_teardown(beyond_the_bound_is_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
