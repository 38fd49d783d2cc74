// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to choose, on real connects: 10,000 for each. */
#include "datapath/attach/mesh/mesh_world_test.h"

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
	front_add(VIP, 80, IPPROTO_TCP, service, used, 1);
	route_add(used + 1);
	p = pool_add(2, balance, ret_pool);
	for (unsigned i = 0; i < count; i++)
		endpoint_add(p, 0, listener_addr(i), ports[i], i + 1);
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

struct held {
	int client;
	int server;
};

static void held_open(struct held *h)
{
	h->client = dial(VIP, 80);
	assert_true(h->client >= 0);
	assert_true(listener_accept(&h->server) >= 0);
}

static void held_close(struct held *h)
{
	hang_up(h->client);
	close(h->server);
}

static unsigned spread(unsigned endpoints)
{
	const struct weft_endpoint_state *e = states()->endpoints + 1;
	unsigned low = ~0u, high = 0;

	for (unsigned i = 0; i < endpoints; i++) {
		low = e[i].connections < low ? e[i].connections : low;
		high = e[i].connections > high ? e[i].connections : high;
	}
	return high - low;
}

/* Ten thousand connections, of which a thousand live at a time. The oldest goes first: who leaves
 * is as even as who came. */
static void test_least(void **state)
{
	enum { HELD = 1000, ENDPOINTS = 7 };
	static struct held held[HELD];
	uint32_t pool;

	(void)state;
	simple_service(WEFT_BALANCE_LEAST, ENDPOINTS, &pool);
	mesh_force();
	for (unsigned i = 0; i < CONNECTS; i++) {
		if (i >= HELD)
			held_close(&held[i % HELD]);
		held_open(&held[i % HELD]);
		assert_true(spread(ENDPOINTS) < 2);
	}
	for (unsigned i = 0; i < HELD; i++)
		held_close(&held[i]);
	assert_int_equal(states()->services[1].connections, 0);
	assert_int_equal(spread(ENDPOINTS), 0);
}

/* Twice the weight, twice the connections. */
static void test_least_weight(void **state)
{
	enum { HELD = 300 };
	static struct held held[HELD];
	struct weft_mesh_pool *p;
	uint32_t pool;

	(void)state;
	p = simple_service(WEFT_BALANCE_LEAST, 2, &pool);
	((struct weft_mesh_endpoint *)cell(p->first))->weight = 2;
	mesh_force();
	for (unsigned i = 0; i < HELD; i++)
		held_open(&held[i]);
	assert_in_range(states()->endpoints[1].connections, 199, 201);
	for (unsigned i = 0; i < HELD; i++)
		held_close(&held[i]);
}

/* Weights 1 and 3 by the alias method: slot 0 keeps half of its choices, the rest goes to slot 1.
 */
static struct weft_mesh_pool *weighted_service(uint8_t balance)
{
	struct weft_mesh_endpoint *e;
	struct weft_mesh_pool *p;
	uint32_t pool;

	p = simple_service(balance, 2, &pool);
	e = cell(p->first);
	e[0].keep = 0x7fffffff;
	e[0].alias = 1;
	e[1].weight = 3;
	return p;
}

/* Where load is equal weights decide: with no connection open, and with few. */
static void test_least_idle(void **state)
{
	static struct held held[3];

	(void)state;
	weighted_service(WEFT_BALANCE_LEAST);
	mesh_force();
	connect_many(CONNECTS);
	expect_share(0, 25, 2);
	for (unsigned i = 0; i < 3; i++)
		held_open(&held[i]);
	memset(hits, 0, sizeof(hits));
	for (unsigned i = 0; i < CONNECTS; i++) {
		held_close(&held[i % 3]);
		held_open(&held[i % 3]);
		hits[states()->endpoints[1].connections > 0]++;
	}
	expect_share(1, 75, 3); /* of four connections one, so of three at a time one in 3 of 4 */
	for (unsigned i = 0; i < 3; i++)
		held_close(&held[i]);
}

/* A group has its share whatever its connections, and shares it out evenly: 60 : 20, 20. */
static void test_least_groups(void **state)
{
	enum { HELD = 400 };
	static struct held held[HELD];
	const struct weft_endpoint_state *now = states()->endpoints + 1;
	struct weft_mesh_endpoint *e;
	uint32_t pool;

	(void)state;
	e = cell(simple_service(WEFT_BALANCE_LEAST, 3, &pool)->first);
	for (unsigned i = 0; i < 3; i++) {
		e[i].group.first = i > 0;
		e[i].group.endpoints = 1 + (i > 0);
		e[i].keep = i ? 0x99999999 : 0xffffffff;
	}
	mesh_force();
	for (unsigned i = 0; i < HELD; i++)
		held_open(&held[i]);
	assert_in_range(now[0].connections, 200, 280);
	assert_in_range(now[1].connections, now[2].connections - 1, now[2].connections + 1);
	for (unsigned i = 0; i < HELD; i++)
		held_close(&held[i]);
}

static void test_random_weight(void **state)
{
	(void)state;
	weighted_service(WEFT_BALANCE_RANDOM);
	mesh_force();
	connect_many(CONNECTS);
	expect_share(0, 25, 2);
}

static void test_round_robin_weight(void **state)
{
	(void)state;
	weighted_service(WEFT_BALANCE_ROUND_ROBIN);
	mesh_force();
	connect_many(CONNECTS);
	expect_share(0, 25, 0.1);
}

static void eject(unsigned state, bool on)
{
	states()->endpoints[state].flags = on ? WEFT_EJECTED : 0;
}

