/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of the mesh: a network namespace and a cgroup of their own with the kernel half in
 * force for it, arenas written by hand, and listeners to connect to. Needs root. */
#pragma once

#include "datapath/attach/core/sandbox_test.h"

#include <linux/types.h>

#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/mesh/mesh_maps.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRONTS	      64 /* buckets */
#define MAX_ENDPOINTS 256

static struct attach *attach;
static struct reader *reader; /* NULL: no test needs it */
static struct mesh_maps *maps;
static char why_not[300];

/* The state of |maps|. */
static inline const struct mesh_state *states(void)
{
	static struct mesh_state state;
	static const struct mesh_maps *of;
	const struct mesh_lent lent = mesh_maps_lend(maps);
	struct error err;

	if (of == maps)
		return &state;
	mesh_state_close(&state);
	if (mesh_state_open(&lent, &state, &err))
		fail_msg("%s", err.text);
	of = maps;
	return &state;
}

/* ---- an arena by hand: cells are taken one after another */

static struct mesh_arena arena;
static void *cells; /* mapped */
static uint32_t used;

static inline void *cell(uint32_t index)
{
	assert_true(index < arena.count);
	return (char *)cells + (size_t)index * WEFT_MESH_CELL_BYTES;
}

static inline uint32_t cells_take(uint32_t count)
{
	uint32_t first = used;

	used += count;
	return first;
}

static inline struct weft_mesh_header *mesh_begin(void)
{
	static uint64_t generation;
	struct weft_mesh_header *h;
	struct error err;

	mesh_arena_unmap(cells, arena.count);
	if (mesh_maps_arena_get(maps, 16384, &arena, &err))
		fail_msg("%s", err.text);
	cells = mesh_arena_map(arena.fd, arena.count);
	assert_non_null(cells);
	memset(cells, 0, (size_t)arena.count * WEFT_MESH_CELL_BYTES);
	h = cell(0);
	h->magic = WEFT_MESH_MAGIC;
	h->abi_version = WEFT_ABI_VERSION;
	h->generation = ++generation;
	h->seed = 12345;
	used = 1;
	h->fronts = (struct weft_mesh_table){cells_take(FRONTS), FRONTS - 1};
	return h;
}

static inline void mesh_force(void)
{
	struct weft_mesh_header *h = cell(0);
	struct error err;

	h->cells = used;
	if (mesh_maps_flip(maps, &err))
		fail_msg("%s", err.text);
}

static inline void addr_parse(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, out + 12) == 1)
		memset(out + 10, 0xff, 2);
	else
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
}

static inline struct weft_mesh_service *service_add(uint32_t state, uint32_t *ret_cell)
{
	struct weft_mesh_service *s = cell(*ret_cell = cells_take(1));

	s->state = state;
	return s;
}

static inline struct weft_mesh_front *front_add(const char *addr, uint16_t port, uint8_t protocol,
						uint32_t service, uint32_t route, uint32_t routes)
{
	const struct weft_mesh_header *h = cell(0);
	struct weft_mesh_key key = {.port = port, .protocol = protocol, .kind = WEFT_KEY_FRONT};
	struct weft_mesh_front *f;
	uint32_t at;

	addr_parse(addr, key.addr);
	at = weft_hash_key(&key, h->seed);
	while ((f = cell(h->fronts.first + (at & h->fronts.mask)))->key.kind)
		at++;
	*f = (struct weft_mesh_front){.key = key,
				      .service = service,
				      .route = route,
				      .routes = routes,
				      .asks = WEFT_ASKS_ADDR};
	return f;
}

/* All endpoints of a tier are one group. */
static inline void group_make(const struct weft_mesh_pool *p, uint32_t tier)
{
	uint32_t first = p->tier[tier].first, count = p->tier[tier].endpoints, unit = UINT16_MAX;
	struct weft_mesh_endpoint *e = cell(p->first + first);

	for (uint32_t i = 0; i < count; i++)
		unit = e[i].weight < unit ? e[i].weight : unit;
	for (uint32_t i = 0; i < count; i++) {
		e[i].group.first = first;
		e[i].group.endpoints = count;
		e[i].group.unit = unit;
	}
}

/* A pool with no endpoints yet: they come right behind, with endpoint_add. */
static inline struct weft_mesh_pool *pool_add(uint32_t state, uint8_t balance, uint32_t *ret_cell)
{
	struct weft_mesh_pool *p = cell(*ret_cell = cells_take(1));

	p->state = state;
	p->balance = balance;
	p->first = used;
	p->tiers = 1;
	return p;
}

