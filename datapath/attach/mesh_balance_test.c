// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to choose, on real connects: 10,000 for each. */
#include "datapath/attach/mesh_world_test.h"

#define CONNECTS 10000
#define VIP	 "10.96.0.1"

static unsigned hits[MAX_ENDPOINTS];

/* One service with |count| endpoints of states 1.. in tier 0. */
static struct weft_mesh_pool *simple_service(uint8_t balance, unsigned count, uint32_t *ret_pool)
{
	struct weft_mesh_pool *p;
	uint32_t service;

	mesh_begin();
	listeners_open(count);
	service_add(1, &service);
	p = pool_add(2, balance, ret_pool);
	for (unsigned i = 0; i < count; i++)
		endpoint_add(p, 0, listener_addr(i), ports[i], i + 1);
	front_add(VIP, 80, IPPROTO_TCP, service, route_add(*ret_pool), 1);
	return p;
}

static void connect_once(const char *bound)
{
	int server = -1, fd = dial_from(SOCK_STREAM, bound, VIP, 80), which;

	if (fd < 0)
		fail_msg("connect: %s", strerror(-fd));
	which = listener_accept(&server);
	assert_true(which >= 0);
	hits[which]++;
	hang_up(fd);
	close(server);
}

static void connect_many(unsigned count)
{
	memset(hits, 0, sizeof(hits));
	for (unsigned i = 0; i < count; i++)
		connect_once(NULL);
}

static void expect_share(unsigned which, double percent, double within)
{
	double share = hits[which] * 100.0 / CONNECTS;

	if (share < percent - within || share > percent + within)
		fail_msg("listener %u: %.2f %% instead of %.2f", which, share, percent);
}

static void test_random(void **state)
{
	uint32_t pool;

	(void)state;
	simple_service(WEFT_BALANCE_RANDOM, 4, &pool);
	mesh_force();
	connect_many(CONNECTS);
	for (unsigned i = 0; i < 4; i++)
		expect_share(i, 25, 2);
}

static void test_round_robin(void **state)
{
	uint32_t pool;

	(void)state;
	simple_service(WEFT_BALANCE_ROUND_ROBIN, 4, &pool);
	mesh_force();
	connect_many(CONNECTS);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(hits[i], CONNECTS / 4);
}

static void test_least(void **state)
{
	enum { HELD = 1000, ENDPOINTS = 7 };
	static int clients[HELD], servers[HELD];
	struct weft_endpoint_state *e = mesh_maps_endpoints(maps) + 1;
	uint32_t pool;

	(void)state;
	simple_service(WEFT_BALANCE_LEAST, ENDPOINTS, &pool);
	mesh_force();
	for (unsigned i = 0; i < CONNECTS; i++) {
		unsigned slot = (unsigned)rand() % HELD, low = ~0u, high = 0;

		if (clients[slot]) {
			hang_up(clients[slot]);
			close(servers[slot]);
			clients[slot] = 0;
		} else {
			clients[slot] = dial(VIP, 80);
			assert_true(clients[slot] > 0);
			assert_true(listener_accept(&servers[slot]) >= 0);
		}
		if (clients[slot] && i < HELD / 2) {
			for (unsigned n = 0; n < ENDPOINTS; n++) {
				low = e[n].connections < low ? e[n].connections : low;
				high = e[n].connections > high ? e[n].connections : high;
			}
		}
	}
	for (unsigned i = 0; i < HELD; i++)
		if (clients[i]) {
			hang_up(clients[i]);
			close(servers[i]);
		}
	for (unsigned n = 0; n < ENDPOINTS; n++)
		assert_int_equal(e[n].connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_least),
	};

	return world_run(tests);
}
