// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the maps by their pins, and the arena in the slot of weft_mesh. */
#include "datapath/attach/mesh/mesh_read.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static const void *map_memory(int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_pin(const char *build, const char *name)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/%s", build, name);
	return bpf_obj_get(path);
}

bool mesh_read_in_force(const char *build)
{
	cleanup_close int fd = open_pin(build, "weft_mesh");
	__u32 zero = 0, id;

	return fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &id);
}

/* The build whose mesh is in force: there are two while a new one waits for its first
 * generation. */
static void find_build(const char *pin_dir, char *out, size_t size)
{
	cleanup_closedir DIR *dir = opendir(pin_dir);
	struct dirent *entry;
	bool found = false;

	snprintf(out, size, "%s", pin_dir);
	while (dir && !found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "build-", 6) != 0)
			continue;
		snprintf(out, size, "%s/%s", pin_dir, entry->d_name);
		found = mesh_read_in_force(out);
	}
}

static int read_arena(int slot_fd, struct mesh_read *m, struct error *err)
{
	cleanup_close int fd = -1;
	struct bpf_map_info info = {0};
	const struct weft_mesh_header *header;
	__u32 zero = 0, id, size = sizeof(info);

	if (bpf_map_lookup_elem(slot_fd, &zero, &id))
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "cannot read the mesh: %s",
						   strerror(errno));
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &size))
		return error_set(err, -errno, "cannot open the mesh: %s", strerror(errno));
	header = map_memory(fd, (size_t)info.max_entries * WEFT_MESH_CELL_BYTES);
	if (!header)
		return error_set(err, -errno, "cannot map the mesh: %s", strerror(errno));
	m->cells = header;
	m->count = info.max_entries;
	if (header->magic != WEFT_MESH_MAGIC || header->abi_version != WEFT_ABI_VERSION)
		return error_set(err, -EPROTO, "the mesh in force is of another version of weft");
	return 0;
}

static int read_states(const char *build, struct mesh_read *m, struct error *err)
{
	cleanup_close int endpoints = open_pin(build, "weft_endpoints");
	cleanup_close int services = open_pin(build, "weft_services");

	if (endpoints >= 0)
		m->endpoints = map_memory(endpoints, WEFT_MESH_ENDPOINTS * sizeof(*m->endpoints));
	if (services >= 0)
		m->services = map_memory(services, WEFT_MESH_SERVICES * sizeof(*m->services));
	return m->endpoints && m->services
		       ? 0
		       : error_set(err, -ENOENT, "the state of the mesh is not below %s", build);
}

int mesh_read_open(const char *pin_dir, struct mesh_read *ret, struct error *err)
{
	cleanup_close int slot_fd = -1;
	struct mesh_read m = {0};
	char build[512];
	int r;

	find_build(pin_dir, build, sizeof(build));
	slot_fd = open_pin(build, "weft_mesh");
	if (slot_fd < 0)
		return error_set(err, errno == EPERM || errno == EACCES ? -errno : -ENOENT,
				 "no mesh is pinned below %s", pin_dir);
	r = read_arena(slot_fd, &m, err);
	r = r ? r : read_states(build, &m, err);
	if (r)
		mesh_read_close(&m);
	else
		*ret = m;
	return r;
}

bool mesh_read_decides(const char *pin_dir)
{
	const struct weft_mesh_header *header;
	struct mesh_read m = {0};
	bool decides;
	char build[512];

	find_build(pin_dir, build, sizeof(build));
	if (!mesh_read_in_force(build))
		return false;
	if (mesh_read_open(pin_dir, &m, NULL))
		return true;
	header = m.cells;
	decides = header && header->flags & (WEFT_MESH_POLICIES | WEFT_MESH_BALANCES);
	mesh_read_close(&m);
	return decides;
}

void mesh_read_close(struct mesh_read *m)
{
	if (m->cells)
		munmap((void *)m->cells, (size_t)m->count * WEFT_MESH_CELL_BYTES);
	if (m->endpoints)
		munmap((void *)m->endpoints, WEFT_MESH_ENDPOINTS * sizeof(*m->endpoints));
	if (m->services)
		munmap((void *)m->services, WEFT_MESH_SERVICES * sizeof(*m->services));
	*m = (struct mesh_read){0};
}