static inline struct weft_mesh_endpoint *endpoint_add(struct weft_mesh_pool *p, uint32_t tier,
						      const char *addr, uint16_t port,
						      uint32_t state)
{
	struct weft_mesh_endpoint *e = cell(used);

	assert_int_equal(cells_take(1), p->first + p->endpoints);
	addr_parse(addr, e->addr);
	e->port = port;
	e->weight = 1;
	e->state = state;
	e->keep = 0xffffffff;
	if (!p->tier[tier].endpoints)
		p->tier[tier].first = p->endpoints;
	p->tier[tier].endpoints++;
	p->tiers = tier + 1 > p->tiers ? (uint8_t)(tier + 1) : p->tiers;
	p->endpoints++;
	group_make(p, tier);
	return e;
}

static inline uint32_t route_add(uint32_t pool)
{
	uint32_t index = cells_take(1);
	struct weft_mesh_route *r = cell(index);

	r->splits = 1;
	r->total_weight = 1;
	r->split[0].upper = 1;
	r->split[0].pool = pool;
	return index;
}

/* ---- listeners 127.0.1.1.. (or ::1, one port each) */

static int listeners[MAX_ENDPOINTS];
static uint16_t ports[MAX_ENDPOINTS];
static unsigned listener_count;

static inline void listener_open(int family)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(any);
	struct sockaddr *addr = family == AF_INET ? (void *)&v4 : (void *)&any;
	unsigned i = listener_count++;

	v4.sin_addr.s_addr = htonl(0x7f000101u + i);
	listeners[i] = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listeners[i], addr, size), 0);
	assert_int_equal(listen(listeners[i], 4096), 0);
	assert_int_equal(getsockname(listeners[i], addr, &size), 0);
	ports[i] = ntohs(family == AF_INET ? v4.sin_port : any.sin6_port);
}

/* No connection: what an earlier test left must not be taken for the next one's. */
static inline void listeners_drain(void)
{
	for (unsigned i = 0; i < listener_count; i++) {
		int fd = -1;

		while ((fd = accept4(listeners[i], NULL, NULL, SOCK_CLOEXEC)) >= 0)
			close(fd);
	}
}

static inline void listeners_open(unsigned count)
{
	listeners_drain();
	while (listener_count < count)
		listener_open(AF_INET);
}

static inline void listeners_close(void)
{
	while (listener_count)
		close(listeners[--listener_count]);
}

static inline const char *listener_addr(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), "127.0.1.%u", i + 1);
	return text;
}

/* Which listener has the connection that was just made; it is accepted into |ret_fd|. The last
 * packet of the handshake may come a little after the client's connect. */
static inline int listener_accept(int *ret_fd)
{
	struct pollfd ready[MAX_ENDPOINTS];

	for (unsigned i = 0; i < listener_count; i++)
		ready[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
	*ret_fd = -1;
	if (poll(ready, listener_count, 1000) <= 0)
		return -1;
	for (unsigned i = 0; i < listener_count; i++) {
		if (!(ready[i].revents & POLLIN))
			continue;
		*ret_fd = accept4(listeners[i], NULL, NULL, SOCK_CLOEXEC);
		return *ret_fd >= 0 ? (int)i : -1;
	}
	return -1;
}

/* ---- life */

static inline void sockaddr_make(const char *addr, uint16_t port, struct sockaddr_storage *out,
				 socklen_t *ret_size)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, addr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_size = sizeof(*v4);
		return;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, addr, &v6->sin6_addr), 1);
	*ret_size = sizeof(*v6);
}

/* A connected socket, or -errno. |bound|: source address, NULL: any. */
static inline int dial_from(int type, const char *bound, const char *addr, uint16_t port)
{
	struct sockaddr_storage to, from;
	socklen_t size, from_size;
	int fd = -1, r;

	sockaddr_make(addr, port, &to, &size);
	fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (bound) {
		sockaddr_make(bound, 0, &from, &from_size);
		assert_int_equal(bind(fd, (void *)&from, from_size), 0);
	}
	if (!connect(fd, (void *)&to, size))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static inline int dial(const char *addr, uint16_t port)
{
	return dial_from(SOCK_STREAM, NULL, addr, port);
}

/* Without TIME_WAIT: ten thousand connections need their ports again. */
static inline void hang_up(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static inline void world_open(void)
{
	struct attach_options options = {.cgroup_path = cgroup_dir, .mesh = true};
	struct error err = {0};

	if (attach_new(&options, &attach, &err) || mesh_maps_new(attach, &maps, &err)) {
		snprintf(why_not, sizeof(why_not), "%s", err.text);
		fprintf(stderr, "%s\n", why_not);
	}
}

static inline void world_close(void)
{
	mesh_maps_free(maps);
	reader_free(reader);
	attach_free(attach);
	leave_cgroup();
}

static inline void test_not_here(void **state)
{
	(void)state;
	printf("skipped: needs root and cgroup v2\n");
	skip();
}

#define world_run(tests) world_run_group(#tests, tests, sizeof(tests) / sizeof(*(tests)))

static inline int world_run_group(const char *name, const struct CMUnitTest *tests, size_t count)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	int failed;

	if (geteuid() || private_loopback() || !private_cgroup())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	world_open();
	failed = why_not[0] ? 1 : _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	world_close();
	return failed;
}
