// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory of array maps. */
#include "datapath/attach/mesh/mesh_state.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENDPOINTS_BYTES (WEFT_MESH_ENDPOINTS * sizeof(struct weft_endpoint_state))
#define SERVICES_BYTES	(WEFT_MESH_SERVICES * sizeof(struct weft_service_state))

static size_t round_to_page(size_t bytes)
{
	size_t page = (size_t)getpagesize();

	return (bytes + page - 1) / page * page;
}

static void *map(int fd, size_t bytes, int protection)
{
	void *at = mmap(NULL, round_to_page(bytes), protection, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void unmap(const void *at, size_t bytes)
{
	if (at)
		munmap((void *)at, round_to_page(bytes));
}

void *mesh_arena_map(int fd, uint32_t count)
{
	return map(fd, (size_t)count * WEFT_MESH_CELL_BYTES, PROT_READ | PROT_WRITE);
}

void mesh_arena_unmap(const void *cells, uint32_t count)
{
	unmap(cells, (size_t)count * WEFT_MESH_CELL_BYTES);
}

int mesh_state_open(const struct mesh_lent *lent, struct mesh_state *ret, struct error *err)
{
	struct mesh_state s = {
		.endpoints = map(lent->endpoints_fd, ENDPOINTS_BYTES, PROT_READ | PROT_WRITE),
		.services = map(lent->services_fd, SERVICES_BYTES, PROT_READ | PROT_WRITE),
		.live_cells = lent->live_cells};

	if (!s.endpoints || !s.services) {
		int r = -errno;

		mesh_state_close(&s);
		return error_set(err, r, "cannot map the state of the mesh: %s", strerror(-r));
	}
	if (lent->live_fd >= 0)
		s.live = map(lent->live_fd, (size_t)s.live_cells * WEFT_MESH_CELL_BYTES, PROT_READ);
	*ret = s;
	return 0;
}

void mesh_state_close(struct mesh_state *s)
{
	unmap(s->endpoints, ENDPOINTS_BYTES);
	unmap(s->services, SERVICES_BYTES);
	mesh_arena_unmap(s->live, s->live_cells);
	*s = (struct mesh_state){0};
}
