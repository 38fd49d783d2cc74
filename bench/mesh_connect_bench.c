// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a connect costs with the mesh in force: connect and close over loopback, in turn without a
 * mesh, to an address that is no service's, and to services chosen at random of 100 and of 10,000
 * (ten endpoints each). Medians of blocks in nanoseconds, and the ratio between the two meshes,
 * which is to stay below 1.1. Needs root. Usage: mesh_connect_bench [BLOCKS] */
#include "datapath/attach/core/sandbox_test.h"

#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/mesh/mesh_maps.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#define FEW	   100
#define MANY	   10000
#define ENDPOINTS  10  /* of each service */
#define BLOCK	   200 /* connects */
#define BLOCKS_MAX 1000
#define RATIO_MAX  1.1

enum variant { BARE, OTHER, SERVICE_FEW, SERVICE_MANY, VARIANTS };

static const char *const NAMES[VARIANTS] = {"no mesh in force", "not a service's address",
					    "one of 100 services", "one of 10,000 services"};

static struct mesh_maps *maps;
static int listener;
static uint16_t port;
static uint32_t times[VARIANTS][BLOCKS_MAX];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t vip_of(uint32_t service)
{
	return 0x0a600000u + service; /* 10.96.0.0 */
}

/* ---- arenas */

static void addr_put(uint8_t out[16], uint32_t addr)
{
	addr = htonl(addr);
	memset(out, 0, 16);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, &addr, 4);
}

static void front_put(char (*cells)[WEFT_MESH_CELL_BYTES], const struct weft_mesh_front *front)
{
	const struct weft_mesh_header *h = (void *)cells;
	uint32_t at = weft_hash_key(&front->key, h->seed);
	struct weft_mesh_front *f;

	do
		f = (void *)cells[h->fronts.first + (at++ & h->fronts.mask)];
	while (f->key.kind);
	*f = *front;
}

/* Service, route, pool and endpoints from |cell| on. */
static void service_put(char (*cells)[WEFT_MESH_CELL_BYTES], uint32_t cell, uint32_t number)
{
	struct weft_mesh_front front = {
		.key = {.port = 80, .protocol = IPPROTO_TCP, .kind = WEFT_KEY_FRONT},
		.service = cell,
		.route = cell + 1,
		.routes = 1};
	struct weft_mesh_service *service = (void *)cells[cell];
	struct weft_mesh_route *route = (void *)cells[cell + 1];
	struct weft_mesh_pool *pool = (void *)cells[cell + 2];

	service->state = 2 * number;
	route->splits = 1;
	route->total_weight = 1;
	route->split[0].upper = 1;
	route->split[0].pool = cell + 2;
	pool->first = cell + 3;
	pool->endpoints = ENDPOINTS;
	pool->state = 2 * number + 1;
	pool->tiers = 1;
	pool->tier[0].endpoints = ENDPOINTS;
	for (uint32_t i = 0; i < ENDPOINTS; i++) {
		struct weft_mesh_endpoint *e = (void *)cells[cell + 3 + i];
		uint32_t state = number * ENDPOINTS + i;

		addr_put(e->addr, 0x7f010000u + state % 60000);
		e->port = port;
		e->weight = 1;
		e->state = state;
		e->keep = 0xffffffff;
	}
	addr_put(front.key.addr, vip_of(number));
	front_put(cells, &front);
}

static void mesh_put(uint32_t services)
{
	static uint64_t generation;
	uint32_t buckets = services < 200 ? 256 : 32768;
	uint32_t used = 1 + buckets + services * (3 + ENDPOINTS);
	char(*cells)[WEFT_MESH_CELL_BYTES];
	struct weft_mesh_header *h;
	struct mesh_arena arena;
	struct error err;

	if (mesh_maps_arena_get(maps, used, &arena, &err))
		fail(err.text);
	cells = mesh_arena_map(arena.fd, arena.count);
	if (!cells)
		fail("map");
	memset(cells, 0, (size_t)arena.count * WEFT_MESH_CELL_BYTES);
	h = (void *)cells;
	h->magic = WEFT_MESH_MAGIC;
	h->generation = ++generation;
	h->seed = 1;
	h->cells = used;
	h->fronts = (struct weft_mesh_table){1, buckets - 1};
	h->flags = WEFT_MESH_BALANCES;
	for (uint32_t i = 0; i < services; i++)
		service_put(cells, 1 + buckets + i * (3 + ENDPOINTS), i);
	mesh_arena_unmap(cells, arena.count);
	if (mesh_maps_flip(maps, &err))
		fail(err.text);
}

/* ---- connects */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void listen_start(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (void *)&any, size) || listen(listener, 1024) ||
	    getsockname(listener, (void *)&any, &size))
		fail("listen");
	port = ntohs(any.sin_port);
}

/* Nanoseconds of connect and close. */
static uint64_t connect_once(uint32_t addr, uint16_t to_port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(to_port), .sin_addr.s_addr = htonl(addr)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	struct linger now = {.l_onoff = 1};
	uint64_t start, spent;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	start = now_ns();
	if (connect(fd, (void *)&to, sizeof(to)))
		fail("connect");
	spent = now_ns() - start;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	start = now_ns();
	close(fd);
	spent += now_ns() - start;
	close(server);
	return spent;
}

static void block(enum variant variant, uint32_t *ret_ns)
{
	uint32_t services = variant == SERVICE_FEW ? FEW : MANY;
	uint64_t ns = 0;

	for (int i = 0; i < BLOCK; i++)
		ns += variant >= SERVICE_FEW
			      ? connect_once(vip_of((uint32_t)rand() % services), 80)
			      : connect_once(0x7f010000u + (uint32_t)rand() % 60000, port);
	*ret_ns = (uint32_t)(ns / BLOCK);
}

/* Every variant once, in an order that changes. */
static void round_run(unsigned number)
{
	for (unsigned i = 0; i < VARIANTS; i++) {
		enum variant v = (i + number) % VARIANTS;

		if (v == BARE)
			mesh_maps_clear(maps);
		else
			mesh_put(v == SERVICE_MANY ? MANY : FEW);
		block(v, &times[v][number]); /* warms up */
		block(v, &times[v][number]);
	}
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) -
	       (*(const uint32_t *)a < *(const uint32_t *)b);
}

static uint32_t median(enum variant v, unsigned count)
{
	qsort(times[v], count, sizeof(times[v][0]), by_size);
	return times[v][count / 2];
}

static int report(unsigned blocks)
{
	double ratio;

	for (unsigned v = 0; v < VARIANTS; v++)
		printf("%-24s %6u ns\n", NAMES[v], median(v, blocks));
	ratio = (double)median(SERVICE_MANY, blocks) / median(SERVICE_FEW, blocks);
	printf("10,000 against 100: %.3f (at most %.1f)\n", ratio, RATIO_MAX);
	return ratio > RATIO_MAX ? 3 : 0;
}

int main(int argc, char **argv)
{
	unsigned blocks = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
	struct attach_options options = {.cgroup_path = cgroup_dir, .mesh = true};
	struct attach *attach = NULL;
	struct error err;
	int r;

	if (blocks < 1 || blocks > BLOCKS_MAX)
		return 2;
	if (private_loopback() || !private_cgroup())
		fail("a namespace and a cgroup of its own");
	if (attach_new(&options, &attach, &err) || mesh_maps_new(attach, &maps, &err))
		fail(err.text);
	listen_start();
	for (unsigned i = 0; i < blocks; i++)
		round_run(i);
	r = report(blocks);
	mesh_maps_free(maps);
	attach_free(attach);
	leave_cgroup();
	return r;
}