/* No way to choose gives an ejected endpoint, and the others share what it had. */
static void test_ejected(void **state)
{
	uint32_t pool;

	(void)state;
	for (uint8_t balance = WEFT_BALANCE_RANDOM; balance <= WEFT_BALANCE_MAGLEV; balance++) {
		simple_service(balance, 5, &pool);
		mesh_force();
		eject(2, true);
		eject(4, true);
		connect_many(CONNECTS / 10);
		assert_int_equal(hits[1] + hits[3], 0);
		if (balance != WEFT_BALANCE_MAGLEV)
			assert_in_range(hits[0], CONNECTS / 40, CONNECTS / 24);
		eject(2, false);
		eject(4, false);
	}
}

/* Nearly all are ejected: luck alone would not find the one that is left. */
static void test_one_left(void **state)
{
	uint32_t pool;

	(void)state;
	for (uint8_t balance = WEFT_BALANCE_RANDOM; balance <= WEFT_BALANCE_MAGLEV; balance++) {
		simple_service(balance, 200, &pool);
		mesh_force();
		for (unsigned i = 1; i <= 200; i++)
			eject(i, i != 77);
		connect_many(100);
		assert_int_equal(hits[76], 100);
		for (unsigned i = 1; i <= 200; i++)
			eject(i, false);
	}
}

static void test_split(void **state)
{
	uint32_t service, pools[2], route;
	struct weft_mesh_route *r;

	(void)state;
	mesh_begin();
	listeners_open(4);
	service_add(1, &service);
	for (unsigned i = 0; i < 2; i++) {
		struct weft_mesh_pool *p = pool_add(2 + i, WEFT_BALANCE_RANDOM, &pools[i]);

		endpoint_add(p, 0, listener_addr(2 * i), ports[2 * i], 2 * i + 1);
		endpoint_add(p, 0, listener_addr(2 * i + 1), ports[2 * i + 1], 2 * i + 2);
	}
	r = cell(route = route_add(pools[0]));
	r->splits = 2;
	r->total_weight = 100;
	r->split[0].upper = 90;
	r->split[1].upper = 100;
	r->split[1].pool = pools[1];
	front_add(VIP, 80, IPPROTO_TCP, service, route, 1);
	mesh_force();
	connect_many(CONNECTS);
	hits[0] += hits[1];
	expect_share(0, 90, 0.1);
}

/* Ten splits: six in the route's cell, four in the next one, behind a route that is for others. */
static void test_split_many(void **state)
{
	uint32_t service, pool, route;
	struct weft_mesh_route *r;
	struct weft_mesh_front *front;
	struct weft_mesh_step *step;

	(void)state;
	mesh_begin();
	listeners_open(10);
	service_add(1, &service);
	route = cells_take(3);
	r = cell(route + 1);
	r->splits = 10;
	r->more = 1;
	r->total_weight = 10;
	for (unsigned i = 0; i < 10; i++) {
		endpoint_add(pool_add(2 + i, WEFT_BALANCE_RANDOM, &pool), 0, listener_addr(i),
			     ports[i], i + 1);
		r[i / 6].split[i % 6].upper = i + 1;
		r[i / 6].split[i % 6].pool = pool;
	}
	step = cell(cells_take(1));
	step->kind = WEFT_STEP_VERDICT;
	step->action = WEFT_ACTION_ALLOW;
	step->value.verdict.policy = route + 1;
	front = front_add(VIP, 80, IPPROTO_TCP, service, route, 3);
	front->match = used - 1;
	front->asks |= WEFT_ASKS_ROUTE;
	mesh_force();
	connect_many(CONNECTS);
	for (unsigned i = 0; i < 10; i++)
		expect_share(i, 10, 0.1);
}

/* Two tiers of three. */
static struct weft_mesh_pool *tiers(uint8_t min_health_percent)
{
	struct weft_mesh_pool *p;
	uint32_t pool;

	p = simple_service(WEFT_BALANCE_RANDOM, 3, &pool);
	listeners_open(6);
	for (unsigned i = 3; i < 6; i++)
		endpoint_add(p, 1, listener_addr(i), ports[i], i + 1);
	p->min_health_percent = min_health_percent;
	return p;
}

static void test_tiers(void **state)
{
	(void)state;
	tiers(0);
	mesh_force();
	connect_many(300);
	assert_int_equal(hits[0] + hits[1] + hits[2], 300);
	for (unsigned i = 1; i <= 3; i++)
		eject(i, true);
	connect_many(300); /* at once */
	assert_int_equal(hits[3] + hits[4] + hits[5], 300);
	eject(1, false); /* a third of the tier: 46 % of the connections, once that is noticed */
	usleep(20000);
	connect_many(CONNECTS);
	expect_share(0, 46, 2);
	for (unsigned i = 1; i <= 3; i++)
		eject(i, false);
	usleep(20000);
	connect_many(300);
	assert_int_equal(hits[0] + hits[1] + hits[2], 300);
}

/* Fewer than half are healthy: ejection does not count. */
static void test_panic(void **state)
{
	(void)state;
	tiers(50);
	mesh_force();
	for (unsigned i = 1; i <= 4; i++)
		eject(i, true);
	connect_many(CONNECTS);
	for (unsigned i = 0; i < 6; i++)
		expect_share(i, 100 / 6.0, 2.5);
	for (unsigned i = 1; i <= 4; i++)
		eject(i, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	      cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_random_weight), cmocka_unit_test(test_round_robin_weight),
		cmocka_unit_test(test_least),	      cmocka_unit_test(test_least_weight),
		cmocka_unit_test(test_least_idle),    cmocka_unit_test(test_least_groups),
		cmocka_unit_test(test_ejected),	      cmocka_unit_test(test_one_left),
		cmocka_unit_test(test_split),	      cmocka_unit_test(test_split_many),
		cmocka_unit_test(test_tiers),	      cmocka_unit_test(test_panic),
	};

	return world_run(tests);
}
