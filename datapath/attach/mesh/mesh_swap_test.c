// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Generations change under load, and agents come and go: connects see one generation or the other,
 * never none, never a mix. */
#include "datapath/attach/mesh/mesh_world_test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define VIP   "10.96.0.1"
#define FLIPS 400

/* What even generations have and what odd ones have: two pools of two, of which the other
 * generation has the same states at other places. */
static void generation_write(bool odd)
{
	struct weft_mesh_pool *p;
	uint32_t service, pool;

	mesh_begin();
	cells_take(odd ? 100 : 1); /* nothing is where it was */
	service_add(1, &service);
	front_add(VIP, 80, IPPROTO_TCP, service, used, 1);
	route_add(used + 1);
	p = pool_add(2, WEFT_BALANCE_ROUND_ROBIN, &pool);
	for (unsigned i = 0; i < 2; i++) {
		unsigned which = i + (odd ? 2 : 0);

		endpoint_add(p, 0, listener_addr(which), ports[which], which + 1);
	}
}

static atomic_bool flipping;

static void *flip_all(void *arg)
{
	uint64_t *longest_ns = arg;
	struct timespec from, to;

	for (unsigned i = 0; i < FLIPS; i++) {
		uint64_t ns;

		generation_write(i & 1);
		clock_gettime(CLOCK_MONOTONIC, &from);
		mesh_force();
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000u +
		     (uint64_t)(to.tv_nsec - from.tv_nsec);
		*longest_ns = ns > *longest_ns ? ns : *longest_ns;
	}
	flipping = false;
	return NULL;
}

static void test_swap(void **state)
{
	uint64_t connects = 0, longest_ns = 0;
	pthread_t flipper;

	(void)state;
	listeners_open(4);
	generation_write(true);
	mesh_force();
	flipping = true;
	assert_int_equal(pthread_create(&flipper, NULL, flip_all, &longest_ns), 0);
	for (; flipping; connects++) {
		int server = -1, fd = dial(VIP, 80);

		if (fd < 0)
			fail_msg("connect %llu: %s", (unsigned long long)connects, strerror(-fd));
		assert_true(listener_accept(&server) >= 0);
		hang_up(fd);
		close(server);
	}
	pthread_join(flipper, NULL);
	printf("%llu connects during %u flips, the longest flip %.1f ms\n",
	       (unsigned long long)connects, FLIPS, (double)longest_ns / 1e6);
	assert_int_equal(states()->services[1].connections, 0);
	assert_int_equal(states()->services[1].no_endpoint, 0);
}

/* ---- one agent after another */

#define PINS "/mnt/weft"

static struct attach *agent_new(bool mesh, struct mesh_maps **ret_maps)
{
	struct attach_options options = {.cgroup_path = cgroup_dir, .pin_dir = PINS, .mesh = mesh};
	struct attach *a = NULL;
	struct error err = {0};

	if (attach_new(&options, &a, &err))
		fail_msg("%s", err.text);
	if (mesh && mesh_maps_new(a, ret_maps, &err))
		fail_msg("%s", err.text);
	return a;
}

static int reached(void)
{
	int server = -1, fd = dial(VIP, 80), which;

	if (fd < 0)
		return fd;
	which = listener_accept(&server);
	hang_up(fd);
	close(server);
	return which;
}

static void expect_balancing(bool odd)
{
	for (int i = 0; i < 10; i++)
		assert_in_range(reached(), odd ? 2 : 0, odd ? 3 : 1);
}

/* What is in force stays so without an agent, is known to the next one, can be replaced by it, and
 * goes when an agent comes that has no mesh. */
static void test_adopt(void **state)
{
	struct mesh_maps *outer = maps;
	struct attach *a;
	uint64_t generation, connects;

	(void)state;
	mesh_maps_clear(outer);
	listeners_open(4);
	a = agent_new(true, &maps);
	generation_write(true);
	mesh_force();
	generation = mesh_maps_live(maps)->generation;
	mesh_maps_free(maps);
	attach_free(a);
	expect_balancing(true);

	a = agent_new(true, &maps);
	assert_true(attach_adopted(a));
	assert_non_null(mesh_maps_live(maps));
	assert_int_equal(mesh_maps_live(maps)->generation, generation);
	connects = states()->services[1].connects;
	assert_int_equal(connects, 10);
	expect_balancing(true);
	assert_int_equal(states()->services[1].connects, connects + 10);
	generation_write(false);
	mesh_force();
	expect_balancing(false);
	mesh_maps_free(maps);
	attach_free(a);

	a = agent_new(false, NULL);
	assert_true(reached() < 0);
	attach_free(a);
	assert_int_equal(attach_detach(PINS), 0);
	maps = outer;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_adopt),
	};

	return world_run(tests);
}
